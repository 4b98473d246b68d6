"""Our table of patterns, and bloomrun, by which Node's mu routes: they find the same, but where bloomrun errs."""

import random
from typing import Any

import pytest
from interop.node import Node

from mu.patterns import Table

Pattern = dict[str, Any] | str
Message = dict[str, Any]
KEYS = "abcde"
VALUES = ["x", "y", "", "0", 0, 1, 2.5, True, False]
TABLES, MESSAGES = 1500, 10


def ours(patterns: list[Pattern], messages: list[Message]) -> list[int | None]:
    table: Table[int] = Table()
    for number, pattern in enumerate(patterns):
        table.add(pattern, number)
    return [entry.target if (entry := table.find(message)) else None for message in messages]


async def node(program: Node, patterns: list[Pattern], messages: list[Message]) -> list[int | None]:
    await program.tell("route", {"patterns": patterns, "messages": messages})
    found: list[int | None] = await program.hear()
    return found


def anything(chance: random.Random) -> tuple[list[Pattern], list[Message]]:
    """A table, and messages most of which fit some of it."""

    def some(least: int) -> Message:
        return {key: chance.choice(VALUES) for key in chance.sample(KEYS, chance.randint(least, len(KEYS)))}

    patterns: list[Pattern] = [some(1) for _ in range(chance.randint(0, 8))]
    patterns = [dict(list(pattern.items())[: chance.randint(1, 4)]) for pattern in patterns]
    for special in ("*", {}):
        if chance.random() < 0.3:
            patterns.insert(chance.randint(0, len(patterns)), special)
    messages = [some(0) for _ in range(MESSAGES)]
    for message in messages:
        for pattern in chance.sample(patterns, min(2, len(patterns))):
            message.update(pattern if isinstance(pattern, dict) else {})
    return patterns, messages


def same(one: Any, other: Any) -> bool:
    """As === of JavaScript."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def touched(pattern: Pattern, key: str, value: Any) -> bool:
    """Whether bloomrun has it in the bucket of that key and value; it has 0 and "0" in one."""
    return isinstance(pattern, dict) and key in pattern and str(pattern[key]).lower() == str(value).lower()


def fits(pattern: Pattern, message: Message) -> bool:
    return isinstance(pattern, str) or all(
        key in message and same(message[key], value) for key, value in pattern.items()
    )


def comparable(patterns: list[Pattern], message: Message) -> bool:
    """Whether bloomrun should find the best here.

    It looks through one bucket for each key and value of the message, that with the longest pattern first, even if it
    is another pattern there that fits. And among patterns of the same length it goes by the order of the keys.
    """
    fitting = [pattern for pattern in patterns if isinstance(pattern, dict) and pattern and fits(pattern, message)]
    if not fitting:
        return patterns.count({}) < 2
    best = max(fitting, key=len)
    if [len(pattern) for pattern in fitting].count(len(best)) > 1:
        return False
    for key, value in message.items():
        bucket = [pattern for pattern in patterns if touched(pattern, key, value)]
        if best not in bucket and any(each in bucket for each in fitting) and len(max(bucket, key=len)) >= len(best):
            return False
    return True


async def test_routing_is_that_of_node_where_node_keeps_its_own_rules() -> None:
    chance = random.Random(4)
    compared = 0
    async with Node("router.js") as program:
        for _ in range(TABLES):
            patterns, messages = anything(chance)
            messages = [message for message in messages if comparable(patterns, message)]
            assert ours(patterns, messages) == await node(program, patterns, messages), (patterns, messages)
            compared += len(messages)
    assert compared > TABLES * MESSAGES / 2


DIFFERENCES: dict[str, tuple[list[Pattern], Message, int | None, int | None]] = {
    "the longest pattern wins": (
        [{"role": "x"}, {"role": "x", "k1": 1, "k2": 1, "k3": 1}, {"cmd": "y", "foo": "z"}],
        {"role": "x", "cmd": "y", "foo": "z"},
        *(2, 0),
    ),
    "of equals the last wins": ([{"b": 1}, {"a": 1}], {"a": 1, "b": 1}, 1, 0),
    "a star is any value": ([{"role": "x", "cmd": "*"}], {"role": "x", "cmd": "add"}, 0, None),
    "a zero byte counts": ([{"role": "x", "cmd": "add"}], {"role": "x", "cmd": "add\0"}, None, 0),
}


@pytest.mark.parametrize("name", DIFFERENCES)
async def test_routing_differs_on_purpose_where(name: str) -> None:
    patterns, message, by_ours, by_node = DIFFERENCES[name]
    async with Node("router.js") as program:
        assert ours(patterns, [message]) == [by_ours]
        assert await node(program, patterns, [message]) == [by_node]
