"""Messages that want no answer, as a queue carries them."""

from mu.transport import Packet

ONE_WAY = "oneWay"
"""True under this key of `protocol` says that nobody waits: no answer is sent, and what fails is not told to anyone."""


def without_answer(packet: Packet) -> Packet:
    """The deadline is the sender's, for its part; the message itself is good for as long as the queue keeps it."""
    protocol = {key: value for key, value in packet["protocol"].items() if key != "deadline"}
    return {**packet, "protocol": {**protocol, ONE_WAY: True}}


def wants_no_answer(packet: Packet) -> bool:
    return packet["protocol"].get(ONE_WAY) is True
