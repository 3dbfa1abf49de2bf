"""Empirical risks on growing samples (on Daneshmand, Lucchi and Hofmann 2016, "Starting Small").

The risk on N samples splits into those of the first n and of the N - n new ones, R_N = (n/N) R_n + ((N-n)/N) R_new.  If
w_n and w_N minimise R_n and R_N,

    R_N(w_n) - R_N(w_N)  <=  ((N - n)/N) (R_new(w_n) - R_new(w_N)).

Two contraction steps per added sample keep the error at the statistical accuracy D/n: from

    u_{k+1} <= (1 - 1/(k+1))^2 (u_k + D/(k (k+1)))      for k >= n_0      follows      u_n <= (n_0/n)^2 u_{n_0} + D/n.

The recursion and its constants are derived here; the paper's theorems were not read.
"""

from sympy import Function, Ge, Le, Rational, Symbol, symbols

from gdverify import Assumption, Claim, Integers, Mutant, Nonnegative, Observed, ScalarFunction, SureBound, Vector
from gdverify.classes import minimiser
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

# -- the first samples' minimiser on all of them ----------------------------------------------------------------------

n, N = symbols("n N", integer=True, positive=True)
rise = Symbol("rise", real=True)
first, new = ScalarFunction("R_n"), ScalarFunction("R_new")
w_n, w_N = Vector("w_n"), Vector("w_N")
share = (N - n) / N
whole = lambda w: (1 - share) * first(w) + share * new(w)
changed = equation("rise is R_new(w_n) - R_new(w_N)", new(w_n) - new(w_N), rise)

nested = Claim(
    id="starting-small.nested-erm",
    title="The minimiser on part of the sample is nearly one on all of it",
    paper=PAPERS["starting-small"],
    locator="setting of the abstract; stated and proved here",
    statement=r"R_N(w_n)-R_N(w_N) \le \tfrac{N-n}{N}\,\big(R_{\text{new}}(w_n)-R_{\text{new}}(w_N)\big)",
    symbols={n: Integers(1, sample=(1, 20)), N: Integers(n, sample=(n + 1, 2 * n + 20)), rise: Observed()},
    assumptions=[minimiser(first, w_n), changed],
    decides=SureBound(quantity=whole(w_n) - whole(w_N), bound=share * rise),
    mutants=[
        Mutant("the share squared", decides={"bound": share**2 * rise}),
        Mutant("half of it", decides={"bound": share * rise / 2}),
        Mutant("w_n is any point", drop=("w_n minimises R_n",), by=("derivation",)),
    ],
    notes="Nothing is asked of the risks: no convexity, no smoothness.",
)


@nested.derivation
def difference(proof):
    least = proof.assume(minimiser(first, w_n), w_N)
    proof.conclude(
        proof.certificate(Le(whole(w_n) - whole(w_N), share * rise), [(n / N, least), (-share, proof.assume(changed))])
    )


@nested.experiment(cases=[{"dimension": 1}, {"dimension": 4}])
def quadratics(xp, rng, case, size):
    """|w - a|^2/2 weighted by h on the old samples and |w - b|^2/2 on the new ones, or with an added ripple."""
    a, b = rng.normal((size, case.dimension)), rng.normal((size, case.dimension))
    h = log_uniform(xp, rng, (size, 1), 1e-2, 1e2)
    share = (case.N - case.n) / xp.asarray(float(case.N))
    best = ((1 - share) * h * a + share * b) / ((1 - share) * h + share)
    old = lambda w: xp.sum(h * (w - a) ** 2, axis=-1) / 2
    fresh = lambda w: xp.sum((w - b) ** 2, axis=-1) / 2
    fall = fresh(a) - fresh(best)
    return {"quantity": share * fall - (1 - share) * old(best), "rise": fall}


# -- two steps for each new sample -----------------------------------------------------------------------------------

k = Symbol("k", integer=True, positive=True)
n_0 = Symbol("n_0", integer=True, positive=True)
D, u_0 = symbols("D u_0", nonnegative=True)
u = Function("u")
contraction = Assumption(
    "two contraction steps for each new sample",
    lambda k: Ge((1 - 1 / (k + 1)) ** 2 * (u(k) + D / (k * (k + 1))), u(k + 1), evaluate=False),
    latex=r"u_{k+1}\le\big(1-\tfrac1{k+1}\big)^2\big(u_k+\tfrac{D}{k(k+1)}\big),\ k\ge n_0",
    where=lambda k: [k - n_0],
)
begin = equation("u_0 is the error on n_0 samples", u(n_0), u_0)

two_steps = Claim(
    id="starting-small.two-steps-per-sample",
    title="Two contraction steps for each new sample keep the error at the statistical accuracy D/n",
    paper=PAPERS["starting-small"],
    locator="setting of the abstract; recursion and constants derived here",
    statement=r"u_{k+1}\le\big(1-\tfrac1{k+1}\big)^2\big(u_k+\tfrac{D}{k(k+1)}\big)\ (k\ge n_0):\quad"
    r" u_n \le \big(\tfrac{n_0}{n}\big)^2 u_{n_0} + \frac Dn",
    symbols={
        n_0: Integers(1, sample=(1, 20)),
        n: Integers(n_0, sample=(n_0, n_0 + 400)),
        D: Nonnegative(sample=(Rational(1, 10), 10)),
        u_0: Observed(0),
    },
    assumptions=[contraction, begin],
    decides=SureBound(quantity=u(n), bound=(n_0 / n) ** 2 * u_0 + D / n),
    mutants=[
        Mutant("half the statistical accuracy", decides={"bound": (n_0 / n) ** 2 * u_0 + D / (2 * n)}),
        Mutant("decay like 1/n^3", decides={"bound": (n_0 / n) ** 3 * u_0 + D / n}),
        Mutant(
            "one step for each new sample",
            drop=(contraction.name,),
            add=(
                Assumption(
                    contraction.name,
                    lambda k: Ge((1 - 1 / (k + 1)) * (u(k) + D / (k * (k + 1))), u(k + 1), evaluate=False),
                    key=("one step",),
                    where=lambda k: [k - n_0],
                ),
            ),
            by=("derivation",),
        ),
    ],
    notes="With equality in the recursion the bound is attained up to the factor (n - n_0)/n of its second term.",
)


@two_steps.derivation
def weighted_squares(proof):
    j = proof.index("j", n_0)
    proof.low(j)
    step = proof.assume(contraction, j)
    claimed = lambda s: Ge(n_0**2 * u_0 + D * (s - n_0), s**2 * u(s))
    first_step = proof.certificate(claimed(n_0), [(-(n_0**2), proof.assume(begin))])
    every = proof.induction(
        claimed(j),
        j,
        first_step,
        lambda now: proof.certificate(claimed(j + 1), [(1, now), ((j + 1) ** 2, step)], [(D / (j + 1), 1)]),
    )
    proof.low(n)
    end = proof.instantiate(every, {j: n})
    proof.conclude(proof.certificate(Le(u(n), (n_0 / n) ** 2 * u_0 + D / n), [(1 / n**2, end)], [(D * n_0 / n**2, 1)]))


@two_steps.experiment()
def recursion_with_equality(xp, rng, case, size):
    """The recursion itself; in some rows with a random slack."""
    start = log_uniform(xp, rng, (size,), 1e-3, 1e3) * rng.bernoulli(0.75, (size,))
    slack = rng.bernoulli(0.5, (size,)) * rng.uniform((size,)) / 10
    value = start
    for m in range(case.n_0, case.n):
        value = (1 - slack) * (1 - 1 / xp.asarray(m + 1.0)) ** 2 * (value + case.D / xp.asarray(float(m * (m + 1))))
    return {"quantity": value, "u_0": start}
