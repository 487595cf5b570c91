"""The matches of many expressions, found by their beginnings: the same as when each is tried everywhere."""

import re

import pytest

from digest.entities.acts import lexicon
from digest.entities.names import fold_in_place
from digest.entities.openings import Finder, openings
from digest.training.acts import HERE
from digest.training.told import told_passages


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("fine[sd]", {"fine"}),
        (r"\b(?:ban(?:s|ned)|bar)\b", {"bans", "bann", "bar"}),
        (r"(?<!no )(?:re)?voke", {"revo", "voke"}),
        ("罚款|处罚", {"罚款", "处罚"}),
        (r"\w+ed", None),
        ("(?:a|)b?", None),
        (r"s\w*ed", {"s", "sed"}),
    ],
)
def test_the_beginnings_of_matches_are_told(pattern: str, wanted: set[str] | None) -> None:
    assert openings(pattern) == wanted


@pytest.mark.parametrize("language", sorted(path.stem for path in HERE.glob("*.txt") if path.stem[-1].isalpha()))
def test_every_trigger_is_found_where_its_expression_matches(language: str) -> None:
    words = lexicon(language.split("-")[0])
    assert words is not None
    for passage in told_passages(HERE)[language]:
        text = fold_in_place(passage.sentence.text)
        found = {(number, match.span()) for number, match in words.finder.matches(text, 0, len(text))}
        assert found == {
            (number, match.span())
            for number, trigger in enumerate(words.triggers)
            for match in trigger.pattern.finditer(text)
            if match[0]
        }


def test_parts_of_a_text_are_looked_at_with_what_stands_around_them() -> None:
    finder = Finder([re.compile(r"\bban\b")])
    assert [match.span() for _, match in finder.matches("a ban, urban ban", 2, 12)] == [(2, 5)]
    assert list(Finder([]).matches("ban", 0, 3)) == []
