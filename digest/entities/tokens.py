"""The tokenizer of the name recogniser: one for all scripts, and it never loses a character.

Names may begin or end at any token, so a token is as small as a name's edge needs: one character in scripts that write
without spaces, one syllable in Korean (where particles stick to names), a word elsewhere. In Arabic the one-letter
words that are written together with the next word stand alone.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vocab import Vocab

__all__ = ["NameTokenizer", "without_surrogates"]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
LAST_BMP = 0x10000
# Scripts without spaces, and Hangul: Thai, Lao, Myanmar, Khmer, kana, Han, Hangul syllables and letters.
SINGLE = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u3131-\u318e\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
MARKS = "".join(
    re.escape(chr(c))
    for c in range(LAST_BMP)
    if unicodedata.category(chr(c)) in {"Mn", "Mc", "Me"} or chr(c) in "\u200c\u200d"
)
ARABIC_PREFIX = (
    "[\u0648\u0641\u0628\u0644\u0643](?=[\u0621-\u064a]{3})"  # and, so, with, for, like; before a longer word
)
TOKEN = re.compile(
    rf"\s+|[{SINGLE}][{MARKS}]*|(?<![\u0621-\u064a]){ARABIC_PREFIX}|(?:(?![{SINGLE}])[^\W_][{MARKS}]*)+|[{MARKS}]+|.",
    re.DOTALL,
)
SURROGATE = re.compile("[\ud800-\udfff]")


def without_surrogates(text: str) -> str:
    """The text with each lone surrogate replaced, since nothing that speaks UTF-8 accepts one. The length stays."""
    return SURROGATE.sub(REPLACEMENT, text)


class NameTokenizer:
    """From a text to a Doc whose text is the same, but for lone surrogates."""

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        words: list[str] = []
        spaces: list[bool] = []
        for found in TOKEN.finditer(without_surrogates(text)):
            word = found[0]
            if word[0] == " " and words and not spaces[-1]:
                spaces[-1] = True
                word = word[1:]
            if word:
                words.append(word)
                spaces.append(False)
        return Doc(self.vocab, words=words, spaces=spaces)

    def pipe(self, texts: Iterable[str], **_options: Any) -> Iterator[Doc]:
        for text in texts:
            yield self(text)

    # The tokenizer has no state, but spaCy writes and reads every part of a pipeline.
    def to_disk(self, _path: Path, **_options: Any) -> None:
        return None

    def from_disk(self, _path: Path, **_options: Any) -> "NameTokenizer":
        return self

    def to_bytes(self, **_options: Any) -> bytes:
        return b""

    def from_bytes(self, _data: bytes, **_options: Any) -> "NameTokenizer":
        return self


@registry.tokenizers("digest_tokenizer")  # type: ignore[untyped-decorator]
def make_tokenizer() -> Any:
    def tokenizer(nlp: Language) -> NameTokenizer:
        return NameTokenizer(nlp.vocab)

    return tokenizer
