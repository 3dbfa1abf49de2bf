"""The exact augmented Lagrangian along a Newton direction (on "Constrained Optimization via Exact Augmented Lagrangian
and Randomized Iterative Sketching", 2023).

For min f(x) subject to c(x) = G x - b = 0, with L(x, lam) = f(x) + <lam, c(x)> and

    L_eta  =  L + (eta_1/2) |c|^2 + (eta_2/2) |G grad_x L|^2,

the Newton direction (dx, dl) solves H dx + G^T dl = -grad_x L and G dx = -c, H the Hessian of f.  Along it

    D L_eta  =  -<dx, H dx> + 2 <c, dl> - eta_1 |c|^2 - eta_2 |G grad_x L|^2

exactly, so that it is a descent direction for large eta_1 and eta_2 if H is positive definite on the kernel of G.

Setting of the abstract, for linear constraints; the identity is derived here.
"""

from sympy import Eq, MatrixSymbol, Rational, Trace, symbols

from gdverify import Assumption, Claim, Identity, Integers, Mutant, Observed, Positive
from gdverify.language import SymmetricMatrix, TimeDerivative
from gdverify.laws import constant, equation
from theorems import PAPERS

d, k = symbols("d k", integer=True, positive=True)
eta_1, eta_2 = symbols("eta_1 eta_2", positive=True)
curved, cross = symbols("curved cross", real=True)
violation, residual = symbols("violation residual", nonnegative=True)
x, g, dx = (MatrixSymbol(name, d, 1) for name in ("x", "g", "dx"))
lam, dl, b = (MatrixSymbol(name, k, 1) for name in ("lam", "dl", "b"))
value = MatrixSymbol("f", 1, 1)
G, H = MatrixSymbol("G", k, d), SymmetricMatrix("H", d, d)
inner = lambda u, v: Trace(u.T * v)
constraint, slope = G * x - b, g + G.T * lam
merit = (
    Trace(value)
    + inner(lam, constraint)
    + eta_1 / 2 * inner(constraint, constraint)
    + eta_2 / 2 * inner(G * slope, G * slope)
)

same = lambda left, right: Eq(left, right, evaluate=False)
line = Assumption(
    "derivatives along the direction (dx, dl)",
    lambda: [
        same(TimeDerivative(x), dx),
        same(TimeDerivative(lam), dl),
        same(TimeDerivative(value), g.T * dx),
        same(TimeDerivative(g), H * dx),
    ],
    latex=r"g=\nabla f(x),\ H=\nabla^2f(x)",
    key=("line",),
)
newton = [
    equation("H dx + G^T dl = -grad_x L", H * dx, -slope - G.T * dl),
    equation("G dx = -c", G * dx, -constraint),
]
names = [
    equation("curved = <dx, H dx>", Trace(dx.T * H * dx), curved),
    equation("cross = <c, dl>", inner(constraint, dl), cross),
    equation("violation = |c|^2", inner(constraint, constraint), violation),
    equation("residual = |G grad_x L|^2", inner(G * slope, G * slope), residual),
]
formula = lambda double: -curved + double * cross - eta_1 * violation - eta_2 * residual

directional = Claim(
    id="exact-augmented-lagrangian.directional-derivative",
    title="The derivative of the exact augmented Lagrangian along a Newton direction",
    paper=PAPERS["exact-augmented-lagrangian"],
    locator="setting of the abstract, linear constraints; derived here",
    statement=r"H\Delta x+G^\top\Delta\lambda=-\nabla_xL,\ G\Delta x=-c:\quad"
    r" DL_\eta[\Delta]=-\langle\Delta x,H\Delta x\rangle+2\langle c,\Delta\lambda\rangle-\eta_1\|c\|^2"
    r"-\eta_2\|G\nabla_xL\|^2",
    symbols={
        k: Integers(1, sample=(1, 2)),
        d: Integers(k, sample=(k, 4)),
        eta_1: Positive(sample=(Rational(1, 10), 10)),
        eta_2: Positive(sample=(Rational(1, 10), 10)),
        curved: Observed(),
        cross: Observed(),
        violation: Observed(0),
        residual: Observed(0),
    },
    assumptions=[line, constant(G, H, b, dx, dl, eta_1, eta_2), *newton, *names],
    decides=Identity(quantity=TimeDerivative(merit), bound=formula(2)),
    mutants=[
        Mutant("<c, dl> without the 2", decides={"bound": formula(1)}),
        Mutant("half of eta_2", decides={"bound": formula(2) + eta_2 * residual / 2}),
        Mutant("twice the curvature", decides={"bound": formula(2) - curved}),
        Mutant("another step in x", drop=(newton[1].name,), by=("derivation",)),
        Mutant("another step in lam", drop=(newton[0].name,), by=("derivation",)),
    ],
    notes="f need not be convex.  The experiment takes cubic f, for which the symmetric difference of five points is "
    "the derivative without error.",
)


@directional.derivation
def product_rule(proof):
    motion = proof.lie_derivative(merit, proof.assume(line))
    using = [proof.assume(rule) for rule in newton]
    signs = (-1, 2, -eta_1, -eta_2)
    combine = [(sign, proof.assume(name)) for sign, name in zip(signs, names, strict=True)]
    proof.conclude(proof.certificate(same(motion.left, formula(2)), combine, using=[motion, *using]))


@directional.experiment(cases=[{}])
def cubics(xp, rng, case, size):
    """f(x) = <p, x> + <x, Q x>/2 + sum_j r_j x_j^3/6."""
    n, k = case.d, case.k
    root, rows = rng.normal((size, n, n)), rng.normal((size, k, n))
    Q = xp.eye(n) + root @ xp.matrix_transpose(root) / n
    linear, bend, level = rng.normal((size, n)), rng.uniform((size, n), -0.5, 0.5), rng.normal((size, k))
    point, price = rng.uniform((size, n), -1, 1), rng.normal((size, k))
    image = lambda A, u: (A @ u[:, :, None])[:, :, 0]
    back = xp.matrix_transpose(rows)
    dot = lambda u, v: xp.sum(u * v, axis=-1)

    def parts(z, y):
        """Values of f, c and grad_x L."""
        cubic = bend * z * z / 2
        f = dot(linear, z) + dot(z, image(Q, z)) / 2 + dot(cubic, z) / 3
        return f, image(rows, z) - level, linear + image(Q, z) + cubic + image(back, y)

    def merit(step):
        f, c, slope = parts(point + step * dx, price + step * dl)
        off = image(rows, slope)
        return f + dot(price + step * dl, c) + case.eta_1 / 2 * dot(c, c) + case.eta_2 / 2 * dot(off, off)

    _, c, slope = parts(point, price)
    H = Q + (bend * point)[:, :, None] * xp.eye(n)
    across = xp.linalg.solve(H, xp.concat([slope[:, :, None], back], axis=-1))  # H^{-1} grad_x L and H^{-1} G^T
    far, wide = across[:, :, 0], across[:, :, 1:]
    dl = xp.linalg.solve(rows @ wide, (c - image(rows, far))[:, :, None])[:, :, 0]
    dx = -far - image(wide, dl)
    off = image(rows, slope)
    return {
        "quantity": (8 * (merit(1) - merit(-1)) - (merit(2) - merit(-2))) / 12,
        "curved": dot(dx, image(H, dx)),
        "cross": dot(c, dl),
        "violation": dot(c, c),
        "residual": dot(off, off),
    }
