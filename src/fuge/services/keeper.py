"""The parent of services: a small program of its own, which forks them and takes all of them along when fuge dies.

fuge runs it as `keeper.py FD [MODULE,...]`. On the socket FD it gets requests (four bytes of length, JSON, and the
two files for standard output and error). Lines of JSON go back: {"ready", ...} once, {"id", "pid"} or
{"id", "refused"} for a request, {"id", "pid", "status"} for each end. When the socket closes, fuge is gone: the
keeper kills whatever it has started, children of children included, and ends. On Linux it has a parent, the guard,
which does the same when the keeper itself is killed or hangs.

With modules named it imports them first and is a *warm* keeper: a Python script then runs in a fork that has them
already, instead of in a new interpreter. This file imports nothing of fuge, so that a script finds the
interpreter as a plain start would leave it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.machinery
import json
import os
import select
import signal
import socket
import struct
import sys
import time
import types

TYPE_CHECKING = False  # importing typing would cost a megabyte
if TYPE_CHECKING:
    from typing import Any

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
CANNOT_RUN = 127  # the exit code that shells use
FOR_FUGE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)  # which decides what follows
HOLDS_STATE = {"numpy": "its random numbers would repeat", "grpc": "it does not survive a fork"}

if LINUX:
    import ctypes

    LIBC = ctypes.CDLL(None)


def prctl(option: int, value: int) -> None:
    if LINUX:
        LIBC.prctl(option, value, 0, 0, 0)


# What a keeper does -------------------------------------------------------------------------------------------


class Keeper:
    """Answers requests until fuge is gone. In a forked child that is to run a script, `serve` returns the script."""

    def __init__(self, channel: socket.socket, modules: list[str]) -> None:
        self.channel = channel
        self.buffer = b""
        self.files: list[int] = []  # received, not yet used; a request takes two
        self.living: dict[int, int] = {}  # pid: the id of its request
        self.warm = bool(modules)
        for number in FOR_FUGE:
            signal.signal(number, signal.SIG_IGN)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.lifeline = [guard(channel)] if LINUX else []
        prctl(PR_SET_CHILD_SUBREAPER, 1)  # a fork does not inherit it
        began = time.time_ns()
        unsafe = preload(modules) if modules else ""
        self.loaded = loaded_files(began) if self.warm else {}
        self.generators = generators() if self.warm else []
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
                kill_all(set(self.living))
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
        """Fork. Returns the script to run, in the child of a warm keeper; None in the keeper itself.

        The child tells its pid to fuge when it can be signalled as a group of its own.
        """
        output, error, *self.files = self.files
        changed = self.warm and next((name for name, state in self.loaded.items() if file_state(name) != state), None)
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
        script = request["script"]
        signal.set_wakeup_fd(-1)
        for number in (*FOR_FUGE, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        if script:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        else:
            for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; other programs expect them
                signal.signal(ignored, signal.SIG_DFL)
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
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
            if not script:
                os.execvpe(argv[0], argv, environment)
        except (OSError, ValueError) as problem:  # ValueError: a NUL in one of the words
            reason = getattr(problem, "strerror", None) or str(problem)
            os.write(2, b"cannot run %b in %b: %b\n" % (argv[0], to_bytes(request["cwd"]), reason.encode()))
            os._exit(CANNOT_RUN)
        os.environb.update(environment)
        for generator in self.generators:
            generator.seed()
        show_as(b" ".join(argv), environment.get(b"FUGE_RUN", b""))
        return [os.fsdecode(word) for word in argv]


def to_bytes(text: str) -> bytes:
    """Words come as the bytes that they are, since the locale of a service may be another than that of fuge."""
    return text.encode("latin-1")


def guard(channel: socket.socket) -> int:
    """Fork, and return in the child, which is the keeper; the parent lives until the keeper or fuge has ended.

    Returns a file that only the keeper may hold: when it is closed, the keeper has ended.
    """
    ended, lifeline = os.pipe()
    if (keeper := os.fork()) == 0:
        os.close(ended)
        return lifeline
    os.close(lifeline)
    waiting = select.poll()
    waiting.register(ended, 0)  # whatever is asked for, the end is reported
    waiting.register(channel, select.POLLRDHUP)
    waiting.poll()
    kill_all({keeper})
    os._exit(0)


def kill_all(leaders: set[int]) -> None:
    """Kill children and their groups. Whatever loses its parent becomes our child, so in the end nothing is left."""
    for pid in leaders:
        for kill in (os.kill, os.killpg):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in children():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


def children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as listing:
            return [int(pid) for pid in listing.read().split()]
    except OSError:  # no Linux: the groups have been killed, and there is no way to adopt orphans
        return []


# What makes a keeper warm, on Linux only ------------------------------------------------------------------------


def preload(modules: list[str]) -> str:
    """Import what can be imported. Returns why a fork of this process would not be as good as a new one, or ""."""
    spoken = os.memfd_create("spoken")
    for number in (1, 2):
        os.dup2(spoken, number)
    os.close(spoken)
    before = surroundings()
    for name in modules:
        try:
            if "." not in name or is_submodule(name):
                importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if not f"{name}.".startswith(f"{missing.name}."):  # else it is not installed, and nothing has happened
                return f"import {name}: {missing}"
        except BaseException as problem:
            return f"import {name}: {type(problem).__name__}: {problem}"
    sys.stdout.flush()
    sys.stderr.flush()
    for name, reason in HOLDS_STATE.items():
        if name in sys.modules:
            return f"{name}: {reason}"
    after = surroundings()
    return next((f"an import {change}" for change in before if before[change] != after[change]), "")


def is_submodule(name: str) -> bool:
    """Whether X.Y is a module rather than something that module X defines."""
    import importlib.util

    parent, _, child = name.rpartition(".")
    return not hasattr(importlib.import_module(parent), child) and importlib.util.find_spec(name) is not None


def surroundings() -> dict[str, object]:
    """What a script does not expect to be changed before it has begun."""
    umask = os.umask(0o077)
    os.umask(umask)
    return {
        "prints something": os.fstat(1).st_size,
        "starts a thread": os.listdir("/proc/self/task"),
        "starts a process": children(),
        "changes the current folder": os.getcwd(),
        "changes the umask": umask,
        "changes signal handlers": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "changes the signal mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "changes sys.path": list(sys.path),
        "changes garbage collection": (gc.isenabled(), gc.get_threshold()),
        "leaves a file open": os.listdir("/proc/self/fd"),
    }


def generators() -> list[Any]:
    """What makes random numbers: without new seeds each fork would get the same ones."""
    kind = getattr(sys.modules.get("random"), "Random", None)
    return [thing for thing in gc.get_objects() if type(thing) is kind] if kind else []


def loaded_files(began: int) -> dict[str, tuple[int, int]]:
    """The source of every module from outside Python's own library, with what tells whether it has changed."""
    own = os.path.dirname(os.__file__)
    installed = os.path.join(own, "site-packages")
    names = {vars(module).get("__file__") for module in list(sys.modules.values()) if hasattr(module, "__dict__")}
    wanted = [name for name in names if name and (not name.startswith(own) or name.startswith(installed))]
    states = {name: file_state(name) for name in wanted}
    meanwhile = [name for name, (time_changed, _) in states.items() if began < time_changed <= time.time_ns()]
    return states | dict.fromkeys(meanwhile, (0, 0))


def file_state(name: str) -> tuple[int, int]:
    try:
        found = os.stat(name)
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def show_as(title: bytes, run: bytes) -> None:
    """Have the system show this process by its own command line and FUGE_RUN, written over those of the keeper."""
    with open("/proc/self/stat") as stat:
        arguments, end, variables, last = map(int, stat.read().rpartition(")")[2].split()[45:49])  # see proc(5)
    room = end - arguments
    # Linux shows the text up to its first NUL when the very last byte is not a NUL any more.
    ctypes.memmove(arguments, title[: room - 2].ljust(room - 1, b"\0") + b"x", room)
    mark = b"FUGE_RUN=" + run
    place = ctypes.string_at(variables, last - variables).find(mark[:9])
    if place >= 0 and len(ctypes.string_at(variables + place)) == len(mark):
        ctypes.memmove(variables + place, mark, len(mark))


# A script in a fork ---------------------------------------------------------------------------------------------


def run(argv: list[str], names: list[str]) -> None:
    """Do what `python SCRIPT ...` does. `names` are those that sys.modules has for the main module.

    Whatever is touched here costs time, since its memory is shared until then: no walk through all modules.
    """
    script = os.path.join(os.getcwd(), argv[1])
    for folder in sys.path:  # the keeper has looked into them before, perhaps in vain
        sys.path_importer_cache.pop(folder, None)
    sys.orig_argv, sys.argv = argv, argv[1:]
    sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
    if "threading" in sys.modules:  # it keeps the number of the keeper's thread
        sys.modules["threading"].main_thread()._set_native_id()
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=script, __builtins__=__builtins__)
    main.__dict__["__loader__"] = importlib.machinery.SourceFileLoader("__main__", script)
    for name in ("__cached__", "__annotations__"):  # depends on the version of Python
        if name in globals():
            main.__dict__[name] = globals()[name]
    for name in names:
        sys.modules[name] = main
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as problem:  # in the words of `python`
        sys.stderr.write(f"{argv[0]}: can't open file '{script}': [Errno {problem.errno}] {problem.strerror}\n")
        sys.exit(2)
    try:
        exec(compile(source, script, "exec", dont_inherit=True), main.__dict__)  # noqa: S102
    except BaseException:
        hide_keeper()
        raise


def hide_keeper() -> None:
    """An error is to be shown without the lines of this file above those of the script."""
    hook = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
        while trace and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        hook(kind, error.with_traceback(trace), trace)

    sys.excepthook = show


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file
    channel = socket.socket(fileno=int(sys.argv[1]))
    modules = sys.argv[2].split(",") if sys.argv[2] else []
    sys.argv = [""]
    keeper = Keeper(channel, modules)
    # multiprocessing has a second name for it
    names_of_main = [name for name, module in sys.modules.items() if module is sys.modules["__main__"]]
    run(keeper.serve(), names_of_main)
