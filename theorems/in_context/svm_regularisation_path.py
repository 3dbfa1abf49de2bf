"""Where attention goes as its weights grow (Ataee Tarzanagh, Li, Thrampoulidis and Oymak 2023): the margin direction.

n samples of two tokens: W enters through the margins m_i(W) = <D_i, W>, D_i = (x_i0 - x_i1) z_i^T, the other token has
the share p_i = 1/(1 + exp(m_i)), and the loss exceeds its infimum by between p_i and kappa p_i on every sample (a loss
that decreases in the score, scaled).  W_mm is the least W with all margins 1, mu = 1/|W_mm| the largest margin of
weights of norm 1.  W_R of norm at most R, with no more loss than R mu W_mm, has

    |W_R/R - mu W_mm|^2  <=  2 - 2 log(exp(R mu)/(n kappa) - 1)/(R mu),

which is about 2 log(n kappa)/(R mu): as R grows the best weights turn to the margin direction.

Reference: D. Ataee Tarzanagh, Y. Li, C. Thrampoulidis, S. Oymak, "Transformers as Support Vector Machines", 2023.  The
bound is derived here.
"""

from sympy import Eq, Function, Ge, Gt, Le, Rational, Sum, Symbol, exp, log, symbols

from gdverify import (
    Assumption,
    Claim,
    Domain,
    Inner,
    Integers,
    Mutant,
    Observed,
    Positive,
    Reals,
    SureBound,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.laws import inequality
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
i = Symbol("i", integer=True, positive=True)
R, mu, kappa = symbols("R mu kappa", positive=True)
D, V, W = VectorSequence("D"), Vector("W_mm"), Vector("W_R")
a, E, F = Function("a"), Function("E"), Function("F")
share = lambda margin: 1 / (1 + exp(margin))
single = lambda k: [k - 1, n - k]


def every_sample(name, relation, latex):
    return Assumption(name, relation, latex=latex, key=("sample", name), where=single)


margins = every_sample(
    "margins of W_mm", lambda k: Ge(Inner(D(k), V), 1, evaluate=False), r"\langle D_i, W_{mm}\rangle \ge 1"
)
weights = every_sample("weights are non-negative", lambda k: Ge(a(k), 0, evaluate=False), r"a_i \ge 0")
support = every_sample(
    "weights on support vectors alone",
    lambda k: Eq(a(k) * (Inner(D(k), V) - 1), 0, evaluate=False),
    r"a_i(\langle D_i, W_{mm}\rangle - 1) = 0",
)
combination = Assumption(
    "W_mm is a combination of the D_i",
    lambda u: Eq(Inner(V, u), Sum(a(i) * Inner(D(i), u), (i, 1, n)), evaluate=False),
    latex=r"W_{mm} = \sum_i a_iD_i",
    key=("combination", n),
)
length = Assumption(
    "mu is the margin", lambda: Eq(sq(V), mu**-2, evaluate=False), latex=r"\mu = 1/\|W_{mm}\|", key=("mu",)
)
ball = Assumption("norm at most R", lambda: Le(sq(W), R**2, evaluate=False), latex=r"\|W_R\| \le R", key=("ball",))
at_least = every_sample(
    "loss at W_R is p at least", lambda k: Ge(E(k), share(Inner(D(k), W)), evaluate=False), r"E_i \ge p_i(W_R)"
)
at_most = every_sample(
    "loss at R mu W_mm is kappa p at most",
    lambda k: Le(F(k), kappa * share(R * mu * Inner(D(k), V)), evaluate=False),
    r"F_i \le \kappa p_i(R\mu W_{mm})",
)
better = inequality("W_R has no more loss", Le(Sum(E(i), (i, 1, n)), Sum(F(i), (i, 1, n)), evaluate=False))
large = inequality("R is large", Gt(exp(R * mu), n * kappa, evaluate=False))
odds = lambda c: 2 - 2 * log(exp(R * mu) / c - 1) / (R * mu)

path = Claim(
    id="transformers-as-svm.regularisation-path",
    title="The best attention weights of norm R turn to the margin direction as R grows",
    paper=PAPERS["transformers-as-svm"],
    locator="regularisation path, two tokens; explicit bound derived here",
    statement=r"\|W_R\|\le R,\ L(W_R)\le L(R\mu W_{mm}):\quad \Big\|\frac{W_R}R-\frac{W_{mm}}{\|W_{mm}\|}\Big\|^2\le"
    r"2-\frac{2}{R\mu}\log\Big(\frac{e^{R\mu}}{n\kappa}-1\Big)",
    symbols={
        n: Integers(1, sample=(2, 4)),  # for n kappa = 1 the bound is of the size of exp(-R mu)
        kappa: Domain(1, sample=(1, 20)),
        R: Positive(sample=(5, 40)),
        mu: Observed(0, open="left"),
    },
    decides=SureBound(sq(W / R - mu * V), odds(n * kappa)),
    assumptions=[margins, weights, support, combination, length, ball, at_least, at_most, better, large],
    mutants=[
        Mutant("kappa left out", decides={"bound": odds(n)}, cases=({"n": 2, "kappa": 20, "R": 10},)),
        Mutant("n left out", decides={"bound": odds(kappa)}, cases=({"n": 3, "kappa": 20, "R": 10},)),
        Mutant("1 + (n - 1) kappa for n kappa", decides={"bound": odds(1 + (n - 1) * kappa)},
               cases=({"n": 2, "kappa": 20, "R": 10},)),
        Mutant("10% below", decides={"bound": Rational(9, 10) * odds(n * kappa)},
               cases=({"n": 3, "kappa": 20, "R": 10},)),
        Mutant("1/R^2", decides={"bound": odds(n * kappa) / (R * mu)}, cases=({"n": 2, "kappa": 10, "R": 10},)),
        Mutant("any W with the margins", drop=("W_mm is a combination of the D_i",), by=("derivation",)),
        Mutant("weights longer than R", drop=("norm at most R",), by=("derivation",)),
    ],
    notes="The best W of norm at most R is such a W_R. Of other W_R, one that has margins to spare on all samples but "
    "one comes near the bound, as in the experiment. For two tokens; with more tokens of one common score the share is "
    "between 1/(1 + exp(m)) and T exp(-m), m the least margin, which puts T kappa for kappa.",
)  # fmt: skip


@path.derivation
def margins_of_good_weights(proof):
    k, y = proof.index("k", 1, n), proof.scalar("y", Reals())
    proof.high(k)
    line = proof.tangent(exp(y), y, 0)
    Q = exp(R * mu) / (n * kappa)
    far = proof.product(
        proof.sign(R * mu), proof.certificate(Ge(Inner(D(k), V) - 1, 0), [(1, proof.assume(margins, k))])
    )
    above = proof.instantiate(line, {y: far.left})
    rise = proof.certificate(Ge(exp(R * mu * Inner(D(k), V)), exp(R * mu)), [(exp(R * mu), above), (exp(R * mu), far)])
    there = exp(R * mu * Inner(D(k), V))
    small = proof.certificate(
        Ge(kappa * exp(-R * mu), F(k)),
        [(1, proof.assume(at_most, k)), (kappa * exp(-R * mu) / (1 + there), rise),
         (kappa * exp(-R * mu) / (1 + there), proof.sign(Rational(1)))],
    )  # fmt: skip
    total = proof.sum_of(small, k, 1, n)
    # one sample's loss is below all of it
    j, loss = proof.index("j", 1, n), lambda low, high: Sum(E(i), (i, low, high))
    proof.high(j)
    here = exp(Inner(D(j), W))
    mine, other = proof.assume(at_least, j), proof.assume(at_least, k)
    positive = proof.certificate(Ge(E(k), 0), [(1, other), (1, proof.sign(share(Inner(D(k), W))))])
    proof.certificate(Ge(n - j + 1, 0), [(1, proof.high(j)), (1, proof.sign(Rational(1)))])
    rest = [proof.sum_of(positive, k, 1, j - 1), proof.sum_of(positive, k, j + 1, n)]
    cuts = [proof.split_sum(loss(1, n), at=j), proof.split_sum(loss(1, j))]
    one = proof.certificate(
        Ge(n * kappa * exp(-R * mu), share(Inner(D(j), W))),
        [(1, f) for f in (*rest, *cuts, mine, proof.assume(better), total)],
    )
    odd = proof.certificate(Ge(1 + here - Q, 0), [((1 + here) * Q, one)])
    gap = proof.certificate(Gt(Q - 1, 0), [(1 / (n * kappa), proof.assume(large))])
    level = log(gap.left)
    bent = proof.instantiate(line, {y: level - Inner(D(j), W)})
    margin = proof.certificate(Ge(Inner(D(j), W) - level, 0), [(1, bent), (exp(-Inner(D(j), W)), odd)])
    # the combination of margins that is <W_mm, W_R>
    weighted = proof.sum_of(proof.product(proof.assume(weights, j), margin), j, 1, n)
    held = proof.sum_of(proof.assume(support, j), j, 1, n)
    size = proof.assume(length)
    along = proof.certificate(
        Ge(Inner(V, W), level / mu**2),
        [(1, proof.assume(combination, W)), (1, weighted), (-level, proof.assume(combination, V)), (level, size),
         (-level, held)],
    )  # fmt: skip
    stated = proof.claim.decides
    proof.conclude(
        proof.certificate(
            Le(stated.quantity, stated.bound),
            [(R**-2, proof.assume(ball)), (2 * mu / R, along), (-(mu**2), size)],
        )
    )


@path.experiment(samples={"smoke": 512}, block=128)
def one_weak_sample(xp, rng, case, size):
    """Orthogonal D_i, the first of them short.  All other samples get margins to spare, which costs little norm, the
    first one the least margin that keeps the loss, and what is left of the norm goes where no sample sees it.  The
    excess loss is a multiple of p; or, for the first sample, kappa times its share at R mu W_mm until p exceeds that.
    """
    n, kappa, R = case.n, case.kappa, case.R
    first = rng.uniform((size, 1), 1, 2)
    lengths = xp.concat([first, first * 10 ** rng.uniform((size, n - 1), 2, 4)], axis=-1)
    slopes = kappa ** rng.uniform((size, n), 0, 1)
    heavy = rng.bernoulli(0.5, (size, 1))
    crest = xp.astype(xp.arange(n) < 1, xp.float64)
    slopes = heavy * (crest + kappa * (1 - crest)) + (1 - heavy) * slopes
    mu = 1 / xp.sqrt(xp.sum(lengths**-2, axis=-1))[:, None]
    level, extra = R * mu, rng.uniform((size, n - 1), 0, 12)
    flat = heavy * rng.bernoulli(0.5, (size, 1)) * (kappa - 1)
    saved = -xp.expm1(-extra) / (1 + xp.exp(-level - extra))  # 1 - p(level + extra)/p(level), p(m) = 1/(1 + e^m)
    more = flat + xp.sum(slopes[:, 1:] * saved, axis=-1)[:, None] / slopes[:, :1]
    lost = xp.log1p(more) - xp.log1p(-more * xp.exp(-level))  # the first sample's p is p(level)(1 + more)
    # |W/R - mu V|^2 = 2(1 - mu <W/R, V>), as both have norm 1
    off = (lost / first**2)[:, 0] - xp.sum(extra / lengths[:, 1:] ** 2, axis=-1)
    return {"quantity": 2 * mu[:, 0] / R * off, "mu": mu[:, 0]}
