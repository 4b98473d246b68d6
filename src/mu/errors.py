"""What can go wrong with a message: one exception for each way, and how each travels between processes.

On the wire an error has the shape that Node's mu expects (a "boom" object). Its code says whose fault it was:
1 the handler's, 2 mu's own, 3 the transport's.
"""

import traceback
from http import HTTPStatus
from typing import Any


class MuError(Exception):
    """A message came to nothing. All that `dispatch` raises is one of its subclasses.

    `message`: what was expected, what was found, what to do.
    `sent`: whether the message may have been handled; False says that nobody has run it.
    `status`: the HTTP status that fits, for a web front end to answer with.
    `data`: what the other side added, any JSON; `extra`: other fields of its error, such as a Node error's `code`.
    `remote`: whether another process reported it; `stack`: where it happened there, if that process tells.
    `temporary`: whether the same message may well succeed a moment later; `retry_after`: in how many seconds at the
    earliest, if something knows. `code`: 1 the handler's fault, 2 mu's own, 3 the transport's.
    """

    code = 99
    default_status = 500
    default_sent = True
    temporary = False  # whether the same message may well succeed a moment later

    def __init__(
        self,
        message: str,
        *,
        sent: bool | None = None,
        status: int | None = None,
        data: Any = None,
        extra: dict[str, Any] | None = None,
        remote: bool = False,
        stack: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sent = self.default_sent if sent is None else sent
        self.status = status or self.default_status
        self.data = data
        self.extra = extra or {}
        self.remote = remote
        self.stack = stack
        self.retry_after = retry_after  # seconds, when something knows that it makes no sense before
        self.unexpected = ""  # the exception of a handler that this is, and whose text nobody meant for others

    @property
    def retryable(self) -> bool:
        """Whether to try again is safe, since nobody has run the message, and may help."""
        return self.temporary and not self.sent

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class ServiceError(MuError):
    """The handler failed: it raised this, or any other exception. A handler raises it to choose status and data."""

    code = 1


class FrameworkError(MuError):
    """The message could not be routed or written."""

    code = 2


class TransportError(MuError):
    """The message did not get to a handler and back."""

    code = 3
    default_status = 502


class NoRoute(TransportError):
    """No pattern fits the message, here or in the process that it was sent to."""

    default_status = 404
    default_sent = False


class ConnectFailed(TransportError):
    """There is nobody at the address, or it did not answer in time."""

    default_sent = False
    temporary = True


class ConnectionLost(TransportError):
    """The connection ended before the answer; the message may have been handled."""

    temporary = True


class DeadlineExceeded(TransportError, TimeoutError):
    """The time allowed for the message is over; it may have been handled, or may still be."""

    default_status = 504
    temporary = True


class CircuitOpen(TransportError):
    """A breaker lets no message through for now, since the ones before failed."""

    default_status = 503
    default_sent = False
    temporary = True


class Overloaded(TransportError):
    """Too many messages are under way already; this one was turned away unhandled."""

    default_status = 503
    default_sent = False
    temporary = True


class Closed(TransportError):
    """This process, or the other one, is shutting down and takes no new messages."""

    default_status = 503
    default_sent = False
    temporary = True


class TTLExpired(TransportError):
    """The message went from process to process too often: the routes of some of them form a circle."""

    default_status = 508
    default_sent = False


class BadFrame(TransportError):
    """What came over the connection is not a message."""


class FrameTooLarge(TransportError):
    """A message is larger than this side, or the other one, accepts."""

    default_status = 413
    default_sent = False


class Unencodable(FrameworkError):
    """A message or a result holds something that JSON cannot hold."""

    default_sent = False


KINDS: dict[str, type[MuError]] = {
    kind.__name__: kind
    for kind in (
        *(NoRoute, ConnectFailed, ConnectionLost, DeadlineExceeded, CircuitOpen, Overloaded, Closed, TTLExpired),
        *(BadFrame, FrameTooLarge, Unencodable, ServiceError, FrameworkError, TransportError),
    )
}
GENERAL = {1: ServiceError, 2: FrameworkError, 3: TransportError}
UNEXPECTED = "the handler failed by {}: the log of its service tells more"
LONGEST_REST = 86_400.0  # seconds; what tells to wait for longer tells nothing
TITLES = {1: "service error", 2: "framework error", 3: "transport error", 99: "unknown error"}


def as_wire(error: BaseException, *, dev: bool = False) -> dict[str, Any]:
    """The error as other processes get it: a boom object.

    Its stack goes along only with `dev`, and so does the text of an exception that nobody raised for others to read: it
    may hold a path, or a secret.
    """
    mine = error if isinstance(error, MuError) else None
    code, status = (mine.code, mine.status) if mine else (1, 500)
    unexpected = mine.unexpected if mine else type(error).__name__
    message = UNEXPECTED.format(unexpected) if unexpected and not dev else text_of(error)
    wire: dict[str, Any] = {
        **(mine.extra if mine else {}),
        "message": message,
        "isBoom": True,
        "isServer": status >= 500,
        "isMu": True,
        "data": mine.data if mine else None,
        "output": {
            "statusCode": status,
            "payload": {
                "statusCode": status,
                "error": phrase(status),
                "message": message if status < 500 else "An internal server error occurred",
            },
            "headers": {},
            "mu": {"code": code, "error": TITLES[code], "message": message, "kind": type(mine or error).__name__},
        },
    }
    if mine:
        wire["output"]["mu"]["sent"] = mine.sent
    if mine and mine.retry_after is not None:
        wire["output"]["mu"]["retryAfter"] = mine.retry_after
    if dev:
        wire["stack"] = (mine.stack if mine else None) or "".join(traceback.format_exception(error))
    return wire


def of_handler(error: Exception) -> ServiceError:
    """What a handler raised, as its caller gets it. Whatever failed further on, this handler has run."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, MuError):
        text = f"{type(error).__name__}: {error}"
        return ServiceError(text, status=error.status, data=error.data, extra=error.extra)
    made = ServiceError(text_of(error))
    made.unexpected = type(error).__name__
    return made


def text_of(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # it is the handler's class, and may have any fault
        return type(error).__name__


OURS = {"message", "isBoom", "isServer", "isMu", "data", "output", "stack", "name"}


def from_wire(err: Any) -> MuError:
    """The exception for another process's error; never fails, whatever that process sent."""
    if not isinstance(err, dict):
        return ServiceError(str(err), remote=True)
    output = as_dict(err.get("output"))
    mu = as_dict(output.get("mu"))
    kind, code = mu.get("kind"), mu.get("code")
    general = GENERAL.get(code, ServiceError) if isinstance(code, int) else ServiceError
    found = KINDS.get(kind, general) if isinstance(kind, str) else general
    if not isinstance(kind, str) and found in (FrameworkError, TransportError):
        found = NoRoute  # all that Node's mu itself says by these codes: 2 in newer versions, 3 in older ones
    sent = mu.get("sent")
    status, retry_after, stack = output.get("statusCode"), mu.get("retryAfter"), err.get("stack")
    message = err.get("message") or mu.get("message") or "the other side failed without a word"
    return found(
        str(message),
        sent=sent if isinstance(sent, bool) else None,
        status=status if type(status) is int and 400 <= status <= 599 else None,
        data=err.get("data"),
        extra={key: value for key, value in err.items() if key not in OURS},
        remote=True,
        stack=stack if isinstance(stack, str) else None,
        retry_after=retry_after if is_rest(retry_after) else None,
    )


def is_rest(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= LONGEST_REST


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
