"""Makes the images of services, one after the other, by the Docker engine that fuge finds."""

from argparse import Namespace
from pathlib import Path

from fuge.errors import FugeError
from fuge.export import dockerfile, elsewhere, units
from fuge.export.dockerfile import Needs
from fuge.export.naming import Images
from fuge.plan.faults import shown_path
from fuge.plan.places import Document
from fuge.plan.schema import GLOBAL
from fuge.plan.system import Service, System
from fuge.services.docker_engine import DockerEngine
from fuge.services.engines import Engines


class Builder:
    """What is to be built of which system, as the options say."""

    def __init__(self, document: Document, system: System, options: Namespace) -> None:
        self._document, self._system, self._options = document, system, options
        self._engines = Engines(system.container_engine_url)

    async def build(self) -> int:
        """All services that can be built, even if one fails. Returns 1 if one did.

        Raises ConfigError for what can have no name in DNS, as images are called so, and NoEngineError.
        """
        elsewhere.check(self._document, self._system)
        fit = [service for service in self._chosen() if not skipped(service)]
        failed = False
        try:
            docker = await self._engines.docker() if fit and not self._options.files else None
            for service in fit:
                try:
                    await self._one(service, docker)
                except FugeError as error:
                    failed = True
                    print(f"failed [{service.name}]: {error}")
        finally:
            self._engines.close()
        return 1 if failed else 0

    def _chosen(self) -> list[Service]:
        """Also those that are not enabled, unless some are named."""
        words, services = self._options.services, self._system.services
        names = [each.origin for each in self._system.select(words)] if words else [*services]
        return [services[name] for name in dict.fromkeys(names)]

    async def _one(self, service: Service, docker: DockerEngine | None) -> None:
        """Without an engine, what it would build is written."""
        options, system = self._options, self._system
        image = Images(options.registry or "", options.tag).of(system, service)
        base = options.base or dockerfile.usual_base()
        needs = Needs(options.requirements or dockerfile.requirements_of(system, service), tuple(options.wheel))
        text = dockerfile.text(system, service, image, needs, base)
        folder = dockerfile.prepare(system, service, text, needs, hidden(self._document, system, service))
        installed = f"with {shown_path(needs.requirements)}" if needs.requirements else "without requirements.txt"
        if docker is None:
            print(f"wrote [{service.name}]: {shown_path(folder)}, {installed}")
            return
        print(f"building [{service.name}]: {image}, {installed}", flush=True)
        await docker.build(folder, image, {"BASE": base}, lambda step: print(f"  {step}", flush=True))


def skipped(service: Service) -> bool:
    """Whether no image can be made of a service, which is told then."""
    why = unfit(service)
    if why:
        print(f"skipping [{service.name}]: {why}")
    return bool(why)


def unfit(service: Service) -> str:
    """Why no image is made of a service, or ""."""
    if service.type == "container":
        return f"it has an image, {service.image}"
    if service.problem:
        return service.problem
    return "" if units.is_python(service) else f"it is not run by Python, but by {service.run!r}"


def hidden(document: Document, system: System, service: Service) -> set[Path]:
    """What is in no image: the files with a service's variables, which may be secrets, and fuge's own data."""
    assert service.path
    found = {system.data.resolve()}
    for section in (GLOBAL, service.name):
        base = service.path if section == service.name else document.file.parent
        said = document.value.get(section, {}).get("env_file", [])
        found |= {(base / each).resolve() for each in ([said] if isinstance(said, str) else said)}
    return found
