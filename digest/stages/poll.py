"""When each feed's turn comes: pure decisions from what is remembered of it and what it just answered."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from digest.records import Document, Failure, FeedState, Retry, Source

__all__ = ["after_answer", "after_failure", "after_same", "due", "spread"]

SHORTEST = timedelta(minutes=10)
LONGEST = timedelta(hours=24)
# A feed without an interval of its own starts here; each poll then moves it by these factors towards its own pace.
FIRST = timedelta(minutes=30)
FASTER, SLOWER = 0.7, 1.4
# After this many failures in a row the wait no longer grows: a feed is never given up silently, only asked daily.
MOST_DOUBLINGS = 8


def due(sources: Sequence[Source], states: dict[str, FeedState], now: datetime) -> list[Source]:
    """The sources whose turn has come, longest overdue first. A feed named by two sources is asked once."""
    first = {source.feed: source for source in reversed(sources)}
    waiting = [source for url, source in first.items() if url in states and _is_due(states[url], now)]
    return sorted(waiting, key=lambda source: (states[source.feed].due, source.name))


def _is_due(state: FeedState, now: datetime) -> bool:
    return not state.gone and state.due <= now


def after_same(source: Source, state: FeedState, now: datetime) -> FeedState:
    """The feed has not changed (304, or the very same bytes)."""
    interval = source.every or _bounded(state.interval * SLOWER)
    return replace(
        state, due=_next(state.feed, now, interval), interval=interval, failures=0, last_success=now, reason=""
    )


def after_answer(source: Source, state: FeedState, document: Document, new: bool, now: datetime) -> FeedState:
    """The feed answered with a body; `new` tells whether it held entries that were not known."""
    interval = source.every or _bounded(state.interval * (FASTER if new else SLOWER))
    return replace(
        state,
        due=_next(state.feed, now, interval),
        etag=document.headers.get("etag", ""),
        modified=document.headers.get("last-modified", ""),
        body_hash=body_hash(document),
        failures=0,
        interval=interval,
        last_success=now,
        last_change=now if new else state.last_change,
        reason="",
    )


def after_failure(source: Source, state: FeedState, failure: Failure, now: datetime) -> FeedState:
    """Waits double with each failure in a row; a server's own Retry-After is the least. 410 ends a feed."""
    failures = state.failures + 1
    interval = source.every or state.interval
    wait = min(interval * 2 ** min(failures, MOST_DOUBLINGS), max(LONGEST, interval))
    wait = max(wait, failure.after or wait)
    gone = failure.retry is Retry.NEVER and failure.reason == "http 410 gone"
    return replace(state, due=_next(state.feed, now, wait), failures=failures, gone=gone, reason=failure.reason)


def body_hash(document: Document) -> str:
    """For servers that send the same bytes again and again with 200."""
    return hashlib.sha256(document.body).hexdigest()


def spread(feed: str, wait: timedelta) -> timedelta:
    """A tenth of the wait at most, fixed for each feed: so that feeds do not all come due at once after a restart."""
    share = int.from_bytes(hashlib.sha256(feed.encode()).digest()[:4]) / 2**32
    return wait * 0.1 * share


def _next(feed: str, now: datetime, wait: timedelta) -> datetime:
    return now + wait + spread(feed, wait)


def _bounded(interval: timedelta) -> timedelta:
    return max(SHORTEST, min(interval, LONGEST))
