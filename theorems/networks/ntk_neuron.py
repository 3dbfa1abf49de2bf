"""Units of a hidden ReLU layer at initialisation: the arc-cosine kernel (Jacot, Gabriel, Hongler 2018).

f(x) = m^(-1/2) sum_j a_j relu(u_j) + beta b',  u_j = w_j^T X,  all parameters independent N(0, 1).  X is the input with
its bias, (x/sqrt(n_0), beta), so that u_j and v_j (for X and Y) are Gaussian with variances p^2 = |X|^2, q^2 = |Y|^2
and correlation rho.

    E relu(u) relu(v) = p q kappa_1,  kappa_1 = (sin theta + (pi - theta) cos theta)/(2 pi),  cos theta = rho.

With kappa_0 = (pi - theta)/(2 pi) = P(u > 0, v > 0) this gives the neural tangent kernel: see `ntk_finite_width`.

Reference: arXiv:1806.07572; arc-cosine kernels: Y. Cho, L. K. Saul, 2009.
"""

from sympy import Eq, Heaviside, MatrixSymbol, Max, Rational, Symbol, Trace, asin, pi, sqrt, symbols

from gdverify import Claim, Integers, Interval, Mean, MeanEquals, Mutant, Positive
from gdverify.language import PairMean
from gdverify.laws import constant, equation, gaussian
from theorems import PAPERS

N = Symbol("N", integer=True, positive=True)  # n_0 + 1
p, q = symbols("p q", positive=True)
rho = Symbol("rho", real=True)
X, Y = MatrixSymbol("X", N, 1), MatrixSymbol("Y", N, 1)
w = MatrixSymbol("w", N, 1)
inputs = constant(X, Y)
moments = [
    equation("variance of u", Trace(X.T * X), p**2),
    equation("variance of v", Trace(Y.T * Y), q**2),
    equation("covariance of u and v", Trace(X.T * Y), rho * p * q),
]
law = gaussian(w)
angle = pi / 2 + asin(rho)  # pi - theta
kappa_0 = angle / (2 * pi)
kappa_1 = (sqrt(1 - rho**2) + rho * angle) / (2 * pi)
z = PairMean.variable
relu, step = Max(0, z), Heaviside(z)
SIZES = {
    N: Integers(1, sample=(2, 6)),
    p: Positive(sample=(Rational(1, 2), 2)),
    q: Positive(sample=(Rational(1, 2), 2)),
    rho: Interval(-1, 1, open="both", sample=(-Rational(4, 5), Rational(19, 20))),
}


def pre(x, weight=w):
    return Trace(x.T * weight)


def relus(x, y, weight=w):
    return Max(0, pre(x, weight)) * Max(0, pre(y, weight))


def gates(x, y, weight=w):
    return Heaviside(pre(x, weight)) * Heaviside(pre(y, weight))


def arc_cosine_means(proof):
    """Facts: PairMean of two steps, and of two relus, at the correlation rho of the claim."""
    r = proof.scalar("r", Interval(-1, 1, open="both"))
    proof.certificate(1 - r**2 > 0, [(1, proof.product(proof.high(r), proof.low(r)))])
    steps = proof.along_correlation(proof.price(step, step, r), proof.pair_value(step, step, 0), asin(r) / (2 * pi), r)
    slope = proof.rewrite(proof.price(relu, relu, r), steps)
    whole = r / 4 + (r * asin(r) + sqrt(1 - r**2)) / (2 * pi)
    both = proof.along_correlation(slope, proof.pair_value(relu, relu, 0), whole, r)
    proof.low(rho), proof.high(rho)
    return proof.instantiate(steps, {r: rho}), proof.instantiate(both, {r: rho})


arc_cosine = Claim(
    id="neural-tangent-kernel.arc-cosine",
    title="The mean product of two ReLU units is the arc-cosine kernel of degree one",
    paper=PAPERS["neural-tangent-kernel"],
    locator="the covariance recursion of Proposition 1 for ReLU; closed form of Cho and Saul (2009)",
    statement=r"\mathbb E\,\mathrm{relu}(u)\,\mathrm{relu}(v)=\frac{pq}{2\pi}"
    r"\bigl(\sin\theta+(\pi-\theta)\cos\theta\bigr)",
    symbols=SIZES,
    assumptions=[inputs, law, *moments],
    decides=MeanEquals(quantity=relus(X, Y), bound=p * q * kappa_1, tol=0.02, absolute=True),
    mutants=[
        Mutant("normalised by pi", decides={"bound": 2 * p * q * kappa_1}),
        Mutant("no sine", decides={"bound": p * q * rho * angle / (2 * pi)}),
        Mutant("theta for pi - theta", decides={"bound": p * q * (sqrt(1 - rho**2) + rho * (pi - angle)) / (2 * pi)}),
        Mutant("an uncontrolled correlation", drop=("covariance of u and v",), by=("derivation",)),
    ],
    notes="At rho = 1 and -1 the values are p q/2 and 0, by continuity.",
)


@arc_cosine.derivation
def price(proof):
    given = [proof.assume(fact) for fact in moments]
    fact = proof.pair_mean(relus(X, Y), law, (p, q), rho, using=given)
    _, both = arc_cosine_means(proof)
    proof.conclude(
        proof.certificate(Eq(Mean(relus(X, Y)), p * q * kappa_1, evaluate=False), [(1, fact), (p * q, both)])
    )


def two_inputs(xp, rng, case):
    """Inputs (N, 1) with the norms and the correlation of the case, in random directions."""
    turn = rng.shared.haar((1, case.N, case.N))[0, ...]
    other = xp.sqrt(xp.asarray(1 - case.rho**2))
    return case.p * turn[:, :1], case.q * (case.rho * turn[:, :1] + other * turn[:, 1:2])


def relu_of(xp, u):
    return xp.maximum(u, 0 * u)


@arc_cosine.experiment(cases=[{"rho": -Rational(4, 5)}, {"rho": 0}, {"rho": Rational(19, 20)}, {}])
def gaussian_units(xp, rng, case, size):
    x, y = two_inputs(xp, rng, case)
    weights = rng.normal((size, 64, case.N))
    products = relu_of(xp, weights @ x) * relu_of(xp, weights @ y)
    return {"quantity": xp.mean(products[..., 0], axis=-1)}
