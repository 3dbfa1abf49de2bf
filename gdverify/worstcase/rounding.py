"""Exact linear algebra that turns floating-point proposals into rational ones."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import MissingDependencyError


def flint_library() -> Any:
    try:
        import flint
    except ImportError as error:
        raise MissingDependencyError("worst cases need python-flint (pip install 'gdverify[proof]')") from error
    return flint


def dyadic(x: float, bits: int = 48) -> Fraction:
    """A nearby rational with a power of two below."""
    return Fraction(round(Fraction(float(x)) * Fraction(2) ** bits)) / Fraction(2) ** bits


def repair(
    columns: list[dict[int, Fraction]], target: list[Fraction], x: list[Fraction], weight: np.ndarray
) -> list[Fraction] | None:
    """Change few entries of x so that the linear equations  sum_c x_c columns[c] == target  hold exactly.

    Parameters
    ----------
    columns : coefficient of each unknown, by equation
    target : right-hand side of each equation
    x : proposal
    weight : (len(x),) how much each entry can afford to change; 0 for not at all

    Returns
    -------
    the repaired entries, or None where the equations are inconsistent
    """
    from scipy.linalg import qr

    flint = flint_library()
    m = len(target)
    rest = list(target)
    for c, column in enumerate(columns):
        if x[c]:
            for e, a in column.items():
                rest[e] -= a * x[c]
    if not any(rest):
        return x
    dense = np.zeros((m, len(columns)))
    for c, column in enumerate(columns):
        for e, a in column.items():
            dense[e, c] = float(a) * weight[c]
    largest = np.abs(dense).max(axis=1, initial=0.0)
    dense /= np.where(largest > 0, largest, 1.0)[:, None]  # equations of different magnitude count alike
    _, r, pivots = qr(dense, mode="economic", pivoting=True)
    size = np.abs(np.diag(r))
    if not size.size or size[0] == 0:
        return None
    rank = int((size > 1e-13 * size[0]).sum())
    chosen = [int(c) for c in pivots[:rank]]
    table = [[columns[c].get(e, Fraction(0)) for c in chosen] + [rest[e]] for e in range(m)]
    matrix = flint.fmpq_mat([[flint.fmpq(v.numerator, v.denominator) for v in line] for line in table])
    reduced, full = matrix.rref()
    if full != rank or any(reduced[k, k] != 1 for k in range(rank)):
        return None
    out = list(x)
    for k, c in enumerate(chosen):
        delta = reduced[k, rank]
        out[c] = x[c] + Fraction(int(delta.p), int(delta.q))
    return out


def congruence(
    vectors: list[dict[int, Fraction]], form: dict[tuple[int, int], Fraction], size: int
) -> list[list[Fraction]]:
    """The symmetric matrix of sum c <v_a, v_b> (``form``) in the basis, for vectors given by coordinates."""
    flint = flint_library()
    used = sorted({k for pair in form for k in pair})
    place = {a: k for k, a in enumerate(used)}
    left = flint.fmpq_mat(max(len(used), 1), size)
    for a, k in place.items():
        for i, c in vectors[a].items():
            left[k, i] = flint.fmpq(c.numerator, c.denominator)
    middle = flint.fmpq_mat(max(len(used), 1), max(len(used), 1))
    for (a, b), c in form.items():
        half = flint.fmpq(c.numerator, 2 * c.denominator)
        middle[place[a], place[b]] += half
        middle[place[b], place[a]] += half
    out = left.transpose() * (middle * left)
    return [[Fraction(int(c.p), int(c.q)) for c in line] for line in out.tolist()]


def psd_witness(matrix: list[list[Fraction]]) -> dict[str, Any] | None:
    """A factorisation that shows a symmetric matrix positive semidefinite, or None where none was found.

    A float Cholesky factor serves where the matrix is safely positive definite; the exact LDL^T otherwise.
    """
    n = len(matrix)
    kept = [i for i in range(n) if any(matrix[i])]
    if any(matrix[i][i] <= 0 for i in kept):
        return None
    m = np.array([[float(matrix[i][j]) for j in kept] for i in kept]).reshape(len(kept), len(kept))
    root = np.sqrt(np.diag(m))
    scaled = m / np.outer(root, root)
    least = float(np.linalg.eigvalsh(scaled)[0]) if kept else 1.0
    if least > 1e-13:
        factor = np.linalg.cholesky(scaled - least / 2 * np.eye(len(kept))) * root[:, None] if kept else scaled
        lower = [[Fraction(0)] * (i + 1) for i in range(n)]
        for a, i in enumerate(kept):
            for b in range(a + 1):
                lower[i][kept[b]] = Fraction(float(factor[a, b]))
        flint = flint_library()
        root_matrix = flint.fmpq_mat(
            [[flint.fmpq(c.numerator, c.denominator) for c in lower[i]] + [0] * (n - i - 1) for i in kept]
        )
        whole = flint.fmpq_mat(
            [[flint.fmpq(matrix[i][j].numerator, matrix[i][j].denominator) for j in kept] for i in kept]
        )
        rest = (whole - root_matrix * root_matrix.transpose()).tolist() if kept else []
        if all(2 * rest[a][a] >= sum(map(abs, rest[a])) for a in range(len(kept))):
            return {"lower": [[str(c) for c in line] for line in lower], "diagonal": ["1"] * n}
    return _exact_factor(matrix)


def _exact_factor(matrix: list[list[Fraction]]) -> dict[str, Any] | None:
    flint = flint_library()
    n = len(matrix)
    a = [[flint.fmpq(c.numerator, c.denominator) for c in line] for line in matrix]
    lower = [[flint.fmpq(0)] * (i + 1) for i in range(n)]
    diagonal = []
    for k in range(n):
        pivot = a[k][k]
        if pivot < 0 or (pivot == 0 and any(a[i][k] != 0 for i in range(k, n))):
            return None
        diagonal.append(pivot)
        lower[k][k] = flint.fmpq(1)
        if pivot == 0:
            continue
        for i in range(k + 1, n):
            lower[i][k] = a[i][k] / pivot
        for i in range(k + 1, n):
            if lower[i][k] != 0:
                for j in range(k + 1, i + 1):
                    a[i][j] -= lower[i][k] * a[j][k]
                    a[j][i] = a[i][j]
    return {"lower": [[str(c) for c in line] for line in lower], "diagonal": [str(c) for c in diagonal]}
