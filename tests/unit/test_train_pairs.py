"""The training of the judge of pairs, on a tiny encoder: what it is shown, learns, writes and resumes."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from benchmarks.pairs import sets
from hypernet.pairs import REPLACES, SAME, TOGETHER
from hypernet.training.pairs.examples import Pair, Told, WorldPairs, of_told, pairs_of, read_told
from hypernet.training.pairs.model import load, margins, save
from hypernet.training.pairs.natural import natural
from hypernet.training.pairs.pairs import TOLD, pairs
from hypernet.training.reading.model import load_base
from hypernet.training.reading.model import save as save_reading
from memory.backends.model.embedder import packaged_folder
from memory.backends.model.pairs import PairReader


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained encoder of one block and a reading model on it, with the packaged tokenizer."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, hidden_act="gelu"
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((packaged_folder() / "tokenizer.json").read_bytes())
    (folder / "reading").mkdir()
    save_reading(load_base(folder)[0], folder / "reading" / "model.safetensors")
    return folder


def test_training_goes_on_where_it_stopped_and_ends_in_a_file_that_judges(tmp_path: Path, tiny: Path) -> None:
    """Three steps, then three more: a figure after each, and weights that the judge of the product takes."""
    for steps in (3, 6):
        pairs(tmp_path, data=None, base=tiny, start=tiny / "reading", steps=steps, every=3)
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text("utf-8").splitlines()]
    assert [line["step"] for line in curve] == [3, 6]
    assert set(curve[0]) >= {"loss", "told", "world"}
    found = PairReader(tmp_path, tiny).judge("I live in Porto.", "I live in Lisbon.")
    assert sum(1 / (1 + 2.718281828**-odds) for odds in (found.together, found.replaces, found.same)) == (
        pytest.approx(1, abs=1e-4)
    )


def test_the_judge_in_numpy_is_the_one_that_was_trained(tmp_path: Path, tiny: Path) -> None:
    """Its changes put into the products, and these rounded, cost a hundredth of the log odds."""
    judge, tokenizer = load(tiny, tiny / "reading", rank=4)
    with torch.no_grad():
        for name, weight in judge.learnt().items():
            weight.normal_(std=0.3 if "judged" in name else 0.05)
    some = [Pair("I live in Porto.", "I moved to Lisbon.", REPLACES), Pair("I like tea.", "Tea.", SAME)]
    expected = margins(judge, tokenizer, some)
    save(judge, tmp_path / "model.safetensors")
    reader = PairReader(tmp_path, tiny)
    for pair, odds in zip(some, expected.tolist(), strict=True):
        found = reader.judge(pair.old, pair.new)
        assert [found.together, found.replaces, found.same] == pytest.approx(odds, abs=0.05)


def test_what_goes_with_what_was_replaced_stays() -> None:
    """Of a group both the first statement and its other wording give way, and nothing else does."""
    told = Told("I live in Porto.", ["My flat has a balcony."], ["I moved to Lisbon."], ["Porto is my home."])
    found = {(pair.old, pair.new): pair.kind for pair in pairs_of(told)}
    assert found["Porto is my home.", "I moved to Lisbon."] == REPLACES
    assert found["My flat has a balcony.", "I moved to Lisbon."] == TOGETHER
    assert found["My flat has a balcony.", "I live in Porto."] == TOGETHER
    assert found["Porto is my home.", "I live in Porto."] == SAME


def test_each_kind_of_pair_is_drawn() -> None:
    """By hand and by the generators, each kind often enough to be learnt."""
    by_hand = of_told(read_told(TOLD), random.Random(0))
    world = WorldPairs("train", 0)
    for some in (list(islice(by_hand, 600)), [world.pair() for _ in range(600)]):
        for kind, least in ((TOGETHER, 0.25), (REPLACES, 0.25), (SAME, 0.01)):
            assert sum(pair.kind == kind for pair in some) > least * len(some)


def test_a_tenth_of_the_pairs_by_hand_is_kept_back() -> None:
    """No group is on both sides."""
    trained, kept = (read_told(TOLD, heldout=side) for side in (False, True))
    assert len(trained) + len(kept) == len(read_told(TOLD))
    assert 0.05 < len(kept) / (len(trained) + len(kept)) < 0.15


def test_no_statement_that_is_trained_on_is_measured_with() -> None:
    """Neither of those by hand nor, where the data is there, of one text."""
    measured = {text for one in (*sets.together(), *sets.changed()) for text in (one.old, one.new)}
    shown = {text for told in read_told(TOLD) for pair in pairs_of(told) for text in (pair.old, pair.new)}
    assert not measured & shown


def test_facts_of_one_text_are_of_other_texts_in_training() -> None:
    """Each text is on one side."""
    if not (sets.DATA / "qa").exists():
        pytest.skip("the data is not there")
    squad = sets.DATA
    sides = [set(natural(squad, training=side, each=200)) for side in (True, False)]
    assert all(len(side) > 600 for side in sides)
    assert not sides[0] & sides[1]


def test_without_the_data_there_are_no_facts_of_one_text(tmp_path: Path) -> None:
    """And no error."""
    assert natural(tmp_path, training=True, each=10) == []
    assert sets.of_texts(data=tmp_path) == []


def test_the_sets_are_large_and_their_halves_apart() -> None:
    """Of those that go together 400 by hand, of changes 300, each with a question and two values."""
    assert len(sets.together()) >= 400
    assert len(sets.changed()) >= 300
    for read in (sets.together, sets.changed):
        dev, test = (set(read(half)) for half in sets.HALVES)
        assert not dev & test
        assert dev | test == set(read())
        assert 0.4 < len(test) / len(read()) < 0.6
    for one in sets.changed():
        assert one.ask.endswith("?")
        assert one.right
        assert one.wrong
        assert one.wrong.casefold() not in one.right.casefold()
