"""Gradients under batch normalisation do not explode while the isometry gap falls (Meterez, Joudaki et al. 2023).

A layer X -> BN(W X) with orthogonal W scales the rows, of squared norms a_i and mean abar.  Its Jacobian has the
operator norm max_i a_i^(-1/2).  How far it can expand is paid for by the isometry gap phi: for every row

    log(abar/a_i)  <=  D + sqrt(2 D),      D = d (phi(X) - phi(BN(W X))).

From the second layer on abar = 1, so that log |dX_L/dX_l| <= sum_k (D_k + sqrt(2 D_k))/2 over the layers between: the
first terms add up to at most d phi(X_l)/2 at every depth, and the others converge where phi falls exponentially.

Reference: arXiv:2310.02012; the bound is derived here.
"""

from sympy import Ge, Le, Sum, Symbol, exp, log, sqrt

from gdverify import Claim, Integers, Mutant, Nonnegative, Observed, Reals, SureBound
from gdverify.laws import equation
from theorems import PAPERS
from theorems.networks.isometry_gap import (
    SYMBOLS,
    abar,
    after,
    averages,
    before,
    d,
    definitions,
    determinants,
    i,
    means,
    norms,
    one_layer,
    r,
)  # fmt: skip

j = Symbol("j", integer=True, positive=True)
fall = Symbol("D", real=True)
expansion = Symbol("g", real=True)
is_expansion = equation("g is the logarithm of the expansion of row j", expansion, log(abar) - r(j))
is_fall = equation("D is d times the fall of the isometry gap", fall, d * (before - after))

layer_norm = Claim(
    id="bn-without-gradient-explosion.bounded-gradients-layer",
    title="A layer expands gradients by no more than the isometry gap pays for",
    paper=PAPERS["bn-without-gradient-explosion"],
    locator="the gradient bound (Theorem 2) for one layer, with a constant derived here",
    statement=r"\log\frac{\bar a}{a_j}\le D+\sqrt{2D},\qquad D=d\,\bigl(\phi(X)-\phi(\mathrm{BN}(WX))\bigr)",
    symbols={**SYMBOLS, j: Integers(1, d, sample=(1, d)), fall: Observed(0), expansion: Observed()},
    assumptions=[*definitions, norms, is_fall, is_expansion],
    decides=SureBound(quantity=expansion, bound=fall + sqrt(2 * fall)),
    mutants=[
        Mutant("no root", decides={"bound": fall}),
        Mutant("root of D", decides={"bound": fall + sqrt(fall)}, cases=({"d": 2, "j": 1},)),
        Mutant("half of D", decides={"bound": fall / 2 + sqrt(2 * fall)}, cases=({"d": 2, "j": 1},)),
        Mutant("norms that do not add up", drop=(norms.name,), by=("derivation",)),
    ],
    notes="Nearly attained by one small row among many. Theorem 2 of the paper bounds the mean log of the gradient "
    " norm by a polynomial in d at every depth; summed over layers this gives d phi_0/2 plus a convergent sum.",
)


@layer_norm.derivation
def one_row(proof):
    fact, defined, (_, mean_log) = determinants(proof), proof.assume(is_fall), proof.assume(averages)
    lowest = proof.low(fall)
    proof.low(j), proof.high(j)
    k, y, v = proof.index("k", 1), proof.scalar("y", Reals()), proof.scalar("v", Nonnegative())
    excess = lambda at: exp(r(at)) / abar - 1 - r(at) + log(abar)
    line = proof.instantiate(proof.tangent(exp(y), y, 0), {y: r(k) - log(abar)})
    proof.tangent(exp(y), y, 0)
    each = proof.certificate(Ge(excess(k), 0), [(1, line)])
    cut = proof.split_sum(Sum(excess(i), (i, 1, d)), j)
    last = proof.split_sum(Sum(excess(i), (i, 1, j)))
    rest = [proof.sum_of(each, k, 1, j - 1), proof.sum_of(each, k, j + 1, d)]
    own = proof.certificate(
        Ge(fall, excess(j)),
        [
            *((1, part) for part in rest),
            (1, cut),
            (1, last),
            (1, defined),
            (d, fact),
            (-1 / abar, proof.assume(norms)),
            (1, mean_log),
        ],
    )
    row = proof.assume(is_expansion)
    own = proof.certificate(Ge(fall, exp(-expansion) - 1 + expansion), [(1, own)], using=[row])
    square = proof.monotone(exp(-v) - 1 + v - (1 - exp(-v)) ** 2 / 2, v)
    expands, share = expansion, exp(-expansion)

    def larger(sign):
        """The row is shorter than the mean: (1 - a/abar)^2/2 is at most its excess."""
        near = proof.instantiate(square, {v: expands})
        twice = proof.certificate(Ge(2 * fall, (1 - share) ** 2), [(2, own), (2, near)])
        return proof.certificate(Ge(fall + sqrt(2 * fall) - expands, 0), [(1, own), (1, proof.root(twice, 1 - share))])

    def smaller(sign):
        return proof.certificate(
            Ge(fall + sqrt(2 * fall) - expands, 0), [(1, lowest), (1, proof.sign(sqrt(2 * fall))), (1, sign)]
        )

    total = proof.by_cases(expands, larger, smaller)
    proof.conclude(proof.certificate(Le(expands, fall + sqrt(2 * fall)), [(1, total)]))


@layer_norm.experiment(cases=[{"d": 1, "j": 1}, {"d": 2, "j": 1}, {"d": 4}], samples={"smoke": 1024})
def rows(xp, rng, case, size):
    first, second, squares = one_layer(xp, rng, case, size)
    average = means(xp, squares)
    fallen = case.d * xp.maximum(first - second, 0 * first)
    expands = xp.log(average["abar"]) - xp.log(squares[:, case.j - 1])
    return {"quantity": expands, "g": expands, "D": fallen, **average}
