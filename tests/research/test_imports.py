"""Files become articles of the ledger, once each, and what cannot be read is told by its name."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.edges.pool import Inline
from digest.edges.store import Store
from digest.research import imports
from digest.research.imports import import_files
from tests.ledger import NOW, new_ledger

TITLES = {
    "zh-Hans": "网信办约谈腾讯",
    "zh-Hant": "監管總局罰款",
    "ja": "テンセントを聴取",
    "ko": "텐센트 소환",
    "ar": "استدعاء تنسنت",
    "de": "Behörde lädt vor",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = new_ledger(tmp_path / "digest.db")
    yield Store(database)
    database.close()


def post(path: Path, title: str, link: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    link = link or f"https://archive.example/{path.stem}"
    path.write_text(f"---\ntitle: {title}\ndate: 2021-03-18\nfrom: {link}\n---\n<p>{title}</p>\n", encoding="utf-8")
    return path


def imported(store: Store) -> dict[str, str]:
    """Title by source."""
    pages = store.pages_to_extract(1, NOW, 1000)
    assert all(page.via == "import" for page in pages)
    return {page.entry.title: page.source for page in pages if page.entry}


def test_posts_pages_and_lines_of_a_folder_come_in_with_their_titles(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    for number, title in enumerate(TITLES.values()):
        post(folder / f"年{number}" / f"{number}.md", title)
    rows = [{"url": f"https://lines.example/{n}", "title": f"第{n}条", "text": "正文。"} for n in range(3)]
    (folder / "lines.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (folder / "notes.pdf").write_bytes(b"%PDF")
    assert import_files(store, Inline(), [folder], NOW) == (9, [])
    assert set(imported(store)) == {*TITLES.values(), "第0条", "第1条", "第2条"}


def test_file_imported_twice_adds_nothing(store: Store, tmp_path: Path) -> None:
    paths = [post(tmp_path / "a.md", "Titel", "https://x.example/1"), post(tmp_path / "b.md", "Titel")]
    assert import_files(store, Inline(), paths, NOW) == (2, [])
    assert import_files(store, Inline(), [*paths, *paths], NOW) == (0, [])
    assert import_files(store, Inline(), [post(tmp_path / "c.md", "Titel", "https://x.example/1")], NOW) == (0, [])


def test_file_that_cannot_be_read_is_told_and_its_neighbours_come_in(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MAX_BYTES", 1000)
    (tmp_path / "large.html").write_text("<p>" + "x" * 2000)
    (tmp_path / "broken.json").write_text("{")
    names = ("none.md", "large.html", "broken.json", "good.md")
    post(tmp_path / "good.md", "Titel")
    new, failures = import_files(store, Inline(), [tmp_path / name for name in names], NOW)
    assert new == 1
    assert {Path(one.id).name: one.reason.startswith("the file cannot be read") for one in failures} == {
        "none.md": True,
        "large.html": True,
        "broken.json": False,
    }


@pytest.mark.parametrize(("files", "size"), [(2, 10**9), (100, 1)])
def test_many_files_are_read_in_parts(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, size: int
) -> None:
    monkeypatch.setattr(imports, "BATCH", files)
    monkeypatch.setattr(imports, "BATCH_BYTES", size)
    paths = [post(tmp_path / f"{number}.md", f"Titel {number}") for number in range(5)]
    assert import_files(store, Inline(), paths, NOW) == (5, [])


def test_nothing_to_import_is_no_failure(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert import_files(store, Inline(), [tmp_path / "empty"], NOW) == (0, [])
