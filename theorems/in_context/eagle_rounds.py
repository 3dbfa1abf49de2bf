"""One round of the block-filling iteration, on one machine and on many (Lutz et al. 2025, behind Theorems 1 and 2).

With K = A_0 A_0^T, sigma the largest singular value of A_0, P the projector on its range, a the square of the smallest
positive singular value relative to sigma, and eta = 1/3:

    K >= a sigma^2 P   implies   A_1 A_1^T >= (2 sigma/3)^2 (a (3 - a)^2/4) P:

relative to the new largest singular value 2 sigma/3, s = a^(1/2) becomes s (3 - s^2)/2.  Several machines with matrices
A_j and projectors P_j that average G_j = A_j A_j^T / sigma_j^2 to G and P_j to Q: if every G_j >= a P_j and
Q >= alpha Pi, Pi the projector on the joint range, then C <- (1 - G) C contracts Pi C by 1 - alpha a in a round.

Reference: P. Lutz, A. Gangrade, H. Daneshmand, V. Saligrama, "Linear Transformers Implicitly Discover Unified Numerical
Algorithms", 2025.
"""

from sympy import Gt, Le, MatrixSymbol, Rational, Symbol, Trace
from sympy import Identity as Eye

from gdverify import Claim, Domain, Integers, Interval, Mutant, Observed, Positive, SureBound
from gdverify.language import SymmetricMatrix
from gdverify.laws import equation, loewner
from theorems import PAPERS

n, d, k, M = (Symbol(s, integer=True, positive=True) for s in "ndkM")
sigma, eta = Symbol("sigma", positive=True), Symbol("eta", real=True)
s, alpha = Symbol("s", positive=True), Symbol("alpha", positive=True)
ratio = Interval(0, 1, open="both", sample=(Rational(1, 20), Rational(19, 20)))

# -- one machine ------------------------------------------------------------------------------------------------------

A0, A1, y, P = MatrixSymbol("A_0", n, d), MatrixSymbol("A_1", n, d), MatrixSymbol("y", n, 1), SymmetricMatrix("P", n, n)
K = A0 * A0.T
projector = [equation("P is a projector", P * P, P), equation("P is onto the range of A_0", P * A0, A0)]
floor = loewner("s sigma is the smallest singular value", K, s**2 * sigma**2 * P)
ceiling = loewner("sigma is the largest singular value", sigma**2 * Eye(n), K)
one_round = equation("one round", A1, A0 - eta / sigma**2 * K * A0)
energy = Trace(y.T * A1 * A1.T * y)

conditioning = Claim(
    id="eagle.conditioning",
    title="One round takes the smallest ratio s of singular values to s (3 - s^2)/2 at least",
    paper=PAPERS["eagle"],
    locator="behind Theorem 1; derived here",
    statement=r"s^2\sigma^2P\preceq A_0A_0^\top\preceq\sigma^2:\quad"
    r" A_1A_1^\top\succeq(\tfrac23\sigma)^2\big(\tfrac{s(3-s^2)}2\big)^2P",
    symbols={
        n: Integers(1, sample=(1, 4)),
        d: Integers(1, sample=(1, 4)),
        sigma: Positive(sample=(Rational(1, 4), 4)),
        s: ratio,
    },
    decides=SureBound(Trace(y.T * P * y), 9 * energy / (sigma * s * (3 - s**2)) ** 2),
    assumptions=[*projector, floor, ceiling, one_round],
    defines={eta: Rational(1, 3)},
    mutants=[
        Mutant("0.1% more", decides={"bound": Rational(8991, 1000) * energy / (sigma * s * (3 - s**2)) ** 2}),
        Mutant("eta = 1/2 and s (2 - s^2)", defines={eta: Rational(1, 2)},
               decides={"bound": 4 * energy / (sigma * s * (2 - s**2)) ** 2},
               cases=({"s": Rational(4, 5), "n": 2, "d": 2},)),
        Mutant("s (3 - s^3)/2", decides={"bound": 9 * energy / (sigma * s * (3 - s**3)) ** 2}),
        Mutant("larger singular values", drop=("sigma is the largest singular value",), by=("derivation",)),
    ],
    notes="Equality on the singular vector of the smallest positive value. eagle.largest-singular-value is the other"
    " end of the spectrum.",
)  # fmt: skip


@conditioning.derivation
def certificate_on_the_spectrum(proof):
    a = s**2
    near = y - K * y / sigma**2
    low, high = proof.assume(floor, near), proof.assume(ceiling, K * y / sigma**2 - a * P * y)
    gap = proof.certificate(Gt(1 - a, 0), [(1 + s, proof.high(s))])
    proof.certificate(Gt(3 - a, 0), [(1, gap), (2, proof.sign(Rational(1)))])
    proof.certificate(Gt(4 - a, 0), [(1, gap), (3, proof.sign(Rational(1)))])
    slack = (4 - a) / gap.left
    scale = 1 / (sigma * s * (3 - a)) ** 2
    parts = [((1 - a) * (4 - a) * scale, proof.assume(floor, y)), (slack * scale, high), ((slack + 1) * scale, low)]
    moved = proof.rewrite(proof.assume(one_round), proof.definition(eta))
    frame = [proof.assume(p) for p in projector]
    known = [moved, *frame, proof.matrix_identity(A0.T * P, A0.T, using=[frame[1]])]
    decision = proof.claim.decides
    proof.conclude(proof.certificate(Le(decision.quantity, decision.bound), parts, using=known))


@conditioning.experiment(samples={"smoke": 256}, block=64)
def diagonal_round(xp, rng, case, size):
    """Singular values sigma, s sigma and between, and vectors on the smallest one or anywhere."""
    rank = min(case.n, case.d)
    between = case.s + (1 - case.s) * rng.uniform((size, max(rank - 2, 0)), 0, 1)
    values = xp.concat([case.s + xp.zeros((size, 1)), xp.ones((size, min(rank - 1, 1))), between], axis=-1)
    after = case.sigma * (values - case.eta * values**3)
    aligned = rng.bernoulli(0.5, (size,))[:, None]
    first = xp.astype(xp.arange(case.n) < 1, xp.float64)
    point = rng.normal((size, case.n))
    point = aligned * first * point + (1 - aligned) * point
    tall = xp.concat([xp.eye(rank), xp.zeros((case.n - rank, rank))], axis=0)
    wide = xp.concat([xp.eye(rank), xp.zeros((rank, case.d - rank))], axis=-1)
    seen = xp.sum(point[:, :rank] ** 2, axis=-1)
    return {"quantity": seen, "A_1": (tall * after[:, None, :]) @ wide, "y": point[..., None]}


# -- many machines ----------------------------------------------------------------------------------------------------

G, Q, J = (SymmetricMatrix(name, n, n) for name in ("G", "Q", "J"))
C0, C1 = MatrixSymbol("C_0", n, k), MatrixSymbol("C_1", n, k)
R = Symbol("R", nonnegative=True)
joint = [equation("J is a projector", J * J, J), equation("J is onto the joint range", J * G, G)]
every_machine = loewner("every G_j is at least s^2 P_j", G, s**2 * Q)
overlap = loewner("alpha of the average projector", Q, alpha * J)
normalised = loewner("every G_j is at most 1", Eye(n), G)
averaged = equation("averaged round", C1, C0 - G * C0)
size_of_C = equation("size of C", Trace(C0.T * J * C0), R**2)

distributed = Claim(
    id="eagle.distributed-round",
    title="A round averaged over machines contracts the error by 1 - alpha s^2",
    paper=PAPERS["eagle"],
    locator="one round of Theorem 2; explicit constant derived here",
    statement=r"G\succeq s^2Q,\ Q\succeq\alpha J,\ G\preceq1:\quad \|J(1-G)C_0\|_F\le(1-\alpha s^2)\|JC_0\|_F",
    symbols={
        M: Integers(1, sample=(1, 3)),
        n: Integers(1, sample=(1, 4)),
        k: Integers(1, sample=(1, 2)),
        s: ratio,
        alpha: Domain(0, 1, low_open=True, observed=True),
        R: Observed(0),
    },
    decides=SureBound(Trace(C1.T * J * C1), (1 - alpha * s**2) ** 2 * R**2),
    assumptions=[*joint, every_machine, overlap, normalised, averaged, size_of_C],
    mutants=[
        Mutant("alpha left out", decides={"bound": (1 - s**2) ** 2 * R**2}, cases=({"M": 2, "n": 2},)),
        Mutant("0.1% below", decides={"bound": Rational(999, 1000) * (1 - alpha * s**2) ** 2 * R**2}),
        Mutant("s for s^2", decides={"bound": (1 - alpha * s) ** 2 * R**2}),
        Mutant("no bound from above", drop=("every G_j is at most 1",), by=("derivation",)),
    ],
    notes="G = mean of A_j A_j^T/sigma_j^2 and Q = mean of P_j over M machines. The ratio s of round l is"
    " m_l of eagle.centralised at least, by eagle.conditioning on each machine.",
)  # fmt: skip


@distributed.derivation
def average_of_gram_matrices(proof):
    b = alpha * s**2
    proof.high(s), proof.high(alpha)
    short = proof.certificate(Gt(1 - s**2, 0), [(1 + s, proof.high(s))])
    gap = proof.certificate(Gt(1 - b, 0), [(s**2, proof.high(alpha)), (1, short)])
    near, away = J * C0 - G * C0, G * C0 - b * J * C0
    lows = lambda z, w: [(w, proof.assume(every_machine, z)), (w * s**2, proof.assume(overlap, z))]
    parts = [(1 / gap.left, proof.assume(normalised, away)), *lows(near, 1 / gap.left), *lows(J * C0, 1 - b)]
    frame = [proof.assume(p) for p in joint]
    known = [proof.assume(averaged), *frame, proof.matrix_identity(G * J, G, using=[frame[1]])]
    target = Le(distributed.decides.quantity, proof.claim.decides.bound)
    size = proof.assume(size_of_C)
    proof.conclude(proof.certificate(target, [*parts, (-((1 - b) ** 2), size)], using=known))


@distributed.experiment(samples={"smoke": 256}, block=64)
def machines_on_coordinates(xp, rng, case, size):
    """Machine 1 sees all coordinates; the first one is seen least, and there every machine has the ratio s."""
    place = xp.astype(xp.arange(case.M), xp.float64)[:, None] / case.M
    least = xp.astype(place <= rng.uniform((size, 1, 1), 0, 1), xp.float64)
    seen = xp.maximum(least, xp.astype(place <= rng.uniform((size, 1, case.n), 0, 1), xp.float64))
    first = xp.astype(xp.arange(case.n) < 1, xp.float64)
    seen = least * first + seen * (1 - first)
    values = case.s + (1 - case.s) * rng.uniform((size, case.M, case.n), 0, 1) * (1 - first)
    gram = xp.mean(seen * values**2, axis=-2)
    c = rng.normal((size, case.n, case.k))
    aligned = rng.bernoulli(0.5, (size,))[:, None, None]
    c = aligned * first[:, None] * c + (1 - aligned) * c
    after = c - gram[..., None] * c
    share = xp.mean(least[..., 0], axis=-1)
    start = xp.sqrt(xp.sum(c**2, axis=(-2, -1)))
    return {"quantity": xp.sum(after**2, axis=(-2, -1)), "R": start, "alpha": share}
