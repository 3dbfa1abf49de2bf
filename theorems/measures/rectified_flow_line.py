"""Rectified flow on the line is optimal after one rectification (Liu, Gong & Liu 2022).

If v(x, t) = E[X_1 - X_0 | (1 - t) X_0 + t X_1 = x] has unique trajectories Z' = v(Z, t), Z_0 = z, then Z_1(z) is the
point of pi_1 at the level of z in pi_0,

    F_1(Z_1(z)) == F_0(z),

whatever the coupling of pi_0 and pi_1: trajectories on the line do not cross, and Z_1 has the law pi_1.  That map is
the cheapest for every convex cost at once.  In the plane one rectification is not enough: see `rectified_flow`.

Reference: arXiv:2209.03003.  The paper's theorems were not read.
"""

from sympy import Eq, Function, Rational, symbols

from gdverify import Claim, Identity, Mean, Mutant, Observed
from gdverify.integrate import runge_kutta
from gdverify.laws import equation
from theorems import PAPERS

z, start_level, end_level = symbols("z start_level end_level", real=True)
speed = symbols("speed", positive=True)
starts_below, ends_below, hit = Function("starts_below"), Function("ends_below"), Function("hit")

start_law = equation("start_level is F_0(z), the chance of Z_0 <= z", Mean(starts_below(z)), start_level)
end_law = equation("end_level is F_1(Z_1(z)), the chance of X_1 <= Z_1(z)", Mean(hit(z)), end_level)

one_dimensional = Claim(
    id="rectified-flow.one-dimensional-optimality",
    title="On the line one rectification gives the monotone map",
    paper=PAPERS["rectified-flow"],
    locator="optimality in one dimension; proof given here",
    statement=r"d=1:\quad F_1(Z_1(z)) = F_0(z)",
    symbols={z: Observed(), start_level: Observed(), end_level: Observed()},
    defines={speed: 1},
    assumptions=[start_law, end_law],
    decides=Identity(quantity=end_level, bound=start_level, rtol=1e-6),
    mutants=[
        Mutant("the decreasing map", decides={"bound": 1 - start_level}),
        Mutant("a level 0.1% higher", decides={"bound": Rational(1001, 1000) * start_level}),
        Mutant("1% less speed", defines={speed: Rational(99, 100)}, by=("experiment",)),
        Mutant("end_level is another number", drop=(end_law.name,), by=("derivation",)),
    ],
    notes="The derivation combines two classical facts, both cited.  The experiment integrates the flow from N(0, 1) "
    "to mixtures of two normal laws, independently coupled, in 200 steps of the Runge-Kutta method.",
)


@one_dimensional.derivation
def levels(proof):
    order = proof.cite(
        "trajectories of an equation with unique solutions do not cross on the line",
        Eq(ends_below(z), starts_below(z), evaluate=False),
        "Picard and Lindelof; Hartman, Ordinary Differential Equations, 1964, Chapter III",
    )
    law = proof.cite(
        "Z_1 has the law of X_1: both solve the continuity equation of v, which has one solution",
        Eq(Mean(hit(z)), Mean(ends_below(z)), evaluate=False),
        "Ambrosio, Gigli and Savare, Gradient flows, 2005, Proposition 8.1.7 and Theorem 8.2.1",
    )
    proof.conclude(
        proof.certificate(
            Eq(end_level, start_level, evaluate=False),
            [(-1, proof.assume(end_law)), (1, law), (1, proof.mean(order)), (1, proof.assume(start_law))],
        )
    )


@one_dimensional.experiment(samples={"smoke": 256, "standard": 10_000, "full": 500_000})
def normal_to_mixture(xp, rng, case, size):
    weight = rng.uniform((size, 1), 0.1, 0.9)
    weight = xp.concat([weight, 1 - weight], axis=-1)
    means, deviations = rng.uniform((size, 2), -2, 2), rng.uniform((size, 2), 0.4, 1.5)
    z = rng.uniform((size,), -2, 2)
    level = lambda x: (1 + xp.erf(x / 2**0.5)) / 2

    def velocity(x, t):
        """E[X_1 - X_0 | X_t = x]: a mixture of linear functions."""
        t = t[:, None]
        away, variance = x[:, None] - t * means, (1 - t) ** 2 + t * t * deviations**2
        heat = -(away**2) / (2 * variance)
        chance = weight * xp.exp(heat - xp.maximum(heat[:, :1], heat[:, 1:])) / xp.sqrt(variance)
        slope = means + (t * deviations**2 - (1 - t)) * away / variance
        return case.speed * xp.sum(chance * slope, axis=-1) / xp.sum(chance, axis=-1), 1 + 0 * t[:, 0]

    end, _ = runge_kutta(velocity, (z, 0 * z), 1 / 200, 200)
    reached = xp.sum(weight * level((end[:, None] - means) / deviations), axis=-1)
    return {"quantity": reached, "end_level": reached, "start_level": level(z), "z": z}
