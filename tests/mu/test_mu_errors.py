"""Errors, and how they cross the wire."""

from typing import Any

import pytest

from mu import errors
from mu.errors import MuError, NoRoute, Overloaded, ServiceError, TransportError, as_wire, from_wire, of_handler

NO_WORD = "the other side failed without a word"


def test_every_kind_crosses_the_wire_as_itself() -> None:
    for kind in errors.KINDS.values():
        error = kind("what happened", data={"a": 1}, extra={"code": "E1"}, retry_after=2.5)
        back = from_wire(as_wire(error))
        assert type(back) is kind
        assert (back.message, back.data, back.extra, back.retry_after) == (
            "what happened",
            {"a": 1},
            {"code": "E1"},
            2.5,
        )
        assert (back.status, back.sent, back.code) == (error.status, error.sent, error.code)
        assert back.remote
        assert not error.remote


def test_what_node_needs_to_live_is_there() -> None:
    wire = as_wire(ServiceError("bang"))
    assert wire["isBoom"] is True
    assert wire["message"] == "bang"
    assert wire["output"]["statusCode"] == 500
    assert wire["output"]["payload"]["message"] == "An internal server error occurred"
    assert wire["output"]["mu"]["code"] == 1
    assert wire["data"] is None
    assert "stack" not in wire


def test_the_text_of_an_unexpected_exception_goes_along_in_development_only() -> None:
    for error in (FileNotFoundError(2, "No such file", "/home/me/key.pem"), of_handler(KeyError("password"))):
        wire = as_wire(error)
        assert "/home/me" not in str(wire)
        assert "password" not in str(wire)
        kind = "FileNotFoundError" if isinstance(error, OSError) else "KeyError"
        assert wire["message"] == f"the handler failed by {kind}: the log of its service tells more"
        assert as_wire(error, dev=True)["message"] == str(error)


def test_a_chosen_status_arrives() -> None:
    wire = as_wire(ServiceError("nope", status=404, data=[1]))
    assert (wire["isServer"], wire["output"]["statusCode"]) == (False, 404)
    assert wire["output"]["payload"] == {"statusCode": 404, "error": "Not Found", "message": "nope"}


def test_the_stack_goes_along_in_development_only() -> None:
    with pytest.raises(ValueError, match="bang") as raised:
        raise ValueError("bang")
    assert "stack" not in as_wire(raised.value)
    assert "test_mu_errors.py" in as_wire(raised.value, dev=True)["stack"]
    assert "test_mu_errors.py" in str(from_wire(as_wire(raised.value, dev=True)).stack)


@pytest.mark.parametrize(
    ("err", "kind", "message"),
    [
        ("a string", ServiceError, "a string"),
        (5, ServiceError, "5"),
        ([], ServiceError, "[]"),
        ({}, ServiceError, NO_WORD),
        ({"message": "m"}, ServiceError, "m"),
        ({"message": {"a": 1}}, ServiceError, "{'a': 1}"),
        ({"output": "x"}, ServiceError, NO_WORD),
        ({"output": {"mu": {"code": 1, "message": "m"}}}, ServiceError, "m"),
        ({"output": {"mu": {"code": 2, "message": "m"}}}, NoRoute, "m"),
        ({"output": {"mu": {"code": 3, "message": "m"}}}, NoRoute, "m"),
        ({"output": {"mu": {"code": "3"}}}, ServiceError, NO_WORD),
        (
            {"output": {"mu": {"code": [1], "kind": ["x"]}, "statusCode": "500"}},
            ServiceError,
            NO_WORD,
        ),
        ({"output": {"mu": {"code": 3, "kind": "Unheard"}}}, TransportError, NO_WORD),
        (
            {"output": {"mu": {"code": 3, "kind": "Overloaded"}, "statusCode": 999}},
            Overloaded,
            NO_WORD,
        ),
    ],
)
def test_any_error_of_a_peer_becomes_an_exception(err: Any, kind: type[MuError], message: str) -> None:
    error = from_wire(err)
    assert type(error) is kind
    assert str(error) == message
    assert 400 <= error.status <= 599


@pytest.mark.parametrize("seconds", [-1, 1e300, 10**400, True, "1", [1]])
def test_a_rest_that_makes_no_sense_is_none(seconds: Any) -> None:
    assert from_wire({"output": {"mu": {"kind": "Overloaded", "retryAfter": seconds}}}).retry_after is None


def test_a_node_error_keeps_its_own_fields() -> None:
    error = from_wire(
        {"message": "bang", "code": "ECONNREFUSED", "extra": 5, "isBoom": True, "output": {}, "data": {"a": 1}}
    )
    assert error.extra == {"code": "ECONNREFUSED", "extra": 5}
    assert error.data == {"a": 1}


def test_retryable_is_what_nobody_ran() -> None:
    assert errors.ConnectFailed("x").retryable
    assert errors.Overloaded("x").retryable
    assert errors.CircuitOpen("x").retryable
    assert not errors.ConnectionLost("x").retryable
    assert errors.ConnectionLost("x", sent=False).retryable
    assert not errors.DeadlineExceeded("x").retryable
    assert not errors.NoRoute("x").retryable
    assert not ServiceError("x").retryable


def test_a_deadline_is_a_timeout_for_python_too() -> None:
    assert isinstance(errors.DeadlineExceeded("x"), TimeoutError)
