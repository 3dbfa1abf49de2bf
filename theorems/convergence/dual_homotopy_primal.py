"""The transient of gradient descent on a primal ridge problem (on Daneshmand, Hassani and Hofmann 2017).

In the eigenbasis of the Hessian the primal objective is f(w) = sum_i (lam_i w_i^2/2 - c_i w_i), 0 < lam_i <= 1/eta.  If
data and targets are boundedly correlated, |c_i| <= C lam_i, gradient descent from w_0 = 0 has after T >= 1 steps

    f(w_T) - f*  <=  (C^2 d/(2 eta)) (2T)^(2T)/(2T + 1)^(2T + 1)   <   C^2 d/(4 e eta T),

however small the eigenvalues are.  Setting of the abstract; the statement and its constant are derived here.
"""

from sympy import Eq, Function, Ge, Gt, Integer, Le, Rational, Sum, Symbol, exp, symbols

from gdverify import Assumption, Claim, Integers, Mutant, Positive, Reals, SureBound
from gdverify.instances import log_uniform
from theorems import PAPERS

d = Symbol("d", integer=True, positive=True)
T, t = Symbol("T", integer=True, positive=True), Symbol("t", integer=True, nonnegative=True)
i = Symbol("i", integer=True, positive=True)
eta, C = symbols("eta C", positive=True)
lam, c, w = Function("lam"), Function("c"), Function("w")


def indexed(name, relation, latex=""):
    return Assumption(name, relation, latex=latex, key=(name,), where=lambda k, *_: [k - 1, d - k])


same = lambda left, right: Eq(left, right, evaluate=False)
spectrum = indexed(
    "0 < lam_i <= 1/eta",
    lambda k: [Gt(lam(k), 0, evaluate=False), Ge(1, eta * lam(k), evaluate=False)],
)
correlated = indexed("|c_i| <= C lam_i", lambda k: Ge((C * lam(k)) ** 2, c(k) ** 2, evaluate=False))
start = indexed("w_0 = 0", lambda k: same(w(k, 0), 0))
descent = Assumption(
    "gradient descent",
    lambda k, s: same(w(k, s + 1), w(k, s) - eta * (lam(k) * w(k, s) - c(k))),
    latex=r"w_{t+1}=w_t-\eta\nabla f(w_t)",
    key=("gradient descent",),
    where=lambda k, s: [k - 1, d - k, s],
)
excess = lambda k: lam(k) * (w(k, T) - c(k) / lam(k)) ** 2 / 2
bound = C**2 * d / (2 * eta) * (2 * T) ** (2 * T) / (2 * T + 1) ** (2 * T + 1)

transient = Claim(
    id="dual-homotopy.primal-transient",
    title="With boundedly correlated data gradient descent gains O(d/T) whatever the conditioning",
    paper=PAPERS["dual-homotopy"],
    locator="setting of the abstract; statement and constant derived here",
    statement=r"0<\lambda_i\le\tfrac1\eta,\ |c_i|\le C\lambda_i,\ w_0=0,\ T\ge1:\quad"
    r" f(w_T)-f^\star\le\frac{C^2d}{2\eta}\,\frac{(2T)^{2T}}{(2T+1)^{2T+1}}<\frac{C^2d}{4e\eta T}",
    symbols={
        d: Integers(1, sample=(1, 8)),
        eta: Positive(sample=(Rational(1, 10), 2)),
        C: Positive(sample=(Rational(1, 4), 4)),
        T: Integers(1, sample=(1, 60)),
    },
    assumptions=[spectrum, correlated, start, descent],
    decides=SureBound(quantity=Sum(excess(i), (i, 1, d)), bound=bound),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * bound}),
        Mutant("without d", decides={"bound": bound / d}, cases=({"d": 4},)),
        Mutant("a half of C^2 d/(4 e eta T)", decides={"bound": C**2 * d / (8 * exp(1) * eta * T)}),
        Mutant("any correlation", drop=(correlated.name,), by=("derivation",)),
        Mutant("any spectrum", drop=(spectrum.name,), by=("derivation",)),
    ],
    notes="Attained where every eigenvalue is 1/(eta (2T + 1)) and |c_i| = C lam_i.",
)


@transient.derivation
def largest_term(proof):
    k = proof.index("k", 1, d)
    proof.high(k)
    s = proof.index("s")
    _, short = proof.assume(spectrum, k)
    # lam w_s - c = -(1 - eta lam)^s c
    left = 1 - eta * lam(k)
    solved = lambda s: same(lam(k) * w(k, s) - c(k), -(left**s) * c(k))
    first = proof.certificate(solved(0), [(lam(k), proof.assume(start, k))])
    move = proof.assume(descent, k, s)
    every = proof.induction(
        solved(s), s, first, lambda now: proof.certificate(solved(s + 1), [(lam(k), move), (left, now)])
    )
    end = proof.instantiate(every, {s: T})
    # x (1 - x)^(2T) is largest at x = 1/(2T + 1)
    x, best = eta * lam(k), 1 / (2 * T + 1)
    rest = 2 * T * best
    v = proof.scalar("v", Reals())
    line = proof.tangent(exp(v), v, 0)
    y = left / rest
    even = proof.induction(Ge(left**s, 0), s, proof.sign(Integer(1)), lambda now: proof.product(now, short))
    even = proof.instantiate(even, {s: 2 * T})
    steep = proof.instantiate(line, {v: -(x - best) / rest})
    falls = proof.power(proof.certificate(Ge(exp(-(x - best) / rest), y), [(1, steep)]), 2 * T)
    split = lambda s: same(y**s * rest**s, left**s)
    powers = proof.induction(
        split(s), s, proof.identity(1, 1), lambda now: proof.certificate(split(s + 1), [(left, now)])
    )
    powers = proof.instantiate(powers, {s: 2 * T})
    rises = proof.instantiate(line, {v: (x - best) / best})
    grown = exp((x - best) / best)
    peak = proof.certificate(
        Ge(rest ** (2 * T), x / best * left ** (2 * T)),
        [(rest ** (2 * T) * grown, falls), (1, proof.product(even, rises)), (grown, powers)],
    )
    height = C**2 / (2 * eta) * best
    term = proof.certificate(
        Ge(height * rest ** (2 * T), excess(k)),
        [
            (height, peak),
            (1 / (2 * lam(k)), proof.product(even, proof.assume(correlated, k))),
            (-1 / (2 * lam(k)), proof.product(end, end)),
        ],
    )
    total = proof.sum_of(term, k, 1, d)
    proof.conclude(proof.certificate(Le(Sum(excess(i), (i, 1, d)), bound), [(1, total)]))


@transient.experiment(samples={"smoke": 2048, "standard": 50_000, "full": 1_000_000})
def spectra(xp, rng, case, size):
    """Eigenvalues over four decades; in a quarter of the rows the worst ones, nearly."""
    shape = (size, case.d)
    worst = rng.bernoulli(0.25, (size, 1))
    anywhere = log_uniform(xp, rng, shape, 1e-4, 1)
    values = (worst / (2 * case.T + 1) + (1 - worst) * anywhere) / case.eta
    full = rng.bernoulli(0.5, (size, 1))
    share = full * rng.signs(shape) + (1 - full) * rng.uniform(shape, -1, 1)
    pull = case.C * values * share
    point = xp.zeros(shape)
    for _ in range(case.T):
        point = point - case.eta * (values * point - pull)
    return {"quantity": xp.sum(values * (point - pull / values) ** 2, axis=-1) / 2}
