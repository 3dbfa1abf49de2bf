"""Decisions about scaling laws: rates, limits, drifts that must fall with the step size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ExperimentError
from .backend import namespace
from .decide import Decider, Effort, Finding
from .laboratory import Laboratory
from .sequential import asymptotic_interval
from .spread import Spread
from .trace import plain, thinned

_FLOOR = 1e-12  # relative size of float64 rounding in a computed distance
_ABOVE = 4.0  # a drift counts as above its floor from this multiple on
_SAFE_FLOOR = 1e-9  # a drift that never leaves a floor this small (relative to scale) is conserved to rounding


class GridDecider(Decider):
    """Block means of Q at each grid point n."""

    def __init__(self, lab: Laboratory, alpha: float, effort: Effort):
        super().__init__(lab, alpha, effort)
        self.grid: np.ndarray | None = None
        self.blocks: list[np.ndarray] = []
        self.last = Spread(namespace("cpu"))  # the samples at the largest n, for the tail guard
        self.n = 0
        self.same = True
        self.head: np.ndarray | None = None

    def add(self, rows: dict[str, np.ndarray], first: int, size: int) -> None:
        q, n = rows["quantity"], rows["n"]
        if q.shape[1] != len(n):
            raise ExperimentError(f"'quantity' has shape {q.shape} but 'n' has {len(n)} entries")
        if self.grid is None:
            self.grid, self.head = n, q[0]
            if len(np.unique(n)) != len(n) or np.any(np.diff(n) <= 0):
                raise ExperimentError("'n' must be strictly increasing")
        elif not np.array_equal(n, self.grid):
            raise ExperimentError("'n' differs between batches")
        assert self.head is not None
        self.same = self.same and bool(np.all(np.abs(q - self.head) <= _FLOOR * np.abs(self.head)))
        self.n += size
        for k in range(0, size, self.lab.rows):
            block = q[k : k + self.lab.rows]
            self.blocks.append(block.mean(axis=0))
            self.last.add(block[None, :, -1])

    def _refusal(self) -> str:
        return "" if self.same else self.last.refusal(self.alpha)

    def _series(self, alpha: float, digits: int = 6) -> dict[str, Any]:
        """Means at the grid points, each with its interval at level ``alpha``, for the trace."""
        assert self.grid is not None
        blocks = np.asarray(self.blocks)
        mean = blocks.mean(axis=0)
        radius = np.full(len(mean), math.nan) if self._refusal() else self._radius(blocks.T, alpha)
        kept = thinned(len(mean))
        columns = {"n": self.grid, "value": mean, "low": mean - radius, "high": mean + radius}
        return {name: plain(column[kept], digits) for name, column in columns.items()}

    def _radius(self, per_block: np.ndarray, alpha: float) -> np.ndarray:
        """Half-widths of the intervals of linear functionals, given their values on each block: (tests, blocks)."""
        if self.same:
            return np.zeros(len(per_block))
        low, high = asymptotic_interval(namespace("cpu"), per_block, alpha)
        return (high - low) / 2

    def wants_more(self) -> bool:
        return bool(self._refusal())  # no interval yet; one that does not decide is not asked again until it does


class RateDecider(GridDecider):
    """Slope of log E[Q_n] against log n (against n, ``geometric``), by least squares and the delta method.

    Pass needs the interval inside the tolerance and the slopes of the two halves of the window within ``curvature``
    of each other.  Fail needs the interval outside the tolerance, and the slope of the second half no nearer to the
    claim than the first's: a sequence still bending towards its claimed exponent is undecided.
    """

    def _slope(self, x: np.ndarray, mean: np.ndarray, blocks: np.ndarray) -> tuple[float, float]:
        w = x - x.mean()
        w = w / (w @ w)
        influence = ((blocks - mean) / mean) @ w
        return float(w @ np.log(mean)), float(self._radius(influence[None], self.alpha)[0])

    def _state(self) -> tuple[float, tuple[float, float], float, float, float]:
        assert self.grid is not None
        blocks = np.asarray(self.blocks)
        mean = blocks.mean(axis=0)
        if np.any(mean <= 0):
            raise ExperimentError("a rate needs positive means: 'quantity' averages to zero or less somewhere")
        geometric = self.decision.geometric
        if not geometric and np.any(self.grid <= 0):
            raise ExperimentError("'n' must be positive")
        if len(self.grid) < 4:
            raise ExperimentError("a rate needs at least 4 values of n")
        x = self.grid if geometric else np.log(self.grid)
        slope, radius = self._slope(x, mean, blocks)
        half = len(x) // 2
        first, _ = self._slope(x[: half + 1], mean[: half + 1], blocks[:, : half + 1])
        second, _ = self._slope(x[half:], mean[half:], blocks[:, half:])
        claim = float(self.lab.evaluate(self.decision.exponent, {}, 1)[0])
        if geometric:
            low, high = math.exp(slope - radius), math.exp(slope + radius)
            return math.exp(slope), (low, high), math.exp(first), math.exp(second), claim
        return slope, (slope - radius, slope + radius), first, second, claim

    def _verdict(self) -> tuple[str | None, str]:
        slope, (low, high), first, second, claim = self._state()
        tol, upper = self.decision.tol, self.decision.upper
        bend = abs(second - first)
        if upper and high <= claim + tol:
            if second <= claim + tol:
                return "pass", ""
            return None, f"the slope rises over the window, from {first:.3g} to {second:.3g}"
        if not upper and low >= claim - tol and high <= claim + tol:
            away = max(low - claim, claim - high) > 0.1 * tol and abs(second - claim) >= abs(first - claim)
            if self.alone and away:
                return None, "within the tolerance, but the slope is certainly another and stays so"
            if bend <= self.decision.curvature:
                return "pass", ""
            return None, f"the slope bends from {first:.3g} to {second:.3g} over the window"
        outside = low > claim + tol or (not upper and high < claim - tol)
        if not outside:
            return None, "the interval is too wide"
        nearer = abs(second - claim) < abs(first - claim) - 0.1 * abs(slope - claim)
        if nearer and bend > min(self.decision.curvature, 0.25 * abs(slope - claim)):
            return None, f"the slope still bends towards the claim, from {first:.3g} to {second:.3g}"
        return "fail", ""

    def _finding(self, verdict: str, extra: str) -> Finding:
        slope, interval, first, second, claim = self._state()
        assert self.grid is not None
        what = "ratio" if self.decision.geometric else "exponent"
        basis = "deterministic" if self.same else "asymptotic"
        text = f"{what} {slope:.4g} over n in [{self.grid[0]:g}, {self.grid[-1]:g}] (halves {first:.3g}, {second:.3g}; "
        return Finding(
            verdict, message=f"{text}{basis})" + (f"; {extra}" if extra else ""), estimate=slope, interval=interval,
            bound=claim, tolerance=self.decision.tol, margin=self.decision.tol - abs(slope - claim),
        )  # fmt: skip

    def trace(self) -> dict[str, Any] | None:
        if self.grid is None:
            return None
        series = self._series(self.alpha)
        if self._refusal():
            return {"series": series}
        blocks, geometric = np.asarray(self.blocks), bool(self.decision.geometric)
        x, mean = self.grid if geometric else np.log(self.grid), blocks.mean(axis=0)
        intercept = np.log(mean).mean() - self._slope(x, mean, blocks)[0] * x.mean()
        slope, (low, high), _, _, claim = self._state()
        names = ("slope", "low", "high", "intercept", "claimed")
        fit = dict(zip(names, plain([slope, low, high, intercept, claim]), strict=True))
        return {"series": series, "fit": {**fit, "geometric": geometric}}

    def check(self) -> Finding | None:
        if self._refusal():
            return None
        verdict, extra = self._verdict()
        return self._finding(verdict, extra) if verdict else None

    def finish(self, complete: bool) -> Finding:
        refused = self._refusal()
        if refused and np.any(np.asarray(self.blocks).mean(axis=0) <= 0):  # too few samples to speak of a slope
            return Finding("inconclusive", message=f"{refused}; a mean is not positive")
        if refused:
            return self._finding("inconclusive", refused)
        verdict, extra = self._verdict()
        return self._finding(verdict or "inconclusive", extra)


class LimitDecider(GridDecider):
    """|E[Q_n] - limit| must fall at least like n^-rate, to the sampling floor.

    Fail: at some later n the distance certainly exceeds what an earlier n allows, (n'/n)^(-rate + tol) times its
    largest possible distance; but not where only the first half of the window is too slow, and the second falls as
    stated, for a law of large n says nothing of small ones.  Pass: the distance at the last n is certainly within what
    the first allows, or certainly below ``tol`` times the larger of |limit| and the first distance.
    """

    def _state(self) -> tuple[np.ndarray, np.ndarray, float, float]:
        blocks = np.asarray(self.blocks)
        names = {str(self.decision.variable): self.grid[-1]} if self.grid is not None else {}
        limit = float(self.lab.evaluate(self.decision.limit, {k: np.asarray(v) for k, v in names.items()}, 1)[0])
        rate = float(self.lab.evaluate(self.decision.rate, {}, 1)[0])
        distance = np.abs(blocks.mean(axis=0) - limit)
        k = blocks.shape[1]
        radius = self._radius(blocks.T, self.alpha / k)
        radius = radius + _FLOOR * np.maximum(abs(limit), np.abs(blocks).max(axis=0))
        return distance, radius, limit, rate

    def _verdict(self) -> tuple[str | None, str]:
        assert self.grid is not None
        distance, radius, limit, rate = self._state()
        tol = self.decision.tol
        upper, lower = distance + radius, np.maximum(distance - radius, 0.0)
        small = tol * max(abs(limit), float(lower[0]))
        half = len(self.grid) // 2
        late = distance[-1] <= distance[half] * (self.grid[-1] / self.grid[half]) ** (tol - rate)
        for i in range(len(self.grid)):
            allowed = upper[i] * (self.grid[i + 1 :] / self.grid[i]) ** (tol - rate)
            worst = np.flatnonzero(lower[i + 1 :] > allowed)
            if len(worst) and lower[-1] > allowed[-1] and not late:
                j = i + 1 + int(worst[-1])
                return "fail", f"the distance stalls: {distance[j]:.3g} at n = {self.grid[j]:g}"
        if upper[-1] <= lower[0] * (self.grid[-1] / self.grid[0]) ** (tol - rate):
            return "pass", "the distance falls at the stated rate"
        if self.alone and upper[-1] <= small and lower[0] <= small and distance[-1] > radius[-1] / 2:
            # Everything is within the tolerance from the start: only noise may separate the last mean from the limit.
            return None, "within the tolerance from the first n on, and nothing is seen to shrink"
        if upper[-1] <= small:
            return "pass", "the distance falls to the sampling floor, the stated rate not contradicted"
        return None, "neither the rate nor a stall is resolved above the sampling floor"

    def _finding(self, verdict: str, text: str) -> Finding:
        distance, radius, limit, _ = self._state()
        mean = float(np.mean([b[-1] for b in self.blocks]))
        return Finding(
            verdict, message=f"{text} ({'deterministic' if self.same else 'asymptotic'})", estimate=mean,
            interval=(mean - float(radius[-1]), mean + float(radius[-1])), bound=limit, tolerance=self.decision.tol,
            margin=float(distance[-1]),
        )  # fmt: skip

    def trace(self) -> dict[str, Any] | None:
        if self.grid is None:
            return None
        _, _, limit, rate = self._state()
        series = self._series(
            self.alpha / len(self.grid), digits=12
        )  # what is drawn is the small distance to the limit
        return {"series": series, "limit": limit, "rate": rate}

    def check(self) -> Finding | None:
        if self._refusal():
            return None
        verdict, text = self._verdict()
        return self._finding(verdict, text) if verdict else None

    def finish(self, complete: bool) -> Finding:
        refused = self._refusal()
        verdict, text = ("inconclusive", refused) if refused else self._verdict()
        return self._finding(verdict or "inconclusive", text)


class ConservedDecider(Decider):
    """The largest drift over rows must fall like h^order until it meets the rounding floor.

    Judged on the finest step sizes above the floor, where a plateau shows.  Pass: slope at least order - tol there.
    Fail: slope below order - 2 tol.
    """

    def __init__(self, lab: Laboratory, alpha: float, effort: Effort):
        super().__init__(lab, alpha, effort)
        self.h: np.ndarray | None = None
        self.drift: np.ndarray | None = None
        self.floor, self.scale, self.n = 0.0, 1.0, 0

    def add(self, rows: dict[str, np.ndarray], first: int, size: int) -> None:
        h, drift = rows["h"], np.abs(rows["drift"])
        if drift.shape[1] != len(h):
            raise ExperimentError(f"'drift' has shape {drift.shape} but 'h' has {len(h)} entries")
        order = np.argsort(-h)
        h, drift = h[order], drift[:, order]
        if h[-1] <= 0 or np.any(np.diff(h) >= 0):
            raise ExperimentError("'h' must hold distinct positive step sizes")
        if self.h is not None and not np.array_equal(h, self.h):
            raise ExperimentError("'h' differs between batches")
        worst = drift.max(axis=0)
        self.h, self.drift = h, worst if self.drift is None else np.maximum(self.drift, worst)
        self.floor = max(self.floor, float(np.max(rows["floor"])))
        self.scale = float(np.min(rows["scale"])) if "scale" in rows else 1.0
        self.n += size

    def check(self) -> Finding | None:
        found = self._judge()
        return found if found.verdict == "fail" else None

    def finish(self, complete: bool) -> Finding:
        return self._judge()

    def trace(self) -> dict[str, Any] | None:
        if self.h is None or self.drift is None:
            return None
        found = self._judge()
        kept = thinned(len(self.h))
        columns = {"h": self.h, "drift": self.drift, "floor": np.full(len(self.h), self.floor)}
        return {
            "series": {name: plain(column[kept]) for name, column in columns.items()},
            # Without a tolerance there is no slope: the drift met the floor too soon.
            "fit": {"order": found.estimate if found.tolerance else None, "claimed": float(self.decision.order)},
        }

    def _judge(self) -> Finding:
        assert self.h is not None and self.drift is not None
        order, tol = self.decision.order, self.decision.tol
        above = self.drift > _ABOVE * self.floor
        if not above.any():
            good = self.floor <= _SAFE_FLOOR * self.scale
            text = "the drift is at the rounding floor at every step size"
            return Finding(
                "pass" if good else "inconclusive",
                message=text if good else f"{text}, but the floor {self.floor:.2g} is too high to tell",
                estimate=float(self.drift.max()), bound=self.floor,
            )  # fmt: skip
        # The run of step sizes, from the coarsest, before the drift first meets the floor.
        stop = len(above) if above.all() else int(np.argmin(above))
        tail = bool(above[stop:].any())
        if stop < 3:
            return Finding("inconclusive", message="fewer than 3 step sizes have a drift above the rounding floor")
        h, drift = np.log(self.h[:stop]), np.log(self.drift[:stop])
        keep = max(3, (stop + 1) // 2)
        x = h[-keep:] - h[-keep:].mean()
        slope = float(x @ drift[-keep:] / (x @ x))
        last = float((drift[-1] - drift[-2]) / (h[-1] - h[-2]))
        worst = min(slope, last)
        drift_end = float(self.drift[stop - 1])
        verdict = "pass" if worst >= order - tol else "fail" if worst < order - 2 * tol else "inconclusive"
        if verdict == "pass" and tail:
            verdict = "inconclusive"
        if (
            verdict == "pass"
            and self.alone
            and order > 1
            and drift_end > max(1e3 * self.floor, _SAFE_FLOOR * self.scale)
        ):
            return Finding(
                "inconclusive",
                message=f"the drift is still {drift_end:.2g} at the smallest step: a slower leak would not show; take "
                f"smaller steps, towards the floor {self.floor:.2g}",
                estimate=worst, bound=float(order), tolerance=tol,
            )  # fmt: skip
        text = {
            "pass": "the drift falls at the stated order",
            "fail": "the drift does not fall at the stated order",
            "inconclusive": "the order of the drift is not clear",
        }[verdict]
        return Finding(
            verdict, message=f"{text} down to {self.drift[stop - 1]:.2g} (floor {self.floor:.2g})", estimate=worst,
            bound=float(order), tolerance=tol, margin=worst - (order - tol),
        )  # fmt: skip
