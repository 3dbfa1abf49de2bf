"""Without a bias the tangent kernel of one hidden layer is singular (complement to Jacot, Gabriel, Hongler 2018).

The paper's Proposition 2, whose networks have biases scaled by beta > 0, says that the limiting kernel is positive
definite on distinct points of the sphere for every Lipschitz activation that is no polynomial.  With beta = 0 and one
hidden layer this fails, at every width and for all weights.  Let s(z) - s(-z) = z (ReLU, softplus, GELU, SiLU), and
take points x_1, -x_1, ..., x_N, -x_N with c_1 x_1 + ... + c_N x_N = 0, such as six corners of a regular hexagon with
c = (1, -1, 1).  The gradients of one neuron f(x) = a s(x^T w) then satisfy

    sum_i c_i [grad f(x_i) - grad f(-x_i)]  =  0,

so that (c, -c) is in the kernel of every empirical kernel, and of its limit.  Stated along a direction (b, v).

Reference: arXiv:1806.07572, Proposition 2; the statement is derived here.
"""

from sympy import Eq, Function, Integer, Rational, Sum, Symbol, symbols

from gdverify import Assumption, Claim, Identity, Inner, Integers, Mutant, Reals, Vector, VectorSequence
from theorems import PAPERS

N = Symbol("N", integer=True, positive=True)
i = Symbol("i", integer=True)
a, b, beta, h, twin = symbols("a b beta h s", real=True)
c, activation, slope = (Function(name) for name in ("c", "sigma", "dsigma"))
x, w, v = VectorSequence("x"), Vector("w"), Vector("v")


def equal(left, right):
    return Eq(left, right, evaluate=False)


def change(k, side):
    """Derivative of a sigma(side x_k^T w + beta h) as (a, w) moves along (b, v)."""
    z = side * Inner(x(k), w) + beta * h
    return b * activation(z) + a * slope(z) * side * Inner(x(k), v)


half_linear = Assumption(
    "the activation exceeds its mirror image by z",
    lambda z: [equal(activation(z) - activation(-z), z), equal(slope(z) + slope(-z), 1)],
    latex=r"\sigma(z)-\sigma(-z)=z",
)
balanced = Assumption(
    "c_1 x_1 + ... + c_N x_N = 0", lambda u: equal(Sum(c(i) * Inner(x(i), u), (i, 1, N)), 0), latex=r"\sum_i c_ix_i=0"
)
left, right = (Sum(c(i) * change(i, side), (i, 1, N)) for side in (Integer(1), Integer(-1)))

needs_bias = Claim(
    id="neural-tangent-kernel.positive-definite-needs-bias",
    title="Without a bias the tangent kernel of a hidden ReLU layer is singular on the six corners of a hexagon",
    paper=PAPERS["neural-tangent-kernel"],
    locator="complement to Proposition 2, whose standing assumption is beta > 0; derived here",
    statement=r"\beta=0:\quad\sum_ic_i\,\nabla f(x_i)=\sum_ic_i\,\nabla f(-x_i)\quad\text{if }\sum_ic_ix_i=0",
    symbols={
        N: Integers(2, sample=(3, 6)),
        a: Reals(sample=(-2, 2)),
        b: Reals(sample=(-2, 2)),
        h: Reals(sample=(-2, 2)),
    },
    defines={beta: 0, twin: 1},
    assumptions=[half_linear, balanced],
    decides=Identity(left, twin * right),
    mutants=[
        Mutant("a bias of a tenth", defines={beta: Rational(1, 10)}, cases=({"a": 1, "b": 1, "h": 1},)),
        Mutant("the sum, not the difference", defines={twin: -1}),
        Mutant("points that do not cancel", drop=(balanced.name,), cases=({"a": 1, "b": 1, "loose": 1},)),
        Mutant("an activation of another kind", drop=(half_linear.name,), by=("derivation",)),
    ],
    notes="No error of the paper: it assumes beta > 0. A bias of the output alone does not help, for the coefficients "
    "add up to zero. The six points are cos, sin of multiples of 60 degrees; N = 3 here.",
)


@needs_bias.derivation
def pair_by_pair(proof):
    k = proof.index("k", 1)
    none, sign = proof.definition(beta), proof.definition(twin)
    z = Inner(x(k), w)
    mirror, gates = proof.assume(half_linear, z)
    at_zero = proof.certificate(
        equal(c(k) * change(k, 1) - c(k) * change(k, -1), c(k) * b * z + c(k) * a * Inner(x(k), v)),
        [(c(k) * b, mirror), (c(k) * a * Inner(x(k), v), gates)],
        using=[none],
    )
    total = proof.sum_of(at_zero, k, 1, N)
    proof.conclude(
        proof.certificate(
            equal(left, twin * right),
            [(1, total), (b, proof.assume(balanced, w)), (a, proof.assume(balanced, v))],
            using=[sign],
        )
    )


@needs_bias.experiment(cases=[{"N": 3, "hexagon": 1}, {"N": 2}, {}], samples={"smoke": 512}, block=128)
def directional_derivatives(xp, rng, case, size):
    """Points in the plane, corners of a hexagon or such that the last makes up for the others; four activations."""
    number = case.N
    points, weights = rng.normal((size, number, 2)), 0.5 + rng.uniform((size, number))
    if case.get("hexagon", 0):
        corner = xp.asarray([[1.0, 0.0], [0.5, 0.75**0.5], [-0.5, 0.75**0.5]])
        points, weights = 0 * points + corner, 0 * weights + xp.asarray([1.0, -1.0, 1.0])
    elif not case.get("loose", 0):
        rest = xp.sum((points * weights[:, :, None])[:, : number - 1, :], axis=1, keepdims=True)
        points = xp.concat([points[:, : number - 1, :], -rest / weights[:, number - 1 :, None]], axis=1)
    kind, w_, v_ = rng.integers(0, 4, (size, 1)), rng.normal((size, 2, 1)), rng.normal((size, 2, 1))
    along = (points @ v_)[:, :, 0]

    def total(side):
        z = side * (points @ w_)[:, :, 0] + case.beta * case.h
        value, gate = activations(xp, z, kind)
        return weights * (case.b * value + case.a * gate * side * along)

    left, right = total(1), total(-1)
    return {
        "left": xp.sum(left, axis=1),
        "right": case.s * xp.sum(right, axis=1),
        "scale": xp.sum(xp.abs(left) + xp.abs(right), axis=1),
    }


def activations(xp, z, kind):
    """Value and derivative of ReLU, softplus, GELU and SiLU."""
    one, logistic = 0 * z + 1, 1 / (1 + xp.exp(-z))
    relu, step = xp.where(z > 0, z, 0 * z), xp.where(z > 0, one, 0 * z)
    normal, density = (1 + xp.erf(z / 2**0.5)) / 2, xp.exp(-z * z / 2) / (2 * xp.pi) ** 0.5
    values = [relu, xp.log(1 + xp.exp(z)), z * normal, z * logistic]
    slopes = [step, logistic, normal + z * density, logistic + z * logistic * (1 - logistic)]
    pick = lambda options: sum(xp.where(kind == k, e, 0 * z) for k, e in enumerate(options))
    return pick(values), pick(slopes)
