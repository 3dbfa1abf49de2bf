"""SGD with stochastic Polyak steps (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with convex parts, i drawn afresh, x_{t+1} = x_t - gamma_t g_t, g_t a subgradient of f_i,

    gamma_t = (f_i(x_t) - f_i(x*))_+/|g_t|^2        (0 where g_t = 0),

on every path, for every point x*:

    |x_{t+1} - x*|^2 + (f_i(x_t) - f_i(x*))_+^2/|g_t|^2  <=  |x_t - x*|^2

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Eq, Function, Ge, Le, Rational, Symbol

from gdverify import Assumption, Claim, Integers, Mutant, Observed, SureBound, sq
from gdverify.classes import recursion, start
from gdverify.instances import log_uniform
from theorems import PAPERS
from theorems.convergence.finite_sums import Part, T, draw, parts_convex, t, x, x_star

r = Symbol("r", positive=True)
step, excess = Function("gamma", real=True), Function("a", real=True)


def polyak_steps(s):
    """a_s is the positive part of f_i(x_s) - f_i(x*), gamma_s = a_s/|g_s|^2, or 0 where that is 0/0."""
    drawn = Part(draw(s))
    above = drawn(x(s)) - drawn(x_star)
    return [
        Eq(step(s) * sq(drawn.grad(x(s))), excess(s), evaluate=False),
        Eq(step(s) * (excess(s) - above), 0, evaluate=False),
        Ge(excess(s), above, evaluate=False),
        Ge(step(s), 0, evaluate=False),
    ]


polyak = Assumption(
    "gamma is Polyak's step",
    polyak_steps,
    latex=r"\gamma_t=(f_i(x_t)-f_i(x^\star))_+/\|g_t\|^2",
    key=("polyak-step",),
    where=lambda s: [s],
)
update = recursion(x(t + 1), x(t) - step(t) * Part(draw(t)).grad(x(t)), t)


def sure_step(proof, k):
    """|x_k - x*|^2 - gamma_k a_k >= |x_{k+1} - x*|^2, gamma_k |g_k|^2 == a_k, a_k >= f_i(x_k) - f_i(x*)."""
    drawn, d = Part(draw(k)), x(k) - x_star
    size, active, above, _ = proof.assume(polyak, k)
    line = proof.assume(parts_convex, draw(k), x(k), x_star)
    s = step(k)
    proof.certificate((excess(k), ">=", 0), [(-1, size), (s, proof.sign(sq(drawn.grad(x(k)))))])
    fall = proof.certificate(
        Ge(sq(d) - s * excess(k), sq(x(k + 1) - x_star)),
        [(2 * s, line), (-2, active), (-s, size)],
        using=[proof.assume(update, k)],
    )
    return fall, size, above


sps_step = Claim(
    id="handbook.sps",
    title="Stochastic Polyak steps never move away from a solution",
    paper=PAPERS["handbook"],
    locator="stochastic Polyak step, every path; constants derived here",
    statement=r"f_i \text{ convex},\ \gamma_t=\tfrac{(f_i(x_t)-f_i(x^\star))_+}{\|g_t\|^2}:\quad"
    r" \|x_{t+1}-x^\star\|^2 + \frac{(f_i(x_t)-f_i(x^\star))_+^2}{\|g_t\|^2} \le \|x_t-x^\star\|^2",
    symbols={T: Integers(0, sample=(0, 5)), r: Observed(0, open="left")},
    assumptions=[parts_convex, polyak, update, start(x(T), x_star, r)],
    decides=SureBound(quantity=sq(x(T + 1) - x_star) + step(T) * excess(T), bound=r**2),
    mutants=[
        Mutant("0.1% less", decides={"bound": Rational(999, 1000) * r**2}),
        Mutant(
            "the parts need not be convex",
            drop=("every f_i is convex",),
            cases=({"dimension": 1, "T": 0, "concave": 1},),
        ),
        Mutant("steps of any size", drop=("gamma is Polyak's step",), by=("derivation",)),
    ],
    notes="An equality where f_i is linear between x_t and x*. That x* minimises f is not used.",
)


@sps_step.derivation
def pathwise(proof):
    fall, _, _ = sure_step(proof, T)
    begin = proof.assume(start(x(T), x_star, r))
    proof.conclude(proof.certificate(Le(sq(x(T + 1) - x_star) + step(T) * excess(T), r**2), [(1, fall), (-1, begin)]))


@sps_step.experiment(cases=[{"dimension": 1, "T": 0}, {"dimension": 3}])
def paths(xp, rng, case, size):
    """Parts w |<u, x> - b| + c |x - m|^2/2, drawn anew in every step, which changes nothing on a path.

    "concave": -w |<u, x> - b| for some of them.
    """
    d, bent = case.dimension, int("concave" in case)
    point = log_uniform(xp, rng, (size, 1), 0.1, 10) * rng.sphere((size, d))
    before = moved = point
    won = 0 * point[:, 0]
    for _ in range(case.T + 1):
        u, b = rng.sphere((size, d)), 3 * rng.normal((size,))
        w = log_uniform(xp, rng, (size,), 0.1, 10)
        w = w * rng.signs((size,)) if bent else w
        c = (1 - bent) * rng.bernoulli(0.5, (size,)) * log_uniform(xp, rng, (size,), 0.1, 10)
        m = rng.normal((size, d))
        lean = xp.sum(u * point, axis=-1) - b
        above = w * (xp.abs(lean) - xp.abs(b)) + c * (xp.sq(point) / 2 - xp.sum(m * point, axis=-1))
        g = (w * xp.sign(lean))[:, None] * u + c[:, None] * (point - m)
        above = xp.maximum(0 * above, above)
        before, won = point, above * above / xp.sq(g)
        moved = point - (above / xp.sq(g))[:, None] * g
        point = moved
    return {"quantity": xp.sq(moved) + won, "r": xp.sqrt(xp.sq(before))}
