"""gdverify: check what theory papers claim, by derivation, experiment and exact worst case.

The public surface; every name is imported on first use, so that ``import gdverify`` stays fast.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "claim": ("Assumption", "Claim", "Finding", "Mutant", "Paper"),
    "domain": ("Case", "Domain", "Integers", "Interval", "Nonnegative", "Observed", "Positive", "Reals"),
    "decision": (
        "Conserved", "Counterexample", "Identity", "LimitLaw", "MeanBound", "MeanEquals", "Minimiser",
        "ProbabilityBound", "Rate", "SureBound",
    ),
    "language": ("Inner", "Mean", "Prob", "ScalarFunction", "Vector", "VectorSequence", "sq"),
    "classes": ("convex", "minimiser", "recursion", "smooth", "start", "strongly_convex"),
    "bibliography": ("Bibliography",),
    "api": ("check", "load"),
}  # fmt: skip
_WHERE = {name: module for module, names in _HOME.items() for name in names}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(import_module(f".{_WHERE[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'gdverify' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
