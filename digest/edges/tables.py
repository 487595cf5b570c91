"""The ledger's tables. Every fetch, entry, article, mention, act, story, issue and mail is a row; `outcome` holds the
state of each stage for each item. Migrations in `migrations/` make them; a test compares the two."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

__all__ = [
    "UtcDateTime",
    "act",
    "article",
    "entity",
    "entry",
    "features",
    "feed",
    "fetch",
    "issue",
    "issue_item",
    "membership",
    "mention",
    "metadata",
    "outbox",
    "outcome",
    "page",
    "part",
    "pause",
    "robots",
    "source",
    "story",
    "subscription",
    "version",
]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept as naive UTC, since SQLite has no zones. A naive value is a bug and refused."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone reached the ledger")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

source = Table(
    "source",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("feed", Text, nullable=False),
    Column("language", String(35)),
    Column("country", String(2)),
    Column("kind", String(20), nullable=False),
    Column("tags", JSON, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("added", UtcDateTime, nullable=False),
)

feed = Table(
    "feed",
    metadata,
    Column("url", Text, primary_key=True),
    Column("due", UtcDateTime, nullable=False, index=True),
    Column("etag", Text, nullable=False),
    Column("modified", Text, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("failures", Integer, nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("interval", Float, nullable=False),  # seconds
    Column("last_success", UtcDateTime),
    Column("last_change", UtcDateTime),
    Column("reason", Text, nullable=False),
    Column("address", Text, nullable=False, server_default=""),  # where it is asked, if it moved for good
    Column("moved", Text, nullable=False, server_default=""),  # where its answers say that it moved
    Column("moved_on", JSON, nullable=False, server_default="[]"),  # the days on which they said so
    Column("pace", Float),  # seconds between two new entries
    Column("wait", Float),  # seconds that it asks to wait between two polls
    Column("skip_hours", JSON, nullable=False, server_default="[]"),
    Column("hub", Text, nullable=False, server_default=""),
    Column("topic", Text, nullable=False, server_default=""),
)

# A feed's subscription at a hub (WebSub): who knows `token` and `secret` may tell us of news.
subscription = Table(
    "subscription",
    metadata,
    Column("feed", Text, primary_key=True),
    Column("hub", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("token", String(64), nullable=False, unique=True),  # the end of our callback address
    Column("secret", String(64), nullable=False),
    Column("state", String(10), nullable=False),  # asked | active | denied | leaving
    Column("asked", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),  # requests since the hub last confirmed
    Column("expires", UtcDateTime),
)

# Hosts, and registered domains with all their hosts, that asked to be left alone.
pause = Table(
    "pause",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("until", UtcDateTime, nullable=False),
    Column("refusals", Integer, nullable=False),
)

# Each robots.txt for the day in which it may be used: runs that follow one another do not ask for it each time.
robots = Table(
    "robots",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("body", LargeBinary),  # zlib; None where the site has none
    Column("until", UtcDateTime, nullable=False),
)

fetch = Table(
    "fetch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(10), nullable=False),  # feed | page
    Column("url", Text, nullable=False),
    Column("source", String(200), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("outcome", String(20), nullable=False),  # ok | not modified | pushed | failed
    Column("reason", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("items", Integer, nullable=False),  # entries that were new in a feed
    # Of a page: allowed | none (no robots.txt) | disallowed | unavailable; "" where it was not read.
    Column("robots", String(12), nullable=False, server_default=""),
    Column("reservation", Text, nullable=False, server_default=""),  # what the answer's headers reserve (TDMRep)
)

entry = Table(
    "entry",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(200), nullable=False, index=True),
    Column("feed", Text, nullable=False),
    Column("guid", Text, nullable=False),
    Column("link", Text, nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("published", UtcDateTime),
    Column("updated", UtcDateTime),
    Column("language", String(35)),
    Column("authors", JSON, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False, index=True),
    Column("via", String(10), nullable=False),  # feed | import
    UniqueConstraint("feed", "guid"),
)

page = Table(
    "page",
    metadata,
    Column("entry_id", ForeignKey("entry.id"), primary_key=True),
    Column("url", Text, nullable=False),
    Column("final_url", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),  # zlib
    Column("fetched", UtcDateTime, nullable=False),
    Column("due", UtcDateTime, index=True),  # when it is asked for again, to see whether it changed; None: never
)

# The further pages of an article in several; `due` is None where nothing is left to do: it came, or failed for good.
part = Table(
    "part",
    metadata,
    Column("entry_id", ForeignKey("entry.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("due", UtcDateTime, index=True),
    Column("attempts", Integer, nullable=False),
    Column("final_url", Text),
    Column("headers", JSON),
    Column("body", LargeBinary),  # zlib; None where it did not come
    Column("fetched", UtcDateTime),
)

outcome = Table(
    "outcome",
    metadata,
    Column("stage", String(20), primary_key=True),
    Column("item", ForeignKey("entry.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", String(10), nullable=False),  # done | failed
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("retry", UtcDateTime),  # None: never
    Column("at", UtcDateTime, nullable=False),
    Index("ix_outcome_stage_state_retry", "stage", "state", "retry"),
)

article = Table(
    "article",
    metadata,
    Column("id", ForeignKey("entry.id"), primary_key=True),
    Column("url", Text, nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("language", String(35), nullable=False),
    Column("language_confidence", Float, nullable=False),
    Column("published", UtcDateTime),
    Column("published_from", String(12), nullable=False),
    Column("date", UtcDateTime, nullable=False, index=True),  # published, or else first seen
    Column("authors", JSON, nullable=False),
    Column("site", Text, nullable=False),
    Column("problems", JSON, nullable=False),
    Column("same_as", Integer),  # the entry through which this very address came in first
)

# Articles as they stood before their sources changed them; the newest is in `article`.
version = Table(
    "version",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("article_id", ForeignKey("article.id"), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("replaced", UtcDateTime, nullable=False),
    Column("changes", JSON, nullable=False),  # what was changed then: where, before, after
)

mention = Table(
    "mention",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("article_id", ForeignKey("article.id"), nullable=False, index=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("label", String(10), nullable=False),
    Column("entity", String(200), index=True),
    Column("confidence", Float, nullable=False),
    Column("reason", Text, nullable=False),
)

act = Table(
    "act",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("article_id", ForeignKey("article.id"), nullable=False, index=True),
    Column("agency", String(200), nullable=False, index=True),
    Column("company", String(200), nullable=False, index=True),
    Column("action", String(20), nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("status", String(12), nullable=False, server_default="done"),
    Column("day", Date),
    Column("amount", Float),
    Column("currency", String(3), nullable=False, server_default=""),
    Column("total", Integer),  # of the companies acted on, where the text counts them
)

# The name of each entity id, registry and local ones alike: a table made from the ledger stands alone.
entity = Table(
    "entity",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("label", String(10), nullable=False),
    Column("name", Text, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
)

features = Table(
    "features",
    metadata,
    Column("article_id", ForeignKey("article.id"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

story = Table(
    "story",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("created", UtcDateTime, nullable=False),
    Column("redirect", String(40)),  # the story that this one was merged into
)

membership = Table(
    "membership",
    metadata,
    Column("article_id", ForeignKey("article.id"), primary_key=True),
    Column("story", ForeignKey("story.id"), nullable=False, index=True),
    Column("copy_of", Integer),
    Column("similarity", Float, nullable=False),
    Column("evidence", JSON, nullable=False),
)

issue = Table(
    "issue",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("edition", String(100), nullable=False),
    Column("date", Date, nullable=False),
    Column("cutoff", UtcDateTime, nullable=False),
    Column("subject", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("sha256", String(64), nullable=False),  # of subject, html and text
    UniqueConstraint("edition", "date"),
)

issue_item = Table(
    "issue_item",
    metadata,
    Column("issue_id", ForeignKey("issue.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("story", String(40), nullable=False),
    Column("headline", Text, nullable=False),
    Column("reports", JSON, nullable=False),  # article ids
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("issue_id", ForeignKey("issue.id"), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the bytes that go over the wire, frozen
    Column("state", String(12), nullable=False),  # new | sending | data started | sent | deferred | failed
    Column("attempts", Integer, nullable=False),
    Column("due", UtcDateTime, nullable=False),
    Column("lease", UtcDateTime),
    Column("reply", Text, nullable=False),
    Column("sent", UtcDateTime),
    UniqueConstraint("issue_id", "recipient"),
    Index("ix_outbox_state_due", "state", "due"),
)
