"""Ville's inequality: a fair game rarely makes anyone rich.

M_0 = 1, M_t >= 0, E[M_{t+1} | past] <= M_t.  Then

    P(M_t >= 1/alpha for some t <= T)  <=  alpha       for every T and 0 < alpha < 1.

Every confidence sequence of the toolkit rests on it: the interval leaves out a value when a process that would be such
a game if the value were true has reached 1/alpha.  The derivation follows the stopped game, V_t = M_t until it has
reached 1/alpha and 1/alpha from then on.

Reference: J. Ville, Étude critique de la notion de collectif, 1939; the constant is his.
"""

from sympy import Eq, Function, Ge, Le, Rational, Symbol, symbols

from gdverify import Assumption, Claim, Integers, Interval, Mean, Mutant, Prob, ProbabilityBound
from theorems import PAPERS

alpha, level = symbols("alpha level", positive=True)
T = Symbol("T", integer=True, positive=True)
M, gone = Function("M"), Function("gone")  # the capital; 1 once it has reached the level, until then 0
HALF = Rational(1, 2)


def equation(left, right):
    return Eq(left, right, evaluate=False)


def at_least(left, right):
    return Ge(left, right, evaluate=False)


crossing = Assumption(
    "gone(t) says whether M reached the level at one of the times 1, ..., t",
    lambda t: [
        equation(gone(t) ** 2, gone(t)),
        at_least(gone(t + 1) - gone(t), 0),
        at_least((gone(t + 1) - gone(t)) * (M(t + 1) - level), 0),
        at_least((1 - gone(t + 1)) * (level - M(t + 1)), 0),
    ],
    key=("crossing",),
    where=lambda t: [t],
)
begin = Assumption("the game starts with 1", lambda: [equation(M(0), 1), equation(gone(0), 0)], key=("begin",))
nonnegative = Assumption("capital is never negative", lambda t: at_least(M(t), 0), key=("nonnegative",))
fair = Assumption(
    "given the past the capital does not grow on average",  # the past decides whether gone(t) = 0
    lambda t: at_least(Mean((1 - gone(t)) * M(t)), Mean((1 - gone(t)) * M(t + 1))),
    key=("fair",),
    where=lambda t: [t],
)
regime = {
    alpha: Interval(0, 1, open="both", sample=(Rational(1, 50), Rational(1, 4))),
    T: Integers(1, sample=(4, 200)),
}

ville = Claim(
    id="ville.inequality",
    title="A fair game multiplies a stake by 1/alpha with probability at most alpha, at whatever time",
    paper=PAPERS["ville"],
    locator="Ville's inequality, for finitely many times",
    statement=r"M_0=1,\ M_t\ge0,\ \mathbb E[M_{t+1}\mid\mathcal F_t]\le M_t:\quad"
    r"\mathbb P\bigl(\exists t\le T:\ M_t\ge1/\alpha\bigr)\le\alpha",
    symbols=regime,
    defines={level: 1 / alpha},
    assumptions=[crossing, begin, nonnegative, fair],
    decides=ProbabilityBound(quantity=gone(T), threshold=HALF, bound=alpha),
    mutants=[
        Mutant("three quarters of alpha", decides={"bound": 3 * alpha / 4}),
        Mutant("three quarters of the level", defines={level: 3 / (4 * alpha)}),
        Mutant("the capital may grow", drop=(fair.name,), by=("derivation",)),
        Mutant("the capital may be negative", drop=(nonnegative.name,), by=("derivation",)),
    ],
    notes="Attained by games that stake everything. All T at once: the events increase with T.",
)


def rarely(proof, t, gone, level, start, bit, reached, step, last):
    """E gone(T) <= level, for a game M that starts with 1 and an indicator gone that starts with 0 (start).

    For the generic t: reached, (gone(t+1) - gone(t)) (M(t+1) - 1/level) >= 0, and step, E[(1 - gone(t)) M(t)] >=
    E[(1 - gone(t)) M(t+1)]; at T: bit, gone(T)^2 == gone(T), and last, M(T) >= 0.
    """
    stopped = lambda s: (1 - gone(s)) * M(s) + gone(s) / level
    stop = proof.mean(
        proof.certificate(at_least((1 - gone(t)) * M(t + 1) + gone(t) / level, stopped(t + 1)), [(1, reached)])
    )
    decrease = proof.certificate(at_least(Mean(stopped(t)), Mean(stopped(t + 1))), [(1, stop), (1, step)])
    total = proof.telescoped(decrease, Mean(stopped(t)), t, 0, T)
    one = proof.mean(proof.identity(stopped(0), 1, using=start))
    open_ = proof.certificate(at_least(1 - gone(T), 0), [(-1, bit)], [(1, 1 - gone(T))])
    end = proof.mean(proof.product(open_, last))
    return proof.certificate(Le(Mean(gone(T)), level), [(level, total), (level, end), (-level, one)])


def ever(proof, t, bit, reached, step, last):
    """P(gone(T)) <= alpha; see `rarely`."""
    least = rarely(proof, t, gone, alpha, proof.assume(begin), bit, reached, step, last)
    return proof.certificate(Le(Prob(gone(T), HALF), alpha), [(1, least), (-1, proof.indicator(bit, HALF))])


@ville.derivation
def stopped_game(proof):
    t = proof.index("t", 0)
    gain = gone(t + 1) - gone(t)
    reached = proof.certificate(
        at_least(gain * (M(t + 1) - 1 / alpha), 0), [(1, proof.assume(crossing, t)[2])], using=[proof.definition(level)]
    )
    bit = proof.assume(crossing, T)[0]
    proof.conclude(ever(proof, t, bit, reached, proof.assume(fair, t), proof.assume(nonnegative, T)))


@ville.experiment(
    cases=[{"game": "all-in"}, {"game": "all-in", "T": 4}, {"game": "small stakes", "T": 300}, {"game": "mixed"}],
    samples={"smoke": 2**18, "standard": 10**6, "full": 10**8},
)
def games(xp, rng, case, size):
    """All-in: the capital is divided by q with probability q, else lost; four such games reach 1/(0.8 alpha)."""
    T, level = case.T, case.level
    if case.game == "all-in":
        q = (0.8 * case.alpha) ** (1 / 4)
        growth = xp.where(rng.uniform((size, 4)) < q, xp.asarray(-xp.log(xp.asarray(q))), xp.asarray(-xp.inf))
    elif case.game == "small stakes":
        growth = xp.log1p(0.3 * rng.signs((size, T)))
    else:
        growth = xp.log1p(rng.uniform((size, T)) * rng.signs((size, T)))
    peak = xp.max(xp.cumulative_sum(growth, axis=-1), axis=-1)
    return {"quantity": xp.astype(peak >= xp.log(xp.asarray(level)) - 1e-12, xp.float64)}
