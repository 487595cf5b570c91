"""OPML: the lists of feeds that feed readers exchange."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from lxml import etree

from digest.languages import LANGUAGES, base, clean, normal_tag, shorten
from digest.records import Document, Failure, Source
from digest.stages.discover import without_feed_scheme
from digest.stages.markup import decode, xml_body

__all__ = ["Outline", "Outlines", "read_opml", "write_opml"]

MOST_OUTLINES = 5_000
LONGEST_NAME = 150
LONGEST_TAG = 60
MOST_TAGS = 10


@dataclass(frozen=True, slots=True)
class Outline:
    """One line of the list. `feed` is as written, and empty where the line leads to something that is no feed."""

    name: str
    feed: str
    page: str = ""
    language: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outlines:
    """What could be read; `dropped` counts the lines beyond the first thousands."""

    outlines: tuple[Outline, ...]
    dropped: int = 0


def read_opml(documents: Sequence[Document]) -> list[Outlines | Failure]:
    """One outcome per document, in the order given."""
    return [_read(document) for document in documents]


def _read(document: Document) -> Outlines | Failure:
    text = decode(document.body, document.headers.get("content-type", ""))
    if "<!ENTITY" in text:
        return Failure(document.url, "opml", "it declares entities, which no list of feeds needs")
    target = _Target()
    # Without a tree, whose nesting would be a matter of memory. The stubs ask for methods that lxml does not need.
    parser = etree.XMLParser(
        target=target,  # type: ignore[arg-type]
        recover=True,
        huge_tree=True,
        resolve_entities="internal",  # type: ignore[arg-type]  # with False, "&amp;" of an attribute comes as "&#38;"
        no_network=True,
    )
    etree.fromstring(xml_body(text), parser)
    if target.root != "opml":
        return Failure(document.url, "opml", "this is not OPML")
    return Outlines(tuple(target.found), target.dropped)


class _Target:
    """Told of each element's start and end."""

    def __init__(self) -> None:
        self.root = ""
        self.found: list[Outline] = []
        self.dropped = 0
        self._folders: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = _local(tag)
        self.root = self.root or name
        if name != "outline":
            return
        given = {_local(key): value for key, value in attributes.items()}
        title = shorten(clean(given.get("text") or given.get("title") or ""), LONGEST_NAME)
        feed, page = _addresses(given)
        self._folders.append("" if feed or page else shorten(title, LONGEST_TAG))
        if not feed and not page:
            return
        if len(self.found) == MOST_OUTLINES:
            self.dropped += 1
            return
        tags = dict.fromkeys(tag for tag in (*self._folders, *_categories(given)) if tag)
        language = normal_tag(given.get("language"))
        known = language if language and base(language) in LANGUAGES else None
        self.found.append(Outline(title, feed, page, known, tuple(tags)[-MOST_TAGS:]))

    def end(self, tag: str) -> None:
        if _local(tag) == "outline":
            self._folders.pop()

    def close(self) -> None:
        """Asked for by lxml; what was found stands in the attributes."""


def _local(name: str) -> str:
    return name.rpartition("}")[2].lower()


def _addresses(given: Mapping[str, str]) -> tuple[str, str]:
    """The feed's address, and that of a page or another list."""
    url = given.get("url", "")
    is_feed = given.get("type", "").lower() in ("rss", "atom", "feed")
    feed = given.get("xmlurl") or (url if is_feed else "")
    return without_feed_scheme(feed.strip()), (given.get("htmlurl") or url).strip()


def _categories(given: Mapping[str, str]) -> Iterable[str]:
    return (shorten(clean(one).strip("/ "), LONGEST_TAG) for one in given.get("category", "").split(",")[:MOST_TAGS])


# --- out ------------------------------------------------------------------------------------------------------------


def write_opml(sources: Sequence[Source], now: datetime) -> bytes:
    """OPML 2.0 with every source; tags are its categories."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = "Sources of Digest"
    etree.SubElement(head, "dateCreated").text = format_datetime(now, usegmt=True)
    body = etree.SubElement(root, "body")
    for source in sources:
        name = clean(source.name)
        given = {
            "text": name,
            "title": name,
            "type": "rss",  # whatever the format: it is what readers look for
            "xmlUrl": clean(source.feed),
            "language": source.language or "",
            "category": ",".join(clean(tag).replace(",", " ") for tag in source.tags),
        }
        etree.SubElement(body, "outline", {key: value for key, value in given.items() if value})
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written
