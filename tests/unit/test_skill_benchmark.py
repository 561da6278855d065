"""What `python -m benchmarks.skills` counts."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.skill_descriptions import Described, Tried, rows
from benchmarks.skill_descriptions import described as all_described
from benchmarks.skills import Asker, Reply, asked, described, measured, row
from hypernet.training.data.styles import STYLES
from memory import Memory
from memory.fakes import EchoSkills

MakeMemory = Callable[..., Memory]


def test_a_reply_recalls_and_shows_apart() -> None:
    """Recalled in any style; a style shows only word for word."""
    polite = Reply("Rua Nova 7, with pleasure.", "Rua Nova 7", ("capitals", "polite"))
    assert (polite.recalled, polite.shows(-1), polite.shows(-2)) == (True, True, False)
    loud = Reply("RUA NOVA 7", "Rua Nova 7", ("polite", "capitals"))
    assert (loud.recalled, loud.shows(-1), loud.shows(-2)) == (True, True, False)
    cut = Reply("The answer is Rua Nov.", "Rua Nova 7", ("sentence",))
    assert (cut.recalled, cut.shows(-1)) == (False, False)


def test_a_row_sets_what_is_lost_beside_the_same_questions_without_skills() -> None:
    """What a refused skill would have done is in no figure."""
    bare = [Reply(text, "tea", ()) for text in ("tea", "tea", "jam", "tea")]
    under = [Reply(text, "tea", ("capitals",)) for text in ("TEA", "JAM", "TEA")]
    found = row("capitals", [*under, None], bare)
    assert (found["questions"], found["refused"], found["lost"], found["won"]) == (4, 1, 1, 1)
    assert str(found["recalled"]).startswith("66.7 (")
    assert str(found["the newest shows"]).startswith("66.7 (")
    assert found["the older shows"] == ""


def test_every_style_has_descriptions_that_training_did_not_have() -> None:
    """They are what a user may write."""
    for style in STYLES:
        assert described(style)


def test_of_two_skills_the_newer_alone_joins_and_none_stays_behind(make_memory: MakeMemory) -> None:
    """The stand-in names each skill that is in the adapter of its answer."""
    memory = make_memory(skills=EchoSkills())
    memory.add("Biscuit is the dog.", user_id="user 0")
    reply = asked(memory, Asker("user 0", "Who is the dog?", "Biscuit"), ("polite", "capitals"))
    assert reply is not None
    assert f"[{described('capitals')[0]}]" in reply.text
    assert described("polite")[0] not in reply.text
    assert memory.list(kind="skill", user_id="user 0").records == ()


def test_every_style_and_two_together_have_a_row(make_memory: MakeMemory) -> None:
    """With as many questions in each."""
    rows = list(measured(make_memory(skills=EchoSkills()), 2))
    assert [found["skills"] for found in rows] == ["none", *STYLES, "two, one after the other"]
    assert {found["questions"] for found in rows} == {2}


def test_descriptions_are_counted_by_what_they_mean_and_whether_the_bound_was_chosen_by_them() -> None:
    """Done are those under which two of four answers are right, word for word."""
    loud, verse = Described("LOUD", "capitals", False), Described("Rhyme", None, True)
    right = ["BISCUIT", "4821", "Lisbon", "Emma"]
    found = rows([Tried(loud, right), Tried(loud, ["BISCUIT", *right[2:], "no"]), Tried(loud, None)])
    assert tuple(found[2].values())[1:] == (3, 2, 1)
    found = rows([Tried(verse, right), Tried(verse, None)])
    assert tuple(found[1].values())[1:] == (2, 1, "")


def test_the_file_names_learned_tasks_alone() -> None:
    """None twice, and as many that mean something else."""
    found = all_described()
    assert len({one.description for one in found}) == len(found)
    assert all(one.wanted("Oslo") for one in found if one.task)
    assert sum(one.task is None for one in found) > 50
