"""Checks on the company half of the entity registry, which is data written by hand."""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import digest

FOLDER = Path(digest.__file__).parent / "entities" / "registry" / "companies"
FILES = sorted(FOLDER.glob("*.jsonl"))

KEYS = ["id", "kind", "country", "sector", "parent", "tickers", "names", "former", "ambiguous"]
REQUIRED = {"id", "kind", "country", "sector", "names"}
LANGUAGE = re.compile(r"[a-z]{2}(-Hant)?")

Entry = dict[str, Any]


def read(path: Path) -> list[Entry]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


ENTRIES: list[Entry] = [entry for path in FILES for entry in read(path)]
BY_ID: dict[str, Entry] = {entry["id"]: entry for entry in ENTRIES}


def aliases(entry: Entry) -> Iterator[tuple[str, str]]:
    """Every (language, name) of an entry, former names too."""
    for field in ("names", "former"):
        for language, names in entry.get(field, {}).items():
            for name in names:
                yield language, name


def fold(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def ancestors(entry: Entry) -> list[str]:
    """The ids above an entry; a loop is an assertion error."""
    found: list[str] = []
    while "parent" in entry:
        parent = entry["parent"]
        assert parent not in found, f"{entry['id']}: parents go round in a circle"
        found.append(parent)
        entry = BY_ID[parent]
    return found


def scripts(name: str) -> set[str]:
    """The writing systems in a name, as the first word of each letter's Unicode name."""
    return {unicodedata.name(char).split()[0] for char in name if unicodedata.category(char) in ("Lo", "Lu", "Ll")}


def test_there_are_enough_companies() -> None:
    assert len(ENTRIES) >= 250


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_is_compact_nfc_json_lines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert unicodedata.is_normalized("NFC", text)
    for line in text.splitlines():
        entry = json.loads(line)
        assert line == json.dumps(entry, ensure_ascii=False, separators=(",", ":")), line


def test_ids_are_unique_ascii_slugs() -> None:
    seen: set[str] = set()
    for entry in ENTRIES:
        assert re.fullmatch(r"company:[a-z0-9]+(-[a-z0-9]+)*", entry["id"]), entry["id"]
        assert entry["id"] not in seen, entry["id"]
        seen.add(entry["id"])


def test_entries_have_the_known_fields_in_order() -> None:
    for entry in ENTRIES:
        assert set(entry) >= REQUIRED, entry["id"]
        assert list(entry) == [key for key in KEYS if key in entry], entry["id"]
        assert all(entry.values()), f"{entry['id']}: an empty field"
        assert entry["kind"] == "company"
        assert re.fullmatch(r"[A-Z]{2}", entry["country"]), entry["id"]
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", entry["sector"]), entry["id"]
        for ticker in entry.get("tickers", []):
            assert re.fullmatch(r"[A-Z0-9&.-]+", ticker), f"{entry['id']}: {ticker}"


def test_parents_are_companies_of_the_registry() -> None:
    for entry in ENTRIES:
        if "parent" in entry:
            assert entry["parent"] in BY_ID, f"{entry['id']}: no {entry['parent']}"
            ancestors(entry)


def test_names_are_clean() -> None:
    for entry in ENTRIES:
        assert entry["names"].get("en"), f"{entry['id']}: no English name"
        for field in ("names", "former"):
            for language, names in entry.get(field, {}).items():
                assert LANGUAGE.fullmatch(language), f"{entry['id']}: {language}"
                assert names, f"{entry['id']}: {language} is empty"
        for language, name in aliases(entry):
            where = f"{entry['id']}, {language}: {name!r}"
            assert name, where
            assert name == " ".join(name.split()), where
            assert unicodedata.is_normalized("NFC", name), where


def test_no_name_is_given_twice_in_one_language() -> None:
    for entry in ENTRIES:
        seen: set[tuple[str, str]] = set()
        for language, name in aliases(entry):
            assert (language, name) not in seen, f"{entry['id']}, {language}: {name!r}"
            seen.add((language, name))


def test_names_are_in_a_script_of_their_language() -> None:
    allowed = {
        "zh": {"CJK"},
        "zh-Hant": {"CJK"},
        "ja": {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "FULLWIDTH"},
        "ko": {"HANGUL"},
        "ar": {"ARABIC"},
        "fa": {"ARABIC"},
        "ur": {"ARABIC"},
        "ru": {"CYRILLIC"},
        "uk": {"CYRILLIC"},
        "kk": {"CYRILLIC"},
        "he": {"HEBREW"},
        "hi": {"DEVANAGARI"},
        "bn": {"BENGALI"},
        "th": {"THAI"},
        "el": {"GREEK"},
    }
    for entry in ENTRIES:
        for language, name in aliases(entry):
            assert scripts(name) <= allowed.get(language, set()) | {"LATIN"}, f"{entry['id']}, {language}: {name!r}"


def test_ambiguous_names_are_names_of_the_entry() -> None:
    for entry in ENTRIES:
        known = {name for _, name in aliases(entry)}
        flagged = entry.get("ambiguous", [])
        assert len(set(flagged)) == len(flagged), entry["id"]
        for name in flagged:
            assert name in known, f"{entry['id']}: {name!r}"


def test_very_short_names_are_flagged() -> None:
    """One character never stands for a company by itself; two Latin letters do in capitals only."""
    for entry in ENTRIES:
        flagged = {fold(name) for name in entry.get("ambiguous", [])}
        for language, name in aliases(entry):
            loose = len(name) == 1 or (len(name) == 2 and name.isascii() and name.isalpha() and not name.isupper())
            assert not loose or fold(name) in flagged, f"{entry['id']}, {language}: {name!r}"


def test_companies_share_no_unflagged_name() -> None:
    """One name for two companies needs the flag in both, unless one owns the other."""
    owners: dict[str, set[str]] = defaultdict(set)
    for entry in ENTRIES:
        flagged = {fold(name) for name in entry.get("ambiguous", [])}
        for _, name in aliases(entry):
            owners[fold(name)].add(entry["id"] if fold(name) not in flagged else f"{entry['id']} (flagged)")
    clashes = []
    for name, found in owners.items():
        ids = sorted(owner.removesuffix(" (flagged)") for owner in found)
        plain = sorted(owner for owner in found if not owner.endswith(" (flagged)"))
        for one in plain:
            for other in ids:
                related = other in ancestors(BY_ID[one]) or one in ancestors(BY_ID[other])
                if other != one and not related:
                    clashes.append(f"{name}: {one} and {other}")
    assert not clashes, "\n".join(clashes)
