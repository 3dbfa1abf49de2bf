"""Two Euler schemes of one differential equation are Nesterov's method (after Zhang, Orvieto, Daneshmand et al. 2021).

    v' = grad f(x) - q v,      x' = -m grad f(x) - n v,           q = (1 - beta)/h, v_0 = 0, step h > 0

    explicit         m = s (1 + beta)/h, n = s beta^2/h^2:   v_{k+1} = v_k + h (grad f(x_k) - q v_k)
                                                             x_{k+1} = x_k - h (m grad f(x_k) + n v_k)
    semi-implicit    m = s/h, n = s beta/h^2:                the same, with v_{k+1} in place of v_k in the second line

In both the x_k are the extrapolated points of Nesterov's method, exactly:

    x_{k+1} = z_{k+1} + beta (z_{k+1} - z_k),     z_{k+1} = x_k - s grad f(x_k),     z_0 = x_0,

for any function f, because z_k - x_k = (s beta/h) v_k at every k.  So the explicit
scheme is accelerated wherever Nesterov's method is.

Reference: arXiv:2102.11537; the scheme is stated from memory of it, and the identities are derived here.
"""

from sympy import Eq, Rational, Symbol, symbols

from gdverify import (
    Claim,
    Identity,
    Inner,
    Integers,
    Interval,
    Mutant,
    Positive,
    ScalarFunction,
    Vector,
    VectorSequence,
)
from gdverify.classes import recursion
from gdverify.instances import log_uniform, smooth_convex
from gdverify.laws import equation
from theorems import PAPERS

h, s = symbols("h s", positive=True)
m, n, q = symbols("m n q", real=True)
beta = Symbol("beta", nonnegative=True)
T, t = Symbol("T", integer=True, nonnegative=True), Symbol("t", integer=True, nonnegative=True)
f, direction = ScalarFunction("f"), Vector("e")
x, v, z = (VectorSequence(name) for name in "xvz")

velocity = recursion(v(t + 1), v(t) + h * (f.grad(x(t)) - q * v(t)))
explicit = recursion(x(t + 1), x(t) - h * (m * f.grad(x(t)) + n * v(t)))
semi_implicit = recursion(x(t + 1), x(t) - h * (m * f.grad(x(t)) + n * v(t + 1)))
step = recursion(z(t + 1), x(t) - s * f.grad(x(t)))
at_rest = equation("v_0 = 0", Inner(v(0), direction), 0)
at_start = equation("z_0 = x_0", Inner(z(0), direction), Inner(x(0), direction))
extrapolation = Inner(z(T + 1) + beta * (z(T + 1) - z(T)), direction)
common = {
    "paper": PAPERS["euler-integration"],
    "symbols": {
        s: Positive(sample=(Rational(1, 100), Rational(9, 10))),
        beta: Interval(0, 1, sample=(0, Rational(19, 20))),
        h: Positive(sample=(Rational(1, 10), 10), log=True),
        T: Integers(0, sample=(0, 30)),
    },
}
still = Mutant("v need not start at 0", drop=("v_0 = 0",), by=("derivation",))
friction = Mutant("q = (1 - beta^2)/h", defines={q: (1 - beta**2) / h})

explicit_euler = Claim(
    id="euler-integration.explicit-euler-gives-nag",
    title="The explicit Euler scheme is Nesterov's method",
    locator="explicit Euler integration; identity derived here",
    statement=r"v_{k+1}=v_k+h(\nabla f(x_k)-qv_k),\ x_{k+1}=x_k-h(m\nabla f(x_k)+nv_k),\ q=\tfrac{1-\beta}h,\ "
    r"m=\tfrac{s(1+\beta)}h,\ n=\tfrac{s\beta^2}{h^2}:\quad z_{k+1}=x_k-s\nabla f(x_k),\ "
    r"x_{k+1}=z_{k+1}+\beta(z_{k+1}-z_k)",
    defines={q: (1 - beta) / h, m: s * (1 + beta) / h, n: s * beta**2 / h**2},
    assumptions=[velocity, explicit, step, at_rest, at_start],
    mutants=[
        Mutant("n = s beta/h^2", defines={n: s * beta / h**2}),
        Mutant("m = s/h", defines={m: s / h}),
        friction,
        still,
    ],
    decides=Identity(quantity=Inner(x(T + 1), direction), bound=extrapolation),
    **common,
)
semi_implicit_euler = Claim(
    id="euler-integration.semi-implicit-euler-gives-nag",
    title="The semi-implicit Euler scheme is Nesterov's method",
    locator="semi-implicit Euler integration; identity derived here",
    statement=r"v_{k+1}=v_k+h(\nabla f(x_k)-qv_k),\ x_{k+1}=x_k-h(m\nabla f(x_k)+nv_{k+1}),\ q=\tfrac{1-\beta}h,\ "
    r"m=\tfrac sh,\ n=\tfrac{s\beta}{h^2}:\quad z_{k+1}=x_k-s\nabla f(x_k),\ x_{k+1}=z_{k+1}+\beta(z_{k+1}-z_k)",
    defines={q: (1 - beta) / h, m: s / h, n: s * beta / h**2},
    assumptions=[velocity, semi_implicit, step, at_rest, at_start],
    mutants=[
        Mutant("n = s beta^2/h^2", defines={n: s * beta**2 / h**2}),
        Mutant("m = s (1 + beta)/h", defines={m: s * (1 + beta) / h}),
        friction,
        still,
    ],
    decides=Identity(quantity=Inner(x(T + 1), direction), bound=extrapolation),
    **common,
)


def nesterov(proof, scheme):
    """z_k - x_k = (s beta/h) v_k at every k, and the step from there."""
    k = proof.index("k")
    constants = [proof.definition(name) for name in (q, m, n)]
    moves = lambda r: [proof.assume(rule, r) for rule in (scheme, velocity, step)]
    rest = lambda r: Eq(Inner(z(r) - x(r) - s * beta / h * v(r), direction), 0, evaluate=False)
    first = proof.certificate(rest(0), [(-s * beta / h, proof.assume(at_rest)), (1, proof.assume(at_start))])
    after = proof.certificate(rest(k + 1), using=[*moves(k), *constants])  # whatever holds at k
    every = proof.induction(rest(k), k, first, lambda now: after)
    proof.conclude(
        proof.certificate(
            Eq(Inner(x(T + 1), direction), extrapolation, evaluate=False),
            [(beta, proof.instantiate(every, {k: T}))],
            using=[*moves(T), *constants],
        )
    )


@explicit_euler.derivation
def invariant(proof):
    nesterov(proof, explicit)


@semi_implicit_euler.derivation
def same_invariant(proof):
    nesterov(proof, semi_implicit)


def scheme(xp, rng, case, size, implicit):
    start = rng.normal((size, 3))
    F = smooth_convex(xp, rng, start, 0.0, 1.0, log_uniform(xp, rng, (size, 1), 1e-2, 1))
    e, x, v = rng.normal((size, 3)), start, 0 * start
    old = last = x
    for _ in range(case.T + 1):
        g = F.grad(x)
        moved = v + case.h * (g - case.q * v)
        old, last = last, x - case.s * g
        x, v = x - case.h * (case.m * g + case.n * (moved if implicit else v)), moved
    product = lambda u: xp.sum(u * e, axis=-1)
    return {"left": product(x), "right": product(last + case.beta * (last - old))}


@explicit_euler.experiment(cases=[{}])
def explicit_paths(xp, rng, case, size):
    return scheme(xp, rng, case, size, False)


@semi_implicit_euler.experiment(cases=[{}])
def semi_implicit_paths(xp, rng, case, size):
    return scheme(xp, rng, case, size, True)
