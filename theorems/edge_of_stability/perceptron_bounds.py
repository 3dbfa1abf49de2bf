"""How soon perceptrons, limits of logistic regression with large steps, separate the data (Tyurin 2024).

Samples z_1, ..., z_n (inputs times labels) with |z_i| <= R and a margin: <z_i, theta*> >= mu > 0 for a unit theta*.
As the step of gradient descent on the logistic loss grows, its iterates divided by the step tend to those of

    Batch Perceptron             w_0 = 0,  w_1 = (1/2n) sum_i z_i,  w_{t+1} = w_t + (1/n) sum_{i in S_t} z_i,

S_t the samples with <z_i, w_t> <= 0.  Averages of misclassified samples in place of (1/n) times their sum give

    Perceptron and Normalised Batch Perceptron      w_0 = 0,  w_{t+1} = w_t + sum_{i in S_t} p_i z_i,  sum_i p_i = 1.

The second kind stops within R^2/mu^2 steps; for the first see `theorems.edge_of_stability.perceptron_batches`.

Reference: arXiv:2412.08424, Theorems 5.2 and 5.3.
"""

from sympy import Eq, Function, Ge, Le, Rational, Sum, Symbol, symbols

from gdverify import Assumption, Claim, Domain, Inner, Integers, Mutant, Observed, SureBound, Vector, VectorSequence, sq
from gdverify.classes import recursion
from gdverify.errors import ClaimError
from gdverify.laws import equation
from theorems import PAPERS

mu, R = symbols("mu R", positive=True)
n, T = symbols("n T", integer=True, positive=True)
i, t = Symbol("i", integer=True), Symbol("t", integer=True, nonnegative=True)
z, w, b, theta = VectorSequence("z"), VectorSequence("w"), VectorSequence("b"), Vector("theta")
q, N = Function("q"), Function("N")  # q(i, t): weight of sample i in step t; N: weights given so far


def weighted(s, v):
    """b = sum of q z, along v."""
    if not (s.is_integer and s.is_nonnegative):
        raise ClaimError(f"{s} is not known to be the number of a step")
    return Eq(Inner(b(s), v), Sum(q(i, s) * Inner(z(i), v), (i, 1, n)), evaluate=False)


def misclassified(steps):
    """``steps`` gives what is >= 0 for the steps in question."""
    relations = lambda j, s: [
        Ge(q(j, s), 0, evaluate=False),
        Ge(-q(j, s) * Inner(z(j), w(s)), 0, evaluate=False),
        Ge(1 - q(j, s), 0, evaluate=False),
    ]
    return Assumption(
        "weights between 0 and 1, on misclassified samples alone", relations, key=("misclassified", *steps(t)),
        where=lambda j, s: [j - 1, n - j, *steps(s)],
    )  # fmt: skip


inside = lambda j: [j - 1, n - j]
sums = Assumption("b is the weighted sum of samples", weighted, key=("weighted",))
margin = Assumption("margin", lambda j: Ge(Inner(z(j), theta), mu, evaluate=False), key=("margin",), where=inside)
bounded = Assumption("samples within R", lambda j: Ge(R**2, sq(z(j)), evaluate=False), key=("R",), where=inside)
unit = equation("theta is a unit vector", sq(theta), 1)
data = [sums, margin, bounded, unit]
observed = {T: Domain(1, integer=True, observed=True), mu: Observed(0, open="left")}
regime = {n: Integers(1, sample=(2, 8)), R: Observed(0, open="left"), **observed}


def gather(proof, k, weight, total):
    """<b, theta> >= mu Q and R^2 Q^2 >= |b|^2, for weights >= 0 (the fact weight(i) for sample i) of sum Q (total).

    Also the generic sample, summing over it, and what b is along a vector.
    """
    i, j = proof.index("l", 1, n), proof.index("m", 1, n)
    for index in (i, j):
        proof.high(index)
    Q = total.right
    over = lambda fact, index=i: proof.sum_of(fact, index, 1, n)
    along = lambda v: proof.assume(sums, k, v)
    at_i = weight(i)
    forward = over(
        proof.product(at_i, proof.certificate(Ge(Inner(z(i), theta) - mu, 0), [(1, proof.assume(margin, i))]))
    )
    ahead = proof.certificate(Ge(Inner(b(k), theta), mu * Q), [(1, forward), (1, along(theta)), (mu, total)])
    at_j = weight(j)
    close = near_each_other(proof, i, j)
    each = proof.certificate(
        Ge(R**2 * Q - Inner(z(i), b(k)), 0),
        [(1, over(proof.product(at_j, close), j)), (-1, along(z(i))), (-(R**2), total)],
    )
    both = over(proof.product(at_i, each))
    short = proof.certificate(Ge(R**2 * Q**2, sq(b(k))), [(1, both), (-1, along(b(k))), (-(R**2) * Q, total)])
    return ahead, short, i, over, along


def pull(proof, k, weights, total):
    """<b, theta> >= mu Q,  -<b, w> >= 0,  R^2 Q^2 >= |b|^2, for the sum Q of the weights (the fact total)."""
    ahead, short, i, over, along = gather(proof, k, lambda i: proof.assume(weights, i, k)[0], total)
    wrong = proof.assume(weights, i, k)[1]
    back = proof.certificate(Ge(-Inner(b(k), w(k)), 0), [(1, over(wrong)), (-1, along(w(k)))])
    return ahead, back, short


def near_each_other(proof, i, j):
    """R^2 >= <z_i, z_j>."""
    half = Rational(1, 2)
    return proof.certificate(
        Ge(R**2 - Inner(z(i), z(j)), 0), [(half, proof.assume(bounded, i)), (half, proof.assume(bounded, j))],
        [(half, z(i) - z(j))],
    )  # fmt: skip


# -- averages ---------------------------------------------------------------------------------------------------------

averages = misclassified(lambda s: [s, T - 1 - s])
share = Assumption(
    "weights sum to 1", lambda s: Eq(Sum(q(i, s), (i, 1, n)), 1, evaluate=False), key=("share",),
    where=lambda s: [s, T - 1 - s],
)  # fmt: skip
origin = Assumption("w starts at 0", lambda v: Eq(Inner(w(0), v), 0, evaluate=False), key=("origin",))
step = recursion(w(t + 1), w(t) + b(t))

averaged = Claim(
    id="logistic-to-perceptron.upper-bound-averages",
    title="Perceptron and Normalised Batch Perceptron separate the data within R^2/mu^2 steps",
    paper=PAPERS["logistic-to-perceptron"],
    locator="Theorems 5.2 and 5.3, for any average over misclassified samples",
    statement=r"w_{t+1}=w_t+\sum_{i\in S_t}p_i z_i,\ \sum_i p_i=1,\ S_t\ne\emptyset\text{ for }t<T:\quad"
    r" T\le\frac{R^2}{\mu^2}",
    symbols=regime,
    assumptions=[*data, averages, share, origin, step],
    decides=SureBound(quantity=T, bound=R**2 / mu**2),
    mutants=[
        Mutant("1% less", decides={"bound": Rational(99, 100) * R**2 / mu**2}),
        Mutant("R/mu", decides={"bound": R / mu}),
        Mutant("no margin", drop=(margin.name,), by=("derivation",)),
        Mutant("samples of any size", drop=(bounded.name,), by=("derivation",)),
    ],
    notes="Attained by n orthogonal samples of equal length, each used once.",
)


@averaged.derivation
def novikoff(proof):
    k = proof.index("k", 0, T - 1)
    proof.high(k)
    ahead, back, short = pull(proof, k, averages, proof.assume(share, k))
    move = proof.assume(step, k)
    gain = proof.certificate(Ge(Inner(w(k + 1), theta) - Inner(w(k), theta), mu), [(1, ahead)], using=[move])
    grow = proof.certificate(Ge(sq(w(k)) - sq(w(k + 1)) + R**2, 0), [(1, short), (2, back)], using=[move])
    far = proof.telescoped(gain, -Inner(w(k), theta), k, 0, T)
    near = proof.telescoped(grow, sq(w(k)), k, 0, T)
    zero = [proof.assume(origin, v) for v in (theta, w(0))]
    length = proof.certificate(Ge(Inner(w(T), theta), T * mu), [(1, far), (1, zero[0])])
    size = proof.certificate(Ge(T * R**2, sq(w(T))), [(1, near), (-1, zero[1])])
    square = proof.certificate(
        Ge(T * R**2 - T**2 * mu**2, 0),
        [(1, size), (2 * T * mu, length), (-(T**2) * mu**2, proof.assume(unit))],
        [(1, w(T) - T * mu * theta)],
    )
    proof.conclude(proof.certificate(Le(T, R**2 / mu**2), [(1 / (T * mu**2), square)]))


def play(xp, rng, case, size, batch):
    """Steps until the data are separated (24 at most), or T of them in batches.

    Family "orthogonal": n orthogonal samples; "one against many": the data of Theorem 5.1; "three against two": samples
    whose batches overshoot in turn; else random ones.
    ``batch``: the Batch Perceptron; else averages over all misclassified samples, or the first of them.
    """
    n = case.n
    if case.family == "orthogonal":
        Z = xp.eye(n) + 0 * rng.uniform((size, 1, 1))
        axis = xp.ones((n,)) / xp.sqrt(xp.asarray(1.0 * n))
    elif case.family == "three against two":
        Z = xp.asarray([[1.0, -2.145]] * 3 + [[1.0, 1.81]] * 2) + 0 * rng.uniform((size, 1, 1))
        Z = Z * xp.concat([1 + 0 * Z[:, :1, :1], 1 + rng.uniform((size, 1, 1), -0.004, 0.004)], axis=-1)
        axis = xp.asarray([1.0, 0.0])
    elif case.family == "one against many":
        rows = [[0.5, -1.0]] + [[0.5, 1.0]] * (n - 1)
        Z = xp.asarray(rows) + 0 * rng.uniform((size, 1, 1))
        axis = xp.asarray([1.0, 0.0])
    else:
        Z = rng.normal((size, n, 3)) * xp.asarray([0.0, 1.0, 1.0])
        Z = Z + (0.1 + rng.exponential((size, n, 1))) * xp.asarray([1.0, 0.0, 0.0])
        axis = xp.asarray([1.0, 0.0, 0.0])
    first = rng.bernoulli(0.5, (size, 1)) > 0
    w, made, steps = 0 * Z[:, 0, :], 0 * Z[:, 0, 0], 0 * Z[:, 0, 0]
    if batch:
        w = xp.sum(Z, axis=1) / (2 * n)
    for _ in range(case.T if batch else 24):
        wrong = xp.astype(xp.sum(Z * w[:, None, :], axis=-1) <= 0, xp.float64)
        count = xp.sum(wrong, axis=-1)
        active = xp.astype(count > 0, xp.float64)
        seen = xp.cumulative_sum(wrong, axis=-1)
        one = wrong * xp.astype(seen < 1.5, xp.float64)
        share = wrong / n if batch else xp.where(first, one, wrong / xp.where(count > 0, count, 1.0)[:, None])
        w = w + xp.sum(share[:, :, None] * Z, axis=1)
        made, steps = made + count, steps + active
    margins = xp.sum(Z * axis, axis=-1)
    out = {"mu": xp.min(margins, axis=-1), "R": xp.sqrt(xp.max(xp.sq(Z), axis=-1))}
    return {"quantity": made, **out} if batch else {"quantity": steps, "T": steps, **out}


FAMILIES = [{"family": "random"}, {"family": "orthogonal"}, {"family": "one against many"}]


@averaged.experiment(cases=FAMILIES, samples={"smoke": 128}, block=64)
def averages_of_errors(xp, rng, case, size):
    return play(xp, rng, case, size, batch=False)
