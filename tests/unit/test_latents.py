"""What is kept of adapters: latents and token ids, small, the same each time, refused when damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from transformers import PreTrainedTokenizerFast

from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora import latents
from hypernet.lora.adapter import LoRA
from hypernet.lora.latents import Latents
from hypernet.networks.anchored import BIAS_RANK, AnchoredHypernetwork
from hypernet.networks.hypernetwork import build
from hypernet.training.reference.reference import build_base, hypernet_config
from tests.unit.test_tokens import CONFIG, fresh_base


@pytest.fixture(scope="module")
def model(byte_tokenizer: PreTrainedTokenizerFast) -> DocToLoRA:
    """A hypernetwork of random weights with a row for every token."""
    torch.manual_seed(3)
    network = build(CONFIG).requires_grad_(False).eval()
    network.value.normal_()
    return DocToLoRA(network, fresh_base(), byte_tokenizer)


@pytest.fixture(scope="module")
def lora(model: DocToLoRA) -> LoRA:
    [made] = model.generate(model.chunks("Anna keeps nine bees."))
    return made


def equal(one: LoRA, other: LoRA) -> bool:
    return (one.scaling, one.layers) == (other.scaling, other.layers) and all(
        torch.equal(mine[module], theirs[module])
        for mine, theirs in ((one.A, other.A), (one.B, other.B))
        for module in one.modules
    )


def test_what_was_kept_is_the_adapter_bit_for_bit(model: DocToLoRA, lora: LoRA) -> None:
    """Each time, also in bytes."""
    data = lora.to_bytes("int8")
    assert equal(model.unpack(data), lora)
    assert equal(model.unpack(data), model.unpack(data))
    assert model.unpack(data).to_bytes() == data


def test_the_rows_say_the_tokens_of_the_text(lora: LoRA, byte_tokenizer: PreTrainedTokenizerFast) -> None:
    assert lora.latents is not None
    assert byte_tokenizer.decode(lora.latents.ids.tolist()) == "Anna keeps nine bees."


def test_forty_tokens_take_at_most_8_kb() -> None:
    """At the width and vocabulary of the language model that comes as a package."""
    kept = Latents.of(torch.randn(40, 192), torch.randint(49_152, (40,)))
    assert len(latents.pack(kept)) <= 8192


def test_a_step_of_int8_is_all_that_is_lost() -> None:
    values = torch.randn(20, 64) * torch.logspace(0, 3, 20)[:, None]
    kept = Latents.of(values, torch.arange(20))
    step = values.abs().amax(-1, keepdim=True) / 127
    assert ((kept.values - values).abs() <= 0.6 * step).all()


def test_rows_of_zero_stay_zero() -> None:
    assert not Latents.of(torch.zeros(3, 8), torch.arange(3)).values.any()


def test_a_large_vocabulary_needs_more_bytes_and_is_read_back() -> None:
    kept = Latents.of(torch.randn(2, 4), torch.tensor([5, 250_000]))
    read = latents.unpack(latents.pack(kept))
    assert read is not None
    assert read.ids.tolist() == [5, 250_000]


def test_passages_of_several_chunks_are_kept_whole(model: DocToLoRA, lora: LoRA) -> None:
    both = LoRA.concat([lora, lora])
    assert equal(model.unpack(both.to_bytes()), both)


@pytest.mark.parametrize(
    "change",
    [
        lambda lora: lora.scaled(0.5),
        lambda lora: lora.truncate(2),
        lambda lora: lora.padded(99),
        lambda lora: lora.compact(),
        lambda lora: lora.rescaled(2.0),
        lambda lora: LoRA.concat([lora, lora.scaled(1.0)]),
        lambda lora: lora.to(dtype=torch.bfloat16),
    ],
)
def test_an_adapter_that_was_changed_is_kept_as_what_it_is(
    model: DocToLoRA, lora: LoRA, change: Callable[[LoRA], LoRA]
) -> None:
    """Its latents would make another one."""
    changed = change(lora)
    assert changed.latents is None
    assert equal(model.unpack(changed.to_bytes()), changed)


def test_weights_and_the_device_are_no_matter(model: DocToLoRA, lora: LoRA) -> None:
    """A merge scales and concatenates expanded factors, as any other."""
    assert lora.to("cpu").latents is lora.latents
    merged = model.combine([lora, lora], [1.0, 0.5])
    torch.testing.assert_close(merged.A["down_proj"][:, lora.rank :], lora.A["down_proj"] * 0.5)


def test_another_hypernetwork_cannot_expand_them(tiny_d2l: DocToLoRA, lora: LoRA) -> None:
    with pytest.raises(ValueError, match="kept as latents"):
        tiny_d2l.unpack(lora.to_bytes())
    with pytest.raises(ValueError, match="not a stored adapter"):
        LoRA.from_bytes(lora.to_bytes())


@pytest.mark.parametrize("width", [5, 7])
def test_latents_of_another_width_are_refused(model: DocToLoRA, width: int) -> None:
    kept = Latents.of(torch.randn(2, width), torch.arange(2))
    with pytest.raises(ValueError, match=f"of width {width} .* expands width 6"):
        model.unpack(latents.pack(kept))


def test_tokens_that_the_base_does_not_have_are_refused(model: DocToLoRA) -> None:
    with pytest.raises(ValueError, match="tokens up to 261"):
        model.unpack(latents.pack(Latents.of(torch.randn(1, 6), torch.tensor([261]))))


def test_bytes_cut_off_or_damaged_are_refused(model: DocToLoRA, lora: LoRA) -> None:
    data = lora.to_bytes()
    for cut in (0, 7, 30, len(data) // 2, len(data) - 1):
        with pytest.raises(ValueError, match=r"damaged|not a stored adapter"):
            model.unpack(data[:cut])


@pytest.mark.parametrize(
    "wrong",
    [
        {"latents": torch.zeros(2, 6)},
        {"latents": torch.zeros(3, 6, dtype=torch.int8)},
        {"latents": torch.zeros(12, dtype=torch.int8)},
        {"step": torch.zeros(2)},
        {"step": torch.zeros(3, dtype=torch.float16)},
        {"step": torch.tensor([1.0, torch.nan], dtype=torch.float16)},
        {"step": torch.tensor([1.0, -1.0], dtype=torch.float16)},
        {"ids": torch.zeros(2, 1, dtype=torch.int32)},
        {"ids": torch.tensor([1, -1], dtype=torch.int32)},
        {"more": torch.zeros(1)},
    ],
)
def test_tensors_of_any_other_kind_are_refused(model: DocToLoRA, wrong: dict[str, torch.Tensor]) -> None:
    sound = {
        "latents": torch.zeros(2, 6, dtype=torch.int8),
        "step": torch.ones(2, dtype=torch.float16),
        "ids": torch.zeros(2, dtype=torch.int32),
    }
    model.unpack(save(sound, {"latents": '{"format": 1}'}))
    with pytest.raises(ValueError, match="stored latents"):
        model.unpack(save({**sound, **wrong}, {"latents": '{"format": 1}'}))


def test_a_later_format_is_named(model: DocToLoRA) -> None:
    data = save({"ids": torch.zeros(1, dtype=torch.int32)}, {"latents": '{"format": 2}'})
    with pytest.raises(ValueError, match="of format 2; this version reads format 1"):
        model.unpack(data)


# A published hypernetwork makes exact factors, and int8 keeps the latents that it made them of.


def test_int8_keeps_latents_that_are_as_near_as_int8_factors(tiny_d2l: DocToLoRA) -> None:
    """In a fraction of the bytes; other storage keeps the factors themselves."""
    [made] = tiny_d2l.generate(tiny_d2l.chunks("Anna keeps nine bees."))
    read = tiny_d2l.unpack(made.to_bytes("int8"))
    factors = LoRA.from_bytes(replace(made, latents=None).to_bytes("int8"))
    for module in made.modules:
        for side in ("A", "B"):
            exact = getattr(made, side)[module]
            off, other = ((getattr(one, side)[module] - exact).norm() for one in (read, factors))
            assert off < 0.02 * exact.norm()
            assert off < 3 * other
    assert equal(LoRA.from_bytes(made.to_bytes("float32")), made)


def test_what_was_read_is_kept_as_it_was(tiny_d2l: DocToLoRA) -> None:
    """Bit for bit, in whatever storage, one chunk or several."""
    made = tiny_d2l.generate([*tiny_d2l.chunks("Anna keeps nine bees."), *tiny_d2l.chunks("Ben rows.")])
    for lora in (*made, LoRA.concat(made)):
        data = lora.to_bytes("int8")
        read = tiny_d2l.unpack(data)
        assert (read.rank, read.scaling, read.layers) == (lora.rank, lora.scaling, lora.layers)
        assert equal(tiny_d2l.unpack(data), read)
        assert read.to_bytes("float32") == read.to_bytes("int8") == data
    joined, apart = (
        tiny_d2l.unpack(LoRA.concat(made).to_bytes("int8")),
        [one.to_bytes("int8") for one in made],
    )
    assert equal(joined, LoRA.concat([tiny_d2l.unpack(data) for data in apart]))


def test_128k_tokens_take_less_than_5_mb_with_a_published_hypernetwork() -> None:
    """16 chunks of 8,192 tokens at the sizes for gemma-2-2b: 26 layers, rank 8, latents 512 wide."""
    rows = 26 * 8
    chunk = latents.pack(Latents.of(torch.randn(rows, 512), torch.arange(rows)))
    assert 16 * len(chunk) < 2_000_000


@pytest.mark.parametrize("rows", [1, 3])
def test_rows_that_are_no_whole_chunk_are_refused(tiny_d2l: DocToLoRA, rows: int) -> None:
    kept = Latents.of(torch.randn(rows, tiny_d2l.config.latent_size), torch.arange(rows))
    with pytest.raises(ValueError, match=r"rows of width .* a chunk in their order"):
        tiny_d2l.unpack(latents.pack(kept))


# A hypernetwork with anchors makes exact factors too; of a row int8 keeps its anchor's token and two parts.


@pytest.fixture(scope="module")
def anchored(byte_tokenizer: PreTrainedTokenizerFast) -> DocToLoRA:
    """Random weights, the words around an anchor told in numbers far smaller than what it knows."""
    torch.manual_seed(4)
    base = build_base(261).eval()
    network = build(hypernet_config(base)).requires_grad_(False).eval()
    assert isinstance(network, AnchoredHypernetwork)
    network.bag_key["down_proj"].normal_()
    network.bag_value.weight.mul_(0.01)
    return DocToLoRA(network, base, byte_tokenizer)


@pytest.fixture(scope="module")
def told(anchored: DocToLoRA) -> list[LoRA]:
    """Of chunks of different lengths, some of one batch."""
    texts = ("Anna keeps nine bees.", "Ben rows.", "Cora lives in a house by the lake and has a boat.")
    return anchored.generate([chunk for text in texts for chunk in anchored.chunks(text)])


def test_rows_of_anchors_are_as_near_as_int8_factors_in_a_fourth_of_the_bytes(
    anchored: DocToLoRA, told: list[LoRA]
) -> None:
    """With one step a row, what the words around say would drown."""
    for made in told:
        data, factors = made.to_bytes("int8"), replace(made, latents=None).to_bytes("int8")
        assert 4 * len(data) < len(factors)
        read, other = anchored.unpack(data), LoRA.from_bytes(factors)
        for side in ("A", "B"):
            exact = getattr(made, side)["down_proj"]
            off, far = ((getattr(one, side)["down_proj"] - exact).norm() for one in (read, other))
            assert off < 1.2 * far < 0.03 * exact.norm()


def test_rows_of_anchors_are_read_the_same_each_time(anchored: DocToLoRA, told: list[LoRA]) -> None:
    """Bit for bit, in whatever storage; other storage keeps the factors themselves."""
    for made in told:
        data = made.to_bytes("int8")
        read = anchored.unpack(data)
        assert (read.rank, read.scaling, read.layers) == (made.rank, made.scaling, made.layers)
        assert equal(anchored.unpack(data), read)
        assert read.to_bytes("float32") == read.to_bytes("int8") == data
        assert equal(LoRA.from_bytes(made.to_bytes("float32")), made)
        anchored.require_own(read)


def test_several_chunks_of_anchors_are_kept_whole(anchored: DocToLoRA, told: list[LoRA]) -> None:
    """Side by side with what was stored as factors, in one merge."""
    joined = anchored.unpack(LoRA.concat(told).to_bytes("int8"))
    apart = LoRA.concat([anchored.unpack(made.to_bytes("int8")) for made in told])
    torch.testing.assert_close(joined.A["down_proj"], apart.A["down_proj"])
    torch.testing.assert_close(joined.B["down_proj"], apart.B["down_proj"])
    older = anchored.unpack(replace(told[0], latents=None).to_bytes("int8"))
    merged = anchored.combine([older, joined])
    assert merged.rank == told[0].rank + joined.rank + BIAS_RANK


def test_a_chunk_without_anchors_is_kept_as_factors(anchored: DocToLoRA) -> None:
    """Its one row says nothing."""
    network = anchored.hypernetwork
    assert isinstance(network, AnchoredHypernetwork)
    bias = network.saliency.bias.clone()
    try:
        network.saliency.bias.fill_(-1e4)
        [silent] = anchored.generate(anchored.chunks("Anna keeps nine bees."))
    finally:
        network.saliency.bias.copy_(bias)
    assert silent.latents is None
    assert not anchored.unpack(silent.to_bytes("int8")).A["down_proj"].any()


def test_an_adapter_of_anchors_leaves_as_a_peft_folder(
    anchored: DocToLoRA, told: list[LoRA], tmp_path: Path
) -> None:
    """With the factors that its latents make."""
    read = anchored.unpack(told[0].to_bytes("int8"))
    read.save_pretrained(tmp_path)
    assert equal(LoRA.from_pretrained(tmp_path), read)


@pytest.mark.parametrize(
    ("parts", "ids", "refusal"),
    [
        ((256, 191), [5], r"width 256 \+ 191 .* expands width 256 \+ 192"),
        (None, [5], "width 448 .* expands"),
        ((256, 192), [261], "tokens up to 261"),
    ],
)
def test_rows_of_other_anchors_are_refused(
    anchored: DocToLoRA, parts: tuple[int, ...] | None, ids: list[int], refusal: str
) -> None:
    kept = Latents.of(torch.randn(1, sum(parts or (448,))), torch.tensor(ids), parts=parts)
    with pytest.raises(ValueError, match=refusal):
        anchored.unpack(latents.pack(kept))


@pytest.mark.parametrize("parts", [[256, 191], [448, 0], [500, -52], [256, 100, 92], ["a"], 3, [1e999]])
def test_parts_that_do_not_make_up_the_rows_are_refused(anchored: DocToLoRA, parts: object) -> None:
    sound = {
        "latents": torch.zeros(1, 448, dtype=torch.int8),
        "step": torch.ones(1, 2, dtype=torch.float16),
        "ids": torch.zeros(1, dtype=torch.int32),
    }
    anchored.unpack(save(sound, {"latents": '{"format": 1, "parts": [256, 192]}'}))
    with pytest.raises(ValueError, match=r"stored latents|not a stored adapter|damaged one"):
        anchored.unpack(save(sound, {"latents": json.dumps({"format": 1, "parts": parts})}))
