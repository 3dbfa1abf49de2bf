"""Minibatches drawn without replacement: gradient noise and expected smoothness (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n, n >= 2, and f_B the mean of f_i over a batch B, uniform among all with b members:

    x* minimises f:                                     E |grad f_B(x*)|^2  =  (n - b)/(b (n - 1)) sigma_star
    also f L-smooth, f_i convex and L_max-smooth:       E |grad f_B(y) - grad f_B(x*)|^2  <=  2 L_b (f(y) - f*)

with sigma_star = (1/n) sum |grad f_i(x*)|^2 and L_b = n (b - 1)/(b (n - 1)) L + (n - b)/(b (n - 1)) L_max.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from itertools import combinations

from sympy import Eq, Ge, Le, Rational, Sum, Symbol, symbols

from gdverify import (
    Assumption,
    Claim,
    Identity,
    Inner,
    Integers,
    Mean,
    Mutant,
    Observed,
    Positive,
    ScalarFunction,
    SureBound,
    Vector,
    sq,
)
from gdverify.classes import minimiser, smooth, start_gap
from gdverify.instances import FiniteSums, log_uniform, mixed_uniform
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.finite_sums import (
    L_max,
    Part,
    cocoercive,
    draw,
    f,
    i,
    n,
    parts_convex,
    parts_smooth,
    whole,
    x_star,
)

f_B, y = ScalarFunction("f_B"), Vector("y")
b = Symbol("b", integer=True, positive=True)
L, Delta, sigma_star = Symbol("L", positive=True), *symbols("Delta sigma_star", nonnegative=True)
one, two = draw(1), draw(2)  # two members of the batch
shrink = (n - b) / (b * (n - 1))
total = lambda term: Sum(term(Part(i)), (i, 1, n))


def drawn(*terms):
    """What the draw says of v_i = the sum of c grad f_i(z) over pairs (c, z): its first two members, and all."""
    v = lambda h: sum(c * h.grad(z) for c, z in terms)
    first, second, mean = v(Part(one)), v(Part(two)), v(f)
    equal = lambda left, right: Eq(Mean(left), right, evaluate=False)
    return [
        equal(sq(v(f_B)), Mean(sq(first)) / b + (b - 1) / b * Mean(Inner(first, second))),  # members are alike
        equal(Inner(first, second), Mean(Inner(first, n * mean - first)) / (n - 1)),  # the second is one of the others
        equal(Inner(first, mean), Mean(sq(mean))),  # the first is any of them
        equal(sq(first), Mean(total(lambda h: sq(v(h)))) / n),
    ]


sampling = Assumption(
    "f_B is the mean of b parts drawn without replacement",
    drawn,
    latex=r"f_B=\tfrac1b\sum_{i\in B}f_i,\ B \text{ uniform among the } b\text{-subsets}",
    key=("without-replacement", f_B.name, b),
)
noise = equation("sigma_star is the mean of |grad f_i(x_star)|^2", total(lambda h: sq(h.grad(x_star))) / n, sigma_star)
sizes = {n: Integers(2, sample=(2, 6)), b: Integers(1, n)}


def all_batches(xp, case, slopes):
    """Mean over all batches of |the batch's mean slope|^2, exactly; slopes (size, n, d)."""
    squares = [xp.sq(sum(slopes[:, j, :] for j in batch) / case.b) for batch in combinations(range(case.n), case.b)]
    return sum(squares) / len(squares)


# -- noise ------------------------------------------------------------------------------------------------------------

minibatch_noise = Claim(
    id="handbook.minibatch-noise",
    title="The gradient noise of a minibatch drawn without replacement",
    paper=PAPERS["handbook"],
    locator="minibatch gradient noise; constants derived here",
    statement=r"B \text{ uniform without replacement},\ |B|=b:\quad"
    r" \mathbb{E}\|\nabla f_B(x^\star)\|^2 = \frac{n-b}{b(n-1)}\,\sigma^\star",
    symbols={**sizes, sigma_star: Observed(0)},
    assumptions=[sampling, minimiser(f, x_star), noise],
    decides=Identity(quantity=Mean(sq(f_B.grad(x_star))), bound=shrink * sigma_star),
    mutants=[
        Mutant("with replacement", decides={"bound": sigma_star / b}),
        Mutant("n in place of n - 1", decides={"bound": (n - b) / (b * n) * sigma_star}),
        Mutant("the gradients at x_star need not cancel", drop=("x_star minimises f",), by=("derivation",)),
    ],
    notes="The experiment averages over all batches.",
)


@minibatch_noise.derivation
def pair_counting(proof):
    alike, other, anyone, spread = proof.assume(sampling, (1, x_star))
    flat = proof.mean(proof.assume(minimiser(f, x_star), direction=f.grad(x_star)))
    second = (b - 1) / b
    proof.conclude(
        proof.certificate(
            Eq(Mean(sq(f_B.grad(x_star))), shrink * sigma_star, evaluate=False),
            [(1, alike), (second, other), (second * n / (n - 1), anyone), (second * n / (n - 1), flat),
             (shrink, spread), (shrink, proof.mean(proof.assume(noise)))],
        )
    )  # fmt: skip


@minibatch_noise.experiment(cases=[{"dimension": 1}, {"dimension": 3}])
def enumerated(xp, rng, case, size):
    slopes = log_uniform(xp, rng, (size, case.n, 1), 1e-2, 100) * rng.normal((size, case.n, case.dimension))
    slopes = slopes - xp.mean(slopes, axis=1, keepdims=True)
    return {"quantity": all_batches(xp, case, slopes), "sigma_star": xp.mean(xp.sum(slopes * slopes, axis=-1), axis=-1)}


# -- smoothness -------------------------------------------------------------------------------------------------------

share = n * (b - 1) / (b * (n - 1))
gap = start_gap(f, y, x_star, Delta)

minibatch = Claim(
    id="handbook.minibatch",
    title="Expected smoothness of minibatches drawn without replacement",
    paper=PAPERS["handbook"],
    locator="minibatch expected smoothness; constants derived here",
    statement=r"f_i \text{ convex, } L_{\max}\text{-smooth},\ f\ L\text{-smooth}:\quad"
    r" \mathbb{E}\|\nabla f_B(y)-\nabla f_B(x^\star)\|^2 \le 2L_b(f(y)-f^\star),\quad"
    r" L_b=\frac{n(b-1)}{b(n-1)}L+\frac{n-b}{b(n-1)}L_{\max}",
    symbols={
        **sizes,
        L_max: Positive(sample=(Rational(1, 4), 4)),
        L: Observed(0, open="left"),
        Delta: Observed(0),
    },
    assumptions=[sampling, parts_convex, parts_smooth, whole, smooth(f, L), minimiser(f, x_star), gap],
    decides=SureBound(
        quantity=Mean(sq(f_B.grad(y) - f_B.grad(x_star))), bound=2 * (share * L + shrink * L_max) * Delta
    ),
    mutants=[
        Mutant("L_max/b in place of L_b", decides={"bound": 2 * L_max / b * Delta}),
        Mutant("0.1% less", decides={"bound": Rational(999, 1000) * 2 * (share * L + shrink * L_max) * Delta}),
        Mutant("n in place of n - 1", decides={"bound": 2 * ((b - 1) * L + (n - b) / n * L_max) / b * Delta}),
        Mutant("the parts need not be convex", drop=("every f_i is convex",), by=("derivation",)),
        Mutant("f need not be L-smooth", drop=("f is L-smooth",), by=("derivation",)),
    ],
    notes="Attained where the parts are quadratics in one direction, of curvature L_max or 0. Convergence theorems for "
    "SGD with batches follow with L_b for L_max and the batch's noise for sigma_star.",
)


@minibatch.derivation
def two_smoothnesses(proof):
    proof.high(b)
    j = proof.index("j", 1, n)
    d = y - x_star
    alike, other, anyone, spread = proof.assume(sampling, (1, y), (-1, x_star))
    parts = proof.sum_of(cocoercive(proof, j, y, x_star), j, 1, n)
    (at_y, _), (at_star, slope) = proof.assume(whole, y, d), proof.assume(whole, x_star, d)
    flat = proof.assume(minimiser(f, x_star), direction=d)
    known = proof.assume(gap)
    every = proof.certificate(
        Ge(2 * L_max * Delta, total(lambda h: sq(h.grad(y) - h.grad(x_star))) / n),
        [(2 * L_max * c, fact) for c, fact in ((1 / n, parts), (1, at_y), (-1, at_star), (-1, slope), (1, flat))]
        + [(-2 * L_max, known)],
    )
    pull = f.grad(y) - f.grad(x_star)
    below = y - pull / L
    descent, least = proof.assume(smooth(f, L), y, below), proof.assume(minimiser(f, x_star), below)
    still = proof.assume(minimiser(f, x_star), direction=pull)
    whole_pull = proof.certificate(
        Ge(2 * L * Delta, sq(pull)), [(2 * L, descent), (2 * L, least), (-2 * L, known), (2, still)]
    )
    second = (b - 1) / b
    proof.conclude(
        proof.certificate(
            Le(Mean(sq(f_B.grad(y) - f_B.grad(x_star))), 2 * (share * L + shrink * L_max) * Delta),
            [(-1, alike), (-second, other), (-share, anyone), (share, proof.mean(whole_pull)), (-shrink, spread),
             (shrink, proof.mean(every))],
        )
    )  # fmt: skip


@minibatch.experiment(cases=[{"dimension": 1}, {"dimension": 3}])
def quadratics(xp, rng, case, size):
    n, d = case.n, case.dimension
    some = rng.bernoulli(0.5, (size, 1, 1))
    ends = xp.astype(rng.integers(0, 2, (size, n, d)), xp.float64)
    curvature = case.L_max * (some * ends + (1 - some) * mixed_uniform(rng, (size, n, d)))
    first = xp.astype(xp.arange(n) == 0, xp.float64)[None, :, None]
    curvature = xp.maximum(curvature, case.L_max * first)  # some part is curved
    point = log_uniform(xp, rng, (size, 1), 1e-2, 100) * rng.sphere((size, d))
    F = FiniteSums(xp, curvature, 0 * curvature, 1 + xp.abs(point[:, None, :]))
    return {
        "quantity": all_batches(xp, case, F.grads(point)),
        "L": xp.max(xp.mean(curvature, axis=1), axis=-1),
        "Delta": F.value(point),
    }
