"""The parent of services: a small program of its own, which forks them and takes all of them along when fuge dies.

fuge runs it as `keeper.py FD [MODULE ...]`. On the socket FD it gets requests (four bytes of length, JSON, and the
two files for standard output and error), and answers with lines of JSON: {"ready": ...} once, {"id", "pid"} or
{"id", "refused"} for a request, {"pid", "status"} for each end. When the socket closes, fuge is gone: the keeper
kills whatever it has started, children of children included, and ends.

With modules named it imports them first and is a *warm* keeper: a Python script then runs in a fork that has them
already, instead of in a new interpreter. This file imports nothing of fuge, so that a script finds the
interpreter as a plain start would leave it.
"""

import contextlib
import gc
import importlib.machinery
import importlib.util
import json
import os
import select
import signal
import socket
import struct
import sys
import types
from typing import Any

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
CANNOT_RUN = 127  # the exit code that shells use
HOLDS_STATE = {"numpy": "its random numbers would repeat", "grpc": "it does not survive a fork"}


def prctl(option: int, value: int) -> None:
    if LINUX:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


# What a keeper does -------------------------------------------------------------------------------------------


class Keeper:
    """Answers requests until fuge is gone. In a forked child that is to run a script, `serve` returns the script."""

    def __init__(self, channel: socket.socket, modules: list[str]) -> None:
        self.channel = channel
        self.buffer = b""
        self.files: list[int] = []  # received, not yet used; a request takes two
        self.living: set[int] = set()
        self.warm = bool(modules)
        self.loaded: dict[str, tuple[int, int]] = {}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)  # they are meant for fuge, which decides what follows
        self.wakeup, writer = socket.socketpair()
        for end in (self.wakeup, writer):
            end.setblocking(False)
        self.waker = writer
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        unsafe = preload(modules) if modules else ""
        if self.warm:
            self.loaded = loaded_files()
            gc.collect()
            gc.freeze()  # the forks leave these objects alone, so their memory stays shared
        self.say({"ready": True, "unsafe": unsafe})

    def serve(self) -> list[str]:
        while True:
            readable, _, _ = select.select([self.channel, self.wakeup], [], [])
            if self.wakeup in readable:
                with contextlib.suppress(BlockingIOError):
                    self.wakeup.recv(4096)
                self.report_ends()
            if self.channel in readable and not self.receive():
                self.kill_all()
                os._exit(0)
            while request := self.next_request():
                if script := self.answer(request):
                    return script

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
        """Fork. Returns the script to run, in the child of a warm keeper; None in the keeper itself."""
        output, error, *self.files = self.files
        changed = self.warm and next((name for name, state in self.loaded.items() if file_state(name) != state), None)
        if changed:
            self.say({"id": request["id"], "refused": f"{changed} has changed"})
        else:
            keeper = os.getpid()
            if (pid := os.fork()) == 0:
                return self.become(request, output, error, keeper)
            self.living.add(pid)
            self.say({"id": request["id"], "pid": pid})
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
                    self.living.discard(pid)
                    self.say({"pid": pid, "status": os.waitstatus_to_exitcode(status)})

    def kill_all(self) -> None:
        """Whatever loses its parent here becomes our child, so this ends when nothing is left."""
        for pid in self.living:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                for pid in children():
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
                os.waitpid(-1, 0)

    # In the child ----------------------------------------------------------------------------------------------

    def become(self, request: dict[str, Any], output: int, error: int, keeper: int) -> list[str]:
        """Make this process what the request asks for: another program, or (returns) a place to run a script in."""
        script = request["script"]
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        if script:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        else:
            for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; other programs expect them
                signal.signal(ignored, signal.SIG_DFL)
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if LINUX and os.getppid() != keeper:
            os._exit(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, file in enumerate((nothing, output, error)):
            os.dup2(file, target)
        for end in (self.channel, self.wakeup, self.waker):
            end.close()
        for file in {nothing, output, error, *self.files}:
            os.close(file)
        try:
            os.chdir(request["cwd"])
            if not script:
                os.execvpe(request["argv"][0], request["argv"], request["env"])
        except OSError as problem:
            os.write(2, f"cannot run {request['argv'][0]} in {request['cwd']}: {problem.strerror}\n".encode())
            os._exit(CANNOT_RUN)
        os.environ.clear()
        os.environ.update(request["env"])
        set_title(" ".join(request["argv"]))
        argv: list[str] = request["argv"]
        return argv


def children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as listing:
            return [int(pid) for pid in listing.read().split()]
    except OSError:  # no Linux: the groups have been killed, and there is no way to adopt orphans
        return []


# What makes a keeper warm -------------------------------------------------------------------------------------


def preload(modules: list[str]) -> str:
    """Import what can be imported. Returns why a fork of this process would not be as good as a new one, or ""."""
    spoken = os.memfd_create("spoken") if LINUX else os.open(os.devnull, os.O_RDWR)
    for number in (1, 2):
        os.dup2(spoken, number)
    os.close(spoken)
    for name in modules:
        with contextlib.suppress(BaseException):  # the service will meet the same problem, and can say so
            if "." not in name or is_submodule(name):
                importlib.import_module(name)
    sys.stdout.flush()
    sys.stderr.flush()
    for name, reason in HOLDS_STATE.items():
        if name in sys.modules:
            return f"{name}: {reason}"
    if os.fstat(1).st_size:
        return "an import prints something"
    if LINUX and len(os.listdir("/proc/self/task")) > 1:
        return "an import starts a thread"
    return ""


def is_submodule(name: str) -> bool:
    """Whether X.Y is a module rather than something that module X defines."""
    parent, _, child = name.rpartition(".")
    return not hasattr(importlib.import_module(parent), child) and importlib.util.find_spec(name) is not None


def loaded_files() -> dict[str, tuple[int, int]]:
    """The source of every module from outside Python's own library, with what tells whether it has changed."""
    own = os.path.dirname(os.__file__)
    installed = os.path.join(own, "site-packages")
    names = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    wanted = (name for name in names if name and (not name.startswith(own) or name.startswith(installed)))
    return {name: file_state(name) for name in wanted}


def file_state(name: str) -> tuple[int, int]:
    try:
        found = os.stat(name)
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def set_title(title: str) -> None:
    """What ps and top show, in place of the keeper's own command line: written over it, in memory."""
    if not LINUX:
        return
    import ctypes

    with open("/proc/self/stat") as stat:
        start, end = map(int, stat.read().rpartition(")")[2].split()[45:47])  # arg_start and arg_end of proc(5)
    room = end - start
    # Linux shows the text up to its first NUL when the very last byte is not a NUL any more.
    ctypes.memmove(start, title.encode()[: room - 2].ljust(room - 1, b"\0") + b"x", room)


def hide_keeper(kind: type, error: BaseException, trace: types.TracebackType | None) -> None:
    """Prints an error as Python does, without the lines of this file above those of the script."""
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file
    keeper = Keeper(socket.socket(fileno=int(sys.argv[1])), sys.argv[2].split(",") if sys.argv[2] else [])
    argv = keeper.serve()
    # From here on this is a child, and does what `python SCRIPT` does.
    script = os.path.abspath(argv[1])
    sys.orig_argv, sys.argv = argv, argv[1:]
    sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
    sys.excepthook = hide_keeper
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=script, __cached__=None, __builtins__=__builtins__, __annotations__={})
    main.__dict__["__loader__"] = importlib.machinery.SourceFileLoader("__main__", script)
    sys.modules["__main__"] = main
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as problem:  # in the words of `python`
        sys.stderr.write(f"{argv[0]}: can't open file '{script}': [Errno {problem.errno}] {problem.strerror}\n")
        sys.exit(2)
    exec(compile(source, script, "exec", dont_inherit=True), main.__dict__)  # noqa: S102
