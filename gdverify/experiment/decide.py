"""What a decision procedure is: it takes blocks of results in order and says when it knows.

`decider` picks the procedure of a decision kind; design in ``docs``: how samples decide each kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..decision import Counterexample

if TYPE_CHECKING:
    import numpy as np

    from .laboratory import Laboratory
    from .random import Primitive


@dataclass
class Finding:
    """A verdict with its figures; ``violation`` holds the draws of an instance worth saving.

    ``provisional``: a pass that rests on the tolerance, which more samples may still overturn.
    """

    verdict: str
    message: str = ""
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    bound: float | None = None
    tolerance: float | None = None
    margin: float | None = None
    violation: Sequence[Primitive] | None = field(default=None, repr=False)
    provisional: bool = False


@dataclass(frozen=True)
class Effort:
    """How hard a tier tries."""

    seconds: float
    recheck_seconds: float
    search_seconds: float
    generations: int
    search_blocks: int
    memory: int | None  # bytes a batch may take; None: a share of what is free


class Decider:
    """Base of the decision procedures.

    ``add`` takes the results of whole blocks, in order; ``check`` is called at block counts that do not depend on
    the batch size and returns a finding once decided; ``finish`` is called when the budget is spent (``complete``:
    the samples ran out, not the time).  ``trace`` may be called after that.
    """

    def __init__(self, lab: Laboratory, alpha: float, effort: Effort):
        self.lab, self.alpha, self.effort = lab, alpha, effort
        self.decision: Any = lab.claim.decides
        # With no derivation the experiment is all there is: it must not pass what more samples would have refuted.
        self.alone = not any(e.kind == "derivation" for e in lab.claim.evidence)

    def add(self, rows: dict[str, np.ndarray], first: int, size: int) -> None:
        """Results of ``size`` rows starting with block ``first``."""
        raise NotImplementedError

    def check(self) -> Finding | None:
        raise NotImplementedError

    def finish(self, complete: bool) -> Finding:
        raise NotImplementedError

    def wants_more(self) -> bool:
        """Whether more samples than planned may be taken because this one is undecided; only if that biases nothing."""
        return False

    def trace(self) -> dict[str, Any] | None:
        """What there is to draw of what was decided, JSON-ready; None where there is nothing."""
        return None


def decider(lab: Laboratory, alpha: float, effort: Effort) -> Decider:
    """The procedure for the claim's decision kind."""
    from . import scaling, statistical, sure

    decision = lab.claim.decides
    if isinstance(decision, Counterexample) and decision.mean:
        return statistical.MeanExceedsDecider(lab, alpha, effort)
    makers: dict[str, Any] = {
        "sure-bound": sure.SureDecider,
        "minimiser": sure.MinimiserDecider,
        "identity": sure.IdentityDecider,
        "counterexample": sure.CounterexampleDecider,
        "mean-bound": statistical.MeanBoundDecider,
        "mean-equals": statistical.MeanEqualsDecider,
        "probability-bound": statistical.ProbabilityDecider,
        "rate": scaling.RateDecider,
        "limit-law": scaling.LimitDecider,
        "conserved": scaling.ConservedDecider,
    }
    return makers[decision.kind](lab, alpha, effort)
