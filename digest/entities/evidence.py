"""How much speaks for a candidate: the country, the recogniser, the words around, other names of the same entity."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from digest.entities.match import Match, data
from digest.entities.names import fold_text
from digest.entities.scene import KINDS, Candidate, Scene, candidates, country_letters, overlapping
from digest.languages import base

__all__ = ["ENOUGH", "acts_jointly", "are_listed", "modifier", "recognised", "score"]

# Points for the evidence that a name means an entity, and how many are enough. Weighed on news of our own writing in 13
# languages (tests/stages/test_tag.py holds the like): a name that is never ambiguous stands by itself.
ENOUGH = 2.0
_NOT_AMBIGUOUS = 2.5
_NAMED_ELSEWHERE = 3.0
_IN_APPOSITION = 3.0
_BESIDE_COUNTRY = 5.0
_JOINT = 4.0
_PLACE = 9.0


def score(scene: Scene, match: Match, candidate: Candidate) -> float:
    points = 0.0 if candidate.ambiguous else _NOT_AMBIGUOUS
    points += _NAMED_ELSEWHERE if candidate.entity in scene.sure else 0.0
    points += _IN_APPOSITION if _in_apposition(scene, match, candidate) else 0.0
    points += recognised(scene, match, candidate)
    if candidate.kind == "agency":
        return points + _country_points(scene, match, candidate) - (_PLACE if _is_place(scene, match, candidate) else 0)
    return points + _company_points(scene, match, candidate)


def recognised(scene: Scene, match: Match, candidate: Candidate) -> float:
    """How far the recogniser agrees that here is a name, and one of this kind."""
    over = max(scene.names_over(match), key=lambda name: name.score, default=None)
    if over is None:
        return -0.3 if scene.names else 0.0
    if KINDS.get(over.label) == candidate.kind:
        # That "Ministry of Finance" is an agency says nothing about whose; of an acronym it says a lot.
        general = candidate.kind == "agency" and not (candidate.name.isupper() or len(candidate.name) < 5)
        return over.score * (1.0 if general else 2.2)
    if over.label == "ORG":
        return over.score
    return -2.0 * over.score if over.label in {"PERSON", "PLACE"} else -0.7 * over.score


def _is_place(scene: Scene, match: Match, candidate: Candidate) -> bool:
    """A country's or region's own name is its government only where the recogniser reads a body: 神奈川県, the EU."""
    entity = scene.catalogue[candidate.entity]
    region = entity.field == "government" and entity.level in {"regional", "local"}
    if not candidate.ambiguous or not (region or match.place) or not scene.heard:
        return False
    span = (match.start, match.end, "AGENCY")
    return all((name.start, name.end, name.label) != span for name in scene.names_over(match))


_BRACKET_REACH = 6
_BRACKETED = re.compile(r"[\s」』»”\"]*[(（][\s「『«“\"]*")


def _in_apposition(scene: Scene, match: Match, candidate: Candidate) -> bool:
    """Another name of the same entity stands beside it in brackets: 라인(LINE), 小米（シャオミ）."""
    for other in overlapping(scene.found, match.start - _BRACKET_REACH, match.end + _BRACKET_REACH):
        if scene.written(other) == scene.written(match):
            continue
        between = scene.text[min(match.end, other.end) : max(match.start, other.start)]
        if _BRACKETED.fullmatch(between) and any(c.entity == candidate.entity for c in candidates(other)):
            return True
    return False


# --- countries ------------------------------------------------------------------------------------------------------


def _country_points(scene: Scene, match: Match, candidate: Candidate) -> float:
    """How much speaks for a country at this place: words beside the name, the sentence, the text, the source."""
    country = candidate.country
    agencies = [entity for entity in scene.sure if entity.startswith("agency:")]
    points = 0.5 if agencies else 0.0
    if not country:
        return points
    points += _BESIDE_COUNTRY if country == modifier(scene, match) else 0.0
    points += _JOINT if acts_jointly(scene, match, country) else 0.0
    here = overlapping(scene.places, *scene.sentence(match))
    points += min(sum(p.place is not None and p.place.country == country for p in here), 2) * 1.0
    points += min(scene.countries.get(country, 0), 4) * 0.5
    points += min(sum(scene.catalogue[entity].country == country for entity in agencies), 2) * 0.75
    return points + _source_points(scene, country)


_JOINT_REACH = 32  # characters between two names of a list


def acts_jointly(scene: Scene, match: Match, country: str) -> bool:
    """Whether a body that is surely the country's stands beside it: bodies that act together are of one country."""
    for other in overlapping(scene.found, match.start - _JOINT_REACH, match.end + _JOINT_REACH):
        sure = {c.country for c in candidates(other) if c.kind == "agency" and not c.ambiguous}
        if other != match and sure == {country} and are_listed(scene.text, match, other):
            return True
    return False


def _source_points(scene: Scene, country: str) -> float:
    home = _home().get(scene.language) or _home().get(base(scene.language))
    if scene.country is None:
        return 2.0 if home == country else 1.0 if country in _other_homes(scene.language) else 0.0
    return (2.0 if scene.country == country else 0.0) + (1.0 if home == country != scene.country else 0.0)


@cache
def _other_homes(language: str) -> frozenset[str]:
    rows = data("context.toml")["other_homes"]
    return frozenset((rows.get(language) or rows.get(base(language), "")).split())


@cache
def _home() -> Mapping[str, str]:
    home: Mapping[str, str] = data("context.toml")["home"]
    return home


_BEFORE_NAME = re.compile(r"(?:['’]s?|の|의)?\s?")
_AFTER_NAME = re.compile(
    r"\s(?:of|de|del|do|da|dos|della|du|des|von|der|d['’])\s?(?:the\s|la\s|l['’])?|\s\(?|['’](?:s|nin|nın)?\s"
)


def modifier(scene: Scene, match: Match) -> str | None:
    """The country whose name, adjective or headline letter stands right beside the name."""
    for place in overlapping(scene.places, match.start - 4, match.end + 12):
        if place.place is None or place is match:
            continue
        if place.end <= match.start and _BEFORE_NAME.fullmatch(scene.text, place.end, match.start):
            return place.place.country
        if match.end < place.start and _AFTER_NAME.fullmatch(scene.text, match.end, place.start):
            return place.place.country
    before = scene.text[max(0, match.start - 3) : match.start].rstrip(" ")
    apart = len(before) < 2 or not before[-2].isalnum()
    return country_letters().get(fold_text(before[-1:])) if apart else None


# --- companies ------------------------------------------------------------------------------------------------------


def _company_points(scene: Scene, match: Match, candidate: Candidate) -> float:
    """What the words around say for a company's name that is also a common word."""
    start, end = scene.sentence(match)
    points = min(_company_words(scene.text[start:end], scene.language), 2) * 0.6
    points += min(_company_words(scene.text[:_TOLD_EARLY], scene.language), 3) * 0.2
    points += 0.6 if _has_telling_capital(scene, match, start) else 0.0
    points += 0.6 if _is_foreign_script(scene, candidate) else 0.0
    return points + (0.6 if any(entity.startswith("agency:") for entity in scene.sure) else 0.0)


_TOLD_EARLY = 2_000  # characters from which a reader knows whether the text is about business


@lru_cache(maxsize=64)
def _company_words(text: str, language: str) -> int:
    pattern = _company_pattern(base(language))
    return len(set(pattern.findall(text.casefold()))) if pattern else 0


@cache
def _company_pattern(code: str) -> re.Pattern[str] | None:
    listed = data("context.toml")["company_words"].get(code)
    if not listed:
        return None
    words = "|".join(map(re.escape, sorted(listed.casefold().split(), key=len, reverse=True)))
    return re.compile(words) if code in {"zh", "ja", "ko"} else re.compile(rf"\b(?:{words})\b")


def _has_telling_capital(scene: Scene, match: Match, start: int) -> bool:
    """A capital that no rule of spelling asks for. German capitals say nothing, nor do those of an English headline."""
    if match.start == start or base(scene.language) == "de":
        return False
    before = scene.text[start : match.start].split()
    return scene.text[match.start].isupper() and any(word[0].islower() and len(word) > 4 for word in before)


def _is_foreign_script(scene: Scene, candidate: Candidate) -> bool:
    """A Latin name in a text of another script is hardly a common word there: LINE, Apple."""
    return candidate.name.isascii() and base(scene.language) in {"zh", "ja", "ko", "ru", "ar", "uk", "he", "el"}


_AND = "和|与|與|以及|及|と|や|및|와|과|and|und|et|y|e|ed|и|و|ve|or|oder|ou|o|или"
_LISTED = re.compile(
    rf"[」』”»\")）]?(?:\s?[(（][^()（）]{{1,24}}[)）])?[」』”»\"]?\s*(?:[、，,;；/&·・]|[、，,]?\s*(?:{_AND})|등)\s*[「『“«\"و]{{0,2}}"
)


def are_listed(text: str, one: Match, other: Match) -> bool:
    """Whether two names stand side by side in a list."""
    first, second = sorted((one, other), key=lambda match: match.start)
    return second.start - first.end < 32 and bool(_LISTED.fullmatch(text, first.end, second.start))
