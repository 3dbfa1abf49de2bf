"""The best single layer: linear attention and rectified attention (Ahn, Cheng, Daneshmand and Sra 2023).

Linear attention without noise, w ~ N(0, 1), covariates N(0, Sigma): with (p^T, rho) the last row of P and
(Q_11; q_21^T) the first d columns of Q, the output of one layer, with its sign, is

    T = -(1/n) (p^T S Q_11 x + (p^T s)(q_21^T x) + rho s^T Q_11 x + rho t (q_21^T x)),

so it is the head of ``linear_attention`` with A = -Q_11/n, a = -q_21/n.  The smallest loss is
tr Sigma - tr(Sigma^2 A*), attained by x^T A* X^T y / n where ((n+1)/n Sigma + tr(Sigma)/n) A* = 1 (Theorem 1).

Rectified attention eta sum_i y_i relu(x_i^T x), isotropic data with noise: the best eta is 2/(n + 2d + 3 + 2 sigma^2),
and its loss sigma^2 + d - n d eta/2 (Theorem 5 restricted to multiples of the identity).

Reference: K. Ahn, X. Cheng, H. Daneshmand, S. Sra, "Transformers learn to implement preconditioned gradient descent for
in-context learning", 2023.
"""

from sympy import Abs, Identity, MatrixSymbol, Symbol, Trace

from gdverify import Claim, Mean, MeanEquals, Minimiser, Mutant, Observed, Reals
from gdverify.language import SymmetricMatrix
from gdverify.laws import constant, equation, gaussian, sample_sums
from theorems import PAPERS
from theorems.in_context import linear_attention as head

n, d, sigma, Sigma, X, x, w = head.n, head.d, head.sigma, head.Sigma, head.X, head.x, head.w
p, Q, b = MatrixSymbol("p", d, 1), MatrixSymbol("Q_11", d, d), MatrixSymbol("q_21", d, 1)
best = SymmetricMatrix("A_star", d, d)
rho, m, share = Symbol("rho", real=True), Symbol("m", real=True), Symbol("share", real=True)
S, s, t, y0 = X.T * X, X.T * X * w, Trace(w.T * X.T * X * w), Trace(w.T * x)
layer = Trace(p.T * S * Q * x) + Trace(p.T * s) * Trace(b.T * x) + rho * Trace(s.T * Q * x) + rho * t * Trace(b.T * x)
one_step = Trace(s.T * best * x) / n
laws = [gaussian(X, columns=Sigma), gaussian(x, rows=Sigma), gaussian(w)]
# m and share stand for n + 1 and 1, so that a mutant can change what the preconditioner is made of
solves = equation(
    "A_star is the preconditioner",
    Sigma * best,
    (n * Identity(d) - share * Trace(Sigma) * best) / m,
    latex=r"\left(\tfrac{n+1}{n}\Sigma + \tfrac{\operatorname{tr}\Sigma}{n}\right) A_* = I",
)
lowest = Trace(Sigma) - Trace(Sigma * Sigma * best)

single_layer = Claim(
    id="preconditioned-gd.single-layer",
    title="The best single layer of linear attention is one step of preconditioned gradient descent",
    paper=PAPERS["preconditioned-gd"],
    locator="Theorem 1",
    statement=r"\min_{P,Q}\mathbb{E}(T-w^\top x)^2 = \operatorname{tr}\Sigma - \operatorname{tr}\Sigma^2A_*,\quad"
    r" A_* = \left(\tfrac{n+1}{n}\Sigma + \tfrac{\operatorname{tr}\Sigma}{n}\right)^{-1}, \text{ attained by }"
    r" \tfrac1n x^\top A_* X^\top y",
    symbols={n: head.SIZES[n], d: head.SIZES[d], rho: Observed()},
    decides=Minimiser(Mean((-layer / n - y0) ** 2), lowest, attained=Mean((one_step - y0) ** 2)),
    assumptions=[*laws, constant(Sigma, p, Q, b, best), solves],
    defines={m: n + 1, share: 1},
    mutants=[
        Mutant("n/n for (n + 1)/n", defines={m: n}),
        Mutant("(n + 2)/n for (n + 1)/n", defines={m: n + 2}),
        Mutant("a multiple of the inverse covariance", defines={share: 0}),
        Mutant("twice the trace", defines={share: 2}),
    ],
)


@single_layer.derivation
def completed_square(proof):
    star = proof.rewrite(proof.assume(solves), proof.definition(m), proof.definition(share))
    whole = proof.gaussian((-layer / n - y0) ** 2, laws)
    apart = proof.gaussian((-layer / n - one_step) ** 2, laws)
    at_best = proof.gaussian((one_step - y0) ** 2, laws)
    distance = proof.mean(proof.sign((-layer / n - one_step) ** 2))
    low = proof.certificate((whole.left, ">=", lowest), [(1, whole), (-1, apart), (1, distance)], using=[star])
    proof.conclude(low, proof.certificate((at_best.left, "==", lowest), [(1, at_best)], using=[star]))


@single_layer.experiment(cases=[{"family": "same task", "sigma": 0}], samples={"smoke": 64}, block=32)
def trained_layers(xp, rng, case, size):
    letters, _ = head.instance(xp, rng, case)
    eye, S_ = xp.eye(case.d), letters["Sigma"]
    preconditioner = case.n * xp.linalg.inv(case.m * S_ + case.share * xp.linalg.trace(S_) * eye)
    rows = head.losses(xp, rng, case, size, letters, preconditioner / case.n)
    return rows | {"A_star": preconditioner}


x1, x2, e1, e2, g = (
    MatrixSymbol(*k) for k in (("x_1", d, 1), ("x_2", d, 1), ("e_1", 1, 1), ("e_2", 1, 1), ("g", 1, 1))
)
h, eta = Symbol("h", real=True), Symbol("eta", real=True)
data = [gaussian(letter) for letter in (x, x1, x2, w, e1, e2, head.e0)]
response = Trace(w.T * x) + sigma * Trace(head.e0)


def rectified(point, noise):
    """y_i relu(x_i^T x)."""
    z = Trace(point.T * x)
    return (Trace(w.T * point) + sigma * Trace(noise)) * (z + Abs(z)) / 2


term, other = rectified(x1, e1), rectified(x2, e2)
sums = sample_sums({g: (term, other)}, n, x1, x2, e1, e2)
G = Trace(g)
optimum = sigma**2 + d - n * d * eta / 2
rectified_attention = Claim(
    id="preconditioned-gd.relu-attention",
    title="Rectified attention: the best multiple of the identity is 2/(n + 2d + 3 + 2 sigma^2)",
    paper=PAPERS["preconditioned-gd"],
    locator="Theorem 5, for multiples of the identity; constants derived here",
    statement=r"\mathbb{E}(hg-y_0)^2 = \sigma^2 + d - \tfrac{nd}2\eta + (h-\eta)^2\,\mathbb{E}g^2,\quad"
    r" g = \sum_i y_i\,\mathrm{relu}(x_i^\top x),\ \eta = \frac2{n+2d+3+2\sigma^2}",
    symbols={**head.SIZES, h: Reals(sample=(-0.1, 0.1))},
    decides=MeanEquals((h * G - response) ** 2 - (h * G - eta * G) ** 2, optimum, tol=0.05),
    assumptions=[*data, sums],
    defines={eta: 2 / (n + 2 * d + 3 + 2 * sigma**2)},
    mutants=[
        Mutant("the step size of linear attention", defines={eta: 1 / (n + d + 1 + sigma**2)},
               cases=({"n": 6, "d": 2, "sigma": 0, "h": 0.1},)),
        Mutant("half the step size", defines={eta: 1 / (n + 2 * d + 3 + 2 * sigma**2)}),
        Mutant("noise counted twice", defines={eta: 2 / (n + 2 * d + 3 + 4 * sigma**2)}, by=("derivation",)),
        Mutant("twice the gain", decides={"bound": optimum - n * d * eta / 2}),
    ],
    notes="Best among h g for real h; the theorem's other weights are not treated.",
)  # fmt: skip


@rectified_attention.derivation
def two_samples_and_the_query(proof):
    square, cross = proof.assume(sums, g, g), proof.assume(sums, g, response)
    step = 2 * h * eta - eta**2
    parts = [(step, square), (-2 * h, cross)]
    for weight, product in ((step * n, term * term), (step * n * (n - 1), term * other), (-2 * h * n, term * response)):
        parts.append((weight, proof.gaussian(product, data)))
    parts.append((1, proof.gaussian(response**2, data)))
    target = (Mean(rectified_attention.decides.quantity), "==", optimum)
    proof.conclude(proof.certificate(target, parts, using=[proof.definition(eta)]))


@rectified_attention.experiment(cases=[{"family": "isotropic"}], block=16)
def random_prompts(xp, rng, case, size):
    shape = (size, max(64, 2048 // (case.n * case.d)))
    points, task, query = (rng.normal((*shape, k, case.d)) for k in (case.n, 1, 1))
    labels = xp.sum(points * task, axis=-1) + case.sigma * rng.normal((*shape, case.n))
    z = xp.sum(points * query, axis=-1)
    out = xp.sum(labels * (z + xp.abs(z)) / 2, axis=-1)
    truth = xp.sum(task * query, axis=(-2, -1))
    gaps = truth**2 + case.sigma**2 - 2 * case.h * out * truth + (2 * case.h - case.eta) * case.eta * out**2
    return {"quantity": xp.mean(gaps, axis=-1)}
