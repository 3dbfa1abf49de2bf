"""Gradient descent on the energy distance recovers sparse measures on the line (Daneshmand & Bach 2022).

For distinct particles w_1, ..., w_n and sorted atoms v_(1) <= ... <= v_(n) of the target, none of them at a particle,

    E(w) = (2/n^2) sum_ij |w_i - v_j| - (1/n^2) sum_ij |w_i - w_j| - (1/n^2) sum_ij |v_i - v_j|.

A particle of rank r among the particles is driven to the atom of the same rank, although E is not convex:

    2/n^2  <=  sgn(w_i - v_(r)) dE/dw_i  <=  (2/n^2)(2n - 1).

Reference: arXiv:2204.07879.  Only its first part was read: the statements and constants are derived here.
"""

from sympy import Eq, Function, Ge, Rational, Sum, Symbol, symbols

from gdverify import Assumption, Claim, Integers, Mutant, Observed, SureBound
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

n, r = Symbol("n", integer=True, positive=True), Symbol("r", integer=True, positive=True)
j = Symbol("j", integer=True)
side, slope = symbols("side slope", real=True)  # the sign of w_i - v_(r), and dE/dw_i
below = Function("below")  # below(j) is 1 if v_(j) < w_i, else 0

bits = Assumption(
    "below(j) is 1 if v_(j) < w_i, else 0",
    lambda k: Eq(below(k) ** 2, below(k), evaluate=False),
    key=("bits",),
    where=lambda k: [k - 1, n - k],
)
signs = equation("side is 1 or -1", side**2, 1)
sorted_left = Assumption(
    "atoms are sorted: if w_i > v_(r), then w_i > v_(j) for j <= r",
    lambda k: Eq((1 + side) * (1 - below(k)), 0, evaluate=False),
    key=("sorted", "left"),
    where=lambda k: [k - 1, r - k],
)
sorted_right = Assumption(
    "atoms are sorted: if w_i < v_(r), then w_i < v_(j) for j >= r",
    lambda k: Eq((1 - side) * below(k), 0, evaluate=False),
    key=("sorted", "right"),
    where=lambda k: [k - r, n - k],
)
gradient = equation(  # sgn(w_i - v_j) is 2 below(j) - 1; r - 1 particles are below w_i, n - r above
    "w_i has rank r, and slope is dE/dw_i", 2 * (2 * Sum(below(j), (j, 1, n)) - n - (r - 1) + (n - r)) / n**2, slope
)
setting = [bits, signs, sorted_left, sorted_right, gradient]


def halves(proof):
    """1 + side >= 0 and 1 - side >= 0."""
    unit = proof.assume(signs)
    return [
        proof.certificate(Ge(1 + s, 0), [(-Rational(1, 2), unit)], [(Rational(1, 2), 1 + s)]) for s in (side, -side)
    ]


def bit(proof, k):
    """0 <= below(k) <= 1."""
    square = proof.assume(bits, k)
    return (
        proof.certificate(Ge(below(k), 0), [(-1, square)], [(1, below(k))]),
        proof.certificate(Ge(1 - below(k), 0), [(-1, square)], [(1, 1 - below(k))]),
    )


def towards_the_atom(proof):
    """side slope >= 2/n^2: at least r atoms are below w_i if v_(r) is, at most r - 1 if it is above."""
    proof.certificate(Ge(n - r + 1, 0, evaluate=False), [(1, proof.high(r)), (1, proof.sign(1))])
    i, h, a = proof.index("i", 1, r), proof.index("h", r, n), proof.index("a", 1, n)
    for k, end in ((i, r), (a, n), (h, n)):
        proof.high(k)
        proof.certificate(
            Ge(n - k, 0, evaluate=False), [(1, proof.high(k)), *([(1, proof.high(r))] if end == r else [])]
        )
        proof.certificate(Ge(k - 1, 0, evaluate=False), [(1, proof.low(k)), *([(1, proof.low(r))] if k == h else [])])
    left, right = (
        proof.sum_of(proof.assume(sorted_left, i), i, 1, r),
        proof.sum_of(proof.assume(sorted_right, h), h, r, n),
    )
    nonnegative, atmost = bit(proof, a)
    total = Sum(below(j), (j, 1, n))
    above = proof.sum_of(nonnegative, a, r + 1, n)
    first = proof.sum_of(atmost, a, 1, r - 1)
    up, down = halves(proof)
    much = proof.certificate(
        Ge((1 + side) * (total - r), 0),
        [(-1, left), (1, proof.product(up, above)), (1 + side, proof.split_sum(total, r))],
    )
    little = proof.certificate(
        Ge((1 - side) * (r - 1 - total), 0),
        [(-1, right), (1, proof.product(down, first)), (-(1 - side), proof.split_sum(total, r - 1))],
    )
    return proof.certificate(
        Ge(side * slope, 2 / n**2),
        [
            (2 / n**2, much),
            (2 / n**2, little),
            (-side, proof.assume(gradient)),
        ],
    )


sign_property = Claim(
    id="sparse-measure-recovery.sign-property",
    title="Every particle is driven to the atom of its own rank",
    paper=PAPERS["sparse-measure-recovery"],
    locator="mean field energy distance on the line; statement and constants derived here",
    statement=r"\operatorname{sgn}(w_i-v_{(r)})\,\frac{\partial E}{\partial w_i}\ge\frac{2}{n^2},\quad r=\text{rank "
    "of } w_i",
    symbols={n: Integers(1, sample=(1, 12)), r: Integers(1, n), side: Observed(-1, 1), slope: Observed()},
    assumptions=setting,
    decides=SureBound(quantity=-side * slope, bound=-2 / n**2),
    mutants=[
        Mutant("1% more", decides={"bound": -Rational(101, 50) / n**2}),
        Mutant("twice as much", decides={"bound": -4 / n**2}),
        Mutant("of order 1/n", decides={"bound": -2 / n}),
        Mutant("atoms need not be sorted", drop=(sorted_left.name,), by=("derivation",)),
        Mutant("a particle may be at an atom", drop=(signs.name,), by=("derivation",)),
    ],
    notes="Attained wherever exactly r atoms are below a particle of rank r.  dE/dw_i is an odd multiple of 2/n^2.",
)


@sign_property.derivation
def counting(proof):
    proof.conclude(towards_the_atom(proof))


def particles_and_atoms(xp, rng, size, n):
    """Sorted particles and sorted atoms, (size, n) each: 2n distinct points dealt out at random."""
    points = xp.cumulative_sum(log_uniform(xp, rng, (size, 2 * n), 1e-2, 1), axis=-1)
    dealt = rng.permutation((size, 2 * n))
    own, other = (xp.astype(xp.sort(part, axis=-1), xp.int64) for part in (dealt[:, :n], dealt[:, n:]))
    return xp.take_along_axis(points, own, axis=-1), xp.take_along_axis(points, other, axis=-1)


def pull(xp, w, v):
    """(n^2/2) dE/dw_i for all particles, (size, n)."""
    own = xp.eye(w.shape[-1])  # sgn 0 = 0 without subtracting a number from itself
    particles = xp.sum(xp.sign(w[:, :, None] - w[:, None, :] + own) - own, axis=-1)
    return xp.sum(xp.sign(w[:, :, None] - v[:, None, :]), axis=-1) - particles


@sign_property.experiment(samples={"smoke": 4096, "standard": 200_000, "full": 5_000_000})
def one_particle(xp, rng, case, size):
    w, v = particles_and_atoms(xp, rng, size, case.n)
    k = case.r - 1
    side = xp.sign(w[:, k] - v[:, k])
    slope = 2 * pull(xp, w, v)[:, k] / case.n**2
    return {"quantity": -side * slope, "side": side, "slope": slope}
