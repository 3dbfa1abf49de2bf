"""An independent checker of exported derivations: standard library only, nothing shared with the kernel.

``python -m gdverify.recheck FILE.json`` reads a certificate, verifies every step again with its own expressions,
normal forms and signs, and prints what was proved from which assumptions.

Conventions: a sum from a to b with b < a is 0; roots and powers are principal values; every symbol is real and in its
declared domain; facts hold surely, and for all values of their generic variables; an assumption, a definition and a
cited result divide by nothing that is zero.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .certificate import SCHEMA, Checker, Report, digest, load
from .rules import RULES
from .terms import Malformed, Rejected, Unknown

__all__ = ["SCHEMA", "Malformed", "Rejected", "Report", "Unknown", "digest", "load", "recheck", "recheck_data"]


def recheck_data(data: Any, *, strict: bool = True) -> Report:
    """Verify a certificate given as JSON data.

    Parameters
    ----------
    strict : every step must be needed, and every premise of a step must be used by it

    Raises
    ------
    Malformed
        the data is no certificate
    Rejected
        a step does not follow, or the steps do not conclude the statement
    Unknown
        a step uses a rule that this checker does not know: nothing is verified
    """
    try:
        return Checker(data, strict=strict).run(RULES)
    except RecursionError:
        raise Malformed("an expression is too deep") from None
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, ArithmeticError) as error:
        if isinstance(error, (Malformed, Rejected, Unknown)):
            raise
        raise Malformed(f"an entry has the wrong form ({type(error).__name__})") from error


def recheck(path: str | Path) -> Report:
    """Verify a certificate file; see `recheck_data`."""
    return recheck_data(load(Path(path)))
