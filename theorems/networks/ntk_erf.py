"""The covariance of two erf units of a random network (Jacot, Gabriel, Hongler 2018; closed form of Williams 1997).

For Gaussian u, v with variances p^2, q^2 and covariance c = rho p q,

    E erf(u) erf(v)  =  (2/pi) arcsin(2 c/((1 + 2 p^2)(1 + 2 q^2))^(1/2)).

The statement has it as the arctangent of 2 c/((1 + 2 p^2)(1 + 2 q^2) - 4 c^2)^(1/2), which is the same angle.

Reference: arXiv:1806.07572 (the recursion of Proposition 1); C. K. I. Williams, "Computing with infinite networks".
"""

from sympy import Eq, Gt, Rational, atan, erf, exp, pi, sqrt

from gdverify import Claim, Interval, Mean, MeanEquals, Mutant
from theorems import PAPERS
from theorems.networks.ntk_neuron import SIZES, X, Y, inputs, law, moments, p, pre, q, rho, two_inputs, z

U, V = pre(X), pre(Y)


def angle(r):
    return atan(2 * r * p * q / sqrt((1 + 2 * p**2) * (1 + 2 * q**2) - 4 * (r * p * q) ** 2))


erf_kernel = Claim(
    id="neural-tangent-kernel.erf-kernel",
    title="The mean product of two erf units is an arcsine kernel",
    paper=PAPERS["neural-tangent-kernel"],
    locator="the covariance recursion of Proposition 1 for erf; closed form of Williams (1997)",
    statement=r"\mathbb E\,\mathrm{erf}(u)\,\mathrm{erf}(v)=\frac2\pi\arcsin\frac{2\rho pq}{\sqrt{(1+2p^2)(1+2q^2)}}",
    symbols=SIZES,
    assumptions=[inputs, law, *moments],
    decides=MeanEquals(quantity=erf(U) * erf(V), bound=2 / pi * angle(rho), tol=0.02, absolute=True, support=(-1, 1)),
    mutants=[
        Mutant("no factor 2", decides={"bound": angle(rho) / pi}, cases=({"rho": Rational(19, 20)},)),
        Mutant("the correlation itself", decides={"bound": 2 * rho / pi}, cases=({"rho": Rational(19, 20)},)),
        Mutant("without the 1s", decides={"bound": 2 / pi * atan(rho / sqrt(1 - rho**2))}),
        Mutant("an uncontrolled correlation", drop=("covariance of u and v",), by=("derivation",)),
    ],
)


@erf_kernel.derivation
def price(proof):
    given = [proof.assume(fact) for fact in moments]
    fact = proof.pair_mean(erf(U) * erf(V), law, (p, q), rho, using=given)
    r = proof.scalar("r", Interval(-1, 1, open="both"))
    inside = proof.certificate(1 - r**2 > 0, [(1, proof.product(proof.high(r), proof.low(r)))])
    under_root = proof.certificate(
        Gt((1 + 2 * p**2) * (1 + 2 * q**2) - 4 * (r * p * q) ** 2, 0),
        [(4 * p**2 * q**2, inside), (1, proof.sign(1 + 2 * p**2 + 2 * q**2))],
    )
    slope = proof.rewrite(
        proof.price(erf(p * z), erf(q * z), r), proof.pair_value(exp(-(p**2) * z**2), exp(-(q**2) * z**2), r)
    )
    closed = proof.along_correlation(slope, proof.pair_value(erf(p * z), erf(q * z), 0), 2 / pi * angle(r), r)
    proof.low(rho), proof.high(rho)
    proof.instantiate(under_root, {r: rho})
    at = proof.instantiate(closed, {r: rho})
    proof.conclude(
        proof.certificate(Eq(Mean(erf(U) * erf(V)), 2 / pi * angle(rho), evaluate=False), [(1, fact), (1, at)])
    )


@erf_kernel.experiment(cases=[{"rho": -Rational(4, 5)}, {"rho": Rational(19, 20)}, {}])
def gaussian_units(xp, rng, case, size):
    x, y = two_inputs(xp, rng, case)
    weights = rng.normal((size, 16, case.N))
    return {"quantity": xp.mean((xp.erf(weights @ x) * xp.erf(weights @ y))[..., 0], axis=-1)}
