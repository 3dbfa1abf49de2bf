"""A consensus hop is a gradient step on a smoothed objective (after Riedl, Klock, Geldhauser & Fornasier 2023).

The consensus point of a law rho weighs its points by the objective, x_alpha(rho) = E_rho[X w(X)]/E_rho w(X) with
w = exp(-alpha f).  For rho = N(m, s^2 I) and any f with finite E w,

    x_alpha(N(m, s^2 I))  ==  m - alpha s^2 grad f_{alpha,s}(m),    f_{alpha,s}(m) = -(1/alpha) log E w(m + s xi),

so that one hop, which uses values of f alone, is an exact gradient step of length alpha s^2.  The statement is encoded
along one coordinate.

Reference: arXiv:2306.09778.  Statement and constants are ours; the paper's relaxation theorem has unspecified
constants.
"""

from sympy import Eq, Function, Rational, symbols

from gdverify import Claim, Identity, Mean, Mutant, Observed, Positive, Reals
from gdverify.laws import equation
from theorems import PAPERS

alpha, s, total = symbols("alpha s total", positive=True)
m, consensus, slope, plain, change = symbols("m consensus slope plain change", real=True)
X, w = Function("X")(0), Function("w")(0)  # a coordinate of the random point, and the weight exp(-alpha f) there

mass = equation("total is E w", Mean(w), total)
hop = equation("consensus is the weighted mean E[X w]/E w", Mean(X * w), consensus * total)
smoothed = equation(
    "slope is the derivative of -log(E w)/alpha in m, change that of E w", -change / (alpha * total), slope
)

consensus_step = Claim(
    id="consensus-based-optimization.consensus-is-a-gradient-step",
    title="The consensus point of a Gaussian is one gradient step on a smoothed objective away from its centre",
    paper=PAPERS["consensus-based-optimization"],
    locator="a version of the relaxation of gradient descent; statement derived here",
    statement=r"x_\alpha(\mathcal N(m,s^2I)) = m-\alpha s^2\nabla f_{\alpha,s}(m),\quad"
    r" f_{\alpha,s}(m)=-\tfrac1\alpha\log\mathbb E\,e^{-\alpha f(m+s\xi)}",
    symbols={
        alpha: Positive(sample=(Rational(1, 4), 20)),
        s: Positive(sample=(Rational(1, 10), 2)),
        m: Reals(sample=(-2, 2)),
        consensus: Observed(),
        slope: Observed(),
        change: Observed(),
        total: Observed(0, open="left"),
    },
    assumptions=[mass, hop, smoothed],
    decides=Identity(quantity=consensus, bound=m - alpha * s**2 * slope, rtol=1e-6),
    mutants=[
        Mutant("a step of length s^2", decides={"bound": m - s**2 * slope}),
        Mutant("1% longer", decides={"bound": m - Rational(101, 100) * alpha * s**2 * slope}),
        Mutant("the slope of f itself", symbols={plain: Observed()}, decides={"bound": m - alpha * s**2 * plain}),
        Mutant("any smoothed objective", drop=(smoothed.name,), by=("derivation",)),
    ],
    notes="Nothing is asked of f but finite means.  The experiment sums over a grid of 401 points of the line (as "
    "good a base measure as any) for f with kinks and jumps, and differentiates log E w by a formula of fourth order.",
)


@consensus_step.derivation
def exponential_family(proof):
    moved = proof.cite(
        "a mean under N(m, s^2) is differentiated in m under the integral",
        Eq(s**2 * change, Mean(X * w) - m * Mean(w), evaluate=False),
        "Brown, Fundamentals of Statistical Exponential Families, 1986, Theorem 2.2",
        uses=[proof.assume(smoothed)],
    )
    proof.conclude(
        proof.certificate(
            Eq(consensus, m - alpha * s**2 * slope, evaluate=False),
            [
                (-1 / total, proof.assume(hop)),
                (m / total, proof.assume(mass)),
                (-1 / total, moved),
                (-alpha * s**2, proof.assume(smoothed)),
            ],
        )
    )


@consensus_step.experiment(samples={"smoke": 512, "standard": 20_000, "full": 500_000})
def objectives_with_kinks_and_jumps(xp, rng, case, size):
    curvature, wave, kink, jump, place = (rng.uniform((size, 1), *ends) for ends in
        ((0, 2), (-1, 1), (-1, 1), (-1, 1), (-2, 2)))  # fmt: skip
    f = lambda y: (
        curvature * y * y / 2
        + wave * xp.cos(4 * y)
        + kink * xp.abs(y - place)
        + jump * xp.astype(y > place, xp.float64)
    )
    y = case.m + case.s * (xp.arange(401, dtype=xp.float64) - 200) / 25 + xp.zeros((size, 1))
    value = -case.alpha * f(y)
    value = value - xp.max(value - (y - case.m) ** 2 / (2 * case.s**2), axis=-1, keepdims=True)

    def log_total(shift):
        return xp.log(xp.sum(xp.exp(value - (y - case.m - shift) ** 2 / (2 * case.s**2)), axis=-1))

    weight = xp.exp(value - (y - case.m) ** 2 / (2 * case.s**2))
    e = case.s / 500
    growth = (8 * (log_total(e) - log_total(-e)) - log_total(2 * e) + log_total(-2 * e)) / (12 * e)
    total = xp.sum(weight, axis=-1)
    at = case.m + xp.zeros((size, 1))
    point = xp.sum(weight * y, axis=-1) / total
    return {
        "quantity": point,
        "consensus": point,
        "slope": -growth / case.alpha,
        "change": growth * total,
        "total": total,
        "plain": (curvature * at - 4 * wave * xp.sin(4 * at) + kink * xp.sign(at - place))[:, 0],
        "scale": abs(case.m) + case.s,
    }
