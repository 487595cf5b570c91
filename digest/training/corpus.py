"""Data sets as sentences: which labels each name may have, and which documents are held out.

A set is a gzipped file of JSON lines with lang, source, text and spans [start, end, label, native label]. The label
`ORG?` says that the source knows an organisation but not its kind: such a name gets every label that it may have, and
training accepts any of them.
"""

import gzip
import json
import random
import tomllib
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from digest.entities.territory import without_country
from digest.training.recipe import HERE, Recipe, SetChoice

__all__ = ["Name", "Sentence", "is_held_out", "read_set", "type_by_known_names"]

# The kinds in kinds/<language>.toml with the labels that they allow.
TOLD = {
    "companies": ("COMPANY",),
    "agencies": ("AGENCY",),
    "others": ("ORG",),
    "media": ("COMPANY", "ORG"),
    "places": ("PLACE",),  # countries that act
}
ANY_ORGANISATION = ("COMPANY", "AGENCY", "ORG")
NO_COMPANY = ("AGENCY", "ORG")
# What a set's own label still says about an organisation of untold kind (None: whatever the label).
NATIVE = {
    ("boson", None): NO_COMPANY,
    ("multiconer1", None): NO_COMPANY,
    ("multiconer2", None): NO_COMPANY,
    ("smartdata", None): NO_COMPANY,
    ("mobie", None): NO_COMPANY,
    ("wnut17", None): NO_COMPANY,
    ("ulysses", "ORGnaogovernamental"): ("COMPANY", "ORG"),
    ("konec", "OGG_MEDIA"): ("COMPANY", "ORG"),
    ("stockmark", None): NO_COMPANY,
    ("thai_nner", "media"): ("COMPANY", "ORG"),
}
# Words that stay small inside a name when capitals are given back.
# fmt: off
SMALL_WORDS = frozenset((
    "of", "the", "and", "de", "la", "le", "les", "du", "des", "del", "der", "die", "das", "und",
    "von", "van", "den", "het", "en", "y", "e", "di", "da", "do", "dos", "el", "los", "las",
))
# fmt: on
ACRONYM_LETTERS = 3
CASED_LANGUAGES = frozenset({"en", "de", "es", "nl", "ru", "tr"})


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a sentence with the labels that it may have. start and end count characters, end excluded."""

    start: int
    end: int
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    text: str
    lang: str
    source: str
    names: tuple[Name, ...]

    def written(self, name: Name) -> str:
        return self.text[name.start : name.end]


def is_held_out(key: str, percent: int) -> bool:
    """Whether a document belongs to the part that is never trained on; decided by its key alone."""
    return zlib.crc32(key.encode("utf-8", "replace")) % 100 < percent


@dataclass(frozen=True)
class _Kind:
    label: str
    starts: tuple[str, ...]
    ends: tuple[str, ...]
    words: frozenset[str]

    def fits(self, name: str) -> bool:
        if name.lower() in self.words or name in self.ends:
            return False  # "the company", "the ministry": a word of the kind is no name of it
        return (
            name.startswith(self.starts) or name.endswith(self.ends) or not self.words.isdisjoint(name.lower().split())
        )


@cache
def _kinds() -> tuple[_Kind, ...]:
    rows = tomllib.loads((HERE / "heads.toml").read_text("utf-8"))["kind"]
    return tuple(_Kind(r["label"], tuple(r["starts"]), tuple(r["ends"]), frozenset(r["words"])) for r in rows)


def narrowed(name: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels left when the words of the name are heard."""
    for kind in _kinds():
        if kind.label in labels and len(labels) > 1 and kind.fits(name):
            return (kind.label,)
    return labels


@cache
def _told(lang: str) -> Mapping[str, tuple[str, ...]]:
    """Organisations whose kind a person told, in kinds/<language>.toml; news media count as companies or others."""
    path = HERE / "kinds" / f"{lang}.toml"
    if not path.exists():
        return {}
    rows = tomllib.loads(path.read_text("utf-8"))
    return {name: labels for key, labels in TOLD.items() for name in rows.get(key, "").splitlines() if name}


def _labels(source: str, lang: str, written: str, label: str, native: str) -> tuple[str, ...]:
    if label != "ORG?":
        return (label,)
    if written in _told(lang):
        return _told(lang)[written]
    return NATIVE.get((source, native)) or NATIVE.get((source, None)) or ANY_ORGANISATION


def _capital(word: str) -> str:
    if word in SMALL_WORDS:
        return word
    if len(word) <= ACRONYM_LETTERS and not set(word) & set("aeiouyаеиоуыэюяöüäı"):
        return word.upper()
    return word[:1].upper() + word[1:]


def recased(sentence: Sentence) -> Sentence:
    """Capitals for the first letter and the names of a lower-cased sentence, as far as that keeps its length."""
    text = sentence.text
    for name in sentence.names:
        words = [_capital(word) for word in text[name.start : name.end].split(" ")]
        text = text[: name.start] + " ".join(words) + text[name.end :]
    text = text[:1].upper() + text[1:]
    return replace(sentence, text=text) if len(text) == len(sentence.text) else sentence


def _sentence(row: Mapping[str, object], chance: random.Random, recased_share: float) -> Sentence:
    text, spans = str(row["text"]), row["spans"]
    assert isinstance(spans, list)
    source, lang = str(row["source"]), str(row["lang"])
    names = []
    for start, end, label, *native in spans:
        labels = narrowed(text[start:end], _labels(source, lang, text[start:end], label, native[0] if native else ""))
        if "AGENCY" in labels and len(labels) == 1:
            names.append(Name(*without_country(text, start, end, lang), labels))
        else:
            names.append(Name(start, end, labels))
    sentence = Sentence(text, lang, source, tuple(names))
    if source.startswith("multiconer") and sentence.lang in CASED_LANGUAGES and chance.random() < recased_share:
        return recased(sentence)
    return sentence


def _rows(path: Path) -> Iterator[dict[str, object]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def read_set(folder: Path, choice: SetChoice, recipe: Recipe) -> tuple[list[Sentence], list[Sentence]]:
    """Sentences to train on (at most the cap) and sentences held out, in a shuffled order that the seed decides."""
    chance = random.Random(f"{recipe.seed} {choice.name}")
    part = "permissive" if choice.permissive else "unstated"
    train: list[Sentence] = []
    held: list[Sentence] = []
    for row in _rows(folder / part / f"{choice.name}.jsonl.gz"):
        key = str(row.get("doc") or row["text"])
        sentence = _sentence(row, chance, recipe.recased_share)
        (held if is_held_out(key, recipe.held_out_percent) else train).append(sentence)
    chance.shuffle(train)
    chance.shuffle(held)
    return train[: choice.cap or None], held


def known_names(sentences: Iterable[Sentence]) -> dict[str, str]:
    """Names that typed data always give the same kind of organisation."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        for name in sentence.names:
            if len(name.labels) == 1:
                counts[sentence.written(name).lower()][name.labels[0]] += 1
    return {
        text: labels.most_common(1)[0][0]
        for text, labels in counts.items()
        if len(labels) == 1 and len(text) > 1 and next(iter(labels)) in ANY_ORGANISATION
    }


def type_by_known_names(sentences: list[Sentence], known: Mapping[str, str]) -> list[Sentence]:
    """The same sentences with the kind of an organisation filled in where the name is known."""
    return [
        replace(
            sentence,
            names=tuple(
                replace(name, labels=(known[sentence.written(name).lower()],))
                if len(name.labels) > 1 and known.get(sentence.written(name).lower()) in name.labels
                else name
                for name in sentence.names
            ),
        )
        for sentence in sentences
    ]
