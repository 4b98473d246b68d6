"""A fuge.yml in, what an export makes of it out."""

from pathlib import Path
from textwrap import dedent

import pytest
from fuge_exports import Export, Made

from fuge.export import engines
from fuge.export.naming import Images
from fuge.plan import config


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Exports a text as the fuge.yml of the folder `shop`, or a file that is there."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def export(text: str | Path, kind: str, images: Images | None = None, **environment: str) -> Made:
        file = text if isinstance(text, Path) else folder / "fuge.yml"
        if isinstance(text, str):
            file.write_text(dedent(text), encoding="utf-8")
        document, system = config.read(file, environment)
        output, notes = engines.export(document, system, kind, images or Images())
        return Made(output, [note.text(file) for note in notes])

    return export
