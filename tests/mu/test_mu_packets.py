"""Packets: what is built, what is let in, what is made good. Each rule by itself, without a wire."""

import math
import time
from typing import Any

import pytest
from mu_fakes import packet

from mu import packet as packets
from mu.errors import BadFrame, ServiceError


def request_with(**protocol: Any) -> dict[str, Any]:
    known = {"path": ["a"], "ttl": 5} | protocol
    return {"pattern": {"a": 1}, "protocol": {key: value for key, value in known.items() if value is not ...}}


# Let in -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], "a JSON object"),
        ("text", "a JSON object"),
        ({"pattern": {}}, "under 'protocol'"),
        ({"pattern": {}, "protocol": []}, "under 'protocol'"),
        ({"pattern": [], "protocol": {"path": ["a"]}}, "under 'pattern'"),
        ({"pattern": None, "protocol": {"path": ["a"]}}, "under 'pattern'"),
        (request_with(path=...), "names under 'protocol.path'"),
        (request_with(path="a"), "names under 'protocol.path'"),
        (request_with(path=[]), "names under 'protocol.path'"),
        (request_with(path=["a", 1]), "names under 'protocol.path'"),
        (request_with(path=[None]), "names under 'protocol.path'"),
        (request_with(path=["a"] * 101), "1 to 100 names under 'protocol.path'"),
    ],
)
def test_what_is_neither_request_nor_response_is_refused(found: Any, said: str) -> None:
    with pytest.raises(BadFrame, match=said):
        packets.is_request(found)


def test_request_and_response_are_told_apart() -> None:
    assert packets.is_request(request_with()) is True
    assert packets.is_request(request_with(path=["a"] * 100)) is True
    assert packets.is_request({"response": {}, "protocol": {}}) is False


@pytest.mark.parametrize(("ttl", "taken"), [(0, 0), (5, 5), ("5", 10), (5.0, 10), (True, 10), (..., 10)])
def test_ttl_that_is_none_is_made_good(ttl: Any, taken: int) -> None:
    found = request_with(ttl=ttl)
    packets.is_request(found)
    assert found["protocol"]["ttl"] == taken


@pytest.mark.parametrize(
    ("trace", "kept"),
    [([], True), (["a"] * 200, True), (["a"] * 201, False), ("a", False), (None, False), (..., False)],
)
def test_trace_that_is_none_is_dropped(trace: Any, kept: bool) -> None:
    found = request_with(trace=trace)
    packets.is_request(found)
    assert ("trace" in found["protocol"]) is kept


# Built ------------------------------------------------------------------------------------------------------------


def test_request_is_named_by_its_span_and_says_when_it_ends() -> None:
    parent = packets.new_traceparent()
    child = packets.request({"a": 1}, 7, 1.5, packets.new_traceparent(parent))
    protocol = child["protocol"]
    assert child["pattern"] == {"a": 1}
    assert (protocol["ttl"], protocol["deadline"]) == (7, 1500)
    assert protocol["path"] == [protocol["traceparent"][3:52]]
    assert packets.is_traceparent(protocol["traceparent"])
    assert protocol["traceparent"][:36] == parent[:36]
    assert protocol["traceparent"][36:52] != parent[36:52]
    assert protocol["traceparent"][52:] == parent[52:]


def test_traceparent_of_a_new_trace_is_that_of_no_other() -> None:
    found = {packets.new_traceparent() for _ in range(100)}
    assert len(found) == 100
    assert all(map(packets.is_traceparent, found))


TRACEPARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.mark.parametrize(
    "wrong",
    [
        *(None, 1, "", "00-", "00-" + "a" * 52, TRACEPARENT[:-1], TRACEPARENT + "0", TRACEPARENT.encode()),
        TRACEPARENT.replace("00-", "01-"),
        TRACEPARENT.replace("-b", "bb"),
        TRACEPARENT.replace("-01", "b01"),
    ],
)
def test_what_is_no_traceparent(wrong: Any) -> None:
    assert packets.is_traceparent(TRACEPARENT)
    assert not packets.is_traceparent(wrong)


@pytest.mark.parametrize("result", [1, -1, "x", True, [], {}, [0], {"a": None}, 0.5])
def test_result_that_is_true_in_javascript_is_the_response(result: Any) -> None:
    answer = packets.response(packet(), result)
    assert answer == {"err": None, "response": result, "protocol": packet()["protocol"]}
    assert packets.result_of(answer) == result


@pytest.mark.parametrize(
    ("result", "value"), [(0, 0), ("", ""), (False, False), (None, None), (math.nan, None), (math.inf, None)]
)
def test_result_that_is_false_in_javascript_comes_beside_it(result: Any, value: Any) -> None:
    answer = packets.response(packet(), result)
    assert answer == {"err": None, "response": {}, "value": value, "protocol": packet()["protocol"]}
    assert packets.result_of(answer) == value


def test_refusal_tells_the_stack_in_development_alone() -> None:
    def raised() -> ServiceError:
        try:
            raise ServiceError("no")
        except ServiceError as error:
            return error

    quiet, loud = packets.refusal(packet(), raised()), packets.refusal(packet(), raised(), dev=True)
    assert "test_mu_packets.py" not in str(quiet["err"])
    assert "test_mu_packets.py" in str(loud["err"])
    assert (quiet["response"], quiet["protocol"]) == ({}, packet()["protocol"])
    with pytest.raises(ServiceError, match="no"):
        packets.result_of(quiet)


# Readdressed ------------------------------------------------------------------------------------------------------


def test_all_but_the_protocol_is_handed_on_as_it_is() -> None:
    sent: Any = {**request_with(), "other": [1]}
    for changed in (packets.forward(sent, "me"), packets.relayed(sent), packets.due_in(1.0, sent)):
        assert (changed["pattern"], changed["other"]) == ({"a": 1}, [1])
    assert packets.forward(sent, "me", brief=True)["pattern"] == {"a": 1}
    answer: Any = {"err": None, "response": 1, "protocol": {"path": ["a", "b"]}}
    for brief in (False, True):
        changed = packets.backward({**answer}, "me", brief=brief)
        assert (changed["err"], changed["response"]) == (None, 1)


def test_forward_adds_the_way_back_and_what_node_has_to_be_told() -> None:
    sent = packets.forward(request_with(), "me")
    assert sent["protocol"] == {"path": ["a", "me"], "ttl": 5, "trace": ["a", "me"], "dst": "target", "src": "me"}
    assert packets.forward(request_with(trace=["x"]), "me")["protocol"]["trace"] == ["x", "me"]


def test_forward_to_python_is_brief_unless_a_trace_came_with_it() -> None:
    assert packets.forward(request_with(), "me", brief=True)["protocol"] == {"path": ["a", "me"], "ttl": 5}
    assert packets.forward(request_with(trace=["x"]), "me", brief=True)["protocol"]["trace"] == ["x", "me"]


def test_backward_takes_the_last_name_off() -> None:
    answer = {"err": None, "response": 1, "protocol": {"path": ["a", "b", "c"], "ttl": 5}}
    assert packets.backward({**answer}, "me")["protocol"] == {
        "path": ["a", "b"],
        "ttl": 5,
        "trace": ["a", "b", "c", "me"],
        "dst": "c",
        "src": "me",
    }
    assert packets.backward({**answer}, "me", brief=True)["protocol"] == {"path": ["a", "b"]}
    with_hops = {**answer, "protocol": {**answer["protocol"], "hops": [1]}}
    assert packets.backward(with_hops, "me", brief=True)["protocol"] == {"path": ["a", "b"], "hops": [1]}
    with_trace = {**answer, "protocol": {**answer["protocol"], "trace": ["x"]}}
    assert packets.backward(with_trace, "me")["protocol"]["trace"] == ["x", "me"]


def test_relayed_may_pass_one_process_less() -> None:
    before = request_with()
    assert packets.relayed(before)["protocol"] == {"path": ["a"], "ttl": 4}
    assert before["protocol"]["ttl"] == 5


def test_due_in_changes_the_deadline_alone() -> None:
    before = request_with(deadline=1)
    after = packets.due_in(2.0, before)
    left = after["protocol"].pop("deadline") / 1000 - time.time()
    assert 0 < left <= 2
    assert after["protocol"] == {"path": ["a"], "ttl": 5}
    assert before["protocol"]["deadline"] == 1


def test_key_is_the_way_back() -> None:
    assert packets.key_of(request_with(path=["a", "b"])) == ("a", "b")


def test_refusal_without_its_way_finds_nobody() -> None:
    refusal = packets.refusal(packet(), ServiceError("no"))
    assert packets.without_way(refusal) == {**refusal, "protocol": {"path": [""]}}
