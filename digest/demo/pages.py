"""The newsroom's pages: six designs with what real pages put around and into an article."""

import json
from datetime import datetime

from digest.demo.feeds import templates
from digest.demo.newsroom import DEMO_NOTE, Article, Outlet
from digest.languages import direction

__all__ = ["front_page", "render_page"]

DESIGNS = {
    "bogaz": "modern",
    "cais": "magazine",
    "elbe": "classic",
    "hangang": "portal",
    "harbour": "modern",
    "jinghai": "tables",
    "lianwan": "portal",
    "meridian": "plain",
    "midan": "plain",
    "mirador": "magazine",
    "neva": "tables",
    "ponte": "classic",
    "pujiang": "classic",
    "quais": "modern",
    "tokiwa": "portal",
}
# These leave the encoding to the HTTP header; all others declare it in the page.
HEADER_ONLY = {"neva"}
# A page may show its date in the habit of its language only.
LOCAL_DATES = {
    "zh-Hans": "{d:%Y}年{d.month}月{d.day}日 {d:%H:%M}",
    "zh-Hant": "{d:%Y}年{d.month}月{d.day}日 {d:%H:%M}",
    "ja": "{d:%Y}年{d.month}月{d.day}日 {d.hour}時{d.minute}分",
    "ko": "입력 {d:%Y}.{d:%m}.{d:%d} {d:%H:%M}",
    "ru": "{d:%d}.{d:%m}.{d:%Y} {d:%H:%M}",
    "en": "{d:%B} {d.day}, {d:%Y} {d:%H:%M}",
}
SIGNATURES = {"zh-Hans": "记者：{author}     责编：何树     网编：言午", "ru": "Автор: {author}"}


def render_page(outlet: Outlet, article: Article, url: str, now: datetime) -> tuple[bytes, str]:
    """The article's page as it stands at `now`: bytes in the outlet's encoding, and the Content-Type."""
    title = article.title_at(now)
    text = (
        templates()
        .get_template(f"page.{DESIGNS[outlet.key]}.html.j2")
        .render(
            outlet=outlet,
            article=article,
            title=title,
            url=url,
            dir=direction(outlet.language),
            note=DEMO_NOTE,
            json_ld=_json_ld(outlet, article, title),
            local_date=LOCAL_DATES.get(outlet.language, "{d:%d}.{d:%m}.{d:%Y}").format(d=article.published),
            signature=SIGNATURES.get(outlet.language, "").format(author=article.author),
            declares_charset=outlet.key not in HEADER_ONLY,
        )
    )
    charset = f"; charset={outlet.feed.encoding}" if outlet.key in HEADER_ONLY else ""
    return text.encode(outlet.feed.encoding, "xmlcharrefreplace"), f"text/html{charset}"


def _json_ld(outlet: Outlet, article: Article, title: str) -> str:
    data = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": title,
        "datePublished": article.published.isoformat(),
        "author": [{"@type": "Person", "name": article.author}],
        "publisher": {"@type": "Organization", "name": outlet.name},
    }
    return json.dumps(data).replace("<", "\\u003c")


def front_page(outlet: Outlet, now: datetime) -> tuple[bytes, str]:
    """Links to what is out, and to the feed."""
    text = (
        templates()
        .get_template("front.html.j2")
        .render(
            outlet=outlet,
            articles=outlet.published_by(now),
            now=now,
            dir=direction(outlet.language),
            note=DEMO_NOTE,
        )
    )
    return text.encode(outlet.feed.encoding, "xmlcharrefreplace"), f"text/html; charset={outlet.feed.encoding}"
