"""robots.txt for our product token."""

import time

import pytest

from digest.edges.robots import MOST_SITEMAPS, Rules

AGENT = "Digest/1.0 (+https://digest.example/bot)"


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("", "/a", True),
        ("User-agent: *\nDisallow: /private", "/private/a", False),
        ("User-agent: *\nDisallow: /private", "/public", True),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /\nAllow: /news/", "/news/1", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/a.pdf", False),
        ("User-agent: DIGEST\nDisallow: /\n\nUser-agent: *\nAllow: /", "/a", False),
        ("User-agent: digest/2.0  # ours\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: digest\nDisallow: /x", "/a", True),
        ("User-agent: GPTBot\nUser-agent: digest\nDisallow: /", "/a", False),
        ("User-agent: GPTBot\nDisallow: /", "/a", True),
        ("User-agent: digest.example\nDisallow: /", "/a", True),
        ("\ufeffUser-agent: *\r\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /新闻", "/%E6%96%B0%E9%97%BB/1", False),
        ("<!doctype html><title>Home</title>", "/a", True),
    ],
)
def test_allow(text: str, path: str, allowed: bool) -> None:
    assert Rules.parse(text.encode(), AGENT).allow(f"https://news.example{path}") is allowed


@pytest.mark.parametrize(("delay", "seconds"), [("2.5", 2.5), ("3600", 10.0), ("-5", 0.0), ("nan", 0.0), ("soon", 0.0)])
def test_crawl_delay(delay: str, seconds: float) -> None:
    assert Rules.parse(f"User-agent: *\nCrawl-delay: {delay}\nDisallow: /x".encode(), AGENT).delay == seconds


def test_bytes_of_any_kind_are_no_rules() -> None:
    assert Rules.parse(bytes(range(256)) * 10, AGENT).allow("https://news.example/")


def test_what_comes_after_the_cap_is_not_read() -> None:
    text = b"User-agent: *\n" + b"# padding\n" * 60_000 + b"Disallow: /"
    assert Rules.parse(text, AGENT).allow("https://news.example/a")


def test_thousands_of_agents_with_thousands_of_rules_cost_no_minute() -> None:
    agents = "".join(f"User-agent: bot{i}\n" for i in range(10_000))
    rules = "".join(f"Disallow: /{i}\n" for i in range(10_000))
    start = time.perf_counter()
    assert Rules.parse((agents + rules).encode(), AGENT).allow("https://news.example/1")
    assert time.perf_counter() - start < 5


def test_sitemaps_are_those_listed_anywhere_and_few() -> None:
    text = "Sitemap: https://news.example/a.xml\nUser-agent: *\nDisallow: /\nsitemap: /b.xml\n"
    assert Rules.parse(text.encode(), AGENT).sitemaps == ("https://news.example/a.xml", "/b.xml")
    assert len(Rules.parse(b"Sitemap: /x\n" * 10_000, AGENT).sitemaps) == MOST_SITEMAPS
