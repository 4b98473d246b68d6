"""What docs/security.md promises, as far as code alone can show it. Tests of running systems are named there."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuge.engine import debugging
from fuge.faces.ui import server as ui
from fuge.plan.system import TRACES_HOST, Service, System
from mu import http, tcp
from mu.transports.kafka import client as kafka_client
from mu.transports.rabbitmq import client as rabbitmq_client
from mu.transports.redis import client as redis_client
from workbook.course import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
STEPS = sorted((ROOT / "steps").glob("*/**/*.py"))
VIEWS = sorted((ROOT / "steps").glob("*/webapp/views/*.html"))
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
LISTEN = {"run_app", "TCPSite", "server"}  # calls that open a port: of aiohttp, and of mu's transports


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# Loopback ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [tcp.server, tcp.client, http.server, http.client, redis_client, rabbitmq_client])
def test_transport_is_at_loopback_unless_told_otherwise(kind: type) -> None:
    parameters = inspect.signature(kind).parameters
    assert parameters["host"].default in LOOPBACK


def test_kafka_has_no_place_of_its_own() -> None:
    assert "127.0.0.1" in str(inspect.signature(kafka_client)) or "localhost" in str(inspect.signature(kafka_client))


def test_fuge_puts_everything_on_loopback_unless_told_otherwise() -> None:
    system = System(Path("/fuge.yml"), {})
    assert {Service("x").host, system.dns_host, debugging.HOST, ui.HOST, TRACES_HOST} == {"127.0.0.1"}


def hosts(tree: ast.AST) -> Iterator[str]:
    """What a module says when its environment says nothing about a host."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any("HOST" in ast.unparse(target) for target in node.targets):
            value = node.value
            yield ast.literal_eval(value.args[1] if isinstance(value, ast.Call) else value)


def listening(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in LISTEN:
            yield node


@pytest.mark.parametrize("path", STEPS, ids=name_of)
def test_service_of_a_step_listens_on_loopback_unless_told_otherwise(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert set(hosts(tree)) <= LOOPBACK
    for call in listening(tree):
        named = {word.arg: ast.unparse(word.value) for word in call.keywords}
        place = named.get("host") or ast.unparse(call.args[1])
        assert place == "HOST", ast.unparse(call)


def test_some_service_was_looked_at() -> None:
    found = [call for path in STEPS for call in listening(ast.parse(path.read_text(encoding="utf-8")))]
    assert len(found) >= 15


# Templates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", VIEWS, ids=name_of)
def test_view_leaves_the_escaping_on_and_quotes_its_attributes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe|autoescape|Markup|xmlattr", text)
    assert not re.search(r"=\s*\{\{", text), "an attribute without quotes ends at the first space of its value"
    assert not re.search(r"<script\b[^>]*>[^<]*\{\{", text), "HTML's escapes mean nothing within a script"
    assert not re.search(r"\bon[a-z]+=", text), "nor within an event's attribute"
    dynamic = re.findall(r'\b(?:href|src|action)="[^"]*\{\{ *(\w+)[^"]*"', text)
    assert set(dynamic) <= {"path"}, "a link to what somebody has typed may be a javascript: one"


def test_no_step_switches_the_escaping_off() -> None:
    found = [name_of(path) for path in STEPS if re.search(r"autoescape|Markup\b", path.read_text(encoding="utf-8"))]
    assert found == []
    assert len(VIEWS) > 20


# The page ---------------------------------------------------------------------------------------------------------


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/.]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) >= 15
    for file, function in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert not function or re.search(rf"def {function}\(", text), f"{file}::{function}"


def test_the_page_is_one_page() -> None:
    assert len(PAGE.splitlines()) <= 100
