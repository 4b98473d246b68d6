"""redis: on the wire as Node's, at least once, and what a Redis can do to those who use it."""

import asyncio
import contextlib
import json
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mu_brokers import RedisBroker
from mu_fakes import until

from mu import ConnectFailed, Mu, Overloaded, ServiceError, TransportError, outbox, redis
from mu.errors import Closed, DeadlineExceeded, FrameTooLarge
from mu.transports.redis.link import PATIENCE

EVENT = {"role": "event"}


@pytest.fixture
def broker(redis_broker: RedisBroker) -> RedisBroker:
    return redis_broker


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


def consumer(broker: RedisBroker, handler: Any, **options: Any) -> Mu:
    mu = Mu("consumer")
    mu.define(EVENT, handler)
    mu.inbound(EVENT, redis.server(port=broker.port, list="q", **options))
    return mu


@contextlib.asynccontextmanager
async def sender(broker: RedisBroker, **options: Any) -> AsyncIterator[Mu]:
    mu = Mu("sender")
    mu.outbound(EVENT, redis.client(port=broker.port, list="q", **options))
    async with mu:
        yield mu


async def send(mu: Mu, *values: Any) -> None:
    """In order, and in the queue on return."""
    for value in values:
        mu.send({**EVENT, "x": value})
    await until(lambda: not mu.stats()["sending"])


def in_work(broker: RedisBroker) -> int:
    script = "local n = 0 for _, key in ipairs(redis.call('KEYS', 'q_work_*')) do n = n + redis.call('LLEN', key) end"
    return int(broker.ask("EVAL", f"{script} return n", "0") or 0)


def pop(broker: RedisBroker, key: str) -> Any:
    return json.loads(broker.ask("RPOP", key) or "null")


async def test_redis_answers_a_packet_of_node(broker: RedisBroker) -> None:
    packet = {
        "pattern": {**EVENT, "x": "é ☃ 😀"},
        "protocol": {"path": ["cb", "node"], "trace": ["cb", "node"], "ttl": 10, "dst": "target", "src": "node"},
    }
    async with consumer(broker, Recorder()):
        broker.ask("LPUSH", "q_req", json.dumps(packet))
        await until(lambda: broker.length("q_res_node"))
    assert 0 < int(broker.ask("TTL", "q_res_node") or 0) <= 3600
    answer = pop(broker, "q_res_node")
    assert answer["err"] is None
    assert answer["response"] == "é ☃ 😀"
    assert answer["protocol"]["path"] == ["cb"]
    assert answer["protocol"]["dst"] == "node"
    assert answer["protocol"]["trace"][:2] == ["cb", "node"]


async def test_redis_asks_as_node_and_takes_its_answer(broker: RedisBroker) -> None:
    async with sender(broker) as mu:
        waiting = asyncio.create_task(mu.dispatch({**EVENT, "x": 1}))
        await until(lambda: broker.length("q_req"))
        packet = pop(broker, "q_req")
        protocol = packet["protocol"]
        assert packet["pattern"] == {**EVENT, "x": 1}
        assert protocol["src"] == protocol["path"][1] == protocol["trace"][1]
        answer = {"err": None, "response": 5, "protocol": {**protocol, "path": protocol["path"][:1]}}
        muid = protocol["path"][1]
        for text in ("garbage", "null", "{}", '{"response":1,"protocol":{"path":[1]}}', json.dumps(answer)):
            broker.ask("LPUSH", f"q_res_{muid}", text)
        assert await waiting == 5
    assert broker.ask("EXISTS", f"q_res_{muid}") == "0"


async def test_redis_takes_one_way_answers_of_node_out_of_the_way(broker: RedisBroker) -> None:
    async with sender(broker) as mu:
        await send(mu, 1)
        protocol = pop(broker, "q_req")["protocol"]
        assert "deadline" not in protocol
        key = f"q_res_{protocol['src']}"
        broker.ask("LPUSH", key, json.dumps({"err": None, "response": 1, "protocol": {"path": protocol["path"][:1]}}))
        await until(lambda: broker.ask("EXISTS", key) == "0")


async def test_redis_keeps_the_order_of_one_way_messages(broker: RedisBroker) -> None:
    recorder = Recorder()
    async with consumer(broker, recorder), sender(broker) as mu:
        await send(mu, *range(1500))
        await until(lambda: len(recorder.seen) == 1500)
    assert recorder.seen == list(range(1500))
    assert broker.ask("KEYS", "*") == "0"


async def test_redis_buries_what_is_no_message_and_goes_on(broker: RedisBroker) -> None:
    recorder = Recorder()
    garbage = ["garbage", "null", "{}", '{"pattern":{}}', '{"pattern":1,"protocol":{}}', "[" * 100_000]
    for text in garbage:
        broker.ask("LPUSH", "q_req", text)
    async with consumer(broker, recorder), sender(broker) as mu:
        assert await mu.dispatch({**EVENT, "x": 1}) == 1
        await until(lambda: broker.length("q_dead") == len(garbage))
    letter = pop(broker, "q_dead")
    assert letter["message"] == "garbage"
    assert "JSON" in letter["reason"]


async def test_redis_delivers_again_what_a_handler_puts_off(broker: RedisBroker) -> None:
    recorder = Recorder(ServiceError("the database is away", status=503), ServiceError("slowly", status=429))
    async with consumer(broker, recorder, max_deliveries=1), sender(broker) as mu:
        await send(mu, "kept")
        await until(lambda: recorder.seen)
    assert recorder.seen == ["kept"]
    assert len(recorder.ids) == 3
    assert len(set(recorder.ids)) == 1
    assert broker.ask("KEYS", "*") == "0"


async def test_redis_keeps_what_was_put_off_when_the_consumer_ends(broker: RedisBroker) -> None:
    recorder = Recorder(ServiceError("not now", status=503, retry_after=0.5))
    async with sender(broker) as mu:
        async with consumer(broker, recorder):
            await send(mu, "kept")
            await until(lambda: broker.ask("ZCARD", "q_later") == "1")
        async with consumer(broker, recorder):
            await until(lambda: recorder.seen)
    assert recorder.seen == ["kept"]


async def test_redis_buries_a_one_way_message_whose_handler_failed(broker: RedisBroker) -> None:
    recorder = Recorder(ValueError("no such page"))
    async with consumer(broker, recorder), sender(broker) as mu:
        await send(mu, "bad", "good")
        await until(lambda: recorder.seen and broker.length("q_dead"))
    letter = pop(broker, "q_dead")
    assert "failed by ValueError: the log" in letter["reason"]
    assert json.loads(letter["message"])["pattern"]["x"] == "bad"


async def test_redis_buries_a_one_way_message_that_nobody_can_handle_in_time(broker: RedisBroker) -> None:
    async def endless(args: dict[str, Any]) -> None:
        await asyncio.Event().wait()

    mu = Mu("consumer", timeout=0.05)
    mu.define(EVENT, endless)
    mu.inbound(EVENT, redis.server(port=broker.port, list="q", max_deliveries=3))
    async with mu, sender(broker) as other:
        await send(other, 1)
        await until(lambda: broker.length("q_dead"))
    assert "delivered 3 times" in pop(broker, "q_dead")["reason"]


async def test_redis_answers_a_request_with_the_error_and_does_not_repeat_it(broker: RedisBroker) -> None:
    recorder = Recorder(ServiceError("not now", status=503, data={"until": 5}))
    async with consumer(broker, recorder), sender(broker) as mu:
        with pytest.raises(ServiceError, match="not now") as caught:
            await mu.dispatch({**EVENT, "x": 1})
    assert caught.value.status == 503
    assert caught.value.data == {"until": 5}
    assert len(recorder.ids) == 1
    assert broker.ask("KEYS", "*") == "0"


async def test_redis_does_not_handle_what_nobody_waits_for_any_more(broker: RedisBroker) -> None:
    recorder = Recorder()
    async with sender(broker) as mu:
        with pytest.raises(DeadlineExceeded):
            await mu.dispatch({**EVENT, "x": "late"}, timeout=0.05)
        async with consumer(broker, recorder):
            assert await mu.dispatch({**EVENT, "x": "in time"}) == "in time"
    assert recorder.seen == ["in time"]


async def test_redis_turns_away_what_is_more_than_the_queue_may_hold(broker: RedisBroker) -> None:
    client = redis.client(port=broker.port, list="q", max_length=3)
    mu = Mu("sender")
    mu.outbound(EVENT, client)
    async with mu:
        results = await asyncio.gather(
            *(mu.dispatch({**EVENT, "x": x}, timeout=0.5) for x in range(5)), return_exceptions=True
        )
    assert [type(result) for result in results] == [DeadlineExceeded] * 3 + [Overloaded] * 2
    assert not results[3].sent
    assert "3 messages" in str(results[3])
    assert broker.length("q_req") == 3


async def test_redis_refuses_a_packet_that_is_too_large(broker: RedisBroker) -> None:
    async with consumer(broker, lambda args: "x" * args["x"], max_frame=1000), sender(broker, max_frame=2000) as mu:
        with pytest.raises(FrameTooLarge):
            await mu.dispatch({**EVENT, "x": "x" * 2000})
        with pytest.raises(FrameTooLarge):
            await mu.dispatch({**EVENT, "x": 1500})
        assert await mu.dispatch({**EVENT, "x": 10}) == "x" * 10


async def test_redis_that_is_away_is_told_at_once_and_waited_for(broker: RedisBroker) -> None:
    recorder = Recorder()
    broker.kill()
    async with consumer(broker, recorder), sender(broker) as mu:
        with pytest.raises(ConnectFailed, match="nobody listens") as caught:
            await mu.dispatch({**EVENT, "x": 1})
        assert caught.value.retryable
        keeper = Mu("keeper")
        keeper.outbound(EVENT, outbox(redis.client(port=broker.port, list="q")))
        async with keeper:
            for x in range(200):
                keeper.send({**EVENT, "x": x})
            await broker.start()
            await until(lambda: len(recorder.seen) == 200, seconds=30)
    assert sorted(recorder.seen) == list(range(200))


async def test_redis_that_hangs_does_not_hold_up_the_start_and_is_waited_for(broker: RedisBroker) -> None:
    recorder = Recorder()
    async with sender(broker) as mu:
        await send(mu, 1, 2)
        receiver = consumer(broker, recorder)
        broker.freeze(True)
        try:
            async with asyncio.timeout(PATIENCE):  # which is what an answer may take later on
                await receiver.start()
            broker.freeze(False)
            await send(mu, 3)
            await until(lambda: recorder.seen == [1, 2, 3], seconds=30)
        finally:
            broker.freeze(False)
            await receiver.tear_down()


async def test_redis_that_forgets_its_scripts_is_given_them_again(broker: RedisBroker) -> None:
    async with consumer(broker, Recorder()), sender(broker) as mu:
        for x in range(3):
            broker.ask("SCRIPT", "FLUSH")
            assert await mu.dispatch({**EVENT, "x": x}) == x


async def test_redis_connections_may_break_at_any_moment(broker: RedisBroker) -> None:
    recorder = Recorder()
    mu = Mu("keeper")
    mu.outbound(EVENT, outbox(redis.client(port=broker.port, list="q")))
    async with consumer(broker, recorder, batch=20), mu:
        for x in range(2000):
            mu.send({**EVENT, "x": x})
            if x % 40 == 0:
                broker.ask("CLIENT", "KILL", "TYPE", "normal")
                await asyncio.sleep(0)
        await until(lambda: set(recorder.seen) == set(range(2000)), seconds=60)
        await until(lambda: not in_work(broker))
    assert not broker.length("q_dead")


async def test_redis_finds_again_what_was_on_a_connection_that_broke(broker: RedisBroker) -> None:
    """To Redis the message is in work, and the consumer has never seen it."""
    recorder = Recorder()
    async with consumer(broker, recorder):
        await until(lambda: "cmd=blmove" in (broker.ask("CLIENT", "LIST") or ""))
        name = broker.ask("EVAL", "return redis.call('SMEMBERS', 'q_consumers')[1]", "0")
        packet = {"pattern": {**EVENT, "x": 1}, "protocol": {"path": ["id", "sender"]}}
        broker.ask("LPUSH", f"q_work_{name}", json.dumps(packet))
        broker.ask("CLIENT", "KILL", "TYPE", "normal")
        await until(lambda: not in_work(broker))
    assert recorder.seen == [1]


async def test_redis_that_wants_a_password_says_so(broker: RedisBroker) -> None:
    right = {"password": "secret"}
    broker.ask("CONFIG", "SET", "requirepass", right["password"])
    for password in (None, "wrong"):
        with pytest.raises(TransportError, match="password=") as caught:
            async with consumer(broker, Recorder(), password=password):
                pass
        assert not caught.value.temporary
        async with sender(broker, password=password) as mu:
            with pytest.raises(TransportError, match="password=") as caught:
                await mu.dispatch({**EVENT, "x": 1})
            assert not caught.value.sent
    async with consumer(broker, Recorder(), **right), sender(broker, **right) as mu:
        assert await mu.dispatch({**EVENT, "x": 1}) == 1


async def test_redis_that_is_full_says_so_and_is_emptied_all_the_same(broker: RedisBroker) -> None:
    recorder = Recorder()
    async with sender(broker) as mu:
        await send(mu, *range(300))
        broker.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(Overloaded, match="maxmemory") as caught:
            await mu.dispatch({**EVENT, "x": 1})
        assert not caught.value.sent
        async with consumer(broker, recorder):
            await until(lambda: len(recorder.seen) == 300)
            await until(lambda: not in_work(broker))
    assert recorder.seen == list(range(300))


async def test_redis_that_is_a_replica_says_so(broker: RedisBroker) -> None:
    async with sender(broker) as mu:
        broker.ask("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(ConnectFailed, match="replica") as caught:
            await mu.dispatch({**EVENT, "x": 1})
        assert caught.value.retryable
        broker.ask("REPLICAOF", "NO", "ONE")


async def test_redis_key_of_another_kind_is_told(broker: RedisBroker) -> None:
    broker.ask("SET", "q_req", "text")
    async with sender(broker) as mu:
        with pytest.raises(TransportError, match="another list"):
            await mu.dispatch({**EVENT, "x": 1})


async def test_redis_server_gives_back_what_it_cannot_handle_in_its_grace(broker: RedisBroker) -> None:
    gate = asyncio.Event()
    begun: list[Any] = []

    async def handler(args: dict[str, Any]) -> Any:
        begun.append(args["x"])
        if args["x"] != "quick":
            await gate.wait()
        return args["x"]

    async with sender(broker) as mu:
        mu_consumer = consumer(broker, handler, batch=3)
        await mu_consumer.start()
        waiting = [asyncio.create_task(mu.dispatch({**EVENT, "x": x})) for x in ("quick", 1, 2, 3, 4)]
        await until(lambda: len(begun) == 4)
        assert await waiting[0] == "quick"
        await mu_consumer.tear_down(grace=0.05)
        assert broker.length("q_req") == 4
        assert broker.ask("KEYS", "q_work_*") == broker.ask("KEYS", "q_lease_*") == "0"
        assert pop(broker, "q_req")["pattern"]["x"] == 1  # the first is the first again
        gate.set()
        async with consumer(broker, handler):
            assert [await task for task in waiting[2:]] == [2, 3, 4]
        waiting[1].cancel()


async def test_redis_server_answers_what_is_ready_within_its_grace(broker: RedisBroker) -> None:
    async def slow(args: dict[str, Any]) -> Any:
        await asyncio.sleep(0.1)
        return args["x"]

    async with sender(broker) as mu:
        mu_consumer = consumer(broker, slow, batch=10)
        await mu_consumer.start()
        waiting = [asyncio.create_task(mu.dispatch({**EVENT, "x": x})) for x in range(5)]
        await until(lambda: mu_consumer.stats()["handling"] == 5)
        await mu_consumer.tear_down(grace=10)
        assert [await task for task in waiting] == list(range(5))
    assert broker.ask("KEYS", "*") == "0"


async def test_redis_client_that_is_closed_tells_those_who_wait(broker: RedisBroker) -> None:
    mu = Mu("sender")
    mu.outbound(EVENT, redis.client(port=broker.port, list="q"))
    waiting = asyncio.create_task(mu.dispatch({**EVENT, "x": 1}))
    await until(lambda: broker.length("q_req"))
    await mu.tear_down(0)
    with pytest.raises(Closed):
        await waiting


CONSUMER = """
    import os, sys
    from mu import Mu, redis, run

    def handle(args):
        if args["x"] == "poison":
            os._exit(3)
        with open(sys.argv[2], "a") as file:
            file.write(f"{args['x']}\\n")

    mu = Mu("consumer")
    mu.define({"role": "event"}, handle)
    mu.inbound("*", redis.server(port=int(sys.argv[1]), list="q", lease=0.5, max_deliveries=3))
    run(mu.serve())
"""


async def test_redis_poison_is_found_and_no_other_message_is_blamed(broker: RedisBroker, tmp_path: Path) -> None:
    file = tmp_path / "handled"
    async with sender(broker) as mu:
        await send(mu, *range(20), "poison", *range(20, 40))
    deaths = 0
    async with asyncio.timeout(60):
        while not broker.length("q_dead"):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", textwrap.dedent(CONSUMER), str(broker.port), str(file), stderr=subprocess.PIPE
            )
            await until(lambda: process.returncode is not None or broker.length("q_dead"), seconds=30)  # noqa: B023
            if process.returncode is None:
                await until(lambda: not broker.length("q_req") and not in_work(broker), seconds=30)
                process.terminate()
            else:
                deaths += 1
            await process.communicate()
    assert deaths == 3
    letter = pop(broker, "q_dead")
    assert letter["reason"] == "delivered 3 times: its consumer died"
    assert json.loads(letter["message"])["pattern"]["x"] == "poison"
    assert not broker.length("q_dead")
    assert {int(line) for line in file.read_text().split()} == set(range(40))


@pytest.mark.parametrize("options", [{"list": ""}, {"list": "q", "max_length": 0}, {"list": "q", "port": -1}])
def test_redis_client_says_what_is_wrong_with_its_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        redis.client(**options)


@pytest.mark.parametrize("options", [{"batch": 0}, {"batch": 1001}, {"max_deliveries": 0}, {"lease": 0}])
def test_redis_server_says_what_is_wrong_with_its_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        redis.server(list="q", **options)


async def test_redis_names_itself_in_the_table_of_routes(broker: RedisBroker) -> None:
    mu = consumer(broker, Recorder())
    assert f"redis 127.0.0.1:{broker.port} list q" in str(list(mu.routes()))
