"""Gradient flows of the KL divergence in three geometries (on Datar and Ay 2025).

D(p|q) is minimised over the distributions q on {0, ..., n}; its coordinates are the log-odds theta_i = log(q_i/q_0) and
the probabilities eta_i = q_i, i = 1, ..., n.  The Fisher matrix in theta is G = diag(eta) - eta eta^T, and

    grad_theta D = eta - eta_p,     natural gradient G^{-1} grad_theta D,     grad_eta D = G^{-1} (eta - eta_p).

Natural gradient flow moves every probability by q_i' = p_i - q_i, so that q(t) = p + exp(-t) (q(0) - p) and

    D(p|q(t))  <=  exp(-t) D(p|q(0)).

At every q, D falls at the rates

    |grad_theta D|^2 = sum_{i>0} (q_i - p_i)^2,     <grad_theta D, G^{-1} grad_theta D> = sum_i (q_i - p_i)^2/q_i,
    |grad_eta D|^2 = sum_{i>0} (p_i/q_i - p_0/q_0)^2

along Euclidean flow in theta, natural flow, and Euclidean flow in eta.  With m >= q_1, ..., q_n each of them is at most
m times the next: the natural flow is never slower than the first and never faster than the last.

Reference: arXiv:2504.19259; its theorems were not read, and the statements are derived here.
"""

from sympy import Function, Ge, Gt, Le, Rational, Sum, Symbol, exp, log

from gdverify import Assumption, Claim, Integers, Mutant, Nonnegative, Observed, Positive, SureBound
from gdverify.instances import log_uniform
from gdverify.laws import equation, initial_value
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
i = Symbol("i", integer=True, nonnegative=True)
m = Symbol("m", positive=True)
t, start, natural, dual = (Symbol(name, nonnegative=True) for name in ("t", "start", "natural", "dual"))
p, q, path, first = Function("p"), Function("q"), Function("path"), Function("first")


def indexed(name, relation, lowest=0):
    return Assumption(name, relation, key=(name,), where=lambda k: [k - lowest, n - k])


def total(term, lowest=0):
    return Sum(term(i), (i, lowest, n))


def positive(name, letter):
    return indexed(f"{name} has full support", lambda k: Gt(letter(k), 0, evaluate=False))


goal = positive("p", p)
sizes = {n: Integers(1, sample=(1, 8))}

# -- natural flow -----------------------------------------------------------------------------------------------------

divergence = lambda letter: total(lambda k: p(k) * (log(p(k)) - log(letter(k))))
begin = equation("start is D(p|q(0))", divergence(first), start)
# the natural gradient flow, in probabilities: G theta' = eta'
flow = initial_value(path(i, t), t, p(i) - path(i, t), first(i), "natural gradient flow")

natural_flow = Claim(
    id="ngd-kl.natural-flow",
    title="Natural gradient flow contracts the KL divergence at a rate of at least 1",
    paper=PAPERS["ngd-kl"],
    locator="natural gradient flow of the KL divergence; derived here",
    statement=r"\dot\theta=-G^{-1}\nabla_\theta D(p\|q),\text{ that is } \dot q_i=p_i-q_i:\quad"
    r" D(p\|q(t))\le e^{-t}D(p\|q(0))",
    symbols={**sizes, t: Nonnegative(sample=(0, 8)), start: Observed(0)},
    assumptions=[flow, goal, positive("q(0)", first), begin],
    decides=SureBound(quantity=divergence(lambda k: path(k, t)), bound=exp(-t) * start),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * exp(-t) * start}),
        Mutant(
            "the rate 11/10",
            decides={"bound": exp(-Rational(11, 10) * t) * start},
            cases=({"family": "vertex", "t": 2},),
        ),
        Mutant("the asymptotic rate 2 from the start", decides={"bound": exp(-2 * t) * start}),
        Mutant("p need not have full support", drop=("p has full support",), by=("derivation",)),
    ],
    notes="Attained in the limit where q(0) is near p and both are near a vertex; for p in the interior the asymptotic "
    "rate is 2.  The path is a straight line in the probabilities.",
)


@natural_flow.derivation
def two_tangents(proof):
    k = proof.index("i", 0, n)
    proof.high(k)
    target, begun = proof.assume(goal, k), proof.assume(natural_flow.assumptions[2], k)
    s = proof.scalar("s", Nonnegative())
    decay = exp(-t)
    line = proof.instantiate(proof.solution(flow, p(k) + exp(-s) * (first(k) - p(k)), s), {s: t})
    proof.instantiate(proof.monotone(1 - exp(-s), s), {s: t})
    here = line.right
    proof.certificate(Gt(here, 0), [(decay, begun), (1 - decay, target)])
    v = proof.scalar("v", Positive())
    convex = proof.tangent(-log(v), v, here)
    term = lambda value: p(k) * (log(p(k)) - log(value))
    below = proof.certificate(
        Ge(decay * term(first(k)), term(path(k, t))),
        [
            (p(k) * decay, proof.instantiate(convex, {v: first(k)})),
            (p(k) * (1 - decay), proof.instantiate(convex, {v: p(k)})),
        ],
        using=[line],
    )
    summed = proof.sum_of(below, k, 0, n)
    proof.conclude(
        proof.certificate(
            Le(divergence(lambda k: path(k, t)), decay * start), [(1, summed), (-decay, proof.assume(begin))]
        )
    )


@natural_flow.experiment(cases=[{"family": "any"}, {"family": "vertex"}])
def straight_lines(xp, rng, case, size):
    """Dirichlet pairs; or pairs near a vertex, q(0) much farther from it than p."""
    shape = (size, case.n + 1)
    goal, here = rng.dirichlet(1.0, shape), rng.dirichlet(1.0, shape)
    if case.family == "vertex":
        corner = xp.astype(xp.arange(case.n + 1) == 0, xp.float64) + 0 * goal
        off = log_uniform(xp, rng, (size, 1), 1e-4, 1e-2)
        here = (1 - off) * corner + off * here
        goal = (1 - off / 1000) * corner + off / 1000 * goal
    now = goal + xp.exp(xp.asarray(-case.t)) * (here - goal)
    kl = lambda other: xp.sum(goal * (xp.log(goal) - xp.log(other)), axis=-1)
    return {"quantity": kl(now), "start": kl(here)}


# -- three geometries at one point ------------------------------------------------------------------------------------

r = Function("r")  # p_i = r_i q_i
source = positive("q", q)
whole = equation("q adds up to 1", total(q), 1)
largest = indexed("m >= q_1, ..., q_n", lambda k: Ge(m, q(k), evaluate=False), 1)
fisher = lambda k: q(k) * (r(k) - 1) ** 2
odds = lambda k: (r(k) - r(0)) ** 2
point = {
    "paper": PAPERS["ngd-kl"],
    "locator": "rates of the three gradient flows; stated at every point, constants derived here",
}
bounded = Mutant("m is any number", drop=(largest.name,), by=("derivation",))

sandwich = Claim(
    id="ngd-kl.rates-sandwich",
    title="The KL divergence falls no faster along Euclidean flow in log-odds than along the natural flow",
    statement=r"m\ge q_1,\dots,q_n:\quad \|\nabla_\theta D\|^2=\sum_{i\ge1}(q_i-p_i)^2"
    r" \le m\sum_{i\ge0}\frac{(q_i-p_i)^2}{q_i}=m\,\langle\nabla_\theta D,G^{-1}\nabla_\theta D\rangle",
    symbols={**sizes, m: Observed(0, open="left"), natural: Observed(0)},
    assumptions=[source, largest, equation("natural is the rate of the natural flow", total(fisher), natural)],
    decides=SureBound(quantity=total(lambda k: (q(k) * (r(k) - 1)) ** 2, 1), bound=m * natural),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * m * natural}),
        Mutant("m^(11/10)", decides={"bound": m ** Rational(11, 10) * natural}),
        bounded,
    ],
    notes="Attained in the limit m -> 0, where q and p differ in q_0 and in one other probability of size m.  The "
    "exact constant is the largest eigenvalue of G.",
    **point,
)


@sandwich.derivation
def term_by_term(proof):
    k = proof.index("k", 1, n)
    proof.high(k)
    size = proof.product(proof.assume(largest, k), proof.assume(source, k))
    step = proof.certificate(Ge(m * fisher(k), (q(k) * (r(k) - 1)) ** 2), [((r(k) - 1) ** 2, size)])
    proof.assume(source, 0)
    cut = proof.split_sum(total(fisher), 0)
    one, none = proof.split_sum(Sum(fisher(i), (i, 0, 0))), proof.empty_sum(Sum(fisher(i), (i, 0, -1)))
    proof.conclude(
        proof.certificate(
            Le(total(lambda k: (q(k) * (r(k) - 1)) ** 2, 1), m * natural),
            [
                (1, proof.sum_of(step, k, 1, n)),
                (m, cut), (m, one), (m, none),
                (m, proof.sign(fisher(0))),
                (-m, proof.assume(sandwich.assumptions[2])),
            ],
        )
    )  # fmt: skip


def pairs(xp, rng, case, size):
    """(q, p, G, eta - eta_p); in half of the rows p and q differ in q_0 and q_1, in some of these q_0 is nearly 1."""
    shape = (size, case.n + 1)
    here, goal = rng.dirichlet(1.0, shape), rng.dirichlet(1.0, shape)
    states = xp.arange(case.n + 1)
    first, second = (xp.astype(states == k, xp.float64) for k in (0, 1))
    near = rng.bernoulli(0.5, (size, 1))
    small = log_uniform(xp, rng, (size, 1), 1e-4, 1)
    head = 1 - small / 2
    crowded = head * first + (1 - head) * (0.99 * second + 0.01 / case.n * (1 - first))
    here = near * crowded / xp.sum(crowded, axis=-1)[:, None] + (1 - near) * here
    goal = near * (here + rng.uniform((size, 1), -0.5, 0.5) * here[:, 1:2] * (second - first)) + (1 - near) * goal
    eta = here[:, 1:]
    G = eta[:, :, None] * xp.eye(case.n) - eta[:, :, None] * eta[:, None, :]
    return here, goal, G, eta - goal[:, 1:]


@sandwich.experiment(cases=[{}])
def log_odds_and_natural(xp, rng, case, size):
    here, _, G, u = pairs(xp, rng, case, size)
    v = xp.linalg.solve(G, u[:, :, None])[:, :, 0]
    return {"quantity": xp.sq(u), "natural": xp.sum(u * v, axis=-1), "m": xp.max(here[:, 1:], axis=-1)}


dual_sandwich = Claim(
    id="ngd-kl.rates-sandwich-dual",
    title="The KL divergence falls no slower along Euclidean flow in probabilities than along the natural flow",
    statement=r"m\ge q_1,\dots,q_n:\quad \langle\nabla_\theta D,G^{-1}\nabla_\theta D\rangle="
    r"\sum_{i\ge0}\frac{(q_i-p_i)^2}{q_i}"
    r" \le m\sum_{i\ge1}\Big(\frac{p_i}{q_i}-\frac{p_0}{q_0}\Big)^2=m\,\|\nabla_\eta D\|^2",
    symbols={**sizes, m: Observed(0, open="left"), dual: Observed(0)},
    assumptions=[
        whole,
        equation("p adds up to 1", total(lambda k: q(k) * r(k)), 1),
        largest,
        equation("dual is the rate of the flow in eta", total(odds, 1), dual),
    ],
    decides=SureBound(quantity=total(fisher), bound=m * dual),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * m * dual}),
        Mutant("m^(11/10)", decides={"bound": m ** Rational(11, 10) * dual}),
        bounded,
        Mutant("p need not add up to 1", drop=("p adds up to 1",), by=("derivation",)),
    ],
    notes="Attained in the limit m -> 0, where q and p differ in q_0 and in one other probability of size m.",
    **point,
)


@dual_sandwich.derivation
def variance(proof):
    k = proof.index("k", 1, n)
    proof.high(k)
    step = proof.certificate(Ge(m * odds(k), q(k) * odds(k)), [(odds(k), proof.assume(largest, k))])
    # the second moment of r around r_0 is at least its variance: the mean of r is 1
    shifted = lambda k: q(k) * odds(k)
    cut = proof.split_sum(total(shifted), 0)
    one, none = proof.split_sum(Sum(shifted(i), (i, 0, 0))), proof.empty_sum(Sum(shifted(i), (i, 0, -1)))
    j = proof.index("j", 0, n)
    a = 1 - r(0)
    around = fisher(j) + 2 * a * q(j) * r(j) - (1 - r(0) ** 2) * q(j)
    moved = proof.sum_of(proof.identity(shifted(j), around), j, 0, n)
    sum_q, sum_p, _, rate = dual_sandwich.assumptions
    proof.conclude(
        proof.certificate(
            Le(total(fisher), m * dual),
            [
                (1, proof.sum_of(step, k, 1, n)),
                (1, moved), (-1, cut), (-1, one), (-1, none),
                (2 * a, proof.assume(sum_p)),
                (-(1 - r(0) ** 2), proof.assume(sum_q)),
                (-m, proof.assume(rate)),
            ],
            [(1, a)],
        )
    )  # fmt: skip


@dual_sandwich.experiment(cases=[{}])
def natural_and_probabilities(xp, rng, case, size):
    here, _, G, u = pairs(xp, rng, case, size)
    v = xp.linalg.solve(G, u[:, :, None])[:, :, 0]
    return {"quantity": xp.sum(u * v, axis=-1), "dual": xp.sq(v), "m": xp.max(here[:, 1:], axis=-1)}
