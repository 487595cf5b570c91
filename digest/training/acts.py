"""Trains the scorer of acts: a logistic regression over structural signs, on the passages in acts/, our own writing.

`python -m digest.training.acts` writes digest/entities/act_weights.json. The same passages give the same weights.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from digest.records import Label, Mention
from digest.stages.act import candidates, read_sentences
from digest.stages.act_signs import Candidate, signs
from digest.training.told import Passage, told_passages

__all__ = ["HERE", "examples", "fit"]

HERE = Path(__file__).with_name("acts")
WEIGHTS = Path(str(files("digest.entities").joinpath("act_weights.json")))
PENALTY = 0.3  # of the squared weights
STEPS = 4000
RATE = 0.5
LABELS: Mapping[str, Label] = {"COMPANY": "COMPANY", "AGENCY": "AGENCY"}
SURE = 0.95  # the names in the passages are marked by hand

Floats = npt.NDArray[np.float64]


def examples(language: str, passage: Passage) -> Iterator[tuple[Candidate, bool]]:
    """The passage's candidates, right or not: one that joins the right names by a trigger of another type is wrong."""
    text = passage.sentence.text
    mentions = [
        Mention(
            n.start, n.end, text[n.start : n.end], LABELS[n.labels[0]], f"marked:{text[n.start : n.end]}", None, SURE
        )
        for n in passage.sentence.names
    ]
    right = {
        (agency, company, act.action) for act in passage.acts for agency in act.agencies for company in act.companies
    }
    for joined in candidates(read_sentences(text, language, mentions)):
        for one in joined:
            names = [(a.text, c.text) for a in one.agency.mentions for c in one.company.mentions]
            action = one.place.trigger.action
            yield one, any((*pair, action) in right for pair in names)


def fit(given: Sequence[tuple[Candidate, bool]]) -> dict[str, float]:
    """The weights by the name of their sign; gradient descent with momentum on the mean log loss."""
    rows = [signs(one) for one, _ in given]
    names = sorted({name for row in rows for name in row})
    column = {name: place for place, name in enumerate(names)}
    x = np.zeros((len(rows), len(names)))
    for number, row in enumerate(rows):
        for name, value in row.items():
            x[number, column[name]] = value
    y = np.array([right for _, right in given], float)
    weights, speed = np.zeros(len(names)), np.zeros(len(names))
    for _ in range(STEPS):
        chance: Floats = 1 / (1 + np.exp(-(x @ weights)))
        slope = x.T @ (chance - y) / len(y) + PENALTY * weights / len(y)
        speed = 0.9 * speed - RATE * 0.1 * slope
        weights = weights + speed
    return {name: round(float(weight), 3) for name, weight in zip(names, weights, strict=True)}


def main() -> None:
    given = [
        example
        for language, passages in told_passages(HERE).items()
        for passage in passages
        for example in examples(language, passage)
    ]
    weights = fit(given)
    WEIGHTS.write_text(json.dumps(weights, ensure_ascii=False, indent=0) + "\n", "utf-8")
    print(f"{len(given)} candidates, {sum(right for _, right in given)} right; {len(weights)} weights")


if __name__ == "__main__":
    main()
