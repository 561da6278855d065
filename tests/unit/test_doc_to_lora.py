"""DocToLoRA as a caller sees it, on tiny random models in our own checkpoint layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from hypernet.checkpoints import checkpoint
from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply
from hypernet.networks.config import HypernetConfig
from hypernet.networks.hypernetwork import Hypernetwork
from hypernet.training.reference.alignment import MemoryBatch
from hypernet.training.reference.losses import remembering
from hypernet.training.reference.reference import train_tokenizer, wrap_tokenizer
from hypernet.training.reference.rows import SYSTEM, Batch, Renderer, Row
from tests.tiny_models import HIDDEN, INNER, LAYERS, base_model, products, random_lora

TEXT = "The kettle is red. Its owner, Mara, has 14 cups and 3 plates; none is older than the kettle."
CHUNKS = [[3, 5, 7, 11], [2, 4, 6, 8, 10, 12, 14], [9], [1, 2, 3, 4]]
CONFIG = HypernetConfig(
    target_modules=("down_proj",),
    d_in={"down_proj": INNER},
    d_out={"down_proj": HIDDEN},
    num_layers=LAYERS,
    rank=2,
    hidden_size=HIDDEN,
    scaling=2.0,
    latent_size=16,
    num_latents=4,
    num_blocks=1,
    feature_kind="concat",
    num_pre_head_layers=1,
    num_heads=2,
    num_kv_heads=1,
    head_dim=8,
    max_chunk_tokens=20,
)
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return wrap_tokenizer(train_tokenizer([TEXT] * 30))


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, tokenizer: PreTrainedTokenizerFast) -> Make:
    """Writes a folder with a base model and a hypernetwork for it."""

    def write(
        config: HypernetConfig = CONFIG, seed: int = 0, base_seed: int = 0, dtype: str = "float32"
    ) -> Path:
        folder = tmp_path_factory.mktemp("model")
        base = base_model(seed=base_seed)
        base.resize_token_embeddings(len(tokenizer))
        base.save_pretrained(folder / "base")
        tokenizer.save_pretrained(folder / "base")
        torch.manual_seed(seed)
        hypernetwork = Hypernetwork(config)
        for parameter in hypernetwork.heads.bias_B.values():
            torch.nn.init.normal_(parameter, std=0.1)
        checkpoint.save(hypernetwork, folder, base="base", dtype=dtype)
        return folder

    return write


@pytest.fixture(scope="module")
def model(make: Make) -> DocToLoRA:
    return DocToLoRA.from_pretrained(make(), device="cpu")


def assert_equal(one: LoRA, two: LoRA, bar: float = 1e-5) -> None:
    for side in ("A", "B"):
        for module, expected in getattr(two, side).items():
            assert (getattr(one, side)[module] - expected).abs().max() <= bar * expected.abs().max()


def test_a_text_becomes_one_adapter_of_all_its_chunks_and_the_bias(model: DocToLoRA) -> None:
    """internalize is chunks, generate and combine."""
    chunks = model.chunks(TEXT)
    assert len(chunks) > 1
    lora = model.internalize(TEXT)
    assert lora.rank == (len(chunks) + 1) * CONFIG.rank
    assert_equal(lora, model.combine(model.generate(chunks)))


def test_a_window_holds_what_the_hypernetwork_was_trained_to_read(make: Make, model: DocToLoRA) -> None:
    """Length and system turn come from the checkpoint."""
    assert max(map(len, model.chunks(TEXT))) <= CONFIG.max_chunk_tokens + 3
    assert model.chunks("red") == Renderer(model.tokenizer.backend_tokenizer).contexts(["red"])
    opened = DocToLoRA.from_pretrained(make(replace(CONFIG, context_system_turn=True)), device="cpu")
    assert opened.chunks("red")[0][0] == SYSTEM


@pytest.mark.parametrize("tokens_at_once", [1, 8, 1000])
def test_chunks_come_back_in_order_and_do_not_depend_on_their_company(
    model: DocToLoRA, tokens_at_once: int
) -> None:
    """Each adapter is what its chunk gives alone, however the chunks are batched."""
    batched = DocToLoRA(model.hypernetwork, model.base_model, model.tokenizer, tokens_at_once=tokens_at_once)
    for chunk, lora in zip(CHUNKS, batched.generate(CHUNKS), strict=True):
        assert_equal(lora, model.generate([chunk])[0])


def test_each_adapter_owns_its_memory(model: DocToLoRA) -> None:
    """Keeping one adapter of a batch does not keep the batch."""
    for lora in model.generate(CHUNKS):
        assert lora.A["down_proj"].untyped_storage().nbytes() == lora.A["down_proj"].nbytes


def test_no_chunks_give_no_adapters_and_empty_chunks_are_refused(model: DocToLoRA) -> None:
    """The message says which chunk is empty."""
    assert model.generate([]) == []
    with pytest.raises(ValueError, match="chunk 1 holds no tokens"):
        model.generate([[1], []])
    with pytest.raises(ValueError, match="blank"):
        model.internalize("  ")


def test_a_combination_is_the_exact_sum_with_the_bias_once(model: DocToLoRA) -> None:
    """Weights act linearly; the bias weight acts on both factors."""
    parts, bias = model.generate(CHUNKS[:3]), products(model.bias)
    total = sum(products(p) for p in parts)
    torch.testing.assert_close(products(model.combine(parts)), total + bias)
    weights = [0.5, -1.25, 2.0]
    weighted = sum(w * products(p) for w, p in zip(weights, parts, strict=True))
    torch.testing.assert_close(products(model.combine(parts, weights, 0.5)), weighted + 0.25 * bias)
    assert model.combine(parts, bias_weight=0.0).rank == 4 * CONFIG.rank
    torch.testing.assert_close(products(model.combine(parts, bias_weight=0.0)), total)


def test_combining_nothing_or_with_too_few_weights_is_refused(model: DocToLoRA) -> None:
    """Both counts are quoted."""
    with pytest.raises(ValueError, match="no adapters"):
        model.combine([])
    with pytest.raises(ValueError, match="found 1 for 2"):
        model.combine(model.generate(CHUNKS[:2]), [1.0])


def test_stored_and_foreign_adapters_combine_with_fresh_ones(model: DocToLoRA) -> None:
    """A bfloat16 blob, and an adapter of another scaling and module, join a merge."""
    fresh = model.generate([CHUNKS[0]])[0]
    blob = LoRA.from_bytes(fresh.to_bytes("bfloat16"))
    skill = random_lora(model.base_model, modules=("q_proj",), scaling=0.3)
    merged = model.combine([fresh, blob, skill])
    expected = products(fresh) + products(blob) + products(model.bias)
    torch.testing.assert_close(products(merged), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(products(merged, "q_proj"), products(skill, "q_proj"), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_product_computes_what_the_training_computes(model: DocToLoRA) -> None:
    """Groups of two chunks under the training's context, and the same through generate, combine and apply."""
    base, rows = model.base_model, [Row([5, 6, 7, 8], [1.0] * 4), Row([9, 3, 1, 2], [1.0] * 4)]
    batch = MemoryBatch(CHUNKS, 2, Batch.of(rows), salient=[], spots=[])
    with remembering(base, model.hypernetwork, batch):
        trained = base(batch.rows.ids).logits
    loras = model.generate(CHUNKS)
    with apply(base, [model.combine(loras[:2]), model.combine(loras[2:])]):
        torch.testing.assert_close(base(batch.rows.ids).logits, trained, rtol=1e-4, atol=1e-4)


def test_the_encoder_reads_the_bare_model_while_adapters_are_applied(model: DocToLoRA) -> None:
    """A memory made during an answer is the memory made before it."""
    before = model.generate(CHUNKS)
    with apply(model.base_model, model.combine(before)):
        during = model.generate(CHUNKS)
    assert all(torch.equal(a.A["down_proj"], b.A["down_proj"]) for a, b in zip(before, during, strict=True))


def test_generation_leaves_no_gradients_and_the_base_frozen(model: DocToLoRA) -> None:
    """Adapters are plain data."""
    lora = model.combine(model.generate(CHUNKS[:1]))
    assert not lora.A["down_proj"].requires_grad
    assert not any(p.requires_grad for p in model.base_model.parameters())


def test_fingerprints_tell_models_apart_and_survive_storage(make: Make, model: DocToLoRA) -> None:
    """Same model from another folder or dtype: same prints. Other weights or sizes: others."""
    again = DocToLoRA.from_pretrained(make(), device="cpu", dtype=torch.bfloat16)
    assert again.base_fingerprint == model.base_fingerprint
    assert again.hypernet_fingerprint == model.hypernet_fingerprint
    stored = DocToLoRA.from_pretrained(make(dtype="bfloat16"), device="cpu")
    assert stored.hypernet_fingerprint == model.hypernet_fingerprint
    retrained = DocToLoRA.from_pretrained(make(seed=1, base_seed=1), device="cpu")
    assert retrained.base_fingerprint != model.base_fingerprint
    assert retrained.hypernet_fingerprint != model.hypernet_fingerprint
    rescaled = DocToLoRA.from_pretrained(make(replace(CONFIG, scaling=3.0)), device="cpu")
    assert rescaled.hypernet_fingerprint != model.hypernet_fingerprint


def test_one_changed_weight_changes_the_fingerprint(make: Make, model: DocToLoRA) -> None:
    """Of tensors of this size every element counts."""
    other = DocToLoRA.from_pretrained(make(), device="cpu")
    other.hypernetwork.heads.head[1, 0, 3, 5] += 0.5
    other.base_model.model.layers[1].mlp.down_proj.weight[3, 4] += 0.5
    assert other.hypernet_fingerprint != model.hypernet_fingerprint
    assert other.base_fingerprint != model.base_fingerprint


def test_the_context_encoder_may_be_another_model(make: Make, tmp_path: Path) -> None:
    """Features come from the encoder, adapters fit the base."""
    folder, other = make(), make(base_seed=5)
    torch.manual_seed(0)
    for name, encoder in (("same", None), ("other", str(other / "base"))):
        config = replace(CONFIG, feature_kind="per_layer")
        torch.manual_seed(0)
        checkpoint.save(Hypernetwork(config), tmp_path / name, base=str(folder / "base"), encoder=encoder)
    same, cross = (DocToLoRA.from_pretrained(tmp_path / n, device="cpu") for n in ("same", "other"))
    ours, theirs = (m.generate(CHUNKS)[0].A["down_proj"] for m in (same, cross))
    assert not torch.allclose(ours, theirs)
    direct = DocToLoRA(same.hypernetwork, cross.encoder, same.tokenizer)
    assert_equal(direct.generate(CHUNKS)[0], cross.generate(CHUNKS)[0])


def test_a_half_precision_base_stays_near_its_float32_adapters(make: Make) -> None:
    """Features in bfloat16 go through the Perceiver under autocast; the factors come out in float32."""
    folder = make(replace(CONFIG, feature_kind="per_layer"))
    full, half = (DocToLoRA.from_pretrained(folder, device="cpu", dtype=d) for d in (None, torch.bfloat16))
    for ours, exact in zip(half.generate(CHUNKS), full.generate(CHUNKS), strict=True):
        assert ours.A["down_proj"].dtype == torch.float32
        assert (products(ours) - products(exact)).norm() < 0.1 * products(exact).norm()


def test_a_wrong_base_model_is_refused_with_both_sizes(
    make: Make, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Depth, width of the target and width of the features."""
    deeper = make(replace(CONFIG, num_layers=5))
    with pytest.raises(ValueError, match=r"wrong base model.*expects 5 layers of down_proj.*found 3"):
        DocToLoRA.from_pretrained(deeper, device="cpu")
    wider = make(replace(CONFIG, hidden_size=40))
    with pytest.raises(ValueError, match=r"wrong context encoder.*expects hidden size 40, found 32"):
        DocToLoRA.from_pretrained(wider, base_model=base_model(), tokenizer=tokenizer)


def test_what_is_missing_is_said_in_one_line(make: Make, tmp_path: Path) -> None:
    """An empty folder, and a base model that is nowhere."""
    with pytest.raises(
        FileNotFoundError, match=r"no hypernetwork in .*neither hypernet.json nor pytorch_model.bin"
    ):
        DocToLoRA.from_pretrained(tmp_path)
    with pytest.raises(FileNotFoundError, match="cannot load the model") as caught:
        DocToLoRA.from_pretrained(make(), base_model=tmp_path / "nowhere")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_computes_the_same_adapters(make: Make, model: DocToLoRA) -> None:
    """bfloat16 base and float32 hypernetwork, within half precision of the CPU."""
    on_gpu = DocToLoRA.from_pretrained(make(), device="cuda")
    assert on_gpu.base_model.dtype == torch.bfloat16
    for ours, theirs in zip(on_gpu.generate(CHUNKS), model.generate(CHUNKS), strict=True):
        assert_equal(ours.to("cpu"), theirs, bar=0.1)
    with apply(on_gpu.base_model, on_gpu.combine(model.generate(CHUNKS))):
        assert on_gpu.base_model(torch.tensor([[1, 2]], device="cuda")).logits.isfinite().all()


def test_a_context_encoder_with_too_few_blocks_is_refused(make: Make) -> None:
    """Three layers read two blocks and what comes out of the second."""
    model = DocToLoRA.from_pretrained(make(replace(CONFIG, feature_kind="per_layer")), device="cpu")
    shallow = base_model()
    shallow.model.layers = shallow.model.layers[:1]
    with pytest.raises(ValueError, match=r"wrong context encoder.*reads 2 blocks, found 1"):
        DocToLoRA(model.hypernetwork, model.base_model, model.tokenizer, encoder=shallow)
