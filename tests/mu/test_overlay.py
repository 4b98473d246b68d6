"""Who sends what to whom, as read from routes, in words and as a picture."""

import xml.etree.ElementTree as ET

import pytest

from mu import Client, Mu, Packet, Request, Route, balance, breaker, local, overlay, retry, tcp
from mu.overlays import Overlay, pieces, same

SVG = "{http://www.w3.org/2000/svg}"
WEB = Route("web", "outbound", "role: user", "tcp 127.0.0.1:3001")
USER = [
    Route("user", "inbound", "role: user", "tcp 127.0.0.1:3001"),
    Route("user", "handler", "role: user, cmd: create", "service.create"),
]


def answer(message: dict[str, object]) -> int:
    return 42


def shop() -> Overlay:
    """A consumer and two services, as in the book that this course follows."""
    web, user, basket = Mu("web"), Mu("user_service"), Mu("basket_service")
    web.outbound({"role": "user"}, tcp.client(port=3001))
    web.outbound({"role": "basket"}, balance([breaker(tcp.client(port=3002)), breaker(tcp.client(port=3003))]))
    user.inbound({"role": "user"}, tcp.server(port=3001))
    user.define({"role": "user", "cmd": "create"}, answer)
    user.define({"role": "user", "cmd": "<find>"}, answer)
    basket.inbound({"role": "basket"}, tcp.server(port=3002))
    basket.define({"role": "basket", "cmd": "add"}, answer)
    basket.outbound({"role": "user"}, retry(tcp.client(port=3001), attempts=5))
    return overlay(web, user, basket)


SHOP = """\
web
  sends role: user to user_service
  sends role: basket to basket_service, tcp 127.0.0.1:3003 by balance of 2, breaker: closed
user_service at tcp 127.0.0.1:3001
  handles role: user, cmd: create
  handles role: user, cmd: <find>
basket_service at tcp 127.0.0.1:3002
  handles role: basket, cmd: add
  sends role: user to user_service by retry: 5 attempts"""


def boxes(root: ET.Element) -> dict[str, tuple[float, float, float, float]]:
    """{name: (left, top, width, height)}"""
    found = {}
    for group in root.iter(f"{SVG}g"):
        if group.attrib["class"] in ("service", "outside"):
            rect, name = group.find(f"{SVG}rect"), group.find(f"{SVG}text")
            assert rect is not None
            assert name is not None
            left, top, width, height = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
            found[name.text or ""] = (left, top, width, height)
    return found


def arrows(root: ET.Element) -> list[ET.Element]:
    return [path for path in root.iter(f"{SVG}path") if path.attrib.get("class") == "arrow"]


def test_overlay_says_who_sends_what_to_whom() -> None:
    assert str(shop()) == repr(shop()) == SHOP


def test_picture_shows_services_patterns_and_what_is_outside() -> None:
    root = ET.fromstring(shop()._repr_svg_())
    assert list(boxes(root)) == ["web", "user_service", "basket_service", "tcp 127.0.0.1:3003"]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts.count("role: user, cmd: <find>") == 1
    assert texts.count("role: user") == 2
    assert "balance of 2, breaker: closed" in texts
    assert len(arrows(root)) == 4


def test_services_stand_to_the_right_of_those_that_send_to_them() -> None:
    left = {name: box[0] for name, box in boxes(ET.fromstring(shop()._repr_svg_())).items()}
    assert left["web"] < left["basket_service"] < left["user_service"]
    assert left["basket_service"] == left["tcp 127.0.0.1:3003"]


def test_boxes_lie_inside_the_picture_and_apart() -> None:
    root = ET.fromstring(shop()._repr_svg_())
    width, height = (float(value) for value in root.attrib["viewBox"].split()[2:])
    found = list(boxes(root).values())
    for left, top, wide, high in found:
        assert left >= 0
        assert top >= 0
        assert left + wide <= width
        assert top + high <= height
    for number, (left, top, wide, high) in enumerate(found):
        for other_left, other_top, _, other_high in found[number + 1 :]:
            assert (
                left + wide <= other_left
                or other_left + wide <= left
                or top + high <= other_top
                or (other_top + other_high <= top)
            )


def test_picture_is_the_same_every_time() -> None:
    assert shop()._repr_svg_() == shop()._repr_svg_()


def test_arrow_begins_at_its_pattern_and_ends_at_its_service() -> None:
    root = ET.fromstring(overlay([WEB, *USER])._repr_svg_())
    [path] = arrows(root)
    numbers = [float(word.lstrip("MLC")) for word in path.attrib["d"].split()]
    web, user = boxes(root)["web"], boxes(root)["user"]
    assert web[0] < numbers[0] < numbers[2] == web[0] + web[2]
    assert web[1] < numbers[1] < web[1] + web[3]
    assert numbers[-2] == user[0]
    assert user[1] < numbers[-1] < user[1] + user[3]


def test_routes_will_do_in_place_of_a_mu() -> None:
    expected = "web\n  sends role: user to user\nuser at tcp 127.0.0.1:3001\n  handles role: user, cmd: create"
    assert str(overlay([WEB], USER)) == str(overlay([WEB, *USER])) == expected


def test_two_of_the_same_name_are_two() -> None:
    second = [Route("user", "inbound", "*", "tcp 127.0.0.1:3002")]
    assert str(overlay(USER, second)).count("user at tcp") == 2
    assert overlay(USER, second)._repr_svg_().count('class="service"') == 2


def test_services_in_a_circle_are_drawn() -> None:
    one, two, alone = Mu("one"), Mu("two"), Mu("alone")
    one.inbound("*", local.server(name="one"))
    one.outbound({"to": "two"}, local.client(name="two"))
    two.inbound("*", local.server(name="two"))
    two.outbound({"to": "one"}, local.client(name="one"))
    alone.inbound("*", local.server(name="alone"))
    alone.outbound("*", local.client(name="alone"))
    root = ET.fromstring(overlay(one, two, alone)._repr_svg_())
    left = {name: box[0] for name, box in boxes(root).items()}
    assert left["one"] == left["alone"] < left["two"]
    assert len(arrows(root)) == 3


def test_nothing_is_a_picture_too() -> None:
    assert str(overlay()) == ""
    assert str(overlay(Mu())) == ""
    assert not boxes(ET.fromstring(overlay()._repr_svg_()))


def test_a_mu_without_a_name_is_this_process() -> None:
    mu = Mu()
    mu.define("*", answer)
    assert str(overlay(mu)) == "this process\n  handles *"


def test_transport_of_ones_own_is_a_box() -> None:
    class Pigeon(Client):
        async def request(self, request: Request) -> Packet:
            raise NotImplementedError

    mu = Mu("castle")
    mu.outbound({}, retry(Pigeon()))
    assert str(overlay(mu)) == "castle\n  sends {} to Pigeon by retry: 3 attempts"


@pytest.mark.parametrize(
    ("server", "client", "expected"),
    [
        ("tcp 127.0.0.1:80", "tcp 127.0.0.1:80", True),
        ("tcp 127.0.0.1:80", "tcp 127.0.0.1:8", False),
        ("tcp 127.0.0.1:80", "http 127.0.0.1:80", False),
        ("tcp 127.0.0.1:80", "tcp 10.0.0.7:80", False),
        ("tcp 0.0.0.0:80", "tcp 10.0.0.7:80", True),
        ("tcp :::80", "tcp ::1:80", True),
        ("tcp 0.0.0.0:80", "tcp 10.0.0.7:180", False),
        ("http 0.0.0.0:80", "tcp 10.0.0.7:80", False),
        ("local a", "local a", True),
        ("local a", "local b", False),
    ],
)
def test_address_is_that_of_a_server(server: str, client: str, expected: bool) -> None:
    assert same(server, client) is expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("tcp a:1", [("tcp a:1", True)]),
        ("retry (tcp a:1)", [("retry", False), ("tcp a:1", True)]),
        (
            "balance (breaker (tcp a:1), tcp a:2)",
            [("balance", False), ("breaker", False), ("tcp a:1", True), ("tcp a:2", True)],
        ),
        ("", []),
    ],
)
def test_target_is_taken_apart(target: str, expected: list[tuple[str, bool]]) -> None:
    assert list(pieces(target)) == expected
