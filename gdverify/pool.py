"""Lanes of worker processes: one single-process pool each, so that a worker that dies takes down one request only.

The shared queue of one big pool breaks as a whole when the system kills a worker; here the request that was on the
dead lane is known, and everything else goes on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


@dataclass
class Request:
    """Work for one worker.

    Parameters
    ----------
    payload : plain data for ``work``, with a list ``tasks``
    places : where the answer to each task goes; what they are is the caller's business
    gpu : whether it wants a lane that owns a GPU
    """

    payload: dict[str, Any]
    places: list[Any]
    gpu: bool = False

    def split(self) -> list[Request]:
        """One request for each task."""
        return [
            Request({**self.payload, "tasks": [task]}, [place], self.gpu)
            for task, place in zip(self.payload["tasks"], self.places, strict=True)
        ]


class Lane:
    """One worker process, spawned when first used; ``gpu`` is the device it owns, if any."""

    def __init__(self, gpu: str | None = None):
        self.gpu = gpu
        self._executor: ProcessPoolExecutor | None = None

    def submit(self, work: Callable[[Any], Any], payload: Any) -> Future[Any]:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                max_workers=1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_worker,
                initargs=(self.gpu,),
            )
        return self._executor.submit(work, payload)

    def close(self, kill: bool = False) -> None:
        """Let the worker go; ``kill`` does not wait for what it is doing."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        if kill:
            for process in list((getattr(executor, "_processes", None) or {}).values()):
                process.terminate()
        executor.shutdown(wait=not kill, cancel_futures=True)


def _start_worker(gpu: str | None) -> None:
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which reports and ends us
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before anything imports CuPy


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """Tell linear-algebra libraries of processes started meanwhile to use one thread."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_requests(
    requests: Sequence[Request],
    work: Callable[[dict[str, Any]], list[dict[str, Any]]],
    *,
    jobs: int,
    gpus: Sequence[str] = (),
    answered: Callable[[Any, dict[str, Any]], None],
    failed: Callable[[Any, str], None],
    waiting: Callable[[list[Request]], None] = lambda running: None,
    poll: float = 0.2,
) -> None:
    """Run every request on ``jobs`` CPU lanes and one lane for each GPU.

    A request whose worker dies is taken apart and its tasks are run one at a time in fresh workers; the task that
    kills its worker again is reported through ``failed``, the others are answered.

    Parameters
    ----------
    work : module-level function from a payload to one answer for each of its tasks
    answered, failed : called in this process with a task's place and its answer, or with what went wrong
    waiting : called about every ``poll`` seconds with the requests under way
    """
    queue = list(requests)
    lanes = [Lane(gpu) for gpu in gpus] + [Lane() for _ in range(jobs)]
    busy: dict[Future[Any], tuple[Lane, Request]] = {}
    idle = list(lanes)
    finished = False
    try:
        with one_thread_each():
            while queue or busy:
                for lane in list(idle):
                    request = _next(queue, lane, bool(gpus))
                    if request is None:
                        continue
                    idle.remove(lane)
                    busy[lane.submit(work, request.payload)] = (lane, request)
                done, _ = wait(busy, timeout=poll, return_when=FIRST_COMPLETED)
                for future in done:
                    lane, request = busy.pop(future)
                    idle.append(lane)
                    _settle(future, lane, request, queue, answered, failed)
                waiting([request for _, request in busy.values()])
        finished = True
    finally:
        for lane in lanes:
            lane.close(kill=not finished)


def _next(queue: list[Request], lane: Lane, gpus: bool) -> Request | None:
    """The first request for this lane; a GPU lane helps with the others once no GPU work is left."""
    for position, request in enumerate(queue):
        if not gpus or request.gpu == (lane.gpu is not None):
            return queue.pop(position)
    return queue.pop(0) if queue and lane.gpu is not None else None


def _settle(
    future: Future[Any],
    lane: Lane,
    request: Request,
    queue: list[Request],
    answered: Callable[[Any, dict[str, Any]], None],
    failed: Callable[[Any, str], None],
) -> None:
    error = future.exception()  # asked for, not raised: a worker's SystemExit or KeyboardInterrupt is not ours
    if isinstance(error, BrokenProcessPool):
        lane.close()
        if len(request.places) > 1:
            queue[:0] = request.split()
        else:
            failed(request.places[0], "the worker process died (killed by the system? out of memory?)")
    elif error is not None:
        from .worker import describe

        for place in request.places:
            failed(place, describe(error))
    else:
        for place, answer in zip(request.places, future.result(), strict=True):
            answered(place, answer)
