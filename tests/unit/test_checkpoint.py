"""Hypernetwork checkpoints in our own layout: what is saved comes back, what is damaged is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from hypernet.checkpoints import checkpoint, locate
from hypernet.networks.config import HypernetConfig
from hypernet.networks.hypernetwork import Hypernetwork

CONFIG = HypernetConfig(
    target_modules=("down_proj",),
    d_in={"down_proj": 48},
    d_out={"down_proj": 32},
    num_layers=3,
    rank=2,
    hidden_size=32,
    scaling=1.0,
    latent_size=12,
    num_latents=4,
    num_blocks=1,
    feature_kind="concat",
    num_pre_head_layers=1,
    num_heads=2,
    num_kv_heads=1,
    head_dim=8,
)


@pytest.fixture
def hypernetwork() -> Hypernetwork:
    torch.manual_seed(0)
    return Hypernetwork(CONFIG)


def test_a_saved_hypernetwork_comes_back(tmp_path: Path, hypernetwork: Hypernetwork) -> None:
    """Sizes, weights, bit by bit, and the names of its models."""
    checkpoint.save(hypernetwork, tmp_path, base="google/gemma-2-2b-it", encoder="some/encoder")
    found = checkpoint.load(tmp_path)
    assert found.hypernetwork.config == CONFIG
    assert (found.base_model, found.encoder_model) == ("google/gemma-2-2b-it", "some/encoder")
    weights = found.hypernetwork.state_dict()
    assert all(torch.equal(t, weights[name]) for name, t in hypernetwork.state_dict().items())
    assert not any(p.requires_grad for p in found.hypernetwork.parameters())


@pytest.mark.parametrize(("dtype", "step"), [("bfloat16", 2**-8), ("float16", 2**-11)])
def test_half_precision_storage_halves_the_file(
    tmp_path: Path, hypernetwork: Hypernetwork, dtype: str, step: float
) -> None:
    """Stored small, loaded as float32, within the storage's rounding."""
    checkpoint.save(hypernetwork, tmp_path / "full", base="base")
    checkpoint.save(hypernetwork, tmp_path / "half", base="base", dtype=dtype)
    full, half = (next((tmp_path / f).glob("*.safetensors")).stat().st_size for f in ("full", "half"))
    assert half < 0.6 * full
    weights = checkpoint.load(tmp_path / "half").hypernetwork.state_dict()
    for name, before in hypernetwork.state_dict().items():
        assert weights[name].dtype == torch.float32
        assert ((before - weights[name]).abs() <= step * before.abs() + 1e-7).all()


def test_large_hypernetworks_are_sharded_and_old_shards_removed(
    tmp_path: Path, hypernetwork: Hypernetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file above the limit, unless a single tensor is; saving again leaves no stale file."""
    monkeypatch.setattr(checkpoint, "SHARD_BYTES", 20_000)
    checkpoint.save(hypernetwork, tmp_path, base="base")
    shards = sorted(tmp_path.glob("*.safetensors"))
    assert len(shards) > 2
    assert all(len(load_file(s)) == 1 or s.stat().st_size < 24_000 for s in shards)
    assert torch.equal(checkpoint.load(tmp_path).hypernetwork.heads.head, hypernetwork.heads.head)
    monkeypatch.setattr(checkpoint, "SHARD_BYTES", 10_000_000)
    checkpoint.save(hypernetwork, tmp_path, base="base")
    names = ["hypernet-00001-of-00001.safetensors", "hypernet.json"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_the_base_model_is_found_beside_or_above_the_checkpoint(
    tmp_path: Path, hypernetwork: Hypernetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative name is a folder near the checkpoint when there is one, and a hub id otherwise."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "one"
    checkpoint.save(hypernetwork, folder, base="bases/tiny")
    assert checkpoint.load(folder).base_model == "bases/tiny"
    for place in (tmp_path, folder):
        (place / "bases" / "tiny").mkdir(parents=True)
        (place / "bases" / "tiny" / "config.json").write_text("{}")
        assert checkpoint.load(folder).base_model == str(place / "bases" / "tiny")


def _edit(folder: Path, **changes: object) -> None:
    path = folder / "hypernet.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _weights(folder: Path) -> Path:
    return next(folder.glob("*.safetensors"))


def _change(folder: Path, name: str, tensor: torch.Tensor | None) -> None:
    tensors = load_file(_weights(folder))
    tensors.pop(name)
    save_file(tensors if tensor is None else {**tensors, name: tensor}, _weights(folder))


NORM = "perceiver.encoder.norm.weight"
DAMAGE = {
    "no json": (lambda f: (f / "hypernet.json").write_text("{"), r"hypernet.json is damaged"),
    "json of another kind": (lambda f: (f / "hypernet.json").write_text("[]"), r"format 1, found list"),
    "newer format": (lambda f: _edit(f, format=9), r"expected a hypernetwork of format 1, found 9"),
    "unknown size": (lambda f: _edit(f, config={**CONFIG.to_dict(), "colour": 1}), r"colour"),
    "missing size": (lambda f: _edit(f, config={"rank": 1}), r"target_modules"),
    "impossible size": (
        lambda f: _edit(f, config={**CONFIG.to_dict(), "rank": 0}),
        r"rank must be at least 1",
    ),
    "missing file": (lambda f: _weights(f).unlink(), r"00001-of-00001.safetensors is missing"),
    "half a file": (
        lambda f: _weights(f).write_bytes(_weights(f).read_bytes()[:999]),
        r"safetensors is damaged",
    ),
    "missing tensor": (lambda f: _change(f, NORM, None), r"norm.weight: expected \(12,\), found none"),
    "wrong shape": (lambda f: _change(f, NORM, torch.ones(7)), r"expected \(12,\), found \(7,\)"),
    "NaN": (lambda f: _change(f, NORM, torch.full((12,), torch.nan)), r"finite numbers, found NaN"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_checkpoints_are_refused_by_name(
    tmp_path: Path, hypernetwork: Hypernetwork, kind: str
) -> None:
    """One line says what was expected and what was found."""
    damage, message = DAMAGE[kind]
    checkpoint.save(hypernetwork, tmp_path, base="base")
    damage(tmp_path)
    with pytest.raises(ValueError, match=message) as caught:
        checkpoint.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_weight_file_outside_the_folder_is_not_read(tmp_path: Path, hypernetwork: Hypernetwork) -> None:
    """Names in the json cannot point elsewhere."""
    checkpoint.save(hypernetwork, tmp_path / "a", base="base")
    checkpoint.save(hypernetwork, tmp_path / "b", base="base")
    name = _weights(tmp_path / "b").name
    _weights(tmp_path / "a").unlink()
    _edit(tmp_path / "a", weights=[f"../b/{name}"])
    with pytest.raises(ValueError, match="is missing"):
        checkpoint.load(tmp_path / "a")


def test_what_is_no_checkpoint_is_not_found(tmp_path: Path, hypernetwork: Hypernetwork) -> None:
    """An empty folder and a path that is nothing, each in one line; an unknown dtype by name."""
    with pytest.raises(FileNotFoundError, match=r"no hypernet.json"):
        checkpoint.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="expected a file, a folder or a hub id"):
        locate.checkpoint_path(tmp_path / "missing")
    with pytest.raises(ValueError, match="int3"):
        checkpoint.save(hypernetwork, tmp_path, base="base", dtype="int3")
