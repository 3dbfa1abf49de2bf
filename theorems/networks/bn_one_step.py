"""One layer of batch normalisation at finite width (Daneshmand, Joudaki, Bach 2021, Theorem 5).

G has trace 1 and smallest eigenvalue ell; G' is the Gram matrix after a layer of width d, D its mean given G, and
p = lambda_min(D) (see `bn-orthogonalizes.one-step-noise`):

    E lambda_min(G')          <=  p                                                          (the noise never helps)
    E [1/n - lambda_min(G')]  <=  (1 - (2n/(n+2)) ell)(1/n - ell) + sqrt((1 - 1/n)/d)

The paper has 2/3 for 2n/(n+2) and 1/sqrt(d) for the last term.  No assumption A1 is needed for one layer.

Reference: arXiv:2106.03970.
"""

from sympy import Le, Rational, sqrt

from gdverify import Assumption, Claim, Inner, Integers, Mean, MeanBound, Mutant, Observed
from theorems import PAPERS
from theorems.networks.bn_contraction import ell, equal, n, p, rate, smallest, spectrum
from theorems.networks.bn_noise import (
    FAMILIES,
    D,
    P,
    T,
    axis,
    d,
    gram,
    lambda_min,
    layer,
    least_form,
    mean_bound,
    mean_layer,
    noise_bound,
    one_layer,
    regime,
    sigma,
    sums,
    traces,
)  # fmt: skip

one_step = Claim(
    id="bn-orthogonalizes.one-step",
    title="A batch-normalised layer of width d contracts 1/n - lambda_min up to noise 1/sqrt(d)",
    paper=PAPERS["bn-orthogonalizes"],
    locator="Theorem 5; the paper has 2/3 for 2n/(n+2) and 1/sqrt(d), constants derived here",
    statement=r"\mathbb E\bigl[\tfrac1n-\lambda_{\min}(G')\bigr]\le\Bigl(1-\tfrac{2n}{n+2}\ell\Bigr)"
    r"\Bigl(\tfrac1n-\ell\Bigr)+\sqrt{\frac{1-1/n}{d}},\quad \ell=\lambda_{\min}(G)",
    symbols={**regime, ell: Observed(0, 1 / n)},
    assumptions=[*spectrum, smallest, *layer, traces, mean_layer, least_form],
    decides=MeanBound(
        quantity=1 / n - lambda_min(gram()), bound=(1 - rate * ell) * (1 / n - ell) + sigma, support=(0, 1 / n)
    ),
    mutants=[
        Mutant(
            "noise of order 1/d",
            decides={"bound": (1 - rate * ell) * (1 / n - ell) + (1 - 1 / n) / d},
            cases=({"family": "isotropic", "d": 64},),
        ),
        Mutant(
            "half of the noise",
            decides={"bound": (1 - rate * ell) * (1 / n - ell) + sigma / 2},
            cases=({"family": "isotropic", "n": 2, "d": 64},),
        ),
        Mutant(
            "contraction with 3n/(n+2)",
            decides={"bound": (1 - 3 * n / (n + 2) * ell) * (1 / n - ell) + sigma},
            cases=({"family": "two to three", "n": 2, "d": 16384},),
        ),
        Mutant("D need not have trace one", drop=(traces.name,), by=("derivation",)),
    ],
    notes="At G = I/n the truth is about 0.6 of the bound for n = 2; the noise term is Jensen's inequality on "
    "`one-step-eigenvalue`.",
)


@one_step.derivation
def contraction_plus_noise(proof):
    bound = mean_bound(proof, lambda j: proof.assume(smallest, j), proof.low(ell), proof.high(ell))
    fall, energy = noise_bound(proof)
    mean = proof.rewrite(proof.mean(fall))
    proof.conclude(
        proof.certificate(
            Le(Mean(1 / n - lambda_min(gram())), (1 - rate * ell) * (1 / n - ell) + sigma),
            [(1, proof.mean(bound)), (1, mean), (1 / (2 * sigma), energy)],
        )
    )


@one_step.experiment(cases=FAMILIES, samples={"smoke": 20000})
def next_gap(xp, rng, case, size):
    values, _, gram = one_layer(xp, rng, case, size, case.family)
    return {"quantity": 1 / case.n - xp.linalg.eigvalsh(gram)[:, 0], "ell": xp.min(values)}


smallest_share = Assumption("p is the smallest eigenvalue of D", lambda: equal(lambda_min(D()), p))
unbiased = Assumption(
    "projectors have mean D", lambda k: equal(Mean(Inner(P(k), axis(D()))), Mean(Inner(D(), axis(D()))))
)

lower = Claim(
    id="bn-orthogonalizes.one-step-lower",
    title="The noise of a batch-normalised layer lowers the smallest eigenvalue on average",
    paper=PAPERS["bn-orthogonalizes"],
    locator="complement to Theorem 5, derived here",
    statement=r"\mathbb E\,\lambda_{\min}(G')\le p=\lambda_{\min}(\mathbb E[G'\mid G])",
    symbols={**regime, d: Integers(n, sample=(n, 256)), p: Observed(0, 1)},
    assumptions=[sums, unbiased, smallest_share, least_form],
    decides=MeanBound(quantity=lambda_min(gram()), bound=p, tol=0.01, support=(0, 1 / n)),
    mutants=[
        Mutant(
            "2% below the smallest mean share",
            decides={"bound": Rational(49, 50) * p},
            cases=({"family": "skewed", "n": 2, "d": 256},),
        ),
        Mutant(
            "lower by a tenth of the noise's bound",
            decides={"bound": p - sqrt((1 - 1 / n) / d) / 10},
            cases=({"family": "skewed", "n": 2, "d": 256},),
        ),
        Mutant("projectors need not have mean D", drop=(unbiased.name,), by=("derivation",)),
    ],
    notes="Concavity of the smallest eigenvalue: a finite width never helps on average.",
)


@lower.derivation
def rayleigh(proof):
    b = proof.index("b")
    zero, more = proof.assume(sums, b)
    each, value = proof.assume(unbiased, b), proof.assume(smallest_share)
    attained, _, _ = proof.assume(least_form, D(), D())
    _, least, _ = proof.assume(least_form, gram(), D())
    level = proof.certificate(equal(Inner(D(), axis(D())), p), [(1, value), (-1, attained)])
    along = lambda c: equal(Mean(Inner(T(c), axis(D()))), c * p)
    total = proof.induction(
        along(b), b, proof.certificate(along(0), using=[zero]),
        lambda now: proof.certificate(along(b + 1), [(1, now), (1, each)], using=[more, level]),
    )  # fmt: skip
    proof.conclude(
        proof.certificate(
            Le(Mean(lambda_min(gram())), p), [(1, proof.mean(least)), (-1 / d, proof.instantiate(total, {b: d}))]
        )
    )


@lower.experiment(cases=FAMILIES)
def next_smallest(xp, rng, case, size):
    _, means, gram = one_layer(xp, rng, case, size, case.family)
    low = xp.maximum(xp.linalg.eigvalsh(gram)[:, 0], xp.asarray(0.0))
    return {"quantity": low, "p": xp.min(means)}
