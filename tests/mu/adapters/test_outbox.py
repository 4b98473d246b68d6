"""outbox: what is sent arrives, whatever the other side is doing meanwhile, and what cannot arrive is said."""

import asyncio
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from mu_fakes import Fake, packet, refused, request, until

from mu import Mu, local, outbox, tcp, tee
from mu.adapters import outbox as module
from mu.errors import (
    Closed,
    ConnectFailed,
    ConnectionLost,
    FrameTooLarge,
    MuError,
    NoRoute,
    Overloaded,
    ServiceError,
    TTLExpired,
    Unencodable,
)
from mu.packet import result_of

GONE = ConnectFailed("gone")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in files(folder)]


def numbers(end: Fake) -> list[Any]:
    return [each.packet["pattern"].get("n") for each in end.requests]


def ids(end: Fake) -> list[str]:
    return [each.packet["protocol"]["path"][0] for each in end.requests]


def post(box: outbox, *numbers: int) -> None:
    for n in numbers:
        box.post(request({"n": n}, id=str(n)))


# Delivery ---------------------------------------------------------------------------------------------------------


async def test_outbox_delivers_in_order() -> None:
    end = Fake()
    box = outbox(end)
    post(box, *range(300))
    assert (end.count, str(box)) == (0, "outbox: 300 waiting")
    await until(lambda: str(box) == "outbox: 0 waiting")
    assert numbers(end) == list(range(300))
    assert set(end.verbs) == {"send"}
    await box.close()


async def test_outbox_has_no_more_under_way_than_its_window() -> None:
    release = asyncio.Event()
    end = Fake(release)
    box = outbox(end, window=3)
    post(box, *range(10))
    await until(lambda: end.count == 3)
    await asyncio.sleep(0.01)
    assert end.count == 3
    release.set()
    await until(lambda: end.count == 10)
    await box.close()


async def test_outbox_lets_messages_of_a_moment_leave_together() -> None:
    end = Fake(asyncio.Event())
    box = outbox(end, window=5, linger=0.05, grace=0.01)
    post(box, 0)
    await asyncio.sleep(0.01)
    post(box, 1, 2)
    assert end.count == 0
    await end.asked.wait()
    assert numbers(end) == [0, 1, 2]
    await box.close()


async def test_outbox_waits_for_no_others_when_they_fill_its_window_or_it_is_closed() -> None:
    end = Fake()
    box = outbox(end, window=3, linger=3600)
    post(box, *range(4))
    await until(lambda: end.count == 4)
    post(box, 4)
    await box.close()
    assert numbers(end) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "failure",
    [
        GONE,
        ConnectionLost("halfway"),
        Overloaded("busy"),
        refused(ServiceError("no database", status=503)),
        refused(ServiceError("a bug")),
        refused(ServiceError("too many", status=429)),
        refused(Closed("stopping")),
        OSError("a transport's bug"),
    ],
    ids=repr,
)
async def test_outbox_tries_again_with_the_same_id(failure: object) -> None:
    end = Fake(failure, failure, failure, "ok")
    box = outbox(end)
    post(box, 7)
    await until(lambda: str(box) == "outbox: 0 waiting")
    assert ids(end) == ["7"] * 4
    await box.close()


@pytest.mark.parametrize(
    "failure",
    [
        refused(ServiceError("too long", status=400)),
        refused(NoRoute("no pattern")),
        refused(TTLExpired("a circle")),
        FrameTooLarge("too large"),
        Unencodable("no JSON"),
    ],
    ids=repr,
)
async def test_outbox_gives_up_what_is_refused_and_says_so(failure: object, caplog: pytest.LogCaptureFixture) -> None:
    end = Fake(failure, "ok")
    box = outbox(end)
    post(box, 7, 8)
    await until(lambda: str(box) == "outbox: 0 waiting")
    assert numbers(end) == [7, 8]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("fake refused a message: ")
    assert caplog.messages[0].endswith(": {'n': 7}")
    await box.close()


async def test_outbox_does_not_put_a_large_message_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    box = outbox(Fake(refused(ServiceError("too long", status=400))))
    box.post(request({"calc": "1" * 1_000_000}))
    await until(lambda: str(box) == "outbox: 0 waiting")
    assert len(caplog.messages[0]) < 1000
    assert caplog.messages[0].endswith("... (1,000,012 characters)")
    await box.close()


async def test_outbox_ends_an_attempt_that_takes_too_long() -> None:
    end = Fake(asyncio.Event(), "ok")
    box = outbox(end)
    box.post(request(seconds=0))  # an attempt has one second at least
    await until(lambda: end.count == 2)
    assert end.cancelled == 1
    assert end.requests[1].deadline > end.requests[0].deadline
    deadlines = [each.packet["protocol"]["deadline"] for each in end.requests]
    assert 1000 <= deadlines[1] - deadlines[0] < 5000
    await box.close()


class Choosy(Fake):
    """Fails at some messages for ever, in the way given."""

    def __init__(self, failure: MuError, bad: set[int]) -> None:
        super().__init__()
        self.failure, self.bad, self.taken = refused(failure), bad, []

    async def send(self, request: Any) -> Any:
        answer = await super().send(request)
        n = request.packet["pattern"]["n"]
        if n in self.bad:
            return self.failure
        self.taken.append(n)
        return answer


async def test_outbox_is_not_held_up_by_messages_that_fail_by_themselves(caplog: pytest.LogCaptureFixture) -> None:
    end = Choosy(ServiceError("a bug"), {0, 1, 2})
    box = outbox(end, window=2, grace=0.01)
    post(box, *range(10))
    await until(lambda: len(end.taken) == 7)
    assert end.taken == list(range(3, 10))
    assert str(box) == "outbox: 3 waiting"
    await until(lambda: numbers(end).count(2) > 3)
    assert len(caplog.messages) == 3
    end.bad.clear()
    await until(lambda: str(box) == "outbox: 0 waiting")
    assert sorted(end.taken) == list(range(10))
    await box.close()


async def test_outbox_keeps_the_order_when_the_other_side_is_down_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    end = Fake(*[GONE] * 20, "ok")
    box = outbox(end, window=1)
    post(box, *range(5))
    await until(lambda: str(box) == "outbox: 0 waiting")
    assert numbers(end) == [0] * 20 + [0, 1, 2, 3, 4]
    assert caplog.messages == [
        "fake takes no messages, they wait: ConnectFailed('gone')",
        "fake takes messages again, 4 wait",
    ]
    await box.close()


async def test_outbox_waits_longer_each_time_and_as_long_as_it_is_asked_to() -> None:
    first, later = (module.pause_after(n, GONE) for n in (1, 9))
    assert first <= 0.001
    assert 0.005 <= later <= 0.01
    assert module.pause_after(1, ConnectFailed("", retry_after=3)) == 3
    assert module.pause_after(1, ConnectFailed("", retry_after=3e9)) == module.LONGEST_REST


async def test_outbox_lets_pass_what_wants_an_answer() -> None:
    end = Fake("sum", GONE)
    box = outbox(end, capacity=1)
    assert result_of(await box.request(request())) == "sum"
    with pytest.raises(ConnectFailed):
        await box.request(request())
    assert end.verbs == ["request", "request"]
    await box.close()


# The bound --------------------------------------------------------------------------------------------------------


async def test_outbox_that_is_full_says_so_once_with_the_count(caplog: pytest.LogCaptureFixture) -> None:
    release = asyncio.Event()
    end = Fake(release)
    box = outbox(end, capacity=4, window=1)
    post(box, *range(4))
    assert not box.available
    for n in range(10, 15):
        with pytest.raises(Overloaded, match="fewer than 4 messages waiting for fake"):
            post(box, n)
    assert caplog.messages == ["the outbox for fake is full: what is sent from now on is lost"]
    release.set()
    await until(lambda: str(box) == "outbox: 0 waiting")
    assert caplog.messages[1:] == ["the outbox for fake was full: 5 messages are lost"]
    assert numbers(end) == [0, 1, 2, 3]
    post(box, 20)
    await until(lambda: str(box) == "outbox: 0 waiting")
    assert box.available
    await box.close()
    assert len(caplog.messages) == 2


# The end, and the next beginning ----------------------------------------------------------------------------------


async def test_outbox_delivers_before_it_closes(caplog: pytest.LogCaptureFixture) -> None:
    end = Fake()
    box = outbox(end)
    post(box, *range(500))
    await box.close()
    assert (numbers(end), end.closed) == (list(range(500)), 1)
    with pytest.raises(Closed):
        post(box, 1)
    assert not caplog.messages


async def test_outbox_delivers_before_it_closes_what_its_window_had_no_room_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    end = Fake()
    box = outbox(end, window=3, linger=3600)
    post(box, *range(20))
    await box.close()
    assert sorted(numbers(end)) == list(range(20))
    assert caplog.messages == []


async def test_outbox_stores_what_is_left_and_delivers_it_first_next_time(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "outbox"
    box = outbox(Fake("ok", asyncio.Event(), GONE), folder=folder, window=2, grace=0.02)
    post(box, *range(6))
    await box.close()
    (file,) = files(folder)
    assert [json.loads(line)["pattern"]["n"] for line in file.read_text().splitlines()] == [1, 2, 3, 4, 5]
    assert file.stat().st_mode & 0o077 == 0
    end = Fake()
    box = outbox(end, folder=folder)
    assert str(box) == "outbox: 5 waiting"
    post(box, 6)
    await until(lambda: str(box) == "outbox: 0 waiting")
    assert numbers(end) == [1, 2, 3, 4, 5, 6]
    assert ids(end) == ["1", "2", "3", "4", "5", "6"]
    assert not files(folder)
    await box.close()
    assert not files(folder)


async def test_outbox_delivers_what_is_stored_when_its_mu_starts(tmp_path: Path) -> None:
    box = outbox(Fake(GONE), folder=tmp_path, grace=0.01)
    post(box, 1)
    await box.close()
    end = Fake()
    mu = Mu()
    mu.outbound("*", tee([Fake(), outbox(end, folder=tmp_path)]))
    async with mu:
        await until(lambda: end.count == 1)


async def test_outbox_removes_a_file_only_when_all_of_it_is_delivered(tmp_path: Path) -> None:
    """So that a process that is killed meanwhile loses nothing of it."""
    box = outbox(Fake(GONE), folder=tmp_path, grace=0.01)
    post(box, *range(3))
    await box.close()
    before = contents(tmp_path)
    for _ in range(2):
        box = outbox(Fake("ok", "ok", GONE), folder=tmp_path, window=1, grace=0.01)
        await box.start()
        await box.close()
        assert contents(tmp_path) == before


async def test_outboxes_of_several_processes_may_share_a_folder(tmp_path: Path) -> None:
    boxes = [outbox(Fake(GONE), folder=tmp_path, grace=0.01) for _ in range(3)]
    for n, box in enumerate(boxes):
        post(box, n)
    await asyncio.gather(*(box.close() for box in boxes))
    end = Fake()
    box = outbox(end, folder=tmp_path)
    await box.start()
    await box.close()
    assert sorted(numbers(end)) == [0, 1, 2]


async def test_outbox_reads_what_can_be_read_of_a_damaged_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = json.dumps(packet({"n": 1}))
    (tmp_path / "1.jsonl").write_text(f'{good}\n{good[:20]}\n{{"pattern": 3}}\n')
    box = outbox(Fake(GONE), folder=tmp_path, grace=0.01)
    assert str(box) == "outbox: 1 waiting"
    assert "1.jsonl, line 2: no message can be read there" in caplog.messages[0]
    assert "1.jsonl, line 3" in caplog.messages[1]
    await box.start()
    await box.close()
    assert {file.suffix for file in files(tmp_path)} == {".damaged", ".jsonl"}
    assert str(outbox(Fake(), folder=tmp_path)) == "outbox: 1 waiting"


async def test_outbox_without_a_folder_says_how_much_it_loses(caplog: pytest.LogCaptureFixture) -> None:
    box = outbox(Fake(GONE), grace=0.01)
    post(box, 1, 2)
    await box.close()
    assert caplog.messages[-1] == "the outbox for fake is closed: 2 messages are lost"


async def test_outbox_that_cannot_store_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    box = outbox(Fake(GONE), folder=tmp_path / "file" / "folder", grace=0.01)
    post(box, 1, 2)
    await box.close()
    assert caplog.messages[-1].startswith("2 messages for fake are lost, since ")


async def test_outbox_stores_even_if_its_closing_is_cancelled(tmp_path: Path) -> None:
    box = outbox(Fake(GONE), folder=tmp_path, grace=60)
    post(box, 1)
    closing = asyncio.create_task(box.close())
    await asyncio.sleep(0.01)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert len(files(tmp_path)) == 1


async def test_outbox_of_two_routes_is_closed_once(tmp_path: Path) -> None:
    box = outbox(Fake(GONE), folder=tmp_path, grace=0.01)
    mu = Mu()
    mu.outbound({"cmd": "append"}, box)
    mu.outbound({"cmd": "list"}, box)
    async with mu:
        mu.send({"cmd": "append"})
    assert len(files(tmp_path)) == 1


# In a Mu ----------------------------------------------------------------------------------------------------------


async def test_send_through_an_outbox_takes_no_task_and_raises_at_once() -> None:
    release = asyncio.Event()
    mu = Mu()
    mu.outbound("*", outbox(Fake(release), capacity=1))
    async with mu:
        mu.send({"n": 1})
        assert mu.stats()["sending"] == 0
        with pytest.raises(Overloaded):
            mu.send({"n": 2})
        assert mu.stats()["sends lost"] == 1
        release.set()
    with pytest.raises(Closed):
        mu.send({"n": 3})


async def test_outbox_belongs_to_the_trace_of_a_message_but_not_to_its_deadline() -> None:
    seen: list[Any] = []
    server, mu = local.server(name="audit"), Mu()
    done = asyncio.Event()

    async def append(message: Any, ctx: Any) -> None:
        await asyncio.sleep(0.05)
        seen.append((ctx.traceparent[3:35], ctx.id, ctx.remaining > 1))
        done.set()

    async def add(message: Any, ctx: Any) -> str:
        mu.send({"role": "audit"})
        return str(ctx.traceparent[3:35])

    audit = Mu("audit")
    audit.define("*", append)
    audit.inbound("*", server)
    mu.define({"role": "basic"}, add)
    mu.outbound({"role": "audit"}, outbox(local.client(name="audit")))
    async with audit, mu:
        trace = await mu.dispatch({"role": "basic"}, timeout=0.04)
        await asyncio.wait_for(done.wait(), 5)
        assert [each[0] for each in seen] == [trace]
        assert seen[0][2]


RECEIVER = """
    import asyncio, sys
    from pathlib import Path
    from mu import Mu, run, tcp

    port, file = int(sys.argv[1]), Path(sys.argv[2])
    stored = {line.split()[0] for line in file.read_text().splitlines()} if file.exists() else set()
    mu = Mu()
    mu.inbound("*", tcp.server(port=port))

    @mu.define({"role": "audit"})
    async def append(message, ctx):
        await asyncio.sleep(0.002)
        if ctx.id not in stored:
            stored.add(ctx.id)
            with file.open("a") as out:
                line = f"{ctx.id} {message['n']}"
                out.write(line.ljust(63) + "\\n")  # a line within a page of memory is never half there

    run(mu.serve())
"""


def start_receiver(port: int, file: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(RECEIVER), str(port), str(file)])


async def test_outbox_over_tcp_outlives_a_receiver_that_is_killed_and_its_own_restart(
    tmp_path: Path, free_port: int
) -> None:
    file, count = tmp_path / "stored", 3000

    def stored() -> list[int]:
        return [int(line.split()[1]) for line in file.read_text().splitlines()] if file.exists() else []

    def sender() -> Mu:
        mu = Mu()
        mu.outbound("*", outbox(tcp.client(port=free_port, pool=2), folder=tmp_path / "outbox", grace=0.2))
        return mu

    receiver = start_receiver(free_port, file)
    try:
        async with sender() as mu:
            for n in range(count):
                mu.send({"role": "audit", "n": n})
                if n % 100 == 0:
                    await asyncio.sleep(0.005)
                if n in (500, 1500):
                    await until(lambda: len(stored()) > 100)
                    receiver.kill()
                    receiver.wait()
                    if n == 500:
                        receiver = start_receiver(free_port, file)
        assert len(files(tmp_path / "outbox")) == 1
        receiver = start_receiver(free_port, file)
        async with sender():
            await until(lambda: len(stored()) >= count)
        assert sorted(stored()) == list(range(count))
        assert not files(tmp_path / "outbox")
    finally:
        receiver.kill()
        receiver.wait()
