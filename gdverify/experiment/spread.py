"""What has been seen of real quantities, for many tests at once, and whether an asymptotic interval suits them."""

from __future__ import annotations

import math
from typing import Any

from .backend import Namespace

_KEPT = 1024  # largest deviations kept for the tail index
_MIN_BLOCKS = 16
_SMALLEST = 1e-140  # variance below which third powers, or squares of the means' deviations, may be lost
_MIN_TAIL_INDEX = 2.5
_DOMINANT = 0.4  # share of the variance of block means that one block may have


class Spread:
    """Block means, moments, extremes and the largest deviations; attributes have shape (tests,).

    Attributes
    ----------
    n : samples of each test
    means : block means, one array for each block
    low, high : extremes
    """

    def __init__(self, xp: Namespace, tests: int = 1):
        self.xp, self.n = xp, 0
        self.means: list[Any] = []
        self.low, self.high = xp.full((tests,), math.inf), xp.full((tests,), -math.inf)
        self._centre: Any = None
        self._moments = [xp.zeros((tests,)) for _ in range(3)]
        self._top: list[Any] = []  # absolute deviations, the largest of the older ones
        self._held = 0

    def add(self, block: Any) -> None:
        """One block of samples, shape (tests, k)."""
        xp = self.xp
        if self._centre is None:
            self._centre = xp.median(block, axis=-1)
        d = block - self._centre[:, None]
        self.means.append(xp.mean(block, axis=-1))
        self.n += block.shape[-1]
        self._moments = [m + xp.sum(d**k, axis=-1) for k, m in enumerate(self._moments, start=1)]
        self.low = xp.minimum(self.low, xp.min(block, axis=-1))
        self.high = xp.maximum(self.high, xp.max(block, axis=-1))
        self._top.append(xp.abs(d))
        self._held += block.shape[-1]
        if self._held > 4 * _KEPT:
            self._top, self._held = [self._largest()[:, -_KEPT:]], _KEPT

    def _largest(self) -> Any:
        """What is held of the absolute deviations, in order: the largest 1024 at least."""
        return self.xp.sort(self.xp.concat(self._top, axis=-1), axis=-1)

    @property
    def mean(self) -> Any:
        return self.xp.mean(self.block_means(), axis=-1)

    def block_means(self) -> Any:
        """(tests, blocks)."""
        return self.xp.stack(self.means, axis=-1)

    def constant(self) -> Any:
        """Whether all samples agree to rounding."""
        xp = self.xp
        return self.high - self.low <= 1e-12 * xp.maximum(xp.abs(self.high), xp.abs(self.low))

    def tail_index(self) -> Any:
        """Hill's estimate from the largest sqrt(n) absolute deviations; infinite for data with no tail."""
        xp = self.xp
        k = min(max(int(math.sqrt(self.n)), 20), _KEPT - 1, self._held - 1)
        if k < 5:
            return xp.full(self.low.shape, math.inf)
        top = self._largest()[:, -(k + 1) :]
        least = top[:, :1]
        known = least > 0  # otherwise most samples coincide and a few do not: nothing is known about the tail
        one = xp.ones_like(least)
        ratios = xp.where(known, top[:, 1:], one) / xp.where(known, least, one)
        excess = xp.mean(xp.log(ratios), axis=-1, keepdims=True)
        index = xp.where(excess > 0, 1 / xp.where(excess > 0, excess, one), one * math.inf)
        return xp.where(known, index, 0.0 * one)[:, 0]

    def skewness(self) -> Any:
        """Absolute skewness."""
        xp = self.xp
        s1, s2, s3 = (m / self.n for m in self._moments)
        variance = s2 - s1**2
        return xp.abs(s3 - 3 * s1 * s2 + 2 * s1**3) / xp.clip(variance, 1e-150) ** 1.5

    def doubts(self, alpha: float) -> dict[str, Any]:
        """What speaks against an asymptotic interval: boolean arrays by reason, in the order they are reported."""
        xp, blocks = self.xp, len(self.means)
        never = xp.zeros(self.low.shape, dtype=xp.bool)
        if blocks < _MIN_BLOCKS:
            return {f"only {blocks} blocks": ~never}
        means = self.block_means()
        pulls = (means - xp.mean(means, axis=-1, keepdims=True)) ** 2
        # First Edgeworth correction to the normal tail that an error of alpha reads.
        correction = self.skewness() * (2 * math.log(2 / alpha)) ** 1.5 / (6 * math.sqrt(self.n))
        constant, (first, second) = self.constant(), (m / self.n for m in self._moments[:2])
        return {
            "all samples are equal": constant,
            "they are too small for floats to hold their squares": ~constant & (second - first**2 < _SMALLEST),
            f"a tail index below {_MIN_TAIL_INDEX}": self.tail_index() < _MIN_TAIL_INDEX,
            "one block dominates the variance": xp.max(pulls, axis=-1) > _DOMINANT * xp.sum(pulls, axis=-1),
            "too few samples for their skewness": correction > 1,
        }

    def fit(self, alpha: float) -> Any:
        """Whether nothing speaks against an asymptotic interval, (tests,)."""
        bad = self.xp.zeros(self.low.shape, dtype=self.xp.bool)
        for doubt in self.doubts(alpha).values():
            bad = bad | doubt
        return ~bad

    def refusal(self, alpha: float, test: int = 0) -> str:
        """The first reason why an asymptotic interval should not be trusted for one test; empty if there is none."""
        return next((reason for reason, doubt in self.doubts(alpha).items() if bool(doubt[test])), "")
