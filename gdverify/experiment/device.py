"""Primitive draws made on the device that computes with them: one kernel launch for all blocks of a batch.

The values differ from those that the host's generators give for the same seed; like these they are a fixed function of
(seed, claim, evidence, case, block, number of the draw, position), whatever the batches, the workers and the order.
On another kind of device logarithms and cosines may be rounded differently, and normals differ in their last bits.
"""

from __future__ import annotations

import functools
import hashlib
import math
from importlib.resources import files
from typing import Any

from ..errors import ExperimentError
from .backend import Namespace

SHARED = 2**32 - 1  # the block of what all rows have in common
_THREADS = 256
_GRID = 2**20


@functools.cache
def source() -> str:
    """The kernel's C source."""
    return (files(__package__) / "philox.c").read_text(encoding="utf-8")


@functools.cache
def _kernel(xp: Namespace) -> Any:
    return xp.native.RawKernel(source(), "fill")


def device_key(key: bytes) -> tuple[int, int]:
    """The generator's key, two words, for a stream's key."""
    digest = hashlib.blake2b(b"device", digest_size=8, key=key).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


class DeviceStreams:
    """`gdverify.experiment.random.KeyedStreams` on a device; ``draw`` returns its arrays.

    Parameters
    ----------
    xp : namespace of the device
    key : names the experiment (see `stream_key`)
    first : index of the first block
    blocks : number of blocks in this batch
    rows : rows per block

    Raises
    ------
    ExperimentError
        the experiment has more blocks than the generator can tell apart
    """

    def __init__(self, xp: Namespace, key: bytes, first: int, blocks: int, rows: int):
        if first + blocks > SHARED:
            raise ExperimentError(f"more than {SHARED} blocks: ask for a larger block=")
        self.xp, self.key, self.first, self.blocks, self.rows = xp, device_key(key), first, blocks, rows
        self.count = 0  # draws made, shared ones included

    def draw(self, kind: str, shape: tuple[int, ...], shared: bool) -> Any:
        number, self.count = self.count, self.count + 1
        native = self.xp.native
        out = native.empty(shape, dtype=native.float64)
        blocks, block = (1, SHARED) if shared else (self.blocks, self.first)
        each = math.prod(shape) // blocks
        threads = blocks * ((each + 1) // 2)
        if threads:
            words = (native.uint32(w) for w in (block, number, *self.key))
            arguments = (out, native.uint64(threads), native.uint64(each), *words, native.int32(kind == "normal"))
            _kernel(self.xp)((min(_GRID, -(-threads // _THREADS)),), (_THREADS,), arguments)
        return out
