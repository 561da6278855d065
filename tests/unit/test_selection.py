"""Choosing among candidates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from memory.backends.reader.english import EnglishReader
from memory.fakes import BruteForceIndex, EchoInternalizer, InMemoryStore, WordEmbedder
from memory.read.selection import Selection, Selector, choose
from memory.records import MemoryHit
from memory.settings import Settings
from tests.tiny_memories import ANA, DIM, EMBEDDER, NOON, record, vectors

READER = EnglishReader()
DAY = timedelta(days=1)
SETTINGS = Settings(score_threshold=0.3, score_margin=0.2, merge_budget=3, recency_weight=0.05)


def hit(text: str, score: float, days: float = 0.0) -> MemoryHit:
    return MemoryHit(record(text, created_at=NOON - timedelta(days=days)), score)


def chosen(*hits: MemoryHit, settings: Settings = SETTINGS) -> tuple[list[str], list[str]]:
    picked = choose(hits, settings, NOON)
    return [one.record.text for one in picked.chosen], [one.record.text for one in picked.overflow]


def test_nothing_near_enough_selects_nothing() -> None:
    """Below the threshold the base model answers by itself."""
    assert choose([hit("a", 0.29)], SETTINGS, NOON).chosen == ()
    assert choose([], SETTINGS, NOON) == Selection()


def test_what_is_far_below_the_best_is_left_out() -> None:
    """A merge of few answers better, so the margin cuts before the budget does."""
    assert chosen(hit("a", 0.8), hit("b", 0.61), hit("c", 0.59), hit("d", 0.4)) == (["a", "b"], [])


def test_the_budget_cuts_and_the_rest_is_known() -> None:
    """What matters as much and finds no room is told to the caller."""
    assert chosen(*(hit(name, 0.8 - i / 100) for i, name in enumerate("abcde"))) == (
        ["a", "b", "c"],
        ["d", "e"],
    )


def test_of_equal_memories_the_newer_goes_first() -> None:
    """Newness is worth at most its weight: it breaks near ties and no more."""
    assert chosen(hit("old", 0.7, days=90), hit("new", 0.7))[0] == ["new", "old"]
    assert chosen(hit("old", 0.7, days=90), hit("new", 0.66))[0] == ["new", "old"]
    assert chosen(hit("old", 0.7, days=90), hit("new", 0.64))[0] == ["old", "new"]
    assert chosen(hit("minute", 0.7, days=1 / 1440), hit("now", 0.7))[0] == ["now", "minute"]


def test_newness_halves_in_thirty_days() -> None:
    """The documented formula: cosine + weight * 2 ** (-age / 30 days)."""
    assert chosen(hit("month", 0.7, days=30), hit("now", 0.676))[0] == ["now", "month"]
    assert chosen(hit("month", 0.7, days=30), hit("now", 0.674))[0] == ["month", "now"]


def test_use_counts_a_little_and_fades() -> None:
    """The documented formula: weight * (1 - 2 ** (-uses / 8)) * 2 ** (-since the last use / 30 days)."""

    def used(text: str, score: float, uses: int, days: float = 0.0) -> MemoryHit:
        at = NOON - timedelta(days=days)
        return MemoryHit(record(text, uses=uses, used_at=at), score)

    settings = Settings(score_threshold=0.3, score_margin=0.2, recency_weight=0, use_weight=0.02)
    for uses, days, worth in ((8, 0, 0.01), (16, 0, 0.015), (8, 30, 0.005)):
        for more, first in ((0.0005, "used"), (-0.0005, "new")):
            hits = [hit("new", 0.7), used("used", 0.7 - worth + more, uses, days)]
            assert chosen(*hits, settings=settings)[0][0] == first, (uses, days, more)


def test_an_older_memory_gives_way_to_a_newer_one_that_answers_too() -> None:
    """In its place, also where that is less near; never where it is far, pinned, or out of a document."""
    turn = "What colour is my car?"
    settings = Settings(score_threshold=0.3, score_margin=0.05, recency_weight=0, lexical_weight=0)

    def picked(near: float, settings: Settings = settings, said: str = turn, **old: Any) -> list[str]:
        older = MemoryHit(record("Lilac is the colour of my car.", created_at=NOON - DAY, **old), 0.8)
        hits = [older, hit("My car is fast.", 0.77, days=2), hit("I painted my car green.", near)]
        return [one.record.text for one in choose(hits, settings, NOON, turn=said, reader=READER).chosen]

    both = ["Lilac is the colour of my car.", "My car is fast."]
    assert picked(0.66) == ["I painted my car green."]
    assert picked(0.64)[0] == "Lilac is the colour of my car."
    assert picked(0.66, said="") == both
    assert picked(0.66, kind="document")[0] == "Lilac is the colour of my car."
    assert "Lilac is the colour of my car." in picked(0.66, pinned=True)
    assert picked(0.66, valid_from=NOON + DAY)[0] == "Lilac is the colour of my car."  # by an update
    assert picked(0.66, Settings(**settings.model_dump() | {"supersede": False})) == both


def test_of_equally_near_memories_the_one_with_the_words_of_the_turn_goes_first() -> None:
    """The documented formula: cosine + weight * share of words; the margin is below that sum."""
    turn = "What does Waidros drink?"
    tea, milk = "Waidros is fond of tea.", "Somebody drinks milk."

    def picked(near: float, **given: Any) -> list[str]:
        settings = SETTINGS.model_copy(update={"recency_weight": 0, "score_margin": 0.05} | given)
        hits = [hit(milk, 0.6), hit(tea, near)]
        return [one.record.text for one in choose(hits, settings, NOON, turn=turn, reader=READER).chosen]

    assert picked(0.58, lexical_weight=0) == [milk, tea]
    assert picked(0.61) == [tea, milk]  # each has one word that the other lacks
    assert picked(0.54) == [milk]
    with_both = "Waidros drinks tea."
    settings = SETTINGS.model_copy(update={"recency_weight": 0, "score_margin": 0.0})
    hits = [hit(milk, 0.6), hit(with_both, 0.5)]
    [one] = choose(hits, settings, NOON, turn=turn, reader=READER).chosen
    assert (one.record.text, one.score) == (with_both, 0.5)  # the score stays the cosine


def test_words_bring_in_nothing_that_is_too_far_from_the_turn() -> None:
    """The threshold is on the cosine: what has the turn's words and is about something else stays out."""
    far = hit("Which sister?", 0.29)
    settings = SETTINGS.model_copy(update={"lexical_weight": 1.0})
    assert choose([far], settings, NOON, turn="Which sister?", reader=READER).chosen == ()


def test_a_compacted_memory_gives_way_by_the_passage_it_was_found_by() -> None:
    """Whatever else it says; and where no passage is known it stays."""
    turn = "What colour is my car?"
    passage = record("Lilac is the colour of my car.", created_at=NOON - DAY)
    whole = record("Lilac is the colour of my car.\nI like tea.", compacted=2, created_at=NOON)
    newer = MemoryHit(record("I painted my car green.", created_at=NOON - DAY / 2), 0.75)
    settings = Settings(score_threshold=0.3, score_margin=0.2, lexical_weight=0)
    assert (
        choose([MemoryHit(whole, 0.8, passage), newer], settings, NOON, turn=turn, reader=READER)
        .chosen[0]
        .record
        == newer.record
    )
    assert len(choose([MemoryHit(whole, 0.8), newer], settings, NOON, turn=turn, reader=READER).chosen) == 2


def test_a_pinned_memory_goes_first_where_it_matters() -> None:
    """Above the threshold no margin cuts it; below it has nothing to do with the turn."""

    def pinned(score: float) -> MemoryHit:
        return MemoryHit(record("pinned", pinned=True), score)

    assert chosen(hit("a", 0.9), hit("b", 0.85), pinned(0.31))[0] == ["pinned", "a", "b"]
    assert chosen(hit("a", 0.9), pinned(0.29))[0] == ["a"]


def test_the_same_words_count_once() -> None:
    """Labels, case and marks make no difference; numbers do."""
    assert chosen(
        hit("My PIN is 4821.", 0.8),
        MemoryHit(record("User: my pin is 4821", first_turn=0), 0.79),
        hit("My PIN is 4822.", 0.78),
    ) == (["My PIN is 4821.", "My PIN is 4822."], [])
    assert chosen(hit("🎈", 0.8), hit("🎉", 0.79))[0] == ["🎈", "🎉"]


def test_weights_follow_the_scores_where_that_is_set() -> None:
    """(score / best) ** power: the best weighs one whatever its score, and nothing weighs less than zero."""
    settings = Settings(score_threshold=-1, score_margin=2, weight_power=2)
    hits = [hit("a", 0.8), hit("b", 0.4), hit("c", -0.1)]
    assert [c.weight for c in choose(hits, settings, NOON).choices] == [1.0, 0.25, 0.0]
    lone = choose([hit("a", -0.1)], settings, NOON).choices
    assert [c.weight for c in lone] == [1.0]


def test_every_chosen_adapter_counts_once() -> None:
    """A choice carries id, score, text, and weight 1."""
    one = hit("a", 0.8)
    [choice] = choose([one], SETTINGS, NOON).choices
    assert (choice.memory_id, choice.score, choice.weight, choice.text) == (one.record.id, 0.8, 1.0, "a")


def test_no_more_are_merged_than_the_hypernetwork_was_trained_for() -> None:
    """Whatever the settings allow; the rest is known, and may be shown as text."""
    wide = Settings(score_threshold=-1, score_margin=2, merge_budget=16)
    store = InMemoryStore()
    records = [record(f"Fact {i} about tea.") for i in range(12)]
    store.add(records, vectors(12))
    index = BruteForceIndex(store, embedder=EMBEDDER, dim=DIM)

    class Trained(EchoInternalizer):
        most_merged = 8

    selection = Selector(store, index, wide, Trained(), READER, WordEmbedder(dim=DIM)).select(ANA, vectors(1))
    assert (len(selection.chosen), len(selection.overflow)) == (8, 4)
