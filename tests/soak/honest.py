"""What honest sites say: feeds in many forms and encodings that gain items, and pages of articles."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from random import Random
from typing import Literal

from tests.edges.compression import COMPRESS
from tests.soak.web import Answer, Asked

__all__ = ["BEGIN", "CYCLE", "feed", "guid", "head", "is_honest_page", "page", "page_text", "whole"]

BEGIN = datetime.fromisoformat("2026-03-02T06:00:00+00:00")
# Longer than the longest wait between two polls, its spread included: every feed comes due in every cycle.
CYCLE = timedelta(hours=27)
WINDOW = 40  # items in a feed, at most: enough for those that fail for some cycles

LANGUAGES = {
    "en": ("Harbour board hears report", "The harbour board heard on Tuesday that work on the northern pier goes on."),
    "de": (
        "Hafenamt prüft Bericht",
        "Das Hafenamt prüft seit Dienstag, wann die Arbeiten am Nordkai weitergehen können.",
    ),
    "ru": ("Портовый совет заслушал доклад", "Во вторник портовый совет заслушал доклад о ремонте северного причала."),
    "zh-Hans": ("港务局听取报告", "港务局星期二听取了关于北码头维修工程的报告,工程将持续到秋季。"),
    "zh-Hant": ("港務局聽取報告", "港務局星期二聽取了關於北碼頭維修工程的報告,工程將持續到秋季。"),
    "ja": ("港湾局が報告を受ける", "港湾局は火曜日、北埠頭の補修工事に関する報告を受け、工事は秋まで続く見通しだ。"),
    "ko": (
        "항만청이 보고를 받다",
        "항만청은 화요일 북쪽 부두 보수 공사에 관한 보고를 받았으며 공사는 가을까지 이어진다.",
    ),
    "ar": (
        "مجلس الميناء يستمع إلى تقرير",
        "استمع مجلس الميناء يوم الثلاثاء إلى تقرير عن أعمال الرصيف الشمالي التي تستمر حتى الخريف.",
    ),
}


def head(status: str = "200 OK", **headers: str) -> bytes:
    """The head of an answer; header names have "_" for "-"."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def whole(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    return head(status, Content_Length=str(len(body)), **headers) + body


# --- feeds -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Item:
    guid: str
    link: str
    title: str
    summary: str
    date: datetime


def guid(site: str, number: int) -> str:
    return f"{site}-{number}"


def _items(asked: Asked, language: str) -> list[_Item]:
    title, sentence = LANGUAGES[language]
    last = asked.items
    return [
        _Item(
            guid(asked.site.about.name, number),
            f"http://{asked.headers['host']}/p/{number}",
            f"{title} {number}",
            f"{sentence} ({asked.site.about.name}-{number})",
            BEGIN + timedelta(minutes=number),
        )
        for number in reversed(range(max(0, last - WINDOW), last))
    ]


def _rss(asked: Asked, language: str) -> str:
    items = "".join(
        f"<item><title>{one.title}</title><link>{one.link}</link><guid isPermaLink='false'>{one.guid}</guid>"
        f"<pubDate>{format_datetime(one.date)}</pubDate><description>{escape(f'<p>{one.summary}</p>')}</description></item>"
        for one in _items(asked, language)
    )
    about = f"<title>{asked.site.about.name}</title><link>http://{asked.headers['host']}/</link><language>{language}</language>"
    return f"<rss version='2.0'><channel>{about}{items}</channel></rss>"


def _atom(asked: Asked, language: str) -> str:
    entries = "".join(
        f"<entry><id>{one.guid}</id><title>{one.title}</title><link href='{one.link}'/>"
        f"<updated>{one.date.isoformat()}</updated><summary>{one.summary}</summary></entry>"
        for one in _items(asked, language)
    )
    return (
        f"<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='{language}'><id>{asked.site.about.name}</id>"
        f"<title>{asked.site.about.name}</title>{entries}</feed>"
    )


def _json(asked: Asked, language: str) -> str:
    items = [
        {
            "id": one.guid,
            "url": one.link,
            "title": one.title,
            "content_text": one.summary,
            "date_published": one.date.isoformat(),
        }
        for one in _items(asked, language)
    ]
    about = {"version": "https://jsonfeed.org/version/1.1", "title": asked.site.about.name, "language": language}
    return json.dumps(about | {"items": items})


_FORMS = {"rss": _rss, "atom": _atom, "json": _json}
_KINDS = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}


def feed(
    form: Literal["rss", "atom", "json"] = "rss",
    language: str = "en",
    encoding: str = "utf-8",
    coding: str = "",
    validator: Literal["etag", "modified", "none", "changing etag", "same etag", "stuck"] = "etag",
) -> Answer:
    """`coding` is the content coding. A feed without a validator, or whose ETag lies, sends its body each time."""

    def answer(asked: Asked) -> bytes:
        if validator == "stuck" and "if-none-match" in asked.headers:
            return head("304 Not Modified", ETag=asked.headers["if-none-match"])
        text = _FORMS[form](asked, language)
        declared = "" if form == "json" else f"<?xml version='1.0' encoding='{encoding}'?>"
        body = (declared + text).encode(encoding)
        headers = {"Content_Type": _KINDS[form]} | ({"Content_Encoding": coding} if coding else {})
        known = ""
        if validator == "etag":
            headers["ETag"] = known = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        elif validator == "modified":
            headers["Last_Modified"] = known = format_datetime(BEGIN + timedelta(seconds=asked.items), usegmt=True)
        elif validator != "none":
            headers["ETag"] = f'"{asked.generation}"' if validator == "changing etag" else '"always"'
        if known and known in (asked.headers.get("if-none-match"), asked.headers.get("if-modified-since")):
            return head("304 Not Modified", ETag=known)
        return whole(COMPRESS[coding](body) if coding else body, **headers)

    return answer


# --- pages -----------------------------------------------------------------------------------------------------------


HOSTILE_PAGES_SHARE = 0.15


def is_honest_page(seed: int, site: str, number: int) -> bool:
    """Whether a page of a site with both kinds is like the one below."""
    return Random(f"{seed}/{site}/{number}").random() >= HOSTILE_PAGES_SHARE


def page_text(asked: Asked, extra: str = "", in_head: str = "") -> str:
    """The page of an article; one in seven is corrected every third generation."""
    number = asked.number
    language = list(LANGUAGES)[number % len(LANGUAGES)]
    title, sentence = LANGUAGES[language]
    note = f"<p>{sentence} Correction {asked.generation // 3}.</p>" if number % 7 == 0 else ""
    paragraphs = "".join(
        f"<p>{sentence} {asked.site.about.name}-{number} ({place}). {sentence}</p>" for place in range(5)
    )
    links = "".join(f"<li><a href='/p/{other}'>{title} {other}</a></li>" for other in range(20))
    return (
        f"<!doctype html><html lang='{language}'><head><meta charset='utf-8'><title>{title} {number}</title>{in_head}"
        f"</head><body><nav><ul>{links}</ul></nav><article><h1>{title} {number}</h1>{extra}{paragraphs}{note}</article>"
        "</body></html>"
    )


def page(asked: Asked) -> bytes:
    body = page_text(asked).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    if asked.headers.get("if-none-match") == etag:
        return head("304 Not Modified", ETag=etag)
    return whole(body, Content_Type="text/html; charset=utf-8", ETag=etag)
