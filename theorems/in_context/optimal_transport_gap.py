"""How far the entropic plan is from an optimal one (behind Daneshmand 2024: transport by regularised transport).

Costs C_ij, i, j <= n, uniform marginals 1/n, regularisation lambda > 0.  The entropic plan has the form

    e_ij = exp(l_ij),     l_ij = (u_i + v_j - C_ij)/lambda - 1,

and uniform marginals.  Against every coupling p with uniform marginals

    sum_ij e_ij C_ij - sum_ij p_ij C_ij <= lambda log n.

For C_ij = u_i + v_j - lambda (1 + l_ij): the difference is lambda sum_ij (p_ij - e_ij) l_ij, the entropy of e is at
most 2 log n, and every e_ij is at most 1/n.

Reference: H. Daneshmand, "Provable optimal transport with transformers: The essence of depth and prompt engineering",
2024.  The bound is classical; the constant is derived here.
"""

from sympy import Eq, Function, Ge, Integer, Le, Rational, Sum, Symbol, exp, log

from gdverify import Assumption, Claim, Integers, Mutant, Positive, Reals, SureBound
from gdverify.laws import equation
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
i, j = Symbol("i", integer=True, positive=True), Symbol("j", integer=True, positive=True)
lam = Symbol("lambda", positive=True)
u, v, C, e, p = (Function(name) for name in ("u", "v", "C", "e", "p"))
c = 1 / n
level = (u(i) + v(j) - C(i, j)) / lam - 1


def row_of(name, value, term):
    """A function of i that is the sum over j of a term."""
    return Assumption(
        name=name,
        schema=lambda k: Eq(value(k), Sum(term.subs(i, k), (j, 1, n)), evaluate=False),
        where=lambda k: [k - 1, n - k],
        key=("row", value, term),
    )


costs = {plan: Function(f"C_{plan}") for plan in (e, p)}
values = {plan: Function(f"v_{plan}") for plan in (e, p)}
defined = {f: row_of(f"costs of row i under {plan}", f, plan(i, j) * C(i, j)) for plan, f in costs.items()}
defined |= {f: row_of(f"mean of v over row i under {plan}", f, plan(i, j) * v(j)) for plan, f in values.items()}
row_sums = {
    plan: Assumption(
        name=f"rows of {plan} sum to 1/n",
        schema=lambda k, plan=plan: Eq(Sum(plan(k, j), (j, 1, n)), c, evaluate=False),
        where=lambda k: [k - 1, n - k],
    )
    for plan in (e, p)
}
columns = {
    plan: equation(f"columns of {plan} sum to 1/n", Sum(f(i), (i, 1, n)), c * Sum(v(i), (i, 1, n)))
    for plan, f in values.items()
}


cell = lambda k, m: [k - 1, n - k, m - 1, n - m]
at = lambda term, k, m: term.subs({i: k, j: m}, simultaneous=True)
gibbs = Assumption(
    name="e is a Gibbs plan", schema=lambda k, m: Eq(e(k, m), at(exp(level), k, m), evaluate=False), where=cell
)
coupling = Assumption(name="p is non-negative", schema=lambda k, m: Ge(p(k, m), 0, evaluate=False), where=cell)

entropic_gap = Claim(
    id="optimal-transport-transformers.entropic-gap",
    title="The entropic plan costs at most lambda log n more than any coupling",
    paper=PAPERS["optimal-transport-transformers"],
    locator="entropic regularisation; classical, constant derived here",
    statement=r"e_{ij} = e^{(u_i+v_j-C_{ij})/\lambda-1}:\quad \sum_{ij}e_{ij}C_{ij}-\sum_{ij}p_{ij}C_{ij}"
    r"\le\lambda\log n\quad\forall\,p\text{ with marginals }\tfrac1n",
    symbols={n: Integers(1, sample=(1, 8)), lam: Positive(sample=(Rational(1, 5), 2))},
    decides=SureBound(Sum(costs[e](i) - costs[p](i), (i, 1, n)), lam * log(n)),
    assumptions=[gibbs, coupling, *row_sums.values(), *columns.values(), *defined.values()],
    mutants=[
        Mutant("lambda (log n)/3", decides={"bound": lam * log(n) / 3}, cases=({"family": "simplex", "n": 4},)),
        Mutant("lambda^2 log n", decides={"bound": lam**2 * log(n)},
               cases=({"family": "simplex", "n": 4, "lambda": Rational(1, 10)},)),
        Mutant("p with other rows", drop=("rows of p sum to 1/n",), by=("derivation",)),
        Mutant("p with other columns", drop=("columns of p sum to 1/n",), by=("derivation",)),
        Mutant("p with negative entries", drop=("p is non-negative",), by=("derivation",)),
    ],
    notes="Costs that are equal off the diagonal reach 0.4 of the bound; the optimal p makes the left side the excess"
    " over the optimal cost, which is not negative. Column sums enter as the mean of v under the plan.",
)  # fmt: skip


def cost_gap(proof):
    """sum_ij (e_ij - p_ij) C_ij <= lambda log n, as a fact."""
    k, m, s = (proof.index(name, 1, n) for name in "kms")
    y = proof.scalar("y", Reals())
    for index in (k, m, s):
        proof.high(index)
    line = proof.tangent(exp(y), y, 0)
    height, plan = at(level, k, m), proof.assume(gibbs, k, m)
    other = proof.assume(gibbs, k, s)
    positive = proof.certificate(Ge(e(k, s), 0), [(1, proof.sign(other.right)), (1, other)])
    # an entry is at most its row
    proof.certificate(Ge(n - m + 1, 0), [(1, proof.high(m)), (1, proof.sign(Integer(1)))])
    row = lambda low, high: Sum(e(k, j), (j, low, high))
    rest = [proof.sum_of(positive, s, 1, m - 1), proof.sum_of(positive, s, m + 1, n)]
    cuts = [proof.split_sum(row(1, n), at=m), proof.split_sum(row(1, m))]
    parts = [(1, rest[0]), (1, rest[1]), (1, cuts[0]), (1, cuts[1]), (-1, proof.assume(row_sums[e], k))]
    small = proof.certificate(Ge(c, e(k, m)), parts)
    # its logarithm is below -log n, and its entropy below that of equal entries
    low = proof.instantiate(line, {y: height + log(n)})
    below = proof.certificate(Ge(-height - log(n), 0), [(1, low), (n, small), (n, plan)])
    spread = proof.instantiate(line, {y: -2 * log(n) - height})
    entropy = proof.certificate(
        Ge(c**2 - e(k, m) + e(k, m) * (height + 2 * log(n)), 0), [(exp(height), spread)], using=[plan]
    )
    cross = proof.product(proof.assume(coupling, k, m), below)
    both = proof.certificate(Ge(lam * (entropy.left + cross.left), 0), [(lam, entropy), (lam, cross)])
    # potentials and constants have the same total under both plans
    weights = {e: u(k) - 2 * lam + 2 * lam * log(n), p: lam - u(k) - lam * log(n)}
    parts = [(1, proof.sum_of(both, m, 1, n))]
    for plan_, sign in ((e, 1), (p, -1)):
        parts.append((-weights[plan_], proof.assume(row_sums[plan_], k)))
        parts.append((sign, proof.assume(defined[values[plan_]], k)))
        parts.append((-sign, proof.assume(defined[costs[plan_]], k)))
    slack = values[e](k) - values[p](k) - costs[e](k) + costs[p](k) + lam * c * log(n)
    summed = proof.sum_of(proof.certificate(Ge(slack, 0), parts), k, 1, n)
    ends = [(1, summed), *((sign, proof.assume(columns[plan_])) for plan_, sign in ((e, -1), (p, 1)))]
    return proof.certificate(Le(Sum(costs[e](i) - costs[p](i), (i, 1, n)), lam * log(n)), ends)


@entropic_gap.derivation
def entropy_of_the_plan(proof):
    decision = proof.claim.decides
    proof.conclude(proof.certificate(Le(decision.quantity, decision.bound), [(1, cost_gap(proof))]))


@entropic_gap.experiment(cases=[{}, {"family": "simplex"}], samples={"smoke": 64}, block=64)
def sinkhorn(xp, rng, case, size):
    """Random costs after 200 sweeps, or one cost off the diagonal; against the plan on the diagonal."""
    lam_ = getattr(case, "lambda")
    share, eye = 1 / case.n, xp.eye(case.n)
    if dict(case).get("family") == "simplex":
        cost = (1 - eye) * lam_ * rng.uniform((size, 1, 1), 0, 5)
    else:
        cost = rng.uniform((size, case.n, case.n), 0, 2)
    kernel = xp.exp(-cost / lam_)
    left = right = xp.ones((size, case.n))
    for _ in range(200):
        left = share / xp.sum(kernel * right[:, None, :], axis=-1)
        right = share / xp.sum(kernel * left[..., None], axis=-2)
    plan = kernel * left[..., None] * right[:, None, :]
    return {"quantity": xp.sum((plan - share * eye) * cost, axis=(-2, -1))}
