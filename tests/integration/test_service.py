"""The front door, on real stores: what each verb promises."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

import memory as package
from memory import Memory
from memory.backends.blobs.folder import FileBlobStore
from memory.backends.sql.database import sqlite_url
from memory.backends.sql.store import SqlStore
from memory.errors import IncompatibleAdapter, InvalidInput, MissingScope, NotFound
from memory.fakes import EchoGenerator, EchoInternalizer, WordEmbedder
from memory.records import AdapterChoice, ChatReply, Message, content_hash, now
from memory.records.inputs import Whose

MakeMemory = Callable[..., Memory]
DOG = "My dog is called Biscuit."
ASK = "What is my dog called?"


def everything_in(home: Path) -> bytes:
    """Every byte of every file kept in a home."""
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


# -- add


def test_a_text_is_one_memory_until_it_is_long(memory: Memory) -> None:
    """A short text stays as it is; a long one becomes a document of passages in their order."""
    [short] = memory.add(DOG, user_id="ana", metadata={"source": "note"})
    assert (short.text, short.kind, short.document_id, short.metadata) == (
        DOG,
        "message",
        None,
        {"source": "note"},
    )
    story = " ".join(f"Sentence {i} is about the number {i}." for i in range(40))
    parts = memory.add(story, user_id="ana")
    assert " ".join(part.text for part in parts) == story
    assert [part.position for part in parts] == list(range(len(parts)))
    assert {(part.kind, part.document_id) for part in parts} == {("document", content_hash(story)[:32])}


def test_equal_content_is_stored_once_per_scope(memory: Memory) -> None:
    """Adding again changes nothing and says so; another user is another scope."""
    first = memory.add(DOG, user_id="ana")
    again = memory.add(DOG, user_id="ana")
    assert (list(again), again.created) == (list(first), frozenset())
    assert first.created == {first[0].id}
    assert memory.add(DOG, user_id="ben").created
    assert memory.stats().memories == 2


def test_a_text_that_repeats_itself_is_stored_once(memory: Memory) -> None:
    """Equal passages of one text are one memory, which stands for each of them."""
    added = memory.add("word " * 480, user_id="ana", document_id="d")
    assert len(added) == 8
    assert len({record.id for record in added}) == len(added.created) == 1


def test_messages_of_a_session_become_turns_and_memories(memory: Memory) -> None:
    """With the places they were made from; adding the same again adds nothing."""
    said = [
        {"role": "user", "content": "I need a table for two."},
        {"role": "assistant", "content": "For which day?"},
        {"role": "user", "content": "Friday."},
    ]
    [record] = memory.add(said, user_id="ana", session_id="s")
    assert record.text == "User: I need a table for two.\nAssistant: For which day?\nUser: Friday."
    assert (record.scope.session_id, record.first_turn, record.last_turn) == ("s", 0, 2)
    turns = memory.turns(user_id="ana", session_id="s")
    assert [(turn.text, turn.internalized) for turn in turns] == [(one["content"], True) for one in said]
    assert memory.add(said, user_id="ana", session_id="s") == []
    assert memory.turns(user_id="ana", session_id="s") == turns


def test_the_question_before_an_answer_waits_for_it(memory: Memory) -> None:
    """Also when the two come in different calls."""
    session = {"user_id": "ana", "session_id": "s"}
    first = memory.add(
        [Message("user", "I need a taxi to the airport."), Message("assistant", "At what time?")], **session
    )
    assert [record.text for record in first] == ["User: I need a taxi to the airport."]
    second = memory.add(Message("user", "7 pm."), **session)
    assert [record.text for record in second] == ["Assistant: At what time?\nUser: 7 pm."]


def test_messages_without_a_session_are_memories_only(memory: Memory) -> None:
    """There is no session to keep turns in."""
    [record] = memory.add([Message("user", DOG)], user_id="ana")
    assert record.text == f"User: {DOG}"
    assert memory.stats(user_id="ana").turns == 0


def test_adding_later_is_adding(memory: Memory) -> None:
    """The future holds what was added, or why it was not."""
    assert memory.add_later(DOG, user_id="ana").result()[0].text == DOG
    with pytest.raises(MissingScope):
        memory.add_later(DOG).result()


def test_progress_is_told_batch_by_batch(memory: Memory) -> None:
    """The last call has all passages done."""
    steps: list[tuple[int, int]] = []
    text = " ".join(f"Sentence {i} is about the number {i}." for i in range(1000))
    added = memory.add(text, user_id="ana", progress=lambda done, total: steps.append((done, total)))
    assert len(steps) > 1
    assert steps == sorted(steps)
    assert steps[-1] == (len(added), len(added))


# -- chat and ask


def test_an_answer_comes_without_memory_text_in_the_prompt(memory: Memory) -> None:
    """And it fails once the adapter is taken away."""
    [record] = memory.add(DOG, user_id="ana")
    reply = memory.chat(ASK, user_id="ana")
    assert (reply.text, reply.memory_tokens) == (DOG, 0)
    assert [choice.memory_id for choice in reply.adapters] == [record.id]
    assert memory.answer(Message("user", ASK), user_id="ana", adapters=[]).text == "I don't know."


def test_modes_say_where_memory_is(memory: Memory) -> None:
    """In weights, in text, in both; the counts are truthful."""
    memory.add(DOG, user_id="ana")

    def of(mode: str) -> tuple[str, int, bool]:
        reply = memory.ask(ASK, user_id="ana", mode=mode)  # type: ignore[arg-type]
        return reply.text, len(reply.adapters), reply.memory_tokens > 0

    assert of("adapters") == (DOG, 1, False)
    assert of("text") == (DOG, 0, True)
    assert of("both") == (DOG, 1, True)
    assert of("auto") == (DOG, 1, False)
    with pytest.raises(InvalidInput, match="mode is 'rag'; choose one of adapters, text, both, auto"):
        of("rag")


def test_text_joins_when_the_merge_is_full(make_memory: MakeMemory) -> None:
    """Automatically only for what mattered as much as what was merged."""
    memory = make_memory(merge_budget=1, score_margin=0.9)
    memory.add(DOG, user_id="ana")
    memory.add("My cat is called Onyx.", user_id="ana")
    reply = memory.ask(ASK, user_id="ana", mode="auto")
    assert ([choice.text for choice in reply.adapters], reply.memory_tokens > 0) == ([DOG], True)
    assert memory.ask(ASK, user_id="ana", mode="adapters").memory_tokens == 0


def test_a_chat_remembers_what_the_user_told_and_nothing_else(memory: Memory) -> None:
    """No question, no greeting, no reply becomes a memory."""
    session = {"user_id": "ana", "session_id": "s"}
    for message in ("Hello!", DOG, ASK, "My PIN is 4821. What is my PIN?", "What is my PIN?", "Thanks!"):
        memory.chat(message, **session)
    texts = [record.text for record in memory.list(user_id="ana").records]
    assert texts == ["User: My PIN is 4821.", f"User: {DOG}"]
    assert [turn.internalized for turn in memory.turns(**session)] == [True] * 12


def test_a_message_that_goes_on_is_remembered_with_what_it_is_about(memory: Memory) -> None:
    """Where that was told just before in the session, and is remembered still."""
    session = {"user_id": "ana", "session_id": "s"}
    memory.chat("My neighbour is called Bogdan.", **session)
    memory.chat("He plays the accordion.", **session)
    newest = memory.list(user_id="ana").records[0]
    assert newest.text == "User: My neighbour is called Bogdan.\nUser: He plays the accordion."
    memory.chat("It is loud.", user_id="ana", session_id="another")
    memory.chat("My PIN is 4821.", **session)
    memory.forget(memory_id=memory.list(user_id="ana").records[0].id, user_id="ana")
    memory.chat("It was a secret.", **session)
    texts = [record.text for record in memory.list(user_id="ana").records]
    assert "4821" not in "\n".join(texts)
    assert texts[1] == "User: It is loud."


def test_a_chat_recalls_across_sessions_and_restarts(make_memory: MakeMemory) -> None:
    """What was told in one session is known in the next, after a restart, and without a session."""
    first = make_memory()
    first.chat(DOG, user_id="ana", session_id="monday")
    first.close()
    second = make_memory()
    assert second.chat(ASK, user_id="ana", session_id="friday").text.endswith(DOG)
    assert second.ask(ASK, user_id="ana").text.endswith(DOG)
    assert second.ask(ASK, user_id="ben").text == "I don't know."


def test_a_session_alone_recalls_itself_only(memory: Memory) -> None:
    """Where nobody is named but the session, it is the scope."""
    memory.chat(DOG, session_id="a")
    assert memory.ask(ASK, session_id="a").text.endswith(DOG)
    assert memory.ask(ASK, session_id="b").text == "I don't know."


def test_the_hot_window_is_in_the_prompt_and_bounded(make_memory: MakeMemory) -> None:
    """The newest turns as the setting says, none with 0; older ones leave the prompt."""
    session = {"user_id": "ana", "session_id": "s"}
    count = EchoGenerator().count_tokens
    for turns in (0, 2, 4):
        memory = make_memory(hot_window_turns=turns, score_threshold=1)
        for i in range(3):
            memory.chat(f"Fact {turns} {i} is {i}.", **session)
        window = [Message(turn.role, turn.text) for turn in memory.turns(last=turns, **session)]
        asked = Message("user", "And now?")
        assert memory.chat(asked.text, **session).prompt_tokens == count([*window, asked])


def test_asking_stores_nothing(memory: Memory) -> None:
    """Neither turns nor memories."""
    memory.ask(DOG, user_id="ana", session_id="s")
    assert memory.stats(user_id="ana").memories == memory.stats(user_id="ana").turns == 0


def test_a_stream_that_is_not_read_to_its_end_stores_nothing(memory: Memory) -> None:
    """Whoever hangs up has not been answered."""
    stream = memory.chat_stream(DOG, user_id="ana", session_id="s")
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert memory.turns(user_id="ana", session_id="s") == []
    *_, reply = memory.chat_stream(DOG, user_id="ana", session_id="s")
    assert isinstance(reply, ChatReply)
    assert len(memory.turns(user_id="ana", session_id="s")) == 2


def test_chosen_adapters_answer_and_unknown_ones_are_not_found(memory: Memory) -> None:
    """The choices of `select` work for their own scope only."""
    memory.add(DOG, user_id="ana")
    choices = memory.select(ASK, user_id="ana")
    assert memory.answer(Message("user", ASK), user_id="ana", adapters=choices).text == DOG
    with pytest.raises(NotFound, match="select adapters again"):
        memory.answer(Message("user", ASK), user_id="ben", adapters=choices)
    with pytest.raises(NotFound):
        memory.answer(Message("user", ASK), user_id="ana", adapters=[AdapterChoice("0" * 32, 1.0, 1.0, "")])


# -- looking, changing


def test_search_get_list_and_history(memory: Memory) -> None:
    """Nearest first, newest first, oldest first."""
    [dog] = memory.add(DOG, user_id="ana")
    [cat] = memory.add("My cat is called Onyx.", user_id="ana")
    hits = memory.search(ASK, user_id="ana", k=2)
    assert [hit.record for hit in hits] == [dog, cat]
    assert hits[0].score > hits[1].score
    assert memory.get(dog.id) == dog
    page = memory.list(user_id="ana", limit=1)
    assert page.records == (cat,)
    assert memory.list(user_id="ana", cursor=page.cursor).records == (dog,)
    assert [event.event for event in memory.history(dog.id)] == ["ADD"]


def test_an_update_is_internalized_and_the_old_is_gone(make_memory: MakeMemory, tmp_path: Path) -> None:
    """Search, answers and files know the new text only."""
    memory = make_memory()
    [record] = memory.add("My dog is called Rover.", user_id="ana", metadata={"a": 1})
    assert memory.ask(ASK, user_id="ana").text == "My dog is called Rover."
    changed = memory.update(record.id, DOG, keep_past=False)
    assert (changed.text, changed.metadata, changed.id) == (DOG, {"a": 1}, record.id)
    assert memory.ask(ASK, user_id="ana").text == DOG
    assert memory.update(record.id, metadata={"b": 2}).metadata == {"b": 2}
    memory.close()
    assert b"Rover" not in everything_in(tmp_path)
    assert b"Biscuit" in everything_in(tmp_path)


def test_an_update_beyond_one_passage_is_refused(memory: Memory) -> None:
    """The message says what to do instead."""
    [record] = memory.add(DOG, user_id="ana")
    with pytest.raises(InvalidInput, match="the text has 300 tokens, one memory holds 240; delete"):
        memory.update(record.id, "word " * 300)
    assert memory.get(record.id) == record


def test_what_has_expired_is_not_seen_and_soon_not_kept(make_memory: MakeMemory, tmp_path: Path) -> None:
    """It is never selected, and the first write of the next process erases it."""
    ahead = timedelta(0)
    database = sqlite_url(tmp_path / "home" / "memory.db")
    memory = make_memory(store=SqlStore.open(database, clock=lambda: now() + ahead))
    memory.add(DOG, user_id="ana", expires_at=now() + timedelta(days=1))
    assert memory.ask(ASK, user_id="ana").text == DOG
    ahead = timedelta(days=2)
    assert memory.ask(ASK, user_id="ana").text == "I don't know."
    memory.close()
    assert b"Biscuit" in everything_in(tmp_path)
    again = make_memory(store=SqlStore.open(database, clock=lambda: now() + ahead))
    again.add("My cat is called Onyx.", user_id="ben")
    again.close()
    assert b"Biscuit" not in everything_in(tmp_path)


def test_what_writes_left_behind_is_swept(make_memory: MakeMemory, tmp_path: Path) -> None:
    """By the first write of a process, of all tenants; what is young may be a write under way."""
    blobs = FileBlobStore(tmp_path / "home" / "blobs")
    old, young = blobs.put("quiet", b"old"), blobs.put("quiet", b"young")
    [path] = tmp_path.rglob(f"{old}.safetensors")
    os.utime(path, (0, 0))
    make_memory().add(DOG, user_id="ana")
    assert blobs.digests("quiet") == [young]


def test_status_says_where_and_how_much(memory: Memory, tmp_path: Path) -> None:
    """For the tenant, or for one user."""
    memory.add(DOG, user_id="ana")
    status = memory.status()
    assert (status.home, status.embedder, status.tenant_id) == (str(tmp_path / "home"), "words", "default")
    assert (status.stats.memories, memory.status(user_id="ben").stats.memories) == (1, 0)


# -- forgetting


def test_forgetting_leaves_no_trace(make_memory: MakeMemory, tmp_path: Path) -> None:
    """Rows, turns, adapters, index files: the words are in no file, and nobody answers them."""
    memory = make_memory()
    memory.chat("My dog is called Biscuit.", user_id="ana", session_id="s")
    memory.add("Biscuit is seven years old.", user_id="ana")
    memory.add("My cat is called Onyx.", user_id="ben")
    assert "Biscuit" in memory.ask(ASK, user_id="ana").text
    receipt = memory.forget(user_id="ana")
    assert (len(receipt.memories), len(receipt.turns), len(receipt.blobs)) == (2, 2, 2)
    assert memory.ask(ASK, user_id="ana").text == "I don't know."
    assert memory.ask("What is my cat called?", user_id="ben").text == "My cat is called Onyx."
    memory.close()
    assert b"Biscuit" not in everything_in(tmp_path)
    assert b"Onyx" in everything_in(tmp_path)


def test_forgetting_takes_what_was_named_and_no_more(memory: Memory) -> None:
    """A memory, a document, a session, an agent, a user; the rest stays."""
    [one] = memory.add("Fact one is 1.", user_id="ana")
    memory.add("Fact two is 2.", user_id="ana", document_id="notes")
    memory.add("Fact three is 3.", user_id="ana", session_id="s")
    memory.add("Fact four is 4.", user_id="ana", agent_id="bot")
    memory.add("Fact five is 5.", user_id="ana")
    left = lambda: sorted(r.text.split()[1] for r in memory.list(user_id="ana").records)  # noqa: E731
    memory.delete(one.id)
    assert left() == ["five", "four", "three", "two"]
    memory.forget(document_id="notes")
    assert left() == ["five", "four", "three"]
    memory.forget(session_id="s")
    assert left() == ["five", "four"]
    memory.forget(agent_id="bot")
    assert left() == ["five"]
    memory.forget(user_id="ana")
    assert left() == []
    with pytest.raises(NotFound):
        memory.forget(memory_id=one.id)


def test_a_blob_that_another_memory_shares_stays(memory: Memory) -> None:
    """Equal text has an equal adapter: it goes with its last owner."""
    memory.add(DOG, user_id="ana")
    memory.add(DOG, user_id="ben")
    assert memory.forget(user_id="ana").blobs == ()
    assert memory.ask(ASK, user_id="ben").text == DOG
    assert len(memory.forget(user_id="ben").blobs) == 1


def test_another_tenant_is_not_there(memory: Memory) -> None:
    """Neither found, nor listed, nor forgotten, by whatever name."""
    [record] = memory.add(DOG, user_id="ana", tenant_id="acme")
    other = {"user_id": "ana", "tenant_id": "globex"}
    assert memory.ask(ASK, **other).text == "I don't know."
    assert memory.search(ASK, **other) == []
    assert memory.list(**other).records == ()
    for call in (memory.get, memory.history, memory.delete, memory.update):
        with pytest.raises(NotFound):
            call(record.id, tenant_id="globex")  # type: ignore[operator]
    assert memory.forget(**other).memories == ()
    assert memory.ask(ASK, user_id="ana", tenant_id="acme").text == DOG


# -- models that change


class AnotherBase(EchoInternalizer):
    base_fingerprint = "another-base"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (EchoInternalizer(hypernet_fingerprint="echo-two"), "hypernetwork echo-hyperne, in use is echo-two"),
        (AnotherBase(), "base model echo-base, in use is another-base"),
    ],
)
def test_another_model_is_refused_until_reindexed(
    make_memory: MakeMemory, other: EchoInternalizer, message: str
) -> None:
    """Adapters that do not fit are not applied; the message names the way out, and it works."""
    [record] = make_memory().add(DOG, user_id="ana")
    generator = EchoGenerator()
    generator.base_fingerprint = other.base_fingerprint
    changed = make_memory(internalizer=other, generator=generator)
    with pytest.raises(IncompatibleAdapter, match=f"{message}; run `memory reindex`"):
        changed.ask(ASK, user_id="ana")
    assert changed.list(user_id="ana").records == (record,)
    assert changed.reindex() == 1
    assert changed.ask(ASK, user_id="ana").text == DOG
    assert changed.reindex() == 0


def test_another_embedder_is_refused_until_reindexed(make_memory: MakeMemory) -> None:
    """Rather than silently finding nothing."""
    make_memory().add(DOG, user_id="ana")
    changed = make_memory(embedder=WordEmbedder(dim=32, name="words-32"))
    with pytest.raises(
        IncompatibleAdapter, match="embedded by 'words', in use is 'words-32'; run `memory reindex`"
    ):
        changed.ask(ASK, user_id="ana")
    assert changed.reindex() == 1
    assert changed.ask(ASK, user_id="ana").text == DOG


# -- opening


def test_keywords_are_settings_and_parts(tmp_path: Path) -> None:
    """By their names; what is neither is refused."""
    with package.open(tmp_path / "here", embedder=WordEmbedder(), merge_budget=7) as memory:
        assert (memory.settings.home, memory.settings.merge_budget) == (tmp_path / "here", 7)
    with pytest.raises(InvalidInput, match="'merge_bugdet'"):
        Memory(home=tmp_path, merge_bugdet=7)
    with Memory(memory.settings, embedder=WordEmbedder(), merge_budget=3) as again:
        assert (again.settings.home, again.settings.merge_budget) == (tmp_path / "here", 3)


def test_a_misspelt_scope_is_an_error(memory: Memory) -> None:
    """A typo never widens what is seen or erased."""
    with pytest.raises(TypeError, match="'usr_id'"):
        memory.forget(usr_id="ana")  # type: ignore[call-arg]


def test_importing_is_light() -> None:
    """No model library and no database driver is loaded before it is needed."""
    heavy = ["torch", "transformers", "sqlalchemy", "faiss", "hypernet"]
    program = f"import sys, memory; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_exported_names() -> None:
    """The public names are these."""
    assert package.__all__ == ["Memory", "errors", "open", "records"]
    assert all(hasattr(package, name) for name in package.__all__)


def test_a_chat_keeps_what_is_told_and_forgets_what_is_to_be_forgotten(memory: Memory) -> None:
    """A statement is acknowledged; what is not to be kept is not; forgetting reaches one's own alone."""
    scope = {"user_id": "ana", "session_id": "s"}
    assert memory.chat("My PIN is 4821.", **scope).text == "Noted: your PIN is 4821."
    memory.chat("My bank PIN is 4822.", **scope)
    memory.chat("My PIN is 1111.", user_id="ben")
    unkept = memory.chat("Don't remember this: my code is 9911.", **scope)
    assert unkept.text == "I will not remember that."  # whatever the model would say
    assert not any("9911" in record.text for record in memory.list(user_id="ana").records)
    assert "9911" not in "".join(turn.text for turn in memory.turns(**scope))
    assert memory.chat("Please forget my PIN.", **scope).text == "Forgotten: your PIN (2)."
    assert memory.list(user_id="ana").records == ()
    assert len(memory.list(user_id="ben").records) == 1
    assert memory.chat("Please forget my PIN.", **scope).text == "I remember nothing about your PIN."


@pytest.mark.parametrize("said", ["Don't remember this: my PIN is 9911.", "My PIN is 9911, don't save that."])
def test_what_is_not_to_be_kept_is_no_turn_either(make_memory: MakeMemory, said: str) -> None:
    """Nor is the reply to it; what else is told in the call is. As a text of its own it is not kept."""
    memory = make_memory()
    talk = [("user", "My dog is called Biscuit."), ("user", said), ("assistant", "I forget 9911.")]
    messages = [{"role": role, "content": text} for role, text in talk]
    named: Whose = {"user_id": "ana", "session_id": "s"}
    for added in (memory.add(messages, **named), memory.append(messages[1:], **named)):
        assert ("not to be kept", said) in [(one.reason, one.text) for one in added.skipped]
    assert [turn.text for turn in memory.turns(**named)] == ["My dog is called Biscuit."]
    [skipped] = memory.add(said, user_id="ana").skipped
    assert skipped.reason == "not to be kept"
    assert len(memory.list(user_id="ana").records) == 1


def test_what_a_told_conversation_ends_with_is_forgotten(make_memory: MakeMemory) -> None:
    """As in a chat; what a message before the last wanted forgotten was told again since."""
    memory = make_memory()
    memory.add("My dog is called Biscuit.", user_id="ana")
    for text in ("My PIN is 9911.", "My hat is blue."):
        memory.add([{"role": "user", "content": text}], user_id="ana", session_id="s")
    asked = {"role": "user", "content": "Please forget my PIN."}
    memory.append([asked, {"role": "assistant", "content": "I did."}], user_id="ana", session_id="s")
    assert {one.text for one in memory.list(user_id="ana").records} == {
        "User: My hat is blue.",
        "My dog is called Biscuit.",
    }
    memory.add([asked, {"role": "user", "content": "My PIN is 4412."}], user_id="ana")
    assert "User: My PIN is 4412." in [one.text for one in memory.list(user_id="ana").records]
