"""Redis lists as queues, as with Node's mu-redis. Needs the package redis, which is loaded when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mu.transports.redis.receiving import RedisServer as server
    from mu.transports.redis.sending import RedisClient as client

__all__ = ["client", "server"]

PLACES = {"client": ("sending", "RedisClient"), "server": ("receiving", "RedisServer")}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'mu.transports.redis' has no {name!r}")
    try:
        import redis.asyncio  # noqa: F401
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        raise ImportError(
            "expected the package redis for mu's redis, found none: install the extra mu[redis]"
        ) from None
    module, found = PLACES[name]
    return getattr(import_module(f"mu.transports.redis.{module}"), found)
