"""The parent of services: a small program of its own, which forks them and takes all of them along when fuge dies.

fuge runs it as `keeper.py FD [MODULE,...]`. On the socket FD it gets requests (four bytes of length, JSON, and the
two files for standard output and error). Lines of JSON go back: {"ready", ...} once, {"id", "pid"} or
{"id", "refused"} for a request, {"id", "pid", "status"} for each end. When the socket closes, fuge is gone: the
keeper kills whatever it has started, children of children included, and ends. On Linux it has a parent, the guard,
which does the same when the keeper itself is killed or hangs.

With modules named it imports them first and is a *warm* keeper: a Python script then runs in a fork that has them
already, instead of in a new interpreter. This folder is no package: its files import nothing of fuge, so that a
script finds the interpreter as a plain start would leave it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import time

import family
import preloading
import script

TYPE_CHECKING = False  # importing typing would cost a megabyte
if TYPE_CHECKING:
    from typing import Any

SIBLINGS = ("family", "preloading", "script")  # no script is to find them
CANNOT_RUN = 127  # the exit code that shells use
FOR_FUGE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)  # which decides what follows


class Keeper:
    """Answers requests until fuge is gone. In a forked child that is to run a script, `serve` returns its words."""

    def __init__(self, channel: socket.socket, modules: list[str]) -> None:
        self.channel = channel
        self.buffer = b""
        self.files: list[int] = []  # received, not yet used; a request takes two
        self.living: dict[int, int] = {}  # pid: the id of its request
        self.warm = bool(modules)
        for number in FOR_FUGE:
            signal.signal(number, signal.SIG_IGN)
        family.adopt_orphans()
        self.lifeline = [family.guard(channel)] if family.LINUX else []
        family.adopt_orphans()  # a fork does not inherit it
        began = time.time_ns()
        unsafe = preloading.preload(modules) if modules else ""
        self.loaded = preloading.loaded_files(began) if self.warm else {}
        self.generators = preloading.generators() if self.warm else []
        self.wakeup, self.waker = socket.socketpair()
        for end in (self.wakeup, self.waker):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        if self.warm:
            gc.collect()
            gc.freeze()  # the forks leave these objects alone, so their memory stays shared
        names = {name.partition(".")[0] for name in sys.modules} if self.warm else ()
        self.say({"ready": True, "pid": os.getpid(), "unsafe": unsafe, "modules": sorted(names)})

    def serve(self) -> list[str]:
        waiting = select.poll()
        waiting.register(self.channel, select.POLLIN)
        waiting.register(self.wakeup, select.POLLIN)
        while True:
            readable = [file for file, _ in waiting.poll()]
            if self.wakeup.fileno() in readable:
                with contextlib.suppress(BlockingIOError):
                    self.wakeup.recv(4096)
                self.report_ends()
            if self.channel.fileno() in readable and not self.receive():
                family.kill_all(set(self.living))
                os._exit(0)
            while request := self.next_request():
                if argv := self.answer(request):
                    return argv

    def receive(self) -> bool:
        try:
            data, files, _, _ = socket.recv_fds(self.channel, 65536, 64)
        except ConnectionError:
            return False
        self.buffer += data
        self.files += files
        return bool(data)

    def next_request(self) -> dict[str, Any] | None:
        if len(self.buffer) < 4:
            return None
        (length,) = struct.unpack("!I", self.buffer[:4])
        if len(self.buffer) < 4 + length:
            return None
        request: dict[str, Any] = json.loads(self.buffer[4 : 4 + length])
        self.buffer = self.buffer[4 + length :]
        return request

    def say(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # fuge is gone: the next look at the channel finds that out
            self.channel.sendall(json.dumps(message).encode() + b"\n")

    def answer(self, request: dict[str, Any]) -> list[str] | None:
        """Fork. Returns the words of a script to run, in the child of a warm keeper; None in the keeper itself.

        The child tells its pid to fuge when it can be signalled as a group of its own.
        """
        output, error, *self.files = self.files
        changed = preloading.changed(self.loaded)
        if changed:
            self.say({"id": request["id"], "refused": f"{changed} has changed"})
        else:
            keeper = os.getpid()
            if (pid := os.fork()) == 0:
                return self.become(request, output, error, keeper)
            self.living[pid] = request["id"]
        os.close(output)
        os.close(error)
        return None

    def report_ends(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if pid in self.living:  # the others are orphans of services, which the system has given to us
                    code = os.waitstatus_to_exitcode(status)
                    self.say({"id": self.living.pop(pid), "pid": pid, "status": code})

    # In the child ----------------------------------------------------------------------------------------------

    def become(self, request: dict[str, Any], output: int, error: int, keeper: int) -> list[str]:
        """Make this process what the request asks for: another program, or (returns) a place to run a script in."""
        is_script = request["script"]
        signal.set_wakeup_fd(-1)
        for number in (*FOR_FUGE, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        if is_script:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        else:
            for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; other programs expect them
                signal.signal(ignored, signal.SIG_DFL)
        os.setsid()
        family.die_with_parent()
        if os.getppid() != keeper:
            os._exit(0)
        self.say({"id": request["id"], "pid": os.getpid()})
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, file in enumerate((nothing, output, error)):
            os.dup2(file, target)
        for end in (self.channel, self.wakeup, self.waker):
            end.close()
        for file in {nothing, output, error, *self.lifeline, *self.files}:
            os.close(file)
        argv = [to_bytes(word) for word in request["argv"]]
        environment = {to_bytes(name): to_bytes(value) for name, value in request["env"].items()}
        try:
            os.chdir(to_bytes(request["cwd"]))
            if not is_script:
                os.execvpe(argv[0], argv, environment)
        except (OSError, ValueError) as problem:  # ValueError: a NUL in one of the words
            reason = getattr(problem, "strerror", None) or str(problem)
            os.write(2, b"cannot run %b in %b: %b\n" % (argv[0], to_bytes(request["cwd"]), reason.encode()))
            os._exit(CANNOT_RUN)
        os.environb.update(environment)
        for generator in self.generators:
            generator.seed()
        script.show_as(b" ".join(argv), environment.get(b"FUGE_RUN", b""))
        return [os.fsdecode(word) for word in argv]


def to_bytes(text: str) -> bytes:
    """Words come as the bytes that they are, since the locale of a service may be another than that of fuge."""
    return text.encode("latin-1")


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file
    for sibling in SIBLINGS:
        del sys.modules[sibling]
    channel = socket.socket(fileno=int(sys.argv[1]))
    modules = sys.argv[2].split(",") if sys.argv[2] else []
    sys.argv = [""]
    keeper = Keeper(channel, modules)
    # multiprocessing has a second name for it
    names_of_main = [name for name, module in sys.modules.items() if module is sys.modules["__main__"]]
    script.run(keeper.serve(), names_of_main)
