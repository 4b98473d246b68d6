"""A small real system in a folder of its own, and the real `fuge` program to run it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pexpect
import psutil
from helpers import MEASURED, wait_until

from fuge import ports
from fuge.faces.client import Client

FUGE = [sys.executable, "-m", "fuge"]
SERVER = """
import os, socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(os.environ["SERVICE_PORT"])))
print("listening", flush=True)
server.listen(128)  # after the text, so that this is there when the service is ready
while True:
    connection, _ = server.accept()
    try:
        connection.sendall(b"TOKEN")
    except OSError:
        pass
    connection.close()
"""
SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(600)\n"
ENDS = 5  # seconds
PLAIN = "python -S -E"  # a Python service that is not started warm, and quickly
_given: set[int] = set()  # ports


def free_ports(count: int) -> list[int]:
    """That many free ports, all different, and none that was given away before: it may not be in use yet."""
    found = ports.free(count, _given)
    _given.update(found)
    return found


class Done:
    """What became of a command: its exit code, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"exit code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Project:
    """A folder with a fuge.yml. In it MARK stands for a word that no other process has in its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "fuge.yml"
        self.mark = f"M{uuid.uuid4().hex}"
        self.environment = {
            name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "FUGE_PORTS")
        } | {"PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", "COLUMNS": "100"}
        self._started: list[subprocess.Popen[Any]] = []
        self._connections: list[socket.socket] = []
        self._terminals: list[pexpect.spawn[str]] = []

    # What it is made of -----------------------------------------------------------------------------------------

    def write(self, config: str, **scripts: str) -> None:
        """The fuge.yml, and for each service a folder with the script main.py."""
        self.configure(config)
        for name, script in scripts.items():
            self.script(name, script)

    def configure(self, config: str) -> None:
        self.file.write_text(dedent(config).replace("MARK", self.mark))

    def script(self, name: str, script: str) -> Path:
        path = self.folder / name / "main.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(script))
        return path

    def process(self, name: str, *more: str, run: str = f"{PLAIN} main.py MARK") -> str:
        """The lines of a service for a fuge.yml; `more` are further ones."""
        return "\n".join([f"{name}:", "  type: process", f"  path: {name}", f"  run: {run}", *(f"  {m}" for m in more)])

    def server(self, name: str, *more: str, port: int | str = "") -> str:
        """A service that listens, and answers every connection with TOKEN."""
        if not (self.folder / name / "main.py").exists():
            self.script(name, SERVER)
        return self.process(name, f"ports: [http={port or free_ports(1)[0]}]", *more)

    def sleeper(self, name: str, *more: str) -> str:
        """A service that does nothing, without a port."""
        if not (self.folder / name / "main.py").exists():
            self.script(name, SLEEPER)
        return self.process(name, *more)

    def configure_with(self, *services: str) -> None:
        self.configure("\n".join(services) + "\n")

    # The program ------------------------------------------------------------------------------------------------

    def fuge(self, *words: str, give: str = "", timeout: float = 60, **environment: str) -> Done:
        """Run a command to its end."""
        done = subprocess.run(
            [*FUGE, *words],
            cwd=self.folder,
            env=self.environment | environment,
            input=give,
            capture_output=True,
            timeout=timeout,
            encoding="utf-8",
            errors="replace",
        )
        assert "Traceback" not in done.stdout + done.stderr, done
        assert "never retrieved" not in done.stderr, done
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str, **options: Any) -> Done:
        done = self.fuge(*words, **options)
        assert done.code == 0, done
        return done

    def begin(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """A command that goes on running; its output can be read from `stdout`."""
        process = subprocess.Popen(
            [*FUGE, *words],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._started.append(process)
        return process

    def up(self, *services: str, wait: bool = True) -> list[dict[str, Any]]:
        """An engine such as that of `up -d`, and the services started in it: quicker, without a command that waits."""
        words = [sys.executable, "-m", "fuge.faces.background", str(self.file)]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        engine = subprocess.Popen(words, cwd=self.folder, env=self.environment, start_new_session=True, **quiet)
        self._started.append(engine)
        eventually(self.answers)
        outcomes: list[dict[str, Any]] = self.call("start", words=services, wait=wait)
        return outcomes

    def down(self) -> None:
        """End it, and wait for its end."""
        engine = psutil.Process(self.engine())
        self.call("down")
        eventually(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE)

    def call(self, operation: str, **arguments: Any) -> Any:
        """Ask the engine as commands do."""
        return asyncio.run(Client(self.file).call(operation, **arguments))

    def do(self, command: str, *services: str) -> Any:
        """What a command of that name does, without a program of its own, which takes longer."""
        if command in ("watch", "unwatch"):
            return self.call("watch", words=services, on=command == "watch")
        return self.call(command, **({"words": services} if services else {}))

    def ask(self, operation: str, **arguments: Any) -> None:
        """Ask the engine, and do not wait for the answer, nor mind if there is none."""
        request = json.dumps({"operation": operation, "arguments": arguments}) + "\n"
        card = json.loads((self.folder / ".fuge" / "engine.json").read_text())
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(card["socket"])
        connection.sendall(request.encode())
        self._connections.append(connection)

    def answers(self) -> bool:
        return asyncio.run(Client(self.file).answers())

    def terminal(self, *words: str, columns: int = 100, **environment: str) -> "pexpect.spawn[str]":
        """A command in a terminal of its own."""
        child = pexpect.spawn(
            FUGE[0],
            [*FUGE[1:], *words],
            cwd=str(self.folder),
            env=self.environment | environment,
            timeout=30,
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(40, columns),
        )
        child.delaybeforesend = None
        child.ptyproc.delayafterclose = 0
        self._terminals.append(child)
        return child

    # What can be seen of it -------------------------------------------------------------------------------------

    def marked(self, word: str = "") -> list[psutil.Process]:
        """The living processes that have the mark (and another word) in their command line."""
        found = []
        for process in psutil.process_iter():
            try:
                line = process.cmdline()
                ours = self.mark in " ".join(line) and word in " ".join(line)
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def engine(self) -> int:
        """The process id of the fuge that runs this system."""
        card = json.loads((self.folder / ".fuge" / "engine.json").read_text())
        return int(card["pid"])

    def ps(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.call("ps", words=[])}

    def events(self) -> list[dict[str, Any]]:
        file = self.folder / ".fuge" / "log" / "events.jsonl"
        if not file.exists():
            return []
        whole = file.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def happened(self, service: str, event: str) -> list[dict[str, Any]]:
        return [each for each in self.events() if each["service"] == service and each["event"] == event]

    def await_event(self, service: str, event: str, count: int = 1, seconds: float = 30) -> None:
        found = wait_until(lambda: len(self.happened(service, event)) >= count, seconds)
        assert found, f"{service} {event}, {count} times: {self.events()}"

    def close(self) -> None:
        if MEASURED in os.environ:
            self._end()
        for process in self._started:
            if process.poll() is None:
                process.kill()
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()
            process.wait()
        for connection in self._connections:
            connection.close()
        for child in self._terminals:
            if child.isalive():
                child.kill(signal.SIGKILL)
                child.wait()
            child.close()
        if (self.folder / ".fuge" / "engine.json").exists():
            with contextlib.suppress(psutil.Error, OSError, ValueError, KeyError):
                psutil.Process(self.engine()).kill()
        gone = wait_until(lambda: not self.marked())
        assert gone, f"left running: {self.marked()}"

    def _end(self) -> None:
        """Let what still runs end by itself: what is killed tells nothing of the code that it has run."""
        for process in self._started:
            if process.poll() is None:
                process.terminate()
        for process in self._started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ENDS)


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    assert wait_until(condition, seconds)


def hang_up(terminal: "pexpect.spawn[str]") -> None:
    """Close a terminal as its window is closed, and wait until the program in it has ended."""
    terminal.ptyproc.fileobj.close()
    eventually(lambda: not terminal.isalive())
