"""How many samples early stopping saves against a design of fixed size and equal power, for each confidence sequence.

    python -m benchmarks sequential [-- --runs 400]

For each kind, law and effect (the distance of the true mean from the refuted value, in standard deviations) the
sequential test runs until it decides, looking 10 % later each time, at the error probability of a whole run, 1e-6.  It
is cut off at N, the size by which 90 % of the runs have decided, so that its power is 90 %; the fixed design is the
normal-theory test of the same error probability and power, for the effect it was told.

- "told": the fixed design knows the effect.
- "cautious": it was sized for the smallest effect of the table, since nobody knew.
- passing: the true mean is the claimed one, and the interval has to fit into the tolerance.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np
from scipy.special import ndtri

from gdverify.experiment.backend import namespace
from gdverify.experiment.sequential import (
    BETS,
    bernoulli_evidence,
    betting_evidence,
    mixture_precision,
    normal_evidence,
    normal_interval,
    power_sums,
    robust_evidence,
    robust_interval,
)

PACKAGES = ("gdverify", "numpy", "scipy")
XP = namespace("cpu")
ALPHA, POWER = 1e-6, 0.9
EFFECTS = (0.05, 0.1, 0.2, 0.4)
GOAL = math.log(1 / ALPHA)
Refuted = tuple[np.ndarray, np.ndarray]  # (runs, looks): the mean is shown to be above, below the value


def looks(largest: int, first: int = 32) -> np.ndarray:
    """Multiples of 16, each 10 % later than the last."""
    raw = first * 1.1 ** np.arange(math.ceil(math.log(largest / first) / math.log(1.1)) + 1)
    return np.unique(16 * np.ceil(np.minimum(raw, largest) / 16).astype(int))


def sums_at(x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Sums of the first n samples for each n in ``at``: (runs, samples, ...) -> (runs, looks, ...)."""
    starts = np.concatenate([[0], at[:-1]])
    return np.cumsum(np.add.reduceat(x[:, : at[-1]], starts, axis=1), axis=1)


def by_sign(evidence: np.ndarray, centre: np.ndarray, value: float) -> Refuted:
    return (evidence >= GOAL) & (centre > value), (evidence >= GOAL) & (centre < value)


def bernoulli(x: np.ndarray, at: np.ndarray, value: float) -> Refuted:
    hits = sums_at(x, at)
    return by_sign(bernoulli_evidence(XP, hits, 1.0 * at, math.log(value / (1 - value))), hits / at, value)


def betting(x: np.ndarray, at: np.ndarray, value: float) -> Refuted:
    sums = sums_at(power_sums(XP, x[..., None]), at)
    flat = sums.reshape(-1, sums.shape[-1])
    sides = betting_evidence(XP, flat, np.full((len(flat), 1), value))
    higher, lower = (side.reshape(sums.shape[:2]) >= math.log(2 / ALPHA) for side in sides)
    return higher, lower


def bernstein(x: np.ndarray, at: np.ndarray, value: float) -> Refuted:
    """Predictable plug-in empirical Bernstein (Waudby-Smith and Ramdas 2024, Theorem 2), for comparison."""
    t, log = np.arange(1, x.shape[1] + 1), math.log(2 / ALPHA)
    means = np.concatenate([np.full((len(x), 1), 0.5), (0.5 + np.cumsum(x, axis=1)) / (1 + t)], axis=1)
    spread = 0.25 + np.cumsum((x - means[:, 1:]) ** 2, axis=1)
    variance = np.concatenate([np.full((len(x), 1), 0.25), (spread / (1 + t))[:, :-1]], axis=1)
    stake = np.minimum(np.sqrt(2 * log / (variance * t * np.log1p(t))), 0.5)
    penalty = sums_at((x - means[:, :-1]) ** 2 * (-np.log1p(-stake) - stake), at)
    weight = sums_at(stake, at)
    centre, radius = sums_at(stake * x, at) / weight, (log + penalty) / weight
    return centre - radius > value, centre + radius < value


def excess(x: np.ndarray, at: np.ndarray, value: float) -> Refuted:
    ratios = x / value - 1
    capital = np.stack([sums_at(np.log1p(lam * ratios), at) for lam in BETS])
    won = np.maximum.accumulate(np.logaddexp.reduce(capital, axis=0) - math.log(len(BETS)) >= GOAL, axis=1)
    return won, np.zeros_like(won)


def sub_gaussian(x: np.ndarray, at: np.ndarray, value: float) -> Refuted:
    total = sums_at(x - value, at)
    return by_sign(normal_evidence(XP, total, 1.0 * at, mixture_precision(ALPHA)), total, 0.0)


def robust(x: np.ndarray, at: np.ndarray, value: float) -> Refuted:
    total, squares = sums_at(x - value, at), sums_at((x - value) ** 2, at)
    share = 0.95 * ALPHA
    evidence = robust_evidence(XP, 1.0 * at, total, squares, mixture_precision(share)) + math.log(0.95)
    return by_sign(evidence, total, 0.0)


def asymptotic(x: np.ndarray, at: np.ndarray, value: float) -> Refuted:
    """On means of 16 samples, from 16 blocks on."""
    means = x.reshape(len(x), -1, 16).mean(axis=-1)
    n = at // 16
    total, squares = sums_at(means, n), sums_at(means**2, n)
    variance = np.maximum(squares - total**2 / n, 0) / np.maximum(n - 1, 1)
    low, high = normal_interval(XP, 1.0 * n + 0 * total, total, variance, ALPHA, 200)
    ready = n >= 16
    return (low > value) & ready, (high < value) & ready


Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def pareto(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Index 2.2, mean 0, variance 1."""
    x = (1 - rng.random(shape)) ** (-1 / 2.2)
    return (x - 2.2 / 1.2) / math.sqrt(2.2 / 0.2 - (2.2 / 1.2) ** 2)


# name, law in words, draw, mean, standard deviation, test, sides of the fixed test
KINDS: list[tuple[str, str, Draw, float, float, Callable[..., Refuted], int]] = [
    ("exact Bernoulli", "fair coin", lambda r, s: (r.random(s) < 0.5) * 1.0, 0.5, 0.5, bernoulli, 2),
    ("betting", "uniform on [0, 1]", lambda r, s: r.random(s), 0.5, 12**-0.5, betting, 2),
    ("betting", "Beta(1/2, 2)", lambda r, s: r.beta(0.5, 2, s), 0.2, math.sqrt(0.16 / 3.5), betting, 2),
    ("empirical Bernstein, not in use", "uniform on [0, 1]", lambda r, s: r.random(s), 0.5, 12**-0.5, bernstein, 2),
    ("sub-Gaussian mixture", "normal", lambda r, s: r.standard_normal(s), 0.0, 1.0, sub_gaussian, 2),
    ("robust", "normal", lambda r, s: r.standard_normal(s), 0.0, 1.0, robust, 2),
    ("robust", "Pareto, index 2.2", pareto, 0.0, 1.0, robust, 2),
    ("asymptotic", "exponential", lambda r, s: r.exponential(size=s), 1.0, 1.0, asymptotic, 2),
    ("bets on an excess", "exponential", lambda r, s: r.exponential(size=s), 1.0, 1.0, excess, 1),
]  # fmt: skip


def fixed_size(effect: float, sides: int, passing: bool = False) -> float:
    miss = (1 - POWER) / 2 if passing else 1 - POWER
    return ((float(ndtri(1 - ALPHA / sides)) + float(ndtri(1 - miss))) / effect) ** 2


def stopping(
    draw: Draw, test: Callable[..., Refuted], values: list[tuple[float, int]], size: float, runs: int
) -> tuple:
    """Mean size of the sequential test cut off at power 0.9, and that cut; values: (value, side) to be refuted."""
    rng, largest = np.random.default_rng(20), 16 * math.ceil(12 * size / 16)
    at, sizes = looks(largest), []
    for start in range(0, runs, 50):
        x = draw(rng, (min(50, runs - start), largest))
        done = np.ones((len(x), len(at)), bool)
        for value, side in values:
            done &= np.maximum.accumulate(test(x, at, value)[side], axis=1)
        first = np.where(done.any(axis=1), at[done.argmax(axis=1)], math.inf)
        sizes.append(first)
    taken = np.concatenate(sizes)
    cut = float(np.quantile(taken, POWER, method="higher"))
    return float(np.mean(np.minimum(taken, cut))), cut


def table(runs: int) -> list[str]:
    """Markdown rows."""
    out = [
        "| confidence sequence | law | effect (sd) | stops after (mean) | cut at N | fixed, told | ratio |"
        " fixed, cautious | saved |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, law, draw, mean, sd, test, sides in KINDS:
        cautious = fixed_size(EFFECTS[0], sides)
        for effect in EFFECTS:
            size = fixed_size(effect, sides)
            took, cut = stopping(draw, test, [(mean - effect * sd, 0)], max(size, 600), runs)
            out.append(
                f"| {name} | {law} | {effect:g} | {took:,.0f} | {cut:,.0f} | {size:,.0f} | {took / size:.2f} "
                f"| {cautious:,.0f} | {1 - took / cautious:.0%} |"
            )
    out += ["", "Passing: the interval has to fit into the tolerance on both sides of the true mean.", ""]
    out += [
        "| confidence sequence | law | tolerance (sd) | stops after (mean) | cut at N | fixed | ratio |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, law, draw, mean, sd, test, sides in KINDS:
        if sides == 1:
            continue
        for effect in (0.1, 0.4):
            size = fixed_size(effect, 2, passing=True)
            took, cut = stopping(draw, test, [(mean - effect * sd, 0), (mean + effect * sd, 1)], max(size, 600), runs)
            out.append(f"| {name} | {law} | {effect:g} | {took:,.0f} | {cut:,.0f} | {size:,.0f} | {took / size:.2f} |")
    return out


def catoni_width(x: np.ndarray) -> np.ndarray:
    """Catoni-style sequence for variance 1 (Wang and Ramdas 2023), with stakes that fall like 1/sqrt(t log t)."""
    t, log = np.arange(1, x.shape[1] + 1), math.log(2 / ALPHA)
    stake = np.sqrt(2 * log / (t * np.log1p(t)))
    level, ends = np.sum(stake**2) / 2 + log, []
    for sign in (1, -1):
        low, high = x.mean(axis=1) - 50, x.mean(axis=1) + 50
        for _ in range(40):
            middle = (low + high) / 2
            y = stake * (x - middle[:, None])
            above = np.sum(np.sign(y) * np.log1p(np.abs(y) + y * y / 2), axis=1) > sign * level
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        ends.append(low)
    return ends[1] - ends[0]


def widths(runs: int) -> list[str]:
    """Markdown rows: two intervals that need a bound on the variance alone."""
    out = [
        "", "Widths of two intervals that need nothing but a bound on the variance, 1 here; means over runs.", "",
        "| law | samples | self-normalised, in use | Catoni-style, not in use |",
        "| --- | ---: | ---: | ---: |",
    ]  # fmt: skip
    for law, draw in (("normal", lambda r, s: r.standard_normal(s)), ("Pareto, index 2.2", pareto)):
        for n in (300, 3000, 30_000):
            x = draw(np.random.default_rng(n), (max(runs // 10, 1), n))
            count, mean = np.full(len(x), float(n)), x.mean(axis=1)
            squares = np.sum((x - mean[:, None]) ** 2, axis=1)
            low, high = robust_interval(XP, count, mean, squares, np.ones(len(x)), ALPHA)
            out.append(f"| {law} | {n:,} | {np.mean(high - low):.3g} | {np.mean(catoni_width(x)):.3g} |")
    return out


def measure(arguments: list[str]) -> list[str]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks sequential", description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    options = parser.parse_args(arguments)
    return table(options.runs) + widths(options.runs)
