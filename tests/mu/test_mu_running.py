"""How a program runs and ends, and the event loops that mu makes, with uvloop and without."""

import signal
import subprocess
import sys
import textwrap

import pytest

PLAIN = "import sys; sys.modules['uvloop'] = None\n"
AS_ON_WINDOWS = f"{PLAIN}import asyncio as a; del a.SelectorEventLoop.add_signal_handler\n"
SERVICE = """
import asyncio
from mu import run

async def main():
    print("up", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("torn down")

run(main())
"""


def done(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("first", ["", PLAIN, AS_ON_WINDOWS], ids=["uvloop", "asyncio", "as on Windows"])
def test_run_tears_down_when_it_is_told_to_stop_and_ends_well(first: str, number: int) -> None:
    words = [sys.executable, "-c", first + SERVICE]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout
        assert program.stdout.readline() == "up\n"
        program.send_signal(number)
        assert program.communicate(timeout=60) == ("torn down\n", "")
    assert program.returncode == 0


def test_run_tells_an_error_of_mu_in_one_line() -> None:
    ended = done("""
        from mu import ConnectFailed, run

        async def main():
            raise ConnectFailed("the port is taken")

        run(main())
    """)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "ConnectFailed: the port is taken\n")


def test_run_does_not_hide_a_cancellation_that_nobody_outside_asked_for() -> None:
    ended = done("""
        import asyncio
        from mu import run

        async def main():
            asyncio.current_task().cancel()
            await asyncio.sleep(0)

        run(main())
    """)
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith("CancelledError")


@pytest.mark.parametrize("hidden", [True, False], ids=["without uvloop", "with uvloop"])
def test_new_event_loop_is_of_uvloop_if_that_is_installed(hidden: bool) -> None:
    pytest.importorskip("uvloop")
    code = f"""
        import sys
        if {hidden}:
            sys.modules["uvloop"] = None
        from mu import new_event_loop
        loop = new_event_loop()
        print(type(loop).__module__.partition(".")[0])
        loop.close()
    """
    ended = done(code)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == ("asyncio" if hidden else "uvloop")
