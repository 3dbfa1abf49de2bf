"""Newton's method on growing samples (on Daneshmand, Lucchi and Hofmann 2016, "DynaNewton").

The regularised risk on n samples is f_n(w) = R_n(w) + (c/(2n)) |w|^2, R_n convex.  With m - n more samples, of risk
R_new, R_m = (n/m) R_n + ((m - n)/m) R_new, and the regularisation cancels exactly:

    grad f_m(w)  =  (n/m) grad f_n(w) + ((m - n)/m) grad R_new(w).

If the Hessian of R_m is M-Lipschitz, one Newton step on f_m from any w gives, with mu = c/m,

    |grad f_m(w+)|  <=  (M/(2 mu^2)) |grad f_m(w)|^2,

that is q(w+) <= q(w)^2 for q = M |grad f_m|/(2 mu^2).  From the minimiser w_n of f_n, with V = |grad R_new(w_n)|,

    |grad f_m(w+)|  <=  (M/(2 mu^2)) ((m - n) V/m)^2.

Setting of the abstract; the statements, with a Lipschitz Hessian in place of self-concordance, are derived here.
"""

from sympy import Eq, Ge, Le, Rational, symbols

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Mutant,
    Observed,
    Positive,
    ScalarFunction,
    SureBound,
    Vector,
    sq,
)
from gdverify.instances import log_uniform
from gdverify.laws import equation, inequality
from theorems import PAPERS

n, m = symbols("n m", integer=True, positive=True)
c, M = symbols("c M", positive=True)
G, V = symbols("G V", nonnegative=True)
old, new, both = ScalarFunction("R_n"), ScalarFunction("R_new"), ScalarFunction("R_m")
w, s, bent = Vector("w"), Vector("s"), Vector("Hs")  # the point, the Newton step, the Hessian of R_m at w times s
mu, share = c / m, (m - n) / m
grad = lambda z: both.grad(z) + mu * z  # of f_m

same = lambda left, right: Eq(left, right, evaluate=False)
convex = inequality("R_m is convex", Ge(Inner(s, bent), 0, evaluate=False), r"\nabla^2R_m(w)\succeq0")
newton = Assumption(
    "s is the Newton step on f_m",
    lambda: same(bent, -grad(w) - mu * s),
    latex=r"(\nabla^2R_m(w)+\mu I)s=-\nabla f_m(w)",
    key=("newton",),
)
lipschitz = inequality(
    "the Hessian of R_m is M-Lipschitz",
    Ge((M / 2 * sq(s)) ** 2, sq(both.grad(w + s) - both.grad(w) - bent), evaluate=False),
    r"\|\nabla R_m(w+s)-\nabla R_m(w)-\nabla^2R_m(w)s\|\le\tfrac M2\|s\|^2",
)
sizes = {
    n: Integers(1, sample=(1, 100)),
    m: Integers(n, sample=(n + 1, 3 * n)),
    c: Positive(sample=(Rational(1, 10), 10)),
    M: Positive(sample=(Rational(1, 10), 10)),
}

# -- one Newton step --------------------------------------------------------------------------------------------------

length = equation("G = |grad f_m(w)|", sq(grad(w)), G**2)
quadratic = Claim(
    id="dynanewton.quadratic-step",
    title="One Newton step squares the scaled gradient",
    paper=PAPERS["dynanewton"],
    locator="Newton's method with the regularisation c/m; constants derived here",
    statement=r"\mu=\tfrac cm:\quad \|\nabla f_m(w^+)\|\le\frac M{2\mu^2}\|\nabla f_m(w)\|^2",
    symbols={**sizes, G: Observed(0)},
    assumptions=[convex, newton, lipschitz, length],
    decides=SureBound(quantity=sq(grad(w + s)), bound=(M / (2 * mu**2) * G**2) ** 2),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(98, 100) * (M / (2 * mu**2) * G**2) ** 2}),
        Mutant("M/3 for M/2", decides={"bound": (M / (3 * mu**2) * G**2) ** 2}),
        Mutant("R_m need not be convex", drop=(convex.name,), by=("derivation",)),
        Mutant("any Hessian", drop=(lipschitz.name,), by=("derivation",)),
    ],
    notes="Attained by f_m(w) = G w + mu w^2/2 + M |w|^3/6 from w = 0.",
)


def squared(proof, size, value):
    """(M/(2 mu^2))^2 size^2 >= |grad f_m(w + s)|^2, from |grad f_m(w)|^2 == value and mu |s| <= |grad f_m(w)|."""
    step = [proof.assume(newton)]
    short = proof.certificate(
        Ge(size / mu**2, sq(s)),
        [(-1 / mu**2, value), (2 / mu, proof.assume(convex))],
        [(1 / mu**2, grad(w) + mu * s)],
        using=step,
    )
    return proof.certificate(
        Ge((M / 2) ** 2 * (size / mu**2) ** 2, sq(grad(w + s))),
        [((M / 2) ** 2, proof.power(short, 2)), (1, proof.assume(lipschitz))],
        using=step,
    )


@quadratic.derivation
def short_step(proof):
    end = squared(proof, G**2, proof.assume(length))
    proof.conclude(proof.certificate(Le(sq(grad(w + s)), quadratic.decides.bound), [(1, end)]))


class Cubic:
    """<lean, z> + sum_j (h_j u_j^2/2 + k_j |u_j|^3/6), u = z - base."""

    def __init__(self, xp, lean, base, h, k):
        self.xp, self.lean, self.base, self.h, self.k = xp, lean, base, h, k

    def grad(self, z):
        u = z - self.base
        return self.lean + self.h * u + self.k * u * self.xp.abs(u) / 2


def risks(xp, rng, case, size):
    """(R_n, R_new, w, share of the new samples); half of the rows are without curvature and of full bend."""
    shape = (size, case.dimension)
    extreme = rng.bernoulli(0.5, (size, 1))
    share = (case.m - case.n) / xp.asarray(float(case.m))
    here = rng.normal(shape)
    curvature = lambda: (1 - extreme) * log_uniform(xp, rng, shape, 1e-3, 10) * case.c / case.m
    bend = case.M * (extreme + (1 - extreme) * rng.uniform(shape))
    first = xp.astype(xp.arange(case.dimension) == 0, xp.float64)
    pull = log_uniform(xp, rng, (size, 1), 0.1, 1e2) * (extreme * first + (1 - extreme) * rng.sphere(shape))
    old = Cubic(xp, -case.c / case.n * here, here, curvature(), bend)
    return old, Cubic(xp, pull, here, curvature(), bend), here, share


def newton_step(xp, case, old, new, here, share):
    """|grad f_m| before and after a Newton step from w."""
    mu = case.c / case.m
    slope = lambda z: (1 - share) * old.grad(z) + share * new.grad(z) + mu * z
    g = slope(here)
    moved = here - g / ((1 - share) * old.h + share * new.h + mu)
    return g, slope(moved)


@quadratic.experiment(cases=[{"dimension": 1}, {"dimension": 4}], samples={"smoke": 1024, "standard": 50_000})
def cubics(xp, rng, case, size):
    old, new, here, share = risks(xp, rng, case, size)
    old.lean = old.lean + rng.bernoulli(0.5, (size, 1)) * new.lean
    before, after = newton_step(xp, case, old, new, here, share)
    return {"quantity": xp.sq(after), "G": xp.sqrt(xp.sq(before))}


# -- from the smaller sample's minimiser ------------------------------------------------------------------------------

minimised = Assumption("w minimises f_n", lambda v: same(Inner(old.grad(w) + c / n * w, v), 0), key=("minimises",))
mixture = Assumption(
    "R_m = (n/m) R_n + ((m - n)/m) R_new",
    lambda z: same(both.grad(z), (1 - share) * old.grad(z) + share * new.grad(z)),
    key=("mixture",),
)
size_new = equation("V = |grad R_new(w)|", sq(new.grad(w)), V**2)

continuation = Claim(
    id="dynanewton.continuation",
    title="One Newton step from the minimiser on a part of the sample",
    paper=PAPERS["dynanewton"],
    locator="setting of the abstract; statement and constants derived here",
    statement=r"\nabla f_n(w)=0,\ \mu=\tfrac cm,\ V=\|\nabla R_{\text{new}}(w)\|:\quad"
    r" \|\nabla f_m(w^+)\|\le\frac M{2\mu^2}\Big(\frac{m-n}mV\Big)^2",
    symbols={**sizes, V: Observed(0)},
    assumptions=[minimised, mixture, convex, newton, lipschitz, size_new],
    decides=SureBound(quantity=sq(grad(w + s)), bound=(M / (2 * mu**2) * (share * V) ** 2) ** 2),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(98, 100) * (M / (2 * mu**2) * (share * V) ** 2) ** 2}),
        Mutant("the regularisation of n", decides={"bound": (M * n**2 / (2 * c**2) * (share * V) ** 2) ** 2}),
        Mutant("the cube of the share", decides={"bound": (M / (2 * mu**2) * share**3 * V**2) ** 2}),
        Mutant("w is any point", drop=(minimised.name,), by=("derivation",)),
    ],
    notes="The regularisation c/n makes the gradient at w exactly (m - n)/m times that of the new samples' risk.",
)


@continuation.derivation
def split_gradient(proof):
    parts = proof.assume(mixture, w)
    value = proof.certificate(
        same(sq(grad(w)), (share * V) ** 2),
        [
            (n**2 / m**2, proof.assume(minimised, old.grad(w) + c / n * w)),
            (2 * share * n / m, proof.assume(minimised, new.grad(w))),
            (share**2, proof.assume(size_new)),
        ],
        using=[parts],
    )
    end = squared(proof, (share * V) ** 2, value)
    proof.conclude(proof.certificate(Le(sq(grad(w + s)), continuation.decides.bound), [(1, end)]))


@continuation.experiment(cases=[{"dimension": 1}, {"dimension": 4}], samples={"smoke": 1024, "standard": 50_000})
def minimisers_on_a_part(xp, rng, case, size):
    old, new, here, share = risks(xp, rng, case, size)
    _, after = newton_step(xp, case, old, new, here, share)
    return {"quantity": xp.sq(after), "V": xp.sqrt(xp.sq(new.lean))}
