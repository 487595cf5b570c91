"""Platforms as the place where something was posted: that is no mention of the company."""

import re
from functools import cache

from digest.entities.match import data
from digest.entities.names import fold_text
from digest.entities.scene import Scene
from digest.languages import base
from digest.records import Mention

__all__ = ["is_place_of_post"]

_REACH = 100  # characters around in which a post is told of
_BEFORE = 40  # characters that a preposition and what leads to it may take


def is_place_of_post(scene: Scene, mention: Mention) -> bool:
    """Whether the text says that something was posted there, and not what the company did or suffered."""
    if mention.label != "COMPANY" or fold_text(mention.text) not in _platforms():
        return False
    if _after().match(scene.text, mention.end):
        return True
    before, told, refused = _words(base(scene.language))
    lead = scene.text[max(0, mention.start - _BEFORE) : mention.start]
    found = before.search(lead) if before else None
    if found is None or (refused and refused.search(lead[: found.start()])):
        return False
    around = scene.text[max(0, mention.start - _REACH) : mention.start] + scene.text[mention.end : mention.end + _REACH]
    return told is not None and bool(told.search(around))


@cache
def _platforms() -> frozenset[str]:
    return frozenset(fold_text(name.replace("_", " ")) for name in data("posting.toml")["platforms"].split())


@cache
def _after() -> re.Pattern[str]:
    return re.compile(data("posting.toml")["after"])


@cache
def _words(code: str) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None, re.Pattern[str] | None]:
    """What stands before a place, what tells of a post, and what says that it is no place."""
    rows = data("posting.toml")
    edge = "" if code == "zh" else r"(?:^|[\s(\"«“„])"
    before, told, refused = (rows[key].get(code) for key in ("before", "told", "not_after"))
    return (
        re.compile(f"{edge}{before}$", re.IGNORECASE) if before else None,
        re.compile(told, re.IGNORECASE) if told else None,
        re.compile(rf"(?:^|\s){refused}\s?$", re.IGNORECASE) if refused else None,
    )
