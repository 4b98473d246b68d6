"""A health check: GET /healthz says whether the webapp can do its work."""

from workbook.exercises import expect
from workbook.system import System


def check(system: System) -> None:
    expect("GET /healthz with the adder up", system.get("webapp", "/healthz"), 200)
    system.pause("adder_service")
    expect("GET /healthz with the adder hanging", system.get("webapp", "/healthz"), 503)
    system.resume("adder_service")
    expect("GET /healthz with the adder back", system.get("webapp", "/healthz"), 200)
    system.kill("adder_service")
    expect("GET /healthz with the adder killed", system.get("webapp", "/healthz"), 503)
