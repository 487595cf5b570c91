"""From names in a text to entities: which mention means which company or agency, and how we know."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from digest.entities.catalogue import NOTHING, Kind, Own, catalogue
from digest.entities.evidence import ENOUGH, acts_jointly, are_listed, modifier, recognised, score
from digest.entities.match import Match
from digest.entities.names import normal
from digest.entities.posting import is_place_of_post, is_product
from digest.entities.scene import KINDS, LABELS, Candidate, Name, Scene, candidates, overlapping, scene_of
from digest.entities.territory import without_country
from digest.entities.unlisted import free, is_general_word, is_medium, local_id, unlisted, with_short_forms
from digest.languages import base
from digest.records import Mention

__all__ = ["Name", "link", "resolve"]

# Reasons of mentions; unlisted.py has the others.
_ALIAS, _IN_CONTEXT, _SHORT, _LOCAL, _DECIDED = "alias", "alias in context", "short form", "local", "decision"


@dataclass(frozen=True, slots=True)
class _Link:
    match: Match
    entity: str
    kind: Kind
    points: float
    reason: str


def resolve(name: str, own: Own = NOTHING) -> str | None:
    """The registry id that a user means by an id, a shown name, or a name that only one entity has; else None."""
    known = catalogue(own)
    if known.current(name) in known:
        return known.current(name)
    named = _by_name(own).get(normal(name), {})
    sure = [entity for entity, enough in named.items() if enough]
    return next((found[0] for found in (sure, list(named)) if len(found) == 1), None)


@lru_cache(maxsize=2)
def _by_name(own: Own) -> Mapping[str, Mapping[str, bool]]:
    """Normal form -> entity -> whether that name alone is enough."""
    index: dict[str, dict[str, bool]] = {}
    for entity in catalogue(own):
        for _, name in entity.aliases():
            named = index.setdefault(normal(name), {})
            named[entity.id] = named.get(entity.id, False) or name not in entity.ambiguous
    return index


def link(
    text: str, language: str, country: str | None = None, names: Sequence[Name] | None = None, own: Own = NOTHING
) -> list[Mention]:
    """The text's mentions, in order and without overlaps. `country` is the source's.

    `names` are the recogniser's, None where none read the text.
    """
    scene = scene_of(text, language, country, names, own)
    links = _with_same_words(scene, _with_lists(scene, _one_namesake(scene, _decided(scene))))
    mentions = [_local_office(scene, one) or _mention(scene, one) for one in links]
    known = partial(resolve, own=own)
    mentions += free(unlisted(scene, known), mentions)
    mentions = [_current(scene, one) for one in with_short_forms(scene, mentions, known)]
    mentions = [_no_medium(one) for one in mentions if not is_place_of_post(scene, one) and not is_product(scene, one)]
    if not any(one.label == "COMPANY" for one in mentions):
        mentions = [one for one in mentions if one.label != "AGENCY" or not is_general_word(one.text)]
    return sorted((_at_own_edges(text, language, one) for one in mentions), key=lambda mention: mention.start)


def _current(scene: Scene, mention: Mention) -> Mention:
    """The mention with the id that a person's merges give it."""
    entity = scene.catalogue.current(mention.entity) if mention.entity else None
    if entity is None or entity == mention.entity:
        return mention
    name = scene.catalogue[entity].name if entity in scene.catalogue else mention.name
    return replace(mention, entity=entity, name=name, reason=_DECIDED)


def _no_medium(mention: Mention) -> Mention:
    """A newspaper or a news agency by its own name is where something was read, no company."""
    if mention.label not in KINDS or not is_medium(mention.text):
        return mention
    return replace(mention, label="ORG", entity=None, name=None, reason="")


def _at_own_edges(text: str, language: str, mention: Mention) -> Mention:
    if mention.label != "AGENCY":
        return mention
    start, end = without_country(text, mention.start, mention.end, language)
    return replace(mention, start=start, end=end, text=text[start:end])


# --- decisions ------------------------------------------------------------------------------------------------------

_CLEAR_LEAD = 0.5  # over the next candidate, or the name stays unlinked


def _decided(scene: Scene) -> list[_Link]:
    longer = _longer_agencies(scene)
    links = (_link(scene, match, longer) for match in scene.found if match.aliases)
    return [one for one in links if one is not None]


def _one_namesake(scene: Scene, links: list[_Link]) -> list[_Link]:
    """Of bodies that share a name a text means one: that which it names with its country, or beside another of it."""
    placed = {one.entity for one in links if one.entity in scene.catalogue and _is_placed(scene, one)}
    return [one if _is_placed(scene, one) else _as_placed(one, placed) for one in links]


def _is_placed(scene: Scene, one: _Link) -> bool:
    country = scene.catalogue[one.entity].country if one.entity in scene.catalogue else ""
    return bool(country) and (modifier(scene, one.match) == country or acts_jointly(scene, one.match, country))


def _as_placed(one: _Link, placed: set[str]) -> _Link:
    namesakes = {c.entity for c in candidates(one.match) if c.ambiguous and c.kind == "agency"} & placed
    if one.kind != "agency" or one.entity in placed or len(namesakes) != 1:
        return one
    return replace(one, entity=namesakes.pop())


def _link(scene: Scene, match: Match, longer: Mapping[str, str]) -> _Link | None:
    listed = candidates(match)
    ranked = sorted(((score(scene, match, c), c.entity, c) for c in listed), reverse=True)
    best, _, candidate = ranked[0]
    beside = modifier(scene, match) if candidate.kind == "agency" else None
    if beside and candidate.country not in {beside, ""} and _may_be_foreign(candidate):
        return _foreign(scene, match, beside)
    if candidate.kind == "agency" and candidate.ambiguous and not beside:
        short = _short_of(scene, match, longer)
        if short and short != candidate.entity and candidate.entity not in scene.sure:
            return _Link(match, short, "agency", ENOUGH, _SHORT)
    lead = best - ranked[1][0] if len(ranked) > 1 else best
    if best < ENOUGH or lead < _CLEAR_LEAD:
        return None
    reason = _IN_CONTEXT if candidate.ambiguous or len(listed) > 1 else _ALIAS
    return _Link(match, candidate.entity, candidate.kind, best, reason)


def _may_be_foreign(candidate: Candidate) -> bool:
    """Other countries have a finance ministry too, but no FBI, and "die deutsche EZB-Direktorin" means the ECB."""
    return candidate.ambiguous or (candidate.country != "EU" and not candidate.name.isupper())


def _foreign(scene: Scene, match: Match, country: str) -> _Link:
    """Another country's body of the same name: 越南公安部."""
    written = scene.text[match.start : match.end]
    return _Link(match, local_id("agency", written, country), "agency", ENOUGH, _LOCAL)


def _longer_agencies(scene: Scene) -> Mapping[str, str]:
    """Names of agencies that the text writes in full, with who they are."""
    longer: dict[str, str] = {}
    for match in scene.found:
        sure = [c for c in candidates(match) if not c.ambiguous and c.kind == "agency"]
        if len(sure) == 1:
            longer[scene.written(match)] = sure[0].entity
        elif country := _foreign_country(scene, match):
            longer[f"{country} {scene.written(match)}"] = _foreign(scene, match, country).entity
    return longer


def _foreign_country(scene: Scene, match: Match) -> str | None:
    """The country beside an agency's name, where the registry's agencies of that name are all of other countries."""
    listed = candidates(match)
    country = modifier(scene, match) if listed and listed[0].kind == "agency" else None
    return country if all(candidate.country not in {country, ""} for candidate in listed) else None


def _short_of(scene: Scene, match: Match, longer: Mapping[str, str]) -> str | None:
    """After 美国商务部, 商务部 is the American one; after "Antitrust francese", "Antitrust" is the French one."""
    written = scene.written(match)
    if written.isascii() and len(written) < 7:
        return None
    meant = {entity for name, entity in longer.items() if name != written and _extends(name, written)}
    return next(iter(meant)) if len(meant) == 1 else None


def _extends(longer: str, shorter: str) -> bool:
    at_end = longer.endswith(shorter) and (shorter[0] > "\u2fff" or longer[-len(shorter) - 1] == " ")
    return at_end or longer.startswith(shorter + " ")


def _with_lists(scene: Scene, links: list[_Link]) -> list[_Link]:
    """A company's ambiguous name in a list of companies is a company's too: 小米、快手、字节跳动."""
    companies = {one.match for one in links if one.kind == "company"}
    decided = {one.match for one in links}
    added: list[_Link] = []
    for listed in _lists(scene):
        if companies.isdisjoint(listed):
            continue
        for match in listed:
            one = _only_company(match)
            if one and match not in decided and recognised(scene, match, one) > -1.0:
                added.append(_Link(match, one.entity, "company", ENOUGH, _IN_CONTEXT))
    return [*links, *added]


def _lists(scene: Scene) -> list[list[Match]]:
    """Runs of names that may be companies' and stand side by side."""
    lists: list[list[Match]] = []
    for match in (match for match in scene.found if _only_company(match)):
        if lists and are_listed(scene.text, lists[-1][-1], match):
            lists[-1].append(match)
        else:
            lists.append([match])
    return lists


def _only_company(match: Match) -> Candidate | None:
    companies = [candidate for candidate in candidates(match) if candidate.kind == "company"]
    return companies[0] if len(companies) == 1 else None


def _with_same_words(scene: Scene, links: list[_Link]) -> list[_Link]:
    """What a name means in one place of a text, it means in the others."""
    meanings: dict[str, set[tuple[str, Kind]]] = {}
    for one in links:
        meanings.setdefault(scene.written(one.match), set()).add((one.entity, one.kind))
    decided = {one.match for one in links}
    added = []
    for match in scene.found:
        meant = meanings.get(scene.written(match), set()) if match.aliases and match not in decided else set()
        same = [c for c in candidates(match) if meant == {(c.entity, c.kind)} and recognised(scene, match, c) > -1.0]
        added += [_Link(match, c.entity, c.kind, ENOUGH, _IN_CONTEXT) for c in same]
    return [*links, *added]


# --- mentions -------------------------------------------------------------------------------------------------------


def _mention(scene: Scene, one: _Link) -> Mention:
    start, end = one.match.start, one.match.end
    agreeing = [name for name in scene.names_over(one.match) if KINDS.get(name.label) == one.kind]
    for name in agreeing:  # "Apple Inc.": the legal form belongs to the name as written
        if name.start == start and name.end > end and _belongs(scene, one, end, name.end):
            end = name.end
    start, end = _unspaced_edges(scene, one, start, end, agreeing)
    written = scene.text[start:end]
    shown = scene.catalogue[one.entity].name if one.entity in scene.catalogue else written
    confidence = _confidence(one, max((name.score for name in agreeing), default=0.0))
    return Mention(start, end, written, LABELS[one.kind], one.entity, shown, confidence, one.reason)


_SURE_EDGES = 0.7


def _unspaced_edges(scene: Scene, one: _Link, start: int, end: int, agreeing: Sequence[Name]) -> tuple[int, int]:
    """Where no spaces part words, the recogniser knows edges best, and a country belongs to its body: 荷兰|国防部."""
    if base(scene.language) not in {"zh", "ja"}:
        return start, end
    for name in agreeing:
        alone = sum(bool(match.aliases) for match in overlapping(scene.found, name.start, name.end)) == 1
        if alone and name.start <= start and end <= name.end and name.score >= _SURE_EDGES:
            start, end = name.start, name.end
    if one.kind == "agency":
        for place in overlapping(scene.places, start - 1, start):
            if place.place and not place.place.region and place.end == start:
                start = place.start
    return start, end


def _confidence(one: _Link, agreement: float) -> float:
    alone = 0.95 if one.reason == _ALIAS else min(0.9, 0.5 + one.points / 10)
    return round(alone + (1 - alone) * agreement * 0.8, 3)


def _belongs(scene: Scene, one: _Link, start: int, end: int) -> bool:
    """Whether what the recogniser reads on is the legal form, or the country of a company's branch: Shell | Україна."""
    if _is_legal_form(scene.text[start:end]):
        return True
    rest = overlapping(scene.places, start, end)
    return one.kind == "company" and any(p.end == end and not scene.text[start : p.start].strip() for p in rest)


def _is_legal_form(part: str) -> bool:
    return normal(f"xxxx{part}") == "xxxx"


_OFFICE = re.compile(r"\s(?:office|branch|bureau|department|arm)\sof\s(?:the\s)?|['’]s\s", re.IGNORECASE)


def _local_office(scene: Scene, one: _Link) -> Mention | None:
    """上海市网信办 or "the Shanghai office of the CAC" is not the national body: it gets an id of its own."""
    if one.entity not in scene.catalogue or scene.catalogue[one.entity].level != "national":
        return None
    for place in overlapping(scene.places, one.match.start - 20, one.match.start):
        if place.place is None or not place.place.region or place.place.country != scene.catalogue[one.entity].country:
            continue
        if _is_office(scene, place, one):
            name = scene.text[place.start : one.match.end]
            return Mention(place.start, one.match.end, name, "AGENCY", local_id("agency", name), name, 0.7, _LOCAL)
    return _office_of_a_district(scene, one)


# A province, city or county of which no list of places knows: its name ends so, and "all the city" is none.
_DISTRICT = re.compile("[\u4e00-\u9fff]{1,9}?[^全本各该該我]([省市县縣区區州旗])")
_SHORTEST_DISTRICT = 3


def _office_of_a_district(scene: Scene, one: _Link) -> Mention | None:
    """洛阳市网信办: as far back as the recogniser's name goes, else two characters and the one that tells its kind."""
    end = one.match.start
    begins = [n.start for n in scene.names_over(one.match) if n.label == "AGENCY" and n.start < end]
    start = min(begins, default=max(0, end - _SHORTEST_DISTRICT))
    if scene.catalogue[one.entity].country != "CN" or not _DISTRICT.fullmatch(scene.text, start, end):
        return None
    name = scene.text[start : one.match.end]
    return Mention(start, one.match.end, name, "AGENCY", local_id("agency", name), name, 0.7, _LOCAL)


def _is_office(scene: Scene, place: Match, one: _Link) -> bool:
    gap = scene.text[place.end : one.match.start]
    if not gap:
        return scene.text[place.end - 1] > "\u2fff"
    return bool(_OFFICE.fullmatch(gap)) or (gap == " " and one.reason != _ALIAS)
