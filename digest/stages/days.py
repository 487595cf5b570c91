"""The day on which something happened, as a sentence tells it: "on 3 March", "18日", "yesterday", "Tuesday"."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

from digest.languages import base
from digest.stages.quantities import month_number

__all__ = ["Told", "days"]


@dataclass(frozen=True, slots=True)
class Told:
    """A day where the text tells it: characters start to before end."""

    start: int
    end: int
    day: date


_FULL = re.compile(r"(?<!\d)((?:19|20)\d\d)[-./](\d{1,2})[-./](\d{1,2})(?!\d)")
_DOTTED = re.compile(r"(?<!\d)(\d{1,2})\.(\d{1,2})\.((?:19|20)\d\d)?(?!\d)")
_EAST = re.compile(r"(?:((?:19|20)\d\d)\s?[年년]\s?)?(?<!\d)(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号號일]")
_EAST_DAY = re.compile(r"(?<![\d月월/.])(\d{1,2})\s?(?:日|号|號|일)(?![本間目元圓])")
_DAY_MONTH = re.compile(
    r"(?<![\d.,])(\d{1,2})(?:st|nd|rd|th|er|\.|º|°)?(?:\s+(?:de|of))?\s+([^\s\d_.,;:!?()]{3,20})\.?(?:,?\s+(?:de\s+)?((?:19|20)\d\d))?"
)
_MONTH_DAY = re.compile(
    r"(?<![^\s\d_.,;:!?()])([^\s\d_.,;:!?()]{3,20})\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?![\d:%]|[.,]\d)"
)
_RECENT = 7


def days(text: str, language: str, published: date) -> Iterator[Told]:
    """The days told, surest form first: with a month, by number, by word. None lies after the day of publication."""
    plain = "".join(_narrow(letter) for letter in text)
    code = base(language)
    for start, end, year, month, day in _dated(plain, code):
        if found := _day(year, month, day, published):
            yield Told(start, end, found)
    if code in {"zh", "ja", "ko"}:
        for match in _EAST_DAY.finditer(plain):
            if found := _day_of_month(int(match[1]), published):
                yield Told(match.start(), match.end(), found)
    words = _words().get(code)
    if words is None:
        return
    ago, weekdays = words
    for distance, pattern in enumerate(ago):
        for match in pattern.finditer(plain):
            yield Told(match.start(), match.end(), published - timedelta(days=distance))
    for number, pattern in enumerate(weekdays):
        for match in pattern.finditer(plain):
            back = (published.weekday() - number) % _RECENT
            yield Told(match.start(), match.end(), published - timedelta(days=back))


def _dated(plain: str, code: str) -> Iterator[tuple[int, int, int | None, int, int]]:
    for match in _FULL.finditer(plain):
        yield *match.span(), int(match[1]), int(match[2]), int(match[3])
    for match in _EAST.finditer(plain):
        yield *match.span(), _year(match[1]), int(match[2]), int(match[3])
    for match in _DOTTED.finditer(plain):
        yield *match.span(), _year(match[3]), int(match[2]), int(match[1])
    for match in _DAY_MONTH.finditer(plain):
        if month := month_number(match[2], code):
            yield *match.span(), _year(match[3]), month, int(match[1])
    if code == "en":
        for match in _MONTH_DAY.finditer(plain):
            if month := month_number(match[1], code):
                yield *match.span(), None, month, int(match[2])


def _year(written: str | None) -> int | None:
    return int(written) if written else None


def _day(year: int | None, month: int, day: int, published: date) -> date | None:
    """Without a year, the last such day up to the day of publication."""
    try:
        if year is not None:
            return date(year, month, day)
        found = date(published.year, month, day)
        return found if found <= published else date(published.year - 1, month, day)
    except ValueError:
        return None


def _day_of_month(day: int, published: date) -> date | None:
    for back in range(40):
        found = published - timedelta(days=back)
        if found.day == day:
            return found
    return None


@cache
def _words() -> Mapping[str, tuple[list[re.Pattern[str]], list[re.Pattern[str]]]]:
    rows = tomllib.loads(files("digest.stages").joinpath("days.toml").read_text("utf-8"))
    return {
        code: (
            [re.compile(words) for words in row["ago"]],
            [re.compile(words) for words in row["weekdays"].split(" ")],
        )
        for code, row in rows.items()
    }


@cache
def _narrow(letter: str) -> str:
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    plain = unicodedata.normalize("NFKC", letter).lower()
    return plain if len(plain) == 1 else letter
