"""The pretrained vocabulary, cut to the pieces that our languages need.

A piece stays if it is a single character, if it occurs in the data, or if its score is good, until the vocabulary is
full. A piece that often runs over the edge of a name (a particle glued to it, a preposition before it) is left out,
because a tagger of pieces could never find that edge.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from digest.training.corpus import Sentence
from digest.training.pretrained import Pretrained

__all__ = ["build_tokenizer", "choose_pieces", "edges"]

UNKNOWN = 0
BATCH = 4000
# A piece that crosses the edge of a name this often, and in this share of its uses, is left out.
CROSSINGS = 2
CROSSING_SHARE = 0.04
SCRIPTS = (
    (0x20, 0x24F), (0x370, 0x52F), (0x590, 0x6FF), (0x750, 0x77F), (0x900, 0x9FF), (0xE00, 0xE7F), (0x1E00, 0x1EFF),
    (0x2010, 0x20CF), (0x3000, 0x30FF), (0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0x2581, 0x2581), (0xFF00, 0xFFEF),
)  # fmt: skip


def build_tokenizer(pieces: Sequence[tuple[str, float]], unknown: int = UNKNOWN) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram(list(pieces), unk_id=unknown))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


def edges(text: str, offsets: tuple[int, int]) -> tuple[int, int]:
    """A piece's range without the white space that belongs to it."""
    start, end = offsets
    written = text[start:end]
    return start + len(written) - len(written.lstrip()), end - len(written) + len(written.rstrip())


def _crosses(start: int, end: int, sentence: Sentence) -> bool:
    return any(start < edge < end for name in sentence.names for edge in (name.start, name.end))


def count_pieces(tokenizer: Tokenizer, sentences: Sequence[Sentence]) -> tuple[Counter[int], Counter[int]]:
    """How often each piece occurs, and how often it runs over the edge of a name."""
    seen: Counter[int] = Counter()
    crossing: Counter[int] = Counter()
    for first in range(0, len(sentences), BATCH):
        batch = sentences[first : first + BATCH]
        for sentence, encoded in zip(batch, tokenizer.encode_batch([s.text for s in batch]), strict=True):
            seen.update(encoded.ids)
            for piece, offsets in zip(encoded.ids, encoded.offsets, strict=True):
                start, end = edges(sentence.text, offsets)
                if end - start > 1 and _crosses(start, end, sentence):
                    crossing[piece] += 1
    return seen, crossing


def _in_our_scripts(piece: str) -> bool:
    return all(any(low <= ord(c) <= high for low, high in SCRIPTS) for c in piece)


def choose_pieces(source: Pretrained, sentences: Sequence[Sentence], size: int) -> list[int]:
    """Numbers of the pretrained pieces that stay; the unknown piece comes first, the two marks second and third."""
    scored = [(piece, float(score)) for piece, score in zip(source.pieces, source.scores, strict=True)]
    tokenizer = build_tokenizer(scored, source.unknown)
    seen, crossing = count_pieces(tokenizer, sentences)
    marks = [source.unknown, source.begin, source.end]
    bad = {p for p, n in crossing.items() if n >= CROSSINGS and n >= CROSSING_SHARE * seen[p]}
    bad |= {*marks, source.pad}
    single = {i for i, p in enumerate(source.pieces) if len(p.lstrip("▁")) <= 1 and _in_our_scripts(p)} - bad
    used = {p for p, n in seen.items() if n >= 2} - single - bad
    by_score = [
        int(i)
        for i in np.argsort(-source.scores, kind="stable")
        if int(i) not in bad and _in_our_scripts(source.pieces[i])
    ]
    kept = dict.fromkeys([*sorted(single), *sorted(used, key=lambda p: (-seen[p], p)), *by_score])
    return marks + list(kept)[: size - len(marks)]
