"""Gradient descent trains a linear deep equilibrium model at a linear rate (Dandapanthula & Ramdas 2025).

With rho = |M| + sqrt(2 L_0/lmin), s2 = smin/(1 + rho^2) and a constant step eta = q eta_bar, 0 < q <= 1,

    eta_bar = min{ 3 s2 / (16 (1 + rho^2) sqrt(2 lmax L_0)),  9 s2 / (32 lmax (1 + rho^2)) },

every step gains L_k - L_{k+1} >= (1 - 3q/8) eta |grad L_k|^2 and

    L_{k+1} <= (1 - eta lmin/(smax + 2 eta L_0)) L_k,

for every start with I - A_0 invertible; the drift of the conserved matrix is (1 + O(q)) eta (L_0 - L_k).
The derivation: V = P_{k+1} - P_k solves J V = -eta G D - eta G P^T V with D = I + P^T P; the linear term of the loss is
-eta |grad L|^2 and the rest is small, because S_k >= S_0 keeps J_k away from singular matrices.
"""

from sympy import Eq, Ge, Inverse, Le, MatrixSymbol, Rational, Symbol, Trace

from gdverify import Claim, Integers, Interval, Mutant, Observed, SureBound
from gdverify.laws import equation
from theorems import PAPERS
from theorems.equilibrium.deq_lemmas import (
    CONSTANTS,
    L0,
    adjoint,
    lmax,
    lmin,
    mu,
    norm,
    output,
    r,
    residual_bound,
    rho,
    sigma_low,
    slope,
    smax,
    smin,
    spectrum_below,
    squared_singular_values,
    start_high,
    start_loss,
)
from theorems.equilibrium.deq_step_lemmas import (
    HYPOTHESES,
    SAMPLES,
    STEP,
    eta,
    every_step,
    grows,
    moves,
    positive,
    q,
    s2,
    trained,
)
from theorems.equilibrium.linear_deq import SIZES, B, J, M, descend, k, loss, m, memory

FASTER = Rational(9, 5)

gd_rate = Claim(
    id="deq.gd-linear-rate",
    title="Gradient descent on a linear deep equilibrium model converges linearly",
    paper=PAPERS["deq"],
    locator="abstract (linear convergence of gradient descent); constants derived here",
    statement=r"L_{k+1} \le \left(1 - \frac{\eta \lambda_{\min}(\Sigma)}{\lambda_{\max}(S_0) + 2 \eta L_0}\right) L_k",
    symbols={**SIZES, k: Integers(0, sample=(0, 10)), q: Interval(0, 1, open="left"), **CONSTANTS},
    defines=STEP,
    assumptions=[*HYPOTHESES, start_high],
    decides=SureBound(loss(k + 1), (1 - eta * lmin / (smax + 2 * eta * L0)) * loss(k)),
    mutants=[
        Mutant("1.8 times the rate", decides={"bound": (1 - FASTER * eta * lmin / (smax + 2 * eta * L0)) * loss(k)}),
        Mutant("the largest eigenvalue", decides={"bound": (1 - eta * lmax / (smax + 2 * eta * L0)) * loss(k)}),
        Mutant("steps four times as long", symbols={q: Interval(0, 4, open="left")}),
        Mutant("no drift of S", decides={"bound": (1 - eta * lmin / smax) * loss(k)}, by=("derivation",)),
        Mutant("the target's norm forgotten", defines={rho: r}, by=("derivation",)),
    ],
    notes="I - A_k is invertible for every k by deq.gd-well-posed.  Loose: isotropic problems with M = 0 gain "
    "twice as much per step, others more; the thresholds are not optimised.",
)


@gd_rate.derivation
def one_by_one(proof):
    i, j, _, least, _, _ = every_step(proof)
    X = adjoint(k)
    N_positive = proof.certificate(Ge(slope(i), 0), [], [(1, adjoint(i)), (1, output(i) * adjoint(i).T)])
    half = proof.certificate(
        Ge(loss(i) - loss(i + 1), eta * slope(i) / 2),
        [(1, least), (Rational(3, 8) * eta, proof.product(proof.high(q), N_positive)), (eta / 8, N_positive)],
    )
    # S_k exceeds S_0 by 2 eta (L_0 - L_k) at most.
    to_J, to_B = adjoint(j) * output(j).T, adjoint(j)
    quadratic, lengths = lambda n: Trace(X.T * memory(n) * X), norm(to_J.T * X) + norm(to_B.T * X)
    rise = proof.certificate(
        Eq(quadratic(j + 1), quadratic(j) + eta**2 * lengths, evaluate=False), using=moves(proof, j)
    )
    energy = quadratic(j) + 2 * eta * loss(j) * norm(X)
    X_positive = positive(proof, X)
    falls = proof.certificate(
        Ge(energy - energy.subs(j, j + 1), 0),
        [
            (-1, rise),
            (2 * eta, proof.product(proof.instantiate(half, {i: j}), X_positive)),
            (eta**2, proof.submultiplicative(to_J.T, X)),
            (eta**2, proof.submultiplicative(to_B.T, X)),
        ],
    )
    within = proof.telescoped(falls, energy, j, 0, k)
    R = output(k) - M
    loss_positive = proof.certificate(
        Ge(loss(k), 0), [(Rational(1, 2), proof.assume(sigma_low, R.T)), (lmin / 2, positive(proof, R))]
    )
    top = smax + 2 * eta * L0
    share = eta / (2 * top)
    proof.conclude(
        proof.certificate(
            Le(loss(k + 1), (1 - eta * lmin / top) * loss(k)),
            [
                (1, proof.instantiate(half, {i: k})),
                (share, proof.assume(start_high, X)),
                (share, within),
                (share, spectrum_below(proof, k)),
                (2 * eta * share, proof.product(loss_positive, X_positive)),
                (-2 * eta * share * norm(X), proof.assume(start_loss)),
            ],
            [(eta / 2, output(k) * X.T), (share, B(k).T * X)],
        )
    )


@gd_rate.experiment(cases=[{"m": 1, "d": 1, "k": 0}, {}], samples=SAMPLES, block=128)
def next_loss(xp, rng, case, size):
    model, known, eta, (J, B) = trained(xp, rng, case, size)
    after = model.loss(*descend(model, J, B, eta, 1))
    return {"quantity": after, "J(k)": J, "B(k)": B, "M": model.M, "Sigma": model.Sigma, **known}


# -- the model stays well posed ---------------------------------------------------------------------------------------

y = MatrixSymbol("y", m, 1)
low = Symbol("low", positive=True)
unit = equation("y is a unit vector", Trace(y.T * y), 1)
low_is = equation("low = |J_{k+1} y|^2", Trace(y.T * J(k + 1).T * J(k + 1) * y), low)

well_posed_steps = Claim(
    id="deq.gd-well-posed",
    title="No step of gradient descent makes I - A singular",
    paper=PAPERS["deq"],
    locator="abstract (linear convergence of gradient descent); constants derived here",
    statement=r"\sigma_{\min}(I - A_{k+1})^2 \ge \left(\tfrac{13}{16}\right)^2 s_2,"
    r"\qquad s_2 = \frac{\lambda_{\min}(S_0)}{1 + \rho^2}",
    symbols={
        **SIZES,
        k: Integers(0, sample=(0, 10)),
        q: Interval(0, 1, open="left"),
        **CONSTANTS,
        low: Observed(0, open="left"),
    },
    defines=STEP,
    assumptions=[*HYPOTHESES, unit, low_is],
    decides=SureBound(smin, Rational(256, 169) * (1 + rho**2) * low),
    mutants=[
        Mutant("5 per cent above s_2", decides={"bound": Rational(20, 21) * (1 + rho**2) * low}),
        Mutant("rho without the target", defines={rho: r}),
        Mutant("rho without the initial loss", defines={rho: mu}),
        Mutant("steps four times as long", symbols={q: Interval(0, 4, open="left")}, by=("derivation",)),
    ],
    notes="Step by step: the bound on J_{k+1} inverts J_0, ..., J_k alone, so that I - A_k is invertible for every k "
    "if I - A_0 is.  (Then S_k >= S_0 and |P_k| <= rho give s_2 itself.)",
)


@well_posed_steps.derivation
def not_singular(proof):
    i, j, always, _, _, slow = every_step(proof)
    below, slow = proof.instantiate(always, {i: k}), proof.instantiate(slow, {i: k})
    q_squared = proof.certificate(Ge(1, q**2), [(1 + q, proof.high(q))])
    share = 9 * s2 / (256 * (1 + rho**2))
    slower = proof.certificate(
        Ge(9 * s2 / 256, eta**2 * slope(k)), [(1, slow), (share, q_squared), (1, proof.sign(share * rho**2))]
    )
    G, P, X = adjoint(k), output(k), Inverse(J(k)).T * y
    apart = squared_singular_values(proof, k, X, residual_bound(proof, k, below), grows(proof, X, j, k))
    stretched = proof.certificate(
        Ge(norm(J(k) * y), s2 * norm(y)),
        [(s2 / (1 + rho**2), apart)],
        [(1, J(k) * y - s2 * X)],
        using=[proof.definition(s2)],
    )
    pushed, long = eta * G * P.T * y, positive(proof, y)
    after = proof.certificate(
        Ge(norm(J(k + 1) * y), Rational(169, 256) * s2 * norm(y)),
        [
            (Rational(13, 16), stretched),
            (Rational(13, 3), proof.product(slower, long)),
            (Rational(13, 3) * eta**2, proof.submultiplicative(G * P.T, y)),
            (Rational(13, 3) * eta**2, proof.product(positive(proof, G), long)),
        ],
        [(Rational(3, 16), J(k) * y + Rational(16, 3) * pushed)],
        using=moves(proof, k),
    )
    scale = Rational(256, 169) * (1 + rho**2)
    proof.conclude(
        proof.certificate(
            Le(smin, scale * low),
            [(scale, after), (smin, proof.assume(unit)), (-scale, proof.assume(low_is))],
            using=[proof.definition(s2)],
        )
    )


@well_posed_steps.experiment(cases=[{"m": 1, "d": 1, "k": 0}, {}], samples=SAMPLES, block=128)
def next_matrix(xp, rng, case, size):
    model, known, eta, (J, B) = trained(xp, rng, case, size)
    after, _ = descend(model, J, B, eta, 1)
    return {"quantity": known["smin"], "low": xp.linalg.svdvals(after)[..., -1] ** 2, **known}
