"""RabbitMQ. Needs the package aio-pika, which is loaded when it is first used."""

from typing import TYPE_CHECKING, Any

from mu.transports import lazy

if TYPE_CHECKING:
    from mu.transports.rabbitmq.receiving import RabbitServer as server
    from mu.transports.rabbitmq.sending import RabbitClient as client

__all__ = ["client", "server"]

PLACES = {"client": ("sending", "RabbitClient"), "server": ("receiving", "RabbitServer")}


def __getattr__(name: str) -> Any:
    return lazy.find("rabbitmq", PLACES, name, package="aio_pika")
