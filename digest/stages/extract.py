"""Pages to articles: decoding, pruning what is not the article, trafilatura for its text, the page's own metadata."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from lxml.html import HtmlElement

from digest.languages import LANGUAGES, clean, detect
from digest.records import Article, Document, Entry, Failure, Page, PublishedFrom
from digest.stages.canonical import registered
from digest.stages.dates import read_date
from digest.stages.markup import decode, host, parse_html
from digest.stages.metadata import Metadata, read_metadata
from digest.stages.parts import MOST_PAGES, join_texts, lacks_pages, next_page
from digest.stages.revise import revise
from digest.stages.walls import FEED_TEXT_USED, PARTS_MISSING, PAYWALL, TOO_SHORT, find_wall, refusal

__all__ = ["extract"]

_LEAD_START = 30  # characters by which the lead is found in the text
_LONGEST_TEXT = 300_000  # characters; longer ones are books and logs
# A page that gives less than this share of what its feed gave is a wall, a redirect or a player.
_SHARE_OF_FEED = 0.6


def extract(pages: Sequence[Page]) -> list[Article | Failure]:
    """One outcome per page, in the order given; where its source changed nothing, the earlier one, marked so.

    Where the page is missing, walled off, or gives less than the feed did, the feed's text serves, which is noted in
    the article's problems with the reason.
    """
    return [_reread(page, page.earlier) if page.earlier else _extract(page) for page in pages]


def _reread(page: Page, earlier: Article) -> Article:
    found = _extract(page)
    return replace(earlier, stands=True) if isinstance(found, Failure) else revise(earlier, found)


def _extract(page: Page) -> Article | Failure:
    document, entry = page.document, page.entry
    tree = _tree(document) if document else None
    about = _about(tree, document, page) if document and tree is not None else None
    read = _read_pages(page, tree, about) if tree is not None and about else _Read("")
    wall = find_wall(document, read.text) if document else refusal(page.trouble)
    text, problems = _serving(read.text, _feed_text(entry), wall)
    if not text:
        return Failure(_address(page, about), "extract", wall or "no text")
    problems += (PARTS_MISSING,) if read.incomplete and FEED_TEXT_USED not in problems else ()
    found = _article(page, about, text[:_LONGEST_TEXT], problems)
    return replace(found, next_page=read.next_page) if read.next_page else found


def _serving(text: str, from_feed: str, wall: str) -> tuple[str, tuple[str, ...]]:
    """The text that serves, and what is to be noted of it. Before a paywall stands the beginning of the article."""
    short = len(text) < _SHARE_OF_FEED * len(from_feed)
    if text and not wall and not short:
        return text, ()
    if from_feed:
        trouble = wall or (TOO_SHORT if text else "")
        return from_feed, (FEED_TEXT_USED, trouble) if trouble else (FEED_TEXT_USED,)
    return (text, (wall,)) if wall == PAYWALL else ("", ())


@dataclass(frozen=True, slots=True)
class _Read:
    """The text of all pages of an article that are there; `next_page` is one that is not yet."""

    text: str
    next_page: str = ""
    incomplete: bool = False


def _read_pages(page: Page, tree: HtmlElement, about: Metadata) -> _Read:
    assert page.document is not None
    further = [(part, found) for part in page.parts if (found := _tree(part)) is not None]
    urls = [page.document.final_url, *(part.final_url for part, _ in further)]
    wanted = next_page(
        [tree, *(found for _, found in further)], urls, [*page.asked, *(part.url for part in page.parts)]
    )
    texts = [_text(tree, about)]
    for part, found in further:
        text = _text(found, replace(about, lead=""))
        elsewhere = registered(part.final_url) != registered(page.document.final_url)
        texts.append("" if elsewhere or find_wall(part, text) else text)
    incomplete = bool(wanted) or "" in texts[1:] or lacks_pages(urls, page.asked)
    return _Read(join_texts(texts), wanted if len(texts) < MOST_PAGES else "", incomplete)


def _tree(document: Document) -> HtmlElement | None:
    if document.body[:1_024].lstrip()[:1] in (b"%", b"{") or b"<" not in document.body:  # PDF, JSON, plain text
        return None
    return parse_html(decode(document.body, document.headers.get("content-type", "")))


def _about(tree: HtmlElement, document: Document, page: Page) -> Metadata:
    language = page.language or (page.entry.language if page.entry else None)
    return read_metadata(tree, document.final_url, document.fetched, language)


def _feed_text(entry: Entry | None) -> str:
    return (entry.content or entry.summary) if entry else ""


def _address(page: Page, about: Metadata | None) -> str:
    if about:
        return about.link
    return page.document.final_url if page.document else page.entry.link if page.entry else ""


# --- the article ----------------------------------------------------------------------------------------------------


def _article(page: Page, about: Metadata | None, text: str, problems: tuple[str, ...]) -> Article:
    entry, url = page.entry, _address(page, about)
    title = _best_title(entry, about.title if about else "")
    hint = page.language or (entry.language if entry else None) or (about.language if about else None)
    language, confidence = detect(f"{title}\n{text}", hint)
    published, published_from = _published(page, about)
    return Article(
        url=url,
        title=title,
        text=text,
        language=language,
        language_confidence=confidence,
        published=published,
        published_from=published_from,
        authors=(entry.authors if entry else ()) or (about.authors if about else ()),
        site=(about.site if about else "") or page.source or host(url),
        problems=problems,
    )


def _best_title(entry: Entry | None, of_page: str) -> str:
    """The feed's title, unless it was cut off or made up from the text."""
    if entry is None or not entry.title:
        return of_page
    start = entry.title.rstrip(" .…")
    cut_off = start != entry.title.rstrip() and of_page.startswith(start)
    made_up = entry.title == entry.link or _feed_text(entry).startswith(start)
    return of_page if of_page and (cut_off or made_up) else entry.title


def _published(page: Page, about: Metadata | None) -> tuple[datetime | None, PublishedFrom]:
    """The feed knows best; a date of its last update is better than none. A saved post says its date itself."""
    entry = page.entry
    if entry and entry.published:
        return entry.published, "page" if page.via == "import" else "feed"
    if about and about.published:
        return about.published, about.published_from
    return (entry.updated, "feed") if entry and entry.updated else (None, "first seen")


# --- the text -------------------------------------------------------------------------------------------------------


def _text(tree: HtmlElement, about: Metadata) -> str:
    """The article's paragraphs, one a line. Changes the tree."""
    # A quarter of a second to import, and only workers read pages: see stages/tag.py.
    import trafilatura

    _unframe_tables(tree)
    _prune(tree)
    _join_parts(tree)
    # Precision helps where words are not spaced: the library's thresholds count characters.
    try:
        read = trafilatura.bare_extraction(tree, include_comments=False, favor_precision=_is_unspaced(tree))
    except RecursionError:  # lists in lists, a thousand deep
        return ""
    text = clean((read.text if read else "") or "", keep_newlines=True)
    lines = list(_without_frame(text.split("\n"), about.title))
    if lines and about.lead[:_LEAD_START] not in text:
        lines.insert(0, about.lead)
    return "\n".join(lines)


def _unframe_tables(tree: HtmlElement) -> None:
    """Makes plain blocks of tables that are there for the layout, as old pages have them."""
    for table in list(tree.iter("table")):
        if _is_layout(table):
            for element in [table, *table.iter("tbody", "tr", "td", "th")]:
                element.tag = "div"


def _is_layout(table: HtmlElement) -> bool:
    """Whether there are blocks in it, or one cell holds most of its text."""
    if any(next(table.iterdescendants(tag), None) is not None for tag in ("table", "div", "p", "h1", "h2", "h3")):
        return True
    cells = [len("".join(cell.itertext())) for cell in table.iter("td")]
    return len(cells) > 0 and max(cells) > sum(cells) / 2


_LONG_PARAGRAPH = 60  # characters
_SHARE_OF_PARTS = 0.35


def _join_parts(tree: HtmlElement) -> None:
    """Brings together an article that advertisements cut into several elements of one class; the library takes one."""
    parts: dict[tuple[str, str], list[HtmlElement]] = {}
    lengths: Counter[HtmlElement] = Counter()
    for paragraph in tree.iter("p"):
        length, parent = len("".join(paragraph.itertext()).strip()), paragraph.getparent()
        if length >= _LONG_PARAGRAPH and parent is not None and parent.get("class"):
            if parent not in lengths:
                parts.setdefault((parent.tag, parent.get("class")), []).append(parent)
            lengths[parent] += length
    largest = max(parts.values(), key=lambda group: sum(lengths[part] for part in group), default=[])
    if sum(lengths[part] for part in largest) > _SHARE_OF_PARTS * lengths.total():
        for part in largest[1:]:
            if largest[0] not in part.iterancestors():
                largest[0].extend(list(part))


_UNSPACED = re.compile("[\u0e01-\u0e5b\u3041-\u30ff\u4e00-\u9fff]")


def _is_unspaced(tree: HtmlElement) -> bool:
    text = "".join(tree.itertext())
    return len(_UNSPACED.findall(text)) > len(text) / 5


# Elements that hold no text of the article, whatever they are called.
_NEVER = ("figure", "figcaption", "address", "aside", "nav", "form", "button", "dialog", "noscript", "template", "menu")
# Words in the class, id or role of elements that hold something else.
_MARKS = re.compile(
    r"(?<![a-z])(?:(?:related|recommend|recirc|most-?(?:read|popular|viewed)|also-?(?:read|like)|newsletter|subscri|cookie|"
    r"consent|gdpr|promo|social|sharing|screen-reader|advert|sponsor)\w*|\w*captions?|(?:img|image|photo|pic)-?credits?|"
    r"read-?more|trending|sign-?up|credits?|teasers?|outbrain|taboola|share|breadcrumbs?|sr-only|visually-?hidden|copyright|"
    r"author-?(?:bio|box|info)|navigation|contentinfo|complementary)(?![a-z])",
)
_LINKED_SHARE = 0.9
_LONGEST_POINTER = 300  # characters
# What holds more of the page's text than this is the article itself, whatever it is called.
_MOST_TEXT_PRUNED = 0.3


def _prune(tree: HtmlElement) -> None:
    """Takes out captions, teasers, boxes and pointers to other articles, never most of the page's text."""
    sizes, linked = _text_sizes(tree)
    most = _MOST_TEXT_PRUNED * sizes[tree]
    for element in list(tree.iter("*")):
        unwanted = element.tag in _NEVER or _is_marked(element) or _is_pointer(element, sizes, linked)
        if unwanted and sizes[element] <= most and element.getparent() is not None:
            element.drop_tree()  # but not the text behind it


def _text_sizes(tree: HtmlElement) -> tuple[Counter[HtmlElement], Counter[HtmlElement]]:
    """How many characters of text each element holds, and how many of them in links."""
    sizes: Counter[HtmlElement] = Counter()
    linked: Counter[HtmlElement] = Counter()
    for element in reversed(list(tree.iter("*"))):  # children first
        sizes[element] += len((element.text or "").strip()) if element.tag not in ("script", "style") else 0
        if element.tag == "a" and element.get("href"):
            linked[element] = sizes[element]
        parent = element.getparent()
        if parent is not None:
            sizes[parent] += sizes[element] + len((element.tail or "").strip())
            linked[parent] += linked[element]
    return sizes, linked


def _is_marked(element: HtmlElement) -> bool:
    if element.tag in ("html", "body", "main", "article"):
        return False
    marks = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('role') or ''}"
    return bool(_MARKS.search(marks.lower()))


def _is_pointer(element: HtmlElement, sizes: Counter[HtmlElement], linked: Counter[HtmlElement]) -> bool:
    """A list or paragraph that is all links, or a short paragraph with a link that says "read also"."""
    if element.tag not in ("ul", "ol", "p") or not linked[element]:
        return False
    if linked[element] >= _LINKED_SHARE * sizes[element]:
        return True
    short = element.tag == "p" and sizes[element] <= _LONGEST_POINTER
    return short and _bare(clean("".join(element.itertext()))).startswith(_read_also())


@cache
def _read_also() -> tuple[str, ...]:
    return tuple(_bare(start) for row in LANGUAGES.values() for start in row.read_also)


def _bare(text: str) -> str:
    """In lower case and without marks on letters, which Arabic papers, for one, set as they like."""
    return "".join(part for part in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(part) != "Mn")


# --- what frames it -------------------------------------------------------------------------------------------------

_LONGEST_DATE_LINE = 40  # characters
_FRAME_LINES = 3  # at the top, where title and date are repeated


def _without_frame(lines: list[str], title: str) -> Iterator[str]:
    """Without the title on top, lines of credits, pointers and repetitions."""
    previous = ""
    for number, line in enumerate(map(_without_marks, lines)):
        if (
            not line
            or line == previous
            or (number < _FRAME_LINES and _is_head(line, title))
            or _is_credits(line)
            or _points(line)
        ):
            continue
        previous = line
        yield line


def _without_marks(line: str) -> str:
    """Without the signs that the library sets for list items and table cells."""
    line = line.removeprefix("- ")
    return _CELL_ENDS.sub("", line).replace("\\|", "|") if line.startswith("|") else line


_CELL_ENDS = re.compile(r"^[|\s-]+|[|\s-]+$")


def _is_head(line: str, title: str) -> bool:
    """Whether a line says the title again, or only a date."""
    return re.sub(r"\W", "", line) == re.sub(r"\W", "", title) or (
        len(line) <= _LONGEST_DATE_LINE and read_date(line) is not None
    )


_LONGEST_CREDITS = 80


def _is_credits(line: str) -> bool:
    return len(line) <= _LONGEST_CREDITS and bool(_credits().match(line))


@cache
def _credits() -> re.Pattern[str]:
    roles = "|".join(
        sorted((re.escape(role) for row in LANGUAGES.values() for role in row.credits), key=len, reverse=True)
    )
    return re.compile(rf"[(（\[【]?(?:(?:{roles})\s*[:：]\s*[^:：。!?！？]{{1,40}}\s*)+[)）\]】]?$")


def _points(line: str) -> bool:
    """Whether a line without links left still points elsewhere: its words, then a colon."""
    bare = _bare(line)
    start = next((start for start in _read_also() if bare.startswith(start)), "")
    return bool(start) and len(line) <= _LONGEST_POINTER and bare[len(start) :].lstrip()[:1] in ("", ":", "：", "|")
