"""Gradient descent lowers the sharpness of gradient flow's solution (Kreisler et al. 2023), depth 2.

Loss (xy - 1)^2/2.  Gradient flow from (x, y) conserves x^2 - y^2 and ends in (a, b) with ab = 1, where the Hessian has
the eigenvalues 0 and

    phi = a^2 + b^2        (the gradient flow sharpness of (x, y)),        phi^2 = (x^2 - y^2)^2 + 4.

A step of gradient descent with step eta and residual r = xy - 1 changes it by

    phi+^2 - phi^2  =  eta^2 r^2 (eta^2 r^2 - 2) (x^2 - y^2)^2,

so phi falls exactly where eta |r| < sqrt(2) (unless x = +-y).  Within the positive quadrant, phi <= 2 sqrt(2)/eta is
enough for that.

Reference: arXiv:2305.13064, whose theorem is about every depth; the hypothesis is recalled, the proof is ours.
"""

from sympy import Eq, Ge, Rational, sqrt, symbols

from gdverify import Claim, Identity, Interval, Mutant, Observed, Positive, SureBound
from gdverify.laws import equation
from theorems import PAPERS

eta, c, a, b, a1, b1 = symbols("eta c a b a_1 b_1", positive=True)
x, y, x1, y1 = symbols("x y x_1 y_1", real=True)
r, q = x * y - 1, x**2 - y**2
phi, phi1 = a**2 + b**2, a1**2 + b1**2
step_x = equation("step in x", x1, x - eta * r * y)
step_y = equation("step in y", y1, y - eta * r * x)
conserved = equation("gradient flow conserves x^2 - y^2", a**2 - b**2, q)
minimum = equation("and ends in a minimum", a * b, 1)
conserved1 = equation("so it does from the next point", a1**2 - b1**2, x1**2 - y1**2)
minimum1 = equation("where it also ends in a minimum", a1 * b1, 1)
setting = [step_x, step_y, conserved, minimum, conserved1, minimum1]
ends = {k: Observed(0, open="left") for k in (a, b, a1, b1)}
other = equation("step in y", y1, y + eta * r * x)

identity = Claim(
    id="gfs-sharpness.depth2-identity",
    title="What a step of gradient descent does to the sharpness of gradient flow's solution, at depth 2",
    paper=PAPERS["gfs-sharpness"],
    locator="scalar networks of depth 2; identity derived here",
    statement=r"\phi_+^2-\phi^2 = \eta^2r^2(\eta^2r^2-2)\,(x^2-y^2)^2,\qquad r=xy-1",
    symbols={eta: Positive(sample=(Rational(1, 20), 3)), x: Observed(), y: Observed(), x1: Observed(), y1: Observed()}
    | ends,
    assumptions=setting,
    decides=Identity(quantity=phi1**2 - phi**2, bound=eta**2 * r**2 * (eta**2 * r**2 - 2) * q**2),
    mutants=[
        Mutant("eta |r| against 2", decides={"bound": eta**2 * r**2 * (eta**2 * r**2 - 4) * q**2}),
        Mutant("to first order in eta^2", decides={"bound": -2 * eta**2 * r**2 * q**2}),
        Mutant("|q| for q^2", decides={"bound": eta**2 * r**2 * (eta**2 * r**2 - 2) * sqrt(q**2)}),
        Mutant("y ascends", drop=(step_y.name,), add=(other,), by=("derivation",)),
    ],
)


def squares(proof):
    """phi^2 = q^2 + 4 before and after, with q+ in terms of the step."""
    out = []
    for (u, v), p, flow, low in (((a, b), q, conserved, minimum), ((a1, b1), x1**2 - y1**2, conserved1, minimum1)):
        kept, one = proof.assume(flow), proof.assume(low)
        target = Eq((u**2 + v**2) ** 2, p**2 + 4, evaluate=False)
        out.append(proof.certificate(target, [(u**2 - v**2 + p, kept), (4 * (u * v + 1), one)]))
    before, after = out
    return before, proof.rewrite(after, proof.assume(step_x), proof.assume(step_y))


def change(proof):
    before, after = squares(proof)
    bound = eta**2 * r**2 * (eta**2 * r**2 - 2) * q**2
    return proof.certificate(Eq(phi1**2 - phi**2, bound, evaluate=False), [(1, after), (-1, before)])


@identity.derivation
def expand(proof):
    proof.conclude(change(proof))


def solution(xp, x, y):
    """Where gradient flow from (x, y) ends."""
    q = x**2 - y**2
    size = xp.sqrt(q**2 + 4)
    return xp.sqrt((size + q) / 2), xp.sqrt((size - q) / 2)


@identity.experiment(samples={"smoke": 1024})
def one_step(xp, rng, case, size):
    x, y = rng.normal((size,)), 2 * rng.normal((size,))
    r = x * y - 1
    (a, b), (a1, b1) = solution(xp, x, y), solution(xp, x - case.eta * r * y, y - case.eta * r * x)
    return {"quantity": (a1**2 + b1**2) ** 2 - (a**2 + b**2) ** 2, "x": x, "y": y}


# -- in the positive quadrant -----------------------------------------------------------------------------------------

inside = {k: Observed(0, open="left") for k in (x, y, x1, y1)}
names = {c: Interval(0, 2 * sqrt(2), open="left", sample=(Rational(1, 10), 2 * sqrt(2)))}
scale = equation("c is eta times the sharpness of gradient flow's solution", eta * phi, c)

monotone = Claim(
    id="gfs-sharpness.monotone-depth-2",
    title="At depth 2, gradient descent never raises the sharpness of gradient flow's solution",
    paper=PAPERS["gfs-sharpness"],
    locator="the main theorem at depth 2; hypothesis recalled",
    statement=r"x,y,x_+,y_+>0,\ \phi\le\frac{2\sqrt2}{\eta}:\quad \phi_+\le\phi",
    symbols={**names, eta: Observed(0, open="left"), **inside, **ends},
    assumptions=[*setting, scale],
    decides=SureBound(quantity=phi1, bound=phi),
    mutants=[
        Mutant(
            "up to 2.9/eta",
            symbols={c: Interval(0, Rational(29, 10), open="left")},
            cases=({"c": Rational(29, 10), "family": "near zero"},),
        ),
        Mutant("0.1% lower", decides={"bound": Rational(999, 1000) * phi}),
        Mutant(
            "the step may leave the quadrant",
            symbols={x1: Observed(), y1: Observed()},
            cases=({"c": 2, "family": "anywhere"},),
        ),
    ],
    notes="2 sqrt(2) cannot be raised: near (0, 0), with x != y, the residual is near -1 and phi near 2, so that phi "
    "rises where eta > sqrt(2). By induction phi falls along every trajectory that stays in the quadrant.",
)


@monotone.derivation
def residual_is_small(proof):
    x_new = proof.rewrite(proof.low(x1), proof.assume(step_x))
    y_new = proof.rewrite(proof.low(y1), proof.assume(step_y))
    for k in (x, y):
        proof.low(k)
    target = Ge(2 - eta**2 * r**2, 0, evaluate=False)

    def overshoot(case):  # xy (1 - eta^2 r^2) >= 0, since both factors stay positive
        room = proof.certificate(Ge(x * y * (1 - eta**2 * r**2), 0), [(y, x_new), (eta * y * r, y_new)])
        return proof.certificate(target, [(1 / (x * y), room)], [(1, 1)])

    def undershoot(case):  # |r| < 1 and eta <= sqrt(2), because phi >= 2
        proof.certificate(Ge(1 - r, 0), [(1, case)], [(1, 1)])
        one = proof.certificate(Ge(1 - r**2, 0), [(1 - r, proof.sign(x * y))])
        flat = proof.certificate(Ge(phi, 2), [(2, proof.assume(minimum))], [(1, a - b)])
        short = proof.certificate(
            Ge(sqrt(2) - eta, 0),
            [(eta / 2, flat), (Rational(1, 2), proof.high(c)), (-Rational(1, 2), proof.assume(scale))],
        )
        square = proof.certificate(Ge(2 - eta**2, 0), [(sqrt(2) + eta, short)])
        return proof.certificate(target, [(eta**2, one), (1, square)])

    small = proof.by_cases(r, overshoot, undershoot)
    fall = proof.certificate(Ge(phi**2, phi1**2), [(eta**2 * r**2 * q**2, small), (-1, change(proof))])
    proof.conclude(proof.power(fall, Rational(1, 2)))


@monotone.experiment(cases=[{"family": "near zero"}, {"family": "valley"}, {"family": "far"}], samples={"smoke": 1024})
def quadrant(xp, rng, case, size):
    """Near zero, near the minima, or far; where a step leaves the quadrant ("anywhere": it may), from below them."""
    low, high = {"near zero": (0.001, 0.3), "valley": (0.9, 1.1)}.get(case.family, (0.001, 3))
    product = rng.uniform((size,), low, high)
    ratio = xp.exp(rng.uniform((size,), -1.5, 1.5))

    def step(product):
        x, y = xp.sqrt(product * ratio), xp.sqrt(product / ratio)
        a, b = solution(xp, x, y)
        eta = case.c / (a**2 + b**2)
        r = x * y - 1
        return x, y, a, b, eta, x - eta * r * y, y - eta * r * x

    *_, x1, y1 = step(product)
    if case.family != "anywhere":
        product = xp.where((x1 > 0) & (y1 > 0), product, product / 3)
    x, y, a, b, eta, x1, y1 = step(product)
    a1, b1 = solution(xp, x1, y1)
    out = {"x": x, "y": y, "a": a, "b": b, "eta": eta, "x_1": x1, "y_1": y1, "a_1": a1, "b_1": b1}
    return {"quantity": a1**2 + b1**2, **out, "instance": {}}
