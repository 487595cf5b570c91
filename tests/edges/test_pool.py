"""One contract for both runners, and what only processes can survive."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from digest.edges.pool import Inline, Pool, Runner
from digest.errors import DigestError
from digest.records import Failure, Retry
from tests.edges import pool_stages as stages

IntStage = Callable[[Sequence[int]], list[int | Failure]]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2) as pool:
        yield pool


@pytest.fixture(params=["inline", "pool"])
def runner(request: pytest.FixtureRequest) -> Runner:
    return Inline() if request.param == "inline" else request.getfixturevalue("pool")


def run(
    runner: Runner, stage: IntStage, items: Sequence[int], size: int = 4, deadline: float = 30.0
) -> list[int | Failure]:
    return runner.run(stage, items, key=str, size=size, deadline=deadline)


# --- the contract ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 23])
def test_outcomes_come_in_the_order_of_items(runner: Runner, count: int) -> None:
    assert run(runner, stages.double, range(count)) == [item * 2 for item in range(count)]


def test_failures_of_the_stage_stay_in_their_place(runner: Runner) -> None:
    odd = [Failure(str(item), "odd_ones_fail", "odd", Retry.LATER) for item in (1, 3)]
    assert run(runner, stages.odd_ones_fail, range(4)) == [0, odd[0], 2, odd[1]]


def test_a_partial_is_a_stage(runner: Runner) -> None:
    assert run(runner, partial(stages.times, 3), range(5)) == [0, 3, 6, 9, 12]


BROKEN_STAGES = [
    (stages.negative_ones_raise, "internal error"),
    (stages.negative_ones_swell, "out of memory"),
    (stages.negative_ones_are_left_out, "internal error"),
]


@pytest.mark.parametrize(("stage", "reason"), BROKEN_STAGES)
@pytest.mark.parametrize("items", [[-1], [1, 2, -3, 4, 5], [-1, 2, 3, 4, 5, -6, 7, 8, 9, -10]])
def test_the_culprit_fails_alone(runner: Runner, stage: IntStage, reason: str, items: list[int]) -> None:
    name = stage.__name__
    expected = [item * 2 if item >= 0 else Failure(str(item), name, reason, Retry.NEVER) for item in items]
    assert run(runner, stage, items) == expected


def test_a_bug_is_logged_by_its_type_without_the_text(runner: Runner, caplog: pytest.LogCaptureFixture) -> None:
    run(runner, stages.negative_ones_raise, [1, -1])
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage().startswith("stage negative_ones_raise broke: ValueError at pool_stages.py:")
    assert "secret" not in caplog.text


def test_an_error_for_the_user_passes_through(runner: Runner) -> None:
    with pytest.raises(DigestError) as caught:
        run(runner, stages.negative_ones_lack_a_model, [1, -1, 2])
    assert caught.value.args == ("model", "it is missing", "install it")
    assert run(runner, stages.double, [1]) == [2]


# --- what only processes can survive ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "reason", "deadline"),
    [
        (stages.negative_ones_kill, "crashed", 30.0),
        (stages.negative_ones_exit, "crashed", 30.0),
        (stages.negative_ones_hang, "timed out", 0.5),
        (stages.negative_ones_hold_the_interpreter, "timed out", 0.5),
        (stages.negative_ones_cannot_be_sent, "internal error", 30.0),
    ],
)
def test_a_deadly_item_costs_only_itself(pool: Pool, stage: IntStage, reason: str, deadline: float) -> None:
    run(pool, stages.double, range(8), size=1)  # both processes are up: starting them does not count
    items = [1, 2, -3, 4, 5, 6, 7]
    expected = [item * 2 if item >= 0 else Failure("-3", stage.__name__, reason, Retry.NEVER) for item in items]
    assert run(pool, stage, items, deadline=deadline) == expected


def test_a_process_killed_for_anothers_greed_costs_nothing(pool: Pool, tmp_path: Path) -> None:
    item = str(tmp_path / "item")
    assert pool.run(stages.killed_once, [item], key=str, size=1, deadline=30.0) == [item]


def test_idle_processes_that_are_killed_are_replaced(pool: Pool) -> None:
    for victim in _ids(run(pool, stages.slow_process_ids, range(2), size=1)):
        os.kill(victim, signal.SIGKILL)
    assert run(pool, stages.double, range(8)) == [item * 2 for item in range(8)]


def test_deadline_holds_for_a_process_that_takes_nothing_in() -> None:
    larger_than_a_pipe = 1 << 8_000_000
    with Pool(1) as pool:
        (frozen,) = _ids(run(pool, stages.slow_process_ids, [1]))
        os.kill(frozen, signal.SIGSTOP)
        start = time.monotonic()
        outcomes = pool.run(stages.double, [larger_than_a_pipe], key=lambda _: "large", size=1, deadline=0.5)
        assert outcomes == [Failure("large", "double", "timed out", Retry.NEVER)]
        assert time.monotonic() - start < 10
        assert run(pool, stages.double, [7]) == [14]


def test_what_cannot_be_sent_to_a_process_is_its_own_failure(pool: Pool) -> None:
    items = [1, lambda: None, 2]
    outcomes = pool.run(stages.double, items, key=lambda item: "item", size=3, deadline=30.0)  # type: ignore[arg-type]
    assert outcomes == [2, Failure("item", "double", "internal error", Retry.NEVER), 4]


def test_large_results(pool: Pool) -> None:
    outcomes = pool.run(stages.large_results, [20_000_000, 3], key=str, size=1, deadline=30.0)
    assert [len(outcome) for outcome in outcomes if isinstance(outcome, bytes)] == [20_000_000, 3]


def test_processes_work_at_the_same_time_and_are_kept(pool: Pool) -> None:
    run(pool, stages.slow_process_ids, range(2), size=1)
    start = time.perf_counter()
    first = _ids(run(pool, stages.slow_process_ids, range(4), size=1))
    assert time.perf_counter() - start < 1.1
    assert len(first) == 2
    assert os.getpid() not in first
    assert _ids(run(pool, stages.slow_process_ids, range(4), size=1)) == first


def _ids(outcomes: Sequence[int | Failure]) -> set[int]:
    return {outcome for outcome in outcomes if isinstance(outcome, int)}


def test_what_a_stage_prints_goes_where_errors_go(capfd: pytest.CaptureFixture[str]) -> None:
    with Pool(1) as pool:
        assert run(pool, stages.print_something, [1]) == [2]
    assert capfd.readouterr() == ("", "a library talks\n")


# --- start and end ---------------------------------------------------------------------------------------------------


def test_no_process_starts_before_it_is_needed() -> None:
    before = set(multiprocessing.active_children())
    with Pool(4) as pool:
        assert set(multiprocessing.active_children()) == before
        (first,) = _ids(run(pool, stages.process_ids, [1]))
        (second,) = _ids(run(pool, stages.process_ids, [1]))
        assert first == second
        assert len(set(multiprocessing.active_children()) - before) == 1
    assert set(multiprocessing.active_children()) <= before


def test_processes_are_warmed_once_and_again_when_replaced() -> None:
    with Pool(1, warm=(stages.warm_up, stages.warm_up)) as pool:
        assert run(pool, stages.count_warm, [1]) == [2]
        run(pool, stages.negative_ones_kill, [-1])
        assert run(pool, stages.count_warm, [1]) == [2]


def test_warming_does_not_count_towards_the_deadline() -> None:
    with Pool(1, warm=(stages.warm_up_slowly,)) as pool:
        assert run(pool, stages.double, [1], deadline=0.5) == [2]


@pytest.mark.parametrize(
    ("warm", "message"),
    [
        (stages.warm_up_wrongly, r"worker process: cannot start: ImportError at pool_stages\.py:\d+; check"),
        (stages.warm_up_deadly, "worker process: cannot start: crashed; check"),
        (stages.warm_up_without_a_model, "model: it is missing; install it"),
    ],
)
def test_a_process_that_cannot_start_is_no_fault_of_the_items(warm: Callable[[], object], message: str) -> None:
    with Pool(1, warm=(warm,)) as pool, pytest.raises(DigestError, match=message):
        run(pool, stages.double, [1, 2, 3])


def test_memory_is_limited() -> None:
    with Pool(1, memory=1 << 30) as pool:
        outcomes = pool.run(stages.large_results, [3, 2 << 30], key=str, size=2, deadline=30.0)
    assert outcomes == [bytes(3), Failure(str(2 << 30), "large_results", "out of memory", Retry.NEVER)]


def test_the_usual_memory_is_enough_for_the_libraries_of_the_stages() -> None:
    with Pool(1) as pool:
        assert run(pool, stages.libraries_of_the_stages, [1, 2], deadline=100.0) == [1_004, 1_004]


def test_libraries_use_one_thread_in_a_process_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, expected in ((None, 1), ("3", 3)):
        if given is None:
            monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        else:
            monkeypatch.setenv("OMP_NUM_THREADS", given)
        with Pool(1) as pool:
            assert run(pool, stages.threads_of_libraries, [1]) == [expected]
        assert os.environ.get("OMP_NUM_THREADS") == given


SCRIPT = """
import sys
from digest.edges.pool import Pool
from tests.edges import pool_stages

if __name__ == "__main__":
    with Pool(1) as pool:
        pool.run(pool_stages.tell_process_and_hold_the_interpreter, sys.argv[1:], key=str, size=1, deadline=60.0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_their_parent(tmp_path: Path, by: signal.Signals) -> None:
    note, script = tmp_path / "pid", tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, script, note],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    worker = int(_wait_for(lambda: note.exists() and note.read_text()))
    if by == signal.SIGINT:
        os.killpg(parent.pid, by)  # as a terminal does
    else:
        parent.send_signal(by)
    errors = parent.communicate(timeout=5)[1].decode()
    _wait_for(lambda: not _runs(worker))
    assert errors.count("Traceback") == (by == signal.SIGINT)  # the parent's own


def _wait_for(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + 10
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return value


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # Where nobody adopts orphans, a dead one stays as a zombie.
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def test_closing_ends_what_runs() -> None:
    pool = Pool(1)
    run(pool, stages.double, [1])
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(run, pool, stages.negative_ones_hang, [-1, 1], 1)
        time.sleep(0.3)
        start = time.perf_counter()
        pool.close()
        assert isinstance(running.exception(timeout=5), CancelledError)
    assert time.perf_counter() - start < 2
