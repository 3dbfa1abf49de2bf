"""Dual and primal conditioning of kernel regression (on "Stochastic Gradient Descent for Gaussian Processes ...").

For a kernel matrix K > 0 with smallest and largest eigenvalues low and high, the Hessians are K + s I in the dual and
K (K + s I) in the primal problem, s the noise level.  The condition number of the first is (high + s)/(low + s), at
most 1 + high/s whatever K is, and

    kappa(K + s I)^2  <=  kappa(K (K + s I)).

Setting of the abstract; the statement is derived here.
"""

from sympy import Ge, Identity, Le, MatrixSymbol, Rational, Symbol, Trace, symbols

from gdverify import Claim, Integers, Mutant, Observed, Positive, SureBound
from gdverify.instances import log_uniform
from gdverify.language import SymmetricMatrix
from gdverify.laws import equation, loewner
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
s, low, high, floor, ceiling = symbols("s low high floor ceiling", positive=True)
K, ones = SymmetricMatrix("K", n, n), Identity(n)
u, v = MatrixSymbol("u", n, 1), MatrixSymbol("v", n, 1)
primal = K * K + s * K
ratio = lambda noise: (high + noise) / (low + noise)
unit = lambda w: equation(f"|{w}| = 1", Trace(w.T * w), 1)
top, bottom = equation("K u = high u", K * u, high * u), equation("K v = low v", K * v, low * v)
below = loewner("K (K + s I) >= floor I", primal, floor * ones)
above = loewner("K (K + s I) <= ceiling I", ceiling * ones, primal)

conditioning = Claim(
    id="gp-sgd.conditioning",
    title="The condition number of the primal problem is at least the square of that of the dual",
    paper=PAPERS["gp-sgd"],
    locator="setting of the abstract; derived here",
    statement=r"K\succ0:\quad \kappa(K+sI)^2=\Big(\frac{\lambda_{\max}(K)+s}{\lambda_{\min}(K)+s}\Big)^2"
    r" \le\kappa\big(K(K+sI)\big)",
    symbols={
        n: Integers(1, sample=(2, 5)),
        s: Positive(sample=(Rational(1, 1000), 10), log=True),
        low: Observed(0, open="left"),
        high: Observed(low),
        floor: Observed(0, open="left"),
        ceiling: Observed(0, open="left"),
    },
    assumptions=[top, bottom, unit(u), unit(v), below, above],
    decides=SureBound(quantity=ratio(s) ** 2, bound=ceiling / floor),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * ceiling / floor}),
        Mutant("the cube", decides={"bound": ceiling / floor / ratio(s)}),
        Mutant(
            "45% of the noise in the dual",
            decides={"bound": ceiling / floor * (ratio(s) / ratio(9 * s / 20)) ** 2},
        ),
        Mutant("floor is any number", drop=(below.name,), by=("derivation",)),
        Mutant("low is any number", drop=(bottom.name,), by=("derivation",)),
    ],
    notes="Attained for s -> 0, and where high = low.  As log((high + s)/(low + s)) is convex in s, K + (s/2) I could "
    "stand for K + s I; with less than half of the noise it is false.",
)


@conditioning.derivation
def at_the_ends(proof):
    least, largest = proof.assume(below, v), proof.assume(above, u)
    tip, root = [proof.assume(a) for a in (top, unit(u))], [proof.assume(a) for a in (bottom, unit(v))]
    small = proof.certificate(
        Ge(low * (low + s), floor), [(1, least), (floor - low * (low + s), root[1])], using=root[:1]
    )
    large = proof.certificate(
        Ge(ceiling, high * (high + s)), [(1, largest), (high * (high + s) - ceiling, tip[1])], using=tip[:1]
    )
    gap = proof.low(high)
    # high (high + s)/(low (low + s)) - ((high + s)/(low + s))^2 = s (high + s)(high - low)/(low (low + s)^2)
    spread = proof.certificate(
        Ge(high * (high + s) / (low * (low + s)), ratio(s) ** 2),
        [(s * (high + s) / (low * (low + s) ** 2), gap)],
    )
    proof.conclude(
        proof.certificate(
            Le(ratio(s) ** 2, ceiling / floor),
            [
                (1, spread),
                (1 / floor, large),
                (high * (high + s) / (floor * low * (low + s)), small),
            ],
        )
    )


@conditioning.experiment(cases=[{}])
def random_spectra(xp, rng, case, size):
    """Eigenvalues over two decades, in some rows nearly equal; the noise far below them or far above."""
    values = log_uniform(xp, rng, (size, case.n), 1e-2, 1) + rng.bernoulli(0.25, (size, 1))
    values = log_uniform(xp, rng, (size, 1), 1e-2, 1e4) * values
    products = values * (values + case.s)
    low, high = xp.min(values, axis=-1), xp.max(values, axis=-1)
    return {
        "quantity": ((high + case.s) / (low + case.s)) ** 2,
        "low": low,
        "high": high,
        "floor": xp.min(products, axis=-1),
        "ceiling": xp.max(products, axis=-1),
    }
