"""A cross-encoder that orders recalled texts."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from memory.backends.model.cross_encoder import CrossEncoderReranker
from memory.backends.model.embedder import packaged_folder
from memory.bootstrap import Memory
from memory.errors import ModelUnavailable
from memory.fakes import EchoGenerator, EchoInternalizer

FACTS = ("My dog is called Biscuit.", "I live in Bonn.", "My sister plays chess.", "The boat is blue.")


def write_cross_encoder(folder: Path, labels: int = 1) -> Path:
    """One layer of BERT with random weights that gives so many numbers a pair."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertForSequenceClassification(BertConfig(num_labels=labels, **sizes)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(packaged_folder() / name, folder)
    return folder


class Prefers:
    """A reranker for which one text is the best, and the others are alike."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[str] = []

    def relevance(self, query: str, texts: Sequence[str]) -> list[float]:
        self.asked.append(query)
        return [float(self.text in text) for text in texts]


def told(home: Path, **given: object) -> Memory:
    memory = Memory(home=home, internalizer=EchoInternalizer(), generator=EchoGenerator(), **given)
    for fact in FACTS:
        memory.add(fact, user_id="ana")
    return memory


def test_what_a_reranker_prefers_moves_up(tmp_path: Path) -> None:
    """Beyond what recall's own order gives it; the same texts are there."""
    question = "What is my dog called?"
    with told(tmp_path / "a") as memory:
        before = [one.text for one in memory.recall(question, user_id="ana")]
    reranker = Prefers(before[-1])
    with told(tmp_path / "b", reranker=reranker) as memory:
        after = [one.text for one in memory.recall(question, user_id="ana")]
        best = memory.recall(question, k=2, user_id="ana")
    assert reranker.asked == [question, question]
    assert sorted(after) == sorted(before)
    assert after.index(before[-1]) < len(before) - 1
    assert before[-1] in [one.text for one in best]  # which k alone would have left out


def test_a_folder_is_a_reranker(tmp_path: Path) -> None:
    """By the setting; each text has a number of its own, whatever stands beside it."""
    folder = write_cross_encoder(tmp_path / "model")
    reranker = CrossEncoderReranker(str(folder))
    scores = reranker.relevance("a dog?", FACTS)
    assert len(set(scores)) == len(FACTS)
    assert reranker.relevance("a dog?", FACTS[:1]) == pytest.approx(scores[:1], abs=1e-5)
    assert reranker.relevance("a dog?", []) == []
    with told(tmp_path / "home", reranker=str(folder)) as memory:
        assert {one.text for one in memory.recall("What is my dog called?", user_id="ana")} == set(FACTS)


@pytest.mark.parametrize("where", ["no/such/folder", "https://hub/model"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_refused(where: str, tmp_path: Path) -> None:
    """When the memory opens."""
    with pytest.raises(ModelUnavailable, match="not a hub id"):
        Memory(home=tmp_path, reranker=where)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """An empty one as it opens; one that gives several numbers a text as it is used; a damaged one too."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelUnavailable, match="is no cross-encoder"):
        CrossEncoderReranker(str(tmp_path / "empty"))
    three = CrossEncoderReranker(str(write_cross_encoder(tmp_path / "three", labels=3)))
    with pytest.raises(ModelUnavailable, match="numbers a text"):
        three.relevance("a", ["b", "c"])
    broken = write_cross_encoder(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(ModelUnavailable, match="cannot load the reranker"):
        CrossEncoderReranker(str(broken)).relevance("a", ["b"])
