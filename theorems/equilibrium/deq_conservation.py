"""A conservation law of linear deep equilibrium models (Dandapanthula & Ramdas 2025).

    Along gradient flow,   S = (I - A)(I - A)^T + B B^T   is constant.

Hence every row (A_i, B_i) stays on the sphere of R^{m+d} with centre (e_i, 0), rows keep their inner products, and
the whole parameter stays on the sphere |A - I|^2 + |B|^2 = tr S_0.  The reason: the output depends on [J, B] only
through J^{-1} B, hence not on a common factor from the left, and such a symmetry makes the gradient orthogonal to the
rows: grad_J J^T + grad_B B^T = 0.  In the statement J = I - A (see `linear_deq`).
"""

from sympy import Identity, Rational, Symbol

from gdverify import Claim, Conserved, Mutant
from gdverify.integrate import runge_kutta
from gdverify.laws import constant, gradient_flow, invertible
from theorems import PAPERS
from theorems.equilibrium.linear_deq import SIZES, TIME, B, J, M, Sigma, draw, frobenius, loss, m, t

centre, weight = Symbol("centre", real=True), Symbol("weight", real=True)
shifted = J(t) + (centre - 1) * Identity(m)  # centre * I - A

flow = gradient_flow(loss(t), (J(t), B(t)), time=t)
data = constant(M, Sigma)

conservation = Claim(
    id="deq.conservation",
    title="Gradient flow of a linear deep equilibrium model conserves (I - A)(I - A)^T + B B^T",
    paper=PAPERS["deq"],
    locator="abstract (a conservation law traps the parameters on spheres); derived here for the matrix model",
    statement=r"\frac{d}{dt}\left[(I-A)(I-A)^\top + BB^\top\right] = 0, \qquad J = I - A,\; \dot J = -\nabla_J L,\;"
    r"\dot B = -\nabla_B L,\; L = \tfrac12 \operatorname{tr}\left[(J^{-1}B-M)\Sigma(J^{-1}B-M)^\top\right]",
    symbols={**SIZES, t: TIME},
    defines={centre: 1, weight: 1},
    assumptions=[flow, data, invertible(J)],
    decides=Conserved(shifted * shifted.T + weight * B(t) * B(t).T, order=4),
    mutants=[
        Mutant("the sphere has its centre at A = 0", defines={centre: 0}),
        Mutant("balancedness: the two terms subtracted, as in two-layer linear networks", defines={weight: -1}),
        Mutant("B counted 5 per cent more", defines={weight: Rational(21, 20)}),
        Mutant("B learns 5 per cent faster than A", drop=("gradient flow",), cases=({"m": 2, "d": 2, "speed": 1.05},)),
    ],
    notes="The loss is defined where I - A is invertible; deq.well-conditioned shows that the flow never leaves there. "
    "Sigma and M are arbitrary: the law holds for the population, any sample, and one data point.",
)


@conservation.derivation
def symmetry(proof):
    motion = [proof.gradient_flow(flow, J(t)), proof.gradient_flow(flow, B(t))]
    values = [proof.definition(centre), proof.definition(weight)]
    proof.conclude(proof.lie_derivative(proof.claim.decides.quantity, motion, using=values))


@conservation.experiment(cases=[{"t": 4}], samples={"smoke": 256, "standard": 10_000, "full": 100_000}, block=256)
def drift(xp, rng, case, size):
    model = draw(xp, rng, size, case.m, case.d)
    speed = case.get("speed", 1.0)

    def field(J, B):
        to_J, to_B = model.field(J, B)
        return to_J, speed * to_B

    def conserved(J, B):
        shifted = J + (case.centre - 1) * xp.eye(case.m)
        return xp.matmul(shifted, xp.matrix_transpose(shifted)) + case.weight * xp.matmul(B, xp.matrix_transpose(B))

    before = conserved(model.J, model.B)
    h, drifts = [0.5, 0.25, 0.125, 0.0625], []
    for step in h:
        after = conserved(*runge_kutta(field, (model.J, model.B), step, round(case.t / step)))
        drifts.append(xp.max(xp.abs(after - before), axis=(-2, -1)) / xp.sqrt(frobenius(xp, before)))
    return {"h": xp.asarray(h), "drift": xp.stack(drifts, axis=1), "floor": 1e-13}
