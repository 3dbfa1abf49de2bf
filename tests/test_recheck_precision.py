"""Violations of relative size 1e-9 to 1e-15 are told from rounding of the same size, at any conditioning."""

from fractions import Fraction

import pytest
import sympy

from gdverify.claim import Claim, Paper
from gdverify.decision import Identity, Minimiser, SureBound
from gdverify.domain import Case, Observed
from gdverify.experiment.engine import run_experiment

Q = sympy.Symbol("Q")
x = sympy.Symbol("x", positive=True)
SIZES = [Fraction(1, 10**9), Fraction(1, 10**12), Fraction(1, 10**15)]
LOST = [0, 6, 9, 14]  # digits that the computation loses by cancellation


def cancelling(digits, factor):
    """x times ``factor``, by a way that loses so many digits."""

    def simulate(xp, rng, case, size):
        start = rng.uniform((size,), 1, 2)
        value = (10**digits + start) - 10**digits if digits else start
        return {"quantity": value * xp.number(factor), "x": start}

    return simulate


def unstable(steps, factor):
    """x times ``factor``, through a map and its inverse that blow rounding up by 4^steps."""

    def simulate(xp, rng, case, size):
        start = value = rng.uniform((size,), 1, 2)
        for _ in range(steps):
            value = value - 3 * value / 4
        for _ in range(steps):
            value = 5 * value - value
        return {"quantity": value * xp.number(factor), "x": start}

    return simulate


def verdict(decides, simulate):
    claim = Claim(
        id="toy.precision", title="t", paper=Paper("toy", "Toy"), locator="here", statement="s",
        symbols={x: Observed(1, 2)}, decides=decides,
    )  # fmt: skip
    claim.experiment()(simulate)
    return run_experiment(claim, claim.evidence[0], Case({}))


@pytest.mark.parametrize("digits", LOST)
@pytest.mark.parametrize("excess", SIZES)
def test_a_bound_exceeded_by_little_is_refuted_and_one_kept_by_as_little_is_not(digits, excess):
    assert verdict(SureBound(Q, x), cancelling(digits, 1 + excess)).verdict == "fail"
    for kept in (1 - excess, 1):
        out = verdict(SureBound(Q, x), cancelling(digits, kept))
        assert out.verdict == "pass" or (digits == 14 and out.verdict == "inconclusive"), out.message


@pytest.mark.parametrize("steps", [10, 40])
@pytest.mark.parametrize("excess", SIZES)
def test_so_it_is_after_a_computation_that_amplifies_rounding(steps, excess):
    assert verdict(SureBound(Q, x), unstable(steps, 1 + excess)).verdict == "fail"
    assert verdict(SureBound(Q, x), unstable(steps, 1 - excess)).verdict != "fail"
    assert verdict(SureBound(Q, x), unstable(steps, 1)).verdict != "fail"


@pytest.mark.parametrize("digits", LOST)
def test_an_identity_off_by_little_fails_and_rounding_does_not(digits):
    """The tolerance is the claim's own: at 1e-12 a difference of 1e-9 is one, at any conditioning of the floats."""
    claimed = Identity(Q, x, rtol=1e-12)
    assert verdict(claimed, cancelling(digits, 1 + SIZES[0])).verdict == "fail"
    assert verdict(claimed, cancelling(digits, 1)).verdict == "pass"


def test_an_identity_between_zeros_is_rounding():
    def simulate(xp, rng, case, size):
        a, b = rng.normal((size,)), rng.normal((size,))
        return {"quantity": (a + b) ** 2 - a**2 - 2 * a * b - b**2, "x": 1 + 0 * a}

    assert verdict(Identity(Q, 0 * x), simulate).verdict == "pass"
    assert verdict(SureBound(Q, 0 * x), simulate).verdict != "fail"


@pytest.mark.parametrize("excess", SIZES)
def test_a_minimum_undercut_by_little_is_refuted(excess):
    def near(factor):
        def simulate(xp, rng, case, size):
            z = rng.uniform((size,), -1, 1) / 10**9
            return {"quantity": xp.number(factor) + z**2, "x": 1 + 0 * z}

        return simulate

    assert verdict(Minimiser(Q, sympy.Integer(1)), near(1 - excess)).verdict == "fail"
    assert verdict(Minimiser(Q, sympy.Integer(1)), near(Fraction(1))).verdict == "pass"
