"""Bytes and markup from outside to plain text and safe addresses: what reading feeds, pages and saved posts shares."""

import codecs
import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from urllib.parse import urljoin, urlsplit

import charset_normalizer
from lxml import etree
from lxml import html as lxml_html

from digest.languages import clean

__all__ = ["decode", "has_tags", "host", "parse_html", "plain_text", "unmarked", "web_link", "xml_body"]

# --- decoding -------------------------------------------------------------------------------------------------------

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The codecs that we decode with, by the labels found in headers and pages: each the superset that browsers use. Nothing
# else is allowed: Python also has codecs that execute escapes or decompress.
_LABELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "utf-8": ("utf8", "unicode-1-1-utf-8"),
        "utf-16-le": ("utf-16", "utf-16le", "unicode"),
        "utf-16-be": ("utf-16be",),
        "gb18030": ("gb2312", "gbk", "x-gbk", "gb-2312", "gb_2312-80", "cp936", "chinese", "euc-cn", "hz-gb-2312"),
        "big5hkscs": ("big5", "big5-hkscs", "big-5", "x-x-big5", "cp950", "cn-big5"),
        "cp932": ("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "ms_kanji", "ms932", "shift-jis-2004"),
        "euc_jp": ("euc-jp", "eucjp", "x-euc-jp", "euc-jis-2004", "euc-jisx0213"),
        "iso2022_jp_ext": ("iso-2022-jp", "csiso2022jp"),
        "cp949": ("euc-kr", "euckr", "ks_c_5601-1987", "ksc5601", "ks_c_5601", "windows-949", "x-windows-949", "uhc"),
        "cp1252": ("iso-8859-1", "latin1", "latin-1", "iso8859-1", "us-ascii", "ascii", "windows-1252", "iso_8859-1"),
        "cp1254": ("iso-8859-9", "latin5", "windows-1254", "iso8859-9"),
        "cp874": ("tis-620", "windows-874", "iso-8859-11", "tis620"),
        "cp1250": ("windows-1250",),
        "cp1251": ("windows-1251", "win-1251", "x-cp1251"),
        "cp1253": ("windows-1253",),
        "cp1255": ("windows-1255", "iso-8859-8-i"),
        "cp1256": ("windows-1256",),
        "cp1257": ("windows-1257",),
        "cp1258": ("windows-1258",),
        "cp866": ("ibm866",),
        "koi8_r": ("koi8-r", "koi8r"),
        "koi8_u": ("koi8-u", "koi8-ru"),
        "mac_roman": ("macintosh", "x-mac-roman"),
        "mac_cyrillic": ("x-mac-cyrillic",),
        **{
            f"iso8859_{part}": (f"iso-8859-{part}", f"iso8859-{part}")
            for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)
        },
    }
)
_CODECS = {label: codec for codec, labels in _LABELS.items() for label in (codec, *labels)}
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_DECLARED = re.compile(
    rb"<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:-]+)|<meta[^>]{0,300}?\bcharset\s*=\s*[\"']?\s*([\w.:-]+)", re.I
)
_DECLARED_WITHIN = 4_096  # bytes; browsers look at 1,024, but some pages put a script first
# A text with a larger share of replacement characters among its foreign ones was decoded with the wrong codec; with a
# smaller one, some bytes went astray. UTF-8 is told from all else by far; Big5 read as GB 18030 has few errors.
_MOST_ERRORS = 0.01
_MOST_UTF8_ERRORS = 0.1


def decode(body: bytes, content_type: str = "") -> str:
    """The text of an HTML or XML body: by byte order mark, valid UTF-8, header, declaration, then by its looks.

    A byte that is wrong costs a character, never the text.
    """
    for bom, codec in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(codec, "replace")
    if wide := _wide_codec(body):
        return body.decode(wide, "replace")
    declared = list(_declared_codecs(body, content_type))
    if "iso2022_jp_ext" not in declared:  # seven-bit, so that it would pass as UTF-8
        declared.insert(0, "utf-8")
    for codec in declared:
        text = body.decode(codec, "replace")
        if _is_believable(codec, body) and _errors(text) <= (_MOST_UTF8_ERRORS if codec == "utf-8" else _MOST_ERRORS):
            return text
    return body.decode(_detected_codec(body), "replace")


_WIDE = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))


_FEW = 10
_FOREIGN = re.compile("[^\x00-\x7f]")


def _errors(text: str) -> float:
    """The share of replacement characters among the foreign ones; one in ten or more is no sign."""
    foreign = len(_FOREIGN.findall(text))
    return (text.count("\ufffd") - (foreign >= _FEW)) / max(1, foreign)


def _wide_codec(body: bytes) -> str | None:
    """UTF-16 and UTF-32 without a byte order mark show in their markup."""
    return next((codec for start, codec in _WIDE if body.startswith(start)), None)


def _declared_codecs(body: bytes, content_type: str) -> Iterator[str]:
    in_header = [found[1] for found in _CHARSET.finditer(content_type)]
    in_body = [(found[1] or found[2]).decode() for found in _DECLARED.finditer(body[:_DECLARED_WITHIN])]
    for label in in_header + in_body:
        codec = _CODECS.get(label.lower())
        if codec and not codec.startswith("utf-16"):  # a declaration that we could read is not in UTF-16
            yield codec


# Western text in one byte a letter has no such runs; servers state ISO 8859-1 for all that they do not know.
_FOREIGN_RUN = re.compile(rb"[\x80-\xff]{6}")
_MOST_FOREIGN_RUNS = 5


def _is_believable(codec: str, body: bytes) -> bool:
    return (
        codec != "cp1252"
        or sum(1 for _ in islice(_FOREIGN_RUN.finditer(body), _MOST_FOREIGN_RUNS)) < _MOST_FOREIGN_RUNS
    )


_FOREIGN_TEXT = re.compile(rb"[\x80-\xff][^<>\n]*")
_SAMPLES, _SAMPLE_BYTES = 5, 2_000


def _detected_codec(body: bytes) -> str:
    """By vote of several samples, since the detector rules out a codec for one stray byte."""
    pieces = b"\n".join(islice((found.group() for found in _FOREIGN_TEXT.finditer(body)), 2_000))
    samples = [
        pieces[start : start + _SAMPLE_BYTES]
        for start in range(0, min(len(pieces), _SAMPLES * _SAMPLE_BYTES), _SAMPLE_BYTES)
    ]
    votes = Counter(codec for sample in samples if (codec := _codec_of(_at_character(sample))))
    return votes.most_common(1)[0][0] if votes else "cp1252"


def _at_character(sample: bytes) -> bytes:
    """The sample from its first ASCII byte to its last, so that no character is cut."""
    found = re.search(rb"[\x00-\x40].*[\x00-\x40]", sample, re.DOTALL)
    return found.group() if found else sample


def _codec_of(sample: bytes) -> str | None:
    best = charset_normalizer.from_bytes(sample).best()
    return _CODECS.get(best.encoding.replace("_", "-"), _CODECS.get(best.encoding)) if best else None


# --- markup ---------------------------------------------------------------------------------------------------------

# Elements that begin a new line.
_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "br", "center", "dd", "details", "dialog", "div", "dl", "dt"),
        *(
            "fieldset",
            "figcaption",
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "li",
        ),
        *("main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "thead", "tr", "ul"),
    )
)
_SILENT = frozenset(
    (
        *("script", "style", "template", "noscript", "iframe", "svg", "math", "head", "title", "select"),
        *("textarea", "button", "audio", "video", "canvas", "map"),
    )
)
_LOOKS_LIKE_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>|<!--|&(?:#\d|#[xX][0-9a-fA-F]|[a-zA-Z])")
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|code|del|div|em|font|h[1-6]|hr|i|img|ins|li|ol|p|pre|q|s|small|span|strike|strong|"
    r"sub|sup|table|td|tr|tt|u|ul|wbr)(?:\s[^<>]{0,2000})?/?>",
    re.IGNORECASE,
)
_XML_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def parse_html(text: str) -> lxml_html.HtmlElement | None:
    """The tree of a page or fragment, or None where there is none; deep nesting is kept, foreign characters dropped."""
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        tree = lxml_html.document_fromstring(_XML_UNFIT.sub("", text).encode(), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None
    return tree


def plain_text(markup: str) -> str:
    """The text of an HTML fragment, entities decoded once: blocks on lines of their own, no scripts and the like."""
    if not _LOOKS_LIKE_MARKUP.search(markup):
        return clean(markup, keep_newlines=True)
    if "<" not in markup:
        return clean(html.unescape(markup), keep_newlines=True)
    simple = _simple_pieces(markup)
    return clean("".join(_parsed_pieces(markup) if simple is None else simple), keep_newlines=True)


def _parsed_pieces(markup: str) -> Iterable[str]:
    tree = parse_html(f"<div>{_without_open_comment(markup)}</div>")
    return () if tree is None else _pieces(tree)


_SIMPLE_TAG = re.compile(r"<(?:/?([a-zA-Z][a-zA-Z0-9]*)(?:\s[^<>]*)?/?|!--[^<>]*--)>")


def _simple_pieces(markup: str) -> list[str] | None:
    """What `_parsed_pieces` yields, five times as fast; None where it takes a parser to tell text from tags."""
    parts = _SIMPLE_TAG.split(markup)
    texts, tags = parts[::2], [(tag or "").lower() for tag in parts[1::2]]  # a comment has none
    if not _SILENT.isdisjoint(tags) or any("<" in text or ">" in text for text in texts):
        return None
    pieces = [_line(html.unescape(texts[0]))]
    for tag, text in zip(tags, texts[1:], strict=True):
        pieces += (_gap(tag), _line(html.unescape(text)))
    return pieces


def _without_open_comment(markup: str) -> str:
    """A comment that never ends would hide all the rest: only its own tag is dropped."""
    start = markup.find("<!--", markup.rfind("-->") + 1)
    return markup if start < 0 else markup[:start] + _OPEN_COMMENT.sub("", markup[start:])


_OPEN_COMMENT = re.compile(r"<!--(?:[^<>]*>)?")


def has_tags(text: str) -> bool:
    """Whether a text holds tags of HTML, not merely something in angle brackets."""
    return _TAG.search(text) is not None


def unmarked(text: str) -> str:
    """One line of a text that may or may not be marked up, as titles in metadata are."""
    return clean(plain_text(text) if has_tags(text) else html.unescape(text))


def _pieces(tree: lxml_html.HtmlElement) -> Iterator[str]:
    silent = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        tag = element.tag
        if event == "start":
            silent += tag in _SILENT
            yield _gap(tag) + ("" if silent else _line(element.text))
        else:
            silent -= tag in _SILENT
            yield _gap(tag) + ("" if silent else _line(element.tail))


def _line(text: str | None) -> str:
    """A line end in HTML is a space."""
    return " ".join(text.splitlines()) if text and "\n" in text else text or ""


def _gap(tag: str) -> str:
    return "\n" if tag in _BLOCKS else " " if tag in ("td", "th") else ""


# --- XML that is not quite -------------------------------------------------------------------------------------------

_XML_DECLARATION = re.compile(r"\s*<\?xml\b[^>]{0,200}\?>")
_REFERENCE = re.compile(
    r"<!\[CDATA\[(?:.*?\]\]>|.*)|&(?:(?:amp|lt|gt|quot|apos);|#[xX]([0-9a-fA-F]{1,6});|#(\d{1,7});|(\w{2,32};)?)",
    re.DOTALL,
)


def xml_body(text: str) -> bytes:
    """XML in UTF-8 for a parser that forgives: bare ampersands and the entities of HTML stand for what was meant."""
    body = _XML_UNFIT.sub("", _XML_DECLARATION.sub("", text, count=1))
    return _REFERENCE.sub(_repaired, body).encode()


def _repaired(found: re.Match[str]) -> str:
    hexadecimal, decimal, name = found.groups()
    if found[0] == "&" or name:
        return html.escape(html.unescape(found[0]))
    if hexadecimal or decimal:  # the parser gives up at one that stands for no character
        number = int(hexadecimal or decimal, 16 if hexadecimal else 10)
        return found[0] if number in range(0x20, 0x110000) and not _XML_UNFIT.match(chr(number)) else " "
    return found[0]


# --- addresses ------------------------------------------------------------------------------------------------------

_LONGEST_LINK = 2_000


# An address that is as it should be already.
_PLAIN_LINK = re.compile(r"https?://[a-z0-9.-]+(?:/[^\s\\?#]*(?:\?[^\s\\?#]+)?)?", re.ASCII)


def web_link(link: str | None, base: str = "") -> str:
    """An absolute http(s) address, or "": no other scheme, no user name, no host without a name."""
    written = clean(link or "").replace(" ", "%20")
    if len(written) <= _LONGEST_LINK and written.isascii() and _PLAIN_LINK.fullmatch(written):
        return written
    try:
        parts = urlsplit(urljoin(base, written) if written else "")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return ""
    address = parts._replace(netloc=parts.netloc.lower()).geturl()
    named = parts.hostname and not set(parts.netloc) & {"@", "\\"}
    return address if parts.scheme in ("http", "https") and named and len(address) <= _LONGEST_LINK else ""


def host(link: str) -> str:
    """The host of an address without "www.", or ""."""
    try:
        return (urlsplit(link).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
