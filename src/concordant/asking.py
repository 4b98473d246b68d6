"""One question to the servers; what goes wrong with it as one of this package's errors."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.resolver

from concordant import naming
from concordant.errors import (
    ConcordantError,
    NobodyAnswered,
    NoSuchName,
    NoSuchRecord,
    ServerFailed,
    ServerRefused,
)
from concordant.servers import Connected, Servers

AT_ONCE = 50  # questions, each of which takes a socket; an answer may lead to thousands of names
Failure = tuple[str, bool, int, object, object]  # dnspython's note: server, by TCP, port, error or rcode, response


@dataclass(frozen=True, slots=True)
class Question:
    """`kind` of record; `within`, for the errors: what kinds it is part of, such as `A or AAAA`, and what led here."""

    name: str
    kind: str
    within: str = ""
    led_by: str = ""

    def __str__(self) -> str:
        return f"{self.within or self.kind} records of {self.name.removesuffix('.')}{self.led_by}"


class Asker:
    """Asks the servers; all its questions together have `seconds`, of which some may be over already."""

    def __init__(self, servers: Servers, seconds: float, deadline: float) -> None:
        self.servers = servers
        self.seconds = seconds
        self.deadline = deadline
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def ask(self, question: Question) -> dns.resolver.Answer:
        """The first answer that a name of the search list gets. Raises the error that fits when there is none."""
        async with self._turns:
            return await self._ask(question)

    async def _ask(self, question: Question) -> dns.resolver.Answer:
        unknown: list[dns.resolver.NXDOMAIN] = []
        for name in self.servers.candidates(question.name):
            left = self.deadline - asyncio.get_running_loop().time()
            try:
                return await self._answer(name, question.kind, left)
            except dns.resolver.NXDOMAIN as error:
                unknown.append(error)
            except dns.exception.DNSException as error:
                explained = self._explained(error, question)
                if not (unknown and is_no_news(explained, question)):
                    raise explained from None
        start = f"expected {question}, but {self.servers.text}"
        raise NoSuchName(f"{start} knows no such name{tried(unknown)}: {advice_on_name(question)}")

    async def _answer(self, name: dns.name.Name, kind: str, seconds: float) -> dns.resolver.Answer:
        """What dnspython makes of it. Its `asyncio.wait_for` loses on Python 3.11 a cancellation that comes at the
        moment of the answer (python/cpython issue 86296), which is made up for here."""
        task = asyncio.current_task()
        assert task
        before = task.cancelling()
        try:
            return await self.servers.resolver.resolve(name, kind, lifetime=seconds, backend=Connected())
        finally:
            if task.cancelling() > before:
                raise asyncio.CancelledError

    def _explained(self, error: dns.exception.DNSException, question: Question) -> ConcordantError:
        start = f"expected {question}, but {self.servers.text}"
        match error:
            case dns.resolver.NoAnswer():
                return NoSuchRecord(f"{start} has none{alias(error)}: {advice_on_record(question)}")
            case dns.resolver.LifetimeTimeout():
                failures = told(error.kwargs.get("errors", ()))
                return NobodyAnswered(
                    f"{start} did not answer within {self.seconds:g} s{failures}: {self.servers.advice}"
                )
            case dns.resolver.NoNameservers():
                return self._of_servers(start, error.kwargs.get("errors", ()))
        return ServerFailed(f"{start} did not give an answer ({error}): see its log")

    def _of_servers(self, start: str, failures: Iterable[Failure]) -> ConcordantError:
        found = [failure[3] for failure in failures]
        if all(isinstance(each, OSError) for each in found):
            return NobodyAnswered(f"{start} cannot be reached{told(failures)}: {self.servers.advice}")
        if all(each == "REFUSED" for each in found):
            advice = "ask a server that answers for that name, or allow it this client"
            return ServerRefused(f"{start} does not want to answer{told(failures)}: {advice}")
        return ServerFailed(f"{start} failed to answer{told(failures)}: see its log, and try again")


def is_no_news(error: ConcordantError, question: Question) -> bool:
    """Whether a short name was asked for as it is, after all its places were known to lack it, of a server that
    answers for nothing else, or that can reach no top-level domain of that name."""
    is_bare = "." not in naming.without_port(question.name)
    return isinstance(error, ServerRefused) or (is_bare and not isinstance(error, NoSuchRecord))


def tried(unknown: list[dns.resolver.NXDOMAIN]) -> str:
    """The names that the search list made of a short one, or the name that an alias leads to."""
    names = [str(error.kwargs["qnames"][0]).removesuffix(".") for error in unknown]
    if len(names) > 1:
        return f" (tried {', '.join(names)})"
    canonical = str(unknown[0].canonical_name).removesuffix(".")
    return f" (it is an alias of {canonical}, which does not exist)" if canonical != names[0] else ""


def alias(error: dns.resolver.NoAnswer) -> str:
    response = error.kwargs["response"]
    canonical = response.resolve_chaining().canonical_name
    return f" (it is an alias of {str(canonical).removesuffix('.')})" if canonical != response.question[0].name else ""


def told(failures: Iterable[Failure]) -> str:
    """What each server did instead of answering, each thing once."""
    notes = dict.fromkeys(
        f"{server.removeprefix('Do53:').replace('@', ' port ')}{' by TCP' if tcp else ''}: {plain(found)}"
        for server, tcp, _, found, _ in failures
    )
    return f" ({'; '.join(notes)})" if notes else ""


def plain(found: object) -> str:
    """A note of dnspython in a few words, on one line: the code of an answer, or an error."""
    match found:
        case dns.exception.Timeout():
            return "no answer"
        case ConnectionRefusedError():
            return "nothing listens there"
        case OSError():
            return found.strerror or str(found)
    return " ".join(str(found).split()) or type(found).__name__  # some errors have a docstring as their text


def advice_on_name(question: Question) -> str:
    what = "port, service" if question.kind == "SRV" else "service"
    return f"check the names of {what}, namespace and suffix, and whether the service runs"


def advice_on_record(question: Question) -> str:
    if question.kind == "SRV":
        return "check the names of port and protocol, or ask for the name without them and give the port"
    if question.led_by:
        return "correct the zone, where an SRV record must lead to a name with addresses"
    return f"check the name, or ask for the port by its name, as in _main._tcp.{question.name.removesuffix('.')}"
