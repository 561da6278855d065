"""Foreign checkpoints are data: whatever is pickled in them, nothing of it runs."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from hypernet.checkpoints import published, unpickle
from tests.published_files import Sizes, foreign_classes, tensors, write

SIZES = Sizes()


class Call:
    """Pickles as a call of ``function(*arguments)`` at load time."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def attacks(marker: Path) -> dict[str, Any]:
    command = f"touch {marker}"
    code = f"open({str(marker)!r}, 'w').close()"
    return {
        "os.system": Call(os.system, command),
        "builtins.eval": Call(eval, code),
        "builtins.exec": Call(exec, code),
        "builtins.getattr": Call(getattr, Call(__import__, "os"), "system"),
        "nested": OrderedDict(deep=[({"deeper": (1, Call(os.system, command))},)]),
        "torch.load": Call(torch.load, str(marker)),
    }


@pytest.mark.parametrize("kind", attacks(Path()))
def test_malicious_pickles_are_refused_and_nothing_runs(tmp_path: Path, kind: str) -> None:
    """As an entry of the checkpoint, and hidden in a field of a configuration that is allowed."""
    marker = tmp_path / "ran"
    payload = attacks(marker)[kind]
    with foreign_classes() as make:
        hidden = make("CtxEncoderArguments", ctx_encoder_type=payload)
        torch.save(OrderedDict(tensors(SIZES), ctx_encoder_args=hidden), tmp_path / "hidden.bin")
    plain = write(tmp_path / "plain.bin", SIZES, tensors(SIZES), extra=payload)
    for path in (plain, tmp_path / "hidden.bin"):
        with pytest.raises(ValueError, match=r"is refused: it would import|cannot be read"):
            published.load(path)
    assert not marker.exists()


def test_a_plain_pickle_is_no_checkpoint_and_does_not_run(tmp_path: Path) -> None:
    """Neither a bare pickle nor torch's old format is opened at all."""
    marker, bare, old = tmp_path / "ran", tmp_path / "bare.bin", tmp_path / "old.bin"
    payload = {"x": attacks(marker)["os.system"]}
    bare.write_bytes(pickle.dumps(payload))
    torch.save(payload, old, _use_new_zipfile_serialization=False)
    for path in (bare, old):
        with pytest.raises(ValueError, match="no torch checkpoint"):
            unpickle.read(path)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["ctx_to_lora.os.system", "peft.LoraConfigs", "ctx_to_loras.HypernetConfig"])
def test_names_that_only_look_familiar_are_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Package and class must both be known."""
    path = write(tmp_path / "x.bin", SIZES, tensors(SIZES))
    monkeypatch.setattr(torch.serialization, "get_unsafe_globals_in_checkpoint", lambda _: [name])
    with pytest.raises(ValueError, match=f"it would import {name}"):
        unpickle.read(path)


def test_a_known_class_cannot_be_called_with_arguments(tmp_path: Path) -> None:
    """Stand-ins take fields and nothing else."""
    with foreign_classes() as make:
        cls = type(make("HypernetConfig"))
        torch.save({"hypernet_config": Call(cls, "argument")}, tmp_path / "x.bin")
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        unpickle.read(tmp_path / "x.bin")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """A hundred megabytes of zeros in a hundred kilobytes."""
    bomb = tmp_path / "bomb.bin"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}.")
        archive.writestr("x/data/0", bytes(100_000_000))
    with pytest.raises(ValueError, match="unpack to more than the file"):
        unpickle.read(bomb)


def test_tensors_that_claim_more_than_the_file_holds_are_refused(tmp_path: Path) -> None:
    """One stored number, viewed as ten million million."""
    path = tmp_path / "x.bin"
    torch.save({"weight": torch.zeros(1).expand(10**7, 10**6)}, path)
    with pytest.raises(ValueError, match="claim 40000000000000 bytes"):
        unpickle.read(path)


def test_weights_that_blocks_share_lie_once_and_are_read(tmp_path: Path) -> None:
    """One storage under many names is no claim to more than the file holds."""
    weights, sizes = tensors(SIZES), Sizes()
    first = "aggregator.perceiver.encoder.layers.0.mlp"
    for name in list(weights):
        if name.startswith("aggregator.perceiver.encoder.layers.1.mlp"):
            weights[name] = weights[first + name.removeprefix("aggregator.perceiver.encoder.layers.1.mlp")]
    path = write(tmp_path / "x.bin", sizes, weights)
    assert path.stat().st_size < write(tmp_path / "y.bin", sizes, tensors(SIZES)).stat().st_size
    network = published.load(path).hypernetwork.state_dict()
    one, two = (network[f"perceiver.encoder.blocks.{i}.mlp.up_proj.weight"] for i in (0, 1))
    assert torch.equal(one, two)


@pytest.mark.parametrize("tensor", [torch.zeros(2, dtype=torch.int64), torch.zeros(2, device="meta")])
def test_tensors_of_other_kinds_are_refused(tmp_path: Path, tensor: torch.Tensor) -> None:
    """Weights are dense floating-point numbers."""
    torch.save({"weight": tensor}, tmp_path / "x.bin")
    with pytest.raises(ValueError, match="expected dense floating-point tensors"):
        unpickle.read(tmp_path / "x.bin")


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    """A download that stopped half way."""
    path = write(tmp_path / "x.bin", SIZES, tensors(SIZES))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="damaged or no torch checkpoint"):
        published.load(path)


def _without(name: str) -> dict[str, torch.Tensor]:
    return {n: t for n, t in tensors(SIZES).items() if n != name}


@pytest.mark.parametrize(
    ("weights", "sizes", "changes", "message"),
    [
        (_without("head.weight"), SIZES, {}, r"tensor heads.head: expected \(3, 1, 12, 80\), found none"),
        (tensors(SIZES), Sizes(rank=3), {}, r"tensor .*: expected .*3.*, found .*2"),
        ({**tensors(SIZES), "odd": torch.zeros(1)}, SIZES, {}, r"tensor odd: expected none, found \(1,\)"),
        ({**tensors(SIZES), "head.weight": torch.full((3, 12, 80), torch.nan)}, SIZES, {}, "found NaN"),
        (tensors(SIZES), Sizes(kind="embed_only"), {}, "found embed_only"),
        (tensors(SIZES), Sizes(blocks=10**9), {}, "expected at most .* found .*1000000000"),
        (tensors(SIZES), SIZES, {"hypernet_config": {}}, "missing 'lora_config'"),
        (tensors(SIZES), SIZES, {"ctx_encoder_args": None}, "not a Doc-to-LoRA checkpoint"),
    ],
)
def test_checkpoints_that_do_not_add_up_are_refused(
    tmp_path: Path, weights: dict[str, torch.Tensor], sizes: Sizes, changes: dict[str, Any], message: str
) -> None:
    """One line says what was expected and what was found."""
    path = write(tmp_path / "x.bin", sizes, weights, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        published.load(path)
    assert "\n" not in str(caught.value)


def test_a_run_folder_gives_its_last_checkpoint(tmp_path: Path) -> None:
    """checkpoint-20 comes after checkpoint-3."""
    for step in (3, 20):
        (tmp_path / f"checkpoint-{step}").mkdir()
        write(tmp_path / f"checkpoint-{step}" / published.FILE, SIZES, tensors(SIZES))
    assert published.find(tmp_path) == tmp_path / "checkpoint-20" / published.FILE
    assert published.find(tmp_path / "checkpoint-3") == tmp_path / "checkpoint-3" / published.FILE
    assert published.find(tmp_path / "checkpoint-4") is None


def test_older_files_lack_fields_that_have_defaults(tmp_path: Path) -> None:
    """Four pre-head layers and a bias, when nothing is said."""
    sizes = Sizes(pre_heads=4)
    path = write(tmp_path / "x.bin", sizes, tensors(sizes))
    content = unpickle.read(path)["hypernet_config"]
    del content["num_pre_head_layers"]
    with foreign_classes() as make:
        lora = make("LoraConfig", **content.pop("lora_config"))
        aggregator = make("AggregatorConfig", **content.pop("aggregator_config"))
        config = make("HypernetConfig", lora_config=lora, aggregator_config=aggregator, **content)
        write(path, sizes, tensors(sizes), hypernet_config=config)
    assert published.load(path).hypernetwork.config.num_pre_head_layers == 4


def test_dicts_that_hold_each_other_many_times_over_are_refused(tmp_path: Path) -> None:
    """A few hundred bytes that say two to the power of thirty values; or one that holds itself."""
    shared: dict[str, Any] = {"a": 1}
    for _ in range(30):
        shared = {"a": shared, "b": shared}
    itself: dict[str, Any] = {}
    itself["itself"] = itself
    for number, content in enumerate((shared, itself)):
        path = tmp_path / f"{number}.bin"
        torch.save({"config": content}, path)
        with pytest.raises(ValueError, match="too often"):
            unpickle.read(path)
