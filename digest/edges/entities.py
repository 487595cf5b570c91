"""What the ledger knows of entities: where they were named, which frequent names no registry holds, and merges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select, update

from digest.edges import tables as t
from digest.edges.database import Database
from digest.edges.store import CHUNK, tagged_text

__all__ = ["Counted", "EntityStore", "Naming"]

_AROUND = 60  # characters of context on each side of a name


@dataclass(frozen=True, slots=True)
class Counted:
    """An entity in the ledger: how many articles name it, of how many sources, in which languages, and when."""

    id: str
    name: str
    articles: int
    sources: int
    languages: tuple[str, ...]
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Naming:
    """A place where an article names an entity, and how sure the link is."""

    url: str
    source: str
    language: str
    date: datetime
    written: str
    before: str
    after: str
    confidence: float
    reason: str


_MENTIONS = t.mention.join(t.article, t.article.c.id == t.mention.c.article_id).join(
    t.entry, t.entry.c.id == t.article.c.id
)


@dataclass(frozen=True, slots=True)
class EntityStore:
    database: Database

    def follow(self, merges: Sequence[tuple[str, str]], names: dict[str, str]) -> int:
        """Gives stored mentions and acts the ids that merges ask for; how many mentions changed. Safe to repeat."""
        changed = 0
        with self.database.write() as db:
            for old, into in merges:
                moved = update(t.mention).where(t.mention.c.entity == old).values(entity=into, reason="decision")
                rows = db.execute(moved).rowcount
                db.execute(update(t.act).where(t.act.c.agency == old).values(agency=into))
                db.execute(update(t.act).where(t.act.c.company == old).values(company=into))
                if rows:
                    _name(db, old, into, names.get(into, ""))
                changed += rows
        return changed

    def retag(self, entity: str, written: str) -> int:
        """Makes the articles missing at the tag stage in which `written` was taken for the entity; how many."""
        named = and_(t.mention.c.entity == entity, t.mention.c.text == written)
        with self.database.write() as db:
            articles = list(db.execute(select(t.mention.c.article_id).where(named).distinct()).scalars())
            for first in range(0, len(articles), CHUNK):
                these = t.outcome.c.item.in_(articles[first : first + CHUNK])
                again = and_(t.outcome.c.stage == "tag", these)
                db.execute(update(t.outcome).where(again).values(version=0))
        return len(articles)

    def counted(self, like: str, limit: int, *, language: str = "", text: str = "") -> list[Counted]:
        """Entities whose id is SQL-like `like`, the most frequent first; `text` is looked for in their names."""
        query = (
            select(
                t.mention.c.entity,
                func.coalesce(t.entity.c.name, t.mention.c.entity).label("name"),
                func.count(t.article.c.id.distinct()).label("articles"),
                func.count(t.entry.c.source.distinct()).label("sources"),
                func.min(t.article.c.date).label("first"),
                func.max(t.article.c.date).label("last"),
            )
            .select_from(_MENTIONS.outerjoin(t.entity, t.entity.c.id == t.mention.c.entity))
            .where(t.mention.c.entity.like(like))
            .group_by(t.mention.c.entity, t.entity.c.name)
            .order_by(func.count(t.article.c.id.distinct()).desc(), t.mention.c.entity)
            .limit(limit)
        )
        if language:
            query = query.where(t.article.c.language.like(f"{language}%"))
        if text:
            query = query.where(func.lower(t.entity.c.name).contains(text.lower(), autoescape=True))
        with self.database.read() as db:
            rows = db.execute(query).all()
            spoken = {row.entity: _languages(db, row.entity) for row in rows}
        return [Counted(r.entity, r.name, r.articles, r.sources, spoken[r.entity], r.first, r.last) for r in rows]

    def namings(self, entity: str, limit: int) -> list[Naming]:
        """The latest places where articles name it, one an article."""
        first = select(func.min(t.mention.c.id)).where(t.mention.c.entity == entity).group_by(t.mention.c.article_id)
        query = (
            select(t.mention, t.article.c.title, t.article.c.text.label("body"), t.article.c.url, t.article.c.language)
            .add_columns(t.article.c.date, t.entry.c.source)
            .select_from(_MENTIONS)
            .where(t.mention.c.id.in_(first))
            .order_by(t.article.c.date.desc(), t.article.c.id.desc())
            .limit(limit)
        )
        with self.database.read() as db:
            rows = db.execute(query).all()
        found = []
        for row in rows:
            text = tagged_text(row.title, row.body)
            before, after = text[max(0, row.start - _AROUND) : row.start], text[row.end : row.end + _AROUND]
            found.append(
                Naming(row.url, row.source, row.language, row.date, row.text, before, after, row.confidence, row.reason)
            )
        return found


def _languages(db: Connection, entity: str) -> tuple[str, ...]:
    spoken = select(t.article.c.language).select_from(_MENTIONS).where(t.mention.c.entity == entity).distinct()
    return tuple(sorted(db.execute(spoken).scalars()))


def _name(db: Connection, old: str, into: str, name: str) -> None:
    """The row of the entity that the name now means, made from the old one's where it is new."""
    if db.execute(select(t.entity.c.id).where(t.entity.c.id == into)).first() is None:
        row = db.execute(select(t.entity).where(t.entity.c.id == old)).mappings().first()
        if row is not None:
            db.execute(t.entity.insert().values({**row, "id": into, "name": name or row["name"]}))
