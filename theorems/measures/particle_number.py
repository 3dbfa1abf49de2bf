"""How many particles a kernel distance needs (Daneshmand, Lee & Jin 2023).

A squared kernel distance of measures is F(mu) = |E_mu phi - E_nu phi|^2 in a Hilbert space.  For n independent atoms
from the target nu,

    E F(mu_n)  ==  (E|phi(X)|^2 - |E phi(X)|^2)/n,

so some measure of n atoms has F <= C/n, C the variance.  For the energy distance on the line C = E|X - X'|.

Reference: arXiv:2302.04753.  Its theorems were not read: the statement is derived here.
"""

from sympy import Eq, Rational, Symbol, symbols

from gdverify import Assumption, Claim, Inner, Integers, Mean, MeanEquals, Mutant, Observed, VectorSequence, sq
from gdverify.classes import recursion
from gdverify.laws import equation
from theorems import PAPERS

n, t = Symbol("n", integer=True, positive=True), Symbol("t", integer=True, nonnegative=True)
variance = symbols("variance", positive=True)
phi, S = (
    VectorSequence("phi"),
    VectorSequence("S"),
)  # phi(i): feature of atom i + 1 minus its mean; S(k): sum of k of them

sums = recursion(S(t + 1), S(t) + phi(t))
empty = equation("no atom at first", S(0), 0)
independent = Assumption(
    "atoms are drawn independently from nu: phi(k) has mean 0 given the earlier ones",
    lambda k: Eq(Mean(Inner(S(k), phi(k))), 0, evaluate=False),
    key=("independent",),
    where=lambda k: [k],
)
spread = Assumption(
    "variance is E|phi - E phi|^2 under nu",
    lambda k: Eq(Mean(sq(phi(k))), variance, evaluate=False),
    key=("variance",),
    where=lambda k: [k],
)

particle_number = Claim(
    id="particle-gd-displacement-convex.particle-number",
    title="n independent atoms from the target have the kernel distance variance/n on average",
    paper=PAPERS["particle-gd-displacement-convex"],
    locator="approximation by n particles; constants derived here",
    statement=r"\mathbb E\,\Bigl\|\frac1n\sum_{i\le n}\varphi(X_i)-\mathbb E\varphi(X)\Bigr\|^2"
    r" = \frac{\mathbb E\|\varphi(X)\|^2-\|\mathbb E\varphi(X)\|^2}{n}",
    symbols={n: Integers(1, sample=(1, 12)), variance: Observed(0, open="left")},
    assumptions=[sums, empty, independent, spread],
    decides=MeanEquals(quantity=sq(S(n)) / n**2, bound=variance / n),
    mutants=[
        Mutant("half of the variance", decides={"bound": variance / (2 * n)}),
        Mutant("decay like 1/n^2", decides={"bound": variance / n**2}),
        Mutant("10% more", decides={"bound": Rational(11, 10) * variance / n}),
        Mutant("atoms may depend on each other", drop=(independent.name,), by=("derivation",)),
    ],
    notes="An existence bound by independent atoms is loose by a factor of order n on the line: the midpoints of n "
    "equal cells have the energy distance 1/(6 n^2) to the uniform law on [0, 1], where variance/n is 1/(3 n).",
)


@particle_number.derivation
def orthogonal_sums(proof):
    k = proof.index("k")
    law = lambda s: Eq(Mean(sq(S(s))), s * variance, evaluate=False)
    none = proof.assume(empty)
    begin = proof.mean(proof.identity(sq(S(0)), 0, using=[none]))

    def step(known):
        grown = proof.mean(
            proof.identity(sq(S(k + 1)), sq(S(k)) + 2 * Inner(S(k), phi(k)) + sq(phi(k)), using=[proof.assume(sums, k)])
        )
        return proof.certificate(
            law(k + 1), [(1, known), (1, grown), (2, proof.assume(independent, k)), (1, proof.assume(spread, k))]
        )

    every = proof.instantiate(proof.induction(law(k), k, begin, step), {k: n})
    target = Eq(Mean(sq(S(n)) / n**2), variance / n, evaluate=False)
    proof.conclude(proof.certificate(target, [(1 / n**2, every)]))


@particle_number.experiment(
    cases=[{"kernel": "distance"}, {"kernel": "gaussian"}],
    samples={"smoke": 100_000, "standard": 1_000_000, "full": 50_000_000},
)
def drawn_atoms(xp, rng, case, size):
    """The energy distance to the uniform law on [0, 1], and the kernel exp(-(x - y)^2/2) under a normal law."""
    if case.kernel == "distance":
        x = rng.uniform((size, case.n))
        cross = xp.mean((x * x + (1 - x) ** 2) / 2, axis=-1)
        own = xp.mean(xp.mean(xp.abs(x[:, :, None] - x[:, None, :]), axis=-1), axis=-1)
        return {"quantity": 2 * cross - own - 1 / 3, "variance": 1 / 3}
    x = rng.normal((size, case.n))
    cross = xp.mean(xp.exp(-x * x / 4), axis=-1) / 2**0.5
    own = xp.mean(xp.mean(xp.exp(-((x[:, :, None] - x[:, None, :]) ** 2) / 2), axis=-1), axis=-1)
    return {"quantity": own - 2 * cross + 3**-0.5, "variance": 1 - 3**-0.5}
