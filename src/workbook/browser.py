"""A small text browser: sends a request, and shows a page as its words, fields and buttons."""

import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from html.parser import HTMLParser
from http import HTTPStatus
from urllib.parse import urlencode

from workbook.errors import WorkbookError

DEADLINE = 10  # seconds
asked_at = 0.0  # when the latest request was sent, in seconds since the epoch


class NoAnswer(WorkbookError):
    """Nobody answered; `reason` is the operating system's word for it."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no answer from {url}: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    text: str

    @property
    def is_page(self) -> bool:
        return self.headers.get_content_type() == "text/html"

    @property
    def shown(self) -> str:
        """The body; of an HTML page, what can be read in it."""
        return as_text(self.text) if self.is_page else self.text

    def __str__(self) -> str:
        return f"{self.status} {HTTPStatus(self.status).phrase}\n{self.shown}"


def request(
    method: str, url: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """Send one request; `fields` are sent as a form. An error status is an answer like any other.

    Raises NoAnswer when there is none within the deadline.
    """
    global asked_at
    data = urlencode(fields).encode() if fields is not None else None
    message = urllib.request.Request(url, data, headers or {}, method=method)  # noqa: S310 - http, by `System.url`
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # our services are on this machine
    asked_at = time.time()
    try:
        with opener.open(message, timeout=DEADLINE) as answer:
            return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as answer:
        with answer:
            return Answer(answer.code, answer.headers, answer.read().decode(errors="replace"))
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise NoAnswer(url, getattr(reason, "strerror", None) or str(reason)) from None


def as_text(html: str) -> str:
    """The page's main part: a line for each block, | between cells, [value] for a field, [[name]] for a button."""
    reader = _Reader()
    reader.feed(html)
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    BLOCKS = frozenset({"h1", "h2", "p", "form", "table", "tr", "ul", "li", "button"})
    CELLS = frozenset({"td", "th"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.in_main = False
        self.is_first_cell = True

    def handle_starttag(self, tag: str, attributes: Sequence[tuple[str, str | None]]) -> None:
        if tag == "main":
            self.in_main = True
        if tag in self.BLOCKS:
            self.parts.append("\n")
        if tag in self.CELLS:
            self.parts.append("" if self.is_first_cell else " | ")
            self.is_first_cell = False
        if tag == "tr":
            self.is_first_cell = True
        if tag == "button":
            self.parts.append("[[")
        if tag == "input":
            self.parts.append(f" [{dict(attributes).get('value') or ''}]")

    def handle_endtag(self, tag: str) -> None:
        if tag == "main":
            self.in_main = False
        if tag == "button":
            self.parts.append("]]")
        if tag in self.BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self.in_main:
            self.parts.append(data.replace("\n", " "))
