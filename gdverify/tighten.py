"""How tight is a constant?  What evidence has exceeded bounds the best one from below, what is proved from above.

The constant is a factor in front of the bound, or a number, symbol or definition named in it.  It is moved towards a
sharper statement, and each kind of evidence says how far it goes along: an instance that still violates the sharper
statement shows that the constant cannot be so small; a derivation that still goes through, or a worst-case certificate
below it, that it can.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import sympy

from .claim import Claim, Evidence
from .domain import Case
from .errors import ClaimError, ExperimentError, GdverifyError, MissingDependencyError, UsageError

SCHEMA = "gdverify.tighten/1"
_KINDS = {
    "sure-bound": "bound", "mean-bound": "bound", "probability-bound": "bound", "mean-equals": "bound",
    "rate": "exponent", "limit-law": "limit",
}  # fmt: skip
_SAMPLED = ("mean-bound", "probability-bound", "mean-equals", "rate", "limit-law")
_STEPS = 10  # bisections of a derivation's constant
_HUNTS = 4  # searches against sharper statements, for a constant that is not a factor
_FIRST = Fraction(1023, 1024)  # a derivation that does not carry this much is not bisected
_ALPHA = 1e-6


@dataclass
class Constant:
    """A constant of a bound, and the statement with another value of it.

    Attributes
    ----------
    name : what it is, in words
    stated : its value; 1 for a factor of something that is no number
    bound : factor -> the bound with the constant multiplied by it
    sharper : -1 where a smaller constant is a sharper statement, 1 where a larger one is
    multiplies : whether the bound is proportional to it
    """

    name: str
    stated: Any
    bound: Callable[[Any], Any]
    sharper: int = -1
    multiplies: bool = False

    def value(self, factor: Any) -> float:
        """The constant itself, times a factor."""
        return float(self.stated) * float(factor)


@dataclass
class CaseBounds:
    """What is known at one certified case, as factors of the stated constant (None: not known)."""

    evidence: str
    case: dict[str, Any]
    lower: float | None
    upper: float | None


@dataclass
class Tightness:
    """The interval of a constant between evidence and proof; factors are relative to the stated constant.

    Attributes
    ----------
    attained : factor that some instance exceeds (None: none found); ``attained_by`` says how, ``attained_case`` where
    confidence : None if an instance exceeds it for certain; else the confidence of a statistical statement, which is
        ``asymptotic`` where nothing is declared of the samples' law
    provable : factor that is proved; ``provable_by`` says how
    scope : ``regime`` if that holds throughout, ``cases`` if at the certified cases alone
    cases : bounds at each certified case
    measured : both ends of a confidence interval of what is claimed exactly (means, exponents, limits);
        ``relative``: as a multiple of what is stated
    """

    claim: Claim
    constant: Constant
    seed: int
    attained: float | None = None
    attained_by: str = ""
    attained_case: dict[str, Any] | None = None
    certain: bool = False
    confidence: float | None = None
    asymptotic: bool = False
    provable: float | None = None
    provable_by: str = ""
    scope: str = ""
    cases: list[CaseBounds] = field(default_factory=list)
    measured: tuple[float, float] | None = None
    relative: bool = False
    violated: bool = False
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def loose(self, lower: float | None = None, upper: float | None = None) -> tuple[float | None, float | None]:
        """Factor by which the statement could be sharper: at least, at most."""
        turn = lambda f: None if f is None or f <= 0 else 1 / f if self.constant.sharper < 0 else f
        return turn(upper if upper is not None else self.provable), turn(lower if lower is not None else self.attained)

    def over_cases(self) -> tuple[float | None, float | None]:
        """Worst case over the certified cases, as factors: at least, at most (None where one is missing)."""
        worst = max if self.constant.sharper < 0 else min
        lows = [c.lower for c in self.cases if c.lower is not None]
        highs = [c.upper for c in self.cases if c.upper is not None]
        return worst(lows) if lows else None, worst(highs) if len(highs) == len(self.cases) and highs else None

    def plain(self) -> dict[str, Any]:
        """As JSON, schema ``gdverify.tighten/1``; constants, not factors."""
        value = lambda f: None if f is None else self.constant.value(f)
        low, high = self.over_cases()
        return {
            "schema": SCHEMA, "claim": self.claim.id, "decides": self.claim.decides.kind,
            "constant": self.constant.name, "stated": str(self.constant.stated),
            "sharper": "smaller" if self.constant.sharper < 0 else "larger",
            "attained": value(self.attained), "attained_by": self.attained_by or None,
            "attained_case": self.attained_case, "certain": self.certain, "confidence": self.confidence,
            "asymptotic": self.asymptotic,
            "provable": value(self.provable), "provable_by": self.provable_by or None, "scope": self.scope or None,
            "loose": list(self.loose()),
            "certified": {
                "attained": value(low), "provable": value(high), "loose": list(self.loose(low, high)),
                "cases": [
                    {"evidence": c.evidence, "case": c.case, "attained": value(c.lower), "provable": value(c.upper)}
                    for c in self.cases
                ],
            } if self.cases else None,
            "measured": list(self.measured) if self.measured else None, "relative": self.relative,
            "violated": self.violated, "notes": self.notes, "seed": self.seed, "seconds": self.seconds,
        }  # fmt: skip


def tighten(
    claim: Claim,
    constant: str | None = None,
    *,
    seed: int = 0,
    budget: float | None = None,
    overrides: Mapping[str, Any] | None = None,
    device: str = "cpu",
) -> Tightness:
    """Bound the best constant of a claim from below and from above.

    Parameters
    ----------
    constant : a number in the bound, or the name of a symbol or definition in it; by default a factor in front
    budget : seconds for each search for instances
    overrides : exact values of symbols to hold

    Raises
    ------
    UsageError
        the claim has no bound, or the constant is not in it
    """
    began = time.monotonic()
    if claim.decides.kind not in _KINDS:
        raise UsageError(f"{claim.id} is a {claim.decides.kind}: there is no bound whose constant could be tightened")
    from .experiment.hunt import check_overrides

    given = dict(overrides or {})
    check_overrides(claim, claim.evidence, given)
    if claim.decides.kind in _SAMPLED:
        out = Tightness(claim, find_constant(claim, constant, given), seed)
        _sampled(out, seed, budget, given, device)
    else:
        out = Tightness(claim, find_constant(claim, constant, given), seed)
        _searched(out, budget, given, device)
    _certified(out, given)
    _derived(out)
    high = out.over_cases()[1]
    if out.provable is None and high is not None:
        out.provable, out.scope = high, "cases"
        out.provable_by = "worst-case certificates"
    out.seconds = time.monotonic() - began
    return out


# -- the constant -----------------------------------------------------------------------------------------------------


def find_constant(claim: Claim, name: str | None, overrides: Mapping[str, Any]) -> Constant:
    """The constant that is meant, and which way it is tightened."""
    kind = claim.decides.kind
    field_name = _KINDS[kind]
    bound = sympy.sympify(getattr(claim.decides, field_name))
    if name is None:
        number, rest = bound.as_coeff_Mul()
        short = f"of {rest}" if len(str(rest)) < 80 else f"in front of the {field_name}"
        words = f"{field_name} {bound}" if not rest.free_symbols else f"the factor {number} {short}"
        found = Constant(words, number, lambda f: f * bound, multiplies=True)
        if number == 0:
            raise UsageError(f"{claim.id}: the {field_name} is 0; there is no constant to tighten")
    else:
        found = _named(claim, bound, name)
    if kind in ("rate", "limit-law", "mean-equals") or found.multiplies:
        return found
    found.sharper = _direction(claim, found, overrides)
    return found


def _named(claim: Claim, bound: Any, name: str) -> Constant:
    inside = {s.name: s for s in bound.free_symbols}
    numbers = {n for n in bound.atoms(sympy.Number) if n not in (1, -1)}
    if name in inside:
        symbol = inside[name]
        value = claim.defines.get(symbol)
        value = sympy.sympify(value) if value is not None else None
        if value is not None and value.is_number:
            return Constant(f"{name} in the bound", value, lambda f: bound.xreplace({symbol: f * value}))
        return Constant(
            f"{name} in the bound (1 is as stated)", sympy.Integer(1), lambda f: bound.xreplace({symbol: f * symbol})
        )
    from .api import exact_number

    try:
        given = sympy.Rational(exact_number("--constant", name))
    except UsageError:
        given = None
    if given is None or given not in numbers:
        have = sorted(inside) + sorted(str(n) for n in numbers)
        raise UsageError(f"--constant {name}: not in the bound {bound} (have: {', '.join(have) or 'nothing'})")
    return Constant(f"{given} in {bound}", given, lambda f: bound.xreplace({given: f * given}))


def _direction(claim: Claim, constant: Constant, overrides: Mapping[str, Any]) -> int:
    """Which way the bound falls, from its values at the cases of the evidence."""
    from .evaluate import evaluate
    from .experiment.backend import namespace
    from .experiment.laboratory import named_values

    signs = set()
    for evidence in claim.evidence:
        if evidence.kind == "derivation":
            continue
        for case in evidence.draw(claim, "smoke", overrides=_known(claim, evidence, overrides)):
            values: dict[str, Any] = {n: _somewhere(dom) for n, dom in claim.domains.items() if dom.observed}
            xp = namespace("cpu")
            known = named_values(values, case, {s.name: e for s, e in claim.defines.items()}, xp)
            try:
                up, down = (float(evaluate(constant.bound(sympy.Rational(f)), known, xp)) for f in ("65/64", "63/64"))
            except (ClaimError, ArithmeticError, TypeError, ValueError):
                continue
            if up != down and math.isfinite(up) and math.isfinite(down):
                signs.add(-1 if up > down else 1)
    if len(signs) != 1:
        why = "changes the bound both ways" if signs else "does not change the bound"
        raise UsageError(f"--constant: {constant.name} {why} at the cases of the evidence")
    return signs.pop()


def _somewhere(dom: Any) -> float:
    """A value of an observed symbol, inside its ends where these are numbers."""
    ends = [float(e) if e is not None and not getattr(e, "free_symbols", ()) else None for e in (dom.low, dom.high)]
    low, high = ends
    if low is not None and high is not None and math.isfinite(low + high):
        return (low + high) / 2
    if low is not None and low >= 1:
        return low + 1
    return 1.0


def _known(claim: Claim, evidence: Evidence, overrides: Mapping[str, Any]) -> dict[str, Any]:
    names = set(claim.domains) | {k for part in evidence.cases for k in part}
    return {k: v for k, v in overrides.items() if k in names}


def sharpened(claim: Claim, constant: Constant, factor: Any) -> Claim:
    """The claim with its constant multiplied by a factor."""
    changes = {_KINDS[claim.decides.kind]: constant.bound(sympy.Rational(factor))}
    return replace(claim, decides=claim.decides.changed(**changes), mutants=(), finding=None)


# -- from below -------------------------------------------------------------------------------------------------------


def _better(out: Tightness, factor: float) -> bool:
    if out.attained is None:
        return True
    return factor > out.attained if out.constant.sharper < 0 else factor < out.attained


def _searched(out: Tightness, budget: float | None, overrides: Mapping[str, Any], device: str) -> None:
    """The largest ratio that a directed search finds."""
    from .experiment.hunt import Hunt, hunt

    if not any(e.kind == "experiment" for e in out.claim.evidence):
        return
    search: Callable[[Claim], Hunt] = lambda claim: hunt(
        claim, seed=out.seed, budget=budget, overrides=overrides, device=device
    )
    found = search(out.claim)
    if found.verdict == "error":
        out.notes.append(f"no instance could be searched: {found.message}")
        return
    out.violated = found.verdict == "fail"
    out.certain = found.certain
    if out.constant.multiplies:
        if found.ratio is not None and found.ratio > 0:
            out.attained, out.attained_case = found.ratio, dict(found.case or {})
            out.attained_by = f"{found.evidence}, {found.evaluated:,} instances searched"
        return
    # Any other constant: where does this instance, or one found against a sharper statement, stop violating?
    near, far = _breaking(out, found), 1.0
    for _ in range(_HUNTS if near is not None and not out.violated else 0):
        assert near is not None
        middle = math.sqrt(near[0] * far)
        if abs(middle - far) < 1e-4:
            break
        factor = Fraction(middle).limit_denominator(10**6)
        again = search(sharpened(out.claim, out.constant, factor))
        step = _breaking(out, again) if again.verdict == "fail" else None
        if step is None:
            far = middle
        elif abs(math.log(step[0])) < abs(math.log(near[0])):
            near, found = step, again
    if near is not None:
        out.attained, out.attained_case, out.certain = near[0], dict(found.case or {}), True
        out.attained_by = f"{found.evidence}, {found.evaluated:,} instances searched"


def _breaking(out: Tightness, found: Any) -> tuple[float] | None:
    """The factor nearest to the stated constant at which an instance certainly violates the sharper statement."""
    from .experiment.decide import Effort, decider
    from .experiment.laboratory import Laboratory
    from .experiment.sure import SureDecider, recheck

    if found.draws is None or found.lab is None:
        return None
    lab: Laboratory = found.lab

    def violates(factor: Fraction) -> bool:
        claim = sharpened(out.claim, out.constant, factor)
        at = Laboratory(claim, lab.evidence, lab.case, seed=lab.seed, rows=lab.rows)
        judge = decider(at, _ALPHA, Effort(60, 10, 0, 0, 0, None))
        assert isinstance(judge, SureDecider)
        try:
            return recheck(at, found.draws, judge.enclosed_sides, 10.0).status == "violated"
        except (ExperimentError, ClaimError, ArithmeticError):
            return False

    sign = out.constant.sharper
    grid = [Fraction(2) ** (sign * k) for k in range(1, 11)]
    holds, broken = Fraction(1), next((f for f in grid if violates(f)), None)
    if broken is None:
        return None
    for _ in range(24):
        middle = ((holds + broken) / 2).limit_denominator(10**8)
        if middle in (holds, broken):
            break
        if violates(middle):
            broken = middle
        else:
            holds = middle
    return (float(broken),)


def _sampled(out: Tightness, seed: int, budget: float | None, overrides: Mapping[str, Any], device: str) -> None:
    """Confidence intervals at the cases: one-sided for bounds, both ends for what is claimed exactly."""
    from .experiment.engine import run_experiment

    claim, kind = out.claim, out.claim.decides.kind
    jobs: list[tuple[Evidence, Case]] = [
        (e, case)
        for e in claim.evidence
        if e.kind == "experiment"
        for case in e.draw(claim, "smoke", seed=seed, overrides=_known(claim, e, overrides))
    ]
    low, high = math.inf, -math.inf
    exact = kind in ("rate", "limit-law", "mean-equals")
    out.relative = exact and bool(sympy.sympify(getattr(claim.decides, _KINDS[kind])).free_symbols)
    for evidence, case in jobs:
        share = _ALPHA / len(jobs)
        got = run_experiment(
            claim, evidence, case, seed=seed, alpha=share, budget=budget, device=device
        )  # fmt: skip
        out.violated = out.violated or got.verdict == "fail"
        if got.interval is None or got.bound is None or not all(map(math.isfinite, got.interval)):
            out.notes.append(f"{evidence.name}: no confidence interval at {case.plain()} ({got.message})"[:200])
            continue
        out.asymptotic = out.asymptotic or "asymptotic" in got.message
        if exact and not out.relative:
            low, high = min(low, got.interval[0]), max(high, got.interval[1])
        elif got.bound:
            ratios = sorted(end / got.bound for end in got.interval)
            low, high = min(low, ratios[0]), max(high, ratios[1])
            if not exact and got.bound > 0 and _better(out, ratios[0]):
                out.attained, out.attained_case = ratios[0], case.plain()
                out.attained_by = f"{evidence.name}, {got.samples:,} samples"
    out.confidence = 1 - _ALPHA
    if exact and low <= high:
        out.measured = (low, high)
    if out.attained is not None and not out.constant.multiplies:
        out.attained = None
        out.notes.append("samples tighten a factor in front of the bound only: leave --constant out")


# -- from above -------------------------------------------------------------------------------------------------------


def _certified(out: Tightness, overrides: Mapping[str, Any]) -> None:
    """Exact worst cases, as factors of the constant, at each case of the worst-case evidence."""
    jobs = [e for e in out.claim.evidence if e.kind == "worst-case"]
    if not jobs or _KINDS[out.claim.decides.kind] != "bound":
        return
    try:
        from .worstcase import run_worst_case
    except ImportError as error:
        out.notes.append(f"no worst cases: {error}")
        return
    for evidence in jobs:
        for case in evidence.draw(out.claim, "smoke", overrides=_known(out.claim, evidence, overrides)):
            got = run_worst_case(out.claim, evidence, case)
            if got.verdict == "error":
                out.notes.append(f"{evidence.name} at {case.plain()}: {got.message}"[:200])
                continue
            out.violated = out.violated or got.verdict == "fail"
            lower, upper = _factors(out.constant, out.claim, evidence, case, got)
            out.cases.append(CaseBounds(evidence.name, case.plain(), lower, upper))
            if lower is not None and _better(out, lower):
                out.attained, out.attained_case, out.certain = lower, case.plain(), True
                out.attained_by, out.confidence = f"{evidence.name}, an exact worst-case instance", None


def _factors(
    constant: Constant, claim: Claim, evidence: Evidence, case: Case, got: Any
) -> tuple[float | None, float | None]:
    """Factors at which the bound meets the certified worst case, rounded to the safe side."""
    from .worstcase.bounds import enclose
    from .worstcase.run import state_problem

    values = state_problem(claim, evidence, case).numbers()
    stated, _ = enclose(constant.bound(sympy.Integer(1)), values)
    low = Fraction(got.interval[0]) * (1 - Fraction(1, 2**50)) if got.interval else None
    high = stated / (1 + Fraction(got.margin)) * (1 + Fraction(1, 2**50)) if got.margin is not None else None
    return _meets(constant, values, low, True), _meets(constant, values, high, False)


def _meets(constant: Constant, values: Mapping[str, Any], level: Fraction | None, below: bool) -> float | None:
    """The factor at which the bound equals ``level``: the bound is certainly below it there, or certainly above."""
    from .worstcase.bounds import enclose

    if level is None or level <= 0:
        return None
    if constant.multiplies:
        low, high = enclose(constant.bound(sympy.Integer(1)), values)
        if low <= 0:
            return None
        return math.nextafter(float(level / (high if below else low)), 0.0 if below else math.inf)

    def under(factor: Fraction) -> bool:
        try:
            ends = enclose(constant.bound(sympy.Rational(factor)), values)
        except (ClaimError, MissingDependencyError):
            return False
        return ends[1] < level if below else ends[0] < level

    sign, one = constant.sharper, Fraction(1)
    ways = [Fraction(2) ** (sign * k) for k in range(1, 21)]
    if under(one):  # the statement itself is exceeded: look on the other side
        ways, start = [1 / w for w in ways], one
        over = next((w for w in ways if not under(w)), None)
        if over is None:
            return None
        inside, outside = start, over
    else:
        outside = one
        found = next((w for w in ways if under(w)), None)
        if found is None:
            return None
        inside = found
    for _ in range(48):
        middle = ((inside + outside) / 2).limit_denominator(10**12)
        if under(middle):
            inside = middle
        else:
            outside = middle
    return float(inside if below else outside)


def _derived(out: Tightness) -> None:
    """How far the constant can be moved before a derivation no longer goes through."""
    derivations = [e for e in out.claim.evidence if e.kind == "derivation"]
    if not derivations:
        return
    try:
        from .kernel import run_derivation
    except ImportError as error:
        out.notes.append(f"no derivation: {error}")
        return
    for evidence in derivations:
        proves = lambda factor, e=evidence: (
            run_derivation(sharpened(out.claim, out.constant, factor), e).verdict == "pass"
        )
        if not proves(Fraction(1)):
            out.notes.append(f"{evidence.name} does not prove the statement")
            continue
        sign = out.constant.sharper
        good, tried = Fraction(1), _FIRST if sign < 0 else 1 / _FIRST
        try:
            moved = proves(tried)
        except GdverifyError:
            moved = False
        if moved:
            good = tried
            edge = Fraction(out.attained).limit_denominator(10**6) if out.attained else Fraction(2) ** (10 * sign)
            for _ in range(_STEPS):
                middle = ((good + edge) / 2).limit_denominator(10**4)
                if middle in (good, edge):
                    break
                if proves(middle):
                    good = middle
                else:
                    edge = middle
        better = out.provable is None or ((float(good) < out.provable) == (sign < 0) and float(good) != out.provable)
        if better:
            out.provable, out.scope = float(good), "regime"
            out.provable_by = f"{evidence.name}, a derivation" + ("" if moved else " (nothing sharper goes through)")
