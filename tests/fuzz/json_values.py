"""Changes of JSON that leave it JSON: by chance, bytes rarely do."""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 10**400, -(10**400), 1.5, -0.0, 1e308, "", "x", "\ud800", "\0"),
    *([], {}, [[]], [None], {"": {}}, "x" * 1000, list(range(300)), ["x"] * 101, [{"at": 0}], "2" * 55),
)


def changing(keys: Sequence[str]) -> Callable[[Random, bytearray, Sequence[bytes]], None]:
    """A change of one value in one of the lines after the first byte; `keys` may be added."""

    def change(random: Random, data: bytearray, words: Sequence[bytes]) -> None:
        lines = bytes(data[1:]).split(b"\n")
        at = random.randrange(len(lines))
        try:
            whole = {"": json.loads(lines[at])}
        except (ValueError, RecursionError):
            return
        change_one(random, random.choice(list(places(whole))), keys)
        lines[at] = json.dumps(whole[""], separators=(",", ":")).encode()
        data[1:] = b"\n".join(lines)

    return change


def change_one(random: Random, place: tuple[Any, Any], keys: Sequence[str]) -> None:
    holder, key = place
    match random.randrange(4):
        case 0 if isinstance(holder[key], dict):
            holder[key][random.choice(keys)] = random.choice(ODD)
        case 1 if key != "":
            del holder[key]
        case 2:
            holder[key] = [holder[key], holder[key]]
        case _:
            holder[key] = random.choice(ODD)


def places(holder: Any) -> Iterator[tuple[Any, Any]]:
    """Every value, as what holds it and its key or index there."""
    for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
        yield holder, key
        if isinstance(value, dict | list):
            yield from places(value)
