"""Real text in; a System, or the exact lines of its faults, out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from fuge.errors import ConfigError
from fuge.plan import config
from fuge.plan.system import System

Load = Callable[..., System]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a text as the fuge.yml of a folder, which is the current one."""
    monkeypatch.chdir(tmp_path)

    def load(
        text: str | bytes, environment: Mapping[str, str] | None = None, ports: Mapping[str, int] | None = None
    ) -> System:
        content = text if isinstance(text, bytes) else dedent(text).encode()
        Path("fuge.yml").write_bytes(content)
        return config.load(Path("fuge.yml"), environment or {}, ports)

    return load


@pytest.fixture
def faults(load: Load) -> Callable[..., list[str]]:
    """The lines of the error that a text gives; none if it is fine."""

    def faults(*arguments: object, **named: object) -> list[str]:
        try:
            load(*arguments, **named)
        except ConfigError as error:
            return str(error).split("\n")
        return []

    return faults


@pytest.fixture
def service_faults(faults: Callable[..., list[str]]) -> Callable[[str], list[str]]:
    """The faults of lines that stand in a process `a` with the port `main`, from line 5 and column 3 on."""

    def service_faults(lines: str) -> list[str]:
        return faults("a:\n  type: process\n  run: x\n  ports: [main=8080]\n" + indented(lines))

    return service_faults


def indented(lines: str) -> str:
    return "".join(f"  {line}\n" for line in lines.split("\n"))
