"""How to run: what a run is told, and what follows from it for its workers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .claim import TIERS
from .errors import UsageError
from .pool import Limits
from .store import home

DEFAULT_ALPHA = 1e-6
LARGEST_SEED = 10**40
# Seconds of wall time for one task, above which its process is killed: far above what evidence that ends takes.
TIME_LIMITS = {"smoke": 600.0, "standard": 3600.0, "full": 6 * 3600.0}


@dataclass
class Settings:
    """How to run.

    Parameters
    ----------
    tier : smoke, standard or full
    seed : of every random number of the run
    alpha : family-wise error probability of the whole run, shared equally by its experiment tests
    device : cpu or cuda, or auto (a GPU where there is one)
    budget : seconds after which an experiment still undecided at a case is inconclusive; None for no limit
    jobs : worker processes
    overrides : exact values of parameters by name (``--set``)
    kinds : evidence kinds to run; None for all
    audit : whether to run it on their mutants
    save : whether confirmed violations are kept for `gdverify replay`
    cache : whether results that an earlier run has stored are used again
    resume : the id of an interrupted run, whose results are used whatever ``cache`` says
    time_limit : seconds of wall time for one task (evidence at a case, or a mutant); None for the tier's
    memory_limit : bytes that one task may take; None for a share of what the machine has
    on_device_loss : what a GPU that stops answering means for the cases on it: error, or cpu to start them again there
    scheduler : address of a Dask scheduler, whose workers run the tasks instead of this machine
    """

    tier: str = "smoke"
    seed: int = 0
    alpha: float = DEFAULT_ALPHA
    device: str = "auto"
    budget: float | None = None
    jobs: int = 1
    overrides: Mapping[str, Fraction | int] = field(default_factory=dict)
    kinds: Sequence[str] | None = None
    audit: bool = False
    save: bool = True
    cache: bool = True
    resume: str | None = None
    time_limit: float | None = None
    memory_limit: int | None = None
    scheduler: str | None = None
    on_device_loss: str = "error"

    def check(self) -> None:
        """Raises UsageError for a value that makes no sense."""
        if self.tier not in TIERS:
            raise UsageError(f"tier {self.tier!r}: expected one of {', '.join(TIERS)}")
        if not 0 < self.alpha < 1:
            raise UsageError(f"alpha {self.alpha}: expected a probability between 0 and 1")
        if not -LARGEST_SEED < self.seed < LARGEST_SEED:
            raise UsageError("the seed is too long")
        if self.jobs < 1:
            raise UsageError(f"jobs {self.jobs}: expected at least 1")
        if self.budget is not None and not 0 < self.budget < float("inf"):
            raise UsageError(f"budget {self.budget}: expected a positive number of seconds")

    def plain(self) -> dict[str, Any]:
        """What decides the numbers of a run, JSON-ready."""
        return {
            "tier": self.tier,
            "seed": self.seed,
            "alpha": self.alpha,
            "device": self.device,
            "budget": self.budget,
            "overrides": {name: str(value) for name, value in self.overrides.items()},
            "kinds": None if self.kinds is None else list(self.kinds),
            "audit": self.audit,
        }


def for_workers(settings: Settings, gpus: Sequence[str]) -> dict[str, Any]:
    """What a worker is told of the settings."""
    return {
        "tier": settings.tier,
        "seed": settings.seed,
        "device": "cuda" if gpus or (settings.scheduler and settings.device == "cuda") else "cpu",
        "budget": settings.budget,
        "overrides": dict(settings.overrides),
        "on_device_loss": settings.on_device_loss,
        "save_dir": str(home() / "artefacts") if settings.save else None,
    }


def limits_of(settings: Settings) -> Limits:
    """What one task may take."""
    from .doctor import memory

    share = settings.memory_limit
    if share is None and (found := memory()) is not None:
        share = max(2 * 2**30, int(0.9 * found[1]) // settings.jobs)
    return Limits(settings.time_limit or TIME_LIMITS[settings.tier], share)


def gpus_of(settings: Settings) -> list[str]:
    """Ids of the GPUs to use, by asking a separate process: this one must not start the CUDA runtime."""
    if settings.device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device {settings.device!r}: expected auto, cpu or cuda")
    if settings.device == "cpu" or settings.scheduler is not None:
        return []
    from .doctor import gpu_count

    count, why = gpu_count()
    if not count:
        if settings.device == "cuda":
            raise UsageError(f"--device cuda: {why}")
        return []
    visible = [v for v in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if v]
    return visible[:count] if visible else [str(i) for i in range(count)]
