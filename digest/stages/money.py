"""Sums of money in a text: the number in its normal form, and the currency by its ISO 4217 code."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from digest.languages import base
from digest.stages.quantities import numbers

__all__ = ["Money", "sums"]

# Whose currency "元" and "$" are in a language, where the country of the medium is not known.
_HOME = {"zh-Hant": "TW", "zh": "CN", "zh-Hans": "CN", "nb": "NO", "no": "NO", "da": "DK"}


@dataclass(frozen=True, slots=True)
class Money:
    """Characters start to before end of the text, number and currency included."""

    start: int
    end: int
    amount: float
    currency: str


def sums(text: str, language: str, country: str | None = None) -> Iterator[Money]:
    """The sums in their order; a number without a currency beside it is none."""
    folded = _in_place(text)
    for start, end, amount in numbers(folded, base(language)):
        if found := _after().match(folded, end) or _before().search(folded, max(0, start - 16), start):
            currency = _currency(found, language, country)
            if currency:
                yield Money(min(start, found.start()), max(end, found.end()), amount, currency)


def _in_place(text: str) -> str:
    """Lower case, with full-width digits narrow, letter for letter."""
    return "".join(_narrow(letter) for letter in text)


@cache
def _narrow(letter: str) -> str:
    if letter == "，":
        return ";"  # the wide comma parts clauses; narrow it would join numbers
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    plain = unicodedata.normalize("NFKC", letter).casefold()
    return {"\u066b": ".", "\u066c": ","}.get(letter, plain if len(plain) == 1 else letter)


def _currency(found: re.Match[str], language: str, country: str | None) -> str:
    name = found.lastgroup or ""
    places = _shared()
    where = country or _HOME.get(language) or _HOME.get(base(language), "")
    word = found[name].strip()
    if word in places:
        return places[word].get(where, name if len(name) == 3 else "")  # groups of shared words have longer names
    return name


@cache
def _rows() -> Mapping[str, Mapping[str, object]]:
    return tomllib.loads(files("digest.stages").joinpath("currencies.toml").read_text("utf-8"))


@cache
def _shared() -> Mapping[str, Mapping[str, str]]:
    return {word: dict(places) for word, places in _rows()["shared"].items() if isinstance(places, dict)}


def _words(before: bool = False) -> str:
    """One group for each currency, the dollar's last: "hk$" before "$". Before a number stand signs and codes only."""
    rows = {code: str(words) for code, words in sorted(_rows()["words"].items(), key=lambda row: row[0] == "USD")}
    if before:
        rows = {code: "|".join(filter(_is_sign, words.split("|"))) for code, words in rows.items()}
    named = [f"(?P<{code}>{words})" for code, words in rows.items() if words]
    shared = [f"(?P<shared{n}>{re.escape(word)})" for n, word in enumerate(_shared()) if word != "$"]
    return "|".join(named if before else [*named, *shared])


_SIGN = re.compile(r"[a-z]{0,3}\\?[$€£¥₩₹₽₴₺.]\??|[a-z]{3}|rs\\\.\?|tl")


def _is_sign(word: str) -> bool:
    return bool(_SIGN.fullmatch(word)) and word not in {"won", "try"}


@cache
def _after() -> re.Pattern[str]:
    return re.compile(rf"\s?(?:de |d['’]|di |of )?(?:{_words()})(?![a-z])")


@cache
def _before() -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{_words(before=True)})\s?$")
