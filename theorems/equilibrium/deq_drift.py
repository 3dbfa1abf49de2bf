"""The drift of the conserved matrix under gradient descent, to first order in the step (Dandapanthula & Ramdas 2025).

    tr S_k - tr S_0 = (1 + O(q)) eta (L_0 - L_k)       for eta = q eta_bar, 0 < q <= 1,

with eta_bar as in deq.gd-linear-rate.  The derivation sums eta^2 |grad L|^2, the exact drift of a step, against the two
bounds on what the step gains.
"""

from sympy import Eq, Ge, Le, Rational, Symbol, Trace

from gdverify import Claim, Integers, Interval, Mutant, SureBound
from theorems import PAPERS
from theorems.equilibrium.deq_lemmas import (
    CONSTANTS,
    adjoint,
    output,
    slope,
)
from theorems.equilibrium.deq_step_lemmas import HYPOTHESES, SAMPLES, STEP, eta, every_step, moves, q, trained
from theorems.equilibrium.linear_deq import SIZES, frobenius, k, loss, memory

one, width = Symbol("one", real=True), Symbol("width", real=True)
total, gained = Trace(memory(k)) - Trace(memory(0)), loss(0) - loss(k)

drift_slope = Claim(
    id="deq.discrete-drift-slope",
    title="Gradient descent drifts off the sphere by eta (L_0 - L_k) to first order in the step",
    paper=PAPERS["deq"],
    locator="derived here; the discrete counterpart of the abstract's conservation law",
    statement=r"\left|\operatorname{tr} S_k - \operatorname{tr} S_0 - \eta (L_0 - L_k)\right| \le"
    r"\tfrac{3q}{5}\, \eta (L_0 - L_k), \qquad \eta = q \bar\eta",
    symbols={
        **SIZES,
        k: Integers(0, sample=(1, 10)),
        q: Interval(0, 1, open="left", sample=(Rational(1, 50), 1), log=True),
        **CONSTANTS,
    },
    defines={**STEP, one: 1, width: 3 * q / 5},
    assumptions=HYPOTHESES,
    decides=SureBound((total - one * eta * gained) ** 2, (width * eta * gained) ** 2),
    mutants=[
        Mutant("a slope of 2 L_0", defines={one: 2}),
        Mutant("a slope of L_0/2", defines={one: Rational(1, 2)}),
        Mutant("a slope of 0.97 L_0", defines={one: Rational(97, 100)}),
        Mutant("an eighth of q", defines={width: q / 8}),
        Mutant("exact to second order", defines={width: q**2 / 10}),
    ],
    notes="Both sides divided by eta: as eta -> 0 the drift per step size tends to L_0 - L_k, and to L_0 if training "
    "succeeds; no other constant does.",
)


@drift_slope.derivation
def both_sides(proof):
    i, _, _, least, most, _ = every_step(proof)
    rise = proof.certificate(
        Eq(Trace(memory(i + 1)), Trace(memory(i)) + eta**2 * slope(i), evaluate=False), using=moves(proof, i)
    )
    stated = [proof.definition(one), proof.definition(width)]
    N_positive = proof.certificate(Ge(slope(i), 0), [], [(1, adjoint(i)), (1, output(i) * adjoint(i).T)])
    spare = proof.product(proof.high(q), N_positive)
    wide, narrow = 1 + 3 * q / 5, 1 - 3 * q / 5
    proof.certificate(Ge(narrow, 0), [(Rational(3, 5), proof.high(q)), (1, proof.sign(Rational(2, 5)))])
    ends = []
    for energy, combination in (
        (Trace(memory(i)) + wide * eta * loss(i), [(-1, rise), (wide * eta, least), (9 * q * eta**2 / 40, spare)]),
        (
            -Trace(memory(i)) - narrow * eta * loss(i),
            [(1, rise), (narrow * eta, most), (q * (19 + 3 * q) * eta**2 / 40, N_positive)],
        ),
    ):
        falls = proof.certificate(Ge(energy - energy.subs(i, i + 1), 0), combination)
        ends.append(proof.telescoped(falls, energy, i, 0, k))
    goal = proof.claim.decides
    proof.conclude(proof.certificate(Le(goal.quantity, goal.bound), [(1, proof.product(*ends))], using=stated))


@drift_slope.experiment(cases=[{"m": 1, "d": 1, "k": 1}, {}], samples=SAMPLES, block=128)
def drift(xp, rng, case, size):
    model, known, eta, (J, B) = trained(xp, rng, case, size)
    end, start = frobenius(xp, J) + frobenius(xp, B), frobenius(xp, model.J) + frobenius(xp, model.B)
    gained = known["L0"] - model.loss(J, B)
    apart, rounding = end - start - case.one * eta[:, 0, 0] * gained, 2.0**-46 * (end + start)
    return {
        "quantity": apart**2, "quantity_error": (2 * xp.abs(apart) + rounding) * rounding,
        "J(0)": model.J, "B(0)": model.B, "J(k)": J, "B(k)": B, "M": model.M, "Sigma": model.Sigma, **known,
    }  # fmt: skip
