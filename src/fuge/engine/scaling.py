"""How many instances of a service can be asked for, and which of them have lost their port to others."""

from collections.abc import Iterable

from fuge import ports
from fuge.engine.running import Running
from fuge.engine.states import FAILED
from fuge.errors import FugeError
from fuge.plan.system import MOST_INSTANCES, System

TRIES = 3  # new ports for replicas, when somebody else was quicker


def check(system: System, name: str, count: int) -> None:
    """Raises FugeError if the service cannot have so many instances."""
    service = system.service(name)
    if name != service.origin:
        raise FugeError(f"{name} is an instance of {service.origin}: `fuge scale {service.origin} {count}` is meant")
    if service.type == "container":
        raise FugeError(
            f"{name} cannot be scaled: it is a container, and a second one would be a server of its own, "
            "without the data of the first; fuge scales processes only"
        )
    if service.problem:
        raise FugeError(f"{name} cannot be scaled: {service.problem}")
    if not 1 <= count <= MOST_INSTANCES:
        advice = f"; `fuge stop {name}` stops all of them" if count == 0 else ""
        raise FugeError(f"expected 1 to {MOST_INSTANCES} instances of {name}, found {count}{advice}")


def without_port(instances: Iterable[Running]) -> bool:
    """Whether a replica has failed, and somebody else has its port."""
    return any(
        not ports.is_free(port.number, running.service.host)
        for running in instances
        if running.state == FAILED and running.service.name != running.service.origin
        for port in running.service.ports
    )
