"""What theorems on stochastic gradient descent for finite sums share: the setting, and the step that all proofs take.

    f = (f_1 + ... + f_n)/n,   x_{t+1} = x_t - gamma grad f_i(x_t),   i drawn uniformly from 1, ..., n, afresh in every
    step; every f_i convex and L_max-smooth; x* a minimiser of f; R = |x_0 - x*|.

sigma_star = (1/n) sum_i |grad f_i(x*)|^2 is the gradient noise at the solution (a variance: it is not squared below).
"""

from sympy import Eq, Function, Ge, Rational, Sum, Symbol, symbols

from gdverify import Assumption, Inner, Integers, Mean, Observed, Positive, ScalarFunction, Vector, VectorSequence, sq
from gdverify.classes import convex, minimiser, recursion, smooth, start

L_max, gamma, R = symbols("L_max gamma R", positive=True)
sigma_star = Symbol("sigma_star", nonnegative=True)
n = Symbol("n", integer=True, positive=True)
T, t = Symbol("T", integer=True, nonnegative=True), Symbol("t", integer=True, nonnegative=True)
i = Symbol("i", integer=True)
f, x, x_star = ScalarFunction("f"), VectorSequence("x"), Vector("x_star")
draw = Function("i")  # draw(s): the random index of step s


class Part(ScalarFunction):
    """The part f_i, for an index i."""

    def __init__(self, i):
        super().__init__("f_i")
        self.i = i

    def __call__(self, z):
        return self._value(self.i, z)

    def grad(self, z):
        return self._gradient(self.i, z)


def average_of_parts(z, v):
    """f(z) and <grad f(z), v> as means over the parts."""
    mean = lambda q: Sum(q(Part(i)), (i, 1, n)) / n
    return [
        Eq(f(z), mean(lambda h: h(z)), evaluate=False),
        Eq(Inner(f.grad(z), v), mean(lambda h: Inner(h.grad(z), v)), evaluate=False),
    ]


def unbiased(s):
    """What a uniform draw that is independent of x_s says of the values and gradients at x_s and at x_star."""
    drawn, d = Part(draw(s)), x(s) - x_star
    same = lambda a, b: Eq(Mean(a), Mean(b), evaluate=False)
    return [
        same(drawn(x(s)), f(x(s))),
        same(drawn(x_star), f(x_star)),
        same(Inner(drawn.grad(x(s)), d), Inner(f.grad(x(s)), d)),
        same(Inner(drawn.grad(x_star), d), Inner(f.grad(x_star), d)),
    ]


parts_convex = Assumption("every f_i is convex", lambda i, y, z: convex(Part(i)).schema(y, z), key=("parts-convex",))
parts_smooth = Assumption(
    "every f_i is L_max-smooth", lambda i, y, z: smooth(Part(i), L_max).schema(y, z), key=("parts-smooth", L_max)
)
whole = Assumption("f is the mean of f_1, ..., f_n", average_of_parts, key=("finite-sum", n))
sampling = Assumption("the index is drawn uniformly, independently of the past", unbiased, key=("uniform-sampling",))
noise = Assumption(
    "sigma_star is the mean of |grad f_i(x_star)|^2",
    lambda s: Eq(Mean(sq(Part(draw(s)).grad(x_star))), sigma_star, evaluate=False),
    key=("noise", sigma_star),
)
update = recursion(x(t + 1), x(t) - gamma * Part(draw(t)).grad(x(t)), t)
setting = [parts_convex, parts_smooth, whole, sampling, minimiser(f, x_star), noise, update, start(x(0), x_star, R)]
regime = {n: Integers(1, sample=(2, 8)), L_max: Positive(sample=(Rational(1, 4), 4))}
observed = {R: Observed(0, open="left"), sigma_star: Observed(0)}


def expected_step(proof, k, gamma=gamma, rule=update):
    """E|d|^2 - E|d+|^2 + 2 gamma^2 sigma_star + 4 L_max gamma^2 E(f(x_k) - f*) >= 2 gamma E<grad f(x_k), d>.

    ``gamma`` is the step at k that the assumption ``rule`` makes.
    """
    drawn, d = Part(draw(k)), x(k) - x_star
    g, g_star = drawn.grad(x(k)), drawn.grad(x_star)
    below = x(k) - (g - g_star) / L_max
    excess = drawn(x(k)) - drawn(x_star) - Inner(g_star, d)
    cocoercive = proof.certificate(
        Ge(excess, sq(g - g_star) / (2 * L_max)),
        [
            (1, proof.assume(parts_smooth, draw(k), x(k), below)),
            (1, proof.assume(parts_convex, draw(k), x_star, below)),
        ],
    )
    c = 4 * L_max * gamma**2
    surely = proof.certificate(
        Ge(sq(d) - sq(x(k + 1) - x_star) + 2 * gamma**2 * sq(g_star) + c * excess, 2 * gamma * Inner(g, d)),
        [(c, cocoercive)],
        [(gamma**2, g - 2 * g_star)],
        using=[proof.assume(rule, k)],
    )
    value, low, slope, slope_star = proof.assume(sampling, k)
    flat = proof.mean(proof.assume(minimiser(f, x_star), direction=d))
    variance = proof.assume(noise, k)
    fall = Mean(sq(d)) - Mean(sq(x(k + 1) - x_star)) + 2 * gamma**2 * sigma_star
    return proof.certificate(
        Ge(fall + c * Mean(f(x(k)) - f(x_star)), 2 * gamma * Mean(Inner(f.grad(x(k)), d))),
        [(1, proof.mean(surely)), (-2 * gamma**2, variance), (-c, value), (c, low), (c, slope_star), (c, flat),
         (2 * gamma, slope)],
    )  # fmt: skip


def cocoercive(proof, j, z, base):
    """f_j(z) - f_j(base) - <grad f_j(base), z - base> >= |grad f_j(z) - grad f_j(base)|^2/(2 L_max)."""
    part = Part(j)
    pull = part.grad(z) - part.grad(base)
    below = z - pull / L_max
    return proof.certificate(
        Ge(part(z) - part(base) - Inner(part.grad(base), z - base), sq(pull) / (2 * L_max)),
        [(1, proof.assume(parts_smooth, j, z, below)), (1, proof.assume(parts_convex, j, base, below))],
    )


def tangent(proof, y, z, name):
    """f(z) >= f(y) + <grad f(y), z - y>: a mean of convex functions is convex."""
    j = proof.index(name, 1, n)
    total = proof.sum_of(proof.assume(parts_convex, j, y, z), j, 1, n)
    (at_y, slope), (at_z, _) = proof.assume(whole, y, z - y), proof.assume(whole, z, z - y)
    return proof.certificate(
        Ge(f(z) - f(y) - Inner(f.grad(y), z - y), 0), [(1 / n, total), (1, at_z), (-1, at_y), (-1, slope)]
    )


def run(xp, rng, F, start, gamma, steps):
    """Iterates x_0, ..., x_T of SGD on a `FiniteSum`, each (size, d), one independent run in each row.

    ``gamma`` is a number, or a function of the index of the step.
    """
    step = gamma if callable(gamma) else lambda s: gamma
    size, _ = start.shape
    drawn = rng.integers(0, F.tilt.shape[0], (size, steps))
    path = [start]
    for s in range(steps):
        path.append(path[-1] - step(s) * F.grad(drawn[:, s], path[-1]))
    return path
