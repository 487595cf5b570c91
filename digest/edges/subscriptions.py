"""The ledger's part on subscriptions at hubs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, select

from digest.edges import tables as t
from digest.edges.database import Database, upsert
from digest.records import Subscription

__all__ = ["SubscriptionStore"]


class SubscriptionStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    def all(self) -> list[Subscription]:
        with self.database.read() as db:
            return [_subscription(row) for row in db.execute(select(t.subscription).order_by(t.subscription.c.feed))]

    def by_token(self, token: str) -> Subscription | None:
        """The subscription whose callback address ends in this."""
        with self.database.read() as db:
            row = db.execute(select(t.subscription).where(t.subscription.c.token == token)).one_or_none()
            return None if row is None else _subscription(row)

    def save(self, subscriptions: Sequence[Subscription]) -> None:
        """Each in the place of the one of its feed."""
        with self.database.write() as db:
            for one in subscriptions:
                row = asdict(one)
                add = upsert(db, t.subscription).values(**row)
                db.execute(add.on_conflict_do_update(index_elements=["feed"], set_=row))

    def forget(self, subscriptions: Sequence[Subscription]) -> None:
        with self.database.write() as db:
            tokens = [one.token for one in subscriptions]
            db.execute(delete(t.subscription).where(t.subscription.c.token.in_(tokens)))


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(**row._mapping)
