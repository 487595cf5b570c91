"""Quality, one score per language and task, against the floors in floors.toml: `python -m tests.quality [task ...]`.

Exit 1 if a score lies below its floor. `--faults LANGUAGE` shows what is wrong in that language's names.
"""

import argparse
import sys
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from digest.training.score import f1
from digest.training.told import told_passages
from tests.quality import acts, links, names, sets
from tests.quality.measure import KINDS, Names

FLOORS: Mapping[str, Mapping[str, Mapping[str, float]]] = tomllib.loads(
    Path(__file__).with_name("floors.toml").read_text("utf-8")
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    parser.add_argument("tasks", nargs="*", choices=[[], *TASKS], help="which tasks; all of them if none is named")
    parser.add_argument("--faults", metavar="LANGUAGE", help="show the wrong names of a language")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="also score on the data sets in this folder")
    arguments = parser.parse_args()
    if arguments.faults:
        return _show_faults(arguments.faults)
    below = [line for task in arguments.tasks or TASKS for line in TASKS[task]()] + _sets(arguments.data)
    print("\n".join(["", "Below their floors:", *below] if below else ["", "Nothing is below its floor."]))
    return 1 if below else 0


def _names(task: str, folder: Path) -> list[str]:
    print(f"\nNames in {folder.name}/, strict F1 (edges and label): the model alone, the registry alone, both\n")
    print(f"{'language':9}{'company':>24}{'agency':>24}   other kind   disturbed")
    total = {part: Names() for part in names.PARTS}
    below: list[str] = []
    for language, passages in names.gold_files(folder).items():
        scores = {part: names.score(language, passages, part) for part in names.PARTS}
        for part, counted in scores.items():
            total[part] += counted
        _print_names(language, scores)
        below += _below(task, language, _values(scores["both"]))
    _print_names("all", total)
    return below + _below(task, "all", _values(total["both"]))


def _values(both: Names) -> dict[str, float]:
    shares = {"unswapped": 1 - both.swapped_share, "undisturbed": 1 - both.disturbed_share}
    return {kind.lower(): both.f1(kind) for kind in KINDS} | shares


def _print_names(language: str, scores: Mapping[str, Names]) -> None:
    cells = ["".join(f"{scores[part].f1(kind):8.3f}" for part in names.PARTS) for kind in KINDS]
    both = scores["both"]
    print(f"{language:9}{cells[0]}{cells[1]}{both.swapped_share:13.3f}{both.disturbed_share:12.3f}", flush=True)


def _links(task: str, folder: Path) -> list[str]:
    found = links.score(folder)
    print(f"\nLinks in {folder.name}/, over pairs of mentions in different passages\n")
    print(f"one entity, one id        {found.joined:6} of {found.same:6}   {found.recall:.3f}")
    print(f"two entities, one id      {found.merged:6} of {found.different:6}   {found.false_merges:.4f}")
    for one, other in found.faults[:20]:
        print(f"   merged: {one} and {other}")
    return _below(task, "all", {"joined": found.recall, "apart": 1 - found.false_merges})


def _acts() -> list[str]:
    print(f"\nActs in {acts.HELD.name}/: pairs of agency and company, pairs with their type, and the surest pairs\n")
    print(f"{'language':9}{'precision':>10}{'recall':>8}{'F1':>7}{'typed F1':>10}{'sure precision':>16}{'of':>5}")
    total, below = acts.Counted(), list[str]()
    for language, passages in told_passages(acts.HELD).items():
        counted, _ = acts.score(language, passages)
        total += counted
        _print_acts(language, counted)
        below += _below("acts", language, {"pair": counted.f1("pair"), "triple": counted.f1("triple")})
    _print_acts("all", total)
    types = sorted({what for what in total.gold + total.found if what not in acts.WHOLE})
    for kind in types:
        print(
            f"   {kind:12} precision {total.precision(kind):.2f} recall {total.recall(kind):.2f} of {total.gold[kind]}"
        )
    return below + _below("acts", "all", {"pair": total.f1("pair"), "sure": total.precision("sure")})


def _print_acts(language: str, counted: acts.Counted) -> None:
    pair = f"{counted.precision('pair'):10.2f}{counted.recall('pair'):8.2f}{counted.f1('pair'):7.2f}"
    sure = f"{counted.precision('sure'):16.2f}{counted.found['sure']:5}"
    print(f"{language:9}{pair}{counted.f1('triple'):10.2f}{sure}", flush=True)


def _sets(data: Path | None) -> list[str]:
    if data is None:
        return []
    print("\nNames in what is held out of the data sets, strict F1: the model alone, and both\n")
    print(f"{'set':18}{'sentences':>10}{'company':>16}{'agency':>16}")
    below: list[str] = []
    for name, size, counts in sets.score(data):
        values = {kind: [f1(counts[part], kind) for part in sets.PARTS] for kind in KINDS}
        cells = ["".join("       -" if value is None else f"{value:8.3f}" for value in values[kind]) for kind in KINDS]
        print(f"{name:18}{size:10}{cells[0]}{cells[1]}", flush=True)
        below += _below("sets", name, {kind.lower(): row[1] for kind, row in values.items() if row[1] is not None})
    return below


def _below(task: str, language: str, values: Mapping[str, float]) -> list[str]:
    floors = FLOORS.get(task, {}).get(language, {})
    return [
        f"{task} {language} {what}: {values[what]:.4f} < {floor}"
        for what, floor in floors.items()
        if what in values and values[what] < floor
    ]


def _show_faults(language: str) -> int:
    passages = names.gold_files(names.GOLD)[language]
    for passage, found in zip(passages, names.spans(language, passages, "both"), strict=True):
        gold = {(name.start, name.end, name.labels[0]) for name in passage.names if name.labels[0] in KINDS}
        given = {span for span in found if span[2] in KINDS}
        if gold != given:
            print(passage.text)
            for sign, spans in (("-", gold - given), ("+", given - gold)):
                print("\n".join(f"   {sign} {label} {passage.text[a:b]}" for a, b, label in sorted(spans)))
    return 0


TASKS: Mapping[str, Callable[[], list[str]]] = {
    "names": partial(_names, "names", names.GOLD),
    "held": partial(_names, "held", names.HELD),
    "links": partial(_links, "links", links.GOLD),
    "links-held": partial(_links, "links-held", links.HELD),
    "acts": _acts,
}

if __name__ == "__main__":
    sys.exit(main())
