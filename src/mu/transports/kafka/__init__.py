"""Kafka, for events first. Needs the package aiokafka, which is loaded when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mu.transports.kafka.receiving import KafkaServer as server
    from mu.transports.kafka.sending import KafkaClient as client

__all__ = ["client", "server"]

PLACES = {"client": ("sending", "KafkaClient"), "server": ("receiving", "KafkaServer")}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'mu.transports.kafka' has no {name!r}")
    module, found = PLACES[name]
    try:
        return getattr(import_module(f"mu.transports.kafka.{module}"), found)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "aiokafka":
            raise
        raise ImportError("expected aiokafka for mu's kafka, found none: install the extra mu[kafka]") from None
