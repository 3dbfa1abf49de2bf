"""Particles reach the atoms up to the step size in finite time (after Daneshmand & Bach 2022).

The setting is that of `sparse_measures`, with steps w_i <- w_i - gamma n dE/dw_i.  With the distance Delta = max_r
|w_(r) - v_(r)| of sorted particles to sorted atoms, in which measures are Delta apart in W_infinity,

    Delta_after  <=  max(Delta - 2 gamma/n, 4 gamma),

so that Delta <= 4 gamma after n Delta_0/(2 gamma) steps, as long as no two particles meet and none hits an atom.

Reference: arXiv:2204.07879.  Only its first part was read: the statement and constants are derived here.
"""

from sympy import Ge, Le, Max, Rational, Sum, symbols

from gdverify import Claim, Integers, Mutant, Observed, Positive, SureBound
from gdverify.domain import Domain
from gdverify.laws import equation, inequality
from theorems import PAPERS
from theorems.measures.sparse_measures import (
    below,
    bit,
    gradient,
    halves,
    j,
    n,
    particles_and_atoms,
    pull,
    r,
    setting,
    side,
    slope,
    towards_the_atom,
)

gamma = symbols("gamma", positive=True)
Delta, away, moved, after = symbols("Delta away moved after", nonnegative=True)

largest = inequality(
    "Delta is the largest distance of a particle to the atom of its rank", Ge(Delta, away, evaluate=False)
)
step = equation(
    "moved is the distance of particle i to that atom after the step, the largest one",
    (away - side * gamma * n * slope) ** 2,
    moved**2,
)

finite_time = Claim(
    id="sparse-measure-recovery.finite-time",
    title="A step of gradient descent on the energy distance brings the particles nearer, down to the step size",
    paper=PAPERS["sparse-measure-recovery"],
    locator="abstract (polynomial time); constants derived here",
    statement=r"\Delta_{k+1}\le\max\bigl(\Delta_k-\tfrac{2\gamma}{n},\,4\gamma\bigr),\quad"
    r" \Delta_k=\max_r|w^k_{(r)}-v_{(r)}|",
    symbols={
        n: Integers(1, sample=(1, 12)),
        gamma: Positive(sample=(Rational(1, 100), 1)),
        r: Domain(1, n, integer=True, observed=True),
        side: Observed(-1, 1),
        slope: Observed(),
        Delta: Observed(0),
        away: Observed(0),
        moved: Observed(0),
        after: Observed(0),
    },
    assumptions=[*setting, largest, step],
    decides=SureBound(quantity=after, bound=Max(Delta - 2 * gamma / n, 4 * gamma)),
    mutants=[
        Mutant("twice as fast", decides={"bound": Max(Delta - 4 * gamma / n, 4 * gamma)}, cases=({"n": 12},)),
        Mutant("down to 3 gamma", decides={"bound": Max(Delta - 2 * gamma / n, 3 * gamma)}, cases=({"n": 12},)),
        Mutant("a speed that does not depend on n", decides={"bound": Max(Delta - 2 * gamma, 4 * gamma)}),
        Mutant("distances are not the largest", drop=(largest.name,), by=("derivation",)),
    ],
    notes="The floor is attained up to a factor 1 - 1/(2n), by particles just to the right of all atoms.  Near the "
    "atoms the steps are 2 gamma/n: the floor is seldom seen later.",
)


def not_too_far(proof):
    """side slope <= (2/n^2)(2n - 1)."""
    b = proof.index("b", 1, n)
    proof.high(b)
    nonnegative, atmost = bit(proof, b)
    total = Sum(below(j), (j, 1, n))
    some, rest = proof.sum_of(nonnegative, b, 1, n), proof.sum_of(atmost, b, 1, n)
    up, down = halves(proof)
    high, low = proof.high(r), proof.low(r)
    right = proof.product(up, proof.certificate(Ge(n - total + r - 1, 0), [(1, rest), (1, low)]))
    left = proof.product(down, proof.certificate(Ge(n + total - r, 0), [(1, some), (1, high)]))
    return proof.certificate(
        Le(side * slope, 2 * (2 * n - 1) / n**2),
        [(2 / n**2, right), (2 / n**2, left), (side, proof.assume(gradient))],
    )


@finite_time.derivation
def one_particle(proof):
    floor, ceiling = towards_the_atom(proof), not_too_far(proof)
    bound = Max(Delta - 2 * gamma / n, 4 * gamma)
    first, second = proof.extreme(bound, Delta - 2 * gamma / n), proof.extreme(bound, 4 * gamma)
    ahead = away - side * gamma * n * slope
    above = proof.certificate(Ge(bound - ahead, 0), [(1, first), (1, proof.assume(largest)), (gamma * n, floor)])
    behind = proof.certificate(
        Ge(bound + ahead, 0),
        [(1, second), (gamma * n, ceiling), (1, proof.sign(away)), (2 * gamma / n, proof.sign(1))],
    )
    square = proof.certificate(Ge(bound**2, moved**2), [(1, proof.product(above, behind)), (1, proof.assume(step))])
    sorted_again = proof.cite(
        "sorting both sides minimises the largest distance of a matching on the line",
        Ge(moved, after, evaluate=False),
        "Villani, Topics in Optimal Transportation, 2003, Theorem 2.18, for the costs |x - y|^p as p -> oo",
    )
    proof.conclude(proof.certificate(Le(after, bound), [(1, proof.root(square, moved)), (1, sorted_again)]))


@finite_time.experiment(samples={"smoke": 1024, "standard": 100_000, "full": 2_000_000})
def one_step(xp, rng, case, size):
    w, v = particles_and_atoms(xp, rng, size, case.n)
    near = rng.bernoulli(0.5, (size, 1))  # crowds much smaller than the step, the particles on the right
    scale = case.gamma * (near / 1000 + (1 - near) * 4)
    w = scale * (w + near * case.n * 2)
    v = scale * v
    end = xp.sort(w - case.gamma * 2 * pull(xp, w, v) / case.n, axis=-1)
    return {"quantity": xp.max(xp.abs(end - v), axis=-1), "Delta": xp.max(xp.abs(w - v), axis=-1)}
