"""Sources are added to a file that a person wrote, and nothing else in it changes."""

import os
import stat
from pathlib import Path

import pytest
import yaml

from digest.edges.feedsfile import add_sources, as_yaml, replace_file
from digest.errors import ConfigError
from digest.records import Source

NEW = (
    Source("聯灣: #1", "https://l.example/?a=1#x", "zh-Hant", tags=("財經", "no")),
    Source("yes", "https://y.example/"),
)
ADDED = [
    {"name": "聯灣: #1", "feed": "https://l.example/?a=1#x", "language": "zh-Hant", "tags": ["財經", "no"]},
    {"name": "yes", "feed": "https://y.example/"},
]


def nothing(_: Path) -> None:
    """Finds no fault."""


def after(path: Path, before: str, newline: str = "\n") -> str:
    path.write_bytes(before.replace("\n", newline).encode())
    add_sources(path, NEW, nothing)
    return path.read_bytes().decode()


BLOCK = """\
# 我们的来源 😀
fetch: {contact: desk@example.org}   # whom to ask

sources:
  - name: 京海日报  # the first
    feed: https://j.example/feed
    tags: [a, b]

  # --- Arabic ---
  - name: الميدان
    feed: https://m.example/feed   # slow

# the editions follow
editions: []
"""
LAST = "sources:\n- {name: A, feed: 'https://a.example'}\n- {name: B, feed: 'https://b.example'}"


@pytest.mark.parametrize(
    "before",
    [
        BLOCK,
        LAST,
        LAST + "  # the last\n\n\n",
        LAST + "\n# end\n",
        "sources:\n  - name: A\n    feed: >-\n      https://a.example\n\neditions: []\n",
        "sources:\n  - &a\n    feed: https://a.example\n    name: |\n      A\neditions: []\n",
        "tags: &t [x]\nsources:\n  - name: A\n    feed: https://a.example\n    tags: *t\nwatchlists: []\n",
        "sources:\n    -   name: A\n        feed: https://a.example\n        tags:\n          - x\n          - y\n",
        '{"x": 1,\n"sources":\n  - name: A\n}'.replace('{"x": 1,\n', "x: 1\n").replace("\n}", "\n"),
    ],
    ids=["block", "flow", "comment", "comment below", "folded", "literal", "alias", "wide", "quoted key"],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_sources_stand_behind_the_last_one_and_every_line_is_kept(tmp_path: Path, before: str, newline: str) -> None:
    text = after(tmp_path / "feeds.yaml", before, newline)
    old, new = yaml.safe_load(before), yaml.safe_load(text)
    assert new["sources"] == old["sources"] + ADDED
    assert {key: value for key, value in new.items() if key != "sources"} == {
        key: value for key, value in old.items() if key != "sources"
    }
    kept = iter(text.split(newline))
    assert all(line in kept for line in before.rstrip("\n").split("\n"))
    assert newline == "\n" or "\n" not in text.replace("\r\n", "")


def test_new_ones_are_written_as_the_last_one_is(tmp_path: Path) -> None:
    assert "\n- {name: 'yes', feed: 'https://y.example/'}\n" in after(tmp_path / "feeds.yaml", LAST)
    block = after(tmp_path / "feeds.yaml", BLOCK)
    assert "# slow\n  - name: '聯灣: #1'\n    feed: https://l.example/?a=1#x\n    language: zh-Hant\n" in block
    assert "    feed: https://y.example/\n\n# the editions follow\n" in block


def test_byte_order_mark_is_kept(tmp_path: Path) -> None:
    assert after(tmp_path / "feeds.yaml", "\ufeff" + BLOCK).startswith("\ufeff#")


def test_sources_in_brackets_are_left_alone(tmp_path: Path) -> None:
    before = "sources: [{name: A, feed: 'https://a.example'}]\n"
    with pytest.raises(ConfigError, match="in brackets"):
        after(tmp_path / "feeds.yaml", before)
    assert (tmp_path / "feeds.yaml").read_text("utf-8") == before


def test_name_cannot_break_out_of_its_line(tmp_path: Path) -> None:
    source = Source("a\n  - name: evil\n\x85x: {[\"'", "https://a.example/")
    for flow in (True, False):
        assert yaml.safe_load(as_yaml(source, flow=flow)) == [{"name": source.name, "feed": source.feed}]


# --- whole or not at all ---------------------------------------------------------------------------------------------


def test_file_that_fails_its_check_is_never_put_in_place(tmp_path: Path) -> None:
    def fails(new: Path) -> None:
        assert new.read_bytes() == b"new"
        raise ConfigError("x", "wrong", "mend it")

    path = tmp_path / "feeds.yaml"
    path.write_bytes(b"old")
    with pytest.raises(ConfigError, match="wrong"):
        replace_file(path, b"new", fails)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("feeds.yaml", b"old")]


def test_file_that_somebody_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(BLOCK, "utf-8")

    def somebody(_: Path) -> None:
        path.write_bytes(b"theirs")

    with pytest.raises(ConfigError, match="changed the file meanwhile"):
        add_sources(path, NEW, somebody)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("feeds.yaml", b"theirs")]


def test_link_and_mode_are_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "feeds.yaml"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_new_file_has_the_users_mode(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        replace_file(tmp_path / "list.opml", b"x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "list.opml").stat().st_mode) == 0o640


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be written \(No such file or directory\); make its folder writable"):
        replace_file(tmp_path / "none" / "list.opml", b"x")
