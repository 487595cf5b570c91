"""The model of the name recogniser at work: from a text to its names, with ONNX Runtime and NumPy.

A text is cut into windows of whole sentences, and each window runs by itself. The quantised arithmetic takes its scale
from all that runs together, so windows of several texts in one run would change each other's result; alone, a text
always gets the same names, and no time goes into padding.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Encoding, Tokenizer

from digest.entities.firstlook import can_hold_name

__all__ = ["Found", "Tagger"]

BEGIN, END = 1, 2  # the marks around a window
BLOCK_BYTES = 18  # word vectors come in blocks of a float16 scale and 32 four-bit integers
SENTENCE_END = re.compile(r"[.!?…][\"'”’»)]*(?=\s)|[。！？]|\n")
IMPOSSIBLE = -1e4

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Found:
    """A name in a text: characters from start to before end, its label, and the mean probability of its tags."""

    start: int
    end: int
    label: str
    score: float


@dataclass(frozen=True)
class Pieces:
    """A text in pieces: numbers, and the characters of each without white space (none for white space alone)."""

    numbers: Ints
    starts: Ints
    ends: Ints
    word_begins: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, text: str, encoded: Encoding) -> "Pieces":
        offsets = encoded.offsets
        parts = [text[a:b].lstrip() for a, b in offsets]
        starts = [b - len(part) for (_, b), part in zip(offsets, parts, strict=True)]
        ends = [start + len(part.rstrip()) for start, part in zip(starts, parts, strict=True)]
        begins = [text[start - 1 : start].isspace() for start in starts]
        return cls(
            np.asarray(encoded.ids, np.int64), np.asarray(starts), np.asarray(ends), np.asarray(begins, np.bool_)
        )

    def only(self, spans: Sequence[tuple[int, int]]) -> "Pieces":
        """The pieces that end inside one of the spans, which are in order and do not overlap."""
        firsts = np.searchsorted(self.ends, [start for start, _ in spans], "right")
        lasts = np.searchsorted(self.ends, [end for _, end in spans], "right")
        kept = np.zeros(len(self.ends) + 1, np.int64)
        np.add.at(kept, firsts, 1)
        np.add.at(kept, lasts, -1)
        inside = kept[:-1].cumsum() > 0
        return Pieces(self.numbers[inside], self.starts[inside], self.ends[inside], self.word_begins[inside])


def _worth_reading(text: str) -> list[tuple[int, int]]:
    """The spans of the sentences that may hold a name."""
    ends = [*(found.end() for found in SENTENCE_END.finditer(text)), len(text)]
    return [(a, b) for a, b in zip([0, *ends], ends, strict=False) if can_hold_name(text[a:b])]


def windows(text: str, pieces: Pieces, longest: int) -> Iterator[slice]:
    """Runs of pieces of at most the longest length, cut after a sentence, else between words, else anywhere."""
    count = len(pieces.numbers)
    sentences = np.searchsorted(pieces.ends, [found.end() for found in SENTENCE_END.finditer(text)]) + 1
    words = np.flatnonzero(pieces.word_begins)
    first = 0
    while count - first > longest:
        cut = first + longest
        for cuts in (sentences, words):
            near = cuts[(cuts > first) & (cuts <= cut)]
            if len(near):
                cut = int(near[-1])
                break
        yield slice(first, cut)
        first = cut
    if count > first:
        yield slice(first, count)


def unpack(packed: npt.NDArray[np.uint8]) -> Floats:
    """Word vectors from their blocks: the low halves of the bytes, then the high ones, minus eight, times the scale."""
    blocks = packed.reshape(len(packed), -1, BLOCK_BYTES)
    scale = blocks[:, :, :2].copy().view(np.float16).astype(np.float32)
    halves = np.concatenate([blocks[:, :, 2:] & 15, blocks[:, :, 2:] >> 4], axis=2).astype(np.float32)
    vectors: Floats = ((halves - 8) * scale).reshape(len(packed), -1)
    return vectors


class Decoder:
    """From scores of tags to the best sequence in which a name's inside follows only its own beginning."""

    def __init__(self, tags: Sequence[str]) -> None:
        self.tags = tuple(tags)
        self.labels = tuple(tag[2:] for tag in tags)
        inside = np.array([tag.startswith("I-") for tag in tags])
        same = np.array([[a == b for b in self.labels] for a in self.labels])
        self.penalty = np.where(inside[None, :] & ~same, IMPOSSIBLE, 0.0).astype(np.float32)
        self.start = np.where(inside, IMPOSSIBLE, 0.0).astype(np.float32)

    def best(self, scores: Floats) -> Ints:
        path: Ints = scores.argmax(1)
        if self.start[path[0]] == 0 and not self.penalty[path[:-1], path[1:]].any():
            return path
        return self._viterbi(scores)

    def _viterbi(self, scores: Floats) -> Ints:
        best, back = scores[0] + self.start, np.zeros(scores.shape, np.int64)
        for number in range(1, len(scores)):
            reached = best[:, None] + self.penalty
            back[number] = reached.argmax(0)
            best = reached.max(0) + scores[number]
        path = [int(best.argmax())]
        for number in range(len(scores) - 1, 0, -1):
            path.append(int(back[number, path[-1]]))
        return np.asarray(path[::-1], np.int64)

    def names(self, scores: Floats, starts: Ints, ends: Ints) -> Iterator[Found]:
        best = self.best(scores)
        if not best.any():
            return
        chance = np.exp(scores - scores.max(1, keepdims=True))
        sure = (chance[np.arange(len(best)), best] / chance.sum(1)).tolist()
        path: list[int] = best.tolist()
        for first, tag in enumerate(path):
            if not self.tags[tag].startswith("B-"):
                continue
            last = first + 1
            while last < len(path) and path[last] == tag + 1:
                last += 1
            score = round(sum(sure[first:last]) / (last - first), 4)
            yield Found(int(starts[first]), int(ends[last - 1]), self.labels[tag], score)


class Tagger:
    """The model, read from its folder. One instance serves one thread."""

    def __init__(self, folder: Path) -> None:
        settings = json.loads((folder / "settings.json").read_text("utf-8"))
        self.longest = int(settings["longest"])
        self.decoder = Decoder(settings["tags"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        mapped = np.memmap(
            folder / "words.bin", np.uint8, "r"
        )  # read as needed; as a plain array it is quicker to index
        self.words = np.asarray(mapped).reshape(-1, int(settings["word_bytes"]))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(folder / "tagger.onnx", options, providers=["CPUExecutionProvider"])

    def scores(self, numbers: Ints) -> Floats:
        marked = np.concatenate([[BEGIN], numbers, [END]])
        (scores,) = self.session.run(["scores"], {"words": unpack(self.words[marked])[None]})
        kept: Floats = scores[0, 1:-1]
        return kept

    def names(self, text: str) -> list[Found]:
        """The names of a text (which holds no lone surrogate) in their order."""
        if not text.strip():
            return []
        pieces = Pieces.of(text, self.tokenizer.encode(text)).only(_worth_reading(text))
        found: list[Found] = []
        for window in windows(text, pieces, self.longest):
            scores, starts, ends = self.scores(pieces.numbers[window]), pieces.starts[window], pieces.ends[window]
            visible = ends > starts
            if visible.any():
                found += self.decoder.names(scores[visible], starts[visible], ends[visible])
        return found
