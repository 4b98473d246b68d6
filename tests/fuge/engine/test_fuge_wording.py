"""The end of a process in words."""

import signal

import pytest

from fuge.engine import wording


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, "ended with exit code 0"),
        (3, "ended with exit code 3"),
        (-signal.SIGKILL, "ended by SIGKILL"),
        (-40, "ended by signal 40"),  # of those for anybody's use, without names
    ],
)
def test_end_in_words(code: int, said: str) -> None:
    assert wording.end(code) == said
