"""Known theorems pass, known falsehoods fail, what cannot be carried out is an error: by experiment."""

import json
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy

from gdverify.claim import Claim, Paper
from gdverify.decision import (
    Conserved,
    Counterexample,
    Identity,
    LimitLaw,
    MeanBound,
    MeanEquals,
    Minimiser,
    ProbabilityBound,
    Rate,
    SureBound,
)
from gdverify.domain import Case, Integers, Interval, Observed, Positive
from gdverify.experiment import engine, violation
from gdverify.experiment.engine import run_experiment

PAPER = Paper("toy", "Toy statements")
gamma, L = sympy.symbols("gamma L", positive=True)
R = sympy.Symbol("R", nonnegative=True)
T = sympy.Symbol("T", integer=True, positive=True)
n, d = sympy.symbols("n d", integer=True, positive=True)
Q = sympy.Symbol("Q")


def claim_of(decides, simulate, symbols=None, defines=None, **options):
    claim = Claim(
        id="toy.claim", title="t", paper=PAPER, locator="here", statement="s", symbols=symbols or {},
        decides=decides, defines=defines or {},
    )  # fmt: skip
    claim.experiment(**options)(simulate)
    return claim


def verdict(decides, simulate, symbols=None, case=None, defines=None, options=None, **run):
    claim = claim_of(decides, simulate, symbols, defines, **(options or {}))
    return run_experiment(claim, claim.evidence[0], Case(case or {}), **run)


# -- gradient descent on quadratics -------------------------------------------------------------------------------

GD = {L: Positive(sample=(1, 10)), gamma: Interval(0, 1 / L, open="left"), R: Observed(0), T: Integers(1, 50)}
GD_CASE = {"L": Fraction(3), "gamma": Fraction(1, 3), "T": 7}


def gd_on_quadratics(xp, rng, case, size):
    """f(x) = sum h_i x_i^2 / 2 with 0 <= h_i <= L, from a random point."""
    h = rng.uniform((size, 4)) * case.L
    x = rng.normal((size, 4))
    r = xp.sqrt(xp.sq(x))
    for _ in range(case.T):
        x = x - case.gamma * h * x
    return {"quantity": xp.sum(h * x * x, axis=-1) / 2, "R": r}


def sharp_constant():
    """max over h of h (1 - gamma h)^(2T) at gamma = 1/L: attained at h = L/(2T+1)."""
    return L / (2 * T + 1) * (1 - 1 / (2 * T + sympy.Integer(1))) ** (2 * T) * R**2 / 2


def test_true_sure_bound_passes_and_reports_tightness():
    out = verdict(SureBound(Q, R**2 / (4 * gamma * T)), gd_on_quadratics, GD, GD_CASE)
    assert out.verdict == "pass", out.message
    assert 0 < out.estimate < 1 and out.samples >= 2048


def test_directed_search_refutes_what_sampling_alone_need_not_find(tmp_path):
    assert verdict(SureBound(Q, sharp_constant()), gd_on_quadratics, GD, GD_CASE).verdict == "pass"
    claim = claim_of(SureBound(Q, sharp_constant() * sympy.Rational(999, 1000)), gd_on_quadratics, GD)
    out = run_experiment(claim, claim.evidence[0], Case(GD_CASE), save_dir=tmp_path)
    assert out.verdict == "fail", out.message
    again = violation.replay(out.artefact, claim)
    assert again.verdict == "fail" and again.estimate > again.bound
    assert json.loads(Path(out.artefact).read_text())["case"] == {"L": 3, "gamma": "1/3", "T": 7}


@pytest.mark.parametrize(("excess", "expected"), [(Fraction(1, 10**9), "fail"), (Fraction(0), "pass")])
def test_a_planted_violation_is_told_from_rounding_of_the_same_size(excess, expected):
    """Both lose nine digits by cancellation; only in one is the bound exceeded, by 1e-9 relative."""

    def simulate(xp, rng, case, size):
        x = rng.uniform((size,), 1, 2)
        big = 10**7 + x
        return {"quantity": (big - 10**7) * (1 + xp.number(excess)), "x": x}

    x = sympy.Symbol("x", positive=True)
    out = verdict(SureBound(Q, x), simulate, {x: Observed(1, 2)})
    assert out.verdict == expected, out.message


def test_a_float_violation_that_cannot_be_rechecked_is_inconclusive():
    def simulate(xp, rng, case, size):
        x = rng.uniform((size,))
        return {"quantity": xp.astype(xp.round(x * 10**6), xp.float64)}

    assert verdict(SureBound(Q, 10), simulate).verdict == "inconclusive"
    assert verdict(SureBound(Q, 10**7), simulate).verdict == "pass"


def test_rounded_python_constants_do_not_confirm_anything():
    """0.1 + 0.2 lies above 3/10 in floats only; that must not become a confirmed violation."""

    def simulate(xp, rng, case, size):
        return {"quantity": rng.uniform((size,)) * 0 + (0.1 + 0.2)}

    assert verdict(SureBound(Q, sympy.Rational(3, 10)), simulate).verdict != "fail"
    assert verdict(SureBound(Q, sympy.Rational(3, 10) - sympy.Rational(1, 10**14)), simulate).verdict == "fail"


def test_a_violation_that_needs_more_bits_is_not_called_a_tie():
    """x - 0.7 x as intervals loses a factor of 6 each step; the 1 % excess shows at 256 bits only."""

    def simulate(xp, rng, case, size):
        x = start = rng.uniform((size,), 1, 2)
        for _ in range(60):
            x = x - 0.7 * x
        return {"quantity": x, "R": start}

    exact = R * sympy.Rational(3, 10) ** 60
    assert verdict(SureBound(Q, exact * sympy.Rational(99, 100)), simulate, {R: Observed(0)}).verdict == "fail"
    assert verdict(SureBound(Q, exact * sympy.Rational(101, 100)), simulate, {R: Observed(0)}).verdict == "pass"
    assert verdict(SureBound(Q, exact), simulate, {R: Observed(0)}).verdict != "fail"


def test_numeric_error_declared_by_the_simulation_must_be_exceeded():
    def simulate(xp, rng, case, size):
        return {"quantity": 1 + rng.uniform((size,)) / 1000, "quantity_error": 0.01}

    assert verdict(SureBound(Q, 1), simulate).verdict == "pass"
    assert verdict(SureBound(Q, sympy.Rational(98, 100)), simulate).verdict == "fail"


def test_definitions_and_eigenvalues_reach_the_recheck():
    c = sympy.Symbol("c", positive=True)

    def simulate(xp, rng, case, size):
        a = rng.normal((size, 4, 4))
        gram = xp.matmul(a, xp.matrix_transpose(a))
        assert case.c > 0
        return {"quantity": xp.linalg.eigvalsh(gram)[..., -1] * case.c, "R": xp.sum(a * a, axis=(-2, -1))}

    symbols = {n: Integers(1, 9), c: Positive(sample=(1, 2)), R: Observed(0)}
    for bound, expected in ((c * R, "pass"), (c * R / 2, "fail")):
        out = verdict(SureBound(Q, bound), simulate, symbols, {"n": 3}, {c: 1 / sympy.sqrt(n)})
        assert out.verdict == expected, out.message


# -- means and probabilities --------------------------------------------------------------------------------------


def chi_square(xp, rng, case, size):
    return {"quantity": xp.sq(rng.normal((size, 5)))}


@pytest.mark.parametrize(("value", "expected"), [(5, "pass"), (6, "fail"), (4, "fail")])
def test_mean_equals(value, expected):
    assert verdict(MeanEquals(Q, sympy.Integer(value)), chi_square).verdict == expected


@pytest.mark.parametrize(("value", "expected"), [(5, "pass"), (8, "pass"), (4, "fail")])
def test_mean_bound(value, expected):
    assert verdict(MeanBound(Q, sympy.Integer(value)), chi_square).verdict == expected


def test_bounded_mean_and_a_declared_support_that_is_wrong():
    def simulate(xp, rng, case, size):
        return {"quantity": rng.uniform((size,))}

    half = sympy.Rational(1, 2)
    assert "betting" in verdict(MeanEquals(Q, half, support=(0, 1)), simulate).message
    assert verdict(MeanEquals(Q, half * 1.2, support=(0, 1)), simulate).verdict == "fail"
    assert verdict(MeanEquals(Q, half, support=(0, half)), simulate).verdict == "error"


def test_bound_that_varies_with_the_instance():
    def simulate(xp, rng, case, size):
        r = 1 + rng.uniform((size,))
        return {"quantity": rng.exponential((size,)) * r, "R": r}

    assert verdict(MeanBound(Q, R), simulate, {R: Observed(0)}).verdict == "pass"
    assert verdict(MeanBound(Q, R * 0.8), simulate, {R: Observed(0)}).verdict == "fail"


@pytest.mark.parametrize("seed", range(5))
def test_false_claim_on_infinite_variance_is_not_passed(seed):
    """Pareto of index 1.2 has mean 6; its empirical mean stays far below for very long."""

    def simulate(xp, rng, case, size):
        return {"quantity": (1 - rng.uniform((size,))) ** (-1 / 1.2)}

    assert verdict(MeanBound(Q, sympy.Rational(11, 2)), simulate, seed=seed).verdict != "pass"
    assert verdict(MeanEquals(Q, sympy.Rational(11, 2)), simulate, seed=seed).verdict == "inconclusive"
    assert verdict(MeanBound(Q, sympy.Integer(2)), simulate, seed=seed).verdict == "fail"


@pytest.mark.parametrize(("value", "expected"), [(0.06, "pass"), (0.04, "fail"), (1, "pass")])
def test_probability_bound(value, expected):
    def simulate(xp, rng, case, size):
        return {"quantity": rng.uniform((size,))}

    out = verdict(ProbabilityBound(Q, sympy.Rational(95, 100), sympy.Rational(str(value))), simulate)
    assert out.verdict == expected
    assert ("vacuous" in out.message) == (value == 1)


def test_the_level_of_a_tail_bound_is_not_the_experiments_to_read():
    c, delta = sympy.symbols("c delta", positive=True)

    def simulate(xp, rng, case, size):
        return {"quantity": rng.normal((size,))}

    half = {"c": Fraction(1, 2), "delta": Fraction(1, 2)}
    level = {c: Interval(sympy.Rational(1, 2), 1)}
    assert verdict(ProbabilityBound(Q, c, sympy.exp(-(c**2) / 2)), simulate, level, half).unread == []
    share = {delta: Interval(sympy.Rational(1, 10), sympy.Rational(1, 2))}
    assert verdict(ProbabilityBound(Q, sympy.sqrt(2 * sympy.log(1 / delta)), delta), simulate, share, half).unread == []
    assert verdict(ProbabilityBound(Q, sympy.Integer(2), delta), simulate, share, half).unread == ["delta"]


def test_constant_quantities_are_named():
    def constant(xp, rng, case, size):
        x = rng.sphere((size, 3))
        return {"quantity": 3 * xp.sum(x * x, axis=-1)}

    def drawn_from_nothing(xp, rng, case, size):
        return {"quantity": xp.ones((size,)) * 3}

    for simulate in (constant, drawn_from_nothing):
        out = verdict(MeanEquals(Q, sympy.Integer(3)), simulate)
        assert out.verdict == "pass"
        assert "does not vary" in out.message or "nothing is drawn" in out.message
        assert verdict(MeanEquals(Q, sympy.Rational(300001, 100000)), simulate).verdict == "fail"
    assert verdict(SureBound(Q, 3), drawn_from_nothing).samples == 1
    assert verdict(SureBound(Q, 3 - sympy.Rational(1, 10**12)), drawn_from_nothing).verdict == "fail"


# -- scaling ------------------------------------------------------------------------------------------------------


def mean_deviation(xp, rng, case, size):
    """|mean of n signs|: falls like n^(-1/2)."""
    grid = [64, 128, 256, 512, 1024]
    x = rng.signs((size, grid[-1]))
    q = xp.stack([abs(xp.mean(x[:, :k], axis=-1)) for k in grid], axis=-1)
    return {"n": xp.asarray(grid, dtype=xp.float64), "quantity": q}


@pytest.mark.parametrize(
    ("exponent", "upper", "expected"),
    [("-1/2", False, "pass"), ("-7/10", False, "fail"), ("-3/10", False, "fail"), ("-3/10", True, "pass"),
     ("-7/10", True, "fail")],
)  # fmt: skip
def test_rate(exponent, upper, expected):
    decides = Rate(Q, n, sympy.Rational(exponent), upper=upper, tol=0.1)
    out = verdict(decides, mean_deviation, {n: Integers(1, 9)}, {"n": 1})
    assert out.verdict == expected, out.message


def test_rate_still_bending_towards_the_claim_is_undecided_and_geometric_rates_work():
    def bending(xp, rng, case, size):
        grid = xp.asarray([1.0, 2, 4, 8, 16])
        return {"n": grid, "quantity": (1 / grid + 30 / grid**2)[None, :] * xp.ones((size, 1))}

    def geometric(xp, rng, case, size):
        grid = xp.asarray([1.0, 2, 4, 8, 16])
        return {"n": grid, "quantity": 0.8 ** grid[None, :] * xp.ones((size, 1))}

    symbols, case = {n: Integers(1, 9)}, {"n": 1}
    assert verdict(Rate(Q, n, sympy.Integer(-1)), bending, symbols, case).verdict == "inconclusive"
    for ratio, expected in ((0.8, "pass"), (0.7, "fail"), (0.9, "fail")):
        decides = Rate(Q, n, sympy.Rational(str(ratio)), geometric=True)
        assert verdict(decides, geometric, symbols, case).verdict == expected


@pytest.mark.parametrize(
    ("limit", "rate", "expected"), [("1", 1, "pass"), ("11/10", 1, "fail"), ("1", 2, "fail"), ("1", 1.5, "fail")]
)
def test_limit_law(limit, rate, expected):
    def simulate(xp, rng, case, size):
        grid = xp.asarray([4.0, 8, 16, 32, 64])
        return {"n": grid, "quantity": 1 + 1 / grid[None, :] + 0.01 * rng.normal((size, 5))}

    decides = LimitLaw(Q, n, sympy.Rational(limit), rate=sympy.Rational(str(rate)))
    out = verdict(decides, simulate, {n: Integers(1, 9)}, {"n": 1}, options={"samples": {"smoke": 200_000}})
    assert out.verdict == expected, out.message


@pytest.mark.parametrize(("rate", "expected"), [(1, "pass"), (2, "fail")])
def test_a_limit_law_of_large_n_is_not_refuted_at_small_n(rate, expected):
    def simulate(xp, rng, case, size):  # mean n/(n + 1): the distance falls like 1/n, more slowly at first
        grid = xp.asarray([2.0**k for k in range(1, 9)])
        return {"n": grid, "quantity": rng.uniform((size, 1)) ** (1 / grid)}

    out = verdict(LimitLaw(Q, n, sympy.Integer(1), rate=sympy.Integer(rate)), simulate, {n: Integers(1, 9)}, {"n": 1})
    assert out.verdict == expected, out.message


def oscillator(xp, rng, case, size, friction):
    """Energy drift of the symplectic Euler scheme over time 1, with friction that breaks the law."""
    start = rng.normal((size, 2))
    steps, drifts = [16, 32, 64, 128, 256], []
    for k in steps:
        p, q = start[:, 0], start[:, 1]
        for _ in range(k):
            p = p - q / k - friction * p / k
            q = q + p / k
        drifts.append(xp.abs(p * p + q * q - xp.sq(start)))
    return {"h": xp.asarray([1 / k for k in steps]), "drift": xp.stack(drifts, axis=-1), "floor": 1e-12}


@pytest.mark.parametrize(("friction", "order", "expected"), [(0, 1, "pass"), (0.01, 1, "fail"), (0, 2, "fail")])
def test_conserved(friction, order, expected):
    out = verdict(
        Conserved(Q, order=order),
        lambda xp, rng, case, size: oscillator(xp, rng, case, size, friction),
        options={"samples": {"smoke": 256}},
    )
    assert out.verdict == expected, out.message


# -- minimisers, identities, counterexamples ----------------------------------------------------------------------


@pytest.mark.parametrize(("value", "expected"), [("-1/4", "pass"), ("-1/5", "fail"), ("-3/10", "fail")])
def test_minimiser(value, expected):
    def simulate(xp, rng, case, size):
        def f(x):
            return x * x - x

        x = rng.normal((size,))
        for _ in range(60):
            x = x - 0.25 * (2 * x - 1)
        return {"quantity": f(x), "attained": f(xp.ones((size,)) / 2)}

    assert verdict(Minimiser(Q, sympy.Rational(value)), simulate).verdict == expected


def test_identity():
    def simulate(xp, rng, case, size, factor=1):
        a = rng.normal((size, 3, 3))
        x = xp.matmul(a, xp.matrix_transpose(a)) + xp.eye(3)
        return {"left": xp.matmul(xp.linalg.inv(x), x) * factor, "right": xp.eye(3) + xp.zeros((size, 3, 3))}

    def wrong(xp, rng, case, size):
        return simulate(xp, rng, case, size, 1 + 1e-6)

    assert verdict(Identity(Q, sympy.Function("unit")(1)), simulate).verdict == "pass"
    assert verdict(Identity(Q, sympy.Function("unit")(1)), wrong).verdict == "fail"


def test_counterexample_is_confirmed_or_refused():
    def simulate(xp, rng, case, size):
        return {"quantity": xp.ones((size,)) / 3}

    third = sympy.Rational(1, 3)
    assert verdict(Counterexample(Q, third - sympy.Rational(1, 10**12)), simulate).verdict == "pass"
    assert verdict(Counterexample(Q, third), simulate).verdict != "pass"
    assert verdict(Counterexample(Q, third + sympy.Rational(1, 10**6)), simulate).verdict == "fail"
    assert verdict(Counterexample(Q, sympy.Integer(4), mean=True), chi_square).verdict == "pass"
    assert verdict(Counterexample(Q, sympy.Integer(6), mean=True), chi_square).verdict == "fail"


# -- what cannot be carried out -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("simulate", "words"),
    [
        (lambda xp, rng, case, size: {"quantity": xp.log(rng.normal((size,)))}, "non-finite"),
        (lambda xp, rng, case, size: {"quantity": rng.normal((size, 2))}, "shape"),
        (lambda xp, rng, case, size: {"q": rng.normal((size,))}, "missing"),
        (lambda xp, rng, case, size: {"quantity": rng.normal((7,))}, "size"),
        (lambda xp, rng, case, size: [1.0], "dict"),
        (lambda xp, rng, case, size: {"quantity": case.nothing}, "line"),
        (lambda xp, rng, case, size: {"quantity": xp.zeros((size,), dtype=complex)}, "real"),
        (lambda xp, rng, case, size: {"quantity": xp.arange(size) / size}, "differs between rows"),
        (lambda xp, rng, case, size: {"quantity": 0 * (z := rng.normal((size,))) + xp.mean(z)}, "mix"),
    ],
)
def test_bad_simulations_are_errors_in_one_line(simulate, words):
    out = verdict(SureBound(Q, 1), simulate)
    assert out.verdict == "error" and words in out.message and "\n" not in out.message


def test_a_batch_that_does_not_fit_is_halved(monkeypatch):
    sizes = []

    def simulate(xp, rng, case, size):
        sizes.append(size)
        if size > 512:
            raise MemoryError
        return chi_square(xp, rng, case, size)

    simulate.__name__ = chi_square.__name__  # the same streams
    whole = verdict(MeanEquals(Q, sympy.Integer(5)), chi_square)
    assert verdict(MeanEquals(Q, sympy.Integer(5)), simulate).estimate == whole.estimate
    assert max(sizes) > 512
    out = verdict(MeanEquals(Q, sympy.Integer(5)), simulate, options={"block": 1024})
    assert out.verdict == "error" and "memory" in out.message


@pytest.mark.parametrize("share", [1, 3, 10**6])
def test_results_do_not_depend_on_the_batch_size(monkeypatch, share):
    reference = verdict(MeanEquals(Q, sympy.Rational(51, 10)), chi_square)
    measured = engine._Runner._measured

    def limited(self):
        rows = measured(self)
        self.largest = share
        return rows

    monkeypatch.setattr(engine._Runner, "_measured", limited)
    out = verdict(MeanEquals(Q, sympy.Rational(51, 10)), chi_square, budget=60.0)
    assert (out.estimate, out.interval, out.samples) == (reference.estimate, reference.interval, reference.samples)


def test_saved_files_are_not_trusted(tmp_path):
    claim = claim_of(SureBound(Q, 1), lambda xp, rng, case, size: {"quantity": rng.normal((size,))})
    path = run_experiment(claim, claim.evidence[0], Case({}), save_dir=tmp_path).artefact
    arrays = path.replace(".json", ".npz")
    np.savez(arrays, draw0=np.array([{}], dtype=object))
    with pytest.raises(violation.UsageError, match="not finite float64"):
        violation.replay(path, claim)


def test_a_machine_that_is_busy_with_other_things_takes_no_time_from_an_experiment(monkeypatch):
    monkeypatch.setitem(engine.EFFORTS, "smoke", replace(engine.EFFORTS["smoke"], seconds=0.3))

    def simulate(xp, rng, case, size):
        time.sleep(0.1)  # as good as waiting for one's turn
        return {"quantity": rng.uniform((size,))}

    out = verdict(MeanBound(Q, sympy.Rational(501, 1000), tol=0), simulate, options={"samples": {"smoke": 2**12}})
    assert out.samples > 2**12 and "time" not in out.message
