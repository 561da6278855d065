"""The constant LoRA that a hypernetwork brings along for its base, added to the base's weights once."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from hypernet.lora.inject import target_layers
from hypernet.networks.hypernetwork import AnyHypernetwork
from hypernet.networks.tokens import TokenHypernetwork

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
        weight += (b.mT @ a).to(weight)
    setattr(base, _MARK, mark)
