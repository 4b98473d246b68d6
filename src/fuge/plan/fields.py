"""The kinds of values in a fuge.yml, each with the words that say what was expected."""

import re
import shlex
import signal
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Strict,
    Tag,
    ValidationError,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from fuge.plan.faults import one_of
from fuge.plan.system import MOST_INSTANCES, Condition, RestartPolicy

EXPECTED = "expected"  # the type of all errors that a kind of value raises
TEXT, FLAG = "text", "true or false"
UNQUOTED = (FLAG, "a number", "a whole number", "a port from")
LIST, MAPPING = "<list>", "<mapping>"  # in an error's location, the form that was looked at
PORT_FORMS = "{0}PORT (1 to 65535), {0}PORT:CONTAINER_PORT or {0}auto"
NAME = r"[A-Za-z][A-Za-z0-9_-]*"
DOMAIN = r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)?"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
VOLUME = r"([^:]+:)?/[^:]*(:(ro|rw))?"
SIGNALS = [*signal.Signals.__members__, *(name.removeprefix("SIG") for name in signal.Signals.__members__)]


class Declared(NamedTuple):
    """A port as declared: `number` is None for `auto`, `target` is the port inside a container."""

    number: int | None
    target: int | None


def expect(text: str, known: Iterable[str] = (), advice: str = "") -> WrapValidator:
    """Says what was expected, in place of pydantic's own words; `known` are the words that are allowed."""
    context = {"expected": text, "known": list(known), "advice": advice}

    def check(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if any(detail["loc"] or detail["type"] == EXPECTED for detail in error.errors(include_url=False)):
                raise  # about an item, or said more exactly already
        raise PydanticCustomError(EXPECTED, "{expected}", context)

    return WrapValidator(check)


def words(kind: Any) -> WrapValidator:
    """For a Literal."""
    return expect(one_of(get_args(kind)), get_args(kind))


def matching(pattern: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError
        return value

    return AfterValidator(check)


def shape(value: object) -> str | None:
    return LIST if isinstance(value, list) else MAPPING if isinstance(value, dict) else None


def not_all(value: str) -> str:
    if value == "all":
        raise ValueError
    return value


def address(value: str) -> str:
    if ":" in value:
        IPv6Address(value)
    value.encode("idna")  # as it will be when it is looked up; raises a ValueError if that cannot be
    return value


def command(value: str) -> str:
    if not shlex.split(value):
        raise ValueError
    return value


def arguments(value: object) -> object:
    return shlex.split(value) if isinstance(value, str) else value


def expression(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as problem:
        expected = f"a regular expression ({problem})"
        raise PydanticCustomError(EXPECTED, "{expected}", {"expected": expected}) from None
    return value


def alone_or_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def node_is_a_process(value: object) -> object:
    if value == "node":
        context = {"expected": "process or container", "advice": "write 'process'"}
        raise PydanticCustomError(EXPECTED, "{expected}", context)
    return value


def signal_number(value: object) -> int:
    if value not in SIGNALS:
        raise ValueError
    return signal.Signals["SIG" + str(value).removeprefix("SIG")]


def scalar(value: object) -> object:
    if not isinstance(value, str | int | float):
        raise ValueError
    return value


def declared(value: object) -> Declared:
    """The right side of NAME=PORT."""
    match = re.fullmatch(r"(auto|[0-9]{1,5})(?::([0-9]{1,5}))?", str(value))
    if match is None or isinstance(value, bool):
        raise ValueError
    number, target = (int(text) if text and text != "auto" else None for text in match.groups())
    if not all(1 <= port <= 65535 for port in (number, target) if port is not None):
        raise ValueError
    return Declared(number, target)


def named_port(value: object) -> tuple[str, Declared]:
    match = re.fullmatch(f"({NAME})=(.*)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError
    return match[1], declared(match[2])


Flag = Annotated[bool, expect(FLAG)]
Text = Annotated[str, Field(min_length=1), expect(TEXT)]
TextOrEmpty = Annotated[str, expect(TEXT)]
Texts = Annotated[tuple[Text, ...], Strict(False), expect("a list of texts")]
Image = Annotated[Text, matching(r"[^\s:/][^\s]*"), expect("the name of an image, such as mongo or mongo:8")]
Volume = Annotated[
    str,
    matching(VOLUME),
    expect("NAME:/PATH or ./FOLDER:/PATH, where /PATH is one in the container, and perhaps :ro after it"),
]
Volumes = Annotated[tuple[Volume, ...], Strict(False), expect("a list of texts")]
Domain = Annotated[str, matching(DOMAIN), expect("a domain such as svc.cluster.local, or ''")]
Host = Annotated[str, matching(r"[^\s/\[\]]+"), AfterValidator(address), expect("a host name or an address")]
Group = Annotated[
    str, matching(NAME), AfterValidator(not_all), expect("a name of letters, digits, _ and -, other than all")
]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False), expect("a number of seconds, 0 or more")]
Duration = Annotated[float, Field(gt=0, allow_inf_nan=False), expect("a number of seconds, more than 0")]
Count = Annotated[int, Field(ge=0), expect("a whole number, 0 or more")]
Instances = Annotated[int, Field(ge=1, le=MOST_INSTANCES), expect(f"a whole number from 1 to {MOST_INSTANCES}")]
PortNumber = Annotated[int, Field(ge=1, le=65535), expect("a port from 1 to 65535")]
Command = Annotated[str, AfterValidator(command), expect("a command line, its quotes in pairs")]
Expression = Annotated[str, AfterValidator(expression), expect("a regular expression")]
UrlPath = Annotated[str, matching(r"/\S*"), expect("a path that begins with /")]
Policy = Annotated[RestartPolicy, words(RestartPolicy)]
Signal = Annotated[int, PlainValidator(signal_number), expect("a signal such as SIGTERM or SIGINT", SIGNALS)]
Kind = Annotated[
    Literal["process", "container"], BeforeValidator(node_is_a_process), words(Literal["process", "container"])
]

Arguments = Annotated[
    tuple[TextOrEmpty, ...],
    Strict(False),
    BeforeValidator(arguments),
    expect("a text with its quotes in pairs, or a list of texts"),
]
Files = Annotated[tuple[Text, ...], Strict(False), BeforeValidator(alone_or_list), expect("a file, or a list of files")]

Assignment = Annotated[str, matching(f"(?s:{VARIABLE}=.*)"), expect("NAME=VALUE")]
Variable = Annotated[str, matching(VARIABLE), expect("a name of letters, digits and _, not beginning with a digit")]
Scalar = Annotated[Any, PlainValidator(scalar), expect("text, a number, true or false ('' for an empty text)")]
Environment = Annotated[
    Annotated[list[Assignment], Tag(LIST)] | Annotated[dict[Variable, Scalar], Tag(MAPPING)],
    Discriminator(shape),
    expect("a list of NAME=VALUE or a mapping of names to values"),
]

PortName = Annotated[str, matching(NAME), expect("a port's name: a letter, then letters, digits, - and _")]
PortItem = Annotated[Any, PlainValidator(named_port), expect(PORT_FORMS.format("NAME="))]
PortValue = Annotated[Any, PlainValidator(declared), expect(PORT_FORMS.format(""))]
Ports = Annotated[
    Annotated[list[PortItem], Tag(LIST)] | Annotated[dict[PortName, PortValue], Tag(MAPPING)],
    Discriminator(shape),
    expect("a list of NAME=PORT or a mapping of names to ports"),
]

ConditionWord = Annotated[Condition, words(Condition)]
DependsOn = Annotated[
    Annotated[list[Text], Tag(LIST)] | Annotated[dict[Text, ConditionWord], Tag(MAPPING)],
    Discriminator(shape),
    expect("a list of services or a mapping of services to started, ready or completed"),
]
