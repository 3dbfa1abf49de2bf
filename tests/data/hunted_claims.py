"""Statements for `gdverify hunt`, each with a generator of instances that knows nothing of the extreme one.

``false``: printed statements that are wrong, for which the search has to find the counterexample by itself.  ``tight``:
true bounds, of which it has to find the attaining instance.  ``notes`` say where the words come from and what is known.
"""

from fractions import Fraction

import sympy as sp

from gdverify import Claim, Integers, Interval, Observed, Paper, Positive, ScalarFunction, SureBound

PAPER = Paper("hunted", "Statements to be hunted")
L, gamma, mu, R, kappa = sp.symbols("L gamma mu R kappa", positive=True)
alpha, F0, E0 = sp.symbols("alpha F0 E0", nonnegative=True)
T, n, m, l, d, k = (sp.Symbol(s, integer=True, positive=True) for s in ("T", "n", "m", "l", "d", "k"))
GAP = ScalarFunction("q")(T)


def claim(name, symbols, bound, notes, quantity=GAP, **fields):
    return Claim(
        id=f"hunted.{name}", title=name.replace("-", " "), paper=PAPER, locator="nowhere", statement=name,
        symbols=symbols, decides=SureBound(quantity, bound), notes=notes, **fields,
    )  # fmt: skip


def pieces(xp, x, begin, width, slope):
    """Gradient and value at x of the function whose second derivative is ``slope`` on consecutive pieces, else 0."""
    left = begin + xp.cumulative_sum(width, axis=-1) - width
    inside = xp.minimum(xp.maximum(x[:, None] - left, xp.asarray(0.0)), width)
    value = slope * inside * (x[:, None] - left - inside / 2)
    return xp.sum(slope * inside, axis=-1), xp.sum(value, axis=-1)


# -- tight bounds ---------------------------------------------------------------------------------------------------

huber = claim(
    "descent-on-convex-functions",
    {L: Positive(sample=(sp.Rational(1, 4), 4)), T: Integers(1, sample=(1, 20)), R: Observed(0, open="left")},
    L * R**2 / (4 * T + 2),
    "tight: attained by Huber's function with the turning point R/(2T + 1) alone",
)


@huber.experiment()
def piecewise_quadratic(xp, rng, case, size):
    start = 1 + rng.uniform((size,))
    width, slope = rng.uniform((size, 5)) * start[:, None], case.L * rng.uniform((size, 5))
    x = start
    for _ in range(case.T):
        x = x - pieces(xp, x, 0 * start[:, None], width, slope)[0] / case.L
    return {"quantity": pieces(xp, x, 0 * start[:, None], width, slope)[1], "R": start}


quadratics = claim(
    "descent-on-quadratics",
    {
        L: Interval(1, 4),
        mu: Interval(0, L / 2, open="left"),
        gamma: Interval(0, 2 / L, open="both"),
        T: Integers(1, sample=(1, 20)),
        R: Observed(0, open="left"),
    },
    sp.Max(sp.Abs(1 - gamma * mu), sp.Abs(1 - gamma * L)) ** (2 * T) * R**2,
    "tight: attained in the eigenvector of an extreme eigenvalue, mu or L",
)


@quadratics.experiment()
def dense_quadratic(xp, rng, case, size):
    basis, x = rng.haar((size, 3, 3)), rng.normal((size, 3))
    curvature = case.mu + (case.L - case.mu) * rng.uniform((size, 3))
    inner = xp.matmul(xp.matrix_transpose(basis), x[..., None])[..., 0]
    end = inner * (1 - case.gamma * curvature) ** case.T
    return {"quantity": xp.sq(xp.matmul(basis, end[..., None])[..., 0]), "R": xp.sqrt(xp.sq(x))}


# -- printed statements that are false ---------------------------------------------------------------------------------

nonconvex = claim(
    "nonconvex-descent-any-step",
    {L: Positive(sample=(1, 4)), gamma: Interval(0, 1 / L, open="left", sample=(9 / (10 * L), 1 / L)),
     n: Integers(1, sample=(1, 10)), F0: Observed(0)},
    sp.Rational(4, 3) * L / n * F0,
    "false: PEPit 0.5.1 prints 4L/(3n) for every step size up to 1/L; the worst case is "
    "4/(n gamma (4 - gamma L)), larger by at most 1.08 in this window",
    ScalarFunction("q")(n),
)  # fmt: skip


@nonconvex.experiment()
def any_slopes(xp, rng, case, size):
    begin, width = rng.uniform((size, 1), -4, 0), rng.uniform((size, 6)) * 2
    slope, tilt = case.L * rng.uniform((size, 6), -1, 1), rng.uniform((size,), -2, 2)
    x, least, first = 0 * tilt, None, None
    for step in range(case.n + 1):
        gradient, value = pieces(xp, x, begin, width, slope)
        gradient, value = gradient + tilt, value + tilt * x
        first = value if first is None else first
        least = gradient**2 if least is None else xp.minimum(least, gradient**2)
        if step < case.n:
            x = x - case.gamma * gradient
    return {"quantity": least, "F0": xp.maximum(first - value, xp.asarray(0.0))}


triple = claim(
    "triple-momentum-one-step-more",
    {L: Positive(sample=(1, 4)), kappa: Interval(1, None, open="left", sample=(50, 100)),
     n: Integers(1, sample=(1, 12)), R: Observed(0, open="left")},
    (1 - 1 / sp.sqrt(kappa)) ** (2 * (n + 1)) * L * kappa * R**2 / 2,
    "false: PEPit 0.5.1 prints the exponent 2(n + 1); 2n is right and attained by the quadratic with curvature L",
    ScalarFunction("q")(n),
)  # fmt: skip


@triple.experiment()
def diagonal_quadratic(xp, rng, case, size):
    x, curvature = rng.normal((size, 3)), case.L * (1 / case.kappa + (1 - 1 / case.kappa) * rng.uniform((size, 3)))
    rho = 1 - 1 / xp.sqrt(xp.asarray(case.kappa))
    before = now = x
    for _ in range(case.n):
        y = now + rho**2 / ((1 + rho) * (2 - rho)) * (now - before)
        after = now + rho**2 / (2 - rho) * (now - before) - (1 + rho) / case.L * curvature * y
        before, now = now, after
    end = now + rho**2 / (1 - rho**2) * (now - before)
    return {"quantity": xp.sum(curvature * end**2, axis=-1) / 2, "R": xp.sqrt(xp.sq(x))}


root = claim(
    "square-root-of-rho",
    {
        d: Integers(1, sample=(1, 64)),
        k: Integers(1, sample=(1, 200)),
        F0: Observed(0),
        E0: Observed(0),
        alpha: Observed(0),
    },
    (1 - alpha) ** k * (F0 + E0),
    "false: the first version of arXiv:2404.02378 claims a rate with sqrt(mu/(rho L)); refuted where the gradient is "
    "spread evenly over many coordinates",
    ScalarFunction("q")(k),
)


@root.experiment()
def coordinate_sampling(xp, rng, case, size):
    """E f after k steps of SGD, exactly, where coordinate i is drawn with probability p_i; E0 is (mu/2)|w^0 - w*|^2."""
    weights = 0.05 + rng.uniform((size, case.d))
    p = weights / xp.sum(weights, axis=-1, keepdims=True)
    h, x = 0.05 + rng.uniform((size, case.d)), rng.normal((size, case.d))
    top, low, rho = xp.max(h, axis=-1), xp.min(h, axis=-1), xp.max(1 / p, axis=-1)
    shrink = h / (p * (rho * top)[:, None])
    factor = 1 - p + p * (1 - shrink) ** 2
    loss = lambda square: xp.sum(h * square, axis=-1) / 2
    rows = {"F0": loss(x**2), "E0": low * xp.sq(x) / 2, "alpha": xp.sqrt(low / (rho * top))}
    return {"quantity": loss(x**2 * factor**case.k), **rows}


printed = claim(
    "smallest-singular-value",
    {n: Integers(2, sample=(4, 64)), m: Integers(1, n - 1), l: Integers(1, sample=(1, 150)), alpha: Observed(0)},
    2 * (1 - 2 * alpha / 3) ** l,
    "false: Theorem 1 of arXiv:2106.03970 with alpha bounding the smallest singular value, as printed, in the limit of "
    "infinite width, where a layer is a deterministic map of the spectrum",
    ScalarFunction("q")(l),
)


@printed.experiment(samples={"smoke": 256}, block=256)
def spectrum_on_two_levels(xp, rng, case, size):
    """V after l layers from m eigenvalues on one level and n - m on another.

    A layer maps the upper level's share of the trace to E u/(u + q(1 - u)) with u of law Beta(m/2, (n - m)/2) and
    q = low/high, a power series in 1 - q with positive coefficients; cut short, it gives less (for m >= n/2, where
    the upper level has most of the trace at rest too, the share stays above m/n in any case).
    """
    high, low = 1 + rng.uniform((size,)), rng.uniform((size,))
    share = case.m * high / (case.m * high + (case.n - case.m) * low)
    terms = []
    a, b = Fraction(int(case.m), 2), Fraction(int(case.n - case.m), 2)
    term = a / (a + b)
    for j in range(60):
        terms.append(xp.number(term))
        term = term * (b + j) / (a + b + 1 + j)
    rest = xp.number(Fraction(int(case.m), int(case.n)))
    level = lambda share: (1 - share) / (case.n - case.m)
    smallest = level(share)
    for _ in range(case.l):
        q = (level(share) * case.m) / share
        series = 0 * share
        for c in reversed(terms):
            series = series * (1 - q) + c
        share = xp.maximum(series, rest)
    away = share - rest
    spread = away**2 * (xp.number(Fraction(1, int(case.m))) + xp.number(Fraction(1, int(case.n - case.m))))
    return {"quantity": xp.sqrt(spread), "alpha": xp.sqrt(smallest)}
