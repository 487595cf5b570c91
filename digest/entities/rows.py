"""Rows of the registry that a person wrote: checked, their names cleaned."""

import re
from collections.abc import Mapping
from typing import Any

from digest.entities.catalogue import Catalogue
from digest.languages import LANGUAGES, base, clean

__all__ = ["Row", "checked", "entity_id"]

Row = dict[str, Any]

_LONGEST = 200  # characters of a name
_LOCAL = re.compile(r"local:(company|agency):[0-9a-f]{12}")
_ID = re.compile(r"(company|agency):[a-z0-9][a-z0-9-]{0,80}")
_TEXTS = ("level", "field", "sector", "parent")
_NAMES = ("names", "former", "drop")
_LISTS = ("ambiguous", "tickers")
_KEYS = frozenset(("id", "kind", "country", "ids", "source", *_TEXTS, *_NAMES, *_LISTS))


def checked(row: Mapping[str, Any], known: Catalogue) -> Row:
    """The row with its names cleaned. ValueError says what is wrong, in the user's words."""
    number = row.get("id")
    if not isinstance(number, str) or not _ID.fullmatch(number):
        raise ValueError(f"{number!r} is no id; write company: or agency: and small letters, digits and hyphens")
    if unknown := sorted(set(row) - _KEYS):
        raise ValueError(f"{unknown[0]!r} is not a key of an entity; the keys are {', '.join(sorted(_KEYS))}")
    cleaned = {**row, **{key: _names(key, row[key]) for key in _NAMES if key in row}}
    if number not in known:
        cleaned |= {"kind": _kind(number, row), "country": row.get("country") or "", "names": cleaned.get("names", {})}
        if not cleaned["names"]:
            raise ValueError(f'{number} has no name; write names, e.g. {{"en": ["Acme Corporation"]}}')
    elif row.get("kind", known[number].kind) != known[number].kind:
        raise ValueError(f"{number} is a {known[number].kind}, not a {row['kind']}")
    for key in _LISTS:
        if not _are_texts(row.get(key, [])):
            raise ValueError(f"{key} is not a list of texts")
    ids = row.get("ids", {})
    if not isinstance(ids, dict) or not all(isinstance(one, str) for one in ids.values()):
        raise ValueError('ids is not a list of ids by kind; write e.g. {"wikidata": "Q1"}')
    for key in _TEXTS:
        if not isinstance(row.get(key, ""), str):
            raise ValueError(f"{key} is not a text")
    if not re.fullmatch("[A-Z]{2}|INT|", str(row.get("country") or "")):
        raise ValueError(f"{row['country']!r} is not a country code; write two capital letters, e.g. DE")
    return cleaned


def _kind(number: str, row: Mapping[str, Any]) -> str:
    kind = number.partition(":")[0]
    if row.get("kind", kind) != kind:
        raise ValueError(f"the id {number} says {kind}, the kind says {row['kind']}")
    return kind


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _names(key: str, value: object) -> dict[str, list[str]]:
    if not isinstance(value, dict) or not all(_are_texts(listed) for listed in value.values()):
        raise ValueError(f'{key} is not names by language; write e.g. {{"en": ["Acme"], "zh": ["艾克米"]}}')
    for language in value:
        if base(str(language)) not in LANGUAGES:
            raise ValueError(f"{language!r} is not a language that Digest knows; write a code such as en or zh")
    return {language: [_name(one) for one in listed] for language, listed in value.items()}


def _name(written: str) -> str:
    name = clean(written)
    if not name or len(name) > _LONGEST:
        raise ValueError(f"a name is empty or has over {_LONGEST} characters: {name[:40]!r}")
    return name


def entity_id(value: object) -> str:
    """The value, if it is an id of the registry's form or a local one; else ValueError."""
    if not isinstance(value, str) or not (_ID.fullmatch(value) or _LOCAL.fullmatch(value)):
        raise ValueError(f"{value!r} is no id of an entity; `digest entities find` shows ids")
    return value
