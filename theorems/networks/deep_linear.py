"""Learning in deep linear networks, mode by mode (Saxe, McClelland, Ganguli 2013).

Gradient flow of a two-layer linear network on whitened inputs, Sigma = U S V^T the input-output covariance:

    tau W1' = W2^T (Sigma - W2 W1),      tau W2' = (Sigma - W2 W1) W1^T.

*Exact solution.*  From W1(0) = R D V^T, W2(0) = U D R^T, R orthogonal and D diagonal, the weights keep this form, and
a mode a(t) of D with singular value s obeys tau a' = a (s - a^2), a(0) = r.  Its strength u = a^2 is

    u(t) = s e^(2 s t/tau) / (e^(2 s t/tau) - 1 + s/r^2).

*Conservation.*  Of two neighbouring layers of a network of any depth, W1 W1^T - W2^T W2 is constant.

Reference: arXiv:1312.6120, Sections 1.3 (eqs. 8 to 12) and 2.
"""

from sympy import Function, Gt, MatrixSymbol, Rational, Symbol, Trace, exp, sqrt, symbols

from gdverify import Claim, Conserved, Identity, Integers, Mutant, Nonnegative, Positive
from gdverify.integrate import runge_kutta
from gdverify.language import MatrixSequence
from gdverify.laws import constant, gradient_flow, initial_value
from theorems import PAPERS

s, r, tau = symbols("s r tau", positive=True)
t, lean = Symbol("t", nonnegative=True), Symbol("lean", real=True)
time = Symbol("time", real=True)
a = Function("a")
mode = initial_value(a(time), time, a(time) * (s - a(time) ** 2) / tau, r, name="a balanced, aligned mode")
growth = exp(2 * s * t / tau)


def strength(grown):
    return s * grown / (grown - 1 + s / r**2)


two_layers = Claim(
    id="deep-linear-dynamics.two-layer-exact",
    title="A mode of a two-layer linear network grows along a logistic curve",
    paper=PAPERS["deep-linear-dynamics"],
    locator="Section 1.3, eq. (12): balanced initial conditions aligned with the data",
    statement=r"u(t)=\frac{s\,e^{2st/\tau}}{e^{2st/\tau}-1+s/u_0},\qquad u=a^2,\ \tau\dot a=a(s-a^2)",
    symbols={
        s: Positive(sample=(Rational(1, 2), 2)),
        r: Positive(sample=(Rational(1, 10), 2)),
        tau: Positive(sample=(Rational(1, 2), 2)),
        t: Nonnegative(sample=(0, 3)),
    },
    defines={lean: 1},
    assumptions=[mode],
    decides=Identity(a(t) ** 2, strength(growth), rtol=1e-6),
    mutants=[
        Mutant("the rate s/tau", decides={"bound": strength(exp(s * t / tau))}),
        Mutant("s/r for s/r^2", decides={"bound": s * growth / (growth - 1 + s / r)}, cases=({"r": Rational(1, 2)},)),
        Mutant("an unbalanced start", defines={lean: Rational(6, 5)}, by=("experiment",)),
        Mutant("another motion", drop=(mode.name,), by=("derivation",)),
    ],
    notes="That the weights keep the form R D V^T, U D R^T follows from the uniqueness of the flow, since the right "
    "sides keep it; the derivation starts from the equation of a mode, the experiment with matrices. Growth "
    "from u_0 to u_f takes tau/(2 s) log(u_f (s - u_0)/(u_0 (s - u_f))).",
)


@two_layers.derivation
def logistic(proof):
    x = proof.scalar("x", Nonnegative())
    grown = exp(2 * s * x / tau)
    z = proof.scalar("z", Nonnegative())
    rise = proof.instantiate(proof.tangent(exp(z), z, 0), {z: 2 * s * x / tau})
    proof.certificate(
        Gt(grown - 1 + s / r**2, 0), [(1, rise), (1, proof.sign(s / r**2)), (1, proof.sign(2 * s * x / tau))]
    )
    path = proof.solution(mode, sqrt(strength(grown)), x)
    proof.conclude(proof.instantiate(proof.product(path, path), {x: t}))


@two_layers.experiment(cases=[{"r": Rational(1, 10), "t": 3}, {"r": 2}, {}], samples={"smoke": 256}, block=64)
def matrices(xp, rng, case, size):
    """The flow of 3 x 3 matrices; the mode is the first of three."""
    d, turn = 3, xp.matrix_transpose
    U, V, R = rng.haar((size, d, d)), rng.haar((size, d, d)), rng.haar((size, d, d))
    first = (xp.arange(d) == 0)[None, :]
    others = lambda low, high: rng.uniform((size, d), low, high)
    values = xp.where(first, xp.asarray(case.s + 0.0), others(0.2, 2))
    starts = xp.where(first, xp.asarray(case.r + 0.0), others(0.1, 1))
    target = (U * values[:, None, :]) @ turn(V)
    W1 = (R * (case.lean * starts)[:, None, :]) @ turn(V)
    W2 = (U * (starts / case.lean)[:, None, :]) @ turn(R)

    def field(W1, W2):
        error = (target - W2 @ W1) / case.tau
        return turn(W2) @ error, error @ turn(W1)

    W1, W2 = runge_kutta(field, (W1, W2), case.t / 200, 200)
    return {"quantity": (turn(U) @ W2 @ W1 @ V)[:, 0, 0]}


h, o, i, p = symbols("h o i p", integer=True, positive=True)
W1, W2 = MatrixSequence("W1", h, i), MatrixSequence("W2", o, h)
after, before, Sigma = MatrixSequence("A", p, o), MatrixSequence("B", i, p), MatrixSymbol("Sigma", p, p)


def loss(at):
    error = Sigma - after(at) * W2(at) * W1(at) * before(at)
    return Trace(error.T * error) / 2


flow = gradient_flow(loss(t), (W1(t), W2(t), after(t), before(t)), time=t)
plus = Symbol("plus", real=True)
conserved = W1(t) * W1(t).T - plus * W2(t).T * W2(t)
SIZES = {name: Integers(1, sample=(1, 3)) for name in (h, o, i, p)}

conservation = Claim(
    id="deep-linear-dynamics.conservation",
    title="Gradient flow of a linear network conserves W1 W1^T - W2^T W2 for neighbouring layers",
    paper=PAPERS["deep-linear-dynamics"],
    locator="Sections 1.3 and 2 (a^2 - b^2 for modes); for matrices derived here",
    statement=r"\frac d{dt}\bigl[W_1W_1^\top-W_2^\top W_2\bigr]=0",
    symbols={**SIZES, t: Nonnegative(sample=(0, 2))},
    defines={plus: 1},
    assumptions=[flow, constant(Sigma)],
    decides=Conserved(conserved, order=4),
    mutants=[
        Mutant("the sum", defines={plus: -1}),
        Mutant("the second layer counted 5 per cent more", defines={plus: Rational(21, 20)}),
        Mutant("another flow", drop=(flow.name,), cases=({"speed": 1.05},)),
    ],
    notes="W1 and W2 are the inner layers of the network A W2 W1 B; all four move. More layers change nothing: "
    "the gradients of W1 and W2 hold the products A and B of what comes after and before them.",
)


@conservation.derivation
def balance(proof):
    motion = [proof.gradient_flow(flow, W1(t)), proof.gradient_flow(flow, W2(t))]
    proof.conclude(proof.lie_derivative(conserved, motion, using=[proof.definition(plus)]))


@conservation.experiment(cases=[{"t": 1}], samples={"smoke": 256}, block=256)
def drift(xp, rng, case, size):
    turn, speed = xp.matrix_transpose, case.get("speed", 1.0)
    shapes = [(case.h, case.i), (case.o, case.h), (case.p, case.o), (case.i, case.p)]
    layers = tuple(0.5 * rng.normal((size, *shape)) for shape in shapes)
    target = 0.5 * rng.normal((size, case.p, case.p))
    large = sum(xp.sum(layer**2, axis=(-2, -1), keepdims=True) for layer in layers)
    pace = 1 / (1 + (large / 12) ** 3)  # the integrator can follow it from large layers too

    def field(u, v, left, right):
        error = target - left @ v @ u @ right
        inside = turn(left) @ error @ turn(right)
        moved = error @ turn(v @ u @ right), turn(left @ v @ u) @ error
        return tuple(pace * layer for layer in (turn(v) @ inside, speed * inside @ turn(u), *moved))

    def value(u, v, *_):
        return u @ turn(u) - case.plus * turn(v) @ v

    start = value(*layers)
    steps, drifts = [0.125, 0.0625, 0.03125, 0.015625], []
    for step in steps:
        end = value(*runge_kutta(field, layers, step, round(case.t / step)))
        drifts.append(xp.max(xp.abs(end - start), axis=(-2, -1)))
    return {"h": xp.asarray(steps), "drift": xp.stack(drifts, axis=1), "floor": 1e-13}
