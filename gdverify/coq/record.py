"""Run a derivation and keep, for every step, the call that made it (a `Fact` keeps its conclusion alone)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..claim import Claim
from ..kernel.fact import Fact
from ..kernel.proof import Proof

RULES = (
    "assume", "low", "high", "definition", "cite", "identity", "sign", "certificate", "rewrite", "product", "extreme",
    "power", "instantiate", "next_integer", "settle", "sum_of", "telescope", "telescoped", "split_sum", "mean",
    "mean_of_sum", "reindex", "tangent", "indicator", "matrix_identity", "matrix_certificate",
    "sandwich", "trace", "gradient_step", "gradient_flow", "lie_derivative", "conserved",
    "gronwall", "submultiplicative",
)  # fmt: skip


class Recording(Proof):
    """A proof that remembers, by step number, the rule called and its arguments.

    ``calls[n]`` is (rule, arguments by name, position in the list that the rule returned).
    """

    def __init__(self, claim: Claim):
        super().__init__(claim)
        self.calls: dict[int, tuple[str, dict[str, Any], int]] = {}

    def induction(self, target: Any, t: Any, base: Fact, step: Callable[[Fact], Fact], **options: Any) -> Fact:
        inner: dict[str, Any] = {"target": target, "t": t, "base": base}

        def watched(hypothesis: Fact) -> Fact:
            inner["hypothesis"], inner["result"] = hypothesis, step(hypothesis)
            return inner["result"]

        fact = super().induction(target, t, base, watched, **options)
        self.calls[fact.number] = ("induction", inner, 0)
        return fact


def _watch(name: str) -> None:
    rule = getattr(Proof, name)
    signature = inspect.signature(rule)

    def call(self: Recording, *args: Any, **kwargs: Any) -> Any:
        result = rule(self, *args, **kwargs)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        arguments = {k: v for k, v in bound.arguments.items() if k != "self"}
        for position, fact in enumerate(result if isinstance(result, list) else [result]):
            self.calls[fact.number] = (name, arguments, position)
        return result

    setattr(Recording, name, call)


for _name in RULES:
    _watch(_name)
