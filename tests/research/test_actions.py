"""The table of acts: one row an act, whoever reports it."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from digest.edges.store import Store
from digest.records import Act, Mention
from digest.research.actions import COLUMNS, Wanted, actions, as_csv, as_json
from tests.ledger import ELBE, HANGANG, JINGHAI, LIANWAN, NOW, SOURCES, TOKIWA, new_ledger, put

SUMMON = Act("agency:cn-cac", "company:tencent", "summon", 0, 7, "网信办约谈腾讯", 0.9, total=11)
FINE = Act("agency:cn-samr", "company:tencent", "fine", 0, 7, "=罚款", 0.8, "done", date(2026, 3, 17), 2e6, "CNY")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = new_ledger(tmp_path / "digest.db")
    store = Store(database)
    store.sync_sources(SOURCES, NOW - timedelta(days=30))
    names = [Mention(0, 3, "网信办", "AGENCY", "agency:cn-cac", "Cyberspace Administration of China", 0.9, "alias")]
    first = put(store, JINGHAI, "网信办约谈腾讯", mentions=names, acts=[SUMMON])
    put(store, LIANWAN, "網信辦約談騰訊", acts=[SUMMON], copy_of=first)
    put(
        store,
        TOKIWA,
        "テンセントを聴取",
        acts=[replace(SUMMON, confidence=0.95, evidence="聴取", day=date(2026, 3, 18))],
    )
    put(store, HANGANG, "텐센트 과징금", story="s2", acts=[FINE])
    put(store, ELBE, "Bußgeld", story=None, acts=[replace(FINE, company="company:apple")])
    yield store
    database.close()


def test_reports_of_one_act_are_one_row(store: Store) -> None:
    (row,) = actions(store.database, Wanted(action="summon"))
    assert row["agency"] == "Cyberspace Administration of China"
    assert (row["reports"], row["languages"], row["total"]) == (2, "ja zh-Hans", 11)
    assert (row["evidence"], row["confidence"], row["day"]) == ("聴取", 0.95, "2026-03-18")


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Wanted(), 3),
        (Wanted(agency="agency:cn-samr"), 2),
        (Wanted(company="company:apple"), 1),
        (Wanted(action="fine"), 2),
        (Wanted(since=NOW.date() + timedelta(days=1)), 0),
        (Wanted(least=0.85), 1),
    ],
)
def test_rows_are_chosen(store: Store, wanted: Wanted, count: int) -> None:
    assert len(list(actions(store.database, wanted))) == count


def test_lines_of_csv_are_safe_to_open_and_those_of_json_whole(store: Store) -> None:
    header, *lines = csv.reader(as_csv(actions(store.database, Wanted(action="fine"))))
    assert tuple(header) == COLUMNS
    first = dict(zip(header, lines[0], strict=True))
    assert (first["evidence"], first["amount"], first["currency"]) == ("'=罚款", "2000000.0", "CNY")
    (row, _) = map(json.loads, as_json(actions(store.database, Wanted(action="fine"))))
    assert (row["amount"], row["day"], row["story"]) == (2e6, "2026-03-17", "s2")
