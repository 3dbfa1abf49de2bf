"""Monte Carlo evidence: keyed draws, batched simulation, sequential decisions, interval rechecks."""

from importlib import import_module
from typing import Any

_HOME = {"run_experiment": "engine", "replay": "violation", "namespace": "backend"}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module 'gdverify.experiment' has no attribute {name!r}")
