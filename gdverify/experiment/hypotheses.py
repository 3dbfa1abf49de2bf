"""Does an instance satisfy the assumptions of its claim?  Those that can be evaluated are, at sampled points.

``simulate`` may return its instance beside its figures: ``"instance": {f: F, x_star: xs, x: [x0, x1, ...]}``, by the
claim's own letters (or their names).  A function has ``value(x)`` and ``grad(x)``; a vector is an array (size, d); a
sequence is a list of such arrays, an operator a callable; a matrix is an array (r, c) or (size, r, c).  Every
assumption whose schema can then be evaluated is: inequalities between points at random points near and far, update
rules at the indices that were given.  An assumption about a mean, or about what was not returned, is left alone.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import sympy

from ..claim import Assumption
from ..errors import ClaimError, ExperimentError, GdverifyError
from ..evaluate import evaluate, evaluate_matrix
from ..language import Inner, MatrixTerm, Vector, is_vector_atom, linear_parts
from .ball import Interval, UndecidedError
from .laboratory import Laboratory, named_values
from .random import Primitive, Replayer

_POINTS = 6
_ROUNDING = 1e-8  # relative to the largest term; far above rounding, far below a class that is not the stated one
_NEGLIGIBLE = 1e-6  # of the largest term among the rows: functions are known to rounding at that size only
_TRIALS = 24
_PRECISIONS, _SECONDS = (106, 256), 10.0  # at which a violated assumption is looked at again


class _UnknownError(Exception):
    """The instance does not say what this is."""


class Instance:
    """An instance that ``simulate`` returned, and the points at which its functions are looked at.

    Parameters
    ----------
    given : by letter or by name
    values : what the case, the definitions and the experiment give the scalar symbols, by name
    size : rows
    """

    def __init__(self, given: Mapping[Any, Any], values: Mapping[str, Any], xp: Any, size: int, seed: int = 0):
        self.given = {str(getattr(k, "name", k)): v for k, v in given.items()}
        self.values, self.xp, self.size = dict(values), xp, size
        self.points = self._points(np.random.default_rng(seed))

    def _points(self, rng: np.random.Generator) -> dict[Vector, Any]:
        """Named points: what the instance gave, and random ones around it at several scales."""
        known: list[Any] = []
        for value in self.given.values():
            known += [v for v in (value if isinstance(value, (list, tuple)) else [value]) if np.ndim(v) == 2]
        known = [v for v in known if v.shape[0] == self.size]
        if not known:
            return {}
        shapes = {v.shape for v in known}
        if len(shapes) != 1:
            return {}
        host = [np.asarray(self.xp.to_host(v), dtype=float) for v in known]
        spread = max(
            max(float(np.abs(v - host[0]).max()) for v in host), max(float(np.abs(v).max()) for v in host), 1e-3
        )
        points = dict(zip((Vector(f"given {k}") for k in range(_POINTS // 2)), host, strict=False))
        for k in range(_POINTS):
            centre = host[rng.integers(len(host))]
            scale = spread * 10.0 ** rng.uniform(-3, 1, size=(self.size, 1))
            points[Vector(f"point {k}")] = centre + scale * rng.standard_normal(centre.shape)
        return {name: self.xp.from_host(v) for name, v in points.items()}

    # -- values -----------------------------------------------------------------------------------------------------

    def vector(self, expr: Any) -> Any:
        """Value of a vector expression, shape (size, d)."""
        total: Any = 0
        for atom, coefficient in linear_parts(expr).items():
            scale = self.scalar(coefficient)
            total = total + (scale[:, None] if np.ndim(scale) == 1 else scale) * self._atom(atom)
        return total

    def _atom(self, atom: Any) -> Any:
        if atom in self.points:
            return self.points[atom]
        name = str(atom.func.__name__) if atom.args else str(atom)
        if not atom.args:
            return self._named(name)
        if name.startswith("grad_") and name[5:] in self.given:
            return self._named(name[5:]).grad(self.vector(atom.args[0]))
        thing = self._named(name)
        if callable(thing):
            return thing(self.vector(atom.args[0]))
        index = sympy.sympify(atom.args[0])
        if not (index.is_Integer and 0 <= index < len(thing)):
            raise _UnknownError(str(atom))
        return thing[int(index)]

    def _named(self, name: str) -> Any:
        if name not in self.given:
            raise _UnknownError(name)
        return self.given[name]

    def scalar(self, expr: Any) -> Any:
        """Value of a scalar expression, a number or an array (size,)."""
        expr = sympy.sympify(expr)
        atoms = {a for a in expr.atoms(sympy.Function) if isinstance(a, Inner) or self._is_value(a)}
        atoms = {a for a in atoms if not any(a is not b and b.has(a) for b in atoms)}
        stand, values = {}, dict(self.values)
        for k, a in enumerate(sorted(atoms, key=sympy.default_sort_key)):
            stand[a] = sympy.Symbol(f"value {k}", real=True)
            if isinstance(a, Inner):
                values[f"value {k}"] = self.xp.sum(self.vector(a.args[0]) * self.vector(a.args[1]), axis=-1)
            else:
                values[f"value {k}"] = self._named(a.func.__name__).value(self.vector(a.args[0]))
        return evaluate(expr.xreplace(stand), values, self.xp)

    def _is_value(self, a: Any) -> bool:
        return isinstance(a, sympy.core.function.AppliedUndef) and not is_vector_atom(a) and len(a.args) == 1

    # -- relations --------------------------------------------------------------------------------------------------

    def excess(self, relation: Any) -> float:
        """How far a relation is from holding on the worst row, relative to its largest term; <= 0 where it holds."""
        left, right = relation.lhs, relation.rhs
        if getattr(left, "is_Matrix", False) or getattr(right, "is_Matrix", False):
            return self._matrix_excess(relation)
        if isinstance(relation, sympy.Eq) and _is_vector(left - right):
            return self._vector_excess(left - right)
        terms = [self._host(self.scalar(t)) for side in (left, right) for t in sympy.Add.make_args(sympy.expand(side))]
        count = len(sympy.Add.make_args(sympy.expand(left)))
        gap = np.asarray(sum(terms[:count]) - sum(terms[count:]))
        scale = _scale(np.max([np.broadcast_to(np.abs(t), np.shape(gap)) for t in terms], axis=0))
        return float(np.max(_wrong(relation, gap) / scale))

    def _vector_excess(self, difference: Any) -> float:
        parts = [
            self._host(self.vector(atom)) * self._host(self.scalar(c)).reshape(-1, 1)
            for atom, c in linear_parts(difference).items()
        ]
        scale = _scale(np.max([np.abs(p).max(axis=-1) for p in parts], axis=0))
        return float(np.max(np.abs(sum(parts)).max(axis=-1) / scale))

    def _matrix_excess(self, relation: Any) -> float:
        if not isinstance(relation, sympy.Eq):
            raise _UnknownError(str(relation))
        letters = {m for side in relation.args for m in side.atoms(sympy.MatrixSymbol)}
        values = dict(self.values)
        for m in letters:
            sequence = str(m.args[0]) if isinstance(m, MatrixTerm) else m.name
            thing = self._named(sequence)
            if isinstance(m, MatrixTerm):
                if not (m.index.is_Integer and 0 <= m.index < len(thing)):
                    raise _UnknownError(str(m))
                thing = thing[int(m.index)]
            values[m.name] = thing
        left, right = (self._host(evaluate_matrix(side, values, self.xp)) for side in relation.args)
        scale = max(float(np.abs(left).max()), float(np.abs(right).max()), 1e-300)
        return float(np.abs(left - right).max()) / scale

    def _host(self, value: Any) -> np.ndarray:
        enters = hasattr(value, "shape") or isinstance(value, Interval)
        return np.asarray(self.xp.to_host(value) if enters else value, dtype=float)


def _scale(sizes: np.ndarray) -> np.ndarray:
    """What gaps are compared with: a row whose terms are next to nothing beside the others' is all rounding."""
    return np.maximum(sizes, max(_NEGLIGIBLE * float(np.max(sizes)), 1e-300))


def _is_vector(expr: Any) -> bool:
    try:
        return bool(linear_parts(expr))
    except ValueError:
        return False


def _wrong(relation: Any, gap: np.ndarray) -> np.ndarray:
    if isinstance(relation, sympy.Eq):
        return np.abs(gap)
    return -gap if isinstance(relation, (sympy.Ge, sympy.Gt)) else gap


def _uses(schema: Callable[..., Any], instance: Instance) -> Iterator[tuple[Any, ...]]:
    """Arguments to try: points for points, small integers for indices."""
    needed = [p for p in inspect.signature(schema).parameters.values() if p.kind in (0, 1)]
    required = sum(p.default is p.empty for p in needed)
    names = list(instance.points)
    for count in sorted({required, min(len(needed), max(required, 1))}):
        if count == 0:
            yield ()
            continue
        for k in range(2 * len(names)):
            yield tuple(names[(k + j * (1 + k // len(names))) % len(names)] for j in range(count))
        yield from itertools.product([sympy.Integer(k) for k in range(4)], repeat=count)


def violated(assumption: Assumption, instance: Instance) -> float | None:
    """Largest relative excess of an assumption on the instance; None where it can not be evaluated."""
    return max((e for e in excesses(assumption, instance) if np.isfinite(e)), default=None)


def excesses(assumption: Assumption, instance: Instance) -> list[float]:
    """Relative excess of each use of an assumption that the instance can be asked about; infinite where it has none."""
    out: list[float] = []
    if assumption.schema is None:
        return out
    for arguments in _uses(assumption.schema, instance):
        if len(out) >= _TRIALS:
            break
        try:
            if assumption.where is not None:
                needed = assumption.where(*arguments)
                conditions = needed if isinstance(needed, Sequence) else [needed]
                if any(np.min(instance._host(instance.scalar(c))) < 0 for c in conditions):
                    continue
            relations = assumption.schema(*arguments)
            relations = relations if isinstance(relations, list) else [relations]
            found = [
                instance.excess(r) for r in relations if r.free_symbols or r.atoms(sympy.core.function.AppliedUndef)
            ]
        except (_UnknownError, ClaimError, ValueError, TypeError, AttributeError, LookupError):
            continue
        if not found:
            continue  # it says nothing of the instance, like f(0) >= f(0)
        out.append(max(found) if all(np.isfinite(found)) else np.inf)
    return out


def check_instance(lab: Laboratory, rows: Mapping[str, np.ndarray], size: int) -> list[str]:
    """Names of the assumptions that were evaluated on the last instance; all of them hold there.

    Raises
    ------
    ExperimentError
        an assumption is violated by the instances that ``simulate`` made, or the instance is no mapping
    """
    instance = _instance(lab, rows, size)
    checked = []
    with np.errstate(all="ignore"):
        for assumption in lab.claim.assumptions:
            excess = violated(assumption, instance)
            if excess is None:
                continue
            if excess > _ROUNDING:
                raise _refused(assumption, excess)
            checked.append(assumption.name)
    return checked


def check_violation(lab: Laboratory, draws: Sequence[Primitive]) -> None:
    """As `check_instance` for the one instance with these draws, at which the claim is violated.

    What seems to violate an assumption there is looked at again in interval arithmetic: next to a minimum the values of
    a function are all rounding in floats, and one row has no others that would tell its size.
    """
    instance = _instance(lab, lab.run_on(Replayer(draws), 1), 1)
    with np.errstate(all="ignore"):
        found = [(a, excesses(a, instance)) for a in lab.claim.assumptions]
        for assumption, rough in found:
            excess = max((e for e in rough if np.isfinite(e)), default=0.0)
            if excess > _ROUNDING and not _holds_exactly(lab, draws, assumption, rough):
                raise _refused(assumption, excess)


def _holds_exactly(lab: Laboratory, draws: Sequence[Primitive], assumption: Assumption, rough: Sequence[float]) -> bool:
    """Whether every use of the assumption that floats find violated holds in interval arithmetic."""
    for bits in _PRECISIONS:
        try:
            with lab.enclosed(draws, bits, _SECONDS) as inside:
                instance = Instance(inside.result.get("instance") or {}, inside.values, inside.xp, 1)
                exact = excesses(assumption, instance)
        except UndecidedError:
            continue
        except (GdverifyError, TypeError, AttributeError, ValueError, ArithmeticError, LookupError):
            return False
        pairs = zip(rough, exact, strict=False)
        return len(rough) == len(exact) and all(e <= _ROUNDING for r, e in pairs if np.isfinite(r) and r > _ROUNDING)
    return False


def _instance(lab: Laboratory, rows: Mapping[str, np.ndarray], size: int) -> Instance:
    """What the last run returned as "instance"."""
    given = lab.instance if lab.instance is not None else {}
    if not isinstance(given, Mapping):
        raise ExperimentError("'instance' must be a dict by letter: functions, vectors, sequences, matrices")
    seen = {name: v for name, v in rows.items() if v.ndim == 0 or v.shape == (size,)}
    values = named_values({k: lab.xp.from_host(v) for k, v in seen.items()}, lab.case, lab.definitions, lab.xp)
    return Instance(given, values, lab.xp, size)


def _refused(assumption: Assumption, excess: float) -> ExperimentError:
    return ExperimentError(f"the instances violate {assumption.name!r} (by {excess:.2g} of its largest term)")
