"""The rate of Nesterov's method, and so of both Euler schemes (after Zhang, Orvieto, Daneshmand et al. 2021).

For f mu-strongly convex and L-smooth, theta = (mu/L)^{1/2}, beta = (1 - theta)/(1 + theta), w_0 = y_0 and

    w_{k+1} = y_k - grad f(y_k)/L,     y_{k+1} = w_{k+1} + beta (w_{k+1} - w_k):

    f(w_T) - f*  <=  (1 - theta)^T (f(w_0) - f* + (mu/2) |w_0 - x*|^2)

The explicit and the semi-implicit Euler scheme produce these y_k (euler-integration.explicit-euler-gives-nag).

Reference: arXiv:2102.11537; the rate is a classical one (Nesterov), with the constants that are derived here.
"""

from sympy import Eq, Ge, Gt, Le, Rational, Symbol, sqrt, symbols

from gdverify import (
    Assumption,
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
    sq,
)
from gdverify.classes import recursion, smooth, strongly_convex
from gdverify.instances import log_uniform, smooth_convex
from gdverify.laws import equation
from theorems import PAPERS

L, mu, Phi, theta = symbols("L mu Phi theta", positive=True)
beta = Symbol("beta", real=True)
T, t = Symbol("T", integer=True, nonnegative=True), Symbol("t", integer=True, nonnegative=True)
f, x_star, direction = ScalarFunction("f"), Vector("x_star"), Vector("e")
w, y = VectorSequence("w"), VectorSequence("y")

descent = recursion(w(t + 1), y(t) - f.grad(y(t)) / L)
ahead = recursion(y(t + 1), w(t + 1) + beta * (w(t + 1) - w(t)))
together = Assumption("y_0 = w_0", lambda: Eq(y(0), w(0), evaluate=False), key=("together",))
begin = equation("Phi is the initial energy", f(w(0)) - f(x_star) + mu / 2 * sq(w(0) - x_star), Phi)
shape, curved = smooth(f, L), strongly_convex(f, mu)
anchor = lambda k: ((1 + theta) * y(k) - w(k)) / theta
worst = {"L": 1, "mu": Rational(1, 100), "T": 6}

accelerated = Claim(
    id="euler-integration.accelerated-rate",
    title="Nesterov's method on strongly convex functions contracts by 1 - sqrt(mu/L)",
    paper=PAPERS["euler-integration"],
    locator="accelerated rate of the integrated scheme; constants derived here",
    statement=r"w_{k+1}=y_k-\tfrac1L\nabla f(y_k),\ y_{k+1}=w_{k+1}+\beta(w_{k+1}-w_k),\ "
    r"\theta=\sqrt{\mu/L},\ \beta=\tfrac{1-\theta}{1+\theta}:\quad "
    r"f(w_T)-f^\star \le (1-\theta)^T\Big(f(w_0)-f^\star+\frac\mu2\|w_0-x^\star\|^2\Big)",
    symbols={
        L: Positive(sample=(Rational(1, 2), 2)),
        mu: Interval(0, L, open="left", sample=(L / 1000, L / 2)),
        T: Integers(0, sample=(1, 40)),
        Phi: Observed(0, open="left"),
    },
    defines={theta: sqrt(mu / L), beta: (1 - theta) / (1 + theta)},
    assumptions=[shape, curved, descent, ahead, together, begin],
    decides=SureBound(quantity=f(w(T)) - f(x_star), bound=(1 - theta) ** T * Phi),
    mutants=[
        Mutant(
            "1 - 2 sqrt(mu/L)",
            decides={"bound": (1 - 2 * theta) ** T * Phi},
            cases=(worst,),
            by=("derivation", "worst-case"),
        ),
        Mutant(
            "1 - (4/3) sqrt(mu/L)",
            decides={"bound": (1 - 4 * theta / 3) ** T * Phi},
            cases=({"L": 1, "mu": Rational(1, 400), "T": 40, "slow": 1},),
        ),
        Mutant("no momentum", defines={theta: sqrt(mu / L), beta: 0}, cases=({**worst, "T": 40, "slow": 1},)),
        Mutant("f need not be convex", drop=("f is mu-strongly convex",), by=("derivation",)),
        Mutant("f need not be smooth", drop=("f is L-smooth",), by=("derivation",)),
    ],
    notes="With theta k = x the function mu |w|^2/2 comes to exp(-x)(1 + x)^2/2 of the bound, at most 2/e (at x = 1).",
)


@accelerated.derivation
def energy_decreases(proof):
    k = proof.index("k")
    given = [proof.definition(beta), proof.definition(theta)]
    root = proof.claim.defines[theta]
    proof.certificate(Gt(theta, 0, evaluate=False), [(1, proof.sign(root))], using=given)
    slower = proof.power(proof.certificate(Ge(L, mu), [(1, proof.high(mu))]), Rational(1, 2))
    proof.certificate(Ge(1 - theta, 0), [(1 / sqrt(L), slower)], using=given)
    slope, z = f.grad(y(k)), anchor(k)
    moves = [proof.assume(ahead, k), proof.assume(descent, k)]
    turned = (1 - theta) * z + theta * y(k) - theta / mu * slope
    same = proof.certificate(
        Eq(sq(anchor(k + 1) - x_star), sq(turned - x_star), evaluate=False), using=[*moves, *given]
    )
    energy = lambda s: f(w(s)) - f(x_star) + mu / 2 * sq(anchor(s) - x_star)
    falls = proof.certificate(
        Ge(f(y(k)) - sq(slope) / (2 * L), f(w(k + 1))), [(1, proof.assume(shape, y(k), w(k + 1)))], using=[moves[1]]
    )
    step = proof.certificate(
        Ge((1 - theta) * energy(k), energy(k + 1)),
        [
            (1, falls),
            (-mu / 2, same),
            (theta, proof.assume(curved, y(k), x_star)),
            (1 - theta, proof.assume(curved, y(k), w(k))),
        ],
        [((1 - theta) * mu / 2, w(k) - y(k)), ((1 - theta) * theta * mu / 2, z - y(k))],
        using=given,
    )
    first = proof.certificate(Eq(energy(0), Phi), [(1, proof.assume(begin))], using=[proof.assume(together)])
    contraction = proof.induction(
        Ge((1 - theta) ** k * Phi, energy(k)),
        k,
        proof.certificate(Ge(Phi, energy(0)), [(-1, first)]),
        lambda now: proof.certificate(Ge((1 - theta) ** (k + 1) * Phi, energy(k + 1)), [(1, step), (1 - theta, now)]),
    )
    proof.conclude(
        proof.certificate(
            Le(f(w(T)) - f(x_star), (1 - theta) ** T * Phi),
            [(1, proof.instantiate(contraction, {k: T}))],
            [(mu / 2, anchor(T) - x_star)],
        )
    )


@accelerated.experiment(cases=[{"dimension": 1}, {"dimension": 8}])
def ill_conditioned(xp, rng, case, size):
    start = log_uniform(xp, rng, (size, 1), 0.1, 10) * rng.sphere((size, case.dimension if "dimension" in case else 1))
    F = smooth_convex(xp, rng, start, case.mu, case.L, 0.1)
    if "slow" in case:
        F = smooth_convex(xp, rng, start, case.mu, case.mu, 0.1)
    here = last = ahead = start
    path, points = [start], [start]
    for _ in range(case.T):
        last, here = here, ahead - F.grad(ahead) / case.L
        ahead = here + case.beta * (here - last)
        path, points = [*path, here][:3], [*points, ahead][:3]
    energy = F.value(start) + case.mu / 2 * xp.sq(start)
    return {"quantity": F.value(here), "Phi": energy, "instance": {f: F, x_star: 0 * start, w: path, y: points}}


@accelerated.worst_case(
    cases=[
        {"L": 1, "mu": Rational(1, 4), "T": 1},
        {"L": 1, "mu": Rational(1, 16), "T": 3},
        {**worst, "tier": "standard"},
    ]
)
def last_value(problem, case):
    F = problem.function(f)
    low = problem.minimiser(F)
    here = ahead = problem.start()
    problem.equal(F(here) - F(low) + case["mu"] / 2 * sq(here - low), problem.observe("Phi"))
    for _ in range(case["T"]):
        last, here = here, ahead - F.grad(ahead) / case["L"]
        ahead = here + problem.value(beta) * (here - last)
    problem.maximise(F(here) - F(low))
