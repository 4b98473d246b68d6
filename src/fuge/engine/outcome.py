"""What becomes of a service that is started or stopped, as plain data."""

from typing import NotRequired, TypedDict

from fuge.engine.running import Running
from fuge.engine.wording import addresses
from fuge.errors import FugeError, NoEngineError, NotReadyError


class Outcome(TypedDict):
    """What became of an instance.

    `service` is its name, `status` and `reason` are those of `ps`, `addresses` say where it is reached. One that is
    not `ok` has a `text` that says why, and the `exit_code` of a command that fails so.
    """

    service: str
    status: str
    addresses: list[str]
    reason: str
    ok: bool
    text: NotRequired[str]
    exit_code: NotRequired[int]


def of(running: Running, problem: FugeError | None = None) -> Outcome:
    service = running.service
    said = Outcome(
        service=service.name,
        status=running.state,
        addresses=addresses(service),
        reason=running.reason,
        ok=problem is None,
    )
    if problem:
        said["text"], said["exit_code"] = str(problem), problem.exit_code
    return said


async def settled(running: Running) -> Outcome:
    """The same when its start has come to an end, good or bad."""
    try:
        await running.settled()
    except (NotReadyError, NoEngineError) as problem:
        return of(running, problem)
    return of(running)
