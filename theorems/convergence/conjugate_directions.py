"""Conjugate directions, whatever proposes them, solve a linear system in as many steps as it has unknowns.

On "A Deep Conjugate Direction Method for Iteratively Solving Linear Systems" (2022): directions d_0, d_1, ... are made
H-orthogonal to all earlier ones, H positive definite, and each is followed by an exact line search.  With the error e,
r = H e and q = H d,

    e_{k+1} = e_k - (<d_k, r_k>/<d_k, q_k>) d_k,
    <e_T, H e_T>  =  <e_0, H e_0> - sum over k < T of <d_k, H e_0>^2/<d_k, H d_k>.

After n independent directions in R^n nothing is left, by Parseval's identity.  Setting of the abstract; derived here.
Nothing is assumed of directions after the last: in R^n there are none.
"""

from sympy import Eq, Ge, Gt, Integer, Rational, Sum, Symbol

from gdverify import Assumption, Claim, Identity, Inner, Integers, Mutant, Observed, VectorSequence
from gdverify.laws import equation
from theorems import PAPERS

T, n = (Symbol(name, integer=True, positive=True) for name in ("T", "n"))
j, steps = Symbol("j", integer=True), Symbol("steps", integer=True)
level, gained = Symbol("level", nonnegative=True), Symbol("gained", nonnegative=True)
e, r, d, q = (VectorSequence(name) for name in "erdq")
same = lambda left, right: Eq(left, right, evaluate=False)
curve, slope = lambda k: Inner(d(k), q(k)), lambda k: Inner(d(k), r(k))
energy = lambda k: Inner(e(k), r(k))
gain = lambda k: Inner(d(k), r(0)) ** 2 / curve(k)


def hypotheses(end):
    """About the steps k = 0, ..., end - 1."""
    inside = lambda k, *_: [k, end - 1 - k]
    return [
        Assumption(
            "exact line search",
            lambda k: [
                same(e(k + 1), e(k) - slope(k) / curve(k) * d(k)),
                same(r(k + 1), r(k) - slope(k) / curve(k) * q(k)),
            ],
            latex=r"e_{k+1}=e_k-\tfrac{\langle d_k,r_k\rangle}{\langle d_k,q_k\rangle}d_k,\ r_k=He_k,\ q_k=Hd_k",
            key=("line search", end),
            where=inside,
        ),
        Assumption(
            "H is positive definite, and directions do not vanish",
            lambda k: Gt(curve(k), 0, evaluate=False),
            latex=r"\langle d_k,Hd_k\rangle>0",
            key=("positive definite", end),
            where=inside,
        ),
        Assumption(
            "H is symmetric",
            lambda k: same(Inner(e(k), q(k)), slope(k)),
            latex=r"H=H^\top",
            key=("symmetric", end),
            where=inside,
        ),
        Assumption(
            "directions are H-orthogonal to all earlier ones",
            lambda k, i: same(Inner(d(k), q(i)), 0),
            latex=r"\langle d_k,Hd_i\rangle=0,\ i<k",
            key=("conjugate", end),
            where=lambda k, i: [i, k - 1 - i, end - 1 - k],
        ),
    ]


begin = equation("level is <e_0, H e_0>", energy(0), level)
shared = {"paper": PAPERS["deep-conjugate-direction"], "locator": "setting of the abstract; derived here"}

energies = Claim(
    id="deep-conjugate-direction.conjugate-energy",
    title="What conjugate directions take off the energy of the error adds up, measured at the start",
    statement=r"\langle e_T,He_T\rangle = \langle e_0,He_0\rangle"
    r" -\sum_{k<T}\frac{\langle d_k,He_0\rangle^2}{\langle d_k,Hd_k\rangle}",
    symbols={T: Integers(2, sample=(2, 6)), level: Observed(0), gained: Observed(0)},
    assumptions=[
        *hypotheses(T),
        begin,
        equation("gained is the sum of <d_k, H e_0>^2/<d_k, H d_k>", Sum(gain(j), (j, 0, T - 1)), gained),
    ],
    decides=Identity(quantity=energy(T), bound=level - gained),
    mutants=[
        Mutant("half of it", decides={"bound": level - gained / 2}),
        Mutant("1% more", decides={"bound": level - Rational(101, 100) * gained}),
        Mutant(
            "directions that are not conjugate",
            drop=("directions are H-orthogonal to all earlier ones",),
            by=("derivation",),
        ),
        Mutant("H need not be symmetric", drop=("H is symmetric",), by=("derivation",)),
    ],
    **shared,
)
termination = Claim(
    id="deep-conjugate-direction.termination",
    title="After n independent conjugate directions in R^n the linear system is solved",
    statement=r"d_0,\dots,d_{n-1}\in\mathbb R^n\ \text{conjugate}:\quad \langle e_n,He_n\rangle = 0",
    symbols={n: Integers(2, sample=(2, 6)), steps: Integers(n, n, sample=(n, n))},
    assumptions=hypotheses(n),
    decides=Identity(quantity=energy(steps), bound=Integer(0)),
    mutants=[
        Mutant("after n - 1 steps", symbols={steps: Integers(n - 1, n - 1, sample=(n - 1, n - 1))}),
        Mutant("a thousandth is left", decides={"bound": Rational(1, 1000)}),
        Mutant(
            "directions that are not conjugate",
            drop=("directions are H-orthogonal to all earlier ones",),
            by=("derivation",),
        ),
    ],
    **shared,
)


def pythagoras(proof, given, end):
    """<e, H e> at the start less that at ``end``, as a sum over the steps between."""
    search, positive, symmetric, conjugate = given
    proof.low(end)
    k = proof.index("k", 1, end - 1)
    i = proof.index("i", 0, k - 1)
    proof.certificate(Ge(end - 1 - i, 0), [(1, proof.high(i)), (1, proof.high(k)), (1, proof.sign(Integer(1)))])

    def fall(s, slopes):
        """energy(s) - energy(s + 1) == gain(s), from <d_s, r_s> == <d_s, r_0>."""
        c, a = proof.assume(positive, s).left, slope(s)
        return proof.certificate(
            same(energy(s) - energy(s + 1), gain(s)),
            [(a / c, proof.assume(symmetric, s)), ((a + Inner(d(s), r(0))) / c, slopes)],
            using=proof.assume(search, s),
        )

    # the slope along d_k is the same at all earlier points
    bend = proof.assume(positive, i).left
    still = proof.certificate(
        same(Inner(d(k), r(i)) - Inner(d(k), r(i + 1)), 0),
        [(slope(i) / bend, proof.assume(conjugate, k, i))],
        using=[proof.assume(search, i)[1]],
    )
    later = proof.telescoped(still, Inner(d(k), r(i)), i, 0, k)
    slopes = proof.certificate(same(slope(k), Inner(d(k), r(0))), [(-1, later)])
    rest = proof.telescoped(fall(k, slopes), energy(k), k, 1, end)
    first = fall(0, proof.identity(slope(0), slope(0)))
    every = proof.index("s", 0, end - 1)
    proof.high(every)
    proof.assume(positive, every)
    whole = Sum(gain(j), (j, 0, end - 1))
    cut, head = proof.split_sum(whole, 0), proof.split_sum(Sum(gain(j), (j, 0, 0)))
    none = proof.empty_sum(Sum(gain(j), (j, 0, -1)))
    return proof.certificate(
        same(energy(0) - energy(end), whole), [(1, rest), (1, first), (-1, cut), (-1, head), (-1, none)]
    )


@energies.derivation
def sum_of_gains(proof):
    start, sums = (proof.assume(a) for a in energies.assumptions[-2:])
    total = pythagoras(proof, energies.assumptions[:4], T)
    proof.conclude(proof.certificate(same(energy(T), level - gained), [(-1, total), (1, start), (-1, sums)]))


@termination.derivation
def parseval(proof):
    total = pythagoras(proof, termination.assumptions, n)
    all_of_them = proof.antisymmetry(proof.low(steps), proof.high(steps))
    every = proof.cite(
        "Parseval's identity for n orthogonal vectors in R^n, in the inner product of H",
        same(energy(0), Sum(gain(j), (j, 0, n - 1))),
        "Horn and Johnson, Matrix Analysis, 2nd ed., Section 0.6",
    )
    proof.conclude(proof.certificate(same(energy(steps), 0), [(-1, total), (1, every)], using=[all_of_them]))


def follow(xp, rng, size, n, count):
    """Random directions, some near the residual, made conjugate one by one; the energies and the gains at the start."""
    B = rng.normal((size, n, n))
    times = lambda u: xp.matmul(B, xp.matmul(xp.matrix_transpose(B), u[..., None]))[..., 0] + u / 10
    dot = lambda u, w: xp.sum(u * w, axis=-1)
    point = rng.normal((size, n))
    first = times(point)
    level, gained, earlier = dot(point, first), xp.zeros((size,)), []
    for _ in range(count):
        way = rng.normal((size, n)) + rng.bernoulli(0.5, (size, 1)) * times(point)
        for _again in range(2):  # orthogonalised twice, against rounding
            for old, bend, along in earlier:
                way = way - (dot(way, bend) / along)[:, None] * old
        bend = times(way)
        earlier.append((way, bend, dot(way, bend)))
        gained = gained + dot(way, first) ** 2 / earlier[-1][2]
        point = point - (dot(way, times(point)) / earlier[-1][2])[:, None] * way
    return {"quantity": dot(point, times(point)), "level": level, "gained": gained, "scale": level}


@energies.experiment(cases=[{"dimension": 6}, {"dimension": 12}])
def some_directions(xp, rng, case, size):
    return follow(xp, rng, size, case.dimension, case.T)


@termination.experiment()
def all_directions(xp, rng, case, size):
    found = follow(xp, rng, size, case.n, case.steps)
    return {name: found[name] for name in ("quantity", "scale")}
