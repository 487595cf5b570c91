"""The day that a sentence tells, seen from the day on which it was printed."""

from datetime import date

import pytest

from digest.stages.days import days

PRINTED = date(2026, 3, 18)  # a Wednesday
CASES = [
    ("en", "fined on 3 March", "2026-03-03"),
    ("en", "on December 9 it", "2025-12-09"),
    ("en", "said on Tuesday", "2026-03-17"),
    ("en", "said yesterday", "2026-03-17"),
    ("de", "am 3. März 2024", "2024-03-03"),
    ("de", "teilte sie am Montag mit", "2026-03-16"),
    ("fr", "a infligé mardi une amende", "2026-03-17"),
    ("es", "el 2 de febrero", "2026-02-02"),
    ("it", "ieri ha", "2026-03-17"),
    ("pt", "na quinta-feira", "2026-03-12"),
    ("nl", "woensdag", "2026-03-18"),
    ("ru", "в пятницу", "2026-03-13"),
    ("uk", "12 березня", "2026-03-12"),
    ("pl", "w poniedziałek", "2026-03-16"),
    ("tr", "salı günü", "2026-03-17"),
    ("ar", "يوم الثلاثاء", "2026-03-17"),
    ("zh-Hans", "3月17日，", "2026-03-17"),
    ("zh-Hans", "记者17日获悉", "2026-03-17"),
    ("zh-Hant", "昨天宣布", "2026-03-17"),
    ("ja", "２０日、", "2026-02-20"),
    ("ko", "17일 밝혔다", "2026-03-17"),
]


@pytest.mark.parametrize(("language", "text", "wanted"), CASES, ids=[case[1] for case in CASES])
def test_the_day_is_found(language: str, text: str, wanted: str) -> None:
    assert wanted in {told.day.isoformat() for told in days(text, language, PRINTED)}
    assert all(told.day <= PRINTED for told in days(text, language, PRINTED))


@pytest.mark.parametrize("text", ["", "30 February", "on 31.02.2026", "ready in 14 days", "a" * 10_000, "99月99日"])
def test_no_day_is_invented(text: str) -> None:
    assert list(days(text, "en", PRINTED)) == []
