"""Issues and their mails in the ledger: what an issue is made from, the frozen issue, and the outbox that it leaves by.

A mail's states: new -> sending -> data started -> sent | deferred | failed. `data started` is committed just before the
message's bytes go out: after a crash only such a mail is ambiguous (the server may have it), and it is sent again with
the same Message-ID. Everything before that point is sent again freely.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select, update

from digest.edges import tables as t
from digest.edges.database import Database, upsert
from digest.edges.store import act_record, mention_record
from digest.errors import StoreError
from digest.records import Act, Coverage, Digest, Email, Mention, Report, Source, StoryView, Trouble

__all__ = ["IssueStore", "Mail", "StoredIssue"]

# What was published earlier is not today's news, however late a new feed brings it.
NEWS_WINDOW = timedelta(hours=72)
# Reports of a story shown with it: a long-running one does not drag its whole past along.
STORY_WINDOW = timedelta(days=14)
# A sender that has said nothing for this long is taken for dead, and its mail is claimed again.
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Mail:
    """One message of the outbox, to one recipient; `body` is what goes over the wire, byte for byte.

    `attempts` tells this claim from later ones: a sender that was taken for dead marks nothing any more.
    """

    id: int
    recipient: str
    body: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class StoredIssue:
    """A frozen issue."""

    id: int
    edition: str
    date: date
    cutoff: datetime
    email: Email
    sha256: str


class IssueStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # --- what an issue is made from ----------------------------------------------------------------------------------

    def last_cutoff(self, edition: str) -> datetime | None:
        with self.database.read() as db:
            cutoff: datetime | None = db.execute(
                select(func.max(t.issue.c.cutoff)).where(t.issue.c.edition == edition)
            ).scalar()
            return cutoff

    def stories(self, edition: str, since: datetime, until: datetime) -> list[StoryView]:
        """The stories with a report that came in between `since` (excluded) and `until`, with all their reports."""
        fresh = and_(
            t.entry.c.first_seen > since,
            t.entry.c.first_seen <= until,
            t.article.c.date > until - NEWS_WINDOW,
            t.entry.c.via == "feed",
        )
        with self.database.read() as db:
            ids = list(db.execute(_reports().with_only_columns(t.membership.c.story).where(fresh).distinct()).scalars())
            rows = db.execute(
                _reports()
                .where(t.membership.c.story.in_(ids))
                .where(t.entry.c.first_seen <= until, t.article.c.date > until - STORY_WINDOW)
                .order_by(t.entry.c.first_seen, t.article.c.id)
            ).all()
            reports = _with_findings(db, rows)
            issued = _issued(db, edition)
        return _views(rows, reports, issued)

    def coverage(self, sources: Sequence[Source], since: datetime, until: datetime) -> Coverage:
        """The denominator of an issue: which of `sources` were seen, what came, and what failed."""
        names = [source.name for source in sources]
        between = and_(
            t.entry.c.first_seen > since,
            t.entry.c.first_seen <= until,
            t.entry.c.via == "feed",
            t.entry.c.source.in_(names),
        )
        with self.database.read() as db:
            seen = select(t.fetch.c.source).where(
                t.fetch.c.kind == "feed",
                t.fetch.c.outcome != "failed",
                t.fetch.c.at > since,
                t.fetch.c.at <= until,
                t.fetch.c.source.in_(names),
            )
            seen_names = set(db.execute(seen.distinct()).scalars())
            articles = db.execute(_reports().with_only_columns(t.article.c.language).where(between)).scalars().all()
            failed = db.execute(_failed_items().where(between)).all()
            troubles = _troubles(db, sources, seen_names)
        return Coverage(
            sources=len(names),
            sources_seen=len(seen_names),
            articles=len(articles),
            languages=tuple(sorted(set(articles))),
            troubles=troubles,
            failed_items={row.reason: row.number for row in failed},
        )

    def entity_names(self) -> dict[str, str]:
        """The English name, or for want of one the name as found, of each entity that the ledger holds."""
        with self.database.read() as db:
            return {row.id: row.name for row in db.execute(select(t.entity.c.id, t.entity.c.name))}

    # --- the frozen issue ----------------------------------------------------------------------------------

    def save_issue(
        self, digest: Digest, email: Email, mails: Sequence[tuple[str, str, bytes]], now: datetime
    ) -> StoredIssue | None:
        """Freezes an issue with its mails (recipient, Message-ID, bytes), all or nothing.

        None if the edition has its issue of that day already: then nothing is changed, whoever made it.
        """
        row = {
            "edition": digest.edition.name,
            "date": digest.date,
            "cutoff": digest.cutoff,
            "subject": email.subject,
            "html": email.html,
            "text": email.text,
            "sha256": issue_hash(email),
        }
        with self.database.write() as db:
            add = upsert(db, t.issue).values(**row).on_conflict_do_nothing().returning(t.issue.c.id)
            number: int | None = db.execute(add).scalar()
            if number is None:
                return None
            for position, item in enumerate(digest.items, 1):
                db.execute(
                    t.issue_item.insert().values(
                        issue_id=number,
                        position=position,
                        story=item.story.id,
                        headline=item.headline,
                        reports=[report.id for report in item.story.reports],
                    )
                )
            for recipient, message_id, body in mails:
                add = upsert(db, t.outbox).values(_new_mail(number, recipient, message_id, body, now))
                db.execute(add.on_conflict_do_nothing())  # who is named twice gets one mail
        return StoredIssue(number, digest.edition.name, digest.date, digest.cutoff, email, issue_hash(email))

    def issue(self, edition: str, day: date | None = None) -> StoredIssue | None:
        """The edition's issue of a local day, or its last one."""
        query = select(t.issue).where(t.issue.c.edition == edition).order_by(t.issue.c.date.desc())
        if day is not None:
            query = query.where(t.issue.c.date == day)
        with self.database.read() as db:
            row = db.execute(query.limit(1)).first()
        if row is None:
            return None
        email = Email(row.subject, row.html, row.text)
        return StoredIssue(row.id, row.edition, row.date, row.cutoff, email, row.sha256)

    # --- the outbox ----------------------------------------------------------------------------------

    def claim_mail(self, now: datetime, limit: int) -> list[Mail]:
        """Takes mails that are due, or whose sender died, for this process until the lease ends."""
        ready = or_(
            and_(t.outbox.c.state.in_(("new", "deferred")), t.outbox.c.due <= now),
            and_(t.outbox.c.state.in_(("sending", "data started")), t.outbox.c.lease <= now),
        )
        with self.database.write() as db:
            due = select(t.outbox).where(ready).order_by(t.outbox.c.id).limit(limit)
            rows = db.execute(due.with_for_update(skip_locked=True)).all()  # SQLite's write lock is enough there
            ids = [row.id for row in rows]
            values = {"state": "sending", "lease": now + LEASE, "attempts": t.outbox.c.attempts + 1}
            db.execute(update(t.outbox).where(t.outbox.c.id.in_(ids)).values(**values))
        return [Mail(row.id, row.recipient, row.body, row.attempts + 1) for row in rows]

    def mark_data_started(self, mail: Mail, now: datetime) -> None:
        """Before the message's bytes go out. StoreError, and then it must not be sent, if another sender claimed it."""
        if not self._mark(mail, state="data started", lease=now + LEASE):
            raise StoreError("outbox", "another Digest took this mail over", "let one of them send; nothing is lost")

    def mark_sent(self, mail: Mail, reply: str, now: datetime) -> None:
        self._mark(mail, state="sent", reply=reply, sent=now, lease=None)

    def mark_deferred(self, mail: Mail, reply: str, due: datetime) -> None:
        self._mark(mail, state="deferred", reply=reply, due=due, lease=None)

    def mark_failed(self, mail: Mail, reply: str) -> None:
        self._mark(mail, state="failed", reply=reply, lease=None)

    def release(self, mails: Sequence[Mail], now: datetime) -> None:
        """Gives back what was claimed and not tried, so that nobody waits for the lease to end."""
        for mail in mails:
            self._mark(mail, state="new", due=now, lease=None, attempts=mail.attempts - 1)

    def outbox_counts(self) -> dict[str, int]:
        """Mails by state."""
        with self.database.read() as db:
            query = select(t.outbox.c.state, func.count().label("number")).group_by(t.outbox.c.state)
            return {row.state: row.number for row in db.execute(query)}

    def _mark(self, mail: Mail, **values: Any) -> bool:
        """False if the mail is no longer this sender's."""
        ours = and_(
            t.outbox.c.id == mail.id,
            t.outbox.c.attempts == mail.attempts,
            t.outbox.c.state.in_(("sending", "data started")),
        )
        with self.database.write() as db:
            changed: int = db.execute(update(t.outbox).where(ours).values(**values)).rowcount
        return changed == 1


def issue_hash(email: Email) -> str:
    """What tells whether an issue that was made anew is the same, byte for byte."""
    return hashlib.sha256("\0".join((email.subject, email.html, email.text)).encode()).hexdigest()


def _new_mail(issue: int, recipient: str, message_id: str, body: bytes, now: datetime) -> dict[str, Any]:
    return {
        "issue_id": issue,
        "recipient": recipient,
        "message_id": message_id,
        "body": body,
        "state": "new",
        "attempts": 0,
        "due": now,
        "lease": None,
        "reply": "",
        "sent": None,
    }


def _reports() -> Select[Any]:
    joined = (
        t.article.join(t.entry, t.entry.c.id == t.article.c.id)
        .join(t.membership, t.membership.c.article_id == t.article.c.id)
        .outerjoin(t.source, t.source.c.name == t.entry.c.source)
    )
    columns = (
        t.article.c.id,
        t.article.c.url,
        t.article.c.title,
        t.article.c.text,
        t.article.c.language,
        t.article.c.published,
        t.entry.c.source,
        t.entry.c.first_seen,
        t.entry.c.via,
        t.source.c.country,
        t.membership.c.story,
        t.membership.c.copy_of,
    )
    return select(*columns).select_from(joined).where(t.article.c.same_as.is_(None))


def _failed_items() -> Select[Any]:
    return (
        select(t.outcome.c.reason, func.count().label("number"))
        .join(t.entry, t.entry.c.id == t.outcome.c.item)
        .where(t.outcome.c.state == "failed")
        .group_by(t.outcome.c.reason)
        .order_by(func.count().desc(), t.outcome.c.reason)
    )


def _troubles(db: Connection, sources: Sequence[Source], seen: set[str]) -> tuple[Trouble, ...]:
    states = {row.url: row for row in db.execute(select(t.feed))}
    found = []
    for source in sources:
        state = states.get(source.feed)
        if state is not None and (state.failures or state.gone):
            found.append(Trouble(source.name, state.reason, state.last_success))
        elif source.name not in seen:
            found.append(Trouble(source.name, "not asked in this time", state.last_success if state else None))
    return tuple(found)


def _with_findings(db: Connection, rows: Sequence[Row[Any]]) -> dict[int, Report]:
    ids = [row.id for row in rows]
    mentions: dict[int, list[Mention]] = {}
    acts: dict[int, list[Act]] = {}
    earlier: dict[int, str] = {}
    for part in _chunks(ids, 500):
        found = (
            select(t.mention, t.entity.c.name)
            .outerjoin(t.entity, t.entity.c.id == t.mention.c.entity)
            .where(_in(t.mention.c.article_id, part))
            .order_by(t.mention.c.article_id, t.mention.c.start)
        )
        for row in db.execute(found):
            mentions.setdefault(row.article_id, []).append(mention_record(row, row.name))
        for row in db.execute(select(t.act).where(_in(t.act.c.article_id, part)).order_by(t.act.c.id)):
            acts.setdefault(row.article_id, []).append(act_record(row))
        changed = select(t.version.c.article_id, t.version.c.title).where(_in(t.version.c.article_id, part))
        earlier.update({row.article_id: row.title for row in db.execute(changed.order_by(t.version.c.id.desc()))})
    return {row.id: _report(row, mentions.get(row.id, []), acts.get(row.id, []), earlier) for row in rows}


def _report(row: Row[Any], mentions: list[Mention], acts: list[Act], earlier: Mapping[int, str]) -> Report:
    return Report(
        id=row.id,
        source=row.source,
        country=row.country,
        url=row.url,
        title=row.title,
        text=row.text,
        language=row.language,
        published=row.published,
        first_seen=row.first_seen,
        mentions=tuple(mentions),
        acts=tuple(acts),
        copy_of=row.copy_of,
        earlier_title=title if (title := earlier.get(row.id, "")) != row.title else "",
        imported=row.via == "import",
    )


def _issued(db: Connection, edition: str) -> dict[str, frozenset[int]]:
    """The article ids that earlier issues of the edition showed, by story."""
    query = (
        select(t.issue_item.c.story, t.issue_item.c.reports)
        .join(t.issue, t.issue.c.id == t.issue_item.c.issue_id)
        .where(t.issue.c.edition == edition)
    )
    found: dict[str, frozenset[int]] = {}
    for row in db.execute(query):
        found[row.story] = found.get(row.story, frozenset()) | frozenset(row.reports)
    return found


def _views(
    rows: Sequence[Row[Any]], reports: Mapping[int, Report], issued: Mapping[str, frozenset[int]]
) -> list[StoryView]:
    members: dict[str, list[Report]] = {}
    for row in rows:
        members.setdefault(row.story, []).append(reports[row.id])
    # By article, not by story: a merge moves articles to another story, and they were shown all the same.
    shown = frozenset().union(*issued.values()) if issued else frozenset()
    return [StoryView(story, tuple(of), shown & frozenset(report.id for report in of)) for story, of in members.items()]


def _in(column: ColumnElement[Any], values: Sequence[int]) -> ColumnElement[bool]:
    return column.in_(values)


def _chunks(values: Sequence[int], size: int) -> list[Sequence[int]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
