"""What a step of gradient descent does to the matrix that gradient flow conserves (Dandapanthula & Ramdas 2025).

    S_{k+1} = S_k + eta^2 g_k g_k^T,     g_k g_k^T = G_k (I + P_k^T P_k) G_k^T,

exactly, for every step size: the cross terms vanish by the symmetry behind the conservation law.  So S_k never
decreases, and tr S_k - tr S_0 = eta^2 sum |grad L|^2.  Where every step gains L_k - L_{k+1} >= (eta/2)|grad L_k|^2, the
whole drift is at most 2 eta (L_0 - L_k); one step on an isotropic problem with M = 0 and eta = smax/lambda attains it.
"""

from sympy import Eq, Ge, Identity, Le, Rational, Symbol, Trace

from gdverify import Assumption, Claim, Integers, Mutant, Observed, Positive, SureBound
from gdverify import Identity as Equality
from gdverify.laws import gradient_descent
from theorems import PAPERS
from theorems.equilibrium.deq_lemmas import adjoint, data, output, slope, well_posed
from theorems.equilibrium.linear_deq import SIZES, B, J, d, descend, draw, frobenius, k, loss, memory, memory_of

eta, gain = Symbol("eta", positive=True), Symbol("gain", real=True)
descent = gradient_descent(loss(k), (J(k), B(k)), eta, index=k)
G, P = adjoint(k), output(k)

drift = Claim(
    id="deq.discrete-drift",
    title="A gradient step raises (I - A)(I - A)^T + B B^T by exactly eta^2 grad grad^T",
    paper=PAPERS["deq"],
    locator="derived here; the discrete counterpart of the abstract's conservation law",
    statement=r"S_{k+1} = S_k + \eta^2\, G_k (I + P_k^\top P_k) G_k^\top, \qquad "
    r"P = J^{-1} B,\; G = J^{-\top} (P - M) \Sigma",
    symbols={**SIZES, k: Integers(0, sample=(0, 6)), eta: Positive(sample=(Rational(1, 100), 1))},
    defines={gain: eta**2},
    assumptions=[descent, data, well_posed],
    decides=Equality(memory(k + 1), memory(k) + gain * G * (Identity(d) + P.T * P) * G.T),
    mutants=[
        Mutant("gradient descent conserves S, too", defines={gain: 0}),
        Mutant("a drift of first order", defines={gain: eta}),
        Mutant("half the drift", defines={gain: eta**2 / 2}),
        Mutant("S decreases", defines={gain: -(eta**2)}),
    ],
    notes="M and Sigma are arbitrary, so that the identity holds for the loss of any minibatch: for stochastic "
    "gradient descent, too, step by step.",
)


@drift.derivation
def expand(proof):
    steps = [proof.gradient_step(descent, J(k)), proof.gradient_step(descent, B(k))]
    stated = proof.claim.decides
    using = proof.definition(gain)
    proof.conclude(proof.matrix_identity(stated.quantity, stated.bound, using=[*steps, using]))


@drift.experiment(samples={"smoke": 512, "standard": 20_000, "full": 200_000}, block=128)
def one_step(xp, rng, case, size):
    model = draw(xp, rng, size, case.m, case.d)
    J0, B0 = descend(model, model.J, model.B, case.eta, case.k)
    J1, B1 = descend(model, J0, B0, case.eta, 1)
    to_J, to_B = model.field(J0, B0)
    gradients = xp.matmul(to_J, xp.matrix_transpose(to_J)) + xp.matmul(to_B, xp.matrix_transpose(to_B))
    return {"left": memory_of(xp, J1, B1), "right": memory_of(xp, J0, B0) + case.gain * gradients}


# -- the whole drift ------------------------------------------------------------------------------------------------

enough = Assumption(
    "every step gains half of what the gradient promises",
    schema=lambda i: Ge(loss(i) - loss(i + 1) - eta / 2 * slope(i), 0, evaluate=False),
    latex=r"L_{k+1} \le L_k - \tfrac{\eta}{2} |\nabla L_k|^2 \text{ for all } k",
)
total = Trace(memory(k)) - Trace(memory(0))

drift_bound = Claim(
    id="deq.discrete-drift-bound",
    title="Gradient descent that decreases the loss drifts off the sphere by at most 2 eta (L_0 - L_k)",
    paper=PAPERS["deq"],
    locator="derived here; the discrete counterpart of the abstract's conservation law",
    statement=r"\operatorname{tr} S_k - \operatorname{tr} S_0 \le 2 \eta (L_0 - L_k)"
    r"\quad\text{if } L_{i+1} \le L_i - \tfrac{\eta}{2}|\nabla L_i|^2 \text{ for all } i",
    symbols={**SIZES, k: Integers(0, sample=(1, 6)), eta: Observed(0, open="left")},
    assumptions=[descent, data, well_posed, enough],
    decides=SureBound(total, 2 * eta * (loss(0) - loss(k))),
    mutants=[
        Mutant("1.95 in place of 2", decides={"bound": Rational(39, 20) * eta * (loss(0) - loss(k))}),
        Mutant("a drift of second order", decides={"bound": 2 * eta**2 * (loss(0) - loss(k))}),
        Mutant("any step size", drop=(enough.name,), cases=({"m": 1, "d": 1, "k": 1, "step": 3.0},)),
    ],
    notes="deq.gd-linear-rate gives step sizes for which every step gains that much.",
)


@drift_bound.derivation
def add_up(proof):
    i = proof.index("i")
    steps = [proof.gradient_step(descent, J(i)), proof.gradient_step(descent, B(i))]
    rise = proof.certificate(
        Eq(Trace(memory(i + 1)), Trace(memory(i)) + eta**2 * slope(i), evaluate=False), using=steps
    )
    energy = 2 * eta * loss(i) + Trace(memory(i))
    falls = proof.certificate(Ge(energy - energy.subs(i, i + 1), 0), [(2 * eta, proof.assume(enough, i)), (-1, rise)])
    proof.conclude(
        proof.certificate(Le(total, 2 * eta * (loss(0) - loss(k))), [(1, proof.telescoped(falls, energy, i, 0, k))])
    )


@drift_bound.experiment(
    cases=[{"m": 1, "d": 1, "k": 1}, {}], samples={"smoke": 512, "standard": 20_000, "full": 200_000}, block=128
)
def descending(xp, rng, case, size):
    """The largest of a few steps for which the hypothesis holds on the row; a mutant takes one for which it may not."""
    model = draw(xp, rng, size, case.m, case.d)
    chosen = None
    for step in (1e-3, 1e-2, 0.1, 0.5, 0.99) if "step" not in case else (case.step,):
        J, B, good = model.J, model.B, True
        for _ in range(case.k):
            to_J, to_B = model.field(J, B)
            before, J, B = model.loss(J, B), J + step * to_J, B + step * to_B
            good = good & (before - model.loss(J, B) >= step / 2 * (frobenius(xp, to_J) + frobenius(xp, to_B)))
        if chosen is None:  # in the units of `draw` this one is far below the fastest rate
            chosen = [step + 0 * model.lmax, J, B]
        else:
            pairs = zip((step + 0 * model.lmax, J, B), chosen, strict=True)
            chosen = [xp.where(xp.reshape(good, (-1,) + (1,) * (x.ndim - 1)), x, y) for x, y in pairs]
    eta, J, B = chosen
    trace = lambda x, y: frobenius(xp, x) + frobenius(xp, y)
    return {
        "quantity": trace(J, B) - trace(model.J, model.B), "eta": eta,
        "J(k)": J, "B(k)": B, "J(0)": model.J, "B(0)": model.B, "M": model.M, "Sigma": model.Sigma,
    }  # fmt: skip
