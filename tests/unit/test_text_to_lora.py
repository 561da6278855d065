"""Text-to-LoRA from published folders with random weights, against a slow computation from the same."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import layer_norm, silu

from hypernet.backbones.bases import require_targets
from hypernet.text_to_lora import TextToLoRA
from tests.tiny_models import base_model
from tests.unit.test_unpickle import attacks

LAYERS, RANK, TASK, ENCODED, PLACE, HEAD = 3, 2, 10, 6, 4, 9
D_IN, D_OUT = {"q_proj": 8, "v_proj": 8}, {"q_proj": 8, "v_proj": 4}
WIDTH = ENCODED + 2 * PLACE
VECTOR = [0.3, -1.0, 2.0, 0.1, 0.0, 1.5, -0.7, 0.2, 0.9, -0.4]


def weights(
    modules: tuple[str, ...] = ("v_proj", "q_proj"), *, shared: bool, bias: bool
) -> OrderedDict[str, Tensor]:
    """Random tensors under the published names; heads in the order of ``modules``."""
    draw = torch.Generator().manual_seed(1)
    out: OrderedDict[str, Tensor] = OrderedDict()

    def add(name: str, *shape: int) -> None:
        out[name] = torch.randn(*shape, generator=draw) * 0.5

    def linear(name: str, rows: int, columns: int) -> None:
        add(f"{name}.weight", rows, columns)
        add(f"{name}.bias", rows)

    def norm(name: str, width: int) -> None:
        add(f"{name}.weight", width)
        add(f"{name}.bias", width)

    for table in ("AB_offset", "mean_recon_target", "std_recon_target"):
        for m in sorted(modules):
            add(f"{table}.A.{m}", LAYERS, RANK, D_IN[m])
            add(f"{table}.B.{m}", LAYERS, D_OUT[m], RANK)
    linear("task_encoder.mlp.0", ENCODED, TASK)
    norm("task_encoder.mlp.1", ENCODED)
    for name, places in (("layer_depth_encoder", LAYERS), ("layer_type_encoder", len(modules))):
        add(f"{name}.0.weight", places, PLACE)
        norm(f"{name}.1", PLACE)
    linear("mixer.1", 4 * WIDTH, WIDTH)
    linear("mixer.4", WIDTH, 4 * WIDTH)
    for name, outputs in (("mlp1.mlp", WIDTH), ("mlp2.mlp", WIDTH), ("mlp3", HEAD)):
        norm(f"{name}.0", WIDTH)
        linear(f"{name}.1", 4 * WIDTH, WIDTH)
        linear(f"{name}.4", outputs, 4 * WIDTH)
    for m in modules:
        if shared:
            add(f"out_emb.{m}.A", WIDTH)
            add(f"out_emb.{m}.B", WIDTH)
        add(f"heads.{m}.weight", RANK * (max(D_IN[m], D_OUT[m]) if shared else D_IN[m] + D_OUT[m]), HEAD)
        if bias:
            add(f"heads.{m}.bias", out[f"heads.{m}.weight"].size(0))
    if shared:
        norm("out_emb_norm", WIDTH)
    return out


def write(
    folder: Path, tensors: OrderedDict[str, Tensor], adapter: dict[str, Any] | None = None, **args: Any
) -> Path:
    torch.save(tensors, folder / "hypermod.pt")
    settings = {"model_dir": "tiny/base", "emb_model": "tiny/gte", "encoder_type": "linear", **args}
    (folder / "args.yaml").write_text(json.dumps(settings))  # JSON is YAML
    (folder / "adapter_config.json").write_text(json.dumps(adapter or {"lora_alpha": 16, "r": RANK}))
    return folder


def slow(
    w: dict[str, Tensor], order: tuple[str, ...], module: str, layer: int, *, shared: bool
) -> tuple[Tensor, Tensor]:
    """Raw A [R, d_in] and B [d_out, R] of one module and layer."""

    def lin(name: str, x: Tensor) -> Tensor:
        return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", torch.zeros(()))

    def ln(name: str, x: Tensor) -> Tensor:
        return layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"])

    def res(name: str, x: Tensor) -> Tensor:
        return x + silu(lin(f"{name}.4", silu(lin(f"{name}.1", ln(f"{name}.0", x)))))

    def head(x: Tensor) -> Tensor:
        x = res("mlp2.mlp", x)
        return lin(f"heads.{module}", silu(lin("mlp3.4", silu(lin("mlp3.1", ln("mlp3.0", x))))))

    task = torch.tensor(VECTOR)
    task = task / task.norm() * TASK**0.5
    parts = (
        ln("task_encoder.mlp.1", lin("task_encoder.mlp.0", task)),
        ln("layer_depth_encoder.1", w["layer_depth_encoder.0.weight"][layer]),
        ln("layer_type_encoder.1", w["layer_type_encoder.0.weight"][order.index(module)]),
    )
    x = silu(lin("mixer.4", silu(lin("mixer.1", torch.cat(parts)))))
    x = res("mlp1.mlp", x)
    d_in, d_out = D_IN[module], D_OUT[module]
    if shared:
        a, b = (head(x + ln("out_emb_norm", w[f"out_emb.{module}.{s}"])).view(RANK, -1) for s in "AB")
        return a[:, :d_in], b[:, :d_out].T
    flat = head(x)
    return flat[: RANK * d_in].view(RANK, d_in), flat[RANK * d_in :].view(RANK, d_out).T


@pytest.mark.parametrize("order", [("v_proj", "q_proj"), ("q_proj", "v_proj")])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("kind", ["sft", "recon", "recon, z-scores"])
def test_factors_are_those_of_the_slow_computation(
    tmp_path: Path, order: tuple[str, ...], shared: bool, kind: str
) -> None:
    """Fine-tuned networks add an offset; reconstructing ones undo their normalisation."""
    tensors = weights(order, shared=shared, bias=kind != "recon, z-scores")
    task, z_scores = kind.partition(",")[0], kind.endswith("z-scores")
    write(tmp_path, tensors, shared_AB_head=shared, training_task=task, pred_z_score=z_scores)
    lora = TextToLoRA.from_pretrained(tmp_path, device="cpu").generate_from_embedding(VECTOR)
    for module in order:
        for layer in range(LAYERS):
            for side, raw in zip("AB", slow(tensors, order, module, layer, shared=shared), strict=True):
                offset, mean, spread = (
                    tensors[f"{t}.{side}.{module}"][layer]
                    for t in ("AB_offset", "mean_recon_target", "std_recon_target")
                )
                expected = raw * (spread + 1e-10) + mean if z_scores else raw + offset * (task == "sft")
                found = getattr(lora, side)[module][layer]
                torch.testing.assert_close(found if side == "A" else found.T, expected, rtol=1e-4, atol=1e-5)


def test_scaling_is_read_from_the_adapter_configuration(tmp_path: Path) -> None:
    """alpha / r, or alpha / sqrt(r) when rank-stabilised."""
    tensors = weights(shared=False, bias=True)
    plain = TextToLoRA.from_pretrained(write(tmp_path, tensors), device="cpu")
    assert plain.config.scaling == 8.0
    adapter = {"lora_alpha": 16, "r": RANK, "use_rslora": True}
    stable = TextToLoRA.from_pretrained(write(tmp_path, tensors, adapter), device="cpu")
    assert stable.config.scaling == pytest.approx(16 / RANK**0.5)


def test_embeddings_of_any_length_count_by_direction(tmp_path: Path) -> None:
    """A normed and an unnormed embedding give the same adapter; another size is refused."""
    model = TextToLoRA.from_pretrained(write(tmp_path, weights(shared=False, bias=True)), device="cpu")
    one, two = model.generate_from_embedding(VECTOR), model.generate_from_embedding([7 * v for v in VECTOR])
    torch.testing.assert_close(one.A["q_proj"], two.A["q_proj"])
    with pytest.raises(ValueError, match="size 10, found 3"):
        model.generate_from_embedding([1.0, 2.0, 3.0])


def test_our_own_layout_keeps_the_network(tmp_path: Path) -> None:
    """Module order, which the file of tensors alone would lose, included."""
    model = TextToLoRA.from_pretrained(
        write(tmp_path, weights(shared=True, bias=True), shared_AB_head=True), device="cpu"
    )
    model.descriptions = ("Shout.", "Be brief.")
    model.save(tmp_path / "own")
    again = TextToLoRA.from_pretrained(tmp_path / "own", device="cpu")
    assert again.config == model.config
    assert again.hypernet_fingerprint == model.hypernet_fingerprint
    assert (again.base_model, again.embedder) == ("tiny/base", "tiny/gte")
    assert again.descriptions == model.descriptions


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder_type": "vq"}, "expected encoder_type=linear, found vq"),
        ({"autoreg_gen": True}, "expected autoreg_gen=False, found True"),
        ({"use_one_hot_task_emb": True}, "use_one_hot_task_emb"),
    ],
)
def test_networks_of_other_kinds_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    """What was expected and what was found."""
    write(tmp_path, weights(shared=False, bias=True), **settings)
    with pytest.raises(ValueError, match=message):
        TextToLoRA.from_pretrained(tmp_path)


def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    """A missing file, a damaged one, a missing tensor, a NaN, and an empty folder."""
    with pytest.raises(FileNotFoundError, match=r"neither task_hypernet.json nor hypermod.pt"):
        TextToLoRA.from_pretrained(tmp_path)
    tensors = weights(shared=False, bias=True)
    lacking = OrderedDict((n, t) for n, t in tensors.items() if n != "mixer.1.bias")
    poisoned = OrderedDict(tensors, **{"mixer.1.bias": torch.full((4 * WIDTH,), torch.nan)})
    headless = OrderedDict((n, t) for n, t in tensors.items() if not n.startswith("heads."))
    for damaged, message in (
        (lacking, r"mixer.0.bias: expected \(56,\), found none"),
        (poisoned, "found NaN"),
        (headless, "not a Text-to-LoRA checkpoint"),
    ):
        with pytest.raises(ValueError, match=message):
            TextToLoRA.from_pretrained(write(tmp_path, damaged))
    (tmp_path / "args.yaml").write_text("{")
    with pytest.raises(ValueError, match=r"args.yaml is damaged"):
        TextToLoRA.from_pretrained(tmp_path)
    (tmp_path / "args.yaml").unlink()
    with pytest.raises(ValueError, match=r"args.yaml is missing"):
        TextToLoRA.from_pretrained(tmp_path)


@pytest.mark.parametrize("payload", ["os.system", "builtins.eval"])
def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path: Path, payload: str) -> None:
    """In place of a tensor of hypermod.pt."""
    marker = tmp_path / "ran"
    tensors: Any = weights(shared=False, bias=True)
    tensors["mixer.1.bias"] = attacks(marker)[payload]
    with pytest.raises(ValueError, match="is refused: it would import"):
        TextToLoRA.from_pretrained(write(tmp_path, tensors))
    assert not marker.exists()


def test_a_network_for_another_base_is_refused_with_both_sizes(tmp_path: Path) -> None:
    """Number of layers, and the widths of what it adapts."""
    network = TextToLoRA.from_pretrained(write(tmp_path, weights(shared=False, bias=True)), device="cpu")
    with pytest.raises(
        ValueError, match=r"wrong base model .* expects 3 layers of v_proj 8 -> 4, found 3 of"
    ):
        require_targets(network.config, base_model())


def test_a_damaged_own_folder_is_refused(tmp_path: Path) -> None:
    """Half a weight file, and a format of tomorrow."""
    model = TextToLoRA.from_pretrained(write(tmp_path, weights(shared=False, bias=True)), device="cpu")
    own = tmp_path / "own"
    model.save(own)
    path = own / "task_hypernet.safetensors"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match="is damaged"):
        TextToLoRA.from_pretrained(own)
    (own / "task_hypernet.json").write_text('{"format": 7}')
    with pytest.raises(ValueError, match="expected format 1, found 7"):
        TextToLoRA.from_pretrained(own)


def test_descriptions_need_an_embedder_that_can_be_loaded(tmp_path: Path) -> None:
    """A checkpoint without one, one with a template of its own, one that is nowhere, and blank text."""
    tensors = weights(shared=False, bias=True)
    for name, error, message in (
        (None, ValueError, "names no sentence model"),
        ("Salesforce/SFR-Embedding-Mistral", ValueError, "its own template"),
        (str(tmp_path / "nowhere"), FileNotFoundError, "cannot load the sentence model"),
    ):
        model = TextToLoRA.from_pretrained(write(tmp_path, tensors, emb_model=name), device="cpu")
        with pytest.raises(error, match=message):
            model.generate("Answer tersely")
        with pytest.raises(ValueError, match="blank description"):
            model.generate("  ")
