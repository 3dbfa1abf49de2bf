"""Decisions about means and probabilities, by confidence sequences (see `sequential` for what each assumes)."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import ExperimentError, UndecidedError
from .backend import namespace
from .ball import Interval
from .decide import Decider, Effort, Finding
from .laboratory import Laboratory
from .random import Primitive
from .sequential import asymptotic_interval
from .spread import Spread
from .sure import PRECISIONS, recheck
from .trace import Looks
from .watched import BoundedMean, ExcessBet, RobustMean, SubGaussianMean, Watched, block_rows, success_interval

ROUNDING = 1e-9  # relative size below which a difference of float64 results is not evidence of anything
_PLAIN = 1e-4  # a difference of this size, relative to the numbers that the experiment works with, needs no recheck
_INSTANCES = 8


class MeanDecider(Decider):
    """What the kinds about E[Q] share.

    Where the bound depends on what an instance brought and varies over rows, the ratio Q/B is compared with 1.
    """

    nonnegative = False
    bets = False  # whether bets against E[Q] <= bound may decide, beside the interval: each then has half of alpha

    def __init__(self, lab: Laboratory, alpha: float, effort: Effort):
        super().__init__(lab, alpha, effort)
        self.spread = Spread(namespace("cpu"))
        self.bound: float | None = None
        self.ratio = False
        self.watched: Watched | None = None  # an interval without asymptotics, where the claim declares enough for one
        self.support: tuple[float, float] | None = None
        self.bet: ExcessBet | None = None
        self.finding: Finding | None = None
        self.looks = Looks()
        self._rounded: float | None = None

    # -- taking samples -----------------------------------------------------------------------------------------

    def add(self, rows: dict[str, np.ndarray], first: int, size: int) -> None:
        if self.bound is None:
            self._start(rows, size)
        q = self._samples(rows, size)
        if not self.lab.drawn and len(self.spread.means):
            return
        if self.nonnegative and q.min() < -ROUNDING * np.abs(q).max():
            raise ExperimentError(f"the claim declares the quantity non-negative; a sample is {q.min():.6g}")
        if self.support is not None:
            low, high = self.support
            slack = ROUNDING * (high - low)
            if q.min() < low - slack or q.max() > high + slack:
                raise ExperimentError(f"a sample leaves the declared support [{low:.6g}, {high:.6g}]")
            q = np.clip(q, low, high)
        for block in block_rows(q, self.lab.rows):
            self.spread.add(block[None])
            if self.watched is not None:
                self.watched.add(block)
            if self.bet is not None:
                if self.spread.low[0] < 0 and not self.nonnegative:
                    self.bet = None
                else:
                    self.bet.add(np.maximum(block, 0.0))

    def _start(self, rows: dict[str, np.ndarray], size: int) -> None:
        bound = self.lab.evaluate(self.decision.bound, rows, size)[: self.lab.rows]
        per_row = any(rows[n].ndim for n in self._bound_names() if n in rows)
        varies = bool(np.ptp(bound) > ROUNDING * np.abs(bound).max())
        self.ratio = per_row and (varies or self.lab.rows == 1)
        self.bound = 1.0 if self.ratio else float(bound[0])
        if not self.ratio:
            self._declared(rows, size)
        if self.bets and self.bound > 0:
            self.bet = ExcessBet(self.bound)

    def _declared(self, rows: dict[str, np.ndarray], size: int) -> None:
        """The interval that rests on what the claim declares of the quantity: its range, a proxy, a variance."""

        def number(field: str, expr: Any) -> float:
            values = self.lab.evaluate(expr, rows, size)
            if np.ptp(values) > 0:
                raise ExperimentError(f"the declared {field} varies over instances; it must be one number per case")
            return float(values[0])

        given = {f: getattr(self.decision, f, None) for f in ("support", "proxy", "variance")}
        share = self.alpha / 2 if self._may_bet() else self.alpha
        if given["support"] is not None:
            low, high = (number("support", e) for e in given["support"])
            if not low < high:
                raise ExperimentError(f"the declared support [{low:.6g}, {high:.6g}] is empty")
            self.support = (low, high)
            self.watched = BoundedMean(low, high, share)
            return
        for field, make in (("proxy", SubGaussianMean), ("variance", RobustMean)):
            if given[field] is not None:
                value = number(field, given[field])
                if value <= 0:
                    raise ExperimentError(f"the declared {field} is {value:.6g}; it must be positive")
                self.watched = make(value, share)
                return

    def _may_bet(self) -> bool:
        return self.bets and self.bound is not None and self.bound > 0

    def _bound_names(self) -> set[str]:
        import sympy

        return {s.name for s in sympy.sympify(self.decision.bound).free_symbols}

    def _samples(self, rows: dict[str, np.ndarray], size: int) -> np.ndarray:
        bound = self.lab.evaluate(self.decision.bound, rows, size)
        q = rows["quantity"]
        if self.ratio:
            if np.any(bound <= 0):
                raise ExperimentError("the bound varies over instances and is not positive on all of them")
            return q / bound
        assert self.bound is not None
        if np.any(np.abs(bound - self.bound) > ROUNDING * abs(self.bound)):
            raise ExperimentError("the bound differs between blocks")
        return q

    # -- deciding -----------------------------------------------------------------------------------------------

    def _interval(self) -> tuple[tuple[float, float], str, str]:
        """Interval, the name of what it rests on, and why it must not be used (if so)."""
        if self.watched is not None:
            return self.watched.interval(), self.watched.basis, ""
        share = self.alpha / 2 if self._intervals_decide() and self._may_bet() else self.alpha
        low, high = asymptotic_interval(self.spread.xp, self.spread.block_means(), share)
        return (float(low[0]), float(high[0])), "asymptotic", self.spread.refusal(share)

    def _look(self) -> tuple[tuple[float, float], str, str]:
        """`_interval`, noted for the trace."""
        interval, basis, refused = self._interval()
        self.looks.note(self.spread.n, self._mean, *interval, valid=not refused)
        return interval, basis, refused

    def trace(self) -> dict[str, Any] | None:
        sequence = self.looks.plain()
        if sequence is None or self.bound is None:
            return None
        return {
            "sequence": sequence,
            "of": "quantity/bound" if self.ratio else "quantity",
            "bound": self.bound,
            "tolerance": self._tolerance() if hasattr(self.decision, "tol") else None,
        }

    def _intervals_decide(self) -> bool:
        """Whether an asymptotic interval may decide what the bets also may."""
        return True

    def _bets_won(self) -> bool:
        if self.bet is None:
            return False
        alone = self.watched is None and not self._intervals_decide()
        return self.bet.evidence >= math.log((1 if alone else 2) / self.alpha)

    @property
    def _mean(self) -> float:
        return float(self.spread.mean[0])

    def _tolerance(self) -> float:
        assert self.bound is not None
        tol = self.decision.tol
        return tol if getattr(self.decision, "absolute", False) else tol * abs(self.bound)

    def _finding(self, verdict: str, message: str) -> Finding:
        interval = self._look()[0]
        assert self.bound is not None
        if self.ratio:
            message += "; quantity/bound is compared with 1, since the bound varies over instances"
        if self.support is not None and self.bound > self.support[1]:
            message += "; vacuous here: the bound exceeds the declared support"
        return Finding(
            verdict, message=message, estimate=self._mean, bound=self.bound,
            interval=interval if all(map(math.isfinite, interval)) else None,
            tolerance=getattr(self.decision, "tol", None), margin=self.bound - self._mean,
        )  # fmt: skip

    def check(self) -> Finding | None:
        if not self.lab.drawn:
            return self._deterministic()
        if self._bets_won():
            found = self._excess()
            if found is not None:
                return found
        if self.spread.constant()[0]:
            return self._settled() if len(self.spread.means) >= 16 else None
        interval, basis, refused = self._look()
        return None if refused else self._judge(interval, basis)

    def _judge(self, interval: tuple[float, float], basis: str) -> Finding | None:
        raise NotImplementedError

    def _excess(self) -> Finding | None:
        """The bets against E[Q] <= bound have won."""
        return None

    def _settled(self) -> Finding | None:
        """What equal samples say before their budget is spent: a rare other value may still come."""
        found = self._constant()
        found.provisional = found.verdict == "pass"
        return None if found.verdict == "inconclusive" else found

    def _constant(self) -> Finding:
        """Every sample is the same although random numbers were drawn."""
        raise NotImplementedError

    def _deterministic(self) -> Finding:
        """``simulate`` draws nothing: its one value is the mean itself."""
        raise NotImplementedError

    def _evident(self, excess: float) -> bool:
        """Whether a difference from the bound is more than rounding, which is all there is where both are 0.

        A small one is compared with what floating point errs by at the instances furthest from the bound, found in
        interval arithmetic; where that has no interval version, it is taken as it is.
        """
        if self._rounded is None:
            rows, _ = self.lab.record(0)
            bounds = self.lab.evaluate(self.decision.bound, rows, self.lab.rows)
            bound, far = float(bounds[0]), np.argsort(-np.abs(rows["quantity"] - bounds), kind="stable")
            size = max([1.0, *(abs(float(v)) for v in self.lab.case.values() if isinstance(v, (int, float, Fraction)))])
            if (excess * abs(bound) if self.ratio else excess) > _PLAIN * size:
                return True
            self._rounded = max(map(self._error, far[:_INSTANCES].tolist()))
        return excess > 10 * self._rounded

    def _error(self, row: int) -> float:
        """What floats err by in Q - B (in Q/B) at a row of the first block; 0 where it cannot be told."""
        rows, recorder = self.lab.record(0)
        left = float(rows["quantity"][row])
        right = float(self.lab.evaluate(self.decision.bound, rows, self.lab.rows)[row])
        try:
            exact = self.lab.enclose(recorder.row(row), PRECISIONS[0], self.effort.recheck_seconds / _INSTANCES)
        except (UndecidedError, ExperimentError, TypeError, AttributeError, ValueError, LookupError):
            return 0.0
        value, least = (Interval(exact[k]).middle() for k in ("quantity", "bound"))
        return (abs(value - left) + abs(least - right)) / (abs(right) if self.ratio else 1.0)

    def _first_draws(self) -> list[Primitive]:
        return self.lab.record(0)[1].row(0)

    def _exceeds(self) -> str:
        """Interval recheck of quantity <= bound at the only instance there is."""

        def sides(row: dict[str, Any]) -> tuple[Any, Any]:
            return row["quantity"], row["bound"]

        return recheck(self.lab, self._first_draws(), sides, self.effort.recheck_seconds).status

    def finish(self, complete: bool) -> Finding:
        found = self.check()
        if found is not None:
            return found
        if self.spread.constant()[0]:
            return self._constant()
        _, basis, refused = self._interval()
        why = "the samples" if complete else "the time"
        text = f"undecided: {why} ran out after {self.spread.n} samples ({basis} interval)"
        if refused:
            text = f"undecided after {self.spread.n} samples: no asymptotic interval, {refused}"
        return self._finding("inconclusive", text)

    def wants_more(self) -> bool:
        return True  # its intervals hold at any stopping time


class MeanBoundDecider(MeanDecider):
    """E[Q] <= B: pass when the interval ends below B(1 + tol), fail when it begins above B."""

    def __init__(self, lab: Laboratory, alpha: float, effort: Effort):
        super().__init__(lab, alpha, effort)
        self.nonnegative = self.bets = self.decision.nonnegative

    def _intervals_decide(self) -> bool:
        # For non-negative unbounded data a refutation comes from the bets alone: they need no tail assumption.
        return not self.bets

    def _excess(self) -> Finding | None:
        assert self.bet is not None and self.bound is not None
        if not self._evident(self._mean - self.bound):
            return None
        return self._finding(
            "fail", f"bets against it won (log e-value {self.bet.evidence:.1f}; valid at any time, no moments assumed)"
        )

    def _judge(self, interval: tuple[float, float], basis: str) -> Finding | None:
        assert self.bound is not None
        low, high = interval
        may_fail = self.watched is not None or self._intervals_decide() or self.bound <= 0
        if may_fail and low > self.bound + ROUNDING * abs(self.bound) and self._evident(low - self.bound):
            return self._finding("fail", f"the mean exceeds the bound, {basis}")
        if high <= self.bound + self._tolerance():
            found = self._finding("pass", f"the mean is below the bound, {basis}")
            found.provisional = high > self.bound
            return found
        return None

    def _constant(self) -> Finding:
        assert self.bound is not None
        value, n = float(self.spread.high[0]), self.spread.n
        if value == 0:
            return self._finding("inconclusive", f"every one of {n} samples is 0: they say nothing")
        if value <= self.bound * (1 + math.copysign(ROUNDING, self.bound)):
            return self._finding("pass", f"every one of {n} samples is {value:.10g}: it does not vary with the draws")
        if self.nonnegative and self.bound > 0:
            return self._finding("inconclusive", f"every sample is {value:.10g}, above the bound; too few to refute")
        if not self._evident(value - self.bound):
            return self._finding("inconclusive", f"every sample is {value:.3g}, above the bound by rounding alone")
        return self._finding("fail", f"every one of {n} samples is {value:.10g}, above the bound (asymptotic)")

    def _deterministic(self) -> Finding:
        assert self.bound is not None
        value = self._mean
        status = "holds" if value <= self.bound else self._exceeds()
        text = "nothing is drawn: one exact value"
        if status == "violated":
            return self._finding("fail", f"{text}, above the bound in interval arithmetic")
        if status == "unsupported" and value > self.bound + self._tolerance():
            return self._finding("inconclusive", f"{text}, above the bound in floating point, not confirmed")
        return self._finding("pass", text)


class MeanEqualsDecider(MeanDecider):
    """E[Q] = B: pass when the interval lies inside B(1 +- tol), fail when it excludes B."""

    def _judge(self, interval: tuple[float, float], basis: str) -> Finding | None:
        assert self.bound is not None
        low, high = interval
        slack = ROUNDING * max(abs(self.bound), abs(self._mean))
        off = max(low - self.bound, self.bound - high)
        if off > slack and self._evident(off):
            return self._finding("fail", f"the interval excludes the value, {basis}")
        if low >= self.bound - self._tolerance() and high <= self.bound + self._tolerance():
            found = self._finding("pass", f"the mean is within the tolerance, {basis}")
            found.provisional = True
            return found
        return None

    def _constant(self) -> Finding:
        assert self.bound is not None
        value, n = float(self.spread.high[0]), self.spread.n
        text = f"every one of {n} samples is {value:.10g}: it does not vary with the draws"
        near = abs(value - self.bound) <= ROUNDING * max(abs(self.bound), abs(value), 1e-300)
        if not near and not self._evident(abs(value - self.bound)):
            return self._finding("inconclusive", f"{text}, and differs from the value by rounding alone")
        return self._finding("pass" if near else "fail", text)

    def _deterministic(self) -> Finding:
        assert self.bound is not None
        value = self._mean
        text = "nothing is drawn: one exact value"
        if abs(value - self.bound) <= ROUNDING * max(abs(self.bound), abs(value), 1e-300):
            return self._finding("pass", text)

        def apart(row: dict[str, Any]) -> tuple[Any, Any]:
            return abs(row["quantity"] - row["bound"]), Interval(0)

        status = recheck(self.lab, self._first_draws(), apart, self.effort.recheck_seconds).status
        if status == "violated":
            return self._finding("fail", f"{text}, certainly different in interval arithmetic")
        if abs(value - self.bound) <= self._tolerance():
            return self._finding("pass", f"{text}, within the tolerance")
        return self._finding("inconclusive", f"{text}, different in floating point, not confirmed")


class MeanExceedsDecider(MeanDecider):
    """Counterexample in the mean: pass when E[Q] > B is certain at the exhibited distribution."""

    bets = True

    def _excess(self) -> Finding | None:
        assert self.bet is not None and self.bound is not None
        if not self._evident(self._mean - self.bound):
            return None
        text = (
            f"the exhibited mean exceeds the bound (bets, log e-value {self.bet.evidence:.1f}; "
            "given that the quantity is non-negative, as every sample was)"
        )
        return self._finding("pass", text)

    def _judge(self, interval: tuple[float, float], basis: str) -> Finding | None:
        assert self.bound is not None
        if interval[0] > self.bound + ROUNDING * abs(self.bound) and self._evident(interval[0] - self.bound):
            return self._finding("pass", f"the exhibited mean exceeds the bound, {basis}")
        if interval[1] <= self.bound:
            return self._finding("fail", f"the exhibited mean does not exceed the bound, {basis}")
        return None

    def _constant(self) -> Finding:
        assert self.bound is not None
        exceeds = self.spread.low[0] > self.bound + ROUNDING * abs(self.bound)
        text = f"every one of {self.spread.n} samples is {self.spread.high[0]:.10g}"
        if exceeds and not self._evident(float(self.spread.low[0]) - self.bound):
            return self._finding("inconclusive", f"{text}, above the bound by rounding alone")
        return self._finding("pass" if exceeds else "fail", text)

    def _deterministic(self) -> Finding:
        status = self._exceeds()
        text = "nothing is drawn: one exact value"
        verdict = {"violated": "pass", "unsupported": "inconclusive", "tie": "inconclusive"}.get(status, "fail")
        return self._finding(verdict, f"{text} ({status} in interval arithmetic)")


class ProbabilityDecider(Decider):
    """P(Q > threshold) <= delta, by a Bernoulli confidence sequence."""

    def __init__(self, lab: Laboratory, alpha: float, effort: Effort):
        super().__init__(lab, alpha, effort)
        self.n = self.hits = 0
        self.bound: float | None = None
        self.looks = Looks()
        self._hits_stand: bool | None = None

    def add(self, rows: dict[str, np.ndarray], first: int, size: int) -> None:
        if not self.lab.drawn:
            raise ExperimentError("simulate draws nothing, so there is no probability to estimate")
        bound = self.lab.evaluate(self.decision.bound, rows, size)
        if self.bound is None:
            self.bound = float(bound[0])
        if np.any(np.abs(bound - self.bound) > ROUNDING * abs(self.bound)):
            raise ExperimentError("the probability bound varies over instances; it must be one number per case")
        threshold = self.lab.evaluate(self.decision.threshold, rows, size)
        self.n += size
        self.hits += int(np.sum(rows["quantity"] > threshold))

    def _finding(self, verdict: str, text: str) -> Finding:
        assert self.bound is not None
        share = self.hits / self.n
        return Finding(
            verdict, message=f"{text}: {self.hits} of {self.n} exceed the threshold", estimate=share,
            interval=success_interval(self.hits, self.n, self.alpha), bound=self.bound, margin=self.bound - share,
        )  # fmt: skip

    def check(self) -> Finding | None:
        assert self.bound is not None
        if self.bound >= 1:
            return self._finding("pass", "vacuous here, the bound is at least 1")
        low, high = success_interval(self.hits, self.n, self.alpha)
        self.looks.note(self.n, self.hits / self.n, low, high)
        if low > self.bound and self._evident():
            return self._finding("fail", "the probability exceeds the bound")
        if high <= self.bound:
            return self._finding("pass", "the probability is below the bound")
        return None

    def _evident(self) -> bool:
        """Whether the hits nearest to the threshold exceed it in interval arithmetic too (as far as it can tell)."""
        if self._hits_stand is None:
            rows, recorder = self.lab.record(0)
            over = rows["quantity"] - self.lab.evaluate(self.decision.threshold, rows, self.lab.rows)
            nearest = np.argsort(np.where(over > 0, over, np.inf), kind="stable")[
                : min(_INSTANCES, int(np.sum(over > 0)))
            ]
            sides = lambda row: (row["quantity"], row["threshold"])
            seconds = self.effort.recheck_seconds / _INSTANCES
            found = {recheck(self.lab, recorder.row(int(k)), sides, seconds).status for k in nearest}
            self._hits_stand = not found & {"holds", "tie"}
        return self._hits_stand

    def finish(self, complete: bool) -> Finding:
        found = self.check()
        if found is None and self._hits_stand is False:
            return self._finding("inconclusive", "some exceed the threshold by rounding alone")
        return found or self._finding("inconclusive", f"undecided: {'samples' if complete else 'time'} ran out")

    def wants_more(self) -> bool:
        return True

    def trace(self) -> dict[str, Any] | None:
        sequence = self.looks.plain()
        return {"sequence": sequence, "of": "share", "bound": self.bound, "tolerance": None} if sequence else None
