"""What a feed and its headers ask of those who poll it, and the hub that they name. Only hints: `poll` decides."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any

from digest.records import Hints
from digest.stages.markup import web_link

__all__ = ["fresh_for", "in_json", "in_xml", "link_header"]

# What a feed says of itself stands before its entries; a stylesheet or a long description may come first.
_HEAD_CHARS = 100_000
_FIRST_ENTRY = re.compile(r"<(?:[\w-]+:)?(?:item|entry)[\s>]", re.IGNORECASE)
_LINK = re.compile(r"<(?:[\w-]+:)?link\b([^<>]{1,3000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\b(\w++)\s*+=\s*(?:"([^"]*)"|'([^']*)')""")
_SKIPPED = re.compile(r"<skipHours\s*+>(.{0,2000})", re.IGNORECASE | re.DOTALL)
_HOUR = re.compile(r"<hour\s*>\s*(\d{1,2})\s*</hour\s*>", re.IGNORECASE)
_HEADER_LINK = re.compile(r"<([^<>\s]{1,3000})>([^<,]{0,500})")
_REL = re.compile(r"""\brel\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;,"']+))""", re.IGNORECASE)
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_LONGEST = timedelta(days=366)

_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_MOST_LINKS = 50


def in_xml(text: str, base: str) -> Hints:
    """The hints of an RSS or Atom feed: ttl, sy:updatePeriod, skipHours, and its links to a hub and to itself."""
    head = text[:_HEAD_CHARS]
    if first := _FIRST_ENTRY.search(head):
        head = head[: first.start()]
    found: list[tuple[str, str]] = []
    for link in list(_LINK.finditer(head))[:_MOST_LINKS]:
        attributes = {name.lower(): unescape(one or other) for name, one, other in _ATTRIBUTE.findall(link[1])}
        found += [(rel, attributes.get("href", "")) for rel in attributes.get("rel", "").lower().split()]
    waits = [wait for wait in (_ttl(head), _update_period(head)) if wait]
    return Hints(max(waits, default=None), _skipped_hours(head), *_hub(found, base))


def in_json(feed: Mapping[str, Any], base: str) -> Hints:
    """The hub and the own address of a JSON Feed."""
    hubs = feed.get("hubs")
    listed = [hub.get("url") for hub in hubs[:_MOST_LINKS] if isinstance(hub, dict)] if isinstance(hubs, list) else []
    found = [("hub", url) for url in listed] + [("self", feed.get("feed_url"))]
    return Hints(None, (), *_hub([(rel, url) for rel, url in found if isinstance(url, str)], base))


def link_header(headers: Mapping[str, str], base: str) -> tuple[str, str]:
    """The hub and the topic that the Link headers name."""
    found = []
    for href, parameters in _HEADER_LINK.findall(headers.get("link", "")[:10_000]):
        if rel := _REL.search(parameters):
            found += [(one, href) for one in (rel[1] or rel[2] or rel[3] or "").lower().split()]
    return _hub(found, base)


def fresh_for(headers: Mapping[str, str]) -> timedelta | None:
    """For how long the answer says that it stays as it is: max-age, else Expires, less what has passed already."""
    control = headers.get("cache-control", "").lower()
    if "no-cache" in control or "no-store" in control:
        return None
    if stated := _MAX_AGE.search(control):
        age = headers.get("age", "").strip()
        passed = int(age) if re.fullmatch(r"[0-9]{1,9}", age) else 0
        return _positive(timedelta(seconds=int(stated[1]) - passed))
    try:
        expires, date = (parsedate_to_datetime(headers.get(name, "")) for name in ("expires", "date"))
        return _positive(expires - date)
    except (ValueError, TypeError, OverflowError):
        return None


def _ttl(head: str) -> timedelta | None:
    value = _element(head, "ttl")
    return _positive(timedelta(minutes=int(value))) if re.fullmatch(r"[0-9]{1,6}", value) else None


def _update_period(head: str) -> timedelta | None:
    period = _PERIODS.get(_element(head, "sy:updatePeriod").lower())
    frequency = _element(head, "sy:updateFrequency")
    times = int(frequency) if re.fullmatch(r"[0-9]{1,4}", frequency) else 1
    return period / max(times, 1) if period else None


def _skipped_hours(head: str) -> tuple[int, ...]:
    skipped = _SKIPPED.search(head)
    listed = re.split("</skipHours", skipped[1], maxsplit=1, flags=re.IGNORECASE)[0] if skipped else ""
    hours = {int(hour) % 24 for hour in _HOUR.findall(listed) if int(hour) <= 24}
    return tuple(sorted(hours)) if len(hours) < 24 else ()


def _element(head: str, name: str) -> str:
    found = re.search(rf"<{name}(?:\s[^<>]{{0,200}})?>\s*([^<]{{1,40}})<", head, re.IGNORECASE)
    return found[1].strip() if found else ""


def _positive(wait: timedelta) -> timedelta | None:
    return min(wait, _LONGEST) if wait > timedelta() else None


def _hub(links: Iterable[tuple[str, str]], base: str) -> tuple[str, str]:
    """The first hub with the feed's own address, which is `base` where it does not name itself."""
    listed = list(links)
    hub = next((link for rel, href in listed if rel == "hub" and (link := web_link(href, base))), "")
    itself = next((link for rel, href in listed if rel == "self" and (link := web_link(href, base))), base)
    return (hub, itself) if hub else ("", "")
