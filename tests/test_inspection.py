"""`digest inspect`: whatever a user's file holds, each line gets its row, in the order given."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest import inspection
from digest.edges.pool import Inline
from digest.inspection import Row, failed, page_list, read_file, read_lines
from digest.records import Document, Failure

NOW = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)
# The same act, told in each script; the company is in the registry under all these names.
SUMMONED: dict[str, tuple[str, str]] = {
    "zh-Hans": ("国家网信办18日约谈腾讯，要求限期整改。", "腾讯"),
    "zh-Hant": ("國家網信辦18日約談騰訊，要求限期整改。", "騰訊"),
    "ja": ("中国の国家インターネット情報弁公室は18日、テンセントを呼び出した。", "テンセント"),
    "ko": ("중국 국가인터넷정보판공실이 18일 텐센트를 소환했다.", "텐센트"),
    "ar": ("استدعت إدارة الفضاء السيبراني في الصين شركة تينسنت.", "تينسنت"),
    "de": ("Die chinesische Internetaufsicht hat Tencent einbestellt.", "Tencent"),
    "en": ("The Cyberspace Administration of China summoned Tencent.", "Tencent"),
}
FEED = """<rss version="2.0"><channel><title>京海日报</title><link>https://jinghai.example/</link>
<language>zh-cn</language><item><title>网信办约谈腾讯</title><link>https://jinghai.example/1</link><guid>1</guid>
<description>摘要</description><pubDate>Wed, 18 Mar 2026 12:30:00 +0800</pubDate></item></channel></rss>"""
FIRST = "Die Behörde hat am Mittwoch mehrere Unternehmen einbestellt und um Auskunft über ihre Pläne gebeten. "
SECOND = "Wie es weitergeht, will sie nach eigenen Angaben erst entscheiden, wenn alle Antworten vorliegen. "
PAGE = f"""<html lang="de"><head><title>Behörde lädt Firmen vor</title>
<meta property="article:published_time" content="2026-03-18T05:30:00+01:00"></head>
<body><article><h1>Behörde lädt Firmen vor</h1><p>{FIRST * 3}</p><p>{SECOND * 3}</p></article></body></html>"""
POST = f"""---
title: 网信办约谈腾讯
date: 2026-03-18 10:04
from: https://jinghai.example/2
author: 京海日报
---
<p>{"国家网信办约谈了腾讯公司的负责人，要求其限期整改并提交报告。" * 5}</p>
"""


def tags(*rows: Row) -> list[Row]:
    return list(inspection.tags(rows, Inline()))


def groups(*rows: Row) -> list[Row]:
    return list(inspection.groups(rows, Inline()))


def document(body: str, url: str = "https://jinghai.example/feed") -> Document:
    return Document(url, url, 200, {}, body.encode(), NOW)


# --- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[1, 2]",
        b'"text"',
        b"7",
        b"null",
        b"\xff\xfe\x00",
        b'{"id": "cut',
        b"[" * 100_000,
        b'{"text": "' + b"x" * inspection.MAX_LINE + b'"}',
    ],
    ids=["words", "list", "string", "number", "null", "bytes", "cut", "nested", "long"],
)
def test_line_that_is_no_object_is_told_by_its_number(line: bytes) -> None:
    rows = list(read_lines([b'{"id": "a"}\r\n', b"\n", line, b'{"id": "b"}']))
    assert rows == [{"id": "a"}, {"id": "line 3"}, {"id": "b"}]


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_any_bytes_are_read_as_rows(lines: list[bytes]) -> None:
    rows = list(read_lines(lines))
    assert len(rows) == sum(bool(line.strip()) for line in lines)
    assert all(isinstance(row, dict) for row in rows)


def test_pages_are_listed_and_what_names_none_keeps_its_line() -> None:
    rows: list[Row] = [
        {"file": "a.html", "url": "https://x.example"},
        {"file": "b.html"},
        {"id": "line 3"},
        {"file": None},
    ]
    assert page_list(rows) == [("a.html", "https://x.example"), ("b.html", ""), ("line 3", ""), ("", "")]


@pytest.mark.parametrize("name", ["none.html", "a\0b", "", "x" * 5000, "."])
def test_file_that_cannot_be_read_is_a_failure(tmp_path: Path, name: str) -> None:
    found = read_file(str(tmp_path / name), "", NOW)
    assert isinstance(found, Failure)
    assert found.reason.startswith("the file cannot be read (")


# --- feeds and pages -------------------------------------------------------------------------------------------------


def test_feeds_come_in_the_order_named_with_failures_in_their_place() -> None:
    named: Sequence[tuple[str, Document | Failure]] = [
        ("none.xml", Failure("none.xml", "read", "the file cannot be read (No such file or directory)")),
        ("feed.xml", document(FEED)),
        ("page.html", document(PAGE)),
    ]
    none, good, page = inspection.feeds(named, Inline())
    assert none == {
        "source": "none.xml",
        "title": "",
        "link": "",
        "language": None,
        "entries": [],
        "problems": ["the file cannot be read (No such file or directory)"],
    }
    assert good == {
        "source": "feed.xml",
        "title": "京海日报",
        "link": "https://jinghai.example/",
        "language": good["language"],
        "entries": [
            {
                "id": "1",
                "title": "网信办约谈腾讯",
                "link": "https://jinghai.example/1",
                "published": "2026-03-18T04:30:00Z",
                "updated": None,
                "summary": "摘要",
                "language": good["entries"][0]["language"],
            }
        ],
        "problems": [],
    }
    assert (page["source"], page["entries"], page["problems"]) == ("page.html", [], ["not a feed"])
    assert [failed(row) for row in (none, good, page)] == [True, False, True]


def test_pages_and_posts_come_in_the_order_named() -> None:
    named: Sequence[tuple[str, Document | Failure]] = [
        ("a.html", document(PAGE, "https://elbe.example/2026/a.html")),
        ("none", Failure("none", "read", "the file cannot be read (No such file or directory)")),
        ("empty.html", document("")),
        ("post.md", document(POST, "")),
    ]
    page, none, empty, post = inspection.pages(named, Inline())
    assert (page["source"], page["url"], page["title"], page["language"]) == (
        "a.html",
        "https://elbe.example/2026/a.html",
        "Behörde lädt Firmen vor",
        "de",
    )
    assert (page["published"], page["published_from"]) == ("2026-03-18T04:30:00Z", "page")
    assert page["text"] == f"{(FIRST * 3).strip()}\n{(SECOND * 3).strip()}"
    assert set(none) == set(empty) == set(page) == set(post)
    assert (none["text"], none["title"], none["authors"]) == (None, None, [])
    assert (post["url"], post["title"], post["language"]) == ("https://jinghai.example/2", "网信办约谈腾讯", "zh-Hans")
    assert post["published"] is not None
    assert [failed(row) for row in (page, none, empty, post)] == [False, True, True, False]


# --- tags ------------------------------------------------------------------------------------------------------------


def test_companies_and_agencies_are_tagged_in_every_script() -> None:
    rows = tags(*({"id": language, "text": text, "lang": language} for language, (text, _) in SUMMONED.items()))
    for row, (language, (text, company)) in zip(rows, SUMMONED.items(), strict=True):
        assert (row["id"], row["lang"]) == (language, language)
        assert all(text[one["start"] : one["end"]] == one["text"] for one in row["mentions"])
        found = {(one["text"], one["label"], one["entity"]) for one in row["mentions"]}
        assert (company, "COMPANY", "company:tencent") in found, language
        assert set(row) == {"id", "lang", "mentions", "actions"}


def test_action_points_into_the_text_as_it_was_given() -> None:
    text = f"  \u200b😀 {SUMMONED['en'][0]}\r\n"
    (row,) = tags({"id": 1, "text": text})
    (action,) = row["actions"]
    assert (action["agency"], action["company"], action["action"]) == ("agency:cn-cac", "company:tencent", "summon")
    assert "summoned Tencent" in text[action["start"] : action["end"]]
    assert "summoned Tencent" in action["evidence"]
    assert all(text[one["start"] : one["end"]] == one["text"] for one in row["mentions"])


@pytest.mark.parametrize(
    "row",
    [
        {"id": "line 7"},
        {"id": "a", "text": 5},
        {"id": "a", "text": None},
        {"id": "a", "text": ["x"]},
        {"id": "a", "text": "x", "lang": 5},
        {"id": "a", "text": ""},
        {"id": "a", "text": " \n"},
    ],
)
def test_line_that_holds_no_text_is_refused_and_its_neighbours_are_not(row: Row) -> None:
    good = {"id": "good", "text": SUMMONED["en"][0], "lang": "en"}
    first, bad, last = tags(good, row, good)
    assert first == last
    assert (bad["id"], bad["mentions"], len(bad["problems"])) == (row["id"], [], 1)
    assert [failed(one) for one in (first, bad, last)] == [False, True, False]


@pytest.mark.parametrize("given_id", ["x", 7, None, "", {"a": [1]}, "\ud800", "同"])
def test_id_comes_back_as_it_was_given(given_id: object) -> None:
    assert tags({"id": given_id, "text": "x"})[0]["id"] == given_id
    assert tags({"id": given_id})[0]["id"] == given_id
    assert groups({"id": given_id, "date": "2026-03-18", "title": "x"})[0]["id"] == given_id


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_any_text_is_tagged_within_its_bounds(text: str) -> None:
    (row,) = tags({"id": 1, "text": text, "lang": "en"})
    assert all(text[one["start"] : one["end"]] == one["text"] != "" for one in row["mentions"])
    assert json.loads(json.dumps(row)) == row


# --- groups ----------------------------------------------------------------------------------------------------------


def line(number: object, title: str, date: str = "2026-03-18T06:00:00Z", **more: Any) -> Row:
    return {"id": number, "date": date, "title": title, **more}


def test_one_event_in_two_scripts_is_one_story_and_another_is_not() -> None:
    rows = groups(
        line(1, "网信办约谈腾讯、字节跳动等11家企业", lang="zh"),
        line(2, "China's internet regulator summons Tencent, ByteDance and others, 11 firms in all", lang="en"),
        line(3, "Neue Elbbrücke wird im Mai für den Verkehr freigegeben", lang="de"),
    )
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert rows[0]["story"] == rows[1]["story"] != rows[2]["story"]
    assert all(set(row) == {"id", "story"} for row in rows)


def test_ids_may_repeat() -> None:
    rows = groups(line(1, "Tencent summoned by regulator"), line(1, "Neue Elbbrücke eröffnet"), line(1, "x"))
    assert len(rows) == 3
    assert rows[0]["story"] != rows[1]["story"]


@pytest.mark.parametrize(
    "row",
    [
        {"id": "line 2"},
        line(2, ""),
        line(2, "x", date="yesterday"),
        line(2, "x", date="2026-02-30"),
        line(2, "x", date="0001-01-01T00:00:00+14:00"),
        line(2, "x", date="9999-12-31T23:59:59-12:00"),
        line(2, "x", text=5),
        {"id": 2, "date": 5, "title": "x"},
        {"id": 2, "title": "x"},
        {"id": 2, "date": "2026-03-18"},
    ],
)
def test_line_that_cannot_be_grouped_is_refused_and_its_neighbours_are_not(row: Row) -> None:
    first, bad, last = groups(line(1, "Tencent summoned"), row, line(3, "Tencent summoned"))
    assert (bad["id"], bad["story"], len(bad["problems"])) == (row["id"], None, 1)
    assert first["story"] == last["story"] is not None
    assert failed(bad)
    assert not failed(first)


@pytest.mark.parametrize(
    ("title", "text"), [("\ud800", ""), ("a\0b", "c\0d"), ("Tencent \ud800", "x \udfff y"), ("\u202e甲", "\x85")]
)
def test_broken_characters_stop_no_stream(title: str, text: str) -> None:
    first, odd = groups(line(1, "Tencent summoned"), line(2, title, text=text))
    assert first["story"]
    assert odd["story"]


def test_dates_without_zone_or_hour_are_read() -> None:
    rows = groups(line(1, "Tencent", "2026-03-18"), line(2, "Tencent", "2026-03-18T01:00:00"), line(3, "x", "20260318"))
    assert all(row["story"] for row in rows)


def test_nothing_in_nothing_out() -> None:
    assert groups() == tags() == []
    assert list(inspection.feeds([], Inline())) == list(inspection.pages([], Inline())) == []
