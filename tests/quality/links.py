"""Links in passages of our own writing, <language>.txt: `The [agency:us-ftc FTC] sued [company:meta Meta].`

A mark holds the wanted entity and the name. `[new:… Name]` stands for an entity that no registry holds, the same
word for the same entity. Pairs are counted over all languages. The linker was developed with links/ in view, while
nobody who worked on it read links-held/ before it was measured.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from digest.records import Failure, Mention, Text
from digest.stages.tag import tag
from tests.quality.measure import Pairs, pairs

__all__ = ["GOLD", "HELD", "mentions", "read", "score"]

GOLD = Path(__file__).with_name("links")
HELD = Path(__file__).with_name("links-held")
_MARK = re.compile(r"\[((?:company|agency|new):[^\s\[\]]+) ([^\[\]]+)\]")

Wanted = tuple[int, int, str]


def score(folder: Path) -> Pairs:
    return pairs(list(mentions(folder)))


def mentions(folder: Path) -> Iterator[tuple[str, str, str | None]]:
    """Place, wanted entity and given id of each marked mention. A mark without exactly its kind of mention has none."""
    for path in sorted(folder.glob("*.txt")):
        passages = [read(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        outcomes = tag([Text("", text, path.stem) for text, _ in passages])
        for number, ((text, marks), outcome) in enumerate(zip(passages, outcomes, strict=True), 1):
            assert not isinstance(outcome, Failure)
            for start, end, entity in marks:
                given = _over(outcome.mentions, start, end)
                yield f"{path.stem}:{number} {text[start:end]}", entity, given


def _over(found: tuple[Mention, ...], start: int, end: int) -> str | None:
    over = [one for one in found if one.start < end and one.end > start and one.entity]
    return max(over, key=lambda one: min(end, one.end) - max(start, one.start)).entity if over else None


def read(line: str) -> tuple[str, list[Wanted]]:
    """The plain text of a line and its marks."""
    text, at = "", 0
    marks: list[Wanted] = []
    for mark in _MARK.finditer(line):
        text += line[at : mark.start()]
        marks.append((len(text), len(text) + len(mark[2]), mark[1]))
        text += mark[2]
        at = mark.end()
    return text + line[at:], marks
