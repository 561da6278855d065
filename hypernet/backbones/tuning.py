"""The constant LoRA that ships with a hypernetwork: merged into the base weights, or applied beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hypernet.lora.inject import target_layers
from hypernet.networks.hypernetwork import AnyHypernetwork
from hypernet.networks.tokens import TokenHypernetwork

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_MARK = "_tuned_by"


@torch.no_grad()
def tune(base: PreTrainedModel, hypernetwork: AnyHypernetwork) -> None:
    """Add the hypernetwork's tuning to the base's weights, in place; other kinds have none.

    A base that has it already is left as it is. Raises ValueError when it has another hypernetwork's.
    """
    if not isinstance(hypernetwork, TokenHypernetwork) or not hypernetwork.config.tuned:
        return
    tuning = hypernetwork.tuning()
    mark = float(torch.stack([b.double().square().sum() for _, b in tuning.values()]).sum())
    found = getattr(base, _MARK, None)
    if found == mark:
        return
    if found is not None:
        raise ValueError(
            f"the base model {base.name_or_path} was tuned by another hypernetwork: load it anew"
        )
    for (layer, module), (a, b) in tuning.items():
        weight = target_layers(base, module)[layer].weight
        # In bfloat16, whatever the base is loaded in: so it has one fingerprint in any dtype.
        weight.copy_((weight.float() + b.mT @ a).bfloat16())
    setattr(base, _MARK, mark)


@contextmanager
def tuned(base: PreTrainedModel, hypernetwork: AnyHypernetwork) -> Iterator[None]:
    """Inside, the base answers as ``tune`` would make it, weights untouched; gradients reach the tuning."""
    handles = []
    try:
        if isinstance(hypernetwork, TokenHypernetwork):
            for (layer, module), (a, b) in hypernetwork.tuning().items():
                handles.append(target_layers(base, module)[layer].register_forward_hook(_beside(a, b)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _beside(a: Tensor, b: Tensor) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    def add(_module: nn.Module, args: Any, output: Tensor) -> Tensor:
        return output + ((args[0].to(a.dtype) @ a.mT) @ b).to(output.dtype)

    return add
