"""Warm starts: when the warm process is renewed, shared, or not used at all."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from helpers import unmeasured, wait_until

from fuge.services import spawn
from fuge.services.launcher import Launcher, Program
from fuge.services.process import Process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are warm starts on Linux only")


@dataclass
class Stage:
    """A folder with a service and one with its libraries, and a launcher."""

    folder: Path
    launcher: Launcher = field(default_factory=lambda: Launcher("owner"))

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def program(self, script: str = "service/main.py", *words: str, **environment: str) -> Program:
        libraries = {"PYTHONPATH": str(self.folder / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
        path = self.folder / script
        return Program((sys.executable, path.name, *words), path.parent, unmeasured() | libraries | environment)

    async def start(self, program: Program | None = None, lines: list[str] | None = None) -> Process:
        heard = [] if lines is None else lines
        return await Process.start(self.launcher, program or self.program(), lambda _, texts: heard.extend(texts))

    async def run(self, program: Program | None = None) -> tuple[str, str]:
        """How it was started, and what it said."""
        lines: list[str] = []
        process = await self.start(program, lines)
        await process.wait()
        await process.stop(signal.SIGKILL, 0)
        return process.how, "\n".join(lines)

    @property
    def warm(self) -> list[int]:
        return self.launcher.keepers["warm"]


def play(folder: Path, scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def run() -> None:
        stage = Stage(folder)
        try:
            await scene(stage)
        finally:
            await stage.launcher.close()

    (folder / "lib").mkdir()
    asyncio.run(run())


async def ends(pid: int) -> bool:
    return await asyncio.to_thread(wait_until, lambda: not psutil.pid_exists(pid))


# Renewal ------------------------------------------------------------------------------------------------------------


def test_warm_keeper_stays_the_same_from_start_to_start(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "import json, os\nprint(os.getppid())")
        answers = {await stage.run() for _ in range(3)}
        assert answers == {("warm", str(stage.warm[0]))}

    play(tmp_path, scene)


def test_changed_library_is_met_at_the_next_start(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "import fakelib\nprint(fakelib.VALUE)")
        keepers = set()
        for turn in range(20):
            stage.write("lib/fakelib.py", f"VALUE = {turn}\n" + "#" * turn)
            assert await stage.run() == ("warm", str(turn))
            (keeper,) = stage.warm
            keepers.add(keeper)
        assert len(keepers) == 20
        keepers.discard(keeper)
        for old in keepers:
            assert await ends(old)

    play(tmp_path, scene)


def test_changed_package_is_met_at_the_next_start(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "from fakelib.inner import part\nprint(part.VALUE)")
        for turn in ("one", "three"):
            stage.write("lib/fakelib/inner/part.py", f"VALUE = {turn!r}")
            assert await stage.run() == ("warm", turn)

    play(tmp_path, scene)


def test_old_keeper_lives_as_long_as_its_children(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("lib/fakelib.py", "VALUE = 1")
        stage.write("service/main.py", "import fakelib, sys, time\nif len(sys.argv) > 1: time.sleep(999)")
        stays = await stage.start(stage.program("service/main.py", "stay"))
        (old,) = stage.warm
        stage.write("lib/fakelib.py", "VALUE = 1000")
        await stage.run()
        assert len(stage.warm) == 2
        assert psutil.pid_exists(stays.pid)
        await stays.stop(signal.SIGTERM, 5)
        assert await ends(old)
        assert await asyncio.to_thread(wait_until, lambda: old not in stage.warm)

    play(tmp_path, scene)


def test_library_that_changes_while_it_is_loaded_is_loaded_again(tmp_path: Path) -> None:
    """What was read at the beginning is older than the file that is there in the end."""

    async def scene(stage: Stage) -> None:
        change = "import pathlib\nfile = pathlib.Path(__file__).with_name('fakelib.py')\n"
        stage.write("lib/changer.py", change + "if 'old' in file.read_text(): file.write_text('VALUE = \"new\"')")
        stage.write("lib/fakelib.py", "VALUE = 'old'")
        stage.write("service/main.py", "import fakelib, changer\nprint(fakelib.VALUE)")
        assert await stage.run() == ("warm", "new")

    play(tmp_path, scene)


def test_library_from_the_future_is_no_reason_to_load_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        os.utime(stage.write("lib/fakelib.py", "VALUE = 1"), (4e9, 4e9))
        stage.write("service/main.py", "import fakelib, os\nprint(os.getppid())")
        assert await stage.run() == await stage.run()

    play(tmp_path, scene)


def test_code_of_the_service_is_always_fresh(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "import json, routes, app.part\nprint(routes.VALUE, app.part.VALUE)")
        for turn in "abc":
            stage.write("service/routes.py", f"VALUE = {turn!r}")
            stage.write("service/app/part.py", f"VALUE = {turn!r}")
            assert await stage.run() == ("warm", f"{turn} {turn}")
        assert len(stage.warm) == 1

    play(tmp_path, scene)


def test_new_import_leads_to_a_keeper_that_has_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        asks = "import sys\nprint('colorsys' in sys.modules, 'chunk' in sys.modules)\n"
        stage.write("service/main.py", asks)
        assert await stage.run() == ("warm", "False False")
        (first,) = stage.warm
        stage.write("service/main.py", asks + "import colorsys\n")
        assert await stage.run() == ("warm", "True False")
        assert await ends(first)
        (second,) = stage.warm
        stage.write("service/main.py", asks)
        assert await stage.run() == ("warm", "True False")
        assert stage.warm == [second]

    play(tmp_path, scene)


def test_keepers_of_an_old_environment_end(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "import os\nprint(os.environ['NAME'])")
        for name in ("one", "two"):
            program = stage.program(NAME=name)
            stage.launcher.prepare([program])
            assert await stage.run(program) == ("warm", name)
            assert await asyncio.to_thread(wait_until, lambda: len(stage.warm) == 1)

    play(tmp_path, scene)


# Sharing ------------------------------------------------------------------------------------------------------------


def test_services_of_different_environment_share_no_keeper(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "import os\nprint(os.environ['NAME'], os.getppid())")
        said = [(await stage.run(stage.program(NAME=name)))[1].split() for name in ("one", "two", "one")]
        assert [name for name, _ in said] == ["one", "two", "one"]
        assert said[0] == said[2]
        assert said[0][1] != said[1][1]
        assert len(stage.warm) == 2

    play(tmp_path, scene)


def test_services_share_a_keeper_in_spite_of_their_own_addresses(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        asks = "import os, subprocess\nprint(os.environ.get('SERVICE_PORT'), os.getppid(), flush=True)\n"
        for name in ("one", "two"):
            stage.write(f"{name}/main.py", asks + "subprocess.run(['sh', '-c', 'echo $SERVICE_HOST $FUGE_RUN'])")
        stage.launcher.prepare([stage.program("one/main.py"), stage.program("two/main.py")])
        with_port = stage.program("one/main.py", SERVICE_PORT="8080", SERVICE_HOST="127.0.0.9")
        _, first = await stage.run(with_port)
        _, second = await stage.run(stage.program("two/main.py"))
        (keeper,) = stage.warm
        assert first.startswith(f"8080 {keeper}\n127.0.0.9 owner-")
        assert second.startswith(f"None {keeper}\nowner-")
        assert first.split()[-1] != second.split()[-1]

    play(tmp_path, scene)


def test_fifty_launches_at_once_share_one_keeper(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "import sys\nprint(sys.argv[1])")
        said = await asyncio.gather(*(stage.run(stage.program("service/main.py", str(n))) for n in range(50)))
        assert said == [("warm", str(n)) for n in range(50)]
        assert len(stage.warm) == 1

    play(tmp_path, scene)


def test_launches_during_a_renewal_all_succeed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "import fakelib\nprint(fakelib.VALUE)")
        for turn in range(3):
            stage.write("lib/fakelib.py", f"VALUE = '{turn}'\n" + "#" * turn)
            before = [asyncio.create_task(stage.run()) for _ in range(8)]
            await asyncio.sleep(0.02 * turn)
            stage.write("lib/fakelib.py", f"VALUE = '{turn}00'\n" + "#" * turn)
            said = await asyncio.gather(*before, *(stage.run() for _ in range(8)))
            assert {value for _, value in said} <= {str(turn), f"{turn}00"}
            assert {value for _, value in said[8:]} == {f"{turn}00"}
            assert await stage.run() == ("warm", f"{turn}00")
        assert await asyncio.to_thread(wait_until, lambda: len(stage.warm) == 1)

    play(tmp_path, scene)


@pytest.mark.parametrize("warm", [True, False])
def test_hundred_large_requests_at_once_are_answered(tmp_path: Path, warm: bool) -> None:
    async def scene(stage: Stage) -> None:
        stage.launcher.warm = warm
        stage.write(
            "service/main.py", "import os, sys\nprint(sys.argv[1], sum(map(len, os.environ.values())) > 200_000)"
        )
        large = {f"LARGE_{number}": "ü" * 10_000 for number in range(20)}
        programs = [stage.program("service/main.py", str(n), **large) for n in range(100 if warm else 30)]
        said = await asyncio.gather(*(stage.run(program) for program in programs))
        assert [value for _, value in said] == [f"{n} True" for n in range(len(programs))]

    play(tmp_path, scene)


def test_request_that_no_system_would_run_is_answered(tmp_path: Path) -> None:
    """A command line and an environment of more than a megabyte each: they pass, and exec refuses them."""

    async def scene(stage: Stage) -> None:
        large = {f"LARGE_{number}": "x" * 100_000 for number in range(30)}
        stage.write("service/main.py", "print('up')")
        words = Program(("true", "y" * 2_000_000), tmp_path, dict(os.environ))
        for program in (stage.program(**large), words):
            how, said = await stage.run(program)
            assert how.startswith("plain: ")
            assert said.startswith("cannot run ")
            assert said.endswith("Argument list too long")
        assert await stage.run() == ("warm", "up")

    play(tmp_path, scene)


# Plain starts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("library", "reason"),
    [
        ("1 / 0", "import fakelib: ZeroDivisionError: division by zero"),
        ("import nowhere", "import fakelib: No module named 'nowhere'"),
        ("def (", "import fakelib: SyntaxError: "),
        ("import sys; sys.exit(3)", "import fakelib: SystemExit: 3"),
        ("import os; os._exit(3)", "the keeper ended during its imports"),
        ("print('hello')", "an import prints something"),
        ("import sys; sys.stderr.write('hello')", "an import prints something"),
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
            "starts a thread",
        ),
        ("import subprocess; child = subprocess.Popen(['sleep', '999'])", "an import starts a process"),
        ("import os; os.chdir('/')", "an import changes the current folder"),
        ("import os; os.umask(0o027)", "an import changes the umask"),
        ("import signal; signal.signal(signal.SIGTERM, print)", "an import changes signal handlers"),
        ("import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)", "an import changes signal handlers"),
        ("import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [10])", "an import changes the signal mask"),
        ("import sys; sys.path.insert(0, '/opt')", "an import changes sys.path"),
        ("import gc; gc.disable()", "an import changes garbage collection"),
        ("file = open(__file__)", "an import leaves a file open"),
        ("import sys; sys.modules['numpy'] = sys", "numpy: its random numbers would repeat"),
    ],
)
def test_import_that_makes_forking_unsafe_leads_to_a_plain_start(tmp_path: Path, library: str, reason: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("lib/fakelib.py", library)
        stage.write("service/main.py", "print('up', flush=True)\ntry:\n    import fakelib\nexcept BaseException: pass")
        how, said = await stage.run()
        assert how.startswith("plain: ")
        assert reason in how
        assert "up" in said
        assert stage.warm == []

    play(tmp_path, scene)


@pytest.mark.parametrize("hangs", ["import time; time.sleep(999)", "import signal; signal.pause()", "while True: pass"])
def test_import_that_takes_too_long_leads_to_a_plain_start(
    tmp_path: Path, hangs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "READY", 0.7)

    async def scene(stage: Stage) -> None:
        stage.write("lib/fakelib.py", hangs)
        stage.write("service/main.py", "print('up')\nif False: import fakelib")
        assert await stage.run() == ("plain: its imports take more than 0.7 s", "up")
        assert await asyncio.to_thread(wait_until, lambda: len(psutil.Process().children(recursive=True)) <= 2)

    play(tmp_path, scene)


def test_import_that_is_not_installed_is_no_reason_for_a_plain_start(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        source = "try:\n    import not_installed.part\nexcept ImportError as error:\n    print(error)\nimport json"
        stage.write("service/main.py", source)
        assert await stage.run() == ("warm", "No module named 'not_installed'")

    play(tmp_path, scene)


def test_unsafe_import_of_one_service_leaves_the_others_warm(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("lib/fakelib.py", "import os; os.umask(0o027)")
        stage.write("one/main.py", "import fakelib\nprint('one')")
        stage.write("two/main.py", "import json\nprint('two')")
        one, two = stage.program("one/main.py"), stage.program("two/main.py")
        stage.launcher.prepare([one, two])
        for _ in range(2):
            assert await stage.run(one) == ("plain: an import changes the umask", "one")
            assert await stage.run(two) == ("warm", "two")
        stage.write("one/main.py", "print('one')")
        assert [await stage.run(one), await stage.run(two)] == [("warm", "one"), ("warm", "two")]
        assert await asyncio.to_thread(wait_until, lambda: len(stage.warm) == 1)

    play(tmp_path, scene)


@pytest.mark.parametrize("name", ["socket.py", "json/__init__.py"])
def test_own_module_with_the_name_of_a_loaded_one_leads_to_a_plain_start(tmp_path: Path, name: str) -> None:
    async def scene(stage: Stage) -> None:
        module = name.removesuffix(".py").removesuffix("/__init__")
        stage.write(f"service/{name}", "VALUE = 'own'")
        stage.write("service/main.py", f"import {module}\nprint({module}.VALUE)")
        reason = f"{name.removesuffix('/__init__.py')} has the name of a module that is loaded already"
        assert await stage.run() == (f"plain: {reason}", "own")

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"PYTHONPATH": "lib"}, "PYTHONPATH has a relative path"),
        ({"PYTHONPATH": "/a::/b"}, "PYTHONPATH has a relative path"),
        ({"PYTHONSAFEPATH": "1"}, "PYTHONSAFEPATH is set"),
    ],
)
def test_environment_that_changes_the_start_of_python_leads_to_a_plain_start(
    tmp_path: Path, environment: dict[str, str], reason: str
) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "print('up')")
        assert await stage.run(stage.program(**environment)) == (f"plain: {reason}", "up")

    play(tmp_path, scene)


def test_empty_pythonpath_is_no_reason_for_a_plain_start(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "print('up')")
        assert await stage.run(stage.program(PYTHONPATH="")) == ("warm", "up")

    play(tmp_path, scene)


@pytest.mark.parametrize("words", [("-c", "print('up')"), ("-u", "main.py"), ("-m", "main")])
def test_other_commands_start_plainly(tmp_path: Path, words: tuple[str, ...]) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("service/main.py", "print('up')")
        program = Program((sys.executable, *words), tmp_path / "service", dict(os.environ))
        assert await stage.run(program) == ("plain: it is not `python FILE.py`", "up")

    play(tmp_path, scene)


def test_warm_starts_can_be_switched_off(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.launcher = Launcher("owner", warm=False)
        stage.write("service/main.py", "print('up')")
        stage.launcher.prepare([stage.program()])
        assert await stage.run() == ("plain: warm start is off", "up")
        assert stage.warm == []

    play(tmp_path, scene)


def test_close_does_not_wait_for_imports(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.write("lib/fakelib.py", "open('/dev/null')\nimport time\ntime.sleep(999)")
        stage.write("service/main.py", "import fakelib")
        stage.launcher.prepare([stage.program()])
        await asyncio.sleep(0.05)
        await asyncio.wait_for(stage.launcher.close(), 30)

    play(tmp_path, scene)


def test_programs_that_differ_in_what_is_their_own_share_a_keeper(tmp_path: Path) -> None:
    one, other, third = (
        Program(("x",), tmp_path, {"A": "1", **own})
        for own in (
            {"OTEL_SERVICE_NAME": "one", "SERVICE_PORT": "1"},
            {"OTEL_SERVICE_NAME": "two", "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=two"},
            {"A": "2"},
        )
    )
    assert one.group == other.group
    assert one.group != third.group
