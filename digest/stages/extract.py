"""Pages to articles: decoding, pruning what is not the article, trafilatura for its text, the page's own metadata."""

import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import islice

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
        text = _text(found, replace(about, lead="", body=""))
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
    captions = _captions(tree)
    _unframe_tables(tree)
    _unframe_readings(tree)
    size = _prune(tree)
    parts = _join_parts(tree)
    text = _read(tree, max(_SHARE_OF_PARTS_READ * parts, _SHARE_OF_PAGE * size))
    text = text if len(text) >= _SHARE_OF_BODY * len(about.body) else about.body
    kept = (
        line
        for line in _without_frame(text[:_LONGEST_TEXT].split("\n"), about.headlines)
        if _letters(line) not in captions
    )
    lines = _without_tail(list(kept))
    if lines and not _has_lead(lines, about.lead):
        lines.insert(0, about.lead)
    return "\n".join(lines)


# Of what holds most paragraphs, and of all text that pruning left: with less, the library's fast way has failed.
_SHARE_OF_PARTS_READ = 0.7
_SHARE_OF_PAGE = 0.3
# A page that shows less than this of what it states in JSON-LD is drawn by a script, or keeps its text back.
_SHARE_OF_BODY = 0.3


def _read(tree: HtmlElement, enough: float) -> str:
    """What the library takes for the text: in its fast way, and where that gives less than `enough`, in its whole."""
    # A quarter of a second to import, and only workers read pages: see stages/tag.py.
    import trafilatura

    if next(islice(tree.iter("*"), _MOST_ELEMENTS, None), None) is not None:
        return "\n".join(clean("".join(paragraph.itertext())) for paragraph in tree.iter("p"))
    text = ""
    # Precision helps where words are not spaced: the library's thresholds count characters.
    precise = _is_unspaced(tree)
    for fast in (True, False):
        try:
            read = trafilatura.bare_extraction(tree, include_comments=False, favor_precision=precise, fast=fast)
        except RecursionError:  # lists in lists, a thousand deep
            return text
        text = max(text, clean((read.text if read else "") or "", keep_newlines=True), key=len)
        if len(text) >= enough:
            break
    return text


# The library's time grows with the square of these; real articles have a few thousand.
_MOST_ELEMENTS = 30_000


def _has_lead(lines: Sequence[str], lead: str) -> bool:
    """Whether the text has it already; its first words alone may come again further down."""
    return any(line.startswith(lead[:_LEAD_START]) for line in lines[:_FRAME_LINES]) or any(
        lead[: 2 * _LEAD_START] in line for line in lines
    )


_SHORTEST_CAPTION = 20  # characters


def _captions(tree: HtmlElement) -> frozenset[str]:
    """What images say instead of themselves, which captions say again."""
    letters = (_letters(image.get("alt") or "") for image in tree.iter("img"))
    return frozenset(text for text in letters if len(text) >= _SHORTEST_CAPTION)


def _unframe_tables(tree: HtmlElement) -> None:
    """Makes plain blocks of tables that are there for the layout, as old pages have them."""
    for table in list(tree.iter("table")):
        if _is_layout(table):
            for element in [table, *table.iter("tbody", "tr", "td", "th")]:
                element.tag = "div"


def _unframe_readings(tree: HtmlElement) -> None:
    """Keeps a word with its reading in one line: in the brackets that the page has for it, else the word alone."""
    for ruby in list(tree.iter("ruby")):
        bracketed = next(ruby.iterdescendants("rp"), None) is not None
        for element in list(ruby.iterdescendants("rb", "rt", "rp", "rtc")):
            element.drop_tag() if bracketed or element.tag == "rb" else element.drop_tree()
        ruby.drop_tag()


def _is_layout(table: HtmlElement) -> bool:
    """Whether there are blocks in it, or one cell holds most of its text."""
    if any(next(table.iterdescendants(tag), None) is not None for tag in ("table", "div", "p", "h1", "h2", "h3")):
        return True
    cells = [len("".join(cell.itertext())) for cell in table.iter("td")]
    return len(cells) > 0 and max(cells) > sum(cells) / 2


_LONG_PARAGRAPH = 60  # characters
_SHARE_OF_PARTS = 0.35


def _join_parts(tree: HtmlElement) -> int:
    """Brings together an article that advertisements cut into several elements of one class; the library takes one.

    How much text its elements hold in all.
    """
    parts: dict[tuple[str, str], list[HtmlElement]] = {}
    lengths: Counter[HtmlElement] = Counter()
    for paragraph in tree.iter("p"):
        length, parent = len("".join(paragraph.itertext()).strip()), paragraph.getparent()
        if length >= _LONG_PARAGRAPH and parent is not None and parent.get("class"):
            if parent not in lengths:
                parts.setdefault((parent.tag, parent.get("class")), []).append(parent)
            lengths[parent] += length
    largest = max(parts.values(), key=lambda group: sum(lengths[part] for part in group), default=[])
    size = sum(len(" ".join("".join(part.itertext()).split())) for part in largest)
    if sum(lengths[part] for part in largest) > _SHARE_OF_PARTS * lengths.total():
        for part in largest[1:]:
            if largest[0] not in part.iterancestors():
                largest[0].extend(list(part))
    return size


_UNSPACED = re.compile("[\u0e01-\u0e5b\u3041-\u30ff\u4e00-\u9fff]")


def _is_unspaced(tree: HtmlElement) -> bool:
    text = "".join(tree.itertext())
    return len(_UNSPACED.findall(text)) > len(text) / 5


# Elements that hold no text of the article, whatever they are called.
_NEVER = frozenset(
    (
        *(
            "figure",
            "figcaption",
            "address",
            "aside",
            "nav",
            "form",
            "button",
            "dialog",
            "noscript",
            "template",
            "menu",
        ),
        *("script", "style"),
    )
)
# Words in the class, id or role of elements that hold something else.
_MARKS = re.compile(
    r"(?<![a-z])(?:(?:related|recommend|recirc|most-?(?:read|popular|viewed)|also-?(?:read|like)|newsletter|subscri|cookie|"
    r"consent|gdpr|promo|social|sharing|screen-reader|advert|sponsor)\w*|\w*captions?|(?:img|image|photo|pic)-?credits?|"
    r"read-?more|trending|sign-?up|credits?|teasers?|outbrain|taboola|share|breadcrumbs?|sr-only|visually-?hidden|copyright|"
    r"author-?(?:bio|box|info)|navigation|contentinfo|complementary|"
    r"(?:show-)?comments?(?:-?(?:list|area|section|form|box))?|respond|info-?box|feedback|modal|image-?widget|tooltip|"
    r"toolbar|disclaimer|tags?(?:-?(?:list|cloud|links))?|rating)(?![a-z])",
)
_LONGEST_READ_ALSO = 60  # characters: its words and the colon
_LINKED_SHARE = 0.9
_LINKED_SHARE_OF_LIST = 0.5  # where each of its items ends in one link
_LONGEST_POINTER = 300  # characters
# What holds more of the page's text than this is the article itself, whatever it is called.
_MOST_TEXT_PRUNED = 0.3


def _prune(tree: HtmlElement) -> int:
    """Takes out captions, teasers, boxes and pointers to other articles, never most of the page's text.

    How much text is left.
    """
    sizes, linked = _text_sizes(tree)
    most = _MOST_TEXT_PRUNED * sizes[tree]
    left, gone = sizes[tree], set[HtmlElement]()
    pictures = {box for image in tree.iter("img") if (box := _picture_box(image, sizes)) is not None}
    for element in list(tree.iter("*")):
        parent = element.getparent()
        if parent in gone:
            gone.add(element)
            continue
        unwanted = (
            element.tag in _NEVER or element in pictures or _is_marked(element) or _is_pointer(element, sizes, linked)
        )
        if unwanted and sizes[element] <= most and parent is not None:
            element.drop_tree()  # but not the text behind it
            gone.add(element)
            left -= sizes[element]
    return left


_LONGEST_PICTURE_BOX = 200  # characters
_PICTURE_DEPTH = 12


def _picture_box(image: HtmlElement, sizes: Mapping[HtmlElement, int]) -> HtmlElement | None:
    """The largest element round an image that holds no more than its caption and credits."""
    box = None
    for element in islice(image.iterancestors(), _PICTURE_DEPTH):
        if sizes[element] > _LONGEST_PICTURE_BOX or element.tag in ("body", "main", "article", "td", "p"):
            break
        if sizes[element] and next(element.iterdescendants("h1", "h2", "h3"), None) is None:
            box = element
    return box


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
    if element.tag in ("html", "body", "main", "article") or not element.attrib:
        return False
    marks = f"{element.get('class') or ''} {element.get('id') or ''} {element.get('role') or ''}"
    return bool(_MARKS.search(marks.lower()))


def _is_pointer(element: HtmlElement, sizes: Counter[HtmlElement], linked: Counter[HtmlElement]) -> bool:
    """A list or paragraph that is all links, or a short paragraph with a link that says "read also"."""
    if element.tag not in ("ul", "ol", "p") or not linked[element]:
        return False
    if linked[element] >= _LINKED_SHARE * sizes[element]:
        return True
    if element.tag != "p":
        return linked[element] >= _LINKED_SHARE_OF_LIST * sizes[element] and all(map(_ends_in_link, element))
    short = sizes[element] <= _LONGEST_POINTER
    return short and _bare(clean("".join(element.itertext()))).startswith(_read_also())


def _ends_in_link(item: HtmlElement) -> bool:
    """Whether an item of a list is a teaser: some words and then the link, as in "Health: What really helps"."""
    links = list(item.iter("a"))
    return len(links) == 1 and not (links[0].tail or "").strip()


@cache
def _read_also() -> tuple[str, ...]:
    return tuple(_bare(start) for row in LANGUAGES.values() for start in row.read_also)


def _bare(text: str) -> str:
    """In lower case and without marks on letters, which Arabic papers, for one, set as they like."""
    return "".join(part for part in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(part) != "Mn")


# --- what frames it -------------------------------------------------------------------------------------------------

_LONGEST_DATE_LINE = 40  # characters
_FRAME_LINES = 3  # at the top, where title and date are repeated


def _without_frame(lines: list[str], headlines: Sequence[str]) -> Iterator[str]:
    """Without the title on top, lines of credits, pointers and repetitions."""
    previous, titles = "", {_letters(title) for title in headlines}
    for number, line in enumerate(map(_without_marks, lines)):
        if (
            not line
            or line == previous
            or (number < _FRAME_LINES and _is_head(line, titles))
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


def _is_head(line: str, titles: Container[str]) -> bool:
    """Whether a line says the title again, or only a date."""
    return _letters(line) in titles or (len(line) <= _LONGEST_DATE_LINE and read_date(line) is not None)


_LONGEST_TAIL_LINE = 60  # characters
_ENDED = re.compile(r"[.!?…。！？｡؟۔।॥:：;；\"'”’»›」』）)】\]]\W*$")


def _without_tail(lines: list[str]) -> list[str]:
    """Without the headings and tags behind the last sentence."""
    end = len(lines)
    while end and len(lines[end - 1]) <= _LONGEST_TAIL_LINE and not _ends_sentence(lines[end - 1]):
        end -= 1
    return lines[:end] if 2 * sum(map(len, lines[:end])) > sum(map(len, lines)) else lines


def _ends_sentence(line: str) -> bool:
    return _ENDED.search(line) is not None and not (line[0] in "【[［" and line[-1] in "】]］")


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text)


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
    if len(line) > _LONGEST_POINTER:
        return False
    bare = _bare(line[:_LONGEST_READ_ALSO])
    start = next((start for start in _read_also() if bare.startswith(start)), "")
    return bool(start) and bare[len(start) :].lstrip()[:1] in ("", ":", "：", "|")
