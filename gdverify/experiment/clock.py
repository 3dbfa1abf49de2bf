"""Seconds of work: what the time limits of experiments count, so that a busy machine decides no verdict."""

from __future__ import annotations

import time


class _Work:
    """Advances with the clock on the wall or with the processor's time for this process, whichever is slower.

    Several threads use more of the processor's time than passes; a process that waits for its turn uses less.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last = (time.monotonic(), time.process_time())

    def __call__(self) -> float:
        now = (time.monotonic(), time.process_time())
        self.seconds += max(min(now[0] - self._last[0], now[1] - self._last[1]), 0.0)
        self._last = now
        return self.seconds


work_seconds = _Work()
