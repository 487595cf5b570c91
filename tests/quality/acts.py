"""Acts of agencies on companies, in passages of our own writing: what the tagger and the act finder make of them.

The scorer was trained on other passages. Nobody who worked on it or on the lexicons read acts-held/<language>.txt:
those figures are the ones to believe.

A pair is an agency and a company of one act; a found pair is right where its names are those of a gold pair, whatever
its type. A triple has the type too.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from digest.records import Act, Failure, Mention, Tagged, Text
from digest.stages.compose import SURE_ACT
from digest.stages.tag import tag
from digest.training.corpus import Sentence
from digest.training.told import Passage

__all__ = ["HELD", "WHOLE", "Counted", "score"]

WHOLE = ("pair", "triple", "sure")  # what is counted over all types
HELD = Path(__file__).with_name("acts-held")


@dataclass
class Counted:
    """Counts of pairs ("pair"), pairs with their type ("triple", and by the type), and the surest pairs ("sure")."""

    right: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    gold: Counter[str] = field(default_factory=Counter)

    def precision(self, what: str) -> float:
        return self.right[what] / self.found[what] if self.found[what] else 1.0

    def recall(self, what: str) -> float:
        return self.right[what] / self.gold[what] if self.gold[what] else 1.0

    def f1(self, what: str) -> float:
        total = self.found[what] + self.gold[what]
        return 2 * self.right[what] / total if total else 1.0

    def __iadd__(self, other: "Counted") -> "Counted":
        for mine, theirs in ((self.right, other.right), (self.found, other.found), (self.gold, other.gold)):
            mine.update(theirs)
        return self


def score(language: str, passages: Sequence[Passage]) -> tuple[Counted, list[str]]:
    """The counts over a language's passages, and what is wrong in words."""
    counted, faults = Counted(), []
    texts = [Text("", passage.sentence.text, language, passage.country) for passage in passages]
    for passage, outcome in zip(passages, tag(texts), strict=True):
        assert not isinstance(outcome, Failure)
        one, wrong = _scored(passage, outcome)
        counted += one
        faults += [f"{passage.sentence.text}\n   {line}" for line in wrong]
    return counted, faults


def _scored(passage: Passage, tagged: Tagged) -> tuple[Counted, list[str]]:
    gold = {
        (agency, company): act.action
        for act in passage.acts
        for agency, company in product(act.agencies, act.companies)
    }
    triples = {
        (agency, company, act.action)
        for act in passage.acts
        for agency, company in product(act.agencies, act.companies)
    }
    spans = _spans(passage.sentence)
    counted, met, told, wrong = Counted(), set(), set(), []
    seen: dict[tuple[str, str], float] = {}
    for act in tagged.acts:
        pairs = _meant(act, tagged.mentions, gold, spans)
        right = [(*pair, act.action) for pair in pairs if (*pair, act.action) in triples]
        for what in ("triple", act.action):
            counted.found[what] += 1
            counted.right[what] += bool(right)
        told.update(right)
        met.update(pairs)
        key = (act.agency, act.company)
        if key not in seen:
            counted.found["pair"] += 1
            counted.right["pair"] += bool(pairs)
        if act.confidence >= SURE_ACT and seen.get(key, 0) < SURE_ACT:
            counted.found["sure"] += 1
            counted.right["sure"] += bool(pairs)
        seen[key] = max(seen.get(key, 0), act.confidence)
        if not right:
            wrong.append(f"+ {act.action} {act.agency} {act.company} {act.confidence}{' (type)' if pairs else ''}")
    counted.gold["pair"] = len(gold)
    counted.gold["triple"] = len(triples)
    counted.gold["sure"] = len(gold)
    counted.gold.update(action for _, _, action in triples)
    wrong += [f"- {action} {agency} | {company}" for agency, company, action in sorted(triples - told)]
    return counted, wrong


def _spans(sentence: Sentence) -> dict[str, list[tuple[int, int]]]:
    spans: dict[str, list[tuple[int, int]]] = {}
    for name in sentence.names:
        spans.setdefault(sentence.text[name.start : name.end], []).append((name.start, name.end))
    return spans


def _meant(
    act: Act,
    mentions: Sequence[Mention],
    gold: Iterable[tuple[str, str]],
    spans: dict[str, list[tuple[int, int]]],
) -> list[tuple[str, str]]:
    """The gold pairs whose names stand where the act's agency and company are mentioned."""

    def is_named(entity: str, name: str) -> bool:
        places = [(m.start, m.end) for m in mentions if m.entity == entity]
        return any(a < end and b > start for a, b in places for start, end in spans.get(name, ()))

    return [pair for pair in gold if is_named(act.agency, pair[0]) and is_named(act.company, pair[1])]
