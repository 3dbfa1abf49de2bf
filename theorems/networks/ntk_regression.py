"""Training with a frozen tangent kernel is linear: one rate for each eigenvector (Jacot, Gabriel, Hongler 2018).

A network linearised at its start predicts Phi theta on the training inputs, Phi the gradients of the outputs; its
tangent kernel is Theta = Phi Phi^T.  For the squared loss |Phi theta - y|^2/2 and Theta v = w v,

    gradient flow:      v^T (Phi theta(t) - y)  =  e^(-w t)  v^T (Phi theta(0) - y),
    gradient descent:   v^T (Phi theta_k - y)   =  (1 - eta w)^k  v^T (Phi theta_0 - y).

How near a network of finite width stays to its linearisation: `ntk_width`.

Reference: arXiv:1806.07572, Section 5.
"""

from sympy import Eq, Ge, MatrixSymbol, Rational, Symbol, Trace, exp

from gdverify import Claim, Identity, Integers, Mutant, Nonnegative, Observed, Positive
from gdverify.integrate import runge_kutta
from gdverify.language import MatrixSequence
from gdverify.laws import constant, equation, gradient_descent, gradient_flow
from theorems import PAPERS

n, P = (Symbol(name, integer=True, positive=True) for name in "nP")
t, eta = Symbol("t", nonnegative=True), Symbol("eta", positive=True)
w = Symbol("w", real=True)
k = Symbol("k", integer=True, nonnegative=True)
Phi, y, v = MatrixSymbol("Phi", n, P), MatrixSymbol("y", n, 1), MatrixSymbol("v", n, 1)
theta = MatrixSequence("theta", P, 1)


def loss(time):
    residual = Phi * theta(time) - y
    return Trace(residual.T * residual) / 2


def along(time):
    """The residual along the eigenvector v."""
    return Trace(v.T * Phi * theta(time)) - Trace(v.T * y)


flow = gradient_flow(loss(t), (theta(t),), time=t)
descent = gradient_descent(loss(k), (theta(k),), eta, index=k)
data = constant(Phi, y, v, w)
eigenvector = equation("v is an eigenvector of the kernel", Phi * Phi.T * v, w * v)
SIZES = {n: Integers(1, sample=(1, 6)), P: Integers(1, sample=(1, 8)), w: Observed()}
SLOW = {"n": 3, "P": 6}

kernel_flow = Claim(
    id="neural-tangent-kernel.kernel-regression-dynamics",
    title="With a frozen kernel gradient flow fits along each eigenvector at the rate of its eigenvalue",
    paper=PAPERS["neural-tangent-kernel"],
    locator="Section 5 (least-squares regression)",
    statement=r"v^\top(f_t-y)=e^{-wt}\,v^\top(f_0-y),\qquad\Theta v=wv",
    symbols={**SIZES, t: Nonnegative(sample=(0, 2))},
    assumptions=[flow, data, eigenvector],
    decides=Identity(along(t), exp(-w * t) * along(0), rtol=1e-6),
    mutants=[
        Mutant("twice the rate", decides={"bound": exp(-2 * w * t) * along(0)}),
        Mutant("a discrete step", decides={"bound": (1 - w * t) * along(0)}),
        Mutant("any direction", drop=(eigenvector.name,), by=("derivation",)),
        Mutant("a power", decides={"bound": along(0) / (1 + w * t)}),
    ],
)


@kernel_flow.derivation
def two_inequalities(proof):
    s = proof.scalar("s", Nonnegative())
    kernel = proof.assume(eigenvector)
    motion = [proof.gradient_flow(flow, theta(s))]
    sides = []
    for sign in (1, -1):
        rate = proof.lie_derivative(sign * along(s), motion)
        slow = proof.certificate(Ge(-w * sign * along(s) - rate.right, 0, evaluate=False), using=[kernel])
        sides.append(proof.instantiate(proof.gronwall(rate, slow, w, s), {s: t}))
    proof.conclude(proof.antisymmetry(*sides))


@kernel_flow.experiment(cases=[{"n": 1, "P": 1}, SLOW, {"n": 6, "P": 2}, {}], samples={"smoke": 512}, block=128)
def integrated(xp, rng, case, size):
    model = start(xp, rng, case, size, rng.uniform((size,), 0.1, 2))
    back = xp.matrix_transpose(model["Phi"])
    field = lambda x: (-back @ (model["Phi"] @ x - model["y"]),)
    (end,) = runge_kutta(field, (model["theta(0)"],), case.t / 200, 200)
    return {"quantity": component(xp, model, end), **model}


def start(xp, rng, case, size, rate):
    """Features, targets, parameters, and an eigenvector of the kernel whose eigenvalue is ``rate``, shape (size,)."""
    n, p = case.n, case.P
    r = min(n, p)
    left, right = rng.haar((size, n, n)), rng.haar((size, p, p))
    others = xp.sqrt(rng.uniform((size, r)))
    singular = xp.where((xp.arange(r) == 0)[None, :], xp.sqrt(rate)[:, None], others)
    return {
        "Phi": (left[:, :, :r] * singular[:, None, :]) @ xp.matrix_transpose(right[:, :, :r]),
        "y": rng.normal((size, n, 1)),
        "theta(0)": rng.normal((size, p, 1)),
        "v": left[:, :, :1],
        "w": rate,
    }


def component(xp, model, parameters):
    return (xp.matrix_transpose(model["v"]) @ (model["Phi"] @ parameters - model["y"]))[:, 0, 0]


kernel_descent = Claim(
    id="neural-tangent-kernel.kernel-regression-descent",
    title="With a frozen kernel gradient descent fits along each eigenvector by the factor 1 - eta w a step",
    paper=PAPERS["neural-tangent-kernel"],
    locator="Section 5, in discrete time; derived here",
    statement=r"v^\top(f_k-y)=(1-\eta w)^k\,v^\top(f_0-y),\qquad\Theta v=wv",
    symbols={**SIZES, k: Integers(0, sample=(0, 8)), eta: Positive(sample=(Rational(1, 10), Rational(3, 2)))},
    assumptions=[descent, data, eigenvector],
    decides=Identity(along(k), (1 - eta * w) ** k * along(0), rtol=1e-6),
    mutants=[
        Mutant("gradient flow", decides={"bound": exp(-eta * w * k) * along(0)}),
        Mutant("one step less", decides={"bound": (1 - eta * w) ** (k + 1) * along(0)}),
        Mutant("any direction", drop=(eigenvector.name,), by=("derivation",)),
        Mutant("the loss without its half", decides={"bound": (1 - 2 * eta * w) ** k * along(0)}),
    ],
    notes="Beyond eta = 2/w the component grows. Eigenvectors with w = 0 are never fitted.",
)


@kernel_descent.derivation
def every_step(proof):
    i = proof.index("i")
    kernel, step = proof.assume(eigenvector), proof.gradient_step(descent, theta(i))
    factor = proof.certificate(Eq(along(i + 1), (1 - eta * w) * along(i), evaluate=False), using=[step, kernel])
    shape = lambda j: Eq(along(j), (1 - eta * w) ** j * along(0), evaluate=False)
    every = proof.induction(
        shape(i),
        i,
        proof.identity(along(0), along(0)),
        lambda now: proof.certificate(shape(i + 1), [(1, factor), (1 - eta * w, now)]),
    )
    proof.conclude(proof.instantiate(every, {i: k}))


@kernel_descent.experiment(cases=[{"n": 1, "P": 1}, SLOW, {"n": 6, "P": 2}, {}], samples={"smoke": 512}, block=128)
def iterated(xp, rng, case, size):
    sides = rng.signs((size,))
    model = start(xp, rng, case, size, (1 + sides * rng.uniform((size,), 0.3, 0.9)) / case.eta)
    x, back = model["theta(0)"], xp.matrix_transpose(model["Phi"])
    for _ in range(case.k):
        x = x - case.eta * back @ (model["Phi"] @ x - model["y"])
    return {"quantity": component(xp, model, x), **model}
