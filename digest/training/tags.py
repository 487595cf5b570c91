"""The tags of a piece, and what a sentence says about the tag of each of its pieces."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from digest.training.corpus import Sentence
from digest.training.vocabulary import edges

__all__ = ["LABELS", "TAGS", "allowed_tags"]

LABELS = ("COMPANY", "AGENCY", "ORG", "PERSON", "PLACE")
# Outside, then begin and inside of each label; the recogniser knows this order.
TAGS = ("O", *(f"{place}-{label}" for label in LABELS for place in "BI"))


def _bits(place: str, labels: Sequence[str]) -> int:
    return sum(1 << TAGS.index(f"{place}-{label}") for label in labels)


def allowed_tags(sentence: Sentence, offsets: Sequence[tuple[int, int]]) -> npt.NDArray[np.int16]:
    """For each piece the set of its possible tags as bits; 0 for a piece of white space, which has no tag."""
    allowed = np.ones(len(offsets), np.int16)
    begun: set[int] = set()
    for number, piece in enumerate(offsets):
        start, end = edges(sentence.text, piece)
        if end <= start:
            allowed[number] = 0
            continue
        for name in sentence.names:
            if start < name.end and end > name.start and start >= name.start:
                allowed[number] = _bits("I" if name.start in begun else "B", name.labels)
                begun.add(name.start)
    return allowed
