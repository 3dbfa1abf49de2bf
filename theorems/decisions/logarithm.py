"""A polynomial below the logarithm, so that a gambler's capital can be bounded from eight power sums.

    y - y^2/2 + y^3/3 - ... + y^7/7 - y^8/2  <=  log(1 + y),      y >= -3/4.

Their difference is 0 at y = 0 and its derivative is y^7 (3 + 4y)/(1 + y).  Used by betting-means.bounded-mean.

Reference: derived here; the betting it serves is that of I. Waudby-Smith and A. Ramdas, "Estimating means of bounded
random variables by betting", 2024.
"""

from sympy import Gt, Le, Rational, Symbol, log

from gdverify import Claim, Interval, Mutant, SureBound
from theorems import PAPERS
from theorems.decisions.ville import HALF

y = Symbol("y", real=True)


def minorant(y, c=HALF):
    return sum((-1) ** (j + 1) * y**j / j for j in range(1, 8)) - c * y**8


log_minorant = Claim(
    id="betting-means.log-minorant",
    title="A polynomial of degree eight below the logarithm of a gambler's gain",
    paper=PAPERS["betting-means"],
    locator="derived here",
    statement=r"y\ge-\tfrac34:\quad\sum_{j=1}^7\frac{(-1)^{j+1}}jy^j-\tfrac12y^8\le\log(1+y)",
    symbols={y: Interval(-Rational(3, 4), None, sample=(-Rational(3, 4), 2))},
    assumptions=[],
    decides=SureBound(quantity=minorant(y), bound=log(1 + y)),
    mutants=[
        Mutant("a third of y^8", decides={"quantity": minorant(y, Rational(1, 3))}, by=("derivation",)),
        Mutant("log(1 + y/2)", decides={"bound": log(1 + y / 2)}),
        Mutant("down to -9/10", symbols={y: Interval(-Rational(9, 10), None, sample=(-Rational(9, 10), 2))}),
    ],
    notes="With 2/5 for 1/2 it still holds; 1/2 makes the difference's derivative y^7 (3 + 4y)/(1 + y).",
)


@log_minorant.derivation
def slope(proof):
    gap = log(1 + y) - minorant(y)
    u, v = proof.scalar("u", Interval(0, None)), proof.scalar("v", Interval(0, Rational(3, 4)))
    proof.certificate(Gt(1 - v, 0), [(1, proof.high(v)), (Rational(1, 4), proof.sign(1))])
    right, left = proof.monotone(gap.subs(y, u), u), proof.monotone(gap.subs(y, -v), v)
    proof.low(y)
    fact = proof.by_cases(
        y, lambda fact: proof.instantiate(right, {u: y}), lambda fact: proof.instantiate(left, {v: -y})
    )
    proof.conclude(proof.certificate(Le(minorant(y), log(1 + y)), [(1, fact)]))


@log_minorant.experiment(cases=[{"y": -Rational(3, 4)}, {"y": 0}, {}])
def at_a_point(xp, rng, case, size):
    return {"quantity": minorant(case.y, xp.rational(1, 2)) + xp.zeros((size,))}
