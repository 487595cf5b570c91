"""The folder `entities/` beside feeds.yaml: a person's own companies and agencies, and decisions on names.

Each `*.jsonl` file holds rows in the registry's form; `decisions.jsonl`, which the commands append to, holds merges
`{"merge": id, "into": id}` and splits `{"split": id, "name": name, "into": id or null}`. What stands later wins.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from digest.entities.catalogue import Catalogue, Own, catalogue
from digest.entities.rows import Row, checked, entity_id
from digest.entities.unlisted import local_id
from digest.errors import ConfigError
from digest.languages import clean

__all__ = ["OwnEntities"]

DECISIONS = "decisions.jsonl"
ADDED = "own.jsonl"
SYNCED = "wikidata.jsonl"
MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class OwnEntities:
    """The folder, and the rows that feeds.yaml itself lists."""

    folder: Path
    listed: tuple[str, ...] = ()

    # --- reading -----------------------------------------------------------------------------------------------------

    def read(self, *, synced: bool = True) -> Own:
        """All that was added and decided, with a sync's rows or without. ConfigError names the line of a mistake."""
        known = catalogue()
        rows: list[Row] = [json.loads(row) for row in self.listed]
        for place, row in self._rows(synced):
            try:
                rows.append(checked(row, known))
            except ValueError as error:
                raise ConfigError(place, str(error), "correct the line, or remove it") from error
        merges: dict[str, str] = {}
        for place, decision in self._decisions():
            try:
                self._decide(decision, rows, merges)
            except (ValueError, KeyError) as error:
                raise ConfigError(place, str(error), "correct the line, or remove it") from error
        merges = _of_names(rows) | merges
        return Own(tuple(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows), tuple(merges.items()))

    def _rows(self, synced: bool) -> Iterator[tuple[str, Row]]:
        for path in sorted(self.folder.glob("*.jsonl")) if self.folder.is_dir() else ():
            if path.name != DECISIONS and (synced or path.name != SYNCED):
                yield from _lines(path)

    def _decisions(self) -> Iterator[tuple[str, Row]]:
        path = self.folder / DECISIONS
        return _lines(path) if path.exists() else iter(())

    def _decide(self, decision: Row, rows: list[Row], merges: dict[str, str]) -> None:
        if "merge" in decision:
            old, into = entity_id(decision["merge"]), entity_id(decision["into"])
            if old == into:
                raise ValueError(f"{old} is merged into itself")
            merges.pop(into, None)  # the later decision wins: what was merged away stands again
            merges[old] = into
        elif "split" in decision:
            known = catalogue(Own(tuple(json.dumps(row) for row in rows)))
            rows += _split(known, entity_id(decision["split"]), str(decision["name"]), decision.get("into"))
        else:
            raise ValueError("a decision is neither a merge nor a split")

    # --- deciding ----------------------------------------------------------------------------------------------------

    def add(self, row: Mapping[str, Any]) -> Row:
        """Writes an entity, or more names of a known one; ValueError says what is wrong with it."""
        good = checked(row, catalogue(self.read()))
        self._append(ADDED, good)
        return good

    def replace_synced(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes what a sync brought, in place of what the last one did; all of it or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        waiting = self.folder / f"{SYNCED}.new"
        waiting.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        waiting.replace(self.folder / SYNCED)

    def merge(self, old: str, into: str, now: datetime) -> None:
        """From now on, and in what is stored, `old` means `into`. ValueError where that makes no sense."""
        own = self.read()
        known = catalogue(own)
        old, into = entity_id(old), known.current(entity_id(into))
        if old == into:
            raise ValueError(f"{old} and {into} are one already")
        if old.removeprefix("local:").partition(":")[0] != into.removeprefix("local:").partition(":")[0]:
            raise ValueError("a company and an agency cannot be one")
        if not into.startswith("local:") and into not in known:
            raise ValueError(f"no entity has the id {into}; `digest entities find` shows ids")
        self._append(DECISIONS, {"merge": old, "into": into, "at": now.isoformat(timespec="seconds")})

    def split(self, entity: str, name: str, into: str | None, now: datetime) -> None:
        """From now on `name` no longer means `entity`, but `into`, or an entity of its own."""
        own = self.read()
        _split(catalogue(own), entity_id(entity), name, into)
        decision = {"split": entity, "name": clean(name), "into": into, "at": now.isoformat(timespec="seconds")}
        self._append(DECISIONS, decision)

    def _append(self, name: str, row: Mapping[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps(row, ensure_ascii=False) + "\n"
        path = self.folder / name
        with path.open("a+b") as file:
            file.seek(0, os.SEEK_END)
            if file.tell() and not _ends_with_newline(path):  # what a crash left half-written stays apart
                line = "\n" + line
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _lines(path: Path) -> Iterator[tuple[str, Row]]:
    """Each row with its file and line."""
    if path.stat().st_size > MAX_BYTES:
        raise ConfigError(str(path), "the file is larger than 50 MB", "split it, or remove what is not needed")
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        place = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ConfigError(place, "the line is not JSON", "correct it, or remove it") from error
        if not isinstance(row, dict):
            raise ConfigError(place, "the line is not an object", 'write {"id": ..., "names": ...}')
        yield place, row


def _split(known: Catalogue, entity: str, name: str, into: object) -> list[Row]:
    """Rows that take a name from an entity and give it to another one."""
    if entity not in known:
        raise ValueError(f"no entity of the registry or of your own has the id {entity}")
    languages = [lang for lang, one in known[entity].aliases() if one == name]
    if not languages:
        raise ValueError(f"{entity} has no name {name!r}; `digest entities show {entity}` lists its names")
    rows: list[Row] = [{"id": entity, "drop": {language: [name] for language in languages}}]
    if into is not None:
        other = entity_id(into)
        if other not in known:
            raise ValueError(f"no entity of the registry or of your own has the id {other}")
        rows.append({"id": other, "names": {language: [name] for language in languages}})
    return rows


def _of_names(rows: Sequence[Row]) -> dict[str, str]:
    """The local ids under which the names of these entities were counted until now."""
    return {
        local_id(row["id"].partition(":")[0], name): row["id"]
        for row in rows
        for key in ("names", "former")
        for name in _all(row.get(key, {}).values())
        if name not in row.get("ambiguous", ())
    }


def _all(lists: Iterable[list[str]]) -> Iterator[str]:
    return (name for listed in lists for name in listed)
