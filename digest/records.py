"""The records that flow through Digest, from a feed's address to a mail. All are frozen: a stage makes a new one.

Every datetime is aware and in UTC. Offsets count characters of the text that they point into, end excluded.
Text in a record has been cleaned (`languages.clean`): no NUL, no lone surrogate, no control or bidi characters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

__all__ = [
    "Act",
    "Article",
    "Change",
    "Coverage",
    "Digest",
    "Document",
    "Edition",
    "Email",
    "Entry",
    "Failure",
    "Features",
    "FeedState",
    "Groupable",
    "Hints",
    "Item",
    "Label",
    "Membership",
    "Mention",
    "Page",
    "ParsedFeed",
    "Pause",
    "PublishedFrom",
    "Recogniser",
    "Report",
    "Retry",
    "RobotsFile",
    "Source",
    "Status",
    "StoryView",
    "Subscription",
    "Tagged",
    "Text",
    "Trouble",
    "Version",
    "Watchlist",
]

Label = Literal["COMPANY", "AGENCY", "ORG", "PERSON", "PLACE"]
Status = Literal["planned", "threatened", "ordered", "done", "appealed", "overturned"]
PublishedFrom = Literal["feed", "page", "url", "first seen"]
SourceKind = Literal["newspaper", "broadcaster", "wire", "magazine", "trade", "regulator", "government", "blog"]


class Retry(StrEnum):
    """Whether the same item is worth another try."""

    LATER = "later"
    NEVER = "never"


# --- what the user wrote ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """One outlet and its feed, as written in feeds.yaml. `name` is its key: unique in one configuration."""

    name: str
    feed: str
    language: str | None = None
    country: str | None = None
    kind: SourceKind = "newspaper"
    every: timedelta | None = None  # None: learned from how often the feed changes
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watchlist:
    """Names that an edition's readers follow: registry ids, or names that the linker resolves, and plain terms."""

    name: str
    entities: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """Who gets what, when. `at` is local time "HH:MM" in `zone` (IANA name)."""

    name: str
    title: str
    at: str
    zone: str
    languages: tuple[str, ...] = ()  # of the sources; empty: all
    watchlists: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    size: int = 20  # stories in one issue, at most
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)  # Monday is 0


# --- from the network to an article ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hints:
    """What a feed asks of those who poll it, and the hub that tells of its news (WebSub); "" where it names none."""

    wait: timedelta | None = None  # at least this long between two polls
    skip_hours: tuple[int, ...] = ()  # of the day in UTC, in which it brings nothing
    hub: str = ""
    topic: str = ""  # the address that the hub knows the feed by


@dataclass(frozen=True, slots=True)
class FeedState:
    """What the ledger remembers of a feed between two polls. `feed` is its key: the address in feeds.yaml."""

    feed: str
    due: datetime
    etag: str = ""
    modified: str = ""
    body_hash: str = ""
    failures: int = 0  # in a row
    gone: bool = False  # answered 410: never asked again
    interval: timedelta = timedelta(hours=1)
    last_success: datetime | None = None
    last_change: datetime | None = None
    reason: str = ""  # of the last failure, or what else a person should know of it
    address: str = ""  # where it moved for good, and is asked since; "": it is asked at `feed`
    moved: str = ""  # where its answers say that it moved, until they have said so on enough days
    moved_on: tuple[date, ...] = ()
    pace: timedelta | None = None  # between two new entries, on the average
    hints: Hints = Hints()
    lease: datetime | None = None  # until when a hub tells of its news


@dataclass(frozen=True, slots=True)
class Pause:
    """A host, or a registered domain with all its hosts, that is not to be asked before `until`."""

    host: str
    until: datetime
    refusals: int = 0  # of its domain, in a row


@dataclass(frozen=True, slots=True)
class RobotsFile:
    """An origin's robots.txt as it was read, to be read again after `until`. `body` is None where there is none."""

    origin: str
    body: bytes | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """A feed's subscription at a hub. Who knows `token` finds our address for it, who knows `secret` is the hub."""

    feed: str
    hub: str
    topic: str
    token: str = field(repr=False)
    secret: str = field(repr=False)
    state: Literal["asked", "active", "denied", "leaving"]
    asked: datetime  # when the hub was asked last, or answered
    attempts: int = 0  # requests since the hub last answered
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A response as it came: `body` is decompressed and capped, never decoded. Header names are lower-case."""

    url: str
    final_url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a feed. `id` is the raw guid, or derived from link or title where the feed gives none.

    `title`, `summary` and `content` are plain text; dates that the feed does not state are None, never guessed.
    """

    feed: str
    id: str
    title: str
    link: str
    published: datetime | None = None
    updated: datetime | None = None
    summary: str = ""
    content: str = ""
    language: str | None = None
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed document, read. `problems` are fixed phrases; the entries that could be read are there all the same.

    `sitemaps` are what a sitemap index leads to: its entries are theirs.
    """

    url: str
    title: str
    link: str
    language: str | None
    entries: tuple[Entry, ...]
    problems: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    hints: Hints = Hints()


@dataclass(frozen=True, slots=True)
class Page:
    """An article's page with what its feed said of it. `document` is None where only the feed's text serves."""

    id: int  # of the entry in the ledger
    document: Document | None
    entry: Entry | None = None
    source: str = ""
    country: str | None = None
    language: str | None = None  # as the source states it
    via: Literal["feed", "import"] = "feed"
    trouble: str = ""  # why the page could not be fetched: a Failure's reason
    parts: tuple[Document, ...] = ()  # the further pages of the same article
    asked: tuple[str, ...] = ()  # addresses of further pages that were asked for in vain
    earlier: "Article | None" = None  # as it was read before its source was asked anew


@dataclass(frozen=True, slots=True)
class Change:
    """What an article's source changed: `before` is empty where it was added, `after` where it was removed."""

    where: Literal["title", "text"]
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Article:
    """The article of a page: paragraphs of `text` are parted by a newline."""

    url: str
    title: str
    text: str
    language: str
    language_confidence: float = 1.0
    published: datetime | None = None
    published_from: PublishedFrom = "first seen"
    authors: tuple[str, ...] = ()
    site: str = ""
    problems: tuple[str, ...] = ()
    next_page: str = ""  # the address of a further page that is still to be read
    changes: tuple[Change, ...] = ()  # against the earlier reading, where there was one
    stands: bool = False  # is the earlier reading, of which the source changed nothing


@dataclass(frozen=True, slots=True)
class Version:
    """An article as it stood until `replaced`, and what was changed then."""

    title: str
    text: str
    replaced: datetime
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A spaCy pipeline of the user's that finds the names of some languages, with what its labels mean for us.

    `pipeline` is an installed package or a folder; a label that is not in `labels` is left out.
    """

    languages: tuple[str, ...]
    pipeline: str
    labels: tuple[tuple[str, Label], ...]


# --- tagging ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """What the tagger reads: any text with its language (None: to be detected), its source's country and its day."""

    id: str
    text: str
    language: str | None = None
    country: str | None = None
    published: date | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A name found in a text. `entity` is a registry id, or a stable local id for a name in no registry."""

    start: int
    end: int
    text: str
    label: Label
    entity: str | None = None
    name: str | None = None  # the entity's name as shown to readers of English
    confidence: float = 1.0
    reason: str = ""  # how the link was made: alias, in-article definition, context, local


@dataclass(frozen=True, slots=True)
class Act:
    """An agency's act on one company, with the span of the text that says so.

    `day` is that of the act, where the text tells it; `total` the number of companies, where it counts them.
    """

    agency: str
    company: str
    action: str  # of the closed list in entities/acts
    start: int
    end: int
    evidence: str
    confidence: float = 1.0
    status: Status = "done"
    day: date | None = None
    amount: float | None = None
    currency: str = ""  # ISO 4217
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Tagged:
    id: str
    language: str
    mentions: tuple[Mention, ...]
    acts: tuple[Act, ...]


# --- grouping ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Groupable:
    """What grouping looks at: headline, lead or text, date, and the ids of linked companies and agencies."""

    id: str
    language: str
    date: datetime
    title: str
    text: str = ""
    entities: frozenset[str] = frozenset()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Features:
    """A groupable item in the form that items are compared in; `to_bytes`/`from_bytes` in stages/group.py store it."""

    id: str
    language: str
    date: datetime
    source: str
    vector: bytes  # float16 embedding of title and lead
    signature: bytes  # MinHash of the text, for near-duplicates
    shingles: frozenset[int]  # hashes of the text's shingles, for the exact check
    terms: tuple[tuple[str, float], ...]  # weighted words or CJK bigrams
    facts: frozenset[str]  # numbers and dates in normal form
    entities: frozenset[str]


@dataclass(frozen=True, slots=True)
class Membership:
    """An item's place in a story, and why. `copy_of` names the item that it repeats (exactly or nearly)."""

    id: str
    story: str
    copy_of: str | None = None
    similarity: float = 1.0
    evidence: tuple[str, ...] = ()


# --- the issue ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Report:
    """An article of the ledger with everything that composing needs."""

    id: int
    source: str
    country: str | None
    url: str
    title: str
    text: str
    language: str
    published: datetime | None
    first_seen: datetime
    mentions: tuple[Mention, ...] = ()
    acts: tuple[Act, ...] = ()
    copy_of: int | None = None
    earlier_title: str = ""  # set where the headline changed after publication
    imported: bool = False


@dataclass(frozen=True, slots=True)
class StoryView:
    """A story with its reports, first seen first; `issued_before`: ids of those in earlier issues of the edition."""

    id: str
    reports: tuple[Report, ...]
    issued_before: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A source that an issue could not see, or saw in part."""

    source: str
    reason: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """The denominator of an issue: what was expected, seen and failed since the last one."""

    sources: int
    sources_seen: int
    articles: int
    languages: tuple[str, ...]
    troubles: tuple[Trouble, ...] = ()
    failed_items: Mapping[str, int] = field(default_factory=dict)  # reason -> count


@dataclass(frozen=True, slots=True)
class Item:
    """One story in an issue. `sentences` are (text, language, report id) drawn from its reports."""

    story: StoryView
    headline: str
    headline_language: str
    headline_report: int
    sentences: tuple[tuple[str, str, int], ...]
    independent: int  # reports that are not copies
    entities: tuple[tuple[str, str, str], ...]  # (id, English name, label), most mentioned first
    acts: tuple[Act, ...]  # merged over the reports: one for each agency, company and action
    watched: tuple[str, ...]  # watchlist entries that it hits
    news: str  # "new", "developing" with what is new, "" where nothing is
    score: float
    score_parts: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """One issue of an edition, composed: everything that rendering shows, in reading order."""

    edition: Edition
    date: date  # local day of the edition
    cutoff: datetime
    items: tuple[Item, ...]
    coverage: Coverage
    names: Mapping[str, str]  # entity id -> English name, for the acts
    notice: str = ""  # shown at the top and the foot, e.g. that this is a demonstration
    dropped: int = 0  # stories that did not fit


@dataclass(frozen=True, slots=True)
class Email:
    """A rendered issue: both parts hold the same items in the same order."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An expected trouble with one item. `reason` is a fixed phrase, so that it can be counted."""

    id: str  # what failed: a URL or the item's id
    stage: str
    reason: str
    retry: Retry = Retry.NEVER
    after: timedelta | None = None  # a server's Retry-After, already clamped
