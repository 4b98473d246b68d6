"""How far the pull of an image is, in words, from the steps that an engine tells."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

PAUSE = 0.5  # seconds between two texts
DONE = ("Pull complete", "Already exists")
UNDER_WAY = ("Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum", "Download complete", "Extracting")


class Progress:
    """Takes each step of one pull, as Docker's API has them."""

    def __init__(self, image: str) -> None:
        self._image = image
        self._states: dict[str, str] = {}  # of each layer
        self._loaded: dict[str, int] = {}  # bytes
        self._sizes: dict[str, int] = {}
        self._last = (0.0, "")

    def take(self, step: Mapping[str, Any]) -> str:
        """What there is to say; "" for nothing new, or nothing that cannot wait."""
        layer, state = step.get("id", ""), step.get("status", "")
        if state in UNDER_WAY or state in DONE:
            self._states[layer] = state
        if state == "Downloading":
            detail = step.get("progressDetail") or {}
            self._loaded[layer] = detail.get("current", 0)
            self._sizes[layer] = detail.get("total", 0)
        elif layer in self._sizes:
            self._loaded[layer] = self._sizes[layer]
        said, text = self._last, self._text()
        now = time.monotonic()
        if text == said[1] or now < said[0] + PAUSE:
            return ""
        self._last = (now, text)
        return text

    def _text(self) -> str:
        done = sum(state in DONE for state in self._states.values())
        text = f"pulling {self._image}: {done} of {len(self._states)} layers"
        if not self._states:
            return f"pulling {self._image}"
        loaded, size = (sum(each.values()) / 1e6 for each in (self._loaded, self._sizes))
        return f"{text}, {loaded:.1f} of {size:.1f} MB" if size else text


def now_and_then(progress: Callable[[str], None], pause: float) -> Callable[[str], None]:
    """Passes texts on, but not one after the other: between two are `pause` seconds."""
    said = -math.inf

    def pass_on(text: str) -> None:
        nonlocal said
        if time.monotonic() - said > pause:
            said = time.monotonic()
            progress(text)

    return pass_on
