"""A company's name that stands for a thing: a platform as the place of a post, a product. That is no mention of it."""

import re
from functools import cache

from digest.entities.match import data
from digest.entities.names import fold_text
from digest.entities.scene import Scene, overlapping
from digest.languages import base
from digest.records import Mention

__all__ = ["is_place_of_post", "is_product"]

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


# What follows a maker's name where its product is meant: a type (A321neo, 737, ID.4), or a word with a capital that the
# recogniser takes for no name and after which the sentence goes on in small letters (Google Maps is, Hyundai Accent).
_TYPE = re.compile(r"[ -](?:[A-Z]{1,4}[-.]?\d+\w*|7\d7)\b")
_MODEL = re.compile(r" (?P<word>[^\W\d_]{3,})(?=[.,;:!?)]|$| [^\W\d_A-Z])")


def is_product(scene: Scene, mention: Mention) -> bool:
    """Whether a company's name that the recogniser sees none in is that of a platform, or followed by a product's.

    Where the words around had to speak for the company already, they have the last word.
    """
    if mention.label != "COMPANY" or mention.reason != "alias" or not scene.heard:
        return False
    if overlapping(scene.names, mention.start, mention.end):
        return False
    if fold_text(mention.text) in _platforms() or _TYPE.match(scene.text, mention.end):
        return True
    model = _MODEL.match(scene.text, mention.end)
    if model is None or not model["word"][0].isupper() or model["word"].isupper() or base(scene.language) == "de":
        return False
    return not overlapping(scene.names, *model.span("word")) and not overlapping(scene.found, *model.span("word"))


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
