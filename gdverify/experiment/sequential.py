"""Confidence sequences: intervals that may be looked at after every sample, for many tests at once.

Every function takes an array namespace and arrays whose leading axis counts tests, and holds no loop over tests or
samples; what has been seen of a test is a few sums, so that samples need not be kept.  ``docs/decisions.md`` says
which theorem each interval rests on, and ``theorems/decisions`` holds the theorems as claims about this very code.

An interval leaves out a value where the evidence against it, the log of a process of mean at most 1 that starts at 1,
reaches log(1/alpha): by Ville's inequality that ever happens to the true value with probability at most alpha.

- `bernoulli_interval`: 0/1 data; Beta mixture.
- `betting_interval`: data in [0, 1]; mixture over fixed stakes of the capital of a gambler who bets against the mean.
- `excess_evidence`: non-negative data; a gambler who bets against E[Q] <= B.  No moment but the first; only refutes.
- `normal_interval`: a sub-Gaussian proxy is known; normal mixture.
- `robust_interval`: a bound on the variance is known; self-normalised normal mixture, whatever the tails.
- `asymptotic_interval`: the variance is finite and the samples are many.  An approximation; `spread.Spread` says where
  the data look unfit for it.
"""

from __future__ import annotations

import math
from typing import Any

from .backend import Namespace

STAKES = tuple(0.75 * 2.0**-k for k in range(12))
DEGREE = 8
# log(1 + y) >= sum of MINORANT[j] y^j for y >= -3/4, and the sum increases in y for |y| <= 3/4 (theorems/decisions).
MINORANT = (0.0, *((-1) ** (j + 1) / j for j in range(1, DEGREE)), -0.5)
BETS = tuple(2.0**-k for k in range(1, 21))
TUNED_FOR = 4096  # number of samples at which normal mixtures are tightest; any choice is valid
_BLOCKS_TUNED_FOR = 200  # the same for block means
_ESCAPE = 20  # a share 1/_ESCAPE of alpha pays for leaving out values far away
_HALVINGS = 52


def _log_mean_exp(xp: Namespace, x: Any) -> Any:
    """log of the mean of exp(x) along the first axis."""
    top = xp.max(x, axis=0)
    return top + xp.log(xp.mean(xp.exp(x - top), axis=0))


# -- 0/1 data -----------------------------------------------------------------------------------------------------


def bernoulli_evidence(xp: Namespace, successes: Any, trials: Any, logit: Any) -> Any:
    """Log capital against the success probability 1/(1 + exp(-logit)) after this many successes; shapes broadcast.

    The capital is the Beta(1/2, 1/2) mixture of the likelihood ratios (Robbins 1970).
    """
    s, f = successes, trials - successes
    mixed = xp.lgamma(s + 0.5) + xp.lgamma(f + 0.5) - xp.lgamma(trials + 1.0) - math.log(math.pi)
    zero = logit * 0.0
    return mixed + s * xp.logaddexp(zero, -logit) + f * xp.logaddexp(zero, logit)


def bernoulli_interval(xp: Namespace, successes: Any, trials: Any, alpha: float) -> tuple[Any, Any]:
    """Intervals of success probabilities, shape (tests,), valid at every number of trials at once.

    The evidence is convex in the logit, so that Newton's method from outside approaches the ends from outside.
    """
    s, f = successes, trials - successes
    return _bernoulli_low(xp, s, f, alpha), 1.0 - _bernoulli_low(xp, f, s, alpha)


def _bernoulli_low(xp: Namespace, s: Any, f: Any, alpha: float) -> Any:
    n, goal = s + f, math.log(1 / alpha)
    some = xp.where(s > 0, s, s * 0.0 + 1.0)
    # The evidence is at least mixed - s logit and mixed + f logit: start where the first reaches the goal.
    mixed = xp.lgamma(s + 0.5) + xp.lgamma(f + 0.5) - xp.lgamma(n + 1.0) - math.log(math.pi)
    logit = xp.minimum((mixed - goal) / some, xp.log(some) - xp.log(f + 0.5))
    for _ in range(40):
        excess = bernoulli_evidence(xp, s, n, logit) - goal
        slope = n / (1 + xp.exp(-logit)) - s  # below zero left of the empirical rate
        step = xp.where((excess > 0) & (slope < 0), -excess / xp.where(slope < 0, slope, slope * 0.0 - 1.0), 0.0 * s)
        logit = logit + step
    return xp.where(s > 0, 1 / (1 + xp.exp(-logit)), s * 0.0)


def no_event_bound(trials: int, alpha: float) -> float:
    """Upper confidence bound on the probability of an event never seen in a fixed number of trials."""
    return -math.expm1(math.log(alpha) / trials) if trials else 1.0


# -- data in [0, 1] -----------------------------------------------------------------------------------------------


def power_sums(xp: Namespace, x: Any) -> Any:
    """Sums of (x - 1/2)^j, j = 0, ..., 8, over the last axis of samples in [0, 1]: (tests, k) -> (tests, 9)."""
    centred, power, out = x - 0.5, xp.ones_like(x), []
    for _ in range(DEGREE + 1):
        out.append(xp.sum(power, axis=-1))
        power = power * centred
    return xp.stack(out, axis=-1)


def betting_evidence(xp: Namespace, sums: Any, mean: Any) -> tuple[Any, Any]:
    """Log capital of the gamblers who bet that the mean is higher, and lower, than ``mean``.

    A gambler multiplies a unit by 1 + s (x - mean)/max(mean, 1 - mean) at every sample x, for each stake s at once.
    What is given is that capital with each logarithm replaced by its minorant: a function of the power sums.

    Parameters
    ----------
    sums : (tests, 9), from `power_sums`
    mean : (tests, m)

    Returns
    -------
    higher, lower : (tests, m); the first falls and the second rises in ``mean``
    """
    shift = 0.5 - mean  # x - mean = (x - 1/2) + shift
    scale = xp.maximum(mean, 1.0 - mean)
    tower: list[Any] = [xp.ones_like(shift)]
    even: list[Any] = []
    odd: list[Any] = []
    for j in range(1, DEGREE + 1):
        tower.append(tower[-1] * shift)
        moment = sums[:, None, j]
        for i in range(j):
            moment = moment + math.comb(j, i) * tower[j - i] * sums[:, None, i]
        (odd if j % 2 else even).append(MINORANT[j] * moment / scale**j)
    # Stakes along the first axis, where sums over them are fast.
    of_odd, of_even = (_at_stakes(xp, terms, first) for terms, first in ((odd, 1), (even, 2)))
    return _log_mean_exp(xp, of_even + of_odd), _log_mean_exp(xp, of_even - of_odd)


def _at_stakes(xp: Namespace, terms: list[Any], first: int) -> Any:
    """Sum of terms[k] s^(first + 2k) for each stake s: (12, tests, m)."""
    shape = terms[0].shape
    powers = xp.asarray([[s ** (first + 2 * k) for k in range(len(terms))] for s in STAKES])
    flat = xp.reshape(xp.stack(terms, axis=0), (len(terms), shape[0] * shape[1]))
    return xp.reshape(powers @ flat, (len(STAKES), *shape))


def betting_interval(xp: Namespace, sums: Any, alpha: float) -> tuple[Any, Any]:
    """Intervals of means in [0, 1], shape (tests,), valid at every number of samples at once; half of alpha a side.

    Ends are found by halving and rounded outwards: the values beyond them are refuted.
    """
    goal = math.log(2 / alpha)
    n = xp.maximum(sums[:, 0], xp.ones_like(sums[:, 0]))
    middle = xp.clip(0.5 + sums[:, 1] / n, 0.0, 1.0)
    out = xp.stack([xp.zeros_like(middle), xp.ones_like(middle)], axis=-1)  # refuted, or an end of [0, 1]
    inside = xp.stack([middle, middle], axis=-1)
    for _ in range(_HALVINGS):
        trial = 0.5 * (out + inside)
        higher, lower = betting_evidence(xp, sums, trial)
        refuted = xp.stack([higher[:, 0] >= goal, lower[:, 1] >= goal], axis=-1)
        out, inside = xp.where(refuted, trial, out), xp.where(refuted, inside, trial)
    return out[:, 0], out[:, 1]


# -- means with a known scale ----------------------------------------------------------------------------------------


def mixture_precision(alpha: float, samples: int = TUNED_FOR) -> float:
    """Variance of the normal mixture over stakes that is nearly tightest after this many samples of unit scale."""
    goal = -2 * math.log(alpha)
    return (goal + math.log(goal + 1)) / samples


def normal_evidence(xp: Namespace, total: Any, variation: Any, rho: float) -> Any:
    """Log of the N(0, rho) mixture over lam of exp(lam * total - lam^2 * variation/2); shapes broadcast."""
    return 0.5 * (rho * total**2 / (1 + rho * variation) - xp.log(1 + rho * variation))


def normal_interval(
    xp: Namespace, count: Any, total: Any, proxy: Any, alpha: float, samples: int = TUNED_FOR
) -> tuple[Any, Any]:
    """Intervals of means of sub-Gaussian data, shape (tests,), valid at every number of samples at once.

    Parameters
    ----------
    count, total : number and sum of the samples, (tests,)
    proxy : s^2 with E exp(lam (X - mean)) <= exp(lam^2 s^2/2) for all lam, given the past
    samples : where the interval is tightest
    """
    rho, n = mixture_precision(alpha, samples), count * 1.0
    radius = xp.sqrt(proxy * (n + 1 / rho) * (xp.log(1 + rho * n) - 2 * math.log(alpha))) / n
    return total / n - radius, total / n + radius


def robust_evidence(xp: Namespace, count: Any, total: Any, squares: Any, rho: float) -> Any:
    """Log capital from the sums of x - mean and of (x - mean)^2, for data of variance at most 1; shapes broadcast.

    exp(lam y - lam^2 y^2/6) has mean at most 1 + lam^2/3 when y has mean 0 and variance at most 1 (Delyon 2009).
    """
    return normal_evidence(xp, total, (squares + 2 * count) / 3, rho)


def robust_interval(
    xp: Namespace, count: Any, mean: Any, squares: Any, variance: Any, alpha: float, samples: int = TUNED_FOR
) -> tuple[Any, Any]:
    """Intervals of means of data of bounded variance, shape (tests,), valid at every number of samples at once.

    The evidence refutes a ring around the sample mean, out to distances that grow exponentially in the number of
    samples; what lies farther away is refuted by the inequality of Dubins and Savage at a small share of alpha.

    Parameters
    ----------
    count, mean, squares : number and mean of the samples, sum of their squared deviations from it, (tests,)
    variance : a bound on E (X - mean)^2 given the past
    samples : where the interval is tightest
    """
    scale, n = xp.sqrt(variance + 0.0 * mean), count * 1.0
    far = math.sqrt(2 * _ESCAPE / alpha - 1)  # |S| >= a + b n has probability at most 2/(1 + ab); a = b = far
    out, share = xp.log(far / n + far), alpha * (1 - 1 / _ESCAPE)
    rho = mixture_precision(share, samples)
    inside = out * 0.0 - 40.0
    for _ in range(_HALVINGS):
        trial = 0.5 * (out + inside)
        distance = xp.exp(trial)
        spread = squares / scale**2 + n * distance**2
        refuted = robust_evidence(xp, n, n * distance, spread, rho) >= -math.log(share)
        out, inside = xp.where(refuted, trial, out), xp.where(refuted, inside, trial)
    return mean - scale * xp.exp(out), mean + scale * xp.exp(out)


def asymptotic_interval(xp: Namespace, means: Any, alpha: float) -> tuple[Any, Any]:
    """Asymptotic confidence sequences of means from block means: (tests, blocks) -> (tests,), (tests,)."""
    n = means.shape[-1]
    centre = xp.mean(means, axis=-1)
    if n < 2:
        return centre - math.inf, centre + math.inf
    variance = xp.sum((means - centre[..., None]) ** 2, axis=-1) / (n - 1)
    count = xp.ones_like(centre) * n
    return normal_interval(xp, count, count * centre, variance, alpha, _BLOCKS_TUNED_FOR)


# -- non-negative data ------------------------------------------------------------------------------------------------


def bet_on_excess(xp: Namespace, capital: Any, ratios: Any) -> Any:
    """Log capitals (tests, 20) of the stakes in `BETS` after more samples of Q/B >= 0, shape (tests, k).

    A stake lam turns 1 into 1 + lam (Q/B - 1): under E[Q | past] <= B none of these grows on average.
    """
    stake = xp.asarray(BETS)[:, None]
    return capital + xp.sum(xp.log1p(stake * (ratios[:, None, :] - 1.0)), axis=-1)


def excess_evidence(xp: Namespace, capital: Any) -> Any:
    """Log of the mean capital, shape (tests,)."""
    return _log_mean_exp(xp, xp.permute_dims(capital, (1, 0)))
