"""Preconditioned gradient descent with energy: stable for every step size (after Liu, Nurbekyan, Tian and Yang).

For l = (f + c)^{1/2} > 0, symmetric positive definite A_k, v_k = A_k^{-1} grad l(x_k) and any eta > 0,

    r_{k+1} = r_k/(1 + 2 eta <grad l(x_k), v_k>),      x_{k+1} = x_k - 2 eta r_{k+1} v_k,      r_0 = l(x_0):

    r_{k+1}^2  =  r_k^2 - (r_{k+1} - r_k)^2 - (1/eta) <x_{k+1} - x_k, A_k (x_{k+1} - x_k)>,

    min over k < T of <grad f(x_k), A_k^{-1} grad f(x_k)>/(f(x_k) + c)  <=  (r_0^2 - r_T^2)/(eta T r_T^2).

The second holds whatever the points are: it says that the gradients are small as long as the energy r is not.

Reference: "Adaptive Preconditioned Gradient Descent with Energy"; its theorems were not read; constants derived here.
"""

from sympy import Eq, Function, Ge, Gt, Integer, Le, MatrixSymbol, Rational, Symbol, Trace, symbols

from gdverify import (
    Assumption,
    Claim,
    Identity,
    Inner,
    Integers,
    Mutant,
    Observed,
    Positive,
    ScalarFunction,
    SureBound,
    VectorSequence,
)
from gdverify.classes import recursion
from gdverify.instances import log_uniform
from gdverify.language import SymmetricMatrix
from gdverify.laws import equation
from theorems import PAPERS

eta, c, r_0, r_1, r_T = symbols("eta c r_0 r_1 r_T", positive=True)
d = Symbol("d", integer=True, positive=True)
T, t = Symbol("T", integer=True, positive=True), Symbol("t", integer=True, nonnegative=True)

# -- one step ---------------------------------------------------------------------------------------------------------

A = SymmetricMatrix("A", d, d)
v, slope, move = (MatrixSymbol(name, d, 1) for name in ("v", "g", "D"))
solved = equation("v = A^{-1} grad l", A * v, slope)
shrunk = equation("r_1 = r_0/(1 + 2 eta <grad l, v>)", r_1 * (1 + 2 * eta * Trace(slope.T * v)), r_0)
moved = equation("the step is -2 eta r_1 v", move, -2 * eta * r_1 * v)

energy_identity = Claim(
    id="aegd-preconditioned.energy-identity",
    title="One step of preconditioned gradient descent with energy: what the energy loses",
    paper=PAPERS["aegd-preconditioned"],
    locator="unconditional energy stability; derived here",
    statement=r"v=A^{-1}\nabla l(x),\ r_1=\frac{r_0}{1+2\eta\langle\nabla l(x),v\rangle},\ D=-2\eta r_1v:\quad"
    r" r_1^2 = r_0^2-(r_1-r_0)^2-\frac1\eta\langle D,AD\rangle",
    symbols={
        d: Integers(1, sample=(1, 6)),
        eta: Positive(sample=(Rational(1, 100), 100), log=True),
        r_0: Observed(0, open="left"),
        r_1: Observed(0, open="left"),
    },
    assumptions=[solved, shrunk, moved],
    decides=Identity(quantity=r_1**2, bound=r_0**2 - (r_1 - r_0) ** 2 - Trace(move.T * A * move) / eta),
    mutants=[
        Mutant(
            "2/eta",
            decides={"bound": r_0**2 - (r_1 - r_0) ** 2 - 2 * Trace(move.T * A * move) / eta},
        ),
        Mutant("no square of the change", decides={"bound": r_0**2 - Trace(move.T * A * move) / eta}),
        Mutant("any directions", drop=("v = A^{-1} grad l",), by=("derivation",)),
        Mutant(
            "the step with r_0",
            drop=("the step is -2 eta r_1 v",),
            add=(equation("the step is -2 eta r_0 v", move, -2 * eta * r_0 * v),),
            by=("derivation",),
        ),
    ],
)


@energy_identity.derivation
def substitution(proof):
    curve = proof.identity(
        Trace(move.T * A * move),
        4 * eta**2 * r_1**2 * Trace(slope.T * v),
        using=[proof.assume(moved), proof.assume(solved)],
    )
    proof.conclude(
        proof.certificate(
            Eq(r_1**2, energy_identity.decides.bound, evaluate=False),
            [(2 * r_1, proof.assume(shrunk)), (1 / eta, curve)],
        )
    )


@energy_identity.experiment(cases=[{}])
def one_step(xp, rng, case, size):
    d = case.d
    root = rng.normal((size, d, d))
    A = xp.matmul(root, xp.matrix_transpose(root)) + log_uniform(xp, rng, (size, 1, 1), 1e-2, 1) * xp.eye(d)
    v = rng.normal((size, d, 1))
    slope = xp.matmul(A, v)
    r_0 = log_uniform(xp, rng, (size,), 0.1, 10)
    r_1 = r_0 / (1 + 2 * case.eta * xp.sum(slope * v, axis=(-2, -1)))
    move = -2 * case.eta * r_1[:, None, None] * v
    return {"quantity": r_1 * r_1, "r_0": r_0, "r_1": r_1, "A": A, "D": move, "v": v, "g": slope}


# -- many steps -------------------------------------------------------------------------------------------------------

f, x, p = ScalarFunction("f"), VectorSequence("x"), VectorSequence("p")
r, least = Function("r", real=True), Symbol("q_min", nonnegative=True)
share = lambda k: Inner(f.grad(x(k)), p(k)) / (f(x(k)) + c)  # p = A^{-1} grad f = 2 l v
above = Assumption("f + c > 0", lambda k: Gt(f(x(k)) + c, 0, evaluate=False), key=("above",), where=lambda k: [k])
definite = Assumption(
    "p_t = A_t^{-1} grad f(x_t) for a positive definite A_t",
    lambda k: Ge(Inner(f.grad(x(k)), p(k)), 0, evaluate=False),
    key=("definite",),
    where=lambda k: [k],
)
energy = recursion(r(t + 1), r(t) / (1 + eta * share(t) / 2))
begin, end = equation("r_0 is the first energy", r(0), r_0), equation("r_T is the last energy", r(T), r_T)
smallest = Assumption(
    "q_min is the smallest <grad f, A^{-1} grad f>/(f + c)",
    lambda k: Ge(share(k), least, evaluate=False),
    key=("smallest",),
    where=lambda k: [k, T - 1 - k],
)
bound = (r_0**2 - r_T**2) / (eta * T * r_T**2)

tight = {"T": 1, "eta": Rational(1, 100), "family": "near"}

gradients = Claim(
    id="aegd-preconditioned.gradients",
    title="Preconditioned gradient descent with energy: gradients are small while the energy is not",
    paper=PAPERS["aegd-preconditioned"],
    locator="many steps; constant derived here",
    statement=r"q_k=\frac{\langle\nabla f(x_k),A_k^{-1}\nabla f(x_k)\rangle}{f(x_k)+c},\ "
    r"r_{k+1}=\frac{r_k}{1+\frac\eta2 q_k}:\quad \min_{k<T}q_k \le \frac{r_0^2-r_T^2}{\eta\,T\,r_T^2}",
    symbols={
        eta: Positive(sample=(Rational(1, 100), 1), log=True),
        c: Positive(sample=(Rational(1, 10), 10), log=True),
        T: Integers(1, sample=(1, 20)),
        r_0: Observed(0, open="left"),
        r_T: Observed(0, open="left"),
        least: Observed(0),
    },
    assumptions=[above, definite, energy, begin, end, smallest],
    decides=SureBound(quantity=least, bound=bound),
    mutants=[
        Mutant(
            "1% less",
            decides={"bound": Rational(99, 100) * bound},
            cases=(tight,),
        ),
        Mutant(
            "2 r_T^2",
            decides={"bound": (r_0**2 - 2 * r_T**2) / (eta * T * r_T**2)},
            cases=(tight,),
        ),
        Mutant("indefinite A", drop=("p_t = A_t^{-1} grad f(x_t) for a positive definite A_t",), by=("derivation",)),
        Mutant("f + c of any sign", drop=("f + c > 0",), by=("derivation",)),
    ],
    notes="Attained as the gradients fall to 0. The points need not come from the method.",
)


@gradients.derivation
def energies(proof):
    s, j = proof.index("s"), proof.index("j")

    def falls(at):
        """r_s = r_{s+1} (1 + eta q_s/2), with q_s >= 0."""
        weight = proof.assume(above, at).left
        ratio = proof.certificate(Ge(share(at), 0), [(1 / weight, proof.assume(definite, at))])
        proof.certificate(Gt(1 + eta * share(at) / 2, 0), [(eta / 2, ratio), (1, proof.sign(Integer(1)))])
        growth = 1 + eta * share(at) / 2
        return ratio, growth, proof.certificate(Eq(r(at), r(at + 1) * growth), using=[proof.assume(energy, at)])

    ratio, growth, law = falls(s)
    first = proof.certificate(Gt(r(0), 0), [(1, proof.sign(r_0))], using=[proof.assume(begin)])
    positive = proof.induction(
        Gt(r(s), 0), s, first, lambda now: proof.certificate(Gt(r(s + 1), 0), [(1 / growth, now), (-1 / growth, law)])
    )
    proof.instantiate(positive, {s: s + 1})
    lower = proof.certificate(Ge(r(s), r(s + 1)), [(1, law), (r(s + 1) * eta / 2, ratio)])
    later = proof.induction(
        Ge(r(s), r(s + j)),
        j,
        proof.certificate((r(s), ">=", r(s + 0))),
        lambda now: proof.certificate(Ge(r(s), r(s + j + 1)), [(1, now), (1, proof.instantiate(lower, {s: s + j}))]),
    )
    k = proof.index("k", 0, T - 1)
    proof.high(k)
    _, growth, law = falls(k)
    proof.sign(r_T)
    last = proof.rewrite(proof.instantiate(later, {s: k + 1, j: T - 1 - k}), proof.assume(end))
    left = lambda m: r(m) ** 2 + m * eta * least * r_T**2
    decrease = proof.certificate(
        Ge(left(k), left(k + 1)),
        [
            (r(k) + r(k + 1) * growth, law),
            (eta * r(k + 1) ** 2, proof.assume(smallest, k)),
            (eta * least, proof.power(last, 2)),
        ],
        [(1, eta * share(k) * r(k + 1) / 2)],
    )
    total = proof.telescoped(decrease, left(k), k, 0, T)
    proof.conclude(
        proof.certificate(
            Le(least, bound), [(1 / (eta * T * r_T**2), total)], using=[proof.assume(begin), proof.assume(end)]
        )
    )


@gradients.experiment(cases=[{"family": "far"}, {"family": "near"}])
def descents(xp, rng, case, size):
    """Quadratics under preconditioners drawn afresh in each step."""
    near, d = case.family == "near", 3
    curvature, here = log_uniform(xp, rng, (size, d), 1e-2, 1e2), rng.normal((size, d)) * (0.1 if near else 1)
    value = lambda z: xp.sum(curvature * z * z, axis=-1) / 2 + case.c
    first = energy = xp.sqrt(value(here))
    small = None
    for _ in range(case.T):
        slope = curvature * here
        step = slope / log_uniform(xp, rng, (size, d), 1e-1, 10)
        q = xp.sum(slope * step, axis=-1) / value(here)
        small = q if small is None else xp.minimum(small, q)
        energy = energy / (1 + case.eta * q / 2)
        here = here - case.eta * (energy / xp.sqrt(value(here)))[:, None] * step
    return {"quantity": small, "q_min": small, "r_0": first, "r_T": energy}
