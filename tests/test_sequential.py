"""Confidence sequences: coverage and width, one test at a time and many at once, on any array library."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from gdverify.claim import Claim, Paper
from gdverify.decision import Counterexample, MeanBound, MeanEquals
from gdverify.domain import Case
from gdverify.experiment.backend import namespace
from gdverify.experiment.engine import run_experiment
from gdverify.experiment.sequential import (
    BETS,
    MINORANT,
    STAKES,
    asymptotic_interval,
    bernoulli_evidence,
    bernoulli_interval,
    bet_on_excess,
    betting_evidence,
    betting_interval,
    excess_evidence,
    normal_interval,
    power_sums,
    robust_interval,
)
from gdverify.experiment.spread import Spread
from gdverify.experiment.watched import BoundedMean, ExcessBet, RobustMean, SubGaussianMean, success_interval

XP = namespace("cpu")
ALPHA = 0.05
levels = st.sampled_from([0.2, 0.05, 1e-3, 1e-9])
bits = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def width(ends):
    return float(ends[1][0] - ends[0][0])


def every_interval(xp, x, alpha):
    """Name -> ends of each interval for data (tests, k) in [0, 1]."""
    n, total = xp.sum(xp.ones_like(x), axis=-1), xp.sum(x, axis=-1)
    mean = total / n
    squares = xp.sum((x - mean[:, None]) ** 2, axis=-1)
    hits = xp.sum(xp.round(x), axis=-1)
    return {
        "bernoulli": bernoulli_interval(xp, hits, n, alpha),
        "betting": betting_interval(xp, power_sums(xp, x), alpha),
        "normal": normal_interval(xp, n, total, 0.25, alpha),
        "robust": robust_interval(xp, n, mean, squares, xp.ones_like(mean) / 4, alpha),
        "asymptotic": asymptotic_interval(xp, x, alpha),
    }


# -- what they are ------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(bits, levels)
def test_intervals_hold_the_sample_mean_and_shrink_with_alpha(x, alpha):
    x = np.array([x])
    wide = every_interval(XP, x, alpha / 10)
    for name, (low, high) in every_interval(XP, x, alpha).items():
        centre = np.round(x).mean() if name == "bernoulli" else x.mean()
        assert low[0] - 1e-12 <= centre <= high[0] + 1e-12, name
        assert wide[name][0][0] <= low[0] + 1e-12 and wide[name][1][0] >= high[0] - 1e-12, name


@settings(max_examples=30, deadline=None)
@given(bits, st.randoms(use_true_random=False), levels)
def test_the_order_of_samples_and_the_cut_into_blocks_do_not_matter(x, random, alpha):
    shuffled = random.sample(x, len(x))
    cut = random.randint(0, len(x))
    for make in (
        lambda: BoundedMean(0, 1, alpha),
        lambda: SubGaussianMean(0.25, alpha),
        lambda: RobustMean(0.25, alpha),
    ):
        once, twice = make(), make()
        once.add(np.array(x))
        for part in (shuffled[:cut], shuffled[cut:]):
            if part:
                twice.add(np.array(part))
        assert np.allclose(once.interval(), twice.interval(), rtol=1e-9, atol=1e-9)


def test_a_batch_is_what_its_tests_are_alone_and_the_array_standard_suffices():
    rng, strict = np.random.default_rng(3), namespace("strict")
    x = np.concatenate([rng.random((3, 40)), rng.random((3, 40)) < 0.1, np.full((1, 40), 0.3), np.zeros((1, 40))])
    batch = every_interval(XP, x, 1e-6)
    for name, ends in every_interval(strict, strict.asarray(x), 1e-6).items():
        for end, other in zip(batch[name], ends, strict=True):
            np.testing.assert_allclose(strict.to_host(other), end, rtol=1e-7, atol=1e-12, err_msg=name)
    for k in range(len(x)):
        for name, ends in every_interval(XP, x[k : k + 1], 1e-6).items():
            for end, alone in zip(batch[name], ends, strict=True):
                assert end[k] == pytest.approx(alone[0], rel=1e-9, abs=1e-12), name
    q = rng.exponential(size=(4, 30))
    capital = excess_evidence(XP, bet_on_excess(XP, np.zeros((4, len(BETS))), q))
    other = excess_evidence(strict, bet_on_excess(strict, strict.zeros((4, len(BETS))), strict.asarray(q)))
    np.testing.assert_allclose(strict.to_host(other), capital, rtol=1e-9)
    assert capital[2] == pytest.approx(excess_evidence(XP, bet_on_excess(XP, np.zeros((1, len(BETS))), q[2:3]))[0])


def test_the_guard_is_the_same_for_a_batch_and_on_the_array_standard():
    rng, strict = np.random.default_rng(4), namespace("strict")
    blocks = [np.stack([rng.normal(size=64), rng.pareto(1.5, 64), np.full(64, 2.0)]) for _ in range(100)]
    spread, other, alone = Spread(XP, 3), Spread(strict, 3), Spread(XP)
    for block in blocks:
        spread.add(block)
        other.add(strict.asarray(block))
        alone.add(block[1:2])
    assert list(spread.fit(1e-6)) == list(strict.to_host(other.fit(1e-6))) == [True, False, False]
    assert spread.refusal(1e-6, 1) == alone.refusal(1e-6) != ""
    assert "equal" in spread.refusal(1e-6, 2)


# -- the betting process ------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(bits, st.floats(0, 1))
def test_the_capital_is_never_more_than_a_gambler_has(x, mean):
    x = np.array(x)
    y = np.array(STAKES)[:, None] * (x - mean) / max(mean, 1 - mean)
    for ours, sign in zip(betting_evidence(XP, power_sums(XP, x[None]), np.array([[mean]])), (1, -1), strict=True):
        gambler = np.log(np.mean(np.exp(np.log1p(sign * y).sum(axis=1))))
        assert ours[0, 0] <= gambler + 1e-9


def test_the_minorant_of_the_logarithm_is_one_and_increases():
    y = np.linspace(-0.75, 0.75, 4001)
    value = sum(c * y**j for j, c in enumerate(MINORANT))
    assert np.all(value <= np.log1p(y) + 1e-15) and np.all(np.diff(value) > 0)
    assert np.log1p(-0.78) < sum(c * (-0.78) ** j for j, c in enumerate(MINORANT)) + 0.05  # close, not vacuous


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.integers(1, 10**6), levels)
def test_constant_data_leave_the_constant_in(value, n, alpha):
    sums = power_sums(XP, np.array([[value]])) * n
    low, high = betting_interval(XP, sums, alpha)
    assert 0 <= low[0] <= value <= high[0] <= 1
    assert high[0] - low[0] < 12 * math.log(24 / alpha) / n + 1e-9


def empirical_bernstein(x, alpha):
    """Predictable plug-in empirical Bernstein width at the end (Waudby-Smith and Ramdas 2024, Theorem 2)."""
    t, log = np.arange(1, len(x) + 1), math.log(2 / alpha)
    before = np.concatenate([[0.5], (0.5 + np.cumsum(x)) / (t + 1)])
    deviations = (x - before[:-1]) ** 2
    variance = np.concatenate([[0.25], (0.25 + np.cumsum((x - before[1:]) ** 2)) / (t + 1)])[:-1]
    stake = np.minimum(np.sqrt(2 * log / (variance * t * np.log1p(t))), 0.5)
    return 2 * (log + np.sum(deviations * (-np.log1p(-stake) - stake))) / stake.sum()


@pytest.mark.parametrize("count", [256, 4096, 100_000])
def test_betting_is_tighter_than_empirical_bernstein_and_near_the_normal_width(count):
    rng = np.random.default_rng(count)
    laws = {
        "uniform": rng.random(count), "rare": rng.random(count) < 0.01, "arcsine": rng.beta(0.5, 0.5, count),
        "narrow": 0.3 + 0.01 * rng.random(count), "constant": np.full(count, 0.3),
    }  # fmt: skip
    for name, x in laws.items():
        ours = width(betting_interval(XP, power_sums(XP, x[None] * 1.0), 1e-6))
        assert ours < empirical_bernstein(x * 1.0, 1e-6), name
    fixed = 2 * math.sqrt(2 * math.log(2 / 1e-6) / (12 * count))
    assert width(betting_interval(XP, power_sums(XP, laws["uniform"][None]), 1e-6)) < 1.2 * fixed


# -- coverage, watched all the time -------------------------------------------------------------------------------

LAWS = {
    "rare": (lambda rng, shape: (rng.random(shape) < 0.02) * 1.0, 0.02),
    "fair": (lambda rng, shape: (rng.random(shape) < 0.5) * 1.0, 0.5),
    "u-shaped": (lambda rng, shape: rng.beta(0.1, 0.3, shape), 0.25),
    "two-point": (lambda rng, shape: np.where(rng.random(shape) < 0.99, 0.0, 0.7), 0.007),
}


@pytest.mark.parametrize("law", LAWS)
def test_no_interval_misses_the_mean_too_often_over_all_times(law):
    """Share of 500 runs that ever miss within its own binomial error."""
    rng, runs = np.random.default_rng(7), 500
    draw, mean = LAWS[law]
    x, missed = draw(rng, (runs, 200)), {}
    for k in (1, 2, 3, 5, 8, 12, 20, 30, 45, 70, 100, 140, 200):
        for name, (low, high) in every_interval(XP, x[:, :k], ALPHA).items():
            if name != "asymptotic" and not (name == "bernoulli" and law not in ("rare", "fair")):
                missed[name] = missed.get(name, np.zeros(runs, bool)) | (low > mean) | (high < mean)
    assert all(m.mean() <= ALPHA + 4 * math.sqrt(ALPHA / runs) for m in missed.values()), missed


def test_heavy_tails_are_covered_by_what_needs_only_a_variance_or_a_sign():
    rng, runs = np.random.default_rng(8), 1000
    x = (1 - rng.random((runs, 256))) ** (-1 / 2.2)  # Pareto: mean 11/6, variance 2.2/(1.44 * 0.2)
    mean, variance = 2.2 / 1.2, 2.2 / (1.2**2 * 0.2)
    missed, capital = np.zeros(runs, bool), np.zeros((runs, len(BETS)))
    won = np.zeros(runs, bool)
    for k in range(16, 257, 16):
        part = x[:, :k]
        centre = part.mean(axis=1)
        squares = ((part - centre[:, None]) ** 2).sum(axis=1)
        low, high = robust_interval(XP, np.full(runs, float(k)), centre, squares, np.full(runs, variance), ALPHA)
        missed |= (low > mean) | (high < mean)
        capital = bet_on_excess(XP, capital, x[:, k - 16 : k] / mean)
        won |= excess_evidence(XP, capital) > math.log(1 / ALPHA)
    for share in (missed.mean(), won.mean()):
        assert share <= ALPHA + 4 * math.sqrt(ALPHA / runs)


def test_evidence_and_interval_say_the_same():
    rng = np.random.default_rng(2)
    s, n = rng.integers(0, 50, 40) * 1.0, np.full(40, 400.0)
    low, high = bernoulli_interval(XP, s, n, ALPHA)
    for p in (0.01, 0.05, 0.1):
        inside = bernoulli_evidence(XP, s, n, math.log(p / (1 - p)) + 0 * s) < math.log(1 / ALPHA)
        assert np.array_equal(inside, (low < p) & (p < high))
    sums = power_sums(XP, rng.beta(1, 4, (40, 300)))
    low, high = betting_interval(XP, sums, ALPHA)
    for m in (0.17, 0.2, 0.24):
        evidence = np.maximum(*betting_evidence(XP, sums, np.full((40, 1), m)))[:, 0]
        assert np.array_equal(evidence < math.log(2 / ALPHA), (low < m) & (m < high))


def test_robust_interval_ends_where_the_evidence_does_and_is_nearly_normal():
    n, scale = np.array([1e3, 1e5]), np.array([2.0])
    low, high = robust_interval(XP, n, n * 0, n * 4.0, scale**2, 1e-6)
    plain = normal_interval(XP, n, n * 0, 4.0, 1e-6)
    assert np.all(high >= plain[1] * 0.99) and np.all(high < plain[1] * 1.1) and np.allclose(low, -high)
    one = robust_interval(XP, np.array([1.0]), np.array([0.0]), np.array([0.0]), np.array([1.0]), 0.05)
    assert 0 < one[1][0] < math.inf


def test_confidence_sequences_shrink():
    low, high = success_interval(2000, 10_000, 1e-6)
    assert 0.17 < low < 0.2 < high < 0.23
    assert success_interval(0, 100, 1e-6)[0] == 0 and success_interval(100, 100, 1e-6)[1] == 1
    bet = ExcessBet(1.0)
    for _ in range(200):
        bet.add(np.random.default_rng(0).exponential(2.0, 64))
    assert bet.evidence > 20


# -- decisions that rest on them ----------------------------------------------------------------------------------

Q = sympy.Symbol("Q")


def verdict(decides, draw, **run):
    claim = Claim(
        id="toy.claim", title="t", paper=Paper("toy", "Toy"), locator="here", statement="s", symbols={}, decides=decides
    )
    claim.experiment()(lambda xp, rng, case, size: {"quantity": draw(rng, size)})
    return run_experiment(claim, claim.evidence[0], Case({}), **run)


def pareto(rng, size):
    return (1 - rng.uniform((size,))) ** (-1 / 2.2)


def test_a_declared_variance_or_proxy_decides_without_asymptotics():
    mean, variance = sympy.Rational(11, 6), sympy.Rational(275, 36)  # Pareto of index 11/5
    for value, expected in ((mean, "pass"), (mean * 1.1, "fail"), (mean * 0.9, "fail")):
        out = verdict(MeanEquals(Q, value, variance=variance), pareto)
        assert out.verdict == expected and "any tails" in out.message
    assert "asymptotic" in verdict(MeanEquals(Q, mean), pareto).message

    def normal(rng, size):
        return 3 + 2 * rng.normal((size,))

    for value, expected in ((3, "pass"), (2.7, "fail")):
        out = verdict(MeanBound(Q, sympy.Rational(str(value)), proxy=sympy.Integer(4), nonnegative=False), normal)
        assert out.verdict == expected and "sub-Gaussian" in out.message


def test_a_declaration_that_makes_no_sense_is_an_error():
    assert verdict(MeanEquals(Q, sympy.Integer(1), variance=sympy.Integer(0)), pareto).verdict == "error"
    assert verdict(MeanEquals(Q, sympy.Integer(1), proxy=sympy.Integer(-1)), pareto).verdict == "error"


def test_a_counterexample_in_the_mean_says_what_its_bets_rest_on():
    out = verdict(Counterexample(Q, sympy.Integer(1), mean=True), pareto)
    assert out.verdict == "pass" and "non-negative" in out.message
