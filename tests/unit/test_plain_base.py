"""The packaged base without transformers: the same numbers and tokens as with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from hypernet.backbones import bases
from hypernet.backbones.conversion import base_fingerprint
from hypernet.backbones.encoder import encode
from hypernet.backbones.plain_llama import LlamaSizes, PlainLlama
from hypernet.backbones.plain_tokenizer import PlainTokenizer
from hypernet.checkpoints import catalog
from hypernet.doc_to_lora import load_checkpoint
from hypernet.lora.inject import apply
from tests.tiny_models import random_lora

BASE = catalog.reference_path() / "base"
CHAT = [
    {"role": "system", "content": "  Be <|end|> brief. "},
    {"role": "user", "content": "Where does Ana-María live?\n Tür 4821, naïve 🙂"},
]


@pytest.fixture(scope="module")
def plain() -> PlainLlama:
    return PlainLlama.from_pretrained(BASE)


@pytest.fixture(scope="module")
def reference() -> Any:
    return bases.load_model(BASE, "cpu", torch.float32)


def padded() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, mask and positions of two rows, the first of which is padded on the left."""
    ids = torch.randint(5, 2048, (2, 12), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[0, :5] = 0
    return ids, mask, (mask.cumsum(-1) - 1).clamp(min=0)


@torch.no_grad()
def test_the_logits_are_those_of_transformers(plain: PlainLlama, reference: Any) -> None:
    """To 1e-5 at each token that is none of padding, with an adapter on one row and without."""
    ids, mask, positions = padded()
    given = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
    lora = random_lora(reference, modules=("down_proj",), scaling=0.3)
    for rows in ([None, None], [lora, None]):
        with apply(plain, rows), apply(reference, rows):
            found, expected = plain(**given).logits, reference(**given).logits
        torch.testing.assert_close(found[mask.bool()], expected[mask.bool()], atol=1e-5, rtol=0)
    assert plain(**given, logits_to_keep=1).logits.shape == (2, 1, 2048)


@torch.no_grad()
def test_tokens_written_one_by_one_are_those_of_transformers(plain: PlainLlama, reference: Any) -> None:
    """A padded batch with its keys and values kept, of which one row leaves on the way."""
    written = []
    for model, cache in ((plain, plain.new_cache()), (reference, DynamicCache(config=reference.config))):
        ids, mask, positions = padded()
        tokens = []
        for step in range(12):
            logits = model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
            ).logits[:, -1]
            ids = logits.argmax(-1, keepdim=True)
            tokens.append(ids.flatten().tolist())
            positions = mask.sum(-1, keepdim=True)
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            if step == 5:
                kept = torch.tensor([1])
                cache.batch_select_indices(kept)
                ids, mask, positions = ids[kept], mask[kept], positions[kept]
        written.append(tokens)
    assert written[0] == written[1]


@torch.no_grad()
def test_the_hypernetwork_reads_the_same_states(plain: PlainLlama, reference: Any) -> None:
    """Of texts padded on the right."""
    ids, _, _ = padded()
    config = load_checkpoint(catalog.reference_path()).hypernetwork.config
    found, expected = (encode(model.get_decoder(), config, ids) for model in (plain, reference))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert base_fingerprint(plain) == base_fingerprint(reference)


def test_the_tokens_are_those_of_transformers() -> None:
    """Of texts, alone and together, of templated chats, and back."""
    plain, reference = PlainTokenizer.from_pretrained(BASE), bases.load_tokenizer(BASE)
    texts = [CHAT[1]["content"], "", " two  spaces ", "<|user|>"]
    assert plain(texts)["input_ids"] == reference(texts)["input_ids"]
    assert plain(texts[0])["input_ids"] == reference(texts[0])["input_ids"]
    for prompt in (True, False):
        given = {"add_generation_prompt": prompt, "return_dict": False}
        ids = plain.apply_chat_template(CHAT, **given)
        assert ids == list(reference.apply_chat_template(CHAT, **given))
        for special in (True, False):
            assert plain.decode(ids, skip_special_tokens=special) == reference.decode(
                ids, skip_special_tokens=special
            )
        as_text = {**given, "tokenize": False}
        assert plain.apply_chat_template(CHAT, **as_text) == reference.apply_chat_template(CHAT, **as_text)
    assert (plain.pad_token_id, plain.eos_token_id) == (reference.pad_token_id, reference.eos_token_id)


@pytest.mark.parametrize(
    "other",
    [
        {"model_type": "gemma2"},
        {"hidden_act": "gelu"},
        {"attention_bias": True},
        {"tie_word_embeddings": False},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}},
    ],
)
def test_another_architecture_is_refused(other: dict[str, Any]) -> None:
    """Nothing is computed that the checkpoint does not mean."""
    config = json.loads((BASE / "config.json").read_text("utf-8"))
    with pytest.raises(ValueError, match="not a plain Llama"):
        LlamaSizes.of(config | other)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    """Cut in the middle."""
    folder = Path(shutil.copytree(BASE, tmp_path / "base"))
    (folder / name).write_bytes((BASE / name).read_bytes()[:-40])
    with pytest.raises(ValueError, match=name):
        _ = PlainLlama.from_pretrained(folder), PlainTokenizer.from_pretrained(folder)


def test_asking_and_telling_import_no_transformers(tmp_path: Path) -> None:
    """Nor torch's compiler: each costs more than the answer."""
    code = (
        "import sys; from memory import Memory\n"
        "with Memory() as memory:\n"
        "    memory.add('My sister Ana lives in Porto.', user_id='ben')\n"
        "    assert 'Porto' in memory.ask('Where does my sister live?', user_id='ben').text\n"
        "print(sorted({'transformers', 'sympy', 'torch._dynamo'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=_environment(tmp_path), check=True
    )
    assert ran.stdout.strip() == "[]"


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "MEMORY_HOME": str(home), "MEMORY_DEVICE": "cpu"}
