"""Shrinking a gradient by its signal to noise (on "Accelerating Large Batch Training via Gradient Signal to Noise").

A coordinate of the per-sample gradient has mean m and variance s^2, r = m^2/s^2 is its signal to noise, gbar_B the mean
over a batch of B.  Of all multiples of gbar_B, k gbar_B with k = B r/(1 + B r) is nearest to m in mean square, and

    E(k gbar_B - m)^2  =  m^2/(1 + B r)  <  s^2/B  =  E(gbar_B - m)^2.

Two independent batches of n, one to step on and one to test with, have E[gbar gbar'] = (r/(r + 1/n)) E[gbar^2].
Setting of the abstract; stated and proved here.
"""

from sympy import Eq, Function, Rational, symbols

from gdverify import Assumption, Claim, Integers, Mean, MeanEquals, Mutant, Positive
from theorems import PAPERS

m, s, r = symbols("m s r", positive=True)
k = symbols("k", real=True)
B = symbols("B", integer=True, positive=True)
gbar = Function("gbar")  # means over batches 0 and 1
same = lambda left, right: Eq(left, right, evaluate=False)
batches = Assumption(
    "gbar are means over independent batches of B gradients with mean m and variance s^2",
    lambda: [
        same(Mean(gbar(0)), m),
        same(Mean(gbar(0) ** 2), m**2 + s**2 / B),
        same(Mean(gbar(0) * gbar(1)), m**2),
    ],
    key=("batch means", m, s, B),
)
regime = {
    m: Positive(sample=(Rational(1, 4), 4)),
    s: Positive(sample=(m / 2, 2 * m)),
    B: Integers(1, sample=(1, 32)),
}
FAMILIES = [{"family": name} for name in ("gaussian", "signs")]


def batch_mean(xp, rng, case, size):
    """The mean of a batch of Gaussian or two-valued gradients."""
    noise = rng.signs((size, case.B)) if case.family == "signs" else rng.normal((size, case.B))
    return case.m + case.s * xp.mean(noise, axis=-1)


# -- shrinkage --------------------------------------------------------------------------------------------------------

shrinkage = Claim(
    id="vrgd-gsnr.optimal-shrinkage",
    title="A batch gradient shrunk by its signal to noise misses the mean by m^2/(1 + B r)",
    paper=PAPERS["vrgd-gsnr"],
    locator="setting of the abstract; derived here",
    statement=r"k=\tfrac{Br}{1+Br},\ r=\tfrac{m^2}{s^2}:\quad \mathbb{E}(k\bar g_B-m)^2 = \frac{m^2}{1+Br}",
    symbols=regime,
    defines={r: m**2 / s**2, k: B * r / (1 + B * r)},
    assumptions=[batches],
    decides=MeanEquals(quantity=(k * gbar(0) - m) ** 2, bound=m**2 / (1 + B * r)),
    mutants=[
        Mutant(
            "the signal to noise of one sample",
            defines={k: r / (1 + r)},
            cases=({"family": "gaussian", "B": 16, "m": 1, "s": 1},),
        ),
        Mutant(
            "without shrinkage",
            defines={k: 1 + 0 * r},
            cases=({"family": "gaussian", "B": 1, "m": 1, "s": 1},),
        ),
        Mutant("8% less", decides={"bound": 23 * m**2 / (25 * (1 + B * r))}),
        Mutant("batches of any law", drop=(batches.name,), by=("derivation",)),
    ],
    notes="That no other multiple is nearer follows from the same expansion, a quadratic in k.",
)


@shrinkage.derivation
def expand(proof):
    centre, power, _ = proof.assume(batches)
    definitions = [proof.definition(k), proof.definition(r)]
    proof.certificate((r, ">", 0), [(1, proof.sign(m**2 / s**2))], using=definitions[1:])
    whole = proof.mean(proof.identity((k * gbar(0) - m) ** 2, k**2 * gbar(0) ** 2 - 2 * k * m * gbar(0) + m**2))
    value = proof.certificate(
        same(Mean((k * gbar(0) - m) ** 2), k**2 * (m**2 + s**2 / B) - 2 * k * m**2 + m**2),
        [(1, whole), (k**2, power), (-2 * k * m, centre)],
    )
    proof.conclude(
        proof.certificate(same(Mean((k * gbar(0) - m) ** 2), m**2 / (1 + B * r)), [(1, value)], using=definitions)
    )


@shrinkage.experiment(cases=FAMILIES, samples={"smoke": 250_000, "standard": 1_000_000, "full": 50_000_000})
def shrunk(xp, rng, case, size):
    return {"quantity": (case.k * batch_mean(xp, rng, case, size) - case.m) ** 2}


# -- generalisation ---------------------------------------------------------------------------------------------------

ratio = Claim(
    id="vrgd-gsnr.one-step-generalisation-ratio",
    title="To first order a step gains r/(r + 1/B) of its training decrease on an independent batch",
    paper=PAPERS["vrgd-gsnr"],
    locator="setting of the abstract; derived here",
    statement=r"\Big(1+\tfrac{1}{Br}\Big)\,\mathbb{E}[\bar g\,\bar g'] = \mathbb{E}[\bar g^2] = m^2+\tfrac{s^2}{B}",
    symbols=regime,
    defines={r: m**2 / s**2},
    assumptions=[batches],
    decides=MeanEquals(quantity=(1 + 1 / (B * r)) * gbar(0) * gbar(1), bound=m**2 + s**2 / B),
    mutants=[
        Mutant(
            "the square root of B",
            decides={"bound": m**2 + s**2 / B ** Rational(1, 2)},
            cases=({"family": "gaussian", "B": 16, "m": 1, "s": 2},),
        ),
        Mutant(
            "one sample for B",
            decides={"bound": m**2 + s**2},
            cases=({"family": "gaussian", "B": 16, "m": 1, "s": 1},),
        ),
        Mutant("the batches may depend on one another", drop=(batches.name,), by=("derivation",)),
    ],
    notes="Written as an equality of means: the expected decrease on the test batch, times 1 + 1/(B r), is that on the "
    "training batch.",
)


@ratio.derivation
def factor(proof):
    _, _, product = proof.assume(batches)
    definition = proof.definition(r)
    proof.certificate((r, ">", 0), [(1, proof.sign(m**2 / s**2))], using=[definition])
    plain = proof.certificate(
        same(Mean((1 + 1 / (B * r)) * gbar(0) * gbar(1)), (1 + 1 / (B * r)) * m**2), [(1 + 1 / (B * r), product)]
    )
    proof.conclude(
        proof.certificate(
            same(Mean((1 + 1 / (B * r)) * gbar(0) * gbar(1)), m**2 + s**2 / B), [(1, plain)], using=[definition]
        )
    )


@ratio.experiment(cases=FAMILIES, samples={"smoke": 1_500_000, "standard": 2_000_000, "full": 50_000_000})
def two_batches(xp, rng, case, size):
    first, second = batch_mean(xp, rng, case, size), batch_mean(xp, rng, case, size)
    return {"quantity": (1 + 1 / (case.B * case.r)) * first * second}
