"""The acts of agencies on companies that a text reports.

Better none than a wrong one: what is planned, denied, possible or long past is no act, and neither is one whose agency
or company the sentence leaves open.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from digest.entities.acts import Lexicon, lexicon
from digest.entities.names import fold_in_place
from digest.languages import base, sentences
from digest.records import Act, Mention

__all__ = ["find_acts"]

# How sure an act is, before the mentions' own confidence: said in one clause, in the passive, over two sentences.
_SURE_NAME = 0.85  # a name in no registry must be as sure as this to act or be acted on
_ACTIVE, _PASSIVE, _CARRIED = 0.9, 0.85, 0.65
_BACKGROUND = 15  # characters behind a trigger in which a past year still dates it
_LONGEST = 1_500  # characters: what is longer is a table or a list, no sentence
_CARRY = 3  # sentences that a list of names may stand behind "summoned 11 companies"


@dataclass(frozen=True, slots=True)
class _Group:
    """Mentions that stand side by side: 国家网信办、公安部."""

    mentions: tuple[Mention, ...]

    @property
    def start(self) -> int:
        return self.mentions[0].start

    @property
    def end(self) -> int:
        return self.mentions[-1].end


@dataclass(frozen=True, slots=True)
class _Found:
    """A trigger in a sentence."""

    action: str
    passive: bool
    start: int
    end: int


@dataclass(frozen=True)
class _Sentence:
    text: str  # of the whole article, folded in place
    cased: str
    start: int
    end: int
    words: Lexicon
    agencies: Sequence[_Group]
    companies: Sequence[_Group]


@dataclass(frozen=True, slots=True)
class _Open:
    """An act on companies that are counted and not named yet."""

    action: str
    agencies: _Group
    sentence: int


def find_acts(text: str, language: str, mentions: Sequence[Mention]) -> list[Act]:
    """One act for each agency, company and action, with the sentence that says it best, in the order of the text."""
    words = lexicon(base(language))
    if words is None:
        return []
    lower, cased = fold_in_place(text), fold_in_place(text, lower=False)
    best: dict[tuple[str, str, str], Act] = {}
    waiting: list[_Open] = []
    starts = [mention.start for mention in mentions]
    for number, (start, end) in enumerate(sentences(text, language)):
        if end - start > _LONGEST:
            continue
        inside = [m for m in mentions[bisect_left(starts, start) : bisect_left(starts, end)] if m.end <= end]
        sentence = _Sentence(lower, cased, start, end, words, *_groups(lower, inside, words))
        waiting = [one for one in waiting if number - one.sentence <= _CARRY]
        for act in (*_acts_in(text, sentence), *_carried(text, sentence, waiting)):
            key = (act.agency, act.company, act.action)
            if key not in best or best[key].confidence < act.confidence:
                best[key] = act
        waiting += _opened(sentence, number)
    return sorted(best.values(), key=lambda act: (act.start, act.agency, act.company, act.action))


# --- groups ---------------------------------------------------------------------------------------------------------

_AND = "和|与|以及|及|と|や|및|와|과|and|und|et|y|e|ed|и|و|ve|as well as|sowie|ainsi que|così come|а также"
_JOINT_GAP = 40  # characters between two agencies that a word such as "together with" joins
_BESIDE = re.compile(
    rf"(?:[」』”»\"']|\s?\([^()]{{0,30}}\))*[\s,、;/&·・(「『“«\"]*(?:(?:{_AND})[\s「『“«\"]*)?"
    r"(?:the |der |die |das |le |la |l'|el |los |il |lo |o |a |os )?"
)


def _groups(text: str, mentions: Sequence[Mention], words: Lexicon) -> tuple[list[_Group], list[_Group]]:
    sure = [m for m in mentions if m.entity and (m.confidence >= _SURE_NAME or not m.entity.startswith("local:"))]
    agencies = [m for m in sure if m.label == "AGENCY" and not _is_government(m.entity or "")]
    agencies = [m for m in agencies if not (m.entity or "").startswith("local:")] or agencies
    companies = [m for m in sure if m.label == "COMPANY"]
    others = {m.start for m in mentions}
    return (
        _grouped(text, agencies, others, words.joint),
        _grouped(text, [m for m in companies if not _is_aside(text, m, words)], others, None),
    )


def _is_aside(text: str, mention: Mention, words: Lexicon) -> bool:
    """Whether the sentence names the company to tell who another is: TikTok's parent, Tesla's chief."""
    before = words.not_object_before.search(text[max(0, mention.start - 40) : mention.start])
    return bool(before or words.not_object.match(text, mention.end))


def _is_government(entity: str) -> bool:
    """ "Beijing" or "the government" acts through a body that the text names, or that we do not know."""
    return entity.endswith("-government")


def _grouped(text: str, mentions: Sequence[Mention], starts: set[int], joint: re.Pattern[str] | None) -> list[_Group]:
    groups: list[list[Mention]] = [[mention] for mention in mentions[:1]]
    for one, other in pairwise(mentions):
        gap = text[one.end : other.start]
        between = any(one.end <= start < other.start for start in starts)
        joined = joint is not None and not between and len(gap) < _JOINT_GAP and "。" not in gap
        if (
            (joined and joint and (joint.search(gap) or joint.match(text, other.end)))
            or _BESIDE.fullmatch(gap)
            or (one.entity == other.entity and len(gap) < 3)
        ):
            groups[-1].append(other)
        else:
            groups.append([other])
    return [_Group(tuple(group)) for group in groups]


# --- acts in one sentence -------------------------------------------------------------------------------------------


def _acts_in(text: str, sentence: _Sentence) -> Iterator[Act]:
    if not sentence.agencies or not sentence.companies:
        return
    for found in _triggers(sentence):
        agencies = _agencies(sentence, found)
        companies = _companies(sentence, found, agencies) if agencies else None
        if agencies and companies:
            yield from _acts(text, sentence, found.action, agencies, companies, _PASSIVE if found.passive else _ACTIVE)


def _acts(
    text: str, sentence: _Sentence, action: str, agencies: _Group, companies: _Group, sure: float
) -> Iterator[Act]:
    evidence = text[sentence.start : sentence.end]
    for agency, company in product(agencies.mentions, companies.mentions):
        confidence = round(sure * min(agency.confidence, company.confidence), 3)
        assert agency.entity is not None and company.entity is not None  # noqa: PT018 (kept by _groups)
        yield Act(agency.entity, company.entity, action, sentence.start, sentence.end, evidence, confidence)


def _triggers(sentence: _Sentence) -> list[_Found]:
    """The sentence's triggers that hold; what a passive covers is not active too."""
    found = [
        _Found(trigger.action, trigger.voice == "passive", match.start(), match.end())
        for trigger in sentence.words.triggers
        if trigger.voice != "noun"
        for match in trigger.pattern.finditer(sentence.text, sentence.start, sentence.end)
        if match.end() > match.start()
    ]
    passive = [one for one in found if one.passive]
    return [one for one in found if not _covered(one, passive) and _holds(sentence, one)]


def _covered(one: _Found, passive: Iterable[_Found]) -> bool:
    return not one.passive and any(other.start < one.end and one.start < other.end for other in passive)


def _holds(sentence: _Sentence, found: _Found) -> bool:
    """Whether nothing around the trigger says that it is planned, denied, possible or past."""
    words = sentence.words
    begin = sentence.start
    for cut in words.breaks.finditer(sentence.text, sentence.start, found.start):
        begin = cut.end()
    if words.past.search(sentence.text, begin, min(found.end + _BACKGROUND, sentence.end)):
        return False
    before = sentence.cased[begin : found.start]
    before = before[:1].lower() + before[1:]
    after = sentence.text[found.end : min(found.end + 40, sentence.end)]
    return not words.stop.search(before) and not words.stop_after.search(after)


# --- who acts, on whom ----------------------------------------------------------------------------------------------


def _agencies(sentence: _Sentence, found: _Found) -> _Group | None:
    if found.passive:
        return _passive_agent(sentence, found)
    before = [g for g in sentence.agencies if g.end <= found.start and _may_act(sentence, g)]
    if before and _is_near(sentence, before[-1].end, found.start, 1.5, whole=True):
        return before[-1]
    if sentence.words.verb != "free":
        return None
    after = [g for g in sentence.agencies if found.end <= g.start and _may_act(sentence, g)]
    return after[0] if after and after[0].start - found.end < sentence.words.reach // 2 else None


def _may_act(sentence: _Sentence, group: _Group) -> bool:
    return not sentence.words.not_agent.search(sentence.text[sentence.start : group.start])


def _passive_agent(sentence: _Sentence, found: _Found) -> _Group | None:
    """The agency with a sign of the passive's agent, or inside the passive itself: 被网信办约谈."""
    words = sentence.words
    for group in sentence.agencies:
        inside = found.start <= group.start and group.end <= found.end
        near = min(abs(group.start - found.end), abs(found.start - group.end)) < words.reach
        marked = words.agent_before.search(sentence.text[sentence.start : group.start]) or words.agent_after.match(
            sentence.text, group.end
        )
        if inside or (near and marked):
            return group
    return None


def _companies(sentence: _Sentence, found: _Found, agencies: _Group) -> _Group | None:
    if found.passive:
        return _last_before(sentence, found) or _first_after(sentence, found)
    between = [g for g in sentence.companies if agencies.end <= g.start and g.end <= found.start]
    if sentence.words.verb == "final":
        before = [g for g in sentence.companies if g.end <= found.start and _is_object(sentence, g)]
        return before[-1] if before and _is_near(sentence, before[-1].end, found.start) else None
    if between:  # a company before the verb is its subject, unless something marks it as its object
        return between[-1] if _is_object(sentence, between[-1]) else None
    if after := _first_after(sentence, found):
        return after
    marked = [g for g in sentence.companies if g.end <= found.start and _is_object(sentence, g)]
    return marked[-1] if sentence.words.verb == "free" and marked else None


def _is_object(sentence: _Sentence, group: _Group) -> bool:
    words = sentence.words
    before = words.object_before.search(sentence.text[sentence.start : group.start])
    return bool(before or words.object_after.match(sentence.text, group.end))


def _last_before(sentence: _Sentence, found: _Found) -> _Group | None:
    before = [group for group in sentence.companies if group.end <= found.start]
    return before[-1] if before and _is_near(sentence, before[-1].end, found.start) else None


def _first_after(sentence: _Sentence, found: _Found) -> _Group | None:
    after = [group for group in sentence.companies if group.start >= found.end]
    return after[0] if after and _is_near(sentence, found.end, after[0].start) else None


def _is_near(sentence: _Sentence, start: int, end: int, share: float = 1.0, whole: bool = False) -> bool:
    """Whether two places are close and, unless `whole`, in one clause."""
    if end - start > sentence.words.reach * share:
        return False
    return whole or not sentence.words.breaks.search(sentence.text, start, end)


# --- acts over two sentences ----------------------------------------------------------------------------------------


def _opened(sentence: _Sentence, number: int) -> list[_Open]:
    """Acts of this sentence on companies that only a later sentence names."""
    if sentence.companies or not sentence.agencies:
        return []
    if not sentence.words.firms.search(sentence.text, sentence.start, sentence.end):
        return []
    found = ((one, _announcer(sentence, one)) for one in _triggers(sentence))
    return [_Open(one.action, agencies, number) for one, agencies in found if agencies]


def _announcer(sentence: _Sentence, found: _Found) -> _Group | None:
    """Who acts, or in the passive who tells it: the CAC said that 11 firms had been summoned."""
    before = [group for group in sentence.agencies if group.end <= found.start]
    return _agencies(sentence, found) or (before[-1] if found.passive and before else None)


def _carried(text: str, sentence: _Sentence, waiting: Sequence[_Open]) -> Iterator[Act]:
    """The names of a sentence that lists them, for the last act that waits for names."""
    if not waiting or sentence.agencies or len(sentence.companies) == 0:
        return
    if sentence.words.naming.search(sentence.text, sentence.start, sentence.end) is None:
        return
    named = _Group(tuple(mention for group in sentence.companies for mention in group.mentions))
    if len({mention.entity for mention in named.mentions}) > 1:
        same = [one for one in waiting if one.action == waiting[-1].action]
        agencies = _Group(tuple(mention for one in same for mention in one.agencies.mentions))
        yield from _acts(text, sentence, waiting[-1].action, agencies, named, _CARRIED)
