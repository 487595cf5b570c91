"""Pages to articles: each case is a page with the article beside it; the rest are rules that no one page shows."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.records import Article, Document, Entry, Failure, Page
from digest.stages.extract import extract
from digest.stages.walls import FEED_TEXT_USED, PARTS_MISSING, TOO_SHORT

CASES = Path(__file__).parent.parent / "cases" / "extract"
NOW = datetime(2021, 3, 20, tzinfo=UTC)
URL = "https://www.quaypost.example/news/spill"
SENTENCE = "The commission met again on Friday and heard the captain of the vessel for three hours behind closed doors."
ENTRY = Entry("https://www.quaypost.example/rss", "1", "Shippers summoned over spill", URL)


def document(body: bytes | str, url: str = URL, **headers: str) -> Document:
    data = body.encode() if isinstance(body, str) else body
    return Document(url, url, 200, {name.replace("_", "-"): value for name, value in headers.items()}, data, NOW)


def article(page: Page) -> Article:
    found = extract([page])[0]
    assert isinstance(found, Article), found
    return found


def plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value


def english() -> str:
    return (CASES / "english.html").read_text(encoding="utf-8")


def simple(body: str, head: str = "") -> str:
    return f"<html lang='en'><head>{head}</head><body><article>{body}</article></body></html>"


PARAGRAPHS = "".join(f"<p>{number}. {SENTENCE}</p>" for number in ("One", "Two", "Three", "Four"))


@pytest.mark.parametrize("path", sorted(CASES.glob("*.expect.json")), ids=lambda path: path.name.split(".")[0])
def test_case(path: Path) -> None:
    expected = json.loads(path.read_text(encoding="utf-8"))
    body = path.with_name(path.name.replace(".expect.json", ".html")).read_bytes()
    found = article(Page(1, document(body, expected.pop("final_url"))))
    assert found.text.split("\n") == expected.pop("text")
    for key, value in expected.items():
        assert plain(getattr(found, key)) == value


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-16", "big5hkscs"])
@pytest.mark.parametrize("where", ["header", "meta", "nowhere"])
def test_encodings(encoding: str, where: str) -> None:
    text = (CASES / "chinese.html").read_text(encoding="utf-8")
    names = {"gb18030": "gb2312", "big5hkscs": "big5"}
    stated = f'<meta charset="{names.get(encoding, encoding)}">' if where == "meta" else ""
    body = text.replace('<meta charset="utf-8">', stated).encode(encoding, "ignore")
    headers = {"content_type": f"text/html; charset={names.get(encoding, encoding)}"} if where == "header" else {}
    found = article(Page(1, document(body, **headers)))
    assert "燃油" in found.text
    assert "\ufffd" not in found.text


def test_stray_byte_costs_a_character() -> None:
    text = (CASES / "chinese.html").read_text(encoding="utf-8").replace("utf-8", "gb2312")
    body = text.encode("gb18030").replace("十日内".encode("gb18030"), b"\xff" + "十日内".encode("gb18030"), 1)
    found = article(Page(1, document(body)))
    assert found.text.count("\ufffd") <= 1
    assert "港口管理局周四约谈了北光航运" in found.text


# --- title, date, address -------------------------------------------------------------------------------------------


def test_feed_knows_title_and_date() -> None:
    published = datetime(2021, 3, 18, 9, tzinfo=UTC)
    found = article(Page(1, document(english()), replace(ENTRY, published=published, authors=("N. Ward",))))
    assert (found.title, found.published, found.published_from) == (ENTRY.title, published, "feed")
    assert found.authors == ("N. Ward",)


@pytest.mark.parametrize("title", ["Harbour Commission summons…", "Harbour Commission summons ...", URL])
def test_cut_off_title_of_feed_gives_way(title: str) -> None:
    found = article(Page(1, document(english()), replace(ENTRY, title=title)))
    assert found.title == "Harbour Commission summons three shippers"


@pytest.mark.parametrize(
    ("head", "heading", "title"),
    [
        ("<title>Spill: three summoned - Quay Post</title>", "", "Spill: three summoned"),
        ("<title>Quay Post | Spill: three summoned</title>", "", "Spill: three summoned"),
        ("<title>Spill: three summoned | Sea | Quay Post</title>", "Spill: three summoned", "Spill: three summoned"),
        ("<title>Spill &amp; silence</title>", "Quay Post", "Spill & silence"),
        ('<meta property="og:title" content="Spill &lt;and&gt; silence">', "", "Spill <and> silence"),
        ("", "Spill without a title", "Spill without a title"),
    ],
)
def test_title_without_site(head: str, heading: str, title: str) -> None:
    head += '<meta property="og:site_name" content="Quay Post">'
    assert article(Page(1, document(simple(f"<h1>{heading}</h1>{PARAGRAPHS}", head)))).title == title


def test_title_on_which_most_places_agree() -> None:
    head = (
        "<title>Spill: three summoned | Quay Post</title>"
        '<meta property="og:title" content="You will not believe what the commission did">'
        '<script type="application/ld+json">{"@type": "Article", "headline": "Three summoned over the spill"}</script>'
    )
    page = document(simple(f"<h1>Three summoned over the spill</h1>{PARAGRAPHS}", head))
    assert article(Page(1, page)).title == "Three summoned over the spill"


@pytest.mark.parametrize(
    ("host", "title"),
    [
        ("www.n-tv.de", "Kommission lädt Reeder vor"),
        ("amp.elpais.com", "La comisión cita a tres"),
        ("quaypost.example", "La comisión cita a tres"),
    ],
)
def test_title_where_its_publisher_has_it(host: str, title: str) -> None:
    head = (
        '<meta property="og:title" content="Kommission lädt Reeder vor">'
        '<script type="application/ld+json">{"@type": "Article", "headline": "La comisión cita a tres"}</script>'
    )
    page = simple(f"<h1>La comisión cita a tres</h1>{PARAGRAPHS}", head)
    assert article(Page(1, document(page, f"https://{host}/a"))).title == title


@pytest.mark.parametrize(
    "shown",
    [
        "<div>编辑：李明 发表于 2021-3-18 11:46:00</div>",
        "<div>港务局 掲載日：2021年3月18日</div>",
        "<div>Publicado el 18 de marzo de 2021</div>",
        "<blockquote><time datetime='2020-01-05'>5 Jan</time></blockquote><time datetime='2021-03-18'>Thursday</time>",
        "<div class='date-box'>February 2020. 15 sailings</div><div class='date'>March 18, 2021</div>",
    ],
)
def test_date_that_readers_see(shown: str) -> None:
    found = article(Page(1, document(simple(PARAGRAPHS + shown), "https://quaypost.example/spill")))
    assert found.published is not None
    assert (found.published.date().isoformat(), found.published_from) == ("2021-03-18", "page")


@pytest.mark.parametrize(
    ("head", "url", "published", "source"),
    [
        ('<meta name="pubdate" content="18 mars 2021">', URL, datetime(2021, 3, 18, tzinfo=UTC), "page"),
        ('<meta name="date" content="2031-03-18">', URL, None, "first seen"),
        ("", "https://quaypost.example/2021/03/18/spill", datetime(2021, 3, 18, tzinfo=UTC), "url"),
        ("", "https://quaypost.example/t20210318_77.html", datetime(2021, 3, 18, tzinfo=UTC), "url"),
        ("", "https://quaypost.example/20211", None, "first seen"),
        ("<meta name='copyright' content='2021'>", URL, None, "first seen"),
    ],
)
def test_date_is_stated_or_absent(head: str, url: str, published: datetime | None, source: str) -> None:
    found = article(Page(1, document(simple(PARAGRAPHS, head), url)))
    assert (found.published, found.published_from) == (published, source)


def test_update_of_feed_is_better_than_no_date() -> None:
    found = article(Page(1, document(simple(PARAGRAPHS)), replace(ENTRY, updated=NOW)))
    assert (found.published, found.published_from) == (NOW, "feed")


@pytest.mark.parametrize(
    ("canonical", "final", "url"),
    [
        (
            "https://www.quaypost.example/a",
            "https://m.quaypost.example/a?utm_source=x",
            "https://www.quaypost.example/a",
        ),
        ("https://quaypost.co.uk/a", "https://other.co.uk/a", "https://other.co.uk/a"),
        ("https://evil.example.org/a", URL, URL),
        ("javascript:alert(1)", URL, URL),
        ("https://www.quaypost.example/", URL, URL),
        ("https://a.example/view", "https://a.example/view?id=77", "https://a.example/view?id=77"),
        ("http://[bad", URL, URL),
    ],
)
def test_canonical_address(canonical: str, final: str, url: str) -> None:
    page = document(simple(PARAGRAPHS, f'<link rel="canonical" href="{canonical}">'), final)
    assert article(Page(1, page)).url == url


# --- the feed's text ------------------------------------------------------------------------------------------------

WALL = "<p>We use cookies to make this site better. Accept all cookies or read our privacy policy to continue.</p>"


@pytest.mark.parametrize(
    "body", [None, b"", b"%PDF-1.7 \x00\x01<", b"<html></html>", simple(WALL).encode(), b"<" * 5_000, b"\x00" * 99]
)
def test_text_of_feed_serves(body: bytes | None) -> None:
    page = Page(1, document(body) if body is not None else None, replace(ENTRY, content=SENTENCE), source="Quay Post")
    found = article(page)
    assert (found.text, found.problems[0], found.url) == (SENTENCE, FEED_TEXT_USED, URL)


def test_text_of_feed_serves_where_the_page_has_less() -> None:
    content = "\n".join([SENTENCE] * 40)
    found = article(Page(1, document(simple(PARAGRAPHS)), replace(ENTRY, content=content)))
    assert (found.text, found.problems) == (content, (FEED_TEXT_USED, TOO_SHORT))


def test_nothing_at_all_is_a_failure() -> None:
    assert extract([Page(1, None, ENTRY), Page(2, document(""))]) == [
        Failure(URL, "extract", "no text"),
        Failure(URL, "extract", "no text"),
    ]


def test_news_about_cookies_is_news() -> None:
    text = "The regulator fined Borealis 3 million euros: its site sets cookies before anyone has agreed to them. " * 3
    assert article(Page(1, document(simple(f"<p>{text}</p>")))).problems == ()


# --- the frame ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "intruder",
    [
        "<p>Lesen Sie auch: <a href='/1'>Was die Behörde darf</a> und was nicht</p>",
        "<p>Читайте также: <a href='/1'>Паромная компания</a> лишилась лицензии</p>",
        "<div class='article__related-links'>Ferry line loses its licence</div>",
        "<aside>Ferry line loses its licence after a winter of cancelled sailings</aside>",
        "<div role='complementary'><p>Ferry line loses its licence after a winter</p></div>",
        "<div class='cookie-banner'><p>We use cookies to improve your experience on this site.</p></div>",
        "<figure><figcaption>The quay at dawn</figcaption></figure>",
        "<p>Photo: N. Ward</p>",
        "<div><img src='a.jpg'><span>The quay at dawn, seen from the old customs house</span></div>",
        "<img src='a.jpg' alt='The quay at dawn, seen from its house'><p>The quay at dawn, seen from its house</p>",
        "<ul><li>Sea: <a href='/1'>Line loses its licence</a></li><li>Ports: <a href='/2'>Dues to rise</a></li></ul>",
        "<div class='infobox'><p>The commission was set up in 1911 and has nine members.</p></div>",
        "<section class='comments-list'><p>Well, I never thought that I would live to see it.</p></section>",
        "<script>var intruder = 'Ferry line loses its licence';</script>",
    ],
)
def test_what_is_not_the_article_stays_out(intruder: str) -> None:
    middle = "<p>Two. "
    found = article(Page(1, document(simple(PARAGRAPHS.replace(middle, intruder + middle)))))
    assert found.text == article(Page(1, document(simple(PARAGRAPHS)))).text


def test_article_in_a_class_that_looks_like_a_box_is_kept() -> None:
    body = f"<div class='subscription-content social'>{PARAGRAPHS}</div>"
    assert article(Page(1, document(simple(body)))).text.count(SENTENCE) == 4


def test_article_cut_by_advertisements_is_whole() -> None:
    parts = "".join(
        f"<div><div class='story-part'><p>{n}. {SENTENCE}</p><p>{n}b. {SENTENCE}</p></div></div><hr>" for n in range(9)
    )
    found = article(Page(1, document(f"<html lang='en'><body><div>{parts}</div></body></html>")))
    assert found.text.count(SENTENCE) == 18


def test_lead_that_the_page_shows_is_kept() -> None:
    lead = "Three companies have ten days to explain why nobody was told of the leak."
    head = f'<meta name="description" content="{lead}">'
    page = simple(PARAGRAPHS, head).replace("<article>", f"<header><p class='intro'>{lead}</p></header><article>")
    assert article(Page(1, document(page))).text.startswith(lead)


def test_standfirst_is_known_by_its_class() -> None:
    lead = "Three companies have ten days to explain why nobody was told of the leak"
    page = simple(PARAGRAPHS).replace(
        "<article>", f"<h1>Summoned over spill</h1><p class='standfirst'>{lead}</p><article>"
    )
    assert article(Page(1, document(page))).text.startswith(lead)


@pytest.mark.parametrize("tail", ["<h3>More from the sea</h3>", "<p>Ports</p><p>Borealis Shipping</p>"])
def test_nothing_follows_the_last_sentence(tail: str) -> None:
    assert article(Page(1, document(simple(PARAGRAPHS + tail)))).text.endswith(SENTENCE)


def test_list_with_links_in_its_sentences_is_text() -> None:
    item = "<li>The <a href='/1'>{} port and its whole fishing fleet of boats</a> remain closed for the year.</li>"
    items = "".join(map(item.format, ("northern", "southern", "eastern", "western")))
    found = article(Page(1, document(simple(f"<ul>{items}</ul>{PARAGRAPHS * 3}"))))
    assert "The western port and its whole fishing fleet of boats remain closed for the year." in found.text


@pytest.mark.parametrize(
    ("ruby", "word"),
    [
        ("<ruby>北光<rp>（</rp><rt>ほっこう</rt><rp>）</rp></ruby>", "北光（ほっこう）海運"),
        ("<ruby><rb>北光</rb><rt>ほっこう</rt></ruby>", "北光海運"),
    ],
)
def test_reading_of_a_word_breaks_no_line(ruby: str, word: str) -> None:
    sentence = (
        f"港湾委員会は木曜日、燃料流出の報告が遅れたとして{ruby}海運など三社を呼び出し、十日以内に回答するよう求めた。"
    )
    others = "".join(
        f"<p>第{n}に、委員長は記者団に対し、次の季節まで待つことはできないと述べた。</p>" for n in "一二三四"
    )
    assert f"として{word}など" in article(Page(1, document(simple(f"<p>{sentence}</p>{others}")))).text


def test_text_that_the_page_only_states_serves() -> None:
    stated = json.dumps(
        {"@type": "NewsArticle", "headline": "Spill", "articleBody": "\n".join([SENTENCE] * 9 + ["End."])}
    )
    script = f"<script type='application/ld+json'>{stated}</script>"
    page = f"<html lang='en'><head>{script}</head><body><p>Wait</p></body></html>"
    assert article(Page(1, document(page))).text.endswith(f"{SENTENCE}\nEnd.")


def test_language_is_of_the_text_not_of_the_template() -> None:
    page = (CASES / "japanese.html").read_text(encoding="utf-8").replace('lang="ja"', 'lang="en"')
    assert article(Page(1, document(page))).language == "ja"


# --- hostile input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [
        "<div>" * 3_000,
        "<ul><li><a href=x>y</a>" * 500,
        "<table><tr><td>" * 300,
        f"<script type='application/ld+json'>{'[' * 50_000}</script>",
        '<script type=\'application/ld+json\'>{"@type": [7, "NewsArticle"], "headline": {}, "author": [[]]}</script>',
        f"<meta name='date' content='{'1' * 50_000}'>",
        "<meta property='og:url' content='http://[x'>",
        "\x00\ufffe\u202e" * 1_000,
        "a" + "\u0301" * 20_000,
    ],
    ids=range(9),
)
def test_hostile_page_costs_nothing_but_itself(noise: str) -> None:
    good = Page(2, document(english()))
    outcomes = extract([Page(1, document(simple(noise + PARAGRAPHS).encode("utf-8"))), good])
    assert outcomes[1] == extract([good])[0]
    assert not any("\u202e" in outcome.text for outcome in outcomes if isinstance(outcome, Article))


@pytest.mark.parametrize(
    "noise",
    [
        "<p>x</p>" * 100_000,
        "<a href=/x>y</a> " * 50_000,
        "<" * 2_000_000,
        "<div>" * 100_000,
        f"<p title='{'x' * 5_000_000}'>y</p>",
        f"<script type='application/ld+json'>{'[' * 100_000}</script>",
        "<script type='application/ld+json'>" + '{"a":' * 100_000 + "</script>",
        f"<meta name='date' content='{'1' * 200_000}'>",
        "<div>" * 1_000 + "<img src=a alt=b>" * 10_000 + "</div>" * 1_000,
    ],
    ids=("paragraphs", "links", "brackets", "depth", "attribute", "lists", "objects", "date", "images"),
)
def test_huge_page_ends_in_time_and_the_feed_serves(noise: str) -> None:
    content = "\n".join([SENTENCE] * 3)
    start = monotonic()
    found = article(Page(1, document(simple(noise + PARAGRAPHS)), replace(ENTRY, content=content)))
    assert SENTENCE in found.text
    assert monotonic() - start < 30  # half of what a page is given


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 2_500))
def test_damage_is_a_value(noise: bytes, place: int) -> None:
    body = (CASES / "korean.html").read_bytes()
    extract([Page(1, document(body[:place] + noise + body[place:]))])


# --- several pages, several readings --------------------------------------------------------------------------------


def second(line: str, url: str = f"{URL}/2") -> Document:
    return document(simple("".join(f"<p>{number}. {line}</p>" for number in ("Five", "Six", "Seven"))), url)


def test_pages_that_came_are_joined_and_the_next_is_wanted() -> None:
    first = document(simple(PARAGRAPHS + f'<a href="{URL}/2">2</a>'))
    assert article(Page(1, first)).next_page == f"{URL}/2"
    whole = article(Page(1, first, parts=(second(SENTENCE),)))
    assert (whole.text.count(SENTENCE), whole.next_page, whole.problems) == (7, "", ())


@pytest.mark.parametrize(
    "part", [second(SENTENCE, "https://elsewhere.example/2"), document(simple(f"<p>{WALL}</p>"), f"{URL}/2")]
)
def test_page_that_is_another_sites_or_a_wall_is_missing(part: Document) -> None:
    found = article(Page(1, document(simple(PARAGRAPHS)), parts=(part,)))
    assert (found.text.count(SENTENCE), found.problems) == (4, (PARTS_MISSING,))


def test_reading_again_tells_what_changed_or_leaves_what_stands() -> None:
    page = Page(1, document(simple(PARAGRAPHS)))
    earlier = article(page)
    assert article(replace(page, earlier=earlier)) == replace(earlier, stands=True)
    assert article(Page(1, document(b"%PDF"), earlier=earlier)) == replace(earlier, stands=True)
    shorter = replace(earlier, text=earlier.text.partition("\n")[0] + " It adjourned.")
    assert [change.before for change in article(replace(page, earlier=shorter)).changes] == ["It adjourned."]
