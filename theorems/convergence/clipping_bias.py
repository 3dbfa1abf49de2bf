"""Clipping has a bias that no step size removes (after Koloskova, Hendrikx and Stich 2023).

For f(x) = x^2/2, c > 0, 0 < sigma <= 2c, and the noise

    xi = -2c  with probability p = sigma^2/(4c^2 + sigma^2),      xi = sigma^2/(2c)  otherwise,

which has mean zero and variance sigma^2, the mean of the clipped gradient

    clip_c(x + xi),       clip_c(u) = min(c, max(-c, u)),

vanishes at x = -sigma^2/(4c), where |f'(x)| = sigma^2/(4c): at no step size is clipped SGD drawn from there to 0.

Reference: arXiv:2305.01588; its theorems were not read, and the example and its constant are derived here.
"""

from sympy import Abs, Eq, Function, Ge, Rational, Symbol, symbols

from gdverify import Claim, Interval, Mean, MeanEquals, Mutant, Positive
from gdverify.instances import clip
from gdverify.laws import equation
from theorems import PAPERS

c, sigma = symbols("c sigma", positive=True)
place = Symbol("place", real=True)
hit = Function("hit", real=True)(1)  # 1 where the noise is -2c, 0 otherwise
p = sigma**2 / (4 * c**2 + sigma**2)
clip_c = lambda u: (Abs(c + u) - Abs(c - u)) / 2
clipped = hit * clip_c(place - 2 * c) + (1 - hit) * clip_c(place + sigma**2 / (2 * c))  # clip_c(x + xi)
law = equation("the noise is -2c with probability p", Mean(hit), p)

bias = Claim(
    id="clipping.stochastic-bias",
    title="Under noise the clipped gradient has mean zero where the gradient is sigma^2/(4c)",
    paper=PAPERS["clipping"],
    locator="bias of clipping under noise; example and constant derived here",
    statement=r"f(x)=\tfrac{x^2}2,\ 0<\sigma\le 2c,\ x=-\frac{\sigma^2}{4c}:\ \text{some noise with }\mathbb{E}\xi=0,\ "
    r"\mathbb{E}\xi^2=\sigma^2 \text{ has }\ \mathbb{E}\,\mathrm{clip}_c(x+\xi)=0,\quad |f'(x)|=\frac{\sigma^2}{4c}",
    symbols={
        c: Positive(sample=(Rational(1, 4), 4)),
        sigma: Interval(0, 2 * c, open="left", sample=(c / 10, 2 * c)),
    },
    defines={place: -(sigma**2) / (4 * c)},
    assumptions=[law],
    decides=MeanEquals(quantity=clipped / c, bound=0, tol=0.02, absolute=True, support=(-1, 1)),
    mutants=[
        Mutant("at -sigma^2/(2c)", defines={place: -(sigma**2) / (2 * c)}),
        Mutant("at -sigma^2/(5c)", defines={place: -(sigma**2) / (5 * c)}),
        Mutant("no bias", defines={place: 0}),
        Mutant("sigma up to 3c", symbols={sigma: Interval(0, 3 * c, open="left", sample=(2 * c, 3 * c))}),
        Mutant("other probabilities", drop=("the noise is -2c with probability p",), by=("derivation",)),
    ],
    notes="Two points -a and sigma^2/a give the bias sigma^2 (a - c)/a^2, largest at a = 2c. For sigma >= c the noise "
    "+-sigma has no drift on the whole of |x| <= sigma - c.",
)


@bias.derivation
def two_points(proof):
    at, q = proof.definition(place), sigma**2 / (4 * c)
    proof.certificate(Ge(c - q, 0), [((2 * c + sigma) / (4 * c), proof.high(sigma))])
    surely = proof.certificate(Eq(clipped / c, -hit + (1 - hit) * q / c), using=[at])
    proof.conclude(
        proof.certificate(Eq(Mean(clipped / c), 0), [(1, proof.mean(surely)), (-1 - q / c, proof.assume(law))])
    )


@bias.experiment(cases=[{}], samples={"smoke": 2**18, "standard": 2**21, "full": 2**27})
def one_gradient(xp, rng, case, size):
    c, variance = case.c, case.sigma**2
    hit = rng.bernoulli(variance / (4 * c**2 + variance), (size,))
    noise = -2 * c * hit + variance / (2 * c) * (1 - hit)
    return {"quantity": clip(xp, case.place + noise, c) / c}
