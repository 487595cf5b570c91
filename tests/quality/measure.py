"""Public definitions of the scores: strict names, false mentions, wrong kinds, and links over pairs of passages."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

__all__ = ["KINDS", "Names", "Pairs", "Span", "pairs"]

Span = tuple[int, int, str]  # first character, end (excluded), label
KINDS = ("COMPANY", "AGENCY")


@dataclass
class Names:
    """Counts over passages. A name is right if both its edges and its label are."""

    right: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    gold: Counter[str] = field(default_factory=Counter)
    met: int = 0  # gold companies and agencies that some found one of these overlaps
    swapped: int = 0  # of these, the ones found as the other kind
    empty: int = 0  # passages without company and agency
    disturbed: int = 0  # of these, the ones in which one was found

    def add(self, gold: Iterable[Span], found: Iterable[Span]) -> None:
        wanted, given = (_of_kinds(gold), _of_kinds(found))
        for counts, spans in ((self.gold, wanted), (self.found, given), (self.right, wanted & given)):
            counts.update(label for _, _, label in spans)
        for start, end, label in wanted:
            labels = {each for a, b, each in given if a < end and b > start}
            self.met += bool(labels)
            self.swapped += bool(labels) and label not in labels
        self.empty += not wanted
        self.disturbed += not wanted and bool(given)

    def f1(self, label: str) -> float:
        """The harmonic mean of precision and recall; 0 without any."""
        total = self.found[label] + self.gold[label]
        return 2 * self.right[label] / total if total else 0.0

    @property
    def swapped_share(self) -> float:
        return self.swapped / self.met if self.met else 0.0

    @property
    def disturbed_share(self) -> float:
        return self.disturbed / self.empty if self.empty else 0.0

    def __iadd__(self, other: "Names") -> "Names":
        for mine, theirs in ((self.right, other.right), (self.found, other.found), (self.gold, other.gold)):
            mine.update(theirs)
        self.met, self.swapped = self.met + other.met, self.swapped + other.swapped
        self.empty, self.disturbed = self.empty + other.empty, self.disturbed + other.disturbed
        return self


def _of_kinds(spans: Iterable[Span]) -> set[Span]:
    return {span for span in spans if span[2] in KINDS}


@dataclass
class Pairs:
    """Pairs of mentions: of the same entity with one id, and of different entities with one id."""

    same: int = 0
    joined: int = 0
    different: int = 0
    merged: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.joined / self.same if self.same else 0.0

    @property
    def false_merges(self) -> float:
        return self.merged / self.different if self.different else 0.0


def pairs(mentions: Sequence[tuple[str, str, str | None]]) -> Pairs:
    """Over all pairs of (place, wanted entity, given entity or None): a mention without id is joined with nothing."""
    counted = Pairs()
    for one, other in _across(mentions):
        joined = one[2] is not None and one[2] == other[2]
        if one[1] == other[1]:
            counted.same += 1
            counted.joined += joined
        else:
            counted.different += 1
            counted.merged += joined
            if joined:
                counted.faults.append((one[0], other[0]))
    return counted


def _across(
    mentions: Sequence[tuple[str, str, str | None]],
) -> Iterator[tuple[tuple[str, str, str | None], tuple[str, str, str | None]]]:
    return ((one, other) for one, other in combinations(mentions, 2) if one[0] != other[0])
