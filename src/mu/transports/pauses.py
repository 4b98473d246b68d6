"""How long to wait before trying again."""

import random

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds


def pause_after(failures: int, longest: float = LONGEST_PAUSE) -> float:
    """Seconds; they double, and vary, since else all come back at once."""
    return float(min(FIRST_PAUSE * 2 ** min(failures - 1, 10), longest) * random.uniform(0.5, 1.0))
