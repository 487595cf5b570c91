"""Passages with their names marked: `The [A Federal Trade Commission] fined [C Nexavo Health].`, one in each line."""

import re
from collections.abc import Iterator
from pathlib import Path

from digest.training.corpus import Name, Sentence

__all__ = ["LABELS", "read_marked", "read_passage"]

LABELS = {"C": "COMPANY", "A": "AGENCY", "O": "ORG", "P": "PERSON", "L": "PLACE"}
_MARK = re.compile(r"\[([CAOPL]) ([^\[\]]+)\]")


def read_marked(path: Path, source: str) -> Iterator[Sentence]:
    """The passages of a file `<language>.txt` or `<language>-<number>.txt`. ValueError names a wrong line."""
    lang = path.stem.split("-")[0]
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip():
            sentence = read_passage(line.strip(), lang, source)
            if re.search(r"[\[\]]", sentence.text):
                raise ValueError(f"{path}:{number}: a mark that is not [C …], [A …], [O …], [P …] or [L …]")
            yield sentence


def read_passage(line: str, lang: str, source: str) -> Sentence:
    """One passage with its marks taken out."""
    text, at = "", 0
    names: list[Name] = []
    for mark in _MARK.finditer(line):
        text += line[at : mark.start()]
        names.append(Name(len(text), len(text) + len(mark[2]), (LABELS[mark[1]],)))
        text += mark[2]
        at = mark.end()
    return Sentence(text + line[at:], lang, source, tuple(names))
