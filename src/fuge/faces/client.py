"""The connection to an engine in another process, by its control socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from fuge import errors
from fuge.engine.card import read_card
from fuge.errors import FugeError, NotRunningError
from fuge.plan.faults import shown_path
from fuge.plan.location import absolute
from fuge.plan.system import data_folder

LONGEST_ANSWER = 100_000_000  # bytes


class Client:
    """`Client(file)`: the engine that runs this fuge.yml. Raises NotRunningError when asked and there is none."""

    def __init__(self, file: Path | str) -> None:
        self.file = absolute(file)

    async def call(self, operation: str, **arguments: Any) -> Any:
        """What the engine answers: `await client.call("start", words=["stock"])` is its `start(["stock"])`.

        Operations are called as the commands are: start, stop, restart, scale, ps, why, down, and so on. Raises
        NotRunningError, and what the engine raises.
        """
        reader, writer = await self._connect(operation, arguments)
        try:
            line = await reader.readline()
        except ConnectionError:
            line = b""
        finally:
            writer.close()
        if not line:
            raise NotRunningError(f"the fuge that ran {self.file} has ended")
        answer = json.loads(line)
        if "error" in answer:
            kind = getattr(errors, answer.get("kind", ""), FugeError)
            raise kind(answer["error"])
        return answer["result"]

    async def follow(self, begun: Callable[[], object] = lambda: None) -> AsyncIterator[dict[str, Any]]:
        """Lines of output and events, as they come, until the engine ends; `begun` is called when it listens.

        An event has the key "event". Raises NotRunningError.
        """
        reader, writer = await self._connect("follow", {})
        try:
            await reader.readline()
            begun()
            while line := await reader.readline():
                yield json.loads(line)
        except ConnectionError:
            return
        finally:
            writer.close()

    async def answers(self) -> bool:
        """Whether there is an engine."""
        try:
            await self.call("about")
        except NotRunningError:
            return False
        return True

    async def _connect(
        self, operation: str, arguments: dict[str, Any]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        card = read_card(data_folder(self.file))
        path = card.get("socket", "")
        try:
            if card.get("file") != str(self.file):
                raise FileNotFoundError
            reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_ANSWER)
        except (FileNotFoundError, ConnectionError):
            file = shown_path(self.file)
            raise NotRunningError(f"nothing runs for {file}: start it with `fuge up` or `fuge shell`") from None
        except PermissionError:
            raise FugeError(f"{path} belongs to somebody else: ask as the user who started it") from None
        writer.write(json.dumps({"operation": operation, "arguments": arguments}).encode() + b"\n")
        return reader, writer
