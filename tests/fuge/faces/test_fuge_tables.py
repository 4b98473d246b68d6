"""What tables say of seconds and of containers."""

import pytest

from fuge.faces import tables


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (59.2, "59s"), (60, "1m"), (3599 - 30, "59m"), (3600, "1h"), (86_400, "1d"), (10 * 86_400, "10d")],
)
def test_uptime_has_one_unit(seconds: float, said: str) -> None:
    assert tables.duration(seconds) == said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"status": "not managed", "reason": "run_containers is false"}, "engine: none; run_containers is false"),
        ({"engine": None}, "engine: chosen when it is started (`fuge doctor` tells which)"),
        ({"engine": {"how": "MongoDB 6 at /m", "why": ""}}, "engine: MongoDB 6 at /m"),
        ({"engine": {"how": "Docker", "why": "it has the image"}}, "engine: Docker\nsince: it has the image"),
    ],
)
def test_engine_of_a_container_in_its_info(more: dict[str, object], said: str) -> None:
    data = {"type": "container", "status": "stopped", "run": "mongo", "start": "", "environment": {"A": "1"}}
    assert tables.info(data | more, full=False) == f"image: mongo\n{said}\nenvironment:\n  A=1"
