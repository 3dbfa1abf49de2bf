"""The last word on worst-case certificates: exact arithmetic on plain data, and nothing else.

Everything that is searched for (multipliers, instances, factorisations) is found elsewhere, in floating point; here
it is only checked, with `fractions.Fraction`.  This file imports nothing of the toolkit, so that it can be read and
trusted on its own.

A *problem* is a dictionary: ``basis`` (names), ``vectors`` ([name, [[basis position, coordinate], ...]]), ``values``
(names), ``rows`` ({label, equality, gram: [[a, b, c]], values: [[k, c]], constant}) and ``objective`` (like a row).
A row stands for  sum c <v_a, v_b> + sum c f_k + constant  and is assumed >= 0 (== 0 where ``equality``).

``members`` are functions and operators: a name, the constants of their ``conditions``, and ``data``, a list of
[label, x, g, value] as combinations of vectors, vectors and values (g a gradient at x; of an operator: a value at x).
A row with ``of`` = [member, condition, i, j] claims to be a condition of its class for points i and j, which is
stated anew here and compared.  All other rows are assumptions of the theorem: the start, the sum of gradients at a
minimiser, and conditions that this file does not know.

    curvature (mu, L)   f_i - f_j - <g_j, dx> >= (|dg|^2/L + mu |dx|^2 - 2 (mu/L) <dg, dx>) / (2 (1 - mu/L)),
                        and with no L: >= mu |dx|^2 / 2           (dx = x_i - x_j, dg = g_i - g_j)
    monotone (mu)       <dg, dx> >= mu |dx|^2
    cocoercive (beta)   <dg, dx> >= beta |dg|^2
    Lipschitz (L)       L^2 |dx|^2 >= |dg|^2

Upper bound.  Multipliers m_i (>= 0 unless the row is an equality) prove "objective <= tau" if

    tau - objective - sum m_i row_i  =  <S, G>    with S positive semidefinite, G the Gram matrix of the basis,

identically in G and f: function values cancel, and tau is what the constants add up to.

Instance.  A positive semidefinite G and values f that satisfy every row prove "the worst case is at least the
objective there", provided the rows are sufficient for the class (an interpolation theorem); every condition of every
member must then be among the rows, for every two points.

Positive semidefinite: given a lower triangular matrix W and diagonal D >= 0, the matrix minus W D W^T is diagonally
dominant with non-negative diagonal (the zero matrix included).
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

Matrix = list[list[Fraction]]
_RATIONAL = re.compile(r"-?[0-9]+(/[0-9]+)?", re.ASCII)


class CertificateError(ValueError):
    """The certificate does not prove what it says."""


def rational(x: Any) -> Fraction:
    """An integer, or text like "-3/7"; no float, no exponent, nothing that would have to be rounded."""
    if isinstance(x, int) and not isinstance(x, bool):
        return Fraction(x)
    if not isinstance(x, str) or not _RATIONAL.fullmatch(x):
        raise CertificateError(f"not a rational number: {str(x)[:40]}")
    try:
        return Fraction(x)
    except ZeroDivisionError as error:
        raise CertificateError(f"not a rational number: {x[:40]}") from error


def check_shape(problem: dict[str, Any]) -> None:
    """Raise CertificateError unless every index is one, once: a negative one would count from the end."""
    n, vectors, values = len(problem["basis"]), len(problem["vectors"]), len(problem["values"])
    for name, coords in problem["vectors"]:
        _check_indices(name, [k for k, _ in coords], n)
    for member in problem.get("members", []):
        for label, x, g, value in member["data"]:
            for combination, size in ((x, vectors), (g, vectors), (value, values)):
                _check_indices(f"{member['name']} at {label}", [k for k, _ in combination], size)
    for row in [*problem["rows"], problem["objective"]]:
        label = row.get("label", "objective")
        _check_indices(label, [k for k, _ in row["values"]], values)
        _check_indices(label, sorted({k for a, b, _ in row["gram"] for k in (a, b)}, key=str), vectors)
        if len({(a, b) for a, b, _ in row["gram"]}) < len(row["gram"]):
            raise CertificateError(f"{label}: an inner product twice")
        if row is not problem["objective"] and not isinstance(row["equality"], bool):
            raise CertificateError(f"{label}: neither an equality nor an inequality")


def _check_indices(what: str, indices: list[Any], size: int) -> None:
    for k in indices:
        if not isinstance(k, int) or isinstance(k, bool) or not 0 <= k < size:
            raise CertificateError(f"{what}: no position {str(k)[:40]} among {size}")
    if len(set(indices)) < len(indices):
        raise CertificateError(f"{what}: a position twice")


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
    check_shape(problem)
    check_conditions(problem, complete=False)
    multipliers = [rational(m) for m in certificate["multipliers"]]
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
    tau = rational(problem["objective"]["constant"])
    for row, m in zip(rows, multipliers, strict=True):
        if m < 0 and not row["equality"]:
            raise CertificateError(f"negative multiplier of {row['label']}")
        if m:
            _accumulate(gram, values, row, -m)
            tau += m * rational(row["constant"])
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
    check_shape(problem)
    check_conditions(problem, complete=True)
    gram = [[rational(c) for c in line] for line in instance["gram"]]
    values = [rational(c) for c in instance["values"]]
    n = len(problem["basis"])
    if len(gram) != n or any(len(line) != n for line in gram) or len(values) != len(problem["values"]):
        raise CertificateError("the instance has the wrong size")
    check_psd(gram, instance["psd"], "Gram matrix")
    vectors = [{k: rational(c) for k, c in coords} for _, coords in problem["vectors"]]
    products: dict[tuple[int, int], Fraction] = {}

    def product(a: int, b: int) -> Fraction:
        if (a, b) not in products:
            products[a, b] = sum(
                (c * d * gram[i][j] for i, c in vectors[a].items() for j, d in vectors[b].items()), Fraction(0)
            )
        return products[a, b]

    def at(row: dict[str, Any]) -> Fraction:
        total = rational(row["constant"])
        for a, b, c in row["gram"]:
            total += rational(c) * product(a, b)
        for k, c in row["values"]:
            total += rational(c) * values[k]
        return total

    for row in problem["rows"]:
        slack = at(row)
        if slack < 0 or (row["equality"] and slack != 0):
            raise CertificateError(f"the instance violates {row['label']}")
    return at(problem["objective"])


def check_conditions(problem: dict[str, Any], complete: bool) -> None:
    """Raise CertificateError unless rows said to be conditions of a class are (``complete``: and all are there)."""
    members = {}
    for member in problem.get("members", []):
        if member["name"] in members:
            raise CertificateError(f"two members of name {member['name']}")
        members[member["name"]] = member
        for kind, constants in member["conditions"].items():
            _check_constants(member["name"], kind, constants)
    present: set[tuple[str, str, int, int]] = set()
    for row in problem["rows"]:
        if row.get("of") is None:
            continue
        name, kind, i, j = row["of"]
        member = members.get(name)
        if member is None or kind not in member["conditions"]:
            raise CertificateError(f"{row['label']}: no {name} with condition {kind}")
        count = len(member["data"])
        _check_indices(row["label"], [i, j], count)
        gram, values = _condition(member, kind, i, j)
        stated_gram: dict[tuple[int, int], Fraction] = {}
        stated_values: dict[int, Fraction] = {}
        _accumulate(stated_gram, stated_values, row, Fraction(1))
        if (
            row["equality"] is not False
            or rational(row["constant"])
            or (gram, values) != _sorted(stated_gram, stated_values)
        ):
            raise CertificateError(f"{row['label']} is not the condition {kind} of {name}")
        present.add((name, kind, i, j))
    for name, member in members.items() if complete else ():
        for kind in member["conditions"]:
            for i in range(len(member["data"])):
                for j in range(len(member["data"])):
                    done = (name, kind, i, j) in present or (kind != "curvature" and (name, kind, j, i) in present)
                    if i != j and not done and _condition(member, kind, i, j) != ({}, {}):
                        raise CertificateError(f"the condition {kind} of {name} for points {i}, {j} is missing")


def _check_constants(name: str, kind: str, constants: list[Any]) -> None:
    given = [None if c is None else rational(c) for c in constants]
    if kind == "curvature":
        mu, L = given
        sound = mu is not None and (L is None or (L > 0 and -L <= mu < L))
    elif kind in ("monotone", "cocoercive", "Lipschitz"):
        (constant,) = given
        sound = constant is not None and (constant > 0 or (kind == "monotone" and constant == 0))
    else:
        raise CertificateError(f"{name}: unknown condition {kind}")
    if not sound:
        raise CertificateError(f"{name}: no class {kind} with constants {constants}")


def _condition(
    member: dict[str, Any], kind: str, i: int, j: int
) -> tuple[dict[tuple[int, int], Fraction], dict[int, Fraction]]:
    """The condition for points i and j as coefficients of inner products and of values, without zeros."""
    constants = [None if c is None else rational(c) for c in member["conditions"][kind]]
    (_, x_i, g_i, f_i), (_, x_j, g_j, f_j) = member["data"][i], member["data"][j]
    dx, dg = _difference(x_i, x_j), _difference(g_i, g_j)
    gram: dict[tuple[int, int], Fraction] = {}
    values: dict[int, Fraction] = {}

    def add(factor: Fraction, left: dict[int, Fraction], right: dict[int, Fraction]) -> None:
        for a, c in left.items():
            for b, d in right.items():
                gram[a, b] = gram.get((a, b), Fraction(0)) + factor * c * d

    if kind == "curvature":
        mu, L = constants
        assert mu is not None
        values = _difference(f_i, f_j)
        add(Fraction(-1), _difference(g_j, []), dx)
        if L is None:
            add(-mu / 2, dx, dx)
        else:
            scale = -1 / (2 * (1 - mu / L))
            add(scale / L, dg, dg)
            add(scale * mu, dx, dx)
            add(-2 * scale * mu / L, dg, dx)
    else:
        (constant,) = constants
        assert constant is not None
        if kind == "Lipschitz":
            add(constant**2, dx, dx)
            add(Fraction(-1), dg, dg)
        else:
            add(Fraction(1), dg, dx)
            add(-constant, *((dx, dx) if kind == "monotone" else (dg, dg)))
    return _sorted(gram, values)


def _difference(left: list[Any], right: list[Any]) -> dict[int, Fraction]:
    out = {k: rational(c) for k, c in left}
    for k, c in right:
        out[k] = out.get(k, Fraction(0)) - rational(c)
    return out


def _sorted(
    gram: dict[tuple[int, int], Fraction], values: dict[int, Fraction]
) -> tuple[dict[tuple[int, int], Fraction], dict[int, Fraction]]:
    """Inner products are symmetric; zeros are left out."""
    out: dict[tuple[int, int], Fraction] = {}
    for (a, b), c in gram.items():
        key = (a, b) if a <= b else (b, a)
        out[key] = out.get(key, Fraction(0)) + c
    return {k: c for k, c in out.items() if c}, {k: c for k, c in values.items() if c}


def check_psd(matrix: Matrix, witness: dict[str, Any], what: str) -> None:
    """Raise CertificateError unless the witness shows the symmetric matrix positive semidefinite."""
    n = len(matrix)
    lower = [[rational(c) for c in line] for line in witness["lower"]]
    diagonal = [rational(c) for c in witness["diagonal"]]
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
        recorded = rational(artefact["value"])
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, ArithmeticError) as error:
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
        gram[a, b] = gram.get((a, b), Fraction(0)) + factor * rational(c)
    for k, c in row["values"]:
        values[k] = values.get(k, Fraction(0)) + factor * rational(c)


def _in_basis(problem: dict[str, Any], gram: dict[tuple[int, int], Fraction]) -> Matrix:
    """The symmetric matrix of a quadratic form given on all vectors, in the basis."""
    n = len(problem["basis"])
    vectors = [[(k, rational(c)) for k, c in coords] for _, coords in problem["vectors"]]
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
