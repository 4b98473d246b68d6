"""Every exercise fails as given and passes with its solution."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import each_chapter

from workbook import course, exercises
from workbook.course import Chapter
from workbook.errors import WorkbookError
from workbook.exercises import Exercise

ALL = [
    pytest.param(exercise, id=f"{chapter.slug}-{exercise.number}", marks=pytest.mark.step(chapter.number))
    for chapter in course.chapters()
    for exercise in exercises.of(chapter)
]


@pytest.mark.parametrize("exercise", ALL)
def test_exercise_fails_as_given(exercise: Exercise) -> None:
    with pytest.raises(exercises.NotYet, match="expected"):
        exercise.verify(exercise.chapter.step)


@pytest.mark.parametrize("exercise", ALL)
def test_exercise_passes_with_its_solution(exercise: Exercise, copy_of: Callable[[Chapter], Path]) -> None:
    micro = copy_of(exercise.chapter)
    applied = subprocess.run(
        ["git", "apply", exercise.solution], cwd=micro, capture_output=True, text=True, check=False
    )
    assert applied.returncode == 0, f"{exercise.solution} does not fit the step any more: {applied.stderr}"
    exercise.verify(micro)


@pytest.mark.parametrize("exercise", ALL)
def test_hints_lead_to_the_solution(exercise: Exercise) -> None:
    assert len(exercise.hints) >= 2
    for level, hint in enumerate(exercise.hints, 1):
        assert exercise.hint(level).startswith(hint)
    assert exercise.hint(len(exercise.hints)).endswith("solution`)")
    assert re.search("^--- ", exercise.hint("solution"), re.MULTILINE)
    with pytest.raises(WorkbookError, match="expected a hint from 1 to"):
        exercise.hint(len(exercise.hints) + 1)


@each_chapter()
def test_chapter_has_two_exercises_and_shows_their_checks(chapter: Chapter) -> None:
    found = exercises.of(chapter)
    assert len(found) >= 2, f"write two exercises in notebooks/exercises/{chapter.slug}/ (CONTRIBUTING.md)"
    text = chapter.notebook.read_text(encoding="utf-8")
    for exercise in found:
        assert f'check(\\"{chapter.number}\\", {exercise.number})' in text
        assert f"[not yet] Exercise {exercise.number}: {exercise.title}" in text
