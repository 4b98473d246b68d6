"""What becomes of a message after a delivery, by the answer that its handler gave."""

from dataclasses import dataclass
from enum import Enum

from mu.errors import Closed, DeadlineExceeded, MuError, from_wire
from mu.transport import Packet
from mu.transports.pauses import pause_after
from mu.transports.queued.oneway import wants_no_answer

AGAIN = {408, 425, 429, 502, 503, 504}  # statuses that say: the same, but later

TRIES = "tries"
"""Under this key of `protocol`: deliveries that ended badly, with the end of the consumer, or of the time allowed."""

WAITS = "waits"
"""Under this key of `protocol`: how often a handler has asked for it to be delivered again later."""


class Fate(Enum):
    DONE = "done"  # handled, and nobody waits
    ANSWER = "answer"
    BACK = "back"  # to the front of the queue, for another consumer: this one is shutting down
    LATER = "later"
    DEAD = "dead"


@dataclass
class Verdict:
    """`packet`: the message as it is delivered again, for LATER. `pause`: seconds until then."""

    fate: Fate
    reason: str = ""
    packet: Packet | None = None
    pause: float = 0.0


def verdict_on(packet: Packet, answer: Packet, max_deliveries: int) -> Verdict:
    """An error is an answer, unless nobody waits for one. Then it is final, except for those that say "later"."""
    one_way = wants_no_answer(packet)
    err = answer.get("err")
    if err is None:
        return Verdict(Fate.DONE if one_way else Fate.ANSWER)
    error = from_wire(err)
    if isinstance(error, Closed):
        return Verdict(Fate.BACK)
    if not one_way:
        return Verdict(Fate.ANSWER)
    if isinstance(error, DeadlineExceeded):
        return after_a_bad_end(packet, f"the handler took too long: {error}", max_deliveries)
    if error.status in AGAIN:
        waits = number(packet, WAITS) + 1
        return Verdict(Fate.LATER, repr(error), with_number(packet, WAITS, waits), pause_of(waits, error))
    return Verdict(Fate.DEAD, f"{type(error).__name__}: {error}")


def after_a_bad_end(packet: Packet, reason: str, max_deliveries: int) -> Verdict:
    """For a delivery that nobody chose to end like this: it may be the message's fault."""
    tries = number(packet, TRIES) + 1
    if tries >= max_deliveries:
        return Verdict(Fate.DEAD, f"delivered {tries} times: {reason}")
    return Verdict(Fate.LATER, reason, with_number(packet, TRIES, tries), pause_after(tries))


def is_suspect(packet: Packet) -> bool:
    """Whether a delivery of it has ended badly before."""
    return number(packet, TRIES) > 0


def number(packet: Packet, key: str) -> int:
    value = packet["protocol"].get(key)
    return value if type(value) is int and value > 0 else 0


def with_number(packet: Packet, key: str, value: int) -> Packet:
    return {**packet, "protocol": {**packet["protocol"], key: value}}


def pause_of(waits: int, error: MuError) -> float:
    return max(pause_after(waits), min(error.retry_after or 0.0, 30.0))
