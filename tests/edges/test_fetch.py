"""The one door to the network, against real sockets on loopback."""

import asyncio
import gzip
import resource
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.edges.fetch import ACCEPT_PAGE, Fetcher, FetchOptions
from digest.edges.politeness import DEFAULT_PAUSE, JITTER, SHORTEST_PAUSE
from digest.errors import ConfigError
from digest.records import Document, Failure, Retry
from tests.edges.compression import COMPRESS
from tests.edges.scripted_server import Script, Server, reply

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPTIONS = FetchOptions(user_agent="Digest/1.0 (+https://digest.example)", allow_hosts=("127.0.0.1",), delay=0.0)
STRICT = replace(OPTIONS, allow_hosts=())
MEGABYTE = 1 << 20


def fetcher(options: FetchOptions = OPTIONS) -> Fetcher:
    return Fetcher(options, now=lambda: NOW)


def run(
    scripts: Mapping[str, Script],
    use: Callable[[Server, Fetcher], Awaitable[Any]],
    options: FetchOptions = OPTIONS,
) -> tuple[Any, Server]:
    """What `use` makes of a server and a fetcher, and the server with what it saw."""

    async def main() -> tuple[Any, Server]:
        async with Server(scripts) as server, fetcher(options) as door:
            return await use(server, door), server

    return asyncio.run(main())


def get(
    script: Script, options: FetchOptions = OPTIONS, *, path: str = "/", **scripts: Script
) -> tuple[Document | Failure, Server]:
    others: dict[str, Script] = {f"/{name}": other for name, other in scripts.items()}
    return run({path: script} | others, lambda server, door: door.get(server.url(path)), options)


def document(script: Script, options: FetchOptions = OPTIONS) -> Document:
    outcome, _ = get(script, options)
    assert isinstance(outcome, Document), outcome
    return outcome


def failure(script: Script, options: FetchOptions = OPTIONS) -> Failure:
    outcome, _ = get(script, options)
    assert isinstance(outcome, Failure), outcome
    assert outcome.stage == "fetch"
    return outcome


def redirect(location: str, status: str = "302 Found") -> bytes:
    return reply(status, b"", Location=location)


def raw(head: bytes, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body


# --- what comes back -------------------------------------------------------------------------------------------------


def test_document() -> None:
    outcome, server = get(reply(ETag='"a1"', Content_Type="text/xml", Set_Cookie="id=1", X_A="1"))
    assert outcome == Document(
        server.url("/"),
        server.url("/"),
        200,
        {"etag": '"a1"', "content-type": "text/xml", "x-a": "1"},
        b"hello",
        NOW,
    )


def test_request_says_who_asks_and_what_is_understood() -> None:
    async def use(server: Server, door: Fetcher) -> None:
        await door.get(server.url())
        await door.get(server.url("/page"), accept=ACCEPT_PAGE)

    _, server = run({"/": reply(), "/page": reply()}, use)
    feed, page = (hit.headers for hit in server.hits)
    assert feed["user-agent"] == "digest/1.0 (+https://digest.example)"
    assert feed["accept-encoding"] == "gzip, deflate, br, zstd"
    assert "application/rss+xml" in feed["accept"]
    assert page["accept"].startswith("text/html")
    assert not {"if-none-match", "if-modified-since", "cookie", "authorization"} & feed.keys()


def test_unchanged() -> None:
    script = {"/": reply("304 Not Modified", b"", ETag='"a1"')}
    since = "Sun, 01 Mar 2026 00:00:00 GMT"
    outcome, server = run(script, lambda server, door: door.get(server.url(), etag='"A1"', modified=since))
    assert (outcome.status, outcome.body) == (304, b"")
    assert server.hits[0].headers["if-none-match"] == '"a1"'
    assert server.hits[0].headers["if-modified-since"] == since.lower()


def test_unchanged_although_nothing_was_asked_is_no_document() -> None:
    assert failure(reply("304 Not Modified", b"")).reason == "http 304 unasked"


def test_an_etag_cannot_smuggle_a_header() -> None:
    outcome, server = run({"/": reply()}, lambda server, door: door.get(server.url(), etag='"a"\r\nX-Evil: 1'))
    assert outcome.status == 200
    assert not {"x-evil", "if-none-match"} & server.hits[0].headers.keys()


@pytest.mark.parametrize(
    ("status", "reason", "retry"),
    [
        ("400 Bad Request", "http 400", Retry.NEVER),
        ("401 Unauthorized", "http 401", Retry.NEVER),
        ("403 Forbidden", "http 403 forbidden", Retry.LATER),
        ("404 Not Found", "http 404", Retry.LATER),
        ("410 Gone", "http 410 gone", Retry.NEVER),
        ("429 Too Many", "http 429 too many requests", Retry.LATER),
        ("451 Unavailable", "http 451", Retry.NEVER),
        ("500 Oops", "http 500", Retry.LATER),
        ("503 Busy", "http 503", Retry.LATER),
        ("204 No Content", "http 204", Retry.LATER),
        ("206 Partial Content", "http 206", Retry.LATER),
        ("300 Choices", "http 300", Retry.LATER),
        ("999 Request denied", "http 999", Retry.LATER),
    ],
)
def test_status(status: str, reason: str, retry: Retry) -> None:
    outcome = failure(reply(status, b"" if status.startswith("204") else b"no"))
    assert (outcome.reason, outcome.retry) == (reason, retry)


@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
def test_empty_body(body: bytes) -> None:
    assert failure(reply(body=body)).reason == "empty body"


def test_challenge_page() -> None:
    outcome = failure(reply("403 Forbidden", b"<title>Just a moment...</title>", cf_mitigated="challenge"))
    assert (outcome.reason, outcome.retry) == ("blocked by a challenge page", Retry.LATER)


def test_header_values_are_text_that_can_be_stored() -> None:
    headers = document(raw(b"X: \xe4\xff\r\nY: caf\xc3\xa9\r\nX: b\r\nContent-Length: 1\r\n", b"a")).headers
    assert headers["y"] == "café"
    assert headers["x"].encode().endswith(b", b")


# --- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "identity", "gzip, br"])
def test_compressed(name: str) -> None:
    body = b"hello" * 1_000
    for encoding in name.split(", "):
        body = COMPRESS[encoding](body) if encoding in COMPRESS else body
    outcome = document(reply(body=body, Content_Encoding=name))
    assert outcome.body == b"hello" * 1_000
    assert not {"content-encoding", "content-length"} & outcome.headers.keys()


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
def test_bomb_costs_no_memory(name: str) -> None:
    zeros = bytes(64 * MEGABYTE)
    script = reply(body=COMPRESS[name](zeros), Content_Encoding=name)
    del zeros
    before = _resident_bytes()
    assert failure(script).reason == "body too large"
    assert _resident_bytes() - before < 40 * MEGABYTE


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize(
    ("script", "reason", "retry"),
    [
        (raw(b"X: " + b"a" * 16 * MEGABYTE + b"\r\n"), "headers too large", Retry.NEVER),
        (raw(b"Set-Cookie: a=b\r\n" * 10_000), "headers too large", Retry.NEVER),
        (raw(b"Content-Length: 99\r\n", b"hello"), "truncated body", Retry.LATER),
        (raw(b"Content-Length: -5\r\n", b"hello"), "bad response", Retry.LATER),
        (raw(b"Content-Length: 1\r\nContent-Length: 5\r\n", b"hello"), "bad response", Retry.LATER),
        (raw(b"Content-Length: 99999999999\r\n", b"hello"), "wire body too large", Retry.NEVER),
        (raw(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n"), "truncated body", Retry.LATER),
        (raw(b"Transfer-Encoding: chunked\r\n", b"zz\r\nhello\r\n0\r\n\r\n"), "bad response", Retry.LATER),
        (b"220 mail.example ESMTP\r\n\r\n", "bad response", Retry.LATER),
        (b"", "connection lost", Retry.LATER),
        (reply(body=gzip.compress(b"hello")[:-4], Content_Encoding="gzip"), "truncated body", Retry.LATER),
        (reply(body=b"<rss>", Content_Encoding="gzip"), "broken compression", Retry.LATER),
        (reply(body=b"hello", Content_Encoding="compress"), "unsupported compression", Retry.NEVER),
        (reply(body=b"hello", Content_Encoding="gzip, gzip, gzip"), "unsupported compression", Retry.NEVER),
        (reply(body=gzip.compress(b"") * 100_000, Content_Encoding="gzip"), "broken compression", Retry.LATER),
    ],
    ids=lambda value: str(value[:60]) if isinstance(value, bytes) else None,
)
def test_hostile_answer(script: bytes, reason: str, retry: Retry) -> None:
    outcome = failure(script)
    assert (outcome.reason, outcome.retry) == (reason, retry)


def test_what_follows_the_stated_length_is_not_body() -> None:
    outcome, _ = get(raw(b"Content-Length: 5\r\nConnection: close\r\n", b"hello and more"))
    assert isinstance(outcome, Failure) or outcome.body == b"hello"


def test_endless_body() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(raw(b"Content-Type: text/html\r\n"))
        while True:
            writer.write(b"a" * 65_536)
            await writer.drain()

    assert failure(endless).reason == "wire body too large"


# --- time ------------------------------------------------------------------------------------------------------------


def dripping(head: bytes) -> Script:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    return drip


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\nX: ", raw(b"Content-Length: 5000\r\n"), raw(b"")]
)
def test_drip_ends_at_the_deadline_while_others_are_served(head: bytes) -> None:
    async def use(server: Server, door: Fetcher) -> tuple[object, object, float]:
        start = time.perf_counter()
        slow = asyncio.create_task(door.get(server.url("/slow")))
        fast = await door.get(server.url("/fast").replace("127.0.0.1", "localhost"))
        return await slow, fast, time.perf_counter() - start

    options = replace(OPTIONS, deadline=0.3, allow_hosts=("127.0.0.0/8", "localhost"))
    (slow, fast, seconds), _ = run({"/slow": dripping(head), "/fast": reply()}, use, options)
    assert isinstance(slow, Failure)
    assert (slow.reason, slow.retry) == ("timed out", Retry.LATER)
    assert isinstance(fast, Document)
    assert seconds < 2


def test_silence_ends_at_the_deadline() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    assert failure(silent, replace(OPTIONS, deadline=0.1)).reason == "timed out"


def test_deadline_counts_over_all_hops() -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(redirect(f"/{time.perf_counter()}"))

    class Everywhere(dict[str, Script]):
        def get(self, key: str, default: Any = None) -> Any:
            return slow

    outcome, server = run(Everywhere(), lambda server, door: door.get(server.url()), replace(OPTIONS, deadline=0.4))
    assert outcome.reason == "timed out"
    assert len(server.hits) == 3


def test_waiting_for_a_turn_does_not_count() -> None:
    async def use(server: Server, door: Fetcher) -> list[Document | Failure]:
        return await asyncio.gather(*(door.get(server.url(f"/{n}")) for n in range(4)))

    options = replace(OPTIONS, deadline=0.3, delay=0.15)
    outcomes, _ = run({f"/{n}": reply() for n in range(4)}, use, options)
    assert all(isinstance(outcome, Document) for outcome in outcomes)


def test_cancelling_is_not_swallowed() -> None:
    async def use(server: Server, door: Fetcher) -> bool:
        task = asyncio.create_task(door.get(server.url()))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    cancelled, _ = run({"/": dripping(raw(b""))}, use)
    assert cancelled


# --- addresses -------------------------------------------------------------------------------------------------------

SPELLINGS_OF_OURSELVES = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0177.1",
    "017700000001",
    "0x7f000001",
    "127.0.0.1.",
    "１２７.0.0.1",
    "localhost",
    "0.0.0.0",
    "0",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::1]",
    "[::]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[::127.0.0.1]",
]


@pytest.mark.parametrize("host", SPELLINGS_OF_OURSELVES)
def test_no_spelling_of_our_own_address_is_connected_to(host: str) -> None:
    async def use(server: Server, door: Fetcher) -> Document | Failure:
        return await door.get(f"http://{host}:{server.port}/")

    outcome, server = run({"/": reply()}, use, STRICT)
    assert isinstance(outcome, Failure)
    assert (outcome.reason, outcome.retry) == ("private address", Retry.NEVER)
    assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "https://192.168.1.1/",
        "http://[fe80::1]/",
        "http://[fd00::1]:8080/",
        "http://[ff02::1]/",
    ],
)
def test_private_address(url: str) -> None:
    outcome, _ = run({}, lambda server, door: door.get(url), STRICT)
    assert outcome.reason == "private address"


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes each name have the given addresses, in turn where it is asked again."""
    answers: dict[str, list[list[str]]] = {}
    ask = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host not in answers:
            return ask(host, port, *args, **kwargs)
        now = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
        if not now:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in now]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return lambda host, *turns: answers.update({host: [list(turn) for turn in turns]})


def test_name_of_a_private_address(resolve: Callable[..., None]) -> None:
    resolve("news.example", ["127.0.0.1"])
    outcome, server = run({"/": reply()}, lambda server, door: door.get(f"http://news.example:{server.port}/"), STRICT)
    assert outcome.reason == "private address"
    assert server.connections == 0


def test_name_with_mixed_addresses_never_reaches_the_private_one(resolve: Callable[..., None]) -> None:
    resolve("news.example", ["127.0.0.1", "127.0.0.2", "127.0.0.1"])
    options = replace(STRICT, allow_hosts=("127.0.0.2",))  # where nobody listens
    outcome, server = run({"/": reply()}, lambda server, door: door.get(f"http://news.example:{server.port}/"), options)
    assert isinstance(outcome, Failure)
    assert (outcome.reason in {"connection refused", "host unreachable"}, outcome.retry) == (True, Retry.LATER)
    assert server.connections == 0


def test_name_that_is_rebound_between_check_and_connection(resolve: Callable[..., None]) -> None:
    resolve("news.example", ["203.0.113.1"], ["127.0.0.1"])
    assert socket.getaddrinfo("news.example", 80)[0][4][0] == "203.0.113.1"
    outcome, server = run({"/": reply()}, lambda server, door: door.get(f"http://news.example:{server.port}/"), STRICT)
    assert outcome.reason == "private address"
    assert server.connections == 0


def test_allowed_name_may_have_a_private_address(resolve: Callable[..., None]) -> None:
    resolve("intranet.example", ["127.0.0.1"])
    options = replace(STRICT, allow_hosts=("intranet.example",))

    async def use(server: Server, door: Fetcher) -> list[Document | Failure]:
        hosts = ("intranet.example", "127.0.0.1")
        return [await door.get(f"http://{host}:{server.port}/") for host in hosts]

    (by_name, by_address), server = run({"/": reply()}, use, options)
    assert isinstance(by_name, Document)
    assert isinstance(by_address, Failure)
    assert server.connections == 1


def test_idn_host_is_encoded(resolve: Callable[..., None]) -> None:
    resolve("xn--r8jz45g.jp", ["127.0.0.1"])
    outcome, server = run({"/": reply()}, lambda server, door: door.get(f"http://例え.jp:{server.port}/"))
    assert isinstance(outcome, Document)
    assert server.hits[0].headers["host"].startswith("xn--r8jz45g.jp:")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "news.example/feed",
        "file:///etc/passwd",
        "ftp://news.example/",
        "http://a\\@127.0.0.1/",
        "http://user:secret@127.0.0.1/",
        "http://127.0.0.1/\r\nHost: x",
        "http://127.0.0.1/a b",
        "http://a..b/",
        "http://127.0.0.1:99999/",
    ],
)
def test_bad_address(url: str) -> None:
    outcome, server = run({}, lambda server, door: door.get(url))
    assert outcome == Failure(url, "fetch", "bad address", Retry.NEVER)
    assert server.connections == 0


def test_connection_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = taken.getsockname()[1]
        outcome, _ = run({}, lambda server, door: door.get(f"http://127.0.0.1:{port}/"))
    assert (outcome.reason, outcome.retry) == ("connection refused", Retry.LATER)


def test_name_not_found(resolve: Callable[..., None]) -> None:
    resolve("nowhere.example", [])
    outcome, _ = run({}, lambda server, door: door.get("http://nowhere.example/"))
    assert (outcome.reason, outcome.retry) == ("name not found", Retry.LATER)


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "moved"),
    [(["301", "308"], True), (["301", "302"], False), (["307"], False), (["303"], False), ([], False)],
)
def test_redirects_are_followed_and_their_permanence_told(statuses: list[str], moved: bool) -> None:
    scripts: dict[str, Script] = {f"/{n}": redirect(f"/{n + 1}", f"{status} R") for n, status in enumerate(statuses)}
    scripts[f"/{len(statuses)}"] = reply()
    outcome, server = run(scripts, lambda server, door: door.get(server.url("/0")))
    end = server.url(f"/{len(statuses)}")
    assert (outcome.url, outcome.final_url) == (server.url("/0"), end)
    assert outcome.headers.get(":moved") == (end if moved else None)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("b", "/a/b"),
        ("/b?c=1#d", "/b?c=1"),
        ("/b c", "/b%20c"),
        (" /b ", "/b"),
        ("/新闻", "/%E6%96%B0%E9%97%BB"),
        ("?page=2", "/a/?page=2"),
    ],
)
def test_location_forms(location: str, path: str) -> None:
    scripts: dict[str, Script] = {"/a/": redirect(location), path: reply()}
    outcome, server = run(scripts, lambda server, door: door.get(server.url("/a/")))
    assert outcome.final_url == server.url(path)


def test_location_in_another_encoding() -> None:
    script = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /" + "新闻".encode("gb18030") + b"\r\n\r\n"
    outcome, server = run({"/": script, "/%D0%C2%CE%C5": reply()}, lambda server, door: door.get(server.url()))
    assert outcome.final_url == server.url("/%D0%C2%CE%C5")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("file:///etc/passwd", "redirect to a forbidden scheme"),
        ("ftp://127.0.0.1/", "redirect to a forbidden scheme"),
        ("data:text/html,x", "redirect to a forbidden scheme"),
        ("gopher://127.0.0.1:70/_x", "redirect to a forbidden scheme"),
        ("javascript:alert(1)", "redirect to a forbidden scheme"),
        ("http://user:secret@127.0.0.1/", "bad address"),
        ("http://a\\@127.0.0.1/", "bad address"),
        ("/\\127.0.0.1/", "bad address"),
        ("http://[::1", "bad address"),
        ("http://a\tb/", "bad address"),
        ("", "redirect without an address"),
    ],
)
def test_redirect_that_is_refused(location: str, reason: str) -> None:
    outcome, server = get(redirect(location))
    assert isinstance(outcome, Failure)
    assert (outcome.id, outcome.reason) == (server.url(), reason)
    assert len(server.hits) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "localhost"])
def test_redirect_into_our_network_is_refused_at_the_hop(host: str, resolve: Callable[..., None]) -> None:
    resolve("news.example", ["127.0.0.1"])

    async def main() -> tuple[Document | Failure, Server]:
        async with Server({"/": reply()}) as inner:
            script = redirect(f"http://{host}:{inner.port}/")
            options = replace(STRICT, allow_hosts=("news.example",))
            async with Server({"/": script}) as outer, fetcher(options) as door:
                return await door.get(f"http://news.example:{outer.port}/"), inner

    outcome, inner = asyncio.run(main())
    assert isinstance(outcome, Failure)
    assert outcome.reason == "private address"
    assert inner.connections == 0


def test_redirect_loop_and_endless_redirects() -> None:
    loop, server = get(redirect("/", "301 Moved"))
    assert isinstance(loop, Failure)
    assert (loop.reason, server.paths) == ("too many redirects", ["/"])
    scripts: dict[str, Script] = {f"/{n}": redirect(f"/{n + 1}") for n in range(20)}
    chain, server = run(scripts, lambda server, door: door.get(server.url("/0")))
    assert (chain.reason, len(server.hits)) == ("too many redirects", 6)


def test_cookies_are_not_sent_back() -> None:
    script = reply("302 Found", b"", Location="/b", Set_Cookie="id=1; Path=/")
    _, server = get(script, b=reply())
    assert server.paths == ["/", "/b"]
    assert all("cookie" not in hit.headers for hit in server.hits)


def test_nothing_of_ours_crosses_origins() -> None:
    """Another port is another origin: neither cookies nor where we come from is told there."""

    async def main() -> tuple[Document | Failure, dict[str, str]]:
        async with Server({"/end": reply()}) as other:
            cookie = "session=secret; Path=/; Domain=127.0.0.1"
            script = reply("302 Found", b"", Location=other.url("/end"), Set_Cookie=cookie, WWW_Authenticate="Basic")
            async with Server({"/": script}) as first, fetcher() as door:
                return await door.get(first.url()), other.hits[0].headers

    outcome, headers = asyncio.run(main())
    assert isinstance(outcome, Document)
    assert headers.keys() == {"host", "user-agent", "accept", "accept-encoding"}


def test_proxys_password_goes_to_the_proxy_alone(resolve: Callable[..., None]) -> None:
    outcome, proxy = through_proxy("http://news.example/a", {"http://news.example/a": redirect("http://other.example/b"),
                                                             "http://other.example/b": reply()})  # fmt: skip
    assert isinstance(outcome, Document)
    assert all("authorization" not in hit.headers for hit in proxy.hits)
    assert len([hit for hit in proxy.hits if "proxy-authorization" in hit.headers]) == 2


# --- politeness ------------------------------------------------------------------------------------------------------


def test_one_connection_per_host_with_a_delay() -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        writer.write(reply())

    async def use(server: Server, door: Fetcher) -> list[Document | Failure]:
        return await asyncio.gather(*(door.get(server.url(f"/{n}")) for n in range(6)))

    outcomes, server = run({f"/{n}": slow for n in range(6)}, use, replace(OPTIONS, delay=0.05))
    assert all(isinstance(outcome, Document) for outcome in outcomes)
    assert server.most_open == 1
    gaps = [after.began - before.ended for before, after in zip(server.hits, server.hits[1:], strict=False)]
    assert min(gaps) >= 0.045


def test_hosts_do_not_wait_for_one_another(resolve: Callable[..., None]) -> None:
    hosts = [f"news{n}.example" for n in range(8)]
    for host in hosts:
        resolve(host, ["127.0.0.1"])

    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        writer.write(reply())

    async def use(server: Server, door: Fetcher) -> list[Document | Failure]:
        return await asyncio.gather(*(door.get(f"http://{host}:{server.port}/") for host in hosts))

    outcomes, server = run({"/": slow}, use)
    assert all(isinstance(outcome, Document) for outcome in outcomes)
    assert server.most_open == 8


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ("120", timedelta(seconds=120)),
        (" 5 ", timedelta(seconds=5)),
        ("0", SHORTEST_PAUSE),
        ("1.5", timedelta(seconds=1.5)),
        ("60, 120", timedelta(seconds=120)),
        ("Sun, 01 Mar 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("Sun, 01 Mar 2026 13:10:00 +0100", timedelta(minutes=10)),
        ("Sunday, 01-Mar-26 12:10:00 GMT", timedelta(minutes=10)),
        ("Sun Mar  1 12:10:00 2026", timedelta(minutes=10)),
        ("Sun, 01 Mar 2020 12:10:00 GMT", SHORTEST_PAUSE),
        ("Sun, 01 Mar 2036 12:10:00 GMT", timedelta(days=1)),
        ("315360000", timedelta(days=1)),
        ("9" * 5_000, DEFAULT_PAUSE),
        ("soon", DEFAULT_PAUSE),
        ("-1", DEFAULT_PAUSE),
        ("Sun, 99 Foo 2036", DEFAULT_PAUSE),
        ("Sun, 01 Jan 0000 00:00:00 GMT", SHORTEST_PAUSE),
        ("", DEFAULT_PAUSE),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many", "503 Busy"])
def test_retry_after(status: str, value: str, after: timedelta) -> None:
    outcome = failure(reply(status, Retry_After=value))
    assert outcome.retry == Retry.LATER
    assert outcome.after is not None
    # What the server states is kept to; our own back-off is spread.
    assert after <= outcome.after <= (after * (1 + JITTER) if after == DEFAULT_PAUSE else after)


@pytest.mark.parametrize("busy", [reply("429 Too Many", Retry_After="60"), reply("503 Busy")])
def test_a_paused_host_is_left_alone(busy: bytes) -> None:
    async def use(server: Server, door: Fetcher) -> list[Document | Failure]:
        return [await door.get(server.url("/busy")), await door.get(server.url("/other"))]

    scripts: dict[str, Script] = {"/busy": busy, "/other": reply()}
    (_, other), server = run(scripts, use)
    assert isinstance(other, Failure)
    assert (other.reason, other.retry) == ("host paused", Retry.LATER)
    assert other.after is not None
    assert timedelta(seconds=50) < other.after <= DEFAULT_PAUSE * (1 + JITTER)
    assert server.paths == ["/busy"]


def test_those_who_queue_learn_of_the_pause() -> None:
    async def use(server: Server, door: Fetcher) -> list[Document | Failure]:
        return await asyncio.gather(*(door.get(server.url(f"/{n}")) for n in range(50)))

    scripts: dict[str, Script] = {f"/{n}": reply("429 Too Many", Retry_After="60") for n in range(50)}
    outcomes, server = run(scripts, use)
    assert len(server.hits) == 1
    assert [outcome.reason for outcome in outcomes].count("host paused") == 49


def test_a_busy_host_speaks_for_its_domain(resolve: Callable[..., None]) -> None:
    for host in ("rss.elbbote.de", "www.elbbote.de", "www.tokiwa.co.jp", "www.jinghai.co.jp"):
        resolve(host, ["127.0.0.1"])

    async def use(server: Server, door: Fetcher) -> list[Document | Failure]:
        await door.get(f"http://rss.elbbote.de:{server.port}/busy")
        await door.get(f"http://www.tokiwa.co.jp:{server.port}/busy")
        hosts = ("www.elbbote.de", "www.jinghai.co.jp")
        return [await door.get(f"http://{host}:{server.port}/other") for host in hosts]

    (sister, other), server = run({"/busy": reply("429 Too Many"), "/other": reply()}, use)
    assert isinstance(sister, Failure)
    assert sister.reason == "host paused"
    assert isinstance(other, Document)  # .co.jp is no publisher
    assert server.paths == ["/busy", "/busy", "/other"]


def test_a_pause_passes() -> None:
    async def use(server: Server, door: Fetcher) -> Document | Failure:
        await door.get(server.url("/busy"))
        await asyncio.sleep(1.05)
        return await door.get(server.url("/other"))

    outcome, _ = run({"/busy": reply("503 Busy", Retry_After="1"), "/other": reply()}, use)
    assert isinstance(outcome, Document)


# --- robots.txt ------------------------------------------------------------------------------------------------------


def ask_pages(robots: Script, *paths: str, options: FetchOptions = OPTIONS) -> tuple[list[Document | Failure], Server]:
    async def use(server: Server, door: Fetcher) -> list[Document | Failure]:
        return [await door.get(server.url(path), robots=True) for path in paths]

    return run({"/robots.txt": robots} | {path: reply() for path in paths}, use, options)


RULES = reply(body=b"User-agent: *\nDisallow: /private\n")


def test_robots_is_asked_once_and_honoured() -> None:
    (public, private, other), server = ask_pages(RULES, "/public", "/private/1", "/other")
    assert isinstance(public, Document)
    assert isinstance(other, Document)
    assert isinstance(private, Failure)
    assert (private.reason, private.retry) == ("disallowed by robots.txt", Retry.NEVER)
    assert server.paths == ["/robots.txt", "/public", "/other"]


def test_feeds_do_not_ask_robots() -> None:
    _, server = get(reply(), robots=RULES)
    assert server.paths == ["/"]


@pytest.mark.parametrize("status", ["401 No", "403 No", "404 No", "410 No"])
def test_no_robots_means_no_rules(status: str) -> None:
    (page,), _ = ask_pages(reply(status), "/a")
    assert isinstance(page, Document)


@pytest.mark.parametrize("robots", [reply(body=b""), reply(body=b"<!doctype html><p>Welcome"), reply(body=b"\xff\x00")])
def test_robots_without_rules(robots: Script) -> None:
    (page,), _ = ask_pages(robots, "/a")
    assert isinstance(page, Document)


@pytest.mark.parametrize(
    "robots",
    [
        reply("500 Oops"),
        reply("503 Busy"),
        reply("429 Too Many"),
        dripping(raw(b"")),
        reply(body=gzip.compress(bytes(20 * MEGABYTE)), Content_Encoding="gzip"),
        redirect("/robots.txt"),
    ],
    ids=["500", "503", "429", "drip", "bomb", "loop"],
)
def test_robots_in_trouble_denies_for_now(robots: Script) -> None:
    (first, second), server = ask_pages(robots, "/a", "/b", options=replace(OPTIONS, deadline=0.5))
    for page in (first, second):
        assert isinstance(page, Failure)
        assert (page.reason, page.retry) == ("robots.txt unavailable", Retry.LATER)
        assert page.after is not None
    assert server.paths == ["/robots.txt"]


def test_large_robots_is_read_in_part() -> None:
    body = b"User-agent: *\nDisallow: /a\n" + b"# x\n" * 200_000 + b"Disallow: /b"
    (a, b), _ = ask_pages(reply(body=body), "/a", "/b")
    assert isinstance(a, Failure)
    assert isinstance(b, Document)


def test_robots_is_asked_at_each_hop() -> None:
    scripts: dict[str, Script] = {"/robots.txt": RULES, "/a": redirect("/private/1"), "/private/1": reply()}
    outcome, server = run(scripts, lambda server, door: door.get(server.url("/a"), robots=True))
    assert outcome.reason == "disallowed by robots.txt"
    assert server.paths == ["/robots.txt", "/a"]


def test_crawl_delay_is_kept() -> None:
    robots = reply(body=b"User-agent: *\nCrawl-delay: 0.2\nDisallow: /x\n")
    _, server = ask_pages(robots, "/a", "/b")
    gaps = [after.began - before.ended for before, after in zip(server.hits, server.hits[1:], strict=False)]
    assert len(gaps) == 2
    assert min(gaps) >= 0.19


def test_pages_that_come_together_ask_robots_once() -> None:
    async def use(server: Server, door: Fetcher) -> list[Document | Failure]:
        return await asyncio.gather(*(door.get(server.url(f"/{n}"), robots=True) for n in range(5)))

    scripts: dict[str, Script] = {"/robots.txt": RULES, **{f"/{n}": reply() for n in range(5)}}
    _, server = run(scripts, use)
    assert server.paths.count("/robots.txt") == 1


def test_a_host_that_cannot_be_reached_is_not_blamed_on_robots() -> None:
    outcome, _ = run({}, lambda server, door: door.get(server.url(), robots=True), STRICT)
    assert outcome.reason == "private address"


# --- TLS and proxies -------------------------------------------------------------------------------------------------

# Made for these tests; it signs nothing but itself.
SELF_SIGNED = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmvYRbe/p2cex87B2
RtSsgeZIdPTL/OxSCPmfn1uxUUqhRANCAARVOEKZXf1T3o/BGw/q4mn7USox6ow1
GvNu3mOrt+aTc8PtfbT83OdY3v3RvMIU/y/GWCzwJFNh7O9g4m1k1PIB
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUT5agu2nZlOzRPoM/4N+14oR8FmwwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIyMDEyMFoYDzIxMjYxMDI5
MjIwMTIwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARVOEKZXf1T3o/BGw/q4mn7USox6ow1GvNu3mOrt+aTc8PtfbT83OdY
3v3RvMIU/y/GWCzwJFNh7O9g4m1k1PIBo2QwYjAdBgNVHQ4EFgQUEAKjs9mg2E5v
cCBZtjYQcV+V0BswHwYDVR0jBBgwFoAUEAKjs9mg2E5vcCBZtjYQcV+V0BswDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IEw5AJn/Q6WkCfbhwPy5OIBRp7biFBFfw5jALMZzI91fAiEAs7OpsTy4AUybUUj/
Pj1mPkPs2dZeuJpeiT3R2yMgF/E=
-----END CERTIFICATE-----
"""


# Made for these tests too, and over since the day before.
EXPIRED = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQxQu7pzx0JpAYwv3
c+f7rSXsR8f+BOT5edbGISFvpJehRANCAARDmmn9TbtgmtqBbNd3tR5zwmrQHE5c
KkGMNgdP0im3nc7WbSROv9KcqKehO+s+HSXqMNVC/XrlTVKO7LXxGPxE
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBZjCCAQ2gAwIBAgIUUXapVW9gZDG/4AB5UrhIVioOvSowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MB4XDTI2MTEyNTEzNDkyOVoXDTI2MTEyNDEz
NDkyOVowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEQ5pp/U27YJragWzXd7Uec8Jq0BxOXCpBjDYHT9Ipt53O1m0kTr/SnKin
oTvrPh0l6jDVQv165U1Sjuy18Rj8RKM9MDswGgYDVR0RBBMwEYcEfwAAAYIJbG9j
YWxob3N0MB0GA1UdDgQWBBSKi1omNEsKFDUCEK263np8i2zOujAKBggqhkjOPQQD
AgNHADBEAiAsW+CYEiY0viZ+p57vBwRKdhfiHTyqgbY7fo+xY2AvngIgLK0EBSQG
8Ai1SAQ1G79m1SbUF6E7dT7+FOT2NyjPxSU=
-----END CERTIFICATE-----
"""


@pytest.mark.parametrize(
    ("pem", "trusted", "outcome"),
    [
        (SELF_SIGNED, True, "connection lost"),  # the handshake went well; this server says nothing more
        (SELF_SIGNED, False, "TLS failure"),
        (EXPIRED, True, "TLS failure"),
    ],
    ids=["trusted", "self-signed", "expired"],
)
def test_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pem: str, trusted: bool, outcome: str) -> None:
    file = tmp_path / "certificate.pem"
    file.write_text(pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    if trusted:
        monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", ssl.create_default_context(cafile=str(file)))

    async def main() -> Document | Failure:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        async with server, fetcher() as door:
            return await door.get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    found = asyncio.run(main())
    assert isinstance(found, Failure)
    assert (found.reason, found.retry) == (outcome, Retry.LATER)


def test_plain_text_where_tls_is_expected() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def main() -> Document | Failure:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with server, fetcher() as door:
            return await door.get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    outcome = asyncio.run(main())
    assert isinstance(outcome, Failure)
    assert outcome.reason == "TLS failure"


def through_proxy(
    url: str, scripts: dict[str, Script], allow: tuple[str, ...] = ()
) -> tuple[Document | Failure, Server]:
    async def main() -> tuple[Document | Failure, Server]:
        async with Server(scripts) as proxy:
            options = replace(STRICT, allow_hosts=allow, proxy=f"http://user:secret@127.0.0.1:{proxy.port}")
            async with fetcher(options) as door:
                return await door.get(url), proxy

    return asyncio.run(main())


def test_proxy_is_asked_although_it_is_ours() -> None:
    outcome, proxy = through_proxy("http://news.example/feed", {"http://news.example/feed": reply()})
    assert isinstance(outcome, Document)
    assert proxy.hits[0].headers["proxy-authorization"].startswith("basic ")


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://2130706433/", "http://[::1]/", "http://localhost/"])
def test_proxy_is_not_asked_for_a_private_address(url: str) -> None:
    outcome, proxy = through_proxy(url, {url: reply()})
    assert isinstance(outcome, Failure)
    assert outcome.reason == "private address"
    assert proxy.connections == 0
    assert isinstance(through_proxy("http://10.0.0.1/", {"http://10.0.0.1/": reply()}, ("10.0.0.0/8",))[0], Document)


def test_proxy_that_refuses_or_is_away() -> None:
    refused, _ = through_proxy("https://news.example/", {})
    assert isinstance(refused, Failure)
    assert refused.reason == "proxy unavailable"
    away = replace(STRICT, proxy="http://127.0.0.1:1")
    outcome, _ = run({}, lambda server, door: door.get("http://news.example/"), away)
    assert outcome.reason == "proxy unavailable"


@pytest.mark.parametrize("proxy", ["", "proxy:3128", "socks5://127.0.0.1:1080", "http://", "http://a:99999"])
def test_bad_proxy_is_told_without_its_password(proxy: str) -> None:
    with pytest.raises(ConfigError, match=r"fetch\.proxy"):
        fetcher(replace(OPTIONS, proxy=proxy))


def test_nothing_is_logged_that_could_hold_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        run({}, lambda server, door: door.get(server.url("/feed?token=hunter2")))
        run({}, lambda server, door: door.get("http://user:hunter2@127.0.0.1/"))
    assert "hunter2" not in caplog.text


def test_a_bug_is_a_failure_too_and_told_without_the_url(caplog: pytest.LogCaptureFixture) -> None:
    broken = replace(OPTIONS, user_agent="Digest\r\nX-Evil: 1")  # aiohttp refuses to send it
    outcome, server = run({"/": reply()}, lambda server, door: door.get(server.url("/?token=hunter2")), broken)
    assert (outcome.reason, outcome.retry) == ("internal error", Retry.LATER)
    assert caplog.messages == ["fetch broke: ValueError"]
    assert server.hits == []
