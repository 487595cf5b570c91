"""The weights of an exported model, back in PyTorch, so that a later training can go on from them.

The rounding to integers stays; the first minutes of training mend what it cost.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from digest.training.encoder import Layer, Shape, Tagger
from digest.training.pretrained import Pretrained
from digest.training.tags import TAGS

__all__ = ["pieces_of", "read_exported"]

Arrays = dict[str, npt.NDArray[np.float32]]


def read_exported(folder: Path, source: Pretrained) -> Tagger:
    """The tagger of a pipeline folder written by `export`. FileNotFoundError if there is none."""
    model = onnx.load(folder / "digest_names" / "tagger.onnx")
    arrays = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    layers = sum(name.endswith(".fi.b") for name in arrays)
    heads = arrays["l0.qkv.w"].shape[1] // 3 * source.heads // source.width
    inner = arrays["l0.fi.w"].shape[1]
    tagger = Tagger(source, Shape(layers, heads, inner, len(arrays["positions"]), len(TAGS)))
    tagger.positions.data = _tensor(arrays["positions"])
    _load(tagger.norm, arrays["norm.w"], arrays["norm.b"])
    _load(tagger.head, arrays["head.w"].T, arrays["head.b"])
    for number, layer in enumerate(tagger.layers):
        assert isinstance(layer, Layer)
        _load_layer(layer, f"l{number}", arrays)
    return tagger


def pieces_of(folder: Path, source: Pretrained) -> list[int]:
    """The numbers that the pieces of an exported model have in the pretrained vocabulary."""
    vocabulary = json.loads((folder / "digest_names" / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    numbers = {piece: number for number, piece in reversed(list(enumerate(source.pieces)))}
    return [numbers[piece] for piece, _score in vocabulary]


def _load_layer(layer: Layer, name: str, arrays: Arrays) -> None:
    weights = {part: _columns(arrays, f"{name}.{part}").T for part in ("qkv", "ao", "fi", "fo")}
    parts = ("q", "k", "v")
    for part, weight, bias in zip(
        parts, np.split(weights["qkv"], 3), np.split(arrays[f"{name}.qkv.b"], 3), strict=True
    ):
        _load(getattr(layer, part), weight, bias)
    for part in ("ao", "fi", "fo"):
        _load(getattr(layer, part), weights[part], arrays[f"{name}.{part}.b"])
    for norm, part in ((layer.aln, "ao"), (layer.oln, "fo")):
        _load(norm, arrays[f"{name}.{part}.n.w"], arrays[f"{name}.{part}.n.b"])


def _columns(arrays: Arrays, product: str) -> npt.NDArray[np.float32]:
    """The weights of a product, one column for each output, without their rounding and smoothing."""
    whole = arrays[f"{product}.w"].astype(np.float32) * arrays[f"{product}.s"]
    return np.asarray(whole * arrays[f"{product}.even.f"][:, None], np.float32)


def _load(part: nn.Linear | nn.LayerNorm, weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> None:
    part.weight.data, part.bias.data = _tensor(weight), _tensor(bias)


def _tensor(values: npt.NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
