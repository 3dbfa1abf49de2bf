"""Over-parameterised gradient descent on a symmetric matrix is slow from every start (Xiong, Ding and Du 2023).

Loss |X X^T - M|^2/4 with M (n x n) positive semidefinite of rank r and X (n x k), k > r, all measurements:

    X_{t+1} = X_t + eta (M - X_t X_t^T) X_t,     eta |M| <= 1/3,  eta |X_0|^2 <= 1/3  (spectral norms).

With the smallest singular value sigma of X_0, sigma > 0 and eta sigma^2 < 1/3, for every T

    |X_T X_T^T - M|_F^2  >=  (k - r)/(1/sigma^2 + (15/4) eta T)^2.

Proof: the norm of X_t stays below its bound, its smallest singular value squared, m, obeys m+ >= m (1 - eta m)^2, and
X_T X_T^T has rank k with all k eigenvalues at least m, while M has rank r.

Reference: arXiv:2310.01769, whose theorems are about random starts and restricted isometries.  This is derived here.
"""

from sympy import Eq, Function, Ge, Gt, Integer, Le, MatrixSymbol, Rational, Trace, symbols

from gdverify import Assumption, Claim, Integers, Mutant, Observed, SureBound
from gdverify.language import MatrixSequence, SymmetricMatrix
from gdverify.laws import equation
from theorems import PAPERS

n, k = symbols("n k", integer=True, positive=True)
r, T = symbols("r T", integer=True, nonnegative=True)
eta, sigma, err = symbols("eta sigma error", positive=True)
X, u, v = MatrixSequence("X", n, k), MatrixSequence("u", k, 1), MatrixSequence("v", k, 1)
M, Y = SymmetricMatrix("M", n, n), MatrixSymbol("Y", n, r)
low, high = Function("m"), Function("L")
third = Rational(1, 3)
zero = lambda x: Ge(x, 0, evaluate=False)
gram = lambda t: X(t).T * X(t)
size = lambda z: Trace(z.T * z)
time = lambda t: [t]


def descends(scale):
    return Assumption(
        "gradient descent",
        lambda t: Eq(X(t + 1), X(t) + scale * eta * M * X(t) - scale * eta * X(t) * X(t).T * X(t), evaluate=False),
        key=("descent", scale),
        where=time,
    )


descent = descends(1)
semidefinite = Assumption("M is positive semidefinite", lambda z: zero(Trace(z.T * M * z)), key=("M",))
target_norm = Assumption(
    "eta |M| is at most 1/3", lambda z: zero(size(z) / 9 - eta**2 * Trace(z.T * M * M * z)), key=("|M|",)
)
rank_r = equation("M has rank r", M, Y * Y.T, latex=r"M = YY^\top,\ Y\in\mathbb{R}^{n\times r}")
smallest = Assumption(
    "m is the smallest eigenvalue of X^T X, with the unit eigenvector v",
    lambda z, t: [
        zero(Trace(z.T * gram(t) * z) - low(t) * size(z)),
        Eq(gram(t) * v(t), low(t) * v(t), evaluate=False),
        Eq(size(v(t)), 1, evaluate=False),
    ],
    key=("smallest",),
)
largest = Assumption(
    "L is the largest eigenvalue of X^T X, attained at the unit vector u",
    lambda z, t: [
        zero(high(t) * size(z) - Trace(z.T * gram(t) * z)),
        Eq(Trace(u(t).T * gram(t) * u(t)), high(t), evaluate=False),
        Eq(size(u(t)), 1, evaluate=False),
    ],
    key=("largest",),
)
start = Assumption(
    "sigma is the smallest singular value of X(0), eta |X(0)|^2 is at most 1/3 and eta sigma^2 less",
    lambda: [
        Eq(low(0), sigma**2, evaluate=False),
        zero(third - eta * high(0)),
        Gt(third - eta * sigma**2, 0, evaluate=False),
    ],
)
error = equation("error is that of X(T)", Trace((X(T) * X(T).T - M) * (X(T) * X(T).T - M)), err)
top = lambda t: sigma**-2 + Rational(15, 4) * eta * t

lower = Claim(
    id="overparam-slows-gd.lower-bound",
    title="Over-parameterised gradient descent on a symmetric matrix is no faster than 1/T, from every start",
    paper=PAPERS["overparam-slows-gd"],
    locator="the lower bound for the symmetric factorisation, for the population loss; constant derived here",
    statement=r"\eta\|M\|,\eta\|X_0\|^2\le\tfrac13,\ \eta\sigma^2<\tfrac13:\quad"
    r" \frac{k-r}{(1/\sigma^2+\frac{15}4\eta T)^2}\le\|X_TX_T^\top-M\|_F^2,\qquad r=\operatorname{rank}M<k",
    symbols={
        r: Integers(0, sample=(0, 3)),
        k: Integers(r + 1, sample=(r + 1, r + 3)),
        n: Integers(k, sample=(k, k + 3)),
        T: Integers(0, sample=(0, 60)),
        eta: Observed(0, open="left"),
        sigma: Observed(0, open="left"),
        err: Observed(0, open="left"),
    },
    assumptions=[descent, semidefinite, rank_r, target_norm, smallest, largest, start, error],
    decides=SureBound(quantity=k - r, bound=err * top(T) ** 2),
    mutants=[
        Mutant(
            "37/10 for 15/4",
            decides={"bound": err * (sigma**-2 + Rational(37, 10) * eta * T) ** 2},
            cases=({"r": 0, "k": 1, "n": 1, "T": 1},),
        ),
        Mutant("1% less", decides={"bound": Rational(99, 100) * err * top(T) ** 2}, cases=({"T": 0},)),
        Mutant("1/T for 1/T^2", decides={"bound": err * top(T) / sigma**2}, cases=({"r": 0, "k": 1, "T": 60},)),
        Mutant("twice the step", drop=(descent.name,), add=(descends(2),), by=("derivation",)),
        Mutant("M of any rank", drop=(rank_r.name,), cases=({"r": 2, "k": 4, "n": 4, "T": 60, "full": 1},)),
        Mutant("M need not be semidefinite", drop=(semidefinite.name,), by=("derivation",)),
    ],
    notes="Attained at T = 0, and nearly at T = 1 for M = 0. For large T the truth is 2 eta T for (15/4) eta T.",
)


@lower.derivation
def smallest_singular_value(proof):
    i = proof.index("i")
    step = proof.assume(descent, i)
    first, bounded, strict = proof.assume(start)
    W, m = gram(i), low(i)
    below_third = lambda j: zero(third - eta * high(j))

    def up(z, now):
        """|z|^2/3 >= eta z^T W z."""
        proof.certificate(zero(size(z)), [], [(1, z)])
        return proof.certificate(
            zero(size(z) / 3 - eta * Trace(z.T * W * z)), [(size(z), now), (eta, proof.assume(largest, z, i)[0])]
        )

    def noise(z, now):
        """|z|^2/27 >= eta^3 |M X z|^2."""
        y = X(i) * z
        return proof.certificate(
            zero(size(z) / 27 - eta**3 * Trace(y.T * M * M * y)),
            [(eta, proof.assume(target_norm, y)), (Rational(1, 9), up(z, now))],
        )

    def stays(now):
        z = u(i + 1)
        rest = z - 3 * eta * W * z
        _, attained, unit = proof.assume(largest, z, i + 1)
        p, q = X(i) * z - eta * X(i) * W * z, eta * M * X(i) * z
        return proof.certificate(
            below_third(i + 1),
            [(eta, attained), (-third, unit), (Rational(1, 6), up(rest, now)), (3, noise(z, now))],
            [(Rational(1, 6), rest), (eta / 2, p - 2 * q)],
            using=[step],
        )

    every = proof.induction(below_third(i), i, bounded, stays)
    rho, lam = 1 - 3 * eta * m, 1 - eta * m

    def less(now):
        """m stays away from its bound: the step on its eigenvector."""
        z = v(i)
        _, own, unit = proof.assume(smallest, z, i)
        after = proof.assume(smallest, z, i + 1)[0]
        p, q = lam * X(i) * z, eta * M * X(i) * z
        return proof.certificate(
            Gt(third - eta * low(i + 1), 0),
            [
                (eta, after),
                (Rational(1, 6), proof.sign(rho**2)),
                (Rational(1, 6), proof.product(now, proof.sign(rho**2))),
                (3, noise(z, every)),
                (eta * low(i + 1) - Rational(1, 9) - Rational(3, 2) * eta * m * lam**2, unit),
            ],
            [(eta / 2, p - 2 * q)],
            using=[step, own],
        )

    strictly = proof.induction(
        Gt(third - eta * m, 0), i, proof.certificate(Gt(third - eta * low(0), 0), [(1, strict), (-eta, first)]), less
    )
    z = v(i + 1)
    _, next_own, unit = proof.assume(smallest, z, i + 1)
    away = proof.certificate(Gt(rho, 0), [(3, strictly)]).left
    down = lambda x: proof.assume(smallest, x, i)[0]
    one, two, y = z - 3 * eta * W * z, W * z - m * z, X(i) * z
    proof.certificate(Gt(lam, 0), [(1, strictly), (Rational(2, 3), proof.sign(Integer(1)))])
    value = proof.certificate(
        Eq(Trace(z.T * gram(i + 1) * z), low(i + 1), evaluate=False), [(low(i + 1), unit)], using=[next_own]
    )
    slow = proof.certificate(
        zero(low(i + 1) - m * lam**2),
        [
            (-1, value),
            (m * lam**2, unit),
            (2 * lam * eta, proof.assume(semidefinite, y)),
            (lam * Rational(2, 3) / away, down(one)),
            (lam * 6 * eta / away, up(two, every)),
            (lam * away / 3, down(z)),
        ],
        [(1, X(i + 1) * z - lam * y)],
        using=[step],
    )
    positive = proof.induction(
        Gt(m, 0, evaluate=False), i,
        proof.certificate(Gt(low(0), 0, evaluate=False), [(1, proof.sign(sigma**2)), (1, first)]),
        lambda now: proof.certificate(
            Gt(low(i + 1), 0, evaluate=False), [(1, slow), (lam**2, now)]
        ),
    )  # fmt: skip
    proof.certificate(Gt(m, 0, evaluate=False), [(1, positive)])
    far = proof.certificate(zero(Rational(7, 5) - eta * m), [(1, strictly)], [(Rational(16, 15), 1)])
    both = proof.product(strictly, far)
    claimed = lambda j: Ge(top(j) * low(j), 1, evaluate=False)
    reached = proof.induction(
        claimed(i), i, proof.certificate(claimed(0), [(sigma**-2, first)]),
        lambda now: proof.certificate(
            claimed(i + 1),
            [(top(i + 1), slow), (lam**2, now), (Rational(15, 4) * eta * m, both)],
        ),
    )  # fmt: skip
    end, _ = proof.instantiate(reached, {i: T}), proof.instantiate(positive, {i: T})
    rank = proof.cite(
        "best approximation of rank r",
        Ge(Trace((X(T) * X(T).T - M) * (X(T) * X(T).T - M)), (k - r) * low(T) ** 2, evaluate=False),
        "Eckart and Young 1936: M has rank r, and X X^T has the k eigenvalues of X^T X, all at least m",
        uses=[proof.assume(rank_r), proof.assume(smallest, v(T), T)[0]],
    )
    inverse = proof.certificate(zero(low(T) - 1 / top(T)), [(1 / top(T), end)])
    wide = proof.certificate(zero(k - r), [(1, proof.low(k))], [(1, 1)])
    proof.conclude(
        proof.certificate(
            Le(k - r, err * top(T) ** 2),
            [
                (top(T) ** 2, rank),
                (-(top(T) ** 2), proof.assume(error)),
                (wide.left * top(T) ** 2 * low(T), inverse),
                (wide.left * top(T), inverse),
            ],
        )
    )


@lower.experiment(samples={"smoke": 64}, block=64)
def gradient_descent(xp, rng, case, size):
    """Random or common directions of M and X(0), M the best approximation of X(0) among them; steps up to the limit.

    "full": M of the rank k.
    """
    n, k, r = case.n, case.k, case.r
    first = xp.astype(xp.arange(n) < (k if "full" in case else r), xp.float64)
    basis, kind = rng.haar((size, n, n)), rng.uniform((size, 1))
    left = xp.where((kind < 0.6)[:, :, None], basis, rng.haar((size, n, n)))
    best = kind < 0.3
    values = xp.where(best, first + (1 - first) * rng.uniform((size, 1), 0.1, 1), xp.exp(-3 * rng.uniform((size, n))))
    values = values[:, :k]
    target = first * xp.where(best, xp.ones((size, n)), xp.exp(-2 * rng.uniform((size, n))))
    M = xp.matmul(basis * target[:, None, :], xp.matrix_transpose(basis))
    X = xp.matmul(left[:, :, :k] * values[:, None, :], rng.haar((size, k, k)))
    largest = xp.maximum(xp.max(target, axis=-1), xp.max(values, axis=-1) ** 2)
    share = xp.where(rng.bernoulli(0.5, (size,)) > 0, xp.ones((size,)), rng.uniform((size,), 0.01, 1))
    eta = (1 - 1e-9) * share / (3 * largest)
    for _ in range(case.T):
        X = X + eta[:, None, None] * xp.matmul(M - xp.matmul(X, xp.matrix_transpose(X)), X)
    off = xp.matmul(X, xp.matrix_transpose(X)) - M
    out = {"error": xp.sum(off * off, axis=(1, 2)), "eta": eta, "sigma": xp.min(values, axis=-1)}
    return {"quantity": k - r + 0 * eta, **out}
