"""Passages with the acts that they tell, each file a language:

    @ 2026-03-18 FR
    [A L'Autorité de la concurrence] a infligé mardi une amende de 239 millions d'euros à [C Nexalys].
    > fine | L'Autorité de la concurrence | Nexalys | done | 2026-03-17 | 239000000 EUR |

The day and the country of the medium; the passage with its agencies and companies marked, a headline parted by " / ";
and for each act its type, agencies and companies (parted by " ; "), status, day, amount, and their number if told.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from digest.training.corpus import Sentence
from digest.training.marked import read_passage

__all__ = ["Passage", "ToldAct", "told_passages"]


@dataclass(frozen=True, slots=True)
class ToldAct:
    action: str
    agencies: tuple[str, ...]
    companies: tuple[str, ...]
    status: str
    date: str
    amount: str
    total: str


@dataclass(frozen=True, slots=True)
class Passage:
    day: str
    country: str
    sentence: Sentence
    acts: tuple[ToldAct, ...]


def told_passages(folder: Path) -> dict[str, list[Passage]]:
    """The passages of each language tag, from `<tag>.txt` and `<tag>-2.txt`. ValueError names a wrong block."""
    found: dict[str, list[Passage]] = {}
    for path in sorted(folder.glob("*.txt")):
        found.setdefault(re.sub(r"-\d+$", "", path.stem), []).extend(_read(path))
    return found


def _read(path: Path) -> Iterator[Passage]:
    for number, block in enumerate(path.read_text("utf-8").strip().split("\n\n"), 1):
        head, passage, *acts = [line.strip() for line in block.strip().splitlines()]
        day, country = head.removeprefix("@").split()
        sentence = read_passage(passage.replace(" / ", "\n", 1), path.stem, "acts")
        try:
            yield Passage(day, country, sentence, tuple(map(_act, acts)))
        except ValueError as error:
            raise ValueError(f"{path}: block {number}: {error}") from error


def _act(line: str) -> ToldAct:
    action, agencies, companies, status, date, amount, *total = [part.strip() for part in line[1:].split("|")]
    return ToldAct(action, _names(agencies), _names(companies), status, date, amount, "".join(total))


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(" ; "))
