"""A thermodynamic computer between gradient and natural gradient (on "Thermodynamic Natural Gradient Descent", 2024).

The natural gradient A^{-1} b of a gradient b and a curvature matrix A > 0 is read off the process

    dx = -(A x - b) dt + (2/beta)^{1/2} dW,     x(0) = 0.

In a direction a with A a = lam a, |a| = 1 and c = <a, b>, after the time t

    E <a, x(t)>^2  =  (c/lam)^2 (1 - exp(-lam t))^2 + (1 - exp(-2 lam t))/(beta lam),

the square of its mean and its variance.  The mean moves from the gradient (t b for small t) to the natural gradient: if
A >= mu I,

    |E x(t) - A^{-1} b|^2  <=  exp(-2 mu t) |A^{-1} b|^2.

Statements and constants are derived here.
"""

from sympy import Eq, Function, Identity, Le, MatrixSymbol, Rational, Symbol, Trace, ZeroMatrix, exp, symbols

from gdverify import Assumption, Claim, Integers, Mean, MeanEquals, Mutant, Nonnegative, Observed, Positive, SureBound
from gdverify.instances import log_uniform
from gdverify.integrate import refined, runge_kutta
from gdverify.language import MatrixSequence, SymmetricMatrix, TimeDerivative
from gdverify.laws import constant, equation, loewner
from theorems import PAPERS

lam, beta, mu, R = symbols("lam beta mu R", positive=True)
t, c = Symbol("t", nonnegative=True), Symbol("c", real=True)
d = Symbol("d", integer=True, positive=True)
A, ones = SymmetricMatrix("A", d, d), Identity(d)
first, second = MatrixSequence("m", d, 1), MatrixSequence("S", d, d)  # E x and E x x^T
a, b, goal = (MatrixSymbol(name, d, 1) for name in ("a", "b", "x_star"))
reading = Function("y")  # <a, x(t)>
same = lambda left, right: Eq(left, right, evaluate=False)
sizes = {d: Integers(1, sample=(1, 3))}

drift = Assumption("the mean moves by m' = b - A m", lambda s: same(TimeDerivative(first(s)), b - A * first(s)))
data = constant(A, a, b, goal, lam, beta, c)
at_zero = equation("the process starts at 0", first(0), ZeroMatrix(d, 1))

# -- in a direction ---------------------------------------------------------------------------------------------------

spread = Assumption(
    "the second moments move by Ito's formula",
    lambda s: same(
        TimeDerivative(second(s)),
        -A * second(s) - second(s) * A + b * first(s).T + first(s) * b.T + 2 / beta * ones,
    ),
    latex=r"\dot S = -AS-SA+bm^\top+mb^\top+\tfrac2\beta I",
)
moments = Assumption(
    "S is the second moment of the process", lambda s: same(Mean(reading(s) ** 2), Trace(a.T * second(s) * a))
)
eigenvector = [
    equation("A a = lam a", A * a, lam * a),
    equation("|a| = 1", Trace(a.T * a), 1),
    equation("c = <a, b>", Trace(a.T * b), c),
]
mean, variance = c / lam * (1 - exp(-lam * t)), (1 - exp(-2 * lam * t)) / (beta * lam)

interpolates = Claim(
    id="thermodynamic-ngd.ou-interpolates",
    title="Mean and variance of the thermodynamic reading of a natural gradient after a finite time",
    paper=PAPERS["thermodynamic-ngd"],
    locator="the analog process as an Ornstein-Uhlenbeck process; formulas derived here",
    statement=r"dx=-(Ax-b)dt+\sqrt{2/\beta}\,dW,\ x(0)=0,\ Aa=\lambda a,\ \|a\|=1:\quad"
    r" \mathbb{E}\langle a,x(t)\rangle^2=\Big(\frac{\langle a,b\rangle}\lambda(1-e^{-\lambda t})\Big)^2"
    r"+\frac{1-e^{-2\lambda t}}{\beta\lambda}",
    symbols={
        **sizes,
        lam: Positive(sample=(Rational(1, 4), 4)),
        beta: Positive(sample=(Rational(1, 4), 16)),
        t: Nonnegative(sample=(Rational(1, 8), 2)),
        c: Observed(),
    },
    assumptions=[
        drift,
        spread,
        moments,
        data,
        at_zero,
        equation("S(0) = 0", second(0), ZeroMatrix(d, d)),
        *eigenvector,
    ],
    decides=MeanEquals(quantity=reading(t) ** 2, bound=mean**2 + variance, tol=0.05),
    mutants=[
        Mutant("exp(-lam t) in the variance", decides={"bound": mean**2 + (1 - exp(-lam * t)) / (beta * lam)}),
        Mutant("beta need not divide the variance", decides={"bound": mean**2 + beta * variance}),
        Mutant("the limit of the mean", decides={"bound": (c / lam) ** 2 + variance}),
        Mutant(
            "a mean that moves 10% faster",
            decides={"bound": (c / lam * (1 - exp(-Rational(11, 10) * lam * t))) ** 2 + variance},
            cases=({"lam": 1, "beta": 16, "t": 1},),
        ),
        Mutant("a is any unit vector", drop=("A a = lam a",), by=("derivation",)),
    ],
    notes="The experiment integrates the process in 40 steps of weak order 2.",
)


def settled(proof, quantity, rate, law, along, known, s):
    """quantity(t) == exp(-rate t) quantity(0), from quantity' = -rate quantity."""
    ends = []
    for sign in (1, -1):
        motion = proof.lie_derivative(sign * quantity, law, using=[along])
        steady = proof.certificate(
            same(-rate * sign * quantity, motion.right), [(-sign * k, fact) for k, fact in known]
        )
        ends.append(proof.instantiate(proof.gronwall(motion, steady, rate, s), {s: t}))
    return proof.antisymmetry(*ends)


@interpolates.derivation
def two_decays(proof):
    s = proof.scalar("s", Nonnegative())
    law = [proof.assume(drift, s), proof.assume(spread, s)]
    along, unit, push = (proof.assume(e) for e in eigenvector)
    middle = lambda s: Trace(a.T * first(s)) - c / lam
    wide = lambda s: Trace(a.T * second(s) * a) - Trace(a.T * first(s)) ** 2 - 1 / (beta * lam)
    centre = settled(proof, middle(s), lam, law, along, [(1, push)], s)
    width = settled(proof, wide(s), 2 * lam, law, along, [(2 / beta, unit)], s)
    begin = [proof.assume(at_zero), proof.assume(interpolates.assumptions[5])]
    centre, width = (proof.rewrite(fact, *begin) for fact in (centre, width))
    final = Trace(a.T * first(t))
    proof.conclude(
        proof.certificate(
            same(Mean(reading(t) ** 2), mean**2 + variance),
            [(1, proof.assume(moments, t)), (-1, width), (-(final + mean), centre)],
        )
    )


@interpolates.experiment(samples={"smoke": 100_000, "standard": 1_000_000, "full": 20_000_000})
def integrated(xp, rng, case, size):
    n, steps = case.d, 40
    shared = rng.shared
    basis = shared.haar((n, n))
    pull = shared.normal((n,)) + 2 * basis[:, 0]
    head = xp.astype(xp.arange(n) == 0, xp.float64)
    values = head * case.lam + (1 - head) * log_uniform(xp, shared, (n,), 0.25, 4)
    matrix = (basis * values) @ xp.matrix_transpose(basis)
    h = case.t / steps
    x = xp.zeros((size, n))
    for _ in range(steps):
        kick = (2 * h / case.beta) ** 0.5 * rng.normal((size, n))
        x = x + h * (pull - (x + h / 2 * (pull - x @ matrix)) @ matrix) + kick - h / 2 * kick @ matrix
    return {"quantity": (x @ basis[:, 0]) ** 2, "c": xp.sum(pull * basis[:, 0])}


# -- in every direction -----------------------------------------------------------------------------------------------

curved = loewner("A >= mu I", A, mu * ones)
square = lambda u: Trace(u.T * u)

approach = Claim(
    id="thermodynamic-ngd.approach",
    title="The mean reading approaches the natural gradient at the rate of the smallest eigenvalue",
    paper=PAPERS["thermodynamic-ngd"],
    locator="the analog process as an Ornstein-Uhlenbeck process; derived here",
    statement=r"A\succeq\mu I:\quad \|\mathbb{E}x(t)-A^{-1}b\|^2\le e^{-2\mu t}\|A^{-1}b\|^2",
    symbols={
        **sizes,
        mu: Positive(sample=(Rational(1, 10), 1)),
        t: Nonnegative(sample=(0, 4)),
        R: Observed(0, open="left"),
    },
    assumptions=[
        drift,
        constant(A, b, goal),
        at_zero,
        equation("x_star = A^{-1} b", A * goal, b),
        curved,
        equation("R = |x_star|", square(goal), R**2),
    ],
    decides=SureBound(quantity=square(first(t) - goal), bound=exp(-2 * mu * t) * R**2),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * exp(-2 * mu * t) * R**2}),
        Mutant("a rate 5% faster", decides={"bound": exp(-Rational(21, 10) * mu * t) * R**2}, cases=({"t": 4},)),
        Mutant("A is only positive", drop=(curved.name,), by=("derivation",)),
    ],
    notes="Attained where b is an eigenvector of the eigenvalue mu.",
)


@approach.derivation
def distance(proof):
    s = proof.scalar("s", Nonnegative())
    solves = proof.assume(approach.assumptions[3])
    off = lambda s: square(first(s) - goal)
    motion = proof.lie_derivative(off(s), [proof.assume(drift, s)])
    steady = proof.certificate(
        Le(motion.right, -2 * mu * off(s)), [(2, proof.assume(curved, first(s) - goal))], using=[solves]
    )
    end = proof.instantiate(proof.gronwall(motion, steady, 2 * mu, s), {s: t})
    begun = proof.rewrite(end, proof.assume(at_zero))
    shrunk = exp(-2 * mu * t)
    proof.conclude(
        proof.certificate(Le(off(t), shrunk * R**2), [(1, begun), (-shrunk, proof.assume(approach.assumptions[5]))])
    )


@approach.experiment(samples={"smoke": 1024, "standard": 20_000, "full": 1_000_000})
def means(xp, rng, case, size):
    slow = rng.bernoulli(0.5, (size, 1))
    curvature = case.mu + (1 - slow) * (2 - case.mu) * rng.uniform((size, case.d))
    pull = rng.normal((size, case.d))
    goal = pull / curvature
    field = lambda m: (pull - curvature * m,)
    off = lambda steps: xp.sq(runge_kutta(field, (0 * pull,), case.t / steps, steps)[0] - goal)
    end, error = refined(xp, [off(steps) for steps in (32, 64, 128)])
    return {
        "quantity": end,
        "quantity_error": error,
        "R": xp.sqrt(xp.sq(goal)),
    }
