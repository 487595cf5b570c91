"""A source that is followed by an index of sitemaps: from its address to entries in the ledger."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from digest.config import Config, Delivery, FetchSettings
from digest.edges import tables as t
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.issues import IssueStore
from digest.edges.pool import Inline
from digest.edges.store import Store
from digest.pipeline import Pipeline
from digest.records import Document, Failure, ParsedFeed, Source
from digest.sitemaps import MOST_ASKED, follow
from digest.stages.parse import parse
from tests.edges.scripted_server import Server, reply
from tests.ledger import NOW, new_ledger
from tests.test_discovery import index, news_sitemap

OPTIONS = FetchOptions("Digest/1.0 (test)", ("127.0.0.1",), delay=0)
TITLES = ("网信办约谈三家平台公司", "الهيئة تستدعي ثلاث شركات")
PLAIN = b"<urlset><url><loc>http://x.example/privacy</loc></url></urlset>"


async def parse_here(documents: Sequence[Document]) -> list[ParsedFeed | Failure]:
    return parse(documents)


def followed(*parts: str, **site: bytes) -> tuple[ParsedFeed | Failure, list[str]]:
    """What becomes of an index that leads to these parts, and what was asked for it."""

    async def work() -> tuple[ParsedFeed | Failure, list[str]]:
        scripts = {f"/{name}": body if body.startswith(b"HTTP/") else reply(body=body) for name, body in site.items()}
        async with Server(scripts) as server, Fetcher(OPTIONS, lambda: NOW) as fetcher:
            links = tuple(part if "://" in part else server.url(f"/{part}") for part in parts)
            read = ParsedFeed("http://x.example/index.xml", "x", "http://x.example/", None, (), sitemaps=links)
            return await follow(read, fetcher, parse_here), server.paths

    return asyncio.run(work())


def test_entries_are_those_of_the_parts_once_each() -> None:
    found, _ = followed("a", "b", a=news_sitemap(TITLES[0]), b=news_sitemap(*TITLES))
    assert isinstance(found, ParsedFeed)
    assert {entry.link for entry in found.entries} == {"http://x.example/0", "http://x.example/1"}
    assert {entry.feed for entry in found.entries} == {found.url}
    assert (found.title, found.language, found.problems) == ("Elbbote", "de", ())


def test_part_that_fails_is_told_and_costs_the_others_nothing() -> None:
    found, _ = followed("a", "b", a=reply("500 Oops"), b=news_sitemap(*TITLES))
    assert isinstance(found, ParsedFeed)
    assert len(found.entries) == 2
    assert found.problems == ("part of the sitemap unavailable",)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (PLAIN, "sitemap without news"),
        (reply("500 Oops"), "http 500"),
        (reply("404 Not Found"), "http 404"),
    ],
    ids=["plain", "down", "missing"],
)
def test_index_without_news_is_a_failure_of_its_own_address(body: bytes, reason: str) -> None:
    found, _ = followed("a", a=body)
    assert isinstance(found, Failure)
    assert (found.id, found.reason) == ("http://x.example/index.xml", reason)


def test_index_that_leads_to_itself_ends() -> None:
    found, asked = followed("loop", loop=index("/loop", "/loop?2"), **{"loop?2": index("/loop")})
    assert isinstance(found, Failure)
    assert asked == ["/loop", "/loop?2"]


def test_indexes_inside_indexes_cost_a_few_requests() -> None:
    site = {f"p{n}": index(*(f"/p{n * 3 + more}" for more in (1, 2, 3))) for n in range(50)}
    found, asked = followed("p0", **site)
    assert isinstance(found, Failure)
    assert len(asked) == MOST_ASKED


@pytest.mark.parametrize("part", ["file:///etc/passwd", "http://10.0.0.1/news.xml"])
def test_part_that_may_not_be_asked_is_not(part: str) -> None:
    found, asked = followed(part)
    assert isinstance(found, Failure)
    assert asked == []


# --- through the pipeline --------------------------------------------------------------------------------------------


def test_new_articles_are_seen_although_the_index_stays_the_same(tmp_path: Path) -> None:
    """Its address, its bytes and its validators are the same at each poll: only its part changes."""
    database = new_ledger(tmp_path / "digest.db")
    scripts: dict[str, bytes] = {
        "/sitemap.xml": reply(body=index("/news.xml"), ETag='"same"'),
        "/news.xml": reply(body=news_sitemap(TITLES[0])),
    }

    async def work() -> list[int]:
        numbers = []
        async with Server(scripts) as server:
            source = Source("京海日报", server.url("/sitemap.xml"), "zh-Hans", "CN")
            for clock in (lambda: NOW, lambda: NOW + timedelta(days=1)):
                pipeline = Pipeline(_config(tmp_path, source), Store(database), IssueStore(database), Inline(), clock)
                async with Fetcher(OPTIONS, lambda: NOW) as fetcher:
                    result = await pipeline.poll_feeds(fetcher)
                assert (result.done, result.failed) == (1, {})
                with database.read() as db:
                    numbers.append(len(db.execute(select(t.entry.c.title)).all()))
                scripts["/news.xml"] = reply(body=news_sitemap(*TITLES))
        return numbers

    assert asyncio.run(work()) == [1, 2]
    database.close()


def _config(folder: Path, source: Source) -> Config:
    second = timedelta(seconds=1)
    return Config(
        folder / "feeds.yaml",
        (source,),
        (),
        (),
        Delivery("d@example.org", None),
        FetchSettings("", (), second, second, None),
    )
