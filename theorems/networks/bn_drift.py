"""Orthogonalisation by batch normalisation on average over layers, without assumption A1.

Daneshmand, Joudaki and Bach (2021), Appendix B.1.  With ell_k = sigma_n(H_k)^2 = lambda_min(G_k) in [0, 1/n]:

    (1/l) sum_{k=1..l} E[ell_k (1/n - ell_k)]  <=  ((n+2)/(2n)) [ E[1/n - ell_1]/l + sqrt((1 - 1/n)/d) ].

The paper has 3/2 for (n+2)/(2n), 1/sqrt(d), and H_0 for H_1.  On average over layers the smallest eigenvalue is near
1/n (orthogonal) or near 0 (rank lost), up to 1/l + 1/sqrt(d): the bound alone does not say which.

Reference: arXiv:2106.03970.
"""

from sympy import Ge, Le, Sum, Symbol

from gdverify import Claim, Integers, Mean, MeanBound, Mutant, Observed
from gdverify.laws import equation
from gdverify.networks import gram_chain
from theorems import PAPERS
from theorems.networks.bn_chain import chain, drift, ell, lack
from theorems.networks.bn_contraction import n, rate
from theorems.networks.bn_noise import d, independent, sigma

l = Symbol("l", integer=True, positive=True)
v = Symbol("v", real=True)
k = Symbol("k", integer=True)
start = equation("v is the mean lack of the first layer", Mean(lack(1)), v)
wide = {"n": 2, "d": 65536, "l": 4, "lack": 0.1}
deep = {"n": 2, "d": 1024, "l": 20, "lack": 0.45}

drift_average = Claim(
    id="bn-orthogonalizes.drift-average",
    title="Batch normalisation without A1: smallest eigenvalues average near 1/n or near 0",
    paper=PAPERS["bn-orthogonalizes"],
    locator="Appendix B.1; the paper has 3/2 for (n+2)/(2n), 1/sqrt(d) and H_0 for H_1, constants derived here",
    statement=r"\frac1l\sum_{k=1}^l\mathbb E\Bigl[\ell_k\bigl(\tfrac1n-\ell_k\bigr)\Bigr]\le\frac{n+2}{2n}\Bigl["
    r"\frac1l\,\mathbb E\bigl(\tfrac1n-\ell_1\bigr)+\sqrt{\frac{1-1/n}{d}}\Bigr],\quad \ell_k=\sigma_n(H_k)^2",
    symbols={
        n: Integers(2, sample=(2, 4)),
        d: Integers(1, sample=(64, 1024)),
        l: Integers(1, sample=(1, 20)),
        v: Observed(0, 1 / n),
    },
    assumptions=[*chain, start],
    decides=MeanBound(
        quantity=Sum(ell(k) * lack(k), (k, 1, l)) / l, bound=(v / l + sigma) / rate, support=(0, 1 / (4 * n**2))
    ),
    mutants=[
        Mutant(
            "noise of order 1/d",
            decides={"bound": (v / l + (1 - 1 / n) / d) / rate},
            cases=(deep,),
        ),
        Mutant("no noise", decides={"bound": v / l / rate}, cases=(deep,)),
        Mutant("half of the constant", decides={"bound": (v / l + sigma) / rate / 2}, cases=(wide,)),
        Mutant("the projectors of a layer need not be independent", drop=(independent.name,), by=("derivation",)),
    ],
    notes="The summand is at most 1/(4 n^2), so the bound says something only for d > 4 n^2 (n+2)^2 or so.",
)


@drift_average.derivation
def telescoping(proof):
    t = proof.index("t", 1)
    step, _, small = drift(proof, t)
    mean = proof.certificate(
        Ge(Mean(lack(t)) - Mean(lack(t + 1)), rate * Mean(ell(t) * lack(t)) - sigma),
        [(1, proof.mean(step)), (1, small)],
    )
    total = proof.telescoped(mean, Mean(lack(t)), t, 1, l + 1)
    last = proof.mean(proof.instantiate(proof.certificate(Ge(lack(t), 0), [(1, proof.sign(lack(t)))]), {t: l + 1}))
    exchange = proof.mean_of_sum(Sum(ell(k) * lack(k), (k, 1, l)))
    begin = proof.assume(start)
    proof.conclude(
        proof.certificate(
            Le(Mean(Sum(ell(k) * lack(k), (k, 1, l)) / l), (v / l + sigma) / rate),
            [(1 / (rate * l), total), (1 / (rate * l), last), (-1 / (rate * l), begin), (-1 / l, exchange)],
        )
    )


@drift_average.experiment(cases=[{**wide, "d": 4096}, {"lack": 0.2}, {"lack": 0.45}], block=32)
def layers(xp, rng, case, size):
    """H_1 has one eigenvalue of G_1 at (1 - lack)/n, the others equal."""
    values = (1 + case.lack / (case.n - 1)) * xp.ones((case.n,))
    values = (values - (1 + 1 / (case.n - 1)) * case.lack * xp.astype(xp.arange(case.n) == 0, xp.float64)) / case.n
    first = xp.broadcast_to(values, (size, case.n))
    factor = xp.broadcast_to(xp.eye(case.n) * xp.sqrt(values), (size, case.n, case.n))
    spectra = [first, *gram_chain(xp, rng, factor, case.d, case.l - 1)]
    total = xp.zeros((size,))
    for spectrum in spectra:
        total = total + spectrum[:, 0] * (1 / case.n - spectrum[:, 0])
    return {"quantity": total / case.l, "v": case.lack / case.n}
