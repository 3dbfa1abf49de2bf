"""What a worker process does: find the claim again, run one piece of evidence, hand back plain data.

A request and an answer hold nothing but strings, numbers, lists and dicts (and a `Source`), so that no theorem
module's objects are ever pickled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from . import digest
from .claim import Claim, Evidence
from .discover import Source, here, load, load_claim
from .errors import GdverifyError, ProofError, UsageError, one_line
from .record import record
from .result import Outcome

Plain = dict[str, Any]
_LIMITS = {"smoke": 90.0, "standard": 900.0, "full": 7200.0}  # seconds; far above what evidence that ends takes
_LONGEST = 5000  # characters of an error's text
_PROVERS = {"flint": "python-flint", "clarabel": "Clarabel"}


def work(request: Plain) -> Iterator[Plain]:
    """In a process of its own: run the tasks of a request.

    Yields, for each task in order, ``{"result": ..., "depends": [[path, digest], ...]}``: what `perform` returns (for
    the task ``{"plan": ids}`` what `plans` does, for ``{"list": True}`` ids, titles and kinds, for ``{"replay": path}``
    an outcome or why the file is ``refused``), and the files that it depends on; None if one has changed meanwhile.
    """
    watch = digest.Watch()
    source = here(request["source"])
    for task in request["tasks"]:
        if "list" in task:
            result: Any = [[c.id, c.title, c.decides.kind] for c in load(source)]
        elif "plan" in task:
            result = plans(source, task["plan"], request["settings"])
        elif "replay" in task:
            result = _replayed(source, request["claim"], task["replay"])
        else:
            settings = {**request["settings"], "checkpoint": _checkpoint(source, task, watch)}
            result = perform(load_claim(source, request["claim"]), {**request, "settings": settings}, task)
        yield {"result": result, "depends": digest.depends(watch.files(), source.path)}


def _replayed(source: Source, claim: str, path: str) -> Plain:
    """The outcome of a saved counterexample, or why the file is refused."""
    from .replay import read_saved, replay_saved

    try:
        return replay_saved(Path(path), read_saved(Path(path)), load_claim(source, claim)).plain()
    except GdverifyError as error:
        return {"refused": describe(error)}


def _checkpoint(source: Source, task: Plain, watch: digest.Watch) -> Any:
    """Where an experiment is kept while it runs, if the run is one that can be gone on with."""
    if not task.get("checkpoint"):
        return None
    from .experiment.checkpoint import Checkpoint

    return Checkpoint(
        Path(task["checkpoint"]),
        lambda: digest.depends(watch.files(), source.path),
        lambda depends: digest.unchanged(depends, source.path),
        fresh=task["fresh"],
    )


def plans(source: Source, ids: Sequence[str] | None, settings: Mapping[str, Any]) -> list[Plain]:
    """`plan` of the claims of a module, or ``{"broken": why}``; of all of them for ``ids`` None."""
    ids = [claim.id for claim in load(source)] if ids is None else ids
    load(source)  # what keeps all of them from being read is said once

    def one(claim_id: str) -> Plain:
        try:
            return plan(load_claim(source, claim_id), source, settings)
        except Exception as error:  # the others of the module are not to blame
            return {"broken": describe(error)}

    return [one(claim_id) for claim_id in ids]


def plan(claim: Claim, source: Source | None, settings: Mapping[str, Any]) -> Plain:
    """What a run on a claim takes: its ``record``, the number of ``cases`` of each piece of evidence, the names of the
    ``parameters`` that ``--set`` may give, and a ``problem`` with those that were given, or the empty string.
    """
    cases, problem = [], ""
    for evidence in claim.evidence:
        try:
            cases.append(len(draw(claim, evidence, settings)))
        except Exception as error:
            cases.append(1)  # where what is wrong is the claim's own, its task says so
            if isinstance(error, UsageError) and settings["overrides"] and _drawn(claim, evidence, settings):
                problem = problem or f"{claim.id}: {one_line(error)}"
    parameters = sorted({name for e in claim.evidence for name in known_names(claim, e)})
    return {"record": record(claim, source).plain(), "cases": cases, "parameters": parameters, "problem": problem}


def _drawn(claim: Claim, evidence: Evidence, settings: Mapping[str, Any]) -> bool:
    """Whether there are cases without overrides, so that it is these that do not fit."""
    try:
        return bool(draw(claim, evidence, {**settings, "overrides": {}}))
    except Exception:
        return False


def perform(claim: Claim, request: Plain, task: Plain) -> Plain:
    """One task on a claim: ``{"evidence": i, "case": j}``, or ``{"mutant": m}``."""
    settings = request["settings"]
    if "mutant" in task:
        return {"outcomes": [o.plain() for o in run_mutant(claim, task["mutant"], task["kinds"], settings)]}
    evidence = claim.evidence[task["evidence"]]
    return run_evidence(claim, evidence, task["case"], settings).plain()


def known_names(claim: Claim, evidence: Evidence) -> set[str]:
    """Names that ``--set`` may give to this evidence: the claim's symbols and what its cases bring along."""
    return set(claim.domains) | {name for part in evidence.cases for name in part if name != "tier"}


def draw(claim: Claim, evidence: Evidence, settings: Mapping[str, Any]) -> list[Any]:
    """Cases of a piece of evidence under a run's tier, seed and overrides; a derivation has one, empty."""
    if evidence.kind == "derivation":
        return [None]
    known = known_names(claim, evidence)
    overrides = {k: v for k, v in settings["overrides"].items() if k in known}
    return evidence.draw(claim, settings["tier"], seed=settings["seed"], overrides=overrides)


def run_evidence(claim: Claim, evidence: Evidence, index: int, settings: Mapping[str, Any]) -> Outcome:
    """Run one evidence function at one case; whatever it raises becomes an outcome."""
    started = time.perf_counter()
    case: Any = None
    try:
        case = draw(claim, evidence, settings)[index]
        try:
            outcome = _call(claim, evidence, case, settings)
        except OSError as error:
            if not settings["save_dir"]:
                raise
            # A disk that is full or not ours must not hide a violation: decide again, keeping nothing.
            outcome = _call(claim, evidence, case, {**settings, "save_dir": None})
            outcome.artefact = None
            if outcome.verdict == "fail":
                outcome.message += f" (not saved for replay: {error.strerror or error})"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: evidence that calls sys.exit(0) must not end the run as a success
        verdict = "fail" if isinstance(error, ProofError) and evidence.kind == "derivation" else "error"
        if isinstance(error, OutOfTime):
            outcome = Outcome(evidence.kind, evidence.name, "inconclusive", message=str(error))
        else:
            outcome = Outcome(evidence.kind, evidence.name, verdict, message=describe(error))
    outcome.case = plain_case(outcome.case or (case.plain() if case is not None else {}))
    outcome.seconds = outcome.seconds or time.perf_counter() - started
    return outcome


def _call(claim: Claim, evidence: Evidence, case: Any, settings: Mapping[str, Any]) -> Outcome:
    limit = 0.0
    if evidence.kind != "derivation":
        limit = _LIMITS[settings["tier"]] if settings["budget"] is None else 3 * settings["budget"] + 10
    # What evidence prints must not end up in a report on standard output.
    with contextlib.redirect_stdout(sys.stderr), time_limit(limit):
        return _dispatch(claim, evidence, case, settings)


class OutOfTime(BaseException):
    """Not an Exception: whatever it interrupts must not handle it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop evidence that hangs (``--set T=1e12``); 0 for none.  Where the system has no alarms, nothing is stopped."""
    if not seconds or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise OutOfTime(f"stopped after {seconds:g} s: too large a problem for this tier")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _dispatch(claim: Claim, evidence: Evidence, case: Any, settings: Mapping[str, Any]) -> Outcome:
    if evidence.kind == "derivation":
        from .kernel import run_derivation

        return run_derivation(claim, evidence)
    save_dir = Path(settings["save_dir"]) if settings["save_dir"] else None
    if evidence.kind == "worst-case":
        from .worstcase import run_worst_case

        return run_worst_case(claim, evidence, case, save_dir)
    from .experiment.engine import run_experiment

    return run_experiment(
        claim,
        evidence,
        case,
        tier=settings["tier"],
        seed=settings["seed"],
        alpha=settings["alpha"],
        device=settings["device"],
        budget=settings["budget"],
        save_dir=save_dir,
        checkpoint=settings.get("checkpoint"),
        on_device_loss=settings.get("on_device_loss", "error"),
    )


def run_mutant(claim: Claim, index: int, kinds: list[str], settings: Mapping[str, Any]) -> list[Outcome]:
    """Run a claim's evidence on one of its mutants, each kind until it refutes the mutant.

    The mutant's own cases come first: they are where its author expects it to break.
    """
    mutant = claim.mutants[index]
    settings = {**settings, "overrides": {}, "save_dir": None}
    outcomes: list[Outcome] = []
    try:
        false_claim = claim.mutated(mutant)
    except Exception as error:  # it may hold anything
        return [Outcome(kind, "mutant", "error", message=describe(error)) for kind in kinds]
    for kind in kinds:
        for evidence in (e for e in false_claim.evidence if e.kind == kind):
            try:
                count = len(draw(false_claim, evidence, settings))
                own = _own_cases(false_claim, evidence, mutant.cases, settings)
            except Exception as error:
                outcomes.append(Outcome(kind, evidence.name, "error", message=describe(error)))
                continue
            for case in [*own, *(i for i in range(count) if i not in own)]:
                outcomes.append(run_evidence(false_claim, evidence, case, settings))
                outcomes[-1].artefact = outcomes[-1].trace = None  # what refutes a mutant is not kept,
                outcomes[-1].steps = []  # nor are the steps of a derivation that broke off
                if outcomes[-1].verdict == "fail":
                    break
            if outcomes and outcomes[-1].verdict == "fail":
                break
    return outcomes


def _own_cases(claim: Claim, evidence: Evidence, parts: Any, settings: Mapping[str, Any]) -> list[int]:
    """Positions of the cases that a mutant's ``cases`` added at the end of its evidence's."""
    if not parts or evidence.kind == "derivation":
        return []
    before = replace(evidence, cases=evidence.cases[: len(evidence.cases) - len(parts)])
    first = len(draw(claim, before, settings)) if before.cases else 0
    return list(range(first, len(draw(claim, evidence, settings))))


def describe(error: BaseException) -> str:
    """One line: what was raised, and for an accident the place in the code that the user can act on."""
    if isinstance(error, GdverifyError):
        return one_line(error, _LONGEST)
    text = one_line(error)
    if isinstance(error, ModuleNotFoundError) and error.name in _PROVERS:
        return f"needs {_PROVERS[error.name]}, which is not installed: pip install 'gdverify[proof]'"
    if isinstance(error, MemoryError):
        return f"out of memory{': ' + text if text else ''}"
    frames = traceback.extract_tb(error.__traceback__)
    here = os.path.dirname(os.path.abspath(__file__)) + os.sep
    outside = [f for f in frames if not f.filename.startswith(here) and "site-packages" not in f.filename]
    last = (outside or list(frames))[-1:]
    place = "".join(f" ({os.path.basename(f.filename)}:{f.lineno})" for f in last)
    return f"{type(error).__name__}: {text or 'no message'}{place}"


def plain_case(case: Mapping[str, Any]) -> Plain:
    """A case as JSON: numbers and strings stay, exact rationals become 'p/q', anything else its text."""

    def plain(value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return float(value)
        if isinstance(value, Fraction):
            return str(value)
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        return str(value)

    return {str(k): plain(v) for k, v in case.items()}
