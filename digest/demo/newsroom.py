"""The invented outlets of the demonstration and their articles, read from `outlets/*.yaml` and `events.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

__all__ = ["DEMO_NOTE", "Article", "Event", "FeedStyle", "Newsroom", "Outlet", "newsroom"]

FOLDER = Path(__file__).parent
DEMO_NOTE = "Demonstration: invented outlets, with reports of our own writing about real, public events of March 2021"


@dataclass(frozen=True, slots=True)
class FeedStyle:
    """How an outlet's feed is written; `quirk` is one of the bad habits that real feeds have."""

    format: Literal["rss2", "rss1", "atom", "json"]
    encoding: str
    content: Literal["summary", "full"]
    quirk: Literal["", "no-dates", "no-ids", "etag", "slow"] = ""


@dataclass(frozen=True, slots=True)
class Article:
    """`caption`, `credit`, `related` and `inline_related` stand on the page and are not the article's text."""

    id: str
    event: str
    title: str
    published: datetime
    author: str
    summary: str
    body: tuple[str, ...]
    caption: str
    credit: str
    related: tuple[str, ...]
    inline_related: str = ""
    wire: str = ""
    corrected: tuple[str, datetime] | None = None

    def title_at(self, now: datetime) -> str:
        return self.corrected[0] if self.corrected and self.corrected[1] <= now else self.title

    def changed_at(self, now: datetime) -> datetime:
        return self.corrected[1] if self.corrected and self.corrected[1] <= now else self.published

    @property
    def path(self) -> str:
        return f"/{self.published:%Y/%m}/{self.id}.html"


@dataclass(frozen=True, slots=True)
class Outlet:
    key: str
    name: str
    language: str
    country: str
    kind: str
    tagline: str
    nav: tuple[str, ...]
    cookie: str
    subscribe: str
    related_label: str
    read_also: str
    caption_label: str
    feed: FeedStyle
    articles: tuple[Article, ...]

    def published_by(self, now: datetime) -> list[Article]:
        """What is out at that moment, the newest first."""
        return sorted(
            (one for one in self.articles if one.published <= now), key=lambda one: one.published, reverse=True
        )


@dataclass(frozen=True, slots=True)
class Event:
    """What really happened: `acts` are (type, agency ids, company ids) that a perfect reader finds."""

    key: str
    acts: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Newsroom:
    outlets: tuple[Outlet, ...]
    events: Mapping[str, Event]


@cache
def newsroom() -> Newsroom:
    events = _read(FOLDER / "events.yaml")
    outlets = tuple(_outlet(path.stem, _read(path)) for path in sorted((FOLDER / "outlets").glob("*.yaml")))
    return Newsroom(outlets, {key: _event(key, data) for key, data in events.items()})


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return data


def _outlet(key: str, data: dict[str, Any]) -> Outlet:
    lists = {"nav": tuple(data["nav"]), "articles": tuple(_article(one) for one in data["articles"])}
    texts = {"caption_label": data.get("caption_label", ""), "feed": FeedStyle(**data["feed"])}
    return Outlet(key=key, **{**data, **lists, **texts})


def _article(data: dict[str, Any]) -> Article:
    corrected = data.get("corrected")
    lists = {"body": tuple(data["body"]), "related": tuple(data["related"])}
    return Article(**{**data, **lists, "corrected": (corrected["title"], corrected["at"]) if corrected else None})


def _event(key: str, data: dict[str, Any]) -> Event:
    acts = ((act["type"], tuple(act["agencies"]), tuple(act["companies"])) for act in data["acts"])
    return Event(key, tuple(acts))
