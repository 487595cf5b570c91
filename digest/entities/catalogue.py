"""The registry of companies and agencies: the data files in registry/, and over them what a user adds and decides."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

__all__ = ["NOTHING", "Catalogue", "Entity", "Kind", "Own", "catalogue"]

Kind = Literal["company", "agency"]


@dataclass(frozen=True, slots=True)
class Entity:
    """A company or an agency. `names` by language: the first is the one to show, the others are aliases.

    `former` names are aliases too. `ambiguous` ones mean the entity only where the context says so. `country` is
    ISO 3166-1 alpha-2, or "EU"; empty for bodies of no country.
    """

    id: str
    kind: Kind
    country: str
    names: Mapping[str, tuple[str, ...]]
    former: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ambiguous: frozenset[str] = frozenset()
    ids: Mapping[str, str] = field(default_factory=dict)  # of others: wikidata, lei, isin
    parent: str | None = None
    level: str = ""
    field: str = ""  # of an agency: competition, internet, …
    sector: str = ""  # of a company
    tickers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name shown to readers of English."""
        return self.names["en"][0] if self.names.get("en") else next(iter(self.names.values()))[0]

    def aliases(self) -> Iterator[tuple[str, str]]:
        """(language, name), shown and former names included."""
        for names in (self.names, self.former):
            for language, listed in names.items():
                for name in listed:
                    yield language, name


@dataclass(frozen=True, slots=True)
class Own:
    """What a user adds to the registry; hashable, and small enough to travel with each batch.

    `rows` are entities as JSON in the registry's form: one with a known id adds its names to that entity, in front, and
    `"drop": {language: [names]}` takes names away. `merges` are pairs (id, the id that it now means), local ids too.
    """

    rows: tuple[str, ...] = ()
    merges: tuple[tuple[str, str], ...] = ()


NOTHING = Own()


@dataclass(frozen=True, slots=True)
class Catalogue:
    entities: Mapping[str, Entity]
    merged: Mapping[str, str] = field(default_factory=dict)  # an id that is no longer used -> the one that it means

    def current(self, entity: str) -> str:
        """The id that an id means today."""
        return self.merged.get(entity, entity)

    def __getitem__(self, entity: str) -> Entity:
        return self.entities[entity]

    def __contains__(self, entity: object) -> bool:
        return entity in self.entities

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.entities.values())

    def __len__(self) -> int:
        return len(self.entities)


@lru_cache(maxsize=4)
def catalogue(own: Own = NOTHING) -> Catalogue:
    """The registry, in the order of its files, with a user's own entities and decisions."""
    if own == NOTHING:
        return _packaged()
    entities = dict(_packaged().entities)
    for row in map(json.loads, own.rows):
        entities[row["id"]] = _extended(entities.get(row["id"]), row)
    merged = _followed(dict(own.merges))
    for old, into in merged.items():
        if old in entities and into in entities:
            entities[into] = _joined(entities[into], entities.pop(old))
    return Catalogue(MappingProxyType(entities), MappingProxyType(merged))


def _followed(merges: Mapping[str, str]) -> dict[str, str]:
    """Each merged id with the last one of its chain."""
    last: dict[str, str] = {}
    for old in merges:
        into, seen = merges[old], {old}
        while into in merges and into not in seen:
            seen.add(into)
            into = merges[into]
        if into != old:
            last[old] = into
    return last


def _extended(known: Entity | None, row: Mapping[str, Any]) -> Entity:
    if known is None:
        return _entity(row)
    drop = {language: set(names) for language, names in row.get("drop", {}).items()}
    return replace(
        known,
        names=_without(_both(*_in_order(row, known)), drop) or known.names,
        former=_without(_both(row.get("former", {}), known.former), drop),
        ambiguous=known.ambiguous | set(row.get("ambiguous", ())),
        ids={**known.ids, **row.get("ids", {})},
        **{key: row[key] for key in ("country", "parent", "level", "field", "sector") if key in row},
    )


def _in_order(row: Mapping[str, Any], known: Entity) -> tuple[Mapping[str, Iterable[str]], Mapping[str, Iterable[str]]]:
    """What a person wrote comes first; what a sync brought, which names its source, comes last."""
    names = row.get("names", {})
    return (known.names, names) if "source" in row else (names, known.names)


def _without(names: Mapping[str, tuple[str, ...]], drop: Mapping[str, set[str]]) -> dict[str, tuple[str, ...]]:
    kept = {lang: tuple(name for name in listed if name not in drop.get(lang, ())) for lang, listed in names.items()}
    return {language: listed for language, listed in kept.items() if listed}


def _joined(into: Entity, old: Entity) -> Entity:
    return replace(
        into,
        names=_both(into.names, old.names),
        former=_both(into.former, old.former),
        ambiguous=into.ambiguous | old.ambiguous,
    )


def _both(first: Mapping[str, Iterable[str]], second: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Names by language, those of the first before the others, each once."""
    languages = dict.fromkeys((*first, *second))
    return {lang: tuple(dict.fromkeys((*first.get(lang, ()), *second.get(lang, ())))) for lang in languages}


@cache
def _packaged() -> Catalogue:
    root = files("digest.entities").joinpath("registry")
    entities: dict[str, Entity] = {}
    for folder in ("companies", "agencies"):
        for file in sorted(root.joinpath(folder).iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".jsonl"):
                entities |= {entity.id: entity for entity in _entities(file.read_text("utf-8"))}
    return Catalogue(MappingProxyType(entities))


def _entities(lines: str) -> Iterator[Entity]:
    return (_entity(json.loads(line)) for line in lines.splitlines() if line.strip())


def _entity(row: Mapping[str, Any]) -> Entity:
    return Entity(
        id=row["id"],
        kind=row["kind"],
        country=row["country"] or "",
        names={language: tuple(names) for language, names in row["names"].items()},
        former={language: tuple(names) for language, names in row.get("former", {}).items()},
        ambiguous=frozenset(row.get("ambiguous", ())),
        parent=row.get("parent"),
        level=row.get("level", ""),
        field=row.get("field", ""),
        sector=row.get("sector", ""),
        tickers=tuple(row.get("tickers", ())),
        ids=row.get("ids", {}),
    )
