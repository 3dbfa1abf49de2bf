"""Particle gradient descent on displacement convex functionals (Daneshmand, Lee & Jin 2023).

F is minimised over measures with n equal atoms w_1, ..., w_n by w_i <- w_i - gamma G_i, with G_i = n dF/dw_i (or a
subgradient).  All particles together are one vector w with |w|^2 = (1/n) sum_i |w_i|^2.  F is lam-displacement convex
if

    F(v)  >=  F(w) + <G(w), v - w> + (lam/2) |v - w|^2      wherever the order of v's atoms is the optimal matching to
    w,

so that |v - w| = W_2.  With R = W_2 to a minimiser at the start, lam = 0 and |G| <= Lip along the run:

    min_{k < K} F(w_k) - F*  <=  R^2/(2 gamma K) + gamma Lip^2/2.

Reference: arXiv:2302.04753.  Its theorems were not read: statements and constants are derived here.
"""

from sympy import Eq, Function, Ge, Le, Rational, Symbol, symbols

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Mutant,
    Observed,
    Positive,
    SureBound,
    VectorSequence,
    sq,
)
from gdverify.classes import recursion
from gdverify.instances import log_uniform
from theorems import PAPERS

Lip, gamma, R = symbols("Lip gamma R", positive=True)
lam = Symbol("lam", nonnegative=True)
K, t = Symbol("K", integer=True, positive=True), Symbol("t", integer=True, nonnegative=True)
n = Symbol("n", integer=True, positive=True)
best = Symbol("best", real=True)
w, G, target = VectorSequence("w"), VectorSequence("G"), VectorSequence("target")
gap = Function("gap")  # gap(k) = F(w(k)) - F*

update = recursion(w(t + 1), w(t) - gamma * G(t))
matching = Assumption(
    "target(k) are the atoms of the minimiser, matched optimally to w(k)",
    lambda k: Ge(sq(w(k + 1) - target(k)), sq(w(k + 1) - target(k + 1)), evaluate=False),
    key=("matching",),
    where=lambda k: [k],
)


def displacement_convex(modulus):
    return Assumption(
        "F is displacement convex",
        lambda k: Ge(0, gap(k) + Inner(G(k), target(k) - w(k)) + modulus * sq(target(k) - w(k)) / 2, evaluate=False),
        key=("displacement-convex", modulus),
        where=lambda k: [k],
    )


begin = Assumption(
    "R is the distance W_2 to the minimiser at the start",
    lambda: Eq(sq(w(0) - target(0)), R**2, evaluate=False),
    key=("begin", R),
)
lipschitz = Assumption(
    "|G| <= Lip along the run",
    lambda k: Ge(Lip**2, sq(G(k)), evaluate=False),
    key=("lipschitz", Lip),
    where=lambda k: [k],
)
least = Assumption(
    "best is the smallest of F(w_0) - F*, ..., F(w_{K-1}) - F*",
    lambda k: Ge(gap(k), best, evaluate=False),
    key=("least",),
    where=lambda k: [k, K - 1 - k],
)

lipschitz_rate = Claim(
    id="particle-gd-displacement-convex.lipschitz-rate",
    title="Particle gradient descent on a Lipschitz displacement convex functional: O(1/sqrt(K)), whatever n",
    paper=PAPERS["particle-gd-displacement-convex"],
    locator="abstract (Lipschitz functionals); constants derived here",
    statement=r"\min_{k<K}F(\mu_k)-F^\star\le\frac{W_2^2(\mu_0,\mu^\star)}{2\gamma K}+\frac{\gamma\,\mathrm{Lip}^2}{2}",
    symbols={
        Lip: Positive(sample=(Rational(1, 4), 4)),
        gamma: Positive(sample=(Rational(1, 100), 1)),
        K: Integers(1, sample=(1, 40)),
        n: Integers(1, sample=(1, 6)),
        R: Observed(0, open="left"),
        best: Observed(),
    },
    assumptions=[update, matching, displacement_convex(0), lipschitz, begin, least],
    decides=SureBound(quantity=best, bound=R**2 / (2 * gamma * K) + gamma * Lip**2 / 2),
    mutants=[
        Mutant(
            "1% below",
            decides={"bound": Rational(99, 100) * (R**2 / (2 * gamma * K) + gamma * Lip**2 / 2)},
            cases=({"K": 1, "n": 1},),
        ),
        Mutant("the first term alone", decides={"bound": R**2 / (2 * gamma * K)}),
        Mutant("the second term alone", decides={"bound": gamma * Lip**2 / 2}),
        Mutant("F is not displacement convex", drop=("F is displacement convex",), by=("derivation",)),
        Mutant("targets are never matched again", drop=(matching.name,), by=("derivation",)),
    ],
    notes="Attained at K = 1, and in the limit K -> oo by particles that oscillate around the minimiser of Lip |x|. "
    " Atoms must stay distinct where F is not differentiable at coincidences, as the energy distance is not.",
)


@lipschitz_rate.derivation
def subgradient_steps(proof):
    j = proof.index("j", 0, K - 1)
    proof.high(j)
    distance = lambda s: sq(w(s) - target(s))
    step = proof.certificate(
        Ge(distance(j) - distance(j + 1), 2 * gamma * best - gamma**2 * Lip**2),
        [
            (1, proof.assume(matching, j)),
            (2 * gamma, proof.assume(displacement_convex(0), j)),
            (gamma**2, proof.assume(lipschitz, j)),
            (2 * gamma, proof.assume(least, j)),
        ],
        using=[proof.assume(update, j)],
    )
    total = proof.telescoped(step, distance(j), j, 0, K)
    proof.conclude(
        proof.certificate(
            Le(best, R**2 / (2 * gamma * K) + gamma * Lip**2 / 2),
            [(1 / (2 * gamma * K), total), (-1 / (2 * gamma * K), proof.assume(begin))],
            [(1 / (2 * gamma * K), w(K) - target(K))],
        )
    )


def sign(xp, x):
    return xp.astype(x > 0, xp.float64) - xp.astype(x < 0, xp.float64)


@lipschitz_rate.experiment(samples={"smoke": 1024, "standard": 50_000, "full": 1_000_000})
def potentials_and_energy_distances(xp, rng, case, size):
    """Half of the rows: F = int Lip |x|; half: Lip/4 times the energy distance to n atoms on the line."""
    size_of_step = case.gamma * case.Lip
    near = rng.bernoulli(0.5, (size, 1))
    radius = size_of_step * (near * (1 - rng.bernoulli(0.5, (size, 1)) / 2) + (1 - near) * case.K)
    energy = rng.bernoulli(0.5, (size, 1))
    apart = lambda: xp.cumulative_sum(log_uniform(xp, rng, (size, case.n), 1e-2, 1), axis=-1)
    goal = energy * apart()
    first = energy * apart() + (1 - energy) * radius * rng.signs((size, case.n))

    def value(x):
        cross, own, others = (
            xp.mean(xp.mean(xp.abs(a[:, :, None] - b[:, None, :]), axis=-1), axis=-1)
            for a, b in ((x, goal), (x, x), (goal, goal))
        )
        distance = 2 * cross - own - others
        return case.Lip * (energy[:, 0] * distance / 4 + (1 - energy[:, 0]) * xp.mean(xp.abs(x), axis=-1))

    def slope(x):
        pull = xp.mean(sign(xp, x[:, :, None] - goal[:, None, :]), axis=-1)
        push = xp.mean(sign(xp, x[:, :, None] - x[:, None, :]), axis=-1)
        return case.Lip * (energy * (pull - push) / 2 + (1 - energy) * sign(xp, x))

    x = first
    lowest = value(x)
    for _ in range(case.K - 1):
        x = x - case.gamma * slope(x)
        lowest = xp.minimum(lowest, value(x))
    return {"quantity": lowest, "best": lowest, "R": xp.sqrt(xp.mean((first - goal) ** 2, axis=-1))}
