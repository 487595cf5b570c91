"""How fast feeds are polled, beside a plain loop and another reader: `python -m tests.bench_fetch`.

A web of 2,000 hosts, each an address of its own in 127.0.0.0/8, answers on this machine, so that politeness (one
connection a host, a delay, robots.txt) stays on. Two loads: feeds that all bring 20 new items, then the same feeds, of
which 95 % answer 304. Beside ours, the plain loop asks with urllib and parses with feedparser in two
processes and keeps nothing but ETags; lemon24's reader keeps its entries in SQLite as we do (`uv pip install reader
sgmllib3k`; left out where it is missing). Client and web share the machine's processors.
"""

import asyncio
import importlib
import importlib.util
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import feedparser

from digest.config import Config, Delivery, FetchSettings
from digest.edges.database import Database
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.issues import IssueStore
from digest.edges.pool import ONE_THREAD, Pool
from digest.edges.store import Store
from digest.pipeline import Pipeline
from digest.records import Source

HOSTS = 2_000
ITEMS = 20
PROCESSES = 2
CHANGED_PERCENT = 5
CONTENDERS = ("digest", "plain", "reader")

Seconds = dict[str, float]


# --- the web ---------------------------------------------------------------------------------------------------------


def hosts() -> list[str]:
    return [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(HOSTS)]


class Web(asyncio.Protocol):
    """One connection. `day` is the generation of the feeds; of it depends which have news."""

    def __init__(self, day: "Synchronized[int]") -> None:
        self.day = day
        self.left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.host = transport.get_extra_info("sockname")[0]

    def data_received(self, data: bytes) -> None:
        *requests, self.left = (self.left + data).split(b"\r\n\r\n")
        for request in requests:
            self.transport.write(self._answer(request))

    def _answer(self, request: bytes) -> bytes:
        path = request.split(b" ", 2)[1].decode()
        if path != "/feed":
            return _response(404, b"", "")
        day = self._day()
        etag = f'"{day}"'
        if f"if-none-match: {etag}".encode() in request.lower():
            return _response(304, b"", "")
        return _response(200, _feed(self.host, day), "application/rss+xml", etag)

    def _day(self) -> int:
        number = int(self.host.rpartition(".")[2])
        return self.day.value if self.day.value < 2 or number % 100 < CHANGED_PERCENT else 1


def _response(status: int, body: bytes, kind: str, etag: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n"
    if status == 304:
        head = "HTTP/1.1 304 Not Modified\r\n"
    head += f"Content-Type: {kind}\r\n" if kind else ""
    head += f"ETag: {etag}\r\n" if etag else ""
    return head.encode() + b"\r\n" + body


_SENTENCE = "The council heard on Tuesday that the works at the northern bridge will go on until the autumn. "


def _feed(host: str, day: int) -> bytes:
    begin = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day)
    items = "".join(
        f"<item><title>Report {day}-{number} from {host} &amp; around</title><link>http://{host}/p/{day}/{number}</link>"
        f"<guid isPermaLink='false'>{host}-{day}-{number}</guid>"
        f"<pubDate>{begin + timedelta(minutes=number):%a, %d %b %Y %H:%M:%S} GMT</pubDate>"
        f"<description>&lt;p&gt;{_SENTENCE * 4}&lt;/p&gt;</description></item>"
        for number in range(ITEMS)
    )
    head = (
        f"<title>News of {host}</title><link>http://{host}/</link><description>All</description><language>en</language>"
    )
    return f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel>{head}{items}</channel></rss>".encode()


def _serve(port: int, day: "Synchronized[int]") -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Web(day), "0.0.0.0", port, backlog=4096)
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def web() -> Iterator[tuple[int, "Synchronized[int]"]]:
    context = multiprocessing.get_context("fork")
    day = context.Value("i", 1)
    port = 18_080
    process = context.Process(target=_serve, args=(port, day), daemon=True)
    process.start()
    time.sleep(1)
    try:
        yield port, day
    finally:
        process.kill()
        process.join()


# --- ours ------------------------------------------------------------------------------------------------------------


def digest(port: int, turn: Callable[[], None], folder: Path) -> Seconds:
    return asyncio.run(_digest(port, turn, folder))


async def _digest(port: int, turn: Callable[[], None], folder: Path) -> Seconds:
    clock = {"now": datetime(2026, 3, 3, tzinfo=UTC)}
    sources = tuple(Source(host, f"http://{host}:{port}/feed", every=timedelta(hours=1)) for host in hosts())
    settings = FetchSettings("bench@example.org", ("127.0.0.0/8",), timedelta(seconds=1), timedelta(seconds=30), None)
    config = Config(folder / "feeds.yaml", sources, (), (), Delivery("a@example.org", None), settings)
    database = Database(f"sqlite:///{folder}/digest.db")
    options = FetchOptions("Digest-bench/1.0", settings.allow_hosts, deadline=30, delay=1)
    seconds: Seconds = {}
    with Pool(PROCESSES) as pool:
        pool.run(_nothing, range(PROCESSES), key=str, size=1, deadline=60)
        pipeline = Pipeline(config, Store(database), IssueStore(database), pool, lambda: clock["now"])
        async with Fetcher(options, pipeline.now) as fetcher:
            began = time.perf_counter()
            polled = await pipeline.poll_feeds(fetcher)
            seconds["new"] = time.perf_counter() - began
            assert (polled.done, sum(polled.failed.values())) == (HOSTS, 0), polled
            turn()
            clock["now"] += timedelta(hours=2)
            began = time.perf_counter()
            polled = await pipeline.poll_feeds(fetcher)
            seconds["304"] = time.perf_counter() - began
            assert (polled.done, sum(polled.failed.values())) == (HOSTS, 0), polled
    database.close()
    return seconds


def _nothing(items: Any) -> list[Any]:
    import digest.stages.parse  # noqa: F401 - the workers load what they will need

    return list(items)


# --- the others ------------------------------------------------------------------------------------------------------


def plain(port: int, turn: Callable[[], None], folder: Path) -> Seconds:
    urls = [f"http://{host}:{port}/feed" for host in hosts()]
    seconds: Seconds = {}
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as executor:
        list(executor.map(_ask, [(url, "") for url in urls[:4]]))
        began = time.perf_counter()
        etags = list(executor.map(_ask, [(url, "") for url in urls], chunksize=50))
        seconds["new"] = time.perf_counter() - began
        turn()
        began = time.perf_counter()
        list(executor.map(_ask, list(zip(urls, etags, strict=True)), chunksize=50))
        seconds["304"] = time.perf_counter() - began
    return seconds


def _ask(asked: tuple[str, str]) -> str:
    url, etag = asked
    request = urllib.request.Request(url, headers={"If-None-Match": etag} if etag else {})
    try:
        with urllib.request.urlopen(request) as response:
            body, etag = response.read(), str(response.headers["ETag"])
    except HTTPError as error:
        if error.code != 304:
            raise
        return etag
    assert len(feedparser.parse(body).entries) == ITEMS
    return etag


def reader(port: int, turn: Callable[[], None], folder: Path) -> Seconds:
    make_reader = importlib.import_module("reader").make_reader  # may be missing

    seconds: Seconds = {}
    with make_reader(str(folder / "reader.sqlite")) as other:
        for host in hosts():
            other.add_feed(f"http://{host}:{port}/feed")
        for load in ("new", "304"):
            began = time.perf_counter()
            other.update_feeds(workers=20, scheduled=False)
            seconds[load] = time.perf_counter() - began
            turn()
        assert (other.get_entry_counts().total or 0) >= HOSTS * ITEMS
    return seconds


# --- the measurement -------------------------------------------------------------------------------------------------


def measure(name: str, port: int) -> dict[str, float]:
    """In a process of its own: peaks of memory only ever rise. The web's clock is turned through the parent."""

    def turn() -> None:
        print("turn", flush=True)
        sys.stdin.readline()

    with tempfile.TemporaryDirectory() as folder:
        seconds = globals()[name](port, turn, Path(folder))
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {**seconds, "mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + PROCESSES * children) / 1024}


def _measured_apart(name: str) -> dict[str, float]:
    with web() as (port, day):
        command = [
            sys.executable,
            "-c",
            "from tests.bench_fetch import print_measured; print_measured()",
            name,
            str(port),
        ]
        process = subprocess.Popen(
            command, env={**os.environ, **ONE_THREAD}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() != "turn":
                process.wait()
                found: dict[str, float] = json.loads(line)
                return found
            day.value += 1
            print("go", file=process.stdin, flush=True)
    raise RuntimeError(f"{name} gave no result")


def print_measured() -> None:
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))


def print_table() -> None:
    print(f"{HOSTS} feeds of {ITEMS} items, each on a host of its own; then {100 - CHANGED_PERCENT} % unchanged\n")
    print(f"{'':12}{'new, feeds/s':>14}{'304, feeds/s':>14}{'memory MB':>12}")
    for name in CONTENDERS:
        if name == "reader" and importlib.util.find_spec("reader") is None:
            print("reader is not installed: left out")
            continue
        found = _measured_apart(name)
        print(f"{name:12}{HOSTS / found['new']:14.0f}{HOSTS / found['304']:14.0f}{found['mb']:12.0f}")


if __name__ == "__main__":
    print_table()
