"""Small claims whose truth is known exactly, on which the decision procedures are measured (`gdverify calibrate`).

A `Probe` is a family of statements about one source of random numbers.  One member is true and held at the boundary
of what its decision allows; the others are false by a given effect.  Every experiment takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sympy import Rational, Symbol

from .claim import Claim, Evidence, Paper
from .decision import (
    Conserved,
    Counterexample,
    Decision,
    Identity,
    LimitLaw,
    MeanBound,
    MeanEquals,
    Minimiser,
    ProbabilityBound,
    Rate,
    SureBound,
)
from .domain import Observed
from .errors import UsageError

_PAPER = Paper("calibration", "Statements with known truth")
_Q, _N = Symbol("Q", real=True), Symbol("n", positive=True)
_A, _B = Symbol("a", real=True), Symbol("b", real=True)
TOL = Rational(1, 20)


@dataclass(frozen=True)
class Probe:
    """One source of random numbers, and what is stated of it.

    Parameters
    ----------
    name : unique; what the data are
    decides : the decision of the statement that is false by an effect (a Rational); of the true one for None
    simulate : draws the data; called with the effect, before the arguments of any experiment, if ``moves``
    truth : the true statement, and in which sense it is at its boundary
    effect : what the effect is
    effects : the grid of the power curve, largest first
    edge : effect from which on a pass is wrong (a tolerance lets smaller ones pass); None where passes carry no
        error probability
    nominal : whether the test's alpha bounds both errors; otherwise none may occur at all
    samples : rows drawn for a case at most
    cost : how many runs this probe gets, relative to the others of its kind
    moves : whether the effect changes the data rather than the statement
    """

    name: str
    decides: Callable[[Any], Decision]
    simulate: Callable[..., Any]
    truth: str
    effect: str
    effects: tuple[str, ...]
    edge: str | None = None
    nominal: bool = True
    samples: int = 8192
    cost: float = 1.0
    moves: bool = False
    symbols: dict[Any, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The decision kind that it measures."""
        return self.decides(None).kind

    def claim(self, effect: str | None, proved: bool = False) -> Claim:
        """The true statement (None), or the one that is false by ``effect``.

        ``proved``: as if a derivation accompanied the experiment, which may then pass within its tolerance as soon
        as it can; without one, the experiment goes on to the end of its samples.
        """
        by = None if effect is None else Rational(effect)
        function = self.simulate
        if self.moves:
            shift = 0.0 if by is None else float(by)

            def function(xp: Any, rng: Any, case: Any, size: int) -> Any:
                return self.simulate(shift, xp, rng, case, size)

        parts = [
            Evidence("experiment", "data", function, options={"samples": {"smoke": self.samples}, "block": 256}),
        ]
        if proved:
            parts.append(Evidence("derivation", "stand_in", _stand_in))
        slug = "".join(c if c.isalnum() else "-" for c in self.name.lower()).strip("-")
        while "--" in slug:
            slug = slug.replace("--", "-")
        return Claim(
            id=f"calibration.{slug}", title=self.name, paper=_PAPER, locator="known in closed form",
            statement=self.truth, symbols=self.symbols, decides=self.decides(by), evidence=tuple(parts),
        )  # fmt: skip


def _stand_in(proof: Any) -> None:
    raise UsageError("a calibration claim has no derivation to run")


# -- data -------------------------------------------------------------------------------------------------------------


def _one(draw: Callable[[Any, Any, int], Any]) -> Callable[..., Any]:
    def simulate(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
        return {"quantity": draw(xp, rng, size)}

    return simulate


_EXPONENTIAL = _one(lambda xp, rng, size: rng.exponential((size,)))
_UNIFORM = _one(lambda xp, rng, size: 2 * rng.uniform((size,)))
_GAUSSIAN = _one(lambda xp, rng, size: 1 + rng.normal((size,)))
_SKEWED = _one(lambda xp, rng, size: xp.exp(rng.normal((size,)) - 0.5))
_PARETO = _one(lambda xp, rng, size: (1 - rng.uniform((size,))) ** (-1 / 1.5) / 3)  # infinite variance, mean 1
_RARE = _one(lambda xp, rng, size: rng.bernoulli(0.002, (size,)) / 0.002)
_UNIT = _one(lambda xp, rng, size: rng.uniform((size,)))


def _autoregression(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
    """The mean square of eight steps of x' = x/2 + noise, started stationary; scaled to mean 1."""
    noise = rng.normal((size, 8))
    x, total = noise[:, 0] / 0.75**0.5, 0.0
    for k in range(1, 8):
        total = total + x**2
        x = x / 2 + noise[:, k]
    return {"quantity": (total + x**2) * 0.75 / 8}


def _hump(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
    u = rng.uniform((size,))
    return {"quantity": 4 * u * (1 - u)}


def _descent(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
    """f after 3 steps of size 1/L on random quadratics of 4 variables, over its exact worst case."""
    h, x = rng.uniform((size, 4)), rng.sphere((size, 4))
    for _ in range(3):
        x = x - h * x
    worst = (6 / 7) ** 6 / 14
    return {"quantity": xp.sum(h * x * x, axis=-1) / (2 * worst), "quantity_error": 1e-14 * xp.ones((size,))}


def _corner(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
    return {"quantity": xp.prod(rng.uniform((size, 6)), axis=-1)}


def _bowl(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
    return {"quantity": 1 + xp.sq(rng.normal((size, 3))), "attained": xp.ones((size,))}


def _square(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
    a, b = rng.normal((size,)), rng.normal((size,))
    return {"quantity": (a + b) ** 2, "a": a, "b": b, "scale": a**2 + b**2}


def _cancelling(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
    """1 - cos x for small x: floats lose half of their digits."""
    a = 1e-4 + 1e-3 * rng.uniform((size,))
    return {"quantity": 1 - xp.cos(a), "a": a}


_GRID = tuple(8 * 2**k for k in range(8))


def _power(exponent: float, correction: float = 0.0) -> Callable[..., Any]:
    def simulate(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
        n = xp.asarray([float(k) for k in _GRID])
        mean = n**exponent * (1 + correction / n)
        return {"n": n, "quantity": mean * rng.exponential((size, len(_GRID)))}

    return simulate


def _ratio(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
    n = xp.asarray([float(k) for k in range(1, 9)])
    return {"n": n, "quantity": 0.5**n * (0.5 + rng.uniform((size, 8)))}


def _to_limit(noise: float) -> Callable[..., Any]:
    """Mean 2 + 1/n."""

    def simulate(xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
        n = xp.asarray([1.0, 2.0, 4.0, 8.0, 16.0])
        return {"n": n, "quantity": 2 + 1 / n + noise * rng.normal((size, 5))}

    return simulate


def _oscillator(leak: float, xp: Any, rng: Any, case: Any, size: int) -> dict[str, Any]:
    """Energy drift of leapfrog on a harmonic oscillator over time 2, with a share ``leak`` of the energy lost."""
    angle = 6.283185307179586 * rng.uniform((size,))
    steps = [2.0**-k for k in range(2, 8)]
    drifts = []
    for h in steps:
        p, q = xp.cos(angle), xp.sin(angle)
        for _ in range(round(2 / h)):
            p = p - h / 2 * q
            q = q + h * p
            p = p - h / 2 * q
        drifts.append((p * p + q * q) * (1 - leak) - 1)
    return {
        "h": xp.asarray(steps), "drift": xp.stack(drifts, axis=1),
        "floor": 512 * 2.0**-52, "scale": xp.ones((size,)),
    }  # fmt: skip


# -- statements -------------------------------------------------------------------------------------------------------


def _by(effect: Any) -> Any:
    return 0 if effect is None else effect


def _mean_bound(**more: Any) -> Callable[[Any], Decision]:
    return lambda e: MeanBound(_Q, 1 - _by(e), tol=float(TOL), **more)


def _mean_equals(**more: Any) -> Callable[[Any], Decision]:
    return lambda e: MeanEquals(_Q, 1 + _by(e), tol=float(TOL), **more)


def _sure(e: Any) -> Decision:
    return SureBound(_Q, 1 - _by(e))


def _probability(p: Any) -> Callable[[Any], Decision]:
    return lambda e: ProbabilityBound(_Q, 1 - p, p * (1 - _by(e)))


def _rate(exponent: Any, edge: Any = 0, **more: Any) -> Callable[[Any], Decision]:
    """Truth has this exponent; the true statement's is off by ``edge``, the false ones' by their effect more."""
    return lambda e: Rate(_Q, _N, exponent - edge - _by(e), tol=float(TOL), **more)


def _limit(e: Any) -> Decision:
    # The distance falls like 1/n; the true statement asks for the fastest rate that its tolerance still allows.
    return LimitLaw(_Q, _N, 2 * (1 + _by(e)), rate=1 + TOL if e is None else 1, tol=float(TOL))


_HALF = ("1/2", "1/5", "1/10", "1/20", "1/50", "1/100", "1/1000")
_MEAN = ("1/2", "1/5", "1/10", "1/20", "1/50")
_FINE = ("1/10", "1/100", "1/1000", "1/100000", "1/10000000", "1/1000000000", "1/1000000000000")
_LESS = "the bound times 1 - effect"
_PAST = "1/19"  # 1 lies outside (1 + 1/19)(1 -+ 1/20)

PROBES = (
    Probe("maximum inside the range", _sure, _hump, "4u(1-u) <= 1, attained at u = 1/2", _LESS, _FINE, None, False),
    Probe("gradient descent on quadratics", _sure, _descent, "f(x_3) at most its exact worst case", _LESS, _FINE,
          None, False),
    Probe("product of six uniforms", _sure, _corner, "a supremum in a corner of small probability", _LESS,
          ("9/10", "1/2", "1/5", "1/10", "1/100", "1/1000"), None, False, samples=2048),
    Probe("exponential, bets", _mean_bound(), _EXPONENTIAL, "E Q = bound", _LESS, _MEAN, "1/21"),
    Probe("Pareto of infinite variance, bets", _mean_bound(), _PARETO, "E Q = bound", _LESS, _MEAN, "1/21"),
    Probe("a value of 500 once in 500, bets", _mean_bound(), _RARE, "E Q = bound", _LESS, _MEAN, "1/21"),
    Probe("autoregression, bets", _mean_bound(), _autoregression, "E Q = bound", _LESS, _MEAN, "1/21"),
    Probe("uniform, declared support", _mean_bound(support=(0, 2)), _UNIFORM, "E Q = bound", _LESS, _MEAN, "1/21",
          cost=0.2),
    Probe("Gaussian, asymptotic", _mean_bound(nonnegative=False), _GAUSSIAN, "E Q = bound", _LESS, _MEAN, "1/21"),
    Probe("Gaussian", _mean_equals(), _GAUSSIAN, "E Q = value", "the value times 1 + effect", _MEAN, _PAST),
    Probe("exponential", _mean_equals(), _EXPONENTIAL, "E Q = value", "the value times 1 + effect", _MEAN, _PAST),
    Probe("log-normal", _mean_equals(), _SKEWED, "E Q = value", "the value times 1 + effect", _MEAN, _PAST),
    Probe("uniform on declared support", _mean_equals(support=(0, 2)), _UNIFORM, "E Q = value",
          "the value times 1 + effect", _MEAN, _PAST, cost=0.2),
    Probe("Pareto of infinite variance", _mean_equals(), _PARETO, "E Q = value", "the value times 1 + effect", _MEAN,
          _PAST),
    Probe("probability 1/2", _probability(Rational(1, 2)), _UNIT, "P = bound", _LESS, _HALF, "1/1000"),
    Probe("probability 1/20", _probability(Rational(1, 20)), _UNIT, "P = bound", _LESS, _HALF, "1/1000"),
    Probe("probability 1/1000", _probability(Rational(1, 1000)), _UNIT, "P = bound", _LESS, _HALF, "1/1000"),
    Probe("power law at the edge of the tolerance", _rate(-1, TOL), _power(-1), "the exponent at the end of its "
          "tolerance", "the exponent beyond its tolerance by effect", ("1/2", "1/5", "1/10", "1/20", "1/50"), "1/1000"),
    Probe("power law with a correction 1 + 1/n", _rate(-1), _power(-1, 1.0), "the exponent exactly; a term of lower "
          "order bends the data", "the exponent off by effect", ("1/2", "1/5", "1/10", "3/50"), "1/10"),
    Probe("geometric decay", _rate(Rational(1, 2), TOL, geometric=True), _ratio, "the ratio at the end of its "
          "tolerance", "the ratio beyond its tolerance by effect", ("1/5", "1/10", "1/20", "1/50", "1/100"), "1/1000"),
    Probe("2 + 1/n", _limit, _to_limit(0.2), "the slowest rate that the tolerance allows",
          "the limit times 1 + effect", ("1/2", "1/5", "1/10", "9/100"), "9/100"),
    Probe("2 + 1/n, noisier", _limit, _to_limit(1.0), "the slowest rate that the tolerance allows",
          "the limit times 1 + effect", ("1/2", "1/5", "1/10", "9/100"), "9/100"),
    Probe("leapfrog on an oscillator", lambda e: Conserved(_Q, order=2), _oscillator,
          "the energy is conserved (alone, an experiment does not pass it: a smaller leak would not show)",
          "a share of the energy lost", ("1/10", "1/100", "1/1000", "1/10000", "1/100000", "1/1000000"), None, False,
          samples=256, moves=True),
    Probe("quadratic bowl", lambda e: Minimiser(_Q, 1 + _by(e)), _bowl, "min F = 1, attained",
          "the value times 1 + effect", ("1/10", "1/1000", "1/100000", "1/500000", "1/10000000"), "1/500000", False,
          samples=1024),
    Probe("binomial square", lambda e: Identity(_Q, (_A**2 + 2 * _A * _B + _B**2) * (1 + _by(e))), _square,
          "both sides equal", "one side times 1 + effect", _FINE, "1/100000000", False, samples=1024,
          symbols={_A: Observed(), _B: Observed()}),
    Probe("cancellation", lambda e: Identity(_Q, _cosine() * (1 + _by(e))), _cancelling,
          "both sides equal; floats differ in the 10th digit", "one side times 1 + effect", _FINE, "1/100000000", False,
          samples=1024, cost=0.3, symbols={_A: Observed()}),
    Probe("an instance above by 1/1000", lambda e: Counterexample(_Q, Rational(999, 1000) if e is None else 1 + e),
          _hump, "some u has 4u(1-u) > 999/1000", "the refuted bound above the maximum by effect",
          ("1/10", "1/1000", "1/1000000", "1/1000000000", "1/1000000000000", "0"), "0", False, samples=1024),
    Probe("a mean above by 1/10^9", lambda e: Counterexample(
        _Q, (1 - Rational(1, 10**9)) if e is None else 1 + e, mean=True), _EXPONENTIAL, "E Q exceeds the bound, barely",
        "the refuted bound above the mean by effect", ("1/2", "1/5", "1/10", "1/20", "1/50", "0"), "0"),
)  # fmt: skip


def _cosine() -> Any:
    from sympy import sin

    return 2 * sin(_A / 2) ** 2
