"""AdaGrad-Norm with batches that pass the norm test: the mean squared gradient is O(1/T) (on Lau, Liu, Kolar 2024).

f is beta-smooth, convex or not, and bounded below; in step t the batch is grown until its gradient g_t satisfies

    |g_t - grad f(x_t)|  <=  theta |grad f(x_t)|,        0 < theta < 1,

and b_{t+1}^2 = b_t^2 + |g_t|^2, x_{t+1} = x_t - (eta/b_{t+1}) g_t.  Then, surely,

    (1/T) sum over t < T of |grad f(x_t)|^2  <=  (B^2 - b_0^2)/((1 - theta)^2 T),
    B = 2 b_0 + 2 (1 + theta) Delta/eta + 2 (1 + theta) beta eta (log(2 (1 + theta) beta eta/b_0) - 1).

Reference: "AdAdaGrad: Adaptive Batch Size Schemes for Adaptive Gradient Methods"; its theorems were not read.  This is
a version for every path, with the constants that are derived here.
"""

from sympy import Ge, Le, Rational, Sum, Symbol

from gdverify import Assumption, Claim, Inner, Interval, Mutant, SureBound, VectorSequence, sq
from theorems import PAPERS
from theorems.convergence.adagrad import (
    T,
    accumulate,
    b,
    b_0,
    beta,
    bounded,
    ceiling,
    eta,
    f,
    j,
    landscape,
    move,
    positive,
    regime,
    setting,
    x,
)

theta = Symbol("theta", positive=True)
g = VectorSequence("g")
gradient = lambda s: f.grad(x(s))
grow, step = accumulate(g), move(g)
passed = Assumption(
    "g passes the norm test",
    lambda s: Ge(theta**2 * sq(gradient(s)), sq(g(s) - gradient(s)), evaluate=False),
    latex=r"\|g_t-\nabla f(x_t)\|\le\theta\|\nabla f(x_t)\|",
    key=("norm-test", theta),
)
rate, cost = eta / (1 + theta), beta * eta**2 / 2
B = ceiling(rate, 2 * (1 + theta) * beta * eta)
mean_square = Sum(sq(gradient(j)), (j, 0, T - 1)) / T
tight = {
    "family": "near",
    "dimension": 1,
    "beta": 1,
    "eta": Rational(100, 101),
    "b_0": 2,
    "theta": Rational(1, 100),
    "T": 60,
}
unit = {"dimension": 1, "beta": 1, "eta": 1, "b_0": 1, "T": 100}

norm_test = Claim(
    id="adadagrad.norm-test-rate",
    title="AdaGrad-Norm with batches that pass the norm test: the mean squared gradient is O(1/T)",
    paper=PAPERS["adadagrad"],
    locator="a version for every path; constants derived here",
    statement=r"f\ \beta\text{-smooth},\ f\ge f_{\text{low}},\ \|g_t-\nabla f(x_t)\|\le\theta\|\nabla f(x_t)\|:\quad"
    r" \frac1T\sum_{t<T}\|\nabla f(x_t)\|^2 \le \frac{B^2-b_0^2}{(1-\theta)^2T},\ "
    r" B = 2b_0+\frac{2(1+\theta)\Delta}{\eta}+2(1+\theta)\beta\eta\Big(\ln\frac{2(1+\theta)\beta\eta}{b_0}-1\Big)",
    symbols={**regime, theta: Interval(0, 1, open="both", sample=(Rational(1, 100), Rational(99, 100)))},
    assumptions=[*setting, passed, grow, step],
    decides=SureBound(quantity=mean_square, bound=(B**2 - b_0**2) / ((1 - theta) ** 2 * T)),
    mutants=[
        Mutant(
            "three tenths of the bound",
            decides={"bound": Rational(3, 10) * (B**2 - b_0**2) / ((1 - theta) ** 2 * T)},
            cases=({**tight, "T": 60},),
        ),
        Mutant(
            "no (1 - theta)^2",
            decides={"bound": (B**2 - b_0**2) / T},
            cases=({**unit, "family": "stall", "theta": Rational(999, 1000)},),
        ),
        Mutant(
            "1 - theta in place of (1 - theta)^2",
            decides={"bound": (B**2 - b_0**2) / ((1 - theta) * T)},
            by=("derivation",),
        ),
        Mutant("any directions", drop=("g passes the norm test",), by=("derivation",)),
        Mutant("f need not be smooth", drop=("f is beta-smooth",), by=("derivation",)),
        Mutant("f need not be bounded below", drop=("f is bounded below",), by=("derivation",)),
    ],
    notes="As theta falls to 0 this is adagrad-norm.deterministic-sure, within a factor 3 of small quadratics.",
)


@norm_test.derivation
def norms(proof):
    k = proof.index("k")
    positive(proof, grow, k)
    proof.high(theta)
    test, a = proof.assume(passed, k), gradient(k)
    aligned = proof.certificate(
        Ge(Inner(a, g(k)), sq(g(k)) / (1 + theta)),
        [(1 / (2 * theta), test)],
        [((1 - theta) / (2 * theta * (1 + theta)), g(k) - (1 + theta) * a)],
    )
    fall = proof.certificate(
        Ge(f(x(k)) - f(x(k + 1)), rate / b(k + 1) * sq(g(k)) - cost / b(k + 1) ** 2 * sq(g(k))),
        [(1, proof.assume(setting[0], x(k), x(k + 1))), (eta / b(k + 1), aligned)],
        using=[proof.assume(step, k)],
    )
    top, growth = bounded(proof, grow, g, k, fall, rate, cost)
    squared = proof.power(top, 2)
    long = proof.certificate(
        Ge(sq(g(k)), (1 - theta) ** 2 * sq(a)), [((1 - theta) / theta, test)], [(1 / theta, g(k) - (1 - theta) * a)]
    )
    total = proof.sum_of(long, k, 0, T - 1)
    weight = 1 / ((1 - theta) ** 2 * T)
    proof.conclude(
        proof.certificate(
            Le(mean_square, (B**2 - b_0**2) * weight),
            [(weight, squared), (weight, growth), (weight, total)],
            using=[proof.assume(setting[3])],
        )
    )


@norm_test.experiment(
    cases=[
        {"family": "any", "dimension": 4},
        {"family": "sawtooth", "dimension": 1},
        {"family": "near", "dimension": 1},
        {"family": "stall", "dimension": 1},
    ]
)
def paths(xp, rng, case, size):
    F, point, low = landscape(xp, rng, case, size)
    gap, norm = F.value(point) - low, case.b_0 + xp.zeros((size,))
    path, summed = [point], 0 * norm
    # errors that are drawn afresh, or always against the gradient (short steps), or always along it
    fixed = rng.bernoulli(0.75, (size, 1)) if case.family in ("any", "sawtooth") else xp.ones((size, 1))
    side = rng.signs((size, 1)) if case.family in ("any", "sawtooth") else -xp.ones((size, 1))
    for _ in range(case.T):
        slope = F.grad(point)
        turn = rng.sphere((size, case.dimension))
        length = xp.sqrt(xp.sum(slope * slope, axis=-1))[:, None]
        g = slope + case.theta * (fixed * side * slope + (1 - fixed) * length * turn)
        summed = summed + xp.sq(slope)
        norm = xp.sqrt(norm * norm + xp.sq(g))
        point = point - (case.eta / norm)[:, None] * g
        path = [*path, point][:3]
    return {
        "quantity": summed / case.T,
        "Delta": gap,
        "f_low": low,
        "instance": {f: F, x: path},
    }
