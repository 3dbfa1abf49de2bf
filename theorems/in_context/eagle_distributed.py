"""Missing blocks filled in by many machines (Lutz, Gangrade, Daneshmand and Saligrama 2025, Theorem 2).

Machine mu keeps A_mu and B_mu = W A_mu and moves them as a single machine does (`eagle`, eta = 1/3); C and the estimate
D are common, and move by the mean over the M machines,

    C <- C - mean_mu rho_mu A_mu A_mu^T C,      D <- D + mean_mu rho_mu B_mu A_mu^T C,      rho_mu = |A_mu|_2^{-2}.

Let i run over the left singular vectors u_i of all machines, s_i its singular value over the largest one of its
machine, w_i = W u_i; c_a and d_a are columns of C and D:

    c_a <- c_a - (1/M) sum_i s_i^2 <u_i, c_a> u_i,      d_a <- d_a + (1/M) sum_i s_i^2 <u_i, c_a> w_i.

If 1/kappa <= s_i at the start and the mean (1/M) sum_i u_i u_i^T of the projectors on the ranges is at least alpha on
the joint range, then

    |D_L - W C_0|_F  <=  |W|_2 |C_0|_F prod_{l<L} (1 - alpha m_l^2),      m_0 = 1/kappa,  m_{l+1} = m_l (3 - m_l^2)/2:

linear as soon as alpha < 1, since m_l tends to 1.

Reference: P. Lutz, A. Gangrade, H. Daneshmand, V. Saligrama, "Linear Transformers Implicitly Discover Unified Numerical
Algorithms", 2025.
"""

from sympy import Eq, Function, Ge, Gt, Le, Rational, Sum, Symbol, symbols

from gdverify import Assumption, Claim, Domain, Inner, Integers, Mutant, Observed, SureBound, VectorSequence, sq
from gdverify.errors import ClaimError
from gdverify.laws import equation
from theorems import PAPERS
from theorems.in_context.eagle_error import (
    L,
    P,
    R,
    begins,
    condition,
    every_round,
    first,
    i,
    kappa,
    l,
    low,
    r,
    ratios,
    s,
    smallest,
    spectrum,
)

M, k = (Symbol(name, integer=True, positive=True) for name in "Mk")
a = Symbol("a", integer=True, positive=True)
alpha, omega = symbols("alpha omega", positive=True)
u, w, c, d, D, e, We = (VectorSequence(name) for name in ("u", "w", "c", "d", "D", "e", "We"))
left = Function("p")
equal, above = (lambda x, y: Eq(x, y, evaluate=False)), (lambda x, y: Ge(x, y, evaluate=False))
column = lambda a_, *at: [a_ - 1, k - a_, *at]
mean_of = lambda f: Sum(f(i), (i, 1, r)) / M
seen = lambda f, g: mean_of(lambda j: f(j) * g(j))

frames = Assumption(
    "singular vectors of one machine are orthonormal",
    lambda v: above(sq(v), seen(lambda j: Inner(u(j), v), lambda j: Inner(u(j), v))),
    latex=r"\frac1M\sum_i u_iu_i^\top\preceq 1\text{: a mean of projectors}",
    key=("bessel", M, r),
)
overlap = Assumption(
    "alpha of the mean projector on the joint range",
    lambda v: above(seen(lambda j: Inner(u(j), v), lambda j: Inner(u(j), v)), alpha * sq(v)),
    latex=r"\frac1M\sum_i u_iu_i^\top\succeq\alpha",
    key=("overlap", alpha, M, r),
)
pull = lambda at, a_: lambda j: s(j, at) ** 2 * Inner(u(j), c(a_, at))


def law(name, latex, relation):
    """A statement about every column a, every round l and every vector v (or without a round)."""

    def schema(a_, *rest):
        if not a_.is_integer or not all(at.is_integer and at.is_nonnegative for at in rest[:-1]):
            raise ClaimError(f"{name}: {a_} and {rest[:-1]} are no column and round")
        return relation(a_, *rest)

    return Assumption(name, schema, latex=latex, key=("law", name, M, r))


moves_c = law(
    "C moves by the mean over machines",
    r"c_a(l+1) = c_a(l) - \frac1M\sum_i s_i^2\langle u_i, c_a(l)\rangle u_i",
    lambda a_, at, v: equal(
        Inner(c(a_, at + 1), v), Inner(c(a_, at), v) - seen(pull(at, a_), lambda j: Inner(u(j), v))
    ),
)
moves_d = law(
    "D moves by the mean over machines",
    r"d_a(l+1) = d_a(l) + \frac1M\sum_i s_i^2\langle u_i, c_a(l)\rangle w_i",
    lambda a_, at, v: equal(
        Inner(d(a_, at + 1), v), Inner(d(a_, at), v) + seen(pull(at, a_), lambda j: Inner(w(j), v))
    ),
)
begins_d = law("D starts at zero", "D_0 = 0", lambda a_, v: equal(Inner(d(a_, 0), v), 0))
error = Assumption(
    "e is the error of the estimate",
    lambda a_: equal(e(a_), D(a_) - d(a_, L)),
    latex="e_a = D_a - d_a(L)",
    key=("error",),
    where=column,
)
tied = Assumption(  # <W u_i, e_a> = <u_i, W^T e_a>, the only place where W is seen
    "B = W A on every machine",
    lambda j, a_: equal(Inner(w(j), e(a_)), Inner(u(j), We(a_))),
    latex=r"w_i = Wu_i",
    key=("tied",),
    where=lambda j, a_: [j - 1, r - j, *column(a_)],
)
target = Assumption(
    "D = W C_0 is to be found",
    lambda a_: equal(Inner(D(a_), e(a_)), Inner(c(a_, 0), We(a_))),
    latex=r"D_a = Wc_a(0)",
    key=("target",),
    where=column,
)
norm = Assumption(
    "omega is the norm of W",
    lambda a_: above(omega**2 * sq(e(a_)), sq(We(a_))),
    latex=r"\|W^\top e_a\| \le \omega\|e_a\|",
    key=("norm", omega),
    where=column,
)
rate = every_round("bound moves", equal(left(l + 1), left(l) * (1 - alpha * low(l) ** 2)))
size = equation("size of C", Sum(sq(c(a, 0)), (a, 1, k)), R**2)
errors = Sum(sq(e(a)), (a, 1, k))

distributed = Claim(
    id="eagle.distributed",
    title="With many machines the estimate's error falls by the product of 1 - alpha m_l^2",
    paper=PAPERS["eagle"],
    locator="a version of Theorem 2; explicit bound derived here",
    statement=r"\|D_L - WC_0\|_F\le\|W\|_2\,\|C_0\|_F\prod_{l<L}(1-\alpha m_l^2),\quad m_0=\tfrac1\kappa,"
    r"\ m_{l+1}=\tfrac12m_l(3-m_l^2)",
    symbols={
        M: Integers(1, sample=(1, 4)),
        k: Integers(1, sample=(1, 3)),
        kappa: Domain(1, low_open=True, sample=(Rational(21, 20), 100)),
        L: Integers(0, sample=(1, 8)),
        r: Domain(1, integer=True, observed=True),
        alpha: Domain(0, 1, low_open=True, observed=True),
        omega: Observed(0, open="left"),
        R: Observed(0),
        P: Observed(0),
    },
    decides=SureBound(errors, omega**2 * P**2 * R**2),
    assumptions=[
        frames, overlap, moves_c, moves_d, begins_d, error, tied, target, norm, size, rate,
        spectrum, smallest, condition, begins[0], begins[1], begins[2],
    ],
    defines={first: 1 / kappa},
    mutants=[
        Mutant("0.1% below", decides={"bound": Rational(999, 1000) * omega**2 * P**2 * R**2},
               cases=({"kappa": 10, "L": 2, "M": 2},)),
        Mutant("the cube of the product", decides={"bound": omega**2 * P**3 * R**2},
               cases=({"kappa": 3, "L": 3, "M": 3},)),
        Mutant("the rounds of one machine", cases=({"kappa": 3, "L": 3, "M": 3},),
               decides={"bound": omega**2 * P ** (2 / alpha) * R**2}),
        Mutant("m starts at 2/kappa", defines={first: 2 / kappa}, cases=({"kappa": 10, "L": 2},)),
        Mutant("singular vectors need not be orthonormal", drop=(frames.name,), by=("derivation",)),
        Mutant("machines with targets of their own", drop=(tied.name,), by=("derivation",)),
    ],
    notes="In the space of the joint range: what of C is orthogonal to it never moves, and is not estimated. The "
    "singular values move by eagle.newton-schulz on every machine. Attained where C lives on a direction that a share "
    "alpha of the machines sees, as its smallest singular direction. kappa is any bound on the condition numbers.",
)  # fmt: skip


@distributed.derivation
def mean_of_projectors(proof):
    at, j, a_ = proof.index("l"), proof.index("i", 1, r), proof.index("a", 1, k)
    m = low(at)
    proof.high(a_)
    mine, here, order = ratios(proof, at, j)
    # 0 < alpha m^2 < 1
    inverse = proof.certificate(Gt(1 - 1 / kappa, 0), [(1 / kappa, proof.low(kappa))])
    start = proof.certificate(
        Gt(1 - low(0), 0), [(1, inverse)], using=[proof.assume(begins[0]), proof.definition(first)]
    )

    def below_one(now):
        rest = proof.certificate(Gt(2 + m, 0), [(1, here[0]), (1, proof.sign(Rational(2)))])
        fall = proof.product(now, now, rest)
        return proof.certificate(Gt(1 - low(at + 1), 0), [(Rational(1, 2), fall)], using=[proof.assume(smallest, at)])

    short = proof.induction((1 - m, ">", 0), at, start, below_one)
    wide = proof.certificate(Gt(1 + m, 0), [(1, here[0]), (1, proof.sign(Rational(1)))])
    square = proof.certificate(Gt(1 - m**2, 0), [(1, proof.product(short, wide))])
    b = alpha * m**2
    gap = proof.certificate(Gt(1 - b, 0), [(m**2, proof.high(alpha)), (1, square)])
    # b <= G <= 1 for the mean G of the normalised Gram matrices
    old, new = c(a_, at), c(a_, at + 1)
    g = old - new
    total = proof.certificate(Ge(s(j, at) + m, 0), [(1, mine[0]), (1, here[0])])
    room = proof.certificate(Ge(1 + s(j, at), 0), [(1, mine[0]), (1, proof.sign(Rational(1)))])
    entry = lambda v: proof.sign(Inner(u(j), v) ** 2)

    def at_least(v):
        each = proof.sum_of(proof.product(order, total, entry(v)), j, 1, r)
        return [(1 / M, each), (m**2, proof.assume(overlap, v))]

    def at_most(v):
        each = proof.sum_of(proof.product(mine[1], room, entry(v)), j, 1, r)
        return [(1 / M, each), (1, proof.assume(frames, v))]

    scaled = lambda weight, facts: [(weight * x, f) for x, f in facts]
    away = g - b * old
    contraction = proof.certificate(
        Ge((1 - b) ** 2 * sq(old), sq(new)),
        [
            *scaled(1 / gap.left, at_most(away)),
            *scaled(1 / gap.left, at_least(new)),
            *scaled(1 - b, at_least(old)),
            (-2, proof.assume(moves_c, a_, at, new)),
        ],
    )
    claimed = lambda t: left(t) ** 2 * sq(c(a_, 0)) - sq(c(a_, t))
    every = proof.induction(
        (claimed(at), ">=", 0), at,
        proof.certificate(Ge(claimed(0), 0), using=[proof.assume(begins[1])]),
        lambda now: proof.certificate(
            Ge(claimed(at + 1), 0), [((1 - b) ** 2, now), (1, contraction)], using=[proof.assume(rate, at)]
        ),
    )  # fmt: skip
    rest = proof.instantiate(every, {at: L})
    # D + W C is conserved
    mistake = lambda t: Inner(D(a_), e(a_)) - Inner(d(a_, t), e(a_)) - Inner(c(a_, t), We(a_))
    base = proof.certificate(
        Eq(mistake(0), 0, evaluate=False), [(1, proof.assume(target, a_)), (-1, proof.assume(begins_d, a_, e(a_)))]
    )
    seen_twice = proof.product(proof.identity(pull(at, a_)(j), pull(at, a_)(j)), proof.assume(tied, j, a_))
    push = proof.sum_of(seen_twice, j, 1, r)
    kept = proof.induction(
        (mistake(at), "==", 0), at, base,
        lambda now: proof.certificate(
            Eq(mistake(at + 1), 0, evaluate=False),
            [(1, now), (-1, proof.assume(moves_d, a_, at, e(a_))), (-1, proof.assume(moves_c, a_, at, We(a_))),
             (-1 / M, push)],
        ),
    )  # fmt: skip
    own = proof.certificate(
        Eq(sq(e(a_)), Inner(c(a_, L), We(a_)), evaluate=False), [(1, proof.instantiate(kept, {at: L}))],
        using=[proof.assume(error, a_)],
    )  # fmt: skip
    # |e|^2 = <c, W^T e> and |W^T e| <= omega |e|
    bound = proof.certificate(
        Ge(omega**2 * left(L) ** 2 * sq(c(a_, 0)), sq(e(a_))),
        [(1 / omega**2, proof.assume(norm, a_)), (-2, own), (omega**2, rest)],
        [(1 / omega**2, omega**2 * c(a_, L) - We(a_))],
    )
    summed = proof.sum_of(bound, a_, 1, k)
    stated = Le(proof.claim.decides.quantity, proof.claim.decides.bound)
    proof.conclude(
        proof.certificate(stated, [(1, summed), (-(omega**2) * P**2, proof.assume(size))],
                          using=[proof.assume(begins[2])])
    )  # fmt: skip


@distributed.experiment(cases=[{}, {"family": "angle", "M": 2}], samples={"smoke": 256}, block=64)
def common_blocks(xp, rng, case, size):
    """Diagonal machines that see some of three coordinates, the first one alpha of them with ratio 1/kappa exactly, and
    half of the C live there.  "angle": two machines that see a line each, in the plane.
    """
    turn, low_end, k = xp.matrix_transpose, 1 / case.kappa, case.k
    if dict(case).get("family") == "angle":
        n, t = 2, rng.uniform((size, 1), 0.05, 1)  # tan(half the angle)
        side = xp.concat([t, 1 + 0 * t], axis=-1) / xp.sqrt(1 + t**2)
        other = xp.concat([-t, 1 + 0 * t], axis=-1) / xp.sqrt(1 + t**2)
        A = xp.stack([side[:, :, None] * xp.eye(2)[:1, :], other[:, :, None] * xp.eye(2)[:1, :]], axis=1)
        alpha, count = (t**2 / (1 + t**2))[:, 0], xp.full((size,), 2.0)
    else:
        n, place = 3, xp.astype(xp.arange(case.M), xp.float64)[:, None] / case.M
        first_one = xp.astype(xp.arange(n) < 1, xp.float64)
        last = 1 - xp.astype(xp.arange(n) < n - 1, xp.float64)
        least = xp.astype(place <= rng.uniform((size, 1, 1), 0, 1), xp.float64)
        others = xp.maximum(least, xp.astype(place <= rng.uniform((size, 1, n), 0, 1), xp.float64))
        seen_by = xp.maximum(least * first_one + others * (1 - first_one), last)  # all see the last coordinate
        inner = low_end + (1 - low_end) * rng.uniform((size, case.M, n), 0, 1)
        values = seen_by * (low_end * first_one + last + inner * (1 - first_one - last))
        A = values[..., None] * xp.eye(n)
        alpha, count = xp.mean(least[..., 0], axis=-1), xp.sum(seen_by, axis=(-2, -1))
    W = xp.eye(n) * xp.concat([2 + xp.zeros((size, 1)), 2 * rng.uniform((size, n - 1), 0, 1)], axis=-1)[:, None, :]
    B = W[:, None, :, :] @ A
    crest = xp.astype(xp.arange(n) < 1, xp.float64)[:, None]
    on_it = rng.bernoulli(0.5, (size, 1, 1))
    C = rng.normal((size, n, k))
    C = on_it * crest * C + (1 - on_it) * C
    goal, start, D_ = W @ C, xp.sqrt(xp.sum(C**2, axis=(-2, -1))), 0 * C
    m, p = case.first, 1
    top = 1.0
    for _ in range(case.L):
        flow = turn(A) @ C[:, None, :, :] / top**2
        C, D_ = C - xp.mean(A @ flow, axis=1), D_ + xp.mean(B @ flow, axis=1)
        gram = turn(A) @ A / (3 * top**2)
        A, B, top = A - A @ gram, B - B @ gram, top * 2 / 3
        m, p = m * (3 - m**2) / 2, p * (1 - alpha * m**2)
    missing = xp.sum((goal - D_) ** 2, axis=(-2, -1))
    rounding = 1e-14 * xp.sqrt(xp.sum(goal**2, axis=(-2, -1)))  # of goal - D_, which falls below it in few rounds
    unsure = (2 * xp.sqrt(missing) + rounding) * rounding
    return {
        "quantity": missing,
        "quantity_error": unsure,
        "R": start,
        "P": p + 0 * start,
        "alpha": alpha,
        "omega": 2 + 0 * start,
        "r": count,
    }
