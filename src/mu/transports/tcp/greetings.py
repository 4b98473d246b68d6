"""What both ends of TCP say to each other besides messages."""

from mu.codec import encode
from mu.frames import frame

HELLO = "hello"
"""A client's first packets have this key under `protocol`, with the connection's own name, to say that it is Python's
mu: it knows what a goodbye is, and needs nothing under `protocol` of an answer but its path. (Node's mu hands the key
on, as it does with all that it does not know; hence the name, which fits no other connection.)"""

WELCOME = "welcome"
"""The answer to that: under this key the same name, to say that the server is Python's mu as well."""

GOODBYE = "goodbye"


def goodbye() -> bytes:
    """From a server that shuts down: send no more here, I answer what I have. As HTTP/2's GOAWAY."""
    return frame(encode({"protocol": {GOODBYE: True}}), 1000)
