"""A warm keeper that is being started, is there, or cannot be."""

import asyncio
from collections.abc import Mapping

from fuge.services.spawn import Spawner


class Warm:
    """`ready` gives its Spawner; or None, if there can be no warm keeper, and then `unsafe` says why."""

    def __init__(self, modules: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self.modules = modules
        self.unsafe = ""
        self.ready = asyncio.create_task(self._start(environment))

    @property
    def spawner(self) -> Spawner | None:
        return self.ready.result() if self.ready.done() and not self.ready.cancelled() else None

    @property
    def alive(self) -> bool:
        return not self.ready.done() or (self.spawner is not None and self.spawner.alive)

    def fits(self, modules: tuple[str, ...]) -> bool:
        """Whether it is as good as a new one with these modules would be."""
        return self.modules == modules if self.unsafe else {*modules} <= {*self.modules}

    def retire(self) -> None:
        """Let it end with the last of its children."""

        def close(ready: "asyncio.Task[Spawner | None]") -> None:
            if self.spawner:
                self.spawner.close_when_idle()

        self.ready.add_done_callback(close)

    async def close(self) -> None:
        self.ready.cancel()
        await asyncio.wait([self.ready])
        if self.spawner:
            await self.spawner.close()

    async def _start(self, environment: Mapping[str, str]) -> Spawner | None:
        try:
            spawner = await Spawner.start(self.modules or ["asyncio"], environment)
        except OSError as error:  # such as an environment that is too large
            self.unsafe = f"no keeper can be started: {error.strerror}"
            return None
        if not spawner.unsafe:
            return spawner
        self.unsafe = spawner.unsafe
        await spawner.close()
        return None
