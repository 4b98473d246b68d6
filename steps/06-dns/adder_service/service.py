"""The adder's business: sums of integers. Who asks, and by which way, it does not know."""

import re

MAX_DIGITS = 100


def integer(name: str, value: str | int) -> int:
    """The number; a ValueError names the field, what was expected and what was found."""
    text = str(value)
    if re.fullmatch(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}", text):
        return int(text)
    found = repr(text) if len(text) <= 30 else f"{text[:30]!r}... ({len(text)} characters)"
    raise ValueError(f"{name}: expected an integer of at most {MAX_DIGITS} digits, found {found}")


def add(first: str | int, second: str | int) -> int:
    result = integer("first", first) + integer("second", second)
    print(f"the sum is {result}", flush=True)
    return result
