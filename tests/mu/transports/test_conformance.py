"""What every transport promises, by the same tests over each: local, tcp, http, redis, rabbitmq, kafka.

Redis is Valkey, RabbitMQ the real broker. Kafka is librdkafka's mock cluster, which keeps no data on a disk.
"""

import asyncio
import math
import sys
import textwrap
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from mu_fakes import until
from mu_places import PLACES, Place

import mu as transports
from fuge import ports
from mu import ConnectFailed, DeadlineExceeded, Mu, MuError, NoRoute, ServiceError, outbox

JOB = {"role": "job"}
EACH = [*PLACES]
QUEUES = ["redis", "rabbitmq", "kafka-mock"]
SECONDS = 60.0  # for machines that are busy with other things


@pytest.fixture(scope="module")
def whole_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all tests over the same transport: some brokers take their time to start."""
    place = PLACES[request.param](tmp_path_factory.mktemp(request.param))
    try:
        asyncio.run(place.start())
        yield place
    finally:
        place.stop()


@pytest.fixture
def place(whole_place: Place) -> Place:
    whole_place.queue = f"jobs-{uuid.uuid4().hex}"
    return whole_place


def over(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("whole_place", names, indirect=True, scope="module")


def service(place: Place, handler: Any = None, name: str = "service", **options: Any) -> Mu:
    mu = Mu(name, timeout=SECONDS)
    mu.define(JOB, handler or (lambda args: args["x"]))
    mu.inbound({"role": "*"}, place.server(**options))
    return mu


def caller(place: Place, *, keep: bool = False) -> Mu:
    mu = Mu("caller", timeout=SECONDS)
    mu.outbound({"role": "*"}, outbox(place.client()) if keep else place.client())
    return mu


@over(*EACH)
async def test_conformance_any_value_comes_and_goes_as_it_is(place: Place) -> None:
    values = [0, -1, 1.5, "", "é ☃ 😀 \u2028 \x00", None, True, False, [], {}, [[], {}], {"": {"a": [1, None]}}]
    values += [2**53 + 1, 10**30, "x" * 1_000_000, ["y" * 1000] * 500, {"pattern": 1, "response": 2, "err": 3}]
    async with service(place), caller(place) as mu:
        for value in values:
            assert await mu.dispatch({**JOB, "x": value}) == value
        assert await mu.dispatch({**JOB, "x": math.nan}) is None


@over(*EACH)
async def test_conformance_each_answer_goes_to_its_caller(place: Place) -> None:
    async def later(args: dict[str, Any]) -> Any:
        await asyncio.sleep(0.001 * (args["x"] % 7))
        return args["x"]

    async with service(place, later), caller(place) as one, caller(place) as other:
        jobs = [mu.dispatch({**JOB, "x": x}) for x in range(100) for mu in (one, other)]
        assert await asyncio.gather(*jobs) == [x for x in range(100) for _ in range(2)]


@over(*EACH)
async def test_conformance_errors_keep_kind_status_and_data(place: Place) -> None:
    def fail(args: dict[str, Any]) -> None:
        if args["x"] == "plain":
            raise ValueError("no good")
        raise ServiceError("not found", status=404, data={"id": 7}, extra={"code": "E7"})

    async with service(place, fail), caller(place) as mu:
        with pytest.raises(ServiceError, match="not found") as caught:
            await mu.dispatch({**JOB, "x": 1})
        assert (caught.value.status, caught.value.data, caught.value.code) == (404, {"id": 7}, 1)
        assert caught.value.extra == {"code": "E7"}
        with pytest.raises(ServiceError, match="the handler failed by ValueError: ") as caught:
            await mu.dispatch({**JOB, "x": "plain"})
        assert caught.value.status == 500
        with pytest.raises(NoRoute):
            await mu.dispatch({"role": "other"})


@over(*EACH)
async def test_conformance_a_result_that_is_no_json_is_an_error(place: Place) -> None:
    async with service(place, lambda args: object()), caller(place) as mu:
        with pytest.raises(MuError, match="JSON"):
            await mu.dispatch({**JOB, "x": 1})


@over(*EACH)
async def test_conformance_a_deadline_ends_both_sides(place: Place) -> None:
    ended = asyncio.Event()

    async def endless(args: dict[str, Any]) -> None:
        if args["x"] == "first":  # for queues that take their time for the first message
            return
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with service(place, endless), caller(place) as mu:
        await mu.dispatch({**JOB, "x": "first"})
        with pytest.raises(DeadlineExceeded):
            await mu.dispatch({**JOB, "x": 1}, timeout=2)
        await asyncio.wait_for(ended.wait(), SECONDS)


@over(*EACH)
@pytest.mark.parametrize("keep", [False, True], ids=["each by itself", "from an outbox"])
async def test_conformance_one_way_messages_arrive_once_each(place: Place, keep: bool) -> None:
    seen: list[Any] = []
    async with service(place, lambda args: seen.append(args["x"])), caller(place, keep=keep) as mu:
        for x in range(300):
            mu.send({**JOB, "x": x})
        await until(lambda: len(seen) >= 300, SECONDS)
    assert sorted(seen) == list(range(300))


@over(*EACH)
async def test_conformance_a_service_that_ends_answers_what_it_has(place: Place) -> None:
    begun = asyncio.Event()

    async def slow(args: dict[str, Any]) -> Any:
        begun.set()
        await asyncio.sleep(0.2)
        return args["x"]

    async with caller(place) as mu:
        async with service(place, slow):
            waiting = asyncio.create_task(mu.dispatch({**JOB, "x": 5}))
            await asyncio.wait_for(begun.wait(), SECONDS)
        assert await waiting == 5


@over("redis", "rabbitmq")
async def test_conformance_consumers_share_the_work(place: Place) -> None:
    """Not over Kafka's mock cluster, where a group of two needs some help: see test_kafka_mock.py."""
    seen: dict[str, list[Any]] = {"one": [], "other": []}

    def noting(name: str) -> Any:
        async def note(args: dict[str, Any]) -> None:
            seen[name].append(args["x"])
            await asyncio.sleep(0.002)

        return note

    sent = 0
    one, other = (service(place, noting(name), name, few=True) for name in seen)
    async with one, other, caller(place) as mu:
        async with asyncio.timeout(SECONDS):
            while not (seen["one"] and seen["other"]) or sent < 200:
                mu.send({**JOB, "x": sent})
                sent += 1
                await asyncio.sleep(0.002)
            await until(lambda: len(seen["one"]) + len(seen["other"]) >= sent, SECONDS)
    assert set(seen["one"]) | set(seen["other"]) == set(range(sent))


@over(*QUEUES)
async def test_conformance_what_a_handler_puts_off_comes_again(place: Place) -> None:
    ids: list[str] = []

    def later(args: dict[str, Any], ctx: Any) -> None:
        ids.append(ctx.id)
        if len(ids) < 3:
            raise ServiceError("the database is away", status=503)

    async with service(place, later), caller(place) as mu:
        mu.send({**JOB, "x": 1})
        await until(lambda: len(ids) == 3, SECONDS)
    assert len(set(ids)) == 1


@over(*QUEUES)
async def test_conformance_a_one_way_message_that_fails_is_not_repeated(place: Place) -> None:
    seen: list[Any] = []

    def fail(args: dict[str, Any]) -> None:
        seen.append(args["x"])
        raise ValueError("no good")

    async with service(place, fail), caller(place) as mu:
        mu.send({**JOB, "x": 1})
        await until(lambda: seen, SECONDS)
        with pytest.raises(ServiceError, match="by ValueError"):
            await mu.dispatch({**JOB, "x": 2})
    assert seen == [1, 2]


@pytest.mark.parametrize("name", ["redis", "rabbitmq", "kafka"])
async def test_conformance_a_broker_that_is_not_there_is_told_unsent(name: str) -> None:
    module, queue = getattr(transports, name), {"redis": "list", "rabbitmq": "queue", "kafka": "topic"}[name]
    port = ports.free(1)[0]
    mu = Mu("caller", timeout=SECONDS)
    mu.outbound(JOB, module.client(port=port, **{queue: "jobs"}))
    waiting = Mu("service")
    waiting.inbound(JOB, module.server(port=port, **{queue: "jobs"}))
    async with waiting, mu:
        with pytest.raises(ConnectFailed) as caught:
            await mu.dispatch({**JOB, "x": 1})
        assert caught.value.retryable
        assert str(port) in str(caught.value)


@over("redis", "rabbitmq")
async def test_conformance_a_broker_that_is_killed_loses_nothing(place: Place) -> None:
    seen: set[Any] = set()
    async with service(place, lambda args: seen.add(args["x"])), caller(place, keep=True) as mu:
        for x in range(600):
            mu.send({**JOB, "x": x})
            if x == 300:
                await until(lambda: seen, SECONDS)
                await place.restart()
            if x % 50 == 0:
                await asyncio.sleep(0.01)
        await until(lambda: seen == set(range(600)), SECONDS)
        assert await mu.dispatch({**JOB, "x": None}) is None


CONSUMER = """
    import asyncio, sys
    from mu import Mu, http, kafka, rabbitmq, redis, run, tcp

    async def handle(args):
        print(args["x"], flush=True)
        if args["x"] == "stuck" and sys.argv[1:] == ["first"]:
            await asyncio.Event().wait()

    async def main():
        mu = Mu("consumer", timeout=60)
        mu.define({"role": "job"}, handle)
        mu.inbound("*", SERVER)
        await mu.serve()

    run(main())
"""


async def started(place: Place, *words: str) -> asyncio.subprocess.Process:
    code = textwrap.dedent(CONSUMER).replace("SERVER", place.server_code)
    return await asyncio.create_subprocess_exec(sys.executable, "-c", code, *words, stdout=asyncio.subprocess.PIPE)


@over(*(name for name in EACH if name != "local"))
async def test_conformance_a_consumer_that_is_killed_loses_nothing(place: Place) -> None:
    """Over a queue another gets what it had in hand; over a connection the sender's outbox keeps it for the next."""
    jobs = ["stuck", *map(str, range(30))]
    handled: set[str] = set()

    async def read(process: asyncio.subprocess.Process, until_it_has: set[str]) -> None:
        assert process.stdout
        async with asyncio.timeout(SECONDS):
            while not until_it_has <= handled:
                handled.add((await process.stdout.readline()).decode().strip())

    first = await started(place, "first")
    assert first.stdout
    second = None
    try:
        async with caller(place, keep=True) as mu:
            for job in jobs:
                mu.send({**JOB, "x": job})
            await read(first, {"stuck"})
            first.kill()
            handled |= set((await first.stdout.read()).decode().split())
            await first.wait()
            handled.discard("stuck")
            second = await started(place)
            await read(second, {*jobs})
    finally:
        for process in (first, second):
            if process and process.returncode is None:
                process.kill()
                await process.wait()
