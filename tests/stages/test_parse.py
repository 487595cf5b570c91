"""Feeds: each case is a feed with what must be read of it beside it."""

import json
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.records import Document, Entry, Failure, ParsedFeed
from digest.stages.parse import parse

CASES = Path(__file__).parent.parent / "cases" / "parse"
FEED = "https://feeds.example/port.xml"


def document(body: bytes, **headers: str) -> Document:
    return Document(FEED, FEED, 200, headers, body, datetime(2026, 1, 1, tzinfo=UTC))


def read(body: bytes | str, **headers: str) -> ParsedFeed:
    found = parse([document(body.encode() if isinstance(body, str) else body, **headers)])[0]
    assert isinstance(found, ParsedFeed)
    return found


def rss(items: str, head: str = "<title>Port</title><link>https://port.example/</link>") -> str:
    return f'<rss version="2.0"><channel>{head}{items}</channel></rss>'


def plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value


def as_stated(entry: Entry, stated: dict[str, Any]) -> dict[str, Any]:
    return {key: plain(getattr(entry, key)) for key in stated}


@pytest.mark.parametrize("path", sorted(CASES.glob("*.expect.json")), ids=lambda path: path.name.split(".")[0])
def test_case(path: Path) -> None:
    expected = json.loads(path.read_text(encoding="utf-8"))
    name = path.name.removesuffix(".expect.json")
    body = next(file for file in CASES.glob(f"{name}.*") if file != path).read_bytes()
    found = read(body)
    entries = expected.pop("entries")
    assert {key: plain(getattr(found, key)) for key in expected} == expected
    assert [as_stated(entry, stated) for entry, stated in zip(found.entries, entries, strict=True)] == entries


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not a feed"),
        (b"\x89PNG\r\n", "not a feed"),
        (b"<!DOCTYPE html><html><head><title>Not here</title></head><body>x</body></html>", "not a feed"),
        (b"<" * 100_000, "not a feed"),
        (b'{"name": "package"}', "not a feed"),
        (b'{"title": "Port", "items": [{"id": "a"}]}', "not a feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": {}}', "not a feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": ' + b"[" * 100_000, "broken feed"),
        (str(CASES / "rss-german.xml").encode(), "not a feed"),
        ((CASES / "rss-german.xml").as_uri().encode(), "not a feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": ', "broken feed"),
        (b'<rss version="2.0"><channel>' + b"<a>" * 50, "broken feed"),
    ],
)
def test_what_is_no_feed(body: bytes, reason: str) -> None:
    assert parse([document(body)]) == [Failure(FEED, "parse", reason)]


def test_one_outcome_per_document_in_order() -> None:
    kinds = [type(found) for found in parse([document(b"x"), document(rss("").encode()), document(b"y")])]
    assert kinds == [Failure, ParsedFeed, Failure]


@pytest.mark.parametrize(
    ("encoding", "declared", "title"),
    [
        ("gb18030", "gb2312", "网信办约谈腾讯"),
        ("big5", "big5", "網信辦約談騰訊"),
        ("cp932", "shift_jis", "公取委、三社を調査"),
        ("cp949", "euc-kr", "공정위, 세 회사 조사"),
        ("cp1256", "windows-1256", "الهيئة تستدعي الشركة"),
        ("cp1251", "windows-1251", "ФАС проверит компанию"),
        ("utf-16", "utf-16", "Kartellamt prüft Übernahme"),
        ("utf-16-le", "utf-8", "Kartellamt prüft Übernahme"),
        ("utf-32-be", "utf-8", "公取委、三社を調査"),
        ("utf-8", "iso-8859-1", "Kartellamt prüft Übernahme"),
        ("utf-8", "gb18030", "공정위, 세 회사 조사"),
    ],
)
def test_encodings(encoding: str, declared: str, title: str) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?>' + rss(f"<item><title>{title}</title></item>")
    assert read(text.encode(encoding)).entries[0].title == title


def test_stray_byte_costs_a_character() -> None:
    body = rss(f"<item><title>{'网信办约谈腾讯' * 20}</title></item>").encode("utf-8")
    broken = body.replace("约".encode(), b"\xff", 1)
    assert read(broken).entries[0].title == ("网信办约谈腾讯" * 20).replace("约", "\ufffd", 1)


@pytest.mark.parametrize("codec", ["unicode_escape", "idna", "utf-7", "zlib_codec", "nonsense"])
def test_dangerous_codecs_are_not_used(codec: str) -> None:
    text = f'<?xml version="1.0" encoding="{codec}"?>' + rss("<item><title>a\\x41+AEE-</title></item>")
    assert read(text).entries[0].title == "a\\x41+AEE-"


def test_entities_from_outside_are_not_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sentinel")
    head = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    assert "sentinel" not in repr(parse([document((head + rss("<item><title>&x;</title></item>")).encode())]))


def test_text_is_cleaned() -> None:
    found = read(rss("<item><title>a\u202eb\u2028c&#0;&#xD800;\u200bd</title></item>")).entries[0]
    assert found.title == "ab c\ufffd\ufffdd"


def test_one_guid_for_all_is_told_apart_by_link() -> None:
    item = "<item><guid isPermaLink='false'>x</guid><title>{0}</title><link>https://port.example/{0}</link></item>"
    entries = read(rss("".join(item.format(name) for name in "abba"))).entries
    assert [entry.title for entry in entries] == ["a", "b"]
    assert len({entry.id for entry in entries}) == 2
    assert read(rss(item.format("a"))).entries[0].id == "x"


def test_derived_id_is_stable_and_short() -> None:
    item = f"<item><guid isPermaLink='false'>{'x' * 5_000}</guid><title>a</title></item>"
    first, second = read(rss(item)).entries[0].id, read(rss(item)).entries[0].id
    assert first == second
    assert len(first) < 100


def test_newest_thousand_are_kept_in_order() -> None:
    item = "<item><title>{0}</title><pubDate>2021-03-18 10:{1:02}:{2:02}Z</pubDate></item>"
    items = "".join(item.format(n, n // 60, n % 60) for n in range(1_200))
    found = read(rss(items))
    assert found.problems == ("too many entries",)
    assert [entry.title for entry in found.entries] == [str(n) for n in range(200, 1_200)]


def test_long_fields_are_cut() -> None:
    entry = read(
        rss(f"<item><title>{'wort ' * 1_000}</title><description>{'satz ' * 5_000}</description></item>")
    ).entries[0]
    assert len(entry.title) <= 1_000
    assert len(entry.summary) <= 10_000


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_damage_is_a_value(noise: bytes, place: int) -> None:
    body = (CASES / "rss-german.xml").read_bytes()
    parse([document(body[:place] + noise + body[place + len(noise) // 2 :])])


@pytest.mark.parametrize("reference", ["&#x110000;", "&#99999999999;", "&#xD800;", "&#0;", "&bogus;"])
def test_impossible_characters_break_nothing(reference: str) -> None:
    assert read(rss(f"<item><title>a{reference}b</title><link>https://port.example/1&x=2</link></item>")).entries


NAMESPACES = """xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:dcterms="http://purl.org/dc/terms/" xmlns:googleplay="http://www.google.com/schemas/play-podcasts/1.0"
 xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" """


def item(inner: str) -> Entry:
    return read(rss(f"<item>{inner}</item>").replace("<rss ", f"<rss {NAMESPACES}", 1)).entries[0]


def atom(inner: str, base: str = "") -> Entry:
    head = f'<feed xmlns="http://www.w3.org/2005/Atom" {base}><title>Port</title><link href="https://port.example/"/>'
    return read(f"{head}<entry>{inner}</entry></feed>").entries[0]


def json_feed(*items: dict[str, Any], **feed: Any) -> ParsedFeed:
    return read(json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items, **feed}))


@pytest.mark.parametrize(
    ("inner", "title"),
    [
        ("<title>Quay <b>wall</b> falls</title>", "Quay wall falls"),
        ("<title>Quay &lt;b&gt;wall&lt;/b&gt; falls</title>", "Quay wall falls"),
        ("<title><![CDATA[Quay <i>wall</i>&nbsp;&#8217;falls&#8217;]]></title>", "Quay wall ’falls’"),
        ("<title>Reed &amp;amp; Sons</title>", "Reed & Sons"),
        ("<title>Reed &amp;amp;amp; Sons</title>", "Reed &amp; Sons"),
        ("<title>Reed & Sons, R&D &bogus; &copy;</title>", "Reed & Sons, R&D &bogus; ©"),
        ("<title>caf&eacute; &mdash; bar</title>", "café — bar"),
        ("<title>5 &lt; 6, &lt;3 and the &lt;video&gt; element</title>", "5 < 6, <3 and the <video> element"),
        ("<title>\n  港湾\n委員会 </title>", "港湾 委員会"),
        ("<media:content><media:title>Photo</media:title></media:content><title>Quay</title>", "Quay"),
        ("<title>Quay</title><media:group><media:title>Photo</media:title></media:group>", "Quay"),
        ("<title>Quay</title><image><title>Logo</title></image><source><title>S</title></source>", "Quay"),
        ("<title>Quay</title><dc:title>Other</dc:title><itunes:title>Third</itunes:title>", "Quay"),
        ("<media:title>Photo</media:title>", "Photo"),
        ("<itunes:title>Episode</itunes:title><description>About</description>", "Episode"),
        ("<dc:title>رصيف</dc:title>", "رصيف"),
        (
            "<description>&lt;p&gt;부두 &lt;b&gt;위원회&lt;/b&gt;&lt;/p&gt;&lt;p&gt;둘째&lt;/p&gt;</description>",
            "부두 위원회",
        ),
        ("<title>&lt;img src='x'&gt;</title><description>About</description>", "About"),
        ("<title/><link>https://port.example/1</link>", "https://port.example/1"),
    ],
)
def test_title_of_an_item(inner: str, title: str) -> None:
    assert item(inner).title == title


@pytest.mark.parametrize(
    ("inner", "link"),
    [
        ("<link>\n https://port.example/1?a=1&amp;b=2&amp;copy=3\n</link>", "https://port.example/1?a=1&b=2&copy=3"),
        ("<link>https://port.example/1?a=1&b=2&copy=3</link>", "https://port.example/1?a=1&b=2&copy=3"),
        ("<link><![CDATA[https://port.example/1?a=1&b=2]]></link>", "https://port.example/1?a=1&b=2"),
        ("<link>//port.example/1</link>", "https://port.example/1"),
        ("<link>a/1</link>", "https://port.example/a/1"),
        ("<link/><guid>https://port.example/g</guid>", "https://port.example/g"),
        ("<link>https://port.example/1</link><guid isPermaLink='true'>https://port.example/g</guid>", "https://port.example/1"),
        ("<guid>/g</guid>", "https://port.example/g"),
        ("<guid isPermaLink='false'>7</guid>", ""),
        ("<guid>mailto:a@port.example</guid>", ""),
        ("<link>javascript:alert(1)</link>", ""),
        ("<atom:link href='https://port.example/a'/>", "https://port.example/a"),
        ("<atom:link rel='self' href='/s'/><atom:link rel='replies' href='/r'/><link>/1</link>", "https://port.example/1"),
        ("<image><link>https://port.example/logo</link></image><link>/1</link>", "https://port.example/1"),
        ("<link>/~r/1</link><feedburner:origLink>https://port.example/1</feedburner:origLink>", "https://port.example/1"),
        ("<link>https://www.google.com/url?sa=t&amp;url=https://port.example/1&amp;ct=ga</link>", "https://port.example/1"),
        ("<link>https://www.google.com/url?url=javascript:x</link>", "https://www.google.com/url?url=javascript:x"),
        ("<enclosure url=' '/><enclosure url='https://port.example/1.mp3' type='audio/mpeg'/>", "https://port.example/1.mp3"),
        ("<enclosure url='https://port.example/1.mp3'/><link>/1</link>", "https://port.example/1"),
        ("<comments>https://port.example/c</comments>", ""),
    ],
)  # fmt: skip
def test_link_of_an_item(inner: str, link: str) -> None:
    assert item(f"<title>Quay</title>{inner}").link == link


@pytest.mark.parametrize(
    ("inner", "published", "updated"),
    [
        ("<pubDate>Thu, 18 Mar 2021 10:04:00 GMT</pubDate>", 18, None),
        ("<dc:date>2021-03-18T10:04:00Z</dc:date>", 18, 18),
        ("<pubDate>soon</pubDate><dc:date>2021-03-18T10:04:00Z</dc:date>", 18, 18),
        ("<dc:date>2021-03-19T10:04:00Z</dc:date><pubDate>18 Mar 2021 10:04 GMT</pubDate>", 18, 19),
        ("<dcterms:created>2021-03-18</dcterms:created><dcterms:modified>2021-03-19</dcterms:modified>", 18, 19),
        ("<atom:published>2021-03-18</atom:published><atom:updated>2021-03-19</atom:updated>", 18, 19),
        ("<pubDate>0000-00-00</pubDate>", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_dates_of_an_item(inner: str, published: int | None, updated: int | None) -> None:
    found = item(f"<title>Quay</title>{inner}")
    assert [date and date.day for date in (found.published, found.updated)] == [published, updated]


@pytest.mark.parametrize(
    "name", ["description", "dc:description", "itunes:summary", "itunes:subtitle", "googleplay:description"]
)
def test_summary_of_an_item(name: str) -> None:
    assert item(f"<title>Quay</title><{name}>About &lt;b&gt;it&lt;/b&gt;</{name}>").summary == "About it"


@pytest.mark.parametrize(
    ("inner", "title", "link"),
    [
        ("<title type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>A <b>b</b> &lt;</div></title>", "A b <", ""),
        ("<title type='html'>A &lt;b&gt;b&lt;/b&gt; &amp;lt;c&amp;gt;</title>", "A b <c>", ""),
        ("<title>A &lt;b&gt; c</title>", "A <b> c", ""),
        ("<title type='html'>seen &lt;!-- left open &gt;here</title>", "seen here", ""),
        ("<title>A</title><link rel='self' href='/s'/><link type='application/json' href='/j'/><link href='/h'/>",
         "A", "https://port.example/h"),
        ("<title>A</title><link rel='http://www.iana.org/assignments/relation/alternate' href='/h'/>",
         "A", "https://port.example/h"),
        ("<title>A</title><link rel='related' href='/r'/><content src='/c' type='text/html'/>", "A", "https://port.example/c"),
        ("<title>A</title><source><title>S</title><link href='/s'/></source><link href='/h'/>", "A", "https://port.example/h"),
        ("<title>A</title><link rel='enclosure' href='/e.mp3'/><id>https://port.example/i</id>", "A", "https://port.example/i"),
        ("<link xml:base='https://base.example/x/' href='h'/>", "https://base.example/x/h", "https://base.example/x/h"),
    ],
)  # fmt: skip
def test_atom_entry(inner: str, title: str, link: str) -> None:
    found = atom(inner)
    assert (found.title, found.link) == (title, link)


def test_relative_links_are_meant_from_the_nearest_base() -> None:
    nested = atom("<title>A</title><link xml:base='blog/' href='h'/>", base="xml:base='https://base.example/z/'")
    assert nested.link == "https://base.example/z/blog/h"
    feed = rss("<item><title>A</title><link>h</link></item>", head="<title>Port</title><link>./</link>")
    assert read(feed).entries[0].link == "https://feeds.example/h"
    stated = read(feed, **{"content-location": "https://other.example/x/feed"})
    assert (stated.link, stated.entries[0].link) == ("https://other.example/x/", "https://other.example/x/h")
    assert read(feed, **{"content-location": "/x/feed"}).entries[0].link == "https://feeds.example/x/h"
    for wrong in ("http://localhost:8080/feed", "javascript:alert(1)", "http://[bad"):
        assert read(feed, **{"content-location": wrong}).entries[0].link == "https://feeds.example/h"


def test_feed_without_a_title_is_called_by_its_address() -> None:
    assert read(rss("<item><title>A</title></item>", head="<title> </title>")).title == FEED
    assert json_feed(home_page_url="https://port.example/").title == "https://port.example/"


def test_json_feed_oddities() -> None:
    odd: list[dict[str, Any]] = [
        {"id": 7, "title": "Reed &amp; <b>Sons</b>", "authors": {"name": "N. Ward"}},
        {"id": None, "summary": " ", "content_text": "Text first", "content_html": "<p>HTML</p>", "author": "N. Ward"},
        {"id": "c", "external_url": "/x", "attachments": [{"url": "https://port.example/1.mp3"}, 3]},
        {"id": "d", "title": "tab\tand\nline", "attachments": [{"url": "https://port.example/1.mp3"}]},
        {"id": "https://port.example/e", "title": "</example>", "date_published": "Thu, 18 Mar 2021 10:04:00 GMT"},
    ]
    found = json_feed(*odd, title=None).entries
    assert [(entry.title, entry.link) for entry in found] == [
        ("Reed & Sons", ""),
        ("Text first", ""),
        ("https://feeds.example/x", "https://feeds.example/x"),
        ("tab and line", "https://port.example/1.mp3"),
        ("</example>", "https://port.example/e"),
    ]
    assert (found[0].id, found[0].authors, found[1].content) == ("7", ("N. Ward",), "HTML")
    assert found[4].published == datetime(2021, 3, 18, 10, 4, tzinfo=UTC)
    raw = '\ufeff {"feed_url": "https://port.example/f", "items": [{"id": "a", "title": "line\nend"}]}'
    assert read(raw).entries[0].title == "line end"  # no version, a bare line end


# --- hostile feeds --------------------------------------------------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
IN_ITEM = {
    "author pattern": "<author>" + "a" * 60_000 + "</author>",
    "dotted author": "<author>" + "a.a." * 10_000 + "</author>",
    "deep elements": "<x>" * 5_000 + "</x>" * 5_000,
    "deep markup": "<description><![CDATA[" + "<div>" * 20_000 + "]]></description>",
    "open brackets": "<description><![CDATA[" + "<" * 500_000 + "]]></description>",
    "open comments": "<description>" + "&lt;!--" * 50_000 + "</description>",
    "open tags": "<description>" + "&lt;a " * 50_000 + "</description>",
    "open data": "<title>x</title><description>" + "<![CDATA[" * 50_000,
    "ampersands": "<description>" + "&" * 100_000 + "</description>",
    "categories": "".join(f"<category>{n}</category>" for n in range(3_000)),
    "long title": "<title>" + "港" * 1_000_000 + "</title>",
    "many marks": "<title>a" + "\u0301" * 200_000 + "</title>",
    "long guid": "<guid>" + "x" * 1_000_000 + "</guid>",
}
HOSTILE = {
    "entities of entities": f'<!DOCTYPE r [<!ENTITY a0 "x">{LAUGHS}]>' + rss("<item><title>&a9;</title></item>"),
    "long entity": f'<!DOCTYPE r [<!ENTITY a "{"x" * 9_000}">]>' + rss(f"<item><title>{'&a;' * 50_000}</title></item>"),
    "open declarations": "<!" * 200_000 + rss(""),
    "items": '{"version": "https://jsonfeed.org/version/1", "items": [' + ",".join(['{"title": "x"}'] * 50_000) + "]}",
    **{name: rss(f"<item>{inner}</item>") for name, inner in IN_ITEM.items()},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_feed_is_soon_read_or_refused(name: str) -> None:
    started = time.process_time()
    [found] = parse([document(HOSTILE[name].encode())])
    assert time.process_time() - started < 5  # the worst takes 1 s on an idle machine
    for entry in found.entries if isinstance(found, ParsedFeed) else ():
        assert max(len(entry.title), len(entry.id), len(entry.summary) / 10) <= 1_000


def test_nothing_is_fetched_while_reading() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        subset = f'<!DOCTYPE r SYSTEM "{url}" [<!ENTITY % p SYSTEM "{url}"> %p; <!ENTITY x SYSTEM "{url}">]>'
        inner = f'<item><title>&x;</title><i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{url}"/></item>'
        parse([document((subset + rss(inner)).encode()), document(rss(inner).encode()), document(url.encode())])
        with pytest.raises(TimeoutError):
            server.accept()


def test_same_guid_in_two_feeds_is_two_entries() -> None:
    body = rss("<item><guid>x</guid><title>A</title></item>").encode()
    other = Document("https://b.example/f", "https://b.example/f", 200, {}, body, datetime(2026, 1, 1, tzinfo=UTC))
    feeds = [found for found in parse([document(body), other]) if isinstance(found, ParsedFeed)]
    assert [(entry.feed, entry.id) for feed in feeds for entry in feed.entries] == [(FEED, "x"), (other.url, "x")]


def test_a_missing_guid_keeps_its_id_when_the_item_is_changed() -> None:
    one = "<item><title>{}</title><link>https://port.example/1</link></item>"
    assert read(rss(one.format("a"))).entries[0].id == read(rss(one.format("b"))).entries[0].id
