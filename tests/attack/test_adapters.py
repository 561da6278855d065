"""Adapters made to harm: whoever imports one, the rows of others keep their numbers, bit for bit."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora import checks
from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply
from hypernet.lora.packing import pack
from memory import Memory
from memory.backends.model.local import LocalModel
from memory.fakes import WordEmbedder
from tests.tiny_models import base_model, random_lora

MakeMemory = Callable[..., Memory]
SIZE = int(os.environ.get("ATTACK_SIZE", "1"))  # `make attack` tries a larger one
IDS = torch.tensor([[3, 5, 7, 11], [2, 4, 6, 8], [9, 8, 7, 6]])
MODEL = base_model()
HOSTILE_SCALINGS = [1e-42, 1e-30, 1e-5, 1.0, 7.0, 1e19, 1e30, 1e38, -1e38]
HOSTILE_VALUES = [0.0, 1e-42, 1e4, 1e30, 3e38, float("nan"), float("inf"), -float("inf")]


@torch.no_grad()
def logits(model: PreTrainedModel, rows: list[LoRA | None], tokens: int = 4) -> torch.Tensor:
    with apply(model, rows):
        out: torch.Tensor = model(IDS[:, :tokens]).logits
    return out


def unchecked(lora: LoRA, scaling: float) -> LoRA:
    """The adapter with a scaling that the constructor may refuse."""
    made = object.__new__(LoRA)
    for name, value in (("A", lora.A), ("B", lora.B), ("scaling", scaling), ("layers", lora.layers)):
        object.__setattr__(made, name, value)
    return made


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    scalings=st.lists(st.sampled_from(HOSTILE_SCALINGS), min_size=3, max_size=3),
    value=st.sampled_from(HOSTILE_VALUES),
    place=st.integers(0, 2),
    own=st.sampled_from([0.3, 1.0, 1.5, 4.0]),
)
def test_an_honest_row_is_bit_for_bit_what_it_is_alone(
    scalings: list[float], value: float, place: int, own: float
) -> None:
    """Whatever scalings and numbers the other rows of the batch have, first, between or last."""
    honest = random_lora(MODEL, seed=1, scaling=own)
    hostile = random_lora(MODEL, seed=2)
    hostile = LoRA({m: torch.full_like(a, value) for m, a in hostile.A.items()}, hostile.B, 1.5)
    others = [unchecked(hostile, scaling) for scaling in scalings]
    rows: list[LoRA | None] = [honest if i == place else others[i] for i in range(3)]
    alone: list[LoRA | None] = [honest if i == place else honest.scaled(0.0) for i in range(3)]
    assert torch.equal(logits(MODEL, rows)[place], logits(MODEL, alone)[place])


@st.composite
def hostile_rows(draw: st.DrawFn) -> LoRA | None:
    """An adapter of finite, extreme numbers, of any rank, on one module or two; or none."""
    if draw(st.integers(0, 5)) == 0:
        return None
    modules = draw(st.sampled_from([("down_proj",), ("q_proj",), ("down_proj", "q_proj")]))
    lora = random_lora(MODEL, rank=draw(st.sampled_from([1, 3, 4, 16, 17, 70])), seed=2, modules=modules)
    sizes = st.sampled_from([1e-45, 1e-30, 1.0, 3e4, 1e19, 1e30, 3e38])
    a_size, b_size = draw(sizes), draw(sizes)
    a = {m: (f.sign() * a_size if draw(st.booleans()) else f) for m, f in lora.A.items()}
    b = {m: (f.sign() * b_size if draw(st.booleans()) else f) for m, f in lora.B.items()}
    dtype = draw(st.sampled_from([torch.float32, torch.float16, torch.bfloat16]))
    return unchecked(LoRA(a, b, 1.0).to(dtype=dtype), draw(st.sampled_from(HOSTILE_SCALINGS)))


@settings(max_examples=40 * SIZE, deadline=None, derandomize=SIZE == 1)
@given(
    others=st.lists(hostile_rows(), min_size=1, max_size=2),
    ranks=st.tuples(st.integers(1, 40), st.none() | st.integers(1, 40)),
    place=st.integers(0, 2),
    tokens=st.sampled_from([1, 2, 4]),
)
def test_honest_rows_beside_hostile_ones_are_bit_for_bit_what_they_are_alone(
    others: list[LoRA | None], ranks: tuple[int, int | None], place: int, tokens: int
) -> None:
    """Huge, tiny, of other ranks, dtypes and modules, or no adapter at all: an honest row is the same.

    Alone means in a batch of as many rows and tokens, whose other rows have no adapter.
    """
    honest = [random_lora(MODEL, rank=ranks[0], seed=5)]
    if len(others) == 1 and ranks[1] is not None:
        honest.append(random_lora(MODEL, rank=ranks[1], seed=6, scaling=0.7))
    mixed: list[LoRA | None] = [*others, *honest, *[None] * (3 - len(others) - len(honest))]
    mixed = mixed[place:] + mixed[:place]
    batch = logits(MODEL, mixed, tokens)
    for i, row in enumerate(mixed):
        if any(row is one for one in honest):
            alone = [one if at == i else None for at, one in enumerate(mixed)]
            assert torch.equal(batch[i], logits(MODEL, alone, tokens)[i])


@pytest.mark.parametrize("tokens", [1, 2, 7, 64])
def test_the_rank_of_another_row_changes_no_bit_at_the_sizes_of_real_models(tokens: int) -> None:
    """Of layers 576 wide, as matrix libraries choose other ways to compute for other sizes."""
    torch.manual_seed(0)
    block = torch.nn.Module()
    block.down_proj = torch.nn.Linear(1536, 576)
    layers = torch.nn.Module()
    layers.layers = torch.nn.ModuleList([block])

    def lora(rank: int) -> LoRA:
        return LoRA(
            {"down_proj": torch.randn(1, rank, 1536)}, {"down_proj": torch.randn(1, rank, 576)}, rank**-0.5
        )

    x = torch.randn(3, tokens, 1536)
    for rank in (1, 2, 3, 5, 8, 12, 17, 40):
        own = lora(rank)
        with torch.no_grad(), apply(layers, [None, own, None]):
            alone = block.down_proj(x)[1]
        for other in (1, 7, 16, 33, 64, 250):
            with torch.no_grad(), apply(layers, [lora(other), own, lora(other)]):
                assert torch.equal(block.down_proj(x)[1], alone), (rank, other)


@pytest.mark.parametrize("scaling", [0.0, 1e-42, 1e38, float("nan"), float("inf")])
def test_a_scaling_that_is_no_number_to_compute_with_makes_no_adapter(scaling: float) -> None:
    """Neither in memory nor read from bytes."""
    lora = random_lora(base_model())
    with pytest.raises(ValueError, match="scaling"):
        LoRA(lora.A, lora.B, scaling)
    with pytest.raises(ValueError, match="scaling"):
        LoRA.from_bytes(pack(unchecked(lora, scaling)))


def hostile_adapters(d2l: DocToLoRA, text: str) -> dict[str, LoRA]:
    """Adapters that a file can hold, and that the hypernetwork cannot have made."""
    [lora] = d2l.generate([d2l.chunks(text)[0]])
    [module] = lora.modules
    a, b = lora.A[module], lora.B[module]

    def with_(a: torch.Tensor, b: torch.Tensor, name: str = module, scaling: float = lora.scaling) -> LoRA:
        return unchecked(LoRA({name: a}, {name: b}, 1.0), scaling)

    poisoned = a.clone()
    poisoned[0, 0, 0] = float("nan")
    return {
        "tiny scaling": with_(a, b, scaling=1e-42),
        "huge scaling": with_(a, b, scaling=1e38),
        "no scaling": with_(a, b, scaling=float("nan")),
        "endless scaling": with_(a, b, scaling=float("inf")),
        "another scaling": with_(a, b, scaling=lora.scaling * 2),
        "one NaN": with_(poisoned, b),
        "infinite": with_(a, torch.full_like(b, float("inf"))),
        "huge": with_(a * 1e30, b),
        "rank": with_(a.repeat(1, 4096, 1), b.repeat(1, 4096, 1)),
        "layers": with_(a[:1], b[:1]),
        "width": with_(a[:, :, :-1], b),
        "module": with_(a, b, name="q_proj"),
    }


@pytest.mark.parametrize("kind", ["one NaN", "tiny scaling", "rank", "width", "module", "huge"])
def test_a_hypernetwork_knows_its_own(tiny_d2l: DocToLoRA, kind: str) -> None:
    """Its own pass, also after they were stored; those of others do not."""
    [own] = tiny_d2l.generate([tiny_d2l.chunks("My dog is called Biscuit.")[0]])
    for storage in (None, "bfloat16", "int8"):
        tiny_d2l.require_own(tiny_d2l.unpack(own.to_bytes(storage)))
    with pytest.raises(ValueError, match=r"adapter|expected|factor"):
        tiny_d2l.require_own(hostile_adapters(tiny_d2l, "My dog is called Biscuit.")[kind])


def test_the_largest_factor_is_a_number_in_every_dtype() -> None:
    """So what passes the check can be computed with in half precision too."""
    assert torch.isfinite(torch.tensor(checks.LARGEST, dtype=torch.float16))


def swapped(archive: Path, data: bytes) -> None:
    """The archive with another adapter in place of each, hashes and all."""
    with zipfile.ZipFile(archive) as old:
        files = {name: old.read(name) for name in old.namelist() if not name.startswith("adapters/")}
    digest = hashlib.sha256(data).hexdigest()
    lines = [json.loads(line) for line in files["memories.jsonl"].splitlines()]
    for line in lines:
        line["adapter"] |= {"digest": digest, "nbytes": len(data)}
    files["memories.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    manifest = json.loads(files.pop("manifest.json"))
    files[f"adapters/{digest}.safetensors"] = data
    manifest["files"] = {name: [hashlib.sha256(d).hexdigest(), len(d)] for name, d in files.items()}
    with zipfile.ZipFile(archive, "w") as new:
        for name, content in (files | {"manifest.json": json.dumps(manifest).encode()}).items():
            new.writestr(name, content)


def test_hostile_adapters_are_made_again_from_their_text(
    tiny_d2l: DocToLoRA, make_memory: MakeMemory, tmp_path: Path
) -> None:
    """On import none is taken over; one that got into the store is made again where it is loaded."""
    model = LocalModel(lambda: tiny_d2l, passage_tokens=30)
    parts = {"embedder": WordEmbedder(), "internalizer": model, "generator": model}
    text = "My dog is called Biscuit."
    whole = make_memory(home=tmp_path / "whole", **parts)
    whole.add(text, user_id="ana")
    honest = whole.adapter(whole.list(user_id="ana").records[0].id)
    for n, (kind, lora) in enumerate(hostile_adapters(tiny_d2l, text).items()):
        path = tmp_path / f"{n}.zip"
        whole.export(path, user_id="ana")
        swapped(path, pack(lora))
        other = make_memory(home=tmp_path / f"other{n}", **parts)
        report = other.import_(path)
        assert (report.taken, report.made) == (0, 1), kind
        [record] = other.list(user_id="ana").records
        assert torch.equal(other.adapter(record.id).A["down_proj"], honest.A["down_proj"]), kind


def test_a_hostile_adapter_in_the_store_is_never_applied(
    tiny_d2l: DocToLoRA, make_memory: MakeMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its blob, right by its hash, is found not to be the model's, and the text makes another."""
    model = LocalModel(lambda: tiny_d2l, passage_tokens=30)
    memory = make_memory(embedder=WordEmbedder(), internalizer=model, generator=model)
    hostile = hostile_adapters(tiny_d2l, "My dog is called Biscuit.")["tiny scaling"]
    with monkeypatch.context() as patched:
        patched.setattr(model, "generate", lambda passages: [hostile for _ in passages])
        [record] = memory.add("My dog is called Biscuit.", user_id="ana")
    assert memory.adapter(record.id).scaling == tiny_d2l.config.scaling
    assert memory.get(record.id).adapter.digest != record.adapter.digest
