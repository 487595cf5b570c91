"""The pages of one article are found and joined; those of lists, comments and other articles are not."""

import pytest

from digest.stages.markup import parse_html
from digest.stages.parts import join_texts, lacks_pages, next_page

URL = "https://news.example/2026/03/shippers-summoned"


def following(body: str, url: str = URL, *, head: str = "", first: str = "", asked: tuple[str, ...] = ()) -> str:
    tree = parse_html(f"<html><head>{head}</head><body>{body}</body></html>")
    assert tree is not None
    return next_page([tree], [url], asked) if not first else next_page([tree, tree], [first, url], asked)


def link(href: str, text: str = "2", **marks: str) -> str:
    said = " ".join(f'{name.rstrip("_")}="{value}"' for name, value in marks.items())
    return f'<a href="{href}" {said}>{text}</a>'


@pytest.mark.parametrize(
    ("url", "href"),
    [
        (URL, f"{URL}/2"),
        (URL, f"{URL}/2/"),
        (URL, f"{URL}/page/2"),
        (URL, f"{URL}/seite-2"),
        (URL, f"{URL}?page=2"),
        (f"{URL}?id=9", f"{URL}?id=9&seite=2"),
        (f"{URL}?page=1", f"{URL}?page=2"),
        (f"{URL}/1", f"{URL}/2"),
        (f"{URL}.html", f"{URL}_2.html"),
        (f"{URL}.html", f"{URL}-2.html"),
        (f"{URL}.html", f"{URL},seite-2.html"),
        (f"{URL}.html", f"{URL}.html/2"),
        (f"{URL}?utm_source=rss", f"{URL}?page=2"),
        ("https://news.example/文章", "https://news.example/%E6%96%87%E7%AB%A0?page=2"),
    ],
)
def test_second_page_by_its_number(url: str, href: str) -> None:
    assert following(link(href), url) == href
    assert following(link(href, "Weiter", rel="next"), url) == href
    assert following("", url, head=f'<link rel="next" href="{href}">') == href
    assert following(f'<div class="article-pagination">{link(href, "次へ")}</div>', url) == href


def test_pages_follow_one_another() -> None:
    links = link(f"{URL}/2") + link(f"{URL}/3", "3") + link(f"{URL}/4", "4")
    assert following(links, f"{URL}/2", first=URL) == f"{URL}/3"
    assert following(links, f"{URL}/4", first=URL) == ""


def test_pages_that_are_counted_from_nought() -> None:
    assert following(link(f"{URL}?page=1", "Next", rel="next")) == f"{URL}?page=1"
    assert following(link(f"{URL}?page=1", "1")) == ""


@pytest.mark.parametrize(
    "whole",
    [f"{URL}?page=all", f"{URL}/all", f"{URL}/komplettansicht", f"{URL}?singlepage=1", f"{URL}/single-page"],
)
def test_all_on_one_page_comes_first(whole: str) -> None:
    links = link(f"{URL}/2") + link(whole, "auf einer Seite")
    assert following(links) == whole
    assert following(links, asked=(whole,)) == f"{URL}/2"
    assert following(links, whole, first=URL) == ""


@pytest.mark.parametrize(
    "body",
    [
        link("https://news.example/2026/03/other-article", "Next", rel="next"),  # as blogs have it
        link("https://news.example/2026/03/shippers-summoned-again", "Next", rel="next"),
        link(f"{URL}?page=2#comments"),
        link(f"{URL}/comment-page-2/"),
        link(f"{URL}?cpage=2"),
        link(f"{URL}?kommentarseite=2"),
        f'<section class="comments">{link(f"{URL}?page=2")}</section>',
        f'<ol id="kommentare-liste">{link(f"{URL}?page=2", rel="next")}</ol>',
        link(f"{URL}?page=2", "Read the second part of our series"),
        link("https://other.example/2026/03/shippers-summoned/2", rel="next"),
        link(f"{URL}/3", "3"),
        link(f"{URL}/2026", "2026"),
        link("javascript:next(2)", rel="next"),
    ],
)
def test_what_is_no_further_page(body: str) -> None:
    assert following(body) == ""


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://news.example/story-5", "https://news.example/story-6"),
        ("https://news.example/article/123", "https://news.example/article/124"),
        ("https://news.example/?p=123", "https://news.example/?p=124"),
        ("https://news.example/read?id=1", "https://news.example/read?id=2"),
        ("https://news.example/read?id=1", "https://news.example/read/2?id=7"),
    ],
)
def test_next_article_is_not_the_next_page(url: str, href: str) -> None:
    assert following(link(href, "2", rel="next"), url) == ""


def test_page_that_came_from_elsewhere_has_no_next() -> None:
    assert following(link(f"{URL}/3", "3"), "https://other.example/2", first=URL) == ""


def test_stated_article_may_have_many_teasers() -> None:
    teasers = "<article><h2><a href='/a'>A</a></h2></article>" * 6
    stated = '<script type="application/ld+json">{"@type": "NewsArticle"}</script>'
    assert following(teasers + link(f"{URL}/2"), head=stated) == f"{URL}/2"


def test_lists_have_no_pages() -> None:
    links = link("https://news.example/page/2", rel="next")
    assert following(links, "https://news.example/") == ""
    teasers = "<article><h2><a href='/a'>A</a></h2></article>" * 6
    assert following(teasers + link(f"{URL}/page/2", rel="next")) == ""
    stated = '<script type="application/ld+json">{"@type": "CollectionPage"}</script>'
    assert following(link(f"{URL}/page/2", rel="next"), head=stated) == ""


def test_texts_are_joined_without_what_pages_repeat() -> None:
    joined = join_texts(["第一段。\n第二段。", "第二段。\n第三段。", "第一段。\n第四段。"])
    assert joined.split("\n") == ["第一段。", "第二段。", "第三段。", "第四段。"]
    assert join_texts(["One.\nOne.", "Two."]) == "One.\nOne.\nTwo."


def test_what_could_not_be_had_is_missing_unless_another_page_makes_up_for_it() -> None:
    assert lacks_pages([URL], [f"{URL}/2"])
    assert lacks_pages([URL], [f"{URL}/all"])
    assert not lacks_pages([URL, f"{URL}/2"], [f"{URL}/all"])
    assert not lacks_pages([URL], [])
