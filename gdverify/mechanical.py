"""The audit of a claim by mechanical mutants: what each piece of evidence sees, and from which size on.

Every change of `gdverify.perturb` is first compared with the statement on the instances that the claim's own evidence
draws.  What only follows from the statement is not run.  The rest goes to the evidence; what survives is explained:
certified, loose, within a tolerance, or false and not seen, which is a defect of the evidence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from .claim import Claim, Evidence
from .errors import GdverifyError
from .perturb import FIELDS, ORDERED, SIZES, Perturbation, perturbations
from .pool import Request, run_requests
from .result import Outcome, combine
from .worker import draw, run_evidence

_SAME = 1e-12
_TRIES = 4  # cases on which a change within the tolerance is tried, the likeliest first
_FIRST = SIZES[1]  # where the ladder of sizes begins
MOST = 48  # changes of one claim that are tried; the rest is counted

STATUSES = {
    "caught": "refuted by an experiment or a worst case",
    "derivation": "not derived, and refuted by nothing else",
    "weaker": "follows from the statement: survives rightly",
    "same": "the same statement on every instance",
    "proved": "the derivation proves it too",
    "certified": "established at every case by a certificate or an interval: survives rightly",
    "loose": "nothing known comes that near the bound: it may be true",
    "tolerance": "differs by less than the claim's tolerance",
    "open": "nothing says whether it is false",
    "unseen": "false, and the evidence cannot see it",
    "undecided": "the evidence could not decide it",
    "not tried": "the time for this claim was spent",
}


@dataclass
class Row:
    """What became of one change.

    Parameters
    ----------
    relation : ``stronger``, ``weaker``, ``same``, ``different`` or ``unknown``, at the first size tried
    asked : sizes at which each kind of evidence was run, or its answer is known from what was run ("" for no size)
    caught : smallest size at which each kind refuted it
    status : for each size, a word of `STATUSES`
    blind : it is false at a tenth, and an experiment that was asked does not see it
    """

    claim: str
    family: str
    where: str
    change: str
    relation: str = "unknown"
    asked: dict[str, list[str]] = field(default_factory=dict)
    caught: dict[str, str] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    blind: bool = False
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return dict(self.__dict__)


@dataclass
class Instance:
    """Where the statement's expressions have values: rows of an experiment's case, or a worst case's numbers."""

    kind: str
    evidence: int
    case: int
    lab: Any
    rows: Mapping[str, Any]
    size: int

    def value(self, expr: Any) -> np.ndarray:
        """Floats, shape (rows,); raises what evaluating raises."""
        if self.lab is not None:
            return np.asarray(self.lab.evaluate(expr, self.rows, self.size), dtype=float)
        from .evaluate import evaluate
        from .experiment.backend import namespace

        xp = namespace("cpu")
        return np.atleast_1d(np.asarray(evaluate(expr, self.rows, xp), dtype=float))


class Audit:
    """Runs the mechanical audit of one claim.

    Parameters
    ----------
    settings : plain settings of a run, as the worker reads them
    seconds : computing time for the claim; changes that it does not suffice for are ``not tried``
    """

    def __init__(self, claim: Claim, settings: Mapping[str, Any], seconds: float):
        self.claim, self.settings = claim, settings
        self.deadline = time.process_time() + seconds
        self.kind = claim.decides.kind
        self.baseline: dict[tuple[int, int], Outcome] = {}
        self.cases: dict[int, list[Any]] = {}
        for index, evidence in enumerate(claim.evidence):
            self.cases[index] = draw(claim, evidence, settings)
            for case in range(len(self.cases[index])):
                self.baseline[index, case] = run_evidence(claim, evidence, case, settings)
        self.trusted = [k for k in ("derivation", "experiment", "worst-case") if self._trusts(k)]
        self.instances = self._instances()

    def _trusts(self, kind: str) -> bool:
        found = [o for (i, _), o in self.baseline.items() if self.claim.evidence[i].kind == kind]
        verdict = combine(found)
        return bool(found) and verdict != "fail" and (kind != "derivation" or verdict == "pass")

    def _instances(self) -> list[Instance]:
        from .experiment.engine import sample_budget
        from .experiment.laboratory import Laboratory

        out = []
        for index, evidence in enumerate(self.claim.evidence):
            for j, case in enumerate(self.cases[index]):
                if evidence.kind == "experiment":
                    try:
                        _, rows = sample_budget(self.claim, evidence, self.settings["tier"])
                        lab = Laboratory(self.claim, evidence, case, seed=self.settings["seed"], rows=rows)
                        out.append(self._sampled(lab, index, j, rows))
                    except (GdverifyError, MemoryError):
                        continue
                elif evidence.kind == "worst-case":
                    found = self.baseline[index, j]
                    try:
                        numbers = {k: float(Fraction(v)) for k, v in found.case.items()}
                    except (TypeError, ValueError):
                        continue
                    out.append(Instance("worst-case", index, j, None, numbers, 1))
        return out

    def _sampled(self, lab: Any, index: int, case: int, size: int) -> Instance:
        rows = lab.record(0)[0]
        if self.kind in ("rate", "limit-law", "conserved"):
            # Along a grid, "n" holds the values of the variable, whatever the statement calls n.
            variable = getattr(self.claim.decides, "variable", None)
            rows = {variable.name: np.asarray(rows["n"][-1])} if variable is not None else {}
            size = 1
        return Instance("experiment", index, case, lab, rows, size)

    # -- one change -----------------------------------------------------------------------------------------------

    def row(self, change: Perturbation) -> Row:
        """What the evidence makes of a change."""
        out = Row(self.claim.id, change.family, change.where, change.change)
        if time.process_time() > self.deadline:
            out.status = {_key(s): "not tried" for s in change.sizes or (None,)}
            return out
        verdicts: dict[tuple[str, str], str] = {}
        scales = {_key(s): self._scales(change, s) for s in change.sizes or (None,)}
        relations = {k: self._relation(change, found) for k, found in scales.items()}
        out.relation = relations.get(_key(_FIRST), next(iter(relations.values())))
        for kind in ("experiment", "worst-case"):
            if kind in change.kinds and kind in self.trusted:
                for size in self._ladder(change, kind, verdicts, relations):
                    verdicts[kind, _key(size)] = self._ask(change, size, kind, scales[_key(size)])
        if "derivation" in change.kinds and "derivation" in self.trusted:
            least = _key(change.sizes[-1] if change.sizes else None)
            refuted = any(v == "fail" and k[1] == least for k, v in verdicts.items())
            if relations[least] not in ("weaker", "same") and (not refuted or change.family == "assumption"):
                size = change.sizes[-1] if change.sizes else None
                verdicts["derivation", least] = self._ask(change, size, "derivation", {})
        self._report(out, change, verdicts, scales, relations)
        return out

    def _ladder(self, change: Perturbation, kind: str, verdicts: Any, relations: Mapping[str, str]) -> Any:
        """Sizes worth trying: a tenth, then a hundredth if it is seen, and a half if it is not."""
        skip = ("weaker", "same")
        if not change.sizes:
            if relations[""] not in skip:
                yield None
            return
        large, middle, small = change.sizes
        if relations[_key(middle)] not in skip:
            yield middle
            seen = verdicts.get((kind, _key(middle))) == "fail"
            if (further := small if seen else large) and relations[_key(further)] not in skip:
                yield further

    def _report(
        self, out: Row, change: Perturbation, verdicts: Any, scales: Mapping[str, Any], relations: Mapping[str, str]
    ) -> None:
        for (kind, key), verdict in verdicts.items():
            if verdict != "late":
                out.asked.setdefault(kind, []).append(key)
            if verdict == "fail":
                known = out.caught.get(kind)
                out.caught[kind] = key if known is None or (key and Fraction(key) < Fraction(known)) else known
        for size in change.sizes or (None,):
            key = _key(size)
            by = [k for k, least in out.caught.items() if not key or Fraction(least) <= Fraction(key)]
            answers = {k: v for (k, s), v in verdicts.items() if s == key}
            out.status[key] = "caught"
            if set(by) <= {"derivation"}:  # a derivation refuses what it does not reach, true or not
                told = self._explain(change, relations[key], scales[key], answers)
                out.status[key] = "derivation" if by and told in ("unseen", "open", "undecided") else told
        tenth = _key(_FIRST)
        if tenth in out.asked.get("experiment", []) and out.caught.get("experiment") not in (tenth, _key(SIZES[-1])):
            out.blind = self._false(change, scales[tenth]) and not self._forgiven(change, scales[tenth])

    def _explain(self, change: Perturbation, relation: str, scales: Any, answers: Mapping[str, str]) -> str:
        if relation in ("weaker", "same"):
            return relation
        if answers.get("derivation") == "pass":
            return "proved"
        if change.where not in FIELDS[self.kind]:
            return "not tried" if "late" in answers.values() and len(set(answers.values())) == 1 else "open"
        if self.kind not in ORDERED:
            if self._forgiven(change, scales):
                return "tolerance"
            if not answers or set(answers.values()) <= {"late", "error", "inconclusive"}:
                return "undecided"
            return "unseen"
        if self._false(change, scales):
            return "unseen"
        return "certified" if self._certified(scales) else "loose"

    # -- what is known without running anything ----------------------------------------------------------------------

    def _scales(self, change: Perturbation, size: Any) -> dict[tuple[int, int], tuple[float, float]]:
        """Least and largest value of (changed expression)/(expression) on the rows of each instance."""
        if change.value is None or change.where not in FIELDS[self.kind]:
            return {}
        before = sympy.sympify(getattr(self.claim.decides, change.where))
        after, out = change.value(size), {}
        for one in self.instances:
            try:
                with np.errstate(all="ignore"):
                    old, new = one.value(before), one.value(after)
            except (GdverifyError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
                continue
            # As a ratio where the sign is plain, so that 1 means no change and less means lower.
            with np.errstate(all="ignore"):
                ratio = np.where(old > 0, new / old, np.where(old < 0, 2 - new / old, 1 + np.sign(new)))
            out[one.evidence, one.case] = (float(ratio.min()), float(ratio.max()))
        return out

    def _relation(self, change: Perturbation, scales: Mapping[Any, tuple[float, float]]) -> str:
        if change.family in ("assumption", "domain"):
            return "stronger"
        if change.family == "direction":
            return "different"
        if not scales:
            return "unknown"
        low, high = min(s[0] for s in scales.values()), max(s[1] for s in scales.values())
        if max(abs(low - 1), abs(high - 1)) <= _SAME:
            return "same"
        way = FIELDS[self.kind][change.where]
        if self.kind == "rate" and getattr(self.claim.decides, "upper", False):
            way = -1
        if way == 0:
            return "different"
        weaker = low >= 1 - _SAME if way < 0 else high <= 1 + _SAME
        return "weaker" if weaker else "stronger"

    def _forgiven(self, change: Perturbation, scales: Mapping[Any, tuple[float, float]]) -> bool:
        """Whether an equality is changed by less than its tolerance at every case."""
        tol = getattr(self.claim.decides, "tol", getattr(self.claim.decides, "rtol", 0.0))
        if not scales or self.kind in ORDERED:
            return False
        if getattr(self.claim.decides, "absolute", False):
            return False
        if change.where in ("exponent", "rate"):  # the tolerance is of the exponent itself
            exponent = sympy.sympify(getattr(self.claim.decides, change.where))
            tol = tol / abs(float(exponent)) if exponent.is_number and exponent != 0 else tol
        return max(max(abs(a - 1), abs(b - 1)) for a, b in scales.values()) <= tol * (1 + _SAME) + _SAME

    def _false(self, change: Perturbation, scales: Mapping[Any, tuple[float, float]]) -> bool:
        """Whether the changed statement is known to be false."""
        if change.where not in FIELDS[self.kind]:
            return False
        if self.kind not in ORDERED:
            return True  # even where it has no value that could be compared: a side that is no number
        if self.kind == "counterexample":
            return False
        for place, (low, high) in scales.items():
            found = self.baseline[place]
            reached = self._reached(found)
            if reached is not None and reached > high * (1 + 1e-9) and high - low <= 1e-9 * abs(high):
                return True
        return False

    def _reached(self, found: Outcome) -> float | None:
        """What multiple of the bound was certainly reached at a case: an instance, or the lower end of an interval."""
        if not found.bound or found.bound < 0:
            return None
        if found.kind == "worst-case" or self.kind in ("mean-bound", "probability-bound"):
            return found.interval[0] / found.bound if found.interval is not None else None
        return found.estimate / found.bound if found.estimate is not None else None

    def _certified(self, scales: Mapping[Any, tuple[float, float]]) -> bool:
        """Whether some kind of evidence establishes the changed bound at each of its cases.

        A worst case fixes what it may (an initial distance of 1), so what it certifies must also be enough for the
        change that is seen on the instances of the experiments.
        """
        least = min((low for low, _ in scales.values()), default=0.0)
        for kind in ("worst-case", "experiment"):
            places = [p for p in self.baseline if self.claim.evidence[p[0]].kind == kind]
            if kind == "experiment" and self.kind not in ("mean-bound", "probability-bound"):
                continue
            if not places or not all(self._holds(p, scales) for p in places):
                continue
            if kind == "experiment" or all(self._provable(p) <= least for p in places):
                return True
        return False

    def _provable(self, place: tuple[int, int]) -> float:
        found = self.baseline[place]
        return found.interval[1] / found.bound if found.interval is not None and found.bound else np.inf

    def _holds(self, place: tuple[int, int], scales: Mapping[Any, tuple[float, float]]) -> bool:
        found = self.baseline[place]
        if place not in scales or found.interval is None or not found.bound or found.bound <= 0:
            return False
        return found.interval[1] <= scales[place][0] * found.bound

    # -- asking -------------------------------------------------------------------------------------------------------

    def _ask(self, change: Perturbation, size: Any, kind: str, scales: Mapping[Any, tuple[float, float]]) -> str:
        """Verdict of one kind of evidence on the changed claim; ``late`` if there was no time."""
        if time.process_time() > self.deadline:
            return "late"
        if kind == "worst-case" and scales:
            known = self._worst_case(scales)
            if known:
                return known
        try:
            claim = change.make(size)
        except (GdverifyError, TypeError, ValueError):
            return "error"
        verdicts = []
        for index, evidence in enumerate(claim.evidence):
            if evidence.kind != kind:
                continue
            for case in self._order(claim, evidence, index, change, scales):
                if time.process_time() > self.deadline and kind != "derivation":
                    verdicts.append("inconclusive")
                    break
                outcome = run_evidence(claim, evidence, case, {**self.settings, "save_dir": None})
                verdicts.append(outcome.verdict)
                if outcome.verdict == "fail":
                    return "fail"
        for verdict in ("error", "inconclusive"):
            if verdict in verdicts:
                return verdict
        return "pass"

    def _worst_case(self, scales: Mapping[Any, tuple[float, float]]) -> str:
        """The verdict that rigorous ends of the worst case already give, if they do."""
        places = [p for p in self.baseline if self.claim.evidence[p[0]].kind == "worst-case"]
        for place in places:
            found = self.baseline[place]
            if place in scales and found.interval is not None and found.bound and found.bound > 0:
                if found.interval[0] > scales[place][1] * found.bound * (1 + _SAME):
                    return "fail"
        return "pass" if places and all(self._holds(p, scales) for p in places) else ""

    def _order(
        self, claim: Claim, evidence: Evidence, index: int, change: Perturbation, scales: Mapping[Any, Any]
    ) -> Sequence[int]:
        """Cases to run, the likeliest to refute first; those whose answer is known already are left out."""
        if evidence.kind == "derivation":
            return [0]
        try:
            cases = draw(claim, evidence, self.settings)
        except GdverifyError:
            return []
        if change.family == "domain":
            domain = self.claim.domains[change.where]
            outside = []
            for j, case in enumerate(cases):
                try:
                    if change.where in case and not domain.contains(case[change.where], dict(case)):
                        outside.append(j)
                except (GdverifyError, TypeError, ValueError):
                    outside.append(j)
            return outside[: 2 * _TRIES]
        if not scales or evidence.kind == "worst-case":
            return range(len(cases))[: 2 * _TRIES]
        promise: list[tuple[float, int]] = []
        for j in range(len(cases)):
            if (index, j) not in scales:
                promise.append((0.0, j))
                continue
            low, high = scales[index, j]
            found = self.baseline[index, j]
            if self.kind not in ORDERED:
                promise.append((max(abs(low - 1), abs(high - 1)), j))
                continue
            ratio = found.estimate / found.bound if found.estimate is not None and found.bound else 1.0
            if self._known_to_hold(found, low, high, ratio, (index, j), scales):
                continue
            promise.append((ratio / low if low > 0 else np.inf, j))
        promise.sort(key=lambda p: -p[0])
        # What a tolerance forgives need not be seen; "unseen" is said only of what every case was asked about.
        return [j for _, j in (promise[:_TRIES] if self._forgiven(change, scales) else promise)]

    def _known_to_hold(
        self, found: Outcome, low: float, high: float, ratio: float, place: tuple[int, int], scales: Mapping[Any, Any]
    ) -> bool:
        """Whether the same draws and search would find nothing: the bound is scaled by one factor and not reached."""
        if found.verdict != "pass":
            return False
        if self.kind == "sure-bound":
            return high - low <= 1e-9 * abs(high) and found.bound == 1.0 and ratio < low * (1 - 1e-9)
        return self.kind in ("mean-bound", "probability-bound") and self._holds(place, scales)


def _key(size: Any) -> str:
    return "" if size is None else str(size)


def audit_claim(claim: Claim, settings: Mapping[str, Any], seconds: float) -> tuple[list[Row], list[str]]:
    """Rows of every change of a claim, and remarks: evidence that does not count, changes that were left out."""
    audit = Audit(claim, {**settings, "overrides": {}, "save_dir": None}, seconds)
    changes = perturbations(claim)
    remarks = [
        f"{kind} does not accept the claim itself, so it cannot refute a change"
        for kind in dict.fromkeys(e.kind for e in claim.evidence)
        if kind not in audit.trusted
    ]
    kept = _spaced(changes, MOST)
    if len(kept) < len(changes):
        remarks.append(f"{len(changes)} changes, of which {len(kept)} were tried, evenly spaced")
    return [audit.row(change) for change in kept], remarks


def _spaced(changes: Sequence[Perturbation], most: int) -> list[Perturbation]:
    """Every change that is neither a constant's nor an exponent's, and an even choice of the others."""
    numbers = [c for c in changes if c.family in ("constant", "exponent")]
    if len(numbers) <= most:
        return list(changes)
    chosen = {id(numbers[round(k * (len(numbers) - 1) / (most - 1))]) for k in range(most)}
    return [c for c in changes if c.family not in ("constant", "exponent") or id(c) in chosen]


def run(
    located: Sequence[Any],
    *,
    seconds: float,
    seed: int = 0,
    alpha: float = 1e-6,
    jobs: int = 1,
    device: str = "cpu",
    on_claim: Callable[[str, list[Row], list[str]], None] = lambda claim, rows, remarks: None,
    on_progress: Callable[[int, int, list[str]], None] = lambda done, total, running: None,
) -> list[tuple[str, list[Row], list[str]]]:
    """The mechanical audit of claims, each in a worker of its own; ``seconds`` for each claim.

    ``on_claim`` is called with a claim's id, rows and remarks when it and all earlier ones are done.
    """
    tests = sum(len(e.cases) for one in located for e in one.claim.evidence if e.kind == "experiment")
    settings = {
        "tier": "smoke", "seed": seed, "device": device, "budget": 5.0, "overrides": {}, "save_dir": None,
        "alpha": alpha / max(tests, 1),
    }  # fmt: skip
    found: dict[int, tuple[str, list[Row], list[str]]] = {}
    shown = 0

    def answered(place: int, answer: dict[str, Any]) -> None:
        nonlocal shown
        rows = [Row(**row) for row in answer["rows"]]
        found[place] = (located[place].claim.id, rows, answer["remarks"])
        while shown in found:
            on_claim(*found[shown])
            shown += 1
        on_progress(len(found), len(located), [])

    def failed(place: int, message: str) -> None:
        answered(place, {"rows": [], "remarks": [message]})

    requests = []
    for place, one in enumerate(located):
        task = {"claim": one.claim.id, "source": one.source, "seconds": seconds}
        if jobs == 1 or one.source is None:
            on_progress(len(found), len(located), [one.claim.id])
            answered(place, work({"tasks": [task], "settings": settings, "given": one.claim})[0])
        else:
            requests.append(Request({"tasks": [task], "settings": settings}, [place]))
    if requests:
        run_requests(requests, work, jobs=min(jobs, len(requests)), answered=answered, failed=failed)
    return [found[k] for k in sorted(found)]


def work(request: dict[str, Any]) -> list[dict[str, Any]]:
    """In a worker: the mechanical audit of the claims of a request."""
    from .discover import load_claim

    answers = []
    for task in request["tasks"]:
        claim = request.get("given") or load_claim(task["source"], task["claim"])
        rows, remarks = audit_claim(claim, request["settings"], task["seconds"])
        answers.append({"rows": [r.plain() for r in rows], "remarks": remarks})
    return answers


__all__ = ["STATUSES", "Audit", "Row", "audit_claim", "run", "work"]
