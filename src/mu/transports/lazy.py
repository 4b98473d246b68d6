"""Transports whose package is imported when they are first used, so that `from mu import redis` works without it."""

from importlib import import_module
from typing import Any

Places = dict[str, tuple[str, str]]  # "client" and "server": the module and the class in it


def find(transport: str, places: Places, name: str, package: str, called: str = "") -> Any:
    """The class that a transport calls `name`. Raises AttributeError, and ImportError if the package is missing."""
    if name not in places:
        raise AttributeError(f"module 'mu.transports.{transport}' has no {name!r}")
    module, found = places[name]
    try:
        return getattr(import_module(f"mu.transports.{transport}.{module}"), found)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        advice = f'install the extra {transport} (pip install "microservices-workbook[{transport}]")'
        raise ImportError(f"expected {called or package} for mu's {transport}, found none: {advice}") from None
