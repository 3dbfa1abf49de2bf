"""The mean of one quantity watched block by block: what a decision about one claim needs of `sequential`."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from .backend import namespace
from .sequential import (
    BETS,
    DEGREE,
    bernoulli_interval,
    bet_on_excess,
    betting_interval,
    excess_evidence,
    normal_interval,
    power_sums,
    robust_interval,
)

Interval = tuple[float, float]
_XP = namespace("cpu")


class Watched(Protocol):
    """A mean with an interval that may be looked at after every block."""

    basis: str

    def add(self, block: np.ndarray) -> None: ...
    def interval(self) -> Interval: ...


def _single(ends: tuple[np.ndarray, np.ndarray]) -> Interval:
    return float(ends[0][0]), float(ends[1][0])


def success_interval(successes: int, trials: int, alpha: float) -> Interval:
    """Interval of one success probability, valid at every number of trials at once."""
    return _single(bernoulli_interval(_XP, np.array([float(successes)]), np.array([float(trials)]), alpha))


class BoundedMean:
    """Data in [low, high]."""

    basis = "valid at any time (bounded, betting)"

    def __init__(self, low: float, high: float, alpha: float):
        if not high > low:
            raise ValueError("empty support")
        self.low, self.width, self.alpha = low, high - low, alpha
        self.sums = np.zeros((1, DEGREE + 1))

    def add(self, block: np.ndarray) -> None:
        self.sums = self.sums + power_sums(_XP, np.clip((block - self.low) / self.width, 0.0, 1.0)[None])

    def interval(self) -> Interval:
        low, high = _single(betting_interval(_XP, self.sums, self.alpha))
        return self.low + self.width * low, self.low + self.width * high


class _Moments:
    """Number, mean and sum of squared deviations of the samples so far."""

    def __init__(self, alpha: float):
        self.alpha, self.n = alpha, 0
        self.mean = self.squares = 0.0

    def add(self, block: np.ndarray) -> None:
        k, mean = len(block), float(np.mean(block))
        shift, total = mean - self.mean, self.n + k
        self.squares += float(np.sum((block - mean) ** 2)) + shift**2 * self.n * k / total
        self.mean, self.n = self.mean + shift * k / total, total


class SubGaussianMean(_Moments):
    """Data with a sub-Gaussian proxy s^2 that the claim declares."""

    basis = "valid at any time (sub-Gaussian, with the declared proxy)"

    def __init__(self, proxy: float, alpha: float):
        super().__init__(alpha)
        self.proxy = proxy

    def interval(self) -> Interval:
        if not self.n:
            return -math.inf, math.inf
        n, total = np.array([float(self.n)]), np.array([self.n * self.mean])
        return _single(normal_interval(_XP, n, total, self.proxy, self.alpha))


class RobustMean(_Moments):
    """Data whose variance is at most what the claim declares, whatever their tails."""

    basis = "valid at any time (any tails, given the declared bound on the variance)"

    def __init__(self, variance: float, alpha: float):
        super().__init__(alpha)
        self.variance = variance

    def interval(self) -> Interval:
        if not self.n:
            return -math.inf, math.inf
        n, mean, squares = (np.array([float(x)]) for x in (self.n, self.mean, self.squares))
        return _single(robust_interval(_XP, n, mean, squares, np.array([self.variance]), self.alpha))


class ExcessBet:
    """Bets against E[Q] <= bound for non-negative Q; ``evidence`` is the log of the largest capital so far."""

    def __init__(self, bound: float):
        self.bound, self.capital, self.evidence = bound, np.zeros((1, len(BETS))), 0.0

    def add(self, block: np.ndarray) -> None:
        with np.errstate(over="ignore"):
            self.capital = bet_on_excess(_XP, self.capital, (block / self.bound)[None])
        self.evidence = max(self.evidence, float(excess_evidence(_XP, self.capital)[0]))


def block_rows(array: np.ndarray, rows: int) -> list[np.ndarray]:
    """Consecutive blocks of an array's rows."""
    return [array[k : k + rows] for k in range(0, len(array), rows)]
