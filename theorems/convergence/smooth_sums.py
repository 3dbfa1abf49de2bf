"""What theorems on SGD for sums of smooth functions share, the parts not being convex: setting and step.

    f = (f_1 + ... + f_n)/n L-smooth, f_i L_max-smooth and >= low_i, x_{t+1} = x_t - gamma grad f_i(x_t), i uniform

Delta_star = inf f - (1/n) sum low_i is what the parts together could still fall below the infimum of f.
"""

from sympy import Eq, Function, Ge, Rational, symbols

from gdverify import Assumption, Inner, Integers, Interval, Mean, Positive, sq
from gdverify.classes import smooth
from theorems.convergence.finite_sums import L_max, Part, draw, f, gamma, n, parts_smooth, update, x

L, mu = symbols("L mu", positive=True)
Delta, Delta_star = symbols("Delta Delta_star", nonnegative=True)
low = Function("low", real=True)


def unbiased(s):
    """What a uniform draw that is independent of x_s says of value and gradient at x_s."""
    drawn, g = Part(draw(s)), f.grad(x(s))
    return [
        Eq(Mean(drawn(x(s))), Mean(f(x(s))), evaluate=False),
        Eq(Mean(Inner(drawn.grad(x(s)), g)), Mean(sq(g)), evaluate=False),
    ]


def spread(best):
    """Delta_star is ``best``, the infimum of f, less the mean of low_i."""
    return Assumption(
        "Delta_star is inf f minus the mean of low_i",
        lambda s: Eq(Mean(best - low(draw(s))), Delta_star, evaluate=False),
        key=("spread", best, Delta_star),
    )


parts_bounded = Assumption(
    "every f_i is at least low_i", lambda i, z: Ge(Part(i)(z), low(i), evaluate=False), key=("lows",)
)
sampling = Assumption("the index is drawn uniformly, independently of the past", unbiased, key=("uniform-sampling",))
setting = [parts_smooth, parts_bounded, smooth(f, L), sampling, update]
constants = {
    n: Integers(1, sample=(2, 8)),
    L_max: Positive(sample=(Rational(1, 4), 4)),
    L: Interval(0, L_max, open="left", sample=(L_max / 4, L_max)),
}


def expected_descent(proof, k, best):
    """E f(x_k) - E f(x_{k+1}) + gamma^2 L L_max (E f(x_k) - best + Delta_star) >= gamma E|grad f(x_k)|^2."""
    drawn = Part(draw(k))
    g, gap = drawn.grad(x(k)), lambda s: Mean(f(x(s)) - best)
    below = x(k) - g / L_max
    sure = proof.certificate(
        Ge(2 * L_max * (drawn(x(k)) - low(draw(k))), sq(g)),
        [
            (2 * L_max, proof.assume(parts_smooth, draw(k), x(k), below)),
            (2 * L_max, proof.assume(parts_bounded, draw(k), below)),
        ],
    )
    descent = proof.assume(smooth(f, L), x(k), x(k + 1))
    fall = proof.certificate(
        Ge(f(x(k)) - f(x(k + 1)) - gamma * Inner(f.grad(x(k)), g) + gamma**2 * L / 2 * sq(g), 0),
        [(1, descent)],
        using=[proof.assume(update, k)],
    )
    value, slope = proof.assume(sampling, k)
    c = gamma**2 * L * L_max
    return proof.certificate(
        Ge(gap(k) - gap(k + 1) + c * (gap(k) + Delta_star), gamma * Mean(sq(f.grad(x(k))))),
        [(1, proof.mean(fall)), (gamma**2 * L / 2, proof.mean(sure)), (-c, value), (gamma, slope),
         (-c, proof.assume(spread(best), k))],
    )  # fmt: skip


class Multiples:
    """f_i = share_i times one function, so that all parts are smallest together; values at the origin are 0."""

    def __init__(self, xp, shares, function):
        self.xp, self.shares, self.function = xp, shares, function
        self.tilt = shares[:, None]  # its length is the number of parts

    def grad(self, i, point):
        return self.xp.take(self.shares, i, axis=0)[:, None] * self.function.grad(point)

    def value(self, point):
        return self.function.value(point)
