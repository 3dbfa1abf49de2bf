"""One experiment at one case: running the author's ``simulate`` on any source of draws, in floats or intervals."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import sympy

from ..claim import Claim, Evidence
from ..decision import Counterexample, ProbabilityBound
from ..domain import Case
from ..errors import ClaimError, ExperimentError, GdverifyError, one_line
from ..evaluate import evaluate
from .backend import Namespace, namespace
from .ball import Interval, precision
from .interval import IntervalCase, IntervalNamespace
from .random import Draws, KeyedStreams, Primitive, Recorder, Replayer, Source, stream_key

_ROWS = ("quantity", "left", "right", "attained", "drift", "quantity_error", "scale")
_OTHER = ("n", "h", "floor")
_FIELDS = ("bound", "value", "attained", "threshold", "exponent", "limit", "rate")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "rate": ("n", "quantity"),
    "limit-law": ("n", "quantity"),
    "conserved": ("h", "drift", "floor"),
}


def named_values(
    seen: Mapping[str, Any], case: Mapping[str, Any], defines: Mapping[str, Any], xp: Any
) -> dict[str, Any]:
    """Values by name: the case's, the definitions that can be worked out, and what the instance brought (it wins)."""
    numbers = (int, float, Fraction)
    values = {k: xp.number(v) if isinstance(v, numbers) and not isinstance(v, bool) else v for k, v in case.items()}
    values.update(seen)
    for _ in range(2):  # definitions may use one another in any order
        for name, expr in defines.items():
            if name not in seen:
                with contextlib.suppress(ClaimError):
                    values[name] = evaluate(expr, values, xp)
    return values


class Setting(Case):
    """The case that ``simulate`` reads; `at` gives it with other values and its definitions worked out again.

    Along the grid of a rate or a limit, ``case.at(n=8).eta`` is what the statement says eta is at n = 8.
    """

    def __init__(self, values: Mapping[str, Any], again: Callable[[Mapping[str, Any]], Setting]):
        super().__init__(values)
        self._again = again

    def at(self, **values: Any) -> Setting:
        setting = self._again(values)
        self.read.update(values)
        setting.read = self.read  # what is read along a grid is read
        return setting


class Enclosed(NamedTuple):
    """One instance in interval arithmetic: what ``simulate`` returned, the row of what is used, and values by name."""

    xp: IntervalNamespace
    result: Mapping[str, Any]
    row: dict[str, Any]
    values: dict[str, Any]


class Laboratory:
    """Runs ``evidence`` of ``claim`` at ``case``.

    Attributes
    ----------
    rows : rows per block
    drawn : number of draws of the last run (0: ``simulate`` ignores its ``rng``)
    by_row : how many of them were for each row, not shared by all
    definitions : the claim's, by name
    """

    def __init__(self, claim: Claim, evidence: Evidence, case: Case, *, seed: int, rows: int, device: str = "cpu"):
        self.claim, self.evidence, self.case = claim, evidence, case
        self.rows, self.seed = rows, seed
        self.xp: Namespace = namespace(device)
        self.host = namespace("cpu")
        self.key = stream_key(seed, claim.id, evidence.name, case.plain())
        self.drawn = self.by_row = 0
        self.returned: set[str] = set()
        self.instance: Any = None  # what the last run returned as "instance" (see `hypotheses`)
        self._last: tuple[int, dict[str, np.ndarray], Recorder] | None = None
        self.definitions = {s.name: expr for s, expr in claim.defines.items()}
        self._float_case = self._setting({})
        self._fields = {
            name: sympy.sympify(value)
            for name in _FIELDS
            if (value := getattr(claim.decides, name, None)) is not None and not isinstance(value, str)
        }
        self._used = {s.name for e in self._fields.values() for s in e.free_symbols}
        self._used |= {s.name for e in claim.defines.values() for s in sympy.sympify(e).free_symbols}
        self._used |= {name for name, dom in claim.domains.items() if dom.observed}
        self._in_fields = self._names_in_fields()
        atoms = [sympy.sympify(e).atoms(sympy.MatrixSymbol) for e in claim.decides.expressions().values()]
        self._letters = {s.name for found in atoms for s in found}

    def _names_in_fields(self) -> set[str]:
        """What the decision's expressions mention, through definitions too: worked out for the experiment."""
        names = {s.name for e in self._fields.values() for s in e.free_symbols}
        for _ in self.definitions:
            names |= {
                s.name for n in names & set(self.definitions) for s in sympy.sympify(self.definitions[n]).free_symbols
            }
        return names

    def unread(self, returned: Iterable[str]) -> list[str]:
        """Symbols of the regime that ``simulate`` neither looked up nor returned: it does not test them.

        Definitions too, unless the decision itself mentions them: a step size that only the assumptions mention is
        the experiment's to follow.
        The constants of a statement that is refuted are not the instance's business: it need not know them.  Nor is the
        level at which a probability is looked at: c in P(Q > c), delta in P(Q > c(delta)) <= delta.
        """
        decision = self.claim.decides
        skip = {*returned, *self._float_case.read, getattr(getattr(decision, "variable", None), "name", None)}
        if isinstance(decision, Counterexample):
            skip |= {s.name for s in sympy.sympify(decision.bound).free_symbols}
        if isinstance(decision, ProbabilityBound):
            threshold, bound = sympy.sympify(decision.threshold), sympy.sympify(decision.bound)
            skip |= {s.name for s in (threshold, bound) if s.is_Symbol and s in threshold.free_symbols}
        symbols = [name for name, dom in self.claim.domains.items() if not dom.observed and name not in skip]
        known = [name for name in self.definitions if name in self._float_case]  # others depend on the instance
        return symbols + [name for name in known if name not in skip | self._in_fields]

    # -- running --------------------------------------------------------------------------------------------------

    def run(self, first: int, blocks: int) -> dict[str, np.ndarray]:
        """Checked results of ``blocks`` blocks from the keyed streams, on the host, in float64."""
        return self.run_on(self.streams(first, blocks), blocks * self.rows)

    def streams(self, first: int, blocks: int) -> Source:
        """The keyed draws of these blocks, made where they are used."""
        if self.xp.device != "cuda":
            return KeyedStreams(self.key, first, blocks, self.rows)
        from .device import DeviceStreams

        return DeviceStreams(self.xp, self.key, first, blocks, self.rows)

    def record(self, block: int) -> tuple[dict[str, np.ndarray], Recorder]:
        """One block again, with its draws (the last one asked for is kept)."""
        if self._last is None or self._last[0] != block:
            recorder = Recorder(self.streams(block, 1))
            self._last = (block, self.run_on(recorder, self.rows), recorder)
        return self._last[1], self._last[2]

    def run_on(self, source: Source, size: int) -> dict[str, np.ndarray]:
        """Checked results with draws from any source.

        Raises
        ------
        ExperimentError
            the author's code raised, or returned a wrong shape, a missing key or a non-finite number
        MemoryError
            the batch did not fit (so does CuPy's OutOfMemoryError)
        """
        rng = Draws(self.xp, source, size)
        with np.errstate(all="ignore"):
            result = self._call(self.xp, rng, self._float_case, size)
        self.drawn, self.by_row = rng.drawn, rng.by_row
        self.returned, self.instance = set(result), result.get("instance")
        return self._checked(result, size)

    def _call(self, xp: Any, rng: Draws, case: Case, size: int) -> Mapping[str, Any]:
        try:
            result = self.evidence.function(xp, rng, case, size)
        except GdverifyError:
            raise
        except Exception as problem:
            if self.xp.is_out_of_memory(problem) or self.xp.is_lost(problem):
                raise
            raise ExperimentError(self._describe(problem)) from problem
        if not isinstance(result, Mapping):
            raise ExperimentError(f"simulate returned {type(result).__name__}, not a dict of arrays")
        return result

    def _describe(self, problem: BaseException) -> str:
        """One line: type, text, and the line of the claim file."""
        code = getattr(self.evidence.function, "__code__", None)
        line = None
        for frame in traceback.extract_tb(problem.__traceback__):
            if code is not None and frame.filename == code.co_filename:
                line = frame.lineno
        text = one_line(problem)
        where = f" (line {line} of {code.co_filename.rsplit('/', 1)[-1]})" if line and code is not None else ""
        return f"{type(problem).__name__}: {text}{where}" if text else f"{type(problem).__name__}{where}"

    def _checked(self, result: Mapping[str, Any], size: int) -> dict[str, np.ndarray]:
        kind = self.claim.decides.kind
        required = _REQUIRED.get(kind, ())
        if not required and not ("quantity" in result or (kind == "identity" and {"left", "right"} <= set(result))):
            required = ("quantity",)
        for name in required:
            if name not in result:
                raise ExperimentError(f"simulate returned {sorted(result)}; {name!r} is missing")
        out: dict[str, np.ndarray] = {}
        known = {k: v for k, v in result.items() if k in _ROWS or k in _OTHER or k in self._used}
        brought = self.xp.bring(known)
        for name, value in known.items():
            try:
                array = np.asarray(brought[name] if name in brought else self.xp.to_host(value))
                if array.dtype.kind == "c":
                    raise TypeError("it is complex")
                array = array.astype(np.float64)
            except (TypeError, ValueError, OverflowError) as problem:
                raise ExperimentError(f"{name!r} is not an array of real numbers: {problem}") from None
            self._check_shape(name, array, size)
            if not np.all(np.isfinite(array)):
                bad = int(array.size - np.isfinite(array).sum())
                raise ExperimentError(f"{name!r} has {bad} non-finite entries of {array.size}", _rows(array, size))
            out[name] = array
        self._check_observed(out)
        return out

    def _check_shape(self, name: str, array: np.ndarray, size: int) -> None:
        grid = self.claim.decides.kind in ("rate", "limit-law", "conserved")
        if grid and name in ("n", "h"):
            good = array.ndim == 1 and array.size >= 3
            wanted = "(k,) with k >= 3"
        elif grid and name in ("quantity", "drift"):
            good, wanted = array.ndim == 2 and len(array) == size, f"({size}, k)"
        elif name in ("quantity", "left", "right"):
            good, wanted = array.shape == (size,), f"({size},)"
            if self.claim.decides.kind == "identity":
                good, wanted = array.ndim >= 1 and len(array) == size, f"({size}, ...)"
        elif name in self._letters:
            good = array.ndim == 2 or (array.ndim == 3 and len(array) == size)
            wanted = f"(r, c) or ({size}, r, c)"
        else:
            good, wanted = array.ndim == 0 or array.shape == (size,), f"({size},) or a number"
        if not good:
            raise ExperimentError(f"{name!r} has shape {array.shape}, expected {wanted}")

    def _check_observed(self, rows: Mapping[str, np.ndarray]) -> None:
        """Observed symbols must lie in the domain that the claim gives them (to rounding)."""
        for symbol, domain in self.claim.symbols.items():
            if not domain.observed or symbol.name not in rows:
                continue
            values, seen = self.values(rows), rows[symbol.name]
            slack = 1e-9 * (1 + np.abs(seen))
            for end, sign in ((domain.low, 1), (domain.high, -1)):
                if end is None or end in (sympy.oo, -sympy.oo):
                    continue
                outside = sign * (seen - evaluate(end, values, self.host)) < -slack
                if np.any(outside):
                    raise ExperimentError(f"{symbol.name} leaves its domain {domain.describe()}", outside)

    # -- values of expressions --------------------------------------------------------------------------------

    def values(self, rows: Mapping[str, Any]) -> dict[str, Any]:
        """Float values by name on every row."""
        seen = {k: v for k, v in rows.items() if k in self._used}
        return named_values(seen, self.case, self.definitions, self.host)

    def evaluate(self, expr: Any, rows: Mapping[str, np.ndarray], size: int) -> np.ndarray:
        """Float value of one of the claim's expressions on every row, shape (size,)."""
        with np.errstate(all="ignore"):
            try:
                value = np.asarray(evaluate(expr, self.values(rows), self.host), dtype=np.float64)
            except (ZeroDivisionError, OverflowError) as problem:
                raise ExperimentError(f"{expr} at this case: {problem}") from None
        if not np.all(np.isfinite(value)):
            raise ExperimentError(f"{expr} is not finite at this case", _rows(value, size))
        return np.broadcast_to(value, (size,))

    def enclose(self, draws: Sequence[Primitive], bits: int, seconds: float, reading: int = 0) -> dict[str, Any]:
        """The instance with these draws in interval arithmetic; also every expression of the decision, by field.

        ``reading`` of rounded constants: see `ball`.

        Raises
        ------
        UndecidedError
            more bits are needed
        ExperimentError
            an operation has no interval version, or time ran out
        """
        with self.enclosed(draws, bits, seconds, reading) as inside:
            row = dict(inside.row)
            for name, expr in self._fields.items():
                if name not in row and not (name == "bound" and "right" in row):  # an identity may sample both sides
                    row[name] = Interval(evaluate(expr, inside.values, inside.xp))
            return row

    @contextlib.contextmanager
    def enclosed(self, draws: Sequence[Primitive], bits: int, seconds: float, reading: int = 0) -> Iterator[Enclosed]:
        """``simulate`` run on these draws in interval arithmetic, which goes on until the end of the ``with`` block."""
        with precision(bits, seconds, reading):
            xp = IntervalNamespace()
            case = IntervalCase({**self.case, **self._worked_out(xp, self.case)})
            result = self._call(xp, Draws(xp, Replayer(draws), 1), case, 1)
            kept = {k: v for k, v in result.items() if k in _ROWS or k in self._used}
            shared = [k for k in self._letters if getattr(kept.get(k), "ndim", 0) == 2]  # one matrix for all rows
            row = {k: v if k in shared else _first_row(k, v) for k, v in kept.items()}
            seen = {k: v for k, v in row.items() if k in self._used}
            yield Enclosed(xp, result, row, named_values(seen, self.case, self.definitions, xp))

    def _setting(self, changes: Mapping[str, Any]) -> Setting:
        values = {**self.case, **changes}
        return Setting({**values, **self._worked_out(self.host, values, integers=True)}, self._setting)

    def _worked_out(self, xp: Any, case: Mapping[str, Any], integers: bool = False) -> dict[str, Any]:
        """Definitions that the case alone determines."""
        values, out = named_values({}, case, self.definitions, xp), {}
        for name, expr in self.definitions.items():
            if name in values:
                value = values[name]
                if integers:
                    value = round(float(value)) if sympy.sympify(expr).is_integer else float(value)
                out[name] = value
        return out


def _rows(array: np.ndarray, size: int) -> Any:
    """Which rows hold what is not finite; None where the array has no rows."""
    return ~np.isfinite(array).reshape(size, -1).all(axis=1) if array.ndim and len(array) == size else None


def _first_row(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.ndim:
        if value.shape[0] != 1:
            raise ExperimentError(f"{name!r} has {value.shape[0]} rows for size = 1")
        value = value[0]
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
    if isinstance(value, np.ndarray):
        return value
    return Interval(value)
