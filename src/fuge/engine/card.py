"""What a running engine leaves for others to find it by."""

import json
from pathlib import Path


def card_path(data: Path) -> Path:
    return data / "engine.json"


def read_card(data: Path) -> dict[str, str]:
    """What the engine of this data folder says of itself; empty if there was none, or it ended properly."""
    try:
        card = json.loads(card_path(data).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}
