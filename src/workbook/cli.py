"""The command line: workbook list | run | test | diff | start | check | hint | doctor, and three for authors."""

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from workbook import course
from workbook.course import ROOT
from workbook.errors import WorkbookError

# Every command imports what it needs when it runs: `make run` must not wait for what only authors use.


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        code = int(options.command(options) or 0)
        sys.stdout.flush()
        return code
    except WorkbookError as error:
        print(f"workbook: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nworkbook: interrupted", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        print(f"workbook: {error.name} is not installed: `make test` installs what this needs", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="workbook", description="The course's own tool.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, about: str, *arguments: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(command=globals()[f"{name}_command"])
        for argument in arguments:
            optional = argument.endswith("?")
            command.add_argument(
                argument.rstrip("?"), nargs="?" if optional else None, metavar=argument.rstrip("?").upper()
            )
        return command

    add("list", "Show the chapters.")
    add("run", "Start the system of a chapter (the newest by default); Ctrl-C stops it.", "chapter?")
    add("test", "Check the code and run all tests, or only those that belong to one chapter.", "chapter?")
    add("diff", "Show what changes from one step to another, and why.", "old", "new")
    add("start", "Lay out micro/ as a chapter finds it; an existing one is kept as a backup.", "chapter").add_argument(
        "--done", action="store_true", help="as the chapter ends, to begin with its exercises"
    )
    add("check", "Say what of micro/ differs from the end of a chapter, and which exercises it solves.", "chapter")
    add("hint", "Show a hint for an exercise: level 1, 2, ..., at last `solution`.", "chapter", "exercise", "level?")
    add("doctor", "Explain this machine: what is there, what is missing, what to do.")
    add("execute", "For authors: run notebooks from their first cell and store the outputs.").add_argument(
        "chapters", nargs="*", metavar="CHAPTER"
    )
    add("forward", "For authors: carry a fix in one step's file into all later steps.", "recipe", "file").add_argument(
        "--base", default="HEAD", metavar="COMMIT", help="the commit before the fix (default: HEAD)"
    )
    add("picture", "For authors: print the architecture as SVG: after a recipe, or of the whole course.", "recipe?")
    return top


def chosen(options: argparse.Namespace) -> course.Chapter:
    return course.chapter(options.chapter) if options.chapter else course.newest()


def micro_folder() -> Path:
    return ROOT / "notebooks" / "micro"


def list_command(_: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "chapter", "what it teaches", "run its system", box=None, pad_edge=False)
    for each in course.chapters():
        table.add_row(each.slug, each.title, each.teaches, f"make run STEP={each.number}")
    Console().print(table)


def run_command(options: argparse.Namespace) -> int:
    from workbook import ports

    os.environ.update(ports.environment(ports.chosen()))
    command = [sys.executable, str(chosen(options).step / "run.py")]
    if os.name == "posix":
        os.execv(command[0], command)
    return subprocess.call(command)


def test_command(options: argparse.Namespace) -> int:
    checks = [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]]
    tests = ["pytest", f"--numprocesses={workers()}", "--dist=loadgroup", "--no-loadscope-reorder"]
    if options.chapter:
        checks, tests = [], [*tests, "--step", chosen(options).number]
    for needed in ("pytest", "xdist", "nbval", "ruff", "mypy"):
        importlib.import_module(needed)
    for command in [*checks, tests]:
        print(f"$ {' '.join(command)}", flush=True)
        code = subprocess.call([sys.executable, "-m", *command], cwd=ROOT)
        if code:
            return code
    return 0


def workers() -> int:
    """How many tests run at a time, each with processes of its own: more would only wait for the processor."""
    return min(4, os.cpu_count() or 1)


def diff_command(options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.syntax import Syntax

    from workbook import diff

    text = diff.as_text(course.recipe(options.old), course.recipe(options.new))
    console = Console()
    if console.is_terminal:
        console.print(Syntax(text, "diff", background_color="default", word_wrap=True))
    else:
        print(text, end="")


def start_command(options: argparse.Namespace) -> None:
    from workbook import micro

    print(micro.begin(chosen(options), micro_folder(), options.done))


def check_command(options: argparse.Namespace) -> int:
    from workbook import exercises, micro

    chapter = chosen(options)
    different = micro.differences(chapter, micro_folder())
    results = [exercise.result(micro_folder()) for exercise in exercises.of(chapter)]
    if not different:
        print(f"notebooks/micro/ is the system at the end of {chapter}.")
    elif any(passed for passed, _ in results):
        print(f"notebooks/micro/ differs from the end of {chapter}, as it must with your solutions:")
    else:
        print(f"notebooks/micro/ is not the system at the end of {chapter}:")
    for name, how in different.items():
        print(f"  {how:12} {name}")
    for _, text in results:
        print(text)
    return 0 if all(passed for passed, _ in results) else 1


def hint_command(options: argparse.Namespace) -> None:
    from workbook import exercises

    print(exercises.find(chosen(options), options.exercise).hint(options.level or 1))


def doctor_command(_: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.text import Text

    from workbook import doctor

    colours = {"ok": "green", "absent": "yellow", "problem": "bold red"}
    console = Console(soft_wrap=True)
    found = list(doctor.findings())
    for each in found:
        console.print(Text.assemble((f"{each.state:8}", colours[each.state]), f"{each.subject}: {each.found}"))
        if each.advice:
            console.print(Text(f"        {each.advice}", "dim"))
    return 1 if any(each.state == "problem" for each in found) else 0


def execute_command(options: argparse.Namespace) -> None:
    from workbook import execute, lint

    for chapter in [course.chapter(number) for number in options.chapters] or course.chapters():
        changed = execute.execute(chapter)
        print(f"{'stored' if changed else 'unchanged':9} notebooks/{chapter.notebook.name}", flush=True)
        lint.require(chapter.notebook)


def forward_command(options: argparse.Namespace) -> None:
    from workbook import forward

    for line in forward.forward(course.recipe(options.recipe), options.file, options.base):
        print(line)


def picture_command(options: argparse.Namespace) -> None:
    from workbook import pictures

    print(pictures.architecture(course.recipe(options.recipe)) if options.recipe else pictures.finished(), end="")
