"""What an inbound transport lets in."""

from mu.patterns import Entry, Message, Pattern, T, Table


class Gate:
    """Lets in what fits the pattern of the inbound."""

    def __init__(self, pattern: Pattern) -> None:
        self._table: Table[None] = Table()
        self._table.add(pattern, None)
        self._always: dict[int, bool] = {}

    def admits(self, message: Message, entry: Entry[T]) -> bool:
        """`entry` is where the message would go. If the entry's own literals fit the gate, so does all that fits it."""
        always = self._always.get(entry.number)
        if always is None:
            always = self._always[entry.number] = self._table.find(dict(entry.literals)) is not None
        return always or self._table.find(message) is not None
