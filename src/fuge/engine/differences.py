"""What another fuge.yml has otherwise."""

from dataclasses import dataclass, fields, replace

from fuge.plan.system import System


@dataclass(frozen=True)
class Difference:
    """The names of instances that only the new one has, only the old one, and of which they say different things."""

    added: list[str]
    removed: list[str]
    changed: list[str]


def between(old: System, new: System) -> Difference:
    before, after = old.everything, new.everything
    return Difference(
        added=[name for name in after if name not in before],
        removed=[name for name in before if name not in after],
        changed=[name for name in after if name in before and has_changed(name, old, new)],
    )


def has_changed(name: str, old: System, new: System) -> bool:
    """Whether another fuge.yml says something else of a service, by itself or for all containers."""
    before, after = old.everything[name], new.everything[name]
    if after != replace(before, replicas=after.replicas):
        return True
    about_containers = [(system.run_containers, system.container_engine_url) for system in (old, new)]
    return after.type == "container" and about_containers[0] != about_containers[1]


def settings(old: System, new: System) -> list[str]:
    """The names of those that hold for the system as a whole, and are others now."""
    names = [field.name for field in fields(System) if field.name not in ("file", "services", "replicas")]
    changed = [name for name in names if getattr(old, name) != getattr(new, name)]
    no_news = {name.replace("_enabled", "_port") for name in changed if name.endswith("_enabled")}
    return [name for name in changed if name not in no_news]
