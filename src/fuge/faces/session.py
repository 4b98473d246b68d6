"""What a command works with: the plan, a connection to the engine if there is one, and where to print."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuge.errors import NotRunningError
from fuge.faces.client import Client
from fuge.faces.operations import Connection
from fuge.plan import config, discovery
from fuge.plan.system import System


@dataclass
class Session:
    """`json` asks for data instead of text. `system` is the plan as the file has it now.

    `live` says that events are being shown as they come, so that only what they do not say is to be printed.
    """

    file: Path
    system: System
    connection: Connection
    json: bool = False
    live: bool = False

    @classmethod
    def at(cls, file: Path, ports: Mapping[str, int], as_json: bool) -> "Session":
        return cls(file, config.load(file, os.environ, ports), Client(file), as_json)

    async def call(self, operation: str, **arguments: Any) -> Any:
        return await self.connection.call(operation, **arguments)

    async def environment(self, name: str) -> dict[str, str]:
        """As the running engine injects it; without one, as it would."""
        service = self.system.service(name)
        try:
            environment: dict[str, str] = await self.call("env", name=name)
        except NotRunningError:
            environment = discovery.environment(self.system, service)
        return environment

    def names(self, words: Sequence[str]) -> list[str]:
        """Which services the words name, without an engine."""
        return [service.name for service in self.system.select(words)]

    def show(self, data: Any, text: str) -> None:
        """Print the data as JSON if that was asked for, else the text."""
        if self.json:
            print(json.dumps(data, indent=2))
        elif text:
            print(text)


def colours() -> bool:
    """Whether to print in colour: to a terminal, unless NO_COLOR is set (no-color.org)."""
    forced = os.environ.get("FORCE_COLOR")
    return bool(forced or sys.stdout.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
