"""The catapult: gradient descent with a large step on a two-layer linear network (Lewkowycz et al. 2020).

u, v in R^n, output f = <u, v>/sqrt(n), one sample with input 1 and target 0, loss f^2/2.  With

    g = eta f/sqrt(n)        kappa = eta (|u|^2 + |v|^2)/n      (eta times the tangent kernel, |g| <= kappa/2)

one step of gradient descent is a map of the plane, whatever the width n:

    g+ = g (1 - kappa + g^2)        kappa+ = kappa + g^2 (kappa - 4).

For kappa_0 < 4 the kernel falls, and sum_t g_t^2  <=  kappa_0/(4 - kappa_0):  the loss tends to 0, from every start.

What happens at 4 and above: `theorems.edge_of_stability.catapult_phases`.

Reference: arXiv:2003.02218.  The map is the paper's solvable model; the bounds are derived here.
"""

from sympy import Eq, Ge, Le, Rational, Sum, Symbol, Trace, symbols

from gdverify import Assumption, Claim, Identity, Integers, Interval, Mutant, Positive, SureBound
from gdverify.language import MatrixSequence
from gdverify.laws import equation
from theorems import PAPERS

eta, kappa0 = symbols("eta kappa_0", positive=True)
n, T = symbols("n T", integer=True, positive=True)
t = Symbol("t", integer=True, nonnegative=True)
u, v = MatrixSequence("u", n, 1), MatrixSequence("v", n, 1)
output = lambda s: Trace(u(s).T * v(s))  # sqrt(n) f
norms = lambda s: Trace(u(s).T * u(s)) + Trace(v(s).T * v(s))
g = lambda s: eta * output(s) / n
kappa = lambda s: eta * norms(s) / n


def gradient_descent(name, scale):
    """u+ = u - scale eta (f/sqrt(n)) v and v+ = v - scale eta (f/sqrt(n)) u; scale 1 is the gradient of f^2/2."""
    one = lambda x, y, s: Eq(x(s + 1), x(s) - scale * eta / n * y(s) * y(s).T * x(s), evaluate=False)
    return Assumption(name, lambda s: [one(u, v, s), one(v, u, s)], key=("descent", scale), where=lambda s: [s])


descent = gradient_descent("gradient descent", 1)
begin = equation("kappa_0 is eta times the initial kernel", kappa(0), kappa0)
squares = Sum(g(t) ** 2, (t, 0, T - 1))
sizes = {n: Integers(1, sample=(1, 12)), eta: Positive(sample=(Rational(1, 10), 10))}


def move(proof, k):
    """u+, v+, and the two updates that follow."""
    steps = proof.assume(descent, k)
    new_g = proof.certificate(Eq(g(k + 1), g(k) * (1 - kappa(k) + g(k) ** 2), evaluate=False), using=steps)
    new_kappa = proof.certificate(Eq(kappa(k + 1), kappa(k) + g(k) ** 2 * (kappa(k) - 4), evaluate=False), using=steps)
    return new_g, new_kappa


def pair(xp, rng, size, n, ratio, kernel):
    """u, v with |u|^2 + |v|^2 = kernel and 2<u, v> = ratio kernel, in random directions."""
    one = kernel * (1 + ratio) / 4  # |u + v|^2/4 and |u - v|^2/4
    p, m = rng.sphere((size, n)), rng.sphere((size, n))
    p, m = xp.sqrt(one)[:, None] * p, xp.sqrt(kernel / 2 - one)[:, None] * m
    return p + m, p - m


def descend(xp, case, u, v):
    """One step; also g before it."""
    g = case.eta * xp.sum(u * v, axis=-1) / case.n
    return u - g[:, None] * v, v - g[:, None] * u, g


# -- the map ----------------------------------------------------------------------------------------------------------

free = {**sizes, t: Integers(0, sample=(0, 3))}
wrong = "the gradient of f^2"
doubled = gradient_descent(wrong, 2)

closed_update = Claim(
    id="catapult.closed-update",
    title="The output of the two-layer linear network moves by g+ = g (1 - kappa + g^2)",
    paper=PAPERS["catapult"],
    locator="the solvable model; in rescaled variables",
    statement=r"g_{t+1} = g_t\,(1-\kappa_t+g_t^2),\qquad g=\tfrac{\eta f}{\sqrt n},\ "
    r"\kappa=\tfrac{\eta(\|u\|^2+\|v\|^2)}{n}",
    symbols=free,
    assumptions=[descent],
    decides=Identity(quantity=g(t + 1), bound=g(t) * (1 - kappa(t) + g(t) ** 2)),
    mutants=[
        Mutant("g+ = g (1 - kappa - g^2)", decides={"bound": g(t) * (1 - kappa(t) - g(t) ** 2)}),
        Mutant("g+ = g (1 - kappa)", decides={"bound": g(t) * (1 - kappa(t))}),
        Mutant("kappa with 1/(2n)", decides={"bound": g(t) * (1 - kappa(t) / 2 + g(t) ** 2)}),
        Mutant(wrong, drop=(descent.name,), add=(doubled,), by=("derivation",)),
    ],
)
kernel_update = Claim(
    id="catapult.kernel-update",
    title="The tangent kernel of the two-layer linear network moves by kappa+ = kappa + g^2 (kappa - 4)",
    paper=PAPERS["catapult"],
    locator="the solvable model; in rescaled variables",
    statement=r"\kappa_{t+1} = \kappa_t + g_t^2\,(\kappa_t-4)",
    symbols=free,
    assumptions=[descent],
    decides=Identity(quantity=kappa(t + 1), bound=kappa(t) + g(t) ** 2 * (kappa(t) - 4)),
    mutants=[
        Mutant("2 for 4", decides={"bound": kappa(t) + g(t) ** 2 * (kappa(t) - 2)}),
        Mutant("to first order in eta", decides={"bound": kappa(t) - 4 * g(t) ** 2}),
        Mutant(wrong, drop=(descent.name,), add=(doubled,), by=("derivation",)),
    ],
)


@closed_update.derivation
def output_moves(proof):
    proof.conclude(move(proof, t)[0])


@kernel_update.derivation
def kernel_moves(proof):
    proof.conclude(move(proof, t)[1])


def after(xp, rng, case, size):
    """u, v after t steps from a start of kernel up to 8, and after one more."""
    kernel = case.n / case.eta * rng.uniform((size,), 0, 8)
    a, b = pair(xp, rng, size, case.n, rng.uniform((size,), -1, 1), kernel)
    for _ in range(case.t):
        a, b, _ = descend(xp, case, a, b)
    return {"u(t)": a[..., None], "v(t)": b[..., None]}, *descend(xp, case, a, b)[:2]


@closed_update.experiment(samples={"smoke": 1024})
def next_output(xp, rng, case, size):
    before, a, b = after(xp, rng, case, size)
    return {"quantity": case.eta * xp.sum(a * b, axis=-1) / case.n, **before}


@kernel_update.experiment(samples={"smoke": 1024})
def next_kernel(xp, rng, case, size):
    before, a, b = after(xp, rng, case, size)
    return {"quantity": case.eta * (xp.sq(a) + xp.sq(b)) / case.n, **before}


# -- below 4 ----------------------------------------------------------------------------------------------------------

convergence_below_4 = Claim(
    id="catapult.convergence-below-4",
    title="Below 4/eta the two-layer linear network converges from every start: the squared outputs are summable",
    paper=PAPERS["catapult"],
    locator="the catapult phase of the solvable model; constants derived here",
    statement=r"\eta\lambda_0=\kappa_0<4:\quad \sum_{t<T} g_t^2 \le \frac{\kappa_0}{4-\kappa_0}\ \text{for all } T",
    symbols={**sizes, kappa0: Interval(0, 4, open="both"), T: Integers(1, sample=(1, 120))},
    assumptions=[descent, begin],
    decides=SureBound(quantity=squares, bound=kappa0 / (4 - kappa0)),
    mutants=[
        Mutant("99% of it", decides={"bound": Rational(99, 100) * kappa0 / (4 - kappa0)}),
        Mutant("kappa_0/(5 - kappa_0)", decides={"bound": kappa0 / (5 - kappa0)}),
        Mutant("kappa_0^2/(4 (4 - kappa_0))", decides={"bound": kappa0**2 / (16 - 4 * kappa0)}),
        Mutant(wrong, drop=(descent.name,), add=(doubled,), by=("derivation",)),
    ],
    notes="Attained at kappa_0 = 2, g_0 = 1. g_t tends to 0, since the sum is finite. On the way kappa never rises, "
    "and it ends at 2 or below unless some g_t is exactly 0: for 2 < kappa_0 < 4 in a flatter minimum than it began.",
)


@convergence_below_4.derivation
def kernel_pays(proof):
    k = proof.index("k")
    start = proof.assume(begin)
    below = proof.certificate(Ge(kappa0 - kappa(0), 0), [(-1, start)])
    room = proof.high(kappa0)

    def fall(now):
        bounded = proof.certificate(Ge(4 - kappa(k), 0), [(1, now), (1, room)])
        _, step = move(proof, k)
        return proof.certificate(Le(kappa(k + 1), kappa0), [(1, now), (g(k) ** 2, bounded), (-1, step)])

    every = proof.induction(Le(kappa(k), kappa0), k, below, fall)
    _, step = move(proof, k)
    pays = proof.certificate(Ge(kappa(k) - kappa(k + 1), (4 - kappa0) * g(k) ** 2), [(g(k) ** 2, every), (-1, step)])
    total = proof.telescoped(pays, kappa(k), k, 0, T)
    last = proof.sign(kappa(T))
    scale = 1 / (4 - kappa0)
    proof.conclude(proof.certificate(Le(squares, kappa0 * scale), [(scale, total), (scale, last), (-scale, start)]))


@convergence_below_4.experiment(cases=[{}, {"kappa_0": 2, "T": 3}], samples={"smoke": 1024})
def outputs(xp, rng, case, size):
    """Starts of either sign up to |g| = kappa/2 (u = v or u = -v), small outputs among them."""
    ratio = rng.uniform((size,), -1, 1) * 10 ** (-4 * rng.uniform((size,)) * rng.bernoulli(0.5, (size,)))
    ratio = xp.where(rng.bernoulli(0.1, (size,)) > 0, xp.sign(ratio), ratio)
    kernel = case.kappa_0 * case.n / case.eta + 0 * ratio
    a, b = pair(xp, rng, size, case.n, ratio, kernel)
    total = 0 * ratio
    for _ in range(case.T):
        a, b, now = descend(xp, case, a, b)
        total = total + now**2
    return {"quantity": total}
