"""What a site sends in an article's place, by the general signs in pages.toml. News about such things is no wall."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lxml.html import HtmlElement

from digest.languages import clean
from digest.records import Document
from digest.stages.markup import decode, host, parse_html, plain_text

__all__ = [
    "CHALLENGE",
    "CONSENT",
    "FEED_TEXT_USED",
    "LOGIN",
    "NOT_FOUND",
    "NO_SCRIPT",
    "PARTS_MISSING",
    "PAYWALL",
    "TOO_SHORT",
    "find_wall",
    "page_data",
    "refusal",
]

# What an article's problems tell.
FEED_TEXT_USED = "feed text used"
TOO_SHORT = "the page gives less than the feed"
PARTS_MISSING = "further pages of the article are missing"
CONSENT = "the page asks for consent"
PAYWALL = "the page is behind a paywall"
LOGIN = "the page asks for a login"
CHALLENGE = "the page is a robot check"
NO_SCRIPT = "the page needs JavaScript"
NOT_FOUND = "the page was not found"

# Sizes of text are in characters of an alphabet; of Chinese, Japanese and Korean ones it takes about half as many.
# Chosen on 236 saved articles, of which none may be taken for a wall: the shortest that is said not to be free has
# 1,596.
LONGEST_WALL = 3_000
# So many phrases must be found in a text of up to so many characters.
PHRASES = ((200, 1), (400, 2), (800, 3), (1_500, 4), (LONGEST_WALL, 6))
LONGEST_TEASER = 1_000
# A page that holds a script of a robot check, and less than this, is one.
LONGEST_MARKED = 300
LONGEST_MESSAGE = 800  # under a headline that says that there is no such page

_READ_WITHIN = 400_000  # bytes of a page's markup in which signs are looked for
_SHOWN = 4_000  # characters of a page that says so little that no article was found in it


@cache
def page_data() -> Mapping[str, Any]:
    return tomllib.loads(files("digest.stages").joinpath("pages.toml").read_text(encoding="utf-8"))


def refusal(reason: str) -> str:
    """What a failed fetch means to a reader: `reason` is the fetch's, such as "http 403 forbidden"."""
    if not reason:
        return ""
    if reason == "blocked by a challenge page":
        return CHALLENGE
    status = reason.removeprefix("http ")[:3]
    told: str | None = page_data()["statuses"].get(status)
    return told or f"the page could not be read: {reason}"


def find_wall(document: Document, text: str) -> str:
    """What stands in the article's place, or "". `text` is what was taken for the article."""
    if moved := _by_redirect(document.url, document.final_url):
        return moved
    size = _size(text)
    if size > LONGEST_WALL:
        return ""
    if size <= LONGEST_MARKED and _is_marked(document.body[:_READ_WITHIN]):
        return CHALLENGE
    return _by_phrases(text, size) or _by_page(document, text, size)


def _size(text: str) -> int:
    return len(text) + len(_WIDE.findall(text))


_WIDE = re.compile("[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]")

# --- by where it led ------------------------------------------------------------------------------------------------

_HOME = re.compile(r"/?(?:[a-z]{2}(?:[-_][a-z]{2})?)?/?(?:index\.\w+)?", re.IGNORECASE)


def _by_redirect(asked: str, got: str) -> str:
    """A redirect from an article to another sort of page: a consent host, a login, the front page."""
    if not asked or asked == got:
        return ""
    before, after = urlsplit(asked), urlsplit(got)
    label, last = host(got).partition(".")[0], _last_part(after.path)
    for kind, signs in page_data()["redirects"].items():
        if label in signs["hosts"] and label != host(asked).partition(".")[0]:
            return str(kind)
        if last in signs["paths"] and last not in before.path.lower():
            return str(kind)
    at_home = not _HOME.fullmatch(before.path) and _HOME.fullmatch(after.path) and not parse_qsl(after.query)
    return NOT_FOUND if at_home and host(asked) == host(got) else ""


def _last_part(path: str) -> str:
    return path.lower().rstrip("/").rpartition("/")[2].partition(".")[0]


# --- by what it says ------------------------------------------------------------------------------------------------


def _by_phrases(text: str, size: int) -> str:
    """The kind of which the text says most, if it says enough for its length."""
    lower = text.lower().replace("\u2019", "'")
    found = {kind: [phrase for phrase in phrases if phrase in lower] for kind, phrases in _phrases().items()}
    said = {phrase for phrases in found.values() for phrase in phrases}
    needed = next((number for limit, number in PHRASES if size <= limit), None)
    if needed is None or len(said) < needed or (needed > 1 and said <= _quoted()):
        return ""
    return max(found, key=lambda kind: len(found[kind]))


@cache
def _phrases() -> Mapping[str, frozenset[str]]:
    """The phrases of all languages by kind: pages in one language have walls in another."""
    listed = page_data()["phrases"].items()
    return {
        kind: frozenset(phrase.replace("\u2019", "'") for of_language in languages.values() for phrase in of_language)
        for kind, languages in listed
    }


@cache
def _quoted() -> frozenset[str]:
    return frozenset(page_data()["quoted"]["phrases"])


# --- by what the page holds -----------------------------------------------------------------------------------------

_NOT_FREE = re.compile(
    r"""isAccessibleForFree["']?\s*[:=]\s*["']?(?:https?://schema\.org/)?(?:false|no|0)\b"""
    r"""|itemprop=["']isAccessibleForFree["'][^>]{0,80}content=["'](?:false|no)\b"""
    r"""|content_tier["'][^>]{0,80}content=["']locked""",
    re.IGNORECASE,
)
_NOT_FOUND_NUMBER = re.compile(r"\W*404(?:\s*(?:[-|–—:!.]|$))")


def _by_page(document: Document, text: str, size: int) -> str:
    """Signs outside the text, for pages with little of it."""
    if size > LONGEST_TEASER:
        return ""
    markup = decode(document.body[:_READ_WITHIN], document.headers.get("content-type", ""))
    if _NOT_FREE.search(markup):
        return PAYWALL
    tree = parse_html(markup) if size <= LONGEST_MESSAGE else None
    if tree is None:
        return ""
    if kind := _by_headline(tree, size):
        return kind
    return "" if text else _by_emptiness(tree, markup)


def _is_marked(body: bytes) -> bool:
    lower = body.lower()
    return any(marker.encode() in lower for marker in page_data()["markers"][CHALLENGE])


def _by_headline(tree: HtmlElement, size: int) -> str:
    """Titles such as "Just a moment..." and "Page not found": most of a title must be that."""
    for element in (*islice(tree.iter("title"), 1), *islice(tree.iter("h1"), _MOST_HEADLINES)):
        title = clean("".join(element.itertext())).lower()
        if _NOT_FOUND_NUMBER.match(title):
            return NOT_FOUND
        for kind in (NOT_FOUND, CHALLENGE) if size <= LONGEST_MARKED else (NOT_FOUND,):
            if any(phrase in title and 2 * len(phrase) >= len(title) - _SITE_NAME for phrase in _phrases()[kind]):
                return kind
    return ""


_MOST_HEADLINES = 3
_SITE_NAME = 25  # characters that a site's name may add to a title


def _by_emptiness(tree: HtmlElement, markup: str) -> str:
    """Why a page without an article has none: what it says in all, else that only its scripts could tell."""
    shown = plain_text(markup)[:_SHOWN]
    unscripted = clean(" ".join("".join(element.itertext()) for element in tree.iter("noscript")))
    size = _size(shown)
    # A message needs only one of the phrases; where more is shown, as many as an article would.
    if kind := _by_phrases(shown, size if size > LONGEST_MESSAGE else 0):
        return kind
    scripted = next(tree.iter("script"), None) is not None and size <= LONGEST_MARKED
    return NO_SCRIPT if scripted or _by_phrases(unscripted, 0) == NO_SCRIPT else ""
