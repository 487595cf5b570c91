"""From an article to the form that articles are compared in. Grouping itself is in group.py."""

import re
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
from anyascii import anyascii
from numpy.typing import NDArray
from opencc import OpenCC
from rensa import RMinHash

from digest.errors import DigestError
from digest.records import Features, Groupable
from digest.stages.embed import ENCODER, embed
from digest.stages.quantities import quantities

__all__ = ["BAND_ROWS", "SKETCH", "describe", "from_bytes", "to_bytes"]

LEAD_CHARS = 300  # what a report says first is what it is about; the encoder was made for sentences
TERM_CHARS = 1_000
TERMS = 80
COPY_CHARS = 4_000
# The smallest hashes of a text's shingles. All of them for a short text; for a long one a sample from which Jaccard is
# estimated within .03, so that a window of ten thousand articles stays in memory.
SKETCH = 256
PERMUTATIONS = 96
BAND_ROWS = 3  # 32 bands of 3: texts with a Jaccard of .5 meet with probability .99, of .1 with .03

_TITLE, _LEAD, _REST = 1.0, 0.5, 0.25  # weight of a term by where it first stands
_HAN = "㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff"
_UNSPACED = re.compile(rf"[{_HAN}ぁ-ヿ]")
_RUNS = re.compile(
    rf"(?P<han>[{_HAN}々]+)|(?P<katakana>[ァ-ヺー]+)|(?P<hiragana>[ぁ-ゟ]+)|(?P<hangul>[가-힣]+)"
    r"|(?P<thai>[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+)|(?P<arabic>[\u0600-\u06ff]+)"
    # What is left, up to the first letter of the scripts above, which may follow without a space.
    rf"|(?P<word>[^\W_{_HAN}々ぁ-ヿ가-힣]+)"
)
_ARABIC_FORMS = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ـ": None} | dict.fromkeys(map(chr, range(0x64B, 0x653)))
)
_ARABIC_PREFIX = re.compile(r"^[وفبكل]?ال(?=..)|^لل(?=..)")
# Endings of inflected languages fall away; most names are told apart by fewer letters.
_STEM_LETTERS = 6
_SHORTEST_WORD = 3


def describe(items: Sequence[Groupable]) -> list[Features]:
    """One outcome per item, in the order given, depending on that item alone. Slow: the encoder runs on each."""
    vectors = embed([_opening(item) for item in items])
    return [_features(item, vector) for item, vector in zip(items, vectors, strict=True)]


def _opening(item: Groupable) -> str:
    title, lead = item.title[:LEAD_CHARS], item.text[:LEAD_CHARS]
    return f"{title}. {lead}" if lead else title


def _features(item: Groupable, vector: NDArray[np.float32]) -> Features:
    shingles = _shingles(f"{item.title} {item.text}"[:COPY_CHARS])
    return Features(
        id=item.id,
        language=item.language,
        date=item.date,
        source=item.source,
        vector=vector.astype("<f2").tobytes(),
        signature=_signature(shingles),
        shingles=frozenset(shingles[:SKETCH].tolist()),
        terms=_terms(item),
        facts=quantities(f"{item.title[:TERM_CHARS]}\n{item.text[:TERM_CHARS]}", item.language),
        entities=item.entities,
    )


# --- near-duplicates -------------------------------------------------------------------------------------------------


def _shingles(text: str) -> NDArray[np.uint64]:
    """Hashes of the text's runs of five characters, smallest first.

    Runs of three where a character is half a word, as in Chinese. Case, punctuation, width and Han script do not count.
    """
    folded = "".join(c if c.isalnum() else " " for c in _fold(text))
    if len(_UNSPACED.findall(folded)) * 3 > len(folded):
        width, folded = 3, folded.replace(" ", "")
    else:
        width, folded = 5, " ".join(folded.split())
    codes = np.frombuffer(folded.encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    if len(codes) < width:
        return np.zeros(0, dtype=np.uint64)
    hashes = np.zeros(len(codes) - width + 1, dtype=np.uint64)
    for place in range(width):
        hashes = _mixed(hashes + codes[place : place + len(hashes)])
    return np.unique(hashes >> np.uint64(32))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A step of splitmix64: our own hash, because stored shingles must not change with a library's version."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _signature(shingles: NDArray[np.uint64]) -> bytes:
    if not len(shingles):
        return b""
    rows = RMinHash.digest_matrix_from_flat_token_hashes(shingles, [0, len(shingles)], PERMUTATIONS, 1).to_rows()
    return np.array(rows[0], dtype="<u4").tobytes()


# --- terms -----------------------------------------------------------------------------------------------------------


def _terms(item: Groupable) -> tuple[tuple[str, float], ...]:
    """The first terms of title, lead and text, each with the weight of its first place."""
    text = item.text[:TERM_CHARS]
    parts = ((item.title, _TITLE), (text[:LEAD_CHARS], _LEAD), (text[LEAD_CHARS:], _REST))
    weights: dict[str, float] = {}
    for part, weight in parts:
        for term in _words(_fold(part)):
            if len(weights) < TERMS:
                weights.setdefault(term, weight)
    return tuple(weights.items())


def _words(folded: str) -> Iterator[str]:
    """Stems of words, Cyrillic and Greek in Latin letters so that names meet; of Han and Hangul pairs of characters."""
    for match in _RUNS.finditer(folded):
        kind, run = match.lastgroup, match[0]
        if kind in ("han", "hangul"):
            yield from _grams(run, 2)
        elif kind == "katakana" and len(run) > 1:
            yield run
        elif kind == "thai":
            yield from _grams(run, 3)
        elif kind == "arabic":
            stem = _ARABIC_PREFIX.sub("", run.translate(_ARABIC_FORMS))[:_STEM_LETTERS]
            if len(stem) >= _SHORTEST_WORD:
                yield stem
        elif kind == "word" and not run.isdigit():
            stem = anyascii(run).lower()[:_STEM_LETTERS]
            if len(stem) >= _SHORTEST_WORD:
                yield stem


def _grams(run: str, width: int) -> Iterator[str]:
    return (run[i : i + width] for i in range(len(run) - width + 1))


def _fold(text: str) -> str:
    """One width, one case, one Han script."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return str(_to_simplified().convert(text)) if _UNSPACED.search(text) else text


@cache
def _to_simplified() -> OpenCC:
    return OpenCC("t2s")


# --- bytes -----------------------------------------------------------------------------------------------------------

# Raise the number when a field is added or computed in another way.
_FORMAT = f"features 1 {ENCODER}".encode()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_bytes(features: Features) -> bytes:
    """A compact form for the ledger, marked with its version."""
    micros = (features.date - _EPOCH) // timedelta(microseconds=1)
    shingles = np.array(sorted(features.shingles), dtype="<u4").tobytes()
    words = [features.id, features.language, features.source]
    terms = [term for term, _ in features.terms]
    weights = np.array([weight for _, weight in features.terms], dtype="<f8").tobytes()
    parts = [
        _FORMAT,
        struct.pack("<q", micros),
        features.vector,
        features.signature,
        shingles,
        weights,
        *(_packed_words(group) for group in (words, terms, sorted(features.facts), sorted(features.entities))),
    ]
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def from_bytes(data: bytes) -> Features:
    """The features that `to_bytes` stored. DigestError where another version stored them."""
    parts = _parts(data)
    if len(parts) != 10 or parts[0] != _FORMAT:
        raise DigestError("stored features", "were made by another version", "describe the articles again")
    words, terms, facts, entities = map(_unpacked_words, parts[6:])
    return Features(
        id=words[0],
        language=words[1],
        source=words[2],
        date=_EPOCH + timedelta(microseconds=struct.unpack("<q", parts[1])[0]),
        vector=parts[2],
        signature=parts[3],
        shingles=frozenset(np.frombuffer(parts[4], dtype="<u4").tolist()),
        terms=tuple(zip(terms, np.frombuffer(parts[5], dtype="<f8").tolist(), strict=True)),
        facts=frozenset(facts),
        entities=frozenset(entities),
    )


def _parts(data: bytes) -> list[bytes]:
    parts, place = [], 0
    while place + 4 <= len(data):
        (length,) = struct.unpack_from("<I", data, place)
        parts.append(data[place + 4 : place + 4 + length])
        place += 4 + length
    return parts


def _packed_words(words: Sequence[str]) -> bytes:
    return b"".join(struct.pack("<I", len(raw)) + raw for raw in (word.encode() for word in words))


def _unpacked_words(data: bytes) -> list[str]:
    return [part.decode() for part in _parts(data)]
