"""What another fuge.yml says otherwise."""

from dataclasses import replace

from fuge.plan.system import System


def changes(old: System, new: System) -> list[str]:
    """The instances of which another fuge.yml says something else."""
    return [name for name in new.everything if name in old.everything and has_changed(name, old, new)]


def has_changed(name: str, old: System, new: System) -> bool:
    """Whether another fuge.yml says something else of a service, by itself or for all containers."""
    before, after = old.everything[name], new.everything[name]
    if after != replace(before, replicas=after.replicas):
        return True
    about_containers = [(system.run_containers, system.container_engine_url) for system in (old, new)]
    return after.type == "container" and about_containers[0] != about_containers[1]
