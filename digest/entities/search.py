"""Names that a person looks for: exact ones first, then parts of names, then what is spelt alike in any script."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from anyascii import anyascii

from digest.entities.catalogue import NOTHING, Entity, Own, catalogue
from digest.entities.names import normal

__all__ = ["Hit", "find"]

_ALIKE = 0.82  # of the letters, in Latin script
_HAN = re.compile("[\u3400-\u9fff]")  # two Chinese names that only sound alike are two names
_SHORT = 3  # letters: below, everything looks alike


@dataclass(frozen=True, slots=True)
class Hit:
    """An entity with the name that was found, and how near it is to what was looked for: 1 is the same."""

    entity: Entity
    name: str
    nearness: float


def find(wanted: str, own: Own = NOTHING, limit: int = 20) -> list[Hit]:
    """The nearest entities, each once."""
    query = normal(wanted)
    if not query:
        return []
    letters = _latin(query)
    best: dict[str, Hit] = {}
    for entity, name, plain, latin in _names(own):
        nearness = _nearness(query, letters, plain, latin)
        if nearness and (entity.id not in best or best[entity.id].nearness < nearness):
            best[entity.id] = Hit(entity, name, round(nearness, 3))
    return sorted(best.values(), key=lambda hit: (-hit.nearness, hit.entity.id))[:limit]


def _nearness(query: str, letters: str, plain: str, latin: str) -> float:
    if query == plain:
        return 1.0
    if len(query) > 1 and query in plain:
        return 0.9 * (0.5 + 0.5 * len(query) / len(plain))
    if (
        len(letters) < _SHORT
        or (_HAN.search(query) and _HAN.search(plain))
        or not 0.6 < len(letters) / max(1, len(latin)) < 1.7
    ):
        return 0.0
    matcher = SequenceMatcher(None, letters, latin, autojunk=False)
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    ratio = matcher.ratio()
    return 0.89 * ratio if ratio >= _ALIKE else 0.0


@lru_cache(maxsize=2)
def _names(own: Own) -> Sequence[tuple[Entity, str, str, str]]:
    return tuple(_forms(own))


def _forms(own: Own) -> Iterator[tuple[Entity, str, str, str]]:
    for entity in catalogue(own):
        for name in dict.fromkeys(name for _, name in entity.aliases()):
            plain = normal(name)
            yield entity, name, plain, _latin(plain)


def _latin(plain: str) -> str:
    return str(anyascii(plain)).casefold().replace(" ", "")
