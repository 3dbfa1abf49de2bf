"""Gradient descent lowers the sharpness of gradient flow's solution at every depth (Kreisler et al. 2023).

Scalar networks as in `theorems.edge_of_stability.gfs_edge`: weights w_i > 0, output P = w_1 ... w_D, r = P - 1.
Gradient flow adds s to all w_i^2 until their product is 1, where the sharpness is phi = sum_i 1/(w_i^2 + s).  If a step

    w_i  ->  w_i - eta r P/w_i

changes no weight by more than itself, eta |r| P <= w_i^2 for all i, then phi does not rise, whatever eta phi is.

Where r > 0 this says that all weights stay positive.  Where r < 0 the theorem of the paper asks for
eta phi <= 2 sqrt(2) instead; at depth 2 that is `gfs-sharpness.monotone-depth-2`.

Proof: the squares b = w^2 + s become a = b + y - tau, y = (eta r P)^2/w^2, with one number tau.  For x = s +
(eta r P)^2/tau always (a - b)(x - a) >= 0, hence x (1/b - 1/a) >= log(a/b), and the logarithms add up to 0.

Reference: arXiv:2305.13064.  This version is derived here.
"""

from sympy import Eq, Function, Ge, Le, Rational, Sum, Symbol, exp, symbols

from gdverify import Assumption, Claim, Integers, Mutant, Observed, Reals, SureBound
from gdverify.laws import equation
from theorems import PAPERS

eta, phi, phi1, e = symbols("eta phi phi_1 e", positive=True)
r, s, s1 = symbols("r s s_1", real=True)
D = Symbol("D", integer=True, positive=True)
i = Symbol("i", integer=True)
a, b, c, f = (Function(name) for name in "abcf")
inside = lambda k: [k - 1, D - k]
zero = lambda x: Ge(x, 0, evaluate=False)
total = lambda g: Sum(g(i), (i, 1, D))

output = equation("r is the residual at weights exp(a_i)", exp(total(a)), 1 + r)
size = equation("e is |r|", e**2, r**2)


def at_points(name, relation, key):
    return Assumption(name, relation, key=key, where=inside)


step = at_points(
    "a step of gradient descent to weights exp(b_i)",
    lambda k: Eq(exp(b(k)), exp(a(k)) - eta * r * (1 + r) * exp(-a(k)), evaluate=False),
    ("descent",),
)
short = at_points(
    "no weight changes by more than itself", lambda k: zero(exp(2 * a(k)) - eta * e * (1 + r)), ("short",)
)
flow = at_points(
    "gradient flow adds s to the squares", lambda k: Eq(exp(c(k)), exp(2 * a(k)) + s, evaluate=False), ("flow",)
)
flow1 = at_points(
    "and from the next point s_1", lambda k: Eq(exp(f(k)), exp(2 * b(k)) + s1, evaluate=False), ("flow 1",)
)
ends = [
    equation("the solution has output 1", total(c), 0),
    equation("so has the next", total(f), 0),
    equation("phi is the sharpness", Sum(exp(-c(i)), (i, 1, D)), phi),
    equation("phi_1 is the next one", Sum(exp(-f(i)), (i, 1, D)), phi1),
]

monotone = Claim(
    id="gfs-sharpness.monotone-short-steps",
    title="At every depth, steps that change no weight by more than itself never raise the gradient flow sharpness",
    paper=PAPERS["gfs-sharpness"],
    locator="a version of the main theorem, with another hypothesis, derived here",
    statement=r"w_i>0,\ \eta|r|P\le w_i^2\ \text{for all } i:\quad \phi_+\le\phi",
    symbols={
        D: Integers(1, sample=(2, 6)),
        eta: Observed(0, open="left"),
        r: Observed(-1, open="left"),
        e: Observed(0, open="left"),
        s: Observed(),
        s1: Observed(),
        phi: Observed(0, open="left"),
        phi1: Observed(0, open="left"),
    },
    assumptions=[output, size, step, short, flow, flow1, *ends],
    decides=SureBound(quantity=phi1, bound=phi),
    mutants=[
        Mutant("0.1% lower", decides={"bound": Rational(999, 1000) * phi}),
        Mutant("steps longer by 0.45", drop=(short.name,), cases=({"D": 2, "reach": 1.45},)),
        Mutant("another solution", drop=(ends[1].name,), by=("derivation",)),
    ],
    notes="Equality for equal weights. For r > 0 it covers every step that keeps all weights positive. "
    "At depth 2 changes by sqrt(2) times a weight still do; the experiment refutes 1.45, and nothing refutes 1.4.",
)


@monotone.derivation
def crossing(proof):
    y, k = proof.scalar("y", Reals()), proof.index("k", 1, D)
    proof.high(k)
    line = proof.tangent(exp(y), y, 0)
    move, room, before, after = (proof.assume(x, k) for x in (step, short, flow, flow1))
    none, none1, sharp, sharp1 = (proof.assume(x) for x in ends)
    square = proof.assume(size)
    P = proof.certificate((1 + r, ">", 0), [(1, proof.low(r))]).left
    rho, tau = eta * e * P, s - s1 + 2 * eta * r * P
    w2, one_over, new_over = exp(2 * a(k)), exp(-c(k)), exp(-f(k))
    bent = rho**2 / w2
    change = proof.certificate(
        Eq(exp(f(k)) - exp(c(k)), bent - tau, evaluate=False),
        [
            (1, after),
            (-1, before),
            (exp(b(k)) + exp(a(k)) - eta * r * P * exp(-a(k)), move),
            (-((eta * P) ** 2) / w2, square),
        ],
    )
    below = proof.instantiate(line, {y: f(k) - c(k)})
    above = proof.instantiate(line, {y: c(k) - f(k)})
    over = lambda fact: proof.sum_of(fact, k, 1, D)

    def strict(g):
        """Sum of g over all weights > 0, for g(k) > 0."""
        rest = proof.sum_of(proof.sign(g(k)), k, 1, D - 1)
        cut = proof.split_sum(total(g))
        return proof.certificate((total(g), ">", 0), [(1, rest), (1, proof.sign(g(D))), (1, cut)])

    # tau lies between 0 and rho, hence below every squared weight
    falls = proof.certificate(zero(c(k) - f(k) - (tau - bent) * one_over), [(1, below), (-one_over, change)])
    gains = proof.certificate(zero(f(k) - c(k) - (bent - tau) * new_over), [(1, above), (new_over, change)])
    capped = proof.certificate(zero(rho - bent), [(rho / w2, room)])
    high = proof.certificate(
        zero(rho - tau),
        [
            (
                1 / phi,
                over(proof.certificate(zero(c(k) - f(k) - (tau - rho) * one_over), [(1, falls), (one_over, capped)])),
            ),
            (-1 / phi, none),
            (1 / phi, none1),
            ((tau - rho) / phi, sharp),
        ],
    )
    ahead = strict(lambda j: rho**2 * exp(-2 * a(j) - f(j)))
    low = proof.certificate(
        (tau, ">", 0),
        [(1 / phi1, over(gains)), (1 / phi1, ahead), (1 / phi1, none), (-1 / phi1, none1), (-tau / phi1, sharp1)],
    )
    X = s * tau + rho**2

    def outward(case):
        return proof.certificate((X, ">", 0), [(s, low), (1, proof.sign(rho**2))])

    def inward(case):
        mean = proof.certificate(
            zero(Sum(rho**2 * exp(-2 * a(i) - c(i)), (i, 1, D)) - tau * phi),
            [(1, over(falls)), (-1, none), (1, none1), (tau, sharp)],
        )
        same = proof.certificate(
            Eq(rho**2 * one_over + s * bent * one_over, bent, evaluate=False), [(-bent * one_over, before)]
        )
        some = strict(lambda j: rho**2 * exp(-2 * a(j)))
        return proof.certificate(
            (X, ">", 0), [(-s / phi, mean), (1 / phi, over(same)), (1 / phi, some), (-(rho**2) / phi, sharp)]
        )

    proof.by_cases(s, outward, inward)
    wide = proof.certificate(zero(w2 - tau), [(1, room), (1, high)])
    weight, gap = exp(-c(k) - f(k)), bent - tau
    each = proof.certificate(
        zero(X * (one_over - new_over) - tau * (f(k) - c(k))),
        [
            (tau, below),
            (weight * (X - tau * exp(f(k))) - weight * gap * tau, change),
            (-weight * gap * tau, before),
            (weight * exp(-4 * a(k)) * (rho**2 - tau * w2) ** 2, wide),
        ],
    )
    proof.conclude(
        proof.certificate(
            Le(phi1, phi),
            [(1 / X, over(each)), (tau / X, none1), (-tau / X, none), (-1, sharp), (1, sharp1)],
        )
    )


@monotone.experiment(samples={"smoke": 512})
def solutions(xp, rng, case, size):
    """Points on both sides of the minima, from their solutions; the next solution by Newton's method in s_1."""
    logs = 2 * xp.tanh(rng.normal((size, case.D))) * rng.uniform((size, 1))
    z = xp.exp(logs - xp.mean(logs, axis=-1, keepdims=True))
    share = rng.uniform((size,), 0.05, 1) * (0.95 - 1.95 * rng.bernoulli(0.5, (size,)))
    s = xp.min(z, axis=-1) * share
    squares = z - s[:, None]
    P = xp.sqrt(xp.prod(squares, axis=-1))
    r = P - 1
    reach = xp.min(squares, axis=-1) * rng.uniform((size,), 0.5, 1) * case.get("reach", 1)
    eta = reach / (xp.abs(r) * P)
    moved = squares * (1 - (eta * r * P)[:, None] / squares) ** 2
    low = xp.min(moved, axis=-1)
    t = 0 * r + 1  # moved + s_1 = moved - low + t
    for _ in range(30):
        point = (moved - low[:, None]) + t[:, None]
        t = t * xp.exp(-xp.sum(xp.log(point), axis=-1) / xp.sum(t[:, None] / point, axis=-1))
    after = xp.sum(1 / ((moved - low[:, None]) + t[:, None]), axis=-1)
    out = {"r": r, "e": xp.abs(r), "eta": eta, "s": s, "s_1": t - low, "phi": xp.sum(1 / z, axis=-1), "phi_1": after}
    return {"quantity": after, **out}
