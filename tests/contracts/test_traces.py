"""What one click sets in motion is one trace, in whichever processes."""

import json

from helpers import wait_until
from system_traces import add, failed_spans, has_gone_all_the_way, spans

from workbook.system import System

NEEDS = "traces"


def test_addition_is_one_trace_through_all_that_it_reaches(system: System) -> None:
    assert add(system, "1", "1") == 200  # with the first one, a database makes its collections
    assert wait_until(lambda: has_gone_all_the_way(system)), spans(system, "--service=webapp")
    assert add(system, "19", "23") == 200
    assert wait_until(lambda: has_gone_all_the_way(system)), spans(system, "--service=webapp")


def test_addition_that_is_refused_is_a_trace_with_an_error(system: System) -> None:
    assert add(system, "one", "2") == 400
    assert wait_until(lambda: len(failed_spans(system)) > 1)
    failed = failed_spans(system)
    assert [(span["service"], span["attributes"]["error.type"]) for span in failed] == [
        ("webapp", "ServiceError"),
        ("adder_service", "ServiceError"),
    ]
    assert "one" not in json.dumps(failed)  # what a visitor has typed is nobody else's business
