"""Natural gradient descent for the KL divergence, in steps (on Datar and Ay 2025).

In the log-odds theta_i = log(q_i/q_0) of a distribution q on {0, ..., n}, natural gradient descent on D(p|q),

    theta  <-  theta - tau G^{-1} (eta - eta_p),     G = diag(eta) - eta eta^T,

is q_i <- q_i exp(tau (r_i - 1))/Z with r_i = p_i/q_i.  If |r_i - 1| <= delta < 1 for all i and 0 < tau <=
2 exp(-2 delta), one step gives

    D(p|q+)  <=  (1 - (1 - delta)(2 tau - tau^2 exp(tau delta))) D(p|q).

Near p the factor tends to (1 - tau)^2, whatever the condition number of G is; for tau = 1 it is at most 2 delta,
which vanishes with D itself.

Reference: arXiv:2504.19259; its theorems were not read, and the statement is derived here.
"""

from sympy import Eq, Function, Ge, Gt, Le, Rational, Sum, Symbol, exp, log

from gdverify import Assumption, Claim, Integers, Interval, Mutant, Observed, Positive, Reals, SureBound
from gdverify.domain import Domain
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
i = Symbol("i", integer=True, nonnegative=True)
tau, Z = Symbol("tau", positive=True), Symbol("Z", positive=True)
delta, start = Symbol("delta", nonnegative=True), Symbol("start", nonnegative=True)
q, r, after = Function("q"), Function("r"), Function("after")  # p_i = r_i q_i


def indexed(name, relation):
    return Assumption(name, relation, key=(name,), where=lambda k: [k, n - k])


def total(term):
    return Sum(term(i), (i, 0, n))


same = lambda left, right: Eq(left, right, evaluate=False)
weight = lambda k: q(k) * exp(tau * (r(k) - 1))
support = indexed("q has full support", lambda k: Gt(q(k), 0, evaluate=False))
near = indexed(
    "|p_i/q_i - 1| <= delta for all i",
    lambda k: [Ge(r(k), 1 - delta, evaluate=False), Ge(1 + delta, r(k), evaluate=False)],
)
step = indexed("natural gradient step", lambda k: same(after(k) * Z, weight(k)))
normalised = equation("q+ adds up to 1", total(weight), Z)
sums = [equation("q adds up to 1", total(q), 1), equation("p adds up to 1", total(lambda k: q(k) * r(k)), 1)]
begin = equation("start is D(p|q)", total(lambda k: q(k) * r(k) * log(r(k))), start)
end = total(lambda k: q(k) * r(k) * (log(q(k)) + log(r(k)) - log(after(k))))
factor = lambda curve: 1 - (1 - delta) * (2 * tau - tau**2 * curve)

discrete = Claim(
    id="ngd-kl.discrete",
    title="A step of natural gradient descent contracts the KL divergence whatever the conditioning",
    paper=PAPERS["ngd-kl"],
    locator="discrete natural gradient descent; stated without asymptotics, constants derived here",
    statement=r"\theta^+=\theta-\tau G^{-1}\nabla_\theta D(p\|q),\ \Big|\frac{p_i}{q_i}-1\Big|\le\delta<1,\ "
    r"0<\tau\le 2e^{-2\delta}:\quad"
    r" D(p\|q^+)\le\big(1-(1-\delta)(2\tau-\tau^2e^{\tau\delta})\big)D(p\|q)",
    symbols={
        n: Integers(1, sample=(1, 8)),
        delta: Interval(0, 1, open="both", sample=(Rational(1, 100), Rational(3, 10))),
        tau: Interval(0, 2 * exp(-2 * delta), open="left"),
        Z: Observed(0, open="left"),
        start: Observed(0),
    },
    assumptions=[support, near, step, normalised, *sums, begin],
    decides=SureBound(quantity=end, bound=factor(exp(tau * delta)) * start),
    mutants=[
        Mutant(
            "2 tau - tau^2 in place of 2 tau - tau^2 exp(tau delta)",
            decides={"bound": factor(1) * start},
            cases=({"family": "rare", "delta": Rational(1, 20), "tau": Rational(3, 2)},),
        ),
        Mutant(
            "without 1 - delta",
            decides={"bound": (1 - 2 * tau + tau**2 * exp(tau * delta)) * start},
            cases=({"family": "rare", "delta": Rational(1, 20), "tau": Rational(1, 2)},),
        ),
        Mutant("as in the limit", decides={"bound": (1 - tau) ** 2 * start}),
        Mutant("p may be far from q", drop=(near.name,), by=("derivation",)),
        Mutant("q+ need not add up to 1", drop=(normalised.name,), by=("derivation",)),
    ],
    notes="Attained in the limit delta -> 0.  Where r is skewed the first order in delta is (1 - tau)^2 + "
    "delta tau |tau - 1| (tau + 2)/3, against (1 - tau)^2 + delta (2 tau - tau^2 + tau^3) of the bound.",
)


@discrete.derivation
def log_partition(proof):
    k = proof.index("k", 0, n)
    proof.high(k)
    full = proof.assume(support, k)
    low, high = proof.assume(near, k)
    left = proof.certificate(Gt(1 - delta, 0), [(1, proof.high(delta))])
    proof.certificate(Gt(r(k), 0), [(1, low), (1, left)])
    top = exp(tau * delta)
    # exp(v) <= 1 + v + v^2 exp(tau delta)/2 for v <= tau delta
    v, w = proof.scalar("v", Domain(high=tau * delta)), proof.scalar("w", Reals())
    line = proof.tangent(exp(w), w, v)
    proof.certificate(Ge(top - exp(v), 0), [(1, proof.instantiate(line, {w: tau * delta})), (exp(v), proof.high(v))])
    above = proof.tangent(v**2 * top / 2 + 1 + v - exp(v), v, 0)
    proof.certificate(Ge(tau * delta - tau * (r(k) - 1), 0), [(tau, high)])
    mass = proof.sum_of(proof.product(full, proof.instantiate(above, {v: tau * (r(k) - 1)})), k, 0, n)
    # rho log(rho) <= rho - 1 + (rho - 1)^2/(2 (1 - delta)) for rho >= 1 - delta
    rho = proof.scalar("rho", Domain(low=1 - delta))
    proof.certificate(Gt(rho, 0), [(1, proof.low(rho)), (1, left)])
    proof.certificate(Ge(1 / (1 - delta) - 1 / rho, 0), [(1 / (rho * (1 - delta)), proof.low(rho))])
    bend = proof.tangent((rho - 1) ** 2 / (2 * (1 - delta)) - rho * log(rho) + rho - 1, rho, 1)
    spread = proof.sum_of(proof.product(full, proof.instantiate(bend, {rho: r(k)})), k, 0, n)
    # log q+ = log q + tau (r - 1) - log Z
    moved = proof.assume(step, k)
    proof.certificate(Gt(after(k), 0), [(1 / Z, moved), (exp(tau * (r(k) - 1)) / Z, full)])
    logs = proof.logarithm(moved)
    gained = lambda k: q(k) * r(k) * (log(r(k)) - tau * (r(k) - 1) + log(Z))
    lost = lambda k: q(k) * r(k) * (log(q(k)) + log(r(k)) - log(after(k)))
    ended = proof.sum_of(proof.certificate(same(lost(k), gained(k)), [(-q(k) * r(k), logs)]), k, 0, n)
    z = proof.scalar("z", Positive())
    chord = proof.instantiate(proof.tangent(-log(z), z, 1), {z: Z})
    # tau exp(tau delta) <= 2
    steps, shrunk = proof.high(tau), exp(-2 * delta)
    at = lambda x: proof.instantiate(line, {w: 2 * delta, v: x})
    short = proof.certificate(Ge(2 - tau, 0), [(1, steps), (2 * shrunk, at(0))], [(4 * delta * shrunk, 1)])
    proof.certificate(
        Ge(2 - tau * top, 0),
        [(top, steps), (2 * shrunk, at(tau * delta)), (2 * shrunk * top * delta, short)],
    )
    slack = tau * (1 - delta) * (2 - tau * top)
    sum_q, sum_p = (proof.assume(a) for a in sums)
    proof.conclude(
        proof.certificate(
            Le(end, factor(top) * start),
            [
                (-1, ended), (1, chord), (1, mass), (slack, spread),
                (slack - 1, proof.assume(begin)), (1, proof.assume(normalised)),
                (slack - 1, sum_q), (-log(Z) - slack, sum_p),
            ],
        )
    )  # fmt: skip


@discrete.experiment(cases=[{"family": "any"}, {"family": "rare"}])
def one_step(xp, rng, case, size):
    """Ratios p/q within delta of 1, or far closer; "rare": one state of small probability is at one end."""
    shape = (size, case.n + 1)
    here = (19 * rng.dirichlet(1.0, shape) + 1 / xp.asarray(case.n + 1.0)) / 20
    first = xp.astype(xp.arange(case.n + 1) == 0, xp.float64)
    w = rng.signs((size, 1)) * first + (1 - first) * rng.uniform(shape, -0.5, 0.5)  # never nearly constant
    if case.family == "rare":
        small = log_uniform(xp, rng, (size, 1), 1e-3, 1e-1)
        rest = here * (1 - first)
        here = small * first + (1 - small) * rest / xp.sum(rest, axis=-1)[:, None]
        w = w * first
    w = w - xp.sum(here * w, axis=-1)[:, None]
    closer = rng.bernoulli(0.5, (size, 1))
    scale = case.delta * (closer + (1 - closer) * log_uniform(xp, rng, (size, 1), 1e-1, 1))
    ratio = 1 + scale * w / xp.max(xp.abs(w), axis=-1)[:, None]
    moved = here * xp.exp(case.tau * (ratio - 1))
    Z = xp.sum(moved, axis=-1)
    goal = here * ratio
    return {
        "quantity": xp.sum(goal * (xp.log(goal) - xp.log(moved / Z[:, None])), axis=-1),
        "start": xp.sum(goal * xp.log(ratio), axis=-1),
        "Z": Z,
    }
