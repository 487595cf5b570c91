"""How each language says that an agency acts on a company: the lexicons in triggers/, one file a language."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from digest.entities.names import fold_in_place
from digest.entities.openings import Finder

__all__ = ["ACTIONS", "Lexicon", "Trigger", "lexicon"]

ACTIONS = (
    *("summon", "warn", "order", "investigate", "raid", "fine", "sue", "charge", "ban", "suspend", "delist"),
    *("restrict", "sanction", "approve", "license", "block", "clear", "settle", "lift", "legislate", "subsidise"),
    "other",
)

Pattern = re.Pattern[str]
NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Trigger:
    """`voice` is "noun" for a fine, a probe, a ban: who acts and on whom stand around it in either order."""

    action: str
    voice: Literal["active", "passive", "noun"]
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language, as patterns over text in the form of `fold_in_place`.

    `verb` is where the verb stands: "middle" between agency and company, "final" behind both, "free" anywhere.
    match what stands right before a name, those in _after what stands right after.
    """

    triggers: tuple[Trigger, ...]
    finder: Finder  # of the triggers' patterns, by their numbers
    verb: Literal["middle", "final", "free"]
    breaks: Pattern  # where another clause begins
    stop: Pattern  # before a trigger: planned, denied, possible, past; in the case of the text
    stop_after: Pattern
    past: Pattern  # in the clause: told as background
    object_before: Pattern
    object_after: Pattern
    agent_before: Pattern  # of who acts, in the passive
    agent_after: Pattern
    not_object_before: Pattern  # before a company's name: the owner of
    not_object: Pattern  # after a company's name: its chief, its shares
    not_agent: Pattern  # before an agency's name: according to, against
    joint: Pattern  # between two agencies that act together
    naming: Pattern  # in a sentence that lists the companies of the sentence before
    firms: Pattern  # companies, counted and not named
    anaphor: Pattern  # the agency named before: the regulator


@cache
def lexicon(code: str) -> Lexicon | None:
    """The lexicon of a language (ISO 639-1), or None where there is none yet."""
    file = files("digest.entities").joinpath("triggers", f"{code}.toml")
    if not file.is_file():
        return None
    rows = tomllib.loads(file.read_text("utf-8"))
    grammar = rows["grammar"]
    triggers = _triggers(rows, grammar.get("passive", ""))
    return Lexicon(
        triggers=triggers,
        finder=Finder(trigger.pattern for trigger in triggers),
        verb=grammar["verb"],
        breaks=_pattern(grammar["break"]),
        stop=_pattern(grammar["stop"], lower=False),
        stop_after=_pattern(grammar["stop_after"]),
        past=_pattern(grammar["past"]),
        object_before=_ending(grammar["object_before"]),
        object_after=_pattern(grammar["object_after"]),
        agent_before=_ending(grammar["agent_before"]),
        agent_after=_pattern(grammar["agent_after"]),
        not_object_before=_ending(grammar["not_object_before"]),
        not_object=_pattern(grammar["not_object"]),
        not_agent=_ending(grammar["not_agent"]),
        joint=_pattern(grammar["joint"]),
        naming=_pattern(grammar["naming"]),
        firms=_pattern(grammar["firms"]),
        anaphor=_pattern(grammar.get("anaphor", "")),
    )


def _triggers(rows: Mapping[str, Mapping[str, str]], mark: str) -> tuple[Trigger, ...]:
    """`mark` makes the passive of every active trigger where the language has one sign for it: 被."""
    marked = {action: f"{mark}(?:{words})" for action, words in rows["active"].items()} if mark else {}
    voices: tuple[tuple[Literal["active", "passive", "noun"], Mapping[str, str]], ...] = (
        ("active", rows["active"]),
        ("passive", {**marked, **rows.get("passive", {})}),
        ("noun", rows.get("noun", {})),
    )
    return tuple(
        Trigger(action, voice, _pattern(words)) for voice, listed in voices for action, words in listed.items()
    )


def _pattern(words: str, lower: bool = True) -> Pattern:
    return re.compile(fold_in_place(words, lower)) if words else NEVER


def _ending(words: str) -> Pattern:
    return re.compile(rf"(?:{fold_in_place(words)})[\s«“\"「『(]*$") if words else NEVER
