"""Sums of money as the press of many languages writes them."""

import pytest

from digest.stages.money import sums

CASES = [
    ("en", "US", "a fine of $4.2m for", (4_200_000, "USD")),
    ("en", "GB", "fined £35,000 on", (35_000, "GBP")),
    ("en", "IN", "Rs 1.2 crore penalty", (12_000_000, "INR")),
    ("en", "AU", "pay $10 million", (10_000_000, "AUD")),
    ("en", "US", "paid HK$5 million", (5_000_000, "HKD")),
    ("de", "DE", "Bußgeld von 3,44 Mrd. Euro", (3_440_000_000, "EUR")),
    ("fr", "FR", "amende de 239 millions d’euros", (239_000_000, "EUR")),
    ("fr", "CH", "1 200 francs suisses", (1_200, "CHF")),
    ("es", "ES", "multa de 2.500 euros", (2_500, "EUR")),
    ("pt", "BR", "multa de R$ 2,5 milhões", (2_500_000, "BRL")),
    ("ru", "RU", "штраф 4,5 млн рублей", (4_500_000, "RUB")),
    ("uk", "UA", "штраф 40 млн грн", (40_000_000, "UAH")),
    ("pl", "PL", "kara 3,5 mln zł", (3_500_000, "PLN")),
    ("tr", "TR", "96 milyon liralık ceza", (96_000_000, "TRY")),
    ("zh-Hans", "CN", "罚款34.42亿元。", (3_442_000_000, "CNY")),
    ("zh-Hans", "CN", "２００万元罚款", (2_000_000, "CNY")),
    ("zh-Hant", "TW", "罰鍰200萬元", (2_000_000, "TWD")),
    ("zh-Hant", "HK", "罰款300萬港元", (3_000_000, "HKD")),
    ("ja", "JP", "課徴金10億5000万円", (1_050_000_000, "JPY")),
    ("ko", "KR", "과징금 1628억원", (162_800_000_000, "KRW")),
    ("ar", "SA", "غرامة ٥ ملايين ريال", (5_000_000, "SAR")),
    ("ar", "MA", "غرامة 3 ملايين درهم", (3_000_000, "MAD")),
]


@pytest.mark.parametrize(("language", "country", "text", "wanted"), CASES, ids=[case[2] for case in CASES])
def test_a_sum_is_read(language: str, country: str, text: str, wanted: tuple[float, str]) -> None:
    (found,) = sums(text, language, country)
    assert (round(found.amount, 2), found.currency) == wanted
    assert 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize("text", ["20 companies in 2026", "5G", "12.5%", "", "1" * 400 + " euros", "won 3 games"])
def test_what_is_no_money_is_no_sum(text: str) -> None:
    assert list(sums(text, "en", "US")) == []
