"""Running one experiment at one case: batches sized to memory, decided block by block, as an `Outcome`."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..claim import Claim, Evidence
from ..domain import Case
from ..errors import ClaimError, DeviceLostError, ExperimentError, UndecidedError, UsageError, one_line
from ..result import AGAIN, Outcome
from . import violation
from .checkpoint import Checkpoint
from .clock import work_seconds
from .decide import Decider, Effort, Finding, decider
from .hypotheses import check_instance, check_violation
from .laboratory import Laboratory
from .random import Recorder, Replayer
from .suspicion import Watch

SURE_KINDS = ("sure-bound", "minimiser", "identity", "counterexample")
SAMPLES = {
    "sure": {"smoke": 2048, "standard": 20_000, "full": 1_000_000},
    "grid": {"smoke": 8192, "standard": 65_536, "full": 1_000_000},
    "mean": {"smoke": 200_000, "standard": 2_000_000, "full": 100_000_000},
}
# Samples and generations end an experiment; the seconds only stop one that hangs, so that verdicts do not depend on how
# busy the machine is.
EFFORTS = {
    "smoke": Effort(20.0, 10.0, 5.0, 8, 2, 256 * 2**20),
    "standard": Effort(120.0, 60.0, 30.0, 60, 8, 2 * 2**30),
    "full": Effort(1200.0, 300.0, 300.0, 400, 16, None),
}
BLOCK = 256
# What is undecided when its samples run out gets up to so many times as many: the intervals hold at any stopping time,
# and how many samples they take depends on the share of alpha, so on how many tests a run has.
_EXTRA = 4
_MIXED = 1e-2  # far above what rounding does, even amplified; far below what mixing rows does


def sample_budget(claim: Claim, evidence: Evidence, tier: str) -> tuple[int, int]:
    """Rows of a case at a tier, and rows per block, from the evidence's options and the defaults."""
    kind = claim.decides.kind
    sure = kind in SURE_KINDS and not getattr(claim.decides, "mean", False)
    family = "sure" if sure else "grid" if kind in ("rate", "limit-law", "conserved") else "mean"
    given = dict(evidence.options.get("samples") or {})
    unknown = set(evidence.options) - {"samples", "block"}
    if unknown:
        raise UsageError(f"{claim.id}: experiment option {sorted(unknown)[0]!r} is unknown (have: samples, block)")
    if set(given) - set(EFFORTS) or not all(isinstance(n, int) and n > 0 for n in given.values()):
        raise UsageError(f"{claim.id}: samples= takes positive integers for smoke, standard, full")
    total = given.get(tier, SAMPLES[family][tier])
    block = evidence.options.get("block")
    if block is None:
        # Small budgets are cut finer, so that means have enough blocks to estimate their spread from.
        smallest = min([*given.values(), total])
        block = max(1, min(BLOCK, smallest if family == "sure" else smallest // 64))
    if not isinstance(block, int) or block < 1:
        raise UsageError(f"{claim.id}: block= takes a positive integer")
    return total, block


def run_experiment(
    claim: Claim,
    evidence: Evidence,
    case: Case,
    *,
    tier: str = "smoke",
    seed: int = 0,
    alpha: float = 1e-6,
    device: str = "cpu",
    budget: float | None = None,
    save_dir: str | Path | None = None,
    module: str | None = None,
    mutant: str | None = None,
    checkpoint: Checkpoint | None = None,
    on_device_loss: str = "error",
) -> Outcome:
    """Evidence of one experiment at one case.

    Parameters
    ----------
    alpha : error probability of this test
    device : ``cpu``, ``cuda`` or ``auto``
    budget : seconds, instead of the tier's
    save_dir : where a confirmed violation is saved; nothing is saved without
    checkpoint : where to keep what a killed run goes on from
    on_device_loss : ``error``, or ``cpu`` to start the case again there
    module, mutant : recorded with a saved violation (path of a claim file outside the catalogue; mutant's name)

    Raises
    ------
    UsageError
        no such device, or malformed options of the evidence
    """
    started = time.monotonic()
    if not 0 < alpha < 1:
        raise UsageError(f"alpha = {alpha} is not between 0 and 1")
    total, rows = sample_budget(claim, evidence, tier)
    effort = EFFORTS[tier]
    if budget is not None:
        scale = budget / effort.seconds
        effort = Effort(
            budget, effort.recheck_seconds * scale, effort.search_seconds * scale, effort.generations,
            effort.search_blocks, effort.memory,
        )  # fmt: skip
    outcome = Outcome("experiment", evidence.name, "error", case=case.plain(), alpha=alpha, device=device)
    try:
        lab = Laboratory(claim, evidence, case, seed=seed, rows=rows, device=device)
        outcome.device = lab.xp.device
        judge = decider(lab, alpha, effort)
        # From here, so that a process's first imports do not eat a case's time.
        # What a device does is no time of this processor's; a budget that was asked for is meant by the wall.
        clock = work_seconds if budget is None and lab.xp.device != "cuda" else time.monotonic
        runner = _Runner(lab, judge, effort, total, clock, checkpoint)
        with _device_watched(lab):
            found, outcome.samples = runner.run()
        if found.violation is not None:
            check_violation(lab, found.violation)
        _report(outcome, found)
        outcome.trace = judge.trace()
        outcome.checked = runner.checked
        outcome.suspicion = runner.watch.suspicion() if found.verdict == "pass" else ""
        outcome.unread = lab.unread(lab.returned)
        if found.violation is not None and save_dir is not None:
            path = violation.save(
                save_dir, lab, found.violation, message=found.message, module=module, mutant=mutant
            )  # fmt: skip
            outcome.artefact = str(path)
    except (ExperimentError, ClaimError, UndecidedError) as problem:
        outcome.verdict, outcome.message = "error", " ".join(str(problem).split())
    except DeviceLostError as problem:
        if on_device_loss == "cpu" and device != "cpu":
            if checkpoint is not None:
                checkpoint.done()
            outcome = run_experiment(
                claim, evidence, case, tier=tier, seed=seed, alpha=alpha, device="cpu", budget=budget,
                save_dir=save_dir, module=module, mutant=mutant,
            )  # fmt: skip
            outcome.message = "; ".join(filter(None, [AGAIN, outcome.message]))
            return outcome
        outcome.message = str(problem)
    except MemoryError:
        outcome.message = f"one block of {rows} rows does not fit in memory; ask for a smaller block="
    if checkpoint is not None:
        checkpoint.done()
    outcome.seconds = time.monotonic() - started
    return outcome


@contextlib.contextmanager
def _device_watched(lab: Laboratory) -> Iterator[None]:
    """Errors that mean a lost device, as such."""
    try:
        yield
    except Exception as problem:
        if lab.xp.is_lost(problem):
            raise DeviceLostError(f"the device was lost: {one_line(problem, 120)}") from problem
        raise


def _report(outcome: Outcome, found: Finding) -> None:
    outcome.verdict, outcome.message = found.verdict, found.message
    outcome.estimate, outcome.interval, outcome.bound = found.estimate, found.interval, found.bound
    outcome.tolerance, outcome.margin = found.tolerance, found.margin


class _Runner:
    """Feeds a decider.  Checks fall at block counts 1, 2, 4, 8, 16, then every half more: whatever the batches."""

    def __init__(
        self,
        lab: Laboratory,
        judge: Decider,
        effort: Effort,
        total: int,
        clock: Callable[[], float],
        checkpoint: Checkpoint | None = None,
    ):
        self.lab, self.judge, self.effort, self.checkpoint = lab, judge, effort, checkpoint
        self.blocks = -(-total // lab.rows)
        self.clock = clock
        self.deadline = clock() + effort.seconds
        self.largest = 1  # blocks in a batch; known after the first block
        self.watch = Watch(lab)
        self.checked: list[str] = []  # assumptions that were evaluated on the first block
        self.done = 0
        self._restored = False

    def run(self) -> tuple[Finding, int]:
        next_check, most = 1, _EXTRA * self.blocks
        while True:
            if self.done >= self.blocks:
                last = self.judge.finish(True)
                undecided = last.verdict == "inconclusive" and self.lab.drawn and self.judge.wants_more()
                if not undecided or self.blocks >= most:
                    return last, self.samples
                self.blocks = min(2 * self.blocks, most)
            if self.done and self.clock() > self.deadline:
                return self.judge.finish(False), self.samples
            count = min(next_check - self.done, self.blocks - self.done, self.largest, self._affordable())
            self._batch(count)
            if not self.lab.drawn:
                self.blocks = self.done  # nothing is random: more rows say nothing new
            if self.done >= next_check:
                found = self.judge.check()
                if found is not None and not (found.provisional and self.judge.alone):
                    return found, self.samples
                next_check = self.done * 2 if self.done < 16 else self.done + self.done // 2
            if self.checkpoint is not None:
                next_check = self._keep(next_check)

    def _keep(self, next_check: int) -> int:
        """Keep where it is, or after the first block go on from where an earlier run was; the next check's block."""
        assert self.checkpoint is not None
        parts = {"judge": self.judge, "watch": self.watch}
        outside = {"lab": self.lab, "effort": self.effort, "decision": self.judge.decision}
        if not self._restored:
            self._restored = True
            state = self.checkpoint.restore(outside) if self.done < self.blocks else None
            if state is not None and state["done"] > self.done and state["rows"] == self.lab.rows:
                for name, part in parts.items():
                    part.__dict__.update(state[name])
                self.done, self.blocks = state["done"], state["blocks"]
                return state["next_check"]
        state = {name: part.__dict__ for name, part in parts.items()}
        state |= {"done": self.done, "blocks": self.blocks, "next_check": next_check, "rows": self.lab.rows}
        self.checkpoint.save(state, outside)
        return next_check

    @property
    def samples(self) -> int:
        return self.done * self.lab.rows if self.lab.drawn else 1

    def _affordable(self) -> int:
        """Blocks that fit in the time left, by the speed so far."""
        if not self.done:
            return 1
        left = self.deadline - self.clock()
        return max(1, int(1.2 * left / self.pace) + 1)

    def _batch(self, count: int) -> None:
        began = self.clock()
        if self.done:
            try:
                rows = self.lab.run(self.done, count)
            except Exception as problem:
                if not self.lab.xp.is_out_of_memory(problem) or count == 1:
                    if self.lab.xp.is_out_of_memory(problem):
                        raise MemoryError from None
                    raise
                self.lab.xp.release()
                self.largest = max(1, count // 2)
                return
        else:
            rows = self._measured()
        size = count * self.lab.rows
        if not self.lab.drawn:
            size = 1
            self._check_identical(rows, count * self.lab.rows)
            rows = {k: v[:1] if v.ndim and v.shape[0] == count * self.lab.rows and k not in "nh" else v
                    for k, v in rows.items()}  # fmt: skip
        self.judge.add(rows, self.done, size)
        self.watch.add(rows, size)
        self.done += count
        self.pace = max(self.clock() - began, 1e-9) / count

    def _measured(self) -> dict[str, Any]:
        """The first block, and from the memory it takes the number of blocks in a batch."""
        free, held = self.lab.xp.free_bytes(), self.lab.xp.held_bytes()
        tracing = tracemalloc.is_tracing()
        if not tracing:
            tracemalloc.start(1)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        try:
            rows, recorder = self.lab.record(0)
            taken = tracemalloc.get_traced_memory()[1] - before
        except Exception as problem:
            if self.lab.xp.is_out_of_memory(problem):
                raise MemoryError from None
            raise
        finally:
            if not tracing:
                tracemalloc.stop()
        taken = max(taken, self.lab.xp.held_bytes() - held, 4096)
        allowed = free // 3 if self.effort.memory is None else min(self.effort.memory, free // 3)
        self.largest = max(1, int(allowed // taken))
        self.checked = check_instance(self.lab, rows, self.lab.rows)
        if self.lab.rows > 1:
            self._check_repeatable(rows, recorder)
        if self.lab.drawn and self.lab.rows > 1:
            self._check_independent(rows, recorder)
        return rows

    def _check_repeatable(self, rows: dict[str, Any], recorder: Recorder) -> None:
        """The same draws must give the same numbers: other randomness can be neither replayed nor rechecked."""
        again = self.lab.run_on(Replayer(recorder.draws), self.lab.rows)
        for name, value in rows.items():
            if not np.allclose(value, again[name], rtol=1e-6, atol=1e-9 * float(np.abs(value).max(initial=0.0))):
                raise ExperimentError(f"{name!r} differs when the same draws are given again: draw from rng alone")

    def _check_independent(self, rows: dict[str, Any], recorder: Recorder) -> None:
        """One row recomputed alone, from its own draws, must come out as it did among the others."""
        last = self.lab.rows - 1
        alone = self.lab.run_on(Replayer(recorder.row(last)), 1)
        for name, value in rows.items():
            if value.ndim == 0 or value.shape[0] != self.lab.rows or name in ("n", "h", "quantity_error", "floor"):
                continue
            among, other = value[last], alone[name][0] if alone[name].ndim else alone[name]
            if np.shape(among) == np.shape(other) and np.any(np.abs(among - other) > _MIXED * (np.abs(value).max())):
                raise ExperimentError(f"{name!r} of a row changes when it is computed alone: rows must not mix")

    def _check_identical(self, rows: dict[str, Any], size: int) -> None:
        """Without draws there is one instance; rows that differ would be dropped unseen."""
        for name, value in rows.items():
            if value.ndim and value.shape[0] == size and name not in ("n", "h"):
                if np.any(np.abs(value - value[:1]) > 1e-9 * np.abs(value[:1])):
                    raise ExperimentError(f"{name!r} differs between rows though nothing is drawn; list cases= instead")


__all__ = ["ExperimentError", "run_experiment", "sample_budget"]
