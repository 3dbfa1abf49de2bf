"""The Python front door: `load` claims and `check` them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .claim import Claim
from .discover import Located, looks_like_path, select
from .errors import UsageError
from .verdict import Verdict


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
    claim: Claim | str,
    tier: str = "smoke",
    *,
    seed: int = 0,
    alpha: float | None = None,
    device: str = "auto",
    budget: float | None = None,
    jobs: int = 1,
    overrides: Mapping[str, Any] | None = None,
    audit: bool = False,
) -> Verdict:
    """Run the evidence of one claim and say what it adds up to.

    Parameters
    ----------
    claim : a `Claim`, its id, or ``"file.py::id"``
    tier : smoke, standard or full
    alpha : error probability of the whole check, shared by its experiment tests (default 1e-6)
    budget : seconds for each experiment case
    jobs : worker processes for a claim given by name; a `Claim` object is checked in this process
    overrides : values of parameters by name, exact (int, Fraction, or a decimal in a string)
    audit : also run the evidence on the claim's mutants

    Raises
    ------
    UsageError
        no such claim, more than one, no evidence, an override outside its domain
    """
    from .runner import DEFAULT_ALPHA, Settings, run

    if isinstance(claim, Claim):
        if not claim.evidence:
            raise UsageError(f"{claim.id} has no evidence: attach a derivation, an experiment or a worst case")
        located = [Located(claim, None)]
    else:
        located = select([claim])
        if len(located) != 1:
            raise UsageError(f"{claim!r} names {len(located)} claims; check takes one")
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
    return run(located, settings).verdicts[0]


def exact_number(name: str, value: Any) -> Any:
    """A number given as int, Fraction, float or text (``3``, ``0.25``, ``1e-3``, ``1/3``), exactly; never evaluated.

    A float means the decimal it prints as.
    """
    import math
    import re
    from fractions import Fraction

    text = repr(value) if isinstance(value, float) else str(value).strip()
    decimal = r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?"
    if not re.fullmatch(rf"{decimal}|[+-]?\d{{1,40}}/\d{{1,40}}", text):
        raise UsageError(f"{name} = {text[:60]}: not a number (write 3, 0.25, 1e-3 or 1/3)")
    try:
        exact = Fraction(text)
    except ZeroDivisionError:
        raise UsageError(f"{name} = {text}: division by zero") from None
    if exact and not -300 < math.log10(abs(exact.numerator)) - math.log10(exact.denominator) < 300:
        raise UsageError(f"{name} = {text[:60]}: outside the range of floating point")
    return int(exact) if exact.denominator == 1 else exact
