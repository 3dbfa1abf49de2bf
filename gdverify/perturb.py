"""Mechanical mutants: every constant, exponent, direction, assumption and domain of a statement, changed by rule.

A hand-written mutant is false by its author's word.  A mechanical one need not be: an upper bound made larger still
holds, and one made smaller may hold too where the bound is loose.  So each change is first compared with the statement
on the instances that the claim's own evidence uses, and what survives is explained by what is known of the worst case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import sympy

from .claim import Claim, Evidence, Mutant
from .domain import Domain
from .errors import GdverifyError

SIZES = (Fraction(1, 2), Fraction(1, 10), Fraction(1, 100))

# The fields of each decision that say something, and which way makes the statement stronger (0: any change is another
# statement).  The quantity is not among them: an experiment returns its samples, whatever the expression says.
FIELDS: dict[str, dict[str, int]] = {
    "sure-bound": {"bound": -1},
    "mean-bound": {"bound": -1},
    "mean-equals": {"bound": 0},
    "probability-bound": {"bound": -1, "threshold": -1},
    "rate": {"exponent": 0},
    "limit-law": {"limit": 0, "rate": 1},
    "identity": {"bound": 0},
    "minimiser": {"value": 0},
    "counterexample": {"bound": 1},
    "conserved": {},
}
KINDS = ("derivation", "experiment", "worst-case")
ORDERED = ("sure-bound", "mean-bound", "probability-bound", "counterexample")

Rebuild = Callable[[Any], Any]


@dataclass(frozen=True)
class Perturbation:
    """One change, in a few sizes.

    Parameters
    ----------
    family : constant, exponent, direction, assumption or domain
    where : what is changed: a field of the decision, a definition, an assumption's name, a symbol
    change : the change in words
    make : the changed claim, given a size
    value : the changed expression, given a size (None where there is none)
    sizes : relative sizes, largest first; empty for a change that has no size
    kinds : kinds of evidence that can see it at all
    """

    family: str
    where: str
    change: str
    make: Callable[[Any], Claim] = field(repr=False)
    value: Callable[[Any], Any] | None = field(default=None, repr=False)
    sizes: tuple[Fraction, ...] = SIZES
    kinds: tuple[str, ...] = KINDS


def perturbations(claim: Claim) -> list[Perturbation]:
    """Every mechanical change of a claim's statement, in a fixed order: what the decision says first."""
    out: list[Perturbation] = []
    for name in FIELDS[claim.decides.kind]:
        expr = getattr(claim.decides, name)
        if isinstance(expr, (str, type(None))):
            continue
        for family, change, value in _changes(sympy.sympify(expr)):
            make = _maker(claim, _replaces("decides", name), value)
            out.append(Perturbation(family, name, change, make, value))
    out += _directions(claim)
    for symbol, domain in claim.symbols.items():
        out += _wider(claim, symbol, domain)
    for assumption in claim.assumptions:
        drop = _dropping(claim, assumption.name)
        provers = ("derivation", "worst-case")  # an experiment draws what satisfies the assumptions, named or not
        out.append(Perturbation("assumption", assumption.name, "dropped", drop, sizes=(), kinds=provers))
    for symbol, expr in claim.defines.items():
        for family, change, value in _changes(sympy.sympify(expr)):
            make = _maker(claim, _replaces("defines", symbol), value)
            out.append(Perturbation(family, symbol.name, change, make, value))
    return out


def _maker(claim: Claim, changes: Callable[[Any], dict[str, Any]], value: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda size: claim.mutated(Mutant("mechanical", **changes(value(size))))


def _replaces(what: str, key: Any) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {what: {key: value}}


def _dropping(claim: Claim, name: str) -> Callable[[Any], Claim]:
    return lambda size: claim.mutated(Mutant("mechanical", drop=(name,)))


# -- expressions ------------------------------------------------------------------------------------------------------


def _changes(expr: Any) -> Iterator[tuple[str, str, Callable[[Any], Any]]]:
    """Family, words, and the changed expression by size, for every constant and exponent."""
    seen = set()
    for family, part, rebuild in _sites(expr, lambda new: new, top=True):
        for sign, word in ((1, "raised"), (-1, "lowered")):

            def value(size: Any, part: Any = part, rebuild: Rebuild = rebuild, sign: int = sign) -> Any:
                return rebuild(part * (1 + sign * sympy.Rational(size)))

            try:
                new = value(SIZES[-1])
            except (TypeError, ValueError, ArithmeticError):
                continue
            if new == expr or new in seen or new.has(sympy.nan, sympy.zoo, sympy.oo):
                continue
            seen.add(new)
            text = str(part) if len(str(part)) <= 40 else str(part)[:37] + "..."
            yield family, f"{'exponent ' if family == 'exponent' else ''}{text} {word}", value


def _sites(expr: Any, rebuild: Rebuild, top: bool = False) -> Iterator[tuple[str, Any, Rebuild]]:
    """Numbers and exponents of an expression, each with the way to put another in its place.

    The whole expression and the terms of its sums have a constant too, which is 1 where none is written.
    """
    if not isinstance(expr, sympy.Expr) or isinstance(expr, (sympy.Trace, sympy.MatrixExpr)):
        if top and isinstance(expr, sympy.Expr):
            yield "constant", expr, rebuild
        return
    if expr.is_Number:
        if expr != 0:
            yield "constant", expr, rebuild
        return
    if top:
        yield "constant", expr, rebuild
    if expr.is_Pow:
        base, exponent = expr.args
        yield from _sites(base, lambda new: rebuild(sympy.Pow(new, exponent)))
        yield "exponent", exponent, lambda new: rebuild(sympy.Pow(base, new))
        return
    if isinstance(expr, (sympy.Sum, sympy.Product)):
        function, *limits = expr.args
        yield from _sites(function, lambda new: rebuild(expr.func(new, *limits)))
        return
    if isinstance(expr, sympy.exp):
        (inner,) = expr.args
        yield from _sites(inner, lambda new: rebuild(sympy.exp(new)), top=True)
        return
    if not (expr.is_Add or expr.is_Mul or _known_function(expr)):
        return
    for k, part in enumerate(expr.args):
        put = _putter(expr, k, rebuild)
        if expr.is_Add and not part.is_Number and not (part.is_Mul and part.args[0].is_Number):
            yield "constant", part, put
        yield from _sites(part, put)


def _putter(expr: Any, k: int, rebuild: Rebuild) -> Rebuild:
    return lambda new: rebuild(expr.func(*expr.args[:k], new, *expr.args[k + 1 :]))


def _known_function(expr: Any) -> bool:
    return type(expr).__module__.startswith("sympy.") and isinstance(expr, (sympy.Function, sympy.Max, sympy.Min))


# -- directions and domains -------------------------------------------------------------------------------------------


def _directions(claim: Claim) -> list[Perturbation]:
    if claim.decides.kind not in ORDERED or getattr(claim.decides, "threshold", None) is not None:
        return []
    kinds = ("derivation", "experiment")
    return [
        Perturbation("direction", "the inequality", "reversed", lambda size: _reversed(claim), sizes=(), kinds=kinds)
    ]


def _reversed(claim: Claim) -> Claim:
    """The claim with >= for <=: -Q <= -B, with the samples negated."""
    decides: Any = claim.decides
    changes: dict[str, Any] = {"quantity": -decides.quantity, "bound": -sympy.sympify(decides.bound)}
    if hasattr(decides, "nonnegative"):
        changes["nonnegative"] = False
    if getattr(decides, "support", None) is not None:
        low, high = decides.support
        changes["support"] = (-sympy.sympify(high), -sympy.sympify(low))
    evidence = tuple(_negated(e) if e.kind == "experiment" else e for e in claim.evidence)
    return replace(claim, decides=decides.changed(**changes), mutants=(), finding=None, evidence=evidence)


def _negated(evidence: Evidence) -> Evidence:
    def simulate(xp: Any, rng: Any, case: Any, size: int) -> Any:
        rows = dict(evidence.function(xp, rng, case, size))
        return {**rows, "quantity": -rows["quantity"]}

    return replace(evidence, function=simulate)


def _wider(claim: Claim, symbol: Any, domain: Domain) -> Iterator[Perturbation]:
    if domain.observed:
        return
    for end, outward in (("low", -1), ("high", 1)):
        limit = getattr(domain, end)
        if limit is None or limit in (0, sympy.oo, -sympy.oo):
            continue
        limit = sympy.sympify(limit)

        def value(size: Any, end: str = end, limit: Any = limit, outward: int = outward) -> Domain:
            out = 1 if domain.integer else abs(limit) * sympy.Rational(size)
            return moved_end(domain, end, limit + outward * out)

        def make(size: Any, value: Callable[[Any], Domain] = value) -> Claim:
            return claim.mutated(Mutant("mechanical", symbols={symbol: value(size)}))

        try:
            make(SIZES[-1])
        except GdverifyError:  # SymPy was told what the wider domain no longer says
            continue
        text = f"{'lower' if end == 'low' else 'upper'} end {limit} moved out"
        yield Perturbation("domain", symbol.name, text, make, sizes=() if domain.integer else SIZES)


def moved_end(domain: Domain, end: str, limit: Any) -> Domain:
    """The domain with another end, which belongs to it and to the window that cases are drawn from."""
    sample = domain.sample
    if sample is not None:
        sample = (limit, sample[1]) if end == "low" else (sample[0], limit)
    return replace(domain, **{end: limit, f"{end}_open": False}, sample=sample)
