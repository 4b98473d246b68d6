"""A fuge.yml as plain values that know where they stand in the file."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from fuge.plan import faults, syntax
from fuge.plan.faults import Fault, Place, Where, dotted, shown
from fuge.plan.interpolation import expand

NULL = re.compile(r"null|Null|NULL|~")
BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
INT = re.compile(r"[-+]?[0-9]{1,1000}")  # Python refuses to convert 5000 digits
OTHER_INT = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
UNFIT = re.compile(r"[\0\ud800-\udfff]")  # for the names of files, and for what a process is given
MOST_VALUES = 100_000  # with each alias counted as what it stands for
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass
class Document:
    """What a fuge.yml says (`value`), where it says it, and the faults found so far.

    `keys` and `values` hold the place of each key, and of each value or item; `texts` each scalar as written.
    """

    file: Path
    value: dict[str, Any] = field(default_factory=dict)
    keys: dict[Where, Place] = field(default_factory=dict)
    values: dict[Where, Place] = field(default_factory=dict)
    texts: dict[Where, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def complain(
        self,
        where: Where,
        expected: str,
        found: str,
        advice: str = "",
        *,
        at_key: bool = False,
        key: str = "",
        place: Place | None = None,
    ) -> None:
        """Note a fault at a value, or at its key; `key` and `place` replace what is known of `where`."""
        where = self.known(where)
        at = place or self.place(where, at_key)
        self.faults.append(Fault(self.file, at, key or dotted(where), expected, found, advice))

    def get(self, where: Where) -> Any:
        """The value at `where`, or at as much of it as the file has."""
        value: Any = self.value
        for step in self.known(where):
            value = value[step]
        return value

    def known(self, where: Where) -> Where:
        """The way, or as much of it as the file has: an item of a list may be written as a lone text."""
        while where and where not in self.values:
            where = where[:-1]
        return where

    def place(self, where: Where, at_key: bool = False) -> Place:
        where = self.known(where)
        return self.keys.get(where, self.values[where]) if at_key else self.values[where]

    def position(self, where: Where, at_key: bool = False) -> str:
        """file:line:column."""
        return faults.position(self.file, self.place(where, at_key))


def read(file: Path, environment: Mapping[str, str]) -> Document:
    """The file, with every ${NAME} replaced. Raises Broken if it is not a YAML mapping."""
    node = syntax.compose(file, syntax.read(file))
    if node is None:
        raise syntax.broken(file, Place(1, 1), "a mapping of services", "an empty file")
    document = Document(file)
    value = Reader(document, environment).value(node, ())
    if not isinstance(value, dict):
        raise syntax.broken(file, syntax.place(node.start_mark), "a mapping of services", shown(value))
    document.value = value
    return document


def typed(text: str) -> Any:
    """The value of an unquoted scalar, by the core schema of YAML 1.2."""
    if NULL.fullmatch(text):
        return None
    if BOOL.fullmatch(text):
        return text.lower() == "true"
    if INT.fullmatch(text):
        return int(text)
    if OTHER_INT.fullmatch(text):
        return int(text, 0)
    if FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


class Reader:
    """Turns YAML's nodes into a document's values."""

    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self.document = document
        self.environment = environment
        self.open: list[Node] = []  # the nodes that hold the one being read
        self.read = 0

    def value(self, node: Node, where: Where) -> Any:
        at = syntax.place(node.start_mark)
        if node.start_mark.index == node.end_mark.index:  # nothing is written: the parser's mark is a line too low
            at = self.document.keys.get(where, at)
        self.count(at)
        self.document.values[where] = at
        if node in self.open:
            self.document.complain(where, "a value that does not hold itself", "an alias of what is around it")
            return None
        if syntax.tag(node) not in ("", "!!str"):
            self.document.complain(where, "a value without a tag", f"the tag {syntax.tag(node)}")
        self.open.append(node)
        value = self.content(node, where)
        self.open.pop()
        return value

    def count(self, at: Place) -> None:
        """Aliases of aliases of aliases make a few lines as long as one likes. Raises Broken."""
        self.read += 1
        if self.read > MOST_VALUES:
            raise syntax.broken(self.document.file, at, f"at most {MOST_VALUES:,} values", "more", "use fewer aliases")
        if len(self.open) > syntax.MAX_DEPTH:
            expected = f"at most {syntax.MAX_DEPTH} levels of values in values"
            raise syntax.broken(self.document.file, at, expected, "more", "use fewer aliases")

    def content(self, node: Node, where: Where) -> Any:
        if isinstance(node, MappingNode):
            return self.mapping(node, where)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*where, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self.scalar(node, where)

    def scalar(self, node: ScalarNode, where: Where) -> Any:
        text = expand(
            node.value, self.environment, lambda expected, found: self.document.complain(where, expected, found)
        )
        if unfit := UNFIT.search(text):
            self.document.complain(where, "text that a program can be given", f"U+{ord(unfit[0]):04X} in it")
            text = UNFIT.sub("", text)
        self.document.texts[where] = text
        if node.style or syntax.tag(node):
            return text
        return typed(text) if node.value else None

    def mapping(self, node: MappingNode, where: Where) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if is_merge(key):
                continue
            if not isinstance(key, ScalarNode):
                self.document.complain(where, "a text as key", "another value", place=syntax.place(key.start_mark))
            elif key.value in found:
                self.repeated(key, (*where, key.value))
            else:
                found[key.value] = self.entry(key, value, where)
        for key, value in list(self.merged(node, where)):
            if key.value not in found:
                found[key.value] = self.entry(key, value, where)
        return found

    def entry(self, key: ScalarNode, value: Node, where: Where) -> Any:
        self.document.keys[*where, key.value] = syntax.place(key.start_mark)
        return self.value(value, (*where, key.value))

    def repeated(self, key: ScalarNode, where: Where) -> None:
        first = self.document.keys[where].line
        found = f"{key.value!r} again (first in line {first})"
        self.document.complain(where, "a key only once", found, place=syntax.place(key.start_mark))

    def merged(self, node: MappingNode, where: Where) -> Iterator[tuple[ScalarNode, Node]]:
        """The entries that `<<: *alias` and `<<: [*alias, ...]` bring in; the first of a name counts."""
        for key, value in node.value:
            if not is_merge(key):
                continue
            for source in value.value if isinstance(value, SequenceNode) else [value]:
                if not isinstance(source, MappingNode) or source in self.open:
                    at = syntax.place(key.start_mark)
                    self.document.complain(where, "a mapping to merge", "something else", key="<<", place=at)
                    continue
                self.count(syntax.place(key.start_mark))
                self.open.append(source)
                yield from (pair for pair in source.value if isinstance(pair[0], ScalarNode) and not is_merge(pair[0]))
                yield from self.merged(source, where)
                self.open.pop()


def is_merge(key: Node) -> bool:
    return isinstance(key, ScalarNode) and key.value == "<<" and not key.style
