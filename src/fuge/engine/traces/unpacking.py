"""The bytes of a request's body, unpacked, as far as they stay within a bound."""

import zlib

LONGEST = 4 << 20  # bytes, unpacked; an exporter sends 512 spans at once, of mostly less than 1 kB
GZIP = 16 + zlib.MAX_WBITS  # zlib's way to say that there is gzip's header


class Refused(Exception):
    """A request that is not taken: the HTTP status that it gets, and in words why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def unpacked(data: bytes, encoding: str) -> bytes:
    """By the Content-Encoding of a request. Raises Refused."""
    if encoding == "gzip":
        data = gunzipped(data)
    elif encoding not in ("", "identity"):
        raise Refused(415, f"expected Content-Encoding gzip or none, found {encoding[:40]!r}")
    if len(data) > LONGEST:
        raise too_long()
    return data


def gunzipped(data: bytes) -> bytes:
    """At most one byte more than the bound, whatever the data would become."""
    stream = zlib.decompressobj(GZIP)
    try:
        plain = stream.decompress(data, LONGEST + 1)
    except zlib.error as error:
        raise Refused(400, f"expected a body packed by gzip: {error}") from None
    if len(plain) <= LONGEST and not stream.eof:
        raise Refused(400, "expected a body packed by gzip, found only the start of one")
    return plain


def too_long() -> Refused:
    return Refused(413, f"expected at most {LONGEST} bytes in a request: let the exporter send less at once")
