"""What inputs of OTLP have in common, whatever they are about: a byte that says how the body after it is to be read."""

import gzip
import json
from types import ModuleType
from typing import Any

from fuzz.target import Misbehaved

from fuge.engine.traces.messages import JSON, PROTOBUF
from fuge.engine.traces.unpacking import Refused

KINDS = ((PROTOBUF, ""), (JSON, ""), (PROTOBUF, "gzip"))  # by the first byte of an input


def seeds(body: bytes, as_json: object) -> tuple[bytes, ...]:
    """One of each kind."""
    return b"\0" + body, b"\1" + json.dumps(as_json).encode(), b"\2" + gzip.compress(body, mtime=0)


def taken(otlp: ModuleType, data: bytes) -> tuple[list[Any], int] | None:
    """What is read, and how much of it was faulty; None for what is refused in words. `otlp` reads and answers."""
    kind, encoding = KINDS[(data[0] if data else 0) % len(KINDS)]
    try:
        found, faulty = otlp.read(data[1:], encoding, kind)
    except Refused as refused:
        if len(str(refused)) > 500 or not str(refused).startswith("expected "):
            raise Misbehaved(f"a refusal without a reason: {refused}") from None
        return None
    otlp.answer(kind, faulty, "a reason")
    return found, faulty
