"""When a game has a scalar potential, and what gradient play does then (Zhou, Dong, Li & Wang).

Linear-quadratic games of any number of players: z collects all actions, and the gradient of each player's loss in its
own action is its block of v(z) = W z + b.  With phi(z) = z^T W z/2 + b^T z, a deviation h of any one player changes
that player's loss by

    gain = phi(z + h) - phi(z) + (h^T W z - z^T W h)/2,

so that phi is an exact potential if and only if W is symmetric (what a loss contains of the other players' actions
alone changes nothing).  Then simultaneous gradient play z_+ = z - eta v(z) descends phi: where W <= L,

    phi(z_+)  <=  phi(z) - eta (1 - eta L/2) |v(z)|^2.

Reference: N. Zhou, J. Dong, Y. Li, B. Wang, "On the Decomposition of Differential Game".  Its abstract alone was read:
what it says of scalar potential games is made precise, and derived, here, for quadratic losses.
"""

from sympy import Eq, Identity, Le, MatrixSymbol, Rational, Symbol, Trace

from gdverify import Claim, Integers, Mutant, Observed, Positive, SureBound
from gdverify import Identity as Equality
from gdverify.laws import equation, loewner
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
gain, share = Symbol("gain", real=True), Symbol("share", real=True)
eta, L = Symbol("eta", positive=True), Symbol("L", positive=True)
square, end = Symbol("square", nonnegative=True), Symbol("end", real=True)
z, h, b = (MatrixSymbol(name, n, 1) for name in "zhb")
W = MatrixSymbol("W", n, n)
sizes = {n: Integers(2, sample=(2, 6))}
SAMPLES = {"smoke": 2048, "standard": 50_000, "full": 500_000}


def phi(z):
    return Trace(z.T * W * z) / 2 + Trace(b.T * z)


# -- deviations -------------------------------------------------------------------------------------------------------

own_loss = equation(
    "the gain of a deviation h of one player, by its own gradient and curvature",
    gain,
    Trace(h.T * (W * z + b)) + Trace(h.T * W * h) / 2,
)

deviations = Claim(
    id="game-decomposition.scalar-potential",
    title="A linear-quadratic game has an exact potential if and only if its field has a symmetric Jacobian",
    paper=PAPERS["game-decomposition"],
    locator="abstract (scalar potential games); derived here for quadratic losses",
    statement=r"f_i(z + h) - f_i(z) - \left[\varphi(z + h) - \varphi(z)\right] ="
    r" \tfrac12\left(h^\top W z - z^\top W h\right) \text{ for a deviation } h \text{ of player } i",
    symbols={**sizes, gain: Observed()},
    defines={share: Rational(1, 2)},
    assumptions=[own_loss],
    decides=Equality(gain - (phi(z + h) - phi(z)), share * (Trace(h.T * W * z) - Trace(z.T * W * h))),
    mutants=[
        Mutant("every game is a potential game", defines={share: 0}),
        Mutant("the whole antisymmetric part", defines={share: 1}),
        Mutant("1 per cent more", defines={share: Rational(101, 200)}),
        Mutant("symmetric parts count", decides={"bound": share * (Trace(h.T * W * z) + Trace(z.T * W * h))}),
        Mutant("losses that are not quadratic", drop=(own_loss.name,), by=("derivation",)),
    ],
    notes="The mean of all losses is no potential in general: with f_2 = 2 f_1 the field is not symmetric.  Losses "
    "beyond quadratic ones need Poincare's lemma, which is not covered.",
)


@deviations.derivation
def expanded(proof):
    stated = proof.claim.decides
    target = Eq(stated.quantity, stated.bound, evaluate=False)
    proof.conclude(proof.certificate(target, [(1, proof.assume(own_loss))], using=[proof.definition(share)]))


@deviations.experiment(samples=SAMPLES)
def one_player_moves(xp, rng, case, size):
    """Losses of n players with one number each; what a loss contains of the others' actions alone is arbitrary."""
    W, b = rng.normal((size, case.n, case.n)), rng.normal((size, case.n))
    half = rng.bernoulli(0.5, (size, 1, 1))  # symmetric, in half of the rows
    W = half * (W + xp.matrix_transpose(W)) / 2 + (1 - half) * W
    z, others = rng.normal((size, case.n)), rng.normal((size, case.n, case.n))
    player = xp.astype(rng.integers(0, case.n, (size, 1)) == xp.arange(case.n)[None, :], xp.float64)
    h = player * rng.normal((size, 1))
    times = lambda M, u: xp.matmul(M, u[:, :, None])[:, :, 0]
    dot = lambda u, v: xp.sum(u * v, axis=-1)

    def loss(z):
        mine, theirs = dot(player, z), z * (1 - player)
        curvature, pull = dot(player, times(W, player)), dot(player, times(W, theirs) + b)
        return curvature * mine**2 / 2 + mine * pull + dot(theirs, times(others, theirs))

    phi = lambda z: dot(z, times(W, z)) / 2 + dot(b, z)
    gain, rise = loss(z + h) - loss(z), phi(z + h) - phi(z)
    scale = xp.abs(loss(z)) + xp.abs(phi(z)) + xp.abs(gain) + xp.abs(rise)
    letters = {"z": z[:, :, None], "h": h[:, :, None], "W": W}
    return {"quantity": gain - rise, "gain": gain, "scale": scale, **letters}


# -- gradient play ----------------------------------------------------------------------------------------------------

v = MatrixSymbol("v", n, 1)
after = MatrixSymbol("after", n, 1)
field = equation("v collects the players' own gradients at z", v, W * z + b)
play = equation("all players take a gradient step", after, z - eta * v)
symmetric = equation("the game has a potential: W is symmetric", W.T, W)
curved = loewner("W <= L", L * Identity(n), W)
ends = [equation("square = |v|^2", Trace(v.T * v), square), equation("end = phi(after)", phi(after), end)]

descends = Claim(
    id="game-decomposition.potential-descent",
    title="Simultaneous gradient play in a potential game descends the potential",
    paper=PAPERS["game-decomposition"],
    locator="abstract (scalar potential games, gradient dynamics); derived here for quadratic losses",
    statement=r"W = W^\top \preceq L I,\ z_+ = z - \eta v(z):\quad"
    r" \varphi(z_+) - \varphi(z) \le -\eta\left(1 - \tfrac{\eta L}{2}\right)|v(z)|^2",
    symbols={
        **sizes,
        L: Positive(sample=(Rational(1, 2), 4)),
        eta: Positive(sample=(Rational(1, 100), 2)),
        square: Observed(0),
        end: Observed(),
    },
    assumptions=[field, play, symmetric, curved, *ends],
    decides=SureBound(end - phi(z), -eta * (1 - eta * L / 2) * square),
    mutants=[
        Mutant("1 per cent more", decides={"bound": -eta * (Rational(101, 100) - eta * L / 2) * square}),
        Mutant("no term of second order", decides={"bound": -eta * square}),
        Mutant("half the curvature", decides={"bound": -eta * (1 - eta * L / 4) * square}),
        Mutant("matching pennies", drop=(symmetric.name,), cases=({"n": 2, "game": "matching pennies"},)),
    ],
    notes="Equality where v is an eigenvector of W with eigenvalue L.  W may have negative eigenvalues.",
)


@descends.derivation
def descent(proof):
    moved, slope = proof.assume(play), proof.assume(field)
    turned = proof.trace(proof.sandwich(proof.assume(symmetric), z.T, v))
    length, last = (proof.assume(law) for law in ends)
    stated = proof.claim.decides
    bend = eta**2 / 2
    parts = [(bend, proof.assume(curved, v)), (1, last), (eta * (1 - eta * L / 2), length), (-eta / 2, turned)]
    proof.conclude(proof.certificate(Le(stated.quantity, stated.bound), parts, using=[moved, slope]))


@descends.experiment(samples=SAMPLES)
def steps(xp, rng, case, size):
    n, L = case.n, case.L
    low = rng.uniform((size, n), -2, 1) * rng.bernoulli(0.5, (size, 1))
    spectrum = xp.concat([xp.ones((size, 1)), low[:, 1:]], axis=1) * L
    u = rng.sphere((size, n))
    turn = xp.eye(n) - 2 * u[:, :, None] * u[:, None, :]
    W = xp.matmul(turn * spectrum[:, None, :], xp.matrix_transpose(turn))
    z, b = rng.normal((size, n, 1)), rng.normal((size, n, 1))
    straight = rng.bernoulli(0.5, (size, 1, 1))  # half of the rows attain the bound: v along the steepest direction
    b = straight * (turn[:, :, :1] - xp.matmul(W, z)) + (1 - straight) * b
    if "game" in case:
        W = 0 * W + L * xp.asarray([[0.0, 1.0], [-1.0, 0.0]])
    v = xp.matmul(W, z) + b
    after = z - case.eta * v
    phi = lambda z: xp.sum(z * (xp.matmul(W, z) / 2 + b), axis=(-2, -1))
    end = phi(after)
    return {"quantity": end - phi(z), "end": end, "square": xp.sum(v * v, axis=(-2, -1))}
