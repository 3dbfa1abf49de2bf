"""Signs that an experiment shows nothing: every sample is the bound itself, or no sample depends on its draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .laboratory import Laboratory

_ENOUGH = 16
_ULPS = 8 * np.finfo(float).eps


class Watch:
    """Looks at every batch; `suspicion` says what is odd about all of them together."""

    def __init__(self, lab: Laboratory):
        self.lab = lab
        self.rows = 0
        self.echoes = True
        self.idle = True
        self.first: dict[str, np.ndarray] | None = None

    def add(self, rows: dict[str, np.ndarray], size: int) -> None:
        """Results of one batch of ``size`` rows."""
        samples = {k: v for k, v in rows.items() if v.ndim and len(v) == size and k not in ("n", "h")}
        if not samples or not self.lab.drawn or self.lab.claim.decides.kind == "counterexample":
            self.idle = self.echoes = False  # one exhibited instance may well be one number
            return
        if self.first is None:
            self.first = {k: v[:1] for k, v in samples.items()}
        self.rows += size
        same = all(bool(np.all(v == self.first[k])) for k, v in samples.items())
        self.idle = self.idle and same and self.lab.by_row > 0
        self.echoes = self.echoes and self._echoes(rows, size)

    def _echoes(self, rows: dict[str, np.ndarray], size: int) -> bool:
        """Whether every sample is the stated bound to the last bits, on rows that are not whole numbers.

        The two sides of an identity may well agree to a few units in the last place, but not all to the last bit.
        """
        bound = getattr(self.lab.claim.decides, "bound", None)
        q = rows.get("quantity", rows.get("left"))
        if bound is None or q is None:
            return False
        b = rows["right"] if "right" in rows else self.lab.evaluate(bound, rows, size)
        if b.shape != q.shape:
            return False
        ulps = 0.0 if self.lab.claim.decides.kind == "identity" else _ULPS
        return bool(np.all(np.abs(q - b) <= ulps * np.abs(b)) and np.any(q != np.round(q)))

    def suspicion(self) -> str:
        """What is odd, or the empty string."""
        if self.rows < _ENOUGH:
            return ""
        if self.idle:
            return "every sample is the same although random numbers were drawn: the draws are not used"
        if self.echoes:
            return "every sample equals the bound to the last bits: the quantity seems to be computed from the bound"
        return ""
