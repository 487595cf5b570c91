"""Feeds: each case is a feed with what must be read of it beside it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.records import Document, Entry, Failure, ParsedFeed
from digest.stages.parse import parse

CASES = Path(__file__).parent.parent / "cases" / "parse"
FEED = "https://feeds.example/port.xml"


def document(body: bytes, **headers: str) -> Document:
    return Document(FEED, FEED, 200, headers, body, datetime(2026, 1, 1, tzinfo=UTC))


def read(body: bytes | str, **headers: str) -> ParsedFeed:
    found = parse([document(body.encode() if isinstance(body, str) else body, **headers)])[0]
    assert isinstance(found, ParsedFeed)
    return found


def rss(items: str, head: str = "<title>Port</title><link>https://port.example/</link>") -> str:
    return f'<rss version="2.0"><channel>{head}{items}</channel></rss>'


def plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value


def as_stated(entry: Entry, stated: dict[str, Any]) -> dict[str, Any]:
    return {key: plain(getattr(entry, key)) for key in stated}


@pytest.mark.parametrize("path", sorted(CASES.glob("*.expect.json")), ids=lambda path: path.name.split(".")[0])
def test_case(path: Path) -> None:
    expected = json.loads(path.read_text(encoding="utf-8"))
    name = path.name.removesuffix(".expect.json")
    body = next(file for file in CASES.glob(f"{name}.*") if file != path).read_bytes()
    found = read(body)
    entries = expected.pop("entries")
    assert {key: plain(getattr(found, key)) for key in expected} == expected
    assert [as_stated(entry, stated) for entry, stated in zip(found.entries, entries, strict=True)] == entries


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not a feed"),
        (b"\x89PNG\r\n", "not a feed"),
        (b"<!DOCTYPE html><html><head><title>Not here</title></head><body>x</body></html>", "not a feed"),
        (b"<" * 100_000, "not a feed"),
        (b'{"name": "package"}', "not a feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": ', "broken feed"),
        (b'<rss version="2.0"><channel>' + b"<a>" * 50, "broken feed"),
    ],
)
def test_what_is_no_feed(body: bytes, reason: str) -> None:
    assert parse([document(body)]) == [Failure(FEED, "parse", reason)]


def test_one_outcome_per_document_in_order() -> None:
    kinds = [type(found) for found in parse([document(b"x"), document(rss("").encode()), document(b"y")])]
    assert kinds == [Failure, ParsedFeed, Failure]


@pytest.mark.parametrize(
    ("encoding", "declared", "title"),
    [
        ("gb18030", "gb2312", "网信办约谈腾讯"),
        ("big5", "big5", "網信辦約談騰訊"),
        ("cp932", "shift_jis", "公取委、三社を調査"),
        ("cp949", "euc-kr", "공정위, 세 회사 조사"),
        ("cp1256", "windows-1256", "الهيئة تستدعي الشركة"),
        ("cp1251", "windows-1251", "ФАС проверит компанию"),
        ("utf-16", "utf-16", "Kartellamt prüft Übernahme"),
        ("utf-8", "iso-8859-1", "Kartellamt prüft Übernahme"),
    ],
)
def test_encodings(encoding: str, declared: str, title: str) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?>' + rss(f"<item><title>{title}</title></item>")
    assert read(text.encode(encoding)).entries[0].title == title


def test_stray_byte_costs_a_character() -> None:
    body = rss(f"<item><title>{'网信办约谈腾讯' * 20}</title></item>").encode("utf-8")
    broken = body.replace("约".encode(), b"\xff", 1)
    assert read(broken).entries[0].title == ("网信办约谈腾讯" * 20).replace("约", "\ufffd", 1)


@pytest.mark.parametrize("codec", ["unicode_escape", "idna", "utf-7", "zlib_codec", "nonsense"])
def test_dangerous_codecs_are_not_used(codec: str) -> None:
    text = f'<?xml version="1.0" encoding="{codec}"?>' + rss("<item><title>a\\x41+AEE-</title></item>")
    assert read(text).entries[0].title == "a\\x41+AEE-"


def test_entities_from_outside_are_not_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sentinel")
    head = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    assert "sentinel" not in repr(parse([document((head + rss("<item><title>&x;</title></item>")).encode())]))


def test_text_is_cleaned() -> None:
    found = read(rss("<item><title>a\u202eb\u2028c&#0;&#xD800;\u200bd</title></item>")).entries[0]
    assert found.title == "ab c\ufffd\ufffdd"


def test_one_guid_for_all_is_told_apart_by_link() -> None:
    item = "<item><guid isPermaLink='false'>x</guid><title>{0}</title><link>https://port.example/{0}</link></item>"
    entries = read(rss("".join(item.format(name) for name in "abba"))).entries
    assert [entry.title for entry in entries] == ["a", "b"]
    assert len({entry.id for entry in entries}) == 2
    assert read(rss(item.format("a"))).entries[0].id == "x"


def test_derived_id_is_stable_and_short() -> None:
    item = f"<item><guid isPermaLink='false'>{'x' * 5_000}</guid><title>a</title></item>"
    first, second = read(rss(item)).entries[0].id, read(rss(item)).entries[0].id
    assert first == second
    assert len(first) < 100


def test_newest_thousand_are_kept_in_order() -> None:
    item = "<item><title>{0}</title><pubDate>2021-03-18 10:{1:02}:{2:02}Z</pubDate></item>"
    items = "".join(item.format(n, n // 60, n % 60) for n in range(1_200))
    found = read(rss(items))
    assert found.problems == ("too many entries",)
    assert [entry.title for entry in found.entries] == [str(n) for n in range(200, 1_200)]


def test_long_fields_are_cut() -> None:
    entry = read(
        rss(f"<item><title>{'wort ' * 1_000}</title><description>{'satz ' * 5_000}</description></item>")
    ).entries[0]
    assert len(entry.title) <= 1_000
    assert len(entry.summary) <= 10_000


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_damage_is_a_value(noise: bytes, place: int) -> None:
    body = (CASES / "rss-german.xml").read_bytes()
    parse([document(body[:place] + noise + body[place + len(noise) // 2 :])])


@pytest.mark.parametrize("reference", ["&#x110000;", "&#99999999999;", "&#xD800;", "&#0;", "&bogus;"])
def test_impossible_characters_break_nothing(reference: str) -> None:
    assert read(rss(f"<item><title>a{reference}b</title><link>https://port.example/1&x=2</link></item>")).entries
