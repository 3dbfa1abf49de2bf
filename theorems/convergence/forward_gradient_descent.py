"""One step of forward gradient descent, x_+ = x - eta <grad f(x), v> v with Gaussian v (Baydin et al. 2022).

For an L-smooth f on R^d and eta = q/(L (d + 2)),

    E f(x_+) - f*  <=  f(x) - f* - q (1 - q/2) |grad f(x)|^2 / (L (d + 2)),

with equality for f = L|x|^2/2; and if f is mu-PL and q <= 2,

    E f(x_+) - f*  <=  (1 - q (2 - q) mu / (L (d + 2))) (f(x) - f*).

The mean is over v with x fixed: repeated, the second gives E f(x_k) - f* <= (1 - mu/(L (d + 2)))^k (f(x_0) - f*) at
q = 1.  The step, hence the rate, is d + 2 times smaller than that of gradient descent.

Reference: arXiv:2202.08587.  The paper states no rate: everything but the method is derived here.
"""

from sympy import Ge, Gt, MatrixSymbol, Rational, Symbol, Trace, symbols

from gdverify import Claim, Integers, Interval, MeanBound, Mutant, Observed, Positive
from gdverify.instances import PolyakLojasiewicz, log_uniform, polyak_lojasiewicz
from gdverify.laws import constant, equation, gaussian, inequality
from theorems import PAPERS

d = Symbol("d", integer=True, positive=True)
L, mu, q = symbols("L mu q", positive=True)
reach = Symbol("reach", real=True)
gap, G2 = Symbol("gap", nonnegative=True), Symbol("G2", nonnegative=True)
g, v = MatrixSymbol("g", d, 1), MatrixSymbol("v", d, 1)
rise = Trace(MatrixSymbol("rise", 1, 1))  # f(x_+) - f(x), random through v

normal = gaussian(v)
length = equation("G2 = |g|^2", Trace(g.T * g), G2)
steep = inequality("f is mu-PL", Ge(G2, 2 * mu * gap, evaluate=False))
eta = q / reach
step = -eta * v * v.T * g
smooth_at_x = inequality(
    "f is L-smooth, with gradient g at x",
    Ge(Trace(g.T * step) + L / 2 * Trace(step.T * step), rise, evaluate=False),
    latex=r"f(x + h) \le f(x) + g^\top h + \tfrac L2 |h|^2 \text{ at the step } h = x_+ - x",
)
regime = {d: Integers(1, sample=(1, 16)), L: Positive(sample=(Rational(1, 4), 4))}
SAMPLES = {"smoke": 10_000, "standard": 100_000, "full": 2_000_000}
EACH = 256  # directions per sample: the mean over them has lighter tails
SHARP = {"d": 1, "family": "isotropic", "q": 1}
GROWS = {"d": 1, "family": "isotropic", "L": 1, "mu": Rational(1, 100)}
CASES = [{"d": 1, "family": "isotropic"}, {"d": 3, "family": "isotropic", "q": 1}, {"family": "non-convex"}]
gain = lambda size: q * (1 - q / 2) / (L * size)

descent = Claim(
    id="forward-gradient.descent",
    title="A forward gradient step decreases a smooth function by |grad f|^2/(2 L (d + 2)) in the mean",
    paper=PAPERS["forward-gradient"],
    locator="the method of the abstract; constants derived here",
    statement=r"f\ L\text{-smooth},\ v \sim \mathcal N(0, I_d),\ \eta = \frac{q}{L(d+2)}:\quad"
    r"\mathbb{E} f(x_+) - f^\star \le f(x) - f^\star - \frac{q(1 - q/2)}{L(d+2)} |\nabla f(x)|^2",
    symbols={**regime, q: Positive(sample=(Rational(1, 20), 2)), gap: Observed(0), G2: Observed(0)},
    defines={reach: L * (d + 2)},
    assumptions=[normal, constant(g), smooth_at_x, length],
    decides=MeanBound(gap + rise, gap - gain(d + 2) * G2),
    mutants=[
        Mutant("d + 1 for d + 2", decides={"bound": gap - gain(d + 1) * G2}, cases=(SHARP,)),
        Mutant("no term of second order", decides={"bound": gap - q / (L * (d + 2)) * G2}),
        Mutant("the step 1/L of gradient descent", defines={reach: L}),
        Mutant("f need not be smooth", drop=(smooth_at_x.name,), by=("derivation",)),
    ],
    notes="Equality for f = L|x|^2/2.  With a step q/L the mean grows as soon as q (d + 2) > 2.",
)  # fmt: skip


def one_step(proof):
    """Mean f(x + step) - f(x) against the means of its two terms, with E <g, v>^2 and E <g, v>^2 |v|^2 put in."""
    value = proof.definition(reach)
    proof.certificate(Gt(reach, 0), [(1, proof.sign(value.right))], using=[value])
    above = proof.mean(proof.assume(smooth_at_x))
    along, both = Trace(v.T * g) ** 2, Trace(v.T * g) ** 2 * Trace(v.T * v)
    return [
        (1, above),
        (eta, proof.moment(along, [normal])),
        (-L * eta**2 / 2, proof.moment(both, [normal])),
        (eta - L * eta**2 * (d + 2) / 2, proof.assume(length)),
    ]


@descent.derivation
def second_moment(proof):
    stated = proof.claim.decides
    (target,) = stated.propositions()
    proof.conclude(
        proof.certificate((target.left, "<=", target.right), one_step(proof), using=[proof.definition(reach)])
    )


def stepped(xp, rng, case, size, mu):
    """Mean value after one step, the mean over the directions of each row; value and squared gradient before it."""
    start = rng.shared.normal((1, case.d)) * log_uniform(xp, rng.shared, (), 0.1, 10)
    if case.family == "isotropic":  # f = L|x|^2/2 attains the bound
        zero = 0 * start
        F = PolyakLojasiewicz(xp, case.L, zero, zero, zero + case.L)
    elif case.family == "slow":  # one coordinate of curvature mu, where the start is; all others L
        first = xp.asarray([[1.0] + [0.0] * (case.d - 1)])
        start = start * first
        F = PolyakLojasiewicz(xp, case.L, 0 * start, 0 * start, mu * first + case.L * (1 - first))
    else:
        F = polyak_lojasiewicz(xp, rng.shared, start, mu, case.L)
    g = F.grad(start)
    v = rng.normal((size, EACH, case.d))
    after = start - case.q / case.reach * xp.sum(v * g, axis=-1, keepdims=True) * v
    value = xp.mean(F.value(after), axis=-1)
    return {"quantity": value, "gap": F.value(start)[0], "G2": xp.sum(g * g)}


@descent.experiment(cases=CASES, samples=SAMPLES)
def after_one_step(xp, rng, case, size):
    return stepped(xp, rng, case, size, case.L / 10)


# -- the Polyak-Lojasiewicz inequality --------------------------------------------------------------------------------

linear = Claim(
    id="forward-gradient.descent-pl",
    title="Forward gradient descent contracts by 1 - mu/(L (d + 2)) under the Polyak-Lojasiewicz inequality",
    paper=PAPERS["forward-gradient"],
    locator="the method of the abstract; constants derived here",
    statement=r"f\ L\text{-smooth and } \mu\text{-P\L},\ 0 < q \le 2,\ \eta = \frac{q}{L(d+2)}:\quad"
    r"\mathbb{E} f(x_+) - f^\star \le \left(1 - \frac{q(2-q)\mu}{L(d+2)}\right) (f(x) - f^\star)",
    symbols={
        **regime,
        mu: Interval(0, L, open="left", sample=(L / 100, L)),
        q: Interval(0, 2, open="left", sample=(Rational(1, 20), 2)),
        gap: Observed(0),
        G2: Observed(0),
    },
    defines={reach: L * (d + 2)},
    assumptions=[normal, constant(g), smooth_at_x, length, steep],
    decides=MeanBound(gap + rise, (1 - 2 * mu * gain(d + 2)) * gap),
    mutants=[
        Mutant("a rate without the dimension", decides={"bound": (1 - 2 * mu * gain(1)) * gap}),
        Mutant("d + 1 for d + 2", decides={"bound": (1 - 2 * mu * gain(d + 1)) * gap}, cases=({**SHARP, "mu": L},)),
        Mutant("q up to 5/2", symbols={q: Interval(0, Rational(5, 2), open="left")}, cases=({**GROWS, "q": 2.5},)),
        Mutant("the step 1/L of gradient descent", defines={reach: L}),
        Mutant("no Polyak-Lojasiewicz inequality", drop=(steep.name,), by=("derivation",)),
    ],
    notes="Equality for f = L|x|^2/2 (mu = L).  The experiment's functions include non-convex ones.",
)  # fmt: skip


@linear.derivation
def per_step(proof):
    stated = proof.claim.decides
    (target,) = stated.propositions()
    weight = gain(d + 2)
    shrinks = proof.sign(1 / (L * (d + 2)))
    helps = proof.certificate(Ge(weight, 0), [(q * shrinks.left / 2, proof.high(q))])
    parts = [*one_step(proof), (helps.left, proof.assume(steep))]
    proof.conclude(proof.certificate((target.left, "<=", target.right), parts, using=[proof.definition(reach)]))


@linear.experiment(cases=[{**SHARP, "mu": L}, {"family": "slow"}, {"family": "non-convex"}], samples=SAMPLES)
def contracted(xp, rng, case, size):
    return stepped(xp, rng, case, size, case.mu)
