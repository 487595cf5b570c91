"""Names in data sets of others, in the part that the recipe never trains on: the model alone, and with the linker.

The sets lie outside of the project (`make quality DATA=folder`). An organisation of untold kind counts neither for nor
against. Their guidelines differ from ours (countries and titles inside names, media as companies): read the figures
beside each other, not beside those of our own passages.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from digest.training.corpus import Sentence, read_set
from digest.training.recipe import read_recipe
from digest.training.score import Counts, count, f1
from tests.quality.names import spans

__all__ = ["score"]

PARTS = ("model", "both")
MOST_SENTENCES = 700


def score(data: Path) -> Iterator[tuple[str, int, dict[str, Counts]]]:
    """Name, number of sentences, and counts by part of each set that holds typed companies or agencies."""
    recipe = read_recipe()
    for choice in recipe.sets:
        _, held = read_set(data, choice, recipe)
        chosen = held[:MOST_SENTENCES]
        if chosen and _is_typed(chosen):
            yield choice.name, len(chosen), {part: _counted(chosen, part) for part in PARTS}


def _is_typed(sentences: list[Sentence]) -> bool:
    counts: Counts = Counter()
    for sentence in sentences:
        count(sentence, (), counts)
    return any(f1(counts, label) is not None for label in ("COMPANY", "AGENCY"))


def _counted(sentences: list[Sentence], part: str) -> Counts:
    counts: Counts = Counter()
    for sentence, found in zip(sentences, spans(sentences[0].lang, sentences, part), strict=True):
        count(sentence, found, counts)
    return counts
