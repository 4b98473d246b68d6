"""Packets in a stream of bytes."""

import pytest

from mu.errors import BadFrame, FrameTooLarge
from mu.frames import FrameReader, frame, varint

LIMIT = 1 << 24


@pytest.mark.parametrize(
    ("number", "header"),
    [
        (1, "01"),
        (127, "7f"),
        (128, "80 01"),
        (322, "c2 02"),
        (16_383, "ff 7f"),
        (16_384, "80 80 01"),
        (0x7F << 14, "80 80 7f"),
        (1 << 28, "80 80 80 80 01"),
    ],
)
def test_varint_is_leb128(number: int, header: str) -> None:
    assert varint(number).hex(" ") == header
    if number <= LIMIT:
        framed = frame(b"x" * number, LIMIT)
        assert framed[: len(varint(number))].hex(" ") == header
        assert [len(body) for body in FrameReader(LIMIT).feed(framed)] == [number]


@pytest.mark.parametrize("size", [1, 127, 128, 300, 16_383, 16_384, 70_000])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 65_536])
def test_frames_come_out_whatever_the_cuts(size: int, step: int) -> None:
    if size / step > 20_000:
        step = 5
    bodies = [b"a" * size, b"b", b"c" * size]
    stream = b"".join(frame(body, LIMIT) for body in bodies)
    reader, found = FrameReader(LIMIT), []
    for at in range(0, len(stream), step):
        found += reader.feed(stream[at : at + step])
    assert found == bodies


def test_a_header_cut_at_64_kib_is_read() -> None:
    first = frame(b"x" * (65_535 - 3), LIMIT)  # 3 bytes of header: one byte of the next header fits into 64 KiB
    stream = first + frame(b"y" * 300, LIMIT)
    reader = FrameReader(LIMIT)
    assert len(stream[:65_536]) - len(first) == 1
    assert [len(body) for body in reader.feed(stream[:65_536])] == [65_532]
    assert [len(body) for body in reader.feed(stream[65_536:])] == [300]


def test_an_empty_frame_is_bad() -> None:
    with pytest.raises(BadFrame, match="found an empty one"):
        FrameReader(LIMIT).feed(b"\x00")


@pytest.mark.parametrize("header", ["80 80 80 80 08", "80 80 80 80 80 80 80 01", "ff ff ff ff ff ff ff ff ff ff"])
def test_too_long_a_frame_is_refused_before_its_body_comes(header: str) -> None:
    with pytest.raises(FrameTooLarge, match=r"expected a frame of at most 16,777,216 bytes, found [0-9,]+ or more"):
        FrameReader(LIMIT).feed(bytes.fromhex(header))


def test_an_endless_header_is_bad() -> None:
    with pytest.raises(BadFrame, match="expected the length of a frame, found 80 80 80"):
        FrameReader(LIMIT).feed(b"\x80" * 8)
    reader = FrameReader(LIMIT)
    assert [reader.feed(b"\x80") for _ in range(7)] == [[]] * 7
    with pytest.raises(BadFrame):
        reader.feed(b"\x80")


@pytest.mark.parametrize("end", ["", "00", "01", "80 80 01"])
def test_an_endless_header_is_bad_whatever_comes_before_and_after_it(end: str) -> None:
    reader = FrameReader(LIMIT)
    with pytest.raises(BadFrame, match="expected the length of a frame, found 80 80 80 80 80 80 80 80$"):
        reader.feed(frame(b"x", LIMIT) + b"\x80" * 8 + bytes.fromhex(end))


@pytest.mark.parametrize("size", [100, 200, 20_000])
def test_as_large_a_frame_as_is_allowed_may_come_in_pieces(size: int) -> None:
    reader, framed = FrameReader(size), frame(b"x" * size, size)
    found = [body for at in range(0, len(framed), 99) for body in reader.feed(framed[at : at + 99])]
    assert [len(body) for body in found] == [size]


def test_too_large_a_body_is_not_written() -> None:
    assert len(frame(b"x" * 100, 100)) == 101
    with pytest.raises(FrameTooLarge, match="expected at most 100 bytes, found 101: send less, or raise max_frame"):
        frame(b"x" * 101, 100)


@pytest.mark.parametrize("size", [101, 200, 20_000])
def test_a_small_limit_holds_for_small_headers_too(size: int) -> None:
    reader = FrameReader(100)
    assert reader.feed(frame(b"x" * 100, LIMIT)) == [b"x" * 100]
    with pytest.raises(FrameTooLarge):
        reader.feed(frame(b"x" * size, LIMIT))
