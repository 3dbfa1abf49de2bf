"""The Python front door: `load` claims and `check` them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from .claim import Claim
from .discover import Located, looks_like_path, select
from .errors import UsageError


def load(name: str | os.PathLike[str]) -> Claim | list[Claim]:
    """The claim with an id; or a list, for a file, a folder, a glob or a paper's slug.

    >>> load("handbook.gd-convex")
    >>> load("my_claims.py")

    Raises
    ------
    UsageError
        nothing matches, or the module is broken
    """
    text = os.fspath(name)
    claims = [located.claim for located in select([text])]
    return claims[0] if not looks_like_path(text) and len(claims) == 1 and claims[0].id == text else claims


def check(
    claim: Claim | str | os.PathLike[str] | Sequence[Claim | str],
    tier: str = "smoke",
    *,
    seed: int = 0,
    alpha: float | None = None,
    device: str = "auto",
    budget: float | None = None,
    jobs: int = 1,
    overrides: Mapping[str, Any] | None = None,
    audit: bool = False,
) -> Any:
    """Run the evidence of a claim, or of several, and say what it adds up to.

    >>> check("handbook.gd-convex")                   # a Verdict
    >>> check("handbook.*", "standard", audit=True)   # Verdicts
    >>> check(["my_claims.py", "handbook.sgd"])       # Verdicts

    Returns
    -------
    Verdict
        for a `Claim`, for a claim's id, and for ``"file.py::id"``
    Verdicts
        for a glob, a paper, a file, a folder, and for a list of any of these

    Parameters
    ----------
    claim : a `Claim`, its id, ``"file.py::id"``; a glob, a paper's slug, a file, a folder; or a list
    tier : smoke, standard or full
    alpha : error probability of the whole check, shared by its experiment tests (default 1e-6)
    budget : seconds for each experiment case
    jobs : worker processes for a claim given by name; a `Claim` object is checked in this process
    overrides : values of parameters by name, exact (int, Fraction, or a decimal in a string)
    audit : also run the evidence on the claim's mutants

    Raises
    ------
    UsageError
        no such claim, two with one id, no evidence, an override outside its domain
    """
    from .runner import DEFAULT_ALPHA, Settings, run
    from .verdicts import Verdicts

    several = not isinstance(claim, (Claim, str, os.PathLike))
    located = _located(list(claim) if several else [claim])  # type: ignore[arg-type, list-item]
    settings = Settings(
        tier=tier,
        seed=seed,
        alpha=DEFAULT_ALPHA if alpha is None else alpha,
        device=device,
        budget=budget,
        jobs=jobs,
        overrides={name: exact_number(name, value) for name, value in (overrides or {}).items()},
        audit=audit,
    )
    found = Verdicts(run(located, settings))
    if several or (not isinstance(claim, Claim) and os.fspath(claim).split("::")[-1] != found[0].id):  # type: ignore[arg-type]
        return found
    return found[0]


def _located(wanted: Sequence[Claim | str | os.PathLike[str]]) -> list[Located]:
    """The claims meant, each once."""
    out: dict[str, Located] = {}
    for one in wanted:
        for located in [Located(one, None)] if isinstance(one, Claim) else select([os.fspath(one)]):
            claim = located.claim
            if not claim.evidence:
                raise UsageError(f"{claim.id} has no evidence: attach a derivation, an experiment or a worst case")
            if out.setdefault(claim.id, located).claim is not claim:
                raise UsageError(f"two claims have the id {claim.id}")
    if not out:
        raise UsageError("no claims to check")
    return list(out.values())


def exact_number(name: str, value: Any) -> Any:
    """A number given as int, Fraction, float or text (``3``, ``0.25``, ``1e-3``, ``1/3``), exactly; never evaluated.

    A float means the decimal it prints as.
    """
    import math
    import re
    from fractions import Fraction

    text = repr(value) if isinstance(value, float) else str(value).strip()
    decimal = r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?"
    if not re.fullmatch(rf"{decimal}|[+-]?\d{{1,40}}/\d{{1,40}}", text, re.ASCII):
        raise UsageError(f"{name} = {text[:60]}: not a number (write 3, 0.25, 1e-3 or 1/3)")
    try:
        exact = Fraction(text)
    except ZeroDivisionError:
        raise UsageError(f"{name} = {text}: division by zero") from None
    if exact and not -300 < math.log10(abs(exact.numerator)) - math.log10(exact.denominator) < 300:
        raise UsageError(f"{name} = {text[:60]}: outside the range of floating point")
    return int(exact) if exact.denominator == 1 else exact
