"""One-layer linear attention on nonlinear targets is still one step of gradient descent (Mahankali et al. 2023).

Isotropic Gaussian covariates, responses y = g(w^T x) + sigma e with w ~ N(0, 1), a rotation-invariant law of targets.
A head is a sum over samples, f = sum_i (q^T x_i + r y_i)(x_i^T A x + y_i a^T x).  With f* = eta x^T X^T y and
mu = E y_1 y_2 x_1^T x_2, for ALL weights

    E (f - y_0)^2 = E (f* - y_0)^2 + E (f - f*)^2,      E (f* - y_0)^2 = E y_0^2 - n mu eta:

    g = relu      eta = 1/(n + 2d + 3 + 4 sigma^2),                                mu = d/4
    g = cube      eta = 3/(3n + 5d + 27 + sigma^2/(3(d + 2)(d + 4))),              mu = 9d(d + 2)(d + 4)
    g = square    eta = 0: the best head predicts nothing,                         mu = 0

Reference: A. Mahankali, T. B. Hashimoto, T. Ma, "One Step of Gradient Descent is Provably the Optimal In-Context
Learner with One Layer of Linear Self-Attention", 2023.
"""

from sympy import Abs, MatrixSymbol, Symbol, Trace

from gdverify import Claim, Mean, MeanEquals, Mutant
from gdverify.laws import gaussian, sample_sums
from theorems import PAPERS
from theorems.in_context import linear_attention as head

n, d, sigma, r, A, q, a, w = head.n, head.d, head.sigma, head.r, head.A, head.q, head.a, head.w
x, x1, x2 = head.x, MatrixSymbol("x_1", d, 1), MatrixSymbol("x_2", d, 1)
e0, e1, e2 = head.e0, MatrixSymbol("e_1", 1, 1), MatrixSymbol("e_2", 1, 1)
F, G = MatrixSymbol("f", 1, 1), MatrixSymbol("f_star", 1, 1)
eta = Symbol("eta", real=True)
laws = [gaussian(letter) for letter in (x, x1, x2, w, e0, e1, e2)]


def relu(z):
    return (z + Abs(z)) / 2


def cube(z):
    return z**3


def square(z):
    return z**2


class Setting:
    """The head and one step of gradient descent as sums over samples with responses target(w^T x) + sigma e."""

    def __init__(self, target):
        y1, y2, self.y0 = (target(Trace(w.T * p)) + sigma * Trace(e) for p, e in ((x1, e1), (x2, e2), (x, e0)))

        def term(p, y):
            return (Trace(q.T * p) + r * y) * (Trace(p.T * A * x) + y * Trace(a.T * x))

        terms = {
            F: (term(x1, y1), term(x2, y2)),
            G: (eta * y1 * Trace(x1.T * x), eta * y2 * Trace(x2.T * x)),
        }
        self.terms, self.sums = terms, sample_sums(terms, n, x1, x2, e1, e2)
        self.quantity = (Trace(F) - self.y0) ** 2 - (Trace(F) - Trace(G)) ** 2

    def pythagoras(self, proof, value):
        """E (f - y_0)^2 - E (f - f*)^2 == value, from the moments of two samples and the query."""
        step = proof.definition(eta)
        combine = [(1, proof.gaussian(self.y0**2, laws))]
        for weight, left, right in ((2, F, G), (-2, F, self.y0), (-1, G, G)):
            whole = proof.assume(self.sums, left, right)
            one, two = self.terms[left][0], self.terms.get(right, (right, None))
            parts = [(n, one * two[0])] + ([(n * (n - 1), one * two[1])] if two[1] is not None else [])
            combine.append((weight, whole))
            combine += [(weight * k, proof.gaussian(product, laws)) for k, product in parts]
        proof.conclude(proof.certificate((Mean(self.quantity), "==", value), combine, using=[step]))


identity = (
    r"\mathbb{E}(f-y_0)^2 - \mathbb{E}(f-f_*)^2 = \mathbb{E}y_0^2 - n\mu\eta,\quad f_* = \eta\,x^\top X^\top y,\quad "
)
cheap = {"n": 4, "d": 2, "r": 1}

relu_head = Setting(relu)
relu_optimum = sigma**2 + d / 2 - n * d * eta / 4
relu_targets = Claim(
    id="one-step-gd.nonlinear-targets-relu",
    title="Rectified linear targets: the best head is one gradient step of size 1/(n + 2d + 3 + 4 sigma^2)",
    paper=PAPERS["one-step-gd"],
    locator="abstract, nonlinear targets; constants derived here",
    statement=identity + r"g = \mathrm{relu},\ \eta = \frac1{n+2d+3+4\sigma^2},\ \mu = \tfrac d4",
    symbols={**head.SIZES, **head.WEIGHTS},
    decides=MeanEquals(relu_head.quantity, relu_optimum, tol=0.05),
    assumptions=[*laws, head.weights, relu_head.sums],
    defines={eta: 1 / (n + 2 * d + 3 + 4 * sigma**2)},
    mutants=[
        Mutant(
            "the step size of linear targets", defines={eta: 1 / (n + d + 1 + sigma**2)}, cases=(cheap | {"sigma": 0},)
        ),
        Mutant("noise counted once", defines={eta: 1 / (n + 2 * d + 3 + sigma**2)}, cases=(cheap | {"sigma": 1},)),
        Mutant("no gain from the context", decides={"bound": relu_optimum + n * d * eta / 4}),
    ],
    notes="One unit; a sum of k units with independent signs over sqrt(k) has the same second moments, hence the same"
    " constants.",
)


@relu_targets.derivation
def relu_pythagoras(proof):
    relu_head.pythagoras(proof, relu_optimum)


@relu_targets.experiment(cases=[{"family": "isotropic"}], block=16)
def relu_prompts(xp, rng, case, size):
    return differences(xp, rng, case, size, lambda z: (z + xp.abs(z)) / 2, lambda w2: w2 / 2, 1)


cube_head = Setting(cube)
volume = d * (d + 2) * (d + 4)
cube_optimum = sigma**2 + 15 * volume - 9 * n * volume * eta
cubic_targets = Claim(
    id="one-step-gd.nonlinear-targets-cube",
    title="Cubic targets: the best head is one gradient step, with a step size nearly free of the noise",
    paper=PAPERS["one-step-gd"],
    locator="abstract, nonlinear targets; constants derived here",
    statement=identity + r"g(z) = z^3,\ \eta = \frac3{3n+5d+27+\sigma^2/(3(d+2)(d+4))},\ \mu = 9d(d+2)(d+4)",
    symbols={**head.SIZES, **head.WEIGHTS},
    decides=MeanEquals(cube_head.quantity, cube_optimum),
    assumptions=[*laws, head.weights, cube_head.sums],
    defines={eta: 3 / (3 * n + 5 * d + 27 + sigma**2 / (3 * (d + 2) * (d + 4)))},
    mutants=[
        Mutant("the noise left out", defines={eta: 3 / (3 * n + 5 * d + 27)}),
        Mutant("30 for 27", defines={eta: 3 / (3 * n + 5 * d + 30 + sigma**2 / (3 * (d + 2) * (d + 4)))}),
        Mutant("the step size of linear targets", defines={eta: 1 / (n + d + 1 + sigma**2)}),
    ],
    notes="No experiment: the samples have too heavy tails for one to decide anything.",
)


@cubic_targets.derivation
def cubic_pythagoras(proof):
    cube_head.pythagoras(proof, cube_optimum)


square_head = Setting(square)
square_optimum = sigma**2 + d * (d + 2) * 3
even_targets = Claim(
    id="one-step-gd.nonlinear-targets-square",
    title="Quadratic targets: the best head predicts nothing",
    paper=PAPERS["one-step-gd"],
    locator="abstract, nonlinear targets; constants derived here",
    statement=identity + r"g(z) = z^2,\ \eta = 0",
    symbols={**head.SIZES, **head.WEIGHTS},
    decides=MeanEquals(square_head.quantity, square_optimum, tol=0.05),
    assumptions=[*laws, head.weights, square_head.sums],
    defines={eta: 0},
    mutants=[
        Mutant("a small step helps", defines={eta: 1 / (n + 2 * d + 3 + 4 * sigma**2)}, by=("derivation",)),
        Mutant("E (w^T x)^4 = d(d + 2)", decides={"bound": sigma**2 + d * (d + 2)}),
        Mutant("a tenth of the noise missing", decides={"bound": square_optimum - sigma**2 / 10}),
    ],
)


@even_targets.derivation
def even_pythagoras(proof):
    square_head.pythagoras(proof, square_optimum)


@even_targets.experiment(
    cases=[{"family": "isotropic"}, {"family": "isotropic", "n": 2, "d": 1, "sigma": 10}], block=16
)
def square_prompts(xp, rng, case, size):
    return differences(xp, rng, case, size, lambda z: z * z, lambda w2: 3 * w2**2, 0.02)


def differences(xp, rng, case, size, target, power, scale):
    """(f - y_0)^2 - (f - f*)^2, with ``power`` for E y_0^2 given w, averaged over the prompts of a row."""
    _, roots = head.instance(xp, rng, case)
    prompt = head.contexts(xp, rng, case, roots, size, target)
    weights = {name: scale * value for name, value in head.random_weights(xp, rng, case).items()}
    h = head.slope(xp, prompt, case.r, weights)
    point = rng.normal(h.shape)
    response = target(xp.sum(prompt["w"] * point, axis=-2)) + case.sigma * rng.normal(h.shape[:2])[..., None]
    prediction, step = xp.sum(h * point, axis=-2), case.eta * xp.sum(prompt["s"] * point, axis=-2)
    gaps = power(xp.sum(prompt["w"] ** 2, axis=-2)) + case.sigma**2 - 2 * prediction * (response - step) - step**2
    return {"quantity": xp.mean(gaps[..., 0], axis=-1)}
