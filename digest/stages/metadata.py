"""What a page says of itself: JSON-LD, meta elements, headings, canonical address. Read before the page is pruned."""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any
from urllib.parse import urlsplit

from lxml import etree
from lxml.html import HtmlElement

from digest.languages import clean, normal_tag, shorten
from digest.records import PublishedFrom
from digest.stages.canonical import canonical
from digest.stages.dates import find_date, read_date
from digest.stages.markup import host, plain_text, unmarked
from digest.stages.sites import title_place

__all__ = ["Metadata", "read_metadata"]

_LONGEST_TITLE = 1_000
_LONGEST_NAME = 100
_MOST_AUTHORS = 20


@dataclass(frozen=True, slots=True)
class Metadata:
    """Empty or None where the page does not say."""

    title: str
    site: str
    link: str
    language: str | None
    authors: tuple[str, ...]
    published: datetime | None
    published_from: PublishedFrom
    lead: str  # the standfirst, where the page shows one apart from its text
    headlines: tuple[str, ...] = ()  # all that the page calls its title
    body: str = ""  # the article's text in JSON-LD, often cut off or run together


def read_metadata(tree: HtmlElement, url: str, fetched: datetime, language: str | None) -> Metadata:
    """`language` is the source's, for dates and as a second opinion; dates after `fetched` are not believed."""
    linked = _linked_data(tree)
    meta = _meta(tree)
    stated = normal_tag(_attribute(tree, "lang")) or normal_tag(_text(linked.get("inLanguage")))
    stated = stated or normal_tag(meta.get("og:locale", "")) or normal_tag(meta.get("content-language", ""))
    site = clean(_name(linked.get("publisher")) or meta.get("og:site_name", "") or meta.get("application-name", ""))
    names = _site_names(site, host(url))
    headings = [text for element in tree.iter("h1") if _is_headline(text := _visible(element), names)]
    candidates = _titles(tree, linked, meta, names, headings)
    own = _own_title(linked, meta, title_place(host(url)))
    title = shorten(_without_site(own, names, headings) if own else _voted(candidates), _LONGEST_TITLE)
    latest = fetched + timedelta(days=1)
    published, published_from = _published(tree, linked, meta, title, url, latest, language or stated)
    return Metadata(
        title=title,
        site=shorten(site, _LONGEST_NAME),
        link=_canonical(tree, meta, url),
        language=stated,
        authors=_authors(tree, linked, meta, site),
        published=published,
        published_from=published_from,
        lead=_lead(tree, linked, meta),
        headlines=tuple(dict.fromkeys((title, *candidates, *headings))),
        body=plain_text(_text(linked.get("articleBody"))),
    )


# --- JSON-LD and meta -----------------------------------------------------------------------------------------------

_ARTICLE_TYPES = re.compile(r"Article$|^(?:BlogPosting|Report|LiveBlogPosting|SocialMediaPosting|Review|WebPage)$")
_MOST_NODES = 5_000
_LONGEST_SCRIPT = 1_000_000


def _linked_data(tree: HtmlElement) -> Mapping[str, Any]:
    """The page's first article in JSON-LD; of several, one with a headline and a date; a mere page comes last."""
    nodes = [node for script in tree.iterfind('.//script[@type="application/ld+json"]') for node in _nodes(script.text)]
    articles = [node for node in nodes if any(_ARTICLE_TYPES.search(kind) for kind in _types(node))]
    return max(articles, key=_completeness, default={})


def _types(node: Mapping[str, Any]) -> list[str]:
    kinds = node.get("@type")
    return [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)]


def _completeness(node: Mapping[str, Any]) -> tuple[bool, int]:
    return "WebPage" not in _types(node), sum(key in node for key in ("headline", "datePublished", "author"))


def _nodes(script: str | None) -> Iterator[dict[str, Any]]:
    """All objects of a JSON-LD script, outermost first."""
    try:
        waiting = deque([json.loads(script or "null", strict=False)] if len(script or "") <= _LONGEST_SCRIPT else [])
    except (ValueError, RecursionError):
        return
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        node = waiting.popleft()
        if isinstance(node, dict):
            yield node
            waiting.extend(value for value in node.values() if isinstance(value, dict | list))
        elif isinstance(node, list):
            waiting.extendleft(reversed(node))


def _meta(tree: HtmlElement) -> dict[str, str]:
    """The meta elements by lower-case name, the first of each."""
    found: dict[str, str] = {}
    for element in tree.iter("meta"):
        content = (_attribute(element, "content") or _attribute(element, "value")).strip()
        for key in ("property", "name", "itemprop", "http-equiv"):
            if content and (name := _attribute(element, key).strip().lower()):
                found.setdefault(name, content)
    return found


def _attribute(element: HtmlElement, name: str) -> str:
    return str(element.get(name) or "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _name(value: object) -> str:
    """The name of a person or organisation: an object, a list of them, or a string."""
    first = value[0] if isinstance(value, list) and value else value
    return _text(first.get("name")) if isinstance(first, dict) else _text(first)


# --- title ----------------------------------------------------------------------------------------------------------

_SITE_SEPARATORS = re.compile(r":\s+|\s+[|｜_–—·•»-]\s+|\s*[|｜_]\s*")
_SEPARATORS = re.compile(r"\s+[|｜_–—·•»-]\s+|\s*[|｜_]\s*")


def _titles(
    tree: HtmlElement, linked: Mapping[str, Any], meta: Mapping[str, str], names: list[str], headings: list[str]
) -> list[str]:
    """What JSON-LD, the heading, the meta elements and the window's title say, without the site's name."""
    whole = _visible(tree.find(".//title"))
    shown = next((heading for heading in headings if heading in whole), headings[0] if len(headings) == 1 else "")
    stated = (_text(linked.get("headline")), shown, meta.get("og:title", ""), meta.get("twitter:title", ""), whole)
    return [_without_site(unmarked(title), names, headings) for title in stated]


_SHORTEST_TITLE = 4  # characters


def _own_title(linked: Mapping[str, Any], meta: Mapping[str, str], place: str) -> str:
    """The title at the place where this publisher has it, or ""."""
    title = unmarked(_text(linked.get("headline")) if place == "headline" else meta.get(place, ""))
    return title if len(title) >= _SHORTEST_TITLE else ""


# What readers and search engines are given weighs more than what is written for sharing and for tabs.
_TITLE_VOTES = (2.0, 2.0, 1.0, 0.5, 0.5)


def _voted(titles: list[str]) -> str:
    """The title on which most places agree; the first of several."""
    votes: dict[str, float] = {}
    written: dict[str, str] = {}
    for title, weight in zip(titles, _TITLE_VOTES, strict=True):
        if letters := re.sub(r"\W", "", title.lower()):
            votes[letters] = votes.get(letters, 0.0) + weight
            written.setdefault(letters, title)
    return written[max(votes, key=lambda letters: votes[letters])] if votes else ""


def _is_headline(heading: str, names: list[str]) -> bool:
    """Whether a heading says more than the site's name, as a logo does."""
    words = [word for word in re.findall(r"\w+", heading.lower()) if not any(word in name for name in names)]
    return len(words) > 2 or len("".join(words)) >= 10


def _visible(element: HtmlElement | None) -> str:
    return clean("".join(element.itertext())) if element is not None else ""


def _without_site(title: str, names: list[str], headings: list[str]) -> str:
    """The title without the site's name behind or before it, as the page's heading or the name itself tells."""
    if heading := next((heading for heading in headings if title.startswith(heading)), ""):
        return heading
    parts = list(_SITE_SEPARATORS.finditer(title))
    if not parts:
        return title
    if _names_site(title[parts[-1].end() :], names):
        return title[: parts[-1].start()]
    return title[parts[0].end() :] if _names_site(title[: parts[0].start()], names) else title


def _site_names(site: str, site_host: str) -> list[str]:
    """The site's name and the labels of its host, in letters only."""
    names = (re.sub(r"\W", "", name.lower()) for name in (site, site_host, *site_host.split(".")))
    return [name for name in names if len(name) > 2]


def _names_site(part: str, names: list[str]) -> bool:
    letters = re.sub(r"\W", "", part.lower())
    return any(letters == name or (len(letters) > 3 and letters in name) or _mostly(name, letters) for name in names)


def _mostly(name: str, letters: str) -> bool:
    return len(name) > 5 and name in letters and len(letters) < 2 * len(name)


# --- lead -----------------------------------------------------------------------------------------------------------

_SHORTEST_LEAD = 40
_LEAD_CHILDREN = 3
_LEAD_START = 40  # characters that tell that a shown text is the description; its end may be cut off
_FIRST_LETTERS = 8


def _lead(tree: HtmlElement, linked: Mapping[str, Any], meta: Mapping[str, str]) -> str:
    stated = (_text(linked.get("description")), meta.get("og:description", ""), meta.get("description", ""))
    starts = {text[:_LEAD_START] for text in map(unmarked, stated) if len(text) >= _SHORTEST_LEAD}
    first_letters = {start[:_FIRST_LETTERS] for start in starts}
    longest = 2 * max(map(len, stated))
    for element in tree.iter("p", "h2", "h3", "div", "span", "strong") if starts else ():
        if len(element) > _LEAD_CHILDREN or _first_text(element)[:_FIRST_LETTERS] not in first_letters:
            continue
        shown = _visible(element)
        if shown[:_LEAD_START] in starts and len(shown) <= longest:
            return shown
    return _marked_lead(tree)


# What papers call the paragraph between headline and text, in class names.
_LEAD_CLASS = re.compile(
    r"(?<![a-z])(?:lead|lede|standfirst|excerpt|abstract|sub-?head(?:line|ing)?|sub-?title|summary|dek|deck|chapo|chapeau|"
    r"sapo|sumario|bajada|entradilla|epigraph|ingress|manchet|vorspann|teaser-?text|sommario|catenaccio)(?![a-z])",
    re.IGNORECASE,
)
_LONGEST_MARKED_LEAD = 500  # characters
_LEAD_PLACES = 20  # elements behind a headline


def _marked_lead(tree: HtmlElement) -> str:
    """The standfirst by what its element is called, if it stands close behind the headline."""
    behind = None
    for element in tree.iter("h1", "p", "h2", "h3", "div", "span"):
        if element.tag == "h1":
            behind = 0
        elif behind is not None:
            behind += 1
            if behind <= _LEAD_PLACES and len(element) <= _LEAD_CHILDREN and _is_lead(element):
                return _visible(element)
    return ""


def _is_lead(element: HtmlElement) -> bool:
    if not _LEAD_CLASS.search(_attribute(element, "class")) or element.find(".//a") is not None:
        return False
    return _SHORTEST_LEAD <= len(_visible(element)) <= _LONGEST_MARKED_LEAD


def _first_text(element: HtmlElement) -> str:
    """The first text that an element shows: looked at before all of it is put together."""
    return next((text for piece in islice(element.itertext(), 3) if (text := clean(piece))), "")


# --- authors --------------------------------------------------------------------------------------------------------


def _authors(tree: HtmlElement, linked: Mapping[str, Any], meta: Mapping[str, str], site: str) -> tuple[str, ...]:
    stated = linked.get("author")
    listed = stated if isinstance(stated, list) else [stated]
    names = [name for author in listed for name in _split_names(author)]
    names = names or [
        name for key in ("author", "article:author", "byl", "parsely-author") for name in _split_names(meta.get(key))
    ]
    names = names or [_visible(element) for element in tree.xpath('//*[@rel="author" or @itemprop="author"]')[:3]]
    kept = (shorten(unmarked(name), _LONGEST_NAME) for name in names if "://" not in name)
    return tuple(dict.fromkeys(name for name in kept if name and name != site))[:_MOST_AUTHORS]


def _split_names(author: object) -> list[str]:
    """JSON-LD's author may be a list of names in one."""
    name = author.get("name") if isinstance(author, dict) else author
    names = name if isinstance(name, list) else [name]
    return [part for text in names for part in re.split(r"\s*[;、]\s*", _text(text)) if part]


# --- date -----------------------------------------------------------------------------------------------------------

_META_DATES = (
    *("article:published_time", "datepublished", "og:published_time", "parsely-pub-date", "sailthru.date", "pubdate"),
    *("publishdate", "publish-date", "publish_date", "publication_date", "dc.date.issued", "dcterms.issued", "dc.date"),
    *(
        "dcterms.date",
        "dcterms.created",
        "citation_publication_date",
        "cxenseparse:recs:publishtime",
        "article.published",
    ),
    *("weibo:article:create_at", "apub:time", "date", "og:article:published_time", "rnews:datepublished"),
)
_DATE_CLASS = re.compile(r"date|time|publish|posted|pubt|日期|时间|時間", re.IGNORECASE)
_URL_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-/_]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
_BEHIND_TITLE = 200  # characters of the page's text behind its title in which a date line stands
_TITLE_START = 30  # characters by which a title is found in the text
_TITLE_PLACES = 5
_DATE_ELEMENTS, _DATE_LINE = 10, 200


def _published(
    tree: HtmlElement,
    linked: Mapping[str, Any],
    meta: Mapping[str, str],
    title: str,
    url: str,
    latest: datetime,
    language: str | None,
) -> tuple[datetime | None, PublishedFrom]:
    """When the page says that it was published: the first place that says so, none of them later than `latest`."""
    stated = (_text(linked.get("datePublished")), *(meta.get(name, "") for name in _META_DATES))
    dates = chain((read_date(text, language) for text in stated if text), _shown_dates(tree, title, language))
    if date := next((date for date in dates if date and date <= latest), None):
        return date, "page"
    if (date := _url_date(url)) and date <= latest:
        return date, "url"
    date = _searched_date(tree, url, latest)
    return date, "page" if date else "first seen"


def _shown_dates(tree: HtmlElement, title: str, language: str | None) -> Iterator[datetime | None]:
    """Dates that readers see: marked up as such, behind the headline, behind words that say so, or looking like it."""
    for element in tree.xpath(_MARKED_DATES)[:3]:
        yield read_date(
            _attribute(element, "datetime") or _attribute(element, "content") or _visible(element), language
        )
    text = "\n".join(_shown_texts(tree))
    for part in _behind_headline(text, title):
        yield find_date(part, language)
    for words in islice(_PUBLISHED_WORDS.finditer(text), _DATE_ELEMENTS):
        yield find_date(text[words.end() :][:_BEHIND_WORDS].lstrip(" \n:："), language)
    for element in islice(_date_elements(tree), _DATE_ELEMENTS):
        yield find_date(_visible(element)[:_DATE_LINE], language)


# Times in quoted posts and in boxes beside the article are not its own.
_MARKED_DATES = (
    '//*[@itemprop="datePublished"] | //time[(@pubdate or @datetime) and not(ancestor::blockquote or ancestor::aside)]'
)
_PUBLISHED_WORDS = re.compile(
    r"发表于|发布于|发布时间|发布日期|发表时间|发表日期|刊登日期|發表於|發布時間|發佈時間|發布日期|公開日|掲載日|投稿日|配信日|등록일|입력|"
    r"\b(?:posted|published)(?: on| at)?\b|\bpublié le\b|\bveröffentlicht(?: am)?\b|\bpublicado\b|\bpubblicato\b|"
    r"\bgepubliceerd\b|\bopublikowano\b|\bопубликовано\b|\bопубліковано\b|\byayınlanma\b|\bpublicerad\b|\bpublisert\b|"
    r"تاريخ النشر|نشر في",
    re.IGNORECASE,
)
_BEHIND_WORDS = 40  # characters


def _behind_headline(text: str, title: str) -> Iterator[str]:
    """What stands behind each place of the page's text where its title stands (menus may have it before)."""
    start = _SEPARATORS.split(title)[0][:_TITLE_START]
    places = re.finditer(re.escape(start), text) if len(start) > 3 else ()
    for place in islice(places, _TITLE_PLACES):
        yield text[place.end() :][: len(title) + _BEHIND_TITLE]


def _shown_texts(tree: HtmlElement) -> Iterator[str]:
    body = tree.find("body")
    for element in body.iter("*") if body is not None else ():
        texts = (element.tail,) if element.tag in ("script", "style") else (element.text, element.tail)
        yield from (cleaned for text in texts if text and (cleaned := clean(text)))


def _date_elements(tree: HtmlElement) -> Iterator[HtmlElement]:
    for element in tree.iter("span", "div", "p", "em", "i", "td", "li", "font"):
        marks = f"{_attribute(element, 'class')} {_attribute(element, 'id')}"
        if _DATE_CLASS.search(marks) and len(element) <= 5:
            yield element


def _url_date(url: str) -> datetime | None:
    found = _URL_DATE.search(urlsplit(url).path)
    return read_date(f"{found[1]}-{found[3]}-{found[4]}") if found else None


def _searched_date(tree: HtmlElement, url: str, latest: datetime) -> datetime | None:
    """htmldate's search, not on huge pages; a first of January is what it makes of a bare year."""
    # Imported here for the same reason as trafilatura in stages/extract.py.
    from htmldate import find_date as htmldate_find

    if len(etree.tostring(tree)) > _LONGEST_SEARCH:
        return None
    latest_day = latest.strftime("%Y-%m-%d")
    # Its extensive search makes dates of what happens to look like one, and takes seconds to warm up.
    found = htmldate_find(
        tree, extensive_search=False, url=url, original_date=True, max_date=latest_day, min_date="1990-01-01"
    )
    return read_date(found) if found and not found.endswith("-01-01") else None


_LONGEST_SEARCH = 1_000_000  # bytes of HTML


# --- address --------------------------------------------------------------------------------------------------------


def _canonical(tree: HtmlElement, meta: Mapping[str, str], url: str) -> str:
    """The page's own address as it states it, if it can be believed; else `url`."""
    links = [
        _attribute(link, "href") for link in tree.iter("link") if "canonical" in _attribute(link, "rel").lower().split()
    ]
    return canonical((*links, meta.get("og:url", "")), url)
