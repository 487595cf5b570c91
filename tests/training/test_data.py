"""What the training sees: labels left open, sentences of our own, and a held-out part that stays apart."""

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

from digest.training.corpus import Name, Sentence, narrowed, read_set, recased
from digest.training.invent import invented, languages, renamed
from digest.training.recipe import SetChoice, read_recipe
from digest.training.tags import TAGS, allowed_tags

RECIPE = read_recipe()


def bits(*tags: str) -> int:
    return sum(1 << TAGS.index(tag) for tag in tags)


def test_an_organisation_of_untold_kind_may_be_any() -> None:
    sentence = Sentence("x Acme Two y", "en", "uner", (Name(2, 10, ("COMPANY", "ORG")),))
    offsets = [(0, 1), (1, 6), (6, 10), (10, 11), (11, 12)]
    assert allowed_tags(sentence, offsets).tolist() == [
        bits("O"),
        bits("B-COMPANY", "B-ORG"),
        bits("I-COMPANY", "I-ORG"),
        0,
        bits("O"),
    ]


def test_words_of_a_name_tell_its_kind() -> None:
    untold = ("COMPANY", "AGENCY", "ORG")
    assert narrowed("Ministero della Salute", untold) == ("AGENCY",)
    assert narrowed("某某科技有限公司", untold) == ("COMPANY",)
    assert narrowed("公司", untold) == untold
    assert narrowed("Acme", untold) == untold


def test_capitals_come_back() -> None:
    sentence = Sentence(
        "er kaufte bank of berlin in rom.", "de", "multiconer1", (Name(10, 24, ("COMPANY",)), Name(28, 31, ("PLACE",)))
    )
    assert recased(sentence).text == "Er kaufte Bank of Berlin in Rom."


def test_sets_are_split_by_document_and_capped(tmp_path: Path) -> None:
    (tmp_path / "permissive").mkdir()
    rows = [{"lang": "en", "source": "uner", "text": f"Text {n}", "spans": [], "doc": f"d{n // 2}"} for n in range(400)]
    with gzip.open(tmp_path / "permissive" / "some.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    choice = SetChoice("some", 50, "CC0", permissive=True)
    train, held = read_set(tmp_path, choice, RECIPE)
    assert len(train) == 50
    assert 0 < len(held) < 100
    assert {int(s.text[5:]) // 2 for s in train}.isdisjoint(int(s.text[5:]) // 2 for s in held)
    assert (train, held) == read_set(tmp_path, choice, RECIPE)


def test_our_own_sentences_mark_the_names_that_were_put_in() -> None:
    train, held = invented(replace(RECIPE, invented_rows=100))
    listed = {entry.lower() for each in languages() for names in each.lists.values() for entry in names}
    endings = {entry.rpartition("_")[2] for entry in listed} | {entry.strip("«»") for entry in listed}
    assert all(sentence.written(name).lower() in endings for sentence in train + held for name in sentence.names)
    assert not {sentence.text for sentence in train} & {sentence.text for sentence in held}


def test_every_language_has_agencies_and_companies() -> None:
    for language in languages():
        assert len(language.lists["A"]) > 70, language.code
        assert len(language.lists["C"]) > 70, language.code
        assert len(language.patterns) > 30, language.code


def test_real_sentences_get_listed_names() -> None:
    sentence = Sentence("Ieri la Acme ha chiuso.", "it", "kind", (Name(8, 12, ("COMPANY", "AGENCY", "ORG")),))
    other = renamed(sentence, random.Random(1))
    assert other is not None
    assert len(other.names[0].labels) == 1
    assert other.text == f"Ieri la {other.written(other.names[0])} ha chiuso."
