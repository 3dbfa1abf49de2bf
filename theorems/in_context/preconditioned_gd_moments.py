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

import itertools

from sympy import Eq, MatrixSymbol, Symbol, Trace

from gdverify import Claim, Identity, Integers, Mean, Mutant, Observed
from gdverify.laws import gaussian
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
    """E tr W^k by an exact quadrature that knows nothing of pairings.

    X^T X has the spectrum of the tridiagonal B B^T, B lower bidiagonal with independent squared entries: chi-squared
    with N, N-1, ... degrees of freedom on the diagonal, D-1, ..., 1 below it, N = max(n, d), D = min(n, d) (Dumitriu
    and Edelman 2002).  tr (B B^T)^k has degree <= k <= 4 in each, for which three Gauss-Laguerre nodes are exact.
    """
    large, small = max(case.n, case.d), min(case.n, case.d)
    freedom = [large - i for i in range(small)] + [small - 1 - i for i in range(small - 1)]
    entries, weight = [], xp.ones((1,) * len(freedom))
    for axis, nu in enumerate(freedom):
        shape = tuple(3 if k == axis else 1 for k in range(len(freedom)))
        nodes, weights = _chi_squared_rule(xp, nu)
        entries.append(xp.reshape(xp.stack(nodes), shape))
        weight = weight * xp.reshape(xp.stack(weights), shape)
    s, t = entries[:small], entries[small:]
    a = [s[i] + t[i - 1] if i else s[0] for i in range(small)]  # the diagonal of B B^T
    b = [s[i] * t[i] for i in range(small - 1)]  # the squares beside it
    traces = [
        sum(a),
        sum(x**2 for x in a) + 2 * sum(b),
        sum(x**3 for x in a) + 3 * sum(y * (a[i] + a[i + 1]) for i, y in enumerate(b)),
        sum(x**4 for x in a)
        + sum(4 * y * (a[i] ** 2 + a[i] * a[i + 1] + a[i + 1] ** 2) + 2 * y**2 for i, y in enumerate(b))
        + 4 * sum(x * y for x, y in itertools.pairwise(b)),
    ]
    moments = [xp.sum(weight * trace) / (case.d * case.n ** (k + 1)) for k, trace in enumerate(traces)]
    draws = rng.normal((size, 4))
    terms = [draws[:, k] * moments[k] for k in range(4)]
    scale = sum(xp.abs(term) for term in terms)
    return {"quantity": sum(terms), "scale": scale, **{f"c{k + 1}": draws[:, k] for k in range(4)}}


def _chi_squared_rule(xp, nu):
    """Three nodes and weights, exact to degree 5, for a chi-squared variable with ``nu`` degrees of freedom.

    Twice the zeros of the Laguerre polynomial L_3^(g-1), g = nu/2, by the trigonometric solution of the cubic.
    """
    g = xp.rational(nu, 2)
    angle = xp.atan(xp.sqrt(g + 1)) / 3
    x = [g + 2 + 2 * xp.sqrt(g + 2) * xp.cos(angle + xp.rational(2 * j, 3) * xp.pi) for j in range(3)]
    weights = []
    for j in range(3):
        y, z = x[(j + 1) % 3], x[(j + 2) % 3]
        weights.append((g * (g + 1) - g * (y + z) + y * z) / ((x[j] - y) * (x[j] - z)))
    return [2 * v for v in x], weights
