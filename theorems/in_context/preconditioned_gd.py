"""What a linear transformer computes layer by layer (Ahn, Cheng, Daneshmand and Sra 2023, Lemma 1).

Z_0 = [X_0 x; y 0] holds n samples (x_i, y_i = w^T x_i) and the query; the mask M hides the query from the sums, and

    Z_{l+1} = Z_l + (1/n) P_l Z_l M Z_l^T Q_l Z_l,     P_l = [B_l 0; 0 1],  Q_l = -[A_l 0; 0 0].

In blocks, with X_l the covariates, x_l the query, y_l the labels (a row) and o_l the output entry,

    X_{l+1} = X_l - B_l X_l X_l^T A_l X_l / n        x_{l+1} = x_l - B_l X_l X_l^T A_l x_l / n
    y_{l+1} = y_l - y_l X_l^T A_l X_l / n            o_{l+1} = o_l - y_l X_l^T A_l x_l / n

Then o_l + w^T x = w^T R_l x with R_{l+1} = R_l - R_l W C_l^T A_l C_l, C_{l+1} = C_l - B_l C_l W C_l^T A_l C_l,
R_0 = C_0 = 1, W = X_0 X_0^T / n.  With B_l = 0, o_l = -v_l^T x where v_0 = 0 and v_{l+1} = v_l - A_l^T grad R(v_l):
gradient descent on R(v) = |X_0^T v - y_0^T|^2 / 2n, preconditioned by the transpose of A_l.

Reference: K. Ahn, X. Cheng, H. Daneshmand, S. Sra, "Transformers learn to implement preconditioned gradient descent for
in-context learning", 2023.
"""

from sympy import Eq, MatrixSymbol, Symbol, Trace, ZeroMatrix
from sympy import Identity as Eye

from gdverify import Assumption, Claim, Identity, Integers, Mutant
from gdverify.errors import ClaimError
from gdverify.language import MatrixSequence
from theorems import PAPERS

n, d = Symbol("n", integer=True, positive=True), Symbol("d", integer=True, positive=True)
L, l = Symbol("L", integer=True, nonnegative=True), Symbol("l", integer=True, nonnegative=True)
X0, x, w = MatrixSymbol("X_0", d, n), MatrixSymbol("x", d, 1), MatrixSymbol("w", d, 1)
A, B, C, R = (MatrixSequence(name, d, d) for name in "ABCR")
X, q, y, o = (MatrixSequence(*k) for k in (("X", d, n), ("q", d, 1), ("y", 1, n), ("o", 1, 1)))
v = MatrixSequence("v", d, 1)
W = X0 * X0.T / n


def rule(name, left, right):
    """An equation between matrices that holds at every layer l >= 0."""

    def schema(at):
        if not (at.is_integer and at.is_nonnegative):
            raise ClaimError(f"{name}: {at} is not known to be an integer >= 0")
        return Eq(left.subs(l, at), right.subs(l, at), evaluate=False)

    return Assumption(name=name, schema=schema, key=("layer", left, right))


def start(name, left, right):
    return Assumption(name=name, schema=lambda: Eq(left, right, evaluate=False), key=("start", left, right))


gram = X(l).T * A(l)
layers = {
    "X": (rule("X moves", X(l + 1), X(l) - B(l) * X(l) * gram * X(l) / n), start("X starts", X(0), X0)),
    "q": (rule("q moves", q(l + 1), q(l) - B(l) * X(l) * gram * q(l) / n), start("q starts", q(0), x)),
    "y": (rule("y moves", y(l + 1), y(l) - y(l) * gram * X(l) / n), start("y starts", y(0), w.T * X0)),
    "o": (rule("o moves", o(l + 1), o(l) - y(l) * gram * q(l) / n), start("o starts", o(0), ZeroMatrix(1, 1))),
}
kernel = W * C(l).T * A(l) * C(l)
summary = {
    "R": (rule("R moves", R(l + 1), R(l) - R(l) * kernel), start("R starts", R(0), Eye(d))),
    "C": (rule("C moves", C(l + 1), C(l) - B(l) * C(l) * kernel), start("C starts", C(0), Eye(d))),
}
SIZES = {n: Integers(1, sample=(1, 6)), d: Integers(1, sample=(1, 4)), L: Integers(0, sample=(1, 4))}


def by_layers(proof, at, left, right, moves, starts, known=()):
    """left(l) == right(l) for every l, by one matrix product per layer; ``known`` holds at l."""
    begin = [proof.assume(s) for s in starts]
    base = proof.matrix_identity(left.subs(at, 0), right.subs(at, 0), using=begin)

    def step(hypothesis):
        move = [proof.assume(m, at) for m in moves]
        return proof.matrix_identity(left.subs(at, at + 1), right.subs(at, at + 1), using=[*move, hypothesis, *known])

    return proof.induction((left, "==", right), at, base, step)


forward_pass = Claim(
    id="preconditioned-gd.forward-pass",
    title="The residual of a linear transformer after any number of layers",
    paper=PAPERS["preconditioned-gd"],
    locator="Lemma 1, with the layers that also move the covariates",
    statement=r"o_L + w^\top x = w^\top R_L x,\quad R_{l+1} = R_l - R_l W C_l^\top A_l C_l,\ C_{l+1} = C_l"
    r" - B_l C_l W C_l^\top A_l C_l",
    symbols=SIZES,
    decides=Identity(Trace(o(L)) + Trace(w.T * x), Trace(w.T * R(L) * x)),
    assumptions=[a for pair in (*layers.values(), *summary.values()) for a in pair],
    mutants=[
        Mutant("the residual transposed", decides={"bound": Trace(x.T * R(L) * w)}),
        Mutant("C_l not transposed", drop=("R moves",), cases=({"d": 3, "L": 2, "plain": 1},),
               add=(rule("R moves", R(l + 1), R(l) - R(l) * W * C(l) * A(l) * C(l)),)),
        Mutant("minus the prediction", decides={"quantity": Trace(o(L)) - Trace(w.T * x)}, by=("derivation",)),
    ],
)  # fmt: skip


@forward_pass.derivation
def one_product_per_layer(proof):
    at = proof.index("l")
    moves, starts = ({k: a[i] for k, a in (layers | summary).items()} for i in (0, 1))

    def pick(table, names):
        return [table[k] for k in names]

    covariates = by_layers(proof, at, X(at), C(at) * X0, pick(moves, "XC"), pick(starts, "XC"))
    query = by_layers(proof, at, q(at), C(at) * x, pick(moves, "qC"), pick(starts, "qC"), [covariates])
    labels = by_layers(proof, at, y(at), w.T * R(at) * X0, pick(moves, "yR"), pick(starts, "yR"), [covariates])
    output = by_layers(
        proof, at, o(at), w.T * R(at) * x - w.T * x, pick(moves, "oR"), pick(starts, "oR"), [covariates, query, labels]
    )
    last = proof.instantiate(output, {at: L})
    proof.conclude(proof.identity(*forward_pass.decides.expressions().values(), using=[last]))


def transformer(xp, rng, case, size, moving):
    """The whole of Z after L layers, its weights and data; ``moving`` multiplies B_l."""
    m, count, depth = case.d, case.n, case.L
    data, task = rng.normal((size, m, count + 1)), rng.normal((size, m, 1))
    labels = xp.matrix_transpose(task) @ data
    mask = xp.concat([xp.ones((count,)), xp.zeros((1,))])
    left, right = rng.normal((size, depth, m, m)) / (2 * m), moving * rng.normal((size, depth, m, m)) / (2 * m)
    Z, row, column = xp.concat([data, labels * mask], axis=-2), xp.zeros((size, 1, m)), xp.zeros((size, m, 1))
    one, zero = xp.ones((size, 1, 1)), xp.zeros((size, 1, 1))
    for layer in range(depth):
        P = xp.concat([xp.concat([right[:, layer, ...], column], axis=-1), xp.concat([row, one], axis=-1)], axis=-2)
        Q = xp.concat([xp.concat([left[:, layer, ...], column], axis=-1), xp.concat([row, zero], axis=-1)], axis=-2)
        Z = Z - P @ ((Z * mask) @ (xp.matrix_transpose(Z) @ (Q @ Z))) / count
    return Z[:, m, count], left, right, data[..., :count], data[..., count:], task


@forward_pass.experiment(samples={"smoke": 128}, block=64)
def blocks_and_recursion(xp, rng, case, size):
    output, left, right, data, point, task = transformer(xp, rng, case, size, 1)
    gram = data @ xp.matrix_transpose(data) / case.n
    residual = moved = xp.eye(case.d) + 0 * gram
    for layer in range(case.L):
        pushed = gram @ xp.matrix_transpose(moved) @ left[:, layer, ...] @ moved
        other = gram @ moved @ left[:, layer, ...] @ moved if "plain" in case else pushed
        residual, moved = residual - residual @ other, moved - right[:, layer, ...] @ moved @ pushed
    start = xp.sum(task * point, axis=(-2, -1))
    size_ = xp.sum(xp.abs(residual), axis=(-2, -1)) * xp.sum(xp.abs(task), axis=(-2, -1)) * 10
    return {"quantity": output + start, "w": task, "x": point, "R(L)": residual, "scale": size_}


still = rule("covariates stay", B(l), ZeroMatrix(d, d))
error = X0 * (X0.T * v(l) - X0.T * w) / n
descends = rule("gradient step", v(l + 1), v(l) - A(l).T * error), start("starts at 0", v(0), ZeroMatrix(d, 1))

gradient_descent = Claim(
    id="preconditioned-gd.forward-pass-descent",
    title="A linear transformer runs gradient descent, preconditioned by the transposes of its matrices",
    paper=PAPERS["preconditioned-gd"],
    locator="Lemma 1",
    statement=r"B_l = 0:\quad o_L = -v_L^\top x,\quad v_{l+1} = v_l - A_l^\top \nabla\left(\tfrac1{2n}\|X_0^\top v"
    r" - X_0^\top w\|^2\right)(v_l),\ v_0 = 0",
    symbols=SIZES,
    decides=Identity(Trace(o(L)), -Trace(v(L).T * x)),
    assumptions=[*(a for pair in layers.values() for a in pair), still, *descends],
    mutants=[
        Mutant("preconditioned by A_l", drop=("gradient step",), cases=({"d": 3, "L": 2, "plain": 1},),
               add=(rule("gradient step", v(l + 1), v(l) - A(l) * error),)),
        Mutant("no minus", decides={"bound": Trace(v(L).T * x)}),
        Mutant("covariates move", drop=("covariates stay",), by=("derivation",)),
    ],
    notes="For symmetric A_l the transpose may be left out.",
)  # fmt: skip


@gradient_descent.derivation
def residual_labels(proof):
    at = proof.index("l")
    fixed = [
        by_layers(proof, at, letter(at), value, [layers[k][0], still], [layers[k][1]])
        for k, letter, value in (("X", X, X0), ("q", q, x))
    ]
    descent, zero = descends
    moves, starts = ([layers[k][i] for k in "yo"] for i in (0, 1))
    labels = by_layers(proof, at, y(at), w.T * X0 - v(at).T * X0, [moves[0], descent], [starts[0], zero], fixed)
    output = by_layers(proof, at, o(at), -v(at).T * x, [moves[1], descent], [starts[1], zero], [*fixed, labels])
    last = proof.instantiate(output, {at: L})
    proof.conclude(proof.identity(*gradient_descent.decides.expressions().values(), using=[last]))


@gradient_descent.experiment(samples={"smoke": 128}, block=64)
def blocks_and_descent(xp, rng, case, size):
    output, left, _, data, point, task = transformer(xp, rng, case, size, 0)
    here = xp.zeros((size, case.d, 1))
    for layer in range(case.L):
        error = data @ (xp.matrix_transpose(data) @ (here - task)) / case.n
        weight = left[:, layer, ...]
        here = here - (weight if "plain" in case else xp.matrix_transpose(weight)) @ error
    scale = xp.sum(xp.abs(here), axis=(-2, -1)) + xp.sum(xp.abs(task), axis=(-2, -1))
    return {"quantity": output, "v(L)": here, "x": point, "scale": 10 * scale}
