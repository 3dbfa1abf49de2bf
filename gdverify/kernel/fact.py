"""Facts and steps.  A `Fact` can be made by `Proof` alone; its creation is its justification."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import ProofError
from ..printing import latex, text

_SEAL = object()  # held by the kernel; a Fact made without it is refused


class Fact:
    """A proved (or assumed, or cited) relation ``left relation right``, universally true in its index variables.

    ``relation`` is one of ``>= > == != ->``.  ``hypotheses`` are the numbers of the suppositions it still rests on.
    """

    __slots__ = ("hypotheses", "left", "number", "proof", "relation", "right")
    proof: Any
    left: Any
    relation: str
    right: Any
    hypotheses: frozenset[int]
    number: int

    def __init__(
        self, seal: object, proof: Any, left: Any, relation: str, right: Any, hypotheses: frozenset[int], number: int
    ):
        if seal is not _SEAL:
            raise ProofError("a Fact can be made only by a rule of the kernel")
        put = object.__setattr__
        put(self, "proof", proof)
        put(self, "left", left)
        put(self, "relation", relation)
        put(self, "right", right)
        put(self, "hypotheses", hypotheses)
        put(self, "number", number)

    def __setattr__(self, name: str, value: Any) -> None:
        raise ProofError("a Fact cannot be changed")

    @property
    def expr(self) -> Any:
        """left - right, for scalar facts."""
        return self.left - self.right

    def __str__(self) -> str:
        return f"{text(self.left)} {self.relation} {text(self.right)}"

    def latex(self) -> str:
        sign = {">=": r"\ge", ">": ">", "==": "=", "!=": r"\ne", "->": r"\to"}[self.relation]
        return f"{latex(self.left)} {sign} {latex(self.right)}"

    def __repr__(self) -> str:
        return f"({self.number}) {self}"


@dataclass
class Step:
    """One line of a derivation."""

    n: int
    rule: str
    status: str  # proved | assumed | cited
    fact: Fact
    uses: tuple[int, ...] = ()
    note: str = ""
    reference: str = ""
    witness: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "n": self.n,
            "rule": self.rule,
            "status": self.status,
            "conclusion": str(self.fact),
            "latex": self.fact.latex(),
            "uses": list(self.uses),
            "note": self.note,
            "reference": self.reference,
        }
