"""The neural tangent kernel of one hidden ReLU layer is exact in the mean (Jacot, Gabriel, Hongler 2018).

f(x) = m^(-1/2) sum_j a_j relu(u_j) + beta b',  u_j = w_j^T X,  X = (x/sqrt(n_0), beta),  all parameters N(0, 1).
The empirical kernel, the inner product of the gradients of f at two inputs X and Y in all parameters, is

    Theta_m = (1/m) sum_j [relu(u_j) relu(v_j) + a_j^2 1{u_j > 0} 1{v_j > 0} X^T Y] + beta^2.

With |X| = p, |Y| = q, X^T Y = rho p q, cos theta = rho, kappa_0 = (pi - theta)/(2 pi) and kappa_1 of `ntk_neuron`,

    E Theta_m = p q (kappa_1 + rho kappa_0) + beta^2,        E (Theta_m(x, x) - E Theta_m(x, x))^2 = 3 p^4/m

at every width m: with one hidden layer the infinite-width kernel of the paper's Theorem 1 has no bias at finite width.

Reference: arXiv:1806.07572; the two statements are derived here.
"""

from sympy import Add, Eq, MatrixSymbol, Poly, Rational, S, Symbol, Trace, expand

from gdverify import Claim, Integers, Mean, MeanEquals, Mutant, Nonnegative
from gdverify.language import PairMean
from gdverify.laws import gaussian, sample_sums
from theorems import PAPERS
from theorems.networks.ntk_neuron import (
    SIZES,
    N,
    X,
    Y,
    arc_cosine_means,
    gates,
    inputs,
    kappa_0,
    kappa_1,
    law,
    moments,
    p,
    pre,
    q,
    relu_of,
    relus,
    rho,
    two_inputs,
    w,
)

m = Symbol("m", integer=True, positive=True)
beta = Symbol("beta", nonnegative=True)
a, a2, F = (MatrixSymbol(name, 1, 1) for name in ("a", "a_2", "F"))
w2 = MatrixSymbol("w_2", N, 1)
head, law2, head2 = gaussian(a), gaussian(w2), gaussian(a2)


def neuron(x, y, similarity, weight=w, out=a):
    """What one neuron adds to m Theta_m(x, y)."""
    return relus(x, y, weight) + Trace(out) ** 2 * gates(x, y, weight) * similarity


def over_neurons(x, y, similarity):
    terms = {F: (neuron(x, y, similarity), neuron(x, y, similarity, w2, a2))}
    return sample_sums(terms, m, w, a, w2, a2, name="F is a sum over m independent neurons")


mixed, alone = over_neurons(X, Y, rho * p * q), over_neurons(X, X, p**2)
WIDTH = {m: Integers(1, sample=(1, 64))}
kernel = p * q * (kappa_1 + rho * kappa_0) + beta**2

mean_kernel = Claim(
    id="neural-tangent-kernel.finite-width-mean",
    title="With one hidden ReLU layer the mean of the empirical tangent kernel is the limiting one at every width",
    paper=PAPERS["neural-tangent-kernel"],
    locator="the kernel of Theorem 1 for one hidden ReLU layer; exactness at finite width derived here",
    statement=r"\mathbb E\,\Theta_m(x,y)=\frac{pq}{2\pi}\bigl(\sin\theta+2(\pi-\theta)\cos\theta\bigr)+\beta^2",
    symbols={**SIZES, **WIDTH, beta: Nonnegative(sample=(0, 1))},
    assumptions=[inputs, *moments, law, head, law2, head2, mixed],
    decides=MeanEquals(quantity=Trace(F) / m + beta**2, bound=kernel, tol=0.03, absolute=True),
    mutants=[
        Mutant("the second layer alone learns", decides={"bound": p * q * kappa_1 + beta**2}),
        Mutant("no inner product in the second term", decides={"bound": p * q * (kappa_1 + kappa_0) + beta**2}),
        Mutant("standard parametrisation", decides={"bound": m * (kernel - beta**2) + beta**2}, cases=({"m": 4},)),
        Mutant("head weights without a law", drop=(head.name,), by=("derivation",)),
    ],
    notes="Exact for one hidden layer only: with two, the mean at width m differs from the limit by O(1/m).",
)


@mean_kernel.derivation
def term_by_term(proof):
    given = [proof.assume(fact) for fact in moments]
    steps, both = arc_cosine_means(proof)
    first = proof.pair_mean(relus(X, Y), law, (p, q), rho, using=given)
    second = proof.pair_mean(gates(X, Y), law, (p, q), rho, using=given)
    apart = proof.independence(Trace(a) ** 2 * gates(X, Y) * rho * p * q, [head], [law])
    variance = proof.gaussian(Trace(a) ** 2 * rho * p * q, [head])
    total = proof.assume(mixed, F, S.One)
    gate_mean = proof.rewrite(apart, variance, second, steps)
    one = proof.certificate(
        Eq(Mean(neuron(X, Y, rho * p * q)), kernel - beta**2, evaluate=False),
        [(1, first), (p * q, both), (1, gate_mean)],
    )
    proof.conclude(
        proof.certificate(Eq(Mean(proof.claim.decides.quantity), kernel, evaluate=False), [(1 / m, total), (1, one)])
    )


def networks(xp, rng, case, x, y, similarity, size):
    """Theta_m(x, y) - beta^2 for 64 networks per row: (size, 64)."""
    weights = rng.normal((size, 64, case.m, case.N))
    u, v = (weights @ x)[..., 0], (weights @ y)[..., 0]
    out = rng.normal((size, 64, case.m))
    zero = 0 * u
    open_ = xp.where(u > 0, zero + 1, zero) * xp.where(v > 0, zero + 1, zero)
    return xp.mean(relu_of(xp, u) * relu_of(xp, v) + out * out * open_ * similarity, axis=-1)


@mean_kernel.experiment(cases=[{"m": 1, "N": 2}, {"m": 4, "N": 3}, {"rho": Rational(19, 20), "m": 4}], block=64)
def empirical_kernels(xp, rng, case, size):
    x, y = two_inputs(xp, rng, case)
    values = networks(xp, rng, case, x, y, case.rho * case.p * case.q, size)
    return {"quantity": xp.mean(values, axis=-1) + case.beta**2}


variance_kernel = Claim(
    id="neural-tangent-kernel.finite-width-variance",
    title="The diagonal of the empirical tangent kernel of a hidden ReLU layer has variance 3 p^4/m",
    paper=PAPERS["neural-tangent-kernel"],
    locator="complement to Theorem 1, derived here",
    statement=r"\mathbb E\bigl(\Theta_m(x,x)-\mathbb E\,\Theta_m(x,x)\bigr)^2=\frac{3p^4}m",
    symbols={N: SIZES[N], p: SIZES[p], **WIDTH},
    assumptions=[inputs, moments[0], law, head, law2, head2, alone],
    decides=MeanEquals(quantity=(Trace(F) / m - p**2) ** 2, bound=3 * p**4 / m, tol=0.1),
    mutants=[
        Mutant("two for three", decides={"bound": 2 * p**4 / m}),
        Mutant("width m + 1", decides={"bound": 3 * p**4 / (m + 1)}, cases=({"m": 2, "N": 2},)),
        Mutant("a quarter more", decides={"bound": Rational(15, 4) * p**4 / m}),
        Mutant("an input of unknown norm", drop=("variance of u",), by=("derivation",)),
    ],
    notes="E Theta_m(x, x) = p^2 + beta^2. The fluctuation falls like m^(-1/2).",
)


@variance_kernel.derivation
def two_neurons(proof):
    scale = [proof.assume(moments[0])]

    def mean_of(expr, weight, out):
        """Fact: the mean of a polynomial in relu(u), 1{u > 0} and the head weight, by its terms."""
        letters = (w, a) if weight == law else (w2, a2)
        u, b = pre(X, letters[0]), Trace(letters[1])
        facts, value = [], S.Zero
        for term in Add.make_args(expand(expr)):
            powers = Poly(term, b).degree()
            shape = term.subs(b, 1)
            number, shape = shape.as_independent(u, as_Add=False)
            unit = proof.pair_mean(shape, weight, (p,), 0, using=scale)
            activation = shape.subs(u, PairMean.variable)
            unit = proof.rewrite(unit, proof.pair_value(activation, S.One, 0))
            if powers:
                moment = proof.gaussian(b**powers, [out])
                unit = proof.rewrite(proof.independence(shape * b**powers, [out], [weight]), moment, unit)
            facts.append((number, unit))
            value += number * unit.right
        return proof.certificate(Eq(Mean(expand(expr)), value, evaluate=False), facts)

    one, other = neuron(X, X, p**2), neuron(X, X, p**2, w2, a2)
    mean, twin, square = mean_of(one, law, head), mean_of(other, law2, head2), mean_of(one**2, law, head)
    apart = proof.independence(one * other, [law, head], [law2, head2])
    squares, total = proof.assume(alone, F, F), proof.assume(alone, F, S.One)
    proof.conclude(
        proof.certificate(
            Eq(Mean(proof.claim.decides.quantity), 3 * p**4 / m, evaluate=False),
            [
                (m**-2, squares),
                (1 / m, square),
                (1 - 1 / m, apart),
                ((1 - 1 / m) * twin.left, mean),
                ((1 - 1 / m) * p**2, twin),
                (-2 * p**2 / m, total),
                (-2 * p**2, mean),
            ],
        )
    )


@variance_kernel.experiment(cases=[{"m": 1, "N": 2}, {"m": 2, "N": 2}, {"m": 16, "N": 4}], block=64)
def squared_deviations(xp, rng, case, size):
    x = case.p * rng.shared.haar((1, case.N, case.N))[0, :, :1]
    values = networks(xp, rng, case, x, x, case.p**2, size)
    return {"quantity": xp.mean((values - case.p**2) ** 2, axis=-1)}
