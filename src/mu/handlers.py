"""Handlers: the functions that messages end at, and what they may know of the message besides its content."""

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mu.packet import is_traceparent
from mu.transport import Packet

Function = Callable[..., Any]


class Context:
    """The message that is being handled. `deadline`: when its sender stops waiting, by the event loop's clock."""

    __slots__ = ("deadline", "packet")

    def __init__(self, packet: Packet, deadline: float) -> None:
        self.packet, self.deadline = packet, deadline

    @property
    def id(self) -> str:
        """The message's own name: the same wherever it passes, and when a queue delivers it twice."""
        return str(self.packet["protocol"]["path"][0])

    @property
    def remaining(self) -> float:
        """Seconds until the deadline; 0 when it has passed."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    @property
    def trace(self) -> list[str]:
        """The names of all that the message has passed on its way here."""
        protocol = self.packet["protocol"]
        return list(protocol.get("trace", protocol["path"]))

    @property
    def traceparent(self) -> str | None:
        """W3C Trace Context of the message, for logs and other systems; None if a peer sent none."""
        value = self.packet["protocol"].get("traceparent")
        return value if is_traceparent(value) else None


current: contextvars.ContextVar[Context | None] = contextvars.ContextVar("current", default=None)
"""The message that the running task handles; what it sends in turn has the same trace and no later deadline."""


class Handler:
    """A function, async or plain, `f(args)` or `f(args, ctx)`; with `thread`, a plain one that may take its time."""

    def __init__(self, function: Function, *, thread: bool, pool: Callable[[], ThreadPoolExecutor]) -> None:
        if not callable(function):
            raise ValueError(f"expected a function as handler, found {function!r}")
        if thread and inspect.iscoroutinefunction(function):
            raise ValueError(f"thread=True is for plain functions, and {name_of(function)} is async")
        self.function, self.thread = function, thread
        self.takes_context = takes_context(function)
        self.waits = inspect.iscoroutinefunction(function)  # what others return is looked at each time
        self._pool = pool

    def call(self, args: dict[str, Any], context: Context) -> Any:
        """The result, or an awaitable of it."""
        if self.thread:
            return self._in_thread(args, context)
        return self.function(args, context) if self.takes_context else self.function(args)

    def _in_thread(self, args: dict[str, Any], context: Context) -> Awaitable[Any]:
        arguments = (args, context) if self.takes_context else (args,)
        call = functools.partial(contextvars.copy_context().run, self.function, *arguments)
        return asyncio.get_running_loop().run_in_executor(self._pool(), call)

    def __str__(self) -> str:
        return name_of(self.function) + (" in a thread" if self.thread else "")


def takes_context(function: Function) -> bool:
    """Whether it is `f(args, ctx)`. Raises ValueError if it is neither that nor `f(args)`."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a function in C that does not tell
        return False
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    required = [each for each in positional if each.default is each.empty]
    needs_names = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.default is each.empty]
    anything = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    if needs_names or len(required) > 2 or not (positional or anything):
        raise ValueError(
            f"expected a handler f(args) or f(args, ctx), found {name_of(function)}{inspect.signature(function)}"
        )
    return len(required) == 2 or any(each.name == "ctx" for each in positional[1:2])


def name_of(function: Function) -> str:
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    module = getattr(function, "__module__", None)
    return f"{module}.{name}" if module and module != "__main__" else str(name)
