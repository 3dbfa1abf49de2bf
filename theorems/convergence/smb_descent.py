"""Model building without noise: one step on a smooth function (after Birbil et al. 2024).

With g = grad f(x), G = |g|, the trial step -alpha g, y = grad f(x - alpha g) - g, b = |y| and

    D  =  2 delta  =  alpha G (b + G/eta) + alpha <y, g>,

the step p solves D p - alpha g <y, p> - alpha y <g, p> = -alpha^2 G^2 g.  If f is L-smooth, convex or not, and
eta alpha <= 1/L then, with Lam = 2 L + 1/(eta alpha),

    f(x + p)  <=  f(x) - (1 - L/(2 Lam)) G^2/Lam.

So the smallest gradient in T steps has |grad f|^2 <= 6 (f(x_0) - inf f)(2 L + 1/(eta alpha))/(5 T).

Reference: arXiv:2111.07058; the step is that of smb.step-is-preconditioned-gradient, and the bound is derived here.
"""

from sympy import Ge, Identity, Le, MatrixSymbol, Rational, Symbol, Trace, symbols

from gdverify import Claim, Integers, Interval, Mutant, Observed, Positive, SureBound
from gdverify.instances import log_uniform
from gdverify.laws import equation, inequality
from theorems import PAPERS

d = Symbol("d", integer=True, positive=True)
L, eta, alpha, G = symbols("L eta alpha G", positive=True)
b, D = Symbol("b", nonnegative=True), Symbol("D", real=True)
before, after = symbols("before after", real=True)
g, y, p = (MatrixSymbol(name, d, 1) for name in "gyp")
one = Identity(1)
inner = lambda u, v: Trace(u.T * v)
m = 1 / (eta * alpha)
Lam = 2 * L + m

length_g, length_y = equation("G = |g|", g.T * g, G**2 * one), equation("b = |y|", y.T * y, b**2 * one)
twice_delta = equation("D = 2 delta", D, alpha * G * (b + G / eta) + alpha * inner(y, g))
step = equation("p is the step", D * p - alpha * g * (y.T * p) - alpha * y * (g.T * p), -(alpha**2) * G**2 * g)
steepness = inequality("grad f is L-Lipschitz", Ge(L**2 * alpha**2 * G**2, b**2, evaluate=False))
descent = inequality(
    "f is L-smooth",
    Ge(before + inner(g, p) + L / 2 * inner(p, p), after, evaluate=False),
    r"f(x+p)\le f(x)+\langle g,p\rangle+\tfrac L2\|p\|^2",
)
gain = (1 - L / (2 * Lam)) * G**2 / Lam

deterministic = Claim(
    id="smb.deterministic-descent",
    title="A step with model building decreases a smooth function",
    paper=PAPERS["smb"],
    locator="the step without noise; bound and constant derived here",
    statement=r"f\ L\text{-smooth},\ \eta\alpha\le\tfrac1L,\ \Lambda=2L+\tfrac1{\eta\alpha}:\quad"
    r" f(x+p)\le f(x)-\Big(1-\frac L{2\Lambda}\Big)\frac{\|\nabla f(x)\|^2}\Lambda",
    symbols={
        d: Integers(1, sample=(1, 5)),
        L: Positive(sample=(Rational(1, 4), 4)),
        eta: Positive(sample=(Rational(1, 5), 2)),
        alpha: Interval(0, 1 / (L * eta), open="left"),
        G: Observed(0, open="left"),
        b: Observed(0),
        D: Observed(),
        before: Observed(),
        after: Observed(),
    },
    assumptions=[length_g, length_y, twice_delta, step, steepness, descent],
    decides=SureBound(quantity=after, bound=before - gain),
    mutants=[
        Mutant("1% more", decides={"bound": before - Rational(101, 100) * gain}),
        Mutant("G^2/Lam", decides={"bound": before - G**2 / Lam}),
        Mutant("L for 2 L in Lam", decides={"bound": before - (1 - L / (2 * (L + m))) * G**2 / (L + m)}),
        Mutant("y is any vector", drop=(steepness.name,), by=("derivation",)),
        Mutant("another step", drop=(step.name,), by=("derivation",)),
        Mutant("f need not be smooth", drop=(descent.name,), by=("derivation",)),
    ],
    notes="Attained by f = L |x|^2/2, for every eta and alpha.  The proof needs eta alpha <= 1/L; no violation was "
    "found up to 2/L, and some from 4/L on.",
)


def products(v):
    """<v, v>, <g, v> and <y, v> for v = a p + c g, given as (a, c)."""
    a, c = v
    with_g, with_y = (a * inner(u, p) + c * inner(u, g) for u in (g, y))
    return a**2 * inner(p, p) + 2 * a * c * inner(g, p) + c**2 * inner(g, g), with_g, with_y


def form(v):
    """<v, M v> times (alpha G)^2."""
    size, with_g, with_y = products(v)
    return D * size - 2 * alpha * with_g * with_y


def along(proof, v, given):
    """|form(v) - (alpha G b + alpha G^2/eta) |v|^2| <= alpha G b |v|^2, as two facts, and |v|^2 >= 0."""
    w = v[0] * p + v[1] * g
    turned = 2 * w * (g.T * w) - g * (w.T * w)  # |turned| = G |v|^2
    size, with_g, with_y = products(v)
    overlap = 2 * with_g * with_y - size * inner(y, g)
    low = proof.certificate(Ge(size, 0), [], [(1, w)])
    square = proof.certificate(
        Ge(b**2 * G**2 * size**2, overlap**2), [(1, proof.submultiplicative(y.T, turned))], using=given
    )
    facts = []
    for sign in (1, -1):
        near = proof.certificate(Ge(b * G * size, -sign * overlap), [(1, proof.root(square, -sign * overlap))])
        middle = (alpha * G * b + alpha * G**2 / eta) * size
        target = Ge(alpha * G * b * size, sign * (form(v) - middle))
        facts.append(proof.certificate(target, [(alpha, near)], using=given))
    return [*facts, low]


@deterministic.derivation
def two_sided(proof):
    given = [proof.assume(a) for a in (length_g, length_y, twice_delta)]
    solved = proof.assume(step)
    at_p, at_g = (proof.trace(proof.sandwich(solved, left=u.T)) for u in (p, g))
    short = proof.root(proof.assume(steepness), b)
    size, scale = inner(p, p), alpha**2 * G**2
    span = 2 * L  # M = (D I - ...)/(alpha G)^2 lies between m I and (m + span) I

    def below(v):
        """<v, M v> >= m |v|^2, times (alpha G)^2."""
        return along(proof, v, given)[1]

    def above(v):
        """(m + span) |v|^2 >= <v, M v>, times (alpha G)^2."""
        upper, _, low = along(proof, v, given)
        return proof.certificate(
            Ge(scale * Lam * products(v)[0], form(v)),
            [(1, upper), (2 * alpha * G, proof.product(short, low))],
            using=given,
        )

    z = (-m, -1)  # (M - m I) p = -m p - g
    fall = -inner(g, p)  # <p, M p>
    both = proof.certificate(
        Ge((Lam + m) * fall, G**2 + m * Lam * size),
        [
            (span / scale, below((1 + m / span, 1 / span))),
            (1 / (scale * span), above(z)),
            (-(span + 2 * m) / scale, at_p),
            (-2 / scale, at_g),
        ],
        using=given,
    )
    steep = proof.certificate(
        Ge(Lam * fall, G**2), [(1, both), (m / scale, above((1, 0))), (m / scale, at_p)], using=given
    )
    slack = 1 - L / (2 * Lam) - L * eta * alpha / 2
    proof.certificate(Ge(slack, 0), [(L * eta / 2, proof.high(alpha))], [((L + m) / (2 * Lam), 1)])
    proof.conclude(
        proof.certificate(
            Le(after, before - gain),
            [(1, proof.assume(descent)), (L * eta * alpha / (2 * Lam), both), (slack / Lam, steep)],
        )
    )


@deterministic.experiment(cases=[{}], samples={"smoke": 1024, "standard": 50_000, "full": 1_000_000})
def waves_and_quadratics(xp, rng, case, size):
    """f(x) = sum_j c_j (1 - cos(r_j x_j))/r_j^2, or its limit for r -> 0, with |c_j| <= L; equal to L in some rows."""
    n = case.d
    shape = (size, n)
    flat, full = rng.bernoulli(0.5, (size, 1)), rng.bernoulli(0.5, (size, 1))
    c = case.L * (full + (1 - full) * rng.uniform(shape, -1, 1))
    r = log_uniform(xp, rng, shape, 0.1, 10)
    value = lambda x: xp.sum(c * (flat * x * x / 2 + (1 - flat) * 2 * xp.sin(r * x / 2) ** 2 / (r * r)), axis=-1)
    slope = lambda x: c * (flat * x + (1 - flat) * xp.sin(r * x) / r)
    inner = lambda u, v: xp.sum(u * v, axis=-1)[:, None]
    x = rng.sphere(shape) * log_uniform(xp, rng, (size, 1), 0.1, 10)
    g = slope(x)
    s = -case.alpha * g
    y = slope(x + s) - g
    G, b = xp.sqrt(inner(g, g)), xp.sqrt(inner(y, y))
    D = case.alpha * G * (b + G / case.eta) - inner(y, s)
    Y, a = D + inner(y, s), case.alpha * G
    sigma = Y * Y - a * a * b * b
    along_y, along_s = a * a * inner(y, g) - Y * inner(s, g), b * b * inner(s, g) - Y * inner(y, g)
    p = -(a * a / D) * (g + along_y / sigma * y + along_s / sigma * s)
    flatten = lambda u: u[:, 0]
    return {
        "quantity": value(x + p),
        "after": value(x + p),
        "before": value(x),
        "G": flatten(G),
        "b": flatten(b),
        "D": flatten(D),
    }
