"""kafka, over librdkafka's mock cluster: no test here has seen a real Kafka, as no broker is to be had for the tests.

The mock speaks Kafka's protocol over real sockets, with groups and commits. What it cannot show is what a broker keeps
on its disk when it ends. A group of two needs some help there: the mock has done with a round of joining as soon as it
has the leader's SyncGroup, and answers InvalidRequest to members whose own comes after that, while a Kafka keeps their
share for them. So the tests hold the leader back for a moment.
"""

import asyncio
import json
import sys
import textwrap
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance
from confluent_kafka import Consumer, Producer, TopicPartition
from mu_brokers import MockKafka
from mu_fakes import request, until

from mu import Closed, ConnectFailed, ConnectionLost, Mu, ServiceError, kafka
from mu.errors import DeadlineExceeded
from mu.transports.kafka import address, receiving

EVENT = {"role": "event"}
LONG = 60.0  # seconds for a machine that is busy with other things
SESSION = 4.0  # seconds; the mock lets the first member of a group wait for 3, and a later one for so many less 1
LEADS = 0.2  # seconds by which the others are ahead of the leader


@pytest.fixture(scope="module")
def broker() -> MockKafka:
    return MockKafka()


@pytest.fixture(autouse=True)
def short_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "SESSION", SESSION)


@dataclass
class Topic:
    """A topic, and what is in it by another way than mu."""

    port: int
    name: str

    def put(self, *bodies: bytes) -> None:
        producer = Producer({"bootstrap.servers": f"127.0.0.1:{self.port}", "log_level": 0})
        for body in bodies:
            producer.produce(f"{self.name}_req", body)
        producer.flush(LONG)

    def read(self, kind: str) -> list[Any]:
        """All that was ever written to it."""
        with_others = self._reader()
        topic = f"{self.name}_{kind}"
        partitions = with_others.list_topics(topic, LONG).topics[topic].partitions
        ends = {each: with_others.get_watermark_offsets(TopicPartition(topic, each), LONG)[1] for each in partitions}
        with_others.assign([TopicPartition(topic, each, 0) for each in partitions])
        found = [with_others.poll(LONG) for _ in range(sum(ends.values()))]
        with_others.close()
        return [json.loads(message.value()) for message in found]

    def committed(self) -> int:
        """How many messages the group has done with."""
        reader = self._reader()
        topic = f"{self.name}_req"
        partitions = reader.list_topics(topic, LONG).topics[topic].partitions
        found = reader.committed([TopicPartition(topic, each) for each in partitions], LONG)
        reader.close()
        return sum(max(0, each.offset) for each in found)

    def _reader(self) -> Consumer:
        address = f"127.0.0.1:{self.port}"
        return Consumer({"bootstrap.servers": address, "group.id": f"mu-{self.name}", "log_level": 0})


@pytest.fixture
def topic(broker: MockKafka) -> Topic:
    return Topic(broker.port, f"t-{uuid.uuid4().hex}")


def consumer(topic: Topic, handler: Any, *, timeout: float = LONG, **options: Any) -> Mu:
    mu = Mu("consumer", timeout=timeout)
    mu.define(EVENT, handler)
    mu.inbound(EVENT, kafka.server(port=topic.port, topic=topic.name, **options))
    return mu


@asynccontextmanager
async def sender(topic: Topic) -> AsyncIterator[Mu]:
    mu = Mu("sender", timeout=LONG)
    mu.outbound(EVENT, kafka.client(port=topic.port, topic=topic.name))
    async with mu:
        yield mu


async def send(mu: Mu, *values: Any) -> None:
    """In the topic on return."""
    for value in values:
        mu.send({**EVENT, "x": value})
    await until(lambda: not mu.stats()["sending"], LONG)


# What comes of a message ------------------------------------------------------------------------------------------


async def test_kafka_mock_what_is_no_message_or_fails_goes_to_the_dead_topic_and_stops_nobody(topic: Topic) -> None:
    seen: list[Any] = []

    def handle(args: dict[str, Any]) -> None:
        if args["x"] == "bad":
            raise ValueError("no such page")
        seen.append(args["x"])

    hostile = [b"garbage", b"\xff\x00\xfe", b"null", b"{}", b'{"pattern":1,"protocol":{}}', b"[" * 100_000]
    topic.put(*hostile)
    async with sender(topic) as mu, consumer(topic, handle):
        await send(mu, 1, "bad", 2)
        await until(lambda: len(seen) == 2, LONG)
        await until(lambda: len(topic.read("dead")) == len(hostile) + 1, LONG)
    letters = topic.read("dead")
    assert sorted(seen) == [1, 2]
    assert sum("JSON" in letter["reason"] for letter in letters) >= 3
    assert sum("failed by ValueError" in letter["reason"] for letter in letters) == 1
    assert "garbage" in {letter["message"] for letter in letters}
    assert topic.committed() == len(hostile) + 3  # each is done with


async def test_kafka_mock_what_nobody_can_handle_in_time_is_tried_the_set_number_of_times(topic: Topic) -> None:
    tries: list[str] = []
    seen: list[Any] = []

    async def handle(args: dict[str, Any], ctx: Any) -> None:
        if args["x"] == "endless":
            tries.append(ctx.id)
            await asyncio.Event().wait()
        if args["x"] == "put off" and seen.count("put off") < 2:
            seen.append("put off")
            raise ServiceError("the database is away", status=503)
        seen.append(args["x"])

    async with sender(topic) as mu, consumer(topic, handle, timeout=0.2, max_deliveries=3):
        await send(mu, "endless", "put off", "other")
        await until(lambda: len(seen) == 4, LONG)
        await until(lambda: len(topic.read("dead")) == 1, LONG)
    assert len(tries) == 3
    assert len(set(tries)) == 1
    assert sorted(seen) == ["other", "put off", "put off", "put off"]
    assert "delivered 3 times" in topic.read("dead")[0]["reason"]


CONSUMER = """
    import asyncio, sys
    from mu import Mu, kafka, run
    from mu.transports.kafka import receiving

    receiving.SESSION = float(sys.argv[3])

    async def handle(args):
        print(args["x"], flush=True)
        if args["x"] == "stuck":
            await asyncio.Event().wait()

    mu = Mu("consumer", timeout=60)
    mu.define({"role": "event"}, handle)
    mu.inbound("*", kafka.server(port=int(sys.argv[1]), topic=sys.argv[2]))
    run(mu.serve())
"""


async def test_kafka_mock_killed_consumer_leaves_to_the_next_what_is_not_committed_and_no_more(topic: Topic) -> None:
    """In one partition a message is stuck, so it is not committed, nor is what comes behind it; all else is."""
    words = ("-c", textwrap.dedent(CONSUMER), str(topic.port), topic.name, str(SESSION))
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)

    async def handled(count: int) -> set[bytes]:
        assert process.stdout
        async with asyncio.timeout(LONG):
            return {(await process.stdout.readline()).strip() for _ in range(count)}

    again: list[Any] = []
    try:
        async with sender(topic) as mu:
            await send(mu, *range(40))
            assert len(await handled(40)) == 40
            await until(lambda: topic.committed() == 40, LONG)
            await send(mu, "stuck")
            assert await handled(1) == {b"stuck"}
            await send(mu, *range(40, 60))
            assert len(await handled(20)) == 20
            await until(lambda: topic.committed() > 40, LONG)
        process.kill()
        await process.wait()
        left = 61 - topic.committed()
        async with consumer(topic, lambda args: again.append(args["x"])):
            await until(lambda: topic.committed() == 61, LONG)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "stuck" in again
    assert len(again) == len(set(again)) == left
    assert set(again) <= {"stuck", *range(40, 60)}


async def test_kafka_mock_members_of_a_group_share_the_topic(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    join = CoordinatorGroupRebalance._on_join_leader

    async def join_last(self: Any, response: Any) -> Any:
        await asyncio.sleep(LEADS)
        return await join(self, response)

    monkeypatch.setattr(CoordinatorGroupRebalance, "_on_join_leader", join_last)
    seen: dict[str, list[Any]] = {"one": [], "other": []}
    one, other = (consumer(topic, lambda args, name=name: seen[name].append(args["x"])) for name in seen)
    async with sender(topic) as mu, one, other:
        await send(mu, *range(200))
        await until(lambda: len(seen["one"]) + len(seen["other"]) >= 200, LONG)
        assert seen["one"]
        assert seen["other"]
        await until(lambda: topic.committed() == 200, LONG)
    assert sorted(seen["one"] + seen["other"]) == list(range(200))


async def test_kafka_mock_consumer_whose_group_has_not_come_together_ends_in_time(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here because a session is over before the mock begins to answer; with Kafka, because others take their time."""
    monkeypatch.setattr(receiving, "SESSION", 2.0)
    joining, join = asyncio.Event(), CoordinatorGroupRebalance.perform_group_join

    async def noted(self: Any) -> Any:
        joining.set()
        return await join(self)

    monkeypatch.setattr(CoordinatorGroupRebalance, "perform_group_join", noted)
    waiting = consumer(topic, print)
    await waiting.start()
    await asyncio.wait_for(joining.wait(), LONG)
    began = time.monotonic()
    await waiting.tear_down(0.1)
    assert time.monotonic() - began < 20


# Who is not there -------------------------------------------------------------------------------------------------


async def test_kafka_that_is_not_there_is_told_at_once(free_port: int) -> None:
    async with sender(Topic(free_port, "t")) as mu, consumer(Topic(free_port, "t"), print):
        with pytest.raises(ConnectFailed, match=f"127.0.0.1:{free_port}") as caught:
            await mu.dispatch({**EVENT, "x": 1}, timeout=5)
    assert caught.value.retryable
    assert "Traceback" not in str(caught.value)


async def test_kafka_that_does_not_answer_keeps_nobody_beyond_the_deadline_nor_at_the_end(
    black_hole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "PATIENCE", 1.0)
    began = time.monotonic()
    async with sender(Topic(black_hole, "t")) as mu, consumer(Topic(black_hole, "t"), print):
        with pytest.raises(DeadlineExceeded):
            await mu.dispatch({**EVENT, "x": 1}, timeout=0.3)
        with pytest.raises(ConnectFailed, match=f"127.0.0.1:{black_hole}"):
            await mu.dispatch({**EVENT, "x": 1})
    assert time.monotonic() - began < LONG / 2


async def test_kafka_mock_that_has_ended_confirms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "PATIENCE", 1.0)
    broker = MockKafka()
    client = kafka.client(port=broker.port, topic="t")
    await client.send(request(EVENT))
    broker.end()
    with pytest.raises(
        ConnectionLost, match=f"127.0.0.1:{broker.port} topic t has not confirmed the message"
    ) as caught:
        await client.send(request(EVENT))
    assert caught.value.sent
    await client.close()


async def test_kafka_mock_that_ends_while_the_way_back_is_made_is_told_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "PATIENCE", 1.0)
    broker, start = MockKafka(), AIOKafkaConsumer.start

    async def too_late(self: Any) -> None:
        broker.end()
        await start(self)

    monkeypatch.setattr(AIOKafkaConsumer, "start", too_late)
    client = kafka.client(port=broker.port, topic="t")
    with pytest.raises(ConnectFailed, match=f"cannot connect to kafka 127.0.0.1:{broker.port} topic t") as caught:
        await client.send(request(EVENT))
    assert not caught.value.sent
    await client.close()


async def test_kafka_mock_client_that_is_closed_while_it_connects_leaves_nothing_open(
    broker: MockKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting = asyncio.Event()

    async def endless(self: Any) -> None:
        connecting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(AIOKafkaConsumer, "start", endless)
    client = kafka.client(port=broker.port, topic="t")
    sending = asyncio.create_task(client.send(request(EVENT)))
    await asyncio.wait_for(connecting.wait(), LONG)
    await client.close()
    with pytest.raises(Closed, match="was closed"):
        await sending


async def test_kafka_mock_client_that_ends_waits_for_no_broker_and_tells_who_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(address, "PATIENCE", LONG)
    broker = MockKafka()
    client, message = kafka.client(port=broker.port, topic="t"), request(EVENT)
    await client.send(request(EVENT))
    broker.end()
    sending = asyncio.create_task(client.send(message))
    await until(lambda: message.sent, LONG)
    async with asyncio.timeout(LONG / 2):
        await client.close()
        with pytest.raises(ConnectionLost, match="has not confirmed the message"):
            await sending


@pytest.mark.parametrize("patience", [1.0, LONG], ids=["tries again", "still waits for the first try"])
async def test_kafka_mock_that_has_ended_keeps_no_consumer_with_something_to_settle(
    patience: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(address, "PATIENCE", patience)
    broker = MockKafka()
    topic, handling = Topic(broker.port, "t"), asyncio.Event()
    going_on = asyncio.Event()

    async def fail(args: dict[str, Any]) -> None:
        handling.set()
        await going_on.wait()
        raise ValueError("no such page")

    mu = consumer(topic, fail)
    async with sender(topic) as other:
        await mu.start()
        await send(other, 1)
        await asyncio.wait_for(handling.wait(), LONG)
    broker.end()
    going_on.set()
    await until(lambda: not mu.stats()["handling"], LONG)
    if patience < LONG:
        await until(lambda: "what is handled cannot be settled yet" in caplog.text, LONG)
    async with asyncio.timeout(LONG / 2):
        await mu.tear_down(0.1)
