"""Dates as feeds and pages write them, in any of our languages, to instants in UTC. Nothing is guessed: what cannot be
read whole is None, and a missing day or year is never taken from today.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo, available_timezones

from digest.languages import LANGUAGES, Language, base

__all__ = ["find_date", "read_date"]

# Outside these years a date is an error of the feed's software, or a calendar that we do not read.
_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_FURTHEST_ZONE = 14  # hours from UTC
_LONGEST = 100  # characters; longer strings are no dates
_BUDDHIST = 543  # years ahead of the common era, in Thailand
_ERAS = MappingProxyType({"令和": 2018, "平成": 1988, "民國": 1911, "民国": 1911})

_HOURS = {
    name: hours
    for hours, names in (
        (-10, "hst"), (-9, "akst"), (-8, "pst akdt"), (-7, "mst pdt"), (-6, "cst mdt"), (-5, "est cdt"),
        (-4, "edt ast clt"), (-3.5, "nst"), (-3, "adt brt art clst"), (-2.5, "ndt"), (0, "z ut utc gmt wet"),
        (1, "west bst cet mez met wat"), (2, "cest mesz mest eet cat sast"), (3, "eest msk trt eat"), (4, "gst"),
        (5, "pkt"), (5.5, "ist"), (5.75, "npt"), (6, "bdt"), (7, "wib ict"), (8, "hkt sgt pht myt awst wita"),
        (9, "jst kst wit"), (9.5, "acst"), (10, "aest"), (10.5, "acdt"), (11, "aedt"), (12, "nzst"), (13, "nzdt"),
    )
    for name in names.split()
}  # fmt: skip
_CLOCKS = {
    "et": "America/New_York",
    "ct": "America/Chicago",
    "mt": "America/Denver",
    "pt": "America/Los_Angeles",
    "bjt": "Asia/Shanghai",
}

# --- the parts ------------------------------------------------------------------------------------------------------

_WORD = r"[^\W\d_][^\s\d,/:()+|-]*"
_DAY = r"(?P<day>\d{1,2})(?!\d)(?:st|nd|rd|th|er|º|ª|\.)?"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_MONTH = rf"(?P<month_name>{_WORD})"
_OF = r"(?:\s*[,.]?\s*(?:(?:de|del|of|d['’])\s+)?|[-/])"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\w:.])(?P<year>\d{4})\s?[-/.]\s?(?P<month>\d{1,3})\s?[-/.]\s?(?P<day>\d{1,2})(?!\d)",
        rf"(?<![\w:.]){_DAY}{_OF}{_MONTH}{_OF}{_YEAR}(?![\w:])",
        rf"(?<![\w]){_MONTH}\s*[.,]?\s*{_DAY}{_OF}{_YEAR}(?![\w:])",
        rf"(?<![\w:.])(?P<year>\d{{4}})\.?[\s-]*{_MONTH}[\s-]+{_DAY}(?!\d)",
        r"(?<![\w:.])(?P<first>\d{1,2})(?P<mark>[-/. ])\s?(?P<second>\d{1,2})[-/. ]\s?(?P<year>\d{4}|\d{2})(?![\d:])",
        r"^(?P<year>\d{4})(?:-(?P<month>\d{2}))?$",
        r"^(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})$",
    )
)
_HALF = r"a\.?\s?m\.?|p\.?\s?m\.?|上午|下午|晚上|凌晨|早上|午前|午後|오전|오후|ص|م"
_AMERICAN_HALF = re.compile(r"\d ?[AP]M\b")
_OFFSET = r"(?P<sign>[+\-−])(?P<zone_hours>\d{1,2}):?(?P<zone_minutes>\d{2})?"
_TIME = re.compile(
    rf"(?<![\w:.+-])(?:(?P<before>{_HALF})\s*)?(?P<hour>\d{{1,2}})(?P<point>[:.])(?P<minute>\d{{2}})"
    rf"(?:(?P=point)(?P<second>\d{{2}})(?:[.,]\d{{1,9}})?)?(?:\s*(?P<after>{_HALF})(?!\w))?"
    rf"(?:\s*(?P<zone>[A-Za-z]{{1,5}}(?:/[A-Za-z_]{{2,20}}){{0,2}})?\s*(?:{_OFFSET}Z?)?)(?![A-Za-z0-9_:+])",
    re.IGNORECASE,
)
_EAST_ASIAN_DATE = re.compile(r"(\d{4}|\d{2})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일號号]?")
_EAST_ASIAN_TIME = re.compile(r"(\d{1,2})\s*[時时시点點](?:\s*(\d{1,2})\s*[分분])?(?:\s*\d{1,2}\s*[秒초])?")
# What may stand between a date and its time in running text.
_BETWEEN = re.compile(
    r"[\s,|·—–-]*(?:[(（][^)）]{1,5}[)）]|(?:星期|周|週).|.曜日?|at|um|às|à|a las|alle|klo|kl\.?|в|o)?[\s,|—–-]*"
)
# "30 tháng 3, năm 2020": months are numbered.
_VIETNAMESE_DATE = re.compile(r"(?<=\d)\s*(?:tháng|thg\.?)\s*(\d{1,2})\s*,?\s*(?:năm\s*)?(?=\d{4})", re.IGNORECASE)
_FRENCH_TIME = re.compile(r"(?<=\b\d)h(?=\d\d\b)|(?<=\b\d\d)h(?=\d\d\b)")
_ERA = re.compile(rf"({'|'.join(_ERAS)})\s*(元|\d{{1,3}})\s*年")
_ISO_BASIC = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})?")
_ISO_T = re.compile(r"(?<=\d)T(?=\d{1,2}:)", re.IGNORECASE)


def read_date(text: str, language: str | None = None) -> datetime | None:
    """The instant that a date string states, or None. A date without time is midnight UTC; a time without a zone is
    in the clock of the language where that has one (Korean: Seoul), else in UTC.

    `language` also settles month names that mean different months, and 03/04/2021.
    """
    if len(text) > _LONGEST:
        return None
    if by_machine := _by_machine(text.strip()):
        return by_machine
    row = _row(language)
    written = _normal(text)
    time = next((found for found in _TIME.finditer(written) if found["point"] == ":"), None)
    rest = _without(written, time) if time else written
    found = _find(rest, row)
    if found is None:
        return None
    match, day = found
    rest = _without(rest, match)
    if time is None and (time := _TIME.search(rest)):
        rest = _without(rest, time)
    if any(character.isdecimal() or character in ":+" for character in rest):
        return None  # something is left that we do not understand
    return _instant(day, time, _zone(time, rest, _own_clock(text, row)))


def find_date(text: str, language: str | None = None) -> datetime | None:
    """The first full date in a running text, with the time right behind it."""
    row = _row(language)
    written = _normal(text)
    found = _find(written, row)
    if found is None:
        return None
    match, day = found
    between = _BETWEEN.match(written, match.end())
    time = _TIME.match(written, between.end()) if between else None
    return _instant(day, time, _zone(time, "", _own_clock(text, row)))


def _row(language: str | None) -> Language:
    return LANGUAGES.get(base(language or ""), LANGUAGES["en"])


def _own_clock(text: str, row: Language) -> str:
    """The clock of a time without a zone: the language's, or that of whose characters the date is written in."""
    characters = "Asia/Seoul" if "년" in text else "Asia/Shanghai" if "年" in text else "UTC"
    return characters if row.zone == "UTC" else row.zone


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}".strip()


# --- normal form ----------------------------------------------------------------------------------------------------


def _normal(text: str) -> str:
    """ASCII digits, single spaces, and the parts of a date in the forms that the patterns know."""
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text.replace("：", ":"))
    text = _ERA.sub(lambda era: f"{_ERAS[era[1]] + (1 if era[2] == '元' else int(era[2]))}年", text)
    text = _EAST_ASIAN_DATE.sub(r"\1-\2-\3 ", text)
    text = _EAST_ASIAN_TIME.sub(lambda time: f"{time[1]}:{int(time[2] or 0):02d} ", text)
    text = _VIETNAMESE_DATE.sub(r"-\1-", text)
    text = _FRENCH_TIME.sub(":", text)
    text = _ISO_BASIC.sub(lambda iso: f"{iso[1]}-{iso[2]}-{iso[3]} {iso[4]}:{iso[5]}:{iso[6] or '00'}", text)
    return " ".join(_ISO_T.sub(" ", text).split())


# --- what machines write --------------------------------------------------------------------------------------------

_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d{1,9})?([Zz]|[+-]\d\d:?[0-5]\d)", re.ASCII)
# By the mail standard: in English, whatever the language of the rest.
_MAIL = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), {1,2}(\d{1,2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) "
    r"(\d\d:\d\d:\d\d) (GMT|UTC?|Z|[+-]\d\d[0-5]\d)",
    re.ASCII,
)
_MAIL_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def _by_machine(text: str) -> datetime | None:
    """The instant of a date in one of the two forms of nearly all feeds; None leaves it to the careful reading."""
    if iso := _ISO.fullmatch(text):
        day, clock, zone = iso.groups()
    elif mail := _MAIL.fullmatch(text):
        number, month, year, clock, zone = mail.groups()
        day = f"{year}-{_MAIL_MONTHS.index(month) // 3 + 1:02}-{number:0>2}"
    else:
        return None
    try:
        stated = datetime.fromisoformat(f"{day}T{clock}{zone if zone[0] in '+-' else 'Z'}")
        instant = stated.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    near = abs(stated.utcoffset() or timedelta()) <= timedelta(hours=_FURTHEST_ZONE)
    return instant if near and _FIRST_YEAR <= instant.year <= _LAST_YEAR else None


# --- the day --------------------------------------------------------------------------------------------------------

_Match = re.Match[str]


def _find(text: str, row: Language) -> tuple[_Match, datetime] | None:
    """The first pattern that yields a day that exists, with where it was found."""
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if day := _day(match, row):
                return match, day
    return None


def _day(match: _Match, row: Language) -> datetime | None:
    parts = match.groupdict()
    if parts.get("month_name") is not None:
        month = _month(parts["month_name"], row)
    elif parts.get("first") is not None:
        parts["day"], month = _day_and_month(match, row)
    else:
        month = int(parts.get("month") or 1)
    try:
        return datetime(_year(parts["year"]), month or 0, int(parts.get("day") or 1), tzinfo=UTC)
    except ValueError:
        return None


def _day_and_month(parts: _Match, row: Language) -> tuple[str, int]:
    """03/04/2021 is 4 March in English and before AM or PM, as software writes it, else 3 April; so is 03.04.2021."""
    first, second = parts["first"], parts["second"]
    american = parts["mark"] == "/" and (row.code == "en" or _AMERICAN_HALF.search(parts.string))
    month_first = int(second) > 12 or (american and int(first) <= 12)
    return (second, int(first)) if month_first else (first, int(second))


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 2:
        year += 1900 if year >= 70 else 2000
    return year - _BUDDHIST if _FIRST_YEAR + _BUDDHIST <= year <= _LAST_YEAR + _BUDDHIST else year


def _month(word: str, row: Language) -> int | None:
    """A month's number by its name: as the language has it, else English, else as all languages that know it agree."""
    word = word.lower().rstrip(".,")
    for language in (row, LANGUAGES["en"]):
        if (month := _stems(language.code).get(_longest_stem(word, language.code), 0)) and len(word) > 1:
            return month
    found = {_stems(code)[stem] for code in LANGUAGES if (stem := _longest_stem(word, code))}
    return found.pop() if len(found) == 1 else None


@cache
def _stems(code: str) -> dict[str, int]:
    return {stem: number for number, month in enumerate(LANGUAGES[code].months, 1) for stem in month}


def _longest_stem(word: str, code: str) -> str:
    return max((stem for stem in _stems(code) if word.startswith(stem)), key=len, default="")


# --- the instant ----------------------------------------------------------------------------------------------------


def _instant(day: datetime, time: _Match | None, zone: tzinfo | None) -> datetime | None:
    clock = _clock(time) if time else timedelta()
    if clock is None or zone is None:
        return None
    try:
        instant = (day + clock).replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return None
    return instant if _FIRST_YEAR <= instant.year <= _LAST_YEAR else None


def _clock(time: _Match) -> timedelta | None:
    hour, minute, second = int(time["hour"]), int(time["minute"]), int(time["second"] or 0)
    half = (time["before"] or time["after"] or "").lower()
    if half and hour <= 12:
        hour = hour % 12 + (12 if half[0] in "p下晚후م" or half in {"午後", "오후"} else 0)
    if hour == 24 and minute + second:
        hour = 0  # 24:05 is what some software writes for five past midnight of the same day
    if hour > 24 or minute > 59 or second > 60:
        return None
    return timedelta(hours=hour, minutes=minute, seconds=min(second, 59))


def _zone(time: _Match | None, rest: str, own_clock: str) -> tzinfo | None:
    """The stated zone, None where it cannot be; without one, `own_clock` for a time, UTC for a mere day."""
    if time and time["sign"]:
        return _offset(time)
    words = [time["zone"]] if time and time["zone"] else rest.split()
    stated = next((zone for word in words if (zone := _named_zone(word.strip("().,").lower()))), None)
    return stated or (ZoneInfo(own_clock) if time else UTC)


def _offset(time: _Match) -> timezone | None:
    hours, minutes = int(time["zone_hours"]), int(time["zone_minutes"] or 0)
    if hours > _FURTHEST_ZONE or minutes > 59:
        return None
    return timezone((-1 if time["sign"] in "-−" else 1) * timedelta(hours=hours, minutes=minutes))


@lru_cache(maxsize=1_000)
def _named_zone(name: str) -> tzinfo | None:
    if name in _HOURS:
        return timezone(timedelta(hours=_HOURS[name]))
    if name in _CLOCKS:
        return ZoneInfo(_CLOCKS[name])
    return ZoneInfo(_iana()[name]) if name in _iana() else None


@cache
def _iana() -> dict[str, str]:
    """The names of the time zone database in lower case: "america/los_angeles" and the like; not its short ones."""
    return {name.lower(): name for name in available_timezones() if "/" in name}
