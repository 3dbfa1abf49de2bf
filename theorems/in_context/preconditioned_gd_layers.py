"""L layers at the zeros of an orthogonal polynomial: a critical point (Ahn, Cheng, Daneshmand and Sra 2023, Theorem 3).

Covariates X (n rows, N(0, I_d); Sigma = I, by whitening), W = X^T X/n, and L layers with any matrices A_l:

    f(A) = E |R|_F^2,      R = prod_l (1 - W A_l).

At A_l = a_l I, R = p(W) with p(x) = prod_m (1 - a_m x).  The derivative in the direction M of layer l is -2 E tr(Y M)
with

    Y = W p(W) prod_{m != l} (1 - a_m W) = X^T B X/n,      B a polynomial of X X^T,

and it is zero for every M and l if E tr p(W) W^k = 0 for k = 1, ..., L, which says that p is the orthogonal polynomial
of degree L of x dmu(x), mu the mean spectral law of W: the steps are the inverses of its L zeros.

Reference: K. Ahn, X. Cheng, H. Daneshmand, S. Sra, "Transformers learn to implement preconditioned gradient descent for
in-context learning", 2023; the theorem has an infimum of gradients equal to zero, over multiples of Sigma^-1.
"""

from sympy import Eq, Function, MatrixSymbol, Sum, Symbol, Trace

from gdverify import Assumption, Claim, Identity, Integers, Mean, Mutant
from gdverify.laws import constant, equation, rotation_invariant
from gdverify.wishart import laguerre_zeros, normal_rule
from theorems import PAPERS

n, d, L = (Symbol(s, integer=True, positive=True) for s in "ndL")
k = Symbol("k", integer=True, positive=True)
Z, B, M = MatrixSymbol("Z", d, n), MatrixSymbol("B", n, n), MatrixSymbol("M", d, d)  # Z is X^T
beta, t = Function("beta"), Function("t")
Y = Z * B * Z.T

turned = rotation_invariant((Z,), (B,), "rotating the covariates keeps their law and their Gram matrix")
expansion = equation("Y is W p(W) times the other layers", Trace(Y), Sum(beta(k) * t(k), (k, 1, L)),
                     r"\operatorname{tr}Y=\sum_{k=1}^L\beta_kt_k,\ x\prod_{m\ne l}(1-a_mx)=\sum_k\beta_kx^k,"
                     r"\ t_k=\operatorname{tr}p(W)W^k")  # fmt: skip
orthogonal = Assumption(
    "p is orthogonal to x, ..., x^L",
    lambda j: Eq(Mean(t(j)), 0, evaluate=False),
    latex=r"\mathbb{E}\operatorname{tr}p(W)W^k=0",
    key=("orthogonal",),
    where=lambda j: [j - 1, L - j],
)

critical = Claim(
    id="preconditioned-gd.L-layer-critical",
    title="L layers with steps at the zeros of an orthogonal polynomial are critical among all matrices",
    paper=PAPERS["preconditioned-gd"],
    locator="Theorem 3, attained; explicit point derived here",
    statement=r"p(x)=\prod_m(1-a_mx),\ \mathbb{E}\operatorname{tr}p(W)W^k=0\ (1\le k\le L):\quad"
    r"\mathbb{E}\operatorname{tr}\Big(Wp(W)\prod_{m\ne l}(1-a_mW)\,M\Big)=0\quad\forall M, l",
    symbols={n: Integers(1, sample=(1, 1)), d: Integers(1, sample=(1, 2)), L: Integers(1, sample=(1, 4))},
    assumptions=[turned, expansion, orthogonal, constant(M, beta)],
    decides=Identity(Mean(Trace(Y * M)), 0),
    mutants=[
        Mutant("equal steps with the same sum", drop=(orthogonal.name,),
               cases=({"n": 1, "d": 2, "L": 2, "steps": "equal"},)),
        Mutant("zeros for mu in place of x dmu", drop=(orthogonal.name,),
               cases=({"n": 1, "d": 2, "L": 2, "steps": "plain"},)),
        Mutant("data that are not whitened", drop=(turned.name,), cases=({"n": 1, "d": 2, "L": 2, "skew": 1},)),
        Mutant("another derivative", drop=(expansion.name,), by=("derivation",)),
    ],
    notes="That the zeros are real, distinct and positive is classical (Szego, Orthogonal polynomials, section 3.3) "
    "and not part of the claim; nor is it claimed that no other matrices do better.",
)  # fmt: skip


@critical.derivation
def multiples_of_the_identity(proof):
    j = proof.index("j", 1, L)
    proof.high(j)
    spread = proof.rotated(Trace(Y * M), turned)
    zero = proof.certificate((Mean(beta(j) * t(j)), "==", 0), [(beta(j), proof.assume(orthogonal, j))])
    total = proof.sum_of(zero, j, 1, L)
    apart = proof.mean_of_sum(Sum(beta(k) * t(k), (k, 1, L)))
    known = proof.mean(proof.assume(expansion))
    weight = Trace(M) / d
    parts = [(1, spread), (weight, known), (weight, apart), (weight, total)]
    proof.conclude(proof.certificate((Mean(Trace(Y * M)), "==", 0), parts))


@critical.experiment(cases=[{}, {"n": 3, "d": 1, "L": 3}], samples={"smoke": 128}, block=64)
def exact_mean(xp, rng, case, size):
    """Random directions in a random layer, integrated exactly; one row or one column of data, for which the polynomial
    is a Laguerre polynomial.
    """
    n, d, L, alpha = case.n, case.d, case.L, max(case.n, case.d) / 2
    steps = n / (2 * laguerre_zeros(xp, L, alpha - 1 if case.get("steps") == "plain" else alpha))
    if case.get("steps") == "equal":
        steps = xp.mean(steps) + 0 * steps
    points, chance = (xp.asarray(a) for a in normal_rule(n * d, 2 * L + 1))
    rows = xp.reshape(points, (-1, n, d))
    if "skew" in case:
        rows = rows * (1 + xp.astype(xp.arange(d), xp.float64))
    W = xp.matrix_transpose(rows) @ rows / n
    layer = [xp.eye(d) - steps[m] * W for m in range(L)]
    whole = W
    for factor in layer:
        whole = whole @ factor
    means = []
    for skipped in range(L):
        product = whole
        for m in range(L):
            product = product @ layer[m] if m != skipped else product
        means.append(product)
    direction, which = rng.normal((size, d, d)), rng.uniform((size,), 0, L)
    slope = xp.zeros((size,))
    total = xp.zeros((size,))
    for m, product in enumerate(means):
        here = xp.astype((which >= m) & (which < m + 1), xp.float64)
        flat = lambda x: xp.sum(xp.sum(x, axis=-1), axis=-1)
        slope = slope + here * flat(xp.sum(chance[:, None, None] * product, axis=0) * xp.matrix_transpose(direction))
        size_of = xp.sum(chance[:, None, None] * xp.abs(product), axis=0)
        total = total + here * flat(size_of * xp.abs(xp.matrix_transpose(direction)))
    return {"quantity": slope, "scale": 1 + total}
