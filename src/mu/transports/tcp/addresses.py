"""Small things that both ends of TCP agree on."""

from mu.codec import encode
from mu.frames import frame

HELLO = "hello"
"""A client's first packet has this key under `protocol`, with the connection's own name, to say that it knows what a
goodbye is. (Node's mu knows neither, and hands the key on; hence the name, which fits no other connection.)"""

GOODBYE = "goodbye"


def goodbye() -> bytes:
    """From a server that shuts down: send no more here, I answer what I have. As HTTP/2's GOAWAY."""
    return frame(encode({"protocol": {GOODBYE: True}}), 1000)


def port_number(port: int | str) -> int:
    """Also from text, as an environment variable has it. Raises ValueError."""
    try:
        number = int(port)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= 65535 or isinstance(port, float | bool):
        raise ValueError(f"expected a port from 0 to 65535, found {port!r}")
    return number
