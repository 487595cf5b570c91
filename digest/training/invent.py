"""Sentences of our own: patterns with open places, filled with names that we listed, language by language.

A file texts/<language>.toml holds lists of names and patterns. In a pattern `{A}` stands for an agency, `{C}` for a
company, `{P}` for a person, `{L}` for a place, `{O}` for another organisation, `{N}` for a number; `{a}` and `{c}` are
the same kinds in the inflected form of the second lists. In a list, what stands before `_` (an article) is written but
not part of the name.
"""

import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from digest.training.corpus import Name, Sentence, is_held_out
from digest.training.recipe import HERE, Recipe

__all__ = ["invented", "listed_names", "renamed", "with_particle"]

LISTS = {
    "C": "companies",
    "A": "agencies",
    "O": "organisations",
    "P": "people",
    "L": "places",
    "c": "companies_inflected",
    "a": "agencies_inflected",
}
LABELS = {"C": "COMPANY", "c": "COMPANY", "A": "AGENCY", "a": "AGENCY", "O": "ORG", "P": "PERSON", "L": "PLACE"}
PLACE_HOLDER = re.compile(r"\{([CAOPLNca])\}")
HELD_PATTERN_PERCENT = 12
COMPANY_SHARE = 0.5
# Full of clubs and bands: an agency in their place would teach to ignore the context.
NO_NEWS = ("wikiann", "multiconer", "wnut17")
# Korean particles come in two forms: after a consonant, after a vowel.
PARTICLES = {
    "은": "은는",
    "는": "은는",
    "이": "이가",
    "가": "이가",
    "을": "을를",
    "를": "을를",
    "과": "과와",
    "와": "과와",
}


@dataclass(frozen=True)
class Language:
    code: str
    lists: dict[str, tuple[str, ...]]
    patterns: tuple[str, ...]


def _entries(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for line in text.splitlines() for entry in line.split("|") if entry.strip())


@cache
def languages() -> tuple[Language, ...]:
    shared = tomllib.loads((HERE / "texts" / "shared.toml").read_text("utf-8"))
    found = []
    for path in sorted((HERE / "texts").glob("??.toml")):
        values = tomllib.loads(path.read_text("utf-8"))
        lists = {slot: _entries(values.get(key, "")) for slot, key in LISTS.items()}
        for script in values.get("also", []):
            lists = {slot: names + _entries(shared[script].get(LISTS[slot], "")) for slot, names in lists.items()}
        patterns = tuple(line.strip() for line in values["patterns"].splitlines() if line.strip())
        found.append(Language(path.stem, lists, patterns))
    return tuple(found)


def with_particle(text: str, following: str) -> str:
    """What follows a Korean name, its first particle in the form that the name asks for."""
    pair = PARTICLES.get(following[:1])
    if not pair or not text or following[1:2].isalpha():
        return following
    consonant = "가" <= text[-1] <= "힣" and (ord(text[-1]) - ord("가")) % 28 > 0
    return pair[0 if consonant else 1] + following[1:]


def fill(pattern: str, language: Language, chance: random.Random, held: bool) -> Sentence:
    """One sentence. Held-out sentences take their names from a part of the lists that others never use."""
    text, at = "", 0
    names: list[Name] = []
    for found in PLACE_HOLDER.finditer(pattern):
        literal = pattern[at : found.start()]
        text += with_particle(text, literal) if language.code == "ko" and names else literal
        at, slot = found.end(), found[1]
        if slot == "N":
            text += str(chance.choice((2, 3, 5, 7, 12, 15, 20, 24, 30, 45, 60, 110, 250, 300, 700)))
            continue
        before, name, after = _parts(_choose(language.lists[slot], chance, held))
        text += before
        names.append(Name(len(text), len(text) + len(name), (LABELS[slot],)))
        text += name + after
    literal = pattern[at:]
    text += with_particle(text, literal) if language.code == "ko" and names else literal
    return Sentence(text[:1].upper() + text[1:], language.code, f"invented-{language.code}", tuple(names))


def _parts(entry: str) -> tuple[str, str, str]:
    """What stands before the name in an entry (an article, an opening quote), the name, and the closing quote."""
    before, _, name = entry.rpartition("_")
    if name.startswith("«") and name.endswith("»"):
        return before + "«", name[1:-1], "»"
    return before, name, ""


@cache
def _part(names: tuple[str, ...], held: bool) -> tuple[str, ...]:
    """The names kept for held-out sentences, or the others; all of them where the part is empty."""
    return tuple(name for name in names if is_held_out(name, HELD_PATTERN_PERCENT) == held) or names


def _choose(names: tuple[str, ...], chance: random.Random, held: bool) -> str:
    return chance.choice(_part(names, held))


def _sentences(language: Language, count: int, chance: random.Random, held: bool) -> Iterator[Sentence]:
    patterns = [p for p in language.patterns if is_held_out(p, HELD_PATTERN_PERCENT) == held]
    for number in range(count):
        yield fill(patterns[number % len(patterns)], language, chance, held)


def invented(recipe: Recipe) -> tuple[list[Sentence], list[Sentence]]:
    """Sentences to train on and held-out ones; these differ in their patterns and in their names."""
    train: list[Sentence] = []
    held: list[Sentence] = []
    for language in languages():
        chance = random.Random(f"{recipe.seed} {language.code}")
        train += _sentences(language, recipe.invented_rows, chance, held=False)
        held += list({s.text: s for s in _sentences(language, recipe.invented_rows // 10, chance, held=True)}.values())
    return train, held


def renamed(sentence: Sentence, chance: random.Random) -> Sentence | None:
    """A real sentence with listed names in place of its organisations of untold kind; None if it has none."""
    language = next((each for each in languages() if each.code == sentence.lang), None)
    if language is None or sentence.source.startswith(NO_NEWS) or all(len(n.labels) == 1 for n in sentence.names):
        return None
    text, at = "", 0
    names: list[Name] = []
    for name in sorted(sentence.names, key=lambda each: each.start):
        text += sentence.text[at : name.start]
        at, new, labels = name.end, sentence.written(name), name.labels
        slots = _slots(language, labels, chance)
        if slots:
            slot = chance.choice(slots)
            new, labels = _parts(_choose(language.lists[slot], chance, held=False))[1], (LABELS[slot],)
        names.append(Name(len(text), len(text) + len(new), labels))
        text += new
    return Sentence(text + sentence.text[at:], sentence.lang, sentence.source, tuple(names))


def _slots(language: Language, labels: tuple[str, ...], chance: random.Random) -> list[str]:
    """Lists from which a name with these labels may get another one: none for persons, places and, often, companies."""
    if len(labels) > 1:
        wanted = "AaC" if "COMPANY" in labels and chance.random() < COMPANY_SHARE else "Aa"
    else:
        wanted = "Cc" if labels == ("COMPANY",) and chance.random() < COMPANY_SHARE else ""
    return [slot for slot in wanted if language.lists[slot]]


def listed_names() -> dict[str, str]:
    """Every listed company and agency in small letters, with its label."""
    return {
        _parts(name)[1].lower(): LABELS[slot]
        for language in languages()
        for slot in "CA"
        for name in language.lists[slot]
        if not is_held_out(name, HELD_PATTERN_PERCENT)
    }
