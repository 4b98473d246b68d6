"""Packets as JSON: the fast way and the plain way give the same."""

import dataclasses
import datetime
import decimal
import enum
import json
import math
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from mu import codec
from mu.errors import BadFrame, Unencodable

ENCODERS = pytest.mark.parametrize("encode", [codec.encode, codec.plain_encode])
DECODERS = pytest.mark.parametrize("decode", [codec.decode, codec.plain_decode])
Encode = Callable[[Any], bytes]
Decode = Callable[[bytes], Any]


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: int


def test_the_fast_codec_is_installed() -> None:
    assert codec.fast_encode is not None
    assert codec.fast_decode is not None


@ENCODERS
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, "x", None, True]}, '{"a":[1,2.5,"x",null,true]}'),
        ("é ☃ 😀 \u2028", '"é ☃ 😀 \u2028"'),
        ("\ud83d", '"\\ud83d"'),
        ({"a": "\ud83d", "b": math.nan}, '{"a":"\\ud83d","b":null}'),
        (math.nan, "null"),
        ([math.inf, -math.inf], "[null,null]"),
        (2**70, str(2**70)),
        (10**100, str(10**100)),
        ((1, 2), "[1,2]"),
        (datetime.datetime(2026, 11, 24, 8, 30, tzinfo=datetime.UTC), '"2026-11-24T08:30:00Z"'),
        (datetime.date(2026, 11, 24), '"2026-11-24"'),
        (uuid.UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
        (decimal.Decimal("1.50"), '"1.50"'),
        (Colour.RED, '"red"'),
        (b"abc", '"YWJj"'),
        ({7}, "[7]"),
        (Point(1, 2), '{"x":1,"y":2}'),
        ({1: "one"}, '{"1":"one"}'),
    ],
)
def test_encode(encode: Encode, value: Any, text: str) -> None:
    assert encode(value).decode() == text


@ENCODERS
def test_what_json_cannot_hold_is_named_with_its_place(encode: Encode) -> None:
    with pytest.raises(Unencodable, match=r"found object at pattern\.list\.1"):
        encode({"pattern": {"list": [1, object()]}})


@ENCODERS
def test_a_circle_is_refused(encode: Encode) -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(Unencodable):
        encode(circle)


@DECODERS
@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":[1,2.5,"x",null,true]}', {"a": [1, 2.5, "x", None, True]}),
        (b'"\\ud83d"', "\ud83d"),
        (b'"\\ud83d\\ude00"', "😀"),
        (str(2**64).encode(), 2**64),
        (str(-(10**100)).encode(), -(10**100)),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b" {} ", {}),
    ],
)
def test_decode(decode: Decode, text: bytes, value: Any) -> None:
    assert decode(text) == value


@DECODERS
@pytest.mark.parametrize(
    "text", [b"", b"{", b"NaN", b"[Infinity]", b"{'a':1}", b'"\xff"', b"[" * 100_000, b"1" * 5000, b"\xef\xbb\xbf{}"]
)
def test_bad_json_is_a_bad_frame(decode: Decode, text: bytes) -> None:
    with pytest.raises(BadFrame, match="expected a JSON object in UTF-8, found"):
        decode(text)


def test_both_ways_agree_with_the_standard_library() -> None:
    value = {"n": [0, -1, 1.5, 1e300, 2**53 + 1], "s": '\\"\n\t\u0000é', "l": [[], {}, ""], "b": [True, False, None]}
    for encode in (codec.encode, codec.plain_encode):
        assert json.loads(encode(value)) == value
        assert codec.decode(encode(value)) == codec.plain_decode(encode(value)) == value
