"""Rectified flow: the ODE along the mean direction of a coupling (Liu, Gong & Liu 2022).

A coupling (X_0, X_1) of two laws is interpolated by X_t = (1 - t) X_0 + t X_1; with v(x, t) = E[X_1 - X_0 | X_t = x]
the flow Z' = v(Z, t), Z_0 = X_0, has the marginals of X at every time and gives the new coupling (Z_0, Z_1):

    E c(Z_1 - Z_0)                     <=  E c(X_1 - X_0)     for every convex c
    E|X_1 - X_0|^2 - E|Z_1 - Z_0|^2    ==  S(Z) + V(X)

with S(Z) = int_0^1 E|Z_1 - Z_0 - v(Z_t, t)|^2 dt, which vanishes for straight paths, and V(X) the same with X for Z
(`rectified_flow_straightness`).

Integrals over time are expectations over a uniform time tau: vX(k) is v(X_tau, tau) for the coupling number k, vZ(k) is
v(Z_tau, tau) on its flow, D(k) the difference of its two ends; the flow of coupling k joins the ends of coupling k + 1.

Reference: arXiv:2209.03003.  The paper's theorems were not read: the proofs are those given here.
"""

from sympy import Eq, Integer, Le, Rational, symbols

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Mean,
    Mutant,
    Observed,
    ScalarFunction,
    SureBound,
    VectorSequence,
)
from gdverify.classes import convex
from gdverify.errors import ClaimError
from gdverify.integrate import refined
from gdverify.laws import equation
from gdverify.straightening import gaussian_couplings
from theorems import PAPERS

c = ScalarFunction("c")
D, vX, vZ = VectorSequence("D"), VectorSequence("vX"), VectorSequence("vZ")
cost, optimum = symbols("cost optimum", nonnegative=True)
same = lambda a, b: Eq(Mean(a), Mean(b), evaluate=False)


def function_of(test, base):
    if test != base and not (test.args == (base,) and test.func.__name__.startswith("grad_")):
        raise ClaimError(f"{test} is not known to be a function of {base}")


def tower(k, test):
    function_of(test, vX(k))
    return same(Inner(test, D(k)), Inner(test, vX(k)))


def path(k, test):
    function_of(test, D(k + 1))
    return same(Inner(test, vZ(k)), Inner(test, D(k + 1)))


direction = Assumption("v is the conditional mean of X_1 - X_0 given X_t", tower, key=("direction",))
flow = Assumption("Z_1 - Z_0 is the mean over time of the velocity v(Z_t, t)", path, key=("flow",))


def marginal(proof, k, h, *uses):
    """E h(v(Z_tau, tau)) == E h(v(X_tau, tau)): Z_t has the law of X_t."""
    return proof.cite(
        "Z_t has the law of X_t: both solve the continuity equation of v, which has one solution",
        same(h(vZ(k)), h(vX(k))),
        "Ambrosio, Gigli and Savare, Gradient flows, 2005, Proposition 8.1.7 and Theorem 8.2.1",
        uses=uses,
    )


before = equation("cost is E c(X_1 - X_0)", Mean(c(D(0))), cost)

convex_cost = Claim(
    id="rectified-flow.convex-cost",
    title="Rectification lowers every convex transport cost",
    paper=PAPERS["rectified-flow"],
    locator="abstract (no increase of convex transport costs); proof given here",
    statement=r"c \text{ convex}:\quad \mathbb E\,c(Z_1-Z_0)\le\mathbb E\,c(X_1-X_0)",
    symbols={cost: Observed(0)},
    assumptions=[convex(c), direction, flow, before],
    decides=SureBound(quantity=Mean(c(D(1))), bound=cost),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * cost}),
        Mutant("the cost of the best coupling", symbols={optimum: Observed(0)}, decides={"bound": optimum}),
        Mutant("v is not the conditional mean", drop=(direction.name,), by=("derivation",)),
        Mutant("the cost need not be convex", drop=(convex(c).name,), by=("derivation",)),
    ],
    notes="Attained by couplings whose paths do not cross, such as X_1 = rotation of X_0, which is not the cheapest "
    "one in the plane.  The experiment draws Gaussian couplings in dimension 1 and 2 and has the costs |z|^2 and "
    "|z|^4.",
)


@convex_cost.derivation
def two_tangents(proof):
    zero = Integer(0)
    along = proof.mean(proof.assume(convex(c), D(1), vZ(0)))
    inside = proof.mean(proof.assume(convex(c), vX(0), D(0)))
    proof.conclude(
        proof.certificate(
            Le(Mean(c(D(1))), cost),
            [
                (1, along),
                (1, inside),
                (1, proof.assume(flow, zero, c.grad(D(1)))),
                (1, proof.assume(direction, zero, c.grad(vX(0)))),
                (-1, marginal(proof, 0, c)),
                (-1, proof.assume(before)),
            ],
        )
    )


@convex_cost.experiment(
    cases=[{"dimension": d, "power": p} for d in (1, 2) for p in (2, 4)],
    samples={"smoke": 512, "standard": 20_000, "full": 500_000},
)
def gaussian_costs(xp, rng, case, size):
    pair = gaussian_couplings(xp, rng, size, case.dimension)
    value, error = refined(xp, [pair.mean_cost(pair.flow(n)[-1], case.power) for n in (8, 16, 32)])
    return {
        "quantity": value,
        "quantity_error": error + 1e-12 * value,  # of the integrator, and of rounding
        "cost": pair.start_cost(case.power),
        "optimum": pair.optimal_cost() ** (case.power // 2),
    }
