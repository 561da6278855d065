"""What MemoryStore promises about finding memories by their words, on every implementation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from memory.conformance.samples import ANA, BEN, ELSEWHERE, NOON, Clock, record, vectors
from memory.errors import MissingScope
from memory.ports import MemoryStore, Revision
from memory.records import MemoryRecord, Scope
from memory.text.search_words import search_words


def kept(store: MemoryStore, *records: MemoryRecord) -> list[MemoryRecord]:
    return store.add(records, vectors(len(records)))


def found(store: MemoryStore, query: str, scope: Scope = ANA, k: int = 5, **given: object) -> list[str]:
    hits = store.find_words(scope, search_words(query), k, **given)  # type: ignore[arg-type]
    return [hit.text for hit in store.get_many(scope, [i for i, _ in hits], **given)]  # type: ignore[arg-type]


class WordsConformance:
    """What MemoryStore promises about finding memories by their words, on every implementation."""

    def test_a_rare_name_is_found_among_ten_thousand_memories(self, store: MemoryStore) -> None:
        """Whatever the question's common words, which all of the others have."""
        many = [record(f"My friend number {i} is called Tom and lives in the town.") for i in range(10_000)]
        rare = record("My friend Zephyrine lives in Oaxaca.")
        for start in range(0, len(many), 2000):
            store.add(many[start : start + 2000], vectors(2000, seed=start))
        kept(store, rare)
        assert found(store, "Where does my friend Zephyrine live?", k=3)[0] == rare.text

    @pytest.mark.parametrize(
        ("told", "asked"),
        [
            ("The part is AB-1234.", "Which shelf has ab-1234?"),
            ("The part is AB-1234.", "AB 1234"),
            ("The part is AB-1234.", "part ab1234"),
            ("Zoë lives in Besançon.", "zoe besancon"),
            ("Мою собаку зовут Бисквит.", "БИСКВИТ?"),
            ("我的狗叫小饼干。", "小饼干"),
            ("मेरे कुत्ते का नाम बिस्कुट है।", "बिस्कुट"),
            ("My bicycles are red.", "bicycle"),
            ("Ana's e-mail is ana.diaz@corvo.pt", "ana.diaz@corvo.pt"),
            ("User: The door code is 8812.", "8812"),
        ],
    )
    def test_names_and_codes_are_found_in_any_script_and_form(
        self, store: MemoryStore, told: str, asked: str
    ) -> None:
        """Case, accents and hyphens make no difference."""
        kept(store, record(told), record("Something else altogether."))
        assert found(store, asked) == [told]

    def test_a_picture_is_found_by_its_caption_and_by_the_models_words(self, store: MemoryStore) -> None:
        """`MemoryRecord.found_by` has both; metadata of anything else says nothing."""
        words = {"image": {"words": "The picture's color is mauve."}}
        kept(store, record("Our barn.", kind="image", metadata=words), record("Our cat.", metadata=words))
        assert found(store, "barn") == found(store, "mauve") == ["Our barn."]

    def test_speakers_and_operators_are_not_words_of_the_text(self, store: MemoryStore) -> None:
        """No query is a language of its own, and "User:" is nobody's name."""
        kept(store, record("User: I like tea."))
        for query in ('"', "tea AND", 'NOT "tea', "key:tea*", "user", "(", "' OR 1=1 --", ""):
            assert found(store, query) in ([], ["User: I like tea."])
        assert found(store, "user") == []

    def test_who_has_more_of_the_rare_words_comes_first_and_of_equals_the_newer(
        self, store: MemoryStore
    ) -> None:
        """In the same order each time."""
        told = ["Kim likes jazz.", "Kim likes tea.", "Lou likes jazz and tea.", "Kim likes jazz, too."]
        for text in told:
            kept(store, record(text))
        assert found(store, "Does Lou like jazz?")[0] == "Lou likes jazz and tea."
        assert found(store, "Kim jazz")[:2] == ["Kim likes jazz, too.", "Kim likes jazz."]

    def test_another_tenant_user_or_session_is_not_found(self, store: MemoryStore) -> None:
        """Nor do the others' memories change what is found and in which order."""
        kept(store, record("Kim likes Zanzibar."), record("Kim likes jazz."))
        alone = store.find_words(ANA, ["kim", "jazz", "zanzibar"], 5)
        kept(store, *(record(f"Zanzibar is jazz {i}", ELSEWHERE) for i in range(5)))
        kept(store, *(record(f"Zanzibar is jazz {i}", BEN) for i in range(5)))
        assert store.find_words(ANA, ["kim", "jazz", "zanzibar"], 5) == alone
        assert found(store, "Zanzibar", replace(ANA, session_id="s")) == []
        assert found(store, "Zanzibar", Scope(user_id="ana", tenant_id="ana")) == []
        assert len(found(store, "Zanzibar", ELSEWHERE, k=9)) == 5

    def test_words_need_somebody_named(self, store: MemoryStore) -> None:
        """As every read that finds does."""
        with pytest.raises(MissingScope):
            store.find_words(Scope(), ["tea"], 3)

    def test_what_is_deleted_expired_or_replaced_is_not_found(self, store: MemoryStore, clock: Clock) -> None:
        """Words go with their row, and change with its text."""
        tea, jam, rye = kept(
            store,
            record("tea Assam"),
            record("jam Quince"),
            record("rye Pumpernickel", expires_at=NOON + timedelta(hours=1)),
        )
        store.delete(ANA, tea.id)
        store.update(ANA, replace(jam, text="jam Damson", content_hash=""), vectors(1))
        clock.pass_by(hours=2)
        assert [found(store, word) for word in ("Assam", "Quince", "Pumpernickel")] == [[], [], []]
        assert found(store, "damson") == ["jam Damson"]
        assert rye.id not in {i for i, _ in store.find_words(ANA, ["rye"], 5)}

    def test_what_is_superseded_or_retired_is_found_in_the_past_alone(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """By the words that it had then."""
        [old] = kept(store, record("I live in Lisbon."))
        clock.pass_by(days=1)
        new = record("I live in Porto.", created_at=clock())
        store.add([new], vectors(1), revision=Revision(expects=[old], outdated={old.id: new.id}))
        assert found(store, "Lisbon") == []
        assert found(store, "Lisbon", as_of=NOON) == [old.text]
        store.revise("default", Revision(retired={old.id: new.id}))
        assert found(store, "Lisbon", as_of=NOON) == [old.text]
        assert found(store, "Porto", as_of=NOON) == []
        assert found(store, "Lisbon", BEN, as_of=NOON) == []

    def test_what_holds_is_found_behind_many_that_hold_no_longer(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """However few are wanted, and whatever of those that match is looked at first."""
        older, newer = kept(store, record("The quince is red."), record("The quince is green."))
        ends = clock() + timedelta(hours=1)
        many = [record(f"The quince is {i}.", valid_until=ends) for i in range(250)]
        store.add(many, vectors(len(many)))
        clock.pass_by(hours=2)
        assert [found(store, "quince", k=k) for k in (1, 2, 3)] == [
            [newer.text],
            [newer.text, older.text],
            [newer.text, older.text],
        ]

    def test_skills_are_not_found(self, store: MemoryStore) -> None:
        """They are chosen in another way."""
        kept(store, record("Reply in pirate words.", kind="skill"))
        assert found(store, "pirate") == []
