"""Random functions for experiments, with curvatures, minimiser and minimum that are known exactly.

Every function is drawn row by row from ``rng`` and evaluated by elementary operations alone, so that an instance can be
recomputed in interval arithmetic.  Minimisers are at the origin and minima are 0, by translation.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any


def log_uniform(xp: Any, rng: Any, shape: Any, low: float, high: float) -> Any:
    """Numbers in [low, high), uniform on the logarithmic scale."""
    return xp.exp(log(low) + (log(high) - log(low)) * rng.uniform(shape))


def mixed_uniform(rng: Any, shape: Any) -> Any:
    """Numbers in [0, 1]: 0 or 1 with probability 1/4 each, else uniform."""
    end = rng.bernoulli(0.5, shape)
    return end * rng.bernoulli(0.5, shape) + (1 - end) * rng.uniform(shape)


def clip(xp: Any, x: Any, bound: Any) -> Any:
    """x confined to [-bound, bound]."""
    return xp.maximum(-bound, xp.minimum(x, bound))


@dataclass(frozen=True)
class SmoothConvex:
    """f(x) = mu |x|^2/2 + sum_j w_j (h_j(u_j + b_j) - h_j(b_j) - h_j'(b_j) u_j) with u = A x; one function per row.

    h_j is Huber's function: u^2/2 up to the turning point, linear beyond.  f is mu-strongly convex, its smallest value
    is f(0) = 0, and its smoothness constant is mu + max_j w_j where A is the identity and no more elsewhere.

    Attributes
    ----------
    mu : float
    A : (size, m, d)
    weight, turn, shift : (size, m), the w, the turning point and the b of each term
    """

    xp: Any
    mu: Any
    A: Any
    weight: Any
    turn: Any
    shift: Any

    def _terms(self, x: Any) -> Any:
        u = self.xp.matmul(self.A, x[..., None])[..., 0]
        here, there = clip(self.xp, u + self.shift, self.turn), clip(self.xp, self.shift, self.turn)
        return u, here, there

    def value(self, x: Any) -> Any:
        """f at the rows of x, shape (size,)."""
        u, here, there = self._terms(x)
        rise = (here - there) * (u + self.shift - (here + there) / 2)
        return self.mu * self.xp.sq(x) / 2 + self.xp.sum(self.weight * rise, axis=-1)

    def grad(self, x: Any) -> Any:
        """Gradients, shape (size, d)."""
        _, here, there = self._terms(x)
        slope = self.weight * (here - there)
        return self.mu * x + self.xp.matmul(self.xp.matrix_transpose(self.A), slope[..., None])[..., 0]


def smooth_convex(xp: Any, rng: Any, start: Any, mu: Any, L: Any, reach: Any) -> SmoothConvex:
    """Random `SmoothConvex` functions, mu-strongly convex and L-smooth, met at ``start`` (size, d).

    Quadratics and Huber functions, separable or with interacting coordinates, curvature equal to L, to mu, or anywhere
    between.  Half of the rows turn at ``reach`` times the starting value of each term: the path then stays on the
    linear part, where gradient descent is slowest.
    """
    size, d = start.shape
    coupled = rng.bernoulli(0.25, (size, 1, 1))
    A = coupled * rng.normal((size, d, d)) + (1 - coupled) * xp.eye(d)
    equal = rng.bernoulli(0.5, (size, 1))
    weight = equal + (1 - equal) * log_uniform(xp, rng, (size, d), 1e-4, 1)
    # Largest row sum of |A A^T| diag(w): no smaller than its spectral radius, equal to it where A is the identity.
    rows = xp.max(xp.sum(xp.abs(xp.matmul(A, xp.matrix_transpose(A))) * weight[:, None, :], axis=-1), axis=-1)
    weight = weight * (mixed_uniform(rng, (size,)) * (L - mu) / rows)[:, None]
    attained = rng.bernoulli(0.5, (size, 1))
    factor = attained * reach + (1 - attained) * log_uniform(xp, rng, (size, d), 1e-3, 10)
    turn = xp.abs(xp.matmul(A, start[..., None])[..., 0]) * factor
    shift = rng.bernoulli(0.5, (size, 1)) * rng.uniform((size, d), -2, 2) * turn
    return SmoothConvex(xp, mu, A, weight, turn, shift)


@dataclass(frozen=True)
class PolyakLojasiewicz:
    """f(x) = sum_i phi_i(x_i), mu-PL and L-smooth, usually not convex; one function per row.

    phi_i' rises with slope L up to ``peak``, falls with slope -L over ``fall``, then rises with slope ``tail``.  Where
    fall = peak (1 - sqrt(2 mu/(L + mu))) the PL inequality with constant mu holds with equality at the foot of the
    descent, and beyond it for tail = mu; both are exact for any smaller fall and any tail in [mu, L].

    Attributes
    ----------
    L : float
    peak, fall, tail : (size, d)
    """

    xp: Any
    L: Any
    peak: Any
    fall: Any
    tail: Any

    def _parts(self, x: Any) -> Any:
        """x cut into what lies on the first rise, on the descent and beyond; all three carry the sign of x."""
        one = clip(self.xp, x, self.peak)
        two = clip(self.xp, x - one, self.fall)
        return one, two, x - one - two

    def value(self, x: Any) -> Any:
        """f at the rows of x, shape (size,)."""
        one, two, three = self._parts(x)
        rise = self.L * (one * one / 2 + one * two - two * two / 2 + (one - two) * three)
        return self.xp.sum(rise + self.tail * three * three / 2, axis=-1)

    def grad(self, x: Any) -> Any:
        """Gradients, shape (size, d)."""
        one, two, three = self._parts(x)
        return self.L * (one - two) + self.tail * three


def polyak_lojasiewicz(xp: Any, rng: Any, start: Any, mu: Any, L: Any) -> PolyakLojasiewicz:
    """Random `PolyakLojasiewicz` functions met at ``start`` (size, d): quadratics with curvatures from mu to L, and
    non-convex ones, the deepest descents that the class allows among them.
    """
    size, d = start.shape
    bent = rng.bernoulli(0.75, (size, 1))
    peak = bent * xp.abs(start) * log_uniform(xp, rng, (size, d), 1e-2, 10)
    fall = peak * (1 - xp.sqrt(xp.asarray(2 * mu / (L + mu)))) * mixed_uniform(rng, (size, 1))
    tail = mu + (L - mu) * mixed_uniform(rng, (size, d))
    return PolyakLojasiewicz(xp, L, peak, fall, tail)


@dataclass(frozen=True)
class FiniteSum:
    """f = (f_1 + ... + f_n)/n with f_i(x) = sum_k c_ik h_k(x_k) + <tilt_i, x>; the same f for every row.

    h_k is Huber's function with its turning point; the tilts sum to zero, so that f is smallest at the origin, with
    value 0.  f_i is convex and max_k c_ik-smooth; f is min_k (1/n) sum_i c_ik-strongly convex if no h_k turns.

    Attributes
    ----------
    curvature, tilt : (n, d), the c and the tilts
    turn : (d,), or None for quadratics
    """

    xp: Any
    curvature: Any
    tilt: Any
    turn: Any = None

    def grad(self, i: Any, x: Any) -> Any:
        """Gradient of f_i, (size, d), for one index per row."""
        xp = self.xp
        inner = x if self.turn is None else clip(xp, x, self.turn)
        return xp.take(self.curvature, i, axis=0) * inner + xp.take(self.tilt, i, axis=0)

    def value(self, x: Any) -> Any:
        """f at the rows of x, shape (size,)."""
        inner = x if self.turn is None else clip(self.xp, x, self.turn)
        return self.xp.sum(self.xp.mean(self.curvature, axis=0) * (inner * x - inner * inner / 2), axis=-1)

    def noise(self) -> Any:
        """(1/n) sum_i |grad f_i(0)|^2."""
        return self.xp.mean(self.xp.sum(self.tilt * self.tilt, axis=-1))


def balanced_tilts(xp: Any, rng: Any, shape: Any) -> Any:
    """Gaussian tilts (n, d) that sum to zero."""
    tilt = rng.normal(shape)
    return tilt - xp.mean(tilt, axis=0)


@dataclass(frozen=True)
class Sawtooth:
    """f(x) = phi(<axis, x>), usually not convex, one function per row.

    phi' is ``slope`` at 0 and rises with curvature L from -slope/L on, where a parabola has its minimum;
    above 0 it falls and rises again with curvature ``depth`` L, once in every ``period``, as often as ``teeth`` says,
    and is ``slope`` beyond.  The gradient is L-Lipschitz for 0 <= depth <= 1.  If depth L period <= 2 slope then phi
    rises everywhere above -slope/L, and its smallest value is -slope^2/(2L).

    Attributes
    ----------
    L : float
    axis : (size, d), unit vectors
    slope, depth, period : (size,)
    teeth : int
    """

    xp: Any
    L: Any
    axis: Any
    slope: Any
    depth: Any
    period: Any
    teeth: int

    def _parts(self, x: Any) -> Any:
        """The argument of phi, its part below 0, and how far into each tooth it is: (size,), (size,), (size, teeth)."""
        xp = self.xp
        s = xp.sum(self.axis * x, axis=-1)
        first = self.period[:, None] * xp.asarray([float(k) for k in range(self.teeth)])
        inside = xp.maximum(0 * first, xp.minimum(s[:, None] - first, self.period[:, None]))
        past = xp.maximum(0 * inside, inside - self.period[:, None] / 2)
        return s, xp.minimum(0 * s, s), inside, past

    def value(self, x: Any) -> Any:
        """f at the rows of x, shape (size,)."""
        s, below, inside, past = self._parts(x)
        teeth = self.xp.sum(inside * inside / 2 - past * past, axis=-1)
        return self.slope * s + self.L * (below * below / 2 - self.depth * teeth)

    def grad(self, x: Any) -> Any:
        """Gradients, shape (size, d)."""
        _, below, inside, past = self._parts(x)
        teeth = self.xp.sum(inside - 2 * past, axis=-1)
        return (self.slope + self.L * (below - self.depth * teeth))[:, None] * self.axis


@dataclass(frozen=True)
class FiniteSums:
    """`FiniteSum` with its own functions in every row.

    Attributes
    ----------
    curvature, tilt : (size, n, d); the tilts of a row sum to zero
    turn : (size, 1, d)
    """

    xp: Any
    curvature: Any
    tilt: Any
    turn: Any

    def grads(self, x: Any) -> Any:
        """Gradients of all parts at the rows of x, (size, n, d)."""
        return self.curvature * clip(self.xp, x[:, None, :], self.turn) + self.tilt

    def grad(self, x: Any) -> Any:
        """Gradients of f, (size, d)."""
        return self.xp.mean(self.curvature, axis=1) * clip(self.xp, x[:, None, :], self.turn)[:, 0, :]

    def value(self, x: Any) -> Any:
        """f at the rows of x, (size,)."""
        inner = clip(self.xp, x, self.turn[:, 0, :])
        return self.xp.sum(self.xp.mean(self.curvature, axis=1) * (inner * x - inner * inner / 2), axis=-1)

    def noise(self) -> Any:
        """(1/n) sum_i |grad f_i(0)|^2, (size,)."""
        return self.xp.mean(self.xp.sum(self.tilt * self.tilt, axis=-1), axis=-1)
