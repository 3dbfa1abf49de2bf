"""Learning time and conditioning of deep linear networks (Saxe, McClelland, Ganguli 2013).

*Time.*  A balanced chain of K layers learns a mode of singular value s by tau u' = K u^(2 - 2/K) (s - u).  With rates
1/K it takes, from u_0 to u_f < s, the time (in units of tau)

    T_K = int_{u_0}^{u_f} u^(2/K) / (u^2 (s - u)) du,        u_0^(2/K) T <= T_K <= u_f^(2/K) T,
    T   = log(u_f (s - u_0)/(u_0 (s - u_f)))/s^2 + 1/(s u_0) - 1/(s u_f),

hence T_K -> T as K -> oo: finite, and independent of the depth for a fixed start u_0 of the whole chain.

*Volumes.*  A layer with orthogonal weights keeps all volumes.  With independent N(0, 1/d) weights it changes a squared
r-dimensional volume V by E log V' - E log V = sum_{i<=r} digamma((d - r + i)/2) + r log(2/d) < 0, which over many
layers is twice the sum of the r largest growth exponents of singular values: lengths shrink though E |W x|^2 = |x|^2.

Reference: arXiv:1312.6120, Sections 2 (eqs. 15 to 17) and 3.
"""

from sympy import Determinant, Eq, Ge, Integral, Le, MatrixSymbol, Rational, Sum, Symbol, digamma, log, symbols

from gdverify import Claim, Integers, Interval, Mean, MeanEquals, Mutant, Observed, Positive, SureBound
from gdverify.integrate import refined
from gdverify.laws import gaussian
from theorems import PAPERS

s, u0 = symbols("s u0", positive=True)
uf, x = Symbol("uf", positive=True), Symbol("u'", real=True)
K = Symbol("K", integer=True, positive=True)
speed = x ** (2 / K) / (x**2 * (s - x))
duration = Integral(speed, (x, u0, uf))
at_once = (log(uf) - log(s - uf) - log(u0) + log(s - u0)) / s**2 + 1 / (s * u0) - 1 / (s * uf)
TIMES = {
    s: Positive(sample=(1, 3)),
    u0: Observed(0, s, open="both"),
    uf: Observed(u0, s, open="both"),
    K: Integers(1, sample=(1, 40)),
}


at_most = Claim(
    id="deep-linear-dynamics.depth-independent-time",
    title="The learning time of a deep linear network stays bounded as the depth grows",
    paper=PAPERS["deep-linear-dynamics"],
    locator="Section 2, eq. (17): learning time as the depth grows; the bound at finite depth derived here",
    statement=r"\int_{u_0}^{u_f}\frac{u^{2/K}}{u^2(s-u)}\,du\le u_f^{2/K}T",
    symbols=TIMES,
    assumptions=[],
    decides=SureBound(quantity=duration, bound=uf ** (2 / K) * at_once),
    mutants=[
        Mutant("no power of u_f", decides={"bound": at_once}, cases=({"K": 1, "s": 3},)),
        Mutant("the power 1/K", decides={"bound": uf ** (1 / K) * at_once}, cases=({"K": 2, "s": 3},)),
        Mutant("the logarithm alone", decides={"bound": uf ** (2 / K) * (at_once - 1 / (s * u0) + 1 / (s * uf))}),
    ],
    notes="With deep-linear-dynamics.depth-independent-time-lower T_K -> T, at the rate 1/K. A start a_0 < 1 of every "
    "layer means u_0 = a_0^K, and then T grows like a_0^(-K)/s.",
)

at_least = Claim(
    id="deep-linear-dynamics.depth-independent-time-lower",
    title="The learning time of a deep linear network is near that of infinite depth",
    paper=PAPERS["deep-linear-dynamics"],
    locator="Section 2, eq. (17): learning time as the depth grows; the bound at finite depth derived here",
    statement=r"u_0^{2/K}T\le\int_{u_0}^{u_f}\frac{u^{2/K}}{u^2(s-u)}\,du",
    symbols=TIMES,
    assumptions=[],
    decides=SureBound(quantity=-duration, bound=-(u0 ** (2 / K)) * at_once),
    mutants=[
        Mutant("no power of u_0", decides={"bound": -at_once}, cases=({"K": 1, "s": 1},)),
        Mutant("the power 1/K", decides={"bound": -(u0 ** (1 / K)) * at_once}, cases=({"K": 1, "s": 1},)),
        Mutant("the power of u_f", decides={"bound": -(uf ** (2 / K)) * at_once}),
    ],
)


def integrals(proof, above):
    """Facts: the integral of e^(2/K)/(u^2 (s - u)) for the end e; and its order to that of u^(2/K)/(u^2 (s - u))."""
    for symbol in (u0, uf):
        proof.low(symbol), proof.high(symbol)
    u = proof.scalar("u", Interval(u0, uf))
    over, under = proof.low(u), proof.high(u)
    proof.certificate(u > 0, [(1, over), (1, proof.low(u0))])
    proof.certificate(s - u > 0, [(1, under), (1, proof.high(uf))])
    weight = 1 / (u**2 * (s - u))
    constant = (uf if above else u0) ** (2 / K)
    order = proof.power(under if above else over, 2 / K)
    larger, smaller = (constant, u ** (2 / K)) if above else (u ** (2 / K), constant)
    inside = proof.certificate(Ge(larger * weight, smaller * weight), [(weight, order)])
    antiderivative = (log(u) - log(s - u)) / s**2 - 1 / (s * u)
    value = proof.integral(constant * weight, u, u0, uf, constant * antiderivative)
    return value, proof.integral_bound(inside, u, u0, uf)


@at_most.derivation
def largest_speed(proof):
    value, order = integrals(proof, True)
    proof.conclude(proof.certificate(Le(duration, uf ** (2 / K) * at_once), [(1, order), (-1, value)]))


@at_least.derivation
def least_speed(proof):
    value, order = integrals(proof, False)
    proof.conclude(proof.certificate(Le(-duration, -(u0 ** (2 / K)) * at_once), [(1, order), (1, value)]))


def by_quadrature(xp, rng, case, size):
    """u_0, u_f, and T_K by Simpson's rule in log u, with its error; a third of the intervals is short."""
    near = rng.uniform((size,), 0.02, 0.9) * case.s
    room = xp.where(rng.uniform((size,)) < 0.3, 0.02 * xp.ones((size,)), rng.uniform((size,), 0.1, 0.95))
    start, end = near, near + room * (case.s - near)
    length = xp.log(end / start)

    def simpson(panels):
        y = xp.astype(xp.arange(panels + 1), xp.float64) / panels
        weights = xp.asarray([1.0] + [4.0, 2.0] * (panels // 2 - 1) + [4.0, 1.0]) / (3 * panels)
        u = start[:, None] * xp.exp(y[None, :] * length[:, None])
        return xp.sum(weights * u ** (2 / case.K) / (u * (case.s - u)), axis=1) * length

    return {"u0": start, "uf": end}, *refined(xp, [simpson(panels) for panels in (32, 64, 128)])


@at_most.experiment(cases=[{"K": 1, "s": 3}, {"K": 2, "s": 3}, {}], samples={"smoke": 1024})
def times(xp, rng, case, size):
    ends, value, error = by_quadrature(xp, rng, case, size)
    return {"quantity": value, "quantity_error": error, **ends}


@at_least.experiment(cases=[{"K": 1, "s": 1}, {}], samples={"smoke": 1024})
def least_times(xp, rng, case, size):
    ends, value, error = by_quadrature(xp, rng, case, size)
    return {"quantity": -value, "quantity_error": error, **ends}


d, r = symbols("d r", integer=True, positive=True)
i = Symbol("i", integer=True)
X = MatrixSymbol("X", d, r)  # sqrt(d) W Q for an orthonormal frame Q of r vectors
frame = gaussian(X)
psi = Sum(digamma((d - r + i) / 2), (i, 1, r))

volumes = Claim(
    id="deep-linear-dynamics.orthogonal-isometry",
    title="A layer of Gaussian weights shrinks volumes on average, an orthogonal one keeps them",
    paper=PAPERS["deep-linear-dynamics"],
    locator="Section 3 (orthogonal against scaled Gaussian initial conditions); exponents derived here",
    statement=r"\mathbb E\log\det\bigl((WQ)^\top WQ\bigr)=\sum_{i=1}^r\psi\Bigl(\frac{d-r+i}2\Bigr)+r\log\frac2d,"
    r"\qquad Q^\top Q=I_r",
    symbols={r: Integers(1, sample=(1, 3)), d: Integers(r, sample=(r, 6))},
    assumptions=[frame],
    decides=MeanEquals(
        quantity=log(Determinant(X.T * X)) - r * log(d), bound=psi + r * log(2) - r * log(d), tol=0.1, absolute=True
    ),
    mutants=[
        Mutant("lengths are kept on average", decides={"bound": 0 * d}, cases=({"d": 4, "r": 1},)),
        Mutant("without the factor 2", decides={"bound": psi - r * log(d)}),
        Mutant(
            "the first columns count",
            decides={"bound": Sum(digamma(i * Rational(1, 2)), (i, 1, r)) + r * log(2) - r * log(d)},
            cases=({"d": 6, "r": 2},),
        ),
        Mutant("weights without a law", drop=(frame.name,), by=("derivation",)),
    ],
    notes="The law of W Q does not depend on the frame Q, so the change is the same in every layer, independent of the "
    "others, and over L layers it is L times as large. Half the sum for r less that for r - 1 is the r-th growth "
    "exponent of a singular value: the condition number grows exponentially in the depth.",
)


@volumes.derivation
def column_by_column(proof):
    proof.low(d)
    volume = proof.log_determinant(frame)
    decides = volumes.decides
    proof.conclude(proof.certificate(Eq(Mean(decides.quantity), decides.bound, evaluate=False), [(1, volume)]))


@volumes.experiment(cases=[{"r": 1, "d": 1}, {"r": 1, "d": 4}, {"r": 2, "d": 6}, {}])
def frames(xp, rng, case, size):
    """One layer on a random orthonormal frame; 16 of them in a row."""
    shape = (size, 16, case.d, case.d)
    image = rng.normal(shape) @ rng.haar(shape)[..., : case.r] / case.d**0.5
    return {"quantity": xp.mean(xp.linalg.slogdet(xp.matrix_transpose(image) @ image)[1], axis=-1)}
