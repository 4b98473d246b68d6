"""${NAME} in the texts of a fuge.yml."""

from collections.abc import Callable
from typing import Any

import pytest

from fuge.plan.interpolation import expand

ENVIRONMENT = {"A": "x", "EMPTY": "", "REFERENCE": "${A}"}


def found(text: str) -> tuple[str, list[tuple[str, str]]]:
    complaints: list[tuple[str, str]] = []
    return expand(text, ENVIRONMENT, lambda *said: complaints.append(said)), complaints


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${A}", "x"),
        ("-${A}-${A}-", "-x-x-"),
        ("${EMPTY}", ""),
        ("${A:-d}", "x"),
        ("${A-d}", "x"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${NONE:-d e}", "d e"),
        ("${NONE-d}", "d"),
        ("${NONE:-}", ""),
        ("${NONE:-http://h:1/?a=b$}", "http://h:1/?a=b$"),
        ("${REFERENCE}", "${A}"),
        ("$A", "$A"),
        ("$", "$"),
        ("^a$", "^a$"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$x"),
        ("$$$$", "$$"),
        ("{A}", "{A}"),
    ],
)
def test_references_are_replaced(text: str, expanded: str) -> None:
    assert found(text) == (expanded, [])


@pytest.mark.parametrize("text", ["${}", "${A:+x}", "${A:x}", "${ A}", "${1A}", "${A-B", "${A", "${NONE:-${A"])
def test_broken_reference_is_complained_of(text: str) -> None:
    expected = "${NAME}, ${NAME:-default} or ${NAME-default} ($$ for a dollar sign)"
    assert found(text) == (text, [(expected, repr(text))])


def test_default_holds_no_reference() -> None:
    assert found("${NONE:-${A}}") == (
        "${NONE:-${A}}",
        [("${NAME}, ${NAME:-default} or ${NAME-default} ($$ for a dollar sign)", "'${NONE:-${A}'")],
    )


def test_unset_name_is_complained_of_and_left() -> None:
    assert found("${NONE}-${A}") == ("${NONE}-x", [("${NONE} to be set, or a default ${NONE:-...}", "neither")])


SYSTEM = """
fuge_global:
  dns_port: ${P:-53053}
  dns_namespace: ${EMPTY:-}
  tail: ${TAIL:-false}
a:
  type: process
  run: "python ${FILE:-service.py}"
  ports: ["main=${P:-8080}"]
  environment:
    PRICE: $$5
    LEADING: ${ZEROS:-007}
"""


def test_replaced_scalar_has_yamls_type_again(load: Callable[..., Any]) -> None:
    system = load(SYSTEM)
    service = system.services["a"]
    assert (system.dns_port, system.dns_namespace, service.tail) == (53053, "", False)
    assert (service.run, service.ports[0].number) == ("python service.py", 8080)
    assert service.environment == {"PRICE": "$5", "LEADING": "007"}
    assert load(SYSTEM, {"P": "9000", "TAIL": "true"}).dns_port == 9000


def test_quoted_scalar_stays_text(faults: Callable[..., list[str]]) -> None:
    assert faults("fuge_global: {dns_port: '${P}'}\na: {type: process, run: x}\n", {"P": "53"}) == [
        "fuge.yml:1:25 fuge_global.dns_port: expected a port from 1 to 65535, found '53'; write it without quotes"
    ]


def test_keys_are_not_replaced(faults: Callable[..., list[str]]) -> None:
    assert faults("${A}: {type: process, run: x}\n", ENVIRONMENT) == [
        "fuge.yml:1:1 ${A}: expected a service's name: a letter, then letters, digits, - and _, found '${A}'"
    ]


def test_unset_name_is_the_only_fault_at_its_place(faults: Callable[..., list[str]]) -> None:
    text = "a:\n  type: ${T}\n  run: x\n  ports:\n    - main=${P}\n  max_restarts: ${N}\n  args: ${1}\n"
    assert faults(text) == [
        "fuge.yml:2:9 a.type: expected ${T} to be set, or a default ${T:-...}, found neither",
        "fuge.yml:5:7 a.ports[0]: expected ${P} to be set, or a default ${P:-...}, found neither",
        "fuge.yml:6:17 a.max_restarts: expected ${N} to be set, or a default ${N:-...}, found neither",
        "fuge.yml:7:9 a.args: expected ${NAME}, ${NAME:-default} or ${NAME-default} ($$ for a dollar sign), "
        "found '${1}'",
    ]
