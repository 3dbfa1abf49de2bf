"""Above the step size 4/lambda_0 the catapult's kernel grows without bound (Lewkowycz et al. 2020).

With g, kappa as in `theorems.edge_of_stability.catapult`: g+ = g (1 - kappa + g^2), kappa+ = kappa + g^2 (kappa - 4),
from kappa_0 > 4.  Let g_t never be 0.  From any time s there is an N with 3^N g_s^2 >= 1, and then

    g_s^2 + g_{s+1}^2 + ... + g_{s+N}^2  >=  1.

So let tau_0 = 0 and tau_{j+1} = tau_j + N_j + 1, with such an N_j for s = tau_j.  In each of these stretches the kernel
grows by kappa_0 - 4 at least:

    kappa(tau_J)  >=  kappa_0 + (kappa_0 - 4) J        for every J,

and it never falls between: it tends to infinity.

Reason: (kappa - 1 - q)^2 >= 9 - 6 q for q = g^2 and kappa >= 4, so that 3^(-t) g_t^2 rises while the sum is below 1.

Reference: arXiv:2003.02218.  The constants are derived here.
"""

from sympy import Eq, Function, Ge, Gt, Integer, Le, Rational, Sum, Symbol

from gdverify import Assumption, Claim, Domain, Interval, Mutant, Observed, SureBound
from gdverify.laws import equation, integers
from theorems import PAPERS
from theorems.edge_of_stability.catapult import (
    begin,
    descend,
    descent,
    doubled,
    g,
    kappa,
    kappa0,
    move,
    pair,
    sizes,
    wrong,
)

K, b = Symbol("K", positive=True), Symbol("b", positive=True)
J = Symbol("J", integer=True, nonnegative=True)
tau, N = Function("tau"), Function("N")
m = Symbol("m", integer=True)
stretch = Assumption(
    "a stretch lasts until b^N g^2 is 1 at least",
    lambda j: [
        Eq(tau(j + 1), tau(j) + N(j) + 1, evaluate=False),
        Ge(N(j), 0, evaluate=False),
        Ge(b ** N(j) * g(tau(j)) ** 2, 1, evaluate=False),
    ],
    key=("stretch",),
    where=lambda j: [j],
)
first = equation("the first stretch begins at 0", tau(0), 0)
last = equation("K is the kernel after J stretches", kappa(tau(J)), K)

divergence = Claim(
    id="catapult.divergence-above-4",
    title="Above 4/eta the tangent kernel of the two-layer linear network grows without bound",
    paper=PAPERS["catapult"],
    locator="the divergent phase of the solvable model; constants derived here",
    statement=r"\kappa_0>4,\ \tau_0=0,\ \tau_{j+1}=\tau_j+N_j+1,\ 3^{N_j}g_{\tau_j}^2\ge1:"
    r"\quad \kappa_0+(\kappa_0-4)\,J\le\kappa_{\tau_J}",
    symbols={
        **sizes,
        kappa0: Interval(4, None, open="left", sample=(4, 6)),
        J: Domain(0, integer=True, observed=True),
        K: Observed(0, open="left"),
    },
    assumptions=[descent, begin, integers(tau, N), stretch, first, last],
    defines={b: Integer(3)},
    decides=SureBound(quantity=kappa0 + (kappa0 - 4) * J, bound=K),
    mutants=[
        Mutant("from 3 on", symbols={kappa0: Interval(3, None, open="left", sample=(3, 5))}),
        Mutant("1% more in each stretch", decides={"bound": K - (kappa0 - 4) * J / 100}),
        Mutant(
            "stretches until 10^N g^2 is 1",
            defines={b: Integer(10)},
            cases=({"kappa_0": 4 + Rational(1, 1000), "stretches": 1},),
        ),
        Mutant(wrong, drop=(descent.name,), add=(doubled,), by=("derivation",)),
    ],
    notes="Attained by g_0 = 1, J = 1. Some N with 3^N g^2 >= 1 exists exactly if g is not 0: only outputs that hit 0 "
    "on the way escape. 3 is loose: the experiment refutes 10^N and not 9^N, the growth of small g^2 at kappa = 4.",
)


@divergence.derivation
def stretches(proof):
    k, j = proof.index("k"), proof.index("j")
    start, room, base = proof.assume(begin), proof.low(kappa0), proof.definition(b)
    c, q = kappa0 - 4, lambda s: g(s) ** 2
    zero = lambda e: Ge(e, 0, evaluate=False)

    def rise(now):
        bounded = proof.certificate(zero(kappa(k) - 4), [(1, now), (1, room)])
        return proof.certificate(Ge(kappa(k + 1), kappa0), [(1, now), (q(k), bounded), (1, move(proof, k)[1])])

    every = proof.induction(Ge(kappa(k), kappa0), k, proof.certificate(Ge(kappa(0), kappa0), [(1, start)]), rise)
    output, kernel = move(proof, k)
    high = proof.certificate(zero(kappa(k) - 4), [(1, every), (1, room)])
    proof.certificate(Gt(c, 0), [(1, room)])
    gains = proof.certificate(zero(kappa(k + 1) - kappa(k) - c * q(k)), [(q(k), every), (1, kernel)])
    ascends = proof.certificate(zero(kappa(k + 1) - kappa(k)), [(1, gains)], [(c, g(k))])
    grows = proof.certificate(
        zero(q(k + 1) - (9 - 6 * q(k)) * q(k)),
        [(g(k + 1) + g(k) * (1 - kappa(k) + q(k)), output), (6 * q(k), high)],
        [(q(k), kappa(k) - 4 - q(k))],
    )
    follows, lasts, reached = proof.assume(stretch, j)
    begins = proof.assume(first)
    early = proof.certificate(zero(tau(0)), using=[begins])
    proof.induction(
        zero(tau(j)), j, early,
        lambda now: proof.certificate(zero(tau(j + 1)), [(1, now), (1, lasts), (1, follows)], [(1, 1)]),
    )  # fmt: skip
    i = proof.index("i")
    s = proof.index("s", 0, N(j))
    proof.high(s)
    at = lambda x: tau(j) + x
    rises = proof.instantiate(ascends, {k: at(i)})
    after = proof.telescoped(rises, -kappa(at(i)), i, s + 1, N(j) + 1)
    before = proof.telescoped(rises, -kappa(at(i)), i, 0, s)
    total = kappa(at(N(j) + 1)) - kappa(at(0))
    paid = proof.certificate(
        zero(total - c * q(at(s))), [(1, proof.instantiate(gains, {k: at(s)})), (1, after), (1, before)]
    )
    p = lambda x: 3**-x * q(at(x))
    climbs = proof.certificate(
        zero(p(s + 1) - p(s) - 2 * (1 - total / c) * p(s)),
        [(3 ** -(s + 1), proof.instantiate(grows, {k: at(s)})), (2 * p(s) / c, paid)],
    )
    whole = proof.telescoped(climbs, -p(s), s, 0, N(j))
    end = proof.instantiate(paid, {s: N(j)})
    w = 2 * 3 ** N(j) * Sum(p(m), (m, 0, N(j) - 1))
    scale = 1 / (1 + w)
    one = proof.certificate(
        zero(total - c),
        [(scale, end), (c * scale * 3 ** N(j), whole), (c * scale, proof.rewrite(reached, base))],
    )
    stretch_gain = proof.certificate(zero(kappa(tau(j + 1)) - kappa(tau(j)) - c), [(1, one)], using=[follows])
    every_stretch = proof.telescoped(stretch_gain, c * j - kappa(tau(j)), j, 0, J)
    beginning = proof.certificate(Eq(kappa(tau(0)), kappa0, evaluate=False), [(1, start)], using=[begins])
    ends = proof.assume(last)
    proof.conclude(proof.certificate(Le(kappa0 + c * J, K), [(1, every_stretch), (1, beginning), (-1, ends)]))


@divergence.experiment(cases=[{"stretches": 1}, {"stretches": 2}], samples={"smoke": 512})
def growing(xp, rng, case, size):
    """Outputs of either sign up to |g| = kappa/2, small ones and just above 1 among them.

    Stretches longer than 6 steps or beyond 1e60 are left out: outputs are cubed in each step once they are large."""
    ratio = rng.uniform((size,), -1, 1) * 10 ** (-2 * rng.uniform((size,)) * rng.bernoulli(0.5, (size,)))
    ratio = xp.where(rng.bernoulli(0.2, (size,)) > 0, (2 + 1e-9) / (case.kappa_0 + 0 * ratio), ratio)
    u, v = pair(xp, rng, size, case.n, ratio, case.kappa_0 * case.n / case.eta + 0 * ratio)
    base, kernel, done = xp.log(case.b + 0 * ratio), case.kappa_0 + 0 * ratio, 0 * ratio
    steps = lambda g: xp.maximum(xp.ceil(-2 * xp.log(xp.abs(g) + 1e-100) / base), 0 * base)
    left = steps(case.kappa_0 * ratio / 2)
    for _ in range(7 * case.stretches):
        active = (done < case.stretches) & (left < 6.5) & (xp.sq(u) + xp.sq(v) < 1e60)
        new_u, new_v, _ = descend(xp, case, u, v)
        u, v = xp.where(active[:, None], new_u, u), xp.where(active[:, None], new_v, v)
        ends = active & (left < 0.5)
        done = done + xp.astype(ends, xp.float64)
        kernel = xp.where(ends, case.eta * (xp.sq(u) + xp.sq(v)) / case.n, kernel)
        left = xp.where(ends, steps(case.eta * xp.sum(u * v, axis=-1) / case.n), left - xp.astype(active, xp.float64))
    return {"quantity": case.kappa_0 + (case.kappa_0 - 4) * done, "J": done, "K": kernel}
