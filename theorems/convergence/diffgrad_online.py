"""Online linear losses on [-1, 1] and diffGrad without momentum: what its two counterexamples share.

    v_t = beta_2 v_{t-1} + (1 - beta_2) g_t^2,    xi_t = 1/(1 + exp(-|g_{t-1} - g_t|)),
    x_{t+1} = the point of [-1, 1] nearest to x_t - alpha_t xi_t g_t/sqrt(v_t),    x_1 = 1.

The gradients are 1 or -1 but for one of 3 to the other side in a period, so that jumps are of size 4; the gradient
before the first is that which ends a period.
"""

from sympy import Eq, Function, Ge, Gt, Rational, Sum, Symbol, exp, sqrt, symbols

from gdverify import Assumption
from gdverify.laws import equation

K, alpha, beta_2, eta, repeated, jumped = symbols("K alpha beta_2 eta repeated jumped", positive=True)
r, j = Symbol("r", integer=True, positive=True), Symbol("j", integer=True)
x, y, v, g, rate = (Function(name) for name in ("x", "y", "v", "g", "alpha_t"))
same = lambda left, right: Eq(left, right, evaluate=False)
least = lambda left, right: Ge(left, right, evaluate=False)
more = lambda left, right: Gt(left, right, evaluate=False)

projection = Assumption(
    "x_{t+1} is the point of [-1, 1] nearest to y_{t+1}",
    lambda t: [
        least(1, x(t + 1)),
        least(x(t + 1), -1),
        least((1 - x(t + 1)) * (x(t + 1) - y(t + 1)), 0),
        least((1 + x(t + 1)) * (y(t + 1) - x(t + 1)), 0),
    ],
    latex=r"x_{t+1}\in[-1,1],\ (u-x_{t+1})(y_{t+1}-x_{t+1})\le 0\ \text{for all } u\in[-1,1]",
    key=("projection onto [-1, 1]",),
    where=lambda t: [t - 1],
)
memory = Assumption(
    "second moment",
    lambda t: same(v(t + 1), beta_2 * v(t) + (1 - beta_2) * g(t + 1) ** 2),
    latex=r"v_{t+1}=\beta_2v_t+(1-\beta_2)g_{t+1}^2",
    key=("second moment",),
    where=lambda t: [t],
)
begin = [equation("x_1 = 1", x(1), 1), equation("v_0 = 0", v(0), 0)]
frictions = {repeated: Rational(1, 2), jumped: 1 / (1 + exp(-4))}  # after no jump, and after one of 4
regret = lambda T: Sum(g(j) * (x(j) + 1), (j, 1, T))


def losses(*period):
    """The gradients, repeated for ever; ``schema(k)`` gives those of period k = 0, 1, ..."""
    n = len(period)
    return Assumption(
        f"gradients of period {n}",
        lambda k: [same(g(n * k + i), value) for i, value in enumerate(period, 1)],
        latex=r"(g_t)_{t\ge1} = (" + ", ".join(map(str, period)) + r",\dots)",
        key=("losses", *period),
        where=lambda k: [k],
    )


def update(frictions, v=v):
    """y_{t+1} = x_t - alpha_t xi_t g_t/sqrt(v_t), frictions by place in a period; ``v`` may be another moment."""
    n = len(frictions)

    def at(k):
        every = [(n * k + i, friction) for i, friction in enumerate(frictions, 1)]
        return [same(y(t + 1), x(t) - rate(t) * xi * g(t) / sqrt(v(t))) for t, xi in every]

    return Assumption(
        "step with friction",
        at,
        latex=r"y_{t+1}=x_t-\alpha_t\xi_tg_t/\sqrt{v_t},\ \xi_t=1/(1+e^{-|g_{t-1}-g_t|})",
        key=("step", v, *frictions),
        where=lambda k: [k],
    )


def above(proof, t, level, room, reached):
    """x(t + 1) >= level, from room: 1 > level, and reached: y(t + 1) >= level."""
    inside, _, near, _ = proof.assume(projection, t)
    return proof.certificate(
        least(x(t + 1), level),
        [(1 / room.expr, near), (inside.expr / room.expr, reached)],
        [(1 / room.expr, x(t + 1) - level)],
    )


def nonnegative_memory(proof, t):
    """v(t) >= 0 for the generic t >= 0; that 0 <= beta_2 <= 1 is known."""
    kept = lambda now: proof.certificate(
        least(v(t + 1), 0),
        [(beta_2, now), (1, proof.sign((1 - beta_2) * g(t + 1) ** 2))],
        using=[proof.assume(memory, t)],
    )
    return proof.induction(least(v(t), 0), t, proof.certificate(least(v(0), 0), using=[proof.assume(begin[1])]), kept)


def run(xp, case, size, period, rates, steps, largest=False):
    """The regret against -1 after so many steps; ``largest`` divides by the largest second moment so far."""
    point, square, total = xp.ones((size,)), xp.zeros((size,)), xp.zeros((size,))
    moment = square
    for t in range(steps):
        slope = period[t % len(period)]
        friction = case.repeated if slope == period[t % len(period) - 1] else case.jumped
        total = total + slope * (point + 1)
        square = case.beta_2 * square + (1 - case.beta_2) * slope * slope
        moment = xp.maximum(moment, square) if largest else square
        point = point - rates(t + 1) * friction * slope / xp.sqrt(moment)
        point = xp.maximum(xp.minimum(point, xp.ones((size,))), -xp.ones((size,)))
    return total


def grown(proof, now, total, paid, n, target):
    """The sum after n more terms."""
    parts = []
    for _ in range(n):
        parts.append(proof.split_sum(total))
        total = parts[-1].right.atoms(Sum).pop()
    return proof.certificate(least(parts[0].left, target), [(1, now), (1, paid), *[(1, part) for part in parts]])
