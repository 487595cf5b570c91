"""Who does what to whom, sentence by sentence; and what is no act. Names are the registry's alone, without model."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.entities.acts import ACTIONS, lexicon
from digest.entities.link import link
from digest.records import Act, Mention
from digest.stages.act import find_acts

LANGUAGES = ("zh", "ja", "ko", "en", "de", "fr", "es", "pt", "it", "ru", "ar", "tr")


# The source's country, where the names need it.
COUNTRIES = {"en": "US", "ar": "SA", "zh-Hant": "TW"}


def acts(language: str, text: str) -> list[Act]:
    return find_acts(text, language, link(text, language, COUNTRIES.get(language)))


def found(language: str, text: str) -> set[tuple[str, str, str]]:
    return {
        (act.agency.removeprefix("agency:"), act.company.removeprefix("company:"), act.action)
        for act in acts(language, text)
    }


JOINT_SUMMONS = {(a, c, "summon") for a in ("cn-cac", "cn-miit") for c in ("tencent", "alibaba", "jd-com")}
DONE = [
    ("zh-Hans", "市场监管总局对京东罚款三百万元。", {("cn-samr", "jd-com", "fine")}),
    ("zh-Hans", "腾讯被国家网信办约谈。", {("cn-cac", "tencent", "summon")}),
    ("zh-Hans", "国家网信办、工信部约谈腾讯、阿里巴巴、京东等企业。", JOINT_SUMMONS),
    ("zh-Hans", "国家网信办会同工信部约谈了11家企业。\n名单包括腾讯、阿里巴巴和京东。", JOINT_SUMMONS),
    ("zh-Hant", "金管會裁罰後，公平會對鴻海展開調查。", {("tw-ftc", "foxconn", "investigate")}),
    ("ja", "金融庁は野村証券に業務改善命令を出した。", {("jp-fsa", "nomura", "order")}),
    ("ja", "公正取引委員会が楽天グループに立ち入り検査した。", {("jp-jftc", "rakuten", "raid")}),
    ("ko", "공정거래위원회는 쿠팡에 과징금을 부과했다.", {("kr-ftc", "coupang", "fine")}),
    ("ko", "금융감독원이 카카오페이에 대한 조사에 착수했다.", {("kr-fss", "kakaopay", "investigate")}),
    ("en", "The FTC sued Amazon.com and Microsoft.", {("us-ftc", "amazon", "sue"), ("us-ftc", "microsoft", "sue")}),
    ("en", "Huawei was fined by the Bundeskartellamt on Monday.", {("de-bkarta", "huawei", "fine")}),
    (
        "en",
        "The European Commission opened an investigation into TikTok.",
        {("eu-commission", "tiktok", "investigate")},
    ),
    ("de", "Die BaFin verhängt gegen die Deutsche Bank ein Bußgeld.", {("de-bafin", "deutsche-bank", "fine")}),
    (
        "de",
        "Das Bundeskartellamt leitet ein Verfahren gegen Microsoft ein.",
        {("de-bkarta", "microsoft", "investigate")},
    ),
    ("fr", "La CNIL inflige une amende de 3 millions d’euros à Google.", {("fr-cnil", "google", "fine")}),
    ("fr", "Renault a été sanctionné par la CNIL.", {("fr-cnil", "renault", "fine")}),
    ("es", "La CNMC multa a Telefónica con dos millones.", {("es-cnmc", "telefonica", "fine")}),
    ("es", "Telefónica fue multada por la CNMC.", {("es-cnmc", "telefonica", "fine")}),
    (
        "pt",
        "O Procon-SP multou a Samsung e a Microsoft.",
        {("br-procon-sp", "samsung", "fine"), ("br-procon-sp", "microsoft", "fine")},
    ),
    ("it", "L'Agcm ha multato Ryanair per tre milioni.", {("it-agcm", "ryanair", "fine")}),
    ("it", "La Consob ha aperto un'istruttoria su UniCredit.", {("it-consob", "unicredit", "investigate")}),
    ("ru", "Роскомнадзор оштрафовал Google.", {("ru-rkn", "google", "fine")}),
    ("ru", "Федеральная антимонопольная служба возбудила дело против Яндекса.", {("ru-fas", "yandex", "investigate")}),
    ("ar", "غرمت هيئة السوق المالية شركة هواوي.", {("sa-cma", "huawei", "fine")}),
    ("tr", "Rekabet Kurumu, Google'a para cezası verdi.", {("tr-rk", "google", "fine")}),
    ("tr", "KVKK, Trendyol hakkında soruşturma başlattı.", {("tr-kvkk", "trendyol", "investigate")}),
]


@pytest.mark.parametrize(("language", "text", "expected"), DONE, ids=[f"{case[0]}-{case[1][:20]}" for case in DONE])
def test_an_act_that_is_reported(language: str, text: str, expected: set[tuple[str, str, str]]) -> None:
    assert found(language, text) == expected


NOT_DONE = [
    ("zh-Hans", "市场监管总局可能对京东罚款。"),
    ("zh-Hans", "国家网信办拟约谈腾讯。"),
    ("zh-Hans", "国家网信办否认约谈腾讯。"),
    ("zh-Hans", "腾讯曾被国家网信办约谈。"),
    ("zh-Hans", "2019年，市场监管总局对京东罚款。"),
    ("zh-Hans", "市场监管总局未对京东作出行政处罚。"),
    ("zh-Hans", "腾讯公布财报，国家网信办同日开会。"),
    ("ja", "金融庁は野村証券に報告を求める方針だ。"),
    ("ja", "公正取引委員会は楽天グループに立ち入り検査していない。"),
    ("ko", "공정거래위원회는 쿠팡에 과징금을 부과할 가능성이 있다."),
    ("ko", "공정거래위원회는 지난해 쿠팡에 과징금을 부과했다."),
    ("en", "The FTC could sue Microsoft, and the FTC may have fined Huawei."),
    ("en", "The FTC has not fined Microsoft."),
    ("en", "Microsoft sued the FTC."),
    ("en", "In 2019 the FTC fined Microsoft."),
    ("en", "If the FTC fined Microsoft, Huawei would gain."),
    ("en", "The FTC fined Tesla's chief executive."),
    ("de", "Die BaFin könnte gegen die Deutsche Bank ein Bußgeld verhängen."),
    ("de", "Die BaFin hat gegen die Deutsche Bank kein Bußgeld verhängt."),
    ("fr", "La CNIL n’a pas infligé d’amende à Google."),
    ("fr", "La CNIL pourrait sanctionner Google."),
    ("es", "La CNMC podría multar a Telefónica."),
    ("es", "La CNMC no multó a Telefónica."),
    ("pt", "O Procon-SP não multou a Samsung."),
    ("it", "L'Agcm potrebbe multare Ryanair."),
    ("ru", "Роскомнадзор не оштрафовал Google."),
    ("ru", "Роскомнадзор может оштрафовать Google."),
    ("tr", "Rekabet Kurumu, Google'a para cezası verebilir."),
    ("ar", "لم تغرم هيئة السوق المالية شركة هواوي."),
]


@pytest.mark.parametrize(("language", "text"), NOT_DONE, ids=[f"{case[0]}-{case[1][:20]}" for case in NOT_DONE])
def test_what_is_denied_or_past_is_no_act_and_what_is_planned_is_told_so(language: str, text: str) -> None:
    assert {act.status for act in acts(language, text)} <= {"planned", "threatened"}


def test_the_owner_of_a_company_is_not_acted_on() -> None:
    text = (
        "The Cyberspace Administration of China summoned 11 firms.\nThey include TikTok's parent ByteDance and Huawei."
    )

    assert found("en", text) == {("cn-cac", "bytedance", "summon"), ("cn-cac", "huawei", "summon")}


def test_evidence_is_the_sentence() -> None:
    text = "Ein Satz davor. Die BaFin rügt die Deutsche Bank. Ein Satz danach."
    (act,) = acts("de", text)

    assert act.evidence == "Die BaFin rügt die Deutsche Bank." == text[act.start : act.end]
    assert 0 < act.confidence < 1


def test_an_act_told_twice_is_one_act() -> None:
    text = "La CNMC multa a Telefónica.\nTelefónica fue multada por la CNMC el lunes."

    assert [act.evidence for act in acts("es", text)] == ["La CNMC multa a Telefónica."]


def test_the_government_at_large_does_not_act() -> None:
    text = "中国政府约谈腾讯。"

    assert {mention.entity for mention in link(text, "zh-Hans")} == {"agency:cn-central-government", "company:tencent"}
    assert found("zh-Hans", text) == set()


def test_a_language_without_a_lexicon_has_no_acts() -> None:
    assert acts("fi", "KKV määräsi Googlen maksamaan.") == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_lexicons_name_actions_of_the_closed_list(code: str) -> None:
    words = lexicon(code)

    assert words is not None
    assert {trigger.action for trigger in words.triggers} <= set(ACTIONS)
    assert {"summon", "warn", "order", "investigate", "fine", "sue", "ban", "approve"} <= {
        t.action for t in words.triggers
    }


WORDS = (
    *("网信办", "约谈", "被", "、", "。", "对", "罚款", "腾讯", "京东", "等11家企业", "包括"),
    *("FTC", "fined", "by", "sued", ",", "and", "Microsoft", "\n", "not", "may", "2019"),
)
PIECES = st.sampled_from(WORDS)


@settings(max_examples=80, deadline=None)
@given(st.lists(PIECES, max_size=20), st.sampled_from(["zh-Hans", "en", "ja", "de", "tr"]))
def test_acts_are_between_linked_names_of_the_text(pieces: list[str], language: str) -> None:
    text = " ".join(pieces)
    mentions = link(text, language, "US")
    linked = {mention.entity for mention in mentions}
    keys = []
    for act in find_acts(text, language, mentions):
        assert act.evidence == text[act.start : act.end]
        assert {act.agency, act.company} <= linked
        keys.append((act.agency, act.company, act.action))
    assert len(keys) == len(set(keys))


def test_unlinked_names_do_not_act() -> None:
    text = "La CNMC multa a Telefónica."
    mentions = [Mention(3, 7, "CNMC", "AGENCY"), Mention(16, 26, "Telefónica", "COMPANY", "company:telefonica")]

    assert find_acts(text, "es", mentions) == []
