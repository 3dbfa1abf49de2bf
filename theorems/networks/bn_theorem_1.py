"""Theorem 1 of Daneshmand, Joudaki and Bach (2021) with its own constants, alpha bounding the squared singular value.

    E V(H_{l+1}) 1_{E_l}  <=  2 (1 - 2 alpha/3)^l + 3 n/(alpha sqrt(d)),    E_l: sigma_n(H_k)^2 >= alpha for k = 1..l.

A corollary of `bn-orthogonalizes.depth-width`.  If E_l is sure, this is the printed inequality; with alpha bounding
sigma_n itself, as printed, it is false (`bn-orthogonalizes.printed-bound-is-false`).

Reference: arXiv:2106.03970.
"""

from sympy import Ge, Integer, Le, Mul, Rational, S, sqrt

from gdverify import Claim, Mean, MeanBound, Mutant
from theorems import PAPERS
from theorems.networks import bn_depth_width as sharp
from theorems.networks.bn_chain import V
from theorems.networks.bn_contraction import n, rate
from theorems.networks.bn_depth_width import alpha, event, l, stays, stopped_gap, stopped_sum
from theorems.networks.bn_noise import d, independent, sigma

late = {"n": 2, "d": 4096, "l": 30, "alpha": Rational(2, 5), "correlation": 0.0}
contraction = 1 - 2 * alpha / 3

theorem_1 = Claim(
    id="bn-orthogonalizes.depth-width-printed",
    title="Theorem 1 on orthogonalisation by batch normalisation, with alpha bounding the squared singular value",
    paper=PAPERS["bn-orthogonalizes"],
    locator="Theorem 1, with alpha for the square and the stopping event",
    statement=r"\mathbb E\bigl[V(H_{l+1})\mathbf 1_{E_l}\bigr]\le2\Bigl(1-\frac{2\alpha}3\Bigr)^l"
    r"+\frac{3n}{\alpha\sqrt d}",
    symbols=sharp.stopped.symbols,
    assumptions=sharp.stopped.assumptions,
    decides=MeanBound(
        quantity=event(l) * V(l + 1),
        bound=2 * contraction**l + 3 * n / (alpha * sqrt(d)),
        support=(0, sqrt(1 - 1 / n)),
    ),
    mutants=[
        Mutant("noise 3n/(alpha d)", decides={"bound": 2 * contraction**l + 3 * n / (alpha * d)}, cases=(late,)),
        Mutant("no noise", decides={"bound": 2 * contraction**l}, cases=(late,)),
        Mutant(
            "alpha bounds the singular value, as printed",
            drop=(stays(alpha).name,),
            add=(stays(alpha**2),),
            by=("derivation",),
        ),
        Mutant("the projectors of a layer need not be independent", drop=(independent.name,), by=("derivation",)),
    ],
    notes="alpha <= 1/n, so the noise is at least 3 n^2/sqrt(d): informative (below sqrt(1 - 1/n)) only for d > 9 n^4 "
    "or so, and larger than the stationary level by a factor of at least 6 n^(3/2). The order 1/sqrt(d) is right.",
)


@theorem_1.derivation
def corollary(proof):
    one, general = proof.sign(Integer(1)), stopped_sum(proof)
    bound = proof.instantiate(general[0], {general[1]: l})
    root = proof.power(proof.certificate(Ge(n**2, n * (n - 1)), [(n, one)]), S.Half)
    slow = proof.certificate(Ge(contraction, 1 - rate * alpha), [(alpha * (rate - Rational(2, 3)), one)])
    proof.certificate(Ge(contraction, 0), [(Rational(2, 3), proof.high(alpha)), (1 - 2 / (3 * n), one)])
    powers = proof.power(slow, l)
    narrow = proof.power(proof.certificate(Ge(1 / d, (1 - 1 / n) / d), [(1 / (n * d), one)]), S.Half)
    level = (1 - rate * alpha) ** l / n + sigma / (rate * alpha)
    spare = Mul(n / (alpha * sqrt(d)), 3 - 1 / rate)
    proof.conclude(
        proof.certificate(
            Le(Mean(event(l) * V(l + 1)), 2 * contraction**l + 3 * n / (alpha * sqrt(d))),
            [
                (1, bound),
                (level, root),
                (1, powers),
                (contraction**l, one),
                (n / (rate * alpha), narrow),
                (spare, one),
            ],
        )
    )


@theorem_1.experiment(
    cases=[{**late, "l": 8, "d": 8192}, {"correlation": 0.1}],
    block=32,
)
def stopped_chain(xp, rng, case, size):
    return stopped_gap(xp, rng, case, size)
