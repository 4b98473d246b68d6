"""How an engine makes a container, or finds the one that was kept; and why it cannot be started."""

import contextlib
import re
import uuid
from typing import Any

from fuge import ports
from fuge.errors import FugeError, NoEngineError, NotReadyError
from fuge.plan.system import Port, Service
from fuge.services.container_settings import Settings
from fuge.services.docker_engine import KEEP, PROJECT, SERVICE, SETTINGS, DockerEngine
from fuge.services.docker_sdk import Refusal

NOT_OURS = (
    "; it may keep somebody's data, so fuge does not use it: stop it, take another port, or set run_containers: false"
    " in fuge_global to use it as it is"
)


def kept(api: Any, settings: Settings) -> dict[str, Any] | None:
    """The container that this service has had before and that was to be kept, as lists have it. It does not run."""
    labels = settings.create["labels"]
    if KEEP not in labels:
        return None
    same = [f"{label}={labels[label]}" for label in (PROJECT, SERVICE, KEEP)]
    for container in api.containers(all=True, filters={"label": same}):
        api.stop(container["Id"])
        return dict(container)
    return None


def fits(api: Any, container: dict[str, Any], settings: Settings) -> bool:
    """Whether a container is as one would be that is made now."""
    is_of_image: bool = container["ImageID"] == api.inspect_image(settings.create["image"])["Id"]
    return is_of_image and bool(container["Labels"].get(SETTINGS) == settings.mark)


def create(api: Any, settings: Settings, old: dict[str, Any] | None) -> str:
    """Returns the id of a new container, which shares the volumes of an old one."""
    labels = {PROJECT: settings.create["labels"][PROJECT]}
    for volume in settings.volumes:
        api.create_volume(volume, labels=labels)
    host = settings.create["host_config"] | {"VolumesFrom": [old["Id"]] if old else []}
    arguments = settings.create | {"host_config": host}
    try:
        return str(api.create_container(**arguments, name=settings.name)["Id"])
    except Exception as error:
        if "is already in use by container" not in str(error):
            raise
    return str(api.create_container(**arguments, name=f"{settings.name}-{uuid.uuid4().hex[:6]}")["Id"])


def replace(api: Any, old: str, new: str, name: str, settings: Settings) -> str:
    """Remove the old one, but not its volumes, which the new one has now. Returns the name of that."""
    api.remove_container(old, force=True)
    with contextlib.suppress(Exception):  # somebody else may have taken it
        api.rename(new, settings.name)
        return settings.name
    return name


async def explained(engine: DockerEngine, service: Service, refusal: Refusal) -> FugeError:
    """Why a container could not be started, and what can be done."""
    name, image, text = service.name, service.image, str(refusal)
    if refusal.is_missing and "image" in text:
        return NoEngineError(f"{engine.name} has no image {image}: get it (docker pull {image}), or build it")
    if "port is already allocated" in text or "address already in use" in text:
        port = next((port for port in service.ports if re.search(rf":{port.number}\b", text)), None)
        return NotReadyError(await held(engine, service, port) if port else f"{name}: {text}")
    return NotReadyError(f"{name}: {engine.name} refuses to start the image {image}: {text}")


async def held(engine: DockerEngine, service: Service, port: Port) -> str:
    holder = await engine.holder(port.number) or ports.describe(ports.holder(port.number))
    return f"port {port.number} ({service.name}/{port.name}) is held by {holder}{NOT_OURS}"
