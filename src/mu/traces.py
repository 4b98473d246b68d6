"""The way of one message, over all processes that it passed, with times.

Whoever wants to see it adds an empty list, `hops`, to the protocol block of the message; each mu that it passes adds
itself when it answers. Node's mu adds nothing, and hands the list on.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from mu import tables
from mu.errors import MuError
from mu.transport import Packet


@dataclass(frozen=True)
class Hop:
    """`at`: the name of a Mu; `to`: the handler or transport where the message went; `began` and `ended` in seconds."""

    at: str
    to: str
    began: float
    ended: float


@dataclass
class Trace:
    """What `Mu.trace` returns: the result, or the error in its place, and the hops in the order of the way there."""

    result: Any = None
    error: MuError | None = None
    hops: list[Hop] = field(default_factory=list)

    def _rows(self) -> list[tables.Row]:
        began = self.hops[0].began if self.hops else 0.0
        times = [(f"{(hop.began - began) * 1000:.1f}", f"{(hop.ended - hop.began) * 1000:.1f}") for hop in self.hops]
        headings = ("at", "leads to", "after ms", "took ms")
        return [headings, *((hop.at, hop.to, *time) for hop, time in zip(self.hops, times, strict=True))]

    def __str__(self) -> str:
        end = f"{type(self.error).__name__}: {self.error}" if self.error else f"result: {self.result!r}"
        return f"{tables.as_text(self._rows())}\n{end}"

    __repr__ = __str__


def with_hop(answer: Packet, at: str, to: str, began: float) -> Packet:
    """The answer, with this process among its hops. Times are those of the machine's clock, in seconds since 1970."""
    protocol = answer["protocol"]
    hops = protocol.get("hops")
    hop = {"at": at, "to": to, "began": began, "ended": time.time()}
    return {**answer, "protocol": {**protocol, "hops": [*(hops if isinstance(hops, list) else []), hop]}}


def hops_of(answer: Packet) -> list[Hop]:
    """The first on the way comes first; what is not a hop, since a peer sent anything, is left out."""
    found = []
    hops = answer["protocol"].get("hops")
    for hop in reversed(hops if isinstance(hops, list) else []):
        try:
            found.append(Hop(str(hop["at"]), str(hop["to"]), float(hop["began"]), float(hop["ended"])))
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
    return found
