"""The LoRA value type, its blobs, and its PEFT folders."""

from __future__ import annotations

import json
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import save as save_tensors

from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply
from hypernet.lora.vllm_export import content_name, export_for_vllm, vllm_rank
from tests.tiny_models import base_model, products, random_lora

IDS = torch.tensor([[3, 5, 7, 11, 13, 17]])


def test_concat_is_the_exact_sum_of_effects_for_any_ranks_scalings_and_modules() -> None:
    """Merging adds the full matrices up, and keeps what only one part touches."""
    model = base_model()
    parts = [
        random_lora(model, 4, seed=1),
        random_lora(model, 2, seed=2, scaling=0.25),
        random_lora(model, 3, seed=3, modules=("down_proj", "q_proj"), scaling=7.0),
    ]
    merged = LoRA.concat(parts)
    assert merged.rank == 9
    assert merged.scaling == parts[0].scaling
    torch.testing.assert_close(products(merged), sum(products(p) for p in parts), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(products(merged, "q_proj"), products(parts[2], "q_proj"), rtol=1e-5, atol=1e-5)


def test_concat_refuses_nothing_and_adapters_of_different_models() -> None:
    """No adapters, or adapters of other widths, are an error that names the sizes."""
    wide = LoRA({"down_proj": torch.zeros(3, 2, 48)}, {"down_proj": torch.zeros(3, 2, 40)}, 1.0)
    with pytest.raises(ValueError, match="no adapters"):
        LoRA.concat([])
    with pytest.raises(ValueError, match=r"do not fit together.*32.*40"):
        LoRA.concat([random_lora(base_model()), wide])


def test_factors_that_do_not_belong_together_are_refused() -> None:
    """Constructor validation quotes the shapes it was given."""
    with pytest.raises(ValueError, match=r"\(3, 2, 4\) and \(3, 1, 4\)"):
        LoRA({"m": torch.zeros(3, 2, 4)}, {"m": torch.zeros(3, 1, 4)}, 1.0)
    with pytest.raises(ValueError, match="same modules"):
        LoRA({"m": torch.zeros(3, 2, 4)}, {"n": torch.zeros(3, 2, 4)}, 1.0)


def test_scaled_is_linear_in_its_weight() -> None:
    """A weight of -0.5 gives -0.5 times the effect."""
    lora = random_lora(base_model())
    torch.testing.assert_close(products(lora.scaled(-0.5)), -0.5 * products(lora))


@pytest.mark.parametrize("rank", [1, 3, 20])
def test_truncation_is_the_best_of_its_rank(rank: int) -> None:
    """Truncation through QR equals the truncated SVD of the full matrix."""
    lora = random_lora(base_model(), rank=24, seed=4)
    u, s, vt = torch.linalg.svd(products(lora))
    best = (u[..., :rank] * s[:, None, :rank]) @ vt[:, :rank]
    small = lora.truncate(rank)
    assert small.rank == rank
    torch.testing.assert_close(products(small), best, rtol=1e-4, atol=1e-5)


def test_truncation_above_the_matrix_size_loses_nothing() -> None:
    """Forty factor rows for a 32-wide output hold at most rank 32: truncating to 32 is exact."""
    lora = random_lora(base_model(), rank=40)
    assert lora.truncate(32).rank == 32
    torch.testing.assert_close(products(lora.truncate(36)), products(lora), rtol=1e-4, atol=1e-5)


def test_truncating_a_zero_adapter_gives_a_zero_adapter() -> None:
    """The SVD of nothing is nothing, not NaN."""
    zero = random_lora(base_model(), rank=8).scaled(0.0)
    assert products(zero.truncate(2)).abs().max() == 0
    with pytest.raises(ValueError, match="rank must be at least 1"):
        zero.truncate(0)


def test_padding_adds_rank_and_no_effect() -> None:
    """A padded adapter has the rank asked for and the same product; padding down is refused."""
    lora = random_lora(base_model(), rank=5)
    assert lora.padded(8).rank == 8
    assert torch.equal(products(lora.padded(8)), products(lora))
    with pytest.raises(ValueError, match="cannot pad rank 5 to 4"):
        lora.padded(4)


def test_to_changes_the_dtype_of_every_factor() -> None:
    """bfloat16 halves the bytes."""
    lora = random_lora(base_model())
    half = lora.to(dtype=torch.bfloat16)
    assert half.nbytes * 2 == lora.nbytes
    assert half.B["down_proj"].dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("storage", "error"), [(None, 0.0), ("float32", 0.0), ("bfloat16", 2**-8), ("int8", 1 / 127)]
)
def test_bytes_bring_back_the_adapter(storage: str | None, error: float) -> None:
    """A blob gives the factors back: exactly, or within the storage's step of the row's maximum."""
    lora = random_lora(base_model(), modules=("down_proj", "q_proj"))
    again = LoRA.from_bytes(lora.to_bytes(storage))
    assert again.scaling == lora.scaling
    for module in lora.modules:
        for before, after in ((lora.A[module], again.A[module]), (lora.B[module], again.B[module])):
            bound = error * before.abs().amax(dim=-1, keepdim=True)
            assert ((before - after.float()).abs() <= bound).all()


def test_equal_adapters_give_equal_bytes() -> None:
    """Blobs are addressed by content, so equal adapters must be one blob, and different ones not."""
    one, two = (random_lora(base_model(), modules=("q_proj", "down_proj")) for _ in range(2))
    assert one.to_bytes() == two.to_bytes()
    assert content_name(one) == content_name(two)
    assert one.to_bytes() != one.scaled(2.0).to_bytes()


def test_int8_keeps_rows_of_zeros() -> None:
    """Padding and zero adapters survive the smallest storage."""
    zero = random_lora(base_model()).scaled(0.0).padded(8)
    assert products(LoRA.from_bytes(zero.to_bytes("int8"))).abs().max() == 0


def _foreign(head: str) -> bytes:
    return save_tensors({"m.A": torch.zeros(1, 1, 1)}, {"lora": head})


def _damaged(blob: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "other bytes": b"not an adapter at all",
        "half": blob[: len(blob) // 2],
        "too long": blob + b"more",
        "impossible header": b"\xff" * 8 + blob[8:],
        "no entry": save_tensors({"x": torch.zeros(1)}),
        "newer format": _foreign('{"format": 99, "scaling": 1}'),
        "no scaling": _foreign('{"format": 1}'),
        "odd entry": _foreign("nonsense"),
        "no B": _foreign('{"format": 1, "scaling": 1}'),
    }


@pytest.mark.parametrize("kind", _damaged(b""))
def test_damaged_and_foreign_bytes_are_refused(kind: str) -> None:
    """Anything but an intact blob is a ValueError, never another exception and never an adapter."""
    blob = random_lora(base_model()).to_bytes()
    with pytest.raises(ValueError, match=r"adapter|A and B"):
        LoRA.from_bytes(_damaged(blob)[kind])


def test_unknown_storage_is_refused_by_name() -> None:
    """The message lists what there is."""
    with pytest.raises(ValueError, match=r"int4.*int8"):
        random_lora(base_model()).to_bytes("int4")


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # peft's call
@pytest.mark.parametrize("family", ["llama", "gemma2", "qwen3", "mistral"])
def test_a_peft_folder_gives_the_same_logits_through_peft(tmp_path: Path, family: str) -> None:
    """What we apply by hooks, peft computes from the exported folder; and we read the folder back."""
    model = base_model(family)
    lora = random_lora(model, rank=5, modules=("down_proj", "q_proj"), scaling=45.25)
    with torch.no_grad(), apply(model, lora):
        ours = model(IDS).logits
    lora.save_pretrained(tmp_path, base_model_name="tiny")
    again = LoRA.from_pretrained(tmp_path)
    assert again.scaling == pytest.approx(lora.scaling)
    assert torch.equal(again.A["q_proj"], lora.A["q_proj"])
    with torch.no_grad():
        theirs = peft.PeftModel.from_pretrained(model, tmp_path)(IDS).logits
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)


def test_a_folder_for_vllm_has_an_allowed_rank_and_a_name_by_content(tmp_path: Path) -> None:
    """Rank 12 becomes 16 with the same effect, and the same adapter is written once."""
    lora = random_lora(base_model(), rank=12)
    folder = export_for_vllm(lora, tmp_path)
    assert folder.name == content_name(lora)
    assert json.loads((folder / "adapter_config.json").read_text())["r"] == 16
    torch.testing.assert_close(products(LoRA.from_pretrained(folder)), products(lora))
    assert export_for_vllm(lora, tmp_path) == folder
    assert len(list(tmp_path.iterdir())) == 1


def test_vllm_ranks_end_at_512() -> None:
    """The next allowed rank is found; above the largest there is none."""
    assert [vllm_rank(r) for r in (1, 8, 9, 257, 512)] == [8, 8, 16, 320, 512]
    with pytest.raises(ValueError, match="513"):
        vllm_rank(513)


def _edit_config(folder: Path, **changes: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"peft_type": "IA3"}, "IA3"),
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "bias"),
        ({"rank_pattern": {"q_proj": 2}}, "rank_pattern"),
    ],
)
def test_peft_folders_of_other_kinds_are_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    """Only a plain LoRA can be read; the message names what it is instead."""
    random_lora(base_model()).save_pretrained(tmp_path)
    _edit_config(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        LoRA.from_pretrained(tmp_path)


def test_rank_stabilised_scaling_is_read_as_peft_reads_it(tmp_path: Path) -> None:
    """With use_rslora the scale is alpha / sqrt(r)."""
    random_lora(base_model(), rank=4).save_pretrained(tmp_path)
    _edit_config(tmp_path, use_rslora=True, lora_alpha=16)
    assert LoRA.from_pretrained(tmp_path).scaling == 8.0


def test_a_damaged_peft_folder_is_refused(tmp_path: Path) -> None:
    """Half a weight file is a ValueError that names the file."""
    random_lora(base_model()).save_pretrained(tmp_path)
    weights = tmp_path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"adapter_model.safetensors is damaged"):
        LoRA.from_pretrained(tmp_path)


def test_an_unknown_module_cannot_be_exported(tmp_path: Path) -> None:
    """PEFT needs full paths; a module without a known place is refused by name."""
    lora = LoRA({"oddity": torch.zeros(1, 1, 2)}, {"oddity": torch.zeros(1, 1, 2)}, 1.0)
    with pytest.raises(ValueError, match="oddity"):
        lora.save_pretrained(tmp_path)
