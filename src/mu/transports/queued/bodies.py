"""Packets as a queue holds them: bytes, of limited size."""

import json
import time

from mu.codec import decode, encode
from mu.errors import BadFrame
from mu.frames import too_large
from mu.packet import backward, forward, is_request
from mu.transport import Packet


def body_of(packet: Packet, muid: str, limit: int) -> bytes:
    """A message as `muid` sends it. Raises Unencodable, and FrameTooLarge above `limit` bytes."""
    return checked(encode(forward(packet, muid)), limit)


def answer_body(answer: Packet, muid: str, limit: int) -> bytes:
    """The same for an answer."""
    return checked(encode(backward({**answer}, muid)), limit)


def checked(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise too_large(body, limit)
    return body


def packet_of(body: bytes) -> Packet | str:
    """The message, or what is wrong with it."""
    try:
        packet: Packet = decode(body)
        if is_request(packet):
            return packet
    except BadFrame as error:
        return str(error)
    return "expected a message with a 'pattern', found none"


def dead_letter(body: bytes, reason: str) -> bytes:
    """With the message as it was, and why it is not delivered any more."""
    letter = {"reason": reason, "at": int(time.time() * 1000), "message": body.decode(errors="replace")}
    return json.dumps(letter).encode()
