"""Gradient descent under the Polyak-Lojasiewicz inequality (Garrigos & Gower 2023).

For an L-smooth f, convex or not, with |grad f(x)|^2 >= 2 mu (f(x) - f*) and x_{t+1} = x_t - gamma grad f(x_t):

    0 < gamma <= 1/L:    f(x_T) - f*  <=  (1 - gamma mu)^T (f(x_0) - f*)

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Ge, Le, Rational, Symbol, symbols

from gdverify import (
    Claim,
    Integers,
    Interval,
    Mutant,
    Observed,
    Positive,
    ScalarFunction,
    SureBound,
    Vector,
    VectorSequence,
)
from gdverify.classes import minimiser, polyak_lojasiewicz, recursion, smooth, start_gap
from gdverify.instances import log_uniform
from gdverify.instances import polyak_lojasiewicz as random_functions
from theorems import PAPERS

L, mu, gamma, Delta = symbols("L mu gamma Delta", positive=True)
T = Symbol("T", integer=True, nonnegative=True)
t = Symbol("t", integer=True, nonnegative=True)
f, x, x_star = ScalarFunction("f"), VectorSequence("x"), Vector("x_star")
gap = lambda k: f(x(k)) - f(x_star)
update = recursion(x(t + 1), x(t) - gamma * f.grad(x(t)))

gd_pl = Claim(
    id="handbook.gd-pl",
    title="Gradient descent under the Polyak-Lojasiewicz inequality contracts values by 1 - gamma mu",
    paper=PAPERS["handbook"],
    locator="gradient descent, Polyak-Lojasiewicz and smooth; constants derived here",
    statement=r"f\ L\text{-smooth},\ \|\nabla f(x)\|^2\ge 2\mu(f(x)-f^\star),\ 0<\gamma\le 1/L:\quad"
    r" f(x_T)-f^\star \le (1-\gamma\mu)^T (f(x_0)-f^\star)",
    symbols={
        L: Positive(sample=(Rational(1, 4), 4)),
        mu: Interval(0, L, open="left", sample=(L / 1000, 3 * L / 4)),
        gamma: Interval(0, 1 / L, open="left"),
        T: Integers(0, sample=(1, 60)),
        Delta: Observed(0, open="left"),
    },
    assumptions=[
        smooth(f, L),
        polyak_lojasiewicz(f, mu, x_star),
        minimiser(f, x_star),
        update,
        start_gap(f, x(0), x_star, Delta),
    ],
    decides=SureBound(quantity=gap(T), bound=(1 - gamma * mu) ** T * Delta),
    mutants=[
        Mutant(
            "first-order rate 1 - 2 gamma mu",
            decides={"bound": (1 - 2 * gamma * mu) ** T * Delta},
            cases=({"dimension": 1, "T": 4, "L": 1, "mu": Rational(1, 4), "gamma": 1},),
        ),
        Mutant(
            "0.1% faster than a quadratic of curvature mu",
            decides={"bound": (1 - gamma * mu) ** (2 * T) * Rational(999, 1000) ** T * Delta},
        ),
        Mutant(
            "steps up to 2/L",
            symbols={gamma: Interval(0, 2 / L, open="left")},
            cases=({"dimension": 1, "T": 2, "gamma": 2 / L},),
        ),
        Mutant("the PL inequality is dropped", drop=("f is mu-PL",), by=("derivation", "worst-case")),
    ],
    notes="An L-smooth mu-PL function that is not constant has mu <= L. Worst cases use necessary conditions of the "
    "class, so they certify the bound and give no exact rate; evidence draws mu from [L/1000, 3L/4].",
)


@gd_pl.derivation
def value_contraction(proof):
    k = proof.index("k")
    g = f.grad(x(k))
    move = proof.assume(update, k)
    descent = proof.assume(smooth(f, L), x(k), x(k + 1))
    steep = proof.assume(polyak_lojasiewicz(f, mu, x_star), x(k))
    short = proof.certificate(Ge(1 - gamma * L, 0), [(L, proof.high(gamma))])
    slow = proof.certificate(Ge(1 - gamma * mu, 0), [(1, short), (gamma, proof.high(mu))])
    step = proof.certificate(
        Le(gap(k + 1), (1 - gamma * mu) * gap(k)),
        [(1, descent), (gamma / 2, steep)],
        [(gamma / 2 * short.left, g)],
        using=[move],
    )
    claimed = lambda s: Le(gap(s), (1 - gamma * mu) ** s * Delta)
    begin = proof.certificate(claimed(0), [(-1, proof.assume(start_gap(f, x(0), x_star, Delta)))])
    every = proof.induction(
        claimed(k), k, begin, lambda now: proof.certificate(claimed(k + 1), [(slow.left, now), (1, step)])
    )
    proof.conclude(proof.instantiate(every, {k: T}))


@gd_pl.experiment(cases=[{"dimension": 1}, {"dimension": 4}, {"dimension": 32, "tier": "full"}])
def bent_quadratics(xp, rng, case, size):
    point = log_uniform(xp, rng, (size, 1), 0.1, 10) * rng.sphere((size, case.dimension))
    F = random_functions(xp, rng, point, case.mu, case.L)
    path = [point]
    for _ in range(case.T):
        path = [*path[:3], path[-1] - case.gamma * F.grad(path[-1])]
    instance = {f: F, x_star: 0 * point, x: path[:3]}
    return {"quantity": F.value(path[-1]), "Delta": F.value(point), "instance": instance}


@gd_pl.worst_case(cases=[{"T": 1}, {"T": 3}, {"T": 8, "tier": "standard"}])
def last_gap(problem, case):
    F = problem.function(f)
    low = problem.minimiser(F)
    point = problem.start()
    problem.equal(F(point) - F(low), problem.observe("Delta"))
    for _ in range(case["T"]):
        point = point - case["gamma"] * F.grad(point)
    problem.maximise(F(point) - F(low))
