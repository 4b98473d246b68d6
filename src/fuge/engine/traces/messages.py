"""What requests and answers of OTLP have in common, whatever they are about: as protobuf and as JSON."""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from google.protobuf import json_format  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from fuge.engine.traces.unpacking import Refused, unpacked

PROTOBUF, JSON = "application/x-protobuf", "application/json"
LONGEST_NAME = 1000  # characters of what has a name, and of what is said about an error
NO_SERVICE = "unknown_service"  # as the standard has it
M = TypeVar("M")


def parsed(body: bytes, encoding: str, kind: str, expected: type[M], prepare: Callable[[Any], object]) -> M:
    """The message in the body of a request of that Content-Encoding and Content-Type.

    `prepare` changes the object of a JSON where OTLP has it otherwise than protobuf. Raises Refused.
    """
    data, message = unpacked(body, encoding), expected()
    name = message.DESCRIPTOR.name  # type: ignore[attr-defined]
    if kind != JSON:
        try:
            message.ParseFromString(data)  # type: ignore[attr-defined]
        except DecodeError as error:
            raise Refused(400, f"expected an {name} as protobuf: {error}") from None
        return message
    try:
        value = json.loads(data)
        if not isinstance(value, dict):
            raise TypeError("it is no object")
        prepare(value)
        return json_format.ParseDict(value, message, ignore_unknown_fields=True)  # type: ignore[no-any-return]
    except Exception as error:  # json_format raises many kinds for what is no such message, Python one for deep nesting
        reason = str(error)[:300] or type(error).__name__
        raise Refused(400, f"expected an {name} as JSON: {reason}") from None


def written(message: Any, kind: str) -> bytes:
    """The body of an answer to a request of that Content-Type."""
    if kind == JSON:
        return str(json_format.MessageToJson(message, indent=None)).encode()
    return bytes(message.SerializeToString())


def steps(value: Any, *names: str) -> Iterator[Any]:
    """What is found by these names in turn, each of which leads to a list."""
    if not names:
        yield value
        return
    items = value.get(names[0]) if isinstance(value, dict) else None
    for item in items if isinstance(items, list) else ():
        yield from steps(item, *names[1:])


def text_of(attributes: Iterable[KeyValue], name: str) -> str:
    """Of the attribute of that name, as far as it is kept; "" if there is none."""
    return next((each.value.string_value for each in attributes if each.key == name), "")[:LONGEST_NAME]


def service_of(attributes: Iterable[KeyValue]) -> str:
    return text_of(attributes, "service.name") or NO_SERVICE


def mapping(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {each.key: plain(each.value) for each in attributes}


def plain(value: AnyValue) -> Any:
    """As JSON has it: bytes in hexadecimal, and numbers that are none as words."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value if math.isfinite(value.double_value) else str(value.double_value)
        case "array_value":
            return list(map(plain, value.array_value.values))
        case "kvlist_value":
            return mapping(value.kvlist_value.values)
        case "bytes_value":
            return value.bytes_value.hex()
        case _:
            return None
