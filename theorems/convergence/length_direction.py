"""Gradient descent on the direction alone, for least squares (after Kohler, Daneshmand, Lucchi et al. 2018).

Least squares with a weight vector of free length leaves, for its direction w,

    rho(w) = -(u.w)^2/(w.Sw),      mu I <= S <= L I,  u != 0,       smallest value  rho* = -u.S^{-1}u,

which does not change with the length of w and is not convex.  Gradient descent with the step w.Sw/(2 L |rho(w)|) is

    w_{t+1} = w_t - S w_t/L + (w_t.S w_t/(L u.w_t)) u,       u.w_0 > 0  (the sign of w_0 does not matter):

    rho(w_T) - rho*  <=  (1 - mu/L)^{2T} (rho(w_0) - rho*)

A step moves the best multiple of w as gradient descent with step 1/L does on the quadratic w.Sw/2 - u.w.

Reference: "Exponential convergence rates for Batch Normalization"; its theorems were not read, constants derived here.
"""

from sympy import Eq, Ge, Gt, Identity, MatrixSymbol, Rational, Symbol, Trace, symbols

from gdverify import Assumption, Claim, Integers, Interval, Mutant, Observed, Positive, SureBound
from gdverify.instances import log_uniform, mixed_uniform
from gdverify.language import MatrixSequence, SymmetricMatrix
from gdverify.laws import equation, inequality, loewner
from theorems import PAPERS

L, mu = symbols("L mu", positive=True)
gap = Symbol("gap", nonnegative=True)
d, T = Symbol("d", integer=True, positive=True), Symbol("T", integer=True, nonnegative=True)
S, u, v = SymmetricMatrix("S", d, d), MatrixSymbol("u", d, 1), MatrixSymbol("v", d, 1)
w, one = MatrixSequence("w", d, 1), Identity(d)
along = lambda k: Trace(u.T * w(k))
size = lambda k: Trace(w(k).T * S * w(k))
excess = lambda k: Trace(u.T * v) - along(k) ** 2 / size(k)

low, high = loewner("S is at least mu", S, mu * one), loewner("S is at most L", L * one, S)
solution = equation("v = S^{-1} u", S * v, u)
update = Assumption(
    "gradient descent on the direction",
    lambda k: Eq(w(k + 1), w(k) - S * w(k) / L + (size(k) / (L * along(k))) * u, evaluate=False),
    latex=r"w_{t+1} = w_t - \tfrac1L Sw_t + \tfrac{w_t\cdot Sw_t}{L\,u\cdot w_t}u",
    key=("gdnp",),
    where=lambda k: [k],
)
ahead = inequality("u.w_0 > 0", Gt(along(0), 0, evaluate=False))
nonzero = inequality("u is not 0", Gt(Trace(u.T * u), 0, evaluate=False))
begin = equation("gap = rho(w_0) - rho*", excess(0), gap)

gdnp = Claim(
    id="batchnorm-length-direction.gdnp-linear",
    title="Gradient descent on the direction alone converges linearly to the least-squares solution",
    paper=PAPERS["batchnorm-length-direction"],
    locator="least squares in the normalised parametrisation; constants derived here",
    statement=r"\rho(w)=-\frac{(u\cdot w)^2}{w\cdot Sw},\ \mu I\preceq S\preceq LI,\ "
    r"w_{t+1}=w_t-\tfrac1LSw_t+\tfrac{w_t\cdot Sw_t}{L\,u\cdot w_t}u:\quad"
    r" \rho(w_T)-\rho^\star \le \Big(1-\frac\mu L\Big)^{2T}\big(\rho(w_0)-\rho^\star\big)",
    symbols={
        L: Positive(sample=(Rational(1, 2), 2)),
        mu: Interval(0, L, open="both", sample=(L / 100, L / 2)),
        T: Integers(0, sample=(1, 5)),
        d: Integers(1, sample=(2, 5)),  # in one dimension every start is a solution
        gap: Observed(0),
    },
    assumptions=[low, high, solution, update, nonzero, ahead, begin],
    decides=SureBound(quantity=excess(T), bound=(1 - mu / L) ** (2 * T) * gap),
    mutants=[
        Mutant("1% faster", decides={"bound": (Rational(99, 100) * (1 - mu / L)) ** (2 * T) * gap}),
        Mutant("twice as fast", decides={"bound": (1 - mu / L) ** (4 * T) * gap}),
        Mutant("S may be larger", drop=("S is at most L",), by=("derivation",)),
        Mutant("S may be smaller", drop=("S is at least mu",), by=("derivation",)),
    ],
    notes="Attained in the limit of a start near the solution whose error is an eigenvector for mu.",
)


@gdnp.derivation
def quadratic(proof):
    k = proof.index("k")
    solved, start, norm, N = proof.assume(solution), proof.assume(ahead), Trace(u.T * u), Trace(u.T * v)
    proof.assume(nonzero)
    wider = proof.certificate(Gt(L - mu, 0), [(1, proof.high(mu))])
    shrink, kept = (1 - mu / L) ** 2, []
    proof.certificate(Ge(1 - shrink, 0), [(mu / L**2, wider), (1, proof.sign(mu / L))])

    def regular(at, forward):
        """w_t.S w_t > 0, from u.w_t > 0."""
        apart = proof.certificate(
            Ge(norm**2 * Trace(w(at).T * w(at)), along(at) ** 2 * norm), [], [(1, norm * w(at) - along(at) * u)]
        )
        far = proof.product(forward, forward)
        return proof.certificate(
            Gt(size(at), 0), [(1, proof.assume(low, w(at))), (mu / norm**2, apart), (mu / norm, far)]
        )

    def step(now):
        kept.append(regular(k, now))
        scale, move = along(k) / size(k), proof.assume(update, k)
        error = scale * w(k) - v  # of the best multiple of w
        moved = error - S * error / L
        up, down = L * error - S * error, S * error - mu * error
        energy = proof.certificate(Eq(Trace(error.T * S * error), excess(k)), using=[solved])
        weight = mu / (L - mu) / L**2
        contraction = proof.certificate(
            Ge(shrink * Trace(error.T * S * error), Trace(moved.T * S * moved)),
            [
                (1 / L**2 + weight, proof.assume(high, down)),
                (weight, proof.assume(low, up)),
                ((L - mu) * mu / L**2, proof.assume(low, error)),
            ],
            [((L - mu) / L**2, down)],
        )
        level = scale**2 * size(k + 1) - 2 * scale * along(k + 1) + N
        after = proof.certificate(Eq(Trace(moved.T * S * moved), level), using=[move, solved])
        small = proof.certificate(
            Ge(excess(k), level),
            [(1, contraction), (1 - shrink, proof.assume(low, error)), (-1, energy), (1, after)],
            [((1 - shrink) * mu, error)],
        )
        forward = proof.certificate(
            Gt(along(k + 1), 0),
            [
                (1 / (2 * scale), small),
                (1 / (2 * scale), proof.sign(along(k) ** 2 / size(k))),
                (scale / 2, proof.assume(low, w(k + 1))),
            ],
            [(mu * scale / 2, w(k + 1))],
        )
        regular(k + 1, forward)
        best = proof.certificate(Ge(level, excess(k + 1)), [], [(1 / size(k + 1), scale * size(k + 1) - along(k + 1))])
        kept.append(
            proof.certificate(
                Ge(shrink * excess(k), excess(k + 1)), [(1, contraction), (-shrink, energy), (1, after), (1, best)]
            )
        )
        return forward

    proof.induction(Gt(along(k), 0), k, start, step)
    positive, fall = (proof.settle(fact) for fact in kept)
    for at in (0, k + 1, T):
        proof.instantiate(positive, {k: at})
    begun = proof.assume(begin)
    rate = proof.induction(
        Ge((1 - mu / L) ** (2 * k) * gap, excess(k)),
        k,
        proof.certificate(Ge(gap, excess(0)), [(-1, begun)]),
        lambda now: proof.certificate(Ge((1 - mu / L) ** (2 * k + 2) * gap, excess(k + 1)), [(shrink, now), (1, fall)]),
    )
    proof.conclude(proof.instantiate(rate, {k: T}))


@gdnp.experiment(cases=[{}])
def directions(xp, rng, case, size):
    """Diagonal S with eigenvalues mu and L among its own; starts anywhere, or next to the solution."""
    shape = (size, case.d)
    share = mixed_uniform(rng, shape)
    first = xp.astype(xp.arange(case.d) == 0, xp.float64)
    S = case.mu + (case.L - case.mu) * share * (1 - first)
    u = rng.normal(shape) + 0.5 * rng.signs(shape)
    v = u / S
    near = rng.bernoulli(0.5, (size, 1))
    start = near * (v + 1e-2 * first * xp.sqrt(xp.sum(v * v, axis=-1))[:, None]) + (1 - near) * rng.normal(shape)
    start = start * log_uniform(xp, rng, (size, 1), 0.1, 10)
    inner = lambda a, b: xp.sum(a * b, axis=-1)[:, None]
    w = start * xp.where(inner(u, start) > 0, xp.asarray(1.0), xp.asarray(-1.0))

    def rest(z):  # rho(z) - rho*, without cancellation: the energy of the best multiple's error
        error = inner(u, z) / inner(z, S * z) * z - v
        return inner(error, S * error)[:, 0]

    gap = rest(w)
    for _ in range(case.T):
        w = w - S * w / case.L + inner(w, S * w) / (case.L * inner(u, w)) * u
    return {"quantity": rest(w), "gap": gap}
