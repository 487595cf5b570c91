"""The sites of the soak test: honest ones, and one for each thing that a server, a feed, a page can do to a reader."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from email.utils import format_datetime
from functools import cache
from random import Random

from tests.edges.compression import COMPRESS
from tests.soak.honest import BEGIN, CYCLE, feed, head, is_honest_page, page, page_text, whole
from tests.soak.web import About, Answer, Asked, Site

__all__ = ["sites"]

MEGABYTE = 1024 * 1024
RARELY = 10  # generations between two feeds of 50,000 items


# --- answers that are wrong on the wire ------------------------------------------------------------------------------


def says(body: bytes, **headers: str) -> Answer:
    return lambda _: whole(body, **headers)


def status(line: str, **headers: str) -> Answer:
    return lambda _: whole(b"<p>No.</p>", line, **headers)


def redirect(to: str, line: str = "302 Found") -> Answer:
    return lambda _: whole(b"", line, Location=to)


def pieces(*parts: bytes, pause: float = 0.0, cut: bool = False, repeat: bool = False) -> Answer:
    """The parts one after the other, the last one for ever if `repeat`, with the connection `cut` at the end."""

    async def answer(_: Asked) -> AsyncIterator[bytes]:
        for part in parts:
            yield part
        while repeat:
            await asyncio.sleep(pause)
            yield parts[-1]
        await asyncio.sleep(pause)
        if cut:
            raise ConnectionResetError

    return answer


def wandering(asked: Asked) -> bytes:
    """Ever on to another address."""
    return whole(b"", "302 Found", Location=f"/p/{asked.number + 1}?{Random().random()}")


def after_a_while(asked: Asked) -> bytes:
    """A Retry-After with a date, by the clock of the pipeline."""
    now = BEGIN + CYCLE * asked.generation
    return whole(b"", "503 Service Unavailable", Retry_After=format_datetime(now + timedelta(seconds=1), usegmt=True))


OK = head()


def faults() -> dict[str, Answer]:
    return {
        "stall": pieces(pause=60),
        "stall after head": pieces(head(Content_Length="500"), pause=60),
        "drip": pieces(head(), b" ", pause=0.1, repeat=True),
        "drip of a head": pieces(b"HTTP/1.1 200 OK\r\nX: ", b"a", pause=0.1, repeat=True),
        "endless": pieces(head(Content_Type="text/html"), b"<p>and on " * 6_000, repeat=True),
        "endless head": pieces(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 1_000, repeat=True),
        "too short": pieces(head(Content_Length="99999"), b"<rss>"),
        "negative length": pieces(head(Content_Length="-5"), b"<rss>"),
        "two lengths": pieces(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\n", b"<rss>"),
        "lying length": pieces(head(Content_Length="99999999999"), b"<rss>"),
        "broken chunks": pieces(head(Transfer_Encoding="chunked"), b"zz\r\nhello\r\n0\r\n\r\n"),
        "open chunks": pieces(head(Transfer_Encoding="chunked"), b"5\r\nhello\r\n"),
        "reset": pieces(cut=True),
        "reset in the body": pieces(head(Content_Length="99999"), b"<rss>", cut=True),
        "nothing": pieces(),
        "another protocol": pieces(b"220 mail.example ESMTP\r\n\r\n"),
        "long head": pieces(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 16 * MEGABYTE, b"\r\n\r\n"),
        "cookies": pieces(b"HTTP/1.1 200 OK\r\n", b"Set-Cookie: a=b\r\n" * 10_000, b"\r\n"),
        "cut gzip": says(gzip.compress(b"<rss></rss>" * 99)[:-6], Content_Encoding="gzip"),
        "no gzip": says(b"<rss>", Content_Encoding="gzip"),
        "members": says(gzip.compress(b"") * 100_000, Content_Encoding="gzip"),
        "gzip of gzip of gzip": says(b"<rss>", Content_Encoding="gzip, gzip, gzip"),
        "unknown coding": says(b"<rss>", Content_Encoding="compress"),
        "empty": says(b""),
        "blank": says(b" \r\n\t "),
        "304 unasked": lambda _: head("304 Not Modified"),
        "challenge": status("403 Forbidden", cf_mitigated="challenge"),
        "forbidden": status("403 Forbidden"),
        "not found": status("404 Not Found"),
        "broken": status("500 Internal Server Error"),
        "odd status": status("999 Whatever"),
        "loop": redirect("/feed"),
        "loop for good": redirect("/feed", "301 Moved Permanently"),
        "wandering": wandering,
        "to a private address": redirect("http://10.0.0.1/feed"),
        "to the metadata": redirect("http://169.254.169.254/latest", "307 Temporary Redirect"),
        "to a mapped address": redirect("http://[::ffff:192.168.0.1]/", "308 Permanent Redirect"),
        "to a number": redirect("http://167772161/"),
        "to a file": redirect("file:///etc/passwd"),
        "to ftp": redirect("ftp://127.0.0.1/feed"),
        "to data": redirect("data:text/xml,<rss/>"),
        "to gopher": redirect("gopher://127.0.0.1/"),
        "to nowhere": redirect(""),
        "to a backslash": redirect("http://127.0.0.1\\@10.0.0.1/"),
        "retry in seconds": status("503 Service Unavailable", Retry_After="1"),
        "retry at a date": after_a_while,
        "retry in the past": status("503 Service Unavailable", Retry_After="Wed, 01 Jan 2020 00:00:00 GMT"),
        "retry in ten years": status("429 Too Many Requests", Retry_After="315360000"),
        "retry never": status("503 Service Unavailable", Retry_After="99999999999999999999"),
        "retry in garbage": status("429 Too Many Requests", Retry_After="soon\xa0"),
        "retry negative": status("503 Service Unavailable", Retry_After="-30"),
        "retry unsaid": status("429 Too Many Requests"),
    }


def bombs() -> dict[str, Answer]:
    zeros = bytes(32 * MEGABYTE)
    return {
        f"{coding} bomb": says(COMPRESS[coding](zeros), Content_Encoding=coding) for coding in ("gzip", "br", "zstd")
    }


# --- feeds -----------------------------------------------------------------------------------------------------------


def rss(inner: str, before: str = "") -> bytes:
    return f"<?xml version='1.0'?>{before}<rss version='2.0'><channel><title>Odd</title>{inner}</channel></rss>".encode(
        "utf-8", "surrogatepass"
    )


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


def odd_items() -> dict[str, str]:
    return {
        "author pattern": f"<author>{'a' * 60_000}</author>",
        "dotted author": f"<author>{'a.a.' * 10_000}</author>",
        "deep elements": "<x>" * 20_000 + "</x>" * 20_000,
        "deep markup": f"<description><![CDATA[{'<div>' * 20_000}]]></description>",
        "open brackets": f"<description><![CDATA[{'<' * 500_000}]]></description>",
        "open comments": f"<description>{'&lt;!--' * 50_000}</description>",
        "ampersands": f"<description>{'&' * 100_000}</description>",
        "categories": "".join(f"<category>{n}</category>" for n in range(3_000)),
        "huge title": f"<title>{'港' * 2_000_000}</title>",
        "marks": f"<title>a{chr(0x301) * 200_000}</title>",
        "long guid": f"<guid>{'x' * 1_000_000}</guid>",
        "control characters": "<title>a\0b&#0;c\x85d\u2028e\u202ef\u200bg</title><guid>\0</guid>",
        "surrogates": "<title>a\ud800b&#xD800;c&#xDFFF;</title>",
        "dates": "".join(
            f"<pubDate>{date}</pubDate>"
            for date in (
                "0000-00-00",
                "99999-01-01",
                "2026-02-30",
                "9999-12-31T23:59-23:59",
                "٢٠٢٦-٠٣-٠١",
                "1" * 50_000,
            )
        ),
        "links": "<link>javascript:alert(1)</link><link>http://[x</link><link>file:///etc/passwd</link>",
        "private link": "<link>http://10.0.0.1/a</link><guid>1</guid>",
        "no guid": "<title>Only a title</title>",
    }


CODECS = ("utf-7", "zlib_codec", "unicode_escape", "idna", "gb18030", "utf-16", "x-nonsense", "base64", "rot13")


def odd_feeds() -> dict[str, Answer]:
    xml = {"Content_Type": "application/rss+xml"}
    items = {name: says(rss(f"<item>{inner}</item>"), **xml) for name, inner in odd_items().items()}
    codecs = {f"says {name}": says(_misdeclared(name), Content_Type=f"text/xml; charset={name}") for name in CODECS}
    return {
        **items,
        **codecs,
        "laughs": says(rss("<item><title>&a9;</title></item>", f'<!DOCTYPE r [<!ENTITY a0 "x">{LAUGHS}]>'), **xml),
        "quadratic": says(
            rss(f"<item><title>{'&a;' * 50_000}</title></item>", f'<!DOCTYPE r [<!ENTITY a "{"x" * 9_000}">]>'), **xml
        ),
        "outside entities": says(
            rss("<item><title>&a;</title></item>", '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]>'), **xml
        ),
        "declarations": says(b"<!" * 200_000),
        "utf-16 unmarked": says(rss("<item><title>a</title></item>").decode().encode("utf-16-le"), **xml),
        "mixed encodings": says(rss("<item><title>caf\u00e9 ") + "中文".encode("gb18030") + b"</title></item></rss>"),
        "nested json": says(b'{"version": "https://jsonfeed.org/version/1", "items": ' + b"[" * 100_000),
        "json of numbers": says(
            b'{"version": "https://jsonfeed.org/version/1", "items": [1, null, [], {"id": 1e999}]}'
        ),
        "same guids": says(rss("<item><guid>1</guid><title>a</title></item>" * 500), **xml),
        "many items": _rarely(many_items()),
        "a page": says(b"<!doctype html><title>Welcome</title><p>This is no feed.</p>", Content_Type="text/html"),
        "challenge page": says(b"<html><title>Just a moment...</title><script>go()</script>", Content_Type="text/html"),
        "endless sitemap": sitemap_of_itself,
        "damaged": damaged(feed(validator="none")),
        "damaged atom": damaged(feed("atom", "zh-Hant", validator="none")),
        "damaged json": damaged(feed("json", "ar", validator="none")),
        "bytes of chance": lambda asked: whole(Random(f"{asked.web.seed}/{asked.generation}").randbytes(5_000)),
    }


def _misdeclared(codec: str) -> bytes:
    title = "<item><guid>1</guid><title>港务局 +AGEAYg- \\u0061</title></item>"
    return rss(title).replace(b"version='1.0'", f"version='1.0' encoding='{codec}'".encode(), 1)


def many_items() -> bytes:
    return rss("".join(f"<item><guid>{n}</guid><title>Item {n}</title></item>" for n in range(50_000)))


def _rarely(body: bytes) -> Answer:
    return lambda asked: (
        whole(body) if asked.generation % RARELY == 3 else whole(rss("<item><guid>1</guid><title>a</title></item>"))
    )


def sitemap_of_itself(asked: Asked) -> bytes:
    place = f"<sitemap><loc>http://{asked.headers['host']}/feed?{asked.generation}</loc></sitemap>"
    return whole(
        f"<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{place * 50}</sitemapindex>".encode(),
        Content_Type="application/xml",
    )


def damaged(good: Answer) -> Answer:
    """A good answer with some bytes of its body replaced, doubled, or cut off."""

    def answer(asked: Asked) -> bytes:
        chance = Random(f"{asked.web.seed}/{asked.path}/{asked.generation}")
        sound = good(asked)
        assert isinstance(sound, bytes)
        body = bytearray(sound.partition(b"\r\n\r\n")[2])
        for _ in range(chance.randint(1, 20)):
            place = chance.randrange(len(body))
            body[place : place + chance.randint(0, 30)] = chance.randbytes(chance.randint(0, 30))
        return whole(bytes(body[: chance.choice((len(body), chance.randrange(len(body) + 1)))]) or b"x")

    return answer


def renewed(good: Answer, turn: int) -> Answer:
    """With a comment that changes in each third generation: what has not changed is not read again."""

    def answer(asked: Asked) -> bytes:
        sound = good(asked)
        assert isinstance(sound, bytes)
        body = sound.partition(b"\r\n\r\n")[2] + b"<!-- %d -->" % ((asked.generation + turn) // 3)
        kind = re.search(rb"Content-Type: (.*)\r", sound)
        return whole(body, Content_Type=kind[1].decode() if kind else "text/xml")

    return answer


def sometimes(bad: Answer, good: Answer, every: int = 3) -> Answer:
    """Bad in one generation of `every`."""
    return lambda asked: (bad if asked.generation % every == every - 1 else good)(asked)


# --- pages -----------------------------------------------------------------------------------------------------------


def huge_pages() -> dict[str, str]:
    return {
        "paragraphs": "<p>x</p>" * 100_000,
        "page links": "<a href=/x>y</a> " * 50_000,
        "brackets": "<" * 2_000_000,
        "depth": "<div>" * 100_000,
        "attribute": f"<p title='{'x' * 5_000_000}'>y</p>",
        "tables": "<table><tr><td>" * 3_000,
        "images": "<div>" * 1_000 + "<img src=a alt=b>" * 10_000 + "</div>" * 1_000,
        "page marks": "a" + "\u0301" * 200_000,
        "page controls": "\0\ufffe\u202e" * 1_000,
    }


def odd_heads() -> dict[str, str]:
    return {
        "json lists": f"<script type='application/ld+json'>{'[' * 100_000}</script>",
        "json objects": "<script type='application/ld+json'>" + '{"a":' * 100_000 + "</script>",
        "json of the wrong kind": '<script type=\'application/ld+json\'>{"@type": [7], "author": [[]]}</script>',
        "date": f"<meta name='date' content='{'1' * 200_000}'>",
        "private canonical": "<link rel=canonical href='http://10.0.0.1/'><link rel=amphtml href='file:///etc/passwd'>",
        "bad addresses": "<meta property='og:url' content='http://[x'><base href='http://[y'>",
        "codec": "<meta charset='unicode_escape'>",
    }


def article(extra: str = "", in_head: str = "") -> Answer:
    return lambda asked: whole(page_text(asked, extra, in_head).encode(), Content_Type="text/html")


def endless_parts(asked: Asked) -> bytes:
    """An article whose every page has a next one."""
    following = f"/p/{asked.number}?page={Random(asked.path).randint(2, 10**9)}"
    return whole(page_text(asked, in_head=f"<link rel=next href='{following}'>").encode(), Content_Type="text/html")


@cache
def hostile_pages() -> Sequence[Answer]:
    return [
        # One page that asks for ten years would silence its honest host until the soak ends.
        *(answer for name, answer in faults().items() if not name.startswith("retry")),
        *bombs().values(),
        *(article(extra=noise) for noise in huge_pages().values()),
        *(article(in_head=noise) for noise in odd_heads().values()),
        *(damaged(page) for _ in range(8)),
        *(endless_parts for _ in range(3)),
        status("410 Gone"),
        status("451 Unavailable For Legal Reasons"),
        says(b"%PDF-1.7\n" + bytes(5_000), Content_Type="application/pdf"),
        says(b"<title>Sign in</title><form><input type=password></form>", Content_Type="text/html"),
    ]


def mixed_page(asked: Asked) -> bytes | AsyncIterator[bytes]:
    """Most pages are honest; each of the others keeps its fault."""
    if is_honest_page(asked.web.seed, asked.site.about.name, asked.number):
        return page(asked)
    return Random(f"{asked.web.seed}-{asked.site.about.name}-{asked.number}").choice(hostile_pages())(asked)


# --- robots.txt ------------------------------------------------------------------------------------------------------

NO_ROBOTS = status("404 Not Found")


def robots() -> dict[str, tuple[Answer, bool]]:
    return {
        "robots allow": (
            says(b"User-agent: *\nAllow: /\nSitemap: http://10.0.0.1/\n", Content_Type="text/plain"),
            True,
        ),
        "robots delay": (says(b"User-agent: *\nCrawl-delay: 0.2\n"), True),
        "robots disallow": (says(b"User-agent: *\nDisallow: /p/\n"), False),
        "robots forbidden": (status("403 Forbidden"), True),
        "robots broken": (status("500 Internal Server Error"), False),
        "robots stall": (pieces(pause=60), False),
        "robots huge": (says(b"User-agent: *\nAllow: /\n" + b"# and so on\n" * 800_000), True),
        "robots loop": (redirect("/robots.txt"), False),
        "robots of chance": (lambda asked: whole(Random(asked.site.about.name).randbytes(5_000)), True),
        "robots a page": (says(b"<html><title>Welcome</title>", Content_Type="text/html"), True),
        "robots pattern": (says(b"User-agent: *\nDisallow: /" + b"*a" * 500 + b"$\n"), True),
    }


# --- all of them -----------------------------------------------------------------------------------------------------


def honest() -> dict[str, Answer]:
    return {
        "rss en": feed(),
        "rss gzip": feed(coding="gzip", validator="modified"),
        "rss br": feed(language="de", coding="br"),
        "rss zstd": feed(language="ru", coding="zstd"),
        "rss koi8": feed(language="ru", encoding="koi8-r", validator="none"),
        "rss gb18030": feed(language="zh-Hans", encoding="gb18030"),
        "rss big5": feed(language="zh-Hant", encoding="big5hkscs"),
        "rss shift_jis": feed(language="ja", encoding="cp932", validator="modified"),
        "rss euc-kr": feed(language="ko", encoding="cp949"),
        "rss windows-1256": feed(language="ar", encoding="windows-1256"),
        "rss utf-16": feed(language="zh-Hans", encoding="utf-16"),
        "atom zh": feed("atom", "zh-Hans"),
        "atom ja": feed("atom", "ja", validator="none"),
        "atom de": feed("atom", "de", "iso-8859-1", coding="gzip"),
        "json ko": feed("json", "ko"),
        "json ar": feed("json", "ar", coding="br", validator="modified"),
        "changing etag": feed(validator="changing etag"),
        "same etag": feed(validator="same etag"),
        "now and then 500": sometimes(status("500 Internal Server Error"), feed()),
        "now and then 429": sometimes(status("429 Too Many Requests", Retry_After="1"), feed("atom", "ko")),
        "now and then a date": sometimes(after_a_while, feed(language="ja")),
        "now and then silent": sometimes(pieces(pause=60), feed(language="ar"), every=4),
        "now and then cut": sometimes(pieces(head(Content_Length="9999"), b"<rss>", cut=True), feed("json", "de")),
        "now and then empty": sometimes(says(b""), feed(language="zh-Hant"), every=2),
        "now and then a page": sometimes(says(b"<html><title>Back soon</title><p>We will be back."), feed()),
        "now and then a bomb": sometimes(bombs()["gzip bomb"], feed("atom", "ru")),
    }


def sites(every: int = 1) -> tuple[Site, ...]:
    """All of them, or one of `every` so many."""
    return _all_sites()[::every]


def _all_sites() -> tuple[Site, ...]:
    silent = {**faults(), **bombs(), "gone": status("410 Gone")}
    return (
        *(Site(About(name, honest=True), answer, mixed_page, NO_ROBOTS) for name, answer in honest().items()),
        *(
            Site(About(name, honest=True, pages=readable), feed(), page, answer)
            for name, (answer, readable) in robots().items()
        ),
        Site(About("stuck", honest=True, stuck=True), feed(validator="stuck"), page, NO_ROBOTS),
        *(Site(About(name, empty=True), answer, answer, NO_ROBOTS) for name, answer in silent.items()),
        *(
            Site(About(name), renewed(answer, turn), mixed_page, NO_ROBOTS)
            for turn, (name, answer) in enumerate(odd_feeds().items())
        ),
    )
