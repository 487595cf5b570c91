"""Walls are told from articles, in many languages: a false alarm costs a real article."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from digest.records import Article, Document, Entry, Failure, Page
from digest.stages.extract import extract
from digest.stages.walls import FEED_TEXT_USED, NOT_FOUND, PAYWALL, find_wall, refusal

CASES = tomllib.loads((Path(__file__).parent.parent / "cases" / "walls" / "walls.toml").read_text(encoding="utf-8"))
NOW = datetime(2026, 3, 18, tzinfo=UTC)
URL = "https://news.example/2026/03/shippers-summoned.html"
SUMMARY = "Eleven shippers were summoned by the harbour commission."


def page(case: dict[str, Any], summary: str = SUMMARY) -> Page:
    asked, got = case.get("asked", URL), case.get("got", case.get("asked", URL))
    document = Document(asked, got, 200, {"content-type": "text/html; charset=utf-8"}, case["html"].encode(), NOW)
    return Page(1, document, Entry("https://news.example/rss", "1", "Shippers summoned", asked, summary=summary))


@pytest.mark.parametrize("case", CASES["wall"], ids=lambda case: case["name"])
def test_wall_is_told_and_the_feeds_text_serves(case: dict[str, Any]) -> None:
    (found,) = extract([page(case)])
    assert isinstance(found, Article)
    assert (found.text, found.problems) == (SUMMARY, (FEED_TEXT_USED, case["is"]))


@pytest.mark.parametrize("case", CASES["article"], ids=lambda case: case["name"])
def test_article_is_no_wall(case: dict[str, Any]) -> None:
    (found,) = extract([page(case, summary="")])
    assert isinstance(found, Article)
    assert found.problems == ()


@pytest.mark.parametrize("case", CASES["wall"], ids=lambda case: case["name"])
def test_wall_without_text_in_the_feed_is_a_failure_that_says_so_or_a_beginning(case: dict[str, Any]) -> None:
    (found,) = extract([page(case, summary="")])
    if isinstance(found, Failure):
        assert found.reason == case["is"]
    else:
        assert found.problems == (PAYWALL,)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("http 401", "the page asks for a login"),
        ("http 402", PAYWALL),
        ("http 403 forbidden", "the site refused the page"),
        ("http 410 gone", NOT_FOUND),
        ("http 451", "the page is withheld for legal reasons"),
        ("blocked by a challenge page", "the page is a robot check"),
        ("timed out", "the page could not be read: timed out"),
        ("", ""),
    ],
)
def test_failed_fetch_is_told_in_words(reason: str, told: str) -> None:
    assert refusal(reason) == told
    entry = Entry("https://news.example/rss", "1", "Shippers summoned", URL, summary=SUMMARY)
    (found,) = extract([Page(1, None, entry, trouble=reason)])
    assert isinstance(found, Article)
    assert found.problems == ((FEED_TEXT_USED, told) if told else (FEED_TEXT_USED,))


def test_huge_page_of_signs_is_bounded() -> None:
    body = b"<p>" + b"accept all, we use cookies; " * 200_000
    document = Document(URL, URL, 200, {}, body, NOW)
    assert find_wall(document, body.decode()) == ""
