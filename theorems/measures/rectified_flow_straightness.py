"""Rectified flow straightens paths (Liu, Gong & Liu 2022); the setting is that of `rectified_flow`.

    E|X_1 - X_0|^2 - E|Z_1 - Z_0|^2  ==  S(Z) + V(X)

with S(Z) = int_0^1 E|Z_1 - Z_0 - v(Z_t, t)|^2 dt, which vanishes for straight paths, and V(X) the same with X for Z.
So K rectifications in a row produce paths with min_k S(Z^k) <= E|X_1 - X_0|^2/K.

Reference: arXiv:2209.03003.  The paper's theorems were not read: the proofs are those given here.
"""

from sympy import Eq, Function, Ge, Integer, Le, Rational, Symbol, symbols

from gdverify import Assumption, Claim, Identity, Integers, Mean, Mutant, Observed, SureBound, sq
from gdverify.laws import equation
from gdverify.straightening import gaussian_couplings
from theorems import PAPERS
from theorems.measures.rectified_flow import D, cost, direction, flow, marginal, vX, vZ

S, V = symbols("S V", nonnegative=True)
bent = equation("S is the mean of |Z_1 - Z_0 - v(Z_t, t)|^2", Mean(sq(D(1) - vZ(0))), S)
spread = equation("V is the mean of |X_1 - X_0 - v(X_t, t)|^2", Mean(sq(D(0) - vX(0))), V)

straightness = Claim(
    id="rectified-flow.straightness-identity",
    title="The quadratic cost that rectification saves is straightness plus variance",
    paper=PAPERS["rectified-flow"],
    locator="abstract (straight paths); identity derived here",
    statement=r"\mathbb E|X_1-X_0|^2-\mathbb E|Z_1-Z_0|^2 = \int_0^1\mathbb E|Z_1-Z_0-v(Z_t,t)|^2dt"
    r" + \int_0^1\mathbb E|X_1-X_0-v(X_t,t)|^2dt",
    symbols={S: Observed(0), V: Observed(0)},
    assumptions=[direction, flow, bent, spread],
    decides=Identity(quantity=Mean(sq(D(0))) - Mean(sq(D(1))), bound=S + V, rtol=1e-4),
    mutants=[
        Mutant("the variance left out", decides={"bound": S}),
        Mutant("the straightness left out", decides={"bound": V}),
        Mutant("1% less variance", decides={"bound": S + Rational(99, 100) * V}),
        Mutant("v is not the conditional mean", drop=(direction.name,), by=("derivation",)),
    ],
    notes="The experiment draws Gaussian couplings and integrates by the Runge-Kutta method and Simpson's rule in "
    "64 steps; the tolerance is for their error.",
)


def pythagoras(proof, k, *uses):
    """E|D(k)|^2 - E|D(k+1)|^2 == E|D(k+1) - vZ(k)|^2 + E|D(k) - vX(k)|^2."""
    return proof.certificate(
        Eq(
            Mean(sq(D(k))) - Mean(sq(D(k + 1))),
            Mean(sq(D(k + 1) - vZ(k))) + Mean(sq(D(k) - vX(k))),
            evaluate=False,
        ),
        [
            (2, proof.assume(direction, k, vX(k))),
            (2, proof.assume(flow, k, D(k + 1))),
            (-1, marginal(proof, k, sq)),
        ],
    )


@straightness.derivation
def two_projections(proof):
    total = proof.certificate(
        Eq(straightness.decides.quantity, S + V, evaluate=False),
        [(1, pythagoras(proof, Integer(0))), (1, proof.assume(bent)), (1, proof.assume(spread))],
    )
    proof.conclude(total)


@straightness.experiment(
    cases=[{"dimension": 1}, {"dimension": 2}], samples={"smoke": 256, "standard": 10_000, "full": 200_000}
)
def gaussian_paths(xp, rng, case, size):
    pair = gaussian_couplings(xp, rng, size, case.dimension)
    path = pair.flow(64)
    saved = pair.start_cost(2) - pair.mean_cost(path[-1], 2)
    return {"quantity": saved, "scale": pair.start_cost(2), "S": pair.straightness(path), "V": pair.variance(64)}


# -- the rate of straightening ----------------------------------------------------------------------------------------

K = Symbol("K", integer=True, positive=True)
bend = Function("bend")
straightest = Symbol("straightest", nonnegative=True)
first = equation("cost is E|X_1 - X_0|^2", Mean(sq(D(0))), cost)
bends = Assumption(
    "bend(k) is S of the flow of coupling k",
    lambda k: Eq(Mean(sq(D(k + 1) - vZ(k))), Mean(bend(k)), evaluate=False),
    key=("bends",),
    where=lambda k: [k],
)
least = Assumption(
    "straightest is the smallest of bend(0), ..., bend(K-1)",
    lambda k: Ge(Mean(bend(k)), straightest, evaluate=False),
    key=("least",),
    where=lambda k: [k, K - 1 - k],
)

rate = Claim(
    id="rectified-flow.straightening-rate",
    title="Among K rectifications in a row one has paths that are straight up to 1/K",
    paper=PAPERS["rectified-flow"],
    locator="straightness at the rate 1/K; constants derived here",
    statement=r"\min_{1\le k\le K} S(Z^k) \le \frac{\mathbb E|X_1-X_0|^2}{K}",
    symbols={K: Integers(1, sample=(1, 3)), cost: Observed(0), straightest: Observed(0)},
    assumptions=[direction, flow, first, bends, least],
    decides=SureBound(quantity=straightest, bound=cost / K),
    mutants=[
        Mutant("half of the cost", decides={"bound": cost / (2 * K)}, cases=({"dimension": 1, "K": 1},)),
        Mutant("3/4 of the cost", decides={"bound": 3 * cost / (4 * K)}, cases=({"dimension": 1, "K": 1},)),
        Mutant("the rate 1/K^2", decides={"bound": cost / K**2}, by=("derivation",)),
        Mutant("v is not the conditional mean", drop=(direction.name,), by=("derivation",)),
    ],
    notes="At K = 1 the experiment comes within a factor of 1.3.  For K > 1 it is no test: it draws Gaussian "
    "couplings, whose second rectification is already straight.",
)


@rate.derivation
def telescoping(proof):
    k = proof.index("k")
    j = proof.index("j", 0, K - 1)
    shape = proof.mean(proof.certificate(Ge(sq(D(k) - vX(k)), 0), [], [(1, D(k) - vX(k))]))
    proof.high(j)
    step = proof.certificate(
        Ge(Mean(sq(D(k))) - Mean(sq(D(k + 1))), Mean(bend(k))),
        [(1, pythagoras(proof, k)), (1, shape), (1, proof.assume(bends, k))],
    )
    each = proof.certificate(
        Ge(Mean(sq(D(j))) - Mean(sq(D(j + 1))), straightest),
        [(1, proof.instantiate(step, {k: j})), (1, proof.assume(least, j))],
    )
    total = proof.telescoped(each, Mean(sq(D(j))), j, 0, K)
    end = proof.mean(proof.certificate(Ge(sq(D(K)), 0), [], [(1, D(K))]))
    proof.conclude(
        proof.certificate(Le(straightest, cost / K), [(1 / K, total), (1 / K, end), (-1 / K, proof.assume(first))])
    )


@rate.experiment(
    cases=[{"dimension": 1}, {"dimension": 2}], samples={"smoke": 128, "standard": 10_000, "full": 200_000}
)
def rectified_again(xp, rng, case, size):
    """Only the first rectification of a Gaussian coupling bends."""
    pair = gaussian_couplings(xp, rng, size, case.dimension)
    cost, path = pair.start_cost(2), pair.flow(24)
    smallest = pair.straightness(path)
    for _ in range(case.K - 1):
        pair = pair.rectified(path)
        path = pair.flow(24)
        smallest = xp.minimum(smallest, pair.straightness(path))
    return {"quantity": smallest, "straightest": smallest, "cost": cost}
