"""The one door to the network: whatever the program asks of another machine by HTTP goes through `Fetcher.get`."""

import asyncio
import errno
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from digest.edges.addresses import AddressError, Allowlist, http_url, literal
from digest.edges.inflate import ACCEPT_ENCODING, InflateError, Inflater
from digest.edges.politeness import Hosts, retry_after
from digest.edges.robots import MAX_ROBOTS_BYTES, Rules
from digest.errors import ConfigError
from digest.records import Document, Failure, Pause, Retry, RobotsFile

__all__ = ["ACCEPT_FEED", "ACCEPT_PAGE", "FetchOptions", "Fetcher"]

log = logging.getLogger(__name__)

ACCEPT_FEED = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, "
    "application/json;q=0.8, text/html;q=0.5, */*;q=0.3"
)
ACCEPT_PAGE = "text/html, application/xhtml+xml, application/xml;q=0.8, */*;q=0.5"

CHUNK_BYTES = 65_536
# News sites send policies of ten thousand characters in one header; with both limits a head stays below 4 MB.
MAX_HEADER_BYTES = 16_384
MAX_HEADERS = 256
PARALLEL_HOSTS = 64
DNS_CACHE_SECONDS = 60

ROBOTS_TIME = timedelta(days=1)  # RFC 9309: not to be used for longer
ROBOTS_RETRY_SECONDS = 600.0

REDIRECTS = frozenset({301, 302, 303, 307, 308})
PERMANENT_REDIRECTS = frozenset({301, 308})
TAKEN = frozenset({200, 201, 202, 204})  # what a POST is to be answered with
PAUSING = frozenset({429, 503})
# Of the client errors these pass: a block, a page not yet there, a time limit, a wrong connection, too many requests.
PASSING_CLIENT_ERRORS = frozenset({403, 404, 408, 421, 425, 429})
NAMED_STATUSES = {403: "forbidden", 410: "gone", 429: "too many requests"}

NEVER_AGAIN = frozenset(
    {
        "bad address",
        "body too large",
        "disallowed by robots.txt",
        "headers too large",
        "private address",
        "redirect to a forbidden scheme",
        "unsupported compression",
        "wire body too large",
    }
)
# A robots.txt that fails so says nothing about the site's wishes: the page itself would fail alike.
UNREACHABLE = frozenset(
    {
        "bad address",
        "connection refused",
        "host paused",
        "host unreachable",
        "name not found",
        "private address",
        "proxy unavailable",
        "TLS failure",
    }
)

# The first that fits counts. ClientConnectionError comes last: aiohttp derives most of the others from it.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "timed out"),
    (aiohttp.ClientProxyConnectionError, "proxy unavailable"),
    (aiohttp.ClientHttpProxyError, "proxy unavailable"),
    (aiohttp.ClientConnectorDNSError, "name not found"),
    (aiohttp.ClientSSLError, "TLS failure"),
    (aiohttp.ClientPayloadError, "truncated body"),
    (aiohttp.InvalidURL, "bad address"),
    (aiohttp.ClientResponseError, "bad response"),
    (aiohttp.ClientConnectionError, "connection lost"),
)

# aiohttp has one exception for all that its parser refuses; only the message tells this one.
_TOO_LONG = ("Got more than", "Too many headers")


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """Sizes in bytes, times in seconds. `allow_hosts`: names, addresses and networks allowed although not public."""

    user_agent: str
    allow_hosts: tuple[str, ...] = ()
    max_wire_bytes: int = 10 * 1024 * 1024
    max_body_bytes: int = 10 * 1024 * 1024  # decompressed
    deadline: float = 30.0  # over all redirects, without the waits that politeness asks for
    delay: float = 1.0  # between the end of one request to a host and the start of the next
    max_redirects: int = 5
    proxy: str | None = None


class _Trouble(Exception):
    """An expected failure on its way to `get`. `status` where a server answered."""

    def __init__(self, reason: str, *, after: timedelta | None = None, status: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after
        self.status = status

    @property
    def retry(self) -> Retry:
        refused = 400 <= self.status < 500 and self.status not in PASSING_CLIENT_ERRORS
        return Retry.NEVER if refused or self.reason in NEVER_AGAIN else Retry.LATER


@dataclass(slots=True)
class _Robots:
    """An origin's robots.txt: its rules, or none where they could not be had."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    rules: Rules | None = None
    until: float = float("-inf")


@dataclass(slots=True)
class _Connecting:
    """The connection being opened, as the socket factory must know it."""

    host: str
    exempt: bool
    opened: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass(slots=True)
class _Budget:
    """What is left of the deadline, over all hops."""

    left: float

    @asynccontextmanager
    async def spend(self) -> AsyncIterator[None]:
        clock = asyncio.get_running_loop().time
        start = clock()
        try:
            async with asyncio.timeout(self.left):
                yield
        except TimeoutError as error:
            raise _Trouble("timed out") from error
        finally:
            self.left -= clock() - start


_Form = Mapping[str, str] | None

# Set for each hop; the tasks in which aiohttp races addresses inherit it.
_CONNECTING: ContextVar[_Connecting] = ContextVar("_CONNECTING")


class Fetcher:
    """Asks one host by one connection at a time, with a delay, and tells every trouble as a Failure.

    Keeps pauses, robots.txt and open connections for its life, but no cookies and no credentials.
    """

    def __init__(self, options: FetchOptions, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self._allowed = Allowlist.parse(options.allow_hosts)
        self._proxy = _proxy(options.proxy)
        self._hosts = Hosts(options.delay, now)
        self._robots: dict[URL, _Robots] = {}
        self._recall: Callable[[str], RobotsFile | None] = lambda _: None
        self._new_robots: list[RobotsFile] = []
        self._slots = asyncio.Semaphore(PARALLEL_HOSTS)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Fetcher":
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=DNS_CACHE_SECONDS, socket_factory=self._open_socket)
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": self._options.user_agent, "Accept-Encoding": ACCEPT_ENCODING},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(
        self, url: str, *, etag: str = "", modified: str = "", robots: bool = False, accept: str = ACCEPT_FEED
    ) -> Document | Failure:
        """A Document with status 200, or 304 where `etag` or `modified` was given and still holds.

        Its headers tell under ":moved" the final URL where every redirect on the way was permanent. With `robots`,
        robots.txt is asked first, at each hop; ":robots" tells what it said: "allowed", or "none" where there is none.
        """
        headers = {"Accept": accept} | _conditions(etag, modified)
        try:
            document = await self._follow(url, headers, robots=robots)
            _check_content(document, conditional=len(headers) > 1)
        except _Trouble as trouble:
            return Failure(url, "fetch", trouble.reason, trouble.retry, trouble.after)
        except Exception as error:  # noqa: BLE001 - one odd answer must not cost the other feeds
            log.error("fetch broke: %s", type(error).__name__)
            return Failure(url, "fetch", "internal error", Retry.LATER)
        return document

    async def sitemaps(self, url: str) -> tuple[str, ...]:
        """The sitemaps that the host's robots.txt lists, as written; none where it cannot be had."""
        try:
            address = _address(url, "bad address")
            await self._ask_robots(address)
        except _Trouble as trouble:
            if trouble.reason != "disallowed by robots.txt":
                return ()
        rules = self._robots[address.origin()].rules
        return rules.sitemaps if rules else ()

    async def post(self, url: str, form: Mapping[str, str]) -> Failure | None:
        """Sends a form; None where the server took it. A redirect is a failure: what is sent may hold a secret."""
        try:
            address = _address(url, "bad address")
            self._check_literal(address)
            await self._ask(address, {"Accept": "*/*"}, _Budget(self._options.deadline), form)
        except _Trouble as trouble:
            return Failure(url, "fetch", trouble.reason, trouble.retry, trouble.after)
        except Exception as error:  # noqa: BLE001 - one odd answer must not cost the others
            log.error("post broke: %s", type(error).__name__)
            return Failure(url, "fetch", "internal error", Retry.LATER)
        return None

    def restore(self, pauses: Iterable[Pause], robots: Callable[[str], RobotsFile | None]) -> None:
        """Takes up what an earlier run was told: pauses of hosts, and each robots.txt when it is needed."""
        self._hosts.restore(pauses)
        self._recall = robots

    def changed_pauses(self) -> list[Pause]:
        """The pauses that are other than when last asked, to be kept for the next run."""
        return self._hosts.changes()

    def new_robots(self) -> list[RobotsFile]:
        """Each robots.txt that was read since this was last asked, to be kept for the next run."""
        new, self._new_robots = self._new_robots, []
        return new

    async def _follow(self, url: str, headers: Mapping[str, str], *, robots: bool) -> Document:
        budget = _Budget(self._options.deadline)
        hop = _address(url, "bad address")
        seen: list[URL] = []
        permanent = True
        while True:
            self._check_literal(hop)
            allowed = await self._ask_robots(hop) if robots else ""
            answer = await self._ask(hop, headers, budget)
            if answer.status not in REDIRECTS:
                told = {":moved": str(hop) if seen and permanent else "", ":robots": allowed}
                return Document(url, str(hop), answer.status, _kept_headers(answer, told), answer.body, self._now())
            permanent = permanent and answer.status in PERMANENT_REDIRECTS
            seen.append(hop)
            hop = _next_hop(hop, answer)
            if hop in seen or len(seen) > self._options.max_redirects:
                raise _Trouble("too many redirects")

    def _check_literal(self, url: URL) -> None:
        # Behind a proxy we open no connection to the host, so that only what the URL says can be judged.
        if self._proxy is not None and not self._allowed.admits_written(url):
            raise _Trouble("private address")

    async def _ask(self, url: URL, headers: Mapping[str, str], budget: _Budget, form: _Form = None) -> _Answer:
        """One request when the host's turn has come; raises _Trouble unless it is 200, 304 or a redirect."""
        clock = asyncio.get_running_loop().time
        name = _host_name(url)
        host = self._hosts.host(name)
        self._check_pause(name)
        async with host.turn:
            await asyncio.sleep(max(0.0, host.ended + host.delay - clock()))
            self._check_pause(name)  # the request before ours may have been told to wait
            async with self._slots:
                try:
                    async with budget.spend():
                        answer = await self._exchange(url, headers, form)
                finally:
                    host.ended = clock()
            if answer.status not in (REDIRECTS | {200, 304} if form is None else TAKEN):
                raise self._refused(name, answer)
        self._hosts.answered(name)
        return answer

    def _check_pause(self, host: str) -> None:
        left = self._hosts.pause_left(host)
        if left is not None:
            raise _Trouble("host paused", after=left)

    def _refused(self, host: str, answer: _Answer) -> _Trouble:
        stated = retry_after(answer.headers.get("retry-after", ""), self._now()) if answer.status >= 400 else None
        pause = self._hosts.refused(host, stated, busy=answer.status in PAUSING)
        if answer.headers.get("cf-mitigated") == "challenge":
            return _Trouble("blocked by a challenge page", after=pause)
        reason = f"http {answer.status} {NAMED_STATUSES.get(answer.status, '')}".strip()
        return _Trouble(reason, after=pause, status=answer.status)

    async def _exchange(self, url: URL, headers: Mapping[str, str], form: _Form) -> _Answer:
        assert self._session is not None, "use 'async with'"
        connecting = _Connecting(url.raw_host or "", exempt=self._proxy is not None)
        _CONNECTING.set(connecting)
        method = "GET" if form is None else "POST"
        try:
            async with self._session.request(
                method, url, headers=headers, data=form, allow_redirects=False, proxy=self._proxy
            ) as response:
                body = await self._read(response) if response.status == HTTPStatus.OK and form is None else b""
                return _Answer(response.status, _joined(response.headers), body)
        except InflateError as error:
            raise _Trouble(*error.args) from error
        except aiohttp.ClientError as error:
            raise _Trouble(_reason(error, connecting, proxied=self._proxy is not None)) from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        inflater = Inflater(_encodings(response.headers.getall("Content-Encoding", [])), self._options.max_body_bytes)
        wire = 0
        body = bytearray()
        if (response.content_length or 0) > self._options.max_wire_bytes:
            raise _Trouble("wire body too large")
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            wire += len(chunk)
            if wire > self._options.max_wire_bytes:
                raise _Trouble("wire body too large")
            for block in inflater.feed(chunk):
                body += block
        inflater.finish()
        return bytes(body)

    def _open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Checks the address of the connection itself: names, redirects and odd spellings all end here."""
        family, kind, proto, _, sockaddr = info
        connecting = _CONNECTING.get()
        address = literal(str(sockaddr[0]))
        if not connecting.exempt and (address is None or not self._allowed.admits(connecting.host, address)):
            connecting.refused += 1
            raise PermissionError(errno.EACCES, "private address")
        connecting.opened += 1
        return socket.socket(family, kind, proto)

    async def _ask_robots(self, url: URL) -> str:
        """What robots.txt says of the address: "allowed", or "none" where there is none; _Trouble where it forbids."""
        clock = asyncio.get_running_loop().time
        robots = self._robots.setdefault(url.origin(), _Robots())
        async with robots.turn:
            if clock() >= robots.until:
                kept = self._recall(str(url.origin())) or await self._read_robots(url)
                robots.rules = Rules.parse(kept.body, self._options.user_agent) if kept else None
                left = (kept.until - self._now()).total_seconds() if kept else ROBOTS_RETRY_SECONDS
                robots.until = clock() + left
        if robots.rules is None:
            raise _Trouble("robots.txt unavailable", after=timedelta(seconds=robots.until - clock()))
        if not robots.rules.allow(str(url)):
            raise _Trouble("disallowed by robots.txt")
        host = self._hosts.host(_host_name(url))
        host.delay = max(host.delay, robots.rules.delay)
        return "allowed" if robots.rules.stated else "none"

    async def _read_robots(self, url: URL) -> RobotsFile | None:
        """None where the server is in trouble; a client error means that there are no rules (RFC 9309)."""
        origin = url.origin()
        try:
            address = str(origin.with_path("/robots.txt"))
            document = await self._follow(address, {"Accept": "text/plain, */*;q=0.5"}, robots=False)
        except _Trouble as trouble:
            if trouble.reason in UNREACHABLE:
                raise
            if not 400 <= trouble.status < 500 or trouble.status == HTTPStatus.TOO_MANY_REQUESTS:
                return None
            body = None
        else:
            body = document.body[:MAX_ROBOTS_BYTES]
        read = RobotsFile(str(origin), body, self._now() + ROBOTS_TIME)
        self._new_robots.append(read)
        return read


def _proxy(text: str | None) -> URL | None:
    if text is None:
        return None
    try:
        url = URL(text)
        if url.scheme in {"http", "https"} and url.raw_host:
            return url
    except ValueError:
        pass
    # Not shown: it may hold a password.
    raise ConfigError("fetch.proxy", "this is no http or https URL", "write e.g. http://proxy.example:3128")


def _address(text: str, forbidden_scheme: str) -> URL:
    try:
        return http_url(text)
    except AddressError as error:
        raise _Trouble(forbidden_scheme if error.args == ("forbidden scheme",) else "bad address") from error


def _host_name(url: URL) -> str:
    return (url.raw_host or "").rstrip(".")


def _next_hop(hop: URL, answer: _Answer) -> URL:
    location = answer.headers.get("location", "").strip(" ")
    if not location:
        raise _Trouble("redirect without an address")
    if "\\" in location or re.search(r"[\x00-\x1f\x7f]", location):
        raise _Trouble("bad address")
    # Servers send spaces and bytes of any encoding here; browsers quote them and so do we.
    quoted = re.sub(r"[ \udc80-\udcff]", lambda match: f"%{ord(match[0]) & 0xFF:02X}", location)
    try:
        return _address(urljoin(str(hop), quoted), "redirect to a forbidden scheme")
    except ValueError as error:
        raise _Trouble("bad address") from error


def _conditions(etag: str, modified: str) -> dict[str, str]:
    given = {"If-None-Match": etag, "If-Modified-Since": modified}
    return {name: value for name, value in given.items() if value and value.isprintable()}


def _check_content(document: Document, *, conditional: bool) -> None:
    if document.status == HTTPStatus.NOT_MODIFIED and not conditional:
        raise _Trouble("http 304 unasked")
    if document.status == HTTPStatus.OK and not document.body.strip():
        raise _Trouble("empty body")


def _joined(headers: Mapping[str, str]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, value in headers.items():  # a name may come several times
        name = raw_name.lower()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _kept_headers(answer: _Answer, told: Mapping[str, str]) -> dict[str, str]:
    # Cookies are nobody's business, and what describes the body on the wire would be wrong for ours.
    dropped = {"set-cookie", "set-cookie2", "content-encoding", "content-length", "transfer-encoding"}
    kept = {name: _readable(value) for name, value in answer.headers.items() if name not in dropped}
    return kept | {name: value for name, value in told.items() if value}


def _readable(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _encodings(values: Sequence[str]) -> list[str]:
    names = [name.strip() for name in ",".join(values).lower().split(",")]
    return [name for name in names if name not in {"", "identity"}]


def _reason(error: aiohttp.ClientError, connecting: _Connecting, *, proxied: bool) -> str:
    if connecting.refused and not connecting.opened:
        return "private address"
    if isinstance(error, aiohttp.ClientResponseError) and error.message.startswith(_TOO_LONG):
        return "headers too large"
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), "bad response")
    if proxied and reason == "name not found":
        return "proxy unavailable"
    if reason == "connection lost" and isinstance(error, aiohttp.ClientConnectorError):
        return "connection refused" if error.errno == errno.ECONNREFUSED else "host unreachable"
    return reason
