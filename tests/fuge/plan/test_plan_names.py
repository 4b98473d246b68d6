"""What services may be called."""

from collections.abc import Callable

import pytest

Faults = Callable[..., list[str]]
NAME = "a service's name: a letter, then letters, digits, - and _"
ENTRY = "{type: process, run: x}"


@pytest.mark.parametrize("name", ["a", "A", "a1", "a_b", "a-b", "a-", "services", "dns2", "alls", "default2"])
def test_name_of_letters_digits_and_dashes_is_taken(faults: Faults, name: str) -> None:
    assert faults(f"{name}: {ENTRY}\n") == []


@pytest.mark.parametrize("name", ["1a", "_a", "-a", "a.b", "a b", "ä", "a/b", "''"])
def test_other_names_are_refused(faults: Faults, name: str) -> None:
    [fault] = faults(f"ok: {ENTRY}\n{name}: {ENTRY}\n")
    shown = name.strip("'")
    assert fault == f"fuge.yml:2:1 {shown}".rstrip() + f": expected {NAME}, found '{shown}'"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("service", "'service', which would hide SERVICE_PORT, which tells each service its own port"),
        ("SERVICE", "'SERVICE', which would hide SERVICE_PORT, which tells each service its own port"),
        ("dns", "'dns', which would hide DNS_PORT, which tells services where to ask"),
    ],
)
def test_name_that_hides_a_variable_is_refused(faults: Faults, name: str, found: str) -> None:
    assert faults(f"{name}: {ENTRY}\n") == [f"fuge.yml:1:1 {name}: expected another name, found {found}"]


def test_all_is_no_name(faults: Faults) -> None:
    assert faults(f"all: {ENTRY}\n") == [
        "fuge.yml:1:1 all: expected another name ('all' stands for all services), found 'all'"
    ]


@pytest.mark.parametrize(("first", "second"), [("a-b", "a_b"), ("a_b", "A_B"), ("Web", "web")])
def test_two_names_with_the_same_variables_are_refused(faults: Faults, first: str, second: str) -> None:
    prefix = first.upper().replace("-", "_")
    assert faults(f"{first}: {ENTRY}\nc: {ENTRY}\n{second}: {ENTRY}\n") == [
        f"fuge.yml:3:1 {second}: expected another name, found '{second}', whose variables {prefix}_... are those of "
        f"'{first}' (fuge.yml:1:1) as well"
    ]


def test_name_whose_port_is_anothers_service_port_is_refused(faults: Faults) -> None:
    text = "a_service: {type: process, run: x, ports: [main=1]}\na: {type: process, run: x, ports: [main=2]}\n"
    assert faults(text) == [
        "fuge.yml:1:1 a_service: expected another name, found 'a_service', whose A_SERVICE_PORT hides that of 'a'"
    ]
    assert faults(text.replace("main=2", "")) == []


@pytest.mark.parametrize("group", ["stores", "default"])
def test_name_that_is_the_group_of_others_is_refused(faults: Faults, group: str) -> None:
    text = f"mongo: {{type: process, run: x, group: {group}}}\n{group}: {{type: process, run: x, group: more}}\n"
    assert faults(text) == [
        f"fuge.yml:2:1 {group}: expected another name, found '{group}', which is the group of 'mongo' as well"
    ]


def test_name_that_is_the_global_group_is_refused(faults: Faults) -> None:
    assert faults(f"fuge_global: {{group: a}}\na: {ENTRY}\nb: {ENTRY}\n") == [
        "fuge.yml:2:1 a: expected another name, found 'a', which is the group of 'b' as well"
    ]


def test_name_may_be_its_own_group(faults: Faults) -> None:
    assert faults("a: {type: process, run: x, group: a}\n") == []
