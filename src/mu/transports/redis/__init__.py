"""Redis lists as queues, as with Node's mu-redis. Needs the package redis, which is loaded when it is first used."""

from typing import TYPE_CHECKING, Any

from mu.transports import lazy

if TYPE_CHECKING:
    from mu.transports.redis.receiving import RedisServer as server
    from mu.transports.redis.sending import RedisClient as client

__all__ = ["client", "server"]

PLACES = {"client": ("sending", "RedisClient"), "server": ("receiving", "RedisServer")}


def __getattr__(name: str) -> Any:
    return lazy.find("redis", PLACES, name, package="redis", called="the package redis")
