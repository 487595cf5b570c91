"""The encoder and the tagger in PyTorch, and how pretrained weights get into them."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from digest.training.pretrained import Pretrained

__all__ = ["Layer", "Tagger"]


class Layer(nn.Module):  # type: ignore[misc]
    """One transformer layer, normalised after each half."""

    def __init__(self, width: int, heads: int, inner: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.ao = (nn.Linear(width, width) for _ in range(4))
        self.fi, self.fo = nn.Linear(width, inner), nn.Linear(inner, width)
        self.aln, self.oln = nn.LayerNorm(width, epsilon), nn.LayerNorm(width, epsilon)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        batch, length, width = x.shape

        def split(t: Tensor) -> Tensor:
            return t.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

        seen = functional.scaled_dot_product_attention(
            split(self.q(x)), split(self.k(x)), split(self.v(x)), attn_mask=mask
        )
        x = self.aln(x + self.ao(seen.transpose(1, 2).reshape(batch, length, width)))
        out: Tensor = self.oln(x + self.fo(functional.gelu(self.fi(x))))
        return out


class Tagger(nn.Module):  # type: ignore[misc]
    """From word vectors to one score for each tag at each piece."""

    def __init__(self, source: Pretrained, layers: int, positions: int, tags: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(positions, source.width), requires_grad=False)
        self.norm = nn.LayerNorm(source.width, source.epsilon)
        self.layers = nn.ModuleList(
            Layer(source.width, source.heads, source.inner, source.epsilon) for _ in range(layers)
        )
        self.head = nn.Linear(source.width, tags)
        self.dropout = nn.Dropout(0.1)

    def forward(self, words: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm(words + self.positions[: words.shape[1]])
        for layer in self.layers:
            x = layer(x, mask)
        scores: Tensor = self.head(self.dropout(x))
        return scores

    def load_pretrained(self, source: Pretrained) -> None:
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
