"""Signs from the gradient, magnitudes from the momentum (on "Grams: Gradient Descent with Adaptive Momentum Scaling").

For an update u and a gradient g, Grams steps along |u_i| sign(g_i).  Against the gradient that gains

    S = sum_i |u_i| |g_i|  >=  sum_i u_i g_i,

and on an L-smooth f a step of size eta gives f(x - eta Grams) <= f(x) - eta S + L eta^2 |u|^2/2, whatever u is.
Setting of the abstract; stated and proved here.
"""

from sympy import Eq, Function, Ge, Le, Rational, Sum, Symbol, sqrt, symbols

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Mutant,
    Observed,
    Positive,
    ScalarFunction,
    SureBound,
    Vector,
    sq,
)
from gdverify.classes import smooth
from gdverify.instances import log_uniform, mixed_uniform
from gdverify.laws import equation
from theorems import PAPERS

d = Symbol("d", integer=True, positive=True)
i = Symbol("i", integer=True)
S = Symbol("S", nonnegative=True)

# -- the gain ---------------------------------------------------------------------------------------------------------

u_at, g_at = Function("u_i", real=True), Function("g_i", real=True)
gained = equation("S is the gain of Grams", Sum(sqrt((u_at(i) * g_at(i)) ** 2), (i, 1, d)), S)

ordering = Claim(
    id="grams.descent-ordering",
    title="Against the gradient Grams gains at least what the update itself gains",
    paper=PAPERS["grams"],
    locator="setting of the abstract; stated and proved here",
    statement=r"\sum_i u_ig_i \le \sum_i |u_i||g_i|",
    symbols={d: Integers(1, sample=(1, 12)), S: Observed(0)},
    assumptions=[gained],
    decides=SureBound(quantity=Sum(u_at(i) * g_at(i), (i, 1, d)), bound=S),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * S}),
        Mutant("half of it", decides={"bound": S / 2}),
        Mutant("S is any number", drop=(gained.name,), by=("derivation",)),
    ],
    notes="Attained where update and gradient agree in every sign.",
)


@ordering.derivation
def coordinate_by_coordinate(proof):
    j = proof.index("j", 1)
    product = u_at(j) * g_at(j)
    total = proof.sum_of(proof.root(proof.identity(product**2, product**2), product), j, 1, d)
    proof.conclude(
        proof.certificate(Le(Sum(u_at(i) * g_at(i), (i, 1, d)), S), [(1, total), (-1, proof.assume(gained))])
    )


@ordering.experiment()
def gains(xp, rng, case, size):
    u, g = rng.normal((size, case.d)), rng.normal((size, case.d))
    agree = rng.bernoulli(0.5, (size, 1))
    u = agree * xp.abs(u) * xp.sign(g) + (1 - agree) * u
    return {"quantity": xp.sum(u * g, axis=-1), "S": xp.sum(xp.abs(u) * xp.abs(g), axis=-1)}


# -- the descent ------------------------------------------------------------------------------------------------------

L, eta = symbols("L eta", positive=True)
level, energy = Symbol("level", real=True), Symbol("U", nonnegative=True)
f, x, u, step = ScalarFunction("f"), Vector("x"), Vector("u"), Vector("grams")
direction = Assumption(
    "Grams has the entries |u_i| sign(g_i)",
    lambda: [Eq(Inner(f.grad(x), step), S, evaluate=False), Ge(energy, sq(step), evaluate=False)],
    latex=r"\text{so that } \langle g,\mathrm{Grams}\rangle = S,\ \|\mathrm{Grams}\|^2\le U = \|u\|^2",
    key=("grams",),
)
begin = equation("level is the loss before the step", f(x), level)

descent = Claim(
    id="grams.descent",
    title="One step of Grams on a smooth function",
    paper=PAPERS["grams"],
    locator="setting of the abstract; stated and proved here",
    statement=r"f\ L\text{-smooth}:\quad"
    r" f(x-\eta\,\mathrm{Grams}) \le f(x)-\eta\sum_i|u_i||g_i|+\tfrac L2\eta^2\|u\|^2",
    symbols={
        L: Positive(sample=(Rational(1, 4), 4)),
        eta: Positive(sample=(Rational(1, 100), 10)),
        level: Observed(),
        S: Observed(0),
        energy: Observed(0),
    },
    assumptions=[smooth(f, L), direction, begin],
    decides=SureBound(quantity=f(x - eta * step), bound=level - eta * S + L * eta**2 * energy / 2),
    mutants=[
        Mutant("99% of the curvature", decides={"bound": level - eta * S + Rational(99, 200) * L * eta**2 * energy}),
        Mutant("always descends", decides={"bound": level - eta * S}),
        Mutant("f need not be smooth", drop=(smooth(f, L).name,), by=("derivation",)),
    ],
    notes="Attained on f(x) = L |x|^2/2.",
)


@descent.derivation
def descent_lemma(proof):
    gain, length = proof.assume(direction)
    falls = proof.assume(smooth(f, L), x, x - eta * step)
    proof.conclude(
        proof.certificate(
            Le(f(x - eta * step), level - eta * S + L * eta**2 * energy / 2),
            [(1, falls), (-1, proof.assume(begin)), (eta, gain), (L * eta**2 / 2, length)],
        )
    )


class Quadratic:
    """sum_i c_i x_i^2/2."""

    def __init__(self, xp, c):
        self.xp, self.c = xp, c

    def value(self, x):
        return self.xp.sum(self.c * x * x, axis=-1) / 2

    def grad(self, x):
        return self.c * x


@descent.experiment(cases=[{"dimension": 1}, {"dimension": 6}])
def quadratics(xp, rng, case, size):
    F = Quadratic(xp, case.L * mixed_uniform(rng, (size, case.dimension)))
    point = log_uniform(xp, rng, (size, 1), 1e-2, 1e2) * rng.normal((size, case.dimension))
    update = rng.normal((size, case.dimension))
    g = F.grad(point)
    way = xp.abs(update) * xp.sign(g)
    return {
        "quantity": F.value(point - case.eta * way),
        "level": F.value(point),
        "S": xp.sum(xp.abs(update) * xp.abs(g), axis=-1),
        "U": xp.sum(update * update, axis=-1),
        "instance": {f: F, x: point, u: update, step: way},
    }
