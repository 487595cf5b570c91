"""An article's own address: which of those that a page states can be trusted, and what in it only tracks readers."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from digest.stages.markup import host, web_link
from digest.stages.walls import page_data

__all__ = ["canonical", "identity", "registered", "same_page"]

_LONG_NUMBER = re.compile(r"\d{5,}")
# Labels under which a country registers names, as in co.uk and com.cn.
_SECOND_LEVEL = frozenset(("ac", "co", "com", "edu", "go", "gob", "gov", "gouv", "gv", "ne", "net", "or", "org"))


def canonical(stated: Iterable[str], url: str) -> str:
    """The first of the stated addresses that can be the page's own, else `url`; both without what tracks readers.

    It must lie on the same site (or on that of which an AMP cache holds a copy) and may not be the front page, a
    section or another article.
    """
    here = _origin(url)
    for link in stated:
        address = web_link(link, url)
        if address and registered(address) == registered(here) and not _is_another(address, here):
            return identity(address)
    return identity(here)


def identity(url: str) -> str:
    """The address without fragment and without parameters that say where a reader came from."""
    parts = urlsplit(url)
    fields = parts.query.split("&") if parts.query else []
    kept = "&".join(field for field in fields if field and not _tracks(*field.partition("=")[::2]))
    return parts._replace(query=kept, fragment=parts.fragment if parts.fragment.startswith("!") else "").geturl()


def same_page(one: str, other: str) -> bool:
    """Whether two addresses differ in nothing but their scheme, "www.", a slash at the end, and tracking."""
    return _bare(one) == _bare(other)


def _bare(url: str) -> tuple[str, str, str]:
    parts = urlsplit(identity(url))
    return host(url), unquote(parts.path).rstrip("/"), parts.query


def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = page_data()["addresses"]
    return data


# --- tracking -------------------------------------------------------------------------------------------------------


def _tracks(name: str, value: str) -> bool:
    name, value = name.lower(), value.lower()
    data = _data()
    return bool(_tracking().fullmatch(name)) or (
        name in data["tracking_names"] and (value in data["tracking_values"] or value.startswith("rss"))
    )


def _may_track(name: str) -> bool:
    return bool(_tracking().fullmatch(name.lower())) or name.lower() in (*_data()["tracking_names"], "amp")


@cache
def _tracking() -> re.Pattern[str]:
    return re.compile("|".join(re.escape(name).replace(r"\*", ".*") for name in _data()["tracking"]))


# --- trust ----------------------------------------------------------------------------------------------------------

# Google's cache of AMP pages and its viewer, and Bing's: the address of the origin stands in theirs.
_AMP_CACHE = re.compile(r"/(?:[acv]|amp)/(?:(s)/)?([^/?#]+\.[^/?#]+(?:/.*)?)")


def _origin(url: str) -> str:
    """The address that an AMP cache's copy was made from; any other stays."""
    parts = urlsplit(url)
    name = host(url)
    cached = name.endswith(".cdn.ampproject.org") or name == "cdn.ampproject.org" or "bing-amp.com" in name
    viewed = name.startswith("google.") and parts.path.startswith("/amp/")
    found = _AMP_CACHE.fullmatch(parts.path) if cached or viewed else None
    if found is None:
        return url
    query = f"?{parts.query}" if parts.query else ""
    return web_link(f"{'https' if found[1] or viewed else 'http'}://{found[2]}{query}") or url


def registered(url: str) -> tuple[str, ...]:
    """The part of a host that was registered, near enough: two labels, or three under co.uk, blogspot.com and such."""
    labels = host(url).split(".")
    if labels[-1].isdigit():
        return tuple(labels)
    three = len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2
    shared = any(host(url).endswith("." + name) for name in _data()["shared_hosts"])
    return tuple(labels[-3 if three or shared else -2 :])


def _is_another(address: str, here: str) -> bool:
    """Whether the stated address is the front page, a section above the page, or names another article."""
    stated, actual = urlsplit(address), urlsplit(here)
    above, path = stated.path.rstrip("/"), actual.path.rstrip("/")
    if not above:
        return not stated.query and (path != "" or bool(identity(here).partition("?")[2]))
    if path.startswith(f"{above}/") and not _is_form(path[len(above) :]) and not stated.query:
        return True
    if path == above and not stated.query:
        return _names_article(here)
    return _numbers_differ(f"{stated.path}?{stated.query}", f"{actual.path}?{actual.query}")


def _is_form(rest: str) -> bool:
    """Whether what a path has more than another only chooses a form of the page: "/amp", "/2", "/komplettansicht"."""
    forms = {*_data()["amp_parts"], *page_data()["parts"]["all_parts"]}
    last = rest.lower().strip("/").split("/")
    return all(
        part in forms or bool(re.fullmatch(r"(?:[^\W\d]+-?)?\d{1,2}|page|seite|pagina|print", part)) for part in last
    )


def _names_article(here: str) -> bool:
    """Whether the query holds what tells one article from another: a number, not that of a page."""
    numbering = page_data()["parts"]["names"]
    fields = [(name, value) for name, value in parse_qsl(urlsplit(here).query) if not _may_track(name)]
    return any(
        any(map(str.isdigit, value)) and not (name.lower() in numbering and len(value) < 3) for name, value in fields
    )


def _numbers_differ(stated: str, actual: str) -> bool:
    """Two addresses with long numbers and none in common name two articles; dates are no such numbers."""
    one, other = (
        {
            number
            for number in _LONG_NUMBER.findall(text)
            if not re.match(r"(?:19|20)\d{6}$|(?:19|20)\d\d[01]\d$", number)
        }
        for text in (stated, actual)
    )
    words = frozenset(_WORD.findall(stated.lower())) & frozenset(_WORD.findall(actual.lower()))
    return bool(one) and bool(other) and not one & other and len(words) < _SHARED_WORDS


# Addresses that share so many words are of one article, which got another number: on moving to another system.
_SHARED_WORDS = 4
_WORD = re.compile(r"[^\W\d_]{2,}")
