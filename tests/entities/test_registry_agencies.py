"""Checks on the agency half of the entity registry, read as plain data."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import digest

AGENCIES = Path(digest.__file__).parent / "entities" / "registry" / "agencies"
FILES = [
    *("asia-pacific", "china", "eu", "europe-other", "france", "germany", "iberia", "international", "italy"),
    *("japan", "korea", "latin-america", "middle-east-africa", "russia", "taiwan-hongkong", "uk", "us"),
]
LEVELS = {"national", "regional", "local", "international"}
FIELDS = {
    *("competition", "finance", "securities", "central-bank", "data-protection", "internet", "telecom", "media"),
    *("drugs", "food", "health", "aviation", "transport", "energy", "environment", "tax", "trade", "industry"),
    *("consumer", "justice", "court", "prosecution", "police", "security", "defence", "interior", "foreign"),
    *("labour", "education", "culture", "parliament", "government", "statistics", "international"),
}
KEYS = ["id", "kind", "country", "level", "field", "parent", "names", "former", "ambiguous"]
OPTIONAL = {"parent", "former", "ambiguous"}
# A few that news cannot be tagged without, each in the form its own press prints.
EXPECTED = {
    "agency:cn-cac": "国家网信办",
    "agency:cn-mps": "公安部",
    "agency:cn-samr": "市场监管总局",
    "agency:us-ftc": "Federal Trade Commission",
    "agency:us-sec": "Securities and Exchange Commission",
    "agency:eu-commission": "European Commission",
    "agency:de-bkarta": "Bundeskartellamt",
    "agency:fr-adlc": "Autorité de la concurrence",
    "agency:gb-cma": "Competition and Markets Authority",
    "agency:jp-jftc": "公正取引委員会",
    "agency:kr-ftc": "공정거래위원회",
    "agency:ru-fas": "ФАС",
    "agency:br-cade": "Cade",
    "agency:it-agcm": "Antitrust",
    "agency:es-cnmc": "CNMC",
    "agency:int-who": "World Health Organization",
}

Agency = dict[str, Any]


@cache
def lines() -> tuple[tuple[str, Agency], ...]:
    """Every line of every file with where it stands ("china:12")."""
    found: list[tuple[str, Agency]] = []
    for path in sorted(AGENCIES.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            entry = json.loads(line)
            assert isinstance(entry, dict), f"{path.stem}:{number}"
            found.append((f"{path.stem}:{number}", entry))
    return tuple(found)


def name_lists(agency: Agency) -> list[tuple[str, list[str]]]:
    """The agency's lists of names, present and former, each with a label."""
    return [
        (f"{agency['id']} {group} {language}", names)
        for group in ("names", "former")
        for language, names in agency.get(group, {}).items()
    ]


def folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def test_the_files_are_all_there_and_have_no_blank_line() -> None:
    assert sorted(path.stem for path in AGENCIES.iterdir()) == FILES
    for path in AGENCIES.glob("*.jsonl"):
        text = path.read_text(encoding="utf-8")
        assert text.endswith("\n"), path.stem
        assert "\n\n" not in text, path.stem


def test_keys_and_their_order() -> None:
    for where, agency in lines():
        assert list(agency) == [key for key in KEYS if key in agency], where
        assert set(KEYS) - set(agency) <= OPTIONAL, where
        assert all(agency[key] for key in agency), f"{where}: an empty value"
        assert agency["kind"] == "agency", where


def test_ids_are_unique_and_well_formed() -> None:
    seen: set[str] = set()
    for where, agency in lines():
        prefix = agency["country"].lower()
        assert re.fullmatch(rf"agency:{prefix}-[a-z0-9]+(-[a-z0-9]+)*", agency["id"]), where
        assert agency["id"] not in seen, where
        seen.add(agency["id"])


def test_country_level_and_field() -> None:
    for where, agency in lines():
        assert re.fullmatch(r"[A-Z]{2}|INT", agency["country"]), where
        assert agency["level"] in LEVELS, where
        assert agency["field"] in FIELDS, where
        assert (agency["level"] == "international") == (agency["country"] == "INT"), where


def test_parents_exist_and_make_no_circle() -> None:
    parents: dict[str, str | None] = {agency["id"]: agency.get("parent") for _, agency in lines()}
    for start in parents:
        chain = [start]
        while (parent := parents[chain[-1]]) is not None:
            assert parent in parents, f"{chain[-1]}: no such parent {parent}"
            assert parent not in chain, f"{start}: a circle"
            chain.append(parent)


def test_names_are_clean() -> None:
    for _, agency in lines():
        for label, names in name_lists(agency):
            assert re.fullmatch(r"[a-z]{2,3}(-Hant)?", label.rsplit(" ", 1)[1]), label
            assert names, label
            for name in names:
                assert isinstance(name, str), label
                assert name, label
                assert name == " ".join(name.split()), f"{label}: {name!r} is not trimmed"
                assert unicodedata.is_normalized("NFC", name), f"{label}: {name!r} is not NFC"
                assert not set(name) & set("*;|\ufffd"), f"{label}: {name!r}"
            assert len({folded(name) for name in names}) == len(names), f"{label}: a name is listed twice"


def test_every_agency_has_an_english_name() -> None:
    assert [agency["id"] for _, agency in lines() if "en" not in agency["names"]] == []


def test_ambiguous_names_are_names_of_the_agency() -> None:
    for where, agency in lines():
        own = {name for _, names in name_lists(agency) for name in names}
        ambiguous = agency.get("ambiguous", [])
        assert set(ambiguous) <= own, f"{where}: {set(ambiguous) - own}"
        assert len(set(ambiguous)) == len(ambiguous), where


def test_no_name_of_two_agencies_goes_unflagged() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for _, agency in lines():
        for _, names in name_lists(agency):
            for name in names:
                owners[folded(name)].add(agency["id"])
    unflagged = [
        (agency["id"], name)
        for _, agency in lines()
        for _, names in name_lists(agency)
        for name in names
        if len(owners[folded(name)]) > 1 and name not in agency.get("ambiguous", [])
    ]
    assert unflagged == []


def test_an_ambiguous_name_is_flagged_in_every_spelling() -> None:
    for where, agency in lines():
        flagged = {folded(name) for name in agency.get("ambiguous", [])}
        for label, names in name_lists(agency):
            for name in names:
                if folded(name) in flagged:
                    assert name in agency["ambiguous"], f"{where} {label}: {name!r}"


def test_each_agency_keeps_a_name_of_its_own() -> None:
    """A body every name of which is ambiguous could be linked only by luck."""
    for where, agency in lines():
        own = {name for _, names in name_lists(agency) for name in names}
        assert own - set(agency.get("ambiguous", [])), where


def test_size_and_spread() -> None:
    agencies = [agency for _, agency in lines()]
    assert len(agencies) >= 200
    assert len({agency["country"] for agency in agencies} - {"EU", "INT"}) >= 40
    assert {agency["field"] for agency in agencies} == FIELDS
    assert sum(agency["country"] == "INT" for agency in agencies) >= 20


@pytest.mark.parametrize(("identifier", "name"), EXPECTED.items())
def test_the_best_known_are_listed_under_their_press_names(identifier: str, name: str) -> None:
    agency = next(agency for _, agency in lines() if agency["id"] == identifier)
    assert name in {names[0] for names in agency["names"].values()}
