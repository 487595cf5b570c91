"""What we know of each language that we read, and the text functions that depend on it. The data is in languages.toml.

A language is written as its ISO 639-1 code ("de"); Chinese with its script ("zh-Hans", "zh-Hant") where that is known.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

import regex  # type: ignore[import-untyped]  # \X: grapheme clusters, which the standard library cannot find
from py3langid.langid import MODEL_FILE, LanguageIdentifier

__all__ = [
    "LANGUAGES",
    "UNKNOWN",
    "Language",
    "base",
    "clean",
    "detect",
    "direction",
    "normal_tag",
    "sentences",
    "shorten",
]

Direction = Literal["ltr", "rtl"]

UNKNOWN = "und"  # BCP 47: undetermined

# Full-width ends need no space behind them; the others do, or "3.5" and "example.com" would be cut.
_FULL_ENDS = "。！？｡"
_ENDS = ".!?…" + _FULL_ENDS


@dataclass(frozen=True, slots=True)
class Language:
    """What we know of a language.

    `spaced`: words are parted by spaces. `ordinal_dots`: "18." is an ordinal number, as in "am 18. März".
    `months` holds, for January to December, the stems (lower case) that a month's names and abbreviations start with.
    `read_also` are the beginnings of pointers to other articles, `credits` what precedes a colon in a line of credits.
    `abbreviations` end with a full stop that ends no sentence, and are written here without it, in lower case.
    """

    code: str
    name: str
    native: str
    direction: Direction = "ltr"
    spaced: bool = True
    sentence_ends: str = _ENDS
    ordinal_dots: bool = False
    legal_suffixes: tuple[str, ...] = ()
    months: tuple[tuple[str, ...], ...] = ()
    abbreviations: frozenset[str] = frozenset()
    zone: str = "UTC"  # of times written without one
    read_also: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # other codes for it that are found on the web


def _row(code: str, data: Mapping[str, Any]) -> Language:
    """A row of languages.toml, which says what the short forms mean."""
    return Language(
        code=code,
        name=data["name"],
        native=data["native"],
        direction=data.get("direction", "ltr"),
        spaced=data.get("spaced", True),
        sentence_ends=_ENDS + data.get("sentence_ends", ""),
        ordinal_dots=data.get("ordinal_dots", False),
        legal_suffixes=tuple(data.get("legal_suffixes", ())),
        months=tuple(tuple(month.split("/")) for month in data.get("months", "").split()),
        abbreviations=frozenset(data.get("abbreviations", "").split()),
        zone=data.get("zone", "UTC"),
        read_also=tuple(data.get("read_also", ())),
        credits=tuple(data.get("credits", ())),
        aliases=tuple(data.get("aliases", "").split()),
    )


def _read_rows() -> dict[str, Language]:
    rows = tomllib.loads(files("digest").joinpath("languages.toml").read_text("utf-8"))
    return {code: _row(code, data) for code, data in rows.items()}


LANGUAGES: Mapping[str, Language] = MappingProxyType(_read_rows())

_OTHER = Language("", "", "", sentence_ends=_ENDS + "؟۔।॥")

_ALIASES = MappingProxyType({alias: row.code for row in LANGUAGES.values() for alias in row.aliases})
_CHINESE_SCRIPTS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("hans", "cn", "sg", "my"), "zh-Hans"),
        **dict.fromkeys(("hant", "tw", "hk", "mo", "yue"), "zh-Hant"),
    }
)
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")


# --- tags -----------------------------------------------------------------------------------------------------------


def base(tag: str) -> str:
    """The code of a language without script and region: "zh-Hant" -> "zh", "pt_BR" -> "pt", "no" -> "nb"."""
    code = re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0]
    return _ALIASES.get(code, code)


def normal_tag(tag: str | None) -> str | None:
    """A stated tag as we write it ("zh-CN" -> "zh-Hans", "EN-us" -> "en"), or None where it is no language tag."""
    if not tag or not _TAG.fullmatch(tag.strip()):
        return None
    parts = re.split(r"[-_]", tag.strip().lower())
    if base(tag) == "zh":
        return next((_CHINESE_SCRIPTS[part] for part in parts if part in _CHINESE_SCRIPTS), "zh")
    return None if parts[0] in {"und", "mul", "zxx"} else base(tag)


def direction(tag: str) -> Direction:
    """Which way the language is written; unknown languages from left to right."""
    return LANGUAGES.get(base(tag), _OTHER).direction


# --- cleaning -------------------------------------------------------------------------------------------------------

_LINE_ENDS = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Controls, lone surrogates, bidi marks and overrides, zero-width and other invisible characters, tags, noncharacters.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
# ZWJ and ZWNJ shape letters of Arabic, Indic and kindred scripts and join emoji; elsewhere they only hide.
_IDLE_JOINERS = re.compile(
    "(?<![\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ufb50-\ufdcf\ufe70-\ufefc\u2190-\u2bff\ufe0f"
    "\U0001f000-\U0001faff])[\u200c\u200d]|[\u200c\u200d](?=\\s|$|[\u200c\u200d])"
)
# UAX 15's stream-safe limit: no script needs more marks on one letter, and a million of them stall every display.
_MARKS = regex.compile(r"(\p{M}{30})\p{M}+")
# Letters, signs and spaces of which nothing is ever dropped: most lines hold no others, and looking once is cheap.
_ORDINARY = re.compile(
    "[ -~\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u0587\u2010-\u2027\u3000-\u3029\u3041-\u3098\u30a0-\u30ff"
    "\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9e]*"
)


def clean(text: str, keep_newlines: bool = False) -> str:
    """Text fit for the ledger: one line, or with `keep_newlines` non-empty lines parted by one newline.

    Drops what is invisible or steers the display (NUL, controls, lone surrogates, bidi and zero-width characters, save
    joiners where they shape letters or emoji), and folds white space of every kind. Letters are not normalised.
    """
    if text.isascii() and text.isprintable() and "  " not in text:  # most titles
        return text.strip()
    lines = _LINE_ENDS.sub("\n", text).split("\n")
    cleaned = (" ".join((line if _ORDINARY.fullmatch(line) else _visible(line)).split()) for line in lines)
    return ("\n" if keep_newlines else " ").join(line for line in cleaned if line)


def _visible(line: str) -> str:
    visible: str = _MARKS.sub(r"\1", _IDLE_JOINERS.sub("", _UNWANTED.sub("", line)))
    return visible


# --- detection ------------------------------------------------------------------------------------------------------

_SAMPLE = 2_000  # characters looked at: more change no answer and cost 1 ms per 1,000
# How much more likely a text is in the language that its feed or page states than in any other, before reading it.
# With 10, a wrong hint misleads on 2 % of real headlines (en, pt, es, fr, ru, de, sl, ar), with 30 on 7 %.
_HINT_ODDS = 10.0
# Codes of the model that differ from ours.
_MODEL_CODES: Mapping[str, str] = MappingProxyType({"nb": "no"})
_NOISE = re.compile(r"https?://\S+|\S+@\S+|[@#]\w+|[\W\d_]+")


@cache
def _identifier() -> Any:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([_MODEL_CODES.get(code, code) for code in LANGUAGES])
    return identifier


def detect(text: str, hint: str | None = None) -> tuple[str, float]:
    """The text's language ("zh-Hans", "de"; "und" where there are no letters and no hint) and a probability.

    `hint` is what the source states: it decides where the text leaves room, not against the text.
    """
    hint = normal_tag(hint)
    words = _NOISE.sub(" ", text[: 2 * _SAMPLE])[:_SAMPLE].strip()
    if not words:
        return hint or UNKNOWN, 0.0
    if telling := _only_language_of(words):
        return telling, 1.0
    ours = {model: code for code, model in _MODEL_CODES.items()}
    odds = {ours.get(code, code): score for code, score in _identifier().rank(words)}
    stated = base(hint) if hint else ""
    if stated in odds:
        odds[stated] *= _HINT_ODDS
    best = max(odds, key=odds.__getitem__)
    return (_chinese(words, hint) if best == "zh" else best), min(1.0, odds[best] / sum(odds.values()))


# Letters that decide by themselves, where a short text leaves the model in doubt.
_TELLING = (
    (re.compile("[\u3041-\u3096\u30a1-\u30fa]"), "ja"),
    (re.compile("[\uac00-\ud7a3]"), "ko"),
    (re.compile("[\u0e01-\u0e5b]"), "th"),
    (re.compile("[\u0370-\u03ff]"), "el"),
    (re.compile("[\u05d0-\u05ea]"), "he"),
)
_TELLING_SHARE = 0.2


def _only_language_of(words: str) -> str | None:
    letters = sum(map(str.isalpha, words))
    return next((code for found, code in _TELLING if len(found.findall(words)) > _TELLING_SHARE * letters), None)


def _chinese(text: str, hint: str | None) -> str:
    """The script by majority of the characters that only one of them has; in doubt as stated, else simplified."""
    votes = [_chinese_script(character) for character in text]
    simplified, traditional = votes.count("zh-Hans"), votes.count("zh-Hant")
    if simplified == traditional:
        return "zh-Hant" if hint == "zh-Hant" else "zh-Hans"
    return "zh-Hans" if simplified > traditional else "zh-Hant"


@lru_cache(maxsize=8_192)
def _chinese_script(character: str) -> str | None:
    """The two national character sets tell: GB 2312 holds the simplified forms, Big5 the traditional ones."""
    simplified, traditional = _encodes(character, "gb2312"), _encodes(character, "big5")
    if simplified == traditional or not "\u4e00" <= character <= "\u9fff":
        return None
    return "zh-Hans" if simplified else "zh-Hant"


def _encodes(character: str, codec: str) -> bool:
    try:
        return bool(character.encode(codec))
    except UnicodeEncodeError:
        return False


# --- sentences ------------------------------------------------------------------------------------------------------

_CLOSERS = "\"'”’»)\\]）」』】》〉"
# After a closing quote these carry on the sentence: 「…。」と述べた.
_CARRY_ON = "、，,とのなはがをにでもやか"
_HARD_ENDS = _FULL_ENDS + "।॥؟۔"
_LAST_WORD = re.compile(r"[^\s()\[\]{}«»„“”\"'‘’/–—-]*$")
_LONGEST_ABBREVIATION = 12
# Written in the texts of many languages.
_EVERYWHERE = frozenset(("inc", "corp", "co", "ltd", "llc", "plc", "mr", "mrs", "ms", "dr", "prof", "st", "jr", "vs"))
_BEFORE_NUMBERS = frozenset(("no", "nos", "nr", "art", "fig", "vol", "p", "pp"))


@cache
def _ends_of(code: str) -> re.Pattern[str]:
    ends = re.escape(LANGUAGES.get(code, _OTHER).sentence_ends)
    # French sets a space before the quote that closes; a quote that opens has none behind it.
    return re.compile(rf"[{ends}]+(?:\s»(?=\s|$))?[{_CLOSERS}]*")


def sentences(text: str, language: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences in order; only white space lies between them. A newline always parts."""
    row = LANGUAGES.get(base(language), _OTHER)
    spans = []
    for line in re.finditer(r"[^\n]+", text):
        start = line.start()
        for end in (*_sentence_ends(text, line.start(), line.end(), row), line.end()):
            piece = text[start:end]
            if piece.strip():
                spans.append((start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())))
            start = end
    return spans


def _sentence_ends(text: str, start: int, end: int, row: Language) -> Iterator[int]:
    for found in _ends_of(row.code).finditer(text, start, end):
        if _is_end(text, found, end, row):
            yield found.end()


def _is_end(text: str, found: re.Match[str], line_end: int, row: Language) -> bool:
    after = text[found.end() : min(found.end() + 40, line_end)]
    if any(mark in found.group() for mark in _HARD_ENDS):
        closed = found.group()[-1] not in row.sentence_ends
        return not (closed and after[:1] and after[0] in _CARRY_ON)
    if after and not after[0].isspace():
        return found.group()[0] in "!?" and _is_unspaced(after[0])
    following = after.lstrip(" \u3000\"'“„«‘(¿¡")
    if following[:1].islower():
        return False
    return found.group() != "." or not _is_abbreviation(text, found.start(), following, row)


def _is_abbreviation(text: str, dot: int, following: str, row: Language) -> bool:
    """Whether the full stop at `dot` belongs to the word before it: "Inc.", "U.S.", "J.", "18."."""
    found = _LAST_WORD.search(text, max(0, dot - _LONGEST_ABBREVIATION), dot)
    word = found.group() if found else ""
    if row.ordinal_dots and word.isdecimal():
        return len(word) <= 2 or _starts_with_month(following, row)
    initial = len(word) == 1 and word.isalpha() and not _is_unspaced(word)
    numbered = following[:1].isdecimal() and word.lower() in _BEFORE_NUMBERS
    return initial or numbered or _is_initialism(word) or word.lower() in row.abbreviations | _EVERYWHERE


def _is_initialism(word: str) -> bool:
    return "." in word and all(1 <= len(part) <= 2 and part.isalpha() for part in word.split("."))


def _starts_with_month(text: str, row: Language) -> bool:
    return text.lower().startswith(tuple(stem for month in row.months for stem in month))


# --- shortening -----------------------------------------------------------------------------------------------------

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u31f0-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_LOOSE_ENDS = " \t\n,;:，；：、،؛-–—([{（「『《“„«"


def _is_unspaced(character: str) -> bool:
    """Whether the character belongs to a script that puts no space between words."""
    return bool(_UNSPACED.match(character))


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, "…" included where something was cut: never inside a grapheme, nor inside a word
    of a script that spaces its words (unless the first word alone is too long)."""
    if len(text) <= limit:
        return text
    room = max(limit - 1, 0)
    cut = _last_boundary(text, room)
    word_cut = cut
    while word_cut and _inside_word(text, word_cut):
        word_cut -= 1
    return (text[: word_cut or cut].rstrip(_LOOSE_ENDS) + "…")[: max(limit, 0)]


def _last_boundary(text: str, room: int) -> int:
    """The last end of a grapheme at or before `room`."""
    last = 0
    for found in regex.finditer(r"\X", text):
        if found.end() > room:
            return last
        last = found.end()
    return last


def _inside_word(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    return _in_spaced_word(before) and _in_spaced_word(after)


def _in_spaced_word(character: str) -> bool:
    category = unicodedata.category(character)
    return (category[0] in "LMN" and not _is_unspaced(character)) or character in "'’\u200c\u200d"
