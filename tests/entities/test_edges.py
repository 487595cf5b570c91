"""Where names begin and end, and what is no mention: country words, broken names, places of posts, news media."""

import pytest

from digest.entities.link import Name, link
from digest.entities.recognise import load
from digest.entities.tagger import Found
from digest.entities.territory import without_country
from digest.entities.trim import joined, trimmed


@pytest.mark.parametrize(
    ("language", "written", "name"),
    [
        ("en", "US Department of Justice", "Department of Justice"),
        ("en", "German Finance Ministry", "Finance Ministry"),
        ("en", "India's Enforcement Directorate", "Enforcement Directorate"),
        ("en", "Australian Taxation Office", "Australian Taxation Office"),
        ("en", "Japan Fair Trade Commission", "Japan Fair Trade Commission"),
        ("en", "Bank of England", "Bank of England"),
        ("de", "deutsche Bundesbank", "Bundesbank"),
        ("nl", "Amerikaanse ministerie van Justitie", "ministerie van Justitie"),
        ("ru", "российский Минфин", "Минфин"),
        ("ru", "Министерство финансов Украины", "Министерство финансов Украины"),
        ("ko", "미국 법무부", "법무부"),
        ("ko", "한국은행", "한국은행"),
        ("tr", "ABD Adalet Bakanlığı", "Adalet Bakanlığı"),
        ("tr", "Ankara Cumhuriyet Başsavcılığı", "Ankara Cumhuriyet Başsavcılığı"),
        ("tr", "Avrupa Merkez Bankası", "Avrupa Merkez Bankası"),
        ("ar", "وزارة الخزانة الأمريكية", "وزارة الخزانة"),
        ("ar", "البنك المركزي المصري", "البنك المركزي المصري"),
        ("zh", "美国司法部", "美国司法部"),
    ],
)
def test_country_that_only_says_whose_it_is_stays_outside(language: str, written: str, name: str) -> None:
    start, end = without_country(written, 0, len(written), language)
    assert written[start:end] == name


def names(text: str, *found: tuple[str, str]) -> list[Found]:
    return [Found(text.index(name), text.index(name) + len(name), label, 0.9) for name, label in found]


@pytest.mark.parametrize(
    ("text", "parts", "whole"),
    [
        ("ha multato Conceria Valdarno S.p.A. ieri", ("Conceria", "Valdarno S.p.A."), ["Conceria Valdarno S.p.A."]),
        (
            "Anadolu Isı Sanayi ve Ticaret A.Ş. kapandı",
            ("Anadolu Isı Sanayi", "Ticaret A.Ş."),
            ["Anadolu Isı Sanayi ve Ticaret A.Ş."],
        ),
        ("подрядчик «ЛСР. Строительство-Урал»", ("ЛСР", "Урал"), ["ЛСР. Строительство-Урал"]),
        ("中国人寿保险义乌支公司表示", ("中国人寿保险", "义乌支公司"), ["中国人寿保险义乌支公司"]),
        ("признал банкротом ООО «УралМетСтрой».", ("УралМетСтрой",), ["ООО «УралМетСтрой»"]),
        ("иск к ООО «ЛСР. Строительство-Урал».", ("ЛСР", "Урал"), ["ООО «ЛСР. Строительство-Урал»"]),
        ("Siemens und Bosch bauen", ("Siemens", "Bosch"), ["Siemens", "Bosch"]),
        ("Koç ve Sabancı büyüyor", ("Koç", "Sabancı"), ["Koç", "Sabancı"]),
        ("صفقة فودافون وثري أمس", ("فودافون", "وثري"), ["فودافون", "وثري"]),
        ("A, B", ("A", "B"), ["A", "B"]),
    ],
)
def test_names_that_the_tagger_broke_are_made_one(text: str, parts: tuple[str, ...], whole: list[str]) -> None:
    made = joined(text, names(text, *((part, "COMPANY") for part in parts)))
    assert [text[name.start : name.end] for name in made] == whole


@pytest.mark.parametrize(
    ("text", "found", "name"),
    [
        ("Körfez Leasing'i aldı", "Körfez Leasing'i", "Körfez Leasing"),
        ("Amasya'dan geldi", "Amasya'dan", "Amasya"),
        ("야놀자를 조사한다", "야놀자를", "야놀자"),
        ("한은은 동결했다", "한은은", "한은"),
        ("새마을은 오래됐다", "새마을", "새마을"),
        ("компания Северпром", "компания Северпром", "Северпром"),
        ("شركة بن لادن للإسمنت", "شركة بن لادن للإسمنت", "بن لادن للإسمنت"),
        ("L'Oréal", "L'Oréal", "L'Oréal"),
        ("McDonald's", "McDonald's", "McDonald's"),
    ],
)
def test_endings_and_descriptors_are_no_part_of_a_company(text: str, found: str, name: str) -> None:
    (one,) = names(text, (found, "COMPANY"))
    edges = trimmed(text, one)
    assert edges is not None
    assert text[edges.start : edges.end] == name


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "He wrote on Facebook that all was well."),
        ("de", "Das schrieb sie auf Instagram."),
        ("fr", "Il a publié une photo sur Instagram."),
        ("ru", "Он написал в Facebook, что уходит."),
        ("tr", "Bakan Twitter hesabından yazdı."),
        ("ar", "كتب الوزير على فيسبوك أنه سيستقيل."),
        ("zh", "市公安局在微信公众号发布通报。"),
        ("ja", "首相はツイッターに投稿した。"),
        ("ko", "그는 페이스북에 글을 올렸다."),
    ],
)
def test_place_of_a_post_is_no_company(language: str, text: str) -> None:
    assert [m.text for m in link(text, language) if m.label == "COMPANY"] == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The FTC imposed a fine on Facebook, it said."),
        ("de", "Der Druck auf Facebook wächst, schrieb die Zeitung."),
        ("ru", "Регулятор подал в суд на Telegram, заявил он."),
        ("ar", "فرضت المفوضية غرامة على فيسبوك."),
        ("ja", "公取委はツイッターに立ち入り検査した。"),
        ("ko", "공정위는 페이스북에 과징금을 부과했다."),
    ],
)
def test_platform_that_something_is_done_to_is_a_company(language: str, text: str) -> None:
    assert [m.label for m in link(text, language) if m.label == "COMPANY"] == ["COMPANY"]


@pytest.mark.parametrize(
    ("language", "text", "medium"),
    [
        ("en", "Prices rose, Reuters reported.", "Reuters"),
        ("zh", "据路透社报道，价格上涨。", "路透社"),
        ("ru", "Об этом пишет Коммерсантъ.", "Коммерсантъ"),
        ("ar", "نقلت رويترز الخبر.", "رويترز"),
        ("it", "Lo scrive Il Sole 24 Ore.", "Il Sole 24 Ore"),
    ],
)
def test_news_medium_is_a_source_and_no_company(language: str, text: str, medium: str) -> None:
    start = text.index(medium)
    found = link(text, language, None, [Name(start, start + len(medium), "COMPANY", 0.99)])
    assert {(m.text, m.label, m.entity) for m in found} <= {(medium, "ORG", None)}


def test_police_at_large_are_no_name_where_no_company_is() -> None:
    text = "경찰은 도로를 통제했다."
    assert [m for m in link(text, "ko", "KR") if m.label == "AGENCY"] == []


def test_every_name_is_inside_its_text() -> None:
    text = "Il a publié « La CNIL » et 腾讯、삼성전자를 «ЛСР. Урал» شركة أرامكو."
    for ent in load()(text).ents:
        assert 0 <= ent.start_char < ent.end_char <= len(text)
        assert ent.text == ent.text.strip()


# --- edges that a script writes without a space ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found", "name"),
    [
        ("식약처, 한미약품 항암제 허가", "한미약품 항암", "한미약품"),
        ("서울 중앙지법에서 열렸다", "서울 중앙지법", "서울 중앙지법"),
        ("NCC主委表示", "NCC主委", "NCC"),
        ("公取委委員長は", "公取委委員長", "公取委"),
        ("台積電董事長說", "台積電董事長", "台積電"),
        ("иск к ООО подан", "ООО", None),
    ],
)
def test_post_and_broken_word_are_cut_off(text: str, found: str, name: str | None) -> None:
    label = "COMPANY" if "積" in found or "약" in found or found == "ООО" else "AGENCY"
    kept = trimmed(text, Found(text.index(found), text.index(found) + len(found), label, 0.9))
    assert (text[kept.start : kept.end] if kept else None) == name


# --- things that bear a company's name -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "A Boeing 737 circled over the airport."),
        ("es", "Google Maps ya muestra los refugios."),
        ("uk", "Зіткнулися маршрутка та Hyundai Accent; поліція шукає свідків."),
        ("de", "Auf TikTok geht ein Tanz viral."),
    ],
)
def test_product_that_the_recogniser_passes_over_is_no_company(language: str, text: str) -> None:
    assert [m for m in link(text, language, names=[]) if m.label == "COMPANY"] == []


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("en", "Regulators fined Google 300 million euros.", "Google"),
        ("en", "Boeing 2024 results disappoint.", "Boeing"),
        ("zh", "英伟达2024年营收翻倍。", "英伟达"),
    ],
)
def test_number_behind_a_company_makes_no_product_of_it(language: str, text: str, name: str) -> None:
    assert [m.text for m in link(text, language, names=[]) if m.label == "COMPANY"] == [name]
