"""What a source changed in an article is told; what merely moved, counted on or was cut off is not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.records import Article, Change
from digest.stages.revise import LONGEST_CHANGE, MOST_CHANGES, revise
from digest.stages.walls import FEED_TEXT_USED, PARTS_MISSING, PAYWALL

DAY = datetime(2026, 3, 18, tzinfo=UTC)
TEXTS = {
    "zh-Hans": ("网信办周五约谈了十一家企业。", "企业须在十日内整改。", "企业须在五日内整改。"),
    "zh-Hant": ("主管機關週五約談十一家企業。", "企業須於十日內改正。", "企業須於五日內改正。"),
    "ja": ("総務省は金曜日、十一社を呼び出した。", "十日以内に是正を求めた。", "五日以内に是正を求めた。"),
    "ko": ("방통위는 금요일 11개 기업을 소환했다.", "열흘 안에 시정해야 한다.", "닷새 안에 시정해야 한다."),
    "ar": ("استدعت الهيئة إحدى عشرة شركة يوم الجمعة.", "أمامها عشرة أيام للتصحيح.", "أمامها خمسة أيام للتصحيح."),
    "de": ("Die Aufsicht lud am Freitag elf Firmen vor.", "Sie haben zehn Tage Zeit.", "Sie haben fünf Tage Zeit."),
    "fr": ("Le régulateur a convoqué onze firmes vendredi.", "Elles ont dix jours.", "Elles ont cinq jours."),
    "ru": ("Регулятор вызвал одиннадцать компаний.", "У них есть десять дней.", "У них есть пять дней."),
    "th": ("หน่วยงานเรียกบริษัทสิบเอ็ดแห่งเข้าพบเมื่อวันศุกร์",
        "บริษัทต้องแก้ไขภายในสิบวันนับจากวันที่ได้รับหนังสือแจ้ง",
        "บริษัทต้องแก้ไขภายในห้าวันนับจากวันที่ได้รับหนังสือแจ้ง"),
}  # fmt: skip
LINES = ("The commission met on Friday.", "It heard the captain for three hours.", "A decision is due in ten days.")


def article(*lines: str, language: str = "en", title: str = "Shippers summoned", **more: object) -> Article:
    made = Article("https://news.example/a", title, "\n".join(lines), language, published=DAY, published_from="page")
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", TEXTS)
def test_changed_sentence_is_told_in_every_language(language: str) -> None:
    same, before, after = TEXTS[language]
    found = revise(article(same, before, language=language), article(same, after, language=language))
    assert found.changes == (Change("text", before, after),)
    assert (found.stands, found.text) == (False, f"{same}\n{after}")


def test_changed_title_is_told() -> None:
    found = revise(article(*LINES), article(*LINES, title="Eleven shippers summoned"))
    assert found.changes == (Change("title", "Shippers summoned", "Eleven shippers summoned"),)


def test_correction_that_was_added_and_passage_that_was_taken_out() -> None:
    note = "Correction: an earlier version named the wrong vessel."
    assert revise(article(*LINES), article(*LINES, note)).changes == (Change("text", "", note),)
    assert revise(article(*LINES), article(*LINES[:2])).changes == (Change("text", LINES[2], ""),)


@pytest.mark.parametrize(
    "lines",
    [
        LINES,
        ("The  commission met on Friday.", *LINES[1:]),
        (LINES[1], LINES[0], LINES[2]),
        ("THE COMMISSION met on Friday!", *LINES[1:]),
        (*LINES, "* * *"),
        ("Updated 18 March 2026, 14:05", *LINES),
        ("Aktualisiert: 18.03.2026 um 14:05 Uhr", *LINES),
        ("更新于2026年3月18日 14:05", *LINES),
        (*LINES, "Advertisement"),
        (*LINES, "23 comments"),
        (LINES[0],),  # cut off for subscribers
    ],
)
def test_what_is_no_change(lines: tuple[str, ...]) -> None:
    found = revise(article("Updated 18 March 2026, 10:00", *LINES), article(*lines, title="Shippers  summoned"))
    assert found.stands
    assert found.text.endswith(LINES[2])


@pytest.mark.parametrize("problems", [(FEED_TEXT_USED, "the page asks for consent"), (PAYWALL,), (PARTS_MISSING,)])
def test_reading_less_than_before_replaces_no_text(problems: tuple[str, ...]) -> None:
    worse = article("Summary only.", problems=problems)
    assert revise(article(*LINES), worse).stands
    retitled = revise(article(*LINES), replace(worse, title="Eleven summoned"))
    assert (retitled.title, retitled.text, retitled.problems) == ("Eleven summoned", "\n".join(LINES), ())


def test_reading_more_than_before_is_taken_and_no_change_of_the_source() -> None:
    found = revise(article("Summary only.", problems=(FEED_TEXT_USED,)), article(*LINES))
    assert (found.stands, found.changes, found.text) == (False, (), "\n".join(LINES))


def test_date_of_publication_stays() -> None:
    later = article(*LINES, title="Eleven shippers summoned", published=datetime(2026, 3, 25, tzinfo=UTC))
    assert revise(article(*LINES), later).published == DAY


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=8), st.lists(st.sampled_from(LINES), max_size=8))
def test_either_stands_or_tells_what_changed_or_is_only_rearranged(old: list[str], new: list[str]) -> None:
    found = revise(article(*old), article(*new))
    assert found.stands == (not found.changes)
    for change in found.changes:
        assert change.before in "\n".join(old)
        assert change.after in "\n".join(new)


def test_huge_rewrite_is_bounded() -> None:
    old = [f"Sentence number {number} of the old text." for number in range(3_000)]
    new = [f"Sentence number {number} of the new text." for number in range(3_000)]
    (change,) = revise(article(*old), article(*new)).changes
    assert max(len(change.before), len(change.after)) <= LONGEST_CHANGE
    mixed = [line for pair in zip(old[:200], new[:200], strict=True) for line in pair]
    assert len(revise(article(*old[:200]), article(*mixed)).changes) <= MOST_CHANGES
