"""Hard thresholding expands distances by at most the golden ratio (on AWP: activation-aware weight pruning, 2025).

H_k keeps the k largest entries of a vector; of equal ones it may keep any.  For every v and every k-sparse u

    |H_k(v) - u|  <=  phi |v - u|,      phi = (1 + sqrt(5))/2,

and no smaller constant will do: H_k, which projects onto a set that is not convex, is not nonexpansive, and iterations
that use it cannot be analysed as if it were.  The bound is a known one for hard thresholding; derived here.
"""

from sympy import Eq, Function, Ge, Gt, Le, Rational, Sum, Symbol, reduced, sqrt, symbols

from gdverify import Assumption, Claim, Integers, Mutant, Observed, SureBound
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

n, i = Symbol("n", integer=True, positive=True), Symbol("i", integer=True)
phi = Symbol("phi", positive=True)
tau, error = symbols("tau error", nonnegative=True)
v, b, kept, support = (Function(name) for name in ("v", "b", "kept", "support"))
u = lambda s: support(s) * b(s)
over = lambda term: Sum(term, (i, 1, n))
same = lambda left, right: Eq(left, right, evaluate=False)
least = lambda left, right: Ge(left, right, evaluate=False)


def each(name, relations, latex):
    """About every coordinate."""
    return Assumption(name, relations, latex=latex, key=(name,), where=lambda s: [s - 1, n - s])


sets = each(
    "kept and support mark sets of coordinates",
    lambda s: [r for h in (kept(s), support(s)) for r in (same(h**2, h), least(h, 0), least(1, h))],
    r"\text{kept}_i,\ \text{support}_i\in\{0,1\},\ u_i=\text{support}_i\,b_i",
)
threshold = each(
    "what is kept is at least as large as what is not",
    lambda s: [least(kept(s) * (v(s) ** 2 - tau), 0), least((1 - kept(s)) * (tau - v(s) ** 2), 0)],
    r"v_i^2\ge\tau \text{ where kept},\ v_i^2\le\tau \text{ elsewhere}",
)
sparse = Assumption(
    "u has no more entries than are kept",
    lambda: Le(over(support(i)), over(kept(i)), evaluate=False),
    latex=r"\|u\|_0\le k",
    key=("sparse",),
)
away = equation("error is |v - u|^2", over((v(i) - u(i)) ** 2), error)
distance = over((kept(i) * v(i) - u(i)) ** 2)

golden = Claim(
    id="awp.golden-ratio",
    title="Hard thresholding expands the distance to a sparse vector by at most the golden ratio",
    paper=PAPERS["awp"],
    locator="setting of the abstract; a known bound, derived here",
    statement=r"\|u\|_0\le k:\quad \|H_k(v)-u\|^2 \le \varphi^2\|v-u\|^2,\ \varphi=\tfrac{1+\sqrt5}2",
    symbols={n: Integers(1, sample=(2, 9)), tau: Observed(0), error: Observed(0)},
    defines={phi: (1 + sqrt(5)) / 2},
    assumptions=[sets, threshold, sparse, away],
    decides=SureBound(quantity=distance, bound=phi**2 * error),
    mutants=[
        Mutant("8/5 for the golden ratio", defines={phi: Rational(8, 5)}),
        Mutant("nonexpansive", defines={phi: Rational(1)}),
        Mutant("phi unsquared", decides={"bound": phi * error}),
        Mutant("u may have more entries", drop=(sparse.name,), by=("derivation",)),
        Mutant("any k entries are kept", drop=(threshold.name,), by=("derivation",)),
    ],
    notes="Attained by u = phi v on dropped entries that tie with superfluous kept ones: u = (1, 0), v = (1, 1)/phi.",
)


@golden.derivation
def coordinate_by_coordinate(proof):
    s = proof.index("s", 1, n)
    proof.high(s)
    meaning = proof.definition(phi)
    proof.certificate(Gt(phi, 0, evaluate=False), [(meaning.right, proof.sign(Rational(1)))], using=[meaning])
    square = proof.identity(phi**2, phi + 1, using=[meaning])
    facts = proof.assume(sets, s)
    whole, whole_u = facts[0], facts[3]
    over_it, under = proof.assume(threshold, s)
    K, S, x, y = kept(s), support(s), v(s), b(s)
    out, free = 1 - K, 1 - S
    for part, top in ((out, facts[2]), (free, facts[5])):
        proof.certificate(least(part, 0), [(1, top)])
    claimed = phi**2 * (x - S * y) ** 2 - (K * x - S * y) ** 2 + phi * tau * (S - K)
    signed = [(phi * free, over_it), (phi * S, under)]
    squares = [(K * S * phi, x - S * y), (out * S * phi, S * y - phi * x), (out * free * phi**2, x)]
    rest = claimed - sum(c * fact.expr for c, fact in signed) - sum(c * e**2 for c, e in squares)
    equal = [whole, whole_u, square]
    cofactors, _ = reduced(rest.expand(), [fact.expr for fact in equal], phi, K, S, x, y, tau)
    one = proof.certificate(least(claimed, 0), [*signed, *zip(cofactors, equal, strict=True)], squares)
    proof.conclude(
        proof.certificate(
            Le(distance, phi**2 * error),
            [(1, proof.sum_of(one, s, 1, n)), (phi * tau, proof.assume(sparse)), (-(phi**2), proof.assume(away))],
        )
    )


@golden.experiment(cases=[{"family": "any"}, {"family": "near"}, {"family": "ties"}])
def thresholded(xp, rng, case, size):
    """Coordinates in turn: dropped from u, kept beside u, kept in u, neither; kept ones are above a level."""
    roles = [j % 4 for j in range(case.n - case.n % 2)] + [3] * (case.n % 2)
    level = log_uniform(xp, rng, (size,), 1e-2, 1e2)
    far, near = xp.zeros((size,)), xp.zeros((size,))
    scale = level * (1 if case.family == "any" else 0.1)
    for role in roles:
        keeps, inside = role in (1, 2), role in (0, 2)
        ratio = log_uniform(xp, rng, (size,), 1, 10)
        x = level * rng.signs((size,)) * (ratio if keeps else 1 / ratio)
        noise = scale * rng.normal((size,))
        if case.family == "ties":
            x = level * rng.signs((size,)) * (0 if role == 3 else 1)
            noise = x * case.phi - x if role == 0 else 0 * noise
        y = (x + noise) if inside else 0 * x
        far = far + ((x if keeps else 0 * x) - y) ** 2
        near = near + (x - y) ** 2
    return {"quantity": far, "error": near, "tau": level * level}
