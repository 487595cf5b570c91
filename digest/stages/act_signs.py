"""What speaks for and against an agency acting on a company by a trigger: signs that a trained scorer weighs.

The signs are of structure only (order, distance, clauses, marks of case and voice, negation, time), the same for every
language; the words behind them come from the lexicons. So one small set of weights serves all languages.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from digest.entities.acts import Lexicon, Trigger
from digest.records import Mention

__all__ = ["Candidate", "Group", "Place", "Sentence", "is_of_another", "is_stopped", "signs"]


@dataclass(frozen=True, slots=True)
class Group:
    """Mentions that stand side by side: 国家网信办、公安部."""

    mentions: tuple[Mention, ...]

    @property
    def start(self) -> int:
        return self.mentions[0].start

    @property
    def end(self) -> int:
        return self.mentions[-1].end


@dataclass(frozen=True)
class Sentence:
    number: int
    text: str  # of the whole article, folded in place
    cased: str
    start: int
    end: int
    words: Lexicon
    agencies: Sequence[Group]
    companies: Sequence[Group]
    headline: bool

    @cached_property
    def breaks(self) -> Sequence[int]:
        """Where clauses part."""
        return [found.start() for found in self.words.breaks.finditer(self.text, self.start, self.end)]

    @cached_property
    def triggers(self) -> Sequence["Place"]:
        """In their order; of triggers that overlap, the passive and then the longest one stands."""
        found = [
            Place(match.start(), match.end(), self.words.triggers[number])
            for number, match in self.words.finder.matches(self.text, self.start, self.end)
        ]
        found.sort(key=lambda one: (one.trigger.voice != "passive", one.start - one.end))
        kept: list[Place] = []
        for one in found:
            if not any(
                other.start < one.end
                and one.start < other.end
                and (other.trigger.action == one.trigger.action or other.end - other.start > one.end - one.start)
                for other in kept
            ):
                kept.append(one)
        return sorted(kept, key=lambda one: one.start)


@dataclass(frozen=True, slots=True)
class Place:
    """A trigger in a sentence."""

    start: int
    end: int
    trigger: Trigger


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agency and a company that a trigger may join; each stands in the trigger's sentence or in one before."""

    sentence: Sentence
    place: Place
    agency: Group
    agency_in: Sentence
    company: Group
    company_in: Sentence


_WORD = {True: 2.0, False: 6.0}  # characters of a word, about: scripts without spaces, and others
_AFTER = 40  # characters behind a trigger in which a word still denies or dates it
_DENSE = ("\u3040", "\ud7ff")


def signs(one: Candidate) -> Mapping[str, float]:
    """The candidate's signs by name; those that are not there count 0."""
    return dict(_signs(one))


def _signs(one: Candidate) -> Iterator[tuple[str, float]]:
    sentence, place, words = one.sentence, one.place, one.sentence.words
    voice, verb = place.trigger.voice, words.verb
    yield "bias", 1
    yield f"action {place.trigger.action}", 1
    yield f"voice {voice}", 1
    here_a, here_c = one.agency_in is sentence, one.company_in is sentence
    order = "".join(
        name
        for _, name in sorted(
            [(place.start + 0.5, "T"), (one.agency.start, "A")] * here_a
            + [(place.start + 0.5, "T"), (one.company.start, "C")] * here_c
        )
    ).replace("TT", "T")
    yield f"order {order or 'T'} {voice}", 1
    yield f"order {order or 'T'} {verb}", 1
    yield from _agency_signs(one, here_a)
    yield from _company_signs(one, here_c)
    yield from _truth_signs(sentence, place)
    if sentence.headline:
        yield "in headline", 1


def _agency_signs(one: Candidate, here: bool) -> Iterator[tuple[str, float]]:
    sentence, place, words, group = one.sentence, one.place, one.sentence.words, one.agency
    own = one.agency_in
    if words.not_agent.search(own.text[own.start : group.start]):
        yield "agency beside", 1
    if (group.mentions[0].entity or "").startswith("local:"):
        yield "agency is local", 1
    if not here:
        yield f"agency {min(3, sentence.number - own.number)} sentences before", 1
        yield ("agency in headline" if own.headline else "agency in text"), 1
        yield "agency is its sentence's only", float(len(own.agencies) == 1)
        yield "text says the agency", float(bool(words.anaphor.search(sentence.text, sentence.start, sentence.end)))
        return
    yield "words to agency", _words(sentence, group, place)
    yield "clauses to agency", _clauses(sentence, group, place)
    yield "agencies between", float(sum(_between(other, group, place) for other in sentence.agencies))
    yield "agency opens", float(not sentence.text[sentence.start : group.start].strip(" \"'“„«「"))
    marked = words.agent_before.search(sentence.text[sentence.start : group.start]) or words.agent_after.match(
        sentence.text, group.end
    )
    yield f"agency marked {place.trigger.voice}", float(bool(marked))
    if place.start <= group.start and group.end <= place.end:
        yield "agency inside", 1


def _company_signs(one: Candidate, here: bool) -> Iterator[tuple[str, float]]:
    sentence, place, words, group = one.sentence, one.place, one.sentence.words, one.company
    own = one.company_in
    if (group.mentions[0].entity or "").startswith("local:"):
        yield "company is local", 1
    yield "companies in group", math.log(len(group.mentions))
    if not here:
        yield f"company {min(3, sentence.number - own.number)} sentences before", 1
        yield ("company in headline" if own.headline else "company in text"), 1
        yield "company is its sentence's only", float(len(own.companies) == 1)
        yield "company is its sentence's first", float(own.companies[0] is group)
        return
    yield "words to company", _words(sentence, group, place)
    yield "clauses to company", _clauses(sentence, group, place)
    yield "companies between", float(sum(_between(other, group, place) for other in sentence.companies))
    others = (other for other in sentence.agencies if other is not one.agency)
    yield "other agencies before company", float(sum(_between(other, group, place) for other in others))
    yield "company opens", float(not sentence.text[sentence.start : group.start].strip(" \"'“„«「"))
    before = words.object_before.search(sentence.text[sentence.start : group.start])
    yield f"company marked before {place.trigger.voice}", float(bool(before))
    yield f"company marked after {place.trigger.voice}", float(bool(words.object_after.match(sentence.text, group.end)))
    if one.agency_in is sentence:
        yield (
            "triggers between",
            float(sum(_inside(other.start, place, group) for other in sentence.triggers if other is not place)),
        )
        yield "words between names", _words(sentence, group, Place(one.agency.start, one.agency.end, place.trigger))


def is_of_another(found: Mapping[str, float]) -> bool:
    """Whether the company stands in a later clause, behind another agency: after the FSA's fine, the FTC sued X."""
    return bool(found.get("other agencies before company")) and bool(found.get("clauses to company"))


def is_stopped(found: Mapping[str, float]) -> bool:
    """Whether a word right around the trigger takes it back or puts it off."""
    return "stopped before" in found or "stopped after" in found


def _truth_signs(sentence: Sentence, place: Place) -> Iterator[tuple[str, float]]:
    """Whether something around the trigger says that it is planned, denied, possible or past."""
    words = sentence.words
    begin = max([cut for cut in sentence.breaks if cut < place.start], default=sentence.start)
    before = sentence.cased[begin : place.start]
    before = before[:1].lower() + before[1:]
    if words.stop.search(before):
        yield "stopped before", 1
    elif words.stop.search(sentence.cased[sentence.start : place.start]):
        yield "stopped in an earlier clause", 1
    if words.stop_after.search(sentence.text[place.end : min(place.end + _AFTER, sentence.end)]):
        yield "stopped after", 1
    if words.past.search(sentence.text, begin, min(place.end + _AFTER, sentence.end)):
        yield "past", 1
    elif words.past.search(sentence.text, sentence.start, sentence.end):
        yield "past in sentence", 1


def _words(sentence: Sentence, group: Group, place: Place) -> float:
    """How many words lie between, about, on a scale that flattens: 0 to 3."""
    gap = max(0, place.start - group.end, group.start - place.end)
    dense = _DENSE[0] <= sentence.text[place.start] <= _DENSE[1]
    return math.log1p(gap / _WORD[dense])


def _clauses(sentence: Sentence, group: Group, place: Place) -> float:
    return float(min(3, sum(_inside(cut, place, group) for cut in sentence.breaks)))


def _inside(at: int, place: Place, group: Group) -> bool:
    return min(group.end, place.end) <= at < max(group.start, place.start)


def _between(other: Group, group: Group, place: Place) -> bool:
    return other is not group and _inside(other.start, place, group)
