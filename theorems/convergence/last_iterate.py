"""The last iterate of the stochastic subgradient method, with steps that decay linearly (after Liu and Zhou 2023).

For a convex f on R^d, unbiased subgradients g_t of f at x_t with E|g_t|^2 <= G^2, R = |x_0 - x*| and

    x_{t+1} = x_t - eta_t g_t,    eta_t = R (T - t)/(G (T + 1)^{3/2}),    t = 0, ..., T - 1:

    E f(x_T) - f*  <=  R G/sqrt(T + 1)

No compact domain, and no bound on the noise but on its second moment.  The proof compares x_t with the mean z_t of
x*, x_0, ..., x_{t-1} with weights such that every value but the last cancels.

Reference: arXiv:2312.08531.  The paper's theorems were not read: the constants are those derived here.
"""

from fractions import Fraction

from sympy import Eq, Ge, Gt, Integer, Le, Rational, Symbol, sqrt

from gdverify import Assumption, Claim, Inner, Integers, Mean, MeanBound, Mutant, Positive, VectorSequence, sq
from gdverify.classes import convex, recursion, start
from theorems import PAPERS
from theorems.convergence.subgradients import (
    PATHS,
    G,
    R,
    T,
    f,
    g,
    hidden_slopes,
    moment,
    run,
    scale,
    slopes,
    t,
    x,
    x_star,
)

z = VectorSequence("z")
eta = Symbol("eta", positive=True)
update = recursion(x(t + 1), x(t) - eta * (T - t) / (T + 1) * g(t))
anchors = Assumption(
    "z_0 = x_star, and z_{t+1} is the mean of x_t and z_t with weights 1 and T - t",
    lambda s: [
        Eq(z(0), x_star, evaluate=False),
        Eq(z(s + 1), x(s) / (T - s + 1) + (T - s) / (T - s + 1) * z(s), evaluate=False),
    ],
    latex=r"z_0=x^\star,\ z_{t+1}=\frac{x_t+(T-t)z_t}{T-t+1}\ (0\le t\le T)",
    key=("anchors",),
    where=lambda s: [s, T - s],
)
unbiased = Assumption(
    "g is an unbiased subgradient of f at x",  # z(s) is made of x(0), ..., x(s - 1): known before g(s) is drawn
    lambda s: Eq(Mean(Inner(g(s), x(s) - z(s))), Mean(Inner(f.grad(x(s)), x(s) - z(s))), evaluate=False),
    latex=r"\mathbb{E}[g_t\mid x_0,\dots,x_t]\in\partial f(x_t)",
    key=("unbiased-at-z",),
)

linear_decay = Claim(
    id="last-iterate.linear-decay-exact",
    title="The last iterate of the stochastic subgradient method with linearly decaying steps: R G/sqrt(T + 1)",
    paper=PAPERS["last-iterate"],
    locator="last iterate, convex, bounded second moment; steps and constants derived here",
    statement=r"f \text{ convex},\ \mathbb{E}\|g_t\|^2\le G^2,\ \eta_t=\frac{R\,(T-t)}{G\,(T+1)^{3/2}}:\quad"
    r" \mathbb{E} f(x_T)-f^\star \le \frac{R\,G}{\sqrt{T+1}}",
    symbols={**scale, R: Positive(sample=(Rational(1, 10), 10), log=True), T: Integers(1, sample=(1, 40))},
    defines={eta: R / (G * sqrt(T + 1))},
    assumptions=[convex(f), unbiased, moment, update, start(x(0), x_star, R), anchors],
    decides=MeanBound(quantity=f(x(T)) - f(x_star), bound=R * G / sqrt(T + 1), tol=0.01),
    mutants=[
        Mutant("2% below", decides={"bound": Rational(49, 50) * R * G / sqrt(T + 1)}),
        Mutant("T + 2 in place of T + 1", decides={"bound": R * G / sqrt(T + 2)}),
        Mutant(
            "half the steps",
            defines={eta: R / (2 * G * sqrt(T + 1))},
            cases=({"family": "any", "dimension": 1, "noise": 0, "T": 3},),
        ),
        Mutant("steps R (T - t)/(G (T + 1))", defines={eta: R / G}, cases=({"family": "drift", "T": 40},)),
        Mutant("subgradients of any size", drop=("E|g|^2 <= G^2",), by=("derivation", "worst-case")),
        Mutant("f need not be convex", drop=("f is convex",), by=("derivation",)),
    ],
    notes="Exact: a maximum of T + 1 coordinates attains it, and no method that moves by combinations of subgradients "
    "does better.",
)


@linear_decay.derivation
def anchored(proof):
    step_size = proof.definition(eta)
    proof.certificate(Gt(eta, 0, evaluate=False), [(1, proof.sign(proof.claim.defines[eta]))], using=[step_size])
    k = proof.index("k", 0, T)
    proof.certificate(Gt(T - k + 1, 0), [(1, proof.high(k)), (1, proof.sign(Integer(1)))])
    gap = lambda s: Mean(f(s) - f(x_star))
    pole, n = 1 / (T - k + 1), T + 1
    back = x(k) - z(k)
    tangent = proof.mean(proof.assume(convex(f), x(k), z(k)))
    drawn, size = proof.assume(unbiased, k), proof.assume(moment, k)
    # n/(T - k + 1) (x_k - z_k) moves by -eta g_k; what this costs, at every k up to T
    spread = (n * pole) ** 2 * Mean(sq(back))
    moved = Mean(sq(n * pole * back - eta * g(k)))
    step = proof.certificate(
        Ge(spread + eta**2 * G**2 - moved, 2 * eta * n * pole * (gap(x(k)) - gap(z(k)))),
        [(2 * eta * n * pole, drawn), (2 * eta * n * pole, tangent), (eta**2, size)],
    )
    at = proof.index("m", 0, T - 1)
    proof.certificate(Gt(T - at, 0), [(1, proof.high(at)), (1, proof.sign(Integer(1)))])
    proof.certificate(Gt(T - at + 1, 0), [(1, proof.high(at)), (2, proof.sign(Integer(1)))])
    origin, turn = proof.assume(anchors, at)
    mean_value = proof.certificate(
        Ge(f(x(at)) + (T - at) * f(z(at)), (T - at + 1) * f(z(at + 1))),
        [(1, proof.assume(convex(f), z(at + 1), x(at))), (T - at, proof.assume(convex(f), z(at + 1), z(at)))],
        using=[turn],
    )
    energy = lambda s: (n / (T - s + 1)) ** 2 * Mean(sq(x(s) - z(s))) + 2 * eta * n * gap(z(s)) - s * eta**2 * G**2
    here = proof.instantiate(step, {k: at})
    shift = proof.certificate(
        Eq(sq(n / (T - at) * (x(at + 1) - z(at + 1))), sq(n / (T - at + 1) * (x(at) - z(at)) - eta * g(at))),
        using=[proof.assume(update, at), turn],
    )
    fall = proof.certificate(
        Ge(energy(at), energy(at + 1)),
        [(1, here), (-1, proof.mean(shift)), (2 * eta * n / (T - at + 1), proof.mean(mean_value))],
    )
    total = proof.telescoped(fall, energy(at), at, 0, T)
    begin = proof.mean(proof.assume(start(x(0), x_star, R)))
    level = proof.certificate(Ge(f(x_star), f(z(0))), [(1, proof.assume(convex(f), z(0), x_star))], using=[origin])
    last = proof.instantiate(step, {k: T})
    end = proof.mean(
        proof.certificate(Ge(sq(n * (x(T) - z(T)) - eta * g(T)), 0), [], [(1, n * (x(T) - z(T)) - eta * g(T))])
    )
    proof.conclude(
        proof.certificate(
            Le(gap(x(T)), R * G / sqrt(n)),
            [(1 / (2 * eta * n), fact) for fact in (total, last, end)]
            + [(-1 / (2 * eta * n), begin), (1, proof.mean(level))],
            using=[origin, step_size],
        )
    )


@linear_decay.experiment(
    cases=[
        {"family": "hidden"},
        {"family": "any", "dimension": 4, "noise": 1},
        {"family": "drift"},
    ],
    samples={"smoke": 20_000, "standard": 200_000, "full": 10_000_000},
)
def last_values(xp, rng, case, size):
    steps = [case.eta * (case.T - k) / (case.T + 1) for k in range(case.T)]
    if case.family == "hidden":
        return {"quantity": hidden_slopes(xp, case, steps, case.R) + xp.zeros((size,))}
    if case.family == "drift":  # noise that a slope of G/sqrt(T + 1) just balances
        slope = case.G / (case.T + 1) ** 0.5 * xp.ones((1,))
        noise = xp.sqrt(case.G**2 - slope * slope)
    else:
        slope, noise = slopes(xp, rng.shared, case, case.dimension)
    path = run(xp, rng, slope, noise, case.R * rng.shared.sphere(slope.shape), size, steps, paths=PATHS)
    values = xp.reshape(xp.sum(slope * xp.abs(path[-1]), axis=-1), (size, PATHS))
    return {"quantity": xp.mean(values, axis=-1)}


@linear_decay.worst_case(cases=[{"T": 3}, {"T": 8, "tier": "standard"}])  # where R G/sqrt(T + 1) is rational
def last_value(problem, case):
    F = problem.function(f)
    low = problem.minimiser(F)
    point = problem.start()
    problem.equal(sq(point - low), case["R"] ** 2, "start")
    steps, step = case["T"], problem.value(eta)
    # The derivation's own multipliers, with z_k written out as a mean of x*, x_0, ..., x_{k-1}.
    known = {"start": -1 / (2 * step * (steps + 1))}
    for k in range(steps + 1):
        if moment in problem.claim.assumptions:
            problem.bound(sq(F.grad(point)), case["G"] ** 2, f"moment {k}")
            known[f"moment {k}"] = step / (2 * (steps + 1))
        known[f"f: x_star -> x_{k}"] = Fraction(1, steps + 1)
        for i in range(k):
            known[f"f: x_{i} -> x_{k}"] = Fraction(1, (steps - i) * (steps - i + 1))
        if k < steps:
            point = point - step * (steps - k) / (steps + 1) * F.grad(point)
    problem.maximise(F(point) - F(low))
    if {moment, convex(f)} <= set(problem.claim.assumptions):
        problem.multipliers(known)
