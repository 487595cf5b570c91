"""News sitemaps: what sites tell search engines of their articles of the last days, for sources that have no feed.

Only addresses with the news extension are taken. A plain sitemap lists every page of a site, the privacy policy too,
and without titles; its `lastmod` says when a page changed, not when an article came out.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import urlsplit

from lxml import etree

from digest.stages.dates import read_date
from digest.stages.markup import web_link, xml_body

__all__ = ["News", "Sitemap", "is_sitemap", "read_sitemap", "unpacked"]

# A news sitemap holds 1,000 addresses at most; a plain one may reach 50 MB, and is not read.
MAX_UNPACKED_BYTES = 20 * 1024 * 1024
MAX_MEMBERS = 100
# The parts of an index that are asked: each costs the site a request at every poll.
MOST_PARTS = 3
MOST_LISTED = 50_000  # by the protocol

_ROOT = re.compile(r"<(?:[\w-]+:)?(rss|feed|channel|rdf|html|urlset|sitemapindex)\b", re.IGNORECASE)
_ROOT_WITHIN = 20_000  # characters
_GZIP = b"\x1f\x8b"
_NAMED_NEWS = re.compile(r"news|noticias|nachrichten|notizie|actualit|haber|novosti|xinwen", re.IGNORECASE)
_DATE_IN_NAME = re.compile(r"(?:19|20)\d\d(?:\D?[01]\d(?:\D?[0-3]\d)?)?")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class News:
    """An article as its sitemap states it; `link` is absolute, what is not stated is empty."""

    link: str
    title: str = ""
    published: str = ""
    modified: str = ""
    publication: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """`parts` are the sitemaps that an index leads to, a few of them: the likeliest to hold news first.

    `pages` counts the addresses, those without news too: a news sitemap without any is one of quiet days.
    """

    news: tuple[News, ...]
    parts: tuple[str, ...]
    pages: int


def unpacked(body: bytes) -> bytes | None:
    """The bytes of a `.gz` file, as far as they are whole; other bodies as they are. None where it is too large."""
    if not body.startswith(_GZIP):
        return body
    found, rest = bytearray(), body
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            found += member.decompress(rest, MAX_UNPACKED_BYTES + 1 - len(found))
        except zlib.error:
            break
        if len(found) > MAX_UNPACKED_BYTES:
            return None
        rest = member.unused_data
        if not rest.startswith(_GZIP):
            break
    return bytes(found)


def is_sitemap(text: str) -> bool:
    """Whether a text is a sitemap or an index of sitemaps."""
    root = _ROOT.search(text, 0, _ROOT_WITHIN)
    return root is not None and root[1].lower() in ("urlset", "sitemapindex")


def read_sitemap(text: str, base: str) -> Sitemap | None:
    """What can be read of it; None where nothing can. Relative addresses are meant from `base`."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, remove_comments=True)
    body = xml_body(text)
    root = etree.fromstring(body, parser) if body.strip() else None
    if root is None:
        return None
    listed = islice(_named(root, "sitemap"), MOST_LISTED)
    parts = [(_child_text(one, "loc"), _child_text(one, "lastmod")) for one in listed]
    linked = [(link, modified) for href, modified in parts if (link := web_link(href, base))]
    return Sitemap(tuple(_news(root, base)), _likeliest(linked), len(parts) + sum(1 for _ in _named(root, "url")))


def _news(root: etree._Element, base: str) -> Iterator[News]:
    for url in _named(root, "url"):
        link = web_link(_child_text(url, "loc"), base)
        for news in _named(url, "news") if link else ():
            publication = next(_named(news, "publication"), None)
            yield News(
                link=link,
                title=_child_text(news, "title"),
                published=_child_text(news, "publication_date"),
                modified=_child_text(url, "lastmod"),
                publication="" if publication is None else _child_text(publication, "name"),
                language="" if publication is None else _child_text(publication, "language"),
            )


def _named(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    """The children of that name, whatever their namespace: sites misspell it, or leave its declaration out."""
    for child in parent:
        if isinstance(child.tag, str) and child.tag.rpartition("}")[2].rpartition(":")[2].lower() == name:
            yield child


def _child_text(parent: etree._Element, name: str) -> str:
    child = next(_named(parent, name), None)
    return "" if child is None else "".join(map(str, child.itertext())).strip()


def _likeliest(parts: list[tuple[str, str]]) -> tuple[str, ...]:
    """Those named so, then the newest: by their own date, or by the one in their name."""

    def order(part: tuple[str, str]) -> tuple[bool, datetime, str]:
        path = urlsplit(part[0]).path
        dates = _DATE_IN_NAME.findall(path)
        return bool(_NAMED_NEWS.search(path)), read_date(part[1]) or _LONG_AGO, dates[-1] if dates else ""

    return tuple(dict.fromkeys(link for link, _ in sorted(parts, key=order, reverse=True)))[:MOST_PARTS]
