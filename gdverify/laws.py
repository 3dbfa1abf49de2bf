"""Probability laws as assumptions."""

from __future__ import annotations

from typing import Any

import sympy

from .claim import Assumption, Law
from .errors import ClaimError
from .language import Covariance, Mean, SymmetricMatrix
from .printing import latex as tex


def _shape(letter: Any) -> tuple[Any, Any]:
    shape = getattr(letter, "shape", ())
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ClaimError(f"{letter!r} is no matrix or vector letter (a MatrixSymbol)")
    return shape


def gaussian(letter: Any, rows: Any = None, columns: Any = None) -> Assumption:
    """A Gaussian matrix, mean zero, E[X_ia X_jb] = rows_ij columns_ab, independent of the other random letters.

    ``rows`` and ``columns`` default to identities: independent standard entries.  For samples as rows,
    ``gaussian(X, columns=Sigma)``; for a column vector, ``gaussian(w, rows=C)``.
    """
    n, d = _shape(letter)
    rows = sympy.Identity(n) if rows is None else rows
    columns = sympy.Identity(d) if columns is None else columns
    return Law(
        name=f"{letter} is Gaussian",
        latex=rf"{tex(letter)} \sim \mathcal{{N}}(0, {tex(rows)} \otimes {tex(columns)})",
        key=("gaussian", letter, _Fixed(rows, columns)),
    )


def sphere(letter: Any) -> Assumption:
    """A vector (d x 1) uniform on the unit sphere of R^d, independent of the other random letters."""
    if _shape(letter)[1] != 1:
        raise ClaimError(f"{letter} is no column vector")
    return Law(
        name=f"{letter} is uniform on the sphere",
        latex=rf"{tex(letter)} \sim \mathrm{{Unif}}(S^{{{tex(_shape(letter)[0])}-1}})",
        key=("sphere", letter),
    )


def signs(letter: Any) -> Assumption:
    """A matrix of independent fair signs (Rademacher variables), independent of the other random letters."""
    _shape(letter)
    return Law(
        name=f"{letter} has independent signs",
        latex=rf"{tex(letter)}_{{ij}} \sim \mathrm{{Unif}}\{{-1, 1\}}\text{{ independent}}",
        key=("signs", letter),
    )


def haar(letter: Any) -> Assumption:
    """A Haar-distributed matrix of the whole orthogonal group O(n), independent of the other random letters."""
    if _shape(letter)[0] != _shape(letter)[1]:
        raise ClaimError(f"{letter} is not square")
    return Law(
        name=f"{letter} is Haar orthogonal",
        latex=rf"{tex(letter)} \sim \mathrm{{Haar}}(O({tex(_shape(letter)[0])}))",
        key=("haar", letter),
    )


def haar_unitary(real: Any, imaginary: Any) -> Assumption:
    """``real + i imaginary`` is Haar-distributed in the unitary group U(n), independent of the other random letters.

    Both parts are real n x n letters; |tr U|^2 is ``tr(real)^2 + tr(imaginary)^2``.
    """
    if _shape(real) != _shape(imaginary) or _shape(real)[0] != _shape(real)[1] or real == imaginary:
        raise ClaimError(f"{real} and {imaginary} are not the two parts of a square matrix")
    both, n = f"{tex(real)} + i {tex(imaginary)}", tex(_shape(real)[0])
    return Law(
        name=f"{real} + i {imaginary} is Haar unitary",
        latex=rf"{both} \sim \mathrm{{Haar}}(U({n}))",
        key=("unitary", real, imaginary),
    )


def rotation_invariant(points: tuple[Any, ...], labels: tuple[Any, ...] = (), name: str = "") -> Assumption:
    """Rotating or reflecting all points (matrices with d rows) together keeps their joint law with the labels.

    (O x_1, ..., O x_m, labels) has the law of (x_1, ..., x_m, labels) for every orthogonal d x d matrix O; labels are
    matrix letters that stay as they are.
    """
    if len({_shape(x)[0] for x in points}) != 1 or set(points) & set(labels):
        raise ClaimError("rotation_invariant takes points with equally many rows, and labels that are none of them")
    if any(isinstance(x, SymmetricMatrix) for x in points):
        raise ClaimError("a rotated matrix is no longer symmetric")
    names = ", ".join(map(str, points))
    return Law(
        name=name or f"the law of {names} does not change under rotations",
        latex=rf"(O x)_{{x \in \{{{names}\}}}} \sim (x),\ O \in O(d)",
        key=("rotation", tuple(points), tuple(labels)),
    )


def gram_inverse(inverse: Any, letter: Any) -> Assumption:
    """``inverse`` (a `SymmetricMatrix`, d x d) is (X^T X)^{-1} for the n x d letter X, wherever X has rank d.

    ``schema()`` gives the equation inverse X^T X = I, to be rewritten with; it holds almost surely for a Gaussian X
    with n >= d and invertible covariances.
    """
    relation = sympy.Eq(inverse * letter.T * letter, sympy.Identity(_shape(letter)[1]), evaluate=False)
    return Law(
        name=f"{inverse} inverts the Gram matrix of {letter}",
        schema=lambda: relation,
        latex=rf"{tex(inverse)} = ({tex(letter)}^T {tex(letter)})^{{-1}}",
        key=("gram-inverse", inverse, letter),
    )


class _Fixed(Covariance):
    """A covariance that compares by value, so that an assumption can be looked up."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Fixed) and (self.rows, self.columns) == (other.rows, other.columns)

    def __hash__(self) -> int:
        return hash((self.rows, self.columns))

    def __repr__(self) -> str:
        return f"{self.rows} x {self.columns}"


def gradient_flow(loss: Any, letters: tuple[Any, ...], time: Any = None, name: str = "gradient flow") -> Assumption:
    """Each letter X moves by X' = -(gradient of ``loss`` in X); ``loss`` is a sum of multiples of traces.

    ``time`` is the symbol that ``letters`` (terms of a `MatrixSequence`) and ``loss`` carry as their index; the law
    then holds at every time >= 0, and speaks of every instant of one trajectory.
    """
    return Law(name=name, latex=r"\dot X = -\nabla_X L", key=("gradient-flow", loss, tuple(letters), time))


def gradient_descent(
    loss: Any,
    letters: tuple[Any, ...],
    step: Any,
    successor: dict[Any, Any] | None = None,
    name: str = "gradient descent",
    index: Any = None,
) -> Assumption:
    """X_next = X - step * (gradient of ``loss`` in X).

    ``successor`` maps each letter to its next value's letter; or ``index`` is the symbol that ``letters`` (terms of a
    `MatrixSequence`) carry, the next value has it raised by one, and the law holds for every integer index >= 0.
    """
    if successor is None:
        successor = {x: x.sequence(index + 1) for x in letters}
    return Law(
        name=name,
        latex=r"X_{k+1} = X_k - \eta \nabla_X L",
        key=("gradient-descent", loss, tuple(letters), index, step, tuple(successor.items())),
    )


def invertible(*letters: Any) -> Assumption:
    """These square matrices have an inverse (along the whole trajectory, where they move).

    A `MatrixSequence` stands for all its terms.
    """
    return Law(name=f"invertible {', '.join(map(str, letters))}", key=("invertible", letters))


def loewner(name: str, larger: Any, smaller: Any, latex: str = "") -> Assumption:
    """``smaller <= larger`` in the Loewner order of symmetric matrices.

    ``schema(X)`` gives tr(X^T (larger - smaller) X) >= 0 for a matrix X with as many rows, which is the same.
    """

    def schema(x: Any) -> Any:
        return sympy.Ge(sympy.Trace(x.T * larger * x) - sympy.Trace(x.T * smaller * x), 0, evaluate=False)

    return Assumption(
        name=name,
        schema=schema,
        latex=latex or rf"{tex(smaller)} \preceq {tex(larger)}",
        key=("loewner", larger, smaller),
    )


def initial_value(state: Any, time: Any, field: Any, start: Any, name: str = "") -> Assumption:
    """``state`` (such as ``y(t)``) starts at ``start``, and its derivative is ``field``, an expression in it."""
    relation = sympy.Eq(sympy.Derivative(state, time), field, evaluate=False)
    return Law(
        name=name or f"motion of {state}",
        latex=rf"{tex(relation)},\ {tex(state.xreplace({time: sympy.S.Zero}))} = {tex(start)}",
        key=("initial-value", state, time, sympy.sympify(field), sympy.sympify(start)),
    )


def constant(*letters: Any) -> Assumption:
    """These matrices, symbols or functions (data, targets, weights) are neither random nor moving."""
    return Law(name=f"constant {', '.join(map(str, letters))}", key=("constant", letters))


def integers(*functions: Any) -> Assumption:
    """All values of these scalar functions (``Function("n")``) are integers."""
    return Law(name=f"integers {', '.join(map(str, functions))}", key=("integers", functions))


def equation(name: str, left: Any, right: Any, latex: str = "") -> Assumption:
    """A definition or hypothesis left == right (scalars or matrices); ``schema()`` gives it."""
    relation = sympy.Eq(left, right, evaluate=False)
    return Assumption(name=name, schema=lambda: relation, latex=latex or tex(relation), key=("eq", left, right))


def inequality(name: str, relation: Any, latex: str = "") -> Assumption:
    """A hypothesis ``relation`` (an unevaluated SymPy inequality); ``schema()`` gives it."""
    return Assumption(name=name, schema=lambda: relation, latex=latex or tex(relation), key=("ineq", relation))


def sample_sums(terms: dict[Any, tuple[Any, Any]], count: Any, *samples: Any, name: str = "") -> Assumption:
    """Scalars that are sums over ``count`` exchangeable samples: ``letter = term_1 + ... + term_count``.

    Parameters
    ----------
    terms : 1 x 1 matrix letter -> (its term at the first sample, its term at the second), scalars
    samples : the letters of the two samples; given everything else, samples are exchangeable

    ``schema(f, g)`` for two of the letters, or one twice: E f g = count E f_1 g_1 + count (count - 1) E f_1 g_2.
    ``schema(f, v)`` for a scalar v that does not involve the samples: E f v = count E f_1 v.

    Raises
    ------
    ClaimError
        (by ``schema``) v involves a sample
    """

    def schema(left: Any, right: Any) -> Any:
        one = terms[left][0]
        if right in terms:
            value = count * Mean(one * terms[right][0]) + count * (count - 1) * Mean(one * terms[right][1])
            return sympy.Eq(Mean(sympy.Trace(left) * sympy.Trace(right)), value, evaluate=False)
        if right.atoms(sympy.MatrixSymbol) & {*samples, *terms}:
            raise ClaimError(f"{right} involves a sample")
        return sympy.Eq(Mean(sympy.Trace(left) * right), count * Mean(one * right), evaluate=False)

    names = ", ".join(map(str, terms))
    return Assumption(
        name=name or f"sums over samples: {names}",
        schema=schema,
        latex=rf"{names} \text{{ are sums over }} {tex(count)} \text{{ exchangeable samples}}",
        key=("sample-sums", tuple((k, *v) for k, v in terms.items()), count, samples),
    )
