"""The ledger: each stage finds what is missing, once, and a crash or a rerun changes nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from digest.edges.database import MIGRATIONS, Database
from digest.edges.store import CHUNK, RETRY_WAITS, Poll, Store
from digest.edges.subscriptions import SubscriptionStore
from digest.edges.tables import metadata
from digest.errors import StoreError
from digest.records import (
    Act,
    Article,
    Document,
    Entry,
    Failure,
    FeedState,
    Hints,
    Membership,
    Mention,
    Pause,
    Retry,
    Source,
    Subscription,
    Tagged,
    Version,
)

NOW = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)
SOURCE = Source("京海日报", "https://jinghai.example/feed", "zh-Hans", "CN")
ENTRY = Entry(SOURCE.feed, "1", "网信办约谈腾讯", "https://jinghai.example/1", NOW - timedelta(hours=1))
DOCUMENT = Document(ENTRY.link, ENTRY.link, 200, {"content-type": "text/html"}, b"<p>...</p>", NOW)
ARTICLE = Article(ENTRY.link, ENTRY.title, "国家网信办约谈了腾讯。", "zh-Hans", published=ENTRY.published)
TAGGED = Tagged(
    "1",
    "zh-Hans",
    (
        Mention(0, 3, "网信办", "AGENCY", "agency:cn-cac", "Cyberspace Administration of China"),
        Mention(5, 7, "腾讯", "COMPANY", "company:tencent", "Tencent"),
    ),
    (Act("agency:cn-cac", "company:tencent", "summon", 0, 7, "网信办约谈腾讯"),),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = Database(tmp_path / "digest.db")
    yield Store(database)
    database.close()


def with_entry(store: Store, *entries: Entry) -> None:
    store.sync_sources([SOURCE], NOW)
    store.save_entries([(SOURCE, entries or [ENTRY])], NOW)


def through(store: Store, stage: str) -> None:
    """Brings the one entry through the stages before and including `stage`."""
    with_entry(store)
    steps: dict[str, Callable[[], object]] = {
        "fetch": lambda: store.save_fetches([(1, SOURCE.name, DOCUMENT)], 1, NOW),
        "extract": lambda: store.save_articles([(1, ARTICLE)], 1, NOW),
        "tag": lambda: store.save_tagged([(1, TAGGED)], 1, NOW),
        "describe": lambda: store.save_features([(1, b"features")], 1, NOW),
        "group": lambda: store.save_memberships([Membership("1", "s1")], [1], 1, NOW),
    }
    for name, step in steps.items():
        step()
        if name == stage:
            return


def test_migrations_make_the_tables_that_the_code_names(store: Store) -> None:
    with store.database.read() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []


def test_entry_seen_twice_is_one_entry(store: Store) -> None:
    with_entry(store)
    assert store.save_entries([(SOURCE, [ENTRY, ENTRY])], NOW) == [0]
    assert len(store.entries_to_fetch(1, NOW, 10)) == 1


def test_same_guid_in_two_feeds_is_two_entries(store: Store) -> None:
    with_entry(store, ENTRY, replace(ENTRY, feed="https://other.example/feed"))
    assert len(store.entries_to_fetch(1, NOW, 10)) == 2


def test_each_stage_asks_for_what_the_one_before_has_done(store: Store) -> None:
    with_entry(store)
    assert store.entries_to_fetch(1, NOW, 10) == [(1, ENTRY.link, SOURCE.name)]
    assert store.pages_to_extract(1, NOW, 10) == []
    store.save_fetches([(1, SOURCE.name, DOCUMENT)], 1, NOW)
    assert store.entries_to_fetch(1, NOW, 10) == []
    page = store.pages_to_extract(1, NOW, 10)[0]
    assert (page.document, page.entry, page.country) == (DOCUMENT, ENTRY, "CN")
    store.save_articles([(1, ARTICLE)], 1, NOW)
    assert store.pages_to_extract(1, NOW, 10) == []
    text = store.articles_to_tag(1, NOW, 10)[0]
    assert (text.text, text.language, text.country) == (f"{ENTRY.title}\n{ARTICLE.text}", "zh-Hans", "CN")
    store.save_tagged([(1, TAGGED)], 1, NOW)
    assert store.articles_to_tag(1, NOW, 10) == []
    assert store.articles_to_describe(1, NOW, 10)[0].entities == {"agency:cn-cac", "company:tencent"}
    store.save_features([(1, b"features")], 1, NOW)
    assert store.articles_to_describe(1, NOW, 10) == []
    assert store.features_to_group(1, NOW, 10) == [b"features"]
    store.save_memberships([Membership("1", "s1")], [1], 1, NOW)
    assert store.features_to_group(1, NOW, 10) == []
    [(body, place)] = store.grouped_between(NOW - timedelta(days=1), NOW)
    assert (body, place.story) == (b"features", "s1")


def test_raised_version_makes_items_missing_again(store: Store) -> None:
    through(store, "group")
    assert [text.id for text in store.articles_to_tag(2, NOW, 10)] == ["1"]


def test_doing_a_stage_again_makes_the_later_ones_missing(store: Store) -> None:
    through(store, "group")
    store.save_articles([(1, ARTICLE)], 1, NOW)
    assert [text.id for text in store.articles_to_tag(1, NOW, 10)] == ["1"]
    assert store.features_to_group(1, NOW, 10) == []


def test_changed_headline_is_noted_and_read_again(store: Store) -> None:
    through(store, "group")
    assert store.save_entries([(SOURCE, [replace(ENTRY, title="网信办约谈十一家企业")])], NOW) == [0]
    assert len(store.entries_to_fetch(1, NOW, 10)) == 1


def test_failed_page_waits_then_is_tried_again_then_the_feeds_text_serves(store: Store) -> None:
    with_entry(store)
    failure = Failure(ENTRY.link, "fetch", "timed out", Retry.LATER)
    now = NOW
    for wait in RETRY_WAITS:
        store.save_fetches([(1, SOURCE.name, failure)], 1, now)
        assert store.entries_to_fetch(1, now + wait / 2, 10) == []
        assert store.pages_to_extract(1, now + wait / 2, 10) == []
        now += wait
        assert len(store.entries_to_fetch(1, now, 10)) == 1
    store.save_fetches([(1, SOURCE.name, failure)], 1, now)
    assert store.entries_to_fetch(1, now + timedelta(days=9), 10) == []
    assert [page.document for page in store.pages_to_extract(1, now, 10)] == [None]


def test_page_refused_for_good_is_not_asked_for_again(store: Store) -> None:
    with_entry(store)
    store.save_fetches([(1, SOURCE.name, Failure(ENTRY.link, "fetch", "http 404"))], 1, NOW)
    assert store.entries_to_fetch(1, NOW + timedelta(days=9), 10) == []
    assert len(store.pages_to_extract(1, NOW, 10)) == 1


def test_retry_after_of_the_server_is_the_least_wait(store: Store) -> None:
    with_entry(store)
    failure = Failure(ENTRY.link, "fetch", "http 429", Retry.LATER, timedelta(hours=5))
    store.save_fetches([(1, SOURCE.name, failure)], 1, NOW)
    assert store.entries_to_fetch(1, NOW + timedelta(hours=4), 10) == []
    assert len(store.entries_to_fetch(1, NOW + timedelta(hours=5), 10)) == 1


def test_same_address_through_two_feeds_is_tagged_once(store: Store) -> None:
    with_entry(store, ENTRY, replace(ENTRY, feed="https://jinghai.example/tech", id="9"))
    store.save_fetches([(1, SOURCE.name, DOCUMENT), (2, SOURCE.name, DOCUMENT)], 1, NOW)
    store.save_articles([(1, ARTICLE), (2, ARTICLE)], 1, NOW)
    assert [text.id for text in store.articles_to_tag(1, NOW, 10)] == ["1"]


def test_address_that_one_batch_brings_twice_belongs_to_the_first_and_no_address_to_nobody(store: Store) -> None:
    with_entry(store, *(replace(ENTRY, id=str(number)) for number in range(1, 6)))
    urls = {
        1: "",
        2: "https://jinghai.example/a",
        3: "https://jinghai.example/b",
        4: "",
        5: "https://jinghai.example/b",
    }
    store.save_articles([(number, replace(ARTICLE, url=url)) for number, url in urls.items()], 1, NOW)
    assert [text.id for text in store.articles_to_tag(1, NOW, 10)] == ["1", "2", "3", "4"]
    store.save_articles([(3, replace(ARTICLE, url=urls[2])), (5, replace(ARTICLE, url=urls[3]))], 1, NOW)
    assert [text.id for text in store.articles_to_tag(1, NOW, 10)] == ["1", "2", "4", "5"]


def test_more_items_than_one_statement_holds_are_saved_alike(store: Store) -> None:
    numbers = range(1, 2 * CHUNK + 2)
    with_entry(store, *(replace(ENTRY, id=str(number), link=f"{ENTRY.link}/{number}") for number in numbers))
    failures = [(number, SOURCE.name, Failure("x", "fetch", "timed out", Retry.LATER)) for number in numbers]
    store.save_fetches(failures, 1, NOW)
    later = NOW + RETRY_WAITS[0]
    assert len(store.entries_to_fetch(1, later, 9999)) == len(numbers)
    store.save_fetches(failures, 1, later)  # the second attempt: the longer wait
    assert store.entries_to_fetch(1, later + RETRY_WAITS[0], 9999) == []
    store.save_articles([(number, replace(ARTICLE, url=f"{ENTRY.link}/{number}")) for number in numbers], 1, NOW)
    store.save_tagged([(number, TAGGED) for number in numbers], 1, NOW)
    store.save_features([(number, b"features") for number in numbers], 1, NOW)
    store.save_memberships([Membership(str(number), f"s{number}") for number in numbers], numbers, 1, NOW)
    assert store.counts().stories == len(numbers)
    store.save_articles([(numbers[-1], ARTICLE)], 1, NOW)  # only its own later stages are to be done again
    assert [text.id for text in store.articles_to_tag(1, NOW, 9999)] == [str(numbers[-1])]
    moved = [Membership(str(number), "whole") for number in numbers]
    store.save_memberships(moved, [], 1, NOW)
    assert store.counts().stories == 1


def test_merged_story_leaves_a_redirect_and_takes_all_its_articles_along(store: Store) -> None:
    with_entry(store, ENTRY, replace(ENTRY, id="2", link=ENTRY.link + "2"))
    articles: list[tuple[int, Article | Failure]] = [(1, ARTICLE), (2, replace(ARTICLE, url=ENTRY.link + "2"))]
    store.save_articles(articles, 1, NOW)
    store.save_memberships([Membership("1", "s1"), Membership("2", "s1")], [1, 2], 1, NOW)
    store.save_memberships([Membership("1", "s2")], [], 1, NOW)  # the other one lay outside the window
    with store.database.read() as db:
        stories = db.exec_driver_sql("SELECT id, redirect FROM story ORDER BY id").all()
        members = db.exec_driver_sql("SELECT story FROM membership").all()
    assert [tuple(row) for row in stories] == [("s1", "s2"), ("s2", None)]
    assert [tuple(row) for row in members] == [("s2",), ("s2",)]


def test_article_that_is_grouped_anew_leaves_its_story_behind(store: Store) -> None:
    with_entry(store, ENTRY, replace(ENTRY, id="2", link=ENTRY.link + "2"))
    articles: list[tuple[int, Article | Failure]] = [(1, ARTICLE), (2, replace(ARTICLE, url=ENTRY.link + "2"))]
    store.save_articles(articles, 1, NOW)
    store.save_memberships([Membership("1", "s1"), Membership("2", "s1")], [1, 2], 1, NOW)
    store.save_memberships([Membership("1", "s2")], [1], 1, NOW)
    with store.database.read() as db:
        members = db.exec_driver_sql("SELECT story FROM membership ORDER BY article_id").all()
    assert [tuple(row) for row in members] == [("s2",), ("s1",)]


def test_feed_state_comes_back_as_it_was_saved(store: Store) -> None:
    store.sync_sources([SOURCE], NOW)
    state = FeedState(
        SOURCE.feed, NOW, '"tag"', "Wed, 18 Mar 2026", "ff", 3, True, timedelta(minutes=42), NOW, NOW, "timed out"
    )
    store.remember_feeds([Poll(SOURCE, state, "failed")], NOW)
    assert store.feed_states([SOURCE]) == {SOURCE.feed: state}
    store.sync_sources([SOURCE], NOW)  # a restart forgets nothing
    assert store.feed_states([SOURCE]) == {SOURCE.feed: state}


def test_what_a_feed_says_of_itself_comes_back_as_it_was_saved(store: Store) -> None:
    store.sync_sources([SOURCE], NOW)
    state = replace(
        FeedState(SOURCE.feed, NOW),
        address="https://neu.example/",
        moved="https://noch-neuer.example/",
        moved_on=(NOW.date(), NOW.date() + timedelta(days=1)),
        pace=timedelta(minutes=7),
        hints=Hints(timedelta(hours=1), (0, 23), "https://hub.example/", "https://neu.example/feed"),
    )
    store.remember_feeds([Poll(SOURCE, state, "not modified")], NOW)
    assert store.feed_states([SOURCE]) == {SOURCE.feed: state}


def test_lease_of_an_active_subscription_is_part_of_the_state(store: Store) -> None:
    store.sync_sources([SOURCE], NOW)
    one = Subscription(SOURCE.feed, "https://hub.example/", SOURCE.feed, "t", "s", "active", NOW, 0, NOW)
    subscriptions = SubscriptionStore(store.database)
    leaving = replace(one, state="leaving")
    for saved, lease in ((one, NOW), (leaving, None)):
        subscriptions.save([saved])
        assert store.feed_states([SOURCE])[SOURCE.feed].lease == lease
    assert subscriptions.by_token("t") == leaving
    assert subscriptions.by_token("") is None


def test_pauses_are_kept_until_they_have_passed(store: Store) -> None:
    hour = timedelta(hours=1)
    pauses = [Pause("a.example", NOW + hour), Pause("b.example", NOW - hour, 3), Pause("c.example", NOW - hour)]
    store.save_pauses(pauses, NOW)
    assert sorted(pause.host for pause in store.pauses(NOW)) == ["a.example", "b.example"]
    store.save_pauses([Pause("b.example", NOW - hour, 0)], NOW + 2 * hour)
    assert store.pauses(NOW + 2 * hour) == []


def test_ledger_of_the_first_revision_is_brought_up_with_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    with create_engine(f"sqlite:///{path}").begin() as connection:
        config = AlembicConfig()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO feed (url, due, etag, modified, body_hash, failures, gone, interval, reason)"
            f" VALUES ('{SOURCE.feed}', '2026-03-18 06:30:00', 'x', '', '', 2, 0, 1800, 'timed out')"
        )
    database = Database(path)
    (state,) = Store(database).feed_states([SOURCE]).values()
    assert state == FeedState(SOURCE.feed, NOW, "x", failures=2, interval=timedelta(minutes=30), reason="timed out")
    database.close()


def test_naive_datetime_never_reaches_the_ledger(store: Store) -> None:
    with pytest.raises(Exception, match="without a time zone"):
        with_entry(store, replace(ENTRY, published=datetime(2026, 3, 18)))


@pytest.mark.parametrize("content", [b"this is no database, only a text that is long enough" * 50])
def test_file_that_is_no_database_is_told_in_plain_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "digest.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a usable database; restore a copy"):
        Database(path)


def test_headlines_of_an_older_ledger_become_versions(tmp_path: Path) -> None:
    path, day = tmp_path / "digest.db", "'2026-03-18'"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = AlembicConfig()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in (
            f"INSERT INTO entry VALUES (1, 's', 'f', 'g', 'l', '新', '', '', NULL, NULL, NULL, '[]', {day}, 'feed')",
            f"INSERT INTO article VALUES (1, 'u', '新', '正文。', 'zh', 1, NULL, 'feed', {day}, '[]', '', '[]', NULL)",
            "INSERT INTO headline VALUES (1, 1, '旧标题', '2026-03-18 06:30:00.000000')",
            f"INSERT INTO page VALUES (1, 'u', 'u', 200, '{{}}', x'00', {day})",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    database = Database(path)
    assert Store(database).versions(1) == [Version("旧标题", "正文。", NOW)]
    assert Store(database).pages_to_recheck(NOW + timedelta(days=1), 10) == []
    database.close()


def test_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    Database(path).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    with pytest.raises(StoreError, match="newer Digest"):
        Database(path)


def test_an_empty_file_that_is_only_read_does_not_become_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(StoreError, match="there is no ledger there yet"):
        Database(tmp_path / "notes.txt", create=False)
    assert (tmp_path / "notes.txt").read_bytes() == b""


def test_ledger_that_is_only_read_is_not_made(tmp_path: Path) -> None:
    for place in (tmp_path / "typo.db", tmp_path / "none" / "typo.db"):
        with pytest.raises(StoreError, match=r"typo\.db: there is no ledger there yet; run `digest update` first"):
            Database(place, create=False)
    assert list(tmp_path.iterdir()) == []
    Database(tmp_path / "digest.db").close()
    Database(tmp_path / "digest.db", create=False).close()
    Database("sqlite://", create=False).close()


def test_place_of_the_ledger_tells_no_password(store: Store, tmp_path: Path) -> None:
    assert store.database.place == str(tmp_path / "digest.db")
    store.database.url = "postgresql://me:s3cret@db.example/digest?password=s3cret"
    assert store.database.place == "postgresql://db.example/digest"


def test_full_disk_loses_nothing_and_is_told(store: Store) -> None:
    with_entry(store)
    with store.database.read() as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar()
        db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    big = replace(DOCUMENT, body=bytes(range(256)) * 4000)
    huge = [(1, SOURCE.name, replace(big, headers={"x": "y" * 200_000}))]
    with pytest.raises(StoreError, match="disk is full"):
        store.save_fetches(huge, 1, NOW)
    assert store.database.check() == "ok"
    assert len(store.entries_to_fetch(1, NOW, 10)) == 1


def test_second_program_on_the_same_ledger_is_told_so(store: Store, tmp_path: Path) -> None:
    other = Database(tmp_path / "digest.db")
    with store.database.lock(), pytest.raises(StoreError, match="already at work"), other.lock():
        pass
    with other.lock():  # free again
        pass
    other.close()
