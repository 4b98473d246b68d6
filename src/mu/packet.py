"""Packets: what travels. The only place where one is built, checked or readdressed.

    request    {"pattern": {...}, "protocol": {...}}
    response   {"err": null or an error, "response": ..., "protocol": {...}}

`protocol.path` is the way back: whoever sends a request adds its name, whoever answers takes it off.
`protocol.trace` names all that a message has passed (none means: those of the path), `ttl` is how many processes may
still pass it on.
`protocol.deadline` says when its sender stops waiting, in milliseconds since 1970; a queue or another process may go by
it. `protocol.traceparent` is W3C Trace Context. Node's mu hands on both untouched.
"""

import math
import random
import time
from collections.abc import Mapping
from typing import Any, TypeGuard

from mu.errors import BadFrame, as_wire, from_wire
from mu.transport import Packet

LONGEST_PATH = 100  # names; each process that passes a message on adds one
NO_TRACE: list[str] = []
Key = tuple[str, ...]


def request(message: Mapping[str, Any], ttl: int, deadline: float, traceparent: str = "") -> Packet:
    """A new one, of a new trace unless told otherwise. `deadline`: in seconds since 1970.

    Its name is that of its span in its trace, which no other has.
    """
    traceparent = traceparent or new_traceparent()
    path = [traceparent[3:52]]
    protocol = {"path": path, "ttl": ttl, "deadline": int(deadline * 1000), "traceparent": traceparent}
    return {"pattern": dict(message), "protocol": protocol}


def response(request: Packet, result: Any) -> Packet:
    """The answer with a result. Node takes a packet without a "true" response for none at all, hence `value`."""
    if type(result) is float and not math.isfinite(result):  # JSON has no such number: null takes its place
        result = None
    if result or is_true_in_javascript(result):
        return {"err": None, "response": result, "protocol": request["protocol"]}
    return {"err": None, "response": {}, "value": result, "protocol": request["protocol"]}


def is_true_in_javascript(value: Any) -> bool:
    return isinstance(value, list | tuple | dict | set | frozenset | bytes)  # even if empty


def refusal(request: Packet, error: BaseException, *, dev: bool = False) -> Packet:
    return {"err": as_wire(error, dev=dev), "response": {}, "protocol": request["protocol"]}


def without_way(refusal: Packet) -> Packet:
    """A refusal that always fits, and finds nobody: it ends the message where it came in."""
    return {**refusal, "protocol": {"path": [""]}}


def result_of(response: Packet) -> Any:
    """Raises the MuError that the response carries."""
    err = response.get("err")
    if err is not None:
        raise from_wire(err)
    return response["value"] if "value" in response else response.get("response")


def forward(packet: Packet, muid: str, *, brief: bool = False) -> Packet:
    """A request as `muid` sends it. `brief`: to a Python peer, which knows what Node's mu has to be told."""
    protocol = packet["protocol"]
    path = protocol["path"]
    if brief and "trace" not in protocol:
        return {"pattern": packet["pattern"], "protocol": {**protocol, "path": [*path, muid]}}
    addressed = {
        **protocol,
        "path": [*path, muid],
        "trace": [*protocol.get("trace", path), muid],
        "dst": "target",
        "src": muid,
    }
    return {**packet, "protocol": addressed}


def backward(packet: Packet, muid: str, *, brief: bool = False) -> Packet:
    """A response as `muid` sends it; changes the packet, which is nobody else's, but not its protocol block."""
    protocol = packet["protocol"]
    path = protocol["path"]
    if brief:
        packet["protocol"] = {"path": path[:-1]}
        if "hops" in protocol:
            packet["protocol"]["hops"] = protocol["hops"]
        return packet
    packet["protocol"] = {
        **protocol,
        "path": path[:-1],
        "trace": [*protocol.get("trace", path), muid],
        "dst": path[-1],
        "src": muid,
    }
    return packet


def relayed(packet: Packet, traceparent: str | None = None) -> Packet:
    """A request that came in, as it goes out again: it may pass one process less. `traceparent`: where a span is."""
    protocol = {**packet["protocol"], "ttl": packet["protocol"]["ttl"] - 1}
    if traceparent is not None:
        protocol["traceparent"] = traceparent
    return {**packet, "protocol": protocol}


def due_in(seconds: float, packet: Packet) -> Packet:
    """The packet of someone who waits no longer than that from now."""
    deadline = int((time.time() + seconds) * 1000)
    return {**packet, "protocol": {**packet["protocol"], "deadline": deadline}}


def key_of(packet: Packet) -> Key:
    """What a request and its response have in common, at the process that waits: the way back from there."""
    return tuple(packet["protocol"]["path"])


def is_request(packet: Any) -> bool:
    """Whether it is one; False for a response. Completes what may be missing. Raises BadFrame if it is neither."""
    if type(packet) is not dict:
        raise BadFrame(f"expected a JSON object, found {packet!r:.60}")
    protocol = packet.get("protocol")
    if type(protocol) is not dict:
        raise BadFrame(f"expected an object under 'protocol', found {protocol!r:.60}")
    if "pattern" not in packet:
        return False
    if type(packet["pattern"]) is not dict:
        raise BadFrame(f"expected an object under 'pattern', found {packet['pattern']!r:.60}")
    path, trace = protocol.get("path"), protocol.get("trace", NO_TRACE)
    if type(path) is not list or not 0 < len(path) <= LONGEST_PATH or any_but_text(path):
        raise BadFrame(f"expected 1 to {LONGEST_PATH} names under 'protocol.path', found {path!r:.60}")
    if trace is not NO_TRACE and (type(trace) is not list or len(trace) > 2 * LONGEST_PATH):
        del protocol["trace"]
    if type(protocol.get("ttl")) is not int:
        protocol["ttl"] = 10
    return True


def any_but_text(names: list[Any]) -> bool:
    for name in names:  # noqa: SIM110 (`any(...)` takes three times as long, for each message)
        if type(name) is not str:
            return True
    return False


def new_traceparent(parent: str | None = None) -> str:
    """A W3C traceparent: of the same trace as the parent, or of a new one. https://www.w3.org/TR/trace-context/"""
    if parent is None:
        digits = random.randbytes(24).hex()
        return f"00-{digits[:32]}-{digits[32:]}-01"
    return f"{parent[:36]}{random.getrandbits(64):016x}{parent[52:]}"


def is_traceparent(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) == 55 and value.startswith("00-") and value[35] == value[52] == "-"
