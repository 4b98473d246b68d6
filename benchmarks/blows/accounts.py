"""What was stored, against what was told."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from blows.visitors import Visit


@dataclass(frozen=True)
class Account:
    """`told` must be stored once each; what may be `open`, for nobody was told, once at most; nothing else may be."""

    told: set[str]
    open: set[str]
    stored: Counter[str]

    @property
    def missing(self) -> set[str]:
        return self.told - self.stored.keys()

    @property
    def twice(self) -> set[str]:
        return {each for each, count in self.stored.items() if count > 1}

    @property
    def unknown(self) -> set[str]:
        return self.stored.keys() - self.told - self.open

    @property
    def is_right(self) -> bool:
        return not (self.missing or self.twice or self.unknown)

    def row(self) -> Sequence[int]:
        """Under HEAD."""
        of_open = len(self.open & self.stored.keys())
        return (len(self.told), self.stored.total(), len(self.missing), len(self.twice), len(self.unknown), of_open)


def calculations(visits: list[Visit]) -> tuple[set[str], set[str]]:
    """Those of which a sum was told, and those of which nothing was."""
    sums = [visit for visit in visits if visit.calculation]
    told = {visit.calculation for visit in sums if visit.status == 200}
    return told, {visit.calculation for visit in sums if visit.status is None}


def loads(visits: list[Visit]) -> tuple[set[str], set[str]]:
    """Those that were answered, and those that were not."""
    return {visit.path for visit in visits if visit.status}, {visit.path for visit in visits if not visit.status}


HEAD = ("told", "stored", "missing", "twice", "unknown", "open ones")


def show(accounts: dict[str, Account]) -> None:
    print(f"\n{'':14}" + "".join(f"{word:>11}" for word in HEAD))
    for name, account in accounts.items():
        print(f"{name:14}" + "".join(f"{number:11,}" for number in account.row()))
    for name, account in accounts.items():
        for what in ("missing", "twice", "unknown"):
            if found := sorted(getattr(account, what)):
                print(f"{name}, {what}: {', '.join(found[:20])}{', ...' if len(found) > 20 else ''}")
