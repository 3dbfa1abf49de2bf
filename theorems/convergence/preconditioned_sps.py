"""Polyak steps in a fixed metric (on "Stochastic Gradient Descent with Preconditioned Polyak Step-size", 2023).

For a symmetric B > 0, an f_i with gradient g at x and the value f_i* = f_i(x*) = inf f_i (interpolation),

    x+  =  x - (e/G) B^{-1} g,      e = f_i(x) - f_i*,     G = <g, B^{-1} g>.

x+ is the point nearest to x in the norm |v|_B^2 = <v, B v> where the linear model f_i(x) + <g, w - x> is f_i*.  If
f_i is convex then, on every path,

    |x+ - x*|_B^2  <=  |x - x*|_B^2 - e^2/G.

For a matrix B that does not change; the statements are derived here.
"""

from sympy import Eq, Ge, Identity, Le, MatrixSymbol, Rational, Symbol, Trace, symbols

from gdverify import Claim, Integers, Minimiser, Mutant, Observed, SureBound
from gdverify.instances import log_uniform
from gdverify.language import SymmetricMatrix
from gdverify.laws import equation, inequality, loewner
from theorems import PAPERS

d = Symbol("d", integer=True, positive=True)
G, r = symbols("G r", positive=True)
e, kappa = Symbol("e", nonnegative=True), Symbol("kappa", real=True)
B, P = SymmetricMatrix("B", d, d), SymmetricMatrix("P", d, d)  # P = B^{-1}
x, x_star, g, w = (MatrixSymbol(name, d, 1) for name in ("x", "x_star", "g", "w"))
inner = lambda u, v: Trace(u.T * v)
norm = lambda u: Trace(u.T * B * u)

inverse = equation("P = B^{-1}", B * P, Identity(d))
size = equation("G = <g, P g>", Trace(g.T * P * g), G)
step = x - kappa * e / G * P * g
sizes = {d: Integers(1, sample=(1, 6))}
common = {
    "paper": PAPERS["preconditioned-sps"],
    "locator": "the preconditioned Polyak step, for a fixed matrix; derived here",
    "defines": {kappa: 1},
}

# -- what the step is -------------------------------------------------------------------------------------------------

positive = loewner("B is positive semidefinite", B, 0 * Identity(d))
model = equation("the linear model at w is f_i*", e + inner(g, w - x), 0)

projection = Claim(
    id="preconditioned-sps.projection",
    title="The preconditioned Polyak step is a projection",
    statement=r"x^+=x-\frac e{\|g\|_{B^{-1}}^2}B^{-1}g,\ e+\langle g,w-x\rangle=0:\quad"
    r" \|w-x\|_B^2\ge\frac{e^2}{\|g\|_{B^{-1}}^2}=\|x^+-x\|_B^2",
    symbols={**sizes, e: Observed(0), G: Observed(0, open="left")},
    assumptions=[inverse, positive, size, model],
    decides=Minimiser(quantity=norm(w - x), value=e**2 / G, attained=norm(step - x)),
    mutants=[
        Mutant("1% more", decides={"value": Rational(101, 100) * e**2 / G}),
        Mutant("a step 1% longer", defines={kappa: Rational(101, 100)}),
        Mutant("w is any point", drop=(model.name,), by=("derivation",)),
    ],
    **common,
)


@projection.derivation
def pythagoras(proof):
    flat, length, there = proof.assume(inverse), proof.assume(size), proof.assume(model)
    long = proof.definition(kappa)
    nearest = proof.certificate(
        Ge(norm(w - x), e**2 / G),
        [(1, proof.assume(positive, w - step)), (-2 * e / G, there), (-(e**2) / G**2, length)],
        using=[flat, long],
    )
    proof.conclude(
        nearest,
        proof.certificate(Eq(norm(step - x), e**2 / G, evaluate=False), [(e**2 / G**2, length)], using=[flat, long]),
    )


def metric(xp, rng, rows, n):
    """(B, P): diagonal in a common basis or in none, eigenvalues over six decades."""
    values = log_uniform(xp, rng, (rows, n), 1e-3, 1e3)
    turn = rng.bernoulli(0.5, (rows, 1, 1))
    basis = turn * rng.haar((rows, n, n)) + (1 - turn) * xp.eye(n)
    back = xp.matrix_transpose(basis)
    return (basis * values[:, None, :]) @ back, (basis / values[:, None, :]) @ back


dot = lambda xp, u, v: xp.sum(u * v, axis=-1)
image = lambda M, u: (M @ u[:, :, None])[:, :, 0]


@projection.experiment(cases=[{}])
def hyperplanes(xp, rng, case, size):
    """Points of the hyperplane: near x+, or anywhere."""
    n = case.d
    metric_, flat = metric(xp, rng, size, n)
    slope, excess = rng.normal((size, n)), xp.abs(rng.normal((size,)))
    push = image(flat, slope)
    length = dot(xp, slope, push)
    nearest = -(case.kappa * excess / length)[:, None] * push
    off = rng.normal((size, n)) * log_uniform(xp, rng, (size, 1), 1e-6, 1)
    other = -(excess / length)[:, None] * push + off - (dot(xp, slope, off) / dot(xp, slope, slope))[:, None] * slope
    scale = lambda u: dot(xp, u, image(metric_, u))
    return {"quantity": scale(other), "attained": scale(nearest), "e": excess, "G": length}


# -- what it gains ----------------------------------------------------------------------------------------------------

begin = equation("r = |x - x_star|_B", norm(x - x_star), r**2)
convex = inequality(
    "f_i is convex, and f_i(x_star) = f_i*",
    Ge(inner(g, x - x_star), e, evaluate=False),
    r"e=f_i(x)-f_i(x^\star)\le\langle g,x-x^\star\rangle",
)

fejer = Claim(
    id="preconditioned-sps.projection-and-fejer",
    title="Preconditioned Polyak steps never move away from a solution, in the norm of the preconditioner",
    statement=r"f_i\text{ convex},\ f_i(x^\star)=\inf f_i,\ e=f_i(x)-f_i(x^\star):\quad"
    r" \|x^+-x^\star\|_B^2\le\|x-x^\star\|_B^2-\frac{e^2}{\|g\|_{B^{-1}}^2}",
    symbols={**sizes, e: Observed(0), G: Observed(0, open="left"), r: Observed(0, open="left")},
    assumptions=[inverse, size, convex, begin],
    decides=SureBound(quantity=norm(step - x_star), bound=r**2 - e**2 / G),
    mutants=[
        Mutant("1% more gain", decides={"bound": r**2 - Rational(101, 100) * e**2 / G}),
        Mutant("a step 1% longer", defines={kappa: Rational(101, 100)}),
        Mutant("f_i need not be convex", drop=(convex.name,), by=("derivation",)),
        Mutant("another matrix in the norm", drop=(inverse.name,), by=("derivation",)),
    ],
    notes="An equality where f_i is linear between x and x*.",
    **common,
)


@fejer.derivation
def expanded(proof):
    proof.conclude(
        proof.certificate(
            Le(norm(step - x_star), r**2 - e**2 / G),
            [
                (-1, proof.assume(begin)),
                (2 * e / G, proof.assume(convex)),
                (-(e**2) / G**2, proof.assume(size)),
            ],
            using=[proof.assume(inverse), proof.definition(kappa)],
        )
    )


@fejer.experiment(cases=[{}], samples={"smoke": 1024, "standard": 50_000, "full": 1_000_000})
def absolute_values_and_squares(xp, rng, case, size):
    """f_i(x) = s |<u, x>| + c <u, x>^2/2 + |<v, x>|_+ with the solution at 0; linear in half of the rows."""
    n = case.d
    metric_, flat = metric(xp, rng, size, n)
    u, v, here = (rng.normal((size, n)) for _ in range(3))
    bent = rng.bernoulli(0.5, (size,))
    s, c = log_uniform(xp, rng, (size,), 1e-2, 1e2), bent * log_uniform(xp, rng, (size,), 1e-2, 1e2)
    lean, other = dot(xp, u, here), xp.maximum(0 * s, bent * dot(xp, v, here))
    excess = s * xp.abs(lean) + c * lean * lean / 2 + other * other / 2
    slope = (s * xp.sign(lean) + c * lean)[:, None] * u + other[:, None] * v
    push = image(flat, slope)
    length = dot(xp, slope, push)
    moved = here - (case.kappa * excess / length)[:, None] * push
    scale = lambda z: dot(xp, z, image(metric_, z))
    return {"quantity": scale(moved), "e": excess, "G": length, "r": xp.sqrt(scale(here))}
