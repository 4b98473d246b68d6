"""Plain values as YAML that every parser reads alike: whatever is no plain word is in double quotes.

Compose, Docker's stacks and Kubernetes have parsers of YAML 1.1 and 1.2, to which `yes` or `1:30` are not the same.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PLAIN = re.compile(r"[A-Za-z_/]([A-Za-z0-9_./@-]*[A-Za-z0-9_/])?")
WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}  # which YAML 1.1 takes for something else
UNREADABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")  # in quotes, for one parser or another
WIDTH = 110


class Anchored(dict[str, Any]):
    """A mapping that others refer to by its name."""

    def __init__(self, name: str, content: Mapping[str, Any]) -> None:
        super().__init__(content)
        self.name = name


@dataclass(frozen=True)
class Reference:
    """Stands for the mapping of that name."""

    name: str


def text(value: Mapping[str, Any]) -> str:
    """A document, with its last line ended."""
    return "\n".join([*block(value), ""])


def block(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [line for key, item in value.items() for line in entry(head(key, item), item)]
    return [line for item in value for line in element(item)]


def head(key: str, item: Any) -> str:
    return f"{'<<' if isinstance(item, Reference) else scalar(key)}:"


def entry(head: str, item: Any) -> list[str]:
    inline = None if isinstance(item, Mapping) and item else flow(item)
    if inline is not None:
        return [f"{head} {inline}"]
    if isinstance(item, Anchored):
        head += f" &{item.name}"
    return [head, *(f"  {line}" for line in block(item))]


def element(item: Any) -> list[str]:
    inline = flow(item)
    if inline is not None:
        return [f"- {inline}"]
    first, *others = block(item)
    return [f"- {first}", *(f"  {line}" for line in others)]


def flow(item: Any) -> str | None:
    """What fits on one line: a scalar, or a few of them."""
    if isinstance(item, Reference):
        return f"*{item.name}"
    if isinstance(item, Mapping):
        line = f"{{{', '.join(f'{scalar(key)}: {scalar(each)}' for key, each in item.items())}}}" if flat(item) else ""
    elif isinstance(item, Sequence) and not isinstance(item, str):
        line = f"[{', '.join(map(scalar, item))}]" if not any(map(is_nested, item)) else ""
    else:
        return scalar(item)
    return line if 0 < len(line) <= WIDTH else None


def flat(item: Mapping[str, Any]) -> bool:
    return not any(map(is_nested, item.values()))


def is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | Reference) or (isinstance(value, Sequence) and not isinstance(value, str))


def scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) and value.lower() not in WORDS else quoted(value)
    return json.dumps(value)


def quoted(value: str) -> str:
    """JSON's quotes are YAML's too."""
    return UNREADABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
