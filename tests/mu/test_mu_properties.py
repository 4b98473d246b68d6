"""What holds for all messages, tables and bytes: hypothesis looks for one for which it does not."""

import contextlib
import itertools
import re
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mu import packet as packets
from mu.codec import decode, encode, plain_decode, plain_encode
from mu.errors import KINDS, BadFrame, FrameTooLarge, MuError, as_wire, from_wire
from mu.frames import FrameReader, frame
from mu.patterns import Table

LIMIT = 1 << 20

settings.register_profile("unhurried", settings(), deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")

# JSON, at any cuts -----------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=()), max_size=20)  # with halves of surrogate pairs
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)
cuts = st.lists(st.integers(0, 2000))


def joined(value: Any) -> Any:
    """The value with halves that stand next to each other as pairs, as JSON cannot tell these apart."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(value, list):
        return [joined(each) for each in value]
    if isinstance(value, dict):
        return {joined(key): joined(each) for key, each in value.items()}
    return value


def pieces(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(edge % (len(data) + 1) for edge in at), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def read(data: bytes, at: list[int]) -> list[bytes]:
    reader = FrameReader(LIMIT)
    return [body for piece in pieces(data, at) for body in reader.feed(piece)]


@given(st.lists(values), cuts)
def test_all_json_passes_as_it_is_at_any_cuts(sent: list[Any], at: list[int]) -> None:
    data = b"".join(frame(encode(value), LIMIT) for value in sent)
    assert repr([decode(body) for body in read(data, at)]) == repr(joined(sent))  # which tells 1 from 1.0 and true


@given(values)
def test_each_json_library_reads_what_the_other_writes(value: Any) -> None:
    expected = repr(joined(value))
    assert repr(plain_decode(encode(value))) == repr(decode(plain_encode(value))) == expected


@given(st.lists(st.sampled_from([1, 2, 126, 127, 128, 129, 16_383, 16_384, 16_385, 70_000]), max_size=5), cuts)
def test_bodies_of_any_size_pass_at_any_cuts(sizes: list[int], at: list[int]) -> None:
    bodies = [bytes([number]) * size for number, size in enumerate(sizes)]
    assert read(b"".join(frame(body, LIMIT) for body in bodies), at) == bodies


# Whatever peers send ---------------------------------------------------------------------------------------------


@given(st.binary(max_size=300), cuts)
def test_any_bytes_are_frames_or_are_refused(data: bytes, at: list[int]) -> None:
    with contextlib.suppress(BadFrame, FrameTooLarge):
        for body in read(data, at):
            packets.is_request(decode(body))


@given(st.fixed_dictionaries({}, optional={"pattern": values, "protocol": values, "err": values}) | values)
def test_any_json_is_a_packet_or_is_refused(value: Any) -> None:
    with contextlib.suppress(BadFrame):
        if packets.is_request(value):
            packets.backward(packets.forward(value, "muid"), "muid")


names = st.lists(texts, min_size=1, max_size=5)
protocols = st.fixed_dictionaries({"path": names | values, "trace": names | values, "ttl": values})
requests = st.fixed_dictionaries({"pattern": st.dictionaries(texts, values), "protocol": protocols})


@given(requests)
def test_any_request_that_is_let_in_can_be_handed_on(request: Any) -> None:
    with contextlib.suppress(BadFrame):
        packets.is_request(request)
        assert packets.relayed(packets.forward(request, "muid"))["protocol"]["path"][-1] == "muid"


@given(values)
def test_any_error_on_the_wire_is_an_exception(err: Any) -> None:
    assert isinstance(from_wire(err), MuError)


@given(st.sampled_from(sorted(KINDS)), texts.filter(bool), values, st.booleans(), st.integers(400, 599))
def test_errors_pass_as_they_are(kind: str, message: str, data: Any, sent: bool, status: int) -> None:
    error = KINDS[kind](message, data=data, sent=sent, status=status)
    found = from_wire(decode(encode(as_wire(error))))
    assert type(found) is KINDS[kind]
    assert (found.message, found.sent, found.status) == (joined(message), sent, status)
    assert repr(found.data) == repr(joined(data))


# The way there and back ------------------------------------------------------------------------------------------


@given(st.lists(texts, max_size=10))
def test_the_way_back_is_the_way_there(passed: list[str]) -> None:
    packet: Any = {"pattern": {}, "protocol": {"path": ["id"], "trace": ["id"], "ttl": 10}}
    for muid in passed:
        packet = packets.forward(packet, muid)
    assert packet["protocol"]["path"] == packet["protocol"]["trace"] == ["id", *passed]
    answer = packets.response(packet, 1)
    for muid in reversed(passed):
        assert answer["protocol"]["path"][-1] == muid
        answer = packets.backward(answer, f"back from {muid}")
    assert packets.key_of(answer) == ("id",)
    assert answer["protocol"]["trace"] == ["id", *passed, *(f"back from {muid}" for muid in reversed(passed))]


# Routing ---------------------------------------------------------------------------------------------------------

Pattern = Mapping[str, Any] | str
keys = st.sampled_from("abcd")
literals = st.sampled_from([0, 1, 1.0, 1.5, True, False, "", "0", "1", "x", "true"])
expressions = st.sampled_from([re.compile(each) for each in ("x", "^1", "^true$", "")])
patterns = st.dictionaries(keys, literals | st.just("*") | expressions) | st.just("*")
messages = st.dictionaries(keys, literals | st.sampled_from(["*", None, [1], {"a": 1}, "xx", 12]))


def fits(pattern: Pattern, message: dict[str, Any]) -> bool:
    if isinstance(pattern, str):
        return True
    for key, value in pattern.items():
        found = message.get(key)
        if found is None:
            return False
        if isinstance(value, re.Pattern):
            text = {True: "true", False: "false"}[found] if isinstance(found, bool) else found
            if isinstance(text, list | dict) or not value.search(str(text)):
                return False
        elif value != "*" and (found != value or isinstance(found, bool) != isinstance(value, bool)):
            return False
    return True


def rank(pattern: Pattern) -> tuple[int, int, int]:
    if isinstance(pattern, str):
        return -1, 0, 0
    expressions = sum(isinstance(value, re.Pattern) for value in pattern.values())
    present = sum(value == "*" for value in pattern.values())
    return len(pattern) - expressions - present, expressions, present


@given(st.lists(patterns, max_size=8), st.lists(messages, min_size=1))
def test_routing_is_that_of_a_plain_search(defined: list[Pattern], sent: list[dict[str, Any]]) -> None:
    table: Table[int] = Table()
    for number, pattern in enumerate(defined):
        table.add(pattern, number)
    for message in sent:
        fitting = [(rank(pattern), number) for number, pattern in enumerate(defined) if fits(pattern, message)]
        entry = table.find(message)
        assert (entry.target if entry else None) == (max(fitting)[1] if fitting else None)
