"""The registry of companies and agencies, read from the data files in registry/ once in each process."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

__all__ = ["Catalogue", "Entity", "Kind", "catalogue"]

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
class Catalogue:
    entities: Mapping[str, Entity]

    def __getitem__(self, entity: str) -> Entity:
        return self.entities[entity]

    def __contains__(self, entity: object) -> bool:
        return entity in self.entities

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.entities.values())

    def __len__(self) -> int:
        return len(self.entities)


@cache
def catalogue() -> Catalogue:
    """Everything in the registry, in the order of its files."""
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
    )
