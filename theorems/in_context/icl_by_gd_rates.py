"""The step size of a trained linear attention layer, and the curvature correction of GD++ (von Oswald et al. 2022).

Covariates with independent symmetric coordinates of second and fourth moments m2 and m4, tasks w with E w w^T = I,
responses y_i = w^T x_i + sigma e_i.  Among the predictors h x^T X^T y the best has

    eta = m2 / ((n + d - 2) m2^2 + m4 + sigma^2 m2),         loss  sigma^2 + d m2 - n d m2^2 eta.

Uniform on [-1, 1]^d, no noise: 15/(5n + 5d - 1); Gaussian: 1/(n + d + 1 + sigma^2); signs: 1/(n + d - 1 + sigma^2).

GD++: a layer may move the covariates as well, x <- (1 - beta W) x, W = X X^T / n.  An eigenvalue lambda of W becomes
lambda (1 - beta lambda)^2, and two layers leave the residual (1 - a_0 lambda)(1 - a_1 lambda (1 - beta lambda)^2).

Reference: J. von Oswald, E. Niklasson, E. Randazzo, J. Sacramento, A. Mordvintsev, A. Zhmoginov, M. Vladymyrov,
"Transformers learn in-context by gradient descent", 2022.
"""

from sympy import Eq, MatrixSymbol, Rational, Symbol, Trace
from sympy import Identity as Eye

from gdverify import Assumption, Claim, Domain, Integers, Mean, MeanEquals, Mutant, Nonnegative, Positive, Reals
from gdverify.errors import ClaimError
from gdverify.laws import equation, sample_sums
from theorems import PAPERS

n, d = Symbol("n", integer=True, positive=True), Symbol("d", integer=True, positive=True)
sigma, h, eta = Symbol("sigma", nonnegative=True), Symbol("h", real=True), Symbol("eta", real=True)
m2, m4 = Symbol("m2", positive=True), Symbol("m4", positive=True)
x, x1, x2, w = (MatrixSymbol(name, d, 1) for name in ("x", "x_1", "x_2", "w"))
e0, e1, e2, g = (MatrixSymbol(name, 1, 1) for name in ("e_0", "e_1", "e_2", "g"))


def uncorrelated(letter, moment):
    """E z z^T = moment I, given everything else: ``schema(v, M)`` is E v z^T M z = moment E v tr M."""

    def schema(v, M):
        if (v * Trace(M)).has(letter):
            raise ClaimError(f"{letter} is not independent of what involves it")
        return Eq(Mean(v * Trace(letter.T * M * letter)), moment * Mean(v * Trace(M)), evaluate=False)

    return Assumption(name=f"{letter} has uncorrelated coordinates", schema=schema, key=("second", letter, moment))


def centred(letter):
    """E z = 0, given everything else, for a 1 x 1 letter: ``schema(v)`` is E v z = 0."""

    def schema(v):
        if v.has(letter):
            raise ClaimError(f"{letter} is not independent of what involves it")
        return Eq(Mean(v * Trace(letter)), 0, evaluate=False)

    return Assumption(name=f"{letter} is centred", schema=schema, key=("centred", letter))


def fourth_moment(letter, moment, fourth):
    """E |z|^4 for d independent coordinates with these second and fourth moments."""
    size = letter.shape[0]
    value = size * fourth + size * (size - 1) * moment**2
    return equation(f"{letter} has independent coordinates", Mean(Trace(letter.T * letter) ** 2), value)


G, y0, y1, y2 = Trace(g), *(Trace(w.T * p) + sigma * Trace(e) for p, e in ((x, e0), (x1, e1), (x2, e2)))
term, other = y1 * Trace(x1.T * x), y2 * Trace(x2.T * x)
sums = sample_sums({g: (term, other)}, n, x1, x2, e1, e2)
spread = {z: uncorrelated(z, m2) for z in (x, x1, x2)} | {z: uncorrelated(z, 1) for z in (w, e0, e1, e2)}
noise = {z: centred(z) for z in (e0, e1, e2)}
quartic = fourth_moment(x1, m2, m4)
optimum = sigma**2 + d * m2 - n * d * m2**2 * eta
best = m2 / ((n + d - 2) * m2**2 + m4 + sigma**2 * m2)
uniform = {"family": "uniform", "m2": Rational(1, 3), "m4": Rational(1, 5), "n": 2, "d": 2, "sigma": 0}

trained_rate = Claim(
    id="icl-by-gd.trained-learning-rate",
    title="The best learning rate of one gradient step in context, by the fourth moment of the covariates",
    paper=PAPERS["icl-by-gd"],
    locator="data model of the experiments; constants derived here",
    statement=r"\mathbb{E}(hg-y_0)^2 = \sigma^2 + dm_2 - ndm_2^2\eta + (h-\eta)^2\mathbb{E}g^2,\quad"
    r" g = \sum_i y_ix_i^\top x,\ \eta = \frac{m_2}{(n+d-2)m_2^2+m_4+\sigma^2m_2}",
    symbols={
        n: Integers(1, sample=(1, 6)),
        d: Integers(1, sample=(1, 3)),
        sigma: Nonnegative(sample=(0, 1)),
        m2: Positive(sample=(Rational(1, 3), 1)),
        m4: Domain(m2**2, sample=(Rational(3, 2), 3)),  # for m4 = m2 = d = 1 and no noise the best loss is 0
        h: Reals(sample=(-0.1, 0.1)),
    },
    decides=MeanEquals((h * G - y0) ** 2 - (h * G - eta * G) ** 2, optimum, tol=0.05),
    assumptions=[*spread.values(), *noise.values(), quartic, sums],
    defines={eta: best},
    mutants=[
        Mutant("the Gaussian constant for other data",
               defines={eta: 1 / ((n + d + 1) * m2 + sigma**2)}, cases=(uniform | {"n": 1, "d": 1, "h": 0.1},)),
        Mutant("n + d - 1 for n + d - 2",
               defines={eta: m2 / ((n + d - 1) * m2**2 + m4 + sigma**2 * m2)}),
        Mutant("noise left out", defines={eta: m2 / ((n + d - 2) * m2**2 + m4)}),
        Mutant("twice the gain", decides={"bound": optimum - n * d * m2**2 * eta}),
        Mutant("the coordinates depend on each other", drop=("x_1 has independent coordinates",), by=("derivation",)),
    ],
    notes="Best among h x^T X^T y for real h; other weights of the layer are not treated. Uniform covariates have m2 ="
    " 1/3 and m4 = 1/5. The experiment draws coordinates with three values, or uniform ones.",
)  # fmt: skip


@trained_rate.derivation
def second_moments(proof):
    at = lambda z, v, M: proof.assume(spread[z], v, M)
    zero = lambda z, v: proof.assume(noise[z], v)
    one, line = Eye(1), at(x, 1, x1 * x1.T)
    length1, length2, length = (at(z, 1, Eye(d)) for z in (x1, x2, x))
    a, b, c, e, q = Trace(w.T * x1), Trace(x1.T * x), Trace(w.T * x2), Trace(x2.T * x), Trace(w.T * x)
    square = [(1, at(x, a**2, x1 * x1.T)), (m2, at(w, Trace(x1.T * x1), x1 * x1.T)), (m2, proof.assume(quartic))]
    square += [(2 * sigma, zero(e1, a * b**2)), (sigma**2, at(e1, b**2, one)), (sigma**2, line)]
    square += [(sigma**2 * m2, length1)]
    pair = [(1, at(x, a * c, x1 * x2.T)), (m2, at(w, Trace(x1.T * x2), x1 * x2.T)), (m2, at(x1, 1, x2 * x2.T))]
    pair += [(m2**2, length2), (sigma, zero(e1, c * b * e)), (sigma, zero(e2, a * b * e))]
    pair += [(sigma**2, zero(e1, Trace(e2) * b * e))]
    cross = [(1, at(w, b, x1 * x.T)), (1, line), (m2, length1), (sigma, zero(e1, b * q)), (sigma, zero(e0, a * b))]
    cross += [(sigma**2, zero(e0, b * Trace(e1)))]
    response = [(1, at(w, 1, x * x.T)), (1, length), (2 * sigma, zero(e0, q)), (sigma**2, at(e0, 1, one))]
    step = 2 * h * eta - eta**2
    parts = [(step, proof.assume(sums, g, g)), (-2 * h, proof.assume(sums, g, y0))]
    for weight, facts in ((step * n, square), (step * n * (n - 1), pair), (-2 * h * n, cross), (1, response)):
        parts += [(weight * k, fact) for k, fact in facts]
    target = (Mean(trained_rate.decides.quantity), "==", proof.claim.decides.bound)
    proof.conclude(proof.certificate(target, parts, using=[proof.definition(eta)]))


@trained_rate.experiment(cases=[{}, uniform], block=16)
def random_prompts(xp, rng, case, size):
    shape = (size, max(64, 2048 // (case.n * case.d)))
    uniform_law = dict(case).get("family") == "uniform"
    height, share = (case.m4 / case.m2) ** 0.5, case.m2**2 / case.m4

    def covariates(count):
        if uniform_law:  # on [-1, 1], whose moments the case states
            return rng.uniform((*shape, count, case.d), -1, 1)
        return height * rng.signs((*shape, count, case.d)) * rng.bernoulli(share, (*shape, count, case.d))

    points, query, task = covariates(case.n), covariates(1), rng.normal((*shape, 1, case.d))
    labels = xp.sum(points * task, axis=-1) + case.sigma * rng.normal((*shape, case.n))
    out = xp.sum(labels * xp.sum(points * query, axis=-1), axis=-1)
    truth = xp.sum(task * query, axis=(-2, -1))
    gaps = truth**2 + case.sigma**2 - 2 * case.h * out * truth + (2 * case.h - case.eta) * case.eta * out**2
    return {"quantity": xp.mean(gaps, axis=-1)}
