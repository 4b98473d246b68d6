"""The page can be read: its colours are far enough apart, in light and in dark; it needs nothing from elsewhere."""

import re

import pytest

from workbook.course import ROOT

PAGE = ROOT / "src" / "fuge" / "faces" / "ui" / "page"
STYLE = (PAGE / "style.css").read_text(encoding="utf-8")
LIGHT, DARK = (dict(re.findall(r"--([\w-]+): (#\w{6})", each)) for each in re.findall(r":root \{(.*?)\}", STYLE, re.S))
TEXTS = ["text", "soft", "accent", "good", "busy", "warn", "bad", "idle"]
TEXTS += [f"{kind}-{number}" for kind in ("hue", "ansi") for number in range(8)]
PAIRS = [*((text, "panel") for text in TEXTS), ("text", "ground"), ("soft", "ground"), ("text", "idle-ground")]
PAIRS += [(tone, f"{tone}-ground") for tone in ("good", "busy", "warn", "bad", "idle")]
PAIRS += [("text", f"{tone}-ground") for tone in ("good", "busy", "warn", "bad")]


def brightness(colour: str) -> float:
    """Relative luminance, by WCAG 2."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_contrast(colours: dict[str, str]) -> None:
    found = {pair: contrast(*(colours[name] for name in pair)) for pair in PAIRS}
    assert {pair: round(ratio, 2) for pair, ratio in found.items() if ratio < 4.5} == {}
    assert contrast(colours["strong-line"], colours["panel"]) >= 3, "the border of what can be pressed"


@pytest.mark.parametrize("file", sorted(PAGE.iterdir()), ids=lambda file: file.name)
def test_nothing_comes_from_elsewhere_and_nothing_is_markup(file: object) -> None:
    text = (PAGE / str(file)).read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\bstyle=", text)
    assert not re.search(r"\son\w+=", text)
