"""The last word on worst-case certificates: exact arithmetic on plain data, and nothing else.

Everything that is searched for (multipliers, instances, factorisations) is found elsewhere, in floating point; here
it is only checked, with `fractions.Fraction`.  This file imports nothing of the toolkit, so that it can be read and
trusted on its own.

A *problem* is a dictionary: ``basis`` (names), ``vectors`` ([name, [[basis position, coordinate], ...]]), ``values``
(names), ``rows`` ({label, equality, gram: [[a, b, c]], values: [[k, c]], constant}) and ``objective`` (like a row).
A row stands for  sum c <v_a, v_b> + sum c f_k + constant  and is assumed >= 0 (== 0 where ``equality``).

Upper bound.  Multipliers m_i (>= 0 unless the row is an equality) prove "objective <= tau" if

    tau - objective - sum m_i row_i  =  <S, G>    with S positive semidefinite, G the Gram matrix of the basis,

identically in G and f: function values cancel, and tau is what the constants add up to.

Instance.  A positive semidefinite G and values f that satisfy every row prove "the worst case is at least the
objective there", provided the rows are sufficient for the class (an interpolation theorem).

Positive semidefinite: given a lower triangular matrix W and diagonal D >= 0, the matrix minus W D W^T is diagonally
dominant with non-negative diagonal (the zero matrix included).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

Matrix = list[list[Fraction]]


class CertificateError(ValueError):
    """The certificate does not prove what it says."""


def check_upper(problem: dict[str, Any], certificate: dict[str, Any]) -> Fraction:
    """The bound tau that the certificate proves.

    Parameters
    ----------
    problem : as in the module's description
    certificate : ``multipliers`` (one rational per row), ``psd`` ({"lower": [[...]], "diagonal": [...]})

    Raises
    ------
    CertificateError
        naming the first condition that does not hold
    """
    multipliers = [Fraction(m) for m in certificate["multipliers"]]
    slack, tau = slack_matrix(problem, multipliers)
    check_psd(slack, certificate["psd"], "slack matrix")
    return tau


def slack_matrix(problem: dict[str, Any], multipliers: list[Fraction]) -> tuple[Matrix, Fraction]:
    """S and tau of the identity above; raises CertificateError unless the multipliers give that identity."""
    rows = problem["rows"]
    if len(multipliers) != len(rows):
        raise CertificateError(f"{len(multipliers)} multipliers for {len(rows)} rows")
    gram: dict[tuple[int, int], Fraction] = {}
    values: dict[int, Fraction] = {}
    _accumulate(gram, values, problem["objective"], Fraction(-1))
    tau = Fraction(problem["objective"]["constant"])
    for row, m in zip(rows, multipliers, strict=True):
        if m < 0 and not row["equality"]:
            raise CertificateError(f"negative multiplier of {row['label']}")
        if m:
            _accumulate(gram, values, row, -m)
            tau += m * Fraction(row["constant"])
    for k, c in values.items():
        if c:
            raise CertificateError(f"the function value {problem['values'][k]} does not cancel")
    return _in_basis(problem, gram), tau


def check_instance(problem: dict[str, Any], instance: dict[str, Any]) -> Fraction:
    """The objective at an instance that satisfies every row.

    Parameters
    ----------
    problem : as in the module's description
    instance : ``gram`` (n x n rationals), ``values`` (rationals), ``psd``

    Raises
    ------
    CertificateError
        naming the first row that does not hold
    """
    gram = [[Fraction(c) for c in line] for line in instance["gram"]]
    values = [Fraction(c) for c in instance["values"]]
    n = len(problem["basis"])
    if len(gram) != n or any(len(line) != n for line in gram) or len(values) != len(problem["values"]):
        raise CertificateError("the instance has the wrong size")
    check_psd(gram, instance["psd"], "Gram matrix")
    vectors = [{k: Fraction(c) for k, c in coords} for _, coords in problem["vectors"]]
    products: dict[tuple[int, int], Fraction] = {}

    def product(a: int, b: int) -> Fraction:
        if (a, b) not in products:
            products[a, b] = sum(
                (c * d * gram[i][j] for i, c in vectors[a].items() for j, d in vectors[b].items()), Fraction(0)
            )
        return products[a, b]

    def at(row: dict[str, Any]) -> Fraction:
        total = Fraction(row["constant"])
        for a, b, c in row["gram"]:
            total += Fraction(c) * product(a, b)
        for k, c in row["values"]:
            total += Fraction(c) * values[k]
        return total

    for row in problem["rows"]:
        slack = at(row)
        if slack < 0 or (row["equality"] and slack != 0):
            raise CertificateError(f"the instance violates {row['label']}")
    return at(problem["objective"])


def check_psd(matrix: Matrix, witness: dict[str, Any], what: str) -> None:
    """Raise CertificateError unless the witness shows the symmetric matrix positive semidefinite."""
    n = len(matrix)
    lower = [[Fraction(c) for c in line] for line in witness["lower"]]
    diagonal = [Fraction(c) for c in witness["diagonal"]]
    if len(lower) != n or len(diagonal) != n or any(len(line) != i + 1 for i, line in enumerate(lower)):
        raise CertificateError(f"{what}: the factorisation has the wrong size")
    if any(d < 0 for d in diagonal):
        raise CertificateError(f"{what}: a negative pivot")
    scaled = [[w * d for w, d in zip(line, diagonal, strict=False)] for line in lower]
    rest = [[Fraction(0)] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            if matrix[i][j] != matrix[j][i]:
                raise CertificateError(f"{what}: not symmetric")
            part = sum((a * b for a, b in zip(scaled[i][: j + 1], lower[j], strict=True)), Fraction(0))
            rest[i][j] = rest[j][i] = matrix[i][j] - part
    for i in range(n):
        if rest[i][i] < sum((abs(rest[i][j]) for j in range(n) if j != i), Fraction(0)):
            raise CertificateError(f"{what}: not shown to be positive semidefinite (row {i})")


def check(artefact: dict[str, Any]) -> tuple[str, Fraction]:
    """Check a saved artefact again: ("upper" or "lower", the rational it proves).

    Raises
    ------
    CertificateError
        the artefact is malformed, or proves less than it records
    """
    kind = artefact.get("kind")
    if kind not in ("upper", "lower"):
        raise CertificateError(f"not a worst-case artefact: kind {kind!r}")
    run = check_upper if kind == "upper" else check_instance
    try:
        value = run(artefact["problem"], artefact["certificate"])
        recorded = Fraction(artefact["value"])
    except (KeyError, TypeError, IndexError, ValueError, ZeroDivisionError) as error:
        if isinstance(error, CertificateError):
            raise
        raise CertificateError(f"malformed artefact: {error!r}") from error
    if value != recorded:
        raise CertificateError(f"the artefact proves {value}, not the recorded {recorded}")
    return kind, value


def _accumulate(
    gram: dict[tuple[int, int], Fraction], values: dict[int, Fraction], row: dict[str, Any], factor: Fraction
) -> None:
    for a, b, c in row["gram"]:
        gram[a, b] = gram.get((a, b), Fraction(0)) + factor * Fraction(c)
    for k, c in row["values"]:
        values[k] = values.get(k, Fraction(0)) + factor * Fraction(c)


def _in_basis(problem: dict[str, Any], gram: dict[tuple[int, int], Fraction]) -> Matrix:
    """The symmetric matrix of a quadratic form given on all vectors, in the basis."""
    n = len(problem["basis"])
    vectors = [[(k, Fraction(c)) for k, c in coords] for _, coords in problem["vectors"]]
    # halfway[b] = sum_a c_ab v_a, so that the form is sum_b halfway[b] v_b^T
    halfway: dict[int, dict[int, Fraction]] = {}
    for (a, b), c in gram.items():
        if c:
            line = halfway.setdefault(b, {})
            for k, d in vectors[a]:
                line[k] = line.get(k, Fraction(0)) + c * d
    form: dict[tuple[int, int], Fraction] = {}
    for b, line in halfway.items():
        for j, d in vectors[b]:
            for i, c in line.items():
                key = (i, j) if i <= j else (j, i)
                form[key] = form.get(key, Fraction(0)) + c * d
    out = [[Fraction(0)] * n for _ in range(n)]
    for (i, j), c in form.items():
        out[i][j] = out[j][i] = c if i == j else c / 2
    return out
