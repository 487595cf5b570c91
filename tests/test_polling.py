"""Polling through the pipeline against a real server: feeds that move, end, lie or ask to be left alone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from digest.config import Config, Delivery, FetchSettings
from digest.edges import tables as t
from digest.edges.database import Database
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.issues import IssueStore
from digest.edges.pool import Inline
from digest.edges.store import Store
from digest.pipeline import Pipeline
from digest.records import Entry, FeedState, Source
from tests.edges.scripted_server import Script, Server, reply
from tests.ledger import NOW, new_ledger
from tests.test_health import status

DAY = timedelta(days=1)
OPTIONS = FetchOptions("Digest-test/1", ("127.0.0.0/8", "localhost"), deadline=5.0, delay=0.0)


def feed(*titles: str, links: str = "") -> bytes:
    items = "".join(f"<item><title>{one}</title><guid isPermaLink='false'>{one}</guid></item>" for one in titles)
    return f"<rss version='2.0'><channel><title>新闻</title>{links}{items}</channel></rss>".encode()


def moved(to: str, status: str = "301 Moved Permanently") -> bytes:
    return reply(status, b"", Location=to)


@dataclass
class Newsroom:
    """A ledger and a server whose scripts a test changes from day to day."""

    folder: Path
    database: Database
    scripts: dict[str, Script] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    now: datetime = NOW
    hubs: bool = False
    listen: str = "127.0.0.1:0"

    @property
    def config(self) -> Config:
        fetch = FetchSettings("", (), timedelta(seconds=1), timedelta(seconds=5), None)
        if self.hubs:
            fetch = replace(fetch, websub="https://digest.example/websub", websub_listen=self.listen)
        return Config(self.folder / "feeds.yaml", self.sources, (), (), Delivery("d@example.org", None), fetch)

    @property
    def store(self) -> Store:
        return Store(self.database)

    def pipeline(self) -> Pipeline:
        return Pipeline(self.config, self.store, IssueStore(self.database), Inline(), lambda: self.now)

    def run(self, days: Callable[[Server], Awaitable[None]]) -> Server:
        async def main() -> Server:
            async with Server(self.scripts) as server:
                await days(server)
                return server

        return asyncio.run(main())

    async def poll(self) -> None:
        """A start of the program: what it knows is what the ledger holds."""
        async with Fetcher(OPTIONS, lambda: self.now) as fetcher:
            await self.pipeline().poll_feeds(fetcher)

    def state(self, source: Source) -> FeedState:
        return self.store.feed_states([source])[source.feed]

    def titles(self) -> list[tuple[str, str]]:
        with self.database.read() as db:
            return [(row.source, row.title) for row in db.execute(select(t.entry).order_by(t.entry.c.id))]

    def log(self) -> list[tuple[str, str, str]]:
        with self.database.read() as db:
            rows = db.execute(select(t.fetch).order_by(t.fetch.c.id))
            return [(row.source, row.outcome, row.reason) for row in rows]

    def told(self) -> list[str]:
        return status(self.database, self.config)[1 : 1 + len(self.sources)]


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    database = new_ledger(tmp_path / "digest.db")
    yield Newsroom(tmp_path, database)
    database.close()


def every(name: str, address: str) -> Source:
    return Source(name, address, "zh-Hans", "CN", every=timedelta(hours=1))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# --- feeds that move -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("permanent", ["301 Moved Permanently", "308 Permanent Redirect"])
def test_feed_that_moved_for_good_is_asked_there_after_three_days(
    newsroom: Newsroom, caplog: pytest.LogCaptureFixture, permanent: str
) -> None:
    async def days(server: Server) -> None:
        newsroom.scripts |= {"/old": moved("/new", permanent), "/new": reply(body=feed("甲", "乙"))}
        newsroom.sources = (every("京海日报", server.url("/old")),)
        for _ in range(5):
            await newsroom.poll()
            newsroom.now += DAY

    server = newsroom.run(days)
    assert server.paths == ["/old", "/new"] * 3 + ["/new"] * 2
    (source,) = newsroom.sources
    assert (newsroom.state(source).feed, newsroom.state(source).address) == (server.url("/old"), server.url("/new"))
    assert newsroom.titles() == [("京海日报", "甲"), ("京海日报", "乙")]  # under the old address, once
    assert warnings(caplog) == [f"京海日报: its feed moved for good and is asked at {server.url('/new')}"]
    assert newsroom.told()[0].endswith(f"moved for good: write {server.url('/new')} in feeds.yaml")


@pytest.mark.parametrize("passing", ["302 Found", "303 See Other", "307 Temporary Redirect"])
def test_passing_redirect_is_never_remembered(newsroom: Newsroom, passing: str) -> None:
    async def days(server: Server) -> None:
        newsroom.scripts |= {"/old": moved("/new", passing), "/new": reply(body=feed("甲"))}
        newsroom.sources = (every("京海日报", server.url("/old")),)
        for _ in range(5):
            await newsroom.poll()
            newsroom.now += DAY

    assert newsroom.run(days).paths == ["/old", "/new"] * 5
    assert newsroom.state(newsroom.sources[0]).moved == ""


def test_loops_and_long_chains_leave_the_address_as_it_is(newsroom: Newsroom) -> None:
    async def days(server: Server) -> None:
        newsroom.scripts |= {f"/{n}": moved(f"/{n + 1}") for n in range(20)} | {"/self": moved("/self")}
        newsroom.sources = (every("a", server.url("/0")), every("b", server.url("/self")))
        for _ in range(4):
            await newsroom.poll()
            newsroom.now += DAY

    newsroom.run(days)
    for source in newsroom.sources:
        state = newsroom.state(source)
        assert (state.address, state.moved, state.reason) == ("", "", "too many redirects")


@pytest.mark.parametrize("kind", ["301 Moved Permanently", "302 Found"])
def test_move_to_the_feed_of_another_source_is_told_and_doubles_nothing(
    newsroom: Newsroom, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    async def days(server: Server) -> None:
        newsroom.scripts |= {"/old": reply(body=feed("甲")), "/new": reply(body=feed("甲二"))}
        newsroom.sources = (every("旧报", server.url("/old")), every("新报", server.url("/new")))
        await newsroom.poll()
        newsroom.scripts |= {"/old": moved("/new", kind), "/new": reply(body=feed("甲二", "乙"))}
        for _ in range(5):
            newsroom.now += 2 * DAY
            await newsroom.poll()

    newsroom.run(days)
    assert sorted(newsroom.titles()) == [("新报", "乙"), ("新报", "甲二"), ("旧报", "甲")]
    old, _ = newsroom.sources
    assert newsroom.state(old).address == ""
    assert ("旧报", "not modified", "the same feed as 新报") in newsroom.log()
    assert warnings(caplog) == ["旧报: this is the same feed as 新报: take one of the two out of feeds.yaml"]
    assert newsroom.told()[0].endswith("the same feed as 新报")


def test_two_feeds_that_move_to_one_place_are_one(newsroom: Newsroom) -> None:
    async def days(server: Server) -> None:
        newsroom.scripts |= {"/a": moved("/c"), "/b": moved("/c"), "/c": reply(body=feed("甲"))}
        newsroom.sources = (every("a", server.url("/a")), every("b", server.url("/b")))
        for number in range(6):
            newsroom.scripts["/c"] = reply(body=feed(*"甲乙丙丁戊己"[: number + 1]))
            await newsroom.poll()
            newsroom.now += 2 * DAY

    newsroom.run(days)
    assert [title for source, title in newsroom.titles() if source == "a"] == list("甲乙丙丁戊己")
    assert newsroom.state(newsroom.sources[1]).reason == "the same feed as a"


def test_410_ends_a_feed_told_once_and_another_address_begins_anew(
    newsroom: Newsroom, caplog: pytest.LogCaptureFixture
) -> None:
    async def days(server: Server) -> None:
        newsroom.scripts |= {"/gone": reply("410 Gone"), "/new": reply(body=feed("甲"))}
        newsroom.sources = (every("الميدان", server.url("/gone")),)
        for _ in range(4):
            await newsroom.poll()
            newsroom.now += 30 * DAY
        assert newsroom.told()[0].endswith("gone for good (410): take it out of feeds.yaml")
        newsroom.sources = (every("الميدان", server.url("/new")),)
        await newsroom.poll()

    assert newsroom.run(days).paths == ["/gone", "/new"]
    assert warnings(caplog) == [
        "الميدان: its feed is gone for good (410) and is not asked any more; see `digest status`"
    ]
    assert newsroom.titles() == [("الميدان", "甲")]


# --- servers that lie ------------------------------------------------------------------------------------------------


def test_same_bytes_under_ever_new_validators_are_no_news(newsroom: Newsroom) -> None:
    async def days(server: Server) -> None:
        newsroom.sources = (every("한강신문", server.url("/feed")),)
        for number in range(4):
            newsroom.scripts["/feed"] = reply(body=feed("가"), ETag=f'"{number}"')
            await newsroom.poll()
            newsroom.now += DAY

    newsroom.run(days)
    assert [outcome for _, outcome, _ in newsroom.log()] == ["ok", *["not modified"] * 3]
    assert newsroom.titles() == [("한강신문", "가")]


def test_304_that_nobody_asked_for_is_a_failure_and_costs_nothing(newsroom: Newsroom) -> None:
    async def days(server: Server) -> None:
        newsroom.sources = (every("Elbbote", server.url("/feed")), every("常盤新聞", server.url("/good")))
        newsroom.scripts |= {"/feed": reply("304 Not Modified", b""), "/good": reply(body=feed("い"))}
        await newsroom.poll()

    newsroom.run(days)
    assert ("Elbbote", "failed", "http 304 unasked") in newsroom.log()
    assert newsroom.titles() == [("常盤新聞", "い")]


def test_body_that_is_a_path_or_an_address_is_not_opened(newsroom: Newsroom) -> None:
    async def days(server: Server) -> None:
        secret = newsroom.folder / "feed.xml"
        secret.write_bytes(feed("秘"))
        bodies = [str(secret), f"file://{secret}", server.url("/inner")]
        newsroom.scripts |= {f"/{n}": reply(body=body.encode()) for n, body in enumerate(bodies)}
        newsroom.scripts["/inner"] = reply(body=feed("秘"))
        newsroom.sources = tuple(every(f"報{n}", server.url(f"/{n}")) for n in range(3))
        newsroom.sources += (every("datei", f"file://{secret}"), every("pfad", str(secret)))
        await newsroom.poll()
        assert "/inner" not in server.paths

    newsroom.run(days)
    assert newsroom.titles() == []
    assert sorted(reason for _, _, reason in newsroom.log()) == ["bad address"] * 2 + ["not a feed"] * 3


# --- servers that ask to be left alone -------------------------------------------------------------------------------


@pytest.mark.parametrize("busy", [reply("429 Too Many", Retry_After="7200"), reply("503 Busy", Retry_After="7200")])
def test_restart_is_no_way_around_a_pause(newsroom: Newsroom, busy: bytes) -> None:
    async def days(server: Server) -> None:
        newsroom.sources = tuple(every(f"報{n}", server.url(f"/{n}")) for n in range(20))
        newsroom.scripts |= {f"/{n}": busy for n in range(20)}
        for _ in range(5):
            await newsroom.poll()
            newsroom.now += timedelta(minutes=10)
        assert len(server.hits) == 1
        newsroom.scripts |= {f"/{n}": reply(body=feed(f"甲{n}")) for n in range(20)}
        newsroom.now += 2 * DAY
        await newsroom.poll()
        assert len(server.hits) == 21

    newsroom.run(days)
    assert len(newsroom.titles()) == 20
    with newsroom.database.read() as db:
        assert db.execute(select(t.pause)).all() == []


def test_back_off_goes_on_doubling_over_restarts(newsroom: Newsroom) -> None:
    waits: list[float] = []

    async def days(server: Server) -> None:
        newsroom.sources = (Source("京海日报", server.url("/feed"), every=timedelta(seconds=1)),)
        newsroom.scripts |= {"/feed": reply("503 Busy", Retry_After="1")}
        for number in range(5):
            await newsroom.poll()
            assert len(server.hits) == number + 1
            (pause,) = newsroom.store.pauses(newsroom.now)
            waits.append((pause.until - newsroom.now).total_seconds())
            newsroom.now = max(pause.until, newsroom.state(newsroom.sources[0]).due) + timedelta(seconds=1)

    newsroom.run(days)
    assert waits[0] <= 1
    assert all(before < after for before, after in pairwise(waits))
    assert 900 < waits[4] < 1_200


def test_two_hundred_feeds_of_one_host_are_asked_in_turn_and_do_not_come_due_together(newsroom: Newsroom) -> None:
    async def days(server: Server) -> None:
        newsroom.sources = tuple(every(f"報{n}", server.url(f"/{n}")) for n in range(200))
        newsroom.scripts |= {f"/{n}": reply(body=feed(f"甲{n}")) for n in range(200)}
        await newsroom.poll()
        assert (len(server.hits), server.most_open) == (200, 1)

    newsroom.run(days)
    states = newsroom.store.feed_states(newsroom.sources)
    assert len({state.due for state in states.values()}) == 200


# --- what is noted of each page --------------------------------------------------------------------------------------


def _requests(newsroom: Newsroom) -> Sequence[tuple[str, str, str]]:
    with newsroom.database.read() as db:
        rows = db.execute(select(t.fetch).where(t.fetch.c.kind == "page").order_by(t.fetch.c.url))
        return [(row.url.rpartition("/")[2], row.robots, row.reservation) for row in rows]


def test_robots_and_reservations_are_noted_with_each_page(newsroom: Newsroom) -> None:
    link = "<item><title>{0}</title><link>http://{1}/{0}</link></item>"

    async def days(server: Server) -> None:
        items = "".join(link.format(name, f"127.0.0.1:{server.port}") for name in ("a", "b", "private"))
        page = "<p>" + "文章的正文。" * 50
        newsroom.scripts |= {
            "/feed": reply(body=f"<rss version='2.0'><channel><title>x</title>{items}</channel></rss>".encode()),
            "/robots.txt": reply(body=b"User-agent: *\nDisallow: /private"),
            "/a": reply(body=page.encode(), TDM_Reservation="1", TDM_Policy="https://x.example/policy.json"),
            "/b": reply(body=page.encode(), TDM_Reservation="0", X_Robots_Tag="noai, noimageai"),
        }
        newsroom.sources = (every("京海日报", server.url("/feed")),)
        async with Fetcher(OPTIONS, lambda: newsroom.now) as fetcher:
            pipeline = newsroom.pipeline()
            await pipeline.poll_feeds(fetcher)
            await pipeline.fetch_pages(fetcher)

    newsroom.run(days)
    assert _requests(newsroom) == [
        ("a", "allowed", "tdm-reservation: 1; tdm-policy: https://x.example/policy.json"),
        ("b", "allowed", "x-robots-tag: noai, noimageai"),
        ("private", "disallowed", ""),
    ]


@pytest.mark.parametrize(("robots", "noted"), [("404 Not Found", "none"), ("500 Oops", "unavailable")])
def test_absence_of_robots_is_noted_too(newsroom: Newsroom, robots: str, noted: str) -> None:
    async def days(server: Server) -> None:
        item = f"<item><title>a</title><link>{server.url('/a')}</link></item>"
        newsroom.scripts |= {
            "/feed": reply(body=f"<rss version='2.0'><channel><title>x</title>{item}</channel></rss>".encode()),
            "/robots.txt": reply(robots),
            "/a": reply(body=b"<p>a</p>"),
        }
        newsroom.sources = (every("京海日报", server.url("/feed")),)
        async with Fetcher(OPTIONS, lambda: newsroom.now) as fetcher:
            pipeline = newsroom.pipeline()
            await pipeline.poll_feeds(fetcher)
            await pipeline.fetch_pages(fetcher)

    newsroom.run(days)
    assert _requests(newsroom) == [("a", noted, "")]


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [(reply(body="User-agent: *\nDisallow: /privé".encode()), 2), (reply("404 Not Found"), 3)],
)
def test_robots_is_asked_once_a_day_over_restarts(newsroom: Newsroom, robots: bytes, allowed: int) -> None:
    async def days(server: Server) -> None:
        paths = ["/1", "/2", "/priv%C3%A9"]
        newsroom.scripts |= {"/robots.txt": robots} | {path: reply(body=b"<p>a</p>") for path in paths}
        newsroom.sources = ()
        for number, path in enumerate(paths):
            newsroom.now += timedelta(hours=11)
            async with Fetcher(OPTIONS, lambda: newsroom.now) as fetcher:
                pipeline = newsroom.pipeline()
                entry = Entry("f", str(number), "t", server.url(path))
                newsroom.store.save_entries([(every("京海日报", "f"), [entry])], newsroom.now)
                await pipeline.poll_feeds(fetcher)
                await pipeline.fetch_pages(fetcher)
        assert server.paths.count("/robots.txt") == 1
        assert len(server.paths) == 1 + allowed
        newsroom.now += timedelta(hours=25)
        newsroom.store.save_entries([(every("京海日报", "f"), [Entry("f", "9", "t", server.url("/2?"))])], newsroom.now)
        await newsroom.poll()
        async with Fetcher(OPTIONS, lambda: newsroom.now) as fetcher:
            await newsroom.pipeline().fetch_pages(fetcher)
        assert server.paths.count("/robots.txt") == 2

    newsroom.run(days)
