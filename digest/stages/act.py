"""The acts of agencies on companies that a text reports.

Every trigger of the lexicon (fined, 罚款, amende) is tried with the agencies and companies of its sentence, or of the
sentences before where it has none; a small scorer, trained on passages of our own writing (digest/training/acts.py),
tells how likely that agency did it to that company. Names that a later sentence lists ("summoned 11 companies. Among
them …") follow a rule of their own.
"""

import json
import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise, product
from typing import Any

from digest.entities.acts import Lexicon, lexicon
from digest.entities.names import fold_in_place
from digest.languages import base, sentences
from digest.records import Act, Mention
from digest.stages.act_details import Told, details
from digest.stages.act_signs import Candidate, Group, Place, Sentence, is_of_another, is_stopped, signs

__all__ = ["candidates", "find_acts", "read_sentences"]

LIKELY = 0.5  # from here on an act is told; what reaches a digest must be surer
_SURE_NAME = 0.7  # a name in no registry must be as sure as this to act or be acted on
_CARRIED = 0.7  # how sure an act is whose companies a later sentence lists
_LONGEST = 1_500  # characters: what is longer is a table or a list, no sentence
_BACK = 3  # sentences before the trigger's in which its agency or company may stand
_CARRY = 3  # sentences that a list of names may stand behind "summoned 11 companies"
_MOST = 8  # triggers, agencies and companies of a sentence that are tried


def find_acts(
    text: str, language: str, mentions: Sequence[Mention], country: str | None = None, published: date | None = None
) -> list[Act]:
    """One act for each agency, company and action, with the sentence that says it best, in the order of the text.

    `country` and `published` are the medium's and the article's: whose "元" is meant, and which day "Tuesday" was.
    """
    told = Told(language, country, published)
    read = read_sentences(text, language, mentions)
    named = [*_one_a_sentence(_scored(text, read, told, carried=False)), *_listed(text, read, told)]
    pairs = {(act.agency, act.company) for act in named}
    # A sentence that does not name both goes on about an act more often than it tells another one.
    carried = [
        a for a in _one_a_sentence(_scored(text, read, told, carried=True)) if (a.agency, a.company) not in pairs
    ]
    best: dict[tuple[str, str, str], Act] = {}
    for act in (*named, *carried):
        key = (act.agency, act.company, act.action)
        if key not in best or best[key].confidence < act.confidence:
            best[key] = act
    return sorted(best.values(), key=lambda act: (act.start, act.agency, act.company, act.action))


def read_sentences(text: str, language: str, mentions: Sequence[Mention]) -> list[Sentence]:
    """The sentences with their agencies and companies; none in a language without a lexicon."""
    words = lexicon(base(language))
    if words is None:
        return []
    lower, cased = fold_in_place(text), fold_in_place(text, lower=False)
    starts = [mention.start for mention in mentions]
    first_line = text.find("\n")
    read: list[Sentence] = []
    for number, (start, end) in enumerate(sentences(text, language)):
        if end - start <= _LONGEST:
            inside = [m for m in mentions[bisect_left(starts, start) : bisect_left(starts, end)] if m.end <= end]
            agencies, companies = _groups(lower, inside, words)
            headline = end <= first_line
            read.append(Sentence(number, lower, cased, start, end, words, agencies, companies, headline))
    return read


# --- groups ---------------------------------------------------------------------------------------------------------

_AND = (
    "和|与|與|以及|及|と|や|및|와|과|and|und|et|y|e|ed|i|и|та|en|و|ve|as well as|sowie|ainsi que|così come|а также|oraz"
)
_JOINT_GAP = 40  # characters between two agencies that a word such as "together with" joins
_BESIDE = re.compile(
    rf"(?:[」』”»\"']|\s?\([^()]{{0,30}}\))*[\s,、;/&·・(「『“«\"]*(?:(?:{_AND})[\s「『“«\"]*)?"
    r"(?:the |der |die |das |le |la |l'|el |los |il |lo |o |a |os |de |het )?"
)


def _groups(text: str, mentions: Sequence[Mention], words: Lexicon) -> tuple[list[Group], list[Group]]:
    sure = [m for m in mentions if m.entity and (m.confidence >= _SURE_NAME or not m.entity.startswith("local:"))]
    others = {m.start for m in mentions}
    agencies = [m for m in sure if m.label == "AGENCY" and not _is_government(m.entity or "")]
    companies = [m for m in sure if m.label == "COMPANY" and not _is_aside(text, m, words)]
    return _grouped(text, agencies, others, words.joint), _grouped(text, companies, others, None)


def _is_aside(text: str, mention: Mention, words: Lexicon) -> bool:
    """Whether the sentence names the company to tell who another is: TikTok's parent, Tesla's chief."""
    before = words.not_object_before.search(text[max(0, mention.start - 40) : mention.start])
    return bool(before or words.not_object.match(text, mention.end))


def _is_government(entity: str) -> bool:
    """ "Beijing" or "the government" acts through a body that the text names, or that we do not know."""
    return entity.endswith("-government")


def _grouped(text: str, mentions: Sequence[Mention], starts: set[int], joint: re.Pattern[str] | None) -> list[Group]:
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
    return [Group(tuple(group)) for group in groups]


# --- acts that the scorer finds -------------------------------------------------------------------------------------


def candidates(read: Sequence[Sentence]) -> Iterator[list[Candidate]]:
    """For each trigger, what it may join."""
    for place, sentence in enumerate(read):
        agencies = _near(read, place, [s.agencies for s in read])
        companies = _near(read, place, [s.companies for s in read])
        if agencies and companies:  # only there the costly look for triggers is worth it
            for trigger in sentence.triggers[:_MOST]:
                yield [
                    Candidate(sentence, trigger, agency, agency_in, company, company_in)
                    for (agency, agency_in), (company, company_in) in product(agencies, companies)
                ]


def _near(read: Sequence[Sentence], place: int, groups: Sequence[Sequence[Group]]) -> list[tuple[Group, Sentence]]:
    """The groups of the sentence; of the nearest before, where it has none."""
    for back in range(place, max(-1, place - _BACK - 1), -1):
        if groups[back]:
            return [(group, read[back]) for group in groups[back][:_MOST]]
    return []


def _one_a_sentence(acts: Iterable[Act]) -> list[Act]:
    """Of what a sentence may say of one agency and one company, the likeliest: "directs … to summon" is one act."""
    best: dict[tuple[str, str, int], Act] = {}
    for act in acts:
        key = (act.agency, act.company, act.start)
        if key not in best or best[key].confidence < act.confidence:
            best[key] = act
    return list(best.values())


def _scored(text: str, read: Sequence[Sentence], told: Told, carried: bool) -> Iterator[Act]:
    """The likely acts: of sentences that name agency and company, or (`carried`) of those that do not."""
    for joined in candidates(read):
        if (joined[0].agency_in is joined[0].sentence and joined[0].company_in is joined[0].sentence) is carried:
            continue
        scored = [(likelihood(one), one) for one in joined]
        best, agency = max(((p, one.agency) for p, one in scored), key=lambda pair: pair[0])
        if best < LIKELY:
            continue
        for p, one in scored:
            found = signs(one)
            if p >= LIKELY and one.agency is agency and not is_of_another(found):
                acts = _acts(text, one.sentence, one.place, told, agency, one.company, p)
                # What is taken back or put off is an act only where it is the agency's plan or threat.
                stopped = is_stopped(found)
                yield from (act for act in acts if not stopped or act.status not in {"done", "ordered"})


def likelihood(one: Candidate) -> float:
    """The scorer: a logistic regression over the signs."""
    weights = _weights()
    total = sum(weights.get(name, 0.0) * value for name, value in signs(one).items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


@cache
def _weights() -> Mapping[str, float]:
    read: Mapping[str, float] = json.loads(files("digest.entities").joinpath("act_weights.json").read_text("utf-8"))
    return read


def _acts(
    text: str, sentence: Sentence, place: Place, told: Told, agencies: Group, companies: Group, sure: float
) -> Iterator[Act]:
    """`sentence` and `place` are the trigger's."""
    evidence = text[sentence.start : sentence.end]
    action = place.trigger.action
    more: dict[str, Any] | None = None
    for agency, company in product(agencies.mentions, companies.mentions):
        confidence = round(sure * min(agency.confidence, company.confidence), 3)
        assert agency.entity is not None and company.entity is not None  # noqa: PT018 (kept by _groups)
        act = Act(agency.entity, company.entity, action, sentence.start, sentence.end, evidence, confidence)
        more = details(act, sentence, place, told) if more is None else more
        yield replace(act, **more)


# --- companies that a later sentence lists --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Open:
    """An act on companies that are counted and not named yet."""

    sentence: Sentence
    place: Place
    agencies: Group


def _listed(text: str, read: Sequence[Sentence], told: Told) -> Iterator[Act]:
    waiting: list[_Open] = []
    for sentence in read:
        waiting = [one for one in waiting if sentence.number - one.sentence.number <= _CARRY]
        yield from _carried(text, sentence, waiting, told)
        waiting += _opened(sentence)


def _opened(sentence: Sentence) -> list[_Open]:
    """Acts of this sentence on companies that only a later sentence names."""
    if sentence.companies or not sentence.agencies:
        return []
    if not sentence.words.firms.search(sentence.text, sentence.start, sentence.end):
        return []
    found = ((place, _announcer(sentence, place)) for place in sentence.triggers if _holds(sentence, place))
    return [_Open(sentence, place, agencies) for place, agencies in found if agencies]


def _holds(sentence: Sentence, place: Place) -> bool:
    words = sentence.words
    denied = words.stop.search(sentence.cased[sentence.start : place.start])
    return not denied and not words.past.search(sentence.text, sentence.start, sentence.end)


def _announcer(sentence: Sentence, place: Place) -> Group | None:
    """Who acts, or in the passive who tells it: the CAC said that 11 firms had been summoned."""
    before = [group for group in sentence.agencies if group.end <= place.start]
    inside = [group for group in sentence.agencies if place.start <= group.start and group.end <= place.end]
    return next(iter(inside or before[-1:]), None)


def _carried(text: str, sentence: Sentence, waiting: Sequence[_Open], told: Told) -> Iterator[Act]:
    """The names of a sentence that lists them, for the last act that waits for names."""
    if not waiting or sentence.agencies or len(sentence.companies) == 0:
        return
    if sentence.words.naming.search(sentence.text, sentence.start, sentence.end) is None:
        return
    named = Group(tuple(mention for group in sentence.companies for mention in group.mentions))
    if len({mention.entity for mention in named.mentions}) > 1:
        last = waiting[-1]
        same = [one for one in waiting if one.place.trigger.action == last.place.trigger.action]
        agencies = Group(tuple(mention for one in same for mention in one.agencies.mentions))
        yield from _acts(text, last.sentence, last.place, told, agencies, named, _CARRIED)
