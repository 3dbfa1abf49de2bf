"""Statements about matrices of symbolic size: moments with absolute values, induction, sums over samples, values."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import Abs, Eq, Identity, MatrixSymbol, Symbol, Trace

from gdverify import Assumption, Claim, Integers, Mean, MeanEquals, Paper
from gdverify.errors import ClaimError, ProofError
from gdverify.evaluate import evaluate
from gdverify.experiment.backend import namespace
from gdverify.kernel.proof import Proof
from gdverify.language import MatrixSequence, SymmetricMatrix
from gdverify.laws import constant, equation, gaussian, sample_sums
from gdverify.optimise import descend

d, n = Symbol("d", integer=True, positive=True), Symbol("n", integer=True, positive=True)
k = Symbol("k", real=True)
x, w, u, g = (
    MatrixSymbol(name, *shape) for name, shape in (("x", (d, 1)), ("w", (d, 1)), ("u", (d, 1)), ("g", (1, 1)))
)
M, P, S = MatrixSymbol("M", d, d), MatrixSymbol("P", d, d), SymmetricMatrix("S", d, d)
J = MatrixSequence("J", d, d)
laws = [gaussian(x), gaussian(w)]
moves = Assumption("J moves", lambda t: Eq(J(t + 1), J(t) * M, evaluate=False))
starts = Assumption("J starts", lambda: Eq(J(0), Identity(d), evaluate=False))
commutes = equation("M P = P M", M * P, P * M)
scaled = equation("M is a multiple of S", M, k * S)
sums = sample_sums({g: (Trace(x.T * u), Trace(w.T * u))}, n, x, w)


@pytest.fixture
def proof():
    return Proof(
        Claim(
            id="x.matrices", title="t", paper=Paper("x", "x"), locator="l", statement="s",
            symbols={d: Integers(1, sample=(1, 9)), n: Integers(1, sample=(1, 9))}, defines={k: 3},
            assumptions=[*laws, constant(u, M, P, S), moves, starts, commutes, scaled, sums],
            decides=MeanEquals(quantity=Trace(x.T * x), bound=d),
        )
    )  # fmt: skip


z, size = Trace(w.T * x), Trace(x.T * u)


def test_absolute_values_drop_out_of_odd_terms_and_even_powers(proof):
    assert proof.gaussian(Abs(z) * size, laws).right == 0
    assert proof.gaussian(Abs(z) * z * size**2, laws).right == 0
    assert proof.gaussian(((z + Abs(z)) / 2) ** 2, laws).right == d / 2
    assert proof.gaussian(Abs(z) ** 2, laws).right == proof.gaussian(z**2, laws).right


@pytest.mark.parametrize("expr", [Abs(z), Abs(z) ** 3, Abs(z) * size**2, Abs(z) * z**2, 1 / Abs(z), Abs(z + 1) * size])
def test_other_means_of_absolute_values_are_refused(proof, expr):
    with pytest.raises(ProofError, match=r"no formula|no polynomial"):
        proof.gaussian(expr, laws)


def test_induction_over_matrix_equations(proof):
    t = proof.index("t")
    base = proof.matrix_identity(J(0) * P, P * J(0), using=[proof.assume(starts)])

    def step(hypothesis):
        using = [proof.assume(moves, t), proof.assume(commutes), hypothesis]
        return proof.matrix_identity(J(t + 1) * P, P * J(t + 1), using=using)

    assert proof.induction((J(t) * P, "==", P * J(t)), t, base, step).hypotheses == frozenset()


def test_induction_refuses_another_matrix_equation(proof):
    t = proof.index("t")
    base = proof.matrix_identity(J(0) * P, P * J(0), using=[proof.assume(starts)])
    with pytest.raises(ProofError, match="base case"):
        proof.induction((J(t) * P, "==", J(t)), t, base, lambda h: h)
    with pytest.raises(ProofError, match="the step"):
        proof.induction((J(t) * P, "==", P * J(t)), t, base, lambda h: h)


def test_a_matrix_equation_is_rewritten_by_scalar_and_matrix_equalities(proof):
    fact = proof.rewrite(proof.assume(scaled), proof.definition(k))
    proof.matrix_identity(M * P, 3 * S * P, using=[fact])
    with pytest.raises(ProofError, match="not an identity"):
        proof.matrix_identity(M * P, 2 * S * P, using=[fact])


def test_sums_over_samples(proof):
    square = proof.assume(sums, g, g)
    assert square.left == Mean(Trace(g) * Trace(g))
    assert square.right == n * Mean(size**2) + n * (n - 1) * Mean(size * Trace(w.T * u))
    with pytest.raises(ClaimError, match="involves a sample"):
        proof.assume(sums, g, size)


def test_traces_have_values():
    xp, rng = namespace("cpu"), np.random.default_rng(0)
    a, b, c = rng.normal(size=(4, 3, 3)), rng.normal(size=(3, 3)), rng.normal(size=4)
    value = evaluate(Trace(k * M.T * S * S + 2 * Identity(d)), {"M": a, "S": b, "k": c, "d": 3}, xp)
    assert value == pytest.approx(c * np.trace(a.transpose(0, 2, 1) @ b @ b, axis1=1, axis2=2) + 6)


def test_descent_finds_minima_and_rows_do_not_see_each_other():
    xp, rng = namespace("cpu"), np.random.default_rng(0)
    start, data = {"v": rng.normal(size=(5, 2))}, {"curve": np.asarray([1.0, 10.0])}

    def gradient(xp, point, data):
        return {"v": data["curve"] * (point["v"] - 1)}

    end = descend(xp, gradient, start, data, steps=300, rate=0.3)["v"]
    alone = descend(xp, gradient, {"v": start["v"][2:3]}, data, steps=300, rate=0.3)["v"]
    assert np.abs(end - 1).max() < 1e-3 and np.array_equal(end[2:3], alone)
