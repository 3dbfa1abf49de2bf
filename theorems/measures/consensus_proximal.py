"""A consensus hop is close to a proximal step (after Riedl, Klock, Geldhauser & Fornasier 2023).

The consensus point of N(m, s^2 I) is the mean of pi ~ exp(-alpha V), V(x) = f(x) + |x - m|^2/(2 tau), tau = alpha s^2.
 If f + Lambda |x|^2/2 is convex with kappa = 1/tau - Lambda > 0, then around the proximal point p = argmin V

    E_pi |X - p|^2  <=  d/(alpha kappa),

hence |x_alpha(N(m, s^2 I)) - p| <= sqrt(d/(alpha kappa)) by Jensen's inequality: Laplace's principle with constants.

Reference: arXiv:2306.09778.  Statement and constants are ours; the paper's relaxation theorem has unspecified
constants.
"""

from sympy import Eq, Ge, Gt, Le, Rational, Symbol, symbols

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Interval,
    Mean,
    Mutant,
    Positive,
    ScalarFunction,
    SureBound,
    Vector,
    sq,
)
from gdverify.instances import clip, log_uniform
from theorems import PAPERS

alpha, s, tau = symbols("alpha s tau", positive=True)
Lambda = Symbol("Lambda", nonnegative=True)
d = Symbol("d", integer=True, positive=True)
f, X, p, m = ScalarFunction("f"), Vector("X"), Vector("p"), Vector("m")

weakly_convex = Assumption(
    "f + Lambda |x|^2/2 is convex",
    lambda y, z: Ge(Inner(f.grad(y) - f.grad(z), y - z) + Lambda * sq(y - z), 0, evaluate=False),
    key=("weakly-convex", f.name, Lambda),
)
proximal = Assumption(
    "p minimises f(x) + |x - m|^2/(2 tau)",
    lambda u: Eq(Inner(f.grad(p), u), Inner(m - p, u) / tau, evaluate=False),
    key=("proximal", tau),
)

proximal_step = Claim(
    id="consensus-based-optimization.hop-versus-proximal-step",
    title="The law whose mean is the consensus point concentrates at the proximal point",
    paper=PAPERS["consensus-based-optimization"],
    locator="a version of the relaxation of gradient descent (Laplace principle); constants derived here",
    statement=r"f+\tfrac\Lambda2|x|^2\text{ convex},\ \tau=\alpha s^2,\ \kappa=\tfrac1\tau-\Lambda>0,\ \pi\propto"
    r" e^{-\alpha(f(x)+|x-m|^2/2\tau)}:\quad \mathbb E_\pi|X-\mathrm{prox}_{\tau f}(m)|^2\le\frac{d}{\alpha\kappa}",
    symbols={
        alpha: Positive(sample=(Rational(1, 4), 100)),
        s: Positive(sample=(Rational(1, 10), 2)),
        Lambda: Interval(0, 1 / (alpha * s**2), open="right", sample=(0, Rational(9, 10) / (alpha * s**2))),
        d: Integers(1, sample=(1, 3)),
    },
    defines={tau: alpha * s**2},
    assumptions=[weakly_convex, proximal],
    decides=SureBound(quantity=Mean(sq(X - p)), bound=d / (alpha * (1 / (alpha * s**2) - Lambda))),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * d / (alpha * (1 / (alpha * s**2) - Lambda))}),
        Mutant("f taken for convex", decides={"bound": d * s**2}),
        Mutant("the proximal step s^2", defines={tau: s**2}),
        Mutant("d independent of the dimension", decides={"bound": 1 / (alpha * (1 / (alpha * s**2) - Lambda))}),
        Mutant("f is not weakly convex", drop=(weakly_convex.name,), by=("derivation",)),
    ],
    notes="Attained by f = -Lambda |x|^2/2.  The mean of pi is far closer to p than its points for smooth f: at a "
    "distance of order 1/alpha, and at 0 for quadratic f.",
)


@proximal_step.derivation
def integration_by_parts(proof):
    step = proof.definition(tau)
    proof.certificate(Gt(tau, 0, evaluate=False), [(1, proof.sign(alpha * s**2))], using=[step])
    kappa = 1 / (alpha * s**2) - Lambda
    wide = proof.certificate(Gt(kappa, 0, evaluate=False), [(1, proof.high(Lambda))])
    parts = proof.cite(
        "integration by parts: E_pi <grad V, X - p> = d/alpha",
        Eq(alpha * Mean(Inner(f.grad(X), X - p)) + Mean(Inner(X - m, X - p)) / s**2, d, evaluate=False),
        "Stein, Estimation of the mean of a multivariate normal distribution, Annals of Statistics 9, 1981, Lemma 2",
    )
    steep = proof.certificate(
        Ge(alpha * Inner(f.grad(X), X - p) + Inner(X - m, X - p) / s**2, alpha * kappa * sq(X - p)),
        [(alpha, proof.assume(weakly_convex, X, p)), (alpha, proof.assume(proximal, X - p))],
        using=[step],
    )
    proof.conclude(
        proof.certificate(
            Le(Mean(sq(X - p)), d / (alpha * kappa)),
            [(1 / (alpha * wide.left), proof.mean(steep)), (-1 / (alpha * wide.left), parts)],
        )
    )


@proximal_step.experiment(samples={"smoke": 128, "standard": 20_000, "full": 500_000})
def sums_over_grids(xp, rng, case, size):
    """f = sum_i (curvature_i - Lambda) x_i^2/2 + Huber(x_i), seen from a random p, with m = p + tau grad f(p)."""
    shape = (size, case.d, 1)
    alpha, wide = case.alpha, 1 / (case.alpha * case.s**2) - case.Lambda
    unit = 1 / (alpha * wide) ** 0.5
    bare = wide * rng.bernoulli(0.5, (size, 1, 1))
    curvature, weight = (bare * log_uniform(xp, rng, shape, 1e-2, 3) for _ in range(2))
    turn, shift, p = rng.uniform(shape, 0.1, 1) * unit, rng.uniform(shape, -1, 1) * unit, rng.normal(shape)
    bend = lambda x: clip(xp, x + shift, turn)
    slope = lambda x: (curvature - case.Lambda) * x + weight * bend(x)
    m = p + case.tau * slope(p)

    def second_moment(n):
        x = p + (xp.arange(2 * n + 1, dtype=xp.float64) - n) * (8 * unit / n)
        huber = bend(x) * (x + shift - bend(x) / 2)
        value = (curvature - case.Lambda) * x * x / 2 + weight * huber + (x - m) ** 2 / (2 * alpha * case.s**2)
        value = alpha * (value - xp.min(value, axis=-1, keepdims=True))
        chance = xp.exp(-value)
        return xp.sum(xp.sum((x - p) ** 2 * chance, axis=-1) / xp.sum(chance, axis=-1), axis=-1)

    coarse, fine = second_moment(24), second_moment(36)
    return {"quantity": fine, "quantity_error": 2 * xp.abs(fine - coarse)}
