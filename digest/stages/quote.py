"""Which sentences of a story's reports say most of it. They are quoted as they stand, only shortened where too long."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from digest.languages import LANGUAGES, base, sentences, shorten
from digest.records import Report
from digest.stages.quantities import quantities

__all__ = ["Quote", "quotable", "quotes", "shortened"]

Quote = tuple[str, str, int]  # text, language, report id

NUMBER_OF_QUOTES = 2
# Longer sentences fill a phone's screen. Chinese, Japanese and Korean say about twice as much per character.
LONGEST = 240
LONGEST_DENSE = 120
# Shorter ones are captions, credits and cross-heads.
SHORTEST = 45
SHORTEST_DENSE = 16
FEWEST_WORDS = 7
FEWEST_WORDS_DENSE = 4  # Korean
# News says the most first; reading on costs time and finds background.
SENTENCES_READ = 10
REPORTS_READ = 8
LATER_COSTS = 0.12  # per sentence that stands before it
# Two sentences that share more of their words than this say the same.
SAME = 0.5

_DENSE = frozenset({"zh", "ja", "ko"})
_UNFINISHED = re.compile(r"(?:…|\.\.\.|\[…\]|[:：])[\"'”’»)\]]*$")
_FINISHED = re.compile(r"[.!?。！？｡؟۔।॥][\"'”’»)\]）」』】》〉]*$")
_NO_PROSE = re.compile(
    r"^(?:photo|picture|image|credit|foto|bild|crédit|source|quelle|фото|صورة|사진|그림|写真|写真説明|图片?|圖片?|图源|圖源|来源|©)"
    r"\s*[:：/／|（(]|^[\W\d_]*$|https?://|www\.|©|[|｜►▶▲▼■●]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    quote: Quote
    features: frozenset[str]  # entities and figures that the sentence tells
    early: float


def quotes(
    reports: Sequence[Report],
    weights: Mapping[str, float],
    headline: str,
    tiers: Sequence[int],
    shown: Collection[str] = (),
) -> tuple[Quote, ...]:
    """Up to two sentences, those that tell most of the entities in `weights` and of the figures that reports share.

    `tiers` holds for each report how much its language suits the readers, 0 the best: a lower tier is read only where
    the better ones have too little to quote. The second sentence comes from another report where there is a choice.
    `shown` are sentences that the reader gets anyway, as evidence of acts: they come last.
    """
    chosen: list[Quote] = []
    told: frozenset[str] = frozenset()
    for candidates in _by_tier(reports, weights, tiers, shown):
        value_of = _weighed(candidates, weights)
        while len(chosen) < NUMBER_OF_QUOTES and (best := _best(candidates, value_of, chosen, told, headline)):
            chosen.append(best.quote)
            told |= best.features
    return tuple((shortened(text, language), language, report) for text, language, report in chosen)


def _by_tier(
    reports: Sequence[Report], weights: Mapping[str, float], tiers: Sequence[int], shown: Collection[str]
) -> Iterator[list[_Candidate]]:
    """The candidates tier by tier, and in the end those that the reader gets anyway."""
    repeated: list[_Candidate] = []
    for tier in sorted(set(tiers)):
        pool = [report for report, own in zip(reports, tiers, strict=True) if own == tier][:REPORTS_READ]
        candidates = [candidate for report in pool for candidate in _candidates(report, weights)]
        repeated += [candidate for candidate in candidates if candidate.quote[0] in shown]
        yield [candidate for candidate in candidates if candidate.quote[0] not in shown]
    yield repeated


def shortened(text: str, language: str) -> str:
    """The text at the length that a quotation may have in its language."""
    return shorten(text, LONGEST_DENSE if base(language) in _DENSE else LONGEST)


def quotable(text: str, language: str) -> bool:
    """Whether it is a whole sentence of prose, not a caption, a credit, a cross-head or a cut-off teaser."""
    dense = base(language) in _DENSE
    if len(text) < (SHORTEST_DENSE if dense else SHORTEST) or len(text) > 4 * LONGEST:
        return False
    if _NO_PROSE.search(text) or _UNFINISHED.search(text) or not _FINISHED.search(text):
        return False
    return not text[0].islower() and (
        not _spaced(language) or len(text.split()) >= (FEWEST_WORDS_DENSE if dense else FEWEST_WORDS)
    )


def _spaced(language: str) -> bool:
    row = LANGUAGES.get(base(language))
    return row is None or row.spaced


def _candidates(report: Report, weights: Mapping[str, float]) -> Iterator[_Candidate]:
    names = {(mention.text, mention.entity) for mention in report.mentions if mention.entity in weights}
    for place, (start, end) in enumerate(sentences(report.text, report.language)[:SENTENCES_READ]):
        text = report.text[start:end]
        if not quotable(text, report.language):
            continue
        told = {entity for name, entity in names if entity and name in text}
        told |= {f"number {number}" for number in quantities(text, report.language)}
        yield _Candidate((text, report.language, report.id), frozenset(told), -LATER_COSTS * place)


def _weighed(candidates: Sequence[_Candidate], weights: Mapping[str, float]) -> dict[str, float]:
    """What each feature is worth: an entity its share of the reports, a figure more where two reports state it."""
    telling: dict[str, set[int]] = {}
    for candidate in candidates:
        for feature in candidate.features:
            telling.setdefault(feature, set()).add(candidate.quote[2])
    worth = {feature: 0.6 if len(reports) > 1 else 0.2 for feature, reports in telling.items()}
    return worth | {entity: weights[entity] for entity in telling if entity in weights}


def _best(
    candidates: Sequence[_Candidate],
    value_of: Mapping[str, float],
    chosen: Sequence[Quote],
    told: frozenset[str],
    headline: str,
) -> _Candidate | None:
    heard = {report for _, _, report in chosen}
    said = [headline, *(text for text, _, _ in chosen)]

    def value(candidate: _Candidate) -> tuple[float, int, str]:
        gain = sum(value_of[feature] for feature in candidate.features - told)
        other = 1.0 if heard and candidate.quote[2] not in heard else 0.0
        return (round(gain + candidate.early + other, 6), -candidate.quote[2], candidate.quote[0])

    ranked = sorted(candidates, key=value, reverse=True)
    return next((one for one in ranked if not _repeats(one.quote[0], one.quote[1], said)), None)


def _repeats(text: str, language: str, said: Sequence[str]) -> bool:
    pieces = _pieces(text, language)
    return any(_alike(pieces, _pieces(before, language)) for before in said)


def _pieces(text: str, language: str) -> frozenset[str]:
    """Words, or pairs of characters where words are not parted."""
    letters = "".join(character if character.isalnum() else " " for character in text.casefold())
    if _spaced(language):
        return frozenset(letters.split())
    letters = letters.replace(" ", "")
    return frozenset(letters[i : i + 2] for i in range(len(letters) - 1))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one) and len(one & other) > SAME * len(one | other)
