"""Articles from files: saved posts with front matter (Markdown or HTML), saved HTML pages, and JSON lines."""

import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import yaml

from digest.languages import clean, normal_tag
from digest.records import Document, Entry, Failure
from digest.stages.dates import read_date
from digest.stages.markup import decode, host, web_link

__all__ = ["is_post", "read_import"]

Pair = tuple[Entry, Document]
# When a file was fetched, nobody knows; a page's date is not doubted for being later.
_FETCHED = datetime(2100, 1, 1, tzinfo=UTC)
_DEFAULT_SOURCE = "files"
_MARKDOWN = (".md", ".markdown")


def is_post(name: str, data: bytes) -> bool:
    """Whether the file is Markdown by its name, or begins with YAML front matter."""
    return name.lower().endswith(_MARKDOWN) or _FRONT_MATTER.match(decode(data[:_LONGEST_FRONT_MATTER])) is not None


def read_import(name: str, data: bytes) -> list[Pair] | Failure:
    """The articles of a file, each with an HTML page that `extract` reads like any other, or why there are none.

    A file is taken whole or not at all. The entry's feed is "import:" and the source's name.
    """
    text = decode(data).lstrip("\ufeff")
    if not text.strip():
        return Failure(name, "import", "the file is empty")
    try:
        if name.lower().endswith((".json", ".jsonl")):
            return [_json_article(item) for item in _json_items(text)]
        if is_post(name, data):
            return [_post(text)]
        return [_saved_page(text) if "<" in text else _plain_text(text)]
    except _UnreadableError as error:
        return Failure(name, "import", str(error))


class _UnreadableError(Exception):
    """Carries the reason of the failure."""


def _pair(feed: str, link: str, body: str, title: str = "", published: datetime | None = None, **rest: Any) -> Pair:
    page = f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>{body}</body></html>'
    id_ = link or "sha256:" + hashlib.sha256(f"{title}\0{body}".encode()).hexdigest()[:32]
    entry = Entry(f"import:{feed or host(link) or _DEFAULT_SOURCE}", id_, title, link, published, **rest)
    return entry, _document(link, page.encode())


def _document(link: str, body: bytes) -> Document:
    return Document(link, link, 200, {"content-type": "text/html; charset=utf-8"}, body, _FETCHED)


# --- posts with front matter ----------------------------------------------------------------------------------------

_LONGEST_FRONT_MATTER = 20_000
_FRONT_MATTER = re.compile(r"\s*---[ \t]*\r?\n(.{1,20000}?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)", re.DOTALL)


class _Strings(yaml.BaseLoader):
    """YAML as strings, lists and mappings; aliases are refused, since ten lines of them can fill the memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("alias")
        return super().compose_node(parent, index)


def _post(text: str) -> Pair:
    found = _FRONT_MATTER.match(text)
    front = _front_matter(found[1]) if found else {}
    link = web_link(_field(front, "from", "url", "link"))
    author = _field(front, "author")
    language = normal_tag(_field(front, "language", "lang"))
    return _pair(
        _field(front, "site", "source") or author,
        link,
        _rendered(text[found.end() if found else 0 :]),
        title=_field(front, "title"),
        published=read_date(_field(front, "date", "published"), language),
        language=language,
        authors=(author,) if author else (),
    )


def _front_matter(text: str) -> Mapping[str, Any]:
    try:
        read = yaml.load(text, Loader=_Strings)  # noqa: S506 - a BaseLoader, which makes no objects
    except (yaml.YAMLError, RecursionError) as error:
        raise _UnreadableError("broken front matter") from error
    if not isinstance(read, dict):
        raise _UnreadableError("broken front matter")
    return read


def _field(front: Mapping[str, Any], *names: str) -> str:
    """The first of the fields that is a non-empty string, on one line; of a list its first item."""
    for name in names:
        value = front.get(name)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, str) and (text := clean(first)):
            return text
    return ""


# --- Markdown -------------------------------------------------------------------------------------------------------

_INLINE = (
    (re.compile(r"!\[[^\]\n]{0,500}\]\([^)\s]{0,2000}(?:\s+\"[^\"\n]{0,500}\")?\)"), ""),
    (re.compile(r"\[([^\]\n]{1,500})\]\(<?([^)\s>\"]{1,2000})>?(?:\s+\"[^\"\n]{0,500}\")?\)"), r'<a href="\2">\1</a>'),
    (re.compile(r"(\*\*|__)(?=\S)([^*_\n]+)(?<=\S)\1"), r"<strong>\2</strong>"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+)(?<=\S)\*(?![\w*])"), r"<em>\1</em>"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
)
_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$", re.DOTALL)
_UNDERLINE = re.compile(r"^[ \t]*(?:-{2,}|={2,})[ \t]*$")
_RULE = re.compile(r"[-*_](?:[ \t]*[-*_]){2,}$")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+")


def _rendered(text: str) -> str:
    """Markdown as simple HTML: paragraphs, headings, lists, links. HTML in it stays as it is."""
    return "\n".join(_block(block) for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")) if block.strip())


def _block(block: str) -> str:
    if block.lstrip().startswith("<"):
        return _inline(block)
    lines = [line for line in block.split("\n") if line.strip()]
    if len(lines) > 1 and _UNDERLINE.match(lines[-1]):
        return f"<h2>{_inline(' '.join(lines[:-1]))}</h2>"
    if heading := _HEADING.match(lines[0].strip()):
        return f"<h2>{_inline(heading[1])}</h2>" + (_block("\n".join(lines[1:])) if lines[1:] else "")
    if all(map(_ITEM.match, lines)):
        items = (_inline(_ITEM.sub("", line, count=1)) for line in lines)
        return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"
    text = " ".join(line.strip("> ") for line in lines)
    return "" if _RULE.match(block.strip()) else f"<p>{_inline(text)}</p>"


def _inline(text: str) -> str:
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return text


# --- saved pages ----------------------------------------------------------------------------------------------------

_SAVED_FROM = re.compile(r"<!--\s*saved from url=\(\d+\)(\S{1,2000})\s*-->", re.IGNORECASE)
_CANONICAL = re.compile(r"<link\b[^<>]{0,300}\brel\s*=\s*[\"']?canonical\b[^<>]{0,300}>", re.IGNORECASE)
_LONGEST_TITLE_LINE = 150
_HREF = re.compile(r"\bhref\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)


def _saved_page(text: str) -> Pair:
    link = _own_address(text)
    entry, _ = _pair("", link, text)
    return entry, _document(link, text.encode("utf-8", "replace"))


def _plain_text(text: str) -> Pair:
    """A text file: its first line is the title where it is short."""
    first, _, rest = text.strip().partition("\n")
    titled = rest.strip() and len(first) <= _LONGEST_TITLE_LINE
    return _pair("", "", _paragraphs(rest if titled else text), title=clean(first) if titled else "")


def _own_address(text: str) -> str:
    """Where a page was saved from: browsers note it in a comment, publishers in a link."""
    saved = _SAVED_FROM.search(text)
    canonical = _CANONICAL.search(text)
    stated = _HREF.search(canonical.group()) if canonical else None
    return web_link(saved[1] if saved else "") or web_link(html.unescape(stated[1]) if stated else "")


def _paragraphs(text: str) -> str:
    lines = (line.strip() for line in text.splitlines())
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines if line)


# --- JSON lines -----------------------------------------------------------------------------------------------------


def _json_items(text: str) -> Iterator[Mapping[str, Any]]:
    """Objects one a line, or one array or object over several lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    whole = text.lstrip().startswith("[") or (len(lines) > 1 and lines[0].strip() == "{")
    for line in [text] if whole else lines:
        try:
            read = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _UnreadableError("a line is no JSON") from error
        for item in read if isinstance(read, list) else [read]:
            if not isinstance(item, dict) or not (_field(item, "text") or _field(item, "html")):
                raise _UnreadableError("an article without text or html")
            yield item


def _json_article(item: Mapping[str, Any]) -> Pair:
    link, author = web_link(_field(item, "url", "link")), _field(item, "author")
    language = normal_tag(_field(item, "language", "lang"))
    marked_up, plain = item.get("html"), item.get("text")
    return _pair(
        _field(item, "source"),
        link,
        marked_up if isinstance(marked_up, str) and marked_up.strip() else _paragraphs(str(plain)),
        title=_field(item, "title"),
        published=read_date(_field(item, "date", "published"), language),
        language=language,
        authors=(author,) if author else (),
    )
