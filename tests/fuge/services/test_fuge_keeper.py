"""The parent of services: nothing outlives fuge, and a warm start is like a plain one."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers import left_running, unmeasured, wait_until

from fuge.services import spawn
from fuge.services.launcher import Launcher, Program
from fuge.services.process import Process
from fuge.services.spawn import Spawner

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="there are warm starts and adoption on Linux only")

# Nothing is left ----------------------------------------------------------------------------------------------------

DRIVER = """
import asyncio, json, os, sys
from pathlib import Path
from fuge.services import spawn
from fuge.services.launcher import Launcher, Program
from fuge.services.process import Process

HERE = Path.cwd()
COMMANDS = [
    ("sh", "-c", "trap '' TERM HUP INT; sleep 999 & (trap '' TERM; sleep 999) & setsid sleep 999 & echo up; wait"),
    ("sh", "-c", "env -i setsid sh -c 'sleep 999 & sleep 999 & echo up; wait' & exec sleep 999"),
    (sys.executable, "-u", "daemon.py"),
    (sys.executable, "daemon.py"),
]

async def main():
    launcher = Launcher("owner")
    up = asyncio.Queue()
    async def start(command):
        program = Program(command, HERE, dict(os.environ))
        return await Process.start(launcher, program, lambda _, lines: up.put_nowait(lines))
    processes = [await start(command) for command in COMMANDS]
    for _ in processes:
        await up.get()
    pids = [process.pid for process in processes]
    print(json.dumps({"how": processes[-1].how, "pids": pids, "keepers": launcher.keepers}), flush=True)
    codes = await asyncio.gather(*(process.ended for process in processes))
    again = [await start(command) for command in (("true",), (sys.executable, "short.py"))]
    last = [await process.wait() for process in again]
    print(json.dumps({"codes": codes, "how": again[-1].how, "again": last}), flush=True)
    await asyncio.sleep(999)

asyncio.run(main())
"""
DAEMON = """
import os, time
if os.fork() == 0:
    time.sleep(999)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("up", flush=True)
        time.sleep(999)
    os._exit(0)
time.sleep(999)
"""


@contextlib.contextmanager
def driving(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """A program that runs services, and what it says of them when all are up."""
    (folder / "driver.py").write_text(DRIVER)
    (folder / "daemon.py").write_text(DAEMON)
    (folder / "short.py").write_text("import json\n")
    with subprocess.Popen([sys.executable, "driver.py"], cwd=folder, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout
        try:
            yield driver, json.loads(driver.stdout.readline())
        finally:
            started = descendants(driver.pid)
            driver.kill()
            assert nothing_of(started)


def kill(*pids: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # the end of one may be that of another
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]


def lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def nothing_of(processes: list[psutil.Process]) -> bool:
    return wait_until(lambda: not any(map(lives, processes)))


@on_linux
def test_killed_fuge_leaves_nothing(tmp_path: Path) -> None:
    before = left_running()
    with driving(tmp_path) as (driver, said):
        assert said["how"] == "warm"
        started = descendants(driver.pid)
        assert len(started) >= 4 + 4 + 4 + 3 + 3  # keepers with their guards, and what the four commands start
        driver.kill()
        assert nothing_of(started)
    assert {*left_running()} <= {*before}


@on_linux
@pytest.mark.parametrize("kind", ["plain", "warm", "both"])
def test_killed_keeper_takes_its_services_along(tmp_path: Path, kind: str) -> None:
    with driving(tmp_path) as (driver, said):
        keepers = said["keepers"]["plain"] * (kind != "warm") + said["keepers"]["warm"] * (kind != "plain")
        started = [process for pid in keepers for process in descendants(pid)]
        kill(*keepers)
        assert nothing_of(started)
        others = [pid for pid in said["pids"] if pid not in {process.pid for process in started}]
        assert all(lives(psutil.Process(pid)) for pid in others)
        kill(*others)
        assert driver.stdout
        end = json.loads(driver.stdout.readline())
        assert end == {"codes": [-signal.SIGKILL] * 4, "how": "warm", "again": [0, 0]}


@on_linux
def test_killed_fuge_and_keepers_leave_nothing(tmp_path: Path) -> None:
    before = left_running()
    with driving(tmp_path) as (driver, said):
        started = descendants(driver.pid)
        kill(driver.pid, *said["keepers"]["plain"], *said["keepers"]["warm"])
        assert nothing_of(started)
    assert {*left_running()} <= {*before}


@on_linux
def test_killed_fuge_and_guards_leave_nothing(tmp_path: Path) -> None:
    before = left_running()
    with driving(tmp_path) as (driver, said):
        started = descendants(driver.pid)
        keepers = [*said["keepers"]["plain"], *said["keepers"]["warm"]]
        kill(*(psutil.Process(pid).ppid() for pid in keepers))
        assert all(lives(psutil.Process(pid)) for pid in (*keepers, *said["pids"]))
        driver.kill()
        assert nothing_of(started)
    assert {*left_running()} <= {*before}


@on_linux
def test_fuge_that_is_killed_during_an_import_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("open('importing', 'w').close()\nimport time\ntime.sleep(999)\n")
    (tmp_path / "main.py").write_text("import slow\n")
    text = """
import asyncio, os
from fuge.services.spawn import Spawner
asyncio.run(Spawner.start(["slow"], {**os.environ, "PYTHONPATH": "."}))
"""
    with subprocess.Popen([sys.executable, "-c", text], cwd=tmp_path) as driver:
        assert wait_until((tmp_path / "importing").exists)
        started = descendants(driver.pid)
        assert len(started) == 2
        driver.kill()
        assert nothing_of(started)


def test_keepers_ignore_what_a_terminal_sends_to_all(tmp_path: Path) -> None:
    async def scene() -> None:
        launcher = Launcher("owner")
        await run(launcher, tmp_path, ["true"])
        (keeper,) = launcher.keepers["plain"]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            os.killpg(psutil.Process(keeper).ppid() if sys.platform == "linux" else keeper, number)
        assert (await run(launcher, tmp_path, ["true"])).code == 0
        assert launcher.keepers["plain"] == [keeper]
        await launcher.close()

    asyncio.run(scene())


# A warm start is like a plain one -------------------------------------------------------------------------------------


class Ran:
    def __init__(self, code: int, out: list[str], err: list[str], how: str) -> None:
        self.code, self.out, self.err, self.how = code, out, err, how

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ran) and (self.code, self.out, self.err) == (other.code, other.out, other.err)

    def __repr__(self) -> str:
        return f"{self.how}: {self.code}, {self.out}, {self.err}"


async def run(
    launcher: Launcher, folder: Path, words: list[str], signals: tuple[int, ...] = (), **environment: str
) -> Ran:
    """Run a command to its end; the signals are sent one after the other, as soon as it has said a line."""
    said: dict[str, list[str]] = {"out": [], "err": []}
    heard = asyncio.Event()

    def hear(stream: str, lines: list[str]) -> None:
        said[stream] += lines
        heard.set()

    program = Program(tuple(words), folder, unmeasured() | environment)
    process = await Process.start(launcher, program, hear)
    for number in signals:
        await asyncio.wait_for(heard.wait(), 60)
        os.kill(process.pid, number)
    code = await asyncio.wait_for(process.wait(), 60)
    await process.stop(signal.SIGKILL, 0)
    return Ran(code, said["out"], said["err"], process.how)


def plainly_and_warm(folder: Path, source: str | bytes, *words: str, **options: Any) -> list[Ran]:
    """What comes of a script that is started plainly, and of the same one started warm."""
    file = folder / "main.py"
    file.write_bytes(source if isinstance(source, bytes) else source.encode())
    ran = []

    async def scene() -> None:
        for launcher in (Launcher("owner", warm=False), Launcher("owner")):
            ran.append(await run(launcher, folder, [sys.executable, "main.py", *words], **options))
            await launcher.close()

    asyncio.run(scene())
    assert [each.how.partition(":")[0] for each in ran] == ["plain", "warm"]
    return ran


def same(folder: Path, source: str | bytes, *words: str, **options: Any) -> Ran:
    """What comes of a script, whether it is started plainly or warm."""
    plain, warm = plainly_and_warm(folder, source, *words, **options)
    assert plain == warm
    return plain


PROBE = '''
"""What a script can observe."""
import gc, json, locale, os, resource, signal, subprocess, sys, threading, time, warnings

def read(name):
    with open(name, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()

def lines(name, *starts):
    return [line for line in read(name).splitlines() if line.startswith(starts)]

def kinds(things):
    return [getattr(thing, "__name__", type(thing).__name__) for thing in things]

main = sys.modules["__main__"]
frame, thread = sys._getframe(), threading.current_thread()
files = [file for file in sorted(map(int, os.listdir("/proc/self/fd"))) if os.path.lexists(f"/proc/self/fd/{file}")]
names = ("__name__", "__doc__", "__package__", "__spec__", "__file__", "__cached__", "__annotations__")
tell = "import json, os; print(json.dumps(dict(os.environ)))"
streams = [sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__]
seen = {
    "names": sorted(vars(main)),
    "module": [repr(vars(main).get(name, "none")) for name in names],
    "main": [type(main).__name__, type(__builtins__).__name__, frame.f_globals is vars(main)],
    "loader": [type(__loader__).__qualname__, __loader__.name, __loader__.path],
    "code": [frame.f_code.co_filename, frame.f_code.co_name, frame.f_code.co_flags],
    "caller": frame.f_back is None,
    "argv": [sys.argv, sys.orig_argv, sys.executable, sys.prefix, sys.path],
    "folder": os.getcwd(),
    "environment": dict(os.environ),
    "child": json.loads(subprocess.run([sys.executable, "-c", tell], stdout=subprocess.PIPE).stdout),
    "signals": [repr(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "status": lines("/proc/self/status", "SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd", "Umask", "Threads", "Cap"),
    "wakeup": signal.set_wakeup_fd(-1),
    "files": [(file, os.readlink(f"/proc/self/fd/{file}").partition(":")[0]) for file in files],
    "file flags": [lines(f"/proc/self/fdinfo/{file}", "flags") for file in files],
    "ids": [os.getpid() == os.getpgid(0) == os.getsid(0), os.getuid(), os.getgid(), os.getgroups()],
    "stdin": [sys.stdin.read(), os.read(0, 1).decode()],
    "flags": [repr(sys.flags), sys._xoptions, sys.pycache_prefix, sys.dont_write_bytecode],
    "encodings": [(each.encoding, each.errors, each.newlines, each.mode, each.name) for each in streams],
    "buffering": [(each.line_buffering, each.write_through, type(each.buffer).__name__) for each in streams],
    "streams": [(each.fileno(), each.isatty(), each.seekable(), each.closed) for each in streams],
    "same streams": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__],
    "hooks": [sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__],
    "other hooks": [sys.unraisablehook is sys.__unraisablehook__, threading.excepthook is threading.__excepthook__],
    "tracing": [sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()],
    "interpreter": [sys.getrecursionlimit(), sys.getswitchinterval(), sys.getdlopenflags()],
    "importing": [kinds(sys.meta_path), kinds(sys.path_hooks)],
    "umask": os.umask(0),
    "threads": [threading.active_count(), len(os.listdir("/proc/self/task")), thread.name, thread.daemon],
    "main thread": [threading.main_thread() is thread, thread.native_id == os.getpid()],
    "its number": thread.ident == threading.get_ident(),
    "gc": [gc.isenabled(), gc.get_threshold(), gc.get_debug(), len(gc.callbacks), len(gc.garbage)],
    "frozen": gc.get_freeze_count(),
    "warnings": [repr(warnings.filters), sys.warnoptions],
    "locale": [locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(), sys.getfilesystemencoding()],
    "priority": [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))],
    "limits": [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")],
    "timers": [signal.alarm(0), signal.getitimer(signal.ITIMER_REAL), signal.getitimer(signal.ITIMER_PROF)],
    "system": [read("/proc/self/comm"), os.readlink("/proc/self/exe"), read("/proc/self/oom_score_adj")],
    "children": read(f"/proc/self/task/{os.getpid()}/children"),
    "time": [time.process_time() < 30, time.tzname],
    "command line": read("/proc/self/cmdline"),
}
with open(sys.argv[1], "w") as file:
    json.dump(seen, file)
'''
# What a service can find out if it wants to, and why that is left so.
DIFFERENCES = {
    "command line": "the words are there, with blanks between them instead of NULs",
    "frozen": "gc.freeze() of the keeper: without it, forks would soon share no memory any more",
    "caller": "below the frame of the script are those of keeper.py; tracebacks do not show them",
}


def observe(folder: Path, *words: str, **environment: str) -> list[dict[str, Any]]:
    """What the probe sees, plainly and warm."""
    (folder / "main.py").write_text(PROBE)
    seen = []

    async def scene() -> None:
        for launcher in (Launcher("owner", warm=False), Launcher("owner")):
            ran = await run(launcher, folder, [sys.executable, "main.py", "seen.json", *words], **environment)
            assert (ran.code, ran.out, ran.err) == (0, [], [])
            assert ran.how.startswith("warm" if launcher.warm else "plain")
            seen.append(json.loads((folder / "seen.json").read_text()))
            await launcher.close()

    asyncio.run(scene())
    for each in seen:
        for names in (each["environment"], each["child"]):
            assert len(names.pop("FUGE_RUN")) == len("owner-") + 32
    return seen


@on_linux
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"PYTHONUNBUFFERED": "1", "SERVICE_HOST": "127.0.0.1", "SERVICE_PORT": "8080", "NAME": "ünïcödé \udcff"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
        {"PYTHONIOENCODING": "latin-1:replace", "PYTHONOPTIMIZE": "1", "PYTHONWARNINGS": "error", "PYTHONPATH": "/opt"},
        {"PYTHONFAULTHANDLER": "1", "PYTHONDEVMODE": "1"},
    ],
)
def test_warm_script_sees_what_a_plain_one_sees(tmp_path: Path, environment: dict[str, str]) -> None:
    plain, warm = observe(tmp_path, "two words", "", "ünïcödé", **environment)
    assert plain.keys() == warm.keys()
    differ = {name for name in plain if plain[name] != warm[name]}
    assert {name: (plain[name], warm[name]) for name in differ - DIFFERENCES.keys()} == {}
    words = [each["command line"].replace("\0", " ").split() for each in (plain, warm)]
    assert words[0] == words[1]


@on_linux
def test_warm_script_has_a_large_environment_whole(tmp_path: Path) -> None:
    large = {f"LARGE_{number}": "x" * 1000 for number in range(200)}
    plain, warm = observe(tmp_path, **large)
    assert plain["environment"] == warm["environment"]
    assert plain["child"] == warm["child"]
    assert plain["environment"].items() >= large.items()


@on_linux
@pytest.mark.parametrize(
    "script", ["./main.py", "src/main.py", "./src/main.py", "../{name}/main.py", "{folder}/main.py", "link.py"]
)
def test_warm_script_is_found_by_any_path(tmp_path: Path, script: str) -> None:
    source = """
import helper, sys
print(__file__, sys.argv, sys.path[0], sys._getframe().f_code.co_filename, helper.__file__)
"""
    (tmp_path / "src").mkdir()
    for folder in (tmp_path, tmp_path / "src"):
        (folder / "main.py").write_text(source)
        (folder / "helper.py").touch()
    (tmp_path / "link.py").symlink_to("src/main.py")

    async def scene() -> None:
        ran = []
        for launcher in (Launcher("owner", warm=False), Launcher("owner")):
            command = [sys.executable, script.format(name=tmp_path.name, folder=tmp_path), "a"]
            ran.append(await run(launcher, tmp_path, command))
            await launcher.close()
        assert ran[1].how == "warm"
        assert ran[0].code == 0
        assert ran[0] == ran[1]

    asyncio.run(scene())


@on_linux
@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("print('done')", 0),
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit(7)", 7),
        ("import sys; sys.exit(-1)", 255),
        ("import sys; sys.exit('went wrong')", 1),
        ("import sys; sys.exit({'any': 'object'})", 1),
        ("raise SystemExit", 0),
        ("1 / 0", 1),
        ("def f():\n    g()\ndef g():\n    raise ValueError('ünïcödé')\nf()", 1),
        ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    import no_such_module", 1),
        ("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('x') from e", 1),
        ("raise ExceptionGroup('several', [ValueError(1), TypeError(2)])", 1),
        ("e = ValueError('noted')\ne.add_note('a note')\nraise e", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("import os; os._exit(9)", 9),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
        ("import os, signal; os.kill(os.getpid(), signal.SIGPIPE); print('on')", 0),
        ("def (", 1),
        ("x = 1\n  y = 2", 1),
        ("print('never'\n", 1),
        ("return 1", 1),
        ("import helper", 1),
        ("from . import helper", 1),
        ("import threading, sys\nthreading.Thread(target=sys.exit, args=(5,)).start()\nprint('on')", 0),
        ("import threading\nt = threading.Thread(target=lambda: 1 / 0, name='T')\nt.start()\nt.join()", 0),
        ("import warnings\nwarnings.warn('careful')", 0),
        ("import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()", 0),
        ("import logging\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.exception('bad')", 0),
        (
            "import sys\ndef hook(kind, error, trace): print(trace.tb_frame.f_lineno)\nsys.excepthook = hook\n1 / 0",
            1,
        ),
        (
            "import sys\nclass A:\n    def __del__(self): print(1)\nA()",
            0,
        ),
        ("import asyncio\nasync def main(): raise ValueError\nasyncio.run(main())", 1),
    ],
)
def test_warm_script_ends_as_a_plain_one(tmp_path: Path, source: str, code: int) -> None:
    (tmp_path / "helper.py").write_text("import json\n\ndef (")
    assert same(tmp_path, source).code == code


@on_linux
@pytest.mark.parametrize(
    ("caught", "number", "code"),
    [
        ("ValueError", signal.SIGTERM, -signal.SIGTERM),
        ("ValueError", signal.SIGINT, -signal.SIGINT),
        ("ValueError", signal.SIGHUP, -signal.SIGHUP),
        ("ValueError", signal.SIGQUIT, -signal.SIGQUIT),
        ("KeyboardInterrupt", signal.SIGINT, 0),
    ],
)
def test_warm_script_gets_signals_as_a_plain_one(tmp_path: Path, caught: str, number: int, code: int) -> None:
    source = f"""
import signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, [{number}])
print("up", flush=True)
while not signal.sigpending():
    time.sleep(0.01)
try:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [{number}])
except {caught}:
    print("caught")
"""
    assert same(tmp_path, source, signals=(number,)).code == code


@on_linux
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("# coding: latin-1\nprint(ascii('é'))".encode("latin-1"), r"'\xe9'"),
        (b"\xef\xbb\xbfprint(ascii('\xc3\xa9'))", r"'\xe9'"),
        (b"print('a')\r\nprint('b')\r\n", "a b"),
        (
            b"from __future__ import annotations\ndef f(x: no_such_name): pass\nprint(f.__annotations__)",
            "{'x': 'no_such_name'}",
        ),
        (b"def f(x: int): pass\nprint(f.__annotations__)", "{'x': <class 'int'>}"),
        (b"'''doc'''\nprint(__doc__)", "doc"),
        (b"number: int = 5\nprint(__annotations__)", "{'number': <class 'int'>}"),
        (b"", ""),
    ],
)
def test_warm_script_is_read_as_a_plain_one(tmp_path: Path, source: bytes, said: str) -> None:
    ran = same(tmp_path, source)
    assert (ran.code, " ".join(ran.out), ran.err) == (0, said, [])


@on_linux
def test_warm_script_that_has_vanished_is_told_as_by_python(tmp_path: Path) -> None:
    async def scene() -> Ran:
        spawner = await Spawner.start(["json"], dict(os.environ))
        reader, writer = os.pipe()
        child = await spawner.spawn([sys.executable, "none.py"], tmp_path, {}, (writer, writer), True)
        ran = Ran(await child.ended, [], os.read(reader, 65536).decode().splitlines(), "warm")
        os.close(reader)
        os.close(writer)
        await spawner.close()
        return ran

    plain = subprocess.run([sys.executable, "none.py"], cwd=tmp_path, capture_output=True, text=True)
    assert asyncio.run(scene()) == Ran(plain.returncode, [], plain.stderr.splitlines(), "plain")


@on_linux
def test_warm_script_says_everything_before_it_ends(tmp_path: Path) -> None:
    source = """
import atexit, sys, threading, time
atexit.register(print, "first registered")
atexit.register(print, "last registered")
left_open = open("left-open", "w")
left_open.write("flushed")
def late():
    time.sleep(0.2)
    print("thread")
threading.Thread(target=late).start()
class Gone:
    def __del__(self, say=print): say("collected")
gone = Gone()
print("x\\n" * 100_000, end="")
sys.stdout.write("no end of line")
"""
    ran = same(tmp_path, source)
    assert ran.out == [*"x" * 100_000, "no end of linethread", "last registered", "first registered", "collected"]
    assert (tmp_path / "left-open").read_text() == "flushed"


@on_linux
def test_warm_script_has_random_numbers_of_its_own(tmp_path: Path) -> None:
    source = """
import fakelib, random, secrets, ssl, tempfile, uuid
print(random.random(), fakelib.own.random(), secrets.token_hex(), ssl.RAND_bytes(8), uuid.uuid1(), uuid.uuid4(),
    next(tempfile._get_candidate_names()), sep="\\n")
"""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "fakelib.py").write_text("import random\nown = random.Random()\n")
    (tmp_path / "main.py").write_text(source)

    async def scene() -> list[Ran]:
        launcher = Launcher("owner")
        command = [sys.executable, "main.py"]
        ran = [await run(launcher, tmp_path, command, PYTHONPATH=str(tmp_path / "lib")) for _ in range(3)]
        await launcher.close()
        return ran

    runs = asyncio.run(scene())
    assert {ran.how for ran in runs} == {"warm"}
    for numbers in zip(*(ran.out for ran in runs), strict=True):
        assert len(set(numbers)) == 3


@on_linux
def test_warm_script_can_fork_spawn_and_pickle(tmp_path: Path) -> None:
    source = """
import concurrent.futures, inspect, linecache, multiprocessing, pickle, sys

class Point:
    def __init__(self, x): self.x = x

def double(point):
    return Point(2 * point.x)

if __name__ == "__main__":
    print(pickle.loads(pickle.dumps(Point(1))).x, Point.__module__)
    print(inspect.getsource(double), inspect.getfile(Point), linecache.getline(__file__, 2))
    for kind in ("fork", "spawn"):
        with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context(kind)) as pool:
            print(kind, pool.submit(double, Point(21)).result().x)
    process = multiprocessing.get_context("fork").Process(target=sys.exit, args=(3,))
    process.start()
    process.join()
    print(process.exitcode)
"""
    ran = same(tmp_path, source)
    assert (ran.code, ran.err) == (0, [])
    assert [ran.out[0], *ran.out[-3:]] == ["1 __main__", "fork 42", "spawn 42", "3"]


@on_linux
def test_warm_script_keeps_what_an_import_puts_into_the_environment(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "fakelib.py").write_text("import os\nos.environ['FROM_IMPORT'] = 'yes'\n")
    source = "import fakelib, os, subprocess\nsubprocess.run(['sh', '-c', 'echo $FROM_IMPORT $SERVICE_PORT'])"
    assert same(tmp_path, source, PYTHONPATH=str(tmp_path / "lib"), SERVICE_PORT="1").out == ["yes 1"]


@on_linux
def test_warm_script_meets_a_module_that_has_just_been_written(tmp_path: Path) -> None:
    """A keeper remembers what is in the folders of sys.path; the script must not go by that."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "fakelib.py").touch()
    (tmp_path / "main.py").write_text(
        "import fakelib\ntry: import later\nexcept ImportError as e: print(e)\nelse: print('there')"
    )

    async def scene() -> None:
        launcher = Launcher("owner")
        environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "lib"), str(tmp_path / "new")])}
        said = []
        for write in (None, tmp_path / "new" / "later.py"):
            if write:
                write.parent.mkdir()
                write.touch()
            said.append(await run(launcher, tmp_path, [sys.executable, "main.py"], **environment))
        assert [(ran.how, ran.out) for ran in said] == [("warm", ["No module named 'later'"]), ("warm", ["there"])]
        await launcher.close()

    asyncio.run(scene())


@on_linux
@pytest.mark.skipif(not shutil.which("ps"), reason="ps is not installed")
def test_warm_script_is_shown_by_its_own_command(tmp_path: Path) -> None:
    source = "import os, subprocess, sys\nprint(subprocess.getoutput(f'ps -ww -o args= -p {os.getpid()}').rstrip())"
    ran = same(tmp_path, source, "--port", "8080", "x" * 100)
    assert ran.out == [f"{sys.executable} main.py --port 8080 {'x' * 100}"]


def test_request_of_a_megabyte_passes_through_the_channel(tmp_path: Path) -> None:
    async def scene() -> None:
        spawner = await Spawner.start()
        reader, writer = os.pipe()
        environment = {f"LARGE_{number}": "x" * 100_000 for number in range(12)}
        children = await asyncio.gather(
            *(spawner.spawn(["true"], tmp_path, environment, (writer, writer), False) for _ in range(5))
        )
        assert await asyncio.gather(*(child.ended for child in children)) == [0] * 5
        os.close(reader)
        os.close(writer)
        await spawner.close()

    asyncio.run(scene())


def test_keeper_serves_a_channel_with_a_high_number(tmp_path: Path) -> None:
    """More files may be open than select() can tell apart."""
    import resource

    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < 2000:
        pytest.skip("the system does not allow that many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, 2000), most))
    with contextlib.ExitStack() as stack:
        one, other = socket.socketpair()
        stack.callback(one.close)
        stack.callback(other.close)
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (limit, most))
        for _ in range(1100):
            stack.callback(os.close, os.dup(one.fileno()))

        async def scene() -> None:
            launcher = Launcher("owner")
            assert (await run(launcher, tmp_path, ["echo", "up"])).out == ["up"]
            await launcher.close()

        asyncio.run(scene())


def test_keeper_of_another_system_takes_groups_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody adopts orphans: without a guard, and with what every system has."""
    shutil.copytree(spawn.KEEPER.parent, tmp_path / "keeper")
    family = tmp_path / "keeper" / "family.py"
    source = family.read_text(encoding="utf-8")
    assert 'LINUX = sys.platform == "linux"' in source
    family.write_text(source.replace('LINUX = sys.platform == "linux"', "LINUX = False"))
    monkeypatch.setattr(spawn, "KEEPER", tmp_path / "keeper" / "keeper.py")

    async def scene() -> None:
        launcher = Launcher("owner", warm=False)
        assert (await run(launcher, tmp_path, ["sh", "-c", "echo up; exit 3"])) == Ran(3, ["up"], [], "")
        command = ("sh", "-c", "trap '' TERM; sleep 999 & echo up; wait")
        heard = asyncio.Event()
        process = await Process.start(launcher, Program(command, tmp_path, dict(os.environ)), lambda *_: heard.set())
        await heard.wait()
        started = [psutil.Process(process.pid), *descendants(process.pid)]
        assert len(started) == 2
        await launcher.close()
        assert await process.ended == -signal.SIGKILL
        assert nothing_of(started)

    asyncio.run(scene())
