"""Confidence sequences and test martingales: intervals that may be looked at after every block.

What each needs of the data, and why it holds:

- `bernoulli_interval`: 0/1 data.  Beta-binomial mixture martingale and Ville's inequality (Robbins 1970); exact.
- `BoundedMean`: data in a known [low, high].  Predictable plug-in empirical Bernstein confidence sequence
  (Waudby-Smith and Ramdas 2024, Theorem 2); exact.
- `ExcessBet`: non-negative data.  Under E[Q] <= B each capital prod(1 + lam (Q_i/B - 1)) with lam in [0, 1) is a
  non-negative supermartingale, hence so is their mixture, and Ville's inequality bounds the chance that it ever
  reaches 1/alpha.  No moment beyond the first is used; it can only refute.
- `asymptotic_interval`: finite variance, enough samples.  Robbins' normal mixture with the estimated variance
  (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, Theorem 2.2), on block means.  Asymptotic, and called so;
  `Spread.refusal` says when the data look unfit for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaln, logsumexp

_KEPT = 1024  # largest deviations kept for the tail index
_MIN_BLOCKS = 16
_MIN_TAIL_INDEX = 2.5
_BETS = np.exp2(-np.arange(1, 21))
_TUNED_FOR = 200  # number of blocks at which the normal mixture is tightest; any choice is valid


def bernoulli_interval(successes: int, trials: int, alpha: float) -> tuple[float, float]:
    """Interval of a success probability, valid at every number of trials at once."""
    s, n, goal = successes, trials, math.log(1 / alpha)

    def log_capital(p: float) -> float:
        mixed = betaln(0.5 + s, 0.5 + n - s) - betaln(0.5, 0.5)
        return mixed - (s * math.log(p) if s else 0.0) - ((n - s) * math.log1p(-p) if n > s else 0.0) - goal

    centre = min(max(s / n, 1e-300), 1 - 1e-16) if n else 0.5
    low = 0.0 if s == 0 or log_capital(1e-300) < 0 else brentq(log_capital, 1e-300, centre, xtol=1e-300, rtol=1e-10)
    top = 1 - 1e-16
    high = 1.0 if s == n or log_capital(top) < 0 else brentq(log_capital, centre, top, xtol=1e-15, rtol=1e-10)
    return float(low), float(high)


def no_event_bound(trials: int, alpha: float) -> float:
    """Upper confidence bound on the probability of an event never seen in a fixed number of trials."""
    return -math.expm1(math.log(alpha) / trials) if trials else 1.0


class BoundedMean:
    """Empirical-Bernstein confidence sequence of a mean, for data in [low, high], fed block by block."""

    def __init__(self, low: float, high: float, alpha: float):
        if not high > low:
            raise ValueError("empty support")
        self.low, self.width, self.log = low, high - low, math.log(2 / alpha)
        self.n, self.sum, self.squares = 0, 0.0, 0.0
        self.weight, self.weighted, self.penalty = 0.0, 0.0, 0.0

    def add(self, block: np.ndarray) -> None:
        """One block; the stake was fixed before looking at it."""
        x = (block - self.low) / self.width
        mean = (0.5 + self.sum) / (1 + self.n)
        variance = max((0.25 + self.squares) / (1 + self.n), 1e-12)
        t = self.n + len(x)
        stake = min(math.sqrt(2 * self.log / (variance * t * math.log1p(t))), 0.5)
        deviation = float(np.sum((x - mean) ** 2))
        self.weight += stake * len(x)
        self.weighted += stake * float(np.sum(x))
        self.penalty += deviation * (-math.log1p(-stake) - stake)
        self.n, self.sum = t, self.sum + float(np.sum(x))
        self.squares += deviation

    def interval(self) -> tuple[float, float]:
        if not self.n:
            return self.low, self.low + self.width
        centre, radius = self.weighted / self.weight, (self.log + self.penalty) / self.weight
        return self.low + self.width * max(centre - radius, 0.0), self.low + self.width * min(centre + radius, 1.0)


class ExcessBet:
    """Bets against E[Q] <= bound for non-negative Q; ``evidence`` is the log of the largest capital so far."""

    def __init__(self, bound: float):
        self.bound, self.capital, self.evidence = bound, np.zeros(len(_BETS)), 0.0

    def add(self, block: np.ndarray) -> None:
        with np.errstate(over="ignore"):
            self.capital = self.capital + np.log1p(_BETS[:, None] * (block[None, :] / self.bound - 1)).sum(axis=1)
        self.evidence = max(self.evidence, float(logsumexp(self.capital)) - math.log(len(_BETS)))


def asymptotic_interval(means: np.ndarray, alpha: float) -> tuple[float, float]:
    """Asymptotic confidence sequence of the mean of block means."""
    n = len(means)
    if n < 2:
        return -math.inf, math.inf
    goal = -2 * math.log(alpha)
    rho2 = (goal + math.log(goal + 1)) / _TUNED_FOR
    radius = math.sqrt(2 * (n * rho2 + 1) / (n * n * rho2) * math.log(math.sqrt(n * rho2 + 1) / alpha))
    centre, radius = float(np.mean(means)), radius * float(np.std(means, ddof=1))
    return centre - radius, centre + radius


class Spread:
    """What has been seen of one real quantity: block means, moments, extremes, the largest deviations."""

    def __init__(self) -> None:
        self.means: list[float] = []
        self.n = 0
        self.centre: float | None = None
        self.moments: list[tuple[float, float, float]] = []
        self.low, self.high = math.inf, -math.inf
        self.top = np.empty(0)

    def add(self, block: np.ndarray) -> None:
        """One block of samples."""
        if self.centre is None:
            self.centre = float(np.median(block))
        d = block - self.centre
        self.means.append(float(np.mean(block)))
        self.n += len(block)
        self.moments.append((float(d.sum()), float((d**2).sum()), float((d**3).sum())))
        self.low, self.high = min(self.low, float(block.min())), max(self.high, float(block.max()))
        self.top = np.concatenate([self.top, np.abs(d)])
        if len(self.top) > 4 * _KEPT:
            self.top = np.partition(self.top, len(self.top) - _KEPT)[-_KEPT:]

    @property
    def mean(self) -> float:
        return float(np.mean(self.means))

    def constant(self) -> bool:
        """Whether all samples agree to rounding."""
        return self.high - self.low <= 1e-12 * max(abs(self.high), abs(self.low))

    def tail_index(self) -> float:
        """Hill's estimate from the largest sqrt(n) absolute deviations; infinite for data with no tail."""
        k = min(max(int(math.sqrt(self.n)), 20), _KEPT - 1, len(self.top) - 1)
        if k < 5:
            return math.inf
        top = np.sort(self.top)[-(k + 1) :]
        if top[0] <= 0:
            return 0.0  # most samples coincide and a few do not: nothing is known about the tail
        excess = float(np.mean(np.log(top[1:] / top[0])))
        return 1 / excess if excess > 0 else math.inf

    def refusal(self, alpha: float) -> str:
        """Why an asymptotic interval should not be trusted on these data; empty if nothing speaks against it."""
        blocks = len(self.means)
        if blocks < _MIN_BLOCKS:
            return f"only {blocks} blocks"
        if self.constant():
            return "all samples are equal"
        index = self.tail_index()
        if index < _MIN_TAIL_INDEX:
            return f"tail index about {index:.2g} (needs {_MIN_TAIL_INDEX})"
        means = np.asarray(self.means)
        pulls = (means - np.mean(means)) ** 2
        if pulls.max() > 0.4 * pulls.sum():
            return "one block dominates the variance"
        s1, s2, s3 = (math.fsum(m[k] for m in self.moments) / self.n for k in range(3))
        variance = s2 - s1**2
        skew = abs(s3 - 3 * s1 * s2 + 2 * s1**3) / max(variance, 1e-300) ** 1.5
        # First Edgeworth correction to the normal tail that an error of alpha reads.
        correction = skew * (2 * math.log(2 / alpha)) ** 1.5 / (6 * math.sqrt(self.n))
        if correction > 1:
            return f"too few samples for their skewness ({skew:.2g})"
        return ""


def block_rows(array: np.ndarray, rows: int) -> list[np.ndarray]:
    """Consecutive blocks of an array's rows."""
    return [array[k : k + rows] for k in range(0, len(array), rows)]


Interval = tuple[float, float]
Decide = Callable[[Interval], str | None]
