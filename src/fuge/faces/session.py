"""What a command works with: the plan, a connection to the engine if there is one, and where to print."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fuge.errors import NotRunningError
from fuge.faces.client import Client
from fuge.faces.connection import Connection
from fuge.plan import discovery
from fuge.plan.location import absolute
from fuge.plan.system import System, data_folder, log_folder


class Session:
    """`json` asks for data instead of text. `plan` gives the System; it is asked only by commands that need it.

    So the others can be used while the file is broken. `live` says that events are being shown as they come, so
    that only what they do not say is to be printed. `ports` are those for this run alone.
    """

    def __init__(
        self,
        file: Path,
        connection: Connection,
        plan: Callable[[], System],
        json: bool = False,
        live: bool = False,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        self.file, self.connection, self.json, self.live = absolute(file), connection, json, live
        self.ports = ports or {}
        self._plan = plan

    @classmethod
    def at(cls, file: Path, ports: Mapping[str, int], as_json: bool) -> "Session":
        """Of whatever engine runs this file."""

        @cache
        def plan() -> System:
            from fuge.plan import config  # which takes as long to load as all the rest of a simple command

            return config.load(file, os.environ, ports)

        return cls(file, Client(file), plan, as_json, ports=ports)

    @property
    def system(self) -> System:
        """Raises ConfigError for a file that is not right."""
        return self._plan()

    @property
    def data(self) -> Path:
        return data_folder(self.file)

    @property
    def logs(self) -> Path:
        return log_folder(self.file)

    async def call(self, operation: str, **arguments: Any) -> Any:
        return await self.connection.call(operation, **arguments)

    async def environment(self, name: str) -> dict[str, str]:
        """As the running engine injects it; without one, as it would."""
        try:
            environment: dict[str, str] = await self.call("env", name=name)
        except NotRunningError:
            environment = discovery.environment(self.system, self.system.service(name))
        return environment

    async def names(self, words: Sequence[str]) -> list[str]:
        """Which services the words name: among those of the running engine; without one, among the file's."""
        try:
            names: list[str] = await self.call("names", words=list(words))
        except NotRunningError:
            names = [service.name for service in self.system.select(words)]
        return names

    async def services(self, words: Sequence[str]) -> list[str]:
        """The same without replicas: what fuge.yml calls them."""
        return list(dict.fromkeys(name.partition(".")[0] for name in await self.names(words)))

    def show(self, data: Any, text: str) -> None:
        """Print the data as JSON if that was asked for, else the text."""
        if self.json:
            print(json.dumps(data, indent=2))
        elif text:
            print(text)


def exit_code(outcomes: Iterable[Mapping[str, Any]]) -> int:
    """Of a command that started services: 0 if all went well, else that of the deepest cause."""
    return min((outcome["exit_code"] for outcome in outcomes if not outcome["ok"]), default=0)


def colours() -> bool:
    """Whether to print in colour: to a terminal, unless NO_COLOR is set (no-color.org); FORCE_COLOR asks for it."""
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR")
    if forced:
        return forced != "0"
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
