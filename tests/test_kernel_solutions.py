"""Initial value problems: what solves them, and what does not."""

from __future__ import annotations

import pytest
from sympy import Function, Rational, Symbol, exp, log, sqrt

from gdverify import Claim, Identity, Nonnegative, Paper, Positive, Reals
from gdverify.errors import ProofError
from gdverify.kernel.proof import Proof
from gdverify.laws import initial_value

m, s, b = Symbol("m", positive=True), Symbol("s", positive=True), Symbol("b", positive=True)
p, x = Symbol("p", real=True), Symbol("x", real=True)
t = Symbol("t", real=True)
y, z = Function("y"), Function("z")
logistic = initial_value(y(t), t, y(t) * (m - y(t)), s)
clocked = initial_value(z(t), t, t * z(t), s, name="a field that changes with time")
rooted = initial_value(z(t), t, sqrt(z(t)), 0, name="a field that is not Lipschitz")


@pytest.fixture
def proof():
    return Proof(
        Claim(
            id="x.solution", title="t", paper=Paper("x", "x"), locator="l", statement="s",
            symbols={
                m: Positive(sample=(1, 2)), s: Positive(sample=(1, 2)), b: Positive(sample=(1, 2)),
                p: Reals(sample=(0, 1)), x: Reals(sample=(0, 1)),
            },
            assumptions=[logistic, clocked, rooted], decides=Identity(quantity=m, bound=m),
        )
    )  # fmt: skip


def test_the_logistic_curve_solves_its_equation_and_nothing_else_does(proof):
    time = proof.scalar("time", Nonnegative())
    proof.sign(m)
    grown = proof.instantiate(proof.tangent(exp(x_ := proof.scalar("u", Reals())), x_, 0), {x_: m * time})
    proof.certificate(
        (exp(m * time) * s + m - s, ">", 0), [(s, grown), (1, proof.sign(s * m * time)), (1, proof.sign(m))]
    )
    curve = m * s * exp(m * time) / (exp(m * time) * s + m - s)
    fact = proof.solution(logistic, curve, time)
    assert (fact.left, fact.right) == (y(time), curve)
    for wrong, why in ((m, "start"), (s * exp(m * time), "solve"), (s + 0 * time, "solve"), (y(time), "refer")):
        with pytest.raises(ProofError, match=why):
            proof.solution(logistic, wrong, time)


def test_fields_without_unique_or_steady_solutions_are_refused(proof):
    time = proof.scalar("time", Nonnegative())
    with pytest.raises(ProofError, match="polynomial"):
        proof.solution(clocked, s * exp(time**2 / 2), time)
    with pytest.raises(ProofError, match="polynomial"):
        proof.solution(rooted, time**2 / 4, time)
    with pytest.raises(ProofError, match="generic time"):
        proof.solution(logistic, m, m)


def test_exponentials_of_logarithms_are_powers_of_positive_bases(proof):
    proof.identity(exp(p * log(b)), b**p)
    proof.identity(exp(-2 * p * log(b) / 3 + p), b ** (-Rational(2, 3) * p) * exp(p))
    for wrong in (exp(p * log(b)) - b ** (2 * p), exp(p * log(x)) - x**p):
        with pytest.raises(ProofError):
            proof.identity(wrong)
