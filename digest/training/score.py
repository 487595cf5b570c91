"""How good a pipeline is: strict span scores per held-out set, by the public definition (same span, same label).

A predicted organisation on a name whose kind the set does not tell counts neither for nor against.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import spacy

from digest.entities import recognise
from digest.training.corpus import Sentence
from digest.training.mix import Corpus

__all__ = ["score_model", "table"]

SCORED = ("COMPANY", "AGENCY", "PERSON", "PLACE")
MOST_SENTENCES = 300
Counts = Counter[tuple[str, str]]  # (label, "right" | "found" | "gold")


def count(sentence: Sentence, ents: Iterable[tuple[int, int, str]], counts: Counts) -> None:
    gold = {(n.start, n.end, n.labels[0]) for n in sentence.names if len(n.labels) == 1}
    open_kind = [n for n in sentence.names if len(n.labels) > 1]
    for start, end, label in set(ents):
        if any(start < n.end and end > n.start and label in n.labels for n in open_kind):
            continue
        counts[label, "found"] += 1
        counts[label, "right"] += (start, end, label) in gold
    for _, _, label in gold:
        counts[label, "gold"] += 1


def f1(counts: Counts, label: str) -> float | None:
    """None where the set holds too few of the label to say anything."""
    if counts[label, "gold"] < 10:
        return None
    return round(2 * counts[label, "right"] / (counts[label, "found"] + counts[label, "gold"]), 3)


def score_model(model: Path, corpus: Corpus) -> dict[str, dict[str, float | None]]:
    assert recognise.FACTORY
    nlp = spacy.load(model)
    scores: dict[str, dict[str, float | None]] = {}
    for name, held in sorted(corpus.held.items()):
        counts: Counts = Counter()
        chosen = held[:MOST_SENTENCES]
        for sentence, doc in zip(chosen, nlp.pipe(s.text for s in chosen), strict=True):
            count(sentence, ((e.start_char, e.end_char, e.label_) for e in doc.ents), counts)
        scores[name] = {label: f1(counts, label) for label in SCORED} | {"sentences": float(len(chosen))}
    return scores


def table(scores: Mapping[str, Mapping[str, float | None]]) -> str:
    lines = ["| set | sentences | company | agency | person | place |", "|---|---|---|---|---|---|"]
    for name, row in scores.items():
        cells = ["-" if row[label] is None else f"{row[label]:.3f}" for label in SCORED]
        lines.append(f"| {name} | {row['sentences']:.0f} | {' | '.join(cells)} |")
    return "\n".join(lines)
