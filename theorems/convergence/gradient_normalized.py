"""Gradient-normalized smoothness: progress of a regularised Newton step (after Semenov, Jaggi and Doikov 2025).

At a point x with g = grad f(x) != 0, let H be any positive semidefinite matrix and gamma > 0.  The step
h = -(H + (|g|/gamma) I)^{-1} g has

    |h|  <=  gamma,

and if the gradient at its end is what H predicts, up to |grad f(x + h) - g - H h| <= |g| |h|/gamma, then for convex f

    f(x) - f(x + h)  >=  gamma |grad f(x + h)|^2/(2 |g|).

By the first, it is enough that the prediction is as good on the ball |h| <= gamma: this is what the gradient-normalized
smoothness gamma means.  With the exact Hessian, M-Lipschitz, gamma = (2 |g|/M)^{1/2}.

Reference: arXiv:2506.13710; its theorems were not read, and the constants are those derived here.
"""

from sympy import Ge, Le, Rational, Symbol, symbols

from gdverify import Claim, Inner, Mutant, Observed, ScalarFunction, SureBound, Vector, sq
from gdverify.classes import convex, recursion
from gdverify.instances import log_uniform, mixed_uniform
from gdverify.laws import equation, inequality
from theorems import PAPERS

gamma, G = symbols("gamma G", positive=True)
gain, i = Symbol("gain", real=True), Symbol("i", integer=True)
f, x, h, bent = ScalarFunction("f"), Vector("x"), Vector("h"), Vector("Hh")
g, after = f.grad(x), f.grad(x + h)

size_of_g = equation("G = |grad f(x)|", sq(g), G**2)
newton = recursion(bent, -g - G / gamma * h, i)
semidefinite = inequality("H is positive semidefinite", Ge(Inner(h, bent), 0, evaluate=False))
slightly_indefinite = inequality(
    "H is at least -|g|/(100 gamma)", Ge(Inner(h, bent) + G / gamma * sq(h) / 100, 0, evaluate=False)
)
predicted = inequality(
    "|grad f(x + h) - g - H h| <= |g| |h|/gamma", Ge((G / gamma) ** 2 * sq(h), sq(after - g - bent), evaluate=False)
)
decrease = equation("gain = f(x) - f(x + h)", f(x) - f(x + h), gain)
flat = {"family": "quadratic", "flat": 1}

step_length = Claim(
    id="gradient-normalized-smoothness.step-length",
    title="A Newton step regularised by |g|/gamma is no longer than gamma",
    paper=PAPERS["gradient-normalized-smoothness"],
    locator="length of the step; derived here",
    statement=r"H\succeq 0,\ h=-\Big(H+\frac{\|g\|}\gamma I\Big)^{-1}g:\quad \|h\|\le\gamma",
    symbols={gamma: Observed(0, open="left"), G: Observed(0, open="left")},
    assumptions=[size_of_g, newton, semidefinite],
    decides=SureBound(quantity=sq(h), bound=gamma**2),
    mutants=[
        Mutant("1% shorter", decides={"bound": Rational(99, 100) * gamma**2}, cases=(flat,)),
        Mutant(
            "H down to -|g|/(100 gamma)",
            drop=(semidefinite.name,),
            add=(slightly_indefinite,),
            cases=({"family": "quadratic", "indefinite": 1},),
        ),
        Mutant("H need not be semidefinite", drop=(semidefinite.name,), by=("derivation",)),
    ],
    notes="Attained at H = 0.",
)
progress = Claim(
    id="gradient-normalized-smoothness.step-progress",
    title="Progress of a Newton step regularised by |g|/gamma",
    paper=PAPERS["gradient-normalized-smoothness"],
    locator="progress of one step for convex functions; constant derived here",
    statement=r"f\text{ convex},\ h=-\Big(H+\frac{\|g\|}\gamma I\Big)^{-1}g,\ "
    r"\|\nabla f(x+h)-g-Hh\|\le\frac{\|g\|\|h\|}\gamma:\quad \frac{\gamma\|\nabla f(x+h)\|^2}{2\|g\|}\le f(x)-f(x+h)",
    symbols={gamma: Observed(0, open="left"), G: Observed(0, open="left"), gain: Observed()},
    assumptions=[convex(f), newton, predicted, decrease],
    decides=SureBound(quantity=sq(after), bound=2 * G / gamma * gain),
    mutants=[
        Mutant("1% more", decides={"bound": Rational(99, 100) * 2 * G / gamma * gain}, cases=(flat,)),
        Mutant("no factor 1/2", decides={"bound": G / gamma * gain}, cases=(flat,)),
        Mutant(
            "gradients need not be predicted", drop=("|grad f(x + h) - g - H h| <= |g| |h|/gamma",), by=("derivation",)
        ),
        Mutant("f need not be convex", drop=("f is convex",), by=("derivation",)),
    ],
    notes="Attained in the limit of a function that is nearly linear beside the error of its Hessian.",
)


@step_length.derivation
def length(proof):
    proof.conclude(
        proof.certificate(
            Le(sq(h), gamma**2),
            [(-((gamma / G) ** 2), proof.assume(size_of_g)), (2 * gamma / G, proof.assume(semidefinite))],
            [((gamma / G) ** 2, bent)],
            using=[proof.assume(newton, 0)],
        )
    )


@progress.derivation
def prediction(proof):
    move = proof.assume(newton, 0)
    angle = proof.certificate(
        Ge(-Inner(after, h), gamma * sq(after) / (2 * G)), [(gamma / (2 * G), proof.assume(predicted))], using=[move]
    )
    proof.conclude(
        proof.certificate(
            Le(sq(after), 2 * G / gamma * gain),
            [
                (2 * G / gamma, angle),
                (2 * G / gamma, proof.assume(convex(f), x + h, x)),
                (-2 * G / gamma, proof.assume(decrease)),
            ],
        )
    )


def newton_steps(xp, rng, case, size):
    """Diagonal Hessians that are exact (cubes) or wrong by a known amount (quadratics), and the step."""
    d = 3
    curvature = log_uniform(xp, rng, (size, d), 1e-2, 10)
    if "flat" in case:
        curvature = 1e-4 * curvature
    here = rng.normal((size, d)) * log_uniform(xp, rng, (size, 1), 1e-2, 10)
    cubic = 0.0 if case.family == "quadratic" else 1.0
    grad = lambda z: curvature * z + cubic * z * xp.abs(z) / 2
    value = lambda z: xp.sum(curvature * z * z / 2 + cubic * xp.abs(z) * z * z / 6, axis=-1)
    g = grad(here)
    norm = xp.sqrt(xp.sum(g * g, axis=-1))
    if case.family == "quadratic":
        wrong = log_uniform(xp, rng, (size, 1), 1e-2, 10)
        model = curvature + wrong * mixed_uniform(rng, (size, d))
        gamma = norm / wrong[:, 0]
        model = -wrong / 100 if "indefinite" in case else model
    else:
        model, gamma = curvature + xp.abs(here), xp.sqrt(2 * norm)
    h = -g / (model + (norm / gamma)[:, None])
    return norm, gamma, h, value(here) - value(here + h), grad(here + h)


families = [{"family": "cubic"}, {"family": "quadratic"}, flat]


@step_length.experiment(cases=families)
def lengths(xp, rng, case, size):
    norm, gamma, h, _, _ = newton_steps(xp, rng, case, size)
    return {"quantity": xp.sum(h * h, axis=-1), "G": norm, "gamma": gamma}


@progress.experiment(cases=families)
def gains(xp, rng, case, size):
    norm, gamma, _, won, slope = newton_steps(xp, rng, case, size)
    return {"quantity": xp.sum(slope * slope, axis=-1), "G": norm, "gamma": gamma, "gain": won}
