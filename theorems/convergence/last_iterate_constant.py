"""The last iterate of the stochastic subgradient method with a constant step (after Liu and Zhou 2023).

For a convex f on R^d, unbiased subgradients g_t of f at x_t with E|g_t|^2 <= G^2, x_{t+1} = x_t - gamma g_t and
R = |x_0 - x*|:

    E f(x_T) - f*  <=  R^2/(2 gamma (T + 1)) + (gamma G^2/2) (1 + 1 + 1/2 + ... + 1/T)

The mean value over the last k + 1 iterates, as a function of k: compared with the first of them, the method started
there, no value is worse by more than gamma G^2/2 on average, so each step from k to k - 1 costs gamma G^2/(2 k).

Reference: arXiv:2312.08531.  The paper's theorems were not read: the constants are those derived here.
"""

from sympy import Eq, Ge, Le, Rational, Sum, Symbol

from gdverify import Assumption, Claim, Inner, Integers, Mean, MeanBound, Mutant, Positive, sq
from gdverify.classes import convex, recursion, start
from gdverify.instances import log_uniform
from theorems import PAPERS
from theorems.convergence.subgradients import (
    PATHS,
    G,
    R,
    T,
    distance,
    f,
    g,
    gamma,
    hidden_slopes,
    moment,
    run,
    scale,
    slopes,
    t,
    x,
    x_star,
)

i, j = Symbol("i", integer=True, nonnegative=True), Symbol("j", integer=True, nonnegative=True)
update = recursion(x(t + 1), x(t) - gamma * g(t))
unbiased = Assumption(
    "g is an unbiased subgradient of f at x",
    lambda s, r: [
        Eq(Mean(Inner(g(s), x(s) - v)), Mean(Inner(f.grad(x(s)), x(s) - v)), evaluate=False) for v in (x(r), x_star)
    ],
    latex=r"\mathbb{E}[g_t\mid x_0,\dots,x_t]\in\partial f(x_t)",
    key=("unbiased-at-earlier-iterates",),
    where=lambda s, r: [r, s - r],
)
bound = R**2 / (2 * gamma * (T + 1)) + gamma * G**2 / 2 * (1 + Sum(1 / i, (i, 1, T)))

constant_step = Claim(
    id="last-iterate.constant-step-log",
    title="The last iterate of the stochastic subgradient method with a constant step pays a harmonic sum",
    paper=PAPERS["last-iterate"],
    locator="last iterate, convex, bounded second moment, constant step; constants derived here",
    statement=r"f \text{ convex},\ \mathbb{E}\|g_t\|^2\le G^2,\ \gamma>0:\quad \mathbb{E} f(x_T)-f^\star \le"
    r" \frac{\|x_0-x^\star\|^2}{2\gamma(T+1)} + \frac{\gamma G^2}{2}\Big(1+\sum_{i=1}^{T}\frac1i\Big)",
    symbols={
        **scale,
        gamma: Positive(sample=(Rational(1, 100), 10), log=True),
        T: Integers(1, sample=(1, 60)),
        **distance,
    },
    assumptions=[convex(f), unbiased, moment, update, start(x(0), x_star, R)],
    decides=MeanBound(quantity=f(x(T)) - f(x_star), bound=bound, tol=0.01),
    mutants=[
        Mutant(
            "the bound of the average",
            decides={"bound": R**2 / (2 * gamma * (T + 1)) + gamma * G**2 / 2},
            cases=({"family": "overshoot", "dimension": 1, "noise": 0, "T": 1},),
        ),
        Mutant(
            "2% off the second term",
            decides={
                "bound": R**2 / (2 * gamma * (T + 1))
                + Rational(49, 50) * gamma * G**2 / 2 * (1 + Sum(1 / i, (i, 1, T)))
            },
            cases=({"family": "overshoot", "dimension": 1, "noise": 0, "T": 1},),
        ),
        Mutant(
            "2/5 of the first term",
            decides={"bound": R**2 / (5 * gamma * (T + 1)) + gamma * G**2 / 2 * (1 + Sum(1 / i, (i, 1, T)))},
            cases=({"family": "slow", "dimension": 1, "noise": 0, "T": 60},),
            by=("derivation", "experiment"),
        ),
        Mutant("subgradients of any size", drop=("E|g|^2 <= G^2",), by=("derivation", "worst-case")),
        Mutant("f need not be convex", drop=("f is convex",), by=("derivation",)),
    ],
    notes="Attained at T = 1 by |x| as R falls to 0. For R = gamma G sqrt(T + 1) and T = 1 the worst case is 5/6 of "
    "the bound; it exceeds R G/sqrt(T + 1), which linearly decaying steps reach (last-iterate.linear-decay-exact).",
)


@constant_step.derivation
def suffixes(proof):
    s, k, m = proof.index("s"), proof.index("k"), proof.index("m")
    cost = gamma**2 * G**2
    value = lambda r: Mean(f(x(r)))

    def regret(at, comparator, chosen, label, end):
        """|x_s - v|^2 + n gamma^2 G^2 >= 2 gamma (sum of f over n = end iterates from x_s on - n f(v)), in the mean."""
        move = proof.assume(update, at)
        tangent = proof.mean(proof.assume(convex(f), x(at), comparator))
        drawn = proof.assume(unbiased, at, s)[chosen]
        after = proof.mean(
            proof.certificate(
                Eq(sq(x(at + 1) - comparator), sq(x(at) - gamma * g(at) - comparator), evaluate=False), using=[move]
            )
        )
        distance = lambda r: Mean(sq(x(s + r) - comparator)) - r * cost - 2 * gamma * r * Mean(f(comparator))
        step = proof.certificate(
            Ge(distance(label) - distance(label + 1), 2 * gamma * value(at)),
            [(2 * gamma, tangent), (2 * gamma, drawn), (gamma**2, proof.assume(moment, at)), (-1, after)],
        )
        total = proof.telescoped(step, distance(label), label, 0, end)
        far = proof.mean(proof.certificate(Ge(sq(x(s + end) - comparator), 0), [], [(1, x(s + end) - comparator)]))
        return proof.certificate(
            Ge(
                distance(0) + end * (cost + 2 * gamma * Mean(f(comparator))),
                2 * gamma * Sum(value(s + j), (j, 0, end - 1)),
            ),
            [(1, total), (1, far)],
        )

    later = regret(s + k, x(s), 0, k, m + 1)
    whole = proof.instantiate(regret(s + k, x_star, 1, k, m + 1), {s: 0, m: T})
    suffix = lambda r: Sum(value(T - r + j), (j, 0, r)) / (r + 1)
    at = proof.index("r", 0, T - 1)
    proof.high(at)
    regret_here = proof.instantiate(later, {s: T - at - 1, m: at + 1})
    longer = Sum(value(T - at - 1 + j), (j, 0, at + 1))
    cut = proof.split_sum(longer, at=0)
    head = Sum(value(T - at - 1 + j), (j, 0, 0))
    one, none = proof.split_sum(head), proof.empty_sum(Sum(value(T - at - 1 + j), (j, 0, -1)))
    rest = proof.reindex(Sum(value(T - at - 1 + j), (j, 1, at + 1)), j + 1)
    drop = proof.certificate(
        Ge(suffix(at + 1) - suffix(at), -gamma * G**2 / (2 * (at + 1))),
        [
            (1 / (2 * gamma * (at + 1) * (at + 2)), regret_here),
            *((1 / (at + 1), fact) for fact in (cut, one, none, rest)),
        ],
    )
    total = proof.telescoped(drop, -suffix(at), at, 0, T)
    harmonic = proof.reindex(Sum(1 / i, (i, 1, T)), i + 1)
    last, nothing = proof.split_sum(Sum(value(T + j), (j, 0, 0))), proof.empty_sum(Sum(value(T + j), (j, 0, -1)))
    begin = proof.mean(proof.assume(start(x(0), x_star, R)))
    proof.conclude(
        proof.certificate(
            Le(value(T) - Mean(f(x_star)), bound),
            [
                (1, total),
                (1 / (2 * gamma * (T + 1)), whole),
                (-1 / (2 * gamma * (T + 1)), begin),
                (gamma * G**2 / 2, harmonic),
                (1, last),
                (1, nothing),
            ],
        )
    )


@constant_step.experiment(
    cases=[
        {"family": "any", "dimension": 4, "noise": 1},
        {"family": "overshoot", "dimension": 1, "noise": 0},
        {"family": "slow", "dimension": 1, "noise": 0},
        {"family": "hidden"},
    ],
    samples={"smoke": 20_000, "standard": 200_000, "full": 10_000_000},
)
def last_values(xp, rng, case, size):
    step = case.gamma * case.G
    if case.family == "hidden":
        radius = step * xp.sqrt(xp.asarray(float(case.T + 1)))
        return {"quantity": hidden_slopes(xp, case, [case.gamma] * case.T, radius) + xp.zeros((size,)), "R": radius}
    slope, noise = slopes(xp, rng.shared, case, case.dimension)
    spread = {"any": (1e-2, 2 * case.T), "overshoot": (1e-4, 1e-3), "slow": (1.9 * case.T, 2.2 * case.T)}
    radius = step * log_uniform(xp, rng.shared, (), *spread[case.family])
    path = run(
        xp, rng, slope, noise, radius * rng.shared.sphere((case.dimension,)), size, [case.gamma] * case.T, paths=PATHS
    )
    values = xp.reshape(xp.sum(slope * xp.abs(path[-1]), axis=-1), (size, PATHS))
    return {"quantity": xp.mean(values, axis=-1), "R": radius}


@constant_step.worst_case(cases=[{"T": 1}, {"T": 3}, {"T": 8, "tier": "standard"}])
def last_value(problem, case):
    F = problem.function(f)
    low = problem.minimiser(F)
    point = problem.start()
    problem.equal(sq(point - low), problem.observe("R") ** 2)
    for k in range(case["T"] + 1):
        if moment in problem.claim.assumptions:
            problem.bound(sq(F.grad(point)), case["G"] ** 2)
        if k < case["T"]:
            point = point - case["gamma"] * F.grad(point)
    problem.maximise(F(point) - F(low))
