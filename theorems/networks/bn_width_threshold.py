"""Width n is not enough for batch normalisation to keep a batch of n linearly independent.

At width d = n the log-determinant of the Gram matrix has an exact mean drift.  With eigenvalues lambda_j of G
(trace 1), z standard normal and psi the digamma function,

    E[log det G' - log det G]  =  sum_{i<=n} psi(i/2) + n log 2 - n log n - n E log(sum_j lambda_j z_j^2),

which at orthogonal inputs, G = I/n, is sum_{i<=n} psi(i/2) - n psi(n/2) < 0.  The singular set is absorbing, and in
simulations it attracts below a threshold width of about 0.3 to 0.5 n^2: the smallest eigenvalue falls exponentially in
depth even from orthogonal inputs, although the orthogonality gap itself stays at its floor.  This is consistent with
the width Omega(n^2) that Daneshmand, Joudaki and Bach (2021) point to.

Reference: arXiv:2106.03970; the statements are derived or measured here.
"""

from sympy import Determinant, Function, Gt, Inverse, MatrixSymbol, Ne, Rational, Sum, Symbol, digamma, log

from gdverify import Assumption, Claim, Integers, Mean, MeanEquals, Mutant, Observed, ProbabilityBound
from gdverify.laws import constant, equation, gaussian, invertible
from gdverify.networks import gram_chain, gram_step, mean_log
from theorems import PAPERS
from theorems.networks.bn_contraction import equal

n = Symbol("n", integer=True, positive=True)
w = Symbol("w", real=True)
i = Symbol("i", integer=True)
length = Function("r")
rows = Sum(length(i), (i, 1, n))
norms = Assumption("w is the mean log of a squared row norm", lambda k: equal(Mean(length(k)), w))
# G = H^T H and G' = H^T W^T S^-1 W H/n, S the diagonal of the squared row norms of W H
H, W, S, G, G_next = (MatrixSymbol(name, n, n) for name in ("H", "W", "S", "G", "G'"))
weights = gaussian(W)
before = equation("G is the Gram matrix", G, H.T * H)
after = equation("a layer with batch normalisation", n * G_next, H.T * W.T * Inverse(S) * W * H)
scales = Assumption("S is diagonal, with the squared row norms exp(r_i)", lambda: equal(log(Determinant(S)), rows))
regular = Assumption(
    "G is not singular, and neither are W and S (almost surely)",
    lambda: [Ne(Determinant(H), 0, evaluate=False), Ne(Determinant(W), 0, evaluate=False), Gt(Determinant(S), 0)],
)
growth = log(Determinant(G_next)) - log(Determinant(G))
psi = Sum(digamma(Rational(1, 2) * i), (i, 1, n))
drift = psi + n * log(2) - n * log(n) - n * w

threshold = Claim(
    id="bn-orthogonalizes.width-threshold",
    title="At width n batch normalisation shrinks the determinant of the Gram matrix on average",
    paper=PAPERS["bn-orthogonalizes"],
    locator="complement to assumption A1, derived here",
    statement=r"d=n:\quad\mathbb E\bigl[\log\det G'-\log\det G\mid G\bigr]=\sum_{i=1}^n\psi(i/2)+n\log2-n\log n"
    r"-n\,\mathbb E\log\sum_j\lambda_jz_j^2",
    symbols={n: Integers(2, sample=(2, 6)), w: Observed()},
    assumptions=[norms, weights, before, after, scales, regular, constant(H), invertible(S)],
    decides=MeanEquals(quantity=growth, bound=drift, tol=0.1, absolute=True),
    mutants=[
        Mutant("without n log n", decides={"bound": drift + n * log(n)}),
        Mutant("psi(i) for psi(i/2)", decides={"bound": drift - psi + Sum(digamma(i), (i, 1, n))}),
        Mutant("orthogonal inputs lose nothing", decides={"bound": 0 * n}, cases=({"family": "isotropic"},)),
    ],
    notes="At G = I/n: -2 log 2 for n = 2, -3.77 for n = 4. For n = 2 the drift is negative at every non-singular G.",
)


@threshold.derivation
def determinant(proof):
    k = proof.index("k", 1)
    proof.assume(regular)
    old, new = (proof.determinant(proof.assume(e)) for e in (before, after))
    product = proof.certificate(equal(Determinant(G_next), new.right / n**n), [(n**-n, new)])
    for fact in (old, product):
        proof.certificate((fact.left, ">", 0), [(1, proof.sign(fact.right)), (1, fact)])
    volume, scale = proof.log_determinant(weights), proof.assume(scales)
    step = proof.certificate(
        equal(growth, log(Determinant(W) ** 2) - rows - n * log(n)),
        [(1, proof.logarithm(product)), (-1, proof.logarithm(old)), (-1, scale)],
    )
    every = proof.sum_of(proof.assume(norms, k), k, 1, n)
    exchange = proof.mean_of_sum(rows)
    proof.conclude(
        proof.certificate(equal(Mean(growth), drift), [(1, proof.mean(step)), (1, volume), (-1, exchange), (-1, every)])
    )


@threshold.experiment(cases=[{"family": "isotropic"}, {"family": "random"}])
def log_determinants(xp, rng, case, size):
    values = xp.ones((1, case.n))
    if case.family == "random":
        values = values + 10 * rng.shared.exponential((1, case.n))
    values = values / xp.sum(values)
    factor = xp.broadcast_to(xp.eye(case.n) * xp.sqrt(values), (size, case.n, case.n))
    logs = xp.linalg.slogdet(gram_step(xp, rng, factor, case.n))[1]
    return {"quantity": logs - xp.sum(xp.log(values)), "w": mean_log(xp, values)[0]}


d, l = (Symbol(name, integer=True, positive=True) for name in ("d", "l"))

rank_loss = Claim(
    id="bn-orthogonalizes.width-threshold-rank-loss",
    title="Twice as wide as the batch is not enough: eight orthogonal inputs nearly lose rank in forty layers",
    paper=PAPERS["bn-orthogonalizes"],
    locator="complement to assumption A1, measured here",
    statement=r"n=8,\ d=16,\ G_0=I/n,\ l\ge40:\quad\mathbb P\bigl(\sigma_n(H_l)^2>10^{-6}\bigr)\le\tfrac27",
    symbols={n: Integers(8, 8), d: Integers(16, 16), l: Integers(40, sample=(40, 40))},
    decides=ProbabilityBound(quantity=Function("ell")(l), threshold=Rational(1, 10**6), bound=Rational(2, 7)),
    no_derivation="a numerical finding: the threshold width is measured, only the drift at d = n is proved",
    mutants=[
        Mutant("width 32, above the threshold", symbols={d: Integers(32, 32)}),
        Mutant("ten layers", symbols={l: Integers(10, 10)}),
    ],
    notes="The median falls from about 1e-6 after 30 layers to 1e-8 after 60. Measured thresholds of the width: 2 "
    "(critical) for n = 2, between 4 and 5 for n = 3, about 7 for n = 4, about 14 for n = 6, between 20 and 24 for "
    "n = 8, below 48 for n = 12.",
)


@rank_loss.experiment(samples={"smoke": 4096}, block=128)
def smallest_eigenvalue(xp, rng, case, size):
    start = xp.broadcast_to(xp.eye(case.n), (size, case.n, case.n))
    return {"quantity": gram_chain(xp, rng, start, case.d, case.l)[-1][:, 0]}
