"""Attention training as a support vector machine (Ataee Tarzanagh, Li, Thrampoulidis and Oymak 2023).

A query z attends to the tokens x_1, ..., x_T and an optimal one x_0 by softmax of x_t^T W z.  The odds against the
optimal token are sum_t exp((x_t - x_0)^T W z), and its share 1/(1 + odds); where the other tokens have one common
score, the loss is a decreasing function of that share.  The margin problem is

    W_mm = argmin |W|_F  subject to  (x_0 - x_t)^T W z >= 1  for all t.

Along W_mm the odds fall at least like e^-eps from every W: no finite W is a stationary point.  With one other token,
D = (x_0 - x_1) z^T, the best W of norm at most R is R D/|D|: the direction of W_mm = D/|D|^2 for every R.  Trained as
W = K Q^T under a bound on |K|_F^2 + |Q|_F^2 the norm is the nuclear one: min (|K|_F^2 + |Q|_F^2)/2 = |W|_*.

Reference: D. Ataee Tarzanagh, Y. Li, C. Thrampoulidis, S. Oymak, "Transformers as Support Vector Machines", 2023.
"""

from sympy import Ge, Le, MatrixSymbol, Rational, Sum, Symbol, Trace, exp, sqrt
from sympy import Identity as Eye

from gdverify import Assumption, Claim, Integers, Minimiser, Mutant, Nonnegative, Observed, Positive, Reals, SureBound
from gdverify.language import MatrixSequence, SymmetricMatrix
from gdverify.laws import equation, inequality
from theorems import PAPERS

d, T, m, r = (Symbol(s, integer=True, positive=True) for s in "dTmr")
t = Symbol("t", integer=True, positive=True)
eps, S0 = Symbol("eps", nonnegative=True), Symbol("S", nonnegative=True)
W, Wmm, x0, z = (MatrixSymbol(*k) for k in (("W", d, d), ("W_mm", d, d), ("x_0", d, 1), ("z", d, 1)))
x = MatrixSequence("x", d, 1)

# -- no stationary point ----------------------------------------------------------------------------------------------


def score(weights, token):
    """(x_t - x_0)^T W z."""
    return Trace(token.T * weights * z) - Trace(x0.T * weights * z)


def odds(step):
    """Odds against x_0 at W + step W_mm."""
    return Sum(exp(score(W, x(t)) + step * score(Wmm, x(t))), (t, 1, T))


margin = Assumption(
    name="margins of W_mm",
    schema=lambda k: Ge(-score(Wmm, x(k)), 1, evaluate=False),
    where=lambda k: [k - 1, T - k],
)
before = equation("odds before", odds(0), S0)

no_stationary_point = Claim(
    id="transformers-as-svm.no-stationary-point",
    title="Along the margin direction the odds against the optimal token fall at least like e^-eps, from every W",
    paper=PAPERS["transformers-as-svm"],
    locator="no finite stationary point; in integrated form, derived here",
    statement=r"(x_0-x_t)^\top W_{mm}z\ge1\ \forall t:\quad \sum_te^{(x_t-x_0)^\top(W+\varepsilon W_{mm})z}"
    r"\le e^{-\varepsilon}\sum_te^{(x_t-x_0)^\top Wz}",
    symbols={
        T: Integers(1, sample=(1, 5)),
        d: Integers(1, sample=(1, 4)),
        eps: Nonnegative(sample=(0, 3)),
        S0: Observed(0),
    },
    decides=SureBound(odds(eps), exp(-eps) * S0),
    assumptions=[margin, before],
    mutants=[
        Mutant("e^(-1.01 eps)", decides={"bound": exp(-Rational(101, 100) * eps) * S0}, cases=({"eps": 1},)),
        Mutant("e^(-eps^2)", decides={"bound": exp(-(eps**2)) * S0}, cases=({"eps": 2},)),
        Mutant("W_mm violates a margin", drop=("margins of W_mm",), by=("derivation",)),
    ],
    notes="The share s of the optimal token has odds (1 - s)/s, so that ds/deps >= s (1 - s) > 0 at eps = 0, and every"
    " loss that decreases in s has a negative derivative along W_mm. Equality where all margins are 1.",
)  # fmt: skip


@no_stationary_point.derivation
def token_by_token(proof):
    k, y = proof.index("k", 1, T), proof.scalar("y", Reals())
    proof.high(k)
    line = proof.tangent(exp(y), y, 0)
    far = proof.assume(margin, k)
    gain = proof.product(proof.low(eps), far)
    height = lambda step: exp(score(W, x(k)) + step * score(Wmm, x(k)))
    up = proof.instantiate(line, {y: gain.left})  # e^y >= 1 + y >= 1 for y = eps (margin - 1)
    after = height(eps)
    step = proof.certificate(Ge(exp(-eps) * height(0), after), [(after, up), (after, gain)])
    summed = proof.sum_of(step, k, 1, T)
    decision = proof.claim.decides
    parts = [(1, summed), (-exp(-eps), proof.assume(before))]
    proof.conclude(proof.certificate(Le(decision.quantity, decision.bound), parts))


@no_stationary_point.experiment(cases=[{}, {"family": "support"}], samples={"smoke": 256}, block=64)
def tokens_and_margins(xp, rng, case, size):
    """Tokens placed so that the margins of W_mm = a b^T are 1 or larger, in coordinates where it is e_1 e_1^T."""
    excess = 0 if dict(case).get("family") == "support" else 1
    margins = 1 + excess * rng.exponential((size, case.T))
    gaps = rng.normal((size, case.T, case.d))  # x_0 - x_t
    first = xp.astype(xp.arange(case.d) < 1, xp.float64)
    gaps = margins[..., None] * first + (1 - first) * gaps
    query = first + (1 - first) * rng.normal((size, case.d))
    weights = rng.normal((size, case.d, case.d))
    heights = xp.sum(gaps * xp.sum(weights * query[:, None, :], axis=-1)[:, None, :], axis=-1)
    odds_ = xp.sum(xp.exp(-heights), axis=-1)
    return {"quantity": xp.sum(xp.exp(-heights - case.eps * margins), axis=-1), "S": odds_}


# -- the nuclear norm -------------------------------------------------------------------------------------------------

U, V, K, Q = (MatrixSymbol(*k) for k in (("U", d, r), ("V", d, r), ("K", d, m), ("Q", d, m)))
S, H = SymmetricMatrix("S_W", r, r), SymmetricMatrix("H", r, r)
orthonormal = [
    equation("U has orthonormal columns", U.T * U, Eye(r)),
    equation("V has orthonormal columns", V.T * V, Eye(r)),
]
factors = equation("K Q^T = W", K * Q.T, U * S * V.T)
root = equation("H is the root of S", H * H, S)
half = Rational(1, 2)

nuclear_norm = Claim(
    id="transformers-as-svm.nuclear-norm",
    title="The least (|K|_F^2 + |Q|_F^2)/2 over W = K Q^T is the nuclear norm of W",
    paper=PAPERS["transformers-as-svm"],
    locator="key and query weights: the nuclear norm; classical, derived here",
    statement=r"W = USV^\top:\quad \min\{\tfrac12(\|K\|_F^2+\|Q\|_F^2): KQ^\top=W\} = \operatorname{tr}S = \|W\|_*",
    symbols={
        r: Integers(1, sample=(1, 3)),
        d: Integers(r, sample=(1, 4)),
        m: Integers(r, sample=(1, 4)),
    },
    decides=Minimiser(
        half * Trace(K.T * K) + half * Trace(Q.T * Q),
        Trace(S),
        attained=half * Trace(H * U.T * U * H) + half * Trace(H * V.T * V * H),
    ),
    assumptions=[*orthonormal, factors, root],
    mutants=[
        Mutant("the Frobenius norm", decides={"value": sqrt(Trace(S * S))}, cases=({"r": 2, "d": 2, "m": 2},)),
        Mutant("twice the nuclear norm", decides={"value": 2 * Trace(S)}),
        Mutant("0.1% more", decides={"value": Rational(1001, 1000) * Trace(S)}),
        Mutant("K Q^T need not be W", drop=("K Q^T = W",), by=("derivation",)),
    ],
    notes="Attained at K = U H, Q = V H, for which K Q^T = W. S is diagonal with the singular values.",
)


@nuclear_norm.derivation
def three_squares(proof):
    left, right = (proof.assume(a) for a in orthonormal)
    product = proof.trace(proof.sandwich(proof.assume(factors), left=U.T, right=V))
    pairing = proof.certificate((Trace(U.T * K * Q.T * V), "==", Trace(S)), [(1, product)], using=[left, right])
    squares = [(half, K - U * U.T * K), (half, Q - V * V.T * Q), (half, U.T * K - V.T * Q)]
    decision = proof.claim.decides
    low = proof.certificate(Le(decision.value, decision.quantity), [(1, pairing)], squares, using=[left, right])
    attained = proof.certificate((decision.attained, "==", decision.value), using=[left, right, proof.assume(root)])
    proof.conclude(low, attained)


@nuclear_norm.experiment(samples={"smoke": 128}, block=64)
def random_factors(xp, rng, case, size):
    """K = U H G and Q = V H G^-T with any invertible G, and idle columns of K."""
    left = rng.haar((size, case.d, case.d))[..., : case.r]
    right = rng.haar((size, case.d, case.d))[..., : case.r]
    roots = rng.uniform((size, case.r), 0.1, 2)
    strength = rng.uniform((size, 1, 1), 0, 1)
    mix = xp.eye(case.r) + strength * rng.normal((size, case.r, case.r)) / (4 * case.r)
    idle = strength * rng.normal((size, case.d, case.m - case.r))
    scaled = lambda basis: basis * roots[:, None, :]
    keys = xp.concat([scaled(left) @ mix, idle], axis=-1)
    queries = scaled(right) @ xp.matrix_transpose(xp.linalg.inv(mix))
    total = lambda one, two: (xp.sum(one**2, axis=(-2, -1)) + xp.sum(two**2, axis=(-2, -1))) / 2
    values = xp.eye(case.r) * (roots**2)[:, None, :]
    return {"quantity": total(keys, queries), "attained": total(scaled(left), scaled(right)), "S_W": values}


# -- one other token --------------------------------------------------------------------------------------------------

D, best = MatrixSymbol("D", d, d), MatrixSymbol("W_R", d, d)
R, delta = Symbol("R", positive=True), Symbol("delta", positive=True)
length = equation("length of D", Trace(D.T * D), delta**2)
ball = inequality("norm at most R", Le(Trace(W.T * W), R**2, evaluate=False))
candidate = equation("W_R points along D", best, R / delta * D)

path = Claim(
    id="transformers-as-svm.path-two-tokens",
    title="With two tokens the best weights of norm R are R D/|D|, the margin direction, for every R",
    paper=PAPERS["transformers-as-svm"],
    locator="regularisation path, one sample and two tokens; derived here",
    statement=r"D = (x_0-x_1)z^\top:\quad \min_{\|W\|_F\le R}\left(-\langle D,W\rangle\right) = -R\|D\|_F,"
    r"\text{ at } W_R = R\,D/\|D\|_F",
    symbols={d: Integers(1, sample=(1, 4)), R: Positive(sample=(Rational(1, 2), 4)), delta: Observed(0, open="left")},
    decides=Minimiser(-Trace(D.T * W), -R * delta, attained=-Trace(D.T * best)),
    assumptions=[length, ball, candidate],
    mutants=[
        Mutant("0.1% less", decides={"value": -R * delta * Rational(999, 1000)}),
        Mutant("R |D|^2", decides={"value": -R * delta**2}),
        Mutant("W_R need not point along D", drop=("W_R points along D",), by=("derivation",)),
        Mutant("no bound on the norm", drop=("norm at most R",), by=("derivation",)),
    ],
    notes="e^(-<D, W>) are the odds against the optimal token, in which every decreasing loss increases. For more"
    " samples the direction is reached as R grows: transformers-as-svm.regularisation-path.",
)


@path.derivation
def cauchy_and_schwarz(proof):
    within, size = proof.assume(ball), proof.assume(length)
    parts = [(delta / (2 * R), within), (-R / (2 * delta), size)]
    low = proof.certificate(Ge(R * delta, Trace(D.T * W)), parts, [(delta / (2 * R), W - R / delta * D)])
    target = (-Trace(D.T * best), "==", -R * delta)
    proof.conclude(low, proof.certificate(target, [(-R / delta, size)], using=[proof.assume(candidate)]))


@path.experiment(samples={"smoke": 256}, block=64)
def weights_in_a_ball(xp, rng, case, size):
    token, query = rng.normal((size, case.d, 1)), rng.normal((size, 1, case.d))
    gap = token @ query
    length_ = xp.sqrt(xp.sum(gap**2, axis=(-2, -1)))
    anywhere = rng.normal((size, case.d, case.d))
    near = rng.bernoulli(0.5, (size,))[:, None, None]
    weights = near * (gap + 0.01 * anywhere) + (1 - near) * anywhere
    norm = xp.sqrt(xp.sum(weights**2, axis=(-2, -1)))
    log_odds = lambda w: -xp.sum(gap * w, axis=(-2, -1))
    return {
        "quantity": log_odds(case.R * weights / norm[:, None, None]),
        "attained": log_odds(case.R * gap / length_[:, None, None]),
        "delta": length_,
    }
