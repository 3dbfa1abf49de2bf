"""The same requests on a cluster: any executor with `concurrent.futures`' ``submit``, and Dask's by its address.

Tasks are keyed like everywhere else, so what a cluster computes is what one machine computes.  Each task runs in a
process of its own on its worker, under the same limits; the tasks of a worker that is lost go to another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from .errors import UsageError, one_line
from .pool import Limits, Request, run_requests

Work = Callable[[dict[str, Any]], Iterable[Any]]
_COUNTING = ("numpy", "scipy", "sympy", "mpmath", "array-api-compat", "python-flint", "clarabel", "z3-solver", "python")


@contextlib.contextmanager
def dask(address: str) -> Iterator[Executor]:
    """An executor on the Dask cluster whose scheduler is at ``address``.

    Raises
    ------
    UsageError
        Dask is not installed, nobody answers, there are no workers, or they run other code than this process
    """
    try:
        import dask as dask_itself

        dask_itself.config.set({"logging.distributed": "critical"})
        from distributed import Client
    except ModuleNotFoundError as missing:
        text = f"--scheduler needs Dask ({missing.name} is not installed): pip install 'gdverify[cluster]'"
        raise UsageError(text) from None
    try:
        asyncio.run(_connect(address))
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise UsageError(f"--scheduler {address}: no scheduler answers there ({one_line(error)})") from error
    try:
        found = client.run(identity)
        if not found:
            raise UsageError(f"--scheduler {address}: the cluster has no workers")
        ours = identity()
        for worker, theirs in found.items():
            other = [name for name in ours if theirs.get(name) != ours[name]]
            if other:
                raise UsageError(f"--scheduler {address}: the worker {worker} has another {', '.join(other)} than here")
        with client.get_executor(pure=False, retries=2) as executor:
            yield executor
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=5)


async def _connect(address: str) -> None:
    """Raises if nobody answers: a client that could not be made would say so a second time, 20 s later, and one without
    an address starts a cluster of its own.
    """
    from distributed.comm import connect
    from distributed.security import Security

    connection = await connect(address, timeout=10, **Security().get_connection_args("client"))
    connection.abort()


def identity() -> dict[str, str]:
    """What must be the same everywhere for the numbers to be: gdverify's code, and the versions it computes with."""
    from . import digest
    from .doctor import versions

    have = versions()
    return {"gdverify": digest.code()} | {name: have.get(name, "none") for name in _COUNTING}


def run_on(
    executor: Executor,
    requests: Sequence[Request],
    work: Work,
    *,
    limits: Limits,
    answered: Callable[[Any, Any], None],
    failed: Callable[[Any, str], None],
    waiting: Callable[[list[Request]], None] = lambda running: None,
    poll: float = 0.5,
    most: int = 20_000,
) -> None:
    """`gdverify.pool.run_requests` on an executor; every task is submitted on its own.

    At most ``most`` of them are open at a time, and what one that ends costs here does not depend on how many are.
    """
    open_: dict[Future[Any], Request] = {}
    ended: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
    rest = (single for request in requests for single in request.split())
    shown = time.monotonic()

    def submit(count: int) -> None:
        for single in itertools.islice(rest, count):
            future = executor.submit(serve, work, single.payload, limits)
            open_[future] = single
            future.add_done_callback(ended.put)

    try:
        submit(most)
        while open_:
            with contextlib.suppress(queue.Empty):
                future = ended.get(timeout=poll)
                place = open_.pop(future).places[0]
                error = future.exception()
                if error is not None:
                    failed(place, f"lost on the cluster: {one_line(error) or type(error).__name__}")
                else:
                    answer, message = future.result()
                    if message:
                        failed(place, message)
                    else:
                        answered(place, answer)
                submit(1)
            if time.monotonic() - shown >= poll:
                waiting(list(open_.values()))
                shown = time.monotonic()
    finally:
        for future in open_:
            future.cancel()


def serve(work: Work, payload: dict[str, Any], limits: Limits) -> tuple[Any, str]:
    """On a worker: one task in a process of its own; its answer, or what went wrong."""
    answers: list[Any] = []
    messages: list[str] = []
    # Dask's workers are daemons, which multiprocessing does not let have children; ours end before this returns.
    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    daemon = config.get("daemon")
    config["daemon"] = False
    try:
        run_requests(
            [Request(payload, [0])], work, jobs=1, limits=limits,
            answered=lambda _, answer: answers.append(answer), failed=lambda _, text: messages.append(text),
        )  # fmt: skip
    finally:
        config["daemon"] = daemon
    return (answers[0], "") if answers else (None, messages[0] if messages else "no answer")
