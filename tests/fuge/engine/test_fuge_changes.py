"""Folders are watched even where the system can tell of no more."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import watchfiles
from helpers import wait_until

from fuge.engine import changes
from fuge.engine.changes import Changes


def limited(*folders: Path, force_polling: bool | None, **options: Any) -> Iterator[Any]:
    """As `watch` on a system whose limit of watched folders is reached."""
    if not force_polling:
        raise OSError(28, "No space left on device")
    return watchfiles.watch(*folders, force_polling=True, **options)


async def test_folders_beyond_the_limit_of_the_system_are_looked_at_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "watch", limited)
    heard: list[Path] = []
    complaints: list[str] = []

    def hear(edited: Sequence[Path], others: Sequence[Path]) -> None:
        heard.extend([*edited, *others])

    watching = Changes(hear, complaints.append)
    watching.watch([tmp_path])
    await watching.begun()
    (tmp_path / "main.py").write_text("x = 1")
    assert await asyncio.to_thread(wait_until, lambda: tmp_path / "main.py" in heard)
    watching.close()
    (complaint,) = complaints
    assert "No space left on device" in complaint
    assert "looked at several times a second" in complaint


async def test_folders_may_be_named_again_or_be_none(tmp_path: Path) -> None:
    heard: list[Path] = []
    watching = Changes(lambda edited, others: heard.extend(others), print)
    watching.watch([tmp_path])
    await watching.begun()
    watching.watch([tmp_path])
    await watching.begun()
    (tmp_path / "new.py").write_text("")
    assert await asyncio.to_thread(wait_until, lambda: heard == [tmp_path / "new.py"])
    watching.watch([])
    await watching.begun()
    watching.close()
