"""A text with all that deciding on a name looks at: the registry's names in it, the recogniser's, and the places."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Protocol, TypeVar

from digest.entities.catalogue import Catalogue, Kind, Own, catalogue
from digest.entities.match import Match, data, matches
from digest.entities.names import fold_text, normal
from digest.languages import sentences
from digest.records import Label

__all__ = ["KINDS", "LABELS", "Candidate", "Name", "Scene", "candidates", "country_letters", "overlapping", "scene_of"]

LABELS: Mapping[Kind, Label] = {"company": "COMPANY", "agency": "AGENCY"}
KINDS: Mapping[Label, Kind] = {"COMPANY": "company", "AGENCY": "agency"}


@dataclass(frozen=True, slots=True)
class Name:
    """A name that the recogniser found, with its probability."""

    start: int
    end: int
    label: Label
    score: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a match may mean: one entity, and whether the name needs context."""

    entity: str
    kind: Kind
    ambiguous: bool
    name: str
    country: str


class Spanned(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


S = TypeVar("S", bound=Spanned)


def overlapping(spans: Sequence[S], start: int, end: int) -> Sequence[S]:
    """Those that share a character with the span; `spans` are in order and do not overlap each other."""
    first = last = bisect_right(spans, start, key=lambda span: span.end)
    while last < len(spans) and spans[last].start < end:
        last += 1
    return spans[first:last]


# A sentence longer than this is a list or no sentence: what is farther away says nothing about a name.
_SENTENCE_REACH = 300


@dataclass(frozen=True)
class Scene:
    """`found` lacks what a longer name hides; `sure` are the entities that some name in the text means beyond doubt.

    `found`, `names`, `places` and `spans` are in the order of the text.
    """

    text: str
    language: str
    country: str | None  # of the source
    found: Sequence[Match]
    names: Sequence[Name]
    spans: Sequence[tuple[int, int]]  # of the sentences
    places: Sequence[Match]
    sure: frozenset[str]
    catalogue: Catalogue
    heard: bool = True  # whether a recogniser read the text at all; then its silence says something

    def sentence(self, match: Match) -> tuple[int, int]:
        """The sentence around the match, within reach."""
        number = bisect_right(self.spans, match.start, key=lambda span: span[0]) - 1
        start, end = self.spans[number] if number >= 0 else (match.start, match.end)
        return max(start, match.start - _SENTENCE_REACH), min(end, match.end + _SENTENCE_REACH)

    def names_over(self, match: Match) -> Sequence[Name]:
        return overlapping(self.names, match.start, match.end)

    def written(self, match: Match) -> str:
        """The match's words in a form to compare."""
        return fold_text(self.text[match.start : match.end], self.language)

    @cached_property
    def countries(self) -> Mapping[str, int]:
        """How often the text names each country or a place in it."""
        return Counter(match.place.country for match in self.places if match.place)


def scene_of(text: str, language: str, country: str | None, names: Sequence[Name] | None, own: Own) -> Scene:
    found = matches(text, language, own)
    whole = [_after_place(name, found) for name in names or () if _is_whole(text, name)]
    visible = [
        match
        for match in found
        if not any(_hides(text, name, match, found) for name in overlapping(whole, match.start, match.end))
    ]
    sure = frozenset(sure[0].entity for match in visible if len(sure := _sure(match)) == 1)
    places = [match for match in found if match.place]
    spans = sentences(text, language)
    return Scene(text, language, country, visible, whole, spans, places, sure, catalogue(own), names is not None)


def candidates(match: Match) -> list[Candidate]:
    """One for each entity; a name that one spelling makes sure is sure."""
    found: dict[str, Candidate] = {}
    for alias in match.aliases:
        known = found.get(alias.entity)
        if known is None or (known.ambiguous and not alias.ambiguous):
            found[alias.entity] = Candidate(alias.entity, alias.kind, alias.ambiguous, alias.name, alias.country)
    return list(found.values())


def _sure(match: Match) -> list[Candidate]:
    return [candidate for candidate in candidates(match) if not candidate.ambiguous]


def _is_whole(text: str, name: Name) -> bool:
    """Not across lines, not from the middle of a word, and with both brackets or none."""
    written = text[name.start : name.end]
    if "\n" in written or any(written.count(a) != written.count(b) for a, b in ("()", "（）", "「」", "«»")):
        return False
    before = text[name.start - 1 : name.start]
    return not (
        before.isalpha() and written[0].isalpha() and before < "\u0590"
    )  # scripts with spaces and without clitics


def _after_place(name: Name, found: Sequence[Match]) -> Name:
    """A name that begins inside a place's name begins after it: 法国|最高卫生管理局."""
    over = overlapping(found, name.start, name.end)
    ends = [match.end for match in over if match.place and match.start < name.start < match.end < name.end]
    return replace(name, start=ends[0]) if ends else name


# --- names inside longer names --------------------------------------------------------------------------------------

# What a recogniser's name must reach to hide a registry's name inside it; a name that is never ambiguous needs more.
_HIDES = 0.6
_HIDES_SURE = 0.85


def _hides(text: str, name: Name, match: Match, found: Sequence[Match]) -> bool:
    """Whether a longer name means something else than the registry's name inside it: Henry Ford, Samsung Biologics."""
    inside = name.start <= match.start and match.end <= name.end
    if not match.aliases or not inside or name.end - name.start == match.end - match.start:
        return False
    if name.score < (_HIDES_SURE if _sure(match) else _HIDES):
        return False
    if name.label == "AGENCY" and any(alias.kind == "agency" for alias in match.aliases):
        return False
    others = [other for other in overlapping(found, name.start, name.end) if other.aliases]
    return len(others) == 1 and not _only_dressing(text, name, match)


def _only_dressing(text: str, name: Name, match: Match) -> bool:
    """Whether what is around the match inside the name is a legal form, a country or a word such as "company"."""
    return all(_is_dressing(part) for part in (text[name.start : match.start], text[match.end : name.end]))


def _is_dressing(part: str) -> bool:
    words = normal(f"xxxx {part}").removeprefix("xxxx").split()  # a legal form is cut only from the end of a name
    return all(word in _dressing() for word in words)


@cache
def _dressing() -> frozenset[str]:
    listed = [*data("context.toml")["company_words"].values(), data("context.toml")["dressing"]]
    listed += [row["names"] for row in data("places.toml").values()]
    return frozenset(fold_text(word) for words in listed for word in words.split()) | set(country_letters())


@cache
def country_letters() -> Mapping[str, str]:
    """One letter that stands for a country right before a name: 美, 米, 日."""
    rows = data("context.toml")["country_letters"]
    return {fold_text(letter): country for country, letters in rows.items() for letter in letters.split()}
