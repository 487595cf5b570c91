"""The pages of one article: where its next one is, if the markup says so, and how their texts are joined."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from lxml.html import HtmlElement

from digest.languages import clean
from digest.stages.canonical import identity, same_page
from digest.stages.markup import host, web_link
from digest.stages.walls import page_data

__all__ = ["MOST_PAGES", "join_texts", "lacks_pages", "next_page"]

MOST_PAGES = 10

# What is looked at of a page.
_MOST_LINKS = 3_000
_MOST_ANCESTORS = 20


def next_page(trees: Sequence[HtmlElement], urls: Sequence[str], asked: Sequence[str]) -> str:
    """The page of the article to be read next, or "". Trees are as they came, before anything is taken out.

    `urls` are those of the trees; `asked` those that were asked for, in vain or not, and are not wanted again. A page
    that shows all comes before the second of many; behind it there is none.
    """
    if not trees or any(_shows_all(url, urls[0]) for url in urls[1:]):
        return ""
    known = [*urls, *asked]
    links = _links(trees[-1], urls[-1], urls[0])
    found = _whole(links, urls[0], known) or _following(links, urls[-1], urls[0], known)
    return found if found and _is_article(trees[0], urls[0]) else ""


def lacks_pages(urls: Sequence[str], failed: Sequence[str]) -> bool:
    """Whether pages that could not be had are missing; a page that shows all is made up for by the single ones."""
    return any(not _shows_all(url, urls[0]) or len(urls) == 1 for url in failed)


def join_texts(texts: Sequence[str]) -> str:
    """The paragraphs of all pages, without those that a page repeats from the ones before it."""
    seen: set[str] = set()
    lines: list[str] = []
    for text in texts:
        new = [line for line in text.split("\n") if _bare(line) not in seen]
        seen |= {_bare(line) for line in new}
        lines += new
    return "\n".join(line for line in lines if line)


def _bare(line: str) -> str:
    return re.sub(r"\W", "", line).lower() or line


# --- links ----------------------------------------------------------------------------------------------------------


class _Link:
    """A link of a page, with what its markup says of it."""

    __slots__ = ("element", "text", "url")

    def __init__(self, element: HtmlElement, url: str) -> None:
        self.element = element
        self.url = url
        self.text = clean("".join(islice(element.itertext(), 10)))[:40]

    @property
    def says_next(self) -> bool:
        return "next" in (self.element.get("rel") or "").lower().split()

    def among(self, words: Sequence[str]) -> bool:
        """Whether it stands in an element whose class or id begins a word with one of these."""
        around = islice(self.element.iterancestors(), _MOST_ANCESTORS)
        return any(_has_mark(element, words) for element in (self.element, *around))


def _has_mark(element: HtmlElement, words: Sequence[str]) -> bool:
    marks = re.split(r"[\s_-]+", f"{element.get('class') or ''} {element.get('id') or ''}".lower())
    return any(mark.startswith(word) for mark in marks if mark for word in words)


def _links(tree: HtmlElement, url: str, first: str) -> list[_Link]:
    """The links that can be to pages of the article: on its host, with what its address holds, not to comments."""
    name, quoted = _names(first)
    found = []
    for element in islice(tree.iter("link", "a"), _MOST_LINKS):
        href = (element.get("href") or "").strip().lower()
        # Resolving an address costs more than all else here, and hardly one in a hundred is of interest.
        if not (name in href or quoted in href or href[:1] == "?" or ("/" not in href and href[:1] not in ("", "#"))):
            continue
        address = web_link(element.get("href"), url)
        if address and host(address) == host(url) and not _of_comments(address):
            found.append(_Link(element, address))
    return found


def _names(first: str) -> tuple[str, str]:
    """The longest part of the article's path, which its pages have too, as it is and quoted."""
    parts = unquote(urlsplit(first).path).lower().rstrip("/").split("/")
    parts[-1] = re.sub(r"(?:\.\w+)?$|[-_,]?\b\d{1,2}$", "", parts[-1])
    name = max(parts, key=len) or "/"
    return name, quote(name).lower()


def _of_comments(address: str) -> bool:
    """Whether a link leads to a page of the comments: its fragment or the parameter with a number says so."""
    parts = urlsplit(address.lower())
    names = [name for name, _ in parse_qsl(parts.query)]
    last = parts.path.rstrip("/").rpartition("/")[2]
    words = _data()["comments"]
    return any(word in text for text in (parts.fragment, last, *names) for word in words) or "cpage" in names


def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = page_data()["parts"]
    return data


# --- all on one page ------------------------------------------------------------------------------------------------


def _whole(links: Sequence[_Link], first: str, known: Sequence[str]) -> str:
    found = next((link.url for link in links if _shows_all(link.url, first)), "")
    return "" if _is_known(found, known) else found


def _shows_all(address: str, first: str) -> bool:
    """Whether an address is that of the first page and asks for all of it."""
    there, here = urlsplit(identity(address)), urlsplit(identity(first))
    fields = [f"{name}={value}".lower() for name, value in parse_qsl(there.query)]
    own = [f"{name}={value}".lower() for name, value in parse_qsl(here.query)]
    if unquote(there.path) == unquote(here.path):
        more = [field for field in fields if field not in own]
        return len(more) == 1 and more[0] in _data()["all_values"]
    stem, _, last = there.path.lower().rstrip("/").rpartition("/")
    return last in _data()["all_parts"] and unquote(stem) == unquote(here.path.lower().rstrip("/"))


# --- one after the other --------------------------------------------------------------------------------------------


def _following(links: Sequence[_Link], url: str, first: str, known: Sequence[str]) -> str:
    """The page whose number is one higher: where the markup calls it the next, or where numbered links say it."""
    here = _number(url, first) if not same_page(url, first) else 1
    for link in links:
        number = _number(link.url, first)
        # Some count from nought, so that the second page is 1: only "next" can tell.
        from_nought = number == here == 1 and link.says_next
        expected = from_nought or (number is not None and here is not None and number == here + 1)
        if expected and _is_marked(link, number) and not _is_known(link.url, known):
            return link.url
    return ""


def _is_known(url: str, known: Sequence[str]) -> bool:
    return any(same_page(url, one) for one in known)


def _is_marked(link: _Link, number: int | None) -> bool:
    if link.among(_data()["comments"]):
        return False
    return link.says_next or link.text.strip("[]()|·. ") == str(number) or link.among(_data()["pagers"])


def _number(address: str, first: str) -> int | None:
    """The number of a page of the article that begins at `first`; None if it is another article's."""
    there, here = urlsplit(identity(address)), urlsplit(identity(first))
    if host(address) != host(first):
        return None
    if unquote(there.path) == unquote(here.path):
        return _number_of_query(there.query, here.query)
    if there.query != here.query:
        return None
    return _number_of_path(unquote(there.path), unquote(here.path))


def _number_of_query(there: str, here: str) -> int | None:
    """The one parameter in which two queries differ, if it numbers pages, and the first has it not or as 0 or 1."""
    new, own = dict(parse_qsl(there)), dict(parse_qsl(here))
    changed = [name for name in {*new, *own} if new.get(name) != own.get(name)]
    if len(changed) != 1 or changed[0].lower() not in _data()["names"]:
        return None
    value = new.get(changed[0], "")
    begins = own.get(changed[0], "") in ("", "0", "1")
    return int(value) if begins and re.fullmatch(r"\d{1,2}", value) else None


def _number_of_path(there: str, here: str) -> int | None:
    """ "/a/2", "/a/page/2", "/a-2.html", "/a_2.html", "/a,seite-2" of "/a" and "/a.html"; "/a/1" begins some."""
    stem, dot, ending = here.rpartition(".")
    if not dot or "/" in ending:
        stem, ending = here, ""
    stem = re.sub(r"(?:/|[-_,](?:page|seite|pagina)[-_]?)[01]$", "", stem.rstrip("/"))
    for start, end in ((stem, f".{ending}" if ending else ""), (here.rstrip("/"), "")):
        found = _tail().fullmatch(there[len(start) :]) if there.lower().startswith(start.lower()) else None
        # Under an address with an ending the pages may be further parts of the path: "/a.html/2".
        if found and found["end"].rstrip("/").lower() == end.lower() and (start == stem or found[0][0] == "/"):
            return int(found["number"])
    return None


@cache
def _tail() -> re.Pattern[str]:
    names = "|".join(map(re.escape, sorted(_data()["names"], key=len, reverse=True)))
    between = rf"/|[/,_-](?:{names})[/_-]?|[,_-]"
    return re.compile(rf"(?:{between})0?(?P<number>\d{{1,2}})(?P<end>/?|\.\w{{1,6}})", re.IGNORECASE)


# --- what has pages -------------------------------------------------------------------------------------------------

_MOST_TEASERS = 4
_MOST_ARTICLES = 30  # elements that are looked at


def _is_article(tree: HtmlElement, url: str) -> bool:
    """Not the front page and not a list of articles, whose pages are other articles."""
    if urlsplit(url).path.strip("/") == "" and not urlsplit(url).query:
        return False
    kinds = set()
    for script in tree.iterfind('.//script[@type="application/ld+json"]'):
        kinds |= {kind.lower() for kind in re.findall(r'"@type"\s*:\s*\[?\s*"(\w+)"', script.text or "")}
    if any(kind.endswith(("article", "posting")) for kind in kinds):
        return True
    teasers = sum(_is_teaser(article) for article in islice(tree.iter("article"), _MOST_ARTICLES))
    return not kinds & set(_data()["listings"]) and teasers < _MOST_TEASERS


def _is_teaser(article: HtmlElement) -> bool:
    """An article element whose heading is a link."""
    return any(True for heading in article.iter("h2", "h3", "h4") for _ in heading.iter("a"))
