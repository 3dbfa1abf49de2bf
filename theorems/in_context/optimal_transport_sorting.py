"""Sorting by entropic transport: how far ranks are displaced (behind Daneshmand 2024).

Two sorted lists x_1 < x_2 < ... and y_1 < y_2 < ... with steps of at least a and b, costs (x_i - y_j)^2, and the
entropic plan e_ij with uniform marginals 1/n and regularisation lambda.  It moves mass from rank i to rank j so
seldom that

    sum_ij e_ij |i - j|  <=  lambda log(n)/(a b):

attention with these weights sorts as lambda -> 0.  For with

    H_{j+1} - H_j = (x_j + x_{j+1} - y_j - y_{j+1}) (y_{j+1} - y_j),
    C_ij - C_ii + H_j - H_i  >=  a b |i - j|,

whose mean under e is the excess cost of e over the plan on the diagonal: at most lambda log n
(`optimal_transport_gap`).

Reference: H. Daneshmand, "Provable optimal transport with transformers: The essence of depth and prompt engineering",
2024.  The bound is derived here.
"""

from sympy import Eq, Function, Ge, Le, Rational, Sum, log, symbols

from gdverify import Assumption, Claim, Integers, Mutant, Positive, SureBound
from gdverify.errors import ClaimError
from gdverify.laws import equation
from theorems import PAPERS
from theorems.in_context.optimal_transport_gap import (
    C,
    c,
    columns,
    cost_gap,
    costs,
    coupling,
    defined,
    e,
    gibbs,
    i,
    j,
    lam,
    n,
    p,
    row_of,
    row_sums,
)

a, b = symbols("a b", positive=True)
x, y, H, sign = (Function(name) for name in ("x", "y", "H", "sigma"))
moved, H_e = Function("moved"), Function("H_e")
equal, above = (lambda u, v: Eq(u, v, evaluate=False)), (lambda u, v: Ge(u, v, evaluate=False))


def everywhere(name, latex, relations):
    """What holds for all integers, which continues the lists beyond n."""

    def schema(*at):
        if not all(k.is_integer for k in at):
            raise ClaimError(f"{name}: {at} are no integers")
        return relations(*at)

    return Assumption(name, schema, latex=latex, key=("everywhere", name))


gap = lambda f, k: f(k + 1) - f(k)
sorted_x = everywhere("x is sorted", r"x_{k+1}-x_k\ge a", lambda k: above(gap(x, k), a))
sorted_y = everywhere("y is sorted", r"y_{k+1}-y_k\ge b", lambda k: above(gap(y, k), b))
square = everywhere("squared distances", r"C_{ij}=(x_i-y_j)^2", lambda k, m: equal(C(k, m), (x(k) - y(m)) ** 2))
potential = everywhere(
    "H is the potential of the sorted plan",
    r"H_{j+1}-H_j=(x_j+x_{j+1}-y_j-y_{j+1})(y_{j+1}-y_j)",
    lambda k: equal(H(k + 1), H(k) + (x(k) + x(k + 1) - y(k) - y(k + 1)) * gap(y, k)),
)
signs = everywhere("sigma are signs", r"\sigma_{ij}\in[-1,1]", lambda k, m: above(1, sign(k, m) ** 2))
diagonal = everywhere(
    "p is the plan on the diagonal", r"p_{ij}=\delta_{ij}/n", lambda k: equal(costs[p](k), c * C(k, k))
)
displaced = row_of("displacement of row i", moved, e(i, j) * sign(i, j) * (j - i))
mean_H = row_of("mean of H over row i under e", H_e, e(i, j) * H(j))
columns_H = equation("columns of e sum to 1/n, weighted by H", Sum(H_e(i), (i, 1, n)), c * Sum(H(i), (i, 1, n)))
quantity = Sum(moved(i), (i, 1, n))

sorting = Claim(
    id="optimal-transport-transformers.entropic-gap-and-sorting",
    title="The entropic plan between sorted lists displaces ranks by lambda log(n)/(a b) at most, on average",
    paper=PAPERS["optimal-transport-transformers"],
    locator="abstract (sorting by regularised transport); bound derived here",
    statement=r"x_{k+1}-x_k\ge a,\ y_{k+1}-y_k\ge b:\quad \sum_{ij}e_{ij}|i-j|\le\frac{\lambda\log n}{ab}",
    symbols={
        n: Integers(1, sample=(1, 6)),
        lam: Positive(sample=(Rational(1, 5), 4)),
        a: Positive(sample=(Rational(1, 2), 2)),
        b: Positive(sample=(Rational(1, 2), 2)),
    },
    decides=SureBound(quantity, lam * log(n) / (a * b)),
    assumptions=[
        gibbs, coupling, *row_sums.values(), *columns.values(), *defined.values(),
        sorted_x, sorted_y, square, potential, signs, diagonal, displaced, mean_H, columns_H,
    ],
    mutants=[
        Mutant("a third of it", decides={"bound": lam * log(n) / (3 * a * b)},
               cases=({"n": 2, "a": 1, "b": 1, "lambda": Rational(39, 50), "family": "even"},)),
        Mutant("1/(a b)^2", decides={"bound": lam * log(n) / (a * b) ** 2},
               cases=({"n": 2, "a": 2, "b": 2, "lambda": 3, "family": "even"},)),
        Mutant("without log n", decides={"bound": lam / (4 * a * b)},
               cases=({"n": 4, "a": 1, "b": 1, "lambda": Rational(39, 50), "family": "even"},)),
        Mutant("y in any order", drop=(sorted_y.name,), by=("derivation",)),
        Mutant("x in any order", drop=(sorted_x.name,), by=("derivation",)),
    ],
    notes="For all signs sigma_ij, that is for |i - j|. So n sum_i e_ij x_i is x_j up to an error that tends to zero: "
    "its mean over j is at most X lambda log(n)/(a b), X the largest step of x. Two points come to 0.4 of the bound.",
)  # fmt: skip


@sorting.derivation
def ranks_cost(proof):
    excess = cost_gap(proof)
    row, other, k = proof.index("row", 1, n), proof.index("other", 1, n), proof.index("step")
    proof.high(row), proof.high(other)
    slack = lambda u, v: -2 * x(u) * (y(v) - y(u)) + H(v) + y(v) ** 2 - H(u) - y(u) ** 2

    def far(direction):
        """slack(i, i + direction k) >= k a b, by adding one step at a time."""
        end = row + direction * k
        low = end if direction > 0 else end - 1  # the step from low to low + 1
        rise = (gap(y, low), proof.assume(sorted_y, low))
        spread = lambda m: direction * (x(row + direction * m) - x(row)) - m * a

        def one_more(now):
            nearer = proof.assume(sorted_x, low)
            return proof.certificate((spread(k + 1), ">=", 0), [(1, now), (1, nearer)])

        apart = proof.induction((spread(k), ">=", 0), k, proof.certificate((spread(0), ">=", 0)), one_more)
        # direction (x_low + x_{low+1} - 2 x_row) >= a, times y_{low+1} - y_low >= b
        width = proof.certificate(
            (direction * (x(low) + x(low + 1) - 2 * x(row)) - a, ">=", 0),
            [(2, apart), (1, proof.assume(sorted_x, low)), (1, proof.sign(2 * k * a))],
        )
        climb = proof.product(width, proof.certificate((gap(y, low), ">=", 0), [(1, rise[1]), (1, proof.sign(b))]))
        claimed = lambda m: slack(row, row + direction * m) - m * a * b

        def step(now):
            return proof.certificate(
                (claimed(k + 1), ">=", 0), [(1, now), (1, climb), (a, rise[1])], using=[proof.assume(potential, low)]
            )

        return proof.induction((claimed(k), ">=", 0), k, proof.certificate((claimed(0), ">=", 0)), step)

    up, down = far(1), far(-1)
    space = other - row
    bound = lambda z: (slack(row, other) - a * b * z, ">=", 0)
    ranked = []
    for z, fact in ((space, up), (-space, down)):
        ranked.append(
            proof.by_cases(
                z,
                lambda case, z=z, fact=fact: proof.certificate(bound(z), [(1, proof.instantiate(fact, {k: z}))]),
                lambda case, z=z: proof.certificate(
                    bound(z), [(1, proof.instantiate(down if z == space else up, {k: -z})), (2 * a * b, case)]
                ),
            )
        )
    near = proof.assume(signs, row, other)
    ends = proof.root(near, sign(row, other)), proof.root(near, -sign(row, other))
    plus, minus = (proof.product(t, f) for t, f in zip((ends[1], ends[0]), ranked, strict=True))
    mass = proof.assume(gibbs, row, other)
    positive = proof.certificate(Ge(e(row, other), 0), [(1, proof.sign(mass.right)), (1, mass)])
    here = C(row, other) - C(row, row) + H(other) - H(row)
    costs_ = [proof.assume(square, row, other), proof.assume(square, row, row)]
    each = proof.certificate(
        (here - a * b * sign(row, other) * space, ">=", 0), [(Rational(1, 2), plus), (Rational(1, 2), minus)],
        using=costs_,
    )  # fmt: skip
    weighed = proof.sum_of(proof.product(positive, each), other, 1, n)
    slack_row = costs[e](row) - costs[p](row) + H_e(row) - c * H(row) - a * b * moved(row)
    parts = [
        (1, weighed), (1, proof.assume(defined[costs[e]], row)), (C(row, row) + H(row), proof.assume(row_sums[e], row)),
        (1, proof.assume(mean_H, row)), (-a * b, proof.assume(displaced, row)), (-1, proof.assume(diagonal, row)),
    ]  # fmt: skip
    rows = proof.sum_of(proof.certificate((slack_row, ">=", 0), parts), row, 1, n)
    stated, scale = proof.claim.decides, 1 / (a * b)
    ends = [(scale, rows), (scale, excess), (-scale, proof.assume(columns_H))]
    proof.conclude(proof.certificate(Le(stated.quantity, stated.bound), ends))


@sorting.experiment(cases=[{}, {"family": "even"}], samples={"smoke": 64}, block=64)
def sinkhorn_on_sorted_lists(xp, rng, case, size):
    """Steps of a and b, or random ones above; the plan after 200 sweeps, which have it but for its row sums' error."""
    lam_, n = getattr(case, "lambda"), case.n
    extra = 0 if case.get("family") == "even" else 1
    lists = lambda least: xp.cumulative_sum(least * (1 + extra * rng.exponential((size, n)) / 2), axis=-1)
    one, two = lists(case.a), lists(case.b)
    # the costs less the potentials of the sorted plan, which leave 1 on the diagonal of the kernel
    start = xp.zeros((size, 1))
    climb = xp.cumulative_sum((one[:, :-1] + one[:, 1:]) * (two[:, 1:] - two[:, :-1]), axis=-1)
    level = xp.concat([start, climb], axis=-1)
    apart = lambda u: u[:, None, :] - u[:, :, None]
    kernel = xp.exp(-(apart(level) - 2 * one[:, :, None] * apart(two)) / lam_)
    left = right = xp.ones((size, n))
    for _ in range(200):
        left = 1 / (n * xp.sum(kernel * right[:, None, :], axis=-1))
        right = 1 / (n * xp.sum(kernel * left[..., None], axis=-2))
    plan = kernel * left[..., None] * right[:, None, :]
    ranks = xp.astype(xp.arange(n), xp.float64)
    missed = xp.sum(xp.abs(xp.sum(plan, axis=-1) - 1 / n), axis=-1)
    moved_ = xp.sum(plan * xp.abs(ranks[:, None] - ranks), axis=(-2, -1))
    return {"quantity": moved_, "quantity_error": n**2 * missed}
