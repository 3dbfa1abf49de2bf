"""Hunting for a violation: a directed search over a claim's regime and over the instances of its experiments.

Two searches are nested.  Inside one case, `directed.Search` moves the draws of an instance, one batch a generation.
Around it, cases move: the free symbols of the regime begin at its corners, edges and inside, and the best cases have
children, which inherit the best instances.  A violation counts once it is certain in interval arithmetic.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..claim import TIERS, Claim, Evidence
from ..decision import Counterexample
from ..domain import Case, Domain, _exact, check_given
from ..errors import ClaimError, ExperimentError, UndecidedError, UsageError
from ..suggest import no_such_parameter
from . import violation
from .decide import Effort, Finding, decider
from .directed import Found, Search
from .engine import SURE_KINDS, sample_budget
from .hypotheses import check_instance, check_violation
from .laboratory import Laboratory
from .random import Primitive, stream_key
from .sure import SureDecider

SCHEMA = "gdverify.hunt/1"
_RATIOS = ("sure-bound", "counterexample")  # kinds whose tightness is quantity/bound
SECONDS = 60.0  # of a hunt without a budget; only a slow experiment is cut short by it
_ROUNDS, _PARENTS, _CHILDREN = 8, 3, 3
_FIRST, _AGAIN, _POLISH = 4, 8, 160  # generations of a new case, of a parent in a round, of the best in the end
_IDLE, _PROGRESS = 3, 1e-7  # rounds without progress that end a search of fixed length
_STALE = 100  # generations without progress that end the search at a case, in a search of fixed length
_CASES = 24  # cases of the first round, at most
_RECHECKS = 8  # of one case
_EXACT = 1e-9  # relative excess that rounding may make
_EFFORT = Effort(SECONDS, 10.0, SECONDS, 0, 0, None)


@dataclass
class Hunt:
    """What a hunt found.

    Attributes
    ----------
    verdict : ``fail`` (a certain violation), ``pass`` (none; for a counterexample claim the two are exchanged),
        ``inconclusive``, ``error``
    ratio : largest quantity/bound found, rounded down; None where there is none, or the bound is not positive
    certain : whether the ratio (or the violation) was confirmed in interval arithmetic
    left, right : quantity and bound there (for a minimiser the claimed value and the smallest value found, for an
        identity the largest difference and 0)
    draws, lab : the instance, to be evaluated again
    """

    claim: Claim
    verdict: str
    message: str
    seed: int
    ratio: float | None = None
    left: float | None = None
    right: float | None = None
    certain: bool = False
    case: Mapping[str, Any] | None = None
    evidence: str | None = None
    evaluated: int = 0
    cases: int = 0
    generations: int = 0
    seconds: float = 0.0
    artefact: str | None = None
    draws: Sequence[Primitive] | None = None
    lab: Laboratory | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON, schema ``gdverify.hunt/1``."""
        names = (
            "verdict", "message", "ratio", "left", "right", "certain", "case", "evidence", "evaluated", "cases",
            "generations", "seconds", "seed", "artefact",
        )  # fmt: skip
        own = {name: getattr(self, name) for name in names}
        return {"schema": SCHEMA, "claim": self.claim.id, "decides": self.claim.decides.kind, **own}


def hunt(
    claim: Claim,
    *,
    seed: int = 0,
    budget: float | None = None,
    overrides: Mapping[str, Any] | None = None,
    device: str = "cpu",
    chunk: int | None = None,
    save_dir: str | Path | None = None,
) -> Hunt:
    """Search for an instance that violates a claim, over its regime and the draws of its experiments.

    Parameters
    ----------
    budget : seconds to go on for; without it the search has a fixed length, and its result depends on the seed alone
    overrides : exact values of symbols to hold
    chunk : instances evaluated at once, at most; it does not change the result
    save_dir : where a certain violation is saved for `replay`

    Raises
    ------
    UsageError
        the claim is not about every instance, has no experiment, or an override does not fit
    """
    decision = claim.decides
    if decision.kind not in SURE_KINDS or getattr(decision, "mean", False):
        raise UsageError(f"{claim.id} is a {decision.kind} about means or limits; hunt searches single instances")
    experiments = [e for e in claim.evidence if e.kind == "experiment"]
    if not experiments:
        raise UsageError(f"{claim.id} has no experiment, and so no instances to search")
    check_overrides(claim, experiments, overrides or {})
    return _Hunter(claim, experiments, seed, budget, dict(overrides or {}), device, chunk).run(save_dir)


def check_overrides(claim: Claim, evidence: Sequence[Evidence], overrides: Mapping[str, Any]) -> None:
    """Raises UsageError for a name that is no parameter of the claim or of this evidence."""
    known = set(claim.domains) | {k for e in evidence for part in e.cases for k in part if k != "tier"}
    for name in overrides:
        if name not in known:
            raise UsageError(no_such_parameter(name, known))


class Region:
    """The cases that one partial assignment of an experiment leaves open, as a unit cube."""

    def __init__(self, claim: Claim, evidence: Evidence, given: Mapping[str, Any]):
        self.claim, self.evidence, self.given = claim, evidence, dict(given)
        self.free = [n for n, dom in claim.domains.items() if n not in given and not dom.observed]

    def case(self, unit: Any) -> Case:
        """The case at a point of the unit cube; 0 and 1 are the ends of a symbol's range."""
        values: dict[str, Any] = {k: v for k, v in self.given.items() if k not in self.claim.domains}
        at = dict(zip(self.free, unit, strict=True))
        for name, dom in self.claim.domains.items():
            if name in self.given:
                values[name] = check_given(name, self.given[name], dom, values)
            elif name in at:
                values[name] = _place(dom, values, at[name])
        return Case(values)

    def begin(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Points to begin with: the extreme corners, the middle, then other corners, edges and the inside in turn."""
        k = len(self.free)
        yield np.zeros(k)
        if not k:
            return
        yield np.ones(k)
        yield np.full(k, 0.5)
        while True:
            corner = rng.integers(2, size=k).astype(float)
            yield corner
            yield np.where(rng.random(k) < 0.5, corner, rng.random(k))
            yield rng.random(k)

    def child(self, unit: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
        """A neighbour: one symbol kicked to an end, or some of them moved by about ``width``."""
        out, k = unit.copy(), len(self.free)
        how = rng.random()
        if how < 0.35:
            out[rng.integers(k)] = rng.integers(2)
        elif how < 0.9:
            moved = rng.random(k) < 0.5
            moved[rng.integers(k)] = True
            out = np.where(moved, np.clip(unit + width * rng.standard_normal(k), 0, 1), unit)
        else:
            out[rng.integers(k)] = rng.random()
        return out


def _place(dom: Domain, values: Mapping[str, Any], u: float) -> Any:
    low, high = dom.window(values)
    if not dom.integer:
        ends = dom.sample or (None, None)
        low = _towards(dom.low, dom.low_open, ends[0], low, values)
        high = _towards(dom.high, dom.high_open, ends[1], high, values)
    if dom.integer:
        wide = low > 0 and high / low > 20
        value = float(low) * float(high / low) ** u if wide else float(low) + float(high - low) * u
        return int(min(max(round(value), int(low)), int(high)))
    if u <= 0 or low == high:
        return low
    if u >= 1:
        return high
    scaled = low > 0 and (dom.log or high / low > 100)
    value = float(low) * float(high / low) ** u if scaled else float(low) + float(high - low) * u
    return min(max(Fraction(value).limit_denominator(10**6), low), high)


def _towards(end: Any, is_open: bool, sampled: Any, window: Fraction, values: Mapping[str, Any]) -> Fraction:
    """The end of a sampling window, nearer to the excluded end of the domain that it keeps away from, if it does."""
    exact, own = _exact(end, values), _exact(sampled, values)
    if exact is None or not is_open or own == window:
        return window
    return exact + (window - exact) / 64


class _Arm:
    """The search at one case."""

    def __init__(self, hunter: _Hunter, region: Region, unit: np.ndarray, case: Case, parents: Sequence[_Arm]):
        claim, evidence = region.claim, region.evidence
        self.region, self.unit, self.case, self.fixed = region, unit, case, hunter.fixed
        _, block = sample_budget(claim, evidence, "smoke")
        self.lab = Laboratory(claim, evidence, case, seed=hunter.seed, rows=block, device=hunter.device)
        judge = decider(self.lab, 1e-6, _EFFORT)
        assert isinstance(judge, SureDecider)
        self.judge = judge
        self.rechecks, self.done, self.reason = 0, False, ""
        self.counted = 0, 0  # generations and instances that the hunt's totals include
        self.finding: Finding | None = None
        rows, recorder = self.lab.record(0)
        judge.add(rows if self.lab.drawn else {k: v[:1] if v.ndim else v for k, v in rows.items()}, 0,
                  block if self.lab.drawn else 1)  # fmt: skip
        check_instance(self.lab, rows, block)
        template = recorder.row(0)
        inherited = [d for p in parents for d in p.best_draws(16)]
        if any(p.shared for p in template) and inherited:
            template = _shaken(template, inherited[0], hunter.rng)
        population = max(64, min(256, block))
        self.search = Search(
            self.lab, judge._scores, template, seed="hunt", population=population, chunk=hunter.chunk or block
        )
        own = [recorder.row(k) for k in range(block if self.search.n else 1)]
        self.search.evaluate(np.stack([self.search.point(d) for d in [*own, *inherited]]))
        self.done = not self.search.n
        self.look()

    @property
    def key(self) -> tuple[float, float]:
        best = self.search.found()
        return (best[0].score, best[0].tie) if best else (-np.inf, -np.inf)

    def best_draws(self, most: int) -> list[list[Primitive]]:
        return [self.search.draws(f.point) for f in self.search.found(most)]

    def advance(self, generations: int, deadline: float) -> None:
        for _ in range(generations):
            if self.done or self.finding is not None or time.monotonic() > deadline:
                return
            if self.fixed and self.search.since > _STALE:
                return
            self.search.step()
            self.look()

    def look(self) -> None:
        """Recheck what exceeds the bound in floating point."""
        found = self.judge.check() if self.search.generation == 0 else None
        if found is not None and found.violation is not None:
            self.accept(found)
            return
        best = self.search.found()
        if not best or best[0].score <= 0 or self.rechecks >= _RECHECKS:
            return
        self.rechecks += 1
        self.examine(best[0])

    def examine(self, best: Found) -> Any:
        """One recheck, and what follows from it."""
        draws = self.search.draws(best.point)
        result = self.judge._recheck(draws)
        if result.status == "violated":
            self.accept(self.judge._fail(result, draws))
        elif result.status == "unsupported":
            self.reason = result.reason
            self.done = self.done or self.rechecks > 2
        elif self.judge.compares and best.score > _EXACT:
            self.search.distrust(max(abs(best.left), abs(best.right)))
        elif best.score > 0:
            self.done = True  # equality, to the precision of floats
        return result

    def accept(self, finding: Finding) -> None:
        """A violation, unless the instance contradicts the claim's assumptions."""
        assert finding.violation is not None
        try:
            check_violation(self.lab, finding.violation)
        except ExperimentError as problem:
            self.reason, self.done = " ".join(str(problem).split()), True
            return
        self.finding = finding


def _shaken(template: Sequence[Primitive], parent: Sequence[Primitive], rng: np.random.Generator) -> list[Primitive]:
    """A template whose shared draws descend from a parent's, where the shapes agree."""
    out = []
    scale = 0.7 * float(np.exp(-1.3 * rng.integers(5)))
    for k, p in enumerate(template):
        old = parent[k] if k < len(parent) else None
        if p.shared and old is not None and old.shared and old.array.shape == p.array.shape and old.kind == p.kind:
            if p.kind == "normal":
                array = np.sqrt(1 - scale**2) * old.array + scale * rng.standard_normal(p.array.shape)
            else:
                array = np.mod(old.array + scale * (rng.random(p.array.shape) - 0.5), 1.0)
                array = np.where(array >= 1, 0.0, array)
            p = Primitive(p.kind, True, np.asarray(array))
        out.append(p)
    return out


class _Hunter:
    def __init__(
        self, claim: Claim, experiments: Sequence[Evidence], seed: int, budget: float | None,
        overrides: dict[str, Any], device: str, chunk: int | None,
    ):  # fmt: skip
        self.claim, self.seed, self.device, self.chunk = claim, seed, device, chunk
        self.started = time.monotonic()
        self.deadline = self.started + (budget or SECONDS)
        self.fixed = budget is None
        self.rounds = _ROUNDS if self.fixed else 10**9
        self.rng = np.random.Generator(
            np.random.Philox(key=int.from_bytes(stream_key(seed, claim.id, "hunt"), "little"))
        )
        known = set(claim.domains)
        self.regions = []
        for e in experiments:
            parts = [dict(p) for p in e.cases if TIERS.index(p.get("tier", "smoke")) <= 1] or [dict(e.cases[0])]
            for part in parts:
                part.pop("tier", None)
                held = {k: v for k, v in overrides.items() if k in known or k in part}
                self.regions.append(Region(claim, e, {**part, **held}))
        self.arms: list[_Arm] = []
        self.seen: set[str] = set()
        self.problems: list[str] = []
        self.refused: UsageError | None = None
        self.winner: _Arm | None = None
        self.generations = self.evaluated = 0

    # -- the search ---------------------------------------------------------------------------------------------

    def run(self, save_dir: str | Path | None) -> Hunt:
        self._begin()
        idle, best = 0, -np.inf
        for number in range(self.rounds):
            if self._over() or not self._breed(number):
                break
            now = max((a.key[0] for a in self.arms), default=-np.inf)
            idle, best = (0, now) if now > best + _PROGRESS else (idle + 1, best)
            if self.fixed and idle >= _IDLE:
                break
        if not self._over():
            for arm in self._best(_PARENTS):
                self._advance(arm, _POLISH)
        return self._report(save_dir)

    def _over(self) -> bool:
        return self.winner is not None or time.monotonic() > self.deadline

    def _begin(self) -> None:
        streams = [region.begin(self.rng) for region in self.regions]
        each = max(1, _CASES // max(1, len(streams)))
        for turn in range(min(each, 12)):
            for region, stream in zip(self.regions, streams, strict=True):
                unit = next(stream, None)
                if unit is None or (self._over() and self.arms):
                    continue
                self._add(region, unit, [], _FIRST)
            if turn and not any(r.free for r in self.regions):
                break

    def _add(self, region: Region, unit: np.ndarray, parents: Sequence[_Arm], generations: int) -> None:
        try:
            case = region.case(unit)
        except UsageError as problem:  # what is held does not fit what has moved, or leaves no room for the rest
            self.refused = problem
            return
        again = any(p.shared for a in parents for p in a.search.template)  # the same case, other shared draws
        name = f"{region.evidence.name} {case.plain()}"
        if name in self.seen and not again:
            return
        self.seen.add(name)
        try:
            arm = _Arm(self, region, unit, case, parents)
        except (ExperimentError, ClaimError, UndecidedError) as problem:
            self.problems.append(" ".join(str(problem).split()))
            return
        self.arms.append(arm)
        self._advance(arm, generations)
        self._forget()

    def _forget(self) -> None:
        """Keep the instances of the best cases only."""
        if len(self.arms) > 3 * _CASES:
            kept = self._best(_CASES)
            self.arms = [a for a in self.arms if a in kept]

    def _advance(self, arm: _Arm, generations: int) -> None:
        arm.advance(generations, self.deadline)
        self.generations += arm.search.generation - arm.counted[0]
        self.evaluated += arm.search.evaluated - arm.counted[1]
        arm.counted = arm.search.generation, arm.search.evaluated
        if arm.finding is not None and self.winner is None:
            self.winner = arm

    def _best(self, most: int) -> list[_Arm]:
        return sorted(self.arms, key=lambda a: a.key, reverse=True)[:most]

    def _breed(self, number: int) -> bool:
        """One round: the best cases go on and have children.  False where nothing can move any more."""
        parents = self._best(_PARENTS)
        movable = False
        for rank, arm in enumerate(parents):
            if self._over():
                return True
            movable = movable or not arm.done
            self._advance(arm, _AGAIN)
            shared = any(p.shared for p in arm.search.template)
            if not arm.region.free and not shared:
                continue
            movable = True
            for _ in range(_CHILDREN if rank else 2 * _CHILDREN):
                if self._over():
                    return True
                unit = arm.region.child(arm.unit, 0.3 * 0.7 ** (number % 12), self.rng) if arm.region.free else arm.unit
                heirs = [arm] if self.rng.random() < 0.75 else []
                self._add(arm.region, unit, heirs, _FIRST)
        return movable

    # -- the answer ---------------------------------------------------------------------------------------------

    def _report(self, save_dir: str | Path | None) -> Hunt:
        exhibits = isinstance(self.claim.decides, Counterexample)
        out = Hunt(self.claim, "error", "", self.seed)
        out.cases, out.evaluated, out.generations = len(self.seen), self.evaluated, self.generations
        if self.winner is not None:
            self._violated(out, self.winner, save_dir)
        elif not self.arms and self.refused is not None and not self.problems:
            raise self.refused
        elif not self.arms:
            out.message = self.problems[0] if self.problems else "no case could be searched"
        else:
            self._unviolated(out, exhibits)
        out.seconds = time.monotonic() - self.started
        return out

    def _violated(self, out: Hunt, arm: _Arm, save_dir: str | Path | None) -> None:
        finding = arm.finding
        assert finding is not None and finding.violation is not None
        self._place(out, arm, finding.violation)
        out.verdict, out.message, out.certain = finding.verdict, finding.message, True
        if save_dir is not None:
            path = violation.save(
                save_dir, arm.lab, finding.violation, message=finding.message, module=None, mutant=None
            )
            out.artefact = str(path)

    def _place(self, out: Hunt, arm: _Arm, draws: Sequence[Primitive]) -> None:
        out.case, out.evidence, out.draws, out.lab = arm.case.plain(), arm.lab.evidence.name, draws, arm.lab
        result = arm.judge._recheck(draws)
        if result.left is not None:
            self._sides(out, result.left, result.right)

    @staticmethod
    def _sides(out: Hunt, left: Any, right: Any) -> None:
        out.left, out.right = left.middle(), right.middle()
        low, high = left.ends()[0], right.ends()[1]
        if out.claim.decides.kind in _RATIOS:
            out.ratio = float(np.nextafter(low / high, -np.inf)) if high > 0 else None

    def _unviolated(self, out: Hunt, exhibits: bool) -> None:
        """The largest ratio, taken from instances for which it is certain where there are any."""
        floats: tuple[_Arm, Found] | None = None
        candidates = sorted(
            ((f.score, f.tie, k, a, f) for k, a in enumerate(self._best(4)) for f in a.search.found(4)),
            key=lambda e: (-e[0], -e[1], e[2]),
        )
        for _, _, _, arm, found in candidates[:8]:
            floats = floats or (arm, found)
            result = arm.examine(found)
            if arm.finding is not None:
                self._violated(out, arm, None)
                return
            if result.left is None or result.status == "unsupported":
                continue
            middle, scale = result.left.middle(), max(abs(found.left), abs(found.right))
            if arm.judge.compares and abs(middle - found.left) > 1e-6 * scale:
                continue
            out.case, out.evidence, out.certain = arm.case.plain(), arm.lab.evidence.name, True
            out.draws, out.lab = arm.search.draws(found.point), arm.lab
            self._sides(out, result.left, result.right)
            break
        reason = next((a.reason for a in self.arms if a.reason), "")
        if not out.certain and floats is not None:
            arm, found = floats
            out.case, out.evidence, out.left, out.right = (
                arm.case.plain(), arm.lab.evidence.name, found.left, found.right,
            )  # fmt: skip
            out.draws, out.lab = arm.search.draws(found.point), arm.lab
            if out.claim.decides.kind in _RATIOS:
                out.ratio = found.left / found.right if found.right > 0 else None
        worst = max((a.key[0] for a in self.arms if a.reason), default=0.0)
        if worst > 0:
            out.verdict, out.message = "inconclusive", f"exceeded in floating point, not confirmed: {reason}"
        elif exhibits:
            out.verdict, out.message = "inconclusive", "no instance found that violates the refuted statement"
        else:
            out.verdict, out.message = "pass", "no violation found"
        if self.problems:
            out.message += f"; {len(self.problems)} cases could not be searched ({self.problems[0]})"
