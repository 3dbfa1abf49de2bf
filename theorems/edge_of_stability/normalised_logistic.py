"""Normalised gradient descent on the logistic loss separates the data soon, at every step size (Tyurin 2024).

Samples with |z_i| <= R and <z_i, theta*> >= mu for a unit theta*; sigma_i = 1/(1 + exp(<z_i, w>)).  From w_0 = 0, steps
of gradient descent on (1/n) sum_i log(1 + exp(-<z_i, w>)), scaled by n/S with S = sum_i sigma_i:

    w_{t+1} = w_t + gamma sum_i (sigma_i/S) z_i.

A misclassified sample has sigma_i >= 1/2.  As long as S >= 1/2, in particular while some sample is misclassified,

    T  <=  R^2/mu^2 + 2 log(2n - 1)/(gamma mu^2).

Reference: arXiv:2412.08424, Theorem 6.1.
"""

from sympy import Eq, Function, Ge, Gt, Le, Rational, Sum, Symbol, exp, log

from gdverify import Assumption, Claim, Domain, Inner, Integers, Mutant, Observed, Positive, Reals, SureBound, sq
from gdverify.classes import recursion
from theorems import PAPERS
from theorems.edge_of_stability.perceptron_bounds import (
    R,
    T,
    b,
    data,
    gather,
    i,
    margin,
    mu,
    n,
    origin,
    q,
    regime,
    t,
    theta,
    unit,
    w,
    z,
)  # fmt: skip

gamma = Symbol("gamma", positive=True)
S = Function("S")
half = Rational(1, 2)
sigma = Function("sigma")
L = log(2 * n - 1)

logistic = Assumption(
    "sigma is 1/(1 + exp(<z, w>))",
    lambda j, s: Eq(sigma(j, s) * (1 + exp(Inner(z(j), w(s)))), 1, evaluate=False),
    key=("logistic",),
    where=lambda j, s: [j - 1, n - j, s],
)
total_of = Assumption(
    "S(t) is the sum of all sigma", lambda s: Eq(Sum(sigma(i, s), (i, 1, n)), S(s), evaluate=False), key=("total",),
    where=lambda s: [s],
)  # fmt: skip
unsolved = Assumption(
    "S(t) is at least 1/2 before step T", lambda s: Ge(S(s), half, evaluate=False), key=("unsolved",),
    where=lambda s: [s, T - 1 - s],
)  # fmt: skip
normalised = Assumption(
    "weights are sigma/S", lambda j, s: Eq(q(j, s) * S(s), sigma(j, s), evaluate=False), key=("normalised",),
    where=lambda j, s: [j - 1, n - j, s],
)  # fmt: skip
step = recursion(w(t + 1), w(t) + gamma * b(t))
bound = R**2 / mu**2 + 2 * L / (gamma * mu**2)

normalised_steps = Claim(
    id="logistic-to-perceptron.upper-bound-normalised",
    title="Normalised gradient descent on the logistic loss separates the data soon, at every step size",
    paper=PAPERS["logistic-to-perceptron"],
    locator="Theorem 6.1",
    statement=r"w_{t+1}=w_t+\gamma\sum_i\frac{\sigma_i}{S_t}z_i,\ S_t=\sum_i\sigma_i\ge\tfrac12\text{ for }t<T:\quad"
    r" T\le\frac{R^2}{\mu^2}+\frac{2\log(2n-1)}{\gamma\mu^2}",
    symbols={
        n: Integers(1, sample=(1, 8)),
        gamma: Positive(sample=(Rational(1, 20), 20)),
        R: regime[R],
        T: Domain(1, integer=True, observed=True),
        mu: Observed(0, open="left"),
    },
    assumptions=[*data, logistic, total_of, unsolved, normalised, origin, step],
    decides=SureBound(quantity=T, bound=bound),
    mutants=[
        Mutant(
            "1% less", decides={"bound": Rational(99, 100) * bound}, cases=({"n": 1, "family": "one against many"},)
        ),
        Mutant(
            "without the logarithm",
            decides={"bound": R**2 / mu**2},
            cases=({"n": 8, "gamma": Rational(1, 20), "family": "one against many"},),
        ),
        Mutant("no margin", drop=(margin.name,), by=("derivation",)),
        Mutant("after the data are separated, too", drop=(unsolved.name,), by=("derivation",)),
    ],
    notes="Exact for n = 1 up to the rounding of R^2/mu^2 to an integer.",
)


@normalised_steps.derivation
def logarithm_of_the_mean(proof):
    k, y = proof.index("k", 0, T - 1), proof.scalar("y", Reals())
    proof.high(k)
    line = proof.tangent(exp(y), y, 0)
    many, total = proof.assume(unsolved, k), proof.assume(total_of, k)
    proof.certificate(Gt(S(k), 0, evaluate=False), [(1, many), (1, proof.sign(half))])
    scale = 1 / S(k)

    def weight(j):
        curve, part = 1 / (1 + exp(Inner(z(j), w(k)))), proof.assume(normalised, j, k)
        value = proof.certificate(
            Ge(sigma(j, k), 0, evaluate=False), [(curve, proof.assume(logistic, j, k))], [(curve, 1)]
        )
        return proof.certificate(Ge(q(j, k), 0, evaluate=False), [(scale, part), (scale, value)])

    j = proof.index("r", 1, n)
    proof.high(j)
    shares = proof.sum_of(proof.assume(normalised, j, k), j, 1, n)
    one = proof.certificate(Eq(Sum(q(i, k), (i, 1, n)), 1, evaluate=False), [(scale, shares), (scale, total)])
    ahead, short, j, over, along = gather(proof, k, weight, one)
    m = Inner(z(j), w(k))
    share = proof.assume(normalised, j, k)
    weight(j)
    below = proof.instantiate(line, {y: m - L})
    capped = proof.certificate(
        Ge(1 - sigma(j, k) - (2 * n - 1) * S(k) * q(j, k) * (1 + m - L), 0),
        [((2 * n - 1) * S(k) * q(j, k), below), (-exp(m), share), (-1, proof.assume(logistic, j, k))],
    )
    room = proof.certificate(Ge(1 - (n * scale - 1) / (2 * n - 1), 0), [(2 * n * scale / (2 * n - 1), many)])
    back = proof.certificate(
        Ge(L - Inner(b(k), w(k)), 0),
        [(scale / (2 * n - 1), over(capped)), (-1, along(w(k))), (1, room), (1 - L, one), (scale / (2 * n - 1), total)],
    )
    move = proof.assume(step, k)
    gain = proof.certificate(
        Ge(Inner(w(k + 1), theta) - Inner(w(k), theta), gamma * mu), [(gamma, ahead)], using=[move]
    )
    rise = gamma**2 * R**2 + 2 * gamma * L
    grow = proof.certificate(
        Ge(sq(w(k)) - sq(w(k + 1)) + rise, 0), [(gamma**2, short), (2 * gamma, back)], using=[move]
    )
    far = proof.telescoped(gain, -Inner(w(k), theta), k, 0, T)
    near = proof.telescoped(grow, sq(w(k)), k, 0, T)
    zero = [proof.assume(origin, v) for v in (theta, w(0))]
    c = T * gamma * mu
    square = proof.certificate(
        Ge(T * rise - c**2, 0),
        [(1, near), (-1, zero[1]), (2 * c, far), (2 * c, zero[0]), (-(c**2), proof.assume(unit))],
        [(1, w(T) - c * theta)],
    )
    proof.conclude(proof.certificate(Le(T, bound), [(1 / (T * gamma**2 * mu**2), square)]))


@normalised_steps.experiment(
    cases=[{"family": "random"}, {"family": "one against many"}], samples={"smoke": 64}, block=64
)
def descend(xp, rng, case, size):
    """Steps with S >= 1/2, 20 at most; random data, or those of Theorem 5.1, at a random scale."""
    n = case.n
    if case.family == "random":
        Z = rng.uniform((size, n, 3), -2, 2) * xp.asarray([0.0, 1.0, 1.0])
        Z = Z + rng.uniform((size, n, 1), 0.1, 2) * xp.asarray([1.0, 0.0, 0.0])
    else:
        Z = xp.asarray([[0.5, -1.0]] + [[0.5, 1.0]] * (n - 1)) if n > 1 else xp.asarray([[1.0, 0.0]])
        Z = Z * 10 ** rng.uniform((size, 1, 1), -0.5, 0.5)
    w, steps = case.gamma * xp.mean(Z, axis=1), 1 + 0 * Z[:, 0, 0]  # the first step: all sigma are 1/2
    active = steps
    for _ in range(19):
        share = 1 / (1 + xp.exp(xp.sum(Z * w[:, None, :], axis=-1)))
        S = xp.sum(share, axis=-1)
        active = active * xp.astype(S >= 0.5, xp.float64)
        steps = steps + active
        share = share * (active / xp.where(active > 0, S, 1.0))[:, None]
        w = w + case.gamma * xp.sum(share[:, :, None] * Z, axis=1)
    return {"quantity": steps, "T": steps, "mu": xp.min(Z[:, :, 0], axis=-1), "R": xp.sqrt(xp.max(xp.sq(Z), axis=-1))}
