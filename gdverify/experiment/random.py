"""Random draws keyed by what they are for, and the same interface for recorded, replayed and perturbed draws.

Every draw of an experiment is a fixed function of *primitive* draws (standard normals and uniforms).  Primitives
come from a source: keyed streams (sampling; `device` has those of a GPU), a recorder around them, saved draws of one
row (rechecks in interval arithmetic, replay), or the points of a directed search.

Streams are keyed by (seed, claim, evidence, case, block, draw number) and each block of rows has its own
generator, so the numbers depend neither on the batch size nor on the worker or the order of work.  The number and
the shapes of the draws that ``simulate`` makes must not depend on the values drawn.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..errors import ExperimentError
from .backend import namespace


def stream_key(*parts: Any) -> bytes:
    """128-bit key of a stream; ``parts`` are anything JSON can say."""
    text = json.dumps(parts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Primitive:
    """One primitive draw: ``kind`` is normal or uniform; ``array`` has rows first unless ``shared``."""

    kind: str
    shared: bool
    array: np.ndarray


class Source(Protocol):
    """Where primitive draws come from; ``shape`` includes the rows unless ``shared``."""

    def draw(self, kind: str, shape: tuple[int, ...], shared: bool) -> np.ndarray: ...


class KeyedStreams:
    """Primitive draws for consecutive blocks of rows.

    Parameters
    ----------
    key : names the experiment (see `stream_key`)
    first : index of the first block
    blocks : number of blocks in this batch
    rows : rows per block
    """

    def __init__(self, key: bytes, first: int, blocks: int, rows: int):
        self.key, self.first, self.blocks, self.rows = key, first, blocks, rows
        self.count = 0  # draws made, shared ones included

    def draw(self, kind: str, shape: tuple[int, ...], shared: bool) -> np.ndarray:
        number, self.count = self.count, self.count + 1
        out = np.empty(shape)
        if shared:
            self._fill(kind, out, "shared", number)
        else:
            for b in range(self.blocks):
                self._fill(kind, out[b * self.rows : (b + 1) * self.rows], self.first + b, number)
        return out

    def _fill(self, kind: str, out: np.ndarray, block: Any, number: int) -> None:
        tag = f"{block}/{number}".encode()
        digest = hashlib.blake2b(tag, digest_size=16, key=self.key).digest()
        generator = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
        # A 0-d shared draw needs no special case: `out` accepts it.
        (generator.standard_normal if kind == "normal" else generator.random)(out=out)


class Recorder:
    """A source that remembers what another one gave."""

    def __init__(self, source: Source):
        self.source = source
        self.draws: list[Primitive] = []

    def draw(self, kind: str, shape: tuple[int, ...], shared: bool) -> np.ndarray:
        array = self.source.draw(kind, shape, shared)
        self.draws.append(Primitive(kind, shared, array))
        return array

    def row(self, index: int) -> list[Primitive]:
        """The draws of one row, on the host (copies, so that the batch can be freed)."""
        return [
            Primitive(p.kind, p.shared, _own(p.array if p.shared else p.array[index : index + 1])) for p in self.draws
        ]


class Replayer:
    """The saved draws of one row, in order.

    Raises
    ------
    ExperimentError
        the simulation asks for other draws than were saved
    """

    def __init__(self, draws: Sequence[Primitive]):
        self.draws = list(draws)
        self.position = 0

    def draw(self, kind: str, shape: tuple[int, ...], shared: bool) -> np.ndarray:
        if self.position >= len(self.draws):
            raise ExperimentError(f"replay: draw {self.position + 1} was not saved")
        saved = self.draws[self.position]
        self.position += 1
        if (saved.kind, saved.shared, saved.array.shape) != (kind, shared, shape):
            raise ExperimentError(
                f"replay: draw {self.position} is {kind}{shape}, but {saved.kind}{saved.array.shape} was saved"
            )
        return saved.array


class Draws:
    """The ``rng`` that ``simulate`` receives.

    Shapes are tuples (or one int) whose first entry is the number of rows, ``size``; `shared` has the same methods
    without that rule, for what all rows of a case have in common.  Parameters of distributions are numbers, or
    arrays that broadcast with ``shape``.
    """

    def __init__(self, xp: Any, source: Source, rows: int | None, root: Draws | None = None):
        self._xp, self._source, self._rows = xp, source, rows
        # In interval arithmetic, draws that are plain data are computed in floats and then taken as exact.
        self._work = namespace("cpu") if xp.interval else xp
        self._root = root or self
        self.drawn = self.by_row = 0
        if rows is not None:
            self.shared = Draws(xp, source, None, self)

    # -- primitives ---------------------------------------------------------------------------------------------

    def _primitive(self, kind: str, shape: Any) -> np.ndarray:
        shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if not all(isinstance(n, (int, np.integer)) and n >= 0 for n in shape):
            raise ExperimentError(f"rng.{kind}: {shape} is not a shape")
        shape = tuple(int(n) for n in shape)
        if self._rows is not None and (not shape or shape[0] != self._rows):
            raise ExperimentError(
                f"rng.{kind}{shape}: the first dimension must be size = {self._rows} (or use rng.shared)"
            )
        self._root.drawn += 1
        self._root.by_row += self._rows is not None
        return self._source.draw(kind, shape, self._rows is None)

    def _normal(self, shape: Any) -> Any:
        return self._xp.from_host(self._primitive("normal", shape))

    def _uniform(self, shape: Any) -> Any:
        return self._xp.from_host(self._primitive("uniform", shape))

    def _data(self, shape: Any) -> Any:
        return self._work.from_host(self._primitive("uniform", shape))

    def _give(self, data: Any) -> Any:
        return self._xp.from_host(data) if self._xp.interval else data

    # -- distributions ------------------------------------------------------------------------------------------

    def normal(self, shape: Any) -> Any:
        """Independent standard normals."""
        return self._normal(shape)

    def uniform(self, shape: Any, low: Any = 0, high: Any = 1) -> Any:
        """Uniform on [low, high)."""
        u = self._uniform(shape)
        if isinstance(low, int) and isinstance(high, int) and (low, high) == (0, 1):
            return u
        return low + (high - low) * u

    def signs(self, shape: Any) -> Any:
        """Independent -1.0 or 1.0 with equal probability."""
        w = self._work
        return self._give(w.where(self._data(shape) < 0.5, w.asarray(-1.0), w.asarray(1.0)))

    def bernoulli(self, p: Any, shape: Any) -> Any:
        """1.0 with probability p, else 0.0."""
        w = self._work
        return self._give(w.where(self._data(shape) < _floats(p), w.asarray(1.0), w.asarray(0.0)))

    def integers(self, low: int, high: int, shape: Any) -> Any:
        """Integers (int64) uniform on low, ..., high - 1."""
        if high <= low:
            raise ExperimentError(f"rng.integers({low}, {high}): empty range")
        w = self._work
        k = w.astype(w.floor(self._data(shape) * (int(high) - int(low))), w.int64)
        return self._give(w.minimum(k, w.asarray(int(high) - int(low) - 1)) + int(low))

    def choice(self, p: Any, shape: Any) -> Any:
        """Indices (int64) drawn with the probabilities ``p``."""
        p = np.asarray(_floats(p), dtype=float)
        if p.ndim != 1 or not np.all(p >= 0) or abs(p.sum() - 1) > 1e-9:
            raise ExperimentError("rng.choice: the probabilities must be non-negative and sum to 1")
        w = self._work
        edges = w.from_host(np.cumsum(p)[:-1])
        u = self._data(shape)
        return self._give(w.sum(w.astype(u[..., None] >= edges, w.int64), axis=-1))

    def permutation(self, shape: Any) -> Any:
        """Independent uniform permutations (int64) of 0, ..., shape[-1] - 1 along the last axis."""
        return self._give(self._work.argsort(self._data(shape), axis=-1))

    def exponential(self, shape: Any) -> Any:
        """Exponential with mean 1."""
        return self._give(-self._work.log1p(-self._data(shape)))

    def gamma(self, k: Any, shape: Any) -> Any:
        """Gamma with shape parameter k and scale 1, by inversion."""
        k = self._work.asarray(k) if isinstance(k, (list, tuple)) else k
        return self._give(self._work.gammaincinv(_floats(k), self._data(shape)))

    def student_t(self, df: Any, shape: Any) -> Any:
        """Student's t with ``df`` degrees of freedom."""
        z = self._normal(shape)
        half = _floats(df) / 2
        return z * self._xp.sqrt(half / self.gamma(half, shape))

    def dirichlet(self, alpha: Any, shape: Any) -> Any:
        """Points of the simplex along the last axis; ``alpha`` is a number or one number per coordinate."""
        g = self.gamma(alpha, shape)
        return g / self._xp.sum(g, axis=-1, keepdims=True)

    def sphere(self, shape: Any) -> Any:
        """Unit vectors along the last axis, uniform on the sphere."""
        z = self._normal(shape)
        return z / self._xp.sqrt(self._xp.sum(z * z, axis=-1, keepdims=True))

    def haar(self, shape: Any) -> Any:
        """Orthogonal matrices, uniform on the group, along the last two (equal) axes."""
        z = self._work.from_host(self._primitive("normal", shape))
        if z.shape[-1] != z.shape[-2]:
            raise ExperimentError(f"rng.haar{tuple(z.shape)}: the last two dimensions must be equal")
        q = self._work.linalg.qr(z)[0]  # R has a non-negative diagonal, which makes Q exactly Haar
        # A recheck takes the orthogonal matrix next to this one, which there is for a singular z too.
        return self._xp.linalg.qr(self._give(q))[0] if self._xp.interval else q


def _own(array: Any) -> np.ndarray:
    return array.get() if hasattr(array, "get") else array.copy()


def _floats(x: Any) -> Any:
    """Parameters of a data draw as floats (in interval arithmetic they come as intervals)."""
    if isinstance(x, np.ndarray) and x.dtype == object:
        return np.vectorize(float, otypes=[float])(x)
    if hasattr(x, "middle"):
        return x.middle()
    if isinstance(x, (list, tuple)):
        return [_floats(v) for v in x]
    return x
