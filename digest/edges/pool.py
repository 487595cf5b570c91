"""Where heavy stages run: in processes of their own that may hang, crash or swell without harm to anybody else.

Each worker has a pipe of its own and one thread that waits for it. With a queue shared by all (as in
concurrent.futures or Pebble) one worker's death can take the others along: killed while it sends a result, it keeps
the queue's lock for ever, and then not even deadlines hold (measured with Pebble 5.2.3); killed idle, it ends the pool.
"""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import LifoQueue
from types import ModuleType, TracebackType
from typing import Any, Protocol, TypeVar

from digest.errors import DigestError
from digest.records import Failure, Retry

if sys.platform != "win32":
    import resource

__all__ = ["Inline", "Pool", "Runner"]

log = logging.getLogger(__name__)

A = TypeVar("A")
B = TypeVar("B")
Stage = Callable[[Sequence[A]], Sequence[B | Failure]]

# All the stages' libraries together reserve 1.6 GB of addresses (rensa alone 1.0) and use 0.3.
WORKER_MEMORY_BYTES = 3 * 1024**3
# To import and to load models; a machine that needs longer is not usable.
START_SECONDS = 180.0
START_TRIES = 3
# There are as many processes as processors: threads inside would only quarrel, and each reserves memory. The C library
# and BLAS read this once, before our code runs.
ONE_THREAD = {"MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1"}
PR_SET_PDEATHSIG = 1

_SPAWN = multiprocessing.get_context("spawn")


class Runner(Protocol):
    """What the pipeline needs of a place to run stages in."""

    def run(
        self, stage: Stage[A, B], items: Sequence[A], *, key: Callable[[A], str], size: int, deadline: float
    ) -> list[B | Failure]:
        """One outcome per item, in the order of items; `deadline` is in seconds for each batch of `size`.

        A batch that fails as a whole is halved until the culprit stands alone, which becomes a Failure with the id
        `key(item)`; its neighbours' outcomes are kept. A DigestError that the stage raises passes through.
        """

    def close(self) -> None:
        """Ends what runs: a thread that waits in `run` gets a CancelledError."""


class Inline:
    """Runs stages in this process: for few items, and where a stage that hangs would be seen. Knows no deadline."""

    def run(
        self,
        stage: Stage[A, B],
        items: Sequence[A],
        *,
        key: Callable[[A], str],
        size: int,
        deadline: float,  # noqa: ARG002 - nobody can stop a function of one's own process
    ) -> list[B | Failure]:
        call = partial(_attempt, stage)
        blame = partial(_blame, _name(stage), key)
        return [outcome for batch in _batches(items, size) for outcome in _settle(call, blame, batch)]

    def close(self) -> None:
        """Nothing of it outlives a call."""


class Pool:
    """A pool of `workers` processes, each started when it is first needed; close it, or use it in `with`.

    `warm` is called in each new process before its first batch, outside any deadline: module-level functions that load
    models. Stages and items must be picklable, and no stage may stand in the main module. A process may not
    reserve more than `memory` bytes of addresses.
    """

    def __init__(
        self, workers: int, warm: Sequence[Callable[[], object]] = (), memory: int = WORKER_MEMORY_BYTES
    ) -> None:
        self._workers = [_Worker(tuple(warm), memory) for _ in range(workers)]
        # The last one used comes first: a short run then starts no second process.
        self._idle: LifoQueue[_Worker] = LifoQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(workers, "pool", initializer=_leave_interrupts_to_the_main_thread)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kills all processes, whatever they are at."""
        for worker in self._workers:
            worker.stop()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.kill()

    def run(
        self, stage: Stage[A, B], items: Sequence[A], *, key: Callable[[A], str], size: int, deadline: float
    ) -> list[B | Failure]:
        call = partial(self._call, stage, deadline)
        blame = partial(_blame, _name(stage), key)
        futures = [self._threads.submit(_settle, call, blame, batch) for batch in _batches(items, size)]
        try:
            return [outcome for future in futures for outcome in future.result()]
        finally:
            for future in futures:
                future.cancel()

    def _call(self, stage: Stage[A, B], deadline: float, batch: Sequence[A]) -> "Reply":
        worker = self._idle.get()
        try:
            reply = worker.call(stage, batch, deadline)
            if len(batch) == 1 and reply == CRASHED:
                # The kernel, short of memory, may have killed this one for another's greed.
                reply = worker.call(stage, batch, deadline)
            return reply
        finally:
            self._idle.put(worker)


def _leave_interrupts_to_the_main_thread() -> None:
    # The processes that the thread starts inherit it: else Ctrl-C strikes them before they can ignore it.
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


# --- batches and culprits --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lost:
    """What a batch came to that has no outcomes. `detail` is for the log."""

    reason: str
    detail: str = ""


Reply = list[Any] | _Lost | DigestError
CRASHED = _Lost("crashed")
OUT_OF_MEMORY = _Lost("out of memory")
TIMED_OUT = _Lost("timed out")


def _broken(error: Exception) -> _Lost:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return _Lost("internal error", f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}")


def _name(stage: Stage[A, B]) -> str:
    return str(getattr(stage, "func", stage).__name__)  # a partial carries its stage in `func`


def _batches(items: Sequence[A], size: int) -> list[Sequence[A]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _attempt(stage: Stage[A, B], batch: Sequence[A]) -> Reply:
    try:
        outcomes = stage(batch)
    except DigestError as error:
        return error
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception as error:  # noqa: BLE001 - whatever it is, the neighbours of the culprit must not pay
        return _broken(error)
    if len(outcomes) != len(batch):
        return _Lost("internal error", f"{len(outcomes)} outcomes for {len(batch)} items")
    return list(outcomes)


def _settle(
    call: Callable[[Sequence[A]], Reply], blame: Callable[[A, _Lost], Failure], batch: Sequence[A]
) -> list[Any]:
    reply = call(batch)
    if isinstance(reply, DigestError):
        raise reply
    if isinstance(reply, list):
        return reply
    if len(batch) == 1:
        return [blame(batch[0], reply)]
    middle = len(batch) // 2
    return _settle(call, blame, batch[:middle]) + _settle(call, blame, batch[middle:])


def _blame(stage: str, key: Callable[[A], str], item: A, lost: _Lost) -> Failure:
    if lost.detail:
        log.error("stage %s broke: %s", stage, lost.detail)
    return Failure(key(item), stage, lost.reason, Retry.NEVER)


# --- the parent's side of a process ----------------------------------------------------------------------------------

# Python's table of child processes is not safe against threads that start and reap at the same time; nor is the
# environment that the new one inherits.
_PROCESSES = threading.Lock()


class _Worker:
    """One process and its pipe; started when called, and again when called after it died."""

    def __init__(self, warm: tuple[Callable[[], object], ...], memory: int) -> None:
        self._warm = warm
        self._memory = memory
        self._process: BaseProcess | None = None
        self._pipe: Connection[Any, Any] | None = None
        self._stopped = False

    def call(self, stage: Stage[A, B], batch: Sequence[A], deadline: float) -> Reply:
        pipe = self._pipe or self._start()
        with self._killed_after(deadline) as late:
            reply = _exchange(pipe, (stage, batch))
        if late.is_set():
            reply = TIMED_OUT
        if reply in (CRASHED, OUT_OF_MEMORY, TIMED_OUT):
            self.kill()
        return reply

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[threading.Event]:
        """The event tells that it was. A process that is frozen takes nothing in: then even sending ends only so."""
        late = threading.Event()

        def end() -> None:
            late.set()
            with _PROCESSES:
                if self._process is not None:
                    self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()
            timer.join()

    def stop(self) -> None:
        """From another thread than the one that calls: that one then sees the pipe's end."""
        with _PROCESSES:
            self._stopped = True
            if self._process is not None:
                self._process.kill()
                self._process.join()

    def _start(self) -> "Connection[Any, Any]":
        trouble: _Lost | DigestError = CRASHED
        for _ in range(START_TRIES):
            self._pipe = self._spawn()
            with self._killed_after(START_SECONDS) as late:
                greeting = _receive(self._pipe)
            if late.is_set():
                greeting = TIMED_OUT
            if isinstance(greeting, list):
                return self._pipe
            self.kill()
            trouble = greeting
            if trouble != CRASHED:
                break
        raise trouble if isinstance(trouble, DigestError) else _cannot_start(trouble)

    def _spawn(self) -> "Connection[Any, Any]":
        ours, theirs = _SPAWN.Pipe()
        with _PROCESSES, theirs, _environment(ONE_THREAD):
            if self._stopped:
                ours.close()
                raise CancelledError
            self._process = _SPAWN.Process(target=_serve, args=(theirs, self._warm, self._memory), daemon=True)
            with _without_main_module():
                self._process.start()
        return ours

    def kill(self) -> None:
        with _PROCESSES:
            if self._process is not None:
                self._process.kill()
                self._process.join()
                self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


@contextmanager
def _without_main_module() -> Iterator[None]:
    """A spawned process would import the parent's main module again: here all commands, two seconds for nothing."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _cannot_start(lost: _Lost) -> DigestError:
    problem = f"cannot start: {lost.detail or lost.reason}"
    return DigestError("worker process", problem, "check the installation and the free memory with 'digest doctor'")


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    added = values.keys() - os.environ.keys()  # what the user set stands
    os.environ.update({name: values[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _exchange(pipe: "Connection[Any, Any]", task: object) -> Reply:
    try:
        pipe.send(task)
    except OSError:
        return CRASHED
    except Exception as error:  # noqa: BLE001 - pickling runs foreign code
        return _broken(error)
    return _receive(pipe)


def _receive(pipe: "Connection[Any, Any]") -> Reply:
    try:
        reply: Reply = pipe.recv()
    except (EOFError, OSError):
        return CRASHED
    except Exception as error:  # noqa: BLE001 - unpickling runs foreign code
        return _broken(error)
    return reply


# --- the process's side ----------------------------------------------------------------------------------------------


def _serve(pipe: "Connection[Any, Any]", warm: Sequence[Callable[[], object]], memory: int) -> None:
    _be_expendable(memory)
    _send(pipe, _attempt(_load, warm))
    while True:
        try:
            stage, batch = pipe.recv()
        except (EOFError, OSError):
            return
        except Exception as error:  # noqa: BLE001 - unpickling runs foreign code
            _send(pipe, _broken(error))
        else:
            _send(pipe, _attempt(stage, batch))


def _load(warm: Sequence[Callable[[], object]]) -> list[Any]:
    for load in warm:
        load()
    return [None] * len(warm)


def _send(pipe: "Connection[Any, Any]", reply: Reply) -> None:
    try:
        pipe.send(reply)
    except MemoryError:
        pipe.send(OUT_OF_MEMORY)
    except OSError:
        sys.exit()  # nobody is there to hear
    except Exception as error:  # noqa: BLE001 - pickling runs foreign code
        pipe.send(_broken(error))


def _be_expendable(memory: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)  # stages return reasons; what libraries say of bad pages helps nobody
    os.dup2(2, 1)  # standard output belongs to the results: what a library prints goes where errors go
    if sys.platform != "win32":
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    _die_with_parent()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()
    if sys.platform == "linux":
        # The thread above cannot run while a regular expression, say, holds the interpreter; the kernel can.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(parent: int) -> None:
    wait([parent])
    os._exit(1)
