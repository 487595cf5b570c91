"""Which address is an article's own: copies meet, and nobody's page passes for another."""

import pytest

from digest.stages.canonical import canonical, identity, registered, same_page

HERE = "https://www.news.example/2026/03/shippers-summoned"


@pytest.mark.parametrize(
    ("url", "stated", "own"),
    [
        # AMP in all its addresses
        (f"{HERE}/amp", [HERE], HERE),
        (f"{HERE}/amp/", [HERE], HERE),
        (f"{HERE}?outputType=amp", [HERE], HERE),
        (f"{HERE}?amp=1", [HERE], HERE),
        ("https://amp.news.example/a/77", ["https://www.news.example/a/77"], "https://www.news.example/a/77"),
        ("https://www-news-example.cdn.ampproject.org/c/s/www.news.example/a/77", ["https://www.news.example/a/77"], "https://www.news.example/a/77"),
        ("https://www-news-example.cdn.ampproject.org/v/s/www.news.example/a/77?usqp=mq331", [], "https://www.news.example/a/77"),
        ("https://www.google.com/amp/s/www.news.example/a/77", [], "https://www.news.example/a/77"),
        # stated by the page
        (f"{HERE}?utm_source=rss&utm_medium=feed", [HERE], HERE),
        ("http://m.news.example/a/77", ["https://www.news.example/a/77"], "https://www.news.example/a/77"),
        (HERE, ["", "/2026/03/shippers-summoned"], HERE),
        (HERE, ["javascript:alert(1)", "https://news.example/2026/03/shippers-summoned"], "https://news.example/2026/03/shippers-summoned"),
        (f"{HERE}/2", [HERE], HERE),
        ("https://新聞.example/文/一", ["https://新聞.example/文/二之一"], "https://新聞.example/文/二之一"),
        # og:url where canonical cannot be believed
        (f"{HERE}?x=a", ["https://www.news.example/", HERE], HERE),
        # not to be believed
        (HERE, ["https://www.news.example/"], HERE),
        (HERE, ["https://www.news.example/2026/03"], HERE),
        (HERE, ["https://evil.example/2026/03/shippers-summoned"], HERE),
        ("https://www.news.example/read?id=771204", ["https://www.news.example/read"], "https://www.news.example/read?id=771204"),
        ("https://www.news.example/a/771204", ["https://www.news.example/a/660011"], "https://www.news.example/a/771204"),
        ("https://one.blogspot.com/2026/a.html", ["https://two.blogspot.com/2026/a.html"], "https://one.blogspot.com/2026/a.html"),
        ("https://one.co.uk/a", ["https://two.co.uk/a"], "https://one.co.uk/a"),
        ("https://x.cdn.ampproject.org/c/s/news.example/a/77", ["https://evil.example/a/77"], "https://news.example/a/77"),
        ("http://127.0.0.1:81/a", ["http://10.0.0.1:81/a"], "http://127.0.0.1:81/a"),
    ],
)  # fmt: skip
def test_own_address(url: str, stated: list[str], own: str) -> None:
    assert canonical(stated, url) == own


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (f"{HERE}?utm_source=x&fbclid=1#top", HERE),
        (f"{HERE}?ref=rss", HERE),
        (f"{HERE}?from=rss_politics", HERE),
        (f"{HERE}?id=5&utm_campaign=x", f"{HERE}?id=5"),
        (f"{HERE}?ref=77120", f"{HERE}?ref=77120"),
        (f"{HERE}?q=%E4%B8%AD&b", f"{HERE}?q=%E4%B8%AD&b"),
        ("https://news.example/#!/a/77", "https://news.example/#!/a/77"),
    ],
)
def test_tracking_is_no_part_of_an_address(url: str, kept: str) -> None:
    assert identity(url) == kept


def test_same_page_in_two_spellings() -> None:
    assert same_page("http://news.example/%E6%96%87/", "https://www.news.example/文?utm_source=x#a")
    assert not same_page("https://news.example/a?id=1", "https://news.example/a?id=2")


def test_registered_part() -> None:
    assert registered("https://a.b.news.co.uk/x") == ("news", "co", "uk")
    assert registered("https://a.news.example/x") == ("news", "example")
