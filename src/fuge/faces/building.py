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
from fuge.services.engines import Engines


class Builder:
    """What is to be built of which system, as the options say."""

    def __init__(self, document: Document, system: System, options: Namespace) -> None:
        self._document, self._system, self._options = document, system, options
        self._engines = Engines(system.container_engine_url)

    async def build(self) -> int:
        """All services that can be built, even if one fails. Returns 1 if one did.

        Raises ConfigError for what can have no name in DNS, as images are called so.
        """
        elsewhere.check(self._document, self._system)
        chosen = self._options.services
        names = [each.origin for each in self._system.select(chosen)] if chosen else [*self._system.services]
        failed = False
        try:
            for name in dict.fromkeys(names):
                service = self._system.services[name]
                if why := unfit(service):
                    print(f"skipping [{name}]: {why}")
                    continue
                try:
                    await self._one(service)
                except FugeError as error:
                    failed = True
                    print(f"failed [{name}]: {error}")
        finally:
            self._engines.close()
        return 1 if failed else 0

    async def _one(self, service: Service) -> None:
        options, system = self._options, self._system
        image = Images(options.registry or "", options.tag).of(system, service)
        base = options.base or dockerfile.usual_base()
        needs = Needs(options.requirements or dockerfile.requirements_of(system, service), tuple(options.wheel))
        text = dockerfile.text(system, service, image, needs, base)
        left_out = hidden(self._document, system, service)
        folder = dockerfile.prepare(system, service, text, needs, left_out)
        installed = f"with {shown_path(needs.requirements)}" if needs.requirements else "without requirements.txt"
        if options.files:
            print(f"wrote [{service.name}]: {shown_path(folder)}, {installed}")
            return
        print(f"building [{service.name}]: {image}, {installed}", flush=True)
        docker = await self._engines.docker()
        await docker.build(folder, image, {"BASE": base}, lambda step: print(f"  {step}", flush=True))


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
