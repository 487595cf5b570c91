"""Polling: a failing feed is never asked more often than a healthy one, and none is given up silently."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.records import Document, Entry, Failure, FeedState, Hints, ParsedFeed, Retry, Source
from digest.stages import poll

NOW = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)
SOURCE = Source("a", "https://a.example/feed")
DOCUMENT = Document(SOURCE.feed, SOURCE.feed, 200, {"etag": '"x"', "last-modified": "then"}, b"body", NOW)
UNCHANGED = Document(SOURCE.feed, SOURCE.feed, 304, {}, b"", NOW)
PARSED = ParsedFeed(SOURCE.feed, "A", "https://a.example/", "en", ())
STATE = FeedState(SOURCE.feed, NOW, interval=poll.FIRST)
GONE = Failure(SOURCE.feed, "fetch", "http 410 gone")


@given(st.lists(st.sampled_from(["same", "new", "old", "failed"]), max_size=40))
def test_every_history_leads_to_a_next_turn_within_bounds(history: list[str]) -> None:
    state, now = STATE, NOW
    for step in history:
        state = {
            "same": lambda s, n: poll.after_same(SOURCE, s, UNCHANGED, n),
            "new": lambda s, n: poll.after_answer(SOURCE, s, DOCUMENT, PARSED, 3, n),
            "old": lambda s, n: poll.after_answer(SOURCE, s, DOCUMENT, PARSED, 0, n),
            "failed": lambda s, n: poll.after_failure(SOURCE, s, Failure("", "fetch", "timed out", Retry.LATER), n),
        }[step](state, now)
        assert poll.SHORTEST <= state.due - now <= poll.LONGEST * 1.1
        now = state.due


@given(st.integers(1, 30))
def test_failing_feed_is_not_asked_more_often_than_a_healthy_one(failures: int) -> None:
    failing = healthy = STATE
    for _ in range(failures):
        failing = poll.after_failure(SOURCE, failing, Failure("", "fetch", "timed out", Retry.LATER), NOW)
        healthy = poll.after_answer(SOURCE, healthy, DOCUMENT, PARSED, 1, NOW)
    assert failing.due >= healthy.due
    assert failing.failures == failures
    assert not failing.gone


def test_410_ends_a_feed_and_nothing_else_does() -> None:
    ended = poll.after_failure(SOURCE, STATE, GONE, NOW)
    assert ended.gone
    assert poll.due([SOURCE], {SOURCE.feed: ended}, NOW + timedelta(days=999)) == []
    refused = poll.after_failure(SOURCE, STATE, Failure("", "fetch", "http 404"), NOW)
    assert poll.due([SOURCE], {SOURCE.feed: refused}, NOW + timedelta(days=2)) == [SOURCE]


def test_retry_after_is_the_least_wait() -> None:
    asked_to_wait = Failure("", "fetch", "http 429 too many requests", Retry.LATER, timedelta(hours=9))
    assert poll.after_failure(SOURCE, STATE, asked_to_wait, NOW).due >= NOW + timedelta(hours=9)


def test_stated_interval_is_kept() -> None:
    source = Source("a", SOURCE.feed, every=timedelta(minutes=5))
    for state in (
        poll.after_same(source, STATE, UNCHANGED, NOW),
        poll.after_answer(source, STATE, DOCUMENT, PARSED, 0, NOW),
    ):
        assert timedelta(minutes=5) <= state.due - NOW <= timedelta(minutes=5.5)


def test_success_forgets_the_failures_and_remembers_the_validators() -> None:
    failed = poll.after_failure(SOURCE, STATE, Failure("", "fetch", "timed out", Retry.LATER), NOW)
    state = poll.after_answer(SOURCE, failed, DOCUMENT, PARSED, 1, NOW)
    assert (state.failures, state.reason, state.etag, state.modified) == (0, "", '"x"', "then")
    assert state.last_change == state.last_success == NOW


def test_longest_overdue_comes_first_and_a_shared_feed_once() -> None:
    late, later = Source("b", "https://b.example/"), Source("c", "https://c.example/")
    states = {
        SOURCE.feed: FeedState(SOURCE.feed, NOW),
        late.feed: FeedState(late.feed, NOW - timedelta(hours=1)),
        later.feed: FeedState(later.feed, NOW + timedelta(hours=1)),
    }
    twin = Source("twin", SOURCE.feed)
    assert poll.due([SOURCE, late, later, twin], states, NOW) == [late, SOURCE]


# --- the interval ----------------------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)
SLACK = 1.1  # what is added so that feeds do not fall together


def answered(state: FeedState, new: int, now: datetime, **headers: str) -> FeedState:
    document = replace(DOCUMENT, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return poll.after_answer(SOURCE, state, document, PARSED, new, now)


def wait(state: FeedState, now: datetime) -> timedelta:
    return state.due - now


@pytest.mark.parametrize(
    ("gap", "least", "most"),
    [
        (timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=11)),
        (2 * HOUR, timedelta(minutes=50), timedelta(minutes=75)),
        (timedelta(days=10), timedelta(hours=24), timedelta(hours=26.5)),
    ],
)
def test_interval_follows_how_often_entries_really_come(gap: timedelta, least: timedelta, most: timedelta) -> None:
    state, now = answered(STATE, 1, NOW), NOW
    for _ in range(30):
        now += gap
        state = answered(state, 1, now)
    assert least <= wait(state, now) <= most


def test_interval_grows_in_silence_and_comes_back_with_the_news() -> None:
    state, now = answered(STATE, 1, NOW), NOW
    for _ in range(20):
        now += timedelta(minutes=30)
        state = answered(state, 1, now)
    busy = wait(state, now)
    polls = 0
    silent_until = now + timedelta(hours=12)
    while now < silent_until:
        now, polls = state.due, polls + 1
        state = poll.after_same(SOURCE, state, UNCHANGED, now)
    assert timedelta(hours=1) < wait(state, now) < timedelta(hours=2.2)
    assert polls < 24
    assert wait(answered(state, 1, now), now) < 6 * busy


def test_new_feed_is_asked_at_the_pace_that_its_dates_tell() -> None:
    entries = tuple(Entry(SOURCE.feed, str(n), "t", "", NOW - n * 6 * HOUR) for n in range(1, 40))
    slow = poll.after_answer(SOURCE, STATE, DOCUMENT, replace(PARSED, entries=entries), 39, NOW)
    assert 3 * HOUR <= wait(slow, NOW) <= 3 * HOUR * SLACK
    undated = tuple(replace(entry, published=None) for entry in entries)
    assert wait(poll.after_answer(SOURCE, STATE, DOCUMENT, replace(PARSED, entries=undated), 39, NOW), NOW) < HOUR


@pytest.mark.parametrize(
    ("cache", "hint", "least"),
    [
        ("max-age=7200", None, 2 * HOUR),
        ("max-age=60", 2 * HOUR, 2 * HOUR),
        ("max-age=60", None, poll.FIRST),
        ("max-age=31536000", None, poll.LONGEST_HINT),
        ("", timedelta(days=30), poll.LONGEST_HINT),
    ],
)
def test_what_a_feed_asks_for_is_kept_to_within_bounds(cache: str, hint: timedelta | None, least: timedelta) -> None:
    document = replace(DOCUMENT, headers={"cache-control": cache})
    state = poll.after_answer(SOURCE, STATE, document, replace(PARSED, hints=Hints(hint)), 1, NOW)
    assert least <= wait(state, NOW) <= least * SLACK
    same = poll.after_same(SOURCE, state, replace(UNCHANGED, headers={"cache-control": cache}), NOW)
    assert least <= wait(same, NOW) <= least * SLACK  # what the body said still holds
    own = replace(SOURCE, every=timedelta(minutes=5))
    assert wait(poll.after_same(own, state, UNCHANGED, NOW), NOW) <= timedelta(minutes=5.5)


def test_hours_to_skip_are_skipped_and_never_a_whole_day() -> None:
    night = replace(STATE, hints=Hints(None, (22, 23, 0, 1, 2, 3, 4)))
    evening = datetime(2026, 3, 18, 21, 45, tzinfo=UTC)
    due = poll.after_same(SOURCE, replace(night, last_change=evening), UNCHANGED, evening).due
    assert datetime(2026, 3, 19, 5, tzinfo=UTC) <= due < datetime(2026, 3, 19, 6, tzinfo=UTC)
    always = replace(STATE, hints=Hints(None, tuple(range(24))))
    assert wait(poll.after_same(SOURCE, always, UNCHANGED, NOW), NOW) <= poll.LONGEST


def test_feed_whose_hub_tells_is_polled_less_often_while_the_lease_lasts() -> None:
    plain = poll.after_same(SOURCE, replace(STATE, last_change=NOW), UNCHANGED, NOW)
    told = poll.after_same(SOURCE, replace(STATE, last_change=NOW, lease=NOW + HOUR), UNCHANGED, NOW)
    over = poll.after_same(SOURCE, replace(STATE, last_change=NOW, lease=NOW), UNCHANGED, NOW)
    assert (told.interval, over.interval) == (4 * plain.interval, plain.interval)
    silent = replace(STATE, last_change=NOW - timedelta(days=30), lease=NOW + HOUR)
    assert poll.after_same(SOURCE, silent, UNCHANGED, NOW).interval == poll.LONGEST


def test_turns_that_fell_together_do_not_stay_together() -> None:
    states = [FeedState(f"https://a.example/{n}", NOW, last_change=NOW) for n in range(200)]
    turns = {poll.after_same(SOURCE, state, UNCHANGED, NOW).due for state in states}
    assert len(turns) == 200
    one = poll.after_same(SOURCE, STATE, UNCHANGED, NOW)
    other = poll.after_same(SOURCE, STATE, UNCHANGED, NOW + timedelta(microseconds=1))
    assert one.due != other.due - timedelta(microseconds=1)  # nor do two installations


def test_failures_wait_twice_as_long_each_time_and_at_most_a_day() -> None:
    state, waits = replace(STATE, interval=HOUR), []
    for _ in range(12):
        state = poll.after_failure(SOURCE, state, Failure("", "fetch", "timed out", Retry.LATER), NOW)
        waits.append(wait(state, NOW))
    for hours, waited in zip([2, 4, 8, 16, *[24] * 8], waits, strict=True):
        assert hours * HOUR <= waited <= hours * HOUR * SLACK


def test_a_paused_host_is_no_failure_of_the_feed() -> None:
    paused = Failure("", "fetch", "host paused", Retry.LATER, 2 * HOUR)
    state = poll.after_failure(SOURCE, replace(STATE, failures=1), paused, NOW)
    assert (state.failures, state.reason) == (1, "host paused")
    assert 2 * HOUR <= wait(state, NOW) <= 2 * HOUR * SLACK


# --- feeds that move -------------------------------------------------------------------------------------------------

NEW = "https://new.example/feed"


def seen(state: FeedState, to: str, now: datetime) -> FeedState:
    return poll.after_same(SOURCE, state, replace(UNCHANGED, headers={":moved": to} if to else {}), now)


def after(*days: tuple[int, str], state: FeedState = STATE) -> FeedState:
    for day, to in days:
        state = seen(state, to, NOW + timedelta(days=day))
    return state


@pytest.mark.parametrize(
    ("days", "address"),
    [
        ([(0, NEW), (1, NEW), (2, NEW)], NEW),
        ([(0, NEW), (1, NEW), (9, NEW)], NEW),
        ([(0, NEW), (0, NEW), (0, NEW), (1, NEW)], SOURCE.feed),
        ([(0, NEW), (1, NEW), (2, ""), (3, NEW)], SOURCE.feed),
        ([(0, NEW), (1, NEW), (2, "https://other.example/"), (3, NEW)], SOURCE.feed),
        ([(0, NEW), (1, NEW), (2, NEW), (3, SOURCE.feed), (4, SOURCE.feed)], NEW),
        ([(0, NEW), (1, NEW), (2, NEW), (3, SOURCE.feed), (4, SOURCE.feed), (5, SOURCE.feed)], SOURCE.feed),
        ([(0, "http://a.example/"), (1, "http://a.example/"), (2, "http://a.example/")], SOURCE.feed),
    ],
)
def test_a_move_is_believed_when_it_was_seen_on_three_days(days: list[tuple[int, str]], address: str) -> None:
    state = after(*days)
    assert (poll.address(state), state.feed) == (address, SOURCE.feed)


def test_a_failure_in_between_says_nothing_of_a_move() -> None:
    state = after((0, NEW), (1, NEW))
    state = poll.after_failure(SOURCE, state, Failure("", "fetch", "http 500", Retry.LATER), NOW)
    assert poll.address(seen(state, NEW, NOW + timedelta(days=2))) == NEW


def test_feed_that_fails_where_it_moved_to_is_asked_at_home_again() -> None:
    moved = replace(after((0, NEW), (1, NEW), (2, NEW)), etag='"x"')
    gone = poll.after_failure(SOURCE, moved, GONE, NOW)
    assert (poll.address(gone), gone.gone, gone.etag) == (SOURCE.feed, False, "")
    assert poll.after_failure(SOURCE, gone, GONE, NOW).gone
    for _ in range(poll.FAILURES_TO_GO_BACK):
        assert poll.address(moved) == NEW
        moved = poll.after_failure(SOURCE, moved, Failure("", "fetch", "name not found", Retry.LATER), NOW)
    assert poll.address(moved) == SOURCE.feed


def test_each_address_has_one_owner() -> None:
    other, third = Source("b", NEW), Source("c", "https://c.example/")
    states = {
        SOURCE.feed: replace(STATE, moved=NEW),
        NEW: FeedState(NEW, NOW),
        third.feed: FeedState(third.feed, NOW, address="https://x.example/"),
    }
    owners = poll.owners([SOURCE, other, third], states)
    assert (owners[SOURCE.feed], owners[NEW], owners["https://x.example/"]) == (SOURCE, other, third)
    both = {one.feed: replace(states[one.feed], moved="https://y.example/") for one in (SOURCE, third)}
    assert poll.owners([SOURCE, third], both)["https://y.example/"] == SOURCE
    ended = states | {NEW: replace(states[NEW], gone=True)}
    assert poll.owners([SOURCE, other, third], ended)[NEW] == SOURCE
