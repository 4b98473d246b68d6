"""The words that commands take."""

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


def nothing(parser: ArgumentParser) -> None:
    """Takes no words."""
