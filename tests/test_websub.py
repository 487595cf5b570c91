"""WebSub end to end: a real hub on loopback, our service's receiver, and what becomes of what the hub delivers."""

import asyncio
import hmac
import io
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from digest import schedule
from digest.edges import receiver
from digest.edges.database import Database
from digest.edges.fetch import Fetcher
from digest.edges.mail import Folder
from digest.edges.receiver import MAX_BODY_BYTES, Receiver
from digest.edges.subscriptions import SubscriptionStore
from digest.errors import ConfigError
from digest.records import Subscription
from digest.schedule import Service
from digest.websub import MOST_WAITING, Subscriber
from tests.edges.scripted_server import Script, Server, reply
from tests.ledger import NOW, new_ledger
from tests.test_polling import DAY, OPTIONS, Newsroom, every, feed


@dataclass
class Hub:
    """A small hub: takes forms, asks the callback whether it meant them, and delivers signed bodies."""

    lease: int = 864_000
    method: str = "sha256"
    forms: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    subscribers: dict[str, dict[str, str]] = field(default_factory=dict)  # topic -> form
    refuse: bool = False
    port: int = 0

    async def __aenter__(self) -> "Hub":
        app = web.Application()
        app.router.add_post("/", self._on_form)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        self.session = aiohttp.ClientSession()
        self._verifying: set[asyncio.Task[None]] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def _on_form(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        if self.refuse:
            return web.Response(status=400, text="unknown topic")
        task = asyncio.ensure_future(self._verify(form))
        self._verifying.add(task)
        return web.Response(status=202)

    async def settled(self) -> None:
        await asyncio.gather(*self._verifying)

    async def _verify(self, form: dict[str, str]) -> None:
        query = {
            "hub.mode": form["hub.mode"],
            "hub.topic": form["hub.topic"],
            "hub.challenge": "挑戰 & <b>",
            "hub.lease_seconds": str(self.lease),
        }
        async with self.session.get(form["hub.callback"], params=query) as answer:
            self.answers.append((answer.status, await answer.text()))
            if self.answers[-1] == (200, query["hub.challenge"]):
                if form["hub.mode"] == "subscribe":
                    self.subscribers[form["hub.topic"]] = form
                else:
                    self.subscribers.pop(form["hub.topic"])

    async def deliver(self, topic: str, body: bytes, *, secret: str = "", headers: dict[str, str] | None = None) -> int:
        form = self.subscribers[topic]
        digest = hmac.new((secret or form["hub.secret"]).encode(), body, self.method).hexdigest()
        signed = {"X-Hub-Signature": f"{self.method}={digest}", "Content-Type": "application/rss+xml"}
        async with self.session.post(
            form["hub.callback"], data=io.BytesIO(body), headers=signed | (headers or {})
        ) as answer:
            return answer.status


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_ledger(tmp_path / "digest.db")
    yield database
    database.close()


@dataclass
class World:
    newsroom: Newsroom
    server: Server
    hub: Hub
    receiver: Receiver
    subscriber: Subscriber

    async def keep(self) -> None:
        states = self.newsroom.store.feed_states(self.newsroom.sources)
        async with Fetcher(OPTIONS, lambda: self.newsroom.now) as fetcher:
            await self.subscriber.keep(fetcher, list(states.values()))
        await self.hub.settled()

    async def read(self) -> None:
        await self.newsroom.pipeline().take_pushed(self.subscriber.delivered())

    @property
    def subscriptions(self) -> list[Subscription]:
        return self.subscriber.store.all()


def run(folder: Path, database: Database, use: Callable[[World], Awaitable[None]], **hub_options: object) -> None:
    """`use` with a source that names a hub in its headers, polled once."""

    async def main() -> None:
        newsroom = Newsroom(folder, database)
        newsroom.hubs = True
        store = SubscriptionStore(database)
        subscriber = Subscriber(store, "", lambda: newsroom.now)
        async with (
            Hub(**hub_options) as hub,  # type: ignore[arg-type]
            Server(newsroom.scripts) as server,
            Receiver("127.0.0.1:0", subscriber.confirm, subscriber.take) as door,
        ):
            subscriber.callback = f"http://127.0.0.1:{door.port}/websub/"
            link = f'<{hub.url}>; rel="hub", <{server.url("/self")}>; rel="self"'
            newsroom.scripts["/feed"] = reply(body=feed("甲"), Link=link)
            newsroom.sources = (every("京海日报", server.url("/feed")),)
            await newsroom.poll()
            await use(World(newsroom, server, hub, door, subscriber))

    asyncio.run(main())


def test_from_the_hint_to_the_article_and_away_again(tmp_path: Path, database: Database) -> None:
    async def use(world: World) -> None:
        newsroom, hub = world.newsroom, world.hub
        topic = world.server.url("/self")
        await world.keep()
        (form,) = hub.forms
        assert form.keys() == {"hub.mode", "hub.topic", "hub.callback", "hub.lease_seconds", "hub.secret"}
        assert (form["hub.mode"], form["hub.topic"]) == ("subscribe", topic)
        assert hub.answers == [(200, "挑戰 & <b>")]
        (one,) = world.subscriptions
        assert (one.state, one.expires) == ("active", newsroom.now + 10 * DAY)
        assert len(one.token) >= 43  # 256 bits
        assert form["hub.callback"].endswith(f"/websub/{one.token}")

        before = newsroom.state(newsroom.sources[0])
        assert await hub.deliver(topic, feed("乙", "甲")) == 202
        await world.read()
        assert [title for _, title in newsroom.titles()] == ["甲", "乙"]
        assert newsroom.log()[-1] == ("京海日报", "pushed", "")
        after = newsroom.state(newsroom.sources[0])
        assert (after.due, after.etag, after.body_hash) == (before.due, before.etag, before.body_hash)
        assert after.lease == one.expires

        await world.keep()
        assert len(hub.forms) == 1  # nothing to do
        newsroom.now += 9.5 * DAY
        await world.keep()
        assert [form["hub.mode"] for form in hub.forms] == ["subscribe"] * 2
        assert world.subscriptions[0].expires == newsroom.now + 10 * DAY
        assert world.subscriptions[0].token == one.token

        newsroom.sources = ()
        await world.keep()
        assert hub.forms[-1]["hub.mode"] == "unsubscribe"
        assert (world.subscriptions, hub.subscribers) == ([], {})

    run(tmp_path, database, use)


@pytest.mark.parametrize("method", ["sha1", "sha512"])
def test_hubs_that_sign_otherwise(tmp_path: Path, database: Database, method: str) -> None:
    async def use(world: World) -> None:
        await world.keep()
        assert await world.hub.deliver(world.server.url("/self"), feed("乙")) == 202
        await world.read()
        assert [title for _, title in world.newsroom.titles()] == ["甲", "乙"]

    run(tmp_path, database, use, method=method)


def test_forged_and_broken_deliveries_leave_no_trace(
    tmp_path: Path, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(world: World) -> None:
        await world.keep()
        topic = world.server.url("/self")
        callback = world.hub.subscribers[topic]["hub.callback"]
        assert await world.hub.deliver(topic, feed("假"), secret="guessed") == 202
        async with world.hub.session.post(callback, data=feed("假")) as answer:
            assert answer.status == 202
        assert world.subscriber.delivered() == []
        for body in (b"", b"<html>not a feed</html>", b"\xff" * 1_000, b"<rss><channel>" + b"<a>" * 20_000):
            assert await world.hub.deliver(topic, body) == 202
        await world.read()
        assert [title for _, title in world.newsroom.titles()] == ["甲"]
        assert world.newsroom.state(world.newsroom.sources[0]).failures == 0

    with caplog.at_level(logging.DEBUG):
        run(tmp_path, database, use)
    assert "京海日报: what its hub delivered could not be read: not a feed" in caplog.messages


def test_what_is_known_to_nobody_is_not_there(tmp_path: Path, database: Database) -> None:
    async def use(world: World) -> None:
        await world.keep()
        base, session = f"http://127.0.0.1:{world.receiver.port}", world.hub.session
        (one,) = world.subscriptions
        query = {"hub.mode": "subscribe", "hub.topic": one.topic, "hub.challenge": "x"}
        for path in ("/", "/websub/", "/websub/wrong", f"/websub/{one.token}x", f"/websub/{one.token}/", "/%00"):
            async with session.get(base + path, params=query) as answer:
                assert answer.status == 404
            async with session.post(base + path, data=feed("假")) as answer:
                assert answer.status == 410
        for wrong in (
            {"hub.topic": "https://other.example/"},
            {"hub.mode": "unsubscribe"},
            {"hub.challenge": "x" * 5_000},
        ):
            async with session.get(f"{base}/websub/{one.token}", params=query | wrong) as answer:
                assert answer.status == 404
        for method in ("PUT", "DELETE", "HEAD", "OPTIONS"):
            async with session.request(method, f"{base}/websub/{one.token}") as answer:
                assert answer.status == 405
        assert world.subscriptions == [one]

    run(tmp_path, database, use)


def test_challenge_is_no_page(tmp_path: Path, database: Database) -> None:
    async def use(world: World) -> None:
        await world.keep()
        (one,) = world.subscriptions
        query = {"hub.mode": "subscribe", "hub.topic": one.topic, "hub.challenge": "<script>alert(1)</script>"}
        async with world.hub.session.get(f"{world.subscriber.callback}{one.token}", params=query) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

    run(tmp_path, database, use)


def test_deliveries_are_bounded(tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "READ_SECONDS", 0.2)

    async def sent(callback: str, session: aiohttp.ClientSession, part: bytes, pause: float) -> int:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield part
                await asyncio.sleep(pause)

        async with session.post(callback, data=endless()) as answer:
            return answer.status

    async def use(world: World) -> None:
        await world.keep()
        topic = world.server.url("/self")
        form = world.hub.subscribers[topic]
        assert await world.hub.deliver(topic, b"a" * (MAX_BODY_BYTES + 1)) == 413
        assert await sent(form["hub.callback"], world.hub.session, bytes(65_536), 0.0) == 413
        assert await world.hub.deliver(topic, b"a", headers={"Content-Encoding": "gzip"}) == 415
        assert await sent(form["hub.callback"], world.hub.session, b"a", 0.02) == 408
        for _ in range(MOST_WAITING):
            assert await world.hub.deliver(topic, feed("乙")) == 202
        assert await world.hub.deliver(topic, feed("乙")) == 503
        await world.read()
        assert await world.hub.deliver(topic, feed("丙")) == 202

    run(tmp_path, database, use)


def test_hub_that_refuses_is_asked_again_later_and_polling_goes_on(tmp_path: Path, database: Database) -> None:
    async def use(world: World) -> None:
        for hours, asked in ((0, 1), (0.5, 1), (1.5, 2), (2.5, 2), (5, 3)):
            world.newsroom.now = NOW + timedelta(hours=hours)
            await world.keep()
            assert len(world.hub.forms) == asked
        assert world.newsroom.state(world.newsroom.sources[0]).lease is None
        assert world.subscriptions[0].state == "asked"

    run(tmp_path, database, use, refuse=True)


def test_hub_in_our_own_network_is_not_asked() -> None:
    async def main() -> tuple[str, int]:
        async with Server({"/": reply()}) as inner, Fetcher(replace(OPTIONS, allow_hosts=()), lambda: NOW) as door:
            failure = await door.post(inner.url(), {"hub.secret": "x"})
            assert failure is not None
            return failure.reason, inner.connections

    assert asyncio.run(main()) == ("private address", 0)


def test_secret_is_not_sent_on_to_where_a_hub_redirects() -> None:
    async def main() -> tuple[str, int]:
        async with Server({"/": reply()}) as other:
            scripts: dict[str, Script] = {"/": reply("307 Temporary Redirect", b"", Location=other.url())}
            async with Server(scripts) as hub, Fetcher(OPTIONS, lambda: NOW) as door:
                failure = await door.post(hub.url(), {"hub.secret": "x"})
                assert failure is not None
                return failure.reason, other.connections

    assert asyncio.run(main()) == ("http 307", 0)


def test_port_that_is_taken_is_told_in_plain_words() -> None:
    async def main() -> None:
        async with Server({}) as taken:
            await Receiver(f"127.0.0.1:{taken.port}", lambda *_: False, lambda *_: HTTPStatus.GONE).__aenter__()

    with pytest.raises(ConfigError, match=r"fetch\.websub_listen: nothing can listen at 127\.0\.0\.1"):
        asyncio.run(main())


def test_service_listens_subscribes_and_reads_what_comes(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole service: its ticks poll the feed, ask the hub, and bring in what the hub delivers."""

    async def main() -> list[str]:
        newsroom = Newsroom(tmp_path, database, now=datetime.now(UTC), hubs=True)  # the scheduler has its own clock
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        newsroom.listen = f"127.0.0.1:{port}"
        async with Hub() as hub, Server(newsroom.scripts) as server:
            newsroom.scripts["/feed"] = reply(body=feed("甲"), Link=f'<{hub.url}>; rel="hub"')
            newsroom.sources = (every("京海日报", server.url("/feed")),)
            subscriber = Subscriber(SubscriptionStore(database), f"http://127.0.0.1:{port}/", lambda: newsroom.now)
            fetcher = Fetcher(OPTIONS, lambda: newsroom.now)
            service = Service(newsroom.pipeline(), lambda: fetcher, lambda: Folder(tmp_path), subscriber)
            running = asyncio.ensure_future(service.run())
            async with asyncio.timeout(20):
                while not hub.subscribers:
                    await asyncio.sleep(0.02)
                await hub.deliver(server.url("/feed"), feed("乙"))
                while len(newsroom.titles()) < 2:
                    await asyncio.sleep(0.02)
                service.stopping.set()
                await running
            return [title for _, title in newsroom.titles()]

    monkeypatch.setattr(schedule, "TICK_SECONDS", 0.1)
    assert asyncio.run(main()) == ["甲", "乙"]
