"""The mail: both parts say the same, in every language, to every reader, and nothing from outside acts in it."""

import re
from dataclasses import replace
from datetime import datetime
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from digest.records import Act, Coverage, Digest, Email, Report, StoryView, Trouble
from digest.stages.compose import compose
from digest.stages.render import MOST_BYTES, render
from tests.samples import (
    COVERAGE,
    CUTOFF,
    DAY,
    EDITION,
    NAMES,
    SURFACES,
    eleven_firms,
    issue,
    long_issue,
    quiet_issue,
    report,
    resolve,
    smaller,
)

NOTICE = "This is a demonstration."
HOSTILE = [
    "<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7*7 }} {% raw %} {# #}",
    '"><img src=x onerror=alert(1)>',
    "</style><style>*{display:none}",
    "]]><!--[if mso]><b>x</b><![endif]-->",
    "javascript:alert(1)",
]


@cache
def sample() -> Email:
    return render(issue(NOTICE))


def page(email: Email) -> lxml_html.HtmlElement:
    return lxml_html.document_fromstring(email.html)


def of(*views: StoryView, coverage: Coverage = COVERAGE, size: int = 20) -> Digest:
    return compose(views, replace(EDITION, size=size), (), coverage, NAMES, resolve, DAY, CUTOFF)


def one(**changes: object) -> Email:
    """The mail of a single report."""
    base: dict[str, object] = {"number": 1, "source": "Elbbote", "language": "de", "title": "Tencent wird geprüft"}
    return render(of(StoryView("story:one", (report(**(base | changes)),))))  # type: ignore[arg-type]


def visible(email: Email) -> str:
    """The words that the HTML shows, without what is hidden."""
    tree = page(email)
    for element in tree.xpath("//head | //*[@class='preview']"):
        element.drop_tree()
    return " ".join(tree.text_content().split())


# --- both parts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "digest", [issue(NOTICE), long_issue(12), long_issue(), quiet_issue()], ids=["full", "12", "40", "quiet"]
)
def test_both_parts_hold_the_same_links_in_the_same_order(digest: Digest) -> None:
    email = render(digest, "https://digest.example/morning/2021-03-19")
    in_html = [link for link in page(email).xpath("//a/@href") if not link.startswith("#")]
    assert in_html == re.findall(r"https?://\S+", email.text)
    assert in_html[0] == "https://digest.example/morning/2021-03-19"


def test_both_parts_hold_the_same_words() -> None:
    email = sample()
    plain = re.sub(r"https?://\S+|[\u2068\u2069>*]", " ", email.text)
    for item in issue().items:
        for text in (item.headline, *(quote for quote, _, _ in item.sentences)):
            if text in visible(email):
                assert "".join(text.split()) in "".join(plain.split())
    for title in ("At a glance", "Regulatory actions", "Stories", "Also", "Watchlist hits", "Coverage", "Not seen"):
        assert title in visible(email)
        assert f"\n{title}\n---" in email.text


def test_stories_stand_in_the_order_of_the_issue() -> None:
    headlines = [" ".join(element.text_content().split()) for element in page(sample()).xpath("//h3")]
    assert headlines == [" ".join(item.headline.split()) for item in issue().items]


def test_the_same_issue_makes_the_same_bytes() -> None:
    assert render(issue(NOTICE)) == sample()


def test_text_lines_are_short_enough_to_read() -> None:
    wide = [line for line in sample().text.split("\n") if len(line) > 76 and "http" not in line]
    assert all(" " not in line.strip() for line in wide)


def test_text_has_no_trailing_blanks_nor_holes() -> None:
    assert not re.search(r"[ \t]\n|\n{3}", sample().text)


# --- what it says ------------------------------------------------------------------------------------------------


def test_the_head_tells_day_cutoff_zone_and_counts() -> None:
    shown = visible(sample())
    assert "Friday, 19 March 2021" in shown
    assert "Seen until 19 Mar, 06:30 (Europe/Berlin, UTC+1)" in shown
    assert "8 stories · 212 articles · 14 of 17 sources · 10 languages" in shown


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Kolkata", "11:00 (Asia/Kolkata, UTC+5:30)"),
        ("America/New_York", "01:30 (America/New York, UTC-4)"),
        ("UTC", "05:30 (UTC, UTC+0)"),
    ],
)
def test_times_are_in_the_zone_of_the_edition(zone: str, expected: str) -> None:
    digest = replace(issue(), edition=replace(EDITION, zone=zone))
    assert expected in render(digest).text


def test_an_act_is_one_line_for_its_agencies_and_companies() -> None:
    line = (
        "Cyberspace Administration of China + Ministry of Public Security summoned "
        "Xiaomi, Kuaishou, ByteDance, Alibaba, Tencent"
    )
    assert line in visible(sample())


def test_a_company_is_acted_on_by_the_agencies_of_all_reports() -> None:
    def stated(number: int, *pairs: tuple[str, str]) -> Report:
        found = tuple(Act(f"agency:{a}", f"company:{c}", "summon", 0, 1, f"e{number}", 0.9) for a, c in pairs)
        return report(number, f"Bote {number}", "de", "Tencent", acts=found)

    view = StoryView("s", (stated(1, ("cn-cac", "tencent")), stated(2, ("cn-mps", "tencent"), ("cn-cac", "xiaomi"))))
    shown = visible(render(of(view)))
    assert "Cyberspace Administration of China + Ministry of Public Security summoned Tencent" in shown
    assert "Cyberspace Administration of China summoned Xiaomi" in shown


def test_an_action_without_a_verb_of_ours_is_named_as_it_is() -> None:
    act = Act("agency:cn-cac", "company:tencent", "dawn_visit", 0, 1, "…", 0.9)
    assert "took action (dawn visit) on Tencent" in visible(one(acts=(act,)))


def test_evidence_is_quoted_in_its_own_language_with_a_link() -> None:
    (quote,) = page(sample()).xpath("//p[@class='quote'][@lang='ja']")
    assert quote.text_content() == "個人情報保護委員会は19日、LINEに対し、利用者の個人情報の管理について報告を求めた。"
    assert quote.getnext().xpath("./a/@href")[0] == "https://news.example/21/2021/03/report.html"


def test_copies_and_independent_reports_are_told_apart() -> None:
    assert "6 reports by 6 sources" in visible(sample())
    assert "5 independent reports, 1 copy" in visible(sample())
    assert "(zh, copy)" in visible(sample())


def test_a_changed_headline_is_told() -> None:
    assert "Headline was: China calls in seven tech firms" in visible(sample())


def test_a_developing_story_tells_what_is_new() -> None:
    assert "Developing" in visible(sample())
    assert "Since the last issue: 2 new reports (The Harbour Ledger, Les Quais)" in visible(sample())


def test_watchlist_hits_link_to_their_stories() -> None:
    (hit,) = [item for item in page(sample()).xpath("//ul/li") if item.text_content().startswith("Platforms: Tencent")]
    assert hit.xpath("./a/@href") == ["#story-1", "#story-6"]


def test_coverage_counts_reports_and_sources_by_language() -> None:
    rows = [[cell.text_content() for cell in row] for row in page(sample()).xpath("//table[not(@role)]//tr")]
    assert rows[0] == ["Language", "Reports", "Sources"]
    assert ["Chinese", "3", "京海日报 1, 浦江晚报 1, 聯灣時報 1"] in rows
    assert "Read, but in no story of this issue: Russian, Turkish." in visible(sample())


def test_what_was_not_seen_is_told_with_its_reason() -> None:
    shown = visible(render(replace(issue(), dropped=3)))
    assert "Old Town Gazette: gone; last read 10 Mar, 06:30" in shown
    assert "Sleepy Herald: timed out; never read yet" in shown
    assert "4 articles left out: disallowed by robots.txt" in shown
    assert "3 stories of lower rank did not fit: this edition holds 20" in shown


def test_a_flood_of_trouble_is_cut_and_counted() -> None:
    troubles = tuple(Trouble(f"Source {number}", "timed out") for number in range(50))
    shown = visible(render(of(*smaller(), coverage=replace(COVERAGE, troubles=troubles))))
    assert "30 more sources with trouble" in shown


def test_the_notice_stands_at_the_top_and_at_the_foot() -> None:
    assert visible(sample()).startswith(NOTICE)
    assert visible(sample()).endswith(NOTICE)
    assert sample().text.startswith(f"* {NOTICE}")
    assert sample().text.rstrip().endswith(NOTICE)


def test_a_part_with_nothing_to_say_is_not_there() -> None:
    shown = visible(one(text=""))
    for title in ("At a glance", "Regulatory actions", "Watchlist hits", "Also"):
        assert title not in shown
    calm = Coverage(3, 3, 9, ("de",))
    assert "Not seen" not in visible(render(of(*smaller(), coverage=calm)))


@pytest.mark.parametrize(
    ("coverage", "subject", "why"),
    [
        (replace(COVERAGE, sources_seen=0), "No source could be read", "None of the 17 sources could be read"),
        (
            replace(COVERAGE, articles=0),
            "Nothing new",
            "14 of 17 sources could be read, and they published nothing new",
        ),
        (
            replace(COVERAGE, articles=1),
            "Nothing new",
            "one article came in, and it brought nothing that earlier issues",
        ),
        (COVERAGE, "Nothing new", "212 articles came in, and none brought anything that earlier issues had not"),
    ],
)
def test_a_quiet_day_says_so_and_why(coverage: Coverage, subject: str, why: str) -> None:
    email = render(of(coverage=coverage))
    assert email.subject == f"{subject} · 19 Mar 2021 · Morning briefing"
    assert why in visible(email)
    assert why in " ".join(email.text.split())
    assert "Old Town Gazette" in visible(email)


# --- subject, preview --------------------------------------------------------------------------------------------


def test_the_subject_leads_with_the_act_in_english() -> None:
    assert sample().subject == (
        "Cyberspace Administration of China +1 summon Xiaomi, Kuaishou, ByteDance +2 · 19 Mar 2021 · Morning briefing"
    )


def test_an_act_that_few_of_the_reports_tell_does_not_lead() -> None:
    act = Act("agency:cn-samr", "company:alibaba", "fine", 0, 1, "In April Alibaba was fined.", 0.9)
    reports = [report(n, f"Bote {n}", "de", "Tencent wird geprüft", acts=(act,) if n <= 2 else ()) for n in range(1, 9)]
    email = render(of(StoryView("s", tuple(reports))))
    assert email.subject.startswith("Tencent wird geprüft · ")
    assert "fined Alibaba" in visible(email)


def test_without_an_act_the_subject_is_the_headline_in_its_own_language() -> None:
    assert one(title="腾讯发布财报", language="zh-Hans").subject == "腾讯发布财报 · 19 Mar 2021 · Morning briefing"


def test_a_right_to_left_headline_is_isolated_in_the_subject() -> None:
    assert one(title="شاومي تفتتح مركزا", language="ar").subject.startswith("\u2068شاومي تفتتح مركزا\u2069 · 19 Mar")


@given(st.text(max_size=300), st.text(min_size=1, max_size=200))
def test_any_headline_and_edition_make_a_short_subject_on_one_line(title: str, edition: str) -> None:
    digest = of(StoryView("s", (report(1, "Bote", "de", f"Tencent {title}"),)))
    subject = render(replace(digest, edition=replace(EDITION, title=edition))).subject
    assert len(subject) <= 120
    assert not re.search(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", subject)
    assert "19 Mar 2021" in subject


def test_subjects_of_two_days_differ() -> None:
    assert render(replace(issue(), date=DAY.replace(day=20))).subject != sample().subject


def test_the_preview_shows_what_follows_the_lead() -> None:
    (preview,) = page(sample()).xpath("//*[@class='preview']")
    assert preview.text.startswith("Personal Information Protection Commission gives orders to LINE · ")
    assert len(preview.text.rstrip("\u034f\u200c\u00a0")) <= 100


# --- for every reader --------------------------------------------------------------------------------------------


def test_every_foreign_passage_has_its_language_and_direction() -> None:
    foreign = re.compile("[\u0600-\u06ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]{4,}")
    for element in page(sample()).xpath("//body//*[not(self::td)][text()]"):
        if foreign.search(element.text or "") and not element.xpath(
            "ancestor-or-self::*[@class='preview' or self::li or @class='row']"
        ):
            marked = element.xpath("ancestor-or-self::*[@lang][1]")[-1]
            assert marked.get("lang") != "en"
            assert marked.get("dir") in ("ltr", "rtl")


def test_arabic_runs_from_the_right_and_the_rest_from_the_left() -> None:
    tree = page(sample())
    assert {element.get("dir") for element in tree.xpath("//*[@lang='ar']")} == {"rtl"}
    assert {element.get("dir") for element in tree.xpath("//*[@lang='zh-Hans' or @lang='ko' or @lang='pt']")} == {"ltr"}
    assert all(cell.get("dir") for cell in tree.xpath("//td"))
    assert all(
        "text-align:right" in element.get("style") for element in tree.xpath("//h3[@lang='ar'] | //p[@lang='ar']")
    )


def test_right_to_left_lines_of_the_text_are_isolated_one_by_one() -> None:
    arabic = [line for line in sample().text.split("\n") if re.search("[\u0600-\u06ff]{3}", line)]
    assert arabic
    assert all(line.count("\u2068") == line.count("\u2069") >= 1 for line in arabic)


def test_a_right_to_left_name_does_not_turn_the_line_around_it() -> None:
    digest = issue()
    names = {**digest.names, "company:xiaomi": "شاومي"}
    assert "summoned \u2068شاومي\u2069, Kuaishou" in visible(render(replace(digest, names=names)))


def test_headings_form_an_outline_and_layout_tables_say_that_they_are_none() -> None:
    tree = page(sample())
    assert [element.text for element in tree.xpath("//h1")] == ["Morning briefing"]
    assert len(tree.xpath("//h2")) == 7
    assert len(tree.xpath("//table[not(@role='presentation')]")) == 1
    assert tree.xpath("//table[not(@role='presentation')]//th[@scope='col']")
    assert tree.get("lang") == "en"


def test_links_inside_the_mail_have_their_targets() -> None:
    tree = page(sample())
    targets = {f"#{name}" for name in tree.xpath("//@id")}
    assert {link for link in tree.xpath("//a/@href") if link.startswith("#")} <= targets


def test_nothing_is_loaded_from_anywhere() -> None:
    assert not page(sample()).xpath("//img | //link | //script | //iframe | //form | //@src | //@background")
    assert "url(" not in sample().html
    assert "@import" not in sample().html


def test_dark_wide_and_printed_pages_keep_their_rules() -> None:
    assert "@media (prefers-color-scheme: dark)" in sample().html
    assert "@media print" in sample().html
    assert 'name="color-scheme" content="light dark"' in sample().html


def test_the_charset_is_told_early_enough() -> None:
    assert 0 < sample().html.encode().find(b'charset="utf-8"') < 1024


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_are_readable_by_day_and_by_night() -> None:
    light = {
        ink for ink in re.findall(r"[;\"]color:(#[0-9a-f]{6})", sample().html) if ink not in ("#f3f1ec", "#5a4300")
    }
    rules = sample().html.split("prefers-color-scheme: dark")[1].split("@media")[0]
    dark = {ink for ink in re.findall(r"[ {]color: (#[0-9a-f]{6})", rules) if ink not in ("#15171a", "#f4e3ad")}
    assert len(light) >= 4
    assert len(dark) >= 4
    assert min(contrast(ink, "#fffdf9") for ink in light) >= 4.5
    assert min(contrast(ink, "#1d2024") for ink in dark) >= 4.5
    assert min(contrast("#5a4300", "#fdf1cf"), contrast("#f4e3ad", "#3d3415")) >= 4.5


def test_no_colour_is_pure_black_or_white() -> None:
    assert not re.search(r"#(?:000|fff)(?:000|fff)?\b", sample().html)


# --- size --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 12, 40, 60])
def test_long_issues_in_chinese_stay_below_what_gmail_clips(number: int) -> None:
    email = render(long_issue(number))
    assert len(email.html.encode()) <= MOST_BYTES
    assert len(page(email).xpath("//h3")) == number


def test_a_short_issue_shows_every_source_and_both_sentences() -> None:
    shown = visible(render(long_issue(3)))
    assert "more" not in shown.split("Read:")[1].split("About:")[0]


def test_sources_beyond_the_room_are_counted() -> None:
    reports = tuple(report(n, f"Bote {n}", "de", "Tencent wird geprüft") for n in range(1, 13))
    email = render(of(StoryView("s", reports)))
    assert "· 4 more" in visible(email)
    assert "- 4 more" in email.text


# --- hostile input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_stays_text(text: str) -> None:
    sentence = f"{text} is what the agency said about the company on Friday in Beijing."
    digest = of(StoryView("s", (report(1, text, "en", f"Tencent {text}", f"Tencent. {sentence}", earlier=text),)))
    hostile = replace(digest, notice=text, names={}, coverage=replace(COVERAGE, troubles=(Trouble(text, text),)))
    email = render(hostile)
    tree = page(email)
    assert not tree.xpath("//script | //img | //@onerror")
    assert len(tree.xpath("//style")) == 1
    assert " ".join(text.split()) in visible(email)
    assert f"Tencent {text}" in email.text


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//evil.example/x",
        "https:///x",
        "http://[::1",
        "https://a.example/ b",
        "https://a.example/\nb",
        'https://a.example/"><script>',
        "ftp://a.example/x",
    ],
)
def test_what_is_no_web_address_is_no_link(url: str) -> None:
    email = one(url=url)
    assert not page(email).xpath("//a[not(starts-with(@href, '#'))]")
    assert url not in email.text


def test_the_address_of_an_archive_is_no_link_either_unless_it_is_one() -> None:
    assert "Read on the web" not in render(issue(), "javascript:alert(1)").html


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_title_and_text_make_a_page_that_parses(title: str, text: str) -> None:
    email = one(title=title.replace("\0", ""), text=f"Tencent {text}".replace("\0", ""))
    assert email.html.startswith("<!DOCTYPE html>")
    assert "Coverage" in visible(email)


def test_local_times_survive_a_date_before_1970() -> None:
    old = replace(eleven_firms().reports[0], published=datetime.fromisoformat("1969-01-01T00:00:00+00:00"))
    assert "first 1 Jan" in visible(render(of(replace(eleven_firms(), reports=(old, eleven_firms().reports[1])))))


def test_samples_have_a_name_for_every_entity() -> None:
    assert set(SURFACES) == set(NAMES)
