"""GD++: linear attention layers that also correct the curvature (von Oswald et al. 2022).

A layer of a linear transformer may move the covariates as well, x <- (1 - beta W) x with W = X_0 X_0^T / n.  Two layers
with multiples of the identity as weights, a_0, a_1 for the targets and b_0 for the covariates, leave the residual

    o_2 + w^T x = w^T (1 - a_0 W) (1 - a_1 W (1 - beta W)^2) x,      beta = a_0 b_0:

an eigenvalue lambda of W becomes lambda (1 - beta lambda)^2 for the second layer.  With eigenvalues in [1/4, 1] and
a_0 = 15/14, a_1 = 23/4, beta = 7/9 the residual is at most 1/19 of what it was; two steps of plain gradient descent
(beta = 0) leave at least 9/41, by Chebyshev's theorem.

Reference: J. von Oswald, E. Niklasson, E. Randazzo, J. Sacramento, A. Mordvintsev, A. Zhmoginov, M. Vladymyrov,
"Transformers learn in-context by gradient descent", 2022.
"""

from sympy import Identity as Eye
from sympy import Le, Rational, S, Symbol, Trace

from gdverify import Claim, Identity, Interval, Mutant, Reals, SureBound
from gdverify.laws import equation
from theorems import PAPERS
from theorems.in_context.preconditioned_gd import SIZES, A, B, W, d, layers, n, o, w, x

a0, a1, b0, beta = (Symbol(name, real=True) for name in ("a0", "a1", "b0", "beta"))
weights = [
    equation("first layer moves the targets", A(0), a0 * Eye(d)),
    equation("first layer moves the covariates", B(0), b0 * Eye(d)),
    equation("second layer moves the targets", A(1), a1 * Eye(d)),
]
bent = Eye(d) - beta * W
residual = (Eye(d) - a0 * W) * (Eye(d) - a1 * W * bent * bent)

gd_plus_plus = Claim(
    id="icl-by-gd.gd-plus-plus",
    title="Two layers of GD++: the second sees the eigenvalue lambda (1 - beta lambda)^2",
    paper=PAPERS["icl-by-gd"],
    locator="GD++ as a curvature correction; residual polynomial derived here",
    statement=r"o_2 + w^\top x = w^\top(I - a_0W)\left(I - a_1W(I-\beta W)^2\right)x,\quad \beta = a_0b_0",
    symbols={n: SIZES[n], d: SIZES[d], **{k: Reals(sample=(-1, 1)) for k in (a0, a1, b0)}},
    decides=Identity(Trace(o(2)) + Trace(w.T * x), Trace(w.T * residual * x)),
    assumptions=[*(a for pair in layers.values() for a in pair), *weights],
    defines={beta: a0 * b0},
    mutants=[
        Mutant("the correction once instead of squared",
               decides={"bound": Trace(w.T * (Eye(d) - a0 * W) * (Eye(d) - a1 * W * bent) * x)}),
        Mutant("beta is b_0", defines={beta: b0}),
        Mutant("no correction", defines={beta: 0}),
        Mutant("the first layer leaves the covariates", drop=("first layer moves the covariates",),
               by=("derivation",)),
    ],
)  # fmt: skip


@gd_plus_plus.derivation
def two_layers(proof):
    known = [proof.assume(layers["o"][0], S.One), *(proof.assume(layers[k][0], S.Zero) for k in "oyqX")]
    known += [proof.assume(a) for a in weights] + [proof.assume(pair[1]) for pair in layers.values()]
    value = proof.matrix_identity(o(2), w.T * residual * x - w.T * x, using=[*known, proof.definition(beta)])
    proof.conclude(proof.identity(*gd_plus_plus.decides.expressions().values(), using=[value]))


@gd_plus_plus.experiment(samples={"smoke": 128}, block=64)
def two_attention_layers(xp, rng, case, size):
    turn, m = xp.matrix_transpose, case.d
    data, task = rng.normal((size, m, case.n + 1)), rng.normal((size, m, 1))
    mask = xp.concat([xp.ones((case.n,)), xp.zeros((1,))])
    Z = xp.concat([data, turn(task) @ data * mask], axis=-2)
    one = xp.concat([xp.zeros((m,)), xp.ones((1,))])
    size_ = xp.sum(xp.abs(Z), axis=(-2, -1))
    for keys, values in ((case.a0, case.b0), (case.a1, 0)):
        P, Q = one + values * (1 - one), -keys * (1 - one)
        Z = Z + P[:, None] * ((Z * mask) @ (turn(Z) @ (Q[:, None] * Z))) / case.n
        size_ = size_ + xp.sum(xp.abs(Z), axis=(-2, -1)) ** 3
    point = data[..., case.n :]
    quantity = Z[:, m, case.n] + xp.sum(task * point, axis=(-2, -1))
    return {"quantity": quantity, "X_0": data[..., : case.n], "x": point, "w": task, "scale": size_}


# -- better than two steps of gradient descent ------------------------------------------------------------------------

lam = Symbol("lambda", positive=True)
left = (1 - a0 * lam) * (1 - a1 * lam * (1 - beta * lam) ** 2)

corrected = Claim(
    id="icl-by-gd.gd-plus-plus-gain",
    title="Two layers of GD++ at condition number 4 leave at most 1/19 of the error",
    paper=PAPERS["icl-by-gd"],
    locator="GD++; an instance, with weights chosen here",
    statement=r"\lambda\in[\tfrac14,1]:\quad |(1-a_0\lambda)(1-a_1\lambda(1-\beta\lambda)^2)|\le\tfrac1{19},\quad"
    r" a_0=\tfrac{15}{14},\ a_1=\tfrac{23}4,\ \beta=\tfrac79",
    symbols={lam: Interval(Rational(1, 4), 1)},
    decides=SureBound(left**2, Rational(1, 361)),
    defines={a0: Rational(15, 14), a1: Rational(23, 4), beta: Rational(7, 9)},
    mutants=[
        Mutant("1/20", decides={"bound": Rational(1, 400)}, cases=({"lambda": Rational(1, 4)},)),
        Mutant("no correction", defines={beta: 0}),
        Mutant("a tenth less correction", defines={beta: Rational(7, 10)}, cases=({"lambda": Rational(2, 5)},)),
        Mutant("condition number 5", symbols={lam: Interval(Rational(1, 5), 1)}, cases=({"lambda": Rational(1, 5)},)),
    ],
    notes="The least possible value for these weights is about 0.0509, against 1/T_2(5/3) = 9/41 = 0.2195 for the best"
    " two steps of gradient descent, 1/T_4(5/3) = 0.025 for four.",
)


@corrected.derivation
def one_variable(proof):
    known = [proof.definition(k) for k in (a0, a1, beta)]
    number = left.subs({f.left: f.right for f in known})
    sides = [proof.univariate(Rational(1, 19) + s * number, lam, Rational(1, 4), 1) for s in (1, -1)]
    proof.conclude(proof.certificate(Le(left**2, Rational(1, 361)), [(1, proof.product(*sides))], using=known))


@corrected.experiment(cases=[{}, *({"lambda": Rational(k, 20)} for k in range(5, 21, 3))], samples={"smoke": 8})
def residual_value(xp, rng, case, size):
    """The residual of two layers on diagonal data with this eigenvalue."""
    start = rng.uniform((size,), 1, 2)
    value = case["lambda"]
    error = start - case.a0 * value * start
    bent = (1 - case.beta * value) * (1 - case.beta * value) * value
    end = error - case.a1 * bent * error
    return {"quantity": (end / start) ** 2}
