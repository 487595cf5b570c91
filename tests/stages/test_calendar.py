"""One issue per local day, whatever the clock does."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from digest.records import Edition
from digest.stages.calendar import issue_day, next_issue


def edition(at: str, zone: str, weekdays: tuple[int, ...] = tuple(range(7))) -> Edition:
    return Edition("e", "E", at, zone, weekdays=weekdays)


@pytest.mark.parametrize(
    ("at", "zone", "first", "days"),
    [
        ("02:30", "Europe/Berlin", date(2026, 3, 27), 5),  # the hour that the spring day lacks
        ("02:30", "Europe/Berlin", date(2026, 10, 23), 5),  # the hour that the autumn day has twice
        ("00:00", "America/Santiago", date(2026, 9, 4), 5),  # midnight is skipped
        ("00:30", "Africa/Cairo", date(2026, 4, 22), 5),
        ("00:15", "Asia/Beirut", date(2026, 3, 27), 5),
        ("02:00", "Australia/Lord_Howe", date(2026, 10, 2), 5),  # clocks move by half an hour
        ("06:30", "Asia/Kathmandu", date(2026, 1, 1), 3),  # 5:45 ahead of UTC
    ],
)
def test_ticks_of_half_a_minute_owe_one_issue_a_local_day(at: str, zone: str, first: date, days: int) -> None:
    one = edition(at, zone)
    now = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end = now + timedelta(days=days)
    owed: list[date] = []
    while now < end:
        day = issue_day(one, now)
        if day and day not in owed:  # the ledger's unique row
            owed.append(day)
        now += timedelta(seconds=30)
    assert set(Counter(owed).values()) == {1}
    assert [first + timedelta(days=number) for number in range(days)] == owed[:days]


def test_day_that_a_zone_skips_has_no_issue() -> None:
    one = edition("06:30", "Pacific/Apia")
    start = datetime(2011, 12, 29, 0, 0, tzinfo=ZoneInfo("Pacific/Apia")).astimezone(UTC)
    days = {issue_day(one, start + timedelta(minutes=10 * step)) for step in range(6 * 24 * 3)}
    assert date(2011, 12, 30) not in days
    assert {date(2011, 12, 29), date(2011, 12, 31)} <= days


def test_late_start_sends_within_the_grace_and_then_waits_for_the_next_day() -> None:
    one = edition("06:30", "UTC")
    assert issue_day(one, datetime(2026, 3, 18, 12, 29, tzinfo=UTC)) == date(2026, 3, 18)
    assert issue_day(one, datetime(2026, 3, 18, 12, 31, tzinfo=UTC)) is None


def test_weekdays_are_kept() -> None:
    one = edition("06:30", "UTC", weekdays=(0,))
    assert issue_day(one, datetime(2026, 3, 16, 7, 0, tzinfo=UTC)) == date(2026, 3, 16)  # a Monday
    assert issue_day(one, datetime(2026, 3, 17, 7, 0, tzinfo=UTC)) is None
    assert next_issue(one, datetime(2026, 3, 16, 7, 0, tzinfo=UTC)) == datetime(2026, 3, 23, 6, 30, tzinfo=UTC)
