"""The whole system of recipe 07 under blows: python benchmarks/soak_system.py [--seconds N] [--every N] [--seed N]

Visitors load pages and calculate all the time. Every 15 seconds one of the six, or two, are struck, in a random order:
services, database and queue are killed (SIGKILL), the webapp is stopped as fuge stops it (SIGTERM). They are started
again up to two seconds later. At the end audit and report must say what the visitors were told, and nothing else:

- A calculation that was answered with its sum is in the audit once.
- One answered with 502 or 504 is not in the audit: the webapp records sums, and had none. Other errors must not occur.
- Every load of a page that was answered, errors too, is in the report once; the address of each is used once only.
- Where there was no answer, the visitor does not know: it may be there once, or not.

Exit code 1 if anything is amiss. A kill of the webapp is another matter: see webapp_killed.py.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter

from blows.accounts import Account, calculations, loads, show
from blows.health import Health
from blows.kept import kept_system
from blows.stored import Stored
from blows.strikes import keep_striking
from blows.visitors import Visit, Visitors
from blows.waiting import until_none

from workbook import course
from workbook.system import System

PAUSE = 0.05  # seconds from a visitor's page to the next: the machine shall have time for the strikes as well
NO_SUM = (502, 504)


async def soak(system: System, options: argparse.Namespace) -> bool:
    """Whether all is right."""
    visitors = Visitors(system.url("webapp"), PAUSE, calculate=True)
    async with Health(system) as health:
        await health.restored()
        visiting = asyncio.create_task(visitors.come(options.visitors))
        try:
            await keep_striking(system, health, options.seed, options.seconds, options.every)
        finally:
            visitors.over.set()
            await visiting
    async with Stored(system) as stored:
        await all_delivered(system, stored)
        accounts = {
            "calculations": Account(*calculations(visitors.visits), await stored.audit()),
            "page loads": Account(*loads(visitors.visits), await stored.report()),
        }
        dead = await stored.dead()
    show(accounts)
    statuses = Counter(visit.status or "no answer" for visit in visitors.visits)
    print("answers:", ", ".join(f"{count:,} x {status}" for status, count in statuses.most_common()))
    wrong = [visit for visit in visitors.visits if is_wrong(visit)]
    for each in [*wrong, *dead]:
        print(f"AMISS: {each}", file=sys.stderr)
    return not (wrong or dead) and all(account.is_right for account in accounts.values())


async def all_delivered(system: System, stored: Stored) -> None:
    """A webapp that stops delivers what it has to tell, or leaves it in files to its next start."""
    folder = system.folder / "fuge" / ".fuge" / "outbox"

    async def left() -> list[str]:
        return [file.name for file in folder.rglob("*.jsonl")]

    await asyncio.to_thread(system.fuge, "stop", "webapp")
    while await left():
        await asyncio.to_thread(system.fuge, "start", "webapp")
        await until_none(left, "messages wait in the outbox")
        await asyncio.to_thread(system.fuge, "stop", "webapp")
    await stored.queue_is_empty()


def said(system: System) -> list[str]:
    """What the services have said of late, but for the sums."""
    lines = system.terminal.new_output().splitlines()
    return [line for line in lines if "the sum is" not in line][-200:]


def is_wrong(visit: Visit) -> bool:
    """Whether it was answered, and not as it should have been."""
    is_no_sum = visit.calculation and visit.status in NO_SUM
    return visit.status is not None and not visit.is_right and not is_no_sum


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--every", type=float, default=15, help="seconds from a strike to the next")
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of the order of the strikes")
    options = parser.parse_args()
    print(
        f"{options.visitors} visitors, {options.seconds:g} s, a strike every {options.every:g} s, --seed {options.seed}"
    )
    with kept_system(course.recipe("07")) as system:
        print(system.terminal.new_output().split("\n")[0], flush=True)
        right = False
        try:
            right = asyncio.run(soak(system, options))
        finally:
            if not right:
                print(*said(system), sep="\n", file=sys.stderr)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
