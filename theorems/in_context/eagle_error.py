"""How fast the estimate of the missing block converges (Lutz, Gangrade, Daneshmand and Saligrama 2025, Theorem 1).

Rounds as in ``eagle``, with any rho_l.  With B_0 = W A_0 and D_0 = 0 the error of the estimate D_L of the Nystrom
completion W C_0 is -W C_L.  In the basis of the left singular vectors u_i of A, with c_i = C^T u_i and
s_i the i-th singular value over the largest, eta = 1/3 and gamma = 1 give

    s_i <- s_i (3 - s_i^2)/2,      c_i <- (1 - s_i^2) c_i.

Hence, if 1/kappa <= s_i <= 1 at the start,

    sum_i |c_i(L)|^2 <= (prod_{l<L} (1 - m_l^2))^2 sum_i |c_i(0)|^2,    m_0 = 1/kappa, m_{l+1} = m_l (3 - m_l^2)/2,

with equality when C_0 lives on the smallest singular value.  m grows by 11/8 until 1/2, then 1 - m is squared.

Reference: P. Lutz, A. Gangrade, H. Daneshmand, V. Saligrama, "Linear Transformers Implicitly Discover Unified Numerical
Algorithms", 2025.
"""

from sympy import Eq, Function, Ge, Le, MatrixSymbol, Rational, Sum, Symbol, Trace, ZeroMatrix

from gdverify import Assumption, Claim, Domain, Identity, Integers, Mutant, Observed, Reals, SureBound
from gdverify.language import MatrixSequence, VectorSequence, sq
from gdverify.laws import equation
from theorems import PAPERS
from theorems.in_context.eagle import rule

n, d, r, k, m = (Symbol(s, integer=True, positive=True) for s in "ndrkm")
L, l = Symbol("L", integer=True, nonnegative=True), Symbol("l", integer=True, nonnegative=True)
eta, gamma, rho = Symbol("eta", real=True), Symbol("gamma", real=True), Function("rho")

# -- what is conserved ------------------------------------------------------------------------------------------------

A, B, C, D = (MatrixSequence(*s) for s in (("A", n, d), ("B", m, d), ("C", n, k), ("D", m, k)))
W, G = MatrixSymbol("W", m, n), MatrixSymbol("G", m, k)
gram = A(l).T * A(l)
moves = {
    "A": rule("A moves", A(l + 1), A(l) - eta * rho(l) * A(l) * gram),
    "B": rule("B moves", B(l + 1), B(l) - eta * rho(l) * B(l) * gram),
    "C": rule("C moves", C(l + 1), C(l) - gamma * rho(l) * A(l) * A(l).T * C(l)),
    "D": rule("D moves", D(l + 1), D(l) + gamma * rho(l) * B(l) * A(l).T * C(l)),
}
starts = [equation("B starts", B(0), W * A(0)), equation("D starts", D(0), ZeroMatrix(m, k))]

estimate = Claim(
    id="eagle.estimate",
    title="The estimate of the missing block errs by what is left of C",
    paper=PAPERS["eagle"],
    locator="the algorithm of Theorem 1; derived here",
    statement=r"B_0 = WA_0,\ D_0 = 0:\quad D_L = WC_0 - WC_L",
    symbols={
        **{v: Integers(1, sample=(1, 3)) for v in (n, d, k, m)},
        L: Integers(0, sample=(1, 5)),
        eta: Reals(sample=(Rational(1, 4), 1)),
        gamma: Reals(sample=(Rational(1, 2), Rational(19, 10))),
    },
    decides=Identity(Trace(G.T * D(L)), Trace(G.T * W * C(0)) - Trace(G.T * W * C(L))),
    assumptions=[*moves.values(), *starts],
    mutants=[
        Mutant("the estimate has the other sign",
               decides={"bound": Trace(G.T * W * C(L)) - Trace(G.T * W * C(0))}),
        Mutant("the error is W C_L alone", decides={"bound": Trace(G.T * W * C(L))}),
        Mutant("one round more", decides={"quantity": Trace(G.T * D(L + 1))}, by=("derivation",)),
        Mutant("B need not be a multiple of A", drop=("B starts",), by=("derivation",)),
    ],
    notes="W C_0 is B A^+ C where W = B A^+. A part of B outside the row space of A is never seen by the rounds.",
)  # fmt: skip


@estimate.derivation
def conserved_sum(proof):
    at = proof.index("l")
    begin = [proof.assume(s) for s in starts]

    def always(left, right, names, known=()):
        base = proof.matrix_identity(left.subs(at, 0), right.subs(at, 0), using=begin)
        return proof.induction(
            (left, "==", right), at, base,
            lambda now: proof.matrix_identity(
                left.subs(at, at + 1), right.subs(at, at + 1),
                using=[*(proof.assume(moves[s], at) for s in names), now, *known],
            ),
        )  # fmt: skip

    tied = always(B(at), W * A(at), "AB")
    total = always(D(at), W * C(0) - W * C(at), "CD", [tied])
    last = proof.instantiate(total, {at: L})
    proof.conclude(proof.identity(*estimate.decides.expressions().values(), using=[last]))


@estimate.experiment(samples={"smoke": 128}, block=64)
def random_rounds(xp, rng, case, size):
    turn = xp.matrix_transpose
    a, c = rng.normal((size, case.n, case.d)), rng.normal((size, case.n, case.k))
    w, probe = rng.normal((size, case.m, case.n)), rng.normal((size, case.m, case.k))
    b, estimated, start = w @ a, xp.zeros((size, case.m, case.k)), c
    for _ in range(case.L):
        step = 1 / (1e-9 + xp.sum(a**2, axis=(-2, -1)))[:, None, None]  # A = 0 is reached where it has rank 1
        grown = estimated + case.gamma * step * b @ turn(a) @ c
        c, estimated = c - case.gamma * step * a @ (turn(a) @ c), grown
        a, b = a - case.eta * step * a @ turn(a) @ a, b - case.eta * step * b @ turn(a) @ a
    scale = 1
    for factor in (w, start, probe):
        scale = scale * xp.sum(xp.abs(factor), axis=(-2, -1))
    letters = {"W": w, "G": probe, "C(0)": start, "C(L)": c}
    return {"quantity": xp.sum(probe * estimated, axis=(-2, -1)), "scale": scale, **letters}


# -- how fast it is used up -------------------------------------------------------------------------------------------

R, P = Symbol("R", nonnegative=True), Symbol("P", nonnegative=True)
kappa, first = Symbol("kappa", positive=True), Symbol("first", real=True)
i = Symbol("i", integer=True, positive=True)
s, low, left, c = Function("s"), Function("m"), Function("p"), VectorSequence("c")


def every_round(name, relation):
    """An equation at every singular direction i and round l (or at every round)."""
    both = relation.has(i)

    def schema(*at):
        return relation.subs(dict(zip((i, l) if both else (l,), at, strict=True)), simultaneous=True)

    ranges = (lambda a, b: [a - 1, r - a, b]) if both else (lambda b: [b])
    return Assumption(name=name, schema=schema, key=("every", relation), where=ranges)


equal = lambda a, b: Eq(a, b, evaluate=False)
spectrum = every_round("singular values move", equal(s(i, l + 1), s(i, l) * (3 - s(i, l) ** 2) / 2))
parts = every_round("components move", equal(c(i, l + 1), c(i, l) - gamma * s(i, l) ** 2 * c(i, l)))
smallest = every_round("smallest value moves", equal(low(l + 1), low(l) * (3 - low(l) ** 2) / 2))
rate = every_round("bound moves", equal(left(l + 1), left(l) * (1 - low(l) ** 2)))
condition = Assumption(
    name="condition number kappa",
    schema=lambda j: [Ge(s(j, 0), 1 / kappa, evaluate=False), Ge(1, s(j, 0), evaluate=False)],
    where=lambda j: [j - 1, r - j],
)
begins = [
    equation("smallest value starts", low(0), first),
    equation("bound starts", left(0), 1),
    equation("product of the factors", left(L), P),
    equation("size of C", Sum(sq(c(i, 0)), (i, 1, r)), R**2),
]

centralised = Claim(
    id="eagle.centralised",
    title="The error falls by the product of 1 - m_l^2, m the Newton-Schulz iteration from 1/kappa",
    paper=PAPERS["eagle"],
    locator="a version of Theorem 1; explicit bound derived here",
    statement=r"s_i\in[\tfrac1\kappa,1]:\quad \sum_i|c_i(L)|^2\le\Big(\prod_{l<L}(1-m_l^2)\Big)^2\sum_i|c_i(0)|^2,\quad"
    r" m_0=\tfrac1\kappa,\ m_{l+1}=\tfrac12m_l(3-m_l^2)",
    symbols={
        r: Integers(1, sample=(1, 4)),
        kappa: Domain(1, sample=(1, 100)),
        L: Integers(0, sample=(1, 8)),
        R: Observed(0),
        P: Observed(0),
    },
    decides=SureBound(Sum(sq(c(i, L)), (i, 1, r)), P**2 * R**2),
    assumptions=[spectrum, parts, smallest, rate, condition, *begins],
    defines={first: 1 / kappa, gamma: 1},
    mutants=[
        Mutant("the cube of the product", decides={"bound": P**3 * R**2}, cases=({"kappa": 10, "L": 2},)),
        Mutant("gamma = 1.9", defines={gamma: Rational(19, 10)}, cases=({"kappa": 2, "L": 6, "r": 2},)),
        Mutant("m starts at 2/kappa", defines={first: 2 / kappa}, cases=({"kappa": 10, "L": 2},)),
        Mutant("0.1% below", decides={"bound": Rational(999, 1000) * P**2 * R**2},
               cases=({"kappa": 10, "L": 2},)),
    ],
    notes="In the basis of singular vectors, which the rounds keep (eagle.newton-schulz); the error of the estimate is"
    " at most |W|_2 times the root of the left side (eagle.estimate). Equality where C_0 lives on the smallest value.",
)  # fmt: skip


def ratios(proof, at, j):
    """0 <= s_j(l) <= 1, 0 <= m_l <= 1 and m_l <= s_j(l), as facts ((.., ..), (.., ..), ..) at round ``at``."""
    here, mine = low(at), s(j, at)
    values = [proof.assume(begins[0]), proof.definition(first)]
    proof.high(j)
    floor, ceiling = proof.assume(condition, j)

    def unit(value, move, base):
        """v (1 - v) >= 0 for every round, that is 0 <= v <= 1."""
        v = value(at)

        def step(now):
            below, above = ends(v, now)
            square = proof.product(below, above)
            rest = proof.certificate(Ge(3 - v**2, 0), [(1, above), (1, square), (2, proof.sign(Rational(1)))])
            up = proof.certificate(Ge(2 + v, 0), [(1, below), (2, proof.sign(Rational(1)))])
            both = proof.product(below, rest, proof.sign((1 - v) ** 2), up)
            return proof.certificate(Ge(value(at + 1) * (1 - value(at + 1)), 0), [(Rational(1, 4), both)], using=[move])

        return proof.induction((v * (1 - v), ">=", 0), at, base, step)

    def ends(v, fact):
        low_end = proof.certificate(Ge(v, 0), [(1, fact)], [(1, v)])
        return low_end, proof.certificate(Ge(1 - v, 0), [(1, fact)], [(1, 1 - v)])

    positive = proof.certificate(Ge(s(j, 0), 0), [(1, floor), (1, proof.sign(1 / kappa))])
    inside = proof.product(positive, ceiling)
    mine_in = ends(mine, unit(lambda t: s(j, t), proof.assume(spectrum, j, at), inside))
    least = proof.certificate(Ge(1 - 1 / kappa, 0), [(1, floor), (1, ceiling)])
    started = proof.product(proof.sign(1 / kappa), least)
    low_start = proof.certificate(Ge(low(0) * (1 - low(0)), 0), [(1, started)], using=values)
    here_in = ends(here, unit(low, proof.assume(smallest, at), low_start))
    # s_i stays above m
    order_start = proof.certificate(Ge(s(j, 0) - low(0), 0), [(1, floor)], using=values)
    squares = [proof.product(*two) for two in ((mine_in[0], mine_in[1]), (here_in[0], here_in[1]))]
    cross = proof.product(here_in[0], mine_in[1])
    slope = proof.certificate(
        Ge(3 - mine**2 - mine * here - here**2, 0),
        [(1, squares[0]), (1, mine_in[1]), (1, cross), (2, here_in[1]), (1, squares[1])],
    )
    moves_both = [proof.assume(spectrum, j, at), proof.assume(smallest, at)]

    def order_step(now):
        gap = proof.product(now, slope)
        return proof.certificate(Ge(s(j, at + 1) - low(at + 1), 0), [(Rational(1, 2), gap)], using=moves_both)

    return mine_in, here_in, proof.induction((mine - here, ">=", 0), at, order_start, order_step)


@centralised.derivation
def component_by_component(proof):
    at, j = proof.index("l"), proof.index("i", 1, r)
    here, mine = low(at), s(j, at)
    values = [proof.assume(b) for b in begins[:2]] + [proof.definition(first), proof.definition(gamma)]
    proof.high(j)
    mine_in, here_in, order = ratios(proof, at, j)
    squares = [proof.product(*two) for two in (mine_in, here_in)]
    # (1 - m^2)^2 - (1 - s^2)^2 = (s - m)(s + m)((1 - s^2) + (1 - m^2))
    total = proof.certificate(Ge(mine + here, 0), [(1, mine_in[0]), (1, here_in[0])])
    rest = proof.certificate(
        Ge(2 - mine**2 - here**2, 0), [(1, mine_in[1]), (1, squares[0]), (1, here_in[1]), (1, squares[1])]
    )
    faster = proof.product(order, total, rest, proof.sign(sq(c(j, at))))
    claimed = lambda t: left(t) ** 2 * sq(c(j, 0)) - sq(c(j, t))
    begin = proof.certificate(Ge(claimed(0), 0), using=values)
    step_rules = [proof.assume(parts, j, at), proof.assume(rate, at), proof.definition(gamma)]
    every = proof.induction(
        (claimed(at), ">=", 0), at, begin,
        lambda now: proof.certificate(
            Ge(claimed(at + 1), 0), [((1 - here**2) ** 2, now), (1, faster)], using=step_rules
        ),
    )  # fmt: skip
    summed = proof.sum_of(proof.instantiate(every, {at: L}), j, 1, r)
    size = proof.assume(begins[3])
    target = Le(centralised.decides.quantity, proof.claim.decides.bound)
    proof.conclude(proof.certificate(target, [(1, summed), (-(P**2), size)], using=[proof.assume(begins[2])]))


@centralised.experiment(cases=[{}, {"kappa": 1000, "L": 12}], samples={"smoke": 256}, block=64)
def rounds_on_a_spectrum(xp, rng, case, size):
    """A diagonal A and any C, half of them on the smallest singular value; D is estimated as the algorithm does."""
    low_end = 1 / case.kappa
    inner = low_end + (1 - low_end) * rng.uniform((size, case.r - 1), 0, 1) ** 3
    a = xp.concat([low_end + xp.zeros((size, 1)), inner], axis=-1)
    least = xp.astype(xp.arange(case.r) < 1, xp.float64)
    aligned = rng.bernoulli(0.5, (size,))[:, None, None]
    c = rng.normal((size, case.r, 2))
    c = aligned * least[:, None] * c + (1 - aligned) * c
    start, m, p = xp.sqrt(xp.sum(c**2, axis=(-2, -1))), case.first, 1
    for _ in range(case.L):
        c = c - case.gamma * a[..., None] ** 2 * c
        a = a * (3 - a**2) / 2
        m, p = m * (3 - m**2) / 2, p * (1 - m**2)
    return {"quantity": xp.sum(c**2, axis=(-2, -1)), "R": start, "P": p + 0 * start}
