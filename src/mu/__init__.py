"""mu: messages routed by pattern, over any transport.

from mu import Mu, tcp

mu = Mu("adder")
mu.define({"role": "basic", "cmd": "add"}, add)
mu.inbound({"role": "basic", "cmd": "*"}, tcp.server(port=8080))

What is not used is not loaded: a transport or an adapter is imported when it is first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mu.errors import (
    BadFrame,
    CircuitOpen,
    Closed,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    FrameTooLarge,
    FrameworkError,
    MuError,
    NoRoute,
    Overloaded,
    ServiceError,
    TransportError,
    TTLExpired,
    Unencodable,
)
from mu.handlers import Context
from mu.mu import Mu
from mu.observing import observe
from mu.routes import Route, Routes
from mu.running import new_event_loop, run
from mu.traces import Hop, Trace
from mu.transport import Batch, Client, Outcome, Packet, Postbox, Receive, Reply, Request, Server

if TYPE_CHECKING:
    from mu.adapters.balance import balance as balance
    from mu.adapters.breaker import breaker as breaker
    from mu.adapters.dns import dns as dns
    from mu.adapters.outbox import outbox as outbox
    from mu.adapters.retry import retry as retry
    from mu.adapters.shed import shed as shed
    from mu.adapters.tee import tee as tee
    from mu.adapters.timeout import timeout as timeout
    from mu.overlays import overlay as overlay
    from mu.transports import http as http
    from mu.transports import kafka as kafka
    from mu.transports import local as local
    from mu.transports import rabbitmq as rabbitmq
    from mu.transports import redis as redis
    from mu.transports import tcp as tcp

TRANSPORTS = ("tcp", "http", "local", "redis", "rabbitmq", "kafka")
ADAPTERS = ("balance", "breaker", "shed", "timeout", "retry", "tee", "outbox", "dns")

__all__ = [
    "BadFrame",
    "Batch",
    "CircuitOpen",
    "Client",
    "Closed",
    "ConnectFailed",
    "ConnectionLost",
    "Context",
    "DeadlineExceeded",
    "FrameTooLarge",
    "FrameworkError",
    "Hop",
    "Mu",
    "MuError",
    "NoRoute",
    "Outcome",
    "Overloaded",
    "Packet",
    "Postbox",
    "Receive",
    "Reply",
    "Request",
    "Route",
    "Routes",
    "Server",
    "ServiceError",
    "TTLExpired",
    "Trace",
    "TransportError",
    "Unencodable",
    "balance",
    "breaker",
    "dns",
    "http",
    "kafka",
    "local",
    "new_event_loop",
    "observe",
    "outbox",
    "overlay",
    "rabbitmq",
    "redis",
    "retry",
    "run",
    "shed",
    "tcp",
    "tee",
    "timeout",
]


def __getattr__(name: str) -> Any:
    if name in TRANSPORTS:
        return import_module(f"mu.transports.{name}")
    if name in ADAPTERS:
        return getattr(import_module(f"mu.adapters.{name}"), name)
    if name == "overlay":
        return import_module("mu.overlays").overlay
    raise AttributeError(f"module 'mu' has no {name!r}")
