"""Where a RabbitMQ is, who we are to it, and what the queues there are called."""

from dataclasses import dataclass
from typing import Any

PATIENCE = 5.0  # seconds for an answer of the broker; one that has just started may not give any


@dataclass(frozen=True)
class Address:
    """`queue`: the name that all of its queues begin with."""

    host: str
    port: int
    queue: str
    max_length: int
    options: dict[str, Any]  # login, password, virtualhost, ssl

    @property
    def requests(self) -> str:
        """The only one with a bound: what is in the others is known already, and must find its place."""
        return f"{self.queue}_req"

    @property
    def later(self) -> str:
        """Nobody reads it; when its time has come, a message goes from there to `again`."""
        return f"{self.queue}_later"

    @property
    def again(self) -> str:
        return f"{self.queue}_again"

    @property
    def suspects(self) -> str:
        """For what consumers have died with: taken one by one, so that no other is blamed for what one does."""
        return f"{self.queue}_suspect"

    @property
    def dead(self) -> str:
        return f"{self.queue}_dead"

    def __str__(self) -> str:
        return f"rabbitmq {self.host}:{self.port} queue {self.queue}"
