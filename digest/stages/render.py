"""An issue as a mail: one view of it, which the HTML and the text are both made from, so that they say the same."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import css_inline
from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from digest.languages import base, direction, shorten
from digest.records import Act, Digest, Email, Item, Report
from digest.stages.phrases import (
    act_sentence,
    counted,
    isolated,
    language_name,
    listed,
    short_day,
    short_time,
    to_verb,
)
from digest.stages.quote import shortened

__all__ = ["render"]

# Gmail clips messages at about 102 KB of HTML, and hides the end: what was not seen.
MOST_BYTES = 80_000
# What a story may show, from full to bare: links beside its headline's (none: nor names), quoted sentences (none: nor
# evidence of acts). The first that fits is taken, for all stories.
LEVELS = ((8, 2), (4, 2), (4, 1), (2, 1), (1, 1), (1, 0), (0, 0))
SUBJECT_MOST = 120
PREVIEW_MOST = 100
GLANCE_FEWEST, GLANCE_MOST = 3, 5
LINE_MOST = 140  # of "At a glance"
ABOUT_MOST = 8
COMPANIES_MOST = 12
SOURCES_MOST = 8
UNSEEN_MOST = 20
HITS_MOST = 10
TEXT_WIDTH = 76
# An act leads its story where this part of its independent reports tell it; else it may be background.
ACT_SHARE = 1 / 3

# Keeps mail clients from filling the preview line with the first words of the page.
_FILLER = Markup("\u034f\u200c\u00a0") * 40
_UNSAFE_IN_URL = re.compile(r"[\s\x00-\x20\x7f\"<>\\^`{|}]")


# --- the view --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Passage:
    """Text in a language of its own; "en" is the briefing's."""

    text: str
    language: str = "en"

    @property
    def direction(self) -> str:
        return direction(self.language)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    passage: _Passage
    aside: str


@dataclass(frozen=True, slots=True)
class _ActLine:
    agencies: str
    verb: str
    companies: str
    quote: _Passage
    source: _Passage
    url: str
    meta: str
    number: int


@dataclass(frozen=True, slots=True)
class _Sourced:
    passage: _Passage
    source: _Passage


@dataclass(frozen=True, slots=True)
class _Link:
    name: _Passage
    mark: str
    url: str


@dataclass(frozen=True, slots=True)
class _Story:
    number: int
    heading: str
    headline: _Passage
    url: str
    badge: str
    gain: str
    meta: str
    quotes: tuple[_Sourced, ...]
    about: str
    watched: str
    changes: tuple[_Sourced, ...]
    sources: tuple[_Link, ...]
    unlinked: int

    @property
    def status(self) -> str:
        return f"{self.badge} · {self.meta}" if self.badge else self.meta


@dataclass(frozen=True, slots=True)
class _Hit:
    label: str
    numbers: tuple[int, ...]
    more: int


@dataclass(frozen=True, slots=True)
class _Row:
    language: str
    reports: int
    sources: str


@dataclass(frozen=True, slots=True)
class _View:
    subject: str
    preview: str
    notice: str
    title: str
    day: str
    cutoff: str
    counts: tuple[str, ...]
    url: str
    quiet: str
    glance: tuple[_Line, ...]
    acts: tuple[_ActLine, ...]
    stories: tuple[_Story, ...]
    watched: tuple[_Hit, ...]
    languages: tuple[_Row, ...]
    unheard: str
    unseen: tuple[str, ...]
    footer: tuple[str, ...]


def render(digest: Digest, url: str = "") -> Email:
    """The mail of an issue; `url` is its page in the web archive, if it has one.

    The HTML part stays below 80 KB: a long issue shows fewer links and sentences for each story, the text part too.
    """
    for links, sentences in LEVELS:
        view = _view(digest, _web(url), links, sentences)
        html = _html(view)
        if len(html.encode()) <= MOST_BYTES:
            break
    return Email(view.subject, html, _text(view))


def _view(digest: Digest, url: str, links: int, sentences: int) -> _View:
    numbered = list(enumerate(digest.items, 1))
    lines = tuple(_glance_line(number, item, digest) for number, item in numbered)
    acts = tuple(line for number, item in numbered for line in _act_lines(number, item, digest, sentences))
    return _View(
        subject=_subject(digest),
        preview=_preview(digest, lines),
        notice=digest.notice,
        title=digest.edition.title,
        day=f"{digest.date:%A}, {digest.date.day} {digest.date:%B %Y}",
        cutoff=_cutoff(digest),
        counts=_counts(digest),
        url=url,
        quiet="" if digest.items else _why_quiet(digest),
        glance=lines[:GLANCE_MOST] if len(lines) >= GLANCE_FEWEST else (),
        acts=acts,
        stories=tuple(_story(number, digest, links, sentences) for number, _ in numbered),
        watched=_hits(digest),
        languages=_language_rows(digest),
        unheard=_unheard(digest),
        unseen=tuple(_unseen(digest)),
        footer=_footer(digest),
    )


# --- head ------------------------------------------------------------------------------------------------------------


def _subject(digest: Digest) -> str:
    """The lead story first, then the day, which makes it unique: mail clients thread equal subjects."""
    tail = f" · {short_day(digest.date)} · {shorten(digest.edition.title, 40)}"
    # Two characters may be needed to isolate what is written from right to left.
    lead = isolated(shorten(_lead(digest, SUBJECT_MOST - len(tail) - 2), SUBJECT_MOST - len(tail) - 2))
    return " ".join(f"{lead}{tail}".split())


def _lead(digest: Digest, limit: int) -> str:
    if digest.items:
        return _lead_act(digest.items[0], digest, limit) or digest.items[0].headline
    return "Nothing new" if digest.coverage.sources_seen else "No source could be read"


def _preview(digest: Digest, lines: Sequence[_Line]) -> str:
    following = " · ".join(isolated(line.passage.text) for line in lines[1:3])
    return shorten(following or ", ".join(_counts(digest)), PREVIEW_MOST)


def _cutoff(digest: Digest) -> str:
    local = digest.cutoff.astimezone(ZoneInfo(digest.edition.zone))
    offset = f"{local:%z}"  # +0530
    utc = f"UTC{offset[0]}{int(offset[1:3])}" + (f":{offset[3:5]}" if offset[3:5] != "00" else "")
    return f"Seen until {short_time(local)} ({digest.edition.zone.replace('_', ' ')}, {utc})"


def _counts(digest: Digest) -> tuple[str, ...]:
    coverage = digest.coverage
    spoken = len({base(language) for language in coverage.languages})
    return (
        counted(len(digest.items), "story", "stories"),
        counted(coverage.articles, "article"),
        f"{coverage.sources_seen} of {counted(coverage.sources, 'source')}",
        counted(spoken, "language"),
    )


def _why_quiet(digest: Digest) -> str:
    coverage = digest.coverage
    if not coverage.sources_seen:
        return (
            f"None of the {counted(coverage.sources, 'source')} could be read, so this issue cannot tell whether "
            "anything happened. Below is why."
        )
    seen = f"{coverage.sources_seen} of {counted(coverage.sources, 'source')}"
    if not coverage.articles:
        return f"There is nothing to report: {seen} could be read, and they published nothing new."
    came = (
        "one article came in, and it" if coverage.articles == 1 else f"{coverage.articles:,} articles came in, and none"
    )
    brought = "brought nothing" if coverage.articles == 1 else "brought anything"
    return f"There is nothing to report: {seen} could be read, {came} {brought} that earlier issues had not."


# --- at a glance, acts -----------------------------------------------------------------------------------------------


def _glance_line(number: int, item: Item, digest: Digest) -> _Line:
    """One line of English where an act makes one; else the headline, with a word of help where it is foreign."""
    if line := _lead_act(item, digest, LINE_MOST):
        return _Line(number, _Passage(line), "")
    headline = _Passage(item.headline, _tag(item.headline_language))
    if headline.language == "en":
        return _Line(number, headline, "")
    names = [isolated(name) for _, name, _ in item.entities]
    return _Line(number, headline, " · ".join(filter(None, (language_name(headline.language), listed(names, 3)))))


def _lead_act(item: Item, digest: Digest, limit: int) -> str:
    for group in _groups(item):
        tellers = [report for report in item.story.reports if any(_same(act, group) for act in report.acts)]
        if len(tellers) >= ACT_SHARE * item.independent:
            return act_sentence(_names(group.agencies, digest), group.action, _names(group.companies, digest), limit)
    return ""


@dataclass(frozen=True, slots=True)
class _Group:
    """Acts of one kind by the same agencies on several companies, which a line can tell together."""

    action: str
    agencies: tuple[str, ...]
    companies: tuple[str, ...]
    act: Act  # whose evidence is shown


def _same(act: Act, group: _Group) -> bool:
    return act.action == group.action and act.company in group.companies


def _groups(item: Item) -> list[_Group]:
    """In the order of the acts. Reports differ in the agencies that they name: a company's are those of all reports."""
    agencies: dict[tuple[str, str], list[str]] = {}
    for act in item.acts:
        agencies.setdefault((act.action, act.company), []).append(act.agency)
    rank = {agency: place for place, agency in enumerate(dict.fromkeys(act.agency for act in item.acts))}
    companies: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (action, company), own in agencies.items():
        companies.setdefault((action, tuple(sorted(set(own), key=rank.__getitem__))), []).append(company)
    return [
        _Group(action, own, tuple(acted_on), _best_act(item, action, own, acted_on))
        for (action, own), acted_on in companies.items()
    ]


def _best_act(item: Item, action: str, agencies: Sequence[str], companies: Sequence[str]) -> Act:
    """The surest act; of equals the one whose evidence tells the most of the others."""
    acts = [a for a in item.acts if a.action == action and a.agency in agencies and a.company in companies]
    told = Counter(act.evidence for act in acts)
    return max(acts, key=lambda act: (round(act.confidence, 1), told[act.evidence]))


def _act_lines(number: int, item: Item, digest: Digest, sentences: int) -> Iterator[_ActLine]:
    for group in _groups(item):
        report = next((one for one in item.story.reports if group.act in one.acts), item.story.reports[0])
        quote = shortened(group.act.evidence, report.language) if sentences else ""
        yield _ActLine(
            agencies=" + ".join(_names(group.agencies, digest)),
            verb=to_verb(group.action, len(group.agencies), past=True),
            companies=listed(_names(group.companies, digest), COMPANIES_MOST),
            quote=_Passage(quote, _tag(report.language)),
            source=_source(report),
            url=_web(report.url),
            meta=f"{_local(report, digest)} · {_independence(item)}",
            number=number,
        )


def _names(entities: Sequence[str], digest: Digest) -> list[str]:
    return [isolated(digest.names.get(entity, entity)) for entity in entities]


def _independence(item: Item) -> str:
    copies = len(item.story.reports) - item.independent
    told = counted(item.independent, "independent report")
    return f"{told}, {counted(copies, 'copy', 'copies')}" if copies else told


def _local(report: Report, digest: Digest) -> str:
    return short_time((report.published or report.first_seen).astimezone(ZoneInfo(digest.edition.zone)))


# --- stories ---------------------------------------------------------------------------------------------------------


def _story(number: int, digest: Digest, links: int, sentences: int) -> _Story:
    item = digest.items[number - 1]
    by_id = {report.id: report for report in item.story.reports}
    badge, _, gain = item.news.partition(": ")
    ordered = _reading_order(item)
    return _Story(
        number=number,
        heading=_heading(number, digest),
        headline=_Passage(item.headline, _tag(item.headline_language)),
        url=_web(by_id[item.headline_report].url),
        badge=badge.capitalize(),
        gain=gain,
        meta=_meta(item, digest),
        quotes=tuple(
            _Sourced(_Passage(text, _tag(language)), _source(by_id[report]))
            for text, language, report in _not_yet_quoted(item)[:sentences]
        ),
        about=listed([isolated(name) for _, name, _ in item.entities], ABOUT_MOST) if links else "",
        watched=" · ".join(isolated(label) for label in item.watched),
        changes=tuple(
            _Sourced(_Passage(report.earlier_title, _tag(report.language)), _source(report))
            for report in ordered[:links]
            if report.earlier_title
        ),
        sources=tuple(_Link(_source(report), _mark(report), _web(report.url)) for report in ordered[:links]),
        unlinked=max(0, len(ordered) - links),
    )


def _not_yet_quoted(item: Item) -> Sequence[tuple[str, str, int]]:
    """The sentences that do not stand above as evidence of an act, as long as there are others."""
    evidence = {group.act.evidence for group in _groups(item)}
    others = [sentence for sentence in item.sentences if sentence[0] not in evidence]
    return others or item.sentences


def _heading(number: int, digest: Digest) -> str:
    """The section's title above its first story."""
    also = [not (item.entities or item.watched) for item in digest.items]
    if number == 1:
        return "Stories"
    return "Also" if also[number - 1] and not also[number - 2] else ""


def _reading_order(item: Item) -> list[Report]:
    """The report that gave the headline, then what is new, then the rest, each as they came."""
    head, known = item.headline_report, item.story.issued_before
    return sorted(item.story.reports, key=lambda report: (report.id != head, report.id in known))


def _meta(item: Item, digest: Digest) -> str:
    reports = item.story.reports
    languages = list(dict.fromkeys(language_name(report.language) for report in reports))
    sources = len({report.source for report in reports})
    first = _local(min(reports, key=lambda report: report.published or report.first_seen), digest)
    if len(reports) == 1:
        return f"1 report, in {languages[0]} · {first}"
    told = f"{counted(len(reports), 'report')} by {counted(sources, 'source')} in {listed(languages, 6)}"
    copies = f" · {_independence(item)}" if item.independent < len(reports) else ""
    return f"{told}{copies} · first {first}"


def _mark(report: Report) -> str:
    tag = base(report.language)
    return f"{tag}, copy" if report.copy_of is not None else tag


def _source(report: Report) -> _Passage:
    """A source's name: in its language where it is not in Latin letters."""
    return _Passage(report.source, "en" if _is_latin(report.source) else _tag(report.language))


def _is_latin(text: str) -> bool:
    return all(character < "\u0250" or not character.isalpha() for character in text)


def _tag(language: str) -> str:
    return "en" if base(language) == "en" else language or "und"


def _web(url: str) -> str:
    """The address if it may stand in a link: http(s), with a host and nothing that ends a link early; else nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    good = parts.scheme in ("http", "https") and parts.netloc and not _UNSAFE_IN_URL.search(url)
    return url if good else ""


# --- the end ---------------------------------------------------------------------------------------------------------


def _hits(digest: Digest) -> tuple[_Hit, ...]:
    found: dict[str, list[int]] = {}
    for number, item in enumerate(digest.items, 1):
        for label in item.watched:
            found.setdefault(label, []).append(number)
    return tuple(
        _Hit(isolated(label), tuple(numbers[:HITS_MOST]), max(0, len(numbers) - HITS_MOST))
        for label, numbers in sorted(found.items())
    )


def _language_rows(digest: Digest) -> tuple[_Row, ...]:
    """The reports of the issue's stories by language, the most told first."""
    by_language: dict[str, Counter[str]] = {}
    for item in digest.items:
        for report in item.story.reports:
            by_language.setdefault(language_name(report.language), Counter())[report.source] += 1
    rows = [
        _Row(
            language, sources.total(), listed([f"{isolated(name)} {n}" for name, n in _counted(sources)], SOURCES_MOST)
        )
        for language, sources in by_language.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.reports, row.language)))


def _counted(numbers: Counter[str]) -> list[tuple[str, int]]:
    return sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))


def _unheard(digest: Digest) -> str:
    heard = {base(report.language) for item in digest.items for report in item.story.reports}
    silent = sorted({language_name(one) for one in digest.coverage.languages if base(one) not in heard})
    return f"Read, but in no story of this issue: {', '.join(silent)}." if silent and digest.items else ""


def _unseen(digest: Digest) -> Iterator[str]:
    """What a reader must know before taking silence for news."""
    troubles = digest.coverage.troubles
    for trouble in troubles[:UNSEEN_MOST]:
        zone = ZoneInfo(digest.edition.zone)
        since = f"; last read {short_time(trouble.since.astimezone(zone))}" if trouble.since else "; never read yet"
        yield f"{isolated(trouble.source)}: {trouble.reason or 'could not be read'}{since}"
    if len(troubles) > UNSEEN_MOST:
        yield f"{counted(len(troubles) - UNSEEN_MOST, 'more source')} with trouble"
    for reason, number in sorted(digest.coverage.failed_items.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"{counted(number, 'article')} left out: {reason}"
    if digest.dropped:
        rest = counted(digest.dropped, "story of lower rank", "stories of lower rank")
        yield f"{rest} did not fit: this edition holds {digest.edition.size}"


def _footer(digest: Digest) -> tuple[str, ...]:
    made = (
        "Made by a program. Headlines and sentences are quoted from the sources named, in their own words, at times "
        "shortened. Acts of agencies, names and counts are found in those reports by rules, which can be wrong: the "
        "linked report decides. Copies of a report do not count as independent."
    )
    issue = f"{digest.edition.title}, issue of {short_day(digest.date)} (edition “{digest.edition.name}”)."
    return tuple(filter(None, (made, issue, digest.notice)))


# --- templates -------------------------------------------------------------------------------------------------------


def _html(view: _View) -> str:
    page = _templates().get_template("issue.html").render(view=view, filler=_FILLER)
    return _inliner().inline(page)


def _text(view: _View) -> str:
    text = _templates().get_template("issue.txt").render(view=view)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _template(name: str) -> str:
    return files("digest.stages").joinpath("templates", name).read_text("utf-8")


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"wrapped": _wrapped, "underlined": _underlined, "plain": _plain}
    return environment


@cache
def _inliner() -> css_inline.CSSInliner:
    # Without the first option it would read files that a style sheet names.
    return css_inline.CSSInliner(load_remote_stylesheets=False, minify_css=True)


def _wrapped(passage: _Passage | str, first: str = "", rest: str | None = None) -> str:
    """Lines of text, the first behind `first`, the others indented as far. What runs from right to left is isolated
    line by line: an isolate does not reach over a line's end."""
    text, rightward = (passage, True) if isinstance(passage, str) else (passage.text, passage.direction == "ltr")
    indent = " " * len(first) if rest is None else rest
    width = TEXT_WIDTH - len(first)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    shown = lines if rightward else [f"\u2068{line}\u2069" for line in lines]
    return "\n".join((indent if place else first) + line for place, line in enumerate(shown))


def _underlined(text: str, mark: str) -> str:
    return f"{text}\n{mark * min(len(text), TEXT_WIDTH)}"


def _plain(passage: _Passage) -> str:
    return isolated(passage.text)
