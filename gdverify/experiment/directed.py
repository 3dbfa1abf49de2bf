"""Directed search over the instances of one experiment at one case.

What is searched is the space of an instance's recorded primitive draws.  One generation is one batch of ``simulate``:
a part of it comes from evolution strategies (`evolution`), the rest from mutations of the best instances so far, with
kicks to the corners of the space, which continuous steps do not reach and where the extreme instances of bounds lie.
Every number depends on the seed alone, not on how a batch is cut to fit into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ExperimentError
from .evolution import Strategies, ranked
from .laboratory import Laboratory
from .random import Primitive, stream_key

_BELOW_ONE = 1 - 2.0**-53
_FAR = 6.0  # a draw of k normals is kept within a radius of sqrt(k) + 6, where practically all of its law lies
_STORED = 2**23  # numbers that the best instances may take up
_GAIN = 1e-7  # what counts as progress of a score
_PATIENCE = 25  # generations without progress, after which the search begins anew elsewhere
_MOVED = 2**24  # numbers that a generation may take up
_SIGMAS = (0.5, 0.1, 1.0, 0.02)
_SPLITS = 24  # extra calls in a generation, to set aside rows that are no instances

Score = Callable[[dict[str, np.ndarray], int], tuple[np.ndarray, np.ndarray, np.ndarray]]


def _ties(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """What orders instances whose score says nothing: a ratio too small to be told from 0, or one side that is 0."""
    tiny = np.finfo(float).tiny
    ratio = np.log(np.maximum(left, tiny)) - np.log(np.maximum(right, tiny))
    return np.where(right > 0, ratio, left - right)


class Candidates:
    """A source that gives prepared draws: row i of every draw is a slice of row i of ``points``."""

    def __init__(self, template: Sequence[Primitive], points: np.ndarray):
        self.template, self.points = template, points
        self.position = self.column = 0

    def draw(self, kind: str, shape: tuple[int, ...], shared: bool) -> np.ndarray:
        if self.position >= len(self.template):
            raise ExperimentError("the number of draws depends on the values drawn; it must not")
        saved = self.template[self.position]
        self.position += 1
        if (saved.kind, saved.shared, saved.array.shape[0 if shared else 1 :]) != (
            kind, shared, shape[0 if shared else 1 :],
        ):  # fmt: skip
            raise ExperimentError("the shapes of the draws depend on the values drawn; they must not")
        if shared:
            return saved.array
        width = int(np.prod(shape[1:], dtype=int))
        block = self.points[:, self.column : self.column + width]
        self.column += width
        return np.ascontiguousarray(block).reshape(shape)


class Found:
    """One evaluated instance: its score (relative excess over the bound), both sides and its point."""

    def __init__(self, key: np.ndarray, point: np.ndarray):
        self.score, self.tie, self.left, self.right = (float(x) for x in key)
        self.point = point


class Search:
    """Maximises the relative excess of an experiment's quantity over its bound.

    Parameters
    ----------
    lab : the experiment at one case
    score : ``(rows, size) -> (score, left, right)``, each (size,); a score above 0 is a violation
    template : draws of any row: kinds, shapes, and what all rows share
    seed : names the random numbers of this search
    population : candidates in a generation (fewer where instances are very large)
    chunk : candidates evaluated at once, at most
    """

    def __init__(
        self, lab: Laboratory, score: Score, template: Sequence[Primitive], *, seed: Any, population: int, chunk: int
    ):
        self.lab, self.score, self.template = lab, score, list(template)
        self.chunk = max(1, chunk)
        self.rng = np.random.Generator(np.random.Philox(key=int.from_bytes(stream_key(lab.key.hex(), seed), "little")))
        own = [p for p in self.template if not p.shared and p.array.size]
        sizes = [int(np.prod(p.array.shape[1:], dtype=int)) for p in own]
        self.n = sum(sizes)
        self.population = min(population, max(8, _MOVED // max(self.n, 1)))
        self.uniform = np.repeat([p.kind == "uniform" for p in own], sizes).astype(bool)
        self.group = np.repeat(np.arange(len(own)), sizes)
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        self.reach = np.sqrt(sizes) + _FAR
        self.spread = np.where(self.uniform, 0.3, 1.0)
        self.kept = int(np.clip(_STORED // max(self.n, 1), 8, 64))
        self.points = np.empty((0, self.n))
        self.keys = np.empty((0, 4))  # score, tie, left, right
        self.evaluated = self.generation = self.unusable = 0
        self.since = self.idle = 0  # generations without progress: on the best so far, since the last beginning
        self._old_points, self._old_keys = self.points, self.keys  # the best of earlier beginnings
        self._beginnings = 0
        self.floor = 0.0  # smaller sides than this are not trusted in floating point
        self._strategies: Strategies | None = None

    # -- instances and points -----------------------------------------------------------------------------------

    def point(self, draws: Sequence[Primitive]) -> np.ndarray:
        """The point of a recorded row; draws of another shape are cut, or filled up from this search's template."""
        own = [p.array[0] for p in self.template if not p.shared]
        given = [p for p in draws if not p.shared]
        parts = []
        for k, base in enumerate(own):
            base = np.array(base, copy=True)
            if k < len(given) and given[k].array.ndim == base.ndim + 1:
                other = given[k].array[0]
                common = tuple(slice(0, min(a, b)) for a, b in zip(base.shape, other.shape, strict=True))
                base[common] = other[common]
            parts.append(base.reshape(-1))
        return np.concatenate(parts) if parts else np.empty(0)

    def draws(self, point: np.ndarray) -> list[Primitive]:
        """The draws of one row at a point."""
        out, k = [], 0
        for p in self.template:
            if p.shared or not p.array.size:
                out.append(p)
                continue
            part = point[self.starts[k] : self.starts[k + 1]]
            out.append(Primitive(p.kind, False, part.reshape((1, *p.array.shape[1:])).copy()))
            k += 1
        return out

    def found(self, most: int = 1) -> list[Found]:
        """The best instances so far, of all beginnings, best first."""
        keys, points = np.concatenate([self.keys, self._old_keys]), np.concatenate([self.points, self._old_points])
        return [Found(keys[k], points[k]) for k in ranked(keys[:, 0], keys[:, 1])[:most]]

    def _inside(self, x: np.ndarray) -> np.ndarray:
        """Uniform coordinates folded into [0, 1), normal draws brought back from far out."""
        folded = np.mod(x, 2.0)
        folded = np.minimum(np.where(folded > 1, 2 - folded, folded), _BELOW_ONE)
        squares = np.where(self.uniform, 0.0, x * x)
        radius = np.sqrt(np.add.reduceat(squares, self.starts[:-1], axis=1)) if self.n else squares
        factor = np.minimum(1.0, self.reach / np.maximum(radius, 1e-30))
        return np.where(self.uniform, folded, x * factor[:, self.group])

    # -- evaluation ---------------------------------------------------------------------------------------------

    def evaluate(self, points: np.ndarray) -> np.ndarray:
        """Keys of points, (rows, 4): score, what orders equal scores, both sides.  The best are kept.

        Rows that are no instances (a value is not finite, an observed symbol leaves its domain) score -oo.
        """
        self._splits = _SPLITS
        parts, at = [], 0
        while at < len(points):
            size = min(self.chunk, len(points) - at)
            try:
                parts.append(self._batch(points[at : at + size]))
            except Exception as problem:
                if not self.lab.xp.is_out_of_memory(problem) or size == 1:
                    raise
                self.lab.xp.release()
                self.chunk = size // 2
                continue
            at += size
        keys = np.concatenate(parts) if parts else np.empty((0, 4))
        self.evaluated += len(points)
        self.unusable += int(np.sum(np.isneginf(keys[:, 0])))
        self._keep(points, keys)
        return keys

    def _batch(self, points: np.ndarray) -> np.ndarray:
        size = len(points)
        try:
            rows = self.lab.run_on(Candidates(self.template, points), size)
            score, left, right = self.score(rows, size)
        except ExperimentError as problem:
            return self._apart(points, problem.rows)
        keys = np.stack([score, _ties(left, right), left, right], axis=1).astype(float)
        size_of = np.maximum(abs(left), abs(right))  # 0 <= 0 says nothing of how tight a bound is
        keys[~np.isfinite(keys).all(axis=1) | (size_of < self.floor) | (size_of == 0)] = -np.inf
        return keys

    def _apart(self, points: np.ndarray, bad: np.ndarray | None) -> np.ndarray:
        """A batch that was refused, without the rows to blame where they are known, else in halves."""
        out = np.full((len(points), 4), -np.inf)
        self._splits -= 1
        if self._splits < 0 or len(points) == 1:
            return out
        if bad is not None and bad.shape == (len(points),) and 0 < bad.sum() < len(points):
            out[~bad] = self._batch(points[~bad])
            return out
        half = len(points) // 2
        return np.concatenate([self._batch(points[:half]), self._batch(points[half:])])

    def _keep(self, points: np.ndarray, keys: np.ndarray) -> None:
        before = self.keys[0, 0] if len(self.keys) else -np.inf
        ever = max(before, self._old_keys[0, 0] if len(self._old_keys) else -np.inf)
        order = ranked(keys[:, 0], keys[:, 1])[: self.kept]
        order = order[np.isfinite(keys[order, 0])]
        points, keys = np.concatenate([self.points, points[order]]), np.concatenate([self.keys, keys[order]])
        order = ranked(keys[:, 0], keys[:, 1])
        keys, points = keys[order], points[order]
        # At most three instances with the same values: a plateau must not fill the memory.
        fresh = np.ones(len(keys), dtype=bool)
        fresh[3:] = np.any(keys[3:] != keys[:-3], axis=1)
        self.keys, self.points = keys[fresh][: self.kept], points[fresh][: self.kept]
        now = self.keys[0, 0] if len(self.keys) else -np.inf
        self.idle = 0 if now > before + _GAIN else self.idle
        self.since = 0 if now > ever + _GAIN else self.since

    def distrust(self, size: float) -> None:
        """Floating point misleads where both sides are at most ``size``: forget such instances."""
        self.floor = max(self.floor, 4 * size)
        trusted = np.maximum(abs(self.keys[:, 2]), abs(self.keys[:, 3])) >= self.floor
        self.keys, self.points = self.keys[trusted], self.points[trusted]
        trusted = np.maximum(abs(self._old_keys[:, 2]), abs(self._old_keys[:, 3])) >= self.floor
        self._old_keys, self._old_points = self._old_keys[trusted], self._old_points[trusted]

    def _begin_again(self) -> None:
        """Leave the neighbourhood that the best instances have drawn together in; every third time, mix such places."""
        self._beginnings += 1
        self.idle, self._strategies = 0, None
        most = max(8, self.kept // 4)
        keys, points = np.concatenate([self.keys[:most], self._old_keys]), np.concatenate(
            [self.points[:most], self._old_points]
        )  # fmt: skip
        order = ranked(keys[:, 0], keys[:, 1])[: self.kept]
        self._old_keys, self._old_points = keys[order], points[order]
        mixed = self._beginnings % 3 == 0
        self.keys, self.points = (self._old_keys, self._old_points) if mixed else (keys[:0], points[:0])

    # -- generations --------------------------------------------------------------------------------------------

    def step(self) -> np.ndarray:
        """One generation; returns the keys of its candidates."""
        self.since += 1
        self.idle += 1
        self.generation += 1
        if self.idle > _PATIENCE:
            self._begin_again()
        if not len(self.points):
            fresh = self._fresh(self.population)
            return self.evaluate(fresh)
        if self._strategies is None:
            self._begin()
        strategies = self._strategies
        asked = strategies.ask(self.rng) if strategies is not None else np.empty((0, 1, self.n))
        flat = asked.reshape(-1, self.n)
        points = self._inside(np.concatenate([flat, self._mutants(self.population - len(flat))]))
        keys = self.evaluate(points)
        if strategies is not None:
            shape = asked.shape[:2]
            scores, ties = (keys[: len(flat), k].reshape(shape) for k in (0, 1))
            strategies.tell(asked, ranked(scores, ties))
            self._renew(strategies, scores)
        return keys

    def _begin(self) -> None:
        """Evolution strategies for a part of the population, from the best instances."""
        share = self.population // 2
        size = max(8, min(share, 4 + int(3 * np.log(max(self.n, 1)))))
        count = min(4, share // size)
        if not self.n or count < 1:
            return
        size = share // count
        starts = self.points[np.arange(count) % len(self.points)]
        sigma = np.array([_SIGMAS[k % len(_SIGMAS)] for k in range(count)])
        self._strategies = Strategies(starts, sigma, self.spread, size)
        self._best, self._idle, self._restarts = np.full(count, -np.inf), np.zeros(count, dtype=int), 0

    def _renew(self, strategies: Strategies, scores: np.ndarray) -> None:
        best = scores.max(axis=1)
        better = best > self._best + 1e-12
        self._idle = np.where(better, 0, self._idle + 1)
        self._best = np.maximum(self._best, best)
        patience = 12 + int(min(60, 10 * self.n / strategies.population))
        for k in np.flatnonzero(strategies.spent() | (self._idle > patience)):
            self._restarts += 1
            pick = int(len(self.points) * self.rng.random() ** 2) if len(self.points) else -1
            start = self.points[pick] if pick >= 0 and self.rng.random() < 0.75 else self._fresh(1)[0]
            strategies.restart(int(k), start, _SIGMAS[self._restarts % len(_SIGMAS)])
            self._best[k], self._idle[k] = -np.inf, 0

    def _fresh(self, count: int) -> np.ndarray:
        z, u = self.rng.standard_normal((count, self.n)), self.rng.random((count, self.n))
        return np.where(self.uniform, u, z)

    def _mutants(self, count: int) -> np.ndarray:
        """Descendants of the best instances: small and large moves, differences, kicks, exchanges, equal entries."""
        rng, n = self.rng, self.n
        pick = lambda power: (len(self.points) * rng.random(count) ** power).astype(int)
        base, one, two = self.points[pick(2)], self.points[pick(1)], self.points[pick(1)]
        how = rng.choice(5, size=count, p=(0.5, 0.15, 0.2, 0.1, 0.05))
        scale = (0.7 * np.exp(-1.3 * rng.integers(8, size=count)))[:, None]
        noise = self._fresh(count)
        moved = np.where(
            self.uniform, base + scale * (noise - 0.5), np.sqrt(1 - scale**2) * base + scale * noise
        )  # fmt: skip
        across = base + rng.uniform(0.2, 1.0, (count, 1)) * (one - two)
        kicked = self._kicks(base, noise)
        swapped = np.where((rng.random((count, self.starts.size - 1)) < 0.5)[:, self.group], base, one)
        equal = self._equals(base)
        out = np.choose(how[:, None], [moved, across, kicked, swapped, equal])
        few = np.minimum(1.0, np.choose(rng.integers(4, size=count), [1.0, 0.5, 0.1, 2 / max(n, 1)]))
        few = np.where(how == 2, np.minimum(few, rng.choice([0.5, 3 / max(n, 1), 1 / max(n, 1)], size=count)), few)
        few = np.where(how >= 3, 1.0, few)
        changed = rng.random((count, n)) < few[:, None]
        if n:
            changed[np.arange(count), rng.integers(n, size=count)] = True
        return np.where(changed, out, base)

    def _kicks(self, base: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Coordinates at corners: ends and middle of a uniform; zero, far out, or the other sign for a normal."""
        which = self.rng.integers(6, size=base.shape)
        ends = np.choose(which, [0 * base, 0 * base + _BELOW_ONE, 0 * base + 0.5, noise, 0 * base, 1 - base])
        normals = np.choose(which, [0 * base, -base, 3 * base, noise, base / 10, 3 * np.sign(base)])
        return np.where(self.uniform, ends, normals)

    def _equals(self, base: np.ndarray) -> np.ndarray:
        """Some entries of one draw replaced by another entry of it."""
        if not self.n:
            return base
        rows = np.arange(len(base))
        chosen = self.rng.integers(self.n, size=len(base))
        same = self.group[None, :] == self.group[chosen][:, None]
        part = same & (self.rng.random(base.shape) < self.rng.choice([1.0, 0.5, 0.2], size=(len(base), 1)))
        return np.where(part, base[rows, chosen][:, None], base)
