"""A trace as a picture: what is drawn, said, and left out of comparisons."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from workbook import trace_picture, varying
from workbook.notebook import tracing

SVG = "{http://www.w3.org/2000/svg}"


def span(id: str, parent: str, service: str, name: str, offset: float, duration: float, **more: Any) -> dict[str, Any]:
    place = {"id": id, "parent": parent, "service": service, "name": name, "offset": offset, "duration": duration}
    return {**place, "kind": "server", "attributes": {}, "error": False, "message": "", **more}


def sent(*words: Any, **more: Any) -> dict[str, Any]:
    return span(*words, **{"kind": "client", "attributes": {"mu.target": "tcp 127.0.0.1:8080"}} | more)


def addition(slower: float = 1.0) -> list[dict[str, Any]]:
    return [
        span("1", "", "webapp", "POST /add/calculate", 0, 0.008 * slower),
        sent("2", "1", "webapp", "role: basic", 0.001, 0.004 * slower),
        span("3", "2", "adder_service", "role: basic, cmd: add", 0.002, 0.002 * slower),
    ]


def texts(picture: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(picture).iter(f"{SVG}text")]


def bars(picture: str) -> list[dict[str, str]]:
    return [rect.attrib for rect in ET.fromstring(picture).iter(f"{SVG}rect") if "bar" in rect.attrib["class"]]


def test_each_span_has_its_name_and_how_long_it_took() -> None:
    assert texts(trace_picture.drawn(addition())) == [
        "webapp: POST /add/calculate, 8.0\xa0ms in all",
        *("webapp POST /add/calculate", "8.0\xa0ms"),
        *("webapp role: basic", "4.0\xa0ms"),
        *("adder_service role: basic, cmd: add", "2.0\xa0ms"),
    ]


def test_bars_are_to_scale_by_time_and_coloured_by_service() -> None:
    first, second, third = bars(trace_picture.drawn(addition()))
    assert float(first["width"]) == 2 * float(second["width"]) == 4 * float(third["width"])
    assert float(first["x"]) < float(second["x"]) < float(third["x"])
    assert first["style"] == second["style"] != third["style"]


def test_name_is_right_of_that_of_its_parent() -> None:
    names = [text for text in ET.fromstring(trace_picture.drawn(addition())).iter(f"{SVG}text") if len(text)]
    first, second, third = (float(text.attrib["x"]) for text in names)
    assert first < second < third


def test_picture_is_described_for_those_who_do_not_see_it() -> None:
    root = ET.fromstring(trace_picture.drawn(addition()))
    assert root.attrib["role"] == "img"
    assert root.findtext(f"{SVG}title") == "webapp: POST /add/calculate, 8.0\xa0ms in all"
    assert "adder_service: role: basic, cmd: add, 2.0\xa0ms" in (root.findtext(f"{SVG}desc") or "")


def test_text_has_no_times() -> None:
    assert trace_picture.as_text(addition()) == (
        "webapp          POST /add/calculate\n"
        "webapp              role: basic\n"
        "adder_service           role: basic, cmd: add"
    )


@pytest.mark.parametrize(("message", "said"), [("ServiceError", "failed: ServiceError"), ("", "failed")])
def test_failure_is_told_in_words(message: str, said: str) -> None:
    spans = [*addition()[:2], span("3", "2", "adder_service", "role: basic", 0.002, 0.001, error=True, message=message)]
    assert trace_picture.as_text(spans).endswith(f"role: basic  {said}")
    assert f"adder_service role: basic {message or 'failed'}" in texts(trace_picture.drawn(spans))
    assert [each["class"] for each in bars(trace_picture.drawn(spans))] == ["bar", "bar", "bar bad"]


def test_long_name_is_cut_and_markup_is_text() -> None:
    spans = [span("1", "", "web", "<b>" + "x" * 200, 0, 0.001)]
    name = texts(trace_picture.drawn(spans))[1]
    assert name.startswith("web <b>xxx")
    assert name.endswith("…")
    assert len(name) * trace_picture.LETTER <= trace_picture.NAMES + 2 * trace_picture.LETTER


@pytest.mark.parametrize(("offset", "duration"), [(0, 0), (0.002, 0), (0.01, 0.00001)])
def test_bar_stays_in_its_track_and_can_be_seen(offset: float, duration: float) -> None:
    spans = [span("1", "", "web", "a", 0, 0.01 if offset else 0), span("2", "1", "web", "b", offset, duration)]
    for bar in bars(trace_picture.drawn(spans)):
        left, width = float(bar["x"]), float(bar["width"])
        assert width >= trace_picture.LEAST_BAR
        assert left >= trace_picture.BARS_LEFT
        assert left + width <= trace_picture.BARS_LEFT + trace_picture.BARS + 0.1


def test_pictures_that_differ_in_times_only_are_the_same_where_they_are_compared() -> None:
    one, other = (trace_picture.drawn(addition(slower)) for slower in (1.0, 3.0))
    longer = trace_picture.drawn([*addition(), span("4", "3", "adder_service", "more", 0.003, 0.001)])
    assert one != other
    assert varying.are_same_but_for_times(one, other)
    assert not varying.are_same_but_for_times(one, longer)


# When a trace is whole --------------------------------------------------------------------------------------------


def test_trace_is_whole_when_all_processes_have_told_of_it() -> None:
    assert tracing.is_whole(addition(), "role: basic, cmd: add")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_trace_is_not_whole_while_a_span_is_missing(number: int) -> None:
    spans = addition()
    del spans[number]
    assert not tracing.is_whole(spans, spans[0]["name"])


def test_trace_is_not_whole_without_the_span_that_is_waited_for() -> None:
    assert not tracing.is_whole(addition(), "audit.insert")


def test_message_that_has_failed_need_not_have_arrived() -> None:
    spans = [addition()[0], sent("2", "1", "webapp", "role: basic", 0.001, 0.004, error=True)]
    assert tracing.is_whole(spans, "POST /add/calculate")


def test_question_to_a_database_has_no_other_end() -> None:
    spans = [*addition(), span("4", "3", "adder_service", "audit.insert", 0.002, 0.001, kind="client")]
    assert tracing.is_whole(spans, "audit.insert")
