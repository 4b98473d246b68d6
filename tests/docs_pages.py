"""Pages of the documentation: the blocks in them, and what it takes to run those."""

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuge import ports
from workbook.course import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$(\s*)", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?:port=|_PORT\", \"|main=|http=|127\.0\.0\.1:)(\d{4,5})\b")
LISTENS = re.compile(r"server\(port=(\d+)")
NAMED = re.compile(r"# (\w+\.\w+)\n")
PATIENCE = 30.0  # seconds for a program to listen, or to end


@dataclass
class Block:
    """`shown`: what the page says that comes out, in a block of text right after this one; None if it says nothing."""

    page: Path
    line: int
    language: str
    text: str
    shown: str | None = None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    assert len(re.findall("^```", text, re.MULTILINE)) == 2 * len(FENCED.findall(text)), f"a fence is open in {page}"
    found: list[Block] = []
    end = -1
    for match in FENCED.finditer(text):
        if match[1] == "text" and match.start() == end and found[-1].shown is None:
            found[-1].shown = match[2]
        found.append(Block(page, text[: match.start()].count("\n") + 1, match[1], match[2]))
        end = match.end()
    return found


def all_blocks(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if block.language == language]


class Folder:
    """Where the blocks of one page run: a folder with the examples in it, each port replaced by a free one."""

    def __init__(self, folder: Path, page: Path, given: dict[str, int]) -> None:
        self.folder, self._programs = folder, list[subprocess.Popen[str]]()
        self.names: dict[str, Any] = {"__name__": "docs"}
        files = [path for path in (ROOT / "examples").rglob("*") if path.suffix in (".py", ".yml")]
        texts = {
            path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in files if ".fuge" not in path.parts
        }
        said = NUMBER.findall("\n".join([page.read_text(encoding="utf-8"), *texts.values()]))
        wanted = sorted(set(said) - given.keys())
        self._numbers = given | dict(zip(wanted, ports.free(len(wanted), given.values()), strict=True))
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(self.on_free_ports(text), encoding="utf-8")

    def on_free_ports(self, text: str) -> str:
        return re.sub(r"\b\d{4,5}\b", lambda number: str(self._numbers.get(number[0], number[0])), text)

    def write(self, block: Block) -> None:
        """A file whose name is a comment in its first line."""
        if named := NAMED.match(block.text):
            (self.folder / named[1]).write_text(self.on_free_ports(block.text), encoding="utf-8")

    # Python -----------------------------------------------------------------------------------------------------

    async def run(self, block: Block) -> None:
        """A program in a process of its own; else here, where a page's blocks build on one another."""
        text = self.on_free_ports(block.text)
        if is_program(text):
            said = await asyncio.to_thread(self._start, text)
        else:
            said = await self._execute(block, text)
        self.compare(block, said)

    async def _execute(self, block: Block, text: str) -> str:
        code = compile("\n" * block.line + text, str(block.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            result = eval(code, self.names)
            if inspect.isawaitable(result):
                async with asyncio.timeout(PATIENCE):
                    await result
        return said.getvalue()

    def _start(self, text: str) -> str:
        """A service runs on until the page's end, whatever else ends now. Returns what it has said until then."""
        named = NAMED.match(text)
        file = self.folder / (named[1] if named else f"program{len(self._programs)}.py")
        file.write_text(text, encoding="utf-8")
        pipe = subprocess.PIPE
        program = subprocess.Popen([sys.executable, file.name], cwd=self.folder, stdout=pipe, stderr=pipe, text=True)
        self._programs.append(program)
        listening = [int(number) for number in LISTENS.findall(text)]
        if not listening:
            return finished(program)
        asyncio.run(listens(program, listening))
        return ""

    # Shell ------------------------------------------------------------------------------------------------------

    def shell(self, block: Block, folder: Path) -> None:
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        environment = {name: value for name, value in environment.items() if name not in ("FUGE_PORTS", "FUGE_DATA")}
        text = self.on_free_ports(block.text)
        words = ["bash", "-e", "-c", text]
        done = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, f"{block}: {done}"
        self.compare(block, done.stdout)

    def compare(self, block: Block, said: str) -> None:
        if block.shown is not None:
            assert lines(said) == lines(self.on_free_ports(block.shown)), str(block)

    def close(self) -> None:
        """Each service ends when it is told to, without a complaint."""
        for program in self._programs:
            if program.poll() is None:
                program.terminate()
                finished(program)


def lines(text: str) -> list[str]:
    """Without the ends of lines and of the text, which a page need not keep; runs of spaces depend on ports' widths."""
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def is_program(text: str) -> bool:
    """Whether it runs an event loop of its own."""
    calls = [node.value.func for node in ast.parse(text).body if is_call(node)]
    return any(isinstance(each, ast.Name) and each.id == "run" for each in calls)


def is_call(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def finished(program: "subprocess.Popen[str]") -> str:
    said, complaints = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0, complaints
    assert complaints == ""
    return said


async def listens(program: "subprocess.Popen[str]", numbers: list[int]) -> None:
    async with asyncio.timeout(PATIENCE):
        while any(ports.is_free(number) for number in numbers):
            if program.poll() is not None:
                finished(program)
                raise AssertionError("the program ended, and was to listen")
            await asyncio.sleep(0.02)


# Tables ---------------------------------------------------------------------------------------------------------


def rows(page: str, heading: str) -> Iterator[list[str]]:
    """The cells of the table below a heading, without backticks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"{page} has no {heading}"
    table = re.search(r"(?:^\|.*\n)+", rest, re.MULTILINE)
    assert table, f"no table below {heading}"
    for line in table[0].splitlines()[2:]:
        yield [cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")]
