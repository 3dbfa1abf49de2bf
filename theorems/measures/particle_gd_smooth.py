"""Particle gradient descent on smooth displacement convex functionals (Daneshmand, Lee & Jin 2023).

The setting is that of `particle_gd`.  If F is lam-displacement convex, and ell-smooth along the run,

    F(w_{k+1})  <=  F(w_k) + <G_k, w_{k+1} - w_k> + (ell/2) |w_{k+1} - w_k|^2,

then for steps 0 < gamma <= 1/ell, whatever the number n of particles,

    F(w_K) - F*          <=  R^2/(2 gamma K)
    W_2(w_K, w*)^2       <=  (1 - gamma lam)^K R^2.

Reference: arXiv:2302.04753.  Its theorems were not read: statements and constants are derived here.
"""

from sympy import Ge, Integer, Le, Rational, symbols

from gdverify import Assumption, Claim, Inner, Integers, Interval, Mutant, Observed, Positive, SureBound, sq
from gdverify.instances import clip, log_uniform
from theorems import PAPERS
from theorems.measures.particle_gd import (
    G,
    K,
    R,
    begin,
    displacement_convex,
    gamma,
    gap,
    lam,
    matching,
    n,
    target,
    update,
    w,
)

ell = symbols("ell", positive=True)
distance = lambda s: sq(w(s) - target(s))
curved = displacement_convex(lam)
smooth = Assumption(
    "F is ell-smooth along the run",
    lambda k: Ge(gap(k) + Inner(G(k), w(k + 1) - w(k)) + ell * sq(w(k + 1) - w(k)) / 2, gap(k + 1), evaluate=False),
    key=("smooth-run", ell),
    where=lambda k: [k],
)
optimal = Assumption(
    "F* is the smallest value", lambda k: Ge(gap(k), 0, evaluate=False), key=("optimal",), where=lambda k: [k]
)
setting = [update, matching, curved, smooth, begin]
regime = {
    ell: Positive(sample=(Rational(1, 4), 4)),
    lam: Interval(0, ell, open="right", sample=(0, 3 * ell / 4)),
    gamma: Interval(0, 1 / ell, open="left"),
    n: Integers(1, sample=(1, 6)),
}

smooth_rate = Claim(
    id="particle-gd-displacement-convex.smooth-rates",
    title="Particle gradient descent on a smooth displacement convex functional: O(1/K), whatever n",
    paper=PAPERS["particle-gd-displacement-convex"],
    locator="abstract (smooth functionals); constants derived here",
    statement=r"0<\gamma\le 1/\ell:\quad F(\mu_K)-F^\star\le\frac{W_2^2(\mu_0,\mu^\star)}{2\gamma K}",
    symbols={**regime, K: Integers(1, sample=(1, 40)), R: Observed(0, open="left")},
    assumptions=setting,
    decides=SureBound(quantity=gap(K), bound=R**2 / (2 * gamma * K)),
    mutants=[
        Mutant(
            "1% below the exact constant for convex functions",
            decides={"bound": Rational(99, 100) * R**2 / (4 * gamma * K + 2 / ell)},
            cases=({"lam": 0, "n": 1},),
        ),
        Mutant("decay like 1/K^2", decides={"bound": R**2 / (2 * gamma * K**2)}, cases=({"lam": 0, "K": 40},)),
        Mutant(
            "steps up to 5/(2 ell)",
            symbols={gamma: Interval(0, Rational(5, 2) / ell, open="left")},
            cases=({"lam": 0, "n": 2, "K": 40, "gamma": Rational(5, 2) / ell},),
        ),
        Mutant("F is not displacement convex", drop=("F is displacement convex",), by=("derivation",)),
        Mutant("F is not smooth", drop=(smooth.name,), by=("derivation",)),
    ],
    notes="Loose by 2 + 1/(gamma ell K) at least: one particle is gradient descent on a smooth convex function, "
    "whose exact constant R^2/(4 gamma K + 2/ell) Huber functions attain.",
)

smooth_distance = Claim(
    id="particle-gd-displacement-convex.smooth-distance",
    title="Particle gradient descent contracts W_2 to the minimiser of a strongly displacement convex functional",
    paper=PAPERS["particle-gd-displacement-convex"],
    locator="abstract (smooth functionals); constants derived here",
    statement=r"0<\gamma\le 1/\ell:\quad W_2^2(\mu_K,\mu^\star)\le(1-\gamma\lambda)^K\,W_2^2(\mu_0,\mu^\star)",
    symbols={**regime, K: Integers(1, sample=(1, 40)), R: Observed(0, open="left")},
    assumptions=[*setting, optimal],
    decides=SureBound(quantity=distance(K), bound=(1 - gamma * lam) ** K * R**2),
    mutants=[
        Mutant(
            "0.1% faster than a quadratic of curvature lam",
            decides={"bound": (1 - gamma * lam) ** (2 * K) * Rational(999, 1000) ** K * R**2},
        ),
        Mutant("the rate of the smoothness", decides={"bound": (1 - gamma * ell) ** K * R**2}),
        Mutant("F is not displacement convex", drop=("F is displacement convex",), by=("derivation",)),
        Mutant("targets are never matched again", drop=(matching.name,), by=("derivation",)),
    ],
    notes="The exact factor is (1 - gamma lam)^2 per step on the functionals of the experiment.",
)


def one_step(proof, k):
    """(1 - gamma lam) W_2(w_k, w*)^2 - 2 gamma (F(w_{k+1}) - F*) >= W_2(w_{k+1}, w*)^2, and F(w_{k+1}) <= F(w_k)."""
    short = proof.certificate(Ge(1 - gamma * ell, 0), [(ell, proof.high(gamma))])
    moved, even = proof.assume(update, k), proof.assume(smooth, k)
    step = proof.certificate(
        Ge((1 - gamma * lam) * distance(k) - 2 * gamma * gap(k + 1), distance(k + 1)),
        [(1, proof.assume(matching, k)), (2 * gamma, proof.assume(curved, k)), (2 * gamma, even)],
        [(gamma**2 * short.left, G(k))],
        using=[moved],
    )
    down = proof.certificate(
        Ge(gap(k), gap(k + 1)), [(1, even)], [(gamma / 2, G(k)), (gamma * short.left / 2, G(k))], using=[moved]
    )
    return step, down


@smooth_rate.derivation
def energy_decreases(proof):
    k = proof.index("k")
    step, down = one_step(proof, k)
    energy = lambda s: distance(s) + 2 * gamma * s * gap(s)
    fall = proof.certificate(
        Ge(energy(k), energy(k + 1)), [(1, step), (2 * gamma * k, down)], [(gamma * lam, w(k) - target(k))]
    )
    total = proof.telescoped(fall, energy(k), k, 0, K)
    proof.conclude(
        proof.certificate(
            Le(gap(K), R**2 / (2 * gamma * K)),
            [(1 / (2 * gamma * K), total), (-1 / (2 * gamma * K), proof.assume(begin))],
            [(1 / (2 * gamma * K), w(K) - target(K))],
        )
    )


@smooth_distance.derivation
def contraction(proof):
    k = proof.index("k")
    step, _ = one_step(proof, k)
    short = proof.certificate(Ge(1 - gamma * ell, 0), [(ell, proof.high(gamma))])
    slow = proof.certificate(Ge(1 - gamma * lam, 0), [(1, short), (gamma, proof.high(lam))])
    factor = 1 - gamma * lam
    claimed = lambda s: Le(distance(s), factor**s * R**2)
    first = proof.certificate(claimed(Integer(0)), [(-1, proof.assume(begin))])
    every = proof.induction(
        claimed(k),
        k,
        first,
        lambda now: proof.certificate(
            claimed(k + 1), [(slow.left, now), (1, step), (2 * gamma, proof.assume(optimal, k + 1))]
        ),
    )
    proof.conclude(proof.instantiate(every, {k: K}))


def run(xp, rng, case, size):
    """Atoms at the end, the minimiser's, F - F* at the end, and R.

    Half of the rows: the swarm (ell - lam)/2 int int (|x - y|^2/2 - |x - y|) + lam/2 int x^2 on the line; half: the
    potential energy of a Huber function of curvature ell - lam that turns where gradient descent is slowest, + lam
    x^2/2.
    """
    steep, swarm = case.ell - case.lam, rng.bernoulli(0.5, (size, 1))
    rank = xp.arange(case.n, dtype=xp.float64)
    goal = swarm * steep / case.ell * (2 * rank + 1 - case.n) / case.n
    apart = xp.cumulative_sum(log_uniform(xp, rng, (size, case.n), 1e-2, 1), axis=-1)
    radius = log_uniform(xp, rng, (size, 1), 0.1, 10)
    first = swarm * (apart + rng.normal((size, 1))) + (1 - swarm) * radius
    turn = radius / (2 * case.gamma * case.ell * case.K + 1)

    def slope(x):
        centred = x - xp.mean(x, axis=-1, keepdims=True)
        push = (2 * rank + 1 - case.n) / case.n  # the atoms keep their order, for gamma <= 1/ell
        return steep * (swarm * (centred - push) + (1 - swarm) * clip(xp, x, turn)) + case.lam * x

    def excess(x):
        e = x - goal
        spread = xp.mean((e - xp.mean(e, axis=-1, keepdims=True)) ** 2, axis=-1) / 2
        inner = clip(xp, x, turn)
        huber = xp.mean(inner * x - inner * inner / 2, axis=-1)
        return steep * (swarm[:, 0] * spread + (1 - swarm[:, 0]) * huber) + case.lam * xp.mean(e * e, axis=-1) / 2

    x = first
    for _ in range(case.K):
        x = x - case.gamma * slope(x)
    return x, goal, excess(x), xp.sqrt(xp.mean((first - goal) ** 2, axis=-1))


@smooth_rate.experiment(cases=[{}, {"lam": 0}], samples={"smoke": 1024, "standard": 50_000, "full": 1_000_000})
def swarms_and_potentials(xp, rng, case, size):
    _, _, excess, radius = run(xp, rng, case, size)
    return {"quantity": excess, "R": radius}


@smooth_distance.experiment(samples={"smoke": 1024, "standard": 50_000, "full": 1_000_000})
def distances(xp, rng, case, size):
    x, goal, _, radius = run(xp, rng, case, size)
    return {"quantity": xp.mean((x - goal) ** 2, axis=-1), "R": radius}
