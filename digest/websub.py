"""Keeps subscriptions at the hubs that feeds name, and takes what the hubs deliver until the next cycle reads it."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from digest.edges.fetch import Fetcher
from digest.edges.subscriptions import SubscriptionStore
from digest.records import Document, Failure, FeedState, Subscription
from digest.stages import websub

__all__ = ["Subscriber"]

log = logging.getLogger(__name__)

TOKEN_BYTES = 32
MOST_WAITING = 16  # deliveries that stand in memory; hubs come again with what does not fit
MOST_ASKED = 50  # hubs asked in one round


@dataclass(slots=True)
class Subscriber:
    """`callback` is the public address under which hubs reach us."""

    store: SubscriptionStore
    callback: str
    now: Callable[[], datetime]
    waiting: list[Document] = field(default_factory=list)

    async def keep(self, fetcher: Fetcher, states: Sequence[FeedState]) -> None:
        """Subscribes the feeds that name a hub, renews what is about to end, and ends what nobody wants any more."""
        wanted = {state.feed: state.hints for state in states if state.hints.hub and not state.gone}
        asked, forgotten = websub.plan(wanted, self.store.all(), lambda: secrets.token_urlsafe(TOKEN_BYTES), self.now())
        if forgotten:
            self.store.forget(forgotten)
        await asyncio.gather(*(self._ask(fetcher, one) for one in asked[:MOST_ASKED]))

    async def _ask(self, fetcher: Fetcher, one: Subscription) -> None:
        self.store.save([one])  # before: hubs may come to confirm while we still wait for their answer
        form = {
            "hub.mode": "unsubscribe" if one.state == "leaving" else "subscribe",
            "hub.topic": one.topic,
            "hub.callback": f"{self.callback.rstrip('/')}/{one.token}",
            "hub.lease_seconds": str(int(websub.LEASE.total_seconds())),
            "hub.secret": one.secret,
        }
        failure = await fetcher.post(one.hub, form)
        if isinstance(failure, Failure):
            log.info("the hub of %s: %s; it is polled as before", one.feed, failure.reason)

    def confirm(self, token: str, query: Mapping[str, str]) -> bool:
        """Whether we want what a hub asks to have confirmed; what it grants is noted."""
        known = self.store.by_token(token)
        after = websub.confirmed(known, query, self.now()) if known else None
        if after is None:
            return False
        if after.state == "leaving":
            self.store.forget([after])
        else:
            self.store.save([after])
        return True

    def take(self, token: str, signature: str, body: bytes, headers: Mapping[str, str]) -> HTTPStatus:
        """Keeps what a hub delivers. What is not signed is dropped without a word: nobody shall learn from trying."""
        one = self.store.by_token(token)
        if one is None or one.state == "leaving":
            return HTTPStatus.GONE
        if len(self.waiting) >= MOST_WAITING:
            return HTTPStatus.SERVICE_UNAVAILABLE
        if websub.is_signed(one, signature, body):
            kept = {name: headers[name] for name in ("content-type", "content-language") if name in headers}
            self.waiting.append(Document(one.feed, one.topic, HTTPStatus.OK, kept, body, self.now()))
        return HTTPStatus.ACCEPTED

    def delivered(self) -> list[Document]:
        """What has come since this was last asked, each under its feed's address."""
        documents, self.waiting = self.waiting, []
        return documents
