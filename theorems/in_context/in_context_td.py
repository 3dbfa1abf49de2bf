"""Linear attention that runs temporal difference learning in context (Wang, Blaser, Daneshmand and Zhang 2024).

Tokens z_j = (phi_j, gamma phi_{j+1}, R_{j+1}) and the query (phi, 0, 0); with U, U', u the coordinates of the three
parts, F the features, N the next features and R the row of rewards, Z_0 = U F + gamma U' N + u R.  One layer,

    Z <- Z + (1/n) u u^T Z M Z^T Q Z,       Q = U C^T (U' - U)^T,       M_ij = lambda^(i - j) for j <= i,

where the query is left out of the sums.  Then the query ends at (phi, 0, -w_L^T phi), where w_0 = 0 and

    w_{l+1} = w_l + (1/n) C_l sum_j delta_j e_j,   delta_j = R_{j+1} + gamma w_l^T phi_{j+1} - w_l^T phi_j,
    e_j = lambda e_{j-1} + phi_j:

TD(lambda), and TD(0) for lambda = 0.  Q = (U - U') C^T (U' - U)^T gives the residual gradient, delta_j (phi_j - gamma
phi_{j+1}).

Reference: J. Wang, E. Blaser, H. Daneshmand, S. Zhang, "Transformers Can Learn Temporal Difference Methods for
In-Context Reinforcement Learning", 2024.
"""

from sympy import Identity as Eye
from sympy import MatrixSymbol, Rational, Symbol, Trace, ZeroMatrix

from gdverify import Claim, Identity, Integers, Interval, Mutant
from gdverify.language import MatrixSequence
from gdverify.laws import equation
from theorems import PAPERS
from theorems.in_context.eagle import rule

n, d = Symbol("n", integer=True, positive=True), Symbol("d", integer=True, positive=True)
L, l = Symbol("L", integer=True, nonnegative=True), Symbol("l", integer=True, nonnegative=True)
gamma, shown, lam = Symbol("gamma", real=True), Symbol("shown", real=True), Symbol("lambda", real=True)
width = 2 * d + 1
F, N, E = (MatrixSymbol(name, d, n) for name in "FNE")
R, M, phi, g = MatrixSymbol("R", 1, n), MatrixSymbol("M", n, n), MatrixSymbol("phi", d, 1), MatrixSymbol("g", width, 1)
U, V, u = MatrixSymbol("U", width, d), MatrixSymbol("V", width, d), MatrixSymbol("u", width, 1)
Z, q, w, C = (MatrixSequence(*k) for k in (("Z", width, n), ("q", width, 1), ("w", d, 1), ("C", d, d)))
coordinates = [
    equation(f"coordinates {a} and {b}", a.T * b, Eye(a.shape[1]) if a == b else ZeroMatrix(a.shape[1], b.shape[1]))
    for a, b in ((U, U), (V, V), (u, u), (U, V), (U, u), (V, u))
]
delta = R + w(l).T * (gamma * N - F)
begins = [
    equation("tokens start", Z(0), U * F + shown * V * N + u * R),
    equation("query starts", q(0), U * phi),
    equation("weights start", w(0), ZeroMatrix(d, 1)),
]
SIZES = {
    n: Integers(1, sample=(1, 6)),
    d: Integers(1, sample=(1, 3)),
    L: Integers(0, sample=(1, 4)),
    gamma: Interval(0, 1),
}


def attention(keys):
    """The layer's update of any columns, with this matrix on the side of the keys: Q = keys C^T (V - U)^T."""
    return u * u.T * Z(l) * M * Z(l).T * keys * C(l).T * (V - U).T / n


def statement(keys, move):
    """Assumptions: the layers for tokens and query, and the learner."""
    return [
        rule("tokens move", Z(l + 1), Z(l) + attention(keys) * Z(l)),
        rule("query moves", q(l + 1), q(l) + attention(keys) * q(l)),
        rule("learner", w(l + 1), w(l) + C(l) * move * delta.T / n),
    ]


def invariant(proof, claim, layers, extra=()):
    """The tokens carry the temporal differences, the query minus the prediction."""
    at = proof.index("l")
    known = [proof.assume(a) for a in (*coordinates, *extra)]
    flat = [proof.matrix_identity(b.T * a, ZeroMatrix(b.shape[1], a.shape[1]), using=known)
            for a, b in ((U, V), (U, u), (V, u))]  # fmt: skip
    shows = proof.definition(shown)
    starts = [proof.rewrite(proof.assume(b), shows) for b in begins]

    def always(left, right, move, inside=()):
        base = proof.matrix_identity(left.subs(at, 0), right.subs(at, 0), using=starts)

        def step(now):
            moves = [proof.assume(move, at), proof.assume(layers[2], at), now, *inside]
            return proof.matrix_identity(left.subs(at, at + 1), right.subs(at, at + 1), using=[*moves, *known, *flat])

        return proof.induction((left, "==", right), at, base, step)

    tokens = always(Z(at), U * F + gamma * V * N + u * (R + w(at).T * (gamma * N - F)), layers[0])
    query = always(q(at), U * phi - u * w(at).T * phi, layers[1], [tokens])
    last = proof.instantiate(query, {at: L})
    proof.conclude(proof.identity(*claim.decides.expressions().values(), using=[last]))


answer = Trace(g.T * (U * phi - u * w(L).T * phi))
traces = equation("eligibility traces", E, F * M.T)
td = statement(U, E)

construction = Claim(
    id="in-context-td.construction",
    title="Linear attention runs TD(lambda) on the transitions in its context",
    paper=PAPERS["in-context-td"],
    locator="the construction of the weights, TD(0) and TD(lambda)",
    statement=r"q_L = (\phi, 0, -w_L^\top\phi),\quad w_{l+1} = w_l + \tfrac1nC_l\sum_j\delta_je_j,\ e_j = \lambda"
    r" e_{j-1}+\phi_j",
    symbols={**SIZES, lam: Interval(0, 1)},
    decides=Identity(Trace(g.T * q(L)), answer),
    assumptions=[*coordinates, *begins, *td, traces],
    defines={shown: gamma},
    mutants=[
        Mutant("next features without their discount", defines={shown: 1}, cases=({"gamma": Rational(1, 2), "L": 3},)),
        Mutant("the prediction without its minus", decides={"bound": Trace(g.T * (U * phi + u * w(L).T * phi))}),
        Mutant("the traces backwards", drop=("eligibility traces",), by=("derivation",),
               add=(equation("eligibility traces", E, F * M),)),
        Mutant("the preconditioner is transposed", drop=("learner",), by=("derivation",),
               add=(rule("learner", w(l + 1), w(l) + C(l).T * E * delta.T / n),)),
    ],
    notes="The derivation holds for every mask M. The tokens themselves carry the temporal differences.",
)  # fmt: skip


@construction.derivation
def layer_by_layer(proof):
    invariant(proof, construction, td, [traces])


def forward(xp, rng, case, size, keys_of, mask, moves):
    """Tokens through L layers, and the learner beside them, which moves by moves(features, next ones, mask)."""
    turn, m = xp.matrix_transpose, case.d
    features, later = rng.normal((size, m, case.n)), rng.normal((size, m, case.n))
    rewards, point = rng.normal((size, 1, case.n)), rng.normal((size, m, 1))
    probe, eye = rng.normal((size, 2 * m + 1, 1)), xp.eye(2 * m + 1)
    first, second, last = eye[:, :m], eye[:, m : 2 * m], eye[:, 2 * m :]
    Z_ = xp.concat([features, case.shown * later, rewards], axis=-2)
    token = xp.concat([point, xp.zeros((size, m + 1, 1))], axis=-2)
    here = xp.zeros((size, m, 1))
    scale = xp.sum(xp.abs(token), axis=(-2, -1))
    for _ in range(case.L):
        weights = rng.normal((size, m, m)) / (2 * m)
        scores = mask @ turn(Z_) @ keys_of(first, second) @ turn(weights) @ turn(second - first)
        sums = last @ (Z_[:, 2 * m :, :] @ scores) / case.n
        Z_, token = Z_ + sums @ Z_, token + sums @ token
        errors = rewards + turn(here) @ (case.gamma * later - features)
        here = here + weights @ (moves(features, later) @ turn(errors)) / case.n
        scale = scale + xp.sum(xp.abs(Z_), axis=(-2, -1)) ** 3
    letters = {"U": first, "u": last, "phi": point, "g": probe, "w(L)": here}
    size_ = scale * xp.sum(xp.abs(probe), axis=(-2, -1)) * xp.sum(xp.abs(token), axis=(-2, -1))
    return {"quantity": xp.sum(probe * token, axis=(-2, -1)), "scale": size_, **letters}


@construction.experiment(samples={"smoke": 128}, block=64)
def transformer_and_learner(xp, rng, case, size):
    lam_ = getattr(case, "lambda")
    rows = [[lam_ ** (k - j) if j <= k else 0.0 for j in range(case.n)] for k in range(case.n)]

    def eligibility(features, later):
        columns = [features[..., :1]]
        for k in range(1, case.n):
            columns.append(lam_ * columns[-1] + features[..., k : k + 1])
        return xp.concat(columns, axis=-1)

    return forward(xp, rng, case, size, lambda first, second: first, xp.asarray(rows), eligibility)


residual = statement(U - V, F - gamma * N)
no_mask = equation("no traces", M, Eye(n))
residual_gradient = Claim(
    id="in-context-td.residual-gradient",
    title="Linear attention runs the residual gradient method on the transitions in its context",
    paper=PAPERS["in-context-td"],
    locator="the construction of the weights, residual gradient",
    statement=r"q_L = (\phi, 0, -w_L^\top\phi),\quad"
    r" w_{l+1} = w_l + \tfrac1nC_l\sum_j\delta_j(\phi_j-\gamma\phi_{j+1})",
    symbols=SIZES,
    decides=Identity(Trace(g.T * q(L)), answer),
    assumptions=[*coordinates, *begins, *residual, no_mask],
    defines={shown: gamma},
    mutants=[
        Mutant("next features without their discount", defines={shown: 1}, cases=({"gamma": Rational(1, 2), "L": 3},)),
        Mutant("the prediction without its minus", decides={"bound": Trace(g.T * (U * phi + u * w(L).T * phi))}),
        Mutant("semi-gradient", drop=("learner",), by=("derivation",), add=(td[2],)),
        Mutant("the next features are keys twice", drop=("learner",), by=("derivation",),
               add=(rule("learner", w(l + 1), w(l) + C(l) * (F - 2 * gamma * N) * delta.T / n),)),
    ],
)  # fmt: skip


@residual_gradient.derivation
def both_features_are_keys(proof):
    invariant(proof, residual_gradient, residual, [no_mask])


@residual_gradient.experiment(samples={"smoke": 128}, block=64)
def transformer_and_residual_gradient(xp, rng, case, size):
    return forward(
        xp, rng, case, size, lambda first, second: first - second, xp.eye(case.n),
        lambda features, later: features - case.gamma * later,
    )  # fmt: skip
