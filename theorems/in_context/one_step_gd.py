"""The exact loss of one head of linear self-attention (Mahankali, Hashimoto and Ma 2023).

For all sizes, covariances, noise and ALL weights, with B = r A + q a^T, tau = tr(C Sigma) + sigma^2 and
K = (n+1) Sigma C Sigma + tau Sigma,

    E (f - y_0)^2 = sigma^2 + tr(Sigma C) - 2n tr(Sigma C Sigma B) + n tr(Sigma B^T K B) + V,

V the mean square of the part of f that does not change sign with (w, e).

Reference: A. Mahankali, T. B. Hashimoto, T. Ma, "One Step of Gradient Descent is Provably the Optimal In-Context
Learner with One Layer of Linear Self-Attention", 2023.
"""

from sympy import Trace

from gdverify import Claim, MeanEquals, Mutant
from theorems import PAPERS
from theorems.in_context import linear_attention as head

n, r, tau, Sigma, C = head.n, head.r, head.tau, head.Sigma, head.C
A, B, q, a, expected_loss = head.A, head.B, head.q, head.a, head.expected_loss
missing_sample = expected_loss - n * Trace(Sigma * B.T * Sigma * C * Sigma * B)
no_correlation = expected_loss - 4 * r * n * Trace(q.T * Sigma * C * Sigma * A * Sigma * a)
fourth_moment = expected_loss - 2 * n * r**2 * (tau**2 + 2 * Trace(C * Sigma * C * Sigma)) * Trace(a.T * Sigma * a)
no_trace = expected_loss - n * Trace(head.N * Sigma) * Trace(q.T * Sigma * q)
one_sample = {"n": 1, "d": 1, "sigma": 0, "r": 1, "even": 3}
noisy = {"n": 3, "d": 2, "sigma": 1, "r": 1, "even": 6}

exact_loss = Claim(
    id="one-step-gd.exact-loss",
    title="Exact population loss of one linear attention head, for all weights",
    paper=PAPERS["one-step-gd"],
    locator="setting of the abstract; the formula is derived here",
    statement=r"\mathbb{E}(f-y_0)^2 = \sigma^2 + \operatorname{tr}\Sigma C - 2n\operatorname{tr}\Sigma C\Sigma B"
    r" + n\operatorname{tr}\Sigma B^\top K B + V,\quad B = rA + qa^\top,\ K = (n+1)\Sigma C\Sigma + \tau\Sigma,\ "
    r"\tau = \operatorname{tr}C\Sigma + \sigma^2,\ V = \mathbb{E}\|\Sigma^{1/2}(A^\top S q + r t a)\|^2",
    symbols={**head.SIZES, **head.WEIGHTS},
    decides=MeanEquals(head.loss, expected_loss, tol=0.05),
    assumptions=[*head.laws, head.covariances, head.weights],
    mutants=[
        Mutant("n for n + 1 in K", decides={"bound": missing_sample}, cases=(one_sample,)),
        Mutant("no 2n Sigma C Sigma in E t S", decides={"bound": no_correlation}, cases=(one_sample,)),
        Mutant("n^2 for n(n + 2) in E t^2", decides={"bound": fourth_moment}, cases=(noisy,)),
        Mutant("no trace term in E S N S", decides={"bound": no_trace}, cases=(one_sample,)),
        Mutant("no even part V", decides={"bound": expected_loss - head.even_part()}, cases=(one_sample,)),
    ],
    notes="Samples are averaged exactly over the query and the noise of its response.",
)


@exact_loss.derivation
def wick(proof):
    proof.conclude(proof.gaussian(head.loss, head.laws))


@exact_loss.experiment(cases=[{}, {"family": "isotropic", "tier": "standard"}, {"family": "rank-one task"}], block=16)
def random_prompts(xp, rng, case, size):
    letters, roots = head.instance(xp, rng, case)
    letters = letters | head.random_weights(xp, rng, case)
    prompt = head.contexts(xp, rng, case, roots, size)
    gap = head.slope(xp, prompt, case.r, letters) - prompt["w"]
    return {"quantity": head.mean_square(xp, letters, gap) + case.sigma**2, **letters}
