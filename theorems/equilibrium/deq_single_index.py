"""A single-index deep equilibrium model, activation inside the fixed point (Dandapanthula & Ramdas 2025).

Scalar output z = sigma(a z + <w, x>), sigma increasing; theta = (a, w), and the targets y_i are the model's at theta* =
(a*, w*).  Slopes of the inverse of sigma lie between delta + a* and top + a*, delta > 0 (that is a* < 1/max sigma').
With phi*_i = (y_i, x_i), l and Lam the extreme eigenvalues of its second moment, Delta = theta - theta* and

    |Delta| <= r = delta/(1 + 2 sqrt(Lam/l)),    C = 9 Lam/(4 delta (delta - r)),    mu = l/(4 (top + r) top),

a gradient step of length 0 < eta <= 1/C on the mean of (z_i - y_i)^2/2 has

    |theta_+ - theta*|^2  <=  (1 - eta mu) |theta - theta*|^2.

So the iterates stay in the ball, where the model is well posed, and converge linearly.  The reason is one-point
monotonicity: with e = z - y and phi = (z, x), <Delta, phi> = s e and grad = mean of kappa e phi, s, kappa > 0.
"""

from sympy import Eq, Function, Ge, Gt, Le, Rational, Sum, Symbol, sqrt, symbols

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Interval,
    Mutant,
    Observed,
    Positive,
    Reals,
    SureBound,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.instances import log_uniform
from gdverify.laws import equation, inequality
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
i = Symbol("i", integer=True)
delta, low, high, share = symbols("delta low high share", positive=True)
top = Symbol("top", positive=True)
r, C, mu, eta = (Symbol(name, real=True) for name in ("r", "C", "mu", "eta"))
square = Symbol("square", nonnegative=True)
theta, theta_star, after, unit, grad = (Vector(s) for s in ("theta", "theta_star", "after", "unit", "grad"))
phi, phi_star = VectorSequence("phi"), VectorSequence("phi_star")
e, s, q, kappa = (Function(name) for name in ("e", "s", "q", "kappa"))
Delta = theta - theta_star
alpha = Inner(Delta, unit)  # a - a*

inside = lambda i: [i - 1, n - i]
of_each = lambda name, schema, latex="": Assumption(name, schema, latex=latex, key=(name,), where=inside)
output = of_each("phi = (z, x) and phi* = (y, x)", lambda i: Eq(phi(i), phi_star(i) + e(i) * unit, evaluate=False))
chord = of_each(
    "both fixed points hold, and s + a* is a chord's slope of the inverse activation",
    lambda i: Eq(
        Inner(theta, phi(i)) - Inner(theta_star, phi_star(i)),
        (s(i) + Inner(theta_star, unit)) * e(i),
        evaluate=False,
    ),
    r"\sigma^{-1}(z) - \sigma^{-1}(y) = (s + a^*)(z - y)",
)
slopes = of_each(
    "slopes of the inverse activation, less a*, lie between delta and top",
    lambda i: (
        [Ge(f(i) - delta, 0, evaluate=False) for f in (s, q)] + [Ge(top - f(i), 0, evaluate=False) for f in (s, q)]
    ),
)
implicit = of_each(
    "kappa = dz/d(a z + <w, x>) with the fixed point's feedback",
    lambda i: Eq(kappa(i) * (q(i) - alpha), 1, evaluate=False),
    r"\kappa = 1/((\sigma^{-1})'(z) - a)",
)
gradient = Assumption(
    "grad is the gradient, dz/dtheta = kappa phi",
    lambda v: Eq(Inner(grad, v), Sum(kappa(i) * e(i) * Inner(phi(i), v), (i, 1, n)) / n, evaluate=False),
    latex=r"\nabla L = \frac1n \sum_i \kappa_i (z_i - y_i) \phi_i",
    key=("implicit-gradient",),
)
moment = lambda v: Sum(Inner(phi_star(i), v) ** 2, (i, 1, n)) / n
spectrum = Assumption(
    "l and Lam bound the second moment of phi*",
    lambda v: [Ge(moment(v), low * sq(v), evaluate=False), Ge(high * sq(v), moment(v), evaluate=False)],
    key=("spectrum", low, high),
)
first = equation("unit is the coordinate of a", sq(unit), 1)
near = inequality("theta is in the ball", Ge(r**2, sq(Delta), evaluate=False))
step = equation("a gradient step", after, theta - eta * grad)
meaning = equation("square = |theta - theta*|^2", sq(Delta), square)

linear_rate = Claim(
    id="deq.sim-linear-rate",
    title="Gradient descent on a single-index deep equilibrium model contracts near its target",
    paper=PAPERS["deq"],
    locator="abstract (linear convergence for single-index models); constants derived here",
    statement=r"|\theta - \theta^*| \le r,\ 0 < \eta \le 1/C:\quad"
    r" |\theta_+ - \theta^*|^2 \le (1 - \eta\mu) |\theta - \theta^*|^2",
    symbols={
        n: Integers(1, sample=(4, 12)),
        delta: Positive(sample=(Rational(1, 4), 2)),
        top: Interval(delta, None, sample=(5 * delta / 4, 4 * delta)),
        share: Interval(0, 1, open="left"),
        low: Observed(0, open="left"),
        high: Observed(0, open="left"),
        square: Observed(0),
    },
    defines={
        r: delta * sqrt(low) / (sqrt(low) + 2 * sqrt(high)),
        C: 9 * high / (4 * delta * (delta - r)),
        mu: low / (4 * (top + r) * top),
        eta: share / C,
    },
    assumptions=[output, chord, slopes, implicit, gradient, spectrum, first, near, step, meaning],
    decides=SureBound(sq(after - theta_star), (1 - eta * mu) * square),
    mutants=[
        Mutant("ten times the rate", defines={mu: 5 * low / (2 * delta**2)}),
        Mutant("steps 40 times as long", symbols={share: Interval(0, 40, open="left")}, cases=({"share": 40, "d": 1},)),
        Mutant("the largest eigenvalue", defines={mu: 10 * high / (top * top)}),
        Mutant("no ball", drop=(near.name,), by=("derivation",)),
        Mutant("any slopes", drop=(slopes.name,), by=("derivation",)),
    ],
    notes="Loose by a factor of about 8 in random instances.  The experiment's activation is piecewise linear, so that "
    "fixed points are exact; the gradient by implicit differentiation is taken as the method's definition.",
)


def within(proof, u):
    """|u|^2 >= <u, unit>^2."""
    c = proof.scalar(f"c{u}" if u.is_Symbol else "c", Reals())
    apart = proof.certificate(Ge(sq(u) - 2 * c * Inner(u, unit) + c**2 * sq(unit), 0), [], [(1, u - c * unit)])
    here = proof.instantiate(apart, {c: Inner(u, unit)})
    return proof.certificate(
        Ge(sq(u) - Inner(u, unit) ** 2, 0), [(1, here), (-(Inner(u, unit) ** 2), proof.assume(first))]
    )


@linear_rate.derivation
def one_point_monotone(proof):
    j = proof.index("j", 1, n)
    proof.high(j)
    value = proof.definition(r)
    proof.certificate(Gt(r, 0), [(1, proof.sign(value.right))], using=[value])
    root = sqrt(high / low)
    rest = proof.certificate(Gt(delta - r, 0), [(1, proof.sign(2 * root * value.right))], using=[value])
    radius = proof.certificate(Eq(low * (delta - r) ** 2, 4 * high * r**2, evaluate=False), using=[value])
    # |a - a*| <= r
    moved = within(proof, Delta)
    near_by = proof.certificate(Ge(r**2 - alpha**2, 0), [(1, moved), (1, proof.assume(near))])
    above = proof.certificate(Ge(r - alpha, 0), [(1 / (2 * r), near_by)], [(1 / (2 * r), r - alpha)])
    below = proof.certificate(Ge(r + alpha, 0), [(1 / (2 * r), near_by)], [(1 / (2 * r), r + alpha)])
    s_low, q_low, s_high, q_high = proof.assume(slopes, j)
    proof.certificate(Gt(s(j), 0), [(1, s_low), (1, proof.sign(delta))])
    own = proof.assume(implicit, j)
    feedback = proof.certificate(Ge(q(j) - alpha, 0), [(1, q_low), (1, above), (1, rest)])
    proof.certificate(Ge(kappa(j), 0), [(kappa(j) ** 2, feedback), (-kappa(j), own)])
    fast = proof.certificate(Ge(1 - kappa(j) * (delta - r), 0), [(kappa(j), q_low), (kappa(j), above), (-1, own)])
    slow = proof.certificate(Ge(kappa(j) * (top + r) - 1, 0), [(kappa(j), q_high), (kappa(j), below), (1, own)])
    both = proof.assume(output, j)
    error = proof.certificate(
        Eq(s(j) * e(j), Inner(Delta, phi(j)), evaluate=False), [(-1, proof.assume(chord, j))], using=[both]
    )
    seen = proof.certificate(
        Eq((s(j) - alpha) * e(j), Inner(Delta, phi_star(j)), evaluate=False), [(1, error)], using=[both]
    )
    # mean of e^2 <= l/4
    gap = proof.certificate(Ge(s(j) - alpha - (delta - r), 0), [(1, s_low), (1, above)])
    wide = proof.certificate(Ge(s(j) - alpha + (delta - r), 0), [(1, gap), (2, rest)])
    small = proof.certificate(
        Ge(Inner(Delta, phi_star(j)) ** 2, (delta - r) ** 2 * e(j) ** 2),
        [(e(j) ** 2, proof.product(gap, wide)), (-((s(j) - alpha) * e(j) + Inner(Delta, phi_star(j))), seen)],
    )
    errors = Sum(e(i) ** 2, (i, 1, n)) / n
    _, most = proof.assume(spectrum, Delta)
    square_errors = proof.certificate(
        Ge(low / 4 - errors, 0),
        [
            (1 / (n * (delta - r) ** 2), proof.sum_of(small, j, 1, n)),
            (1 / (delta - r) ** 2, most),
            (high / (delta - r) ** 2, proof.assume(near)),
            (1 / (4 * (delta - r) ** 2), radius),
        ],
    )
    # the second moment of phi lies between l/4 and 9 Lam/4
    along, across = Inner(phi(j), Delta), Inner(phi(j), grad)
    total = lambda v: Sum(Inner(phi(i), v) ** 2, (i, 1, n)) / n
    lengths = {v: proof.certificate(Ge(sq(v), 0), [], [(1, v)]) for v in (Delta, grad)}
    lower = proof.certificate(
        Ge(along**2, Inner(phi_star(j), Delta) ** 2 / 2 - e(j) ** 2 * sq(Delta)),
        [(e(j) ** 2, moved)],
        [(Rational(1, 2), Inner(phi_star(j), Delta) + 2 * e(j) * alpha)],
        using=[both],
    )
    floor = proof.certificate(
        Ge(total(Delta), low / 4 * sq(Delta)),
        [
            (1 / n, proof.sum_of(lower, j, 1, n)),
            (Rational(1, 2), proof.assume(spectrum, Delta)[0]),
            (1, proof.product(lengths[Delta], square_errors)),
        ],
    )
    upper = proof.certificate(
        Ge(Rational(3, 2) * Inner(phi_star(j), grad) ** 2 + 3 * e(j) ** 2 * sq(grad), across**2),
        [(3 * e(j) ** 2, within(proof, grad))],
        [(Rational(1, 2), Inner(phi_star(j), grad) - 2 * e(j) * Inner(grad, unit))],
        using=[both],
    )
    least, most = proof.assume(spectrum, grad)
    ceiling = proof.certificate(
        Ge(Rational(9, 4) * high * sq(grad), total(grad)),
        [
            (1 / n, proof.sum_of(upper, j, 1, n)),
            (Rational(9, 4), most),
            (Rational(3, 4), least),
            (3, proof.product(lengths[grad], square_errors)),
        ],
    )
    # <grad, Delta> >= mu |Delta|^2 and |grad|^2 <= C <grad, Delta>
    for symbol in (C, mu, eta):
        known = proof.definition(symbol)
        proof.certificate(Gt(symbol, 0), [(1, proof.sign(known.right))], using=[known])
    wide = (top + r) * top
    steep = proof.certificate(
        Ge(kappa(j) * e(j) * along, along**2 / wide),
        [
            (s(j) * e(j) ** 2 / (top + r), slow),
            (s(j) * e(j) ** 2 / wide, s_high),
            ((s(j) * e(j) + along) / wide - kappa(j) * e(j), error),
        ],
    )
    narrow = C * delta * (delta - r)
    short = proof.certificate(
        Ge(C * kappa(j) * e(j) * along + across**2 / narrow - 2 * kappa(j) * e(j) * across, 0),
        [
            (across**2 / narrow, fast),
            (across**2 * kappa(j) / (C * delta * s(j)), s_low),
            (-C * kappa(j) * e(j), error),
        ],
        [(kappa(j) / (C * s(j)), C * s(j) * e(j) - across)],
    )
    pull, size = proof.assume(gradient, Delta), proof.assume(gradient, grad)
    monotone = proof.certificate(
        Ge(Inner(grad, Delta), mu * sq(Delta)),
        [(1 / n, proof.sum_of(steep, j, 1, n)), (1 / wide, floor), (1, pull)],
        using=[proof.definition(mu)],
    )
    bounded = proof.certificate(
        Ge(C * Inner(grad, Delta), sq(grad)),
        [(1 / n, proof.sum_of(short, j, 1, n)), (1 / narrow, ceiling), (C, pull), (-2, size)],
        using=[proof.definition(C)],
    )
    upwards = proof.certificate(Ge(Inner(grad, Delta), 0), [(1, monotone), (mu, lengths[Delta])])
    stated = proof.claim.decides
    proof.conclude(
        proof.certificate(
            Le(stated.quantity, stated.bound),
            [
                (eta**2, bounded),
                (eta, proof.product(proof.high(share), upwards)),
                (eta, monotone),
                (-(1 - eta * mu), proof.assume(meaning)),
            ],
            using=[proof.assume(step), proof.definition(eta)],
        )
    )


@linear_rate.experiment(samples={"smoke": 2048, "standard": 50_000, "full": 500_000}, cases=[{"d": 1}, {"d": 2}])
def leaky(xp, rng, case, size):
    """sigma^{-1} of slope delta + a* on one side of 0 and top + a* on the other, n points in R^d, x and -x in turn.

    Only slopes less a* matter, for any a* > -delta.  With points on one side of 0 alone l would be 0.
    """
    d = case.d
    w_star = rng.normal((size, d)) * log_uniform(xp, rng, (size, 1), 0.1, 3)
    points = rng.normal((size, (case.n + 1) // 2, d)) * log_uniform(xp, rng, (size, 1, 1), 0.3, 3)
    points = xp.concat([points, -points], axis=1)[:, : case.n, :]
    flip = rng.signs((size, 1))  # which side is the steep one
    branch = lambda u: xp.where(u * flip > 0, xp.asarray(case.top), xp.asarray(case.delta))
    driven = lambda w: xp.sum(points * w[:, None, :], axis=-1)
    y = driven(w_star) / branch(driven(w_star))
    moment = lambda z: xp.concat([z[:, :, None], points], axis=2)
    known = moment(y)
    ends = xp.linalg.eigvalsh(xp.matmul(xp.matrix_transpose(known), known) / case.n)
    low, high = ends[:, 0], ends[:, -1]
    r = case.delta * xp.sqrt(low) / (xp.sqrt(low) + 2 * xp.sqrt(high))
    C = 9 * high / (4 * case.delta * (case.delta - r))
    inside = rng.bernoulli(0.5, (size,))  # half of the rows on the edge of the ball, half near its centre
    radius = r * (0.999 * (1 - inside) + inside * log_uniform(xp, rng, (size,), 1e-3, 1))
    away = radius[:, None] * rng.sphere((size, 1 + d))
    w = w_star + away[:, 1:]
    slope = branch(driven(w)) - away[:, :1]
    z = driven(w) / slope
    grad = xp.mean(((z - y) / slope)[:, :, None] * moment(z), axis=1)
    moved = away - (case.share / C)[:, None] * grad
    square = xp.sum(away * away, axis=-1)
    return {"quantity": xp.sum(moved * moved, axis=-1), "square": square, "low": low, "high": high}
