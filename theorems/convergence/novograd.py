"""NovoGrad: one second moment a layer, so that the scale of the loss does not matter (on Ginsburg et al. 2019).

For a layer with gradients g_t, v_1 = |g_1|^2, m_1 = g_1/sqrt(v_1) + d w_1 and

    v_{t+1} = beta_2 v_t + (1 - beta_2) |g_{t+1}|^2,
    m_{t+1} = beta_1 m_t + g_{t+1}/sqrt(v_{t+1}) + d w_{t+1},    w_{t+1} = w_t - lambda m_t.

The path of a loss is also that of the loss times s, for every s > 0, and s may differ from layer to layer; and a
normalised gradient is never longer than 1/sqrt(1 - beta_2).  No constant is added to the root here; the
statements are derived here.
"""

from sympy import Eq, Function, Gt, Le, Rational, Symbol, sqrt, symbols

from gdverify import (
    Assumption,
    Claim,
    Identity,
    Inner,
    Integers,
    Interval,
    Mutant,
    Nonnegative,
    Observed,
    Positive,
    SureBound,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

T = Symbol("T", integer=True, positive=True)
s, after = Symbol("s", real=True), Symbol("after", real=True)
beta_1, beta_2, d = symbols("beta_1 beta_2 d", nonnegative=True)
g, m, w, z = VectorSequence("g"), VectorSequence("m"), VectorSequence("w"), Vector("z")
v, V = Function("v"), Function("V")
same = lambda left, right: Eq(left, right, evaluate=False)

nonzero = Assumption("gradients do not vanish", lambda t: Gt(sq(g(t)), 0, evaluate=False), latex=r"g_t\ne0",
                     key=("nonzero",), where=lambda t: [t - 1])  # fmt: skip


def second_moment(name, total, scale):
    """Of the gradients times scale: the first square, then the moving average."""
    return Assumption(
        name,
        lambda t: [
            same(total(1), scale**2 * sq(g(1))),
            same(total(t + 1), beta_2 * total(t) + (1 - beta_2) * scale**2 * sq(g(t + 1))),
        ],
        latex=rf"{total}_1=\|sg_1\|^2,\ {total}_{{t+1}}=\beta_2{total}_t+(1-\beta_2)\|sg_{{t+1}}\|^2".replace(
            "s", "" if scale == 1 else "s"
        ),
        key=("second moment", total, scale),
        where=lambda t: [t - 1],
    )


own = second_moment("second moment", v, 1)
scaled = second_moment("second moment of the scaled loss", V, s)
momentum = Assumption(
    "momentum",
    lambda t: same(m(t + 1), beta_1 * m(t) + g(t + 1) / sqrt(v(t + 1)) + d * w(t + 1)),
    latex=r"m_{t+1}=\beta_1m_t+g_{t+1}/\sqrt{v_{t+1}}+dw_{t+1}",
    key=("momentum",),
    where=lambda t: [t - 1],
)
seen = equation("after is the momentum of the loss itself, along z", Inner(m(T + 1), z), after)
memory = Interval(0, 1, open="right", sample=(Rational(1, 2), Rational(98, 100)))


def positive(proof, total, rule, scale, t):
    """total(t) > 0, at the generic t >= 1."""
    keep = proof.certificate(Gt(1 - beta_2, 0), [(1, proof.high(beta_2))])
    first = proof.assume(rule, t)[0]
    begin = proof.certificate(Gt(total(1), 0), [(scale**2, proof.assume(nonzero, 1))], using=[first])
    return proof.induction(
        Gt(total(t), 0, evaluate=False),
        t,
        begin,
        lambda now: proof.certificate(
            Gt(total(t + 1), 0),
            [(beta_2, now), (scale**2 * keep.left, proof.assume(nonzero, t + 1))],
            using=[proof.assume(rule, t)[1]],
        ),
    )


# -- the scale of the loss --------------------------------------------------------------------------------------------

invariance = Claim(
    id="novograd.invariance-and-clip",
    title="The path of NovoGrad does not change when a layer's gradients are multiplied by s > 0",
    paper=PAPERS["novograd"],
    locator="the layer-wise second moment; derived here",
    statement=r"V\ \text{made of}\ sg_t:\quad"
    r" \beta_1m_T+\frac{s\,g_{T+1}}{\sqrt{V_{T+1}}}+d\,w_{T+1} = m_{T+1}\quad\text{along every } z",
    symbols={
        s: Positive(sample=(Rational(1, 1000), 1000), log=True),
        beta_1: Interval(0, 1, open="right"),
        beta_2: memory,
        d: Nonnegative(sample=(0, Rational(1, 10))),
        T: Integers(1, sample=(1, 12)),
        after: Observed(),
    },
    assumptions=[nonzero, own, scaled, momentum, seen],
    decides=Identity(quantity=Inner(beta_1 * m(T) + s * g(T + 1) / sqrt(V(T + 1)) + d * w(T + 1), z), bound=after),
    mutants=[
        Mutant("of the scaled loss: half the momentum", decides={"bound": after / 2}),
        Mutant(
            "1% of s remains",
            decides={"bound": after * s ** Rational(1, 100)},
            cases=({"dimension": 5, "s": 1000},),
        ),
        Mutant(
            "s of either sign",
            symbols={s: Interval(-2, 0, open="right", sample=(-2, -1))},
            cases=({"dimension": 1, "s": -1},),
        ),
        Mutant("the scaled loss keeps another second moment", drop=(scaled.name,), by=("derivation",)),
    ],
    notes="The path w_t, m_t, s^2 v_t therefore obeys the rules of the scaled loss; they determine it (m_1 is clear).  "
    "The experiment runs both losses, two layers with scales of their own, and compares the momenta.",
)


@invariance.derivation
def the_second_moment_scales_too(proof):
    t = proof.index("t", 1)
    (first, step), (first_s, step_s) = proof.assume(own, t), proof.assume(scaled, t)
    alike = proof.induction(
        same(V(t), s**2 * v(t)),
        t,
        proof.certificate(same(V(1), s**2 * v(1)), using=[first, first_s]),
        lambda now: proof.certificate(same(V(t + 1), s**2 * v(t + 1)), [(beta_2, now)], using=[step, step_s]),
    )
    for total, rule, scale in ((v, own, 1), (V, scaled, s)):
        proof.instantiate(positive(proof, total, rule, scale, t), {t: T + 1})
    last = proof.instantiate(alike, {t: T + 1})
    proof.conclude(
        proof.certificate(
            same(invariance.decides.quantity, after),
            [(1, proof.assume(seen))],
            using=[last, proof.assume(momentum, T)],
        )
    )


@invariance.experiment(cases=[{"dimension": 1}, {"dimension": 5}], samples={"smoke": 2048})
def two_layers(xp, rng, case, size):
    """Layers of a deep product c|w_1|^2|w_2|^2/2 + a.w_1 + b.w_2, run as it is and with gradients times s and 1/s."""
    n, rate = case.dimension, 0.1
    a, b = rng.normal((size, n)), rng.normal((size, n))
    point, way = [rng.normal((size, n)), rng.normal((size, n))], rng.normal((size, n))

    def run(scales):
        now, speed, moments = list(point), [0.0, 0.0], [0.0, 0.0]
        for t in range(case.T + 1):
            norms = [xp.sq(layer)[:, None] for layer in now]
            slopes = [scales[0] * (norms[1] * now[0] + a), scales[1] * (norms[0] * now[1] + b)]
            for i in (0, 1):
                square = xp.sq(slopes[i])[:, None]
                moments[i] = square if t == 0 else case.beta_2 * moments[i] + (1 - case.beta_2) * square
                speed[i] = case.beta_1 * speed[i] + slopes[i] / xp.sqrt(moments[i]) + case.d * now[i]
            now = [now[i] - rate * speed[i] for i in (0, 1)]
        return speed[0]

    left, right = run((case.s, 1 / case.s)), run((1.0, 1.0))
    along = lambda u: xp.sum(u * way, axis=-1)
    return {"quantity": along(left), "after": along(right), "scale": xp.sq(right) + xp.sq(way)}


# -- normalised gradients ---------------------------------------------------------------------------------------------

clip = Claim(
    id="novograd.clip",
    title="A gradient divided by NovoGrad's second moment is at most 1/sqrt(1 - beta_2) long",
    paper=PAPERS["novograd"],
    locator="the layer-wise second moment; derived here",
    statement=r"\frac{\|g_{T+1}\|^2}{v_{T+1}} \le \frac1{1-\beta_2}",
    symbols={beta_2: memory, T: Integers(1, sample=(1, 12))},
    assumptions=[nonzero, own],
    decides=SureBound(quantity=sq(g(T + 1)) / v(T + 1), bound=1 / (1 - beta_2)),
    mutants=[
        Mutant("normalised to 1", decides={"bound": Rational(1)}),
        Mutant("1/(1 - beta_2^2)", decides={"bound": 1 / (1 - beta_2**2)}),
        Mutant("1% less", decides={"bound": Rational(99, 100) / (1 - beta_2)}),
        Mutant("gradients may vanish", drop=(nonzero.name,), by=("derivation",)),
    ],
    notes="Attained in the limit of a gradient that is large against all earlier ones.",
)


@clip.derivation
def last_share(proof):
    t = proof.index("t", 1)
    every = positive(proof, v, own, 1, t)
    here, there = proof.instantiate(every, {t: T}), proof.instantiate(every, {t: T + 1})
    proof.conclude(
        proof.certificate(
            Le(sq(g(T + 1)) / there.left, 1 / (1 - beta_2)),
            [(beta_2 / ((1 - beta_2) * there.left), here), (1 / ((1 - beta_2) * there.left), proof.assume(own, T)[1])],
        )
    )


@clip.experiment(cases=[{"growth": "any"}, {"growth": "last"}])
def streams(xp, rng, case, size):
    """Squared gradients over eight decades, or a last one that is large."""
    reach = (1e-4, 1e4) if case.growth == "any" else (1e-4, 1e-2)
    squares = log_uniform(xp, rng, (size, case.T + 1), *reach)
    total = squares[:, 0]
    for t in range(1, case.T + 1):
        last = squares[:, t] * (1e6 if case.growth == "last" and t == case.T else 1)
        total = case.beta_2 * total + (1 - case.beta_2) * last
    return {"quantity": last / total}
