"""The `digest inspect` commands: one stage each, on the user's own files, as JSON lines. No database is touched."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from digest.edges.pool import Runner
from digest.languages import clean
from digest.records import Article, Document, Entry, Failure, Groupable, Page, ParsedFeed, Tagged, Text, Version
from digest.stages.extract import extract
from digest.stages.group import describe, group
from digest.stages.parse import parse
from digest.stages.posts import is_post, read_import
from digest.stages.tag import tag

__all__ = ["Row", "article_row", "failed", "feeds", "groups", "page_list", "pages", "read_file", "read_lines", "tags"]

Row = dict[str, Any]
A = TypeVar("A")
B = TypeVar("B")

# One line of input; a book of two million characters is under this.
MAX_LINE = 8_000_000


def feeds(named: Sequence[tuple[str, Document | Failure]], runner: Runner) -> Iterator[Row]:
    """One row a feed, in the order given. `named` are (source as the user wrote it, what was read)."""
    results = _through(runner, parse, [document for _, document in named], size=1, deadline=30.0)
    for (name, _), result in zip(named, results, strict=True):
        yield _feed_row(name, result)


def _feed_row(name: str, result: ParsedFeed | Failure) -> Row:
    if isinstance(result, Failure):
        return {"source": name, "title": "", "link": "", "language": None, "entries": [], "problems": [result.reason]}
    return {
        "source": name,
        "title": result.title,
        "link": result.link,
        "language": result.language,
        "entries": [_entry_row(entry) for entry in result.entries],
        "problems": [*result.problems, *(f"an index of sitemaps: look at {link}" for link in result.sitemaps)],
    }


def _entry_row(entry: Entry) -> Row:
    return {
        "id": entry.id,
        "title": entry.title,
        "link": entry.link,
        "published": _iso(entry.published),
        "updated": _iso(entry.updated),
        "summary": entry.summary,
        "language": entry.language,
    }


def pages(named: Sequence[tuple[str, Document | Failure]], runner: Runner) -> Iterator[Row]:
    """One row a page, in the order given; a saved post with front matter is read as one."""
    loaded = [_page(number, name, result) for number, (name, result) in enumerate(named)]
    results = _through(runner, extract, loaded, size=4, deadline=60.0)
    for (name, _), result in zip(named, results, strict=True):
        yield _page_row(name, result)


def _page(number: int, name: str, result: Document | Failure) -> Page | Failure:
    if isinstance(result, Failure):
        return result
    if not is_post(name, result.body):
        return Page(number, result)
    post = read_import(name, result.body)
    if isinstance(post, Failure):
        return post
    entry, document = post[0]
    return Page(number, document, entry, source=entry.feed.removeprefix("import:"), via="import")


def _page_row(name: str, result: Article | Failure) -> Row:
    if isinstance(result, Failure):
        keys = ("url", "title", "text", "language", "published", "published_from")
        return {"source": name, **dict.fromkeys(keys), "authors": [], "site": "", "problems": [result.reason]}
    return {
        "source": name,
        "url": result.url,
        "title": result.title,
        "text": result.text,
        "language": result.language,
        "published": _iso(result.published),
        "published_from": result.published_from if result.published else None,
        "authors": list(result.authors),
        "site": result.site,
        "problems": list(result.problems),
    }


def article_row(number: int, article: Article, versions: Sequence[Version]) -> Row:
    """An article of the ledger, with its versions: the first one first, each with what was changed in it then."""
    told = [
        {
            "replaced": _iso(version.replaced),
            "title": version.title,
            "text": version.text,
            "changes": [asdict(change) for change in version.changes],
        }
        for version in versions
    ]
    row = _page_row("", article) | {"id": number, "versions": told}
    del row["source"]
    return row


def tags(rows: Sequence[Row], runner: Runner) -> Iterator[Row]:
    """in {"id","text","lang"?}, out the mentions and acts; offsets count characters of the text as it was given."""
    texts = [_text_of(row) for row in rows]
    results = _through(runner, tag, texts, size=16, deadline=120.0)
    for row, result in zip(rows, results, strict=True):
        yield _tag_row(row.get("id"), result)


def _text_of(row: Row) -> Text | Failure:
    text, language = row.get("text"), row.get("lang")
    if not isinstance(text, str) or not (language is None or isinstance(language, str)):
        return Failure(str(row.get("id", "")), "tag", 'a line must be {"id", "text", "lang"?}')
    return Text(str(row.get("id", "")), text, language)


def _tag_row(given: object, result: Tagged | Failure) -> Row:
    if isinstance(result, Failure):
        return {"id": given, "lang": None, "mentions": [], "actions": [], "problems": [result.reason]}
    mentions = [
        {"start": m.start, "end": m.end, "text": m.text, "label": m.label, "entity": m.entity, "name": m.name}
        for m in result.mentions
    ]
    acts = [
        {
            "agency": a.agency,
            "company": a.company,
            "action": a.action,
            "start": a.start,
            "end": a.end,
            "evidence": a.evidence,
        }
        for a in result.acts
    ]
    return {"id": given, "lang": result.language, "mentions": mentions, "actions": acts}


def groups(rows: Sequence[Row], runner: Runner) -> Iterator[Row]:
    """in {"id","lang","date","title","text"?} in stream order, out each one's story."""
    titled = [_title_of(row) for row in rows]
    tagged = _through(runner, tag, titled, size=64, deadline=120.0)
    items = [_groupable(_key(n), row, one) for n, (row, one) in enumerate(zip(rows, tagged, strict=True))]
    described = _through(runner, describe, items, size=128, deadline=120.0)
    features = [one for one in described if not isinstance(one, Failure)]
    stories = {place.id: place.story for place in group([], features)}
    for number, (row, one) in enumerate(zip(rows, described, strict=True)):
        if isinstance(one, Failure):
            yield {"id": row.get("id"), "story": None, "problems": [one.reason]}
        else:
            yield {"id": row.get("id"), "story": stories[_key(number)]}


def _key(number: int) -> str:
    """The stream's order, not the user's ids: those may repeat, or be numbers."""
    return f"{number:09}"


def _title_of(row: Row) -> Text | Failure:
    title, text = row.get("title"), row.get("text") or ""
    if not isinstance(title, str) or not isinstance(text, str) or not isinstance(row.get("date"), str):
        return Failure(str(row.get("id", "")), "group", 'a line must be {"id", "lang", "date", "title", "text"?}')
    language = row.get("lang")
    return Text(
        str(row.get("id", "")), f"{title}\n{text}" if text else title, language if isinstance(language, str) else None
    )


def _groupable(key: str, row: Row, tagged: Tagged | Failure) -> Groupable | Failure:
    date = _parse_date(row.get("date"))
    if isinstance(tagged, Failure) or date is None:
        return (
            tagged if isinstance(tagged, Failure) else Failure(str(row.get("id")), "group", "the date is not ISO 8601")
        )
    entities = frozenset(mention.entity for mention in tagged.mentions if mention.entity)
    text = clean(row.get("text") or "", keep_newlines=True)
    return Groupable(key, tagged.language, date, clean(row["title"]), text, entities)


def _through(
    runner: Runner,
    stage: Callable[[Sequence[A]], Sequence[B | Failure]],
    items: Sequence[A | Failure],
    *,
    size: int,
    deadline: float,
) -> list[B | Failure]:
    """Runs a stage over what is not a failure already; outcomes in the order of items."""
    sound = [item for item in items if not isinstance(item, Failure)]
    outcomes = iter(runner.run(stage, sound, key=_name, size=size, deadline=deadline) if sound else [])
    return [item if isinstance(item, Failure) else next(outcomes) for item in items]


def _name(item: object) -> str:
    return str(getattr(item, "id", getattr(item, "url", "")))


def read_lines(lines: Iterable[bytes]) -> Iterator[Row]:
    """JSON lines as dictionaries. What is none becomes a row that its stage refuses, under its line's number."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line) if len(line) <= MAX_LINE else None
        except (ValueError, RecursionError):
            row = None
        yield row if isinstance(row, dict) else {"id": f"line {number}"}


def page_list(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """(file, url) of lines {"file", "url"}; what is none comes under its line's number, which no file bears."""
    return [(str(row.get("file") or row.get("id", "")), str(row.get("url", ""))) for row in rows]


def read_file(name: str, url: str, now: datetime) -> Document | Failure:
    """A saved response as if it had just come from `url`."""
    try:
        body = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except (OSError, ValueError) as error:  # the second: a NUL in the name
        return Failure(name, "read", f"the file cannot be read ({getattr(error, 'strerror', error)})")
    return Document(url, url, 200, {}, body, now)


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _parse_date(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the second: in UTC it lies outside the calendar
        return None


def failed(row: Row) -> bool:
    """Whether a row holds nothing but the reason why."""
    return bool(row.get("problems")) and not any(
        row.get(key) for key in ("entries", "text", "mentions", "story", "title")
    )
