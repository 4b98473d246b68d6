"""Packets as JSON: by msgspec when it is installed, by Python's own library otherwise and for what msgspec refuses."""

import base64
import dataclasses
import datetime
import decimal
import enum
import json
import math
import uuid
from collections.abc import Callable
from typing import Any

from mu.errors import BadFrame, Unencodable

fast_encode: Callable[[Any], bytes] | None = None
fast_decode: Callable[[bytes], Any] | None = None
try:
    import msgspec

    fast_encode, fast_decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
except ImportError:
    pass


def encode(value: Any) -> bytes:
    """JSON in UTF-8. NaN and the infinities become null, as with Node. Raises Unencodable."""
    if fast_encode is not None:
        try:
            return fast_encode(value)
        except (TypeError, ValueError, RecursionError):
            pass
    return plain_encode(value)


def decode(data: bytes) -> Any:
    """Raises BadFrame if it is not JSON."""
    if fast_decode is not None:
        try:
            return fast_decode(data)
        except (ValueError, RecursionError):
            pass
    return plain_decode(data)


def plain_encode(value: Any) -> bytes:
    try:
        text = write(value)
    except ValueError:  # NaN, or a circle; only the first can be helped
        text = write_again(value)
    except (TypeError, RecursionError) as error:
        raise unencodable(value, error) from None
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can only escape
        return json.dumps(json.loads(text), separators=(",", ":")).encode()


def write_again(value: Any) -> str:
    try:
        return write(without_nan(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise unencodable(value, error) from None


def without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    return value


def plain_decode(data: bytes) -> Any:
    try:
        return read(data.decode())
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"expected a JSON object in UTF-8, found {shortened(data)}: {error}") from None


def plainer(value: Any) -> Any:
    """What JSON has no form for, in the form that msgspec gives it too."""
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID | decimal.Decimal):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} is no JSON")


def no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plainer).encode
read = json.JSONDecoder(parse_constant=no_constant).decode


def unencodable(value: Any, error: Exception) -> Unencodable:
    where, what = culprit(value)
    found = f"{type(what).__name__} at {where}" if where else str(error)
    return Unencodable(f"expected text, numbers, true, false, null, lists and objects, as JSON has them; found {found}")


def culprit(value: Any, where: str = "", depth: int = 0) -> tuple[str, Any]:
    """Where in a message the first thing is that JSON cannot hold, such as `first.0`; ("", None) if not to be found."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else None
    if inside is None:
        try:
            write(value)
        except (TypeError, ValueError):
            return (where or "the top"), value
        return "", None
    if depth < 10:
        for key, each in inside:
            found = culprit(each, f"{where}.{key}" if where else str(key), depth + 1)
            if found[0]:
                return found
    return "", None


def shortened(data: bytes) -> str:
    return repr(data[:60]) + (f" and {len(data) - 60} more bytes" if len(data) > 60 else "")
