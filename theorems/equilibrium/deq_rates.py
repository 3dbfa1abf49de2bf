"""How fast gradient flow trains a linear deep equilibrium model (Dandapanthula & Ramdas 2025).

    L(t) <= L_0 exp(-2 lmin t / smax),     lmin = lambda_min(Sigma), smax = lambda_max(S_0),

for every start with I - A_0 invertible.  The constant 2 is sharp: Sigma = lambda I, M = 0, J_0 = sqrt(smax) I and
B_0 -> 0.
The derivation: L' = -tr[G (I + P^T P) G^T] with J^T G = (P - M) Sigma, and J J^T <= S = S_0 by conservation.
"""

from sympy import Le, Rational, exp

from gdverify import Claim, Mutant, SureBound
from gdverify.integrate import refined, runge_kutta
from gdverify.laws import gradient_flow
from theorems import PAPERS
from theorems.equilibrium.deq_lemmas import (
    CONSTANTS,
    L0,
    data,
    decay,
    lmax,
    lmin,
    sigma_low,
    smax,
    smin,
    spectra,
    start_high,
    start_loss,
    well_posed,
)
from theorems.equilibrium.linear_deq import SIZES, TIME, B, J, draw, loss, t

flow = gradient_flow(loss(t), (J(t), B(t)), time=t)

flow_rate = Claim(
    id="deq.flow-rate",
    title="Gradient flow on a linear deep equilibrium model converges linearly from every start",
    paper=PAPERS["deq"],
    locator="abstract (linear convergence, well conditioned for all time); constants derived here",
    statement=r"L(t) \le L_0 \exp\left(-\frac{2 \lambda_{\min}(\Sigma)}{\lambda_{\max}(S_0)} t\right)",
    symbols={**SIZES, t: TIME, **CONSTANTS},
    assumptions=[flow, data, well_posed, sigma_low, start_high, start_loss],
    decides=SureBound(loss(t), L0 * exp(-2 * lmin * t / smax)),
    mutants=[
        Mutant("a rate 5 per cent faster", decides={"bound": L0 * exp(-Rational(21, 10) * lmin * t / smax)}),
        Mutant("the largest eigenvalue of Sigma", decides={"bound": L0 * exp(-2 * lmax * t / smax)}),
        Mutant("the smallest eigenvalue of S_0", decides={"bound": L0 * exp(-2 * lmin * t / smin)}),
        Mutant("the conserved matrix left out", decides={"bound": L0 * exp(-2 * lmin * t)}),
        Mutant("Sigma bounded below in the wrong place", drop=(sigma_low.name,), by=("derivation",)),
    ],
    notes="Loose by about (1 + |M|^2) once P is near M: for m = 1 the exact asymptotic rate of a generic start is "
    "2 (1 + |beta|^2)/c times the smallest eigenvalue of Sigma^{1/2} (I + beta^T beta) Sigma^{1/2}.  The flow exists "
    "for all time by deq.well-conditioned.",
)


@flow_rate.derivation
def energy(proof):
    s, _, always = decay(proof, flow)
    always, begin, shrunk = proof.instantiate(always, {s: t}), proof.assume(start_loss), exp(-2 * lmin * t / smax)
    proof.conclude(proof.certificate(Le(loss(t), L0 * shrunk), [(1, always), (-shrunk, begin)]))


@flow_rate.experiment(
    cases=[{"m": 1, "d": 1, "t": 4}, {}], samples={"smoke": 512, "standard": 20_000, "full": 200_000}, block=256
)
def trained(xp, rng, case, size):
    model = draw(xp, rng, size, case.m, case.d)
    ends = (runge_kutta(model.field, (model.J, model.B), case.t / n, n) for n in (4, 8, 16))
    end, error = refined(xp, [model.loss(*state) for state in ends])
    return {"quantity": end, "quantity_error": error, **spectra(model)}
