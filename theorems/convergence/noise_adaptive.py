"""One step along the best direction of a norm ball (on "Noise-Adaptive Layerwise Learning Rates", 2025).

For a norm with dual norm |.|_*, an f with f(W + D) <= f(W) + <grad f(W), D> + (L/2)|D|^2, an estimate M of the
gradient g and the step D = eta argmin over |Z| <= 1 of <M, Z>,

    f(W + D)  <=  f(W) - eta |g|_* + 2 eta |g - M|_* + L eta^2/2.

Several layers, each with its own norm and step, add up.  Setting of the abstract; stated and proved here.
"""

from sympy import Ge, Le, Rational, Symbol, symbols

from gdverify import Assumption, Claim, Inner, Mutant, Observed, Positive, ScalarFunction, SureBound, Vector
from gdverify.instances import log_uniform, mixed_uniform
from gdverify.laws import equation
from theorems import PAPERS

L, eta = symbols("L eta", positive=True)
level = Symbol("level", real=True)
steep, noise, size_of_M = symbols("g_dual noise_dual M_dual", nonnegative=True)
f, W, D, M = ScalarFunction("f"), Vector("W"), Vector("D"), Vector("M")
g = f.grad(W)

smooth_in_norm = Assumption(
    "f is L-smooth in the norm, and |D| <= eta",
    lambda: Ge(f(W) + Inner(g, D) + L / 2 * eta**2, f(W + D), evaluate=False),
    latex=r"f(W+D)\le f(W)+\langle\nabla f(W),D\rangle+\tfrac L2\|D\|^2,\ \|D\|\le\eta",
    key=("smooth in norm", L),
)
oracle = equation("D is eta times the best direction for M", Inner(M, D), -eta * size_of_M)
duality = Assumption(
    "dual norms: <g - M, D> <= |g - M|_* |D|, and |g|_* <= |M|_* + |g - M|_*",
    lambda: [Ge(eta * noise, Inner(g - M, D), evaluate=False), Ge(size_of_M + noise, steep, evaluate=False)],
    key=("dual norms",),
)
begin = equation("level is the loss before the step", f(W), level)

lmo_descent = Claim(
    id="noise-adaptive-layerwise.lmo-descent",
    title="A step along the best direction of a norm ball loses twice the error of the gradient estimate",
    paper=PAPERS["noise-adaptive-layerwise"],
    locator="setting of the abstract, one layer; stated and proved here",
    statement=r"f(W+D)\le f(W)-\eta\|g\|_*+2\eta\|g-M\|_*+\tfrac L2\eta^2",
    symbols={
        L: Positive(sample=(Rational(1, 4), 4)),
        eta: Positive(sample=(Rational(1, 100), 10)),
        level: Observed(),
        steep: Observed(0),
        noise: Observed(0),
        size_of_M: Observed(0),
    },
    assumptions=[smooth_in_norm, oracle, duality, begin],
    decides=SureBound(quantity=f(W + D), bound=level - eta * steep + 2 * eta * noise + L * eta**2 / 2),
    mutants=[
        Mutant("the error once", decides={"bound": level - eta * steep + eta * noise + L * eta**2 / 2}),
        Mutant(
            "1% off the error", decides={"bound": level - eta * steep + Rational(99, 50) * eta * noise + L * eta**2 / 2}
        ),
        Mutant("a third of the curvature", decides={"bound": level - eta * steep + 2 * eta * noise + L * eta**2 / 3}),
        Mutant("the primal norm of the error", drop=(duality.name,), by=("derivation",)),
    ],
    notes="Attained by an estimate that points the wrong way.  The experiment takes the largest entry as the norm (its "
    "dual is the sum of absolute values), so that D = -eta sign(M), and the Euclidean norm.",
)


@lmo_descent.derivation
def duality_twice(proof):
    descent, best, start = proof.assume(smooth_in_norm), proof.assume(oracle), proof.assume(begin)
    misled, triangle = proof.assume(duality)
    proof.conclude(
        proof.certificate(
            Le(f(W + D), level - eta * steep + 2 * eta * noise + L * eta**2 / 2),
            [(1, descent), (-1, start), (-1, best), (1, misled), (eta, triangle)],
        )
    )


@lmo_descent.experiment(cases=[{"dimension": d, "norm": norm} for d in (1, 5) for norm in ("largest", "euclidean")])
def quadratics(xp, rng, case, size):
    """f(W) = L (W.v)^2/2 with v of dual norm 1: exactly L-smooth; estimates of any quality, the opposite among them."""
    d = case.dimension
    total = lambda a: xp.sum(a, axis=-1)
    dual = (lambda a: total(xp.abs(a))) if case.norm == "largest" else (lambda a: xp.sqrt(total(a * a)))
    v = rng.normal((size, d))
    v = v / dual(v)[:, None]
    loss = lambda w: case.L * total(v * w) ** 2 / 2
    w = log_uniform(xp, rng, (size, 1), 1e-2, 1e2) * rng.normal((size, d))
    gradient = case.L * total(v * w)[:, None] * v
    quality = 2 * mixed_uniform(rng, (size, 1)) - 1
    estimate = quality * gradient + rng.bernoulli(0.5, (size, 1)) * log_uniform(
        xp, rng, (size, 1), 1e-3, 1
    ) * rng.normal((size, d))
    way = (
        xp.sign(estimate)
        if case.norm == "largest"
        else estimate / xp.maximum(dual(estimate), 0 * dual(estimate) + 1e-300)[:, None]
    )
    return {
        "quantity": loss(w - case.eta * way),
        "level": loss(w),
        "g_dual": dual(gradient),
        "noise_dual": dual(gradient - estimate),
        "M_dual": dual(estimate),
    }
