"""Limits and exponents: what they prove, and what they must refuse."""

from __future__ import annotations

import pytest
import sympy
from sympy import Rational, Symbol

from gdverify import Claim, Domain, Integers, Interval, LimitLaw, Mean, Observed, Paper, Positive, Rate
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
    excess = (n + 1) / (2 * n + a) - Rational(1, 2)
    good.conclude(good.limit((n + 1) / (2 * n + a), n), good.decay(excess, n, 1))
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
    using = [proof.definition(eta)]
    proof.conclude(proof.limit(n * eta, n, using=using), proof.decay(n * eta - 1, n, 1, using=using))


def test_bounded_symbols_do_not_go_to_infinity():
    small = Symbol("small", positive=True)
    proof = Proof(claim(a, a, symbols={small: Interval(0, 1, open="left")}))
    with pytest.raises(ProofError, match="does not run to infinity"):
        proof.limit(1 / small, small)


def test_means_are_values_only_by_a_fact():
    proof = Proof(claim(Mean(R) / n, 0))
    with pytest.raises(ProofError):
        proof.limit(Mean(R) / n, n)


def test_the_rate_of_a_limit_is_part_of_it():
    q, excess = (n + 1) / (2 * n + a), (n + 1) / (2 * n + a) - Rational(1, 2)
    proof = Proof(claim(q, Rational(1, 2)))
    alone = proof.limit(q, n)
    with pytest.raises(ProofError, match="not concluded"):
        proof.conclude(alone)
    for rate, good in ((1, True), (Rational(1, 2), True), (2, False), (Rational(1001, 1000), False), (m, False)):
        proof = Proof(claim(q, Rational(1, 2)))
        if good:
            proof.decay(excess, n, rate)
        else:
            with pytest.raises(ProofError):
                proof.decay(excess, n, rate)
    proof = Proof(claim(q, Rational(1, 2)))
    for other in (q, Mean(R) / n, R / n, 1 / m, 1 / (n * a) - 1 / a):
        with pytest.raises(ProofError):
            proof.decay(other, n, 1)
    slow = proof.decay(excess, n, Rational(1, 2))
    limit = proof.limit(q, n)
    with pytest.raises(ProofError, match="the derivation proves"):
        proof.conclude(limit, slow)
    assert str(proof.decay((n + 1) ** 2 - n**2 - 2 * n - 1, n, 100).right) == "100"
    nothing = proof.decay(excess - excess, n, 7)
    with pytest.raises(ProofError):
        proof.decay(excess, n, nothing.left)


def test_the_ratio_of_a_geometric_rate():
    half = Rational(1, 2)
    proof = Proof(claim(a, a))
    assert proof.geometric(3 * half**n + (half / 2) ** (n + 1), n).right == half
    assert proof.geometric(sympy.exp(-2 * n + 1), n).right == sympy.exp(-2)
    assert proof.geometric(a * 2 ** (2 * n), n).right == 4
    for bad in (n * half**n, -(half**n), (-half) ** n, half**n - half**n, 2 ** (n**2), a**n + 2**n, R * 2**n, 2**m):
        with pytest.raises(ProofError):
            proof.geometric(bad, n)


def test_a_geometric_rate_states_a_ratio_and_no_exponent():
    half = Rational(1, 2)
    form = 3 * half**n
    for exponent, good in ((half, True), (half + Rational(1, 10**9), False)):
        decides = Rate(form, n, exponent, closed_form=form, geometric=True)
        proof = Proof(Claim(id="x.y", title="t", paper=Paper("x", "x"), locator="l", statement="s",
                            symbols=SYMBOLS, decides=decides))  # fmt: skip
        facts = proof.identity(Mean(form), form), proof.geometric(form, n)
        if good:
            proof.conclude(*facts)
        else:
            with pytest.raises(ProofError):
                proof.conclude(*facts)


def test_exponentials_fall_faster_than_powers():
    q, r = Symbol("q", positive=True), Symbol("r", positive=True)
    proof = Proof(claim(a, a, symbols={q: Interval(0, 1, open="both"), r: Interval(0, 1, open="left")}))
    series = (1 - q**n) / (1 - q)
    proof.high(q)
    assert sympy.cancel(proof.limit(series, n).right - 1 / (1 - q)) == 0
    proof.decay(series - 1 / (1 - q), n, 100)
    assert proof.limit(n**3 * sympy.exp(-2 * n) + (n + 1) / n, n).right == 1
    assert proof.limit(sympy.sqrt(n + a) * (1 + a) ** (-n), n).right == 0
    for bad in (r**n, q ** (-n), (-q) ** n, n * r**n, (1 + q) ** n, a**n, sympy.exp(-n + a * n), R**n, q ** (n**2 - n)):
        with pytest.raises(ProofError):
            proof.limit(bad, n)
    for bad in (r**n, 1 / n + q**n):
        with pytest.raises(ProofError):
            proof.decay(bad, n, 2)
    with pytest.raises(ProofError):
        proof.limit(q**n / (1 - r), n)


def test_expansions_with_a_remainder():
    proof = Proof(claim(a, a))
    x, y = proof.scalar("x", Domain()), proof.scalar("y", Domain(0))
    fact = proof.taylor(sympy.exp(x), x, 0, 4)
    assert sympy.expand(fact.right - (1 + x + x**2 / 2 + x**3 / 6)) == 0
    proof.taylor(sympy.exp(y), y, 0, 3)
    proof.taylor(-sympy.log(1 + y), y, 0, 2)
    proof.taylor(sympy.log(1 + y), y, 0, 3)
    for call in (
        lambda: proof.taylor(sympy.exp(x), x, 0, 3),  # 1 + x + x^2/2 is above for x < 0
        lambda: proof.taylor(sympy.exp(y), y, 1, 3),
        lambda: proof.taylor(sympy.log(1 + y), y, 0, 2),
        lambda: proof.taylor(sympy.exp(y), y, -1, 2),
        lambda: proof.taylor(sympy.Abs(x), x, 0, 2),
        lambda: proof.taylor(sympy.sqrt(y), y, 0, 1),
        lambda: proof.taylor(sympy.exp(x), x, 0, 0),
        lambda: proof.taylor(sympy.exp(x), x, y, 2.0),
    ):
        with pytest.raises(ProofError):
            call()
