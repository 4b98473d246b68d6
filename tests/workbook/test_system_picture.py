"""The picture of what fuge runs, as drawn from a fuge.yml."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

from fuge import System, load
from workbook import system_picture

SVG = "{http://www.w3.org/2000/svg}"
FILE = """
webapp: {type: process, run: python main.py, depends_on: [adder, audit], ports: {http: 3000}}
adder: {type: process, run: python service.py, ports: {main: 8080}}
audit: {type: process, run: python "a<b>.py", depends_on: [mongo]}
mongo: {type: container, image: mongo, ports: {main: 27017}}
"""


@pytest.fixture
def system(tmp_path: Path) -> System:
    (tmp_path / "fuge.yml").write_text(FILE)
    return load(tmp_path / "fuge.yml")


def boxes(root: ET.Element) -> dict[str, tuple[float, float]]:
    """{service: left and top of its box}"""
    found = {}
    for group in root.iter(f"{SVG}g"):
        box, name = group.find(f"{SVG}rect"), group.find(f"{SVG}text")
        assert box is not None
        assert name is not None
        found[(name.text or "").removesuffix(" (new)")] = (float(box.attrib["x"]), float(box.attrib["y"]))
    return found


def points(path: ET.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](\d+) (\d+)", path.attrib["d"])]


def test_services_stand_above_what_they_need(system: System) -> None:
    place = boxes(ET.fromstring(system_picture.drawn(system)))
    for name, service in system.services.items():
        for needed in service.depends_on:
            assert place[name][1] < place[needed][1]
    assert place["adder"][1] == place["mongo"][1]


def test_no_arrow_runs_behind_a_box(tmp_path: Path) -> None:
    """`top` needs what stands one, two and three rows below it."""
    (tmp_path / "fuge.yml").write_text(
        "top: {type: process, run: a, depends_on: [second, third, fourth]}\n"
        "second: {type: process, run: a, depends_on: [third]}\n"
        "third: {type: process, run: a, depends_on: [fourth]}\n"
        "fourth: {type: process, run: a}\n"
    )
    root = ET.fromstring(system_picture.drawn(load(tmp_path / "fuge.yml")))
    tops = boxes(root).values()
    lines = [
        pair for path in root.iter(f"{SVG}path") if path.get("class") == "arrow" for pair in pairwise(points(path))
    ]
    assert len(lines) == 3 + 3 + 5  # by one row, by two, by three
    for (x, y), (to_x, to_y) in lines:
        crossed = [top for left, top in tops if y < top + 1 < to_y or y < top + system_picture.BOX_HEIGHT - 1 < to_y]
        assert not crossed or x == to_x, "a slanting line crosses a row"
        assert not [left for left, top in tops if top in crossed and left <= x <= left + system_picture.BOX_WIDTH]


def test_what_the_step_before_had_is_not_marked_as_new(system: System, tmp_path: Path) -> None:
    (tmp_path / "old.yml").write_text("adder: {type: process, run: python service.py}")
    root = ET.fromstring(system_picture.drawn(system, load(tmp_path / "old.yml")))
    boxes = {next(group.iter(f"{SVG}text")).text: group.attrib["class"] for group in root.iter(f"{SVG}g")}
    assert boxes == {"webapp (new)": "new", "adder": "here", "audit (new)": "new", "mongo (new)": "new"}
    assert len([path for path in root.iter(f"{SVG}path") if path.attrib.get("class") == "arrow"]) == 3


def test_boxes_lie_inside_and_apart(system: System) -> None:
    root = ET.fromstring(system_picture.drawn(system))
    width, height = (float(value) for value in root.attrib["viewBox"].split()[2:])
    places = {(float(box.attrib["x"]), float(box.attrib["y"])) for box in root.iterfind(f".//{SVG}g/{SVG}rect")}
    assert len(places) == 4
    for left, top in places:
        assert 0 <= left <= width - system_picture.BOX_WIDTH
        assert 0 <= top <= height - system_picture.BOX_HEIGHT
