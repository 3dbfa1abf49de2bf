"""Cases by a term of a sequence: where the claim says that its terms are constants, and never over its index."""

import pytest
from sympy import Function, Ge, Le, Sum, Symbol, symbols

from gdverify import Assumption, Integers, Mean, Reals
from gdverify.errors import ProofError
from gdverify.kernel import Proof
from gdverify.laws import constant
from tests.test_kernel import toy

x, noise = Function("x"), Function("noise")
T = symbols("T", integer=True)
q = Symbol("q", real=True)
positive = Assumption("from 0 on", lambda: Ge(x(0), 0, evaluate=False), key=("from",))


@pytest.fixture
def proof():
    domains = {T: Integers(0, sample=(0, 3)), q: Reals(sample=(0, 1))}
    return Proof(toy(symbols=domains, assumptions=(constant(x), positive)))


def refused(rule, *args, **kwargs):
    with pytest.raises(ProofError):
        rule(*args, **kwargs)


def test_both_cases_of_a_term(proof):
    k = proof.index("k")
    square = lambda s: proof.certificate((x(k) ** 2, ">=", 0), [(0, s)], [(1, x(k))])
    fact = proof.by_cases(1 - x(k), square, square)
    assert not fact.hypotheses
    proof.instantiate(fact, {k: T})


def test_one_case_does_not_escape(proof):
    k, kept = proof.index("k"), {}

    def small(s):
        kept["small"] = s
        return proof.certificate(Le(x(k), 1), [(1, s)])

    refused(proof.by_cases, 1 - x(k), small, small)
    refused(proof.certificate, Le(x(k), 1), [(1, kept["small"])])
    refused(proof.sign, 1 - x(k))


def test_nothing_ranges_over_the_index_of_an_open_case(proof):
    k = proof.index("k")
    half = lambda rule: refused(proof.by_cases, 1 - x(k), rule, rule)
    half(lambda s: proof.sum_of(s, k, 0, T))
    half(lambda s: proof.instantiate(s, {k: T}))
    step = lambda s: proof.certificate((x(k + 1) ** 2, ">=", 0), [(0, s)], [(1, x(k + 1))])
    half(lambda s: proof.induction((x(k) ** 2, ">=", 0), k, proof.sign(x(0) ** 2), lambda now: step(s)))
    half(lambda s: proof.mean(s))
    half(lambda s: proof.limit(Sum(x(k), (k, 0, T)), T))


def test_what_may_be_random_or_undefined_is_no_case(proof):
    k = proof.index("k")
    trivial = lambda s: proof.sign(q**2)
    proof.by_cases(x(k), trivial, trivial)
    for expr in (noise(k), 1 / x(k), x(k) * noise(k), Function("log")(x(k)), Mean(noise(k)) / x(k)):
        refused(proof.by_cases, expr, trivial, trivial)
    t = proof.scalar("t", Reals())
    refused(proof.by_cases, x(t), trivial, trivial)
