"""Decision kinds: what it means for a claim to be true, as data.

Each kind holds SymPy expressions and says, in `propositions`, what a derivation has to conclude.  How samples
decide is in `gdverify.experiment`, how certificates decide in `gdverify.worstcase`; nothing here computes.

``quantity`` is an expression in the claim's symbols, functions and vectors (`gdverify.language`); an
experiment returns its samples under the key ``"quantity"``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar


@dataclass(frozen=True)
class Proposition:
    """``left relation right`` with relation one of ``<= < == > ->``; the last reads "tends to"."""

    left: Any
    relation: str
    right: Any

    def __str__(self) -> str:
        return f"{self.left} {self.relation} {self.right}"


@dataclass(frozen=True)
class Decision:
    """Base of the decision kinds."""

    kind: ClassVar[str] = ""

    def propositions(self) -> list[Proposition]:
        """What the derivation must conclude, one fact for each."""
        raise NotImplementedError

    def expressions(self) -> dict[str, Any]:
        """The SymPy expressions of the decision, by field name."""
        out = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if hasattr(value, "free_symbols"):
                out[f.name] = value
        return out

    def changed(self, **changes: Any) -> Decision:
        """The same kind with some fields replaced (mutants)."""
        return replace(self, **changes)


@dataclass(frozen=True)
class SureBound(Decision):
    """Q <= B for every admissible instance.

    The decision has no tolerance: a float violation counts only after it is confirmed in interval arithmetic.
    """

    quantity: Any
    bound: Any
    kind: ClassVar[str] = "sure-bound"

    def propositions(self) -> list[Proposition]:
        return [Proposition(self.quantity, "<=", self.bound)]


@dataclass(frozen=True)
class MeanBound(Decision):
    """E[Q] <= B.  Passes when the confidence sequence ends below B(1+tol).

    What the claim knows of Q, as expressions, makes *pass* valid at any time; without it an interval is asymptotic:
    ``support``, a range (low, high); ``proxy``, an s^2 with E exp(lam (Q - E Q)) <= exp(lam^2 s^2/2) for all lam;
    ``variance``, a bound on the variance.  Samples can contradict the first alone: the others are the author's word.
    ``nonnegative``: Q >= 0 surely; makes *fail* valid without any moment assumption.
    """

    quantity: Any
    bound: Any
    tol: float = 0.05
    support: tuple[Any, Any] | None = None
    nonnegative: bool = True
    proxy: Any = None
    variance: Any = None
    kind: ClassVar[str] = "mean-bound"

    def propositions(self) -> list[Proposition]:
        from .language import Mean

        return [Proposition(Mean(self.quantity), "<=", self.bound)]


@dataclass(frozen=True)
class MeanEquals(Decision):
    """E[Q] = B, decided inside B(1 +- tol) (B +- tol where ``absolute``); see `MeanBound` for what may be declared."""

    quantity: Any
    bound: Any
    tol: float = 0.05
    absolute: bool = False
    support: tuple[Any, Any] | None = None
    proxy: Any = None
    variance: Any = None
    kind: ClassVar[str] = "mean-equals"

    def propositions(self) -> list[Proposition]:
        from .language import Mean

        return [Proposition(Mean(self.quantity), "==", self.bound)]


@dataclass(frozen=True)
class ProbabilityBound(Decision):
    """P(Q > threshold) <= bound.  Samples: ``quantity``; the threshold is lambdified like the bound."""

    quantity: Any
    threshold: Any
    bound: Any
    kind: ClassVar[str] = "probability-bound"

    def propositions(self) -> list[Proposition]:
        from .language import Prob

        return [Proposition(Prob(self.quantity, self.threshold), "<=", self.bound)]


@dataclass(frozen=True)
class Rate(Decision):
    """Q = C n^exponent(1 + o(1)) (``upper``: Q = O(n^exponent)) in the symbol ``variable``.

    ``closed_form``: expression that the derivation proves Q to equal (to be at most, if ``upper``); its exponent
    is then a limit.  Samples: ``{"n": (k,), "quantity": (size, k)}``.  ``geometric`` reads Q = C exponent^n(1 + o(1)).
    """

    quantity: Any
    variable: Any
    exponent: Any
    closed_form: Any = None
    upper: bool = False
    geometric: bool = False
    tol: float = 0.05
    curvature: float = 0.1
    kind: ClassVar[str] = "rate"

    def propositions(self) -> list[Proposition]:
        from .language import GrowthExponent, GrowthRatio, Mean

        props = []
        if self.closed_form is not None:
            growth = (GrowthRatio if self.geometric else GrowthExponent)(self.closed_form, self.variable)
            props.append(Proposition(Mean(self.quantity), "<=" if self.upper else "==", self.closed_form))
            props.append(Proposition(growth, "==", self.exponent))
        return props


@dataclass(frozen=True)
class Conserved(Decision):
    """dH/dt = 0 along the flow.  Samples: ``{"h": (k,), "drift": (size, k), "floor": (size,) or scalar}``.

    ``order``: the drift falls like h^order for the integrator used; a plateau above the floor refutes.
    """

    quantity: Any
    order: int = 1
    tol: float = 0.25
    kind: ClassVar[str] = "conserved"

    def propositions(self) -> list[Proposition]:
        from .language import TimeDerivative

        return [Proposition(TimeDerivative(self.quantity), "==", 0)]


@dataclass(frozen=True)
class Minimiser(Decision):
    """min F = ``value``, attained at ``at`` (a description, or an expression for F there in ``attained``).

    Samples: ``quantity`` F at random and at optimised points (none may be lower than ``value``), and
    ``attained`` F at the claimed minimiser (must equal ``value``).
    """

    quantity: Any
    value: Any
    attained: Any = None
    tol: float = 1e-6
    kind: ClassVar[str] = "minimiser"

    def propositions(self) -> list[Proposition]:
        props = [Proposition(self.value, "<=", self.quantity)]
        if self.attained is not None:
            props.append(Proposition(self.attained, "==", self.value))
        return props


@dataclass(frozen=True)
class LimitLaw(Decision):
    """Q_n -> limit as ``variable`` -> oo, the distance falling at least like n^-rate.

    Samples: ``{"n": (k,), "quantity": (size, k)}``; the mean over samples is compared with ``limit``.
    """

    quantity: Any
    variable: Any
    limit: Any
    rate: Any = 1
    tol: float = 0.05
    kind: ClassVar[str] = "limit-law"

    def propositions(self) -> list[Proposition]:
        from .language import AtInfinity, DecayExponent

        return [
            Proposition(AtInfinity(self.quantity, self.variable), "->", self.limit),
            Proposition(self.rate, "<=", DecayExponent(self.quantity - self.limit, self.variable)),
        ]


@dataclass(frozen=True)
class Identity(Decision):
    """left = right.  Samples: ``left`` and ``right`` (or ``quantity``, compared with the lambdified right side)."""

    quantity: Any
    bound: Any
    rtol: float = 1e-9
    kind: ClassVar[str] = "identity"

    def propositions(self) -> list[Proposition]:
        return [Proposition(self.quantity, "==", self.bound)]


@dataclass(frozen=True)
class Counterexample(Decision):
    """A statement "Q <= B" does not hold: the exhibited instance has Q > B, evaluated exactly.

    ``mean``: the refuted statement is about E[Q].  ``refutes`` names the statement in words.
    """

    quantity: Any
    bound: Any
    refutes: str = ""
    mean: bool = False
    kind: ClassVar[str] = "counterexample"

    def propositions(self) -> list[Proposition]:
        from .language import Mean

        return [Proposition(self.bound, "<", Mean(self.quantity) if self.mean else self.quantity)]


KINDS = {
    c.__name__: c
    for c in (
        SureBound, MeanBound, MeanEquals, ProbabilityBound, Rate, Conserved, Minimiser, LimitLaw, Identity,
        Counterexample,
    )
}  # fmt: skip
