"""Work in processes of their own: one for each request, so that whatever it does to itself it does to nobody else.

Children are forked from a server that has imported the toolkit and nothing of the user's (where the system cannot
fork they are spawned).  A child sends each answer as it has it, as JSON; one that hangs, dies or sends nonsense costs
the task it was at, and the rest of its request goes to a fresh child.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_LARGEST = 256 * 2**20  # bytes of one answer
_LONGEST = 10_000  # characters of what went wrong
_STARTS = 20  # times that starting a process is tried while none is running


@dataclass
class Request:
    """Work for one child.

    Parameters
    ----------
    payload : plain data for ``work``, with a list ``tasks``
    places : where the answer to each task goes; what they are is the caller's business
    gpu : whether it wants a lane that owns a GPU
    """

    payload: dict[str, Any]
    places: list[Any]
    gpu: bool = False
    retried: bool = field(default=False, compare=False)

    def split(self) -> list[Request]:
        """One request for each task."""
        return [self.part(k, k + 1) for k in range(len(self.places))]

    def part(self, first: int, last: int | None = None, retried: bool = False) -> Request:
        """The tasks from ``first`` on."""
        tasks = self.payload["tasks"][first:last]
        return Request({**self.payload, "tasks": tasks}, self.places[first:last], self.gpu, retried)


@dataclass(frozen=True)
class Limits:
    """What one task may take.

    Parameters
    ----------
    seconds : wall time, after which its process is killed; None for no limit
    memory : bytes beyond what a child starts with; None for no limit, and none on a GPU lane
    """

    seconds: float | None = None
    memory: int | None = None


class _Child:
    """A process at a request, and how far it is."""

    def __init__(self, lane: str | None, request: Request, work: Callable[..., Any], limits: Limits):
        self.lane, self.request, self.limits = lane, request, limits
        self.answers = 0
        self.refused = ""  # what it says went wrong with the task it was at
        context = _context()
        self.connection, theirs = context.Pipe(duplex=False)
        memory = limits.memory if lane is None else None
        self.process = context.Process(target=_serve, args=(theirs, work, request.payload, lane, memory), daemon=True)
        try:
            with one_thread_each():
                self.process.start()
        except BaseException:
            self.connection.close()
            raise
        finally:
            theirs.close()
        self._mail = _Mail(self.connection)
        self.since = time.monotonic()

    def late(self) -> bool:
        """Whether the task under way has had its time."""
        return self.limits.seconds is not None and time.monotonic() - self.since > self.limits.seconds

    def receive(self) -> list[Any]:
        """The messages that have come in whole; None among them says that there will be no more."""
        try:
            messages: list[Any] = [json.loads(text) for text in self._mail.read()]
        except (EOFError, OSError, ValueError, RecursionError):
            return [None]
        if messages:
            self.since = time.monotonic()
        return messages

    def end(self) -> str:
        """Stop it with all that it started; what its end looks like."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg") and self.process.pid:
                os.killpg(self.process.pid, signal.SIGKILL)
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.connection.close()
        code = self.process.exitcode or 0
        self.process.close()
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(-code).name}"
        return f"it ended by itself, with code {code}"


class _Mail:
    """The lines that come out of a pipe.  Half a line holds nobody up, and one without end is cut off.

    Raises
    ------
    EOFError, OSError
        there are no more
    """

    def __init__(self, connection: Connection):
        self._connection, self._rest = connection, bytearray()
        if os.name == "posix":
            os.set_blocking(connection.fileno(), False)

    def read(self) -> list[bytes]:
        """Those that are whole by now."""
        if os.name != "posix":
            return [self._connection.recv_bytes(_LARGEST)]
        try:
            part = os.read(self._connection.fileno(), 2**20)
        except BlockingIOError:
            return []
        if not part:
            raise EOFError
        self._rest += part
        if b"\n" not in part:
            if len(self._rest) > _LARGEST:
                raise OSError("a message without end")
            return []
        *whole, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        return whole


def _context() -> Any:
    """Children forked from a clean server where there is one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gdverify.preload"])
    return context


def _serve(connection: Connection, work: Callable[[Any], Iterable[Any]], payload: Any, gpu: str | None, memory: Any):
    """In the child: answer the tasks of a request."""
    with contextlib.suppress(OSError, AttributeError):
        os.setsid()  # Ctrl-C is for the parent, which reports and ends us; and what we start can be ended with us
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _let_go(connection)
    _hush()
    _die_with_parent()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before anything imports CuPy
    if memory is not None:
        _limit_memory(memory)

    def send(message: Any) -> None:
        text = json.dumps(message, default=_plain).encode()
        if os.name != "posix":
            connection.send_bytes(text)
            return
        rest = memoryview(text + b"\n")
        while rest:
            rest = rest[os.write(connection.fileno(), rest) :]

    try:
        for answer in work(payload):
            send({"answer": answer})
        send({"done": True})
    except BaseException as error:  # SystemExit too: a module that calls sys.exit(0) must not look like success
        with contextlib.suppress(BaseException):
            send({"failed": _described(error)})
    finally:
        with contextlib.suppress(BaseException):
            connection.close()
        os._exit(0)  # no atexit handlers and no waiting for threads of the user's


def _let_go(connection: Connection) -> None:
    """Close what was inherited but the way home: the pipes that hold the server and its tracker are not for claims."""
    if os.name != "posix":
        return
    keep = connection.fileno()
    os.closerange(3, keep)
    os.closerange(keep + 1, 2**16)
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)  # nor is what the run itself may be reading
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    from multiprocessing import forkserver, resource_tracker

    for owner, names in (
        (forkserver._forkserver, ("_forkserver_alive_fd", "_forkserver_address", "_forkserver_pid")),
        (resource_tracker._resource_tracker, ("_fd", "_pid")),
    ):
        for name in names:  # what needs these starts its own
            with contextlib.suppress(AttributeError):
                setattr(owner, name, None)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _described(error: BaseException) -> str:
    from .worker import describe

    try:
        return describe(error)
    except BaseException:  # its __str__ may raise
        return type(error).__name__


def _hush() -> None:
    """Nothing that evidence prints must reach the terminal or a report on standard output, however much it prints."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        if not os.environ.get("GDVERIFY_DEBUG"):
            os.dup2(nowhere, 2)
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if not os.environ.get("GDVERIFY_DEBUG"):
        sys.stderr = sys.stdout


def _die_with_parent() -> None:
    """Where the system can: a run that is killed leaves no computing behind (its server ends with it)."""
    with contextlib.suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG


def _limit_memory(limit: int) -> None:
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            held = int(file.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = held + limit
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))
    except (ImportError, OSError, ValueError):
        pass  # a system without such limits


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
    work: Callable[[dict[str, Any]], Iterable[Any]],
    *,
    jobs: int,
    gpus: Sequence[str] = (),
    limits: Limits | None = None,
    answered: Callable[[Any, Any], None],
    failed: Callable[[Any, str], None],
    waiting: Callable[[list[Request]], None] = lambda running: None,
    poll: float = 0.2,
) -> None:
    """Run every request, at most ``jobs`` at a time and one on each GPU; fewer where no more processes can be started.

    The task at which a child dies is tried once more, in the end, when nothing else is running (another may have taken
    the memory, or killed the server of them all); if that kills its child too it is reported through ``failed``, as is
    at once a task that takes longer than it may.  The tasks after it go to a fresh child.

    Parameters
    ----------
    work : module-level function from a payload to JSON-ready answers, one for each task in order; a generator sends
        each as it comes
    answered, failed : called in this process with a task's place and its answer, or with what went wrong
    waiting : called about every ``poll`` seconds with the requests under way

    Raises
    ------
    OSError
        not even one process can be started
    """
    limits = limits or Limits()
    queue, again_alone = deque(requests), deque[Request]()
    idle: list[str | None] = [*gpus, *[None] * jobs]
    busy: dict[Connection, _Child] = {}
    refused = 0

    def settle(child: _Child, message: str, again: bool) -> None:
        """A child is through; ``message`` says why, if it did not finish."""
        idle.append(child.lane)
        at, request = child.answers, child.request
        if at >= len(request.places):
            return
        rest = [request.part(at + 1)] if at + 1 < len(request.places) else []
        queue.extendleft(rest)
        if again and not request.retried:
            again_alone.append(request.part(at, at + 1, retried=True))
        else:
            failed(request.places[at], message[:_LONGEST])

    def begin(request: Request, lane: str | None) -> bool:
        """Whether there is a process at work on it."""
        nonlocal refused
        try:
            child = _Child(lane, request, work, limits)
        except (OSError, EOFError) as error:  # too many files or processes, or the server is gone: there is a next one
            refused += 1
            if refused > _STARTS and not busy:
                raise OSError(f"no worker process can be started: {error}") from error
            return False
        refused = 0
        idle.remove(lane)
        busy[child.connection] = child
        return True

    def hear(child: _Child) -> None:
        """Take what it sent."""
        for message in child.receive():
            if isinstance(message, dict) and "answer" in message and child.answers < len(child.request.places):
                child.answers += 1
                answered(child.request.places[child.answers - 1], message["answer"])
                continue
            del busy[child.connection]
            end = child.end()
            if isinstance(message, dict) and "failed" in message:
                settle(child, str(message["failed"]), again=False)
            elif isinstance(message, dict) and "done" in message:
                settle(child, "no answer", again=False)
            else:
                settle(child, f"the worker process died ({end})", again=True)
            return

    try:
        while queue or busy or again_alone:
            if not queue and not busy:
                queue.append(again_alone.popleft())
            for lane in list(idle):
                request = _next(queue, lane, bool(gpus))
                if request is not None and not begin(request, lane):
                    queue.appendleft(request)
                    break
            for connection in wait(list(busy), timeout=poll):
                hear(busy[connection])  # type: ignore[index]
            for connection, child in list(busy.items()):
                if child.late():
                    del busy[connection]
                    child.end()
                    settle(child, f"stopped after {limits.seconds:g} s", again=False)
            waiting([child.request for child in busy.values()])
    finally:
        for child in busy.values():
            child.end()


def _next(queue: deque[Request], lane: str | None, gpus: bool) -> Request | None:
    """The first request for this lane; a GPU lane helps with the others once no GPU work is left."""
    for position, request in enumerate(queue):
        if not gpus or request.gpu == (lane is not None):
            del queue[position]
            return request
    return queue.popleft() if queue and lane is not None else None
