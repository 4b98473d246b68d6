"""The words that commands take."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from fuge.errors import FugeError


class UsageError(FugeError):
    """The words of a command are not what it takes; the text says what it does."""

    exit_code = 2


class Parser(ArgumentParser):
    """Raises UsageError where argparse ends the program."""

    color = False  # Python 3.14 would put colours into texts that are parsed and compared here

    def error(self, message: str) -> Any:
        raise UsageError(f"{message}\n{self.format_usage().strip()}")


UNITS = {"ms": 0.001, "s": 1.0, "": 0.001}
NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
SERVICES = "a service, a group, a pattern such as 'adder*', or all"


def services(parser: ArgumentParser, optional: bool = False) -> None:
    count = "*" if optional else "+"
    parser.add_argument("services", nargs=count, metavar="SERVICE", help=SERVICES)


def some_services(parser: ArgumentParser) -> None:
    services(parser, optional=True)


def service(parser: ArgumentParser) -> None:
    parser.add_argument("service", metavar="SERVICE")


def count(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"expected a whole number, 0 or more, found {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """From 200ms, 1.5s, or a number of milliseconds."""
    match = re.fullmatch(rf"{NUMBER}(ms|s|)", text, re.ASCII)
    if match is None:
        raise ArgumentTypeError(f"expected a time such as 200ms or 1.5s, found {text!r}")
    return float(match[1]) * UNITS[match[2]]


def share(text: str) -> float:
    """From 30%, or 0.3."""
    match = re.fullmatch(rf"{NUMBER}(%|)", text, re.ASCII)
    found = float(match[1]) / (100 if match[2] else 1) if match else -1
    if not 0 <= found <= 1:
        raise ArgumentTypeError(f"expected a share such as 30%, from 0% to 100%, found {text!r}")
    return found


def nothing(parser: ArgumentParser) -> None:
    """Takes no words."""
