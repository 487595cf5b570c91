"""Whole sentences in thirteen languages through the tagger: exactly these entities of the registry, no other."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from digest.records import Failure, Tagged, Text
from digest.stages.tag import tag

# language, country of the source: (sentence, the registry ids that it names)
CASES: dict[tuple[str, str | None], list[tuple[str, set[str]]]] = {
    ("zh-Hans", "CN"): [
        ("市场监管总局昨天对京东立案调查。", {"agency:cn-samr", "company:jd-com"}),
        ("工信部要求滴滴、美团和拼多多整改。", {"agency:cn-miit", "company:didi", "company:meituan", "company:pdd"}),
        ("公安部门提醒市民注意小米粥的保质期。", set()),
        ("央行与证监会就蚂蚁集团上市一事发声。", {"agency:cn-pboc", "agency:cn-csrc", "company:ant-group"}),
        ("华为在德国慕尼黑开设研究所。", {"company:huawei"}),
    ],
    ("zh-Hant", "TW"): [
        ("金管會對中華電信開罰六百萬元。", {"agency:tw-fsc", "company:chunghwa-telecom"}),
        ("台積電與鴻海股價同步走高。", {"company:tsmc", "company:foxconn"}),
        ("公平會表示，將持續關注蝦皮。", {"agency:tw-ftc", "company:shopee"}),
        ("聯發科在新竹擴廠，阿里巴巴未回應。", {"company:mediatek", "company:alibaba"}),
        ("週末的櫻花季吸引了許多遊客。", set()),
    ],
    ("ja", "JP"): [
        ("金融庁は野村証券に業務改善命令を出した。", {"agency:jp-fsa", "company:nomura"}),
        ("総務省がＮＴＴドコモとＫＤＤＩに報告を求めた。", {"agency:jp-mic", "company:ntt-docomo", "company:kddi"}),
        ("任天堂とソニーグループの決算が出そろった。", {"company:nintendo", "company:sony"}),
        ("オンライン会議のガイドラインが改まった。", set()),
        ("米ＦＴＣは米メタを提訴した。", {"agency:us-ftc", "company:meta"}),
    ],
    ("ko", "KR"): [
        ("공정거래위원회는 쿠팡에 과징금을 부과했다.", {"agency:kr-ftc", "company:coupang"}),
        ("삼성전자와 SK하이닉스가 투자를 늘린다.", {"company:samsung-electronics", "company:sk-hynix"}),
        ("금융감독원이 카카오페이를 검사했다.", {"agency:kr-fss", "company:kakaopay"}),
        ("온라인 라인업을 공개한 축제가 열렸다.", set()),
        ("네이버는 구글과 경쟁한다.", {"company:naver", "company:google"}),
    ],
    ("ar", "SA"): [
        ("أعلنت أرامكو السعودية نتائجها الفصلية.", {"company:saudi-aramco"}),
        ("غرمت هيئة السوق المالية شركة محلية.", {"agency:sa-cma"}),
        ("تتنافس هواوي وسامسونغ في السوق.", {"company:huawei", "company:samsung"}),
        ("قالت غوغل إنها ستستأنف القرار.", {"company:google"}),
        ("افتتح المتحف أبوابه بعد الترميم.", set()),
    ],
    ("ru", "RU"): [
        ("Роскомнадзор оштрафовал Google.", {"agency:ru-rkn", "company:google"}),
        ("Акции Газпрома выросли, бумаги Сбербанка упали.", {"company:gazprom", "company:sberbank"}),
        ("Федеральной антимонопольной службой возбуждено дело против Яндекса.", {"agency:ru-fas", "company:yandex"}),
        ("Банк России проверит страховщиков.", {"agency:ru-cbr"}),
        ("В музее открылась выставка старых карт.", set()),
    ],
    ("de", "DE"): [
        ("Das Bundeskartellamt prüft Amazon.", {"agency:de-bkarta", "company:amazon"}),
        ("Die BaFin rügt die Deutsche Bank.", {"agency:de-bafin", "company:deutsche-bank"}),
        ("Volkswagens Absatz sinkt, der von Siemens steigt.", {"company:volkswagen", "company:siemens"}),
        ("Die Bundesnetzagentur mahnt Vodafone ab.", {"agency:de-bnetza", "company:vodafone"}),
        ("Im Botanischen Garten blühen die Magnolien.", set()),
    ],
    ("fr", "FR"): [
        ("La CNIL sanctionne Google.", {"agency:fr-cnil", "company:google"}),
        ("L’Autorité de la concurrence enquête sur Apple.", {"agency:fr-adlc", "company:apple"}),
        ("Renault et TotalEnergies présentent leurs résultats.", {"company:renault", "company:totalenergies"}),
        ("Le gendarme boursier, l’AMF, a averti Airbus.", {"agency:fr-amf", "company:airbus"}),
        ("Le CAC 40 termine en baisse.", set()),
    ],
    ("es", "ES"): [
        ("La CNMC multa a Telefónica.", {"agency:es-cnmc", "company:telefonica"}),
        ("El Banco Santander y BBVA suben en bolsa.", {"company:santander", "company:bbva"}),
        ("La AEPD sanciona a CaixaBank.", {"agency:es-aepd", "company:caixabank"}),
        ("La Comisión Europea investiga a Microsoft.", {"agency:eu-commission", "company:microsoft"}),
        ("Una poeta de Soria gana el premio.", set()),
    ],
    ("pt", "BR"): [
        ("A Anatel multou a Samsung em São Paulo.", {"agency:br-anatel", "company:samsung"}),
        ("O Cade aprovou a compra feita pela Petrobras.", {"agency:br-cade", "company:petrobras"}),
        ("A Anvisa autorizou a vacina da Pfizer.", {"agency:br-anvisa", "company:pfizer"}),
        ("A Embraer entregou dez aviões.", {"company:embraer"}),
        ("O museu da cidade reabre no domingo.", set()),
    ],
    ("it", "IT"): [
        ("L'Agcm multa Facebook.", {"agency:it-agcm", "company:meta"}),
        ("La Consob indaga su UniCredit.", {"agency:it-consob", "company:unicredit"}),
        ("Eni ed Enel investono nelle rinnovabili.", {"company:eni", "company:enel"}),
        ("Il Garante per la protezione dei dati personali blocca TikTok.", {"agency:it-garante", "company:tiktok"}),
        ("A teatro torna una commedia antica.", set()),
    ],
    ("en", "US"): [
        ("The FTC sued Meta over Instagram.", {"agency:us-ftc", "company:meta"}),
        ("Tencent Holdings Ltd. and Huawei declined to comment.", {"company:tencent", "company:huawei"}),
        ("The FAA grounded the Boeing jets.", {"agency:us-faa", "company:boeing"}),
        ("The European Commission opened a case against TikTok.", {"agency:eu-commission", "company:tiktok"}),
        ("Apple pie and a walk by the Amazon rainforest pavilion.", set()),
    ],
    ("tr", "TR"): [
        ("Rekabet Kurumu, Google'a ceza verdi.", {"agency:tr-rk", "company:google"}),
        ("BDDK'nın kararı Huawei'yi etkiledi.", {"agency:tr-bddk", "company:huawei"}),
        ("Turkcell'in hisseleri yükseldi.", {"company:turkcell"}),
        ("KVKK, Trendyol hakkında inceleme başlattı.", {"agency:tr-kvkk", "company:trendyol"}),
        ("Boğazda erguvanlar erken açtı.", set()),
    ],
}


def flat() -> Iterator[tuple[str, str | None, str, set[str]]]:
    for (language, country), sentences in CASES.items():
        for sentence, entities in sentences:
            yield language, country, sentence, entities


@pytest.fixture(scope="module")
def results() -> dict[str, Tagged]:
    texts = [Text(sentence, sentence, language, country) for language, country, sentence, _ in flat()]
    return {result.id: result for result in tag(texts) if isinstance(result, Tagged)}


def registered(result: Tagged) -> set[str]:
    return {mention.entity for mention in result.mentions if mention.entity and not mention.entity.startswith("local:")}


@pytest.mark.parametrize(
    ("sentence", "entities"), [pytest.param(s, e, id=f"{lang}-{s[:24]}") for lang, _, s, e in flat()]
)
def test_a_sentence_names_these_entities(results: dict[str, Tagged], sentence: str, entities: set[str]) -> None:
    assert registered(results[sentence]) == entities


ELEVEN_FIRMS = (
    "五地约谈语音平台\n近日，国家互联网信息办公室、公安部指导北京、上海、浙江等地方网信部门、公安机关约谈小米、快手、字节跳动、喜马拉雅、阿里巴巴、网易云音乐、"
    "腾讯等11家企业，督促其开展安全评估。\n各地网信部门和公安机关将加强检查。美国应用Clubhouse今年初走红，特斯拉此前也曾被约谈。"
)


def test_a_joint_summons_of_many_companies() -> None:
    (result,) = tag([Text("eleven", ELEVEN_FIRMS)])

    assert isinstance(result, Tagged)
    assert result.language == "zh-Hans"
    agencies = {"agency:cn-cac", "agency:cn-mps"}
    companies = {
        *("company:xiaomi", "company:kuaishou", "company:bytedance", "company:ximalaya", "company:alibaba"),
        *("company:netease-cloud-music", "company:tencent"),
    }
    assert {(act.agency, act.company, act.action) for act in result.acts} == {
        (agency, company, "summon") for agency in agencies for company in companies
    }
    assert all(ELEVEN_FIRMS[act.start : act.end] == act.evidence for act in result.acts)


def test_the_outcome_depends_on_the_text_alone() -> None:
    one, other = Text("a", "La CNIL sanctionne Google.", "fr", "FR"), Text("b", ELEVEN_FIRMS, None, "US")

    assert tag([one, other]) == [*tag([one]), *tag([other])]
    assert tag([]) == []


def test_a_blank_text_is_a_failure() -> None:
    assert tag([Text("blank", " \n ")]) == [Failure("blank", "tag", "no text")]


def test_mentions_are_spans_in_order() -> None:
    (result,) = tag([Text("x", ELEVEN_FIRMS)])

    assert isinstance(result, Tagged)
    assert all(mention.text == ELEVEN_FIRMS[mention.start : mention.end] for mention in result.mentions)
    assert all(a.end <= b.start for a, b in pairwise(result.mentions))
