"""What every span method keeps of the initial loss on the coordinate oracle (on Mishkin, Pilanci and Schmidt 2024).

The least-squares problem f(x) = |x|^2/2 in R^d with the stochastic gradient g = d y_i e_i at y, i uniform on 1, ..., d,
satisfies strong growth with rho = d, exactly:

    E g = grad f(y),     E|g|^2 = d |grad f(y)|^2        (mu = L = 1; interpolation holds).

Any method whose iterates stay in w^0 + span of the observed g's leaves a coordinate alone until it is drawn.  From
w^0 = (1, ..., 1), therefore, after k steps

    E f(w^k) >= (1 - 1/d)^k f(w^0).

Reference: arXiv:2404.02378, to whose first version asgd-interpolation.sqrt-rho-is-false applies this.
"""

from sympy import Eq, Function, Ge, Sum, Symbol, sqrt

from gdverify import Assumption, Claim, Identity, Integers, Mean, MeanBound, Mutant, Observed
from theorems import PAPERS

d, k = Symbol("d", integer=True, positive=True), Symbol("k", integer=True, positive=True)
j = Symbol("j", integer=True)
w, idle, drawn = Function("w"), Function("idle"), Function("drawn")  # of a coordinate and a step


def setting(d):
    """What it means to run a span method with this oracle in dimension d."""
    inside = lambda j, t: [j - 1, d - j, t]
    return [
        Assumption(
            "idle(j, t) says whether coordinate j was not drawn before step t",
            lambda j, t: [
                Eq(idle(j, t) ** 2, idle(j, t), evaluate=False),
                Eq(idle(j, 0), 1, evaluate=False),
                Eq(idle(j, t + 1), idle(j, t) * (1 - drawn(j, t)), evaluate=False),
            ],
            key=("idle",),
            where=inside,
        ),
        Assumption(
            "draws are uniform and independent of the past",
            lambda j, t: Eq(Mean(idle(j, t) * drawn(j, t)), Mean(idle(j, t)) / d, evaluate=False),
            key=("uniform", d),
            where=inside,
        ),
        Assumption(
            "w^t is in w^0 + span of the observed gradients, w^0 = (1, ..., 1)",
            lambda j, t: Eq(idle(j, t) * (w(j, t) - 1), 0, evaluate=False),
            key=("span",),
            where=inside,
        ),
    ]


def energy(d, k):
    """2 f(w^k)."""
    return Sum(w(j, k) ** 2, (j, 1, d))


def remaining(proof, assumptions, d, k):
    """E 2 f(w^k) >= d (1 - 1/d)^k."""
    status, uniform, span = assumptions
    i, t = proof.index("i", 1, d), proof.index("t")
    proof.high(i)
    bit, begin, step = proof.assume(status, i, t)
    begin, step = proof.mean(begin), proof.mean(step)
    left = (1 - 1 / d) ** t
    rate = proof.assume(uniform, i, t)
    idle_mean = proof.induction(
        Eq(Mean(idle(i, t)), left, evaluate=False),
        t,
        begin,
        lambda now: proof.certificate(
            Eq(Mean(idle(i, t + 1)), (1 - 1 / d) ** (t + 1), evaluate=False), [(1, step), (-1, rate), (1 - 1 / d, now)]
        ),
    )
    u, x = idle(i, t), w(i, t)
    untouched = proof.assume(span, i, t)
    square = proof.certificate(Ge(x**2, u), [(x + 1, untouched), (-(x**2), bit)], [(1, x - u * x)])
    each = proof.certificate(Ge(Mean(x**2), left), [(1, proof.mean(square)), (1, idle_mean)])
    total = proof.sum_of(proof.instantiate(each, {t: k}), i, 1, d)
    count = proof.telescope(-t, t, 1, d + 1)
    return proof.certificate(
        Ge(Mean(energy(d, k)), d * (1 - 1 / d) ** k),
        [(1, proof.mean_of_sum(energy(d, k))), (1, total), ((1 - 1 / d) ** k, count)],
    )


# -- the lower bound --------------------------------------------------------------------------------------------------

any_dimension = setting(d)

lower_bound = Claim(
    id="asgd-interpolation.span-lower-bound",
    title="Span methods on the coordinate oracle keep (1 - 1/d)^k of the initial loss",
    paper=PAPERS["asgd-interpolation"],
    locator="derived here",
    statement=r"w^k\in w^0+\mathrm{span}(g_0,\dots,g_{k-1}):\quad"
    r" \mathbb{E}\Big[1-\frac{f(w^k)}{f(w^0)}\Big] \le 1-\Big(1-\frac1d\Big)^k",
    symbols={d: Integers(2, sample=(2, 12)), k: Integers(1, sample=(1, 2 * d))},
    assumptions=any_dimension,
    decides=MeanBound(quantity=1 - energy(d, k) / d, bound=1 - (1 - 1 / d) ** k, nonnegative=False),
    mutants=[
        Mutant("(1 - 1/d)^(k-1)", decides={"bound": 1 - (1 - 1 / d) ** (k - 1)}),
        Mutant("half a step of decay in d: (1 - 1/(2d))^k", decides={"bound": 1 - (1 - 1 / (2 * d)) ** k}),
        Mutant("the iterates may leave the span", drop=(any_dimension[2].name,), by=("derivation",)),
    ],
    notes="Attained by gradient descent with step 1/d, which sets a drawn coordinate to zero.",
)


@lower_bound.derivation
def idle_coordinates(proof):
    fact = remaining(proof, any_dimension, d, k)
    target = Ge(1 - (1 - 1 / d) ** k, Mean(lower_bound.decides.quantity))
    proof.conclude(proof.certificate(target, [(1 / d, fact)]))


@lower_bound.experiment(
    cases=[{"method": "sgd"}, {"method": "momentum"}], samples={"smoke": 32768, "standard": 10**6, "full": 10**8}
)
def sample_paths(xp, rng, case, size):
    """SGD with the step 1/d, or the accelerated scheme with a fixed small momentum; both from w^0 = (1, ..., 1)."""
    d, momentum = case.d, 0.0 if case.method == "sgd" else 0.2
    index = rng.integers(0, d, (size, case.k))
    x = xp.ones((size, d))
    velocity = xp.zeros((size, d))
    for t in range(case.k):
        hit = xp.astype(index[:, t : t + 1] == xp.arange(d), xp.float64)
        velocity = momentum * velocity - hit * x
        x = x + velocity
    return {"quantity": 1 - xp.sum(x * x, axis=-1) / d}


# -- the oracle -------------------------------------------------------------------------------------------------------

point = Function("y")
S = Symbol("S", nonnegative=True)  # |grad f(y)|^2

strong_growth = Claim(
    id="asgd-interpolation.strong-growth-constant",
    title="The coordinate oracle satisfies strong growth with rho = d, exactly",
    paper=PAPERS["asgd-interpolation"],
    locator="derived here",
    statement=r"\frac1d\sum_{i=1}^d |d\,y_ie_i|^2 = d\,|\nabla f(y)|^2",
    symbols={d: Integers(1, sample=(1, 100)), S: Observed(0)},
    assumptions=[
        Assumption("S = |grad f(y)|^2", lambda: Eq(Sum(point(j) ** 2, (j, 1, d)), S, evaluate=False), key=("S",))
    ],
    decides=Identity(quantity=Sum((d * point(j)) ** 2, (j, 1, d)) / d, bound=d * S),
    mutants=[
        Mutant("rho = sqrt(d)", decides={"bound": sqrt(d) * S}),
        Mutant("rho = d - 1", decides={"bound": (d - 1) * S}),
        Mutant("rho = d^2", decides={"bound": d**2 * S}),
    ],
)


@strong_growth.derivation
def sum_over_the_draw(proof):
    gradient = proof.assume(strong_growth.assumptions[0])
    proof.conclude(proof.certificate(Eq(strong_growth.decides.quantity, d * S, evaluate=False), [(d, gradient)]))


@strong_growth.experiment(samples={"smoke": 256, "standard": 10**4, "full": 10**6})
def every_draw(xp, rng, case, size):
    y = rng.normal((size, case.d))
    drawn = case.d * xp.eye(case.d) * y[:, None, :]  # g for every i
    return {"quantity": xp.mean(xp.sum(drawn * drawn, axis=-1), axis=-1), "S": xp.sum(y * y, axis=-1)}
