"""Pictures of what there is by now."""

from IPython.display import display

from fuge import load
from workbook import course, pictures
from workbook import system_picture as system_pictures
from workbook.notebook import reader


def picture(number: str) -> None:
    """The reference architecture, with the parts marked that exist after recipe `number`."""
    show(pictures.architecture(course.recipe(number)))


def system_picture() -> None:
    """The system that micro/fuge/fuge.yml describes, with the parts marked that the recipe before did not have."""
    previous = course.before(reader.begun())
    old = previous.step / "fuge" / "fuge.yml" if previous else None
    before = load(old) if old and old.is_file() else None
    show(system_pictures.drawn(load(reader.MICRO / "fuge" / "fuge.yml"), before))


def show(svg: str, text: str = "(a picture, drawn when you run this cell)") -> None:
    """A picture; `text` is for those who read without pictures."""
    display({"image/svg+xml": svg, "text/plain": text}, raw=True)
