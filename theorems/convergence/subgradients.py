"""What theorems on the stochastic subgradient method share: the setting, and the step that all proofs take.

    x_{t+1} = P(x_t - gamma_t g_t),   E[g_t | past] a subgradient of the convex f at x_t,   E|g_t|^2 <= G^2,

P the projection onto a closed convex set C that contains the minimiser x* (of f over C); C may be the whole space.
The residue u_{t+1} = x_t - gamma_t g_t - x_{t+1} is a normal of C at x_{t+1}: <u_{t+1}, x_{t+1} - z> >= 0 for z in C.
"""

from sympy import Eq, Ge, Rational, Symbol, symbols

from gdverify import Assumption, Inner, Mean, Observed, Positive, ScalarFunction, Vector, VectorSequence, sq
from gdverify.classes import recursion
from gdverify.instances import clip

G, gamma, R = symbols("G gamma R", positive=True)
T, t = Symbol("T", integer=True, positive=True), Symbol("t", integer=True, nonnegative=True)
f, x, x_star = ScalarFunction("f"), VectorSequence("x"), Vector("x_star")
g, u = VectorSequence("g"), VectorSequence("u")

normal = Assumption(
    "u is normal to a convex set with x_star in it",
    lambda s: Ge(Inner(u(s), x(s) - x_star), 0, evaluate=False),
    latex=r"\langle u_t, x_t-x^\star\rangle\ge 0",
    key=("normal",),
)
unbiased = Assumption(
    "g is an unbiased subgradient of f at x",
    lambda s: Eq(Mean(Inner(g(s), x(s) - x_star)), Mean(Inner(f.grad(x(s)), x(s) - x_star)), evaluate=False),
    latex=r"\mathbb{E}[g_t\mid x_0,\dots,x_t]\in\partial f(x_t)",
    key=("unbiased",),
)
moment = Assumption(
    "E|g|^2 <= G^2",
    lambda s: Ge(G**2, Mean(sq(g(s))), evaluate=False),
    latex=r"\mathbb{E}\|g_t\|^2\le G^2",
    key=("second-moment", G),
)
scale = {G: Positive(sample=(Rational(1, 4), 4))}
distance = {R: Observed(0, open="left")}


def update(step):
    """x_{t+1} = x_t - step g_t - u_{t+1}, ``step`` an expression in t."""
    return recursion(x(t + 1), x(t) - step * g(t) - u(t + 1))


def expected_step(proof, rule, step, k):
    """E|d|^2 - E|d+|^2 + step^2 G^2 >= 2 step E<grad f(x_k), d>, with d = x_k - x*; ``step`` at index k."""
    d, after = x(k) - x_star, x(k + 1) - x_star
    surely = proof.certificate(
        Ge(sq(d) - sq(after) + step**2 * sq(g(k)), 2 * step * Inner(g(k), d)),
        [(2, proof.assume(normal, k + 1))],
        [(1, u(k + 1))],
        using=[proof.assume(rule, k)],
    )
    return proof.certificate(
        Ge(Mean(sq(d)) - Mean(sq(after)) + step**2 * G**2, 2 * step * Mean(Inner(f.grad(x(k)), d))),
        [(1, proof.mean(surely)), (step**2, proof.assume(moment, k)), (2 * step, proof.assume(unbiased, k))],
    )


def slopes(xp, shared, case, d):
    """f(x) = sum_i s_i |x_i| and noise of +-nu_i in each coordinate, with |s|^2 + |nu|^2 = G^2."""
    direction = shared.sphere((2, d)) if case.noise else shared.sphere((1, d))
    share = shared.uniform(()) if case.noise else xp.asarray(1.0)
    s = case.G * xp.sqrt(share) * xp.abs(direction[0, :])
    nu = case.G * xp.sqrt(1 - share) * xp.abs(direction[-1, :])
    return s, nu


PATHS = 8  # of one instance in a row: the mean of their last values has lighter tails


def run(xp, rng, slope, noise, begin, size, steps, radius=None, paths=1):
    """Iterates x_0, ..., x_T, each (size paths, d); projected onto [-radius, radius]^d if a radius is given."""
    flips = xp.reshape(rng.signs((size, paths * len(steps), slope.shape[0])), (size * paths, len(steps), -1))
    path = [begin + xp.zeros((size * paths, slope.shape[0]))]
    for k, step in enumerate(steps):
        moved = path[-1] - step * (slope * xp.sign(path[-1]) + noise * flips[:, k, :])
        path.append(moved if radius is None else clip(xp, moved, radius))
    return path


def hidden_slopes(xp, case, steps, radius):
    """f(x_T) - f* for f(x) = G max(x_1, ..., x_{T+1}, |x| - radius - c), c = radius/sqrt(T + 1), from x_0 = 0.

    f is smallest at -c (1, ..., 1), at distance ``radius`` from x_0, with f* = -G c.  Where maxima tie, the subgradient
    is the coordinate's that was never moved: T steps cannot lower the maximum of T + 1 coordinates.
    """
    count = len(steps) + 1
    corner = radius / xp.sqrt(xp.asarray(float(count)))
    outside = lambda point: xp.sqrt(xp.sum(point * point)) - radius - corner
    point = xp.zeros((count,))
    for k, step in enumerate(steps):
        far = outside(point)
        length = xp.maximum(radius + corner + far, 0 * far + radius)  # |x|, where the second piece is the larger
        radial = xp.where(far > xp.max(point), 1 / length, 0 * far) * point
        unit = xp.where(far > xp.max(point), 0 * far, 0 * far + 1) * xp.eye(count)[k, :]
        point = point - step * case.G * (radial + unit)
    return case.G * (xp.maximum(xp.max(point), outside(point)) + corner)
