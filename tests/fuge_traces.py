"""Spans as OpenTelemetry sends them, made by its own messages, and what a receiver says to them."""

import asyncio
import contextlib
import io
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import aiohttp
from fuge_project import Project
from helpers import wait_until
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from fuge.engine.traces import reading
from fuge.engine.traces.database import database_file
from fuge.engine.traces.receiver import Receiver
from fuge.plan.system import System

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
MILLISECOND = 1_000_000  # nanoseconds
BEGAN = time.time_ns()

# Two services that send by the real SDK: `web` asks `back`, and hands the trace on as W3C has it (traceparent).
SDK = """
import http.server, json, os, sys, urllib.request
from opentelemetry import trace
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("test")
other = os.environ.get("BACK_SERVICE_PORT")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        context = extract(self.headers)
        with tracer.start_as_current_span(f"GET {self.path}", context, kind=trace.SpanKind.SERVER) as span:
            number = format(span.get_span_context().trace_id, "032x")
            print("asked for", self.path, "in trace", number, flush=True)
            if self.path == "/broken":
                span.set_status(trace.StatusCode.ERROR, "it is broken")
            if "back" not in os.environ["OTEL_SERVICE_NAME"]:
                headers = {}
                inject(headers)
                urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{other}{self.path}", headers=headers))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(number.encode())

    def log_message(self, *args): pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SERVICE_PORT"])), Handler).serve_forever()
"""


def identity(number: int, length: int) -> bytes:
    return number.to_bytes(length, "big")


def span(trace: int, number: int, parent: int = 0, name: str = "work", **more: Any) -> Span:
    """`at` and `lasts` are milliseconds; `error` is the text of one."""
    start = BEGAN + int(more.pop("at", 0) * MILLISECOND)
    lasts = int(more.pop("lasts", 1) * MILLISECOND)
    if "error" in more:
        more["status"] = Status(code=Status.STATUS_CODE_ERROR, message=more.pop("error"))
    return Span(
        trace_id=identity(trace, 16),
        span_id=identity(number, 8),
        parent_span_id=identity(parent, 8) if parent else b"",
        name=name,
        start_time_unix_nano=start,
        end_time_unix_nano=start + lasts,
        **more,
    )


def request(spans: Iterable[Span], service: str = "web") -> bytes:
    name = KeyValue(key="service.name", value=AnyValue(string_value=service))
    sent = ResourceSpans(resource=Resource(attributes=[name]), scope_spans=[ScopeSpans(spans=spans)])
    return bytes(ExportTraceServiceRequest(resource_spans=[sent]).SerializeToString())


async def post(
    port: int, body: bytes, headers: dict[str, str] = PROTOBUF, path: str = "/v1/traces", method: str = "POST"
) -> tuple[int, bytes]:
    """The status and the body of the answer."""
    url = f"http://127.0.0.1:{port}{path}"
    async with (
        asyncio.timeout(30),
        aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as session,
        session.request(method, url, data=io.BytesIO(body), headers=headers) as answer,
    ):
        return answer.status, await answer.read()


class Asked:
    """A receiver of its own, and what it has complained of."""

    def __init__(self, port: int, project: Project) -> None:
        self.port, self.file, self.said = port, file_of(project), list[str]()

    async def post(self, body: bytes, headers: dict[str, str] = PROTOBUF, **more: str) -> tuple[int, bytes]:
        return await post(self.port, body, headers, **more)


@contextlib.asynccontextmanager
async def listening(asked: Asked) -> AsyncIterator[Receiver]:
    receiver = Receiver(asked.file.parent, asked.said.append)
    await receiver.follow(System(asked.file, {}, traces_enabled=True, traces_port=asked.port))
    try:
        yield receiver
    finally:
        await receiver.close()


def send(project: Project, *requests: bytes) -> None:
    """To the fuge that runs a project, and wait until all of it is written."""
    before = sum(reading.counts(file_of(project)).values())
    port, sent = port_of(project), sum(map(count, requests))
    for each in requests:
        assert asyncio.run(post(port, each))[0] == 200
    assert wait_until(lambda: sum(reading.counts(file_of(project)).values()) >= before + sent)


def count(body: bytes) -> int:
    parsed = ExportTraceServiceRequest.FromString(body)
    return sum(len(scope.spans) for resource in parsed.resource_spans for scope in resource.scope_spans)


def port_of(project: Project) -> int:
    name = next(iter(project.ps()))
    return int(project.call("env", name=name)["OTEL_EXPORTER_OTLP_ENDPOINT"].rpartition(":")[2])


def file_of(project: Project) -> Path:
    return database_file(project.folder / ".fuge")


def enabled(port: int) -> str:
    return f"fuge_global: {{traces_enabled: true, traces_port: {port}}}"
