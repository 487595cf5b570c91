"""What an answer is to somebody who looks for a site's feeds: a feed, or a page that may name some."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Literal
from urllib.parse import urlsplit

from lxml import html as lxml_html

from digest.languages import LANGUAGES, base, clean, detect, shorten
from digest.records import Document, Failure, ParsedFeed
from digest.stages.markup import decode, host, parse_html, unmarked, web_link
from digest.stages.parse import parse
from digest.stages.sitemap import unpacked

__all__ = [
    "FeedKind",
    "Hint",
    "Look",
    "is_for_comments",
    "language_of",
    "look",
    "newest_of",
    "well_known",
    "without_feed_scheme",
]

FeedKind = Literal["RSS", "Atom", "RDF", "JSON Feed", "news sitemap", ""]

MOST_HINTS = 60  # of one page; what a page names first matters most
LONGEST_TITLE = 200
INSIDE_AN_ANCHOR = 20  # elements and pieces of text; broken pages nest anchors by the thousand
TITLES_READ = 30  # to tell the language

_ROOT = re.compile(r"<(?:[\w-]+:)?(rss|feed|entry|channel|rdf|urlset|sitemapindex)\b", re.IGNORECASE)
_ROOT_WITHIN = 20_000  # characters
_KINDS: dict[str, FeedKind] = {
    "rss": "RSS",
    "channel": "RSS",
    "rdf": "RDF",
    "feed": "Atom",
    "entry": "Atom",
    "urlset": "news sitemap",
    "sitemapindex": "news sitemap",
}


@dataclass(frozen=True, slots=True)
class Hint:
    """An address that may be a feed's. `stated` by a link element; else an anchor only looks like it."""

    link: str
    title: str
    stated: bool


@dataclass(frozen=True, slots=True)
class Look:
    """`feed` is a Failure where the answer is none, and then `hints` are what the page names."""

    feed: ParsedFeed | Failure
    kind: FeedKind = ""
    hints: tuple[Hint, ...] = ()


def look(documents: Sequence[Document]) -> list[Look]:
    """One outcome per document, in the order given."""
    return [_look(document, feed) for document, feed in zip(documents, parse(documents), strict=True)]


def _look(document: Document, feed: ParsedFeed | Failure) -> Look:
    text = decode(unpacked(document.body) or b"", document.headers.get("content-type", ""))
    if isinstance(feed, Failure):
        return Look(feed, hints=_hints(text, document.final_url) if feed.reason == "not a feed" else ())
    return Look(feed, _kind(text))


def _kind(text: str) -> FeedKind:
    root = _ROOT.search(text, 0, _ROOT_WITHIN)
    return "JSON Feed" if text.lstrip("\ufeff \t\r\n\0").startswith("{") or root is None else _KINDS[root[1].lower()]


def language_of(feed: ParsedFeed) -> str | None:
    """What its titles are written in, whatever it states: much software states English for all. None: unknown to us."""
    language, _ = detect(". ".join(entry.title for entry in feed.entries[:TITLES_READ]), feed.language)
    return language if base(language) in LANGUAGES else None


def newest_of(feed: ParsedFeed) -> datetime | None:
    """The last date that its entries state."""
    return max((date for entry in feed.entries if (date := entry.published or entry.updated)), default=None)


# --- what a page names ----------------------------------------------------------------------------------------------

_FEED_TYPES = re.compile(r"(?:application|text)/(?:x-)?(?:(?:rss|atom|rdf)(?:\+xml)?|feed\+json|xml)")
_JSON_TYPE = "application/json"  # of JSON feeds, and of much else
_FEED_SCHEME = re.compile(r"feed:(?://)?(?=https?:)", re.IGNORECASE)
_FEED_PATH = re.compile(
    r"(?:[/._?&=-](?:rss|rdf)(?:[_-]?\d[\d.]*|feeds?)?|[/.?&=](?:atom|feeds?|feed[_-]?\d|(?:rss|news|xml)[_-]?feeds?))"
    r"(?:[/?&.=]|$)|/index\.(?:xml|rdf)\b",
    re.IGNORECASE,
)
_FEED_HOST = re.compile(r"(?:rss|feeds?|feedproxy)\d?\.", re.IGNORECASE)
_FEED_WORD = re.compile(r"(?<![a-z])(?:rss|atom|xml[ -]?feed)(?![a-z])", re.IGNORECASE)
_REFRESH = re.compile(r"\s*\d*\s*[;,]\s*url\s*=\s*[\"']?([^\"'\s]+)", re.IGNORECASE)
# They take an address and show it to their own users, or tell friends of it.
_SERVICES = re.compile(
    r"(?:^|\.)(?:feedly|netvibes|yahoo|facebook|twitter|x|weibo|line|apple|google|w3|wikipedia)\.\w+$"
)


def _hints(text: str, address: str) -> tuple[Hint, ...]:
    tree = parse_html(text)
    if tree is None:
        return ()
    stated_base = next((href for one in tree.iter("base") if (href := one.get("href"))), "")
    start = web_link(stated_base, address) or address
    different: dict[str, Hint] = {}
    for hint in chain(_from_links(tree, start), _from_refreshes(tree, start), _from_anchors(tree, start)):
        if hint.link and len(different) < MOST_HINTS:
            different.setdefault(hint.link, hint)
    return tuple(different.values())


def _from_links(tree: lxml_html.HtmlElement, page: str) -> Iterator[Hint]:
    for element in tree.iter("link"):
        rel = (element.get("rel") or "").lower().split()
        kind = (element.get("type") or "").partition(";")[0].strip().lower()
        href = element.get("href") or ""
        typed = bool(_FEED_TYPES.fullmatch(kind)) or (kind == _JSON_TYPE and "feed" in href.lower())
        if ("alternate" in rel and typed) or "feed" in rel:
            yield Hint(_feed_link(href, page), _title(element.get("title") or ""), stated=True)


def _from_refreshes(tree: lxml_html.HtmlElement, page: str) -> Iterator[Hint]:
    """Where a page sends its readers on; some home pages do nothing else."""
    for element in tree.iter("meta"):
        sent = (
            _REFRESH.match(element.get("content") or "") if element.get("http-equiv", "").lower() == "refresh" else None
        )
        if sent and (link := _feed_link(sent[1], page)) and link != page:
            yield Hint(link, "", stated=False)


def _from_anchors(tree: lxml_html.HtmlElement, page: str) -> Iterator[Hint]:
    for element in tree.iter("a", "area"):
        link = _feed_link(element.get("href") or "", page)
        words = " ".join(str(piece) for piece in islice(element.itertext(), INSIDE_AN_ANCHOR))[:LONGEST_TITLE]
        if link and link != page and _looks_like_a_feed(link, words, element, page):
            yield Hint(link, _title(words), stated=False)


def _looks_like_a_feed(link: str, words: str, element: lxml_html.HtmlElement, page: str) -> bool:
    parts = urlsplit(link)
    if _FEED_HOST.match(parts.netloc):
        return True
    if host(link) != host(page) and _SERVICES.search(parts.hostname or ""):
        return False
    if _FEED_PATH.search(f"{parts.path}?{parts.query}"):
        return True
    inside = islice(element.iter(), INSIDE_AN_ANCHOR)
    images = (image.get(key) or "" for image in inside if image.tag == "img" for key in ("alt", "src"))
    labels = (element.get(key) or "" for key in ("title", "aria-label", "class"))
    return any(_FEED_WORD.search(label) for label in (words, *labels, *images))


def _feed_link(href: str, page: str) -> str:
    return web_link(without_feed_scheme(clean(href)), page).partition("#")[0]


def without_feed_scheme(address: str) -> str:
    """What "feed:https://..." and "feed://..." stand for."""
    address = _FEED_SCHEME.sub("", address)
    return f"http:{address[5:]}" if address.lower().startswith("feed://") else address


def _title(text: str) -> str:
    return shorten(unmarked(text), LONGEST_TITLE)


# --- what its address tells -----------------------------------------------------------------------------------------

# In the plural: "comment" and "Kommentare" are also what newspapers call their opinion pages.
_COMMENTS = re.compile(r"(?:^|[/._?&=-])(?:comments|commentaires|comentarios)(?:[/._?&=-]|$)", re.IGNORECASE)
# Blog software writes "Site » Comments Feed", in its language. A word alone may be an opinion column's name.
_COMMENTS_TITLE = re.compile(
    r"»[^»]*(?:comment|coment|kommenta?r|commenti|reacties|komentarz|komentář|коммент|комента|评论|評論|留言|回應|コメント|댓글|"
    r"تعليق|دیدگاه|תגוב|yorum|bình luận|komentar|kommentti|hozzászól|σχολ|टिप्पणी|ความเห็น)",
    re.IGNORECASE,
)


def is_for_comments(link: str, titles: Sequence[str]) -> bool:
    """Whether a feed holds what readers say, by its address or the titles that it bears."""
    parts = urlsplit(link)
    return bool(_COMMENTS.search(f"{parts.path}?{parts.query}")) or any(map(_COMMENTS_TITLE.search, titles))


# Where blog and newspaper software puts its feed, the most common first.
_FEED_PLACES = (
    *("feed", "rss", "rss.xml", "atom.xml", "feed.xml", "index.xml", "index.rdf", "feed.json", "?feed=rss2"),
    "feeds/posts/default",
)
_SITEMAP_PLACES = ("news-sitemap.xml", "sitemap_news.xml", "sitemap-news.xml", "sitemap.xml")
_PLACES_IN_A_FOLDER = 4


def well_known(address: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where the feeds and the news sitemaps of a site often lie: in its root, the feeds also in the given folder."""
    parts = urlsplit(address)
    folder = parts.path.rpartition("/")[0] if "." in parts.path.rpartition("/")[2] else parts.path.rstrip("/")
    inside = [f"{folder}/{place}" for place in _FEED_PLACES[:_PLACES_IN_A_FOLDER]] if folder else []
    feeds = [*inside, *(f"/{place}" for place in _FEED_PLACES)]
    return tuple(web_link(path, address) for path in feeds), tuple(web_link(f"/{p}", address) for p in _SITEMAP_PLACES)
