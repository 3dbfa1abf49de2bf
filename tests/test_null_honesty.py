"""Experiments that look at nothing, or at something else than they say: each is caught and named."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from gdverify.claim import Claim, Paper
from gdverify.classes import convex, minimiser, recursion, smooth, start
from gdverify.decision import Conserved, Identity, LimitLaw, MeanBound, MeanEquals, SureBound
from gdverify.domain import Case, Integers, Interval, Observed, Positive
from gdverify.experiment.engine import run_experiment
from gdverify.language import ScalarFunction, Vector, VectorSequence
from gdverify.record import record
from gdverify.verdict import Verdict

PAPER = Paper("toy", "Toy statements")
Q = sympy.Symbol("Q")
c = sympy.Symbol("c", positive=True)
n = sympy.Symbol("n", integer=True, positive=True)
GENERATOR = np.random.default_rng(0)


def run(decides, simulate, symbols=None, assumptions=(), case=None, **options):
    claim = Claim(
        id="toy.claim", title="t", paper=PAPER, locator="here", statement="s", symbols=symbols or {},
        assumptions=list(assumptions), decides=decides,
    )  # fmt: skip
    claim.experiment(**options)(simulate)
    return claim, run_experiment(claim, claim.evidence[0], Case(case or {}))


def total(claim, outcome):
    return Verdict(record(claim), [outcome])


# -- numbers that are none, or all the same ---------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("decides", [SureBound(Q, 1), MeanBound(Q, 1), Identity(Q, sympy.Integer(1))])
def test_one_bad_number_is_an_error(bad, decides):
    def simulate(xp, rng, case, size):
        u = rng.uniform((size,))
        return {"quantity": xp.where(u < 0.01, xp.asarray(bad), u)}

    out = run(decides, simulate)[1]
    assert out.verdict == "error" and "non-finite" in out.message


def test_a_number_that_is_bad_in_a_late_batch_only_is_an_error():
    def simulate(xp, rng, case, size):
        u = rng.uniform((size,))
        return {"quantity": xp.where(u < 2e-5, xp.asarray(float("nan")), u)}

    out = run(MeanEquals(Q, sympy.Rational(1, 2), tol=1e-4), simulate)[1]
    assert out.verdict == "error" and "non-finite" in out.message


@pytest.mark.parametrize(
    "decides",
    [
        SureBound(Q, 2),
        MeanBound(Q, sympy.Rational(3, 2)),
        MeanBound(Q, 2, support=(0, 2)),
        MeanEquals(Q, sympy.Rational(3, 2)),
        LimitLaw(Q, n, sympy.Rational(3, 2)),
        Conserved(Q),
    ],
)
def test_samples_that_do_not_depend_on_the_draws_pass_nothing(decides):
    def simulate(xp, rng, case, size):
        rng.normal((size,))
        if decides.kind == "limit-law":
            return {"n": xp.asarray([8.0, 16.0, 32.0]), "quantity": xp.ones((size, 3)) * 1.5}
        if decides.kind == "conserved":
            h = xp.asarray([0.1, 0.05, 0.025])
            return {"h": h, "drift": xp.ones((size, 1)) * h, "floor": 1e-12}
        return {"quantity": 1.5 * xp.ones((size,))}

    claim, out = run(decides, simulate, {n: Integers(1)} if decides.kind == "limit-law" else {})
    assert total(claim, out).verdict != "pass"
    assert "draws are not used" in out.suspicion or out.verdict != "pass", out


# -- a quantity that is the bound ------------------------------------------------------------------------------------


@pytest.mark.parametrize("decides", [SureBound(Q, c**2 / 3), MeanEquals(Q, c**2 / 3), Identity(Q, c**2 / 3)])
def test_returning_the_bound_passes_nothing(decides):
    def simulate(xp, rng, case, size):
        seen = 1 + rng.uniform((size,))
        if decides.kind == "identity":
            return {"left": seen**2 / 3, "right": seen**2 / 3}
        return {"quantity": seen**2 / 3, "c": seen}

    claim, out = run(decides, simulate, {c: Observed(0, open="left")})
    assert total(claim, out).verdict == "inconclusive"
    assert "equals the bound" in total(claim, out).reservation


def test_an_identity_whose_sides_are_computed_apart_is_no_echo():
    def simulate(xp, rng, case, size):
        a, b = rng.normal((size,)), rng.normal((size,))
        return {"left": (a + b) ** 2, "right": a * a + 2 * a * b + b * b}

    assert run(Identity(Q, sympy.Symbol("right")), simulate, {sympy.Symbol("right"): Observed()})[1].suspicion == ""


# -- randomness from elsewhere ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("draws", [True, False])
def test_randomness_of_its_own_is_named(draws):
    def simulate(xp, rng, case, size):
        if draws:
            rng.uniform((size,))
        return {"quantity": xp.asarray(GENERATOR.uniform(size=size))}

    out = run(MeanBound(Q, 1, support=(0, 1)), simulate)[1]
    assert out.verdict == "error" and ("rng" in out.message or "nothing is drawn" in out.message)


# -- instances outside the claim's assumptions -----------------------------------------------------------------------

L, gamma, R = sympy.symbols("L gamma R", positive=True)
T = sympy.Symbol("T", integer=True, positive=True)
t = sympy.Symbol("t", integer=True, nonnegative=True)
f, x, x_star = ScalarFunction("f"), VectorSequence("x"), Vector("x_star")
ASSUMED = [
    convex(f),
    smooth(f, L),
    minimiser(f, x_star),
    recursion(x(t + 1), x(t) - gamma * f.grad(x(t))),
    start(x(0), x_star, R),
]
REGIME = {L: Positive(), gamma: Interval(0, 1 / L, open="left"), T: Integers(1), R: Observed(0, open="left")}


class Quadratic:
    def __init__(self, xp, h, centre):
        self.xp, self.h, self.centre = xp, h, centre

    def value(self, x):
        return self.xp.sum(self.h * (x - self.centre) ** 2, axis=-1) / 2

    def grad(self, x):
        return self.h * (x - self.centre)


@pytest.mark.parametrize(
    ("curvature", "centre", "step", "radius", "named"),
    [
        (1.0, 0.0, 1.0, 1.0, None),
        (1.001, 0.0, 1.0, 1.0, "f is L-smooth"),
        (-0.001, 0.0, 1.0, 1.0, "f is convex"),
        (1.0, 0.01, 1.0, 1.0, "x_star minimises f"),
        (1.0, 0.0, 0.99, 1.0, "update of x"),
        (1.0, 0.0, 1.0, 1.01, "start of x"),
    ],
)
def test_an_instance_outside_its_assumptions_is_refused(curvature, centre, step, radius, named):
    def simulate(xp, rng, case, size):
        first = rng.normal((size, 3))
        F = Quadratic(xp, curvature * case.L * rng.uniform((size, 3), 0.999, 1), centre)
        second = first - step * case.gamma * F.grad(first)
        third = second - step * case.gamma * F.grad(second)
        r = radius * xp.sqrt(xp.sq(first))
        return {"quantity": F.value(third), "R": r, "instance": {f: F, x_star: 0 * first, x: [first, second, third]}}

    bound = R**2 / (2 * gamma * T)
    case = {"L": 2, "gamma": Fraction(1, 4), "T": 2}
    out = run(SureBound(f(x(T)) - f(x_star), bound), simulate, REGIME, ASSUMED, case)[1]
    if named is None:
        assert out.verdict == "pass" and len(out.checked) == len(ASSUMED), out
    else:
        assert out.verdict == "error" and named in out.message, out


def test_a_violation_outside_the_assumptions_is_no_counterexample():
    """One row in many is no admissible instance, and it is the one that exceeds the bound."""

    def simulate(xp, rng, case, size):
        first = rng.normal((size, 2))
        steep = xp.where(rng.uniform((size, 1)) < 0.002, xp.asarray(9.0), xp.asarray(1.0))
        F = Quadratic(xp, steep * case.L, 0.0)
        r = xp.sqrt(xp.sq(first))
        return {"quantity": F.value(first), "R": r, "instance": {f: F, x_star: 0 * first, x: [first]}}

    assumed = [convex(f), smooth(f, L), minimiser(f, x_star), start(x(0), x_star, R)]
    out = run(SureBound(f(x(0)) - f(x_star), L * R**2 / 2), simulate, {L: REGIME[L], R: REGIME[R]}, assumed, {"L": 2})[
        1
    ]
    assert out.verdict == "error" and "f is L-smooth" in out.message


def test_matrix_and_scalar_assumptions_are_evaluated():
    from gdverify.claim import Assumption

    M = sympy.MatrixSymbol("M", 2, 2)
    orthogonal = Assumption("M is orthogonal", lambda: sympy.Eq(M.T * M, sympy.Identity(2), evaluate=False))

    def simulate(stretch):
        def sample(xp, rng, case, size):
            q = rng.haar((size, 2, 2)) * stretch
            return {"quantity": xp.sum(q * q, axis=(1, 2)), "instance": {M: q}}

        return sample

    bound = SureBound(sympy.Trace(M.T * M), sympy.Rational(5, 2))
    good = run(bound, simulate(1.0), assumptions=[orthogonal])[1]
    assert good.verdict == "pass" and good.checked == ["M is orthogonal"]
    bad = run(bound, simulate(1.01), assumptions=[orthogonal])[1]
    assert bad.verdict == "error" and "M is orthogonal" in bad.message


def test_rounding_next_to_the_minimum_is_no_violation_of_the_class():
    """One step of 1/L lands on the minimiser up to rounding, where the values of f are rounding too."""
    import gdverify

    claim = gdverify.load("handbook.gd-convex")
    evidence = next(e for e in claim.evidence if e.kind == "experiment")
    out = run_experiment(claim, evidence, Case({"dimension": 1, "L": Fraction(1, 4), "gamma": Fraction(4), "T": 1}))
    assert out.verdict == "pass" and "f is L-smooth" in out.checked, out.message


def test_a_violation_next_to_the_minimum_counts():
    """On its one row the values of f are all rounding in floats, and so is what they seem to say of the class."""

    class Wave:
        def __init__(self, xp, c):
            self.xp, self.c = xp, c

        def value(self, x):
            return self.c * self.xp.sum(1 - self.xp.cos(x), axis=-1)

        def grad(self, x):
            return self.c * self.xp.sin(x)

    def simulate(xp, rng, case, size):
        near = rng.bernoulli(0.5, (size, 1))
        first = (1e-6 * near + 2 * (1 - near)) * rng.sphere((size, 2))
        F, r = Wave(xp, case.L), xp.sqrt(xp.sq(first))
        return {"quantity": F.value(first), "R": r, "instance": {f: F, x_star: 0 * first, x: [first]}}

    assumed = [smooth(f, L), minimiser(f, x_star), start(x(0), x_star, R)]
    bound = SureBound(f(x(0)) - f(x_star), sympy.Rational(49, 100) * L * R**2)
    out = run(bound, simulate, {L: REGIME[L], R: REGIME[R]}, assumed, {"L": 2})[1]
    assert out.verdict == "fail", out.message
