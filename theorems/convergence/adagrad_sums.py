"""Sums of increments over the totals that they make: the lemmas behind AdaGrad (after Attia and Koren 2023).

For a_t >= 0, A_0 > 0 and A_{t+1} = A_t + a_t:

    sum over t < T of a_t/A_{t+1}^{1/2}   <=  2 (A_T^{1/2} - A_0^{1/2})      and   >=  A_T^{1/2} - A_0^{1/2}
    sum over t < T of a_t/A_{t+1}         <=  log(A_T/A_0)

Reference: arXiv:2302.08783, whose words were not read; the lemmas are common to the analyses of AdaGrad.
"""

from sympy import Function, Ge, Gt, Le, Rational, Sum, Symbol, log, sqrt, symbols

from gdverify import Assumption, Claim, Integers, Mutant, Observed, Positive, SureBound, recursion
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

A_0, A_T = symbols("A_0 A_T", positive=True)
T, t = Symbol("T", integer=True, positive=True), Symbol("t", integer=True, nonnegative=True)
j = Symbol("j", integer=True, nonnegative=True)
a, A = Function("a", real=True), Function("A", real=True)

increments = Assumption(
    "a_t >= 0", lambda s: Ge(a(s), 0, evaluate=False), latex=r"a_t\ge 0", key=("increments",), where=lambda s: [s]
)
totals = recursion(A(t + 1), A(t) + a(t))
begin, end = equation("A_0 is the first total", A(0), A_0), equation("A_T is the last total", A(T), A_T)
common = {
    "paper": PAPERS["adagrad-norm"],
    "locator": "lemmas on sums; common to analyses of AdaGrad",
    "symbols": {
        A_0: Positive(sample=(Rational(1, 100), 100), log=True),
        T: Integers(1, sample=(1, 60)),
        A_T: Observed(0, open="left"),
    },
    "assumptions": [increments, totals, begin, end],
}
by_roots = Sum(a(j) / sqrt(A(j + 1)), (j, 0, T - 1))
by_totals = Sum(a(j) / A(j + 1), (j, 0, T - 1))
loose = Mutant("increments of any sign", drop=("a_t >= 0",), by=("derivation",))
small, large = {"family": "small", "T": 1}, {"family": "large", "T": 1}

roots_above = Claim(
    id="adagrad-norm.sum-lemmas",
    title="Increments over the roots of their totals: at most twice the growth of the root",
    statement=r"a_t\ge0:\quad \sum_{t<T}\frac{a_t}{\sqrt{A_{t+1}}} \le 2\big(\sqrt{A_T}-\sqrt{A_0}\big)",
    decides=SureBound(quantity=by_roots, bound=2 * (sqrt(A_T) - sqrt(A_0))),
    mutants=[
        Mutant("1.99 in place of 2", decides={"bound": Rational(199, 100) * (sqrt(A_T) - sqrt(A_0))}, cases=(small,)),
        Mutant("A_0 + 1 under the second root", decides={"bound": 2 * (sqrt(A_T) - sqrt(A_0 + 1))}, cases=(small,)),
        loose,
    ],
    notes="Attained as the increments fall to 0.",
    **common,
)
roots_below = Claim(
    id="adagrad-norm.sum-lemmas-below",
    title="Increments over the roots of their totals: at least the growth of the root",
    statement=r"a_t\ge0:\quad \sqrt{A_T}-\sqrt{A_0} \le \sum_{t<T}\frac{a_t}{\sqrt{A_{t+1}}}",
    decides=SureBound(quantity=-by_roots, bound=sqrt(A_0) - sqrt(A_T)),
    mutants=[
        Mutant("1% more", decides={"bound": Rational(101, 100) * (sqrt(A_0) - sqrt(A_T))}, cases=(large,)),
        Mutant("sqrt(A_0)/2 in place of sqrt(A_0)", decides={"bound": sqrt(A_0) / 2 - sqrt(A_T)}, cases=(small,)),
        loose,
    ],
    notes="Attained in the limit of one increment that is large against A_0.",
    **common,
)
logarithm = Claim(
    id="adagrad-norm.sum-lemmas-log",
    title="Increments over their totals: at most the growth of the logarithm",
    statement=r"a_t\ge0:\quad \sum_{t<T}\frac{a_t}{A_{t+1}} \le \ln\frac{A_T}{A_0}",
    decides=SureBound(quantity=by_totals, bound=log(A_T) - log(A_0)),
    mutants=[
        Mutant("1% less", decides={"bound": Rational(99, 100) * (log(A_T) - log(A_0))}, cases=(small,)),
        Mutant(
            "the totals before the increments",
            decides={"quantity": Sum(a(j) / A(j), (j, 0, T - 1))},
            by=("derivation",),
        ),
        Mutant(
            "the logarithm of half of the growth", decides={"bound": log((A_T + A_0) / 2) - log(A_0)}, cases=(small,)
        ),
    ],
    notes="Attained as the increments fall to 0.",
    **common,
)


def positive(proof, k):
    """The facts A_s > 0 at s = k and k + 1, and A_{k+1} >= A_k."""
    s = proof.index("s")
    start = proof.certificate(Gt(A(0), 0), [(1, proof.sign(A_0))], using=[proof.assume(begin)])
    grown = lambda now: proof.certificate(
        Gt(A(s + 1), 0), [(1, now), (1, proof.assume(increments, s))], using=[proof.assume(totals, s)]
    )
    every = proof.induction(Gt(A(s), 0), s, start, grown)
    proof.instantiate(every, {s: k})
    proof.instantiate(every, {s: k + 1})
    proof.instantiate(every, {s: T})
    return proof.certificate(Ge(A(k + 1), A(k)), [(1, proof.assume(increments, k))], using=[proof.assume(totals, k)])


def add_up(proof, step, potential, k, target):
    total = proof.telescoped(step, potential(k), k, 0, T)
    proof.conclude(proof.certificate(target, [(1, total)], using=[proof.assume(begin), proof.assume(end)]))


@roots_above.derivation
def squares(proof):
    k = proof.index("k")
    positive(proof, k)
    here, there = sqrt(A(k)), sqrt(A(k + 1))
    step = proof.certificate(
        Ge(2 * there - 2 * here, a(k) / there), [(1 / there, proof.assume(totals, k))], [(1 / there, there - here)]
    )
    add_up(proof, step, lambda s: -2 * sqrt(A(s)), k, Le(by_roots, 2 * (sqrt(A_T) - sqrt(A_0))))


@roots_below.derivation
def differences(proof):
    k = proof.index("k")
    grown = proof.power(positive(proof, k), Rational(1, 2))
    here, there = sqrt(A(k)), sqrt(A(k + 1))
    step = proof.certificate(
        Ge(a(k) / there, there - here), [(-1 / there, proof.assume(totals, k)), (here / there, grown)]
    )
    add_up(proof, step, lambda s: sqrt(A(s)), k, Le(-by_roots, sqrt(A_0) - sqrt(A_T)))


@logarithm.derivation
def tangents(proof):
    k, v = proof.index("k"), proof.scalar("v", Positive())
    positive(proof, k)
    line = proof.instantiate(proof.tangent(-log(v), v, A(k + 1)), {v: A(k)})
    step = proof.certificate(
        Ge(log(A(k + 1)) - log(A(k)), a(k) / A(k + 1)), [(1, line), (1 / A(k + 1), proof.assume(totals, k))]
    )
    add_up(proof, step, lambda s: -log(A(s)), k, Le(by_totals, log(A_T) - log(A_0)))


def sums(xp, rng, case, size, root):
    """Increments over eight decades, all small, or all large, against A_0."""
    reach = {"small": (1e-4, 1e-3), "large": (1e6, 1e8)}.get(case.family, (1e-4, 1e4))
    steps = case.A_0 * log_uniform(xp, rng, (size, case.T), *reach)
    total, summed = case.A_0 + xp.zeros((size,)), xp.zeros((size,))
    for k in range(case.T):
        total = total + steps[:, k]
        summed = summed + steps[:, k] / (xp.sqrt(total) if root else total)
    return summed, total


families = [{"family": "any"}, {"family": "small"}, {"family": "large"}]


@roots_above.experiment(cases=families)
def over_roots(xp, rng, case, size):
    summed, total = sums(xp, rng, case, size, True)
    return {"quantity": summed, "A_T": total}


@roots_below.experiment(cases=families)
def minus_over_roots(xp, rng, case, size):
    summed, total = sums(xp, rng, case, size, True)
    return {"quantity": -summed, "A_T": total}


@logarithm.experiment(cases=families)
def over_totals(xp, rng, case, size):
    summed, total = sums(xp, rng, case, size, False)
    return {"quantity": summed, "A_T": total}
