"""A hostile web on this machine: each site is an address of its own in 127.0.0.0/8 with a feed, pages and a robots.txt.

What a site says follows from the seed, its name and the generation that the soak test sets, so that the test knows what
must be in the ledger. The web is a process of its own and lets idle connections go after IDLE_SECONDS.
"""

import asyncio
import multiprocessing
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

__all__ = ["IDLE_SECONDS", "About", "Answer", "Asked", "Place", "Site", "address", "serve_sites"]

IDLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: `number` is the page's, `headers` have lower-case names."""

    web: "Place"
    site: "Site"
    path: str
    headers: Mapping[str, str]
    generation: int

    @property
    def number(self) -> int:
        last = self.path.rpartition("/")[2].partition("?")[0]
        return int(last) if last.isdecimal() and len(last) < 9 else 0

    @property
    def items(self) -> int:
        """How many items the site has made so far."""
        return self.site.about.made(self.web.seed, self.generation)


# Bytes are a whole answer, after which the connection stays; what comes piece by piece ends with the connection, which
# a ConnectionResetError cuts off.
Answer = Callable[[Asked], bytes | AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a site: all that leaves the web's process, whose answers are large.

    `honest`: all items that it made up to its last successful poll must be in the ledger, and nothing else.

    One that is `stuck` says for ever that nothing has changed. `empty` sites have no entries, whatever they send; of
    the others nothing is known but that they must neither break nor vanish.
    """

    name: str
    honest: bool = False
    stuck: bool = False
    empty: bool = False
    pages: bool = True  # whether its pages may be read

    def made(self, seed: int, generation: int) -> int:
        return _made(seed, self.name, generation)


@dataclass(frozen=True, slots=True)
class Site:
    about: About
    feed: Answer
    page: Answer
    robots: Answer


@cache
def _made(seed: int, name: str, generation: int) -> int:
    if generation < 0:
        return 3
    return _made(seed, name, generation - 1) + Random(f"{seed}/{name}/{generation}").randint(0, 2)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the web is to be found."""

    seed: int
    port: int
    pid: int
    generation: Any  # a shared number
    sites: tuple[About, ...] = ()

    def url(self, position: int, path: str = "/feed") -> str:
        return f"http://{address(position)}:{self.port}{path}"


def address(position: int) -> str:
    return f"127.2.{position // 250}.{position % 250 + 1}"


@contextmanager
def serve_sites(seed: int, sites: Callable[[], tuple[Site, ...]]) -> Iterator[Place]:
    """The sites, which a module-level function makes anew in the web's own process."""
    context = multiprocessing.get_context("spawn")
    generation = context.RawValue("i", 0)
    with socket.socket() as probe:
        probe.bind((address(0), 0))
        port = probe.getsockname()[1]
    ready, told = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(seed, port, generation, sites, told), daemon=True)
    process.start()
    told.close()
    try:
        yield Place(seed, port, process.pid or 0, generation, ready.recv())
    finally:
        ready.close()
        process.kill()
        process.join()


def _serve(seed: int, port: int, generation: Any, sites: Callable[[], tuple[Site, ...]], told: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the soak test, which then ends us
    parent = multiprocessing.parent_process()
    assert parent is not None

    async def main() -> None:
        asyncio.get_running_loop().add_reader(parent.sentinel, os._exit, 1)
        web = _Web(Place(seed, port, 0, generation), {address(n): site for n, site in enumerate(sites())})
        server = await asyncio.start_server(web.answer, list(web.sites), port, backlog=256)
        told.send(tuple(site.about for site in web.sites.values()))
        await server.serve_forever()

    asyncio.run(main())


@dataclass(frozen=True, slots=True)
class _Web:
    place: Place
    sites: Mapping[str, Site]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        site = self.sites[writer.get_extra_info("sockname")[0]]
        with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError, asyncio.LimitOverrunError):
            while await self._answer_one(site, await self._read_head(reader), writer):
                pass
        # What the other side has not taken by now, it need not have.
        writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    @staticmethod
    async def _read_head(reader: asyncio.StreamReader) -> list[str]:
        async with asyncio.timeout(IDLE_SECONDS):
            return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")

    async def _answer_one(self, site: Site, head: list[str], writer: asyncio.StreamWriter) -> bool:
        path = head[0].split(" ")[1]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        asked = Asked(self.place, site, path, headers, self.place.generation.value)
        answer = site.feed if path == "/feed" else site.robots if path == "/robots.txt" else site.page
        body = answer(asked)
        if isinstance(body, bytes):
            writer.write(body)
            await writer.drain()
            return True
        try:
            async for piece in body:
                writer.write(piece)
                await writer.drain()
        except ConnectionResetError:
            writer.transport.abort()
        return False
