"""Underdamped Langevin dynamics forgets its start at the rate of the log-Sobolev constant (after Ma et al. 2019).

    dx = v dt,   dv = -grad U(x) dt - 2 v dt + 2 dB,      target p* ~ exp(-U(x) - |v|^2/2).

For -I <= Hess U <= I (U need not be convex) and a log-Sobolev inequality KL(p|p*) <= E_p|u|^2/(2 rho), 0 < rho <= 1,
with u = grad log(p/p*) = (a, b) in position and velocity, the functional

    Lyap(p) = KL(p|p*) + E_p (|a|^2 + 2<a, b> + |b|^2)/4       obeys      d Lyap/dt <= -(rho/4) Lyap,

hence KL(p_t|p*) <= exp(-rho t/4) Lyap(p_0).  KL alone obeys no such inequality: its derivative -2 E|b|^2 may vanish.

Reference: arXiv:1902.00996.  The functional is the paper's construction; the matrix and the constants are derived here.
"""

from sympy import Ge, Le, Rational, symbols

from gdverify import Assumption, Claim, Inner, Interval, Mean, Mutant, Observed, SureBound, Vector, sq
from gdverify.laws import equation, inequality
from theorems import PAPERS

rho = symbols("rho", positive=True)
entropy = symbols("entropy", nonnegative=True)
change, cross, weight, lyap = symbols("change cross weight lyap", real=True)
a, b, Hb = Vector("a"), Vector("b"), Vector("Hb")

log_sobolev = inequality(
    "p* satisfies a log-Sobolev inequality with constant rho",
    Ge(Mean(sq(a) + sq(b)) / (2 * rho), entropy, evaluate=False),
)
functional = equation(
    "lyap is KL + E<u, S u>", entropy + Mean(weight * (sq(a) + sq(b)) + 2 * cross * Inner(a, b)), lyap
)
bounded_hessian = Assumption(
    "-I <= Hess U <= I, and Hb is Hess U b",
    lambda: [
        Ge(sq(b), sq(Hb), evaluate=False),
        Ge(Inner(b, Hb) + sq(b), 0, evaluate=False),
    ],
    key=("hessian",),
)

lyapunov = Claim(
    id="nesterov-analog-mcmc.lyapunov-contraction",
    title="A functional of the law of underdamped Langevin dynamics decays at a quarter of the log-Sobolev constant",
    paper=PAPERS["nesterov-analog-mcmc"],
    locator="abstract (Lyapunov functional of KL and a quadratic form); matrix and constants derived here",
    statement=r"-I\preceq\nabla^2U\preceq I,\ \mathrm{KL}(p|p^*)\le\tfrac{1}{2\rho}\mathbb "
    r"E_p|\nabla\log\tfrac{p}{p^*}|^2,"
    r"\ \rho\le1:\quad \tfrac{d}{dt}\mathcal L(p_t)\le-\tfrac{\rho}{4}\mathcal L(p_t)",
    symbols={
        rho: Interval(0, 1, open="left", sample=(Rational(1, 1000), 1)),
        entropy: Observed(0),
        lyap: Observed(),
        change: Observed(),
    },
    defines={weight: Rational(1, 4), cross: Rational(1, 4)},
    assumptions=[log_sobolev, functional, bounded_hessian],
    decides=SureBound(quantity=change, bound=-rho * lyap / 4),
    mutants=[
        Mutant("the rate 3 rho/4", decides={"bound": -3 * rho * lyap / 4}),
        Mutant("the rate rho, that of overdamped dynamics", decides={"bound": -rho * lyap}),
        Mutant("the quadratic form with the other sign of <a, b>", defines={cross: -Rational(1, 4)}),
        Mutant("KL alone", defines={weight: 0, cross: 0}),
        Mutant("no log-Sobolev inequality", drop=(log_sobolev.name,), by=("derivation",)),
        Mutant("any Hessian", drop=(bounded_hessian.name,), by=("derivation",)),
    ],
    notes="The exact rate is at least 0.58 rho on the Gaussian laws of the experiment (quadratic U in one dimension, "
    "where the Hessian is positive); no law with a non-convex U is drawn.",
)


@lyapunov.derivation
def hypocoercivity(proof):
    four, off = proof.definition(weight), proof.definition(cross)
    small, above = proof.assume(bounded_hessian)
    # d KL/dt = -2 E|b|^2;
    # with K = [[0, H], [-I, -2I]]: d E<u, S u>/dt = E<u, (S K + K^T S) u> - 4 E tr(D_v u S D_v u^T)
    form = (
        -2 * weight * Inner(a, b) - 4 * weight * sq(b) + 2 * weight * Inner(a, Hb)
        - 2 * cross * sq(a) - 4 * cross * Inner(a, b) + 2 * cross * Inner(b, Hb)
    )  # fmt: skip
    moved = proof.cite(
        "the derivative of the functional along the Fokker-Planck equation, its last term dropped (S >= 0)",
        Le(change, Mean(-2 * sq(b) + form)),
        "Villani, Hypocoercivity, Memoirs of the AMS 950, 2009, Section 6 (Theorem 28)",
        uses=[four, off],
    )
    # <u, M(H) u> - <u, (S + I/2) u>/4 >= 0
    pointwise = proof.certificate(
        Ge(2 * sq(b) - form, (sq(a) + sq(b)) / 8 + (sq(a) + 2 * Inner(a, b) + sq(b)) / 16),
        [(Rational(1, 5), small), (Rational(3, 5), above)],
        [(Rational(5, 16), a + Rational(11, 5) * b - Rational(4, 5) * Hb), (Rational(1, 2), b)],
        using=[four, off],
    )
    slow = proof.certificate(Ge(1 - rho, 0), [(1, proof.high(rho))])
    square = proof.mean(proof.certificate(Ge(sq(a) + 2 * Inner(a, b) + sq(b), 0), [], [(1, a + b)]))
    proof.conclude(
        proof.certificate(
            Le(change, -rho * lyap / 4),
            [
                (1, moved),
                (1, proof.mean(pointwise)),
                (rho / 4, proof.assume(log_sobolev)),
                (Rational(1, 16), proof.product(slow, square)),
                (rho / 4, proof.assume(functional)),
            ],
            using=[four, off],
        )
    )


@lyapunov.experiment(samples={"smoke": 8192, "standard": 200_000, "full": 10_000_000})
def gaussian_laws(xp, rng, case, size):
    """p = N(mean, C) and U = lam x^2/2 on the line: everything is linear algebra of 2 x 2 matrices."""
    lam = case.rho + (1 - case.rho) * rng.bernoulli(0.5, (size,)) * rng.uniform((size,))
    x, v = rng.normal((size,)), rng.normal((size,))
    xx, vv = xp.exp(rng.uniform((size,), -2, 2)) / lam, xp.exp(rng.uniform((size,), -2, 2))
    still = rng.bernoulli(0.5, (size,))  # half of the laws are only shifted
    xx, vv = still / lam + (1 - still) * xx, still + (1 - still) * vv
    xv = (1 - still) * rng.uniform((size,), -0.9, 0.9) * xp.sqrt(xx * vv)
    det = xx * vv - xv * xv
    # the motion: mean' = A mean, C' = A C + C A^T + diag(0, 4), A = [[0, 1], [-lam, -2]]
    dx, dv = v, -lam * x - 2 * v
    dxx, dxv, dvv = 2 * xv, vv - lam * xx - 2 * xv, -2 * lam * xv - 4 * vv + 4
    ddet = dxx * vv + xx * dvv - 2 * xv * dxv
    entropy = (lam * (xx + x * x) + vv + v * v - 2 - xp.log(lam * det)) / 2
    change = (lam * (dxx + 2 * x * dx) + dvv + 2 * v * dv - ddet / det) / 2
    # E u u^T = P C P - 2 P + C^{-1} + P mean mean^T P, P = diag(lam, 1)
    aa = lam**2 * (xx + x * x) - 2 * lam + vv / det
    bb = vv + v * v - 2 + xx / det
    ab = lam * (xv + x * v) - xv / det
    daa = lam**2 * (dxx + 2 * x * dx) + dvv / det - vv * ddet / det**2
    dbb = dvv + 2 * v * dv + dxx / det - xx * ddet / det**2
    dab = lam * (dxv + dx * v + x * dv) - dxv / det + xv * ddet / det**2
    w, c = case.weight, case.cross
    return {
        "quantity": change + w * (daa + dbb) + 2 * c * dab,
        "change": change + w * (daa + dbb) + 2 * c * dab,
        "entropy": entropy,
        "lyap": entropy + w * (aa + bb) + 2 * c * ab,
    }
