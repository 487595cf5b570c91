"""Polling: a failing feed is never asked more often than a healthy one, and none is given up silently."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digest.records import Document, Failure, FeedState, ParsedFeed, Retry, Source
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
    for state in (poll.after_same(source, STATE, UNCHANGED, NOW), poll.after_answer(source, STATE, DOCUMENT, PARSED, 0, NOW)):
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
