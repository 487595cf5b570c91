"""Puts articles straight into a ledger, for tests of what is made from it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from digest.edges import tables as t
from digest.edges.database import Database
from digest.edges.store import Store
from digest.pipeline import VERSIONS
from digest.records import Act, Article, Document, Entry, Membership, Mention, Source, Tagged

NOW = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)

JINGHAI = Source("京海日报", "https://jinghai.example/feed", "zh-Hans", "CN")
LIANWAN = Source("聯灣時報", "https://lianwan.example/feed", "zh-Hant", "TW")
TOKIWA = Source("常盤新聞", "https://tokiwa.example/feed", "ja", "JP")
HANGANG = Source("한강신문", "https://hangang.example/feed", "ko", "KR")
MIDAN = Source("الميدان", "https://midan.example/feed", "ar", "EG")
ELBE = Source("Elbbote", "https://elbe.example/feed", "de", "DE")
SOURCES = (JINGHAI, LIANWAN, TOKIWA, HANGANG, MIDAN, ELBE)


@cache
def _empty_ledger() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "digest.db"
        Database(path).close()
        return path.read_bytes()


def new_ledger(path: Path) -> Database:
    """An empty ledger; the migrations run once for all tests."""
    path.write_bytes(_empty_ledger())
    return Database(path)


def put(
    store: Store,
    source: Source,
    title: str,
    *,
    story: str | None = "s1",
    seen: datetime = NOW - HOUR,
    published: datetime | None = NOW - 2 * HOUR,
    guid: str = "",
    url: str = "",
    text: str = "",
    mentions: Sequence[Mention] = (),
    acts: Sequence[Act] = (),
    copy_of: int | None = None,
    imported: bool = False,
) -> int:
    """The number of an article that came in at `seen` and went through all stages."""
    link = url or f"{source.feed}/{guid or title}"
    feed = f"import:{source.name}" if imported else source.feed
    entry = Entry(feed, guid or title, title, link, published)
    if imported:
        store.import_entries([(entry, Document(link, link, 200, {}, b"<p>", seen))], seen)
    else:
        store.save_entries([(source, [entry])], seen)
    number = number_of(store, entry)
    article = Article(link, title, text, source.language or "en", published=published)
    store.save_articles([(number, article)], 1, seen)
    tagged = Tagged(str(number), article.language, tuple(mentions), tuple(acts))
    store.save_tagged([(number, tagged)], VERSIONS["tag"], seen)
    if story is not None:
        store.save_features([(number, b"")], 1, seen)
        place = Membership(str(number), story, None if copy_of is None else str(copy_of))
        store.save_memberships([place], [number], 1, seen)
    return number


def number_of(store: Store, entry: Entry) -> int:
    query = select(t.entry.c.id).where(t.entry.c.feed == entry.feed, t.entry.c.guid == entry.id)
    with store.database.read() as db:
        number: int = db.execute(query).scalar_one()
    return number
