"""Iterative hard thresholding never raises the loss (on AWP: activation-aware weight pruning, 2025).

H_k keeps the k largest entries of a vector: no k-sparse vector is nearer to z than H_k(z).  For an L-smooth f (the
layer loss (theta - w).C(theta - w)/2 with L the largest eigenvalue of C, for one), a k-sparse theta, 0 < gamma <= 1/L,

    f(H_k(theta - gamma grad f(theta)))  <=  f(theta).

Setting of the abstract; stated and proved here.  Hard thresholding is not nonexpansive, so the usual argument for
projected gradient descent on a convex set does not apply; the majoriser of f does.
"""

from sympy import Ge, Le, Rational, Symbol, symbols

from gdverify import Assumption, Claim, Interval, Mutant, Observed, Positive, ScalarFunction, SureBound, Vector, sq
from gdverify.classes import smooth
from gdverify.instances import log_uniform, mixed_uniform
from gdverify.laws import equation
from theorems import PAPERS

L, gamma = symbols("L gamma", positive=True)
level = Symbol("level", real=True)
f, here, after = ScalarFunction("f"), Vector("theta"), Vector("theta_plus")
trial = here - gamma * f.grad(here)
best = Assumption(
    "theta_plus is a k-sparse vector nearest to the gradient step",
    lambda: Ge(sq(trial - here), sq(trial - after), evaluate=False),
    latex=r"\theta_+ \in \arg\min_{\|v\|_0\le k}\|v-(\theta-\gamma\nabla f(\theta))\|,\ \|\theta\|_0\le k",
    key=("best approximation",),
)
begin = equation("level is the loss before the step", f(here), level)

iht = Claim(
    id="awp.iht",
    title="Iterative hard thresholding never raises a smooth loss",
    paper=PAPERS["awp"],
    locator="setting of the abstract; stated and proved here",
    statement=r"f\ L\text{-smooth},\ \|\theta\|_0\le k,\ 0<\gamma\le 1/L:\quad"
    r" f(H_k(\theta-\gamma\nabla f(\theta)))\le f(\theta)",
    symbols={L: Positive(sample=(Rational(1, 4), 4)), gamma: Interval(0, 1 / L, open="left"), level: Observed()},
    assumptions=[smooth(f, L), best, begin],
    decides=SureBound(quantity=f(after), bound=level),
    mutants=[
        Mutant("99% of the loss", decides={"bound": Rational(99, 100) * level}),
        Mutant(
            "steps up to 21/(10 L)",
            symbols={gamma: Interval(0, Rational(21, 10) / L, open="left")},
            cases=({"gamma": Rational(21, 10) / L, "dimension": 2, "keep": 1},),
        ),
        Mutant("theta need not be sparse", drop=(best.name,), by=("derivation",)),
    ],
    notes="Attained at fixed points.  The experiment keeps one entry, or all but one.",
)


@iht.derivation
def majoriser(proof):
    descent = proof.assume(smooth(f, L), here, after)
    nearest = proof.assume(best)
    short = proof.certificate(Ge(1 - gamma * L, 0), [(L, proof.high(gamma))])
    proof.conclude(
        proof.certificate(
            Le(f(after), level),
            [(1, descent), (1 / (2 * gamma), nearest), (-1, proof.assume(begin))],
            [(short.left / (2 * gamma), after - here)],
        )
    )


class Layer:
    """(theta - w).C(theta - w)/2 with C = V diag(c) V^T."""

    def __init__(self, xp, V, c, w):
        self.xp, self.V, self.c, self.w = xp, V, c, w

    def _along(self, x):
        return self.xp.matmul(self.xp.matrix_transpose(self.V), (x - self.w)[..., None])[..., 0]

    def value(self, x):
        a = self._along(x)
        return self.xp.sum(self.c * a * a, axis=-1) / 2

    def grad(self, x):
        return self.xp.matmul(self.V, (self.c * self._along(x))[..., None])[..., 0]


@iht.experiment(cases=[{"dimension": d, "keep": k} for d, k in ((2, 1), (5, 1), (5, 4))])
def layers(xp, rng, case, size):
    d = case.dimension
    c = case.L * mixed_uniform(rng, (size, d))
    V = rng.haar((size, d, d)) if d > 1 else xp.ones((size, 1, 1))
    F = Layer(xp, V, c, log_uniform(xp, rng, (size, 1), 0.1, 10) * rng.normal((size, d)))

    def sparse(x):
        """Keep the largest entry, or all but the smallest; of equal ones the first counts."""
        size_of = xp.abs(x) if case.keep == 1 else -xp.abs(x)
        chosen = []
        for j in range(d):
            beats = xp.ones((size,))
            for i in (i for i in range(d) if i != j):
                mine, other = size_of[:, j], size_of[:, i]
                beats = beats * xp.astype(mine >= other if i > j else mine > other, xp.float64)
            chosen.append(beats)
        first = xp.stack(chosen, axis=-1)
        return x * first if case.keep == 1 else x * (1 - first)

    x = sparse(rng.normal((size, d)))
    after_ = sparse(x - case.gamma * F.grad(x))
    return {"quantity": F.value(after_), "level": F.value(x), "instance": {f: F, here: x, after: after_}}
