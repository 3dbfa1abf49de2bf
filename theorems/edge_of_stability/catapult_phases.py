"""The catapult's other phases: the two-layer linear network at and above the step size 4/lambda_0.

With g, kappa as in `theorems.edge_of_stability.catapult`: g+ = g (1 - kappa + g^2), kappa+ = kappa + g^2 (kappa - 4):

    kappa_0 > 4    the kernel grows,   kappa_T  >=  kappa_0 + (kappa_0 - 4) sum_t g_t^2
    kappa_0 = 4    the kernel stays, and the output triples an angle,   g_t = 2 cos(3^t theta)

Reference: A. Lewkowycz et al., arXiv:2003.02218.  The statements are derived here.
"""

from sympy import Eq, Ge, Le, Rational, Symbol, cos

from gdverify import Claim, Identity, Integers, Interval, Mutant, Observed, Reals, SureBound
from gdverify.laws import equation
from theorems import PAPERS
from theorems.edge_of_stability.catapult import (
    T,
    begin,
    descend,
    descent,
    doubled,
    g,
    kappa,
    kappa0,
    move,
    pair,
    sizes,
    squares,
    wrong,
)  # fmt: skip

K, theta = Symbol("K", positive=True), Symbol("theta", real=True)
above = {**sizes, kappa0: Interval(4, None, open="left", sample=(4, 6)), T: Integers(1, sample=(1, 3))}
growth_above_4 = Claim(
    id="catapult.growth-above-4",
    title="Above 4/eta the tangent kernel grows, by at least kappa_0 - 4 times the sum of squared outputs",
    paper=PAPERS["catapult"],
    locator="the divergent phase of the solvable model; constants derived here",
    statement=r"\eta\lambda_0=\kappa_0>4:\quad \kappa_0 + (\kappa_0-4)\sum_{t<T} g_t^2 \le \kappa_T",
    symbols={**above, K: Observed(0, open="left")},
    assumptions=[descent, begin, equation("K is the kernel at T", kappa(T), K)],
    decides=SureBound(quantity=kappa0 + (kappa0 - 4) * squares, bound=K),
    mutants=[
        Mutant("above 3", symbols={kappa0: Interval(3, None, open="left", sample=(3, 5))}),
        Mutant(
            "kappa_0 - 2 for kappa_0 - 4", decides={"quantity": kappa0 + (kappa0 - 2) * squares}, by=("derivation",)
        ),
        Mutant("the kernel falls by 1%", decides={"bound": Rational(99, 100) * K}),
        Mutant(wrong, drop=(descent.name,), add=(doubled,), by=("derivation",)),
    ],
    notes="Equality at T = 1. So outputs that stay away from 0 mean a kernel without bound, and a bounded kernel means "
    "outputs that tend to 0, near which |g| is multiplied by kappa - 1 > 3: only a g_t that is exactly 0 escapes.",
)


@growth_above_4.derivation
def kernel_gains(proof):
    k = proof.index("k")
    start = proof.assume(begin)
    room = proof.low(kappa0)

    def rise(now):
        bounded = proof.certificate(Ge(kappa(k) - 4, 0), [(1, now), (1, room)])
        _, step = move(proof, k)
        return proof.certificate(Ge(kappa(k + 1), kappa0), [(1, now), (g(k) ** 2, bounded), (1, step)])

    every = proof.induction(Ge(kappa(k), kappa0), k, proof.certificate(Ge(kappa(0), kappa0), [(1, start)]), rise)
    _, step = move(proof, k)
    gains = proof.certificate(Ge(-kappa(k) + kappa(k + 1), (kappa0 - 4) * g(k) ** 2), [(g(k) ** 2, every), (1, step)])
    total = proof.telescoped(gains, -kappa(k), k, 0, T)
    end = proof.assume(proof.claim.assumptions[2])
    stated = proof.claim.decides
    proof.conclude(proof.certificate(Le(stated.quantity, stated.bound), [(1, total), (1, start), (-1, end)]))


@growth_above_4.experiment(samples={"smoke": 1024})
def rising(xp, rng, case, size):
    ratio = rng.uniform((size,), -1, 1)
    a, b = pair(xp, rng, size, case.n, ratio, case.kappa_0 * case.n / case.eta + 0 * ratio)
    total = 0 * ratio
    for _ in range(case.T):
        a, b, now = descend(xp, case, a, b)
        total = total + now**2
    gain = case.kappa_0 - 4
    return {"quantity": case.kappa_0 + gain * total, "K": case.eta * (xp.sq(a) + xp.sq(b)) / case.n}


at_four = equation("the step is 4 over the initial kernel", kappa(0), 4)
at_angle = equation("theta is the angle of the first output", g(0), 2 * cos(theta))

chaos_at_4 = Claim(
    id="catapult.angle-tripling-at-4",
    title="At 4/eta the output of the two-layer linear network triples an angle: g_T = 2 cos(3^T theta)",
    paper=PAPERS["catapult"],
    locator="derived here, on the boundary of the phases of the solvable model",
    statement=r"\eta\lambda_0=4,\ g_0=2\cos\theta:\quad g_T=2\cos(3^T\theta)",
    symbols={**sizes, theta: Interval(0, 4, sample=(0, 4)), T: Integers(1, sample=(1, 6))},
    assumptions=[descent, at_four, at_angle],
    decides=Identity(quantity=g(T), bound=2 * cos(3**T * theta)),
    mutants=[
        Mutant("the angle doubles", decides={"bound": 2 * cos(2**T * theta)}),
        Mutant("turned by pi at each step", decides={"bound": 2 * (-1) ** T * cos(3**T * theta)}),
        Mutant("at 3", drop=(at_four.name,), add=(equation(at_four.name, kappa(0), 3),), by=("derivation",)),
    ],
    notes="|g| <= kappa/2 = 2 always, so that every start has such an angle. The loss neither converges nor diverges.",
)


@chaos_at_4.derivation
def triple(proof):
    k, x = proof.index("k"), proof.scalar("x", Reals())
    start = proof.assume(at_four)

    def stay(now):
        _, step = move(proof, k)
        return proof.certificate(Eq(kappa(k + 1), 4, evaluate=False), [(1, step), (1 + g(k) ** 2, now)])

    level = proof.induction(Eq(kappa(k), 4, evaluate=False), k, start, stay)
    angle = proof.cite(
        "triple angle", Eq(cos(3 * x), 4 * cos(x) ** 3 - 3 * cos(x), evaluate=False), "de Moivre's formula"
    )

    def turn(now):
        new, _ = move(proof, k)
        thrice = proof.instantiate(angle, {x: 3**k * theta})
        y = 2 * cos(3**k * theta)
        cubic = proof.certificate(Eq(g(k + 1), g(k) ** 3 - 3 * g(k), evaluate=False), [(1, new), (-g(k), level)])
        return proof.certificate(
            Eq(g(k + 1), 2 * cos(3 ** (k + 1) * theta), evaluate=False),
            [(1, cubic), (g(k) ** 2 + g(k) * y + y**2 - 3, now), (-2, thrice)],
        )

    every = proof.induction(Eq(g(k), 2 * cos(3**k * theta), evaluate=False), k, proof.assume(at_angle), turn)
    proof.conclude(proof.instantiate(every, {k: T}))


@chaos_at_4.experiment(samples={"smoke": 512})
def tripled(xp, rng, case, size):
    ratio = xp.cos(xp.asarray(case.theta)) + 0 * rng.uniform((size,))
    a, b = pair(xp, rng, size, case.n, ratio, 4 * case.n / case.eta + 0 * ratio)
    for _ in range(case.T):
        a, b, _ = descend(xp, case, a, b)
    return {"quantity": case.eta * xp.sum(a * b, axis=-1) / case.n}
