"""The newsroom's HTTP server on loopback. Each outlet has an address of its own, so that politeness stays on."""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from digest.demo.feeds import render_feed
from digest.demo.newsroom import Outlet, newsroom
from digest.demo.pages import front_page, render_page
from digest.records import Source

__all__ = ["NewsroomServer", "Request"]

# Three more sources that every list of feeds has: one that is gone, one that is broken, one that never answers.
GONE, BROKEN, SLEEPY = "Old Town Gazette", "Torn Page", "Sleepy Herald"
SLOW_SECONDS = 0.8  # of the outlet whose feed drips
ROBOTS = "User-agent: *\nDisallow: /intern/\n"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked, for tests."""

    host: str
    path: str
    status: int
    conditional: bool


@dataclass(slots=True)
class NewsroomServer:
    """An async context manager. `now` is the newsroom's clock: what is published later does not exist yet."""

    now: datetime
    requests: list[Request] = field(default_factory=list)
    _runner: web.AppRunner | None = None
    _addresses: dict[str, str] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        hosts = [*(outlet.key for outlet in newsroom().outlets), GONE, BROKEN, SLEEPY]
        app = web.Application(middlewares=[self._logged])
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        for number, host in enumerate(hosts, 1):
            self._addresses[host] = await self._listen(number)
        return self

    async def _listen(self, number: int) -> str:
        """A loopback address of its own (127.0.1.n) where the system has them, else a port of its own on 127.0.0.1."""
        assert self._runner is not None
        for address in (f"127.0.1.{number}", "127.0.0.1"):
            site = web.TCPSite(self._runner, address, 0)
            try:
                await site.start()
            except OSError:
                continue
            port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # aiohttp has no public way
            return f"http://{address}:{port}"
        raise OSError("no loopback address could be bound")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def address(self, key: str) -> str:
        return self._addresses[key]

    def sources(self) -> tuple[Source, ...]:
        """What a feeds.yaml for this newsroom lists."""
        ours = tuple(
            Source(one.name, f"{self.address(one.key)}/feed", one.language, one.country, one.kind)  # type: ignore[arg-type]
            for one in newsroom().outlets
        )
        daily = timedelta(days=1)
        return ours + tuple(
            Source(name, f"{self.address(name)}/feed", "en", "GB", every=daily) for name in (GONE, BROKEN, SLEEPY)
        )

    # --- answers -----------------------------------------------------------------------------------------------------

    @web.middleware
    async def _logged(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        conditional = "If-None-Match" in request.headers or "If-Modified-Since" in request.headers
        self.requests.append(Request(request.host, request.path, response.status, conditional))
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        key = next((name for name, base in self._addresses.items() if base == f"http://{request.host}"), "")
        if request.path == "/robots.txt":
            return web.Response(text=ROBOTS)
        outlet = next((one for one in newsroom().outlets if one.key == key), None)
        if outlet is not None:
            return await self._outlet(request, outlet)
        return await self._trouble(request, key)

    async def _outlet(self, request: web.Request, outlet: Outlet) -> web.StreamResponse:
        base = self.address(outlet.key)
        if request.path == "/photo.png":
            return web.Response(body=PIXEL, content_type="image/png")
        if request.path == "/":
            return _response(front_page(outlet, self.now))
        if request.path == "/feed":
            return await self._feed(request, outlet, base)
        article = next((one for one in outlet.published_by(self.now) if one.path == request.path), None)
        if article is None:
            raise web.HTTPNotFound(text="There is no such page.")
        return _response(render_page(outlet, article, base + article.path, self.now))

    async def _feed(self, request: web.Request, outlet: Outlet, base: str) -> web.StreamResponse:
        body, content_type = render_feed(outlet, base, self._changed(outlet))
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"Content-Type": content_type, "ETag": etag}
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        if outlet.feed.quirk == "slow":
            return await self._drip(request, body, headers)
        return web.Response(body=body, headers=headers)

    def _changed(self, outlet: Outlet) -> datetime:
        """When the outlet last changed something: its feed has the same bytes until the next change."""
        return max((one.changed_at(self.now) for one in outlet.published_by(self.now)), default=self.now)

    async def _drip(self, request: web.Request, body: bytes, headers: dict[str, str]) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        parts = _parts(body, 8)
        for part in parts:
            await response.write(part)
            await self._wait(SLOW_SECONDS / len(parts))
        return response

    async def _trouble(self, request: web.Request, name: str) -> web.StreamResponse:
        if name == GONE:
            return web.Response(status=410, text="This feed is gone for good.")
        if name == SLEEPY:
            await self._wait(timedelta(minutes=1).total_seconds())
            return web.Response(status=503)
        if request.path == "/feed":
            return web.Response(
                text=_text("torn.xml").replace("BASE", self.address(BROKEN)), content_type="application/rss+xml"
            )
        return web.Response(text=_text("torn.html"), content_type="text/html")

    async def _wait(self, seconds: float) -> None:
        """Sleeps, but not longer than the server lives."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _response(page: tuple[bytes, str]) -> web.Response:
    body, content_type = page
    return web.Response(body=body, headers={"Content-Type": content_type})


def _parts(body: bytes, count: int) -> Sequence[bytes]:
    size = len(body) // count + 1
    return [body[start : start + size] for start in range(0, len(body), size)]
