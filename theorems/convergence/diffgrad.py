"""The friction coefficient of diffGrad (on "diffGrad: An Optimization Method for Convolutional Neural Networks", 2019).

diffGrad multiplies each coordinate of Adam's step by

    xi_t = 1/(1 + exp(-|g_{t-1} - g_t|)),

so that its step lies between half of Adam's and the whole, at the same state.  Derived here.
"""

from sympy import Abs, Ge, Le, Rational, Symbol, exp

from gdverify import Claim, Mutant, Nonnegative, Observed, SureBound
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

jump, adam, step = (Symbol(name, real=True) for name in ("jump", "adam", "step"))
friction = equation("the step is Adam's times the friction coefficient", step, adam / (1 + exp(-Abs(jump))))
off = Abs(step - 3 * adam / 4)

friction_range = Claim(
    id="diffgrad.friction-range",
    title="A step of diffGrad lies between half of Adam's step and the whole",
    paper=PAPERS["diffgrad"],
    locator="the friction coefficient; derived here",
    statement=r"\tfrac12\le\xi_t\le1,\ \text{that is}\quad"
    r" \big|\xi_tu_t-\tfrac34u_t\big| \le \tfrac14|u_t|,\ \xi_t=\frac1{1+e^{-|g_{t-1}-g_t|}},\ u_t\ \text{Adam's step}",
    symbols={jump: Observed(), adam: Observed(), step: Observed()},
    assumptions=[friction],
    decides=SureBound(quantity=off, bound=Abs(adam) / 4),
    mutants=[
        Mutant("between 51% and 99%", decides={"bound": Rational(24, 100) * Abs(adam)}),
        Mutant(
            "at least 51%",
            decides={
                "quantity": Abs(step - Rational(755, 1000) * adam),
                "bound": Rational(245, 1000) * Abs(adam),
            },
            by=("derivation",),
        ),
        Mutant("at most half", decides={"bound": Abs(adam) / 8}),
        Mutant("the step is anything", drop=(friction.name,), by=("derivation",)),
    ],
    notes="Both ends are attained, at equal gradients and in the limit of large jumps.",
)


@friction_range.derivation
def a_sigmoid_of_a_nonnegative_number(proof):
    x = proof.scalar("x", Nonnegative())
    falls = proof.instantiate(proof.monotone(-exp(-x), x), {x: Abs(jump)})
    rest = exp(-Abs(jump))
    gap = proof.certificate(Ge(1 - rest, 0), [(1, falls)])
    # (xi - 1/2)(1 - xi) = rest (1 - rest)/(2 (1 + rest)^2)
    square = proof.certificate(
        Le((step - 3 * adam / 4) ** 2, (adam / 4) ** 2),
        [(rest * adam**2 / (2 * (1 + rest) ** 2), gap)],
        using=[proof.assume(friction)],
    )
    proof.conclude(proof.power(square, Rational(1, 2)))


@friction_range.experiment(cases=[{"stream": "noise"}, {"stream": "repeated"}, {"stream": "jumps"}])
def streams(xp, rng, case, size):
    """The last of eight steps of Adam along a stream of gradients, with momentum 0.9 and memory 0.99 of the squares."""
    scale = log_uniform(xp, rng, (size,), 1e-2, 30)
    mean, square, before = xp.zeros((size,)), xp.zeros((size,)), xp.zeros((size,))
    for t in range(8):
        draw = rng.normal((size,))
        if case.stream == "noise" or t == 0:
            now = scale * draw
        else:
            now = before if case.stream == "repeated" else -before
        difference, before = before - now, now
        mean = 0.9 * mean + 0.1 * now
        square = 0.99 * square + 0.01 * now * now
    update = mean / (1 - 0.9**8) / (xp.sqrt(square / (1 - 0.99**8)) + 1e-8)
    taken = update / (1 + xp.exp(-xp.abs(difference)))
    return {"quantity": xp.abs(taken - 3 * update / 4), "jump": difference, "adam": update, "step": taken}
