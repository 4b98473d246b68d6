"""What the cells of a notebook call. Each function shows what it did; there is nothing to keep track of."""

import difflib
import importlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

from IPython.display import display

from fuge import load
from workbook import browser, cells, course, databases, exercises, micro, node, pictures, ports, terminal
from workbook import system_picture as system_pictures
from workbook.course import Recipe
from workbook.errors import WorkbookError
from workbook.terminal import Terminal

__all__ = [
    "begin",
    "check",
    "docker_engine",
    "edit",
    "fuge_shell",
    "get",
    "hint",
    "kill",
    "module",
    "node_modules",
    "open_terminal",
    "output",
    "page",
    "picture",
    "port",
    "post",
    "press_ctrl_c",
    "remove",
    "rename",
    "run",
    "start_database",
    "stop_all",
    "system_picture",
    "url",
]

MICRO = Path(micro.NAME)
PATIENCE = 20  # seconds for a command to show what is waited for
_begun: list[Recipe] = []


def begin(number: str) -> None:
    """Lay out the folder micro/ as recipe `number` finds it."""
    stop_all()
    os.environ.update(ports.environment(ports.chosen()))
    _begun[:] = [course.recipe(number)]
    print(micro.begin(_begun[0], MICRO))


def begun() -> Recipe:
    if not _begun:
        raise WorkbookError("run the cell with begin(...) first")
    return _begun[0]


def port(service: str) -> int:
    """The port of a service of this recipe: its usual one, unless the environment names another."""
    usual = begun().ports
    if service not in usual:
        raise WorkbookError(f"recipe {begun().number} has no service {service!r}; it has {', '.join(usual)}")
    return ports.configured(service, usual[service])


def url(service: str) -> str:
    """Where a service of this recipe is reached over HTTP."""
    return f"http://{ports.HOST}:{port(service)}"


def open_terminal(command: str, until: str, folder: str = ".") -> Terminal:
    """Run a command in micro/ (or in a folder of it) and show its output up to the line that begins with `until`."""
    runs_already = any(other.command == command and other.cwd == MICRO / folder for other in terminal.open_terminals)
    window = Terminal(command, MICRO / folder)
    print(f"micro{'' if folder == '.' else '/' + folder}$ {command}")
    try:
        print(window.wait_for(until), end="")
    except WorkbookError as problem:
        window.press_ctrl_c()
        advice = "This notebook runs the same command already: stop_all(), then run this cell again."
        raise WorkbookError(f"{problem}{advice if runs_already else ''}") from None
    return window


def output(window: Terminal, until: str) -> None:
    """Show the line of a program's output that begins with `until`; wait for it, and leave out what comes before."""
    *before, line = window.wait_for(until).splitlines()
    print(f"...\n{line}" if before else line)


def press_ctrl_c(window: Terminal) -> None:
    """Stop a program as Ctrl-C in its terminal would."""
    code = window.press_ctrl_c()
    print(f"^C\n{window.new_output()}(ended, exit code {code})")


def run(command: str, folder: str = ".", until: str = "") -> None:
    """Run a command in micro/ to its end and show its output; again and again until a regex is found in that."""
    deadline = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run(
            terminal.program_words(command),
            cwd=MICRO / folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"},
            text=True,
            check=False,
        )
        if re.search(until, done.stdout, re.DOTALL):
            break
        if time.monotonic() > deadline:
            raise WorkbookError(f"`{command}` has not shown {until!r} within {PATIENCE} s, but:\n{done.stdout}")
        time.sleep(0.1)
    print(f"micro{'' if folder == '.' else '/' + folder}$ {command}\n{done.stdout}", end="")
    if done.returncode:
        print(f"(exit code {done.returncode})")


def fuge_shell(*lines: str) -> None:
    """What the shell of fuge shows when these lines are typed into it, the last one being `exit`."""
    command = "fuge shell fuge/fuge.yml"
    print(f"micro$ {command}", flush=True)
    done = subprocess.run(
        terminal.program_words(command),
        cwd=MICRO,
        input="\n".join([*lines, "exit"]) + "\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, end="")


def kill(service: str) -> None:
    """Take a service away as a crash would: kill -9 for the process that listens on its port."""
    process = ports.process(port(service))
    if process is None:
        raise WorkbookError(f"nobody listens on the port of {service}")
    print(f"kill -9 {service}", flush=True)
    process.kill()
    process.wait(PATIENCE)


def module(path: str) -> ModuleType:
    """A Python file of micro/ as it is now, imported as if this were a program in its folder."""
    file = MICRO / path
    folder, writes = str(file.parent.resolve()), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True  # what is edited twice in a second would be taken from there
    importlib.invalidate_caches()
    try:
        return importlib.import_module(file.stem)
    finally:
        sys.dont_write_bytecode = writes
        sys.path.remove(folder)
        for name, loaded in list(sys.modules.items()):
            if str(getattr(loaded, "__file__", None)).startswith(f"{folder}{os.sep}"):
                del sys.modules[name]


def node_modules() -> bool:
    """Put Node's mu into micro/, for services there; where there is no Node, say so and return False."""
    try:
        modules = node.modules()
    except WorkbookError as problem:
        print(f"left out: {problem}")
        return False
    link = MICRO / "node_modules"
    if not link.exists():
        link.symlink_to(modules, target_is_directory=True)
    print(f"micro/node_modules: {', '.join(sorted(path.name for path in modules.glob('mu*')))}")
    return True


def docker_engine() -> bool:
    """Whether a Docker engine answers on this machine, and which."""
    version = databases.docker_version()
    print(f"Docker {version} answers" if version else "left out: no Docker engine answers on this machine")
    return bool(version)


def start_database(name: str = "mongo") -> Terminal:
    """Start MongoDB, or redis, by hand, without fuge, as in a terminal of its own, and wait until it answers."""
    data = MICRO / "fuge" / ".fuge" / "by-hand" / name
    data.mkdir(parents=True, exist_ok=True)
    number = port(name)
    window = Terminal(databases.command(databases.DATABASES[name], number, str(data.resolve())))
    words = window.command.split()
    print(f"$ {' '.join([Path(words[0]).name, *words[1:]])}")
    deadline = time.monotonic() + PATIENCE
    while not ports.answers(number):
        if window.process.poll() is not None or time.monotonic() > deadline:
            raise WorkbookError(f"{name} does not answer; it said:\n{window.new_output()}")
        time.sleep(0.05)
    return window


def get(address: str, **headers: str) -> None:
    """GET a URL and show the answer; a header such as Accept is given as accept="..."."""
    print(f"GET {address}")
    show_answer("GET", address, headers={name.replace("_", "-"): value for name, value in headers.items()})


def post(address: str, **fields: str) -> None:
    """Send a form with these fields to a URL and show the answer."""
    print(f"POST {address} " + " ".join(f"{name}={value}" for name, value in fields.items()))
    show_answer("POST", address, fields=fields)


def show_answer(
    method: str, address: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> None:
    try:
        print(browser.request(method, address, fields, headers))
    except browser.NoAnswer as error:
        print(f"no answer: {error.reason}")


def page(address: str, height: int = 560) -> None:
    """The live page, in a frame of this notebook."""
    style = "display: block; box-sizing: border-box; width: 100%; border: 1px solid #8888"
    frame = f'<iframe src="{address}" height="{height}" style="{style}"></iframe>'
    display({"text/html": frame, "text/plain": f"the page {address}"}, raw=True)


def picture(number: str) -> None:
    """The reference architecture, with the parts marked that exist after recipe `number`."""
    drawn = pictures.architecture(course.recipe(number))
    display({"image/svg+xml": drawn, "text/plain": "(a picture, drawn when you run this cell)"}, raw=True)


def system_picture() -> None:
    """The system that micro/fuge/fuge.yml describes, with the parts marked that the recipe before did not have."""
    recipe = begun()
    previous = course.before(recipe)
    old = previous.step / "fuge" / "fuge.yml" if previous else None
    drawn = system_pictures.drawn(load(MICRO / "fuge" / "fuge.yml"), load(old) if old and old.is_file() else None)
    display({"image/svg+xml": drawn, "text/plain": "(a picture, drawn when you run this cell)"}, raw=True)


def check(number: str, exercise: int) -> None:
    """Whether micro/ solves an exercise; if not, what was expected and what was found."""
    print(exercises.find(course.recipe(number), exercise).result(MICRO)[1])


def hint(number: str, exercise: int, level: int | str = 1) -> None:
    """A hint for an exercise: level 1, 2, ..., and at last "solution"."""
    print(exercises.find(course.recipe(number), exercise).hint(level))


def edit(path: str, old: str, new: str) -> None:
    """Put `new` in the place of `old`, which must stand once in a file of micro/, as an editor would.

    A cell that is run twice changes the file once.
    """
    file = MICRO / path
    before = file.read_text(encoding="utf-8")
    if cells.is_changed(before, old, new):
        print(f"{micro.NAME}/{path} has this change already")
        return
    after = cells.replaced(before, old, new, path)
    file.write_text(after, encoding="utf-8", newline="\n")
    print(f"{micro.NAME}/{path}:")
    for line in difflib.ndiff(before.splitlines(), after.splitlines()):
        if line[0] in "+-":
            print(line)


def remove(path: str) -> None:
    """Delete a file of micro/."""
    (MICRO / path).unlink()
    print(f"Removed {micro.NAME}/{path}")


def rename(old: str, new: str) -> None:
    """Move a file within micro/."""
    (MICRO / new).parent.mkdir(parents=True, exist_ok=True)
    (MICRO / old).rename(MICRO / new)
    print(f"Renamed {micro.NAME}/{old} to {new}")


def stop_all() -> None:
    """Stop every program that this notebook has started, fuge in the background among them."""
    for problem in terminal.close_terminals():
        print(problem)
    micro.stop(MICRO)
