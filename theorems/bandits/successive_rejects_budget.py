"""The schedule of successive rejects spends at most its budget (on Pryzant et al. 2023).

Among K arms, phase k = 1, ..., K - 1 brings every remaining arm to n_k pulls and drops one, where

    n_k = ceil((n - K) / (logbar (K + 1 - k))),       logbar = 1/2 + sum_{i=2}^K 1/i.

The arm dropped in phase k was pulled n_k times, and the last one as often as the one before it:

    n_1 + ... + n_{K-1} + n_{K-1}  <=  n.

Reference: the algorithm of J.-Y. Audibert, S. Bubeck, R. Munos, "Best arm identification in multi-armed bandits", 2010,
which automatic prompt optimisation uses for selection; see automatic-prompt-optimization.successive-rejects.
"""

from sympy import Le, Rational, Sum

from gdverify import Claim, Mutant, SureBound
from theorems import PAPERS
from theorems.bandits.successive_rejects import K, arms_left, harmonic, i, logbar, n, pulls, regime, schedule

total_pulls = Sum(pulls(i), (i, 1, K - 1)) + pulls(K - 1)

budget = Claim(
    id="automatic-prompt-optimization.successive-rejects-budget",
    title="Successive rejects keeps to its budget",
    paper=PAPERS["automatic-prompt-optimization"],
    locator="bandit selection; the schedule of Audibert, Bubeck and Munos (2010)",
    statement=r"n_1 + \dots + n_{K-1} + n_{K-1} \le n",
    symbols=regime,
    defines={logbar: harmonic},
    assumptions=[schedule],
    decides=SureBound(quantity=total_pulls, bound=n),
    mutants=[
        Mutant("logbar without the 1/2", defines={logbar: harmonic - Rational(1, 2)}, cases=({"K": 6, "n": 400},)),
        Mutant("logbar with 2/5", defines={logbar: harmonic - Rational(1, 10)}, cases=({"K": 6, "n": 400},)),
        Mutant("K fewer pulls", decides={"bound": n - K}, cases=({"K": 6, "n": 11},)),
        Mutant("n_k is not bounded above", drop=(schedule.name,), by=("derivation",)),
    ],
    notes="The arm dropped in phase k was pulled n_k times, and the two of the last phase n_{K-1} times each.",
)


@budget.derivation
def harmonic_sum(proof):
    k, t = arms_left(proof), proof.index("t")
    share = (n - K) / logbar
    upper = lambda at: proof.assume(schedule, at)[1]
    summed = proof.sum_of(upper(k), k, 1, K - 1)
    turned = proof.reindex(Sum(1 / i, (i, 2, K)), K + 1 - i)
    count = proof.telescope(-t, t, 1, K)
    proof.conclude(
        proof.certificate(
            Le(total_pulls, n),
            [(1, summed), (1, upper(K - 1)), (share, proof.definition(logbar)), (share, turned), (-1, count)],
        )
    )


@budget.experiment()
def schedule_of_pulls(xp, rng, case, size):
    n_k = [
        xp.ceiling((case.n - case.K) / (case.logbar * (case.K + 1 - k)) * xp.ones((size,))) for k in range(1, case.K)
    ]
    return {"quantity": sum(n_k) + n_k[-1]}
