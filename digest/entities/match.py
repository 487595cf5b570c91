"""Where the registry's names, and names of places, stand in a text. What they mean there is decided in link.py."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import ahocorasick

from digest.entities.catalogue import NOTHING, Entity, Kind, Own, catalogue
from digest.entities.names import Folded, fold, fold_text, inflection
from digest.languages import base

__all__ = ["Alias", "Decoy", "Match", "Place", "data", "matches"]


@dataclass(frozen=True, slots=True)
class Alias:
    """A name of an entity, with the languages whose texts write it so."""

    name: str
    entity: str
    kind: Kind
    languages: frozenset[str]
    ambiguous: bool
    country: str

    def usable(self, language: str) -> bool:
        """Names cross languages only where nothing else looks like them."""
        if self.languages & _readable(language):
            return True
        letters = len(self.name)
        return letters > 9 if self.name.isascii() else letters > 3


@dataclass(frozen=True, slots=True)
class Place:
    """A name of a country (`region` False), or of a part of it."""

    country: str
    region: bool


@dataclass(frozen=True, slots=True)
class Decoy:
    """A word that contains a name of the registry and does not mean it."""

    languages: frozenset[str]


@dataclass(frozen=True, slots=True)
class Match:
    """Names that end and begin at one span of a text; several aliases where entities share a name."""

    start: int
    end: int
    aliases: tuple[Alias, ...]
    place: Place | None = None


def data(name: str) -> Mapping[str, Any]:
    """A data file of this package."""
    return tomllib.loads(files("digest.entities").joinpath(name).read_text("utf-8"))


@cache
def _readable(language: str) -> frozenset[str]:
    """The languages of the registry whose names a text in this language writes. English names stand in all."""
    code = base(language)
    also = {"zh": {"zh-Hans", "zh-Hant"}, "ja": {"zh"}}.get(code, set())
    return frozenset({code, language, "en", *also})


# --- the index ------------------------------------------------------------------------------------------------------

Entry = Alias | Place | Decoy


@lru_cache(maxsize=32)
def _index(code: str, own: Own) -> Any:
    """An automaton over names as `fold` writes them in this language, each with what it may stand for.

    Without a code it holds all names as they are; with one, only those that lose an ending in that language. A text
    that has lost its endings can only meet the right ones of both, and a language costs little memory.
    """
    index = ahocorasick.Automaton()
    for word, entries in _entries(code, own).items():
        index.add_word(word, (len(word), tuple(entries)))
    index.make_automaton()
    return index


def _indexes(code: str, own: Own) -> tuple[Any, ...]:
    return (_index("", own), _index(code, own)) if inflection(code).endings else (_index("", own),)


def _entries(code: str, own: Own) -> Mapping[str, list[Entry]]:
    entries: dict[str, list[Entry]] = {}
    for word, entry in _words(own):
        plain = fold_text(word)
        folded = fold_text(word, code) if code else plain
        if folded and (not code or folded != plain):
            entries.setdefault(folded, []).append(entry)
    return entries


def _words(own: Own) -> Iterator[tuple[str, Entry]]:
    for alias in _aliases(own):
        yield alias.name, alias
    yield from _places()
    for language, words in data("decoys.toml").items():
        decoy = Decoy(frozenset({language}))
        for word in words.split():
            yield word.replace("_", " "), decoy


@lru_cache(maxsize=2)
def _aliases(own: Own) -> tuple[Alias, ...]:
    return tuple(alias for entity in catalogue(own) for alias in _aliases_of(entity))


def _aliases_of(entity: Entity) -> Iterator[Alias]:
    languages: dict[str, set[str]] = {}
    for language, name in entity.aliases():
        languages.setdefault(name, set()).add(language)
    for name, listed in languages.items():
        yield Alias(name, entity.id, entity.kind, frozenset(listed), name in entity.ambiguous, entity.country)
        if name.startswith("ال") and " " not in name[:4]:  # "to the" melts with the article
            yield Alias(
                "لل" + name[2:], entity.id, entity.kind, frozenset(listed), name in entity.ambiguous, entity.country
            )


def _places() -> Iterator[tuple[str, Place]]:
    for country, row in data("places.toml").items():
        for key in ("names", "regions"):
            for word in row.get(key, "").split():
                yield word.replace("_", " "), Place(country, key == "regions")


# --- the search -----------------------------------------------------------------------------------------------------

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u309f\u3400-\u9fff\uf900-\ufaff]")
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc]")
_HANGUL = re.compile("[\uac00-\ud7a3]")


def matches(text: str, language: str, own: Own = NOTHING) -> list[Match]:
    """The names in the text, in order and without overlaps: the longest wins. Offsets are the text's own."""
    folded = fold(text, language)
    code = base(language)
    hits: dict[tuple[int, int], tuple[Entry, ...]] = {}
    for index in _indexes(code, own):
        for start, end, entries in _hits(folded.text, index):
            if _begins_word(folded.text, start, code) and _ends_word(folded.text, end, code):
                hits[start, end] = hits.get((start, end), ()) + entries
    found = [(start, end, entries) for (start, end), entries in hits.items()]
    found.sort(key=lambda hit: (hit[0] - hit[1], hit[0]))
    taken: list[Match] = []
    covered = bytearray(len(folded.text))
    for start, end, entries in found:
        if not any(covered[start:end]):
            match = _match(text, folded, start, end, entries, language)
            if match is not None:
                covered[start:end] = b"\1" * (end - start)
                taken.append(match)
    return sorted(taken, key=lambda match: match.start)


def _hits(text: str, index: Any) -> Iterator[tuple[int, int, tuple[Entry, ...]]]:
    for last, (length, entries) in index.iter(text):
        yield last + 1 - length, last + 1, entries


def _match(text: str, folded: Folded, start: int, end: int, entries: tuple[Entry, ...], language: str) -> Match | None:
    """What the entries mean for this text, or None if nothing: an empty match keeps a decoy's place."""
    first, last = folded.span(start, end)
    if any(isinstance(entry, Decoy) and base(language) in entry.languages for entry in entries):
        return Match(first, last, ())
    written = text[first:last]
    aliases = tuple(
        entry
        for entry in entries
        if isinstance(entry, Alias)
        and entry.usable(language)
        and _same_case(written, entry)
        and _same_words(written, entry.name)
    )
    place = _place(written, entries, language)
    return Match(first, last, aliases, place) if aliases or place else None


def _place(written: str, entries: tuple[Entry, ...], language: str) -> Place | None:
    """Adjectives of countries are written small outside English, and are longer than words that look like them."""
    if written[0].islower() and (base(language) == "en" or len(written) < 5):
        return None
    places = [entry for entry in entries if isinstance(entry, Place)]
    unspaced = bool(_UNSPACED.match(written[-1]))  # 北京网信办 is the city's, Beijing's commerce ministry the country's
    return max(places, key=lambda place: place.region == unspaced, default=None)


def _begins_word(text: str, start: int, code: str) -> bool:
    if start == 0 or _parted(text[start - 1], text[start]):
        return True
    prefixes = inflection(code).prefixes
    return bool(prefixes) and bool(re.search(rf"(?:^|[^\w]){prefixes}$", text[max(0, start - 6) : start]))


def _ends_word(text: str, end: int, code: str) -> bool:
    if end == len(text) or _parted(text[end], text[end - 1]):
        return True
    particles = inflection(code).particles
    if not particles or not _HANGUL.match(text[end]):
        return False
    run = re.compile("[가-힣]+").match(text, end)
    return run is not None and bool(re.fullmatch(particles, run.group()))


def _parted(outer: str, inner: str) -> bool:
    """Whether a word may end between the two characters."""
    if _UNSPACED.match(inner) or _UNSPACED.match(outer):
        return True
    if _KATAKANA.match(inner):
        return not _KATAKANA.match(outer)
    return not (outer.isalnum() and not _KATAKANA.match(outer))


def _same_words(written: str, name: str) -> bool:
    """Cutting endings makes some different words meet (Garten, Gartner), so only the last letters may differ."""
    ours, theirs = fold_text(name), fold_text(written)
    if ours == theirs:
        return True
    pairs = list(zip(ours.split(), theirs.split(), strict=False))
    return all(word.startswith(own[: max(3, len(own) - _changing(own, len(pairs)))]) for own, word in pairs)


_DECLINES = re.compile("[a\u0400-\u04ff]$")


def _changing(word: str, words: int) -> int:
    """How many last letters other cases of a word may change: adjectives, in longer names, change two (-ая, -ой)."""
    return 2 if words > 1 else int(bool(_DECLINES.search(word)))


def _same_case(written: str, alias: Alias) -> bool:
    """Acronyms must be in capitals, other names begin with one where they do; agencies' long names vary freely."""
    name, written = alias.name, unicodedata.normalize("NFKC", written)
    if name.casefold() == name.upper():  # no letters with case
        return True
    if not name[0].isalpha() or (alias.kind == "agency" and " " in name):
        return True
    if name.isupper() or (name.islower() and " " not in name and alias.ambiguous):
        return written.startswith(name) if len(written) > len(name) else written == name
    return name[0].islower() or not written[0].islower()
