"""Programs as in terminals beside the notebook: started, listened to, stopped."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from workbook import databases, micro, ports, terminal
from workbook.errors import WorkbookError
from workbook.notebook import reader
from workbook.terminal import Terminal

PATIENCE = 20  # seconds for a command to show what is waited for
Finished = subprocess.CompletedProcess[str]


def open_terminal(command: str, until: str, folder: str = ".") -> Terminal:
    """Run a command in micro/ (or in a folder of it) and show its output up to the line that begins with `until`."""
    place = reader.MICRO / folder
    runs_already = any(other.command == command and other.cwd == place for other in terminal.open_terminals)
    window = Terminal(command, place)
    print(prompt(folder, command))
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
    done = repeated(command, lambda done: bool(re.search(until, done.stdout, re.DOTALL)), repr(until), folder)
    print(f"{prompt(folder, command)}\n{done.stdout}", end="")
    if done.returncode:
        print(f"(exit code {done.returncode})")


def repeated(command: str, enough: Callable[[Finished], bool], wanted: str, folder: str = ".") -> Finished:
    """A command that was run until that was enough, with what it said on both its streams as `stdout`.

    Raises WorkbookError, with what was `wanted`, when it takes too long.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run(
            terminal.program_words(command),
            cwd=reader.MICRO / folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"},
            text=True,
            check=False,
        )
        if enough(done):
            return done
        if time.monotonic() > deadline:
            raise WorkbookError(f"`{command}` has not shown {wanted} within {PATIENCE} s, but:\n{done.stdout}")
        time.sleep(0.1)


def fuge_shell(*lines: str) -> None:
    """What the shell of fuge shows when these lines are typed into it, the last one being `exit`."""
    command = "fuge shell fuge/fuge.yml"
    print(prompt(".", command), flush=True)
    done = subprocess.run(
        terminal.program_words(command),
        cwd=reader.MICRO,
        input="\n".join([*lines, "exit"]) + "\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, end="")


def kill(service: str) -> None:
    """Take a service away as a crash would: kill -9 for the process that listens on its port."""
    process = ports.process(reader.port(service))
    if process is None:
        raise WorkbookError(f"nobody listens on the port of {service}")
    print(f"kill -9 {service}", flush=True)
    process.kill()
    process.wait(PATIENCE)


def docker_engine(image: str = "") -> bool:
    """Whether a Docker engine answers on this machine, and which; and whether it has that image."""
    version = databases.docker_version()
    if version and image and not databases.docker_has(image):
        print(f"left out: Docker {version} does not have the image {image}; `docker pull {image}` fetches it")
        return False
    print(f"Docker {version} answers" if version else "left out: no Docker engine answers on this machine")
    return bool(version)


def start_database(name: str = "mongo") -> Terminal:
    """Start MongoDB, or redis, by hand, without fuge, as in a terminal of its own, and wait until it answers."""
    data = reader.MICRO / "fuge" / ".fuge" / "by-hand" / name
    data.mkdir(parents=True, exist_ok=True)
    number = reader.port(name)
    window = Terminal(databases.command(databases.DATABASES[name], number, str(data.resolve())))
    words = window.command.split()
    print(f"$ {' '.join([Path(words[0]).name, *words[1:]])}")
    deadline = time.monotonic() + PATIENCE
    while not ports.answers(number):
        if window.process.poll() is not None or time.monotonic() > deadline:
            raise WorkbookError(f"{name} does not answer; it said:\n{window.new_output()}")
        time.sleep(0.05)
    return window


def prompt(folder: str, command: str) -> str:
    """A command as a terminal shows it, in micro/ or a folder of it."""
    return f"{micro.NAME}{'' if folder == '.' else '/' + folder}$ {command}"
