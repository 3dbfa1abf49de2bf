"""Where gradient flow takes a linear deep equilibrium model (Dandapanthula & Ramdas 2025).

    J(t) (I + M M^T) J(t)^T  ->  S_0,

at the rate exp(-lmin t/smax).  For m = 1: (1 - a)^2 -> c/(1 + |beta|^2) with c = (1 - a_0)^2 + |w_0|^2, the point of
the conserved half-sphere over the target, which depends on the start through c and the sign of 1 - a_0 alone.  For
m > 1 the limit fixes J up to an orthogonal factor.  The derivation: S_0 = J (I + P P^T) J^T always, and P -> M.
"""

from sympy import Ge, Identity, Le, MatrixSymbol, Rational, Symbol, Trace, exp

from gdverify import Claim, Mutant, SureBound
from gdverify.integrate import euler, refined, runge_kutta
from gdverify.laws import equation, gradient_flow
from theorems import PAPERS
from theorems.equilibrium.deq_lemmas import (
    CONSTANTS,
    RADII,
    data,
    decay,
    lmin,
    mu,
    norm,
    output,
    r,
    radii,
    sigma_low,
    smax,
    spectra,
    start_high,
    start_loss,
    target_left,
    well_posed,
)
from theorems.equilibrium.linear_deq import SIZES, TIME, B, J, M, draw, frobenius, loss, m, memory, memory_of, t

flow = gradient_flow(loss(t), (J(t), B(t)), time=t)
v = MatrixSymbol("v", m, 1)
unit = equation("v is a unit vector", Trace(v.T * v), 1)
weight, rate = Symbol("weight", real=True), Symbol("rate", real=True)
error = Trace(v.T * J(t) * (Identity(m) + weight * M * M.T) * J(t).T * v) - Trace(v.T * memory(0) * v)
small = r * exp(-rate * t)

limit_point = Claim(
    id="deq.limit-point",
    title="Training by gradient flow ends where J (I + M M^T) J^T is the conserved matrix",
    paper=PAPERS["deq"],
    locator="derived here from the abstract's conservation law and linear convergence",
    statement=r"\left|v^\top J(t)(I + MM^\top)J(t)^\top v - v^\top S_0 v\right| \le"
    r"\lambda_{\max}(S_0)\,(2|M|\epsilon + \epsilon^2),\quad"
    r"\epsilon = \sqrt{\tfrac{2L_0}{\lambda_{\min}(\Sigma)}}\, e^{-\lambda_{\min}(\Sigma) t/\lambda_{\max}(S_0)},"
    r"\quad |v| = 1",
    symbols={**SIZES, t: TIME, **CONSTANTS},
    defines={**RADII, weight: 1, rate: lmin / smax},
    assumptions=[flow, data, well_posed, sigma_low, target_left, start_high, start_loss, unit],
    decides=SureBound(error**2, (smax * (2 * mu * small + small**2)) ** 2),
    mutants=[
        Mutant("the target counted 5 per cent more", defines={weight: Rational(21, 20)}),
        Mutant("the limit does not see the target", defines={weight: 0}),
        Mutant("10 per cent faster", defines={rate: Rational(11, 10) * lmin / smax}),
        Mutant(
            "gradient descent with a finite step ends there, too",
            drop=("gradient flow",),
            cases=({"m": 1, "d": 1, "t": 4, "steps": 6},),
        ),
    ],
    notes="The limit holds in every direction v, hence for the matrix; P(t) tends to M at the same rate "
    "(deq.flow-rate).  For m = 1 the sign of 1 - a is kept, because the determinant never vanishes "
    "(deq.well-conditioned-determinant).",
)


@limit_point.derivation
def squeeze(proof):
    radii(proof)
    s, kept, always = decay(proof, flow)
    shrink = exp(-lmin * s / smax)
    size = r * shrink
    begin, R, w = proof.assume(start_loss), output(s) - M, J(s).T * v
    residual = proof.certificate(
        Ge(size**2, norm(R)),
        [(1 / lmin, proof.assume(sigma_low, R.T)), (2 / lmin, always), (-2 / lmin * shrink**2, begin)],
        using=[proof.definition(r)],
    )
    here = proof.trace(proof.sandwich(kept, v.T, v))
    start = proof.assume(start_high, v)
    below = proof.certificate(
        Ge(smax, norm(w)), [(1, start), (-1, here), (-smax, proof.assume(unit))], [(1, B(s).T * v)]
    )
    a, b = M.T * w, R.T * w
    a_small = proof.assume(target_left, w)
    b_small = proof.certificate(
        Ge(size**2 * norm(w), norm(b)),
        [
            (1, proof.submultiplicative(R.T, w)),
            (1, proof.product(residual, proof.certificate(Ge(norm(w), 0), [], [(1, w)]))),
        ],
    )
    Q = Trace(w.T * (Identity(m) + M * M.T) * w) - Trace(v.T * memory(0) * v)
    cross = [(2 * mu * size + size**2, below), (size / mu, a_small)]
    reach = smax * (2 * mu * size + size**2)
    ends = [
        proof.certificate(
            Ge(reach, -Q), [*cross, (1 + mu / size, b_small), (1, here)], [(size / mu, a - mu / size * b)]
        ),
        proof.certificate(
            Ge(reach, Q),
            [*cross, (mu / size, b_small), (-1, here)],
            [(size / mu, a + mu / size * b), (1, b), (size**2, w)],
        ),
    ]
    goal = proof.claim.decides
    proof.conclude(
        proof.certificate(
            Le(goal.quantity, goal.bound),
            [(1, proof.instantiate(proof.product(*ends), {s: t}))],
            using=[proof.definition(weight), proof.definition(rate)],
        )
    )


@limit_point.experiment(
    cases=[{"m": 1, "d": 1, "t": 4}, {}], samples={"smoke": 512, "standard": 20_000, "full": 200_000}, block=128
)
def on_the_way(xp, rng, case, size):
    model, v = draw(xp, rng, size, case.m, case.d), rng.sphere((size, case.m))[..., None]
    conserved = memory_of(xp, model.J, model.B)

    def error(J):
        w = xp.matmul(xp.matrix_transpose(J), v)
        there = frobenius(xp, w) + case.weight * frobenius(xp, xp.matmul(xp.matrix_transpose(model.M), w))
        return (there - xp.sum(v * xp.matmul(conserved, v), axis=(-2, -1))) ** 2

    start, known = (model.J, model.B), spectra(model)
    if "steps" in case:  # a mutant's
        J, _ = euler(model.field, start, case.t / case.steps, case.steps)
        return {"quantity": error(J), **known}
    end, unsure = refined(xp, [error(runge_kutta(model.field, start, case.t / n, n)[0]) for n in (4, 8, 16)])
    return {"quantity": end, "quantity_error": unsure, **known}
