"""From links to articles over a real server: walls, paged articles, two addresses of one, and what changes later."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from digest.config import Config, Delivery, FetchSettings
from digest.edges import tables as t
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.issues import IssueStore
from digest.edges.pool import Inline
from digest.edges.store import RECHECKS_OF_SOURCE, Store
from digest.pipeline import Pipeline
from digest.records import Article, Change, Entry, Source, Tagged
from tests.edges.scripted_server import Script, Server, reply
from tests.ledger import new_ledger

NOW = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)
SUMMARY = "港口管理局约谈了北光航运。"
LINE = "港口管理局周四约谈了北光航运的负责人，要求公司在十日内提交整改方案，并说明燃油泄漏的原因。"


def page(*lines: str, head: str = "", foot: str = "", title: str = "北光航运被约谈") -> str:
    body = "".join(f"<p>{line}</p>" for line in lines)
    stated = '<meta property="article:published_time" content="2026-03-18T05:00:00Z">'
    article = f"<article><h1>{title}</h1>{body}</article>"
    return f"<html lang='zh'><head><title>{title}</title>{stated}{head}</head><body>{article}{foot}</body></html>"


def html(markup: str, **headers: str) -> bytes:
    return reply(body=markup.encode(), Content_Type="text/html; charset=utf-8", **headers)


def lines(number: int) -> list[str]:
    return [f"第{number}页第{line}段：{LINE}" for line in range(4)]


@dataclass
class World:
    """A server, a ledger and a clock. `links` come in as entries of one feed before the first cycle."""

    store: Store
    now: datetime = NOW
    scripts: dict[str, Script] = field(default_factory=dict)
    seen: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    tagged: Counter[str] = field(default_factory=Counter)

    def run(self, links: list[str], *moments: tuple[datetime, Mapping[str, Script]]) -> None:
        """One cycle now, and one at each of the later moments, when the server answers so."""
        asyncio.run(self._run(links, moments))

    async def _run(self, links: list[str], moments: tuple[tuple[datetime, Mapping[str, Script]], ...]) -> None:
        async with Server(self.scripts) as server:
            source = Source("京海日报", server.url("/feed"), "zh-Hans", "CN")
            pipeline = Pipeline(config(source), self.store, IssueStore(self.store.database), Inline(), lambda: self.now)
            self.store.sync_sources([source], self.now)
            entries = [
                Entry(source.feed, link, f"北光航运被约谈{link}", server.url(link), summary=SUMMARY) for link in links
            ]
            self.store.save_entries([(source, entries)], self.now)
            options = FetchOptions("Digest/1.0", ("127.0.0.0/8",), deadline=5.0, delay=0.0)
            async with Fetcher(options, lambda: self.now) as fetcher:
                await self._cycle(pipeline, fetcher)
                for moment, scripts in moments:
                    self.now = moment
                    self.scripts.update(scripts)
                    await self._cycle(pipeline, fetcher)
            self.seen = [(hit.path, hit.headers) for hit in server.hits if hit.path != "/robots.txt"]

    async def _cycle(self, pipeline: Pipeline, fetcher: Fetcher) -> None:
        await pipeline.fetch_pages(fetcher)
        await pipeline.extract(fetcher)
        texts = self.store.articles_to_tag(1, self.now, 100)
        self.tagged.update(text.id for text in texts)
        self.store.save_tagged([(int(text.id), Tagged(text.id, "zh-Hans", (), ())) for text in texts], 1, self.now)

    def article(self, number: int = 1) -> Article:
        ((_, found),) = [pair for pair in self.store.articles_at(str(number)) if pair[0] == number]
        return found

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.seen]


def config(source: Source) -> Config:
    settings = FetchSettings("", ("127.0.0.0/8",), timedelta(0), timedelta(seconds=5), None)
    return Config(Path("feeds.yaml"), (source,), (), (), Delivery("Digest <digest@example.org>", None), settings)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(new_ledger(tmp_path / "digest.db")) as database:
        yield World(Store(database))


# --- what serves ----------------------------------------------------------------------------------------------------


def test_refused_page_leaves_the_feeds_text_and_says_why(world: World) -> None:
    world.scripts |= {"/a": reply("451 Unavailable"), "/b": html(page("请先登录，登录后查看。"))}
    world.run(["/a", "/b"])
    assert world.article(1).problems == ("feed text used", "the page is withheld for legal reasons")
    assert world.article(2).problems == ("feed text used", "the page asks for a login")
    assert {world.article(1).text, world.article(2).text} == {SUMMARY}
    assert world.store.counts().problems[0] == ("feed text used", 2)


def test_copies_meet_at_the_articles_own_address(world: World) -> None:
    amp = page(*lines(1), head='<link rel="canonical" href="/2026/a">').replace("<html", "<html amp")
    world.scripts |= {"/2026/a/amp": html(amp), "/2026/a?utm_source=rss": html(page(*lines(1)))}
    world.scripts["/2026/a"] = html(page(*lines(1), head='<meta property="og:url" content="/2026/a?fbclid=1">'))
    world.run(["/2026/a/amp", "/2026/a?utm_source=rss", "/2026/a"])
    with world.store.database.read() as db:
        assert list(db.execute(select(t.article.c.same_as).order_by(t.article.c.id)).scalars()) == [None, 1, 1]
    assert world.tagged == {"1": 1}


# --- paged articles -------------------------------------------------------------------------------------------------


def test_paged_article_is_joined_through_the_same_door(world: World) -> None:
    for number in (1, 2, 3):
        path = "/a" if number == 1 else f"/a?page={number}"
        following = f'<a rel="next" href="/a?page={number + 1}">下一页</a>' if number < 3 else ""
        world.scripts[path] = html(
            page("每页都有的导语在此，读者会反复看到它，但正文里只应出现一次。", *lines(number), foot=following)
        )
    world.run(["/a"])
    found = world.article()
    assert [line[:3] for line in found.text.split("\n")].count("第3页") == 4
    assert found.text.count("每页都有的导语") == 1
    assert (found.problems, world.paths) == ((), ["/a", "/a?page=2", "/a?page=3"])
    assert world.store.versions(1) == []


def test_page_that_shows_all_is_the_only_one_asked_for(world: World) -> None:
    foot = '<a href="/a/2">2</a> <a href="/a/all">全文</a>'
    world.scripts |= {"/a": html(page(*lines(1), foot=foot)), "/a/all": html(page(*lines(1), *lines(2), foot=foot))}
    world.run(["/a"])
    assert world.article().text.split("\n") == lines(1) + lines(2)
    assert (world.article().problems, world.paths) == ((), ["/a", "/a/all"])


def test_page_that_robots_may_not_read_is_missing_and_said_so(world: World) -> None:
    world.scripts |= {
        "/robots.txt": reply(body=b"User-agent: *\nDisallow: /a/2"),
        "/a": html(page(*lines(1), foot='<a href="/a/2">2</a>')),
        "/a/2": html(page(*lines(2))),
    }
    world.run(["/a"])
    assert world.article().text.split("\n") == lines(1)
    assert world.article().problems == ("further pages of the article are missing",)
    assert world.paths == ["/a"]


def test_pages_without_end_are_bounded(world: World) -> None:
    for number in range(1, 30):
        path = "/a" if number == 1 else f"/a/{number}"
        world.scripts[path] = html(page(*lines(number), foot=f'<a rel="next" href="/a/{number + 1}">next</a>'))
    world.run(["/a"])
    assert len(world.paths) == 10
    assert "第10页" in world.article().text


# --- changed articles -----------------------------------------------------------------------------------------------


def test_changed_article_is_kept_as_a_version_and_tagged_again(world: World) -> None:
    world.scripts["/a"] = html(page(*lines(1)), ETag='"1"', Last_Modified="Wed, 18 Mar 2026 06:00:00 GMT")
    added = "更正：此前的版本写错了船名。"
    later = {"/a": html(page(*lines(1), added), ETag='"2"')}
    world.run(["/a"], (NOW + timedelta(hours=23), later), (NOW + DAY, later), (NOW + 7 * DAY, later))
    assert world.paths == ["/a", "/a", "/a"]
    asked = [(headers.get("if-none-match"), headers.get("if-modified-since")) for _, headers in world.seen]
    assert asked == [(None, None), ('"1"', "wed, 18 mar 2026 06:00:00 gmt"), ('"2"', None)]
    (version,) = world.store.versions(1)
    assert (version.text.split("\n"), version.replaced) == (lines(1), NOW + DAY)
    assert version.changes == (Change("text", "", added),)
    assert world.article().text.split("\n") == [*lines(1), added]
    assert world.tagged == {"1": 2}


@pytest.mark.parametrize(
    "answer",
    [
        reply("304 Not Modified", b""),
        html(page(*lines(1)), ETag='"2"'),
        html(page("更新于2026年3月19日 06:30", *lines(1), head="<script>1</script>")),
        html(page("会员专享内容，订阅后继续阅读。")),
        reply("404 Not Found"),
    ],
    ids=["304", "same bytes", "only the time", "closed since", "gone since"],
)
def test_what_is_no_change_leaves_everything_as_it_was(world: World, answer: bytes) -> None:
    world.scripts["/a"] = html(page(*lines(1)), ETag='"1"')
    world.run(["/a"], (NOW + DAY, {"/a": answer}))
    assert world.paths == ["/a", "/a"]
    assert world.article().text.split("\n") == lines(1)
    assert world.store.versions(1) == []
    assert world.tagged == {"1": 1}


def test_old_pages_are_never_asked_again(world: World) -> None:
    world.scripts["/a"] = html(page(*lines(1)))
    world.run(["/a"], (NOW + 8 * DAY, {}), (NOW + 30 * DAY, {}))
    assert world.paths == ["/a"]


def test_asking_again_is_shared_out_over_the_cycles(world: World) -> None:
    links = [f"/{number}" for number in range(RECHECKS_OF_SOURCE + 3)]
    world.scripts |= {link: html(page(*lines(1))) for link in links}
    world.run(links, (NOW + DAY, {}), (NOW + DAY + timedelta(minutes=1), {}), (NOW + 2 * DAY, {}))
    assert len(world.paths) == 2 * len(links)


def test_paged_article_that_changes_keeps_its_further_pages(world: World) -> None:
    foot = '<a href="/a/2">2</a>'
    world.scripts |= {"/a": html(page(*lines(1), foot=foot)), "/a/2": html(page(*lines(2)))}
    changed = [*lines(1)[:3], "改正后的第四段：管理局要求公司在五日内提交方案。"]
    world.run(["/a"], (NOW + DAY, {"/a": html(page(*changed, foot=foot))}))
    assert world.article().text.split("\n") == changed + lines(2)
    (version,) = world.store.versions(1)
    assert version.changes == (Change("text", lines(1)[3], changed[3]),)
