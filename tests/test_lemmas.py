"""Lemmas conclude the claims they are for; with a hypothesis missing, or a bound a hair better, they do not."""

from __future__ import annotations

import pytest
import sympy
from sympy import Eq, Function, Ge, Integer, Rational, Sum, Symbol, exp, log, sqrt

from gdverify import Assumption, Integers, Interval, Positive, Reals, SureBound, lemmas
from gdverify.classes import convex, recursion, smooth
from gdverify.errors import ProofError
from gdverify.kernel import Proof
from gdverify.language import Inner, Mean, ScalarFunction, Vector, VectorSequence, sq
from gdverify.laws import equation
from tests.test_kernel import toy

HAIR = Rational(1, 10**12)
n = Symbol("n", integer=True, positive=True)
m = Symbol("m", integer=True, nonnegative=True)
t, k = Symbol("t", integer=True, nonnegative=True), Symbol("k", integer=True)
q, L = sympy.symbols("q L", positive=True)
P, mu, X = Symbol("P", positive=True), Symbol("mu", real=True), Function("X")
c, w = sympy.symbols("c w", real=True)
DOMAINS = {
    n: Integers(1, sample=(1, 5)),
    m: Integers(0, sample=(0, 5)),
    q: Interval(0, 1, open="both"),
    P: Interval(1, None, open="left", sample=(2, 3)),
    mu: Reals(sample=(0, 1)),
    L: Positive(sample=(1, 2)),
    c: Reals(sample=(0, 1)),
    w: Reals(sample=(0, 1)),
}
f, r = ScalarFunction("f"), Function("r")
x, s, mean = VectorSequence("x"), VectorSequence("s"), Vector("mean")
u, v = Vector("u"), Vector("v")
bregman = f(v) - f(u) - Inner(f.grad(u), v - u)
ASSUMED = [
    convex(f),
    smooth(f, L),
    recursion(r(t + 1), q * r(t) + c),
    recursion(s(t + 1), s(t) + x(t)),
    equation("the first sum is empty", s(0), 0),
    equation("mean is the mean", s(n), n * mean),
    Assumption(
        "X is in [0, 1] with mean mu",
        lambda i: [Ge(X(i), 0, evaluate=False), Ge(1, X(i), evaluate=False), Eq(Mean(X(i)), mu, evaluate=False)],
    ),
]


def gronwall(proof):
    j = proof.index("i")
    step = proof.certificate(Ge(q * r(j) + c - r(j + 1), 0), using=[proof.assume(ASSUMED[2], j)])
    return lemmas.gronwall(proof, step, r, q, c, j, m)


def jensen(proof):
    j = proof.index("i")
    sums = [proof.assume(ASSUMED[3], j), proof.assume(ASSUMED[4]), proof.assume(ASSUMED[5])]
    return lemmas.jensen(proof, f, ASSUMED[0], x, mean, s, sums, n, j)


def hoeffding(proof):
    low, high, average = proof.assume(ASSUMED[6], n)
    return lemmas.hoeffding(proof, lemmas.hoeffding_curve(proof), X(n), (low, high), average, 2 * w)


LEMMAS = [  # lemma, smaller side, larger side
    (lambda p: lemmas.geometric_sum(p, q, m), Sum(q**k, (k, 0, m - 1)), (1 - q**m) / (1 - q)),
    (lambda p: lemmas.harmonic_sum(p, n), Sum(1 / k, (k, 1, n)), 1 + log(n)),
    (lambda p: lemmas.inverse_square_root_sum(p, n), 2 * sqrt(n + 1) - 2, Sum(1 / sqrt(k), (k, 1, n))),
    (lambda p: lemmas.inverse_square_root_sum_above(p, n), Sum(1 / sqrt(k), (k, 1, n)), 2 * sqrt(n)),
    (lambda p: lemmas.power_sum(p, 2, n), Sum(1 / k**2, (k, 1, n)), 2 - 1 / n),
    (lambda p: lemmas.power_sum(p, P, n), Sum(k**-P, (k, 1, n)), 1 + (1 - n ** (1 - P)) / (P - 1)),
    (lambda p: lemmas.power_sum(p, q, n), Sum(k**-q, (k, 1, n)), 1 + (n ** (1 - q) - 1) / (1 - q)),
    (hoeffding, Mean(exp(2 * w * X(n))), exp(2 * w * mu + w**2 / 2)),
    (gronwall, r(m), q**m * r(Integer(0)) + c * (1 - q**m) / (1 - q)),
    (lambda p: lemmas.cocoercive(p, f, *ASSUMED[:2], L, u, v), sq(f.grad(u) - f.grad(v)) / (2 * L), bregman),
    (jensen, f(mean), Sum(f(x(k)), (k, 0, n - 1)) / n),
]


@pytest.mark.parametrize(("lemma", "small", "large"), LEMMAS)
@pytest.mark.parametrize("hair", [0, HAIR])
def test_lemmas_prove_their_statement_and_no_better(lemma, small, large, hair):
    proof = Proof(toy(symbols=DOMAINS, assumptions=ASSUMED, decides=SureBound(small, large - hair)))
    fact = lemma(proof)
    if small == f(mean):
        fact = proof.certificate((large, ">=", small), [(1 / n, fact)])
    if hair:
        with pytest.raises(ProofError, match="the derivation proves"):
            proof.conclude(fact)
    else:
        proof.conclude(fact)


@pytest.mark.parametrize("lemma", [gronwall, jensen, hoeffding, LEMMAS[9][0]])
@pytest.mark.parametrize("missing", range(7))
def test_a_missing_assumption_is_missed(lemma, missing):
    used = {gronwall: (2,), jensen: (0, 3, 4, 5), hoeffding: (6,)}.get(lemma, (0, 1))
    proof = Proof(toy(symbols=DOMAINS, assumptions=[a for i, a in enumerate(ASSUMED) if i != missing]))
    if missing in used:
        with pytest.raises(ProofError, match="does not assume"):
            lemma(proof)
    else:
        lemma(proof)


def test_lemmas_outside_their_domain():
    proof = lambda: Proof(toy(symbols=DOMAINS, assumptions=ASSUMED))
    for call in (
        lambda p: lemmas.geometric_sum(p, w, m),  # w may be 1
        lambda p: lemmas.geometric_sum(p, L, m),
        lambda p: lemmas.geometric_sum(p, q, m - 1),  # m - 1 may be -1
        lambda p: lemmas.harmonic_sum(p, m),  # log 0
        lambda p: lemmas.harmonic_sum(p, n / 2),
        lambda p: lemmas.inverse_square_root_sum(p, w),
        lambda p: lemmas.inverse_square_root_sum_above(p, m - 1),
        lambda p: lemmas.power_sum(p, c, n),  # c may be negative, or one
        lambda p: lemmas.power_sum(p, L, n),  # L may be one
        lambda p: lemmas.power_sum(p, P, n - 1),
        lambda p: lemmas.hoeffding(p, lemmas.hoeffding_curve(p), X(n), (p.sign(1), p.sign(1)), p.sign(1), w),
        lambda p: lemmas.cocoercive(p, f, *ASSUMED[:2], L / 2, u, v),  # twice too strong
        lambda p: p.empty_sum(Sum(1 / k, (k, 1, m))),
    ):
        with pytest.raises(ProofError):
            call(proof())


def test_gronwall_needs_a_factor_that_is_not_negative():
    rule = recursion(r(t + 1), -q * r(t) + c)
    proof = Proof(toy(symbols=DOMAINS, assumptions=[rule]))
    j = proof.index("i")
    step = proof.certificate(Ge(-q * r(j) + c - r(j + 1), 0), using=[proof.assume(rule, j)])
    with pytest.raises(ProofError, match="not proved to be non-negative"):
        lemmas.gronwall(proof, step, r, -q, c, j, m)
