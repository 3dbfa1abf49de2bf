"""The iteration that linear transformers discover for missing blocks (Lutz, Gangrade, Daneshmand, Saligrama 2025).

To fill in D of X = [A C; B D], one round with rho = |A|_2^{-2} is

    A <- A - eta rho A A^T A,   B <- B - eta rho B A^T A,   C <- C - gamma rho A A^T C,   D <- D + gamma rho B A^T C.

With eta = 1/3 the largest singular value falls by 2/3 and the others, relative to it, follow the Newton-Schulz
iteration s <- s (3 - s^2)/2, which makes them all equal; D + W C stays what it was, where B = W A.

Reference: P. Lutz, A. Gangrade, H. Daneshmand, V. Saligrama, "Linear Transformers Implicitly Discover Unified Numerical
Algorithms", 2025.
"""

from sympy import Eq, Le, MatrixSymbol, Rational, Symbol, Trace
from sympy import Identity as Eye

from gdverify import Assumption, Claim, Identity, Integers, Mutant, Observed, Positive, SureBound
from gdverify.errors import ClaimError
from gdverify.language import MatrixSequence
from gdverify.laws import equation, loewner
from theorems import PAPERS

n, d, r = (Symbol(s, integer=True, positive=True) for s in "ndr")
L, l = Symbol("L", integer=True, nonnegative=True), Symbol("l", integer=True, nonnegative=True)
sigma, eta = Symbol("sigma", positive=True), Symbol("eta", real=True)
SIZES = {n: Integers(1, sample=(1, 4)), d: Integers(1, sample=(1, 4))}
RANKED = {r: Integers(1, sample=(1, 3)), n: Integers(r, sample=(1, 4)), d: Integers(r, sample=(1, 4))}
ROUNDS = {L: Integers(0, sample=(1, 5))}


def rule(name, left, right):
    """An equation between matrices that holds at every round l >= 0."""

    def schema(at):
        if not (at.is_integer and at.is_nonnegative):
            raise ClaimError(f"{name}: {at} is not known to be an integer >= 0")
        return Eq(left.subs(l, at), right.subs(l, at), evaluate=False)

    return Assumption(name=name, schema=schema, key=("round", left, right))


# -- all singular values ----------------------------------------------------------------------------------------------

A, S = MatrixSequence("A", n, d), MatrixSequence("S", r, r)
U, V, S0 = MatrixSymbol("U", n, r), MatrixSymbol("V", d, r), MatrixSymbol("S_0", r, r)
G = MatrixSymbol("G", n, d)
size = sigma * Rational(2, 3) ** l  # the largest singular value
round_of_A = rule("A moves", A(l + 1), A(l) - eta / size**2 * A(l) * A(l).T * A(l))
newton = rule("Newton-Schulz", S(l + 1), Rational(3, 2) * S(l) - S(l) * S(l).T * S(l) / 2)
decomposition = [
    equation("U has orthonormal columns", U.T * U, Eye(r)),
    equation("V has orthonormal columns", V.T * V, Eye(r)),
    equation("A starts", A(0), sigma * U * S0 * V.T),
    equation("S starts", S(0), S0),
]

newton_schulz = Claim(
    id="eagle.newton-schulz",
    title="The rounds with eta = 1/3 are the Newton-Schulz iteration on the singular values",
    paper=PAPERS["eagle"],
    locator="the algorithm of Theorem 1; derived here",
    statement=r"A_0 = \sigma US_0V^\top,\ \rho_l = (\tfrac94)^l\sigma^{-2}:\quad A_L = (\tfrac23)^L\sigma US_LV^\top,"
    r"\quad S_{l+1} = \tfrac12(3S_l - S_lS_l^\top S_l)",
    symbols={**RANKED, sigma: Positive(sample=(Rational(1, 4), 4)), **ROUNDS},
    decides=Identity(Trace(G.T * A(L)), sigma * Rational(2, 3) ** L * Trace(G.T * U * S(L) * V.T)),
    assumptions=[*decomposition, round_of_A, newton],
    defines={eta: Rational(1, 3)},
    mutants=[
        Mutant("eta = 1/2", defines={eta: Rational(1, 2)}),
        Mutant("eta = 1", defines={eta: 1}),
        Mutant("the factor 3/4", decides={"bound": sigma * Rational(3, 4) ** L * Trace(G.T * U * S(L) * V.T)}),
        Mutant("the vectors of A need not be orthonormal", drop=("U has orthonormal columns",), by=("derivation",)),
    ],
    notes="S_0 is the diagonal matrix of singular values relative to the largest, whose next values are again"
    " relative to the largest by eagle.largest-singular-value.",
)


@newton_schulz.derivation
def one_product_per_round(proof):
    at = proof.index("l")
    frame = [proof.assume(a) for a in decomposition]
    claimed = lambda j: (A(j), sigma * Rational(2, 3) ** j * U * S(j) * V.T)
    base = proof.matrix_identity(*claimed(0), using=frame)

    def step(now):
        known = [proof.assume(round_of_A, at), proof.assume(newton, at), now, *frame[:2], proof.definition(eta)]
        return proof.matrix_identity(*claimed(at + 1), using=known)

    left, right = claimed(at)
    last = proof.instantiate(proof.induction((left, "==", right), at, base, step), {at: L})
    proof.conclude(proof.identity(*newton_schulz.decides.expressions().values(), using=[last]))


@newton_schulz.experiment(samples={"smoke": 128}, block=64)
def rotated_rounds(xp, rng, case, size):
    rank, turn = case.r, xp.matrix_transpose
    left, right = rng.haar((size, case.n, case.n))[..., :rank], rng.haar((size, case.d, case.d))[..., :rank]
    values = xp.concat([xp.ones((size, 1)), rng.uniform((size, rank - 1), 0, 1)], axis=-1)
    S_, probe = xp.eye(rank) * values[:, None, :], rng.normal((size, case.n, case.d))
    A_, top = case.sigma * left @ S_ @ turn(right), case.sigma
    for _ in range(case.L):
        A_ = A_ - case.eta / top**2 * A_ @ turn(A_) @ A_
        S_, top = 1.5 * S_ - S_ @ turn(S_) @ S_ / 2, top * 2 / 3
    letters = {"U": left, "V": right, "S(L)": S_, "G": probe}
    scale = (case.sigma + top) * xp.sum(xp.abs(probe), axis=(-2, -1))
    return {"quantity": xp.sum(probe * A_, axis=(-2, -1)), "scale": scale, **letters}


# -- the largest one --------------------------------------------------------------------------------------------------

A0, A1, x = MatrixSymbol("A_0", n, d), MatrixSymbol("A_1", n, d), MatrixSymbol("x", d, 1)
below = loewner("sigma is the largest singular value", sigma**2 * Eye(d), A0.T * A0)
one_round = equation("one round", A1, A0 - eta / sigma**2 * A0 * A0.T * A0)
R = Symbol("R", nonnegative=True)
length = equation("length of x", Trace(x.T * x), R**2)

largest = Claim(
    id="eagle.largest-singular-value",
    title="One round with eta = 1/3 takes the largest singular value to two thirds of it",
    paper=PAPERS["eagle"],
    locator="the algorithm of Theorem 1; derived here",
    statement=r"A_0^\top A_0\preceq\sigma^2:\quad |A_1x|^2\le\tfrac49\sigma^2|x|^2,\quad"
    r" A_1 = A_0 - \tfrac1{3\sigma^2}A_0A_0^\top A_0",
    symbols={**SIZES, sigma: Positive(sample=(Rational(1, 4), 4)), R: Observed(0)},
    decides=SureBound(Trace(x.T * A1.T * A1 * x), Rational(4, 9) * sigma**2 * R**2),
    assumptions=[below, one_round, length],
    defines={eta: Rational(1, 3)},
    mutants=[
        Mutant("1% smaller", decides={"bound": Rational(44, 100) * sigma**2 * R**2}),
        Mutant("eta = 1/2 takes it to one half", defines={eta: Rational(1, 2)},
               decides={"bound": sigma**2 * R**2 / 4}, cases=({"family": "crest"},)),
        Mutant("eta = 1/4", defines={eta: Rational(1, 4)}),
        Mutant("sigma is below the largest singular value", by=("derivation",),
               drop=("sigma is the largest singular value",)),
    ],
    notes="Equality for the singular vector of sigma, by eagle.newton-schulz at s = 1.",
)  # fmt: skip


@largest.derivation
def monotone_on_the_spectrum(proof):
    rest = x - A0.T * A0 * x / sigma**2
    cut = proof.assume(below, rest)
    known = [proof.rewrite(proof.assume(one_round), proof.definition(eta))]
    parts = [(Rational(1, 9), cut), (-Rational(4, 9) * sigma**2, proof.assume(length))]
    target = Le(largest.decides.quantity, proof.claim.decides.bound)
    proof.conclude(proof.certificate(target, parts, [(sigma**2 / 3, rest)], using=known))


@largest.experiment(cases=[{}, {"family": "crest"}], samples={"smoke": 256}, block=64)
def diagonal_round(xp, rng, case, size):
    """Singular values below sigma, or at two thirds of its square, and vectors on the largest or anywhere."""
    rank = min(case.n, case.d)
    high = (2 / 3) ** 0.5 if dict(case).get("family") == "crest" else 1.0
    values = case.sigma * xp.concat([high * xp.ones((size, 1)), rng.uniform((size, rank - 1), 0, 1)], axis=-1)
    point = rng.normal((size, case.d))
    aligned = rng.bernoulli(0.5, (size,))[:, None]
    first = xp.astype(xp.arange(case.d) < 1, xp.float64)
    point = aligned * first * point + (1 - aligned) * point
    after = values - case.eta / case.sigma**2 * values**3
    return {"quantity": xp.sum((after * point[:, :rank]) ** 2, axis=-1), "R": xp.sqrt(xp.sum(point**2, axis=-1))}
