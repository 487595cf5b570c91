"""News sitemaps are read like feeds; other sitemaps are refused."""

import gzip
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.records import Document, Entry, Failure, ParsedFeed
from digest.stages.parse import parse
from digest.stages.sitemap import MAX_UNPACKED_BYTES, MOST_PARTS

ADDRESS = "https://news.example/sitemaps/news.xml"
SPACES = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
)


def outcome(body: str | bytes) -> ParsedFeed | Failure:
    raw = body.encode() if isinstance(body, str) else body
    return parse([Document(ADDRESS, ADDRESS, 200, {}, raw, datetime(2026, 1, 1, tzinfo=UTC))])[0]


def read(body: str | bytes) -> ParsedFeed:
    found = outcome(body)
    assert isinstance(found, ParsedFeed), found
    return found


def entries(body: str | bytes) -> list[Entry]:
    return list(read(body).entries)


def news(title: str, language: str = "de", date: str = "2026-03-18T06:00:00+01:00", loc: str = "/1") -> str:
    return (
        f"<url><loc>{loc}</loc><news:news><news:publication><news:name>Elbbote</news:name>"
        f"<news:language>{language}</news:language></news:publication>"
        f"<news:publication_date>{date}</news:publication_date><news:title>{title}</news:title></news:news></url>"
    )


def urlset(*urls: str, spaces: str = SPACES) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {spaces}>{"".join(urls)}</urlset>'


def index(*parts: str) -> str:
    return f"<sitemapindex>{''.join(f'<sitemap>{part}</sitemap>' for part in parts)}</sitemapindex>"


@pytest.mark.parametrize(
    ("stated", "language", "title"),
    [
        ("zh-cn", "zh-Hans", "网信办约谈三家平台公司"),
        ("zh-tw", "zh-Hant", "主管機關約談三家平台業者"),
        ("ja", "ja", "公取委が三社に立ち入り検査"),
        ("ko", "ko", "공정위가 세 회사를 조사했다"),
        ("ar", "ar", "الهيئة تستدعي ثلاث شركات"),
        ("ru", "ru", "Ведомство вызвало три компании"),
        ("DE", "de", "Die Behörde lädt drei Firmen vor"),
        ("", None, "Untitled language"),
    ],
)
def test_news_becomes_an_entry(stated: str, language: str | None, title: str) -> None:
    feed = read(urlset(news(title, stated), "<url><loc>/privacy</loc></url>"))
    (entry,) = feed.entries
    assert (entry.title, entry.language) == (title, language)
    assert (entry.link, entry.id) == ("https://news.example/1", "https://news.example/1")
    assert entry.published == datetime(2026, 3, 18, 5, tzinfo=UTC)
    assert (feed.title, feed.link, feed.language) == ("Elbbote", "https://news.example/", language)


def test_change_of_a_page_is_no_publication() -> None:
    (entry,) = entries(urlset(news("Titel", date="").replace("</loc>", "</loc><lastmod>2026-03-17</lastmod>")))
    assert (entry.published, entry.updated) == (None, datetime(2026, 3, 17, tzinfo=UTC))


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("A &amp; B", "A & B"),
        ("A & B", "A & B"),
        ("<![CDATA[A & B]]>", "A & B"),
        ("A &amp;amp; B", "A & B"),
        ("Caf&eacute; &nbsp; &laquo;B&raquo;", "Café «B»"),
        ("<![CDATA[<b>A</b> &quot;B&quot;]]>", 'A "B"'),
        ("A\x00\x1b B\u202e", "A B"),
    ],
)
def test_title_is_plain_text(written: str, title: str) -> None:
    assert [entry.title for entry in entries(urlset(news(written)))] == [title]


@pytest.mark.parametrize("spaces", ["", 'xmlns:news="https://www.google.com/schemas/sitemap-news/0.9/"', SPACES])
def test_misspelt_or_missing_namespace_is_forgiven(spaces: str) -> None:
    assert len(entries(urlset(news("Titel"), spaces=spaces))) == 1


def test_language_is_the_feeds_only_where_all_news_agree() -> None:
    assert read(urlset(news("Titel", "de"), news("Titre", "fr", loc="/2"))).language is None


def test_what_cannot_be_opened_is_left_out() -> None:
    links = ("javascript:alert(1)", "file:///etc/passwd", "", "http://u:p@x.example/", "/gut")
    found = entries(urlset(*(news("Titel", loc=link) for link in links)))
    assert [entry.link for entry in found] == ["https://news.example/gut"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (urlset("<url><loc>/a</loc><lastmod>2026-03-18</lastmod></url>"), "sitemap without news"),
        (index("<loc>javascript:x</loc>"), "sitemap without news"),
        (gzip.compress(b"\0" * (MAX_UNPACKED_BYTES + 1)), "body too large"),
        (gzip.compress(b"x") * 100_000, "not a feed"),
        (b"\x1f\x8b\x08garbage", "not a feed"),
        ("<?xml <urlset> ?>", "broken feed"),
        ("<!-- <urlset> ", "broken feed"),
    ],
    ids=["plain", "index of nothing", "bomb", "members", "broken gzip", "nothing", "no root"],
)
def test_other_sitemap_is_refused_with_a_reason(body: str | bytes, reason: str) -> None:
    found = outcome(body)
    assert isinstance(found, Failure)
    assert found.reason == reason


def test_news_sitemap_of_quiet_days_is_no_failure() -> None:
    assert entries(urlset()) == []


@pytest.mark.parametrize("cut", [0, 20], ids=["whole", "cut short"])
def test_packed_file_is_unpacked(cut: int) -> None:
    packed = gzip.compress(urlset(*(news(f"Titel {n}", loc=f"/{n}") for n in range(100))).encode())
    assert len(entries(packed[: len(packed) - cut])) >= 90


def test_packed_feed_is_read_too() -> None:
    rss = b"<rss version='2.0'><channel><title>A</title><item><title>T</title></item></channel></rss>"
    assert [entry.title for entry in entries(gzip.compress(rss[:50]) + gzip.compress(rss[50:]))] == ["T"]


def test_feed_that_writes_of_sitemaps_stays_a_feed() -> None:
    item = "<item><title>T</title><description>&lt;urlset&gt;<![CDATA[<urlset><url/></urlset>]]></description></item>"
    assert len(entries(f"<rss version='2.0'><channel><title>SEO</title>{item}</channel></rss>")) == 1


def test_index_leads_to_what_is_likeliest_to_hold_news() -> None:
    names = ("pages", "2024-01", "2026-03", "news", "2026-02", "authors")
    feed = read(index(*(f"<loc>/sitemap-{name}.xml</loc>" for name in names)))
    assert [part.removeprefix("https://news.example/sitemap-") for part in feed.sitemaps] == [
        "news.xml",
        "2026-03.xml",
        "2026-02.xml",
    ]
    assert len(feed.sitemaps) == MOST_PARTS
    assert feed.entries == ()


def test_index_leads_to_the_part_that_changed_last() -> None:
    parts = [f"<loc>/{n}.xml</loc><lastmod>2026-03-{n:02}</lastmod>" for n in (1, 18, 5, 17)]
    assert [link[-6:] for link in read(index(*parts)).sitemaps] == ["18.xml", "17.xml", "/5.xml"]


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE urlset [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + urlset(news("A&x;"))[39:],
        '<!DOCTYPE urlset [<!ENTITY a "AAAA"><!ENTITY b "&a;&a;&a;&a;">]>' + urlset(news("A&b;"))[39:],
    ],
    ids=["file", "inner"],
)
def test_entities_are_not_expanded(body: str) -> None:
    titles = [entry.title for entry in entries(body)]
    assert "root:" not in str(titles)
    assert "AAAA" not in str(titles)


def test_thousands_of_news_are_capped_at_the_newest() -> None:
    urls = [news(f"T{n}", loc=f"/{n}", date=f"2026-03-{1 + n // 200:02}") for n in range(3_000)]
    feed = read(urlset(*urls))
    assert (len(feed.entries), feed.problems) == (1_000, ("too many entries",))
    assert min(entry.published for entry in feed.entries if entry.published) > datetime(2026, 3, 9, tzinfo=UTC)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_damage_ends_in_an_outcome(junk: bytes, place: int) -> None:
    whole = urlset(news("Titel")).encode()
    damaged = whole[:place] + junk + whole[place:]
    for body in (damaged, gzip.compress(damaged), zlib.compress(damaged)):
        assert isinstance(outcome(body), ParsedFeed | Failure)
