"""The restart policy: whether a service that has ended starts again, and after which pause."""

from fuge.plan.system import Service

LONGEST_DELAY = 30  # seconds between two restarts
STABLE = 10  # restart delays: who has run for so long, has recovered, and its next crash counts as the first


class Backoff:
    """Counts the crashes of one service in a row."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._crashes = 0

    def wants_restart(self, code: int) -> bool:
        """Whether the service's policy asks for a restart after this exit code."""
        return self._service.restart == "always" or (self._service.restart == "on-failure" and code != 0)

    def delay(self, lasted: float) -> float | None:
        """Seconds until the next start of what ran for `lasted` seconds; None when there were enough of them."""
        first = self._service.restart_delay
        self._crashes = 1 if lasted > STABLE * (first or 1) else self._crashes + 1
        if self._crashes > self._service.max_restarts:
            return None
        return float(min(first * 2 ** (self._crashes - 1), LONGEST_DELAY))
