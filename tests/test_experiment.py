"""Known theorems pass, known falsehoods fail, what cannot be carried out is an error: by experiment."""

import json
from fractions import Fraction

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
gamma, L, R = sympy.symbols("gamma L R", positive=True)
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


def test_directed_search_refutes_what_sampling_does_not_find(tmp_path):
    decides = SureBound(Q, sharp_constant() * sympy.Rational(9, 10))
    claim = claim_of(decides, gd_on_quadratics, GD)
    out = run_experiment(claim, claim.evidence[0], Case(GD_CASE), save_dir=tmp_path)
    assert out.verdict == "fail", out.message
    assert run_experiment(
        claim_of(SureBound(Q, sharp_constant()), gd_on_quadratics, GD).mutated_self
        if False
        else (c := claim_of(SureBound(Q, sharp_constant()), gd_on_quadratics, GD)),
        c.evidence[0] if False else claim.evidence[0],
        Case(GD_CASE),
    ).verdict == "pass"
    again = violation.replay(out.artefact, claim)
    assert again.verdict == "fail" and again.estimate > again.bound
