"""The mean of sub-Gaussian data, watched for as long as one likes.

X_1, X_2, ... have mean mu given the past, and E exp(u (X_i - mu)) <= exp(u^2 s/2) for every u.  With D_t the sum of
X_i - mu, the normal mixture over u of exp(u D_t - u^2 s t/2),

    M_t = (1 + rho s t)^(-1/2) exp(rho D_t^2 / (2 (1 + rho s t))),

does not grow on average for any rho > 0.  mu is left out of the interval at time t when M_t >= 1/alpha.

Reference: H. Robbins, "Statistical methods related to the law of the iterated logarithm", 1970.
"""

from sympy import Function, Gt, Rational, Symbol, exp, sqrt, symbols

from gdverify import Assumption, Claim, Integers, Interval, Mean, Mutant, Observed, Positive, ProbabilityBound, Reals
from gdverify.errors import ClaimError
from gdverify.experiment.sequential import mixture_precision, normal_evidence, normal_interval
from theorems import PAPERS
from theorems.decisions.ville import HALF, M, T, alpha, at_least, begin, equation, ever, gone

s, rho, price, told = symbols("s rho price told", positive=True)
mu = Symbol("mu", real=True)
X, D, G = Function("X"), Function("D"), Function("G")  # G(u, t): the capital of stake u


def from_0(schema):
    """The schema in a stake u and a time t, for integers t >= 0 alone."""

    def checked(u, t):
        if not (t.is_integer and t.is_nonnegative):
            raise ClaimError(f"{t} is not known to be an integer >= 0")
        return schema(u, t)

    return checked


sums = Assumption(
    "D(t) is the sum of X - mu over the first t samples",
    lambda t: [equation(D(t + 1), D(t) + X(t + 1) - mu), equation(D(0), 0)],
    key=("sums",),
    where=lambda t: [t],
)
stakes = Assumption(
    "stake u has the capital exp(u D - u^2 s t/2), with the proxy that one is told for s",
    from_0(
        lambda u, t: [
            equation(G(u, t + 1), G(u, t) * exp(u * (X(t + 1) - mu) - u**2 * told * s / 2)),
            equation(G(u, 0), 1),
        ]
    ),
    key=("stakes",),
)
mixture = Assumption(
    "M is the mean capital over normal stakes of variance rho",
    lambda t: equation(M(t), exp(rho * D(t) ** 2 / (2 * (1 + rho * told * s * t))) / sqrt(1 + rho * told * s * t)),
    key=("mixture",),
    where=lambda t: [t],
)
left_out = Assumption(
    "gone(t) says whether mu was left out by time t: M had reached 1/(price alpha)",
    lambda t: [
        equation(gone(t) ** 2, gone(t)),
        at_least((gone(t + 1) - gone(t)) * (price * alpha * M(t + 1) - 1), 0),
    ],
    key=("left-out",),
    where=lambda t: [t],
)
sub_gaussian = Assumption(
    "given the past each sample is sub-Gaussian around mu with proxy s",  # the past decides G and whether gone(t) = 0
    from_0(
        lambda u, t: at_least(
            exp(u**2 * s / 2) * Mean((1 - gone(t)) * G(u, t)), Mean((1 - gone(t)) * G(u, t) * exp(u * (X(t + 1) - mu)))
        )
    ),
    key=("sub-gaussian",),
)

sub_gaussian_mean = Claim(
    id="iterated-logarithm.sub-gaussian-mean",
    title="The normal-mixture interval of a sub-Gaussian mean holds it at all times at once",
    paper=PAPERS["iterated-logarithm"],
    locator="method of mixtures, normal mixture",
    statement=r"\mathbb E[e^{u(X_i-\mu)}\mid X_1,\dots,X_{i-1}]\le e^{u^2s/2}\ \forall u:\quad"
    r"\mathbb P\bigl(\exists t\le T:\ \mu\notin C_t(\alpha)\bigr)\le\alpha",
    symbols={
        alpha: Interval(0, 1, open="both", sample=(Rational(1, 40), Rational(1, 10))),
        mu: Reals(sample=(-2, 2)),
        s: Positive(sample=(Rational(1, 4), 4)),
        T: Integers(1, sample=(20, 300)),
        rho: Observed(0, open="left"),
    },
    defines={price: 1, told: 1},
    assumptions=[begin, sums, stakes, mixture, left_out, sub_gaussian],
    decides=ProbabilityBound(quantity=gone(T), threshold=HALF, bound=alpha),
    mutants=[
        Mutant("two fifths of alpha", decides={"bound": 2 * alpha / 5}, cases=({"law": "normal", "T": 300},)),
        Mutant("the interval at 3 alpha", defines={price: 3}),
        Mutant("half of the proxy", defines={told: HALF}),
        Mutant(
            "the interval of a fixed sample size, looked at all the time",
            drop=(left_out.name,),
            add=(Assumption("gone(t) says whether mu was outside the normal interval at one of 1, ..., t"),),
            cases=({"law": "normal", "T": 300, "interval": "fixed"},),
        ),
        Mutant("the mean may drift", drop=(sub_gaussian.name,), by=("derivation",)),
    ],
    notes="Tuned for T/16, it misses the mean of normal data within T samples with probability 0.5 to 0.7 alpha.",
)


def mixed(proof, t, each, gone=gone):
    """From the same for every stake: E[(1 - gone(t)) M(t)] >= E[(1 - gone(t)) M(t+1)]."""
    return proof.cite(
        "mixtures of stakes: Tonelli's theorem and the normal integral",
        at_least(Mean((1 - gone(t)) * M(t)), Mean((1 - gone(t)) * M(t + 1))),
        "Robbins 1970, Section 3",
        uses=each,
    )


@sub_gaussian_mean.derivation
def normal_mixture(proof):
    t, u = proof.index("t", 0), proof.scalar("u", Reals())
    exact, still = proof.definition(told), 1 - gone(t)
    proof.certificate(Gt(told, 0, evaluate=False), [(1, proof.sign(1))], using=[exact])
    turn, one = proof.assume(stakes, u, t)
    moved = proof.mean(
        proof.certificate(
            equation(still * G(u, t + 1), still * G(u, t) * exp(u * (X(t + 1) - mu)) * exp(-(u**2) * s / 2)),
            [(still, turn)],
            using=[exact],
        )
    )
    each = proof.certificate(
        at_least(Mean(still * G(u, t)), Mean(still * G(u, t + 1))),
        [(-1, moved), (exp(-(u**2) * s / 2), proof.assume(sub_gaussian, u, t))],
    )
    step = mixed(proof, t, [each, one, proof.assume(mixture, t), *proof.assume(sums, t), exact])
    reached = proof.certificate(
        at_least((gone(t + 1) - gone(t)) * (M(t + 1) - 1 / alpha), 0),
        [(1 / alpha, proof.assume(left_out, t)[1])],
        using=[proof.definition(price)],
    )
    worth = proof.assume(mixture, T)
    last = proof.certificate(at_least(M(T), 0), [(1, worth), (1, proof.sign(worth.right))])
    proof.conclude(ever(proof, t, proof.assume(left_out, T)[0], reached, step, last))


@sub_gaussian_mean.experiment(
    cases=[{"law": "normal"}, {"law": "signs"}, {"law": "uniform"}, {"law": "skewed"}],
    samples={"smoke": 2**16, "standard": 2**20, "full": 2**27},
)
def stopped_at_the_worst_time(xp, rng, case, size):
    """The adversary knows mu, looks after every sample and stops when the evidence against mu is largest."""
    T, level, tuned = case.T, case.price * case.alpha, max(1, case.T // 16)
    x = case.mu + case.s**0.5 * unit_samples(xp, rng, case.law, (size, T))
    totals, n = xp.cumulative_sum(x, axis=-1), xp.arange(1, T + 1, dtype=xp.float64)
    proxy = case.told * case.s
    rho = mixture_precision(level, tuned)
    worst = xp.argmax(normal_evidence(xp, (totals - n * case.mu) / proxy**0.5, n, rho), axis=-1)
    at = xp.astype(xp.arange(T) == worst[:, None], xp.float64)
    low, high = normal_interval(xp, xp.sum(n * at, axis=-1), xp.sum(totals * at, axis=-1), proxy, level, tuned)
    out = (low > case.mu) | (high < case.mu)
    if "interval" in case:
        distance = abs(totals - n * case.mu) / xp.sqrt(n * case.s)
        out = xp.max(distance, axis=-1) > xp.ndtri(xp.asarray(1 - case.alpha / 2))
    return {"quantity": xp.astype(out, xp.float64), "rho": rho / proxy}


def unit_samples(xp, rng, law, shape):
    """Mean 0, sub-Gaussian proxy at most 1 (Arbel, Marchal and Nguyen 2020, for the skewed two-point law)."""
    if law == "normal":
        return rng.normal(shape)
    if law == "signs":
        return rng.signs(shape)
    if law == "uniform":
        return rng.uniform(shape, -1, 1) * 3**0.5
    p = 0.1  # values 1 - p and -p have the proxy (1 - 2p)/(2 log((1 - p)/p))
    proxy = (1 - 2 * p) / (2 * xp.log(xp.asarray((1 - p) / p)))
    return (rng.bernoulli(p, shape) - p) / xp.sqrt(proxy)
