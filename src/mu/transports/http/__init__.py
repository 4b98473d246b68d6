"""HTTP: one POST for each message, as with Node's mu-http. Needs aiohttp, which is loaded when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mu.transports.http.answering import HttpServer as server
    from mu.transports.http.asking import HttpClient as client

__all__ = ["client", "server"]

PLACES = {"client": ("asking", "HttpClient"), "server": ("answering", "HttpServer")}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'mu.transports.http' has no {name!r}")
    module, found = PLACES[name]
    try:
        return getattr(import_module(f"mu.transports.http.{module}"), found)
    except ModuleNotFoundError as error:
        if error.name != "aiohttp":
            raise
        raise ImportError("expected aiohttp for mu's http, found none: install the extra mu[http]") from None
