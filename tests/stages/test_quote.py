"""Sentences worth quoting, and those that are none."""

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from digest.stages.quote import quotable, quotes, shortened
from tests.samples import report

GOOD = [
    ("en", "The agency said on Friday that it had fined the bank for lax controls."),
    ("de", "Die Behörde teilte am Freitag mit, dass sie gegen die Bank ein Bußgeld verhängt hat."),
    ("zh-Hans", "国家网信办18日通报，近日依法约谈11家企业。"),
    ("zh-Hant", "市場監管總局19日公布，海雲食品被罰款200萬元。"),
    ("ja", "個人情報保護委員会は19日、LINEに対し報告を求めた。"),
    ("ko", "공정거래위원회가 네이버에 대한 조사 결과를 다음 주 발표한다."),
    ("ar", "استدعت إدارة الفضاء السيبراني في الصين ممثلين عن 11 شركة بسبب تقنية التزييف."),
    ("hi", "एजेंसी ने शुक्रवार को कहा कि उसने बैंक पर ढीले नियंत्रण के लिए जुर्माना लगाया है।"),
]


@pytest.mark.parametrize(("language", "text"), GOOD)
def test_a_sentence_of_prose_may_be_quoted(language: str, text: str) -> None:
    assert quotable(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Shoppers pass a phone shop in Shenzhen on a rainy afternoon in March"),  # a caption
        ("en", "Photo: a branch of the bank in the old town, seen from the river on Friday."),
        ("en", "Read the whole story of the bank at https://news.example/42 on our site today."),
        ("en", "The agency said on Friday that it had fined the bank and that it …"),  # a teaser
        ("en", "The agency named these banks, which have to answer to it until Friday:"),
        ("en", "and that it had fined the bank for lax controls in its branches abroad."),  # a piece
        ("en", "Fined."),
        ("en", "Rechtsschutzversicherungsgesellschaften Donaudampfschifffahrtsgesellschaft."),  # no sentence
        ("de", "Foto: Eine Filiale der Bank in der Altstadt, vom Fluss aus am Freitag gesehen."),
        ("zh-Hans", "图源：视觉中国，未经许可不得转载使用。"),
        ("zh-Hans", "责编：王小明"),
        ("ja", "写真：東京都千代田区の本社ビル、18日午後撮影。"),
        ("ko", "사진: 서울 종로구에 있는 은행 본점 건물 모습이다."),
        ("ar", "صورة: فرع البنك في المدينة القديمة كما يظهر من ضفة النهر يوم الجمعة."),
        ("en", "x" * 2000 + "."),
    ],
)
def test_captions_credits_teasers_and_pieces_may_not(language: str, text: str) -> None:
    assert not quotable(text, language)


def test_sentences_are_chosen_by_what_they_tell_not_by_their_place() -> None:
    text = (
        "It was a rainy morning in the capital, and few people were on the streets.\n"
        "The Cyberspace Administration of China has summoned Tencent and Xiaomi over 11 apps."
    )
    one = report(1, "Ledger", "en", "Summons in Beijing", text)
    weights = {"agency:cn-cac": 1.0, "company:tencent": 1.0, "company:xiaomi": 1.0}
    assert quotes([one], weights, one.title, [0])[0][0].startswith("The Cyberspace Administration")


def test_what_repeats_the_headline_or_the_first_sentence_is_left_out() -> None:
    headline = "Tencent has been summoned by the agency in Beijing over its voice chat app"
    repeated = f"{headline}."
    near = f"{headline} on Friday."
    other = "The company said that it would look into the matter and answer within a week."
    one = report(1, "Ledger", "en", headline, f"{repeated}\n{near}\n{other}")
    assert [text for text, _, _ in quotes([one], {"company:tencent": 1.0}, headline, [0])] == [other]


def test_worse_languages_are_read_only_where_the_better_have_too_little() -> None:
    english = report(1, "Ledger", "en", "Fine", "Tencent must pay a fine that the agency set on Friday. And so on.")
    chinese = report(
        2,
        "京海日报",
        "zh-Hans",
        "罚款",
        "腾讯须缴纳监管部门周五确定的罚款，金额未公布。腾讯表示将认真整改，并配合监管部门工作。",
    )
    chosen = quotes([chinese, english], {"company:tencent": 1.0}, "", [1, 0])
    assert [language for _, language, _ in chosen] == ["en", "zh-Hans"]


def test_what_the_reader_gets_anyway_comes_last() -> None:
    shown, other = GOOD[0][1], "The bank said that it would appeal against the decision before the court."
    one = report(1, "Ledger", "en", "", f"{shown} {other}")
    assert [text for text, _, _ in quotes([one], {}, "", [0], {shown})] == [other, shown]


def test_texts_without_a_sentence_give_none() -> None:
    assert (
        quotes([report(1, "Ledger", "en", "Fine", "Live\nUpdates"), report(2, "Bote", "de", "")], {}, "", [0, 0]) == ()
    )


@given(
    st.text(alphabet=st.sampled_from("ab 国ンか\u0301\u200d👩👧🇩🇪가 ."), max_size=400),
    st.sampled_from(["en", "zh-Hans", "ko"]),
)
def test_shortening_cuts_no_grapheme(text: str, language: str) -> None:
    short = shortened(text, language)
    assert len(short) <= (240 if language == "en" else 120)
    kept = short.removesuffix("…") if short != text else short
    clusters = regex.findall(r"\X", text)
    ends = {len("".join(clusters[:count])) for count in range(len(clusters) + 1)}
    assert text.startswith(kept)
    assert len(kept) in ends
