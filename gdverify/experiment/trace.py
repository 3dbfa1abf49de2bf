"""What an experiment leaves behind to be drawn: a few dozen numbers, in JSON's types, that decide nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

BINS = 40
POINTS = 64
_FINEST = {"linear": 2.0**-10, "log": 2.0**-5}  # bin width: relative to the values; in decades
_LARGEST = 1e200  # beyond it a value counts as infinite
_AT_ONCE = 2**14  # values counted together: small batches cost less that way
_SQUEEZED = 20  # values this far below what the axis must also show need a log axis


def plain(values: Any, digits: int = 6) -> list[float | None]:
    """Floats rounded to significant digits; what is not finite is None."""
    return [float(f"{v:.{digits}g}") if math.isfinite(v) else None for v in np.asarray(values, dtype=float).tolist()]


def thinned(length: int) -> np.ndarray:
    """At most 64 positions out of ``length``, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, length - 1, min(length, POINTS)).round().astype(int))


class Histogram:
    """Counts of values in at most 40 bins of equal width, by value or by logarithm, however far the values spread.

    The first values fix the narrowest width, a power of two; bins are merged in pairs as others fall farther out.  So
    the counts do not depend on how the values come in batches.

    Parameters
    ----------
    of : what is counted
    first : (k,) values like those to come
    mark : value that is to be an edge, and that a log axis has to show too
    log : a log axis whatever the values are; else where it is needed
    low_side : whether values equal to ``mark`` count as below it
    """

    def __init__(self, of: str, first: np.ndarray, mark: float, *, log: bool = False, low_side: bool = True):
        self.of, self.mark, self.low_side = of, mark, low_side
        first = first[np.abs(first) < _LARGEST]
        some = first[first > 0]
        reach = max(float(first.max(initial=0.0)), mark)
        squeezed = len(some) > 0 and first.min() >= 0 and float(np.median(some)) * _SQUEEZED < reach
        self.scale = "log" if log or squeezed else "linear"
        values = np.log10(some) if self.scale == "log" else first
        self.centre = mark if self.scale == "linear" else 0.0
        spread = float(np.ptp(values)) if len(values) else 0.0
        size = 1.0 if self.scale == "log" else float(np.abs(values).max(initial=abs(mark))) or 1.0
        finest = max(spread / BINS, _FINEST[self.scale] * size, 1e-90)
        self.width = 2.0 ** math.ceil(math.log2(finest))
        self.level = 0  # bins are 2^level narrowest ones wide
        self.counts: dict[int, int] = {}
        self.zeros = self.total = self._waiting = 0
        self._uncounted: list[np.ndarray] = []

    def add(self, values: np.ndarray) -> None:
        """Take values, shape (k,), to count; those that are not finite, or beyond 1e200, are left out."""
        self._uncounted.append(values)
        self._waiting += len(values)
        if self._waiting >= _AT_ONCE:
            self._count()

    def _count(self) -> None:
        values = np.concatenate([np.empty(0), *self._uncounted])
        self._uncounted, self._waiting = [], 0
        values = values[np.abs(values) < _LARGEST]
        self.total += len(values)
        if self.scale == "log":
            some = values[values > 0]
            self.zeros += len(values) - len(some)
            values = np.log10(some)
        if not len(values):
            return
        at = (values - self.centre) / self.width
        at = np.ceil(at) - 1 if self.low_side else np.floor(at)
        # Whole numbers as floats: they may be far beyond any integer type.
        low, high = int(at.min()), int(at.max())
        if self.counts:
            low, high = (end(e, *(k << self.level for k in self.counts)) for end, e in ((min, low), (max, high)))
        while (high >> self.level) - (low >> self.level) >= BINS:
            self.level += 1
            merged: dict[int, int] = {}
            for k, count in self.counts.items():
                merged[k >> 1] = merged.get(k >> 1, 0) + count
            self.counts = merged
        at = np.floor(np.ldexp(at, -self.level))
        start = int(at.min())
        for k, count in enumerate(np.bincount((at - at.min()).astype(np.int64)).tolist()):
            if count:
                self.counts[start + k] = self.counts.get(start + k, 0) + count

    def plain(self, bound: float | None) -> dict[str, Any] | None:
        """Edges and counts, with the number of values that a log axis cannot show; None for fewer than two values."""
        self._count()
        if self.total < 2 or not self.counts:
            return None
        first, last = min(self.counts), max(self.counts)
        width = self.width * 2.0**self.level
        edges = self.centre + width * np.arange(first, last + 2)
        if self.scale == "log":
            edges = 10.0**edges
        return {
            "of": self.of,
            "scale": self.scale,
            "edges": plain(edges),
            "counts": [self.counts.get(k, 0) for k in range(first, last + 1)],
            "zeros": self.zeros,
            "bound": bound,
        }


class Looks:
    """The confidence interval at every look at the samples."""

    def __init__(self) -> None:
        self.seen: dict[int, tuple[float, float, float, bool]] = {}

    def note(self, n: int, mean: float, low: float, high: float, valid: bool = True) -> None:
        """One look after ``n`` samples; ``valid``: whether the interval may decide anything yet."""
        self.seen[n] = (mean, low, high, valid)

    def plain(self) -> dict[str, Any] | None:
        """Columns n, mean, low, high, valid; None before the second look."""
        if len(self.seen) < 2:
            return None
        kept = [list(self.seen)[k] for k in thinned(len(self.seen))]
        mean, low, high = (plain([self.seen[n][k] for n in kept]) for k in range(3))
        return {"n": kept, "mean": mean, "low": low, "high": high, "valid": [self.seen[n][3] for n in kept]}
