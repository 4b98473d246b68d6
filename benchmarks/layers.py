"""In which layers a Python process spends its time, as py-spy sees it from outside.

A sample counts for the innermost layer that is at work. Code that is no layer of its own, such as the standard library
but for asyncio, counts as that which has called it, and so do calls into C and the system.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Self

RATE = 400  # samples a second
PATIENCE = 60.0  # seconds for py-spy to end
PACKAGES = {
    "aiohttp_jinja2": "templates",
    "jinja2": "templates",
    "markupsafe": "templates",
    "aiohttp": "aiohttp",
    "aiosignal": "aiohttp",
    "multidict": "aiohttp",
    "yarl": "aiohttp",
    "redis": "redis",
    "pymongo": "pymongo",
    "bson": "pymongo",
    "asyncio": "asyncio",
    "uvloop": "asyncio",
    "msgspec": "JSON",
    "json": "JSON",
    "concordant": "concordant",
    "mu": "mu",
}
OTHERS = "event loop and system"


class Layers:
    """`with Layers(pid, seconds) as layers:` looks at the process for so long; `layers.counts` has what it saw then."""

    def __init__(self, pid: int, seconds: float, own: Path | None = None) -> None:
        self._pid, self._seconds, self._own = pid, seconds, own
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name, "stacks")
        looks = ("--rate", str(RATE), "--duration", str(max(1, round(self._seconds))), "--pid", str(self._pid))
        command = [Path(sys.executable).with_name("py-spy"), "record", "--format", "raw", "--full-filenames", *looks]
        self._spy = subprocess.Popen(
            [*command, "--output", self._file], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        with self._folder:
            _, said = self._spy.communicate(timeout=self._seconds + PATIENCE)
            if self._spy.returncode or not self._file.exists():
                sys.exit(f"expected py-spy to look into process {self._pid}, found: {said.strip()}")
            for line in self._file.read_text(encoding="utf-8").splitlines():
                stack, _, count = line.rpartition(" ")
                self.counts[layer(stack, self._own)] += int(count)

    def tell(self, title: str) -> None:
        total = sum(self.counts.values())
        print(f"\n{title} ({total:,} samples)")
        for name, count in self.counts.most_common():
            if count >= total / 200:
                print(f"{name:30}{count / total:8.1%}")


def layer(stack: str, own: Path | None) -> str:
    """Of frames "function (file:line)", separated by ";"; the innermost comes last. `own`: a folder that is one too."""
    for frame in reversed(stack.split(";")):
        file = frame.rpartition(" (")[2].rpartition(":")[0]
        if found := layer_of(Path(file), own):
            return found
    return OTHERS


def layer_of(file: Path, own: Path | None) -> str:
    """Empty for what is none. That of mu is told by its module."""
    if file.suffix == ".html":
        return "templates"
    folders = file.parts[:-1]
    for index in range(len(folders) - 1, -1, -1):
        if found := PACKAGES.get(folders[index]):
            return " ".join(["mu", *folders[index + 1 :], file.stem]) if found == "mu" else found
    return "the step's own code" if own and file.is_relative_to(own) else ""
