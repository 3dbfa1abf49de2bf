"""Langevin dynamics on Gaussian targets: friction accelerates it to the square root (after Ma et al. 2019).

For U(x) = x^T H x/2 with H >= m^2 I and a shifted start p_0 = N(z_0, cov p*), the law stays p_t = N(z_t, cov p*), with

    KL(p_t|p*) = (|v|^2 + x^T H x)/2,    x' = v,  v' = -H x - g v,     z = (x, v).

With the friction g = 2 r m, 0 < r < 1,

    KL(p_t|p*)  <=  (1 + r)/(1 - r)  exp(-2 r m t)  KL(p_0|p*),

against exactly exp(-2 m^2 t) on the slowest direction without momentum (dx = -grad U dt + sqrt(2) dB).

Reference: arXiv:1902.00996.  The statement and the constants are ours, not the paper's.
"""

from sympy import Eq, Identity, Le, Rational, Symbol, Trace, exp, symbols

from gdverify import Assumption, Claim, Integers, Interval, Mutant, Nonnegative, Observed, SureBound
from gdverify.integrate import refined, runge_kutta
from gdverify.language import MatrixSequence, SymmetricMatrix, TimeDerivative
from gdverify.laws import constant, equation, loewner
from theorems import PAPERS

m, r, g = symbols("m r g", positive=True)
t, start = symbols("t start", nonnegative=True)
d = Symbol("d", integer=True, positive=True)
H = SymmetricMatrix("H", d, d)
x, v = MatrixSequence("x", d, 1), MatrixSequence("v", d, 1)
square = lambda u: Trace(u.T * u)
divergence = lambda s: (square(v(s)) + Trace(x(s).T * H * x(s))) / 2
twisted = lambda s: square(v(s)) + g * Trace(x(s).T * v(s)) + Trace(x(s).T * H * x(s))

motion = Assumption(
    "the mean moves by x' = v, v' = -H x - g v",
    lambda s: [
        Eq(TimeDerivative(x(s)), v(s), evaluate=False),
        Eq(TimeDerivative(v(s)), -H * x(s) - g * v(s), evaluate=False),
    ],
    key=("motion",),
)
target = constant(H, g)
curved = loewner("H >= m^2 I", H, m**2 * Identity(d))
begin = equation("start is KL(p_0|p*)", divergence(0), start)

gaussian_acceleration = Claim(
    id="nesterov-analog-mcmc.gaussian-acceleration",
    title="Langevin dynamics with friction 2 r m contracts the KL divergence of shifts at the rate 2 r m",
    paper=PAPERS["nesterov-analog-mcmc"],
    locator="a version of the acceleration, on shifted Gaussian laws; statement and constants derived here",
    statement=r"H\succeq m^2I,\ g=2rm,\ 0<r<1:\quad"
    r" \mathrm{KL}(p_t|p^*)\le\frac{1+r}{1-r}e^{-2rmt}\,\mathrm{KL}(p_0|p^*)",
    symbols={
        m: Interval(0, 1, open="left", sample=(Rational(1, 10), 1)),
        r: Interval(0, 1, open="both", sample=(Rational(1, 4), Rational(3, 4))),
        t: Nonnegative(sample=(0, 10)),
        d: Integers(1, sample=(1, 4)),
        start: Observed(0),
    },
    defines={g: 2 * r * m},
    assumptions=[motion, target, curved, begin],
    decides=SureBound(quantity=divergence(t), bound=(1 + r) / (1 - r) * exp(-2 * r * m * t) * start),
    mutants=[
        Mutant(
            "1% below",
            decides={"bound": Rational(99, 100) * (1 + r) / (1 - r) * exp(-2 * r * m * t) * start},
            cases=({"m": Rational(1, 2), "r": Rational(3, 5), "t": Rational(3927, 1000), "d": 1},),
        ),
        Mutant(
            "a rate 5% faster",
            decides={"bound": (1 + r) / (1 - r) * exp(-Rational(21, 10) * r * m * t) * start},
            cases=({"m": 1, "r": Rational(1, 2), "t": Rational(453, 10), "d": 1},),
        ),
        Mutant("friction 2", defines={g: 2}),
        Mutant("H is only positive", drop=(curved.name,), by=("derivation",)),
    ],
    notes="Attained by a shift with v = m x along the slowest direction, at t = pi/(2 m sqrt(1 - r^2)).  At r = 1 the "
    "exponential comes with a factor of order t^2.",
)


@gaussian_acceleration.derivation
def twisted_energy(proof):
    s = proof.scalar("s", Nonnegative())
    fall = proof.lie_derivative(twisted(s), proof.assume(motion, s))
    steady = proof.certificate(Le(fall.right, -g * twisted(s)))
    end = proof.instantiate(proof.gronwall(fall, steady, g, s), {s: t})
    low = proof.certificate(
        Le((1 - r) * 2 * divergence(t), twisted(t)),
        [(r, proof.assume(curved, x(t)))],
        [(r, v(t) + m * x(t))],
        using=[proof.definition(g)],
    )
    high = proof.certificate(
        Le(twisted(0), (1 + r) * 2 * divergence(0)),
        [(r, proof.assume(curved, x(0)))],
        [(r, v(0) - m * x(0))],
        using=[proof.definition(g)],
    )
    proof.certificate(1 - r, [(1, proof.high(r))])
    shrunk = exp(-2 * r * m * t)
    proof.conclude(
        proof.certificate(
            Le(divergence(t), (1 + r) / (1 - r) * shrunk * start),
            [
                (1 / (2 * (1 - r)), end),
                (1 / (2 * (1 - r)), low),
                (shrunk / (2 * (1 - r)), high),
                (-shrunk * (1 + r) / (1 - r), proof.assume(begin)),
            ],
            using=[proof.definition(g)],
        )
    )


@gaussian_acceleration.experiment(samples={"smoke": 512, "standard": 20_000, "full": 1_000_000})
def shifted_laws(xp, rng, case, size):
    slow = rng.bernoulli(0.5, (size, 1))
    curvature = case.m**2 + (1 - slow) * (1 - case.m**2) * rng.uniform((size, case.d))
    # the slow rows end in v = -m x, where the divergence is largest for its twisted energy
    w = (1 - case.r**2) ** 0.5
    turned = case.m * case.t * w
    cosine, sine = xp.cos(xp.asarray(turned)), xp.sin(xp.asarray(turned))
    place = cosine + (1 - case.r) / w * sine
    pace = cosine * (case.r - 1) + w * sine - case.r * place
    x0, other = rng.normal((size, case.d)), rng.normal((size, case.d))
    v0 = slow * pace * x0 + (1 - slow) * other
    x0 = (slow * place / case.m + 1 - slow) * x0
    field = lambda x, v: (v, -curvature * x - case.g * v)
    kl = lambda x, v: xp.sum(v * v + curvature * x * x, axis=-1) / 2
    end, error = refined(xp, [kl(*runge_kutta(field, (x0, v0), case.t / n, n)) for n in (64, 128, 256)])
    return {
        "quantity": end,
        "quantity_error": error,
        "start": kl(x0, v0),
    }
