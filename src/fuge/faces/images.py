"""Gets the images of containers, with a line that shows how far that is."""

import sys

from fuge.errors import FugeError
from fuge.plan.system import Service, System
from fuge.services.engines import Engines
from fuge.services.pulling import now_and_then

SAID_AGAIN = 1  # seconds between two lines where a line cannot be written over


class Progress:
    """Shows the newest text: in a terminal on one line, elsewhere now and then on a line of its own."""

    def __init__(self) -> None:
        self._in_place = sys.stdout.isatty()
        self._say = now_and_then(lambda text: print(text, flush=True), SAID_AGAIN)

    def __call__(self, text: str) -> None:
        if self._in_place:
            print(f"\r\x1b[K{text}", end="", flush=True)
        else:
            self._say(text)

    def end(self) -> None:
        if self._in_place:
            print("\r\x1b[K", end="", flush=True)


async def pull(system: System, service: Service) -> int:
    """Have Docker get the newest image of a service. Returns 1 if that failed."""
    name, image = service.name, service.image
    if not system.run_containers:
        print(f"skipping [{name}]: run_containers is false")
        return 0
    engines = Engines(system.container_engine_url)
    progress = Progress()
    try:
        candidates = [candidate async for candidate in engines.survey(service)]
        chosen = next((each.choice for each in candidates if each.choice), None)
        if chosen is None or chosen.docker is None:
            if chosen is None:
                raise FugeError(engines.explained(service, candidates))
            print(f"skipping [{name}]: nothing to pull, it runs by {chosen.how} ({candidates[0].reason})")
            return 0
        print(f"pulling [{name}]: {image}", flush=True)
        await chosen.docker.pull(image, progress)
        progress.end()
    except FugeError as error:
        progress.end()
        print(f"failed [{name}]: {error}")
        return 1
    finally:
        engines.close()
    return 0
