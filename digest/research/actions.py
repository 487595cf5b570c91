"""What agencies did to companies, one row an act: the reports of a story that tell the same act make one row."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from io import StringIO
from typing import Any

from sqlalchemy import Row, Select, select

from digest.edges import tables as t
from digest.edges.database import Database
from digest.research.export import guarded

__all__ = ["COLUMNS", "Wanted", "actions", "as_csv", "as_json"]

COLUMNS = (
    *(
        "day",
        "reported",
        "agency",
        "agency_id",
        "action",
        "company",
        "company_id",
        "status",
        "amount",
        "currency",
        "total",
    ),
    *("confidence", "reports", "languages", "story", "url", "evidence"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; None: all. `agency` and `company` are entity ids, `since` the day of the article."""

    agency: str | None = None
    company: str | None = None
    action: str | None = None
    since: date | None = None
    least: float = 0.0  # confidence


def actions(database: Database, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The acts in the order of their first report; a copy of a report counts as none."""
    groups: dict[tuple[str, ...], list[Row[Any]]] = {}
    with database.read() as db:
        for row in db.execute(_query(wanted)):
            key = (row.story or f"article {row.article_id}", row.agency, row.company, row.action)
            groups.setdefault(key, []).append(row)
    for rows in groups.values():
        yield _merged(rows)


def _query(wanted: Wanted) -> Select[Any]:
    act, article = t.act.c, t.article.c
    agency, company = t.entity.alias("agency"), t.entity.alias("company")
    query = (
        select(
            t.act,
            article.url,
            article.language,
            article.date,
            t.membership.c.story,
            t.membership.c.copy_of,
            agency.c.name.label("agency_name"),
            company.c.name.label("company_name"),
        )
        .join(t.article, article.id == act.article_id)
        .outerjoin(t.membership, t.membership.c.article_id == act.article_id)
        .outerjoin(agency, agency.c.id == act.agency)
        .outerjoin(company, company.c.id == act.company)
        .where(act.confidence >= wanted.least)
        .order_by(article.date, act.id)
    )
    for column, value in ((act.agency, wanted.agency), (act.company, wanted.company), (act.action, wanted.action)):
        query = query if value is None else query.where(column == value)
    if wanted.since:
        query = query.where(article.date >= datetime.combine(wanted.since, time(), UTC))
    return query


def _merged(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    """Of several reports the surest gives the words; what it does not tell, the next one may."""
    own = [row for row in rows if row.copy_of is None] or rows
    best = sorted(own, key=lambda row: -row.confidence)
    first = best[0]
    summed = next((row for row in best if row.amount is not None), first)
    return {
        "day": next((row.day.isoformat() for row in best if row.day), None),
        "reported": min(row.date for row in rows).date().isoformat(),
        "agency": first.agency_name or first.agency,
        "agency_id": first.agency,
        "action": first.action,
        "company": first.company_name or first.company,
        "company_id": first.company,
        "status": max(own, key=lambda row: row.date).status,
        "amount": summed.amount,
        "currency": summed.currency or None,
        "total": max((row.total for row in own if row.total), default=None),
        "confidence": first.confidence,
        "reports": len(own),
        "languages": " ".join(sorted({row.language for row in own})),
        "story": first.story,
        "url": first.url,
        "evidence": first.evidence,
    }


def as_csv(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Lines with a header; no cell starts a formula."""
    yield _line(COLUMNS)
    for row in rows:
        yield _line(["" if row[name] is None else guarded(row[name]) for name in COLUMNS])


def _line(cells: Sequence[object]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def as_json(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """One object a line."""
    return (json.dumps(row, ensure_ascii=False) for row in rows)
