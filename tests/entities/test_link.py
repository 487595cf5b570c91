"""Which entity a name means, with the recogniser's names given by hand where they matter."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.entities.link import Name, link, resolve
from digest.entities.unlisted import local_id
from digest.records import Label, Mention

PIECES = st.sampled_from(
    [
        "网信办",
        "公安部",
        "上海市",
        "中国",
        "腾讯",
        "小米",
        "、",
        "。",
        "（",
        "）",
        "\n",
        "Apple",
        "Inc.",
        "(CAC)",
        "the",
        "Cyberspace",
        "Administration",
        "of",
        "China",
        "Samsung",
        "삼성전자",
        "는",
        "Роскомнадзором",
        "Газпрома",
        "und",
        "Volkswagens",
        "ＬＩＮＥ",
        "ライン",
        "に",
        "وغوغل",
        "Google'ın",
        "👩\u200d👩\u200d👧",
        "é",
        "",
    ]
)


def seen(
    text: str, language: str, country: str | None = None, names: tuple[tuple[str, Label], ...] = ()
) -> list[Mention]:
    found = [Name(text.index(name), text.index(name) + len(name), label, 0.95) for name, label in names]
    return link(text, language, country, sorted(found, key=lambda name: name.start))


def linked(
    text: str, language: str, country: str | None = None, names: tuple[tuple[str, Label], ...] = ()
) -> list[tuple[str, str | None]]:
    return [(mention.text, mention.entity) for mention in seen(text, language, country, names)]


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=25), st.sampled_from(["zh-Hans", "en", "ko", "ru", "de", "ja", "ar", "tr"]), st.data())
def test_mentions_are_ordered_spans_of_the_text(pieces: list[str], language: str, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(["", " "])).join(pieces)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    names = [Name(a, b, "COMPANY", 0.9) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if text[a:b].strip()]

    mentions = link(text, language, None, names)

    assert all(mention.text == text[mention.start : mention.end] for mention in mentions)
    assert all(one.end <= other.start for one, other in pairwise(mentions))
    assert all(mention.text.strip() for mention in mentions)
    assert all(mention.entity is None for mention in mentions if mention.label in {"ORG", "PERSON", "PLACE"})
    assert mentions == link(text, language, None, names)


# --- names beyond doubt ---------------------------------------------------------------------------------------------


def test_words_that_contain_a_name_are_no_mention() -> None:
    assert linked("公安部门表示，东京东部的小米粥店与王者荣耀无关。", "zh-Hans") == []
    assert linked("中国银行业协会发布报告。", "zh-Hans") == []
    assert linked("온라인 가이드라인과 라인업을 공개했다.", "ko") == []
    assert linked("オンラインのガイドラインが公開された。", "ja") == []
    assert linked("The CAC 40 rose; the Amazon rainforest did not.", "en") == []
    assert linked("ارتفاع وفيات كورونا، ابقوا في البيت", "ar") == []
    assert linked("Aktualności Mobile z ogrodu", "pl") == []


@pytest.mark.parametrize(
    ("language", "text", "written"),
    [
        ("ko", "삼성전자는 네이버가 부럽다.", ["삼성전자", "네이버"]),
        ("tr", "Google'ın Turkcell'den aldığı pay", ["Google", "Turkcell"]),
        ("ru", "Акции Газпрома и Яндекса", ["Газпрома", "Яндекса"]),
        ("de", "Volkswagens Werk und Siemens-Chef", ["Volkswagens", "Siemens"]),
        ("ar", "قالت غوغل وهواوي", ["غوغل", "هواوي"]),
        ("ja", "米ＩＢＭとソニーが提携した。", ["ＩＢＭ", "ソニー"]),
        ("zh-Hant", "騰訊與臺積電合作", ["騰訊", "臺積電"]),
        ("en", "TENCENT and Huawei's rivals", ["TENCENT", "Huawei"]),
        ("fr", "l’usine d’Airbus et celle de Renault", ["Airbus", "Renault"]),
    ],
)
def test_names_are_found_as_their_language_writes_them(language: str, text: str, written: list[str]) -> None:
    assert [mention.text for mention in seen(text, language) if mention.entity] == written


def test_an_acronym_needs_its_capitals() -> None:
    assert linked("It was nice of the cia agent.", "en", "US") == []


# --- context --------------------------------------------------------------------------------------------------------


def test_a_common_word_is_a_company_among_companies() -> None:
    assert linked("小米很好喝。", "zh-Hans") == []
    assert linked("名单上有小米、快手、腾讯。", "zh-Hans") == [
        ("小米", "company:xiaomi"),
        ("快手", "company:kuaishou"),
        ("腾讯", "company:tencent"),
    ]


def test_a_common_word_is_a_company_where_the_recogniser_says_so() -> None:
    text = "He joined Apple yesterday."

    assert linked(text, "en", names=(("Apple", "COMPANY"),)) == [("Apple", "company:apple")]
    assert ("Apple", "company:apple") not in linked(text, "en", names=(("Apple", "PERSON"),))


def test_an_ambiguous_name_is_who_the_text_names_in_full() -> None:
    assert linked("라인(LINE)은 일본에서 쓰인다.", "ko") == [("라인", "company:line"), ("LINE", "company:line")]


@pytest.mark.parametrize(
    ("text", "language", "country", "entity"),
    [
        ("财政部昨天表示。", "zh-Hans", "CN", "agency:cn-mof"),
        ("公安部昨天表示。", "zh-Hans", None, "agency:cn-mps"),
        ("中国の商務省は発表した。", "ja", "JP", "agency:cn-mofcom"),
        ("The SEC said on Monday.", "en", "US", "agency:us-sec"),
        ("Germany: the Ministry of Finance in Berlin said so.", "en", None, "agency:de-bmf"),
        ("France's Ministry of Justice in Paris said so.", "en", "US", "agency:fr-justice"),
    ],
)
def test_a_general_name_is_the_country_s_that_is_meant(
    text: str, language: str, country: str | None, entity: str
) -> None:
    assert [mention.entity for mention in seen(text, language, country) if mention.label == "AGENCY"] == [entity]


def test_a_general_name_without_a_country_stays_unlinked() -> None:
    mentions = seen("The Ministry of Finance said so.", "en", names=(("Ministry of Finance", "AGENCY"),))

    assert [(mention.text, mention.entity) for mention in mentions] == [("Ministry of Finance", None)]


def test_another_country_s_body_of_the_same_name_is_not_ours() -> None:
    mentions = seen("尼泊尔财政部发言人说，财政部没有决定。", "zh-Hans", "CN")

    assert {mention.entity for mention in mentions if mention.text == "财政部"} == {local_id("agency", "财政部", "NP")}


def test_a_body_of_which_there_is_one_is_meant_whatever_stands_beside() -> None:
    assert linked("Die deutsche EZB-Direktorin sprach.", "de", "DE") == [("EZB", "agency:eu-ecb")]


def test_after_the_full_name_the_bare_one_means_the_same() -> None:
    text = "美国商务部周三宣布，已发出传票。商务部没有点名。"

    assert linked(text, "zh-Hans", "CN") == [("美国商务部", "agency:us-commerce"), ("商务部", "agency:us-commerce")]


# --- offices and bodies at large ------------------------------------------------------------------------------------


def test_a_local_office_is_not_the_national_body() -> None:
    (office,) = [
        mention for mention in seen("洛阳市网信办昨天约谈平台。", "zh-Hans", "CN") if mention.label == "AGENCY"
    ]

    assert office.text == "洛阳市网信办"
    assert office.entity == local_id("agency", "洛阳市网信办")
    (office,) = seen("The Shanghai office of the Cyberspace Administration of China met them.", "en")
    assert office.text.startswith("Shanghai office")
    assert (office.entity or "").startswith("local:agency:")


def test_bodies_at_large_are_no_mention() -> None:
    text = "各地网信部门、公安机关加强检查。"

    assert linked(text, "zh-Hans", "CN", (("各地网信部门", "AGENCY"), ("公安机关", "AGENCY"))) == []


def test_joint_bodies_are_two_mentions() -> None:
    assert linked("国家网信办、公安部约谈。", "zh-Hans") == [
        ("国家网信办", "agency:cn-cac"),
        ("公安部", "agency:cn-mps"),
    ]


# --- names in no registry -------------------------------------------------------------------------------------------


def test_a_name_in_no_registry_has_one_id_in_every_article() -> None:
    (one,) = seen("Börsengang von Quarzwerk Nord GmbH.", "de", "DE", (("Quarzwerk Nord GmbH", "COMPANY"),))
    (other,) = seen("Quarzwerk Nord goes public.", "en", "US", (("Quarzwerk Nord", "COMPANY"),))

    assert one.entity == other.entity
    assert (one.entity or "").startswith("local:company:")
    assert len(one.entity or "") == len("local:company:") + 12
    assert one.name == "Quarzwerk Nord GmbH"
    assert one.reason == "local"


def test_brackets_define_a_short_name() -> None:
    text = "瀚海数据管理局（以下简称瀚海局）昨天成立。瀚海局今天开会。"
    mentions = seen(text, "zh-Hans", "CN", (("瀚海数据管理局", "AGENCY"),))

    assert [(mention.text, mention.reason) for mention in mentions] == [
        ("瀚海数据管理局", "local"),
        ("瀚海局", "in-article definition"),
        ("瀚海局", "short form"),
    ]
    assert len({mention.entity for mention in mentions}) == 1


def test_a_stock_exchange_s_letters_are_a_name_only_where_the_text_uses_them() -> None:
    def written(text: str) -> list[str]:
        return [m.text for m in seen(text, "de", "DE", (("Quarzwerk Nord", "COMPANY"),))]

    assert written("Quarzwerk Nord (QZK) verliert.") == ["Quarzwerk Nord"]
    assert written("Quarzwerk Nord (QZK) verliert. QZK schweigt.") == ["Quarzwerk Nord", "QZK", "QZK"]
    assert written("Quarzwerk Nord (QN) verliert.") == ["Quarzwerk Nord", "QN"]


def test_brackets_tell_who_a_full_name_is() -> None:
    text = "Avrupa Kimyasal Denetim Ajansı (ECHA) karar aldı."
    (full, short) = seen(text, "tr", "TR", (("Avrupa Kimyasal Denetim Ajansı", "AGENCY"), ("ECHA", "AGENCY")))

    assert full.entity == short.entity == "agency:eu-echa"


def test_an_acronym_of_the_registry_follows_its_definition() -> None:
    text = "The Cyberspace Administration of China (CAC) met them. The CAC spoke on Friday."

    assert {mention.entity for mention in seen(text, "en", "GB") if mention.label == "AGENCY"} == {"agency:cn-cac"}


def test_a_headline_s_short_name_is_the_text_s_full_one() -> None:
    text = "Quarzwerk wächst\nDer Umsatz von Quarzwerk Nord steigt."
    (short, full) = seen(text, "de", "DE", (("Quarzwerk", "COMPANY"), ("Quarzwerk Nord", "COMPANY")))

    assert (short.entity, short.reason) == (full.entity, "short form")


def test_a_person_is_not_the_company_of_the_name() -> None:
    assert linked("Henry Ford wurde geehrt.", "de", "DE", (("Henry Ford", "PERSON"),)) == [("Henry Ford", None)]


def test_persons_and_places_have_no_entity() -> None:
    mentions = seen("Anna lives in Oslo.", "en", None, (("Anna", "PERSON"), ("Oslo", "PLACE")))

    assert [(mention.label, mention.entity) for mention in mentions] == [("PERSON", None), ("PLACE", None)]


# --- watchlists -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["company:tencent", "腾讯", "Tencent", "テンセント", "騰訊", "Tencent Holdings Ltd.", "텐센트"]
)
def test_a_watchlist_names_a_company_in_any_language(name: str) -> None:
    assert resolve(name) == "company:tencent"


@pytest.mark.parametrize("name", ["Ministry of Finance", "nobody of this name", "", "company:nobody"])
def test_a_watchlist_name_that_many_or_none_bear_is_not_resolved(name: str) -> None:
    assert resolve(name) is None


# --- size -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", ["小米、", "网信办（", "Apple (", "fined Apple by the SEC ", "لغوغل "])
def test_long_repetitions_take_no_long_time(piece: str) -> None:
    mentions = link(piece * 3_000, "zh-Hans")

    assert all(one.end <= other.start for one, other in pairwise(mentions))


def test_bodies_that_act_together_are_of_one_country() -> None:
    """A Korean paper writes 개인정보보호위원회 of Japan's commission too, once it stands beside Japan's ministry."""
    text = "개인정보보호위원회와 총무성은 라인에 보고를 요구했다. 개인정보위는 23일까지 답하라고 했다."
    agencies = [mention.entity for mention in link(text, "ko", "KR") if mention.label == "AGENCY"]
    assert agencies == ["agency:jp-ppc", "agency:jp-mic", "agency:jp-ppc"]
    alone = link("개인정보보호위원회는 라인에 과징금을 부과했다.", "ko", "KR")
    assert [mention.entity for mention in alone if mention.label == "AGENCY"] == ["agency:kr-pipc"]
