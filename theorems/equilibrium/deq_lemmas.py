"""Steps that the derivations of this folder share: how [J, B] stays within reach of its start.

Notation at a moment k (a time or an iteration): P = J^{-1} B, R = P - M, G = J^{-T} R Sigma, so that the gradient is
(-G P^T, G), and N = |G|^2 + |G P^T|^2 is its squared norm.
"""

from __future__ import annotations

from typing import Any

from sympy import Ge, Gt, Identity, Inverse, Le, Symbol, Trace, sqrt

from gdverify.domain import Nonnegative, Observed
from gdverify.laws import constant, equation, invertible, loewner
from theorems.equilibrium.linear_deq import B, J, M, Sigma, d, loss, m, memory, memory_of

lmin, lmax, mu, smin, smax, L0 = (Symbol(s, positive=True) for s in ("lmin", "lmax", "mu", "smin", "smax", "L0"))
r, rho = Symbol("r", real=True), Symbol("rho", real=True)

CONSTANTS = {s: Observed(0, open="left") for s in (lmin, lmax, mu, smin, smax, L0)}
RADII = {r: sqrt(2 * L0 / lmin), rho: mu + r}

data = constant(M, Sigma)
well_posed = invertible(J)
sigma_low = loewner("lmin is the smallest eigenvalue of Sigma", Sigma, lmin * Identity(d))
sigma_high = loewner("lmax is the largest eigenvalue of Sigma", lmax * Identity(d), Sigma)
target_right = loewner("mu bounds the norm of M", mu**2 * Identity(d), M.T * M)
target_left = loewner("mu bounds the norm of M transposed", mu**2 * Identity(m), M * M.T)
start_low = loewner("smin is the smallest eigenvalue of S_0", memory(0), smin * Identity(m))
start_high = loewner("smax is the largest eigenvalue of S_0", smax * Identity(m), memory(0))
start_loss = equation("L0 is the initial loss", loss(0), L0)


def output(k: Any) -> Any:
    return Inverse(J(k)) * B(k)


def adjoint(k: Any) -> Any:
    return Inverse(J(k)).T * (output(k) - M) * Sigma


def norm(x: Any) -> Any:
    """Squared Frobenius norm."""
    return Trace(x.T * x)


def slope(k: Any) -> Any:
    """N, the squared norm of the gradient."""
    return norm(adjoint(k)) + norm(output(k) * adjoint(k).T)


def radii(proof: Any) -> None:
    """r > 0 and rho > 0, from their definitions."""
    proof.certificate(Gt(r, 0), [(1, proof.sign(sqrt(2 * L0 / lmin)))], using=[proof.definition(r)])
    proof.certificate(Gt(rho, 0), [(1, proof.sign(mu + r))], using=[proof.definition(rho)])


def residual_bound(proof: Any, k: Any, lower: Any) -> Any:
    """|R|^2 <= r^2, given the fact L_k <= L0."""
    R = output(k) - M
    spectrum = proof.assume(sigma_low, R.T)
    return proof.certificate(Ge(r**2, norm(R)), [(1 / lmin, spectrum), (2 / lmin, lower)], using=[proof.definition(r)])


def output_bound(proof: Any, k: Any, x: Any, residual: Any, *, transposed: bool = False) -> Any:
    """|P X|^2 <= rho^2 |X|^2 (|P^T X|^2, ``transposed``), given the fact |R|^2 <= r^2."""
    P, target, law = output(k), M, target_right
    if transposed:
        P, target, law = P.T, M.T, target_left
    R = P - target
    target_part = proof.assume(law, x)
    rest = proof.submultiplicative(R, x)
    small = proof.product(residual, proof.certificate(Ge(norm(x), 0), [], [(1, x)]))
    return proof.certificate(
        Ge(rho**2 * norm(x), norm(P * x)),
        [(1 + r / mu, target_part), (1 + mu / r, rest), (1 + mu / r, small)],
        [(r / mu, target * x - mu / r * R * x)],
        using=[proof.definition(rho)],
    )


def squared_singular_values(proof: Any, k: Any, x: Any, residual: Any, memory_grows: Any) -> Any:
    """smin |X|^2 <= (1 + rho^2) |J^T X|^2, given tr(X^T S_k X) >= tr(X^T S_0 X) (or ==)."""
    start = proof.assume(start_low, x)
    outside = output_bound(proof, k, J(k).T * x, residual, transposed=True)
    return proof.certificate(
        Ge((1 + rho**2) * norm(J(k).T * x), smin * norm(x)), [(1, start), (1, memory_grows), (1, outside)]
    )


def spectrum_below(proof: Any, k: Any) -> Any:
    """|R Sigma|^2 >= 2 lmin L, because Sigma^2 >= lmin Sigma."""
    R = output(k) - M
    return proof.certificate(
        Ge(norm(R * Sigma), 2 * lmin * loss(k)), [(lmin, proof.assume(sigma_low, R.T))], [(1, R * Sigma - lmin * R)]
    )


def spectrum_above(proof: Any, k: Any) -> Any:
    """|R Sigma|^2 <= 2 lmax L: lmax Sigma - Sigma^2 = (Sigma C Sigma + C Sigma C)/lmax with C = lmax I - Sigma >= 0."""
    R = output(k) - M
    C = lmax * R.T - Sigma * R.T
    return proof.certificate(
        Le(norm(R * Sigma), 2 * lmax * loss(k)),
        [(1 / lmax, proof.assume(sigma_high, Sigma * R.T)), (1 / lmax, proof.assume(sigma_low, C))],
        [(lmin / lmax, C)],
    )


def spectra(model: Any) -> dict[str, Any]:
    """The observed constants of each row; mu is a little above |M|, so that it is positive where M = 0."""
    xp = model.xp
    ends = xp.linalg.eigvalsh(memory_of(xp, model.J, model.B))
    return {
        "L0": model.loss(model.J, model.B),
        "lmin": model.lmin,
        "lmax": model.lmax,
        "mu": xp.linalg.svdvals(model.M)[..., 0] + 1e-6,
        "smin": ends[..., 0],
        "smax": ends[..., -1],
    }


def motion(proof: Any, flow: Any) -> tuple[Any, Any, Any]:
    """A generic time s >= 0, the fact S(s) == S(0), and dL/ds == -N."""
    s = proof.scalar("s", Nonnegative())
    speed = [proof.gradient_flow(flow, J(s)), proof.gradient_flow(flow, B(s))]
    kept = proof.conserved(proof.lie_derivative(memory(s), speed), s)
    return s, kept, proof.lie_derivative(loss(s), speed)


def trajectory(proof: Any, flow: Any) -> tuple[Any, Any, Any]:
    """A generic time s, and the facts S(s) == S(0) and L0 >= L(s)."""
    s, kept, falls = motion(proof, flow)
    never_up = proof.certificate(Ge(-falls.right, 0), [], [(1, adjoint(s)), (1, output(s) * adjoint(s).T)])
    always = proof.gronwall(falls, never_up, 0, s)
    return s, kept, proof.certificate(Ge(L0, loss(s)), [(1, always), (-1, proof.assume(start_loss))])


def decay(proof: Any, flow: Any) -> tuple[Any, Any, Any]:
    """A generic time s, and the facts S(s) == S(0) and L(0) exp(-2 lmin s/smax) >= L(s).

    N >= |G|^2, smax |G|^2 >= tr(G^T S G) >= |J^T G|^2 = |R Sigma|^2 >= 2 lmin L.
    """
    s, kept, falls = motion(proof, flow)
    G, rate = adjoint(s), 2 * lmin / smax
    here = proof.trace(proof.sandwich(kept, G.T, G))
    fast = proof.certificate(
        Ge(-rate * loss(s) - falls.right, 0),
        [(1 / smax, proof.assume(start_high, G)), (-1 / smax, here), (1 / smax, spectrum_below(proof, s))],
        [(1 / smax, B(s).T * G), (1, output(s) * G.T)],
    )
    return s, kept, proof.gronwall(falls, fast, rate, s)
