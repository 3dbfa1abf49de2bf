"""The Batch Perceptron needs a number of steps proportional to the number of samples (Tyurin 2024).

One sample r (1/2, -1) and n - 1 samples r (1/2, 1), labels multiplied in: R^2/mu^2 = 5, whatever n.  The first step
puts w at half the mean sample; from then on the Batch Perceptron adds z_i/n for each misclassified i.  The inner
product of w with the one sample starts at r^2 (8 - 3n)/(8n) and rises by at most (5/4) r^2/n in a step, so that

    <z_1, w_{1+k}>  <=  0        for all k <= (3n - 8)/10:

after 1 + k steps the first sample is still on the wrong side.  Averages of misclassified samples in place of sums need
five steps at most (logistic-to-perceptron.upper-bound-averages).

Reference: arXiv:2412.08424, Theorem 5.1 (Omega(n) for n >= 10); the constant is derived here.
"""

from sympy import Eq, Function, Ge, Le, Rational, Symbol

from gdverify import Assumption, Claim, Domain, Integers, Mutant, Observed, SureBound
from gdverify.laws import equation
from theorems import PAPERS

r, n = Symbol("r", positive=True), Symbol("n", integer=True, positive=True)
k = Symbol("k", integer=True, nonnegative=True)
u, v = Function("u"), Function("v")  # the coordinates of w
a, c = Function("a"), Function("c")  # 1 where the one sample, the others are misclassified, else 0
one = lambda s: r * (u(s) / 2 - v(s))
begin = [
    equation("first coordinate of half the mean", u(1), r / 4),
    equation("second coordinate of half the mean", v(1), r * (n - 2) / (2 * n)),
]
step = Assumption(
    "misclassified samples are added",
    lambda s: [
        Eq(u(s + 1), u(s) + r * (a(s) / 2 + (n - 1) * c(s) / 2) / n, evaluate=False),
        Eq(v(s + 1), v(s) + r * (-a(s) + (n - 1) * c(s)) / n, evaluate=False),
        Ge(1 - a(s), 0, evaluate=False),
        Ge(c(s), 0, evaluate=False),
    ],
    key=("step",),
    where=lambda s: [s - 1],
)


def until(last):
    return {k: Domain(0, last, integer=True)}


lower_bound = Claim(
    id="logistic-to-perceptron.lower-bound-n",
    title="On n samples of fixed radius and margin the Batch Perceptron is still wrong after 3n/10 steps",
    paper=PAPERS["logistic-to-perceptron"],
    locator="Theorem 5.1; constant derived here",
    statement=r"z_1=r(\tfrac12,-1),\ z_2=\dots=z_n=r(\tfrac12,1):\quad \langle z_1,w_{1+k}\rangle\le0"
    r"\ \text{ for all } k\le\tfrac{3n-8}{10}",
    symbols={n: Integers(3, sample=(3, 60)), **until((3 * n - 8) / 10), r: Observed(0, open="left")},
    assumptions=[*begin, step],
    decides=SureBound(quantity=one(k + 1), bound=0),
    mutants=[
        Mutant("one step more", symbols=until((3 * n + 2) / 10)),
        Mutant("up to n/2", symbols=until(n / 2)),
        Mutant(
            "wrong by a margin",
            decides={"bound": -(r**2) / 1000},
            cases=({"n": 16, "k": 4},),
        ),
        Mutant("samples count twice", drop=(step.name,), by=("derivation",)),
    ],
    notes="Attained at n = 6, 16, 26, ...; on these data the other samples are never misclassified, and the one sample "
    "is classified with the first k above (3n - 8)/10.",
)


@lower_bound.derivation
def slow_rise(proof):
    s = proof.index("s", 1)
    at_u, at_v, seldom, never = proof.assume(step, s)
    rise = proof.certificate(
        Ge(one(s) - one(s + 1) + Rational(5, 4) * r**2 / n, 0),
        [(Rational(5, 4) * r**2 / n, seldom), (Rational(3, 4) * r**2 * (n - 1) / n, never)],
        using=[at_u, at_v],
    )
    total = proof.telescoped(rise, one(s), s, 1, k + 1)
    start = proof.identity(one(1), r**2 * (8 - 3 * n) / (8 * n), using=[proof.assume(x) for x in begin])
    weight = Rational(5, 4) * r**2 / n
    proof.conclude(proof.certificate(Le(one(k + 1), 0), [(1, total), (-1, start), (weight, proof.high(k))]))


@lower_bound.experiment(samples={"smoke": 256})
def batches(xp, rng, case, size):
    n = case.n
    r = xp.exp(rng.normal((size,)))
    Z = r[:, None, None] * xp.asarray([[0.5, -1.0]] + [[0.5, 1.0]] * (n - 1))
    w = xp.sum(Z, axis=1) / (2 * n)
    for _ in range(case.k):
        wrong = xp.astype(xp.sum(Z * w[:, None, :], axis=-1) <= 0, xp.float64)
        w = w + xp.sum(wrong[:, :, None] * Z, axis=1) / n
    return {"quantity": xp.sum(Z[:, 0, :] * w, axis=-1), "r": r}
