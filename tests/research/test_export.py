"""What researchers get: whole tables of one moment, safe to open, with their denominators."""

import csv
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.edges.database import Database
from digest.edges.store import Poll, Store
from digest.errors import DigestError
from digest.records import Act, Entry, Failure, FeedState, Mention, Retry, Source
from digest.research.export import Format, Span, write
from tests.ledger import ELBE, HANGANG, HOUR, JINGHAI, LIANWAN, MIDAN, NOW, SOURCES, TOKIWA, new_ledger, put

TABLES = ("articles", "mentions", "acts", "stories", "fetches")
ALL = Span.of_days(None, None)
TITLES = {
    JINGHAI: "网信办约谈腾讯",
    LIANWAN: "監管總局：罰款200萬",
    TOKIWA: "テンセントを聴取",
    HANGANG: "텐센트 소환",
    MIDAN: "استدعاء تنسنت",
    ELBE: "Behörde lädt „Tencent“ vor",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = new_ledger(tmp_path / "digest.db")
    store = Store(database)
    store.sync_sources(SOURCES, NOW - timedelta(days=30))
    yield store
    database.close()


def export(store: Store, folder: Path, form: Format = Format.JSONL, span: Span = ALL) -> dict[str, list[Any]]:
    """The rows of each table, read back, and the manifest's under "manifest"."""
    written = dict(write(store.database, folder, form, span, NOW))
    tables = {name: _read(folder / f"{name}.{form}", form) for name in TABLES}
    assert written == {
        **{folder / f"{name}.{form}": len(rows) for name, rows in tables.items()},
        folder / "manifest.json": len(manifest(folder)["sources"]),
    }
    return tables


def _read(path: Path, form: Format) -> list[Any]:
    text = path.read_bytes().decode("utf-8-sig" if form is Format.CSV else "utf-8")
    if form is Format.JSONL:
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(text.splitlines(keepends=True)))


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def about(folder: Path, source: Source) -> dict[str, Any]:
    (found,) = (one for one in manifest(folder)["sources"] if one["name"] == source.name)
    return dict(found)


def with_articles(store: Store) -> None:
    tencent = Mention(4, 6, "腾讯", "COMPANY", "company:tencent", "Tencent", 0.9, "alias")
    unlinked = Mention(0, 2, "李雷", "PERSON")
    act = Act("agency:cn-cac", "company:tencent", "summon", 0, 7, TITLES[JINGHAI], 0.8)
    first = put(store, JINGHAI, TITLES[JINGHAI], text="正文。", mentions=[unlinked, tencent], acts=[act])
    put(store, LIANWAN, TITLES[LIANWAN], copy_of=first, published=None)
    for source in (TOKIWA, HANGANG, MIDAN, ELBE):
        put(store, source, TITLES[source], story="s2")


@pytest.mark.parametrize("form", Format)
def test_titles_and_names_of_every_script_arrive_whole(store: Store, tmp_path: Path, form: Format) -> None:
    with_articles(store)
    rows = export(store, tmp_path / "out", form)["articles"]
    assert {row["source"]: row["title"] for row in rows} == {source.name: title for source, title in TITLES.items()}


def test_rows_hold_what_the_ledger_holds(store: Store, tmp_path: Path) -> None:
    with_articles(store)
    tables = export(store, tmp_path)
    first, second, *_ = tables["articles"]
    assert first == {
        "id": 1,
        "source": "京海日报",
        "url": "https://jinghai.example/feed/网信办约谈腾讯",
        "title": "网信办约谈腾讯",
        "language": "zh-Hans",
        "published": "2026-03-18T04:30:00Z",
        "published_from": "first seen",
        "first_seen": "2026-03-18T05:30:00Z",
        "characters": 3,
        "same_as": None,
        "story": "s1",
        "copy_of": None,
        "via": "feed",
    }
    assert (second["published"], second["copy_of"]) == (None, 1)
    assert [(row["start"], row["end"], row["entity"], row["name"]) for row in tables["mentions"]] == [
        (0, 2, None, None),
        (4, 6, "company:tencent", "Tencent"),
    ]
    (act,) = tables["acts"]
    assert (act["article_id"], act["action"], act["evidence"]) == (1, "summon", TITLES[JINGHAI])
    assert tables["stories"][0] == {
        "story": "s1",
        "articles": 2,
        "sources": 2,
        "languages": 2,
        "independent": 1,
        "first": "2026-03-18T04:30:00Z",
        "last": "2026-03-18T05:30:00Z",
    }
    assert (tables["stories"][1]["articles"], tables["stories"][1]["languages"]) == (4, 4)


def test_texts_stay_in_the_ledger(store: Store, tmp_path: Path) -> None:
    put(store, ELBE, "Titel", text="Ein Satz, der anderen gehört.")
    export(store, tmp_path)
    assert not [path for path in tmp_path.glob("*.jsonl") if "gehört" in path.read_text(encoding="utf-8")]


def test_both_formats_hold_the_same(store: Store, tmp_path: Path) -> None:
    with_articles(store)
    lines = export(store, tmp_path / "jsonl", Format.JSONL)
    cells = export(store, tmp_path / "csv", Format.CSV)
    for name in TABLES:
        expected = [{key: "" if value is None else str(value) for key, value in row.items()} for row in lines[name]]
        assert cells[name] == expected
        files = (
            manifest(tmp_path / "jsonl")["files"][f"{name}.jsonl"],
            manifest(tmp_path / "csv")["files"][f"{name}.csv"],
        )
        assert files[0]["rows"] == files[1]["rows"]
        assert files[0]["columns"] == files[1]["columns"]


def test_csv_opens_in_a_spreadsheet_as_utf_8_and_runs_nothing(store: Store, tmp_path: Path) -> None:
    hostile = [
        '=HYPERLINK("http://x")',
        "+1",
        "-1",
        "@SUM(A1)",
        "＝cmd|' /C calc'!A0",
        "a=b",
        "“=”",
        'say "hi", 甲\n乙',
    ]
    for number, title in enumerate(hostile):
        put(store, ELBE, title, guid=str(number))
    rows = export(store, tmp_path, Format.CSV)["articles"]
    assert (tmp_path / "articles.csv").read_bytes().startswith(b"\xef\xbb\xbfid,source,")
    assert [row["title"] for row in rows] == [f"'{title}" for title in hostile[:5]] + hostile[5:]
    lines = export(store, tmp_path, Format.JSONL)["articles"]
    assert [row["title"] for row in lines] == hostile


def test_manifest_vouches_for_each_file(store: Store, tmp_path: Path) -> None:
    with_articles(store)
    tables = export(store, tmp_path)
    files = manifest(tmp_path)["files"]
    assert set(files) == {f"{name}.jsonl" for name in TABLES}
    for name, about_file in files.items():
        assert about_file["sha256"] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert about_file["rows"] == len(tables[name.removesuffix(".jsonl")])


def test_manifest_is_the_denominator(store: Store, tmp_path: Path) -> None:
    with_articles(store)
    state = FeedState(JINGHAI.feed, NOW)
    store.remember_feeds([Poll(JINGHAI, state, "ok", size=1000, new=1)], NOW)
    store.remember_feeds([Poll(JINGHAI, state, "not modified")], NOW)
    for _ in range(2):
        store.remember_feeds(
            [Poll(JINGHAI, FeedState(JINGHAI.feed, NOW, failures=1, reason="timed out"), "failed")], NOW
        )
    store.save_entries([(JINGHAI, [Entry(JINGHAI.feed, "2", "无文", "https://jinghai.example/2")])], NOW)
    store.save_fetches([(7, JINGHAI.name, Failure("x", "fetch", "timed out", Retry.LATER))], 1, NOW)
    put(store, Source("国会図書館", ""), "納本", imported=True, story=None)
    tables = export(store, tmp_path)
    assert about(tmp_path, JINGHAI) == {
        "name": "京海日报",
        "feed": JINGHAI.feed,
        "language": "zh-Hans",
        "country": "CN",
        "kind": "newspaper",
        "asked": True,
        "polls": 4,
        "failed": {"timed out": 2},
        "entries": 2,
        "articles": 1,
    }
    made = manifest(tmp_path)
    assert sum(one["articles"] for one in made["sources"]) == len(tables["articles"]) == 7
    assert (made["from"], made["to"]) == ("2026-03-18T04:30:00Z", "2026-03-18T05:30:00Z")
    assert made["stages"]["fetch"] == {"done": 0, "failed": {"timed out": 1}}
    assert made["stages"]["tag"] == {"done": 7, "failed": {}}
    assert [row["outcome"] for row in tables["fetches"]] == ["ok", "not modified", "failed", "failed", "failed"]


def test_source_that_is_no_longer_asked_keeps_its_row(store: Store, tmp_path: Path) -> None:
    with_articles(store)
    store.sync_sources([ELBE], NOW)
    export(store, tmp_path)
    assert (about(tmp_path, JINGHAI)["asked"], about(tmp_path, JINGHAI)["articles"]) == (False, 1)
    assert about(tmp_path, ELBE)["asked"]


def test_span_holds_whole_days_and_not_the_next_midnight(store: Store, tmp_path: Path) -> None:
    day = datetime(2026, 3, 18, tzinfo=UTC)
    moments = (day - timedelta(seconds=1), day, day + timedelta(hours=23, minutes=59), day + timedelta(days=1))
    for number, moment in enumerate(moments):
        put(store, ELBE, f"Bericht {number}", published=moment, mentions=[Mention(0, 7, "Bericht", "ORG")])
        store.remember_feeds([Poll(ELBE, FeedState(ELBE.feed, NOW), "ok")], moment)
    tables = export(store, tmp_path, span=Span.of_days(date(2026, 3, 18), date(2026, 3, 18)))
    assert [row["title"] for row in tables["articles"]] == ["Bericht 1", "Bericht 2"]
    assert [row["article_id"] for row in tables["mentions"]] == [2, 3]
    assert [row["articles"] for row in tables["stories"]] == [2]
    assert len(tables["fetches"]) == 2
    made, elbe = manifest(tmp_path), about(tmp_path, ELBE)
    assert (elbe["articles"], elbe["entries"], elbe["polls"]) == (2, 2, 2)
    assert made["stages"]["extract"]["done"] == 2
    assert (made["from"], made["to"]) == ("2026-03-18T00:00:00Z", "2026-03-18T23:59:00Z")


@pytest.mark.parametrize(
    ("first", "last", "titles"),
    [
        (None, None, ["a", "b"]),
        (date(2026, 3, 1), None, ["b"]),
        (None, date(2026, 3, 1), ["a"]),
        (date.min, date.max, ["a", "b"]),
        (date(2026, 3, 2), date(2026, 3, 1), []),
    ],
)
def test_span_without_a_bound_is_open(
    store: Store, tmp_path: Path, first: date | None, last: date | None, titles: list[str]
) -> None:
    put(store, ELBE, "a", published=datetime(1990, 1, 1, tzinfo=UTC))
    put(store, ELBE, "b")
    tables = export(store, tmp_path, span=Span.of_days(first, last))
    assert [row["title"] for row in tables["articles"]] == titles


@pytest.mark.parametrize("form", Format)
def test_empty_ledger_gives_empty_tables(tmp_path: Path, form: Format) -> None:
    database = new_ledger(tmp_path / "digest.db")
    assert all(rows == [] for rows in export(Store(database), tmp_path / "out", form).values())
    database.close()
    made = manifest(tmp_path / "out")
    assert (made["from"], made["to"], made["sources"], made["stages"]) == (None, None, [], {})


def test_exporting_twice_gives_the_same_bytes(store: Store, tmp_path: Path) -> None:
    with_articles(store)
    for name in ("one", "two"):
        export(store, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_tables_show_one_moment_though_others_write(store: Store, tmp_path: Path) -> None:
    with_articles(store)
    writing = write(store.database, tmp_path / "out", Format.JSONL, ALL, NOW)
    next(writing)
    other = Database(tmp_path / "digest.db")
    put(Store(other), ELBE, "Später", story="s3", seen=NOW + HOUR)
    other.close()
    rest = dict(writing)
    assert rest[tmp_path / "out" / "stories.jsonl"] == 2
    assert about(tmp_path / "out", ELBE)["articles"] == 1


def test_folder_that_cannot_be_written_is_told_with_a_remedy(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DigestError, match=r"the tables cannot be written \(.*\); name another folder with --out"):
        export(store, tmp_path / "file")
