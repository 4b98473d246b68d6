"""What both ends of TCP say to each other besides messages."""

from mu.codec import encode
from mu.frames import frame

HELLO = "hello"
"""A client's first packet has this key under `protocol`, with the connection's own name, to say that it knows what a
goodbye is. (Node's mu knows neither, and hands the key on; hence the name, which fits no other connection.)"""

GOODBYE = "goodbye"


def goodbye() -> bytes:
    """From a server that shuts down: send no more here, I answer what I have. As HTTP/2's GOAWAY."""
    return frame(encode({"protocol": {GOODBYE: True}}), 1000)
