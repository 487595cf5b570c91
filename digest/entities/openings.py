"""How the matches of a regular expression may begin: so that thousands of them are tried only where one may match."""

import re
from collections.abc import Iterable, Iterator
from itertools import product
from re import _constants as op  # type: ignore[attr-defined]  # the standard library's own parser, not documented
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import ahocorasick

__all__ = ["Finder", "openings"]

_LONGEST = 4  # letters: more find hardly fewer places
_MOST = 3_000  # openings of one expression; with more it is tried everywhere
_WIDE = 40  # letters of a class that are tried one by one


def openings(pattern: str) -> frozenset[str] | None:
    """Beginnings of one to four letters, of which each match has one; None where they cannot be told."""
    found = {letters for letters, _ in _of(list(parser.parse(pattern)))}
    return frozenset(found) if found and "" not in found and len(found) <= _MOST else None


# Letters, and whether nothing more can be told: ("", False) is a piece without width, ("", True) may be anything.
_Begun = set[tuple[str, bool]]


def _of(nodes: list[Any]) -> _Begun:
    begun: _Begun = {("", False)}
    for code, value in nodes:
        if code in (op.AT, op.ASSERT, op.ASSERT_NOT):
            continue
        parts = _part(code, value)
        begun = {
            (letters, True) if closed else ((letters + more)[:_LONGEST], end or len(letters + more) >= _LONGEST)
            for (letters, closed), (more, end) in product(begun, parts)
        }
        if len(begun) > _MOST:
            return {("", True)}
        if all(closed for _, closed in begun):
            break
    return begun


def _part(code: Any, value: Any) -> _Begun:
    if code is op.LITERAL:
        return {(chr(value), False)}
    if code is op.IN:
        letters = _letters(value)
        return {(letter, False) for letter in letters} if letters else {("", True)}
    if code is op.SUBPATTERN:
        return _of(list(value[-1]))
    if code is op.BRANCH:
        return set().union(*(_of(list(branch)) for branch in value[1]))
    if code in (op.MAX_REPEAT, op.MIN_REPEAT):
        least, most, inner = value
        once = _of(list(inner))
        found = once if most == 1 else {(letters, True) for letters, _ in once}
        return found | {("", False)} if least == 0 else found
    return {("", True)}


def _letters(value: Any) -> list[str]:
    letters: list[str] = []
    for code, one in value:
        if code is op.LITERAL:
            letters.append(chr(one))
        elif code is op.RANGE and one[1] - one[0] < _WIDE:
            letters += [chr(each) for each in range(one[0], one[1] + 1)]
        else:
            return []
    return letters if len(letters) <= _WIDE else []


class Finder:
    """Finds the matches of many expressions at once; those of one do not overlap each other."""

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        self.patterns = list(patterns)
        self.everywhere: list[int] = []
        by_opening: dict[str, list[int]] = {}
        for number, pattern in enumerate(self.patterns):
            found = openings(pattern.pattern)
            if found is None:
                self.everywhere.append(number)
            for opening in found or ():
                by_opening.setdefault(opening, []).append(number)
        self.automaton = ahocorasick.Automaton()
        for opening, numbers in by_opening.items():
            self.automaton.add_word(opening, (len(opening), tuple(numbers)))
        if by_opening:
            self.automaton.make_automaton()

    def matches(self, text: str, start: int, end: int) -> Iterator[tuple[int, re.Match[str]]]:
        """(number of the expression, match) within the part of the text; boundaries look at the text around it."""
        for number in self.everywhere:
            yield from ((number, match) for match in self.patterns[number].finditer(text, start, end) if match[0])
        if not len(self.automaton):
            return
        places: dict[int, set[int]] = {}
        for last, (length, numbers) in self.automaton.iter(text, start, end):
            for number in numbers:
                places.setdefault(number, set()).add(last - length + 1)
        for number, starts in places.items():
            free = start
            for place in sorted(starts):
                match = self.patterns[number].match(text, place, end) if place >= free else None
                if match and match[0]:
                    free = match.end()
                    yield number, match
