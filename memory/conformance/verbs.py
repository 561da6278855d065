"""What the verbs of a memory promise, whether it is in this process or behind a server.

The models may be any that answer with the sentence that they were told.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from memory import errors
from memory.records import ChatReply, Message, now

DOG = "My dog is called Biscuit."
CAT = "My cat is called Tom."
QUESTION = "What is my dog called?"
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


class VerbsConformance:
    """The fixture `memory` is a `memory.Memory`, or anything with its verbs."""

    def test_what_is_added_is_found_and_got(self, memory: Any) -> None:
        """The same record by every way to it, with what was said of it."""
        until = now() + timedelta(days=9)
        added = memory.add(DOG, user_id="ana", session_id="s", metadata={"page": 3}, expires_at=until)
        [record] = added
        assert (record.text, record.scope.user_id, record.scope.session_id) == (DOG, "ana", "s")
        assert (record.metadata, record.expires_at) == ({"page": 3}, until)
        assert added.created == {record.id}
        assert memory.get(record.id) == memory.get(record.id[:20]) == record
        assert memory.list(user_id="ana").records == (record,)
        [hit] = memory.search(QUESTION, user_id="ana")
        assert (hit.record, hit.passage) == (record, None)

    def test_equal_content_is_stored_once(self, memory: Any) -> None:
        """The second call names what the first one stored."""
        [first] = memory.add(DOG, user_id="ana")
        again = memory.add(DOG, user_id="ana")
        assert [record.id for record in again] == [first.id]
        assert again.created == frozenset()

    def test_what_is_not_stored_comes_back_with_its_reason(self, memory: Any) -> None:
        """Of messages what tells nothing, and the blank ones."""
        lines = [{"role": "user", "content": text} for text in (DOG, "How are the bees?", " ")]
        added = memory.add(lines, user_id="ana")
        assert len(added) == 1
        reasons = {one.reason for one in added.skipped}
        assert "question" in reasons

    def test_a_newer_statement_takes_the_place_of_an_older_one(self, memory: Any) -> None:
        """Only the past shows the older one from then on."""
        [old] = memory.add("I live in Lisbon.", user_id="ana")
        between = now()
        added = memory.add("I live in Porto.", user_id="ana")
        assert added.superseded == {old.id}
        assert memory.list(user_id="ana").records == tuple(added)
        assert [one.text for one in memory.list(user_id="ana", as_of=between).records] == [old.text]
        assert memory.get(old.id).superseded_by == added[0].id

    def test_a_call_made_again_under_its_key_adds_no_turn(self, memory: Any) -> None:
        """One that was cut off can be repeated."""
        for _ in range(2):
            memory.append(Message("user", DOG), user_id="ana", session_id="s", idempotency_key="k")
        assert [turn.text for turn in memory.turns(user_id="ana", session_id="s")] == [DOG]

    def test_a_session_keeps_its_turns_in_their_order(self, memory: Any) -> None:
        """Whoever said them; the newest alone where so many are asked for."""
        said = [Message("user", DOG), Message("assistant", "Noted."), Message("user", CAT)]
        memory.append(said, user_id="ana", session_id="s/1")
        turns = memory.turns(user_id="ana", session_id="s/1")
        assert [(turn.role, turn.text) for turn in turns] == [(one.role, one.text) for one in said]
        assert [turn.text for turn in memory.turns(user_id="ana", session_id="s/1", last=1)] == [CAT]
        [session] = memory.sessions(user_id="ana").sessions
        assert (session.scope.session_id, session.turns) == ("s/1", 3)

    def test_a_question_is_answered_and_nothing_stored(self, memory: Any) -> None:
        """By the adapter of what was told, which the reply names."""
        [record] = memory.add(DOG, user_id="ana")
        reply = memory.ask(QUESTION, user_id="ana", session_id="s")
        assert "Biscuit" in reply.text
        assert [choice.memory_id for choice in reply.adapters] == [record.id]
        assert reply.memory_tokens == 0
        assert memory.turns(user_id="ana", session_id="s") == []
        assert memory.answer([Message("user", QUESTION)], user_id="ana").text == reply.text

    def test_of_named_choices_the_likeliest_is_the_reply(self, memory: Any) -> None:
        """Each comes with its probability, by what is remembered alone; nothing is stored."""
        memory.add(DOG, user_id="ana")
        reply = memory.ask(QUESTION, user_id="ana", choices=["Rex", " Biscuit ", "Tom"])
        assert reply.choices[0].text == reply.text == "Biscuit"
        assert {one.text for one in reply.choices} == {"Rex", "Biscuit", "Tom"}
        assert sum(one.probability for one in reply.choices) == pytest.approx(1)
        assert [one.probability for one in reply.choices] == sorted(
            [one.probability for one in reply.choices], reverse=True
        )
        assert reply.choices[0].likelihood <= 0
        assert len(reply.adapters) == 1
        nothing = memory.answer(
            {"role": "user", "content": QUESTION}, user_id="ana", adapters=[], choices=["Rex", "Biscuit"]
        )
        assert nothing.choices[0].probability < reply.choices[0].probability
        assert memory.ask(QUESTION, user_id="ana").choices == ()

    def test_choices_that_are_none_are_refused(self, memory: Any) -> None:
        """One alone, two alike, blank or too long ones, too many, a text in place of a list."""
        for wrong in (
            [],
            ["yes"],
            ["yes", " yes"],
            ["yes", " "],
            ["yes", "n" * 501],
            list(map(str, range(65))),
            "yes, no",
            ["yes", 3],
        ):
            with pytest.raises((errors.InvalidInput, errors.EmptyText)):
                memory.ask(QUESTION, user_id="ana", choices=wrong)

    def test_pieces_and_whole_are_the_same_reply(self, memory: Any) -> None:
        """The last of a stream is the whole reply."""
        memory.add(DOG, user_id="ana")
        *pieces, reply = memory.answer_stream({"role": "user", "content": QUESTION}, user_id="ana")
        assert isinstance(reply, ChatReply)
        assert "".join(pieces).strip() == reply.text == memory.ask(QUESTION, user_id="ana").text

    def test_adapters_that_are_given_are_those_that_answer(self, memory: Any) -> None:
        """An empty list recalls nothing; choices of `select` go as they are."""
        memory.add(DOG, user_id="ana")
        [cat] = memory.add(CAT, user_id="ana")
        said = {"role": "user", "content": QUESTION}
        assert memory.answer(said, user_id="ana", adapters=[]).adapters == ()
        chosen = [one for one in memory.select("cat Tom", user_id="ana") if one.memory_id == cat.id]
        reply = memory.answer(said, user_id="ana", adapters=chosen)
        assert [one.memory_id for one in reply.adapters] == [cat.id]

    def test_a_chat_remembers_what_it_is_told(self, memory: Any) -> None:
        """Message and reply become turns; `before` is read in place of them, and not stored."""
        memory.chat(DOG, user_id="ana", session_id="s")
        reply = memory.chat(QUESTION, user_id="ana", session_id="s", before=[])
        assert "Biscuit" in reply.text
        turns = memory.turns(user_id="ana", session_id="s")
        assert [turn.text for turn in turns if turn.role == "user"] == [DOG, QUESTION]

    def test_filters_and_a_time_reach_every_way_to_recall(self, memory: Any) -> None:
        """What has other metadata, or was told later, is not there."""
        memory.add(DOG, user_id="ana", metadata={"page": 1})
        for verb in (memory.search, memory.select, memory.recall):
            assert len(verb(QUESTION, user_id="ana", filters={"page": 1})) == 1
            assert len(verb(QUESTION, user_id="ana", filters={"page": 2})) == 0
            assert len(verb(QUESTION, user_id="ana", filters={"$or": [{"page": {"$gt": 0}}]})) == 1
            assert len(verb(QUESTION, user_id="ana", as_of=LONG_AGO)) == 0
        assert memory.ask(QUESTION, user_id="ana", as_of=LONG_AGO).adapters == ()

    def test_recalled_text_is_ready_for_a_prompt(self, memory: Any) -> None:
        """A line for each, within its budget; what is visible already is left out."""
        memory.add(DOG, user_id="ana")
        found = memory.recall(QUESTION, user_id="ana")
        assert str(found).endswith(DOG)
        assert found.tokens > 0
        assert memory.recall(QUESTION, user_id="ana", before=[Message("user", DOG)]) == []

    def test_a_choice_is_explained(self, memory: Any) -> None:
        """Each candidate with what became of it; the choices are those of `select`."""
        [dog] = memory.add(DOG, user_id="ana")
        memory.add("The tide comes in at noon.", user_id="ana")
        why = memory.explain(QUESTION, user_id="ana")
        assert [*why.choices] == memory.select(QUESTION, user_id="ana")
        outcomes = {one.hit.record.id: one.outcome for one in why.candidates}
        assert outcomes[dog.id] == "merged"
        assert memory.explain(QUESTION, user_id="ben").candidates == ()

    def test_what_everybody_has_is_counted(self, memory: Any) -> None:
        """By user, or by document; page after page."""
        memory.add(DOG, user_id="ana", document_id="pets")
        memory.add(CAT, user_id="ana")
        memory.add(CAT, user_id="ben")
        page = memory.holdings(limit=1)
        rest = memory.holdings(limit=1, cursor=page.cursor)
        found = [(one.scope.user_id, one.memories) for one in (*page.holdings, *rest.holdings)]
        assert (found, rest.cursor) == ([("ana", 2), ("ben", 1)], None)
        [document] = memory.holdings(by_document=True, user_id="ana").holdings
        assert (document.document_id, document.characters) == ("pets", len(DOG))

    def test_a_change_keeps_what_it_does_not_name(self, memory: Any) -> None:
        """And the old text for the past, unless told otherwise."""
        [record] = memory.add(DOG, user_id="ana", metadata={"page": 1})
        assert memory.pin(record.id).pinned
        between = now()
        changed = memory.update(record.id, CAT)
        assert (changed.text, changed.metadata, changed.pinned) == (CAT, {"page": 1}, True)
        assert [one.text for one in memory.list(user_id="ana", as_of=between).records] == [DOG]
        memory.update(record.id, DOG, keep_past=False)
        assert memory.list(user_id="ana").records[0].text == DOG

    def test_a_change_of_what_has_changed_meanwhile_is_refused(self, memory: Any) -> None:
        """Where it was told what to expect; that it was used is no change."""
        [record] = memory.add(DOG, user_id="ana")
        memory.ask(QUESTION, user_id="ana")
        pinned = memory.update(record.id, pinned=True, expects=record)
        with pytest.raises(errors.StoreConflict):
            memory.update(record.id, CAT, expects=record)
        assert memory.get(record.id).text == DOG
        assert memory.update(record.id, CAT, expects=pinned).text == CAT

    def test_pages_lead_from_one_to_the_next(self, memory: Any) -> None:
        """Newest first, each once."""
        for n in range(5):
            memory.add(f"Room {n} belongs to guest {n}.", user_id="ana")
        first = memory.list(user_id="ana", limit=3)
        second = memory.list(user_id="ana", limit=3, cursor=first.cursor)
        texts = [record.text for record in (*first.records, *second.records)]
        assert (len(texts), len(set(texts)), second.cursor) == (5, 5, None)
        assert texts[0].startswith("Room 4")

    def test_a_listing_is_narrowed_by_items_times_and_state(self, memory: Any) -> None:
        """What the metadata has, when it was told, and whether it holds."""
        [old] = memory.add("I live in Lisbon.", user_id="ana")
        between = now()
        [new] = memory.add("I live in Porto.", user_id="ana", metadata={"page": 1})
        assert memory.list(user_id="ana", filters={"page": 1}).records == (new,)
        assert memory.list(user_id="ana", until=between).records == ()
        past = memory.list(user_id="ana", state="past", since=LONG_AGO, superseded_by=new.id)
        assert [record.text for record in past.records] == [old.text]

    def test_what_is_forgotten_is_gone_with_a_receipt(self, memory: Any) -> None:
        """By any way to name it; its history stays, without text."""
        [one] = memory.add(DOG, user_id="ana")
        [two] = memory.add(CAT, user_id="ana", metadata={"page": 2})
        assert [gone.memory_id for gone in memory.delete(one.id).memories] == [one.id]
        receipt = memory.forget(user_id="ana", metadata={"page": 2})
        assert [gone.memory_id for gone in receipt.memories] == [two.id]
        assert memory.forget(user_id="ana").memories == ()
        assert [event.event for event in memory.history(one.id)] == ["ADD", "DELETE"]
        with pytest.raises(errors.NotFound):
            memory.get(one.id)

    def test_nobody_sees_what_another_told(self, memory: Any) -> None:
        """Neither by asking nor by its id."""
        [record] = memory.add(DOG, user_id="ana")
        assert memory.search(QUESTION, user_id="ben") == []
        assert memory.ask(QUESTION, user_id="ben").adapters == ()
        assert memory.list(user_id="ben").records == ()
        with pytest.raises(errors.NotFound):
            memory.get(record.id, user_id="ben")
        with pytest.raises(errors.NotFound):
            memory.delete(record.id, user_id="ben")

    def test_a_skill_joins_the_answers_of_its_user(self, memory: Any) -> None:
        """It is listed as one, and recalled by nothing."""
        skill = memory.add_skill("Answer like a pirate.", user_id="ana")
        assert [one.id for one in memory.list(user_id="ana", kind="skill").records] == [skill.id]
        assert [one.memory_id for one in memory.ask(QUESTION, user_id="ana").skills] == [skill.id]
        assert memory.search("pirate", user_id="ana") == []

    def test_what_there_is_is_counted(self, memory: Any) -> None:
        """Of one user and of all; and tokens of a text and of messages."""
        memory.add(DOG, user_id="ana")
        memory.add(CAT, user_id="ben")
        assert memory.stats(user_id="ana").memories == 1
        assert memory.status().stats.memories == 2
        assert 0 < memory.count_tokens(DOG) <= memory.count_tokens([Message("user", DOG)])

    def test_an_archive_goes_out_and_comes_back(self, memory: Any, tmp_path: Path) -> None:
        """Under another name; a second time it adds nothing."""
        memory.add(DOG, user_id="ana")
        report = memory.export(tmp_path / "ana.zip", user_id="ana")
        assert (report.memories, report.nbytes) == (1, (tmp_path / "ana.zip").stat().st_size)
        first = memory.import_(tmp_path / "ana.zip", user_id="ben")
        again = memory.import_(tmp_path / "ana.zip", user_id="ben")
        assert (first.memories, again.memories, again.known) == (1, 0, 1)
        assert [record.text for record in memory.list(user_id="ben").records] == [DOG]
        with pytest.raises(errors.MissingScope):
            memory.export(tmp_path / "all.zip")

    def test_compaction_says_what_it_would_do(self, memory: Any) -> None:
        """A dry run changes nothing."""
        for n in range(3):
            memory.add(f"Room {n} belongs to guest {n}.", user_id="ana")
        report = memory.compact(user_id="ana", min_adapters=2, dry_run=True)
        assert (report.dry_run, report.groups, report.adapters_before) == (True, 1, 3)
        assert len(memory.list(user_id="ana").records) == 3

    @pytest.mark.parametrize(
        ("call", "error"),
        [
            (lambda m: m.add(" ", user_id="ana"), errors.EmptyText),
            (lambda m: m.add([Message("user", " ")], user_id="ana"), errors.EmptyText),
            (lambda m: m.add(DOG), errors.MissingScope),
            (lambda m: m.add(DOG, user_id=" "), errors.MissingScope),
            (lambda m: m.add(DOG, user_id="ana", metadata={"x": {1}}), errors.InvalidInput),
            (lambda m: m.add(DOG, user_id="ana", expires_at=LONG_AGO), errors.InvalidInput),
            (lambda m: m.add(DOG, user_id="ana", expires_at=datetime(2099, 1, 1)), errors.InvalidInput),
            (lambda m: m.add(DOG, usr_id="ana"), TypeError),
            (lambda m: m.append(Message("user", DOG), user_id="ana"), errors.MissingScope),
            (lambda m: m.search("a\0b", user_id="ana"), errors.InvalidInput),
            (lambda m: m.search(QUESTION, user_id="ana", k=0), errors.InvalidInput),
            (lambda m: m.recall(QUESTION, user_id="ana", k=51), errors.InvalidInput),
            (lambda m: m.ask(QUESTION), errors.MissingScope),
            (lambda m: m.ask("", user_id="ana"), errors.EmptyText),
            (lambda m: m.answer(Message("assistant", "Noted."), user_id="ana"), errors.EmptyText),
            (lambda m: m.ask(QUESTION, user_id="ana", temperature=-1), errors.InvalidInput),
            (lambda m: m.list(), errors.MissingScope),
            (lambda m: m.list(user_id="ana", limit=0), errors.InvalidInput),
            (lambda m: m.list(user_id="ana", cursor="x"), errors.InvalidInput),
            (lambda m: m.list(user_id="ana", state="lost"), errors.InvalidInput),
            (lambda m: m.get("nobody"), errors.NotFound),
            (lambda m: m.update("nobody", CAT), errors.NotFound),
            (lambda m: m.delete("nobody"), errors.NotFound),
            (lambda m: m.forget(), errors.MissingScope),
            (lambda m: m.forget(user_id="ana", metadata={}), errors.InvalidInput),
            (lambda m: m.import_("no/such.zip"), errors.InvalidInput),
            (lambda m: m.compact(min_adapters=1), errors.InvalidInput),
        ],
    )
    def test_what_is_wrong_is_refused_alike(
        self, memory: Any, call: Callable[[Any], object], error: type[Exception]
    ) -> None:
        """By the same error, in one line."""
        with pytest.raises(error) as raised:
            call(memory)
        assert "\n" not in str(raised.value)
