"""Exercises: each a folder notebooks/exercises/NN-name/K-name/ with check.py, hints.md and solution.diff.

check.py says in its first line what the exercise is, and holds `check(system)`, which raises NotYet as long
as the running system does not behave as the exercise asks. It looks at behaviour, never at source text.
"""

import ast
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from workbook.browser import Answer
from workbook.course import ROOT, Chapter
from workbook.errors import WorkbookError
from workbook.system import System

FOLDER = ROOT / "notebooks" / "exercises"


class NotYet(Exception):
    """The system does not do what the exercise asks; the text says what was expected and what was found."""


@dataclass(frozen=True)
class Exercise:
    chapter: Chapter
    folder: Path

    @property
    def number(self) -> int:
        return int(self.folder.name.split("-")[0])

    @property
    def title(self) -> str:
        text = ast.get_docstring(ast.parse((self.folder / "check.py").read_text(encoding="utf-8"))) or ""
        return text.partition("\n")[0].rstrip(".")

    @property
    def solution(self) -> Path:
        """A patch on top of the chapter's step."""
        return self.folder / "solution.diff"

    @property
    def hints(self) -> list[str]:
        text = (self.folder / "hints.md").read_text(encoding="utf-8")
        return [part.strip() for part in text.split("\n---\n")]

    def verify(self, micro: Path) -> None:
        """Start the system in `micro` and check it. Raises NotYet, or WorkbookError if it does not start."""
        check: Callable[[System], None] = runpy.run_path(str(self.folder / "check.py"))["check"]
        with System(micro, self.chapter) as system:
            check(system)

    def result(self, micro: Path) -> tuple[bool, str]:
        """Whether the system in `micro` solves the exercise, and the text that says so or says what is missing."""
        try:
            self.verify(micro)
        except (NotYet, WorkbookError) as problem:
            return False, f"[not yet] Exercise {self.number}: {self.title}\n{problem}"
        return True, f"[solved] Exercise {self.number}: {self.title}"

    def hint(self, level: int | str = 1) -> str:
        if level == "solution":
            return self.solution.read_text(encoding="utf-8")
        hints = self.hints
        if not (str(level).isdecimal() and 1 <= int(level) <= len(hints)):
            raise WorkbookError(f"expected a hint from 1 to {len(hints)}, or solution; found {level!r}")
        position = int(level)
        after = str(position + 1) if position < len(hints) else "solution"
        command = f"workbook hint {self.chapter.number} {self.number} {after}"
        return f"{hints[position - 1]}\n(Next: `{command}`)"


def of(chapter: Chapter) -> list[Exercise]:
    folders = sorted((FOLDER / chapter.slug).glob("[0-9]*-*"))
    return [Exercise(chapter, folder) for folder in folders]


def find(chapter: Chapter, number: int | str) -> Exercise:
    for exercise in of(chapter):
        if str(exercise.number) == str(number):
            return exercise
    known = ", ".join(str(exercise.number) for exercise in of(chapter)) or "none"
    raise WorkbookError(f"{chapter} has no exercise {number}; it has: {known}")


def expect(question: str, answer: Answer, status: int, text: str | None = None, contains: str = "") -> None:
    """Raise NotYet unless the answer has this status and text (or has `contains` in its text)."""
    wanted = f"{status}" + (f" with the text {text!r}" if text is not None else "")
    wanted += f" with {contains!r} in it" if contains else ""
    right = answer.status == status and text in (None, answer.text) and contains in answer.text
    if not right:
        not_yet(f"{question}: expected {wanted}, found {answer.status} with {shorten(answer.shown)!r}")


def not_yet(text: str) -> NoReturn:
    raise NotYet(text)


def shorten(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
