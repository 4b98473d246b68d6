"""For the tests against real Node."""

import pytest

from fuge import ports


@pytest.fixture
def port() -> int:
    """A free one, for a program that must be told."""
    return ports.free(1)[0]
