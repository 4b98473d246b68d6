"""Readiness: looks at real servers and commands, and what is said when time is up."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fuge_project import free_ports
from helpers import left_running, wait_until

from fuge.errors import NotReadyError
from fuge.plan.system import Readiness
from fuge.services import readiness as module
from fuge.services.launcher import Launcher, Program
from fuge.services.process import Process
from fuge.services.readiness import Probe

Answer = Callable[[socket.socket], None]


def probe(readiness: Readiness, port: int = 0, host: str = "127.0.0.1", folder: Path = Path("/")) -> Probe:
    program = Program(("true",), folder, dict(os.environ))
    return Probe(readiness, host, port, program, Launcher("owner"))


async def look(probe: Probe) -> str:
    """What one look finds."""
    assert not await probe.look()
    await probe.launcher.close()
    return probe.error


async def failure(probe: Probe) -> str:
    """What is said when time is up."""
    with pytest.raises(NotReadyError) as caught:
        await probe.wait()
    await probe.launcher.close()
    return str(caught.value)


def answer(text: str) -> Answer:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(text.encode())

    return handle


def silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def serve(listener: socket.socket, handle: Answer) -> None:
    """Answer one connection after the other, until the listener is shut."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(ConnectionError):
                handle(connection)


@contextlib.contextmanager
def serving(handle: Answer, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        threading.Thread(target=serve, args=(listener, handle), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def unused_port() -> int:
    """None of those that the system gives to outgoing connections: one may be connected to itself."""
    return free_ports(1)[0]


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as there:
            there.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def test_started_is_ready_at_once() -> None:
    asyncio.run(probe(Readiness("started")).wait())


def test_tcp_is_ready_when_the_port_accepts() -> None:
    async def scene() -> None:
        with serving(silent) as port:
            await probe(Readiness("tcp"), port).wait()

    asyncio.run(scene())


@pytest.mark.parametrize("handle", [silent, lambda connection: connection.sendall(b"welcome")])
async def test_tcp_behind_a_proxy_is_ready_when_the_connection_lasts_or_is_welcomed(handle: Answer) -> None:
    with serving(handle) as port:
        looking = replace(probe(Readiness("tcp"), port), behind_proxy=True)
        assert await looking.look()


async def test_tcp_behind_a_proxy_is_not_ready_when_it_hangs_up() -> None:
    with serving(lambda connection: None) as port:
        found = await look(replace(probe(Readiness("tcp"), port), behind_proxy=True))
        assert found == f"127.0.0.1:{port}: nothing listens in the container"
        assert await probe(Readiness("tcp"), port).look()


def test_tcp_waits_until_the_port_accepts() -> None:
    async def scene() -> None:
        port = unused_port()
        waiting = asyncio.create_task(probe(Readiness("tcp"), port).wait())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        with serving(silent, port=port):
            await waiting

    asyncio.run(scene())


def test_tcp_says_that_the_port_is_closed() -> None:
    port = unused_port()
    text = asyncio.run(failure(probe(Readiness("tcp", timeout=0.5), port)))
    assert text == f"not ready within 0.5 s: 127.0.0.1:{port}: Connection refused"


def test_tcp_says_that_the_host_is_unknown() -> None:
    text = asyncio.run(look(probe(Readiness("tcp"), 80, "no-such-host.invalid")))
    assert text.startswith("no-such-host.invalid:80: ") or text == f"no answer within {module.ATTEMPT} s"
    assert "Unknown error" not in text
    assert "[Errno" not in text


@needs_ipv6
@pytest.mark.parametrize("kind", ["tcp", "http"])
def test_ipv6_host_is_reached(kind: str) -> None:
    async def scene() -> None:
        heard = []

        def handle(connection: socket.socket) -> None:
            heard.append(connection.recv(65536).decode().splitlines())
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        with serving(handle, "::1") as port:
            await probe(Readiness("http" if kind == "http" else "tcp", "/"), port, "::1").wait()
        assert kind == "tcp" or f"Host: [::1]:{port}" in heard[0]

    asyncio.run(scene())


@needs_ipv6
def test_ipv6_address_is_named_in_brackets() -> None:
    port = unused_port()
    text = asyncio.run(look(probe(Readiness("tcp"), port, "::1")))
    assert text == f"[::1]:{port}: Connection refused"


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "399"])
def test_http_is_ready_with_a_good_status(status: str) -> None:
    async def scene() -> None:
        with serving(answer(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")) as port:
            await probe(Readiness("http", "/health"), port).wait()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("HTTP/1.1 404 Not Found\r\n\r\n", "GET /health is answered with 404 Not Found"),
        ("HTTP/1.0 500 Internal Server Error\r\n\r\n", "GET /health is answered with 500 Internal Server Error"),
        ("HTTP/1.1 100 Continue\r\n\r\n", "GET /health is answered with 100 Continue"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "GET /health is not answered in HTTP"),
        ("", "GET /health is not answered in HTTP"),
        ("HTTP/1.1\r\n", "GET /health is not answered in HTTP"),
    ],
)
def test_http_says_what_the_answer_was(text: str, said: str) -> None:
    async def scene() -> str:
        with serving(answer(text)) as port:
            return await look(probe(Readiness("http", "/health"), port))

    assert asyncio.run(scene()) == said


def test_http_answer_without_end_is_no_http() -> None:
    def endless(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 65536)

    async def scene() -> str:
        with serving(endless) as port:
            return await look(probe(Readiness("http", "/"), port))

    assert asyncio.run(scene()).startswith("127.0.0.1:")


def test_http_that_hangs_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ATTEMPT", 0.1)
    asked = []

    def second_time(connection: socket.socket) -> None:
        asked.append(1)
        (silent if len(asked) == 1 else answer("HTTP/1.1 200 OK\r\n\r\n"))(connection)

    async def scene() -> None:
        with serving(second_time) as port:
            await probe(Readiness("http", "/"), port).wait()

    asyncio.run(scene())
    assert len(asked) >= 2


def test_http_that_hangs_is_told_after_each_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ATTEMPT", 0.1)

    async def scene() -> str:
        with serving(silent) as port:
            return await failure(probe(Readiness("http", "/", timeout=0.5), port))

    assert asyncio.run(scene()) == "not ready within 0.5 s: no answer within 0.1 s"


def test_time_that_is_up_in_the_first_look_is_told() -> None:
    async def scene() -> str:
        with serving(silent) as port:
            return await failure(probe(Readiness("http", "/", timeout=0.1), port))

    assert asyncio.run(scene()) == "not ready within 0.1 s: no answer so far"


def test_exec_is_ready_when_the_command_ends_well(tmp_path: Path) -> None:
    async def scene() -> None:
        looking = probe(Readiness("exec", "test -e flag || { touch flag; exit 1; }"), folder=tmp_path)
        await looking.wait()
        await looking.launcher.close()

    asyncio.run(scene())
    assert (tmp_path / "flag").exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo first; echo not yet >&2; exit 3", "ended with 3: not yet"),
        ("exit 4", "ended with 4: it said nothing"),
        ("kill -9 $$", "ended with -9: it said nothing"),
    ],
)
def test_exec_says_what_the_command_said(command: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ATTEMPT", 60)
    assert asyncio.run(look(probe(Readiness("exec", command)))) == f"{command} {said}"


CHILDREN = "(setsid sleep 999 &) ; sleep 999 & sleep 999 & wait"


@pytest.mark.parametrize("attempt", [0.2, 2])
def test_exec_that_hangs_leaves_nothing(attempt: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is the time for one look that ends it, or the time for all."""
    monkeypatch.setattr(module, "ATTEMPT", attempt)
    before = left_running()

    async def scene() -> None:
        looking = probe(Readiness("exec", CHILDREN, timeout=0.5))
        with pytest.raises(NotReadyError, match="not ready within 0.5 s: no answer"):
            await looking.wait()
        keepers = looking.launcher.keepers["plain"]
        assert await asyncio.to_thread(wait_until, lambda: not [each for each in left_running() if "sleep" in each])
        assert looking.launcher.keepers["plain"] == keepers
        await looking.launcher.close()

    asyncio.run(scene())
    assert {*left_running()} <= {*before}


def test_exec_does_not_wait_for_what_it_leaves_behind() -> None:
    async def scene() -> None:
        looking = probe(Readiness("exec", "sleep 999 & exit 0"))
        await looking.wait()
        assert await asyncio.to_thread(wait_until, lambda: not [each for each in left_running() if "sleep" in each])
        await looking.launcher.close()

    asyncio.run(scene())


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_log_is_ready_by_a_line_of_either_stream(tmp_path: Path, stream: str) -> None:
    async def scene() -> None:
        looking = probe(Readiness("log", r"listening on \d+"), folder=tmp_path)
        program = Program((sys.executable, "-c", PRINTS.format(stream=stream)), tmp_path, dict(os.environ))
        process = await Process.start(looking.launcher, program, lambda _, lines: looking.hear(lines))
        await looking.wait()
        await process.stop(signal.SIGKILL, 0)
        await looking.launcher.close()

    asyncio.run(scene())


PRINTS = """
import sys, time
print("starting", "listening on nothing", sep="\\n", file=sys.{stream}, flush=True)
time.sleep(0.05)
print("now listening on 8080", file=sys.{stream}, flush=True)
time.sleep(999)
"""


def test_log_line_counts_that_came_before_the_wait() -> None:
    looking = probe(Readiness("log", "^ready$"))
    looking.hear(["not ready", "ready"])
    asyncio.run(looking.wait())


def test_log_says_which_line_is_missing() -> None:
    text = asyncio.run(failure(probe(Readiness("log", "ready.*", timeout=0.1))))
    assert text == "not ready within 0.1 s: no line of output matches 'ready.*'"
