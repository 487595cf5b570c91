"""Reports that repeat another one, exactly or nearly: wire copy, syndication, one page under two addresses."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from digest.languages import LANGUAGES, base
from digest.records import Features
from digest.stages.features import BAND_ROWS, SKETCH

__all__ = ["find_copies", "jaccard"]

# A headline is no evidence of copying: two desks find the same five words. These are about a paragraph.
LEAST_SHINGLES = 150
LEAST_SHINGLES_UNSPACED = 60
# From here on two texts are one, whatever their numbers say.
SURELY = 0.97
_BAND_BYTES = 4 * BAND_ROWS


def find_copies(
    originals: Iterable[Features], new: Sequence[Features], least: float, window: timedelta
) -> Mapping[str, tuple[str, float]]:
    """For each new item that repeats another: the id of the original and their Jaccard, at least `least`.

    Looked up among `originals` and the new items before it, which must be in order of date. What is found to be a copy
    is no original for others, so that small changes do not add up along a chain.
    """
    buckets: dict[tuple[int, bytes], list[Features]] = {}
    for item in originals:
        _file(buckets, item)
    found = {}
    for item in new:
        best = max(_repeated(buckets, item, least, window), default=None, key=lambda pair: (pair[1], pair[0]))
        if best:
            found[item.id] = best
        else:
            _file(buckets, item)
    return found


def jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    """Exact for texts whose shingles are all there; where one set is a sample, over the range that both cover."""
    top = min((max(one) for one in (a, b) if len(one) >= SKETCH), default=None)
    if top is not None:
        a, b = (frozenset(value for value in one if value <= top) for one in (a, b))
    union = len(a | b)
    return len(a & b) / union if union else 0.0


def _repeated(
    buckets: Mapping[tuple[int, bytes], list[Features]], item: Features, least: float, window: timedelta
) -> Iterator[tuple[str, float]]:
    seen = {item.id}
    for band in _bands(item):
        for other in buckets.get(band, ()):
            if other.id in seen or abs(other.date - item.date) > window:
                continue
            seen.add(other.id)
            alike = jaccard(item.shingles, other.shingles)
            if alike >= SURELY or (alike >= least and not _only_a_form(item, other)):
                yield other.id, alike


def _only_a_form(a: Features, b: Features) -> bool:
    """Whether the two were filled from one template, like reports of earthquakes or of quarterly results."""
    if a.entities and b.entities and not a.entities & b.entities:
        return True
    return min(len(a.facts), len(b.facts)) >= 2 and len(a.facts & b.facts) * 2 < len(a.facts | b.facts)


def _file(buckets: dict[tuple[int, bytes], list[Features]], item: Features) -> None:
    for band in _bands(item):
        buckets.setdefault(band, []).append(item)


def _bands(item: Features) -> list[tuple[int, bytes]]:
    language = LANGUAGES.get(base(item.language))
    least = LEAST_SHINGLES if language is None or language.spaced else LEAST_SHINGLES_UNSPACED
    if len(item.shingles) < least:
        return []
    signature = item.signature
    return [(place, signature[place : place + _BAND_BYTES]) for place in range(0, len(signature), _BAND_BYTES)]
