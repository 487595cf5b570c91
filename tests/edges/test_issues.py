"""What an issue is made from, that it is frozen once, and that no mail is lost or sent by two."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from digest.edges import tables as t
from digest.edges.database import Database
from digest.edges.issues import LEASE, NEWS_WINDOW, STORY_WINDOW, IssueStore, Mail, issue_hash
from digest.edges.store import Poll, Store
from digest.errors import StoreError
from digest.records import (
    Act,
    Article,
    Change,
    Coverage,
    Digest,
    Edition,
    Email,
    Failure,
    FeedState,
    Item,
    Membership,
    Mention,
    Retry,
    StoryView,
)
from tests.ledger import ELBE, HANGANG, HOUR, JINGHAI, LIANWAN, MIDAN, NOW, SOURCES, TOKIWA, new_ledger, put

SINCE = NOW - timedelta(days=1)
TEXTS = (
    "网信办约谈腾讯",
    "市場監管總局約談",
    "テンセントを聴取",
    "텐센트 소환",
    "استدعاء تنسنت",
    "Behörde lädt Tencent vor",
)
EDITION = Edition("morning", "Morning briefing", "06:30", "Europe/Berlin")
EMAIL = Email("网信办约谈腾讯 · 18 Mar 2026", "<p>网信办约谈腾讯</p>", "网信办约谈腾讯\n")
TWO_MAILS = [("desk@example.org", "<1@x>", b"one"), ("Büro <buero@example.org>", "<2@x>", b"two")]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_ledger(tmp_path / "digest.db")
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> Store:
    store = Store(database)
    store.sync_sources(SOURCES, NOW - timedelta(days=30))
    return store


@pytest.fixture
def issues(database: Database) -> IssueStore:
    return IssueStore(database)


def shown(issues: IssueStore) -> dict[str, list[int]]:
    return {view.id: [report.id for report in view.reports] for view in issues.stories("morning", SINCE, NOW)}


def composed(*stories: StoryView, day: date = date(2026, 3, 18), edition: Edition = EDITION) -> Digest:
    items = tuple(Item(one, "A headline", "en", 0, (), 1, (), (), (), "new", 1.0, ()) for one in stories)
    return Digest(edition, day, NOW, items, Coverage(6, 6, 6, ("de",)), {})


# --- which stories ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "published", "is_news"),
    [
        (NOW, NOW - HOUR, True),
        (NOW + timedelta(seconds=1), NOW - HOUR, False),
        (SINCE, NOW - HOUR, False),
        (SINCE + timedelta(seconds=1), NOW - HOUR, True),
        (NOW - HOUR, NOW - NEWS_WINDOW + timedelta(seconds=1), True),
        (NOW - HOUR, NOW - NEWS_WINDOW, False),
        (NOW - HOUR, None, True),  # no date: the day it was first seen serves
    ],
)
def test_news_came_in_since_the_last_issue_and_is_not_old(
    store: Store, issues: IssueStore, seen: object, published: object, is_news: bool
) -> None:
    number = put(store, JINGHAI, TEXTS[0], seen=seen, published=published)  # type: ignore[arg-type]
    assert shown(issues) == ({"s1": [number]} if is_news else {})


def test_story_comes_with_its_earlier_reports_first_seen_first(store: Store, issues: IssueStore) -> None:
    last = put(store, ELBE, TEXTS[5], seen=NOW - HOUR)
    yesterday = put(store, JINGHAI, TEXTS[0], seen=NOW - 40 * HOUR, published=NOW - 41 * HOUR)
    week = put(store, TOKIWA, TEXTS[2], seen=NOW - timedelta(days=7), published=NOW - timedelta(days=7))
    put(store, HANGANG, TEXTS[3], seen=NOW - 40 * HOUR, published=NOW - STORY_WINDOW)  # too old to drag along
    put(store, MIDAN, TEXTS[4], seen=NOW + HOUR, published=NOW)  # after the cut-off
    put(store, LIANWAN, TEXTS[1], story="s2", seen=NOW - 40 * HOUR, published=NOW - 41 * HOUR)  # nothing new in it
    assert shown(issues) == {"s1": [week, yesterday, last]}


def test_backlog_of_a_new_source_joins_a_story_and_opens_none(store: Store, issues: IssueStore) -> None:
    old = NOW - timedelta(days=5)
    joined = put(store, LIANWAN, TEXTS[1], seen=NOW - 3 * HOUR, published=old)
    put(store, TOKIWA, TEXTS[2], story="s2", seen=NOW - 3 * HOUR, published=old)
    fresh = put(store, JINGHAI, TEXTS[0])
    assert shown(issues) == {"s1": [joined, fresh]}


def test_imported_article_is_shown_with_a_story_and_never_news_itself(store: Store, issues: IssueStore) -> None:
    put(store, TOKIWA, TEXTS[2], story="s2", imported=True)
    imported = put(store, LIANWAN, TEXTS[1], imported=True, seen=NOW - 2 * HOUR)
    fresh = put(store, JINGHAI, TEXTS[0])
    (view,) = issues.stories("morning", SINCE, NOW)
    assert [(report.id, report.imported) for report in view.reports] == [(imported, True), (fresh, False)]


def test_article_that_came_twice_by_one_address_is_one_report(store: Store, issues: IssueStore) -> None:
    first = put(store, JINGHAI, TEXTS[0], url="https://jinghai.example/1")
    put(store, LIANWAN, TEXTS[0], url="https://jinghai.example/1")
    assert shown(issues) == {"s1": [first]}


def test_ungrouped_article_waits_for_its_story(store: Store, issues: IssueStore) -> None:
    put(store, JINGHAI, TEXTS[0], story=None)
    assert shown(issues) == {}


def test_report_holds_what_was_found_in_it(store: Store, issues: IssueStore) -> None:
    mentions = (
        Mention(3, 5, "腾讯", "COMPANY", "company:tencent", "Tencent"),
        Mention(0, 3, "网信办", "AGENCY", "agency:cn-cac", "Cyberspace Administration of China"),
        Mention(6, 8, "李雷", "PERSON"),
    )
    act = Act("agency:cn-cac", "company:tencent", "summon", 0, 7, TEXTS[0], 0.9)
    first = put(store, JINGHAI, TEXTS[0], text="正文。", mentions=mentions, acts=[act])
    copy = put(store, LIANWAN, TEXTS[1], copy_of=first, published=None)
    (view,) = issues.stories("morning", SINCE, NOW)
    report, repeated = view.reports
    assert report.mentions == tuple(sorted(mentions, key=lambda mention: mention.start))
    assert report.acts == (act,)
    assert (report.source, report.country, report.language) == ("京海日报", "CN", "zh-Hans")
    assert (report.title, report.text, report.published) == (TEXTS[0], "正文。", NOW - 2 * HOUR)
    assert (report.first_seen, report.earlier_title, report.copy_of) == (NOW - HOUR, "", None)
    assert (repeated.id, repeated.copy_of, repeated.published) == (copy, first, None)
    assert issues.entity_names() == {
        "company:tencent": "Tencent",
        "agency:cn-cac": "Cyberspace Administration of China",
    }


def test_headline_changed_twice_is_told_as_it_read_first(store: Store, issues: IssueStore) -> None:
    titles = ("七家企业被约谈", "十家企业被约谈", "十一家企业被约谈")
    number = put(store, JINGHAI, titles[0])
    for before, after in pairwise(titles):
        article = Article(JINGHAI.feed, after, "", "zh-Hans", changes=(Change("title", before, after),))
        store.save_articles([(number, article)], 1, NOW)
    (view,) = issues.stories("morning", SINCE, NOW)
    assert (view.reports[0].title, view.reports[0].earlier_title) == ("十一家企业被约谈", "七家企业被约谈")


def test_more_reports_than_one_question_may_name(store: Store, issues: IssueStore) -> None:
    """Findings are asked for in parts."""
    tencent = Mention(0, 2, "腾讯", "COMPANY", "company:tencent", "Tencent")
    assert put(store, JINGHAI, TEXTS[0], mentions=[tencent]) == 1
    with store.database.write() as db:
        for table, keys in (
            (t.entry, ("id", "guid")),
            (t.article, ("id",)),
            (t.mention, ("id", "article_id")),
            (t.membership, ("article_id",)),
        ):
            row = dict(db.execute(select(table)).one()._mapping)
            db.execute(table.insert(), [row | dict.fromkeys(keys, number) for number in range(2, 521)])
    (view,) = issues.stories("morning", SINCE, NOW)
    assert [report.id for report in view.reports] == list(range(1, 521))
    assert all(report.mentions == (tencent,) for report in view.reports)


def test_article_shown_before_stays_so_when_its_story_is_merged(store: Store, issues: IssueStore) -> None:
    old = put(store, JINGHAI, TEXTS[0], story="s1", seen=NOW - 30 * HOUR)
    (before,) = issues.stories("morning", NOW - 48 * HOUR, SINCE)
    assert issues.save_issue(composed(before, day=date(2026, 3, 17)), EMAIL, [], SINCE)
    put(store, LIANWAN, TEXTS[1], story="s2")
    store.save_memberships([Membership(str(old), "s2")], [], 1, NOW)
    (merged,) = issues.stories("morning", SINCE, NOW)
    assert (merged.id, merged.issued_before) == ("s2", frozenset({old}))
    (elsewhere,) = issues.stories("evening", SINCE, NOW)
    assert elsewhere.issued_before == frozenset()


# --- coverage --------------------------------------------------------------------------------------------------------


def test_coverage_counts_what_came_and_names_what_did_not(store: Store, issues: IssueStore) -> None:
    put(store, JINGHAI, TEXTS[0])
    put(store, TOKIWA, TEXTS[2], seen=SINCE)  # counted in the issue before
    put(store, LIANWAN, TEXTS[1], imported=True)
    put(store, ELBE, TEXTS[5])
    state = FeedState(JINGHAI.feed, NOW, last_success=NOW - HOUR)
    store.remember_feeds([Poll(JINGHAI, state, "ok")], NOW - HOUR)
    store.remember_feeds([Poll(JINGHAI, state, "failed")], NOW - HOUR)  # seen all the same
    store.remember_feeds([Poll(ELBE, replace(state, feed=ELBE.feed), "not modified")], NOW)
    store.remember_feeds([Poll(TOKIWA, replace(state, feed=TOKIWA.feed, last_success=SINCE), "ok")], SINCE)
    failing = FeedState(HANGANG.feed, NOW, failures=2, reason="timed out", last_success=SINCE - HOUR)
    store.remember_feeds([Poll(HANGANG, failing, "failed")], NOW - HOUR)
    store.remember_feeds([Poll(LIANWAN, FeedState(LIANWAN.feed, NOW, gone=True, reason="gone"), "failed")], NOW - HOUR)
    coverage = issues.coverage(SOURCES, SINCE, NOW)
    assert (coverage.sources, coverage.sources_seen, coverage.articles) == (6, 2, 2)
    assert coverage.languages == ("de", "zh-Hans")
    assert {(one.source, one.reason, one.since) for one in coverage.troubles} == {
        ("聯灣時報", "gone", None),
        ("常盤新聞", "not asked in this time", SINCE),
        ("한강신문", "timed out", SINCE - HOUR),
        ("الميدان", "not asked in this time", None),
    }


def test_coverage_counts_the_editions_own_sources_only(store: Store, issues: IssueStore) -> None:
    put(store, JINGHAI, TEXTS[0])
    for number, source in ((put(store, ELBE, TEXTS[5], story=None), ELBE), (put(store, MIDAN, TEXTS[4]), MIDAN)):
        store.save_fetches([(number, source.name, Failure("x", "fetch", "timed out"))], 1, NOW)
    coverage = issues.coverage([JINGHAI, ELBE], SINCE, NOW)
    assert (coverage.sources, coverage.articles, coverage.languages) == (2, 1, ("zh-Hans",))
    assert coverage.failed_items == {"timed out": 1}


def test_failed_items_are_counted_by_reason(store: Store, issues: IssueStore) -> None:
    for number in range(3):
        entry = put(store, ELBE, f"Seite {number}", story=None)
        reason = "timed out" if number else "no text"
        store.save_fetches([(entry, ELBE.name, Failure("x", "fetch", reason, Retry.LATER))], 1, NOW)
    assert issues.coverage(SOURCES, SINCE, NOW).failed_items == {"timed out": 2, "no text": 1}


def test_coverage_of_an_empty_ledger_is_all_zero(issues: IssueStore) -> None:
    assert issues.coverage([], SINCE, NOW) == Coverage(0, 0, 0, ())
    assert issues.stories("morning", SINCE, NOW) == []
    assert issues.last_cutoff("morning") is None
    assert issues.issue("morning") is None
    assert issues.outbox_counts() == {}


# --- the frozen issue ------------------------------------------------------------------------------------------------


def test_issue_is_frozen_once_whoever_makes_it(database: Database, issues: IssueStore) -> None:
    made = issues.save_issue(composed(), EMAIL, TWO_MAILS, NOW)
    assert made is not None
    other = Email("Another", "<p>another</p>", "another")
    again = IssueStore(database).save_issue(composed(), other, [("new@example.org", "<3@x>", b"3")], NOW + HOUR)
    assert again is None
    assert issues.issue("morning") == issues.issue("morning", date(2026, 3, 18)) == made
    assert made.sha256 == issue_hash(EMAIL) != issue_hash(other)
    assert issues.outbox_counts() == {"new": 2}
    assert issues.last_cutoff("morning") == NOW


def test_each_day_and_edition_has_an_issue_of_its_own(issues: IssueStore) -> None:
    evening = replace(EDITION, name="evening")
    assert issues.save_issue(composed(), EMAIL, [], NOW)
    assert issues.save_issue(composed(edition=evening), EMAIL, [], NOW)
    assert issues.save_issue(composed(day=date(2026, 3, 17)), EMAIL, [], NOW)
    last = issues.issue("morning")
    assert last is not None
    assert last.date == date(2026, 3, 18)
    assert issues.issue("morning", date(2026, 3, 16)) is None


def test_recipient_named_twice_gets_one_mail(issues: IssueStore) -> None:
    assert issues.save_issue(composed(), EMAIL, [TWO_MAILS[0], TWO_MAILS[0]], NOW)
    assert issues.outbox_counts() == {"new": 1}


def test_issue_that_cannot_be_saved_whole_leaves_nothing(issues: IssueStore) -> None:
    broken = [("desk@example.org", "<1@x>", b"one"), ("x@example.org", "<2@x>", object())]
    with pytest.raises(Exception, match="object"):
        issues.save_issue(composed(), EMAIL, broken, NOW)  # type: ignore[arg-type]
    assert issues.issue("morning") is None
    assert issues.outbox_counts() == {}


# --- the outbox ------------------------------------------------------------------------------------------------------


def with_mails(issues: IssueStore, number: int = 1) -> IssueStore:
    mails = [(f"{n}@example.org", f"<{n}@x>", b"bytes %d" % n) for n in range(number)]
    assert issues.save_issue(composed(), EMAIL, mails, NOW)
    return issues


def test_mail_goes_from_new_to_sent(issues: IssueStore) -> None:
    (mail,) = with_mails(issues).claim_mail(NOW, 10)
    assert (mail.recipient, mail.body, mail.attempts) == ("0@example.org", b"bytes 0", 1)
    assert issues.outbox_counts() == {"sending": 1}
    assert issues.claim_mail(NOW, 10) == []
    issues.mark_data_started(mail, NOW)
    assert issues.outbox_counts() == {"data started": 1}
    issues.mark_sent(mail, "250 ok", NOW)
    assert issues.outbox_counts() == {"sent": 1}
    assert issues.claim_mail(NOW + timedelta(days=9), 10) == []


def test_deferred_mail_waits_for_its_time(issues: IssueStore) -> None:
    (mail,) = with_mails(issues).claim_mail(NOW, 10)
    issues.mark_deferred(mail, "451 later", NOW + HOUR)
    assert issues.outbox_counts() == {"deferred": 1}
    assert issues.claim_mail(NOW + HOUR - timedelta(seconds=1), 10) == []
    (again,) = issues.claim_mail(NOW + HOUR, 10)
    assert (again.id, again.body, again.attempts) == (mail.id, mail.body, 2)


def test_failed_mail_is_never_claimed_again(issues: IssueStore) -> None:
    (mail,) = with_mails(issues).claim_mail(NOW, 10)
    issues.mark_failed(mail, "550 no such user")
    assert issues.outbox_counts() == {"failed": 1}
    assert issues.claim_mail(NOW + timedelta(days=9), 10) == []


def test_released_mail_is_there_at_once_and_no_attempt_is_counted(issues: IssueStore) -> None:
    claimed = with_mails(issues, 3).claim_mail(NOW, 10)
    issues.mark_data_started(claimed[0], NOW)
    issues.release(claimed[1:], NOW)
    assert issues.outbox_counts() == {"data started": 1, "new": 2}
    assert issues.claim_mail(NOW, 10) == claimed[1:]


def test_claims_are_bounded_and_in_order(issues: IssueStore) -> None:
    with_mails(issues, 5)
    assert [mail.recipient for mail in issues.claim_mail(NOW, 2)] == ["0@example.org", "1@example.org"]
    assert [mail.recipient for mail in issues.claim_mail(NOW, 9)] == ["2@example.org", "3@example.org", "4@example.org"]


@pytest.mark.parametrize("data_started", [False, True])
def test_mail_of_a_dead_sender_is_claimed_when_its_lease_ends(issues: IssueStore, data_started: bool) -> None:
    (mail,) = with_mails(issues).claim_mail(NOW, 10)
    if data_started:
        issues.mark_data_started(mail, NOW)
    assert issues.claim_mail(NOW + LEASE - timedelta(seconds=1), 10) == []
    assert issues.claim_mail(NOW + LEASE, 10) == [replace(mail, attempts=2)]


def test_sender_that_starts_its_data_late_has_a_whole_lease_for_it(issues: IssueStore) -> None:
    (mail,) = with_mails(issues).claim_mail(NOW, 10)
    late = NOW + LEASE - timedelta(seconds=1)
    issues.mark_data_started(mail, late)
    assert issues.claim_mail(late + LEASE - timedelta(seconds=1), 10) == []


def test_sender_that_was_taken_for_dead_sends_and_marks_nothing(issues: IssueStore) -> None:
    (frozen,) = with_mails(issues).claim_mail(NOW, 10)
    (mail,) = issues.claim_mail(NOW + LEASE, 10)
    with pytest.raises(StoreError, match="another Digest took this mail over"):
        issues.mark_data_started(frozen, NOW + LEASE)
    issues.mark_data_started(mail, NOW + LEASE)
    issues.mark_deferred(frozen, "421 too late", NOW)
    issues.mark_failed(frozen, "")
    issues.release([frozen], NOW)
    assert issues.outbox_counts() == {"data started": 1}
    issues.mark_sent(mail, "250 ok", NOW + LEASE)
    issues.mark_deferred(frozen, "421 too late", NOW)
    assert issues.outbox_counts() == {"sent": 1}


def test_two_programs_on_one_ledger_share_the_mails(database: Database, tmp_path: Path) -> None:
    with_mails(IssueStore(database), 40)
    others = [Database(tmp_path / "digest.db") for _ in range(2)]
    start = threading.Barrier(2)
    claimed: list[Mail] = []

    def claim(own: Database) -> None:
        start.wait()
        while mails := IssueStore(own).claim_mail(NOW, 3):
            claimed.extend(mails)

    threads = [threading.Thread(target=claim, args=(own,)) for own in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in others:
        own.close()
    assert sorted(mail.id for mail in claimed) == list(range(1, 41))


def test_two_programs_that_make_one_issue_make_it_once(database: Database, tmp_path: Path) -> None:
    others = [Database(tmp_path / "digest.db") for _ in range(2)]
    start = threading.Barrier(2)
    made: list[bool] = []

    def make(own: Database) -> None:
        start.wait()
        made.append(IssueStore(own).save_issue(composed(), EMAIL, TWO_MAILS, NOW) is not None)

    threads = [threading.Thread(target=make, args=(own,)) for own in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in others:
        own.close()
    assert sorted(made) == [False, True]
    assert IssueStore(database).outbox_counts() == {"new": 2}


STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["claim", "start", "sent", "defer", "release", "die", "wait"])),
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_mail_is_begun_by_one_living_sender_at_a_time_and_sent_once(
    issues: IssueStore, steps: list[tuple[int, str]]
) -> None:
    """Two senders, of which each may sleep for as long as it likes, go through any course of events."""
    with issues.database.write() as db:
        for table in (t.outbox, t.issue):
            db.execute(delete(table))
    with_mails(issues, 2)
    held: list[list[Mail]] = [[], []]
    begun: dict[int, int] = {}  # mail -> the sender whose data is on its way
    sent: list[int] = []
    now = NOW
    for who, step in steps:
        mine = held[who]
        if step == "wait":
            now += LEASE / 2
        elif step == "claim":
            mine += issues.claim_mail(now, 1)
        elif step == "die":
            mine.clear()
        elif mine and step == "release":
            issues.release([mine.pop()], now)
        elif mine and step == "start":
            try:
                issues.mark_data_started(mine[-1], now)
            except StoreError:
                mine.pop()
            else:
                begun[mine[-1].id] = who
                assert all(one.id != mine[-1].id or one.attempts < mine[-1].attempts for one in held[1 - who])
        elif mine and step == "defer":
            issues.mark_deferred(mine.pop(), "451", now)
        elif mine and begun.get(mine[-1].id) == who:
            mail = mine.pop()
            before = issues.outbox_counts().get("sent", 0)
            issues.mark_sent(mail, "250", now)
            sent += [mail.id] * (issues.outbox_counts().get("sent", 0) - before)
    assert len(sent) == len(set(sent))
    now += timedelta(days=1)
    left = issues.claim_mail(now, 9)
    assert not {mail.id for mail in left} & set(sent)
    assert len(left) + len(sent) == 2
