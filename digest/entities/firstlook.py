"""A cheap first look: which sentences cannot hold a name, so that the model need not read them.

In scripts with capitals a name has one. A sentence whose only capital is that of its first word, where this is a word
such as "the", "mais" or "однако", holds none: in news every sixth sentence of English and every third of French. A name
that is always written small (bpost) is left to the registry.
"""

import re
from functools import cache
from importlib import import_module

__all__ = ["can_hold_name"]

_LANGUAGES = ("en", "fr", "es", "it", "pt", "nl", "ru", "pl", "tr", "uk", "ro", "sv", "da", "nb", "cs")
# Such words that are firms, bodies or places too.
# fmt: off
_NAMES = frozenset((
    "acea", "agora", "aie", "altri", "anas", "andra", "arada", "assai", "bakom", "bari", "brava", "care", "casa",
    "citi", "claro", "dell", "dia", "esa", "esteve", "fazer", "kone", "mere", "mes", "must", "nel", "neste",
    "next", "nia", "nio", "nos", "nova", "nu", "onu", "otto", "parle", "plus", "quanta", "sana", "side", "sina",
    "sistema", "six", "temu", "three", "total", "toto", "vale", "voi", "vy", "x",
))
# fmt: on
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_LETTER_AND_DIGIT = re.compile(r"\d[^\W\d_]|[^\W\d_]\d")  # 123milhas, 1C
_LAST_CASED = "\u0590"  # Latin, Greek, Cyrillic and Armenian stand before it


def can_hold_name(sentence: str) -> bool:
    first = _FIRST_WORD.search(sentence)
    if first is None:
        return False
    word, rest = first[0].lower(), sentence[first.start() + 1 :]
    if word not in _openers() or any(letter.isupper() for letter in rest) or _LETTER_AND_DIGIT.search(sentence):
        return True
    return any(letter > _LAST_CASED and letter.isalpha() for letter in rest)


@cache
def _openers() -> frozenset[str]:
    """spaCy's stop words of languages with capitals; not of German, which writes every noun with one."""
    lists = (import_module(f"spacy.lang.{code}.stop_words").STOP_WORDS for code in _LANGUAGES)
    return frozenset(word.lower() for words in lists for word in words if word.isalpha()) - _NAMES
