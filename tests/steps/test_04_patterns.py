"""Recipe 04: the adder answers messages; who asks, and by which transport, is wiring."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from helpers import change, imported, needed, wait_until

from mu import ConnectionLost, MuError, NoRoute, ServiceError
from workbook import course, node, ports
from workbook.browser import Answer
from workbook.course import Recipe
from workbook.errors import WorkbookError
from workbook.system import System
from workbook.terminal import Terminal

pytestmark = pytest.mark.step("04")
RECIPE = course.recipe("04")
EXACT = 2**53 - 1
NINES = "9" * 100


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """For tests that leave it as they found it."""
    with System(RECIPE.step, RECIPE) as running:
        yield running


@pytest.fixture
def own_system() -> Iterator[System]:
    """A system of the test's own, whose files it may change."""
    with System(RECIPE.step, RECIPE) as running:
        yield running


def add(system: System, first: Any, second: Any) -> Any:
    return system.dispatch("adder_service", role="basic", cmd="add", first=first, second=second)


def calculate(system: System, first: str = "19", second: str = "23") -> Answer:
    return system.post("webapp", "/add/calculate", first=first, second=second)


# The adder's answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("19", "23", 42),
        (19, 23, 42),
        ("1", -1, 0),
        ("+5", "007", 12),
        (EXACT, 0, EXACT),
        (EXACT, 1, str(EXACT + 1)),
        (-EXACT, 0, -EXACT),
        (-EXACT, -1, str(-EXACT - 1)),
        (NINES, "1", "1" + "0" * 100),
    ],
)
def test_sum_is_a_number_or_the_text_of_a_large_one(system: System, first: Any, second: Any, expected: Any) -> None:
    found = add(system, first, second)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"first": "1.5", "second": "1"}, "first: expected an integer of at most 100 digits, found '1.5'"),
        ({"first": 1, "second": 1.5}, "second: expected an integer of at most 100 digits, found '1.5'"),
        ({"first": True, "second": 1}, "first: expected an integer of at most 100 digits, found 'True'"),
        ({"first": [1], "second": 1}, "first: expected an integer of at most 100 digits, found '[1]'"),
        ({"first": None, "second": 1}, "first: expected an integer of at most 100 digits, found 'None'"),
        ({"second": 1}, "first: expected an integer of at most 100 digits, found ''"),
        ({}, "first: expected an integer of at most 100 digits, found ''"),
        (
            {"first": "1" * 101, "second": 1},
            f"first: expected an integer of at most 100 digits, found '{'1' * 30}'... ",
        ),
        ({"first": 10**100, "second": 1}, f"first: expected an integer of at most 100 digits, found '1{'0' * 29}'... "),
    ],
)
def test_what_is_no_number_is_refused(system: System, message: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError) as refused:
        system.dispatch("adder_service", role="basic", cmd="add", **message)
    assert str(refused.value).startswith(said)
    assert refused.value.status == 400
    assert refused.value.stack is None


@pytest.mark.parametrize("message", [{"role": "basic", "cmd": "subtract"}, {"role": "other", "cmd": "add"}, {}])
def test_message_that_no_pattern_fits_has_no_route(system: System, message: dict[str, Any]) -> None:
    with pytest.raises(NoRoute, match="at adder_service"):
        system.dispatch("adder_service", **message)


def test_sums_of_many_callers_do_not_mix(system: System) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda n: add(system, n, n), range(64))) == [2 * n for n in range(64)]


# What knows what --------------------------------------------------------------------------------------------------


def test_business_logic_works_without_any_transport() -> None:
    code = "import sys, service; print(service.add('1', '-1'), {'mu', 'asyncio', 'socket'} & set(sys.modules))"
    folder = RECIPE.step / "adder_service"
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout == "the sum is 0\n0 set()\n"
    assert imported(folder / "service.py") == {"re"}


def test_only_wiring_names_a_transport() -> None:
    naming = {"mu.tcp", "mu.http", "mu.local"}
    files = {path.relative_to(RECIPE.step).as_posix(): path for path in RECIPE.step.rglob("*.py")}
    found = {name for name, path in files.items() if naming & imported(path)}
    assert found == {"adder_service/wiring.py", "webapp/wiring.py"}


def test_http_in_place_of_tcp_changes_only_wiring(copy_of: Callable[[Recipe], Path]) -> None:
    folder = copy_of(RECIPE)
    for service in ("adder_service", "webapp"):
        file = folder / service / "wiring.py"
        file.write_text(file.read_text(encoding="utf-8").replace("tcp", "http"), encoding="utf-8")
    with System(folder, RECIPE) as running:
        assert "42</output>" in calculate(running).text
        assert calculate(running, "1.5", "1").status == 400
        assert running.get("adder_service", "/").status == 404  # it does speak HTTP


def test_both_in_one_process_changes_only_wiring(copy_of: Callable[[Recipe], Path]) -> None:
    """The adder's code is found by the webapp, and its wiring is: in memory, at the same name."""
    folder = copy_of(RECIPE)
    client = "tcp.client(host=ADDER_HOST, port=ADDER_PORT, pool=CONNECTIONS)"
    change(folder, "adder_service/wiring.py", "tcp.server(host=HOST, port=PORT)", "local.server()")
    change(folder, "webapp/wiring.py", client, "local.client()")
    for service in ("adder_service", "webapp"):
        change(folder, f"{service}/wiring.py", ", tcp", ", local")
    code = f"""
import asyncio, importlib, sys
async def main():
    sys.path.insert(0, {str(folder / "adder_service")!r})
    adder = importlib.import_module("wiring").mu
    sys.path[0] = {str(folder / "webapp")!r}
    del sys.modules["wiring"]
    webapp = importlib.import_module("wiring").mu
    async with adder, webapp:
        print(await webapp.dispatch({{"role": "basic", "cmd": "add", "first": "19", "second": "23"}}))
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the sum is 42\n42\n"


def test_wiring_alone_says_where_messages_lead() -> None:
    code = "from wiring import mu; print(mu.routes())"
    folder = RECIPE.step / "adder_service"
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[1:3] == [
        "adder_service  inbound  role: basic, cmd: *    tcp 127.0.0.1:8080",
        "adder_service  handler  role: basic, cmd: add  wiring.add",
    ]


# When something breaks --------------------------------------------------------------------------------------------


def test_a_save_of_the_adder_is_not_seen_by_visitors(own_system: System) -> None:
    own_system.terminal.wait_for("              > all are ready")
    stop, pages = threading.Event(), []

    def visit() -> None:
        while not stop.is_set():
            answer = calculate(own_system)
            pages.append("42" if ">42</output>" in answer.text else answer.shown)

    with ThreadPoolExecutor(2) as pool:
        visitors = [pool.submit(visit) for _ in range(2)]
        try:
            for number in range(3):
                with (own_system.folder / "adder_service" / "service.py").open("a") as service:
                    service.write(f"# saved for the {number}th time\n")
                own_system.terminal.wait_for("adder_service > ready")
                seen = len(pages)
                assert wait_until(lambda seen=seen: len(pages) > seen + 20)
        finally:
            stop.set()
    assert [visitor.exception() for visitor in visitors] == [None, None]
    assert set(pages) == {"42"}


def test_adder_killed_in_mid_request_is_said_and_recovered_from(own_system: System) -> None:
    webapp = own_system.process("webapp")
    calculate(own_system)
    own_system.pause("adder_service")
    with ThreadPoolExecutor(2) as pool:
        visitor = pool.submit(calculate, own_system)
        caller = pool.submit(add, own_system, 19, 23)
        adder = own_system.ports["adder_service"]
        established = lambda: sum(each.raddr == ("127.0.0.1", adder) for each in webapp.net_connections("tcp"))  # noqa: E731
        assert wait_until(lambda: established() == 2)  # one for each message so far
        own_system.kill("adder_service")
        answer = visitor.result()
        with pytest.raises(ConnectionLost):
            caller.result()
    assert answer.status == 502
    assert "The adder service broke off its answer." in answer.text
    assert "The adder service cannot be reached." in calculate(own_system).text
    subprocess.run([sys.executable, "-m", "fuge", "start", "adder_service"], cwd=own_system.folder, check=True)
    assert "42</output>" in calculate(own_system).text
    assert own_system.process("webapp") == webapp


def test_message_that_the_adder_has_is_answered_when_it_is_told_to_stop(copy_of: Callable[[Recipe], Path]) -> None:
    folder = copy_of(RECIPE)
    wiring = "adder_service/wiring.py"
    change(folder, wiring, "import os\n", "import asyncio\nimport os\n")
    change(folder, wiring, "def add(", "async def add(")
    change(folder, wiring, "    try:\n", "    print('begun', flush=True)\n    await asyncio.sleep(0.5)\n    try:\n")
    with System(folder, RECIPE) as running, ThreadPoolExecutor(4) as pool:
        visitors = [pool.submit(calculate, running, str(n)) for n in range(4)]
        for _ in visitors:
            running.terminal.wait_for("adder_service | begun")
        running.process("adder_service").send_signal(signal.SIGTERM)
        assert [f">{n + 23}</output>" in visitor.result().text for n, visitor in enumerate(visitors)] == [True] * 4
        assert wait_until(lambda: not running.listens("adder_service"))


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        ("raise KeyError('secret')", 502, "The adder service failed."),
        ("raise ServiceError('secret', status=404)", 502, "The adder service failed."),
        ("return {'secret': 42}", 502, "The adder service gave an answer that is not a sum."),
        ("return 4.2", 502, "The adder service gave an answer that is not a sum."),
        ("return None", 502, "The adder service gave an answer that is not a sum."),
        ("return True", 502, "The adder service gave an answer that is not a sum."),
    ],
)
def test_faulty_adder_is_said_without_its_secrets(
    copy_of: Callable[[Recipe], Path], fault: str, status: int, said: str
) -> None:
    folder = copy_of(RECIPE)
    change(folder, "adder_service/wiring.py", "    try:\n", f"    {fault}\n    try:\n")
    with System(folder, RECIPE) as running:
        answer = calculate(running)
        assert (answer.status, said in answer.text, "secret" in answer.text) == (status, True, False)


def test_missing_route_is_in_the_log(copy_of: Callable[[Recipe], Path]) -> None:
    folder = copy_of(RECIPE)
    change(folder, "webapp/wiring.py", '{"role": "basic"}', '{"role": "basics"}')
    with System(folder, RECIPE) as running:
        answer = calculate(running)
        assert (answer.status, "The adder service cannot be reached." in answer.text) == (502, True)
        said = running.terminal.wait_for("webapp        ! NoRoute")
        assert "no pattern fits role: basic, cmd: add" in said


def test_taken_port_is_one_clear_line() -> None:
    port = ports.free_ports(["adder_service"])
    command, folder = "python main.py", RECIPE.step / "adder_service"
    first = Terminal(command, folder, ports.environment(port) | {"PYTHONDONTWRITEBYTECODE": "1"})
    assert wait_until(lambda: ports.answers(port["adder_service"]))
    second = Terminal(command, folder, ports.environment(port))
    assert second.wait() == 1
    assert second.new_output().startswith(f"TransportError: expected port {port['adder_service']} of 127.0.0.1 to be ")
    assert second.new_output() == ""
    assert first.press_ctrl_c() == 0
    assert first.new_output() == ""


# In another language ----------------------------------------------------------------------------------------------

NODE_ADDER = """
const mu = require('mu')()
const tcp = require('mu-tcp')

function add ({ pattern }, answer) {
  for (const name of ['first', 'second']) {
    if (!/^[+-]?[0-9]{1,100}$/.test(pattern[name])) {
      return answer(mu.error(400, `${name}: expected an integer, found ${pattern[name]}`))
    }
  }
  answer(null, String(BigInt(pattern.first) + BigInt(pattern.second)))
}

mu.define({ role: 'basic', cmd: 'add' }, add)
mu.inbound({ role: 'basic', cmd: '*' }, tcp.server({
  port: process.env.ADDER_SERVICE_SERVICE_PORT,
  host: process.env.ADDER_SERVICE_SERVICE_HOST
}))
"""


def test_an_adder_in_javascript_takes_its_place(
    copy_of: Callable[[Recipe], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The webapp is not changed, and not told."""
    try:
        monkeypatch.setenv("NODE_PATH", str(node.modules()))
    except WorkbookError as problem:
        needed(None, f"Node with its mu ({problem})")
    folder = copy_of(RECIPE)
    (folder / "adder_service" / "main.js").write_text(NODE_ADDER, encoding="utf-8")
    change(folder, "fuge/fuge.yml", "adder_service\n  run: python main.py", "adder_service\n  run: node main.js")
    with System(folder, RECIPE) as running:
        assert "node" in running.process("adder_service").name()
        assert "42</output>" in calculate(running).text
        assert "0</output>" in calculate(running, "1", "-1").text
        assert f"1{'0' * 100}</output>" in calculate(running, NINES, "1").text
        refused = calculate(running, "19", "x")
        assert (refused.status, "second: expected an integer, found x" in refused.text) == (400, True)
        with pytest.raises(MuError):
            running.dispatch("adder_service", role="basic", cmd="subtract")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: calculate(running, str(n)).text, range(64)))
        assert [f">{n + 23}</output>" in text for n, text in enumerate(answers)] == [True] * 64
