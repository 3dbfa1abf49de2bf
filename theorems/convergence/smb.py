"""Stochastic gradient descent with model building: the step is a preconditioned gradient (after Birbil et al. 2024).

After a trial step s, with g = grad f(x), y = grad f(x + s) - g and

    2 delta = |s| (|y| + |g|/eta) - <y, s>,     Y = <y, s> + 2 delta,     sigma = Y^2 - |s|^2 |y|^2,

the step of the method,

    p = -(|s|^2/(2 delta)) (g + ((|s|^2 <y, g> - Y <s, g>) y + (|y|^2 <s, g> - Y <y, g>) s)/sigma),

solves M p = -g for the symmetric matrix M = (2 delta I + s y^T + y s^T)/|s|^2.

Reference: arXiv:2111.07058; the formula is stated from memory of it, and certified by the identity.
"""

from sympy import Eq, Ge, Gt, Rational, Symbol, symbols

from gdverify import Claim, Identity, Inner, Mutant, Observed, VectorSequence, sq
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

a, c = symbols("a c", positive=True)  # |s| and |g|/eta
b, kappa, tau = Symbol("b", nonnegative=True), Symbol("kappa", real=True), Symbol("tau", real=True)
s, y, g, e = (VectorSequence(name)(0) for name in "syge")

length_s, length_y = equation("a = |s|", sq(s), a**2), equation("b = |y|", sq(y), b**2)
Y = a * (b + c)
two_delta = Y - kappa * Inner(y, s)
sigma = Y**2 - tau * a**2 * b**2
p = -(a**2 / two_delta) * (
    g + (a**2 * Inner(y, g) - Y * Inner(s, g)) / sigma * y + (b**2 * Inner(s, g) - Y * Inner(y, g)) / sigma * s
)
image = (two_delta * Inner(p, e) + Inner(s, e) * Inner(y, p) + Inner(y, e) * Inner(s, p)) / a**2

preconditioned = Claim(
    id="smb.step-is-preconditioned-gradient",
    title="A step with model building is a preconditioned gradient",
    paper=PAPERS["smb"],
    locator="the step in closed form; stated from memory, certified here",
    statement=r"M=\frac{2\delta I+sy^{T}+ys^{T}}{\|s\|^2},\ 2\delta=\|s\|\Big(\|y\|+\frac{\|g\|}\eta\Big)"
    r"-\langle y,s\rangle:\quad M p=-g",
    symbols={
        a: Observed(0, open="left"),
        b: Observed(0),
        c: Observed(0, open="left"),
    },
    defines={kappa: 1, tau: 1},
    assumptions=[length_s, length_y],
    decides=Identity(quantity=image, bound=-Inner(g, e)),
    mutants=[
        Mutant("+<y, s> in delta", defines={kappa: -1, tau: 1}),
        Mutant("9/10 of |s|^2 |y|^2 in sigma", defines={kappa: 1, tau: Rational(9, 10)}),
        Mutant("b need not be |y|", drop=("b = |y|",), by=("derivation",)),
    ],
    notes="c stands for |g|/eta; the identity holds for every c > 0.",
)


@preconditioned.derivation
def rank_two(proof):
    given = [proof.definition(kappa), proof.definition(tau)]
    lengths = [proof.assume(length_s), proof.assume(length_y)]
    # <y, s> <= |y| |s|, so that delta > 0
    overlap = Inner(y, s)
    square = proof.certificate(
        Ge(a**2 * b**2, overlap**2),
        [(-(overlap**2) / a**2, lengths[0]), (-(a**2), lengths[1])],
        [(a**2, y - overlap / a**2 * s)],
    )
    below = proof.root(square, overlap)
    rest = proof.sign(a**2 * (2 * b * c + c**2))
    for values in ({}, dict(proof.claim.defines)):  # the denominators, before and after the definitions are put in
        one = proof.certificate(Gt(two_delta.subs(values), 0), [(1, below), (1, proof.sign(a * c))], using=given)
        two = proof.certificate(Gt(sigma.subs(values), 0), [(1, rest)], using=given)
        proof.product(one, two)
    proof.conclude(proof.certificate(Eq(image, -Inner(g, e), evaluate=False), using=[*lengths, *given]))


@preconditioned.experiment(cases=[{"dimension": 2}, {"dimension": 6}])
def any_vectors(xp, rng, case, size):
    shape = (size, case.dimension)
    g, e = rng.normal(shape), rng.normal(shape)
    s = log_uniform(xp, rng, (size, 1), 1e-2, 1) * (-g + rng.bernoulli(0.5, (size, 1)) * rng.normal(shape))
    y = log_uniform(xp, rng, (size, 1), 1e-2, 1e2) * rng.normal(shape)
    inner = lambda u, v: xp.sum(u * v, axis=-1)[:, None]
    a, b, c = (xp.sqrt(inner(u, u)) for u in (s, y, g))
    c = c / log_uniform(xp, rng, (size, 1), 0.1, 10)
    Y = a * (b + c)
    two_delta, sigma = Y - case.kappa * inner(y, s), Y * Y - case.tau * a * a * b * b
    along_y, along_s = a * a * inner(y, g) - Y * inner(s, g), b * b * inner(s, g) - Y * inner(y, g)
    p = -(a * a / two_delta) * (g + along_y / sigma * y + along_s / sigma * s)
    image = (two_delta * p + s * inner(y, p) + y * inner(s, p)) / (a * a)
    return {"left": inner(image, e)[:, 0], "right": -inner(g, e)[:, 0], "a": a[:, 0], "b": b[:, 0], "c": c[:, 0]}
