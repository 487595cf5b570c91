"""Decoding, plain text and addresses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.stages.markup import decode, host, plain_text, unmarked, web_link

CHINESE = "中国互联网信息办公室周四约谈了多家企业，要求它们在十日内提交整改报告。"
TEXTS = {
    "gb18030": CHINESE,
    "big5hkscs": "公平會表示將依法處理相關業者，並要求其在十日內提出書面說明與改善計畫。",
    "cp932": "港湾委員会は木曜日、燃料流出の報告が遅れたとして、三社の幹部を呼び出した。",
    "euc_jp": "港湾委員会は木曜日、燃料流出の報告が遅れたとして、三社の幹部を呼び出した。",
    "cp949": "항만위원회는 목요일 연료 유출 보고가 늦어진 것과 관련해 세 회사의 임원을 불렀다.",
    "cp1251": "Антимонопольная служба оштрафовала судоходную компанию за задержку отчёта о разливе.",
    "cp1256": "استدعت هيئة الموانئ يوم الخميس شركة الشحن وشركتين منافستين بسبب التأخر في الإبلاغ.",
}


@pytest.mark.parametrize(("codec", "text"), TEXTS.items(), ids=list(TEXTS))
def test_undeclared_codecs_are_found(codec: str, text: str) -> None:
    page = "".join(f"<p>{text}</p>\n" for _ in range(20))
    assert decode(page.encode(codec)) == page


@pytest.mark.parametrize("declared", ["text/html", "text/html; charset=ISO-8859-1", "text/html; charset=utf-8"])
@pytest.mark.parametrize("stray", [b"", b"\xff"])
def test_chinese_is_found_behind_a_wrong_or_missing_charset(declared: str, stray: bytes) -> None:
    page = "".join(f"<p>{CHINESE}</p>\n" for _ in range(20))
    body = page.encode("gb18030").replace(b"</p>", stray + b"</p>", 1)
    assert decode(body, declared).replace("\ufffd", "") == page


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"caf\xe9", "text/html; charset=iso-8859-1", "café"),
        (b"\x93caf\xe9\x94", 'text/html; charset="ISO-8859-1"', "“café”"),
        (b"<meta charset='latin1'>caf\xe9", "", "<meta charset='latin1'>café"),
        ("<p>é</p>".encode("utf-16-le"), "", "<p>é</p>"),
        ("\ufeff<p>é</p>".encode("utf-32-be"), "text/html; charset=utf-8", "<p>é</p>"),
        ("é" * 20 + "ü", "text/html; charset=iso-8859-1", "é" * 20 + "ü"),
        ("日本".encode("iso2022_jp"), "text/html; charset=iso-2022-jp", "日本"),
        (b"a\\x41", "text/html; charset=unicode_escape", "a\\x41"),
        (b"", "", ""),
    ],
)
def test_decode(body: bytes | str, kind: str, text: str) -> None:
    assert decode(body.encode() if isinstance(body, str) else body, kind) == text


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["", "text/html; charset=gb2312", "text/html; charset=x"]))
def test_decode_never_fails(body: bytes, kind: str) -> None:
    assert isinstance(decode(body, kind), str)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a</p><p>b<br>c</p>", "a\nb\nc"),
        ("a &amp;lt; b", "a &lt; b"),
        ("AT&T", "AT&T"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("x<script>alert(1)</script><style>p{}</style>y", "xy"),
        ("<b>a</b> <i>b</i>\nc", "a b c"),
        ("<td>a</td><td>b</td>", "a b"),
        ("<div>" * 2_000 + "deep", "deep"),
        ("<p>unclosed <b>x", "unclosed x"),
        ("\0<p>\ud800a", "a"),
    ],
)
def test_plain_text(markup: str, text: str) -> None:
    assert plain_text(markup) == text


_MARKUP = [
    "<p>a</p>",
    "<br/>",
    "<BR>",
    "<b class='x' title=\"y\">",
    "<i>",
    "<td>",
    "<and>",
    "<!-- c -->",
    "<img src=x />",
]
_TEXT = ["a", " ", "\n", "港", "&amp;lt;", "&#8217;", "&nbsp;", "é", "&", "R&D", "\u200d", "1 > 0"]


@given(st.lists(st.sampled_from(_MARKUP + _TEXT), max_size=12).map("".join))
def test_simple_markup_is_read_as_a_parser_reads_it(markup: str) -> None:
    assert plain_text(markup + "<br>") == plain_text(markup + "<br><svg></svg>")  # which takes a parser


@pytest.mark.parametrize(
    ("markup", "text"),
    [("a<!-- b", "ab"), ("a<!-- b -->c<!-- d >e<b>f</b>", "ac e f"), ("<p title='x > y'>a</p>", "a"), ("<", "<")],
)
def test_what_simple_markup_is_not(markup: str, text: str) -> None:
    assert plain_text(markup).replace(" ", "") == text.replace(" ", "")


def test_unmarked_keeps_what_only_looks_like_a_tag() -> None:
    assert [unmarked(text) for text in ("a <and> b", "a <b>c</b>", "AT&amp;T")] == ["a <and> b", "a c", "AT&T"]


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("https://Example.COM/A b", "https://example.com/A%20b"),
        ("/a?b=1#c", "https://base.example/a?b=1#c"),
        ("//x.example/a", "https://x.example/a"),
        *((link, "") for link in ("", "javascript:alert(1)", "data:text/html,x", "mailto:a@b", "urn:x", "ftp://x/a")),
        *((link, "") for link in ("http://user:pw@x/", "http://x\\@y/", "http://[bad", "http://x:99999/", "x:y")),
        ("https://x.example/" + "a" * 3_000, ""),
        ("https://中文.example/新闻", "https://中文.example/新闻"),
        ("java\nscript:alert(1)", "https://base.example/java%20script:alert(1)"),
    ],
)
def test_web_link(link: str, address: str) -> None:
    assert web_link(link, "https://base.example/x") == address


@given(st.text(max_size=50))
def test_web_link_is_safe_or_empty(link: str) -> None:
    assert web_link(link) == "" or web_link(link).startswith(("http://", "https://"))


def test_host() -> None:
    assert [host(link) for link in ("https://www.a.example/x", "nonsense", "http://[bad")] == ["a.example", "", ""]
