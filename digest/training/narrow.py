"""A smaller tagger from a larger one: fewer layers, and in each only the heads and inner units that matter most.

What a unit matters is how much the loss would change without it, to first order: the sum over pieces of its value times
the loss's slope there (Molchanov et al. 2017, arXiv:1611.06440; for heads Michel et al. 2019, arXiv:1905.10650).
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from digest.training.encoder import Layer, Shape, Tagger
from digest.training.pretrained import Pretrained

__all__ = ["narrowed"]


def narrowed(tagger: Tagger, source: Pretrained, shape: Shape, losses: Iterable[Callable[[Tagger], Tensor]]) -> Tagger:
    """A tagger of the wanted shape with the parts of a larger one; each of `losses` runs it over a batch."""
    matter = _importance(tagger, losses)
    small = Tagger(source, shape)
    small.positions.data = tagger.positions.data[: shape.positions].clone()
    small.norm.load_state_dict(tagger.norm.state_dict())
    small.head.load_state_dict(tagger.head.state_dict())
    for new, old in zip(small.layers, tagger.layers, strict=False):
        assert isinstance(new, Layer)
        assert isinstance(old, Layer)
        _take(new, old, matter)
    return small


def _importance(tagger: Tagger, losses: Iterable[Callable[[Tagger], Tensor]]) -> dict[nn.Module, Tensor]:
    """For the two products that end the halves of each layer, what each channel of their input matters."""
    matter: dict[nn.Module, Tensor] = {}
    seen: dict[nn.Module, Tensor] = {}

    def watch(part: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        inputs[0].retain_grad()
        seen[part] = inputs[0]

    parts = [part for layer in tagger.layers for part in (layer.ao, layer.fo)]
    hooks = [part.register_forward_pre_hook(watch) for part in parts]
    for loss in losses:
        loss(tagger).backward()
        for part in parts:
            values = seen[part]
            assert values.grad is not None
            product = (values * values.grad).detach().flatten(0, -2)
            matter[part] = matter.get(part, torch.zeros(product.shape[1])) + product.abs().sum(0)
        tagger.zero_grad()
    for hook in hooks:
        hook.remove()
    return matter


def _take(new: Layer, old: Layer, matter: dict[nn.Module, Tensor]) -> None:
    head_width = old.ao.in_features // old.heads
    heads = _best(matter[old.ao].view(old.heads, head_width).sum(1), new.heads)
    channels = (heads[:, None] * head_width + torch.arange(head_width)).flatten()
    units = _best(matter[old.fo], new.fo.in_features)
    for part in ("q", "k", "v"):
        _copy(getattr(new, part), getattr(old, part), rows=channels)
    _copy(new.ao, old.ao, columns=channels)
    _copy(new.fi, old.fi, rows=units)
    _copy(new.fo, old.fo, columns=units)
    new.aln.load_state_dict(old.aln.state_dict())
    new.oln.load_state_dict(old.oln.state_dict())


def _best(matter: Tensor, count: int) -> Tensor:
    return matter.topk(count).indices.sort().values


def _copy(new: nn.Linear, old: nn.Linear, rows: Tensor | None = None, columns: Tensor | None = None) -> None:
    weight, bias = old.weight.data, old.bias.data
    if rows is not None:
        weight, bias = weight[rows], bias[rows]
    if columns is not None:
        weight = weight[:, columns]
    new.weight.data, new.bias.data = weight.clone(), bias.clone()
