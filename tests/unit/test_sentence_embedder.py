"""Any sentence-transformers model as embedder: named by what it is, refused where it is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from memory import Memory
from memory.backends.model import sentences
from memory.backends.model.embedder import MiniLMEmbedder, packaged_folder
from memory.backends.model.sentences import SentenceEmbedder
from memory.errors import IncompatibleAdapter, InvalidSettings, ModelUnavailable
from memory.settings import Settings
from tests.conftest import MakeMemory
from tests.sentence_models import SIZE, write_sentence_model

DOG = "My dog is called Biscuit."
ASK = "What is my dog called?"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sentence_model(tmp_path_factory.mktemp("models") / "tiny")


def test_the_packaged_model_gives_the_same_vectors() -> None:
    """Loaded as any other is, from its folder."""
    texts = [DOG, ASK, "word " * 400]
    found = SentenceEmbedder(str(packaged_folder()), device="cpu").embed(texts)
    np.testing.assert_allclose(found, MiniLMEmbedder().embed(texts), atol=1e-4)


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token"])
def test_the_pooling_is_that_of_the_model(tmp_path: Path, pooling: str) -> None:
    """Computed here from the last hidden states: of the first token, or the mean of all."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = write_sentence_model(tmp_path / "tiny", pooling=pooling)
    tokens = AutoTokenizer.from_pretrained(folder)([DOG], return_tensors="pt")
    with torch.inference_mode():
        states = AutoModel.from_pretrained(folder)(**tokens).last_hidden_state[0]
    expected = states[0] if pooling == "cls_token" else states.mean(0)
    [found] = SentenceEmbedder(str(folder), device="cpu").embed([DOG])
    np.testing.assert_allclose(found, (expected / expected.norm()).numpy(), atol=1e-5)


def test_a_text_of_no_known_token_has_a_vector_of_length_one(tmp_path: Path) -> None:
    """A model of word vectors gives zeros for it, which no index can compare."""
    folder = write_sentence_model(tmp_path / "tiny")
    embedder = SentenceEmbedder(str(folder), device="cpu")
    embedder._loaded[0].encode = lambda texts, **_: np.zeros((len(texts), SIZE))
    np.testing.assert_allclose(np.linalg.norm(embedder.embed(["", "x"]), axis=1), 1)


def test_a_folder_is_named_by_what_is_in_it(tiny: Path, tmp_path: Path) -> None:
    """Moved it is the same embedder; with other weights or another pooling it is another."""
    name = SentenceEmbedder(str(tiny)).name
    assert name.startswith("tiny@")
    moved = Path(shutil.copytree(tiny, tmp_path / "moved" / "tiny"))
    (moved / "README.md").write_text("Notes.")
    assert SentenceEmbedder(str(moved)).name == name
    other = write_sentence_model(tmp_path / "other" / "tiny", seed=1)
    pooled = write_sentence_model(tmp_path / "pooled" / "tiny", pooling="cls_token")
    assert len({name, SentenceEmbedder(str(other)).name, SentenceEmbedder(str(pooled)).name}) == 3
    assert SentenceEmbedder("org/model").name == "org/model"


@pytest.mark.parametrize("where", ["/no/such/folder", "./models/x", "a b", "a/b/c"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_refused(where: str) -> None:
    """Before the hub is asked for it."""
    with pytest.raises(ModelUnavailable, match=f"'{where}': no such folder, and not a hub id"):
        SentenceEmbedder(where)


def test_a_folder_without_a_model_is_refused_when_the_memory_opens(tmp_path: Path) -> None:
    """In one line, with the folder's name and what is missing."""
    with pytest.raises(ModelUnavailable, match=r"modules\.json") as refused:
        Memory(home=tmp_path / "home", embedder=str(tmp_path))
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "1_Pooling/config.json", "modules.json"]
)
def test_a_damaged_model_is_one_error(tiny: Path, tmp_path: Path, name: str) -> None:
    """Whichever of its files it is."""
    folder = Path(shutil.copytree(tiny, tmp_path / "damaged"))
    (folder / name).write_text("[")
    with pytest.raises(ModelUnavailable, match=f"cannot load the sentence model '{folder}'") as refused:
        SentenceEmbedder(str(folder)).embed(["x"])
    assert "\n" not in str(refused.value)


def test_a_part_that_cannot_be_imported_is_one_error(tiny: Path, tmp_path: Path) -> None:
    """As of a model that brings code of its own, which is not run."""
    folder = Path(shutil.copytree(tiny, tmp_path / "custom"))
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "custom_code.Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelUnavailable, match="custom_code"):
        SentenceEmbedder(str(folder)).embed(["x"])


def test_a_library_that_is_not_installed_is_named(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setattr(sentences, "find_spec", lambda _: None)
    with pytest.raises(ModelUnavailable, match=r"pip install 'parametric-memory\[embedder\]'"):
        SentenceEmbedder(str(tiny))


def test_a_blank_embedder_is_refused() -> None:
    """As an unset variable that is quoted would be."""
    with pytest.raises(InvalidSettings, match="MEMORY_EMBEDDER"):
        Settings.load(embedder="")


def test_a_home_of_another_embedder_says_what_to_do(make_memory: MakeMemory, tiny: Path) -> None:
    """Reindexed, it finds what was told before, and the way back is the same."""
    packaged = MiniLMEmbedder().name
    make_memory(embedder=packaged).add(DOG, user_id="ana")
    changed = make_memory(embedder=str(tiny))
    with pytest.raises(IncompatibleAdapter, match=f"embedded by '{packaged}', .*run `memory reindex`"):
        changed.ask(ASK, user_id="ana")
    assert changed.reindex() == 1
    [record] = changed.list(user_id="ana").records
    assert (record.embedder, record.dim) == (SentenceEmbedder(str(tiny)).name, SIZE)
    assert changed.ask(ASK, user_id="ana").text == DOG
    back = make_memory(embedder=packaged)
    with pytest.raises(IncompatibleAdapter, match=r"embedded by 'tiny@.*run `memory reindex`"):
        back.search(ASK, user_id="ana")
    assert back.reindex() == 1
    assert back.ask(ASK, user_id="ana").text == DOG


def test_a_verb_that_compares_nothing_loads_no_model(make_memory: MakeMemory, tiny: Path) -> None:
    """Listing, status and history are answered from rows; a search loads it."""
    [record] = make_memory(embedder=str(tiny)).add(DOG, user_id="ana")
    embedder = SentenceEmbedder(str(tiny))
    looked = make_memory(embedder=embedder)
    assert looked.list(user_id="ana").records == (record,)
    assert looked.get(record.id, user_id="ana") == record
    assert looked.status().stats.memories == 1
    assert [event.event for event in looked.history(record.id, user_id="ana")] == ["ADD"]
    assert "_model_and_dim" not in vars(embedder)
    assert len(looked.search(ASK, user_id="ana")) == 1
    assert "_model_and_dim" in vars(embedder)
