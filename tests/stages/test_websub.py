"""Subscriptions at hubs: asked for, renewed and ended in time, and nothing is believed that was not asked for."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from digest.records import Hints, Subscription
from digest.stages.websub import LONGEST_LEASE, SHORTEST_LEASE, confirmed, is_signed, plan
from tests.ledger import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FEED, HUB = "https://jinghai.example/feed", "https://hub.example/"
HINTS = Hints(hub=HUB, topic=FEED)
ONE = Subscription(FEED, HUB, FEED, "token", "secret", "active", NOW, 0, NOW + 8 * DAY)
ASKED = replace(ONE, state="asked", attempts=1, expires=None)
LEAVING = replace(ONE, state="leaving", attempts=1)


def planned(
    known: Sequence[Subscription], after: timedelta = timedelta(), wanted: Mapping[str, Hints] | None = None
) -> tuple[list[Subscription], list[Subscription]]:
    numbers = count()
    feeds = {FEED: HINTS} if wanted is None else wanted
    return plan(feeds, known, lambda: f"made up {next(numbers)}", NOW + after)


def test_feed_with_a_hub_is_subscribed_with_secrets_of_its_own() -> None:
    other = "https://midan.example/feed"
    asked, forgotten = planned([], wanted={FEED: HINTS, other: Hints(hub=HUB, topic=other)})
    assert [(one.feed, one.state, one.attempts) for one in asked] == [(FEED, "asked", 1), (other, "asked", 1)]
    assert len({secret for one in asked for secret in (one.token, one.secret)}) == 4
    assert forgotten == []


@pytest.mark.parametrize(
    ("known", "after", "due"),
    [
        (ONE, 6.9 * DAY, False),
        (ONE, 7.1 * DAY, True),
        (ONE, 9 * DAY, True),
        (replace(ONE, expires=NOW + HOUR), 0.7 * HOUR, False),
        (replace(ONE, expires=NOW + HOUR), 0.8 * HOUR, True),
        (ASKED, 0.9 * HOUR, False),
        (ASKED, 1.1 * HOUR, True),
        (replace(ASKED, attempts=4), 7 * HOUR, False),
        (replace(ASKED, attempts=4), 9 * HOUR, True),
        (replace(ASKED, attempts=99), 25 * HOUR, True),
        (replace(ONE, state="denied", expires=None), 6 * DAY, False),
        (replace(ONE, state="denied", expires=None), 8 * DAY, True),
    ],
)
def test_time_to_ask(known: Subscription, after: timedelta, due: bool) -> None:
    asked, _ = planned([known], after)
    assert bool(asked) is due
    for one in asked:
        assert (one.token, one.secret, one.attempts) == ("token", "secret", known.attempts + 1)


@pytest.mark.parametrize("hints", [Hints(hub="https://other.example/", topic=FEED), Hints(hub=HUB, topic=FEED + "2")])
def test_other_hub_or_topic_is_another_subscription(hints: Hints) -> None:
    (one,), _ = planned([ONE], wanted={FEED: hints})
    assert (one.hub, one.topic, one.state, one.token) == (hints.hub, hints.topic, "asked", "made up 0")


def test_what_nobody_wants_is_ended_and_in_the_end_forgotten() -> None:
    (one,), _ = planned([ONE], wanted={})
    assert (one.state, one.token, one.attempts) == ("leaving", "token", 1)
    assert planned([LEAVING], 0.5 * HOUR, {}) == ([], [])
    assert planned([LEAVING], 1.5 * HOUR, {})[0][0].attempts == 2
    for over in (replace(LEAVING, attempts=4), replace(LEAVING, expires=NOW), ASKED):
        assert planned([over], 0.5 * HOUR, {}) == ([], [over])


def test_feed_that_comes_back_is_asked_for_again() -> None:
    (one,), _ = planned([LEAVING])
    assert one.state == "asked"


# --- what a hub says -------------------------------------------------------------------------------------------------


def said(mode: str, lease: str = "", topic: str = FEED) -> dict[str, str]:
    return {"hub.mode": mode, "hub.topic": topic, "hub.lease_seconds": lease, "hub.challenge": "x"}


@pytest.mark.parametrize(
    ("lease", "granted"),
    [
        ("86400", DAY),
        ("1", SHORTEST_LEASE),
        ("999999999", LONGEST_LEASE),
        ("9" * 5_000, 10 * DAY),
        ("-1", 10 * DAY),
        ("", 10 * DAY),
    ],
)
def test_lease_is_noted_within_bounds(lease: str, granted: timedelta) -> None:
    one = confirmed(ASKED, said("subscribe", lease), NOW)
    assert one is not None
    assert (one.state, one.attempts, one.expires) == ("active", 0, NOW + granted)


@pytest.mark.parametrize(
    ("known", "query"),
    [
        (ASKED, said("subscribe", topic="https://other.example/")),
        (ASKED, said("unsubscribe")),
        (ONE, said("unsubscribe")),
        (LEAVING, said("subscribe")),
        (replace(ONE, state="denied"), said("subscribe")),
        (ASKED, said("publish")),
        (ASKED, {}),
    ],
)
def test_what_we_did_not_ask_for_is_not_confirmed(known: Subscription, query: dict[str, str]) -> None:
    assert confirmed(known, query, NOW) is None


def test_denial_ends_the_lease() -> None:
    one = confirmed(ONE, said("denied"), NOW)
    assert one is not None
    assert (one.state, one.expires) == ("denied", None)


# --- signatures ------------------------------------------------------------------------------------------------------

BODY = "网信办约谈腾讯".encode()


def signature(method: str, secret: str = "secret", body: bytes = BODY) -> str:
    return f"{method}={hmac.new(secret.encode(), body, method).hexdigest()}"


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_signature_of_each_method_of_the_recommendation(method: str) -> None:
    assert is_signed(ONE, signature(method), BODY)
    assert is_signed(ONE, signature(method).upper(), BODY)
    assert not is_signed(ONE, signature(method), BODY + b" ")
    assert not is_signed(ONE, signature(method, "other"), BODY)


@pytest.mark.parametrize(
    "stated",
    [
        "",
        "sha256",
        "sha256=",
        signature("md5"),
        f"sha256={hashlib.sha256(BODY).hexdigest()}",
        signature("sha256")[:-1],
        signature("sha256") + "0",
        signature("sha256").removeprefix("sha256="),
        "sha256=ü",
        "sha256=\udcff",
        "__class__=x",
        "new=" + signature("sha256")[7:],
    ],
)
def test_nothing_else_is_a_signature(stated: str) -> None:
    assert not is_signed(ONE, stated, BODY)


def test_secrets_do_not_reach_a_log() -> None:
    assert "secret" not in repr(ONE)
    assert "token" not in repr(ONE)
