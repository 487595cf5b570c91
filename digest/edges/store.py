"""The ledger: what each stage still has to do, and what came of it. Records go in and out, never rows or sessions.

A stage asks for what is missing (`..._to_fetch`, `..._to_extract`, ...), does it, and saves the outcome, failures too.
An outcome carries the stage's version: after the version is raised, its items are missing again. Saving an item anew at
one stage makes it missing at the stages that follow.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    Table,
    and_,
    cast,
    delete,
    func,
    or_,
    select,
    update,
)

from digest.edges import tables as t
from digest.edges.database import Database, upsert
from digest.edges.robots import reservation
from digest.records import (
    Act,
    Article,
    Change,
    Document,
    Entry,
    Failure,
    FeedState,
    Groupable,
    Hints,
    Label,
    Membership,
    Mention,
    Page,
    Pause,
    Retry,
    RobotsFile,
    Source,
    Tagged,
    Text,
    Version,
)

__all__ = ["STAGES", "Counts", "KnownPage", "Poll", "Store", "WantedPart"]

STAGES = ("fetch", "extract", "tag", "describe", "group")

# Pages that fail for a passing reason are asked for again after these waits; then the feed's own text serves.
RETRY_WAITS = (timedelta(minutes=10), timedelta(hours=1))

# Pages are asked for again so long after their articles came in; those that have waited longer than the last, never.
RECHECKS = (timedelta(hours=24), timedelta(days=7))
LAST_RECHECK = timedelta(days=8)
# Of one source in one go, so that a host with many articles and a long delay does not hold up the others.
RECHECKS_OF_SOURCE = 10

LONGEST_NUMBER = 10  # digits of an article's number, which a database keeps in 32 bits

# Older builds of SQLite take 999 values in one statement.
CHUNK = 500

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Counts:
    """How far the ledger's articles have come. `failed`: (stage, reason, count), the most frequent first."""

    articles: int
    stories: int
    waiting: Mapping[str, int]  # stage -> items that it has not settled yet
    failed: tuple[tuple[str, str, int], ...]
    problems: tuple[tuple[str, int], ...] = ()  # what articles lack -> how many of them, the most frequent first
    versions: int = 0  # of articles, that their sources replaced


@dataclass(frozen=True, slots=True)
class KnownPage:
    """An article's page that is to be asked for again, with what the server said of the one that we have."""

    entry: int
    link: str
    source: str
    etag: str
    modified: str


@dataclass(frozen=True, slots=True)
class WantedPart:
    """A further page of an article that is still to be fetched."""

    entry: int
    position: int
    url: str
    source: str


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll of a source's feed left: its state now, and what is logged. `size` in bytes, `new` entries."""

    source: Source
    state: FeedState
    outcome: Literal["ok", "not modified", "pushed", "failed"]
    size: int = 0
    new: int = 0


class Store:
    def __init__(self, database: Database) -> None:
        self.database = database

    # --- sources and feeds ----------------------------------------------------------------------------------

    def sync_sources(self, sources: Sequence[Source], now: datetime) -> None:
        """The configured sources become the active ones; others stay for their articles, and are not asked any more."""
        with self.database.write() as db:
            known = {row.name: row.added for row in db.execute(select(t.source.c.name, t.source.c.added))}
            db.execute(update(t.source).values(active=False))
            _put(db, t.source, [_source_row(source, known.get(source.name, now)) for source in sources])
            asked = set(db.execute(select(t.feed.c.url)).scalars())
            new = [source.feed for source in sources if source.feed not in asked]
            _add_missing(db, t.feed, [_feed_row(FeedState(feed, due=now)) for feed in new])

    def feed_states(self, sources: Sequence[Source]) -> dict[str, FeedState]:
        """What is remembered of the sources' feeds, by address."""
        leases = and_(t.subscription.c.feed == t.feed.c.url, t.subscription.c.state == "active")
        query = select(t.feed, t.subscription.c.expires).outerjoin(t.subscription, leases)
        with self.database.read() as db:
            rows = db.execute(query.where(t.feed.c.url.in_([source.feed for source in sources])))
            return {row.url: _feed_state(row) for row in rows}

    def save_entries(self, polled: Sequence[tuple[Source, Sequence[Entry]]], now: datetime) -> list[int]:
        """Saves the entries of some polls, all or none, with new headlines. Returns how many each brought."""
        with self.database.write() as db:
            titles = _titles(db, [entry for _, entries in polled for entry in entries])
            rows: dict[tuple[str, str], dict[str, Any]] = {}
            counts = []
            for source, entries in polled:
                before = len(rows)
                for entry in entries:
                    known = titles.get((entry.feed, entry.id))
                    if known is None:
                        rows.setdefault((entry.feed, entry.id), _entry_row(source.name, entry, "feed", now))
                    elif known != entry.title:
                        _renew(db, entry)
                counts.append(len(rows) - before)
            _add_missing(db, t.entry, list(rows.values()))
        return counts

    def remember_feeds(self, polls: Sequence[Poll], now: datetime) -> None:
        """Saves the feeds' states after some polls, with a line of the log for each.

        Comes after `save_entries`: a crash between the two only asks for the feeds once more.
        """
        with self.database.write() as db:
            _put(db, t.feed, [_feed_row(poll.state) for poll in polls])
            _add(db, t.fetch, [_feed_fetch_row(poll, now) for poll in polls])

    def pauses(self, now: datetime) -> list[Pause]:
        """The hosts that are not to be asked yet, and those that refused when they were last asked."""
        with self.database.read() as db:
            rows = db.execute(select(t.pause).where(or_(t.pause.c.until > now, t.pause.c.refusals > 0)))
            return [Pause(row.host, row.until, row.refusals) for row in rows]

    def save_pauses(self, pauses: Sequence[Pause], now: datetime) -> None:
        """Keeps pauses over a restart, and forgets those that have passed."""
        if pauses:
            with self.database.write() as db:
                _put(db, t.pause, [{"host": one.host, "until": one.until, "refusals": one.refusals} for one in pauses])
                db.execute(delete(t.pause).where(t.pause.c.until <= now, t.pause.c.refusals == 0))

    def robots(self, origin: str, now: datetime) -> RobotsFile | None:
        """The origin's robots.txt, if it was read in the last day."""
        query = select(t.robots).where(t.robots.c.origin == origin, t.robots.c.until > now)
        with self.database.read() as db:
            row = db.execute(query).one_or_none()
        if row is None:
            return None
        return RobotsFile(row.origin, None if row.body is None else zlib.decompress(row.body), row.until)

    def save_robots(self, files: Sequence[RobotsFile], now: datetime) -> None:
        """Keeps what was read for the runs of the day, and forgets what is older."""
        if files:
            rows = [
                {
                    "origin": one.origin,
                    "body": None if one.body is None else zlib.compress(one.body),
                    "until": one.until,
                }
                for one in files
            ]
            with self.database.write() as db:
                _put(db, t.robots, rows)
                db.execute(delete(t.robots).where(t.robots.c.until <= now))

    # --- pages ----------------------------------------------------------------------------------

    def entries_to_fetch(self, version: int, now: datetime, limit: int) -> list[tuple[int, str, str]]:
        """(entry, link, source) of the articles whose page is still to be fetched, the newest first."""
        query = (
            _missing(select(t.entry.c.id, t.entry.c.link, t.entry.c.source), "fetch", version, now)
            .where(t.entry.c.link != "", t.entry.c.via == "feed")
            .order_by(t.entry.c.first_seen.desc(), t.entry.c.id.desc())
        )
        with self.database.read() as db:
            return [(row.id, row.link, row.source) for row in db.execute(query.limit(limit))]

    def save_fetches(self, fetched: Sequence[tuple[int, str, Document | Failure]], version: int, now: datetime) -> None:
        """Outcomes of page fetches: (entry, source, what came)."""
        with self.database.write() as db:
            documents = {entry: result for entry, _, result in fetched if isinstance(result, Document)}
            _save_pages(db, list(documents.items()), _next_checks(db, list(documents), now))
            _add(db, t.fetch, [_page_fetch_row(source, result, now) for _, source, result in fetched])
            _save_outcomes(db, "fetch", [(entry, result) for entry, _, result in fetched], version, now)

    def pages_to_recheck(self, now: datetime, limit: int) -> list[KnownPage]:
        """Pages whose time has come to be asked whether they changed, longest overdue first, few of each source.

        One that came in under several entries is asked for once.
        """
        turn = func.row_number().over(partition_by=t.entry.c.source, order_by=(t.page.c.due, t.entry.c.id))
        due = (
            select(t.entry.c.id, t.entry.c.link, t.entry.c.source, t.page.c.headers, t.page.c.due, turn.label("turn"))
            .join(t.page, t.page.c.entry_id == t.entry.c.id)
            .outerjoin(t.article, t.article.c.id == t.entry.c.id)
            .where(t.page.c.due <= now, t.entry.c.first_seen > now - LAST_RECHECK, t.article.c.same_as.is_(None))
            .subquery()
        )
        query = select(due).where(due.c.turn <= RECHECKS_OF_SOURCE).order_by(due.c.due, due.c.id).limit(limit)
        with self.database.read() as db:
            return [
                KnownPage(
                    row.id, row.link, row.source, row.headers.get("etag", ""), row.headers.get("last-modified", "")
                )
                for row in db.execute(query)
            ]

    def save_rechecks(self, fetched: Sequence[tuple[int, str, Document | Failure]], now: datetime) -> None:
        """What came of asking again: a page that is not as it was replaces the one before, to be read anew."""
        with self.database.write() as db:
            checks = _next_checks(db, [entry for entry, _, _ in fetched], now)
            changed = []
            for entry, _, result in fetched:
                if isinstance(result, Document) and result.status != 304 and not _is_known(db, entry, result):
                    changed.append((entry, result))
                elif isinstance(result, Failure) and result.after:
                    checks[entry] = now + result.after
            _save_pages(db, changed, checks)
            _add(db, t.fetch, [_page_fetch_row(source, result, now) for _, source, result in fetched])
            for entry, check in checks.items():
                db.execute(update(t.page).where(t.page.c.entry_id == entry).values(due=check))
            again = and_(t.outcome.c.stage == "extract", t.outcome.c.item.in_([entry for entry, _ in changed]))
            db.execute(delete(t.outcome).where(again))

    def parts_to_fetch(self, now: datetime, limit: int) -> list[WantedPart]:
        """Further pages of articles that are still to be fetched."""
        query = (
            select(t.part.c.entry_id, t.part.c.position, t.part.c.url, t.entry.c.source)
            .join(t.entry, t.entry.c.id == t.part.c.entry_id)
            .where(t.part.c.due <= now)
            .order_by(t.part.c.due, t.part.c.entry_id)
        )
        with self.database.read() as db:
            return [WantedPart(*row) for row in db.execute(query.limit(limit))]

    def save_parts(self, fetched: Sequence[tuple[WantedPart, Document | Failure]], now: datetime) -> None:
        """What came of further pages. Their articles are read again when one is there, or is not to be had."""
        with self.database.write() as db:
            for part, result in fetched:
                key = and_(t.part.c.entry_id == part.entry, t.part.c.position == part.position)
                attempts = db.execute(select(t.part.c.attempts).where(key)).scalar_one() + 1
                values = _part_values(result, attempts, now)
                db.execute(update(t.part).where(key).values(attempts=attempts, **values))
                if values["due"] is None:
                    # The outcome stays, at no version: what is read anew is then no change of the source's.
                    stale = and_(t.outcome.c.stage == "extract", t.outcome.c.item == part.entry)
                    db.execute(update(t.outcome).where(stale).values(version=0))
            _add(db, t.fetch, [_page_fetch_row(part.source, result, now) for part, result in fetched])

    def import_entries(self, found: Sequence[tuple[Entry, Document]], now: datetime) -> int:
        """Takes articles from outside the feeds, marked as imported. Returns how many were not there yet."""
        with self.database.write() as db:
            numbered = [
                (_save_entry(db, entry.feed.removeprefix("import:"), entry, "import", now), document)
                for entry, document in found
            ]
            new = [(number, document) for number, document in numbered if number is not None]
            _save_pages(db, new, {})
        return len(new)

    def pages_to_extract(self, version: int, now: datetime, limit: int) -> list[Page]:
        """Pages that have been fetched, or for good not, and not extracted. Failed ones come without a document.

        One whose source was asked anew comes with the article as it stands.
        """
        settled = or_(
            t.entry.c.via == "import",
            t.entry.c.link == "",
            select(t.outcome.c.item)
            .where(t.outcome.c.item == t.entry.c.id, t.outcome.c.stage == "fetch")
            .where(or_(t.outcome.c.state == "done", t.outcome.c.retry.is_(None)))
            .exists(),
        )
        query = (
            _missing(select(t.entry, t.page, *_SOURCE_COLUMNS), "extract", version, now)
            .outerjoin(t.page, t.page.c.entry_id == t.entry.c.id)
            .outerjoin(t.source, t.source.c.name == t.entry.c.source)
            .where(settled)
            .order_by(t.entry.c.id)
        )
        with self.database.read() as db:
            pages = [_page(row) for row in db.execute(query.limit(limit))]
            return list(_with_history(db, pages))

    # --- articles ----------------------------------------------------------------------------------

    def save_articles(self, results: Sequence[tuple[int, Article | Failure]], version: int, now: datetime) -> None:
        """Articles in the place of what was there; the version before is kept where their sources changed them."""
        standing = [(number, one) for number, one in results if isinstance(one, Article) and one.stands]
        new = [(number, one) for number, one in results if isinstance(one, Failure) or not one.stands]
        with self.database.write() as db:
            for chunk in _chunks([(number, one) for number, one in new if isinstance(one, Article)]):
                _save_versions(db, dict(chunk), now)
                _save_articles(db, dict(chunk))
                _want_parts(db, dict(chunk), now)
            _save_outcomes(db, "extract", new, version, now)
            _save_outcomes(db, "extract", standing, version, now, again=False)

    def versions(self, article: int) -> list[Version]:
        """The article as it stood before each change, the first version first."""
        query = select(t.version).where(t.version.c.article_id == article).order_by(t.version.c.id)
        with self.database.read() as db:
            return [
                Version(row.title, row.text, row.replaced, tuple(Change(**one) for one in row.changes))
                for row in db.execute(query)
            ]

    def articles_at(self, wanted: str) -> list[tuple[int, Article]]:
        """The articles of a number or an address, with their numbers."""
        entries = select(t.entry.c.id).where(t.entry.c.link == wanted)
        is_number = wanted.isdecimal() and len(wanted) < LONGEST_NUMBER
        key = t.article.c.id == int(wanted) if is_number else t.article.c.url == wanted
        query = select(t.article).where(or_(key, t.article.c.id.in_(entries))).order_by(t.article.c.id)
        with self.database.read() as db:
            return [(row.id, _article(row)) for row in db.execute(query)]

    def articles_to_tag(self, version: int, now: datetime, limit: int) -> list[Text]:
        a = t.article.c
        columns = select(a.id, a.title, a.text, a.language, a.date, t.source.c.country)
        query = (
            _missing(columns.select_from(_ARTICLES), "tag", version, now)
            .outerjoin(t.source, t.source.c.name == t.entry.c.source)
            .where(t.article.c.same_as.is_(None))
            .order_by(t.article.c.id)
        )
        with self.database.read() as db:
            return [
                Text(str(row.id), tagged_text(row.title, row.text), row.language, row.country, row.date.date())
                for row in db.execute(query.limit(limit))
            ]

    def save_tagged(self, results: Sequence[tuple[int, Tagged | Failure]], version: int, now: datetime) -> None:
        with self.database.write() as db:
            for chunk in _chunks([(number, one) for number, one in results if isinstance(one, Tagged)]):
                _save_tagged(db, dict(chunk), now)
            _save_outcomes(db, "tag", results, version, now)

    def articles_to_describe(self, version: int, now: datetime, limit: int) -> list[Groupable]:
        """Tagged articles; those that could not be tagged come without entities."""
        query = (
            _missing(select(t.article, t.entry.c.source).select_from(_ARTICLES), "describe", version, now)
            .where(t.article.c.same_as.is_(None), _has_outcome("tag"))
            .order_by(t.article.c.id)
        )
        with self.database.read() as db:
            rows = db.execute(query.limit(limit)).all()
            entities = _entities_of(db, [row.id for row in rows])
        return [_groupable(row, entities.get(row.id, frozenset())) for row in rows]

    def save_features(self, results: Sequence[tuple[int, bytes | Failure]], version: int, now: datetime) -> None:
        """Features in the form of `stages.group.to_bytes`."""
        with self.database.write() as db:
            rows = [{"article_id": number, "body": one} for number, one in results if isinstance(one, bytes)]
            _put(db, t.features, rows)
            _save_outcomes(db, "describe", results, version, now)

    def features_to_group(self, version: int, now: datetime, limit: int) -> list[bytes]:
        """Features of articles in no story yet, in the order of their dates."""
        query = (
            _missing(select(t.features.c.body).select_from(_DESCRIBED), "group", version, now)
            .where(_has_outcome("describe"))
            .order_by(t.article.c.date, t.article.c.id)
        )
        with self.database.read() as db:
            return list(db.execute(query.limit(limit)).scalars())

    def grouped_between(self, start: datetime, end: datetime) -> list[tuple[bytes, Membership]]:
        """What stories hold between two dates: the window that new articles are compared with."""
        query = (
            select(t.features.c.body, t.membership)
            .join(t.membership, t.membership.c.article_id == t.features.c.article_id)
            .join(t.article, t.article.c.id == t.features.c.article_id)
            .where(t.article.c.date.between(start, end))
            .order_by(t.article.c.date, t.article.c.id)
        )
        with self.database.read() as db:
            return [(row.body, _membership(row)) for row in db.execute(query)]

    def save_memberships(self, found: Sequence[Membership], new: Iterable[int], version: int, now: datetime) -> None:
        """Places of articles in stories: those of `new` ones, and of known ones that a merge moved.

        Grouping never splits a known story: where one of its articles moves, the two were merged. Then all its articles
        follow, those too that lie outside the window, and it stays as a redirect, so that old links go on working.
        """
        newcomers = set(new)
        with self.database.write() as db:
            before = _stories_of(db, [int(one.id) for one in found])
            stories = dict.fromkeys(one.story for one in found)
            _add_missing(db, t.story, [{"id": story, "created": now, "redirect": None} for story in stories])
            _put(db, t.membership, [_membership_row(one) for one in found])
            for old, into in _merges(found, newcomers, before).items():
                _merge(db, old, into)
            _save_outcomes(db, "group", [(number, None) for number in newcomers], version, now)

    def counts(self) -> Counts:
        with self.database.read() as db:
            articles = db.execute(select(func.count()).where(t.article.c.same_as.is_(None))).scalar_one()
            stories = db.execute(select(func.count(t.membership.c.story.distinct()))).scalar_one()
            entries = db.execute(select(func.count()).select_from(t.entry)).scalar_one()
            settled = select(t.outcome.c.stage, func.count()).group_by(t.outcome.c.stage)
            done: dict[str, int] = {row[0]: row[1] for row in db.execute(settled)}
            failed = (
                select(t.outcome.c.stage, t.outcome.c.reason, func.count())
                .where(t.outcome.c.state == "failed")
                .group_by(t.outcome.c.stage, t.outcome.c.reason)
                .order_by(func.count().desc(), t.outcome.c.reason)
            )
            reasons = tuple((row[0], row[1], row[2]) for row in db.execute(failed))
            lacking = _problems(db)
            versions = db.execute(select(func.count()).select_from(t.version)).scalar_one()
        waiting = {"extract": entries - done.get("extract", 0)}
        waiting |= {stage: articles - done.get(stage, 0) for stage in STAGES[2:]}
        waiting = {stage: max(0, number) for stage, number in waiting.items()}
        return Counts(articles, stories, waiting, reasons, lacking, versions)


def tagged_text(title: str, text: str) -> str:
    """The text that mentions point into: the headline, a newline, the article."""
    return f"{title}\n{text}"


_ARTICLES = t.article.join(t.entry, t.entry.c.id == t.article.c.id)
_DESCRIBED = _ARTICLES.join(t.features, t.features.c.article_id == t.article.c.id)
_SOURCE_COLUMNS = (t.source.c.country, t.source.c.language.label("source_language"))


def _missing(query: Select[Any], stage: str, version: int, now: datetime) -> Select[Any]:
    """Narrows a query over entries to those that `stage` has not done at this version, or may try again now."""
    outcome = t.outcome.alias()
    settled = and_(
        outcome.c.stage == stage,
        outcome.c.item == t.entry.c.id,
        outcome.c.version >= version,
        or_(outcome.c.state == "done", outcome.c.retry.is_(None), outcome.c.retry > now),
    )
    return query.where(~select(outcome.c.item).where(settled).exists())


def _has_outcome(stage: str) -> ColumnElement[bool]:
    done = and_(t.outcome.c.stage == stage, t.outcome.c.item == t.entry.c.id)
    return select(t.outcome.c.item).where(done).exists()


def _chunks(items: Sequence[A]) -> Iterator[Sequence[A]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


# One statement run over many rows: building a statement costs more than running it.


def _add(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        db.execute(table.insert(), rows)


def _add_missing(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds the rows whose key is not there yet."""
    if rows:
        db.execute(upsert(db, table).on_conflict_do_nothing(), rows)


def _put(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds rows, each in the place of the one with its primary key."""
    if rows:
        add = upsert(db, table)
        keys = list(table.primary_key.columns.keys())
        values = {name: add.excluded[name] for name in rows[0] if name not in keys}
        db.execute(add.on_conflict_do_update(index_elements=keys, set_=values), rows)


def _save_outcomes(
    db: Connection,
    stage: str,
    results: Sequence[tuple[int, object]],
    version: int,
    now: datetime,
    *,
    again: bool = True,
) -> None:
    """Notes what came of a stage, and forgets the outcomes of the stages after it, which are to be done `again`."""
    later = STAGES[STAGES.index(stage) + 1 :]
    for chunk in _chunks(results):
        items = [item for item, _ in chunk]
        before = _attempts(db, stage, items, version)
        rows = [_outcome_row(result, before.get(item, 0) + 1, now) | {"item": item} for item, result in chunk]
        _put(db, t.outcome, [row | {"stage": stage, "version": version} for row in rows])
        if again:
            db.execute(delete(t.outcome).where(t.outcome.c.item.in_(items), t.outcome.c.stage.in_(later)))


def _attempts(db: Connection, stage: str, items: Sequence[int], version: int) -> dict[int, int]:
    known = select(t.outcome.c.item, t.outcome.c.attempts).where(
        t.outcome.c.stage == stage, t.outcome.c.item.in_(items), t.outcome.c.version == version
    )
    return {row.item: row.attempts for row in db.execute(known)}


def _outcome_row(result: object, attempts: int, now: datetime) -> dict[str, Any]:
    failure = result if isinstance(result, Failure) else None
    return {
        "state": "failed" if failure else "done",
        "reason": failure.reason if failure else "",
        "attempts": attempts,
        "retry": _retry_at(failure, attempts, now) if failure else None,
        "at": now,
    }


def _retry_at(failure: Failure, attempts: int, now: datetime) -> datetime | None:
    if failure.retry is Retry.NEVER or attempts > len(RETRY_WAITS):
        return None
    wait = RETRY_WAITS[attempts - 1]
    return now + max(wait, failure.after or wait)


_ROBOTS = {"disallowed by robots.txt": "disallowed", "robots.txt unavailable": "unavailable"}


def _page_fetch_row(source: str, result: Document | Failure, now: datetime) -> dict[str, Any]:
    if isinstance(result, Failure):
        row = _fetch_row("page", result.id, source, "failed", result.reason, 0, 0, now)
        return row | {"robots": _ROBOTS.get(result.reason, "")}
    outcome = "not modified" if result.status == 304 else "ok"
    row = _fetch_row("page", result.url, source, outcome, "", len(result.body), 0, now)
    return row | {"robots": result.headers.get(":robots", ""), "reservation": reservation(result.headers)}


def _feed_fetch_row(poll: Poll, now: datetime) -> dict[str, Any]:
    state = poll.state
    return _fetch_row("feed", state.feed, poll.source.name, poll.outcome, state.reason, poll.size, poll.new, now)


def _fetch_row(
    kind: str, url: str, source: str, outcome: str, reason: str, size: int, items: int, now: datetime
) -> dict[str, Any]:
    return {
        "kind": kind,
        "url": url,
        "source": source,
        "at": now,
        "outcome": outcome,
        "reason": reason,
        "bytes": size,
        "items": items,
        "robots": "",
        "reservation": "",
    }


def _source_row(source: Source, added: datetime) -> dict[str, Any]:
    return {
        "name": source.name,
        "feed": source.feed,
        "language": source.language,
        "country": source.country,
        "kind": source.kind,
        "tags": list(source.tags),
        "active": True,
        "added": added,
    }


def _feed_row(state: FeedState) -> dict[str, Any]:
    return {
        "url": state.feed,
        "due": state.due,
        "etag": state.etag,
        "modified": state.modified,
        "body_hash": state.body_hash,
        "failures": state.failures,
        "gone": state.gone,
        "interval": state.interval.total_seconds(),
        "last_success": state.last_success,
        "last_change": state.last_change,
        "reason": state.reason,
        "address": state.address,
        "moved": state.moved,
        "moved_on": [day.isoformat() for day in state.moved_on],
        "pace": _seconds(state.pace),
        "wait": _seconds(state.hints.wait),
        "skip_hours": list(state.hints.skip_hours),
        "hub": state.hints.hub,
        "topic": state.hints.topic,
    }


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _length(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _feed_state(row: Row[Any]) -> FeedState:
    return FeedState(
        feed=row.url,
        due=row.due,
        etag=row.etag,
        modified=row.modified,
        body_hash=row.body_hash,
        failures=row.failures,
        gone=row.gone,
        interval=timedelta(seconds=row.interval),
        last_success=row.last_success,
        last_change=row.last_change,
        reason=row.reason,
        address=row.address,
        moved=row.moved,
        moved_on=tuple(map(date.fromisoformat, row.moved_on)),
        pace=_length(row.pace),
        hints=Hints(_length(row.wait), tuple(row.skip_hours), row.hub, row.topic),
        lease=row.expires,
    )


def _titles(db: Connection, entries: Sequence[Entry]) -> dict[tuple[str, str], str]:
    """The headlines of those of the entries that are known, by feed and guid."""
    guids: dict[str, list[str]] = {}
    for entry in entries:
        guids.setdefault(entry.feed, []).append(entry.id)
    found: dict[tuple[str, str], str] = {}
    for feed, listed in guids.items():
        for chunk in _chunks(listed):
            known = select(t.entry.c.guid, t.entry.c.title).where(t.entry.c.feed == feed, t.entry.c.guid.in_(chunk))
            found |= {(feed, row.guid): row.title for row in db.execute(known)}
    return found


def _save_entry(db: Connection, source: str, entry: Entry, via: str, now: datetime) -> int | None:
    """The new entry's number; None if it was known. Where the headline changed, the page is fetched and read again."""
    add = upsert(db, t.entry).values(**_entry_row(source, entry, via, now))
    number: int | None = db.execute(add.on_conflict_do_nothing().returning(t.entry.c.id)).scalar()
    if number is None:
        _renew(db, entry)
    return number


def _entry_row(source: str, entry: Entry, via: str, now: datetime) -> dict[str, Any]:
    key = {"source": source, "feed": entry.feed, "guid": entry.id, "first_seen": now, "via": via}
    return key | _entry_values(entry)


def _entry_values(entry: Entry) -> dict[str, Any]:
    return {
        "link": entry.link,
        "title": entry.title,
        "summary": entry.summary,
        "content": entry.content,
        "published": entry.published,
        "updated": entry.updated,
        "language": entry.language,
        "authors": list(entry.authors),
    }


def _renew(db: Connection, entry: Entry) -> None:
    key = and_(t.entry.c.feed == entry.feed, t.entry.c.guid == entry.id)
    known = db.execute(select(t.entry.c.id, t.entry.c.title).where(key)).one()
    if not entry.title or known.title == entry.title:
        return
    db.execute(update(t.entry).where(key).values(**_entry_values(entry)))
    db.execute(delete(t.outcome).where(t.outcome.c.item == known.id))


def _next_checks(db: Connection, entries: Sequence[int], now: datetime) -> dict[int, datetime | None]:
    """When pages are to be asked for again after now."""
    seen = select(t.entry.c.id, t.entry.c.first_seen).where(t.entry.c.id.in_(entries))
    return {
        row.id: next((row.first_seen + wait for wait in RECHECKS if row.first_seen + wait > now), None)
        for row in db.execute(seen)
    }


def _is_known(db: Connection, entry: int, document: Document) -> bool:
    """Whether the very bytes are there already: servers that know nothing of 304 send them again."""
    body = db.execute(select(t.page.c.body).where(t.page.c.entry_id == entry)).scalar()
    return body is not None and zlib.decompress(body) == document.body


def _save_pages(db: Connection, pages: Sequence[tuple[int, Document]], checks: Mapping[int, datetime | None]) -> None:
    rows = [
        {
            "entry_id": entry,
            "url": document.url,
            "final_url": document.final_url,
            "status": document.status,
            "headers": dict(document.headers),
            "body": zlib.compress(document.body),
            "fetched": document.fetched,
            "due": checks.get(entry),
        }
        for entry, document in pages
    ]
    _put(db, t.page, rows)


def _page(row: Row[Any]) -> Page:
    document = None
    if row.body is not None:
        document = Document(row.url, row.final_url, row.status, row.headers, zlib.decompress(row.body), row.fetched)
    entry = Entry(
        feed=row.feed,
        id=row.guid,
        title=row.title,
        link=row.link,
        published=row.published,
        updated=row.updated,
        summary=row.summary,
        content=row.content,
        language=row.language,
        authors=tuple(row.authors),
    )
    language = row.source_language
    return Page(row.id, document, entry, row.source, row.country, language, row.via)


def _part_values(result: Document | Failure, attempts: int, now: datetime) -> dict[str, Any]:
    if isinstance(result, Failure):
        return {"due": _retry_at(result, attempts, now)}
    return {
        "due": None,
        "final_url": result.final_url,
        "headers": dict(result.headers),
        "body": zlib.compress(result.body),
        "fetched": result.fetched,
    }


def _with_history(db: Connection, pages: Sequence[Page]) -> Iterator[Page]:
    """The pages with what was tried and read before."""
    for chunk in _chunks(pages):
        numbers = [page.id for page in chunk]
        troubles = select(t.outcome.c.item, t.outcome.c.reason).where(
            t.outcome.c.item.in_(numbers), t.outcome.c.stage == "fetch"
        )
        reasons = {row.item: row.reason for row in db.execute(troubles)}
        parts, failed = _parts(db, numbers)
        earlier = _earlier(db, numbers)
        for page in chunk:
            yield replace(
                page,
                trouble=reasons.get(page.id, ""),
                parts=tuple(parts.get(page.id, ())),
                asked=tuple(failed.get(page.id, ())),
                earlier=earlier.get(page.id),
            )


def _parts(db: Connection, entries: Sequence[int]) -> tuple[dict[int, list[Document]], dict[int, list[str]]]:
    """The further pages of articles, and the addresses of those that are not to be had."""
    parts: dict[int, list[Document]] = {}
    failed: dict[int, list[str]] = {}
    settled = select(t.part).where(t.part.c.entry_id.in_(entries), t.part.c.due.is_(None)).order_by(t.part.c.position)
    for row in db.execute(settled):
        if row.body is None:
            failed.setdefault(row.entry_id, []).append(row.url)
        else:
            body = zlib.decompress(row.body)
            part = Document(row.url, row.final_url, 200, row.headers, body, row.fetched)
            parts.setdefault(row.entry_id, []).append(part)
    return parts, failed


def _earlier(db: Connection, entries: Sequence[int]) -> dict[int, Article]:
    """Articles that stand, and whose source was asked anew: no outcome of their reading is left."""
    read = and_(t.outcome.c.stage == "extract", t.outcome.c.item == t.article.c.id)
    anew = select(t.article).where(t.article.c.id.in_(entries), ~select(t.outcome.c.item).where(read).exists())
    return {row.id: _article(row) for row in db.execute(anew)}


def _article(row: Row[Any]) -> Article:
    return Article(
        url=row.url,
        title=row.title,
        text=row.text,
        language=row.language,
        language_confidence=row.language_confidence,
        published=row.published,
        published_from=row.published_from,
        authors=tuple(row.authors),
        site=row.site,
        problems=tuple(row.problems),
    )


def _save_versions(db: Connection, articles: Mapping[int, Article], now: datetime) -> None:
    """Keeps the articles that are about to be replaced by what their sources changed."""
    changed = [number for number, article in articles.items() if article.changes]
    standing = select(t.article.c.id, t.article.c.title, t.article.c.text).where(t.article.c.id.in_(changed))
    rows = [
        {
            "article_id": row.id,
            "title": row.title,
            "text": row.text,
            "replaced": now,
            "changes": [asdict(change) for change in articles[row.id].changes],
        }
        for row in db.execute(standing)
    ]
    _add(db, t.version, rows)


def _want_parts(db: Connection, articles: Mapping[int, Article], now: datetime) -> None:
    for number, article in articles.items():
        if article.next_page:
            known = [row.url for row in db.execute(select(t.part.c.url).where(t.part.c.entry_id == number))]
            if article.next_page not in known:
                row = {"entry_id": number, "position": len(known) + 1, "url": article.next_page}
                _add(db, t.part, [row | {"due": now, "attempts": 0}])


def _problems(db: Connection) -> tuple[tuple[str, int], ...]:
    listed = cast(t.article.c.problems, String)
    counted: Counter[str] = Counter()
    query = select(listed, func.count()).where(listed != "[]").group_by(listed)
    for problems, number in db.execute(query):
        counted.update(dict.fromkeys(json.loads(problems), number))
    return tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def _save_articles(db: Connection, articles: Mapping[int, Article]) -> None:
    seen = select(t.entry.c.id, t.entry.c.first_seen).where(t.entry.c.id.in_(articles))
    first_seen = {row.id: row.first_seen for row in db.execute(seen)}
    first = _first_by_url(db, articles)
    rows = [
        {
            "id": number,
            "url": article.url,
            "title": article.title,
            "text": article.text,
            "language": article.language,
            "language_confidence": article.language_confidence,
            "published": article.published,
            "published_from": article.published_from,
            "date": article.published or first_seen[number],
            "authors": list(article.authors),
            "site": article.site,
            "problems": list(article.problems),
            "same_as": first[article.url] if article.url and first[article.url] < number else None,
        }
        for number, article in articles.items()
    ]
    _put(db, t.article, rows)


def _first_by_url(db: Connection, articles: Mapping[int, Article]) -> dict[str, int]:
    """The first article at each of these articles' addresses, they themselves counted at their new ones."""
    urls = {article.url for article in articles.values()} - {""}
    known = db.execute(select(t.article.c.id, t.article.c.url).where(t.article.c.url.in_(urls)))
    places = [(row.id, row.url) for row in known if row.id not in articles]
    places += [(number, article.url) for number, article in articles.items()]
    return {url: number for number, url in sorted(places, reverse=True)}


def _save_tagged(db: Connection, tagged: Mapping[int, Tagged], now: datetime) -> None:
    db.execute(delete(t.mention).where(t.mention.c.article_id.in_(tagged)))
    db.execute(delete(t.act).where(t.act.c.article_id.in_(tagged)))
    _add(db, t.mention, [_mention_row(number, one) for number, text in tagged.items() for one in text.mentions])
    _add(db, t.act, [_act_row(number, one) for number, text in tagged.items() for one in text.acts])
    entities: dict[str, Mention] = {}
    for text in tagged.values():
        for entity, mention in {m.entity: m for m in text.mentions if m.entity}.items():
            entities.setdefault(entity, mention)
    named = [
        {"id": entity, "label": m.label, "name": m.name or m.text, "first_seen": now} for entity, m in entities.items()
    ]
    _add_missing(db, t.entity, named)


def _mention_row(number: int, mention: Mention) -> dict[str, Any]:
    return {
        "article_id": number,
        "start": mention.start,
        "end": mention.end,
        "text": mention.text,
        "label": mention.label,
        "entity": mention.entity,
        "confidence": mention.confidence,
        "reason": mention.reason,
    }


def _act_row(number: int, act: Act) -> dict[str, Any]:
    return {
        "article_id": number,
        "agency": act.agency,
        "company": act.company,
        "action": act.action,
        "start": act.start,
        "end": act.end,
        "evidence": act.evidence,
        "confidence": act.confidence,
        "status": act.status,
        "day": act.day,
        "amount": act.amount,
        "currency": act.currency,
        "total": act.total,
    }


def _entities_of(db: Connection, articles: Sequence[int]) -> dict[int, frozenset[str]]:
    rows = db.execute(
        select(t.mention.c.article_id, t.mention.c.entity)
        .where(t.mention.c.article_id.in_(articles), t.mention.c.entity.is_not(None))
        .distinct()
    )
    found: dict[int, set[str]] = {}
    for row in rows:
        found.setdefault(row.article_id, set()).add(row.entity)
    return {number: frozenset(entities) for number, entities in found.items()}


def _groupable(row: Row[Any], entities: frozenset[str]) -> Groupable:
    return Groupable(str(row.id), row.language, row.date, row.title, row.text, entities, row.source)


def _membership(row: Row[Any]) -> Membership:
    copy_of = None if row.copy_of is None else str(row.copy_of)
    return Membership(str(row.article_id), row.story, copy_of, row.similarity, tuple(row.evidence))


def _membership_row(one: Membership) -> dict[str, Any]:
    return {
        "article_id": int(one.id),
        "story": one.story,
        "copy_of": int(one.copy_of) if one.copy_of is not None else None,
        "similarity": one.similarity,
        "evidence": list(one.evidence),
    }


def _stories_of(db: Connection, articles: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for chunk in _chunks(articles):
        known = select(t.membership.c.article_id, t.membership.c.story).where(t.membership.c.article_id.in_(chunk))
        found |= {row.article_id: row.story for row in db.execute(known)}
    return found


def _merges(found: Sequence[Membership], newcomers: set[int], before: Mapping[int, str]) -> dict[str, str]:
    """The story that each merged one went into: known articles, which only a merge moves, tell of it."""
    known = [(before.get(int(one.id)), one.story) for one in found if int(one.id) not in newcomers]
    return {old: into for old, into in known if old is not None and old != into}


def _merge(db: Connection, old: str, into: str) -> None:
    db.execute(update(t.membership).where(t.membership.c.story == old).values(story=into))
    db.execute(update(t.story).where(or_(t.story.c.id == old, t.story.c.redirect == old)).values(redirect=into))


def mention_record(row: Row[Any], name: str | None) -> Mention:
    label: Label = row.label
    return Mention(row.start, row.end, row.text, label, row.entity, name, row.confidence, row.reason)


def act_record(row: Row[Any]) -> Act:
    return Act(
        row.agency,
        row.company,
        row.action,
        row.start,
        row.end,
        row.evidence,
        row.confidence,
        row.status,
        row.day,
        row.amount,
        row.currency,
        row.total,
    )
