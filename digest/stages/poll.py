"""When and where each feed is asked next: pure decisions from what is remembered of it and what it just answered."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from digest.records import Document, Entry, Failure, FeedState, Hints, ParsedFeed, Retry, Source
from digest.stages.hints import fresh_for, link_header

__all__ = [
    "address",
    "after_answer",
    "after_failure",
    "after_push",
    "after_same",
    "after_twin",
    "body_hash",
    "due",
    "owners",
]

SHORTEST = timedelta(minutes=10)
LONGEST = timedelta(hours=24)
FIRST = timedelta(minutes=30)  # where nothing is known yet
# A feed is asked twice in the time that it takes to bring a new entry, and less the longer it has been silent: one
# that has brought nothing for a day is asked each three hours.
POLLS_PER_ENTRY = 2
SILENCE_SHARE = 8
# How much the last gap between new entries counts beside those before it.
NEWEST_GAP = 0.3
DATED_ENTRIES = 20  # that tell a new feed's pace
# Many servers state a day for everything that they serve: what they ask for is kept to, up to this.
LONGEST_HINT = timedelta(hours=3)
# A feed whose hub tells of its news is polled so much less often, to be sure of the hub.
SLOWER_WITH_HUB, LONGEST_WITH_HUB = 4, timedelta(hours=6)
# After this many failures in a row the wait no longer grows: a feed is never given up silently, only asked daily.
MOST_DOUBLINGS = 8
# A mistake in a server's configuration is mended within a day or two.
DAYS_TO_BELIEVE_A_MOVE = 3
FAILURES_TO_GO_BACK = 3


def due(sources: Sequence[Source], states: Mapping[str, FeedState], now: datetime) -> list[Source]:
    """The sources whose turn has come, longest overdue first. A feed named by two sources is asked once."""
    first = {source.feed: source for source in reversed(sources)}
    waiting = [source for url, source in first.items() if url in states and _is_due(states[url], now)]
    return sorted(waiting, key=lambda source: (states[source.feed].due, source.name))


def _is_due(state: FeedState, now: datetime) -> bool:
    return not state.gone and state.due <= now


def address(state: FeedState) -> str:
    """Where the feed is asked."""
    return state.address or state.feed


def owners(sources: Sequence[Source], states: Mapping[str, FeedState]) -> dict[str, Source]:
    """Which source each address belongs to: the one that names it, else the first that moved there."""
    known = [(source, states[source.feed]) for source in reversed(sources) if source.feed in states]
    owned = {url: source for source, state in known for url in (state.moved, state.address) if url}
    return owned | {source.feed: source for source, state in known if not state.gone}


def after_same(source: Source, state: FeedState, document: Document, now: datetime) -> FeedState:
    """The feed has not changed (304, or the very same bytes)."""
    return _after(source, state, document, 0, now)


def after_answer(
    source: Source, state: FeedState, document: Document, parsed: ParsedFeed, new: int, now: datetime
) -> FeedState:
    """The feed answered with a body that held so many `new` entries."""
    hub, topic = link_header(document.headers, document.final_url)
    hints = replace(parsed.hints, hub=hub, topic=topic) if hub else parsed.hints
    read = replace(
        state,
        etag=document.headers.get("etag", ""),
        modified=document.headers.get("last-modified", ""),
        body_hash=body_hash(document),
        pace=_pace(state, parsed.entries, new, now),
        hints=hints,
    )
    return _after(source, read, document, new, now)


def after_twin(state: FeedState, other: str, now: datetime) -> FeedState:
    """What answered is the feed of another source, which brings the articles: this one is only looked at daily."""
    turn = _next(state, now, LONGEST)
    return replace(state, due=turn, failures=0, last_success=now, hints=Hints(), reason=f"the same feed as {other}")


def after_push(state: FeedState, parsed: ParsedFeed, new: int, now: datetime) -> FeedState:
    """Its hub sent news; when it is asked next stays as it was."""
    pace = _pace(state, parsed.entries, new, now)
    return replace(state, pace=pace, last_success=now, last_change=now if new else state.last_change)


def after_failure(source: Source, state: FeedState, failure: Failure, now: datetime) -> FeedState:
    """Waits double with each failure in a row; a server's own Retry-After is the least. 410 ends a feed.

    A feed that fails where it moved to is asked at its old address again. Nobody was asked where the host was paused.
    """
    if failure.reason == "host paused":
        return replace(state, due=_next(state, now, failure.after or FIRST), reason=failure.reason)
    failures = state.failures + 1
    interval = source.every or state.interval
    wait = min(interval * 2 ** min(failures, MOST_DOUBLINGS), max(LONGEST, interval))
    wait = max(wait, failure.after or wait)
    gone = failure.retry is Retry.NEVER and failure.reason == "http 410 gone"
    after = replace(state, due=_next(state, now, wait), failures=failures, reason=failure.reason)
    if state.address and (gone or failures >= FAILURES_TO_GO_BACK):
        return replace(after, address="", etag="", modified="", moved="", moved_on=())
    return replace(after, gone=gone)


def body_hash(document: Document) -> str:
    """For servers that send the same bytes again and again with 200."""
    return hashlib.sha256(document.body).hexdigest()


def _after(source: Source, state: FeedState, document: Document, new: int, now: datetime) -> FeedState:
    last_change = now if new or state.last_change is None else state.last_change
    wait = source.every or _asked_for(state, document, _own_interval(state, now - last_change), now)
    turn = _next(state, now, wait)
    return replace(
        _moved(state, document, now),
        due=turn if source.every else _awake(turn, state.hints, now),
        interval=wait,
        failures=0,
        last_success=now,
        last_change=last_change,
        reason="",
    )


def _own_interval(state: FeedState, silence: timedelta) -> timedelta:
    """What the feed's own history calls for."""
    usual = FIRST if state.pace is None else state.pace / POLLS_PER_ENTRY
    return max(SHORTEST, min(max(usual, silence / SILENCE_SHARE), LONGEST))


def _asked_for(state: FeedState, document: Document, interval: timedelta, now: datetime) -> timedelta:
    """The interval, or a longer one where the feed asks for it, or where its hub makes it enough."""
    hints = [wait for wait in (state.hints.wait, fresh_for(document.headers)) if wait]
    asked = max(interval, min(max(hints, default=interval), LONGEST_HINT))
    if state.lease is None or state.lease <= now:
        return asked
    return max(asked, min(asked * SLOWER_WITH_HUB, LONGEST_WITH_HUB))


def _pace(state: FeedState, entries: Sequence[Entry], new: int, now: datetime) -> timedelta | None:
    """The time between two new entries: as seen by us; at first, as their dates tell it."""
    if state.last_change is None or not new:
        return state.pace or _dated_pace(entries, now)
    gap = max((now - state.last_change) / new, timedelta(seconds=1))
    if state.pace is None:
        return gap
    # A mean of ratios: one night among many quarters of an hour must not count as fifty of them.
    growth: float = (gap / state.pace) ** NEWEST_GAP
    return state.pace * growth


def _dated_pace(entries: Sequence[Entry], now: datetime) -> timedelta | None:
    dates = sorted((entry.published for entry in entries if entry.published and entry.published <= now), reverse=True)
    newest = dates[:DATED_ENTRIES]
    return max((now - newest[-1]) / len(newest), timedelta(seconds=1)) if len(newest) > 1 else None


def _moved(state: FeedState, document: Document, now: datetime) -> FeedState:
    """Believes a permanent redirect that was seen on several days; any other answer in between starts anew."""
    to = document.headers.get(":moved", "")
    if not to or (address(state).startswith("https:") and not to.startswith("https:")):
        return replace(state, moved="", moved_on=())
    before = state.moved_on if state.moved == to else ()
    days = before if now.date() in before else (*before, now.date())
    if len(days) < DAYS_TO_BELIEVE_A_MOVE:
        return replace(state, moved=to, moved_on=days)
    return replace(state, address="" if to == state.feed else to, moved="", moved_on=())


def _next(state: FeedState, now: datetime, wait: timedelta) -> datetime:
    return now + wait + _spread(state, now, wait)


def _spread(state: FeedState, now: datetime, wait: timedelta) -> timedelta:
    """A tenth of the wait at most, other for each feed and turn: what fell together does not stay together."""
    share = int.from_bytes(hashlib.sha256(f"{state.feed} {now.isoformat()}".encode()).digest()[:4]) / 2**32
    return wait * 0.1 * share


def _awake(turn: datetime, hints: Hints, now: datetime) -> datetime:
    """The turn, put off over the hours in which the feed says that it brings nothing; never beyond a day."""
    if turn.hour not in hints.skip_hours:
        return turn
    later = turn.replace(minute=0, second=0, microsecond=0)
    while later.hour in hints.skip_hours and later < turn + LONGEST:
        later += timedelta(hours=1)
    return max(turn, min(later + (turn - turn.replace(minute=0)), now + LONGEST))
