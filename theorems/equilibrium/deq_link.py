"""The conservation law of deep equilibrium models under any loss of their output (Dandapanthula & Ramdas 2025).

A linear deep equilibrium model z = P x, P = J^{-1} B, J = I - A, may be followed by a known link and any loss: what is
trained depends on the parameters through P alone.  With U = dL/dP, the chain rule gives dL/dB = J^{-T} U and
dL/dJ = -J^{-T} U P^T, and along gradient flow

    S = J J^T + B B^T   is constant,

whatever the loss is: a single-index model with its activation outside the fixed point (m = 1) stays on the half-sphere
(1 - a)^2 + |w|^2 = const.  With the activation inside, z = sigma(a z + <w, x>), this is false.
"""

from sympy import Inverse, Rational, Symbol

from gdverify import Claim, Conserved, Mutant
from gdverify.instances import log_uniform
from gdverify.integrate import runge_kutta
from gdverify.language import MatrixSequence, TimeDerivative
from gdverify.laws import equation, invertible
from theorems import PAPERS
from theorems.equilibrium.linear_deq import SIZES, TIME, B, J, d, frobenius, m, t

weight = Symbol("weight", real=True)
U = MatrixSequence("U", m, d)
P, G = Inverse(J(t)) * B(t), Inverse(J(t)).T * U(t)
moves_J = equation("J follows the gradient flow of a function of P", TimeDerivative(J(t)), G * P.T)
moves_B = equation("B follows the gradient flow of a function of P", TimeDerivative(B(t)), -G)
faster = equation("B learns 5 per cent faster", TimeDerivative(B(t)), -Rational(21, 20) * G)

conserved = Claim(
    id="deq.sim-outside-conservation",
    title="Any loss of the output conserves (I - A)(I - A)^T + B B^T along gradient flow",
    paper=PAPERS["deq"],
    locator="abstract (conservation law; single-index models); derived here for any link and loss",
    statement=r"L = \ell(P),\ P = J^{-1}B,\ \dot J = -\partial_J L,\ \dot B = -\partial_B L:\quad"
    r" \frac{d}{dt}\left[JJ^\top + BB^\top\right] = 0",
    symbols={**SIZES, t: TIME},
    defines={weight: 1},
    assumptions=[moves_J, moves_B, invertible(J)],
    decides=Conserved(J(t) * J(t).T + weight * B(t) * B(t).T, order=4),
    mutants=[
        Mutant("balancedness: the two terms subtracted", defines={weight: -1}),
        Mutant("B counted 5 per cent more", defines={weight: Rational(21, 20)}),
        Mutant("B alone", decides={"quantity": B(t) * B(t).T}, by=("derivation",)),
        Mutant(
            "B learns 5 per cent faster than A",
            drop=(moves_B.name,),
            add=(faster,),
            cases=({"m": 1, "d": 2, "speed": 1.05},),
        ),
        Mutant(
            "the activation inside the fixed point",
            drop=(moves_J.name, moves_B.name),
            cases=({"m": 1, "d": 2, "inside": 1},),
        ),
    ],
    notes="U is arbitrary: population, sample, one point, cross-entropy, links.  The experiment has the link "
    "sigma(u) = (u + tanh u)/2 and squared errors.  The rate for such links is deq.sim-outside-activation.",
)


@conserved.derivation
def symmetry(proof):
    motion = [proof.assume(law) for law in proof.claim.assumptions if law.name.startswith(("J", "B"))]
    proof.conclude(proof.lie_derivative(proof.claim.decides.quantity, motion, using=[proof.definition(weight)]))


@conserved.experiment(cases=[{"t": 2}], samples={"smoke": 128, "standard": 10_000, "full": 100_000}, block=128)
def drift(xp, rng, case, size):
    points = rng.normal((size, 6, case.d))
    target = rng.normal((size, case.m, case.d)) * log_uniform(xp, rng, (size, 1, 1), 0.1, 2)
    J0 = rng.haar((size, case.m, case.m)) * log_uniform(xp, rng, (size, 1, 1), 0.7, 2)
    B0 = xp.matmul(J0, target + 0.5 * rng.normal((size, case.m, case.d)))
    T, speed = xp.matrix_transpose, case.get("speed", 1.0)
    link = lambda u: (u + xp.tanh(u)) / 2
    slope = lambda u: 1 - xp.tanh(u) ** 2 / 2
    pace = 0.1 / (1 + frobenius(xp, target)[:, None, None])

    def outside(J, B):
        inverse = xp.linalg.inv(J)
        P = xp.matmul(inverse, B)
        u, v = (xp.matmul(points, T(M)) for M in (P, target))  # (size, 6, m)
        G = xp.matmul(T(inverse), xp.matmul(T((link(u) - link(v)) * slope(u)), points) / 6)
        return pace * xp.matmul(G, T(P)), -speed * pace * G

    def inside(J, B):  # z = sigma((1 - j) z + <w, x>), m = 1
        z = 0 * points[:, :, :1]
        for _ in range(60):
            z = link((1 - J) * z + xp.matmul(points, T(B)))
        bend = slope((1 - J) * z + xp.matmul(points, T(B)))
        pull = (z - link(xp.matmul(points, T(target)))) * bend / (1 - (1 - J) * bend)
        return pace * xp.mean(pull * z, axis=1, keepdims=True), -pace * xp.mean(pull * points, axis=1, keepdims=True)

    if "inside" in case:
        J0 = 0.5 + 0.5 * xp.abs(J0)
    start = xp.matmul(J0, T(J0)) + case.weight * xp.matmul(B0, T(B0))
    h, drifts = [0.5, 0.25, 0.125, 0.0625], []
    for step in h:
        J, B = runge_kutta(inside if "inside" in case else outside, (J0, B0), step, round(case.t / step))
        moved = xp.matmul(J, T(J)) + case.weight * xp.matmul(B, T(B)) - start
        drifts.append(xp.max(xp.abs(moved), axis=(-2, -1)) / xp.sqrt(frobenius(xp, start)))
    return {"h": xp.asarray(h), "drift": xp.stack(drifts, axis=1), "floor": 1e-13}
