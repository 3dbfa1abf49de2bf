"""Overflow, denormals, cancellation and single precision never decide a verdict wrongly."""

import pytest
import sympy

from gdverify import Claim, Counterexample, Identity, MeanBound, MeanEquals, Paper, ProbabilityBound, SureBound
from gdverify.domain import Case
from gdverify.experiment.engine import run_experiment

Q = sympy.Symbol("q", real=True)


def verdict(decides, simulate):
    claim = Claim(
        id="toy.claim", title="t", paper=Paper("toy", "T"), locator="l", statement="s", symbols={}, decides=decides
    )
    claim.experiment(samples={"smoke": 4096})(simulate)
    return run_experiment(claim, claim.evidence[0], Case({}))


def single(xp, x):
    return xp.astype(xp.astype(x, xp.float32), xp.float64)


def test_overflow_in_one_row_of_a_late_batch_is_an_error():
    def simulate(xp, rng, case, size):
        x = rng.uniform((size,))
        return {"quantity": xp.where(x > 0.9995, xp.exp(xp.exp(1e3 * x)), x)}

    out = verdict(SureBound(Q, 1), simulate)
    assert out.verdict == "error" and "finite" in out.message


@pytest.mark.parametrize("scale", [1e-310, 1e-320])
def test_a_violation_among_denormals_is_decided_exactly_or_not_at_all(scale):
    """q = 2 scale u, which exceeds the bound scale where u > 1/2; and q = scale u, which never does."""
    bound = sympy.Rational(str(scale))
    true = verdict(SureBound(Q, bound), lambda xp, rng, case, size: {"quantity": scale * rng.uniform((size,))})
    false = verdict(SureBound(Q, bound), lambda xp, rng, case, size: {"quantity": 2 * scale * rng.uniform((size,))})
    assert true.verdict != "fail" and false.verdict != "pass"


def test_single_precision_does_not_refute_what_is_equal():
    """(x + 1/3) - x = 1/3 up to 1e-7 in single precision: no violation of q <= 1/3 is certain."""

    def simulate(xp, rng, case, size):
        x = rng.uniform((size,))
        if xp.interval:
            return {"quantity": (x + xp.rational(1, 3)) - x}
        return {"quantity": single(xp, single(xp, x + 1 / 3) - single(xp, x))}

    assert verdict(SureBound(Q, sympy.Rational(1, 3)), simulate).verdict != "fail"


def test_single_precision_does_not_prove_an_identity():
    """Sides that differ by 1e-4 are told apart although each was rounded to 24 bits."""

    def simulate(xp, rng, case, size):
        return {"quantity": single(xp, 1 + 1e-12 * rng.uniform((size,)) + 1e-4)}

    assert verdict(Identity(Q, 1), simulate).verdict != "pass"


def test_cancellation_in_a_mean_is_not_hidden():
    """Near 1e16 floats are even numbers: 2x keeps its mean 1, and is not told to have another."""

    def simulate(xp, rng, case, size):
        return {"quantity": (1e16 + 2 * rng.uniform((size,))) - 1e16}

    assert verdict(MeanEquals(Q, sympy.Rational(1, 4)), simulate).verdict != "pass"


MEANS = [
    (lambda quantity: MeanBound(quantity, 0), "fail"),
    (lambda quantity: MeanBound(quantity, 0, nonnegative=False), "fail"),
    (lambda quantity: MeanBound(quantity, sympy.Rational(1, 10**40)), "fail"),
    (lambda quantity: MeanEquals(quantity, 0), "fail"),
    (lambda quantity: Counterexample(quantity, 0, mean=True), "pass"),
]


@pytest.mark.parametrize(("decides", "certain"), MEANS)
@pytest.mark.parametrize("varies", [True, False])
def test_rounding_above_zero_is_no_difference_of_means(decides, certain, varies):
    """(x/3 + x/7 - 10x/21)^2 is 0, and of the size 1e-33 in floats; a real 1e-9 is seen all the same."""

    def simulate(excess):
        def rows(xp, rng, case, size):
            x = rng.uniform((size,), 1, 2) if varies else 1.1 + 0 * rng.uniform((size,))
            a, b, c = xp.rational(1, 3), xp.rational(1, 7), xp.rational(10, 21)
            return {"quantity": ((a * x + b * x) - c * x) ** 2 + excess}

        return rows

    assert verdict(decides(Q), simulate(0)).verdict != certain
    seen = verdict(decides(Q), simulate(1e-9)).verdict
    assert seen == certain or (seen == "inconclusive" and not varies)  # equal samples alone do not refute


@pytest.mark.parametrize(("shift", "expected"), [(0, "inconclusive"), (1e-9, "fail")])
def test_rounding_above_a_threshold_is_no_event(shift, expected):
    """x/3 + x/7 - 10x/21 is 0, and above it in floats in a part of the rows."""

    def simulate(xp, rng, case, size):
        x = rng.uniform((size,), 1, 2)
        return {"quantity": (xp.rational(1, 3) * x + xp.rational(1, 7) * x) - xp.rational(10, 21) * x + shift}

    assert verdict(ProbabilityBound(Q, 0, sympy.Rational(1, 100)), simulate).verdict == expected


@pytest.mark.parametrize("scale", [1e-80, 1e-170, 1e-310])
def test_squares_that_underflow_refute_no_mean(scale):
    """The mean of 2 scale u is scale; the squares of its deviations are 0 in floating point."""
    value = sympy.Rational(str(scale))
    assert verdict(MeanEquals(Q, value), lambda xp, rng, case, size: {"quantity": 2 * scale * rng.uniform((size,))}
                   ).verdict != "fail"  # fmt: skip


def test_rows_that_hang_on_the_size_of_their_batch_do_not_pass():
    """The first block satisfies the bound, larger batches do not: which ones there are is up to the memory."""

    def simulate(xp, rng, case, size):
        return {"quantity": rng.uniform((size,)) * (0.4 if size <= 256 else 1.0)}

    assert verdict(SureBound(Q, sympy.Rational(1, 2)), simulate).verdict not in ("pass", "fail")
