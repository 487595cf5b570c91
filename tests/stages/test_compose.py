"""What an issue says and in which order."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.records import Act, Digest, Edition, Item, Report, StoryView, Watchlist
from digest.stages.compose import compose
from tests.samples import (
    COVERAGE,
    CUTOFF,
    DAY,
    EDITION,
    NAMES,
    WATCHLISTS,
    acts,
    eleven_firms,
    issue,
    report,
    resolve,
    stories,
    vaccine,
)

PLAIN = replace(EDITION, watchlists=())


def composed(*views: StoryView, edition: Edition = PLAIN, watchlists: tuple[Watchlist, ...] = ()) -> Digest:
    return compose(views, edition, watchlists, COVERAGE, NAMES, resolve, DAY, CUTOFF)


def only(*views: StoryView, edition: Edition = PLAIN, watchlists: tuple[Watchlist, ...] = ()) -> Item:
    (item,) = composed(*views, edition=edition, watchlists=watchlists).items
    return item


def story(*reports: Report, name: str = "story:one", issued: frozenset[int] = frozenset()) -> StoryView:
    return StoryView(name, reports, issued)


def about(number: int, title: str, source: str = "Elbbote", language: str = "de", **more: object) -> Report:
    return report(number, source, language, title, **more)  # type: ignore[arg-type]


# --- acts ----------------------------------------------------------------------------------------------------------


def telling(number: int, confidence: float, copy_of: int | None = None) -> Report:
    act = Act("agency:cn-cac", "company:tencent", "ban", 0, 1, "…", confidence)
    return about(number, f"Tencent {number}", f"Source {number}", acts=(act,), copy_of=copy_of)


@pytest.mark.parametrize(
    ("reports", "shown"),
    [
        ((telling(1, 0.9),), True),
        ((telling(1, 0.6),), False),
        ((telling(1, 0.6), telling(2, 0.6)), True),
        ((telling(1, 0.6), telling(2, 0.6, copy_of=1)), False),
        ((telling(1, 0.9), *(about(number, "Tencent", f"Source {number}") for number in (2, 3, 4))), False),
        ((telling(1, 0.9), *(about(number, "Tencent", f"Source {number}", copy_of=1) for number in (2, 3, 4))), True),
    ],
    ids=["one, sure", "one, unsure", "two", "one and its copy", "one of many", "one and many copies"],
)
def test_an_act_needs_two_reports_or_a_sure_one_where_few_report(reports: tuple[Report, ...], shown: bool) -> None:
    assert bool(only(story(*reports)).acts) is shown


# --- news --------------------------------------------------------------------------------------------------------


def test_a_story_that_no_issue_had_is_new() -> None:
    assert only(story(about(1, "Tencent wird geprüft"))).news == "new"


def test_a_story_whose_every_report_was_issued_is_left_out_uncounted() -> None:
    digest = composed(story(about(1, "Tencent wird geprüft"), issued=frozenset({1})))
    assert (digest.items, digest.dropped) == ((), 0)


def test_a_copy_of_an_issued_report_is_no_news() -> None:
    first, copy = about(1, "Tencent wird geprüft"), about(2, "Tencent wird geprüft", "Anzeiger", copy_of=1)
    copy_of_copy = about(3, "Tencent wird geprüft", "Bote", copy_of=2)
    assert not composed(story(first, copy, copy_of_copy, issued=frozenset({1}))).items


def test_imported_reports_are_no_news_and_still_count_as_reports() -> None:
    old, new = about(1, "Tencent wird geprüft", imported=True), about(2, "Tencent legt Einspruch ein")
    assert not composed(story(old)).items
    item = only(story(old, new))
    assert (item.headline_report, item.independent) == (2, 2)


def test_a_developing_story_says_what_is_new_in_it() -> None:
    item = only(vaccine())
    assert item.news.startswith("developing: 2 new reports (The Harbour Ledger, Les Quais)")
    assert "now also in English, French" in item.news
    assert "European Medicines Agency gave approval to AstraZeneca" in item.news


def test_a_developing_story_names_new_companies_and_new_figures() -> None:
    before = about(1, "Tencent muss Strafe zahlen")
    after = about(2, "Tencent und Alibaba müssen 365 Millionen zahlen", "Anzeiger")
    news = only(story(before, after, issued=frozenset({1}))).news
    assert "now also names Alibaba" in news
    assert "new figures: 365,000,000" in news


def test_a_developing_story_takes_its_headline_from_the_news() -> None:
    before = report(1, "Ledger", "en", "Tencent may be fined")
    after = about(2, "Tencent muss zahlen")
    assert only(story(before, after, issued=frozenset({1}))).headline == "Tencent muss zahlen"


# --- headline ----------------------------------------------------------------------------------------------------


def test_headline_is_english_where_a_report_is() -> None:
    item = only(eleven_firms())
    assert (item.headline_language, item.headline_report) == ("en", 2)


@pytest.mark.parametrize(
    ("languages", "expected"), [(("zh", "de"), "zh-Hans"), (("de", "zh"), "de"), (("de", "en"), "en")]
)
def test_an_edition_without_english_has_its_languages_in_their_order(languages: tuple[str, ...], expected: str) -> None:
    assert only(eleven_firms(), edition=replace(PLAIN, languages=languages)).headline_language == expected


def test_of_headlines_in_one_language_the_most_telling_wins() -> None:
    vague, telling = about(1, "Neuer Ärger in Peking", text="Tencent."), about(2, "Tencent und Xiaomi vorgeladen")
    assert only(story(vague, telling)).headline == telling.title


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [("", "Tencent.\nMehr dazu.", "Tencent."), ("", "", "https://news.example/1/2021/03/report.html")],
)
def test_a_report_without_title_gets_a_headline_all_the_same(title: str, text: str, expected: str) -> None:
    assert only(story(about(1, title, text=text))).headline == expected


def test_a_huge_title_is_cut_between_words() -> None:
    headline = only(story(about(1, "Tencent prüft " * 100))).headline
    assert len(headline) <= 200
    assert headline.endswith("…")


# --- sentences ---------------------------------------------------------------------------------------------------


def test_sentences_are_quoted_word_for_word_from_the_reports_named() -> None:
    by_id = {one.id: one for view in stories() for one in view.reports}
    quoted = [quote for item in issue().items for quote in item.sentences]
    assert quoted
    assert all(
        text.rstrip("…") in by_id[number].text and language == by_id[number].language
        for text, language, number in quoted
    )


def test_sentences_are_in_the_readers_language_where_a_report_is() -> None:
    assert {language for _, language, _ in only(eleven_firms()).sentences} == {"en"}


def test_sentences_come_from_different_reports_where_they_can() -> None:
    one = about(
        1, "Tencent vorgeladen", text="Tencent muss am Montag in Peking vor den Aufsehern des Landes erscheinen."
    )
    other = about(
        2, "Vorladung", "Bote", text="Die Aktie von Tencent verlor daraufhin in Hongkong fast vier Prozent an Wert."
    )
    assert {number for _, _, number in only(story(one, other)).sentences} == {1, 2}


# --- copies, entities, acts --------------------------------------------------------------------------------------


def test_copies_are_not_independent_and_do_not_raise_the_score() -> None:
    alone = only(story(about(1, "Tencent vorgeladen")))
    copies = [about(number, "Tencent vorgeladen", f"Bote {number}", copy_of=1) for number in range(2, 9)]
    copied = only(story(about(1, "Tencent vorgeladen"), *copies))
    assert (copied.independent, copied.score) == (1, alone.score)


def test_copies_of_a_report_that_the_story_lacks_count_once() -> None:
    assert only(story(about(2, "Tencent", copy_of=1), about(3, "Tencent", "Bote", copy_of=1))).independent == 1


def test_a_ring_of_copies_counts_once() -> None:
    assert only(story(about(1, "Tencent", copy_of=2), about(2, "Tencent", "Bote", copy_of=1))).independent == 1


def test_entities_are_companies_and_agencies_by_the_reports_that_name_them() -> None:
    item = only(eleven_firms())
    assert item.entities[0] == ("company:tencent", "Tencent", "COMPANY")
    assert {label for _, _, label in item.entities} == {"COMPANY", "AGENCY"}


def test_an_entity_without_an_english_name_keeps_the_one_it_was_found_by() -> None:
    view = story(about(1, "Tencent vorgeladen", acts=acts("warn", ("agency:cn-cac",), ("company:tencent",), "…")))
    digest = compose((view,), PLAIN, (), COVERAGE, {}, resolve, DAY, CUTOFF)
    assert digest.items[0].entities == (("company:tencent", "Tencent", "COMPANY"),)
    assert digest.names == {"company:tencent": "Tencent", "agency:cn-cac": "agency:cn-cac"}


def test_acts_are_merged_over_reports() -> None:
    item = only(eleven_firms())
    keys = [(act.agency, act.company, act.action) for act in item.acts]
    assert len(keys) == len(set(keys)) == 10


def test_of_one_act_the_surest_evidence_is_kept_then_the_readers_language() -> None:
    def stated(number: int, language: str, evidence: str, confidence: float) -> Report:
        act = Act("agency:cn-cac", "company:tencent", "summon", 0, 5, evidence, confidence)
        return report(number, f"Source {number}", language, "Tencent", acts=(act,))

    sure = only(story(stated(1, "en", "weak", 0.5), stated(2, "de", "sure", 0.9)))
    equal = only(story(stated(1, "de", "fremd", 0.9), stated(2, "en", "own", 0.9)))
    assert [act.evidence for act in (*sure.acts, *equal.acts)] == ["sure", "own"]


# --- order, room -------------------------------------------------------------------------------------------------


def test_parts_add_up_to_the_score_and_are_named() -> None:
    for item in issue().items:
        assert item.score == pytest.approx(sum(value for _, value in item.score_parts), abs=1e-3)
        assert all(name and value > 0 for name, value in item.score_parts)


def test_an_act_leads_over_a_mention_and_a_watchlist_over_none() -> None:
    mention = story(about(1, "Xiaomi wächst"), name="story:mention")
    acted = story(about(2, "Xiaomi", acts=acts("fine", ("agency:cn-cac",), ("company:xiaomi",), "…")), name="story:act")
    watched = story(about(3, "Tencent wächst"), name="story:watched")
    digest = composed(mention, acted, watched, watchlists=(Watchlist("Platforms", ("company:tencent",)),))
    assert [item.story.id for item in digest.items] == ["story:act", "story:watched", "story:mention"]


def test_newer_news_leads_over_older() -> None:
    old, new = story(about(1, "Xiaomi", hours=48.0), name="a"), story(about(2, "Xiaomi", hours=1.0), name="b")
    assert [item.story.id for item in composed(old, new).items] == ["b", "a"]


def test_stories_that_name_nobody_come_last_and_are_few() -> None:
    nobody = [story(about(number, f"Brücke {number} ist fertig"), name=f"story:{number}") for number in range(1, 9)]
    digest = composed(*nobody, story(about(20, "Xiaomi wächst", hours=200.0), name="story:xiaomi"))
    assert digest.items[0].story.id == "story:xiaomi"
    assert (len(digest.items), digest.dropped) == (4, 5)


def test_a_watched_term_saves_a_story_that_names_nobody() -> None:
    views = [story(about(number, f"Streit um Deepfakes, Teil {number}"), name=f"story:{number}") for number in range(6)]
    assert len(composed(*views, watchlists=(Watchlist("Voices", (), ("deepfake",)),)).items) == 6


def test_what_does_not_fit_is_counted() -> None:
    views = [story(about(number, "Xiaomi wächst", f"Bote {number}"), name=f"story:{number:02}") for number in range(30)]
    digest = composed(*views)
    assert (len(digest.items), digest.dropped) == (20, 10)


def test_one_source_alone_does_not_flood_an_issue() -> None:
    loud = [story(about(n, "Tencent und Xiaomi", "Loud", hours=1.0), name=f"loud:{n:02}") for n in range(20)]
    others = [story(about(100 + n, "Xiaomi wächst", f"Bote {n}"), name=f"other:{n:02}") for n in range(8)]
    digest = composed(*loud, *others, edition=replace(PLAIN, size=12))
    by_loud = [item for item in digest.items if item.story.reports[0].source == "Loud"]
    assert (len(digest.items), len(by_loud)) == (12, 4)


def test_a_source_fills_the_room_that_the_others_leave() -> None:
    loud = [story(about(n, "Tencent", "Loud"), name=f"loud:{n}") for n in range(6)]
    assert len(composed(*loud).items) == 6


def test_a_source_that_has_headed_its_share_yields_to_others_in_as_good_a_language() -> None:
    titles = {"Loud": "Tencent und Xiaomi", "Quiet": "Tencent", "Shy": "Ärger"}
    views = [
        story(*(about(10 * n + k, titles[source], source) for k, source in enumerate(titles)), name=f"story:{n}")
        for n in range(6)
    ]
    heads = [
        next(report.source for report in item.story.reports if report.id == item.headline_report)
        for item in composed(*views).items
    ]
    assert [heads.count(source) for source in titles] == [2, 2, 2]


@given(st.permutations(stories()))
def test_the_issue_does_not_depend_on_the_order_of_the_stories(shuffled: list[StoryView]) -> None:
    assert compose(shuffled, EDITION, WATCHLISTS, COVERAGE, NAMES, resolve, DAY, CUTOFF) == issue()


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["Xiaomi", "Tencent", "Brücke"]), st.booleans()), max_size=25)
)
def test_every_story_with_news_is_shown_or_counted(rows: list[tuple[int, str, bool]]) -> None:
    views = [
        story(about(n, title, f"Bote {source}"), name=f"s{n:02}", issued=frozenset({n} if known else ()))
        for n, (source, title, known) in enumerate(rows)
    ]
    digest = composed(*views, edition=replace(PLAIN, size=7))
    assert len(digest.items) + digest.dropped == sum(not known for _, _, known in rows)
    assert len(digest.items) <= 7
    assert len({item.story.id for item in digest.items}) == len(digest.items)


def test_a_date_ahead_of_the_cutoff_gains_nothing() -> None:
    ahead = replace(about(1, "Xiaomi"), published=CUTOFF + timedelta(hours=20))
    now = replace(about(1, "Xiaomi"), published=CUTOFF)
    assert only(story(ahead)).score == only(story(now)).score


def test_a_report_without_a_date_is_dated_by_when_it_was_seen() -> None:
    assert (
        only(story(replace(about(1, "Xiaomi", hours=8.0), published=None))).score
        == only(story(about(1, "Xiaomi"))).score
    )


def test_notice_coverage_and_cutoff_are_passed_on() -> None:
    digest = issue("A demonstration.")
    assert (digest.notice, digest.coverage, digest.cutoff, digest.date) == ("A demonstration.", COVERAGE, CUTOFF, DAY)
