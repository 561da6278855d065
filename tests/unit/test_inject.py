"""Adapters on a model: the right effect on the right rows, and no trace afterwards."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply, apply_factors, bare, target_layers
from tests.tiny_models import FAMILIES, base_model, products, random_lora

IDS = torch.tensor([[3, 5, 7, 11, 13], [2, 4, 6, 8, 10], [9, 8, 7, 6, 5]])


@torch.no_grad()
def logits(model: PreTrainedModel, ids: Tensor = IDS) -> Tensor:
    out: Tensor = model(ids).logits
    return out


def with_weights(family: str, lora: LoRA | None, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The slow, obvious reference: a copy of the model with the products added to its weights."""
    model = base_model(family)
    for module in lora.modules if lora else ():
        for layer, delta in zip(target_layers(model, module), products(lora, module), strict=True):
            layer.weight += delta
    return model.to(dtype)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_adapter_serves_every_row_as_if_it_were_in_the_weights(family: str) -> None:
    """Hooks and added weights agree on all target modules at once."""
    model = base_model(family)
    lora = random_lora(model, modules=("down_proj", "q_proj", "v_proj", "o_proj"))
    with apply(model, lora):
        ours = logits(model)
    torch.testing.assert_close(ours, logits(with_weights(family, lora)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_row_has_its_own_adapter_or_none(family: str) -> None:
    """Ranks, scalings and modules differ from row to row, and one row is the bare model."""
    model = base_model(family)
    rows = [
        random_lora(model, 2, seed=1, scaling=3.0),
        None,
        random_lora(model, 5, seed=2, modules=("q_proj",), scaling=0.5),
    ]
    with apply(model, rows):
        ours = logits(model)
    for i, row in enumerate(rows):
        alone = logits(with_weights(family, row), IDS[i : i + 1])
        torch.testing.assert_close(ours[i : i + 1], alone, rtol=1e-4, atol=1e-4)


def test_a_row_is_the_same_alone_and_among_others() -> None:
    """The other rows' adapters do not leak into a row."""
    model = base_model()
    rows = [random_lora(model, rank, seed=rank) for rank in (1, 3, 6)]
    with apply(model, rows):
        together = logits(model)
    with apply(model, rows[1]):
        alone = logits(model, IDS[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-5, atol=1e-5)


def test_adjacent_rows_share_an_adapter_when_the_batch_is_a_multiple() -> None:
    """Two adapters for four rows: beams of one prompt lie side by side."""
    model = base_model()
    pair = [random_lora(model, seed=1), random_lora(model, seed=2)]
    ids = IDS[[0, 0, 1, 1]]
    with apply(model, pair):
        expanded = logits(model, ids)
    with apply(model, [pair[0], pair[0], pair[1], pair[1]]):
        torch.testing.assert_close(expanded, logits(model, ids))


def test_generation_with_an_adapter_is_generation_of_the_changed_model() -> None:
    """Greedy tokens agree with the weights changed, through prefill, cache and decoding."""
    model, ids = base_model(), IDS[:1]
    lora = random_lora(model)
    with apply(model, lora):
        ours = model.generate(ids, max_new_tokens=8, do_sample=False)
    assert torch.equal(ours, with_weights("llama", lora).generate(ids, max_new_tokens=8, do_sample=False))
    assert not torch.equal(ours, model.generate(ids, max_new_tokens=8, do_sample=False))


def hooks(model: PreTrainedModel) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_leaving_the_block_restores_the_model_exactly() -> None:
    """Bit-equal logits and no hook left, after success and after an error inside."""
    model = base_model()
    before, count = logits(model), hooks(model)
    with apply(model, random_lora(model)):
        assert not torch.equal(logits(model), before)
    with pytest.raises(RuntimeError, match="half way"), apply(model, random_lora(model)):
        raise RuntimeError("half way")
    assert torch.equal(logits(model), before)
    assert hooks(model) == count


def test_a_failure_while_hooks_are_set_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last layer refuses its hook, the first layers lose theirs again."""
    model = base_model()
    count = hooks(model)

    def refuse(_hook: object) -> None:
        raise RuntimeError("no hook here")

    monkeypatch.setattr(target_layers(model, "down_proj")[-1], "register_forward_hook", refuse)
    with pytest.raises(RuntimeError, match="no hook here"), apply(model, random_lora(model)):
        pytest.fail("the block must not run")
    assert hooks(model) == count


def test_nested_adapters_add_up() -> None:
    """An adapter inside the block of another has the effect of their concatenation."""
    model = base_model()
    one, two = random_lora(model, seed=1), random_lora(model, seed=2, scaling=0.3)
    with apply(model, one), apply(model, two):
        nested = logits(model)
    with apply(model, LoRA.concat([one, two])):
        torch.testing.assert_close(nested, logits(model), rtol=1e-4, atol=1e-4)


def test_bare_hides_adapters_from_this_thread_only() -> None:
    """The context encoder may read the base while another thread answers with adapters on it."""
    model = base_model()
    clean = logits(model)
    seen: list[Tensor] = []
    with apply(model, random_lora(model)):
        adapted = logits(model)
        with bare():
            assert torch.equal(logits(model), clean)
            thread = threading.Thread(target=lambda: seen.append(logits(model)))
            thread.start()
            thread.join()
        assert torch.equal(logits(model), adapted)
    assert torch.equal(seen[0], adapted)


def test_a_batch_of_another_size_is_refused() -> None:
    """Two adapters cannot serve three rows; no adapters at all serve none."""
    model = base_model()
    with (
        apply(model, [random_lora(model, seed=1), random_lora(model, seed=2)]),
        pytest.raises(ValueError, match="2 adapters were applied to a batch of 3 rows"),
    ):
        logits(model)
    with pytest.raises(ValueError, match="found no rows"), apply(model, []):
        pass


def test_rows_without_any_adapter_leave_the_model_alone() -> None:
    """A batch of None is the bare model, bit for bit, and sets no hook."""
    model = base_model()
    before, count = logits(model), hooks(model)
    with apply(model, [None, None, None]):
        assert hooks(model) == count
        assert torch.equal(logits(model), before)


def test_an_adapter_of_another_model_is_refused_with_both_sizes() -> None:
    """Wrong width, wrong depth and unknown modules each name what was wanted and what came."""
    model = base_model()

    def zeros(layers: int, d_in: int, d_out: int, module: str = "down_proj") -> LoRA:
        return LoRA({module: torch.zeros(layers, 2, d_in)}, {module: torch.zeros(layers, 2, d_out)}, 1.0)

    for lora, message in (
        (zeros(3, 40, 32), "3 layers 48 -> 32: it was made for 3 layers 40 -> 32"),
        (zeros(5, 48, 32), "3 layers 48 -> 32: it was made for 5 layers 48 -> 32"),
        (zeros(3, 48, 32, "fc1"), "no linear layers called 'fc1'; it has down_proj, gate_proj"),
    ):
        with pytest.raises(ValueError, match=message), apply(model, lora):
            pass
    with (
        pytest.raises(ValueError, match="adapters of one batch are for different models"),
        apply(model, [zeros(3, 48, 32), zeros(3, 40, 32)]),
    ):
        pass


@pytest.mark.parametrize("rows", [1, 3])
def test_a_half_precision_base_adds_a_float32_delta(rows: int) -> None:
    """The sum is cast to the base's dtype once: a bfloat16 base stays within its own rounding."""
    model = base_model().to(torch.bfloat16)
    loras = [random_lora(model, seed=i) for i in range(rows)]
    ids = IDS[:rows]
    with apply(model, loras):
        ours = logits(model, ids)
    assert ours.dtype == torch.bfloat16
    for i, lora in enumerate(loras):
        exact = logits(with_weights("llama", lora), ids[i : i + 1])
        assert (ours[i].float() - exact[0]).abs().max() < 0.1 * exact.abs().max()


def test_half_precision_factors_are_computed_in_float32_on_a_cpu() -> None:
    """A blob stored in bfloat16 applies as its float32 copy does."""
    model = base_model()
    half = random_lora(model).to(dtype=torch.bfloat16)
    with apply(model, half):
        ours = logits(model)
    with apply(model, half.to(dtype=torch.float32)):
        assert torch.equal(ours, logits(model))


def test_gradients_reach_the_factors() -> None:
    """Training the hypernetwork needs the derivative of the logits by A and B."""
    model = base_model()
    lora = random_lora(model)
    a = lora.A["down_proj"][None].requires_grad_()
    b = lora.B["down_proj"][None].requires_grad_()
    with apply_factors(model, {"down_proj": (a, b)}, lora.scaling):
        model(IDS).logits.square().mean().backward()
    for factor in (a, b):
        assert factor.grad is not None
        assert (factor.grad[0].flatten(1).norm(dim=1) > 0).all()
