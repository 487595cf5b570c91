"""The one door inwards: a small server at which hubs confirm subscriptions and deliver news (WebSub).

It is meant to stand behind a web server that speaks TLS. Each subscription has an address that nobody can guess.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import TracebackType

from aiohttp import web

from digest.errors import ConfigError

__all__ = ["MAX_BODY_BYTES", "Receiver"]

MAX_BODY_BYTES = 4 * 1024 * 1024
# Bodies read at a time, and how long one may take: what slow or many senders can cost.
MOST_AT_ONCE = 8
READ_SECONDS = 20.0
MAX_CHALLENGE_CHARS = 2_000

Confirm = Callable[[str, Mapping[str, str]], bool]
Take = Callable[[str, str, bytes, Mapping[str, str]], HTTPStatus]


class Receiver:
    """`confirm` tells whether we want what a hub asks of the address with this token; `take` takes what it delivers."""

    def __init__(self, listen: str, confirm: Confirm, take: Take) -> None:
        host, _, port = listen.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._confirm = confirm
        self._take = take
        self._reading = 0

    async def __aenter__(self) -> "Receiver":
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/{path:.*}", self._on_get, allow_head=False)
        app.router.add_post("/{path:.*}", self._on_post)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=15.0, auto_decompress=False)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            problem = f"nothing can listen at {self._host}:{self._port} ({error.strerror})"
            raise ConfigError("fetch.websub_listen", problem, "name a free port of this machine") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port that is really listened at, where 0 was asked for."""
        return int(self._runner.addresses[0][1])

    async def _on_get(self, request: web.Request) -> web.Response:
        challenge = request.query.get("hub.challenge", "")
        if len(challenge) > MAX_CHALLENGE_CHARS or not self._confirm(_token(request), request.query):
            return web.Response(status=HTTPStatus.NOT_FOUND)
        return web.Response(text=challenge, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})

    async def _on_post(self, request: web.Request) -> web.Response:
        if request.headers.get("Content-Encoding", "identity") != "identity":
            return web.Response(status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        if (request.content_length or 0) > MAX_BODY_BYTES:
            return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, headers={"Connection": "close"})
        if self._reading >= MOST_AT_ONCE:
            return _busy()
        self._reading += 1
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await request.read()
        except TimeoutError:
            return web.Response(status=HTTPStatus.REQUEST_TIMEOUT, headers={"Connection": "close"})
        finally:
            self._reading -= 1
        headers = {name.lower(): value for name, value in request.headers.items()}
        status = self._take(_token(request), headers.get("x-hub-signature", ""), body, headers)
        return _busy() if status is HTTPStatus.SERVICE_UNAVAILABLE else web.Response(status=status)


def _token(request: web.Request) -> str:
    return request.path.rpartition("/")[2]


def _busy() -> web.Response:
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "60"})
