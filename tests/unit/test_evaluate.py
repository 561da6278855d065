"""Figures are counted, bounded, drawn and put on the card as they are; nothing evaluated is trained on."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from hypernet import DocToLoRA, reference_path
from hypernet.evaluation.conditions import CONDITIONS, Bench
from hypernet.evaluation.corpora import articles, conversations, needles
from hypernet.evaluation.drawing import markdown, plot, refusals, shown
from hypernet.evaluation.evaluate import evaluate
from hypernet.evaluation.retrieval import nearest, packaged_embedder
from hypernet.evaluation.scoring import Figure, score, token_f1, wilson
from hypernet.evaluation.trials import SYNTHETIC, Case, Trial, facts
from hypernet.networks.hypernetwork import build
from hypernet.training.reference.export import TARGETS, plot_curve, write_card
from hypernet.training.reference.reference import build_base, hypernet_config
from hypernet.world.dialogues import read_dialogues
from hypernet.world.facts import FactWorld
from tests.numerics.golden import data

TURNS = [["user", "A table at Bird Dog, please."], ["assistant", "When?"], ["user", "At 11:30 am."]]
FACT = {"service": "R_1", "slot": "time", "about": "Time for the table", "value": "11:30 am", "turns": [2]}


def test_the_interval_holds_the_share_and_narrows_with_questions() -> None:
    """Wilson's interval: inside 0 and 1 also at the ends, against known values."""
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    low, high = wilson(200, 200)
    assert low > 0.98
    assert high == pytest.approx(1.0)
    assert wilson(80, 100)[0] > wilson(8, 10)[0]
    assert all(wilson(0, n)[0] >= 0 and wilson(n, n)[1] <= 1 for n in range(1, 400))


def test_nearly_right_is_not_right_but_counts_in_f1() -> None:
    """Exact match wants the whole answer; F1 gives half of it its share."""
    figure = score("x", "adapter", [("Anna Smith", "Anna Smith"), ("Anna", "Anna Smith"), ("no", "yes")])
    assert figure.exact == pytest.approx(1 / 3)
    assert figure.f1 == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert figure.f1_low < figure.f1 < figure.f1_high
    assert token_f1("it is 12", "12 it is") == 1.0


def test_chance_is_known_only_where_all_values_are_of_one_kind() -> None:
    """Four values of one kind: a guess among them is right once in four."""
    assert facts("x", 2, 2, same_kind=True).chance == 0.25
    assert facts("x", 2, 2).chance is None


def test_a_case_is_drawn_alike_every_time_and_asks_what_was_told() -> None:
    """Every told answer stands in its chunks; what was never told is asked for as often."""
    case = facts("x", 2, 2)
    assert case.draw(5) == case.draw(5)
    told, untold = [t for t in case.draw(5) if t.told], [t for t in case.draw(5) if not t.told]
    assert all(any(t.answer in chunk for chunk in t.chunks) for t in told)
    assert len(told) == len(untold) == 5


def test_needles_stand_where_the_case_says(tmp_path: Path) -> None:
    """The first, the middle and the last of the chunks; the rest is prose."""
    path = tmp_path / "prose.txt"
    path.write_text(" ".join(f"word{i}" for i in range(64 * 320 + 10)))
    cases = {case.name: case for case in needles(path)}
    for name, place in (("needle at 0%", 0), ("needle at 50%", 32), ("needle at 100%", 63)):
        (trial,) = cases[name].draw(1)
        where = [i for i, chunk in enumerate(trial.chunks) if trial.answer in chunk]
        assert where == [place], name
    assert len(cases["needle in 64 windows"].draw(1)[0].chunks) == 256


def test_conversations_and_articles_become_trials(tmp_path: Path) -> None:
    """A slot of the whole conversation, an answer of the whole paragraph."""
    dialogues, squad = tmp_path / "d.jsonl.gz", tmp_path / "q.json"
    with gzip.open(dialogues, "wt") as file:
        file.write(json.dumps({"turns": TURNS, "facts": [FACT]}) + "\n")
    (trial,) = conversations(dialogues).draw(3)
    assert trial.answer == "11:30 am"
    assert "At 11:30 am." in trial.chunks[0]
    qa = {"question": "Who?", "answers": [{"text": "Ada"}]}
    squad.write_text(json.dumps({"data": [{"paragraphs": [{"context": "Ada did.", "qas": [qa]}]}]}))
    assert articles(squad).draw(3) == (Trial(("Ada did.",), "Who?", "Ada"),)


def test_retrieval_finds_the_chunk_that_speaks_of_it() -> None:
    """By meaning, in the order of the text."""
    chunks = ["The bus was late.", "My dog is called Biscuit.", "I like tea."]
    assert nearest(packaged_embedder(), "What is the name of my puppy?", chunks, 1) == [1]


def test_retrieval_finds_a_sentence_amid_others() -> None:
    """A chunk is as near as its nearest sentence, whatever else it is about."""
    ships = "The cruiser was laid down in 1908. Her armour was thick. Two turrets stood on the bridge."
    trees = "The forest grows on chalk. Beech and oak are frequent. Rain is rare."
    buried = f"{ships} Her captain hated fog. My dog is called Biscuit. The engines came late. {ships}"
    chunks = [ships, trees, buried, "I like cats, and so does my puppy."]
    embed, question = packaged_embedder(), "What is the name of my puppy?"
    assert nearest(embed, question, chunks, 2) == [2, 3]
    assert nearest(embed, question, [], 2) == []


def test_of_equally_near_chunks_retrieval_takes_those_with_the_words_of_the_question() -> None:
    """An embedder that has never seen a name is near to nothing that is said of it."""
    chunks = ["He likes tea.", "In the harbour Plofekrin waits.", "She likes coffee."]

    def blind(texts: Sequence[str]) -> Tensor:
        return torch.ones(len(texts), 1)

    assert nearest(blind, "Who is Plofekrin?", chunks, 1) == [1]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(DocToLoRA.from_pretrained(reference_path(), device="cpu"), packaged_embedder(), retrieved=2)


def test_every_condition_is_asked_of_the_same_questions(bench: Bench) -> None:
    """One figure a condition, and one for what was never told; the window bounds full context."""
    long = Case("long", lambda count: [Trial(("word " * 2000,), "What?", "word")] * count)
    figures = evaluate(bench, [facts("1 fact", 2, 1), long], questions=3)
    conditions = [f.condition for f in figures if f.case == "1 fact"]
    assert conditions == list(CONDITIONS)
    assert "full context" not in [f.condition for f in figures if f.case == "long"]
    assert [f.case for f in figures][-1] == "never told, all"


def test_a_memory_answers_and_another_one_does_not(bench: Bench) -> None:
    """The packaged model: most single facts come back from their own adapter, none from another's."""
    own, other = evaluate(
        bench, [facts("1 fact", 1, 1)], questions=24, conditions=("adapter", "wrong adapter")
    )[:2]
    assert own.exact > 0.7
    assert other.exact < 0.1


def test_figures_are_drawn(tmp_path: Path) -> None:
    """A panel an axis; without the refusals case by case in the table."""
    figures = [
        Figure(case.name, c, 10, 0.5, 0.4, 0.6, chance=case.chance, axis=case.axis, at=case.at)
        for case in SYNTHETIC
        for c in CONDITIONS
    ]
    plot(figures, tmp_path / "recall.png")
    assert (tmp_path / "recall.png").stat().st_size > 10_000
    hidden = Figure("never told, beside 1 fact", "adapter", 10, 0.5, 0.4, 0.6)
    assert shown([*figures, hidden]) == figures
    assert markdown(figures).count("\n") == len(SYNTHETIC) + 2


def test_the_card_says_what_was_missed(tmp_path: Path) -> None:
    """A figure under its aim is called missed, and by how much; the table shows every case."""
    figures = [
        Figure(case, "adapter", 50, least - 0.1, 0.0, 1.0, axis="a", at=1) for case, least, _ in TARGETS
    ]
    curve = tmp_path / "curve.jsonl"
    lines = [{"stage": s, "step": 5, "minutes": 1.0, "1x1": 0.5} for s in ("base", "memory")]
    curve.write_text("\n".join(map(json.dumps, lines)))
    torch.manual_seed(0)
    base = build_base(300)
    write_card(tmp_path, base, build(hypernet_config(base)), [curve], figures, "By hand.")
    card = (tmp_path / "README.md").read_text()
    assert card.count("missed by 10.0 points") == len(TARGETS)
    assert "By hand." in card
    assert markdown(figures) in card
    assert (tmp_path / "curve.png").stat().st_size > 1000
    assert json.loads((tmp_path / "figures.json").read_text()) == [asdict(f) for f in figures]


def test_the_curve_leaves_out_a_stage_of_one_point(tmp_path: Path) -> None:
    """A panel a stage, where each was judged more than once."""
    point = {"minutes": 1.0, "1x1": 0.5}
    memory = [{"stage": "memory", "step": s, **point} for s in (1, 2)]
    sizes = []
    for base in (1, 2):
        lines = [{"stage": "base", "step": s, **point} for s in range(base)] + memory
        (tmp_path / "curve.jsonl").write_text("\n".join(map(json.dumps, lines)))
        plot_curve(tmp_path / "curve.jsonl", tmp_path / "curve.png")
        with Image.open(tmp_path / "curve.png") as drawn:
            sizes.append(drawn.width)
    assert sizes[1] == 2 * sizes[0]


def test_the_card_of_an_average_counts_all_its_runs(tmp_path: Path) -> None:
    """Two runs of a step and a minute each: their mean, and two minutes."""
    curve = tmp_path / "curve.jsonl"
    curve.write_text(json.dumps({"stage": "memory", "step": 7, "minutes": 1.0, "1x1": 0.5}))
    torch.manual_seed(0)
    base = build_base(300)
    figures = [Figure("1 fact", "adapter", 50, 0.9, 0.8, 1.0, axis="a", at=1)]
    write_card(tmp_path, base, build(hypernet_config(base)), [curve, curve], figures, "")
    card = (tmp_path / "README.md").read_text()
    assert "The mean of the weights of 2 runs, each of 7 steps of memory; 2 minutes" in card


def test_nothing_evaluated_is_trained_on() -> None:
    """By hash: no text, and no question with its answer, of the held-out world comes up in training."""
    evaluated = set(_hashes(t for case in SYNTHETIC[:6] for t in case.draw(60)))
    world = FactWorld("train", 1)
    groups = [world.group(1, n, same_kind=same) for n in (1, 3) for same in (False, True) for _ in range(400)]
    trained = _hashes(
        Trial(tuple(c.text for c in g.contexts), qa.question, qa.answer)
        for g in groups
        for c in g.contexts
        for qa in c.qa
    )
    assert not evaluated & set(trained)


def test_no_conversation_or_prose_evaluated_is_trained_on() -> None:
    """By hash: no window of a development conversation is one of training, and no paragraph of test prose.

    Windows of a few turns may be alike by chance ("Thanks." "Goodbye."), so only those of 40 words count.
    """
    folder = data()
    told = [
        {_hash(c.text) for c in read_dialogues(folder / "sgd" / f"{split}.jsonl.gz") if _long(c.text)}
        for split in ("dev", "train")
    ]
    assert all(told)
    assert not told[0] & told[1]
    prose = [
        {
            _hash(line)
            for line in (folder / "wikitext2" / f"{split}.txt").read_text().splitlines()
            if _long(line)
        }
        for split in ("test", "valid")
    ]
    assert all(prose)
    assert not prose[0] & prose[1]


def _long(text: str) -> bool:
    return len(text.split()) >= 40


def _hash(text: str) -> str:
    return hashlib.sha256(text.casefold().encode()).hexdigest()


def _hashes(trials: Iterator[Trial]) -> Iterator[str]:
    for trial in trials:
        for text in (*trial.chunks, *((f"{trial.question} {trial.answer}",) if trial.told else ())):
            yield _hash(text)


def test_refusals_are_shown_case_by_case() -> None:
    """A row a case, a column a condition that was asked; told cases stay out."""
    figures = [
        score("never told, beside 1 fact", condition, [("I don't know.", "I don't know."), ("x", right)])
        for condition, right in (("adapter", "I don't know."), ("selected adapters", "x"))
    ]
    lines = refusals([*figures, score("1 fact", "adapter", [("a", "a")])]).splitlines()
    assert lines[0] == "| never told, beside | adapter | selected adapters |"
    assert lines[2] == "| 1 fact | 50.0 (9-91) | 100.0 (34-100) |"
    assert len(lines) == 3


def test_the_packaged_weights_give_the_figures_of_their_card() -> None:
    """The first case, asked anew as `python -m hypernet.evaluation` does; rounding may move one answer."""
    known = json.loads((reference_path() / "figures.json").read_text(encoding="utf-8"))
    exact = {(figure["case"], figure["condition"]): figure["exact"] for figure in known}
    bench = Bench(DocToLoRA.from_pretrained(reference_path(), device="cpu"), packaged_embedder())
    found = evaluate(bench, SYNTHETIC[:1], conditions=["selected adapters"])[
        :-1
    ]  # the last sums up all cases
    assert [figure.case for figure in found] == ["1 fact", "never told, beside 1 fact"]
    for figure in found:
        assert figure.exact == pytest.approx(exact[figure.case, figure.condition], abs=1.5 / figure.questions)
