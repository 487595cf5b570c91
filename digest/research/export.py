"""Tables for researchers: articles, mentions, acts, stories and fetches, as CSV or JSON lines.

`manifest.json` beside them says from when to when, from which sources, and for each source how many polls were made,
how many failed and why, and how many articles came: no table leaves without its denominator. Full texts stay in the
ledger: they are other people's. Offsets count characters of `title + newline + text`.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from digest.edges import tables as t
from digest.edges.database import Database
from digest.errors import DigestError

__all__ = ["Format", "Span", "guarded", "write"]

SCHEMA_VERSION = 1
# A cell that begins like this is run as a formula by spreadsheets; by East Asian ones in full width as well.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Span:
    """The articles' dates that are exported, `end` excluded."""

    start: datetime
    end: datetime

    @staticmethod
    def of_days(first: date | None, last: date | None) -> "Span":
        """Whole days in UTC; without a bound, from the beginning or to the end."""
        start = datetime.combine(first, time(), UTC) if first else datetime(1, 1, 1, tzinfo=UTC)
        latest = datetime(9999, 1, 1, tzinfo=UTC)
        end = datetime.combine(last, time(), UTC) + timedelta(days=1) if last and last < latest.date() else latest
        return Span(start, end)


def write(database: Database, folder: Path, form: Format, span: Span, now: datetime) -> Iterator[tuple[Path, int]]:
    """Writes the tables and the manifest into `folder`; yields each file with its rows as it is done."""
    files: dict[str, dict[str, Any]] = {}
    with _disk_errors_told(folder), database.read() as db:  # one transaction: all tables show the same moment
        folder.mkdir(parents=True, exist_ok=True)
        for name, query in _queries(span).items():
            path = folder / f"{name}.{form}"
            columns = [column.name for column in query.selected_columns]
            rows = _write_table(path, form, columns, _rows(db, query))
            files[path.name] = {"rows": rows, "columns": columns, "sha256": _sha256(path)}
            yield path, rows
        manifest = _manifest(db, span, now) | {"files": files}
        path = folder / "manifest.json"
        path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    yield path, len(manifest["sources"])


@contextmanager
def _disk_errors_told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"the tables cannot be written ({error.strerror})"
        raise DigestError(str(folder), problem, "name another folder with --out, or free some space") from error


def _queries(span: Span) -> dict[str, Select[Any]]:
    a, e = t.article.c, t.entry.c
    inside = (a.date >= span.start) & (a.date < span.end)
    articles = t.article.join(t.entry, e.id == a.id)
    return {
        "articles": select(
            a.id,
            e.source,
            a.url,
            a.title,
            a.language,
            a.published,
            a.published_from,
            e.first_seen,
            func.length(a.text).label("characters"),
            a.same_as,
            t.membership.c.story,
            t.membership.c.copy_of,
            e.via,
        )
        .select_from(articles.outerjoin(t.membership, t.membership.c.article_id == a.id))
        .where(inside)
        .order_by(a.id),
        "mentions": _of_articles(t.mention, t.mention.c.article_id, inside)
        .add_columns(t.entity.c.name)
        .outerjoin(t.entity, t.entity.c.id == t.mention.c.entity)
        .order_by(t.mention.c.id),
        "acts": _of_articles(t.act, t.act.c.article_id, inside).order_by(t.act.c.id),
        "stories": select(
            t.membership.c.story,
            func.count().label("articles"),
            func.count(e.source.distinct()).label("sources"),
            func.count(a.language.distinct()).label("languages"),
            (func.count() - func.count(t.membership.c.copy_of)).label("independent"),
            func.min(a.date).label("first"),
            func.max(a.date).label("last"),
        )
        .select_from(articles.join(t.membership, t.membership.c.article_id == a.id))
        .where(inside, a.same_as.is_(None))
        .group_by(t.membership.c.story)
        .order_by(t.membership.c.story),
        "fetches": select(t.fetch).where(t.fetch.c.at >= span.start, t.fetch.c.at < span.end).order_by(t.fetch.c.id),
    }


def _of_articles(table: Any, article: ColumnElement[int], inside: ColumnElement[bool]) -> Select[Any]:
    return select(table).join(t.article, t.article.c.id == article).where(inside)


def _rows(db: Connection, query: Select[Any]) -> Iterator[list[Any]]:
    for row in db.execution_options(yield_per=1000).execute(query):
        yield [_plain(value) for value in row]


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def _write_table(path: Path, form: Format, columns: list[str], rows: Iterable[list[Any]]) -> int:
    count = 0
    # The byte order mark tells Excel that a CSV file is UTF-8.
    with path.open("w", encoding="utf-8-sig" if form is Format.CSV else "utf-8", newline="") as file:
        table = csv.writer(file)
        if form is Format.CSV:
            table.writerow(columns)
        for row in rows:
            if form is Format.CSV:
                table.writerow([guarded(value) for value in row])
            else:
                file.write(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n")
            count += 1
    return count


def guarded(value: Any) -> Any:
    """A cell that no spreadsheet runs as a formula."""
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(db: Connection, span: Span, now: datetime) -> dict[str, Any]:
    dates = select(func.min(t.article.c.date), func.max(t.article.c.date)).where(
        t.article.c.date >= span.start, t.article.c.date < span.end
    )
    first, last = db.execute(dates).one()
    return {
        "schema": SCHEMA_VERSION,
        "made": _plain(now),
        "from": _plain(first),
        "to": _plain(last),
        "offsets": "characters of title + newline + text, end excluded",
        "times": "UTC, ISO 8601",
        "stages": _stage_counts(db, span),
        "sources": _source_counts(db, span),
    }


def _entry_inside(span: Span) -> ColumnElement[bool]:
    """An entry counts by its article's date, and where no article came of it by the day it was seen."""
    day = func.coalesce(t.article.c.date, t.entry.c.first_seen)
    return (day >= span.start) & (day < span.end)


def _stage_counts(db: Connection, span: Span) -> dict[str, dict[str, Any]]:
    """Articles by stage: done, and failed by reason."""
    columns = (t.outcome.c.stage, t.outcome.c.state, t.outcome.c.reason)
    query = (
        select(*columns, func.count().label("number"))
        .join(t.entry, t.entry.c.id == t.outcome.c.item)
        .outerjoin(t.article, t.article.c.id == t.entry.c.id)
        .where(_entry_inside(span))
        .group_by(*columns)
    )
    stages: dict[str, dict[str, Any]] = {}
    for row in db.execute(query):
        stage = stages.setdefault(row.stage, {"done": 0, "failed": {}})
        if row.state == "done":
            stage["done"] += row.number
        else:
            stage["failed"][row.reason] = row.number
    return stages


def _source_counts(db: Connection, span: Span) -> list[dict[str, Any]]:
    """For each source: polls made and failed by reason, entries seen, articles got out of them."""
    sources: dict[str, dict[str, Any]] = {}
    for row in db.execute(select(t.source)):
        about = {"name": row.name, "feed": row.feed, "language": row.language, "country": row.country, "kind": row.kind}
        sources[row.name] = about | {"asked": row.active, "polls": 0, "failed": {}, "entries": 0, "articles": 0}
    polls = select(t.fetch.c.source, t.fetch.c.outcome, t.fetch.c.reason, func.count().label("number")).where(
        t.fetch.c.kind == "feed", t.fetch.c.at >= span.start, t.fetch.c.at < span.end
    )
    for row in db.execute(polls.group_by(t.fetch.c.source, t.fetch.c.outcome, t.fetch.c.reason)):
        about = sources.setdefault(
            row.source, {"name": row.source, "polls": 0, "failed": {}, "entries": 0, "articles": 0}
        )
        about["polls"] += row.number
        if row.outcome == "failed":
            about["failed"][row.reason] = row.number
    seen = (
        select(t.entry.c.source, func.count().label("entries"), func.count(t.article.c.id).label("articles"))
        .outerjoin(t.article, t.article.c.id == t.entry.c.id)
        .where(_entry_inside(span))
        .group_by(t.entry.c.source)
    )
    for row in db.execute(seen):
        about = sources.setdefault(row.source, {"name": row.source, "polls": 0, "failed": {}})
        about |= {"entries": row.entries, "articles": row.articles}
        sources[row.source] = about
    return list(sources.values())
