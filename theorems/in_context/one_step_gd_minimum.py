"""One step of gradient descent is the best one-layer linear attention (Mahankali, Hashimoto and Ma 2023).

Let B* solve K B* = Sigma C, K = (n+1) Sigma C Sigma + (tr(C Sigma) + sigma^2) Sigma, and f* = x^T B*^T X^T y: one
step of gradient descent on |X w - y|^2 / 2 from 0, preconditioned by B*^T.  Then for ALL weights of the head

    E (f - y_0)^2 = E (f* - y_0)^2 + E (f - f*)^2,      E (f* - y_0)^2 = sigma^2 + tr(Sigma C) - n tr(Sigma C Sigma B*),

so that f* is the only predictor of the class that attains the minimum.

Reference: A. Mahankali, T. B. Hashimoto, T. Ma, "One Step of Gradient Descent is Provably the Optimal In-Context
Learner with One Layer of Linear Self-Attention", 2023.
"""

from sympy import MatrixSymbol, Symbol, Trace

from gdverify import Claim, Mean, MeanEquals, Minimiser, Mutant, Observed
from gdverify.laws import constant, equation
from theorems import PAPERS
from theorems.in_context import linear_attention as head

n, d, sigma, Sigma, C = head.n, head.d, head.sigma, head.Sigma, head.C
Bs = MatrixSymbol("B_star", d, d)
m, v = Symbol("m", real=True), Symbol("v", real=True)


# m and v stand for n + 1 and sigma^2, so that a mutant can change what the preconditioner is made of
solves = equation(
    "K B_star = Sigma C",
    Sigma * C * Sigma * Bs,
    (Sigma * C - (Trace(C * Sigma) + v) * Sigma * Bs) / m,
    latex=r"((n+1)\Sigma C\Sigma + (\operatorname{tr}C\Sigma + \sigma^2)\Sigma) B_* = \Sigma C",
)
parts = {m: n + 1, v: sigma**2}
general = [*head.laws, head.covariances, head.weights, constant(Bs), solves]
lowest = sigma**2 + Trace(Sigma * C) - n * Trace(Sigma * C * Sigma * Bs)


def solution(xp, case, letters):
    """B* of the statement at hand."""
    task = letters["Sigma"] @ letters["C"] @ letters["Sigma"]
    noise = xp.linalg.trace(letters["C"] @ letters["Sigma"]) + case.v
    return xp.linalg.solve(case.m * task + noise * letters["Sigma"], letters["Sigma"] @ letters["C"])


global_min = Claim(
    id="one-step-gd.global-min",
    title="One step of preconditioned gradient descent is the best one-layer linear attention",
    paper=PAPERS["one-step-gd"],
    locator="abstract; constants derived here",
    statement=r"\min_{q,r,A,a} \mathbb{E}(f-y_0)^2 = \sigma^2 + \operatorname{tr}\Sigma C"
    r" - n\operatorname{tr}\Sigma C\Sigma B_*,\quad \text{attained by } x^\top B_*^\top X^\top y",
    symbols={**head.SIZES, head.r: Observed()},
    decides=Minimiser(Mean(head.loss), lowest, attained=Mean((head.one_step(Bs) - head.y0) ** 2)),
    assumptions=general,
    defines=parts,
    mutants=[
        Mutant("n for n + 1 in the preconditioner", defines={m: n}),
        Mutant("n + 2 for n + 1 in the preconditioner", defines={m: n + 2}),
        Mutant("the preconditioner does not see the noise", defines={v: 0}),
        Mutant("a minimum n + 1 samples would give", decides={"value": lowest - Trace(Sigma * C * Sigma * Bs)}),
    ],
    notes="For C of full rank and d >= 2 the weights of f* are q = 0, a = 0, r A = B*; for any C only the predictor is"
    " unique (one-step-gd.unique-predictor).",
)


@global_min.derivation
def descent_is_best(proof):
    star = proof.rewrite(proof.assume(solves), proof.definition(m), proof.definition(v))
    proof.conclude(*head.minimum(proof, head.laws, head.one_step(Bs), lowest, [star]))


@global_min.experiment(
    cases=[
        {},
        {"family": "rank-one task", "n": 3, "d": 3, "sigma": 0.5},
        {"family": "rank-one task", "tier": "standard"},
        {"family": "same task", "tier": "standard"},
    ],
    samples={"smoke": 64},
    block=32,
)
def trained_weights(xp, rng, case, size):
    letters, _ = head.instance(xp, rng, case)
    best = solution(xp, case, letters)
    return head.losses(xp, rng, case, size, letters, best) | {"B_star": best}


unique_predictor = Claim(
    id="one-step-gd.unique-predictor",
    title="Every head's loss is the optimum plus its mean squared distance to one gradient step",
    paper=PAPERS["one-step-gd"],
    locator="abstract; the identity is derived here",
    statement=r"\mathbb{E}(f-y_0)^2 - \mathbb{E}(f-f_*)^2 = \sigma^2 + \operatorname{tr}\Sigma C"
    r" - n\operatorname{tr}\Sigma C\Sigma B_*,\quad f_* = x^\top B_*^\top X^\top y",
    symbols={**head.SIZES, **head.WEIGHTS},
    decides=MeanEquals(head.loss - (head.f - head.one_step(Bs)) ** 2, lowest, tol=0.05),
    assumptions=general,
    defines=parts,
    mutants=[
        Mutant("n for n + 1 in the preconditioner", defines={m: n}, cases=({"n": 1, "d": 1, "sigma": 0, "r": 1},)),
        Mutant("the preconditioner does not see the noise", defines={v: 0}, cases=({"n": 2, "d": 1, "sigma": 1},)),
        Mutant("half the optimum's gain", decides={"bound": (lowest + sigma**2 + Trace(Sigma * C)) / 2}),
    ],
    notes="Hence a head whose loss is minimal predicts like f* almost surely.",
)


@unique_predictor.derivation
def identity_of_pythagoras(proof):
    star = proof.rewrite(proof.assume(solves), proof.definition(m), proof.definition(v))
    apart, _ = head.pythagoras(proof, head.laws, head.one_step(Bs), lowest, [star])
    total = proof.certificate((Mean(head.loss - (head.f - head.one_step(Bs)) ** 2), "==", lowest), [(1, apart)])
    proof.conclude(total)


@unique_predictor.experiment(cases=[{}, {"family": "rank-one task", "r": 0.5}], block=16)
def random_heads(xp, rng, case, size):
    letters, roots = head.instance(xp, rng, case)
    letters = letters | head.random_weights(xp, rng, case)
    best = solution(xp, case, letters)
    prompt = head.contexts(xp, rng, case, roots, size)
    h = head.slope(xp, prompt, case.r, letters)
    apart = h - xp.matrix_transpose(best) @ prompt["s"]
    quantity = head.mean_square(xp, letters, h - prompt["w"]) - head.mean_square(xp, letters, apart)
    return {"quantity": quantity + case.sigma**2, "B_star": best, **letters}
