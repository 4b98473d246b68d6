"""Packets in a stream of bytes: each is preceded by its length, as a varint (unsigned LEB128, as in Node's mu-tcp)."""

from mu.errors import BadFrame, FrameTooLarge

LONGEST_HEADER = 8  # bytes; Node's reader looks at no more


def frame(body: bytes, limit: int) -> bytes:
    """Length and body. Raises FrameTooLarge if the body has more than `limit` bytes."""
    length = len(body)
    if length > limit:
        raise too_large(body, limit)
    if length < 0x80:
        return bytes((length,)) + body
    if length < 0x4000:
        return (length & 0x7F | 0x80 | length >> 7 << 8).to_bytes(2, "little") + body
    return varint(length) + body


def too_large(body: bytes, limit: int) -> FrameTooLarge:
    return FrameTooLarge(f"expected at most {limit:,} bytes, found {len(body):,}: send less, or raise max_frame")


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last byte have the high bit set."""
    header = bytearray()
    while number >= 0x80:
        header.append(number & 0x7F | 0x80)
        number >>= 7
    header.append(number)
    return bytes(header)


class FrameReader:
    """Takes bytes as they come, in pieces of any size, and gives back the bodies of all frames that are complete."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = bytearray()  # the beginning of a frame
        self._wanted = 0  # bytes, until it makes sense to look at what is held

    def feed(self, data: bytes) -> list[bytes]:
        """Raises BadFrame or FrameTooLarge, after which the stream is of no use any more."""
        if self._held:
            self._held += data
            if len(self._held) < self._wanted:
                return []
            data = bytes(self._held)
            self._held = bytearray()
        bodies = []
        at, end = 0, len(data)
        while at < end:
            length, start = data[at], at + 1
            if length >= 0x80:
                if start < end and data[start] < 0x80:  # two bytes, as most have
                    length, start = length & 0x7F | data[start] << 7, at + 2
                else:
                    length, start = self._header(data, at)
            if start + length > end or not 0 < length <= self._limit:
                if start:
                    self._check(length)
                self._held += memoryview(data)[at:]
                self._wanted = start + length - at if start else end - at + 1
                break
            bodies.append(data[start : start + length])
            at = start + length
        return bodies

    def _check(self, length: int) -> None:
        if not length:
            raise BadFrame("expected a frame with a JSON object, found an empty one")
        if length > self._limit:
            raise FrameTooLarge(f"expected a frame of at most {self._limit:,} bytes, found {length:,} or more")

    def _header(self, data: bytes, at: int) -> tuple[int, int]:
        """Length and beginning of the body; (0, 0) if the header is not complete."""
        length = 0
        for position, byte in enumerate(data[at : at + LONGEST_HEADER]):
            length |= (byte & 0x7F) << (7 * position)
            if length > self._limit:
                self._check(length)
            if byte < 0x80:
                return length, at + position + 1
        if len(data) - at < LONGEST_HEADER:
            return 0, 0
        raise BadFrame(f"expected the length of a frame, found {data[at : at + LONGEST_HEADER].hex(' ')}")
