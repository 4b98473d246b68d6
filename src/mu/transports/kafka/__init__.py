"""Kafka, for events first. Needs the package aiokafka, which is loaded when it is first used."""

from typing import TYPE_CHECKING, Any

from mu.transports import lazy

if TYPE_CHECKING:
    from mu.transports.kafka.receiving import KafkaServer as server
    from mu.transports.kafka.sending import KafkaClient as client

__all__ = ["client", "server"]

PLACES = {"client": ("sending", "KafkaClient"), "server": ("receiving", "KafkaServer")}


def __getattr__(name: str) -> Any:
    return lazy.find("kafka", PLACES, name, package="aiokafka")
