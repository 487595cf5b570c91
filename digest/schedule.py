"""The service: APScheduler's ticks call the pipeline. What is due is asked from the ledger, never from the scheduler.

The scheduler keeps its jobs in memory only: its cron trigger skips or repeats days where clocks change, and a shared
job store runs jobs twice. A tick each half minute and the ledger's unique rows know neither trouble.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from digest.edges.fetch import Fetcher
from digest.edges.mail import Mailer
from digest.edges.receiver import Receiver
from digest.errors import DigestError
from digest.pipeline import Pipeline
from digest.stages.calendar import issue_day
from digest.websub import Subscriber

__all__ = ["Service"]

log = logging.getLogger(__name__)

TICK_SECONDS = 30
LONGEST_STOP = 20.0  # seconds; service managers kill after 30 to 90


@dataclass(slots=True)
class Service:
    """Polls, groups and sends until it is told to stop; with a `subscriber`, hubs may deliver news meanwhile."""

    pipeline: Pipeline
    open_fetcher: Callable[[], AbstractAsyncContextManager[Fetcher]]
    open_mailer: Callable[[], AbstractContextManager[Mailer]]
    subscriber: Subscriber | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    running: set[asyncio.Task[Any]] = field(default_factory=set)

    async def run(self) -> None:
        """Returns after SIGTERM or SIGINT: what is being saved is saved, what was claimed and not tried given back."""
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self.stopping.set)
        async with self.open_fetcher() as fetcher, self._receiving():
            defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
            scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=defaults)
            tick = {"trigger": "interval", "seconds": TICK_SECONDS, "next_run_time": self.pipeline.now()}
            scheduler.add_job(self._guarded, args=("update", lambda: self._update(fetcher)), **tick)
            scheduler.add_job(self._guarded, args=("editions", self._send_due), **tick)
            if self.subscriber:
                scheduler.add_job(self._guarded, args=("hubs", lambda: self._keep_hubs(fetcher)), **tick)
            scheduler.start()
            await self.stopping.wait()
            scheduler.pause()
            await self._wait_for_jobs()
            scheduler.shutdown(wait=False)  # cuts off whatever runs, so it comes last

    def _receiving(self) -> AbstractAsyncContextManager[object]:
        if self.subscriber is None:
            return nullcontext()
        listen = self.pipeline.config.fetch.websub_listen
        return Receiver(listen, self.subscriber.confirm, self.subscriber.take)

    async def _keep_hubs(self, fetcher: Fetcher) -> None:
        if self.subscriber:
            states = self.pipeline.store.feed_states(self.pipeline.config.sources)
            await self.subscriber.keep(fetcher, list(states.values()))

    async def _wait_for_jobs(self) -> None:
        """Jobs look at `stopping` between their steps; what goes on for longer is cut off, and the ledger knows it."""
        if self.running:
            _, late = await asyncio.wait(self.running, timeout=LONGEST_STOP)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _guarded(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """A cycle that fails is told in the log and tried again at the next tick; the service stays up."""
        task = asyncio.current_task()
        if self.stopping.is_set() or task is None:
            return
        self.running.add(task)
        try:
            await work()
        except asyncio.CancelledError:
            log.warning("%s was cut off; the next start goes on from there", name)
        except DigestError as error:
            log.error("%s: %s", name, error)
        except Exception:
            log.exception("%s failed; it is tried again at the next tick", name)
        finally:
            self.running.discard(task)

    async def _update(self, fetcher: Fetcher) -> None:
        if self.subscriber:
            await self.pipeline.take_pushed(self.subscriber.delivered())
        cycle = asyncio.ensure_future(self.pipeline.update(fetcher))
        stop = asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait({cycle, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not cycle.done():
            cycle.cancel()
            await asyncio.wait({cycle})
            return
        for result in cycle.result():
            if result.done or result.failed:
                failed = sum(result.failed.values())
                log.info("%s: %d done, %d failed in %.1f s", result.stage, result.done, failed, result.seconds)

    async def _send_due(self) -> None:
        now = self.pipeline.now()
        for edition in self.pipeline.config.editions:
            day = issue_day(edition, now)
            if day and (issue := await asyncio.to_thread(self.pipeline.make_issue, edition, day)):
                log.info("issue %s of %s: %s", issue.edition, issue.date, issue.email.subject)
        counts = await asyncio.to_thread(self._deliver)
        if counts:
            log.info("mail: %s", ", ".join(f"{number} {state}" for state, number in sorted(counts.items())))

    def _deliver(self) -> dict[str, int]:
        with self.open_mailer() as mailer:
            return dict(self.pipeline.deliver(mailer, self.stopping.is_set))
