"""Accelerated SGD without label noise: second moments (on Zhang, Daneshmand and Hofmann 2019).

In one dimension, with inputs a_k drawn independently, E a^2 = m_2, E a^4 = m_4, and labels that the optimum 0 fits,

    y_k = x_k + beta (x_k - x_{k-1}),     x_{k+1} = (1 - gamma a_k^2) y_k.

With e_1 = 1 - gamma m_2, e_2 = 1 - 2 gamma m_2 + gamma^2 m_4 and

    W_k = x_k^2 + 2 w x_k x_{k-1} + v x_{k-1}^2,     w = -e_2 beta (1 + beta)/(1 + e_1 beta),     v = e_2 beta^2,
    s = 1 - e_2 (1 + beta)^2 - v - 2 e_1 w (1 + beta),

    E W_T + s (E x_0^2 + ... + E x_{T-1}^2)  =  W_0.

So where s > 0 and W is positive semidefinite the second moments are summable and tend to zero.  Momentum may speed this
up or undo it: for Gaussian inputs and gamma m_2 = 3/10, s < 0 at beta = 4/5.  Of the inputs only m_2 and m_4 matter.

Setting of arXiv:1910.14616, standard Nesterov form; the identity is derived here.
"""

from sympy import Eq, Function, Ge, Gt, Integer, Rational, Sum, Symbol, symbols

from gdverify import Assumption, Claim, Integers, Interval, Mean, MeanEquals, Mutant, Observed, Positive
from theorems import PAPERS

gamma, m_2, m_4 = symbols("gamma m_2 m_4", positive=True)
beta = Symbol("beta", nonnegative=True)
u_0, u_1 = symbols("u_0 u_1", real=True)
T, i = Symbol("T", integer=True, nonnegative=True), Symbol("i", integer=True, nonnegative=True)
x, a = Function("x"), Function("a")  # x(0) and x(1) are the start
e_2, w, v = symbols("e_2 w v", real=True)
e_1, p = 1 - gamma * m_2, 1 + beta
defined = {e_2: 1 - 2 * gamma * m_2 + gamma**2 * m_4, w: -e_2 * beta * p / (1 + e_1 * beta), v: e_2 * beta**2}
form = lambda here, last: here**2 + 2 * w * here * last + v * last**2
gap = 1 - e_2 * p**2 - v - 2 * e_1 * w * p

same = lambda left, right: Eq(left, right, evaluate=False)
indexed = lambda name, relation, latex="": Assumption(name, relation, latex=latex, key=(name,), where=lambda k: [k])
ahead = lambda k: p * x(k + 1) - beta * x(k)
update = indexed(
    "accelerated step",
    lambda k: same(x(k + 2), (1 - gamma * a(k) ** 2) * ahead(k)),
    r"x_{k+1}=(1-\gamma a_k^2)y_k,\ y_k=x_k+\beta(x_k-x_{k-1})",
)
independent = indexed(
    "inputs are independent of the past, with moments m_2 and m_4",
    lambda k: [
        same(Mean(a(k) ** power * z), moment * Mean(z))
        for power, moment in ((2, m_2), (4, m_4))
        for z in (x(k + 1) ** 2, x(k + 1) * x(k), x(k) ** 2)
    ],
)
start = Assumption("the start", lambda: [same(x(0), u_0), same(x(1), u_1)], key=("start",))

momentum = {"family": "two values", "m_2": 1, "m_4": 2, "gamma": Rational(1, 3), "beta": Rational(1, 2), "T": 2}

second_moment = Claim(
    id="sagd-mixing.second-moment-rate",
    title="An exact balance of second moments decides whether accelerated SGD contracts in mean square",
    paper=PAPERS["sagd-mixing"],
    locator="realizable setting, standard Nesterov form; identity derived here",
    statement=r"W_k=x_k^2+2wx_kx_{k-1}+vx_{k-1}^2:\quad \mathbb{E}W_T+s\sum_{k<T}\mathbb{E}x_k^2=W_0,\quad"
    r" s=1-e_2(1+\beta)^2-v-2e_1w(1+\beta)",
    symbols={
        m_2: Positive(sample=(Rational(1, 2), 2)),
        m_4: Interval(m_2**2, None, sample=(m_2**2, 2 * m_2**2)),
        gamma: Interval(0, 1 / m_2, open="left", sample=(1 / (20 * m_2), 3 / (10 * m_2))),
        beta: Interval(0, 1, open="right", sample=(0, Rational(4, 5))),
        T: Integers(0, sample=(1, 3)),
        u_0: Observed(),
        u_1: Observed(),
    },
    defines=defined,
    assumptions=[update, independent, start],
    decides=MeanEquals(
        quantity=form(x(T + 1), x(T)) + gap * Sum(x(i + 1) ** 2, (i, 0, T - 1)), bound=form(u_1, u_0), tol=0.05
    ),
    mutants=[
        Mutant("m_2^2 for m_4", defines={**defined, e_2: e_1**2}, cases=(momentum,)),
        Mutant("v = beta^2", defines={**defined, v: beta**2}, cases=(momentum,)),
        Mutant("w = -e_2 beta", defines={**defined, w: -e_2 * beta}, cases=(momentum,)),
        Mutant("inputs may depend on the past", drop=(independent.name,), by=("derivation",)),
    ],
    notes="Without momentum it is E x_T^2 = e_2 E x_{T-1}^2, summed.  Experiments draw inputs with a^2 in two "
    "values, 0 and m_4/m_2, and uniform inputs.",
)


@second_moment.derivation
def balance(proof):
    k = proof.index("k")
    move, known = proof.assume(update, k), proof.assume(independent, k)
    proof.low(beta)
    short = proof.certificate(Ge(e_1, 0), [(m_2, proof.high(gamma))])
    proof.certificate(Gt(1 + e_1 * beta, 0), [(1, proof.sign(Integer(1))), (beta, short)])
    constants = [proof.definition(name) for name in (v, w, e_2)]
    square = proof.mean(proof.certificate(same(x(k + 2) ** 2, ((1 - gamma * a(k) ** 2) * ahead(k)) ** 2), using=[move]))
    cross = proof.mean(
        proof.certificate(same(x(k + 2) * x(k + 1), (1 - gamma * a(k) ** 2) * ahead(k) * x(k + 1)), using=[move])
    )
    energy = lambda s: Mean(form(x(s + 1), x(s)))
    weight = (p**2, -2 * p * beta, beta**2)
    step = proof.certificate(
        same(energy(k) - energy(k + 1), gap * Mean(x(k + 1) ** 2)),
        [
            (-1, square),
            *((2 * gamma * c, fact) for c, fact in zip(weight, known[:3], strict=True)),
            *((-(gamma**2) * c, fact) for c, fact in zip(weight, known[3:], strict=True)),
            (-2 * w, cross),
            (2 * w * gamma * p, known[0]), (-2 * w * gamma * beta, known[1]),
        ],
        using=constants,
    )  # fmt: skip
    total = proof.telescoped(step, energy(k), k, 0, T)
    begin = proof.assume(start)
    first = proof.mean(proof.certificate(same(form(x(1), x(0)), form(u_1, u_0)), using=begin))
    exchange = proof.mean_of_sum(Sum(x(i + 1) ** 2, (i, 0, T - 1)))
    claim = second_moment.decides
    proof.conclude(
        proof.certificate(same(Mean(claim.quantity), claim.bound), [(-1, total), (1, first), (gap, exchange)])
    )


@second_moment.experiment(
    cases=[{"family": "two values"}, {"family": "uniform", "m_2": 1, "m_4": Rational(9, 5)}],
    samples={"smoke": 150_000, "standard": 1_000_000, "full": 20_000_000},
)
def chain(xp, rng, case, size):
    last, here = rng.shared.uniform((), -0.5, 0.5), 1.0
    first = last
    last, here = last + xp.zeros((size,)), here + xp.zeros((size,))
    gap = 1 - case.e_2 * (1 + case.beta) ** 2 - case.v - 2 * (1 - case.gamma * case.m_2) * case.w * (1 + case.beta)
    total = 0 * here
    for _ in range(case.T):
        total = total + here * here
        if case.family == "uniform":
            square = 3 * case.m_2 * rng.uniform((size,), -1, 1) ** 2
        else:
            square = case.m_4 / case.m_2 * rng.bernoulli(case.m_2**2 / case.m_4, (size,))
        last, here = here, (1 - case.gamma * square) * (here + case.beta * (here - last))
    end = here * here + 2 * case.w * here * last + case.v * last * last
    return {"quantity": end + gap * total, "u_0": first, "u_1": 1.0 + 0 * first}
