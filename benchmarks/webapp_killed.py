"""What a kill -9 of recipe 07's webapp loses: python benchmarks/webapp_killed.py [--kills N] [--visitors N]

It answers first and tells of the load then, so what it had in hand is lost. Visitors load pages without a pause; in the
midst of it the webapp is killed (SIGKILL), and started again when all is counted that it had told.

Exit code 1 if a load is counted twice, or one that nobody asked for, or one is missing that was answered a second or
more before the last one: an event is in hand for milliseconds. And if the webapp does not come back.
"""

import argparse
import asyncio
import sys
from collections import Counter

from blows.accounts import Account, loads
from blows.health import Health
from blows.stored import Stored
from blows.visitors import Visit, Visitors

from workbook import course
from workbook.system import System

SECONDS = 2.0  # of visits before a kill
LONGEST_IN_HAND = 1.0  # seconds, on a machine that has other work too


class Kill:
    """What the visitors before it were told, and what of that is in the report."""

    HEAD = f"{'kill':>6}{'answered':>12}{'missing':>10}{'the oldest, ms':>16}{'twice':>8}{'unknown':>10}"

    def __init__(self, visits: list[Visit], stored: Counter[str]) -> None:
        self.account = Account(*loads(visits), stored)
        ended = {visit.path: visit.ended for visit in visits if visit.status}
        last = max(ended.values())
        self.oldest = max((last - ended[path] for path in self.account.missing), default=0.0)

    @property
    def is_right(self) -> bool:
        return not (self.account.twice or self.account.unknown) and self.oldest < LONGEST_IN_HAND

    def row(self, name: object) -> str:
        told, missing, twice, unknown = (
            len(each) for each in (self.account.told, self.account.missing, self.account.twice, self.account.unknown)
        )
        return f"{name:>6}{told:12,}{missing:10,}{self.oldest * 1e3:16.1f}{twice:8}{unknown:10}"


async def visits_up_to_a_kill(system: System, visitors: Visitors, count: int) -> list[Visit]:
    visiting = asyncio.create_task(visitors.come(count))
    await asyncio.sleep(SECONDS)
    await asyncio.to_thread(system.kill, "webapp")
    visitors.over.set()
    await visiting
    return visitors.visits


async def measure(system: System, kills: int, count: int) -> bool:
    """Whether all is right."""
    print(Kill.HEAD)
    done: list[Kill] = []
    async with Health(system) as health, Stored(system) as stored:
        for number in range(1, kills + 1):
            await health.restored()
            word = f"{number}-"
            visitors = Visitors(system.url("webapp"), pause=0, calculate=False, word=word)
            visits = await visits_up_to_a_kill(system, visitors, count)
            await stored.queue_is_empty()
            report = await stored.report()
            mine = Counter({path: times for path, times in report.items() if path.startswith(f"/users?{word}")})
            done.append(Kill(visits, mine))
            print(done[-1].row(number), flush=True)
            await asyncio.to_thread(system.fuge, "start", "webapp")
        await health.restored()
    answered, missing = (sum(len(getattr(kill.account, what)) for kill in done) for what in ("told", "missing"))
    print(f"missing in all: {missing:,} of {answered:,}")
    return all(kill.is_right for kill in done)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--visitors", type=int, default=16)
    options = parser.parse_args()
    recipe = course.recipe("07")
    with System(recipe.step, recipe) as system:
        right = asyncio.run(measure(system, options.kills, options.visitors))
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
