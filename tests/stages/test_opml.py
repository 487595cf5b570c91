"""Lists of feeds, as many programs write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from digest.records import Document, Failure, Source
from digest.stages.opml import MOST_OUTLINES, MOST_TAGS, Outline, Outlines, read_opml, write_opml

NOW = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)


def outcome(body: str | bytes) -> Outlines | Failure:
    raw = body.encode() if isinstance(body, str) else body
    return read_opml([Document("list.opml", "", 200, {}, raw, NOW)])[0]


def read(body: str | bytes) -> list[Outline]:
    found = outcome(body)
    assert isinstance(found, Outlines), found
    return list(found.outlines)


def opml(body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><opml version="2.0"><head/><body>{body}</body></opml>'


def feed(attributes: str) -> Outline:
    (one,) = read(opml(f"<outline {attributes}/>"))
    return one


def test_folders_and_categories_become_tags() -> None:
    (one,) = read(
        opml(
            '<outline text="新聞"><outline title="الأسواق"><outline text="聯灣" type="rss" xmlUrl="https://l.example/"'
            ' language="zh-tw" category="/財經,Law/EU,財經"/></outline></outline>'
        )
    )
    assert one == Outline("聯灣", "https://l.example/", "", "zh-Hant", ("新聞", "الأسواق", "財經", "Law/EU"))


@pytest.mark.parametrize(
    "attributes",
    [
        'text="A" xmlUrl="https://a.example/f?x=1&amp;y=2"',
        'text="A" xmlUrl="https://a.example/f?x=1&y=2"',
        'TEXT="A" XMLURL=" https://a.example/f?x=1&amp;y=2 "',
        'title="A" xmlurl="feed:https://a.example/f?x=1&amp;y=2"',
        'text="A" type="rss" url="https://a.example/f?x=1&amp;y=2"',
        'text="" title="A" xmlUrl="https://a.example/f?x=1&amp;y=2"',
        'text=" A\n " xmlUrl="https://a.example/f?x=1&amp;y=2" unknown:x="y"',
    ],
)
def test_spellings_of_other_programs_are_understood(attributes: str) -> None:
    assert (feed(attributes).name, feed(attributes).feed) == ("A", "https://a.example/f?x=1&y=2")


@pytest.mark.parametrize(("stated", "language"), [("ja-JP", "ja"), ("klingon", None), ("", None), ("xx", None)])
def test_language_that_we_do_not_know_is_left_out(stated: str, language: str | None) -> None:
    assert feed(f'text="A" xmlUrl="https://a.example/" language="{stated}"').language == language


@pytest.mark.parametrize(
    "attributes", ['type="link" url="https://a.example/"', 'type="include" url="https://a.example/b.opml"']
)
def test_line_that_leads_elsewhere_is_kept_to_be_told_of(attributes: str) -> None:
    assert (feed(attributes).feed, feed(attributes).page[:18]) == ("", "https://a.example/")


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("财经日报", "gb18030"),
        ("經濟日報", "big5"),
        ("経済新聞", "shift_jis"),
        ("경제신문", "euc-kr"),
        ("Вестник", "windows-1251"),
    ],
)
def test_other_encodings_are_read(text: str, codec: str) -> None:
    body = opml(f'<outline text="{text}" xmlUrl="https://a.example/"/>').replace("UTF-8", codec)
    assert read(body.encode(codec))[0].name == text


@pytest.mark.parametrize("codec", ["utf-16", "utf-8-sig"])
def test_byte_order_mark_is_heeded(codec: str) -> None:
    body = opml('<outline text="財經" xmlUrl="https://a.example/"/>').replace("UTF-8", "UTF-16")
    assert read(body.encode(codec))[0].name == "財經"


def test_name_is_cleaned_and_shortened() -> None:
    name = feed(f'text="&#x202e;A&#0;&#xD800; {"b" * 1_000}" xmlUrl="https://a.example/"').name
    assert name.startswith("A")
    assert len(name) <= 150


def test_thousand_folders_deep_is_read_with_the_nearest_as_tags() -> None:
    folders = "".join(f'<outline text="{n}">' for n in range(1_000))
    inner = '<outline text="A" xmlUrl="https://a.example/"/>'
    (one,) = read(opml(folders + inner + "</outline>" * 1_000))
    assert one.tags == tuple(str(n) for n in range(1_000 - MOST_TAGS, 1_000))


def test_endlessly_deep_list_keeps_what_came_before() -> None:
    found = read(opml('<outline text="A" xmlUrl="https://a.example/"/>' + '<outline text="b">' * 100_000))
    assert [one.name for one in found] == ["A"]


def test_hundred_thousand_lines_are_capped_and_counted() -> None:
    lines = "".join(f'<outline text="F" xmlUrl="https://h{n}.example/"/>' for n in range(100_000))
    found = outcome(opml(lines))
    assert isinstance(found, Outlines)
    assert (len(found.outlines), found.dropped) == (MOST_OUTLINES, 100_000 - MOST_OUTLINES)


def test_list_cut_short_yields_what_it_holds() -> None:
    whole = opml('<outline text="A" xmlUrl="https://a.example/"/>' * 3)
    assert len(read(whole[: whole.rindex("<outline") + 10])) == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "this is not OPML"),
        ("hello", "this is not OPML"),
        ("<html><outline xmlUrl='https://a.example/'/></html>", "this is not OPML"),
        ('{"opml": 1}', "this is not OPML"),
        (
            '<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + opml('<outline text="&x;"/>')[38:],
            "it declares entities, which no list of feeds needs",
        ),
        (
            '<!DOCTYPE opml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + opml('<outline text="&b;"/>')[38:],
            "it declares entities, which no list of feeds needs",
        ),
    ],
    ids=["empty", "words", "page", "json", "XXE", "laughs"],
)
def test_what_is_no_list_is_refused(body: str, reason: str) -> None:
    assert outcome(body) == Failure("list.opml", "opml", reason)


def test_external_definition_is_not_fetched() -> None:
    body = (
        '<!DOCTYPE opml SYSTEM "http://127.0.0.1:1/opml.dtd">'
        + opml('<outline text="&x;A" xmlUrl="https://a.example/"/>')[38:]
    )
    assert read(body)[0].name == "&x;A"


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=100), st.integers(0, 150))
def test_any_damage_ends_in_an_outcome(junk: bytes, place: int) -> None:
    whole = opml('<outline text="F"><outline text="A" xmlUrl="https://a.example/"/></outline>').encode()
    assert isinstance(outcome(whole[:place] + junk + whole[place:]), Outlines | Failure)


# --- out -------------------------------------------------------------------------------------------------------------

SOURCES = (
    Source('A & B <"日報">', "https://a.example/f?x=1&y=2", "zh-Hant", "TW", tags=("財經", "Law/EU")),
    Source("الميدان", "https://xn--mgbxyz.example/feed", "ar"),
    Source("Plain\x01", "http://p.example/フィード"),
)


def test_what_is_written_is_valid_opml() -> None:
    root = etree.fromstring(write_opml(SOURCES, NOW))
    assert (root.tag, root.get("version")) == ("opml", "2.0")
    assert [child.tag for child in root] == ["head", "body"]
    assert root.findtext("head/dateCreated") == "Wed, 18 Mar 2026 06:30:00 GMT"
    first, second, third = root.findall("body/outline")
    assert dict(first.items()) == {
        "text": 'A & B <"日報">',
        "title": 'A & B <"日報">',
        "type": "rss",
        "xmlUrl": "https://a.example/f?x=1&y=2",
        "language": "zh-Hant",
        "category": "財經,Law/EU",
    }
    assert "category" not in second.attrib
    assert third.get("text") == "Plain"


def test_what_is_written_is_read_again() -> None:
    found = read(write_opml(SOURCES, NOW))
    assert [(one.feed, one.language, one.tags) for one in found] == [
        (source.feed, source.language, source.tags) for source in SOURCES
    ]
