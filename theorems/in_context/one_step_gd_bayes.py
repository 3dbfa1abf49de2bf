"""The best one-layer linear attention is far from the Bayes predictor (setting of Mahankali, Hashimoto and Ma 2023).

Isotropic data.  By one-step-gd.global-min-isotropic the smallest loss is sigma^2 + d(d+1+sigma^2)/(n+d+1+sigma^2).

    d = c n, sigma^2 = s d, n -> oo:    (min L - sigma^2)/d  ->  c(1 + s)/(1 + c(1 + s)).

Without noise and with n >= d samples, least squares recovers w, so that the Bayes risk is 0; the loss of every head is
positive.

Not in the paper: a consequence of its theorem.
"""

from sympy import Identity as Eye
from sympy import MatrixSymbol, Max, Symbol, Trace

from gdverify import Claim, Counterexample, Identity, Integers, LimitLaw, Mean, Mutant, Nonnegative, Observed, Positive
from gdverify.laws import constant, equation
from theorems import PAPERS
from theorems.in_context import linear_attention as head

n, d, sigma, w, x, X = head.n, head.d, head.sigma, head.w, head.x, head.X
c, s = Symbol("c", positive=True), Symbol("s", nonnegative=True)


def optimum(width, noise):
    """min L - sigma^2."""
    return width * (width + 1 + noise) / (n + width + 1 + noise)


risk = optimum(c * n, s * c * n) / (c * n)
limit = c * (1 + s) / (1 + c * (1 + s))

proportional = Claim(
    id="one-step-gd.bayes-gap",
    title="In high dimension the best head keeps the share c(1 + s)/(1 + c(1 + s)) of the signal as error",
    paper=PAPERS["one-step-gd"],
    locator="own result; setting of the abstract, isotropic covariates",
    statement=r"d = cn,\ \sigma^2 = sd,\ n\to\infty:\quad \frac{\min L - \sigma^2}{d} \to \frac{c(1+s)}{1+c(1+s)}",
    symbols={
        n: Integers(1, sample=(8, 128)),
        c: Positive(sample=(0.25, 2)),
        s: Nonnegative(sample=(0, 1)),
    },
    decides=LimitLaw(risk, n, limit, tol=0.1),
    mutants=[
        Mutant("a distance of order 1/n^2", decides={"rate": 2}, by=("derivation",)),
        Mutant("the noise left out", decides={"limit": c / (1 + c)}, cases=({"s": 1, "c": 1},)),
        Mutant("the noiseless Bayes risk", decides={"limit": Max(0, 1 - 1 / c)}, cases=({"s": 0, "c": 1},)),
        Mutant("c for c(1 + s) in the numerator", decides={"limit": c / (1 + c * (1 + s))}, cases=({"s": 1, "c": 1},)),
    ],
    notes="That d(d+1+sigma^2)/(n+d+1+sigma^2) is min L - sigma^2 is one-step-gd.global-min-isotropic.",
)


@proportional.derivation
def leading_terms(proof):
    proof.conclude(proof.limit(risk, n), proof.decay(risk - limit, n, 1))


@proportional.experiment(samples={"smoke": 1024}, block=4)
def error_of_one_step(xp, rng, case, size):
    grid, errors = [8, 16, 32, 64, 128], []
    for samples in grid:
        width = max(1, round(case.c * samples))
        noise = case.s * width
        # Averaged exactly over the task and the noise of the responses, given the covariates
        data = rng.normal((size, samples, width))
        gram = xp.matrix_transpose(data) @ data / (samples + width + 1 + noise)
        spread = noise * xp.linalg.trace(gram) / (samples + width + 1 + noise)
        square = xp.sum((gram - xp.eye(width)) ** 2, axis=(-2, -1))
        errors.append((square + spread) / width)
    return {"n": xp.asarray(grid), "quantity": xp.stack(errors, axis=-1)}


no_noise = {sigma: 0}
noiseless = Claim(
    id="one-step-gd.bayes-gap-noiseless",
    title="Without noise no head reaches the Bayes risk, which is 0 for n >= d",
    paper=PAPERS["one-step-gd"],
    locator="own result; setting of the abstract, isotropic covariates",
    statement=r"\sigma = 0:\quad \mathbb{E}(f-y_0)^2 \ge \frac{d(d+1)}{n+d+1} > 0 \text{ for all weights}",
    symbols={n: head.SIZES[n], d: head.SIZES[d], head.r: Observed()},
    decides=Counterexample(Mean(head.loss), 0, refutes="one layer of linear attention attains the Bayes risk"),
    assumptions=[*head.isotropic, head.weights],
    defines=no_noise,
    mutants=[
        Mutant("a loss above d(d + 2)/(n + d + 1)", decides={"bound": d * (d + 2) / (n + d + 1)}),
        Mutant("a loss above that of predicting nothing", decides={"bound": d + 0 * n}),
    ],
    notes="The Bayes risk is one-step-gd.bayes-gap-least-squares.",
)


@noiseless.derivation
def positive_minimum(proof):
    step, lowest = Eye(d) / (n + d + 1), d * (d + 1) / (n + d + 1)
    low, _ = head.minimum(proof, head.isotropic, head.one_step(step), lowest, [proof.definition(sigma)])
    proof.conclude(proof.certificate((Mean(head.loss), ">", 0), [(1, low), (1, proof.sign(lowest))]))


@noiseless.experiment(cases=[{"family": "isotropic"}], samples={"smoke": 64}, block=32)
def best_head(xp, rng, case, size):
    letters, _ = head.instance(xp, rng, case)
    best = xp.eye(case.d) / (case.n + case.d + 1)
    return {"quantity": head.losses(xp, rng, case, size, letters, best)["attained"]}


G = MatrixSymbol("G", d, d)
full_rank = equation("X has rank d", X.T * X * G, Eye(d), latex=r"G = (X^\top X)^{-1}")
least_squares = Claim(
    id="one-step-gd.bayes-gap-least-squares",
    title="Without noise and with n >= d samples, least squares predicts every response exactly",
    paper=PAPERS["one-step-gd"],
    locator="own result; setting of the abstract, isotropic covariates",
    statement=r"y = Xw,\ \operatorname{rank}X = d:\quad x^\top (X^\top X)^{-1} X^\top y = w^\top x",
    symbols={d: head.SIZES[d], n: Integers(d, sample=(d, d + 6))},
    decides=Identity(Trace(w.T * X.T * X * G * x), Trace(w.T * x)),
    assumptions=[constant(w, x, X, G), full_rank],
    mutants=[
        Mutant("X of rank d - 1", drop=(full_rank.name,), cases=({"d": 3, "n": 5, "short": 1},)),
        Mutant("shrunk by n/(n + 1)", decides={"bound": n * Trace(w.T * x) / (n + 1)}),
    ],
    notes="A Gaussian X with n >= d rows has rank d almost surely.",
)


@least_squares.derivation
def normal_equations(proof):
    proof.conclude(proof.identity(*least_squares.decides.expressions().values(), using=[proof.assume(full_rank)]))


@least_squares.experiment(samples={"smoke": 256})
def fitted(xp, rng, case, size):
    """Gaussian samples; "short": none of them has a last coordinate, and the pseudo-inverse stands for the inverse."""
    data, task, point = (rng.normal((size, *shape)) for shape in ((case.n, case.d), (case.d, 1), (case.d, 1)))
    last = xp.astype(xp.arange(case.d) == case.d - 1, xp.float64) * float("short" in case)
    data = data * (1 - last)
    back = xp.matrix_transpose(data)
    gram = back @ data + last * xp.eye(case.d)
    fit = xp.linalg.solve(gram, back @ (data @ task))
    condition = xp.sum(data**2, axis=(-2, -1)) * xp.sum(xp.linalg.inv(gram) ** 2, axis=(-2, -1)) ** 0.5
    scale = condition * xp.sum(task**2, axis=(-2, -1)) ** 0.5
    return {"quantity": xp.sum(fit * point, axis=(-2, -1)), "w": task, "x": point, "scale": scale}
