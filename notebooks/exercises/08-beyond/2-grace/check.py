"""Time to finish: whoever stops the event service gives it 20 seconds, on every engine."""

from ruamel.yaml import YAML

from workbook.exercises import not_yet
from workbook.system import System

SECONDS = 20


def check(system: System) -> None:
    for kind in ("compose", "swarm"):
        services = YAML(typ="safe").load(system.fuge("export", kind))["services"]
        compare(kind, services["event_service"]["stop_grace_period"], f"{SECONDS}s")
    units = YAML(typ="safe").load_all(system.fuge("export", "kubernetes"))
    [pod] = [
        unit["spec"]["template"]["spec"]
        for unit in units
        if unit["kind"] in ("Deployment", "StatefulSet") and unit["metadata"]["name"] == "event-service"
    ]
    compare("kubernetes", pod["terminationGracePeriodSeconds"], SECONDS)


def compare(kind: str, found: object, wanted: object) -> None:
    if found != wanted:
        not_yet(f"fuge export {kind}: expected {wanted} for the event service to end, found {found}")
