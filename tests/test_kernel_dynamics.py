"""Rules for flows and iterations of matrices must refuse what does not follow."""

from __future__ import annotations

import pytest
from sympy import Determinant, Eq, Identity, Inverse, Max, Min, Rational, Symbol, Trace, exp, symbols

from gdverify import Claim, Integers, Interval, Nonnegative, Paper, Positive, SureBound
from gdverify.errors import ProofError
from gdverify.kernel import Proof
from gdverify.language import MatrixSequence
from gdverify.laws import constant, equation, gradient_descent, gradient_flow, invertible

n, d = (Symbol(k, integer=True, positive=True) for k in "nd")
t, k = Symbol("t", nonnegative=True), Symbol("k", integer=True, nonnegative=True)
a, b = symbols("a b", positive=True)
X, Y = MatrixSequence("X", n, d), MatrixSequence("Y", n, n)
SQUARE = Trace(X(t) * X(t).T)


def proof_with(*assumptions):
    domains = {n: Integers(1), d: Integers(1), t: Nonnegative(), a: Positive(), b: Positive()}
    claim = Claim("toy.flow", "toy", Paper("toy", "toy"), "here", "x", domains, SureBound(0, a), assumptions)
    return Proof(claim)


@pytest.fixture
def flow():
    law = gradient_flow(a * SQUARE / 2, (X(t),), time=t)
    p = proof_with(law, constant())
    s = p.scalar("s", Nonnegative())
    value = Trace(X(s) * X(s).T)
    return p, s, value, p.lie_derivative(value, [p.gradient_flow(law, X(s))])


def test_gronwall(flow):
    p, s, value, motion = flow
    decay = p.identity(-2 * a * value - motion.right)
    fact = p.gronwall(motion, decay, 2 * a, s)
    start = Trace(X(0) * X(0).T)
    assert p.certificate(Eq(fact.left, start * exp(-2 * a * s), evaluate=False)) and fact.right == value
    assert p.instantiate(fact, {s: t}).right == SQUARE


def test_gronwall_refuses(flow):
    p, s, value, motion = flow
    decay = p.identity(-2 * a * value - motion.right)
    with pytest.raises(ProofError, match="is not"):
        p.gronwall(motion, decay, 3 * a, s)
    with pytest.raises(ProofError, match="constant"):
        p.gronwall(motion, decay, 2 * a + s - s * (1 + 1 / (1 + s)), s)
    with pytest.raises(ProofError, match="generic time"):
        p.gronwall(motion, decay, 2 * a, t)
    with pytest.raises(ProofError, match="stays put"):
        p.conserved(motion, s)
    with pytest.raises(ProofError, match="no derivative"):
        p.gronwall(decay, decay, 2 * a, s)
    late = p.scalar("late", Interval(1, None))
    with pytest.raises(ProofError, match="generic time"):
        p.gronwall(motion, decay, 2 * a, late)


def test_one_instant_only(flow):
    p, s, value, _ = flow
    law = p.claim.assumptions[0]
    here, there = p.gradient_flow(law, X(s)), p.gradient_flow(law, X(2 * s))
    with pytest.raises(ProofError, match="different times"):
        p.lie_derivative(Trace(X(s) * X(2 * s).T), [here, there])
    with pytest.raises(ProofError, match="by itself"):
        p.lie_derivative(s * value, [here])
    with pytest.raises(ProofError, match="different times"):
        p.lie_derivative(Trace(X(s) * X(0).T), [here])
    with pytest.raises(ProofError, match="not known to hold"):
        p.gradient_flow(law, X(-1 - s))
    with pytest.raises(ProofError, match="says nothing"):
        p.gradient_flow(law, MatrixSequence("Z", n, d)(s))


def test_steps_of_an_iteration():
    law = gradient_descent(Trace(X(k) * X(k).T) / 2, (X(k),), a, index=k)
    p = proof_with(law)
    i = p.index("i")
    step = p.gradient_step(law, X(i + 3))
    assert step.left == X(i + 4)
    p.matrix_identity(X(i + 4), (1 - a) * X(i + 3), using=[step])
    with pytest.raises(ProofError, match="not an identity"):
        p.matrix_identity(X(i + 4), (1 - 2 * a) * X(i + 3), using=[step])
    for wrong in (i - 1, Rational(1, 2)):
        with pytest.raises(ProofError, match="not known to hold"):
            p.gradient_step(law, X(wrong))
    assert p.instantiate(step, {i: 2}).left == X(6)


def test_matrix_rules():
    left, right = equation("e", X(0) * X(0).T, Y(0) * Y(1)), equation("f", Y(0), Identity(n) + Y(2))
    p = proof_with(left, right, invertible(Y))
    e, f = p.assume(left), p.assume(right)
    assert p.determinant(e).right == Determinant(Y(0)) * Determinant(Y(1))
    assert p.determinant(f).right == Determinant(Identity(n) + Y(2))
    p.matrix_identity(Inverse(Y(5)) * Y(5), Identity(n))
    p.matrix_certificate(X(0) * X(0).T - 2 * Y(0), Y(0) * Y(1) - 2 * Identity(n) - 2 * Y(2), [(1, e), (-2, f)])
    with pytest.raises(ProofError, match="add up"):
        p.matrix_certificate(X(0) * X(0).T - Y(0), Y(0) * Y(1) - 2 * Identity(n), [(1, e), (-2, f)])
    with pytest.raises(ProofError, match="multiply"):
        p.submultiplicative(X(0), X(0))
    with pytest.raises(ProofError, match="not square"):
        p.determinant(p.matrix_identity(X(0), X(0)))
    bound = p.submultiplicative(Y(0), X(0))
    p.certificate(Trace(Y(0).T * Y(0)) * Trace(X(0) * X(0).T) - Trace(X(0).T * Y(0).T * Y(0) * X(0)), [(1, bound)])
    between = p.trace(p.sandwich(e, X(1).T, X(1)))
    p.certificate(Eq(Trace(X(0) * X(0).T * X(1) * X(1).T) - Trace(X(1).T * Y(0) * Y(1) * X(1)), 0), [(1, between)])
    with pytest.raises(ProofError, match="multiply"):
        p.sandwich(e, X(1), X(1))
    with pytest.raises(ProofError, match="not square"):
        p.trace(p.sandwich(e, X(1).T))
    assert str(p.rewrite(e, f).right) == str(Y(1) + Y(2) * Y(1))


def test_extreme():
    p = proof_with()
    assert p.extreme(Min(a, b), a).left == a
    assert p.extreme(Max(a, b), b).right == b
    with pytest.raises(ProofError, match="not written"):
        p.extreme(Min(a, b), a + b)


def test_settle_frees_facts_of_a_finished_induction_only():
    p = proof_with()
    i = p.index("i")
    kept, base = [], p.sign(a * 0 + a)

    def step(hypothesis):
        kept.append(p.certificate(2 * a * (i + 1), [(2, hypothesis)]))
        with pytest.raises(ProofError, match="no hypothesis"):
            p.settle(kept[0])
        return p.certificate(a * (i + 2), [(1, hypothesis), (1, base)])

    p.induction(a * (i + 1), i, base, step)
    with pytest.raises(ProofError, match="no longer open"):
        p.instantiate(kept[0], {i: 3})
    assert not p.settle(kept[0]).hypotheses

    def fails(hypothesis):
        kept.append(p.certificate(-2 * i, [(2, hypothesis)]))
        return hypothesis

    with pytest.raises(ProofError, match="expected"):
        p.induction(-i, i, p.identity(0), fails)
    with pytest.raises(ProofError, match="no hypothesis"):
        p.settle(kept[1])
