"""What L layers of preconditioned gradient descent leave over in the proportional limit (after Ahn et al. 2023).

With layers A_l = a_l Sigma^-1 the loss is E q(lambda)^2 for the residual q(x) = prod_l (1 - a_l x), a polynomial of
degree L with q(0) = 1, and lambda from the mean spectral law of the whitened sample covariance, which tends to the
Marchenko-Pastur law of ratio c as d/n -> c.  The orthonormal polynomials pi_k of that law have the recurrence

    x pi_0 = pi_0 + sqrt(c) pi_1,      x pi_k = sqrt(c) pi_{k-1} + (1 + c) pi_k + sqrt(c) pi_{k+1}    (k >= 1),

so that pi_k(0)^2 = c^-k, and over all residuals q = sum_k g_k pi_k of degree L with q(0) = 1

    min E q^2  =  1/(1 + c^-1 + ... + c^-L)  =  c^L (1 - c)/(1 - c^(L+1)),      at g_k proportional to pi_k(0).

The minimiser has the zeros 1 + c + 2 sqrt(c) cos(k pi/(L+1)), k = 1, ..., L, whose inverses are the steps.

Reference: K. Ahn, X. Cheng, H. Daneshmand, S. Sra, "Transformers learn to implement preconditioned gradient descent for
in-context learning", 2023.  The limit is derived here.
"""

from sympy import Eq, Function, Gt, Le, Rational, Sum, Symbol, pi, sqrt

from gdverify import Assumption, Claim, Integers, Minimiser, Mutant, Positive, Vector, sq
from gdverify.laws import equation
from theorems import PAPERS

L, k = Symbol("L", integer=True, positive=True), Symbol("k", integer=True, nonnegative=True)
c, S = Symbol("c", positive=True), Symbol("S", real=True)
g, w, q = Function("g"), Function("w"), Vector("q")  # w_k is pi_k(0)
equal = lambda a, b: Eq(a, b, evaluate=False)
total = lambda f: Sum(f(k), (k, 0, L))
law = Assumption("pi_k are the orthonormal polynomials of the Marchenko-Pastur law of ratio c")
jacobi = "Marchenko and Pastur 1967; the Jacobi coefficients of the law are 1, 1 + c, 1 + c, ... and sqrt(c)"
start = equation("pi_0 is 1", w(0), 1)
parseval = equation("q is sum g_k pi_k, orthonormal", sq(q), total(lambda j: g(j) ** 2))
at_zero = equation("q(0) = 1", total(lambda j: g(j) * w(j)), 1)
levels = lambda power: total(lambda j: c ** (-power * j))

depth_limit = Claim(
    id="preconditioned-gd.depth-limit",
    title="Under the Marchenko-Pastur law L layers leave 1/(1 + c^-1 + ... + c^-L) at least, which is attained",
    paper=PAPERS["preconditioned-gd"],
    locator="derived here for multiples of the inverse covariance, in the limit law",
    statement=r"\min_{\deg q\le L,\,q(0)=1}\mathbb{E}\,q(\lambda)^2=\Big(\sum_{k=0}^Lc^{-k}\Big)^{-1}"
    r"=\frac{c^L(1-c)}{1-c^{L+1}},\quad\lambda\sim\mathrm{MP}(c)",
    symbols={L: Integers(1, sample=(1, 6)), c: Positive(sample=(Rational(1, 10), Rational(3, 4)))},
    assumptions=[law, start, parseval, at_zero],
    defines={S: levels(1)},
    decides=Minimiser(quantity=sq(q), value=1 / S, attained=total(lambda j: (w(j) / S) ** 2)),
    mutants=[
        Mutant("a factor c^2 for each layer", defines={S: levels(2)}),
        Mutant("sqrt(c) for each layer", defines={S: levels(Rational(1, 2))}),
        Mutant("c^L", decides={"value": c**L}),
        Mutant("0.1% more", decides={"value": Rational(1001, 1000) / S}),
        Mutant("pi_0 of any value", drop=(start.name,), by=("derivation",)),
        Mutant("residuals of any value at 0", drop=(at_zero.name,), by=("derivation",)),
    ],
    notes="The law enters the derivation through the cited recurrence of its polynomials. For fixed steps the losses "
    "at finite n and d tend to the one here by the Marchenko-Pastur theorem, which is not part of the claim; "
    "depth-limit-one and depth-limit-two are proved from finite n and d. For c > 1 the loss tends to 1 - 1/c with "
    "depth, the mass of the law at 0. The experiment integrates the density.",
)


@depth_limit.derivation
def values_at_zero(proof):
    j = proof.index("j")
    gap = lambda i: w(i) + sqrt(c) * w(i + 1)
    base = proof.cite("recurrence of the first two polynomials at 0", equal(w(0) + sqrt(c) * w(1), 0), jacobi)
    following = proof.cite(
        "recurrence of the polynomials at 0", equal(sqrt(c) * w(j) + (1 + c) * w(j + 1) + sqrt(c) * w(j + 2), 0), jacobi
    )
    turn = proof.induction(
        (gap(j), "==", 0), j, base,
        lambda now: proof.certificate((gap(j + 1), "==", 0), [(1, following), (-sqrt(c), now)]),
    )  # fmt: skip
    begin = proof.certificate((w(0) ** 2 - 1, "==", 0), [(w(0) + 1, proof.assume(start))])
    # w_{j+1}^2 c = w_j^2
    power = proof.induction(
        (w(j) ** 2 - c**-j, "==", 0), j, begin,
        lambda now: proof.certificate(
            (w(j + 1) ** 2 - c ** (-j - 1), "==", 0), [(1 / c, now), ((sqrt(c) * w(j + 1) - w(j)) / c, turn)]
        ),
    )  # fmt: skip
    known, inside = proof.definition(S), proof.index("i", 0, L)
    proof.high(inside)
    last = proof.split_sum(known.right)
    ends = [proof.sign(c**-L), proof.sign(Sum(c**-k, (k, 0, L - 1))), last, known]
    proof.certificate(Gt(S, 0), [(1, f) for f in ends])
    size = proof.sum_of(proof.instantiate(power, {j: inside}), inside, 0, L)
    spread = proof.sum_of(proof.sign((S * g(inside) - w(inside)) ** 2), inside, 0, L)
    value, attained = proof.claim.decides.value, proof.claim.decides.attained
    parts = [(1, spread), (2 * S, proof.assume(at_zero)), (1, known), (-1, size)]
    low = proof.certificate(Le(value, sq(q)), [(w_ / S**2, f) for w_, f in parts] + [(1, proof.assume(parseval))])
    proof.conclude(low, proof.certificate(equal(attained, value), [(S**-2, size), (-(S**-2), known)]))


@depth_limit.experiment(cases=[{}, {"c": 2}], samples={"smoke": 256}, block=64)
def integrated_density(xp, rng, case, size):
    """Random steps near the best ones or anywhere, and those; lambda = 1 + c + 2 sqrt(c) cos(theta) turns the density
    into (2/pi) sin(theta)^2/lambda on [0, pi], with an atom of 1 - 1/c at 0 where c > 1.
    """
    c, L, nodes = case.c, case.L, 512
    angle = (xp.astype(xp.arange(nodes), xp.float64) + 0.5) * float(pi) / nodes
    x = 1 + c + 2 * c**0.5 * xp.cos(angle)
    weight = 2 * xp.sin(angle) ** 2 / (x * nodes)
    atom = max(1 - 1 / c, 0.0)
    turns = (xp.astype(xp.arange(L), xp.float64) + 1) * float(pi) / (L + 1)
    best = 1 / (1 + c + 2 * c**0.5 * xp.cos(turns))
    near = rng.bernoulli(0.5, (size, 1))
    steps = best * (1 + (1e-2 * near + (1 - near)) * rng.normal((size, L)))

    def loss(a):
        residual = 1 + 0 * x
        for layer in range(L):
            residual = residual * (1 - a[..., layer : layer + 1] * x)
        return xp.sum(residual**2 * weight, axis=-1) + atom

    return {"quantity": loss(steps), "attained": loss(best[None, :]) + 0 * steps[:, 0]}
