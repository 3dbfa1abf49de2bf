"""Depth of a linear transformer that runs preconditioned gradient descent in context (Ahn et al. 2023, Theorem 3).

With layers A_l = a_l Sigma^-1 the residual after L layers is prod_l (I - a_l W) applied to the query, where
W = X^T X / n is the whitened sample covariance (X: n rows, independent N(0, I_d)).  The loss per dimension is

    phi_L(a) / d = E tr prod_l (I - a_l W)^2 / d.

Two layers: the minimum over (a_0, a_1) is attained at a_0 + a_1 = s, a_0 a_1 = t (both real), where, with

    Q = d^3 n + d^3 + d^2 n^2 + 5d^2 n + 10d^2 + dn^3 + 5dn^2 + 17dn + 17d + n^3 + 10n^2 + 17n + 4,
    s = 2n(d^2 n + d^2 + dn^2 + 4dn + 7d + n^2 + 7n + 8) / Q,      t = n^2 (dn + d + n + 3) / Q,

and its value is (d^3 n + d^3 + 4d^2 n + 10d^2 + 7dn + 17d + 4n + 4) / Q.

Depth in the proportional limit: for n = qN, d = pN and N -> oo, c = p/q, the losses at the optimal steps tend to

    L = 1:  c / (1 + c),           L = 2:  c^2 / (1 + c + c^2).

Reference: K. Ahn, X. Cheng, H. Daneshmand, S. Sra, "Transformers learn to implement preconditioned gradient descent for
in-context learning", 2023.  The theorem speaks of critical points; the explicit steps and limits are derived here.
"""

from sympy import Eq, Identity, Le, MatrixSymbol, Symbol, Trace, sqrt

from gdverify import Claim, Integers, LimitLaw, Mean, Minimiser, Mutant, Observed
from gdverify.laws import gaussian
from gdverify.wishart import wishart_moments
from theorems import PAPERS

n, d, N, p, q = (Symbol(x, integer=True, positive=True) for x in ("n", "d", "N", "p", "q"))
a0, a1, b, b0, b1 = (Symbol(x, real=True) for x in ("a0", "a1", "b", "b0", "b1"))


def loss(n, d, *steps):
    """tr prod_l (I - a_l W)^2 / d, whose mean is the loss, and the law of the data."""
    X = MatrixSymbol("X", n, d)
    residual = Identity(d)
    for a in steps:
        residual = residual * (Identity(d) - a / n * X.T * X)
    return Trace(residual * residual) / d, gaussian(X)


Q = d**3 * n + d**3 + d**2 * n**2 + 5 * d**2 * n + 10 * d**2 + d * n**3 + 5 * d * n**2 + 17 * d * n + 17 * d
Q = Q + n**3 + 10 * n**2 + 17 * n + 4
s = 2 * n * (d**2 * n + d**2 + d * n**2 + 4 * d * n + 7 * d + n**2 + 7 * n + 8) / Q
t = n**2 * (d * n + d + n + 3) / Q
best_two = (d**3 * n + d**3 + 4 * d**2 * n + 10 * d**2 + 7 * d * n + 17 * d + 4 * n + 4) / Q
first, second = (s - sqrt(s**2 - 4 * t)) / 2, (s + sqrt(s**2 - 4 * t)) / 2

any_steps, data = loss(n, d, a0, a1)
at_best, _ = loss(n, d, b0, b1)
sizes = {n: Integers(1, sample=(1, 1000)), d: Integers(1, sample=(1, 3))}

two_layers = Claim(
    id="preconditioned-gd.two-layer-steps",
    title="Optimal step sizes of two layers of preconditioned gradient descent, and their loss",
    paper=PAPERS["preconditioned-gd"],
    locator="Theorem 3 at L = 2 on its invariant set; explicit steps and value derived here",
    statement=r"\min_{a_0,a_1}\tfrac1d\mathbb{E}\,\mathrm{tr}\,(I-a_0W)^2(I-a_1W)^2"
    r" = \frac{d^3n+d^3+4d^2n+10d^2+7dn+17d+4n+4}{Q}, \text{ at } a_0+a_1 = s,\ a_0a_1 = t",
    symbols={**sizes, a0: Observed(), a1: Observed()},
    defines={b0: first, b1: second},
    assumptions=[data],
    decides=Minimiser(quantity=Mean(any_steps), value=best_two, attained=Mean(at_best)),
    mutants=[
        Mutant("equal steps with the same sum", defines={b0: s / 2, b1: s / 2}),
        Mutant("the one-layer step in both layers", defines={b0: n / (n + d + 1), b1: n / (n + d + 1)}),
        Mutant("17d becomes 18d in the value", decides={"value": best_two + d / Q}),
        Mutant("4n + 4 becomes 4n + 3 in the value", decides={"value": best_two - 1 / Q}),
        Mutant("the data are not Gaussian", drop=("X is Gaussian",), by=("derivation",)),
    ],
    notes="Minimal over multiples of Sigma^-1 in both layers. That unrestricted matrices A_0, A_1 do no better is a "
    "numerical conjecture, not claimed here.",
)


@two_layers.derivation
def sum_of_two_squares(proof):
    mean = proof.gaussian(any_steps, [data])
    # With u = a0 + a1 and v = a0 a1 the loss is 1 - 2u m_1 + 2v m_2 + u^2 m_2 - 2uv m_3 + v^2 m_4.
    m2 = (n + d + 1) / n
    m3 = (n**2 + 3 * n * (d + 1) + d**2 + 3 * d + 4) / n**2
    m4 = (n**3 + 6 * n**2 * (d + 1) + n * (6 * d**2 + 17 * d + 21) + d**3 + 6 * d**2 + 21 * d + 20) / n**3
    u, v = a0 + a1 - s, a0 * a1 - t
    squares = [(m2, u - m3 / m2 * v), (m4 - m3**2 / m2, v)]
    value, attained = proof.claim.decides.value, proof.claim.decides.attained
    lower = proof.certificate(Le(value, Mean(any_steps)), squares=squares, using=[mean])
    proof.sign(s**2 - 4 * t, note="the two steps are real and differ")
    at = proof.gaussian(at_best, [data])
    steps = [proof.definition(b0), proof.definition(b1)]
    proof.conclude(lower, proof.certificate(Eq(attained, value, evaluate=False), using=[at, *steps]))


@two_layers.experiment(samples={"smoke": 512, "standard": 8192, "full": 262144})
def exact_loss(xp, rng, case, size):
    """The loss from exactly integrated moments, at random steps and after alternating minimisation from them."""
    m = [1, *wishart_moments(xp, case.n, case.d)]

    def value(x, y):
        u, v = x + y, x * y
        return 1 - 2 * u * m[1] + (2 * v + u * u) * m[2] - 2 * u * v * m[3] + v * v * m[4]

    def best(y):  # the best other step
        top = m[1] - 2 * y * m[2] + y * y * m[3]
        return top / (m[2] - 2 * y * m[3] + y * y * m[4])

    x, y = 2 * rng.normal((size,)), 2 * rng.normal((size,))
    z = y
    for _ in range(15):
        z = best(best(z))
    descended = rng.bernoulli(0.5, (size,))  # then shaken a little: at the minimum itself rounding decides
    shaken = 1 + 1e-3 * rng.normal((size,))
    x, y = descended * best(z) * shaken + (1 - descended) * x, descended * z + (1 - descended) * y
    return {"quantity": value(x, y), "attained": value(case.b0, case.b1) + 0 * x, "a0": x, "a1": y}


# -- depth in the proportional limit ----------------------------------------------------------------------------------

shape = {n: q * N, d: p * N}
ratio = {p: Integers(1, sample=(1, 2)), q: Integers(1, sample=(1, 2)), N: Integers(1, sample=(1, 1))}
one_loss, proportional = loss(q * N, p * N, b)
two_loss, _ = loss(q * N, p * N, b0, b1)
GRID = (2, 4, 8, 16, 32)

depth_one = Claim(
    id="preconditioned-gd.depth-limit-one",
    title="Loss of one layer in the proportional limit",
    paper=PAPERS["preconditioned-gd"],
    locator="derived here from the optimal one-layer step",
    statement=r"n = qN,\ d = pN,\ c = p/q: \quad \tfrac1d\mathbb{E}\,\mathrm{tr}\,(I-\tfrac{n}{n+d+1}W)^2"
    r" \to \frac{c}{1+c}",
    symbols=ratio,
    defines={b: (n / (n + d + 1)).subs(shape)},
    assumptions=[proportional],
    decides=LimitLaw(quantity=Mean(one_loss), variable=N, limit=p / (p + q)),
    mutants=[
        Mutant("a distance of order 1/N^2", decides={"rate": 2}, by=("derivation",)),
        Mutant("c^2 in place of c", decides={"limit": p**2 / (p**2 + q**2)}),
        Mutant("sqrt(c) in place of c", decides={"limit": sqrt(p) / (sqrt(p) + sqrt(q))}),
        Mutant("the step 1", defines={b: 1}),
    ],
)


@depth_one.derivation
def leading_coefficients(proof):
    mean = proof.gaussian(one_loss, [proportional])
    steps = [mean, proof.definition(b)]
    excess = Mean(one_loss) - p / (p + q)
    proof.conclude(proof.limit(Mean(one_loss), N, using=steps), proof.decay(excess, N, 1, using=steps))


depth_two = Claim(
    id="preconditioned-gd.depth-limit-two",
    title="Loss of two layers in the proportional limit",
    paper=PAPERS["preconditioned-gd"],
    locator="derived here from the optimal two-layer steps",
    statement=r"n = qN,\ d = pN,\ c = p/q: \quad \min_{a_0,a_1}\tfrac1d\mathbb{E}\,\mathrm{tr}\,(I-a_0W)^2(I-a_1W)^2"
    r" \to \frac{c^2}{1+c+c^2}",
    symbols=ratio,
    defines={b0: first.subs(shape), b1: second.subs(shape)},
    assumptions=[proportional],
    decides=LimitLaw(quantity=Mean(two_loss), variable=N, limit=p**2 / (p**2 + p * q + q**2), tol=0.1),
    mutants=[
        Mutant("a distance of order 1/N^2", decides={"rate": 2}, by=("derivation",)),
        Mutant("a factor c^2 for each layer", decides={"limit": p**4 / (p**4 + p**2 * q**2 + q**4)}),
        Mutant("c^2/(1 + c)^2: the layers act independently", decides={"limit": p**2 / (p + q) ** 2}),
        Mutant("equal steps", defines={b0: (s / 2).subs(shape), b1: (s / 2).subs(shape)}),
    ],
    notes="d/n is exactly p/q along the sequence. For L layers the limit is c^L (1 - c)/(1 - c^(L+1)), by the "
    "Marchenko-Pastur law; only L <= 2 is proved here, from the formulas at finite n and d.",
)


@depth_two.derivation
def leading_coefficients_two(proof):
    mean = proof.gaussian(two_loss, [proportional])
    steps = [proof.definition(b0), proof.definition(b1)]
    exact = proof.certificate(Eq(Mean(two_loss), best_two.subs(shape), evaluate=False), using=[mean, *steps])
    excess = Mean(two_loss) - p**2 / (p**2 + p * q + q**2)
    proof.conclude(proof.limit(Mean(two_loss), N, using=[exact]), proof.decay(excess, N, 1, using=[exact]))


@depth_one.experiment(
    cases=[{"N": 1, "p": 1, "q": 2}, {"N": 1}], samples={"smoke": 16384, "standard": 65536, "full": 262144}
)
def one_layer_on_data(xp, rng, case, size):
    return on_data(xp, rng, case, size, lambda k: [case.at(N=k).b])


@depth_two.experiment(
    cases=[{"N": 1, "p": 1, "q": 2}, {"N": 1}], samples={"smoke": 16384, "standard": 65536, "full": 262144}
)
def two_layers_on_data(xp, rng, case, size):
    return on_data(xp, rng, case, size, lambda k: [case.at(N=k).b0, case.at(N=k).b1])


def on_data(xp, rng, case, size, steps):
    """tr prod (I - a_l W)^2 / d on data matrices at each N of the grid, with the optimal steps of that N."""
    losses = []
    for k in GRID:
        x = rng.normal((size, case.q * k, case.p * k))
        w = xp.matrix_transpose(x) @ x / (case.q * k)
        residual = xp.eye(case.p * k)
        for a in steps(k):
            residual = residual - a * (residual @ w)
        losses.append(xp.sum(residual * residual, axis=(-2, -1)) / (case.p * k))
    return {"n": xp.asarray([float(k) for k in GRID]), "quantity": xp.stack(losses, axis=-1)}
