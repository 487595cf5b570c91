"""Normal forms of names: the form that two spellings of one name share, and text folded for matching."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import regex  # type: ignore[import-untyped]
from opencc import OpenCC

from digest.entities.catalogue import Entity
from digest.languages import LANGUAGES, base

__all__ = ["Folded", "Inflection", "display", "fold", "fold_in_place", "fold_text", "inflection", "normal"]

# Letters that writers of Arabic script interchange, and marks that they add or leave out at will.
_INTERCHANGED = {
    **dict.fromkeys("أإآٱ", "ا"),
    "ى": "ي",
    "ی": "ي",
    "ک": "ك",
    "ة": "ه",
    "İ": "i",
    **dict.fromkeys("’‘ʼ＇`´", "'"),
    **dict.fromkeys("‐‑–—−", "-"),
    **dict.fromkeys("\u200c\u200d\u0640" + "".join(map(chr, range(0x64B, 0x653))), ""),
}
_DROPPED = re.compile("[\u200c\u200d\u0640\u064b-\u0652]")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
# Letters that are written in several characters: combining accents, kana marks, Hangul in parts.
_SPLIT_LETTERS = re.compile("[\u0300-\u036f\u1100-\u11ff\u3099\u309a]")
_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in the form that names are matched in. Character i stands for original[starts[i]:ends[i]]."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's span for a span of the folded text."""
        return self.starts[start], self.ends[end - 1]


@dataclass(frozen=True, slots=True)
class Inflection:
    """How a language changes a name in a sentence: `endings` are cut from words, `particles` follow a name directly
    and `prefixes` precede it (both regular expressions). Words keep at least `keep` letters."""

    endings: tuple[str, ...] = ()
    keep: int = 3
    particles: str = ""
    prefixes: str = ""


@cache
def _inflections() -> Mapping[str, Inflection]:
    data = tomllib.loads(files("digest.entities").joinpath("inflection.toml").read_text("utf-8"))
    return {
        code: Inflection(
            tuple(sorted(row.get("endings", "").split(), key=len, reverse=True)),
            row.get("keep", 3),
            row.get("particles", ""),
            row.get("prefixes", ""),
        )
        for code, row in data.items()
    }


@lru_cache(maxsize=256)
def inflection(language: str) -> Inflection:
    return _inflections().get(base(language), Inflection())


@cache
def _converter() -> OpenCC:
    return OpenCC("t2s")


class _Letters(dict[int, str]):
    """Each letter in compatibility form, simplified and in lower case; filled as letters are met, for str.translate."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_letter(chr(code))
        return folded


_LETTERS = _Letters()


def _fold_letter(letter: str) -> str:
    """One letter at a time, so that offsets hold."""
    plain = "".join(_INTERCHANGED.get(part, part) for part in unicodedata.normalize("NFKC", letter))
    if _HAN.search(plain):
        plain = "".join(_converter().convert(part) for part in plain)
    return plain.casefold()


def fold_text(text: str, language: str = "") -> str:
    """As `fold`, without the offsets."""
    if _SPLIT_LETTERS.search(text):
        return fold(text, language).text
    folded = text.translate(_LETTERS)
    if not language:
        return folded
    rules = inflection(language)
    return _WORD.sub(lambda word: _stem(word.group(), rules), folded) if rules.endings else folded


class _SameLength(dict[int, str]):
    def __init__(self, lower: bool) -> None:
        super().__init__()
        self.lower = lower

    def __missing__(self, code: int) -> str:
        folded = _LETTERS[code]
        self[code] = kept = folded if len(folded) == 1 and (self.lower or not chr(code).isupper()) else chr(code)
        return kept


_LOWER, _CASED = _SameLength(lower=True), _SameLength(lower=False)


def fold_in_place(text: str, lower: bool = True) -> str:
    """As `fold_text`, but letter for letter: offsets stay, and a letter that folds into two stays as it is."""
    return text.translate(_LOWER if lower else _CASED)


def fold(text: str, language: str = "") -> Folded:
    """The text in compatibility form, in simplified characters, in lower case, without its language's case endings."""
    folded = _fold_pieces(text)
    rules = inflection(language)
    return _without_endings(folded, rules) if rules.endings else folded


def _fold_pieces(text: str) -> Folded:
    split = bool(_SPLIT_LETTERS.search(text))
    if not split and not _DROPPED.search(text) and len(folded := text.translate(_LETTERS)) == len(text):
        return Folded(folded, range(len(text)), range(1, len(text) + 1))  # one for one
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    place = 0
    for letter in regex.findall(r"\X", text) if split else text:
        piece = _fold_letter(letter) if len(letter) > 1 else _LETTERS[ord(letter)]
        following = place + len(letter)
        pieces.append(piece)
        starts.extend([place] * len(piece))
        ends.extend([following] * len(piece))
        place = following
    return Folded("".join(pieces), starts, ends)


def _without_endings(folded: Folded, rules: Inflection) -> Folded:
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for word in _WORD.finditer(folded.text):
        stem = _stem(word.group(), rules)
        kept = word.start() + len(stem)
        pieces.append(folded.text[done:kept])
        starts.extend(folded.starts[done:kept])
        ends.extend(folded.ends[done:kept])
        ends[-1] = folded.ends[word.end() - 1]  # the ending belongs to the name as it is written
        done = word.end()
    pieces.append(folded.text[done:])
    return Folded("".join(pieces), [*starts, *folded.starts[done:]], [*ends, *folded.ends[done:]])


@lru_cache(maxsize=65_536)
def _stem(word: str, rules: Inflection) -> str:
    """The word without endings, as often as one can be cut: then all forms of a name meet in one, whatever it is."""
    while word.endswith(rules.endings):
        ending = next((e for e in rules.endings if word.endswith(e) and len(word) - len(e) >= rules.keep), None)
        if ending is None:
            break
        word = word[: -len(ending)]
    return word


# --- normal forms -------------------------------------------------------------------------------------------------

_LOOSE = re.compile(r"[^\w&+]+")
_BETWEEN_UNSPACED = re.compile("(?<=[\u3040-\u30ff\u3400-\u9fff]) (?=[\u3040-\u30ff\u3400-\u9fff])")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
# Forms that stand before a name in some language; "AS Roma" or "SE Palmeiras" must keep theirs.
_LEADING = (
    *("株式会社", "有限会社", "合同会社", "주식회사", "유한회사"),
    *("пао", "оао", "зао", "нао", "ао", "ооо", "тов", "прат", "пат"),
)
_LONGEST_FORM = 4  # words


@cache
def _legal_forms() -> tuple[frozenset[str], tuple[str, ...]]:
    """What is cut from the end of a name: forms that are words, and forms that are written without a space."""
    forms = {_plain(form) for row in LANGUAGES.values() for form in row.legal_suffixes} - {""}
    unspaced = {form for form in forms if _UNSPACED.search(form)}
    return frozenset(forms - unspaced), tuple(sorted(unspaced, key=len, reverse=True))


def _plain(name: str) -> str:
    spelled = fold_text(name).replace("(株)", "株式会社").replace("(주)", "주식회사")
    words = _LOOSE.sub(" ", spelled.replace(".", "")).strip()
    return _BETWEEN_UNSPACED.sub("", words) if " " in words else words


def _without_form(plain: str) -> str:
    spaced, unspaced = _legal_forms()
    words = plain.split(" ")
    for count in range(min(_LONGEST_FORM, len(words) - 1), 0, -1):
        if " ".join(words[-count:]) in spaced:
            return " ".join(words[:-count])
    if plain.endswith(unspaced):  # one look for all: this runs over every name of the registry
        ending = next(form for form in unspaced if plain.endswith(form))
        return plain[: -len(ending)].strip()
    if not plain.startswith(_LEADING):
        return plain
    leading = next(form for form in _LEADING if plain.startswith(form))
    if plain[len(leading) :].startswith(" ") or (len(leading) > 2 and _UNSPACED.match(leading)):
        return plain[len(leading) :].strip()
    return plain


@lru_cache(maxsize=65_536)
def normal(name: str, language: str = "") -> str:
    """The form that spellings of one name share: width, script, case, punctuation and legal form make no difference.

    With a language, its case endings make none either.
    """
    plain = _plain(name)
    while len(shorter := _without_form(plain)) > 1 and shorter != plain:
        plain = shorter
    return fold_text(plain, language) if language else plain


# --- names for display --------------------------------------------------------------------------------------------


def display(entity: Entity, language: str) -> str:
    """The entity's name as readers of a language know it, else its English name."""
    for key in _fallbacks(language):
        if names := entity.names.get(key):
            return _in_script(names[0], key, language)
    return next(iter(entity.names.values()))[0]


def _fallbacks(language: str) -> tuple[str, ...]:
    return (language, base(language), "en")


def _in_script(name: str, key: str, language: str) -> str:
    return OpenCC("s2t").convert(name) if language == "zh-Hant" and key == "zh" else name
