"""Rectified flow of a Gaussian coupling: a linear flow with the right covariance at every time (Liu, Gong & Liu 2022).

X_0 ~ N(0, I) and X_1 = M X_0 + xi with xi ~ N(0, S) independent; X_t = (1 - t) X_0 + t X_1 has the covariance

    C_t = A_t A_t^T + t^2 S,      A_t = (1 - t) I + t M,

and v(x, t) = E[X_1 - X_0 | X_t = x] = B_t C_t^{-1} x with B_t = (M - I) A_t^T + t S.  The flow Z' = v(Z, t), Z_0 = X_0
is Z_t = Phi_t Z_0, Phi' = B C^{-1} Phi, Phi_0 = I, and

    Phi_t Phi_t^T = C_t:      Z_t has the law of X_t, for all t,

since C' = B + B^T makes both sides solutions of the same linear equation, of which there is one where v is Lipschitz.

Reference: arXiv:2209.03003.  The paper's theorem is about any coupling and was not read; the proof is given here.
"""

from sympy import Eq, Ge, Le, MatrixSymbol, Rational, Symbol, Trace
from sympy import Identity as Eye

from gdverify import Assumption, Claim, Identity, Integers, Interval, Mutant, Nonnegative, Observed, Reals
from gdverify.integrate import refined
from gdverify.language import MatrixSequence, SymmetricMatrix, TimeDerivative
from gdverify.laws import constant
from gdverify.straightening import GaussianCoupling, gaussian_couplings
from theorems import PAPERS

d = Symbol("d", integer=True, positive=True)
t, Lip, power = Symbol("t", nonnegative=True), Symbol("Lip", nonnegative=True), Symbol("power", integer=True)
M, G, S = MatrixSymbol("M", d, d), MatrixSymbol("G", d, d), SymmetricMatrix("S", d, d)
T, Phi, inverse = (MatrixSequence(name, d, d) for name in ("T", "Phi", "inverse"))
one, drift = Eye(d), M - Eye(d)
A = lambda s: one + T(s) * drift  # T(s) is s I
C = lambda s: A(s) * A(s).T + T(s) * S * T(s).T
B = lambda s: drift * A(s).T + S * T(s).T
V = lambda s: B(s) * inverse(s)
equal = lambda a, b: Eq(a, b, evaluate=False)

clock = Assumption(
    "T(s) is s times the identity",
    lambda s: [equal(T(s), s * one), equal(TimeDerivative(T(s)), one)],
    latex="T(s) = sI",
    key=("clock",),
)
flow = Assumption(
    "Phi moves by the mean direction",
    lambda s: equal(TimeDerivative(Phi(s)), V(s) * Phi(s)),
    latex=r"\dot\Phi = BC^{-1}\Phi",
    key=("flow",),
)
begin = Assumption("Phi starts at the identity", lambda: equal(Phi(0), one), latex=r"\Phi_0 = I", key=("begin",))
inverted = Assumption(
    "C(s) is invertible",
    lambda s: equal(inverse(s) * C(s), one),
    latex=r"C_s^{-1}C_s = I",
    key=("inverted",),
)
lipschitz = Assumption(
    "v is Lipschitz in x",
    lambda s, u: Ge(2 * Lip * Trace(u.T * u) - Trace(u.T * V(s) * u) - Trace(u.T * V(s).T * u), 0, evaluate=False),
    latex=r"\langle v(x,t)-v(y,t), x-y\rangle\le\Lambda|x-y|^2",
    key=("lipschitz", Lip),
)
fixed = constant(M, S, d)
straight = (1 - t) * one + t * M
covariance = Trace(G.T * straight * straight.T)

gaussian_marginals = Claim(
    id="rectified-flow.gaussian-marginals",
    title="The rectified flow of a Gaussian coupling has the covariance of the interpolation at every time",
    paper=PAPERS["rectified-flow"],
    locator="abstract (marginals are preserved), for Gaussian couplings; proof given here",
    statement=r"\dot\Phi=B_tC_t^{-1}\Phi,\ \Phi_0=I:\quad \Phi_t\Phi_t^\top = C_t = A_tA_t^\top+t^2S,"
    r"\quad A_t=(1-t)I+tM",
    symbols={d: Integers(1, sample=(1, 3)), t: Interval(0, 1), Lip: Observed(0)},
    assumptions=[clock, flow, begin, inverted, lipschitz, fixed],
    defines={power: 2},
    decides=Identity(Trace(G.T * Phi(t) * Phi(t).T), covariance + t**power * Trace(G.T * S)),
    mutants=[
        Mutant("the noise grows like t", defines={power: 1}),
        Mutant("0.1% more noise", decides={"bound": covariance + Rational(1001, 1000) * t**2 * Trace(G.T * S)}),
        Mutant("without the noise of X_1", decides={"bound": covariance}),
        Mutant("the direction of the mean of X_1 alone", drop=(flow.name,), cases=({"naive": 1},)),
        Mutant("a velocity that is not Lipschitz", drop=(lipschitz.name,), by=("derivation",)),
    ],
    notes="Both laws are centred Gaussian, so equal covariances are equal laws. For X_0 of another covariance whiten "
    "first. The flow is run by a Runge-Kutta method with its error estimated per instance.",
)


@gaussian_marginals.derivation
def one_linear_equation(proof):
    s, z = proof.scalar("s", Nonnegative()), proof.scalar("z", Reals())
    value, ticks = proof.assume(clock, s)
    inverts = proof.assume(inverted, s)
    E = Phi(s) * Phi(s).T - C(s)
    apart = lambda at: Trace((Phi(at) * Phi(at).T - C(at)) * (Phi(at) * Phi(at).T - C(at)).T)
    fall = proof.lie_derivative(apart(s), [ticks, proof.assume(flow, s)])
    product = proof.trace(proof.sandwich(inverts, left=E * B(s)))  # V C = B
    parts = [(2, proof.assume(lipschitz, s, E)), (-4, product)]
    steady = proof.certificate(Le(fall.right, 4 * Lip * apart(s)), parts)
    bound = proof.instantiate(proof.gronwall(fall, steady, -4 * Lip, s), {s: t})
    zero = proof.assume(clock, 0)[0]
    nothing = proof.certificate(Ge(0, apart(t)), [(1, bound)], using=[zero, proof.assume(begin)])
    gap = Trace(G.T * Phi(t) * Phi(t).T) - Trace(G.T * C(t))
    near = proof.certificate(
        (z**2 * Trace(G.T * G) - 2 * z * gap, ">=", 0), [(1, nothing)], [(1, z * G - Phi(t) * Phi(t).T + C(t))]
    )
    size = Trace(G.T * G)
    at = proof.instantiate(near, {z: gap / (1 + size)})
    small = proof.certificate(Le(gap**2, 0), [((1 + size) ** 2 / (2 + size), at)])
    same = proof.antisymmetry(proof.root(small, gap), proof.root(small, -gap))
    now = proof.instantiate(value, {s: t})
    stated = proof.claim.decides
    proof.conclude(
        proof.certificate(equal(stated.quantity, stated.bound), [(-1, same)], using=[now, proof.definition(power)])
    )


class Naive(GaussianCoupling):
    """Follows the mean of X_1 given X_t, less x: (1 - t) v."""

    def velocity(self, time):
        return (1 - time) * super().velocity(time)


def couplings(xp, rng, size, dimension):
    if dimension < 3:
        return gaussian_couplings(xp, rng, size, dimension)
    noise = xp.exp(rng.uniform((size, 1, 1), -0.5, 0.7)) * (xp.eye(3) + rng.uniform((size, 3, 3), -0.2, 0.2))
    return GaussianCoupling(xp, rng.uniform((size, 3, 3), -1, 1), noise)


@gaussian_marginals.experiment(cases=[{}, {"d": 2, "t": 1}], samples={"smoke": 64}, block=64)
def linear_flows(xp, rng, case, size):
    """Random couplings of any M and S; "naive": v is the mean of X_1 given X_t less x."""
    pair = couplings(xp, rng, size, case.d)
    if "naive" in case:
        pair = Naive(xp, pair.M, pair.N)
    turn, probe = xp.matrix_transpose, rng.normal((size, case.d, case.d))
    ends = [pair.flow(n, case.t)[-1] for n in (12, 24, 48)]
    end, error = refined(xp, [last @ turn(last) for last in ends])
    S_ = pair.N @ turn(pair.N)
    scale = xp.sum(xp.abs(probe), axis=(-2, -1)) * (1 + xp.sum(pair.M**2 + pair.N**2, axis=(-2, -1)))
    return {
        "quantity": xp.sum(probe * end, axis=(-2, -1)),
        "quantity_error": xp.sum(xp.abs(probe) * error, axis=(-2, -1)) + 1e-12 * scale,
        "scale": scale, "M": pair.M, "S": S_, "G": probe, "Lip": 0 * scale,
    }  # fmt: skip
