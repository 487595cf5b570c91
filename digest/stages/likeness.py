"""How likely two sets of reports tell of one event: a logistic score of few parts, each an average over all pairs.

Averages keep a story from growing along a chain of reports of which only neighbours are alike. Because every part is a
sum of products, a set of any size is kept as one vector a part, and comparing two stories costs little more than
comparing two reports.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from digest.languages import base
from digest.records import Features
from digest.stages.embed import middle

__all__ = ["Floats", "Integers", "Likeness", "vector_of"]

# Log-odds. Fitted by logistic regression on the pairs of reports within 72 hours of tests/cases/group/headlines.txt and
# of the demonstration newsroom, headlines alone and whole reports, each weighing the same. ENTITIES is set lower than
# its fit (2.5 to 10): there most firms have one event, while the readers of a watchlist see many of one firm. CENTRED,
# CENTRING and the threshold were chosen on the same data.
BIAS = -4.7
EMBEDDING = 19.0
TERMS = 7.3
FACTS = 2.4
ENTITIES = 1.5
SAME_LANGUAGE = -1.5  # reports in one language are more alike for reasons of language
PER_DAY = -1.1

# A story's vectors spread as it grows. At 0 each pair counts alike, at 1 only the direction of the centre does.
CENTRING = 0.15
LONGEST_DAYS = 10.0
# How far vectors are moved away from the middle: a part of it is what a theme has in common with its own stories.
CENTRED = 0.75
# Counts of a window's first articles say little about which words are common.
PRIOR = 20.0
# Many shared numbers (a table) or names (a list of firms) are hardly more evidence than two.
_MOST = 2.0
_FLOOR = 2.0  # keeps a title of one word from being all of its terms' weight

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def vector_of(item: Features) -> Floats:
    return np.frombuffer(item.vector, dtype="<f2").astype(np.float32)


class Likeness:
    """Nodes (sets of reports), numbered as given, that can be compared and merged.

    The rarity of terms, facts and entities is counted over all reports given.
    """

    def __init__(self, nodes: Sequence[Sequence[Features]]) -> None:
        items = [item for node in nodes for item in node]
        languages = sorted({base(item.language) for item in items})
        self.size = np.array([len(node) for node in nodes], dtype=np.float32)
        vectors = _off_topic(items)
        self.sums = np.stack([np.sum([vectors[item.id] for item in node], axis=0) for node in nodes])
        self.unit = np.zeros_like(self.sums)
        self.hours = np.array([sum(map(_hours, node)) for node in nodes])
        self.first = np.array([min(map(_hours, node)) for node in nodes])
        self.last = np.array([max(map(_hours, node)) for node in nodes])
        self.languages = np.zeros((len(nodes), len(languages)), dtype=np.float32)
        for number, node in enumerate(nodes):
            self._centre(number)
            for item in node:
                self.languages[number, languages.index(base(item.language))] += 1
        self.traits = _traits(nodes, items)
        self.postings = _postings(self.traits)
        self._scratch = np.zeros(len(self.postings), dtype=np.float32)

    def rows(self, numbers: Integers, window_hours: float) -> Iterator[tuple[int, Integers, Floats]]:
        """For each of the nodes: which others are near enough in time, and their scores. `numbers` in order of time."""
        for start in range(0, len(numbers), 128):
            block = numbers[start : start + 128]
            near = np.flatnonzero(
                (self.last >= self.first[block].min() - window_hours)
                & (self.first <= self.last[block].max() + window_hours)
            )
            products = self.unit[block] @ self.unit[near].T
            for number, product in zip(block.tolist(), products, strict=True):
                shared = np.zeros(len(self.size), dtype=np.float32)
                places, weights = self.traits[number]
                for place, weight in zip(places.tolist(), weights.tolist(), strict=True):
                    holders, theirs = self.postings[place]
                    shared[holders] += weight * theirs
                others = self.within(number, near, window_hours)
                yield number, near[others], self._score(number, near[others], product[others], shared[near[others]])

    def scores(self, number: int, others: Integers) -> Floats:
        places, weights = self.traits[number]
        np.add.at(self._scratch, places, weights)
        shared = np.array([self._scratch[there] @ theirs for there, theirs in map(self.traits.__getitem__, others)])
        self._scratch[places] = 0
        return self._score(number, others, self.unit[others] @ self.unit[number], shared.astype(np.float32))

    def merge(self, number: int, gone: int) -> None:
        """Takes `gone` into `number`; `gone` must not be compared again. The rows of `rows` do not see merges."""
        for sums in (self.size, self.sums, self.hours, self.languages):
            sums[number] += sums[gone]
        self.first[number] = min(self.first[number], self.first[gone])
        self.last[number] = max(self.last[number], self.last[gone])
        self._centre(number)
        places = np.concatenate([self.traits[number][0], self.traits[gone][0]])
        weights = np.concatenate([self.traits[number][1], self.traits[gone][1]])
        self.traits[number] = _added_up(places, weights)

    def within(self, number: int, others: Integers, window_hours: float) -> NDArray[np.bool_]:
        """Which of the others follow or precede the node without a longer silence."""
        gap = np.maximum(self.first[number] - self.last[others], self.first[others] - self.last[number])
        return np.asarray((gap <= window_hours) & (others != number))

    def _score(self, number: int, others: Integers, product: Floats, shared: Floats) -> Floats:
        pairs = self.size[number] * self.size[others]
        days = np.abs(self.hours[number] / self.size[number] - self.hours[others] / self.size[others]) / 24
        same = (self.languages[others] @ self.languages[number]) / pairs
        parts = EMBEDDING * product + shared / pairs + SAME_LANGUAGE * same + PER_DAY * np.minimum(days, LONGEST_DAYS)
        return np.asarray(parts + BIAS, dtype=np.float32)

    def _centre(self, number: int) -> None:
        mean = self.sums[number] / self.size[number]
        self.unit[number] = mean / max(float(np.linalg.norm(mean)), 1e-6) ** CENTRING


def _off_topic(items: Sequence[Features]) -> dict[str, Floats]:
    """Unit vectors, moved away from the middle of their language's reports; of few reports, from that of any news.

    Where all reports have one theme (the Games, the regulation of technology) what they share tells nothing, and the
    encoder gives each language a direction of its own.
    """
    rows = np.stack([vector_of(item) for item in items])
    languages = np.array([base(item.language) for item in items])
    centre = (rows.sum(axis=0) + PRIOR * middle()) / (len(rows) + PRIOR)
    for language in np.unique(languages):
        own = languages == language
        rows[own] -= CENTRED * (rows[own].sum(axis=0) + PRIOR * centre) / (own.sum() + PRIOR)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return {item.id: row for item, row in zip(items, rows, strict=True)}


def _hours(item: Features) -> float:
    return item.date.timestamp() / 3600


# --- traits: everything that two reports can share by name -----------------------------------------------------------

_Sparse = tuple[Integers, Floats]


def _traits(nodes: Sequence[Sequence[Features]], items: Sequence[Features]) -> list[_Sparse]:
    """For each node the sum of its reports' traits, scaled so that a product of two is a part of the score."""
    rarity = _Rarity(items)
    shared = [name for name, count in rarity.holders.items() if count > 1]
    place = {name: number for number, name in enumerate(shared)}
    traits = []
    for node in nodes:
        pairs = [(place[n], w) for item in node for n, w in _weights(item, rarity) if n in place]
        places = np.array([number for number, _ in pairs], dtype=np.int64)
        traits.append(_added_up(places, np.array([weight for _, weight in pairs], dtype=np.float32)))
    return traits


class _Rarity:
    """How rare a term is in its language, and a fact or an entity among all reports."""

    def __init__(self, items: Sequence[Features]) -> None:
        self.reports = len(items)
        self.by_language = Counter(base(item.language) for item in items)
        self.terms: Counter[tuple[str, str]] = Counter()
        self.holders: Counter[tuple[str, str]] = Counter()
        for item in items:
            language = base(item.language)
            self.terms.update((language, term) for term, _ in item.terms)
            self.holders.update(("term", term) for term, _ in item.terms)
            self.holders.update(("fact", fact) for fact in item.facts)
            self.holders.update(("entity", entity) for entity in item.entities)

    def of_term(self, term: str, language: str) -> float:
        here = math.log((self.by_language[language] + PRIOR) / self.terms[language, term])
        return min(here, math.log((self.reports + PRIOR) / self.holders["term", term]))

    def of(self, kind: str, name: str) -> float:
        """From 1 for what a single report has to 0 for what all have."""
        return math.log((self.reports + PRIOR) / self.holders[kind, name]) / math.log(self.reports + PRIOR)


def _weights(item: Features, rarity: _Rarity) -> Iterator[tuple[tuple[str, str], float]]:
    language = base(item.language)
    terms = {term: weight * _telling(term) * rarity.of_term(term, language) for term, weight in item.terms}
    length = math.sqrt(sum(weight * weight for weight in terms.values()) + _FLOOR * _FLOOR)
    for term, weight in terms.items():
        yield ("term", term), math.sqrt(TERMS) * weight / length
    for kind, names, most in (("fact", item.facts, FACTS), ("entity", item.entities, ENTITIES)):
        squares = {name: rarity.of(kind, name) for name in sorted(names)}
        scale = most * min(1.0, _MOST / max(sum(squares.values()), 1e-9))
        for name, square in squares.items():
            yield (kind, name), math.sqrt(scale * square)


def _telling(term: str) -> float:
    """Short words of alphabets are mostly grammar, which a small window cannot see by counting."""
    return min(1.0, (len(term) - 1) / 5) if term[0] < "\u0700" else 1.0


def _added_up(places: Integers, weights: Floats) -> _Sparse:
    unique, inverse = np.unique(places, return_inverse=True)
    return unique, np.bincount(inverse, weights, minlength=len(unique)).astype(np.float32)


def _postings(traits: Sequence[_Sparse]) -> list[_Sparse]:
    """For each trait the nodes that hold it."""
    nodes = np.repeat(np.arange(len(traits)), [len(places) for places, _ in traits])
    places = np.concatenate([places for places, _ in traits])
    weights = np.concatenate([weights for _, weights in traits])
    order = np.argsort(places, kind="stable")
    if not len(places):
        return []
    edges = np.searchsorted(places[order], np.arange(1, int(places.max()) + 1))
    return list(zip(np.split(nodes[order], edges), np.split(weights[order], edges), strict=True))
