"""Subscriptions at hubs (W3C WebSub): which to ask for, what a hub may confirm, and what it really sent."""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from digest.records import Hints, Subscription

__all__ = ["LEASE", "confirmed", "is_signed", "plan"]

LEASE = timedelta(days=10)  # what we ask for; hubs decide
SHORTEST_LEASE, LONGEST_LEASE = timedelta(minutes=5), timedelta(days=30)
# A lease is renewed when a quarter of it is left, or a day.
RENEW_SHARE, RENEW_BEFORE = 4, timedelta(days=1)
FIRST_RETRY, LONGEST_RETRY, MOST_DOUBLINGS = timedelta(hours=1), timedelta(days=1), 5
AFTER_DENIAL = timedelta(days=7)
MOST_GOODBYES = 3
# Those of the Recommendation. Large hubs still sign with SHA-1, which in an HMAC nobody can forge.
SIGNATURES = ("sha1", "sha256", "sha384", "sha512")


def plan(
    wanted: Mapping[str, Hints], known: Sequence[Subscription], secret: Callable[[], str], now: datetime
) -> tuple[list[Subscription], list[Subscription]]:
    """The subscriptions to ask hubs for now, as they are to be saved before; and those to forget.

    One that is `leaving` is to be ended. `wanted`: the hints of the feeds that name a hub, by feed.
    """
    by_feed = {one.feed: one for one in known}
    asked = []
    for feed, hints in wanted.items():
        one = by_feed.get(feed)
        if one is None or (one.hub, one.topic) != (hints.hub, hints.topic):
            asked.append(Subscription(feed, hints.hub, hints.topic, secret(), secret(), "asked", now, 1))
        elif one.state == "leaving" or _is_due(one, now):
            asked.append(_asked_again(one, "active" if one.state == "active" else "asked", now))
    forgotten = []
    for one in known:
        if one.feed not in wanted:
            if _is_over(one, now):
                forgotten.append(one)
            elif one.state != "leaving":
                asked.append(_asked_again(replace(one, attempts=0), "leaving", now))
            elif now >= one.asked + _retry(one.attempts):
                asked.append(_asked_again(one, "leaving", now))
    return asked, forgotten


def _asked_again(one: Subscription, state: Literal["asked", "active", "leaving"], now: datetime) -> Subscription:
    return replace(one, state=state, asked=now, attempts=one.attempts + 1)


def _is_due(one: Subscription, now: datetime) -> bool:
    if one.state == "denied":
        return now >= one.asked + AFTER_DENIAL
    if one.attempts:
        return now >= one.asked + _retry(one.attempts)
    return one.expires is None or now >= one.expires - min(RENEW_BEFORE, (one.expires - one.asked) / RENEW_SHARE)


def _is_over(one: Subscription, now: datetime) -> bool:
    """Whether no hub has anything left to end."""
    never = one.state in ("asked", "denied") and one.expires is None
    return never or one.attempts > MOST_GOODBYES or (one.expires is not None and one.expires <= now)


def _retry(attempts: int) -> timedelta:
    doublings: int = min(attempts - 1, MOST_DOUBLINGS)
    return min(FIRST_RETRY * (1 << doublings), LONGEST_RETRY)


def confirmed(one: Subscription, query: Mapping[str, str], now: datetime) -> Subscription | None:
    """The subscription after a hub's request to confirm it, or its denial; None where it is not what we want.

    The end of a `leaving` one is confirmed by its having no lease any more.
    """
    if query.get("hub.topic") != one.topic:
        return None
    match query.get("hub.mode"):
        case "subscribe" if one.state in ("asked", "active"):
            return replace(one, state="active", asked=now, attempts=0, expires=now + _lease(query))
        case "unsubscribe" if one.state == "leaving":
            return replace(one, expires=None)
        case "denied" if one.state in ("asked", "active"):
            return replace(one, state="denied", asked=now, attempts=0, expires=None)
    return None


def _lease(query: Mapping[str, str]) -> timedelta:
    stated = query.get("hub.lease_seconds", "")
    lease = timedelta(seconds=int(stated)) if re.fullmatch(r"[0-9]{1,9}", stated) else LEASE
    return max(SHORTEST_LEASE, min(lease, LONGEST_LEASE))


def is_signed(one: Subscription, signature: str, body: bytes) -> bool:
    """Whether who sent the body knows the subscription's secret. `signature`: the X-Hub-Signature header."""
    method, _, stated = signature.strip().partition("=")
    if method.lower() not in SIGNATURES:
        return False
    expected = hmac.new(one.secret.encode(), body, method.lower()).hexdigest()
    return hmac.compare_digest(expected.encode(), stated.strip().lower().encode("utf-8", "replace"))
