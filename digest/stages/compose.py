"""What an issue says: which stories, in which order, with which headline, sentences and acts, and what is new."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import log2

from digest.languages import base, shorten
from digest.records import Act, Coverage, Digest, Edition, Item, Report, StoryView, Watchlist
from digest.stages.phrases import counted, isolated, language_name, listed, to_verb
from digest.stages.quantities import quantities
from digest.stages.quote import quotes
from digest.stages.watch import Watch, watched, watches

__all__ = ["SURE_ACT", "compose"]

# The parts of a story's score, tuned by eye on the demonstration newsroom: a story that a watchlist asks for leads
# over one that three more newsrooms tell, and an agency's act on a company over both languages and recency.
WATCHLIST, WATCHLIST_MORE, WATCHLIST_MOST = 4.0, 1.0, 6.0
PER_DOUBLING_OF_REPORTS, REPORTS_MOST = 2.0, 8.0
PER_LANGUAGE, LANGUAGES_MOST = 0.75, 3.0
ACTS = 5.0
BOTH_NAMED, ONE_NAMED = 3.0, 1.5
RECENCY, RECENCY_HALVES_HOURS = 2.0, 24.0

# Stories that name no company or agency and hit no watchlist stand at the end, if there is room.
ALSO_MOST = 3
# One source's own stories fill at most this part of an issue while others have any.
SOURCE_SHARE = 3
HEADLINE_MOST = 200
MANY_REPORTS = 4  # from here on an act that one report alone tells is doubted
SURE_ACT = 0.75  # what one report tells must be as sure as this; measured by `make quality`
FIGURES_NAMED = 2


@dataclass(frozen=True, slots=True)
class _Story:
    """A story that has news, weighed."""

    view: StoryView
    reports: tuple[Report, ...]  # without copies
    fresh: tuple[Report, ...]  # those of `reports` that no earlier issue had
    entities: tuple[tuple[str, str, str], ...]
    weights: Mapping[str, float]  # entity -> its share of the reports
    acts: tuple[Act, ...]
    watched: tuple[str, ...]
    parts: tuple[tuple[str, float], ...]

    @property
    def score(self) -> float:
        return round(sum(value for _, value in self.parts), 4)

    @property
    def main(self) -> bool:
        return bool(self.entities or self.watched)


def compose(
    stories: Sequence[StoryView],
    edition: Edition,
    watchlists: Sequence[Watchlist],
    coverage: Coverage,
    names: Mapping[str, str],
    resolve: Callable[[str], str | None],
    day: date,
    cutoff: datetime,
    notice: str = "",
) -> Digest:
    """The issue of an edition's local day, best stories first; the same input makes the same issue, in any order.

    A story of which earlier issues had every report, or all but copies of them, is not news and is left out uncounted.
    `names` maps entity ids to English names; `resolve` finds the id of a name as the user wrote it.
    """
    entries = watches(watchlists, names, resolve)
    found = [_weigh(view, entries, names, edition, cutoff) for view in stories]
    ranked = sorted((story for story in found if story), key=_order)
    chosen = _choose(ranked, edition)
    items = tuple(_item(story, head, names, edition) for story, head in chosen)
    used = {entity for item in items for act in item.acts for entity in (act.agency, act.company)}
    shown = {entity: _name(entity, names, items) for entity in sorted(used)}
    return Digest(edition, day, cutoff, items, coverage, shown, notice, len(ranked) - len(items))


def _order(story: _Story) -> tuple[bool, float, str]:
    return (not story.main, -story.score, story.view.id)


# --- weighing --------------------------------------------------------------------------------------------------------


def _weigh(
    view: StoryView, entries: Sequence[Watch], names: Mapping[str, str], edition: Edition, cutoff: datetime
) -> _Story | None:
    reports, fresh = _news_in(view)
    if not fresh:
        return None
    entities = _entities(view, reports, names)
    weights = {entity: _share(reports, entity) for entity, _, _ in entities}
    acts = _acts(view, edition)
    hits = watched(entries, view.reports, set(weights))
    parts = _parts(reports, entities, acts, hits, _hours_old(fresh, cutoff))
    return _Story(view, reports, fresh, entities, weights, acts, hits, parts)


def _news_in(view: StoryView) -> tuple[tuple[Report, ...], tuple[Report, ...]]:
    """The reports without copies, and those of them that are news: live, not issued, nor copies of issued ones."""
    root = _roots(view)
    issued = {root[report.id] for report in view.reports if report.id in view.issued_before}
    first: dict[int, Report] = {}
    for report in view.reports:
        if report.id == root[report.id] or root[report.id] not in first:
            first[root[report.id]] = report
    kept = tuple(report for report in view.reports if first[root[report.id]] is report)
    return kept, tuple(report for report in kept if root[report.id] not in issued and not report.imported)


def _roots(view: StoryView) -> dict[int, int]:
    """For each report the one that it is in the end a copy of, itself where it is none."""
    copies = {report.id: report.copy_of for report in view.reports}
    found = {}
    for report in view.reports:
        place, seen = report.id, {report.id}
        while (original := copies.get(place)) is not None and original not in seen:
            place = original
            seen.add(place)
        # A ring of copies has no original: its smallest id stands for it.
        found[report.id] = min(seen) if copies.get(place) is not None else place
    return found


def _entities(view: StoryView, reports: Sequence[Report], names: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    """Companies and agencies, those that most independent reports name first."""
    independent, total = _mentioned(reports), _mentioned(view.reports)
    found: dict[str, tuple[str, str, str]] = {}
    for report in view.reports:
        for mention in report.mentions:
            if mention.entity and mention.label in ("COMPANY", "AGENCY"):
                name = names.get(mention.entity) or mention.name or mention.text
                found.setdefault(mention.entity, (mention.entity, name, mention.label))
    return tuple(sorted(found.values(), key=lambda one: (-independent[one[0]], -total[one[0]], one[0])))


def _mentioned(reports: Sequence[Report]) -> Counter[str]:
    return Counter(entity for report in reports for entity in {m.entity for m in report.mentions if m.entity})


def _share(reports: Sequence[Report], entity: str) -> float:
    return sum(any(mention.entity == entity for mention in report.mentions) for report in reports) / len(reports)


def _acts(view: StoryView, edition: Edition) -> tuple[Act, ...]:
    """One act for each agency, company and action, those that most reports tell first, with the best evidence.

    Shown is what two independent reports tell. What one alone tells is shown where it is sure and few report at all: an
    act that none of many others tells is likelier a misreading. The rest stays in the archive.
    """
    root = _roots(view)
    stated: dict[tuple[str, str, str], list[tuple[tuple[float, int, int], Act]]] = {}
    tellers: dict[tuple[str, str, str], set[int]] = {}
    for report in view.reports:
        shared = Counter(act.evidence for act in report.acts)
        suits = _language_rank(report.language, edition)
        for act in report.acts:
            key = (act.agency, act.company, act.action)
            worth = (-round(act.confidence, 1), suits, -shared[act.evidence])
            stated.setdefault(key, []).append((worth, act))
            tellers.setdefault(key, set()).add(root[report.id])
    few = len(set(root.values())) < MANY_REPORTS
    shown = [
        group
        for key, group in stated.items()
        if len(tellers[key]) > 1 or (few and max(act.confidence for _, act in group) >= SURE_ACT)
    ]
    shown.sort(key=len, reverse=True)
    return tuple(min(group, key=lambda pair: pair[0])[1] for group in shown)


def _parts(
    reports: Sequence[Report],
    entities: Sequence[tuple[str, str, str]],
    acts: Sequence[Act],
    hits: Sequence[str],
    hours: float,
) -> tuple[tuple[str, float], ...]:
    """The score by its parts; copies count in none of them."""
    labels = {label for _, _, label in entities}
    spoken = {base(report.language) for report in reports}
    parts = {
        "watchlist": min(WATCHLIST + WATCHLIST_MORE * (len(hits) - 1), WATCHLIST_MOST) if hits else 0.0,
        "independent reports": min(PER_DOUBLING_OF_REPORTS * log2(len(reports)), REPORTS_MOST),
        "languages": min(PER_LANGUAGE * (len(spoken) - 1), LANGUAGES_MOST),
        "acts of agencies": ACTS if acts else 0.0,
        "companies and agencies": (0.0, ONE_NAMED, BOTH_NAMED)[len(labels)],
        "recency": RECENCY * 0.5 ** (hours / RECENCY_HALVES_HOURS),
    }
    return tuple((name, round(value, 4)) for name, value in parts.items() if value)


def _hours_old(fresh: Sequence[Report], cutoff: datetime) -> float:
    newest = max(report.published or report.first_seen for report in fresh)
    return max(0.0, (cutoff - newest).total_seconds() / 3600)


# --- choosing --------------------------------------------------------------------------------------------------------


def _choose(ranked: Sequence[_Story], edition: Edition) -> list[tuple[_Story, Report]]:
    """As many stories as fit, each with the report that gives its headline.

    Where other newsrooms tell a story too, another headline in as good a language relieves a source that has headed its
    share; what a source tells alone then waits until the others have had their turn.
    """
    main, other = [s for s in ranked if s.main], [s for s in ranked if not s.main]
    headed: Counter[str] = Counter()
    allowed = max(1, min(edition.size, len(main)) // SOURCE_SHARE)
    chosen: list[tuple[_Story, Report]] = []
    waiting: list[_Story] = []
    for story in main:
        head = _head(story, edition, headed, allowed)
        if headed[head.source] >= allowed and len({report.source for report in story.reports}) == 1:
            waiting.append(story)
            continue
        headed[head.source] += 1
        chosen.append((story, head))
    also = other[: min(ALSO_MOST, max(0, edition.size - len(main)))]
    late = [(story, _heads(story, edition)[0]) for story in (*waiting, *also)]
    return sorted((*chosen, *late)[: edition.size], key=lambda pair: _order(pair[0]))


def _head(story: _Story, edition: Edition, headed: Mapping[str, int], allowed: int) -> Report:
    heads = _heads(story, edition)
    best = _language_rank(heads[0].language, edition)
    free = (h for h in heads if headed[h.source] < allowed and _language_rank(h.language, edition) == best)
    return next(free, heads[0])


def _heads(story: _Story, edition: Edition) -> list[Report]:
    """The reports with news, by how well their headlines serve: the readers' language, then the names that it holds."""

    def order(report: Report) -> tuple[bool, int, float, int]:
        told = {mention.entity or "" for mention in report.mentions if mention.text in report.title}
        central = sum(story.weights.get(entity, 0.0) for entity in sorted(told))
        return (not report.title, _language_rank(report.language, edition), -round(central, 4), report.id)

    return sorted(story.fresh, key=order)


def _language_rank(language: str, edition: Edition) -> int:
    """0 is best: English, which the briefing is written in, unless the edition leaves it out of its languages."""
    wanted = [base(one) for one in edition.languages]
    order = [*(["en"] if not wanted or "en" in wanted else []), *(one for one in wanted if one != "en")]
    code = base(language)
    return order.index(code) if code in order else len(order)


# --- the item --------------------------------------------------------------------------------------------------------


def _item(story: _Story, head: Report, names: Mapping[str, str], edition: Edition) -> Item:
    title = shorten(head.title, HEADLINE_MOST) or shorten(head.text.split("\n", 1)[0], HEADLINE_MOST) or head.url
    return Item(
        story=story.view,
        headline=title,
        headline_language=head.language,
        headline_report=head.id,
        sentences=_sentences(story, head, edition),
        independent=len(story.reports),
        entities=story.entities,
        acts=story.acts,
        watched=story.watched,
        news=_news(story, names),
        score=story.score,
        score_parts=story.parts,
    )


def _sentences(story: _Story, head: Report, edition: Edition) -> tuple[tuple[str, str, int], ...]:
    """From the news if that has enough to quote, in the readers' language, then in the headline's, then in any."""
    reports = (*story.fresh, *(report for report in story.reports if report not in story.fresh))
    tiers = [
        100 * (report not in story.fresh)
        + 2 * _language_rank(report.language, edition)
        + (base(report.language) != base(head.language))
        for report in reports
    ]
    shown = {act.evidence for act in story.acts}
    return quotes(reports, story.weights, head.title, tiers, shown)


def _news(story: _Story, names: Mapping[str, str]) -> str:
    """ "new", or "developing: " and what the news brings that earlier issues had not."""
    known = [report for report in story.view.reports if report.id in story.view.issued_before]
    if not known:
        return "new"
    sources = list(dict.fromkeys(report.source for report in story.fresh))
    gains = [f"{counted(len(story.fresh), 'new report')} ({listed([isolated(name) for name in sources], 3)})"]
    gains += _gains(story, known, names)
    return "developing: " + "; ".join(gains)


def _gains(story: _Story, known: Sequence[Report], names: Mapping[str, str]) -> Iterator[str]:
    spoken = {base(report.language) for report in known}
    if languages := sorted({language_name(r.language) for r in story.fresh if base(r.language) not in spoken}):
        yield f"now also in {listed(languages, 3)}"
    before = _mentioned(known)
    named = _mentioned(story.fresh)
    told = {(act.agency, act.company, act.action) for report in known for act in report.acts}
    new_acts = [act for act in story.acts if (act.agency, act.company, act.action) not in told][:1]
    for act in new_acts:
        agency, company = (isolated(_entity_name(story, entity, names)) for entity in (act.agency, act.company))
        yield f"{agency} {to_verb(act.action, 1, past=True)} {company}"
        before.update((act.agency, act.company))
    if entities := [isolated(name) for entity, name, _ in story.entities if entity in named and entity not in before]:
        yield f"now also names {listed(entities, 3)}"
    if figures := _new_figures(story.fresh, known):
        yield f"new figures: {listed(figures, FIGURES_NAMED)}"


def _new_figures(fresh: Sequence[Report], known: Sequence[Report]) -> list[str]:
    """Figures in the new headlines that no report had before. The texts hold too many to tell which of them matter."""
    had = {figure for report in known for figure in quantities(f"{report.title}\n{report.text}", report.language)}
    found = {figure for report in fresh for figure in quantities(report.title, report.language)}
    return [_readable(figure) for figure in sorted(found - had) if "-" not in figure]  # with a hyphen it is a date


def _readable(figure: str) -> str:
    whole, point, rest = figure.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole.isdecimal() else figure


def _entity_name(story: _Story, entity: str, names: Mapping[str, str]) -> str:
    return names.get(entity) or next((name for known, name, _ in story.entities if known == entity), entity)


def _name(entity: str, names: Mapping[str, str], items: Sequence[Item]) -> str:
    found = (name for item in items for known, name, _ in item.entities if known == entity)
    return names.get(entity) or next(found, entity)
