"""Two laws for which the best one-layer linear attention has a closed form (Mahankali, Hashimoto and Ma 2023).

With eta = 1/(n + d + 1 + sigma^2), the best predictor is one step of gradient descent from 0 on |X w - y|^2 / 2

    with step size eta                          for isotropic data and tasks, Sigma = C = 1;
    with preconditioner eta Sigma^{-1}          for tasks whitened by the data, C = Sigma^{-1};

in both cases the smallest loss is sigma^2 + d(d + 1 + sigma^2)/(n + d + 1 + sigma^2).

Reference: A. Mahankali, T. B. Hashimoto, T. Ma, "One Step of Gradient Descent is Provably the Optimal In-Context
Learner with One Layer of Linear Self-Attention", 2023.
"""

from sympy import Identity, Symbol

from gdverify import Claim, Mean, Minimiser, Mutant, Observed
from gdverify.laws import equation
from theorems import PAPERS
from theorems.in_context import linear_attention as head

n, d, sigma, Sigma, C = head.n, head.d, head.sigma, head.Sigma, head.C
eta = Symbol("eta", real=True)

isotropic_min = Claim(
    id="one-step-gd.global-min-isotropic",
    title="Isotropic data: the best step size is 1/(n + d + 1 + sigma^2)",
    paper=PAPERS["one-step-gd"],
    locator="abstract, isotropic covariates; constants derived here",
    statement=r"\min \mathbb{E}(f-y_0)^2 = \sigma^2 + \frac{d(d+1+\sigma^2)}{n+d+1+\sigma^2},\quad \text{attained by }"
    r" \eta\, x^\top X^\top y,\ \eta = \frac1{n+d+1+\sigma^2}",
    symbols={**head.SIZES, head.r: Observed()},
    decides=Minimiser(
        Mean(head.loss),
        sigma**2 + d * (d + 1 + sigma**2) / (n + d + 1 + sigma**2),
        attained=Mean((head.one_step(eta * Identity(d)) - head.y0) ** 2),
    ),
    assumptions=[*head.isotropic, head.weights],
    defines={eta: 1 / (n + d + 1 + sigma**2)},
    mutants=[
        Mutant("step size without the 1", defines={eta: 1 / (n + d + sigma**2)}),
        Mutant("step size without the noise", defines={eta: 1 / (n + d + 1)}),
        Mutant("the step size 1/n of a plain average", defines={eta: 1 / n}),
        Mutant("a lower minimum", decides={"value": sigma**2 + d * (d + sigma**2) / (n + d + sigma**2)}),
    ],
)


@isotropic_min.derivation
def isotropic_descent_is_best(proof):
    using = [proof.definition(eta)]
    best = head.one_step(eta * Identity(d))
    proof.conclude(*head.minimum(proof, head.isotropic, best, isotropic_min.decides.value, using))


@isotropic_min.experiment(cases=[{"family": "isotropic"}], samples={"smoke": 64}, block=32)
def trained_isotropic(xp, rng, case, size):
    letters, _ = head.instance(xp, rng, case)
    return head.losses(xp, rng, case, size, letters, case.eta * xp.eye(case.d))


whitened = equation("C = Sigma^-1", Sigma * C, Identity(d))
whitened_min = Claim(
    id="one-step-gd.global-min-inverse-covariance",
    title="Tasks whitened by the data: the best preconditioner is the inverse covariance",
    paper=PAPERS["one-step-gd"],
    locator="abstract, non-isotropic covariates; constants derived here",
    statement=r"C = \Sigma^{-1}:\quad \min \mathbb{E}(f-y_0)^2 = \sigma^2 + \frac{d(d+1+\sigma^2)}{n+d+1+\sigma^2},"
    r"\quad \text{attained by } \eta\, x^\top \Sigma^{-1} X^\top y",
    symbols={**head.SIZES, head.r: Observed()},
    decides=Minimiser(
        Mean(head.loss),
        sigma**2 + d * (d + 1 + sigma**2) / (n + d + 1 + sigma**2),
        attained=Mean((head.one_step(eta * C) - head.y0) ** 2),
    ),
    assumptions=[*head.laws, head.covariances, head.weights, whitened],
    defines={eta: 1 / (n + d + 1 + sigma**2)},
    mutants=[
        Mutant("step size without the noise", defines={eta: 1 / (n + d + 1)}),
        Mutant("step size with n - 1", defines={eta: 1 / (n + d + sigma**2)}),
        Mutant("plain gradient descent", decides={"attained": Mean((head.one_step(eta * Identity(d)) - head.y0) ** 2)},
               by=("derivation",)),
        Mutant("tasks need not be whitened", drop=("C = Sigma^-1",), by=("derivation",)),
    ],
)  # fmt: skip


@whitened_min.derivation
def whitened_descent_is_best(proof):
    using = [proof.definition(eta), proof.assume(whitened)]
    proof.conclude(*head.minimum(proof, head.laws, head.one_step(eta * C), whitened_min.decides.value, using))


@whitened_min.experiment(cases=[{"family": "whitened"}], samples={"smoke": 64}, block=32)
def trained_whitened(xp, rng, case, size):
    letters, _ = head.instance(xp, rng, case)
    return head.losses(xp, rng, case, size, letters, case.eta * letters["C"])
