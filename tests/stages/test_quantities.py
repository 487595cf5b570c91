"""Numbers and dates in one normal form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.stages.quantities import quantities


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "10.5 million"),
        ("en", "$10,500,000"),
        ("de", "10,5 Millionen Euro"),
        ("de", "10,5 Mio. Euro"),
        ("fr", "10,5 millions"),
        ("fr", "10 500 000 personnes"),
        ("es", "10.500.000 personas"),
        ("ru", "10,5 млн рублей"),
        ("zh-Hans", "1050万元"),
        ("zh-Hant", "1,050萬元"),
        ("ja", "１０５０万円"),
        ("ko", "1050만원"),
        ("ar", "١٠٫٥ مليون"),
    ],
)
def test_one_number_in_many_forms(language: str, text: str) -> None:
    assert quantities(text, language) == {"10500000"}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "on March 18, 2021"),
        ("en", "on the 18th of March"),
        ("en", "3/18/2021"),
        ("de", "am 18. März"),
        ("de", "18.03.2021"),
        ("fr", "le 18 mars"),
        ("es", "el 18 de marzo"),
        ("pt", "18 de março de 2021"),
        ("ru", "18 марта"),
        ("pl", "18 marca"),
        ("tr", "18 Mart"),
        ("hi", "18 मार्च"),
        ("ar", "١٨ مارس"),
        ("zh-Hans", "3月18日"),
        ("ja", "３月１８日"),
        ("ko", "3월 18일"),
        ("sv", "2021-03-18"),
    ],
)
def test_one_day_in_many_forms(language: str, text: str) -> None:
    assert quantities(text, language) == {"03-18"}


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "12.5% of 3 billion", {"12.5%", "3000000000"}),
        ("de", "12,5 Prozent von 3 Milliarden", {"12.5%", "3000000000"}),
        ("de", "3 Billionen", {"3000000000000"}),
        ("pt", "3 bilhões", {"3000000000"}),
        ("zh-Hans", "百分之12.5，10亿5000万元", {"12.5%", "1050000000"}),
        ("ko", "1조2000억원", {"1200000000000"}),
        ("tr", "yüzde 12", {"12%"}),
        ("zh-Hans", "约谈11家企业", {"11"}),
        ("en", "1.5 and 1,500", {"1.5", "1500"}),
        ("de", "1,5 und 1.500", {"1.5", "1500"}),
    ],
)
def test_scales_and_shares(language: str, text: str, expected: set[str]) -> None:
    assert quantities(text, language) == expected


@pytest.mark.parametrize(
    "text",
    ["7 firms", "in 2021", "COVID-19", "5G", "A380", "at 15:30", "3/4/2021", "", "9" * 500, "1.1." * 300],
    ids=range(10),
)
def test_what_agrees_by_chance_is_left_out(text: str) -> None:
    assert quantities(text, "en") == frozenset()


@given(st.text(), st.sampled_from(["en", "de", "zh-Hans", "ar", "xx"]))
def test_any_text_is_read(text: str, language: str) -> None:
    assert all(fact for fact in quantities(text, language))
