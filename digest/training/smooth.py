"""Which channels of a layer's input are large, so that its quantisation can be made fair to the small ones.

Inputs are quantised with one scale for all channels, and a few channels of a transformer are far larger than the
others. Each channel is divided by a factor before a product and the weights multiplied by it, which changes nothing but
the rounding.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from digest.training.encoder import Tagger

__all__ = ["factors", "largest_inputs"]

SMALLEST = 1e-4
# How much of a channel's range moves from the input to the weights. Of 0.4 to 1.0, this changed the scores least.
SHARE = 0.75


def largest_inputs(tagger: Tagger, batches: Iterable[Tensor]) -> dict[nn.Linear, Tensor]:
    """For each linear part of the layers, the largest size that each channel of its input takes in the batches."""
    largest: dict[nn.Linear, Tensor] = {}

    def watch(linear: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(linear, nn.Linear)
        seen = inputs[0].detach().abs().flatten(0, -2).amax(0)
        largest[linear] = torch.maximum(largest[linear], seen) if linear in largest else seen

    linears = [part for part in tagger.layers.modules() if isinstance(part, nn.Linear)]
    hooks = [linear.register_forward_pre_hook(watch) for linear in linears]
    tagger.eval()
    with torch.no_grad():
        for words in batches:
            tagger(words)
    for hook in hooks:
        hook.remove()
    return largest


def factors(largest: Tensor, weights: Iterable[Tensor]) -> Tensor:
    """Factors that share the range of each channel between the input and the weights that meet it."""
    columns = torch.stack([weight.detach().abs().amax(0) for weight in weights]).amax(0)
    return largest.clamp(min=SMALLEST) ** SHARE / columns.clamp(min=SMALLEST) ** (1 - SHARE)
