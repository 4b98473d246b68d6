"""Metrics at the receiver of a running system: what it answers, and of whom it tells."""

import gzip
import json
import time
from typing import Any

import pytest
from fuge_metrics import PATH, counter, gauge, has_failures, measured, request, route, shop
from fuge_project import Project, eventually, free_ports
from fuge_traces import JSON, PROTOBUF, Asked, enabled, listening, post
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from fuge import Engine
from fuge.engine.metrics import board, report
from fuge.engine.traces import unpacking
from fuge.engine.traces.receiver import Receiver


def told(receiver: Receiver) -> list[tuple[str, str, Any]]:
    now = time.monotonic()
    services = report.report(receiver.metrics.series(now), now)
    return [(each["service"], row["name"], row["value"]) for each in services for row in each["series"]]


@pytest.mark.parametrize("packed", [False, True])
async def test_latest_value_is_kept_and_confirmed(asked: Asked, packed: bool) -> None:
    headers = PROTOBUF | ({"Content-Encoding": "gzip"} if packed else {})
    async with listening(asked) as receiver:
        for value in (1, 2):
            body = request([gauge("size", value), counter("requests", value)])
            assert await asked.post(gzip.compress(body) if packed else body, headers, path=PATH) == (200, b"")
        assert told(receiver) == [("web", "size", 2.0), ("web", "requests", 2)]
    assert told(receiver) == []
    assert asked.said == []


async def test_json_is_answered_in_json(asked: Asked) -> None:
    metric = {"name": "size", "gauge": {"dataPoints": [{"asInt": "3"}, {"asDouble": "NaN"}]}}
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
    async with listening(asked) as receiver:
        status, answer = await asked.post(body, JSON, path=PATH)
        assert told(receiver) == [("unknown_service", "size", 3)]
    assert status == 200
    assert json.loads(answer)["partialSuccess"] == {
        "rejectedDataPoints": "1",
        "errorMessage": "1 points with numbers or buckets that are none",
    }


async def test_sender_is_told_of_what_there_is_no_room_for(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "MOST_OF_ONE", 2)
    async with listening(asked) as receiver:
        status, answer = await asked.post(request([gauge(str(number), 1) for number in range(5)]), path=PATH)
        assert (len(told(receiver)), receiver.metrics.dropped) == (2, 3)
    said = ExportMetricsServiceResponse.FromString(answer).partial_success
    assert (status, said.rejected_data_points) == (200, 3)
    assert said.error_message == "3 points of series that there is no room for"
    assert [text[:28] for text in asked.said] == ["metrics are dropped, such as"]


OTHERS = {
    "no protobuf": ({"body": b"\xff\xff"}, 400, "expected an ExportMetricsServiceRequest as protobuf: "),
    "no JSON": ({"body": b"{", "headers": JSON}, 400, "expected an ExportMetricsServiceRequest as JSON: "),
    "a form": (
        {"body": b"a=b", "headers": {"Content-Type": "text/plain"}},
        415,
        "expected Content-Type application/x-",
    ),
    "too large": ({"body": b"x" * (unpacking.LONGEST + 1)}, 413, "expected at most 4194304 bytes in a request"),
    "too large when unpacked": (
        {"body": gzip.compress(b"x" * (unpacking.LONGEST + 1)), "headers": PROTOBUF | {"Content-Encoding": "gzip"}},
        413,
        "expected at most 4194304 bytes in a request",
    ),
    "another method": ({"body": b"", "method": "GET"}, 405, "expected POST, found 'GET'"),
    "a page": ({"body": b"", "headers": PROTOBUF | {"Origin": "https://example.com"}}, 403, "'https://example.com'"),
    "rebinding": ({"body": b"", "headers": PROTOBUF | {"Host": "evil.example:4318"}}, 403, "found 'evil.example'"),
}


@pytest.mark.parametrize(("sent", "status", "reason"), OTHERS.values(), ids=OTHERS)
async def test_what_is_no_request_for_it_is_refused_in_words(
    asked: Asked, sent: dict[str, Any], status: int, reason: str
) -> None:
    async with listening(asked) as receiver:
        found, answer = await asked.post(path=PATH, **sent)
        assert told(receiver) == []
    assert found == status
    assert reason in answer.decode()


async def test_metrics_go_with_the_setting(project: Project) -> None:
    port, adder = free_ports(1)[0], project.server("adder_service")
    project.configure_with(enabled(port), adder)
    async with Engine(project.file) as engine:
        assert (await post(port, request([gauge("size", 1)]), path=PATH))[0] == 200
        assert len(told(engine.traces)) == 1
        project.configure_with(adder)
        await engine.reload()
        assert told(engine.traces) == []


# By mu ------------------------------------------------------------------------------------------------------------


def test_services_with_mu_tell_of_their_routes(project: Project) -> None:
    project.configure_with(enabled(free_ports(1)[0]), *shop(project))
    assert all(each["ok"] for each in project.up())
    orders = measured(project, "orders", has_failures("outbound", "role: stock"))
    stock = route(orders, "outbound", "role: stock")
    assert stock["target"].startswith("tcp 127.0.0.1:")
    assert 0 < stock["error_rate"] < stock["rate"] < 100
    assert 0 < stock["p50"] <= stock["p99"] < 10
    away = route(orders, "outbound", "role: away")
    assert (away["target"], away["errors"]) == ("breaker (tcp 127.0.0.1:1)", away["calls"])
    assert away["adapters"] == [{"name": "breaker", "target": "breaker (tcp 127.0.0.1:1)", "state": "open"}]
    mail = route(orders, "outbound", "role: mail")
    assert (mail["calls"], mail["errors"], [each["state"] for each in mail["adapters"]]) == (3, 0, [3])
    [about] = orders["mus"]
    assert (about["at"], about["handling"], about["lost"]) == ("orders", 0, 0)
    handling = measured(project, "stock", has_failures("handler", "role: stock, cmd: take"))
    assert [row["kind"] for row in handling["routes"]] == ["inbound", "handler"]
    assert handling["age"] < 10


def test_instances_are_told_apart_and_one_that_ended_is_told_by_its_age(project: Project) -> None:
    project.configure_with(enabled(free_ports(1)[0]), *shop(project, "replicas: 2"))
    project.up("stock", "stock.2")

    def instances() -> set[str]:
        return {each["instance"] for each in project.call("metrics", name="stock")["services"]}

    eventually(lambda: instances() == {"stock", "stock.2"})
    project.call("stop", words=["stock.2"])
    before = measured(project, "stock.2", lambda found: found["age"] > 1.5)
    assert before["routes"], "they are still to be seen"


def test_other_instrumented_packages_have_a_bounded_number_of_series(project: Project) -> None:
    """Those of a web server: by method and status, whatever addresses visitors ask for."""
    script = """
    import asyncio, os
    from aiohttp import ClientSession, web
    from mu import run

    async def main():
        application = web.Application()
        application.router.add_get("/{name}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        port = int(os.environ["SERVICE_PORT"])
        await web.TCPSite(runner, "127.0.0.1", port).start()
        async with ClientSession() as session:
            for number in range(100):
                async with session.get(f"http://127.0.0.1:{port}/{number}?a={number}"):
                    pass
        await asyncio.sleep(3600)

    async def answer(request):
        return web.Response()

    run(main())
    """
    project.script("site", script)
    site = project.process("site", f"ports: [http={free_ports(1)[0]}]", run="python main.py MARK")
    project.configure_with(enabled(free_ports(1)[0]), site)
    project.up()
    found = measured(project, "site", lambda found: any(row["calls"] == 100 for row in found["durations"]))
    assert len(found["series"]) < 10
