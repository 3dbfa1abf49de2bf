"""Where temporal difference learning in context goes (Wang, Blaser, Daneshmand and Zhang 2024).

With C_l = alpha 1, features F, next features N, rewards R, A = F (F - gamma N)^T / n and A w = F R^T / n (least squares
temporal differences), TD(0) from 0 has

    w_L = w - (1 - alpha A)^L w.

On a stationary chain, z = v^T phi(s) and z' = v^T phi(s') have E z'^2 = E z^2, so that for every direction v

    v^T E A v = E z (z - gamma z') >= (1 - gamma) E z^2.

Reference: J. Wang, E. Blaser, H. Daneshmand, S. Zhang, "Transformers Can Learn Temporal Difference Methods for
In-Context Reinforcement Learning", 2024.
"""

from sympy import Identity as Eye
from sympy import Le, MatrixSymbol, Rational, Symbol, Trace, ZeroMatrix

from gdverify import Claim, Identity, Integers, Interval, Mean, Mutant, Observed, Positive, SureBound
from gdverify.language import MatrixSequence
from gdverify.laws import equation
from theorems import PAPERS
from theorems.in_context.eagle import rule

n, d = Symbol("n", integer=True, positive=True), Symbol("d", integer=True, positive=True)
L, l = Symbol("L", integer=True, nonnegative=True), Symbol("l", integer=True, nonnegative=True)
gamma, alpha = Symbol("gamma", real=True), Symbol("alpha", positive=True)
F, N, R = MatrixSymbol("F", d, n), MatrixSymbol("N", d, n), MatrixSymbol("R", 1, n)
A, fixed, g = MatrixSymbol("A", d, d), MatrixSymbol("w_star", d, 1), MatrixSymbol("g", d, 1)
w, power = MatrixSequence("w", d, 1), MatrixSequence("T", d, d)
matrix = equation("A of the context", A, F * (F - gamma * N).T / n)
solves = equation("least squares temporal differences", A * fixed, F * R.T / n)
learner = rule("TD(0)", w(l + 1), w(l) + alpha / n * F * (R + w(l).T * (gamma * N - F)).T)
powers = [rule("powers", power(l + 1), (Eye(d) - alpha * A) * power(l)), equation("power 0", power(0), Eye(d))]
begins = equation("weights start", w(0), ZeroMatrix(d, 1))

error_recursion = Claim(
    id="in-context-td.error-recursion",
    title="The distance of TD(0) in context to its fixed point is a matrix power",
    paper=PAPERS["in-context-td"],
    locator="the recursion of TD(0) with C_l = alpha 1; derived here",
    statement=r"w_L = w_\star - (I-\alpha A)^Lw_\star,\quad A = \tfrac1nF(F-\gamma N)^\top,"
    r"\ Aw_\star = \tfrac1nFR^\top",
    symbols={
        n: Integers(1, sample=(1, 6)),
        d: Integers(1, sample=(1, 3)),
        L: Integers(0, sample=(1, 6)),
        gamma: Interval(0, 1),
        alpha: Positive(sample=(Rational(1, 10), 1)),
    },
    decides=Identity(Trace(g.T * w(L)), Trace(g.T * fixed) - Trace(g.T * power(L) * fixed)),
    assumptions=[matrix, solves, learner, *powers, begins],
    mutants=[
        Mutant("the power alone", decides={"bound": Trace(g.T * power(L) * fixed)}),
        Mutant("the other sign", decides={"bound": Trace(g.T * fixed) + Trace(g.T * power(L) * fixed)}),
        Mutant("one power more", decides={"bound": Trace(g.T * fixed) - Trace(g.T * power(L + 1) * fixed)},
               by=("derivation",)),
        Mutant("A transposed", drop=("A of the context",), by=("derivation",),
               add=(equation("A of the context", A, (F - gamma * N) * F.T / n),)),
    ],
    notes="So w_L tends to w_star exactly where the spectral radius of 1 - alpha A on the Krylov space of w_star is"
    " below 1. Rewards of the experiment are such that w_star exists.",
)  # fmt: skip


@error_recursion.derivation
def one_step_at_a_time(proof):
    at = proof.index("l")
    context, target = proof.assume(matrix), proof.assume(solves)
    # A w_star = F R^T / n, written out in F, N and R
    sampled = proof.sandwich(context, right=fixed)
    balance = proof.matrix_certificate(F * R.T / n, F * (F - gamma * N).T * fixed / n, [(-1, target), (1, sampled)])
    claimed = lambda j: (w(j), fixed - power(j) * fixed)
    zero = [proof.assume(begins), proof.assume(powers[1])]
    base = proof.matrix_identity(*claimed(0), using=zero)

    def step(now):
        move = proof.assume(learner, at)
        grow = proof.rewrite(proof.assume(powers[0], at), context)
        moved = proof.matrix_identity(
            w(at + 1), w(at) + alpha / n * F * R.T - alpha / n * F * (F - gamma * N).T * w(at), using=[move]
        )
        put = proof.rewrite(moved, now)
        left, right = claimed(at + 1)
        return proof.matrix_certificate(left, right, [(1, put), (alpha, balance)], using=[grow])

    left, right = claimed(at)
    every = proof.induction((left, "==", right), at, base, step)
    last = proof.instantiate(every, {at: L})
    proof.conclude(proof.identity(*error_recursion.decides.expressions().values(), using=[last]))


@error_recursion.experiment(samples={"smoke": 128}, block=64)
def learner_and_powers(xp, rng, case, size):
    turn, m = xp.matrix_transpose, case.d
    features, later = rng.normal((size, m, case.n)), rng.normal((size, m, case.n))
    goal, probe = rng.normal((size, m, 1)), rng.normal((size, m, 1))
    rewards = turn(goal) @ (features - case.gamma * later)  # then the goal is a solution
    a = features @ turn(features - case.gamma * later) / case.n
    here, total = xp.zeros((size, m, 1)), xp.eye(m) + 0 * a
    scale = xp.sum(xp.abs(goal), axis=(-2, -1))
    for _ in range(case.L):
        errors = rewards + turn(here) @ (case.gamma * later - features)
        here = here + case.alpha / case.n * features @ turn(errors)
        total = total - case.alpha * a @ total
        scale = scale * (1 + case.alpha * xp.sum(xp.abs(a), axis=(-2, -1)))
    letters = {"g": probe, "w_star": goal, "T(L)": total}
    size_ = scale * xp.sum(xp.abs(probe), axis=(-2, -1))
    return {"quantity": xp.sum(probe * here, axis=(-2, -1)), "scale": size_, **letters}


# -- definiteness -----------------------------------------------------------------------------------------------------

z, later_z = MatrixSymbol("z", 1, 1), MatrixSymbol("z_next", 1, 1)
discount = Interval(0, 1, open="right", sample=(0, Rational(19, 20)))
Q, T = Symbol("Q", nonnegative=True), Symbol("T", real=True)
value, following = Trace(z), Trace(later_z)
moment = equation("second moment", Mean(value**2), Q)
stationary = equation("the chain is stationary", Mean(following**2), Q)
drift = equation("the mean matrix", Mean(value * (value - gamma * following)), T)

definite = Claim(
    id="in-context-td.stationary-drift",
    title="On a stationary chain the mean matrix of TD(0) is at least 1 - gamma times the feature covariance",
    paper=PAPERS["in-context-td"],
    locator="classical (Tsitsiklis and Van Roy 1997); used for the recursion",
    statement=r"\mathbb{E}z'^2 = \mathbb{E}z^2:\quad (1-\gamma)\mathbb{E}z^2\le\mathbb{E}z(z-\gamma z'),\quad"
    r" z = v^\top\phi(s),\ z' = v^\top\phi(s')",
    symbols={n: Integers(1, sample=(1, 6)), gamma: discount, Q: Observed(0), T: Observed()},
    decides=SureBound((1 - gamma) * Q, T),
    assumptions=[moment, stationary, drift],
    mutants=[
        Mutant("1% more", decides={"bound": Rational(99, 100) * T}),
        Mutant("1 - gamma/2", decides={"bound": T * (1 - gamma) / (1 - gamma / 2)}, cases=({"gamma": Rational(1, 2)},)),
        Mutant("states weighted off their stationary law", drop=("the chain is stationary",), by=("derivation",)),
    ],
    notes="Equality where the values of next states are those of the states.",
)  # fmt: skip


@definite.derivation
def inequality_of_means(proof):
    apart = proof.mean(proof.sign((value - following) ** 2))
    facts = [proof.assume(a) for a in (moment, stationary, drift)]
    parts = [(gamma / 2, apart), (1 - gamma / 2, facts[0]), (-gamma / 2, facts[1]), (-1, facts[2])]
    decision = proof.claim.decides
    proof.conclude(proof.certificate(Le(decision.quantity, decision.bound), parts))


@definite.experiment(samples={"smoke": 256}, block=64)
def joint_laws(xp, rng, case, size):
    """Chains with n states: symmetric weights, loops, and a circulation, of random strengths; any values."""
    weights = rng.uniform((size, case.n, case.n), 0, 1)
    stirred, turned = (rng.bernoulli(0.5, (size, 1, 1)) for _ in range(2))
    loops, cycle = xp.eye(case.n), xp.roll(xp.eye(case.n), 1, axis=0)
    joint = stirred * (weights + xp.matrix_transpose(weights)) + loops + turned * cycle
    z_ = rng.normal((size, case.n, 1))
    total = xp.sum(joint, axis=(-2, -1))
    second = xp.sum(xp.sum(joint, axis=-1) * z_[..., 0] ** 2, axis=-1) / total
    cross = xp.sum(joint * z_ * xp.matrix_transpose(z_), axis=(-2, -1)) / total
    return {"quantity": (1 - case.gamma) * second, "Q": second, "T": second - case.gamma * cross}
