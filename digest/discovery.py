"""Finds the feeds of a site: those that its pages name, then those in the usual places. Each is read, then told of.

A site is asked little, and as politely as for its articles: the usual places only where nothing better was found.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from digest.edges.fetch import ACCEPT_FEED, ACCEPT_PAGE, Fetcher
from digest.edges.pool import Runner
from digest.records import Document, Failure, ParsedFeed
from digest.sitemaps import follow
from digest.stages.discover import (
    FeedKind,
    Hint,
    Look,
    is_for_comments,
    language_of,
    look,
    newest_of,
    well_known,
)
from digest.stages.markup import host, web_link
from digest.stages.parse import parse

__all__ = ["Discovered", "Discovery", "find"]

MOST_REQUESTS = 30
MOST_LISTS = 3  # pages that list a site's feeds, as many newspapers have
MOST_SITEMAPS = 3
LOOK_SECONDS = 60.0  # for one answer, a worker's start included

A = TypeVar("A")

Origin = Literal["the address itself", "named by the page", "linked from the page", "a usual place", "robots.txt"]
ORIGINS: tuple[Origin, ...] = (
    "the address itself", "named by the page", "linked from the page", "a usual place", "robots.txt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Discovered:
    """A feed that was really read. `newest` is the last date that its entries state."""

    link: str
    title: str
    kind: FeedKind
    language: str | None
    entries: int
    newest: datetime | None
    origin: Origin
    for_comments: bool


@dataclass(frozen=True, slots=True)
class Discovery:
    """The best first, comment feeds last. `untried`: addresses that the site names beyond those asked."""

    found: tuple[Discovered, ...]
    untried: int


async def find(address: str, fetcher: Fetcher, runner: Runner) -> Discovery | Failure:
    """The feeds of the site, or why none could be found."""
    search = _Search(fetcher, runner)
    first = await search.ask(address, accept=ACCEPT_PAGE)
    if isinstance(first, Failure) and not _answered(first):
        return first
    search.keep(first, "the address itself")
    if not search.found:
        await _search_site(search, first)
    if search.found:
        return Discovery(tuple(search.ranked()), search.untried)
    return first if isinstance(first, Failure) else Failure(address, "find", "no feed found")


def _answered(failure: Failure) -> bool:
    """Whether a server was there, whose feeds may be open although this page is not."""
    return failure.reason.startswith(("http ", "blocked by", "body too", "wire body", "empty body"))


async def _search_site(search: "_Search", first: "_Answer | Failure") -> None:
    home = first.id if isinstance(first, Failure) else first.document.final_url
    hints = () if isinstance(first, Failure) else first.look.hints
    lists = await search.ask_hints(hints)
    await search.ask_hints([hint for one in lists[:MOST_LISTS] for hint in one.look.hints])
    listed = [link for written in await search.fetcher.sitemaps(home) if (link := web_link(written, home))]
    named = [link for link in listed if "news" in urlsplit(link).path.lower()]
    others = [link for link in listed if link not in named] if not search.has_news else []
    await search.ask_all((named + others)[:MOST_SITEMAPS], "robots.txt")
    if not search.has_news:
        feeds, sitemaps = well_known(home)
        await search.try_places(feeds)
        await search.try_places([link for link in sitemaps if link not in listed])


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an address gave: `feed` with the entries of all its parts where it is an index."""

    document: Document
    look: Look
    feed: ParsedFeed | None


@dataclass(slots=True)
class _Search:
    """What was asked and found so far."""

    fetcher: Fetcher
    runner: Runner
    found: list[Discovered] = field(default_factory=list)
    untried: int = 0
    asked: set[str] = field(default_factory=set)
    known: set[object] = field(default_factory=set)

    @property
    def has_news(self) -> bool:
        return any(one.entries and not one.for_comments for one in self.found)

    def ranked(self) -> list[Discovered]:
        return sorted(self.found, key=lambda one: (one.for_comments, not one.entries, ORIGINS.index(one.origin)))

    async def ask_hints(self, hints: Sequence[Hint]) -> list[_Answer]:
        """Asks what a page names; the pages among the answers that may list feeds."""
        stated = [hint for hint in hints if hint.stated]
        linked = [hint for hint in hints if not hint.stated]
        titles = {hint.link: hint.title for hint in hints}
        await self.ask_all([hint.link for hint in stated], "named by the page", titles)
        answers = await self.ask_all([hint.link for hint in linked], "linked from the page", titles, robots=True)
        return [answer for answer in answers if answer.look.hints]

    async def ask_all(
        self, links: Iterable[str], origin: Origin, titles: Mapping[str, str] | None = None, *, robots: bool = False
    ) -> list[_Answer]:
        new = [link for link in dict.fromkeys(links) if link not in self.asked]
        room = max(0, MOST_REQUESTS - len(self.asked))
        self.untried += len(new[room:])
        answers = await asyncio.gather(*(self.ask(link, robots=robots) for link in new[:room]))
        for link, answer in zip(new, answers, strict=False):
            self.keep(answer, origin, (titles or {}).get(link, ""))
        return [answer for answer in answers if isinstance(answer, _Answer)]

    async def try_places(self, links: Sequence[str]) -> None:
        """One after the other, until something is found there."""
        for link in links:
            if self.has_news or len(self.asked) >= MOST_REQUESTS:
                return
            if link not in self.asked:
                self.keep(await self.ask(link, robots=True), "a usual place")

    async def ask(self, link: str, *, robots: bool = False, accept: str = ACCEPT_FEED) -> _Answer | Failure:
        """Reads what is there."""
        self.asked.add(link)
        document = await self.fetcher.get(link, robots=robots, accept=accept)
        if isinstance(document, Failure):
            return document
        seen = (await self._run(look, [document]))[0]
        if isinstance(seen, Failure):
            return seen
        read = await follow(seen.feed, self.fetcher, partial(self._run, parse))
        return _Answer(document, seen, None if isinstance(read, Failure) else read)

    def keep(self, answer: _Answer | Failure, origin: Origin, title: str = "") -> None:
        """Takes it in where it is a feed that was not found before; `title` is what the page calls it."""
        if isinstance(answer, Failure) or answer.feed is None:
            return
        feed, kind, document = answer.feed, answer.look.kind, answer.document
        ids = tuple(entry.id for entry in feed.entries)
        signs = {document.final_url, (kind, feed.title, ids or document.final_url)}
        if signs & self.known:  # one feed often has several addresses
            return
        self.known |= signs
        if kind == "news sitemap" and not feed.entries:
            return
        link = _lasting_part(feed) or document.headers.get(":moved") or document.url
        self.found.append(
            Discovered(
                link=link,
                title=(title if feed.title == feed.url else feed.title) or host(link),
                kind=kind,
                language=language_of(feed),
                entries=len(feed.entries),
                newest=newest_of(feed),
                origin=origin,
                for_comments=is_for_comments(link, (title, feed.title)),
            )
        )

    async def _run(
        self, stage: Callable[[Sequence[Document]], list[A]], documents: Sequence[Document]
    ) -> list[A | Failure]:
        work = partial(self.runner.run, stage, documents, key=lambda one: one.url, size=1, deadline=LOOK_SECONDS)
        try:
            return await asyncio.to_thread(work)
        except asyncio.CancelledError:
            self.runner.close()  # the program is to end: else it would wait for the thread
            raise


def _lasting_part(read: ParsedFeed) -> str:
    """The one sitemap that an index leads to, which spares a request at each poll; not one named after its day."""
    only = read.sitemaps[0] if len(read.sitemaps) == 1 else ""
    return "" if re.search(r"\d{4}", urlsplit(only).path) else only
