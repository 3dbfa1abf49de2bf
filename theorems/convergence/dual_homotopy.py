"""Starting the dual of ridge regression from a stronger regularisation (on Daneshmand, Hassani and Hofmann 2017).

The dual objective is D(a) = a.(K + mu I)a/2 - a.y with K positive semidefinite, its gap at a is D(a) - min D.  From the
solution a' of the problem with mu' > mu, (K + mu' I) a' = y,

    gap(a')  <=  ((mu' - mu)/mu')^2 gap(0).

Setting of the abstract; the statement, which holds for every K and y, and its constant are derived here.
"""

from sympy import Eq, Ge, Le, Rational, symbols

from gdverify import Assumption, Claim, Inner, Interval, Mutant, Observed, Positive, SureBound, Vector
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

mu, strong, gap_0 = symbols("mu mu_1 gap_0", positive=True)
start, solution, y, w = (Vector(name) for name in ("a_start", "a_star", "y", "w"))
Kw, Ka = Vector("K_w"), Vector("K_a")
delta = strong - mu

vector = lambda name, left, right: Assumption(
    name, lambda: Eq(left, right, evaluate=False), key=("vector", left, right)
)
# w = (K + mu I)^{-1} a_start: all else is a combination of w, K w and K^2 w.
setting = [
    vector("a_start = (K + mu I) w", start, Kw + mu * w),
    vector("y = (K + mu_1 I) a_start", y, Ka + strong * start),
    vector("a_star solves the problem with mu", solution, start + delta * w),
]
positive = Assumption(
    "K is symmetric and positive semidefinite",
    lambda: [
        Eq(Inner(w, Ka), Inner(Kw, start), evaluate=False),
        Ge(Inner(w, Kw), 0, evaluate=False),
        Ge(Inner(start, Ka), 0, evaluate=False),
    ],
    latex=r"K = K^\top \succeq 0",
    key=("positive semidefinite",),
)
level = equation("gap_0 is the gap at zero", Inner(y, solution) / 2, gap_0)
# (K + mu I)(a_start - a_star) = -(mu_1 - mu) a_start
gap = Inner(start - solution, Ka + mu * start - y) / 2

initial_gap = Claim(
    id="dual-homotopy.initial-gap",
    title="The solution with a stronger regularisation starts with a smaller dual gap",
    paper=PAPERS["dual-homotopy"],
    locator="setting of the abstract; statement and constant derived here",
    statement=r"(K+\mu_1 I)a=y,\ \mu_1>\mu:\quad"
    r" \mathrm{gap}_\mu(a) \le \Big(\frac{\mu_1-\mu}{\mu_1}\Big)^2\,\mathrm{gap}_\mu(0)",
    symbols={
        mu: Positive(sample=(Rational(1, 100), 1)),
        strong: Interval(mu, None, open="left", sample=(2 * mu, 10 * mu)),
        gap_0: Observed(0, open="left"),
    },
    assumptions=[*setting, positive, level],
    decides=SureBound(quantity=gap, bound=(delta / strong) ** 2 * gap_0),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * (delta / strong) ** 2 * gap_0}),
        Mutant("the cube", decides={"bound": (delta / strong) ** 3 * gap_0}),
        Mutant("K may be indefinite", drop=(positive.name,), by=("derivation",)),
    ],
    notes="Attained where K y = 0; in an eigendirection of K with eigenvalue k it is ((mu_1 - mu)/(mu_1 + k))^2.",
)


@initial_gap.derivation
def by_the_preimage(proof):
    first, data, best = (proof.assume(a) for a in setting)
    symmetric, low, here = proof.assume(positive)
    begin = proof.assume(level)
    further = proof.certificate(Ge(strong - mu, 0), [(1, proof.low(strong))])
    proof.certificate(Ge(2 * strong - mu, 0), [(1, further)], [(strong, 1)])
    scale = (further.left / strong) ** 2
    # gap(0) = (<a, H a> + 2 delta |a|^2 + delta^2 <a, w>)/2 and gap(a) = delta^2 <a, w>/2 with a = H w.
    proof.conclude(
        proof.certificate(
            Le(gap, (delta / strong) ** 2 * gap_0),
            [(-scale, begin), (scale / 2, here), (scale / 2 * (mu + 2 * delta) * mu, low)],
            [(scale / 2 * (mu + 2 * delta), Kw)],
            using=[best, data, symmetric, first],
        )
    )


@initial_gap.experiment(cases=[{"dimension": 1}, {"dimension": 4}, {"dimension": 12}])
def spectra(xp, rng, case, size):
    """K with eigenvalues over six decades, zero among them, in its eigenbasis."""
    n, mu, strong = case.dimension, case.mu, case.mu_1
    k = rng.bernoulli(0.75, (size, n)) * log_uniform(xp, rng, (size, n), 1e-4, 1e2)
    data = rng.normal((size, n))
    first, best = data / (k + strong), data / (k + mu)
    off, back = first - best, first / (k + mu)
    return {
        "quantity": xp.sum((k + mu) * off * off, axis=-1) / 2,
        "gap_0": xp.sum(data * best, axis=-1) / 2,
        "instance": {start: first, solution: best, y: data, w: back, Kw: k * back, Ka: k * first},
    }
