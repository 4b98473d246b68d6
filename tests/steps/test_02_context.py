"""Recipe 02: the launcher of two services, and a webapp whose adder answers rubbish."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import psutil
import pytest
from helpers import left_running, wait_until

from workbook import course, ports
from workbook.browser import Answer, request
from workbook.system import System
from workbook.terminal import Terminal

pytestmark = pytest.mark.step("02")
RECIPE = course.recipe("02")


def launcher(free: dict[str, int]) -> Terminal:
    return Terminal("python run.py", RECIPE.step, ports.environment(free))


def test_launcher_shows_where_each_service_listens() -> None:
    free = ports.free_ports(RECIPE.ports)
    terminal = launcher(free)
    assert terminal.wait_for("ready").splitlines() == [
        "starting adder_service, webapp",
        f"adder_service | listening at http://127.0.0.1:{free['adder_service']}",
        f"webapp        | listening at http://127.0.0.1:{free['webapp']}",
        f"ready: open http://127.0.0.1:{free['webapp']} in a browser; Ctrl-C stops everything",
    ]
    assert terminal.press_ctrl_c() == 0
    assert terminal.new_output().splitlines() == [
        "stopping; a service has 10 s to finish what it has begun",
        "webapp ended, with exit code 0",
        "adder_service ended, with exit code 0",
        "stopped",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["INT", "TERM", "HUP"])
@pytest.mark.parametrize("milliseconds", [0, 3, 10, 30, 100, 300, 500, 700, 1000])
def test_launcher_stops_everything_at_any_moment(number: int, milliseconds: int) -> None:
    """The signal comes in the middle of the start: any moment will do, so its precision does not matter."""
    terminal = launcher(ports.free_ports(RECIPE.ports))
    terminal.wait_for("starting")
    time.sleep(milliseconds / 1000)
    terminal.process.send_signal(number)
    assert terminal.wait() == 0
    assert terminal.new_output().endswith("stopped\n")
    assert wait_until(lambda: not left_running()), left_running()


def test_launcher_survives_whatever_a_service_prints(tmp_path: Path) -> None:
    """Lines beyond asyncio's limit, and bytes that are no text."""
    copy = tmp_path / "step"
    shutil.copytree(RECIPE.step, copy)
    noisy = "import sys; sys.stdout.buffer.write(b'x' * 200_000 + b'\\n\\xff\\xfe\\n'); sys.stdout.flush()\n"
    service = copy / "adder_service" / "service.py"
    service.write_text(noisy + service.read_text().replace('"""', "#", 1).replace('"""', "", 1))
    with System(copy, RECIPE) as system:
        said = system.terminal.wait_for("ready")
        assert "a line that is too long to show" in said
        assert "adder_service | \ufffd\ufffd" in said
        assert system.post("webapp", "/add/calculate", first="1", second="2").status == 200


def test_launcher_in_the_background_of_a_script_can_be_stopped() -> None:
    """A shell without job control starts such programs with SIGINT ignored."""
    free = ports.free_ports(RECIPE.ports)
    terminal = Terminal(f"sh -c '{sys.executable} run.py & wait'", RECIPE.step, ports.environment(free))
    terminal.wait_for("ready")
    (launcher,) = psutil.Process(terminal.process.pid).children()
    launcher.terminate()
    assert terminal.wait() == 0
    assert terminal.new_output().endswith("stopped\n")


def test_launcher_whose_terminal_is_closed_stops_everything() -> None:
    environment = os.environ | ports.environment(ports.free_ports(RECIPE.ports))
    terminal = pexpect.spawn(sys.executable, ["run.py"], cwd=str(RECIPE.step), env=environment, timeout=30)
    terminal.expect_exact("ready")
    terminal.close()
    assert wait_until(lambda: not left_running()), left_running()


def test_launcher_is_not_hurt_by_impatience() -> None:
    terminal = launcher(ports.free_ports(RECIPE.ports))
    terminal.wait_for("ready")
    for _ in range(5):
        os.killpg(terminal.process.pid, signal.SIGINT)
        time.sleep(0.01)
    assert terminal.wait() == 0
    assert wait_until(lambda: not left_running()), left_running()


def test_launcher_stops_the_rest_when_one_cannot_start() -> None:
    free = ports.free_ports(RECIPE.ports)
    with socket.create_server(("127.0.0.1", free["webapp"])):
        terminal = launcher(free)
        assert terminal.wait() == 1
    said = terminal.new_output()
    assert f"webapp        | cannot listen on port {free['webapp']} (" in said
    assert "webapp ended, with exit code 1\n" in said
    assert said.endswith("webapp ended before it listened\n")
    assert "Traceback" not in said
    assert not ports.answers(free["adder_service"])


def test_launcher_goes_on_when_a_service_dies_and_ends_with_the_last() -> None:
    with System(RECIPE.step, RECIPE) as system:
        system.terminal.wait_for("ready")
        system.kill("adder_service")
        assert system.terminal.wait_for("adder_service ended") == "adder_service ended, with exit code -9\n"
        assert system.get("webapp", "/").status == 200
        system.process("webapp").terminate()
        system.terminal.wait_for("webapp ended, with exit code 0")
        assert system.terminal.wait() == 1


def respond(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: text/plain", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class OtherServer:
    """Listens in the adder's place and gives every caller the same bytes, or a byte now and then."""

    def __init__(self, port: int) -> None:
        self.answer = b""
        self.pause = 0.0
        self.listener = socket.create_server(("127.0.0.1", port))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                pieces = [self.answer[n : n + 1] for n in range(len(self.answer))] if self.pause else [self.answer]
                try:
                    for piece in pieces:
                        connection.sendall(piece)
                        time.sleep(self.pause)
                except OSError:
                    continue

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[OtherServer, Callable[[], Answer]]]:
    """A webapp whose adder is the other server, and a way to ask the webapp for a sum."""
    free = ports.free_ports(RECIPE.ports)
    server = OtherServer(free["adder_service"])
    webapp = Terminal("python main.py", RECIPE.step / "webapp", ports.environment(free))
    webapp.wait_for("listening")
    address = f"http://127.0.0.1:{free['webapp']}/add/calculate"
    yield server, lambda: request("POST", address, fields={"first": "19", "second": "23"})
    webapp.press_ctrl_c()
    server.close()


RUBBISH = {
    "words": respond(b"hello"),
    "a fraction": respond(b"1.5"),
    "nothing": respond(b""),
    "html": respond(b"<html><script>alert(1)</script></html>"),
    "not UTF-8": respond(b"\xff\xfe"),
    "a refusal that is none of the adder's": respond(b"<html>nginx</html>", "400 Bad Request"),
    "an error": respond(b"oops", "500 Internal Server Error"),
    "no content": respond(b"", "204 No Content"),
    "a redirect": respond(b"3", "302 Found", "Location: http://127.0.0.1:9/"),
    "an end in the middle": respond(b"42").replace(b"Length: 2", b"Length: 9"),
    "no HTTP at all": b"SSH-2.0-OpenSSH_9.2\r\n",
    "silence, then the end": b"",
    "a huge header": respond(b"3", "200 OK", "X: " + "x" * 100_000),
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_from_the_adder_is_a_502(
    pair: tuple[OtherServer, Callable[[], Answer]], rubbish: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, calculate = pair
    monkeypatch.setattr(server, "answer", rubbish)
    answer = calculate()
    assert answer.status == 502
    assert "The adder service" in answer.text
    assert 'value="19"' in answer.text
    assert "<script>" not in answer.text
    assert 'id="result"' not in answer.text


def test_answer_in_trickles_ends_at_the_deadline(
    pair: tuple[OtherServer, Callable[[], Answer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, calculate = pair
    monkeypatch.setattr(server, "answer", respond(b"42"))
    monkeypatch.setattr(server, "pause", 0.1)
    answer = calculate()
    assert answer.status == 504
    assert "did not answer within 2 seconds" in answer.text


def test_webapp_finds_an_adder_elsewhere() -> None:
    """Host and port come from the environment, under the names that Kubernetes gives them."""
    code = "import add; print(add.ADDER_HOST, add.ADDER_PORT)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=RECIPE.step / "webapp" / "routes",
        env=os.environ | {"ADDER_SERVICE_SERVICE_HOST": "10.96.0.10", "ADDER_SERVICE_SERVICE_PORT": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "10.96.0.10 80\n"
