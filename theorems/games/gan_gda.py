"""Gradient descent-ascent for a GAN with a kernel discriminator, near equilibrium (Becker et al. 2023).

One true point x_0 and one generated point x_t of mass p each; the discriminator f lives in the Hilbert space of the
kernel exp(-|x - y|^2/(2 s^2)) and is regularised by lam; both sides move at once.  Linearised at x_t = x_0, f = 0,
with delta = x_t - x_0 and h = grad f(x_0),

    delta_{t+1} = delta_t + eta_g p h_t,        h_{t+1} = (1 - c) h_t - (eta_d p/s^2) delta_t,        c = eta_d lam.

With a = eta_g eta_d p^2/s^2 the eigenvalues mu solve mu^2 - (2 - c) mu + 1 - c + a = 0.  They are complex where
c^2 < 4a, and then everything shrinks (a < c) or grows (a > c, also without regularisation) like (1 - c + a)^{t/2}:

    E = (eta_d p/s^2)|delta|^2 + c <delta, h> + eta_g p |h|^2    has    E_T = (1 - c + a)^T E_0

exactly, for any step sizes.  Where they are real, each mode is multiplied by its mu in every step.

Reference: E. Becker, P. Pandit, S. Rangan, A. Fletcher, "Local Convergence of Gradient Descent-Ascent for Training
Generative Adversarial Networks", 2023.  Constants derived here from the abstract's setting.
"""

from sympy import Eq, Le, Rational, Symbol, symbols

from gdverify import (
    Claim,
    Identity,
    Inner,
    Integers,
    Interval,
    Mutant,
    Nonnegative,
    Observed,
    Positive,
    SureBound,
    VectorSequence,
    sq,
)
from gdverify.classes import recursion
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

eta_d, eta_g, p, s = symbols("eta_d eta_g p s", positive=True)
lam = Symbol("lam", nonnegative=True)
t, T = (Symbol(name, integer=True, nonnegative=True) for name in "tT")
E0, mu = Symbol("E0", real=True), Symbol("mu", real=True)
delta, h = VectorSequence("delta"), VectorSequence("h")

c, to_delta, to_h = eta_d * lam, eta_g * p, eta_d * p / s**2
a = to_delta * to_h
moves_delta = recursion(delta(t + 1), delta(t) + to_delta * h(t))
moves_h = recursion(h(t + 1), (1 - c) * h(t) - to_h * delta(t))
alternating = recursion(h(t + 1), (1 - c) * h(t) - to_h * delta(t + 1))
steps = {
    p: Positive(sample=(Rational(1, 4), 1)),
    s: Positive(sample=(Rational(1, 2), 2)),
    eta_d: Positive(sample=(Rational(1, 10), 1)),
    lam: Nonnegative(sample=(0, 1)),
}
any_step = {eta_g: Positive(sample=(Rational(1, 100), 1))}
time = {T: Integers(0, sample=(1, 30))}
SAMPLES = {"smoke": 2048, "standard": 50_000, "full": 500_000}
TYPICAL = {"eta_d": Rational(1, 2), "lam": Rational(1, 2), "p": 1, "s": 2, "eta_g": Rational(2, 5), "T": 30}


def energy(t):
    return to_h * sq(delta(t)) + c * Inner(delta(t), h(t)) + to_delta * sq(h(t))


start = equation("E0 is the energy at the start", energy(0), E0)


def every_time(proof, quantity, factor, begin):
    """quantity(T) == factor^T begin, by induction from the fact begin."""
    k = proof.index("k")
    moves = [proof.assume(moves_delta, k), proof.assume(moves_h, k)]
    claimed = lambda t: Eq(quantity(t), factor**t * begin.right, evaluate=False)
    first = proof.certificate(claimed(0), [(1, begin)])
    every = proof.induction(
        claimed(k), k, first, lambda now: proof.certificate(claimed(k + 1), [(factor, now)], using=moves)
    )
    return proof.instantiate(every, {k: T})


def path(xp, rng, case, size):
    """(delta_0, h_0) and (delta_T, h_T) in R^3; a mutant's players move in turn."""
    scale = lambda: log_uniform(xp, rng, (size, 1), 0.01, 1)
    x, y = scale() * rng.normal((size, 3)), scale() * rng.normal((size, 3))
    begin, c = (x, y), case.eta_d * case.lam
    for _ in range(case.T):
        moved = x + case.eta_g * case.p * y
        y = (1 - c) * y - case.eta_d * case.p / case.s**2 * (moved if "alternating" in case else x)
        x = moved
    return begin, (x, y)


def terms(xp, case, x, y):
    """The three terms of the energy."""
    dot = lambda u, v: xp.sum(u * v, axis=-1)
    c, to_h = case.eta_d * case.lam, case.eta_d * case.p / case.s**2
    return to_h * dot(x, x), c * dot(x, y), case.eta_g * case.p * dot(y, y)


# -- the energy -------------------------------------------------------------------------------------------------------

conserved = Claim(
    id="gan.phase-diagram-energy",
    title="Linearised kernel GAN: a quadratic energy is multiplied by 1 - c + a in every step",
    paper=PAPERS["gan"],
    locator="abstract (local convergence for the linearised dynamics); derived here",
    statement=r"E_T = (1 - c + a)^T E_0,\quad E = \frac{\eta_d p}{s^2}|\delta|^2 + c\langle\delta,h\rangle"
    r" + \eta_g p |h|^2,\quad c = \eta_d\lambda,\ a = \eta_g\eta_d p^2/s^2",
    symbols={**steps, **any_step, **time, E0: Observed()},
    assumptions=[moves_delta, moves_h, start],
    decides=Identity(energy(T), (1 - c + a) ** T * E0),
    mutants=[
        Mutant("no growth by a", decides={"bound": (1 - c) ** T * E0}),
        Mutant("bandwidth to the fourth power", decides={"bound": (1 - c + a / s**2) ** T * E0}),
        Mutant("1 per cent more of a", decides={"bound": (1 - c + Rational(101, 100) * a) ** T * E0}),
        Mutant(
            "the players move in turn",
            drop=(moves_h.name,),
            add=(alternating,),
            cases=({**TYPICAL, "alternating": 1},),
        ),
    ],
    notes="Positive definite exactly where c^2 < 4a (the eigenvalues are complex): then a < c is stability and a > c "
    "divergence.  Players that move in turn have determinant 1 - c: they converge for every a in that range.",
)


@conserved.derivation
def symplectic(proof):
    proof.conclude(every_time(proof, energy, 1 - c + a, proof.assume(start)))


@conserved.experiment(samples=SAMPLES)
def energies(xp, rng, case, size):
    (first, last) = (terms(xp, case, *state) for state in path(xp, rng, case, size))
    size_of = lambda terms: xp.abs(terms[0]) + xp.abs(terms[1]) + xp.abs(terms[2])
    factor = abs(1 - case.eta_d * case.lam + case.eta_g * case.eta_d * case.p**2 / case.s**2) ** case.T
    return {"quantity": sum(last), "E0": sum(first), "scale": size_of(last) + factor * size_of(first)}


# -- what it says of the generated point ------------------------------------------------------------------------------

oscillating = Interval(eta_d * lam**2 * s**2 / (4 * p**2), None, open="left", sample=(Rational(1, 100), 1))

diagram = Claim(
    id="gan.phase-diagram",
    title="Linearised kernel GAN: oscillating generators converge or diverge like (1 - c + a)^{t/2}",
    paper=PAPERS["gan"],
    locator="abstract (local convergence for the linearised dynamics); constants derived here",
    statement=r"c^2 < 4a:\quad |\delta_T|^2 \le \frac{4\eta_g p\, E_0}{4a - c^2} (1 - c + a)^T",
    symbols={**steps, eta_g: oscillating, **time, E0: Observed(0)},
    assumptions=[moves_delta, moves_h, start],
    decides=SureBound((4 * a - c**2) * sq(delta(T)), 4 * to_delta * E0 * (1 - c + a) ** T),
    mutants=[
        Mutant("3 per cent less", decides={"bound": Rational(97, 25) * to_delta * E0 * (1 - c + a) ** T}),
        Mutant("the rate 1 - c whatever a is", decides={"bound": 4 * to_delta * E0 * (1 - c) ** T}),
        Mutant("divergence from a > 2c on", decides={"bound": 4 * to_delta * E0 * (1 - c + a / 2) ** T}),
        Mutant("no regularisation at a damped rate", decides={"bound": 4 * to_delta * E0 * (1 - a) ** T}),
    ],
    notes="Of the linearised system; the full one is not covered.  Attained where 2 eta_g p h_T = -c delta_T.  Stable "
    "where a < c, that is eta_g p^2 < lam s^2, whatever eta_d is; without regularisation (lam = 0) no step sizes are.",
)


@diagram.derivation
def definite(proof):
    always = every_time(proof, energy, 1 - c + a, proof.assume(start))
    stated = proof.claim.decides
    mixed = 2 * to_delta * h(T) + c * delta(T)
    proof.conclude(proof.certificate(Le(stated.quantity, stated.bound), [(-4 * to_delta, always)], [(1, mixed)]))


@diagram.experiment(samples=SAMPLES, cases=[{}, {"eta_g": Rational(1, 2), "lam": 0}])
def spirals(xp, rng, case, size):
    begin, (x, _) = path(xp, rng, case, size)
    c, a = case.eta_d * case.lam, case.eta_g * case.eta_d * case.p**2 / case.s**2
    return {"quantity": (4 * a - c**2) * xp.sum(x * x, axis=-1), "E0": sum(terms(xp, case, *begin))}


# -- real eigenvalues -------------------------------------------------------------------------------------------------

U0 = Symbol("U0", nonnegative=True)
eigenvalue = equation("mu is an eigenvalue", mu**2 - (2 - c) * mu + 1 - c + a, 0)
mode = lambda t: sq((mu - 1 + c) * delta(t) + to_delta * h(t))
mode_start = equation("U0 is the mode at the start", mode(0), U0)
overdamped = Interval(0, eta_d * lam**2 * s**2 / (4 * p**2), open="left")

modes = Claim(
    id="gan.phase-diagram-modes",
    title="Linearised kernel GAN without oscillation: each mode is multiplied by its eigenvalue",
    paper=PAPERS["gan"],
    locator="abstract (local convergence for the linearised dynamics); derived here",
    statement=r"c^2 \ge 4a,\ \mu = 1 - \frac{c \pm \sqrt{c^2 - 4a}}{2}:\quad u_T = \mu^T u_0,"
    r"\quad u = (\mu - 1 + c)\,\delta + \eta_g p\, h",
    symbols={
        **steps,
        lam: Positive(sample=(Rational(1, 5), 4)),
        eta_g: overdamped,
        **time,
        mu: Observed(),
        U0: Observed(0),
    },
    assumptions=[moves_delta, moves_h, eigenvalue, mode_start],
    decides=Identity(mode(T), mu ** (2 * T) * U0),
    mutants=[
        Mutant("half the exponent", decides={"bound": mu**T * U0}),
        Mutant("the mean of the two eigenvalues", decides={"bound": (1 - c / 2) ** (2 * T) * U0}),
        Mutant("any mu", drop=(eigenvalue.name,), by=("derivation",)),
    ],
    notes="With gan.phase-diagram: stable where 0 < a < c and both real eigenvalues exceed -1, that is 2c < 4 + a.  At "
    "fixed c the best rate is 1 - c/2, at a = c^2/4.",
)


@modes.derivation
def left_eigenvectors(proof):
    k = proof.index("k")
    moves = [proof.assume(moves_delta, k), proof.assume(moves_h, k)]
    root = proof.assume(eigenvalue)
    before = (mu - 1 + c) * delta(k) + to_delta * h(k)
    # u_{k+1} - mu u_k = -(mu^2 - (2 - c) mu + 1 - c + a) delta_k = 0
    off = Inner(2 * mu * before - root.left * delta(k), delta(k))
    claimed = lambda t: Eq(mode(t), mu ** (2 * t) * U0, evaluate=False)
    first = proof.certificate(claimed(0), [(1, proof.assume(mode_start))])
    every = proof.induction(
        claimed(k),
        k,
        first,
        lambda now: proof.certificate(claimed(k + 1), [(mu**2, now), (-off, root)], using=moves),
    )
    proof.conclude(proof.instantiate(every, {k: T}))


@modes.experiment(samples=SAMPLES)
def real_modes(xp, rng, case, size):
    c, a = case.eta_d * case.lam, case.eta_g * case.eta_d * case.p**2 / case.s**2
    root = xp.sqrt(xp.maximum(xp.asarray(c * c - 4 * a), xp.asarray(0.0)))
    mu = 1 - (c + rng.signs((size,)) * root) / 2
    (x0, y0), (x, y) = path(xp, rng, case, size)
    mode = lambda x, y: (mu - 1 + c)[:, None] * x + case.eta_g * case.p * y
    whole = lambda x, y: (mu - 1 + c) ** 2 * xp.sq(x) + (case.eta_g * case.p) ** 2 * xp.sq(y)
    scale = whole(x, y) + whole(x0, y0) * mu ** (2 * case.T)
    return {"quantity": xp.sq(mode(x, y)), "mu": mu, "U0": xp.sq(mode(x0, y0)), "scale": scale}
