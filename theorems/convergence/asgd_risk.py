"""Accelerated SGD in one eigendirection (on "Risk Bounds of Accelerated SGD for Overparameterized Linear Regression").

In an eigendirection of the data covariance with eigenvalue lam, the mean of accelerated SGD moves by

    a_{t+1} = (1 - delta lam) b_t,      b_{t+1} = -c a_t + (1 + c - q lam) b_t,      0 < c < 1, 0 < delta < q.

The quadratic form Q(a, b) = (1 - delta lam) b^2 - (1 + c - q lam) a b + c a^2 is multiplied by c (1 - delta lam) in
every step.  It is definite exactly where the eigenvalues are complex: (1 + c - q lam)^2 < 4 c (1 - delta lam).  There
the squared modulus is c (1 - delta lam), larger than that of SGD, (1 - delta lam)^2, where c > 1 - delta lam.

Where they are real and q lam < 1 - c, an eigenvector (a_0, b_0) with b_0 >= 0 has

    b_T  <=  (1 - lam (q - c delta)/(1 - c))^T b_0,

less than SGD's (1 - delta lam)^T b_0: (q - c delta)/(1 - c) > delta because q > delta.

Setting of the abstract; statements are derived here.
"""

from sympy import Eq, Function, Ge, Gt, Le, Rational, Symbol, sqrt, symbols

from gdverify import Claim, Identity, Integers, Interval, Mutant, Observed, Positive, SureBound
from gdverify.classes import recursion
from gdverify.laws import equation
from theorems import PAPERS

lam, c, q, delta = symbols("lam c q delta", positive=True)
Q_0, rho, b_0 = Symbol("Q_0", real=True), Symbol("rho", positive=True), Symbol("b_0", nonnegative=True)
T, t = Symbol("T", integer=True, nonnegative=True), Symbol("t", integer=True, nonnegative=True)
a, b = Function("a"), Function("b")
short, trace = 1 - delta * lam, 1 + c - q * lam
form = lambda s: short * b(s) ** 2 - trace * a(s) * b(s) + c * a(s) ** 2

first = recursion(a(t + 1), short * b(t))
second = recursion(b(t + 1), -c * a(t) + trace * b(t))
regime = {
    lam: Positive(sample=(Rational(1, 100), 1)),
    q: Interval(0, 1 / lam, open="left", sample=(Rational(1, 10), 1)),
    delta: Interval(0, q, open="both", sample=(q / 100, 9 * q / 10)),
    c: Interval(0, 1, open="both", sample=(Rational(1, 10), Rational(19, 20))),
    T: Integers(0, sample=(0, 8)),
}
common = {"paper": PAPERS["asgd-risk"], "locator": "dynamics in an eigendirection; derived here"}

# -- the modulus ------------------------------------------------------------------------------------------------------

eigen_rates = Claim(
    id="asgd-risk.eigen-rates",
    title="In an eigendirection accelerated SGD multiplies a quadratic form by c (1 - delta lambda) in every step",
    statement=r"Q_t=(1-\delta\lambda)b_t^2-(1+c-q\lambda)a_tb_t+ca_t^2:\quad Q_T=(c(1-\delta\lambda))^TQ_0",
    symbols={**regime, Q_0: Observed()},
    assumptions=[first, second, equation("Q_0 is the form at the start", form(0), Q_0)],
    decides=Identity(quantity=form(T), bound=(c * short) ** T * Q_0),
    mutants=[
        Mutant("the rate of SGD", decides={"bound": short ** (2 * T) * Q_0}, cases=({"T": 3},)),
        Mutant("1% below", decides={"bound": (Rational(99, 100) * c * short) ** T * Q_0}, cases=({"T": 1},)),
        Mutant("without c", decides={"bound": short**T * Q_0}, cases=({"T": 2},)),
        Mutant("another second line", drop=(second.name,), by=("derivation",)),
    ],
    notes="Q is the determinant of the state and its successor, so that the factor is the determinant of the step.",
    **common,
)


@eigen_rates.derivation
def determinant(proof):
    k = proof.index("k")
    moves = [proof.assume(first, k), proof.assume(second, k)]
    step = proof.identity(form(k + 1), c * short * form(k), using=moves)
    claimed = lambda s: Eq(form(s), (c * short) ** s * Q_0, evaluate=False)
    every = proof.induction(
        claimed(k),
        k,
        proof.certificate(claimed(0), [(1, proof.assume(eigen_rates.assumptions[2]))]),
        lambda now: proof.certificate(claimed(k + 1), [(1, step), (c * short, now)]),
    )
    proof.conclude(proof.instantiate(every, {k: T}))


def run(case, here, there):
    """(a_T, b_T) from a start."""
    for _ in range(case.T):
        here, there = (
            (1 - case.delta * case.lam) * there,
            -case.c * here + (1 + case.c - case.q * case.lam) * there,
        )
    return here, there


@eigen_rates.experiment(cases=[{}])
def any_start(xp, rng, case, size):
    short, trace = 1 - case.delta * case.lam, 1 + case.c - case.q * case.lam
    form = lambda a, b: short * b * b - trace * a * b + case.c * a * a
    begin = rng.normal((size,)), rng.normal((size,))
    return {"quantity": form(*run(case, *begin)), "Q_0": form(*begin)}


# -- small eigenvalues ------------------------------------------------------------------------------------------------

gained = lam * (q - c * delta) / (1 - c)
slow = (1 - sqrt(c)) ** 2 / lam  # real eigenvalues for q up to here
eigenvalue = equation("rho is an eigenvalue of the step", rho**2 - trace * rho + c * short, 0)
eigenvector = equation("the start is its eigenvector", rho * a(0), short * b(0))
begin = equation("b_0 is the mean at the start", b(0), b_0)

small_eigenvalues = Claim(
    id="asgd-risk.small-eigenvalues",
    title="Where its eigenvalues are real and q lambda < 1 - c, accelerated SGD is faster than SGD",
    statement=r"q\lambda<1-c,\ \text{an eigenvector of the step with } \rho>0,\ b_0\ge0:\quad"
    r" b_T\le\Big(1-\lambda\frac{q-c\delta}{1-c}\Big)^Tb_0",
    symbols={
        lam: Positive(sample=(Rational(1, 100), 1)),
        c: Interval(0, 1, open="both", sample=(Rational(1, 10), Rational(19, 20))),
        q: Interval(0, (1 - c) / lam, open="both", sample=(slow / 1000, slow)),
        delta: Interval(0, q, open="both", sample=(q / 100, 9 * q / 10)),
        T: Integers(0, sample=(1, 40)),
        rho: Observed(0, open="left"),
        b_0: Observed(0),
    },
    assumptions=[first, second, eigenvalue, eigenvector, begin],
    decides=SureBound(quantity=b(T), bound=(1 - gained) ** T * b_0),
    mutants=[
        Mutant("a gain 1% larger", decides={"bound": (1 - Rational(101, 100) * gained) ** T * b_0}),
        Mutant("q for q - c delta", decides={"bound": (1 - lam * q / (1 - c)) ** T * b_0}),
        Mutant("rho is any number", drop=(eigenvalue.name,), by=("derivation",)),
        Mutant("any start", drop=(eigenvector.name,), by=("derivation",)),
    ],
    notes="The slower of the two eigenvalues attains the bound to first order in lam.  They are real for q lam <= "
    "(1 - sqrt(c))^2, whatever delta is.",
    **common,
)


@small_eigenvalues.derivation
def roots(proof):
    k = proof.index("k")
    root, lined, level = (proof.assume(x) for x in (eigenvalue, eigenvector, begin))
    narrow = proof.certificate(Gt(1 - c - q * lam, 0), [(lam, proof.high(q))])
    less = proof.certificate(Gt(1 - c, 0), [(1, proof.high(c))])
    # with u = 1 - q lam - rho and v = rho - c: u v = c lam (q - delta) >= 0 and u + v > 0, so that u >= 0
    u, v = 1 - q * lam - rho, rho - c
    product = proof.certificate(Ge(u * v, 0), [(c * lam, proof.high(delta)), (-1, root)])
    below = proof.certificate(Ge(u, 0), [(1 / narrow.left, product)], [(1 / narrow.left, u)])
    bound = proof.certificate(
        Ge(1 - gained, rho), [(q * lam / less.left, below), (-1 / less.left, root)], [(1 / less.left, u)]
    )
    lines = lambda s: Eq(rho * a(s), short * b(s), evaluate=False)
    grown = lambda s: Eq(b(s), rho**s * b_0, evaluate=False)
    moves = [proof.assume(first, k), proof.assume(second, k)]

    def successor(now):
        return proof.certificate(
            Eq(b(k + 1), rho * b(k), evaluate=False), [(-c / rho, now), (-b(k) / rho, root)], using=moves
        )

    every = proof.induction(
        lines(k), k, lined, lambda now: proof.certificate(lines(k + 1), [(-short, successor(now))], using=moves[:1])
    )
    after = successor(every)
    always = proof.induction(grown(k), k, level, lambda now: proof.certificate(grown(k + 1), [(1, after), (rho, now)]))
    end = proof.instantiate(always, {k: T})
    proof.conclude(proof.certificate(Le(b(T), (1 - gained) ** T * b_0), [(b_0, proof.power(bound, T)), (-1, end)]))


@small_eigenvalues.experiment(cases=[{}])
def eigenvectors(xp, rng, case, size):
    short, trace = 1 - case.delta * case.lam, 1 + case.c - case.q * case.lam
    root = xp.sqrt(xp.asarray(trace * trace - 4 * case.c * short))
    rho = (trace + (2 * rng.bernoulli(0.75, (size,)) - 1) * root) / 2
    there = rng.uniform((size,))
    return {"quantity": run(case, short * there / rho, there)[1], "rho": rho, "b_0": there}
