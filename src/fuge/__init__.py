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
    from fuge.faces.client import Client
    from fuge.plan.config import load
    from fuge.plan.location import find
    from fuge.plan.system import Service, System
    from fuge.services.engines import survey

__all__ = [
    "Client",
    "ConfigError",
    "Engine",
    "FugeError",
    "NoEngineError",
    "NotInstalledError",
    "NotReadyError",
    "NotRunningError",
    "Service",
    "System",
    "find",
    "load",
    "survey",
]

HOMES = {
    "Engine": "fuge.engine.engine",
    "Client": "fuge.faces.client",
    "find": "fuge.plan.location",
    "load": "fuge.plan.config",
    "Service": "fuge.plan.system",
    "System": "fuge.plan.system",
    "survey": "fuge.services.engines",
}


def __getattr__(name: str) -> Any:
    """Loads a part when it is first asked for: a command that only reads a log need not wait for the engine."""
    if name not in HOMES:
        raise AttributeError(f"module 'fuge' has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(HOMES[name]), name)
    except ModuleNotFoundError as error:
        raise without_package(error) from None
