"""Dates as feeds and pages write them."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.languages import LANGUAGES
from digest.stages.dates import find_date, read_date

NOON = "2021-03-18T10:04"


@pytest.mark.parametrize(
    ("text", "language", "instant"),
    [
        ("2021-03-18T10:04:00Z", None, NOON),
        ("2021-03-18T10:04:00.123456+00:00", None, NOON),
        ("20210318T100400Z", None, NOON),
        ("2021-03-18 18:04:00+08:00", None, NOON),
        ("2021-03-18T06:04:00−0400", None, NOON),
        ("Thu, 18 Mar 2021 10:04:00 GMT", None, NOON),
        ("Thu, 18 Mar 2021 11:04:00 CET", None, NOON),
        ("Thu, 18 Mar 2021 12:04:00 CEST", None, NOON),
        ("Thu, 18 Mar 2021 03:04:00 America/Los_Angeles", None, NOON),
        ("Thu, 18 Mar 2021 06:04:00 ET", None, NOON),
        ("Mon, 18 Jan 2021 05:04:00 ET", None, "2021-01-18T10:04"),
        ("Thu Mar 18 10:04:00 UTC 2021", None, NOON),
        ("March 18th, 2021 at 10:04 a.m.", None, NOON),
        ("18.03.2021 10:04 Uhr", "de", NOON),
        ("Do., 18. März 2021, 10:04", "de", NOON),
        ("jeudi 18 mars 2021 10h04", "fr", NOON),
        ("18 de março de 2021 às 10h04", "pt", NOON),
        ("18 марта 2021 г. 13:04 MSK", "ru", NOON),
        ("18. března 2021 10:04", "cs", NOON),
        ("2021. március 18., csütörtök 10:04", "hu", NOON),
        ("18 lipca 2021", "pl", "2021-07-18T00:00"),
        ("18. lipnja 2021", "hr", "2021-06-18T00:00"),
        ("2021年3月18日 下午6时04分", "zh", NOON),
        ("2021年3月18日（木）19時04分", "ja", NOON),
        ("令和3年3月18日 19:04", "ja", NOON),
        ("民國110年3月18日 18:04", "zh-Hant", NOON),
        ("2021년 3월 18일 오후 7시 4분", "ko", NOON),
        ("2021.03.18 19:04", "ko", NOON),
        ("١٨ مارس ٢٠٢١ 10:04", "ar", NOON),
        ("18 มี.ค. 2564 17:04", "th", NOON),
        ("18 मार्च 2021, 15:34", "hi", NOON),
        ("Thứ Năm, ngày 18 tháng 3 năm 2021, 17:04", "vi", NOON),
        ("18 thg 3, 2021", "vi", "2021-03-18T00:00"),
        ("2016/6/29", None, "2016-06-29T00:00"),
        ("03/04/2021", "en", "2021-03-04T00:00"),
        ("03/04/2021", "es", "2021-04-03T00:00"),
        ("13/04/2021", "en", "2021-04-13T00:00"),
        ("2021-03", None, "2021-03-01T00:00"),
        ("2021-03-18T24:00:00Z", None, "2021-03-19T00:00"),
    ],
)
def test_reads(text: str, language: str | None, instant: str) -> None:
    assert read_date(text, language) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "18 March", "10:04", "0000-00-00", "0001-01-01T00:00:00+14:00", "1970-01-01", "2101-01-01"),
        *("9999-12-31T23:59:59-23:59", "99999-01-01", "10000-01-01", "2021-02-30", "30 Feb 2021", "2021-13-01"),
        *("2021-03-18T10:61:00Z", "2021-03-18T25:00:00Z", "2021-03-18T10:04:00+99:00", "1616061840", "2021-03-18-01"),
        *("2021-03-18T10:04:00+0060", "Thu, 30 Feb 2021 10:04:00 GMT"),
        *("1990-01-01T00:00:00+14:00", "Fri, 31 Dec 9999 23:59:59 -1200"),
        *("2021-03-18T10:04:00ZZZextra", "X00:00 2021-03-18", "18 lip 2021", "2021-03-18 " * 30, "1:2:3:4 18 Mar 2021"),
    ],
)
def test_refuses(text: str) -> None:
    assert read_date(text) is None


@given(
    st.text(max_size=40) | st.from_regex(r"[0-9]{1,5}[-/. ][0-9]{1,5}[-/. T][0-9:]{1,9}[-+Z0-9]{0,6}", fullmatch=True)
)
def test_any_text_is_a_date_in_range_or_none(text: str) -> None:
    for found in (read_date(text), find_date(text)):
        assert found is None or (1990 <= found.year <= 2100 and found.tzinfo is UTC)


@given(st.datetimes(datetime(1990, 1, 2), datetime(2100, 12, 30)), st.sampled_from(sorted(LANGUAGES)))
def test_iso_is_read_in_every_language(when: datetime, language: str) -> None:
    when = when.replace(microsecond=0, tzinfo=UTC)
    assert read_date(when.isoformat(), language) == when


@given(st.datetimes(datetime(1990, 1, 2), datetime(2100, 12, 30)), st.sampled_from(sorted(LANGUAGES)))
def test_mail_dates_are_read_in_every_language(when: datetime, language: str) -> None:
    when = when.replace(microsecond=0, tzinfo=UTC)
    assert read_date(format_datetime(when), language) == when
    assert read_date(f"{format_datetime(when, usegmt=True)} ", language) == when


@pytest.mark.parametrize(("code", "row"), [(code, row) for code, row in LANGUAGES.items() if row.months])
def test_month_names(code: str, row: object) -> None:
    stems = LANGUAGES[code].months
    dates = [read_date(f"18 {stem} 2021", code) for month in stems for stem in month]
    expected = [number for number, month in enumerate(stems, 1) for _ in month]
    assert [date.month if date else None for date in dates] == expected


def test_finds_the_first_full_date_in_a_text() -> None:
    text = "财经新闻\n来源：海潮网 2021年03月18日 18:04更新 阅读 3041 次，相关：2020-01-01"
    assert find_date(text, "zh") == datetime(2021, 3, 18, 10, 4, tzinfo=UTC)
    assert find_date("Room 12-14, call 555-0100, section 3.4.5", "en") is None
