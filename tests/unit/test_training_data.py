"""Training data: what may stand in a line, what is said of one that is wrong, splits, and converters."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hypernet.training.convert import app
from hypernet.training.data import examples
from hypernet.training.data.examples import Asked, Example, same_question, split
from hypernet.training.json_lines import DataError
from tests.unit.test_dialogues import DIALOGUE

GOOD: dict[str, Any] = {
    "contexts": ["Anna keeps bees.", "Bob plays chess."],
    "qa": [{"question": "Who keeps bees?", "answer": "Anna"}],
    "unknown": [{"question": "Who sings?"}],
}


def written(folder: Path, *lines: str) -> Path:
    path = folder / "data.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_line_becomes_an_example_and_goes_back(tmp_path: Path) -> None:
    """Blank lines are passed over; nothing is lost on the way back; unknown questions may be absent."""
    short = {k: GOOD[k] for k in ("contexts", "qa")}
    first, second = examples.read(written(tmp_path, json.dumps(GOOD), "", json.dumps(short)))
    assert first == Example(
        ("Anna keeps bees.", "Bob plays chess."), (Asked("Who keeps bees?", "Anna"),), ("Who sings?",)
    )
    assert first.to_record() == GOOD
    assert second.to_record() == short


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"data.jsonl:2: expected a JSON object, found \"{\""),
        ("[1]", r"data.jsonl:2: expected a JSON object, found \[1\]"),
        ('{"qa": []}', r":2: expected at least one text in 'contexts'"),
        ('{"contexts": ["x"]}', r":2: expected at least one question with its answer in 'qa'"),
        ('{"contexts": "x", "qa": []}', r":2: expected a list as 'contexts', found \"x\""),
        (
            '{"contexts": [" "], "qa": []}',
            r":2: expected a text that is not blank as 'contexts', found \" \"",
        ),
        ('{"contexts": ["x"], "qa": [{"question": "y"}]}', r":2: expected a text .* 'answer', found nothing"),
        (
            '{"contexts": ["x"], "qa": [], "unkown": []}',
            r"only the fields contexts, qa, unknown, kind, found unkown",
        ),
    ],
)
def test_a_wrong_line_is_named_with_what_was_expected(tmp_path: Path, line: str, message: str) -> None:
    """File and line, what should stand there, and what does."""
    with pytest.raises(DataError, match=message):
        examples.read(written(tmp_path, json.dumps(GOOD), line))


def test_a_file_without_lines_is_refused(tmp_path: Path) -> None:
    """An empty file is a mistake, not a data set."""
    with pytest.raises(DataError, match="found no lines"):
        examples.read(written(tmp_path))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Neither text nor gzip."""
    for name in ("data.jsonl", "data.jsonl.gz"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00")
        with pytest.raises(DataError, match=f"{name}: expected text in UTF-8"):
            examples.read(tmp_path / name)


def test_nothing_held_out_is_trained_on() -> None:
    """Groups that share a context with a held-out one are left out; the split does not depend on order."""
    all_of_them = [Example((f"text {i}", f"text {(i * 7) % 200}"), (Asked("q", "a"),)) for i in range(200)]
    trained, judged = split(all_of_them, 0.2)
    assert {c for e in trained for c in e.contexts}.isdisjoint(c for e in judged for c in e.contexts)
    assert 20 <= len(judged) <= 60
    again, _ = split(all_of_them[::-1], 0.2)
    assert set(again) == set(trained)


def test_a_split_with_an_empty_side_is_refused() -> None:
    """One example cannot be both trained and judged on."""
    with pytest.raises(DataError, match="of 1 examples"):
        split([Example(("text",), (Asked("q", "a"),))], 0.5)


def test_questions_that_may_ask_the_same_are_told_apart_from_others() -> None:
    """Frames and case do not count; another owner or another thing does."""
    assert same_question("What is the phone number?", "Remind me, what was the phone number?")
    assert not same_question("What is Anna's code?", "What is Bob's code?")


def test_synthetic_groups_are_a_function_of_the_seed(tmp_path: Path) -> None:
    """What is asked is told; the same seed gives the same file, another one another."""
    paths = [tmp_path / name for name in ("one", "two", "three")]
    for path, seed in zip(paths, ("1", "1", "2"), strict=True):
        result = CliRunner().invoke(app, ["synthetic", str(path), "--groups", "12", "--seed", seed])
        assert result.exit_code == 0, result.output
    one, two, three = (path.read_text() for path in paths)
    assert one == two != three
    read = examples.read(paths[0])
    assert len(read) == 12
    assert all(e.unknown for e in read)


def test_dialogues_become_examples(tmp_path: Path) -> None:
    """Slots are asked; what another service asks is unknown."""
    other = json.loads(json.dumps(DIALOGUE))
    other["facts"] = [{**fact, "service": "Trains_1", "about": "Departure"} for fact in other["facts"]]
    source, target = tmp_path / "in.jsonl.gz", tmp_path / "out.jsonl.gz"
    with gzip.open(source, "wt") as file:
        file.write(json.dumps(DIALOGUE) + "\n" + json.dumps(other) + "\n")
    result = CliRunner().invoke(app, ["sgd", str(source), str(target)])
    assert result.exit_code == 0, result.output
    first, *_ = examples.read(target)
    assert first.qa[0].answer == "11:30 am"
    assert "departure" in first.unknown[0].lower()


def test_squad_paragraphs_become_examples(tmp_path: Path) -> None:
    """The first answer counts; impossible questions are unknown; a paragraph without answers is left out."""
    qas = [
        {"question": "Who? ", "answers": [{"text": "Anna"}, {"text": "Anna B."}]},
        {"question": "When?", "answers": [], "is_impossible": True},
    ]
    paragraphs = [{"context": "Anna did.", "qas": qas}, {"context": "Nobody asks.", "qas": qas[1:]}]
    source, target = tmp_path / "in.json", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    assert CliRunner().invoke(app, ["squad", str(source), str(target)]).exit_code == 0
    assert examples.read(target) == [Example(("Anna did.",), (Asked("Who?", "Anna"),), ("When?",))]


def test_a_file_in_another_form_is_no_squad(tmp_path: Path) -> None:
    """The file is named."""
    source = tmp_path / "in.json"
    source.write_text("[]")
    result = CliRunner().invoke(app, ["squad", str(source), str(tmp_path / "out")])
    assert isinstance(result.exception, DataError)
    assert "in.json: expected JSON in SQuAD form" in str(result.exception)


def test_real_texts_of_several_forms_become_one_file_that_says_whose_they_are(tmp_path: Path) -> None:
    """Each example with its kind, answers that are long left out, and a page of sources beside it."""
    passage = {
        "source": "qamr",
        "id": "1",
        "context": "Bees make honey.",
        "qa": [
            {"question": "Who makes it?", "answer": "Bees"},
            {"question": "What?", "answer": "honey " * 9},
        ],
        "unknown": [{"question": "Who sings?"}],
    }
    (tmp_path / "qamr.jsonl").write_text(json.dumps(passage) + "\n")
    with gzip.open(tmp_path / "sgd.jsonl.gz", "wt") as file:
        file.write(json.dumps(DIALOGUE) + "\n")
    sources = [str(tmp_path / "qamr.jsonl"), str(tmp_path / "sgd.jsonl.gz")]
    target = tmp_path / "real.jsonl.gz"
    result = CliRunner().invoke(app, ["real", *sources, str(target), "--longest", "40"])
    assert result.exit_code == 0, result.output
    first, *rest = examples.read(target)
    assert first == Example(("Bees make honey.",), (Asked("Who makes it?", "Bees"),), ("Who sings?",), "qamr")
    assert {example.kind for example in rest} == {"sgd"}
    page = (tmp_path / "real.md").read_text()
    assert "QAMR, MIT" in page
    assert "Schema-Guided Dialogue, CC BY-SA 4.0" in page


def test_real_texts_of_an_unknown_form_are_refused(tmp_path: Path) -> None:
    """In one line that names the file."""
    source = written(tmp_path, '{"text": "x"}')
    with pytest.raises(DataError, match=r"data.jsonl:1: expected a text that is not blank as 'context'"):
        CliRunner().invoke(app, ["real", str(source), str(tmp_path / "out.jsonl")], catch_exceptions=False)
