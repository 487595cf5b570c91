"""The English that the briefing is written in: counts, lists, days, names of languages, and acts as sentences."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime

from digest.languages import LANGUAGES, base

__all__ = ["act_sentence", "counted", "isolated", "language_name", "listed", "short_day", "short_time", "to_verb"]

# Past tense, and present tense of one agency and of several.
_VERBS = {
    "approve": ("gave approval to", "gives approval to", "give approval to"),
    "ban": ("banned", "bans", "ban"),
    "block": ("blocked", "blocks", "block"),
    "charge": ("charged", "charges", "charge"),
    "clear": ("cleared", "clears", "clear"),
    "delist": ("delisted", "delists", "delist"),
    "fine": ("fined", "fines", "fine"),
    "investigate": ("opened an investigation of", "investigates", "investigate"),
    "legislate": ("made rules for", "makes rules for", "make rules for"),
    "license": ("licensed", "licenses", "license"),
    "lift": ("lifted a measure on", "lifts a measure on", "lift a measure on"),
    "order": ("gave orders to", "gives orders to", "give orders to"),
    "raid": ("raided", "raids", "raid"),
    "restrict": ("put restrictions on", "puts restrictions on", "put restrictions on"),
    "sanction": ("imposed sanctions on", "imposes sanctions on", "impose sanctions on"),
    "settle": ("settled with", "settles with", "settle with"),
    "subsidise": ("subsidised", "subsidises", "subsidise"),
    "sue": ("sued", "sues", "sue"),
    "summon": ("summoned", "summons", "summon"),
    "suspend": ("suspended", "suspends", "suspend"),
    "warn": ("warned", "warns", "warn"),
}
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_ISOLATE, _POP = "\u2068", "\u2069"


def counted(number: int, noun: str, plural: str = "") -> str:
    """ "1 report", "2 reports", "1,204 reports"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], most: int) -> str:
    """The names, at most so many, and how many more there are: "A, B +3"."""
    shown = ", ".join(names[:most])
    return f"{shown} +{len(names) - most}" if len(names) > most else shown


def language_name(tag: str) -> str:
    """The English name of a language; of an unknown one, its tag."""
    row = LANGUAGES.get(base(tag))
    return row.name if row else "unknown language" if tag in {"", "und"} else tag


def short_day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def short_time(moment: datetime) -> str:
    return f"{moment.day} {moment:%b, %H:%M}"


def isolated(text: str) -> str:
    """The text so that, where it is written from right to left, it leaves the order of the line around it alone."""
    return f"{_ISOLATE}{text}{_POP}" if _RTL.search(text) else text


def to_verb(action: str, agencies: int, *, past: bool) -> str:
    """The words between the agencies and the companies. An action that we have no verb for is named as it is."""
    forms = _VERBS.get(action)
    if forms is None:
        name = unicodedata.normalize("NFC", action).replace("_", " ")
        return f"took action ({name}) on"
    return forms[0] if past else forms[1] if agencies == 1 else forms[2]


def act_sentence(agencies: Sequence[str], action: str, companies: Sequence[str], limit: int) -> str:
    """ "A summons X, Y +5" in the present tense: as many names as `limit` characters hold, one of each at least."""
    verb = to_verb(action, len(agencies), past=False)
    sizes = ((2, 3), (2, 2), (1, 3), (1, 2), (2, 1), (1, 1))
    lines = [f"{listed(agencies, some)} {verb} {listed(companies, named)}" for some, named in sizes]
    return next((line for line in lines if len(line) <= limit), lines[-1])
