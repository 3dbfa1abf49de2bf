"""Gradient descent at its exact rates (after Garrigos & Gower 2023).

For an L-smooth f with minimiser x*, R = |x_0 - x*| and x_{t+1} = x_t - gamma grad f(x_t):

    f convex, 0 < gamma <= 7/(5L):                        f(x_T) - f*   <=  R^2/(4 gamma T + 2/L)
    f mu-strongly convex, mu < L, 0 < gamma <= 2/(L+mu):  |x_T - x*|^2  <=  (1 - gamma mu)^(2T) R^2

Huber's function attains the first, a quadratic of curvature mu the second.  The first was found for gamma <= 1/L by
Drori and Teboulle (2014); the potential here, which does not know T, is

    2 gamma k (f(x_k) - f*) + gamma k (gamma k + 1/L) |grad f(x_k)|^2 + |x_k - x*|^2.

It decreases for gamma <= sqrt(2)/L; the bound is false at T = 1 for every gamma > 3/(2L).

Reference: arXiv:2301.11235, with a rate that is looser; the constants are those derived here.
"""

from sympy import Ge, Le, Rational

from gdverify import Claim, Inner, Integers, Interval, Mutant, Observed, SureBound, sq
from gdverify.classes import convex, minimiser, smooth, start, strongly_convex
from gdverify.lemmas import cocoercive
from theorems import PAPERS
from theorems.convergence.handbook_gd import L, R, T, convex_path, f, gamma, gap, mu, smoothness, update, x, x_star

longest = Rational(7, 5)


def state(problem, case):
    """The function, its minimiser, and the first and last iterates of a worst-case problem."""
    F = problem.function(f)
    low = problem.minimiser(F)
    point = problem.start()
    problem.equal(sq(point - low), problem.observe("R") ** 2, "start")
    for _ in range(case["T"]):
        point = point - case["gamma"] * F.grad(point)
    return F, low, point


# -- convex -----------------------------------------------------------------------------------------------------------

gd_convex_exact = Claim(
    id="handbook.gd-convex-exact",
    title="Gradient descent on a smooth convex function: the exact constant of the last value",
    paper=PAPERS["handbook"],
    locator="gradient descent, convex and smooth; sharper than stated there, constants derived here",
    statement=r"f \text{ convex and } L\text{-smooth},\ 0<\gamma\le \tfrac{7}{5L}:\quad"
    r" f(x_T)-f^\star \le \frac{\|x_0-x^\star\|^2}{4\gamma T+2/L}",
    symbols={
        **smoothness,
        gamma: Interval(0, longest / L, open="left"),
        T: Integers(0, sample=(1, 25)),
        R: Observed(0, open="left"),
    },
    assumptions=[convex(f), smooth(f, L), minimiser(f, x_star), update, start(x(0), x_star, R)],
    decides=SureBound(quantity=gap(T), bound=R**2 / (4 * gamma * T + 2 / L)),
    mutants=[
        Mutant("0.1% less", decides={"bound": Rational(999, 1000) * R**2 / (4 * gamma * T + 2 / L)}),
        Mutant("3/L in place of 2/L", decides={"bound": R**2 / (4 * gamma * T + 3 / L)}),
        Mutant(
            "steps up to 8/(5L)",
            symbols={gamma: Interval(0, Rational(8, 5) / L, open="left")},
            cases=({"dimension": 1, "T": 1, "gamma": Rational(8, 5) / L},),
        ),
        Mutant("f need not be convex", drop=("f is convex",), by=("derivation", "worst-case")),
    ],
    notes="Attained at every T and gamma by Huber's function that turns at R/(2 gamma L T + 1).",
)


@gd_convex_exact.derivation
def potential(proof):
    k = proof.index("k")
    here, after = x(k), x(k + 1)
    g, h = f.grad(here), f.grad(after)
    energy = lambda s: 2 * gamma * s * gap(s) + gamma * s * (gamma * s + 1 / L) * sq(f.grad(x(s))) + sq(x(s) - x_star)
    m = 2 * k + 2 / (gamma * L)
    spare = proof.certificate(
        Ge(m - (k + 1) * gamma * L, 0),
        [(((longest + gamma * L) / gamma + k * L), proof.high(gamma))],
        [(1 / (25 * gamma * L), 1), (k * Rational(3, 5), 1)],
    )
    down = cocoercive(proof, f, convex(f), smooth(f, L), L, after, here)
    up = cocoercive(proof, f, convex(f), smooth(f, L), L, here, after)
    fall = proof.certificate(
        Ge(energy(k), energy(k + 1)),
        [(2 * gamma, to_solution(proof, k)), ((k + 1) * gamma * (2 + m), down), ((k + 1) * gamma * m, up)],
        [((k + 1) * gamma / L * spare.left, g - h)],
        using=[proof.assume(update, k)],
    )
    total = proof.telescoped(fall, energy(k), k, 0, T)
    begin = proof.assume(start(x(0), x_star, R))
    weight, reach = 1 / (4 * gamma * T + 2 / L), gamma * T + 1 / L
    proof.conclude(
        proof.certificate(
            Le(gap(T), R**2 * weight),
            [(weight, total), (-weight, begin), (2 * weight * reach, to_solution(proof, T))],
            [(weight, x(T) - x_star - reach * f.grad(x(T)))],
        )
    )


def to_solution(proof, k):
    """<grad f(x_k), x_k - x*> >= f(x_k) - f* + |grad f(x_k)|^2/(2L)."""
    g = f.grad(x(k))
    above = x_star + g / L
    line, descent = proof.assume(convex(f), x(k), above), proof.assume(smooth(f, L), x_star, above)
    flat = proof.assume(minimiser(f, x_star), direction=g)
    return proof.certificate(
        Ge(Inner(g, x(k) - x_star), gap(k) + sq(g) / (2 * L)), [(1, line), (1, descent), (-1 / L, flat)]
    )


@gd_convex_exact.experiment(cases=[{"dimension": 1}, {"dimension": 4}, {"dimension": 32, "tier": "full"}])
def huber_and_quadratic(xp, rng, case, size):
    radius, end, instance = convex_path(xp, rng, case, size, 0 * case.L)
    return {"quantity": instance[f].value(end), "R": radius, "instance": instance}


@gd_convex_exact.worst_case(cases=[{"T": 1}, {"T": 3}, {"T": 10, "tier": "standard"}])
def last_value(problem, case):
    F, low, point = state(problem, case)
    problem.maximise(F(point) - F(low))
    steps, step, curvature = case["T"], case["gamma"], case["L"]
    if convex(f) in problem.claim.assumptions and step * curvature <= longest:  # the derivation's own multipliers
        weight = 1 / (4 * step * steps + 2 / curvature)
        known = {"start": -weight, f"f: x_star -> x_{steps}": 2 * weight * (step * steps + 1 / curvature)}
        for k in range(steps):
            m = 2 * k + 2 / (step * curvature)
            known[f"f: x_star -> x_{k}"] = 2 * step * weight
            known[f"f: x_{k} -> x_{k + 1}"] = (k + 1) * step * (2 + m) * weight
            known[f"f: x_{k + 1} -> x_{k}"] = (k + 1) * step * m * weight
        problem.multipliers(known)


# -- strongly convex --------------------------------------------------------------------------------------------------

gd_strongly_convex_sharp = Claim(
    id="handbook.gd-strongly-convex-sharp",
    title="Gradient descent on a smooth strongly convex function contracts by (1 - gamma mu)^2",
    paper=PAPERS["handbook"],
    locator="gradient descent, strongly convex and smooth; sharper than stated there, constants derived here",
    statement=r"f\ \mu\text{-strongly convex and } L\text{-smooth},\ 0<\gamma\le \tfrac{2}{L+\mu}:\quad"
    r" \|x_T-x^\star\|^2 \le (1-\gamma\mu)^{2T} \|x_0-x^\star\|^2",
    symbols={
        **smoothness,
        mu: Interval(0, L, open="both", sample=(L / 1000, 3 * L / 4)),
        gamma: Interval(0, 2 / (L + mu), open="left"),
        T: Integers(0, sample=(1, 8)),
        R: Observed(0, open="left"),
    },
    assumptions=[strongly_convex(f, mu), smooth(f, L), minimiser(f, x_star), update, start(x(0), x_star, R)],
    decides=SureBound(quantity=sq(x(T) - x_star), bound=(1 - gamma * mu) ** (2 * T) * R**2),
    mutants=[
        Mutant("0.1% less", decides={"bound": (1 - gamma * mu) ** (2 * T) * Rational(999, 1000) * R**2}),
        Mutant("an exponent 2T + 1", decides={"bound": (1 - gamma * mu) ** (2 * T + 1) * R**2}),
        Mutant(
            "steps up to 2/L",
            symbols={gamma: Interval(0, 2 / L, open="left")},
            cases=({"dimension": 1, "T": 2, "L": 1, "mu": Rational(1, 4), "gamma": 2},),
        ),
        Mutant("f need not be convex", drop=("f is mu-strongly convex",), by=("derivation", "worst-case")),
    ],
    notes="Attained by quadratics of curvature mu. Evidence draws mu from [L/1000, 3L/4].",
)


@gd_strongly_convex_sharp.derivation
def contraction(proof):
    k = proof.index("k")
    d, g = x(k) - x_star, f.grad(x(k))
    bend, spread = g - mu * d, L - mu  # the gradient of f - mu |x - x*|^2/2, which is convex and (L - mu)-smooth
    proof.high(mu)
    flat = proof.assume(minimiser(f, x_star), direction=bend)
    still = proof.assume(minimiser(f, x_star), direction=d)
    out, back = x_star + bend / spread, x(k) - bend / spread
    monotone = proof.certificate(
        Ge(Inner(bend, d), sq(bend) / spread),
        [(1, proof.assume(strongly_convex(f, mu), x(k), out)), (1, proof.assume(smooth(f, L), x_star, out)),
         (1, proof.assume(strongly_convex(f, mu), x_star, back)), (1, proof.assume(smooth(f, L), x(k), back)),
         (-2 / spread, flat), (1, still)],
    )  # fmt: skip
    short = proof.certificate(Ge(2 - gamma * (L + mu), 0), [(L + mu, proof.high(gamma))])
    slow = proof.certificate(Ge(1 - gamma * mu, 0), [(Rational(1, 2), short), (gamma / 2, proof.high(mu))])
    step = proof.certificate(
        Le(sq(x(k + 1) - x_star), (1 - gamma * mu) ** 2 * sq(d)),
        [(2 * gamma * slow.left, monotone)],
        [(gamma * short.left / spread, bend)],
        using=[proof.assume(update, k)],
    )
    claimed = lambda s: Le(sq(x(s) - x_star), (1 - gamma * mu) ** (2 * s) * R**2)
    begin = proof.certificate(claimed(0), [(-1, proof.assume(start(x(0), x_star, R)))])
    every = proof.induction(
        claimed(k), k, begin, lambda now: proof.certificate(claimed(k + 1), [(slow.left**2, now), (1, step)])
    )
    proof.conclude(proof.instantiate(every, {k: T}))


@gd_strongly_convex_sharp.experiment(cases=[{"dimension": 1}, {"dimension": 4}, {"dimension": 32, "tier": "full"}])
def distances(xp, rng, case, size):
    radius, end, instance = convex_path(xp, rng, case, size, case.mu)
    return {"quantity": xp.sq(end), "R": radius, "instance": instance}


@gd_strongly_convex_sharp.worst_case(cases=[{"T": 1}, {"T": 2}, {"T": 4, "tier": "standard"}])
def last_distance(problem, case):
    _, low, point = state(problem, case)
    problem.maximise(sq(point - low))
