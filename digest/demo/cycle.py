"""`digest demo`: the invented newsroom through the whole program, over real HTTP and real SMTP on this machine.

The newsroom's clock stands in March 2021. It is polled twice, in the afternoon and the next morning, so that unchanged
feeds, a corrected headline and developing stories are there to see; then the morning's issue is made and mailed.
"""

import asyncio
import json
import resource
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from digest.config import Config, Delivery, FetchSettings
from digest.demo.newsroom import DEMO_NOTE
from digest.demo.server import NewsroomServer
from digest.demo.sink import MailSink
from digest.edges.database import Database
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.issues import IssueStore, StoredIssue
from digest.edges.mail import Smtp
from digest.edges.pool import Pool
from digest.edges.store import Store
from digest.pipeline import Pipeline, Progress, StageResult
from digest.records import Edition, Failure, Source, Watchlist
from digest.stages.warm import warm_up

__all__ = ["AFTERNOON", "MORNING", "DemoResult", "demo_config", "run_demo"]

AFTERNOON = datetime(2021, 3, 19, 13, 0, tzinfo=UTC)
MORNING = datetime(2021, 3, 20, 5, 20, tzinfo=UTC)
USER_AGENT = "Digest-demo/1.0 (on this machine only)"
WORKERS = 2
DELAY = 0.02  # seconds between two requests to one outlet; a real site is given more
DEADLINE = 1.5  # seconds for a request: the newsroom's slow feed takes half of it, the silent one all

EDITION = Edition(
    name="demo",
    title="Morning briefing (demonstration)",
    at="06:30",
    zone="Europe/Berlin",
    watchlists=("Platforms",),
    recipients=("Editor <editor@newsroom.example>", "Scholar <scholar@university.example>"),
    size=20,
)
WATCHLIST = Watchlist("Platforms", ("company:tencent", "company:apple", "company:x"), ("deepfake",))


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demonstration left in `out`, and what it took."""

    out: Path
    issue: StoredIssue
    stages: tuple[StageResult, ...]
    mails: int
    seconds: float


def demo_config(sources: Sequence[Source], out: Path) -> Config:
    """The configuration of a newsroom that wants to see everything of the demonstration."""
    return Config(
        path=out / "feeds.yaml",
        sources=tuple(sources),
        watchlists=(WATCHLIST,),
        editions=(EDITION,),
        delivery=Delivery("Digest demonstration <digest@newsroom.example>", None),
        fetch=FetchSettings("", ("127.0.0.0/8",), timedelta(seconds=DELAY), timedelta(seconds=DEADLINE), None),
    )


def run_demo(out: Path, tell: Callable[[Progress], None]) -> DemoResult:
    """Polls, groups, composes and mails, and leaves issue.html, issue.txt, mail/*.eml, digest.db and report.json."""
    began = time.monotonic()
    with ThreadPoolExecutor(1) as starter, Pool(WORKERS, warm=(warm_up,)) as pool:
        # The workers load their models while the ledger is made and the first feeds are asked.
        loading = starter.submit(pool.run, _ready, range(WORKERS), key=str, size=1, deadline=60)
        _clear(out)
        database = Database(out / "digest.db")
        try:
            stages, issue, mails = asyncio.run(_cycle(out, database, pool, tell))
        finally:
            database.close()
        loading.result()
    result = DemoResult(out, issue, tuple(stages), mails, time.monotonic() - began)
    _write(result)
    return result


async def _cycle(
    out: Path, database: Database, pool: Pool, tell: Callable[[Progress], None]
) -> tuple[list[StageResult], StoredIssue, int]:
    stages: list[StageResult] = []
    async with NewsroomServer(AFTERNOON) as server:
        pipeline = Pipeline(
            demo_config(server.sources(), out), Store(database), IssueStore(database), pool, lambda: server.now, tell
        )
        options = FetchOptions(USER_AGENT, ("127.0.0.0/8",), deadline=DEADLINE, delay=DELAY)
        async with Fetcher(options, lambda: server.now) as fetcher:
            for moment in (AFTERNOON, MORNING):
                server.now = moment
                stages += await pipeline.update(fetcher)
        began = time.monotonic()
        issue = await asyncio.to_thread(_make_issue, pipeline)
        stages.append(StageResult("issue", 1, {}, time.monotonic() - began))
        counts, seconds = await asyncio.to_thread(_mail, pipeline, out)
        stages.append(StageResult("mail", counts.pop("sent", 0), dict(counts), seconds))
    return stages, issue, stages[-1].done


def _ready(numbers: Sequence[int]) -> list[int | Failure]:
    """What a worker answers once it has loaded its models."""
    return list(numbers)


def _make_issue(pipeline: Pipeline) -> StoredIssue:
    day = pipeline.now().astimezone(ZoneInfo(EDITION.zone)).date()
    issue = pipeline.make_issue(EDITION, day, DEMO_NOTE)
    assert issue is not None, "the ledger is new: it cannot hold an issue"
    return issue


def _mail(pipeline: Pipeline, out: Path) -> tuple[Counter[str], float]:
    began = time.monotonic()
    with MailSink(out / "mail") as sink, Smtp(sink.url) as mailer:
        return pipeline.deliver(mailer), time.monotonic() - began


def _clear(out: Path) -> None:
    """Takes away what an earlier demonstration left, and nothing else."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("issue.html", "issue.txt", "report.json", "digest.db", "digest.db-wal", "digest.db-shm"):
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / "mail", ignore_errors=True)


def _write(result: DemoResult) -> None:
    email = result.issue.email
    (result.out / "issue.html").write_text(email.html, encoding="utf-8")
    (result.out / "issue.txt").write_text(email.text, encoding="utf-8")
    report = json.dumps(_report(result), ensure_ascii=False, indent=2)
    (result.out / "report.json").write_text(report + "\n", encoding="utf-8")


def _report(result: DemoResult) -> dict[str, Any]:
    stages: dict[str, dict[str, Any]] = {}
    for one in result.stages:  # two cycles: their counts and seconds are added up
        stage = stages.setdefault(one.stage, {"done": 0, "failed": Counter(), "seconds": 0.0})
        stage["done"] += one.done
        stage["failed"].update(one.failed)
        stage["seconds"] = round(stage["seconds"] + one.seconds, 3)
    return {
        "note": DEMO_NOTE,
        "subject": result.issue.email.subject,
        "sha256": result.issue.sha256,
        "seconds": round(result.seconds, 3),
        "memory_mb": {
            "coordinator": _megabytes(resource.RUSAGE_SELF),
            "largest worker": _megabytes(resource.RUSAGE_CHILDREN),
        },
        "mails": result.mails,
        "stages": stages,
    }


def _megabytes(who: int) -> int:
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(who).ru_maxrss * unit // 1_000_000
