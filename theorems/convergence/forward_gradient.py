"""The forward gradient: one directional derivative along a random direction (Baydin et al. 2022).

    g_v = <grad f(x), v> v

needs no backward pass.  For every fixed vector u, with g = grad f(x),

    v standard Gaussian:                 E |g_v - u|^2 = (d + 2)|g|^2 - 2 <g, u> + |u|^2
    v independent signs:                 E |g_v - u|^2 =       d|g|^2 - 2 <g, u> + |u|^2
    v uniform on the sphere |v|^2 = d:   E |g_v - u|^2 =       d|g|^2 - 2 <g, u> + |u|^2

which says two things at once, since u is arbitrary: E g_v = g, and what the second moment of g_v is.

Reference: arXiv:2202.08587.  The paper's abstract states unbiasedness; the second moments are derived here.
"""

from sympy import MatrixSymbol, Rational, Symbol, Trace, sqrt

from gdverify import Claim, Integers, MeanEquals, Mutant, Observed
from gdverify.instances import log_uniform
from gdverify.laws import constant, equation, gaussian, signs, sphere
from theorems import PAPERS

d = Symbol("d", integer=True, positive=True)
scale = Symbol("scale", positive=True)
G2, U2 = Symbol("G2", nonnegative=True), Symbol("U2", nonnegative=True)
gu = Symbol("gu", real=True)
g, u, v = (MatrixSymbol(name, d, 1) for name in "guv")

fixed = constant(g, u)
lengths = [
    equation("G2 = |g|^2", Trace(g.T * g), G2),
    equation("U2 = |u|^2", Trace(u.T * u), U2),
    equation("gu = <g, u>", Trace(g.T * u), gu),
]
regime = {d: Integers(1, sample=(1, 32)), G2: Observed(0), U2: Observed(0), gu: Observed()}
SAMPLES = {"smoke": 8192, "standard": 100_000, "full": 2_000_000}
EACH = 64  # directions per sample: the mean over them has lighter tails
CASES = [{"d": 1}, {"d": 2}, {}]


def distance(v):
    """|g_v - u|^2."""
    step = v * v.T * g - u
    return Trace(step.T * step)


def bound(second, mean=1):
    return second * G2 - 2 * mean * gu + U2


def averaged(proof, quantity, law, second, using=()):
    moment = proof.moment(quantity, [law])
    values = zip((second, 1, -2), [proof.assume(a) for a in lengths], strict=True)
    stated = proof.claim.decides
    target = (stated.propositions()[0].left, "==", stated.bound)
    proof.conclude(proof.certificate(target, [(1, moment), *values], using=using))


def sampled(xp, rng, case, v):
    """|g_v - u|^2, the mean over the directions of each row; u is mostly a multiple of g, where a bias shows."""
    g = rng.shared.normal((case.d,)) * log_uniform(xp, rng.shared, (), 0.1, 10)
    length = xp.sqrt(xp.sum(g * g))
    u = 2 * g * rng.shared.uniform(()) * xp.sqrt(xp.asarray(case.d + 2.0)) + 0.1 * length * rng.shared.normal((case.d,))
    error = xp.sum(v * g, axis=-1, keepdims=True) * v - u
    quantity = xp.mean(xp.sum(error * error, axis=-1), axis=-1)
    return {"quantity": quantity, "G2": length**2, "U2": xp.sum(u * u), "gu": xp.sum(g * u)}


normal = gaussian(v)

unbiased = Claim(
    id="forward-gradient.unbiased",
    title="The forward gradient is unbiased, with second moment (d + 2)|grad f|^2",
    paper=PAPERS["forward-gradient"],
    locator="abstract (unbiased estimate); second moment derived here",
    statement=r"v \sim \mathcal N(0, I_d),\ g_v = \langle g, v\rangle v:\quad"
    r"\mathbb{E}|g_v - u|^2 = (d+2)|g|^2 - 2\langle g, u\rangle + |u|^2 \text{ for every } u",
    symbols=regime,
    assumptions=[normal, fixed, *lengths],
    decides=MeanEquals(distance(v), bound(d + 2)),
    mutants=[
        Mutant("second moment d + 1", decides={"bound": bound(d + 1)}),
        Mutant("second moment d, as for signs", decides={"bound": bound(d)}),
        Mutant("mean 4/5 of the gradient", decides={"bound": bound(d + 2, Rational(4, 5))}),
        Mutant("mean -grad f", decides={"bound": bound(d + 2, -1)}),
        Mutant("any direction", drop=(normal.name,), by=("derivation",)),
    ],
    notes="Hence the covariance of g_v has trace (d + 1)|g|^2: the variance grows with the dimension.",
)


@unbiased.derivation
def wick(proof):
    averaged(proof, distance(v), normal, d + 2)


@unbiased.experiment(cases=CASES, samples=SAMPLES)
def gaussian_directions(xp, rng, case, size):
    return sampled(xp, rng, case, rng.normal((size, EACH, case.d)))


# -- directions of constant length ------------------------------------------------------------------------------------

fair = signs(v)

unbiased_signs = Claim(
    id="forward-gradient.unbiased-signs",
    title="With random signs the forward gradient is unbiased, with second moment d|grad f|^2",
    paper=PAPERS["forward-gradient"],
    locator="directions other than Gaussian ones; derived here",
    statement=r"v_i \in \{-1, 1\} \text{ fair, independent}:\quad"
    r"\mathbb{E}|g_v - u|^2 = d|g|^2 - 2\langle g, u\rangle + |u|^2 \text{ for every } u",
    symbols=regime,
    assumptions=[fair, fixed, *lengths],
    decides=MeanEquals(distance(v), bound(d)),
    mutants=[
        Mutant("second moment d + 2, as for Gaussian directions", decides={"bound": bound(d + 2)}),
        Mutant("second moment d + 1", decides={"bound": bound(d + 1)}),
        Mutant("mean 4/5 of the gradient", decides={"bound": bound(d, Rational(4, 5))}),
        Mutant("any direction", drop=(fair.name,), by=("derivation",)),
    ],
)


@unbiased_signs.derivation
def cumulants(proof):
    averaged(proof, distance(v), fair, d)


@unbiased_signs.experiment(cases=CASES, samples=SAMPLES)
def sign_directions(xp, rng, case, size):
    return sampled(xp, rng, case, rng.signs((size, EACH, case.d)))


round_law = sphere(v)
longer = scale * v

unbiased_sphere = Claim(
    id="forward-gradient.unbiased-sphere",
    title="With directions on the sphere of radius sqrt(d) the forward gradient is unbiased",
    paper=PAPERS["forward-gradient"],
    locator="directions other than Gaussian ones; derived here",
    statement=r"v \text{ uniform on the sphere of radius } \sqrt d:\quad"
    r"\mathbb{E}|g_v - u|^2 = d|g|^2 - 2\langle g, u\rangle + |u|^2 \text{ for every } u",
    symbols=regime,
    defines={scale: sqrt(d)},
    assumptions=[round_law, fixed, *lengths],
    decides=MeanEquals(distance(longer), bound(d)),
    mutants=[
        Mutant("on the unit sphere", defines={scale: 1}),
        Mutant("radius d", defines={scale: d}),
        Mutant("second moment d + 2, as for Gaussian directions", decides={"bound": bound(d + 2)}),
        Mutant("mean 4/5 of the gradient", decides={"bound": bound(d, Rational(4, 5))}),
        Mutant("any direction", drop=(round_law.name,), by=("derivation",)),
    ],
)


@unbiased_sphere.derivation
def sphere_moments(proof):
    averaged(proof, distance(longer), round_law, d, [proof.definition(scale)])


@unbiased_sphere.experiment(cases=CASES, samples=SAMPLES)
def sphere_directions(xp, rng, case, size):
    return sampled(xp, rng, case, case.scale * rng.sphere((size, EACH, case.d)))
