"""With a large step the logistic loss says little about how near a solution is (Tyurin 2024).

Two samples (inputs times labels) z_1 = (1, -1), z_2 = (1, 4), two steps of gradient descent from w_0 = 0 on

    f(w) = (1/2) sum_i log(1 + exp(-<z_i, w>)).

For every step gamma the first step leaves f(w_1) >= gamma/8, as large as one likes, and yet the second one solves
the problem:  f(w_2) <= (5/2) exp(-3 gamma/4).

Reference: arXiv:2412.08424, Theorem 4.1, whose limits gamma -> oo follow.  The constants are derived here.
"""

from sympy import Eq, Function, Ge, Le, Rational, Symbol, exp, log, oo, sqrt

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Interval,
    Mutant,
    Nonnegative,
    Observed,
    Reals,
    SureBound,
    VectorSequence,
    sq,
)
from gdverify.laws import equation
from theorems import PAPERS

gamma, loss = Symbol("gamma", positive=True), Symbol("f", positive=True)
t = Symbol("t", integer=True, nonnegative=True)
z, w, sigma = VectorSequence("z"), VectorSequence("w"), Function("sigma")
half = Rational(1, 2)
m = lambda i, s: Inner(z(i), w(s))
f = lambda s: (log(1 + exp(-m(1, s))) + log(1 + exp(-m(2, s)))) / 2

samples = [
    equation("z_1 = (1, -1)", sq(z(1)), 2),
    equation("z_2 = (1, 4)", sq(z(2)), 17),
    equation("z_1 and z_2 at their angle", Inner(z(1), z(2)), -3),
]
origin = Assumption("w starts at 0", lambda v: Eq(Inner(w(0), v), 0, evaluate=False), key=("origin",))
logistic = Assumption(
    "sigma is 1/(1 + exp(<z, w>))",
    lambda i, s: Eq(sigma(i, s) * (1 + exp(m(i, s))), 1, evaluate=False),
    key=("logistic",),
    where=lambda i, s: [i - 1, 2 - i, s],
)


def gradient_descent(scale):
    return Assumption(
        "gradient descent",
        lambda s: Eq(w(s + 1), w(s) + scale * gamma / 2 * (sigma(1, s) * z(1) + sigma(2, s) * z(2)), evaluate=False),
        key=("descent", scale),
        where=lambda s: [s],
    )


step = gradient_descent(1)
setting = [*samples, origin, logistic, step]
shorter = Mutant("steps of gamma/2", drop=(step.name,), add=(gradient_descent(half),), by=("derivation",))
symbols = {gamma: Observed(0, open="left"), loss: Observed(0, open="left")}

grows = Claim(
    id="logistic-to-perceptron.loss-unreliable",
    title="After one step of gradient descent the logistic loss grows with the step, next to a solution",
    paper=PAPERS["logistic-to-perceptron"],
    locator="Theorem 4.1, first step; constant derived here",
    statement=r"z_1=(1,-1),\ z_2=(1,4),\ w_0=0:\quad \gamma\le 8 f(w_1)",
    symbols=symbols,
    assumptions=[*setting, equation("f is the loss after one step", f(1), loss)],
    decides=SureBound(quantity=gamma, bound=8 * loss),
    mutants=[
        Mutant("1% more", decides={"bound": Rational(792, 100) * loss}),
        Mutant("the loss of the other sample", decides={"bound": Rational(4, 7) * loss}),
        Mutant("it grows like the root of the step", decides={"bound": 8 * loss**half}),
        shorter,
    ],
    notes="f(w_1) = gamma/8 up to exp(-gamma/4), and f(w_0) = log 2. The norms of the gradients are not encoded.",
)
falls = Claim(
    id="logistic-to-perceptron.loss-unreliable-next",
    title="After two steps of gradient descent the logistic loss is exponentially small in the step",
    paper=PAPERS["logistic-to-perceptron"],
    locator="Theorem 4.1, second step; constant derived here",
    statement=r"z_1=(1,-1),\ z_2=(1,4),\ w_0=0:\quad f(w_2)\le\tfrac52\,e^{-3\gamma/4}",
    symbols={gamma: symbols[gamma]},
    assumptions=setting,
    decides=SureBound(quantity=f(2), bound=Rational(5, 2) * exp(-3 * gamma / 4)),
    mutants=[
        Mutant("7/5 for 5/2", decides={"bound": Rational(7, 5) * exp(-3 * gamma / 4)}),
        Mutant("exp(-19 gamma/25)", decides={"bound": Rational(5, 2) * exp(-19 * gamma / 25)}),
        Mutant("exp(-gamma)", decides={"bound": Rational(5, 2) * exp(-gamma)}),
        shorter,
    ],
    notes="e^(-3 gamma/4)/2 for large gamma, and 1.48 e^(-3 gamma/4) at gamma = 5.5.",
)


def first_step(proof):
    """<z_1, w_1> = -gamma/4 and <z_2, w_1> = 7 gamma/2; also the weights and the Gram matrix."""
    gram = [proof.assume(a) for a in samples]
    values = []
    for i in (1, 2):
        start = proof.assume(origin, z(i))
        share = proof.rewrite(proof.assume(logistic, i, 0), start)
        values.append(proof.certificate(Eq(sigma(i, 0), half, evaluate=False), [(half, share)]))
    move = proof.assume(step, 0)
    zero = [proof.assume(origin, z(i)) for i in (1, 2)]
    margin = lambda i, value: proof.certificate(Eq(m(i, 1), value, evaluate=False), using=[move, *values, *gram, *zero])
    return gram, margin(1, -gamma / 4), margin(2, Rational(7, 2) * gamma)


@grows.derivation
def one_step(proof):
    y = proof.scalar("y", Reals())
    line = proof.tangent(exp(y), y, 0)
    _, back, ahead = first_step(proof)
    defined = proof.rewrite(proof.assume(grows.assumptions[-1]), back, ahead)
    # log(1 + e^a) >= a, as 1 >= 1 + a - log(1 + e^a) from e^(a - log(1 + e^a)) <= 1
    a = gamma / 4
    under = proof.certificate(Ge(1 - exp(a) / (1 + exp(a)), 0), [(1 / (1 + exp(a)), proof.sign(Rational(1)))])
    most = proof.instantiate(line, {y: a - log(1 + exp(a))})
    first = proof.certificate(Ge(log(1 + exp(a)), a), [(1, most), (1, under)])
    second = proof.sign(log(1 + exp(-Rational(7, 2) * gamma)))
    proof.conclude(proof.certificate(Le(gamma, 8 * loss), [(4, first), (4, second), (-8, defined)]))


@falls.derivation
def two_steps(proof):
    y, x, c = (
        proof.scalar("y", Reals()),
        proof.scalar("x", Nonnegative()),
        proof.scalar("c", Interval(1, Rational(4, 3))),
    )
    line = proof.tangent(exp(y), y, 0)
    ratio = proof.nonneg_on_box(1 + exp(x) - Rational(7, 2) * x, {x: (0, oo)})
    gram, back, ahead = first_step(proof)
    move = proof.assume(step, 1)
    s1, s2 = sigma(1, 1), sigma(2, 1)
    first, second = (proof.rewrite(proof.assume(logistic, i, 1), back, ahead) for i in (1, 2))
    e1, e2 = exp(gamma / 4), exp(Rational(7, 2) * gamma)
    at1 = proof.instantiate(ratio, {x: gamma / 4})
    at2 = proof.instantiate(ratio, {x: Rational(7, 2) * gamma})
    lacks = proof.certificate(
        Ge(Rational(8, 7) - gamma * (1 - s1), 0),
        [(Rational(8, 7) / (1 + e1), at1), (gamma * e1 / (1 + e1), first)],
    )
    small = proof.certificate(
        Ge(Rational(4, 49) - gamma * s2, 0), [(Rational(4, 49) / (1 + e2), at2), (-gamma / (1 + e2), second)]
    )
    solved = lambda i, value, *weights: proof.certificate(
        Ge(m(i, 2) - value, 0), *weights, using=[move, back, ahead, *gram]
    )
    proof.certificate(Ge(s2, 0), [(1 / (1 + e2), second)], [(1 / (1 + e2), 1)])
    loss1 = solved(1, 3 * gamma / 4 - Rational(4, 3), [(1, lacks), (Rational(3, 2), small)], [(Rational(10, 147), 1)])
    above = proof.certificate(Ge(1 - s1, 0), [(-1 / (1 + 1 / e1), first)], [(1 / (1 + e1), 1)])
    loss2 = solved(2, 2 * gamma, [(Rational(3, 2) * gamma, above), (Rational(17, 2) * gamma, proof.sign(s2))])
    parts = []
    for i, fact in ((1, loss1), (2, loss2)):
        u = exp(-m(i, 2))
        below = proof.instantiate(line, {y: log(1 + u)})
        past = proof.instantiate(line, {y: fact.expr})
        parts += [(half, below), (half * u, past), (half * u, fact)]
    four = proof.instantiate(proof.nonneg_on_box(4 - exp(c), {c: (1, Rational(4, 3))}), {c: Rational(4, 3)})
    slower = proof.instantiate(line, {y: 5 * gamma / 4})
    parts += [(half * exp(-3 * gamma / 4), four), (half * exp(-2 * gamma), slower)]
    proof.conclude(
        proof.certificate(
            Le(f(2), Rational(5, 2) * exp(-3 * gamma / 4)), parts, [(half * exp(-2 * gamma), sqrt(5 * gamma / 4))]
        )
    )


def data(xp, rng, size):
    """The samples, turned by a random angle, and steps between 1/20 and 300."""
    axis = rng.sphere((size, 2))
    across = xp.stack([-axis[:, 1], axis[:, 0]], axis=-1)
    gamma = 0.05 * 6000 ** rng.uniform((size,))
    return axis - across, axis + 4 * across, gamma


def descend(xp, rng, size, steps):
    a, b, gamma = data(xp, rng, size)
    w = 0 * a
    for _ in range(steps):
        share = lambda z, w=w: 1 / (1 + xp.exp(xp.sum(z * w, axis=-1)))
        w = w + (gamma / 2)[:, None] * (share(a)[:, None] * a + share(b)[:, None] * b)
    value = lambda z: xp.log1p(xp.exp(-xp.sum(z * w, axis=-1)))
    return (value(a) + value(b)) / 2, gamma


@grows.experiment(samples={"smoke": 512})
def after_one(xp, rng, case, size):
    value, gamma = descend(xp, rng, size, 1)
    return {"quantity": gamma, "gamma": gamma, "f": value}


@falls.experiment(samples={"smoke": 512})
def after_two(xp, rng, case, size):
    value, gamma = descend(xp, rng, size, 2)
    return {"quantity": value, "gamma": gamma}
