"""Names in passages of our own writing: the model alone, the registry alone, and both.

Rules and registry were developed with names/<language>.txt in view. Nobody who worked on them or on the training text
wrote or read held/<language>.txt before it was measured: those figures are the ones to believe.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from digest.entities.link import link
from digest.entities.recognise import load
from digest.records import Failure, Text
from digest.stages.tag import tag
from digest.training.corpus import Sentence
from digest.training.marked import read_marked
from tests.quality.measure import Names, Span

__all__ = ["GOLD", "HELD", "PARTS", "gold_files", "score", "spans"]

GOLD = Path(__file__).with_name("names")
HELD = Path(__file__).with_name("held")
PARTS = ("model", "registry", "both")


def gold_files(folder: Path) -> dict[str, list[Sentence]]:
    """The gold passages of each language tag."""
    return {path.stem: list(read_marked(path, "gold")) for path in sorted(folder.glob("*.txt"))}


def score(language: str, passages: Sequence[Sentence], part: str) -> Names:
    counted = Names()
    for passage, found in zip(passages, spans(language, passages, part), strict=True):
        gold = [(name.start, name.end, name.labels[0]) for name in passage.names]
        counted.add(gold, found)
    return counted


def spans(language: str, passages: Sequence[Sentence], part: str) -> Iterator[list[Span]]:
    """What a part of the tagger finds in each passage. The language is told, as a feed tells it."""
    if part == "model":
        for doc in load().pipe(passage.text for passage in passages):
            yield [(e.start_char, e.end_char, e.label_) for e in doc.ents]
    elif part == "registry":
        for passage in passages:
            yield [(m.start, m.end, m.label) for m in link(passage.text, language)]
    else:
        for outcome in tag([Text("", passage.text, language) for passage in passages]):
            assert not isinstance(outcome, Failure)
            yield [(m.start, m.end, m.label) for m in outcome.mentions]
