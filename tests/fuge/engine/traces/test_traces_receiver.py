"""The receiver of traces in a running system: where it listens, to whom, and what it answers."""

import asyncio
import contextlib
import gzip
import itertools
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace

import aiohttp
import psutil
import pytest
from fuge_project import Project, eventually, free_ports
from fuge_traces import JSON, PROTOBUF, Asked, enabled, file_of, listening, port_of, post, request, send, span
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from fuge import Engine, NotReadyError
from fuge.engine.traces import http, reading, unpacking, writer
from fuge.engine.traces.database import ASIDE
from fuge.plan.system import System

# What it answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
async def test_spans_are_kept_and_confirmed(asked: Asked, packed: bool) -> None:
    body = request([span(1, 1), span(1, 2, 1)])
    headers = PROTOBUF | ({"Content-Encoding": "gzip"} if packed else {})
    async with listening(asked):
        assert await asked.post(gzip.compress(body) if packed else body, headers) == (200, b"")
    assert [each["spans"] for each in reading.traces(asked.file)] == [2]
    assert asked.said == []


async def test_json_is_answered_in_json(asked: Asked) -> None:
    sent = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "x"}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [sent, {"name": "without ids"}]}]}]}).encode()
    async with listening(asked):
        status, answer = await asked.post(body, JSON | {"Content-Type": "application/json; charset=utf-8"})
    assert status == 200
    assert json.loads(answer)["partialSuccess"]["rejectedSpans"] == "1"
    assert [each["id"] for each in reading.traces(asked.file)] == ["a" * 32]
    assert reading.counts(asked.file) == {"stored": 1, "dropped": 1}


async def test_sender_is_told_what_was_dropped(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer.Writer, "put", lambda self, spans, weight: self.drop(len(spans)))
    async with listening(asked):
        status, answer = await asked.post(request([span(1, 1), span(1, 2), span(0, 3)]))
    said = ExportTraceServiceResponse.FromString(answer).partial_success
    assert (status, said.rejected_spans) == (200, 3)
    assert "ids of trace and span, found others in 1 spans; spans come faster than they can be" in said.error_message
    assert reading.counts(asked.file) == {"stored": 0, "dropped": 3}


async def test_burst_is_accounted_for_and_senders_know_what_was_dropped(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many requests at once as there may be, several times, for a queue that holds a few of them."""
    bodies = [request([span(trace, number) for number in range(1, 51)]) for trace in range(1, 201)]
    monkeypatch.setattr(writer, "MOST_WAITING", 3 * len(bodies[0]))
    told = 0
    async with listening(asked):
        for start in range(0, len(bodies), 50):
            for status, answer in await asyncio.gather(*map(asked.post, bodies[start : start + 50])):
                assert status == 200
                told += ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    counts = reading.counts(asked.file)
    assert counts == {"stored": 10_000 - told, "dropped": told}
    kept = reading.traces(asked.file, limit=1000)
    assert (sum(each["spans"] for each in kept), {each["spans"] for each in kept}) == (counts["stored"], {50})


OTHERS = {
    "no protobuf": ({"body": b"\xff\xff"}, 400, "expected an ExportTraceServiceRequest as protobuf: "),
    "no JSON": ({"body": b"{", "headers": JSON}, 400, "expected an ExportTraceServiceRequest as JSON: "),
    "not packed": ({"body": b"x", "headers": PROTOBUF | {"Content-Encoding": "gzip"}}, 400, "expected a body packed"),
    "a form": (
        {"body": b"a=b", "headers": {"Content-Type": "text/plain"}},
        415,
        "expected Content-Type application/x-",
    ),
    "no kind": ({"body": b"", "headers": {}}, 415, "expected Content-Type application/x-protobuf or application/json"),
    "too large": ({"body": b"x" * (unpacking.LONGEST + 1)}, 413, "expected at most 4194304 bytes in a request"),
    "logs": ({"body": b"", "path": "/v1/logs"}, 404, "OTEL_LOGS_EXPORTER=none); found '/v1/logs'"),
    "elsewhere": ({"body": b"", "path": "/%1b[2J"}, 404, "found '/\\x1b[2J'"),
    "another method": ({"body": b"", "method": "GET"}, 405, "expected POST, found 'GET'"),
    "a preflight": ({"body": b"", "method": "OPTIONS"}, 405, "expected POST, found 'OPTIONS'"),
    "a page": ({"body": b"", "headers": PROTOBUF | {"Origin": "https://example.com"}}, 403, "'https://example.com'"),
    "a page of this machine": (
        {"body": b"", "headers": {"Origin": "http://127.0.0.1:3000"}},
        403,
        "no page in a browser",
    ),
    "rebinding": ({"body": b"", "headers": PROTOBUF | {"Host": "evil.example:4318"}}, 403, "found 'evil.example'"),
    "no Host": ({"body": b"", "headers": PROTOBUF | {"Host": ""}}, 403, "expected a Host of this machine, found ''"),
}


@pytest.mark.parametrize(("sent", "status", "reason"), OTHERS.values(), ids=OTHERS)
async def test_what_is_no_request_for_it_is_refused_in_words(
    asked: Asked, capfd: pytest.CaptureFixture[str], sent: dict[str, str], status: int, reason: str
) -> None:
    async with listening(asked):
        assert (await asked.post(**sent))[0] == status  # type: ignore[arg-type]
        found, answer = await asked.post(**sent)  # type: ignore[arg-type]
        assert (await asked.post(request([span(1, 1)])))[0] == 200
    assert found == status
    assert reason in answer.decode()
    assert b"Traceback" not in answer
    assert capfd.readouterr() == ("", "")
    assert reading.counts(asked.file) == {"stored": 1, "dropped": 0}


@pytest.mark.parametrize("name", ["localhost:1", "LOCALHOST", "127.0.0.1:9"])
async def test_names_of_this_machine_are_taken(asked: Asked, name: str) -> None:
    async with listening(asked):
        assert (await asked.post(request([span(1, 1)]), PROTOBUF | {"Host": name}))[0] == 200


START = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
RAW = {
    "no HTTP": b"\x16\x03\x01\0\0\r\n\r\n",
    "half of a body": START + b"Content-Length: 100\r\n\r\nabc",
    "no chunks": START + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a header without an end": START + b"X: " + b"x" * 100_000,
}


@pytest.mark.parametrize("sent", RAW.values(), ids=RAW)
async def test_bytes_that_are_no_request_end_their_connection_alone(
    asked: Asked, capfd: pytest.CaptureFixture[str], sent: bytes
) -> None:
    async with listening(asked):
        reader, writing = await asyncio.open_connection("127.0.0.1", asked.port)
        writing.write(sent)
        writing.write_eof()
        async with asyncio.timeout(20):
            answer = await reader.read()
        writing.close()
        assert answer == b"" or b" 400 " in answer.splitlines()[0]
        assert (await asked.post(request([span(1, 1)])))[0] == 200
    assert capfd.readouterr() == ("", "")


async def test_body_that_does_not_come_is_not_waited_for(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PATIENCE", 0.05)
    monkeypatch.setattr(http, "LINGER", 0.05)
    async with listening(asked):
        reader, writing = await asyncio.open_connection("127.0.0.1", asked.port)
        writing.write(START + b"Content-Length: 100\r\n\r\nabc")
        async with asyncio.timeout(20):
            assert b" 408 " in await reader.readline()
            await reader.read()
        writing.close()


async def test_connections_have_a_bound(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_CONNECTIONS", 2)
    async with listening(asked):
        held = [await asyncio.open_connection("127.0.0.1", asked.port) for _ in range(2)]
        for reader, writing in held:
            writing.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 404 " in await reader.readline()  # it is being served
        reader, surplus = await asyncio.open_connection("127.0.0.1", asked.port)
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        for writing in (surplus, *(writing for _, writing in held)):
            writing.close()
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    assert (await asked.post(request([span(1, 1)])))[0] == 200
                    break


# Where it listens -------------------------------------------------------------------------------------------------


async def test_receiver_listens_at_loopback_only(asked: Asked) -> None:
    async with listening(asked):
        found = [each.laddr for each in psutil.Process().net_connections("tcp") if each.status == psutil.CONN_LISTEN]
        assert [each.ip for each in found if each.port == asked.port] == ["127.0.0.1"]


async def test_receiver_follows_a_reload(project: Project) -> None:
    old, new = free_ports(2)
    adder = project.server("adder_service")
    project.configure_with(adder)
    async with Engine(project.file) as engine:
        assert not file_of(project).exists()
        for port in (old, new):
            project.configure_with(enabled(port), adder)
            await engine.reload()
            assert (await post(port, request([span(port, 1)])))[0] == 200
        socket.create_server(("127.0.0.1", old)).close()  # it is free
        project.configure_with(adder)
        await engine.reload()
        socket.create_server(("127.0.0.1", new)).close()
        assert len(reading.traces(file_of(project))) == 2


async def test_services_that_run_when_traces_are_enabled_are_outdated_or_go_on(project: Project) -> None:
    old, new = free_ports(2)
    sleeper = project.sleeper("sleeper")
    project.configure_with(enabled(old), sleeper)
    async with Engine(project.file) as engine:
        await engine.start()
        project.configure_with(enabled(new), sleeper)
        assert (await engine.reload())["outdated"] == ["sleeper"]


@pytest.mark.parametrize("dns_moves", [False, True])
async def test_nothing_moves_if_a_reload_wants_a_port_that_is_taken(project: Project, dns_moves: bool) -> None:
    old, new, dns, other = free_ports(4)
    adder = project.server("adder_service")

    def settings(traces: int, dns: int) -> str:
        return enabled(traces).replace("}", f", dns_enabled: true, dns_port: {dns}}}")

    project.configure_with(settings(old, dns), adder)
    with socket.create_server(("127.0.0.1", new)):
        async with Engine(project.file) as engine:
            project.configure_with(settings(new, other if dns_moves else dns), adder)
            with pytest.raises(NotReadyError, match=rf"port {new} \(traces_port\) is held by pid \d+ .*: take another"):
                await engine.reload()
            assert engine.system.own_ports == {"dns": dns, "traces": old}
            assert (await post(old, request([span(1, 1)])))[0] == 200
            socket.create_connection(("127.0.0.1", dns)).close()
            socket.create_server(("127.0.0.1", other)).close()


async def test_port_that_is_taken_ends_the_start_and_names_the_holder(project: Project) -> None:
    [port] = free_ports(1)
    project.configure_with(enabled(port), project.server("adder_service"))
    engine, said = Engine(project.file), rf"port {port} \(traces_port\) is held by pid .*`fuge -p traces=PORT`"
    with socket.create_server(("127.0.0.1", port)), pytest.raises(NotReadyError, match=said):
        await engine.__aenter__()
    async with Engine(project.file):  # nothing was left of the first
        assert (await post(port, request([span(1, 1)])))[0] == 200


async def test_isolated_system_has_a_port_of_its_own_which_services_are_told(project: Project) -> None:
    [port] = free_ports(1)
    project.configure_with(enabled(port), project.server("adder_service"))
    async with Engine(project.file, isolated=True) as engine:
        number = engine.system.traces_port
        assert number != port
        environment = engine.environment(engine.system.service("adder_service"))
        assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://127.0.0.1:{number}"
        assert (await post(number, request([span(1, 1)])))[0] == 200
        await engine.reload()
        assert engine.system.traces_port == number
        await engine.scale("adder_service", 3)
        assert number not in {port.number for each in engine.system.everything.values() for port in each.ports}


async def test_port_can_be_given_for_a_run(project: Project) -> None:
    port, other = free_ports(2)
    project.configure_with(enabled(port), project.server("adder_service"))
    async with Engine(project.file, ports={"traces": other}):
        assert (await post(other, request([span(1, 1)])))[0] == 200


# What is left -----------------------------------------------------------------------------------------------------


def test_traces_outlive_a_kill_of_fuge(project: Project) -> None:
    project.configure_with(enabled(free_ports(1)[0]), project.sleeper("sleeper"))
    project.up()
    send(project, request([span(1, 1), span(1, 2, 1)]), request([span(2, 1)]))
    engine = psutil.Process(project.engine())
    engine.send_signal(signal.SIGKILL)
    eventually(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE)
    assert project.ok("traces").out.count("\n") == 3
    project.up()
    send(project, request([span(3, 1)]))
    assert len(project.ok("traces", "--json").json) == 3
    assert reading.counts(file_of(project)) == {"stored": 4, "dropped": 0}
    assert not project.happened("", "problem")
    project.down()
    assert project.ok("traces").out.count("\n") == 4


def test_database_is_whole_after_a_kill_in_the_middle_of_a_flood(project: Project) -> None:
    """What is counted as stored is what is there, to the last span."""
    project.configure_with(enabled(free_ports(1)[0]), project.sleeper("sleeper"))
    project.up()
    port, answered = port_of(project), list[int]()

    async def flood() -> None:
        for trace in itertools.count(1):
            answered.append((await post(port, request([span(trace, number) for number in range(1, 301)])))[0])

    def until_nobody_listens() -> None:
        with contextlib.suppress(aiohttp.ClientError):
            asyncio.run(flood())

    flooding = threading.Thread(target=until_nobody_listens)
    flooding.start()
    eventually(lambda: len(answered) > 20)
    psutil.Process(project.engine()).kill()
    flooding.join(30)
    assert not flooding.is_alive()
    assert set(answered) == {200}
    with contextlib.closing(sqlite3.connect(file_of(project))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        [(there, summed)] = connection.execute("SELECT (SELECT count(*) FROM spans), sum(spans) FROM traces").fetchall()
    assert there == summed == reading.counts(file_of(project))["stored"] > 0
    project.up()
    send(project, request([span(1, 9999)]))
    assert not project.happened("", "problem")


def test_database_that_is_none_is_put_aside_and_said_in_the_events(project: Project) -> None:
    project.configure_with(enabled(free_ports(1)[0]), project.sleeper("sleeper"))
    (project.folder / ".fuge").mkdir()
    file_of(project).write_text("no database, but text that is longer than a header " * 100)
    project.up()
    send(project, request([span(1, 1)]))
    project.down()
    [problem] = project.happened("", "problem")
    assert problem["text"].startswith(f"cannot use {file_of(project)}: file is not a database; it is ")
    assert (project.folder / ".fuge" / ASIDE).exists()


async def test_another_system_may_be_told_of(asked: Asked) -> None:
    """Following the same system again changes nothing; one without traces ends it."""
    async with listening(asked) as receiver:
        system = System(asked.file, {}, traces_enabled=True, traces_port=asked.port)
        await receiver.follow(system)
        assert (await asked.post(request([span(1, 1)])))[0] == 200
        await receiver.follow(replace(system, traces_enabled=False))
        with pytest.raises(aiohttp.ClientConnectorError):
            await asked.post(request([span(1, 1)]))
    assert reading.counts(asked.file)["stored"] == 1


# What it needs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["aiohttp", "google", "opentelemetry"])
def test_without_its_packages_fuge_names_the_extra(project: Project, package: str) -> None:
    project.configure_with(enabled(free_ports(1)[0]), project.sleeper("sleeper"))
    code = f"import sys; sys.modules[{package!r}] = None; from fuge.faces.cli import main; sys.exit(main(['up']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 1
    expected = f"expected the package {package}, found none: install the extra ui"
    assert done.stderr == f'fuge: {expected} (pip install "microservices-workbook[ui]")\n'


def test_background_fuge_tells_it_as_well(project: Project) -> None:
    project.configure_with(enabled(free_ports(1)[0]), project.sleeper("sleeper"))
    (project.folder / "aiohttp.py").write_text("raise ModuleNotFoundError(name='aiohttp')\n")
    path = os.pathsep.join([str(project.folder), os.environ.get("PYTHONPATH", "")])
    done = project.fuge("up", "-d", PYTHONPATH=path)
    assert done.code == 1
    assert "install the extra ui" in done.err
