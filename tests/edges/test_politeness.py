"""Pauses of hosts and of the domains that they belong to, and how they are kept over a restart."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

import pytest

from digest.edges.politeness import DEFAULT_PAUSE, JITTER, LONGEST_PAUSE, Hosts, domain

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hosts() -> Hosts:
    return Hosts(1.0, lambda: NOW)


T = TypeVar("T")


def inside(work: Callable[[], T]) -> T:
    """In a running loop, whose clock the pauses use."""

    async def main() -> T:
        return work()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("host", "registered"),
    [
        ("feeds.jinghai.com.cn", "jinghai.com.cn"),
        ("jinghai.com.cn", "jinghai.com.cn"),
        ("a.b.c.tokiwa.co.jp", "tokiwa.co.jp"),
        ("news.xn--55qx5d.cn", "news.公司.cn"),
        ("www.xn--r8jz45g.xn--fiqs8s", "例え.中国"),
        ("one.github.io", "one.github.io"),
        ("rss.elbbote.de", "elbbote.de"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("localhost", "localhost"),
        ("a.news.example", "a.news.example"),
        ("com", "com"),
        ("", ""),
    ],
)
def test_registered_domain(host: str, registered: str) -> None:
    assert domain(host) == registered


def test_busy_host_pauses_its_domain_and_no_other() -> None:
    def work() -> list[timedelta | None]:
        known = hosts()
        known.refused("rss.elbbote.de", 6 * HOUR, busy=True)
        return [known.pause_left(name) for name in ("rss.elbbote.de", "www.elbbote.de", "elbbote.de", "elbe.de")]

    own, sister, parent, other = inside(work)
    assert own is not None
    assert sister is not None
    assert parent is not None
    assert own > 5.9 * HOUR  # as the server said
    assert DEFAULT_PAUSE * 0.9 < sister <= DEFAULT_PAUSE * (1 + JITTER)  # our own back-off
    assert abs(sister - parent) < timedelta(seconds=1)
    assert other is None


def test_another_error_with_retry_after_pauses_the_host_alone() -> None:
    def work() -> list[timedelta | None]:
        known = hosts()
        assert known.refused("rss.elbbote.de", None, busy=False) is None
        known.refused("rss.elbbote.de", HOUR, busy=False)
        return [known.pause_left(name) for name in ("rss.elbbote.de", "www.elbbote.de")]

    own, sister = inside(work)
    assert own is not None
    assert sister is None


def test_back_off_doubles_over_the_domain_up_to_a_day_and_begins_anew_after_an_answer() -> None:
    def work() -> list[timedelta | None]:
        known = hosts()
        waits = [known.refused(f"news{n}.elbbote.de", None, busy=True) for n in range(14)]
        known.answered("www.elbbote.de")
        return [*waits, known.refused("rss.elbbote.de", None, busy=True)]

    *waits, anew = [wait for wait in inside(work) if wait is not None]
    for before, after in pairwise(waits[:9]):
        assert 1.6 * before < after < 2.5 * before
    assert LONGEST_PAUSE <= waits[-1] <= LONGEST_PAUSE * (1 + JITTER)
    assert anew <= DEFAULT_PAUSE * (1 + JITTER)


def test_those_refused_together_do_not_come_back_together() -> None:
    def work() -> set[timedelta | None]:
        known = hosts()
        return {known.refused(f"elbbote{n}.de", None, busy=True) for n in range(100)}

    assert len(inside(work)) > 90


def test_pauses_are_taken_up_by_the_next_run() -> None:
    def work() -> None:
        first, later = hosts(), Hosts(1.0, lambda: NOW + HOUR)
        first.refused("rss.elbbote.de", 3 * HOUR, busy=True)
        kept = first.changes()
        assert [pause.host for pause in kept] == ["elbbote.de", "rss.elbbote.de"]
        assert first.changes() == []
        later.restore(kept)
        left = later.pause_left("rss.elbbote.de")
        assert left is not None
        assert abs(left - 2 * HOUR) < timedelta(seconds=1)
        assert later.pause_left("www.elbbote.de") is None  # that back-off has passed meanwhile
        again = later.refused("www.elbbote.de", None, busy=True)
        assert again is not None
        assert again >= 2 * DEFAULT_PAUSE
        assert later.changes() != []

    inside(work)
