"""Connections to Redis, and what can be wrong with them."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from mu.errors import ConnectFailed, ConnectionLost, MuError, Overloaded, TransportError
from mu.transports.addresses import not_connected
from mu.transports.opening import Opening
from mu.transports.redis.scripts import Script

PATIENCE = 5.0  # seconds for an answer of Redis, which takes milliseconds

SAID: dict[str, tuple[type[MuError], str]] = {
    "OOM": (Overloaded, "its memory (maxmemory) is full: let consumers catch up, or give it more"),
    "OutOfMemory": (Overloaded, "its memory (maxmemory) is full: let consumers catch up, or give it more"),
    "ReadOnly": (ConnectFailed, "it is a replica, which takes nothing: connect to the primary"),
    "READONLY": (ConnectFailed, "it is a replica, which takes nothing: connect to the primary"),
    "BusyLoading": (ConnectFailed, "it is loading its data, and will answer when it has"),
    "LOADING": (ConnectFailed, "it is loading its data, and will answer when it has"),
    "MISCONF": (ConnectFailed, "it cannot write to its disk, and takes nothing until it can"),
    "Authentication": (TransportError, "it wants a user or a password, or does not know these: see password="),
    "NOAUTH": (TransportError, "it wants a password: see password="),
    "NoPermission": (TransportError, "this user may not do that there"),
    "NOPERM": (TransportError, "this user may not do that there"),
    "WRONGTYPE": (TransportError, "a key of that name holds something other than messages: choose another list"),
}


@dataclass(frozen=True)
class Address:
    """Where a Redis is, and who we are to it."""

    host: str
    port: int
    options: dict[str, Any]

    def connection(self) -> Connection:
        kind = SSLConnection if self.options.get("ssl") else Connection
        options = {key: value for key, value in self.options.items() if key != "ssl"}
        return kind(
            host=self.host,
            port=self.port,
            socket_timeout=None,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
            **options,
        )

    def __str__(self) -> str:
        return f"redis {self.host}:{self.port}"


class Link:
    """One connection, for one command at a time: made when it is needed, and again when it was lost."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._opening = Opening(str(address), self._connect)

    @property
    def resting(self) -> float:
        """Seconds until the next attempt to connect makes sense."""
        return self._opening.resting

    async def call(self, *words: str | bytes | float, patience: float = PATIENCE) -> Any:
        """Redis' answer. Raises ConnectFailed, ConnectionLost (Redis may have done it), and others for what it says."""
        async with self._lock:
            connection = await self._connected()
            try:
                async with asyncio.timeout(patience):
                    await connection.send_command(*words)
                    return await connection.read_response()
            except ResponseError as error:
                if isinstance(error, NoScriptError):
                    raise
                raise self._said(error) from None
            except (RedisError, OSError) as error:
                await self._drop()
                lost = TimeoutError(f"no answer within {patience:g} s") if isinstance(error, TimeoutError) else error
                raise self._said(lost) from None
            except BaseException:
                await self._drop()
                raise

    async def run(self, script: Script, keys: list[str], arguments: list[Any], patience: float = PATIENCE) -> Any:
        """The same for a script."""
        words = [len(keys), *keys, *arguments]
        try:
            return await self.call("EVALSHA", script.sha, *words, patience=patience)
        except NoScriptError:
            return await self.call("EVAL", script.text, *words, patience=patience)

    async def open(self) -> None:
        """Connect, unless it is. Raises ConnectFailed, and TransportError for a wrong password."""
        async with self._lock:
            await self._connected()

    async def _connected(self) -> Connection:
        if self._connection is not None and self._connection.is_connected:
            return self._connection
        return await self._opening.opened()

    async def _connect(self) -> Connection:
        connection = self._address.connection()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            raise self._failed(error) from None
        self._connection = connection
        return connection

    def _failed(self, error: Exception) -> MuError:
        known = known_reason(error)
        cause = error.__context__
        why = known[1] if known else not_connected(cause) if isinstance(cause, OSError) else str(error)
        kind = known[0] if known else ConnectFailed
        return kind(f"cannot connect to {self._address}: {why}", sent=False)

    def _said(self, error: Exception) -> MuError:
        if known := known_reason(error):
            kind, why = known
            return kind(f"{self._address} refused: {why} ({error})", sent=False)
        if isinstance(error, ResponseError):
            return TransportError(f"{self._address} refused: {error}", sent=False)
        return ConnectionLost(f"{self._address} was lost before its answer: {error or type(error).__name__}")

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(RedisError, OSError):
                await connection.disconnect(nowait=True)

    async def close(self) -> None:
        await self._opening.close()
        await self._drop()


def known_reason(error: Exception) -> tuple[type[MuError], str] | None:
    said = f"{type(error).__name__} {error}"
    return next((reason for word, reason in SAID.items() if word in said), None)
