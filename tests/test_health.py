"""`digest status` and `digest doctor` tell what is wrong, in the user's words and scripts, and no secret."""

import asyncio
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from digest.config import Config, Delivery, FetchSettings
from digest.demo.sink import MailSink
from digest.edges.database import Database
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.issues import IssueStore
from digest.edges.store import Poll, Store
from digest.health import doctor, print_status
from digest.records import Article, Change, Coverage, Digest, Edition, Email, Entry, Failure, FeedState, Retry, Source
from tests.edges.pool_stages import hangs
from tests.edges.scripted_server import Server, reply
from tests.ledger import ELBE, HANGANG, JINGHAI, MIDAN, NOW, TOKIWA, new_ledger, put
from tests.test_discovery import index, news_sitemap

EDITION = Edition("morning", "Morning briefing", "06:30", "Europe/Berlin")
BRACKETS = Source("The [red]Daily[/red]", "https://daily.example/feed", "en", "GB")
FEED = (
    "<rss version='2.0'><channel><title>京海日报</title><link>https://jinghai.example/</link>"
    "<item><title>网信办约谈腾讯</title><link>https://jinghai.example/1</link></item></channel></rss>"
).encode()


def config(folder: Path, *sources: Source) -> Config:
    fetch = FetchSettings("", ("127.0.0.0/8",), timedelta(seconds=0.01), timedelta(seconds=2), None)
    return Config(folder / "feeds.yaml", sources, (), (EDITION,), Delivery("Digest <digest@example.org>", None), fetch)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_ledger(tmp_path / "digest.db")
    yield database
    database.close()


# --- status ----------------------------------------------------------------------------------------------------------


def status(database: Database, settings: Config) -> list[str]:
    console = Console(file=io.StringIO(), width=1000)
    print_status(console, database, settings, NOW)
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_each_feed_tells_its_last_success_its_next_poll_and_its_trouble(database: Database, tmp_path: Path) -> None:
    sources = (JINGHAI, TOKIWA, HANGANG, MIDAN, ELBE, BRACKETS)
    store = Store(database)
    store.sync_sources(sources[:-1], NOW)
    good = FeedState(JINGHAI.feed, NOW + timedelta(hours=1), last_success=NOW, last_change=NOW)
    silent = replace(good, feed=TOKIWA.feed, last_change=NOW - timedelta(days=20))
    failing = replace(good, feed=HANGANG.feed, failures=3, reason="[timed out]", last_success=NOW - timedelta(days=1))
    once = replace(failing, feed=ELBE.feed, failures=1, reason="not a feed")
    gone = replace(failing, feed=MIDAN.feed, gone=True, last_success=None)
    states = {JINGHAI: good, TOKIWA: silent, HANGANG: failing, ELBE: once, MIDAN: gone}
    for source, state in states.items():
        store.remember_feeds([Poll(source, state, "ok")], NOW)
    lines = status(database, config(tmp_path, *sources))
    assert lines[:7] == [
        "source last success next trouble",
        "京海日报 2026-03-18 06:30 2026-03-18 07:30",
        "常盤新聞 2026-03-18 06:30 2026-03-18 07:30 nothing new since 2026-02-26",
        "한강신문 2026-03-17 06:30 2026-03-18 07:30 [timed out] (3 times in a row)",
        "الميدان never never gone for good (410): take it out of feeds.yaml",
        "Elbbote 2026-03-17 06:30 2026-03-18 07:30 not a feed",
        "The [red]Daily[/red] never at the next update",
    ]


def test_what_waits_what_failed_and_what_was_sent_is_counted(database: Database, tmp_path: Path) -> None:
    store, issues = Store(database), IssueStore(database)
    store.sync_sources([JINGHAI], NOW)
    put(store, JINGHAI, "网信办约谈腾讯")
    put(store, JINGHAI, "网信办约谈阿里", story=None)
    store.save_entries([(JINGHAI, [Entry(JINGHAI.feed, "3", "无文", "https://jinghai.example/3")])], NOW)
    store.save_fetches([(3, JINGHAI.name, Failure("x", "fetch", "timed out", Retry.LATER))], 1, NOW)
    store.save_articles([(3, Failure("3", "extract", "no [b]text"))], 1, NOW)
    email = Email("网信办约谈腾讯 [1]", "", "")
    digest = Digest(EDITION, date(2026, 3, 18), NOW, (), Coverage(1, 1, 1, ()), {})
    issues.save_issue(digest, email, [(f"{n}@example.org", f"<{n}@x>", b"") for n in range(3)], NOW)
    first, second, _ = issues.claim_mail(NOW, 3)
    issues.mark_sent(first, "250", NOW)
    issues.mark_failed(second, "550")
    assert status(database, config(tmp_path, JINGHAI))[2:] == [
        "2 articles in 1 stories",
        "1 wait for describe",
        "1 wait for group",
        "1 failed at extract: no [b]text",
        "1 failed at fetch: timed out",
        "mail: 1 failed, 1 sending, 1 sent",
        "edition morning: next issue 2026-03-19 05:30 UTC; the last, of 2026-03-18: 网信办约谈腾讯 [1]",
    ]


def test_what_articles_lack_and_what_was_changed_is_counted(database: Database, tmp_path: Path) -> None:
    store = Store(database)
    store.sync_sources([JINGHAI], NOW)
    walled = ("feed text used", "the page asks for consent")
    for number, problems in ((1, walled), (2, walled), (3, ("feed text used",))):
        put(store, JINGHAI, f"标题{number}", story=None)
        article = Article("", f"标题{number}", "新文。", "zh-Hans", problems=problems)
        changed = replace(article, changes=(Change("text", "", "新文。"),) if number == 1 else ())
        store.save_articles([(number, changed)], 1, NOW)
    lines = status(database, config(tmp_path, JINGHAI))
    assert lines[lines.index("3 wait for group") + 1 :][:3] == [
        "3 articles: feed text used",
        "2 articles: the page asks for consent",
        "1 earlier versions of changed articles",
    ]


def test_new_ledger_has_a_status(database: Database, tmp_path: Path) -> None:
    lines = status(database, config(tmp_path, JINGHAI))
    assert lines[1:] == [
        "京海日报 never at the next update",
        "0 articles in 0 stories",
        "mail: none yet",
        "edition morning: next issue 2026-03-19 05:30 UTC",
    ]


# --- doctor ----------------------------------------------------------------------------------------------------------


async def examine(settings: Config, url: str, smtp_url: str | None = None, feeds: bool = False) -> tuple[bool, str]:
    console = Console(file=io.StringIO(), width=1000)
    options = FetchOptions("Digest-test/1", settings.fetch.allow_hosts, deadline=2.0, delay=0.01)
    well = await doctor(console, settings, url, smtp_url, lambda _: Fetcher(options, lambda: NOW), feeds)
    assert isinstance(console.file, io.StringIO)
    return well, console.file.getvalue()


def test_doctor_finds_everything_good(database: Database, tmp_path: Path) -> None:
    async def run() -> tuple[bool, str]:
        async with Server({"/feed": reply(body=FEED)}) as server:
            source = Source("京海日报", server.url("/feed"))
            with MailSink(tmp_path / "mail") as sink:
                return await examine(config(tmp_path, source), database.url, sink.url, feeds=True)

    well, told = asyncio.run(run())
    assert told.splitlines() == [
        "good   configuration: 1 sources, 1 editions",
        "good   database: opens, and is whole",
        "good   tagger: the model loads and the registry links",
        "good   mail: the server answers and lets us in",
        "good   京海日报: 1 entries",
    ]
    assert well


def test_doctor_tells_each_trouble_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "digest.db").write_text("this is a letter, not a ledger" * 100)

    async def run() -> tuple[bool, str]:
        async with Server({"/page": reply(body=b"<p>no feed</p>")}) as server:
            sources = (
                Source("Elbbote [1]", server.url("/page")),
                Source("한강신문", server.url("/none")),
                Source("الميدان", "http://127.0.0.1:1/feed"),
            )
            mail = "smtp://me:s3cret@127.0.0.1:1"
            return await examine(config(tmp_path, *sources), f"sqlite:///{tmp_path}/digest.db", mail, feeds=True)

    well, told = asyncio.run(run())
    assert not well
    lines = set(told.splitlines())
    trouble = "this is not a usable database; restore a copy, or name another with --db"
    assert f"FAILED database: {tmp_path}/digest.db: {trouble}" in lines
    assert "FAILED mail: the connection to 127.0.0.1:1 failed: Connection refused; check DIGEST_SMTP_URL" in lines
    assert {"FAILED Elbbote [1]: not a feed", "FAILED الميدان: connection refused"} <= lines
    assert any(line.startswith("FAILED 한강신문: ") for line in lines)
    assert "good   tagger: the model loads and the registry links" in lines
    assert "s3cret" not in told


def test_doctor_follows_an_index_of_sitemaps_to_its_news(database: Database, tmp_path: Path) -> None:
    async def run() -> tuple[bool, str]:
        site = {"/sitemap.xml": reply(body=index("/news.xml")), "/news.xml": reply(body=news_sitemap("A", "B"))}
        async with Server(site) as server:
            source = Source("Elbbote", server.url("/sitemap.xml"))
            return await examine(config(tmp_path, source), database.url, feeds=True)

    well, told = asyncio.run(run())
    assert (well, told.splitlines()[-1]) == (True, "good   Elbbote: 2 entries")


def test_feed_that_never_gets_parsed_is_given_up(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.health.parse", hangs)
    monkeypatch.setattr("digest.health.PARSE_SECONDS", 0.2)

    async def run() -> tuple[bool, str]:
        async with Server({"/feed": reply(body=FEED)}) as server:
            return await examine(config(tmp_path, Source("常盤新聞", server.url("/feed"))), database.url, feeds=True)

    well, told = asyncio.run(run())
    assert (well, told.splitlines()[-1]) == (False, "FAILED 常盤新聞: timed out")


def test_ledger_that_is_damaged_inside_is_told(tmp_path: Path) -> None:
    database = new_ledger(tmp_path / "digest.db")
    store = Store(database)
    store.sync_sources([ELBE], NOW)
    for number in range(4):
        put(store, ELBE, f"Bericht {number}", text="Text. " * 2000)
    database.close()
    content = bytearray((tmp_path / "digest.db").read_bytes())
    for start in range(len(content) // 2 // 4096 * 4096, len(content), 4096):
        content[start : start + 3000] = b"\xaa" * 3000
    (tmp_path / "digest.db").write_bytes(content)
    well, told = asyncio.run(examine(config(tmp_path, ELBE), f"sqlite:///{tmp_path}/digest.db"))
    assert not well
    assert "FAILED database: " in told
    assert "restore a copy" in told


def test_without_a_mail_server_the_folder_is_named(database: Database, tmp_path: Path) -> None:
    well, told = asyncio.run(examine(config(tmp_path), database.url))
    assert well
    assert f"good   mail: no DIGEST_SMTP_URL: mails are written to {tmp_path}/mail as .eml files" in told


@pytest.mark.parametrize(
    "url", ["smt://me:s3cret@mail.example", "smtp://me:s3cret@[::1", "smtp://me:s3cret@mail.example:x"]
)
def test_address_of_the_mail_server_that_cannot_be_read_stays_secret(
    database: Database, tmp_path: Path, url: str
) -> None:
    well, told = asyncio.run(examine(config(tmp_path), database.url, url))
    assert not well
    assert "FAILED mail: DIGEST_SMTP_URL: " in told
    assert "s3cret" not in told
