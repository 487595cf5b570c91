"""The only file that knows the order of the stages.

Each step asks the ledger what is missing, does it and saves what came of it, in bounded batches. So a crash, a rerun, a
backfill and a raised stage version are the same thing, and killing the program loses at most the batch in hand.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from digest.config import Config
from digest.edges.addresses import canonical
from digest.edges.entities import EntityStore
from digest.edges.fetch import ACCEPT_PAGE, Fetcher
from digest.edges.issues import NEWS_WINDOW, IssueStore, Mail, StoredIssue
from digest.edges.mail import Mailer, backoff, build
from digest.edges.own import OwnEntities
from digest.edges.pool import Runner
from digest.edges.store import KnownPage, Poll, Store, WantedPart
from digest.entities.catalogue import Own, catalogue
from digest.entities.link import resolve
from digest.languages import base
from digest.records import (
    Article,
    Digest,
    Document,
    Edition,
    Entry,
    Failure,
    FeedState,
    ParsedFeed,
    Source,
    StoryView,
)
from digest.sitemaps import follow
from digest.stages import poll
from digest.stages.compose import compose
from digest.stages.extract import extract
from digest.stages.group import describe, from_bytes, group, to_bytes
from digest.stages.parse import parse
from digest.stages.render import render
from digest.stages.tag import tag

log = logging.getLogger(__name__)

__all__ = ["VERSIONS", "Pipeline", "Progress", "StageResult"]

# Raise a stage's number when its results change: its items, and what follows from them, are then done again.
VERSIONS = {"fetch": 1, "extract": 1, "tag": 2, "describe": 1, "group": 1}

RECHECK_SHARE = 100  # pages that one cycle asks again whether they changed
BATCH = 200  # items asked from the ledger at a time: what a crash may cost, and what stands in memory
# Seconds for one batch of a heavy stage in a worker, its start (some seconds of imports and models) included.
DEADLINES = {"parse": 30.0, "extract": 60.0, "tag": 120.0, "describe": 120.0}
SIZES = {"parse": 4, "extract": 4, "tag": 4, "describe": 8}
POLLED = 64  # feeds' answers parsed and saved together, at most
# Follow-ups join a story within this time of its last report.
GROUP_WINDOW = timedelta(days=14)
# A date in a feed may run ahead by a clock's error or a zone's mistake; what lies further ahead is no date.
AHEAD = timedelta(days=1)

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage did in one cycle. `failed` counts by reason."""

    stage: str
    done: int
    failed: Mapping[str, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Told when a stage begins its work and while it works: so many items done so far."""

    stage: str
    done: int


@dataclass(slots=True)
class _Tally:
    stage: str
    tell: Callable[[Progress], None]
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        """Names the stage before its first items are done; one with nothing to do stays silent."""
        if not self.done and not self.failed:
            self.tell(Progress(self.stage, 0))

    def add(self, results: Sequence[object]) -> None:
        failures = [result.reason for result in results if isinstance(result, Failure)]
        self.failed.update(failures)
        self.done += len(results) - len(failures)
        self.tell(Progress(self.stage, self.done + sum(self.failed.values())))

    def result(self) -> StageResult:
        return StageResult(self.stage, self.done, dict(self.failed), time.monotonic() - self.began)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The program's parts, and the verbs that the commands and the schedule use. `now` is the only clock."""

    config: Config
    store: Store
    issues: IssueStore
    runner: Runner
    now: Callable[[], datetime]
    tell: Callable[[Progress], None] = lambda _: None

    # --- one cycle: from the feeds to the stories --------------------------------------------------------------------

    async def update(self, fetcher: Fetcher) -> list[StageResult]:
        """Polls the feeds that are due and brings every article as far as it can go."""
        polled = await self.poll_feeds(fetcher)
        pages = await self.fetch_pages(fetcher)
        return [polled, pages, *await self.digest_articles(fetcher)]

    async def digest_articles(self, fetcher: Fetcher | None = None) -> list[StageResult]:
        """The stages after fetching, for whatever the ledger holds unfinished; without a fetcher nothing is asked."""
        return [await self.extract(fetcher), await self.tag(), await self.describe(), await self.group()]

    async def poll_feeds(self, fetcher: Fetcher) -> StageResult:
        tally = _Tally("feeds", self.tell)
        self.store.sync_sources(self.config.sources, self.now())
        fetcher.restore(self.store.pauses(self.now()), lambda origin: self.store.robots(origin, self.now()))
        states = self._states()
        sources = poll.due(self.config.sources, states, self.now())
        owners = {canonical(url): source for url, source in poll.owners(self.config.sources, states).items()}
        jobs = [self._answer(fetcher, source, states[source.feed], owners) for source in sources]
        if jobs:
            tally.begin()
        # Without this, a stop while answers are saved would leave the other requests running into a closed door.
        async with aclosing(_in_batches(jobs, POLLED)) as batches:
            async for answers in batches:
                tally.add(await self._save_answers(fetcher, answers))
                self._keep_manners(fetcher)
        return tally.result()

    def _states(self) -> dict[str, FeedState]:
        states = self.store.feed_states(self.config.sources)
        if self.config.fetch.websub:
            return states
        return {url: replace(state, lease=None) for url, state in states.items()}  # hubs do not reach us

    async def take_pushed(self, documents: Sequence[Document]) -> None:
        """What hubs delivered is read as their feeds' answers are; what cannot be read costs nothing but itself."""
        sources = {source.feed: source for source in reversed(self.config.sources)}
        known = [document for document in documents if document.url in sources]
        for document, parsed in zip(known, await self._parse(known), strict=True):
            source, now = sources[document.url], self.now()
            if isinstance(parsed, Failure):
                log.warning("%s: what its hub delivered could not be read: %s", source.name, parsed.reason)
                continue
            entries = [_dated(entry, source.feed, now) for entry in parsed.entries]
            (new,) = self.store.save_entries([(source, entries)], now)
            after = poll.after_push(self.store.feed_states([source])[source.feed], parsed, new, now)
            self.store.remember_feeds([Poll(source, after, "pushed", len(document.body), new)], now)

    @staticmethod
    async def _answer(fetcher: Fetcher, source: Source, state: FeedState, owners: Mapping[str, Source]) -> "_Answer":
        result = await fetcher.get(poll.address(state), etag=state.etag, modified=state.modified)
        if isinstance(result, Failure):
            return _Answer(source, state, result)
        owner = owners.get(result.final_url, source)
        # Its entries go by the address that the user wrote, wherever the feed moves.
        return _Answer(source, state, replace(result, url=source.feed), "" if owner.feed == source.feed else owner.name)

    async def _save_answers(self, fetcher: Fetcher, answers: Sequence["_Answer"]) -> list[object]:
        fresh = [answer for answer in answers if answer.changed]
        documents = [answer.result for answer in fresh if isinstance(answer.result, Document)]
        parsed = await asyncio.gather(*(follow(one, fetcher, self._parse) for one in await self._parse(documents)))
        by_feed = dict(zip((answer.source.feed for answer in fresh), parsed, strict=True))
        now = self.now()
        read = {feed: one for feed, one in by_feed.items() if isinstance(one, ParsedFeed)}
        entries = [
            (answer.source, [_dated(entry, answer.source.feed, now) for entry in read[answer.source.feed].entries])
            for answer in fresh
            if answer.source.feed in read
        ]
        new = dict(zip(read, self.store.save_entries(entries, now), strict=True))
        polls = [_polled(one, by_feed.get(one.source.feed), new.get(one.source.feed, 0), now) for one in answers]
        self.store.remember_feeds(polls, now)
        for answer, polled in zip(answers, polls, strict=True):
            _log_change(answer.state, polled)
        failed = [one for one in parsed if isinstance(one, Failure)]
        return [
            *failed,
            *(answer.result for answer in answers if not isinstance(by_feed.get(answer.source.feed), Failure)),
        ]

    async def _parse(self, documents: Sequence[Document]) -> list[ParsedFeed | Failure]:
        return await self._run(parse, documents, "parse", lambda document: document.url)

    def _keep_manners(self, fetcher: Fetcher) -> None:
        """What hosts asked for holds for the next run too."""
        self.store.save_pauses(fetcher.changed_pauses(), self.now())
        self.store.save_robots(fetcher.new_robots(), self.now())

    async def fetch_pages(self, fetcher: Fetcher) -> StageResult:
        tally = _Tally("pages", self.tell)
        version = VERSIONS["fetch"]
        while todo := self.store.entries_to_fetch(version, self.now(), BATCH):
            tally.begin()
            jobs = [self._page(fetcher, *entry) for entry in todo]
            async for fetched in _in_batches(jobs, 20):
                self.store.save_fetches(fetched, version, self.now())
                self._keep_manners(fetcher)
                tally.add([result for _, _, result in fetched])
        await self._recheck_pages(fetcher, tally)
        return tally.result()

    @staticmethod
    async def _page(fetcher: Fetcher, entry: int, link: str, source: str) -> tuple[int, str, Document | Failure]:
        return entry, source, await fetcher.get(link, robots=True, accept=ACCEPT_PAGE)

    async def _recheck_pages(self, fetcher: Fetcher, tally: _Tally) -> None:
        """Asks whether known pages changed: a share in each cycle, after the new ones."""
        if due := self.store.pages_to_recheck(self.now(), RECHECK_SHARE):
            tally.begin()
            async for fetched in _in_batches([self._known_page(fetcher, page) for page in due], 20):
                self.store.save_rechecks(fetched, self.now())
                self._keep_manners(fetcher)
                tally.add([result for _, _, result in fetched])

    @staticmethod
    async def _known_page(fetcher: Fetcher, page: KnownPage) -> tuple[int, str, Document | Failure]:
        answer = await fetcher.get(page.link, etag=page.etag, modified=page.modified, robots=True, accept=ACCEPT_PAGE)
        return page.entry, page.source, answer

    async def _fetch_parts(self, fetcher: Fetcher) -> None:
        """The further pages that the articles just read turned out to have."""
        if wanted := self.store.parts_to_fetch(self.now(), BATCH):
            async for fetched in _in_batches([self._part(fetcher, part) for part in wanted], 20):
                self.store.save_parts(fetched, self.now())
                self._keep_manners(fetcher)

    @staticmethod
    async def _part(fetcher: Fetcher, part: WantedPart) -> tuple[WantedPart, Document | Failure]:
        return part, await fetcher.get(part.url, robots=True, accept=ACCEPT_PAGE)

    async def extract(self, fetcher: Fetcher | None = None) -> StageResult:
        """Pages to articles. An article in several pages is read again with each of them that has come."""
        tally = _Tally("extract", self.tell)
        version = VERSIONS["extract"]
        if fetcher is not None:
            await self._fetch_parts(fetcher)  # those that failed before
        while pages := self.store.pages_to_extract(version, self.now(), BATCH):
            tally.begin()
            articles = await self._run(extract, pages, "extract", lambda page: str(page.id))
            latest = self.now() + AHEAD
            kept = [_in_time(article, latest) if isinstance(article, Article) else article for article in articles]
            self.store.save_articles(list(zip((page.id for page in pages), kept, strict=True)), version, self.now())
            tally.add([one for one, page in zip(kept, pages, strict=True) if not page.parts])
            if fetcher is not None:
                await self._fetch_parts(fetcher)
        return tally.result()

    async def tag(self) -> StageResult:
        tally = _Tally("tag", self.tell)
        version, own = VERSIONS["tag"], self.own()
        self._follow(own)
        while texts := self.store.articles_to_tag(version, self.now(), BATCH):
            tally.begin()
            tagged = await self._run(
                partial(tag, own=own, recognisers=self.config.recognisers), texts, "tag", lambda text: text.id
            )
            self.store.save_tagged(
                [(int(text.id), one) for text, one in zip(texts, tagged, strict=True)], version, self.now()
            )
            tally.add(tagged)
        return tally.result()

    def own(self) -> Own:
        """The person's entities and decisions as they stand now."""
        return OwnEntities(self.config.entities_folder, self.config.entities).read()

    def _follow(self, own: Own) -> None:
        """What is stored follows the decisions too."""
        if own.merges:
            names = {entity.id: entity.name for entity in catalogue(own)}
            EntityStore(self.store.database).follow(own.merges, names)

    async def describe(self) -> StageResult:
        tally = _Tally("describe", self.tell)
        version = VERSIONS["describe"]
        while items := self.store.articles_to_describe(version, self.now(), BATCH):
            tally.begin()
            described = await self._run(describe, items, "describe", lambda item: item.id)
            rows = [
                (int(i.id), one if isinstance(one, Failure) else to_bytes(one))
                for i, one in zip(items, described, strict=True)
            ]
            self.store.save_features(rows, version, self.now())
            tally.add(described)
        return tally.result()

    async def group(self) -> StageResult:
        tally = _Tally("group", self.tell)
        version = VERSIONS["group"]
        while bodies := self.store.features_to_group(version, self.now(), BATCH * 10):
            tally.begin()
            new = [from_bytes(body) for body in bodies]
            start, end = min(one.date for one in new) - GROUP_WINDOW, max(one.date for one in new) + GROUP_WINDOW
            numbers = {one.id for one in new}
            known = [
                (from_bytes(body), place)
                for body, place in self.store.grouped_between(start, end)
                if place.id not in numbers
            ]
            found = await asyncio.to_thread(group, known, new)
            self.store.save_memberships(found, [int(one.id) for one in new], version, self.now())
            tally.add([place for place in found if place.id in numbers])
        return tally.result()

    async def _run(
        self,
        stage: Callable[[Sequence[A]], Sequence[B | Failure]],
        items: Sequence[A],
        name: str,
        key: Callable[[A], str],
    ) -> list[B | Failure]:
        """The outcomes of a heavy stage, while other things go on here."""

        def work() -> list[B | Failure]:
            return self.runner.run(stage, items, key=key, size=SIZES[name], deadline=DEADLINES[name])

        try:
            return await asyncio.to_thread(work) if items else []
        except asyncio.CancelledError:
            self.runner.close()  # the program is to end: else it would wait for the thread, and that for its batches
            raise

    # --- the issue ---------------------------------------------------------------------------------------------------

    def compose(self, edition: Edition, day: date, notice: str = "") -> Digest:
        """The issue as it would be now; nothing is saved."""
        cutoff = self.now()
        since = self.issues.last_cutoff(edition.name) or cutoff - NEWS_WINDOW
        sources = [source for source in self.config.sources if _speaks(edition, source.language)]
        return compose(
            _in_languages(self.issues.stories(edition.name, since, cutoff), edition),
            edition,
            [watchlist for watchlist in self.config.watchlists if watchlist.name in edition.watchlists],
            self.issues.coverage(sources, since, cutoff),
            self.issues.entity_names(),
            partial(resolve, own=self.own()),
            day,
            cutoff,
            notice,
        )

    def make_issue(self, edition: Edition, day: date, notice: str = "") -> StoredIssue | None:
        """Freezes the edition's issue of a local day with its mails; None if that day has its issue already."""
        digest = self.compose(edition, day, notice)
        email = render(digest)
        sender, now = self.config.delivery.sender, self.now()
        mails = [
            (recipient, *build(email, sender=sender, recipient=recipient, edition=edition.name, day=day, now=now))
            for recipient in edition.recipients
        ]
        return self.issues.save_issue(digest, email, mails, now)

    def deliver(self, mailer: Mailer, stop: Callable[[], bool] = lambda: False) -> Counter[str]:
        """Sends what the outbox holds and is due; counts by what became of it.

        A server that cannot be reached, or refuses us, stops the round: what was claimed and not tried is given back.
        """
        outcomes: Counter[str] = Counter()
        while not stop() and (mails := self.issues.claim_mail(self.now(), limit=20)):
            for number, mail in enumerate(mails):
                state, go_on = self._send(mailer, mail)
                outcomes[state] += 1
                if stop() or not go_on:
                    self.issues.release(mails[number + 1 :], self.now())
                    return outcomes
        return outcomes

    def _send(self, mailer: Mailer, mail: Mail) -> tuple[str, bool]:
        outcome = mailer.send(
            mail.body,
            self.config.delivery.sender,
            mail.recipient,
            lambda: self.issues.mark_data_started(mail, self.now()),
        )
        wait = backoff(mail.attempts)
        if outcome.state == "sent":
            self.issues.mark_sent(mail, outcome.reply, self.now())
        elif outcome.state == "deferred" and wait is not None:
            self.issues.mark_deferred(mail, outcome.reply, self.now() + wait)
        else:
            self.issues.mark_failed(mail, outcome.reply)
            return "failed", not outcome.stop
        return outcome.state, not outcome.stop


@dataclass(frozen=True, slots=True)
class _Answer:
    """`twin` names the other source whose feed it was that answered: that one brings the articles."""

    source: Source
    state: FeedState
    result: Document | Failure
    twin: str = ""

    @property
    def changed(self) -> bool:
        """A body that differs from the one before: servers that know nothing of 304 send the same one for ever."""
        result = self.result
        if isinstance(result, Failure) or result.status == 304 or self.twin:
            return False
        return poll.body_hash(result) != self.state.body_hash


async def _in_batches(jobs: Sequence[Coroutine[Any, Any, A]], most: int) -> AsyncGenerator[list[A], None]:
    """Results as they come: what has come meanwhile, up to `most`. The rest are stopped if the reader goes away."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    done: asyncio.Queue[asyncio.Future[A]] = asyncio.Queue()
    for task in tasks:
        task.add_done_callback(done.put_nowait)
    try:
        left = len(tasks)
        while left:
            batch = [(await done.get()).result()]
            while len(batch) < most and not done.empty():
                batch.append(done.get_nowait().result())
            left -= len(batch)
            yield batch
    finally:
        for running in tasks:
            running.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _polled(answer: "_Answer", parsed: ParsedFeed | Failure | None, new: int, now: datetime) -> Poll:
    source, state, result = answer.source, answer.state, answer.result
    failure = result if isinstance(result, Failure) else parsed if isinstance(parsed, Failure) else None
    if failure is not None:
        return Poll(source, poll.after_failure(source, state, failure, now), "failed")
    assert isinstance(result, Document)
    if not isinstance(parsed, ParsedFeed):
        same = poll.after_twin(state, answer.twin, now) if answer.twin else poll.after_same(source, state, result, now)
        return Poll(source, same, "not modified")
    after = poll.after_answer(source, state, result, parsed, new, now)
    if parsed.sitemaps:  # an index stays the same while what it leads to changes: it must be read at each poll
        after = replace(after, etag="", modified="", body_hash="")
    return Poll(source, after, "ok", len(result.body), new)


def _log_change(before: FeedState, polled: Poll) -> None:
    """What a person should see to, once."""
    name, after = polled.source.name, polled.state
    if after.gone and not before.gone:
        log.warning("%s: its feed is gone for good (410) and is not asked any more; see `digest status`", name)
    if after.address != before.address:
        where = "moved for good and is asked at" if after.address else "fails where it moved to and is asked again at"
        log.warning("%s: its feed %s %s", name, where, poll.address(after))
    if after.reason != before.reason and polled.outcome == "not modified" and after.reason:
        log.warning("%s: this is %s: take one of the two out of feeds.yaml", name, after.reason)


def _dated(entry: Entry, feed: str, now: datetime) -> Entry:
    """The entry under its feed's own address, without a date that lies in the future."""
    published = entry.published if entry.published is None or entry.published <= now + AHEAD else None
    updated = entry.updated if entry.updated is None or entry.updated <= now + AHEAD else None
    return replace(entry, feed=feed, published=published, updated=updated)


def _in_time(article: Article, latest: datetime) -> Article:
    if article.published is None or article.published <= latest:
        return article
    return replace(article, published=None, published_from="first seen")


def _speaks(edition: Edition, language: str | None) -> bool:
    wanted = {base(one) for one in edition.languages}
    return not wanted or language is None or base(language) in wanted


def _in_languages(stories: Sequence[StoryView], edition: Edition) -> list[StoryView]:
    """The stories with their reports in the edition's languages."""
    narrowed = [
        replace(story, reports=tuple(report for report in story.reports if _speaks(edition, report.language)))
        for story in stories
    ]
    return [story for story in narrowed if story.reports]
