"""The energy distance by characteristic functions, cut off at high frequencies (Daneshmand & Bach 2022).

For laws mu, nu on the line with finite means, X, X' ~ mu and Y, Y' ~ nu independent,

    E(mu, nu) = 2 E|X - Y| - E|X - X'| - E|Y - Y'| = (1/pi) int_R |phi_mu(t) - phi_nu(t)|^2/t^2 dt,

so that it is computed from Fourier moments.  Leaving out |t| > T costs at most 8/(pi T):

    0  <=  E(mu, nu) - (2/pi) int_0^T |phi_mu - phi_nu|^2/t^2 dt  <=  8/(pi T).

|phi_mu - phi_nu|^2 = E cos t(X - X') - 2 E cos t(X - Y) + E cos t(Y - Y').

Reference: arXiv:2204.07879.  Only its first part was read: the statement about the cut is derived here.
"""

from sympy import Eq, Function, Ge, Integral, Le, Rational, Symbol, cos, oo, pi, symbols

from gdverify import Claim, Mean, Mutant, Observed, Positive, Reals, SureBound
from gdverify.domain import Domain
from gdverify.integrate import refined
from gdverify.laws import equation
from theorems import PAPERS

T, share = symbols("T share", positive=True)
energy, kept, inner, rest = symbols("energy kept inner rest", real=True)
t = Symbol("t'", real=True)  # as the integrals of a generic t are written
XX, XY, YY = (Function(name)(0) for name in ("XX", "XY", "YY"))  # the differences X - X', X - Y, Y - Y'
distance = lambda s: Mean(cos(s * XX)) - 2 * Mean(cos(s * XY)) + Mean(cos(s * YY))

tail = equation("rest is the integral beyond T", Integral(distance(t) / t**2, (t, T, oo)), rest)
cut = equation("kept is the Fourier integral up to T, inner the integral without its factor", kept, share * inner)

fourier_form = Claim(
    id="sparse-measure-recovery.fourier-form",
    title="The energy distance is computed from Fourier moments up to the frequency T with an error of 8/(pi T)",
    paper=PAPERS["sparse-measure-recovery"],
    locator="Fourier moments; the error of the cut is derived here",
    statement=r"2\mathbb E|X-Y|-\mathbb E|X-X'|-\mathbb E|Y-Y'|"
    r"-\frac1\pi\int_{-T}^{T}\frac{|\varphi_\mu-\varphi_\nu|^2}{t^2}dt\le\frac{8}{\pi T}",
    symbols={
        T: Positive(sample=(Rational(1, 2), 8)),
        energy: Observed(),
        kept: Observed(),
        inner: Observed(),
        rest: Observed(),
    },
    defines={share: 2 / pi},
    assumptions=[tail, cut],
    decides=SureBound(quantity=energy - kept, bound=8 / (pi * T)),
    mutants=[
        Mutant("9/2 instead of 8", decides={"bound": 9 / (2 * pi * T)}),
        Mutant("decay like 1/T^2", decides={"bound": 8 / (pi * T**2)}),
        Mutant("half of the Fourier integral", defines={share: 1 / pi}),
        Mutant("rest is another number", drop=(tail.name,), by=("derivation",)),
    ],
    notes="Two point masses come within a factor of 1.5.  That the difference is not negative is plain.",
)


@fourier_form.derivation
def beyond_the_cut(proof):
    form = proof.cite(
        "the energy distance is (1/pi) times the integral of |phi_mu - phi_nu|^2/t^2",
        Eq(energy, 2 * (inner + rest) / pi, evaluate=False),
        "Szekely and Rizzo, Energy statistics, Journal of Statistical Planning and Inference 143, 2013, Proposition 1",
    )
    s, u = proof.scalar("t", Domain(T, None)), proof.scalar("u", Reals())
    low = proof.nonneg_on_box(1 + cos(u), {u: (-oo, oo)})
    high = proof.nonneg_on_box(1 - cos(u), {u: (-oo, oo)})
    at = lambda fact, z: proof.mean(proof.instantiate(fact, {u: s * z}))
    small = proof.certificate(
        Ge(4 / s**2, distance(s) / s**2),
        [(1 / s**2, at(high, XX)), (2 / s**2, at(low, XY)), (1 / s**2, at(high, YY))],
    )
    value = proof.integral(4 / s**2, s, T, oo, -4 / s)
    known = proof.assume(tail)
    bound = proof.integral_bound(small, s, T, oo, exist=[value, known])
    proof.conclude(
        proof.certificate(
            Le(energy - kept, 8 / (pi * T)),
            [(2 / pi, bound), (-2 / pi, value), (2 / pi, known), (-1, form), (1, proof.assume(cut))],
            using=[proof.definition(share)],
        )
    )


@fourier_form.experiment(samples={"smoke": 512, "standard": 20_000, "full": 500_000})
def few_atoms(xp, rng, case, size):
    """Two point masses in half of the rows, else two laws of three atoms."""
    single = rng.bernoulli(0.5, (size, 1)) * xp.asarray([[0.0, 1.0, 1.0]])
    weights = [rng.uniform((size, 3), 0.1, 1) * (1 - single) for _ in range(2)]
    p, q = (w / xp.sum(w, axis=-1, keepdims=True) for w in weights)
    x, y = 4 * rng.uniform((size, 3)) / case.T**0.5, 4 * rng.uniform((size, 3)) / case.T**0.5

    def expected(h):
        """2 E h(X - Y) - E h(X - X') - E h(Y - Y')."""
        pair = lambda a, f, b, g: xp.sum(
            xp.sum(f[:, :, None] * g[:, None, :] * h(a[:, :, None] - b[:, None, :]), axis=-1), axis=-1
        )
        return 2 * pair(x, p, y, q) - pair(x, p, x, p) - pair(y, q, y, q)

    def integral(n):
        """int_0^T by Simpson's rule; (1 - cos(t z))/t^2 at t = 0 is z^2/2."""
        h = case.T / n
        total = expected(lambda z: z * z / 2)
        for k in range(1, n + 1):
            frequency = k * h
            part = expected(lambda z, f=frequency: (1 - xp.cos(f * z)) / f**2)
            total = total + (1 if k == n else 4 if k % 2 else 2) * part
        return total * h / 3

    inner, error = refined(xp, [integral(n) for n in (8, 16, 32)])
    energy, kept = expected(xp.abs), case.share * inner
    return {
        "quantity": energy - kept,
        "quantity_error": error,
        "energy": energy,
        "kept": kept,
        "inner": inner,
    }
