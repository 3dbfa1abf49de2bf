"""AdaGrad-Norm without noise: the mean squared gradient is O(1/T), whatever the step (after Attia and Koren 2023).

For f beta-smooth, convex or not, bounded below, Delta = f(x_0) - f_low, and any eta, b_0 > 0,

    b_{t+1}^2 = b_t^2 + |grad f(x_t)|^2,    x_{t+1} = x_t - (eta/b_{t+1}) grad f(x_t):

    (1/T) sum over t < T of |grad f(x_t)|^2  <=  (B^2 - b_0^2)/T,
    B = 2 b_0 + 2 Delta/eta + 2 beta eta (log(2 beta eta/b_0) - 1).

The method knows neither beta nor Delta.

Reference: arXiv:2302.08783, which treats noise with high probability; its theorems were not read.  This is the case
without noise, with the constants that are derived here.
"""

from sympy import Ge, Le, Rational, Sum

from gdverify import Claim, Mutant, SureBound, sq
from theorems import PAPERS
from theorems.convergence.adagrad import (
    Delta,
    T,
    accumulate,
    b,
    b_0,
    beta,
    bounded,
    ceiling,
    eta,
    f,
    j,
    landscape,
    move,
    positive,
    regime,
    setting,
    x,
)

gradient = lambda s: f.grad(x(s))
grow, step = accumulate(gradient), move(gradient)
B = ceiling(eta, 2 * beta * eta)
total = Sum(sq(gradient(j)), (j, 0, T - 1)) / T

deterministic = Claim(
    id="adagrad-norm.deterministic-sure",
    title="AdaGrad-Norm without noise: the mean squared gradient is O(1/T) for every step size",
    paper=PAPERS["adagrad-norm"],
    locator="the case without noise; constants derived here",
    statement=r"f\ \beta\text{-smooth},\ f\ge f_{\text{low}},\ \eta,b_0>0:\quad"
    r" \frac1T\sum_{t<T}\|\nabla f(x_t)\|^2 \le \frac{B^2-b_0^2}{T},\ "
    r" B = 2b_0+\frac{2\Delta}{\eta}+2\beta\eta\Big(\ln\frac{2\beta\eta}{b_0}-1\Big)",
    symbols=regime,
    assumptions=[*setting, grow, step],
    decides=SureBound(quantity=total, bound=(B**2 - b_0**2) / T),
    mutants=[
        Mutant(
            "three tenths of the bound",
            decides={"bound": Rational(3, 10) * (B**2 - b_0**2) / T},
            cases=({"family": "near", "dimension": 1, "beta": 1, "eta": 1, "b_0": 2, "T": 60},),
        ),
        Mutant(
            "no logarithm",
            decides={"bound": ((2 * b_0 + 2 * Delta / eta) ** 2 - b_0**2) / T},
            cases=({"family": "far", "dimension": 1, "beta": 100, "eta": 10, "b_0": Rational(1, 100), "T": 60},),
        ),
        Mutant(
            "beta eta in place of 2 beta eta",
            decides={"bound": (ceiling(eta, beta * eta) ** 2 - b_0**2) / T},
            cases=({"family": "far", "dimension": 1, "beta": 100, "eta": 10, "b_0": Rational(1, 100), "T": 60},),
            by=("derivation",),
        ),
        Mutant("f need not be smooth", drop=("f is beta-smooth",), by=("derivation",)),
        Mutant("f need not be bounded below", drop=("f is bounded below",), by=("derivation",)),
    ],
    notes="At beta eta = b_0/2 small quadratics come within a factor 3, and b_T <= B is exact in the limit Delta = 0.",
)


def mean_square(proof):
    """(B^2 - b_0^2)/T >= the mean squared gradient, and B >= b_T."""
    k = proof.index("k")
    positive(proof, grow, k)
    slope, fast, slow = sq(gradient(k)), eta / b(k + 1), beta * eta**2 / 2 / b(k + 1) ** 2
    fall = proof.certificate(
        Ge(f(x(k)) - f(x(k + 1)), fast * slope - slow * slope),
        [(1, proof.assume(setting[0], x(k), x(k + 1)))],
        using=[proof.assume(step, k)],
    )
    top, growth = bounded(proof, grow, gradient, k, fall, eta, beta * eta**2 / 2)
    squared = proof.power(top, 2)
    below = proof.certificate(
        Le(total, (B**2 - b_0**2) / T), [(1 / T, squared), (1 / T, growth)], using=[proof.assume(setting[3])]
    )
    return below, top


@deterministic.derivation
def norms(proof):
    proof.conclude(mean_square(proof)[0])


@deterministic.experiment(
    cases=[
        {"family": "any", "dimension": 1},
        {"family": "any", "dimension": 4},
        {"family": "sawtooth", "dimension": 1},
        {"family": "near", "dimension": 1},
        {"family": "far", "dimension": 1},
    ]
)
def paths(xp, rng, case, size):
    F, point, low = landscape(xp, rng, case, size)
    gap, norm = F.value(point) - low, case.b_0 + xp.zeros((size,))
    path, summed = [point], 0 * norm
    for _ in range(case.T):
        slope = F.grad(point)
        summed = summed + xp.sq(slope)
        norm = xp.sqrt(norm * norm + xp.sq(slope))
        point = point - (case.eta / norm)[:, None] * slope
        path = [*path, point][:3]
    return {"quantity": summed / case.T, "Delta": gap, "f_low": low, "instance": {f: F, x: path}}
