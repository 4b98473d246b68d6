"""HTTP: one POST for each message, as with Node's mu-http. Needs aiohttp, which is loaded when it is first used."""

from typing import TYPE_CHECKING, Any

from mu.transports import lazy

if TYPE_CHECKING:
    from mu.transports.http.answering import HttpServer as server
    from mu.transports.http.asking import HttpClient as client

__all__ = ["client", "server"]

PLACES = {"client": ("asking", "HttpClient"), "server": ("answering", "HttpServer")}


def __getattr__(name: str) -> Any:
    return lazy.find("http", PLACES, name, package="aiohttp")
