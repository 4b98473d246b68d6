"""How long most took, as far as the buckets of a histogram tell."""

from collections.abc import Sequence


def quantile(share: float, bounds: Sequence[float], buckets: Sequence[int]) -> float | None:
    """The value below which this share lies, 0 to 1; None if there is nothing.

    Within a bucket values are taken to be spread evenly. What is above the last bound counts as that.
    """
    total = sum(buckets)
    if not total or not bounds:
        return None
    rank, below = share * total, 0
    for number, count in enumerate(buckets[:-1]):
        if count and below + count >= rank:
            start = bounds[number - 1] if number else min(0.0, bounds[0])
            return start + (bounds[number] - start) * (rank - below) / count
        below += count
    return bounds[-1]
