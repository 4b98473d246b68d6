"""Runs a system of services on one machine as a cluster would run it.

async with fuge.Engine("fuge/fuge.yml", isolated=True) as engine:
    await engine.start()                    # returns when every service is ready
    engine.ps()

`Client(file)` asks an engine that runs in another process, `load(file)` reads a fuge.yml and runs nothing,
`await survey("mongo")` tells what could run that image here.
"""

from typing import TYPE_CHECKING, Any

from fuge.errors import (
    ConfigError,
    FugeError,
    NoEngineError,
    NotInstalledError,
    NotReadyError,
    NotRunningError,
    without_package,
)

if TYPE_CHECKING:
    from fuge.engine.engine import Engine
    from fuge.engine.outcome import Outcome
    from fuge.faces.client import Client
    from fuge.plan.config import load
    from fuge.plan.location import find
    from fuge.plan.records import Record, Zone
    from fuge.plan.system import Condition, Port, Readiness, RestartPolicy, Service, System
    from fuge.services.engines import Candidate, Choice, survey

__all__ = [
    "Candidate",
    "Choice",
    "Client",
    "Condition",
    "ConfigError",
    "Engine",
    "FugeError",
    "NoEngineError",
    "NotInstalledError",
    "NotReadyError",
    "NotRunningError",
    "Outcome",
    "Port",
    "Readiness",
    "Record",
    "RestartPolicy",
    "Service",
    "System",
    "Zone",
    "find",
    "load",
    "survey",
]

HOMES = {
    "fuge.engine.engine": {"Engine"},
    "fuge.engine.outcome": {"Outcome"},
    "fuge.faces.client": {"Client"},
    "fuge.plan.config": {"load"},
    "fuge.plan.location": {"find"},
    "fuge.plan.records": {"Record", "Zone"},
    "fuge.plan.system": {"Condition", "Port", "Readiness", "RestartPolicy", "Service", "System"},
    "fuge.services.engines": {"Candidate", "Choice", "survey"},
}


def __getattr__(name: str) -> Any:
    """Loads a part when it is first asked for: a command that only reads a log need not wait for the engine."""
    home = next((module for module, names in HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'fuge' has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(home), name)
    except ModuleNotFoundError as error:
        raise without_package(error) from None
