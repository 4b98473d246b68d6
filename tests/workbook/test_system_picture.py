"""The picture of what fuge runs, as drawn from a fuge.yml."""

import xml.etree.ElementTree as ET
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


def test_services_stand_above_what_they_need(system: System) -> None:
    assert system_picture.layers(system) == [["webapp"], ["audit"], ["adder", "mongo"]]


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
