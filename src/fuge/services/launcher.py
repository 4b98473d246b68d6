"""Starts programs: a Python script warm, from a keeper that has its imports loaded; everything else plainly."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuge.services import imports
from fuge.services.spawn import Child, Refused, Spawner

OWN = ("SERVICE_HOST", "SERVICE_PORT", "FUGE_RUN")  # differ between services that can share a warm keeper
TRIES = 3  # a keeper whose imports have changed is renewed, but not for ever
Key = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Program:
    """What is to be started: the words of its command line, its folder and its whole environment."""

    argv: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]

    @property
    def script(self) -> Path | None:
        """The file in `python FILE ...`, which can be started warm; None for all other commands."""
        is_script = len(self.argv) > 1 and self.argv[0] == sys.executable and self.argv[1].endswith(".py")
        path = self.cwd / self.argv[1] if is_script else None
        return path if path and path.is_file() else None

    @property
    def key(self) -> Key:
        return frozenset(item for item in self.environment.items() if item[0] not in OWN)


@dataclass
class Warm:
    """A warm keeper, or the reason why there is none for such programs."""

    modules: list[str]
    spawner: Spawner | None = None
    reason: str = ""


@dataclass(frozen=True)
class Launched:
    """A started program; `how` is "warm", or "plain" and why."""

    child: Child
    keeper: int
    how: str


class Launcher:
    """All keepers of one running system. `owner` marks what they start; `warm=False` starts everything plainly."""

    def __init__(self, owner: str, warm: bool = True) -> None:
        self.owner = owner
        self.warm = warm and sys.platform == "linux"  # elsewhere a fork of a used interpreter is not safe
        self._lean: asyncio.Task[Spawner] | None = None
        self._warm: dict[Key, asyncio.Task[Warm]] = {}
        self._modules: dict[Key, dict[str, None]] = {}
        self._retired: set[Spawner] = set()

    def prepare(self, programs: Sequence[Program]) -> None:
        """Begin to load what these programs import: those with the same environment share one warm keeper."""
        for program in programs:
            if program.script and self._may_be_warm(program) == "":
                self._modules.setdefault(program.key, {}).update(dict.fromkeys(imports.imported(program.script)))
        for key in {program.key for program in programs} & self._modules.keys():
            self._warm_up(key)

    async def launch(self, program: Program, files: tuple[int, int]) -> Launched:
        """Start a program; `files` are its standard output and error, still to be closed by the caller."""
        reason = self._may_be_warm(program)
        for _ in range(TRIES if not reason else 0):
            task = self._warmed(program)
            warm = await asyncio.shield(task)
            if warm.spawner is None:
                reason = warm.reason
                break
            try:
                return await self._spawn(warm.spawner, program, files, "warm")
            except Refused as refusal:
                reason = str(refusal)
                self._renew(program.key, task)
        return await self._spawn(await self._plain(), program, files, f"plain: {reason}")

    @property
    def keepers(self) -> dict[str, list[int]]:
        """The process ids of the keepers: {"plain": [...], "warm": [...]}."""
        done = [task.result().spawner for task in self._warm.values() if task.done() and not task.cancelled()]
        lean = [self._lean.result().pid] if self._lean and self._lean.done() else []
        return {"plain": lean, "warm": [spawner.pid for spawner in done if spawner]}

    async def close(self) -> None:
        """End all keepers, and with them everything that they have started."""
        tasks = [task for task in (self._lean, *self._warm.values()) if task]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        spawners = {result.spawner if isinstance(result, Warm) else result for result in results}
        alive = [spawner for spawner in spawners | self._retired if isinstance(spawner, Spawner) and spawner.alive]
        await asyncio.gather(*(spawner.close() for spawner in alive))

    async def _spawn(self, spawner: Spawner, program: Program, files: tuple[int, int], how: str) -> Launched:
        child = await spawner.spawn(program.argv, program.cwd, program.environment, files, how == "warm")
        return Launched(child, spawner.pid, how)

    async def _plain(self) -> Spawner:
        if self._lean is None or (self._lean.done() and not self._lean.result().alive):
            self._lean = asyncio.create_task(Spawner.start())
        return await asyncio.shield(self._lean)

    def _may_be_warm(self, program: Program) -> str:
        """Why a program cannot be started warm, or ""."""
        if not self.warm:
            return "warm start is off"
        if not program.script:
            return "it is not `python FILE.py`"
        environment = program.environment
        if not all(Path(part).is_absolute() for part in environment.get("PYTHONPATH", "/").split(os.pathsep)):
            return "PYTHONPATH has a relative path"
        for name in ("PYTHONSAFEPATH", "PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONPROFILEIMPORTTIME", "PYTHONHOME"):
            if environment.get(name):
                return f"{name} is set"
        return ""

    def _warmed(self, program: Program) -> "asyncio.Task[Warm]":
        assert program.script
        names = dict.fromkeys(imports.imported(program.script))
        known = self._modules.setdefault(program.key, {})
        if names.keys() - known.keys():  # a new import in the code: worth a new keeper, with all that is needed now
            known.update(names)
            self._renew(program.key, self._warm.get(program.key))
        self._warm_up(program.key)
        return self._warm[program.key]

    def _warm_up(self, key: Key) -> None:
        if key not in self._warm:
            self._warm[key] = asyncio.create_task(self._start(list(self._modules[key]), dict(key)))

    def _renew(self, key: Key, old: "asyncio.Task[Warm] | None") -> None:
        """Let the next start make a new keeper; the old one ends with its last child."""
        if old and self._warm.get(key) is old:
            del self._warm[key]
            old.add_done_callback(self._retire)

    def _retire(self, task: "asyncio.Task[Warm]") -> None:
        spawner = None if task.cancelled() or task.exception() else task.result().spawner
        if spawner:
            self._retired.add(spawner)
            spawner.close_when_idle()

    async def _start(self, modules: list[str], environment: dict[str, str]) -> Warm:
        spawner = await Spawner.start(modules or ["asyncio"], environment)
        if not spawner.unsafe:
            return Warm(modules, spawner)
        await spawner.close()
        return Warm(modules, None, spawner.unsafe)
