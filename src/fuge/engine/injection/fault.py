"""What can be put on the way to a service on purpose, so that one sees what its callers make of it."""

from dataclasses import dataclass, fields
from typing import Self

from fuge.errors import FugeError

LONGEST = 3600.0  # seconds


@dataclass(frozen=True)
class Fault:
    """What becomes of what callers say to a service; its answers are never late, but may be left unsaid.

    It arrives `latency` seconds later. Of a share `drop` (0 to 1) of all pieces nothing arrives: the connection that
    they come by breaks, since TCP loses nothing else. With `down` connections are refused, and those that there are
    break; with `pause` they stay, and nothing moves on them, in either direction. Raises FugeError for what makes no
    sense.
    """

    latency: float = 0.0
    drop: float = 0.0
    down: bool = False
    pause: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.latency <= LONGEST:
            raise FugeError(f"expected a latency from 0 to {LONGEST:.0f} s, found {self.latency:g} s")
        if not 0 <= self.drop <= 1:
            raise FugeError(f"expected a share from 0% to 100% to drop, found {self.drop:.4g}")
        kinds = [bool(self.latency or self.drop), self.down, self.pause]
        if sum(kinds) != 1:
            what = "more than that" if any(kinds) else "neither"
            raise FugeError(f"expected a latency, a share to drop, or both; or down; or pause; found {what}")

    @classmethod
    def of(cls, given: object) -> Self:
        """From data, such as {"latency": 0.8}. Raises FugeError."""
        kinds = {each.name: (bool,) if each.type is bool else (int, float) for each in fields(cls)}
        if not isinstance(given, dict) or not all(isinstance(given[name], kinds.get(name, ())) for name in given):
            raise FugeError(f'expected a fault such as {{"latency": 0.8}}, of {", ".join(kinds)}; found {given!r}')
        return cls(**given)

    def __str__(self) -> str:
        slow = [f"latency {self.latency * 1000:g} ms"] if self.latency else []
        lossy = [f"drop {self.drop * 100:g}%"] if self.drop else []
        return "down" if self.down else "pause" if self.pause else ", ".join(slow + lossy)
