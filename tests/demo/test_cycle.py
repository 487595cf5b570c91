"""The whole program on the demonstration: real HTTP, workers and mail, measured against what we know was written."""

import email
import email.policy
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Row, select

from digest.demo.cycle import AFTERNOON, MORNING
from digest.demo.newsroom import DEMO_NOTE, Article, Outlet, newsroom
from digest.edges import tables as t
from digest.edges.database import Database
from digest.languages import base, clean


@dataclass(frozen=True)
class Demo:
    """What `digest demo` left, and what it said."""

    out: Path
    said: str
    database: Database

    def rows(self) -> dict[tuple[str, str], Row[tuple[object, ...]]]:
        query = (
            select(t.article, t.entry.c.source, t.membership.c.story, t.membership.c.copy_of)
            .join(t.entry, t.entry.c.id == t.article.c.id)
            .outerjoin(t.membership, t.membership.c.article_id == t.article.c.id)
        )
        with self.database.read() as db:
            return {(row.source, row.url.rsplit("/", 1)[1].removesuffix(".html")): row for row in db.execute(query)}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    out = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "digest", "demo", "--out", str(out)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    database = Database(out / "digest.db")
    yield Demo(out, done.stdout, database)
    database.close()


def written() -> list[tuple[Outlet, Article]]:
    return [(outlet, article) for outlet in newsroom().outlets for article in outlet.published_by(MORNING)]


def test_it_leaves_what_it_promises_and_says_where(demo: Demo) -> None:
    names = {path.name for path in demo.out.iterdir()}
    assert {"issue.html", "issue.txt", "mail", "digest.db", "report.json"} <= names
    assert str(demo.out / "issue.html") in demo.said


def test_report_counts_stages_seconds_and_failures_with_reasons(demo: Demo) -> None:
    report = json.loads((demo.out / "report.json").read_text(encoding="utf-8"))
    stages = report["stages"]
    assert stages["extract"]["done"] >= len(written())
    assert stages["tag"]["done"] == stages["group"]["done"] == stages["extract"]["done"]
    assert stages["feeds"]["failed"] == {"http 410 gone": 1, "timed out": 1}
    assert stages["mail"] == {"done": 2, "failed": {}, "seconds": stages["mail"]["seconds"]}
    assert all(stage["seconds"] >= 0 for stage in stages.values())


def test_every_article_came_in_with_its_title_date_and_language(demo: Demo) -> None:
    rows = demo.rows()
    for outlet, article in written():
        row = rows[outlet.name, article.id]
        assert row.title == clean(article.title_at(MORNING)), outlet.key
        assert row.published == article.published, (outlet.key, row.published_from)
        assert base(str(row.language)) == base(outlet.language), outlet.key


def test_texts_are_the_articles_and_not_what_stands_around_them(demo: Demo) -> None:
    rows = demo.rows()
    lost, traps = Counter[str](), Counter[str]()
    for outlet, article in written():
        text = str(rows[outlet.name, article.id].text)
        body = clean(" ".join((*article.body, article.wire)))  # whose text it is may stand below it
        around = (article.caption, article.credit, article.inline_related, outlet.cookie, outlet.subscribe)
        lost.update(outlet.key for one in article.body if clean(one) not in text)
        traps.update(
            outlet.key for one in (*around, *article.related) if one and clean(one) in text and clean(one) not in body
        )
    assert not lost
    assert not traps


def test_stories_hold_the_reports_of_one_event_in_all_languages(demo: Demo) -> None:
    """B-cubed, as the field measures clusters. Each piece of local culture is an event of its own."""
    rows = demo.rows()
    places = {}
    for outlet, article in written():
        event = article.event if article.event != "local-culture" else f"{outlet.key} {article.id}"
        places[outlet.key, article.id] = (rows[outlet.name, article.id].story, event)
    precision = recall = 0.0
    for story, event in places.values():
        both = sum(place == (story, event) for place in places.values())
        precision += both / sum(place[0] == story for place in places.values()) / len(places)
        recall += both / sum(place[1] == event for place in places.values()) / len(places)
    assert 2 * precision * recall / (precision + recall) >= 0.93


def test_eleven_firms_are_one_story_with_both_bodies_and_the_seven_named(demo: Demo) -> None:
    rows = demo.rows()
    stories = {rows[o.name, a.id].story for o, a in written() if a.event == "eleven-firms"}
    assert len(stories) == 1
    [(_, agencies, companies)] = newsroom().events["eleven-firms"].acts
    found = {
        (agency, company)
        for event, action, agency, company in shown(demo)
        if (event, action) == ("eleven-firms", "summon")
    }
    assert found == {(agency, company) for agency in agencies for company in companies}


def shown(demo: Demo) -> set[tuple[str, str, str, str]]:
    """(event, action, agency, company) of the acts that two independent reports tell: those of the issue."""
    rows = demo.rows()
    events = {rows[outlet.name, article.id].id: article.event for outlet, article in written()}
    query = select(t.act, t.membership.c.copy_of).join(t.membership, t.membership.c.article_id == t.act.c.article_id)
    with demo.database.read() as db:
        acts = db.execute(query.where(t.membership.c.copy_of.is_(None))).all()
    tellers: dict[tuple[str, str, str, str], set[int]] = {}
    for act in acts:
        key = (events[act.article_id], act.action, act.agency, act.company)
        tellers.setdefault(key, set()).add(act.article_id)
    return {key for key, articles in tellers.items() if len(articles) > 1}


def test_acts_that_are_shown_are_right(demo: Demo) -> None:
    """Whatever the language. A pair may come with a second type: a summons also reads as a warning."""
    told = {
        (event, agency, company)
        for event, one in newsroom().events.items()
        for _, agencies, companies in one.acts
        for agency in agencies
        for company in companies
    }
    pairs = {(event, agency, company) for event, _, agency, company in shown(demo)}
    assert len(pairs & told) >= 20
    assert len(pairs & told) / len(pairs) >= 0.9


def test_wire_text_in_two_outlets_is_known_as_a_copy(demo: Demo) -> None:
    rows = demo.rows()
    wired: dict[str, list[object]] = {}
    for outlet, article in written():
        if article.wire:
            wired.setdefault(f"{base(outlet.language)} {article.event}", []).append(rows[outlet.name, article.id])
    pairs = [pair for pair in wired.values() if len(pair) == 2]
    assert len(pairs) >= 2
    for one, other in pairs:
        assert one.copy_of == other.id or other.copy_of == one.id  # type: ignore[attr-defined]


def test_changed_headline_is_recorded_and_shown(demo: Demo) -> None:
    corrected = {a.title for _, a in written() if a.corrected and a.published <= AFTERNOON < a.corrected[1]}
    with demo.database.read() as db:
        noted = set(db.execute(select(t.version.c.title)).scalars())
    assert corrected
    assert noted == {clean(title) for title in corrected}
    page = (demo.out / "issue.html").read_text(encoding="utf-8")
    assert all(title in page for title in noted)


def test_unchanged_feeds_were_not_sent_again(demo: Demo) -> None:
    with demo.database.read() as db:
        outcomes = Counter(db.execute(select(t.fetch.c.outcome).where(t.fetch.c.kind == "feed")).scalars())
    assert outcomes["not modified"] >= 1
    assert outcomes["failed"] == 2


def test_mail_page_and_text_hold_the_same_stories(demo: Demo) -> None:
    page = (demo.out / "issue.html").read_text(encoding="utf-8")
    text = (demo.out / "issue.txt").read_text(encoding="utf-8")
    mails = [
        email.message_from_bytes(p.read_bytes(), policy=email.policy.default) for p in (demo.out / "mail").iterdir()
    ]
    assert len(mails) == 2
    for mail in mails:
        parts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        assert parts["text/html"].replace("\r\n", "\n").strip() == page.strip()
        assert parts["text/plain"].replace("\r\n", "\n").strip() == text.strip()
    with demo.database.read() as db:
        headlines = list(db.execute(select(t.issue_item.c.headline).order_by(t.issue_item.c.position)).scalars())
    flat_page, flat_text = clean(re.sub(r"<[^>]+>", "", page)), clean(text)
    assert headlines
    for headline in headlines:
        start = clean(headline)[:12].replace("'", "&#39;")
        assert start in flat_page or clean(headline)[:12] in flat_page, headline
        assert clean(headline)[:12] in flat_text, headline


def test_demonstration_is_labelled_wherever_it_is_shown(demo: Demo) -> None:
    for name in ("issue.html", "issue.txt", "report.json"):
        assert "emonstration" in (demo.out / name).read_text(encoding="utf-8")
    assert DEMO_NOTE in (demo.out / "issue.html").read_text(encoding="utf-8")
