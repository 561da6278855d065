"""What people say: templates are filled, answers stand in what was said, some wordings are held out."""

from __future__ import annotations

from hypernet.world.facts import UNKNOWN
from hypernet.world.sayings import Sayings, relations, templates
from hypernet.world.values import held_out


def test_an_answer_stands_in_what_was_said_word_for_word() -> None:
    """So that its tokens can be found there; typed shapes of apostrophes and breaks aside."""
    sayings = Sayings("train", 1)
    for context in (context for _ in range(300) for context in sayings.group().contexts):
        plain = context.text.replace("’", "'").replace("\n", " ")
        for qa in context.qa:
            assert qa.answer in plain


def test_every_template_is_filled() -> None:
    """No mark of a template is left in a text or a question."""
    sayings = Sayings("train", 2)
    for group in (sayings.group() for _ in range(300)):
        for text in (*(c.text for c in group.contexts), *(q.question for c in group.contexts for q in c.qa)):
            assert not {"{S}", "{v}", "{n}", "[am|is]"} & set(text.split())
            assert "|" not in text.replace("| ", "").replace(" |", "")


def test_what_is_denied_or_never_said_is_unknown() -> None:
    """Each group asks at least one thing that it does not answer."""
    group = Sayings("train", 3).group()
    assert group.unknown
    assert all(qa.answer == UNKNOWN for qa in group.unknown)


def test_one_seed_gives_the_same_sayings() -> None:
    """In every process."""
    assert Sayings("train", 4).group() == Sayings("train", 4).group()
    assert Sayings("train", 4).group() != Sayings("train", 5).group()


def test_some_wordings_are_kept_for_judging() -> None:
    """Training never uses them."""
    known = {t for relation in relations() for t in relation.tells if held_out(t)}
    assert known


def test_a_verb_in_brackets_is_not_a_border_between_templates() -> None:
    """Bars part templates, and the two forms of a verb."""
    assert templates("{S} [am|is]\n  old. | Hi.") == ("{S} [am|is] old.", "Hi.")
