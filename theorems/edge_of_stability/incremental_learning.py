"""Gradient flow on matrix factorisation learns one eigenvalue after another (Jin, Li, Lyu, Du and Lee 2023).

Gradient flow of |X X^T - M|^2 / 4 in the eigenbasis of a symmetric positive definite M, from X(0) = alpha I:

    dx_i/dt = (m_i - x_i^2) x_i,     x_i(0) = alpha,          M = diag(m_1, m_2, ...).

Let s eigenvalues be larger than the others, m_s > m_{s+1}.  At the time

    t = 2 log(1/alpha) / (m_s + m_{s+1})

the product X X^T is the best rank-s approximation of M up to an error (nuclear norm) that is, as alpha -> 0,

    of the exact order alpha^p,       p = 2 (m_s - m_{s+1}) / (m_s + m_{s+1}).

Here M has eigenvalues a > b > c > d with any multiplicities; a and b are learned at that time, c and d are not.

Reference: J. Jin, Z. Li, K. Lyu, S. S. Du, J. D. Lee, "Understanding Incremental Learning of Gradient Descent: A
Fine-grained Analysis of Matrix Sensing", 2023.  The exponent, for the flow with all measurements, is derived here.
"""

import math

from sympy import Eq, Function, Gt, Rational, Symbol, exp, log, sqrt, symbols

from gdverify import Claim, Domain, Integers, Mutant, Nonnegative, Rate, Reals
from gdverify.integrate import runge_kutta
from gdverify.laws import initial_value
from theorems import PAPERS

a, b, c, d, N, tau = symbols("a b c d N tau", positive=True)  # N = 1/alpha
t = Symbol("t", real=True)
names = "abcd"
eigenvalues = dict(zip(names, (a, b, c, d), strict=True))
counts = {k: Symbol(f"n_{k}", integer=True, positive=True) for k in names}
x = {k: Function(f"x_{k}") for k in names}
flow = {k: initial_value(x[k](t), t, (m - x[k](t) ** 2) * x[k](t), 1 / N) for k, m in eigenvalues.items()}


def square(m, growth):
    """x^2 once exp(2 m t) has the value ``growth``."""
    return m * growth / (growth - 1 + m * N**2)


def error(of):
    """Nuclear norm of X X^T - M_s, given each x^2 (while none has passed its eigenvalue)."""
    learned = sum(counts[k] * (eigenvalues[k] - of(k)) for k in "ab")
    return learned + sum(counts[k] * of(k) for k in "cd")


measured = error(lambda k: x[k](tau * log(N)) ** 2)
closed = error(lambda k: square(eigenvalues[k], N ** (4 * eigenvalues[k] / (b + c))))

rank_by_rank = Claim(
    id="incremental-learning.rank-by-rank",
    title="The error at the best time for rank s is of exact order alpha^(2(m_s - m_{s+1})/(m_s + m_{s+1}))",
    paper=PAPERS["incremental-learning"],
    locator="incremental learning for full measurements; exponent derived here",
    statement=r"t=\frac{2\log(1/\alpha)}{m_s+m_{s+1}}:\quad"
    r" \|X X^\top-M_s\|_* = \Theta\Big(\alpha^{\frac{2(m_s-m_{s+1})}{m_s+m_{s+1}}}\Big),\quad \alpha = 1/N \to 0",
    symbols={
        d: Domain(0, low_open=True, sample=(Rational(1, 20), Rational(1, 10))),
        c: Domain(d, low_open=True, sample=(Rational(2, 5), Rational(1, 2))),
        b: Domain(c, low_open=True, sample=(Rational(9, 10), Rational(11, 10))),
        a: Domain(b, low_open=True, sample=(Rational(3, 2), Rational(9, 5))),
        **{counts[k]: Integers(1, sample=(1, 2)) for k in names},
        N: Domain(1, sample=(1, 1)),
    },
    defines={tau: 2 / (b + c)},
    assumptions=list(flow.values()),
    decides=Rate(quantity=measured, variable=N, exponent=-2 * (b - c) / (b + c), closed_form=closed),
    mutants=[
        Mutant("the exponent 2(b - c)/b", decides={"exponent": -2 * (b - c) / b}),
        Mutant("the exponent (b - c)/(b + c)", decides={"exponent": -(b - c) / (b + c)}),
        Mutant("the time log(1/alpha)/b", defines={tau: 1 / b}),
        Mutant("the mean of the two learning times", defines={tau: (1 / b + 1 / c) / 2}),
    ],
    notes="Four distinct eigenvalues stand for any number: more of them, larger than a or smaller than d, decay faster "
    "than those next to the gap. The start is aligned with M; a generic start changes constants, not the exponent. "
    "The nuclear norm is the stated sum once alpha^2 <= b.",
)


@rank_by_rank.derivation
def logistic_modes(proof):
    time, u = proof.scalar("time", Nonnegative()), proof.scalar("u", Reals())
    tangent = proof.tangent(exp(u), u, 0)
    stop = proof.definition(tau)
    proof.certificate(Gt(tau, 0, evaluate=False), [(1, proof.sign(proof.claim.defines[tau]))], using=[stop])
    modes = []
    for k, m in eigenvalues.items():
        growth = exp(2 * m * time)
        convex = proof.instantiate(tangent, {u: 2 * m * time})
        positive = [(1, convex), (1, proof.sign(m * N**2)), (1, proof.sign(2 * m * time))]
        below = proof.certificate(Gt(growth - 1 + m * N**2, 0, evaluate=False), positive)
        path = proof.solution(flow[k], sqrt(square(m, growth)), time)
        modes.append(proof.instantiate(proof.product(path, path), {time: tau * log(N)}))
        at_stop = proof.rewrite(proof.instantiate(below, {time: tau * log(N)}), stop)
        proof.certificate(Gt(N ** (4 * m / (b + c)) - 1 + m * N**2, 0, evaluate=False), [(1, at_stop)])
    signs = zip(modes, [-counts[k] if k in "ab" else counts[k] for k in names], strict=True)
    exact = proof.certificate(
        Eq(measured, closed, evaluate=False), [(weight, mode) for mode, weight in signs], using=[stop]
    )
    # c and b are next to the gap: their exponents agree, and exceed those of a and d
    ab, bc, cd = (
        proof.certificate(Gt(larger - smaller, 0), [(1, proof.low(larger))])
        for larger, smaller in ((a, b), (b, c), (c, d))
    )
    proof.certificate(Gt(2 * a - b - c, 0), [(2, ab), (1, bc)])
    proof.certificate(Gt(2 * a - b + c, 0), [(2, ab), (1, proof.sign(b + c))])
    proof.certificate(Gt(b + c - 2 * d, 0), [(1, bc), (2, cd)])
    proof.conclude(proof.mean(exact), proof.growth(closed, N))


@rank_by_rank.experiment(cases=[{"N": 1}], samples={"smoke": 16, "standard": 16, "full": 16}, block=16)
def factorisation_flow(xp, rng, case, size):
    """The flow of X X^T towards M with random eigenvectors, integrated from alpha I, stopped at tau log(1/alpha)."""
    spectrum = [m for k in names for m in [getattr(case, k)] * getattr(case, f"n_{k}")]
    rank, n = sum(getattr(case, f"n_{k}") for k in "ab"), len(spectrum)
    basis = rng.shared.haar((n, n))
    back = xp.matrix_transpose(basis)
    target = (basis * xp.asarray(spectrum)) @ back
    best = (basis * xp.asarray(spectrum[:rank] + [0.0] * (n - rank))) @ back
    grid = [10.0**e for e in (2, 2.5, 3, 3.5, 4)]
    times = xp.asarray([case.tau * math.log(x) for x in grid])
    begin = xp.eye(n) / xp.asarray(grid)[:, None, None]
    field = lambda x: ((target - x @ xp.matrix_transpose(x)) @ x,)
    (x,) = runge_kutta(field, (begin,), times[:, None, None] / 1000, 1000)
    errors = xp.sum(xp.abs(xp.linalg.eigvalsh(x @ xp.matrix_transpose(x) - best)), axis=-1)
    return {"n": xp.asarray(grid), "quantity": xp.broadcast_to(errors, (size, len(grid)))}
