"""Names and ids from Wikidata, from a SPARQL endpoint or a JSON dump that the user names.

An item is taken for an entity if two of its names, different from each other, are names of that entity: one name alone
is shared by too many things. Of several such items the one with most agreeing names is taken; a tie is told and left.
Ids come only with the check digits that their standards ask for: LEI (ISO 17442, modulo 97), ISIN (ISO 6166, Luhn).
"""

import bz2
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from digest.entities.catalogue import Catalogue, Entity
from digest.entities.names import normal
from digest.errors import DigestError
from digest.languages import LANGUAGES, clean
from digest.records import Document, Failure

__all__ = ["Item", "Sync", "from_dump", "from_endpoint", "matched"]

BATCH = 40  # names or items in one question, so that its address stays short
ALIASES = 5  # of an item in a language
LONGEST = 80  # characters of a name that is taken over
PROPERTIES = {"P1278": "lei", "P946": "isin"}
# Wikidata's own endpoint knows these by itself, others of its form want them told.
PREFIXES = (
    "PREFIX wd: <http://www.wikidata.org/entity/> PREFIX wdt: <http://www.wikidata.org/prop/direct/> "
    "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
)
# Codes that Wikidata writes otherwise.
CODES = {"zh-hans": "zh", "zh-cn": "zh", "zh-hant": "zh-Hant", "zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "no": "nb"}


@dataclass(frozen=True, slots=True)
class Item:
    """What Wikidata says of one thing: names by our language codes, the label first, and ids by their kind."""

    id: str
    names: Mapping[str, Sequence[str]]
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sync:
    """Rows for entities/wikidata.jsonl, and what was found: entity -> item, and entities with several equal items."""

    rows: tuple[dict[str, Any], ...]
    matched: Mapping[str, str]
    ambiguous: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> int:
        return sum(len(listed) for row in self.rows for listed in row["names"].values())

    @property
    def ids(self) -> int:
        return sum(len(row["ids"]) - 1 for row in self.rows)  # besides the item's own


class Getter(Protocol):
    async def get(self, url: str, *, accept: str) -> Document | Failure: ...


# --- matching --------------------------------------------------------------------------------------------------------


def matched(items: Iterable[Item], known: Catalogue, day: date) -> Sync:
    """Which item is which entity, and what it adds."""
    index = _index(known)
    found: dict[str, dict[str, tuple[int, Item]]] = defaultdict(dict)
    for item in items:
        for entity, agreeing in _agreements(item, index).items():
            if agreeing > 1:
                found[entity][item.id] = (agreeing, item)
    rows, taken, ambiguous = [], {}, {}
    for entity, candidates in found.items():
        ranked = sorted(candidates.values(), key=lambda pair: (-pair[0], pair[1].id))
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            ambiguous[entity] = tuple(item.id for score, item in ranked if score == ranked[0][0])
        else:
            taken[entity] = ranked[0][1].id
            rows.append(_row(known[entity], ranked[0][1], index, day))
    return Sync(tuple(rows), taken, ambiguous)


Index = Mapping[str, frozenset[str]]  # a name's normal form -> the entities that bear it


def _index(known: Catalogue) -> Index:
    names: dict[str, set[str]] = defaultdict(set)
    for entity in known:
        for _, name in entity.aliases():
            names[normal(name)].add(entity.id)
    return {name: frozenset(entities) for name, entities in names.items()}


def _agreements(item: Item, index: Index) -> Counter[str]:
    """How many different names of the item each entity bears."""
    plain = {normal(name) for names in item.names.values() for name in names}
    return Counter(entity for name in plain for entity in index.get(name, ()))


def _row(entity: Entity, item: Item, index: Index, day: date) -> dict[str, Any]:
    names: dict[str, list[str]] = {}
    for language, listed in item.names.items():
        new = [name for name in listed[: ALIASES + 1] if _is_usable(name) and not index.get(normal(name))]
        if new:
            names[language] = list(dict.fromkeys(new))
    ids = {kind: value for kind, value in item.ids.items() if CHECKS[kind](value)}
    return {
        "id": entity.id,
        "names": names,
        "ids": {"wikidata": item.id, **ids},
        "source": f"Wikidata {item.id}, {day.isoformat()}",
    }


def _is_usable(name: str) -> bool:
    """No tickers, no bracketed explanations, nothing that is longer than a name or shorter than one."""
    shortest = 4 if name.isascii() else 2
    return shortest <= len(name) <= LONGEST and not re.search(r"[()\[\]{}<>|]|^\d+$", name) and len(normal(name)) > 1


def _is_lei(value: str) -> bool:
    return bool(re.fullmatch("[A-Z0-9]{18}[0-9]{2}", value)) and int(_digits(value)) % 97 == 1


def _is_isin(value: str) -> bool:
    if not re.fullmatch("[A-Z]{2}[A-Z0-9]{9}[0-9]", value):
        return False
    digits = [int(digit) for digit in reversed(_digits(value))]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0


def _digits(value: str) -> str:
    return "".join(str(int(letter, 36)) for letter in value)


CHECKS = {"lei": _is_lei, "isin": _is_isin}


# --- a dump ----------------------------------------------------------------------------------------------------------

_LABEL = re.compile(rb'"en":\{"language":"en","value":"((?:[^"\\]|\\.)*)"')


def from_dump(path: Path, known: Catalogue) -> Iterator[Item]:
    """Items of a JSON dump (one a line, plain, .gz or .bz2) whose English label some entity bears; constant memory."""
    index = _index(known)
    try:
        with _opened(path) as lines:
            for line in lines:
                label = _LABEL.search(line)
                if label and normal(_text(label[1])) in index and (item := _item(line)):
                    yield item
    except (OSError, EOFError) as error:
        raise DigestError(
            str(path), f"the dump cannot be read ({error})", "name a .json, .json.gz or .json.bz2"
        ) from error


def _opened(path: Path) -> AbstractContextManager[Iterable[bytes]]:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return bz2.open(path, "rb") if path.suffix == ".bz2" else path.open("rb")


def _text(raw: bytes) -> str:
    try:
        return str(json.loads(b'"' + raw + b'"'))
    except ValueError:
        return ""


def _item(line: bytes) -> Item | None:
    """The item of a line; None for a line that is none."""
    try:
        row = json.loads(line.rstrip().rstrip(b","))
        names: dict[str, list[str]] = {}
        for code, label in row["labels"].items():
            _add(names, code, label["value"])
        for code, aliases in row.get("aliases", {}).items():
            for alias in aliases:
                _add(names, code, alias["value"])
        return Item(str(row["id"]), names, dict(_claims(row.get("claims", {}))))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _claims(claims: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for number, kind in PROPERTIES.items():
        for claim in claims.get(number, []):
            value = claim.get("mainsnak", {}).get("datavalue", {}).get("value")
            if isinstance(value, str) and claim.get("rank") != "deprecated":
                yield kind, value
                break


def _add(names: dict[str, list[str]], code: str, name: str) -> None:
    language = CODES.get(code, code)
    cleaned = clean(str(name))
    if language.partition("-")[0] in LANGUAGES and cleaned and cleaned not in names.setdefault(language, []):
        names[language].append(cleaned)


# --- an endpoint -----------------------------------------------------------------------------------------------------


async def from_endpoint(url: str, known: Catalogue, getter: Getter) -> list[Item]:
    """Items of a SPARQL endpoint that bear English names of the entities. DigestError if it does not answer as one."""
    items: dict[str, None] = {}
    for names in _batches(shown_names(known)):
        for row in await _asked(url, _by_name(names), getter):
            if number := _number(row):
                items[number] = None
    found: dict[str, tuple[dict[str, list[str]], dict[str, str]]] = {}
    for numbers in _batches(list(items)):
        for row in await _asked(url, _details(numbers), getter):
            _collect(row, found)
    return [Item(number, names, ids) for number, (names, ids) in found.items()]


def shown_names(known: Catalogue) -> list[str]:
    """The English names to ask for."""
    return list(dict.fromkeys(entity.names["en"][0] for entity in known if entity.names.get("en")))


def _by_name(names: Sequence[str]) -> str:
    values = " ".join(json.dumps(name, ensure_ascii=False) + "@en" for name in names)
    return f"SELECT DISTINCT ?item WHERE {{ VALUES ?name {{ {values} }} ?item rdfs:label|skos:altLabel ?name . }}"


def _details(numbers: Sequence[str]) -> str:
    values = " ".join(f"wd:{number}" for number in numbers)
    codes = ", ".join(json.dumps(code) for code in (*LANGUAGES, *CODES))
    parts = [
        f"{{ ?item rdfs:label ?value . FILTER(LANG(?value) IN ({codes})) BIND('label' AS ?key) }}",
        f"{{ ?item skos:altLabel ?value . FILTER(LANG(?value) IN ({codes})) BIND('alias' AS ?key) }}",
        *(f"{{ ?item wdt:{number} ?value . BIND('{kind}' AS ?key) }}" for number, kind in PROPERTIES.items()),
    ]
    where = f"VALUES ?item {{ {values} }} {' UNION '.join(parts)}"
    return f"SELECT ?item ?key ?value WHERE {{ {where} }} ORDER BY ?item DESC(?key)"


async def _asked(url: str, query: str, getter: Getter) -> list[Mapping[str, Any]]:
    address = f"{url}{'&' if '?' in url else '?'}{urlencode({'query': PREFIXES + query, 'format': 'json'})}"
    answer = await getter.get(address, accept="application/sparql-results+json")
    if isinstance(answer, Failure):
        raise DigestError(url, f"the endpoint does not answer ({answer.reason})", "try again later, or use --dump")
    try:
        rows = json.loads(answer.body)["results"]["bindings"]
    except (ValueError, KeyError, TypeError) as error:
        raise DigestError(url, "the answer is no SPARQL result in JSON", "name a SPARQL endpoint") from error
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _number(row: Mapping[str, Any]) -> str:
    found = re.search(r"/(Q\d{1,12})$", str(_value(row, "item")))
    return found[1] if found else ""


def _value(row: Mapping[str, Any], key: str) -> str:
    cell = row.get(key)
    return str(cell.get("value", "")) if isinstance(cell, dict) else ""


def _collect(row: Mapping[str, Any], found: dict[str, tuple[dict[str, list[str]], dict[str, str]]]) -> None:
    number, key, value = _number(row), _value(row, "key"), _value(row, "value")
    if not number or not value:
        return
    names, ids = found.setdefault(number, ({}, {}))
    if key in PROPERTIES.values():
        ids.setdefault(key, value)
    elif key in {"label", "alias"}:
        _add(names, str(row["value"].get("xml:lang", "")), value)


def _batches(items: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
