"""``python -m gdverify.recheck FILE.json``: exit code 0 verified, 1 rejected, 2 malformed, 3 not rechecked."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

from . import SCHEMA, Malformed, Rejected, Report, Unknown, load, recheck_data

WORST_CASE = "gdverify.worst-case/1"
# Control characters, half surrogate pairs, and what makes a line be displayed in another order than it is written.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
_SCIENTIFIC = re.compile(r"^[-+]?[0-9._]*[eE][-+]?[0-9_]+$")


def main(arguments: list[str]) -> int:
    """Recheck files, print what each establishes, and return the worst exit code."""
    if not arguments:
        print("usage: python -m gdverify.recheck FILE.json", file=sys.stderr)
        return 2
    codes = [recheck_file(Path(name)) for name in arguments]
    return next((c for c in (1, 2, 3) if c in codes), 0)


def recheck_file(path: Path) -> int:
    """Recheck one file; one line on standard error if it is not verified."""
    try:
        data = load(path)
        schema = data.get("schema") if isinstance(data, dict) else None
        if schema == WORST_CASE:
            lines = _worst_case(data)
        elif schema == SCHEMA:
            if "digest" not in data:
                raise Malformed("a certificate file needs its digest")
            lines = report_lines(recheck_data(data))
        else:
            raise Malformed(f"neither {SCHEMA} nor {WORST_CASE}")
    except (Malformed, Rejected, Unknown) as error:
        word, code = {Malformed: ("malformed", 2), Rejected: ("rejected", 1), Unknown: ("not rechecked", 3)}[
            type(error)
        ]
        print(printable(f"gdverify: {path}: {word}: {str(error)[:400]}"), file=sys.stderr)
        return code
    except RecursionError:
        print(printable(f"gdverify: {path}: malformed: nested too deep"), file=sys.stderr)
        return 2
    print("\n".join(map(printable, lines)))
    return 0


def printable(line: str) -> str:
    """A line of a certificate's own text as a terminal may have it."""
    return _UNPRINTABLE.sub(" ", line)


def report_lines(report: Report) -> list[str]:
    """What a verified certificate says."""
    lines = [f"{report.claim}: verified, {report.steps} steps"]
    lines.append(f"  digest      {report.digest[:16]} of all but the steps")
    lines += [f"  states      {s}" for s in report.statement]
    lines += [f"  where       {s}" for s in report.symbols]
    for name, relations in report.assumptions:
        lines.append(f"  assumes     {name}")
        lines += [f"                {r}" for r in relations]
    lines += [f"  cites       {c}" for c in report.cited] or ["  cites       nothing"]
    lines.append("  rules       " + ", ".join(f"{k} {v}" for k, v in sorted(report.rules.items())))
    return lines


def _worst_case(data: dict[str, Any]) -> list[str]:
    """A worst-case certificate, by its own exact checker (a file that imports nothing of the toolkit)."""
    plain(data, 0)
    file = Path(__file__).resolve().parent.parent / "worstcase" / "checker.py"
    spec = importlib.util.spec_from_file_location("_gdverify_worst_case_checker", file)
    assert spec is not None and spec.loader is not None
    checker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checker)
    try:
        kind, value = checker.check(data)
    except checker.CertificateError as error:
        if "malformed" in str(error) or "not a worst-case" in str(error):
            raise Malformed(str(error)) from None
        raise Rejected(str(error)) from None
    except (ArithmeticError, AttributeError, MemoryError) as error:
        raise Malformed(f"an entry has the wrong form ({type(error).__name__})") from None
    word = "at most" if kind == "upper" else "at least"
    rows = data["problem"]["rows"]
    lines = [f"{data.get('claim', 'worst case')}: verified, the worst case is {word} {value}"]
    lines += [f"  case        {data['case']}"] if data.get("case") else []
    return [*lines, f"  assumes     {len(rows)} interpolation rows", *(f"                {r['label']}" for r in rows)]


def plain(data: Any, depth: int) -> None:
    """Refuse numbers that would explode (1e999999999) and nests that are too deep."""
    if depth > 60:
        raise Malformed("nested too deep")
    if isinstance(data, str) and (len(data) > 100_000 or _SCIENTIFIC.match(data)):
        raise Malformed("a number is too long, or not written as p/q")
    for part in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        plain(part, depth + 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
