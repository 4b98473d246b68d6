"""The exercises of a chapter: whether micro/ solves one, and what helps."""

from workbook import course, exercises
from workbook.notebook import reader


def check(number: str, exercise: int) -> None:
    """Whether micro/ solves an exercise; if not, what was expected and what was found."""
    print(exercises.find(course.chapter(number), exercise).result(reader.MICRO)[1])


def hint(number: str, exercise: int, level: int | str = 1) -> None:
    """A hint for an exercise: level 1, 2, ..., and at last "solution"."""
    print(exercises.find(course.chapter(number), exercise).hint(level))
