"""The service: it stops when told, outlives a failing cycle, and sends an edition once in its local day."""

import asyncio
import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import delete

from digest import schedule
from digest.config import Config, Delivery, FetchSettings
from digest.edges import tables as t
from digest.edges.database import Database
from digest.edges.fetch import Fetcher
from digest.edges.issues import IssueStore, StoredIssue
from digest.edges.mail import Folder, Mailer
from digest.edges.pool import Inline
from digest.edges.store import Store
from digest.errors import StoreError
from digest.pipeline import Pipeline, StageResult
from digest.records import Edition, Email
from digest.schedule import Service
from tests.ledger import ELBE, SOURCES, new_ledger, put

# 06:30 in Berlin, 14:30 in Tokyo.
MORNING = datetime(2026, 3, 18, 5, 30, tzinfo=UTC)
BERLIN = Edition("morning", "Morning briefing", "06:30", "Europe/Berlin", recipients=("desk@example.org",))
TOKYO = Edition("tokyo", "朝のまとめ", "07:00", "Asia/Tokyo", recipients=("編集部 <desk@example.org>",))
CONFIG = Config(
    Path("feeds.yaml"),
    SOURCES,
    (),
    (BERLIN,),
    Delivery("Digest <digest@example.org>", None),
    FetchSettings("", (), timedelta(seconds=1), timedelta(seconds=1), None),
)


@dataclass
class Counting:
    """In the pipeline's place: counts what it is asked for, and works or fails as told."""

    work: Callable[[], Any] = lambda: asyncio.sleep(0)
    editions: tuple[Edition, ...] = ()
    updates: int = 0
    cancelled: int = 0
    made: list[tuple[str, date]] = field(default_factory=list)
    delivered: int = 0
    at: datetime = MORNING

    @property
    def config(self) -> SimpleNamespace:
        return SimpleNamespace(editions=self.editions)

    def now(self) -> datetime:
        return datetime.now(UTC) if self.at is MORNING and not self.editions else self.at

    async def update(self, fetcher: object) -> list[StageResult]:
        self.updates += 1
        try:
            await self.work()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return [StageResult("feeds", 3, {"timed out": 2}, 0.5), StageResult("pages", 0, {}, 0.0)]

    def make_issue(self, edition: Edition, day: date) -> StoredIssue | None:
        if (edition.name, day) in self.made:
            return None
        self.made.append((edition.name, day))
        return StoredIssue(1, edition.name, day, MORNING, Email("A subject", "", ""), "")

    def deliver(self, mailer: object, stop: Callable[[], bool]) -> Counter[str]:
        self.delivered += 1
        return Counter(sent=2, deferred=1)


@asynccontextmanager
async def no_network() -> AsyncIterator[Fetcher]:
    yield cast(Fetcher, None)


@contextmanager
def no_mail() -> Iterator[Mailer]:
    yield Folder(Path("unused"))


def service(pipeline: Counting) -> Service:
    return Service(cast(Pipeline, pipeline), no_network, no_mail)


async def stopped_after(one: Service, condition: Callable[[], bool], within: float = 5.0) -> float:
    """Runs the service until the condition holds; the seconds that it then took to end."""
    running = asyncio.ensure_future(one.run())
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)
        began = asyncio.get_running_loop().time()
        one.stopping.set()
        await running
    return asyncio.get_running_loop().time() - began


@pytest.fixture
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "TICK_SECONDS", 0.05)


def test_first_tick_comes_at_once_and_the_end_too() -> None:
    pipeline = Counting()
    took = asyncio.run(stopped_after(service(pipeline), lambda: pipeline.updates > 0 and pipeline.delivered > 0))
    assert (pipeline.updates, pipeline.delivered) == (1, 1)
    assert took < 1


def test_update_that_hangs_is_cut_off_when_the_service_stops(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = Counting(work=lambda: asyncio.sleep(60))
    took = asyncio.run(stopped_after(service(pipeline), lambda: pipeline.updates > 0))
    assert (pipeline.cancelled, took < 1) == (1, True)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_update_ends_before_the_network_is_closed() -> None:
    """What is being saved when the service stops is saved, with its connections still there."""
    order: list[str] = []

    async def saves_slowly() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            order.append("saved")

    @asynccontextmanager
    async def network() -> AsyncIterator[Fetcher]:
        yield cast(Fetcher, None)
        order.append("closed")

    pipeline = Counting(work=saves_slowly)
    one = Service(cast(Pipeline, pipeline), network, no_mail)
    asyncio.run(stopped_after(one, lambda: pipeline.updates > 0))
    assert order == ["saved", "closed"]


def test_mail_on_its_way_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = threading.Event(), threading.Event()
    asked: list[bool] = []

    def deliver(_mailer: object, stop: Callable[[], bool]) -> Counter[str]:
        began.set()
        threading.Event().wait(0.2)
        asked.append(stop())
        ended.set()
        return Counter(sent=1)

    pipeline = Counting()
    monkeypatch.setattr(pipeline, "deliver", deliver)
    asyncio.run(stopped_after(service(pipeline), began.is_set))
    assert ended.is_set()
    assert asked == [True]  # a round looks at `stopping` between its mails


def test_work_that_does_not_stop_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schedule, "LONGEST_STOP", 0.2)

    async def deaf() -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue

    pipeline = Counting(work=deaf)
    took = asyncio.run(stopped_after(service(pipeline), lambda: pipeline.updates > 0))
    assert took < 1
    assert [record.message for record in caplog.records] == ["update was cut off; the next start goes on from there"]


def test_workers_are_ended_with_the_update_that_waits_for_them(tmp_path: Path) -> None:
    """A thread cannot be cancelled: the program would stay until the last batch is through."""

    class Busy:
        def __init__(self) -> None:
            self.began, self.closed = threading.Event(), threading.Event()

        def run(self, *_: object, **__: object) -> list[Any]:
            self.began.set()
            assert self.closed.wait(30)
            raise CancelledError

        def close(self) -> None:
            self.closed.set()

    database, runner = new_ledger(tmp_path / "digest.db"), Busy()
    put(Store(database), ELBE, "Titel")
    pipeline = Pipeline(replace(CONFIG, sources=()), Store(database), IssueStore(database), runner, lambda: MORNING)

    async def stopped() -> None:
        working = asyncio.ensure_future(pipeline.describe())
        while not runner.began.is_set():
            await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.wait({working})
        assert working.cancelled()

    with database.write() as db:
        db.execute(delete(t.outcome).where(t.outcome.c.stage == "describe"))
    asyncio.run(stopped())
    assert runner.closed.is_set()
    database.close()


def test_stage_is_named_before_it_works_and_one_without_work_is_not(tmp_path: Path) -> None:
    database = new_ledger(tmp_path / "digest.db")
    put(Store(database), ELBE, "Titel")
    with database.write() as db:
        db.execute(delete(t.outcome).where(t.outcome.c.stage.in_(("describe", "group"))))
    told: list[object] = []

    class Telling(Inline):
        def run(self, stage: Any, items: Any, **more: Any) -> Any:
            told.append(stage.__name__)
            return super().run(stage, items, **more)

    pipeline = Pipeline(
        CONFIG,
        Store(database),
        IssueStore(database),
        Telling(),
        lambda: MORNING,
        lambda progress: told.append((progress.stage, progress.done)),
    )
    asyncio.run(pipeline.digest_articles())
    asyncio.run(pipeline.digest_articles())  # nothing is left to do
    assert told == [("describe", 0), "describe", ("describe", 1), ("group", 0), ("group", 1)]
    database.close()


@pytest.mark.usefixtures("quick_ticks")
def test_failing_update_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    troubles = iter([RuntimeError("a bug"), StoreError("digest.db", "the disk is full", "free some space")])

    async def works_the_third_time() -> None:
        for trouble in troubles:
            raise trouble

    pipeline = Counting(work=works_the_third_time)
    with caplog.at_level(logging.INFO):
        asyncio.run(stopped_after(service(pipeline), lambda: pipeline.updates > 2))
    assert "update failed; it is tried again at the next tick" in caplog.text
    assert "update: digest.db: the disk is full; free some space" in caplog.text
    (full,) = (record for record in caplog.records if "disk is full" in record.message)
    assert full.exc_info is None  # in the user's words: no traceback
    assert "feeds: 3 done, 2 failed in 0.5 s" in caplog.text
    assert "pages:" not in caplog.text  # nothing came of it
    assert "mail: 1 deferred, 2 sent" in caplog.text


@pytest.mark.usefixtures("quick_ticks")
def test_slow_update_is_not_begun_twice_and_holds_up_no_mail() -> None:
    pipeline = Counting(work=lambda: asyncio.sleep(60))
    asyncio.run(stopped_after(service(pipeline), lambda: pipeline.delivered > 3))
    assert pipeline.updates == 1


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_service(sign: signal.Signals) -> None:
    async def killed() -> None:
        pipeline = Counting()
        running = asyncio.ensure_future(service(pipeline).run())
        while not pipeline.updates:
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), sign)
        await asyncio.wait_for(running, 5)

    asyncio.run(killed())


def test_nothing_begins_after_the_service_was_told_to_stop() -> None:
    async def tick() -> Counting:
        pipeline = Counting(editions=(BERLIN,))
        one = service(pipeline)
        one.stopping.set()
        await one._guarded("editions", one._send_due)
        return pipeline

    assert asyncio.run(tick()).made == []


def made_at(*moments: datetime) -> list[tuple[str, date]]:
    """The issues that a service makes whose tick comes at these moments."""

    async def tick() -> Counting:
        pipeline = Counting(editions=(BERLIN, TOKYO))
        for moment in moments:
            pipeline.at = moment
            await service(pipeline)._send_due()
        return pipeline

    return asyncio.run(tick()).made


def test_edition_is_made_at_its_local_hour_and_once_a_day() -> None:
    day = date(2026, 3, 18)
    assert made_at(MORNING - timedelta(minutes=1)) == []
    assert made_at(MORNING) == [("morning", day)]
    ticks = [MORNING + timedelta(seconds=30) * number for number in range(10)]
    assert made_at(*ticks) == [("morning", day)]
    assert made_at(MORNING, MORNING + timedelta(days=1)) == [("morning", day), ("morning", date(2026, 3, 19))]
    assert made_at(datetime(2026, 3, 17, 22, 0, tzinfo=UTC)) == [("tokyo", day)]  # where it is the next day already


def test_real_pipeline_mails_an_issue_once_however_often_it_is_asked(tmp_path: Path) -> None:
    database = new_ledger(tmp_path / "digest.db")
    config = replace(CONFIG, path=tmp_path / "feeds.yaml")

    async def ticks() -> None:
        for minutes in (0, 1, 2):
            pipeline = _pipeline(config, database, MORNING + timedelta(minutes=minutes))
            await Service(pipeline, no_network, lambda: Folder(config.mail_folder))._send_due()

    asyncio.run(ticks())
    assert IssueStore(database).outbox_counts() == {"sent": 1}
    assert len(list(config.mail_folder.glob("*.eml"))) == 1
    database.close()


def _pipeline(config: Config, database: Database, moment: datetime) -> Pipeline:
    return Pipeline(config, Store(database), IssueStore(database), Inline(), lambda: moment)
