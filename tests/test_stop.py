"""What is left of a cycle when it is stopped in its midst."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from digest.config import Config, Delivery, FetchSettings
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.issues import IssueStore
from digest.edges.pool import Inline
from digest.edges.store import Store
from digest.pipeline import Pipeline
from digest.records import Source
from tests.edges.scripted_server import Script, Server, reply
from tests.ledger import HOUR, NOW, new_ledger


class Held(Inline):
    """Tells when it is given something to read, and begins when it is closed."""

    def __init__(self) -> None:
        self.given, self.closed = threading.Event(), threading.Event()

    def run(
        self, stage: Any, items: Sequence[Any], *, key: Callable[[Any], str], size: int, deadline: float
    ) -> list[Any]:
        self.given.set()
        self.closed.wait(30)
        return super().run(stage, items, key=key, size=size, deadline=deadline)

    def close(self) -> None:
        self.closed.set()


def test_stop_while_a_feed_is_read_ends_the_requests_for_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(_stop_while_reading(tmp_path))
    assert caplog.text == ""


async def _stop_while_reading(folder: Path) -> None:
    async def silent(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    scripts: dict[str, Script] = {"/a": reply(body=b"<rss version='2.0'><channel/></rss>"), "/b": silent}
    async with Server(scripts) as server:
        slow = server.url("/b").replace("127.0.0.1", "localhost")
        sources = (Source("a", server.url("/a"), every=HOUR), Source("b", slow, every=HOUR))
        settings = FetchSettings("desk@example.org", (), HOUR, HOUR, None)
        config = Config(folder / "feeds.yaml", sources, (), (), Delivery("desk@example.org", None), settings)
        runner = Held()
        with closing(new_ledger(folder / "digest.db")) as database:
            pipeline = Pipeline(config, Store(database), IssueStore(database), runner, lambda: NOW)
            options = FetchOptions("Digest/1.0", ("127.0.0.0/8", "localhost"), deadline=30, delay=0)
            async with Fetcher(options, pipeline.now) as fetcher:
                before = asyncio.all_tasks()
                cycle = asyncio.create_task(pipeline.poll_feeds(fetcher))
                await asyncio.to_thread(runner.given.wait, 30)
                cycle.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await cycle
                left = [repr(task.get_coro()) for task in asyncio.all_tasks() - before]
                assert not any("Pipeline" in task for task in left)
