"""RabbitMQ. Needs the package aio-pika, which is loaded when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mu.transports.rabbitmq.receiving import RabbitServer as server
    from mu.transports.rabbitmq.sending import RabbitClient as client

__all__ = ["client", "server"]

PLACES = {"client": ("sending", "RabbitClient"), "server": ("receiving", "RabbitServer")}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'mu.transports.rabbitmq' has no {name!r}")
    module, found = PLACES[name]
    try:
        return getattr(import_module(f"mu.transports.rabbitmq.{module}"), found)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "aio_pika":
            raise
        raise ImportError("expected aio_pika for mu's rabbitmq, found none: install the extra mu[rabbitmq]") from None
