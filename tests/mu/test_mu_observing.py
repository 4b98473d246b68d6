"""Traces and metrics leave a real process for whatever the environment names."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROGRAM = """
import asyncio
from mu import Mu, run

async def main():
    async with Mu("here") as mu:
        mu.define({"cmd": "one"}, lambda _: 1)
        print(await mu.dispatch({"cmd": "one"}))

run(main())
"""


class Collector(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Collecting)
        self.requests: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []

    def measured(self) -> set[str]:
        """The names of all metrics that came."""
        resources = [resource for request in self.metrics for resource in request.resource_metrics]
        return {metric.name for resource in resources for scope in resource.scope_metrics for metric in scope.metrics}


class Collecting(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/metrics":
            self.server.metrics.append(ExportMetricsServiceRequest.FromString(body))
        else:
            self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


def ran(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env={**clean, **environment}, capture_output=True, text=True, timeout=60)


def address(collector: Collector) -> str:
    return f"http://127.0.0.1:{collector.server_address[1]}"


def test_spans_of_a_program_arrive_before_it_has_ended(collector: Collector) -> None:
    done = ran(PROGRAM, OTEL_EXPORTER_OTLP_ENDPOINT=address(collector), OTEL_SERVICE_NAME="adder_service")
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)
    (request,) = collector.requests
    (of_service,) = request.resource_spans
    about = {each.key: each.value.string_value for each in of_service.resource.attributes}
    assert about["service.name"] == "adder_service"
    (span,) = of_service.scope_spans[0].spans
    assert span.name == "cmd: one"


def test_metrics_of_a_program_arrive_before_it_has_ended(collector: Collector) -> None:
    done = ran(PROGRAM, OTEL_EXPORTER_OTLP_ENDPOINT=address(collector), OTEL_SERVICE_NAME="adder_service")
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)
    [of_service] = collector.metrics[-1].resource_metrics
    about = {each.key: each.value.string_value for each in of_service.resource.attributes}
    assert about["service.name"] == "adder_service"
    assert "rpc.client.call.duration" in collector.measured()


def test_metrics_leave_as_often_as_it_is_said(collector: Collector) -> None:
    waits = PROGRAM.replace('print(await mu.dispatch({"cmd": "one"}))', "await asyncio.sleep(1)")
    done = ran(waits, OTEL_EXPORTER_OTLP_ENDPOINT=address(collector), OTEL_METRIC_EXPORT_INTERVAL="100")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert len(collector.metrics) > 2
    assert "mu.routes" in collector.measured()


@pytest.mark.parametrize(
    ("variable", "traces", "metrics"), [("OTEL_METRICS_EXPORTER", True, False), ("OTEL_TRACES_EXPORTER", False, True)]
)
def test_none_is_sent_of_what_is_not_wanted(collector: Collector, variable: str, traces: bool, metrics: bool) -> None:
    done = ran(PROGRAM, OTEL_EXPORTER_OTLP_ENDPOINT=address(collector), **{variable: "none"})
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert (bool(collector.requests), bool(collector.metrics)) == (traces, metrics)


@pytest.mark.parametrize("environment", [{}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}])
def test_nothing_is_loaded_without_an_endpoint(collector: Collector, environment: dict[str, str]) -> None:
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": address(collector)} if "OTEL_SDK_DISABLED" in environment else {}
    loaded = 'import sys; print("opentelemetry" in {name.partition(".")[0] for name in sys.modules})'
    done = ran(f"{PROGRAM}\n{loaded}", **given, **environment)
    assert (done.stdout, done.stderr) == ("1\nFalse\n", "")
    assert not collector.requests
    assert not collector.metrics


def test_program_works_although_nobody_listens_at_the_endpoint() -> None:
    done = ran(PROGRAM, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT="1")
    assert (done.stdout, done.returncode) == ("1\n", 0)


def test_last_metrics_do_not_wait_for_an_endpoint_that_does_not_answer() -> None:
    """It takes the connection, and says nothing: an exporter would wait for 10 s."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        before = "import atexit, time; atexit.register(lambda: print(time.monotonic() - ended < 5))\n"
        after = "\nended = time.monotonic()"
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = ran(before + PROGRAM + after, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_TRACES_EXPORTER="none")
    assert (done.stdout, done.returncode) == ("1\nTrue\n", 0)


def test_program_works_without_the_extra_and_says_that_there_are_no_traces() -> None:
    missing = 'import sys; sys.modules["opentelemetry"] = None\n'
    done = ran(missing + PROGRAM, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert (done.stdout, done.returncode) == ("1\n", 0)
    assert 'install the extra otel (pip install "microservices-workbook[otel]"), or unset it' in done.stderr


def test_a_provider_that_is_set_up_already_is_left_alone(collector: Collector) -> None:
    first = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
own = TracerProvider()
trace.set_tracer_provider(own)
"""
    after = "print(trace.get_tracer_provider() is own)"
    done = ran(f"{first}{PROGRAM}\n{after}", OTEL_EXPORTER_OTLP_ENDPOINT=address(collector))
    assert (done.stdout, done.stderr) == ("1\nTrue\n", "")
    assert not collector.requests
    assert not collector.metrics


def test_provider_of_metrics_that_is_set_up_already_is_used() -> None:
    first = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
"""
    after = "print('rpc.client.call.duration' in reader.get_metrics_data().to_json())"
    done = ran(f"{first}{PROGRAM}\n{after}")
    assert (done.stdout, done.stderr) == ("1\nTrue\n", "")


def test_what_is_logged_about_a_message_ends_with_its_trace(collector: Collector) -> None:
    logging = """__import__("logging").warning("%s %%", 1)"""
    program = PROGRAM.replace("lambda _: 1", f"lambda _: {logging}")
    outside = '\nimport logging; logging.warning("outside")'
    done = ran(program + outside, OTEL_EXPORTER_OTLP_ENDPOINT=address(collector))
    (span,) = collector.requests[0].resource_spans[0].scope_spans[0].spans
    assert done.stderr == f"WARNING:root:1 % [trace {span.trace_id.hex()}]\nWARNING:root:outside\n"


def test_what_cannot_be_watched_does_not_keep_a_program_from_running(collector: Collector) -> None:
    missing = 'import sys; sys.modules["pymongo"] = None\n'  # it seems to be loaded, and cannot be imported
    done = ran(missing + PROGRAM, OTEL_EXPORTER_OTLP_ENDPOINT=address(collector))
    assert (done.stdout, done.returncode) == ("1\n", 0)
    assert done.stderr.startswith("no traces of pymongo: ModuleNotFoundError: ")
    assert collector.requests


def test_only_what_is_loaded_is_watched(collector: Collector) -> None:
    loaded = 'import sys; print([name for name in ("aiohttp", "pymongo") if name in sys.modules])'
    done = ran(f"{PROGRAM}\n{loaded}", OTEL_EXPORTER_OTLP_ENDPOINT=address(collector))
    assert (done.stdout, done.stderr) == ("1\n[]\n", "")
