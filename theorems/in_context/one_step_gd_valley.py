"""What gradient training of one linear attention head can find (setting of Mahankali, Hashimoto and Ma 2023).

Isotropic data, D = d + sigma^2, k = n + 1 + D.  The smallest loss is attained at q = a = 0 and r A = 1/k.  The weights

    r = 0,   A = 0,   q = c u,   a = u/(c k),   |u| = 1

predict with the rank-one matrix u u^T/k and lose n(d - 1)/k more.  Yet no weights at all with

    ((n+2)^2 (D^2 + 2d) - m^2) |q|^2 |a|^2 + 2m q^T a  >=  d(n+2) - n - 1,      m = nD + 2 + k,

lose less than they do.  Where Delta = 4(n+1)D^2 - 4nD - 4 + 2d(n+2)^2 - (d-1)(n+2)k^2 > 0 they lie inside this region:
they are local minima that are not global, for instance at n = 4, d = 2, sigma = 2.  On the subspace q = a = 0, in
contrast, every critical point with r != 0 is a global minimum.

Not in the paper, whose theorem is about global minimisers and unaffected.
"""

from sympy import Ge, Gt, Identity, MatrixSymbol, Symbol, Trace

from gdverify import (
    Claim,
    Integers,
    Mean,
    Minimiser,
    Mutant,
    Observed,
)
from gdverify.laws import constant, equation, inequality
from gdverify.optimise import descend
from theorems import PAPERS
from theorems.in_context import linear_attention as head

n, d, sigma, r, A, q, a = head.n, head.d, head.sigma, head.r, head.A, head.q, head.a
u = MatrixSymbol("u", d, 1)
k, D, m, least = (Symbol(name, real=True) for name in ("k", "D", "m", "least"))
parts = {D: d + sigma**2, k: n + 1 + D, m: n * D + 2 + k, least: d * (n + 2) - n - 1}
squares = Trace(q.T * q) * Trace(a.T * a)
reach = ((n + 2) ** 2 * (D**2 + 2 * d) - m**2) * squares + 2 * m * Trace(q.T * a) - least
region = inequality("near the rank-one weights", Ge(reach, 0, evaluate=False))
nonzero = inequality("q is not zero", Gt(Trace(q.T * q), 0, evaluate=False))
unit = equation("u is a unit vector", u.T * u, Identity(1))
valley = sigma**2 + d - n / k

minimum = {"n": 4, "d": 2, "sigma": 2}  # Delta = 38: the rank-one weights are inside
saddle = {"n": 2, "d": 2, "sigma": 0}  # Delta = -8: the rank-one weights are outside the region

rank_one_valley = Claim(
    id="one-step-gd.training-valley",
    title="No weights near the rank-one weights lose less than they do",
    paper=PAPERS["one-step-gd"],
    locator="own result; setting of the abstract, isotropic covariates",
    statement=r"\mathbb{E}(f-y_0)^2 \ge \sigma^2 + d - \frac{n}{n+d+1+\sigma^2} \text{ wherever }"
    r" ((n+2)^2(D^2+2d)-m^2)\|q\|^2\|a\|^2 + 2m\,q^\top a \ge d(n+2)-n-1,"
    r"\quad \text{attained by } qa^\top = uu^\top/k,\ r = 0,\ A = 0",
    symbols={**head.SIZES, n: Integers(1, sample=(1, 3)), d: Integers(2, sample=(2, 4)), r: Observed()},
    decides=Minimiser(Mean(head.loss), valley, attained=Mean((head.one_step(u * u.T / k) - head.y0) ** 2)),
    assumptions=[*head.isotropic, head.weights, constant(u), region, nonzero, unit],
    defines=parts,
    mutants=[
        Mutant("no region", drop=("near the rank-one weights",), by=("derivation",)),
        Mutant(
            "a region that begins one sooner",
            defines={least: d * (n + 2) - n - 2},
            cases=(saddle | {"family": "isotropic"},),
        ),
        Mutant("a cross term without the 2", defines={m: n * D + k}, by=("derivation",)),
        Mutant("k without the 1", defines={k: n + D}),
        Mutant("twice the valley's gain", decides={"value": sigma**2 + d - 2 * n / k}),
    ],
)


@rank_one_valley.derivation
def completed_squares(proof):
    definitions = [proof.definition(s) for s in (least, m, k, D)]
    inside = proof.assume(region)
    proof.assume(nonzero)
    proof.certificate((k, ">", 0), [(1, proof.sign(n + 1 + d + sigma**2))], using=definitions)
    size = Trace(q.T * q)
    rest = A + r * m / (size * (n + 2)) * q * a.T - r / size * Identity(d)
    rest = rest + r * (n + 1) / ((n + 2) * size**2) * q * q.T
    low = proof.certificate(
        (Mean(head.loss), ">=", valley),
        [(1, proof.gaussian(head.loss, head.isotropic)), (n * r**2 / ((n + 2) * size), inside)],
        [
            (n * k * r**2, A),
            (n * k / 2, q * a.T - a * q.T),
            (n * k, Trace(q.T * a) - 1 / k),
            (n * (n + 1), rest.T * q),
            (n * size, rest),
        ],
        using=definitions,
    )
    at = proof.gaussian((head.one_step(u * u.T / k) - head.y0) ** 2, head.isotropic)
    proof.conclude(low, proof.certificate((at.left, "==", valley), [(1, at)], using=[*definitions, proof.assume(unit)]))


def weights_in_region(xp, rng, case, size):
    """Parallel or general q and a, inside the region or on its edge; the rank-one weights where these are inside."""
    count, dim, big = case.n, case.d, case.D
    wide = (count + 2) ** 2 * (big**2 + 2 * dim) - case.m**2
    key = rng.sphere((size, dim, 1)[:2])[..., None]
    other = rng.sphere((size, dim))[..., None]
    other = key + rng.bernoulli(0.5, (size, 1, 1)) * rng.uniform((size, 1, 1)) * (other - key)
    turn = xp.matrix_transpose
    length, angle = turn(other) @ other, turn(key) @ other
    edge = (xp.sqrt(case.m**2 * angle**2 + wide * length * case.least) - case.m * angle) / (wide * length)
    inside = xp.maximum(edge * (1 + 1e-9), 1 / case.k / xp.sqrt(length))
    size_ = inside * (1 + rng.bernoulli(0.5, (size, 1, 1)) * rng.exponential((size, 1, 1)))
    balance = xp.exp(rng.normal((size, 1, 1)))
    return {"q": key * balance, "a": other * size_ / balance}


@rank_one_valley.experiment(
    cases=[{"family": "isotropic"} | more for more in ({}, saddle, minimum, {"n": 10, "d": 3, "sigma": 6})],
    samples={"smoke": 64},
    block=32,
)
def trained_in_the_valley(xp, rng, case, size):
    letters, _ = head.instance(xp, rng, case)
    fixed = weights_in_region(xp, rng, case, size)
    data = letters | fixed | {"n": xp.asarray(float(case.n)), "sigma": xp.asarray(case.sigma + 0.0)}
    eye, turn = xp.eye(case.d), xp.matrix_transpose
    small = xp.exp(rng.uniform((size, 1, 1), -9, 0))
    length = turn(fixed["q"]) @ fixed["q"]
    best = small / length * (eye - case.m / (case.n + 2) * (fixed["q"] @ turn(fixed["a"])))
    best = best - small * ((case.n + 1) / (case.n + 2)) / length**2 * (fixed["q"] @ turn(fixed["q"]))
    start = {"A": rng.normal((size, case.d, case.d)), "r": rng.normal((size, 1, 1))}

    def slope(xp, point, data):
        full = head.gradient(xp, data | point, data)
        return {"A": full["A"], "r": full["r"]}

    end = descend(xp, slope, start, data, steps=100, rate=0.05)
    worst = rng.bernoulli(0.5, (size, 1, 1))
    point = fixed | {"A": worst * best + (1 - worst) * end["A"], "r": worst * small + (1 - worst) * end["r"]}
    zero = {"A": 0 * best, "r": 0 * small, "q": fixed["q"], "a": fixed["q"] / (length * case.k)}
    return {"quantity": head.value(xp, case, letters, point), "attained": head.value(xp, case, letters, zero)}
