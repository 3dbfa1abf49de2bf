"""One step of gradient descent on a linear deep equilibrium model, and all of them: what the derivations share.

With s2 = smin/(1 + rho^2), a step eta = q eta_bar, 0 < q <= 1, and

    eta_bar = min{ 3 s2 / (16 (1 + rho^2) sqrt(2 lmax L_0)),  9 s2 / (32 lmax (1 + rho^2)) },

every step satisfies (1 - 3q/8) eta N <= L_k - L_{k+1} <= (1 + q/8) eta N, N the squared norm of the gradient.
"""

from sympy import Eq, Ge, Gt, Inverse, Min, Rational, Symbol, Trace, sqrt

from gdverify.laws import gradient_descent
from theorems.equilibrium.deq_lemmas import (
    L0,
    RADII,
    adjoint,
    data,
    lmax,
    lmin,
    norm,
    output,
    output_bound,
    radii,
    residual_bound,
    rho,
    sigma_high,
    sigma_low,
    slope,
    smin,
    spectra,
    spectrum_above,
    squared_singular_values,
    start_loss,
    start_low,
    target_left,
    target_right,
    well_posed,
)
from theorems.equilibrium.linear_deq import B, J, Sigma, descend, draw, k, loss, memory

eta, q, s2 = Symbol("eta", real=True), Symbol("q", positive=True), Symbol("s2", real=True)
first = 3 * s2 / (16 * (1 + rho**2) * sqrt(2 * lmax * L0))
second = 9 * s2 / (32 * lmax * (1 + rho**2))
STEP = {**RADII, s2: smin / (1 + rho**2), eta: q * Min(first, second)}
descent = gradient_descent(loss(k), (J(k), B(k)), eta, index=k)
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
    """From L_k <= L0, three facts; i is a fresh index.

    (1 - 3q/8) eta N <= L_k - L_{k+1} <= (1 + q/8) eta N, and 9 q^2 s2 / (256 (1 + rho^2)) >= eta^2 N.
    """
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
    return least, most, slow


def every_step(proof):
    """Generic indices i, j and, for every i: L_i <= L0, and the facts of `one_step`, by induction on L_i <= L0."""
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

    always = proof.induction(Ge(L0, loss(i)), i, base, next_one)
    return i, j, always, *[proof.settle(bound) for bound in bounds]


SAMPLES = {"smoke": 512, "standard": 20_000, "full": 200_000}


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
