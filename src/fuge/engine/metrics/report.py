"""What metrics tell of services, as plain data: the routes of mu with how they do, and all series as they are."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fuge.engine.metrics.point import Key, Plain
from fuge.engine.metrics.quantiles import quantile
from fuge.engine.metrics.series import Series

ROUTES = "mu.routes"
CALLS = ("rpc.client.call.duration", "rpc.server.call.duration")
PENDING, LOST, LAG = "mu.messages.pending", "mu.messages.lost", "mu.loop.lag"
OF_ADAPTERS = {
    "mu.breaker.state": "breaker",
    "mu.outbox.messages": "outbox",
    "mu.shed.messages": "shed",
    "mu.dns.endpoints": "endpoints",
}
BREAKER = ("closed", "half open", "open")
NOTHING = {"waiting": 0, "handling": 0, "sending": 0, "lost": 0, "lag": 0}
UNITS = {"s": 1.0, "ms": 0.001}  # of durations, in seconds
Row = dict[str, Any]


def report(series: Iterable[Series], now: float) -> list[Row]:
    """A dictionary for each instance of a service, with

    "service" and "instance" ("" if it did not say);
    "age": seconds since it was heard of;
    "mus": for each of its Mus "at" (its name), how many messages are "waiting" (for an answer), "handling" and
    "sending", how many were "lost", and the worst "lag" of the event loop (seconds);
    "routes": for each route of these "at", "kind", "pattern", "target", "adapters", and the figures of `figures`;
    "durations": of all else that is timed the "name", "attributes", and the same figures;
    "series": all that there is, with "name", "attributes", "unit", "kind", "value", and "rate": its growth a second.
    """
    senders: dict[tuple[str, str], list[Series]] = {}
    for each in series:
        senders.setdefault(each.last.key[:2], []).append(each)
    return [instance(*sender, found, now) for sender, found in senders.items()]


def instance(service: str, name: str, found: Sequence[Series], now: float) -> Row:
    others = [each for each in found if is_timed(each) and each.last.key.name not in CALLS]
    return {
        "service": service,
        "instance": name,
        "age": now - max(each.heard for each in found),
        "mus": mus(found),
        "routes": list(routes(found, now)),
        "durations": [named(each.last.key) | figures([each], now) for each in others],
        "series": [one(each, now) for each in found],
    }


def is_timed(series: Series) -> bool:
    return series.last.kind == "histogram" and series.last.unit in UNITS


def mus(found: Iterable[Series]) -> list[Row]:
    known: dict[Plain, Row] = {}
    for key, value in ((each.last.key, each.last.value) for each in found):
        told = dict(key.attributes)
        word = {LOST: "lost", LAG: "lag", PENDING: told.get("mu.state")}.get(key.name)
        if word in NOTHING:
            row = known.setdefault(at := told.get("mu.at", ""), {"at": at, **NOTHING})
            row[str(word)] = finite(value)
    return list(known.values())


def routes(found: Iterable[Series], now: float) -> Iterator[Row]:
    known, about = list[dict[str, Plain]](), dict[tuple[Plain, Plain], list[Series]]()
    for each in found:
        told = dict(each.last.key.attributes)
        if each.last.key.name == ROUTES:
            known.append(told)
        elif each.last.key.name in OF_ADAPTERS or (each.last.key.name in CALLS and is_timed(each)):
            about.setdefault(place(told), []).append(each)
    for told in known:
        own = about.get(place(told), []) if told.get("mu.kind") != "inbound" else []
        adapters = [each.last for each in own if each.last.key.name in OF_ADAPTERS]
        yield {
            "at": told.get("mu.at", ""),
            "kind": told.get("mu.kind", ""),
            "pattern": told.get("rpc.method", ""),
            "target": told.get("mu.target", ""),
            "adapters": [adapter(each.key, each.value) for each in adapters],
            **figures([each for each in own if each.last.key.name in CALLS], now),
        }


def place(told: Mapping[str, Plain]) -> tuple[Plain, Plain]:
    return told.get("mu.at", ""), told.get("rpc.method", "")


def adapter(key: Key, value: float) -> Row:
    """Of a breaker its state as "closed", "half open" or "open", of others how many messages or endpoints."""
    name, is_state = OF_ADAPTERS[key.name], value in range(len(BREAKER))
    state = BREAKER[int(value)] if name == "breaker" and is_state else finite(value)
    return {"name": name, "target": dict(key.attributes).get("mu.target", ""), "state": state}


def figures(timed: Sequence[Series], now: float) -> Row:
    """Of all these durations together: how many "calls" there were, and of them "errors", since the beginning,

    "rate" and "error_rate": how many a second, lately; "p50" and "p99": what half of them, and all but one in a
    hundred, took at most (seconds), lately, or if nothing came lately since the beginning. None where it is not known.
    """
    failed = [each for each in timed if "error.type" in dict(each.last.key.attributes)]
    lately = rate(timed, now)
    return {
        "calls": sum(each.last.times for each in timed),
        "errors": sum(each.last.times for each in failed),
        "rate": lately,
        "error_rate": None if lately is None else rate(failed, now) or 0.0,
        "p50": share(0.5, timed, now),
        "p99": share(0.99, timed, now),
    }


def rate(timed: Sequence[Series], now: float) -> float | None:
    recent = [found for each in timed if (found := each.recent(now))]
    return sum(each.times / each.seconds for each in recent) if recent else None


def share(part: float, timed: Sequence[Series], now: float) -> float | None:
    """Of those with the same bounds as the first."""
    if not timed:
        return None
    bounds, unit = timed[0].last.bounds, timed[0].last.unit
    alike = [each for each in timed if (each.last.bounds, each.last.unit) == (bounds, unit)]
    lately = [recent.buckets for each in alike if (recent := each.recent(now)) and recent.times]
    buckets = [sum(column) for column in zip(*(lately or [each.last.buckets for each in alike]), strict=True)]
    found = quantile(part, bounds, buckets)
    return None if found is None else finite(found * UNITS[unit])


def one(series: Series, now: float) -> Row:
    point, recent = series.last, series.recent(now)
    growth = {"counter": recent and recent.value, "histogram": recent and recent.times}.get(point.kind)
    told = named(point.key) | {"unit": point.unit, "kind": point.kind, "value": finite(point.value)}
    told["rate"] = finite(growth / recent.seconds) if recent and growth is not None else None
    return told | ({"count": point.times} if point.kind == "histogram" else {})


def named(key: Key) -> Row:
    return {"name": key.name, "attributes": dict(key.attributes)}


def finite(value: float) -> float | None:
    """JSON has no word for others."""
    return value if math.isfinite(value) else None
