"""Folding keeps offsets; spellings of one name meet in one normal form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.entities.catalogue import Entity, catalogue
from digest.entities.names import display, fold, fold_in_place, fold_text, normal

TEXTS = st.text(
    st.sampled_from("aßİﬁé①国國気株㈱ＡＢ가힣アﾊﾞ゙́̈كاأيًـабвё’–　 .,()") | st.characters(codec="utf-8"), max_size=60
)


@settings(deadline=None)  # the first use reads the conversion tables
@given(TEXTS, st.sampled_from(["", "de", "ru", "tr", "pl", "zh"]))
def test_folded_characters_know_where_they_stand(text: str, language: str) -> None:
    folded = fold(text, language)

    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(folded.starts, folded.ends, strict=True))
    assert sorted(folded.starts) == list(folded.starts)


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["", "de", "ru"]))
def test_folding_with_and_without_offsets_agrees(text: str, language: str) -> None:
    assert fold(text, language).text == fold_text(text, language)


@settings(deadline=None)
@given(TEXTS, st.booleans())
def test_folding_in_place_keeps_the_length(text: str, lower: bool) -> None:
    assert len(fold_in_place(text, lower)) == len(text)


def test_a_span_of_the_folded_text_leads_back_to_the_words() -> None:
    text = "㈱日立とＧｏｏｇｌｅ、Cafe\u0301 d’Or"
    folded = fold(text)
    start = folded.text.index("google")

    assert folded.text == "(株)日立とgoogle、café d'or"
    assert text[slice(*folded.span(start, start + 6))] == "Ｇｏｏｇｌｅ"
    cafe = folded.text.index("café")
    assert text[slice(*folded.span(cafe, cafe + 4))] == "Cafe\u0301"


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("de", "der Europäischen Kommission", "der Europäische Kommission"),
        ("de", "Volkswagens", "Volkswagen"),
        ("ru", "Федеральной антимонопольной службой", "Федеральная антимонопольная служба"),
        ("ru", "Газпрому", "Газпром"),
        ("ru", "комиссией", "комиссия"),
        ("uk", "Антимонопольного комітету", "Антимонопольний комітет"),
        ("tr", "Rekabet Kurumunun", "Rekabet Kurumu"),
        ("pl", "Orlenu", "Orlen"),
    ],
)
def test_case_forms_of_a_name_meet(language: str, one: str, other: str) -> None:
    assert fold_text(one, language) == fold_text(other, language)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kuaishou Technology Co., Ltd.", "KUAISHOU TECHNOLOGY"),
        ("北京小桔科技有限公司", "北京小桔科技"),
        ("國家互聯網信息辦公室", "国家互联网信息办公室"),
        ("株式会社日立製作所", "日立製作所"),
        ("㈱カカオ", "カカオ"),
        ("(주)카카오", "카카오"),
        ("ООО «Яндекс»", "Яндекс"),
        ("Volkswagen AG", "ＶＯＬＫＳＷＡＧＥＮ"),
        ("Société Générale S.A.", "société générale"),
        ("Turkcell İletişim Hizmetleri A.Ş.", "Turkcell İletişim Hizmetleri"),
        ("أرامكو", "ارامكو"),
        ("AT&T Inc.", "AT&T"),
    ],
)
def test_spellings_of_one_name_share_a_normal_form(one: str, other: str) -> None:
    assert normal(one) == normal(other)


@pytest.mark.parametrize("name", ["Group", "SA", "公司", "S", "AS Roma", "GmbH & Co. KG"])
def test_a_legal_form_alone_stays_a_name(name: str) -> None:
    assert normal(name)


@pytest.mark.parametrize(("one", "other"), [("腾讯", "腾讯音乐"), ("AS Roma", "Roma"), ("Meta", "Metro")])
def test_different_names_stay_apart(one: str, other: str) -> None:
    assert normal(one) != normal(other)


@settings(deadline=None)
@given(TEXTS)
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    once = normal(text)

    assert normal(once) == once


def test_readers_see_a_name_of_their_language() -> None:
    entity = Entity(
        "agency:x", "agency", "CN", {"zh": ("国家网信办",), "en": ("Cyberspace Administration of China", "CAC")}
    )

    assert display(entity, "zh-Hans") == "国家网信办"
    assert display(entity, "zh-Hant") == "國家網信辦"
    assert display(entity, "de") == "Cyberspace Administration of China"
    assert display(Entity("company:y", "company", "JP", {"ja": ("楽天",)}), "fr") == "楽天"


def test_the_catalogue_is_whole() -> None:
    entities = list(catalogue())

    assert len(entities) > 1_000
    assert {entity.kind for entity in entities} == {"company", "agency"}
    assert all(entity.id.startswith(f"{entity.kind}:") and entity.name for entity in entities)
