"""Runs the pipeline against a hostile web for a while: `python -m tests.soak [--minutes 30] [--seed 1]`.

In each cycle every feed comes due, honest ones gain items, and all the others do what they do; now and then a worker is
killed or frozen. At the end the ledger must hold exactly what the honest sites made, every feed must have been asked
in every cycle, and the coordinator must not have grown. Exit 0, 1 if something is wrong, 130 after Ctrl-C.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random

from sqlalchemy import func, select

from digest import pipeline as order
from digest.config import Config, Delivery, FetchSettings
from digest.edges import tables as t
from digest.edges.database import Database
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.issues import IssueStore
from digest.edges.pool import Pool
from digest.edges.store import Store
from digest.pipeline import Pipeline
from digest.records import Source
from digest.stages.extract import extract
from digest.stages.parse import parse
from digest.stages.warm import warm_up
from tests.soak.honest import BEGIN, CYCLE, guid, is_honest_page
from tests.soak.sites import sites
from tests.soak.web import IDLE_SECONDS, About, Place, address, serve_sites

WORKERS = 2
# Seconds for a batch: a frozen worker and a page that hangs cost a soak this much, and the real ones five times more.
DEADLINES = {"parse": 10.0, "extract": 12.0, "tag": 60.0, "describe": 60.0}
GROWTH_SHARE, GROWTH_BYTES = 0.10, 20 * 1024**2
# A page that fails for a passing reason is tried twice more, in the cycles that follow.
CYCLES_TO_SETTLE = 3


@dataclass(frozen=True, slots=True)
class Options:
    """`cycles` ends the soak even if minutes are left."""

    minutes: float
    seed: int
    models: bool
    deadline: float = 4  # seconds for a request
    cycles: int = sys.maxsize
    every: int = 1  # of so many sites one takes part


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes hold at the end of a cycle, memory in bytes."""

    seconds: float
    coordinator: int
    worker: int  # the largest one
    descriptors: int
    threads: int
    children: int


@dataclass(slots=True)
class Record:
    """What happened: one sample for each cycle, and what was done to workers."""

    samples: list[Sample] = field(default_factory=list)
    killed: int = 0
    frozen: int = 0
    wrong: list[str] = field(default_factory=list)


# --- the soak --------------------------------------------------------------------------------------------------------


def soak(options: Options, record: Record) -> None:
    """Fills the record as it goes, and at its end with what is wrong."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_sites(options.seed, partial(sites, options.every)) as web,
        _deadlines(),
    ):
        database = Database(Path(folder) / "digest.db")
        try:
            asyncio.run(_cycles(options, record, web, database))
            record.wrong += [*growth(record.samples), *check(database, web, len(record.samples), record.frozen)]
        finally:
            database.close()


@contextmanager
def _deadlines() -> Iterator[None]:
    usual = dict(order.DEADLINES)
    order.DEADLINES.update(DEADLINES)
    try:
        yield
    finally:
        order.DEADLINES.update(usual)


async def _cycles(options: Options, record: Record, web: Place, database: Database) -> None:
    chance = Random(options.seed)
    sources = tuple(
        Source(site.name, web.url(position), every=timedelta(hours=1)) for position, site in enumerate(web.sites)
    )
    settings = FetchSettings("soak@example.org", ("127.0.0.0/8",), timedelta(), timedelta(), None)
    config = Config(Path("feeds.yaml"), sources, (), (), Delivery("soak@example.org", None), settings)
    door = FetchOptions("Digest-soak/1.0", settings.allow_hosts, deadline=options.deadline, delay=0.05)
    with Pool(WORKERS, (warm_up,) if options.models else (partial(parse, []), partial(extract, []))) as pool:
        pipeline = Pipeline(config, Store(database), IssueStore(database), pool, _clock(web))
        async with Fetcher(door, pipeline.now) as fetcher:
            began = time.monotonic()
            workers: set[int] = set()
            while time.monotonic() - began < options.minutes * 60 and len(record.samples) < options.cycles:
                web.generation.value = len(record.samples)
                harm = asyncio.create_task(_harm_a_worker(chance, workers, record))
                start = time.monotonic()
                await _cycle(pipeline, fetcher, models=options.models)
                seconds = time.monotonic() - start
                harm.cancel()
                await asyncio.sleep(IDLE_SECONDS * 2)  # idle connections come to their end
                workers = {pid for pid in _children() - {web.pid} if _is_worker(pid)}
                record.samples.append(_sample(seconds, workers))
                print(_line(f"cycle {len(record.samples)}", [record.samples[-1]]), flush=True)


def _clock(web: Place) -> Callable[[], datetime]:
    return lambda: BEGIN + CYCLE * int(web.generation.value)


async def _cycle(pipeline: Pipeline, fetcher: Fetcher, *, models: bool) -> None:
    if models:
        await pipeline.update(fetcher)
        return
    await pipeline.poll_feeds(fetcher)
    await pipeline.fetch_pages(fetcher)
    await pipeline.extract(fetcher)


async def _harm_a_worker(chance: Random, workers: set[int], record: Record) -> None:
    """In every other cycle, kills or freezes one of the workers that stood at the end of the one before."""
    wait, number, freeze = chance.uniform(0.1, 5), chance.random(), chance.random() < 0.25
    if not workers or chance.random() < 0.5:
        return
    await asyncio.sleep(wait)
    victim = sorted(workers)[int(number * len(workers))]
    if victim not in _children():  # it ended meanwhile, and its number may be another's
        return
    with suppress(ProcessLookupError):
        os.kill(victim, signal.SIGSTOP if freeze else signal.SIGKILL)
        record.frozen += freeze
        record.killed += not freeze


# --- what the processes hold -----------------------------------------------------------------------------------------


def _children() -> set[int]:
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def _is_worker(pid: int) -> bool:
    """Beside workers there is a process of multiprocessing's own."""
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _sample(seconds: float, workers: set[int]) -> Sample:
    return Sample(
        seconds,
        _resident(os.getpid()),
        max(map(_resident, workers), default=0),
        len(os.listdir("/proc/self/fd")),
        len(os.listdir("/proc/self/task")),
        len(workers),
    )


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0


def quarters(samples: Sequence[Sample]) -> list[list[Sample]]:
    ends = [len(samples) * quarter // 4 for quarter in range(5)]
    return [list(samples[start:end]) for start, end in pairwise(ends)]


def growth(samples: Sequence[Sample]) -> list[str]:
    """What grew between the second and the last quarter: by then everything that is loaded once has been."""
    _, second, _, last = quarters(samples)
    if not second:
        return []
    wrong = []
    before, after = (statistics.median(one.coordinator for one in part) for part in (second, last))
    if after > before * (1 + GROWTH_SHARE) + GROWTH_BYTES:
        wrong.append(f"the coordinator's memory grew from {before / 1024**2:.0f} to {after / 1024**2:.0f} MB")
    for name in ("descriptors", "threads", "children"):
        most, now = (max(getattr(one, name) for one in part) for part in (second, last))
        if now > most:
            wrong.append(f"{name} grew from {most} to {now}")
    return wrong


# --- what the ledger holds -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """A source in the ledger: the cycles of its polls that succeeded, and its entries by guid."""

    polls: int
    good: Sequence[int]
    reason: str  # of the last poll, if it failed
    guids: set[str]


def check(database: Database, web: Place, cycles: int, frozen: int) -> list[str]:
    """What is not as it must be."""
    wrong = [] if (told := _integrity(database)) == "ok" else [f"the database's own check says: {told}"]
    for position, site in enumerate(web.sites):
        seen = _seen(database, site.name)
        wrong += [f"{address(position)} {site.name!r}: {one}" for one in _wrong_with(site, seen, web, cycles)]
    unread = _unread(database, web, cycles)
    if len(unread) > frozen:
        wrong.append(f"{len(unread)} honest pages came to no article: {', '.join(unread[:5])}")
    return wrong + [f"{count} times 'internal error' in {stage}" for stage, count in _internal_errors(database)]


def _integrity(database: Database) -> str:
    with database.read() as db:
        return str(db.exec_driver_sql("PRAGMA integrity_check").scalar())


def _seen(database: Database, name: str) -> _Seen:
    polls = select(t.fetch).where(t.fetch.c.source == name, t.fetch.c.kind == "feed").order_by(t.fetch.c.id)
    with database.read() as db:
        rows = db.execute(polls).all()
        guids = set(db.execute(select(t.entry.c.guid).where(t.entry.c.source == name)).scalars())
    good = [(row.at - BEGIN) // CYCLE for row in rows if row.outcome != "failed"]
    return _Seen(len(rows), good, rows[-1].reason if rows else "", guids)


def _wrong_with(site: About, seen: _Seen, web: Place, cycles: int) -> Iterator[str]:
    gone = seen.reason == "http 410 gone"
    if seen.polls != cycles and not gone:
        yield f"asked {seen.polls} times in {cycles} cycles"
    if site.honest:
        known = (min if site.stuck else max)(seen.good, default=-1)
        made = {guid(site.name, number) for number in range(site.made(web.seed, known))} if seen.good else set()
        if seen.guids != made:
            yield f"{len(made - seen.guids)} entries are missing, {len(seen.guids - made)} too many"
        if cycles - 1 - known > CYCLES_TO_SETTLE and not site.stuck:
            yield f"no answer could be read since cycle {known + 1} ({seen.reason})"
    elif site.empty:
        if seen.guids or not seen.reason:
            yield f"{len(seen.guids)} entries from nothing, reason {seen.reason!r}"
    elif not seen.guids and not seen.good and not seen.reason:
        yield "neither entries nor a reason"


def _unread(database: Database, web: Place, cycles: int) -> list[str]:
    """Honest pages, of sites that let them be read, that have been there for some cycles and are no article."""
    settled = BEGIN + CYCLE * (cycles - CYCLES_TO_SETTLE)
    query = (
        select(t.entry.c.source, t.entry.c.guid, t.article.c.text)
        .outerjoin(t.article, t.article.c.id == t.entry.c.id)
        .where(t.entry.c.first_seen <= settled)
    )
    readable = {site.name for site in web.sites if site.honest and site.pages}
    with database.read() as db:
        return [
            row.guid
            for row in db.execute(query)
            if row.source in readable
            and (number := row.guid.rpartition("-")[2]).isdecimal()
            and is_honest_page(web.seed, row.source, int(number))
            and f"{row.guid} (4)" not in (row.text or "")
        ]


def _internal_errors(database: Database) -> list[tuple[str, int]]:
    """Those are mistakes of ours, whatever came."""
    of_stages = select(t.outcome.c.stage, func.count()).where(t.outcome.c.reason == "internal error")
    of_fetches = select(t.fetch.c.kind, func.count()).where(t.fetch.c.reason == "internal error")
    with database.read() as db:
        rows = [
            *db.execute(of_stages.group_by(t.outcome.c.stage)),
            *db.execute(of_fetches.group_by(t.fetch.c.kind)),
        ]
    return [(row[0], row[1]) for row in rows]


# --- what is told ----------------------------------------------------------------------------------------------------


def _line(name: str, samples: Sequence[Sample]) -> str:
    def middle(of: Callable[[Sample], float]) -> float:
        return statistics.median(map(of, samples))

    return (
        f"{name:12}{len(samples):7}{middle(lambda one: one.seconds):10.1f}"
        f"{middle(lambda one: one.coordinator) / 1024**2:16.0f}{max(one.worker for one in samples) / 1024**2:11.0f}"
        f"{max(one.descriptors for one in samples):13}{max(one.threads for one in samples):9}"
        f"{max(one.children for one in samples):10}"
    )


HEADER = (
    f"{'':12}{'cycles':>7}{'seconds':>10}{'coordinator MB':>16}{'worker MB':>11}{'descriptors':>13}{'threads':>9}"
    f"{'children':>10}"
)


def table(record: Record) -> str:
    """Medians of seconds and of the coordinator's memory, the most of the rest."""
    parts = enumerate(quarters(record.samples), 1)
    lines = [_line(f"quarter {number}", part) for number, part in parts if part]
    return "\n".join([HEADER, *lines, f"workers killed: {record.killed}, frozen: {record.frozen}"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="The pipeline against a hostile web.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-models", action="store_true", help="only poll, fetch pages and read them")
    given = parser.parse_args()
    options = Options(given.minutes, given.seed, not given.without_models)
    print(f"seed {options.seed}\n{HEADER}", flush=True)
    record = Record()
    try:
        soak(options, record)
    except KeyboardInterrupt:
        print(f"\nended early\n{table(record)}")
        return 130
    print(f"\n{table(record)}")
    for one in record.wrong:
        print(f"WRONG: {one}")
    return 1 if record.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
