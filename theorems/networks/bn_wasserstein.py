"""From small orthogonality gap to Gaussian pre-activations (Daneshmand, Joudaki, Bach 2021, Lemma 2).

W (d x d) and G (d x n) have independent N(0, 1/d) entries, H (d x n) has |H| = 1 and singular values s_i, and
V(H) = |H^T H - I/n|.  Given H the rows of W H are independent N(0, H^T H/d), so by Gelbrich's formula

    W_2(law(W H), law(G/sqrt(n)))^2  =  sum_i (s_i - n^(-1/2))^2  <=  n V(H)^2  <=  2 n V(H).

The paper states the last bound.

Reference: arXiv:2106.03970.
"""

from sympy import Function, Ge, Le, Sum, Symbol, sqrt

from gdverify import Assumption, Claim, Integers, Mutant, Observed, SureBound
from gdverify.laws import equation
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
v, w = Symbol("v", real=True), Symbol("w", real=True)
i = Symbol("i", integer=True)
s = Function("s")
cost = Sum((s(i) - 1 / sqrt(n)) ** 2, (i, 1, n))
gap = equation("v is the orthogonality gap", v**2, Sum((s(i) ** 2 - 1 / n) ** 2, (i, 1, n)))
singular = Assumption("singular values are non-negative", lambda k: Ge(s(k), 0, evaluate=False))
GELBRICH = "M. Gelbrich, On a formula for the L2 Wasserstein metric, Math. Nachr. 147 (1990)"

wasserstein = Claim(
    id="bn-orthogonalizes.wasserstein",
    title="The pre-activations of nearly orthogonal representations are nearly Gaussian matrices",
    paper=PAPERS["bn-orthogonalizes"],
    locator="Lemma 2; the paper has 2 n V(H), sharper inner bound derived here",
    statement=r"W_2\bigl(\mathcal L(WH\mid H),\mathcal L(G/\sqrt n)\bigr)^2=\sum_i\bigl(s_i-n^{-1/2}\bigr)^2"
    r"\le nV(H)^2",
    symbols={n: Integers(2, sample=(2, 64)), v: Observed(0, 1), w: Observed(0)},
    assumptions=[singular, gap],
    decides=SureBound(quantity=w, bound=n * v**2),
    mutants=[
        Mutant("n - 2 for n", decides={"bound": (n - 2) * v**2}, cases=({"n": 64},)),
        Mutant("no factor n", decides={"bound": v**2}),
        Mutant("a square root of a singular value may be negative", drop=(singular.name,), by=("derivation",)),
    ],
    notes="w is the squared distance given H. Since V(H) <= 1 the paper's 2 n V(H) follows, and averaging over H can "
    "only shorten it: W_2^2 <= n E V(H_l)^2, about n^2/(4d) for deep networks (`bn-orthogonalizes.sharp-floor`). "
    "One vanishing singular value, the others equal, attains all but about 1/n of the bound.",
)


@wasserstein.derivation
def term_by_term(proof):
    k = proof.index("k", 1)
    positive = proof.assume(singular, k)
    root = 1 / sqrt(n)
    difference = (s(k) - root) ** 2
    slack = proof.certificate(Ge(n * s(k) ** 2 + 2 * sqrt(n) * s(k), 0), [(2 * sqrt(n), positive)], [(n, s(k))])
    term = proof.certificate(Le(difference, n * (s(k) ** 2 - 1 / n) ** 2), [(difference, slack)])
    total = proof.sum_of(term, k, 1, n)
    formula = proof.cite("Wasserstein distance of Gaussian laws", (w, "==", cost), GELBRICH)
    proof.conclude(proof.certificate(Le(w, n * v**2), [(-1, formula), (1, total), (n, proof.assume(gap))]))


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
