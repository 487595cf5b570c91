"""What feeds and headers ask of those who poll them, in the forms that are seen; anything else is no hint."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from digest.records import Document, Hints, ParsedFeed
from digest.stages.hints import fresh_for, in_json, in_xml, link_header
from digest.stages.parse import parse
from tests.ledger import NOW

BASE = "https://jinghai.example/feed.xml"
HOUR = timedelta(hours=1)


def rss(channel: str, items: str = "<item><title>网信办约谈腾讯</title></item>") -> str:
    spaces = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:atom="http://www.w3.org/2005/Atom"'
    return f"<rss version='2.0' {spaces}><channel><title>京海日报</title>{channel}{items}</channel></rss>"


@pytest.mark.parametrize(
    ("channel", "wait"),
    [
        ("<ttl>60</ttl>", HOUR),
        ("<ttl> 5 </ttl>", timedelta(minutes=5)),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>soon</ttl>", None),
        ("<ttl>99999999999999</ttl>", None),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>", HOUR),
        ("<sy:updatePeriod>\n\thourly\t</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", HOUR / 4),
        ("<sy:updatePeriod>daily</sy:updatePeriod>", timedelta(days=1)),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", timedelta(days=1)),
        ("<sy:updatePeriod>jederzeit</sy:updatePeriod>", None),
        ("<ttl>5</ttl><sy:updatePeriod>hourly</sy:updatePeriod>", HOUR),
        ("", None),
    ],
)
def test_wait(channel: str, wait: timedelta | None) -> None:
    assert in_xml(rss(channel), BASE).wait == wait


def test_what_stands_in_an_entry_is_not_the_feeds() -> None:
    items = '<item><title>x</title><ttl>60</ttl><atom:link rel="hub" href="https://evil.example/"/></item>'
    assert in_xml(rss("", items), BASE) == Hints()


@pytest.mark.parametrize(
    ("hours", "skipped"),
    [
        ("<hour>0</hour><hour>1</hour><hour> 23 </hour>", (0, 1, 23)),
        ("<hour>24</hour>", (0,)),
        ("<hour>25</hour><hour>x</hour>", ()),
        ("".join(f"<hour>{hour}</hour>" for hour in range(24)), ()),
    ],
)
def test_skipped_hours(hours: str, skipped: tuple[int, ...]) -> None:
    assert in_xml(rss(f"<skipHours>{hours}</skipHours>"), BASE).skip_hours == skipped


@pytest.mark.parametrize(
    ("links", "hub", "topic"),
    [
        (
            '<atom:link rel="hub" href="https://hub.example/?a=1&amp;b=2"/><atom:link href="/own" rel="self"/>',
            "https://hub.example/?a=1&b=2",
            "https://jinghai.example/own",
        ),
        ("<link rel='hub' href='https://hub.example/'/>", "https://hub.example/", BASE),
        ('<atom:link rel="hub" href="ftp://hub.example/"/>', "", ""),
        ('<atom:link rel="hub" href=""/>', "", ""),
        ('<atom:link rel="self" href="https://jinghai.example/own"/>', "", ""),
        ('<atom:link rel="hubs" href="https://hub.example/"/>', "", ""),
    ],
)
def test_hub_in_the_feed(links: str, hub: str, topic: str) -> None:
    found = in_xml(rss(links), BASE)
    assert (found.hub, found.topic) == (hub, topic)


@pytest.mark.parametrize(
    ("link", "hub", "topic"),
    [
        ('<https://hub.example/>; rel="hub", <https://a.example/f>; rel="self"', "https://hub.example/", "https://a.example/f"),
        ("<https://hub.example/>; rel=hub", "https://hub.example/", BASE),
        ('<https://a.example/1,2>; rel="self", </hub>; title="x"; rel="hub next"', "https://jinghai.example/hub", "https://a.example/1,2"),
        ('<https://a.example/>; rel="alternate"', "", ""),
        ("<" * 5_000, "", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_hub_in_the_headers(link: str, hub: str, topic: str) -> None:
    assert link_header({"link": link}, BASE) == (hub, topic)


@pytest.mark.parametrize(
    ("feed", "hub", "topic"),
    [
        (
            {"feed_url": "https://a.example/f", "hubs": [{"type": "WebSub", "url": "https://hub.example/"}]},
            "https://hub.example/",
            "https://a.example/f",
        ),
        ({"hubs": "https://hub.example/"}, "", ""),
        ({"hubs": [7, {"url": 7}]}, "", ""),
        ({"hubs": None}, "", ""),
    ],
)
def test_hub_in_json(feed: Mapping[str, Any], hub: str, topic: str) -> None:
    found = in_json(feed, BASE)
    assert (found.hub, found.topic) == (hub, topic)


@pytest.mark.parametrize(
    ("headers", "fresh"),
    [
        ({"cache-control": "max-age=3600"}, HOUR),
        ({"cache-control": 'public, MAX-AGE="3600", must-revalidate', "age": "600"}, timedelta(minutes=50)),
        ({"cache-control": "max-age=60", "age": "600"}, None),
        ({"cache-control": "s-maxage=60"}, None),
        ({"cache-control": "no-cache, max-age=3600"}, None),
        ({"cache-control": "max-age=999999999999"}, timedelta(days=366)),
        ({"expires": "Wed, 18 Mar 2026 08:00:00 GMT", "date": "Wed, 18 Mar 2026 07:00:00 GMT"}, HOUR),
        ({"expires": "Wed, 18 Mar 2020 08:00:00 GMT", "date": "Wed, 18 Mar 2026 07:00:00 GMT"}, None),
        ({"expires": "0", "date": "Wed, 18 Mar 2026 07:00:00 GMT"}, None),
        ({"expires": "Wed, 18 Mar 2026 08:00:00 GMT"}, None),
        ({"expires": "Wed, 18 Mar 2026 08:00:00", "date": "Wed, 18 Mar 2026 07:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_freshness(headers: dict[str, str], fresh: timedelta | None) -> None:
    assert fresh_for(headers) == fresh


@pytest.mark.parametrize(
    "hostile",
    [
        "<link " * 20_000,
        "<link " + "a" * 90_000,
        ("<link " + "a" * 2_900 + ">") * 30,
        "<skipHours>" * 9_000,
        "<ttl" + " " * 90_000,
        "<sy:updatePeriod " * 6_000,
    ],
)
def test_hostile_heads_cost_little(hostile: str) -> None:
    start = time.perf_counter()
    assert in_xml(hostile, BASE).hub == ""
    assert time.perf_counter() - start < 0.5


def test_feeds_come_with_their_hints() -> None:
    hub = '<atom:link rel="hub" href="https://hub.example/"/>'
    xml = rss(f"<ttl>30</ttl>{hub}").encode()
    json = '{"version":"https://jsonfeed.org/version/1.1","title":"ニュース","items":[],"hubs":[{"url":"https://hub.example/"}]}'
    for body, wait in ((xml, timedelta(minutes=30)), (json.encode(), None)):
        (read,) = parse([Document(BASE, BASE, 200, {}, body, NOW)])
        assert isinstance(read, ParsedFeed)
        assert read.hints == Hints(wait, (), "https://hub.example/", BASE)
