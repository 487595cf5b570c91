"""Passages of our own: their marks, and the copies with other names in the same places."""

import random
from pathlib import Path

import pytest

from digest.training.corpus import Name, Sentence
from digest.training.marked import read_marked
from digest.training.recipe import HERE
from digest.training.swap import NamePool


def test_marks_become_names_at_their_places(tmp_path: Path) -> None:
    path = tmp_path / "zh-1.txt"
    path.write_text("[A 国家网信办]约谈了[C 腾讯]。\n\n下雨了。\n", "utf-8")
    first, second = read_marked(path, "news-zh")
    assert (first.text, first.lang, first.source) == ("国家网信办约谈了腾讯。", "zh", "news-zh")
    assert first.names == (Name(0, 5, ("AGENCY",)), Name(8, 10, ("COMPANY",)))
    assert second.names == ()


@pytest.mark.parametrize("line", ["[X Acme] fell.", "[C Acme fell.", "Acme] fell.", "[C [A SEC] fell."])
def test_wrong_mark_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "en.txt"
    path.write_text(f"Fine.\n{line}\n", "utf-8")
    with pytest.raises(ValueError, match=r"en\.txt:2"):
        list(read_marked(path, "gold"))


def passages() -> list[Sentence]:
    return [passage for path in sorted((HERE / "news").glob("*.txt")) for passage in read_marked(path, "news")]


def test_training_passages_are_marked_well() -> None:
    for passage in passages():
        for name in passage.names:
            written = passage.written(name)
            assert written == written.strip()
            assert not (written[0] in "«„“" and written[-1] in "»“”"), written


def test_copies_keep_every_name_in_its_place_and_kind() -> None:
    originals = passages()
    pool, chance = NamePool(originals), random.Random(3)
    changed = 0
    for passage in originals:
        copy = pool.swapped(passage, chance)
        assert [n.labels for n in copy.names] == [n.labels for n in sorted(passage.names, key=lambda n: n.start)]
        assert all(0 <= n.start < n.end <= len(copy.text) for n in copy.names)
        changed += copy.text != passage.text
    assert changed > len(originals) / 3


def test_korean_particle_follows_the_new_name() -> None:
    text = "삼성은 올랐다."
    pool = NamePool([Sentence("카카오가 왔다.", "ko", "news", (Name(0, 3, ("COMPANY",)),))])
    copies = {
        pool.swapped(Sentence(text, "ko", "news", (Name(0, 2, ("COMPANY",)),)), random.Random(n)).text
        for n in range(20)
    }
    assert copies == {text, "카카오는 올랐다."}


def test_training_never_sees_the_gold_passages() -> None:
    quality = Path(__file__).parent.parent / "quality"
    paths = [path for folder in ("names", "held") for path in (quality / folder).glob("*.txt")]
    held = {passage.text for path in paths for passage in read_marked(path, "gold")}
    assert len(held) > 800
    assert held.isdisjoint(passage.text for passage in passages())
