"""Domains of a claim's symbols, and how cases are drawn from the regime they span.

A domain says two things: what the theorem allows (``low``, ``high``, open or closed, integer) and, where that
is unbounded or vast, the window from which evidence draws its cases (``sample``).  The first is what a
derivation may use; the second is what a report must confess.

All values drawn are exact rationals (`fractions.Fraction` or `int`), so that one and the same case serves a
float experiment, an interval recheck and a rational worst-case certificate.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .errors import ClaimError, UsageError
from .suggest import no_such_parameter

_DRAWS = 100  # of one case, before its regime is called empty
_OPEN_MARGIN = Fraction(1, 64)  # how close to an excluded end the "corner" of an open interval is drawn


class EmptyWindow(ClaimError):
    """The values drawn for earlier symbols leave this one none."""


@dataclass(frozen=True)
class Domain:
    """Reals between two ends.

    Parameters
    ----------
    low, high : number, SymPy expression in symbols declared earlier, or None for unbounded
    low_open, high_open : whether the end is excluded
    integer : whether only integers are allowed
    sample : (low, high) window that evidence draws from; needed where the domain is unbounded
    log : draw log-uniformly (ends must be positive)
    observed : the value comes out of the instance (an initial distance, a noise level), it is not drawn
    """

    low: Any = None
    high: Any = None
    low_open: bool = False
    high_open: bool = False
    integer: bool = False
    sample: tuple[Any, Any] | None = None
    log: bool = False
    observed: bool = False

    def window(self, values: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
        """Closed window of exact rationals that cases are drawn from, given the symbols drawn before."""
        low, high = _exact(self.low, values), _exact(self.high, values)
        if self.sample is not None:
            slow, shigh = _exact(self.sample[0], values), _exact(self.sample[1], values)
            assert slow is not None and shigh is not None
            low, low_open = (slow, False) if low is None or slow > low else (low, self.low_open)
            high, high_open = (shigh, False) if high is None or shigh < high else (high, self.high_open)
        else:
            low_open, high_open = self.low_open, self.high_open
        if low is None or high is None:
            raise ClaimError("an unbounded domain needs sample=(low, high)")
        if self.integer:
            low_i = -(-low.numerator // low.denominator)
            high_i = high.numerator // high.denominator
            low_i += 1 if low_open and low_i == low else 0
            high_i -= 1 if high_open and high_i == high else 0
            low, high = Fraction(low_i), Fraction(high_i)
        else:
            width = high - low
            low = low + _OPEN_MARGIN * width if low_open else low
            high = high - _OPEN_MARGIN * width if high_open else high
        if low > high:
            raise EmptyWindow(f"empty sampling window [{_brief(low)}, {_brief(high)}]")
        return low, high

    def draw(self, rng: random.Random, values: Mapping[str, Any], where: str) -> Any:
        """One exact value: ``where`` is 'low', 'high' or 'inside'."""
        low, high = self.window(values)
        if where == "low" or low == high:
            value = low
        elif where == "high":
            value = high
        elif self.log and low > 0:
            value = low * Fraction((float(high / low)) ** rng.random()).limit_denominator(10**4)
        else:
            value = low + (high - low) * Fraction(rng.randint(1, 2**12 - 1), 2**12)
        value = min(max(value, low), high)
        if self.integer:
            return int(value)
        return _shorten(value, low, high)

    def contains(self, value: Any, values: Mapping[str, Any]) -> bool:
        """Whether an exact ``value`` is admissible (the theorem's domain, not the sampling window)."""
        low, high = _exact(self.low, values), _exact(self.high, values)
        value = Fraction(value)
        if self.integer and value.denominator != 1:
            return False
        if low is not None and (value < low or (self.low_open and value == low)):
            return False
        return not (high is not None and (value > high or (self.high_open and value == high)))

    def describe(self) -> str:
        """Plain text such as ``integer in [1, oo)``."""
        left = "(" if self.low is None or self.low_open else "["
        right = ")" if self.high is None or self.high_open else "]"
        low = "-oo" if self.low is None else self.low
        high = "oo" if self.high is None else self.high
        kind = "integer in " if self.integer else ""
        return f"{kind}{left}{low}, {high}{right}" + (" (observed)" if self.observed else "")

    def drawn_from(self) -> str:
        """What evidence draws from, where that is less than what the theorem allows; else the empty string."""
        if self.sample is None:
            return ""
        return f"[{self.sample[0]}, {self.sample[1]}]" + (" on a log scale" if self.log else "")


def told_too_much(symbol: Any, sign: tuple[int, bool] | None, integer: bool) -> list[str]:
    """SymPy assumptions of a symbol that do not follow from its being real, of this sign, or an integer.

    ``sign`` is (1 or -1, whether zero is excluded), or None.  SymPy simplifies by what it is told: sqrt(s**2) to s.
    """
    import sympy

    kinds = {(1, True): "positive", (1, False): "nonnegative", (-1, True): "negative", (-1, False): "nonpositive"}
    known: dict[str, bool] = {"real": True}
    if sign is not None:
        known[kinds.get(sign, "zero")] = True
    if integer:
        known["integer"] = True
    follows = sympy.Symbol("s", **known).assumptions0
    return [k if v else f"not {k}" for k, v in symbol.assumptions0.items() if follows.get(k) is not v]


def Reals(*, sample: tuple[Any, Any] | None = None) -> Domain:
    """Every real number."""
    return Domain(sample=sample)


def Positive(*, sample: tuple[Any, Any] | None = None, log: bool = True) -> Domain:
    """Reals > 0, drawn log-uniformly from the window."""
    return Domain(low=0, low_open=True, sample=sample, log=log)


def Nonnegative(*, sample: tuple[Any, Any] | None = None) -> Domain:
    """Reals >= 0."""
    return Domain(low=0, sample=sample)


def Interval(
    low: Any, high: Any, *, open: str = "", sample: tuple[Any, Any] | None = None, log: bool = False
) -> Domain:
    """Reals between two ends, which may be expressions in earlier symbols; ``open`` is '', 'left', 'right', 'both'."""
    if open not in ("", "left", "right", "both"):
        raise ClaimError(f"open={open!r}: expected '', 'left', 'right' or 'both'")
    return Domain(low, high, open in ("left", "both"), open in ("right", "both"), sample=sample, log=log)


def Integers(low: Any = None, high: Any = None, *, sample: tuple[Any, Any] | None = None) -> Domain:
    """Integers between two ends (each included)."""
    return Domain(low, high, integer=True, sample=sample)


def Observed(low: Any = None, high: Any = None, *, open: str = "") -> Domain:
    """A real that each instance brings along (its initial distance, its noise level…) within known ends."""
    return Domain(low, high, open in ("left", "both"), open in ("right", "both"), observed=True)


class Case(Mapping[str, Any]):
    """One point of the regime: exact values by name, readable as attributes too (``case.gamma``).

    Attribute access gives what array code wants, ``float`` or ``int``; item access gives the exact value.
    ``read`` are the names that were looked up so far: an experiment that never reads a symbol does not test it.
    """

    def __init__(self, values: Mapping[str, Any]):
        self._values = dict(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            value = self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"this case has no value for {name!r}") from None
        self.read.add(name)
        return float(value) if isinstance(value, Fraction) else value

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "Case(" + ", ".join(f"{k}={v}" for k, v in self._values.items()) + ")"

    def __reduce__(self):
        return (Case, (self._values,))

    def plain(self) -> dict[str, Any]:
        """JSON-ready: ints stay, other rationals become strings 'p/q', so that nothing is lost."""
        return {
            k: (str(v) if isinstance(v, Fraction) and v.denominator != 1 else int(v) if isinstance(v, Fraction) else v)
            for k, v in self._values.items()
        }


def draw_cases(
    domains: Mapping[str, Domain],
    fixed: Sequence[Mapping[str, Any]],
    *,
    inside: int,
    seed: int,
    overrides: Mapping[str, Any] | None = None,
) -> list[Case]:
    """Cases of an evidence function: for each partial assignment, the two extreme corners, mixed edges, the inside.

    Parameters
    ----------
    domains : domain of each symbol by name, in order of declaration (later ones may refer to earlier ones)
    fixed : partial assignments (the author's ``cases=``); names that are no symbols pass through
    inside : how many random cases to add to the two corners, half of them with every symbol on a random edge
    seed : cases are a function of this seed and the assignment's position alone
    overrides : values of ``--set``; they win over ``fixed`` and must lie in their domain

    Raises
    ------
    UsageError
        an override names no symbol, or lies outside its domain
    """
    overrides = dict(overrides or {})
    known = {name for part in fixed for name in part} | set(domains)
    for name in overrides:
        if name not in known:
            raise UsageError(no_such_parameter(name, known))
    cases: list[Case] = []
    seen: set[Any] = set()
    for position, part in enumerate(fixed):
        rng = random.Random(f"{seed}/{position}")
        given = {**part, **overrides}
        free = [n for n, dom in domains.items() if n not in given and not dom.observed]
        plans = ["low", "high"] + ["edge" if k % 2 == 0 else "inside" for k in range(inside)] if free else ["low"]
        for plan in plans:
            case = Case(_draw(domains, given, plan, rng))
            try:
                point = frozenset(case._values.items())
                again = point in seen
                seen.add(point)
            except TypeError:  # a list among them
                again = case._values in [c._values for c in cases]
            if not again:
                cases.append(case)
    return cases


def _draw(domains: Mapping[str, Domain], given: Mapping[str, Any], plan: str, rng: random.Random) -> dict[str, Any]:
    """Values of one case.  Where what was drawn leaves a later symbol no value, it is no case: another is drawn."""
    for attempt in range(_DRAWS):
        values: dict[str, Any] = {k: v for k, v in given.items() if k not in domains}
        try:
            for name, dom in domains.items():
                if name in given:
                    values[name] = check_given(name, given[name], dom, values)
                elif not dom.observed:
                    where = rng.choice(["low", "high", "inside"]) if plan == "edge" or attempt else plan
                    values[name] = dom.draw(rng, values, where)
            return values
        except EmptyWindow as error:
            empty = error
    raise ClaimError(f"{empty} in {_DRAWS} draws of the symbols before it")


def check_given(name: str, value: Any, dom: Domain, values: Mapping[str, Any]) -> Any:
    """A number as a value of its symbol; raises UsageError where it lies outside the domain."""
    exact = _exact(value, values)
    if exact is None or not dom.contains(exact, values):
        raise UsageError(f"{name} = {value} is outside its domain {dom.describe()}")
    return int(exact) if dom.integer else exact


def _exact(value: Any, values: Mapping[str, Any]) -> Fraction | None:
    """An end, number or SymPy expression over earlier symbols, as an exact rational."""
    if value is None:
        return None
    if isinstance(value, (int, Fraction)):
        return Fraction(value)
    if isinstance(value, float):
        return Fraction(repr(value))  # the decimal that was written, not its binary neighbour
    import sympy

    expr = sympy.sympify(value)
    subs = {s: sympy.Rational(Fraction(values[s.name])) for s in expr.free_symbols if s.name in values}
    expr = expr.subs(subs)
    if expr in (sympy.oo, -sympy.oo):
        return None
    if not expr.is_Rational:
        if expr.free_symbols:
            missing = ", ".join(sorted(s.name for s in expr.free_symbols))
            raise ClaimError(f"a domain refers to {missing}, declared later or nowhere")
        expr = sympy.Rational(str(sympy.N(expr, 17)))  # an irrational end: round to a nearby rational
    return Fraction(int(expr.p), int(expr.q))


def _brief(value: Fraction) -> str:
    return str(value) if value.denominator < 10**6 else f"{float(value):.6g}"


def _shorten(value: Fraction, low: Fraction, high: Fraction) -> Fraction:
    short = value.limit_denominator(10**6)
    return short if low <= short <= high else value
