"""From small orthogonality gap to Gaussian pre-activations (Daneshmand, Joudaki, Bach 2021, Lemma 2).

W (d x d) and G (d x n) have independent N(0, 1/d) entries, H (d x n) has |H| = 1 and singular values s_i, and
V(H) = |H^T H - I/n|.  Given H the rows of W H are independent N(0, H^T H/d), those of G/sqrt(n) are N(0, I/(dn)); with
a Gaussian d x n matrix Z with entries of variance 1/d these are the laws of Z A and Z/sqrt(n), A = (H^T H)^(1/2) with
eigenvalues s_i.  This is a coupling (the best one, by Gelbrich's formula), and

    W_2(law(W H), law(G/sqrt(n)))^2  <=  E |Z A - Z/sqrt(n)|^2  =  sum_i (s_i - n^(-1/2))^2  <=  n V(H)^2  <=  2 n V(H).

The paper states the last bound.

Reference: arXiv:2106.03970.
"""

from sympy import Function, Ge, Le, MatrixSymbol, Sum, Symbol, Trace, sqrt

from gdverify import Assumption, Claim, Integers, Mean, Mutant, Observed, SureBound
from gdverify.laws import constant, equation, gaussian
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
v, w = Symbol("v", real=True), Symbol("w", real=True)
i = Symbol("i", integer=True)
s = Function("s")
cost = Sum((s(i) - 1 / sqrt(n)) ** 2, (i, 1, n))
gap = equation("v is the orthogonality gap", v**2, Sum((s(i) ** 2 - 1 / n) ** 2, (i, 1, n)))
singular = Assumption("singular values are non-negative", lambda k: Ge(s(k), 0, evaluate=False))
x, M = MatrixSymbol("x", n, 1), MatrixSymbol("M", n, n)  # one of d rows of Z, times sqrt(d); A - I/sqrt(n)
entries = gaussian(x)
coupling = Assumption(
    "w is at most the mean squared distance of Z A and Z/sqrt(n), which have the two laws",
    lambda: Le(w, Mean(Trace(x.T * M.T * M * x)), evaluate=False),
)
difference = equation("A - I/sqrt(n) has the eigenvalues s_i - 1/sqrt(n)", Trace(M.T * M), cost)

wasserstein = Claim(
    id="bn-orthogonalizes.wasserstein",
    title="The pre-activations of nearly orthogonal representations are nearly Gaussian matrices",
    paper=PAPERS["bn-orthogonalizes"],
    locator="Lemma 2; the paper has 2 n V(H), sharper inner bound derived here",
    statement=r"W_2\bigl(\mathcal L(WH\mid H),\mathcal L(G/\sqrt n)\bigr)^2\le\sum_i\bigl(s_i-n^{-1/2}\bigr)^2"
    r"\le nV(H)^2",
    symbols={n: Integers(2, sample=(2, 64)), v: Observed(0, 1), w: Observed(0)},
    assumptions=[singular, gap, entries, constant(M), coupling, difference],
    decides=SureBound(quantity=w, bound=n * v**2),
    mutants=[
        Mutant("n - 2 for n", decides={"bound": (n - 2) * v**2}, cases=({"n": 64},)),
        Mutant("no factor n", decides={"bound": v**2}),
        Mutant("another coupling", drop=(difference.name,), by=("derivation",)),
        Mutant("a square root of a singular value may be negative", drop=(singular.name,), by=("derivation",)),
    ],
    notes="w is the squared distance given H; by Gelbrich's formula (Math. Nachr. 147, 1990) the first inequality is "
    "an equality, which the experiment uses. Since V(H) <= 1 the paper's 2 n V(H) follows, and averaging over H can "
    "only shorten it: W_2^2 <= n E V(H_l)^2, about n^2/(4d) for deep networks (`bn-orthogonalizes.sharp-floor`). "
    "One vanishing singular value, the others equal, attains all but about 1/n of the bound.",
)


@wasserstein.derivation
def term_by_term(proof):
    k = proof.index("k", 1)
    positive = proof.assume(singular, k)
    root = 1 / sqrt(n)
    part = (s(k) - root) ** 2
    slack = proof.certificate(Ge(n * s(k) ** 2 + 2 * sqrt(n) * s(k), 0), [(2 * sqrt(n), positive)], [(n, s(k))])
    term = proof.certificate(Le(part, n * (s(k) ** 2 - 1 / n) ** 2), [(part, slack)])
    total = proof.sum_of(term, k, 1, n)
    size = proof.gaussian(Trace(x.T * M.T * M * x), [entries])
    steps = [(1, proof.assume(coupling)), (-1, size), (-1, proof.assume(difference)), (1, total)]
    proof.conclude(proof.certificate(Le(w, n * v**2), [*steps, (n, proof.assume(gap))]))


@wasserstein.experiment(cases=[{"n": 2}, {"n": 7}, {"n": 64}], samples={"smoke": 1024})
def random_singular_values(xp, rng, case, size):
    """Random spectra of H^T H, and one small eigenvalue with the others equal."""
    shape = (size, case.n)
    flat = 1 - rng.uniform(shape)
    one = xp.ones(shape) - (1 - 10 ** rng.uniform((size, 1), -12, 0)) * xp.astype(xp.arange(case.n) == 0, xp.float64)
    raw = xp.where(rng.uniform((size, 1)) < 0.5, flat, one)
    values = raw / xp.sum(raw, axis=-1, keepdims=True)
    root = 1 / xp.sqrt(xp.asarray(1.0) * case.n)
    distance = xp.sum((xp.sqrt(values) - root) ** 2, axis=-1)
    return {"quantity": distance, "v": xp.sqrt(xp.sum((values - 1 / (xp.asarray(1.0) * case.n)) ** 2, axis=-1))}
