"""Vectors of sentences in different languages."""

import numpy as np
import pytest

from digest.stages.embed import DIMENSIONS, embed

ENGLISH = "China's internet regulator summons eleven technology firms"
SAME_EVENT = {
    "zh": "中国网信办约谈十一家科技企业",
    "ja": "中国のインターネット規制当局がテクノロジー企業11社を呼び出し",
    "ko": "중국 인터넷 규제 당국, 기술 기업 11곳 소환",
    "ar": "هيئة الإنترنت الصينية تستدعي إحدى عشرة شركة تكنولوجيا",
    "de": "Chinas Internetaufsicht bestellt elf Technologiefirmen ein",
}


def test_rows_are_unit_vectors() -> None:
    rows = embed([ENGLISH, *SAME_EVENT.values()])
    assert rows.shape == (6, DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)


@pytest.mark.parametrize("language", SAME_EVENT)
def test_translation_is_nearer_than_other_news(language: str) -> None:
    english, same, other = embed([ENGLISH, SAME_EVENT[language], "Heavy rain floods villages along the river"])
    assert english @ same > english @ other + 0.2


def test_row_does_not_depend_on_its_batch() -> None:
    texts = [ENGLISH, *SAME_EVENT.values()]
    together = embed(texts)
    assert all((row == embed([text])[0]).all() for row, text in zip(together, texts, strict=True))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_text_without_characters_is_zeros(text: str) -> None:
    assert not embed([text]).any()


def test_nothing_gives_no_rows() -> None:
    assert embed([]).shape == (0, DIMENSIONS)
