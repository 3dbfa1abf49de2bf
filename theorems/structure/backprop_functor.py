"""Backpropagation is a functor (Fong, Spivak & Tuyeras 2019).

A learner A -> B has parameters P, an implementation I(p, a), an update U(p, a, b) of the parameters and a request
r(p, a, b), the input it would rather have had.  Composing (P, I, U, r): A -> B with (Q, J, V, s): B -> C, the request
of the second is the target of the first:

    update (U(p, a, s(q, I(p, a), c)), V(q, I(p, a), c)),      request r(p, a, s(q, I(p, a), c)).

Gradient descent with step eps and error e(x, y) = kappa (x - y)^2/2, summed over the outputs, makes a learner of every
parametrised map:  U = p - eps grad_p E,  r_i = h(a_i, dE/da_i), h(x, .) the inverse of de/dx(x, .), so r = a - grad_a
E/kappa. Then L(J o I) = L(J) o L(I), and L(I || I') = L(I) || L(I') for maps side by side.

Reference: arXiv:1711.10455.  The definitions are reproduced from general knowledge of the paper.
"""

from sympy import Eq, MatrixSymbol, Rational, Symbol, Trace, symbols

from gdverify import Claim, Identity, Integers, Mutant, Positive
from theorems import PAPERS

eps, kappa, inverse = symbols("eps kappa inverse", positive=True)
k, n, m, o = (Symbol(c, integer=True, positive=True) for c in "knmo")  # parameters, inputs, outputs of I; outputs of J
column = lambda name, size: MatrixSymbol(name, size, 1)
p, a, b, c, z = column("p", k), column("a", n), column("b", m), column("c", o), column("z", o)
y, u = column("y", k), column("u", n)  # what parameters and requests are tested with
DI, AI, BJ = MatrixSymbol("DI", m, k), MatrixSymbol("AI", m, n), MatrixSymbol("BJ", o, m)  # dI/dp, dI/da, dJ/db
DC, AC = MatrixSymbol("DC", o, k), MatrixSymbol("AC", o, n)  # the same of the composite
tested = lambda test, vector: Trace(test.T * vector)
sizes = {x: Integers(1, sample=(1, 3)) for x in (k, n, m, o)}
steps = {eps: Positive(sample=(Rational(1, 100), 2)), kappa: Positive(sample=(Rational(1, 4), 4))}

request = b - inverse * kappa * BJ.T * (z - c)
composite = tested(y, p - eps * kappa * DC.T * (z - c)) + tested(u, a - inverse * kappa * AC.T * (z - c))
composed = tested(y, p - eps * kappa * DI.T * (b - request)) + tested(u, a - inverse * kappa * AI.T * (b - request))

functoriality = Claim(
    id="backprop-as-functor.functoriality",
    title="The learner of a composite is the composite of the learners",
    paper=PAPERS["backprop-as-functor"],
    locator="abstract (functor of gradient descent); for the quadratic error, proof given here",
    statement=r"L_{\varepsilon,e}(J\circ I) = L_{\varepsilon,e}(J)\circ L_{\varepsilon,e}(I),\quad "
    r"e(x,y)=\tfrac\kappa2(x-y)^2",
    symbols={**sizes, **steps},
    defines={inverse: 1 / kappa},
    decides=Identity(quantity=composite, bound=composed, rtol=1e-6),
    mutants=[
        Mutant("requests use the learning rate", defines={inverse: eps}),
        Mutant("the inverse of the unscaled error", defines={inverse: 1}),
        Mutant("requests 1% too far", defines={inverse: 101 / (100 * kappa)}),
        Mutant("requests away from the target", defines={inverse: -1 / kappa}),
    ],
    notes="Updates of p and requests are claimed together, paired with test vectors y and u; the update of J's own "
    "parameters is the same on both sides by definition.  Other errors with invertible de/dx are not covered.",
)


@functoriality.derivation
def chain_rule(proof):
    rule = lambda left, right: proof.cite(
        "the chain rule", Eq(left, right, evaluate=False), "Dieudonne, Foundations of Modern Analysis, 1960, (8.2.1)"
    )
    proof.conclude(
        proof.identity(
            composite,
            proof.claim.decides.bound,
            using=[proof.definition(inverse), rule(DC, BJ * DI), rule(AC, BJ * AI)],
        )
    )


def slope(xp, error):
    """The derivative of a function of one number at 0, by a formula of order 4, and its error from longer steps."""
    h = 3e-4
    around = {k: error(k * h) - error(-k * h) for k in (1, 2, 4, 8)}
    fine, middle, coarse = ((8 * around[k] - around[2 * k]) / (12 * k * h) for k in (1, 2, 4))
    return fine, xp.abs(fine - middle) + xp.abs(middle - coarse) / 16


@functoriality.experiment(samples={"smoke": 512, "standard": 20_000, "full": 500_000})
def tanh_maps(xp, rng, case, size):
    """I(p, a) = tanh(T(a, p) + W a + R p + t) with random T, W, R, t, and J(b) = tanh(B b)."""
    T, W, R, B = (rng.normal((size, *shape)) for shape in (
        (case.m, case.n, case.k), (case.m, case.n), (case.m, case.k), (case.o, case.m)))  # fmt: skip
    p, a, y, u, c = (rng.normal((size, r)) for r in (case.k, case.n, case.k, case.n, case.o))
    apply = lambda M, x: xp.sum(M * x[:, None, :], axis=-1)

    def first(p, a):
        mixed = xp.sum(xp.sum(T * p[:, None, None, :], axis=-1) * a[:, None, :], axis=-1)
        return xp.tanh(mixed + apply(W, a) + apply(R, p))

    def error(p, a):
        return case.kappa * xp.sum((xp.tanh(apply(B, first(p, a))) - c) ** 2, axis=-1) / 2

    b = first(p, a)
    z = xp.tanh(apply(B, b))
    steep = (1 - b * b)[:, :, None]
    at_p, error_p = slope(xp, lambda h: error(p + h * y, a))
    at_a, error_a = slope(xp, lambda h: error(p, a + h * u))
    update, request = xp.sum(y * p, axis=-1) - case.eps * at_p, xp.sum(u * a, axis=-1) - case.inverse * at_a
    columns = {"p": p, "a": a, "b": b, "c": c, "z": z, "y": y, "u": u}
    return {
        "quantity": update + request,
        "quantity_error": case.eps * error_p + abs(case.inverse) * error_a,
        "scale": 1 + case.kappa * (case.eps + abs(case.inverse)),
        "DI": steep * (xp.sum(T * a[:, None, :, None], axis=2) + R),
        "AI": steep * (xp.sum(T * p[:, None, None, :], axis=-1) + W),
        "BJ": (1 - z * z)[:, :, None] * B,
        **{name: x[:, :, None] for name, x in columns.items()},
    }


# -- side by side -----------------------------------------------------------------------------------------------------

whole, left, right = symbols("whole left right", positive=True)  # the weight of the error: of I || I', of I, of I'
c1, p2, y2, b2, c2 = column("c1", m), column("p2", k), column("y2", k), column("b2", o), column("c2", o)
DI2 = MatrixSymbol("DI2", o, k)
beside = lambda w, w2: tested(y, p - eps * w * DI.T * (b - c1)) + tested(y2, p2 - eps * w2 * DI2.T * (b2 - c2))

monoidality = Claim(
    id="backprop-as-functor.monoidality",
    title="The learner of two maps side by side is the two learners side by side",
    paper=PAPERS["backprop-as-functor"],
    locator="abstract (symmetric monoidal functor); for the quadratic error, proof given here",
    statement=r"L_{\varepsilon,e}(I\parallel I') = L_{\varepsilon,e}(I)\parallel L_{\varepsilon,e}(I')",
    symbols={**{x: sizes[x] for x in (k, m, o)}, eps: steps[eps]},
    defines={whole: 1, left: 1, right: 1},
    decides=Identity(quantity=beside(whole, whole), bound=beside(left, right), rtol=1e-6),
    mutants=[
        Mutant(
            "the mean error over outputs",
            defines={whole: 1 / (m + o), left: 1 / m, right: 1 / o},
        ),
        Mutant("the error of two maps weighted by 1/2", defines={whole: Rational(1, 2)}),
        Mutant("one map's error 1% heavier", defines={left: Rational(101, 100)}),
    ],
    notes="Updates only, with the error kappa = 1; requests divide by the weight again.",
)


@monoidality.derivation
def blocks(proof):
    proof.conclude(
        proof.identity(
            beside(whole, whole),
            beside(left, right),
            using=[proof.definition(x) for x in (whole, left, right)],
        )
    )


@monoidality.experiment(samples={"smoke": 512, "standard": 20_000, "full": 500_000})
def two_tanh_maps(xp, rng, case, size):
    R, R2 = rng.normal((size, case.m, case.k)), rng.normal((size, case.o, case.k))
    p, y, p2, y2 = (rng.normal((size, case.k)) for _ in range(4))
    c1, c2 = rng.normal((size, case.m)), rng.normal((size, case.o))
    first = lambda p: xp.tanh(xp.sum(R * p[:, None, :], axis=-1))
    second = lambda p: xp.tanh(xp.sum(R2 * p[:, None, :], axis=-1))
    outputs = lambda p, p2: xp.concat([first(p), second(p2)], axis=-1)
    goal = xp.concat([c1, c2], axis=-1)
    error = lambda h: case.whole * xp.sum((outputs(p + h * y, p2 + h * y2) - goal) ** 2, axis=-1) / 2
    b, b2 = first(p), second(p2)
    columns = {"p": p, "y": y, "b": b, "c1": c1, "p2": p2, "y2": y2, "b2": b2, "c2": c2}
    steep, unsure = slope(xp, error)
    return {
        "quantity": xp.sum(y * p, axis=-1) + xp.sum(y2 * p2, axis=-1) - case.eps * steep,
        "quantity_error": case.eps * unsure,
        "scale": 1 + case.eps,
        "DI": (1 - b * b)[:, :, None] * R,
        "DI2": (1 - b2 * b2)[:, :, None] * R2,
        **{name: x[:, :, None] for name, x in columns.items()},
    }
