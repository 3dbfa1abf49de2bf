"""AMSGrad's maximum does not repair diffGrad.

The losses of diffgrad.friction-bias-counterexample, g = (-3, 1, 1, 1, 1) again and again, with the largest second
moment so far in place of the last, V_t = max(V_{t-1}, v_t), any memory 0 < beta_2 < 1 and step sizes that do not
increase.  The effective steps then decrease, which is what makes AMSGrad converge; but the friction still turns the sum
of a period from 3 - 4 into 3 sigma - sigma - 3/2 > 0, and x stays near 1 while -1 is the best point.

A version of the regret bound for diffGrad with AMSGrad's repair; stated and proved here.
"""

from sympy import Function, Ge, Gt, Max, Rational

from gdverify import Assumption, Claim, Counterexample, Integers, Interval, Mutant
from theorems import PAPERS
from theorems.convergence import diffgrad_friction
from theorems.convergence.diffgrad_friction import decreasing, first_rate, jumps, linear_regret, schedule
from theorems.convergence.diffgrad_online import (
    K,
    begin,
    beta_2,
    frictions,
    jumped,
    least,
    memory,
    nonnegative_memory,
    projection,
    r,
    regret,
    repeated,
    run,
    same,
    update,
    v,
)

V = Function("V")
maximum = Assumption(
    "V_t is the largest second moment so far",
    lambda t: same(V(t + 1), Max(V(t), v(t + 1))),
    latex=r"V_{t+1}=\max(V_t,v_{t+1})",
    key=("maximum",),
    where=lambda t: [t],
)
steps_max = update([jumped, jumped, repeated, repeated, repeated], V)
slow = {"steps": "constant", "K": 20, "r": 20, "beta_2": Rational(1, 10), "eta": Rational(1, 8)}

amsgrad = Claim(
    id="diffgrad.friction-bias-amsgrad",
    title="With AMSGrad's maximum too the friction of diffGrad makes the regret linear, at any memory",
    paper=PAPERS["diffgrad"],
    locator="a version of the regret bound, with AMSGrad's repair; counterexample derived here",
    statement=r"g=(-3,1,1,1,1,\dots),\ V_t=\max_{s\le t}v_s,\ \alpha_1\ge\alpha_2\ge\dots>0,"
    r"\ \alpha_1\le\tfrac18\sqrt{1-\beta_2}:\quad R(T)\ge\tfrac32\cdot\tfrac T5 > K\sqrt T"
    r"\ \text{ at } T=25r^2,\ r\ge K",
    symbols={
        **diffgrad_friction.friction_bias.symbols,
        beta_2: Interval(0, 1, open="both", sample=(Rational(1, 10), Rational(999, 1000))),
    },
    defines=frictions,
    assumptions=[jumps, steps_max, memory, maximum, projection, decreasing, first_rate, *begin],
    decides=Counterexample(
        quantity=regret(25 * r**2),
        bound=5 * K * r,
        refutes="a version of the regret bound, with AMSGrad's maximum: R(T) <= K sqrt(T) on a bounded domain",
    ),
    mutants=[
        Mutant("without friction", defines={repeated: 1, jumped: 1}, cases=(slow,)),
        Mutant("friction 3/4 for repeated gradients", defines={**frictions, repeated: Rational(3, 4)}, cases=(slow,)),
        Mutant("a regret of 41T/100", decides={"bound": Rational(41, 4) * r**2}),
        Mutant("any r will do", symbols={r: Integers(1, sample=(1, 2))},
               cases=({"steps": "root", "K": 10, "r": 1},)),
        Mutant("another second moment", drop=(maximum.name,), by=("derivation",)),
    ],
)  # fmt: skip


@amsgrad.derivation
def steps_only_decrease(proof):
    t = proof.index("t")
    proof.certificate(Gt(1 - beta_2, 0), [(1, proof.high(beta_2))])
    every = nonnegative_memory(proof, t)

    def at_least(s, member):
        """V(s + 1) >= V(s), or V(s + 1) >= v(s + 1)."""
        larger = proof.extreme(Max(V(s), v(s + 1)), member)
        return proof.certificate(Ge(V(s + 1), member), [(1, larger)], using=[proof.assume(maximum, s)])

    def first(k):
        fed, now = proof.assume(memory, 5 * k), proof.assume(jumps, k)[0]
        kept = proof.instantiate(every, {t: 5 * k})
        peak = proof.certificate(least(v(5 * k + 1), 9 * (1 - beta_2)), [(beta_2, kept)], using=[fed, now])
        above = at_least(5 * k, v(5 * k + 1))
        return proof.certificate(least(V(5 * k + 1), 9 * (1 - beta_2)), [(1, above), (1, peak)])

    enough = proof.certificate((Rational(1), ">=", Rational(144, 169)), [(Rational(25, 169), proof.sign(Rational(1)))])
    linear_regret(proof, first, lambda k, i: at_least(5 * k + i, V(5 * k + i)), V, Rational(1), enough)


@amsgrad.experiment(cases=[{"steps": "root"}, {"steps": "constant"}, {"steps": "corrected"}])
def periods_of_five(xp, rng, case, size):
    return {"quantity": run(xp, case, size, (-3, 1, 1, 1, 1), schedule(xp, case, size), 25 * case.r**2, largest=True)}
