"""One step of SAGA contracts a Lyapunov function (the inner solver of Daneshmand, Lucchi and Hofmann 2016).

For f = (f_1 + ... + f_n)/n, every f_i L-smooth and mu-strongly convex, 0 < mu < L, x* the minimiser of f, SAGA keeps a
table of points phi_1, ..., phi_n with the mean gbar of the gradients grad f_i(phi_i), draws j uniformly, moves to

    x+  =  x - gamma (grad f_j(x) - grad f_j(phi_j) + gbar),      gamma = 1/(2 (mu n + L)),

and puts x in place of phi_j.  For B_i(z) = f_i(z) - f_i(x*) - <grad f_i(x*), z - x*>, c = 1/(2 gamma (1 - gamma mu) n)

    V  =  (B_1(phi_1) + ... + B_n(phi_n))/n + c |x - x*|^2,         E V+  <=  (1 - gamma mu) V,

the mean being that over the n possible draws.

The theorem is Defazio, Bach and Lacoste-Julien's (SAGA, 2014, Theorem 1); the proof follows theirs.
"""

from sympy import Eq, Ge, Gt, Integer, Le, Rational, Sum, Symbol, symbols

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Interval,
    Mutant,
    Observed,
    Positive,
    SureBound,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.classes import minimiser, smooth, strongly_convex
from gdverify.instances import log_uniform, mixed_uniform
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.finite_sums import Part, f, i, n, whole, x_star

L, mu, V_0 = symbols("L mu V_0", positive=True)
gamma, c = Symbol("gamma", positive=True), Symbol("c", real=True)
x, gbar, phi = Vector("x"), Vector("gbar"), VectorSequence("phi")
d = x - x_star
bregman = lambda k, z: Part(k)(z) - Part(k)(x_star) - Inner(Part(k).grad(x_star), z - x_star)
moved = lambda k: x - gamma * (Part(k).grad(x) - Part(k).grad(phi(k)) + gbar)
average = lambda term: Sum(term(i), (i, 1, n)) / n

smooth_parts = Assumption(
    "every f_i is L-smooth", lambda k, y, z: smooth(Part(k), L).schema(y, z), key=("smooth", "f_i", L)
)
convex_parts = Assumption(
    "every f_i is mu-strongly convex",
    lambda k, y, z: strongly_convex(Part(k), mu).schema(y, z),
    key=("strongly-convex", "f_i", mu),
)
table = Assumption(
    "gbar is the mean of the table's gradients",
    lambda v: Eq(Inner(gbar, v), average(lambda k: Inner(Part(k).grad(phi(k)), v)), evaluate=False),
    key=("table",),
)
stored = average(lambda k: bregman(k, phi(k)))
begin = equation("V_0 is V before the step", stored + c * sq(d), V_0)
after = stored + average(lambda k: (bregman(k, x) - bregman(k, phi(k))) / n + c * sq(moved(k) - x_star))
step_size, weight = 1 / (2 * (mu * n + L)), 1 / (2 * gamma * (1 - gamma * mu) * n)

contraction = Claim(
    id="starting-small.saga-contraction",
    title="One step of SAGA contracts its Lyapunov function by 1 - gamma mu",
    paper=PAPERS["starting-small"],
    locator="the inner solver, SAGA; statement of Defazio, Bach and Lacoste-Julien (2014)",
    statement=r"f_i\ L\text{-smooth},\ \mu\text{-strongly convex},\ \gamma=\tfrac1{2(\mu n+L)},\ "
    r"c=\tfrac1{2\gamma(1-\gamma\mu)n},\ V=\tfrac1n\sum_i D_{f_i}(\phi_i,x^\star)+c\|x-x^\star\|^2:\quad"
    r" \mathbb{E}V^+\le(1-\gamma\mu)V",
    symbols={
        n: Integers(1, sample=(1, 8)),
        L: Positive(sample=(Rational(1, 4), 4)),
        mu: Interval(0, L, open="both", sample=(L / 100, 9 * L / 10)),
        V_0: Observed(0, open="left"),
    },
    defines={gamma: step_size, c: weight},
    assumptions=[smooth_parts, convex_parts, whole, minimiser(f, x_star), table, begin],
    decides=SureBound(quantity=after, bound=(1 - gamma * mu) * V_0),
    mutants=[
        Mutant("a rate 1% faster", decides={"bound": (1 - Rational(101, 100) * gamma * mu) * V_0}),
        Mutant("c 1% smaller", defines={gamma: step_size, c: Rational(99, 100) * weight}),
        Mutant("steps twice as long", defines={gamma: 2 * step_size, c: weight}),
        Mutant("the parts need not be strongly convex", drop=(convex_parts.name,), by=("derivation",)),
        Mutant("the parts need not be smooth", drop=(smooth_parts.name,), by=("derivation",)),
        Mutant("gbar is any vector", drop=(table.name,), by=("derivation",)),
    ],
    notes="Attained by f_i = mu |x|^2/2 with the table at the solution.  The step size is not the longest that "
    "contracts: the certified cases do with steps 5% longer.",
)


@contraction.derivation
def lyapunov(proof):
    k = proof.index("k", 1, n)
    proof.high(k)
    part = Part(k)
    proof.certificate(Gt(L - mu, 0), [(1, proof.high(mu))])
    X, Y, full = part.grad(phi(k)) - part.grad(x_star), part.grad(x) - part.grad(x_star), f.grad(x)
    # f_i(x*) over f_i(x), by a step that is best for both inequalities
    z = x_star + (Y - mu * d) / (L - mu)
    near = proof.certificate(
        Ge(
            part(x_star) - part(x) + Inner(part.grad(x), d),
            (sq(Y) + mu * L * sq(d) - 2 * mu * Inner(Y, d)) / (2 * (L - mu)),
        ),
        [(1, proof.assume(convex_parts, k, x, z)), (1, proof.assume(smooth_parts, k, x_star, z))],
    )
    z = phi(k) - X / L
    far = proof.certificate(
        Ge(2 * L * bregman(k, phi(k)), sq(X)),
        [(2 * L, proof.assume(convex_parts, k, x_star, z)), (2 * L, proof.assume(smooth_parts, k, phi(k), z))],
        [(L * mu, z - x_star)],
    )
    positive = proof.certificate(Ge(bregman(k, phi(k)), 0), [(1 / (2 * L), far)], [(1 / (2 * L), X)])
    line = proof.assume(convex_parts, k, x, x_star)
    beta = (2 * mu * n + L) / L
    given = [proof.definition(c), proof.definition(gamma)]
    base, rest = 2 * (mu * n + L), 2 * mu * n + 2 * L - mu
    proof.certificate((gamma, ">", 0), [(1 / base, proof.sign(Integer(1)))], using=given[1:])
    proof.certificate(Gt(rest, 0), [(2 * mu, proof.low(n)), (1, proof.sign(mu + 2 * L))])
    shrink = proof.certificate(
        Gt(1 - gamma * mu, 0), [(2 * mu / base, proof.low(n)), (1 / base, proof.sign(mu + 2 * L))], using=given[1:]
    )
    proof.certificate(Gt(c, 0), [(1 / (2 * gamma * (1 - gamma * mu) ** 2 * n), shrink)], using=given[:1])
    flat = {v: proof.assume(minimiser(f, x_star), direction=v) for v in (d, gbar, full)}
    in_table = {v: proof.assume(table, v) for v in (d, gbar, full)}
    at_x = {v: proof.assume(whole, x, v)[1] for v in (d, full)}
    at_best = {v: proof.assume(whole, x_star, v)[1] for v in (d, gbar, full)}
    gradient = lambda k, z: Part(k).grad(z) - Part(k).grad(x_star)
    # the mean of |grad f_i(x) - grad f_i(phi_i) + gbar|^2
    spread = proof.certificate(
        Ge(
            (1 + 1 / beta) * sq(X - gbar) + (1 + beta) * sq(Y - full),
            sq(Y - X + gbar) + 2 * Inner(full, X - gbar - Y + full) - sq(full),
        ),
        [],
        [(1 / beta, X - gbar + beta * (Y - full))],
    )
    second = proof.certificate(
        Ge(
            (1 + 1 / beta) * average(lambda k: sq(gradient(k, phi(k))))
            + (1 + beta) * average(lambda k: sq(gradient(k, x)))
            - beta * sq(full),
            average(lambda k: sq(Part(k).grad(x) - Part(k).grad(phi(k)) + gbar)),
        ),
        [
            (1 / n, proof.sum_of(spread, k, 1, n)),
            (-2 * (1 + 1 / beta), in_table[gbar]),
            (2 * (1 + 1 / beta), at_best[gbar]),
            (-2 * (1 + 1 / beta), flat[gbar]),
            (-2 * beta, at_x[full]),
            (-2, in_table[full]),
            (2 * beta + 2, at_best[full]),
            (-2 * beta - 2, flat[full]),
        ],
        [(1 + 1 / beta, gbar)],
    )
    rise = average(lambda k: Part(k)(x) - Part(k)(x_star))
    steep = proof.certificate(
        Ge(sq(full), 2 * mu * rise),
        [(2 * mu / n, proof.sum_of(line, k, 1, n)), (2 * mu, at_x[d])],
        [(1, full - mu * d)],
    )
    # what is left of the table's part
    s = mu * n
    scale = n * base * (2 * s + L) * rest
    left = 1 / n - 2 * L * c * gamma**2 * (1 + 1 / beta)
    proof.certificate(
        Ge(left - gamma * mu, 0),
        [((s + 2 * L) * (2 * s + L) * mu / scale, proof.low(n))],
        [((2 * s**3 + 5 * s**2 * L + 4 * s * L**2) / scale, 1)],
        using=given,
    )
    tilt = 1 / n + 2 * c * gamma * mu / L
    proof.conclude(
        proof.certificate(
            Le(after, (1 - gamma * mu) * V_0),
            [
                (2 * c * gamma * (L - mu) / (L * n), proof.sum_of(near, k, 1, n)),
                (c * gamma**2, second),
                (c * gamma**2 * (1 + 1 / beta) / n, proof.sum_of(far, k, 1, n)),
                (c * gamma**2 * beta, steep),
                ((left - gamma * mu) / n, proof.sum_of(positive, k, 1, n)),
                (gamma * mu - 1, proof.assume(begin)),
                (tilt, flat[d]),
                (-tilt, at_best[d]),
                (2 * c * gamma, in_table[d]),
            ],
            using=given,
        )
    )


@contraction.experiment(
    cases=[{"dimension": 1}, {"dimension": 4}], samples={"smoke": 256, "standard": 50_000, "full": 1_000_000}
)
def every_draw(xp, rng, case, size):
    """f_i(z) = sum_k a_ik z_k^2/2 + <t_i, z>, sum_i t_i = 0: the solution is 0, and the mean is over all n draws."""
    shape = (size, case.n, case.dimension)
    soft = rng.bernoulli(0.25, (size, 1, 1))
    spread = (1 - soft) * mixed_uniform(rng, shape)
    a = case.mu + (case.L - case.mu) * spread
    t = rng.bernoulli(0.5, (size, 1, 1)) * rng.normal(shape)
    t = t - xp.mean(t, axis=1)[:, None, :]
    here = rng.sphere((size, case.dimension)) * log_uniform(xp, rng, (size, 1), 0.1, 10)
    fresh = rng.bernoulli(0.5, (size, 1, 1))
    stored = fresh * rng.normal(shape) * log_uniform(xp, rng, (size, 1, 1), 1e-2, 10)
    bregman = lambda z: xp.sum(a * z * z, axis=-1) / 2
    point = here[:, None, :] + 0 * stored
    mean = xp.mean(a * stored + t, axis=1)[:, None, :]
    moved = point - case.gamma * (a * point - a * stored + mean)
    table = bregman(stored)
    change = (bregman(point) - table) / case.n + case.c * xp.sq(moved)
    before = xp.mean(table, axis=-1)
    return {"quantity": before + xp.mean(change, axis=-1), "V_0": before + case.c * xp.sq(here)}


@contraction.worst_case(
    cases=[
        {"n": 2, "L": 1, "mu": Rational(1, 10)},
        {"n": 2, "L": 1, "mu": Rational(1, 2), "tier": "standard"},
        {"n": 3, "L": 1, "mu": Rational(1, 10), "tier": "standard"},
    ]
)
def mean_over_draws(problem, case):
    count = case["n"]
    parts = [problem.function("f_i", member=j) for j in range(count)]
    best = problem.minimiser(*parts)
    here, places = problem.start("x"), [problem.start(f"phi_{j}") for j in range(count)]
    gap = lambda part, z: part(z) - part(best) - Inner(part.grad(best), z - best)
    lyapunov = lambda table, z: problem.average(table) + problem.value(c) * sq(z - best)
    table = [gap(part, z) for part, z in zip(parts, places, strict=True)]
    slopes = [part.grad(z) for part, z in zip(parts, places, strict=True)]
    mean = sum(slopes[1:], slopes[0]) / count
    problem.equal(lyapunov(table, here), problem.observe("V_0"))
    ends = []
    for j, part in enumerate(parts):
        moved = here - problem.value(gamma) * (part.grad(here) - slopes[j] + mean)
        ends.append(lyapunov([*table[:j], gap(part, here), *table[j + 1 :]], moved))
    problem.maximise(problem.average(ends))
