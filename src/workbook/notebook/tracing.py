"""The way of a request through the system, as fuge has kept it."""

import json
from typing import Any

from workbook import browser, trace_picture
from workbook.notebook.drawings import show
from workbook.notebook.programs import Finished, repeated

Span = dict[str, Any]


def trace(service: str, until: str) -> None:
    """Draw the trace of what has just been asked for, as far as a service has a part in it, as soon as it is whole.

    `until`: the name of a span that it must have, since what nobody waits for comes later than the answer.
    """

    def is_there(done: Finished) -> bool:
        found = {} if done.returncode else json.loads(done.stdout)
        return bool(found) and found["start"] >= browser.asked_at and is_whole(found["spans"], until)

    wanted = f"all of a new trace with a span {until!r}"
    spans = json.loads(repeated(f"fuge traces --last --service {service} --json", is_there, wanted).stdout)["spans"]
    show(trace_picture.drawn(spans), trace_picture.as_text(spans))


def is_whole(spans: list[Span], until: str) -> bool:
    """Whether it has that span, the parents of all, and the other end of each message that has not failed.

    Each process tells of its own spans, at a time of its own.
    """
    ids, parents = {span["id"] for span in spans}, {span["parent"] for span in spans}
    sent = [span for span in spans if span["kind"] in ("client", "producer") and "mu.target" in span["attributes"]]
    has_arrived = all(span["error"] or span["id"] in parents for span in sent)
    return until in {span["name"] for span in spans} and parents <= ids | {""} and has_arrived
