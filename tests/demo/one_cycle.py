"""A program of its own that the tests kill: one cycle of the pipeline, or one round of sending, on a ledger.

    python -m tests.demo.one_cycle LEDGER update SOURCES.json
    python -m tests.demo.one_cycle LEDGER send SMTP_URL MINUTES [DIE_AT]

It says on stdout how far it is. DIE_AT kills it from inside at a point of sending that nobody can hit from outside.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from digest.demo.cycle import EDITION, MORNING, USER_AGENT, demo_config
from digest.edges.database import Database
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.issues import IssueStore
from digest.edges.mail import Outcome, Smtp
from digest.edges.pool import Inline
from digest.edges.store import Store
from digest.pipeline import Pipeline, Progress
from digest.records import Source


def tell(progress: Progress) -> None:
    if progress.done:  # it has saved something, and may be killed
        print(progress.stage, flush=True)


def pipeline(ledger: Path, sources: list[Source], minutes: float = 0) -> Pipeline:
    database = Database(ledger)
    now = MORNING + timedelta(minutes=minutes)
    config = demo_config(sources, ledger.parent)
    return Pipeline(config, Store(database), IssueStore(database), Inline(), lambda: now, tell)


async def update(work: Pipeline) -> None:
    options = FetchOptions(USER_AGENT, ("127.0.0.0/8",), deadline=4.0, delay=0.01)
    async with Fetcher(options, work.now) as fetcher:
        await work.update(fetcher)


class DyingMailer:
    """A real mail client in a process that dies by SIGKILL at a named point of its first mail."""

    def __init__(self, inner: Smtp, die_at: str) -> None:
        self.inner = inner
        self.die_at = die_at

    def _die(self, point: str) -> None:
        if point == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def send(self, body: bytes, sender: str, recipient: str, before_data: Callable[[], None]) -> Outcome:
        self._die("claimed")

        def mark_and_die() -> None:
            before_data()
            self._die("data started")

        outcome = self.inner.send(body, sender, recipient, mark_and_die)
        self._die("accepted")
        return outcome


def send(work: Pipeline, url: str, die_at: str) -> None:
    day = work.now().astimezone(ZoneInfo(EDITION.zone)).date()
    work.make_issue(EDITION, day)
    with Smtp(url) as mailer:
        work.deliver(DyingMailer(mailer, die_at))


def main(ledger: str, command: str, *rest: str) -> None:
    if command == "update":
        sources = [Source(**one) for one in json.loads(Path(rest[0]).read_text(encoding="utf-8"))]
        asyncio.run(update(pipeline(Path(ledger), sources)))
    else:
        send(pipeline(Path(ledger), [], float(rest[1])), rest[0], rest[2] if len(rest) > 2 else "")
    print("finished", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
