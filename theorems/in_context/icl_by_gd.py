"""Linear self-attention that makes a step of gradient descent (von Oswald et al. 2022, the construction).

Tokens e_j = (x_j, y_j) are the columns of E = U X + V Y, where U and V embed R^d and R^m as the first d and the last m
coordinates of R^{d+m}.  With the weights

    W_K = W_Q = U U^T = [1 0; 0 0],      W_V = V (W_0 U^T - V^T) = [0 0; W_0 -1],      projection (eta/N) 1,

every token moves by (eta/N) W_V E E^T W_K^T W_Q e.  One layer: the new tokens are (x_j, y_j - (W_1 - W_0) x_j), where
W_1 is one step of gradient descent of size eta from W_0 on |W X - Y|^2 / (2N).  With W_0 = 0 and a query token (x, 0)
that the sums leave out, L layers with the same weights end at (x, -W_L x), W_L after L steps from 0.

Reference: J. von Oswald, E. Niklasson, E. Randazzo, J. Sacramento, A. Mordvintsev, A. Zhmoginov, M. Vladymyrov,
"Transformers learn in-context by gradient descent", 2022.
"""

from sympy import Eq, MatrixSymbol, Symbol, Trace, ZeroMatrix
from sympy import Identity as Eye

from gdverify import Assumption, Claim, Identity, Integers, Mutant, Reals
from gdverify.errors import ClaimError
from gdverify.language import MatrixSequence
from gdverify.laws import constant, equation, gradient_descent
from theorems import PAPERS

d, m, N = (Symbol(s, integer=True, positive=True) for s in "dmN")
L, l = Symbol("L", integer=True, nonnegative=True), Symbol("l", integer=True, nonnegative=True)
eta, rate = Symbol("eta", real=True), Symbol("rate", real=True)
X, Y, U, V = (MatrixSymbol(*k) for k in (("X", d, N), ("Y", m, N), ("U", d + m, d), ("V", d + m, m)))
W0, W1, E, E1, G = (
    MatrixSymbol(*k) for k in (("W_0", m, d), ("W_1", m, d), ("E", d + m, N), ("E_1", d + m, N), ("G", d + m, N))
)
coordinates = [
    equation("U has orthonormal columns", U.T * U, Eye(d)),
    equation("V has orthonormal columns", V.T * V, Eye(m)),
    equation("U and V are orthogonal", U.T * V, ZeroMatrix(d, m)),
]
tokens = equation("tokens", E, U * X + V * Y)
read = (U * U.T).T * (U * U.T)  # W_K^T W_Q
value = V * (W0 * U.T - V.T)
attention = equation("attention layer", E1, E + rate * value * E * E.T * read * E)
loss = Trace((W0 * X - Y).T * (W0 * X - Y)) / (2 * N)
step = gradient_descent(loss, (W0,), eta, {W0: W1})
SIZES = {
    d: Integers(1, sample=(1, 4)),
    m: Integers(1, sample=(1, 3)),
    N: Integers(1, sample=(1, 6)),
    eta: Reals(sample=(-1, 1)),
}

construction = Claim(
    id="icl-by-gd.construction",
    title="One layer of linear self-attention changes the targets as one step of gradient descent does",
    paper=PAPERS["icl-by-gd"],
    locator="the construction of the weights; number of the proposition not checked",
    statement=r"e_j + \tfrac\eta N\sum_i W_Ve_i\,e_i^\top W_K^\top W_Qe_j = (x_j,\ y_j - (W_1-W_0)x_j),\quad"
    r" W_1 = W_0 - \eta\nabla\tfrac1{2N}\|WX-Y\|_F^2(W_0)",
    symbols=SIZES,
    decides=Identity(Trace(G.T * E1), Trace(G.T * (U * X + V * (Y - W1 * X + W0 * X)))),
    assumptions=[*coordinates, tokens, attention, step, constant(X, Y)],
    defines={rate: eta / N},
    mutants=[
        Mutant("eta in place of eta/N", defines={rate: eta}, cases=({"N": 3},)),
        Mutant("the opposite step", defines={rate: -eta / N}),
        Mutant("the targets move the other way",
               decides={"bound": Trace(G.T * (U * X + V * (Y + W1 * X - W0 * X)))}),
        Mutant("the loss |W X - Y|^2 / N", drop=("gradient descent",), by=("derivation",),
               add=(gradient_descent(2 * loss, (W0,), eta, {W0: W1}),)),
        Mutant("keys see the targets", drop=("attention layer",), by=("derivation",),
               add=(equation("attention layer", E1, E + rate * value * E * E.T * E),)),
    ],
    notes="For every G, hence token by token and coordinate by coordinate.",
)  # fmt: skip


@construction.derivation
def one_product(proof):
    one, other, across = (proof.assume(a) for a in coordinates)
    new = proof.matrix_identity(E1, E + rate * value * E * E.T * read * E, using=[proof.assume(attention)])
    flat = proof.matrix_identity(V.T * U, ZeroMatrix(m, d), using=[across])
    known = [proof.assume(tokens), one, other, across, flat, proof.gradient_step(step, W0), proof.definition(rate)]
    moved = proof.matrix_identity(E1, U * X + V * (Y - W1 * X + W0 * X), using=[new, *known])
    proof.conclude(proof.identity(*construction.decides.expressions().values(), using=[moved]))


def embeddings(xp, case):
    eye = xp.eye(case.d + case.m)
    return eye[:, : case.d], eye[:, case.d :]


@construction.experiment(samples={"smoke": 128}, block=64)
def layer_and_step(xp, rng, case, size):
    first, last = embeddings(xp, case)
    turn = xp.matrix_transpose
    data, targets = rng.normal((size, case.d, case.N)), rng.normal((size, case.m, case.N))
    start, probe = rng.normal((size, case.m, case.d)), rng.normal((size, case.d + case.m, case.N))
    e = xp.concat([data, targets], axis=-2)
    top, zero = xp.zeros((size, case.d, case.d + case.m)), xp.zeros((size, case.m, case.m))
    heads = xp.concat([top, xp.concat([start, zero - xp.eye(case.m)], axis=-1)], axis=-2)
    scores = turn(e)[..., : case.d] @ e[:, : case.d, :]  # only the first d coordinates are keys and queries
    after = e + case.rate * (heads @ e) @ scores
    end = start - case.eta / case.N * (start @ data - targets) @ turn(data)
    scale = xp.sum(xp.abs(probe * after), axis=(-2, -1)) + xp.sum(xp.abs(e), axis=(-2, -1)) ** 3
    letters = {"X": data, "Y": targets, "W_0": start, "W_1": end, "G": probe, "U": first, "V": last}
    return {"quantity": xp.sum(probe * after, axis=(-2, -1)), "scale": scale, **letters}


# -- many layers ------------------------------------------------------------------------------------------------------

x, g = MatrixSymbol("x", d, 1), MatrixSymbol("g", d + m, 1)
T, q, W = MatrixSequence("T", d + m, N), MatrixSequence("q", d + m, 1), MatrixSequence("W", m, d)


def rule(name, left, right):
    """An equation between matrices that holds at every layer l >= 0."""

    def schema(at):
        if not (at.is_integer and at.is_nonnegative):
            raise ClaimError(f"{name}: {at} is not known to be an integer >= 0")
        return Eq(left.subs(l, at), right.subs(l, at), evaluate=False)

    return Assumption(name=name, schema=schema, key=("layer", left, right))


sums = rate * -(V * V.T) * T(l) * T(l).T * read
layer = rule("tokens move", T(l + 1), T(l) + sums * T(l))
query = rule("query moves", q(l + 1), q(l) + sums * q(l))
starts = [
    equation("tokens start", T(0), U * X + V * Y),
    equation("query starts", q(0), U * x),
    equation("weights start", W(0), ZeroMatrix(m, d)),
]
descent = rule("gradient descent", W(l + 1), W(l) - eta / N * (W(l) * X - Y) * X.T)

layers = Claim(
    id="icl-by-gd.layers",
    title="L layers of linear self-attention with the same weights are L steps of gradient descent from 0",
    paper=PAPERS["icl-by-gd"],
    locator="the construction with W_0 = 0, stacked",
    statement=r"W_0 = 0,\ q_0 = (x, 0):\quad q_L = (x, -W_Lx),\quad W_{l+1} = W_l - \tfrac\eta N(W_lX-Y)X^\top",
    symbols={**SIZES, L: Integers(0, sample=(1, 4))},
    decides=Identity(Trace(g.T * q(L)), Trace(g.T * (U * x - V * W(L) * x))),
    assumptions=[*coordinates, layer, query, *starts, descent],
    defines={rate: eta / N},
    mutants=[
        Mutant("eta in place of eta/N", defines={rate: eta}, cases=({"N": 3},)),
        Mutant("the prediction without its minus", decides={"bound": Trace(g.T * (U * x + V * W(L) * x))}),
        Mutant("a layer too few", decides={"bound": Trace(g.T * (U * x - V * W(L + 1) * x))}, by=("derivation",)),
        Mutant("the query token is among the samples", drop=("query moves",), by=("derivation",),
               add=(rule("query moves", q(l + 1), q(l) + sums * q(l) - rate * V * V.T * q(l) * q(l).T * read * q(l)),)),
    ],
)  # fmt: skip


@layers.derivation
def by_layers(proof):
    at = proof.index("l")
    one, other, across = (proof.assume(a) for a in coordinates)
    flat = proof.matrix_identity(V.T * U, ZeroMatrix(m, d), using=[across])
    frame = [one, other, across, flat, proof.definition(rate)]
    begin = [proof.assume(s) for s in starts]

    def always(left, right, move, known=()):
        base = proof.matrix_identity(left.subs(at, 0), right.subs(at, 0), using=begin)
        return proof.induction(
            (left, "==", right), at, base,
            lambda now: proof.matrix_identity(
                left.subs(at, at + 1), right.subs(at, at + 1),
                using=[proof.assume(move, at), proof.assume(descent, at), now, *known, *frame],
            ),
        )  # fmt: skip

    inside = always(T(at), U * X + V * (Y - W(at) * X), layer)
    outside = always(q(at), U * x - V * W(at) * x, query, [inside])
    last = proof.instantiate(outside, {at: L})
    proof.conclude(proof.identity(*layers.decides.expressions().values(), using=[last]))


@layers.experiment(samples={"smoke": 128}, block=64)
def stacked_layers(xp, rng, case, size):
    first, last = embeddings(xp, case)
    turn = xp.matrix_transpose
    data, targets = rng.normal((size, case.d, case.N)), rng.normal((size, case.m, case.N))
    point, probe = rng.normal((size, case.d, 1)), rng.normal((size, case.d + case.m, 1))
    e, token = xp.concat([data, targets], axis=-2), xp.concat([point, xp.zeros((size, case.m, 1))], axis=-2)
    heads = -(last @ turn(last))
    here, scale = xp.zeros((size, case.m, case.d)), 0 * xp.sum(point, axis=(-2, -1))
    for _ in range(case.L):
        keys = turn(e)[..., : case.d]
        moved = case.rate * (heads @ e)
        e, token = e + moved @ (keys @ e[:, : case.d, :]), token + moved @ (keys @ token[:, : case.d, :])
        here = here - case.eta / case.N * (here @ data - targets) @ turn(data)
        scale = scale + xp.sum(xp.abs(e), axis=(-2, -1)) ** 3
    size_ = scale * xp.sum(xp.abs(token), axis=(-2, -1)) * xp.sum(xp.abs(probe), axis=(-2, -1))
    letters = {"x": point, "g": probe, "W(L)": here, "U": first, "V": last}
    return {"quantity": xp.sum(probe * token, axis=(-2, -1)), "scale": size_, **letters}
