"""How fast the isometry gap falls on average under batch normalisation (Meterez, Joudaki et al. 2023).

X (d x d) with tr(X^T X) = d, W uniform on the orthogonal group.  By `bn-without-gradient-explosion.isometry-identity`
the gap falls by -(1/d) sum_i log a_i, where the a_i = w_i^T X X^T w_i are the squared row norms of W X, and each row
w_i of W is uniform on the sphere.  Hence

    E [phi(X) - phi(BN(W X))]  =  -E log a_1  >=  |X X^T - I|^2 / (2 d^2 (d + 2)).

Reason: log a <= a - 1 - (a - 1)^2/(4d) for 0 < a <= d, and E a = 1, E (a - 1)^2 = 2 |X X^T - I|^2/(d (d + 2)).

Reference: arXiv:2310.02012, Theorem 1; the one-step bound is derived here.
"""

from sympy import Function, Ge, Gt, Integer, Le, MatrixSymbol, Symbol, Trace, exp, log

from gdverify import Claim, Domain, Integers, Mean, MeanBound, Mutant, Observed, Reals
from gdverify.laws import constant, equation, sphere
from theorems import PAPERS

d = Symbol("d", integer=True, positive=True)
v = Symbol("v", real=True)
X, w = MatrixSymbol("X", d, d), MatrixSymbol("w", d, 1)
r = Function("r")(1)
row = sphere(w)
a = Trace(w.T * X * X.T * w)
unit = equation("a row of W has length one", Trace(w.T * w), 1)
scale = equation("the rows of X have the mean squared norm one", Trace(X * X.T), d)
norm = equation("a = exp(r) is the squared norm of a row of W X", exp(r), a)
distance = equation("v is the squared distance of X X^T from I", v, Trace(X * X.T * X * X.T) - d)

one_step = Claim(
    id="bn-without-gradient-explosion.exponential-decay-step",
    title="One layer of batch normalisation with orthogonal weights lowers the mean isometry gap",
    paper=PAPERS["bn-without-gradient-explosion"],
    locator="one step of Theorem 1, with a constant derived here",
    statement=r"\mathbb E\bigl[\phi(\mathrm{BN}(WX))-\phi(X)\bigr]=\mathbb E\log a_1"
    r"\le-\frac{|XX^\top-I|^2}{2d^2(d+2)}",
    symbols={d: Integers(1, sample=(2, 6)), v: Observed(0)},
    assumptions=[row, unit, scale, norm, distance, constant(X)],
    decides=MeanBound(quantity=r, bound=-v / (2 * d**2 * (d + 2)), nonnegative=False),
    mutants=[
        Mutant("five times as fast", decides={"bound": -5 * v / (d**2 * (d + 2))}, cases=({"d": 2, "spread": 1},)),
        Mutant("no dependence on the width", decides={"bound": -v / 6}, cases=({"d": 6, "spread": 1},)),
        Mutant("X of any scale", drop=(scale.name,), cases=({"d": 2, "spread": 1, "scale": 2},)),
        Mutant("a row of any direction", drop=(row.name,), by=("derivation",)),
    ],
    notes="Near isometry E log a = -|X X^T - I|^2/(d (d + 2)) (1 + o(1)): the bound is loose by 2 d, and the "
    "mean gap falls by the factor d/(d + 2). Theorem 1 follows with |X X^T - I|^2 >= u/(4 (1 + u)), u = d phi(X).",
)


@one_step.derivation
def concavity(proof):
    z, y = proof.scalar("z", Reals()), proof.scalar("y", Domain(None, log(d)))
    line = proof.tangent(exp(z), z, 0)
    top = proof.high(y)
    below = proof.certificate(Ge(d - exp(y), 0), [(exp(y), proof.instantiate(line, {z: log(d) - y})), (exp(y), top)])
    proof.certificate(Gt(2 * d - 2 * exp(y) + 1, 0), [(2, below), (1, proof.sign(Integer(1)))])
    curve = proof.tangent(exp(y) - 1 - y - (exp(y) - 1) ** 2 / (4 * d), y, 0)
    size, is_a = proof.assume(scale), proof.assume(norm)
    short = proof.certificate(
        Ge(d, exp(r)),
        [(1, proof.submultiplicative(X.T, w)), (-Trace(X * X.T), proof.assume(unit)), (-1, size), (-1, is_a)],
    )
    proof.certificate(Ge(log(d) - r, 0), [(1 / d, short), (1, proof.instantiate(line, {z: r - log(d)}))])
    pointwise = proof.certificate(
        Le(r, a - 1 - (a - 1) ** 2 / (4 * d)), [(1, proof.instantiate(curve, {y: r}))], using=[is_a]
    )
    moment = proof.moment(a - 1 - (a - 1) ** 2 / (4 * d), [row])
    first, second, denominator = Trace(X * X.T), proof.assume(distance), 4 * d**2 * (d + 2)
    proof.conclude(
        proof.certificate(
            Le(Mean(r), -2 * v / denominator),
            [
                (1, proof.mean(pointwise)),
                (-1, moment),
                ((first + d) / denominator - 1 / d - 1 / (2 * d**2), size),
                (-2 / denominator, second),
            ],
        )
    )


@one_step.experiment(
    cases=[{"d": 2, "spread": 1}, {"d": 2, "spread": 6}, {"d": 6, "spread": 1}], samples={"smoke": 8192}
)
def layers(xp, rng, case, size):
    """The rows of 16 layers on one X, its singular values spread evenly on a logarithmic scale."""
    values = xp.exp(case.get("spread", 1) * (xp.astype(xp.arange(case.d), xp.float64) * 2 / (case.d - 1) - 1))
    values = case.get("scale", 1) * case.d * values / xp.sum(values)
    weights = rng.haar((size, 16, case.d, case.d))
    squares = xp.sum(weights**2 * values, axis=-1)
    return {"quantity": xp.mean(xp.log(squares), axis=(1, 2)), "v": xp.sum((values - 1) ** 2)}
