"""How fast a single-index deep equilibrium model with its link outside is trained (Dandapanthula & Ramdas 2025).

The linear model z = a z + <w, x> = <p, x>, p = w/(1 - a), is followed by an increasing link sigma with slopes in
[low, high], targets are sigma(<beta, x_i>), and L is half the mean squared error.  With q = p - beta, r_i = <q, x_i>,
errors e_i = xi_i r_i (xi_i a chord's slope) and U = dL/dp,

    <U, q>  =  mean of s_i xi_i r_i^2  >=  (low/high) 2L   and   >=  low^2 lmin |q|^2,        s_i, xi_i in [low, high],

so that |U|^2 >= 2 (low^3/high) lmin L; and as (1 - a)^2 + |w|^2 = c is conserved (`deq_link`), along the flow

    L(t)  <=  L_0 exp(-2 (low^3/high) lmin t/c).

For sigma = id this is the sharp rate of `deq.flow-rate`.
"""

from sympy import Eq, Function, Ge, Inverse, Le, Rational, Sum, Symbol, Trace, exp, symbols

from gdverify import Assumption, Claim, Integers, Interval, Mutant, Nonnegative, Observed, Positive, SureBound
from gdverify.errors import ClaimError
from gdverify.instances import log_uniform
from gdverify.integrate import refined, runge_kutta
from gdverify.language import MatrixSequence, TimeDerivative
from gdverify.laws import constant, equation, invertible
from theorems import PAPERS
from theorems.equilibrium.linear_deq import TIME, t

n, d = symbols("n d", integer=True, positive=True)
i = Symbol("i", integer=True)
low, high, lmin, c = symbols("low high lmin c", positive=True)
L0 = Symbol("L_0", nonnegative=True)
J, B, U, Loss = (MatrixSequence(*k) for k in (("J", 1, 1), ("B", 1, d), ("U", 1, d), ("L", 1, 1)))
beta = MatrixSequence("beta", 1, d)(0)
r, e, s, xi = (Function(name) for name in ("r", "e", "s", "xi"))
equal, above = (lambda a, b: Eq(a, b, evaluate=False)), (lambda a, b: Ge(a, b, evaluate=False))
P = lambda at: Inverse(J(at)) * B(at)
G = lambda at: Inverse(J(at)).T * U(at)
q = lambda at: P(at) - beta
square = lambda X: Trace(X * X.T)
mean = lambda f: Sum(f(i), (i, 1, n)) / n


def always(name, latex, relations):
    """What holds at every time, as the flow does."""
    return Assumption(name, relations, latex=latex, key=("always", name))


motion = always(
    "a and w follow the gradient flow of a function of p",
    r"\dot J = GP^\top,\ \dot w = -G,\ G = J^{-\top}U",
    lambda at: [equal(TimeDerivative(J(at)), G(at) * P(at).T), equal(TimeDerivative(B(at)), -G(at))],
)
chain = always(  # p' = J^{-1} (w' - J' p)
    "U is the derivative of L in p",
    r"\dot L = \langle U, \dot p\rangle",
    lambda at: equal(TimeDerivative(Loss(at)), -U(at) * (Inverse(J(at)) * (G(at) + G(at) * P(at).T * P(at))).T),
)
value = always(
    "L is half the mean squared error",
    r"L = \tfrac1{2n}\sum_i e_i^2",
    lambda at: equal(Trace(Loss(at)), mean(lambda k: e(k, at) ** 2) / 2),
)
along = always(
    "U along q",
    r"\langle U, q\rangle = \tfrac1n\sum_i s_ie_ir_i",
    lambda at: equal(Trace(U(at) * q(at).T), mean(lambda k: s(k, at) * e(k, at) * r(k, at))),
)
spectrum = always(
    "lmin bounds the second moment of x",
    r"\tfrac1n\sum_i r_i^2 \ge \lambda_{\min}\|q\|^2,\ r_i = \langle q, x_i\rangle",
    lambda at: above(mean(lambda k: r(k, at) ** 2), lmin * square(q(at))),
)


def each_schema(k, at):
    if not k.is_integer:
        raise ClaimError(f"{k} is no sample")
    ends = [above(f(k, at) - low, 0) for f in (s, xi)] + [above(high - f(k, at), 0) for f in (s, xi)]
    return [equal(e(k, at), xi(k, at) * r(k, at)), *ends]


slopes = Assumption("slopes of the link lie between low and high", each_schema, key=("slopes",))
radius = equation("c is conserved", square(J(0)) + square(B(0)), c)
start = equation("L_0 is the loss at the start", Trace(Loss(0)), L0)
rate = 2 * low**3 * lmin / (high * c)

outside = Claim(
    id="deq.sim-outside-activation",
    title="Gradient flow on a single-index deep equilibrium model with its link outside converges linearly",
    paper=PAPERS["deq"],
    locator="abstract (linear convergence for single-index models); constants derived here",
    statement=r"z = az+\langle w,x\rangle,\ \hat y=\sigma(z),\ \sigma'\in[m,M]:\quad L(t)\le L_0"
    r"\exp\Big(-\frac{2m^3\lambda_{\min}}{Mc}t\Big),\quad c=(1-a_0)^2+\|w_0\|^2",
    symbols={
        d: Integers(1, sample=(1, 3)),
        n: Integers(1, sample=(6, 10)),
        t: TIME,
        high: Positive(sample=(Rational(1, 2), 2)),
        low: Interval(0, high, open="left", sample=(high / 5, high)),
        lmin: Observed(0, open="left"),
        c: Observed(0, open="left"),
        L0: Observed(0),
    },
    assumptions=[motion, chain, value, along, spectrum, slopes, radius, start, constant(beta), invertible(J)],
    decides=SureBound(Trace(Loss(t)), L0 * exp(-rate * t)),
    mutants=[
        Mutant("the slopes left out", decides={"bound": L0 * exp(-2 * lmin * t / c)},
               cases=({"low": Rational(1, 5), "high": 1, "t": 4},)),
        Mutant("a rate 5 per cent faster", decides={"bound": L0 * exp(-Rational(21, 20) * rate * t)},
               cases=({"low": 1, "high": 1, "t": 4, "family": "linear"},)),
        Mutant("c left out", decides={"bound": L0 * exp(-rate * c * t)},
               cases=({"low": 1, "high": 1, "t": 4, "family": "linear"},)),
        Mutant("slopes of any size", drop=(slopes.name,), by=("derivation",)),
        Mutant("few samples", drop=(spectrum.name,), by=("derivation",)),
    ],
    notes="The flow exists for all time: |q|^2 <= 2L/(low^2 lmin) bounds |p|, and (1 - a)^2 (1 + |p|^2) = c. Sharp for "
    "low = high, from p and beta near 0; for other links loose. The law in c holds for any loss.",
)  # fmt: skip


@outside.derivation
def gradient_dominates(proof):
    at, k = proof.scalar("s", Nonnegative()), proof.index("i", 1, n)
    proof.high(k)
    flow = proof.assume(motion, at)
    zero = proof.lie_derivative(J(at) * J(at).T + B(at) * B(at).T, flow)
    kept = proof.trace(proof.conserved(zero, at))
    # |U|^2 >= 2 low^3/high lmin L
    error, *ends = proof.assume(slopes, k, at)
    slope_low, chord_low, _, chord_high = ends
    proof.certificate(Ge(xi(k, at), 0), [(1, chord_low), (1, proof.sign(low))])
    ratio = low / high
    gap = proof.certificate(Ge(s(k, at) - ratio * xi(k, at), 0), [(1, slope_low), (ratio, chord_high)])
    first = proof.certificate(
        Ge(s(k, at) * e(k, at) * r(k, at), ratio * e(k, at) ** 2), [(xi(k, at) * r(k, at) ** 2, gap)], using=[error]
    )
    second = proof.certificate(
        Ge(s(k, at) * e(k, at) * r(k, at), low**2 * r(k, at) ** 2),
        [(xi(k, at) * r(k, at) ** 2, slope_low), (low * r(k, at) ** 2, chord_low)], using=[error],
    )  # fmt: skip
    pull, size = proof.assume(along, at), proof.assume(value, at)
    by_loss = proof.certificate(
        Ge(Trace(U(at) * q(at).T), 2 * ratio * Trace(Loss(at))),
        [(1 / n, proof.sum_of(first, k, 1, n)), (1, pull), (-2 * ratio, size)],
    )
    tau = low**2 * lmin
    by_distance = proof.certificate(
        Ge(Trace(U(at) * q(at).T), tau * square(q(at))),
        [(1 / n, proof.sum_of(second, k, 1, n)), (1, pull), (low**2, proof.assume(spectrum, at))],
    )
    steep = proof.certificate(
        Ge(square(U(at)), 2 * ratio * tau * Trace(Loss(at))),
        [(tau, by_loss), (tau, by_distance)], [(1, U(at) - tau * q(at))],
    )  # fmt: skip
    # |G|^2 >= |U|^2/c
    fall = proof.lie_derivative(Trace(Loss(at)), [*flow, proof.assume(chain, at)])
    short = proof.submultiplicative(J(at).T, G(at))
    within = proof.certificate(Ge(c, square(J(at))), [(-1, proof.assume(radius)), (-1, kept)], [(1, B(at))])
    wide = proof.product(within, proof.sign(square(G(at))))
    steady = proof.certificate(
        Le(fall.right, -rate * Trace(Loss(at))),
        [(1 / c, steep), (1 / c, short), (1 / c, wide)], [(1, G(at) * P(at).T)],
    )  # fmt: skip
    last = proof.instantiate(proof.gronwall(fall, steady, rate, at), {at: t})
    stated = proof.claim.decides
    proof.conclude(
        proof.certificate(Le(stated.quantity, stated.bound), [(1, last), (-exp(-rate * t), proof.assume(start))])
    )


@outside.experiment(cases=[{}, {"family": "linear", "low": 1, "high": 1}], samples={"smoke": 64}, block=64)
def trained(xp, rng, case, size):
    """The link is high (b u + (1 - b) tanh u), b = low/high; "linear": whitened data, and p and beta near 0, where the
    rate is attained.
    """
    d, n, T, bent = case.d, case.n, xp.matrix_transpose, case.low / case.high
    linear = case.get("family") == "linear"
    points = rng.normal((size, n, d))
    if linear:
        points = points @ xp.linalg.inv(T(xp.linalg.cholesky(T(points) @ points / n)))
    scale = 0.01 if linear else 1.0
    target = scale * rng.normal((size, 1, d)) * log_uniform(xp, rng, (size, 1, 1), 0.1, 2)
    J0 = log_uniform(xp, rng, (size, 1, 1), 0.7, 2) * rng.signs((size, 1, 1))
    B0 = J0 * scale * rng.normal((size, 1, d))
    # the size of the curvature on the way from p to beta, where |1 - a| is sqrt(c/(1 + |p|^2)): steps must be shorter
    whole = lambda X: xp.sum(X**2, axis=(-2, -1))[:, None, None]
    memory, reach = J0**2 + whole(B0), 1 + whole(target) + whole(B0 / J0)
    curvature = case.high**2 * whole(points) / n * reach**2 / memory
    points = points * xp.sqrt(log_uniform(xp, rng, (size, 1, 1), 0.5, 10) / curvature)
    second = T(points) @ points / n
    link = lambda u: case.high * (bent * u + (1 - bent) * xp.tanh(u))
    slope = lambda u: case.high * (1 - (1 - bent) * xp.tanh(u) ** 2)
    errors = lambda u: link(u) - link(points @ T(target))
    loss = lambda state: xp.mean(errors(points @ T(state[1] / state[0]))[..., 0] ** 2, axis=-1) / 2

    def field(J, B):
        P = B / J
        u = points @ T(P)
        G = T(errors(u) * slope(u)) @ points / (n * J)
        return G @ T(P), -G

    after = [loss(runge_kutta(field, (J0, B0), case.t / steps, steps)) for steps in (16, 32, 64)]
    end, error = refined(xp, after)
    return {
        "quantity": end,
        "quantity_error": error + 1e-14 * loss((J0, B0)),
        "lmin": xp.linalg.eigvalsh(second)[:, 0],
        "c": (J0**2)[:, 0, 0] + xp.sum(B0**2, axis=(-2, -1)),
        "L_0": loss((J0, B0)),
    }
