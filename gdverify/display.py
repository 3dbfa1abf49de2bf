"""What a person reads: verdict blocks, proof steps, claim pages, a status line."""

from __future__ import annotations

import math
import os
import shlex
import sys
import textwrap
import time
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any

from .parsing import width
from .printable import clean
from .result import Outcome

if TYPE_CHECKING:
    from .runner import Run
    from .verdict import Verdict

_COLOURS = {"pass": "32", "fail": "31;1", "error": "35;1", "inconclusive": "33"}
_INDENT = "      "


def colour_wanted(stream: IO[str]) -> bool:
    """Colour on a terminal, or where ``FORCE_COLOR`` is set (and not 0); never where ``NO_COLOR`` is."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, code: str, colour: bool) -> str:
    return f"\033[{code}m{text}\033[0m" if colour else text


def number(x: Any) -> str:
    """A number in at most five significant digits, without false zeros."""
    if x is None:
        return "-"
    if isinstance(x, float) and not math.isfinite(x):
        return str(x)
    return f"{float(x):.5g}"


def seconds(t: float) -> str:
    return f"{t / 60:.1f} min" if t >= 100 else f"{t:.1f} s"


def plural(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def wrapped(text: str, indent: str = _INDENT, hang: str = "") -> list[str]:
    """Somebody's text as a paragraph within the page width; colour is put on it afterwards."""
    return _filled(clean(" ".join(text.split())), indent, hang)


def _filled(text: str, indent: str, hang: str) -> list[str]:
    lines = textwrap.wrap(
        text,
        width(),
        initial_indent=indent,
        subsequent_indent=indent + hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or []


# -- verdicts ------------------------------------------------------------------------------------------------------


def block(verdict: Verdict, *, verbose: bool = False, colour: bool = False, source: str | None = None) -> list[str]:
    """A claim's verdict in a few lines; ``source`` is the file to name in replay commands of an outside claim."""
    word = verdict.verdict.upper()
    head = f"{word:<5} {verdict.id}"
    tail = seconds(verdict.seconds)
    middle = verdict.qualifier or ""
    columns = width()
    gap = max(2, columns - 42 - len(head))
    line = f"{head}{' ' * gap}{middle}"
    line += " " * max(2, columns - len(line) - len(tail)) + tail
    out = [paint(word, _COLOURS[verdict.verdict], colour) + line[len(word) :]]
    out += wrapped(verdict.record.title)
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in verdict.evidence:
        groups.setdefault((outcome.kind, outcome.name), []).append(outcome)
    names = [name for _, name in groups] + ["mutants"]
    longest = min(max(map(len, names)), 34)
    for (kind, name), outcomes in groups.items():
        lead = f"{_INDENT}{kind:<11} {name:<{longest}}  "
        out += _fit(lead, evidence_line(kind, outcomes, verdict.record.kind))
        checked = dict.fromkeys(name for o in outcomes for name in o.checked)
        if verbose and checked:
            out += wrapped("assumptions evaluated on the instances: " + "; ".join(checked), _INDENT + "  ", "  ")
        chosen = outcomes if verbose else _notable(outcomes)
        for outcome in chosen:
            out += _case_lines(outcome, colour, source, verdict.record.kind)
        hidden = sum(o.verdict != "pass" for o in outcomes) - len(chosen)
        if hidden > 0 and not verbose:
            out.append(f"{_INDENT}  and {hidden} more like these (-v shows all)")
    if verdict.cited:
        out += wrapped("relies on: " + "; ".join(verdict.cited), _INDENT, "  ")
    if verdict.mutants is not None:
        killed = sum(m.killed for m in verdict.mutants)
        lead = f"{_INDENT}{'mutants':<11} "
        by = [(k, sum(k in m.by for m in verdict.mutants)) for k in verdict.record.evidence_kinds]
        detail = ", ".join(f"{k} {n}" for k, n in by)
        out += _fit(lead, f"{killed} of {len(verdict.mutants)} killed (by {detail})")
        if verbose:
            for m in verdict.mutants:
                out += wrapped(
                    f"{'killed  ' if m.killed else 'SURVIVES'} {m.mutant}: {', '.join(m.by) or 'by nothing'}",
                    _INDENT + "  ",
                )
    if verdict.trouble:
        out += wrapped(verdict.trouble, _INDENT, "  ")
    if verdict.reservation:
        out += wrapped(f"undecided: {verdict.reservation}", _INDENT, "  ")
    for complaint in [*verdict.complaints, *verdict.unaudited]:
        lines = wrapped(f"AUDIT {complaint}", _INDENT, "  ")
        out += [lines[0].replace("AUDIT", paint("AUDIT", _COLOURS["fail"], colour), 1), *lines[1:]]
    return out


def _fit(lead: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, width(), initial_indent=lead, subsequent_indent=" " * min(len(lead), 40), break_long_words=False,
        break_on_hyphens=False,
    ) or [lead.rstrip()]  # fmt: skip


def evidence_line(kind: str, outcomes: Sequence[Outcome], decides: str) -> str:
    """One evidence function over its cases: how many, how much, and the case that came closest to its bound."""
    bad = {v: n for v in ("fail", "error", "inconclusive") if (n := sum(o.verdict == v for o in outcomes))}
    if kind == "derivation":
        if bad:
            return "does not go through" if "fail" in bad else "not carried out"
        steps = [s for o in outcomes for s in o.steps]
        cited = sum(s.get("status") == "cited" for s in steps)
        said = "; ".join(o.message for o in outcomes if o.message) or plural(len(steps), "step")
        return said + (f"; {plural(cited, 'step')} cited" if cited else "; nothing cited")
    parts = [plural(len(outcomes), "case")]
    samples = sum(o.samples for o in outcomes)
    if samples:
        parts.append(plural(samples, "sample"))
    if bad:
        parts.append(", ".join(f"{n} {v}" for v, n in bad.items()))
    else:
        worst = _tightest(outcomes, decides)
        if worst is not None:
            word = "furthest" if decides in _TWO_SIDED else "tightest"
            where = case_text(worst.case)
            where = f" at {where}" if where and len(where) <= 48 and len(outcomes) > 1 else ""
            parts.append((f"{word}{where}: " if len(outcomes) > 1 else "") + measured(worst, decides))
    return ", ".join(parts)


_TWO_SIDED = ("mean-equals", "limit-law")


def _tightest(outcomes: Sequence[Outcome], decides: str) -> Outcome | None:
    """The case that came closest to failing: relative to the bound, or by the margin that the evidence gives."""
    known = [o for o in outcomes if o.estimate is not None and o.bound is not None]
    if not known:
        return None

    def room(o: Outcome) -> float:
        estimate, bound = o.estimate or 0.0, o.bound or 0.0
        if decides in ("conserved", "rate", "minimiser", "counterexample") and o.margin is not None:
            return o.margin
        apart = -abs(bound - estimate) if decides in _TWO_SIDED else bound - estimate
        return apart / (abs(bound) or 1.0)

    return min(known, key=room)


_WORDS = {
    "minimiser": ("lowest value", "claimed minimum"),
    "rate": ("exponent", "claimed"),
    "conserved": ("drift of order", "claimed"),
    "probability-bound": ("frequency", "claimed at most"),
    "mean-bound": ("mean", "claimed at most"),
    "mean-equals": ("mean", "claimed"),
}


def measured(outcome: Outcome, decides: str = "") -> str:
    """Estimate, interval and bound in words; ``decides`` is the claim's decision kind."""
    if outcome.kind == "experiment" and decides == "identity" and outcome.estimate is not None:
        return f"sides differ by {number(outcome.estimate)} (relative), tolerance {number(outcome.bound)}"
    if decides == "sure-bound" and outcome.kind == "experiment" and outcome.bound == 1 and outcome.estimate is not None:
        return f"quantity/bound reaches {number(outcome.estimate)}"  # such an experiment reports the ratio
    measured_word, claimed_word = _WORDS.get(decides, ("measured", "claimed"))
    parts = []
    if outcome.estimate is not None:
        word = "worst case" if outcome.kind == "worst-case" else measured_word
        parts.append(f"{word} {number(outcome.estimate)}")
    if outcome.interval is not None:
        low, high = map(number, outcome.interval)
        if not low == high == number(outcome.estimate):
            parts.append(f"in [{low}, {high}]")
    if outcome.bound is not None:
        parts.append(f"{claimed_word} {number(outcome.bound)}")
    if outcome.tolerance:
        parts.append(f"tolerance {number(outcome.tolerance)}")
    return ", ".join(parts).replace(", in [", " in [")


def case_text(case: dict[str, Any]) -> str:
    return ", ".join(f"{k}={v}" for k, v in case.items())


def _notable(outcomes: Sequence[Outcome], most: int = 3) -> list[Outcome]:
    """What did not pass, worst first, one for each distinct message."""
    rank = {"fail": 0, "error": 1, "inconclusive": 2}
    bad = sorted((o for o in outcomes if o.verdict != "pass"), key=lambda o: rank[o.verdict])
    seen: set[str] = set()
    distinct = [o for o in bad if not o.message or not (o.message in seen or seen.add(o.message))]  # type: ignore[func-returns-value]
    return distinct[:most]


def _case_lines(outcome: Outcome, colour: bool, source: str | None, decides: str) -> list[str]:
    where = f" at {case_text(outcome.case)}" if outcome.case else ""
    text = outcome.verdict + where
    numbers = measured(outcome, decides)
    text += f": {numbers}" if numbers else ""
    if outcome.samples:
        text += f", {plural(outcome.samples, 'sample')}"
    if outcome.message:
        text += f"; {outcome.message}" if numbers else f": {outcome.message}"
    lines = wrapped(text, _INDENT + "  ", "  ")
    if lines and outcome.verdict != "pass":
        word = outcome.verdict
        lines[0] = lines[0].replace(word, paint(word, _COLOURS[word], colour), 1)
    if outcome.artefact and outcome.verdict == "fail":
        # not wrapped: it is there to be copied
        words = ["gdverify", "replay", outcome.artefact, *(["--claims", source] if source else [])]
        lines.append(f"{_INDENT}    {shlex.join(words)}")
    return lines


def summary(run: Run, colour: bool = False) -> list[str]:
    """The last lines of a run."""
    verdicts = [v.verdict for v in run.verdicts]
    counts = {v: verdicts.count(v) for v in ("pass", "fail", "inconclusive", "error")}
    qualified = [v.qualifier for v in run.verdicts if v.qualifier]
    detail = ", ".join(f"{qualified.count(q)} {q}" for q in ("proved", "proved-modulo", "tested") if q in qualified)
    words = {"pass": "passed", "fail": "failed", "inconclusive": "inconclusive", "error": "error"}
    parts = []
    for verdict, n in counts.items():
        if n or verdict in ("pass", "fail"):
            text = f"{n} {words[verdict]}" + ("s" if verdict == "error" and n > 1 else "")
            if verdict == "pass" and detail:
                text += f" ({detail})"
            parts.append(paint(text, _COLOURS[verdict], colour) if n else text)
    out = [f"{plural(len(verdicts), 'claim')}: " + ", ".join(parts)]
    audited = [m for v in run.verdicts for m in v.mutants or ()]
    if run.settings.audit:
        killed = sum(m.killed for m in audited)
        out.append(f"{plural(len(audited), 'mutant')}: {killed} killed, {len(audited) - killed} survived")
        complaints = sum(len(v.complaints) for v in run.verdicts)
        unknown = sum(len(v.unaudited) for v in run.verdicts)
        out[-1] += f"; {plural(complaints, 'complaint')}" if complaints else ""
        out[-1] += f"; {unknown} not audited" if unknown else ""
    elapsed = (run.finished - run.started).total_seconds()
    level = f"alpha {run.settings.alpha:g} over {plural(run.tests, 'test')}, " if run.tests else ""
    out.append(f"tier {run.settings.tier}, seed {run.settings.seed}, {level}{run.device}, {seconds(elapsed)}")
    if run.stored:
        out.append(f"{run.stored:,} of {plural(run.tasks, 'task')} from earlier runs (--no-cache computes them again)")
    if run.interrupted:
        out.append("interrupted: what had not finished is reported as inconclusive; --resume goes on with it")
    return [line for row in out for line in _filled(row, "", "  ")]


# -- proofs --------------------------------------------------------------------------------------------------------


def proof(verdict: Verdict, *, latex: bool = False, colour: bool = False) -> list[str]:
    """Derivations of a claim with numbered steps, each with its rule and status."""
    word = verdict.verdict.upper()
    out = [f"{paint(word, _COLOURS[verdict.verdict], colour)}  {verdict.id}  {verdict.qualifier or ''}".rstrip()]
    out += wrapped(f"{verdict.record.title} ({verdict.record.locator})")
    for outcome in verdict.evidence:
        out += ["", f"{_INDENT}derivation {outcome.name}"]
        for step in outcome.steps:
            uses = step.get("uses") or []
            lead = f"{_INDENT}{step.get('n', ''):>4}  {step.get('status', ''):<8}  {step.get('rule', '')}"
            out.append(lead + (f"  from {', '.join(map(str, uses))}" if uses else ""))
            note = step.get("note") or ""
            if note:
                out[-1] += f"  ({note}{', ' + step['reference'] if step.get('reference') else ''})"
            text = (step.get("latex") if latex else None) or step.get("conclusion") or ""
            out += wrapped(str(text), _INDENT + " " * 16, "  ")
        for name in outcome.cited:
            out += wrapped(f"cited: {name}", _INDENT, "  ")
        if outcome.message:
            out += wrapped(f"{outcome.verdict}: {outcome.message}", _INDENT, "  ")
    return out


# -- progress ------------------------------------------------------------------------------------------------------


class Status:
    """How far a run is, and how long it may still take, on standard error.

    On a terminal one line is rewritten in place.  Elsewhere nothing is written, but with ``verbose`` a line every
    half a minute.
    """

    EVERY = 30.0  # seconds between lines where there is no terminal

    def __init__(self, stream: IO[str] | None = None, verbose: bool = False):
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.verbose = verbose
        self._start = self._last = time.monotonic()
        self._shown = False
        self._past: list[tuple[float, int]] = []

    def update(self, done: int, total: int, running: Iterable[str]) -> None:
        now = time.monotonic()
        if not self.live and not self.verbose:
            return
        if now - self._last < (0.1 if self.live else self.EVERY):
            return
        self._last = now
        elapsed = now - self._start
        if not self._past or elapsed - self._past[-1][0] >= 0.5:
            self._past.append((elapsed, done))
        left = time_left(self._past, elapsed, done, total)
        text = f"{done}/{total} tasks, {elapsed:.0f} s" + (f", about {left} left" if left else "")
        if not self.live:
            print(text, file=self.stream, flush=True)
            return
        try:
            columns = os.get_terminal_size(self.stream.fileno()).columns
        except (OSError, ValueError):
            columns = 80
        text += f"  {', '.join(running)}"
        self.stream.write("\r\033[K" + text[: columns - 1])
        self.stream.flush()
        self._shown = True

    def clear(self) -> None:
        if self._shown:
            self.stream.write("\r\033[K")
            self.stream.flush()
            self._shown = False


def time_left(past: Sequence[tuple[float, int]], elapsed: float, done: int, total: int) -> str:
    """An estimate in words, or nothing while there is no ground for one.

    ``past`` are earlier (seconds, tasks done).  What is left is taken to go as fast as the latter half of the time so
    far: results that were stored come first and at once, and say nothing of the rest.
    """
    half = [(t, n) for t, n in past if t <= elapsed / 2]
    since, before = half[-1] if half else (0.0, 0)
    if elapsed < 5 or done - before < 3 or done >= total:
        return ""
    left = (total - done) * (elapsed - since) / (done - before)
    if left < 55:
        return f"{10 * math.ceil(left / 10):d} s"
    if left < 5400:
        return f"{left / 60:.0f} min"
    return f"{left / 3600:.1f} h"
