"""Fisher matrix and empirical Fisher matrix of a softmax (on "FAdam: Adam is a natural gradient optimizer ...", 2024).

For probabilities p_y = exp(theta_y)/Z of k classes and labels of law q,

    sum_y q_y grad ln p_y (grad ln p_y)^T  =  diag(q) - q q^T + (q - p)(q - p)^T.

At q = p this is the Fisher matrix diag(p) - p p^T; otherwise the empirical matrix that Adam tracks is another one, and
may be larger or smaller.  Written along directions u and w, all of them.  Setting of the abstract; derived here.
"""

from sympy import Eq, Function, Gt, Integer, Rational, Sum, Symbol

from gdverify import Assumption, Claim, Counterexample, Identity, Integers, Interval, Mutant, Observed
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

k, y = Symbol("k", integer=True, positive=True), Symbol("y", integer=True)
p, q, u, w, along_u, along_w = (Function(name) for name in ("p", "q", "u", "w", "s_u", "s_w"))
log_u, log_w = Function("zeta_u")(), Function("zeta_w")()
both, q_u, q_w, p_u, p_w = (Symbol(name, real=True) for name in ("Q_uw", "Q_u", "Q_w", "P_u", "P_w"))
same = lambda left, right: Eq(left, right, evaluate=False)
over = lambda term: Sum(term, (y, 1, k))

score = Assumption(
    "ln p_y = theta_y - ln Z, so that its derivative along u is u_y less that of ln Z",
    lambda c: [same(along_u(c), u(c) - log_u), same(along_w(c), w(c) - log_w)],
    latex=r"s_u(y)=\partial_u\ln p_y=u_y-\partial_u\ln Z",
    key=("score",),
    where=lambda c: [c - 1, k - c],
)
normalised = Assumption(
    "probabilities sum to 1, and their derivatives p_y s_u(y) to 0",
    lambda: [
        same(over(p(y)), 1),
        same(over(q(y)), 1),
        same(over(p(y) * along_u(y)), 0),
        same(over(p(y) * along_w(y)), 0),
    ],
    latex=r"\textstyle\sum_yp_y=\sum_yq_y=1,\ \sum_yp_y\,\partial_u\ln p_y=0",
    key=("normalised",),
)
means = [
    equation("Q_uw is the mean of u w under q", over(q(y) * u(y) * w(y)), both),
    equation("Q_u is the mean of u under q", over(q(y) * u(y)), q_u),
    equation("Q_w is the mean of w under q", over(q(y) * w(y)), q_w),
    equation("P_u is the mean of u under p", over(p(y) * u(y)), p_u),
    equation("P_w is the mean of w under p", over(p(y) * w(y)), p_w),
]
empirical = over(q(y) * along_u(y) * along_w(y))
value = both - q_u * q_w + (q_u - p_u) * (q_w - p_w)

fisher = Claim(
    id="fadam.fisher-vs-empirical",
    title="The empirical Fisher matrix of a softmax is diag(q) - qq^T + (q-p)(q-p)^T",
    paper=PAPERS["fadam"],
    locator="setting of the abstract; derived here",
    statement=r"\sum_yq_y\nabla\ln p_y(\nabla\ln p_y)^\top"
    r" = \mathrm{diag}(q)-qq^\top+(q-p)(q-p)^\top,\ \text{along all } u,w",
    symbols={k: Integers(1, sample=(2, 12)), **{s: Observed() for s in (both, q_u, q_w, p_u, p_w)}},
    assumptions=[score, normalised, *means],
    decides=Identity(quantity=empirical, bound=value),
    mutants=[
        Mutant("the Fisher matrix, whatever q is", decides={"bound": both - q_u * q_w}),
        Mutant("centred at q", decides={"bound": both - q_u * q_w - (q_u - p_u) * (q_w - p_w)}),
        Mutant("centred at p alone", decides={"bound": both - p_u * p_w}),
        Mutant("logits without normalisation", drop=(normalised.name,), by=("derivation",)),
    ],
)


@fisher.derivation
def expand(proof):
    c = proof.index("c", 1, k)
    proof.high(c)
    one_p, one_q, still_u, still_w = proof.assume(normalised)
    product, *firsts = (proof.assume(mean) for mean in means)
    left, right = proof.assume(score, c)
    # the derivative of ln Z along u is the mean of u under p
    slopes = []
    for step, still, mean, slope in ((left, still_u, firsts[2], log_u), (right, still_w, firsts[3], log_w)):
        terms = proof.certificate(same(p(c) * step.left, p(c) * step.right), [(p(c), step)])
        total = proof.sum_of(terms, c, 1, k)
        slopes.append(proof.certificate(same(slope, mean.right), [(1, total), (-1, still), (1, mean), (-slope, one_p)]))
    entry = proof.certificate(
        same(q(c) * along_u(c) * along_w(c), q(c) * (u(c) - log_u) * (w(c) - log_w)), using=[left, right]
    )
    proof.conclude(
        proof.certificate(
            same(empirical, value),
            [
                (1, proof.sum_of(entry, c, 1, k)),
                (1, product), (-p_w, firsts[0]), (-p_u, firsts[1]), (p_u * p_w, one_q),
            ],
            using=slopes,
        )
    )  # fmt: skip


def softmax(xp, rng, size, classes):
    """Probabilities of logits over two decades of scales."""
    weights = xp.exp(log_uniform(xp, rng, (size, 1), 0.05, 5) * rng.normal((size, classes)))
    return weights / xp.sum(weights, axis=-1, keepdims=True)


@fisher.experiment(cases=[{"labels": "any"}, {"labels": "model"}, {"labels": "certain"}])
def scores(xp, rng, case, size):
    """All gradients e_y - p, summed with weights q: those of the model, other ones, or one label alone."""
    n = case.k
    prob, other, eye = softmax(xp, rng, size, n), softmax(xp, rng, size, n), xp.eye(n)
    law = {"any": other, "model": prob, "certain": eye[0, :][None, :] + xp.zeros((size, n))}[case.labels]
    one, two = rng.normal((size, n)), rng.normal((size, n))
    gradients = eye[None, :, :] - prob[:, None, :]
    slopes = [xp.matmul(gradients, way[..., None])[..., 0] for way in (one, two)]
    mean = lambda weights, values: xp.sum(weights * values, axis=-1)
    return {
        "quantity": mean(law, slopes[0] * slopes[1]),
        "Q_uw": mean(law, one * two),
        "Q_u": mean(law, one),
        "Q_w": mean(law, two),
        "P_u": mean(prob, one),
        "P_w": mean(prob, two),
        "scale": xp.sum(one * one + two * two, axis=-1),
    }


# -- two classes ------------------------------------------------------------------------------------------------------

p_1, q_1 = Symbol("p_1", positive=True), Symbol("q_1", positive=True)
second_moment = q_1 * (1 - p_1) ** 2 + (1 - q_1) * p_1**2

differs = Claim(
    id="fadam.empirical-is-not-fisher",
    title="With two classes already the empirical Fisher information differs from the true one",
    paper=PAPERS["fadam"],
    locator="setting of the abstract; counterexample derived here",
    statement=r"k=2,\ 0<p_1<\tfrac12,\ p_1<q_1\le1:\quad q_1(1-p_1)^2+(1-q_1)p_1^2 > p_1(1-p_1)",
    symbols={p_1: Interval(0, Rational(1, 2), open="both"), q_1: Interval(p_1, 1, open="left")},
    assumptions=[],
    decides=Counterexample(
        quantity=second_moment,
        bound=p_1 * (1 - p_1),
        refutes="the empirical Fisher information is (at most) the Fisher information for every law of the labels",
    ),
    mutants=[
        Mutant("labels of the model's law", symbols={q_1: Interval(p_1, p_1)}),
        Mutant("fewer labels than predicted", symbols={q_1: Interval(0, p_1, open="both")}),
        Mutant("1% larger", decides={"bound": Rational(101, 100) * p_1 * (1 - p_1)},
               cases=({"p_1": Rational(2, 5), "q_1": Rational(41, 100)},)),
    ],
    notes="The excess is (q_1 - p_1)(1 - 2 p_1): for p_1 > 1/2 the empirical one is the smaller.",
)  # fmt: skip


@differs.derivation
def excess(proof):
    more = proof.product(proof.low(q_1), proof.high(p_1))
    proof.conclude(proof.certificate(Gt(second_moment, p_1 * (1 - p_1)), [(Integer(2), more)]))


@differs.experiment()
def two_classes(xp, rng, case, size):
    """Gradients with respect to both logits, along the first."""
    logit = xp.log(case.p_1 / (1 - case.p_1) + xp.zeros((size,)))
    weight = 1 / (1 + xp.exp(-logit))
    return {"quantity": case.q_1 * (1 - weight) ** 2 + (1 - case.q_1) * weight**2}
