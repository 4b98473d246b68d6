"""What it costs fuge to keep traces: python benchmarks/traces.py [--quick] [--seconds N]

A fuge in a process of its own gets 1,000 spans a second, in traces of three spans through two services, ten requests a
second, as exporters send them. CPU is that of fuge's process while they come, without its start; memory is its resident
set. Exit code 1 if a span is neither stored nor counted as dropped.
"""

import argparse
import http.client
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from fuge import ports
from fuge.engine.traces import reading
from fuge.engine.traces.database import database_file

RATE, REQUESTS = 1000, 10  # a second
SECONDS, QUICK = 60, 2
PATIENCE = 20  # seconds for the last ones to be written
CONFIG = "fuge_global: {{traces_enabled: true, traces_port: {port}}}\nidle: {{type: process, run: sleep 1000000}}\n"
FUGE = [sys.executable, "-m", "fuge"]
HEADERS = {"Content-Type": "application/x-protobuf"}


def attribute(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def trace() -> Iterator[tuple[str, Span]]:
    """The services and spans of one: a request, what it asks another service, and that one's work."""
    number, parent = random.randbytes(16), b""
    for service, name, kind in (("web", "GET /add", 2), ("web", "a:adder", 3), ("adder", "a:adder", 2)):
        began, own = time.time_ns(), random.randbytes(8)
        said = [
            attribute("http.route", "/add"),
            attribute("server.address", "127.0.0.1"),
            attribute("url.path", "/add?a=1"),
        ]
        yield (
            service,
            Span(
                trace_id=number,
                span_id=own,
                parent_span_id=parent,
                name=name,
                kind=kind,  # type: ignore[arg-type]
                start_time_unix_nano=began,
                end_time_unix_nano=began + 3_000_000,
                attributes=said,
            ),
        )
        parent = own


def bodies(spans: int) -> Iterator[tuple[bytes, int]]:
    """Requests for that many spans, or a few more, each with their number of spans."""
    sent = 0
    while sent < spans:
        by_service: dict[str, list[Span]] = {}
        count = 0
        while count < RATE // REQUESTS:
            for service, span in trace():
                by_service.setdefault(service, []).append(span)
                count += 1
        resources = [
            ResourceSpans(
                resource=Resource(attributes=[attribute("service.name", service)]), scope_spans=[ScopeSpans(spans=own)]
            )
            for service, own in by_service.items()
        ]
        sent += count
        yield ExportTraceServiceRequest(resource_spans=resources).SerializeToString(), count


def send(port: int, seconds: int) -> int:
    """At an even pace. Returns how many spans were sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    began, sent = time.perf_counter(), 0
    for body, count in bodies(RATE * seconds):
        time.sleep(max(0.0, began + sent / RATE - time.perf_counter()))
        connection.request("POST", "/v1/traces", body, HEADERS)
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"expected status 200, found {answer.status}")
        sent += count
    connection.close()
    return sent


def settled(file: Path, sent: int) -> dict[str, int]:
    """The counts, when nothing waits to be written any more."""
    until = time.monotonic() + PATIENCE
    while sum((found := reading.counts(file)).values()) < sent and time.monotonic() < until:
        time.sleep(0.01)
    return found


def main(seconds: int) -> int:
    [port] = ports.free(1)
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name not in ("FUGE_DATA", "FUGE_PORTS")}
        Path(folder, "fuge.yml").write_text(CONFIG.format(port=port), encoding="utf-8")
        run = {"cwd": folder, "env": environment, "check": True, "capture_output": True, "text": True}
        subprocess.run([*FUGE, "up", "-d", "--wait"], **run)  # type: ignore[call-overload]
        try:
            pid = subprocess.run([*FUGE, "pid"], **run).stdout  # type: ignore[call-overload]
            fuge = psutil.Process(int(pid))
            file = database_file(Path(folder, ".fuge"))
            before, memory = fuge.cpu_times(), fuge.memory_info().rss
            sent = send(port, seconds)
            counts, after = settled(file, sent), fuge.cpu_times()
            used = after.user + after.system - before.user - before.system
            stored, dropped = counts["stored"], counts["dropped"]
            lost = sent - stored - dropped
            print(f"sent {sent:,} spans in {seconds} s: {stored:,} stored, {dropped:,} dropped, {lost:,} lost")
            print(f"fuge: {used * 1e6 / sent:.0f} ms CPU for 1,000 spans")
            print(f"fuge: {memory / 1e6:.0f} MB before, {fuge.memory_info().rss / 1e6:.0f} MB afterwards")
            size = sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))
            print(f"database: {size / sent:.0f} bytes a span, the log of what is being written included")
            return 1 if lost else 0
        finally:
            subprocess.run([*FUGE, "down"], **run)  # type: ignore[call-overload]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=SECONDS, help="(default: %(default)s)")
    options.add_argument("--quick", action="store_true", help=f"{QUICK} s, to see that it works")
    chosen = options.parse_args()
    sys.exit(main(QUICK if chosen.quick else chosen.seconds))
