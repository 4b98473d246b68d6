"""How far a partition is done: a commit says "all before this offset", and messages end in any order."""


class Progress:
    """Of one partition. `position`: the offset before which all is done."""

    def __init__(self) -> None:
        self._under_way: dict[int, None] = {}  # in their order
        self._next = 0

    def begin(self, offset: int) -> None:
        self._under_way[offset] = None
        self._next = offset + 1

    def end(self, offset: int) -> None:
        self._under_way.pop(offset, None)

    @property
    def position(self) -> int:
        return next(iter(self._under_way), self._next)
