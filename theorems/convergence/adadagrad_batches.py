"""How large a batch passes the norm test in the mean (after Lau, Liu and Kolar 2024).

For f = (f_1 + ... + f_n)/n, n >= 2, a point y with M = |grad f(y)| and V = (1/n) sum |grad f_i(y) - grad f(y)|^2, and
f_B the mean of f_i over a batch B, uniform among all with b members,

    b  >=  n V/(V + (n - 1) theta^2 M^2)     implies     E |grad f_B(y)|^2  <=  (1 + theta^2) M^2,

because E |grad f_B(y) - grad f(y)|^2 = (n - b)/(b (n - 1)) V; the first is also necessary.

Reference: "AdAdaGrad: Adaptive Batch Size Schemes for Adaptive Gradient Methods"; its theorems were not read, and the
rule is derived here.
"""

from sympy import Ge, Le, Rational, Symbol, symbols

from gdverify import Claim, Mean, Mutant, Observed, Positive, SureBound, Vector, sq
from gdverify.instances import log_uniform, mixed_uniform
from gdverify.laws import equation, inequality
from theorems import PAPERS
from theorems.convergence.finite_sums import f, n
from theorems.convergence.handbook_minibatch import all_batches, b, f_B, sampling, shrink, sizes, total

theta, M = symbols("theta M", positive=True)
V, others = Symbol("V", nonnegative=True), Symbol("others", real=True)
y = Vector("y")

length = equation("M = |grad f(y)|", sq(f.grad(y)), M**2)
variance = equation("V is the variance of the gradients at y", total(lambda h: sq(h.grad(y))) / n, V + M**2)
large = inequality("the batch is large enough", Ge(b * (V + others * theta**2 * M**2), n * V, evaluate=False))

norm_test = Claim(
    id="adadagrad.norm-test-variance",
    title="How large a batch drawn without replacement passes the norm test in the mean",
    paper=PAPERS["adadagrad"],
    locator="batch size of the norm test, without replacement; derived here",
    statement=r"b \ge \frac{nV}{V+(n-1)\theta^2\|\nabla f(y)\|^2}:\quad"
    r" \mathbb{E}\|\nabla f_B(y)\|^2 \le (1+\theta^2)\,\|\nabla f(y)\|^2",
    symbols={
        **sizes,
        theta: Positive(sample=(Rational(1, 10), 2)),
        M: Observed(0, open="left"),
        V: Observed(0),
    },
    defines={others: n - 1},
    assumptions=[sampling, length, variance, large],
    decides=SureBound(quantity=Mean(sq(f_B.grad(y))), bound=(1 + theta**2) * M**2),
    mutants=[
        Mutant("n in place of n - 1", defines={others: n}, cases=({"n": 6, "b": 2, "theta": 2, "dimension": 3},)),
        Mutant("1% less", decides={"bound": Rational(99, 100) * (1 + theta**2) * M**2}),
        Mutant("no variance", decides={"bound": M**2}, cases=({"n": 6, "b": 2, "theta": 2, "dimension": 3},)),
        Mutant("batches of any size", drop=("the batch is large enough",), by=("derivation",)),
    ],
    notes="Attained by every family of gradients for which the batch is just large enough. Drawn with replacement a "
    "batch needs b >= V/(theta^2 M^2), which is more.",
)


@norm_test.derivation
def pair_counting(proof):
    alike, other, anyone, spread = proof.assume(sampling, (1, y))
    second, weight = (b - 1) / b, 1 / (b * (n - 1))
    proof.high(b)
    exact = proof.mean(proof.assume(variance))
    share = second * n / (n - 1)
    proof.conclude(
        proof.certificate(
            Le(Mean(sq(f_B.grad(y))), (1 + theta**2) * M**2),
            [
                (-1, alike),
                (-second, other),
                (-share, anyone),
                (-share, proof.mean(proof.assume(length))),
                (-shrink, spread),
                (-shrink, exact),
                (weight, proof.assume(large)),
            ],
            using=[proof.definition(others)],
        )
    )


@norm_test.experiment(cases=[{"dimension": 2}])
def enumerated(xp, rng, case, size):
    """Gradients about a mean, spread as far as the batch size allows, or less."""
    mean = log_uniform(xp, rng, (size, 1, 1), 1e-1, 10) * rng.sphere((size, case.dimension))[:, None, :]
    ladder = xp.astype(xp.arange(case.n), xp.float64)[None, :, None]  # no two gradients are alike
    apart = ladder * rng.signs((size, 1, case.dimension)) + rng.uniform((size, case.n, case.dimension), -0.4, 0.4)
    apart = apart - xp.mean(apart, axis=1, keepdims=True)
    M2 = xp.sum(mean * mean, axis=(-2, -1))
    widest = case.b * case.others * case.theta**2 * M2 / max(case.n - case.b, 1)
    V = widest * mixed_uniform(rng, (size,))
    spread = xp.mean(xp.sum(apart * apart, axis=-1), axis=-1)
    slopes = mean + xp.sqrt(V / spread)[:, None, None] * apart
    return {"quantity": all_batches(xp, case, slopes), "M": xp.sqrt(M2), "V": V}
