"""Batch normalisation orthogonalises deep random networks (Daneshmand, Joudaki, Bach 2021, Theorem 1, repaired).

H_{l+1} = d^(-1/2) BN(W_l H_l) with Gaussian W_l (rows scaled to unit norm), V(H) = |H^T H/|H|^2 - I/n|.  Let E_l be the
event that sigma_n(H_k)^2 >= alpha for k = 1..l.  For all n >= 2, d >= 1, l >= 0, with c = 2n/(n+2):

    E V(H_{l+1}) 1_{E_l}  <=  sqrt(n(n-1)) [ (1 - c alpha)^l/n + sqrt((1 - 1/n)/d)/(c alpha) ].

This implies the paper's 2 (1 - 2 alpha/3)^l + 3 n/(alpha sqrt(d)) with alpha read as a bound on the squared singular
value.  The paper assumes that E_l holds almost surely; at a finite width it does not as l grows, hence the stopping.

Reference: arXiv:2106.03970.
"""

from sympy import Function, Ge, Integer, Le, Rational, Symbol, sqrt

from gdverify import Assumption, Claim, Integers, Interval, Mean, MeanBound, Mutant
from gdverify.networks import correlated, gap, gram_chain
from theorems import PAPERS
from theorems.networks.bn_chain import V, chain, drift, ell, gap_bound, lack, orthogonality_gap
from theorems.networks.bn_contraction import n, rate
from theorems.networks.bn_noise import D, T, d, independent, sigma

l = Symbol("l", integer=True, nonnegative=True)
alpha = Symbol("alpha", positive=True)
event = Function("E")


def stays(level):
    """E_l as an indicator: it decreases in l, and ell_k >= level on it for 1 <= k <= l."""
    return Assumption(
        "E_l: the smallest eigenvalue of G_k is at least alpha for k = 1..l",
        lambda t: [
            Ge(event(t), 0, evaluate=False),
            Ge(event(t), event(t + 1), evaluate=False),
            Ge(event(t + 1) * (ell(t + 1) - level), 0, evaluate=False),
            Ge(1, event(t), evaluate=False),
        ],
        key=("stays", level),
    )


def stopped_sum(proof):
    """Fact: E V(H_{l+1}) 1_{E_l} <= sqrt(n(n-1)) ((1 - c alpha)^l/n + sigma/(c alpha))."""
    t, k = proof.index("t", 1), proof.index("k")
    step, jump, small = drift(proof, t)
    step, small, spread = (proof.instantiate(f, {t: k + 1}) for f in (step, small, gap_bound(proof, t)))
    jump, c = jump.subs(t, k + 1), rate * alpha
    proof.instantiate(proof.certificate(Ge(lack(t), 0), [(1, proof.sign(lack(t)))]), {t: k + 1})
    low = proof.instantiate(proof.certificate(Ge(ell(t), 0), [(1, proof.sign(ell(t)))]), {t: 1})
    inside, less, high, below = proof.assume(stays(alpha), k)
    proof.instantiate(proof.certificate(Ge(event(k), 0), [(1, inside)]), {k: k + 1})
    proof.certificate(Ge(1 - c, 0), [(rate, proof.high(alpha)), (n / (n + 2), proof.sign(Integer(1)))])
    lost = proof.certificate(Ge(1 - event(k + 1), 0), [(1, less), (1, below)])
    proof.certificate(Ge(jump, 0), [], [(1 / (2 * sigma), T(k + 1, d) / d - D(k + 1)), (sigma / 2, 1)])
    # on E_{k+1}: lack falls by 1 - c alpha; off E_{k+1} there is nothing to show
    e0, e1, one, shrink = event(k), event(k + 1), proof.sign(Integer(1)), 1 - c
    now_next = proof.certificate(
        Le(e1 * lack(k + 2), shrink * e0 * lack(k + 1) + jump),
        [
            (e1, step),
            (rate * lack(k + 1), high),
            (shrink * lack(k + 1), less),
            (jump, lost),
        ],
    )
    mean, level = proof.mean(now_next), lambda s: shrink**s / n + sigma / c
    first = proof.assume(stays(alpha), 0)
    start = proof.mean(proof.certificate(Le(event(0) * lack(1), 1 / n), [(1 / n, first[3]), (event(0), low)]))
    falls = proof.induction(
        Le(Mean(e0 * lack(k + 1)), level(k)),
        k,
        proof.certificate(Le(Mean(event(0) * lack(1)), level(0)), [(1, start), (sigma / c, one)]),
        lambda now: proof.certificate(Le(Mean(e1 * lack(k + 2)), level(k + 1)), [(1, mean), (shrink, now), (1, small)]),
    )
    far = proof.mean(proof.certificate(Le(e0 * V(k + 1), sqrt(n * (n - 1)) * e0 * lack(k + 1)), [(e0, spread)]))
    return proof.certificate(
        Le(Mean(e0 * V(k + 1)), sqrt(n * (n - 1)) * level(k)), [(1, far), (sqrt(n * (n - 1)), falls)]
    ), k


floor_case = {"n": 2, "d": 1024, "l": 20, "alpha": Rational(2, 5), "correlation": 0.0}

stopped = Claim(
    id="bn-orthogonalizes.depth-width",
    title="Batch normalisation orthogonalises: depth until eigenvalues leave [alpha, 1], floor of order 1/sqrt(width)",
    paper=PAPERS["bn-orthogonalizes"],
    locator="Theorem 1, repaired (alpha bounds the squared singular value, E_l stops the chain), sharper constants",
    statement=r"\mathbb E\bigl[V(H_{l+1})\mathbf 1_{E_l}\bigr]\le\sqrt{n(n-1)}\Bigl[\frac{(1-c\alpha)^l}{n}"
    r"+\frac{1}{c\alpha}\sqrt{\frac{1-1/n}{d}}\Bigr],\ c=\tfrac{2n}{n+2},\ "
    r"E_l=\{\sigma_n(H_k)^2\ge\alpha,\ k\le l\}",
    symbols={
        n: Integers(2, sample=(2, 4)),
        d: Integers(1, sample=(64, 1024)),
        l: Integers(0, sample=(0, 20)),
        alpha: Interval(0, 1 / n, open="left", sample=(1 / (10 * n), 1 / (2 * n))),
    },
    assumptions=[*chain, stays(alpha), orthogonality_gap],
    decides=MeanBound(
        quantity=event(l) * V(l + 1),
        bound=sqrt(n * (n - 1)) * ((1 - rate * alpha) ** l / n + sigma / (rate * alpha)),
        support=(0, sqrt(1 - 1 / n)),
    ),
    mutants=[
        Mutant(
            "a floor of order 1/width",
            decides={"bound": sqrt(n * (n - 1)) * ((1 - rate * alpha) ** l / n + (1 - 1 / n) / (rate * alpha * d))},
            cases=(floor_case,),
        ),
        Mutant(
            "no floor",
            decides={"bound": sqrt(n * (n - 1)) * (1 - rate * alpha) ** l / n},
            cases=(floor_case,),
        ),
        Mutant(
            "the gap is at most the lack of the smallest eigenvalue",
            decides={"bound": (1 - rate * alpha) ** l / n + sigma / (rate * alpha)},
            cases=({"n": 4, "d": 4096, "l": 0, "alpha": Rational(1, 4), "correlation": 0.99},),
        ),
        Mutant(
            "alpha bounds the singular value, as printed",
            drop=(stays(alpha).name,),
            add=(stays(alpha**2),),
            by=("derivation",),
        ),
        Mutant("the projectors of a layer need not be independent", drop=(independent.name,), by=("derivation",)),
    ],
    notes="Loose: the stationary level of E V^2 is about n/(4d) (`bn-orthogonalizes.sharp-floor`), the contraction "
    "near I/n is n/(n+2) per layer. Without stopping, add sqrt(1 - 1/n) P(not E_l); at a finite width P(E_l) -> 0 as l "
    "grows, for every alpha. Evidence draws alpha from [1/(10n), 1/(2n)].",
)


@stopped.derivation
def supermartingale(proof):
    bound, k = stopped_sum(proof)
    proof.conclude(proof.instantiate(bound, {k: l}))


@stopped.experiment(
    cases=[
        {**floor_case, "l": 12},
        {"n": 2, "d": 4096, "l": 8, "alpha": Rational(3, 20), "correlation": 0.8},
        {"n": 4, "d": 4096, "l": 6, "alpha": Rational(2, 25), "correlation": 0.5},
        {"correlation": 0.1},
        {"n": 8, "d": 65536, "l": 30, "alpha": Rational(1, 20), "correlation": 0.5, "tier": "full"},
    ],
    block=32,
)
def stopped_gap(xp, rng, case, size):
    spectra = gram_chain(xp, rng, correlated(xp, size, case.n, case.correlation), case.d, case.l + 1)
    inside = xp.ones((size,))
    for values in spectra[:-1]:
        inside = inside * xp.astype(values[:, 0] >= case.alpha, xp.float64)
    return {"quantity": gap(xp, spectra[-1]) * inside}
