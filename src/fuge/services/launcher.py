"""Starts programs: a Python script warm, from a keeper that has its imports loaded; everything else plainly."""

import asyncio
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fuge.plan.discovery import ENDPOINT
from fuge.services import imports
from fuge.services.spawn import Child, Refused, Spawner
from fuge.services.warm import Warm

# These differ between services that can share a warm keeper.
OWN = ("SERVICE_HOST", "SERVICE_PORT", "FUGE_RUN", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES")
UNLIKE = ("PYTHONSAFEPATH", "PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONPROFILEIMPORTTIME", "PYTHONHOME")
TRACING = (  # for traces and metrics
    "opentelemetry.sdk.trace.export",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk.metrics.export",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
)
TRIES = 4  # a keeper that is out of date, or has been killed, is replaced, but not for ever


class Group(NamedTuple):
    """The programs that share a warm keeper: those of one environment, or the one `script` alone."""

    environment: frozenset[tuple[str, str]]
    script: Path | None = None


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
    def group(self) -> Group:
        return Group(frozenset(item for item in self.environment.items() if item[0] not in OWN))


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
        self._plain_keeper: asyncio.Task[Spawner] | None = None
        self._warm: dict[Group, Warm] = {}
        self._retired: set[Warm] = set()
        self._imports: dict[Group, dict[Path, list[str]]] = {}  # what each script of a group imports

    def mark(self) -> str:
        """A new FUGE_RUN, always of the same length: by it a process is known as one of the owner's."""
        return f"{self.owner}-{uuid.uuid4().hex}"

    def prepare(self, programs: Sequence[Program]) -> None:
        """Begin to load what these programs, which are all there are, import; and to start the keeper of others."""
        scripts = [program for program in programs if program.script and not self._not_warm(program)]
        wanted = {program.group.environment for program in scripts}
        for group in [group for group in self._imports if group.environment not in wanted]:
            del self._imports[group]
            self._renew(group)
        for program in scripts:
            self._note(program.group, program)
        for environment in wanted:
            self._warmed(Group(environment))
        if len(scripts) < len(programs):
            self._plain_started()

    async def launch(self, program: Program, files: tuple[int, int]) -> Launched:
        """Start a program; `files` are its standard output and error, still to be closed by the caller."""
        try:
            return await self._launch_warm(program, files)
        except Refused as refusal:
            how = f"plain: {refusal}"
        try:
            return await self._spawn(await self._plain_spawner(), program, files, how)
        except Refused:  # the keeper has just been killed
            return await self._spawn(await self._plain_spawner(), program, files, how)

    async def _launch_warm(self, program: Program, files: tuple[int, int]) -> Launched:
        """Raises Refused, with the reason, if that cannot be."""
        if reason := self._not_warm(program):
            raise Refused(reason)
        group = program.group
        alone = group._replace(script=program.script)
        for _ in range(TRIES):
            self._note(group, program)
            warm = self._warmed(group)
            spawner = await asyncio.shield(warm.ready)
            if spawner is None and group != alone and len(self._imports[group]) > 1:
                group = alone  # what is unsafe may be an import of another service
                continue
            if spawner is None:
                raise Refused(warm.unsafe)
            if reason := hides(program, spawner.modules):
                raise Refused(reason)
            try:
                launched = await self._spawn(spawner, program, files, "warm")
            except Refused as refusal:
                reason = str(refusal)
                self._renew(group, warm)
                continue
            if group != alone:
                self._renew(alone)
            return launched
        raise Refused(reason)

    @property
    def keepers(self) -> dict[str, list[int]]:
        """The process ids of the keepers: {"plain": [...], "warm": [...]}."""
        warm = [each.spawner.pid for each in (*self._warm.values(), *self._retired) if each.alive and each.spawner]
        plain = [self._plain_keeper.result().pid] if self._plain_keeper and works(self._plain_keeper) else []
        return {"plain": plain, "warm": warm}

    async def close(self) -> None:
        """End all keepers, and with them everything that they have started."""
        if self._plain_keeper:
            self._plain_keeper.cancel()
            await asyncio.wait([self._plain_keeper])
        ends = [each.close() for each in (*self._warm.values(), *self._retired)]
        if self._plain_keeper and works(self._plain_keeper):
            ends.append(self._plain_keeper.result().close())
        await asyncio.gather(*ends)

    async def _spawn(self, spawner: Spawner, program: Program, files: tuple[int, int], how: str) -> Launched:
        warm = how == "warm"
        environment = {name: value for name, value in program.environment.items() if not warm or name in OWN}
        child = await spawner.spawn(program.argv, program.cwd, environment, files, warm)
        return Launched(child, spawner.pid, how)

    async def _plain_spawner(self) -> Spawner:
        return await asyncio.shield(self._plain_started())

    def _plain_started(self) -> "asyncio.Task[Spawner]":
        if self._plain_keeper is None or (self._plain_keeper.done() and not works(self._plain_keeper)):
            self._plain_keeper = asyncio.create_task(Spawner.start())
        return self._plain_keeper

    def _not_warm(self, program: Program) -> str:
        """Why a program cannot be started warm, or ""."""
        if not self.warm:
            return "warm start is off"
        if not program.script:
            return "it is not `python FILE.py`"
        environment = program.environment
        if not all(Path(part).is_absolute() for part in (environment.get("PYTHONPATH") or "/").split(os.pathsep)):
            return "PYTHONPATH has a relative path"
        return next((f"{name} is set" for name in UNLIKE if environment.get(name)), "")

    def _note(self, group: Group, program: Program) -> None:
        assert program.script
        self._imports.setdefault(group, {})[program.script] = imports.imported(program.script)

    def _warmed(self, group: Group) -> Warm:
        """The group's warm keeper: a new one if its scripts import more than the old one has."""
        names = [name for names in self._imports[group].values() for name in names]
        if any(name == ENDPOINT and value for name, value in group.environment):
            names += TRACING
        modules = tuple(dict.fromkeys(names))
        if group not in self._warm or not self._warm[group].fits(modules):
            self._renew(group)
            self._warm[group] = Warm(modules, {**dict(group.environment), "FUGE_RUN": self.mark()})
        return self._warm[group]

    def _renew(self, group: Group, old: Warm | None = None) -> None:
        """Let the next start make a new keeper, if the group still has the old one, which ends with its last child."""
        if group in self._warm and old in (None, self._warm[group]):
            warm = self._warm.pop(group)
            warm.retire()
            self._retired = {each for each in (*self._retired, warm) if each.alive}


def works(keeper: "asyncio.Task[Spawner]") -> bool:
    return keeper.done() and not keeper.cancelled() and not keeper.exception() and keeper.result().alive


def hides(program: Program, modules: frozenset[str]) -> str:
    """Whether a module of the script's own has the name of one that is loaded already, so that it would not be."""
    assert program.script
    for path in program.script.resolve().parent.iterdir():
        is_module = path.stem in modules and (path.suffix == ".py" or (path / "__init__.py").exists())
        if is_module and path.stem != "__main__":
            return f"{path.name} has the name of a module that is loaded already"
    return ""
