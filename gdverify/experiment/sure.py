"""Decisions about every instance: sure bounds, minimisers, identities, exhibited counterexamples.

Floating point only nominates candidates; what counts is the recheck of their saved draws in interval arithmetic, at
growing precision.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import ExperimentError, UndecidedError
from .ball import Interval, leaks
from .clock import work_seconds
from .decide import Decider, Finding
from .directed import Search
from .laboratory import Laboratory
from .random import Primitive
from .sequential import no_event_bound
from .trace import Histogram

PRECISIONS = (106, 256, 512, 1024)
_TIE = 1e-9  # relative distance below the bound within which a row is rechecked as if it exceeded it
_EQUAL = 1e-25  # relative: beyond anything that draws in double precision could have meant
_KEPT = 64
_ELITE = 16
_SEARCH_RECHECKS = 8
_TINY = 1e-300
_UNRELIABLE = 1e-6  # relative error of floats beyond which "it was only rounding" is no explanation

Sides = Callable[[dict[str, Any]], tuple[Any, ...]]


class Recheck:
    """Outcome of an interval recheck: ``violated``, ``holds``, ``tie`` or ``unsupported``."""

    def __init__(self, status: str, left: Any = None, right: Any = None, reason: str = ""):
        self.status, self.left, self.right, self.reason = status, left, right, reason


def recheck(
    lab: Laboratory, draws: Sequence[Primitive], sides: Sides, seconds: float, precisions: Sequence[int] = PRECISIONS
) -> Recheck:
    """Is left <= right at the instance with these draws?  Certain answers only.

    ``sides`` may give a third number, the size that an excess is compared with where a side is 0 itself.

    The precision grows until the answer is certain.  A tie is what no precision decides although the two enclosures
    leave room for a relative excess of at most 1e-9 (of 1e-25, to stop before the last precision), or for one that
    shrinks with the precision, as it does where both sides are 0; and a violation that hangs on the rounding of a
    Python constant.  Wider enclosures decide nothing, and the status is then ``unsupported``.
    """
    deadline = work_seconds() + seconds
    left = right = None
    stuck, room, rooms = "", np.inf, []
    for bits in precisions:
        try:
            before = leaks()
            left, right, *size = sides(lab.enclose(draws, bits, max(deadline - work_seconds(), 0.01)))
            room = _room(left, right, *size)
            rooms.append((bits, (left - right).high()))
            if not left > right:
                return Recheck("holds", left, right)
            if leaks() > before and not _robust(lab, draws, sides, bits, deadline, left - right):
                return Recheck("tie", left, right)
            return Recheck("violated", left, right)
        except UndecidedError as problem:
            stuck = str(problem)
            if room <= _EQUAL:
                return Recheck("tie", left, right)
        except (ExperimentError, TypeError, AttributeError, ValueError, LookupError) as problem:
            if room <= _TIE:
                break
            return Recheck("unsupported", reason=" ".join(str(problem).split()))
    if room <= _TIE or _vanishing(rooms):
        return Recheck("tie", left, right)
    if left is None:
        return Recheck("unsupported", reason=stuck)
    return Recheck("unsupported", left, right, f"the enclosures {left!r} and {right!r} overlap at {bits} bits")


def _robust(
    lab: Laboratory, draws: Sequence[Primitive], sides: Sides, bits: int, deadline: float, excess: Interval
) -> bool:
    """Whether the excess is beyond four times what moving the rounded constants by 4 units in the last place does."""
    moved = Interval(0)
    for reading in (1, 2, 3):
        left, right, *_ = sides(lab.enclose(draws, bits, max(deadline - work_seconds(), 0.01), reading))
        moved = Interval.larger(moved, abs(left - right - excess))
    return excess > 4 * moved


def _room(left: Any, right: Any, size: float = _TINY) -> float:
    """The largest relative excess of left over right that the enclosures leave room for."""
    (_, high), (low, _) = left.ends(), right.ends()
    return float((high - low) / max(abs(high), abs(low), size))


def _vanishing(rooms: Sequence[tuple[int, Interval]]) -> bool:
    """Whether the excess that is left open has shrunk by half the bits that were added: what is not 0 would not."""
    if len(rooms) < 2:
        return False
    (few, first), (many, last) = rooms[0], rooms[-1]
    return many > few and bool(last * Fraction(2) ** ((many - few) // 2) < first)


class SureDecider(Decider):
    """left <= right on every row; ``SureBound`` and ``Minimiser``."""

    searches = True
    compares = True

    def __init__(self, lab: Laboratory, alpha: float, effort: Any):
        super().__init__(lab, alpha, effort)
        self.spent = 0.0  # seconds of rechecks
        self.n = 0
        self.best = -np.inf
        self.best_ratio: float | None = None
        self.best_sides = (0.0, 0.0)
        self.exceeding = 0
        self.identical = True
        self.approximate = False  # whether instances come with an error that the experiment estimates
        self.first: tuple[float, float] | None = None
        self.histogram: Histogram | None = None
        # The rows nearest to (or beyond) the bound, and their sides as they came out in their batch.
        self._heap: list[tuple[float, int, int, float, float]] = []
        self._checked: dict[tuple[int, int], Recheck] = {}

    # What is compared: floats on rows, and enclosures of one instance.

    def sides(self, rows: dict[str, np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
        return rows["quantity"], self.lab.evaluate(self.decision.bound, rows, size)

    def enclosed_sides(self, row: dict[str, Any]) -> tuple[Any, ...]:
        error = row.get("quantity_error", 0)
        return row["quantity"] - error, row["bound"]

    def _scores(self, rows: dict[str, np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left, right = self.sides(rows, size)
        left = left - rows.get("quantity_error", 0.0)
        scale = np.maximum(np.maximum(np.abs(left), np.abs(right)), _TINY)
        return (left - right) / scale, left, right

    def _note(self, scores: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
        k = int(np.argmax(scores))
        if scores[k] > self.best:
            self.best, self.best_sides = float(scores[k]), (float(left[k]), float(right[k]))
            self.best_ratio = float(left[k] / right[k]) if right[k] > 0 else None

    def add(self, rows: dict[str, np.ndarray], first: int, size: int) -> None:
        scores, left, right = self._scores(rows, size)
        self.n += size
        self.approximate = self.approximate or "quantity_error" in rows
        self.exceeding += int(np.sum(scores > 0))
        self._note(scores, left, right)
        self._count(scores, left, right)
        if self.first is None:
            self.first = (left[0], right[0])
        self.identical = self.identical and bool(np.all(left == self.first[0]) and np.all(right == self.first[1]))
        for k in np.argsort(-scores, kind="stable")[:_KEPT]:
            block, row = divmod(int(k), self.lab.rows)
            entry = (float(scores[k]), -(first + block), -row, float(left[k]), float(right[k]))
            if len(self._heap) < _KEPT:
                heapq.heappush(self._heap, entry)
            elif entry > self._heap[0]:
                heapq.heapreplace(self._heap, entry)
            else:
                break

    def _count(self, scores: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
        if self.histogram is None:
            ratios = bool(np.all(right > 0))
            first = left / right if ratios else left - right
            self.histogram = Histogram(
                "quantity/bound" if ratios else "quantity - bound", first[: self.lab.rows], float(ratios)
            )
        mark = self.histogram.mark
        with np.errstate(all="ignore"):
            values = np.where(right > 0, left / right, np.nan) if mark else left - right
        self.histogram.add(np.where(np.abs(scores) <= _TIE, mark, values))

    def trace(self) -> dict[str, Any] | None:
        if self.histogram is None:
            return None
        counted = self.histogram.plain(self.histogram.mark)
        return {"histogram": counted} if counted else None

    def _ranked(self) -> list[tuple[float, int, int]]:
        return [(s, -b, -r) for s, b, r, *_ in sorted(self._heap, reverse=True)]

    def check(self) -> Finding | None:
        for score, block, row in self._ranked()[:3]:
            if score > 0 and len(self._checked) < 12:
                found = self._recheck_row(block, row)
                if found is not None:
                    return found
        return None

    def _recheck_row(self, block: int, row: int) -> Finding | None:
        if (block, row) in self._checked or self._exhausted():
            return None
        rows, recorder = self.lab.record(block)
        began = work_seconds()
        result = self._recheck(recorder.row(row))
        self.spent += work_seconds() - began
        if result.status == "holds" and self.compares:
            self._compare(result, *(float(side[row]) for side in self.sides(rows, self.lab.rows)))
            for *_, left, right in (e for e in self._heap if e[1:3] == (-block, -row)):
                self._compare(result, left, right)  # which hangs on the size of the batch, if rows mix
        self._checked[block, row] = result
        return self._fail(result, recorder.row(row)) if result.status == "violated" else None

    def _exhausted(self) -> bool:
        """No further recheck: none can be carried out, or they have taken their time."""
        return self.spent > 2 * self.effort.recheck_seconds or (
            sum(r.status == "unsupported" for r in self._checked.values()) > 1
        )

    def _compare(self, result: Recheck, left: float, right: float) -> None:
        """An instance that holds exactly but comes out otherwise in floats was not seen by the floats at all."""
        scale = max(abs(left), abs(right), _TINY)
        if max(abs(result.left.middle() - left), abs(result.right.middle() - right)) > _UNRELIABLE * scale:
            result.status = "unsupported"
            result.reason = f"floating point is unreliable here ({left:.6g} is {result.left!r})"

    def _recheck(self, draws: Sequence[Primitive]) -> Recheck:
        return recheck(self.lab, draws, self.enclosed_sides, self.effort.recheck_seconds)

    def _fail(self, result: Recheck, draws: Sequence[Primitive]) -> Finding:
        left, right = result.left, result.right
        ratio = left.middle() / right.middle() if right.middle() > 0 else None
        beyond = " beyond the error that the experiment declares" if self.approximate else ""
        return Finding(
            "fail",
            message=f"violated at a saved instance{beyond}, confirmed in interval arithmetic: "
            f"{self._told(left, right)}",
            estimate=ratio if ratio is not None else left.middle(),
            bound=1.0 if ratio is not None else right.middle(),
            margin=1 - ratio if ratio is not None else right.middle() - left.middle(),
            violation=list(draws),
        )

    def _told(self, left: Any, right: Any) -> str:
        return f"quantity {left!r} > bound {right!r}"

    def finish(self, complete: bool) -> Finding:
        ranked = [e for e in self._ranked() if e[0] > -_TIE]
        beyond = [e for e in ranked if e[0] > 0]
        spread = beyond[4 :: max(1, len(beyond) // 8)][:8] if len(beyond) > 4 else []
        ties = [e for e in ranked if e[0] <= 0][:2]
        for _, block, row in beyond[:4] + sorted(spread, key=lambda e: e[1]) + ties:
            found = self._recheck_row(block, row)
            if found is not None:
                return found
        unsupported = [r for (b, k), r in self._checked.items() if r.status == "unsupported"]
        if beyond and unsupported:
            return self._unconfirmed(unsupported[0].reason)
        searched = 0
        if self.searches and self.lab.drawn:
            found, searched = self._search()
            if found is not None:
                return found
        return self._passed(searched, complete)

    def _unconfirmed(self, reason: str) -> Finding:
        return Finding(
            "inconclusive",
            message=f"{self.exceeding or 1} of {self.n} rows violate it in floating point (relative "
            f"{self.best:.2g}), not confirmed: {reason}",
            **self._tightness(),
        )

    def _tightness(self) -> dict[str, Any]:
        if self.best_ratio is not None:
            return {"estimate": self.best_ratio, "bound": 1.0, "margin": 1 - self.best_ratio}
        left, right = self.best_sides
        return {"estimate": left, "bound": right, "margin": right - left}

    def _passed(self, searched: int, complete: bool) -> Finding:
        parts = []
        if self.lab.drawn:
            upper = no_event_bound(self.n, self.alpha)
            parts.append(f"no violation in {self.n} instances (violation probability <= {upper:.2g})")
            if searched:
                parts.append(f"nor in {searched} of a directed search")
            if self.identical and self.n > 1:
                parts.append("every instance gave the same values although random numbers were drawn")
        else:
            parts.append("one deterministic instance")
        if not complete:
            parts.append("stopped by the time budget")
        if self.best_ratio is not None:
            parts.append(f"largest quantity/bound {self.best_ratio:.6g}")
            if abs(self.best_ratio) < 1e-6:
                parts.append("vacuous here: the bound is far above everything that was seen")
        ties = sum(r.status == "tie" for r in self._checked.values())
        if ties:
            parts.append("equality was met to the precision of the recheck")
        if self.exceeding:
            parts.append(f"{self.exceeding} rows exceeded it by rounding, {len(self._checked)} were rechecked")
        return Finding("pass", message="; ".join(parts), **self._tightness())

    # -- directed search ------------------------------------------------------------------------------------------

    def _search(self) -> tuple[Finding | None, int]:
        """Search on from the rows nearest to the bound; returns a confirmed violation, and how many were tried."""
        recorders: dict[int, Any] = {}
        draws: list[list[Primitive]] = []
        for _, block, row in self._ranked()[: min(_ELITE, max(2, self.lab.rows))]:
            if block not in recorders:
                if len(recorders) >= self.effort.search_blocks:
                    continue
                recorders[block] = self.lab.record(block)[1]
            draws.append(recorders[block].row(row))
        recorders.clear()
        rows = self.lab.rows
        search = Search(self.lab, self._scores, draws[0], seed="search", population=rows, chunk=rows)
        search.evaluate(np.stack([search.point(d) for d in draws]))
        rechecks, unsupported = 0, ""
        deadline = work_seconds() + self.effort.search_seconds
        for _ in range(self.effort.generations if search.n else 0):
            if work_seconds() > deadline:
                break
            search.step()
            best = search.found()
            if not best:
                continue
            if best[0].score > self.best:
                self.best, self.best_sides = best[0].score, (best[0].left, best[0].right)
                self.best_ratio = best[0].left / best[0].right if best[0].right > 0 else None
            if best[0].score > 0 and rechecks < _SEARCH_RECHECKS:
                rechecks += 1
                instance = search.draws(best[0].point)
                result = self._recheck(instance)
                if result.status == "violated":
                    return self._fail(result, instance), search.evaluated
                if result.status == "unsupported":
                    unsupported = unsupported or result.reason
                elif self.compares and best[0].score > _TIE:
                    search.distrust(max(abs(best[0].left), abs(best[0].right)))
        if unsupported:
            return self._unconfirmed(unsupported), search.evaluated
        return None, search.evaluated


class MinimiserDecider(SureDecider):
    """value <= F everywhere, and F = value at the claimed minimiser (relative tolerance ``tol`` of the claim)."""

    def __init__(self, lab: Laboratory, alpha: float, effort: Any):
        super().__init__(lab, alpha, effort)
        self.lowest, self.value, self.gap, self.attains = np.inf, 0.0, 0.0, False
        self.worst_attained: tuple[int, int] | None = None

    def sides(self, rows: dict[str, np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
        return self.lab.evaluate(self.decision.value, rows, size), rows["quantity"]

    def enclosed_sides(self, row: dict[str, Any]) -> tuple[Any, ...]:
        return row["value"] - row.get("quantity_error", 0), row["quantity"]

    def _count(self, scores: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
        values = np.where(np.abs(scores) <= _TIE, 0.0, right - left)
        if self.histogram is None:
            self.histogram = Histogram("quantity - minimum", values[: self.lab.rows], 0.0, low_side=False)
        self.histogram.add(values)

    def _told(self, left: Any, right: Any) -> str:
        return f"a value {right!r} below the claimed minimum {left!r}"

    def add(self, rows: dict[str, np.ndarray], first: int, size: int) -> None:
        super().add(rows, first, size)
        value = self.lab.evaluate(self.decision.value, rows, size)
        k = int(np.argmin(rows["quantity"] - value))
        if rows["quantity"][k] < self.lowest:
            self.lowest, self.value = float(rows["quantity"][k]), float(value[k])
        attained = rows.get("attained")
        if attained is None and self.decision.attained is not None and not isinstance(self.decision.attained, str):
            attained = self.lab.evaluate(self.decision.attained, rows, size)
        if attained is not None:
            self.attains = True
            gap = np.abs(attained - value) / np.where(value == 0, 1.0, np.abs(value))
            k = int(np.argmax(gap))
            if gap[k] > self.gap:
                self.gap, self.worst_attained = float(gap[k]), (first + k // self.lab.rows, k % self.lab.rows)

    def check(self) -> Finding | None:
        if self.gap > self.decision.tol and self.worst_attained is not None:
            _, recorder = self.lab.record(self.worst_attained[0])
            draws = recorder.row(self.worst_attained[1])

            def gap(row: dict[str, Any]) -> tuple[Any, Any]:
                value = row["value"]
                size = abs(value) if value != 0 else Interval(1)
                return abs(row["attained"] - value), size * self.decision.tol

            result = recheck(self.lab, draws, gap, self.effort.recheck_seconds)
            if result.status == "unsupported":
                return Finding(
                    "inconclusive",
                    message=f"the claimed minimiser misses the value by {self.gap:.3g} in floating point, "
                    f"not confirmed: {result.reason}",
                )
            if result.status == "violated":
                return Finding(
                    "fail",
                    message=f"the claimed minimiser misses the claimed value by {self.gap:.3g} (relative), confirmed "
                    "in interval arithmetic",
                    estimate=self.gap, bound=self.decision.tol, margin=self.decision.tol - self.gap,
                    violation=draws,
                )  # fmt: skip
        return super().check()

    def _unconfirmed(self, reason: str) -> Finding:
        if self.best <= self.decision.tol:
            return self._passed(0, True)  # within the claim's stated tolerance
        return super()._unconfirmed(reason)

    def _tightness(self) -> dict[str, Any]:
        return {
            "estimate": self.lowest, "bound": self.value, "margin": self.lowest - self.value,
            "tolerance": self.decision.tol,
        }  # fmt: skip

    def _passed(self, searched: int, complete: bool) -> Finding:
        found = super()._passed(searched, complete)
        text = f"attained within {self.gap:.2g} (relative)" if self.attains else "attainment was not checked"
        found.message += f"; {text}"
        return found


class IdentityDecider(SureDecider):
    """left = right to ``rtol`` in floats; what is not goes to the recheck, where only certain difference counts.

    ``quantity_error``, the error of an approximated instance, is taken off the difference.
    """

    searches = False
    compares = False

    def sides(self, rows: dict[str, np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
        left = rows["left"] if "left" in rows else rows["quantity"]
        if "right" in rows:
            return left, rows["right"]
        right = self.lab.evaluate(self.decision.bound, rows, size)
        return left, right.reshape((size,) + (1,) * (left.ndim - 1))

    def _scores(self, rows: dict[str, np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left, right = self.sides(rows, size)
        if left.shape != np.broadcast_shapes(left.shape, right.shape):
            raise ExperimentError(f"left has shape {left.shape} and right {right.shape}")
        flat = (size, -1)
        error = rows.get("quantity_error", 0.0)
        gap = np.maximum(np.abs(left - right).reshape(flat).max(axis=1) - error, 0.0)
        terms = np.maximum(np.abs(left), np.abs(right)).reshape(flat).max(axis=1)
        terms = np.maximum(np.maximum(terms, np.abs(rows.get("scale", 0.0))), _TINY)
        score = gap / terms - self.decision.rtol
        return score, gap, terms

    def enclosed_sides(self, row: dict[str, Any]) -> tuple[Any, ...]:
        left = row["left"] if "left" in row else row["quantity"]
        right = row["right"] if "right" in row else row["bound"]
        flat = lambda x: np.atleast_1d(np.asarray(x, dtype=object)).reshape(-1)
        worst = max(flat(abs(left - right)), key=lambda g: (g.low().middle(), g.middle()))
        terms = [Interval(t).magnitude().middle() for x in (left, right, row.get("scale", 0)) for t in flat(x)]
        return Interval.larger(worst - row.get("quantity_error", 0), Interval(0)), Interval(0), max(*terms, _TINY)

    def _count(self, scores: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
        values = left / right  # the gap, and the size that it is compared with
        if self.histogram is None:
            self.histogram = Histogram("|left - right|/size", values[: self.lab.rows], self.decision.rtol, log=True)
        self.histogram.add(values)

    def _told(self, left: Any, right: Any) -> str:
        return f"the sides differ by {left!r}"

    def check(self) -> Finding | None:
        for score, block, row in self._ranked()[:3]:
            if score > 0 and len(self._checked) < 12:
                found = self._recheck_row(block, row)
                if found is not None:
                    return found
        return None

    def _fail(self, result: Recheck, draws: Sequence[Primitive]) -> Finding:
        found = super()._fail(result, draws)
        found.estimate, found.bound, found.margin = self._mismatch(), self.decision.rtol, -self.best
        return found

    def _mismatch(self) -> float:
        return self.best + self.decision.rtol

    def finish(self, complete: bool) -> Finding:
        # A tie at the tolerance needs no recheck: the tolerance is the claim's own.
        self._heap = [e for e in self._heap if e[0] > 0]
        return super().finish(complete)

    def _tightness(self) -> dict[str, Any]:
        rtol = self.decision.rtol
        return {"estimate": self._mismatch(), "bound": rtol, "margin": -self.best, "tolerance": rtol}

    def _passed(self, searched: int, complete: bool) -> Finding:
        text = f"the sides agree within {self._mismatch():.2g} (relative) on {self.n} instances"
        if self._checked:
            text += f"; {len(self._checked)} larger differences are rounding (rechecked in interval arithmetic)"
        return Finding("pass", message=text, **self._tightness())


class CounterexampleDecider(SureDecider):
    """Pass as soon as one exhibited instance certainly has quantity > bound."""

    searches = False

    def _fail(self, result: Recheck, draws: Sequence[Primitive]) -> Finding:
        found = super()._fail(result, draws)
        found.verdict = "pass"
        found.message = "an exhibited instance, saved, evaluated in interval arithmetic: " + self._told(
            result.left, result.right
        )
        if found.margin is not None:
            found.margin = -found.margin
        return found

    def _passed(self, searched: int, complete: bool) -> Finding:
        return Finding("fail", message=f"none of {self.n} exhibited instances violates it", **self._tightness())
