"""What happens when fuge.yml has changed while its system runs."""

import contextlib
from collections.abc import Collection, Sequence
from typing import Protocol

from fuge.engine import differences
from fuge.engine.differences import Difference
from fuge.engine.numbering import Plan
from fuge.engine.states import FAILED
from fuge.engine.supervisor import Supervisor
from fuge.errors import FugeError
from fuge.plan.system import Service, System


class Server(Protocol):
    """What listens for the system as a whole: DNS, the receiver of traces."""

    async def follow(self, system: System) -> None:
        """Listen where the system says, or not at all. Raises FugeError, and changes nothing, if it cannot."""


async def reload(supervisor: Supervisor, plan: Plan, servers: Sequence[Server]) -> dict[str, list[str]]:
    """Apply what has changed; see Engine.reload."""
    async with supervisor.changing:
        old, new = supervisor.system, plan.load(supervisor.running)
        await follow(servers, old, new)
        before = {name: supervisor.environment(instance) for name, instance in old.everything.items()}
        active = {name for name, running in supervisor.running.items() if running.active}
        failed = {name for name, running in supervisor.running.items() if running.state == FAILED}
        difference = differences.between(old, new)
        await supervisor.become(new, difference)
        changed = [new.everything[name] for name in difference.changed if name in active | failed]
        if wanted := [*changed, *added(old, new, difference, active)]:
            await supervisor.start(wanted)
        await supervisor.watcher.begun()
        runs_on = active - {*difference.removed, *difference.changed}
        now = {name: supervisor.environment(new.everything[name]) for name in runs_on}
        outdated = sorted(name for name in runs_on if not before[name].items() <= now[name].items())
    return {
        "added": difference.added,
        "changed": difference.changed,
        "removed": difference.removed,
        "outdated": outdated,
        "settings": differences.settings(old, new),
    }


async def follow(servers: Sequence[Server], old: System, new: System) -> None:
    """All of them, or none if one cannot."""
    for done, server in enumerate(servers):
        try:
            await server.follow(new)
        except FugeError:
            for earlier in servers[:done]:
                with contextlib.suppress(FugeError):  # what is told is why the new one cannot be
                    await earlier.follow(old)
            raise


def added(old: System, new: System, difference: Difference, active: Collection[str]) -> list[Service]:
    """What is new and starts: a service if anything runs, a further instance if its service does."""
    enabled = [instance for name in difference.added if (instance := new.everything[name]).enabled]
    return [each for each in enabled if (each.origin in active if each.origin in old.services else active)]
