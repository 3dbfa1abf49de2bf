"""Zero-sum bilinear games: recurrent in continuous time, divergent in steps (Zhou, Dong, Li & Wang).

A game whose field of individual gradients has no divergence is a vector potential game.  The simplest is x^T A y: with

    x' = -A y,    y' = A^T x            |x|^2 + |y|^2 is constant, so that play neither converges nor diverges;
    x_{k+1} = x_k - eta A y_k,    y_{k+1} = y_k + eta A^T x_k
                                        |x_T|^2 + |y_T|^2 >= (1 + eta^2 sigma^2)^T (|x_0|^2 + |y_0|^2),

sigma the smallest singular value of a square A: simultaneous gradient steps of any length diverge, and equality holds
where all singular values are sigma.

Reference: N. Zhou, J. Dong, Y. Li, B. Wang, "On the Decomposition of Differential Game".  Its abstract alone was read:
what it says of vector potential games is made precise, and derived, here.
"""

from sympy import Ge, Identity, Le, MatrixSymbol, Rational, Symbol, Trace

from gdverify import Claim, Conserved, Integers, Mutant, Nonnegative, Observed, Positive, SureBound
from gdverify.classes import recursion
from gdverify.instances import log_uniform
from gdverify.integrate import runge_kutta
from gdverify.language import MatrixSequence, TimeDerivative
from gdverify.laws import constant, equation, loewner
from theorems import PAPERS

n, m = (Symbol(name, integer=True, positive=True) for name in "nm")
t = Symbol("t", nonnegative=True)
x, y, A = MatrixSequence("x", n, 1), MatrixSequence("y", m, 1), MatrixSymbol("A", n, m)
weight = Symbol("weight", real=True)
norm = lambda u: Trace(u.T * u)

descends = equation("x descends x^T A y", TimeDerivative(x(t)), -A * y(t))
ascends = equation("y ascends x^T A y", TimeDerivative(y(t)), A.T * x(t))
cooperates = equation("y descends x^T A y", TimeDerivative(y(t)), -A.T * x(t))

recurrent = Claim(
    id="game-decomposition.vector-potential",
    title="Gradient play in a zero-sum bilinear game conserves |x|^2 + |y|^2",
    paper=PAPERS["game-decomposition"],
    locator="abstract (vector potential games); derived here for bilinear games",
    statement=r"\dot x = -Ay,\ \dot y = A^\top x:\quad \frac{d}{dt}\left(|x|^2 + |y|^2\right) = 0",
    symbols={
        n: Integers(1, sample=(1, 4)),
        m: Integers(1, sample=(1, 4)),
        t: Nonnegative(sample=(0, 4)),
    },
    defines={weight: 1},
    assumptions=[descends, ascends, constant(A)],
    decides=Conserved(norm(x(t)) + weight * norm(y(t)), order=4),
    mutants=[
        Mutant("balancedness: the two subtracted", defines={weight: -1}),
        Mutant("y counted 5 per cent more", defines={weight: Rational(21, 20)}),
        Mutant(
            "a potential game: both descend",
            drop=(ascends.name,),
            add=(cooperates,),
            cases=({"n": 2, "m": 2, "sign": -1.0},),
        ),
    ],
    notes="The field (-A y, A^T x) has no divergence and is no gradient (A != 0).  Hence no equilibrium attracts.",
)


@recurrent.derivation
def rotation(proof):
    motion = [proof.assume(law) for law in proof.claim.assumptions if law.name.startswith(("x", "y"))]
    proof.conclude(proof.lie_derivative(proof.claim.decides.quantity, motion, using=[proof.definition(weight)]))


@recurrent.experiment(cases=[{"t": 4}], samples={"smoke": 256, "standard": 10_000, "full": 100_000})
def orbits(xp, rng, case, size):
    game = rng.normal((size, case.n, case.m)) / xp.sqrt(xp.asarray(case.n + case.m + 0.0))
    begin = (rng.normal((size, case.n, 1)), rng.normal((size, case.m, 1)))
    sign = case.get("sign", 1.0)
    field = lambda x, y: (-xp.matmul(game, y), sign * xp.matmul(xp.matrix_transpose(game), x))
    length = lambda u: xp.sum(u * u, axis=(-2, -1))
    measure = lambda x, y: length(x) + case.weight * length(y)
    before, h, drifts = measure(*begin), [0.5, 0.25, 0.125, 0.0625], []
    for step in h:
        after = measure(*runge_kutta(field, begin, step, round(case.t / step)))
        drifts.append(xp.abs(after - before) / (length(begin[0]) + length(begin[1])))
    return {"h": xp.asarray(h), "drift": xp.stack(drifts, axis=1), "floor": 1e-13}


# -- steps ------------------------------------------------------------------------------------------------------------

eta, sigma = Symbol("eta", positive=True), Symbol("sigma", positive=True)
end = Symbol("end", nonnegative=True)
k, T = (Symbol(name, integer=True, nonnegative=True) for name in "kT")
X, Y, S = MatrixSequence("X", n, 1), MatrixSequence("Y", n, 1), MatrixSymbol("S", n, n)
moves = [
    recursion(X(k + 1), X(k) - eta * S * Y(k), k),
    recursion(Y(k + 1), Y(k) + eta * S.T * X(k), k),
]
conditioned = [
    loewner("S^T S >= sigma^2", S.T * S, sigma**2 * Identity(n)),
    loewner("S S^T >= sigma^2", S * S.T, sigma**2 * Identity(n)),
]
energy = lambda k: norm(X(k)) + norm(Y(k))
last = equation("end = |x_T|^2 + |y_T|^2", energy(T), end)
turns = recursion(Y(k + 1), Y(k) + eta * S.T * X(k + 1), k)
growth = 1 + eta**2 * sigma**2

divergent = Claim(
    id="game-decomposition.zero-sum-divergence",
    title="Simultaneous gradient steps in a zero-sum bilinear game diverge at every step size",
    paper=PAPERS["game-decomposition"],
    locator="derived here",
    statement=r"\sigma_{\min}(A) \ge \sigma:\quad |x_T|^2 + |y_T|^2 \ge (1 + \eta^2\sigma^2)^T (|x_0|^2 + |y_0|^2)",
    symbols={
        n: Integers(1, sample=(1, 4)),
        eta: Positive(sample=(Rational(1, 100), 1)),
        T: Integers(0, sample=(1, 40)),
        sigma: Observed(0, open="left"),
        end: Observed(0),
    },
    assumptions=[*moves, *conditioned, last],
    decides=SureBound(energy(0), end / growth**T),
    mutants=[
        Mutant("1 per cent more growth", decides={"bound": Rational(99, 100) * end / growth**T}),
        Mutant("y sees the new x: alternating steps", drop=(moves[1].name,), add=(turns,), cases=({"alternating": 1},)),
        Mutant("the largest singular value", drop=tuple(a.name for a in conditioned), cases=({"largest": 1},)),
        Mutant("linear in eta", decides={"bound": end / (1 + eta * sigma**2) ** T}, cases=({"eta": Rational(1, 10)},)),
    ],
    notes="Equality where all singular values of A are sigma.  As eta -> 0 at fixed eta T the growth vanishes.",
)  # fmt: skip


@divergent.derivation
def outwards(proof):
    i = proof.index("i")
    using = [proof.assume(law, i) for law in moves]
    low, high = (proof.assume(law, u) for law, u in zip(conditioned, (Y(i), X(i)), strict=True))
    claimed = lambda k: Ge(energy(k), growth**k * energy(0))
    every = proof.induction(
        claimed(i),
        i,
        proof.certificate(claimed(0)),
        lambda now: proof.certificate(claimed(i + 1), [(growth, now), (eta**2, low), (eta**2, high)], using=using),
    )
    stated = proof.claim.decides
    parts = [(growth**-T, proof.instantiate(every, {i: T})), (-(growth**-T), proof.assume(last))]
    proof.conclude(proof.certificate(Le(stated.quantity, stated.bound), parts))


def mirror(xp, u):
    """The reflection I - 2 u u^T."""
    return xp.eye(u.shape[1]) - 2 * u[:, :, None] * u[:, None, :]


@divergent.experiment(samples={"smoke": 1024, "standard": 50_000, "full": 500_000})
def spirals(xp, rng, case, size):
    values = log_uniform(xp, rng, (size, 1), 0.1, 3) * (1 + rng.bernoulli(0.5, (size, 1)) * rng.uniform((size, case.n)))
    left, right = (mirror(xp, rng.sphere((size, case.n))) for _ in range(2))
    game = xp.matmul(left * values[:, None, :], right)
    x, y = rng.normal((size, case.n, 1)), rng.normal((size, case.n, 1))
    length = lambda x, y: xp.sum(x * x + y * y, axis=(-2, -1))
    begin = length(x, y)
    for _ in range(case.T):
        moved = x - case.eta * xp.matmul(game, y)
        y = y + case.eta * xp.matmul(xp.matrix_transpose(game), moved if "alternating" in case else x)
        x = moved
    sigma = xp.max(values, axis=1) if "largest" in case else xp.min(values, axis=1)
    return {"quantity": begin, "sigma": sigma, "end": length(x, y)}
