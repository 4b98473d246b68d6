"""The architecture, as drawn from the files of a step."""

import xml.etree.ElementTree as ET

from helpers import each_recipe

from workbook import course, pictures
from workbook.course import ROOT, Recipe

SVG = "{http://www.w3.org/2000/svg}"


def boxes(recipe: Recipe) -> dict[str, tuple[str, str]]:
    """{name of the element: (later, here or new; what stands for it)}"""
    found = {}
    for group in ET.fromstring(pictures.architecture(recipe)).iter(f"{SVG}g"):
        name, *second = (text.text or "" for text in group.iter(f"{SVG}text"))
        found[name] = (group.attrib["class"], *second) if second else (group.attrib["class"], "")
    return found


def test_first_recipe_marks_its_service_as_new() -> None:
    found = boxes(course.recipe("01"))
    assert found["Direct response services"] == ("new", "adder_service (new)")
    assert found["API layer"] == ("later", "")


def test_second_recipe_marks_what_it_adds() -> None:
    found = boxes(course.recipe("02"))
    assert found["API layer"] == ("new", "webapp (new)")
    assert found["Direct response services"] == ("here", "adder_service")
    assert found["Asynchronous services"] == ("later", "")


def test_container_of_a_database_is_a_data_source() -> None:
    found = boxes(course.recipe("05"))
    assert found["Data sources and external APIs"] == ("new", "mongo (new)")
    assert found["Direct response services"] == ("here", "adder_service, audit_service (new)")


def test_service_that_takes_from_a_queue_is_asynchronous() -> None:
    found = boxes(course.recipe("07"))
    assert found["Asynchronous services"] == ("new", "event_service (new)")
    assert found["Direct response services"] == ("here", "adder_service, audit_service")


def test_queue_is_named_beside_its_arrow() -> None:
    assert "by a queue: redis" in pictures.architecture(course.recipe("07"))
    assert "queue" not in pictures.architecture(course.recipe("06"))


@each_recipe()
def test_every_box_lies_inside_the_picture(recipe: Recipe) -> None:
    root = ET.fromstring(pictures.architecture(recipe))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for box in root.iter(f"{SVG}rect"):
        left, top, wide, high = (float(box.attrib[key]) for key in ("x", "y", "width", "height"))
        assert left >= 0
        assert top >= 0
        assert left + wide <= width
        assert top + high <= height


def test_picture_of_the_whole_course_marks_nothing_as_new_or_missing() -> None:
    root = ET.fromstring(pictures.finished())
    assert {group.attrib["class"] for group in root.iter(f"{SVG}g")} == {"here"}
    assert "new" not in " ".join(text.text or "" for text in root.iter(f"{SVG}text"))


def test_readme_shows_the_picture_of_the_whole_course() -> None:
    stored = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    assert stored == pictures.finished(), "run `workbook picture > docs/architecture.svg`"
