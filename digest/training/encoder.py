"""The encoder and the tagger in PyTorch, and how pretrained weights get into them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from digest.training.pretrained import Pretrained

__all__ = ["Layer", "Shape", "Tagger"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a tagger: layers, heads and inner units in each, positions in a window, and tags."""

    layers: int
    heads: int
    inner: int
    positions: int
    tags: int


class Layer(nn.Module):  # type: ignore[misc]
    """One transformer layer, normalised after each half. It may have fewer heads and inner units than pretrained."""

    def __init__(self, width: int, heads: int, head_width: int, inner: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(width, heads * head_width) for _ in range(3))
        self.ao = nn.Linear(heads * head_width, width)
        self.fi, self.fo = nn.Linear(width, inner), nn.Linear(inner, width)
        self.aln, self.oln = nn.LayerNorm(width, epsilon), nn.LayerNorm(width, epsilon)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        batch, length, _ = x.shape

        def split(t: Tensor) -> Tensor:
            return t.view(batch, length, self.heads, -1).transpose(1, 2)

        seen = functional.scaled_dot_product_attention(
            split(self.q(x)), split(self.k(x)), split(self.v(x)), attn_mask=mask
        )
        x = self.aln(x + self.ao(seen.transpose(1, 2).reshape(batch, length, -1)))
        out: Tensor = self.oln(x + self.fo(functional.gelu(self.fi(x))))
        return out


class Tagger(nn.Module):  # type: ignore[misc]
    """From word vectors to one score for each tag at each piece."""

    def __init__(self, source: Pretrained, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.positions = nn.Parameter(torch.zeros(shape.positions, source.width), requires_grad=False)
        self.norm = nn.LayerNorm(source.width, source.epsilon)
        self.layers = nn.ModuleList(
            Layer(source.width, shape.heads, source.width // source.heads, shape.inner, source.epsilon)
            for _ in range(shape.layers)
        )
        self.head = nn.Linear(source.width, shape.tags)
        self.dropout = nn.Dropout(0.1)

    def forward(self, words: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm(words + self.positions[: words.shape[1]])
        for layer in self.layers:
            x = layer(x, mask)
        scores: Tensor = self.head(self.dropout(x))
        return scores

    def load_pretrained(self, source: Pretrained) -> None:
        """Takes the pretrained weights, of all but the head; the shape must have all heads and inner units."""
        places = source.floats("emb.pos").reshape(-1, source.width)[: len(self.positions)]
        self.positions.data = torch.from_numpy(places + source.floats("emb.type").reshape(-1, source.width)[0])
        _load_norm(self.norm, source, "emb.ln")
        for number, layer in enumerate(self.layers):
            for part in ("q", "k", "v", "ao", "fi", "fo"):
                linear: nn.Linear = getattr(layer, part)
                linear.weight.data = torch.from_numpy(source.matrix(f"l{number}.{part}.w", linear.in_features))
                linear.bias.data = torch.from_numpy(source.floats(f"l{number}.{part}.b"))
            for part in ("aln", "oln"):
                _load_norm(getattr(layer, part), source, f"l{number}.{part}")


def _load_norm(norm: nn.LayerNorm, source: Pretrained, name: str) -> None:
    norm.weight.data = torch.from_numpy(source.floats(f"{name}.w"))
    norm.bias.data = torch.from_numpy(source.floats(f"{name}.b"))
