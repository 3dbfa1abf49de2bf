"""Measured error rates: how often a decision refutes a true statement, passes a false one, and sees an effect.

`kinds` measures every decision procedure on statements with known truth (`gdverify.calibration`); `claims` measures
the experiments of claims, with their bounds moved to where the statement is only just true.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from .errors import GdverifyError, UsageError
from .pool import Request, run_requests
from .result import VERDICTS

SCHEMA = "gdverify.calibration/1"
CONFIDENCE = 0.99
ALPHA = 0.05  # large enough for errors at this rate to be seen in thousands of runs
STRICT = 1e-6  # what a run of `check` has by default; power is measured at it
CLAIM_EFFECTS = ("1/2", "1/5", "1/10", "1/20", "1/50")
_CHUNK = 100
_APART = 10**6  # seeds of different rows never meet


@dataclass
class Row:
    """Verdicts of many runs on one statement.

    Parameters
    ----------
    kind, name : decision kind; the probe, or the claim and its experiment
    role : ``false-alarm`` (the statement is true: a fail is an error), ``false-pass`` (false, and beyond what a
        tolerance forgives: a pass is an error) or ``power`` (false: a fail is a detection)
    effect : by how much the statement is false, as an exact fraction; None if it is true
    alpha : error probability given to the test
    allowed : what the error rate may be at most; None for power
    note : what the statement is
    seeds : first seed and the one after the last
    verdicts : how many runs ended with each
    samples : drawn per run, on average
    """

    kind: str
    name: str
    role: str
    effect: str | None
    alpha: float
    allowed: float | None
    note: str
    seeds: tuple[int, int]
    verdicts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))
    samples: float = 0.0
    messages: list[str] = field(default_factory=list)

    @property
    def runs(self) -> int:
        """Runs that were carried out."""
        return sum(self.verdicts.values())

    @property
    def counted(self) -> int:
        """Runs with the event that the row counts."""
        return self.verdicts["pass" if self.role == "false-pass" else "fail"]

    @property
    def interval(self) -> tuple[float, float]:
        """Exact (Clopper-Pearson) interval of the event's probability."""
        return exact_interval(self.counted, self.runs)

    @property
    def exceeds(self) -> bool:
        """Whether the error rate is certainly above what is allowed."""
        return self.allowed is not None and self.interval[0] > self.allowed

    def take(self, outcomes: Mapping[str, Any]) -> None:
        """Add the counts of a batch of runs."""
        before = self.samples * self.runs
        for verdict, count in outcomes["verdicts"].items():
            self.verdicts[verdict] += count
        self.samples = (before + outcomes["samples"]) / max(self.runs, 1)
        self.messages = list(dict.fromkeys([*self.messages, *outcomes["messages"]]))[:3]

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        rate = self.counted / self.runs if self.runs else None
        extra = {"runs": self.runs, "rate": rate, "interval": list(self.interval), "exceeds": self.exceeds}
        return {**asdict(self), "seeds": list(self.seeds), **extra}


def exact_interval(count: int, runs: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Clopper and Pearson's interval of a probability, from a fixed number of runs."""
    from scipy.special import betaincinv

    if not runs:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = float(betaincinv(count, runs - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, runs - count, 1 - tail)) if count < runs else 1.0
    return low, high


# -- decision kinds ---------------------------------------------------------------------------------------------------


def kinds(
    names: Sequence[str] = (),
    *,
    runs: int = 10_000,
    alpha: float = ALPHA,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int, list[str]], None] = lambda done, total, running: None,
) -> list[Row]:
    """Error rates and power of decision kinds (all of them by default).

    ``runs`` true statements are tested for each kind, shared by its probes, a fifth as many statements at the edge of
    what may pass, and a fiftieth for each point of a power curve.

    Raises
    ------
    UsageError
        no such kind
    """
    from .calibration import PROBES

    known = list(dict.fromkeys(p.kind for p in PROBES))
    for name in names:
        if name not in known:
            raise UsageError(f"no decision kind {name!r} (have: {', '.join(known)})")
    rows: list[Row] = []
    tasks: list[tuple[int, dict[str, Any]]] = []

    def add(row: Row, proved: bool) -> None:
        rows.append(row)
        first, last = row.seeds
        for start in range(first, last, _CHUNK):
            task = {"probe": row.name, "effect": row.effect, "alpha": row.alpha, "proved": proved}
            tasks.append((len(rows) - 1, {**task, "first": start, "last": min(start + _CHUNK, last)}))

    base = seed * _APART * 1000
    for probe in PROBES:
        if names and probe.kind not in names:
            continue
        share = probe.cost / sum(p.cost for p in PROBES if p.kind == probe.kind)
        allowed = alpha if probe.nominal else 0.0

        def seeds(share_of_runs: float, share: float = share) -> tuple[int, int]:
            first = base + len(rows) * _APART
            return first, first + max(1, math.ceil(runs * share * share_of_runs))

        # Without a derivation an experiment looks longer before it passes: more chances to refute what is true.  With
        # one it passes as soon as it may: more chances to pass what is false.
        true = Row(probe.kind, probe.name, "false-alarm", None, alpha, allowed, probe.truth, seeds(1))
        add(true, proved=False)
        if probe.edge is not None:
            add(Row(probe.kind, probe.name, "false-pass", probe.edge, alpha, allowed, probe.effect, seeds(0.2)), True)
        for effect in probe.effects:
            first, _ = seeds(0)
            count = max(1, math.ceil(runs / 50 * min(1.0, probe.cost)))
            strict = Row(probe.kind, probe.name, "power", effect, STRICT, None, probe.effect, (first, first + count))
            add(strict, proved=True)
    _spread(tasks, rows, _probe_work, {}, jobs, progress)
    return rows


def _probe_work(payload: dict[str, Any]) -> list[dict[str, Any]]:
    from .calibration import PROBES
    from .domain import Case

    by_name = {p.name: p for p in PROBES}
    answers = []
    for task in payload["tasks"]:
        claim = by_name[task["probe"]].claim(task["effect"], task["proved"])
        answers.append(_tally(claim, claim.evidence[0], [Case({})], task, {"tier": "smoke", "device": "cpu"}))
    return answers


def _tally(claim: Any, evidence: Any, cases: Sequence[Any], task: Mapping[str, Any], how: Mapping[str, Any]) -> Any:
    """Verdicts of the runs with seeds ``first`` to ``last - 1``, the cases taken in turn."""
    from .experiment.engine import run_experiment

    counts, samples = dict.fromkeys(VERDICTS, 0), 0
    messages: list[str] = []
    for run in range(task["first"], task["last"]):
        outcome = run_experiment(claim, evidence, cases[run % len(cases)], seed=run, alpha=task["alpha"], **how)
        counts[outcome.verdict] += 1
        samples += outcome.samples
        wrong = outcome.verdict in ("fail", "error") if task["effect"] is None else outcome.verdict == "error"
        if wrong and len(messages) < 3:
            messages.append(f"seed {run}: {outcome.message}")
    return {"verdicts": counts, "samples": samples, "messages": messages}


# -- claims -----------------------------------------------------------------------------------------------------------


@dataclass
class Boundary:
    """Where one experiment's statement is only just true, at each of its cases.

    ``factors`` multiply the bound; ``basis`` says where they come from.
    """

    factors: list[float]
    basis: str


def claims(
    located: Sequence[Any],
    *,
    runs: int = 100,
    alpha: float = ALPHA,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int, list[str]], None] = lambda done, total, running: None,
) -> list[Row]:
    """Error rates and power of the experiments of claims, at the smoke tier.

    Each run takes one of the experiment's cases, in turn, with a seed of its own.

    Raises
    ------
    UsageError
        none of the claims has an experiment
    """
    rows: list[Row] = []
    tasks: list[tuple[int, dict[str, Any]]] = []
    for one in located:
        for index, evidence in enumerate(one.claim.evidence):
            if evidence.kind != "experiment":
                continue
            where = boundary(one.claim, evidence, seed)
            allowed = alpha if statistical(one.claim.decides) else 0.0
            effects = CLAIM_EFFECTS if moved(one.claim.decides, 0.5, 1.0) is not None else ()
            for effect in (None, *effects):
                first = (seed * 1000 + 1 + len(rows)) * _APART
                count = runs if effect is None else max(1, runs // 4)
                role = "false-alarm" if effect is None else "power"
                name = f"{one.claim.id} {evidence.name}"
                note = where.basis if effect is None else _EFFECT.get(one.claim.decides.kind, "")
                row = Row(one.claim.decides.kind, name, role, effect, alpha, allowed, note, (first, first + count))
                if effect is not None:
                    row.allowed = None
                rows.append(row)
                for start in range(first, first + count, 5):
                    task = {"evidence": index, "effect": effect, "alpha": alpha, "factors": where.factors}
                    task |= {"first": start, "last": min(start + 5, first + count), "claim": one.claim.id}
                    tasks.append((len(rows) - 1, {**task, "source": one.source, "seed": seed}))
    if not rows:
        raise UsageError("none of these claims has an experiment to calibrate")
    given = {one.claim.id: one.claim for one in located if one.source is None}
    _spread(tasks, rows, _claim_work, given, 1 if given else jobs, progress)
    return rows


_EFFECT = {
    "sure-bound": "the bound times 1 - effect, relative to the largest quantity/bound that was found",
    "mean-bound": "the bound at the boundary times 1 - effect",
    "probability-bound": "the bound at the boundary times 1 - effect",
    "mean-equals": "the value times 1 + effect",
    "identity": "one side times 1 + effect",
    "minimiser": "the value times 1 + effect",
    "rate": "the exponent off by its tolerance and effect",
    "limit-law": "the limit times 1 + effect",
}


def statistical(decides: Any) -> bool:
    """Whether a fail of this decision may be an error of the test's alpha."""
    exact = ("sure-bound", "identity", "minimiser", "conserved")
    return decides.kind not in exact and not (decides.kind == "counterexample" and not decides.mean)


def moved(decides: Any, effect: float, factor: float) -> Any:
    """The decision made false by a relative effect; None where nothing in it can be moved."""
    from sympy import Float, Rational, sympify

    def times(expr: Any, by: float) -> Any:
        return sympify(expr) * Rational(str(Float(by, 15)))

    kind = decides.kind
    if kind in ("sure-bound", "mean-bound", "probability-bound"):
        return decides.changed(bound=times(decides.bound, factor * (1 - effect)))
    if kind in ("mean-equals", "identity"):
        return decides.changed(bound=times(decides.bound, 1 + effect))
    if kind == "minimiser":
        return decides.changed(value=times(decides.value, 1 + effect))
    if kind == "rate":
        # Faster than the data can fall, so that it is also false of an upper rate.
        return decides.changed(exponent=decides.exponent - Rational(str(Float(decides.tol + effect, 15))))
    if kind == "limit-law":
        return decides.changed(limit=times(decides.limit, 1 + effect))
    return None


def boundary(claim: Any, evidence: Any, seed: int) -> Boundary:
    """The least multiple of the bound that is known to be true, at each case of an experiment.

    Exact where the statement is an equality; for a mean or a probability from an independent run of the same
    samples, with three of its standard errors added; a sure bound stays as it is stated (the largest ratio found is
    kept for the power curve).
    """
    from .experiment.engine import run_experiment

    cases = evidence.draw(claim, "smoke", seed=seed)
    kind = claim.decides.kind
    if kind in ("mean-bound", "probability-bound"):
        found = [_large_run(claim, evidence, case, seed) for case in cases]
        worst = max(error for _, error in found)
        basis = f"the bound at the mean of an independent run (relative standard error at most {worst:.1g}) + 3 errors"
        return Boundary([mean + 3 * error * mean for mean, error in found], basis)
    if kind == "sure-bound":
        ratios = []
        for case in cases:
            outcome = run_experiment(claim, evidence, case, seed=seed + _APART - 1)
            ratios.append(outcome.estimate if outcome.bound == 1.0 and outcome.estimate else 1.0)
        return Boundary(ratios, "the bound as stated")
    return Boundary([1.0] * len(cases), "the statement as it is, an equality" if kind in _EQUAL else "as stated")


_EQUAL = ("mean-equals", "identity", "minimiser", "limit-law", "rate")


def _large_run(claim: Any, evidence: Any, case: Any, seed: int) -> tuple[float, float]:
    """Mean of quantity/bound (for a probability: its frequency over the bound) and its relative standard error."""
    import numpy as np

    from .experiment.engine import sample_budget
    from .experiment.laboratory import Laboratory

    total, rows = sample_budget(claim, evidence, "smoke")
    lab = Laboratory(claim, evidence, case, seed=seed + _APART - 2, rows=rows)
    blocks = min(max(64, -(-total // rows)), 2000)
    means = []
    for block in range(blocks):
        out = lab.run(block, 1)
        bound = lab.evaluate(claim.decides.bound, out, rows)
        quantity = out["quantity"]
        if claim.decides.kind == "probability-bound":
            quantity = (quantity > lab.evaluate(claim.decides.threshold, out, rows)).astype(float)
        means.append(float(np.mean(quantity / bound)))
    mean = float(np.mean(means))
    if mean <= 0:
        return 1.0, 0.0  # nothing was ever seen: the bound stays as stated
    return mean, float(np.std(means, ddof=1)) / math.sqrt(blocks) / mean


def _claim_work(payload: dict[str, Any]) -> list[dict[str, Any]]:
    from dataclasses import replace

    from .discover import load_claim

    answers = []
    for task in payload["tasks"]:
        claim = payload["given"].get(task["claim"]) or load_claim(task["source"], task["claim"])
        evidence = claim.evidence[task["evidence"]]
        cases = evidence.draw(claim, "smoke", seed=task["seed"])
        total: dict[str, Any] = {"verdicts": dict.fromkeys(VERDICTS, 0), "samples": 0, "messages": []}
        for run in range(task["first"], task["last"]):
            which = run % len(cases)
            decides = _at(claim.decides, task["effect"], task["factors"][which])
            changed = replace(claim, decides=decides, mutants=())
            one = {**task, "first": run, "last": run + 1}
            try:
                got = _tally(changed, evidence, [cases[which]], one, {"tier": "smoke", "device": "cpu"})
            except GdverifyError as error:
                got = {"verdicts": {"error": 1}, "samples": 0, "messages": [f"seed {run}: {error}"]}
            for verdict, count in got["verdicts"].items():
                total["verdicts"][verdict] += count
            total["samples"] += got["samples"]
            total["messages"] = (total["messages"] + got["messages"])[:3]
        answers.append(total)
    return answers


def _at(decides: Any, effect: str | None, factor: float) -> Any:
    from fractions import Fraction

    if effect is not None:
        return moved(decides, float(Fraction(effect)), factor)
    if decides.kind in ("mean-bound", "probability-bound"):
        return moved(decides, 0.0, factor)
    return decides


def _spread(
    tasks: list[tuple[int, dict[str, Any]]],
    rows: list[Row],
    work: Callable[[dict[str, Any]], list[dict[str, Any]]],
    given: Mapping[str, Any],
    jobs: int,
    progress: Callable[[int, int, list[str]], None],
) -> None:
    """Carry out the tasks here, or in worker processes, and add their counts to the rows."""
    done = 0

    def answered(place: int, answer: dict[str, Any]) -> None:
        nonlocal done
        done += 1
        rows[place].take(answer)
        progress(done, len(tasks), [rows[place].name])

    def failed(place: int, message: str) -> None:
        answered(place, {"verdicts": {"error": 1}, "samples": 0, "messages": [message]})

    if jobs == 1:
        for place, task in tasks:
            answered(place, work({"tasks": [task], "given": given})[0])
        return
    requests = [Request({"tasks": [task], "given": {}}, [place]) for place, task in tasks]
    run_requests(requests, work, jobs=min(jobs, len(requests)), answered=answered, failed=failed)


# -- reports ----------------------------------------------------------------------------------------------------------


def report(rows: Sequence[Row], *, seed: int, hardware: str) -> dict[str, Any]:
    """What `gdverify calibrate --json` writes."""
    from .doctor import versions

    return {
        "schema": SCHEMA,
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": hardware,
        "seed": seed,
        "confidence": CONFIDENCE,
        "versions": versions(),
        "rows": [row.plain() for row in rows],
    }


def text(rows: Sequence[Row]) -> list[str]:
    """Lines for a terminal."""
    out = []
    for row in rows:
        low, high = row.interval
        rate = row.counted / max(row.runs, 1)
        what = {"false-alarm": "false alarms", "false-pass": "false passes", "power": "detected"}[row.role]
        by = f" at effect {row.effect}" if row.effect is not None else ""
        flag = "  EXCEEDS" if row.exceeds else ""
        allowed = f", allowed {row.allowed:g}" if row.allowed is not None else ""
        undecided = row.verdicts["inconclusive"] + row.verdicts["error"]
        out.append(
            f"{row.kind:<17}  {row.name}{by}: {what} {row.counted} of {row.runs} = {rate:.4g} "
            f"[{low:.2g}, {high:.2g}]{allowed}; undecided {undecided}{flag}"
        )
        if row.exceeds or row.verdicts["error"]:
            out += [f"    {message}" for message in row.messages]
    return out


def markdown(data: Mapping[str, Any], rows: Sequence[Row], command: str) -> str:
    """The tables of a report."""
    versions = ", ".join(f"{k} {v}" for k, v in data["versions"].items() if k in ("gdverify", "python", "numpy"))
    out = [
        "# Measured error rates",
        "",
        f"{data['date']}, {data['hardware']}; {versions}; seed {data['seed']}. Made by `{command}`; the seeds of every "
        "row and all counts are in the JSON file beside this one.",
        "",
        "*False alarm*: a true statement, held at the boundary of what its decision allows, is refuted. *False pass*: "
        "a statement that is false by the least effect that no tolerance forgives passes. Intervals are exact "
        f"(Clopper and Pearson, {data['confidence']:.0%}). A rate is allowed up to the test's error probability; where "
        "a verdict needs certainty (0 is allowed), any such event would be a defect.",
        "",
        "| kind | statement | runs | false alarms | interval | allowed | passed | false passes (effect) | interval | |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    wrong = {(r.kind, r.name): r for r in rows if r.role == "false-pass"}
    for r in rows:
        if r.role != "false-alarm":
            continue
        other = wrong.get((r.kind, r.name))
        edge, edge_interval = "", ""
        if other is not None:
            edge = f"{other.counted} of {other.runs} at {other.effect}"
            edge_interval = _span(other)
        bad = r.exceeds or (other is not None and other.exceeds)
        out.append(
            f"| {r.kind} | {r.name}: {r.note} | {r.runs} | {r.counted} ({r.counted / max(r.runs, 1):.2%}) | {_span(r)} "
            f"| {r.allowed:.2g} | {r.verdicts['pass'] / max(r.runs, 1):.0%} | {edge} | {edge_interval} | "
            f"{'**exceeds**' if bad else 'ok'} |"
        )
    out += [
        "",
        "## Power",
        "",
        f"Share of runs in which a false statement is refuted (in brackets: in which it passes), at error probability "
        f"{_alphas(rows)} and with the few thousand samples of a smoke test. What neither refutes nor passes is "
        "inconclusive.",
        "",
        "| kind | statement | effect | by size of the effect |",
        "|---|---|---|---|",
    ]
    for (kind, name), found in _grouped(r for r in rows if r.role == "power").items():
        cells = ", ".join(f"{r.effect}: {_percent(r, 'fail')} ({_percent(r, 'pass')})" for r in found)
        out.append(f"| {kind} | {name} | {found[0].note} | {cells} |")
    return "\n".join(out) + "\n"


def command_line(args: Any) -> str:
    """The command that makes a report again, without what does not change it."""
    words = ["gdverify", "calibrate", *args.claims]
    if args.kinds is not None:
        words += ["--kinds", *args.kinds]
    for name in ("runs", "alpha"):
        if getattr(args, name):
            words += [f"--{name}", f"{getattr(args, name):g}"]
    if args.seed:
        words += ["--seed", str(args.seed)]
    for name in ("hardware", "json", "markdown"):
        if getattr(args, name):
            words += [f"--{name}", shlex.quote(getattr(args, name))]
    return " ".join(words)


def _alphas(rows: Iterable[Row]) -> str:
    return " and ".join(f"{a:g}" for a in dict.fromkeys(r.alpha for r in rows if r.role == "power")) or "-"


def _span(row: Row) -> str:
    low, high = row.interval
    return f"{low:.2%} .. {high:.2%}"


def _percent(row: Row, verdict: str) -> str:
    return f"{row.verdicts[verdict] / max(row.runs, 1):.0%}"


def _grouped(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    out: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        out.setdefault((row.kind, row.name), []).append(row)
    return out


__all__ = [
    "Row",
    "boundary",
    "claims",
    "command_line",
    "exact_interval",
    "kinds",
    "markdown",
    "moved",
    "report",
    "text",
]
