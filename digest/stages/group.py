"""Reports of one event become one story, across languages; a story keeps its id while it grows.

`describe` (slow, for a pool) turns articles into features, which `to_bytes` stores; `group` compares features.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from digest.records import Features, Membership
from digest.stages.copies import find_copies
from digest.stages.features import describe, from_bytes, to_bytes
from digest.stages.likeness import Floats, Integers, Likeness, vector_of

__all__ = ["GroupOptions", "describe", "from_bytes", "group", "to_bytes"]

# A pair below the threshold by more than this is forgotten: averages of pairs below it seldom rise above.
_SLACK = 1.0
_SHOWN = 3  # names or numbers in one line of evidence


@dataclass(frozen=True, slots=True)
class GroupOptions:
    """`window`: the longest silence after which a report still joins. `threshold`: log-odds at which two sets are one
    story; 0 is even odds. `copy_jaccard`: how much of two texts must agree for one to be a copy.
    """

    window: timedelta = timedelta(hours=72)
    threshold: float = 0.5
    copy_jaccard: float = 0.5


def group(
    known: Sequence[tuple[Features, Membership]],
    new: Sequence[Features],
    options: GroupOptions = GroupOptions(),
) -> list[Membership]:
    """The place of each new item, in order of date and id; then of each known item that moved, in the same order.

    `known` are the items within the window of the new ones. The order of either sequence does not matter. A known story
    is never split. Where a new report shows two known stories to be one, the smaller is taken into the larger, and the
    memberships of its known items are returned again with the new story and "merged: ..." in their evidence; its items
    that were not given here have to follow by the id that evidence names.
    """
    new = sorted(new, key=_order)
    known = sorted(known, key=lambda pair: _order(pair[0]))
    if not new:
        return []
    copies = find_copies(
        [item for item, place in known if not place.copy_of], new, options.copy_jaccard, options.window
    )
    nodes = _first_nodes(known, new, copies)
    fresh = {item.id for item in new}
    stories = _joined(nodes, fresh, options)
    return _memberships(stories, {item.id: place for item, place in known}, fresh, copies)


def _order(item: Features) -> tuple[datetime, str]:
    return item.date, item.id


# --- which reports belong together -----------------------------------------------------------------------------------


def _first_nodes(
    known: Sequence[tuple[Features, Membership]], new: Sequence[Features], copies: Mapping[str, tuple[str, float]]
) -> list[list[Features]]:
    """Known stories, copies with their originals, and every other report for itself, in order of their first."""
    homes = {item.id: f"known {place.story}" for item, place in known}
    nodes: dict[str, list[Features]] = {}
    for item, _ in known:
        nodes.setdefault(homes[item.id], []).append(item)
    for item in new:
        original, _ = copies.get(item.id, ("", 0.0))
        homes[item.id] = homes.get(original, f"new {item.id}")
        nodes.setdefault(homes[item.id], []).append(item)
    return sorted((sorted(node, key=_order) for node in nodes.values()), key=lambda node: _order(node[0]))


def _joined(nodes: list[list[Features]], fresh: set[str], options: GroupOptions) -> list[list[Features]]:
    """The nodes, merged from the likeliest pair on until no pair reaches the threshold.

    Only pairs that a new report touches are looked at: what earlier calls kept apart stays so without news.
    """
    likeness = Likeness(nodes)
    touched = [number for number, node in enumerate(nodes) if any(item.id in fresh for item in node)]
    merging = _Merging(likeness, touched, options)
    for kept, gone in merging.pairs():
        nodes[kept], nodes[gone] = nodes[kept] + nodes[gone], []
    return [sorted(node, key=_order) for node in nodes if node]


class _Merging:
    """Which pairs of nodes to merge, in order. Pairs in the heap go stale when one of them changes."""

    def __init__(self, likeness: Likeness, touched: Sequence[int], options: GroupOptions) -> None:
        self.likeness = likeness
        self.threshold = options.threshold
        self.hours = options.window / timedelta(hours=1)
        self.near: dict[int, set[int]] = {}
        self.heap: list[tuple[float, int, int, int, int]] = []
        self.version = [1] * len(likeness.size)  # 0: taken into another
        for number, others, scores in likeness.rows(np.array(touched, dtype=np.int64), self.hours):
            self._meet(number, others, scores)

    def pairs(self) -> Iterator[tuple[int, int]]:
        while self.heap:
            _, a, b, version_a, version_b = heapq.heappop(self.heap)
            if (self.version[a], self.version[b]) == (version_a, version_b):
                # The larger stays; `a` is the earlier where both are of one size.
                kept, gone = (b, a) if self.likeness.size[b] > self.likeness.size[a] else (a, b)
                self._merge(kept, gone)
                yield kept, gone

    def _merge(self, kept: int, gone: int) -> None:
        self.likeness.merge(kept, gone)
        self.version[kept] += 1
        self.version[gone] = 0
        candidates = self.near.pop(kept) | self.near.pop(gone)
        others = np.array(sorted(n for n in candidates if self.version[n] and n != kept), dtype=np.int64)
        for number in others.tolist():
            self.near[number] -= {kept, gone}
        others = others[self.likeness.within(kept, others, self.hours)]
        self._meet(kept, others, self.likeness.scores(kept, others))

    def _meet(self, number: int, others: Integers, scores: Floats) -> None:
        """Remembers the pairs that may come to merge, and queues those that are good enough now."""
        self.near.setdefault(number, set())
        close = scores >= self.threshold - _SLACK
        for other, score in zip(others[close].tolist(), scores[close].tolist(), strict=True):
            self.near[number].add(other)
            self.near.setdefault(other, set()).add(number)
            if score >= self.threshold:
                a, b = min(number, other), max(number, other)
                heapq.heappush(self.heap, (-score, a, b, self.version[a], self.version[b]))


# --- what to tell of it ----------------------------------------------------------------------------------------------


def _memberships(
    stories: Iterable[Sequence[Features]],
    places: Mapping[str, Membership],
    fresh: set[str],
    copies: Mapping[str, tuple[str, float]],
) -> list[Membership]:
    joined: list[tuple[Features, Membership]] = []
    moved: list[tuple[Features, Membership]] = []
    taken = {place.story for place in places.values()}
    for story in stories:
        name = _story_id(story, places, taken)
        together = _Together(story)
        for item in story:
            if item.id in fresh:
                joined.append((item, together.membership(item, name, copies.get(item.id))))
            elif places[item.id].story != name:
                moved.append((item, _moved(places[item.id], name)))
    return [place for pairs in (joined, moved) for _, place in sorted(pairs, key=lambda pair: _order(pair[0]))]


def _story_id(story: Sequence[Features], places: Mapping[str, Membership], taken: set[str]) -> str:
    """That of the known story with most reports here, the earliest among equals; else one made of the first report."""
    names = Counter(places[item.id].story for item in story if item.id in places)
    if names:
        return names.most_common(1)[0][0]
    name = story[0].id
    # A first report that is grouped anew may find the others in the story that it founded.
    while (made := f"s{hashlib.sha256(name.encode()).hexdigest()[:12]}") in taken:
        name = made
    return made


def _moved(place: Membership, story: str) -> Membership:
    return replace(place, story=story, evidence=(f"merged: {place.story}", *place.evidence))


class _Together:
    """What the reports of a story have in common."""

    def __init__(self, story: Sequence[Features]) -> None:
        self.size = len(story)
        self.total: Floats = np.sum([vector_of(item) for item in story], axis=0)
        self.entities = Counter(name for item in story for name in item.entities)
        self.facts = Counter(name for item in story for name in item.facts)

    def membership(self, item: Features, story: str, copied: tuple[str, float] | None) -> Membership:
        if self.size == 1:
            return Membership(item.id, story)
        evidence = tuple(self._shared(item))
        if copied:
            original, alike = copied
            return Membership(item.id, story, original, round(alike, 4), (f"copy {alike:.2f}", *evidence))
        similarity = self._similarity(item)
        return Membership(item.id, story, None, similarity, (*evidence, f"similarity {similarity:.2f}"))

    def _shared(self, item: Features) -> Iterator[str]:
        """Names and numbers that another report has too, those of most reports first."""
        days = frozenset(fact for fact in item.facts if _is_day(fact))
        for title, own, counts in (
            ("entities", item.entities, self.entities),
            ("numbers", item.facts - days, self.facts),
            ("days", days, self.facts),
        ):
            names = sorted((name for name in own if counts[name] > 1), key=lambda name: (-counts[name], name))
            if names:
                yield f"{title}: {', '.join(names[:_SHOWN])}"

    def _similarity(self, item: Features) -> float:
        """The cosine of the report with the middle of the others."""
        own = vector_of(item)
        others = self.total - own
        length = float(np.linalg.norm(own) * np.linalg.norm(others))
        return round(float(own @ others) / length, 4) if length > 1e-6 else 0.0


def _is_day(fact: str) -> bool:
    return len(fact) == 5 and fact[2] == "-"
