"""A linear deep equilibrium model stays well conditioned while gradient flow trains it (Dandapanthula & Ramdas 2025).

With the conserved S_0 and rho = |M| + sqrt(2 L_0/lmin), at every time and for every unit vector v,

    smin/(1 + rho^2)  <=  |J(t)^T v|^2  <=  smax,        det J(t)^2 det(I + P P^T) = det S_0,

so that cond(J)^2 <= (1 + rho^2) smax/smin, det(I - A) keeps its sign, and the flow exists for all time.  The
derivation: S_0 = J (I + P P^T) J^T and |P| <= |M| + |P - M| <= rho, because the loss does not increase.
"""

from sympy import Determinant, Eq, Identity, Le, MatrixSymbol, Rational, Symbol, Trace

from gdverify import Claim, Mutant, Nonnegative, Observed, SureBound
from gdverify import Identity as Equality
from gdverify.integrate import refined, runge_kutta
from gdverify.laws import equation, gradient_flow
from theorems import PAPERS
from theorems.equilibrium.deq_lemmas import (
    CONSTANTS,
    RADII,
    data,
    mu,
    output,
    r,
    radii,
    residual_bound,
    rho,
    sigma_low,
    smax,
    smin,
    spectra,
    squared_singular_values,
    start_high,
    start_loss,
    start_low,
    target_left,
    trajectory,
    well_posed,
)
from theorems.equilibrium.linear_deq import SIZES, TIME, B, J, draw, loss, m, memory, memory_of, t

flow = gradient_flow(loss(t), (J(t), B(t)), time=t)
v = MatrixSymbol("v", m, 1)
low, high = Symbol("low", positive=True), Symbol("high", positive=True)
unit = equation("v is a unit vector", Trace(v.T * v), 1)
SMALL = {"m": 1, "d": 1}
SAMPLES = {"smoke": 512, "standard": 20_000, "full": 200_000}
low_is = equation("low = |J^T v|^2", Trace(v.T * J(t) * J(t).T * v), low)
high_is = equation("high = |J^T v|^2", Trace(v.T * J(t) * J(t).T * v), high)


well_conditioned = Claim(
    id="deq.well-conditioned",
    title="The smallest singular value of I - A stays away from zero along gradient flow",
    paper=PAPERS["deq"],
    locator="abstract (gradient flow is well conditioned for all time); constants derived here",
    statement=r"\sigma_{\min}(I - A(t))^2 \ge \frac{\lambda_{\min}(S_0)}{1 + \rho^2},\qquad "
    r"\rho = |M| + \sqrt{2 L_0/\lambda_{\min}(\Sigma)}",
    symbols={**SIZES, t: TIME, **CONSTANTS, low: Observed(0, open="left")},
    defines=RADII,
    assumptions=[flow, data, well_posed, sigma_low, target_left, start_low, start_loss, unit, low_is],
    decides=SureBound(smin, (1 + rho**2) * low),
    mutants=[
        Mutant("1 + rho in place of 1 + rho^2", decides={"bound": (1 + rho) * low}),
        Mutant("3 per cent more", decides={"bound": (1 + rho**2) * low * Rational(97, 100)}),
        Mutant("singular values never shrink", decides={"bound": low}),
        Mutant("the radius of the target alone", defines={rho: mu}),
        Mutant("a bound by the loss alone", defines={rho: r}),
    ],
    notes="Hence a solution stays in a compact set on which the gradient is smooth, and exists for all time "
    "(continuation of ordinary differential equations); det(I - A) never vanishes, so it keeps its sign.  The plain "
    "fixed-point iteration is another matter: for m = 1 and (1 - a_0)^2 + |w_0|^2 > 4 (1 + |beta|^2) it diverges at "
    "the end of training, where a = 1 - sqrt(c/(1 + |beta|^2)) < -1 if a_0 < 1, although it may converge at the start.",
)


@well_conditioned.derivation
def from_below(proof):
    radii(proof)
    s, kept, below = trajectory(proof, flow)
    here = proof.trace(proof.sandwich(kept, v.T, v))
    residual = residual_bound(proof, s, below)
    bound = proof.instantiate(squared_singular_values(proof, s, v, residual, here), {s: t})
    proof.conclude(
        proof.certificate(
            Le(smin, (1 + rho**2) * low),
            [(1, bound), (smin, proof.assume(unit)), (-(1 + rho**2), proof.assume(low_is))],
        )
    )


def moved(xp, rng, case, size):
    """A model at the start, and its (J, B) at time t by three step sizes; ``speed`` is that of B (a mutant's)."""
    model = draw(xp, rng, size, case.m, case.d)
    speed = case.get("speed", 1.0)

    def field(J, B):
        to_J, to_B = model.field(J, B)
        return to_J, speed * to_B

    return model, [runge_kutta(field, (model.J, model.B), case.t / n, n) for n in (4, 8, 16)]


@well_conditioned.experiment(cases=[SMALL, {}], samples=SAMPLES, block=128)
def smallest(xp, rng, case, size):
    model, ends = moved(xp, rng, case, size)
    least, error = refined(xp, [xp.linalg.svdvals(J)[..., -1] ** 2 for J, _ in ends])
    known = spectra(model)
    r = xp.sqrt(2 * known["L0"] / known["lmin"])
    rho = known["mu"] + r
    return {"quantity": known["smin"], "quantity_error": (1 + rho**2) * error, "low": least, **known}


# -- the other end ----------------------------------------------------------------------------------------------------

from_above = Claim(
    id="deq.well-conditioned-upper",
    title="The largest singular value of I - A stays below the conserved one along gradient flow",
    paper=PAPERS["deq"],
    locator="abstract (gradient flow is well conditioned for all time); constants derived here",
    statement=r"\sigma_{\max}(I - A(t))^2 \le \lambda_{\max}(S_0)",
    symbols={**SIZES, t: TIME, **CONSTANTS, high: Observed(0, open="left")},
    assumptions=[flow, data, well_posed, start_high, unit, high_is],
    decides=SureBound(high, smax),
    mutants=[
        Mutant("1 per cent less", decides={"bound": Rational(99, 100) * smax}),
        Mutant("the smallest eigenvalue of S_0", decides={"bound": smin}),
        Mutant("B learns half as fast as A", drop=("gradient flow",), cases=({**SMALL, "t": 4, "speed": 0.5},)),
    ],
    notes="With deq.well-conditioned: cond(I - A)^2 <= (1 + rho^2) smax/smin at every time.",
)


@from_above.derivation
def positive_part(proof):
    s = proof.scalar("s", Nonnegative())
    motion = [proof.gradient_flow(flow, J(s)), proof.gradient_flow(flow, B(s))]
    kept = proof.instantiate(proof.conserved(proof.lie_derivative(memory(s), motion), s), {s: t})
    here = proof.trace(proof.sandwich(kept, v.T, v))
    proof.conclude(
        proof.certificate(
            Le(high, smax),
            [
                (1, proof.assume(start_high, v)),
                (-smax, proof.assume(unit)),
                (-1, here),
                (1, proof.assume(high_is)),
            ],
            [(1, B(t).T * v)],
        )
    )


@from_above.experiment(cases=[SMALL, {}], samples=SAMPLES, block=128)
def largest(xp, rng, case, size):
    model, ends = moved(xp, rng, case, size)
    most, error = refined(xp, [xp.linalg.svdvals(J)[..., 0] ** 2 for J, _ in ends])
    return {"quantity": most, "quantity_error": error, "high": most, **spectra(model)}


# -- determinants -----------------------------------------------------------------------------------------------------

power, weight = Symbol("power", integer=True), Symbol("weight", real=True)
P = output(t)

determinants = Claim(
    id="deq.well-conditioned-determinant",
    title="det(I - A)^2 det(I + P P^T) is constant along gradient flow",
    paper=PAPERS["deq"],
    locator="derived here from the abstract's conservation law",
    statement=r"\det(I - A(t))^2 \, \det(I + P(t) P(t)^\top) = \det S_0, \qquad P = (I - A)^{-1} B",
    symbols={**SIZES, t: TIME},
    defines={power: 2, weight: 1},
    assumptions=[flow, data, well_posed],
    decides=Equality(Determinant(J(t)) ** power * Determinant(Identity(m) + weight * P * P.T), Determinant(memory(0))),
    mutants=[
        Mutant("det(I - A) not squared", defines={power: 1}),
        Mutant("det(I - A) cubed", defines={power: 3}),
        Mutant("P counted 1 per cent more", defines={weight: Rational(101, 100)}),
    ],
    notes="det S_0 > 0, so that det(I - A) never vanishes and keeps its sign.  The experiment takes the error "
    "of its integrator off the difference.",
)


@determinants.derivation
def factor(proof):
    s = proof.scalar("s", Nonnegative())
    motion = [proof.gradient_flow(flow, J(s)), proof.gradient_flow(flow, B(s))]
    kept = proof.instantiate(proof.conserved(proof.lie_derivative(memory(s), motion), s), {s: t})
    product = J(t) * (Identity(m) + weight * P * P.T) * J(t).T
    split = proof.determinant(
        proof.matrix_certificate(product, memory(0), [(1, kept)], using=[proof.definition(weight)])
    )
    stated = proof.claim.decides
    proof.conclude(
        proof.certificate(
            Eq(stated.quantity, stated.bound, evaluate=False), [(1, split)], using=[proof.definition(power)]
        )
    )


@determinants.experiment(samples=SAMPLES, block=128)
def at_both_ends(xp, rng, case, size):
    model, ends = moved(xp, rng, case, size)

    def quantity(J, B):
        P = xp.matmul(xp.linalg.inv(J), B)
        gram = xp.eye(case.m) + case.weight * xp.matmul(P, xp.matrix_transpose(P))
        return xp.linalg.det(J) ** case.power * xp.linalg.det(gram)

    left, error = refined(xp, [quantity(*end) for end in ends])
    right = xp.linalg.det(memory_of(xp, model.J, model.B))
    return {"left": left, "right": right, "quantity_error": error}
