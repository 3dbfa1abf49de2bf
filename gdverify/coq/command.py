"""`gdverify prove --coq FILE.v`: write the file, and compile it where coqc is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ..claim import Claim
from ..errors import ProofError, UsageError
from ..printable import line_of
from ..recheck import load
from ..recheck.__main__ import plain
from ..worstcase.checker import CertificateError
from .derivation import export_derivation
from .terms import NotExported
from .worstcase import export_certificate


def write_claim(claim: Claim, target: str) -> int:
    """Export the derivation of a claim; exit code 0, or 3 where it has no Coq form or coqc refuses it."""
    try:
        text = export_derivation(claim)
    except (NotExported, ProofError) as error:
        print(line_of(f"gdverify: no Coq file for {claim.id}: {error}"), file=sys.stderr)
        return 3
    return _write(text, target)


def write_certificate(source: str, target: str) -> int:
    """Export a saved worst-case certificate (schema gdverify.worst-case/1)."""
    try:
        artefact = load(Path(source))
        plain(artefact, 0)
    except ValueError as error:
        raise UsageError(f"cannot read {source}: {error}") from None
    if not isinstance(artefact, dict) or artefact.get("schema") != "gdverify.worst-case/1":
        raise UsageError(f"{source} is no worst-case certificate")
    try:
        text = export_certificate(artefact)
    except (NotExported, CertificateError) as error:
        print(line_of(f"gdverify: no Coq file for {source}: {error}"), file=sys.stderr)
        return 3
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
        raise UsageError(f"{source}: not a worst-case certificate ({type(error).__name__})") from None
    return _write(text, target)


def _write(text: str, target: str) -> int:
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    if not available():
        print(f"{target} written; coqc is not installed here, so nothing has compiled it")
        return 0
    accepted, message, seconds = compile_text(text)
    print(f"{target} written; coqc {'accepts' if accepted else 'REFUSES'} it ({seconds:.1f} s){message}")
    return 0 if accepted else 3


def available() -> bool:
    """Whether coqc is installed."""
    return shutil.which("coqc") is not None


def compile_text(text: str, limit: float = 300, *, admitted: bool = False) -> tuple[bool, str, float]:
    """Compile a Coq file in a folder of its own: accepted, coqc's complaint, seconds.

    Accepted means: no error, and no assumption beyond the axioms of the standard library's real numbers; with
    ``admitted``, no error.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.v"
        path.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run(["coqc", str(path)], capture_output=True, text=True, timeout=limit, cwd=folder)
        except subprocess.TimeoutExpired:
            return False, f": no answer within {limit:.0f} s", time.perf_counter() - began
    seconds = time.perf_counter() - began
    if done.returncode:
        return False, ": " + " ".join(done.stderr.split()[-30:]), seconds
    foreign = [] if admitted else foreign_axioms(done.stdout)
    return not foreign, f": it rests on {', '.join(foreign)}" if foreign else "", seconds


# What Print Assumptions shows of the standard library's own sqrt, exp, ln and mean value theorem.
_AXIOMS = (
    "Classical_Prop.classic",
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
)


def foreign_axioms(output: str) -> list[str]:
    """Names after "Axioms:" that the standard library's reals do not bring along."""
    found: list[str] = []
    inside: Any = False
    for line in output.splitlines():
        if line.strip() == "Axioms:":
            inside = True
        elif inside and line[:1].strip():
            name = line.split()[0]
            found += [name] if name not in _AXIOMS else []
    return found
