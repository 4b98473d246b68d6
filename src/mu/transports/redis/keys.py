"""The keys in Redis that belong to a queue. The first two are those of Node's mu-redis."""


class Keys:
    """`requests`: new messages come in at the left, the next to be handled is at the right."""

    def __init__(self, queue: str) -> None:
        if not isinstance(queue, str) or not queue:
            raise ValueError(f"expected the name of a list, such as list='events', found {queue!r}")
        self.requests = f"{queue}_req"
        self._answers = f"{queue}_res_"
        self.later = f"{queue}_later"  # a sorted set, by the time from which they may be delivered again
        self.dead = f"{queue}_dead"
        self.consumers = f"{queue}_consumers"
        self.works, self.leases = f"{queue}_work_", f"{queue}_lease_"

    def answers(self, muid: str) -> str:
        return self._answers + muid

    def work(self, consumer: str) -> str:
        """What a consumer has taken and not yet settled."""
        return self.works + consumer

    def lease(self, consumer: str) -> str:
        """There as long as the consumer lives."""
        return self.leases + consumer
