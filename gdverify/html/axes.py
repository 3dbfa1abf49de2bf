"""Numbers and scales for plots: what may be drawn, where it falls, which ticks an axis has and how they read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_LARGEST = 1e300  # beyond it differences and ratios of finite numbers overflow
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_FRACTION = re.compile(r"(-?\d{1,18})(?:/(\d{1,18}))?", re.ASCII)


def number(value: Any) -> float | None:
    """A finite float of what a report holds: a number, or a rational written ``p/q``; None for anything else."""
    if isinstance(value, str):
        found = _FRACTION.fullmatch(value)
        if not found or not int(found[2] or 1):
            return None
        return int(found[1]) / int(found[2] or 1)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        x = float(value)
    except OverflowError:
        return _LARGEST if value > 0 else -_LARGEST
    return min(max(x, -_LARGEST), _LARGEST) if math.isfinite(x) else None


def numbers(values: Any) -> list[float | None]:
    """`number` of each entry of a list; the empty list for anything else."""
    return [number(v) for v in values] if isinstance(values, (list, tuple)) else []


def finite(values: Iterable[float | None]) -> list[float]:
    return [v for v in values if v is not None]


def positive(values: Iterable[float | None]) -> list[float]:
    return [v for v in values if v is not None and v > 0]


def text(x: float | None, digits: int = 4) -> str:
    """A number for people: 0.0123, 1.5×10⁻⁹."""
    if x is None:
        return "unknown"
    if x == 0:
        return "0"
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -4 < power < 6:
        plain = f"{x:.{max(0, digits - 1 - power)}f}"
        return _minus(plain.rstrip("0").rstrip(".") if "." in plain else plain)
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    times = {"1": "", "-1": "-"}.get(mantissa, f"{mantissa}×")
    return _minus(f"{times}{_power(power)}")


def _power(exponent: int) -> str:
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def _minus(plain: str) -> str:
    return plain.replace("-", "−", 1) if plain.startswith("-") else plain


@dataclass(frozen=True)
class Scale:
    """The values lo < hi that an axis shows, evenly by value or by logarithm."""

    lo: float
    hi: float
    log: bool = False

    @classmethod
    def over(cls, values: Sequence[float | None], log: bool = False, margin: float = 0.05) -> Scale:
        """The scale that holds these values (on a log scale: the positive ones), with a margin at both ends."""
        kept = positive(values) if log else finite(values)
        if not kept:
            kept = [1.0]
        lo, hi = min(kept), max(kept)
        if log:
            low, high = (min(max(math.log10(end), -300.0), 300.0) for end in (lo, hi))
            pad = min(max(margin * (high - low), 0.02), 5.0)
            return cls(10 ** (low - pad), 10 ** (high + pad), True)
        pad = margin * (hi - lo) or 0.05 * abs(hi) or 1.0
        pad = max(pad, 1e-9 * max(abs(lo), abs(hi)), 1e-290)
        return cls(lo - pad, hi + pad)

    def share(self, value: float) -> float:
        """0 at the low end, 1 at the high one; what lies outside is not cut."""
        if not self.log:
            return (value - self.lo) / (self.hi - self.lo)
        low, high = math.log10(self.lo), math.log10(self.hi)
        return (math.log10(value) - low) / (high - low) if value > 0 else -math.inf

    def ticks(self, count: int = 5) -> tuple[list[tuple[float, str]], str]:
        """Values with their labels, and what was taken off all of them (``" − 1000"``) where labels would be long."""
        if self.log:
            return self._log_ticks(count), ""
        values, step = _steps(self.lo, self.hi, count)
        largest = max(map(abs, values), default=0.0)
        if largest and step < 1e-4 * largest:
            base = values[0]
            return [(v, _fixed(v - base, step)) for v in values], f" − {text(base, 10)}"
        return [(v, _fixed(v, step)) for v in values], ""

    def _log_ticks(self, count: int) -> list[tuple[float, str]]:
        low, high = math.log10(self.lo), math.log10(self.hi)
        powers = range(math.ceil(low), math.floor(high) + 1)
        if len(powers) >= 3:
            every = -(-len(powers) // count)
            kept = [p for p in powers if p % every == 0]
            plain = min(kept) >= -3 and max(kept) <= 5
            return [(10.0**p, text(10.0**p, 1) if plain or p == 0 else _power(p)) for p in kept]
        fine = [
            m * 10.0**p for p in range(math.floor(low), math.floor(high) + 1) for m in (1, 2, 5) if p > -308
        ]  # fmt: skip
        fine = [v for v in fine if self.lo <= v <= self.hi]
        if len(fine) >= 2:
            return [(v, text(v, 2)) for v in fine]
        values, step = _steps(self.lo, self.hi, 4)
        return [(v, _fixed(v, step)) for v in values if v > 0]


def _steps(lo: float, hi: float, count: int) -> tuple[list[float], float]:
    """Multiples of a round step in [lo, hi], about ``count`` of them."""
    raw = (hi - lo) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 5, 10) if m * power >= raw), raw)
    first = math.ceil(lo / step - 1e-9)
    last = math.floor(hi / step + 1e-9)
    return [k * step for k in range(first, min(last, first + 4 * count) + 1)], step


def _fixed(value: float, step: float) -> str:
    """A tick's label, with as many digits as the step has."""
    power = math.floor(math.log10(step) + 1e-9)
    if abs(value) < step / 1e6:
        return "0"
    if power >= -4 and abs(value) < 1e5:
        return _minus(f"{value:.{max(0, -power)}f}")
    top = math.floor(math.log10(abs(value)) + 1e-9)
    return text(value, max(1, top - power + 1))
