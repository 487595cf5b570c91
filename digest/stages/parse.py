"""Feeds to entries: RSS, RDF and Atom in all their versions by feedparser, JSON Feed and news sitemaps by ourselves."""

import hashlib
import html
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import feedparser
from feedparser.mixin import _FeedParserMixin

from digest.languages import clean, normal_tag, shorten
from digest.records import Document, Entry, Failure, ParsedFeed
from digest.stages.dates import read_date
from digest.stages.hints import in_json, in_xml
from digest.stages.markup import decode, has_tags, host, plain_text, unmarked, web_link
from digest.stages.sitemap import News, is_sitemap, read_sitemap, unpacked

__all__ = ["parse"]

# Caps against feeds that never end; a feed of a newsroom holds 20 to 100 entries.
_MOST_ENTRIES = 1_000
_LONGEST_TITLE = 1_000
_LONGEST_SUMMARY = 10_000
_LONGEST_CONTENT = 200_000
_LONGEST_ID = 1_000
_LONGEST_NAME = 200
_MOST_AUTHORS = 20
_MADE_UP_TITLE = 100  # characters of the summary, where an entry has no title

_FEEDPARSER_AUTHOR = _FeedParserMixin._sync_author_detail


def _sync_author_detail(parser: Any, key: str = "author") -> None:
    """Splits "name (address)"; not a long text, over which the library's pattern takes minutes."""
    if len(dict.get(parser._get_context(), key) or "") <= _LONGEST_NAME:
        _FEEDPARSER_AUTHOR(parser, key)


def _keep_last_tag(parser: Any, term: str | None, scheme: str | None, label: str | None) -> None:
    """Nobody reads tags here, and the library compares each with all."""
    parser._get_context()["tags"] = [feedparser.FeedParserDict(term=term, scheme=scheme, label=label)]


# feedparser resolves a guid that is a permalink against xml:base, so that it changes when the feed moves.
_FeedParserMixin.can_be_relative_uri = _FeedParserMixin.can_be_relative_uri - {"id"}
_FeedParserMixin._sync_author_detail = _sync_author_detail
_FeedParserMixin._add_tag = _keep_last_tag


def parse(documents: Sequence[Document]) -> list[ParsedFeed | Failure]:
    """One outcome per document, in the order given. A broken feed yields what can be read of it, and its problems."""
    return [_parse(document) for document in documents]


def _parse(document: Document) -> ParsedFeed | Failure:
    body = unpacked(document.body)
    if body is None:
        return _failure(document, "body too large")
    text = decode(body, document.headers.get("content-type", "")).lstrip("\ufeff \t\r\n\0")
    if text.startswith("{"):
        return _json_feed(text, document)
    return _sitemap_feed(text, document) if is_sitemap(text) else _xml_feed(text, document)


def _failure(document: Document, reason: str) -> Failure:
    return Failure(document.url, "parse", reason)


def _newest(items: list[Any], date_of: Callable[[Any], Any]) -> list[Any]:
    """At most so many items, in the feed's order: the newest, or the first where dates are missing."""
    if len(items) <= _MOST_ENTRIES:
        return items
    dates = [date for item in items if (date := date_of(item))]
    if len(dates) < len(items):
        return items[:_MOST_ENTRIES]
    oldest = sorted(dates)[-_MOST_ENTRIES]
    return [item for item, date in zip(items, dates, strict=True) if date >= oldest][:_MOST_ENTRIES]


def _with_unique_ids(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Copies are dropped. Some feeds give all entries one id: those are told apart by link and title."""
    different: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        different.setdefault((entry.id, entry.link, entry.title), entry)
    shared = Counter(entry.id for entry in different.values())
    return tuple(
        entry if shared[entry.id] == 1 else replace(entry, id=_derived_id(entry.id, entry.link, entry.title))
        for entry in different.values()
    )


def _derived_id(*parts: str) -> str:
    return "sha256:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _entry(feed: str, raw_id: str, title: str, summary: str, content: str, link: str, **rest: Any) -> Entry:
    """The entry, with an id and a title made up where the feed gives none."""
    title = _one_line(title)
    summary, content = shorten(summary, _LONGEST_SUMMARY), shorten(content, _LONGEST_CONTENT)
    written = clean(raw_id)
    if not 0 < len(written) <= _LONGEST_ID:
        written = _derived_id(written or link or f"{title}{rest['published']}{summary}")
    title = title or _made_up_title(summary or content) or link
    return Entry(feed=feed, id=written, title=title, link=link, summary=summary, content=content, **rest)


def _made_up_title(text: str) -> str:
    return shorten(text.split("\n", 1)[0], _MADE_UP_TITLE)


# What only counts the click, with the parameters that hold the article's own address.
_REDIRECTORS = {
    "google.com/url": ("url", "q"),
    "bing.com/news/apiclick.aspx": ("url",),
}


def _first_link(candidates: Iterable[str | None], base: str) -> str:
    link = next((link for href in candidates if (link := web_link(href, base))), "")
    where, _, query = link.partition("?")
    parameters = _REDIRECTORS.get(where.split("://", 1)[-1].removeprefix("www."))
    if not parameters:
        return link
    asked = parse_qs(query)
    return next((own for name in parameters for href in asked.get(name, ()) if (own := web_link(href))), link)


def _address(document: Document) -> str:
    """Where the feed says that it is from, else where it came from. Servers behind others state "localhost"."""
    stated = web_link(document.headers.get("content-location"), document.final_url)
    return stated if "." in host(stated) else document.final_url


def _base(link: str, address: str) -> str:
    """What relative links are meant from: the feed's address; the site, where the feed is hosted elsewhere."""
    return address if host(link) == host(address) else link


def _one_line(title: str) -> str:
    return shorten(clean(title), _LONGEST_TITLE)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    cleaned = (shorten(plain_text(name).replace("\n", " "), _LONGEST_NAME) for name in names)
    return tuple(dict.fromkeys(name for name in cleaned if name))[:_MOST_AUTHORS]


# --- RSS, RDF and Atom ----------------------------------------------------------------------------------------------

_XML_DECLARATION = re.compile(r"<\?xml\b[^>]{0,200}\?>")
_FEED_ROOT = re.compile(r"<(?:[\w-]+:)?(?:rss|feed|entry|channel|rdf)\b", re.IGNORECASE)
# CDATA is text as it stands; of the rest, each ampersand with what it may begin.
_REFERENCE = re.compile(
    r"<!\[CDATA\[(?:.*?\]\]>|.*)|&(?:#(?:[xX]([0-9a-fA-F]{1,8})|([0-9]{1,8}));|([a-zA-Z]\w{1,31});)?", re.DOTALL
)
_OF_XML = frozenset(("amp", "lt", "gt", "quot", "apos"))
# What feedparser lets slip where a feed is broken in ways that it does not expect.
_SLIPS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_ROOT_WITHIN = 20_000  # characters; comments and a stylesheet may come first


def _xml_feed(text: str, document: Document) -> ParsedFeed | Failure:
    if not _FEED_ROOT.search(text, 0, _ROOT_WITHIN):  # feedparser takes any markup
        return _failure(document, "not a feed")
    try:
        read = _read_xml(text, document)
    except _SLIPS:
        return _failure(document, "broken feed")
    feed, malformed = read.feed, _is_malformed(read)
    if malformed and not read.entries and not (feed.get("title") or feed.get("link")):
        return _failure(document, "broken feed")
    address = _address(document)
    link = web_link(feed.get("link"), address) or address
    base = _base(link, address)
    language = normal_tag(feed.get("language"))
    # feedparser's own dates are good enough to tell the newest of thousands, and cost nothing.
    items = _newest(read.entries, lambda item: dict.get(item, "published_parsed") or dict.get(item, "updated_parsed"))
    return ParsedFeed(
        url=document.url,
        title=_one_line(_plain(feed, "title", read.version)) or document.url or link,
        link=link,
        language=language,
        entries=_with_unique_ids(_xml_entry(dict(item), document, base, read.version, language) for item in items),
        problems=_problems(malformed, len(items) < len(read.entries)),
        hints=in_xml(text, document.final_url),
    )


def _read_xml(text: str, document: Document) -> Any:
    """What feedparser makes of the text. It gets bytes (a str may be a path) that it need not decode once more."""
    body = _XML_DECLARATION.sub("", text, count=1) if text.startswith("<?xml") else text
    if "<!ENTITY" not in body:  # what a feed names itself is not ours to read
        body = _REFERENCE.sub(_repaired, body)
    # Without content-location, so that links come as written, or resolved against xml:base.
    headers = {"content-type": "application/xml; charset=utf-8"}
    if language := document.headers.get("content-language"):
        headers["content-language"] = language
    stream = io.BytesIO(body.encode("utf-8", "replace"))
    return feedparser.parse(stream, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)


def _repaired(reference: re.Match[str]) -> str:
    """A reference that an XML parser takes: it gives up at bare ampersands and at the entities of HTML."""
    hexadecimal, decimal, name = reference.groups()
    if name:
        meant = html.unescape(reference[0])
        return reference[0] if name in _OF_XML else meant.replace("&", "&amp;").replace("<", "&lt;")
    if hexadecimal or decimal:
        number = int(hexadecimal or decimal, 16 if hexadecimal else 10)
        return reference[0] if _is_character(number) else "\ufffd"
    return "&amp;" if reference[0] == "&" else reference[0]


def _is_character(number: int) -> bool:
    return number in _SPACES or 0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number <= 0x10FFFF


_SPACES = frozenset(b"\t\n\r")


def _problems(malformed: bool, capped: bool) -> tuple[str, ...]:
    return ("malformed xml",) * malformed + ("too many entries",) * capped


def _is_malformed(read: Any) -> bool:
    complaints = (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
    return bool(read.bozo) and not isinstance(read.get("bozo_exception"), complaints)


def _xml_entry(
    item: Mapping[str, Any], document: Document, base: str, version: str, feed_language: str | None
) -> Entry:
    language = _entry_language(item) or feed_language
    published, updated = _xml_dates(item, version, language)
    return _entry(
        feed=document.url,
        raw_id=item.get("id") or "",
        title=_one_line(_plain(item, "title", version)) or _plain(item, "itunes_title", version),
        summary=next(filter(None, (_plain(item, key, version) for key in _SUMMARIES)), ""),
        content=_xml_content(item),
        link=_xml_link(item, base),
        published=published,
        updated=updated,
        language=language,
        authors=_names(_xml_authors(item)),
    )


_SUMMARIES = ("summary", "subtitle", "googleplay_description")  # the second is of iTunes


def _plain(item: Mapping[str, Any], key: str, version: str) -> str:
    """A text construct as plain text. Atom states what is markup; in RSS, text with HTML tags in it is."""
    value, kind = item.get(key) or "", item.get(f"{key}_detail", {}).get("type", "text/html")
    if kind == "text/plain" and (version.startswith("atom") or not has_tags(value)):
        return clean(value, keep_newlines=True)
    return plain_text(value)


def _xml_content(item: Mapping[str, Any]) -> str:
    """The longest of the contents that are text: feeds give the same in several types."""
    return max(map(_content_text, item.get("content", ())), key=len, default="")


def _content_text(content: Any) -> str:
    value, kind = content.get("value") or "", content.get("type") or "html"
    return plain_text(value) if "html" in kind else clean(value, keep_newlines=True)


def _entry_language(item: Mapping[str, Any]) -> str | None:
    details = [item.get("title_detail", {}), *item.get("content", ()), item.get("summary_detail", {})]
    stated = [item.get("language"), *(detail.get("language") for detail in details)]
    return next((tag for language in stated if (tag := normal_tag(language))), None)


def _xml_link(item: Mapping[str, Any], base: str) -> str:
    """The article's address: FeedBurner's original, the alternate link, a guid that is one, else what is attached."""
    links = [(link.get("rel", "alternate"), link.get("href")) for link in item.get("links", ())]
    alternate = [href for rel, href in links if rel.removeprefix(_IANA) == "alternate"]
    elsewhere = [content["src"] for content in item.get("content", ()) if content.get("src")]
    attached = [href for rel, href in links if rel == "enclosure"]
    guid = item.get("id", "") if "://" in item.get("id", "") else None
    candidates = (item.get("feedburner_origlink"), item.get("link"), *alternate, guid, *elsewhere, *attached)
    return _first_link(candidates, base)


_IANA = "http://www.iana.org/assignments/relation/"


def _xml_authors(item: Mapping[str, Any]) -> list[str]:
    authors = [author.get("name") or author.get("email") or "" for author in item.get("authors", ())]
    return authors or [item.get("author") or ""]


def _xml_dates(item: Mapping[str, Any], version: str, language: str | None) -> tuple[datetime | None, datetime | None]:
    """When the entry was published and updated. Outside Atom, feedparser calls an only date (dc:date) the update."""
    published, created, updated = (
        read_date(item[key] or "", language) if key in item else None for key in ("published", "created", "updated")
    )
    published = published or created
    if not version.startswith("atom"):
        published = published or updated
    return published, updated


# --- JSON Feed ------------------------------------------------------------------------------------------------------


def _json_feed(text: str, document: Document) -> ParsedFeed | Failure:
    try:
        read = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return _failure(document, "broken feed" if "jsonfeed.org/version" in text[:1_000] else "not a feed")
    items = [item for item in read["items"] if isinstance(item, dict)] if isinstance(read.get("items"), list) else None
    own_address = web_link(_string(read, "feed_url")) or web_link(_string(read, "home_page_url"))
    if items is None or not ("jsonfeed.org" in _string(read, "version") or own_address):
        return _failure(document, "not a feed")
    language = normal_tag(_string(read, "language"))
    address = _address(document)
    link = web_link(_string(read, "home_page_url"), address) or address
    base = _base(link, address)
    newest = _newest(items, lambda item: read_date(_string(item, "date_published"), language))
    return ParsedFeed(
        url=document.url,
        title=_one_line(unmarked(_string(read, "title"))) or link or document.url,
        link=link,
        language=language,
        entries=_with_unique_ids(_json_entry(item, read, document.url, base, language) for item in newest),
        problems=_problems(False, len(newest) < len(items)),
        hints=in_json(read, document.final_url),
    )


def _json_entry(
    item: Mapping[str, Any], feed: Mapping[str, Any], url: str, base: str, feed_language: str | None
) -> Entry:
    language = normal_tag(_string(item, "language")) or feed_language
    attached = item.get("attachments")
    attachments = [one for one in attached if isinstance(one, dict)] if isinstance(attached, list) else []
    id_ = _string(item, "id")
    own = (_string(item, "url"), _string(item, "external_url"), id_ if "://" in id_ else "")
    links = (*own, *(_string(one, "url") for one in attachments))
    marked_up, text = (
        plain_text(_string(item, "content_html")),
        clean(_string(item, "content_text"), keep_newlines=True),
    )
    summary = clean(_string(item, "summary"), keep_newlines=True)
    return _entry(
        feed=url,
        raw_id=id_,
        title=_one_line(unmarked(_string(item, "title"))) or _made_up_title(summary or text),
        summary=summary,
        content=marked_up or text,
        link=_first_link(links, base),
        published=read_date(_string(item, "date_published"), language),
        updated=read_date(_string(item, "date_modified"), language),
        language=language,
        authors=_names(_json_authors(item) or _json_authors(feed)),
    )


def _string(item: Mapping[str, Any], key: str) -> str:
    """A member as a string; ids are often numbers, and anything may be missing or of another type."""
    value = item.get(key)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _json_authors(item: Mapping[str, Any]) -> list[str]:
    """Version 1.1 has a list of authors, version 1.0 one author."""
    authors = item.get("authors") or item.get("author")
    candidates = authors if isinstance(authors, list) else [authors]
    return [_string(author, "name") or _string(author, "url") for author in candidates if isinstance(author, dict)]


# --- news sitemaps --------------------------------------------------------------------------------------------------


def _sitemap_feed(text: str, document: Document) -> ParsedFeed | Failure:
    read = read_sitemap(text, document.final_url)
    if read is None:
        return _failure(document, "broken feed")
    if read.pages and not read.news and not read.parts:
        return _failure(document, "sitemap without news")
    newest = _newest(list(read.news), lambda item: read_date(item.published))
    entries = _with_unique_ids(_news_entry(item, document.url) for item in newest)
    publications = Counter(_one_line(unmarked(item.publication)) for item in newest if item.publication)
    languages = {entry.language for entry in entries}
    return ParsedFeed(
        url=document.url,
        title=publications.most_common(1)[0][0] if publications else document.url,
        link=web_link("/", document.final_url) or document.final_url,
        language=languages.pop() if len(languages) == 1 else None,
        entries=entries,
        problems=_problems(False, len(newest) < len(read.news)),
        sitemaps=read.parts,
    )


def _news_entry(item: News, feed: str) -> Entry:
    language = normal_tag(item.language)
    return _entry(
        feed=feed,
        raw_id=item.link,
        title=unmarked(item.title),
        summary="",
        content="",
        link=item.link,
        published=read_date(item.published, language),
        updated=read_date(item.modified, language),
        language=language,
    )
