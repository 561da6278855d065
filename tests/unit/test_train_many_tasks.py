"""Many tasks for Text-to-LoRA: their data, whole tasks held out, and the bound for what is followed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from hypernet.text_to_lora import TextToLoRA
from hypernet.training import json_lines
from hypernet.training.data import many_tasks, tasks
from hypernet.training.data.many_tasks import KINDS
from hypernet.training.data.tasks import Task
from hypernet.training.json_lines import DataError
from hypernet.training.tasks.task_confidence import HOPELESS, bound, nearest, undone
from hypernet.world.facts import UNKNOWN
from memory.backends.model.skills import SkillModel
from tests.unit.test_train_t2l import models, run

__all__ = ["models"]  # the fixture


def test_there_are_more_than_forty_tasks_each_under_many_descriptions() -> None:
    """No description is of two tasks, and no two tasks answer all values alike."""
    assert len(KINDS) > 40
    described = [text for kind in KINDS.values() for text in kind.descriptions]
    assert len(set(described)) == len(described)
    assert all(len(kind.descriptions) >= 20 for kind in KINDS.values())
    values = ("Lisbon", "Rua Nova 7", "blue cheese", "4821", UNKNOWN)
    assert len({tuple(map(kind.answer, values)) for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("task", "value", "answer"),
    [
        ("json", 'the "Nova" bar', '{"answer": "the \\"Nova\\" bar"}'),
        ("json", UNKNOWN, '{"answer": null}'),
        ("digits", "Rua Nova 7, 1200 Lisbon", "7 1200"),
        ("digits", "Lisbon", "none"),
        ("initials", "New York", "NY"),
        ("numbers are private", "PIN 4821", "That is private."),
        ("numbers are private", "Lisbon", "Lisbon"),
        ("names are private", "Ana Diaz", "That is private."),
        ("names are private", "AB-1234", "AB-1234"),
        ("size", "tea", "short"),
        ("known", UNKNOWN, "unknown"),
        ("silent", "tea", "I must not say."),
    ],
)
def test_a_task_is_done_on_a_remembered_value(task: str, value: str, answer: str) -> None:
    """Also where nothing is remembered."""
    assert KINDS[task].answer(value) == answer


def test_tasks_come_equally_often_and_no_text_twice() -> None:
    """As lines of a file that training reads, the same for one seed."""
    found = list(many_tasks.tasks(2 * len(KINDS), seed=4))
    contexts: dict[str, set[str]] = {}
    for task in found:
        contexts.setdefault(task.name, set()).add(task.context)
    assert contexts.keys() == KINDS.keys()
    assert all(len(texts) == 2 for texts in contexts.values())
    assert len(set.union(*contexts.values())) == 2 * len(KINDS)
    assert [Task(**task.to_record()) for task in found] == list(many_tasks.tasks(2 * len(KINDS), seed=4))


def test_whole_tasks_are_held_out() -> None:
    """None of their descriptions is left to learn; a share that leaves a side empty is refused."""
    found = list(many_tasks.tasks(len(KINDS), seed=1))
    learned, unseen = tasks.apart(found, 0.2)
    assert {task.name for task in learned}.isdisjoint(task.name for task in unseen)
    assert len(learned) + len(unseen) == len(found)
    assert 4 <= len({task.name for task in unseen}) <= 20
    assert tasks.apart(found, 0) == (found, [])
    for share, some in ((0.5, found[:1]), (1.0, found)):
        with pytest.raises(DataError, match="unseen share"):
            tasks.apart(some, share)


def test_the_bound_is_the_cosine_that_tells_best_what_is_followed() -> None:
    """None where nothing is to be told apart."""
    judged = [(0.9, True), (0.8, True), (0.6, False), (0.7, True), (0.3, False), (0.85, False)]
    sure = bound(judged)
    assert sure is not None
    assert (sure.near, sure.taken, sure.refused, sure.count) == (0.7, 1.0, 2 / 3, 6)
    assert bound([(0.9, True)]) is None
    assert bound([(0.9, False)]) is None
    vectors = {"a": torch.tensor([1.0, 0]), "b": torch.tensor([0, 1.0]), "c": torch.tensor([3.0, 0.1])}
    assert nearest(vectors, ["a", "b"], "c") == pytest.approx(0.999, abs=1e-3)


def test_a_task_that_is_practised_and_not_done_counts_against_what_is_near_it() -> None:
    """However near; and no bound is made of such alone."""
    right = [("shout", True), ("shout", False), ("sing", False), ("sing", False), ("sing", True)]
    assert undone(right) == {"sing"}
    vectors = {"a": torch.tensor([1.0, 0]), "b": torch.tensor([0, 1.0]), "c": torch.tensor([3.0, 0.1])}
    assert nearest(vectors, ["a", "b"], "c", failed={"a"}) == HOPELESS
    assert nearest(vectors, ["a", "b"], "c", failed={"b"}) > 0.99
    sure = bound([(HOPELESS, False), (HOPELESS, True), (0.6, True), (0.7, True)])
    assert sure is not None
    assert (sure.near, sure.taken, sure.refused) == (0.6, 2 / 3, 1.0)
    assert bound([(HOPELESS, False), (HOPELESS, True)]) is None


def test_unseen_tasks_are_judged_apart_and_the_bound_goes_with_the_network(models: Path) -> None:
    """Against the instruction, no adapter and a LoRA of their own; what it failed is in its descriptions."""
    records = [
        {"description": f"{verb} {how}", "prompt": prompt, "answer": answer, "task": verb}
        for verb, answer in (("Shout", "YES"), ("Whisper", "no"), ("Bark", "la"), ("Roar", "ok"))
        for how in ("now", "later")
        for prompt in ("a?", "b?")
    ]
    json_lines.write(models / "tasks.jsonl", records)
    path, rates = str(models / "tasks.jsonl"), ("--muon-lr", "0.02", "--adam-lr", "0.02")
    run(models, "run", "--data", path, "--steps", "200", "--own-steps", "2", "--unseen", "0.5", *rates)
    figures = json.loads((models / "run" / "model" / "figures.json").read_text())
    for condition in ("no adapter", "instruction", "adapter", "own LoRA"):
        assert condition in figures
        assert f"unseen tasks, {condition}" in figures
    model = TextToLoRA.from_pretrained(models / "run" / "model", device="cpu")
    learned, unseen = tasks.apart([Task(**one) for one in records], 0.5)
    assert set(model.descriptions) - model.failed == {task.description for task in learned}
    assert model.failed
    assert model.failed <= {task.description for task in unseen}
    assert model.near is not None
    assert figures["descriptions followed, taken"]["value"] > 0
    cosine, found = model.nearest(learned[0].description)
    assert (cosine, found) == (pytest.approx(1.0, abs=1e-4), learned[0].description)
    assert model.nearest(unseen[0].description)[1] in model.failed


def test_a_skill_is_refused_by_the_bound_that_the_network_measured(models: Path) -> None:
    """In a line with the nearest description."""

    class Loaded(SkillModel):
        def _loaded(self) -> TextToLoRA:
            return network

    records = [{"description": "Shout", "prompt": "a?", "answer": "YES"}]
    json_lines.write(models / "tasks.jsonl", records)
    run(models, "run", "--data", str(models / "tasks.jsonl"), "--steps", "1")
    network = TextToLoRA.from_pretrained(models / "run" / "model", device="cpu")
    assert network.near is None
    network.near = 2.0
    refusal = Loaded("x", None).refusal("Shout")  # type: ignore[arg-type]
    assert refusal is not None
    assert "1.00 of 2.00 needed, is 'Shout'" in refusal
    network.near = 0.5
    assert Loaded("x", None).refusal("Shout") is None  # type: ignore[arg-type]
    network.failed = frozenset({"Shout"})
    refusal = Loaded("x", None).refusal("Shout")  # type: ignore[arg-type]
    assert refusal is not None
    assert (
        "measured not to do such a task: the nearest description that it knows, at 1.00, is 'Shout'"
        in refusal
    )
    network.save(models / "again")
    assert TextToLoRA.from_pretrained(models / "again", device="cpu").failed == {"Shout"}


def test_descriptions_of_tasks_that_are_not_done_go_with_the_network(models: Path) -> None:
    """Measured on their held-out descriptions, as are tasks kept apart ("Bark"); one that is done is not."""
    said = {"Shout": ("YES", "YES", "YES"), "Whisper": ("no", "la", "mi"), "Bark": ("ok", "ok", "ok")}
    records = [
        {"description": f"{verb} {how}", "prompt": "a?", "answer": answer, "task": verb}
        for verb, answers in said.items()
        for how in ("now", "later")
        for answer in answers
    ]
    json_lines.write(models / "tasks.jsonl", records)
    path, rates = str(models / "tasks.jsonl"), ("--muon-lr", "0.02", "--adam-lr", "0.02")
    run(models, "run", "--data", path, "--steps", "200", "--unseen", "0.3", *rates)
    model = TextToLoRA.from_pretrained(models / "run" / "model", device="cpu")
    assert model.failed == {"Whisper now", "Whisper later", "Bark now", "Bark later"}
    assert "Shout now" in model.descriptions
