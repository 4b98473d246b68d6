"""Messages that want no answer, as a queue carries them."""

from mu.codec import encode
from mu.errors import FrameTooLarge
from mu.packet import forward
from mu.transport import Packet

ONE_WAY = "oneWay"
"""True under this key of `protocol` says that nobody waits: no answer is sent, and what fails is not told to anyone."""


def without_answer(packet: Packet) -> Packet:
    """The deadline is the sender's, for its part; the message itself is good for as long as the queue keeps it."""
    protocol = {key: value for key, value in packet["protocol"].items() if key != "deadline"}
    return {**packet, "protocol": {**protocol, ONE_WAY: True}}


def wants_no_answer(packet: Packet) -> bool:
    return packet["protocol"].get(ONE_WAY) is True


def body_of(packet: Packet, muid: str, limit: int) -> bytes:
    """As `muid` sends it. Raises Unencodable, and FrameTooLarge above `limit` bytes."""
    body = encode(forward(packet, muid))
    if len(body) > limit:
        raise FrameTooLarge(f"expected at most {limit:,} bytes, found {len(body):,}: send less, or raise max_frame")
    return body
