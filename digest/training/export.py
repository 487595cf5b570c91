"""From a checkpoint to the pipeline folder that production loads.

The graph is written by hand with the fused operators of ONNX Runtime. Weights become integers of 7 bits with a scale
for each column: on processors without dot-product instructions, sums of two products of 8-bit numbers would overflow
16 bits, and results would differ from machine to machine.
"""

import json
import random
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import spacy
import torch
from onnx import TensorProto, helper, numpy_helper

from digest.entities.recognise import FACTORY, Names
from digest.training.corpus import Sentence
from digest.training.encoder import Layer, Tagger
from digest.training.mix import windows
from digest.training.smooth import factors, largest_inputs
from digest.training.tags import LABELS, TAGS
from digest.training.train import BEGIN, END, Workshop, fingerprint

__all__ = ["export", "graph_of"]

CONTRIB = "com.microsoft"
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid(CONTRIB, 1)]
IR_VERSION = 9
WEIGHT_LIMIT = 64
SAMPLE = 600
VERSION = "0.3.0"


class _Graph:
    """Nodes and constants of a graph in the making. Without known input sizes the products are not quantised."""

    def __init__(self, sizes: Mapping[torch.nn.Linear, torch.Tensor]) -> None:
        self.sizes = sizes
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: npt.NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def tensor(self, name: str, values: torch.Tensor) -> str:
        return self.constant(name, values.detach().numpy().astype(np.float32))

    def add(self, operator: str, inputs: list[str], output: str, **attributes: float) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], domain=CONTRIB, **attributes))
        return output

    def product(self, x: str, linears: Sequence[torch.nn.Linear], output: str, *, biased: bool = True) -> str:
        """The product of one input with the weights of one part, or of several side by side, with their biases."""
        weight = torch.cat([linear.weight for linear in linears])
        bias = self.tensor(f"{output}.b", torch.cat([linear.bias for linear in linears])) if biased else ""
        if not self.sizes:
            return self._exact(x, weight.T, bias, output)
        even = factors(self.sizes[linears[0]], [weight])
        smooth = f"{output}.even"
        self.nodes.append(helper.make_node("Mul", [x, self.tensor(f"{smooth}.f", 1 / even)], [smooth]))
        return self._whole(smooth, (weight * even).T, bias, output)

    def _exact(self, x: str, columns: torch.Tensor, bias: str, output: str) -> str:
        bare = f"{output}.bare" if bias else output
        self.nodes.append(helper.make_node("MatMul", [x, self.tensor(f"{output}.w", columns)], [bare]))
        if bias:
            self.nodes.append(helper.make_node("Add", [bare, bias], [output]))
        return output

    def _whole(self, x: str, weights: torch.Tensor, bias: str, output: str) -> str:
        columns = weights.detach().numpy().astype(np.float32)
        scale = (np.abs(columns).max(0) / WEIGHT_LIMIT).astype(np.float32)
        whole = np.clip(np.rint(columns / scale), -WEIGHT_LIMIT, WEIGHT_LIMIT).astype(np.int8)
        inputs = [x, self.constant(f"{output}.w", whole), self.constant(f"{output}.s", scale)]
        return self.add("DynamicQuantizeMatMul", [*inputs, "", bias] if bias else inputs, output)

    def layer(self, x: str, layer: Layer, name: str, epsilon: float) -> str:
        together = self.product(x, [layer.q, layer.k, layer.v], f"{name}.qkv")
        parts = [f"{name}.{part}" for part in "qkv"]
        self.nodes.append(helper.make_node("Split", [together], parts, axis=-1))
        seen = self.add("MultiHeadAttention", parts, f"{name}.seen", num_heads=layer.heads)
        x = self.add_and_norm(self.product(seen, [layer.ao], f"{name}.ao"), x, layer.aln, epsilon)
        inner = self.product(x, [layer.fi], f"{name}.fi", biased=False)
        inner = self.add("BiasGelu", [inner, self.tensor(f"{name}.fi.b", layer.fi.bias)], f"{name}.gelu")
        return self.add_and_norm(self.product(inner, [layer.fo], f"{name}.fo"), x, layer.oln, epsilon)

    def add_and_norm(self, x: str, rest: str, norm: torch.nn.LayerNorm, epsilon: float) -> str:
        self.nodes.append(helper.make_node("Add", [x, rest], [f"{x}.sum"]))
        inputs = [f"{x}.sum", self.tensor(f"{x}.n.w", norm.weight), self.tensor(f"{x}.n.b", norm.bias)]
        # The fused SkipLayerNormalization takes six times as long as these two.
        self.nodes.append(helper.make_node("LayerNormalization", inputs, [f"{x}.n"], epsilon=epsilon))
        return f"{x}.n"


def graph_of(tagger: Tagger, epsilon: float, sizes: Mapping[torch.nn.Linear, torch.Tensor]) -> onnx.ModelProto:
    """The tagger as an ONNX model: word vectors of one window in, scores of tags out."""
    graph = _Graph(sizes)
    width = tagger.head.in_features
    positions = graph.tensor("positions", tagger.positions)
    plain = [
        helper.make_node("Shape", ["words"], ["shape"], start=1, end=2),
        helper.make_node("Slice", [positions, graph.constant("zero", np.zeros(1, np.int64)), "shape"], ["places"]),
    ]
    graph.nodes += [*plain, helper.make_node("Add", ["words", "places"], ["placed"])]
    norm = [graph.tensor("norm.w", tagger.norm.weight), graph.tensor("norm.b", tagger.norm.bias)]
    graph.nodes.append(helper.make_node("LayerNormalization", ["placed", *norm], ["x"], epsilon=epsilon))
    x = "x"
    for number, layer in enumerate(tagger.layers):
        assert isinstance(layer, Layer)
        x = graph.layer(x, layer, f"l{number}", epsilon)
    graph.nodes.append(helper.make_node("MatMul", [x, graph.tensor("head.w", tagger.head.weight.T)], ["bare"]))
    graph.nodes.append(helper.make_node("Add", ["bare", graph.tensor("head.b", tagger.head.bias)], ["scores"]))
    words = helper.make_tensor_value_info("words", TensorProto.FLOAT, [1, "pieces", width])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, "pieces", len(TAGS)])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "tagger", [words], [scores], graph.constants), opset_imports=OPSETS
    )
    model.ir_version = IR_VERSION
    return model


def _write_component(shop: Workshop, folder: Path, sample: Sequence[Sentence]) -> None:
    tagger = Tagger(shop.source, shop.shape)
    tagger.load_state_dict(torch.load(shop.checkpoint)["tagger"])
    words = shop.words()
    pieces = (
        torch.from_numpy(np.concatenate([[BEGIN], w.pieces, [END]]))
        for w in windows(sample, shop.tokenizer, shop.recipe.longest)
    )
    sizes = largest_inputs(tagger, (words[numbers][None] for numbers in pieces))
    onnx.save(graph_of(tagger, shop.source.epsilon, sizes), folder / "tagger.onnx")
    packed = shop.source.words()[list(shop.kept)]
    packed.tofile(folder / "words.bin")
    shop.tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    settings = {
        "longest": shop.recipe.longest,
        "tags": TAGS,
        "word_bytes": packed.shape[1],
        "recipe": fingerprint(shop.recipe),
    }
    (folder / "settings.json").write_text(json.dumps(settings, indent=1), "utf-8")


def export(shop: Workshop, folder: Path, sentences: Sequence[Sentence]) -> None:
    """The pipeline in a folder, its rounding fitted to some of the sentences; a model card that lies there stays."""
    sample = random.Random(shop.recipe.seed).sample(sentences, min(SAMPLE, len(sentences)))
    nlp = spacy.blank("xx", config={"nlp": {"tokenizer": {"@tokenizers": "digest_tokenizer"}}})
    nlp.meta.update({"name": "digest_names", "version": VERSION, "license": "see CARD.md"})
    nlp.meta["description"] = "Companies, agencies, other organisations, persons and places in many languages"
    names = nlp.add_pipe(FACTORY)
    assert isinstance(names, Names)
    with tempfile.TemporaryDirectory() as made:
        _write_component(shop, Path(made), sample)
        names.from_disk(Path(made))
        shutil.rmtree(folder / FACTORY, ignore_errors=True)
        nlp.to_disk(folder, exclude=["vocab"])
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    meta["labels"] = {FACTORY: list(LABELS)}
    (folder / "meta.json").write_text(json.dumps(meta, indent=2, ensure_ascii=False), "utf-8")
