"""The training of the reading model, on a tiny encoder: what it reads, learns, writes and resumes."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

import pytest
import typer
from transformers import BertConfig, BertModel

from hypernet.training.reading.examples import Example, of_groups, of_rivals, of_texts, read_asked, sayings
from hypernet.training.reading.model import encode, load_base, said
from hypernet.training.reading.reading import EVERYDAY, reading
from hypernet.training.reading.rivals import Rivals
from memory.backends.model.embedder import packaged_folder
from memory.backends.model.reading import SpanReader


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained encoder of one block, with the packaged tokenizer."""
    folder = tmp_path_factory.mktemp("tiny")
    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, hidden_act="gelu"
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((packaged_folder() / "tokenizer.json").read_bytes())
    return folder


def test_training_goes_on_where_it_stopped_and_ends_in_a_file_that_reads(tmp_path: Path, tiny: Path) -> None:
    """Three steps, then three more: a figure after each, and weights that the reader of the product takes."""
    for steps in (3, 6):
        reading(tmp_path, base=tiny, data=None, dialogues=None, steps=steps, every=3, judged=4, threads=1)
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text("utf-8").splitlines()]
    assert [line["step"] for line in curve] == [3, 6]
    assert set(curve[0]) >= {"loss", "everyday", "world", "sayings", "rivals"}
    found = SpanReader(tmp_path, tiny).find("Where do I live?", ["I live in Porto."])
    assert found is not None
    assert 0 <= found.start < found.end <= len("I live in Porto.")


def test_a_file_without_its_share_is_named(tmp_path: Path, tiny: Path) -> None:
    """Before anything is trained."""
    with pytest.raises(typer.BadParameter, match="FILE=SHARE"):
        reading(tmp_path, base=tiny, data=["qamr.jsonl.gz"], dialogues=None, steps=1)


def test_all_that_is_written_for_it_can_be_marked() -> None:
    """Each answer of the package's own texts is whole tokens of one of them, and fits the model's window."""
    _, tokenizer = load_base(packaged_folder())
    for one in read_asked(EVERYDAY):
        for question, answer in one.answered:
            example = Example(question, one.texts, answer)
            encoded = encode(example, tokenizer)
            assert encoded is not None, (question, answer, one.texts)
            assert said(example, encoded, encoded.spans[0]) == answer


def test_a_tenth_of_a_file_is_kept_back() -> None:
    """No text is on both sides."""
    trained, kept = (read_asked(EVERYDAY, heldout=side) for side in (False, True))
    assert len(trained) + len(kept) == len(read_asked(EVERYDAY))
    assert 0.05 < len(kept) / (len(trained) + len(kept)) < 0.15


def test_examples_have_their_answers_and_some_have_none() -> None:
    """What is to be marked stands in the texts; of each source some questions have no answer there."""
    sources = {
        "everyday": of_texts(read_asked(EVERYDAY), random.Random(0)),
        "sayings": of_groups(sayings("train", 0), random.Random(0)),
        "rivals": of_rivals(Rivals("train", 0)),
    }
    for name, made in sources.items():
        some = list(islice(made, 300))
        assert all(any(one.answer in text for text in one.texts) for one in some), name
        assert 0.1 < sum(not one.answer for one in some) / len(some) < 0.7, name


def test_of_two_values_the_newer_answers() -> None:
    """Where a set of rivals tells one value and then another of the same, the last message has the answer."""
    made = Rivals("train", 1)
    changed = [one for one in (made.example() for _ in range(600)) if " or " in one.question and one.answer]
    assert changed
    for one in changed:
        assert any(one.answer in text for text in one.texts[1:])
