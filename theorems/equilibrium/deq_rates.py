"""How fast gradient flow trains a linear deep equilibrium model (Dandapanthula & Ramdas 2025).

    L(t) <= L_0 exp(-2 lmin t / smax),     lmin = lambda_min(Sigma), smax = lambda_max(S_0),

for every start with I - A_0 invertible.  The constant 2 is sharp: Sigma = lambda I, M = 0, J_0 = sqrt(smax) I, B_0 -> 0.
The derivation: L' = -tr[G (I + P^T P) G^T] with J^T G = (P - M) Sigma, and J J^T <= S = S_0 by conservation.
"""

from sympy import Ge, Le, Rational, Symbol, exp

from gdverify import Claim, Mutant, Nonnegative, SureBound
from gdverify.integrate import runge_kutta
from gdverify.laws import gradient_flow
from theorems import PAPERS
from theorems.equilibrium.deq_lemmas import (
    CONSTANTS, L0, adjoint, data, lmin, norm, output, sigma_low, slope, smax, spectrum_below, start_high, start_loss,
    well_posed,
)  # fmt: skip
from theorems.equilibrium.linear_deq import SIZES, TIME, B, J, loss, memory, t

flow = gradient_flow(loss(t), (J(t), B(t)), time=t)
factor = Symbol("factor", positive=True)

flow_rate = Claim(
    id="deq.flow-rate",
    title="Gradient flow on a linear deep equilibrium model converges linearly from every start",
    paper=PAPERS["deq"],
    locator="abstract (linear convergence, well conditioned for all time); constants derived here",
    statement=r"L(t) \le L_0 \exp\left(-\frac{2 \lambda_{\min}(\Sigma)}{\lambda_{\max}(S_0)} t\right)",
    symbols={**SIZES, t: TIME, **{s: CONSTANTS[s] for s in (lmin, smax, L0)}},
    defines={},
    assumptions=[flow, data, well_posed, sigma_low, start_high, start_loss],
    decides=SureBound(loss(t), L0 * exp(-2 * lmin * t / smax)),
)


@flow_rate.derivation
def energy(proof):
    s = proof.scalar("s", Nonnegative())
    motion = [proof.gradient_flow(flow, J(s)), proof.gradient_flow(flow, B(s))]
    kept = proof.conserved(proof.lie_derivative(memory(s), motion), s)
    falls = proof.lie_derivative(loss(s), motion)
    proof.identity(-falls.right, slope(s))
    G = adjoint(s)
    here = proof.trace(proof.sandwich(kept, G.T, G))
    rate = 2 * lmin / smax
    decay = proof.certificate(
        Ge(-rate * loss(s) - falls.right, 0),
        [(1 / smax, proof.assume(start_high, G)), (-1 / smax, here), (1 / smax, spectrum_below(proof, s))],
        [(1 / smax, B(s).T * G), (1, output(s) * G.T)],
    )
    always = proof.instantiate(proof.gronwall(falls, decay, rate, s), {s: t})
    begin = proof.assume(start_loss)
    proof.conclude(proof.certificate(Le(loss(t), L0 * exp(-rate * t)), [(1, always), (-exp(-rate * t), begin)]))
