"""Real conversations become contexts whose questions their own text answers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from hypernet.world.dialogues import read_dialogues

DIALOGUE = {
    "id": "1",
    "services": ["Restaurants_1"],
    "turns": [
        ["user", "A table at Bird Dog, please."],
        ["assistant", "For what time?"],
        ["user", "At 11:30 am."],
        ["assistant", "Booked."],
    ],
    "facts": [
        {
            "service": "Restaurants_1",
            "slot": "time",
            "about": "Time for the reservation",
            "value": "11:30 am",
            "turns": [2],
        },
        {
            "service": "Restaurants_1",
            "slot": "city",
            "about": "City of it",
            "value": "palo alto",
            "turns": [0],
        },
    ],
}


def written(folder: Path) -> Path:
    path = folder / "dialogues.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(json.dumps(DIALOGUE) + "\n")
    return path


def test_a_slot_becomes_a_question_about_its_description(tmp_path: Path) -> None:
    """The answer is the slot's value as the text has it; a value the text lacks is not asked."""
    (context,) = read_dialogues(written(tmp_path))
    assert context.text.splitlines()[2] == "User: At 11:30 am."
    (qa,) = context.qa
    assert qa.answer == "11:30 am"
    assert "time for the reservation" in qa.question.lower()


def test_windows_keep_whole_turns_and_drop_what_tells_nothing(tmp_path: Path) -> None:
    """Cut small, only windows that hold the value remain, and no turn is torn."""
    contexts = read_dialogues(written(tmp_path), max_words=8)
    said = {f"{role.capitalize()}: {text}" for role, text in DIALOGUE["turns"]}  # type: ignore[misc]
    assert contexts
    for context in contexts:
        assert "11:30 am" in context.text
        assert set(context.text.splitlines()) <= said
