"""The newsroom's feeds, in the dialects that real ones speak."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from digest.demo.newsroom import DEMO_NOTE, Article, Outlet

__all__ = ["render_feed", "templates"]

MEDIA_TYPES = {
    "rss2": "application/rss+xml",
    "rss1": "application/rdf+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
}
# Some servers name the encoding in the header only, some in the document only, most in both.
HEADER_ONLY = {"neva", "elbe"}
DOCUMENT_ONLY = {"jinghai", "tokiwa", "ponte"}


def render_feed(outlet: Outlet, base: str, now: datetime) -> tuple[bytes, str]:
    """The feed as it stands at `now`: its bytes in the outlet's own encoding, and the Content-Type."""
    articles = outlet.published_by(now)
    style, media_type = outlet.feed, MEDIA_TYPES[outlet.feed.format]
    if style.format == "json":
        return json.dumps(_json_feed(outlet, articles, base, now), ensure_ascii=False).encode(), media_type
    template = templates().get_template(f"{style.format}.xml.j2")
    text = template.render(
        outlet=outlet,
        articles=articles,
        base=base,
        now=now,
        note=DEMO_NOTE,
        rfc822=_rfc822,
        iso=_iso,
        declared="" if outlet.key in HEADER_ONLY else style.encoding,
        dated=style.quirk != "no-dates",
        with_ids=style.quirk != "no-ids",
    )
    charset = "" if outlet.key in DOCUMENT_ONLY else f"; charset={style.encoding}"
    # A character that the encoding lacks goes out as a reference, as any publishing system does it.
    return text.encode(style.encoding, "xmlcharrefreplace"), media_type + charset


@cache
def templates() -> Environment:
    return Environment(
        loader=PackageLoader("digest.demo"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _json_feed(outlet: Outlet, articles: Sequence[Article], base: str, now: datetime) -> dict[str, Any]:
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "description": f"{outlet.tagline} ({DEMO_NOTE})",
        "home_page_url": f"{base}/",
        "feed_url": f"{base}/feed",
        "language": outlet.language,
        "items": [_json_item(outlet, article, base, now) for article in articles],
    }


def _json_item(outlet: Outlet, article: Article, base: str, now: datetime) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": f"{outlet.key}-{article.id}",
        "url": base + article.path,
        "title": article.title_at(now),
        "summary": article.summary,
        "date_published": _iso(article.published),
        "date_modified": _iso(article.changed_at(now)),
        "authors": [{"name": article.author}],
    }
    if outlet.feed.content == "full":
        item["content_html"] = "".join(f"<p>{_escaped(paragraph)}</p>" for paragraph in article.body)
    return item


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _rfc822(moment: datetime) -> str:
    return format_datetime(moment)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
