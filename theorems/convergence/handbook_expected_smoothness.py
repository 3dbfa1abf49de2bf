"""Three bounds on the gradients of the parts of a finite sum, for the analysis of SGD (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with L_max-smooth parts and a minimiser x* of f:

    parts convex:  (1/n) sum |grad f_i(y) - grad f_i(x)|^2  <=  2 L_max (f(y) - f(x) - <grad f(x), y - x>)
    parts convex:  (1/n) sum |grad f_i(y)|^2                <=  4 L_max (f(y) - f*) + 2 sigma_star
    parts bounded: (1/n) sum |grad f_i(y)|^2                <=  2 L_max (f(y) - f* + Delta_star)

with sigma_star = (1/n) sum |grad f_i(x*)|^2 and Delta_star = f* - (1/n) sum low_i, f_i >= low_i.  The last at y = x*
reads sigma_star <= 2 L_max Delta_star.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Function, Ge, Le, Rational, Sum, symbols

from gdverify import Assumption, Claim, Inner, Mutant, Observed, SureBound, Vector, sq
from gdverify.classes import minimiser, start_gap
from gdverify.instances import FiniteSums, log_uniform, mixed_uniform
from gdverify.instances import polyak_lojasiewicz as bent_functions
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.finite_sums import (
    L_max,
    Part,
    cocoercive,
    f,
    i,
    n,
    parts_convex,
    parts_smooth,
    regime,
    whole,
    x_star,
)

y, x = Vector("y"), Vector("x")
D, Delta, sigma_star, Delta_star = symbols("D Delta sigma_star Delta_star", nonnegative=True)
low = Function("low", real=True)
mean = lambda term: Sum(term(Part(i)), (i, 1, n)) / n
squares = lambda point: mean(lambda h: sq(h.grad(point)))

# -- differences of gradients -----------------------------------------------------------------------------------------

distance = equation("D is the Bregman distance from x to y", f(y) - f(x) - Inner(f.grad(x), y - x), D)

expected_smoothness = Claim(
    id="handbook.expected-smoothness",
    title="Expected smoothness: mean squared differences of the parts' gradients",
    paper=PAPERS["handbook"],
    locator="expected smoothness of sums of convex smooth functions; constants derived here",
    statement=r"f_i \text{ convex and } L_{\max}\text{-smooth}:\quad \frac1n\sum_i\|\nabla f_i(y)-\nabla f_i(x)\|^2"
    r" \le 2L_{\max}\bigl(f(y)-f(x)-\langle\nabla f(x),y-x\rangle\bigr)",
    symbols={**regime, D: Observed(0)},
    assumptions=[parts_convex, parts_smooth, whole, distance],
    decides=SureBound(quantity=mean(lambda h: sq(h.grad(y) - h.grad(x))), bound=2 * L_max * D),
    mutants=[
        Mutant("0.1% less", decides={"bound": Rational(999, 1000) * 2 * L_max * D}),
        Mutant("the mean of the parts' constants, if all but one are flat", decides={"bound": 2 * L_max * D / n}),
        Mutant("the parts need not be convex", drop=("every f_i is convex",), by=("derivation",)),
        Mutant("the parts need not be smooth", drop=("every f_i is L_max-smooth",), by=("derivation",)),
    ],
    notes="Attained by quadratics, also if only one part is not flat: the smoothness of f would not do for L_max.",
)


@expected_smoothness.derivation
def sum_of_cocoercivity(proof):
    j = proof.index("j", 1, n)
    total = proof.sum_of(cocoercive(proof, j, y, x), j, 1, n)
    (at_y, _), (at_x, slope) = proof.assume(whole, y, y - x), proof.assume(whole, x, y - x)
    c = 2 * L_max
    proof.conclude(
        proof.certificate(
            Le(mean(lambda h: sq(h.grad(y) - h.grad(x))), c * D),
            [(c / n, total), (c, at_y), (-c, at_x), (-c, slope), (-c, proof.assume(distance))],
        )
    )


def random_sums(xp, rng, case, size):
    """Convex parts, curvature 0 to L_max, with equal or unequal parts, and two points around the turning points."""
    n, d = case.n, case.dimension
    scale = log_uniform(xp, rng, (size, 1), 1e-2, 100)
    equal = rng.bernoulli(0.5, (size, 1, 1))
    single = equal * 1 + (1 - equal) * mixed_uniform(rng, (size, n, d))
    curvature = case.L_max * single
    tilt = rng.normal((size, n, d)) * (case.L_max * scale * rng.bernoulli(0.75, (size, 1)))[:, :, None]
    tilt = tilt - xp.mean(tilt, axis=1, keepdims=True)
    turn = scale[:, :, None] * log_uniform(xp, rng, (size, 1, d), 1e-1, 1e3)
    return FiniteSums(xp, curvature, tilt, turn), scale


@expected_smoothness.experiment(cases=[{"dimension": 1}, {"dimension": 4}])
def differences(xp, rng, case, size):
    F, scale = random_sums(xp, rng, case, size)
    a, b = scale * rng.normal((size, case.dimension)), scale * rng.normal((size, case.dimension))
    b = b * rng.bernoulli(0.75, (size, 1))
    pulls = F.grads(a) - F.grads(b)
    bregman = F.value(a) - F.value(b) - xp.sum(F.grad(b) * (a - b), axis=-1)
    return {"quantity": xp.mean(xp.sum(pulls * pulls, axis=-1), axis=-1), "D": bregman}


# -- gradients, with convexity ----------------------------------------------------------------------------------------

gap = start_gap(f, y, x_star, Delta)
noise = equation("sigma_star is the mean of |grad f_i(x_star)|^2", squares(x_star), sigma_star)

variance_transfer = Claim(
    id="handbook.variance-transfer",
    title="Variance transfer: the mean squared gradient of convex parts, by the value and the noise at the solution",
    paper=PAPERS["handbook"],
    locator="variance transfer for sums of convex smooth functions; constants derived here",
    statement=r"f_i \text{ convex and } L_{\max}\text{-smooth}:\quad \frac1n\sum_i\|\nabla f_i(y)\|^2"
    r" \le 4L_{\max}(f(y)-f^\star) + 2\sigma^\star",
    symbols={**regime, Delta: Observed(0), sigma_star: Observed(0)},
    assumptions=[parts_convex, parts_smooth, whole, minimiser(f, x_star), gap, noise],
    decides=SureBound(quantity=squares(y), bound=4 * L_max * Delta + 2 * sigma_star),
    mutants=[
        Mutant(
            "a tenth off the first term",
            decides={"bound": Rational(9, 10) * 4 * L_max * Delta + 2 * sigma_star},
            cases=({"dimension": 1, "n": 8, "family": "one"},),
        ),
        Mutant(
            "a tenth off the noise",
            decides={"bound": 4 * L_max * Delta + Rational(9, 10) * 2 * sigma_star},
            cases=({"dimension": 1, "n": 8, "family": "one"},),
        ),
        Mutant("no cross term", decides={"bound": 2 * L_max * Delta + sigma_star}),
        Mutant("the parts need not be convex", drop=("every f_i is convex",), by=("derivation",)),
    ],
    notes="Exact as n grows: where one part has curvature L_max and slope L_max y at x* = 0, the others being linear, "
    "the ratio is (4 + 1/(n-1))/(4 + 2/(n-1)).",
)


@variance_transfer.derivation
def doubling(proof):
    j = proof.index("j", 1, n)
    u, v = Part(j).grad(y), Part(j).grad(x_star)
    near = cocoercive(proof, j, y, x_star)
    excess = Part(j)(y) - Part(j)(x_star) - Inner(v, y - x_star)
    each = proof.certificate(Ge(4 * L_max * excess + 2 * sq(v), sq(u)), [(4 * L_max, near)], [(1, u - 2 * v)])
    total = proof.sum_of(each, j, 1, n)
    (at_y, _), (at_star, slope) = proof.assume(whole, y, y - x_star), proof.assume(whole, x_star, y - x_star)
    flat = proof.assume(minimiser(f, x_star), direction=y - x_star)
    c = 4 * L_max
    proof.conclude(
        proof.certificate(
            Le(squares(y), c * Delta + 2 * sigma_star),
            [(1 / n, total), (c, at_y), (-c, at_star), (-c, slope), (c, flat), (-c, proof.assume(gap)),
             (-2, proof.assume(noise))],
        )
    )  # fmt: skip


@variance_transfer.experiment(cases=[{"dimension": 1, "family": "one"}, {"dimension": 4, "family": "any"}])
def gradients(xp, rng, case, size):
    F, scale = random_sums(xp, rng, case, size)
    point = scale * rng.normal((size, case.dimension))
    if case.family == "one":  # one part doubles its gradient, the others are linear
        first = xp.astype(xp.arange(case.n) == 0, xp.float64)[None, :, None]
        lean = case.L_max * point[:, None, :] * (first - (1 - first) / (case.n - 1))
        F = FiniteSums(xp, case.L_max * first + 0 * lean, lean, 1 + xp.abs(point[:, None, :]))
    slopes = F.grads(point)
    quantity = xp.mean(xp.sum(slopes * slopes, axis=-1), axis=-1)
    return {"quantity": quantity, "Delta": F.value(point), "sigma_star": F.noise()}


# -- gradients, without convexity -------------------------------------------------------------------------------------

bounded = Assumption("every f_i is at least low_i", lambda i, z: Ge(Part(i)(z), low(i), evaluate=False), key=("lows",))
spread = equation("Delta_star is f* minus the mean of low_i", f(x_star) - Sum(low(i), (i, 1, n)) / n, Delta_star)

nonconvex_gradients = Claim(
    id="handbook.expected-smoothness-nonconvex",
    title="The mean squared gradient of smooth parts that are bounded below",
    paper=PAPERS["handbook"],
    locator="gradients of sums of smooth functions that are bounded below; constants derived here",
    statement=r"f_i\ L_{\max}\text{-smooth},\ f_i\ge \ell_i:\quad \frac1n\sum_i\|\nabla f_i(y)\|^2"
    r" \le 2L_{\max}(f(y)-f^\star+\Delta^\star),\ \Delta^\star = f^\star-\frac1n\sum_i \ell_i",
    symbols={**regime, Delta: Observed(0), Delta_star: Observed(0)},
    assumptions=[parts_smooth, bounded, whole, gap, spread],
    decides=SureBound(quantity=squares(y), bound=2 * L_max * (Delta + Delta_star)),
    mutants=[
        Mutant("1% less", decides={"bound": Rational(99, 100) * 2 * L_max * (Delta + Delta_star)}),
        Mutant("no Delta_star", decides={"bound": 2 * L_max * Delta}),
        Mutant("the parts need not be bounded below", drop=("every f_i is at least low_i",), by=("derivation",)),
        Mutant("the parts need not be smooth", drop=("every f_i is L_max-smooth",), by=("derivation",)),
    ],
    notes="Equality for parts L_max |x - a_i|^2/2. At y = x* it bounds sigma_star by 2 L_max Delta_star. The proof "
    "does not use that x* minimises f.",
)


@nonconvex_gradients.derivation
def one_step_from_every_part(proof):
    j = proof.index("j", 1, n)
    g = Part(j).grad(y)
    below = y - g / L_max
    each = proof.certificate(
        Ge(2 * L_max * (Part(j)(y) - low(j)), sq(g)),
        [(2 * L_max, proof.assume(parts_smooth, j, y, below)), (2 * L_max, proof.assume(bounded, j, below))],
    )
    total = proof.sum_of(each, j, 1, n)
    at_y, _ = proof.assume(whole, y, y - x_star)
    c = 2 * L_max
    proof.conclude(
        proof.certificate(
            Le(squares(y), c * (Delta + Delta_star)),
            [(1 / n, total), (c, at_y), (-c, proof.assume(gap)), (-c, proof.assume(spread))],
        )
    )


@nonconvex_gradients.experiment(cases=[{"dimension": 2, "family": "shifted"}, {"dimension": 1, "family": "bent"}])
def apart(xp, rng, case, size):
    n, d = case.n, case.dimension
    point = log_uniform(xp, rng, (size, 1), 1e-2, 100) * rng.sphere((size, d))
    if case.family == "bent":  # not convex, all smallest at the origin
        parts = [bent_functions(xp, rng, point, case.L_max / 100, case.L_max) for _ in range(n)]
        squared = [xp.sq(h.grad(point)) for h in parts]
        values = [h.value(point) for h in parts]
        return {"quantity": sum(squared) / n, "Delta": sum(values) / n, "Delta_star": 0 * squared[0]}
    centre = rng.normal((size, n, d))
    centre = centre - xp.mean(centre, axis=1, keepdims=True)
    curvature = case.L_max * mixed_uniform(rng, (size, 1))
    slopes = curvature[:, :, None] * (point[:, None, :] - centre)
    return {
        "quantity": xp.mean(xp.sum(slopes * slopes, axis=-1), axis=-1),
        "Delta": curvature[:, 0] * xp.sq(point) / 2,
        "Delta_star": curvature[:, 0] * xp.mean(xp.sum(centre * centre, axis=-1), axis=-1) / 2,
    }
