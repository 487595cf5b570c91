"""The newsroom speaks the dialects that it promises, over real HTTP."""

import asyncio
import io
import json
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import aiohttp
import feedparser
import pytest

from digest.demo.newsroom import DEMO_NOTE, Outlet, newsroom
from digest.demo.server import BROKEN, GONE, SLEEPY, NewsroomServer
from digest.demo.sink import MailSink
from digest.entities.catalogue import catalogue

LAST_DAY = datetime(2021, 3, 20, 5, 20, tzinfo=UTC)
T = TypeVar("T")
Ask = Callable[..., Awaitable[tuple[int, bytes, str]]]


@asynccontextmanager
async def running(now: datetime = LAST_DAY) -> AsyncIterator[tuple[NewsroomServer, Ask]]:
    async with NewsroomServer(now) as server, aiohttp.ClientSession() as client:

        async def ask(key: str, path: str = "/feed", **headers: str) -> tuple[int, bytes, str]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with client.get(server.address(key) + path, headers=named) as response:
                return response.status, await response.read(), response.headers.get("ETag", "")

        yield server, ask


def test_there_are_outlets_and_languages_enough() -> None:
    outlets = newsroom().outlets
    languages = {outlet.language for outlet in outlets}
    assert len(outlets) >= 14
    assert {"zh-Hans", "zh-Hant", "en", "ja", "ko", "de", "fr", "es", "pt-BR", "it", "ru", "ar"} <= languages
    assert {outlet.feed.format for outlet in outlets} == {"rss2", "rss1", "atom", "json"}
    encodings = {outlet.feed.encoding for outlet in outlets}
    assert {"utf-8", "gb18030", "big5", "shift_jis", "iso-8859-1", "windows-1251"} <= encodings


def test_events_name_entities_of_the_registry_and_articles_name_events() -> None:
    known = catalogue().entities
    for event in newsroom().events.values():
        for _, agencies, companies in event.acts:
            assert {*agencies, *companies} <= set(known)
    for outlet in newsroom().outlets:
        assert {article.event for article in outlet.articles} <= set(newsroom().events)


def test_each_event_is_told_in_several_languages() -> None:
    for key in newsroom().events:
        if key != "local-culture":
            told = {outlet.language for outlet in newsroom().outlets for one in outlet.articles if one.event == key}
            assert len(told) >= 4, key


@pytest.mark.parametrize("outlet", newsroom().outlets, ids=lambda outlet: outlet.key)
def test_feed_says_in_its_own_encoding_what_was_written(outlet: Outlet) -> None:
    async def check() -> None:
        async with running() as (_, ask):
            status, body, _ = await ask(outlet.key)
        assert status == 200
        wanted = [article.title_at(LAST_DAY) for article in outlet.published_by(LAST_DAY)]
        if outlet.feed.format == "json":
            assert [item["title"] for item in json.loads(body)["items"]] == wanted
            return
        headers = {"content-type": f"application/xml; charset={outlet.feed.encoding}"}
        parsed = feedparser.parse(io.BytesIO(body), response_headers=headers)
        assert [" ".join(entry.title.split()) for entry in parsed.entries] == [" ".join(one.split()) for one in wanted]
        assert all("published" in entry or "updated" in entry for entry in parsed.entries) == (
            outlet.feed.quirk != "no-dates"
        )
        assert all("id" in entry for entry in parsed.entries) == (outlet.feed.quirk != "no-ids")

    asyncio.run(check())


@pytest.mark.parametrize("outlet", newsroom().outlets, ids=lambda outlet: outlet.key)
def test_page_holds_the_text_and_the_traps(outlet: Outlet) -> None:
    async def check() -> None:
        article = outlet.articles[0]
        async with running() as (_, ask):
            status, body, _ = await ask(outlet.key, article.path)
        text = body.decode(outlet.feed.encoding).replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&")
        assert status == 200
        assert all(paragraph in text for paragraph in article.body)
        assert all(part in text for part in (article.caption, outlet.cookie, outlet.subscribe, *article.related))
        assert DEMO_NOTE in text

    asyncio.run(check())


def test_unchanged_feed_answers_304_until_something_is_published() -> None:
    async def check() -> None:
        async with running(datetime(2021, 3, 18, 12, 0, tzinfo=UTC)) as (server, ask):
            _, _, etag = await ask("quais")
            assert (await ask("quais", If_None_Match=etag))[0] == 304
            server.now = LAST_DAY
            assert (await ask("quais", If_None_Match=etag))[0] == 200

    asyncio.run(check())


def test_what_is_published_later_does_not_exist_yet() -> None:
    async def check() -> None:
        async with running(datetime(2021, 3, 16, 0, 0, tzinfo=UTC)) as (_, ask):
            harbour = next(outlet for outlet in newsroom().outlets if outlet.key == "harbour")
            assert (await ask("harbour", harbour.articles[0].path))[0] == 404

    asyncio.run(check())


def test_headline_is_corrected_at_its_hour() -> None:
    outlet, article = next((o, a) for o in newsroom().outlets for a in o.articles if a.corrected)
    assert article.corrected is not None
    assert article.title_at(article.published) == article.title
    assert article.title_at(article.corrected[1]) == article.corrected[0] != article.title
    assert outlet.published_by(article.published)


def test_sources_that_are_gone_broken_or_silent() -> None:
    async def check() -> None:
        async with running() as (_, ask):
            assert (await ask(GONE))[0] == 410
            _, torn, _ = await ask(BROKEN)
            assert feedparser.parse(io.BytesIO(torn)).bozo
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ask(SLEEPY), 0.3)

    asyncio.run(check())


def test_sink_keeps_the_bytes_that_were_sent(tmp_path: Path) -> None:
    message = b"Subject: x\r\n\r\n" + "一".encode() + b"\r\n"
    with MailSink(tmp_path) as sink:
        host, _, port = sink.url.removeprefix("smtp://").partition(":")
        with smtplib.SMTP(host, int(port)) as client:
            client.sendmail("a@example.org", ["../b@example.org"], message)
        assert sink.count == 1
    [kept] = tmp_path.iterdir()
    assert message.rstrip() in kept.read_bytes()
    assert "/" not in kept.name
