"""What happens when fuge.yml has changed while its system runs."""

from collections.abc import Collection

from fuge.engine import differences
from fuge.engine.differences import Difference
from fuge.engine.dns.server import Server
from fuge.engine.numbering import Plan
from fuge.engine.states import FAILED
from fuge.engine.supervisor import Supervisor
from fuge.plan.system import Service, System


async def reload(supervisor: Supervisor, plan: Plan, dns: Server) -> dict[str, list[str]]:
    """Apply what has changed; see Engine.reload."""
    async with supervisor.changing:
        old, new = supervisor.system, plan.load(supervisor.running)
        await dns.follow(new)
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
    }


def added(old: System, new: System, difference: Difference, active: Collection[str]) -> list[Service]:
    """What is new and starts: a service if anything runs, a further instance if its service does."""
    enabled = [instance for name in difference.added if (instance := new.everything[name]).enabled]
    return [each for each in enabled if (each.origin in active if each.origin in old.services else active)]
