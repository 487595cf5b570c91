"""Saved posts, saved pages and JSON lines."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.records import Article, Failure, Page
from digest.stages.extract import extract
from digest.stages.posts import is_post, read_import

CASES = Path(__file__).parent.parent / "cases" / "posts"
BODY = "\n\n".join(f"{n}. The commission met again on Friday and heard the captain for three hours." for n in "abcdef")


def articles(name: str, data: bytes | str) -> list[Article]:
    pairs = read_import(name, data.encode() if isinstance(data, str) else data)
    assert not isinstance(pairs, Failure), pairs
    pages = [
        Page(n, document, entry, entry.feed.removeprefix("import:"), via="import")
        for n, (entry, document) in enumerate(pairs)
    ]
    found = extract(pages)
    assert all(isinstance(one, Article) for one in found), found
    return [one for one in found if isinstance(one, Article)]


def post(body: str = BODY, **front: str) -> str:
    lines = "\n".join(f"{key}: {value}" for key, value in front.items())
    return f"---\n{lines}\n---\n{body}\n"


@pytest.mark.parametrize("path", sorted(CASES.glob("*.expect.json")), ids=lambda path: path.name.split(".")[0])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_case(path: Path, newline: str) -> None:
    expected = json.loads(path.read_text(encoding="utf-8"))
    text = path.with_name(path.name.replace(".expect.json", ".md")).read_text(encoding="utf-8")
    (found,) = articles("post.txt", text.replace("\n", newline))
    assert found.text.split("\n") == expected["text"]
    assert (found.title, found.url, found.language) == (expected["title"], expected["url"], expected["language"])
    assert (found.published, found.published_from) == (datetime.fromisoformat(expected["published"]), "page")
    assert found.authors == (expected["source"],)


def test_source_is_site_or_author_or_host() -> None:
    address = "https://www.quaypost.example/1"
    feeds = []
    for front in ({"site": "Quay Post", "author": "Nell"}, {"author": "Nell"}, {"title": "x"}):
        pairs = read_import("a.md", post(**front, **{"from": address}).encode())
        assert not isinstance(pairs, Failure)
        feeds.append(pairs[0][0].feed)
    assert feeds == ["import:Quay Post", "import:Nell", "import:quaypost.example"]


def test_markdown_is_rendered() -> None:
    first = "# Heading\n\nIt was **bold** and *calm* at `noon`, said [the captain](https://x.example/c)."
    body = f"{first}\n\n{BODY}\n\n***\n\n- one item\n- two items"
    (found,) = articles("a.md", post(body, title="T", date="2021-03-18"))
    assert "It was bold and calm at noon, said the captain." in found.text
    assert not set("*#`[") & set(found.text)
    assert found.published == datetime(2021, 3, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    "front",
    [
        "title: [",
        "just a string",
        "a: &a [x, x]\nb: [*a, *a]",
        "[" * 3_000,
        "? {a: b}\n: c\n? [d]\n: e\n- f",
    ],
)
def test_broken_front_matter_is_a_failure(front: str) -> None:
    assert read_import("a.md", f"---\n{front}\n---\nbody".encode()) == Failure("a.md", "import", "broken front matter")


def test_front_matter_makes_no_objects() -> None:
    pairs = read_import("a.md", post(title="!!python/object/apply:os.getcwd []", author="!!int x").encode())
    assert isinstance(pairs, Failure) or pairs[0][0].title in ("", "[]")


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.md", b"no front matter", True),
        ("a.txt", b"---\ntitle: x\n---\nbody", True),
        ("a.html", "\ufeff---\r\ntitle: x\r\n---\r\nbody".encode(), True),
        ("a.html", b"<html>---\ntitle: x\n---\n", False),
        ("a.txt", b"---\ntitle: x\n", False),
    ],
)
def test_is_post(name: str, data: bytes, expected: bool) -> None:
    assert is_post(name, data) is expected


def test_saved_page_knows_where_it_came_from() -> None:
    page = (CASES.parent / "extract" / "english.html").read_text(encoding="utf-8")
    (found,) = articles("english.html", page)
    assert found.url == "https://www.quaypost.example/news/spill"
    assert found.published == datetime(2021, 3, 18, 10, 4, tzinfo=UTC)
    saved = "<!-- saved from url=(0030)https://www.quaypost.example/x -->" + page.replace("canonical", "other")
    assert articles("saved.html", saved)[0].url == "https://www.quaypost.example/x"


def test_text_file() -> None:
    (found,) = articles("note.txt", f"Spill in the harbour\n\n{BODY}")
    assert found.title == "Spill in the harbour"
    assert found.text.startswith("a. The commission")


def test_json_lines_in_many_languages() -> None:
    texts = {
        "zh-Hans": "港口管理局周四约谈了北光航运等三家企业，要求它们在十日内作出说明。",
        "ko": "항만위원회는 목요일 세 회사의 임원을 불러 해명하라고 요구했다.",
    }
    rows = [
        {
            "title": f"T{n}",
            "text": text * 4,
            "date": "2021-03-18T10:04:00Z",
            "url": f"https://x.example/{n}",
            "source": "Export",
            "author": "A",
        }
        for n, text in enumerate(texts.values())
    ]
    found = articles("export.jsonl", "\n".join(json.dumps(row) for row in rows) + "\n\n")
    assert [one.language for one in found] == list(texts)
    assert [one.title for one in found] == ["T0", "T1"]
    assert {one.published for one in found} == {datetime(2021, 3, 18, 10, 4, tzinfo=UTC)}


def test_json_in_one_piece() -> None:
    row = {"title": "T", "html": "".join(f"<p>{line}</p>" for line in BODY.split("\n\n"))}
    for text in (json.dumps([row, row], indent=1), json.dumps(row, indent=1), json.dumps(row)):
        assert articles("a.json", text)[0].text.startswith("a. The commission")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"text": "a"}\n{oops', "a line is no JSON"),
        (b"[" * 100_000, "a line is no JSON"),
        (b'{"title": "only"}', "an article without text or html"),
        (b"[1]", "an article without text or html"),
    ],
)
def test_json_file_is_taken_whole_or_not_at_all(data: bytes, reason: str) -> None:
    assert read_import("a.jsonl", data) == Failure("a.jsonl", "import", reason)


def test_text_in_json_is_not_markup() -> None:
    (found,) = articles(
        "a.jsonl",
        json.dumps({"title": "T", "text": BODY + "\nThe tag <b>stays</b> & so on, said the captain of the vessel."}),
    )
    assert "<b>stays</b> & so on" in found.text


@pytest.mark.parametrize("name", ["empty", "empty.md", "empty.html", "empty.jsonl"])
@pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\xef\xbb\xbf"])
def test_empty_file_is_told_so(name: str, data: bytes) -> None:
    assert read_import(name, data) == Failure(name, "import", "the file is empty")
