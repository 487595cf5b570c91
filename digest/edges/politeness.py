"""When a host may be asked: one request at a time with a delay between, and not while it or its domain is paused."""

import asyncio
import math
import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

import tld
from yarl import URL

from digest.records import Pause

__all__ = ["DEFAULT_PAUSE", "LONGEST_PAUSE", "SHORTEST_PAUSE", "Host", "Hosts", "domain", "retry_after"]

SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(days=1)
# For a 429 or 503 that does not say how long: Reddit, for one, counts by the minute. It doubles while refusals go on.
DEFAULT_PAUSE = timedelta(minutes=2)
MOST_DOUBLINGS = 10
# Those who were refused together shall not come back together.
JITTER = 0.2


@dataclass(slots=True)
class Host:
    """One host's turn: times are those of the event loop."""

    delay: float
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: float = -math.inf


@dataclass(slots=True)
class _Pause:
    until: float = -math.inf
    refusals: int = 0  # in a row


class Hosts:
    """The hosts that were asked, and the pauses of hosts and of the domains that they belong to.

    A refusal pauses its host for as long as the server says, and all of its registered domain for a time that doubles
    with each refusal in a row: news.example.org, www.example.org and feeds.example.org are one publisher's.
    """

    def __init__(self, delay: float, now: Callable[[], datetime]) -> None:
        self._delay = delay
        self._now = now
        self._hosts: dict[str, Host] = {}
        self._pauses: dict[str, _Pause] = {}
        self._changed: set[str] = set()

    def host(self, name: str) -> Host:
        return self._hosts.setdefault(name, Host(self._delay))

    def pause_left(self, name: str) -> timedelta | None:
        """How long the host is still to be left alone."""
        if not self._pauses:
            return None
        until = max(pause.until for pause in map(self._pause, (name, domain(name))))
        left = until - _clock()
        return timedelta(seconds=left) if left > 0 else None

    def refused(self, name: str, stated: timedelta | None, *, busy: bool) -> timedelta | None:
        """Pauses a host that answered with an error, and its domain where it is `busy` (429 or 503).

        `stated` is its Retry-After. The pause, or None where there is none.
        """
        if not busy:
            if stated is not None:
                self._set(name, stated)
            return stated
        refusals = self._pause(domain(name)).refusals + 1
        spread = 1 + JITTER * random.random()  # noqa: S311 - no secret
        back_off = _doubled(refusals) * spread
        # A server that always says "in a second" and always refuses is not asked each second.
        least = _doubled(refusals - 1) * spread if refusals > 1 else timedelta()
        pause = back_off if stated is None else max(stated, least)
        self._set(domain(name), min(pause, back_off), refusals)
        self._set(name, pause)
        return pause

    def answered(self, name: str) -> None:
        """The host serves again: the next refusal counts as the first."""
        if self._pauses and self._pause(domain(name)).refusals:
            self._pauses[domain(name)].refusals = 0
            self._changed.add(domain(name))

    def restore(self, pauses: Iterable[Pause]) -> None:
        """Takes up the pauses that the ledger kept, so that a restart is no way around them."""
        for one in pauses:
            pause = self._pauses.setdefault(one.host, _Pause())
            pause.until = max(pause.until, _clock() + (one.until - self._now()).total_seconds())
            pause.refusals = max(pause.refusals, one.refusals)

    def changes(self) -> list[Pause]:
        """The pauses that are other than when last asked, for the ledger."""
        changed, self._changed = self._changed, set()
        return [
            Pause(name, self._now() + timedelta(seconds=pause.until - _clock()), pause.refusals)
            for name in sorted(changed)
            for pause in [self._pauses[name]]
        ]

    def _pause(self, name: str) -> _Pause:
        return self._pauses.get(name) or _Pause()

    def _set(self, name: str, wait: timedelta, refusals: int | None = None) -> None:
        pause = self._pauses.setdefault(name, _Pause())
        pause.until = max(pause.until, _clock() + wait.total_seconds())
        pause.refusals = pause.refusals if refusals is None else refusals
        self._changed.add(name)


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _doubled(refusals: int) -> timedelta:
    doublings: int = min(refusals - 1, MOST_DOUBLINGS)
    return min(DEFAULT_PAUSE * (1 << doublings), LONGEST_PAUSE)


@lru_cache(maxsize=10_000)
def domain(host: str) -> str:
    """The registered domain of a host name by the public suffix list; an address or an unknown name is its own."""
    readable = URL.build(scheme="http", host=host).host  # the list has names as people write them
    found = tld.get_fld(f"http://{readable}", fail_silently=True)
    return found if isinstance(found, str) else host


def retry_after(value: str, now: datetime) -> timedelta | None:
    """The wait that a Retry-After header asks for, clamped; None for what is neither seconds nor a date.

    A header that came twice is one with a comma: the longer wait counts.
    """
    if re.fullmatch(r"\s*[0-9]{1,12}(\.[0-9]{1,9})?\s*(,\s*[0-9]{1,12}\s*)*", value):
        wait = timedelta(seconds=min(max(map(float, value.split(","))), LONGEST_PAUSE.total_seconds()))
    else:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    return min(max(wait, SHORTEST_PAUSE), LONGEST_PAUSE)
