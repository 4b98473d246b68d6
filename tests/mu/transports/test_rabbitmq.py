"""rabbitmq: at least once over a real broker, and what can happen to it and to those who use it."""

import asyncio
import contextlib
import json
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.exceptions import ChannelNotFoundEntity
from mu_brokers import RabbitBroker
from mu_fakes import until

from mu import ConnectFailed, Mu, Overloaded, ServiceError, TransportError, outbox, rabbitmq
from mu.errors import Closed, DeadlineExceeded, FrameTooLarge
from mu.transports.rabbitmq import session

EVENT = {"role": "event"}
LONG = 30.0  # seconds for a machine that is busy with other things


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitBroker]:
    """One for all tests, since it takes seconds to start; each has a queue of its own."""
    broker = RabbitBroker(tmp_path_factory.mktemp("broker") / "rabbitmq")
    try:
        asyncio.run(broker.start())
        yield broker
    finally:
        broker.kill()


@dataclass
class Queue:
    """A queue, and what is in it by another way than mu."""

    port: int
    name: str

    @contextlib.asynccontextmanager
    async def channel(self) -> AsyncIterator[Any]:
        connection = await aio_pika.connect(port=self.port)
        async with connection:
            yield await connection.channel()
        await asyncio.sleep(0)  # in which the package ends its tasks

    async def put(self, *bodies: bytes) -> None:
        async with self.channel() as channel:
            for body in bodies:
                await channel.default_exchange.publish(aio_pika.Message(body), f"{self.name}_req")

    async def length(self, kind: str = "req") -> int:
        """Messages that wait, without those that a consumer has in hand; none, if there is no such queue."""
        with contextlib.suppress(ChannelNotFoundEntity):
            async with self.channel() as channel:
                queue = await channel.get_queue(f"{self.name}_{kind}")
                return int(queue.declaration_result.message_count)
        return 0

    async def consumers(self) -> int:
        async with self.channel() as channel:
            queue = await channel.get_queue(f"{self.name}_req")
            return int(queue.declaration_result.consumer_count)

    async def take(self, kind: str = "req") -> Any:
        """The first message; None if there is none."""
        async with self.channel() as channel:
            queue = await channel.get_queue(f"{self.name}_{kind}")
            message = await queue.get(no_ack=True, fail=False)
            return message and json.loads(message.body)

    async def delete(self, kind: str = "req") -> None:
        async with self.channel() as channel:
            await channel.queue_delete(f"{self.name}_{kind}")


@pytest.fixture
def queue(broker: RabbitBroker) -> Queue:
    return Queue(broker.port, f"q-{uuid.uuid4().hex}")


class Recorder:
    """Notes what it handles; fails with the errors that it is given, one after the other."""

    def __init__(self, *errors: Exception) -> None:
        self.seen: list[Any] = []
        self.ids: list[str] = []
        self.errors = list(errors)

    def __call__(self, args: dict[str, Any], ctx: Any) -> Any:
        self.ids.append(ctx.id)
        if self.errors:
            raise self.errors.pop(0)
        self.seen.append(args["x"])
        return args["x"]


class Holding:
    """Holds what it handles until its gate is open."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.gate = asyncio.Event()

    async def __call__(self, args: dict[str, Any]) -> Any:
        self.begun.append(args["x"])
        await self.gate.wait()
        return args["x"]


def consumer(queue: Queue, handler: Any, **options: Any) -> Mu:
    mu = Mu("consumer", timeout=LONG)
    mu.define(EVENT, handler)
    mu.inbound(EVENT, rabbitmq.server(port=queue.port, queue=queue.name, **options))
    return mu


def sender(queue: Queue, *, keep: bool = False, **options: Any) -> Mu:
    mu = Mu("sender", timeout=LONG)
    client = rabbitmq.client(port=queue.port, queue=queue.name, **options)
    mu.outbound(EVENT, outbox(client) if keep else client)
    return mu


async def send(mu: Mu, *values: Any) -> None:
    """In order, and in the queue on return."""
    for value in values:
        mu.send({**EVENT, "x": value})
        await until(lambda: not mu.stats()["sending"], LONG)


async def until_it_is(expected: Any, look: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(LONG):
        while (await look()) != expected:  # noqa: ASYNC110 (nothing tells of it)
            await asyncio.sleep(0.02)


# What is too much, and what is no message -------------------------------------------------------------------------


async def test_rabbitmq_turns_away_what_is_more_than_the_queue_may_hold(queue: Queue) -> None:
    recorder = Recorder()
    async with sender(queue, max_length=3) as mu:
        results = await asyncio.gather(
            *(mu.dispatch({**EVENT, "x": x}, timeout=2) for x in range(5)), return_exceptions=True
        )
        assert [type(result) for result in results] == [DeadlineExceeded] * 3 + [Overloaded] * 2
        assert isinstance(results[3], Overloaded)
        assert not results[3].sent
        assert "expected fewer than 3 messages" in str(results[3])
        assert await queue.length() == 3
        async with consumer(queue, recorder, max_length=3):
            assert await mu.dispatch({**EVENT, "x": "later"}) == "later"


async def test_rabbitmq_outbox_keeps_what_a_full_queue_turns_away(queue: Queue) -> None:
    recorder = Recorder()
    async with sender(queue, keep=True, max_length=5) as mu:
        for x in range(100):
            mu.send({**EVENT, "x": x})
        await until_it_is(5, queue.length)
        async with consumer(queue, recorder, max_length=5):
            await until(lambda: len(recorder.seen) >= 100, LONG)
    assert sorted(recorder.seen) == list(range(100))
    assert await queue.length("dead") == 0


async def test_rabbitmq_full_queue_loses_nothing_of_what_a_handler_puts_off(queue: Queue) -> None:
    """While it waits for its time the queue fills up; it has its place all the same."""
    recorder = Recorder(*(ServiceError("the database is away", status=503, retry_after=0.5) for _ in range(3)))
    async with sender(queue, max_length=3) as mu:
        await send(mu, 0, 1, 2)
        async with consumer(queue, recorder, max_length=3):
            await until_it_is(3, lambda: queue.length("later"))
        await send(mu, 3, 4, 5)
        await until_it_is(0, lambda: queue.length("later"))
        async with consumer(queue, recorder, max_length=3):
            await until(lambda: len(recorder.seen) == 6, LONG)
    assert sorted(recorder.seen) == list(range(6))


async def test_rabbitmq_buries_what_is_no_message_and_goes_on(queue: Queue) -> None:
    recorder = Recorder()
    hostile = [b"garbage", b"", b"\xff\x00\xfe", b"null", b"{}", b'{"pattern":{}}', b'{"pattern":1,"protocol":{}}']
    hostile += [b'{"pattern":{},"protocol":{"path":[1]}}', b"[" * 100_000, bytes(range(256)) * 100]
    async with consumer(queue, recorder, prefetch=2), sender(queue) as mu:
        await queue.put(*hostile)
        assert await mu.dispatch({**EVENT, "x": 1}) == 1
        await until_it_is(len(hostile), lambda: queue.length("dead"))
    letter = await queue.take("dead")
    assert letter["message"] == "garbage"
    assert "JSON" in letter["reason"]
    assert recorder.seen == [1]


async def test_rabbitmq_refuses_a_packet_that_is_too_large(queue: Queue) -> None:
    async with consumer(queue, lambda args: "x" * args["x"], max_frame=1000), sender(queue, max_frame=2000) as mu:
        with pytest.raises(FrameTooLarge):
            await mu.dispatch({**EVENT, "x": "x" * 2000})
        with pytest.raises(FrameTooLarge):
            await mu.dispatch({**EVENT, "x": 1500})
        assert await mu.dispatch({**EVENT, "x": 10}) == "x" * 10


# What a handler says ----------------------------------------------------------------------------------------------


async def test_rabbitmq_delivers_again_what_a_handler_puts_off(queue: Queue) -> None:
    recorder = Recorder(ServiceError("the database is away", status=503), ServiceError("slowly", status=429))
    async with consumer(queue, recorder, max_deliveries=1), sender(queue) as mu:
        await send(mu, "kept")
        await until(lambda: recorder.seen, LONG)
    assert recorder.seen == ["kept"]
    assert len(recorder.ids) == 3
    assert len(set(recorder.ids)) == 1
    assert await queue.length("dead") == 0


async def test_rabbitmq_buries_a_one_way_message_whose_handler_failed(queue: Queue) -> None:
    recorder = Recorder(ValueError("no such page"))
    async with consumer(queue, recorder), sender(queue) as mu:
        await send(mu, "bad", "good")
        await until(lambda: recorder.seen, LONG)
        await until_it_is(1, lambda: queue.length("dead"))
    letter = await queue.take("dead")
    assert "failed by ValueError: the log" in letter["reason"]
    assert json.loads(letter["message"])["pattern"]["x"] == "bad"


async def test_rabbitmq_buries_what_nobody_can_handle_in_time_after_the_set_number_of_tries(queue: Queue) -> None:
    begun = 0

    async def endless(args: dict[str, Any]) -> None:
        nonlocal begun
        begun += 1
        await asyncio.Event().wait()

    mu = Mu("consumer", timeout=0.05)
    mu.define(EVENT, endless)
    mu.inbound(EVENT, rabbitmq.server(port=queue.port, queue=queue.name, max_deliveries=3))
    async with mu, sender(queue) as other:
        await send(other, 1)
        await until_it_is(1, lambda: queue.length("dead"))
    assert begun == 3
    assert "delivered 3 times" in (await queue.take("dead"))["reason"]


async def test_rabbitmq_answers_a_request_with_the_error_and_does_not_repeat_it(queue: Queue) -> None:
    recorder = Recorder(ServiceError("not now", status=503, data={"until": 5}))
    async with consumer(queue, recorder), sender(queue) as mu:
        with pytest.raises(ServiceError, match="not now") as caught:
            await mu.dispatch({**EVENT, "x": 1})
    assert (caught.value.status, caught.value.data) == (503, {"until": 5})
    assert len(recorder.ids) == 1


# Who shares the work, and who dies over it ------------------------------------------------------------------------


async def test_rabbitmq_consumer_has_no_more_in_hand_than_its_prefetch(queue: Queue) -> None:
    holding = Holding()
    async with sender(queue) as mu, consumer(queue, holding, prefetch=3):
        await send(mu, *range(10))
        await until(lambda: len(holding.begun) == 3, LONG)
        assert await queue.length() == 7
        assert len(holding.begun) == 3
        holding.gate.set()
        await until(lambda: len(holding.begun) == 10, LONG)


async def test_rabbitmq_consumers_share_the_work_and_a_slow_one_keeps_nobody_waiting(queue: Queue) -> None:
    slow, quick = Holding(), Recorder()
    async with sender(queue) as mu, consumer(queue, slow, prefetch=2), consumer(queue, quick, prefetch=2):
        await until_it_is(2, queue.consumers)
        await send(mu, *range(50))
        await until(lambda: len(slow.begun) == 2 and len(quick.seen) == 48, LONG)
        slow.gate.set()
    assert sorted(slow.begun + quick.seen) == list(range(50))


CONSUMER = """
    import asyncio, os, sys
    from mu import Mu, rabbitmq, run

    async def handle(args):
        await asyncio.sleep(0.05 if args["x"] == "poison" else 0.1)
        if args["x"] == "poison":
            os._exit(3)
        with open(sys.argv[3], "a") as file:
            file.write(f"{args['x']}\\n")

    mu = Mu("consumer")
    mu.define({"role": "event"}, handle)
    mu.inbound("*", rabbitmq.server(port=int(sys.argv[1]), queue=sys.argv[2], max_deliveries=3))
    run(mu.serve())
"""


async def test_rabbitmq_poison_is_found_and_no_other_message_is_blamed(queue: Queue, tmp_path: Path) -> None:
    """All the others are in hand when it takes its consumer with it the first time."""
    file, others = tmp_path / "handled", set(range(12))
    words = (sys.executable, "-c", textwrap.dedent(CONSUMER), str(queue.port), queue.name, str(file))
    deaths = 0
    async with sender(queue) as mu:
        await send(mu, *range(6), "poison", *range(6, 12))
    async with asyncio.timeout(LONG):
        while not (await queue.length("dead") and handled(file) == others):
            process = await asyncio.create_subprocess_exec(*words, stderr=subprocess.DEVNULL)
            ended = asyncio.create_task(process.wait())
            while not ended.done() and not (await queue.length("dead") and handled(file) == others):
                await asyncio.wait([ended], timeout=0.05)
            if ended.done():
                deaths += 1
            else:
                process.terminate()
            await ended
    assert deaths == 3
    assert await queue.length("dead") == 1
    letter = await queue.take("dead")
    assert letter["reason"] == "delivered 3 times: its consumer died"
    assert json.loads(letter["message"])["pattern"]["x"] == "poison"


def handled(file: Path) -> set[int]:
    return {int(line) for line in file.read_text().split()} if file.exists() else set()


async def test_rabbitmq_server_gives_back_what_it_cannot_handle_in_its_grace(queue: Queue) -> None:
    """As often as it likes: nobody has died, so no message is to blame."""
    async with sender(queue) as mu:
        await send(mu, *range(5))
        for _ in range(3):
            holding = Holding()
            ending = consumer(queue, holding, max_deliveries=2)
            await ending.start()
            await until(lambda: len(holding.begun) == 5, LONG)  # noqa: B023
            await ending.tear_down(grace=0.05)
            assert await queue.length() + await queue.length("again") == 5
        recorder = Recorder()
        async with consumer(queue, recorder, max_deliveries=2):
            await until(lambda: len(recorder.seen) == 5, LONG)
    assert sorted(recorder.seen) == list(range(5))
    assert await queue.length("dead") == 0


async def test_rabbitmq_server_does_not_mind_an_asker_that_has_died(queue: Queue) -> None:
    holding = Holding()
    async with sender(queue) as other, consumer(queue, holding):
        dying = sender(queue)
        waiting = asyncio.create_task(dying.dispatch({**EVENT, "x": "of the dead"}))
        await until(lambda: holding.begun, LONG)
        await dying.tear_down(0)  # and with its connection goes the queue of its answers
        with pytest.raises(Closed):
            await waiting
        holding.gate.set()
        assert await other.dispatch({**EVENT, "x": 1}) == 1
    assert await queue.length() == await queue.length("dead") == 0


# Who is not let in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"password": "wrong"}, "password="), ({"username": "who"}, "username="), ({"vhost": "no"}, "vhost=")],
)
async def test_rabbitmq_that_refuses_us_is_told_with_what_to_look_at(
    queue: Queue, wrong: dict[str, str], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    with pytest.raises(TransportError, match=said) as caught:
        async with consumer(queue, Recorder(), **wrong):
            pass
    assert not caught.value.temporary
    async with sender(queue, **wrong) as mu:
        with pytest.raises(TransportError, match=said) as caught:
            await mu.dispatch({**EVENT, "x": 1})
        assert not caught.value.sent
        assert f"rabbitmq 127.0.0.1:{queue.port}" in str(caught.value)
    assert "Traceback" not in caplog.text
    assert time.monotonic() - began < LONG / 2


async def test_rabbitmq_queue_with_other_settings_is_told(queue: Queue) -> None:
    async with consumer(queue, Recorder(), max_length=5), sender(queue, max_length=6) as mu:
        with pytest.raises(TransportError, match="max_length") as caught:
            await mu.dispatch({**EVENT, "x": 1})
    assert not caught.value.sent


# Who is not there -------------------------------------------------------------------------------------------------


async def test_rabbitmq_that_is_not_there_is_told_at_once(free_port: int) -> None:
    async with sender(Queue(free_port, "q")) as mu:
        with pytest.raises(ConnectFailed, match=f"127.0.0.1:{free_port}") as caught:
            await mu.dispatch({**EVENT, "x": 1}, timeout=3)
    assert caught.value.retryable


async def test_rabbitmq_that_does_not_answer_is_told_within_the_deadline(
    black_hole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PATIENCE", 1.0)
    mu = sender(Queue(black_hole, "q"))
    began = time.monotonic()
    async with mu:
        with pytest.raises(DeadlineExceeded):
            await mu.dispatch({**EVENT, "x": 1}, timeout=0.3)
        with pytest.raises(ConnectFailed, match="no answer within"):
            await mu.dispatch({**EVENT, "x": 1})
    assert time.monotonic() - began < LONG / 2


async def test_rabbitmq_that_is_something_else_is_told() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        async with sender(Queue(server.sockets[0].getsockname()[1], "q")) as mu:
            with pytest.raises(TransportError, match="cannot connect to rabbitmq"):
                await mu.dispatch({**EVENT, "x": 1})
        server.close()


# What happens to the broker ---------------------------------------------------------------------------------------


async def test_rabbitmq_queues_that_somebody_deletes_are_made_again(queue: Queue) -> None:
    recorder = Recorder()
    async with consumer(queue, recorder), sender(queue, keep=True) as mu:
        assert await mu.dispatch({**EVENT, "x": 1}) == 1
        await queue.delete("dead")
        await queue.put(b"garbage")
        await until_it_is(1, lambda: queue.length("dead"))
        await queue.delete("req")
        mu.send({**EVENT, "x": 2})
        await until(lambda: 2 in recorder.seen, LONG)


class Proxy:
    """Between a sender and the broker: what comes back from there can be withheld, and the connections cut."""

    def __init__(self, port: int) -> None:
        self.target, self.withheld, self.there = port, False, bytearray()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1")
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward, upward = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        self._writers += [writer, upward]
        await asyncio.gather(self._pump(reader, upward, there=True), self._pump(onward, writer, there=False))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, there: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                if there:
                    self.there += data
                if there or not self.withheld:
                    writer.write(data)
        writer.close()

    def cut(self) -> None:
        self.withheld = False
        while self._writers:
            self._writers.pop().transport.abort()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await self._server.wait_closed()


async def test_rabbitmq_confirmation_that_is_lost_makes_a_second_message_with_the_same_id(queue: Queue) -> None:
    recorder = Recorder()
    async with Proxy(queue.port) as proxy, sender(Queue(proxy.port, queue.name), keep=True) as mu:
        mu.send({**EVENT, "x": 1})
        await until_it_is(1, queue.length)
        await until(lambda: "outbox: 0 waiting" in str(mu.routes()), LONG)
        proxy.withheld = True
        mu.send({**EVENT, "x": 2})
        await until_it_is(2, queue.length)
        proxy.cut()
        await until_it_is(3, queue.length)
        async with consumer(queue, recorder):
            await until(lambda: len(recorder.seen) == 3, LONG)
    assert recorder.seen == [1, 2, 2]
    assert recorder.ids[1] == recorder.ids[2]


async def test_rabbitmq_killed_before_it_confirms_is_sent_the_same_messages_again(
    broker: RabbitBroker, queue: Queue
) -> None:
    recorder = Recorder()
    async with Proxy(queue.port) as proxy, sender(Queue(proxy.port, queue.name), keep=True) as mu:
        async with consumer(queue, recorder):
            mu.send({**EVENT, "x": "first"})
            await until(lambda: recorder.seen, LONG)
        broker.freeze(True)
        for x in range(20):
            mu.send({**EVENT, "x": x})
        await until(lambda: proxy.there.count(b"oneWay") == 21, LONG)
        await broker.restart()
        async with consumer(queue, recorder):
            await until(lambda: set(recorder.seen) >= set(range(20)), LONG)
    assert len({*zip(recorder.seen, recorder.ids, strict=True)}) == 21  # one id for each, however often it came
    assert await queue.length("dead") == 0


async def test_rabbitmq_server_outlives_its_broker(
    broker: RabbitBroker, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    async with consumer(queue, recorder), sender(queue, keep=True) as mu:
        assert await mu.dispatch({**EVENT, "x": "before"}) == "before"
        broker.kill()
        with pytest.raises(TransportError) as caught:
            await mu.dispatch({**EVENT, "x": "away"})
        assert caught.value.temporary
        mu.send({**EVENT, "x": "kept"})
        await broker.start()
        await until(lambda: "kept" in recorder.seen, LONG)
    assert set(recorder.seen) == {"before", "kept"}
    assert f"{queue.name} was lost" in caplog.text
    assert "Traceback" not in caplog.text


async def test_rabbitmq_that_is_stuck_keeps_nobody_beyond_the_deadline_nor_at_the_end(
    broker: RabbitBroker, queue: Queue
) -> None:
    serving, mu = consumer(queue, Recorder()), sender(queue)
    await serving.start()
    assert await mu.dispatch({**EVENT, "x": 1}) == 1
    broker.freeze(True)
    try:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await mu.dispatch({**EVENT, "x": 2}, timeout=0.3)
        await mu.tear_down(0.1)
        await serving.tear_down(0.1)
        assert time.monotonic() - began < LONG / 2
    finally:
        broker.freeze(False)


async def test_write_that_a_lost_connection_cuts_short_is_a_lost_connection() -> None:
    """aiormq raises a bare Exception then, at one moment."""

    class Exchange:
        async def publish(self, *_: Any, **__: Any) -> None:
            raise Exception

    class Channel:
        default_exchange = Exchange()

    cut_short: Any = session.Session(None, Channel(), None, None, None)  # type: ignore[arg-type]
    with pytest.raises(ConnectionResetError, match="the connection ended while a message was written"):
        await cut_short.publish(b"", "queue")
