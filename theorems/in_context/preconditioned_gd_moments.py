"""Moments of the sample covariance of isotropic Gaussian data (Ahn, Cheng, Daneshmand and Sra 2023).

The loss of an L-layer linear transformer that runs preconditioned gradient descent on its context depends on the data
only through the spectral moments, up to order 2L, of

    W = X^T X / n,        X with n rows of independent N(0, I_d) entries.

With m_k = E tr(W^k) / d, for every n >= 1 and d >= 1:

    m_1 = 1
    m_2 = (n + d + 1) / n
    m_3 = (n^2 + 3n(d+1) + d^2 + 3d + 4) / n^2
    m_4 = (n^3 + 6n^2(d+1) + n(6d^2 + 17d + 21) + d^3 + 6d^2 + 21d + 20) / n^3

The four are claimed at once: E tr p(W) / d = c_1 m_1 + ... + c_4 m_4 for every polynomial p = c_1 x + ... + c_4 x^4.

Reference: K. Ahn, X. Cheng, H. Daneshmand, S. Sra, "Transformers learn to implement preconditioned gradient descent for
in-context learning", 2023; the moments themselves are classical (Wishart 1928).
"""

from sympy import Eq, MatrixSymbol, Symbol, Trace

from gdverify import Claim, Identity, Integers, Mean, Mutant, Observed
from gdverify.laws import gaussian
from gdverify.wishart import wishart_moments as exact_moments
from theorems import PAPERS

n, d = (Symbol(s, integer=True, positive=True) for s in "nd")
c = [Symbol(f"c{k}", real=True) for k in (1, 2, 3, 4)]
X = MatrixSymbol("X", n, d)
data = gaussian(X)


def power(k):
    """E tr (X^T X)^k."""
    return Mean(Trace((X.T * X) ** k))


def combined(moments):
    return sum(a * m for a, m in zip(c, moments, strict=True))


m1, m2 = n / n, (n + d + 1) / n
m3 = (n**2 + 3 * n * (d + 1) + d**2 + 3 * d + 4) / n**2
m4 = (n**3 + 6 * n**2 * (d + 1) + n * (6 * d**2 + 17 * d + 21) + d**3 + 6 * d**2 + 21 * d + 20) / n**3
complex_m3 = (n**2 + 3 * n * d + d**2 + 1) / n**2

wishart_moments = Claim(
    id="preconditioned-gd.wishart-moments",
    title="First four spectral moments of the sample covariance of isotropic Gaussian data",
    paper=PAPERS["preconditioned-gd"],
    locator="moments behind Theorem 3; derived here",
    statement=r"\frac1d\,\mathbb{E}\,\mathrm{tr}\big(c_1W + c_2W^2 + c_3W^3 + c_4W^4\big) = c_1"
    r" + c_2\tfrac{n+d+1}{n} + c_3\tfrac{n^2+3n(d+1)+d^2+3d+4}{n^2}"
    r" + c_4\tfrac{n^3+6n^2(d+1)+n(6d^2+17d+21)+d^3+6d^2+21d+20}{n^3},"
    r"\quad W = X^\top X/n",
    symbols={
        n: Integers(1, sample=(1, 1000)),
        d: Integers(1, sample=(1, 4)),
        **{a: Observed() for a in c},
    },
    assumptions=[data],
    decides=Identity(
        quantity=combined(power(k) / (d * n**k) for k in (1, 2, 3, 4)),
        bound=combined([m1, m2, m3, m4]),
    ),
    mutants=[
        Mutant("complex data: m_2 = (n + d)/n", decides={"bound": combined([m1, (n + d) / n, m3, m4])}),
        Mutant("complex data: m_3", decides={"bound": combined([m1, m2, complex_m3, m4])}),
        Mutant("20 becomes 21 in m_4", decides={"bound": combined([m1, m2, m3, m4 + 1 / n**3])}),
        Mutant("17 becomes 18 in m_4", decides={"bound": combined([m1, m2, m3, m4 + d / n**2])}),
        Mutant("the data are not Gaussian", drop=("X is Gaussian",), by=("derivation",)),
    ],
    notes="The experiment integrates exactly (Gauss-Laguerre) over the bidiagonal model of the Wishart law, d <= 4.",
)


@wishart_moments.derivation
def pairings(proof):
    moments = [proof.gaussian(Trace((X.T * X) ** k), [data]) for k in (1, 2, 3, 4)]  # 1, 3, 15 and 105 pairings
    weights = [c[k - 1] / (d * n**k) for k in (1, 2, 3, 4)]
    target = Eq(wishart_moments.decides.quantity, proof.claim.decides.bound, evaluate=False)
    proof.conclude(proof.certificate(target, list(zip(weights, moments, strict=True))))


@wishart_moments.experiment(samples={"smoke": 64, "standard": 1024, "full": 16384})
def bidiagonal_quadrature(xp, rng, case, size):
    """Random polynomials against moments that were integrated exactly, without counting a pairing."""
    moments = exact_moments(xp, case.n, case.d)
    draws = rng.normal((size, 4))
    terms = [draws[:, k] * moments[k] for k in range(4)]
    scale = sum(xp.abs(term) for term in terms)
    return {"quantity": sum(terms), "scale": scale, **{f"c{k + 1}": draws[:, k] for k in range(4)}}
