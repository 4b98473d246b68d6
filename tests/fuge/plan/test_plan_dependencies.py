"""depends_on: known names, and no circles."""

from collections.abc import Callable

import pytest

from fuge.plan.system import System

Faults = Callable[..., list[str]]


def services(**depends_on: str) -> str:
    return "".join(f"{name}:\n  type: process\n  run: x\n  depends_on: {other}\n" for name, other in depends_on.items())


def test_list_waits_until_ready_and_a_mapping_says_for_what(load: Callable[..., System]) -> None:
    system = load(services(a="[b, c]", b="{c: started, d: completed, e: ready}", c="[]", d="{}", e="[]"))
    assert [service.depends_on for service in system.services.values()] == [
        {"b": "ready", "c": "ready"},
        {"c": "started", "d": "completed", "e": "ready"},
        {},
        {},
        {},
    ]


FORMS = "a list of services or a mapping of services to started, ready or completed"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (services(a="b"), f"4:15 a.depends_on: expected {FORMS}, found 'b'"),
        (services(a="[1]"), "4:16 a.depends_on[0]: expected text, found 1; write it in quotes"),
        (services(a="{b: done}", b="[]"),
         "4:19 a.depends_on.b: expected started, ready or completed, found 'done'"),
        (services(a="{b: redy}", b="[]"),
         "4:19 a.depends_on.b: expected started, ready or completed, found 'redy'; did you mean 'ready'?"),
        (services(a="{b: }", b="[]"), "4:16 a.depends_on.b: expected started, ready or completed, found nothing"),
        (services(adder="[]", b="[adder, addre]"),
         "8:23 b.depends_on[1]: expected a service of this file, found 'addre'; did you mean 'adder'?"),
        (services(adder="[]", b="{addre: ready}"),
         "8:16 b.depends_on.addre: expected a service of this file, found 'addre'; did you mean 'adder'?"),
        (services(adder_service="[]", b="[adder]"),
         "8:16 b.depends_on[0]: expected a service of this file, found 'adder'; did you mean 'adder_service'?"),
        (services(a="[zzz]"), "4:16 a.depends_on[0]: expected a service of this file, found 'zzz'"),
        (services(a="[fuge_global]"), "4:16 a.depends_on[0]: expected a service of this file, found 'fuge_global'"),
        (services(a="[a]"), "4:16 a.depends_on[0]: expected another service, found the service itself"),
        (services(a="{a: ready}"), "4:16 a.depends_on.a: expected another service, found the service itself"),
        (services(a="[b]", b="[a]"), "8:16 b.depends_on[0]: expected no circle, found a -> b -> a"),
        (services(a="[b]", b="[c]", c="{b: started}"), "12:16 c.depends_on.b: expected no circle, found b -> c -> b"),
        (services(d="[]", a="[d, b]", b="[d, c]", c="[d, a]"),
         "16:19 c.depends_on[1]: expected no circle, found a -> b -> c -> a"),
    ],
)  # fmt: skip
def test_fault_of_a_dependency_has_its_place(faults: Faults, text: str, fault: str) -> None:
    assert faults(text) == [f"fuge.yml:{fault}"]


def test_each_circle_is_said(faults: Faults) -> None:
    assert faults(services(a="[b, c]", b="[a]", c="[a, d]", d="[c]")) == [
        "fuge.yml:8:16 b.depends_on[0]: expected no circle, found a -> b -> a",
        "fuge.yml:12:16 c.depends_on[0]: expected no circle, found a -> c -> a",
        "fuge.yml:16:16 d.depends_on[0]: expected no circle, found c -> d -> c",
    ]


def test_two_ways_to_one_service_are_no_circle(faults: Faults) -> None:
    assert faults(services(a="[b, c]", b="[d]", c="[d]", d="[]")) == []


def test_dependency_on_a_faulty_service_is_no_second_fault(faults: Faults) -> None:
    assert faults(services(a="[b]") + "b: 1\n") == ["fuge.yml:5:4 b: expected a mapping of settings, found 1"]
