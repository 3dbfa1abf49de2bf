"""Noise that is aligned with the Hessian makes SGD leave minima of large Frobenius norm (Wu and Su 2023).

Linearised SGD with batches of B independent samples, M = I - (eta/B) sum of g g^T over the batch, H = E g g^T:

    delta_{t+1} = M_t delta_t,      E[M H M] = (I - eta H) H (I - eta H) + (eta^2/B) (E[g g^T H g g^T] - H^3).

The noise is mu-aligned if  u^T (E[g g^T H g g^T] - H^3) u  >=  mu |H|_F^2 u^T H u  for every u.  Then the loss
L = delta^T H delta/2 obeys

    E L_T  >=  (eta^2 mu |H|_F^2/B)^T L_0,      so that stability of the loss needs |H|_F <= sqrt(B/mu)/eta.

Gaussian gradients are 1-aligned.

Reference: arXiv:2305.17490, on an earlier result of Wu, Wang and Su; constants derived here.
"""

from sympy import Eq, Ge, Identity, Le, Rational, Symbol, Trace, sqrt, symbols

from gdverify import Assumption, Claim, Integers, Mean, Mutant, Observed, Positive, SureBound
from gdverify.language import MatrixSequence, SymmetricMatrix
from gdverify.laws import constant, equation
from theorems import PAPERS

eta, mu, F, later = symbols("eta mu F later", positive=True)
p, B = symbols("p B", integer=True, positive=True)
T = Symbol("T", integer=True, nonnegative=True)
t = Symbol("t", integer=True, nonnegative=True)
H, Q = SymmetricMatrix("H", p, p), SymmetricMatrix("Q", p, p)  # Q = E[g g^T H g g^T]
delta = MatrixSequence("delta", p, 1)
loss = lambda s: Trace(delta(s).T * H * delta(s)) / 2


def moved(s):
    """E L(s+1), from the mean of M H M."""
    u, M = delta(s), Identity(p) - eta * H
    noise = Trace(u.T * Q * u) - Trace(u.T * H * H * H * u)
    right = Mean(Trace(u.T * M * H * M * u)) / 2 + eta**2 / (2 * B) * Mean(noise)
    return Eq(Mean(loss(s + 1)), right, evaluate=False)


def semidefinite(x):
    return Ge(Trace(x.T * H * x), 0, evaluate=False)


def aligned(x):
    noise = Trace(x.T * Q * x) - Trace(x.T * H * H * H * x)
    return Ge(noise, mu * Trace(H * H) * Trace(x.T * H * x), evaluate=False)


sampling = Assumption("a batch is B independent samples", moved, key=("sampling",), where=lambda s: [s])
hessian = Assumption("H is positive semidefinite", semidefinite, key=("psd",))
alignment = Assumption("the noise is mu-aligned", aligned, key=("aligned",))
norm = equation("F is the Frobenius norm of H", Trace(H * H), F**2)
end = equation("the mean loss after T steps", Mean(loss(T)), later)
factor = eta**2 * mu * F**2 / B

frobenius = Claim(
    id="wu-su-dynamical-stability.frobenius-alignment",
    title="Aligned noise multiplies the loss of linearised SGD by at least eta^2 mu |H|_F^2/B in each step",
    paper=PAPERS["wu-su-dynamical-stability"],
    locator="the alignment argument; constants derived here",
    statement=r"\Big(\frac{\eta^2\mu\|H\|_F^2}{B}\Big)^{T} L_0 \le \mathbb{E} L_T",
    symbols={
        p: Integers(1, sample=(1, 5)),
        B: Integers(1, sample=(1, 6)),
        eta: Positive(sample=(Rational(1, 10), 10)),
        T: Integers(0, sample=(1, 12)),
        **{k: Observed(0, open="left") for k in (mu, F, later)},
    },
    assumptions=[sampling, hessian, alignment, norm, end, constant(H, Q)],
    decides=SureBound(quantity=Mean(loss(0)), bound=later / factor**T),
    mutants=[
        Mutant("5% more in each step", decides={"bound": later / (Rational(21, 20) * factor) ** T}),
        Mutant("sqrt(B) for B", decides={"bound": later / (eta**2 * mu * F**2 / sqrt(B)) ** T}),
        Mutant("noise that is not aligned", drop=(alignment.name,), by=("derivation",)),
        Mutant("a Hessian with negative curvature", drop=(hessian.name,), by=("derivation",)),
    ],
    notes="Attained where the deterministic part vanishes, H = I/eta (on the range of H).",
)


@frobenius.derivation
def noise_alone(proof):
    k = proof.index("k")
    u = delta(k)
    step = proof.assume(sampling, k)
    rest = proof.mean(proof.assume(hessian, u - eta * H * u))
    drift = proof.assume(alignment, u)
    power = proof.certificate(
        Ge(Trace(u.T * Q * u) - Trace(u.T * H * H * H * u), 2 * mu * F**2 * loss(k)),
        [(1, drift), (2 * mu * loss(k), proof.assume(norm))],
    )
    noise = proof.mean(power)
    once = proof.certificate(
        Ge(Mean(loss(k + 1)), factor * Mean(loss(k))),
        [(1, step), (Rational(1, 2), rest), (eta**2 / (2 * B), noise)],
    )
    claimed = lambda s: Ge(Mean(loss(s)), factor**s * Mean(loss(0)))
    start = proof.identity(Mean(loss(0)), factor**0 * Mean(loss(0)))
    every = proof.induction(
        claimed(k), k, start, lambda now: proof.certificate(claimed(k + 1), [(1, once), (factor, now)])
    )
    final, last = proof.instantiate(every, {k: T}), proof.assume(end)
    scale = factor**-T
    proof.conclude(proof.certificate(Le(Mean(loss(0)), later * scale), [(scale, final), (-scale, last)]))


@frobenius.experiment(cases=[{"edge": 0}, {"edge": 1}], samples={"smoke": 512}, block=128)
def gaussian_gradients(xp, rng, case, size):
    """g ~ N(0, H) with noise H tr(HH) + H^3, in the eigenbasis of H; with ``edge`` H is nearly I/eta."""
    p, eta = case.p, case.eta
    spectrum = xp.exp(rng.normal((size, p))) * 10 ** rng.uniform((size, 1), -1, 0.5)
    if case.edge:
        spectrum = 1 - 0.01 * rng.uniform((size, p))
    spectrum = spectrum / eta
    H = xp.eye(p) * spectrum[:, None, :]
    start = rng.normal((size, p, 1))
    X = start @ xp.matrix_transpose(start)
    loss = lambda x: xp.linalg.trace(H @ x) / 2
    first = loss(X)
    M = xp.eye(p) - eta * H
    square = xp.sum(spectrum**2, axis=-1)
    for _ in range(case.T):
        X = M @ X @ M + eta**2 / case.B * (H @ X @ H + 2 * loss(X)[:, None, None] * H)
    least = xp.min(spectrum, axis=-1)
    return {"quantity": first, "mu": 1 + least**2 / square, "F": xp.sqrt(square), "later": loss(X)}
