"""Indicators, sums under the expectation, sums cut in two: what is proved, and what is refused."""

from __future__ import annotations

import pytest
from sympy import Eq, Function, Rational, Sum, Symbol, log

from gdverify import Assumption, Claim, Integers, Interval, Mean, Paper, Prob, ProbabilityBound
from gdverify.errors import ProofError
from gdverify.kernel.proof import Proof

n = Symbol("n", integer=True, positive=True)
m = Symbol("m", integer=True, positive=True)
a = Symbol("a", real=True)
k = Symbol("k", integer=True)
hit, X = Function("hit"), Function("X")
bit = Assumption("hit is an indicator", lambda i: Eq(hit(i) ** 2, hit(i), evaluate=False))
loose = Assumption("X is twice itself, squared", lambda i: Eq(X(i) ** 2, 2 * X(i), evaluate=False))
first = Assumption("X starts at 1", lambda i: Eq(X(i), 1, evaluate=False), where=lambda i: [1 - i])


@pytest.fixture
def proof():
    return Proof(
        Claim(
            id="x.probability", title="t", paper=Paper("x", "x"), locator="l", statement="s",
            symbols={n: Integers(1, sample=(1, 9)), m: Integers(1, sample=(1, 9)), a: Interval(0, 1)},
            assumptions=[bit, loose, first],
            decides=ProbabilityBound(quantity=hit(n), threshold=Rational(1, 2), bound=1),
        )
    )  # fmt: skip


def test_the_probability_of_an_indicator_is_its_mean(proof):
    fact = proof.indicator(proof.assume(bit, n), Rational(1, 2))
    assert (fact.left, fact.right) == (Prob(hit(n), Rational(1, 2)), Mean(hit(n)))


@pytest.mark.parametrize("threshold", [-1, 1, 2])
def test_an_indicator_needs_a_threshold_between_its_values(proof, threshold):
    with pytest.raises(ProofError, match="threshold"):
        proof.indicator(proof.assume(bit, n), threshold)


def test_what_is_not_zero_or_one_is_no_indicator(proof):
    with pytest.raises(ProofError, match="0 or 1"):
        proof.indicator(proof.assume(loose, n), 0)


def test_the_mean_of_a_sum_needs_ends_that_are_not_random(proof):
    fact = proof.mean_of_sum(Sum(X(k), (k, 1, n)))
    assert fact.right == Sum(Mean(X(k)), (k, 1, n))
    with pytest.raises(ProofError, match="random"):
        proof.mean_of_sum(Sum(X(k), (k, 1, X(n))))
    with pytest.raises(ProofError, match="range"):
        proof.mean_of_sum(Sum(X(k), (k, n, m)))


def test_a_sum_is_cut_inside_its_range_only(proof):
    total = Sum(X(k), (k, 1, n + m))
    assert proof.split_sum(total, n).right == Sum(X(k), (k, 1, n)) + Sum(X(k), (k, n + 1, n + m))
    for outside in (n + m + 1, -1, m - n, n / 2):
        with pytest.raises(ProofError, match="split_sum"):
            proof.split_sum(total, outside)


def test_integers_are_at_least_one_apart(proof):
    fact = proof.next_integer(proof.sign(n))
    assert (fact.left, fact.relation, fact.right) == (n, ">=", 1)
    assert proof.signs.integer(2 * n**2 - m) and not proof.signs.integer(n**-1) and not proof.signs.integer(n / 2)
    with pytest.raises(ProofError, match="between integers"):
        proof.next_integer(proof.sign(n / 2))
    with pytest.raises(ProofError, match="strict"):
        proof.next_integer(proof.low(n))


def test_sums_are_reindexed_by_bijections_only(proof):
    total = Sum(X(k), (k, 1, n))
    assert proof.reindex(total, n + 1 - k).right == Sum(X(n + 1 - k), (k, 1, n))
    assert proof.reindex(total, k + m).right == Sum(X(k + m), (k, 1 - m, n - m))
    for bad in (2 * k, k**2, k + a, m, k / 2, -2 * k + n):
        with pytest.raises(ProofError, match="neither"):
            proof.reindex(total, bad)


def test_constants_come_out_of_the_denominators_of_sums(proof):
    total = Sum((n - m) / (m * (n + k)), (k, 1, n))
    proof.identity(total, (n - m) / m * Sum(1 / (n + k), (k, 1, n)))
    with pytest.raises(ProofError):
        proof.identity(total, (n - m) / n * Sum(1 / (n + k), (k, 1, n)))
    with pytest.raises(ProofError, match=r"non-zero|defined"):
        proof.identity(Sum(1 / (a * (n + k)), (k, 1, n)), 1 / a * Sum(1 / (n + k), (k, 1, n)))  # a may be 0


def test_an_assumption_is_used_as_the_claim_states_it_and_where_it_holds(proof):
    assert proof.assume(first, 1).right == 1
    with pytest.raises(ProofError, match="holds where"):
        proof.assume(first, n)
    twin = Assumption(first.name, lambda i: Eq(X(i), 5, evaluate=False))
    assert proof.assume(twin, 1).right == 1


def test_the_mean_of_a_constant_is_the_constant_as_it_stands(proof):
    for constant in (log(2 * n * m), (log(2 * n * m) - 1) ** 2 / n, a * log(n * m)):
        proof.identity(Mean(constant), constant)
    for random in (hit(n), a * hit(n) ** 2, log(2 + hit(n) ** 2)):
        with pytest.raises(ProofError):
            proof.identity(Mean(random), random)
