"""Watchlists: which of a newsroom's names and terms a story touches."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from digest.records import Report, Watchlist

__all__ = ["Watch", "watched", "watches"]

# Letters of scripts that put no space between words: beside them every place may be a word's edge.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u31f0-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef"
_SPACED_LETTER = f"[^\\W{_UNSPACED}]"
_ARABIC = re.compile("[\u0600-\u06ff]")
# "deepfake" also finds "deepfakes" and "дипфейк" finds "дипфейков"; in a short term an ending would make another word.
_SHORTEST_INFLECTED = 5
_LONGEST_ENDING = 3


@dataclass(frozen=True, slots=True)
class Watch:
    """One entry of a watchlist. `label` is what readers see; either `entity` or `pattern` finds it."""

    label: str
    entity: str | None = None
    pattern: re.Pattern[str] | None = None


def watches(
    watchlists: Sequence[Watchlist], names: Mapping[str, str], resolve: Callable[[str], str | None]
) -> list[Watch]:
    """The entries of all lists. A name that the linker does not know is looked for as a term."""
    return [watch for watchlist in watchlists for watch in _entries(watchlist, names, resolve)]


def _entries(watchlist: Watchlist, names: Mapping[str, str], resolve: Callable[[str], str | None]) -> Iterator[Watch]:
    for written in watchlist.entities:
        entity = written if written in names else resolve(written)
        shown = names.get(entity or "", written)
        pattern = None if entity else _pattern(written)
        yield Watch(f"{watchlist.name}: {shown}", entity, pattern)
    for term in watchlist.terms:
        yield Watch(f"{watchlist.name}: {term}", None, _pattern(term))


def _pattern(term: str) -> re.Pattern[str]:
    words = _folded(term).split()
    core = r"\s+".join(map(re.escape, words))
    if not core:
        return re.compile(r"(?!)")
    before = f"(?<!{_SPACED_LETTER})" if re.match(_SPACED_LETTER, words[0]) else ""
    if before and _ARABIC.match(words[0]):
        before += f"{_SPACED_LETTER}{{0,3}}"  # article, conjunction and preposition are written on the word
    ending = f"{_SPACED_LETTER}{{0,{_LONGEST_ENDING}}}" if len(core) >= _SHORTEST_INFLECTED else ""
    after = f"{ending}(?!{_SPACED_LETTER})" if re.match(_SPACED_LETTER, words[-1][-1]) else ""
    return re.compile(before + core + after)


def watched(entries: Sequence[Watch], reports: Sequence[Report], entities: Collection[str]) -> tuple[str, ...]:
    """The labels of the entries that the reports hit, in the lists' order."""
    texts = [_folded(f"{report.title}\n{report.text}") for report in reports] if entries else []
    return tuple(dict.fromkeys(entry.label for entry in entries if _hits(entry, texts, entities)))


def _hits(entry: Watch, texts: Sequence[str], entities: Collection[str]) -> bool:
    if entry.pattern is None:
        return entry.entity in entities
    return any(entry.pattern.search(text) for text in texts)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
