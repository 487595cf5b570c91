"""Finding feeds: sites on a real server, behind a proxy on loopback so that they can bear names of any script."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from yarl import URL

from digest.discovery import MOST_REQUESTS, Discovered, Discovery, find
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.pool import Inline
from digest.records import Failure
from tests.edges.scripted_server import Server, reply

NOW = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)
# Name, host, headlines: what a site of that language calls its feed, and how it writes.
SITES = {
    "zh-Hans": ("京海日报", "京海日报.example", ["网信办约谈三家网络平台公司", "市场监管总局公布处罚决定"]),
    "zh-Hant": ("聯灣時報", "聯灣.example", ["主管機關約談網路平台業者", "公平會公布裁罰決定內容"]),
    "ja": ("常盤新聞", "常盤新聞.example", ["公取委が大手通信会社に立ち入り検査", "政府が新しい規制案を公表した"]),
    "ko": ("한강신문", "한강신문.example", ["공정위가 대형 플랫폼을 조사했다", "정부가 새 규제안을 발표했다"]),
    "ar": ("الميدان", "الميدان.example", ["الهيئة تستدعي ثلاث شركات كبرى", "الحكومة تعلن عن قواعد جديدة للسوق"]),
    "ru": ("Невский вестник", "невский.example", ["Ведомство вызвало представителей компаний", "Суд отклонил жалобу"]),
    "de": ("Elbbote", "elbböte.example", ["Die Behörde lädt drei Unternehmen vor", "Das Gericht weist die Klage ab"]),
}
HEADLINES = SITES["de"][2]


def rss(title: str, headlines: list[str], stated: str = "") -> bytes:
    items = "".join(
        f"<item><title>{one}</title><link>http://x.example/{title}/{n}</link><guid>{title}-{n}</guid>"
        f"<pubDate>Wed, {17 + n} Mar 2026 05:00:00 GMT</pubDate></item>"
        for n, one in enumerate(headlines)
    )
    language = f"<language>{stated}</language>" if stated else ""
    return f'<rss version="2.0"><channel><title>{title}</title>{language}{items}</channel></rss>'.encode()


def atom(title: str) -> bytes:
    entry = "<entry><id>a</id><title>Die Behörde lädt vor</title><link href='http://x.example/a'/></entry>"
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>{title}</title>{entry}</feed>'.encode()


def news_sitemap(*headlines: str, host: str = "x.example", language: str = "de") -> bytes:
    urls = "".join(
        f"<url><loc>http://{host}/{n}</loc><news:news><news:publication><news:name>Elbbote</news:name>"
        f"<news:language>{language}</news:language></news:publication>"
        f"<news:publication_date>2026-03-18T05:0{n}:00Z</news:publication_date><news:title>{one}</news:title>"
        "</news:news></url>"
        for n, one in enumerate(headlines)
    )
    spaces = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    return f"<urlset {spaces}>{urls}</urlset>".encode()


def index(*links: str) -> bytes:
    return f"<sitemapindex>{''.join(f'<sitemap><loc>{link}</loc></sitemap>' for link in links)}</sitemapindex>".encode()


def page(head: str = "", body: str = "", charset: str = "utf-8") -> bytes:
    html = f'<html><head><meta charset="{charset}"><title>x</title>{head}</head><body>{body}</body></html>'
    return html.encode(charset)


def feed_link(href: str, title: str = "", kind: str = "application/rss+xml") -> str:
    return f'<link rel="alternate" type="{kind}" title="{title}" href="{href}">'


def ask(address: str, site: Mapping[str, bytes]) -> tuple[Discovery | Failure, list[str]]:
    """What is found on a web of these addresses, and what was asked."""

    async def work() -> tuple[Discovery | Failure, list[str]]:
        scripts = {
            str(URL(link)): body if body.startswith(b"HTTP/") else reply(body=body) for link, body in site.items()
        }
        async with Server(scripts) as server:
            options = FetchOptions("Digest/1.0 (test)", delay=0, proxy=server.url())
            async with Fetcher(options, lambda: NOW) as fetcher:
                return await find(address, fetcher, Inline()), server.paths

    return asyncio.run(work())


def found(address: str, site: Mapping[str, bytes]) -> list[Discovered]:
    result, _ = ask(address, site)
    assert isinstance(result, Discovery)
    return list(result.found)


def paths(found: list[Discovered]) -> list[str]:
    return [urlsplit(one.link).path for one in found]


# --- what a site names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", SITES)
def test_feed_of_a_site_in_any_language_is_found_by_its_link(language: str) -> None:
    name, host, headlines = SITES[language]
    home = f"http://{host}/"
    charset = {"zh-Hans": "gb18030", "zh-Hant": "big5", "ja": "euc-jp", "ko": "euc-kr", "ru": "windows-1251"}
    site = {
        home: page(
            feed_link("/订阅/rss" if language == "zh-Hans" else "/rss", name), name, charset.get(language, "utf-8")
        ),
        f"{home}订阅/rss": rss(name, headlines),
        f"{home}rss": rss(name, headlines),
    }
    (one,) = found(home, site)
    assert (one.title, one.kind, one.language, one.entries) == (name, "RSS", language, 2)
    assert one.newest == datetime(2026, 3, 18, 5, tzinfo=UTC)
    assert (one.origin, one.for_comments) == ("named by the page", False)
    assert URL(one.link).host == URL(home).host


def test_stated_language_yields_to_what_is_written() -> None:
    """Blog software states English until somebody changes it."""
    name, host, headlines = SITES["ja"]
    (one,) = found(f"http://{host}/feed", {f"http://{host}/feed": rss(name, headlines, "en-US")})
    assert one.language == "ja"


def test_address_of_a_feed_is_said_to_be_one_and_nothing_else_is_asked() -> None:
    result, asked = ask("http://x.example/feed", {"http://x.example/feed": atom("Elbbote")})
    assert isinstance(result, Discovery)
    assert [(one.kind, one.origin) for one in result.found] == [("Atom", "the address itself")]
    assert asked == ["http://x.example/feed"]


def test_every_kind_of_feed_is_told() -> None:
    json_feed = b'{"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": [{"id": "1", "title": "t"}]}'
    rdf = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
    rdf += b"<channel><title>R</title></channel><item><title>t</title><link>http://x.example/1</link></item></rdf:RDF>"
    head = feed_link("a.rss") + feed_link("b.atom", kind="application/atom+xml") + feed_link("c.rdf", kind="text/xml")
    head += feed_link("d.json", kind="application/feed+json") + feed_link("wp-json/", kind="application/json")
    site = {
        "http://x.example/": page(head),
        "http://x.example/a.rss": rss("A", HEADLINES),
        "http://x.example/b.atom": atom("B"),
        "http://x.example/c.rdf": rdf,
        "http://x.example/d.json": json_feed,
    }
    result, asked = ask("http://x.example/", site)
    assert isinstance(result, Discovery)
    assert [one.kind for one in result.found] == ["RSS", "Atom", "RDF", "JSON Feed"]
    assert "http://x.example/wp-json/" not in asked


@pytest.mark.parametrize(
    ("anchor", "path"),
    [
        ('<a href="/rss.xml">x</a>', "/rss.xml"),
        ('<a href="/service/newsfeed.php?format=rss">x</a>', "/service/newsfeed.php"),
        ('<a href="/abo/1">RSS-Feed</a>', "/abo/1"),
        ('<a href="/abo/2">RSS订阅</a>', "/abo/2"),
        ('<a href="/abo/3">خدمة RSS</a>', "/abo/3"),
        ('<a href="/abo/4"><img alt="ＲＳＳ" src="/i/rss-icon.png"></a>', "/abo/4"),
        ('<a href="/abo/5" aria-label="Atom">x</a>', "/abo/5"),
        ('<a href="feed://x.example/abo/6?rss=1">x</a>', "/abo/6"),
    ],
)
def test_anchor_that_looks_like_a_feed_is_followed(anchor: str, path: str) -> None:
    site = {"http://x.example/": page(body=f'<a href="/news/1">Nachricht</a>{anchor}')}
    site |= {f"http://x.example{path}": rss("A", HEADLINES), f"http://x.example{path}?format=rss": rss("A", HEADLINES)}
    site |= {f"http://x.example{path}?rss=1": rss("A", HEADLINES)}
    (one,) = found("http://x.example/", site)
    assert (urlsplit(one.link).path, one.origin) == (path, "linked from the page")


@pytest.mark.parametrize(
    "href",
    [
        "/feedback",
        "/news/atom-bomb",
        "/animal-feed/1",
        "/tags/rssi",
        "https://feedly.com/i/subscription/feed%2Fhttp",
        "#rss",
    ],
)
def test_anchor_that_is_no_feed_is_not_asked(href: str) -> None:
    _, asked = ask("http://x.example/", {"http://x.example/": page(body=f'<a href="{href}">mehr</a>')})
    assert not [path for path in asked if path.endswith(href) or "feedly" in path]


def test_feed_on_a_host_of_its_own_is_asked_and_a_service_for_readers_is_not() -> None:
    own, service = "http://feeds.x.example/konohana", "http://add.yahoo.com/rss?url=x"
    body = f'<a href="{own}">購読</a><a href="{service}">RSS</a>'
    result, asked = ask("http://x.example/", {"http://x.example/": page(body=body), own: rss("此花", SITES["ja"][2])})
    assert isinstance(result, Discovery)
    assert [one.link for one in result.found] == [own]
    assert service not in asked


def test_page_that_lists_the_feeds_of_a_newspaper_is_read() -> None:
    sections = "".join(f'<li><a href="/rss/{n}.xml">経済{n}</a></li>' for n in range(3))
    site = {"http://x.example/": page(body='<a href="/rss/">RSS一覧</a>'), "http://x.example/rss/": page(body=sections)}
    site |= {f"http://x.example/rss/{n}.xml": rss(f"経済{n}", SITES["ja"][2]) for n in range(3)}
    assert paths(found("http://x.example/", site)) == ["/rss/0.xml", "/rss/1.xml", "/rss/2.xml"]


def test_home_page_that_only_sends_on_is_followed() -> None:
    site = {"http://x.example/": page('<meta http-equiv="Refresh" content="0; URL=/big5/index.html">')}
    site["http://x.example/big5/index.html"] = page(feed_link("/big5/rss.xml"))
    site["http://x.example/big5/rss.xml"] = rss("聯灣時報", SITES["zh-Hant"][2])
    assert paths(found("http://x.example/", site)) == ["/big5/rss.xml"]


@pytest.mark.parametrize(
    ("href", "title"),
    [
        ("/comments/feed/", "x"),
        ("/?feed=comments-rss2", "x"),
        ("/zh/1/feed/", "京海日报 » 《约谈》评论 Feed"),
        ("/ja/1/feed/", "常盤 » 規制案 のコメントのフィード"),
        ("/ar/1/feed/", "الميدان » خلاصة تعليقات"),
        ("/ru/1/feed/", "Вестник » Лента комментариев"),
        ("/de/1/feed/", "Elbbote » Kommentar-Feed"),
    ],
)
def test_comments_come_last(href: str, title: str) -> None:
    site = {
        "http://x.example/": page(feed_link(href, title) + feed_link("/kommentare-der-redaktion.xml", "Meinung")),
        f"http://x.example{href}": rss("K", HEADLINES),
        "http://x.example/kommentare-der-redaktion.xml": rss("Kommentare", HEADLINES),
    }
    last = found("http://x.example/", site)
    assert [one.for_comments for one in last] == [False, True]
    assert last[0].title == "Kommentare"  # a paper's opinion column is none


def test_one_feed_under_several_addresses_is_told_once() -> None:
    links = "".join(feed_link(href) for href in ("/feed", "/feed/", "/rss", "http://www.x.example/feed"))
    moved = reply("301 Moved Permanently", location="/feed/")
    site = {"http://x.example/": page(links), "http://x.example/feed": moved}
    site |= {
        link: rss("A", HEADLINES)
        for link in ("http://x.example/feed/", "http://x.example/rss", "http://www.x.example/feed")
    }
    assert len(found("http://x.example/", site)) == 1


# --- the usual places ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["/feed", "/rss.xml", "/atom.xml", "/index.rdf", "/feed.json"])
def test_usual_place_is_asked_where_the_page_names_none(place: str) -> None:
    body = rss("A", HEADLINES)
    (one,) = found("http://x.example/", {"http://x.example/": page(), f"http://x.example{place}": body})
    assert (urlsplit(one.link).path, one.origin) == (place, "a usual place")


def test_usual_places_are_left_alone_where_the_page_names_a_feed() -> None:
    site = {"http://x.example/": page(feed_link("/a.rss")), "http://x.example/a.rss": rss("A", HEADLINES)}
    _, asked = ask("http://x.example/", site)
    assert sorted(asked) == ["http://x.example/", "http://x.example/a.rss", "http://x.example/robots.txt"]


def test_feed_of_a_blog_in_a_folder_is_found_there_first() -> None:
    site = {"http://x.example/blog/": page(), "http://x.example/blog/feed": rss("B", HEADLINES)}
    site["http://x.example/feed"] = rss("A", HEADLINES)
    assert paths(found("http://x.example/blog/", site)) == ["/blog/feed"]


def test_site_that_forbids_guessing_is_not_guessed_at() -> None:
    site = {"http://x.example/": page(), "http://x.example/robots.txt": b"User-agent: *\nDisallow: /"}
    result, asked = ask("http://x.example/", site | {"http://x.example/feed": rss("A", HEADLINES)})
    assert result == Failure("http://x.example/", "find", "no feed found")
    assert asked == ["http://x.example/", "http://x.example/robots.txt"]


def test_home_page_that_is_refused_does_not_hide_the_feed() -> None:
    site = {"http://x.example/": reply("403 Forbidden"), "http://x.example/feed": rss("A", HEADLINES)}
    assert paths(found("http://x.example/", site)) == ["/feed"]


@pytest.mark.parametrize("address", ["ftp://x.example/", "http://127.0.0.1/", "http://u:p@x.example/", "nonsense"])
def test_address_that_may_not_be_asked_is_refused_before_any_request(address: str) -> None:
    result, asked = ask(address, {})
    assert isinstance(result, Failure)
    assert asked == []


def test_link_of_a_page_into_our_own_network_is_not_followed() -> None:
    site = {"http://x.example/": page(feed_link("http://169.254.169.254/feed") + feed_link("file:///etc/passwd"))}
    result, asked = ask("http://x.example/", site)
    assert isinstance(result, Failure)
    assert not [path for path in asked if "169.254" in path or "passwd" in path]


def test_page_with_a_thousand_feeds_costs_a_few_requests() -> None:
    links = "".join(feed_link(f"/rss/{n}") for n in range(1_000))
    result, asked = ask(
        "http://x.example/", {"http://x.example/": page(links), "http://x.example/rss/3": rss("A", HEADLINES)}
    )
    assert isinstance(result, Discovery)
    assert len(asked) <= MOST_REQUESTS + 1  # and robots.txt
    assert result.untried > 0


@pytest.mark.parametrize(
    "body", [b"\x00" * 1000, b"<" * 100_000, b"<div>" * 50_000, b'<base href="http://["><a href="rss">']
)
def test_page_of_any_bytes_ends_in_words(body: bytes) -> None:
    result, _ = ask("http://x.example/", {"http://x.example/": body})
    assert result == Failure("http://x.example/", "find", "no feed found")


# --- news sitemaps ---------------------------------------------------------------------------------------------------


def test_news_sitemap_of_robots_txt_is_found() -> None:
    robots = b"User-agent: *\nDisallow: /admin\nSitemap: http://x.example/all.xml\nSitemap: /sitemaps/news.xml.gz\n"
    site = {"http://x.example/": page(), "http://x.example/robots.txt": robots}
    site |= {"http://x.example/all.xml": b"<urlset><url><loc>http://x.example/privacy</loc></url></urlset>"}
    site |= {"http://x.example/sitemaps/news.xml.gz": news_sitemap(*HEADLINES)}
    (one,) = found("http://x.example/", site)
    assert (one.kind, one.title, one.language, one.entries) == ("news sitemap", "Elbbote", "de", 2)
    assert (urlsplit(one.link).path, one.origin) == ("/sitemaps/news.xml.gz", "robots.txt")


def test_beside_a_feed_only_a_sitemap_that_is_named_news_is_asked() -> None:
    robots = b"Sitemap: http://news.example/sitemap.xml\nSitemap: http://news.example/sitemap-news.xml\n"
    site = {"http://news.example/": page(feed_link("/rss")), "http://news.example/robots.txt": robots}
    site |= {"http://news.example/rss": rss("A", HEADLINES), "http://news.example/sitemap-news.xml": news_sitemap("B")}
    result, asked = ask("http://news.example/", site)
    assert isinstance(result, Discovery)
    assert [one.kind for one in result.found] == ["RSS", "news sitemap"]
    assert "http://news.example/sitemap.xml" not in asked


@pytest.mark.parametrize("place", ["/news-sitemap.xml", "/sitemap_news.xml"])
def test_news_sitemap_in_a_usual_place_is_found(place: str) -> None:
    site = {"http://x.example/": page(), f"http://x.example{place}": news_sitemap(*SITES["ar"][2], language="ar")}
    (one,) = found("http://x.example/", site)
    assert (one.kind, one.language, urlsplit(one.link).path) == ("news sitemap", "ar", place)


@pytest.mark.parametrize(
    ("part", "told"),
    [("/news.xml", "/news.xml"), ("/news-2026-03-18.xml", "/sitemap.xml")],
    ids=["lasting", "of a day"],
)
def test_index_is_told_by_its_part_unless_that_bears_a_date(part: str, told: str) -> None:
    site = {"http://x.example/": page(), f"http://x.example{part}": news_sitemap(*HEADLINES)}
    site["http://x.example/sitemap.xml"] = index("http://x.example/pages.xml", f"http://x.example{part}")
    (one,) = found("http://x.example/", site)
    assert (one.kind, one.entries, urlsplit(one.link).path) == ("news sitemap", 2, told)
