"""Which sentences the model need not read."""

import pytest

from digest.entities.firstlook import can_hold_name
from digest.entities.recognise import load

WITH = [
    "Apple said so.",
    "Next posted a loss.",
    "The bank and Apple agreed.",
    "It asked 3M.",
    "And 123milhas closed.",
    "ОАО молчит.",
    "В Москве тихо.",
    "監管部門表示。",
    "그러나 삼성전자는 거부했다.",
    "لكن الوزارة رفضت.",
    "the 百度 case",
    "Aber die Bank zahlt.",  # German: nouns have capitals
]
WITHOUT = ["The deal was signed on the third day.", "Mais rien ne change.", "Но всё осталось.", "12.", ""]


@pytest.mark.parametrize("sentence", WITH)
def test_what_may_hold_a_name_is_read(sentence: str) -> None:
    assert can_hold_name(sentence)


@pytest.mark.parametrize("sentence", WITHOUT)
def test_what_cannot_hold_a_name_is_left_out(sentence: str) -> None:
    assert not can_hold_name(sentence)


def test_names_around_a_sentence_that_is_left_out_keep_their_places() -> None:
    text = "Siemens sold it. This was not expected by the others. They asked Volkswagen why."
    found = [(entity.text, text[entity.start_char : entity.end_char]) for entity in load()(text).ents]
    assert found == [("Siemens", "Siemens"), ("Volkswagen", "Volkswagen")]
