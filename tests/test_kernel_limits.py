"""Limits and exponents: what they prove, and what they must refuse."""

from __future__ import annotations

import pytest
from sympy import Rational, Symbol

from gdverify import Claim, Integers, Interval, LimitLaw, Mean, Observed, Paper, Positive
from gdverify.errors import ProofError
from gdverify.kernel.proof import Proof

n = Symbol("n", integer=True, positive=True)
m = Symbol("m", integer=True, positive=True)
a = Symbol("a", positive=True)
eta = Symbol("eta", positive=True)
R = Symbol("R", nonnegative=True)
SYMBOLS = {
    n: Integers(1, sample=(1, 9)),
    a: Positive(sample=(1, 2)),
    m: Integers(n, sample=(1, 9)),
    R: Observed(0),
}


def claim(quantity, limit, variable=n, **more):
    symbols = {**SYMBOLS, **more.pop("symbols", {})}
    return Claim(
        id="x.limit", title="t", paper=Paper("x", "x"), locator="l", statement="s", symbols=symbols,
        decides=LimitLaw(quantity=quantity, variable=variable, limit=limit), **more,
    )  # fmt: skip


def test_a_limit_is_concluded_in_its_own_variable_only():
    good = Proof(claim((n + 1) / (2 * n + a), Rational(1, 2)))
    good.conclude(good.limit((n + 1) / (2 * n + a), n))
    assert good.concluded
    wrong = Proof(claim(a / (a + n), 1))
    with pytest.raises(ProofError, match="but the claim states"):
        wrong.conclude(wrong.limit(a / (a + n), a))  # true as a -> oo, claimed as n -> oo


@pytest.mark.parametrize("expr", [n / m, R / n])
def test_what_may_grow_along_is_not_held_fixed(expr):
    proof = Proof(claim(expr, 0))
    with pytest.raises(ProofError, match=r"tied|instance"):
        proof.limit(expr, n)
    with pytest.raises(ProofError, match=r"tied|instance"):
        proof.growth(expr, n)


def test_definitions_are_put_in_before_the_limit():
    proof = Proof(claim(n * eta, 1, symbols={eta: Interval(0, 1, open="left")}, defines={eta: 1 / n}))
    with pytest.raises(ProofError, match="tied"):
        proof.limit(eta, n)
    proof.conclude(proof.limit(n * eta, n, using=[proof.definition(eta)]))


def test_bounded_symbols_do_not_go_to_infinity():
    small = Symbol("small", positive=True)
    proof = Proof(claim(a, a, symbols={small: Interval(0, 1, open="left")}))
    with pytest.raises(ProofError, match="does not run to infinity"):
        proof.limit(1 / small, small)


def test_means_are_values_only_by_a_fact():
    proof = Proof(claim(Mean(R) / n, 0))
    with pytest.raises(ProofError):
        proof.limit(Mean(R) / n, n)
