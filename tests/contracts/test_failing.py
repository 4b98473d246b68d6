"""What a visitor may rely on when the adder does not work: a page that says so, and no page that hangs."""

import time
from concurrent.futures import ThreadPoolExecutor

import psutil
from helpers import wait_until

from workbook import ports
from workbook.system import System


def test_adder_down_is_said_at_once(own_system: System) -> None:
    own_system.kill("adder_service")
    answer = own_system.post("webapp", "/add/calculate", first="19", second="23")
    assert answer.status == 502
    assert "The adder service" in answer.text
    assert 'value="19"' in answer.text
    assert 'value="23"' in answer.text
    assert own_system.get("webapp", "/add").status == 200


def test_adder_stuck_ends_at_the_deadline(own_system: System) -> None:
    own_system.pause("adder_service")
    try:
        began = time.monotonic()
        answer = own_system.post("webapp", "/add/calculate", first="19", second="23")
        took = time.monotonic() - began
    finally:
        own_system.resume("adder_service")
    assert answer.status == 504
    assert took >= 2  # it had its full deadline; that it ended at all is shown by being here
    assert 'value="19"' in answer.text
    recovered = lambda: own_system.post("webapp", "/add/calculate", first="19", second="23").status == 200  # noqa: E731
    assert wait_until(recovered)


def is_idle(process: psutil.Process) -> bool:
    """Whether it has had nothing to do for a while."""
    for _ in range(50):
        if process.status() != psutil.STATUS_SLEEPING:
            return False
        time.sleep(0.01)
    return True


def test_requests_in_flight_are_answered_on_sigterm(own_system: System) -> None:
    """The whole system is told to stop while the adder is busy: what the webapp has begun is still answered."""
    webapp = own_system.process("webapp")
    own_system.pause("adder_service")
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(own_system.post, "webapp", "/add/calculate", first=str(n), second="1") for n in range(8)]
        assert wait_until(lambda: len(webapp.net_connections("tcp")) >= 10)  # 1 listening, 8 in, 1 out or more
        assert wait_until(lambda: is_idle(webapp))
        own_system.terminal.process.terminate()
        assert wait_until(lambda: not ports.answers(own_system.ports["webapp"]))
        own_system.resume("adder_service")
        answers = [call.result() for call in calls]
    assert [answer.status for answer in answers] == [200] * 8
    assert all(f">{n + 1}</output>" in answer.text for n, answer in enumerate(answers))
    assert own_system.terminal.wait() == 0
