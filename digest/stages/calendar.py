"""Which local day an edition owes an issue for. A row (edition, local day) in the ledger then keeps it to one."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest.records import Edition

__all__ = ["issue_day", "next_issue"]

# A service that was down at the hour sends late, up to here; after that the next day's issue is the better one.
GRACE = timedelta(hours=6)


def issue_day(edition: Edition, now: datetime) -> date | None:
    """The local day whose issue is due at `now`, or None.

    It compares the wall clock with the edition's hour, so an hour that a day skips makes the issue a little late and an
    hour that a day repeats changes nothing: 00:15 is past at 01:00, whether or not the clock ever showed 00:15.
    """
    local = now.astimezone(ZoneInfo(edition.zone))
    hour = time.fromisoformat(edition.at)
    if local.weekday() not in edition.weekdays or local.time() < hour:
        return None
    late = datetime.combine(local.date(), local.time()) - datetime.combine(local.date(), hour)
    return local.date() if late <= GRACE else None


def next_issue(edition: Edition, now: datetime) -> datetime:
    """When the edition's next issue is due after `now`, in UTC (for display)."""
    zone = ZoneInfo(edition.zone)
    local = now.astimezone(zone)
    hour = time.fromisoformat(edition.at)
    days = (local.date() + timedelta(days=ahead) for ahead in range(9))
    moments = (datetime.combine(day, hour, zone) for day in days if day.weekday() in edition.weekdays)
    return next(moment.astimezone(now.tzinfo) for moment in moments if moment.astimezone(now.tzinfo) > now)
