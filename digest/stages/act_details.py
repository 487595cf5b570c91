"""What a sentence tells of an act besides who did what to whom: how far it has come, when, how much, how many firms."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, cast

from digest.entities.names import fold_in_place
from digest.languages import base
from digest.records import Act, Status
from digest.stages.act_signs import Place, Sentence
from digest.stages.days import days
from digest.stages.money import sums

__all__ = ["Told", "details"]

_STATUSES: tuple[Status, ...] = ("overturned", "appealed", "threatened", "planned")
# A fine has a sum, a summons has none: one in the sentence is of something else.
_WITH_SUM = frozenset(("fine", "settle", "subsidise", "sue", "order", "charge", "other"))
_COUNT = re.compile(r"\d+")
_MOST_FIRMS = 1_000


@dataclass(frozen=True, slots=True)
class Told:
    """Where and when the article appeared, as far as it is known."""

    language: str
    country: str | None = None
    published: date | None = None


def details(act: Act, sentence: Sentence, place: Place, told: Told) -> dict[str, Any]:
    """The act's other fields, by name."""
    text = act.evidence
    middle = (place.start + place.end) // 2 - sentence.start
    found: dict[str, Any] = {"status": _status(sentence, act.action, told.language)}
    if act.action in _WITH_SUM:
        listed = list(sums(text, told.language, told.country))
        if listed:
            nearest = min(listed, key=lambda one: abs((one.start + one.end) // 2 - middle))
            found |= {"amount": nearest.amount, "currency": nearest.currency}
    if told.published:
        when = list(days(text, told.language, told.published))
        if when:
            found["day"] = min(when, key=lambda one: abs((one.start + one.end) // 2 - middle)).day
    counted = sentence.words.firms.search(sentence.text, sentence.start, sentence.end)
    number = _COUNT.search(counted[0]) if counted else None
    if number and 1 < int(number[0]) < _MOST_FIRMS:
        found["total"] = int(number[0])
    return found


def _status(sentence: Sentence, action: str, language: str) -> Status:
    said = sentence.text[sentence.start : sentence.end]
    for status, pattern in _patterns(base(language)).items():
        if pattern.search(said):
            return status
    return "ordered" if action == "order" else "done"


@cache
def _patterns(code: str) -> Mapping[Status, re.Pattern[str]]:
    rows = tomllib.loads(files("digest.entities").joinpath("triggers", "status.toml").read_text("utf-8"))
    words = cast("Mapping[Status, str]", rows.get(code, {}))
    return {status: re.compile(fold_in_place(words[status])) for status in _STATUSES if status in words}
