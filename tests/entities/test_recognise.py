"""The name recogniser: its tokenizer keeps every character, and it finds obvious names in many languages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from digest.entities.recognise import load
from digest.entities.tagger import Found
from digest.entities.tokens import NameTokenizer, without_surrogates
from digest.entities.trim import trimmed

tokenize = NameTokenizer(Vocab())

OBVIOUS = {
    "zh": ("国家网信办昨天约谈了腾讯，要求限期整改。", {("国家网信办", "AGENCY"), ("腾讯", "COMPANY")}),
    "zh-Hant": ("公平交易委員會表示，台積電並未違法。", {("公平交易委員會", "AGENCY"), ("台積電", "COMPANY")}),
    "ja": (
        "公正取引委員会はきのう、トヨタ自動車に立ち入り検査した。",
        {("公正取引委員会", "AGENCY"), ("トヨタ自動車", "COMPANY")},
    ),
    "ko": (
        "공정거래위원회는 어제 삼성전자는 잘못이 없다고 발표했다.",
        {("공정거래위원회", "AGENCY"), ("삼성전자", "COMPANY")},
    ),
    "ar": ("قالت وزارة الداخلية إنها تحقق في الحادث.", {("وزارة الداخلية", "AGENCY")}),
    "de": (
        "Gestern durchsuchte das Bundeskartellamt Räume von Volkswagen.",
        {("Bundeskartellamt", "AGENCY"), ("Volkswagen", "COMPANY")},
    ),
    "fr": ("La CNIL reproche à Google de ne pas informer ses clients.", {("CNIL", "AGENCY"), ("Google", "COMPANY")}),
    "ru": (
        "Вчера Роскомнадзор потребовал от Google удалить ролик.",
        {("Роскомнадзор", "AGENCY"), ("Google", "COMPANY")},
    ),
    "en": (
        "The Federal Trade Commission wants Microsoft to pay.",
        {("Federal Trade Commission", "AGENCY"), ("Microsoft", "COMPANY")},
    ),
}


def found(doc: Doc) -> set[tuple[str, str]]:
    return {(ent.text, ent.label_) for ent in doc.ents}


def placed(doc: Doc) -> list[tuple[int, int, str, float]]:
    scores = doc.user_data["scores"]
    return [(e.start_char, e.end_char, e.label_, scores[e.start_char, e.end_char]) for e in doc.ents]


@given(st.text())
def test_tokenizer_keeps_the_text(text: str) -> None:
    assert tokenize(text).text == text


@given(st.text(alphabet=" \u00a0\n\t\r\u3000\u200bab.은는삼ก็です中🇩🇪👩‍🚀e\u0301\x00"))
def test_tokenizer_keeps_odd_characters(text: str) -> None:
    assert tokenize(text).text == text


def test_tokens_are_as_small_as_the_edge_of_a_name_needs() -> None:
    assert [t.text for t in tokenize("삼성전자는 腾讯 VW-Chef والبنك l'AMF")] == [
        *"삼성전자는", *"腾讯", "VW", "-", "Chef", "و", "البنك", "l", "'", "AMF",
    ]  # fmt: skip


def test_lone_surrogates_are_replaced_and_offsets_stay() -> None:
    text = "Apple \ud800 und \udfffSiemens\x00"
    doc = load()(text)
    assert len(doc.text) == len(text)
    assert doc.text == without_surrogates(text)


@pytest.mark.parametrize("lang", OBVIOUS)
def test_finds_obvious_names(lang: str) -> None:
    text, names = OBVIOUS[lang]
    doc = load()(text)
    assert names <= found(doc)
    assert all(0 < score <= 1 for *_, score in placed(doc))


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u200b", "...", "\x00", "🇩🇪"])
def test_text_without_names(text: str) -> None:
    assert load()(text).ents == ()


def test_very_long_text_without_a_single_break() -> None:
    doc = load()("和" * 3000 + "x" * 3000)
    assert len(doc.text) == 6000


def test_names_are_found_deep_in_a_long_text() -> None:
    text = "Es regnete den ganzen Tag, und niemand ging hinaus. " * 60 + OBVIOUS["de"][0]
    assert OBVIOUS["de"][1] <= found(load()(text))


def test_result_does_not_depend_on_the_batch() -> None:
    texts = [text for text, _ in OBVIOUS.values()]
    alone = [placed(load()(text)) for text in texts]
    assert [placed(doc) for doc in load().pipe(texts)] == alone
    assert [placed(doc) for doc in load().pipe(texts[::-1] + texts, batch_size=3)] == alone[::-1] + alone


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gets_names_within_it(text: str) -> None:
    doc = load()(text)
    assert all(ent.text.strip() for ent in doc.ents)


@pytest.mark.parametrize(
    ("text", "label", "left"),
    [
        ("the European Commission", "AGENCY", "European Commission"),
        ("Das Bundeskartellamt", "AGENCY", "Bundeskartellamt"),
        ("l'Autorité de la concurrence", "AGENCY", "Autorité de la concurrence"),
        ("El Corte Inglés", "COMPANY", "El Corte Inglés"),
        ("Apple's", "COMPANY", "Apple"),
        ("McDonald's", "COMPANY", "McDonald's"),
        ("Acme Inc.", "COMPANY", "Acme Inc."),
        ("Siemens.", "COMPANY", "Siemens"),
        ("«Газпром»", "COMPANY", "Газпром"),
        ("ПАО «Газпром»", "COMPANY", "ПАО «Газпром»"),
        ("Tata (India)", "COMPANY", "Tata (India)"),
        (" ,", "COMPANY", None),
    ],
)
def test_edges_are_trimmed(text: str, label: str, left: str | None) -> None:
    name = trimmed(text, Found(0, len(text), label, 0.9))
    assert (text[name.start : name.end] if name else None) == left
