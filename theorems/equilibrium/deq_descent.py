"""Gradient descent trains a linear deep equilibrium model at a linear rate (Dandapanthula & Ramdas 2025).

With rho = |M| + sqrt(2 L_0/lmin), s2 = smin/(1 + rho^2) and a constant step eta = q eta_bar, 0 < q <= 1,

    eta_bar = min{ 3 s2 / (16 (1 + rho^2) sqrt(2 lmax L_0)),  9 s2 / (32 lmax (1 + rho^2)) },

every step gains L_k - L_{k+1} >= (1 - 3q/8) eta |grad L_k|^2 and

    L_{k+1} <= (1 - eta lmin/(smax + 2 eta L_0)) L_k,

for every start with I - A_0 invertible; the drift of the conserved matrix is (1 + O(q)) eta (L_0 - L_k).
The derivation: V = P_{k+1} - P_k solves J V = -eta G D - eta G P^T V with D = I + P^T P; the linear term of the loss is
-eta |grad L|^2 and the rest is small, because S_k >= S_0 keeps J_k away from singular matrices.
"""

from sympy import Eq, Ge, Gt, Inverse, Le, Min, Rational, Symbol, Trace, sqrt

from gdverify import Claim, Integers, Interval, Mutant, SureBound
from gdverify.laws import gradient_descent
from theorems import PAPERS
from theorems.equilibrium.deq_lemmas import (
    CONSTANTS,
    L0,
    RADII,
    adjoint,
    data,
    lmax,
    lmin,
    norm,
    output,
    output_bound,
    r,
    radii,
    residual_bound,
    rho,
    sigma_high,
    sigma_low,
    slope,
    smax,
    smin,
    spectra,
    spectrum_above,
    spectrum_below,
    squared_singular_values,
    start_high,
    start_loss,
    start_low,
    target_left,
    target_right,
    well_posed,
)
from theorems.equilibrium.linear_deq import SIZES, B, J, M, Sigma, descend, draw, frobenius, k, loss, memory

eta, q, s2 = Symbol("eta", real=True), Symbol("q", positive=True), Symbol("s2", real=True)
first = 3 * s2 / (16 * (1 + rho**2) * sqrt(2 * lmax * L0))
second = 9 * s2 / (32 * lmax * (1 + rho**2))
STEP = {**RADII, s2: smin / (1 + rho**2), eta: q * Min(first, second)}
descent = gradient_descent(loss(k), (J(k), B(k)), eta, index=k)
FASTER = Rational(9, 5)
HYPOTHESES = (descent, data, well_posed, sigma_low, sigma_high, target_right, target_left, start_low, start_loss)


def step_sizes(proof):
    """rho, s2, eta > 0; the square of the first threshold, the second, and q^2 <= 1, as facts."""
    radii(proof)
    proof.certificate(Gt(s2, 0), [(1, proof.sign(smin / (1 + rho**2)))], using=[proof.definition(s2)])
    shortest = Min(first, second)
    proof.certificate(Gt(eta, 0), [(1, proof.sign(q * shortest))], using=[proof.definition(eta)])
    below = [
        proof.certificate(Ge(q * end, eta), [(q, proof.extreme(shortest, end))], using=[proof.definition(eta)])
        for end in (first, second)
    ]
    proof.certificate(Ge(1 - 3 * q / 8, 0), [(Rational(3, 8), proof.high(q)), (1, proof.sign(Rational(5, 8)))])
    return proof.power(below[0], 2), below[1], proof.certificate(Ge(1, q**2), [(1 + q, proof.high(q))])


def positive(proof, x):
    """|X|^2 >= 0."""
    return proof.certificate(Ge(norm(x), 0), [], [(1, x)])


def moves(proof, i):
    return [proof.gradient_step(descent, J(i)), proof.gradient_step(descent, B(i))]


def grows(proof, x, i, k):
    """tr(X^T S_k X) >= tr(X^T S_0 X), for X that does not depend on the fresh index i."""
    energy = -Trace(x.T * memory(i) * x)
    to_J, to_B = adjoint(i) * output(i).T, adjoint(i)
    rises = proof.certificate(
        Ge(energy - energy.subs(i, i + 1), 0), [], [(eta**2, to_J.T * x), (eta**2, to_B.T * x)], using=moves(proof, i)
    )
    return proof.certificate(
        Ge(Trace(x.T * memory(k) * x), Trace(x.T * memory(0) * x)), [(1, proof.telescoped(rises, energy, i, 0, k))]
    )


def one_step(proof, k, i, below, sizes):
    """From L_k <= L0: (1 - 3q/8) eta N <= L_k - L_{k+1} <= (1 + q/8) eta N, as two facts; i is a fresh index."""
    first_squared, second_bound, q_squared = sizes
    G, P, P1 = adjoint(k), output(k), output(k + 1)
    V, N = P1 - P, slope(k)
    known, quarter, eighth = [proof.definition(s2)], q / 4, q / 8
    step_J, step_B = moves(proof, k)
    JV = proof.matrix_certificate(
        J(k) * P1, B(k) - eta * G - eta * G * P.T * P1, [(-1, proof.sandwich(step_J, right=P1)), (1, step_B)]
    )
    residual = residual_bound(proof, k, below)
    g_positive = positive(proof, G)
    N_positive = proof.certificate(Ge(N, 0), [], [(1, G), (1, P * G.T)])
    V_positive = positive(proof, V)

    # The gradient is bounded: s2 N <= 2 (1 + rho^2) lmax L0, so that eta^2 N <= s2/16 by the first threshold.
    PG = output_bound(proof, k, G.T, residual)
    steep = squared_singular_values(proof, k, G, residual, grows(proof, G, i, k))
    top = proof.certificate(
        Ge(2 * (1 + rho**2) * lmax * L0, s2 * N),
        [(2 * lmax * (1 + rho**2), below), (1 + rho**2, spectrum_above(proof, k)), (1, steep), (s2, PG)],
        using=known,
    )
    slow = proof.certificate(
        Ge(9 * q**2 * s2 / (256 * (1 + rho**2)), eta**2 * N),
        [(eta**2 / s2, top), (2 * (1 + rho**2) * lmax * L0 / s2, first_squared)],
    )
    unit = s2 / (256 * (1 + rho**2))
    slower = proof.certificate(
        Ge(s2 / 16, eta**2 * N), [(1, slow), (9 * unit, q_squared), (1, proof.sign(unit * (7 + 16 * rho**2)))]
    )

    # The map moves little: (3/4) s2 |V|^2 <= (4/3) eta^2 (1 + rho^2) N, from J V = -eta (a + b).
    a, b = G + G * P.T * P, G * P.T * V
    equal = proof.matrix_certificate(J(k) * V, -eta * (a + b), [(1, JV)])
    pairings = [proof.trace(proof.sandwich(equal, left=side.T)) for side in (J(k) * V, -eta * (a + b))]
    length = proof.certificate(
        Eq(norm(J(k) * V), eta**2 * norm(a + b), evaluate=False), [(1, pair) for pair in pairings]
    )
    X = Inverse(J(k)).T * V
    apart = squared_singular_values(proof, k, X, residual, grows(proof, X, i, k))
    stretched = proof.certificate(
        Ge(norm(J(k) * V), s2 * norm(V)), [(s2 / (1 + rho**2), apart)], [(1, J(k) * V - s2 * X)], using=known
    )
    a_small = proof.certificate(
        Ge((1 + rho**2) * N, norm(a)), [(1, output_bound(proof, k, P * G.T, residual, transposed=True)), (1, PG)]
    )
    moved = proof.certificate(
        Ge(Rational(4, 3) * eta**2 * (1 + rho**2) * N, Rational(3, 4) * s2 * norm(V)),
        [
            (1, stretched),
            (-1, length),
            (Rational(4, 3) * eta**2, a_small),
            (4 * eta**2, proof.submultiplicative(G * P.T, V)),
            (4, proof.product(slower, V_positive)),
            (4 * eta**2, proof.product(g_positive, V_positive)),
        ],
        [(eta**2 / 3, a - 3 * b)],
    )
    short = proof.certificate(Ge(q**2 / 16, norm(V)), [(4 / (3 * s2), moved), (16 * (1 + rho**2) / (9 * s2), slow)])

    # L_k - L_{k+1} = eta (N + x) - tr(V Sigma V^T)/2 with |x| <= q N/8 and tr(V Sigma V^T)/2 <= q eta N/4.
    x, bend = Trace(G * V.T * P * G.T), Trace(V * Sigma * V.T)
    change = proof.certificate(
        Eq(loss(k) - loss(k + 1), eta * (N + x) - bend / 2, evaluate=False),
        [(-1, proof.trace(proof.sandwich(JV, left=G.T)))],
    )
    cross = [(2 / q, proof.submultiplicative(V, G.T)), (2 / q, proof.product(short, g_positive))]
    down = proof.certificate(Ge(eighth * N + x, 0), cross, [(2 / q, V * G.T + quarter * P * G.T)])
    up = proof.certificate(Ge(eighth * N - x, 0), cross, [(2 / q, V * G.T - quarter * P * G.T)])
    flat = proof.certificate(
        Ge(quarter * eta * N, bend / 2),
        [
            (Rational(1, 2), proof.assume(sigma_high, V.T)),
            (2 * lmax / (3 * s2), moved),
            (8 * eta * lmax * (1 + rho**2) / (9 * s2), proof.product(second_bound, N_positive)),
        ],
    )
    convex = proof.certificate(Ge(bend, 0), [(1, proof.assume(sigma_low, V.T)), (lmin, V_positive)])
    least = proof.certificate(
        Ge(loss(k) - loss(k + 1), (1 - 3 * q / 8) * eta * N), [(1, change), (eta, down), (1, flat)]
    )
    most = proof.certificate(
        Ge((1 + q / 8) * eta * N, loss(k) - loss(k + 1)), [(-1, change), (eta, up), (Rational(1, 2), convex)]
    )
    return least, most


def every_step(proof):
    """Generic indices i, j and, for every i: the two bounds of `one_step`, by induction on L_i <= L0."""
    i, j = proof.index("i"), proof.index("j")
    sizes = step_sizes(proof)
    base = proof.certificate(Ge(L0, loss(0)), [(-1, proof.assume(start_loss))])

    bounds = []

    def next_one(hypothesis):
        bounds.extend(one_step(proof, i, j, hypothesis, sizes))
        N_positive = proof.certificate(Ge(slope(i), 0), [], [(1, adjoint(i)), (1, output(i) * adjoint(i).T)])
        return proof.certificate(
            Ge(L0, loss(i + 1)), [(1, hypothesis), (1, bounds[0]), (eta * (1 - 3 * q / 8), N_positive)]
        )

    proof.induction(Ge(L0, loss(i)), i, base, next_one)
    return i, j, *[proof.settle(bound) for bound in bounds]


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
    notes="I - A_k is invertible for every k: S_k >= S_0 and |P_k| <= rho give |J_k^T x|^2 >= s2 |x|^2, and "
    "|J_{k+1} x| >= |J_k x| - eta |G_k P_k^T x| >= (3/4) sqrt(s2) |x|.  Loose: isotropic problems with M = 0 gain "
    "twice as much per step, others more; the thresholds are not optimised.",
)


@gd_rate.derivation
def one_by_one(proof):
    i, j, least, _ = every_step(proof)
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


def trained(xp, rng, case, size):
    """A model, the constants of its row, the step q eta_bar, and (J_k, B_k)."""
    model = draw(xp, rng, size, case.m, case.d)
    known = spectra(model)
    rho = known["mu"] + xp.sqrt(2 * known["L0"] / known["lmin"])
    s2 = known["smin"] / (1 + rho**2)
    first = 3 * s2 / (16 * (1 + rho**2) * xp.sqrt(2 * known["lmax"] * known["L0"]))
    second = 9 * s2 / (32 * known["lmax"] * (1 + rho**2))
    eta = (case.q * xp.minimum(first, second))[:, None, None]
    return model, known, eta, descend(model, model.J, model.B, eta, case.k)


SAMPLES = {"smoke": 512, "standard": 20_000, "full": 200_000}


@gd_rate.experiment(cases=[{"m": 1, "d": 1, "k": 0}, {}], samples=SAMPLES, block=128)
def next_loss(xp, rng, case, size):
    model, known, eta, (J, B) = trained(xp, rng, case, size)
    after = model.loss(*descend(model, J, B, eta, 1))
    return {"quantity": after, "J(k)": J, "B(k)": B, "M": model.M, "Sigma": model.Sigma, **known}


# -- the drift of the conserved matrix, to first order in the step ----------------------------------------------------

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
    i, _, least, most = every_step(proof)
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
    rise = frobenius(xp, J) + frobenius(xp, B) - frobenius(xp, model.J) - frobenius(xp, model.B)
    gained = known["L0"] - model.loss(J, B)
    return {
        "quantity": (rise - case.one * eta[:, 0, 0] * gained) ** 2, "J(0)": model.J, "B(0)": model.B, "J(k)": J,
        "B(k)": B, "M": model.M, "Sigma": model.Sigma, **known,
    }  # fmt: skip
