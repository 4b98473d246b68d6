"""Batches: what an outbox lets leave together has many ends, one for each message or one for all that are left."""

import asyncio
from typing import Any

import pytest
from dns_fakes import FakeDns
from mu_brokers import RedisBroker
from mu_fakes import Fake, request, until

from mu import ConnectFailed, Mu, ServiceError, balance, dns, outbox, redis, retry, tcp
from mu.adapters import outbox as module
from mu.errors import ConnectionLost, Unencodable
from mu.transport import Batch, Client, Outcome

EVENT = {"role": "event"}
NAME = "_main._tcp.events.micro.svc.cluster.local"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)


class Service:
    """Notes what it handles; `n` = 0 waits until it may."""

    def __init__(self, **options: Any) -> None:
        self.seen: list[Any] = []
        self.most = self.under_way = 0
        self.may = asyncio.Event()
        self.server = tcp.server(port=0, **options)
        self.mu = Mu("service")
        self.mu.define(EVENT, self.handle)
        self.mu.inbound(EVENT, self.server)

    async def handle(self, args: dict[str, Any]) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if args["n"] == 0:
            await self.may.wait()
        await asyncio.sleep(0)
        self.under_way -= 1
        self.seen.append(args["n"])


def post(box: outbox, *numbers: int, **more: Any) -> None:
    for n in numbers:
        box.post(request({**EVENT, "n": n, **more}, id=str(n)))


class Noted:
    """A batch of so many messages, and the outcome of each."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.outcomes: dict[int, Outcome] = {}
        packets = [request({**EVENT, **message}, id=str(n)).packet for n, message in enumerate(messages)]
        self.batch = Batch(packets, asyncio.get_running_loop().time() + 10, self.outcomes.__setitem__)

    def kinds(self) -> list[str]:
        failures = (module.failure_of(self.outcomes[number]) for number in sorted(self.outcomes))
        return ["ok" if failure is None else type(failure).__name__ for failure in failures]


async def test_batch_waits_for_the_slowest_but_an_outbox_does_not() -> None:
    service = Service()
    async with service.mu:
        box = outbox(tcp.client(port=service.server.port), window=3)
        post(box, *range(10))
        await until(lambda: len(service.seen) == 9)
        assert service.seen == list(range(1, 10))
        assert str(box) == "outbox: 1 waiting"
        service.may.set()
        await until(lambda: str(box) == "outbox: 0 waiting")
        await box.close()


@pytest.mark.parametrize("layers", [lambda end: end, retry, lambda end: balance([end])], ids=["", "retry", "balance"])
async def test_batch_over_tcp_gives_each_its_outcome(layers: Any) -> None:
    service = Service()
    async with service.mu:
        client = layers(tcp.client(port=service.server.port, max_frame=1000))
        noted = Noted({"n": 1}, {"n": 2, "text": "x" * 2000}, {"n": object()}, {"role": "other"}, {"n": 3})
        await client.send_all(noted.batch)
        assert noted.kinds() == ["ok", "FrameTooLarge", "Unencodable", "NoRoute", "ok"]
        assert service.seen == [1, 3]
        await client.close()


async def test_batch_over_a_connection_that_ends_fails_for_all_that_are_left() -> None:
    service = Service()
    async with service.mu:
        client = tcp.client(port=service.server.port)
        noted = Noted({"n": 1}, {"n": 0}, {"n": 0})
        sending = asyncio.create_task(client.send_all(noted.batch))
        await until(lambda: service.under_way == 2)
        await until(lambda: noted.outcomes)
        await client.close()
        with pytest.raises(ConnectionLost) as lost:
            await sending
        assert lost.value.sent
        assert (noted.kinds(), list(noted.batch.left)) == (["ok"], [1, 2])


async def test_batch_that_found_nobody_is_tried_elsewhere_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    service = Service()
    async with service.mu:
        zone = f"""{NAME}. 300 IN SRV 0 1 {free_port} host.micro.
                   {NAME}. 300 IN SRV 1 1 {service.server.port} host.micro.
                   host.micro. 300 IN A 127.0.0.1"""
        async with FakeDns(zone) as server:
            for variable, value in server.environment.items():
                monkeypatch.setenv(variable, value)
            client = dns(tcp, name="events", namespace="micro", suffix="svc.cluster.local")
            noted = Noted(*({"n": n} for n in range(1, 6)))
            await client.send_all(noted.batch)
            assert noted.kinds() == ["ok"] * 5
            assert service.seen == [1, 2, 3, 4, 5]
            await client.close()


async def test_batch_is_retried_without_those_that_have_ended() -> None:
    class Halting(Client):
        """Takes one more each time before it fails."""

        def __init__(self) -> None:
            self.calls: list[list[int]] = []

        async def request(self, request: Any) -> Any:
            raise NotImplementedError

        async def send_all(self, batch: Batch) -> None:
            self.calls.append(list(batch.left))
            batch.end(min(batch.left), None)
            if batch.left:
                raise ConnectFailed("gone")

    noted, end = Noted({"n": 1}, {"n": 2}, {"n": 3}), Halting()
    await retry(end, attempts=3, delay=0.001).send_all(noted.batch)
    assert end.calls == [[0, 1, 2], [1, 2], [2]]
    assert noted.outcomes == {0: None, 1: None, 2: None}


async def test_batch_for_nodes_mu_has_one_at_a_time_on_a_connection() -> None:
    service = Service()
    async with service.mu:
        client = tcp.client(port=service.server.port, node_safe=True, pool=2)
        noted = Noted(*({"n": n} for n in range(1, 21)))
        await client.send_all(noted.batch)
        assert sorted(service.seen) == list(range(1, 21))
        assert service.most == 2
        await client.close()


async def test_batch_that_is_one_by_one_goes_on_when_one_fails_in_any_way() -> None:
    noted = Noted({"n": 1}, {"n": 2}, {"n": 3}, {"n": 4})
    await Fake("ok", KeyError("a bug"), ServiceError("no"), "ok").send_all(noted.batch)
    assert noted.kinds() == ["ok", "TransportError", "ServiceError", "ok"]


async def test_batch_for_redis_is_one_command_and_what_does_not_fit_is_turned_away(redis_broker: RedisBroker) -> None:
    client = redis.client(port=redis_broker.port, list="q", max_length=3, max_frame=1000)
    noted = Noted({"n": 1}, {"n": 2, "text": "x" * 2000}, {"n": object()}, *({"n": n} for n in range(3, 7)))
    with pytest.raises(module.Overloaded) as full:
        await client.send_all(noted.batch)
    assert not full.value.sent
    assert noted.kinds() == ["ok", "FrameTooLarge", "Unencodable", "ok", "ok"]
    assert list(noted.batch.left) == [5, 6]
    assert redis_broker.length("q_req") == 3
    await client.close()


async def test_batch_for_a_redis_that_is_full_gets_there_in_the_end_and_once(redis_broker: RedisBroker) -> None:
    seen: list[int] = []
    consumer, sender = Mu("consumer"), Mu("sender")
    consumer.define(EVENT, lambda args: seen.append(args["n"]))
    consumer.inbound(EVENT, redis.server(port=redis_broker.port, list="q", batch=2))
    sender.outbound(EVENT, outbox(redis.client(port=redis_broker.port, list="q", max_length=3)))
    async with sender:
        for n in range(20):
            sender.send({**EVENT, "n": n})
        await until(lambda: redis_broker.length("q_req") == 3)
        async with consumer:
            await until(lambda: len(seen) >= 20)
    assert sorted(seen) == list(range(20))


async def test_a_message_that_cannot_be_written_is_refused_and_the_others_arrive(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Service()
    async with service.mu:
        box = outbox(tcp.client(port=service.server.port))
        post(box, 1, 2)
        post(box, 3, text=object())
        post(box, 4)
        await until(lambda: str(box) == "outbox: 0 waiting")
        assert service.seen == [1, 2, 4]
        assert [Unencodable.__name__ in text for text in caplog.messages] == [True]
        await box.close()
